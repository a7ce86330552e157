//! `t`: the window, chosen from a list or typed: relative, absolute, or pasted as it stands in a log or an alert.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Done, draw_box, middle, row_style};
use crate::{
    model::time::{TimeWindow, Timestamp},
    theme::Role,
    time_input,
    ui::{
        field::{Field, Typed},
        format,
        text::{put, truncate, wrap},
    },
    views::Look,
};

const WIDTH: u16 = 76;
const HEIGHT: u16 = 15;
const PRESETS: [(&str, u64); 8] =
    [("5m", 300), ("15m", 900), ("30m", 1800), ("1h", 3600), ("3h", 10_800), ("6h", 21_600), ("1d", 86_400), ("7d", 604_800)];

/// Where it is drawn.
pub(super) fn place(area: Rect) -> Rect {
    middle(area, WIDTH, HEIGHT)
}

/// What is typed, or which of the list is chosen while nothing is.
#[derive(Default)]
pub(in crate::app) struct TimePicker {
    field: Field,
    selected: usize,
    error: Option<String>,
}

impl TimePicker {
    /// With the window that is shown now, where the list has it.
    pub(in crate::app) fn new(window: TimeWindow) -> Self {
        let is_now = |(_, seconds): &(&str, u64)| window == TimeWindow::Last(std::time::Duration::from_secs(*seconds));
        Self { selected: PRESETS.iter().position(is_now).unwrap_or(0), ..Self::default() }
    }

    pub(in crate::app) fn key(&mut self, look: &Look<'_>, key: KeyEvent) -> Done {
        match key.code {
            KeyCode::Down => self.selected = (self.selected + 1).min(PRESETS.len() - 1),
            KeyCode::Up => self.selected = self.selected.saturating_sub(1),
            _ => match self.field.key(key) {
                Typed::Accepted => match self.chosen(look.now, look.shared.settings.zone.0) {
                    Ok(window) => return Done::Window(window),
                    Err(error) => self.error = Some(error),
                },
                Typed::Cancelled => return Done::Close,
                Typed::Changed => self.error = None,
                Typed::Ignored => {}
            },
        }
        Done::Open
    }

    fn chosen(&self, now: Timestamp, offset: i32) -> Result<TimeWindow, String> {
        if self.field.text().trim().is_empty() {
            return Ok(TimeWindow::Last(std::time::Duration::from_secs(PRESETS[self.selected].1)));
        }
        time_input::parse_window(self.field.text(), now, offset)
    }

    /// A click on a line of the box, so many cells wide, chooses its window.
    pub(super) fn click(&self, look: &Look<'_>, line: usize, width: u16) -> Option<Done> {
        let (_, seconds) = PRESETS.get(line.checked_sub(list_at(&self.message(look, width).0))?)?;
        Some(Done::Window(TimeWindow::Last(std::time::Duration::from_secs(*seconds))))
    }

    pub(in crate::app) fn paste(&mut self, text: &str) {
        self.field.paste(text);
        self.error = None;
    }

    pub(in crate::app) fn cursor(&self, size: Rect) -> (u16, u16) {
        let inner = place(size);
        (inner.x + 3 + self.field.visible(inner.width.saturating_sub(4)).1, inner.y + 1)
    }

    /// What was typed means, what is wrong with it in as many lines as that takes, or what can be typed.
    fn message(&self, look: &Look<'_>, width: u16) -> (Vec<String>, Role) {
        let (offset, zone) = &look.shared.settings.zone;
        let (room, glyphs) = (usize::from(width.saturating_sub(2)), look.shared.glyphs);
        let line = |text: String| vec![truncate(&text, room, glyphs.ellipsis)];
        if let Some(error) = &self.error {
            return (wrap(error, room), Role::Bad);
        }
        if self.field.text().trim().is_empty() {
            return (line(format!("2h   14:20 - 14:45   2026-11-21T14:32:07Z   a pasted time   times in {zone}")), Role::Dim);
        }
        let Ok(window) = self.chosen(look.now, *offset) else { return (line(String::new()), Role::Dim) };
        let (r, live) = (window.range(look.now), if window.is_live() { "  live" } else { "" });
        let (start, end) = (format::date_time(r.start, *offset), format::date_time(r.end, *offset));
        (line(format!("{start} {} {end} {zone}{live}", glyphs.dash)), Role::Text)
    }

    pub(in crate::app) fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = &look.shared.theme;
        let inner = draw_box(look, place(area), "window", "Enter sets, Esc closes", buf);
        let row = |n: usize| {
            let n = u16::try_from(n).unwrap_or(u16::MAX).min(inner.height);
            Rect::new(inner.x, inner.y + n, inner.width, u16::from(n < inner.height))
        };
        put(buf, row(0), inner.x, ">", theme.style(Role::Accent));
        put(buf, row(0), inner.x + 2, &self.field.visible(inner.width.saturating_sub(2)).0, theme.style(Role::Text));
        let (message, role) = self.message(look, inner.width);
        for (i, line) in message.iter().enumerate() {
            put(buf, row(1 + i), inner.x + 2, line, theme.style(role));
        }
        let typed = !self.field.text().trim().is_empty();
        for (i, (name, _)) in PRESETS.iter().enumerate() {
            let line = row(list_at(&message) + i);
            let selected = !typed && i == self.selected;
            if selected {
                put(buf, line, line.x, look.shared.glyphs.selected, theme.style(Role::SelectionBar));
            }
            put(buf, line, line.x + 2, &format!("last {name}"), if typed { theme.style(Role::Dim) } else { row_style(theme, selected) });
        }
    }
}

/// The list begins below what was typed, the message and a blank line.
fn list_at(message: &[String]) -> usize {
    message.len() + 2
}
