//! What the page asks the server for.

use ratatui::layout::Rect;

use super::{
    Logs,
    follow::SeedKind,
    query::{self, Narrow, Plan},
};
use crate::{
    core::request::{Refresh, Request},
    model::{log::Level, log_labels::LogLabels},
    store::Condition,
    views::{Look, Needs},
};

impl Logs {
    /// The query, once it is known which labels name services. What is still typed is not asked for.
    pub(super) fn plan(&self, look: &Look<'_>) -> Option<Plan> {
        let conditions = self.draft.as_ref().map_or(&self.store.show().conditions, |d| &d.before);
        self.plan_of(look, conditions, self.level())
    }

    /// The same for other conditions and another level.
    pub(super) fn plan_of(&self, look: &Look<'_>, conditions: &[Condition], level: Level) -> Option<Plan> {
        if self.files.is_some() {
            return None;
        }
        let none = LogLabels::default().with_own(look.shared.settings.labels.logs_services.clone());
        let slot = &look.shared.log_labels;
        let labels = match slot.value() {
            Some(labels) => labels,
            None if self.typed.is_some() || slot.error().is_some() => &none,
            None => return None,
        };
        let typed = self.typed.as_ref().map(|t| (t.query.as_str(), t.also.as_deref()));
        let elsewhere = self.joined(look, labels);
        let narrow = Narrow { typed, elsewhere: &elsewhere, conditions, level };
        Some(query::plan(look.scope, labels, narrow))
    }

    /// All that is asked now.
    pub(super) fn ask(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        self.ask_filter(needs);
        self.ask_same(needs);
        if self.ask_files(look, needs) {
            self.ask_count(needs);
            self.ask_patterns(look, &Plan::default(), needs);
            return;
        }
        self.ask_for_bar(look, needs);
        let Some(plan) = self.plan(look) else { return };
        self.ask_elsewhere(look, needs);
        if !self.ask_cost(look, &plan, needs) {
            return;
        }
        self.ask_patterns(look, &plan, needs);
        let streams: &[String] = if self.is_around() { &[] } else { plan.streams.as_slice() };
        let request = |query: &String| Request::LogStream { query: query.clone(), window: look.scope.window, reading: self.reading };
        for (part, query) in (0..).zip(streams) {
            needs.ask("lines", part, request(query), Refresh::Stream);
        }
        self.ask_older(look, &plan, area, needs);
        self.ask_newer(look, &plan, area, needs);
        let ended = self.told.failed().is_some_and(|(e, _)| !e.heals());
        if !ended && look.scope.trace.is_none() && self.has_volume() {
            self.ask_volume(look, &plan, area.width, needs);
        }
    }

    /// Whether lines are counted over time: not where there are few, of all services.
    pub(super) fn has_volume(&self) -> bool {
        match &self.files {
            Some(_) => self.store.oldest_dated().is_some(),
            None => match self.seed_kind() {
                SeedKind::Query => true,
                SeedKind::Value => false,
                SeedKind::Around => !self.is_around(),
            },
        }
    }
}
