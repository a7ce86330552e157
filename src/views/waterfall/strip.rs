//! What is drawn beside a row's name: its bar on the time axis, with what happened on it.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{
    Waterfall, axis,
    bars::Bars,
    digest::{Digest, touches},
    rows::Item,
};
use crate::{
    model::time::{TimeRange, Timestamp},
    theme::Role,
    trace::scale::Scale,
    ui::{
        format,
        text::{put, truncate, width},
        wait,
    },
    views::Look,
};

/// Events that are drawn of one span at the most: more than a screen has columns.
const EVENTS: usize = 1000;

/// What rows are drawn with.
pub(super) struct Strip<'a> {
    pub(super) look: &'a Look<'a>,
    pub(super) digest: &'a Digest,
    pub(super) scale: &'a Scale,
    /// The row that stands for who waits in each folded wait: its own, or that of what it is folded into.
    pub(super) waits: &'a [Option<usize>],
    /// What of the trace's time is visible.
    pub(super) range: TimeRange,
    /// Whether the critical path is told apart.
    pub(super) path: bool,
}

impl Strip<'_> {
    fn eighths(&self, start: Timestamp, end: Timestamp) -> (u32, u32) {
        (self.scale.eighth(start.max(self.range.start)), self.scale.eighth(end.min(self.range.end)))
    }

    /// Draws the bar of a span.
    fn span(&self, row: usize, node: u32, dimmed: bool, area: Rect, buf: &mut Buffer) {
        let (trace, glyphs, theme) = (&self.digest.trace, self.look.shared.glyphs, &self.look.shared.theme);
        let span = &trace.nodes[node as usize];
        let (start, end) = (span.start, span.end());
        if end < self.range.start || start > self.range.end {
            return self.outside(end < self.range.start, area, buf);
        }
        let place = self.eighths(start, end);
        if span.is_missing() {
            let (from, to) = (place.0 / 8, place.1.div_ceil(8).max(place.0 / 8 + 1));
            let dashes = glyphs.dashed.repeat(to.saturating_sub(from) as usize);
            put(buf, area, area.x + column(from), &dashes, theme.style(Role::Dim));
            return;
        }
        let mut bars = Bars::new(area.width);
        bars.fill(place);
        if !self.path {
            bars.raise(place);
        } else if let Some(through) = self.digest.through(node).filter(|t| t.end > self.range.start && t.start < self.range.end) {
            bars.raise(self.eighths(through.start, through.end));
        }
        self.bars(&bars, trace.service(node as usize), dimmed, area, buf);
        if !dimmed {
            // A name that is written across a break may hide what happened there, but no exception.
            self.events(&bars, (node, false), area, buf);
            self.breaks(&bars, row, node, area, buf);
            self.events(&bars, (node, true), area, buf);
        }
    }

    /// Draws the bars of repeated spans into one row.
    fn group(&self, row: usize, group: u32, members: &[u32], dimmed: bool, area: Rect, buf: &mut Buffer) {
        let mut bars = Bars::new(area.width);
        let Some(known) = self.digest.group(group) else { return };
        self.fill_many(&known.covered, |place| bars.fill(place));
        self.fill_many(if self.path { &known.through } else { &known.covered }, |place| bars.raise(place));
        let service = members.first().map_or("", |node| self.digest.trace.service(*node as usize));
        self.bars(&bars, service, dimmed, area, buf);
        if let (Some(first), false) = (members.first(), dimmed) {
            self.breaks(&bars, row, *first, area, buf);
        }
    }

    /// Passes on where intervals lie that do not overlap and are in order: of those that share an eighth only one, so that a
    /// row takes no longer for a hundred thousand of them.
    fn fill_many(&self, intervals: &[TimeRange], mut fill: impl FnMut((u32, u32))) {
        let mut rest = &intervals[intervals.partition_point(|i| i.end < self.range.start)..];
        while let Some(first) = rest.first().filter(|i| i.start <= self.range.end) {
            let place = self.eighths(first.start, first.end);
            fill(place);
            let filled = self.scale.time_at(place.1.max(place.0 + 1));
            rest = &rest[1..];
            rest = &rest[rest.partition_point(|i| i.end < filled)..];
        }
    }

    fn bars(&self, bars: &Bars, service: &str, dimmed: bool, area: Rect, buf: &mut Buffer) {
        let shared = self.look.shared;
        let style = if dimmed { shared.theme.style(Role::Border) } else { shared.service_style(service) };
        bars.draw(buf, area, shared.glyphs, style);
    }

    /// The lines of folded waits through the bar of a row, and across the break the name of the span that waits, where that is the
    /// row's or folded into it.
    fn breaks(&self, bars: &Bars, row: usize, node: u32, area: Rect, buf: &mut Buffer) {
        let shared = self.look.shared;
        let style = shared.service_style(self.digest.trace.service(node as usize));
        for (number, (gap, waits)) in self.scale.breaks().iter().zip(self.waits).enumerate() {
            let place = axis::place(&gap.cells, area);
            if place.width < 2 {
                continue;
            }
            let over = |x: u16| if bars.is_solid(x - area.x) { style.add_modifier(Modifier::REVERSED) } else { style };
            for x in [place.x, place.right() - 1].into_iter().filter(|x| bars.is_whole(x - area.x)) {
                put(buf, area, x, shared.glyphs.dotted, over(x));
            }
            if let Some(waiting) = gap.waiting.filter(|_| *waits == Some(row)) {
                let row = axis::place(&self.scale.around(number), area);
                let (name, length) = (self.digest.trace.name(waiting as usize), format::nanoseconds(gap.duration_ns()));
                wait::write(buf, (row, place), (&name, &length), shared.glyphs.ellipsis, over);
            }
        }
    }

    /// What happened in a span, as marks on its bar: its exceptions, or all else.
    fn events(&self, bars: &Bars, (node, wanted): (u32, bool), area: Rect, buf: &mut Buffer) {
        let (trace, glyphs, theme) = (&self.digest.trace, self.look.shared.glyphs, &self.look.shared.theme);
        let events = trace.span(node as usize).map_or(&[][..], |span| span.events());
        let shift = trace.nodes[node as usize].shift_ns;
        for event in events.iter().take(EVENTS).filter(|e| (e.name == "exception") == wanted) {
            let at = Timestamp(event.at.0.saturating_add(shift));
            if !touches(self.range, at) {
                continue;
            }
            let cell = column(self.scale.eighth(at) / 8).min(area.width.saturating_sub(1));
            let style = if wanted { theme.style(Role::Bad) } else { self.look.shared.service_style(trace.service(node as usize)) };
            let style = if bars.is_solid(cell) && !wanted { style.add_modifier(Modifier::REVERSED) } else { style };
            put(buf, area, area.x + cell, if wanted { glyphs.diamond } else { glyphs.vertical }, style);
        }
    }

    /// Says on which side a span lies that is not in the visible time.
    fn outside(&self, before: bool, area: Rect, buf: &mut Buffer) {
        let x = if before { area.x } else { area.right().saturating_sub(1) };
        put(buf, area, x, self.look.shared.glyphs.ellipsis, self.look.shared.theme.style(Role::Dim));
    }

    /// A mark at an instant, for a line of the logs, with what it says after it.
    fn mark(&self, at: Timestamp, role: Role, text: &str, area: Rect, buf: &mut Buffer) {
        let shared = self.look.shared;
        if !touches(self.range, at) {
            return self.outside(at < self.range.start, area, buf);
        }
        let cell = column(self.scale.eighth(at) / 8).min(area.width.saturating_sub(1));
        let x = put(buf, area, area.x + cell, shared.glyphs.dot, shared.theme.style(role));
        let (after, before) = (usize::from(area.right().saturating_sub(x + 1)), usize::from(cell.saturating_sub(1)));
        let room = after.max(before);
        let text = truncate(text, room, shared.glyphs.ellipsis);
        let x = if after >= before || width(&text) <= after { x + 1 } else { area.x + cell - 1 - column(width(&text) as u32) };
        put(buf, area, x, &text, shared.theme.style(Role::Dim));
    }
}

fn column(n: u32) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

impl Waterfall {
    /// Draws what is beside a row's name.
    pub(super) fn draw_strip(&self, strip: &Strip<'_>, (row, item): (usize, Item), area: Rect, buf: &mut Buffer) {
        if area.width == 0 {
            return;
        }
        match item {
            Item::Span(node) => strip.span(row, node, self.is_dimmed(item), area, buf),
            Item::Group(group) => {
                let members = &self.tree.groups.groups()[group as usize].members;
                strip.group(row, group, members, self.is_dimmed(item), area, buf);
            }
            Item::Line(line) => {
                if let Some((at, role, text)) = self.lines.mark(line) {
                    strip.mark(at, role, &text, area, buf);
                }
            }
        }
    }

    /// Whether a search found other spans than these.
    pub(super) fn is_dimmed(&self, item: Item) -> bool {
        let Some(search) = &self.search else { return false };
        match item {
            Item::Span(node) => !search.has(&self.tree, node),
            Item::Group(group) => !search.has_in_group(group),
            Item::Line(_) => true,
        }
    }
}
