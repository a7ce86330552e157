//! redline's own log: each request with its status, time and bytes.

#[cfg(test)]
mod tests;

use crossterm::event::{KeyEvent, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget as _,
};
use tui_logger::{ExtLogRecord, LogFormatter, TuiLoggerWidget, TuiWidgetEvent, TuiWidgetState};

use super::{Cx, Look, Needs, Pointed, View, Yank, prompt::Prompt};
use crate::{
    core::{
        command::{Command, Facts, ViewKind},
        request::Answer,
    },
    model::time::Timestamp,
    store::Pattern,
    theme::Role,
    ui::{
        field::Typed,
        format,
        panel::{self, Panel},
        text::{is_harmful, wrap},
    },
};

/// Pages back that are looked for the oldest record: more than the log keeps records.
const MAX_PAGES: usize = 2000;
/// Cells of the time before each record; its other lines are indented by them.
const TIME: usize = 14;

/// The page's state.
#[derive(Default)]
pub struct Diagnostics {
    /// Where the widget was scrolled to.
    scroll: TuiWidgetState,
    /// The width at which that was, for lines are wrapped to it; `None` follows the newest record.
    scrolled: Option<u16>,
    /// Records that have this are highlighted.
    search: Option<Pattern>,
    prompt: Option<Prompt>,
}

impl Diagnostics {
    /// Draws the log as it was scrolled. The widget finds out the neighbouring pages only while it draws.
    fn page(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let following = TuiWidgetState::new();
        let state = if self.scrolled == Some(area.width) { &self.scroll } else { &following };
        TuiLoggerWidget::default().formatter(Box::new(Records::new(look, self.search.clone()))).state(state).render(area, buf);
    }

    fn scratch(&self, look: &Look<'_>, area: Rect) -> Buffer {
        let mut buf = Buffer::empty(area);
        self.page(look, area, &mut buf);
        buf
    }

    /// Whether what is drawn are the newest records.
    fn is_newest(&self, look: &Look<'_>, area: Rect) -> bool {
        let newest = Self { search: self.search.clone(), ..Self::default() };
        self.scratch(look, area) == newest.scratch(look, area)
    }

    fn searched(&mut self) {
        let Some(prompt) = &mut self.prompt else { return };
        match Pattern::parse(prompt.text()) {
            Ok(pattern) => {
                prompt.note.clear();
                self.search = pattern;
            }
            Err(why) => prompt.note = why,
        }
    }

    fn follow(&mut self) {
        self.scroll.transition(TuiWidgetEvent::EscapeKey);
        self.scrolled = None;
    }

    /// Half a page up or down. Beyond either end the widget returns to the newest records; returns whether it did.
    fn turn(&mut self, look: &Look<'_>, area: Rect, event: TuiWidgetEvent) -> bool {
        if self.scrolled != Some(area.width) {
            self.follow();
            self.scrolled = Some(area.width);
        }
        self.scratch(look, area);
        self.scroll.transition(event);
        let newest = self.is_newest(look, area);
        if newest {
            self.follow();
        }
        newest
    }

    fn older(&mut self, look: &Look<'_>, area: Rect) {
        let was_following = self.scrolled.is_none();
        if self.turn(look, area, TuiWidgetEvent::PrevPageKey) && !was_following {
            self.oldest(look, area);
        }
    }

    fn oldest(&mut self, look: &Look<'_>, area: Rect) {
        self.follow();
        let mut is_older = || {
            let before = self.scratch(look, area);
            // A page of one row has no half that it could move by.
            !self.turn(look, area, TuiWidgetEvent::PrevPageKey) && self.scratch(look, area) != before
        };
        let pages = (0..MAX_PAGES).take_while(|_| is_older()).count();
        self.follow();
        for _ in 0..pages {
            self.turn(look, area, TuiWidgetEvent::PrevPageKey);
        }
    }
}

impl View for Diagnostics {
    fn kind(&self) -> ViewKind {
        ViewKind::Diagnostics
    }

    fn facts(&self, _look: &Look<'_>) -> Facts {
        Facts { drill: Some("a record of the log leads nowhere"), ..Facts::default() }
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::PageUp, Command::PageDown, Command::Top, Command::Follow, Command::Filter]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::PageUp => Some("older"),
            Command::PageDown => Some("newer"),
            Command::Top => Some("oldest"),
            Command::Filter => Some("highlight"),
            _ => None,
        }
    }

    fn subscriptions(&self, _look: &Look<'_>, _area: Rect, _needs: &mut Needs<'_>) {}

    fn answer(&mut self, _cx: &mut Cx<'_>, _answer: Answer) -> bool {
        false
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        let (look, area) = (cx.look, Panel::inner(cx.area));
        match command {
            Command::Up | Command::PageUp => self.older(&look, area),
            Command::Down | Command::PageDown if self.scrolled.is_some() => {
                self.turn(&look, area, TuiWidgetEvent::NextPageKey);
            }
            Command::Top => self.oldest(&look, area),
            Command::Down | Command::PageDown | Command::Bottom | Command::Follow => self.follow(),
            Command::Filter => self.prompt = Some(Prompt::pattern(self.search.as_ref())),
            _ => return false,
        }
        true
    }

    fn rescoped(&mut self, _cx: &mut Cx<'_>) {}

    fn is_typing(&self) -> bool {
        self.prompt.is_some()
    }

    fn type_key(&mut self, _cx: &mut Cx<'_>, key: KeyEvent) {
        let Some(prompt) = &mut self.prompt else { return };
        match prompt.key(key) {
            Typed::Changed => self.searched(),
            Typed::Accepted => self.prompt = None,
            Typed::Cancelled => (self.prompt, self.search) = (None, None),
            Typed::Ignored => {}
        }
    }

    fn paste(&mut self, _cx: &mut Cx<'_>, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
            self.searched();
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let step = match event.kind {
            MouseEventKind::ScrollUp => Command::Up,
            MouseEventKind::ScrollDown => Command::Down,
            _ => return Pointed::Nothing,
        };
        if self.command(cx, step) { Pointed::Used } else { Pointed::Nothing }
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let key = look.shared.keymap.key(Command::Follow).unwrap_or_default();
        let note = if self.scrolled.is_some() { format!("held here; {key} follows") } else { "following".to_owned() };
        let inner = Panel::new(self.kind().title()).focused(true).note(note).render(look.shared, area, buf);
        if inner.is_empty() {
            return;
        }
        self.page(look, inner, buf);
        if inner.positions().all(|at| buf[at].symbol() == " ") {
            panel::message(look.shared, inner, buf, &["Nothing has been asked yet.".to_owned()]);
        }
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }

    fn yanks(&self, _look: &Look<'_>) -> Vec<Yank> {
        Vec::new()
    }
}

/// How records are written: the time, a word where it is no everyday record, and the text, wrapped.
struct Records {
    offset: i32,
    time: Style,
    text: Style,
    warn: Style,
    error: Style,
    found: Style,
    search: Option<Pattern>,
}

impl Records {
    fn new(look: &Look<'_>, search: Option<Pattern>) -> Self {
        let style = |role| look.shared.theme.style(role);
        Self {
            offset: look.shared.settings.zone.0,
            time: style(Role::Dim),
            text: style(Role::Text),
            warn: style(Role::LevelWarn),
            error: style(Role::LevelError),
            found: style(Role::Match),
            search,
        }
    }
}

impl LogFormatter for Records {
    fn min_width(&self) -> u16 {
        1
    }

    /// At least one line, as the widget counts on.
    fn format(&self, width: usize, record: &ExtLogRecord) -> Vec<Line<'_>> {
        let (word, style) = match record.level {
            log::Level::Error => ("ERROR ", self.error),
            log::Level::Warn => ("WARN ", self.warn),
            log::Level::Info | log::Level::Debug | log::Level::Trace => ("", self.text),
        };
        let found = self.search.as_ref().is_some_and(|s| s.passes(record.msg()));
        let style = if found { self.found } else { style };
        let indent = if width >= 2 * TIME { TIME } else { 0 };
        let text = format!("{word}{}", record.msg().trim());
        let lines = text.split('\n').flat_map(|line| wrap(&harmless(line), (width - indent).max(1)));
        let at = i64::try_from(record.timestamp.timestamp().as_nanosecond()).map_or(Timestamp::ZERO, Timestamp);
        // A narrow screen has no room for the time.
        let time = if indent > 0 { format!("{:indent$}", format::clock_millis(at, self.offset)) } else { String::new() };
        let first = Span::styled(time, self.time);
        let heads = std::iter::once(first).chain(std::iter::repeat_with(|| Span::raw(" ".repeat(indent))));
        heads.zip(lines).map(|(head, text)| Line::from(vec![head, Span::styled(text, style)])).collect()
    }
}

fn harmless(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { ' ' } else { c }).map(|c| if is_harmful(c) { '·' } else { c }).collect()
}
