//! Bars with edges of an eighth of a cell: full height on the critical path, half height beside it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use crate::{theme::Glyphs, ui::text::put};

/// What of each cell of a row is filled: a bit for each eighth, the leftmost one the lowest.
pub(super) struct Bars {
    /// Any bar.
    all: Vec<u8>,
    /// The part of the bars that is drawn in full height.
    full: Vec<u8>,
}

impl Bars {
    pub(super) fn new(cells: u16) -> Self {
        Self { all: vec![0; usize::from(cells)], full: vec![0; usize::from(cells)] }
    }

    /// Fills from one eighth to another, at least one, in half height.
    pub(super) fn fill(&mut self, range: (u32, u32)) {
        fill(&mut self.all, range);
    }

    /// Makes what is filled there as high as the row.
    pub(super) fn raise(&mut self, range: (u32, u32)) {
        fill(&mut self.full, range);
    }

    /// Draws them into a row.
    pub(super) fn draw(&self, buf: &mut Buffer, area: Rect, glyphs: &Glyphs, style: Style) {
        for (x, (all, full)) in (area.x..area.right()).zip(self.all.iter().zip(&self.full)) {
            if let Some((symbol, is_reversed)) = cell(glyphs, *all, all & full) {
                let style = if is_reversed { style.add_modifier(Modifier::REVERSED) } else { style };
                put(buf, area, x, symbol, style);
            }
        }
    }

    /// Whether a cell is filled to both its edges, as high as the row.
    pub(super) fn is_solid(&self, cell: u16) -> bool {
        self.is_whole(cell) && self.full.get(usize::from(cell)) == Some(&u8::MAX)
    }

    /// Whether a cell is filled from one edge to the other, however high.
    pub(super) fn is_whole(&self, cell: u16) -> bool {
        self.all.get(usize::from(cell)) == Some(&u8::MAX)
    }
}

fn fill(cells: &mut [u8], (from, to): (u32, u32)) {
    let all = u32::try_from(cells.len()).unwrap_or(u32::MAX).saturating_mul(8);
    let (from, to) = (from.min(all.saturating_sub(1)), to.max(from.saturating_add(1)).min(all));
    for cell in from / 8..to.div_ceil(8) {
        let (first, last) = (from.max(cell * 8) - cell * 8, to.min(cell * 8 + 8) - cell * 8);
        let mask = (0xff_u16 << first) & (0xff_u16 >> (8 - last));
        if let Some(bits) = cells.get_mut(cell as usize) {
            *bits |= mask as u8;
        }
    }
}

/// The character of a cell, and whether it is drawn reversed.
fn cell(glyphs: &Glyphs, all: u8, full: u8) -> Option<(&'static str, bool)> {
    if all == 0 {
        return None;
    }
    if all == full {
        return Some(high(glyphs, all));
    }
    let half = |bits: u8, mask: u8| bits & mask != 0;
    let [left, right, left_high, right_high] = glyphs.quadrants;
    // Half a cell is as fine as characters of half the height are.
    let symbol = match (half(all, 0x0f), half(all, 0xf0), half(full, 0x0f), half(full, 0xf0)) {
        (_, _, true, true) => glyphs.bars[7],
        (_, true, true, false) => left_high,
        (true, _, false, true) => right_high,
        (_, _, true, false) => glyphs.bars[3],
        (_, _, false, true) => glyphs.half_right,
        (true, true, false, false) => glyphs.lower_half,
        (true, false, ..) => left,
        _ => right,
    };
    Some((symbol, false))
}

/// A cell of full height.
fn high(glyphs: &Glyphs, bits: u8) -> (&'static str, bool) {
    let (first, last) = (bits.trailing_zeros(), 8 - bits.leading_zeros());
    let length = (last - first) as usize;
    if bits.count_ones() as usize != length {
        // Several bars: as halves of the cell.
        return match (bits & 0x0f != 0, bits & 0xf0 != 0) {
            (true, true) if length >= 7 => (glyphs.bars[6], false),
            (true, true) => (glyphs.bars[7], false),
            (true, false) => (glyphs.bars[3], false),
            _ => (glyphs.half_right, false),
        };
    }
    match (first, last) {
        (0, _) => (glyphs.bars[length - 1], false),
        (4, 8) => (glyphs.half_right, false),
        // The glyphs grow from the left: one that grows from the right is the rest of it, reversed.
        (_, 8) if glyphs.unicode => (glyphs.bars[first as usize - 1], true),
        // What touches no edge goes to the nearer one.
        (4.., _) if glyphs.unicode => (glyphs.bars[7 - length], true),
        _ => (glyphs.bars[length - 1], false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::text_of;

    fn drawn(glyphs: &Glyphs, filled: &[(u32, u32)], raised: &[(u32, u32)]) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, 10, 1));
        let area = buf.area;
        let mut bars = Bars::new(10);
        filled.iter().for_each(|range| bars.fill(*range));
        raised.iter().for_each(|range| bars.raise(*range));
        bars.draw(&mut buf, area, glyphs, Style::new());
        text_of(&buf)
    }

    #[test]
    fn edges_are_eighths_and_nothing_is_shorter_than_one() {
        let bar = |range| drawn(Glyphs::UNICODE, &[range], &[range]);
        assert_eq!(bar((0, 80)), "██████████");
        assert_eq!(bar((0, 12)), "█▌");
        assert_eq!(bar((12, 24)), " ▐█");
        assert_eq!(bar((13, 24)), " ▋█", "the first cell is reversed: its right three eighths are filled");
        assert_eq!(bar((40, 40)), "     ▏");
        assert_eq!(bar((80, 80)), "         ▉", "the last eighth, reversed");
        assert_eq!(bar((79, 200)), "         ▉", "nothing is drawn outside");
    }

    #[test]
    fn what_is_not_on_the_path_is_half_as_high() {
        assert_eq!(drawn(Glyphs::UNICODE, &[(4, 36)], &[]), "▗▄▄▄▖");
        assert_eq!(drawn(Glyphs::UNICODE, &[(0, 32)], &[(12, 24)]), "▄▟█▄");
        assert_eq!(drawn(Glyphs::UNICODE, &[(0, 32)], &[(0, 12)]), "█▙▄▄");
        assert_eq!(drawn(Glyphs::ASCII, &[(0, 32)], &[(8, 16)]), "=#==");
    }

    #[test]
    fn many_short_bars_in_one_row_are_seen_as_many() {
        let calls: Vec<(u32, u32)> = (0..8).map(|i| (i * 8, i * 8 + 4)).collect();
        assert_eq!(drawn(Glyphs::UNICODE, &calls, &calls), "▌▌▌▌▌▌▌▌");
        assert_eq!(drawn(Glyphs::UNICODE, &calls, &[]), "▖▖▖▖▖▖▖▖");
    }
}
