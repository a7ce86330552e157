//! Bordered panes that share their edges, and what a pane says of itself: waiting, failed, stale.

use std::time::Duration;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    format,
    text::{put, put_right, truncate, width, wrap},
};
use crate::{
    app::Shared,
    core::{command::Command, slot::Slot},
    model::{
        backend::{ErrorKind, SourceError},
        time::Timestamp,
    },
    theme::{Glyphs, Role},
    views::Look,
};

/// A bordered pane. Neighbours overlap by their common edge, where the joints are merged. A text on the bottom edge is
/// overwritten by the neighbour below, so only panes at the bottom have one.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    title: String,
    note: String,
    note_role: Option<Role>,
    bottom: String,
    bottom_note: String,
    focused: bool,
}

/// Directions that a border cell leads to.
const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

impl Panel {
    /// With a title at the left of the top edge.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Whether it has the focus.
    #[must_use]
    pub fn focused(mut self, focused: bool) -> Self {
        self.focused = focused;
        self
    }

    /// A text at the right of the top edge.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// A text at the left of the bottom edge.
    #[must_use]
    pub fn bottom(mut self, text: impl Into<String>) -> Self {
        self.bottom = text.into();
        self
    }

    /// A text at the right of the bottom edge.
    #[must_use]
    pub fn bottom_note(mut self, text: impl Into<String>) -> Self {
        self.bottom_note = text.into();
        self
    }

    /// What the pane's data says of itself, in place of the note where there is something to say.
    #[must_use]
    pub fn state(mut self, state: &State) -> Self {
        if let Some(text) = &state.note {
            self.note.clone_from(text);
            self.note_role = Some(Role::Warn);
        }
        self
    }

    /// What is left for the content; the whole area where a border has no room.
    pub fn inner(area: Rect) -> Rect {
        if area.width < 3 || area.height < 3 { area } else { Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2) }
    }

    /// Draws the border and returns the area inside.
    pub fn render(&self, shared: &Shared, area: Rect, buf: &mut Buffer) -> Rect {
        let area = area.intersection(buf.area);
        let inner = Self::inner(area);
        if inner != area {
            self.border(shared, area, buf);
            self.texts(shared, area, buf);
        }
        inner
    }

    fn border(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let role = if self.focused { Role::BorderFocus } else { Role::Border };
        let style = shared.theme.style(role);
        let (left, right, top, bottom) = (area.x, area.right() - 1, area.y, area.bottom() - 1);
        let mut edge = |x, y, mask| self.joint(buf, shared.glyphs, (x, y), mask, style);
        for x in left + 1..right {
            edge(x, top, LEFT | RIGHT);
            edge(x, bottom, LEFT | RIGHT);
        }
        for y in top + 1..bottom {
            edge(left, y, UP | DOWN);
            edge(right, y, UP | DOWN);
        }
        edge(left, top, DOWN | RIGHT);
        edge(right, top, DOWN | LEFT);
        edge(left, bottom, UP | RIGHT);
        edge(right, bottom, UP | LEFT);
    }

    /// One border cell, merged with the one that is there. A focused pane colours a common edge.
    fn joint(&self, buf: &mut Buffer, glyphs: &Glyphs, at: (u16, u16), mask: u8, style: Style) {
        let Some(cell) = buf.cell_mut(at) else { return };
        let old = mask_of(glyphs, cell.symbol());
        if old == 0 {
            cell.reset();
        }
        if old == 0 || self.focused {
            cell.set_style(style);
        }
        cell.set_symbol(symbol_of(glyphs, old | mask));
    }

    fn texts(&self, shared: &Shared, area: Rect, buf: &mut Buffer) {
        let style = |role| shared.theme.style(role);
        let title = if self.focused { style(Role::Accent) } else { style(Role::Title) };
        let top = Rect::new(area.x + 1, area.y, area.width - 2, 1);
        let bottom = Rect { y: area.bottom() - 1, ..top };
        let end = edge_text(shared, top, buf, &self.title, title);
        edge_note(shared, top, end, buf, &self.note, style(self.note_role.unwrap_or(Role::Dim)));
        let end = edge_text(shared, bottom, buf, &self.bottom, style(Role::Dim));
        edge_note(shared, bottom, end, buf, &self.bottom_note, style(Role::Dim));
    }
}

/// ` text ` at the left of an edge; returns the column after it.
fn edge_text(shared: &Shared, edge: Rect, buf: &mut Buffer, text: &str, style: Style) -> u16 {
    if text.is_empty() || edge.width < 4 {
        return edge.x;
    }
    let text = truncate(text, usize::from(edge.width) - 2, shared.glyphs.ellipsis);
    put(buf, edge, edge.x, &format!(" {text} "), style)
}

/// ` text ` at the right of an edge, as much as fits after column `from`; nothing where only a stump would.
fn edge_note(shared: &Shared, edge: Rect, from: u16, buf: &mut Buffer, text: &str, style: Style) {
    let room = usize::from(edge.right().saturating_sub(from));
    if text.is_empty() || room < 8 {
        return;
    }
    let text = truncate(text, room - 4, shared.glyphs.ellipsis);
    put_right(buf, Rect { width: edge.width - 1, ..edge }, &format!(" {text} "), style);
}

fn mask_of(glyphs: &Glyphs, symbol: &str) -> u8 {
    let [tl, tr, bl, br] = glyphs.corners;
    let [left, right, top, bottom, cross] = glyphs.joints;
    [
        (glyphs.horizontal, LEFT | RIGHT),
        (glyphs.vertical, UP | DOWN),
        (tl, DOWN | RIGHT),
        (tr, DOWN | LEFT),
        (bl, UP | RIGHT),
        (br, UP | LEFT),
        (left, UP | DOWN | RIGHT),
        (right, UP | DOWN | LEFT),
        (top, DOWN | LEFT | RIGHT),
        (bottom, UP | LEFT | RIGHT),
        (cross, UP | DOWN | LEFT | RIGHT),
    ]
    .iter()
    .find(|(s, _)| *s == symbol)
    .map_or(0, |(_, mask)| *mask)
}

fn symbol_of(glyphs: &Glyphs, mask: u8) -> &'static str {
    let [tl, tr, bl, br] = glyphs.corners;
    let [left, right, top, bottom, cross] = glyphs.joints;
    let has = |m: u8| mask & m == m;
    match () {
        () if has(UP | DOWN | LEFT | RIGHT) => cross,
        () if has(UP | DOWN | RIGHT) => left,
        () if has(UP | DOWN | LEFT) => right,
        () if has(DOWN | LEFT | RIGHT) => top,
        () if has(UP | LEFT | RIGHT) => bottom,
        () if has(LEFT | RIGHT) => glyphs.horizontal,
        () if has(UP | DOWN) => glyphs.vertical,
        () if has(DOWN | RIGHT) => tl,
        () if has(DOWN | LEFT) => tr,
        () if has(UP | RIGHT) => bl,
        () => br,
    }
}

/// What a slot says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The slot shows data that a failed refresh left: draw it dimmed.
    pub stale: bool,
    /// A few words for the pane's edge.
    pub note: Option<String>,
    /// Sentences in place of data, when there is none.
    pub blank: Option<Vec<String>>,
    /// When one of these texts goes out of date by the clock.
    pub wake: Option<Timestamp>,
}

/// A request that takes longer than this says so.
const PATIENCE: Duration = Duration::from_millis(300);
const SECOND: Duration = Duration::from_secs(1);

/// What the state of a pane's data is, in words. Fresh data says nothing.
pub fn state<T>(slot: &Slot<T>, look: &Look<'_>) -> State {
    match (slot.value(), slot.error()) {
        (Some(_), None) => State::default(),
        (Some(_), Some(error)) => State {
            stale: true,
            note: Some(stale_note(slot.at(), error, look)),
            blank: None,
            wake: Some(look.now.align_down(SECOND) + SECOND),
        },
        (None, Some(error)) => {
            let since = slot.failed_since().map_or(Duration::ZERO, |t| look.now.since(t));
            State { blank: Some(failure(error, since, look.shared)), wake: Some(look.now.align_down(SECOND) + SECOND), ..State::default() }
        }
        (None, None) => State { blank: Some(waiting(look)), ..State::default() },
    }
}

/// What is said of a part of a pane whose other parts are there: that it was not answered, or how old it is.
pub fn part<T>(what: &str, slot: &Slot<T>, look: &Look<'_>) -> Option<State> {
    let error = slot.error()?;
    if slot.value().is_none() {
        return Some(State { note: Some(format!("{what} not answered: {}", error.message)), ..State::default() });
    }
    let State { note, wake, .. } = state(slot, look);
    Some(State { note: note.map(|note| format!("{what} {note}")), wake, ..State::default() })
}

fn stale_note(at: Timestamp, error: &SourceError, look: &Look<'_>) -> String {
    let glyphs = look.shared.glyphs;
    let (age, line) = (format::age(look.now.since(at)), glyphs.horizontal);
    let clock = format::clock_seconds(at, look.shared.settings.zone.0);
    format!("{} stale {age} {line} {} {line} shown as of {clock}", glyphs.stale, error.message)
}

/// What failed, where, and what to do.
pub fn failure(error: &SourceError, since: Duration, shared: &Shared) -> Vec<String> {
    let ago = if since < SECOND { String::new() } else { format!(", for {}", format::age(since)) };
    let key = |command, what| shared.keymap.key(command).map(|k| format!("   {k} {what}")).unwrap_or_default();
    let retry = match error.kind {
        ErrorKind::TooLarge(_) => "Asked again it would most likely be as large.",
        _ if error.heals() => "Trying again by itself.",
        _ => "It is not asked again by itself.",
    };
    let keys = format!("{}{}", key(Command::Refresh, "now"), key(Command::Palette, "log"));
    vec![format!("{error}{ago}"), error.advice().to_owned(), format!("{retry}{keys}")]
}

fn waiting(look: &Look<'_>) -> Vec<String> {
    let shared = look.shared;
    let asked = shared.asked.iter().filter(|(slot, _)| slot.view == look.id || slot.view == 0).map(|(_, since)| *since).min();
    match asked.map(|since| look.now.since(since)).filter(|waited| *waited >= PATIENCE) {
        Some(waited) => vec![format!("Waiting for an answer {} {}", shared.glyphs.middle_dot, format::seconds(waited.as_secs_f64()))],
        None => Vec::new(),
    }
}

/// Sentences in the middle of an area, wrapped at words; the first in plain style, the others dim.
pub fn message(shared: &Shared, area: Rect, buf: &mut Buffer, lines: &[String]) {
    let area = area.intersection(buf.area);
    if area.is_empty() {
        return;
    }
    let room = usize::from(area.width);
    let rows: Vec<(String, Role)> = lines
        .iter()
        .enumerate()
        .flat_map(|(i, line)| wrap(line, room).into_iter().map(move |row| (row, if i == 0 { Role::Text } else { Role::Dim })))
        .take(usize::from(area.height))
        .collect();
    let above = (usize::from(area.height) - rows.len()) / 2;
    for (i, (text, role)) in rows.iter().enumerate() {
        let indent = room.saturating_sub(width(text)) / 2;
        let y = area.y + u16::try_from(above + i).unwrap_or(0);
        put(buf, Rect { y, height: 1, ..area }, area.x + u16::try_from(indent).unwrap_or(0), text, shared.theme.style(*role));
    }
}

/// Dims what was drawn: the data is stale.
pub fn dim(shared: &Shared, area: Rect, buf: &mut Buffer) {
    buf.set_style(area.intersection(buf.area), shared.theme.style(Role::Stale));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        app::testing::{look, test_shared, text_of},
        core::scope::Scope,
        model::{
            backend::{Backend, ErrorKind},
            time::TimeWindow,
        },
    };

    fn drawn(size: (u16, u16), panes: &[(Rect, Panel)]) -> String {
        let shared = test_shared();
        let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        for (area, panel) in panes {
            panel.render(&shared, *area, &mut buf);
        }
        text_of(&buf)
    }

    #[test]
    fn neighbours_share_edges_and_their_joints_are_merged() {
        let panes = [
            (Rect::new(0, 0, 11, 3), Panel::new("a")),
            (Rect::new(10, 0, 11, 3), Panel::new("b").note("right")),
            (Rect::new(0, 2, 21, 3), Panel::new("below").bottom("1 of 3").bottom_note("more")),
        ];
        let expected =
            ["┌ a ──────┬ b ──────┐", "│         │         │", "├ below ──┴─────────┤", "│                   │", "└ 1 of 3 ──── more ─┘"];
        assert_eq!(drawn((21, 5), &panes), expected.join("\n"));
    }

    #[test]
    fn a_note_that_does_not_fit_is_cut_with_a_mark() {
        let text = drawn((30, 3), &[(Rect::new(0, 0, 30, 3), Panel::new("title").note("a very long note that is cut"))]);
        assert!(text.starts_with("┌ title ─ a very long note… ─┐"), "{text}");
    }

    #[test]
    fn a_failed_refresh_keeps_the_data_and_says_since_when() {
        let (shared, scope) = (test_shared(), Scope::new("prod", TimeWindow::Last(Duration::from_secs(60))));
        let mut slot = Slot::default();
        slot.settle(Timestamp::from_secs(1000), Ok(1));
        let error = SourceError::new(Backend::Prometheus, ErrorKind::Timeout(Duration::from_secs(10)), "timeout after 10 s");
        slot.settle(Timestamp::from_secs(1030), Err(error.clone()));
        let look = look(&shared, &scope, Timestamp::from_secs(1042));
        let state = state(&slot, &look);
        assert!(state.stale && state.blank.is_none());
        assert_eq!(state.note.unwrap(), "░ stale 42s ─ timeout after 10 s ─ shown as of 00:16:40");
    }

    #[test]
    fn an_empty_pane_says_what_where_and_what_to_do() {
        let (shared, scope) = (test_shared(), Scope::new("prod", TimeWindow::Last(Duration::from_secs(60))));
        let mut slot: Slot<u8> = Slot::default();
        let error = SourceError::new(Backend::Tempo, ErrorKind::Unreachable, "connect to 10.0.0.7:3200 refused");
        slot.settle(Timestamp::from_secs(1000), Err(error));
        let lines = state(&slot, &look(&shared, &scope, Timestamp::from_secs(1008))).blank.unwrap();
        assert_eq!(lines[0], "tempo: connect to 10.0.0.7:3200 refused, for 8s");
        assert!(lines[2].contains("R now") && lines[2].contains(": log"), "{lines:?}");
    }

    #[test]
    fn waiting_is_silent_for_a_moment() {
        let mut shared = test_shared();
        let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(60)));
        let slot: Slot<u8> = Slot::default();
        let id = crate::core::request::SlotId { view: 1, pane: "x", part: 0 };
        shared.asked.insert(id, Timestamp::from_millis(0));
        assert_eq!(state(&slot, &look(&shared, &scope, Timestamp::from_millis(200))).blank, Some(Vec::new()));
        let late = state(&slot, &look(&shared, &scope, Timestamp::from_millis(1200))).blank.unwrap();
        assert_eq!(late, ["Waiting for an answer · 1.20 s"]);
    }

    proptest! {
        #[test]
        fn any_size_is_drawn(w in 1u16..60, h in 1u16..20, x in 0u16..70, y in 0u16..30, pw in 0u16..70, ph in 0u16..30, title in ".{0,40}") {
            let panel = Panel::new(title.clone()).note(title.clone()).bottom(title.clone()).bottom_note(title.clone()).focused(true);
            drawn((w, h), &[(Rect::new(x, y, pw, ph), panel)]);
            let shared = test_shared();
            let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
            message(&shared, Rect::new(x, y, pw, ph), &mut buf, &[title]);
        }
    }
}
