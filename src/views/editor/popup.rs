//! The list of what can be typed next, below the text.

use std::time::Duration;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Editor, Offer, Text, catalog::Catalog};
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
/// How long an answer may take until that is said.
const PATIENCE: Duration = Duration::from_millis(300);
const WAITS: &str = "the server is asked for names";
/// How wide the list may be.
const WIDEST: u16 = 90;
const NARROWEST: u16 = 30;

/// What is drawn of typing: the text, where it is, and where there is room for the list.
#[derive(Clone, Copy)]
pub(in crate::views) struct Popup<'a> {
    pub editor: &'a Editor,
    pub text: &'a Text,
    pub catalog: &'a Catalog,
    /// The pane of the view's slots by which names are asked for.
    pub pane: &'static str,
    /// The line of the text.
    pub line: Rect,
    /// The page.
    pub area: Rect,
}

impl<'a> Popup<'a> {
    /// Where the terminal's cursor stands.
    pub(in crate::views) fn cursor(&self) -> Position {
        let column = self.text.field().window(self.line.width.max(1)).1;
        let x = (self.line.x + column).min(self.line.right().saturating_sub(1)).min(self.area.right().saturating_sub(1));
        Position::new(x, self.line.y.min(self.area.bottom().saturating_sub(1)))
    }

    /// The list and its place: below the text, where the word begins.
    fn offer(&self) -> Option<(&'a Offer, Rect)> {
        let offer = self.editor.offer.as_ref().filter(|_| self.editor.typing)?;
        let field = self.text.field();
        let from = self.text.at_cursor().from;
        let shown = field.window(self.line.width.max(1)).0;
        let back = width(&field.text()[from.max(shown.start).min(field.cursor())..field.cursor()]);
        let cursor = self.cursor();
        let widest = offer.candidates.iter().map(|c| width(&c.name) + width(c.form) + 8).max().unwrap_or(0);
        let wanted = u16::try_from(widest).unwrap_or(u16::MAX).clamp(NARROWEST, WIDEST).min(self.area.width);
        let x = cursor.x.saturating_sub(u16::try_from(back).unwrap_or(0) + 3).max(self.area.x).min(self.area.right() - wanted);
        let y = cursor.y + 1;
        let rows = u16::try_from(offer.candidates.len()).unwrap_or(u16::MAX).clamp(1, OFFERED);
        let height = (rows + 2).min(self.area.bottom().saturating_sub(y));
        (height >= 3).then_some((offer, Rect { x, y, width: wanted, height }))
    }

    /// The row of the list at a place.
    pub(in crate::views) fn row_at(&self, at: Position) -> Option<usize> {
        let (offer, place) = self.offer()?;
        let inner = Panel::inner(place);
        inner.contains(at).then(|| first(offer, inner.height) + usize::from(at.y - inner.y))
    }

    /// Draws how the function or stage is written whose arguments the cursor is among.
    pub(in crate::views) fn render_call(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let dim = look.shared.theme.style(Role::Dim);
        let text = match self.text.at_cursor().call {
            _ if is_slow(self.pane, look) => WAITS.to_owned(),
            Some(word) => format!("{}   {}", word.form, word.help),
            None => String::new(),
        };
        put(buf, area, area.x, &truncate(&text, usize::from(area.width), look.shared.glyphs.ellipsis), dim);
    }

    /// Draws the list, where there is one.
    pub(in crate::views) fn render(&self, look: &Look<'_>, buf: &mut Buffer) {
        let Some((offer, area)) = self.offer() else { return };
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
        if is_slow(self.pane, look) {
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

/// Whether what a pane asks takes long.
pub(super) fn is_slow(pane: &'static str, look: &Look<'_>) -> bool {
    let slot = SlotId { view: look.id, pane, part: 0 };
    look.shared.asked.get(&slot).is_some_and(|since| look.now.since(*since) >= PATIENCE)
}

fn first(offer: &Offer, height: u16) -> usize {
    offer.selected.saturating_sub(usize::from(height).saturating_sub(1))
}
