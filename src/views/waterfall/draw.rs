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
        let left = Rect { width: if bars.width > 0 { names + 2 } else { places.spans.width }, ..places.spans };
        let title = self.spans_title(look, digest, usize::from(left.width).saturating_sub(headings(names).len() + 8));
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

    /// Which row is selected, and in so many cells what is searched for and how many spans have it.
    fn spans_title(&self, look: &Look<'_>, digest: &Digest, room: usize) -> String {
        let glyphs = look.shared.glyphs;
        let dash = glyphs.horizontal.repeat(2);
        let title = format!("spans {dash} {}", position(&self.list, self.tree.rows().len()));
        let Some(search) = &self.search else { return title };
        let found = search.words(&self.tree, &format::counted(digest.trace.span_count as usize, "span"));
        let pattern = search.pattern.as_ref().map_or_else(String::new, |pattern| format!(" {}", pattern.shown()));
        truncate(&format!("{title} {dash} {found}{pattern}"), room, glyphs.ellipsis)
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
        let title = match item {
            Item::Span(n) => {
                let count = self.table.as_ref().and_then(|t| t.selected()).map_or(1, |row| row.count);
                let first = if count > 1 { format!(" {dot} the first of {}", format::count(u64::from(count))) } else { String::new() };
                of(n as usize) + &first
            }
            Item::Group(g) => {
                self.tree.groups.groups().get(g as usize).and_then(|g| g.members.first()).map_or_else(String::new, |n| of(*n as usize))
            }
            Item::Line(line) => self.lines.span_of(line).map_or_else(String::new, |n| of(n as usize)),
        };
        let keys = if self.in_detail { "Enter search, & ! scope, / find, y copy" } else { "" };
        let mut panel = Panel::new(title).focused(self.in_detail).bottom(keys);
        if let Some(pattern) = &self.detail_filter {
            panel = panel.note(pattern.shown());
        }
        panel.render(shared, places.detail, buf);
        let inner = Panel::inner(places.detail);
        let head = Rect { height: places.sheet.y.saturating_sub(inner.y), ..inner };
        for (y, (text, role)) in (head.y..head.bottom()).zip(self.heads(digest, item, head_room(inner), shared.settings.zone.0)) {
            let text = truncate(&text, usize::from(head.width.saturating_sub(1)), shared.glyphs.ellipsis);
            put(buf, Rect { y, height: 1, ..head }, head.x + 1, &text, shared.theme.style(role));
        }
        self.pane.render(shared, &self.details(look), places.sheet, self.in_detail, |_| "", buf);
    }

    /// What stands above the rows of the detail, in so many cells.
    fn heads(&self, digest: &Digest, item: Item, room: usize, zone: i32) -> Vec<(String, Role)> {
        let trace = &digest.trace;
        let (parts, error) = match item {
            Item::Span(node) => {
                let shares = if self.path { (digest.share(node), digest.share_within(node)) } else { (0.0, 0.0) };
                let failed = trace.nodes[node as usize].is_error().then(|| format!("error: {}", detail::fault(trace, node as usize)));
                (detail::head(trace, node as usize, shares, zone), failed)
            }
            Item::Group(group) => (self.group_head(digest, group), None),
            Item::Line(_) => (Vec::new(), None),
        };
        let lines = detail::wrapped(&parts, room).into_iter().map(|text| (text, Role::Text));
        lines.chain(error.map(|text| (text, Role::Bad))).collect()
    }

    /// The part of the detail's pane below its head.
    fn sheet(&self, area: Rect) -> Rect {
        // A time is as wide in any zone.
        let heads = |(digest, item): (&Digest, Item)| self.heads(digest, item, head_room(area), 0).len();
        let heads = self.digest.as_ref().zip(self.item()).map_or(0, heads);
        let head = u16::try_from(heads).unwrap_or(u16::MAX).min(area.height);
        Rect { y: area.y + head, height: area.height - head, ..area }
    }

    /// What is said of repeated spans together, in parts.
    fn group_head(&self, digest: &Digest, group: u32) -> Vec<String> {
        let (Some(known), Some(of)) = (digest.group(group), self.tree.groups.groups().get(group as usize)) else { return Vec::new() };
        let trace = &digest.trace;
        let caller = of.parent.map(|p| p as usize);
        let caller = caller.map_or_else(String::new, |p| format!(" of {} {}", trace.service(p), trace.name(p)));
        let mut parts = vec![
            format!("{} alike{caller}", format::counted(of.members.len(), "span")),
            format!("total {}", format::nanoseconds(of.total_ns)),
            format!("p50 {}", format::nanoseconds(of.p50_ns)),
            format!("max {}", format::nanoseconds(of.max_ns)),
            format::counted(of.errors as usize, "error"),
        ];
        if self.path && known.share_within > 0.0 {
            parts.push(format!("{} of the critical path with their calls", format::percent(known.share_within)));
        }
        parts
    }
}

/// Cells for a line of the head of a detail.
fn head_room(inner: Rect) -> usize {
    usize::from(inner.width.saturating_sub(2))
}

/// Cells for the names, so that at least 40 % are left for bars; all of them where bars have no room.
fn names_width(width: u16) -> u16 {
    match width {
        0..40 => width,
        40..WIDE => width * 11 / 20,
        _ => (width * 9 / 20).clamp(WIDE * 2 / 5, 80),
    }
}
