//! Names and values of what is selected, wrapped to a pane, in two columns where there is room, and scrolled.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    app::Shared,
    core::command::Command,
    theme::Role,
    ui::{
        promql,
        text::{put, truncate, width, wrap},
    },
};

/// Rows that are laid out at the most: attributes have no bound, a screen has.
const MAX_LINES: usize = 5000;
/// From this width on there are two columns, and what lies between them.
const TWO_COLUMNS: u16 = 100;
const GAP: u16 = 3;

struct Entry {
    name: String,
    value: String,
    role: Role,
    /// Whether the value is PromQL, drawn with its parts told apart.
    is_code: bool,
}

/// What a pane of names and values shows.
#[derive(Default)]
pub(super) struct Sheet {
    /// Over the whole width, always visible.
    head: Vec<(String, Role)>,
    entries: Vec<Entry>,
}

/// One laid-out line.
struct Line {
    name: String,
    value: String,
    role: Role,
    /// Roles of the pieces of the value, where it has several: how many bytes, which role.
    pieces: Vec<(usize, Role)>,
}

impl Line {
    fn plain(name: String, value: String, role: Role) -> Self {
        Self { name, value, role, pieces: Vec::new() }
    }
}

impl Line {
    fn draw(&self, shared: &Shared, place: Rect, buf: &mut Buffer) {
        if self.pieces.is_empty() {
            put(buf, place, place.x, &self.value, shared.theme.style(self.role));
            return;
        }
        let (mut x, mut rest) = (place.x, self.value.as_str());
        for (bytes, role) in &self.pieces {
            let (piece, after) = rest.split_at_checked(*bytes).unwrap_or((rest, ""));
            x = put(buf, place, x, piece, shared.theme.style(*role));
            rest = after;
        }
    }
}

/// The parts of an expression, dealt out to the lines it is wrapped into.
#[derive(Default)]
struct Code<'a> {
    text: &'a str,
    parts: Vec<(&'a str, Role)>,
    /// Bytes of the text that are on a line already.
    used: usize,
}

impl<'a> Code<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, parts: promql::parts(text), used: 0 }
    }

    /// The roles of the next line; none where there is no code.
    fn take(&mut self, line: &str) -> Vec<(usize, Role)> {
        // Between two lines lies the blank or the line's end that was wrapped at.
        let Some(start) = self.text.get(self.used..).and_then(|rest| rest.find(line)).map(|at| self.used + at) else { return Vec::new() };
        let end = start + line.len();
        self.used = end;
        let mut at = 0;
        let mut out = Vec::new();
        for (part, role) in &self.parts {
            let (from, to) = (at.max(start), (at + part.len()).min(end));
            at += part.len();
            if from < to {
                out.push((to - from, *role));
            }
        }
        out
    }
}

impl Sheet {
    /// A line over the whole width, above all others.
    pub(super) fn head(&mut self, text: impl Into<String>, role: Role) {
        self.head.push((text.into(), role));
    }

    /// A name and its value.
    pub(super) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.add_as(name, value, Role::Text);
    }

    /// A name and its value in a role's style.
    pub(super) fn add_as(&mut self, name: impl Into<String>, value: impl Into<String>, role: Role) {
        self.entries.push(Entry { name: name.into(), value: value.into(), role, is_code: false });
    }

    /// A name and an expression of PromQL.
    pub(super) fn add_code(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.entries.push(Entry { name: name.into(), value: value.into(), role: Role::Text, is_code: true });
    }

    /// A heading.
    pub(super) fn heading(&mut self, text: impl Into<String>) {
        self.add_as("", text, Role::Heading);
    }

    fn columns(area: Rect) -> u16 {
        if area.width >= TWO_COLUMNS { (area.width - GAP) / 2 } else { area.width }
    }

    /// The lines below the head: a head that has no room is there in full once more.
    fn lines(&self, room: usize, area: Rect, shared: &Shared) -> Vec<Line> {
        let longest = self.entries.iter().filter(|e| e.role != Role::Heading).map(|e| width(&e.name)).max().unwrap_or(0);
        let names = longest.min((room / 2).max(8)).min(34);
        let mut out = Vec::new();
        if self.head_rows(area).count() > self.head_lines(area).len() {
            let whole = self.head.iter().flat_map(|(text, role)| wrapped(text, room).map(|value| (value, *role)));
            out.extend(whole.take(MAX_LINES).map(|(value, role)| Line::plain(String::new(), value, role)));
        }
        for entry in &self.entries {
            // A stack trace needs the width: its name stands above it.
            let block = entry.value.contains('\n');
            let indent = if entry.role == Role::Heading {
                0
            } else if block {
                2
            } else {
                names + 2
            };
            let mut name = truncate(&entry.name, names, shared.glyphs.ellipsis);
            if block && !name.is_empty() {
                out.push(Line::plain(std::mem::take(&mut name), String::new(), entry.role));
            }
            let mut code = if entry.is_code { Code::new(&entry.value) } else { Code::default() };
            for piece in entry.value.split('\n').flat_map(|line| wrap(line, room.saturating_sub(indent).max(1))) {
                if out.len() == MAX_LINES {
                    return out;
                }
                let mut pieces = code.take(&piece);
                if !pieces.is_empty() {
                    pieces.insert(0, (indent, Role::Text));
                }
                let value = format!("{}{piece}", " ".repeat(indent));
                out.push(Line { name: std::mem::take(&mut name), value, role: entry.role, pieces });
            }
        }
        out
    }

    fn head_rows(&self, area: Rect) -> impl Iterator<Item = (String, Role)> {
        let room = usize::from(area.width).max(1);
        self.head.iter().flat_map(move |(text, role)| wrapped(text, room).map(|piece| (piece, *role)))
    }

    fn head_lines(&self, area: Rect) -> Vec<(String, Role)> {
        self.head_rows(area).take(usize::from(area.height.div_ceil(2))).collect()
    }

    /// The part of an area below the head.
    fn below_head(&self, area: Rect) -> Rect {
        let head = u16::try_from(self.head_lines(area).len()).unwrap_or(0);
        Rect { y: area.y + head, height: area.height - head, ..area }
    }

    /// How many rows show all of it at a width.
    pub(super) fn rows(&self, width: u16, shared: &Shared) -> u16 {
        let area = padded(Rect { x: 0, y: 0, width, height: u16::MAX });
        let room = Self::columns(area);
        let columns = usize::from(area.width / room.max(1)).max(1);
        let below = self.lines(usize::from(room), area, shared).len().div_ceil(columns);
        u16::try_from(self.head_rows(area).count() + below).unwrap_or(u16::MAX)
    }

    /// Whether there is more below what is shown.
    pub(super) fn is_cut(&self, area: Rect, shared: &Shared, scroll: usize) -> bool {
        scroll < self.max_scroll(padded(area), shared)
    }

    /// How far it can be scrolled in an area.
    fn max_scroll(&self, area: Rect, shared: &Shared) -> usize {
        let whole = area;
        let area = self.below_head(area);
        let room = Self::columns(area);
        let columns = usize::from(area.width / room.max(1)).max(1);
        let (lines, height) = (self.lines(usize::from(room), whole, shared), usize::from(area.height));
        let least = lines.len().saturating_sub(height * columns);
        // A heading that moves to the next column takes room with it.
        (least..lines.len()).find(|scroll| placed(&lines[*scroll..], height, columns).len() <= height * columns).unwrap_or(least)
    }

    /// Moves a scroll position on a command. Returns false for commands that do not move.
    pub(super) fn scroll(&self, scroll: &mut usize, command: Command, area: Rect, shared: &Shared) -> bool {
        let area = padded(area);
        let page = usize::from(area.height / 2).max(1);
        let to = match command {
            Command::Down => scroll.saturating_add(1),
            Command::Up => scroll.saturating_sub(1),
            Command::PageDown => scroll.saturating_add(page),
            Command::PageUp => scroll.saturating_sub(page),
            Command::Top => 0,
            Command::Bottom => usize::MAX,
            _ => return false,
        };
        *scroll = to.min(self.max_scroll(area, shared));
        true
    }

    pub(super) fn render(&self, shared: &Shared, area: Rect, buf: &mut Buffer, scroll: usize) {
        let whole = padded(area).intersection(buf.area);
        let head = self.head_lines(whole);
        let cut = self.head_rows(whole).count() > head.len();
        for (i, (text, role)) in head.iter().enumerate() {
            let row = Rect { y: whole.y + u16::try_from(i).unwrap_or(0), height: 1, ..whole };
            let end = put(buf, row, row.x, text, shared.theme.style(*role));
            if cut && i + 1 == head.len() {
                put(buf, row, end.min(row.right().saturating_sub(1)), shared.glyphs.ellipsis, shared.theme.style(Role::Dim));
            }
        }
        let area = self.below_head(whole);
        if area.is_empty() {
            return;
        }
        let room = Self::columns(area);
        let height = usize::from(area.height);
        let lines = self.lines(usize::from(room), whole, shared);
        let columns = usize::from(area.width / room.max(1)).max(1);
        for (i, line) in placed(&lines[scroll.min(lines.len())..], height, columns).into_iter().take(height * columns).enumerate() {
            let Some(line) = line else { continue };
            let column = u16::try_from(i / height).unwrap_or(0);
            let y = area.y + u16::try_from(i % height).unwrap_or(0);
            let place = Rect::new(area.x + column * (room + GAP), y, room, 1).intersection(area);
            line.draw(shared, place, buf);
            put(buf, place, place.x, &line.name, shared.theme.style(Role::Dim));
        }
    }
}

/// The lines one below the other over all columns, with blank ones where a heading would stand alone at the end of a
/// column, which belongs to what is below it, and where a value would be torn that the next column has room for.
fn placed(lines: &[Line], height: usize, columns: usize) -> Vec<Option<&Line>> {
    let mut out: Vec<Option<&Line>> = Vec::with_capacity(lines.len());
    let is_heading = |l: &&Line| l.role == Role::Heading;
    for (i, line) in lines.iter().enumerate() {
        let left = height - out.len() % height.max(1);
        let begins = i == 0 || !is_heading(&&lines[i - 1]);
        let heads = lines[i..].iter().take_while(is_heading).count();
        let is_alone = begins && (1..height).contains(&heads) && heads >= left;
        let rows = || 1 + lines[i + 1..].iter().take(height).take_while(|l| l.name.is_empty() && !is_heading(l)).count();
        let is_torn = || !line.name.is_empty() && out.len() + left < height * columns && (left + 1..=height).contains(&rows());
        if columns > 1 && (is_alone || is_torn()) {
            out.extend(std::iter::repeat_n(None, left));
        }
        out.push(Some(line));
    }
    out
}

fn wrapped(text: &str, room: usize) -> impl Iterator<Item = String> {
    text.split('\n').flat_map(move |line| wrap(line, room.max(1)))
}

/// Without a cell at either side, where there is room for that.
fn padded(area: Rect) -> Rect {
    if area.width < 12 { area } else { Rect { x: area.x + 1, width: area.width - 2, ..area } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::{test_shared, text_of};

    fn drawn(sheet: &Sheet, w: u16, h: u16, scroll: usize) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
        let area = buf.area;
        sheet.render(&test_shared(), area, &mut buf, scroll);
        text_of(&buf)
    }

    #[test]
    fn values_wrap_beside_their_name_and_scroll() {
        let mut sheet = Sheet::default();
        sheet.add("pool", "orders");
        sheet.heading("resource");
        sheet.add("message", "abcdefghij");
        assert_eq!(drawn(&sheet, 18, 5, 0), " pool     orders\n resource\n message  abcdefg\n          hij\n");
        let mut scroll = 0;
        sheet.scroll(&mut scroll, Command::Bottom, Rect::new(0, 0, 18, 2), &test_shared());
        assert_eq!(scroll, 2);
    }

    #[test]
    fn an_expression_is_coloured_wherever_it_is_wrapped() {
        let text = "sum(rate(x[5m]))\n  / on (job) sum(y) > 0.25";
        let theme = crate::theme::load("dark", "t", &[]).0;
        let shared = Shared { theme, ..test_shared() };
        for width in [9, 14, 30, 120] {
            let mut sheet = Sheet::default();
            sheet.add_code("expr", text);
            let mut buf = Buffer::empty(Rect::new(0, 0, width, 20));
            let area = buf.area;
            sheet.render(&shared, area, &mut buf, 0);
            let coloured = |role: Role| {
                let style = shared.theme.style(role);
                buf.content().iter().filter(|c| c.fg == style.fg.unwrap() && c.symbol() != " ").map(|c| c.symbol()).collect::<String>()
            };
            assert_eq!(coloured(Role::Threshold), "5m0.25", "{width}");
            assert_eq!(coloured(Role::Accent), "sumrateonsum", "{width}");
        }
    }

    #[test]
    fn a_value_of_several_lines_stands_below_its_name() {
        let mut sheet = Sheet::default();
        sheet.add("stack", "at a.b.C.d\nat e");
        assert_eq!(drawn(&sheet, 18, 4, 0), " stack\n   at a.b.C.d\n   at e\n");
    }

    #[test]
    fn a_head_without_room_is_marked_and_there_in_full_below() {
        let mut sheet = Sheet::default();
        sheet.head("one two three four five six seven eight", Role::Text);
        sheet.add("k", "v");
        assert_eq!(drawn(&sheet, 18, 4, 0), " one two three\n four five six…\n one two three\n four five six");
        assert_eq!(drawn(&sheet, 18, 4, 2), " one two three\n four five six…\n seven eight\n k  v");
    }

    #[test]
    fn a_heading_stands_above_what_it_heads_not_alone_at_the_end_of_a_column() {
        let mut sheet = Sheet::default();
        sheet.add("k0", "v0");
        sheet.add("k1", "v1");
        sheet.heading("stream labels");
        for i in 2..6 {
            sheet.add(format!("k{i}"), format!("v{i}"));
        }
        let text = drawn(&sheet, 120, 3, 0);
        let rows: Vec<&str> = text.lines().collect();
        assert!(rows[0].ends_with("stream labels") && rows[1].ends_with("k2  v2") && rows[2].trim() == "k3  v3", "{text}");
        // All can still be scrolled to.
        let mut scroll = 0;
        sheet.scroll(&mut scroll, Command::Bottom, Rect::new(0, 0, 120, 3), &test_shared());
        assert!(drawn(&sheet, 120, 3, scroll).contains("k5  v5"), "{scroll}");
        // One column ends where the pane does.
        assert_eq!(drawn(&sheet, 20, 3, 0), " k0  v0\n k1  v1\n stream labels");
    }

    #[test]
    fn a_value_begins_in_the_next_column_where_it_would_be_torn() {
        let mut sheet = Sheet::default();
        sheet.add("k0", "v0");
        sheet.add("k1", "v1");
        sheet.add("example", "word ".repeat(18));
        let text = drawn(&sheet, 120, 3, 0);
        let rows: Vec<&str> = text.lines().collect();
        assert!(rows[0].contains("example") && rows[1].trim_start().starts_with("k1") && rows.len() == 2, "{text}");
        // What no column holds is not moved.
        sheet.add("k3", "word ".repeat(200));
        assert!(drawn(&sheet, 120, 3, 1).lines().next().unwrap().contains("k1"));
    }

    #[test]
    fn a_wide_pane_has_two_columns() {
        let mut sheet = Sheet::default();
        for i in 0..4 {
            sheet.add(format!("k{i}"), format!("v{i}"));
        }
        let text = drawn(&sheet, 120, 2, 0);
        let first = text.lines().next().unwrap();
        assert!(first.starts_with(" k0  v0") && first.ends_with("k2  v2"), "{text}");
    }
}
