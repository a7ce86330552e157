//! The left part of a row: what is folded, whose span it is, what it did, how long that took, whether it failed.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Waterfall, digest::Digest, rows::Item, rows::Row};
use crate::{
    theme::Role,
    ui::{
        format,
        text::{put, put_right, truncate, width},
    },
    views::Look,
};

/// Cells of a duration, of the share of the critical path, and of the error mark.
const DURATION: u16 = 9;
const SHARE: u16 = 6;
const MARK: u16 = 2;
/// From these widths on there is room for the duration, for whole names of services, for self time and share of the path.
const FOR_DURATION: u16 = 25;
const FOR_SERVICE: u16 = 40;
const FOR_SELF: u16 = 64;

/// What a row says.
struct Said {
    service: String,
    name: String,
    /// How many spans it is, behind the name: `×40`.
    count: String,
    /// How many of them failed.
    errors: u32,
    /// What follows, dim: the first of these that has room, else the last one cut.
    notes: Vec<String>,
    duration_ns: Option<i64>,
    /// Self time; empty where it means nothing.
    own: String,
    share: f64,
    /// An error here, or one below.
    error: Option<Role>,
    role: Role,
}

impl Said {
    /// The name, how many it is and how many failed, in so many cells: the errors are the last to go, then the count.
    fn texts(&self, look: &Look<'_>, room: usize) -> [String; 3] {
        let glyphs = look.shared.glyphs;
        let with = |parts: [&str; 2]| parts.into_iter().filter(|part| !part.is_empty()).map(|part| width(part) + 1).sum::<usize>();
        let errors = match self.errors as usize {
            0 => String::new(),
            n => Some(format::counted(n, "error"))
                .filter(|words| width(&self.name) + with([&self.count, words]) <= room)
                .unwrap_or_else(|| format!("{}{}", glyphs.error, format::count(n as u64))),
        };
        let count = if with([&self.count, &errors]) <= room { self.count.clone() } else { String::new() };
        let name = truncate(&self.name, room.saturating_sub(with([&count, &errors])), glyphs.ellipsis);
        [name, count, errors]
    }

    /// What follows in so many cells.
    fn note(&self, room: usize) -> &str {
        self.notes.iter().find(|note| width(note) <= room).or(self.notes.last()).map_or("", String::as_str)
    }

    /// The service in so many cells of a row; in a narrow one its initial where that lets more be read, as its hue tells it as well.
    fn service_in(&self, look: &Look<'_>, row: u16, room: usize) -> String {
        let initial: String = self.service.chars().take(1).collect();
        let read = |service: &str| {
            let room = room.saturating_sub(width(service) + 1);
            let texts = self.texts(look, room).map(|text| width(&text));
            let used: usize = texts.iter().filter(|cells| **cells > 0).map(|cells| cells + 1).sum();
            let note = self.note(room.saturating_sub(used));
            (texts, width(note).min(room.saturating_sub(used)))
        };
        let is_whole = row >= FOR_SELF || row >= FOR_SERVICE && read(&self.service) >= read(&initial);
        if is_whole { self.service.clone() } else { initial }
    }
}

/// Columns of figures that fit into a width.
fn figures(width: u16) -> u16 {
    match width {
        FOR_SELF.. => DURATION * 2 + SHARE + MARK,
        FOR_DURATION.. => DURATION + MARK,
        _ => MARK,
    }
}

/// Cells for what a row says beside its figures.
fn text_width(row: Row, width: u16) -> u16 {
    width.saturating_sub(if matches!(row.item, Item::Line(_)) { MARK } else { figures(width) })
}

/// The column of a row's fold mark: a deep one is indented by no more than leaves room for its name.
pub(super) fn fold_column(row: Row, names: Rect) -> u16 {
    names.x + 1 + u16::try_from(row.depth).unwrap_or(u16::MAX).min(text_width(row, names.width) / 3)
}

impl Waterfall {
    fn said(&self, look: &Look<'_>, digest: &Digest, item: Item) -> Option<Said> {
        let trace = &digest.trace;
        Some(match item {
            Item::Span(node) => {
                let (i, n) = (node as usize, &trace.nodes[node as usize]);
                let mut notes = Vec::new();
                if self.tree.is_folded(item) && self.tree.has_below(trace, item) {
                    notes.push(format!("+{}", self.tree.below(trace, node)));
                }
                if !n.flags.is_empty() {
                    notes.push(format!("[{}]", n.flags.names().collect::<Vec<_>>().join(",")));
                }
                if trace.span(i).is_some_and(|span| !span.links().is_empty()) {
                    notes.push("link".to_owned());
                }
                let error = if n.is_error() { Role::Bad } else { Role::Warn };
                // What is folded into a row is shown by it, as its bar is by its height.
                let share = if self.tree.is_folded(item) { digest.share_within(node) } else { digest.share(node) };
                Said {
                    service: trace.service(i).to_owned(),
                    name: trace.name(i).to_string(),
                    count: String::new(),
                    errors: 0,
                    notes: vec![notes.join(" ")],
                    duration_ns: Some(n.duration_ns),
                    own: if n.is_missing() { format::MISSING.to_owned() } else { format::nanoseconds(n.self_ns) },
                    share,
                    error: n.error_within.then_some(error),
                    role: if n.is_missing() { Role::Dim } else { Role::Text },
                }
            }
            Item::Group(number) => {
                let group = self.tree.groups.groups().get(number as usize)?;
                let first = *group.members.first()? as usize;
                let known = digest.group(number)?;
                let (p50, max) = (format::nanoseconds(group.p50_ns), format::nanoseconds(group.max_ns));
                // A number that is cut is another one.
                let (short, _) = p50.rsplit_once(' ').filter(|(_, unit)| max.ends_with(&format!(" {unit}"))).unwrap_or((&p50, ""));
                let notes = [format!("p50 {p50} max {max}"), format!("p50 {short} max {max}"), format!("p50 {p50}"), String::new()];
                let share = if self.tree.is_folded(item) { known.share_within } else { known.share };
                Said {
                    service: trace.service(first).to_owned(),
                    name: trace.name(first).to_string(),
                    count: format!("{}{}", look.shared.glyphs.times, format::count(group.members.len() as u64)),
                    errors: group.errors,
                    notes: notes.into(),
                    duration_ns: Some(group.total_ns),
                    own: String::new(),
                    share,
                    error: known.error_within.then_some(if group.errors > 0 { Role::Bad } else { Role::Warn }),
                    role: Role::Text,
                }
            }
            Item::Line(line) => {
                let (level, role, time, message) = self.lines.said(line, look)?;
                let (name, none) = (format!("{time} {message}"), String::new);
                let (service, count, own) = (level.to_owned(), none(), none());
                Said { service, name, count, errors: 0, notes: Vec::new(), duration_ns: None, own, share: 0.0, error: None, role }
            }
        })
    }

    pub(super) fn draw_row(&self, look: &Look<'_>, digest: &Digest, row: Row, area: Rect, buf: &mut Buffer) {
        let Some(said) = self.said(look, digest, row.item) else { return };
        let (theme, glyphs) = (&look.shared.theme, look.shared.glyphs);
        let dimmed = self.is_dimmed(row.item);
        let is_line = matches!(row.item, Item::Line(_));
        let text = Rect { width: text_width(row, area.width), ..area };
        let fold = match (self.tree.has_below(&digest.trace, row.item), self.tree.is_folded(row.item)) {
            (false, _) => " ",
            (true, true) => glyphs.folded,
            (true, false) => glyphs.unfolded,
        };
        let mut x = put(buf, text, fold_column(row, area), fold, theme.style(Role::Dim)) + 1;
        let service = said.service_in(look, area.width, usize::from(text.right().saturating_sub(x)));
        if !service.is_empty() {
            let style = if is_line { theme.style(said.role) } else { look.shared.service_style(&said.service) };
            x = put(buf, text, x, &service, if dimmed { theme.style(Role::Dim) } else { style }) + 1;
        }
        let role = match () {
            () if dimmed => Role::Dim,
            () if self.search.is_some() && !is_line => Role::Match,
            () if is_line => Role::Text,
            () => said.role,
        };
        let room = |x: u16| usize::from(text.right().saturating_sub(x));
        let [name, count, errors] = said.texts(look, room(x));
        x = put(buf, text, x, &name, theme.style(role));
        for (part, role) in [(count, role), (errors, Role::Bad)].into_iter().filter(|(part, _)| !part.is_empty()) {
            x = put(buf, text, x + 1, &part, theme.style(role));
        }
        let note = truncate(said.note(room(x + 1)), room(x + 1), glyphs.ellipsis);
        put(buf, text, x + 1, &note, theme.style(Role::Dim));
        if !is_line {
            self.draw_figures(look, &said, area, buf);
        }
        if self.ruler.is_some_and(|a| row.item == Item::Span(a)) {
            put(buf, area, area.x, "A", theme.style(Role::Accent));
        }
    }

    fn draw_figures(&self, look: &Look<'_>, said: &Said, area: Rect, buf: &mut Buffer) {
        let (theme, glyphs) = (&look.shared.theme, look.shared.glyphs);
        let dim = theme.style(Role::Dim);
        if let (Some(ns), FOR_DURATION..) = (said.duration_ns, area.width) {
            put_right(buf, Rect { width: area.width - MARK, ..area }, &format::nanoseconds(ns), dim);
        }
        if area.width >= FOR_SELF {
            let place = Rect { width: area.width - MARK - DURATION, ..area };
            put_right(buf, place, &said.own, dim);
            if self.path && said.share >= 0.0005 {
                let style = if said.share >= 0.1 { theme.style(Role::Text) } else { dim };
                put_right(buf, Rect { width: place.width - DURATION, ..place }, &format!("{:.1}%", said.share * 100.0), style);
            }
        }
        if let Some(role) = said.error {
            put(buf, area, area.right() - 1, glyphs.error, theme.style(role));
        }
    }

    pub(super) fn draw_selection(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = &look.shared.theme;
        if !self.in_detail {
            buf.set_style(area, theme.style(Role::Selection));
        }
        let role = if self.in_detail { Role::Dim } else { Role::SelectionBar };
        put(buf, area, area.x, look.shared.glyphs.selected, theme.style(role));
    }
}

/// Names the columns of figures, on the edge above them.
pub(super) fn headings(width: u16) -> &'static str {
    // Each word ends where the figures of its column do.
    if width >= FOR_SELF { "path     self    total" } else { "" }
}
