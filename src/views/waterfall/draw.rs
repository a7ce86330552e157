//! How the page looks.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Waterfall, axis, detail, digest::Digest, row::headings, rows::Item, strip::Strip};
use crate::{
    theme::Role,
    ui::{
        format,
        panel::{self, Panel},
        table::position,
        text::{put, put_right, truncate},
    },
    views::Look,
};

/// From this height on the detail is below the tree; on a smaller screen it takes the tree's place.
const SPLIT: u16 = 24;
/// From this width on services are written out.
const WIDE: u16 = 100;
/// From this height on there is room for the minimap.
const FOR_MINIMAP: u16 = 5;

/// Where the page's parts are. A part that is not shown has no height.
pub(super) struct Places {
    summary: Rect,
    measured: Rect,
    spans: Rect,
    detail: Rect,
    /// The time axis, above the bars.
    pub(super) axis: Rect,
    /// The whole trace in one row, above the bars.
    pub(super) minimap: Rect,
    /// Rows of the tree, names and bars; of the table with its heading.
    pub(super) rows: Rect,
    /// The bars.
    pub(super) bars: Rect,
    /// Content of the detail.
    pub(super) sheet: Rect,
}

impl Places {
    /// The part of the rows before the bars.
    pub(super) fn names(&self) -> Rect {
        Rect { width: self.rows.width.saturating_sub(self.bars.width + u16::from(self.bars.width > 0)), ..self.rows }
    }
}

impl Waterfall {
    pub(super) fn places(&self, area: Rect) -> Places {
        let top = u16::from(area.height >= 5);
        let summary = Rect { height: top, ..area };
        let ruler = u16::from(self.ruler.is_some() && area.height >= 8);
        let measured = Rect { y: area.y + top, height: ruler, ..area };
        let rest = Rect { y: area.y + top + ruler, height: area.height - top - ruler, ..area };
        let (mut spans, mut detail) = (rest, Rect { height: 0, ..rest });
        if self.full || rest.height < SPLIT {
            if self.in_detail {
                (spans, detail) = (detail, rest);
            }
        } else {
            // What a short trace does not need is the detail's.
            let minimap = u16::from(self.time.is_zoomed());
            let needed = u16::try_from(self.tree.rows().len()).unwrap_or(u16::MAX).saturating_add(3 + minimap);
            let height = (rest.height * 2 / 5).clamp(9, 18).max(rest.height.saturating_sub(needed).min(rest.height * 3 / 4));
            spans.height = rest.height - height + 1;
            detail = Rect { y: rest.bottom() - height, height, ..rest };
        }
        let inner = |area: Rect| if area.height == 0 { area } else { Panel::inner(area) };
        let mut rows = inner(spans);
        let names = if self.table.is_some() { rows.width } else { names_width(rows.width) };
        let bars = |rows: Rect| Rect { x: rows.x + names + 1, width: rows.width.saturating_sub(names + 1), ..rows };
        let axis = Rect { y: spans.y, height: u16::from(spans.height >= 3), ..bars(rows) };
        let is_partial = self.time.is_zoomed() || self.tree.rows().len() > usize::from(rows.height);
        let has_minimap = is_partial && rows.height >= FOR_MINIMAP && self.table.is_none();
        let minimap = Rect { height: u16::from(has_minimap), ..bars(rows) };
        rows.y += minimap.height;
        rows.height -= minimap.height;
        Places { summary, measured, spans, detail, axis, minimap, rows, bars: bars(rows), sheet: self.sheet(inner(detail)) }
    }

    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let places = self.places(area);
        let shared = look.shared;
        let Some(digest) = &self.digest else {
            let inner = Panel::new("spans").focused(true).render(shared, area, buf);
            let blank = match look.scope.trace {
                None => vec!["No trace is chosen.".to_owned(), "Enter on a line of the logs or on a trace opens one.".to_owned()],
                Some(_) => self.blank(look),
            };
            panel::message(shared, inner, buf, &blank);
            return;
        };
        self.draw_summary(look, digest, places.summary, buf);
        self.draw_measured(look, places.measured, buf);
        if places.spans.height > 0 && self.table.is_some() {
            self.draw_table_pane(look, &places, buf);
        } else if places.spans.height > 0 {
            self.draw_spans(look, digest, &places, buf);
        }
        if places.detail.height > 0 {
            self.draw_detail(look, digest, &places, buf);
        }
    }

    fn blank(&self, look: &Look<'_>) -> Vec<String> {
        let mut lines = panel::state(&self.slot, look).blank.unwrap_or_default();
        if let (Some(id), false) = (look.scope.trace, lines.is_empty()) {
            lines.insert(0, format!("Trace {id}"));
        }
        lines
    }

    fn draw_table_pane(&self, look: &Look<'_>, places: &Places, buf: &mut Buffer) {
        let Some(table) = &self.table else { return };
        let title = format!("operations {} {}", look.shared.glyphs.horizontal.repeat(2), position(table.state(), table.rows()));
        Panel::new(title).focused(!self.in_detail).render(look.shared, places.spans, buf);
        self.draw_table(look, places.rows, buf);
    }

    fn draw_spans(&self, look: &Look<'_>, digest: &Digest, places: &Places, buf: &mut Buffer) {
        let (shared, rows, bars) = (look.shared, places.rows, places.bars);
        let names = places.names().width;
        let focused = !self.in_detail;
        let title = format!("spans {} {}", shared.glyphs.horizontal.repeat(2), position(&self.list, self.tree.rows().len()));
        let left = Rect { width: if bars.width > 0 { names + 2 } else { places.spans.width }, ..places.spans };
        let scale = self.time.scale(&digest.trace, bars.width.max(1));
        if bars.width > 0 {
            let right = Rect { x: bars.x.saturating_sub(1), width: bars.width + 2, ..places.spans };
            Panel::default().focused(focused).render(shared, right, buf);
            if places.axis.height > 0 {
                axis::draw(shared, &digest.trace, &scale, places.axis, buf);
            }
            axis::draw_breaks(shared, &scale, bars, buf);
        }
        Panel::new(title).focused(focused).render(shared, left, buf);
        if places.axis.height > 0 && names > 50 {
            put_right(buf, Rect { width: left.width - 4, height: 1, ..left }, headings(names), shared.theme.style(Role::Dim));
        }
        self.draw_minimap(look, digest, names, places, buf);
        let range = self.time.range(&digest.trace);
        let row_of = |waiting: Option<u32>| self.tree.row_near(&digest.trace, Item::Span(waiting?));
        let waits: Vec<Option<usize>> = scale.breaks().iter().map(|gap| row_of(gap.waiting)).collect();
        let strip = Strip { look, digest, scale: &scale, waits: &waits, range, path: self.path };
        let first = self.list.first(self.tree.rows().len(), usize::from(rows.height));
        let selected = self.list.row(self.tree.rows().len());
        for (line, (at, row)) in (0..rows.height).zip(self.tree.rows().iter().enumerate().skip(first)) {
            let name = Rect { y: rows.y + line, height: 1, width: names, ..rows };
            self.draw_row(look, digest, *row, name, buf);
            self.draw_strip(&strip, (at, row.item), Rect { y: rows.y + line, height: 1, ..bars }, buf);
            if Some(at) == selected {
                self.draw_selection(look, name, buf);
            }
        }
    }

    fn draw_minimap(&self, look: &Look<'_>, digest: &Digest, names: u16, places: &Places, buf: &mut Buffer) {
        if places.minimap.height == 0 {
            return;
        }
        let trace = &digest.trace;
        let visible = self.time.range(trace);
        let dash = look.shared.glyphs.dash;
        let from = detail::offset(visible.start, trace.range.start);
        let to = detail::offset(visible.end, trace.range.start);
        let text = if self.time.is_zoomed() { format!("{from} {dash} {to} of the whole") } else { "the whole".to_owned() };
        let area = Rect { x: places.rows.x, width: names, ..places.minimap };
        put_right(buf, area, &truncate(&text, usize::from(names), look.shared.glyphs.ellipsis), look.shared.theme.style(Role::Dim));
        self.minimap.draw(look.shared, trace, visible, places.minimap, buf);
    }

    fn draw_detail(&self, look: &Look<'_>, digest: &Digest, places: &Places, buf: &mut Buffer) {
        let (shared, trace) = (look.shared, &digest.trace);
        let Some(item) = self.item() else { return };
        let dot = shared.glyphs.middle_dot;
        let of = |n: usize| format!("{} {dot} {}", trace.service(n), trace.name(n));
        let (title, heads) = match item {
            Item::Span(n) => {
                let count = self.table.as_ref().and_then(|t| t.selected()).map_or(1, |row| row.count);
                let first = if count > 1 { format!(" {dot} the first of {}", format::count(u64::from(count))) } else { String::new() };
                (of(n as usize) + &first, self.heads(look, digest, n))
            }
            Item::Group(g) => self.group_words(g, of),
            Item::Line(line) => (self.lines.span_of(line).map_or_else(String::new, |n| of(n as usize)), Vec::new()),
        };
        let keys = if self.in_detail { "Enter search, & ! scope, / find, y copy" } else { "" };
        let mut panel = Panel::new(title).focused(self.in_detail).bottom(keys);
        if let Some(pattern) = &self.detail_filter {
            panel = panel.note(pattern.shown());
        }
        panel.render(shared, places.detail, buf);
        let inner = Panel::inner(places.detail);
        let head = Rect { height: places.sheet.y.saturating_sub(inner.y), ..inner };
        for (y, (text, role)) in (head.y..head.bottom()).zip(heads) {
            put(buf, Rect { y, height: 1, ..head }, head.x + 1, &text, shared.theme.style(role));
        }
        self.pane.render(shared, &self.details(look), places.sheet, self.in_detail, |_| "", buf);
    }

    /// What stands above a span's attributes.
    fn heads(&self, look: &Look<'_>, digest: &Digest, node: u32) -> Vec<(String, Role)> {
        let trace = &digest.trace;
        let share = if self.path { digest.share(node) } else { 0.0 };
        let mut text = detail::head(trace, node as usize, share, look);
        let shift = trace.nodes[node as usize].shift_ns;
        if shift != 0 {
            text = format!("{text}   clock put right by {}", format::nanoseconds(shift));
        }
        let mut heads = vec![(text, Role::Text)];
        if trace.nodes[node as usize].is_error() {
            heads.push((format!("error: {}", detail::fault(trace, node as usize)), Role::Bad));
        }
        heads
    }

    /// The part of the detail's pane below its head.
    fn sheet(&self, area: Rect) -> Rect {
        let failed = matches!((self.trace(), self.item()), (Some(trace), Some(Item::Span(n))) if trace.nodes[n as usize].is_error());
        let is_line = matches!(self.item(), Some(Item::Line(_)));
        let head = if is_line { 0 } else { 1 + u16::from(failed) }.min(area.height);
        Rect { y: area.y + head, height: area.height - head, ..area }
    }

    fn group_words(&self, group: u32, of: impl Fn(usize) -> String) -> (String, Vec<(String, Role)>) {
        let Some(group) = self.tree.groups.groups().get(group as usize) else { return (String::new(), Vec::new()) };
        let first = group.members.first().map_or(0, |n| *n as usize);
        let caller = group.parent.map_or_else(String::new, |p| format!(" of {}", of(p as usize)));
        let text = format!(
            "{} alike{caller}   total {}   p50 {}   max {}   {}",
            format::counted(group.members.len(), "span"),
            format::nanoseconds(group.total_ns),
            format::nanoseconds(group.p50_ns),
            format::nanoseconds(group.max_ns),
            format::counted(group.errors as usize, "error"),
        );
        (of(first), vec![(text, Role::Text)])
    }
}

/// Cells for the names, so that at least 40 % are left for bars; all of them where bars have no room.
fn names_width(width: u16) -> u16 {
    match width {
        0..40 => width,
        40..WIDE => width * 11 / 20,
        _ => (width * 9 / 20).clamp(WIDE * 2 / 5, 80),
    }
}
