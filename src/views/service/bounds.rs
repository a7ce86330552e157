//! Durations that are not what a histogram seems to tell: longer than its highest bucket, or of buckets that differ.

use super::{ask::table_window, data::Data};
use crate::{
    core::request::Request,
    model::series::{Series, Vector},
    red::Family,
    ui::format,
    views::{Look, Needs},
};

impl Data {
    /// Asks for what no duration on the page can tell of itself.
    pub(super) fn ask_bounds(&self, look: &Look<'_>, family: &Family, service: &str, needs: &mut Needs<'_>) {
        let (window, seldom) = (look.scope.window, look.shared.refresh_slow());
        if let Some(query) = family.mixed_buckets_of(service) {
            needs.ask("mixed", 0, Request::Instant { query, window }, seldom);
        }
        let drawn = self.durations.value().into_iter().flat_map(|m| m.series.iter().filter_map(Series::last)).map(|s| s.value);
        let rows = self.rows[2].value().into_iter().flat_map(|v| &v.elements).map(|(_, s)| s.value);
        // The highest bucket of the family is beyond doubt; a service may have fewer.
        let is_unsure = drawn.chain(rows).any(|v| family.is_bound(v) && !family.is_highest_bound(v));
        if let Some(query) = family.quantile(1.0, service, table_window(family)).filter(|_| is_unsure) {
            needs.ask("highest", 0, Request::Instant { query, window }, seldom);
        }
    }

    /// What a duration is marked with, as in Services: `>` where it may be longer, `~` where it is not exact.
    pub(super) fn mark(&self, family: &Family, seconds: f64) -> &'static str {
        let highest = first(self.highest.value()).is_some_and(|highest| (highest / seconds - 1.0).abs() < 1e-9);
        if family.is_highest_bound(seconds) || (highest && family.is_bound(seconds)) {
            ">"
        } else if self.has_mixed_buckets() {
            "~"
        } else {
            ""
        }
    }

    /// A duration with its mark.
    pub(super) fn seconds(&self, family: Option<&Family>, seconds: f64) -> String {
        format!("{}{}", family.map_or("", |family| self.mark(family, seconds)), format::seconds(seconds))
    }

    /// Whether the service's instances have different buckets.
    pub(super) fn has_mixed_buckets(&self) -> bool {
        self.mixed.value().is_some_and(|v| !v.elements.is_empty())
    }
}

fn first(vector: Option<&Vector>) -> Option<f64> {
    vector?.elements.first().map(|(_, sample)| sample.value)
}
