//! How the page looks.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Logs, list::Placed, volume};
use crate::{
    log_fields::{Record, recognise},
    model::log::Level,
    store::Line,
    theme::Role,
    ui::{
        format,
        panel::{self, Panel},
        text::{put, put_right, truncate, width},
    },
    views::{Look, sheet::Sheet},
};

/// From this height on the detail is below the lines; on a smaller screen it takes their place.
const SPLIT: u16 = 26;
/// From this height on the volume is shown.
const VOLUME: u16 = 9;
/// Cells for the tail's health: with fewer, less is said of following.
const HEALTH: usize = 10;
/// Cells of a service's or pod's name.
const NAME: usize = 10;

/// Where the page's parts are. A part that is not shown has no height.
pub(super) struct Places {
    lines: Rect,
    volume: Rect,
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

/// What the lines on the screen have in common and need not say, and how much room there is.
struct Columns {
    time: usize,
    service: bool,
    pod: bool,
}

impl Logs {
    pub(super) fn places(&self, area: Rect) -> Places {
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
        if list.height >= VOLUME {
            volume.height = 1;
            list = Rect { y: list.y + 1, height: list.height - 1, ..list };
        }
        Places { lines, volume, list, detail, sheet: inner(detail) }
    }

    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let places = self.places(area);
        if places.lines.height > 0 {
            self.draw_lines(look, area, &places, buf);
        }
        if places.detail.height > 0 {
            let title = match self.list.index(&self.store) {
                Some(i) => format!("line {} of {}", format::count(i as u64 + 1), format::count(self.store.shown() as u64)),
                None => "no line".to_owned(),
            };
            Panel::new(title).focused(self.in_detail).render(look.shared, places.detail, buf);
            self.sheet(look).render(look.shared, places.sheet, buf, self.scroll);
        }
    }

    fn draw_lines(&self, look: &Look<'_>, area: Rect, places: &Places, buf: &mut Buffer) {
        let shared = look.shared;
        let mut following = self.following(look);
        let room = |note: &str| usize::from(places.lines.width).saturating_sub(width(note) + 9);
        if room(&following) < HEALTH {
            following = if self.is_paused() { "paused".to_owned() } else { String::new() };
        }
        let room = room(&following);
        let title = self.title(look, area, room);
        Panel::new(title).note(following).focused(!self.in_detail).render(shared, places.lines, buf);
        if let Some(matrix) = self.volume.value().filter(|_| places.volume.height > 0) {
            volume::draw(matrix, look, places.volume(), buf);
            if self.volume.is_stale() {
                panel::dim(shared, places.volume, buf);
            }
        }
        let visible = self.list.visible(&self.store, usize::from(places.list.height));
        if visible.is_empty() {
            panel::message(shared, places.list, buf, &self.blank(look, area));
            return;
        }
        let columns = Columns::of(&visible, look, places.list.width);
        let selected = self.line().map(|l| l.id);
        for placed in &visible {
            self.draw_line(look, &columns, placed, places.list, buf);
            if Some(placed.line.id) == selected {
                self.draw_selection(look, row(places.list, placed.row), buf);
            }
        }
    }

    fn draw_line(&self, look: &Look<'_>, columns: &Columns, placed: &Placed<'_>, area: Rect, buf: &mut Buffer) {
        let record = recognise(placed.line.text);
        if let Some(first) = visible_row(area, placed.row) {
            self.draw_row(look, columns, placed, &record, first, buf);
        }
        if placed.open {
            for (i, text) in record.rest.iter().enumerate() {
                let at = placed.row + 1 + isize::try_from(i).unwrap_or(0);
                if let Some(row) = visible_row(area, at) {
                    let text = text.replace('\t', "  ");
                    let room = usize::from(row.width).saturating_sub(5);
                    put(buf, row, row.x + 4, &truncate(&text, room, look.shared.glyphs.ellipsis), look.shared.theme.style(Role::Dim));
                }
            }
        }
    }

    fn draw_row(&self, look: &Look<'_>, columns: &Columns, placed: &Placed<'_>, record: &Record, area: Rect, buf: &mut Buffer) {
        let line = &placed.line;
        let (theme, glyphs, zone) = (&look.shared.theme, look.shared.glyphs, look.shared.settings.zone.0);
        let marks = marks(line, record, placed.open, look);
        let end = u16::try_from(width(&marks)).unwrap_or(0);
        put_right(buf, Rect { width: area.width.saturating_sub(1), ..area }, &marks, theme.style(Role::Accent));
        let text = Rect { width: area.width.saturating_sub(end + 2), ..area };
        let time = if columns.time > 8 { format::clock_millis(line.id.at, zone) } else { format::clock_seconds(line.id.at, zone) };
        let mut x = put(buf, text, text.x + 1, &time, theme.style(Role::Dim)) + 1;
        x = put(buf, text, x, &format!("{:<5}", level_word(line.level)), theme.style(level_role(line.level))) + 1;
        if columns.service {
            let service = service_of(line, look).unwrap_or("");
            x = put(buf, text, x, &padded(service, glyphs.ellipsis), look.shared.service_style(service)) + 1;
        }
        if columns.pod {
            let pod = pod_of(line, look).map_or("", |p| p.rsplit('-').next().unwrap_or(p));
            x = put(buf, text, x, &format!("{:<5}", truncate(pod, 5, "")), theme.style(Role::Dim)) + 1;
        }
        let message = if record.message.is_empty() { line.text.lines().next().unwrap_or("") } else { &record.message };
        let message = if record.message.is_empty() && !record.fields.is_empty() { "" } else { message };
        let start = x;
        let style = if line.level >= Level::Warn { theme.style(level_role(line.level)) } else { theme.style(Role::Text) };
        let room = |x: u16| usize::from(text.right().saturating_sub(x));
        let mut cut = width(message) > room(x);
        x = put(buf, text, x, message, style) + 3;
        self.mark_matches(look, message, Rect { x: start, width: text.right().saturating_sub(start), ..text }, buf);
        for (name, value) in record.inline() {
            if cut {
                break;
            }
            let field = format!("{name}={value}");
            cut = width(&field) > room(x);
            x = put(buf, text, x, &field, theme.style(Role::Dim)) + 1;
        }
        if cut {
            put(buf, text, text.right().saturating_sub(1), glyphs.ellipsis, theme.style(Role::Dim));
        }
    }

    fn mark_matches(&self, look: &Look<'_>, message: &str, area: Rect, buf: &mut Buffer) {
        let Some(pattern) = &self.store.show().pattern else { return };
        for found in pattern.find(message) {
            let from = area.x.saturating_add(u16::try_from(width(&message[..found.start])).unwrap_or(u16::MAX));
            let cells = u16::try_from(width(&message[found])).unwrap_or(u16::MAX);
            let place = Rect { x: from, width: cells, ..area }.intersection(area);
            buf.set_style(place.intersection(buf.area), look.shared.theme.style(Role::Match));
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

impl Columns {
    fn of(visible: &[Placed<'_>], look: &Look<'_>, width: u16) -> Self {
        let mut pods: Vec<&str> = visible.iter().filter_map(|p| pod_of(&p.line, look)).collect();
        pods.sort_unstable();
        pods.dedup();
        Self {
            time: if width >= 70 { 12 } else { 8 },
            service: look.scope.service.is_none() && width >= 60,
            pod: pods.len() > 1 && width >= 70,
        }
    }
}

/// One row of the list.
fn row(area: Rect, at: isize) -> Rect {
    visible_row(area, at).unwrap_or(Rect { height: 0, ..area })
}

fn visible_row(area: Rect, at: isize) -> Option<Rect> {
    let at = u16::try_from(at).ok().filter(|at| *at < area.height)?;
    Some(Rect { y: area.y + at, height: 1, ..area })
}

/// `▸ 24` for further lines, `◆` for a trace.
fn marks(line: &Line<'_>, record: &Record, open: bool, look: &Look<'_>) -> String {
    let glyphs = look.shared.glyphs;
    let mut out = String::new();
    if !record.rest.is_empty() {
        out = format!("{} {} ", if open { glyphs.unfolded } else { glyphs.folded }, record.rest.len());
    }
    out.push_str(if line.trace.is_some() { glyphs.diamond } else { " " });
    out
}

fn padded(text: &str, mark: &str) -> String {
    let text = truncate(text, NAME, mark);
    let pad = NAME.saturating_sub(width(&text));
    text + &" ".repeat(pad)
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Unknown => "",
        Level::Trace => "TRACE",
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
        Level::Fatal => "FATAL",
    }
}

fn level_role(level: Level) -> Role {
    match level {
        Level::Unknown => Role::Text,
        Level::Trace => Role::LevelTrace,
        Level::Debug => Role::LevelDebug,
        Level::Info => Role::LevelInfo,
        Level::Warn => Role::LevelWarn,
        Level::Error => Role::LevelError,
        Level::Fatal => Role::LevelFatal,
    }
}

fn service_of<'a>(line: &Line<'a>, look: &Look<'_>) -> Option<&'a str> {
    let labels = look.shared.log_labels.value()?;
    labels.services.iter().find_map(|(name, _)| line.stream.get(name))
}

fn pod_of<'a>(line: &Line<'a>, look: &Look<'_>) -> Option<&'a str> {
    const NAMES: [&str; 6] = ["pod", "k8s_pod_name", "pod_name", "instance", "service_instance_id", "host"];
    let value = |name: &str| line.stream.get(name).or_else(|| line.metadata().find(|(n, _)| *n == name).map(|(_, v)| v));
    look.shared.settings.labels.logs_instance.iter().map(String::as_str).chain(NAMES).find_map(value)
}

/// All that is known of a line.
pub(super) fn sheet(line: &Line<'_>, look: &Look<'_>) -> Sheet {
    let mut sheet = Sheet::default();
    let record = recognise(line.text);
    let level = level_word(line.level);
    sheet.head(format!("{}  {level}", format::date_time(line.id.at, look.shared.settings.zone.0)), level_role(line.level));
    sheet.head(if record.message.is_empty() { line.text } else { &record.message }, Role::Text);
    if let Some(trace) = line.trace {
        sheet.add_as("trace_id", trace.to_string(), Role::Accent);
        if let Some(span) = line.span {
            sheet.add_as("span_id", span.to_string(), Role::Accent);
        }
        sheet.add_as("", format!("from {}", line.trace_from.unwrap_or("the line")), Role::Dim);
    }
    for (name, value) in &record.fields {
        sheet.add(name, value);
    }
    section(&mut sheet, "stream labels", line.stream.iter());
    section(&mut sheet, "structured metadata", line.metadata());
    if !record.rest.is_empty() {
        sheet.heading("further lines");
        for text in &record.rest {
            sheet.heading(format!("  {}", text.replace('\t', "  ")));
        }
    }
    sheet
}

fn section<'a>(sheet: &mut Sheet, heading: &str, fields: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut fields = fields.filter(|(name, _)| !name.starts_with("__")).peekable();
    if fields.peek().is_some() {
        sheet.heading(heading);
    }
    for (name, value) in fields {
        sheet.add(name, value);
    }
}
