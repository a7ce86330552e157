//! Log lines of the scope: history, then live, each once, and the way to their traces.

mod arrive;
mod draw;
mod list;
mod moves;
mod older;
mod past;
mod query;
#[cfg(test)]
mod tests;
mod told;
mod typing;
mod volume;
mod words;

use std::time::Duration;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{list::List, query::Plan, told::Told, typing::Typing};
use super::{Cx, Look, Needs, Pointed, View, Wants, Yank, prompt::Prompt, sheet::Sheet};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Refresh, Request, Response, step},
        scope::Scope,
        slot::Slot,
    },
    log_fields::recognise,
    model::{
        log::{Level, LogEvent, LogLabels, TailState},
        series::Matrix,
        time::Timestamp,
        trace::SpanId,
    },
    store::{Line, LogStore, Mark, Pattern},
    ui::{chart::TimeAxis, field::Typed},
};

/// The page's state.
pub struct Logs {
    store: LogStore,
    list: List,
    told: Told,
    volume: Slot<Matrix>,
    typed: Option<String>,
    /// The span whose first line is selected as soon as it is there.
    wanted: Option<SpanId>,
    /// What was there when the user stopped to follow.
    left: Mark,
    /// Pages of older lines since the user moved.
    spree: u8,
    prompt: Option<(Typing, Prompt)>,
    /// The filter before typing began, for `Esc`.
    filter_before: Option<Pattern>,
    in_detail: bool,
    full: bool,
    scroll: usize,
}

/// Lines are kept within this until the settings are known.
const BYTES: usize = 64 << 20;

impl Logs {
    /// A new page. `query` is LogQL to show in place of the scope's own.
    pub fn new(scope: &Scope, query: Option<&str>) -> Self {
        let store = LogStore::new(BYTES);
        Self {
            left: store.mark(),
            store,
            list: List::new(),
            told: Told::default(),
            volume: Slot::default(),
            typed: query.map(str::to_owned),
            wanted: scope.span,
            spree: 0,
            prompt: None,
            filter_before: None,
            in_detail: false,
            full: false,
            scroll: 0,
        }
    }

    fn level(&self) -> Level {
        self.store.show().level
    }

    fn is_paused(&self) -> bool {
        self.store.show().held.is_some()
    }

    /// The query, once it is known which labels name services.
    fn plan(&self, look: &Look<'_>) -> Option<Plan> {
        let none = LogLabels::default();
        let slot = &look.shared.log_labels;
        let labels = match slot.value() {
            Some(labels) => labels,
            None if self.typed.is_some() || slot.error().is_some() => &none,
            None => return None,
        };
        Some(query::plan(look.scope, labels, self.typed.as_deref(), self.level()))
    }

    /// How many lines there are to look at, filtered or not: a held screen does not know of those that came since.
    fn kept(&self) -> usize {
        self.store.len() - self.store.waiting()
    }

    /// How many lines came since the user stopped to follow, of those that are shown or would be.
    fn new_lines(&self) -> usize {
        if self.is_paused() { self.store.waiting_to_show() } else { self.store.shown_since(self.left) }
    }

    fn line(&self) -> Option<Line<'_>> {
        self.list.line(&self.store)
    }

    /// The service of the selected line, by the label that names services.
    fn service<'a>(&'a self, look: &'a Look<'_>) -> Option<&'a str> {
        let line = self.line()?;
        let labels = look.shared.log_labels.value()?;
        labels.services.iter().find_map(|(name, _)| line.stream.get(name))
    }

    fn sheet(&self, look: &Look<'_>) -> Sheet {
        self.line().map_or_else(Sheet::default, |line| draw::sheet(&line, look))
    }
}

impl View for Logs {
    fn kind(&self) -> ViewKind {
        ViewKind::Logs
    }

    fn crumb(&self, _look: &Look<'_>) -> String {
        self.kind().title().to_owned()
    }

    fn filters(&self, look: &Look<'_>) -> Vec<String> {
        let mut out = Vec::new();
        if self.level() != Level::Unknown {
            out.push(format!("level{}{}", look.shared.glyphs.at_least, self.level().as_str()));
        }
        out.extend(self.store.show().pattern.as_ref().map(Pattern::shown));
        out
    }

    fn facts(&self, look: &Look<'_>) -> Facts {
        let line = self.line();
        Facts {
            rows: line.is_some(),
            drill: if line.is_some() { None } else { Some("there is no line to open") },
            service: self.service(look).is_some(),
            trace: line.is_some_and(|l| l.trace.is_some()),
            errors: self.store.next_at_level(0, Level::Error).is_some(),
            matches: self.store.show().pattern.is_some() && self.store.shown() > 0,
            folds: line.is_some_and(|l| self.list.is_open(l.id) || !recognise(l.text).rest.is_empty()),
            panes: true,
            query: true,
            live: look.scope.window.is_live(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        use Command::{Drill, EditQuery, Filter, Follow, MinimumLevel, NextError, Pause, Red};
        &[Drill, NextError, Filter, MinimumLevel, Pause, Follow, EditQuery, Red]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill => Some(if self.line().is_some_and(|l| l.trace.is_some()) { "trace" } else { "detail" }),
            Command::Pause if self.is_paused() => Some("resume"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        Wants { log_labels: true, ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        let Some(plan) = self.plan(look) else { return };
        for (part, query) in (0..).zip(&plan.streams) {
            needs.ask("lines", part, Request::LogStream { query: query.clone(), window: look.scope.window }, Refresh::Stream);
        }
        self.ask_older(look, &plan, area, needs);
        let ended = self.told.failed.as_ref().is_some_and(|(e, _)| !e.heals());
        if !ended && look.scope.trace.is_none() {
            let step = step(look.range().duration(), area.width / 2, Duration::from_secs(1));
            let query = query::volume(&plan.base, step);
            let request = Request::LogRange { query, window: look.scope.window, step };
            needs.ask("volume", 0, request, Refresh::Every(look.shared.settings.refresh_slow));
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        if answer.slot.pane == "volume" {
            return self.volume.settle(answer.asked, expect(answer.result, |r| if let Response::Matrix(m) = r { Some(m) } else { None }));
        }
        self.store.set_limit(cx.look.shared.settings.log_bytes);
        let now = cx.look.now;
        let part = answer.slot.part;
        match expect(answer.result, |r| if let Response::Log(e) = r { Some(e) } else { None }) {
            result if answer.slot.pane == "older" => self.older_page(part, result),
            Ok(events) => events.into_iter().for_each(|event| self.event(answer.asked, part, event, now)),
            Err(error) => self.event(answer.asked, part, LogEvent::Failed(error), now),
        }
        self.settle(cx.area);
        true
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Back if self.in_detail => self.in_detail = false,
            Command::Drill => self.drill(cx),
            Command::NextPane | Command::PreviousPane => self.in_detail = !self.in_detail,
            Command::FullScreen => self.full = !self.full,
            Command::Red => {
                if let Some(service) = self.service(&cx.look) {
                    let scope = cx.look.scope.with_service(service);
                    cx.push(ViewKind::Service, scope);
                }
            }
            Command::NextError => self.next_error(cx),
            Command::Filter => self.start_typing(cx, Typing::Filter),
            Command::EditQuery => self.start_typing(cx, Typing::Query),
            Command::NextMatch => return self.move_or_scroll(cx, Command::Down),
            Command::PreviousMatch => return self.move_or_scroll(cx, Command::Up),
            Command::MinimumLevel => self.cycle_level(cx),
            Command::Follow => self.set_paused(cx, false),
            Command::Pause => self.set_paused(cx, !self.is_paused()),
            Command::Unfold | Command::Fold => {
                let height = self.list_height(cx.area);
                self.list.set_open(&self.store, command == Command::Unfold, height);
            }
            _ => return self.move_or_scroll(cx, command),
        }
        true
    }

    fn rescoped(&mut self, _cx: &mut Cx<'_>) {
        self.restart();
    }

    fn is_typing(&self) -> bool {
        self.prompt.is_some()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let Some((_, prompt)) = &mut self.prompt else { return };
        match prompt.key(key) {
            Typed::Changed => self.typed_on(cx.area),
            Typed::Accepted => self.accepted(cx),
            Typed::Cancelled => self.cancelled(cx.area),
            Typed::Ignored => {}
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        if let Some((_, prompt)) = &mut self.prompt {
            prompt.paste(text);
            self.typed_on(cx.area);
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        self.pointed(cx, event)
    }

    fn time_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        volume::axis_at(self.volume.value()?, look, self.places(area).volume(), at)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(look, area, buf);
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref().map(|(_, p)| p)
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        let mut out = Vec::new();
        let mut add = |label: &str, text: String| out.push(Yank { label: label.to_owned(), text });
        if let Some(line) = self.line() {
            add("line", line.text.to_owned());
            if let Some(trace) = line.trace {
                add("trace id", trace.to_string());
            }
        }
        if let Some(plan) = self.plan(look) {
            for (query, label) in plan.streams.into_iter().zip(["query", "query, as text"]) {
                add(label, query);
            }
        }
        if let Some(line) = self.line() {
            for (name, value) in recognise(line.text).fields {
                add(&name, value);
            }
        }
        out
    }

    fn reopen(&self, _look: &Look<'_>) -> Vec<String> {
        self.typed.as_ref().map_or_else(Vec::new, |q| vec!["--query".to_owned(), q.clone()])
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        let ticking = matches!(self.told.tail, TailState::Lost { .. }) || self.told.failed.is_some();
        ticking.then(|| look.now.align_down(Duration::from_secs(1)) + Duration::from_secs(1))
    }
}
