//! The query bar: LogQL typed above the lines.

use crossterm::event::KeyEvent;

use super::Logs;
use crate::{
    app::expect,
    core::{
        request::{Answer, Request, Response},
        typed::{Language, TypedQuery},
    },
    log_fields::{MORE, recognise},
    model::backend::ErrorKind,
    views::{
        Act, Cx, Look, Needs,
        editor::{
            Edited, Seen, Text,
            bar::{Bar, NAMES},
            fault::{self, Fault},
            logql::{Asks, asks},
        },
    },
};

/// Lines, the newest, whose fields are offered, and the longest of them, in bytes.
const LINES: usize = 500;
const LONGEST: usize = 16 << 10;
const WAITS: &str = "Loki is asked whether it can read this";

impl Logs {
    /// Opens the bar with the page's query; where it is not known yet under which label the lines are, once it is.
    pub(super) fn open_bar(&mut self, cx: &mut Cx<'_>) {
        match self.plan(&cx.look) {
            Some(plan) => self.bar = Some(Bar::new(Text::new(&plan.base, Language::LogQl), self.seen(), WAITS)),
            None => {
                self.bar_waits = true;
                cx.notice("the query opens as soon as Loki has told which labels name services");
            }
        }
    }

    /// Opens the bar that was asked for, unless something else was done since.
    pub(super) fn open_waiting_bar(&mut self, cx: &mut Cx<'_>) {
        if self.bar_waits && !self.chooses() && self.prompt.is_none() && self.plan(&cx.look).is_some() {
            self.bar_waits = false;
            self.open_bar(cx);
        }
    }

    /// What the newest lines have.
    fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        for line in self.store.window(self.store.shown().saturating_sub(LINES)).take(LINES) {
            line.stream.iter().for_each(|(name, value)| seen.label(name, value));
            line.metadata().for_each(|(name, value)| seen.field(name, value));
            if line.text.len() <= LONGEST {
                let fields = recognise(line.text).fields;
                // Parsers of Loki join the names of nested fields so.
                fields.iter().filter(|(name, _)| name != MORE).for_each(|(name, value)| seen.field(&name.replace(['.', '-'], "_"), value));
            }
        }
        seen
    }

    pub(super) fn ask_for_bar(&self, look: &Look<'_>, needs: &mut Needs<'_>) {
        let Some(bar) = &self.bar else { return };
        let check = bar.asked.as_ref().map(|query| Request::LogCheck { query: query.clone(), window: look.scope.window });
        bar.ask(check, look, needs);
    }

    /// Takes an answer that the bar waits for.
    pub(super) fn bar_answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let Some(bar) = &mut self.bar else { return false };
        if answer.slot.pane == NAMES {
            return bar.names_came(answer, &cx.look);
        }
        match expect(answer.result, |r| if let Response::Checked = r { Some(()) } else { None }) {
            Ok(()) => self.bar_accepted(cx),
            Err(error) if error.kind == ErrorKind::BadQuery => {
                bar.asked = None;
                bar.refuse(fault::of(bar.text.as_str(), Language::LogQl, &error.message));
            }
            // What may pass is asked again.
            Err(error) => bar.refuse(Fault::not_asked(&error)),
        }
        true
    }

    /// The query that the server can read takes the place of the one that is shown.
    fn bar_accepted(&mut self, cx: &mut Cx<'_>) {
        let Some(query) = self.bar.take().and_then(|bar| bar.asked) else { return };
        cx.acts.push(Act::Asked(TypedQuery::logql(query.clone())));
        self.ask_typed(cx, query);
    }

    pub(super) fn bar_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let Some(bar) = &mut self.bar else { return };
        let history = cx.look.shared.asked_before(&cx.look.scope.environment, Language::LogQl);
        match bar.key(key, history, &cx.look) {
            Edited::Accepted => self.submit(cx),
            Edited::Left => {
                self.bar = None;
                self.settle(cx);
            }
            _ => {}
        }
    }

    fn submit(&mut self, cx: &mut Cx<'_>) {
        let unchanged = self.plan(&cx.look).map(|p| p.base);
        let Some(bar) = &mut self.bar else { return };
        let query = bar.accept();
        if query.is_empty() || unchanged.as_ref() == Some(&query) {
            self.bar = None;
            self.ask_typed(cx, query);
        } else if let Some(fault) = bar.text.unfit() {
            bar.refuse(fault);
        } else if asks(&query) == Asks::Numbers {
            self.bar = None;
            cx.acts.push(Act::Queries(vec![TypedQuery::logql(query)]));
        } else {
            bar.check(query);
        }
        self.settle(cx);
    }
}
