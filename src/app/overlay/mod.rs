//! Boxes over a view that take the keys: the palette, help, the time picker, lists to choose from.

mod choose;
mod help;
mod palette;
mod time_picker;

use crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use super::Settings;
use crate::{
    core::{
        command::{Command, Facts, ViewKind},
        effect::KeptQueries,
        typed::TypedQuery,
    },
    model::time::TimeWindow,
    theme::{Role, Theme},
    ui::text::{put, put_right, width},
    views::{Act, Look, Yank},
};

/// What a key led to.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::app) enum Done {
    /// It stays open.
    Open,
    /// It was closed.
    Close,
    /// A command was chosen.
    Run(Command),
    /// A window was chosen.
    Window(TimeWindow),
    /// A text (its name first) is to be copied.
    Copy(String, String),
    /// An environment was chosen.
    Environment(String),
    /// A theme was chosen.
    Theme(String),
    /// Queries were chosen to be asked.
    Queries(Vec<TypedQuery>),
    /// What a view offered was chosen.
    Act(Box<Act>),
    /// Kept queries were chosen to be forgotten, by their name.
    Forget(String),
}

/// The open box.
pub(in crate::app) enum Overlay {
    Help(help::Help),
    Palette(palette::Palette),
    Time(time_picker::TimePicker),
    Choose(choose::Choose),
}

impl Overlay {
    pub(in crate::app) fn help() -> Self {
        Self::Help(help::Help::default())
    }

    pub(in crate::app) fn palette() -> Self {
        Self::Palette(palette::Palette::default())
    }

    pub(in crate::app) fn time_picker(window: TimeWindow) -> Self {
        Self::Time(time_picker::TimePicker::new(window))
    }

    pub(in crate::app) fn environments(settings: &Settings) -> Self {
        let rows = settings.environments.iter().map(|e| (e.clone(), String::new(), Done::Environment(e.clone()))).collect();
        Self::Choose(choose::Choose::new("environment", rows))
    }

    pub(in crate::app) fn themes(settings: &Settings) -> Self {
        let rows = settings.themes.iter().map(|t| (t.clone(), String::new(), Done::Theme(t.clone()))).collect();
        Self::Choose(choose::Choose::new("theme", rows))
    }

    pub(in crate::app) fn kept(kept: &[KeptQueries], forget: bool) -> Self {
        let done = |k: &KeptQueries| if forget { Done::Forget(k.name.clone()) } else { Done::Queries(k.queries.clone()) };
        let rows = kept
            .iter()
            .map(|k| (k.name.clone(), k.queries.iter().map(|q| q.text.as_str()).collect::<Vec<_>>().join("; "), done(k)))
            .collect();
        Self::Choose(choose::Choose::new(if forget { "forget" } else { "kept queries" }, rows))
    }

    pub(in crate::app) fn choose(title: &'static str, rows: Vec<(String, String, Act)>) -> Self {
        let rows = rows.into_iter().map(|(name, text, act)| (name, text, Done::Act(Box::new(act)))).collect();
        Self::Choose(choose::Choose::new(title, rows))
    }

    pub(in crate::app) fn yank(yanks: Vec<Yank>) -> Self {
        let rows = yanks.into_iter().map(|y| (y.label.clone(), y.text.clone(), Done::Copy(y.label, y.text))).collect();
        Self::Choose(choose::Choose::new("copy", rows))
    }

    pub(in crate::app) fn key(&mut self, look: &Look<'_>, key: KeyEvent) -> Done {
        match self {
            Self::Help(o) => o.key(look, key),
            Self::Palette(o) => o.key(look, key),
            Self::Time(o) => o.key(look, key),
            Self::Choose(o) => o.key(key),
        }
    }

    /// Takes a mouse event: a click chooses the row under it or, outside, closes; the wheel moves. `None`: it meant nothing.
    pub(in crate::app) fn mouse(&mut self, look: &Look<'_>, kind: ViewKind, size: Rect, event: MouseEvent) -> Option<Done> {
        let place = match self {
            Self::Help(_) => help::place(look, kind, size),
            Self::Palette(_) => palette::place(size),
            Self::Time(_) => time_picker::place(size),
            Self::Choose(o) => o.place(size),
        };
        let at = Position::new(event.column, event.row);
        let step = match event.kind {
            MouseEventKind::ScrollDown => KeyCode::Down,
            MouseEventKind::ScrollUp => KeyCode::Up,
            MouseEventKind::Down(MouseButton::Left) if !place.contains(at) => return Some(Done::Close),
            MouseEventKind::Down(MouseButton::Left) => {
                let inner = inner(place);
                let line = usize::from(event.row.checked_sub(inner.y).filter(|_| inner.contains(at))?);
                return match self {
                    Self::Help(_) => None,
                    Self::Palette(o) => o.click(look, line, inner.height),
                    Self::Time(o) => o.click(look, line, inner.width),
                    Self::Choose(o) => o.click(line, inner.height),
                };
            }
            _ => return None,
        };
        Some(self.key(look, KeyEvent::from(step)))
    }

    pub(in crate::app) fn paste(&mut self, text: &str) {
        match self {
            Self::Help(_) | Self::Choose(_) => {}
            Self::Palette(o) => o.paste(text),
            Self::Time(o) => o.paste(text),
        }
    }

    pub(in crate::app) fn cursor(&self, size: Rect) -> Option<(u16, u16)> {
        match self {
            Self::Help(_) | Self::Choose(_) => None,
            Self::Palette(o) => Some(o.cursor(size)),
            Self::Time(o) => Some(o.cursor(size)),
        }
    }

    pub(in crate::app) fn render(&self, look: &Look<'_>, facts: &Facts, kind: ViewKind, area: Rect, buf: &mut Buffer) {
        match self {
            Self::Help(o) => o.render(look, facts, kind, area, buf),
            Self::Palette(o) => o.render(look, facts, kind, area, buf),
            Self::Time(o) => o.render(look, area, buf),
            Self::Choose(o) => o.render(look, area, buf),
        }
    }
}

/// A box of at most this size in the middle of the upper part of the screen.
fn middle(area: Rect, wanted_width: u16, wanted_height: u16) -> Rect {
    let w = wanted_width.min(area.width);
    let h = wanted_height.min(area.height);
    Rect::new(area.x + (area.width - w) / 2, area.y + (area.height - h) / 3, w, h)
}

/// What is inside the border of a box.
fn inner(place: Rect) -> Rect {
    if place.width < 2 || place.height < 2 { place } else { Rect::new(place.x + 1, place.y + 1, place.width - 2, place.height - 2) }
}

/// Clears a place, draws its border with a title and a note at the bottom, and returns what is inside.
fn draw_box(look: &Look<'_>, area: Rect, title: &str, note: &str, buf: &mut Buffer) -> Rect {
    let glyphs = look.shared.glyphs;
    let border = look.shared.theme.style(Role::BorderFocus);
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buf.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
    if area.width < 2 || area.height < 2 {
        return area;
    }
    let line = glyphs.horizontal.repeat(usize::from(area.width - 2));
    let row = |y: u16| Rect::new(area.x, y, area.width, 1);
    put(buf, row(area.y), area.x, &format!("{}{line}{}", glyphs.corners[0], glyphs.corners[1]), border);
    let bottom = area.bottom() - 1;
    put(buf, row(bottom), area.x, &format!("{}{line}{}", glyphs.corners[2], glyphs.corners[3]), border);
    for y in area.y + 1..bottom {
        put(buf, row(y), area.x, glyphs.vertical, border);
        put(buf, row(y), area.right() - 1, glyphs.vertical, border);
    }
    put(buf, row(area.y), area.x + 1, &format!(" {title} "), look.shared.theme.style(Role::Accent));
    if usize::from(area.width) > width(note) + 4 {
        put_right(buf, Rect { width: area.width - 2, ..row(bottom) }, &format!(" {note} "), look.shared.theme.style(Role::Dim));
    }
    inner(area)
}

/// The style of a row in a list.
fn row_style(theme: &Theme, selected: bool) -> Style {
    if selected { theme.style(Role::Text).patch(theme.style(Role::Selection)) } else { theme.style(Role::Text) }
}

/// First row to draw so that the selected one is visible.
fn scroll(selected: usize, height: u16) -> usize {
    selected.saturating_sub(usize::from(height).saturating_sub(1))
}
