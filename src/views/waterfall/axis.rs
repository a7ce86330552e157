//! The time axis: round times, and what folded waits are in place of.

use std::ops::Range;

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    app::Shared,
    model::time::{TimeRange, Timestamp},
    theme::Role,
    trace::{
        Trace,
        scale::{Break, Scale},
    },
    ui::{
        format,
        text::{put, width},
        wait,
    },
};

/// Cells between the beginnings of two labels beyond what they are wide.
const GAP: u16 = 3;

/// Draws the axis over the first row of `area`, whose width is that of the scale.
pub(super) fn draw(shared: &Shared, trace: &Trace, scale: &Scale, area: Rect, buf: &mut Buffer) {
    let origin = trace.range.start;
    let length = |range: TimeRange| range.end.0.saturating_sub(range.start.0);
    let ns = scale.work().fold(0_i64, |ns, (range, _)| ns.saturating_add(length(range)));
    let cells = scale.work().fold(0_u16, |sum, (_, cells)| sum.saturating_add(cells.end.saturating_sub(cells.start)));
    let labels = Labels::new(ns, cells, scale.range().end.0.saturating_sub(origin.0));
    for part in scale.work() {
        labels.draw(shared, origin, part, scale, area, buf);
    }
    for gap in scale.breaks() {
        draw_break(shared, trace, gap, place(&gap.cells, area), buf);
    }
}

/// Draws the lines that stand for folded waits through the rows.
pub(super) fn draw_breaks(shared: &Shared, scale: &Scale, area: Rect, buf: &mut Buffer) {
    let style = shared.theme.style(Role::Border);
    for place in scale.breaks().iter().map(|gap| place(&gap.cells, area)).filter(|p| p.width > 0) {
        for y in area.y..area.bottom() {
            for x in [place.x, place.right() - 1] {
                put(buf, Rect { y, height: 1, ..area }, x, shared.glyphs.dotted, style);
            }
        }
    }
}

/// Cells of a scale, such as those that stand for a folded wait, where they are drawn.
pub(super) fn place(cells: &Range<u16>, area: Rect) -> Rect {
    let (from, to) = (cells.start.min(area.width), cells.end.min(area.width));
    Rect { x: area.x + from, width: to.saturating_sub(from), height: 1, ..area }
}

/// How long a folded wait is, and who waits.
fn draw_break(shared: &Shared, trace: &Trace, gap: &Break, area: Rect, buf: &mut Buffer) {
    let style = shared.theme.style(Role::Warn);
    let length = format::nanoseconds(gap.duration_ns());
    let room = usize::from(area.width.saturating_sub(2));
    let spare = room.saturating_sub(width(&length) + 1);
    let waiting = gap.waiting.and_then(|node| wait::cut(&trace.name(node as usize), spare, shared.glyphs.ellipsis));
    let candidates = [waiting.map(|name| format!("{length} {name}")), Some(length)];
    let text = candidates.into_iter().flatten().find(|text| width(text) <= room).unwrap_or_default();
    let left = (room - width(&text)) / 2;
    let line = |n: usize| shared.glyphs.horizontal.repeat(n);
    let border = shared.theme.style(Role::Border);
    put(buf, area, area.x, shared.glyphs.dotted, border);
    let x = put(buf, area, area.x + 1, &line(left), border);
    let x = put(buf, area, x, &text, style);
    let x = put(buf, area, x, &line(room - left - width(&text)), border);
    put(buf, area, x, shared.glyphs.dotted, border);
}

/// How times are written, and how far apart.
struct Labels {
    step: i64,
    unit: Unit,
    decimals: usize,
}

#[derive(Clone, Copy)]
struct Unit {
    ns: i64,
    name: &'static str,
}

const UNITS: [Unit; 5] = [
    Unit { ns: 60_000_000_000, name: "min" },
    Unit { ns: 1_000_000_000, name: "s" },
    Unit { ns: 1_000_000, name: "ms" },
    Unit { ns: 1000, name: "µs" },
    Unit { ns: 1, name: "ns" },
];

impl Labels {
    /// For so much time on so many cells, up to `last` after the trace's start.
    fn new(ns: i64, cells: u16, last: i64) -> Self {
        let mut room = 8;
        loop {
            let step = round_step(ns.max(1) / i64::from((cells / room).max(1)));
            let labels = Self::of(step, last);
            let needed = u16::try_from(width(&labels.text(last))).unwrap_or(room) + GAP;
            if needed <= room || room >= cells {
                return labels;
            }
            room = needed;
        }
    }

    fn of(step: i64, last: i64) -> Self {
        let fits = |u: &Unit| step >= u.ns || (last >= u.ns && u.ns <= 1_000_000_000);
        let unit = UNITS.into_iter().find(fits).unwrap_or(UNITS[4]);
        let mut decimals = 0;
        let mut whole = unit.ns;
        while step % whole != 0 && whole >= 10 {
            whole /= 10;
            decimals += 1;
        }
        Self { step, unit, decimals }
    }

    fn text(&self, ns: i64) -> String {
        if ns == 0 {
            return format!("0 {}", self.unit.name);
        }
        format!("{:.*} {}", self.decimals, ns as f64 / self.unit.ns as f64, self.unit.name)
    }

    fn draw(
        &self,
        shared: &Shared,
        origin: Timestamp,
        (range, cells): (TimeRange, Range<u16>),
        scale: &Scale,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let after = |at: Timestamp| at.0.saturating_sub(origin.0);
        let (first, last) = (after(range.start), after(range.end));
        // Beside a wait of minutes there may be work of milliseconds, before it or after.
        let labels = Self::of(self.step, last);
        let mut free = cells.start;
        let mut at = first.div_euclid(self.step).saturating_mul(self.step);
        while at <= last {
            let x = u16::try_from(scale.eighth(Timestamp(origin.0.saturating_add(at))) / 8).unwrap_or(u16::MAX);
            let text = labels.text(at);
            let end = usize::from(x) + width(&text);
            if at >= first && x >= free && end <= usize::from(cells.end) {
                put(buf, area, area.x + x, &text, shared.theme.style(Role::Dim));
                free = u16::try_from(end).unwrap_or(u16::MAX).saturating_add(2);
            }
            let Some(next) = at.checked_add(self.step) else { return };
            at = next;
        }
    }
}

/// The next round length of time: 1, 2, 5 of a power of ten below a second, then as clocks have them.
fn round_step(wanted_ns: i64) -> i64 {
    const SECOND: i64 = 1_000_000_000;
    const CLOCK: [i64; 16] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21_600, 86_400];
    let mut power = 1;
    while power < SECOND {
        if let Some(step) = [1, 2, 5].map(|factor| factor * power).into_iter().find(|step| *step >= wanted_ns) {
            return step;
        }
        power *= 10;
    }
    CLOCK.map(|s| s * SECOND).into_iter().find(|step| *step >= wanted_ns).unwrap_or(wanted_ns)
}
