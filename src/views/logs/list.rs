//! The list of lines: a cursor that stays on its line and on its place on the screen, whatever arrives around it.

use std::{borrow::Cow, collections::VecDeque, sync::Arc};

use super::row::{brief, wrapped_rows};
use crate::{
    core::command::Command,
    log_fields::unfolded,
    store::{Line, LineId, LogStore},
};

/// Lines that can be unfolded at a time; the first ones are folded again.
const MAX_OPEN: usize = 256;

/// How long lines go over several rows.
#[derive(Clone)]
pub(super) struct Wrap {
    /// Cells of text in a row.
    pub(super) room: usize,
    /// Fields that are columns.
    pub(super) columns: Arc<[String]>,
}

/// The rows there are, and how lines take them.
#[derive(Clone)]
pub(super) struct Screen {
    pub(super) height: usize,
    pub(super) wrap: Option<Wrap>,
    /// Lines under which a row tells that others are missing, once for each such row; `None`: above the first line.
    pub(super) gaps: Vec<Option<LineId>>,
}

impl Screen {
    fn gap_rows(&self, under: Option<LineId>) -> usize {
        self.gaps.iter().filter(|id| **id == under).count()
    }

    /// Rows above the text of a line: those before the first one tell what is missing there.
    pub(super) fn rows_before(&self, at: usize) -> usize {
        if at == 0 { self.gap_rows(None) } else { 0 }
    }

    /// Rows of a line's own text, which is this one with what goes on from it, without those that it unfolds.
    pub(super) fn text_rows(&self, line: &Line<'_>, whole: &str) -> usize {
        self.wrap.as_ref().map_or(1, |w| wrapped_rows(line, &brief(whole), w.room, &w.columns))
    }
}

/// Where the user is in the lines.
pub(super) struct List {
    /// The selected line; `None` before the first one is there.
    cursor: Option<LineId>,
    /// Rows of the screen above the selected line; `None`: it is in the middle until the user moves.
    above: Option<usize>,
    /// Whether the cursor goes to the newest line as lines arrive.
    pub(super) follow: bool,
    /// Unfolded lines, the one unfolded last at the end.
    open: VecDeque<LineId>,
}

/// One line on the screen.
pub(super) struct Placed<'a> {
    pub(super) line: Line<'a>,
    /// Its text with the lines that go on from it.
    pub(super) whole: Cow<'a, str>,
    /// The first row of its text on the screen; negative when it begins above it.
    pub(super) row: isize,
    /// Rows above it that belong to it.
    pub(super) before: usize,
    pub(super) open: bool,
}

impl List {
    pub(super) fn new() -> Self {
        Self { cursor: None, above: Some(0), follow: true, open: VecDeque::new() }
    }

    /// Begins on the line that is there.
    pub(super) fn begin(&mut self, store: &LogStore) {
        self.cursor = store.get(0).map(|l| l.id);
        // The lines on both sides of it are still to come, in either order.
        self.above = None;
        self.follow = false;
    }

    /// The line that others are looked for about: the selected one, unless the newest is followed.
    pub(super) fn anchor(&self) -> Option<LineId> {
        self.cursor.filter(|_| !self.follow)
    }

    pub(super) fn is_open(&self, id: LineId) -> bool {
        self.open.contains(&id)
    }

    /// Rows that a line and what is missing beside it take.
    fn rows(&self, store: &LogStore, line: &Line<'_>, at: usize, screen: &Screen) -> usize {
        let is_open = self.is_open(line.id);
        let whole = if is_open || screen.wrap.is_some() { store.whole(line) } else { Cow::Borrowed("") };
        let rest = if is_open { unfolded(&brief(&whole)).len() } else { 0 };
        screen.rows_before(at) + screen.text_rows(line, &whole) + rest + screen.gap_rows(Some(line.id))
    }

    fn rows_at(&self, store: &LogStore, i: usize, screen: &Screen) -> usize {
        store.get(i).map_or(1, |line| self.rows(store, &line, i, screen))
    }

    /// The number of the selected line.
    pub(super) fn index(&self, store: &LogStore) -> Option<usize> {
        let last = store.shown().checked_sub(1)?;
        Some(store.row_of(self.cursor.map_or(last, |id| store.position(id).min(last))))
    }

    /// The selected line.
    pub(super) fn line<'a>(&self, store: &'a LogStore) -> Option<Line<'a>> {
        store.get(self.index(store)?)
    }

    /// Lines arrived or others are shown: the cursor follows, or stays on its line.
    pub(super) fn settle(&mut self, store: &LogStore, screen: &Screen) {
        if self.follow {
            let last = store.row_of(store.shown().saturating_sub(1));
            self.cursor = store.get(last).map(|l| l.id);
            self.above = Some(screen.height.saturating_sub(self.rows_at(store, last, screen)));
        } else if self.cursor.is_none() {
            self.cursor = store.get(store.shown().saturating_sub(1)).map(|l| l.id);
        }
    }

    /// Selects a line and keeps what is on the screen, if it is there already.
    pub(super) fn select(&mut self, store: &LogStore, i: usize, screen: &Screen) {
        let new = store.row_of(i.min(store.shown().saturating_sub(1)));
        let (Some(line), old) = (store.get(new), self.index(store).unwrap_or(new)) else { return };
        if new == old && self.above.is_none() {
            return;
        }
        let above = self.rows_above(store, old, screen);
        let room = screen.height.saturating_sub(self.rows(store, &line, new, screen));
        let between = store.rows_from(new.min(old)).take_while(|(n, _)| *n < new.max(old)).take(screen.height + 1);
        let between: Vec<usize> = between.map(|(n, line)| self.rows(store, &line, n, screen)).collect();
        let rows: usize = between.iter().sum();
        let wanted = if new >= old { above + rows } else { above.saturating_sub(rows) };
        let far = between.len() > screen.height;
        self.above = Some(if far && new < old { screen.height / 3 } else { wanted }.min(room));
        self.cursor = Some(line.id);
        // As it is drawn: lines that come later above or below must not move it.
        self.above = Some(self.rows_above(store, new, screen));
    }

    /// Moves on a command. Going to the last line follows from there on. Returns false for commands that do not move.
    pub(super) fn command(&mut self, store: &LogStore, command: Command, screen: &Screen) -> bool {
        let at = self.index(store).unwrap_or(0);
        let page = (screen.height / 2).max(1);
        let to = match command {
            Command::Down => beside(store, at, 1),
            Command::Up => beside(store, at, -1),
            Command::PageDown => beside(store, at, isize::try_from(page).unwrap_or(isize::MAX)),
            Command::PageUp => beside(store, at, isize::try_from(page).map_or(isize::MIN, isize::wrapping_neg)),
            Command::Top => 0,
            Command::Bottom => usize::MAX,
            _ => return false,
        };
        self.follow = command == Command::Bottom;
        self.select(store, to, screen);
        true
    }

    /// Unfolds or folds the selected line.
    pub(super) fn set_open(&mut self, store: &LogStore, open: bool, screen: &Screen) {
        let Some(line) = self.line(store) else { return };
        let at = self.index(store).unwrap_or(0);
        let above = self.rows_above(store, at, screen);
        self.follow = false;
        self.open.retain(|id| *id != line.id);
        if open {
            self.open.push_back(line.id);
        }
        if self.open.len() > MAX_OPEN {
            self.open.pop_front();
        }
        self.cursor = Some(line.id);
        self.above = Some(above.min(screen.height.saturating_sub(self.rows(store, &line, at, screen))));
    }

    /// Rows above the selected line as it is drawn: no room is wasted at either end.
    fn rows_above(&self, store: &LogStore, at: usize, screen: &Screen) -> usize {
        let height = screen.height;
        let own = self.rows_at(store, at, screen).min(height);
        let rows = |(n, line): (usize, Line<'_>)| self.rows(store, &line, n, screen);
        let below: usize = store.rows_from(at).take(height).map(rows).sum();
        let wanted = self.above.unwrap_or(height / 2).max(height - below.min(height)).min(height - own);
        let there: usize = store.rows_before(at).take(wanted).map(rows).sum();
        wanted.min(there)
    }

    /// The lines on a screen of some rows.
    pub(super) fn visible<'a>(&'a self, store: &'a LogStore, screen: &Screen) -> Vec<Placed<'a>> {
        let height = screen.height;
        let Some(at) = self.index(store).filter(|_| height > 0) else { return Vec::new() };
        let above = self.rows_above(store, at, screen);
        let (mut first, mut row) = (at, isize::try_from(above).unwrap_or(0));
        let mut before = store.rows_before(at);
        while let Some((n, line)) = if row > 0 { before.next() } else { None } {
            first = n;
            row -= isize::try_from(self.rows(store, &line, n, screen)).unwrap_or(1);
        }
        let mut out = Vec::new();
        let end = isize::try_from(height).unwrap_or(isize::MAX);
        for (at, line) in store.rows_from(first) {
            if row >= end {
                break;
            }
            let rows = isize::try_from(self.rows(store, &line, at, screen)).unwrap_or(1);
            let before = screen.rows_before(at);
            let text = row + isize::try_from(before).unwrap_or(0);
            out.push(Placed { open: self.is_open(line.id), whole: store.whole(&line), line, row: text, before });
            row += rows;
        }
        out
    }
}

/// The number of the line so many rows after one, or before it, as far as there are rows.
pub(super) fn beside(store: &LogStore, at: usize, rows: isize) -> usize {
    let last = |found: Option<(usize, Line<'_>)>| found.map_or(at, |(n, _)| n);
    let count = rows.unsigned_abs();
    if rows < 0 { last(store.rows_before(at).take(count).last()) } else { last(store.rows_from(at + 1).take(count).last()) }
}
