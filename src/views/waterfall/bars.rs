//! Bars with edges of an eighth of a cell, and the time axis above them.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use crate::{
    theme::Glyphs,
    ui::text::{put, width},
};

/// Where a bar lies in eighths of a cell, from the left edge; at least one eighth long.
pub(super) fn eighths(offset_ns: i64, duration_ns: i64, total_ns: i64, cells: u16) -> (u32, u32) {
    let all = i128::from(cells) * 8;
    let scale = |ns: i128| ns * all / i128::from(total_ns.max(1));
    let last = (all - 1).max(0);
    let start = scale(i128::from(offset_ns)).clamp(0, last);
    let end = scale(i128::from(offset_ns) + i128::from(duration_ns)).clamp(start + 1, last + 1);
    (u32::try_from(start).unwrap_or(0), u32::try_from(end).unwrap_or(1))
}

/// Draws a bar into one row.
pub(super) fn draw(buf: &mut Buffer, area: Rect, glyphs: &Glyphs, (start, end): (u32, u32), style: Style) {
    let reversed = style.add_modifier(Modifier::REVERSED);
    for cell in start / 8..=(end.max(1) - 1) / 8 {
        let from = start.max(cell * 8) - cell * 8;
        let to = (end.min(cell * 8 + 8) - cell * 8).max(from + 1);
        let length = (to - from).min(8) as usize;
        let (symbol, style) = match (from, to) {
            (0, _) => (glyphs.bars[length - 1], style),
            // The glyphs grow from the left: one that grows from the right is the rest of it, reversed.
            (_, 8) if glyphs.unicode => (glyphs.bars[from as usize - 1], reversed),
            (4.., _) => (glyphs.half_right, style),
            _ => (glyphs.bars[length - 1], style),
        };
        let Ok(column) = u16::try_from(cell) else { return };
        if column < area.width {
            put(buf, area, area.x + column, symbol, style);
        }
    }
}

/// Draws round times over the first row of `area`, each where it belongs.
pub(super) fn axis(buf: &mut Buffer, area: Rect, total_ns: i64, style: Style) {
    let (step, unit) = step(total_ns, area.width);
    let mut free = area.x;
    for n in 0.. {
        let at = step.saturating_mul(n);
        let offset = i128::from(at) * i128::from(area.width) / i128::from(total_ns.max(1));
        let Some(x) = u16::try_from(offset).ok().and_then(|o| area.x.checked_add(o)) else { return };
        let label = unit.label(at);
        let end = usize::from(x) + width(&label);
        if at > total_ns || end >= usize::from(area.right()) {
            return;
        }
        if x >= free {
            put(buf, area, x, &label, style);
            free = u16::try_from(end).unwrap_or(u16::MAX).saturating_add(2);
        }
    }
}

#[derive(Clone, Copy)]
struct Unit {
    ns: i64,
    name: &'static str,
}

impl Unit {
    fn label(self, ns: i64) -> String {
        let value = ns as f64 / self.ns as f64;
        let text = format!("{value:.2}");
        format!("{} {}", text.trim_end_matches('0').trim_end_matches('.'), self.name)
    }
}

/// A round step that leaves room for its labels, and the unit they are written in.
fn step(total_ns: i64, cells: u16) -> (i64, Unit) {
    const UNITS: [Unit; 5] = [
        Unit { ns: 60_000_000_000, name: "min" },
        Unit { ns: 1_000_000_000, name: "s" },
        Unit { ns: 1_000_000, name: "ms" },
        Unit { ns: 1000, name: "µs" },
        Unit { ns: 1, name: "ns" },
    ];
    const ROOM: i64 = 12;
    let wanted = (total_ns / (i64::from(cells) / ROOM).max(1)).max(1);
    let unit = UNITS.into_iter().find(|u| wanted >= u.ns || total_ns >= u.ns * 2).unwrap_or(UNITS[4]);
    let mut size = if unit.ns >= 60_000_000_000 { unit.ns } else { 1 };
    loop {
        for factor in [1, 2, 5] {
            if size.saturating_mul(factor) >= wanted {
                return (size.saturating_mul(factor), unit);
            }
        }
        size = size.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::text_of;

    fn bar(offset: i64, duration: i64) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, 10, 1));
        let area = buf.area;
        draw(&mut buf, area, Glyphs::UNICODE, eighths(offset, duration, 80, 10), Style::new());
        text_of(&buf)
    }

    #[test]
    fn edges_are_eighths_and_nothing_is_shorter_than_one() {
        assert_eq!(bar(0, 80), "██████████");
        assert_eq!(bar(0, 12), "█▌");
        assert_eq!(bar(12, 12), " ▌█", "the first cell is reversed: its right half is filled");
        assert_eq!(bar(40, 0), "     ▏");
        assert_eq!(bar(80, 0), "         ▉", "the last eighth, reversed");
    }

    #[test]
    fn the_axis_has_round_times() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 60, 1));
        let area = buf.area;
        axis(&mut buf, area, 8_410_000_000, Style::new());
        assert_eq!(text_of(&buf).split_whitespace().collect::<Vec<_>>().join(" "), "0 s 2 s 4 s 6 s");
    }
}
