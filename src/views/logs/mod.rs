//! Log lines of the scope: history, then live, each once, and the way to their traces.

mod actions;
mod around;
mod arrive;
mod bar;
mod brush;
mod builder;
mod columns;
mod conditions;
mod cost;
mod counts;
mod detail;
mod draw;
mod elsewhere;
mod fields;
mod files;
mod filtering;
mod follow;
pub(crate) mod gaps;
mod held;
mod ids;
mod list;
mod marks;
mod moves;
mod older;
mod past;
mod patterns;
mod picking;
pub(crate) mod query;
mod row;
mod seen;
#[cfg(test)]
mod tests;
mod told;
mod typed;
mod typing;
mod unnamed;
mod volume;
mod words;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{
    actions::Memo,
    around::After,
    bar::Bar,
    brush::Brush,
    builder::{Builder, Draft},
    columns::{Columns, TimeForm},
    counts::Counts,
    detail::Detail,
    elsewhere::Elsewhere,
    files::Files,
    filtering::Filtering,
    held::Counting,
    list::List,
    marks::Marks,
    patterns::Patterns,
    query::{Narrow, Plan},
    told::Told,
    typing::Typing,
    unnamed::Nearest,
};
pub use self::{
    columns::Manner,
    files::{Held, Opened},
    follow::Seed,
    picking::By,
};
use super::{Cx, Look, Needs, Pointed, TypingKey, View, Wants, Yank, cost::Cost, prompt::Prompt};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        request::{Answer, Refresh, Request, Response},
        scope::Scope,
        slot::Slot,
    },
    log_fields::recognise,
    model::{
        backend::ErrorKind,
        log::{Level, LogEvent, LogLine, TailState},
        log_labels::LogLabels,
        series::Matrix,
        time::{TimeRange, TimeWindow, Timestamp},
        trace::{SpanId, TraceId},
    },
    store::{Condition, Line, LogStore, Mark, Pattern},
    ui::{chart::TimeAxis, field::Typed, text::truncate},
};

/// The page's state.
pub struct Logs {
    store: LogStore,
    list: List,
    told: Told,
    /// How often lines were asked for anew.
    reading: u32,
    filtering: Filtering,
    /// What is read in the place of a server's lines.
    files: Option<Box<Files>>,
    volume: Slot<Matrix>,
    /// Whether it is bytes by stream, not lines by level.
    volume_is_bytes: bool,
    /// Where it is counted here.
    counting: Counting,
    /// The range of it that is being chosen.
    brush: Option<Brush>,
    cost: Cost,
    elsewhere: Elsewhere,
    patterns: Patterns,
    /// What is asked in place of the scope's own lines.
    typed: Option<Seed>,
    /// Every line has the value that is followed.
    follows: bool,
    /// The page began with the line that it was opened on.
    seeded: bool,
    /// What is known of the lines after those that are here, where they are read as they are looked at.
    after: Option<After>,
    /// What is selected as soon as it is there.
    wanted: Option<Wanted>,
    /// What was there when the user stopped to follow.
    left: Mark,
    /// Pages of older lines since the user moved.
    spree: u8,
    prompt: Option<(Typing, Prompt)>,
    bar: Option<Bar>,
    /// It opens once it is known what is asked.
    bar_waits: bool,
    /// The filter before typing began, for `Esc`.
    filter_before: Option<Pattern>,
    in_detail: bool,
    full: bool,
    detail: Detail,
    /// The counts that are in the place of the detail.
    counts: Option<Counts>,
    builder: Builder,
    /// The condition that is typed.
    draft: Option<Draft>,
    memo: Memo,
    nearest: Nearest,
    columns: Columns,
    marks: Marks,
    wrap: bool,
    /// Cells of the lines' text that are passed over at the left.
    shift: usize,
}

/// A line to select.
enum Wanted {
    /// The first one of a span.
    Span(SpanId),
    /// The first one from an instant on.
    Time(Timestamp),
    /// This one, or one so many lines after it.
    Line(Box<LogLine>, i8),
}

/// Cells of a crumb.
const CRUMB: usize = 32;
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
            reading: 0,
            filtering: Filtering::default(),
            files: None,
            volume: Slot::default(),
            volume_is_bytes: false,
            counting: Counting::default(),
            brush: None,
            cost: Cost::default(),
            elsewhere: Elsewhere::default(),
            patterns: Patterns::default(),
            typed: query.map(|query| Seed { query: query.to_owned(), ..Seed::default() }),
            follows: false,
            seeded: false,
            after: None,
            wanted: scope.span.map(Wanted::Span),
            spree: 0,
            prompt: None,
            bar: None,
            bar_waits: false,
            filter_before: None,
            in_detail: false,
            full: false,
            detail: Detail::default(),
            counts: None,
            builder: Builder::default(),
            draft: None,
            memo: Memo::default(),
            nearest: Nearest::default(),
            columns: Columns::default(),
            marks: Marks::default(),
            wrap: false,
            shift: 0,
        }
    }

    /// A new page of other lines than the scope's own.
    pub fn seeded(seed: Seed, scope: &Scope, now: Timestamp) -> Self {
        let mut page = Self::new(scope, None);
        page.wanted = seed.line.clone().map(|line| Wanted::Line(line, seed.step));
        page.follows = seed.follows;
        page.typed = Some(seed);
        page.begin(now, scope.window);
        page
    }

    /// Begins with the line that the page was opened on, if it was. A live window begins at its newest line instead, and in a
    /// window without the line there are none around it.
    fn begin(&mut self, now: Timestamp, window: TimeWindow) {
        let Some(seed) = &self.typed else { return };
        let is_in = |line: &&LogLine| !window.is_live() && window.range(now).contains(line.at);
        let Some(line) = seed.line.as_deref().filter(is_in).cloned() else { return };
        if seed.around {
            self.begin_around(line.at, now);
        }
        self.store.insert(vec![line]);
        self.seeded = true;
        self.left = self.store.mark();
        self.list.begin(&self.store);
    }

    fn level(&self) -> Level {
        self.store.show().level
    }

    fn is_paused(&self) -> bool {
        self.store.show().held.is_some()
    }

    /// The query, once it is known which labels name services. What is still typed is not asked for.
    fn plan(&self, look: &Look<'_>) -> Option<Plan> {
        let conditions = self.draft.as_ref().map_or(&self.store.show().conditions, |d| &d.before);
        self.plan_of(look, conditions, self.level())
    }

    fn plan_of(&self, look: &Look<'_>, conditions: &[Condition], level: Level) -> Option<Plan> {
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
        look.shared.log_labels.value()?.service_of(line.stream)
    }

    /// Whether these are the lines around one, or around a time.
    fn is_around(&self) -> bool {
        self.after.is_some()
    }

    /// Whether lines are counted over time: not where there are few, of all services.
    fn has_volume(&self) -> bool {
        match &self.files {
            Some(_) => self.store.oldest_dated().is_some(),
            None => !self.follows && !self.typed.as_ref().is_some_and(|seed| seed.around && self.is_around()),
        }
    }

    /// What a command does to how lines are shown. Returns false for commands that are no such.
    fn change_look(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Wrap => self.wrap = !self.wrap,
            Command::TimeForm => self.columns.time = self.columns.time.next(cx.look.shared.settings.zone.0),
            Command::ShiftLeft | Command::ShiftRight => self.shift_text(command == Command::ShiftRight),
            Command::ColumnEarlier | Command::ColumnLater => {
                let moved = self.field(&cx.look, cx.area).is_some_and(|f| self.columns.shift(&f.name, command == Command::ColumnLater));
                if !moved {
                    cx.notice("select a field of the detail that is a column and has room to move");
                }
            }
            Command::ColumnWidth => {
                let most = self.columns.next_limit();
                cx.notice(format!("columns of {most} cells at the most"));
            }
            _ => return false,
        }
        self.settle(cx);
        true
    }

    /// What a command does to where the user is. Returns false for commands that are no such.
    fn go_somewhere(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::NextError | Command::PreviousError => self.go_to_error(cx, command),
            Command::NextMark | Command::PreviousMark => self.go_to_mark(cx, command == Command::NextMark),
            Command::NextMinute | Command::PreviousMinute => self.go_to_minute(cx, command == Command::NextMinute),
            Command::NextRelated | Command::PreviousRelated => self.related(cx, if command == Command::NextRelated { 1 } else { -1 }),
            Command::FollowValue => self.follow_value(cx),
            Command::Context => self.context(cx),
            _ => return false,
        }
        true
    }
}

impl View for Logs {
    fn kind(&self) -> ViewKind {
        ViewKind::Logs
    }

    fn crumb(&self, look: &Look<'_>) -> String {
        if self.patterns.open {
            return self.pattern_crumb();
        }
        let own = self.typed.as_ref().and_then(|t| t.crumb.as_deref());
        let title = self.kind().title();
        own.map_or_else(|| title.to_owned(), |crumb| truncate(&format!("{title} {crumb}"), CRUMB, look.shared.glyphs.ellipsis))
    }

    fn filters(&self, look: &Look<'_>) -> Vec<String> {
        let mut out = Vec::new();
        if self.level() != Level::Unknown {
            out.push(format!("level{}{}", look.shared.glyphs.at_least, self.level().as_str()));
        }
        let conditions = self.store.show().conditions.iter();
        out.extend(conditions.filter_map(|c| conditions::shown(c, look.shared.glyphs.ellipsis)));
        out.extend(self.store.show().pattern.as_ref().map(Pattern::shown));
        out.extend(self.pattern_filters(look));
        out
    }

    fn facts(&self, look: &Look<'_>) -> Facts {
        if self.patterns.open {
            return self.pattern_facts(look);
        }
        let line = self.line();
        let chooses = self.chooses();
        Facts {
            rows: line.is_some() || chooses,
            drill: if line.is_some() || chooses { None } else { Some("there is no line to open") },
            service: self.service(look).is_some(),
            trace: line.is_some_and(|l| l.trace.is_some()),
            errors: self.store.next_at_level(0, Level::Error).is_some(),
            matches: self.store.show().pattern.is_some() && self.store.shown() > 0,
            folds: self.brush.is_some()
                || line.is_some_and(|l| self.in_detail || self.list.is_open(l.id) || !row::brief(l.text).rest.is_empty()),
            columns: !self.columns.is_empty(),
            marks: !self.marks.is_empty(),
            panes: true,
            conditions: self.has_selected_condition(),
            text_filter: (self.store.show().pattern.is_some() || !self.picked_patterns().is_empty()) && self.files.is_none(),
            query: self.files.is_none(),
            live: look.scope.window.is_live() || self.brush.is_some(),
            graphs: self.volume.value().is_some(),
            brushes: self.brush.is_some(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        use Command::{
            AddCondition, Conditions, Context, CountBy, Drill, EditQuery, Exceptions, Exclude, Filter, FilterToQuery, Follow, FollowValue,
            Mark, MinimumLevel, NextError, NextRelated, Pause, Red, RemoveCondition, ShowColumn, SwitchCondition,
        };
        if self.patterns.open {
            return patterns::HINTS;
        }
        if let Some(hints) = self.hints_of_choice() {
            return hints;
        }
        if self.is_building() {
            return &[Drill, Exclude, SwitchCondition, RemoveCondition, AddCondition, FilterToQuery, Conditions];
        }
        if self.in_detail {
            return &[Drill, Exclude, ShowColumn, CountBy, FollowValue, Context, NextRelated, Filter];
        }
        &[
            Drill,
            NextError,
            Filter,
            Command::Patterns,
            Exceptions,
            MinimumLevel,
            Pause,
            Follow,
            Context,
            NextRelated,
            FollowValue,
            Mark,
            Conditions,
            EditQuery,
            Red,
        ]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            _ if self.patterns.open => self.pattern_hint(command),
            _ if self.chooses() => self.hint_of_choice(command),
            Command::Drill if self.is_building() => Some("edit"),
            Command::Exclude if self.is_building() => Some("invert"),
            Command::Drill if self.in_detail => Some("filter for"),
            Command::Exclude => Some("filter out"),
            Command::Drill => Some(if self.line().is_some_and(|l| l.trace.is_some()) { "trace" } else { "detail" }),
            Command::Pause if self.is_paused() => Some("resume"),
            _ => None,
        }
    }

    fn about(&self, look: &Look<'_>) -> Option<String> {
        self.about_files(look)
    }

    fn reads_on(&self) -> bool {
        self.files.is_some()
    }

    fn held_lines(&self, trace: TraceId) -> Option<Held> {
        self.lines_of_trace(trace)
    }

    fn wants(&self) -> Wants {
        Wants { log_labels: self.files.is_none(), ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        self.ask_filter(needs);
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

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        self.keep_to_plan(cx);
        if bar::PANES.contains(&answer.slot.pane) {
            return self.bar_answer(cx, answer);
        }
        if answer.slot.pane == "volume" {
            let result = expect(answer.result, |r| if let Response::Matrix(m) = r { Some(m) } else { None });
            return self.volume_came(&cx.look, &answer.request, answer.asked, result);
        }
        if matches!(answer.slot.pane, "size" | "size by service" | "earlier size") {
            let size = expect(answer.result, |r| if let Response::LogSize(size) = r { Some(size) } else { None });
            self.size_came(&cx.look, answer.request, answer.asked, size);
            self.earlier_size_came(&cx.look);
            return true;
        }
        if answer.slot.pane == elsewhere::PANE {
            self.elsewhere_told(&cx.look, answer);
            self.keep_to_plan(cx);
            return true;
        }
        if matches!(answer.slot.pane, "patterns" | "server patterns" | "earlier") {
            self.pattern_answer(&cx.look, answer);
            return true;
        }
        if answer.slot.pane == "filter" {
            self.filtered(expect(answer.result, |r| if let Response::Filtered(n) = r { Some(n) } else { None }));
            self.settle(cx);
            return true;
        }
        self.store.set_limit(cx.look.shared.settings.log_bytes);
        if answer.slot.pane == "newer" {
            self.newer_page(expect(answer.result, |r| if let Response::Newer(n) = r { Some(n) } else { None }));
            self.settle(cx);
            return true;
        }
        self.show_window(&cx.look);
        let now = cx.look.now;
        let part = answer.slot.part;
        match expect(answer.result, |r| if let Response::Log(e) = r { Some(e) } else { None }) {
            result if answer.slot.pane == "older" => self.older_page(part, result),
            Ok(events) => {
                let is_unread = |e: &LogEvent| matches!(e, LogEvent::Failed(e) if e.kind == ErrorKind::BadQuery);
                if events.iter().any(is_unread) && self.without_line_patterns(cx) {
                    return true;
                }
                events.into_iter().for_each(|event| self.event(answer.asked, part, event, now));
            }
            Err(error) => self.event(answer.asked, part, LogEvent::Failed(error), now),
        }
        self.tell_news(cx);
        self.settle(cx);
        true
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        self.bar_waits = false;
        if let Some(used) = self.brush_command(cx, command).or_else(|| self.question_command(cx, command)) {
            return used;
        }
        if let Some(used) = self.pattern_command(cx, command) {
            return used;
        }
        if let Some(used) = self.builder_command(cx, command) {
            return used;
        }
        if self.act_on_field(cx, command) || self.change_look(cx, command) || self.go_somewhere(cx, command) {
            return true;
        }
        match command {
            Command::Back if self.counts.is_some() => self.counts = None,
            Command::Back if self.in_detail => self.set_in_detail(false),
            Command::Back => return self.leave_aside(cx),
            Command::Drill => self.drill(cx),
            Command::NextPane | Command::PreviousPane => self.set_in_detail(!self.in_detail),
            Command::Widen => self.widen(cx),
            Command::Mark => self.mark_line(),
            Command::FullScreen => self.full = !self.full,
            Command::Red => {
                if let Some(service) = self.service(&cx.look) {
                    let scope = cx.look.scope.with_service(service);
                    cx.push(ViewKind::Service, scope);
                }
            }
            Command::Filter => self.start_typing(Typing::Filter),
            Command::EditQuery => self.open_bar(cx),
            Command::GoToTime => self.start_typing(Typing::Time),
            Command::NextMatch => return self.move_or_scroll(cx, Command::Down),
            Command::PreviousMatch => return self.move_or_scroll(cx, Command::Up),
            Command::MinimumLevel => self.cycle_level(cx),
            Command::Follow => self.set_paused(cx, false),
            Command::Pause => self.set_paused(cx, !self.is_paused()),
            Command::Unfold | Command::Fold if self.in_detail => {
                return self.fold_fields(&cx.look, cx.area, command == Command::Fold);
            }
            Command::Unfold | Command::Fold => {
                let screen = self.screen(&cx.look, cx.area);
                self.list.set_open(&self.store, command == Command::Unfold, &screen);
            }
            _ => return self.move_or_scroll(cx, command),
        }
        true
    }

    fn rescoped(&mut self, cx: &mut Cx<'_>) {
        if self.keeps_lines(cx) {
            return;
        }
        self.restart();
        self.cost.forget(cx.look.now);
        self.begin_where_wanted(&cx.look);
        self.note_question(&cx.look);
    }

    fn is_typing(&self) -> bool {
        self.prompt.is_some() || self.bar.is_some()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        if key.code == KeyCode::Tab && self.complete_typed(cx) {
            return;
        }
        self.end_round();
        let Some((_, prompt)) = &mut self.prompt else { return self.bar_key(cx, key) };
        match prompt.key(key) {
            Typed::Changed => self.typed_on(cx),
            Typed::Accepted => self.accepted(cx),
            Typed::Cancelled => self.cancelled(cx),
            Typed::Ignored => {}
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        if let Some((_, prompt)) = &mut self.prompt {
            prompt.paste(text);
            self.typed_on(cx);
        } else {
            self.bar_paste(cx, text);
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        self.bar_pointed(cx, event).unwrap_or_else(|| self.pointed(cx, event))
    }

    fn time_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        if self.patterns.open {
            return None;
        }
        volume::axis_at(self.volume.value()?, self.volume_is_bytes, look, self.places(area).volume(), at)
    }

    fn held_in(&self, look: &Look<'_>, range: TimeRange) -> Option<String> {
        self.volume_in(look, range)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if self.patterns.open {
            self.draw_patterns(look, area, buf)
        } else {
            self.draw(look, area, buf)
        }
        self.draw_bar(look, area, buf);
    }

    fn cursor(&self, _look: &Look<'_>, area: Rect) -> Option<Position> {
        self.bar_cursor(area)
    }

    fn typing_keys(&self) -> Vec<TypingKey> {
        self.bar_keys()
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref().map(|(_, p)| p)
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        if self.patterns.open {
            return self.pattern_yanks();
        }
        let mut out = Vec::new();
        let mut add = |label: &str, text: String| out.push(Yank { label: label.to_owned(), text });
        if let Some(field) = self.selected_field(look) {
            add(&field.name, field.value);
        }
        if let Some(line) = self.line() {
            add("line", line.text.to_owned());
            if let Some(trace) = line.trace {
                add("trace id", trace.to_string());
            }
        }
        if let Some(plan) = self.plan(look) {
            let labels = if look.scope.trace.is_some() { ["query", "query, as text"] } else { ["query", "query, also"] };
            for (i, query) in plan.streams.into_iter().enumerate() {
                add(labels[if look.scope.trace.is_some() { i % 2 } else { i.min(1) }], query);
            }
        }
        if let Some(line) = self.line() {
            for (name, value) in recognise(line.text).fields {
                add(&name, value);
            }
        }
        out
    }

    fn reopen(&self, look: &Look<'_>) -> Vec<String> {
        let own = self.typed.is_none() && self.store.show().conditions.iter().all(|c| c.off);
        let query = self.plan(look).filter(|_| !own).map(|p| p.base);
        query.map_or_else(Vec::new, |q| vec!["--query".to_owned(), q])
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        let ticking = self.columns.time == TimeForm::Ago
            || matches!(self.told.tail(), TailState::Lost { .. } | TailState::Refused { .. })
            || self.told.failed().is_some();
        let second = ticking.then(|| look.now.align_down(Duration::from_secs(1)) + Duration::from_secs(1));
        second.into_iter().chain(self.patterns_wake(look)).chain(self.count_wake(look)).min()
    }

    fn manner(&self) -> Option<Manner> {
        Some(self.columns.manner(self.wrap))
    }

    fn set_manner(&mut self, manner: &Manner) {
        self.wrap = self.columns.set_manner(manner);
    }

    fn apply(&mut self, cx: &mut Cx<'_>, by: By) {
        self.picked(cx, by);
    }

    fn woken(&mut self, cx: &mut Cx<'_>) {
        self.keep_to_plan(cx);
        self.open_waiting_bar(cx);
        self.find_patterns(&cx.look);
        self.count_lines(&cx.look);
    }
}
