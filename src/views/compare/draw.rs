//! How the page looks.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    Compare, Item,
    said::Said,
    summary::{Part, signed},
    tree::Order,
};
use crate::{
    theme::{Glyphs, Role},
    trace::{compare::Change, differences::Together},
    ui::{
        format,
        panel::{self, Panel, State},
        table::{Cell, Column, Table, position, visible_rows},
        text::{put, truncate, width},
    },
    views::Look,
};

/// Cells of the bars of one side: the fewest that tell anything, and the most.
const BAR: u16 = 8;
const WIDEST_BAR: u16 = 48;
/// What the other columns are given before there are bars.
const FOR_FIGURES: u16 = 84;
/// From this height on the selected span is told of below the rows.
const FOR_DETAIL: u16 = 18;
/// Rows of that with its border.
const DETAIL: u16 = 6;
/// Further steps are not indented: names would have no room.
const DEEPEST: u32 = 24;

/// The last ones are bars where there is room for them; of the others this one goes first.
const COLUMNS: [Column<'_>; 6] = [
    Column::text("SPAN", 22, u16::MAX),
    Column::text("", 6, 6),
    Column::number("BASE", 9),
    Column::number("THIS", 9),
    Column::number("DIFF", 8),
    Column::number("SELF DIFF", 9).drop(1),
];

/// Where the page's parts are. What is not shown has no height.
pub(super) struct Places {
    heads: Rect,
    rows: Rect,
    /// The inside of the rows' pane, with the headings.
    pub(super) table: Rect,
    detail: Rect,
}

impl Compare {
    pub(super) fn places(&self, area: Rect) -> Places {
        let heads = Rect { height: if area.height >= 8 { 3 } else { 0 }, ..area };
        let detail = if area.height >= FOR_DETAIL { DETAIL } else { 0 };
        let rest = area.height - heads.height;
        // Neighbours share an edge.
        let shared = u16::from(detail > 0);
        let rows = Rect { y: heads.bottom(), height: rest - detail + shared, ..area };
        let detail = Rect { y: area.bottom() - detail, height: detail, ..area };
        Places { heads, rows, table: Panel::inner(rows), detail }
    }

    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let shared = look.shared;
        if self.shown().is_none() {
            let inner = Panel::new("compare").focused(true).render(shared, area, buf);
            panel::message(shared, inner, buf, &self.blank(look));
            return;
        }
        let places = self.places(area);
        for (y, parts) in (places.heads.y..places.heads.bottom()).zip(self.heads(look)) {
            draw_parts(look, &parts, Rect { y, height: 1, ..places.heads }, buf);
        }
        let line = shared.glyphs.horizontal.repeat(2);
        let order = if self.tree.order == Order::Tree { "as called" } else { "worst first" };
        let found = self.ranks.as_ref().and_then(|ranks| self.finder.note(ranks, &ranks.words()));
        let parts = found.into_iter().chain([order.to_owned(), position(&self.list, self.tree.lines().len())]);
        let note = parts.collect::<Vec<_>>().join(&format!(" {line} "));
        let inner = Panel::new("compare").focused(true).note(note).state(&self.state(look)).render(shared, places.rows, buf);
        if self.tree.lines().is_empty() {
            panel::message(shared, inner, buf, &self.empty(look));
        } else {
            self.draw_rows(look, inner, buf);
        }
        if places.detail.height > 0 {
            self.draw_detail(look, places.detail, buf);
        }
    }

    /// What is said of what could not be asked for again while what was compared before is shown.
    pub(super) fn state(&self, look: &Look<'_>) -> State {
        let this = panel::part("this", &self.this, look);
        this.or_else(|| self.base.state(look)).or_else(|| panel::part("comparison", &self.done, look)).unwrap_or_default()
    }

    /// What is said while there is nothing to compare.
    fn blank(&self, look: &Look<'_>) -> Vec<String> {
        let Some(trace) = self.trace else {
            return vec!["No trace is chosen.".to_owned(), "x in a waterfall or on a trace compares it.".to_owned()];
        };
        if self.this.value().is_none() {
            let mut lines = panel::state(&self.this, look).blank.unwrap_or_default();
            lines.insert(0, format!("Trace {trace}"));
            return lines;
        }
        if self.base.trace().is_some() {
            return panel::state(&self.done, look).blank.unwrap_or_default();
        }
        self.base.why_none(look)
    }

    fn empty(&self, look: &Look<'_>) -> Vec<String> {
        match (self.shown(), look.shared.keymap.key(crate::core::command::Command::Order)) {
            (Some((_, _, found)), Some(key)) if !found.comparison.rows.is_empty() => {
                vec!["Nothing differs so much that it matters.".to_owned(), format!("{key} shows all spans as they were called")]
            }
            _ => vec!["Neither of the two has a span.".to_owned()],
        }
    }

    fn draw_rows(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some((base, other, found)) = self.shown() else { return };
        let lines = self.tree.lines();
        let whole = base.duration_ns().max(other.duration_ns());
        let bars = (area.width.saturating_sub(FOR_FIGURES) / 3).min(WIDEST_BAR);
        let of_bars = ["BASE", "THIS"].map(|title| Column::text(title, bars, bars));
        let columns: Vec<Column<'_>> = COLUMNS.into_iter().chain(of_bars.into_iter().filter(|_| bars >= BAR)).collect();
        let table = Table { columns: &columns, rows: lines.len(), state: &self.list, focused: true };
        let height = visible_rows(area);
        let first = self.list.first(lines.len(), height);
        let seen: Vec<Said<'_>> = lines.iter().skip(first).take(height).map(|line| Said::of(base, other, found, line.item)).collect();
        table.render(look.shared, area, buf, |row, column| {
            let (Some(line), Some(said)) = (lines.get(row), seen.get(row - first)) else { return Cell::default() };
            let cell = match column {
                0 => self.name(look, said, line.item, line.depth),
                6 => bar(look, said, said.base, whole, bars),
                7 => bar(look, said, said.other, whole, bars),
                _ => figure(look, said, column),
            };
            if self.is_dimmed(line.item) { cell.in_style(look.shared.theme.style(Role::Dim)) } else { cell }
        });
    }

    fn name(&self, look: &Look<'_>, said: &Said<'_>, item: Item, depth: u32) -> Cell<'static> {
        let (theme, glyphs) = (&look.shared.theme, look.shared.glyphs);
        let style = |role| theme.style(role);
        let has_below = said.is_group || said.below > 0;
        let is_tree = self.tree.order == Order::Tree;
        let mark = match (has_below && is_tree, self.tree.is_folded(item)) {
            (false, _) => " ",
            (true, true) => glyphs.folded,
            (true, false) => glyphs.unfolded,
        };
        let indent = " ".repeat(usize::try_from(depth.min(DEEPEST)).unwrap_or(0));
        let same = said.change == Change::Same;
        let text = style(match () {
            () if self.finder.search.is_some() => Role::Match,
            () if same => Role::Dim,
            () => Role::Text,
        });
        let service = if said.service.is_empty() { String::new() } else { format!("{} ", said.service) };
        let mut cell = Cell::new(format!("{indent}{mark} "), style(Role::Dim)).and(service, look.shared.service_style(said.service));
        cell = cell.and(said.name.to_string(), text);
        if said.is_group {
            let count = |of: Option<Together>| format::count(u64::from(of.map_or(0, |of| of.count)));
            let (before, now) = (count(said.base), count(said.other));
            let arrow = if glyphs.unicode { "→" } else { "->" };
            let times = if before == now {
                format!(" {}{now}", glyphs.times)
            } else {
                format!(" {}{before} {arrow} {}{now}", glyphs.times, glyphs.times)
            };
            cell = cell.and_keep(times, style(if before == now { Role::Dim } else { Role::Accent }));
        }
        if is_tree && said.below > 0 && self.tree.is_folded(item) {
            cell = cell.and_keep(format!(" +{}", said.below), style(Role::Dim));
        }
        cell
    }
}

fn figure(look: &Look<'_>, said: &Said<'_>, column: usize) -> Cell<'static> {
    let style = |role| look.shared.theme.style(role);
    let missing = || Cell::new(look.shared.glyphs.dash, style(Role::Dim));
    let (delta, own) = said.deltas();
    match column {
        1 => Cell::new(word(said.change), style(role(said.change))),
        2 => said.base.map_or_else(missing, |of| duration(look, of)),
        3 => said.other.map_or_else(missing, |of| duration(look, of)),
        4 => Cell::new(signed(delta), style(role(said.change))),
        _ if own == 0 => missing(),
        _ => Cell::new(signed(own), style(Role::Text)),
    }
}

/// A duration, marked where it failed: here, or less so below.
fn duration(look: &Look<'_>, of: Together) -> Cell<'static> {
    let (theme, glyphs) = (&look.shared.theme, look.shared.glyphs);
    let mark = if of.errors > 0 { glyphs.error } else { " " };
    let role = if of.failed { Role::Bad } else { Role::Warn };
    Cell::new(format::nanoseconds(of.total_ns), theme.style(Role::Text)).and(mark, theme.style(role))
}

pub(super) fn word(change: Change) -> &'static str {
    match change {
        Change::New => "new",
        Change::Gone => "gone",
        Change::Slower => "slower",
        Change::Faster => "faster",
        Change::Same => "",
    }
}

fn role(change: Change) -> Role {
    match change {
        Change::New | Change::Slower => Role::Warn,
        Change::Gone => Role::Accent,
        Change::Faster => Role::Good,
        Change::Same => Role::Dim,
    }
}

/// Spans of one side on the scale of the longer trace, as text.
fn bar(look: &Look<'_>, said: &Said<'_>, of: Option<Together>, whole: i64, cells: u16) -> Cell<'static> {
    let Some(of) = of.filter(|_| whole > 0) else { return Cell::default() };
    let style = if said.change == Change::Same { look.shared.theme.style(Role::Dim) } else { look.shared.service_style(said.service) };
    strip(look.shared.glyphs, (of.from_ns, of.to_ns), whole, cells, style)
}

/// A bar from one part of the whole to another; nothing is shorter than an eighth of a cell.
fn strip(glyphs: &Glyphs, (from, to): (i64, i64), whole: i64, cells: u16, style: Style) -> Cell<'static> {
    let eighths = |ns: i64| ((ns as f64 / whole as f64).clamp(0.0, 1.0) * f64::from(cells) * 8.0).round() as usize;
    let first = (eighths(from) / 8).min(usize::from(cells).saturating_sub(1));
    let length = eighths(to).saturating_sub(first * 8).max(1);
    let part = (length % 8).checked_sub(1).map_or("", |i| glyphs.bars[i]);
    Cell::new(" ".repeat(first), style).and(format!("{}{part}", glyphs.bars[7].repeat(length / 8)), style)
}

/// Parts of a line, as many as have room.
pub(super) fn draw_parts(look: &Look<'_>, parts: &[Part], area: Rect, buf: &mut Buffer) {
    let mut x = area.x + 1;
    for (text, role) in parts {
        let room = usize::from(area.right().saturating_sub(x));
        if room == 0 {
            break;
        }
        let text = if width(text) > room { truncate(text, room, look.shared.glyphs.ellipsis) } else { text.clone() };
        x = put(buf, area, x, &text, look.shared.theme.style(*role)) + 3;
    }
}
