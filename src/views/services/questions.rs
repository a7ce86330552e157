//! What Services asks: few questions, each of all services, and of fewer where the server refuses that.

use std::{sync::Arc, time::Duration};

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

/// The queries of all questions, and what they were written from. What is needed is asked for after each message, and
/// writing them for several families takes longer than most messages do.
pub(super) struct Written {
    mapping: Arc<RedMapping>,
    cuts: [Option<Cut>; QUESTIONS.len()],
    at_bound: Vec<String>,
    queries: [Option<String>; QUESTIONS.len()],
}

impl Written {
    fn of(mapping: &Arc<RedMapping>, services: &Services) -> Self {
        let cuts: [Option<Cut>; QUESTIONS.len()] = std::array::from_fn(|question| services.cut(question).cloned());
        let (step, at_bound) = (hour_step(mapping), services.at_bound.clone());
        let queries = std::array::from_fn(|question| {
            let cut = cuts[question].as_ref();
            match question {
                HIGHEST => {
                    let of: Vec<String> = at_bound.iter().filter(|s| cut.is_none_or(|cut| cut.has(s))).cloned().collect();
                    mapping.services_quantile(1.0, Part { only: Some(&of), ..Part::default() })
                }
                MIXED => mapping.services_mixed_buckets(Part { only: cut.map(|cut| cut.services.as_slice()), ..Part::default() }),
                column @ 0..3 => query(mapping, column, Duration::ZERO, cut),
                of_hour => query(mapping, of_hour - 3, step, cut),
            }
        });
        Self { mapping: mapping.clone(), cuts, at_bound, queries }
    }

    fn is_of(&self, mapping: &Arc<RedMapping>, services: &Services) -> bool {
        Arc::ptr_eq(&self.mapping, mapping)
            && self.at_bound == services.at_bound
            && self.cuts.iter().enumerate().all(|(question, cut)| cut.as_ref() == services.cut(question))
    }
}

impl Services {
    /// All questions.
    pub(super) fn ask(&self, look: &Look<'_>, needs: &mut Needs<'_>) {
        let Some(mapping) = look.shared.red.value() else { return };
        let mut written = self.written.borrow_mut();
        let written = match written.take().filter(|w| w.is_of(mapping, self)) {
            Some(known) => written.insert(known),
            None => written.insert(Written::of(mapping, self)),
        };
        let (hour, step) = (hour_window(look), hour_step(mapping));
        let query = |question: usize| written.queries[question].clone();
        let instant = |query| Request::Instant { query, window: look.scope.window };
        for (column, part) in (0..3).zip(0..) {
            if let Some(query) = query(column) {
                needs.ask("now", part, instant(query), look.shared.refresh());
            }
            if let Some(query) = query(3 + column) {
                needs.ask("hour", part, Request::Range { query, window: hour, step }, look.shared.refresh_slow());
            }
        }
        for (question, pane) in [(HIGHEST, "highest"), (MIXED, "mixed")] {
            if let Some(query) = query(question) {
                needs.ask(pane, 0, instant(query), look.shared.refresh_slow());
            }
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

/// How far apart the samples of the hour are.
fn hour_step(mapping: &RedMapping) -> Duration {
    step(HOUR, TREND, mapping.scrape_interval.unwrap_or(USUAL_SCRAPE))
}

/// The hour that ends with the scope's window.
pub(super) fn hour_window(look: &Look<'_>) -> TimeWindow {
    match look.scope.window {
        TimeWindow::Fixed(r) => TimeWindow::Fixed(TimeRange { start: r.end - HOUR, end: r.end }),
        TimeWindow::Last(_) | TimeWindow::Since(_) => TimeWindow::Last(HOUR),
    }
}
