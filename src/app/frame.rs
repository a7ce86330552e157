//! What is around every view: two lines of header (where am I, what is the scope, how are the backends) and one of
//! footer (what can I do, what just happened).

use std::time::Duration;

use crossterm::event::KeyEvent;
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use super::{App, Shared};
use crate::{
    core::{
        command::{COMMANDS, Command},
        keymap::{Chord, show_sequence},
    },
    model::{
        backend::{Backend, Health},
        time::{TimeWindow, Timestamp},
    },
    theme::Role,
    ui::{
        format,
        text::{put, truncate, truncate_left, width},
    },
    views::{Look, TypingKey, View},
};

/// A request that takes longer than this shows that it runs.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);
const SPIN: Duration = Duration::from_millis(120);

/// Rows that the header takes at a height.
fn header_rows(height: u16) -> u16 {
    if height >= 12 { 2 } else { 1 }
}

/// Where the view is drawn.
pub(super) fn body(area: Rect) -> Rect {
    let top = header_rows(area.height).min(area.height);
    let height = area.height.saturating_sub(top + 1);
    Rect::new(area.x, area.y + top, area.width, height)
}

/// Says that there is no room.
pub(super) fn too_small(area: Rect, buf: &mut Buffer) {
    let (w, h) = super::MIN_SIZE;
    for (row, line) in [format!("{}×{} is too small", area.width, area.height), format!("needs {w}×{h}")].iter().enumerate() {
        let row = u16::try_from(row).unwrap_or(0);
        if row < area.height {
            buf.set_stringn(area.x, area.y + row, line, usize::from(area.width), Style::new());
        }
    }
}

/// Whether two states of a backend are the same to the reader: latencies are shown in milliseconds.
pub(super) fn looks_alike(a: &Health, b: &Health) -> bool {
    match (a, b) {
        (Health::Up(a), Health::Up(b)) => format::millis(*a) == format::millis(*b),
        _ => a == b,
    }
}

/// When the spinner, or the patience before it, moves on.
pub(super) fn spinner_wake(shared: &Shared, now: Timestamp) -> Option<Timestamp> {
    shared.asked.values().min().map(|since| if now.since(*since) < PATIENCE { *since + PATIENCE } else { now + SPIN })
}

/// How much is said of the backends' health: all, with short names, those that are up by their name alone, only those
/// that are not up, and how many these are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HealthDetail {
    Names,
    Short,
    NoLatency,
    Troubled,
    Count,
}

/// What of the first line is left to the crumbs at least.
const CRUMBS: usize = 16;

const fn short_name(backend: Backend) -> &'static str {
    match backend {
        Backend::Prometheus => "prom",
        Backend::Alertmanager => "alert",
        Backend::Loki | Backend::Tempo | Backend::Jaeger => backend.name(),
    }
}

/// What a click on a text of the frame does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Goes back to a page, by its place in the stack.
    Page(usize),
    /// Does a command.
    Run(Command),
    /// Presses a key.
    Type(KeyEvent),
}

/// A text of the frame.
struct Piece {
    x: u16,
    text: String,
    role: Role,
    target: Option<Target>,
}

/// Texts put one after the other into a row.
struct Row {
    area: Rect,
    x: u16,
    pieces: Vec<Piece>,
}

impl Row {
    fn new(area: Rect) -> Self {
        Self { area, x: area.x, pieces: Vec::new() }
    }

    /// Texts that end at the right edge of a row; what they take of it is cut off.
    fn at_right(area: &mut Rect, texts: Vec<(String, Role, Option<Target>)>) -> Self {
        let cells = texts.iter().map(|(text, ..)| width(text)).sum::<usize>();
        let cells = u16::try_from(cells).unwrap_or(u16::MAX).min(area.width);
        let mut row = Self::new(Rect { x: area.right() - cells, width: cells, ..*area });
        for (text, role, target) in texts {
            row.put(text, role, target);
        }
        area.width -= cells;
        row
    }

    fn put(&mut self, text: impl Into<String>, role: Role, target: Option<Target>) {
        let text = text.into();
        let cells = u16::try_from(width(&text)).unwrap_or(u16::MAX);
        self.pieces.push(Piece { x: self.x, text, role, target });
        self.x = self.x.saturating_add(cells);
    }

    fn space(&mut self, cells: u16) {
        self.x = self.x.saturating_add(cells);
    }

    /// Cells that are left.
    fn room(&self) -> usize {
        usize::from(self.area.right().saturating_sub(self.x))
    }

    fn target_at(&self, at: Position) -> Option<Target> {
        let piece =
            self.pieces.iter().find(|p| (p.x..p.x.saturating_add(u16::try_from(width(&p.text)).unwrap_or(u16::MAX))).contains(&at.x))?;
        piece.target.filter(|_| self.area.contains(at))
    }
}

/// The frame of one screen.
pub(super) struct Frame<'a> {
    pub look: Look<'a>,
    pub view: &'a dyn View,
    pub crumbs: Vec<String>,
    pub notice: Option<String>,
    pub pressed: &'a [Chord],
}

impl Frame<'_> {
    pub(super) fn render(&self, area: Rect, buf: &mut Buffer) {
        for row in self.rows(area) {
            for piece in &row.pieces {
                put(buf, row.area, piece.x, &piece.text, self.look.shared.theme.style(piece.role));
            }
        }
    }

    /// What a click at a place does.
    pub(super) fn target_at(&self, area: Rect, at: Position) -> Option<Target> {
        self.rows(area).iter().find_map(|row| row.target_at(at))
    }

    fn rows(&self, area: Rect) -> Vec<Row> {
        let line = |y| Rect::new(area.x, y, area.width, 1);
        let mut rows = self.first_line(line(area.y));
        if header_rows(area.height) > 1 {
            rows.extend(self.second_line(line(area.y + 1)));
        }
        rows.extend(self.footer(line(area.bottom().saturating_sub(1))));
        rows
    }

    /// The crumb trail cut from the left to a width: the crumbs that are left, with their place in the stack.
    fn visible_crumbs(&self, room: usize) -> Vec<(usize, &str)> {
        // The ellipsis before them, and what stays free beside them.
        let (separator, edges) = (3, 6);
        let mut shown: Vec<(usize, &str)> = Vec::new();
        let mut used = 0;
        for (i, crumb) in self.crumbs.iter().enumerate().rev() {
            let cost = width(crumb) + if shown.is_empty() { 0 } else { separator };
            if !shown.is_empty() && used + cost + edges > room {
                break;
            }
            used += cost;
            shown.push((i, crumb));
        }
        shown.reverse();
        shown
    }

    /// The window in full, and in few words.
    fn window_texts(&self) -> [String; 2] {
        let zone = &self.look.shared.settings.zone;
        let range = self.look.range();
        let dash = self.look.shared.glyphs.dash;
        let (short, rest) = match self.look.scope.window {
            TimeWindow::Last(d) => {
                let (start, end) = (format::day_clock(range.start, range.end, zone.0), format::clock(range.end, zone.0));
                (format!("last {}", format::span(d)), format!("   {start} {dash} {end} {}   live ", zone.1))
            }
            TimeWindow::EVERYTHING => ("all times".to_owned(), format!(" {}   live ", zone.1)),
            TimeWindow::Since(t) => {
                let end = format::clock(range.end, zone.0);
                (format!("from {}", format::day_clock(t, range.end, zone.0)), format!(" {dash} {end} {}   live ", zone.1))
            }
            TimeWindow::Fixed(r) => {
                let (start, end) = (format::day_clock(r.start, self.look.now, zone.0), format::day_clock(r.end, r.start, zone.0));
                (format!("{start} {dash} {end}"), format!(" {}   fixed ", zone.1))
            }
        };
        [format!("{short}{rest}"), format!("{short} ")]
    }

    fn first_line(&self, mut area: Rect) -> Vec<Row> {
        let shared = self.look.shared;
        let (room, wide) = (usize::from(area.width), area.width >= 60);
        let mut rows = Vec::new();
        let [full, short] = self.window_texts();
        let window = [(full, 30), (short, CRUMBS)].into_iter().find(|(text, others)| width(text) + others <= room);
        if let Some((window, _)) = window {
            rows.push(Row::at_right(&mut area, vec![(window, Role::Text, Some(Target::Run(Command::TimePicker)))]));
        }
        let mut row = Row::new(area);
        row.put(if wide { " redline  " } else { " " }, Role::Dim, None);
        if wide {
            let choose = (shared.settings.environments.len() > 1).then_some(Target::Run(Command::Environment));
            row.put(self.look.scope.environment.as_str(), Role::Dim, choose);
            row.space(3);
        }
        let crumbs = self.visible_crumbs(row.room().saturating_sub(1));
        if crumbs.first().is_some_and(|(i, _)| *i > 0) {
            row.put(format!("{} {} ", shared.glyphs.ellipsis, shared.glyphs.crumb), Role::Dim, None);
        }
        for (n, (i, crumb)) in crumbs.into_iter().enumerate() {
            if n > 0 {
                row.put(format!(" {} ", shared.glyphs.crumb), Role::Dim, None);
            }
            let role = if i + 1 == self.crumbs.len() { Role::Title } else { Role::Dim };
            let text = truncate_left(crumb, row.room().saturating_sub(3).max(1), shared.glyphs.ellipsis);
            row.put(text, role, Some(Target::Page(i)));
        }
        rows.push(row);
        rows
    }

    /// The scope, and at the right the backends, in as many words as there is room for.
    fn second_line(&self, mut area: Rect) -> Vec<Row> {
        let (scope, room) = (self.scope_text(), usize::from(area.width));
        let log = Some(Target::Run(Command::Diagnostics));
        let fits = |detail: HealthDetail| {
            let health: usize = self.health_texts(detail).iter().map(|(text, _)| width(text) + 3).sum();
            // A scope that has no room in any case leaves half of it to what is wrong.
            let scope = if detail == HealthDetail::Troubled { width(&scope).min(room / 2) } else { width(&scope) };
            scope + health <= room
        };
        let details = [HealthDetail::Names, HealthDetail::Short, HealthDetail::NoLatency, HealthDetail::Troubled];
        let health = self.health_texts(details.into_iter().find(|d| fits(*d)).unwrap_or(HealthDetail::Count));
        let right = Row::at_right(&mut area, health.into_iter().map(|(text, role)| (format!("  {text} "), role, log)).collect());
        let mut row = Row::new(area);
        row.put(truncate(&scope, usize::from(area.width), self.look.shared.glyphs.ellipsis), Role::Text, None);
        vec![row, right]
    }

    fn scope_text(&self) -> String {
        let scope = self.look.scope;
        let mut parts = Vec::new();
        match (&scope.service, scope.trace) {
            (Some(service), _) => parts.push(format!("service={service}")),
            (None, None) => parts.push(self.view.about(&self.look).unwrap_or_else(|| "all services".to_owned())),
            (None, Some(_)) => {}
        }
        parts.extend(scope.matchers.iter().map(|m| format!("{}{}{}", m.name, m.op.as_str(), m.value)));
        parts.extend(scope.trace.map(|t| format!("trace={}", t.short())));
        parts.extend(self.view.filters(&self.look));
        format!(" {}", parts.join("  "))
    }

    fn health_texts(&self, detail: HealthDetail) -> Vec<(String, Role)> {
        if detail == HealthDetail::Count {
            return self.health_counts();
        }
        Backend::ALL
            .iter()
            .filter_map(|b| {
                let name = if detail == HealthDetail::Names { b.name() } else { short_name(*b) };
                match self.look.shared.health(*b) {
                    Health::Unknown => Some((format!("{name} {}", self.look.shared.glyphs.dash), Role::Dim)),
                    Health::NotConfigured => None,
                    Health::Up(_) if detail == HealthDetail::Troubled => None,
                    Health::Up(_) if detail == HealthDetail::NoLatency => Some((name.to_owned(), Role::Dim)),
                    Health::Up(latency) => Some((format!("{name} {}", format::millis(*latency)), Role::Dim)),
                    Health::Limited { until, .. } => {
                        let left = until.since(self.look.now);
                        let rest = if left.is_zero() { String::new() } else { format!(", {}", format::age(left)) };
                        Some((format!("{name} limits us{rest}"), Role::Warn))
                    }
                    Health::Down { since, error } => {
                        let age = format::age(self.look.now.since(*since));
                        Some(match error.part() {
                            Some((failing, all)) => (format!("{name} {failing} of {all} down {age}"), Role::Warn),
                            None => (format!("{name} down {age}"), Role::Bad),
                        })
                    }
                }
            })
            .collect()
    }

    fn health_counts(&self) -> Vec<(String, Role)> {
        let count = |is: fn(&Health) -> bool| self.look.shared.health.iter().filter(|h| is(h)).count();
        let (down, limited) = (count(|h| matches!(h, Health::Down { .. })), count(|h| matches!(h, Health::Limited { .. })));
        let counted = [(down, "down", Role::Bad), (limited, "limited", Role::Warn)];
        counted.into_iter().filter(|(n, ..)| *n > 0).map(|(n, what, role)| (format!("{n} {what}"), role)).collect()
    }

    fn footer(&self, mut area: Rect) -> Vec<Row> {
        let mut row = Row::new(area);
        if let Some(prompt) = self.view.prompt() {
            let line = prompt.line(area.width);
            row.put(line.text, Role::Text, None);
            row.put(truncate(line.forms, row.room(), self.look.shared.glyphs.ellipsis), Role::Dim, None);
            return vec![row];
        }
        let typing = self.view.typing_keys();
        let waiting = self.waiting().map(|text| Row::at_right(&mut area, vec![(format!(" {text}"), Role::Dim, None)]));
        if !self.pressed.is_empty() {
            row = self.which_key(area);
        } else if let Some(notice) = &self.notice {
            row.put(format!(" {notice}"), Role::Warn, None);
        } else if !typing.is_empty() {
            for TypingKey { key, words } in typing {
                let (press, label) = (Some(Target::Type(key)), format!("{} ", Chord::of(key)));
                if width(&label) + width(words) + 1 > row.room() {
                    break;
                }
                row.space(1);
                row.put(label, Role::Accent, press);
                row.put(words, Role::Text, press);
                row.space(2);
            }
        } else {
            return self.hints(area).into_iter().chain(waiting).collect();
        }
        row.area = area;
        [Some(row), waiting].into_iter().flatten().collect()
    }

    /// Keys that can follow what was pressed.
    fn which_key(&self, area: Rect) -> Row {
        let pressed = show_sequence(self.pressed);
        let mut row = Row::new(area);
        row.put(format!(" {pressed}"), Role::Accent, None);
        row.space(2);
        for spec in COMMANDS.iter().filter(|s| s.applies(self.view.kind()) && App::has(&self.look, s)) {
            for keys in self.look.shared.keymap.keys(spec.command) {
                if let Some(rest) = keys.strip_prefix(&pressed).filter(|rest| !rest.is_empty()) {
                    let run = Some(Target::Run(spec.command));
                    row.put(format!("{rest} "), Role::Accent, run);
                    row.put(spec.help, Role::Text, run);
                    row.space(2);
                }
            }
        }
        row
    }

    fn hints(&self, mut area: Rect) -> [Row; 2] {
        let keymap = &self.look.shared.keymap;
        let facts = super::facts(self.view, &self.look);
        let always = [(Command::Help, "help"), (Command::Palette, "command")];
        let always = always.iter().filter_map(|(c, hint)| keymap.key(*c).map(|k| (k, *hint, Some(Target::Run(*c)))));
        let always = always.flat_map(|(key, hint, run)| [(format!("  {key} "), Role::Accent, run), (format!("{hint} "), Role::Dim, run)]);
        let end = Row::at_right(&mut area, always.collect());
        let mut row = Row::new(area);
        row.space(1);
        for command in self.view.hints() {
            let spec = command.spec();
            let offered = App::has(&self.look, spec) && (spec.enabled)(&facts).is_ok();
            let Some(key) = keymap.key(*command).filter(|_| offered) else { continue };
            let hint = self.view.hint(*command).unwrap_or(spec.hint);
            if width(&key) + width(hint) + 1 > row.room() {
                break;
            }
            let run = Some(Target::Run(*command));
            row.put(format!("{key} "), Role::Accent, run);
            row.put(hint, Role::Text, run);
            row.space(3);
        }
        [row, end]
    }

    /// What is asked and takes its time.
    fn waiting(&self) -> Option<String> {
        let shared = self.look.shared;
        let since = shared.asked.values().min().filter(|since| self.look.now.since(**since) >= PATIENCE)?;
        let elapsed = self.look.now.since(*since);
        let frame = usize::try_from(elapsed.as_millis() / SPIN.as_millis()).unwrap_or(0) % shared.glyphs.spinner.len();
        let spinner = shared.glyphs.spinner[frame];
        Some(format!("{spinner} {} under way  {:.1} s ", shared.asked.len(), elapsed.as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;

    use super::*;
    use crate::{
        app::testing::{test_shared, text_of},
        core::{
            command::ViewKind,
            msg::{Event, Msg},
            scope::Scope,
        },
    };

    #[test]
    fn an_empty_prompt_says_what_can_be_typed_and_is_cut_on_a_narrow_screen() {
        for (kind, columns, expected) in [
            (ViewKind::Logs, 80, " /   text   /regex/   !text, !/regex/: not   lower case: any case"),
            (ViewKind::Logs, 40, " /   text   /regex/   !text, !/regex/: …"),
            (ViewKind::Logs, 20, " /   text   /regex/…"),
            (ViewKind::Alerts, 40, " /   word   label=value   label!=value …"),
        ] {
            let size = (columns, 12);
            let now = Timestamp::from_secs(36_000);
            let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600)));
            let mut app = App::new(test_shared(), kind, scope, &[], now, size);
            app.update(Msg { now, event: Event::Key(KeyEvent::from(KeyCode::Char('/'))) });
            let footer = |app: &App| {
                let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
                app.render(buf.area, &mut buf);
                text_of(&buf).lines().nth(11).map(str::to_owned).unwrap_or_default()
            };
            assert_eq!((footer(&app).as_str(), app.cursor()), (expected, Some((2, 11))));
            app.update(Msg { now, event: Event::Key(KeyEvent::from(KeyCode::Char('x'))) });
            let line = footer(&app);
            assert!(line.starts_with(" /x") && !line.contains("regex"), "{line}");
        }
    }
}
