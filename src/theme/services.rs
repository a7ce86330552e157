//! Which service has which hue: the same in every view, and from run to run.

use std::collections::HashMap;

/// How many hues there are for services.
pub const SERVICE_HUES: usize = 12;

/// The hue that a name alone leads to: FNV-1a, so that it never changes between runs and versions.
fn home(name: &str) -> usize {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    ((hash ^ (hash >> 32)) % SERVICE_HUES as u64) as usize
}

/// Hues of known services, two services sharing one only when all are taken. A hue once given stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceColors {
    hues: HashMap<String, usize>,
    taken: [usize; SERVICE_HUES],
}

impl ServiceColors {
    /// Gives hues to names that have none. The same set gives the same hues in whatever order it comes.
    pub fn learn<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let mut new: Vec<&str> = names.into_iter().filter(|name| !self.hues.contains_key(*name)).collect();
        new.sort_unstable();
        new.dedup();
        let (at_home, displaced): (Vec<&str>, Vec<&str>) = new.into_iter().partition(|name| {
            let free = self.taken[home(name)] == 0;
            self.taken[home(name)] += usize::from(free);
            free
        });
        for name in at_home {
            self.hues.insert(name.to_owned(), home(name));
        }
        for name in displaced {
            let hue = self.least_taken_from(home(name));
            self.taken[hue] += 1;
            self.hues.insert(name.to_owned(), hue);
        }
    }

    /// The hue of a service, for [`super::Theme::hue`]; of an unknown one by its name alone.
    pub fn index(&self, name: &str) -> usize {
        self.hues.get(name).copied().unwrap_or_else(|| home(name))
    }

    fn least_taken_from(&self, start: usize) -> usize {
        let round = (0..SERVICE_HUES).map(|i| (start + i) % SERVICE_HUES);
        round.min_by_key(|hue| self.taken[*hue]).unwrap_or(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_services_have_twelve_hues_in_any_order() {
        let names: Vec<String> = (0..SERVICE_HUES).map(|i| format!("service-{i}")).collect();
        let (mut forward, mut backward) = (ServiceColors::default(), ServiceColors::default());
        forward.learn(names.iter().map(String::as_str));
        backward.learn(names.iter().rev().map(String::as_str));
        assert_eq!(forward, backward);
        let hues: std::collections::BTreeSet<usize> = names.iter().map(|n| forward.index(n)).collect();
        assert_eq!(hues.len(), SERVICE_HUES);
    }

    #[test]
    fn a_hue_once_given_stays_when_more_services_come() {
        let mut colors = ServiceColors::default();
        colors.learn(["orders"]);
        let before = colors.index("orders");
        let more: Vec<String> = (0..100).map(|i| format!("s{i}")).collect();
        colors.learn(more.iter().map(String::as_str));
        assert_eq!(colors.index("orders"), before);
        let most = (0..SERVICE_HUES).map(|hue| more.iter().filter(|n| colors.index(n) == hue).count()).max();
        assert!(most <= Some(9), "101 services over 12 hues are spread evenly");
    }

    #[test]
    fn the_hash_is_fixed_for_ever() {
        assert_eq!([home("orders"), home("checkout"), home("payments")], [6, 4, 2]);
    }
}
