//! A plain store of series in memory, for tests that put the same data into the demo and into a real Prometheus.

use std::sync::Arc;

use super::{
    filter::LabelFilter,
    native::Native,
    store::{Metadata, MetricStore, STALE, StoredExemplar, StoredSeries},
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
        self.series.push(StoredSeries { labels: Arc::new(labels), samples, histograms: Vec::new() });
    }

    /// Adds a series of native histograms: labels with `__name__`, histograms in milliseconds by time, staleness markers.
    pub fn push_native(&mut self, labels: Labels, histograms: Vec<(i64, Native)>, stale: &[i64]) {
        let histograms = histograms.into_iter().map(|(at, h)| (at, Arc::new(h))).collect();
        let samples = stale.iter().map(|at| (*at, f64::from_bits(STALE))).collect();
        self.series.push(StoredSeries { labels: Arc::new(labels), samples, histograms });
    }

    /// Series that match with the part of their samples that lies in `start..=end`; matchers that do not compile match nothing.
    fn matching(&self, matchers: &[Matcher], start: i64, end: i64) -> impl Iterator<Item = StoredSeries> {
        let filter = LabelFilter::new(matchers).ok();
        self.series.iter().filter_map(move |series| {
            filter.as_ref().filter(|f| f.matches(&series.labels))?;
            let samples = within(&series.samples, start, end).to_vec();
            let histograms = within(&series.histograms, start, end).to_vec();
            let found = !samples.is_empty() || !histograms.is_empty();
            found.then(|| StoredSeries { labels: series.labels.clone(), samples, histograms })
        })
    }
}

/// Of samples by time, those in a range.
fn within<T>(samples: &[(i64, T)], start: i64, end: i64) -> &[(i64, T)] {
    let from = samples.partition_point(|s| s.0 < start);
    let to = samples.partition_point(|s| s.0 <= end);
    samples.get(from..to).unwrap_or_default()
}

impl MetricStore for MemStore {
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredSeries> {
        self.matching(matchers, start, end).collect()
    }

    fn series(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<Arc<Labels>> {
        self.matching(matchers, start, end).map(|series| series.labels).collect()
    }

    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredExemplar> {
        let Ok(filter) = LabelFilter::new(matchers) else { return Vec::new() };
        self.exemplars.iter().filter(|e| (start..=end).contains(&e.at) && filter.matches(&e.series)).cloned().collect()
    }

    fn metadata(&self) -> Vec<Metadata> {
        self.metadata.clone()
    }
}
