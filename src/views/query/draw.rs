//! Draws the page: the queries, their results, and the list of what can be typed next.

use std::time::Duration;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    NAMES, Query,
    editor::{Offer, at_cursor},
    line::{self, LEAD},
};
use crate::{
    core::request::SlotId,
    theme::Role,
    ui::{
        format,
        panel::Panel,
        text::{put, truncate, width},
    },
    views::Look,
};

/// Rows of the list that are seen at once.
const OFFERED: u16 = 10;
/// How long names may take until that is said.
const PATIENCE: Duration = Duration::from_millis(300);
const WAITS: &str = "the server is asked for names";
/// How wide the list may be.
const WIDEST: u16 = 90;
const NARROWEST: u16 = 30;

impl Query {
    /// Lines that a query takes: its text, and what is wrong or how the function at the cursor is written.
    fn lines_of(&self, row: usize) -> u16 {
        let typing = self.editor.typing && row == self.focus;
        match self.rows[row].fault() {
            Some(_) => 3,
            None => 1 + u16::from(typing),
        }
    }

    /// Lines that all queries take.
    pub(super) fn lines(&self) -> u16 {
        (0..self.rows.len()).map(|row| self.lines_of(row)).sum()
    }

    /// The queries that are seen, each with its first line: as many as fit, the focused one among them.
    fn seen(&self, inner: Rect) -> Vec<(usize, u16)> {
        let mut first = self.focus;
        let mut room = inner.height.saturating_sub(self.lines_of(self.focus));
        while first > 0 && self.lines_of(first - 1) <= room {
            first -= 1;
            room -= self.lines_of(first);
        }
        let mut y = inner.y;
        let mut out = Vec::new();
        for row in first..self.rows.len() {
            if y >= inner.bottom() {
                break;
            }
            out.push((row, y));
            y += self.lines_of(row);
        }
        out
    }

    /// The query whose text is at a place, and the column in it.
    pub(super) fn line_at(&self, area: Rect, at: Position) -> Option<(usize, u16)> {
        let inner = Panel::inner(self.places(area).queries);
        let (row, y) = self.seen(inner).into_iter().find(|(_, y)| *y == at.y).filter(|_| inner.contains(at))?;
        debug_assert_eq!(y, at.y);
        Some((row, at.x.saturating_sub(inner.x + LEAD)))
    }

    /// Where the terminal's cursor stands while typing.
    pub(super) fn cursor_at(&self, area: Rect) -> Position {
        let queries = self.places(area).queries;
        let inner = Panel::inner(queries);
        let y = self.seen(inner).iter().find(|(row, _)| *row == self.focus).map_or(inner.y, |(_, y)| *y);
        let column = self.row().field().window(line::room(queries)).1;
        Position::new((inner.x + LEAD + column).min(inner.right().saturating_sub(1)), y)
    }

    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let places = self.places(area);
        self.render_queries(look, places.queries, buf);
        for (i, place) in places.results.iter().enumerate().filter(|(_, p)| !p.is_empty()) {
            self.render_result(i, look, *place, buf);
        }
        if let Some((offer, place)) = self.offer(area) {
            self.render_offer(look, offer, place, buf);
        }
    }

    fn render_queries(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let several = self.rows.len() > 1;
        let note = if several { format!("{} of {}", self.focus + 1, self.rows.len()) } else { String::new() };
        let panel = Panel::new("PromQL").focused(self.editor.typing).note(note);
        let inner = panel.render(shared, area, buf);
        for (row, y) in self.seen(inner) {
            let focused = row == self.focus;
            let height = self.lines_of(row).min(inner.bottom() - y);
            let line = Rect { y, height: 1, ..inner };
            if focused {
                put(buf, line, line.x, shared.glyphs.selected, shared.theme.style(Role::SelectionBar));
            }
            let letter = shared.theme.style(if focused { Role::Accent } else { Role::Dim });
            put(buf, line, line.x + 1, &letter_of(row), letter);
            let text = Rect { x: line.x + LEAD, width: line.width.saturating_sub(LEAD), ..line };
            if text.is_empty() {
                continue;
            }
            let typing = self.editor.typing && focused;
            line::render(shared, &self.rows[row], typing, text, buf);
            let below = Rect { y: y + 1, height: height - 1, ..text };
            if below.is_empty() {
                continue;
            }
            line::render_fault(shared, &self.rows[row], typing, below, buf);
            if typing && self.rows[row].fault().is_none() {
                self.render_call(look, below, buf);
            }
        }
    }

    /// How the function is written whose arguments the cursor is among.
    fn render_call(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let dim = look.shared.theme.style(Role::Dim);
        let text = match at_cursor(self.row()).call {
            _ if waits(look) => WAITS.to_owned(),
            Some(word) => format!("{}   {}", word.form, word.help),
            None => String::new(),
        };
        put(buf, area, area.x, &truncate(&text, usize::from(area.width), look.shared.glyphs.ellipsis), dim);
    }

    /// The list and its place: below the text, where the word begins.
    fn offer(&self, area: Rect) -> Option<(&Offer, Rect)> {
        let offer = self.editor.offer.as_ref().filter(|_| self.editor.typing)?;
        let field = self.row().field();
        let from = at_cursor(self.row()).from;
        let shown = field.window(line::room(self.places(area).queries)).0;
        let back = width(&field.text()[from.max(shown.start).min(field.cursor())..field.cursor()]);
        let cursor = self.cursor_at(area);
        let widest = offer.candidates.iter().map(|c| width(&c.name) + width(c.form) + 8).max().unwrap_or(0);
        let wanted = u16::try_from(widest).unwrap_or(u16::MAX).clamp(NARROWEST, WIDEST).min(area.width);
        let x = cursor.x.saturating_sub(u16::try_from(back).unwrap_or(0) + 3).max(area.x).min(area.right() - wanted);
        let y = cursor.y + 1;
        let rows = u16::try_from(offer.candidates.len()).unwrap_or(u16::MAX).clamp(1, OFFERED);
        let height = (rows + 2).min(area.bottom().saturating_sub(y));
        (height >= 3).then_some((offer, Rect { x, y, width: wanted, height }))
    }

    /// The row of the list at a place.
    pub(super) fn offered_at(&self, area: Rect, at: Position) -> Option<usize> {
        let (offer, place) = self.offer(area)?;
        let inner = Panel::inner(place);
        inner.contains(at).then(|| first(offer, inner.height) + usize::from(at.y - inner.y))
    }

    fn render_offer(&self, look: &Look<'_>, offer: &Offer, area: Rect, buf: &mut Buffer) {
        let (shared, theme) = (look.shared, &look.shared.theme);
        for at in area.intersection(buf.area).positions() {
            if let Some(cell) = buf.cell_mut(at) {
                cell.reset();
            }
        }
        let more = if offer.cut { "+" } else { "" };
        let total = format!("{}{more}", format::count(offer.total as u64));
        let panel = Panel::new(total).focused(true).bottom(self.told(offer, look));
        let inner = panel.render(shared, area, buf);
        if let Some(trouble) = offer.trouble.as_ref().filter(|_| offer.candidates.is_empty()) {
            let text = truncate(&format!("no names: {trouble}"), usize::from(inner.width), shared.glyphs.ellipsis);
            put(buf, inner, inner.x, &text, theme.style(Role::Warn));
        }
        let shown = (inner.y..inner.bottom()).zip(offer.candidates.iter().enumerate().skip(first(offer, inner.height)));
        for (y, (i, candidate)) in shown {
            let row = Rect { y, height: 1, ..inner };
            let selected = i == offer.selected;
            let text = theme.style(Role::Text);
            let style = if selected { text.patch(theme.style(Role::Selection)) } else { text };
            if selected {
                put(buf, row, row.x, shared.glyphs.selected, theme.style(Role::SelectionBar));
            }
            let room = usize::from(row.width.saturating_sub(2));
            let x = put(buf, row, row.x + 2, &truncate(&candidate.name, room, shared.glyphs.ellipsis), style);
            let room = usize::from(row.right().saturating_sub(x + 2));
            if room > 8 {
                put(buf, row, x + 2, &truncate(candidate.form, room, shared.glyphs.ellipsis), theme.style(Role::Dim));
            }
        }
    }

    /// What is known of the selected candidate, and why names are missing.
    fn told(&self, offer: &Offer, look: &Look<'_>) -> String {
        let Some(candidate) = offer.candidates.get(offer.selected) else { return String::new() };
        if waits(look) {
            return WAITS.to_owned();
        }
        if let Some(trouble) = &offer.trouble {
            return format!("no names: {trouble}");
        }
        if !candidate.metric {
            return candidate.help.to_owned();
        }
        match self.catalog.about(&candidate.name) {
            Some(about) => [about.kind.as_str(), about.help.as_str()]
                .into_iter()
                .filter(|t| !t.is_empty() && *t != "unknown")
                .collect::<Vec<_>>()
                .join(&format!(" {} ", look.shared.glyphs.middle_dot)),
            None => String::new(),
        }
    }
}

/// Whether names take long.
fn waits(look: &Look<'_>) -> bool {
    let slot = SlotId { view: look.id, pane: NAMES, part: 0 };
    look.shared.asked.get(&slot).is_some_and(|since| look.now.since(*since) >= PATIENCE)
}

/// `a`, `b`, `c`…
pub(super) fn letter_of(row: usize) -> String {
    char::from(b'a' + u8::try_from(row % 26).unwrap_or(0)).to_string()
}

fn first(offer: &Offer, height: u16) -> usize {
    offer.selected.saturating_sub(usize::from(height).saturating_sub(1))
}
