//! How many requests took how long, over time.

use std::time::Duration;

use crate::{
    model::{
        backend::SourceError,
        series::{Matrix, Sample},
        time::{TimeRange, TimeWindow, Timestamp},
    },
    red::{Durations, Family, Unit, queries::tagged},
    ui::{chart::Heat, format},
};

/// The label of a bucket's upper bound.
const BOUND: &str = "le";
/// Bounds for a native histogram, in milliseconds: each twice the one before.
const DOUBLINGS: u32 = 17;

/// How much less is asked than the page would show, after a server refused that: first coarser steps, then the last part
/// of the window alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cut {
    /// How often it was refused.
    times: usize,
    /// The server's words.
    why: String,
}

/// So many times the step and so small a part of the window, at each refusal.
const CUTS: [(u32, u32); 4] = [(1, 1), (4, 1), (16, 1), (4, 4)];

impl Cut {
    /// After an error that says that it was too much it asks less. Returns whether there is anything less.
    pub(super) fn refused(&mut self, error: &SourceError) -> bool {
        let smaller = error.is_refusal() && self.times + 1 < CUTS.len();
        if smaller {
            *self = Self { times: self.times + 1, why: error.message.clone() };
        }
        smaller
    }

    /// Window and step that are asked for in place of these.
    pub(super) fn of(&self, window: TimeWindow, step: Duration, now: Timestamp) -> (TimeWindow, Duration) {
        let (coarser, shorter) = CUTS[self.times];
        if shorter == 1 {
            return (window, step * coarser);
        }
        let range = window.range(now);
        let part = range.duration() / shorter;
        let last = match window {
            TimeWindow::Fixed(_) => TimeWindow::Fixed(TimeRange { start: range.end - part, end: range.end }),
            // Whole minutes: a window that grows with the clock is the same question for one.
            TimeWindow::Since(_) => TimeWindow::Last(Duration::from_secs((part.as_secs() / 60 + 1) * 60)),
            TimeWindow::Last(_) => TimeWindow::Last(part),
        };
        (last, step * coarser)
    }

    /// What the graph is, for its edge.
    pub(super) fn note(&self, shown: Option<&Matrix>) -> String {
        let cut = shown.filter(|_| self.times > 0);
        cut.map_or_else(
            || "heatmap".to_owned(),
            |m| {
                let (step, window) = (format::span(m.step), format::span(m.range.duration()));
                format!("heatmap, cut to {step} steps of {window}: {}", self.why)
            },
        )
    }
}

/// Requests a second in each bucket. `None`: the family has no histogram.
pub(super) fn query(family: &Family, service: &str, over: Duration) -> Option<String> {
    let matchers = [family.service_matcher(service)];
    match family.durations.as_ref()? {
        Durations::Classic { buckets, .. } => Some(family.sum_rate(buckets, &matchers, over, &[BOUND])),
        Durations::Native(name) => {
            // A native histogram is one sample: what lies below each bound is asked of it.
            let sum = family.sum_rate(name, &matchers, over, &[]);
            let unit = if family.unit == Unit::Seconds { 1e-3 } else { 1.0 };
            let below = |i: u32| {
                let bound = f64::from(1u32 << i) * unit;
                tagged(&format!("histogram_fraction(0, {bound}, {sum}) * histogram_count({sum})"), BOUND, &bound.to_string())
            };
            let rest = tagged(&format!("histogram_count({sum})"), BOUND, "+Inf");
            Some((0..DOUBLINGS).map(below).chain([rest]).collect::<Vec<_>>().join(" or "))
        }
        Durations::Given(_) => None,
    }
}

/// The heatmap of an answer: what is in each bucket alone, not in all below it as well. `None`: there are no buckets.
pub(super) fn heat(matrix: &Matrix, unit: Unit) -> Option<Heat> {
    let factor = if unit == Unit::Milliseconds { 1e-3 } else { 1.0 };
    let bound = |text: &str| match text {
        "+Inf" => Some(f64::INFINITY),
        text => text.parse::<f64>().ok().map(|v| v * factor),
    };
    let mut below: Vec<(f64, &[Sample])> =
        matrix.series.iter().filter_map(|s| Some((bound(s.labels.get(BOUND)?)?, s.samples.as_slice()))).collect();
    below.sort_by(|a, b| a.0.total_cmp(&b.0));
    // `1` and `1.0` are one bound of two versions' series, which run side by side in a deploy.
    let mut buckets: Vec<(f64, Vec<Sample>)> = Vec::with_capacity(below.len());
    let mut under: Vec<(Timestamp, f64)> = Vec::new();
    for group in below.chunk_by(|a, b| a.0 == b.0) {
        let mut all: Vec<(Timestamp, f64)> = group.iter().flat_map(|(_, samples)| samples.iter().map(|s| (s.at, s.value))).collect();
        all.sort_by_key(|s| s.0);
        all.dedup_by(|b, a| {
            let same = a.0 == b.0;
            a.1 += if same { b.1 } else { 0.0 };
            same
        });
        let alone = all.iter().map(|(at, value)| {
            let less = under.binary_search_by_key(at, |u| u.0).map_or(0.0, |i| under[i].1);
            // Rates of neighbouring buckets may differ by rounding.
            Sample { at: *at, value: (value - less).max(0.0) }
        });
        buckets.push((group[0].0, alone.collect()));
        under = all;
    }
    (!buckets.is_empty()).then(|| Heat::new(matrix.range, matrix.step, buckets))
}
