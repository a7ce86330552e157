//! How patterns look.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use super::{
    super::{
        Logs,
        draw::SPLIT,
        row::{level_role, level_word},
    },
    exceptions,
    windows::window,
};
use crate::{
    core::command::{Command, Facts},
    log_fields::recognise,
    log_patterns::{Change, LinePattern, WILDCARD, Windows},
    model::{
        log::Level,
        series::Sample,
        time::{TimeRange, Timestamp},
    },
    theme::Role,
    ui::{
        format,
        panel::{self, Panel},
        spark::spark,
        table::{Cell, Column, Table, WHEEL, position, visible_rows},
        text::width,
    },
    views::{Cx, Look, Pointed, View, sheet::Sheet},
};

/// Names of fields that follow a structured line's message.
const FIELDS: usize = 12;

/// Cells of a trend: on a wide screen one for each of its bars.
const fn trend_cells(width: u16) -> u16 {
    if width < 130 { 11 } else { 24 }
}

const fn columns(width: u16) -> [Column<'static>; 8] {
    let trend = trend_cells(width);
    [
        Column::text("CHANGE", 6, 6),
        Column::number("LINES", 7),
        Column::number("SHARE", 6).drop(4),
        Column::text("TREND", trend, trend).drop(2),
        Column::text("LEVEL", 5, 5).drop(3),
        Column::text("FIRST", 8, 8).drop(5),
        Column::text("LAST", 8, 8).drop(6),
        Column::text("PATTERN", 24, u16::MAX),
    ]
}

/// Where the panes of patterns are. One that is not shown has no height.
pub(super) struct PatternPlaces {
    list: Rect,
    detail: Rect,
}

impl PatternPlaces {
    fn table(&self) -> Rect {
        if self.list.height == 0 { self.list } else { Panel::inner(self.list) }
    }

    pub(super) fn sheet(&self) -> Rect {
        if self.detail.height == 0 { self.detail } else { Panel::inner(self.detail) }
    }

    pub(super) fn rows(&self) -> usize {
        visible_rows(self.table())
    }
}

impl Logs {
    pub(super) fn pattern_places(&self, area: Rect) -> PatternPlaces {
        let none = Rect { height: 0, ..area };
        if self.full || area.height < SPLIT {
            return if self.patterns.in_detail {
                PatternPlaces { list: none, detail: area }
            } else {
                PatternPlaces { list: area, detail: none }
            };
        }
        let height = (area.height / 4).clamp(7, 12);
        let list = Rect { height: area.height - height + 1, ..area };
        PatternPlaces { list, detail: Rect { y: area.bottom() - height, height, ..area } }
    }

    pub(in super::super) fn pattern_facts(&self, look: &Look<'_>) -> Facts {
        Facts {
            rows: self.has_patterns(),
            drill: if self.has_patterns() { None } else { Some("there is no pattern to open") },
            errors: self.has_bad_pattern(),
            patterns: true,
            panes: true,
            graphs: self.volume.value().is_some(),
            query: self.files.is_none(),
            live: look.scope.window.is_live(),
            ..Facts::default()
        }
    }

    pub(in super::super) fn draw_patterns(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let spanned = self.files_scope(look);
        let look = &spanned.as_ref().map_or(*look, |scope| Look { scope, ..*look });
        let places = self.pattern_places(area);
        if places.list.height > 0 {
            self.draw_table(look, &places, buf);
        }
        if places.detail.height > 0 {
            let kind = if self.patterns.of_exceptions { "exception" } else { "pattern" };
            let title = format!("{kind} {}", self.pattern_position(look));
            Panel::new(title).note(self.other_side(look)).focused(self.patterns.in_detail).render(look.shared, places.detail, buf);
            self.pattern_sheet(look).render(look.shared, places.sheet(), buf, self.patterns.scroll);
        }
    }

    /// `3 of 14 · 2 came above`
    fn pattern_position(&self, look: &Look<'_>) -> String {
        let patterns = &self.patterns;
        let position = position(&patterns.table, patterns.rows.len());
        match patterns.came {
            0 => position,
            came => format!("{position} {} {} came above", look.shared.glyphs.middle_dot, format::count(came as u64)),
        }
    }

    fn draw_table(&self, look: &Look<'_>, places: &PatternPlaces, buf: &mut Buffer) {
        let patterns = &self.patterns;
        let rows = patterns.rows.len();
        let (title, note) = self.pattern_edge(look, usize::from(places.list.width).saturating_sub(9));
        let mut panel = Panel::new(title).note(note).focused(!self.patterns.in_detail);
        if places.detail.height == 0 {
            panel = panel.bottom(self.pattern_position(look)).bottom_note(self.other_side(look));
        }
        panel.render(look.shared, places.list, buf);
        if rows == 0 {
            panel::message(look.shared, places.table(), buf, &self.no_patterns(look, places.list));
            return;
        }
        let (of_patterns, of_exceptions) = (columns(places.list.width), exceptions::columns(trend_cells(places.list.width)));
        let columns = if patterns.of_exceptions { &of_exceptions[..] } else { &of_patterns[..] };
        let table = Table { columns, rows, state: &patterns.table, focused: !self.patterns.in_detail };
        let total = self.counted_lines();
        table.render(look.shared, places.table(), buf, |row, column| match patterns.row(row) {
            Some(pattern) => self.cell(look, pattern, column, (total, places.list.width)),
            None => Cell::default(),
        });
    }

    /// What was clustered, by whom, and what it is compared with: as much of it as there is room for.
    fn pattern_edge(&self, look: &Look<'_>, room: usize) -> (String, String) {
        let titles = self.pattern_titles(look);
        let [full, brief] = self.pattern_notes(look);
        let ways = [(0, &full), (1, &full), (1, &brief), (2, &brief), (3, &brief)];
        let fits = |(title, note): &(usize, &String)| width(&titles[*title]) + width(note) <= room;
        match ways.into_iter().find(fits) {
            Some((title, note)) => (titles[title].clone(), note.clone()),
            None => (titles[3].clone(), String::new()),
        }
    }

    /// `14 patterns of 41,223 lines since 14:02 ── local drain`, longer and shorter.
    fn pattern_titles(&self, look: &Look<'_>) -> [String; 4] {
        let patterns = &self.patterns;
        let count = format::counted(patterns.rows.len(), "pattern");
        let lines = format!("{count} of {}", format::counted(usize::try_from(self.counted_lines()).unwrap_or(usize::MAX), "line"));
        let (count, lines) = if patterns.of_exceptions { self.exceptions_in_lines() } else { (count, lines) };
        let since = match (&patterns.told, patterns.found.as_ref().and_then(|f| f.span)) {
            (Some(_), _) => format!(" since {}", format::day_clock(look.range().start, look.now, look.shared.settings.zone.0)),
            (None, Some(span)) => format!(" since {}", format::day_clock(span.start, look.now, look.shared.settings.zone.0)),
            (None, None) => String::new(),
        };
        let by = match () {
            () if patterns.of_exceptions => "by type and own frame",
            () if patterns.told.is_some() => "by Loki, of whole streams",
            () => "local drain",
        };
        let separator = format!(" {} ", look.shared.glyphs.horizontal.repeat(2));
        let coarse = patterns.told.is_none() && patterns.found.as_ref().is_some_and(|f| f.is_coarse());
        let coarse = if coarse { format!("{separator}too many forms, so only their first words count") } else { String::new() };
        let failed = patterns.failed.as_ref().map_or_else(String::new, |e| format!("{separator}{}", e.message));
        let new = match self.new_patterns() {
            0 => String::new(),
            new => format!("{separator}{new} new"),
        };
        let (short, brief) = (if patterns.told.is_some() { "Loki" } else { "local" }, format!("{lines}{since}"));
        [
            format!("{lines}{since}{separator}{by}{coarse}{failed}{new}"),
            format!("{brief}{separator}{short}{failed}{new}"),
            format!("{lines}{separator}{short}{new}"),
            format!("{count}{separator}{short}"),
        ]
    }

    fn pattern_notes(&self, look: &Look<'_>) -> [String; 2] {
        self.compared(look, &self.shown_windows(look))
    }

    /// What is compared by the patterns that are shown.
    fn shown_windows(&self, look: &Look<'_>) -> Windows {
        match (&self.patterns.told, &self.patterns.found) {
            (None, Some(found)) => found.counting.windows,
            (Some(_), _) => self.whole_windows(look),
            (None, None) => self.windows(look),
        }
    }

    /// What there is on the other side of `B`.
    fn other_side(&self, look: &Look<'_>) -> String {
        let key = look.shared.keymap.key(Command::PatternsBy).unwrap_or_default();
        match (&self.patterns.told, self.served(look)) {
            _ if self.patterns.of_exceptions => String::new(),
            (Some(_), _) => format!("{key} the lines that are loaded"),
            (None, Some(Some(told))) if !told.is_empty() => {
                format!("{key} Loki's {} of the whole window", format::counted(told.len(), "pattern"))
            }
            _ => String::new(),
        }
    }

    fn counted_lines(&self) -> u64 {
        let patterns = &self.patterns;
        match (&patterns.told, &patterns.found) {
            (Some(told), _) => told.iter().map(|p| p.seen.count).sum(),
            (None, Some(found)) if patterns.of_exceptions => found.patterns.iter().map(|p| p.seen.count).sum(),
            (None, Some(found)) => found.lines,
            (None, None) => 0,
        }
    }

    fn no_patterns(&self, look: &Look<'_>, area: Rect) -> Vec<String> {
        if self.patterns.told.is_some() {
            return vec!["Loki tells of no pattern in this window.".to_owned()];
        }
        if self.kept() == 0 || (self.store.shown() == 0 && self.patterns.found.is_some()) {
            return self.blank(look, area);
        }
        if self.patterns.of_exceptions {
            return self.no_exceptions(look);
        }
        if self.patterns.found.is_some() && self.patterns.job.is_none() {
            return vec!["No line has a pattern.".to_owned()];
        }
        vec![format!("Clustering {}.", format::counted(self.kept(), "line"))]
    }

    fn cell(&self, look: &Look<'_>, pattern: &LinePattern, column: usize, room: (u64, u16)) -> Cell<'static> {
        let Some(facts) = &pattern.exception else { return self.pattern_cell(look, pattern, column, room) };
        let theme = &look.shared.theme;
        let (text, dim) = (theme.style(Role::Text), theme.style(Role::Dim));
        match (exceptions::AS_PATTERNS.get(column).copied().flatten(), column) {
            (Some(column), _) => self.pattern_cell(look, pattern, column, room),
            (None, 3) => Cell::new(exceptions::services(facts), dim),
            (None, _) => {
                let (name, message) = exceptions::words(&facts.thrown);
                let is_out = self.patterns.is_out(pattern);
                let name = if is_out { Cell::new("excluded: ", dim).and(name, dim) } else { Cell::new(name, text) };
                name.and(message, dim)
            }
        }
    }

    fn pattern_cell(&self, look: &Look<'_>, pattern: &LinePattern, column: usize, (total, width): (u64, u16)) -> Cell<'static> {
        let (theme, zone) = (&look.shared.theme, look.shared.settings.zone.0);
        let is_out = self.patterns.is_out(pattern);
        let (text, dim) = (theme.style(if is_out { Role::Dim } else { Role::Text }), theme.style(Role::Dim));
        let seen = &pattern.seen;
        let clock = |at: Timestamp| format::clock_seconds(at, zone);
        match column {
            0 => Cell::new(change_word(pattern.change), theme.style(change_role(pattern))),
            1 => Cell::new(format::count(seen.count), text),
            2 => Cell::new(format::percent(seen.count as f64 / total.max(1) as f64), dim),
            3 => Cell::new(trend(pattern, usize::from(trend_cells(width)), look), dim),
            4 => Cell::new(level_word(seen.level), theme.style(if is_out { Role::Dim } else { level_role(seen.level) })),
            5 => Cell::new(clock(seen.first), dim),
            6 => Cell::new(clock(seen.last), dim),
            _ => words(pattern, is_out, text, dim),
        }
    }

    pub(super) fn pattern_sheet(&self, look: &Look<'_>) -> Sheet {
        let mut sheet = Sheet::default();
        let Some(pattern) = self.patterns.selected() else { return sheet };
        let (seen, zone) = (&pattern.seen, look.shared.settings.zone.0);
        sheet.head(&pattern.template, if seen.level >= Level::Warn { level_role(seen.level) } else { Role::Text });
        let share = format::percent(seen.count as f64 / self.counted_lines().max(1) as f64);
        sheet.add("lines", format!("{}, {share} of all", format::count(seen.count)));
        if let Some(facts) = &pattern.exception {
            exceptions::add_facts(&mut sheet, facts);
        }
        let windows = self.shown_windows(look);
        let rate = |lines: u64, w: TimeRange| {
            format!(
                "{}, {}",
                format::counted(usize::try_from(lines).unwrap_or(usize::MAX), "line"),
                format::rate(lines as f64 / w.duration().as_secs_f64().max(1.0))
            )
        };
        if let Some(before) = windows.before {
            sheet.add_as(window(look, before), rate(seen.before, before), Role::Text);
        }
        let change = change_word(pattern.change);
        sheet.add_as(
            window(look, windows.after),
            format!("{}  {change}", rate(seen.after, windows.after)),
            change_role_of(pattern.change, Role::Text),
        );
        if seen.first <= seen.last {
            sheet.add("first seen", format::date_time(seen.first, zone));
            sheet.add("last seen", format::date_time(seen.last, zone));
        }
        match &pattern.exception {
            Some(_) => sheet.add("first line with it", exceptions::trace(&pattern.example)),
            None if pattern.example.is_empty() => {}
            None => sheet.add("example", pattern.example.to_string()),
        }
        if self.patterns.is_out(pattern) {
            let key = look.shared.keymap.key(Command::Exclude).unwrap_or_default();
            sheet.add_as("excluded", format!("its lines are left out of the list; {key} shows them again"), Role::Warn);
        }
        sheet
    }

    pub(in super::super) fn pattern_pointed(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let places = self.pattern_places(cx.area);
        let at = Position::new(event.column, event.row);
        if places.sheet().contains(at) {
            let step = match event.kind {
                MouseEventKind::ScrollDown => Command::Down,
                MouseEventKind::ScrollUp => Command::Up,
                MouseEventKind::Down(MouseButton::Left) => {
                    self.patterns.in_detail = true;
                    return Pointed::Used;
                }
                _ => return Pointed::Nothing,
            };
            self.patterns.in_detail = true;
            return if (0..WHEEL).fold(false, |used, _| self.command(cx, step) || used) { Pointed::Used } else { Pointed::Nothing };
        }
        let pointed = self.patterns.table.mouse(event, places.table(), self.patterns.rows.len());
        if pointed != Pointed::Nothing {
            self.patterns.in_detail = false;
            self.patterns.scroll = 0;
        }
        pointed
    }
}

/// `NEW`, `×6.2`, `GONE`; what did not change says nothing.
fn change_word(change: Change) -> String {
    match change {
        Change::New => "NEW".to_owned(),
        Change::Gone => "GONE".to_owned(),
        Change::Times(times) if times >= 9.95 => format!("×{times:.0}"),
        Change::Times(times) if times < 0.095 => format!("×{times:.2}"),
        Change::Times(times) => format!("×{times:.1}"),
        Change::None => String::new(),
    }
}

fn change_role(pattern: &LinePattern) -> Role {
    if pattern.change == Change::New && pattern.seen.level >= Level::Error { Role::Bad } else { change_role_of(pattern.change, Role::Dim) }
}

fn change_role_of(change: Change, other: Role) -> Role {
    match change {
        Change::New | Change::Gone => Role::Warn,
        Change::Times(times) if times > 1.0 => Role::Warn,
        Change::Times(_) | Change::None => other,
    }
}

fn trend(pattern: &LinePattern, cells: usize, look: &Look<'_>) -> String {
    let bars = &pattern.seen.trend;
    let sample = |(i, lines): (i64, &u32)| Sample { at: Timestamp(i), value: f64::from(*lines) };
    let samples: Vec<Sample> = (0..).zip(bars).map(sample).collect();
    let end = i64::try_from(bars.len()).unwrap_or(1);
    spark(&samples, TimeRange { start: Timestamp(0), end: Timestamp(end) }, cells, look.shared.glyphs)
}

/// The template, what varies dim; the names of the fields that a structured line has beside its message.
fn words(pattern: &LinePattern, is_out: bool, text: Style, dim: Style) -> Cell<'static> {
    let mut cell = if is_out { Cell::new("excluded: ", dim) } else { Cell::default() };
    for (i, piece) in pattern.template.split(WILDCARD).enumerate() {
        if i > 0 {
            cell = cell.and(WILDCARD, dim);
        }
        cell = cell.and(piece.to_owned(), text);
    }
    let record = recognise(&pattern.example);
    let beside = record.inline().filter(|(name, _)| !pattern.template.contains(&format!("{name}=")));
    beside.take(FIELDS).fold(cell, |cell, (name, _)| cell.and(format!(" {name}={WILDCARD}"), dim))
}
