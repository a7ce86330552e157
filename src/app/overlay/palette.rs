//! `:`: every command by name, found as you type.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{AtomKind, CaseMatching, Normalization, Pattern},
};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Done, draw_box, middle, row_style, scroll};
use crate::{
    app::App,
    core::command::{COMMANDS, Facts, Spec, ViewKind},
    theme::Role,
    ui::{
        field::{Field, Typed},
        text::{put, width},
    },
    views::Look,
};

const WIDTH: u16 = 92;
const HEIGHT: u16 = 18;

/// Where it is drawn.
pub(super) fn place(area: Rect) -> Rect {
    middle(area, WIDTH, HEIGHT)
}

/// What is typed and which row is chosen.
#[derive(Default)]
pub(in crate::app) struct Palette {
    field: Field,
    selected: usize,
}

impl Palette {
    pub(in crate::app) fn key(&mut self, look: &Look<'_>, key: KeyEvent) -> Done {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Down | KeyCode::Tab => self.selected += 1,
            KeyCode::Char('n') if control => self.selected += 1,
            KeyCode::Up | KeyCode::BackTab => self.selected = self.selected.saturating_sub(1),
            KeyCode::Char('p') if control => self.selected = self.selected.saturating_sub(1),
            KeyCode::Backspace if self.field.text().is_empty() => return Done::Close,
            _ => match self.field.key(key) {
                Typed::Accepted => {
                    let found = self.found(look);
                    return found.get(self.selected.min(found.len().saturating_sub(1))).map_or(Done::Close, |s| Done::Run(s.command));
                }
                Typed::Cancelled => return Done::Close,
                Typed::Changed => self.selected = 0,
                Typed::Ignored => {}
            },
        }
        self.selected = self.selected.min(self.found(look).len().saturating_sub(1));
        Done::Open
    }

    /// A click on a line of the box runs its command; the first line is the text.
    pub(super) fn click(&self, look: &Look<'_>, line: usize, height: u16) -> Option<Done> {
        let row = scroll(self.selected, height.saturating_sub(1)) + line.checked_sub(1)?;
        self.found(look).get(row).map(|s| Done::Run(s.command))
    }

    pub(in crate::app) fn paste(&mut self, text: &str) {
        self.field.paste(text);
        self.selected = 0;
    }

    pub(in crate::app) fn cursor(&self, size: Rect) -> (u16, u16) {
        let inner = place(size);
        (inner.x + 3 + self.field.visible(inner.width.saturating_sub(4)).1, inner.y + 1)
    }

    /// Commands that match, the best first; all of them when nothing is typed. The name counts before the help line, which has
    /// to have each word as it is typed: most letters in some order are in any sentence.
    fn found(&self, look: &Look<'_>) -> Vec<&'static Spec> {
        let typed = self.field.text().trim();
        if typed.is_empty() {
            return COMMANDS.iter().filter(|s| App::has(look, s)).collect();
        }
        let mut matcher = Matcher::new(Config::DEFAULT);
        let names = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
        let helps = Pattern::new(typed, CaseMatching::Ignore, Normalization::Smart, AtomKind::Substring);
        let mut score = |pattern: &Pattern, text: &str| {
            let mut chars = Vec::new();
            pattern.score(Utf32Str::new(text, &mut chars), &mut matcher)
        };
        let mut found: Vec<(u32, &Spec)> = COMMANDS
            .iter()
            .filter(|s| App::has(look, s))
            .filter_map(|s| {
                let exact = if s.name == typed { 10_000 } else { 0 };
                let name = score(&names, s.name).map(|n| n * 2 + exact);
                name.or_else(|| score(&helps, s.help)).map(|n| (n, s))
            })
            .collect();
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.into_iter().map(|(_, s)| s).collect()
    }

    pub(in crate::app) fn render(&self, look: &Look<'_>, facts: &Facts, kind: ViewKind, area: Rect, buf: &mut Buffer) {
        let theme = &look.shared.theme;
        let inner = draw_box(look, place(area), "command", "Enter runs, Esc closes", buf);
        if inner.height == 0 {
            return;
        }
        let line = Rect { height: 1, ..inner };
        put(buf, line, inner.x, ":", theme.style(Role::Accent));
        put(buf, line, inner.x + 2, &self.field.visible(inner.width.saturating_sub(2)).0, theme.style(Role::Text));
        let found = self.found(look);
        let list = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
        let first = scroll(self.selected, list.height);
        let key = |spec: &Spec| look.shared.keymap.key(spec.command).unwrap_or_default();
        let widest = |cell: &dyn Fn(&Spec) -> usize| u16::try_from(COMMANDS.iter().map(cell).max().unwrap_or(0)).unwrap_or(u16::MAX);
        let keys = list.x + 2 + widest(&|spec| width(spec.name)) + 2;
        let texts = keys.saturating_add(widest(&|spec| width(&key(spec)))).saturating_add(2);
        for (y, (i, spec)) in (list.y..list.bottom()).zip(found.iter().enumerate().skip(first)) {
            let row = Rect::new(list.x, y, list.width, 1);
            let enabled = spec.applies(kind) && (spec.enabled)(facts).is_ok();
            let style = if enabled { row_style(theme, i == self.selected) } else { theme.style(Role::Dim) };
            if i == self.selected {
                put(buf, row, row.x, look.shared.glyphs.selected, theme.style(Role::SelectionBar));
            }
            put(buf, row, row.x + 2, spec.name, style);
            put(buf, row, keys, &key(spec), theme.style(Role::Accent));
            put(buf, row, texts, spec.help, if enabled { theme.style(Role::Text) } else { style });
        }
        if found.is_empty() {
            let why = if look.shared.settings.read_only {
                "no command matches; --read-only offers none that writes"
            } else {
                "no command matches"
            };
            put(buf, list, list.x + 2, why, theme.style(Role::Dim));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::testing::{look, test_shared},
        core::{command::Command, scope::Scope},
        model::time::{TimeWindow, Timestamp},
    };

    fn first_of(typed: &str, read_only: bool) -> Option<Command> {
        let mut palette = Palette::default();
        palette.paste(typed);
        let (mut shared, scope) = (test_shared(), Scope::new("prod", TimeWindow::Last(std::time::Duration::from_secs(60))));
        shared.settings.read_only = read_only;
        palette.found(&look(&shared, &scope, Timestamp::ZERO)).first().map(|s| s.command)
    }

    fn first(typed: &str) -> Option<Command> {
        first_of(typed, false)
    }

    #[test]
    fn what_writes_is_not_there_with_read_only() {
        assert_eq!(first("silence"), Some(Command::Silence));
        assert!(!first_of("silence", true).is_some_and(Command::writes));
    }

    #[test]
    fn a_command_is_found_by_its_name_a_part_of_it_or_its_help() {
        assert_eq!(first("log"), Some(Command::Diagnostics));
        assert_eq!(first("vwtr"), Some(Command::ViewTraces));
        assert_eq!(first("runbook"), Some(Command::ShowLink));
        assert_eq!(first("xyzzy"), None);
        assert_eq!(first("csdn"), None, "letters somewhere in a sentence are no word of it");
    }
}
