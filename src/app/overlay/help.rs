//! `?`: every key of the visible view, from the table of commands, in the user's own binding.

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Done, draw_box, middle};
use crate::{
    app::App,
    core::command::{COMMANDS, Facts, Spec, ViewKind},
    theme::Role,
    ui::text::{put, width},
    views::Look,
};

/// The column of what a key does.
const HELP: u16 = 18;

/// How far it is scrolled.
#[derive(Default)]
pub(in crate::app) struct Help {
    top: usize,
}

impl Help {
    pub(in crate::app) fn key(&mut self, look: &Look<'_>, key: KeyEvent) -> Done {
        let last = rows(look, None).count().saturating_sub(1);
        match key.code {
            KeyCode::Down | KeyCode::Char('j') => self.top = (self.top + 1).min(last),
            KeyCode::Up | KeyCode::Char('k') => self.top = self.top.saturating_sub(1),
            KeyCode::PageDown | KeyCode::Char('d' | ' ') => self.top = (self.top + 10).min(last),
            KeyCode::PageUp | KeyCode::Char('u') => self.top = self.top.saturating_sub(10),
            KeyCode::Home | KeyCode::Char('g') => self.top = 0,
            KeyCode::End | KeyCode::Char('G') => self.top = last,
            _ => return Done::Close,
        }
        Done::Open
    }

    pub(in crate::app) fn render(&self, look: &Look<'_>, facts: &Facts, kind: ViewKind, area: Rect, buf: &mut Buffer) {
        let theme = &look.shared.theme;
        let title = format!("keys of {}", kind.title());
        let inner = draw_box(look, place(look, kind, area), &title, "j k scroll, any other key closes", buf);
        let top = self.top.min(rows(look, Some(kind)).count().saturating_sub(usize::from(inner.height)));
        for (y, (spec, keys)) in (inner.y..inner.bottom()).zip(rows(look, Some(kind)).skip(top)) {
            let row = Rect::new(inner.x, y, inner.width, 1);
            let disabled = (spec.enabled)(facts).err();
            put(buf, row, row.x + 1, &keys, theme.style(if disabled.is_some() { Role::Dim } else { Role::Accent }));
            let x = put(buf, row, row.x + HELP, spec.help, theme.style(if disabled.is_some() { Role::Dim } else { Role::Text }));
            if let Some(why) = disabled {
                put(buf, row, x, &format!(" {} {why}", look.shared.glyphs.middle_dot), theme.style(Role::Dim));
            }
        }
    }
}

/// The box: as high as it has rows.
pub(super) fn place(look: &Look<'_>, kind: ViewKind, area: Rect) -> Rect {
    let count = u16::try_from(rows(look, Some(kind)).count()).unwrap_or(u16::MAX);
    let longest = rows(look, Some(kind)).map(|(spec, _)| width(spec.help)).max().unwrap_or_default();
    let wide = u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(HELP + 3).max(92);
    middle(area, wide, count.saturating_add(2))
}

/// Commands with keys: those of the view first, those of all views after them.
fn rows<'a>(look: &'a Look<'_>, kind: Option<ViewKind>) -> impl Iterator<Item = (&'static Spec, String)> + 'a {
    let applies = move |s: &&'static Spec| kind.is_none_or(|k| s.applies(k));
    let own = COMMANDS.iter().filter(|s| !s.views.is_empty());
    let all = COMMANDS.iter().filter(|s| s.views.is_empty());
    own.chain(all).filter(applies).filter(|s| App::has(look, s)).filter_map(|spec| {
        let keys: Vec<String> = look.shared.keymap.keys(spec.command).collect();
        (!keys.is_empty()).then(|| (spec, keys.join("  ")))
    })
}
