//! What is around every view: two lines of header (where am I, what is the scope, how are the backends) and one of
//! footer (what can I do, what just happened).

use std::time::Duration;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr;

use super::Shared;
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
        text::{put, put_right, truncate, truncate_left, width},
    },
    views::{Look, View},
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

/// How much is said of each backend's health: all, with short names, and those that are up by their name alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum HealthDetail {
    Names,
    Short,
    NoLatency,
}

const fn short_name(backend: Backend) -> &'static str {
    match backend {
        Backend::Prometheus => "prom",
        Backend::Alertmanager => "alert",
        Backend::Loki | Backend::Tempo => backend.name(),
    }
}

/// The frame of one screen.
pub(super) struct Frame<'a> {
    pub look: Look<'a>,
    pub view: &'a dyn View,
    pub crumbs: Vec<String>,
    pub notice: Option<&'a str>,
    pub pressed: &'a [Chord],
}

impl Frame<'_> {
    pub(super) fn render(&self, area: Rect, buf: &mut Buffer) {
        self.first_line(Rect::new(area.x, area.y, area.width, 1), buf);
        if header_rows(area.height) > 1 {
            self.second_line(Rect::new(area.x, area.y + 1, area.width, 1), buf);
        }
        self.footer(Rect::new(area.x, area.bottom().saturating_sub(1), area.width, 1), buf);
    }

    fn style(&self, role: Role) -> Style {
        self.look.shared.theme.style(role)
    }

    fn prefix(&self) -> String {
        format!(" redline  {}   ", self.look.scope.environment)
    }

    /// The crumb trail cut from the left to a width: the crumbs that are left, with their place in the stack.
    fn visible_crumbs(&self, room: usize) -> Vec<(usize, String)> {
        let separator = 3;
        let mut shown: Vec<(usize, String)> = Vec::new();
        let mut used = 0;
        for (i, crumb) in self.crumbs.iter().enumerate().rev() {
            let cost = width(crumb) + if shown.is_empty() { 0 } else { separator };
            if !shown.is_empty() && used + cost + 4 > room {
                break;
            }
            used += cost;
            shown.push((i, crumb.clone()));
        }
        shown.reverse();
        shown
    }

    fn window_text(&self) -> String {
        let zone = &self.look.shared.settings.zone;
        let range = self.look.range();
        let dash = self.look.shared.glyphs.dash;
        match self.look.scope.window {
            TimeWindow::Last(d) => {
                format!(
                    "last {}   {} {dash} {} {}   live ",
                    format::span(d),
                    format::clock(range.start, zone.0),
                    format::clock(range.end, zone.0),
                    zone.1
                )
            }
            TimeWindow::Since(t) => {
                format!("from {} {dash} {} {}   live ", format::day_clock(t, range.end, zone.0), format::clock(range.end, zone.0), zone.1)
            }
            TimeWindow::Fixed(r) => {
                format!(
                    "{} {dash} {} {}   fixed ",
                    format::day_clock(r.start, self.look.now, zone.0),
                    format::day_clock(r.end, r.start, zone.0),
                    zone.1
                )
            }
        }
    }

    fn first_line(&self, area: Rect, buf: &mut Buffer) {
        let window = self.window_text();
        let mut right = width(&window);
        if usize::from(area.width) < right + 30 {
            right = 0;
        }
        let prefix = if area.width >= 60 { self.prefix() } else { " ".to_owned() };
        let mut x = put(buf, area, area.x, &prefix, self.style(Role::Dim));
        let room = usize::from(area.width).saturating_sub(width(&prefix) + right + 1);
        let crumbs = self.visible_crumbs(room);
        if crumbs.first().is_some_and(|(i, _)| *i > 0) {
            x = put(
                buf,
                area,
                x,
                &format!("{} {} ", self.look.shared.glyphs.ellipsis, self.look.shared.glyphs.crumb),
                self.style(Role::Dim),
            );
        }
        for (n, (i, crumb)) in crumbs.iter().enumerate() {
            if n > 0 {
                x = put(buf, area, x, &format!(" {} ", self.look.shared.glyphs.crumb), self.style(Role::Dim));
            }
            let role = if *i + 1 == self.crumbs.len() { Role::Title } else { Role::Dim };
            let room = usize::from(area.right().saturating_sub(x)).saturating_sub(right + 3);
            x = put(buf, area, x, &truncate_left(crumb, room.max(1), self.look.shared.glyphs.ellipsis), self.style(role));
        }
        if right > 0 {
            put_right(buf, area, &window, self.style(Role::Text));
        }
    }

    /// Which crumb is under a column of the first line.
    pub(super) fn crumb_at(&self, area: Rect, column: u16) -> Option<usize> {
        let prefix = if area.width >= 60 { self.prefix() } else { " ".to_owned() };
        let window = width(&self.window_text());
        let right = if usize::from(area.width) < window + 30 { 0 } else { window };
        let room = usize::from(area.width).saturating_sub(width(&prefix) + right + 1);
        let crumbs = self.visible_crumbs(room);
        let mut x = width(&prefix) + if crumbs.first().is_some_and(|(i, _)| *i > 0) { 4 } else { 0 };
        for (i, crumb) in crumbs {
            let end = x + width(&crumb);
            if (x..end).contains(&usize::from(column)) {
                return Some(i);
            }
            x = end + 3;
        }
        None
    }

    /// The scope, and at the right the backends, in as many words as there is room for.
    fn second_line(&self, area: Rect, buf: &mut Buffer) {
        let scope = self.scope_text();
        let total = |health: &[(String, Role)]| health.iter().map(|(text, _)| width(text) + 3).sum::<usize>();
        let room = usize::from(area.width);
        let details = [HealthDetail::Names, HealthDetail::Short, HealthDetail::NoLatency].map(|detail| self.health_texts(detail));
        let fits = |health: &&Vec<(String, Role)>| width(&scope) + 2 + total(health) <= room;
        let [.., least] = &details;
        let health = details.iter().find(fits).unwrap_or(least);
        let mut x = area.right().saturating_sub(u16::try_from(total(health)).unwrap_or(u16::MAX)).max(area.x);
        let left = usize::from(x.saturating_sub(area.x)).saturating_sub(2);
        put(buf, area, area.x, &truncate(&scope, left, self.look.shared.glyphs.ellipsis), self.style(Role::Text));
        for (text, role) in health {
            x = put(buf, area, x, text, self.style(*role)) + 3;
        }
    }

    fn scope_text(&self) -> String {
        let scope = self.look.scope;
        let mut parts = Vec::new();
        match (&scope.service, scope.trace) {
            (Some(service), _) => parts.push(format!("service={service}")),
            (None, None) => parts.push("all services".to_owned()),
            (None, Some(_)) => {}
        }
        parts.extend(scope.matchers.iter().map(|m| format!("{}{}{}", m.name, m.op.as_str(), m.value)));
        parts.extend(scope.trace.map(|t| format!("trace={}", t.short())));
        parts.extend(self.view.filters(&self.look));
        format!(" {}", parts.join("  "))
    }

    fn health_texts(&self, detail: HealthDetail) -> Vec<(String, Role)> {
        Backend::ALL
            .iter()
            .filter_map(|b| {
                let name = if detail == HealthDetail::Names { b.name() } else { short_name(*b) };
                match self.look.shared.health(*b) {
                    Health::NotConfigured => None,
                    Health::Unknown => Some((format!("{name} {}", self.look.shared.glyphs.dash), Role::Dim)),
                    Health::Up(_) if detail == HealthDetail::NoLatency => Some((name.to_owned(), Role::Dim)),
                    Health::Up(latency) => Some((format!("{name} {}", format::millis(*latency)), Role::Dim)),
                    Health::Down { since, .. } => Some((format!("{name} down {}", format::age(self.look.now.since(*since))), Role::Bad)),
                }
            })
            .collect()
    }

    fn footer(&self, area: Rect, buf: &mut Buffer) {
        if let Some((prompt, _)) = self.view.prompt() {
            put(buf, area, area.x, &prompt, self.style(Role::Text));
            return;
        }
        let mut room = area;
        let waiting = self.waiting();
        if let Some(text) = &waiting {
            put_right(buf, area, text, self.style(Role::Dim));
            room.width = room.width.saturating_sub(u16::try_from(text.width()).unwrap_or(0) + 1);
        }
        if !self.pressed.is_empty() {
            self.which_key(room, buf);
        } else if let Some(notice) = self.notice {
            put(buf, room, room.x, &format!(" {notice}"), self.style(Role::Warn));
        } else {
            self.hints(room, buf);
        }
    }

    /// Keys that can follow what was pressed.
    fn which_key(&self, area: Rect, buf: &mut Buffer) {
        let pressed = show_sequence(self.pressed);
        let mut x = put(buf, area, area.x, &format!(" {pressed}"), self.style(Role::Accent)) + 2;
        for spec in COMMANDS.iter().filter(|s| s.applies(self.view.kind())) {
            for keys in self.look.shared.keymap.keys(spec.command) {
                if let Some(rest) = keys.strip_prefix(&pressed).filter(|rest| !rest.is_empty()) {
                    x = put(buf, area, x, rest, self.style(Role::Accent)) + 1;
                    x = put(buf, area, x, spec.help, self.style(Role::Text)) + 2;
                }
            }
        }
    }

    fn hints(&self, area: Rect, buf: &mut Buffer) {
        let keymap = &self.look.shared.keymap;
        let facts = self.view.facts(&self.look);
        let end: Vec<(String, &str)> = [(Command::Help, "help"), (Command::Palette, "command")]
            .iter()
            .filter_map(|(c, hint)| keymap.key(*c).map(|k| (k, *hint)))
            .collect();
        let end_width: usize = end.iter().map(|(k, h)| width(k) + width(h) + 4).sum();
        let stop = area.right().saturating_sub(u16::try_from(end_width).unwrap_or(0));
        let mut x = area.x + 1;
        for command in self.view.hints() {
            let spec = command.spec();
            let Some(key) = keymap.key(*command).filter(|_| (spec.enabled)(&facts).is_ok()) else { continue };
            let hint = self.view.hint(*command).unwrap_or(spec.hint);
            let cost = u16::try_from(width(&key) + width(hint) + 1).unwrap_or(u16::MAX);
            if x.saturating_add(cost + 2) > stop {
                break;
            }
            x = put(buf, area, x, &key, self.style(Role::Accent)) + 1;
            x = put(buf, area, x, hint, self.style(Role::Text)) + 3;
        }
        let mut x = stop;
        for (key, hint) in end {
            x = put(buf, area, x, &key, self.style(Role::Accent)) + 1;
            x = put(buf, area, x, hint, self.style(Role::Dim)) + 2;
        }
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
