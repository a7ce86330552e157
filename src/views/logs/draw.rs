//! How the page looks.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Logs,
    columns::Prefix,
    fields::Item,
    list::{Placed, Screen},
    row::{RowForm, brief, level_word},
    volume,
};
use crate::{
    core::command::Command,
    log_fields::{Record, Unfolded, unfolded},
    store::LineId,
    theme::Role,
    ui::{
        format,
        panel::{self, Panel},
        text::{put, put_right, truncate, width},
    },
    views::Look,
};

/// From this height on the detail is below the lines; on a smaller screen it takes their place.
pub(super) const SPLIT: u16 = 26;
/// From this height on the volume is shown.
const VOLUME: u16 = 9;
/// From this height on columns have a heading.
const HEADING: u16 = 4;
/// Cells for the tail's health: with fewer, less is said of following.
const HEALTH: usize = 10;

/// Where the page's parts are. A part that is not shown has no height.
pub(super) struct Places {
    lines: Rect,
    volume: Rect,
    heading: Rect,
    /// The rows of lines.
    pub(super) list: Rect,
    detail: Rect,
    /// Content of the detail.
    pub(super) sheet: Rect,
}

impl Places {
    /// Content of the volume.
    pub(super) fn volume(&self) -> Rect {
        Rect { x: self.volume.x + 1, width: self.volume.width.saturating_sub(2), ..self.volume }
    }
}

impl Logs {
    pub(super) fn places(&self, area: Rect) -> Places {
        let area = self.bar.as_ref().map_or(area, |bar| bar.below(area));
        let none = Rect { height: 0, ..area };
        let (mut lines, mut detail) = (area, none);
        if self.full || area.height < SPLIT {
            if self.in_detail {
                (lines, detail) = (none, area);
            }
        } else {
            let height = (area.height / 3).clamp(7, 14);
            lines.height = area.height - height + 1;
            detail = Rect { y: area.bottom() - height, height, ..area };
        }
        let inner = |area: Rect| if area.height == 0 { area } else { Panel::inner(area) };
        let mut list = inner(lines);
        let mut volume = Rect { height: 0, ..list };
        if list.height >= VOLUME && self.has_volume() {
            volume.height = 1;
            list = Rect { y: list.y + 1, height: list.height - 1, ..list };
        }
        let mut heading = Rect { height: 0, ..list };
        if list.height >= HEADING && !self.columns.is_empty() {
            heading.height = 1;
            list = Rect { y: list.y + 1, height: list.height - 1, ..list };
        }
        Places { lines, volume, heading, list, detail, sheet: inner(detail) }
    }

    /// The rows of the list and how lines take them.
    pub(super) fn screen(&self, look: &Look<'_>, area: Rect) -> Screen {
        let list = self.places(area).list;
        Screen {
            height: usize::from(list.height),
            wrap: self.wrap.then(|| self.columns.wrap(look, list.width)),
            gaps: self.lines_before_gaps(),
        }
    }

    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let mut places = self.places(area);
        if !self.in_detail && self.question(look).is_some() {
            // There is no line that the detail could be of.
            let more = places.detail.bottom().saturating_sub(places.lines.bottom());
            places.lines.height += more;
            places.list.height += more;
            places.detail.height = 0;
        }
        if places.lines.height > 0 {
            self.draw_lines(look, area, &places, buf);
        }
        if places.detail.height > 0 {
            self.draw_detail(look, &places, buf);
        }
    }

    fn draw_detail(&self, look: &Look<'_>, places: &Places, buf: &mut Buffer) {
        let shared = look.shared;
        let line = self.line();
        let is_line = self.counts.is_none() && !self.builder.open;
        let title = match (&self.counts, self.list.index(&self.store)) {
            (Some(counts), _) => counts.title(),
            (None, _) if self.builder.open => self.builder_title(look),
            (None, Some(i)) => format!("line {} of {}", format::count(i as u64 + 1), format::count(self.store.shown() as u64)),
            (None, None) => "no line".to_owned(),
        };
        let room = usize::from(places.detail.width).saturating_sub(6);
        let mut panel = Panel::new(truncate(&title, room, shared.glyphs.ellipsis)).focused(self.in_detail);
        if let Some(line) = line.filter(|_| is_line) {
            let bytes = self.store.whole(&line).len();
            let size = if bytes > 1024 { format!("{}   ", format::bytes(bytes as f64)) } else { String::new() };
            let at = if line.id.at.is_place() { "no time".to_owned() } else { format::date_time(line.id.at, shared.settings.zone.0) };
            let when = format!("{size}{at}  {}", level_word(line.level));
            if width(&title) + width(&when) + 8 < room {
                panel = panel.note(when.trim_end().to_owned());
            }
        }
        if self.in_detail {
            let keys = if self.builder.open { self.keys_of_condition(look) } else { self.keys_of_field(look) };
            panel = panel.bottom(truncate(&keys, room, shared.glyphs.ellipsis));
        }
        panel.render(shared, places.detail, buf);
        match &self.counts {
            Some(counts) => counts.render(shared, places.sheet, buf),
            None if self.builder.open => self.draw_builder(look, places.sheet, buf),
            None => {
                let items = self.items(look);
                let mark = |item: &Item| item.as_field().map_or("", |field| self.field_mark(field));
                self.detail.render(shared, &items, places.sheet, self.in_detail, mark, buf);
            }
        }
    }

    /// What can be done with the selected field, by its keys.
    fn keys_of_field(&self, look: &Look<'_>) -> String {
        let words = [
            (Command::Drill, "filter for"),
            (Command::Exclude, "filter out"),
            (Command::ShowColumn, "column"),
            (Command::CountBy, "count by"),
            (Command::FollowValue, "follow"),
            (Command::Yank, "yank"),
        ];
        let words = words.iter().filter_map(|(command, what)| Some(format!("{} {what}", look.shared.keymap.key(*command)?)));
        words.collect::<Vec<_>>().join("   ")
    }

    fn draw_lines(&self, look: &Look<'_>, area: Rect, places: &Places, buf: &mut Buffer) {
        let shared = look.shared;
        let mut following = self.following(look);
        let room = |note: &str| usize::from(places.lines.width).saturating_sub(width(note) + 9);
        if room(&following) < HEALTH {
            following = if self.is_paused() { "paused".to_owned() } else { String::new() };
        }
        let noted = [self.view_note(shared.glyphs.middle_dot, room(&following)), following].into_iter().filter(|n| !n.is_empty());
        let note = noted.collect::<Vec<_>>().join(&format!(" {} ", shared.glyphs.middle_dot));
        let question = self.question(look);
        let title = match (self.brushed(look), question) {
            (Some(brushed), _) => truncate(&brushed, room(&note), shared.glyphs.ellipsis),
            (None, Some(size)) => self.title_of_question(look, size, room(&note)),
            (None, None) => self.title(look, area, room(&note)),
        };
        Panel::new(title).note(note).focused(!self.in_detail).render(shared, places.lines, buf);
        if let Some(matrix) = self.volume.value().filter(|_| places.volume.height > 0) {
            volume::draw(matrix, self.volume_is_bytes, look, places.volume(), buf);
            self.draw_unread(look, places.volume(), buf);
            self.draw_brush(look, places.volume(), buf);
            if self.volume.is_stale() {
                panel::dim(shared, places.volume, buf);
            }
        }
        let prefix = self.columns.prefix(look, places.list.width);
        if places.heading.height > 0 {
            let style = shared.theme.style(Role::Heading);
            put(buf, places.heading, places.heading.x, &prefix.heading(look), style);
            if let Some(note) = prefix.left_out() {
                put_right(buf, places.heading, &format!(" {note} "), shared.theme.style(Role::Warn));
            }
        }
        if let Some(size) = question {
            self.draw_question(look, size, places.list, buf);
            return;
        }
        let screen = self.screen(look, area);
        let visible = self.list.visible(&self.store, &screen);
        if visible.is_empty() {
            panel::message(shared, places.list, buf, &self.blank(look, area));
            return;
        }
        self.draw_rows(look, &visible, &screen, &prefix, places.list, buf);
    }

    /// How lines are shown, where it is not the usual way.
    fn view_note(&self, dot: &str, room: usize) -> String {
        let parts = |time: &str| {
            let shift = if self.shift > 0 { format!("{} cells on", self.shift) } else { String::new() };
            let wrapped = if self.wrap { "wrapped" } else { "" };
            [time, wrapped, &shift].iter().filter(|p| !p.is_empty()).map(|p| (*p).to_owned()).collect::<Vec<_>>().join(&format!(" {dot} "))
        };
        let full = parts(self.columns.time.words());
        let note = if width(&full) + 40 < room { full } else { parts(self.columns.time.short()) };
        if width(&note) + HEALTH < room { note } else { String::new() }
    }

    fn draw_rows(&self, look: &Look<'_>, visible: &[Placed<'_>], screen: &Screen, prefix: &Prefix, area: Rect, buf: &mut Buffer) {
        let selected = self.line().map(|l| l.id);
        let names = self.columns.names();
        let mut before = self.time_before(visible.first().map(|p| p.line.id));
        for placed in visible {
            let form = RowForm {
                prefix,
                columns: &names,
                time: self.columns.time,
                before,
                wrapped: screen.wrap.is_some(),
                shift: if screen.wrap.is_some() { 0 } else { self.shift },
            };
            before = Some(placed.line.id.at);
            let record = brief(&placed.whole);
            let text_rows = screen.text_rows(&placed.line, &placed.whole);
            let rows: Vec<Rect> = (0..text_rows).map(|i| row(area, placed.row + offset(i))).collect();
            self.draw_row(look, &form, placed, &record, &rows, buf);
            if placed.open {
                self.draw_rest(look, &record, placed.row + offset(text_rows), area, buf);
            }
            if !screen.gaps.is_empty() {
                let own = text_rows + if placed.open { unfolded(&record).len() } else { 0 };
                if placed.before > 0 {
                    self.draw_gaps(look, None, |i| row(area, placed.row - offset(placed.before) + offset(i)), buf);
                }
                self.draw_gaps(look, Some(placed.line.id), |i| row(area, placed.row + offset(own + i)), buf);
            }
            if self.marks.has(&placed.line) {
                let first = row(area, placed.row);
                put(buf, first, first.x + 1, look.shared.glyphs.dot, look.shared.theme.style(Role::Accent));
            }
            if Some(placed.line.id) == selected {
                rows.iter().for_each(|row| self.draw_selection(look, *row, buf));
            }
        }
    }

    fn time_before(&self, first: Option<LineId>) -> Option<crate::model::time::Timestamp> {
        self.store.rows_before(self.store.position(first?)).next().map(|(_, l)| l.id.at)
    }

    fn draw_rest(&self, look: &Look<'_>, record: &Record, first: isize, area: Rect, buf: &mut Buffer) {
        for (i, below) in unfolded(record).iter().enumerate() {
            let row = row(area, first + offset(i));
            let text = match below {
                Unfolded::Line(text) => text.replace('\t', "  "),
                Unfolded::Libraries(frames) => format!("  {} {frames} frames of libraries", look.shared.glyphs.ellipsis),
            };
            let room = usize::from(row.width).saturating_sub(5);
            put(buf, row, row.x + 4, &truncate(&text, room, look.shared.glyphs.ellipsis), look.shared.theme.style(Role::Dim));
        }
    }

    fn draw_selection(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = &look.shared.theme;
        if !self.in_detail {
            buf.set_style(area.intersection(buf.area), theme.style(Role::Selection));
        }
        let role = if self.in_detail { Role::Dim } else { Role::SelectionBar };
        put(buf, area, area.x, look.shared.glyphs.selected, theme.style(role));
    }
}

fn offset(rows: usize) -> isize {
    isize::try_from(rows).unwrap_or(isize::MAX)
}

/// One row of the list; outside of it one without height.
fn row(area: Rect, at: isize) -> Rect {
    match u16::try_from(at).ok().filter(|at| *at < area.height) {
        Some(at) => Rect { y: area.y + at, height: 1, ..area },
        None => Rect { height: 0, ..area },
    }
}
