//! The rows and which of them is selected: what the user reads stays selected while answers come and rows move.

use std::time::Duration;

use ratatui::layout::Rect;

use super::{
    Alerts,
    data::Drawn,
    detail::Held,
    digest::Digest,
    naming,
    rows::{self, Group, Heading, Row, Wish},
};
use crate::{
    model::{alert::Alert, labels::Labels},
    views::Cx,
};

/// So long after its first rows a page is being filled, part by part: no one has chosen the first row yet.
const FILLING: Duration = Duration::from_secs(1);

/// What the selection stays on when rows move.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kept {
    /// An alert by its labels, and by its place among those with the same ones.
    Alert(Labels, usize),
    /// A heading by its name.
    Group(String),
}

impl Alerts {
    pub(super) fn row(&self) -> Option<&Row> {
        self.rows.get(self.table.row(self.rows.len())?)
    }

    /// The selected alert; `None` on a group's heading.
    pub(super) fn alert(&self) -> Option<&Alert> {
        match self.row()? {
            Row::Alert(i) => self.book.as_ref()?.alerts.get(*i),
            Row::Group(_) => None,
        }
    }

    pub(super) fn heading(&self) -> Option<&Heading> {
        match self.row()? {
            Row::Group(heading) => Some(heading),
            Row::Alert(_) => None,
        }
    }

    /// After one of those who tell alerts told its part, or that it cannot: what the others know stays as it is.
    pub(super) fn merge(&mut self, cx: &Cx<'_>) {
        let Some(mut book) = self.data.book(self.book.as_ref(), &cx.look) else { return };
        // While the page is being filled the first row is the worst alert's; later it is the one that is read, whoever tells
        // a worse one then.
        let is_read = self.first_rows.is_some_and(|since| cx.look.now.since(since) >= FILLING);
        let keep = self.kept().filter(|_| is_read || self.table.selected > 0);
        self.exprs.learn(&book);
        let names = naming(&cx.look);
        names.name(&mut book, &self.exprs);
        self.selected.name(&mut book, &self.exprs, &names);
        self.digest = Digest::of(&book, self.digest.is_storm());
        self.book = Some(book);
        self.rebuild(cx.area, keep.as_ref());
        if !self.rows.is_empty() {
            self.first_rows.get_or_insert(cx.look.now);
        }
    }

    /// Computes the rows anew; the selection stays where it is.
    pub(super) fn rebuild(&mut self, area: Rect, keep: Option<&Kept>) {
        let Some(book) = &self.book else { return };
        let group = self.group();
        self.digest.prepare(book, &self.data.calls, &self.exprs, self.order, group);
        let Self { filter, turned, digest, .. } = &*self;
        let wish = Wish { filter, sorted: digest.sorted(), group, turned, origins: digest.origins() };
        self.rows = rows::rows(book, &wish);
        let row = keep.and_then(|keep| self.place_of(keep)).unwrap_or(self.table.selected);
        // The very first rows begin with a heading where there are groups.
        let row =
            if keep.is_none() && row == 0 && matches!(self.rows.get(1), Some(Row::Alert(_))) && group != Group::None { 1 } else { row };
        let height = self.list_height(area);
        self.table.select(row, self.rows.len(), height);
        self.forget_other();
    }

    /// What the selection is on.
    pub(super) fn kept(&self) -> Option<Kept> {
        let selected = self.table.row(self.rows.len())?;
        let book = self.book.as_ref()?;
        match self.rows.get(selected)? {
            Row::Group(heading) => Some(Kept::Group(heading.name.clone())),
            Row::Alert(i) => {
                let labels = &book.alerts.get(*i)?.labels;
                let before = book.alerts[..*i].iter().filter(|a| a.labels == *labels).count();
                Some(Kept::Alert(labels.clone(), before))
            }
        }
    }

    /// The row of what the selection was on; of an alert that is folded now, its heading's.
    fn place_of(&self, kept: &Kept) -> Option<usize> {
        let book = self.book.as_ref()?;
        let Kept::Alert(labels, nth) = kept else {
            return self.rows.iter().position(|row| matches!((row, kept), (Row::Group(h), Kept::Group(name)) if h.name == *name));
        };
        let mut same = book.alerts.iter().enumerate().filter(|(_, a)| a.labels == *labels).map(|(i, _)| i);
        let alert = same.nth(*nth).or_else(|| book.alerts.iter().position(|a| a.labels == *labels));
        let name = labels.get("alertname").unwrap_or_default();
        // Alertmanager told it first, with external labels that the rule's alert does not have.
        let is_same = |a: &Alert| a.name() == name && a.labels.iter().all(|(name, value)| labels.get(name) == Some(value));
        let alert = alert.or_else(|| book.alerts.iter().position(is_same))?;
        let shown = self.rows.iter().position(|row| *row == Row::Alert(alert));
        shown.or_else(|| self.rows.iter().position(|row| matches!(row, Row::Group(h) if h.members.contains(&alert))))
    }

    /// Another row is selected.
    pub(super) fn forget_other(&mut self) {
        let now = self.kept();
        if self.drawn != now {
            self.cursor = None;
            self.scroll = 0;
            self.drawn = now;
        }
        self.held = self.heading().zip(self.book.as_ref()).map(|(heading, book)| Held::of(heading, book)).unwrap_or_default();
        let drawn = Drawn::of(self.alert(), &self.exprs);
        self.data.forget_other(drawn);
    }

    pub(super) fn reorder(&mut self, cx: &Cx<'_>, change: impl FnOnce(&mut Self)) -> bool {
        let keep = self.kept();
        change(self);
        self.rebuild(cx.area, keep.as_ref());
        true
    }

    /// Folds or unfolds the selected group, or the one that the selected alert is in.
    pub(super) fn fold(&mut self, cx: &Cx<'_>, open: Option<bool>) -> bool {
        let Some(selected) = self.table.row(self.rows.len()) else { return false };
        let headings = self.rows[..=selected].iter().rev();
        let Some(Row::Group(heading)) = headings.clone().find(|row| matches!(row, Row::Group(_))) else { return false };
        if open.is_some_and(|open| open == heading.is_open) {
            return false;
        }
        let (key, keep) = ((self.group(), heading.name.clone()), Kept::Group(heading.name.clone()));
        if !self.turned.remove(&key) {
            self.turned.insert(key);
        }
        self.rebuild(cx.area, Some(&keep));
        true
    }
}
