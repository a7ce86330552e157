//! One line on the screen: what stands before its message, the message with the colours it brought, its fields.

use std::borrow::Cow;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    Logs,
    columns::{PART, Prefix, SERVICE, TimeForm, container_of, pod_of},
    fields::value_of,
    list::Placed,
};
use crate::{
    log_fields::{Record, recognise},
    model::{log::Level, time::Timestamp},
    store::Line,
    theme::Role,
    ui::{
        ansi, format,
        text::{cells, put, put_right, truncate, width},
    },
    views::Look,
};

/// Cells at the end of rows for `▸ 24 ◆`, where lines wrap.
pub(super) const MARKS: usize = 9;
/// Longer texts are taken apart in their detail alone.
const LONG: usize = 64 << 10;
/// What of a longer text the list looks at.
const LOOKED_AT: usize = 16 << 10;
/// Rows of one wrapped line at the most.
pub(super) const MOST_ROWS: usize = 60;

/// What the list needs of a line: of a very long one the beginning.
pub(super) fn brief(text: &str) -> Record {
    if text.len() <= LONG { recognise(text) } else { recognise(beginning(text, LOOKED_AT)) }
}

pub(super) fn beginning(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    &text[..end]
}

/// The message of a line and what follows it: fields that are neither columns nor said elsewhere.
fn texts<'a>(line: &Line<'a>, record: &'a Record, columns: &[String]) -> (&'a str, String) {
    let message = match record.message.as_str() {
        "" if record.fields.is_empty() => line.text.lines().next().unwrap_or(""),
        message => message,
    };
    let mut fields = String::new();
    for (name, value) in record.inline().filter(|(name, _)| !columns.iter().any(|c| c == name)) {
        fields.push_str(if fields.is_empty() { "   " } else { " " });
        fields.push_str(name);
        fields.push('=');
        fields.push_str(value);
        if fields.len() > LOOKED_AT {
            break;
        }
    }
    (beginning(message, LOOKED_AT), fields)
}

/// Rows that the message and the fields take where a row has so much room.
pub(super) fn wrapped_rows(line: &Line<'_>, record: &Record, room: usize, columns: &[String]) -> usize {
    let (message, fields) = texts(line, record, columns);
    let shown: usize = if message.is_ascii() && fields.is_ascii() {
        message.len() + fields.len()
    } else {
        message.graphemes(true).chain(fields.graphemes(true)).map(cells).sum()
    };
    // A wide character may leave a cell at the end of each row.
    let room = if message.is_ascii() && fields.is_ascii() { room } else { room.saturating_sub(1) };
    shown.div_ceil(room.max(1)).clamp(1, MOST_ROWS)
}

/// How a line is drawn.
pub(super) struct RowForm<'a> {
    pub(super) prefix: &'a Prefix,
    pub(super) columns: &'a [String],
    pub(super) time: TimeForm,
    /// The time of the line before.
    pub(super) before: Option<Timestamp>,
    /// Whether the line is over several rows.
    pub(super) wrapped: bool,
    /// Cells of its text that are passed over at the left.
    pub(super) shift: usize,
}

impl Logs {
    /// Draws a line into its rows, the first of which may lie above the area.
    pub(super) fn draw_row(
        &self,
        look: &Look<'_>,
        form: &RowForm<'_>,
        placed: &Placed<'_>,
        record: &Record,
        rows: &[Rect],
        buf: &mut Buffer,
    ) {
        let line = &placed.line;
        let theme = &look.shared.theme;
        let first = rows.first().copied().unwrap_or_default();
        let marks = marks(placed, record, look);
        let end = if form.wrapped { MARKS } else { width(&marks) + 2 };
        if first.height > 0 {
            put_right(buf, Rect { width: first.width.saturating_sub(1), ..first }, &marks, theme.style(Role::Accent));
            self.draw_prefix(look, form, line, record, first, buf);
        }
        let start = first.x + u16::try_from(form.prefix.width()).unwrap_or(u16::MAX);
        let right = first.right().saturating_sub(u16::try_from(end).unwrap_or(u16::MAX));
        let places = rows.iter().map(|r| Rect { x: start, width: right.saturating_sub(start), ..*r }).collect();
        let mut pen = Pen { rows: places, row: 0, used: 0, skip: form.shift, cut: false };
        let (message, fields) = texts(line, record, form.columns);
        for (text, style) in self.colored(look, placed, message) {
            pen.write(text, style, buf);
        }
        pen.write(&fields, theme.style(Role::Dim), buf);
        let text = pen.rows.last().copied().unwrap_or_default();
        if pen.cut {
            put(buf, text, text.right().saturating_sub(1), look.shared.glyphs.ellipsis, theme.style(Role::Dim));
        }
        if form.shift > 0 && text.width > 1 {
            put(buf, first.intersection(text), text.x, look.shared.glyphs.ellipsis, theme.style(Role::Dim));
        }
    }

    fn draw_prefix(&self, look: &Look<'_>, form: &RowForm<'_>, line: &Line<'_>, record: &Record, area: Rect, buf: &mut Buffer) {
        let (theme, mark, prefix) = (&look.shared.theme, look.shared.glyphs.ellipsis, form.prefix);
        let time = time_of(line.id.at, form, look);
        let mut x = area.x + 1 + u16::from(prefix.margin);
        let mut column = |text: &str, cells: usize, mark: &str, style: Style| {
            put(buf, area, x, &truncate(text, cells, mark), style);
            x += u16::try_from(cells + 1).unwrap_or(u16::MAX);
        };
        column(&format!("{time:>cells$}", cells = prefix.time), prefix.time, "", theme.style(Role::Dim));
        column(level_word(line.level), 5, "", theme.style(level_role(line.level)));
        if prefix.service {
            let service = self.file_of(line).or_else(|| service_of(line, look)).unwrap_or("");
            column(service, SERVICE, mark, look.shared.service_style(service));
        }
        let last = |name: Option<&str>| name.map_or(String::new(), |n| n.rsplit('-').next().unwrap_or(n).to_owned());
        if prefix.pod {
            column(&last(pod_of(line, look)), PART, "", theme.style(Role::Dim));
        }
        if prefix.container {
            column(container_of(line).unwrap_or(""), PART, "", theme.style(Role::Dim));
        }
        for (name, cells) in &prefix.fields {
            let value = value_of(line, record, name);
            let style = theme.style(if value.is_some() { Role::Text } else { Role::Dim });
            let value = value.map_or(look.shared.glyphs.dash, |v| v.lines().next().unwrap_or_default());
            column(value, *cells, mark, style);
        }
    }

    /// The message in pieces: the log's own colours over those of its level, and what the filter found.
    fn colored<'m>(&self, look: &Look<'_>, placed: &Placed<'_>, message: &'m str) -> Vec<(&'m str, Style)> {
        let theme = &look.shared.theme;
        let line = &placed.line;
        let plain = theme.style(if line.level >= Level::Warn { level_role(line.level) } else { Role::Text });
        let mut styles: Vec<(std::ops::Range<usize>, Style)> = Vec::new();
        let raw = beginning(&placed.whole, LOOKED_AT);
        if ansi::has_colors(raw) {
            let colored = ansi::parse(raw);
            if let Some(at) = colored.text.find(message).filter(|_| !message.is_empty()) {
                let within = |i: usize| i.saturating_sub(at).min(message.len());
                styles.extend(colored.runs.into_iter().map(|(r, s)| (within(r.start)..within(r.end), ansi::themed(s, theme))));
            }
        }
        if let Some(pattern) = &self.store.show().pattern {
            styles.extend(pattern.find(message).map(|found| (found, theme.style(Role::Match))));
        }
        let mut ends: Vec<usize> = styles.iter().flat_map(|(r, _)| [r.start, r.end]).chain([0, message.len()]).collect();
        ends.sort_unstable();
        ends.dedup();
        let style = |at: usize| styles.iter().filter(|(r, _)| r.contains(&at)).fold(plain, |style, (_, over)| style.patch(*over));
        ends.windows(2).filter_map(|w| Some((message.get(w[0]..w[1])?, style(w[0])))).collect()
    }
}

fn time_of(at: Timestamp, form: &RowForm<'_>, look: &Look<'_>) -> String {
    let zone = match form.time {
        TimeForm::Utc => 0,
        _ => look.shared.settings.zone.0,
    };
    // A place in a file, or the line after one, is no time.
    if at.is_place() {
        return String::new();
    }
    match form.time {
        TimeForm::Ago => format::age(look.now.since(at)),
        TimeForm::Delta => form.before.map_or(String::new(), |before| format!("+{}", format::seconds(at.since(before).as_secs_f64()))),
        _ if form.prefix.time > 8 => format::clock_millis(at, zone),
        _ => format::clock_seconds(at, zone),
    }
}

/// Writes pieces of text one after the other into rows.
struct Pen {
    rows: Vec<Rect>,
    row: usize,
    /// Cells of the row that are written.
    used: u16,
    /// Cells of the text that are still to be passed over.
    skip: usize,
    /// Whether there was more than the rows hold.
    cut: bool,
}

impl Pen {
    fn write(&mut self, text: &str, style: Style, buf: &mut Buffer) {
        let (_, mut rest, skipped) = take(text, self.skip);
        self.skip -= skipped.min(self.skip);
        while !rest.is_empty() {
            let Some(row) = self.rows.get(self.row) else {
                self.cut = true;
                return;
            };
            let room = usize::from(row.width.saturating_sub(self.used));
            let (piece, after, cells) = take(rest, room);
            if row.height > 0 {
                put(buf, *row, row.x + self.used, piece, style);
            }
            self.used += u16::try_from(cells).unwrap_or(0);
            if !after.is_empty() {
                (self.row, self.used) = (self.row + 1, 0);
            }
            rest = after;
        }
    }
}

/// The beginning of a text that fits so many cells, the rest, and the cells it takes.
fn take(text: &str, room: usize) -> (&str, &str, usize) {
    if text.is_ascii() {
        let end = room.min(text.len());
        return (&text[..end], &text[end..], end);
    }
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let w = cells(grapheme);
        if used + w > room {
            return (&text[..at], &text[at..], used);
        }
        used += w;
    }
    (text, "", used)
}

/// `▸ 24` for further lines, `◆` for a trace, and how long a line is that the list shows a part of alone.
fn marks(placed: &Placed<'_>, record: &Record, look: &Look<'_>) -> String {
    let glyphs = look.shared.glyphs;
    let size = if placed.whole.len() > LOOKED_AT {
        Cow::Owned(format!("{} ", format::bytes(placed.whole.len() as f64)))
    } else {
        Cow::Borrowed("")
    };
    let fold = match record.rest.len() {
        0 => String::new(),
        n => format!("{} {n} ", if placed.open { glyphs.unfolded } else { glyphs.folded }),
    };
    format!("{size}{fold}{}", if placed.line.trace.is_some() { glyphs.diamond } else { " " })
}

pub(super) fn level_word(level: Level) -> &'static str {
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

pub(super) fn level_role(level: Level) -> Role {
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

fn service_of<'a>(line: &Line<'a>, look: &Look<'a>) -> Option<&'a str> {
    look.shared.log_labels.value()?.service_of(line.stream)
}
