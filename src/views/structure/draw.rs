//! How the page looks.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Structure, tree::MISSING};
use crate::{
    core::command::Command,
    model::trace_source::Ability,
    theme::Role,
    trace::structure::Row,
    ui::{
        format,
        panel::{self, Panel},
        table::{Cell, Column, Table, position},
    },
    views::{Look, waterfall::short},
};

/// Cells of the bar of the share.
const BAR: u16 = 16;
/// Further steps are not indented: names would have no room.
const DEEPEST: u32 = 24;

/// Left out in this order when the screen is narrow: the number of traces, the bar, the median.
const COLUMNS: [Column<'_>; 8] = [
    Column::text("SPAN", 24, u16::MAX),
    Column::number("COUNT", 7),
    Column::number("TRACES", 6).drop(3),
    Column::number("ERRORS", 7),
    Column::number("P50", 7).drop(1),
    Column::number("P95", 7),
    Column::number("SHARE", 6),
    Column::text("OF THE TIME", BAR, BAR).drop(2),
];
const TRACES: [Column<'_>; 7] = [
    Column::text("TIME", 18, 18),
    Column::number("TRACE TAKES", 11),
    Column::number("SPANS HERE", 10),
    Column::number("ERRORS", 6),
    Column::number("LONGEST", 8),
    Column::text("ROOT", 10, u16::MAX).drop(1),
    Column::text("TRACE", 9, 9).drop(2),
];

impl Structure {
    /// The inside of the pane.
    pub(super) fn table(&self, area: Rect) -> Rect {
        Panel::inner(area)
    }

    /// What found the hits, in the words in which it is asked.
    fn in_words(&self, look: &Look<'_>) -> String {
        let is_plain = look.shared.traces.value().is_some_and(|able| able.why_not(Ability::TraceQl).is_some());
        let plain = self.plain(look).filter(|_| is_plain);
        plain.map_or_else(|| self.query.clone(), |plain| plain.to_string())
    }

    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let shared = look.shared;
        let (state, line) = (panel::state(&self.merged, look), shared.glyphs.horizontal.repeat(2));
        let (title, at) = match &self.behind {
            Some(list) => (self.title_of(look, list.row), position(&list.state, self.listed_rows())),
            None => {
                let at = self.found_note().into_iter().chain([position(&self.list, self.tree.lines().len())]);
                (format!("structure {line} {}", self.progress(look)), at.collect::<Vec<_>>().join(&format!(" {line} ")))
            }
        };
        let panel = Panel::new(title).focused(true).note(at).bottom(self.in_words(look)).state(&state);
        let inner = panel.render(shared, area, buf);
        if self.behind.is_some() && self.listed_rows() == 0 {
            let none = format!("None of {} passes the filter.", format::counted(self.behind_rows(), "trace"));
            let out = shared.keymap.key(crate::core::command::Command::Back).map(|key| format!("{key} removes it"));
            panel::message(shared, inner, buf, &[none].into_iter().chain(out).collect::<Vec<_>>());
        } else if self.behind.is_some() {
            self.draw_traces(look, inner, buf);
        } else if self.tree.lines().is_empty() {
            panel::message(shared, inner, buf, &self.blank(look));
        } else {
            self.draw_tree(look, inner, buf);
        }
    }

    /// How many of how many traces are merged, which these are, and how many could not be read.
    fn progress(&self, look: &Look<'_>) -> String {
        let line = look.shared.glyphs.horizontal.repeat(2);
        let (merged, failed) = self.merged.value().map_or((0, 0), |news| (news.traces.len(), news.failed.len()));
        let merged = format::count(merged as u64);
        let mut parts = vec![if self.asked < self.hits.len() {
            format!("{merged} of {} merged, the newest of {}", format::count(self.asked as u64), format::counted(self.hits.len(), "hit"))
        } else {
            format!("{merged} of {} merged", format::counted(self.asked, "trace"))
        }];
        if self.stopped {
            parts.push("stopped".to_owned());
        } else if !self.is_done() {
            parts.push("reading".to_owned());
        }
        if failed > 0 {
            parts.push(format!("{} not read: {}", format::count(failed as u64), self.why_failed()));
            let again = look.shared.keymap.key(Command::Refresh).filter(|_| self.is_done());
            parts.extend(again.map(|key| format!("{key} tries again")));
        }
        if let Some(key) = look.shared.keymap.key(Command::More).filter(|_| self.no_more().is_none()) {
            parts.push(format!("{key} looks up {} more", format::count(self.more() as u64)));
        }
        parts.join(&format!(" {line} "))
    }

    /// Why traces could not be read: what was said of the last one.
    fn why_failed(&self) -> &str {
        self.merged.value().and_then(|news| news.failed.last()).map_or("", |(_, why)| why)
    }

    fn blank(&self, look: &Look<'_>) -> Vec<String> {
        if self.job.is_none() {
            return panel::state(&self.found, look).blank.unwrap_or_default();
        }
        if self.hits.is_empty() {
            return vec!["No traces were found to be merged.".to_owned()];
        }
        let key = look.shared.keymap.key(Command::Refresh).unwrap_or_default();
        if self.stopped {
            return vec!["It was stopped before a trace was read.".to_owned(), format!("{key} goes on")];
        }
        if self.is_done() {
            let failed = self.merged.value().map_or(0, |news| news.failed.len());
            return vec![
                format!("None of {} could be read.", format::counted(failed, "trace")),
                self.why_failed().to_owned(),
                format!("{key} tries again"),
            ];
        }
        panel::state(&self.merged, look).blank.unwrap_or_default()
    }

    fn draw_tree(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (rows, lines) = (self.rows(), self.tree.lines());
        let table = Table { columns: &COLUMNS, rows: lines.len(), state: &self.list, focused: true };
        table.render(look.shared, area, buf, |line, column| {
            let (number, row) = (lines[line], &rows[lines[line] as usize]);
            let cell = if column == 0 { self.name(look, number, row) } else { figure(look, row, column) };
            if self.is_dimmed(number) { cell.in_style(look.shared.theme.style(Role::Dim)) } else { cell }
        });
    }

    fn name(&self, look: &Look<'_>, number: u32, row: &Row) -> Cell<'static> {
        let (theme, glyphs) = (&look.shared.theme, look.shared.glyphs);
        let below = row.subtree_end - number - 1;
        let mark = match (below, self.tree.is_folded(number)) {
            (0, _) => " ",
            (_, true) => glyphs.folded,
            (_, false) => glyphs.unfolded,
        };
        let indent = " ".repeat(usize::try_from(row.depth.min(DEEPEST)).unwrap_or(0));
        let cell = Cell::new(format!("{indent}{mark} "), theme.style(Role::Dim));
        let found = self.finder.search.is_some();
        let style = |otherwise| theme.style(if found { Role::Match } else { otherwise });
        let cell = match &row.operation {
            Some(o) => {
                cell.and(format!("{} ", o.service), look.shared.service_style(&o.service)).and(o.name.to_string(), style(Role::Text))
            }
            None => cell.and(MISSING, style(Role::Dim)),
        };
        if self.tree.is_folded(number) { cell.and_keep(format!(" +{below}"), theme.style(Role::Dim)) } else { cell }
    }

    fn title_of(&self, look: &Look<'_>, row: u32) -> String {
        let (line, dot) = (look.shared.glyphs.horizontal.repeat(2), look.shared.glyphs.middle_dot);
        let operation = self.rows().get(row as usize).and_then(|row| row.operation.as_ref());
        let name = operation.map_or_else(|| MISSING.to_owned(), |o| format!("{} {dot} {}", o.service, o.name));
        let all = format::counted(self.behind_rows(), "trace");
        match self.behind.as_ref().and_then(|list| list.filter.note()) {
            Some(note) => format!("{name} {line} {} of {all} {line} {note}", format::count(self.listed_rows() as u64)),
            None => format!("{name} {line} {all}"),
        }
    }

    fn draw_traces(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let Some(list) = &self.behind else { return };
        let (shared, rows) = (look.shared, self.listed_rows());
        let style = |role| shared.theme.style(role);
        let missing = || Cell::new(shared.glyphs.dash, style(Role::Dim));
        let table = Table { columns: &TRACES, rows, state: &list.state, focused: true };
        table.render(shared, area, buf, |line, column| {
            let Some((trace, behind)) = self.listed_at(line) else { return Cell::default() };
            let hit = self.hit(trace);
            let plain = style(Role::Text);
            match column {
                0 => hit.map_or_else(missing, |h| Cell::new(format::date_time(h.start, shared.settings.zone.0)[5..].to_owned(), plain)),
                1 => hit.map_or_else(missing, |h| Cell::new(format::nanoseconds(h.duration_ns), plain)),
                2 => Cell::new(format::count(u64::from(behind.count)), plain),
                3 => Cell::new(format::count(u64::from(behind.errors)), style(if behind.errors > 0 { Role::Bad } else { Role::Dim })),
                4 => Cell::new(format::nanoseconds(behind.span_ns), plain),
                5 => hit.and_then(|h| h.root_name.clone()).map_or_else(missing, |name| Cell::new(name.to_string(), plain)),
                _ => Cell::new(short(trace, look), style(Role::Dim)),
            }
        });
    }
}

fn figure(look: &Look<'_>, row: &Row, column: usize) -> Cell<'static> {
    let style = |role| look.shared.theme.style(role);
    let plain = style(Role::Text);
    match column {
        1 => Cell::new(format::count(u64::from(row.count)), plain),
        2 => Cell::new(format::count(row.traces.len() as u64), plain),
        3 if row.errors == 0 => Cell::new(look.shared.glyphs.dash, style(Role::Dim)),
        3 => Cell::new(format::percent(f64::from(row.errors) / f64::from(row.count.max(1))), style(Role::Bad)),
        4 => Cell::new(format::nanoseconds(row.p50_ns), plain),
        5 => Cell::new(format::nanoseconds(row.p95_ns), plain),
        6 if row.share <= 0.0 => Cell::new(look.shared.glyphs.dash, style(Role::Dim)),
        6 => Cell::new(format::percent(row.share), style(if row.share >= 0.1 { Role::Text } else { Role::Dim })),
        _ => Cell::new(bar(row.share, look.shared.glyphs), style(Role::Dim)),
    }
}

/// A share by eighths of a cell; anything above zero is visible.
fn bar(share: f64, glyphs: &crate::theme::Glyphs) -> String {
    if share <= 0.0 {
        return String::new();
    }
    let eighths = (share.min(1.0) * f64::from(BAR) * 8.0).round().max(1.0) as usize;
    let part = (eighths % 8).checked_sub(1).map_or("", |i| glyphs.bars[i]);
    format!("{}{part}", glyphs.bars[7].repeat(eighths / 8))
}
