//! Dots of an eighth of a cell each. A cell belongs to the line that drew into it last, so that no cell mixes lines.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::theme::Glyphs;

/// Dots across and down a cell.
const ACROSS: usize = 2;
const DOWN: usize = 4;
/// Bits of a braille cell, by column and by row from the top.
const BITS: [[u8; DOWN]; ACROSS] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

#[derive(Clone, Copy, Default)]
struct Cell {
    bits: u8,
    /// Number of the line, from 1; 0 is nobody.
    owner: usize,
    /// Eighths of the cell that are filled from below.
    level: u8,
}

/// The dots of a plot.
pub struct Canvas {
    plot: Rect,
    cells: Vec<Cell>,
}

impl Canvas {
    /// Empty.
    pub fn new(plot: Rect) -> Self {
        Self { plot, cells: vec![Cell::default(); usize::from(plot.width) * usize::from(plot.height)] }
    }

    /// The dot for a place given as shares of width and height, the origin at the lower left.
    pub fn dot(&self, x: f64, y: f64) -> (usize, usize) {
        let (w, h) = (usize::from(self.plot.width) * ACROSS, usize::from(self.plot.height) * DOWN);
        let place = |share: f64, n: usize| ((share * n as f64).floor().max(0.0) as usize).min(n.saturating_sub(1));
        (place(x, w), h.saturating_sub(1) - place(y, h))
    }

    /// A line between two dots, without holes: what lies between two heights in one column is drawn, so that a peak of
    /// one sample is seen at any width.
    pub fn segment(&mut self, from: (usize, usize), to: (usize, usize), owner: usize, fill: bool) {
        let (from, to) = if from.0 <= to.0 { (from, to) } else { (to, from) };
        let across = to.0 - from.0;
        let mut last = from.1;
        for x in from.0..=to.0 {
            let share = if across == 0 { 1.0 } else { (x - from.0) as f64 / across as f64 };
            let y = (from.1 as f64 + (to.1 as f64 - from.1 as f64) * share).round() as usize;
            for y in y.min(last)..=y.max(last) {
                if fill { self.fill(x, y, owner) } else { self.set(x, y, owner) }
            }
            last = y;
        }
    }

    fn cell(&mut self, column: usize, row: usize) -> Option<&mut Cell> {
        if column >= usize::from(self.plot.width) {
            return None;
        }
        self.cells.get_mut(row * usize::from(self.plot.width) + column)
    }

    fn set(&mut self, x: usize, y: usize, owner: usize) {
        let Some(cell) = self.cell(x / ACROSS, y / DOWN) else { return };
        if cell.owner != owner + 1 {
            *cell = Cell { owner: owner + 1, ..Cell::default() };
        }
        cell.bits |= BITS[x % ACROSS][y % DOWN];
    }

    /// Fills the cells of a column from the bottom up to a dot.
    fn fill(&mut self, x: usize, y: usize, owner: usize) {
        let (column, top) = (x / ACROSS, y / DOWN);
        for row in top..usize::from(self.plot.height) {
            // A dot is two eighths high; the lowest one is drawn as one eighth, which is what little or nothing looks like.
            let level = if row > top { 8 } else { 2 * (DOWN - y % DOWN) - 1 };
            let Some(cell) = self.cell(column, row) else { return };
            if cell.owner != owner + 1 {
                *cell = Cell { owner: owner + 1, ..Cell::default() };
            }
            cell.level = cell.level.max(u8::try_from(level).unwrap_or(8));
        }
    }

    /// Puts the cells that have a dot into a buffer.
    pub fn render(&self, glyphs: &Glyphs, buf: &mut Buffer, style: impl Fn(usize) -> Style) {
        let width = usize::from(self.plot.width).max(1);
        for (i, cell) in self.cells.iter().enumerate().filter(|(_, c)| c.owner > 0) {
            let x = self.plot.x + u16::try_from(i % width).unwrap_or(0);
            let y = self.plot.y + u16::try_from(i / width).unwrap_or(0);
            let Some(target) = buf.cell_mut((x, y)) else { continue };
            target.set_style(style(cell.owner - 1));
            if cell.level > 0 {
                target.set_symbol(glyphs.levels[usize::from(cell.level.clamp(1, 8)) - 1]);
            } else if glyphs.unicode {
                target.set_char(char::from_u32(0x2800 + u32::from(cell.bits)).unwrap_or(' '));
            } else {
                target.set_symbol(ascii(cell.bits));
            }
        }
    }
}

/// The upper half, the lower half, or both.
fn ascii(bits: u8) -> &'static str {
    const UPPER: u8 = 0x01 | 0x02 | 0x08 | 0x10;
    match (bits & UPPER != 0, bits & !UPPER != 0) {
        (true, true) => "|",
        (true, false) => "'",
        _ => ".",
    }
}
