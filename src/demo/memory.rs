//! A plain store of series in memory, for tests that put the same data into the demo and into a real Prometheus.

use std::sync::Arc;

use super::{
    filter::LabelFilter,
    store::{Metadata, MetricStore, StoredExemplar, StoredSeries},
};
use crate::model::labels::{Labels, Matcher};

/// Series, exemplars and metadata as they were given.
#[derive(Clone, Debug, Default)]
pub struct MemStore {
    /// All series, each with its samples by time.
    pub series: Vec<StoredSeries>,
    /// All exemplars, by series, then time.
    pub exemplars: Vec<StoredExemplar>,
    /// Metadata of the families.
    pub metadata: Vec<Metadata>,
}

impl MemStore {
    /// Adds a series: labels with `__name__` and samples in milliseconds by time.
    pub fn push(&mut self, labels: Labels, samples: Vec<(i64, f64)>) {
        self.series.push(StoredSeries { labels: Arc::new(labels), samples });
    }

    /// Series that match with the part of their samples that lies in `start..=end`; matchers that do not compile match nothing.
    fn matching(&self, matchers: &[Matcher], start: i64, end: i64) -> impl Iterator<Item = (&StoredSeries, &[(i64, f64)])> {
        let filter = LabelFilter::new(matchers).ok();
        self.series.iter().filter_map(move |series| {
            filter.as_ref().filter(|f| f.matches(&series.labels))?;
            let from = series.samples.partition_point(|s| s.0 < start);
            let to = series.samples.partition_point(|s| s.0 <= end);
            let samples = series.samples.get(from..to).filter(|s| !s.is_empty())?;
            Some((series, samples))
        })
    }
}

impl MetricStore for MemStore {
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredSeries> {
        let copy =
            |(series, samples): (&StoredSeries, &[(i64, f64)])| StoredSeries { labels: series.labels.clone(), samples: samples.to_vec() };
        self.matching(matchers, start, end).map(copy).collect()
    }

    fn series(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<Arc<Labels>> {
        self.matching(matchers, start, end).map(|(series, _)| series.labels.clone()).collect()
    }

    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredExemplar> {
        let Ok(filter) = LabelFilter::new(matchers) else { return Vec::new() };
        self.exemplars.iter().filter(|e| (start..=end).contains(&e.at) && filter.matches(&e.series)).cloned().collect()
    }

    fn metadata(&self) -> Vec<Metadata> {
        self.metadata.clone()
    }
}
