//! Names of services as one system writes them, found by how another one does: `shop/Checkout`, `checkout_api`, `shop-checkout-1`.

use std::{collections::BTreeSet, sync::Arc};

use compact_str::CompactString;
use foldhash::HashMap;

/// What joins the words of a name.
const JOINTS: [char; 4] = ['-', '_', '.', ' '];

/// How much a value is like the name that was looked for: `Exact < Bare`, the likest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Likeness {
    /// The same text.
    Exact,
    /// The same but for case, what joins the words, and what stands before a `/`.
    Plain,
    /// The same without a namespace in front or behind, or the number of a copy.
    Bare,
}

/// Values of a label, made once to be looked up often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceNames {
    /// Sorted.
    values: Vec<CompactString>,
    plain: HashMap<CompactString, Vec<u32>>,
    bare: HashMap<CompactString, Vec<u32>>,
    namespaces: Arc<BTreeSet<CompactString>>,
}

impl ServiceNames {
    /// Of these values, some of which may have one of the namespaces as a part.
    pub fn new(mut values: Vec<CompactString>, namespaces: &Arc<BTreeSet<CompactString>>) -> Self {
        values.sort_unstable();
        values.dedup();
        let mut names = Self { namespaces: namespaces.clone(), ..Self::default() };
        for (i, value) in (0..).zip(&values) {
            let key = plain(value);
            for bare in bare(value, namespaces).into_iter().filter(|bare| *bare != key) {
                names.bare.entry(bare).or_default().push(i);
            }
            names.plain.entry(key).or_default().push(i);
        }
        names.values = values;
        names
    }

    /// The values, sorted.
    pub fn values(&self) -> &[CompactString] {
        &self.values
    }

    /// The values that name a service, and how well: none that is less like it than another.
    pub fn find(&self, service: &str) -> Option<(Likeness, Vec<&str>)> {
        if let Ok(i) = self.values.binary_search_by(|v| v.as_str().cmp(service)) {
            return Some((Likeness::Exact, vec![&self.values[i]]));
        }
        let key = plain(service);
        if key.is_empty() {
            return None;
        }
        let found = |places: &Vec<u32>| places.iter().map(|i| self.values[*i as usize].as_str()).collect();
        if let Some(places) = self.plain.get(&key) {
            return Some((Likeness::Plain, found(places)));
        }
        let shorter = || bare(service, &self.namespaces).into_iter().find_map(|bare| self.plain.get(&bare));
        self.bare.get(&key).or_else(shorter).map(|places| (Likeness::Bare, found(places)))
    }
}

/// A regular expression for all copies of what a value names a numbered one of: there may be others by the time it is asked.
pub fn any_copy(value: &str) -> Option<String> {
    let (front, number) = value.rsplit_once(JOINTS)?;
    let joint = value.get(front.len()..value.len() - number.len())?;
    let is_numbered = !front.is_empty() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    is_numbered.then(|| format!("{}{}[0-9]+", regex::escape(front), regex::escape(joint)))
}

/// The name that is shown for a service label's value: the last part of `ns/svc`; jobs carry their namespace, Docker's names
/// begin with a `/`.
pub fn shown_service(name: &str) -> &str {
    name.rsplit('/').next().filter(|s| !s.is_empty()).unwrap_or(name)
}

/// A name without what differs between systems for no reason.
fn plain(name: &str) -> CompactString {
    shown_service(name).chars().filter(|c| !JOINTS.contains(c)).flat_map(char::to_lowercase).collect()
}

/// The name without the number of a copy, without a namespace, and without both.
fn bare(name: &str, namespaces: &BTreeSet<CompactString>) -> Vec<CompactString> {
    let name = shown_service(name);
    let counted = name.rsplit_once(JOINTS).filter(|(front, n)| !front.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let forms = [Some(name), counted.map(|(front, _)| front)];
    let mut out = Vec::new();
    for form in forms.into_iter().flatten() {
        for (i, joint) in form.match_indices(JOINTS) {
            let (front, back) = (&form[..i], &form[i + joint.len()..]);
            out.extend(namespaces.contains(front).then_some(back));
            out.extend(namespaces.contains(back).then_some(front));
        }
    }
    out.extend(counted.map(|(front, _)| front));
    out.into_iter().map(plain).filter(|bare| !bare.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[&str], service: &str) -> Option<(Likeness, Vec<String>)> {
        let names = ServiceNames::new(values.iter().map(|v| (*v).into()).collect(), &Arc::new(["shop".into(), "shop-eu".into()].into()));
        names.find(service).map(|(likeness, values)| (likeness, values.into_iter().map(str::to_owned).collect()))
    }

    #[test]
    fn copies_are_told_by_their_number() {
        for (value, expected) in [
            ("shop-cart-1", Some(r"shop\-cart\-[0-9]+")),
            ("backup.28391234", Some(r"backup\.[0-9]+")),
            ("cart", None),
            ("cart-v2", None),
            ("-1", None),
            ("cart-", None),
        ] {
            assert_eq!(any_copy(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn a_service_is_found_as_its_shipper_writes_it_and_the_likest_alone() {
        use Likeness::{Bare, Exact, Plain};
        type Case<'a> = (&'a [&'a str], &'a str, Option<(Likeness, &'a [&'a str])>);
        let cases: &[Case<'_>] = &[
            (&["checkout", "Checkout", "shop/checkout"], "checkout", Some((Exact, &["checkout"]))),
            (&["Check-Out", "web"], "check_out", Some((Plain, &["Check-Out"]))),
            (&["old/mailer", "shop/mailer"], "mailer", Some((Plain, &["old/mailer", "shop/mailer"]))),
            (&["mailer"], "shop/mailer", Some((Plain, &["mailer"]))),
            (&["/checkout"], "checkout", Some((Plain, &["/checkout"]))),
            (&["shop-checkout", "checkout-worker"], "checkout", Some((Bare, &["shop-checkout"]))),
            (&["checkout.shop"], "checkout", Some((Bare, &["checkout.shop"]))),
            (&["shop-eu-checkout-2", "shop-eu-checkout-1"], "checkout", Some((Bare, &["shop-eu-checkout-1", "shop-eu-checkout-2"]))),
            (&["checkout"], "shop-checkout", Some((Bare, &["checkout"]))),
            (&["redis-1", "redis"], "redis", Some((Exact, &["redis"]))),
            (&["checkout-worker", "workshop-checkouts"], "checkout", None),
            (&["", "-", "/"], "checkout", None),
            (&["-"], "--", None),
            (&[], "checkout", None),
        ];
        for (values, service, expected) in cases {
            let expected = expected.map(|(likeness, values)| (likeness, values.iter().map(|v| (*v).to_owned()).collect()));
            assert_eq!(found(values, service), expected, "{service} in {values:?}");
        }
    }
}
