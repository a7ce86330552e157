//! Patterns as Loki clusters them: of all lines of the streams over the whole window, where it does.

use std::time::Duration;

use super::super::{Logs, query::Plan};
use crate::{
    core::{
        request::{Refresh, Request, step},
        slot::Slot,
    },
    log_patterns::{self, BARS, Counting, LinePattern, Seen, WILDCARD, holds},
    logql_parts::selectors,
    model::{
        backend::SourceError,
        log::ServerPattern,
        time::{TimeWindow, Timestamp},
    },
    views::{Cx, Look, Needs},
};

/// Loki counts by ten seconds at the least.
const STEP: Duration = Duration::from_secs(10);

/// What Loki clusters: whole streams, whatever is left out of their lines.
fn clustered(look: &Look<'_>, plan: &Plan) -> Option<(String, TimeWindow)> {
    selectors(&plan.base).first().map(|selector| ((*selector).to_owned(), look.scope.window))
}

impl Logs {
    /// Whether Loki clusters is asked once; what it found is asked again while it is looked at.
    pub(super) fn ask_server(&self, look: &Look<'_>, plan: &Plan, needs: &mut Needs<'_>) {
        let Some((selector, window)) = clustered(look, plan) else { return };
        let every = look.shared.settings.refresh_slow;
        let refresh = if self.patterns.told.is_some() { Refresh::Every(every) } else { Refresh::Once };
        let step = step(look.range().duration(), u16::try_from(BARS).unwrap_or(u16::MAX), STEP);
        let request = Request::LogPatterns { selector, window, step };
        needs.ask("server patterns", 0, request, refresh);
    }

    pub(super) fn server_told(&mut self, look: &Look<'_>, asked: Timestamp, result: Result<Option<Vec<ServerPattern>>, SourceError>) {
        let of = self.plan(look).and_then(|plan| clustered(look, &plan));
        if self.patterns.server_of != of {
            (self.patterns.server, self.patterns.server_of) = (Slot::default(), of);
        }
        self.patterns.server.settle(asked, result);
        self.recount_server(look);
    }

    /// What Loki told of the streams and the window that are looked at.
    fn server(&self, look: &Look<'_>) -> Option<&Slot<Option<Vec<ServerPattern>>>> {
        let of = self.plan(look).and_then(|plan| clustered(look, &plan));
        (of.is_some() && self.patterns.server_of == of).then_some(&self.patterns.server)
    }

    /// The patterns of the whole window that are on Loki's side.
    pub(super) fn served(&self, look: &Look<'_>) -> Option<&Option<Vec<ServerPattern>>> {
        self.server(look)?.value()
    }

    /// Counts what Loki told, where that is looked at.
    pub(super) fn recount_server(&mut self, look: &Look<'_>) {
        if self.patterns.told.is_some() {
            let told = self.server_patterns(look).unwrap_or_default();
            self.patterns.replace(|p| p.told = Some(told));
        }
    }

    /// The patterns of the other side: Loki's, or those of the lines that are here.
    pub(super) fn switch_server(&mut self, cx: &mut Cx<'_>) {
        if self.patterns.told.take().is_some() {
            self.patterns.reorder();
            return;
        }
        let server = self.server(&cx.look);
        match (server.and_then(Slot::value), server.and_then(Slot::error)) {
            (Some(Some(patterns)), _) if !patterns.is_empty() => {
                self.patterns.told = self.server_patterns(&cx.look);
                self.patterns.reorder();
            }
            (Some(Some(_)), _) => cx.notice("Loki has found no patterns in these lines"),
            (Some(None), _) => cx.notice("this Loki finds no patterns: its pattern ingester is off"),
            (None, Some(error)) => cx.notice(format!("Loki's patterns: {}", error.message)),
            (None, None) if self.files.is_some() => cx.notice("no server clusters lines of files: these are clustered here"),
            (None, None) => cx.notice("Loki has not answered yet"),
        }
    }

    fn server_patterns(&self, look: &Look<'_>) -> Option<Vec<LinePattern>> {
        let told = self.served(look)?.as_ref()?;
        let counting = Counting { range: look.range(), windows: self.whole_windows(look) };
        let pattern = |pattern: &ServerPattern| {
            let mut seen = Seen::default();
            for (at, lines) in &pattern.samples {
                seen.add(*at, pattern.level, *lines, &counting);
            }
            let template = pattern.text.replace(ServerPattern::ANY, WILDCARD);
            let example = self.example_of(&pattern.text);
            LinePattern {
                form: pattern.text.clone(),
                template,
                change: counting.windows.change(&seen),
                seen,
                example,
                kinds: Vec::new(),
                exception: None,
            }
        };
        let mut patterns: Vec<LinePattern> = told.iter().map(pattern).filter(|p| p.seen.count > 0).collect();
        log_patterns::sort(&mut patterns, &counting.windows);
        Some(patterns)
    }

    /// A line of the server's pattern among the examples that are here.
    fn example_of(&self, text: &str) -> Box<str> {
        let found = self.patterns.found.as_deref().map_or(&[][..], |f| &f.patterns);
        found.iter().map(|p| &p.example).find(|example| holds(text, example)).cloned().unwrap_or_default()
    }
}
