//! Which labels of log streams name services, and what each service is called there.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use compact_str::CompactString;

use super::{
    backend::SourceError,
    labels::{Labels, MatchOp, Matcher},
    place,
    service_names::{Likeness, ServiceNames, any_copy, shown_service},
};

/// What names services where nothing is known of a Loki's labels.
pub const USUAL_LABEL: &str = "service_name";
/// How a label says that it does not know the service; OTel's SDKs put the program behind a colon.
const UNKNOWN: &str = "unknown_service";

/// What is known of the labels of a Loki's streams.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogLabels {
    /// Those that name services, the best first.
    labels: Vec<ServiceLabel>,
    /// Those that might: none is known to.
    others: Vec<ServiceLabel>,
    /// Where lines of services are, as the user says.
    own: BTreeMap<String, Vec<Matcher>>,
    /// Labels that were not read, and why.
    pub unread: Vec<(CompactString, SourceError)>,
    /// Labels of streams that say where their lines come from.
    places: Vec<CompactString>,
    /// The names of the metrics' services were compared with these labels.
    is_ranked: bool,
}

/// A label with the services it names.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceLabel {
    /// Its name.
    pub name: CompactString,
    /// Its values.
    pub names: ServiceNames,
    /// Services of the metrics by the value that names them.
    services: BTreeMap<CompactString, CompactString>,
}

impl ServiceLabel {
    /// A label with its values.
    pub fn new(name: impl Into<CompactString>, values: Vec<CompactString>, namespaces: &Arc<BTreeSet<CompactString>>) -> Self {
        Self { name: name.into(), names: ServiceNames::new(values, namespaces), services: BTreeMap::new() }
    }

    /// How many services of the metrics it names.
    pub fn overlap(&self) -> usize {
        self.services.values().collect::<BTreeSet<_>>().len()
    }

    /// A label that is not known to name services does where most of its values are services.
    fn is_telling(&self) -> bool {
        let named = self.services.len();
        named > 1 && named * 2 >= self.names.values().len()
    }

    fn compare<'s>(&mut self, services: impl Iterator<Item = &'s str>) {
        self.services.clear();
        for service in services {
            for value in self.names.find(service).into_iter().flat_map(|(_, values)| values) {
                // Of two services that a value may name, the one that is called so.
                let known = self.services.entry(value.into()).or_insert_with(|| service.into());
                if value == service {
                    *known = service.into();
                }
            }
        }
    }

    /// What selects the streams that it names so.
    fn matcher(&self, service: &str) -> Option<Matcher> {
        let (likeness, values) = self.names.find(service)?;
        let copies = |value: &str| if likeness == Likeness::Bare { any_copy(value) } else { None };
        Some(match values.as_slice() {
            [value] if copies(value).is_none() => Matcher::equal(self.name.clone(), *value),
            values => {
                let any: BTreeSet<String> = values.iter().map(|v| copies(v).unwrap_or_else(|| regex::escape(v))).collect();
                Matcher::new(self.name.clone(), MatchOp::Regex, any.into_iter().collect::<Vec<_>>().join("|"))
            }
        })
    }

    /// What selects the streams that do not have it, or say by it that they do not know.
    fn absent(&self) -> Matcher {
        let knows = !self.names.values().iter().any(|value| value.starts_with(UNKNOWN));
        if knows {
            Matcher::equal(self.name.clone(), "")
        } else {
            Matcher::new(self.name.clone(), MatchOp::Regex, format!("({UNKNOWN}.*)?"))
        }
    }

    fn exact(&self) -> usize {
        self.services.iter().filter(|(value, service)| value == service).count()
    }
}

impl LogLabels {
    /// Labels that usually name services, in order of preference, and others that may do so.
    pub fn new(labels: Vec<ServiceLabel>, others: Vec<ServiceLabel>) -> Self {
        Self { labels, others, ..Self::default() }
    }

    /// With what the user says of single services.
    #[must_use]
    pub fn with_own(self, own: BTreeMap<String, Vec<Matcher>>) -> Self {
        Self { own, ..self }
    }

    /// With all names of the streams' labels, of which those are kept that say where lines come from.
    #[must_use]
    pub fn with_places(self, names: &[CompactString]) -> Self {
        Self { places: names.iter().filter(|name| place::meant(name).is_some()).cloned().collect(), ..self }
    }

    /// The labels of streams that mean a pod, a node, a container or a namespace, the most usual first.
    pub fn places(&self, place: &str) -> impl Iterator<Item = &str> {
        let spellings = place::spellings(place).iter();
        spellings.filter_map(|name| self.places.iter().find(|own| own.as_str() == *name)).map(CompactString::as_str)
    }

    /// Put in order by how many services of the metrics they name.
    #[must_use]
    pub fn ranked<'s>(mut self, services: impl Iterator<Item = &'s str> + Clone) -> Self {
        self.labels.iter_mut().chain(&mut self.others).for_each(|label| label.compare(services.clone()));
        self.labels.extend(self.others.extract_if(.., |label| label.is_telling()));
        self.labels.sort_by_key(|label| (Reverse(label.overlap()), Reverse(label.exact())));
        self.is_ranked = true;
        self
    }

    /// The labels that name services, the best first.
    pub fn labels(&self) -> &[ServiceLabel] {
        &self.labels
    }

    /// The labels that name services of the metrics, where that is known of any.
    pub fn telling(&self) -> impl Iterator<Item = &ServiceLabel> {
        let any = self.labels.iter().any(|label| label.overlap() > 0);
        self.labels.iter().filter(move |label| !any || label.overlap() > 0)
    }

    /// Whether no label names services.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The name of the best label.
    pub fn first(&self) -> &str {
        self.labels.first().map_or(USUAL_LABEL, |label| label.name.as_str())
    }

    /// The name of the label that most streams have, for those who ask for the lines of all services: since Loki 3.0 the server
    /// itself puts the usual one on each stream.
    pub fn widest(&self) -> &str {
        if self.labels.iter().any(|label| label.name == USUAL_LABEL) { USUAL_LABEL } else { self.first() }
    }

    /// How many services of the metrics the first label names, and how many all labels do.
    pub fn named(&self) -> (usize, usize) {
        let services = self.labels.iter().flat_map(|label| label.services.values());
        (self.labels.first().map_or(0, ServiceLabel::overlap), services.collect::<BTreeSet<_>>().len())
    }

    /// Where the user says that a service's lines are.
    pub fn own(&self, service: &str) -> Option<&[Matcher]> {
        self.own.get(service).map(Vec::as_slice)
    }

    /// What selects a service's streams: what the user says, or the first label that names it, with the values that do.
    /// `None`: no label names it.
    pub fn matchers(&self, service: &str) -> Option<Vec<Matcher>> {
        if let Some(own) = self.own(service) {
            return Some(own.to_vec());
        }
        let named = |label: &ServiceLabel| label.names.find(service).map(|(likeness, _)| likeness);
        let best = self.labels.iter().filter_map(|label| Some((named(label)? == Likeness::Bare, label))).min_by_key(|(bare, _)| *bare);
        // As long as nothing is known of the other services, a label that no one knows is believed when it has the very name.
        let other = || self.others.iter().find(|label| !self.is_ranked && named(label) == Some(Likeness::Exact));
        let label = best.map(|(_, label)| label).or_else(other)?;
        Some(vec![label.matcher(service)?])
    }

    /// What selects the service's streams that the label before does not name at all, by each label that does: the first
    /// condition is the one that names it. A stream that a better label puts down to another service is not of this one.
    pub fn elsewhere(&self, service: &str) -> Vec<Vec<Matcher>> {
        let (mut better, mut out): (Vec<Matcher>, Vec<Vec<Matcher>>) = (Vec::new(), Vec::new());
        if self.own(service).is_some() {
            return out;
        }
        let mut is_named = false;
        for label in self.telling() {
            let named = label.names.find(service).is_some_and(|(likeness, _)| likeness != Likeness::Bare);
            if let Some(matcher) = label.matcher(service).filter(|_| named) {
                if is_named {
                    out.push([vec![matcher], better.clone()].concat());
                }
                is_named = true;
            }
            better.push(label.absent());
        }
        out
    }

    /// What selects the streams that a label names and none before it does, of the labels after the first.
    pub fn named_by_one(&self) -> Vec<(&ServiceLabel, Vec<Matcher>)> {
        let (mut better, mut out): (Vec<Matcher>, Vec<(&ServiceLabel, Vec<Matcher>)>) = (Vec::new(), Vec::new());
        for label in self.telling() {
            if !better.is_empty() {
                out.push((label, [vec![Matcher::new(label.name.clone(), MatchOp::Regex, ".+")], better.clone()].concat()));
            }
            better.push(label.absent());
        }
        out
    }

    /// The service that a stream is of, as the metrics call it where they know it.
    pub fn service_of<'a>(&'a self, stream: &'a Labels) -> Option<&'a str> {
        let values = || self.labels.iter().filter_map(|label| Some((label, stream.get(&label.name).filter(|v| !v.is_empty())?)));
        if let Some(service) = values().find_map(|(label, value)| label.services.get(value)) {
            return Some(service);
        }
        let known = values().find(|(_, value)| !value.starts_with(UNKNOWN));
        known.or_else(|| values().next()).map(|(_, value)| shown_service(value))
    }

    /// Names of services in these logs that are most like one that is not, with their labels.
    pub fn nearest(&self, service: &str, most: usize) -> Vec<(&str, &str)> {
        let wanted = service.to_lowercase();
        // A slip for each three letters, and no more.
        let limit = wanted.chars().count() / 3;
        let distance = |value: &str| {
            let value = shown_service(value).to_lowercase();
            let holds = |long: &str, short: &str| short.chars().count() >= 3 && long.contains(short);
            if holds(&value, &wanted) || holds(&wanted, &value) {
                return Some(0);
            }
            let close = value.chars().count().abs_diff(wanted.chars().count()) <= limit;
            close.then(|| strsim::osa_distance(&value, &wanted)).filter(|d| *d <= limit)
        };
        let mut found: Vec<(usize, &str, &str)> = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        for label in self.labels.iter().chain(&self.others) {
            for value in label.names.values() {
                if let Some(distance) = distance(value).filter(|_| seen.insert(value)) {
                    found.push((distance, &label.name, value));
                }
            }
        }
        found.sort_by_key(|(distance, _, value)| (*distance, value.len()));
        found.into_iter().take(most).map(|(_, label, value)| (label, value)).collect()
    }
}

#[cfg(test)]
mod tests;
