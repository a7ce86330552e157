//! Log lines of the scope: history, then live, each once, and the way to their traces.

mod actions;
mod around;
mod arrive;
mod ask;
mod bar;
mod begin;
mod brush;
mod builder;
mod columns;
mod commands;
mod conditions;
mod cost;
mod counts;
mod draw;
mod elsewhere;
mod fields;
mod files;
mod filtering;
mod follow;
pub(crate) mod gaps;
mod held;
mod ids;
mod infra;
mod list;
mod marks;
mod moves;
mod older;
mod past;
mod patterns;
mod picking;
mod places;
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
mod yank;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, MouseEvent};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{
    actions::Memo,
    around::After,
    begin::Wanted,
    brush::Brush,
    builder::{Builder, Draft},
    columns::{Columns, TimeForm},
    counts::Counts,
    elsewhere::Elsewhere,
    files::Files,
    filtering::Filtering,
    follow::SeedKind,
    held::Counting,
    list::List,
    marks::Marks,
    patterns::Patterns,
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
use super::{Cx, Look, Needs, Pointed, TypingKey, View, Wants, Yank, cost::Cost, editor::bar::Bar, entries::Entries, prompt::Prompt};
use crate::{
    core::{
        command::{Command, Facts, ViewKind},
        request::Answer,
        scope::Scope,
        slot::Slot,
    },
    model::{
        log::{Level, TailState},
        series::Matrix,
        time::{TimeRange, Timestamp},
        trace::TraceId,
    },
    store::{Line, LogStore, Mark, Pattern},
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
    detail: Entries,
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
            detail: Entries::default(),
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

    fn level(&self) -> Level {
        self.store.show().level
    }

    fn is_paused(&self) -> bool {
        self.store.show().held.is_some()
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

    /// What the lines that the page was opened for have in common.
    fn seed_kind(&self) -> SeedKind {
        self.typed.as_ref().map(|seed| seed.kind).unwrap_or_default()
    }

    /// Whether these are the lines around one, or around a time.
    fn is_around(&self) -> bool {
        self.after.is_some()
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
        self.what_is_here(look)
    }

    fn hints(&self) -> &'static [Command] {
        self.hints_here()
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        self.hint_of(command)
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
        self.ask(look, area, needs);
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        self.take_in(cx, answer)
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        self.run(cx, command)
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
        } else if let Some(bar) = &mut self.bar {
            bar.paste(cx, text);
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        self.bar.as_mut().and_then(|bar| bar.pointed(cx, event)).unwrap_or_else(|| self.pointed(cx, event))
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
        if let Some(bar) = &self.bar {
            bar.draw(look, area, buf);
        }
    }

    fn cursor(&self, _look: &Look<'_>, area: Rect) -> Option<Position> {
        self.bar.as_ref().map(|bar| bar.cursor(area))
    }

    fn typing_keys(&self) -> Vec<TypingKey> {
        self.bar.as_ref().map_or_else(Vec::new, Bar::keys)
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref().map(|(_, p)| p)
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        self.what_to_yank(look)
    }

    fn reopen(&self, look: &Look<'_>) -> Vec<String> {
        self.command_line(look)
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
