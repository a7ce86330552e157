//! What Services asks: few questions, each of all services, and of fewer where the server refuses that.

use std::time::Duration;

use super::{HOUR, Services, TREND, cut::Cut};
use crate::{
    core::request::{Answer, Request, step},
    model::time::{TimeRange, TimeWindow},
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
            if let Some(query) = query(mapping, column, Duration::ZERO, self.cut(look, column)) {
                needs.ask("now", part, Request::Instant { query, window: look.scope.window }, look.shared.refresh());
            }
            if let Some(query) = query(mapping, column, step, self.cut(look, 3 + column)) {
                needs.ask("hour", part, Request::Range { query, window: hour, step }, look.shared.refresh_slow());
            }
        }
        let cut = self.cut(look, HIGHEST).map(|cut| &cut.services);
        let at_bound: Vec<String> = self.at_bound.iter().filter(|s| cut.is_none_or(|cut| cut.contains(s))).cloned().collect();
        if let Some(query) = mapping.services_quantile(1.0, Part { only: Some(&at_bound), ..Part::default() }) {
            needs.ask("highest", 0, Request::Instant { query, window: look.scope.window }, look.shared.refresh_slow());
        }
        let part = Part { only: self.cut(look, MIXED).map(|cut| cut.services.as_slice()), ..Part::default() };
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

    /// What a question is cut to, until the mapping is found anew.
    pub(super) fn cut(&self, look: &Look<'_>, question: usize) -> Option<&Cut> {
        self.cuts[question].as_ref().filter(|cut| cut.holds(look.shared.red.at()))
    }

    /// Asks a refused question of fewer services. The last good answer stays until there is one to the smaller question.
    pub(super) fn make_smaller(&mut self, look: &Look<'_>, answer: &Answer) -> bool {
        let Err(error) = &answer.result else { return false };
        let question = match (answer.slot.pane, answer.slot.part) {
            ("now", column @ 0..3) => column as usize,
            ("hour", column @ 0..3) => 3 + column as usize,
            ("highest", _) => HIGHEST,
            ("mixed", _) => MIXED,
            _ => return false,
        };
        if !error.is_refusal() {
            return false;
        }
        let all = look.shared.red.value().map_or(0, |mapping| mapping.services().count());
        let cut = Cut::after(error, self.cut(look, question), self.wanted(look), all, look.shared.red.at());
        let smaller = cut.is_some();
        if smaller {
            self.cuts[question] = cut;
        }
        smaller
    }

    /// Cuts follow what is looked for.
    pub(super) fn choose(&mut self, look: &Look<'_>) {
        if self.cuts.iter().any(Option::is_some) {
            let wanted = self.wanted(look);
            self.cuts.iter_mut().flatten().for_each(|cut| cut.choose(wanted.clone()));
        }
    }

    /// What was cut and why.
    pub(super) fn cut_note(&self, look: &Look<'_>) -> Option<String> {
        let cuts: Vec<(&str, &Cut)> = QUESTIONS.into_iter().enumerate().filter_map(|(i, name)| Some((name, self.cut(look, i)?))).collect();
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
