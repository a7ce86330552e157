//! The series that rules have made, beside the ones that were scraped.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    demo::{
        filter::LabelFilter,
        store::{Metadata, MetricStore, STALE, StoredExemplar, StoredSeries},
    },
    model::labels::{Labels, MatchOp, Matcher},
};

/// Samples by time (milliseconds).
type Samples = Vec<(i64, f64)>;

/// Series by name, then labels.
#[derive(Debug, Default)]
pub struct Recorded(BTreeMap<String, BTreeMap<Arc<Labels>, Samples>>);

impl Recorded {
    /// Appends what an evaluation gave at `at` and marks the end of the series of `before` that it no longer has.
    /// Returns the series that it has.
    pub fn append(&mut self, samples: Vec<(Arc<Labels>, f64)>, at: i64, before: &BTreeSet<Arc<Labels>>) -> BTreeSet<Arc<Labels>> {
        let mut now = BTreeSet::new();
        for (labels, value) in samples {
            self.push(&labels, at, value);
            now.insert(labels);
        }
        for gone in before.difference(&now) {
            self.push(gone, at, f64::from_bits(STALE));
        }
        now
    }

    fn push(&mut self, labels: &Arc<Labels>, at: i64, value: f64) {
        let name = labels.get("__name__").unwrap_or("");
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), BTreeMap::new());
        }
        if let Some(series) = self.0.get_mut(name) {
            series.entry(labels.clone()).or_default().push((at, value));
        }
    }

    /// Forgets samples before an instant.
    pub fn trim(&mut self, before: i64) {
        for series in self.0.values_mut() {
            series.retain(|_, samples| {
                samples.drain(..samples.partition_point(|s| s.0 < before));
                !samples.is_empty()
            });
        }
    }

    /// Series that match and have samples in `start..=end`, with just those.
    pub fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredSeries> {
        let Ok(filter) = LabelFilter::new(matchers) else { return Vec::new() };
        let in_range = |(labels, samples): (&Arc<Labels>, &Samples)| {
            let samples = samples.get(samples.partition_point(|s| s.0 < start)..samples.partition_point(|s| s.0 <= end))?;
            let found = !samples.is_empty() && filter.matches(labels);
            found.then(|| StoredSeries { labels: labels.clone(), samples: samples.to_vec(), histograms: Vec::new() })
        };
        let name = exact_name(matchers);
        self.0.iter().filter(|(n, _)| name.is_none_or(|name| name == n.as_str())).flat_map(|(_, s)| s.iter().filter_map(in_range)).collect()
    }
}

/// The name that matchers fix, if they do.
fn exact_name(matchers: &[Matcher]) -> Option<&str> {
    matchers.iter().find(|m| m.name == "__name__" && m.op == MatchOp::Equal).map(|m| m.value.as_str())
}

/// Scraped and recorded series together: what a rule is evaluated on.
pub struct Both<'a> {
    pub base: &'a dyn MetricStore,
    pub recorded: &'a Recorded,
}

impl MetricStore for Both<'_> {
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredSeries> {
        let mut found = self.base.select(matchers, start, end);
        found.extend(self.recorded.select(matchers, start, end));
        found
    }

    fn series(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<Arc<Labels>> {
        let mut found = self.base.series(matchers, start, end);
        found.extend(self.recorded.select(matchers, start, end).into_iter().map(|s| s.labels));
        found
    }

    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredExemplar> {
        self.base.exemplars(matchers, start, end)
    }

    fn metadata(&self) -> Vec<Metadata> {
        self.base.metadata()
    }
}
