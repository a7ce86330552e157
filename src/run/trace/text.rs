//! The waterfall as lines of plain text: what is on the critical path is solid, gaps are folded, repeated siblings are one line.

use std::ops::Range;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::{
    model::time::Timestamp,
    theme::Glyphs,
    trace::{
        Trace,
        repeats::{Group, Repeats},
        scale::{EIGHTHS, Scale},
    },
    ui::{
        format,
        text::{put, put_right, to_ascii, truncate, width as cells, wrap},
        wait,
    },
};

/// Cells of a duration with the space before it.
const DURATION: u16 = 10;
/// Cells of the mark before a line.
const MARK: u16 = 2;
/// Services that the path's line names.
const NAMED: usize = 6;

/// Characters of bars: on the critical path, beside it, of a missing span.
const BARS: [&str; 3] = ["█", "░", "╌"];
const ASCII_BARS: [&str; 3] = ["#", "=", "-"];

/// The whole of it, each line at most so wide.
pub(super) fn text(trace: &Trace, width: u16, glyphs: &Glyphs) -> String {
    let names = width / 20 * 9 + width % 20 * 9 / 20;
    let page = Page {
        trace,
        glyphs,
        bars: if glyphs.unicode { BARS } else { ASCII_BARS },
        width,
        names,
        scale: Scale::folded(trace, trace.range, width.saturating_sub(names + 1)),
    };
    let repeats = Repeats::of(trace);
    let mut out = page.head();
    let mut i = 0;
    while i < trace.nodes.len() {
        let node = u32::try_from(i).unwrap_or(u32::MAX);
        let group = repeats.number(node).map(|n| &repeats.groups()[n]);
        match group {
            Some(group) if group.members.first() == Some(&node) => out.push_str(&page.group(group)),
            Some(_) => {}
            None => out.push_str(&page.span(i)),
        }
        // What is below a repeated one is within its line.
        i = if group.is_some() { trace.nodes[i].subtree_end as usize } else { i + 1 };
    }
    out
}

struct Page<'t> {
    trace: &'t Trace,
    glyphs: &'t Glyphs,
    bars: [&'static str; 3],
    width: u16,
    /// Cells of the names with the durations.
    names: u16,
    scale: Scale,
}

impl Page<'_> {
    fn head(&self) -> String {
        let trace = self.trace;
        let root = trace.root.map(|r| r as usize);
        let name = root.map(|r| format!("{} {}", trace.service(r), trace.name(r))).unwrap_or_default();
        let errors = (trace.error_count > 0).then(|| format::counted(trace.error_count as usize, "error"));
        let facts =
            [Some(format::counted(trace.span_count as usize, "span")), Some(format::counted(trace.services.len(), "service")), errors];
        let facts: Vec<String> = facts.into_iter().flatten().chain(oddities(trace)).collect();
        let (start, long) = (format::rfc3339(trace.range.start), format::nanoseconds(trace.duration_ns()));
        let mut out = self.words(&format!("trace {}  {}", trace.id, name.trim()));
        out.push_str(&self.words(&format!("{start}  {long}  {}", facts.join(", "))));
        out.extend(trace.partial.iter().map(|partial| self.words(&format!("partial: {partial}"))));
        out.push_str(&self.words(&self.path()));
        out.push('\n');
        out.push_str(&self.line(|buf| self.axis(buf)));
        out
    }

    /// What the critical path's time went to, by service.
    fn path(&self) -> String {
        let trace = self.trace;
        let mut shares: Vec<(&str, i64)> = Vec::new();
        // Who only waits, as a missing span does, has no part in it.
        for (node, ns) in trace.path.nodes().iter().filter(|(_, ns)| *ns > 0) {
            let service = trace.service(*node as usize);
            match shares.iter_mut().find(|(name, _)| *name == service) {
                Some((_, sum)) => *sum += ns,
                None => shares.push((service, *ns)),
            }
        }
        shares.sort_by_key(|(name, ns)| (std::cmp::Reverse(*ns), *name));
        let total: i64 = shares.iter().map(|(_, ns)| ns).sum();
        let share = |(name, ns): &(&str, i64)| format!("{name} {}", format::percent(*ns as f64 / total.max(1) as f64));
        let named: Vec<String> = shares.iter().take(NAMED).map(share).collect();
        let [on, off, _] = self.bars;
        format!("{on} critical path {}: {}   {off} beside it", format::nanoseconds(total), named.join(", "))
    }

    /// Where the bars begin and end, and the length of each break.
    fn axis(&self, buf: &mut Buffer) {
        let area = self.bar_area();
        put(buf, area, area.x, "0", Style::new());
        put_right(buf, area, &format::nanoseconds(self.trace.duration_ns()), Style::new());
        for at in self.scale.breaks() {
            let room = at.cells.end - at.cells.start;
            let label = format::nanoseconds(at.duration_ns());
            let place = Rect { x: area.x + at.cells.start, width: room, ..area };
            let side = room.saturating_sub(u16::try_from(cells(&label)).unwrap_or(room)) / 2;
            for x in place.x..place.right() {
                put(buf, place, x, self.glyphs.dotted, Style::new());
            }
            put(buf, place, place.x + side, &label, Style::new());
        }
    }

    fn span(&self, i: usize) -> String {
        let (trace, node) = (self.trace, &self.trace.nodes[i]);
        let mut name = format!("{} {}", trace.service(i), trace.name(i));
        if !node.flags.is_empty() {
            name = format!("{name} [{}]", node.flags.names().collect::<Vec<_>>().join(","));
        }
        let number = u32::try_from(i).unwrap_or(u32::MAX);
        self.line(|buf| {
            self.name(buf, node.depth, name.trim(), &format::nanoseconds(node.duration_ns), (node.is_error(), node.error_within));
            self.bar(buf, number);
            self.waiting(buf, number);
        })
    }

    /// Repeated siblings as one line.
    fn group(&self, group: &Group) -> String {
        let trace = self.trace;
        let first = group.members.first().copied().unwrap_or_default() as usize;
        let times = format!("p50 {} max {}", format::nanoseconds(group.p50_ns), format::nanoseconds(group.max_ns));
        let errors = if group.errors > 0 { format!(", {}", format::counted(group.errors as usize, "error")) } else { String::new() };
        let count = format!("{} {}", format::count(group.members.len() as u64), self.glyphs.times);
        let name = format!("{count} {} {}, {times}{errors}", trace.service(first), trace.name(first));
        self.line(|buf| {
            let failed = group.errors > 0;
            self.name(buf, trace.nodes[first].depth, &name, &format::nanoseconds(group.total_ns), (failed, failed));
            group.members.iter().for_each(|member| self.bar(buf, *member));
        })
    }

    fn name(&self, buf: &mut Buffer, depth: u32, name: &str, duration: &str, (failed, within): (bool, bool)) {
        let area = Rect { width: self.names, ..buf.area };
        let mark = if failed {
            self.glyphs.error
        } else if within {
            self.glyphs.middle_dot
        } else {
            " "
        };
        put(buf, area, 0, mark, Style::new());
        let text = Rect { x: MARK, width: self.names.saturating_sub(MARK + DURATION), ..area };
        let indent = u16::try_from(depth).unwrap_or(u16::MAX).min(text.width / 3);
        let room = usize::from(text.width.saturating_sub(indent));
        put(buf, text, text.x + indent, &truncate(name, room, self.glyphs.ellipsis), Style::new());
        put_right(buf, area, duration, Style::new());
    }

    fn bar_area(&self) -> Rect {
        Rect { x: self.names + 1, y: 0, width: self.scale.width(), height: 1 }
    }

    fn bar(&self, buf: &mut Buffer, node: u32) {
        let at = &self.trace.nodes[node as usize];
        let [on, off, missing] = self.bars;
        self.fill(buf, at.start, at.end(), if at.is_missing() { missing } else { off });
        for part in self.trace.path.parts_of(node) {
            self.fill(buf, part.start, part.end, on);
        }
    }

    /// Fills the cells of a time, one at least.
    fn fill(&self, buf: &mut Buffer, start: Timestamp, end: Timestamp, symbol: &str) {
        let (area, Some(place)) = (self.bar_area(), self.scale.bar(start, end)) else { return };
        for cell in place.start / EIGHTHS..place.end.div_ceil(EIGHTHS).max(place.start / EIGHTHS + 1) {
            let x = area.x.saturating_add(u16::try_from(cell).unwrap_or(u16::MAX));
            put(buf, area, x, symbol, Style::new());
        }
    }

    /// The time that this span waits for, across the break that folds it.
    fn waiting(&self, buf: &mut Buffer, node: u32) {
        let area = self.bar_area();
        let place = |cells: &Range<u16>| Rect { x: area.x + cells.start, width: cells.end - cells.start, ..area };
        for (number, at) in self.scale.breaks().iter().enumerate().filter(|(_, at)| at.waiting == Some(node)) {
            let (row, place) = (place(&self.scale.around(number)), place(&at.cells));
            let (name, length) = (self.trace.name(node as usize), format::nanoseconds(at.duration_ns()));
            wait::write(buf, (row, place), (&name, &length), self.glyphs.ellipsis, |_| Style::new());
        }
    }

    /// Words on as many lines as they need.
    fn words(&self, text: &str) -> String {
        let lines = wrap(text, usize::from(self.width));
        lines.iter().map(|line| self.line(|buf| _ = put(buf, buf.area, 0, line, Style::new()))).collect()
    }

    /// One line, without anything that could move a terminal's cursor.
    fn line(&self, draw: impl FnOnce(&mut Buffer)) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, self.width, 1));
        draw(&mut buf);
        if !self.glyphs.unicode {
            to_ascii(&mut buf);
        }
        let mut out = String::new();
        let mut skip = 0;
        for cell in buf.content() {
            if skip == 0 {
                out.push_str(cell.symbol());
                skip = cells(cell.symbol()).saturating_sub(1);
            } else {
                skip -= 1;
            }
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    }
}

/// What is odd about the whole.
fn oddities(trace: &Trace) -> Vec<String> {
    let missing = trace.missing_count();
    let all = [
        (missing, format!("{} missing", format::count(missing as u64))),
        (trace.roots.saturating_sub(1) as usize, format!("{} roots", trace.roots)),
        (trace.skewed_count as usize, format!("{} skewed", trace.skewed_count)),
        (trace.copies as usize, format!("{} dropped", format::counted(trace.copies as usize, "duplicate"))),
    ];
    all.into_iter().filter(|(n, _)| *n > 0).map(|(_, words)| words).collect()
}
