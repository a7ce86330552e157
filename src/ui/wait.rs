//! Who waits and for how long, written across the break that stands for the time.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::text::{put, truncate, width};

/// A name that is cut has so many cells at least.
const LEAST: usize = 5;

/// Writes a name and a length of time between the edges of `place`, a break within `row`. Where that is too narrow for both,
/// the name is beside it, over cells of the row that are alike, so that no edge of a bar is hidden; it is cut where these are
/// too few. `style` is that of a text that begins in a column.
pub fn write(buf: &mut Buffer, (row, place): (Rect, Rect), (name, length): (&str, &str), mark: &str, style: impl Fn(u16) -> Style) {
    let room = usize::from(place.width.saturating_sub(2));
    let beside = beside(buf, row, place);
    let spare = (room.saturating_sub(width(length) + 1), usize::from(beside.width.saturating_sub(2)));
    let mut set = |x: u16, text: &str| _ = put(buf, row, x, text, style(x));
    let mut within = |text: &str| {
        let text = if width(text) + 2 <= room { format!(" {text} ") } else { text.to_owned() };
        if width(&text) <= room {
            set(place.x + 1 + cells((room - width(&text)) / 2), &text);
        }
    };
    let whole = width(name);
    if (spare.0 >= whole || spare.0 >= spare.1)
        && let Some(name) = cut(name, spare.0, mark)
    {
        return within(&format!("{name} {length}"));
    }
    within(length);
    if let Some(name) = cut(name, spare.1, mark) {
        let text = format!(" {name} ");
        set(if beside.x < place.x { beside.right() - cells(width(&text)) } else { beside.x }, &text);
    }
}

/// A name in so many cells, cut if need be; nothing where too little would be left of it.
pub fn cut(name: &str, room: usize, mark: &str) -> Option<String> {
    (room >= width(name).min(LEAST)).then(|| truncate(name, room, mark))
}

/// The cells next to a break that are like the one that touches it, on the side where they are more.
fn beside(buf: &Buffer, row: Rect, place: Rect) -> Rect {
    let symbol = |x: u16| buf.cell((x, row.y)).map(ratatui::buffer::Cell::symbol);
    let alike = |near: u16, columns: &mut dyn Iterator<Item = u16>| cells(columns.take_while(|x| symbol(*x) == symbol(near)).count());
    let left = alike(place.x.saturating_sub(1), &mut (row.x..place.x).rev());
    let right = alike(place.right(), &mut (place.right()..row.right()));
    if left > right { Rect { x: place.x - left, width: left, ..row } } else { Rect { x: place.right(), width: right, ..row } }
}

fn cells(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::text_of;

    /// A row with a break, which is between `[` and `]`, after it was written to.
    fn written(row: &str, name: &str, length: &str) -> String {
        let column = |c| cells(row.chars().position(|x| x == c).unwrap());
        let mut buf = Buffer::empty(Rect::new(0, 0, cells(row.chars().count()), 1));
        let area = buf.area;
        put(&mut buf, area, 0, row, Style::new());
        let place = Rect { x: column('['), width: column(']') + 1 - column('['), ..area };
        write(&mut buf, (area, place), (name, length), "…", |_| Style::new());
        text_of(&buf).trim_end().to_owned()
    }

    #[test]
    fn a_name_is_within_its_break_or_beside_it_or_cut_and_the_time_is_never() {
        assert_eq!(written("███[██████████████████]███", "pool.acquire", "8 s"), "███[ pool.acquire 8 s ]███");
        assert_eq!(written("██[██████]◆             ", "pool.acquire", "8.00 s"), "██[8.00 s]◆");
        assert_eq!(written("   [██████]▌             ", "lock", "8.00 s"), "   [8.00 s]▌");
        assert_eq!(written("██[██████]                ", "pool.acquire", "8.00 s"), "██[8.00 s] pool.acquire");
        assert_eq!(written("▐█████████████[██████]█▌", "lock", "8.00 s"), "▐███████ lock [8.00 s]█▌");
        assert_eq!(written("█[██████]██████████▌", "pool.acquire", "8.00 s"), "█[8.00 s] pool.ac… ▌");
        assert_eq!(written("█[█████████████]██▌", "pool.acquire", "8.00 s"), "█[pool.… 8.00 s]██▌");
        assert_eq!(written("█[██████]█████▌", "pool.acquire", "8.00 s"), "█[8.00 s]█████▌");
    }
}
