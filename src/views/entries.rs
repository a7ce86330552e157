//! A pane of names and values, one of them selected, in two columns where there is room: all that a log line says, or a span.

use std::{borrow::Cow, collections::BTreeSet};

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    app::Shared,
    core::command::Command,
    theme::Role,
    ui::text::{cells, put, truncate, width, wrap},
};

/// From this width on there are two columns, and what lies between them.
const TWO_COLUMNS: u16 = 100;
const GAP: u16 = 3;
/// The widest names.
const NAMES: usize = 34;
/// Longer values have the whole width.
const BLOCK: usize = 1000;
/// Longer values are cut into rows without looking for words, so that one of megabytes takes no time.
const LONG: usize = 16 << 10;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A name and its value.
    Value,
    /// The name that those below it have in common.
    Node {
        /// Whether those below it are not shown.
        folded: bool,
    },
    /// Above several.
    Heading,
    /// What is said of the row above.
    Note,
    /// One of several further lines of a text.
    Text,
}

/// What an entry is of: a field, a link.
pub(super) trait Kind: Sized {
    /// What its entry is.
    fn shape(&self) -> Shape;
    /// What names its entry from one thing looked at to the next; of a node its path.
    fn key(entry: &Entry<Self>) -> (u8, &str);
}

/// One row of the pane, or several where its value is long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<K> {
    /// Its name; empty where it has none.
    pub(super) label: String,
    /// How many nodes it is below.
    pub(super) depth: usize,
    /// What stands beside the name.
    pub(super) text: String,
    /// How that looks.
    pub(super) role: Role,
    pub(super) kind: K,
}

impl<K: Kind> Entry<K> {
    pub(super) fn key(&self) -> (u8, &str) {
        K::key(self)
    }

    fn shape(&self) -> Shape {
        self.kind.shape()
    }

    fn is_selectable(&self) -> bool {
        !matches!(self.shape(), Shape::Heading | Shape::Note)
    }
}

/// Which row is selected, what is folded. The selection stays on the entry of its name from one thing to the next.
#[derive(Default)]
pub(super) struct Entries {
    at: Option<(u8, String)>,
    /// Rows below the first one of what is selected.
    within: usize,
    /// Of several with its key, which one.
    nth: usize,
    offset: usize,
    pub(super) folded: BTreeSet<String>,
}

/// One row of the pane.
struct Row<'a> {
    item: usize,
    is_first: bool,
    indent: usize,
    text: Cow<'a, str>,
}

/// Rows and how they are arranged.
struct Layout<'a> {
    rows: Vec<Row<'a>>,
    names: usize,
    height: usize,
    columns: usize,
    room: u16,
}

impl<'a> Layout<'a> {
    fn new(items: &'a [Entry<impl Kind>], area: Rect) -> Self {
        let is_two = area.width >= TWO_COLUMNS && items.iter().all(|i| i.text.len() < BLOCK);
        let room = if is_two { (area.width - GAP) / 2 } else { area.width };
        let cells = usize::from(room).saturating_sub(1).max(1);
        let names = items.iter().map(label_width).max().unwrap_or(0).min((cells / 2).max(8)).min(NAMES);
        let mut rows = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let text = &item.text;
            let is_block = text.len() >= BLOCK || text.contains('\n');
            let indent = match item.shape() {
                Shape::Heading => 0,
                Shape::Text => 2,
                _ if is_block => 2,
                _ => names + 1,
            };
            let first = rows.len();
            if is_block && !item.label.is_empty() {
                rows.push(Row { item: n, is_first: true, indent, text: Cow::Borrowed("") });
            }
            for line in text.split('\n') {
                let pieces = pieces(line, cells.saturating_sub(indent).max(1));
                rows.extend(pieces.into_iter().map(|text| Row { item: n, is_first: false, indent, text }));
            }
            rows[first].is_first = true;
        }
        let columns = usize::from(area.width / room.max(1)).max(1);
        Self { rows, names, height: usize::from(area.height), columns, room }
    }

    fn view(&self) -> usize {
        (self.height * self.columns).max(1)
    }

    fn first_of(&self, row: usize) -> usize {
        let item = self.rows.get(row).map(|r| r.item);
        (0..=row).rev().find(|i| self.rows.get(*i).is_some_and(|r| r.is_first && Some(r.item) == item)).unwrap_or(row)
    }
}

/// Cells of a name with what stands before and after it.
fn label_width(item: &Entry<impl Kind>) -> usize {
    let sign = if matches!(item.shape(), Shape::Node { .. }) { 2 } else { 0 };
    if item.label.is_empty() { 0 } else { width(&item.label) + 2 * item.depth + sign + 2 }
}

fn pieces(text: &str, room: usize) -> Vec<Cow<'_, str>> {
    if text.len() <= LONG {
        return wrap(text, room).into_iter().map(Cow::Owned).collect();
    }
    if text.is_ascii() {
        return (0..text.len()).step_by(room).map(|at| Cow::Borrowed(&text[at..text.len().min(at + room)])).collect();
    }
    let mut out = Vec::new();
    let (mut start, mut used) = (0, 0);
    let mut buffer = [0; 4];
    for (at, c) in text.char_indices() {
        let w = if c.is_ascii() { 1 } else { cells(c.encode_utf8(&mut buffer)) };
        if used + w > room {
            out.push(Cow::Borrowed(&text[start..at]));
            (start, used) = (at, 0);
        }
        used += w;
    }
    out.push(Cow::Borrowed(&text[start..]));
    out
}

impl Entries {
    /// Another thing is looked at: its beginning is shown.
    pub(super) fn another(&mut self) {
        (self.nth, self.within, self.offset) = (0, 0, 0);
    }

    /// The selected row.
    fn row(&self, items: &[Entry<impl Kind>], layout: &Layout<'_>) -> usize {
        let is_there = |key: (u8, &str)| self.at.as_ref().is_some_and(|(kind, name)| key == (*kind, name.as_str()));
        let named = |nth: usize| items.iter().enumerate().filter(|(_, i)| is_there(i.key())).map(|(at, _)| at).nth(nth);
        let found = named(self.nth).or_else(|| named(0)).or_else(|| items.iter().position(Entry::is_selectable));
        let Some(item) = found else { return 0 };
        let first = layout.rows.iter().position(|r| r.item == item).unwrap_or(0);
        let same = self.at.as_ref().is_some_and(|(kind, _)| *kind == items[item].key().0);
        // It may have fewer rows than where it was selected.
        let rows = layout.rows.iter().filter(|r| r.item == item).count();
        let within = if same { self.within.min(rows.saturating_sub(1)) } else { 0 };
        (first + within).min(layout.rows.len().saturating_sub(1))
    }

    /// What is selected.
    pub(super) fn item<'i, K: Kind>(&self, items: &'i [Entry<K>], area: Rect) -> Option<&'i Entry<K>> {
        let layout = Layout::new(items, area);
        items.get(layout.rows.get(self.row(items, &layout))?.item)
    }

    /// The path of the node that is selected, or of the one above the selected entry.
    pub(super) fn node(&self, items: &[Entry<impl Kind>], area: Rect) -> Option<String> {
        let layout = Layout::new(items, area);
        let at = layout.rows.get(self.row(items, &layout))?.item;
        let depth = items[at].depth;
        let is_node = |i: usize| matches!(items[i].shape(), Shape::Node { .. });
        let above = (0..=at).rev().find(|i| is_node(*i) && (items[*i].depth < depth || *i == at))?;
        (depth > 0 || is_node(at)).then(|| items[above].key().1.to_owned())
    }

    /// Selects what has a key, as [`Entry::key`] says it.
    pub(super) fn select_key(&mut self, (kind, name): (u8, &str)) {
        self.at = Some((kind, name.to_owned()));
        (self.nth, self.within) = (0, 0);
    }

    fn select(&mut self, row: usize, items: &[Entry<impl Kind>], layout: &Layout<'_>) {
        let Some(item) = layout.rows.get(row).map(|r| r.item) else { return };
        let (kind, name) = items[item].key();
        self.nth = items[..item].iter().filter(|i| i.key() == (kind, name)).count();
        let first = layout.rows.iter().position(|r| r.item == item).unwrap_or(row);
        self.at = Some((kind, name.to_owned()));
        self.within = row - first;
        self.offset = self.first_shown(row, layout);
    }

    /// The first row that is drawn, so that the selected one is, and all of its value where that fits.
    fn first_shown(&self, row: usize, layout: &Layout<'_>) -> usize {
        let (total, view) = (layout.rows.len(), layout.view());
        let item = layout.rows.get(row).map(|r| r.item);
        let last = row + layout.rows[row.min(total)..].iter().skip(1).take(view).take_while(|r| Some(r.item) == item).count();
        let offset = self.offset.min(total.saturating_sub(view));
        let offset = if last >= offset + view { last + 1 - view } else { offset };
        // A heading above the first row belongs to it.
        let top = if row == 1 { 0 } else { row };
        offset.min(top)
    }

    /// Moves on a command. Returns false for commands that do not move.
    pub(super) fn command(&mut self, command: Command, items: &[Entry<impl Kind>], area: Rect) -> bool {
        let layout = Layout::new(items, area);
        let (row, last) = (self.row(items, &layout), layout.rows.len().saturating_sub(1));
        let page = (layout.view() / 2).max(1);
        let to = match command {
            Command::Down => {
                let item = layout.rows.get(row).map(|r| r.item);
                let next = (row + 1..=last).find(|i| Some(layout.rows[*i].item) != item);
                next.filter(|next| next - row <= layout.height.max(1)).unwrap_or(row + 1).min(last)
            }
            Command::Up => {
                let before = row.saturating_sub(1);
                let first = layout.first_of(before);
                if layout.first_of(row) == row && row - first <= layout.height.max(1) { first } else { before }
            }
            Command::PageDown => (row + page).min(last),
            Command::PageUp => row.saturating_sub(page),
            Command::Top => 0,
            Command::Bottom => last,
            _ => return false,
        };
        let is_heading = |i: usize| layout.rows.get(i).is_some_and(|r| !items[r.item].is_selectable());
        let to = match (is_heading(to), to >= row) {
            (false, _) => to,
            (true, true) => (to + 1).min(last),
            (true, false) => layout.first_of(to.saturating_sub(1)),
        };
        self.select(to, items, &layout);
        true
    }

    /// Selects what a click is on.
    pub(super) fn click(&mut self, items: &[Entry<impl Kind>], area: Rect, column: u16, row: u16) {
        let layout = Layout::new(items, area);
        let at = usize::from(row.saturating_sub(area.y));
        let column = usize::from(column.saturating_sub(area.x) / (layout.room + GAP).max(1)).min(layout.columns - 1);
        let first = self.first_shown(self.row(items, &layout), &layout);
        let to = first + column * layout.height + at;
        if layout.rows.get(to).is_some_and(|r| items[r.item].is_selectable()) {
            self.select(to, items, &layout);
        }
    }

    /// Draws the rows; `mark` says what stands behind a name: a filter, a column.
    pub(super) fn render<K: Kind>(
        &self,
        shared: &Shared,
        items: &[Entry<K>],
        area: Rect,
        focused: bool,
        mark: impl Fn(&Entry<K>) -> &'static str,
        buf: &mut Buffer,
    ) {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return;
        }
        let layout = Layout::new(items, area);
        let selected = self.row(items, &layout);
        let first = self.first_shown(selected, &layout);
        let theme = &shared.theme;
        for (i, row) in layout.rows.iter().enumerate().skip(first).take(layout.view()) {
            let item = &items[row.item];
            let column = u16::try_from((i - first) / layout.height.max(1)).unwrap_or(0);
            let y = area.y + u16::try_from((i - first) % layout.height.max(1)).unwrap_or(0);
            let place = Rect::new(area.x + column * (layout.room + GAP), y, layout.room, 1).intersection(area);
            let x = place.x + 1;
            if row.is_first && !item.label.is_empty() {
                let sign = match item.shape() {
                    Shape::Node { folded: true } => format!("{} ", shared.glyphs.folded),
                    Shape::Node { .. } => format!("{} ", shared.glyphs.unfolded),
                    _ => String::new(),
                };
                let label = format!("{}{sign}{}", "  ".repeat(item.depth), item.label);
                let marked = mark(item);
                let style = theme.style(if marked.is_empty() { Role::Dim } else { Role::Accent });
                let end =
                    put(buf, place, x, &truncate(&label, layout.names.saturating_sub(1 + width(marked)), shared.glyphs.ellipsis), style);
                put(buf, place, end + 1, marked, style);
            }
            put(buf, place, x + u16::try_from(row.indent).unwrap_or(0), &row.text, theme.style(item.role));
            if layout.rows[selected].item == row.item && (item.shape() != Shape::Text || i == selected) {
                if focused {
                    buf.set_style(place, theme.style(Role::Selection));
                }
                put(buf, place, place.x, shared.glyphs.selected, theme.style(if focused { Role::SelectionBar } else { Role::Dim }));
            }
        }
    }
}
