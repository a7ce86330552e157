//! How the page looks.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Waterfall, bars, short};
use crate::{
    model::time::nanos,
    theme::Role,
    trace::Trace,
    ui::{
        format,
        panel::{self, Panel},
        text::{put, put_right, truncate},
    },
    views::Look,
};

/// From this height on the detail is below the tree; on a smaller screen it takes the tree's place.
const SPLIT: u16 = 24;
/// From this width on services are written out.
const WIDE: u16 = 100;
/// Cells of the duration and of the error mark.
const DURATION: u16 = 9;
const MARK: u16 = 2;

/// Where the page's parts are. A part that is not shown has no height.
pub(super) struct Places {
    summary: Rect,
    spans: Rect,
    detail: Rect,
    /// Rows of the tree, names and bars.
    pub(super) rows: Rect,
    /// Content of the detail.
    pub(super) sheet: Rect,
}

impl Waterfall {
    pub(super) fn places(&self, area: Rect) -> Places {
        let top = u16::from(area.height >= 5);
        let summary = Rect { height: top, ..area };
        let rest = Rect { y: area.y + top, height: area.height - top, ..area };
        let (mut spans, mut detail) = (rest, Rect { height: 0, ..rest });
        if self.full || rest.height < SPLIT {
            if self.in_detail {
                (spans, detail) = (detail, rest);
            }
        } else {
            // What a short trace does not need is the detail's.
            let needed = self.trace().map_or(0, |t| u16::try_from(t.nodes.len()).unwrap_or(u16::MAX)).saturating_add(3);
            let height = (rest.height * 2 / 5).clamp(9, 18).max(rest.height.saturating_sub(needed).min(rest.height * 3 / 4));
            spans.height = rest.height - height + 1;
            detail = Rect { y: rest.bottom() - height, height, ..rest };
        }
        let inner = |area: Rect| if area.height == 0 { area } else { Panel::inner(area) };
        Places { summary, spans, detail, rows: inner(spans), sheet: inner(detail) }
    }

    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let places = self.places(area);
        let shared = look.shared;
        let Some(trace) = self.trace() else {
            let inner = Panel::new("spans").focused(true).render(shared, area, buf);
            let blank = match look.scope.trace {
                None => vec!["No trace is chosen.".to_owned(), "Enter on a line of the logs or on a trace opens one.".to_owned()],
                Some(_) => self.blank(look),
            };
            panel::message(shared, inner, buf, &blank);
            return;
        };
        self.draw_summary(look, trace, places.summary, buf);
        if places.spans.height > 0 {
            self.draw_spans(look, trace, &places, buf);
        }
        if let Some(node) = self.node().filter(|_| places.detail.height > 0) {
            let title = format!("{} {} {}", trace.service(node), shared.glyphs.middle_dot, trace.name(node));
            Panel::new(title).focused(self.in_detail).render(shared, places.detail, buf);
            self.sheet(look).render(shared, places.sheet, buf, self.scroll);
        }
    }

    fn blank(&self, look: &Look<'_>) -> Vec<String> {
        let mut lines = panel::state(&self.slot, look).blank.unwrap_or_default();
        if let (Some(id), false) = (look.scope.trace, lines.is_empty()) {
            lines.insert(0, format!("Trace {id}"));
        }
        lines
    }

    fn draw_summary(&self, look: &Look<'_>, trace: &Trace, area: Rect, buf: &mut Buffer) {
        let style = |role| look.shared.theme.style(role);
        let count = |n: u32, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let mut parts = vec![(format!("trace {}", short(trace.id, look)), Role::Dim)];
        if let Some(root) = trace.root {
            parts.push((trace.name(root as usize).to_string(), Role::Text));
        }
        parts.push((format::nanoseconds(trace.duration_ns()), Role::Text));
        if trace.error_count > 0 {
            parts.push((count(trace.error_count, "error"), Role::Bad));
        }
        let services = u32::try_from(trace.services.len()).unwrap_or(u32::MAX);
        parts.push((format!("{}, {}", count(trace.span_count, "span"), count(services, "service")), Role::Text));
        parts.extend(oddities(trace).into_iter().map(|text| (text, Role::Warn)));
        let state = panel::state(&self.slot, look);
        parts.extend(state.note.map(|text| (text, Role::Warn)));
        let mut x = area.x + 1;
        for (text, role) in parts {
            x = put(buf, area, x, &text, style(role)) + 3;
        }
    }

    fn draw_spans(&self, look: &Look<'_>, trace: &Trace, places: &Places, buf: &mut Buffer) {
        let (shared, rows) = (look.shared, places.rows);
        let names = names_width(rows.width);
        let focused = !self.in_detail;
        let title =
            format!("spans {} {}", shared.glyphs.horizontal.repeat(2), crate::ui::table::position(&self.list, self.tree.rows().len()));
        let left = Rect { width: if names < rows.width { names + 2 } else { places.spans.width }, ..places.spans };
        let bars_area = Rect { x: rows.x + names + 1, width: rows.width.saturating_sub(names + 1), ..rows };
        if bars_area.width > 0 {
            let right = Rect { x: bars_area.x.saturating_sub(1), width: bars_area.width + 2, ..places.spans };
            Panel::default().focused(focused).render(shared, right, buf);
            let top = Rect { y: places.spans.y, height: 1, ..bars_area };
            if places.spans.height >= 3 {
                bars::axis(buf, top, trace.duration_ns(), shared.theme.style(Role::Dim));
            }
        }
        Panel::new(title).focused(focused).render(shared, left, buf);
        let first = self.list.first(self.tree.rows().len(), usize::from(rows.height));
        for (line, node) in self.tree.rows().iter().skip(first).take(usize::from(rows.height)).enumerate() {
            let y = rows.y + u16::try_from(line).unwrap_or(0);
            let node = *node as usize;
            self.draw_name(look, trace, node, Rect { y, height: 1, width: names, ..rows }, buf);
            draw_bar(look, trace, node, Rect { y, height: 1, ..bars_area }, buf);
            if Some(node) == self.node() {
                self.draw_selection(look, Rect { y, height: 1, width: names, ..rows }, buf);
            }
        }
    }

    fn draw_name(&self, look: &Look<'_>, trace: &Trace, i: usize, area: Rect, buf: &mut Buffer) {
        let (theme, glyphs, node) = (&look.shared.theme, look.shared.glyphs, &trace.nodes[i]);
        let found = self.search.as_ref().is_some_and(|s| u32::try_from(i).is_ok_and(|i| s.nodes.binary_search(&i).is_ok()));
        let figures = if area.width > 24 { DURATION + MARK } else { MARK };
        let text = Rect { width: area.width.saturating_sub(figures), ..area };
        let indent = u16::try_from(node.depth).unwrap_or(u16::MAX).min(text.width / 3);
        let fold = match (trace.has_children(i), self.tree.is_folded(i)) {
            (false, _) => " ",
            (true, true) => glyphs.folded,
            (true, false) => glyphs.unfolded,
        };
        let mut x = put(buf, text, text.x + 1 + indent, fold, theme.style(Role::Dim)) + 1;
        let service = trace.service(i);
        let shown = if look_is_wide(area) { service.to_owned() } else { service.chars().take(1).collect() };
        if !shown.is_empty() {
            x = put(buf, text, x, &shown, look.shared.service_style(service)) + 1;
        }
        let role = if found {
            Role::Match
        } else if node.is_missing() {
            Role::Dim
        } else {
            Role::Text
        };
        let mut name = trace.name(i).to_string();
        if self.tree.is_folded(i) {
            name.push_str(&format!(" +{}", node.subtree_end as usize - i - 1));
        }
        if !node.flags.is_empty() {
            name = format!("{name} [{}]", node.flags.names().collect::<Vec<_>>().join(","));
        }
        let room = usize::from(text.right().saturating_sub(x));
        put(buf, text, x, &truncate(&name, room, glyphs.ellipsis), theme.style(role));
        if figures > MARK {
            let place = Rect { width: area.width - MARK, ..area };
            put_right(buf, place, &format::nanoseconds(node.duration_ns), theme.style(Role::Dim));
        }
        if node.error_within {
            let role = if node.is_error() { Role::Bad } else { Role::Warn };
            put(buf, area, area.right() - 1, glyphs.error, theme.style(role));
        }
    }

    fn draw_selection(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = &look.shared.theme;
        if !self.in_detail {
            buf.set_style(area, theme.style(Role::Selection));
        }
        let role = if self.in_detail { Role::Dim } else { Role::SelectionBar };
        put(buf, area, area.x, look.shared.glyphs.selected, theme.style(role));
    }
}

/// What is odd about the whole.
fn oddities(trace: &Trace) -> Vec<String> {
    let mut out = Vec::new();
    let missing = trace.missing_count();
    if missing > 0 {
        out.push(format!("{missing} missing"));
    }
    if trace.roots > 1 {
        out.push(format!("{} roots", trace.roots));
    }
    if trace.skewed_count > 0 {
        out.push(format!("{} skewed: clocks differ", trace.skewed_count));
    }
    if let Some(words) = &trace.partial {
        out.push(format!("partial: {words}"));
    }
    out
}

fn look_is_wide(names: Rect) -> bool {
    names.width >= WIDE * 2 / 5
}

/// Cells for the names, so that at least 40 % are left for bars; all of them where bars have no room.
fn names_width(width: u16) -> u16 {
    match width {
        0..40 => width,
        40..WIDE => width * 11 / 20,
        _ => (width * 9 / 20).clamp(WIDE * 2 / 5, 80),
    }
}

fn draw_bar(look: &Look<'_>, trace: &Trace, i: usize, area: Rect, buf: &mut Buffer) {
    if area.width == 0 {
        return;
    }
    let node = &trace.nodes[i];
    let offset = nanos(node.start.since(trace.range.start));
    let place = bars::eighths(offset, node.duration_ns, trace.duration_ns(), area.width);
    let glyphs = look.shared.glyphs;
    if node.is_missing() {
        let (start, end) = (place.0 / 8, place.1.div_ceil(8));
        let dashes = glyphs.dashed.repeat(end.saturating_sub(start) as usize);
        put(buf, area, area.x + u16::try_from(start).unwrap_or(0), &dashes, look.shared.theme.style(Role::Dim));
        return;
    }
    bars::draw(buf, area, glyphs, place, look.shared.service_style(trace.service(i)));
}
