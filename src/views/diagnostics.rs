//! redline's own log, by tui-logger: each request with status, time and bytes.

use crossterm::event::{KeyEvent, MouseEvent, MouseEventKind};
use log::Level;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget as _,
};
use tui_logger::{ExtLogRecord, LogFormatter, TuiLoggerWidget, TuiWidgetEvent, TuiWidgetState};

use super::{Cx, Look, Needs, View, Yank, prompt::Prompt};
use crate::{
    core::{
        command::{Command, Facts, ViewKind},
        request::Answer,
    },
    store::Pattern,
    theme::Role,
    ui::{
        field::Typed,
        panel::{self, Panel},
        text::is_harmful,
    },
};

/// The page's state. The widget keeps its place in the log behind a lock of its own.
#[derive(Default)]
pub struct Diagnostics {
    widget: TuiWidgetState,
    away: bool,
    search: Option<Pattern>,
    prompt: Option<Prompt>,
}

impl Diagnostics {
    fn page(&mut self, event: TuiWidgetEvent) -> bool {
        self.away = event == TuiWidgetEvent::PrevPageKey || (self.away && event != TuiWidgetEvent::EscapeKey);
        self.widget.transition(event);
        true
    }

    fn typed_on(&mut self) {
        let Some(prompt) = &mut self.prompt else { return };
        match Pattern::parse(prompt.text()) {
            Ok(pattern) => {
                prompt.note.clear();
                self.search = pattern;
            }
            Err(why) => prompt.note = why,
        }
    }
}

impl View for Diagnostics {
    fn kind(&self) -> ViewKind {
        ViewKind::Diagnostics
    }

    fn crumb(&self, _look: &Look<'_>) -> String {
        self.kind().title().to_owned()
    }

    fn facts(&self, _look: &Look<'_>) -> Facts {
        Facts { drill: Some("a line of redline's own log leads nowhere"), ..Facts::default() }
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Back, Command::Filter, Command::Follow]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Back => Some("back"),
            Command::Filter => Some("highlight"),
            _ => None,
        }
    }

    fn subscriptions(&self, _look: &Look<'_>, _area: Rect, _needs: &mut Needs<'_>) {}

    fn answer(&mut self, _cx: &mut Cx<'_>, _answer: Answer) -> bool {
        false
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Up | Command::PageUp => self.page(TuiWidgetEvent::PrevPageKey),
            Command::Down | Command::PageDown => self.page(TuiWidgetEvent::NextPageKey),
            Command::Bottom | Command::Follow => self.page(TuiWidgetEvent::EscapeKey),
            Command::Filter => {
                let text = self.search.as_ref().map_or("", Pattern::as_str);
                self.prompt = Some(Prompt::new("/", text, cx.area.width));
                true
            }
            _ => false,
        }
    }

    fn rescoped(&mut self, _cx: &mut Cx<'_>) {}

    fn is_typing(&self) -> bool {
        self.prompt.is_some()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let Some(prompt) = &mut self.prompt else { return };
        match prompt.key(cx.area.width, key) {
            Typed::Changed => self.typed_on(),
            Typed::Accepted => self.prompt = None,
            Typed::Cancelled => (self.prompt, self.search) = (None, None),
            Typed::Ignored => {}
        }
    }

    fn paste(&mut self, _cx: &mut Cx<'_>, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
            self.typed_on();
        }
    }

    fn mouse(&mut self, _cx: &mut Cx<'_>, event: MouseEvent) -> bool {
        match event.kind {
            MouseEventKind::ScrollUp => self.page(TuiWidgetEvent::PrevPageKey),
            MouseEventKind::ScrollDown => self.page(TuiWidgetEvent::NextPageKey),
            _ => false,
        }
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let style = |role| look.shared.theme.style(role);
        let note = if self.away { "" } else { "following" };
        let inner = Panel::new("requests and events").note(note).focused(true).render(look.shared, area, buf).intersection(buf.area);
        let format = Format {
            zone: look.shared.settings.zone.0,
            dim: style(Role::Dim),
            levels: [style(Role::LevelError), style(Role::LevelWarn), style(Role::LevelInfo), style(Role::LevelDebug)],
            found: style(Role::Match),
            search: self.search.clone(),
        };
        TuiLoggerWidget::default().formatter(Box::new(format)).state(&self.widget).render(inner, buf);
    }

    fn prompt(&self) -> Option<(String, u16)> {
        self.prompt.as_ref().map(Prompt::line)
    }

    fn yanks(&self, _look: &Look<'_>) -> Vec<Yank> {
        Vec::new()
    }
}

/// How a record is written: time, level, what happened.
struct Format {
    zone: i32,
    dim: Style,
    levels: [Style; 4],
    found: Style,
    search: Option<Pattern>,
}

impl LogFormatter for Format {
    fn min_width(&self) -> u16 {
        1
    }

    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        const HEAD: usize = 19;
        let at = crate::model::time::Timestamp(i64::try_from(record.timestamp.timestamp().as_nanosecond()).unwrap_or(0));
        let time = crate::ui::format::clock_millis(at, self.zone);
        let style = self.levels[match record.level {
            Level::Error => 0,
            Level::Warn => 1,
            Level::Info => 2,
            Level::Debug | Level::Trace => 3,
        }];
        let text: String = record.msg().chars().map(|c| if is_harmful(c) { ' ' } else { c }).collect();
        let text_style = match &self.search {
            Some(search) if search.passes(&text) => self.found,
            _ if record.level <= Level::Warn => style,
            _ => Style::new(),
        };
        let mut lines = Vec::new();
        for (i, row) in panel::wrap(&text, width.saturating_sub(HEAD).max(8)).into_iter().enumerate() {
            let head = if i == 0 {
                vec![Span::styled(format!("{time} "), self.dim), Span::styled(format!("{:<5} ", record.level.as_str()), style)]
            } else {
                vec![Span::raw(" ".repeat(HEAD))]
            };
            lines.push(Line::from_iter(head.into_iter().chain([Span::styled(row, text_style)])));
        }
        if lines.is_empty() {
            lines.push(Line::styled(time, self.dim));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::testing::{draw, look, test_shared, with},
        core::scope::Scope,
        model::time::{TimeWindow, Timestamp},
    };

    #[test]
    fn records_are_shown_harmless_and_any_size_is_drawn() {
        // No other test logs through this: the logger is not installed as the process's.
        let record = log::Record::builder().args(format_args!("GET /api\u{1b}[2J 200 12ms")).level(Level::Info).target("redline").build();
        tui_logger::set_default_level(log::LevelFilter::Debug);
        tui_logger::Drain::new().log(&record);
        tui_logger::move_events();
        let (shared, scope) = (test_shared(), Scope::new("prod", TimeWindow::Last(std::time::Duration::from_secs(60))));
        let look = look(&shared, &scope, Timestamp::ZERO);
        let mut view = Diagnostics::default();
        let text = draw(&view, &look, 80, 10);
        assert!(text.contains("INFO  GET /api [2J 200 12ms") && text.contains("following"), "{text}");
        for (w, h) in [(1, 1), (2, 2), (9, 4), (20, 3), (200, 50)] {
            draw(&view, &look, w, h);
            with(&look, (w, h), |cx| view.command(cx, Command::PageUp));
            with(&look, (w, h), |cx| view.command(cx, Command::PageDown));
            draw(&view, &look, w, h);
        }
        assert!(!draw(&view, &look, 80, 10).contains("following"));
        with(&look, (80, 10), |cx| view.command(cx, Command::Follow));
        assert!(draw(&view, &look, 80, 10).contains("following"));
    }
}
