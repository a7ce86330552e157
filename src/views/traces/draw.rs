//! The table of hits, and each hit as a dot of time and duration above it where there is room.

use std::time::Duration;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    Traces,
    columns::{self, plain_name},
    query,
    rows::{Row, has_spans},
    title,
};
use crate::{
    core::command::Command,
    model::{
        time::TimeRange,
        trace::{HitSpan, TraceHit},
    },
    theme::{Glyphs, Role},
    ui::{
        chart::{Chart, Dot, Plane, TimeAxis, Unit},
        format,
        panel::{self, Panel, State},
        table::{Cell, Column, Table, position},
        text::{truncate, width},
    },
    views::{Look, waterfall},
};

/// Shown for a root span that has not arrived.
pub(super) const NO_ROOT: &str = "root not received";
/// The same for a trace so young that it is likely to come.
const IN_FLIGHT: &str = "in flight, no root yet";
/// Cells of the bar beside the duration.
const BAR: u16 = 8;
/// Rows of the dots with their border, and the size of the view from which on there is room for them.
const DOTS: u16 = 11;
const DOTS_FROM: (u16, u16) = (100, 28);
/// The least height with the line of rate, errors and duration.
const RED_FROM: u16 = 12;
/// Cells of a time, and of one of another day.
const CLOCK: u16 = 12;
const DAY_CLOCK: u16 = 18;

/// Left out in this order when the screen is narrow: id, matched, spans, bar.
const COLUMNS: [Column; 8] = [
    Column::text("TIME", CLOCK, CLOCK),
    Column::number("DURATION", 8),
    Column::text("", BAR, BAR).drop(17),
    Column::text("SERVICE", 9, 18),
    Column::text("ROOT", 17, u16::MAX),
    Column::number("SPANS", 5).drop(18),
    Column::number("ERRORS", 6),
    Column::number("MATCHED", 7).drop(19),
];
/// Where the columns of attributes stand, behind the name.
const OWN: usize = 5;
const OWN_NAME: usize = 4;
/// Cells of a column of an attribute.
const ATTRIBUTE: (u16, u16) = (8, 24);
/// Shown for a span whose id cannot be read.
const NO_ID: &str = "a span without an id";
const ID: Column = Column::text("TRACE", 9, 9).drop(20);

/// Where the parts lie; the dots have no rows where there is no room for them.
pub(super) struct Places {
    red: Rect,
    dots: Rect,
    list: Rect,
    /// The inside of the list.
    pub(super) table: Rect,
}

impl Traces {
    pub(super) fn places(&self, area: Rect) -> Places {
        let area = self.bar.as_ref().map_or(area, |bar| bar.below(area));
        let red = Rect { height: u16::from(area.height >= RED_FROM), ..area };
        let area = Rect { y: red.bottom(), height: area.height - red.height, ..area };
        let room = area.width >= DOTS_FROM.0 && area.height >= DOTS_FROM.1 && !self.list.rows.is_empty();
        let alone = !room && self.brush.is_some();
        let dots = Rect {
            height: if alone {
                area.height
            } else if room {
                DOTS
            } else {
                0
            },
            ..area
        };
        // Neighbours share an edge.
        let top = if alone { dots.height } else { dots.height.saturating_sub(1) };
        let list = Rect { y: area.y + top, height: area.height - top, ..area };
        Places { red, dots, list, table: Panel::inner(list) }
    }

    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let shared = look.shared;
        let (places, state) = (self.places(area), panel::state(&self.found, look));
        self.draw_red(look, places.red, buf);
        if places.dots.height > 0 {
            self.draw_dots(look, places.dots, state.stale, buf);
            self.draw_brush(look, area, buf);
        }
        let (order, at) = (self.list.order.name(), position(&self.list.table, self.list.rows.len()));
        let note = format!("{order} first {} {at}", line(shared.glyphs));
        // Both texts of an edge have a space on either side, and a cell between them.
        let room = usize::from(places.list.width.saturating_sub(4));
        // A pane that is stale says so in any case.
        let beside = state.note.as_ref().map_or(0, |note| width(note) + 4);
        let for_title = room.saturating_sub(beside.min(room / 2));
        let title = title::fitting(self.title(look), for_title, &line(shared.glyphs));
        let title = truncate(&title, for_title, shared.glyphs.ellipsis);
        let is_wide = width(&title) + width(&note) + 4 <= room;
        let panel = Panel::new(title).focused(true).bottom(self.in_words(look));
        let panel = if is_wide { panel.note(note) } else { panel.bottom_note(format!("{order} {} {at}", line(shared.glyphs))) };
        let inner = panel.state(&state).render(shared, places.list, buf);
        match self.message(look, &state) {
            Some(lines) => panel::message(shared, inner, buf, &lines),
            None => self.draw_table(look, inner, buf),
        }
        if state.stale {
            panel::dim(shared, inner, buf);
        }
        if let Some(bar) = &self.bar {
            bar.draw(look, area, buf);
        }
    }

    /// What is said in place of rows: waiting, failed, nothing found, and the way out.
    fn message(&self, look: &Look<'_>, state: &State) -> Option<Vec<String>> {
        let key = |command, what: &str| look.shared.keymap.key(command).map(|k| format!("{k} {what}"));
        let edit = key(Command::EditQuery, "edit the query");
        if let Some(lines) = &state.blank {
            let mut lines = lines.clone();
            if self.found.error().is_some() {
                lines.extend(edit);
            }
            return Some(lines);
        }
        if !self.list.rows.is_empty() {
            return None;
        }
        let hits = self.hits().len();
        if hits > 0 {
            let out = key(Command::Filter, "then Esc removes it");
            return Some([Some(format!("None of {hits} traces passes the filter.")), out].into_iter().flatten().collect());
        }
        let range = look.range();
        let zone = look.shared.settings.zone.0;
        let dash = look.shared.glyphs.dash;
        let window = format!("{} {dash} {}", format::day_clock(range.start, range.end, zone), format::day_clock(range.end, look.now, zone));
        let of = look.scope.service.as_ref().map(|s| format!(" of {s}")).unwrap_or_default();
        let text = match (&self.typed, self.preset) {
            (Some(query), _) => format!("No traces for {query} in {window}."),
            (None, query::Preset::All) => format!("No traces{of} in {window}."),
            (None, preset) => format!("No {} traces{of} in {window}.", preset.name()),
        };
        let others = match (&self.typed, self.preset) {
            (Some(_), preset) => preset.name(),
            (None, query::Preset::Failed) => "slow or all",
            (None, query::Preset::Slow) => "all or failed",
            (None, query::Preset::All) => "failed or slow",
        };
        let widen = key(Command::Widen, "without the box").filter(|_| !self.boxes.is_empty());
        let keys = [widen, key(Command::Preset, others), edit, key(Command::TimePicker, "another window")];
        Some(vec![text, keys.into_iter().flatten().collect::<Vec<_>>().join("   ")])
    }

    fn draw_dots(&self, look: &Look<'_>, area: Rect, stale: bool, buf: &mut Buffer) {
        let shared = look.shared;
        let panel = Panel::new(format!("duration {} over time", line(shared.glyphs)));
        let inner = panel.note(self.brush_note(look)).render(shared, area, buf);
        self.chart(look).render(shared, inner, buf);
        if stale {
            panel::dim(shared, inner, buf);
        }
    }

    /// The rows that are hits, and which ones.
    fn dots(&self) -> impl Iterator<Item = (usize, usize)> {
        self.list.rows.iter().enumerate().filter_map(|(row, of)| if let Row::Hit(i) = of { Some((row, *i)) } else { None })
    }

    /// Each hit as a dot.
    fn chart(&self, look: &Look<'_>) -> Chart<'static> {
        let selected = self.selected_row().map(Row::hit);
        let mut chart = Chart::new(self.covered(look), Duration::ZERO, Unit::Seconds);
        chart.log = true;
        let dot = |i: usize| {
            let hit = &self.hits()[i];
            Dot { at: hit.start, value: seconds(hit), selected: Some(i) == selected, failed: self.is_error(hit) }
        };
        chart.dots = self.dots().map(|(_, i)| dot(i)).collect();
        chart
    }

    /// The cells of the dots as instants and durations, where there is room for them.
    pub(super) fn plane_of_dots(&self, look: &Look<'_>, area: Rect) -> Option<Plane> {
        let dots = self.places(area).dots;
        if dots.height == 0 { None } else { self.chart(look).plane(Panel::inner(dots)) }
    }

    /// What is in the box, and what to do with it.
    fn brush_note(&self, look: &Look<'_>) -> String {
        let Some(brush) = self.brush else { return String::new() };
        let held = self.boxed(look, brush.extent());
        let key = |command, what: &str| look.shared.keymap.key(command).map(|k| format!("   {k} {what}")).unwrap_or_default();
        format!("{held}{}{}", key(Command::Pause, "corner"), key(Command::Drill, "narrows to it"))
    }

    /// The row whose dot is at a place.
    pub(super) fn dot_at(&self, look: &Look<'_>, places: &Places, at: Position) -> Option<usize> {
        let inner = Panel::inner(places.dots);
        let dot = inner.contains(at).then(|| self.chart(look).dot_at(inner, at))??;
        self.dots().nth(dot).map(|(row, _)| row)
    }

    /// The axis of the dots, if they are at a place.
    pub(super) fn axis_at(&self, look: &Look<'_>, places: &Places, at: Position) -> Option<TimeAxis> {
        let inner = Panel::inner(places.dots);
        inner.contains(at).then(|| self.chart(look).time_axis(inner))?.filter(|axis| axis.area.contains(at))
    }

    /// The window, or the part of it that hits were found in when the limit cut the earlier ones.
    fn covered(&self, look: &Look<'_>) -> TimeRange {
        let range = look.range();
        let hits = self.hits();
        match hits.iter().map(|h| h.start).min() {
            Some(first) if self.is_cut() => TimeRange { start: first.clamp(range.start, range.end), end: range.end },
            _ => range,
        }
    }

    fn draw_table(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let hits = self.hits();
        let zone = look.shared.settings.zone.0;
        let day = |t| format::date_time(t, zone)[..10].to_owned();
        let starts = || hits.iter().map(|h| h.start);
        let dated = [starts().min(), starts().max()].into_iter().flatten().any(|at| day(at) != day(look.now));
        let clock = if dated { DAY_CLOCK } else { CLOCK };
        let chosen = self.columns(look);
        let titles: Vec<String> = chosen.iter().map(|c| plain_name(c)).collect();
        let mut columns = COLUMNS.to_vec();
        columns[0] = Column::text("TIME", clock, clock);
        // The last one is the first that has no room.
        let own = titles.iter().zip(1..).map(|(title, nth)| Column::text(title, ATTRIBUTE.0, ATTRIBUTE.1).drop(nth));
        columns.splice(OWN..OWN, own);
        columns.push(ID);
        let longest = hits.iter().map(|h| h.duration_ns).max().unwrap_or(0);
        let table = Table { columns: &columns, rows: self.list.rows.len(), state: &self.list.table, focused: true };
        let time = |at| if dated { format::date_time(at, zone)[5..].to_owned() } else { format::clock_millis(at, zone) };
        let style = |role| look.shared.theme.style(role);
        table.render(look.shared, area, buf, |row, column| {
            let Some(row) = self.list.rows.get(row) else { return Cell::default() };
            let hit = &hits[row.hit()];
            match (row, column) {
                (Row::Hit(_), 0) => Cell::new(time(hit.start), style(Role::Text)),
                (Row::Span(_, n), 0) => Cell::new(time(hit.spans[*n].start), style(Role::Dim)),
                (Row::Rest(_), OWN_NAME) => {
                    let rest = (hit.matched as usize).saturating_sub(hit.spans.len());
                    Cell::new(format!("    {rest} more spans"), style(Role::Dim))
                }
                (Row::Rest(_), _) => Cell::default(),
                (Row::Hit(_), _) if (OWN..OWN + chosen.len()).contains(&column) => {
                    Cell::new(columns::told(hit, &chosen[column - OWN]), style(Role::Text))
                }
                (Row::Span(_, n), _) if (OWN..OWN + chosen.len()).contains(&column) => {
                    Cell::new(columns::of_span(&hit.spans[*n], &chosen[column - OWN]), style(Role::Text))
                }
                (Row::Hit(_), _) => self.cell(look, hit, at_home(column, chosen.len()), longest),
                (Row::Span(_, n), _) => span_cell(look, &hit.spans[*n], at_home(column, chosen.len()), longest),
            }
        });
    }

    fn cell(&self, look: &Look<'_>, hit: &TraceHit, column: usize, longest: i64) -> Cell<'static> {
        let shared = look.shared;
        let style = |role| shared.theme.style(role);
        let missing = || Cell::new(shared.glyphs.dash, style(Role::Dim));
        let count = |n: Option<u32>| n.map_or_else(missing, |n| Cell::new(format::count(u64::from(n)), style(Role::Text)));
        match column {
            1 => Cell::new(format::nanoseconds(hit.duration_ns), style(Role::Text)),
            2 => Cell::new(bar(hit.duration_ns, longest, shared.glyphs), style(Role::Dim)),
            3 => hit.root_service.as_ref().map_or_else(missing, |s| Cell::new(s.to_string(), shared.service_style(s))),
            OWN_NAME => {
                let fold = match (has_spans(hit), self.list.is_open(hit)) {
                    (false, _) => "  ".to_owned(),
                    (true, open) => format!("{} ", if open { shared.glyphs.unfolded } else { shared.glyphs.folded }),
                };
                let (name, role) = match &hit.root_name {
                    Some(name) => (name.to_string(), Role::Text),
                    None => (if self.in_flight(hit) { IN_FLIGHT } else { NO_ROOT }.to_owned(), Role::Warn),
                };
                let mark = self.mark_of(hit.trace).unwrap_or_default();
                Cell::new(fold, style(Role::Dim)).and(mark, style(Role::Accent)).and(name, style(role))
            }
            5 => count(hit.span_count),
            6 if self.is_error(hit) => {
                let count = hit.error_count.map_or_else(|| shared.glyphs.error.to_owned(), |n| format::count(u64::from(n)));
                Cell::new(count, style(Role::Bad))
            }
            6 => count(hit.error_count),
            // Of a search that is not for spans nobody counts them.
            7 => count(Some(hit.matched).filter(|n| *n > 0)),
            _ => Cell::new(waterfall::short(hit.trace, look), style(Role::Dim)),
        }
    }
}

/// The place of a column among those that are always there.
fn at_home(column: usize, chosen: usize) -> usize {
    if column < OWN { column } else { column - chosen }
}

/// A span under its hit.
fn span_cell(look: &Look<'_>, span: &HitSpan, column: usize, longest: i64) -> Cell<'static> {
    let shared = look.shared;
    let style = |role| shared.theme.style(role);
    let failed = span.attributes.get("status") == Some("error");
    match column {
        1 => Cell::new(format::nanoseconds(span.duration_ns), style(Role::Dim)),
        2 => Cell::new(bar(span.duration_ns, longest, shared.glyphs), style(Role::Dim)),
        3 => span.attributes.get("service.name").map_or_else(Cell::default, |s| Cell::new(s.to_owned(), shared.service_style(s))),
        OWN_NAME => {
            let name = span.name.as_ref().map(ToString::to_string).or_else(|| span.id.map(|id| format!("span {id}")));
            Cell::new("    ", style(Role::Dim)).and(name.unwrap_or_else(|| NO_ID.to_owned()), style(Role::Text))
        }
        6 if failed => Cell::new(shared.glyphs.error, style(Role::Bad)),
        _ => Cell::default(),
    }
}

/// Two cells of the horizontal line, between the parts of a title.
pub(super) fn line(glyphs: &Glyphs) -> String {
    glyphs.horizontal.repeat(2)
}

fn seconds(hit: &TraceHit) -> f64 {
    hit.duration_ns as f64 / 1e9
}

/// A duration relative to the longest, by eighths of a cell; anything above zero is visible.
fn bar(ns: i64, longest: i64, glyphs: &Glyphs) -> String {
    if ns <= 0 || longest <= 0 {
        return String::new();
    }
    let eighths = ((ns as f64 / longest as f64) * f64::from(BAR) * 8.0).round().max(1.0) as usize;
    let part = (eighths % 8).checked_sub(1).map_or("", |i| glyphs.bars[i]);
    format!("{}{part}", glyphs.bars[7].repeat(eighths / 8))
}
