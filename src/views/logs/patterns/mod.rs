//! The lines of the page as patterns: which statements write, and what is new, grew or is gone.
//!
//! The page's lines keep arriving. At bounded intervals a worker is given those there are ([`PatternJob`]); the order of the
//! rows is kept while someone reads them.

pub(super) mod asked;
mod compare;
mod draw;
mod exceptions;
mod like;
mod server;
#[cfg(test)]
mod tests;
pub(super) mod windows;

use std::{sync::Arc, time::Duration};

pub(super) use self::compare::INSTANT;
use self::compare::{Compare, Earlier};
use super::{Logs, query::Plan, typing::Typing};
use crate::{
    app::expect,
    core::{
        command::Command,
        request::{Answer, Refresh, Request, pick},
        slot::Slot,
    },
    log_fields::exceptions::Thrown,
    log_patterns::{Change, Counting, LinePattern},
    model::{
        backend::SourceError,
        log::{Level, ServerPattern},
        time::{TimeRange, TimeWindow, Timestamp},
    },
    store::{Chosen, Condition, Found, PatternJob, PatternNews, SameJob, Show},
    ui::{table::TableState, text::truncate},
    views::{Cx, Look, Needs, Yank},
};

/// Between two looks at lines that keep arriving.
const EVERY: Duration = Duration::from_secs(2);
/// A look that took long is followed by this many times as long without one.
const BREATHING: u32 = 5;
/// Without new lines the windows that are compared still move on.
const MOVES: Duration = Duration::from_secs(30);
/// Keys for the footer.
pub(super) const HINTS: &[Command] = &[
    Command::Drill,
    Command::Exclude,
    Command::CompareWindows,
    Command::ChooseWindows,
    Command::PatternsBy,
    Command::NextError,
    Command::Filter,
    Command::MinimumLevel,
    Command::Patterns,
    Command::Exceptions,
];
/// Cells of a pattern in the header.
const NAME: usize = 32;

/// What the patterns that are shown were found in.
#[derive(Clone, PartialEq)]
struct Basis {
    of_exceptions: bool,
    show: Show,
    compare: Compare,
    /// The window before, when it is one of other lines, and how many those are.
    earlier: Option<(TimeRange, usize)>,
    arrivals: u64,
}

/// A pattern whose lines are shown or left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picked {
    /// One of its forms, by which it is found again.
    form: String,
    template: String,
    of: Of,
    /// What a server can be asked in its place, and about how many lines both agree; `None`: nothing says the same.
    asked: Option<(usize, Condition)>,
    /// It is still being found out.
    job: Option<Arc<SameJob>>,
}

/// What a picked pattern is of.
#[derive(Clone, Debug, PartialEq)]
enum Of {
    Lines,
    /// It is the server's: its form is a pattern of texts.
    Server,
    Exception(Thrown),
}

/// The page's patterns.
#[derive(Default)]
pub(super) struct Patterns {
    /// Whether they are shown in place of the lines.
    pub(super) open: bool,
    /// Exceptions, not the statements that write lines.
    of_exceptions: bool,
    compare: Compare,
    earlier: Option<Earlier>,
    found: Option<Arc<Found>>,
    failed: Option<SourceError>,
    job: Option<Arc<PatternJob>>,
    basis: Option<Basis>,
    started: Timestamp,
    ended: Timestamp,
    /// The order of the rows, as places in what was found.
    rows: Vec<usize>,
    /// How many rows came above since someone reads.
    came: usize,
    table: TableState,
    in_detail: bool,
    /// Rows of the detail that are scrolled over.
    scroll: usize,
    /// The pattern whose lines are shown.
    pub(super) only: Option<Picked>,
    pub(super) without: Vec<Picked>,
    server: Slot<Option<Vec<ServerPattern>>>,
    /// The selector and the window that those are of.
    server_of: Option<(String, TimeWindow)>,
    /// Those of the server as patterns, where they are looked at.
    told: Option<Vec<LinePattern>>,
}

impl Patterns {
    /// Other lines are asked for: what was found in those before does not hold. What Loki clusters may still be the same
    /// streams, and would not be asked for again.
    pub(super) fn restart(&mut self) {
        let Self { open, of_exceptions, compare, only, without, server, server_of, .. } = std::mem::take(self);
        *self = Self { open, of_exceptions, compare, only, without, server, server_of, ..Self::default() };
    }

    /// All that there are, in no order of rows.
    fn all(&self) -> &[LinePattern] {
        match &self.told {
            Some(told) => told,
            None => self.found.as_deref().map_or(&[], |f| &f.patterns),
        }
    }

    fn row(&self, row: usize) -> Option<&LinePattern> {
        self.all().get(*self.rows.get(row)?)
    }

    fn selected(&self) -> Option<&LinePattern> {
        self.row(self.table.row(self.rows.len())?)
    }

    fn picked(&self, pattern: &LinePattern) -> Picked {
        let of = match &pattern.exception {
            Some(exception) => Of::Exception(exception.thrown.clone()),
            None if self.told.is_some() => Of::Server,
            None => Of::Lines,
        };
        Picked { form: pattern.form.clone(), template: pattern.template.clone(), of, asked: None, job: None }
    }

    fn is_out(&self, pattern: &LinePattern) -> bool {
        self.without.iter().any(|p| p.form == pattern.form || pattern.template == p.template)
    }

    /// Where the pattern is that a form belongs to now.
    fn place(&self, form: &str) -> Option<usize> {
        match (&self.told, &self.found) {
            (Some(told), _) => told.iter().position(|p| p.form == form),
            (None, found) => found.as_ref()?.pattern_of(form),
        }
    }

    /// Takes other patterns in place of those there are. As long as the first row is selected they are in their own order;
    /// who has gone on to others reads them, and new ones come above.
    fn replace(&mut self, set: impl FnOnce(&mut Self)) {
        let first = self.table.offset;
        let is_read = self.table.selected > 0 || first > 0;
        let old: Vec<String> =
            if is_read { self.rows.iter().filter_map(|r| Some(self.all().get(*r)?.form.clone())).collect() } else { Vec::new() };
        set(self);
        let count = self.all().len();
        let mut rows: Vec<usize> = Vec::with_capacity(count);
        let mut there = vec![false; count];
        let (mut selected, mut offset) = (None, None);
        for (i, form) in old.iter().enumerate() {
            let Some(place) = self.place(form).filter(|p| !there.get(*p).copied().unwrap_or(true)) else { continue };
            there[place] = true;
            selected = selected.or((i >= self.table.selected).then_some(rows.len()));
            offset = offset.or((i >= first).then_some(rows.len()));
            rows.push(place);
        }
        let new: Vec<usize> = (0..count).filter(|p| !there[*p]).collect();
        let came = new.len();
        self.rows = new;
        self.rows.append(&mut rows);
        if is_read {
            self.came += came;
            let last = self.rows.len().saturating_sub(1);
            self.table = TableState { selected: selected.map_or(last, |s| s + came), offset: offset.unwrap_or(0) + came };
        }
    }

    /// Puts all into their own order again.
    fn reorder(&mut self) {
        self.rows = (0..self.all().len()).collect();
        self.came = 0;
        self.table = TableState::default();
    }
}

impl Logs {
    fn pattern_basis(&self) -> Basis {
        let show = Show { only: None, without: None, ..self.store.show().clone() };
        let earlier = self.patterns.earlier.as_ref().and_then(|e| Some((e.known()?, e.store.len())));
        Basis { of_exceptions: self.patterns.of_exceptions, show, compare: self.patterns.compare, earlier, arrivals: self.store.arrivals() }
    }

    /// When a worker is to look at the lines; `None` when it does or nothing has changed.
    fn patterns_due(&self, look: &Look<'_>) -> Option<Timestamp> {
        let patterns = &self.patterns;
        if !patterns.open || patterns.job.is_some() || self.store.is_empty() {
            return None;
        }
        if self.lacks_earlier(look) {
            return Some(look.now);
        }
        let (Some(old), new) = (&patterns.basis, self.pattern_basis()) else { return Some(look.now) };
        let took = patterns.ended.since(patterns.started);
        let rest = patterns.ended + EVERY.max(took * BREATHING);
        match () {
            () if *old == new => look.scope.window.is_live().then(|| patterns.ended + MOVES),
            () if old.arrivals == new.arrivals => Some(look.now),
            () if *old == (Basis { arrivals: old.arrivals, ..new }) => Some(rest),
            () => Some(look.now),
        }
    }

    pub(super) fn patterns_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        self.patterns_due(look).map(|due| due.max(look.now))
    }

    /// Has a worker look at the lines, when it is time.
    pub(super) fn find_patterns(&mut self, look: &Look<'_>) {
        if self.patterns_due(look).is_none_or(|due| due > look.now) {
            return;
        }
        let spanned = self.files_scope(look);
        let look = &spanned.as_ref().map_or(*look, |scope| Look { scope, ..*look });
        if spanned.is_none() {
            self.want_earlier(look);
        }
        let basis = self.pattern_basis();
        let windows = self.windows(look);
        let range =
            self.store.oldest().map_or_else(|| look.range(), |oldest| TimeRange::new(oldest.max(look.range().start), look.range().end));
        let sought = self.sought(look);
        let patterns = &mut self.patterns;
        patterns.job = Some(Arc::new(PatternJob {
            sought,
            lines: self.store.snapshot(),
            earlier: patterns.earlier.as_ref().filter(|e| e.known().is_some()).map(|e| (e.store.snapshot(), e.end())),
            show: basis.show.clone(),
            counting: Counting { range, windows },
        }));
        patterns.basis = Some(basis);
        patterns.started = look.now;
    }

    pub(super) fn ask_patterns(&self, look: &Look<'_>, plan: &Plan, needs: &mut Needs<'_>) {
        if !self.patterns.open {
            return;
        }
        if let Some(job) = &self.patterns.job {
            needs.ask("patterns", 0, Request::Patterns(job.clone()), Refresh::Once);
        }
        self.ask_earlier(look, plan, needs);
        if !self.patterns.of_exceptions {
            self.ask_server(look, plan, needs);
        }
    }

    pub(super) fn patterns_found(&mut self, look: &Look<'_>, result: Result<PatternNews, SourceError>) {
        self.patterns.job = None;
        self.patterns.ended = look.now;
        match result {
            Err(error) => self.patterns.failed = Some(error),
            Ok(PatternNews { found, numbered, numbered_earlier }) => {
                self.store.set_numbered(&numbered);
                if let (Some(earlier), Some(numbered)) = (&mut self.patterns.earlier, numbered_earlier) {
                    earlier.store.set_numbered(&numbered);
                }
                self.patterns.failed = None;
                let is_shown = self.patterns.told.is_none();
                if is_shown {
                    self.patterns.replace(|p| p.found = Some(found));
                } else {
                    self.patterns.found = Some(found);
                }
            }
        }
    }

    /// The lines of a pattern that was picked, as it is now.
    fn chosen(&self, picked: &[Picked]) -> Option<Arc<Chosen>> {
        if picked.is_empty() {
            return None;
        }
        let found = self.patterns.found.as_ref();
        let place = |p: &Picked| found.filter(|_| p.of == Of::Lines)?.pattern_of(&p.form);
        let places: Vec<usize> = picked.iter().filter_map(place).collect();
        let chosen = found.map_or_else(Chosen::default, |f| f.choose(&places));
        let unknown = picked.iter().filter(|p| place(p).is_none());
        let with = |chosen: Chosen, p: &Picked| match &p.of {
            Of::Lines => chosen.or_fitting(p.template.clone()),
            Of::Server => chosen.or_held_by(p.form.clone()),
            Of::Exception(thrown) => chosen.or_thrown(thrown.clone()),
        };
        Some(Arc::new(unknown.fold(chosen, with)))
    }

    fn show_only(&mut self, cx: &mut Cx<'_>, only: Option<Picked>) {
        let chosen = only.as_ref().and_then(|p| self.chosen(std::slice::from_ref(p)));
        self.patterns.only = only;
        self.show(cx, |show| show.only = chosen);
    }

    /// Leaves the selected pattern's lines out, or shows them again.
    fn exclude_pattern(&mut self, cx: &mut Cx<'_>) {
        let Some(pattern) = self.patterns.selected() else { return };
        let picked = self.patterns.picked(pattern);
        let out = self.patterns.is_out(pattern);
        if out {
            self.patterns.without.retain(|p| p.form != picked.form && p.template != picked.template);
        } else {
            let picked = self.with_query(picked);
            self.patterns.without.push(picked);
        }
        let chosen = self.chosen(&self.patterns.without);
        self.show(cx, |show| show.without = chosen);
        cx.notice(if out { "its lines are shown again" } else { "its lines are left out of the list; the same key shows them again" });
    }

    /// What a command means where patterns are. `None`: what it means to the lines.
    pub(super) fn pattern_command(&mut self, cx: &mut Cx<'_>, command: Command) -> Option<bool> {
        match command {
            Command::Patterns | Command::Exceptions => {
                self.turn_to(cx, command == Command::Exceptions);
                return Some(true);
            }
            Command::Back if !self.patterns.open && !self.in_detail && self.store.show().only.is_some() => {
                self.show_only(cx, None);
                self.patterns.open = true;
                return Some(true);
            }
            _ if !self.patterns.open => return None,
            Command::Back if self.patterns.in_detail => self.patterns.in_detail = false,
            Command::Back => self.patterns.open = false,
            Command::Drill => {
                if let Some(picked) = self.patterns.selected().map(|p| self.patterns.picked(p)) {
                    self.patterns.open = false;
                    self.in_detail = false;
                    self.patterns.in_detail = false;
                    let picked = self.with_query(picked);
                    self.show_only(cx, Some(picked));
                }
            }
            Command::Exclude => self.exclude_pattern(cx),
            Command::CompareWindows => {
                self.compare_next(cx);
                self.compared_anew(cx);
            }
            Command::ChooseWindows => self.start_typing(Typing::Windows),
            Command::PatternsBy if self.patterns.of_exceptions => {
                cx.notice("exceptions are of the lines that are loaded: Loki tells of none")
            }
            Command::PatternsBy => self.switch_server(cx),
            Command::NextError => self.next_bad_pattern(cx),
            Command::Refresh => {
                self.patterns.reorder();
                return Some(false);
            }
            Command::Filter | Command::EditQuery | Command::MinimumLevel | Command::Pause | Command::Follow | Command::Red => return None,
            Command::NextPane | Command::PreviousPane => self.patterns.in_detail = !self.patterns.in_detail,
            Command::FullScreen => self.full = !self.full,
            Command::Unfold | Command::Fold => {}
            _ => return Some(self.move_patterns(cx, command)),
        }
        Some(true)
    }

    /// After other windows are compared.
    fn compared_anew(&mut self, cx: &Cx<'_>) {
        self.find_patterns(&cx.look);
        self.recount_server(&cx.look);
    }

    fn move_patterns(&mut self, cx: &Cx<'_>, command: Command) -> bool {
        let places = self.pattern_places(cx.area);
        if self.patterns.in_detail {
            let sheet = self.pattern_sheet(&cx.look);
            return sheet.scroll(&mut self.patterns.scroll, command, places.sheet(), cx.look.shared);
        }
        let moved = self.patterns.table.command(command, self.patterns.rows.len(), places.rows());
        if moved {
            self.patterns.scroll = 0;
            if command == Command::Top {
                self.patterns.reorder();
            }
        }
        moved
    }

    fn next_bad_pattern(&mut self, cx: &mut Cx<'_>) {
        let rows = self.patterns.rows.len();
        let at = self.patterns.table.row(rows).unwrap_or(0);
        let is_bad = |row: &usize| self.patterns.row(*row).is_some_and(|p| p.seen.level >= Level::Error);
        match (at + 1..rows).find(is_bad).or_else(|| (0..rows.min(at + 1)).find(is_bad)) {
            Some(row) => self.patterns.table.select(row, rows, self.pattern_places(cx.area).rows()),
            None => cx.notice("none of errors"),
        }
    }

    /// What the header says of patterns that are shown alone or left out.
    pub(super) fn pattern_filters(&self, look: &Look<'_>) -> Vec<String> {
        let only = self.patterns.only.iter().map(|p| Self::shown_name(p, look));
        let without = match self.patterns.without.as_slice() {
            [] => None,
            [one] => Some(format!("!{}", Self::shown_name(one, look))),
            more => Some(format!("!{} patterns", more.len())),
        };
        only.chain(without).collect()
    }

    /// `pattern "served <*> bytes"`
    fn shown_name(picked: &Picked, look: &Look<'_>) -> String {
        let (kind, text) = match &picked.of {
            Of::Exception(thrown) => ("exception", thrown.short_name()),
            Of::Lines | Of::Server => ("pattern", picked.template.clone()),
        };
        format!("{kind} \"{}\"", truncate(&text, NAME, look.shared.glyphs.ellipsis))
    }

    pub(super) fn pattern_yanks(&self) -> Vec<Yank> {
        let Some(pattern) = self.patterns.selected() else { return Vec::new() };
        let yank = |label: &str, text: &str| Yank { label: label.to_owned(), text: text.to_owned() };
        let example = Some(&*pattern.example).filter(|e| !e.is_empty()).map(|e| yank("example", e));
        [yank("pattern", &pattern.template)].into_iter().chain(example).collect()
    }

    pub(super) fn has_patterns(&self) -> bool {
        !self.patterns.rows.is_empty()
    }

    pub(super) fn has_bad_pattern(&self) -> bool {
        self.patterns.all().iter().any(|p| p.seen.level >= Level::Error)
    }

    /// How many patterns are new.
    fn new_patterns(&self) -> usize {
        self.patterns.all().iter().filter(|p| p.change == Change::New).count()
    }
}

impl Logs {
    /// Takes what came of a question about patterns.
    pub(super) fn pattern_answer(&mut self, look: &Look<'_>, answer: Answer) {
        match answer.slot.pane {
            "patterns" => self.patterns_found(look, expect(answer.result, pick!(Patterns))),
            "same" => {
                let same = expect(answer.result, pick!(Same));
                self.same_found(&answer.request, same);
            }
            "earlier" => {
                let lines = expect(answer.result, pick!(Log));
                self.earlier_came(answer.asked, answer.slot.part, lines);
            }
            _ => {
                let told = expect(answer.result, pick!(LogPatterns));
                self.server_told(look, answer.asked, told);
            }
        }
    }
}
