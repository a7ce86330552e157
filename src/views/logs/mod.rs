//! Log lines of the scope: history, then live, each once, and the way to their traces.

mod draw;
mod list;
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

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
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
        backend::SourceError,
        log::{Level, LogEvent, LogLabels, TailState},
        series::Matrix,
        time::Timestamp,
        trace::SpanId,
    },
    store::{Line, LogStore, Pattern, Show},
    ui::{chart::TimeAxis, field::Typed, table::WHEEL},
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
    /// New lines since the user stopped to follow.
    new: u64,
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
        Self {
            store: LogStore::new(BYTES),
            list: List::new(),
            told: Told::default(),
            volume: Slot::default(),
            typed: query.map(str::to_owned),
            wanted: scope.span,
            new: 0,
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

    fn line(&self) -> Option<Line<'_>> {
        self.list.line(&self.store)
    }

    /// Forgets the lines of another question.
    fn restart(&mut self) {
        self.store.clear();
        self.list = List::new();
        self.told = Told::default();
        self.volume.clear();
        self.new = 0;
        self.spree = 0;
        self.scroll = 0;
    }

    fn settle(&mut self, area: Rect) {
        let height = self.list_height(area);
        self.select_wanted(height);
        self.list.settle(&self.store, height);
        if self.list.follow && !self.is_paused() {
            self.new = 0;
        }
    }

    /// Selects the first line of the span that led here, until the user moves.
    fn select_wanted(&mut self, height: usize) {
        const LOOK_AT: usize = 20_000;
        let Some(span) = self.wanted else { return };
        if let Some(i) = self.store.window(0).take(LOOK_AT).position(|l| l.span == Some(span)) {
            self.list.follow = false;
            self.list.select(&self.store, i, height);
        }
    }

    fn list_height(&self, area: Rect) -> usize {
        usize::from(self.places(area).list.height)
    }

    fn show(&mut self, area: Rect, change: impl FnOnce(&mut Show)) {
        let mut show = self.store.show().clone();
        change(&mut show);
        self.store.set_show(show);
        self.settle(area);
    }

    fn go(&mut self, i: usize, area: Rect) {
        let height = self.list_height(area);
        self.wanted = None;
        self.spree = 0;
        self.list.follow = false;
        self.list.select(&self.store, i, height);
        self.scroll = 0;
    }

    fn event(&mut self, asked: Timestamp, part: u32, event: LogEvent, now: Timestamp) {
        match event {
            LogEvent::History { lines, reached, older } => {
                if let Some(past) = self.told.past(part) {
                    past.page(asked, now, reached, older);
                }
                let newest = self.store.newest();
                self.new += lines.iter().filter(|l| newest.is_some_and(|t| l.at > t)).count() as u64;
                self.store.insert(lines);
                self.told.failed = None;
            }
            LogEvent::Lines(lines) => {
                self.new += self.store.insert(lines) as u64;
                self.told.failed = None;
            }
            LogEvent::Cut(at) => self.told.cut = Some(at),
            LogEvent::Tail(state) => self.told.tail(state),
            LogEvent::Failed(error) => self.told.fail(error, now),
        }
        if let Some(past) = self.told.past(part) {
            past.alive(asked, now);
        }
    }

    /// A page of older lines, or why it did not come.
    fn older_page(&mut self, part: u32, result: Result<Vec<LogEvent>, SourceError>) {
        let events = match result {
            Ok(events) => events,
            Err(error) => {
                self.told.older_failed = Some(error);
                return;
            }
        };
        self.told.older_failed = None;
        self.spree = self.spree.saturating_add(1);
        for event in events {
            match event {
                LogEvent::History { lines, reached, older } => {
                    self.store.insert(lines);
                    if let Some(past) = self.told.past(part) {
                        past.older_page(reached, older);
                    }
                }
                LogEvent::Cut(at) => self.told.cut = Some(at),
                LogEvent::Lines(_) | LogEvent::Tail(_) | LogEvent::Failed(_) => {}
            }
        }
    }

    fn next_error(&mut self, cx: &Cx<'_>) {
        let at = self.list.index(&self.store).unwrap_or(0);
        if let Some(i) = self.store.next_at_level(at, Level::Error) {
            self.go(i, cx.area);
        }
    }

    fn cycle_level(&mut self, cx: &mut Cx<'_>) {
        let level = match self.level() {
            Level::Unknown => Level::Error,
            Level::Error => Level::Warn,
            _ => Level::Unknown,
        };
        // The server is asked for these levels alone, so that history reaches further back. Lines that are here stay.
        self.told = Told::default();
        self.show(cx.area, |show| show.level = level);
        cx.notice(match level {
            Level::Warn => "warnings and worse",
            Level::Error => "errors only",
            _ => "all levels",
        });
    }

    fn set_paused(&mut self, cx: &Cx<'_>, paused: bool) {
        if paused {
            self.new = 0;
            self.list.follow = false;
        } else {
            self.list.follow = true;
        }
        let held = paused.then(|| self.store.held());
        self.show(cx.area, |show| show.held = held);
    }

    fn drill(&mut self, cx: &mut Cx<'_>) {
        let to = self.line().and_then(|l| l.trace.map(|t| (t, l.span)));
        match to {
            Some((trace, span)) => {
                // The way back ends on this line, whatever has arrived by then.
                self.list.follow = false;
                self.wanted = None;
                let scope = cx.look.scope.with_trace(trace, span);
                cx.push(ViewKind::Waterfall, scope);
            }
            None => self.in_detail = !self.in_detail,
        }
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

    fn move_or_scroll(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        let places = self.places(cx.area);
        if self.in_detail {
            let sheet = self.sheet(&cx.look);
            return sheet.scroll(&mut self.scroll, command, places.sheet, cx.look.shared);
        }
        let moved = self.list.command(&self.store, command, usize::from(places.list.height));
        if moved {
            self.wanted = None;
            self.scroll = 0;
            self.spree = 0;
            self.settle(cx.area);
            self.tell_full(cx, command);
        }
        moved
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
        match prompt.key(cx.area.width, key) {
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
        let places = self.places(cx.area);
        let at = Position::new(event.column, event.row);
        let step = match event.kind {
            MouseEventKind::ScrollDown => Some(Command::Down),
            MouseEventKind::ScrollUp => Some(Command::Up),
            MouseEventKind::Down(MouseButton::Left) => None,
            _ => return Pointed::Nothing,
        };
        if places.sheet.contains(at) || places.list.contains(at) {
            self.in_detail = places.sheet.contains(at);
        } else {
            return Pointed::Nothing;
        }
        if let Some(step) = step {
            let used = (0..WHEEL).fold(false, |used, _| self.move_or_scroll(cx, step) || used);
            return if used { Pointed::Used } else { Pointed::Nothing };
        }
        if !self.in_detail {
            let row = isize::try_from(event.row - places.list.y).unwrap_or(0);
            let visible = self.list.visible(&self.store, usize::from(places.list.height));
            let Some(id) = visible.iter().rev().find(|p| p.row <= row).map(|p| p.line.id) else { return Pointed::Nothing };
            let i = self.store.position(id);
            self.go(i, cx.area);
            return Pointed::Item;
        }
        Pointed::Used
    }

    fn time_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        volume::axis_at(self.volume.value()?, look, self.places(area).volume(), at)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(look, area, buf);
    }

    fn prompt(&self) -> Option<(String, u16)> {
        self.prompt.as_ref().map(|(_, p)| p.line())
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
            add("query", plan.streams.into_iter().next().unwrap_or_default());
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
