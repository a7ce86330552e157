//! What Services asks: few questions, each of all services, and of fewer where the server refuses that.

use std::time::Duration;

use super::{HOUR, Services, TREND, cut::Cut};
use crate::{
    core::request::{Request, SlotId, step},
    model::{
        backend::SourceError,
        time::{TimeRange, TimeWindow},
    },
    red::{RedMapping, USUAL_SCRAPE, queries::Part},
    views::{Look, Needs},
};

/// The questions: of now, of the hour, and what is to be known of the p95.
pub(super) const QUESTIONS: [&str; 8] = [
    "rate",
    "errors",
    "p95",
    "the hour's rate",
    "the hour's errors",
    "the hour's p95",
    "whether a p95 is longer",
    "whether buckets differ",
];
/// Where the last two are.
const HIGHEST: usize = 6;
const MIXED: usize = 7;

impl Services {
    /// All questions.
    pub(super) fn ask(&self, look: &Look<'_>, needs: &mut Needs<'_>) {
        let Some(mapping) = look.shared.red.value() else { return };
        let (scrape, hour) = (mapping.scrape_interval.unwrap_or(USUAL_SCRAPE), hour_window(look));
        let step = step(HOUR, TREND, scrape);
        for (column, part) in (0..3).zip(0..) {
            if let Some(query) = query(mapping, column, Duration::ZERO, self.cut(column)) {
                needs.ask("now", part, Request::Instant { query, window: look.scope.window }, look.shared.refresh());
            }
            if let Some(query) = query(mapping, column, step, self.cut(3 + column)) {
                needs.ask("hour", part, Request::Range { query, window: hour, step }, look.shared.refresh_slow());
            }
        }
        let cut = self.cut(HIGHEST).map(|cut| &cut.services);
        let at_bound: Vec<String> = self.at_bound.iter().filter(|s| cut.is_none_or(|cut| cut.contains(s))).cloned().collect();
        if let Some(query) = mapping.services_quantile(1.0, Part { only: Some(&at_bound), ..Part::default() }) {
            needs.ask("highest", 0, Request::Instant { query, window: look.scope.window }, look.shared.refresh_slow());
        }
        let part = Part { only: self.cut(MIXED).map(|cut| cut.services.as_slice()), ..Part::default() };
        if let Some(query) = mapping.services_mixed_buckets(part) {
            needs.ask("mixed", 0, Request::Instant { query, window: look.scope.window }, look.shared.refresh_slow());
        }
    }

    /// The services in the order in which they are worth asking for: those shown, then all others that pass the filter.
    fn wanted(&self, look: &Look<'_>) -> Vec<String> {
        let all = look.shared.red.value().into_iter().flat_map(|mapping| mapping.services());
        let mut told = foldhash::HashSet::default();
        let shown = self.rows.iter().map(|row| row.service.as_str());
        let passing = all.filter(|service| self.filter.passes_one("service", service));
        shown.chain(passing).filter(|service| told.insert(*service)).map(str::to_owned).collect()
    }

    /// What a question is cut to.
    pub(super) fn cut(&self, question: usize) -> Option<&Cut> {
        self.sizes[question].cut()
    }

    /// After an answer in one of the places: a question that the server did not answer is asked of fewer services, and one
    /// that it answers well of more. The last good answer stays until the next. Returns whether another question is asked.
    pub(super) fn resize(&mut self, look: &Look<'_>, slot: SlotId, failed: Option<&SourceError>) -> bool {
        let question = match (slot.pane, slot.part) {
            ("now", column @ 0..3) => column as usize,
            ("hour", column @ 0..3) => 3 + column as usize,
            ("highest", _) => HIGHEST,
            ("mixed", _) => MIXED,
            _ => return false,
        };
        let all = look.shared.red.value().map_or(0, |mapping| mapping.services().count());
        // A size knows nothing of rows, and rows of no sizes.
        let mut size = std::mem::take(&mut self.sizes[question]);
        let other = match failed {
            Some(error) => size.failed(error, self.wanted(look), all, look.now),
            None => size.answered(|| self.wanted(look), all, look.now),
        };
        self.sizes[question] = size;
        other
    }

    /// Cuts follow what is looked for.
    pub(super) fn choose(&mut self, look: &Look<'_>) {
        self.chosen_of = look.shared.red.at();
        if self.sizes.iter().any(|size| size.cut().is_some()) {
            let wanted = self.wanted(look);
            self.sizes.iter_mut().for_each(|size| size.choose(&wanted));
        }
    }

    /// What was cut and why.
    pub(super) fn cut_note(&self, look: &Look<'_>) -> Option<String> {
        let cuts: Vec<(&str, &Cut)> = QUESTIONS.into_iter().enumerate().filter_map(|(i, name)| Some((name, self.cut(i)?))).collect();
        let (_, first) = cuts.first()?;
        let all = look.shared.red.value()?.services().count();
        let parts: Vec<String> = cuts.iter().map(|(name, cut)| format!("{name} of {}", cut.services.len())).collect();
        Some(format!("cut: {} of {all} services, / chooses which: {}", parts.join(", "), first.why))
    }
}

/// The query of a column, of the services it is cut to.
pub(super) fn query(mapping: &RedMapping, column: usize, step: Duration, cut: Option<&Cut>) -> Option<String> {
    let part = Part { step, only: cut.map(|cut| cut.services.as_slice()) };
    match column {
        0 => mapping.services_rate(part),
        1 => mapping.services_errors(part),
        _ => mapping.services_quantile(0.95, part),
    }
}

/// The hour that ends with the scope's window.
pub(super) fn hour_window(look: &Look<'_>) -> TimeWindow {
    match look.scope.window {
        TimeWindow::Fixed(r) => TimeWindow::Fixed(TimeRange { start: r.end - HOUR, end: r.end }),
        TimeWindow::Last(_) | TimeWindow::Since(_) => TimeWindow::Last(HOUR),
    }
}
