//! Two traces of the same root as one tree: what is new, gone, slower and faster.

mod base;
mod detail;
mod draw;
mod find;
mod moves;
mod renew;
mod said;
mod summary;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{buffer::Buffer, layout::Rect};

use self::{
    base::{Base, Next},
    find::Ranks,
    tree::{Item, Order, Tree},
};
use super::{Cx, Look, Needs, Pointed, View, Wants, Yank, prompt::Prompt, search::Finder, waterfall::short};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Refresh, Request, pick},
        scope::Scope,
        slot::Slot,
    },
    model::{
        time::{TimeRange, Timestamp},
        trace::{SpanId, TraceId},
    },
    trace::{
        Trace,
        differences::{CompareJob, Differences},
    },
    ui::{panel, table::TableState},
};

const THIS: &str = "this";
const BASE: &str = "base";
const SEARCH: &str = "typical";
const COMPARED: &str = "compared";

/// What a page begins with.
#[derive(Clone, Debug, PartialEq)]
pub struct Seed {
    /// The trace that is compared.
    pub trace: TraceId,
    /// The span to select.
    pub span: Option<SpanId>,
    /// The trace itself, where it is there already.
    pub known: Option<Arc<Trace>>,
    /// What it is compared with, and when that was; none is a typical good one.
    pub base: Option<(TraceId, TimeRange)>,
}

/// The page's state.
pub struct Compare {
    /// The trace that is compared.
    trace: Option<TraceId>,
    this: Slot<Arc<Trace>>,
    /// It came along and is not asked for.
    came_along: bool,
    base: Base,
    job: Option<Arc<CompareJob>>,
    /// What the last job that was done compared, and what came of it.
    done: Slot<Arc<Differences>>,
    drawn: Option<(Arc<CompareJob>, Arc<Differences>)>,
    /// The span to select once there are rows.
    wanted: Option<SpanId>,
    tree: Tree,
    list: TableState,
    finder: Finder,
    /// Where the rows stand, from the first search on.
    ranks: Option<Ranks>,
}

impl Compare {
    /// A page of a scope's trace against another one, or against a typical good one.
    pub fn new(scope: &Scope, base: Option<TraceId>) -> Self {
        Self {
            trace: scope.trace,
            this: Slot::default(),
            came_along: false,
            base: base.map_or_else(Base::typical, |base| Base::chosen(base, None)),
            job: None,
            done: Slot::default(),
            drawn: None,
            wanted: scope.span,
            tree: Tree::default(),
            list: TableState::default(),
            finder: Finder::default(),
            ranks: None,
        }
    }

    /// A page with what another one knows already.
    pub fn seeded(seed: Seed, now: Timestamp) -> Self {
        let mut page = Self {
            trace: Some(seed.trace),
            came_along: seed.known.is_some(),
            base: seed.base.map_or_else(Base::typical, |(base, near)| Base::chosen(base, Some(near))),
            wanted: seed.span,
            ..Self::new(&Scope::new("", crate::model::time::TimeWindow::EVERYTHING), None)
        };
        if let Some(trace) = seed.known {
            page.this.settle(now, Ok(trace));
            page.look_for_base();
        }
        page
    }

    /// Of a typical one it is known what to look for once the trace is there.
    fn look_for_base(&mut self) {
        if let Some(trace) = self.this.value() {
            self.base.look_for(trace);
        }
        self.compare();
    }

    /// Has both compared, where they are there and others than before.
    fn compare(&mut self) {
        let (Some(base), Some(other)) = (self.base.trace(), self.this.value()) else { return };
        let is_same = |job: &Arc<CompareJob>| Arc::ptr_eq(&job.base, base) && Arc::ptr_eq(&job.other, other);
        if !self.job.as_ref().is_some_and(is_same) {
            self.job = Some(Arc::new(CompareJob { base: base.clone(), other: other.clone() }));
            self.done.forgive();
        }
    }

    /// What is drawn: both traces, and what they differ in.
    fn shown(&self) -> Option<(&Trace, &Trace, &Differences)> {
        self.drawn.as_ref().map(|(job, found)| (&*job.base, &*job.other, &**found))
    }
}

impl View for Compare {
    fn kind(&self) -> ViewKind {
        ViewKind::Compare
    }

    fn crumb(&self, look: &Look<'_>) -> String {
        let title = self.kind().title();
        self.trace.map_or_else(|| title.to_owned(), |t| format!("{title} {}", short(t, look)))
    }

    fn facts(&self, _look: &Look<'_>) -> Facts {
        let rows = self.item().is_some();
        Facts {
            rows,
            drill: if rows { None } else { Some("there is no span to open") },
            service: self.operation().is_some_and(|o| !o.service.is_empty()),
            trace: self.span().is_some(),
            errors: self.shown().is_some_and(|(_, other, _)| other.error_count > 0),
            folds: rows && self.tree.order == Order::Tree,
            searched: self.finder.has_search(),
            base: self.base_span().is_some(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        use Command::{Drill, Filter, FoldAll, Logs, NextError, OpenBase, Order, Red};
        &[Drill, OpenBase, Order, Filter, FoldAll, NextError, Logs, Red]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill => Some("waterfall"),
            Command::Logs => Some("logs of span"),
            Command::Filter => Some("find"),
            Command::Order if self.tree.order == Order::Worst => Some("as a tree"),
            Command::Order => Some("worst first"),
            Command::FoldAll => Some("all, or what differs"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        Wants { traces: true, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, _area: Rect, needs: &mut Needs<'_>) {
        let Some(trace) = self.trace else { return };
        if !self.came_along {
            needs.ask(THIS, 0, Request::Trace(trace, look.scope.trace_near), Refresh::Once);
        }
        match self.base.next(look) {
            Some(Next::Search(part, request)) => needs.ask(SEARCH, part, request, Refresh::Once),
            Some(Next::Trace(part, trace, near)) => needs.ask(BASE, part, Request::Trace(trace, near), Refresh::Once),
            None => {}
        }
        if let Some(job) = &self.job {
            needs.ask(COMPARED, 0, Request::Compare(job.clone()), Refresh::Once);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        match answer.slot.pane {
            THIS => {
                let result = expect(answer.result, pick!(Trace));
                let changed = self.this.settle(answer.asked, result);
                if changed {
                    self.look_for_base();
                }
                changed
            }
            BASE => {
                let result = expect(answer.result, pick!(Trace));
                let changed = self.base.arrived(&cx.look, answer.asked, result);
                if changed {
                    self.compare();
                }
                changed
            }
            SEARCH => {
                let result = expect(answer.result, pick!(Hits));
                self.base.found(&cx.look, result);
                true
            }
            _ => {
                let result = expect(answer.result, pick!(Compared));
                let is_done = result.is_ok();
                self.done.settle(answer.asked, result);
                if is_done {
                    self.compared(cx);
                }
                true
            }
        }
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        self.finder.keep_selection();
        self.run(cx, command)
    }

    /// Both traces are the same in any window.
    fn rescoped(&mut self, _cx: &mut Cx<'_>) {}

    fn is_typing(&self) -> bool {
        self.finder.is_typing()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        if self.finder.key(key) {
            self.find(cx.area);
        } else if !self.finder.is_typing() {
            self.reveal_found(cx.area);
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        self.finder.paste(text);
        self.find(cx.area);
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.finder.prompt()
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        self.finder.keep_selection();
        let table = self.places(cx.area).table;
        self.list.mouse(event, table, self.tree.lines().len())
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(look, area, buf);
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        let yank = |label: &str, text: String| Yank { label: label.to_owned(), text };
        let mut out = vec![yank("differences", self.words(look))];
        out.extend(self.trace.map(|t| yank("trace id", t.to_string())));
        out.extend(self.base.id().map(|t| yank("trace id of the base", t.to_string())));
        out.extend(self.span().map(|(_, span)| yank("span id", span.to_string())));
        out
    }

    fn reopen(&self, _look: &Look<'_>) -> Vec<String> {
        self.base.id().map_or_else(Vec::new, |base| vec!["--query".to_owned(), base.to_string()])
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        if self.is_finding() {
            return Some(look.now);
        }
        let done = || panel::state(&self.done, look).wake;
        panel::state(&self.this, look).wake.or_else(|| self.base.wake(look)).or_else(done)
    }

    fn woken(&mut self, cx: &mut Cx<'_>) {
        if self.is_finding() {
            self.find_on(cx.area);
        }
    }
}
