//! What is done with a field of a line: filter for it or leave it out, show it as a column, count its values.

use std::{cell::RefCell, sync::Arc};

use ratatui::layout::Rect;

use super::{
    Logs, Told, conditions,
    counts::Counts,
    fields::{Field, Item, Kind, NODE, Source, items},
    follow::{NEARBY, about},
    query::{Plan, asked_level},
};
use crate::{
    core::command::Command,
    log_fields::{Record, recognise},
    store::{Condition, Line, LineId, Mark, Show},
    views::{Act, Cx, Look},
};

/// What the keys of a field say where none is selected.
const NO_FIELD: &str = "select a field first: Tab goes to the fields of the line";

impl Logs {
    /// What the selected line says, with all that goes on from it.
    pub(super) fn record(&self, line: &Line<'_>) -> Arc<Record> {
        self.memo.record(line.id, &self.store.whole(line))
    }

    /// The rows of the selected line's detail.
    pub(super) fn items(&self, look: &Look<'_>) -> Vec<Item> {
        let Some(line) = self.line() else { return Vec::new() };
        let record = self.record(&line);
        let mut items = items(&line, &record, &self.detail.folded);
        if line.trace.is_none()
            && let Some(service) = self.service(look)
        {
            items.insert(1, Item::nearby(service));
        }
        items
    }

    /// The field that keys act on: of the counted values, or of the selected line's detail.
    pub(super) fn field(&self, look: &Look<'_>, area: Rect) -> Option<Field> {
        if let Some(counts) = &self.counts {
            return counts.field();
        }
        if !self.in_detail {
            return None;
        }
        self.detail.item(&self.items(look), self.places(area).sheet)?.as_field().cloned()
    }

    /// The field that is selected, wherever the pane is drawn.
    pub(super) fn selected_field(&self, look: &Look<'_>) -> Option<Field> {
        self.field(look, Rect::new(0, 0, 200, 50))
    }

    /// Does what a key says of the selected field. Returns false where the key says nothing of fields.
    pub(super) fn act_on_field(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        let is_drill = command == Command::Drill;
        let filters_for = is_drill || command == Command::Include;
        if !matches!(command, Command::Drill | Command::Include | Command::Exclude | Command::ShowColumn | Command::CountBy) {
            return false;
        }
        let Some(field) = self.field(&cx.look, cx.area) else {
            if is_drill {
                return self.in_detail && self.open_row(cx);
            }
            if !self.in_detail && matches!(command, Command::Include | Command::Exclude) {
                self.pick(cx, filters_for);
                return true;
            }
            cx.notice(NO_FIELD);
            return true;
        };
        match command {
            Command::Drill if field.source == Source::Trace => return false,
            Command::ShowColumn => {
                self.columns.toggle(&field.name);
                self.settle(cx);
            }
            Command::CountBy if self.is_filtering() => cx.notice("the lines are still being filtered: again in a moment"),
            Command::CountBy if self.counts.take().is_none() => self.counts = Some(Counts::of(&self.store, &field)),
            Command::CountBy => {}
            _ => self.filter_by(cx, &field, filters_for),
        }
        true
    }

    fn filter_by(&mut self, cx: &mut Cx<'_>, field: &Field, keep: bool) {
        // A value that was counted is found in one of its lines.
        let line = match &self.counts {
            None => self.line(),
            Some(counts) => counts.line_of(&self.store, field).or_else(|| self.line()),
        };
        let Some(line) = line else { return };
        match conditions::of(&line, field, keep) {
            Ok(condition) => {
                self.counts = None;
                self.narrow_by(cx, |all| conditions::toggle(all, condition));
            }
            Err(why) => cx.notice(why),
        }
    }

    /// Takes the last filter by a field back.
    pub(super) fn widen(&mut self, cx: &mut Cx<'_>) {
        match self.store.show().conditions.last() {
            None => cx.notice("there is no filter by a field to take back"),
            Some(_) => self.narrow_by(cx, |all| drop(all.pop())),
        }
    }

    /// Other conditions.
    pub(super) fn narrow_by(&mut self, cx: &Cx<'_>, change: impl FnOnce(&mut Vec<Condition>)) {
        self.narrow(cx, |show| change(&mut show.conditions));
    }

    /// The same for whatever else is shown too.
    pub(super) fn narrow(&mut self, cx: &Cx<'_>, change: impl FnOnce(&mut Show)) {
        let asked = self.plan(&cx.look);
        self.ask_anew(cx, asked, change);
    }

    /// Shows other lines than those that `asked` asks for: the lines that are here answer at once and stay while there is room,
    /// and where it makes another question, the server is asked for these alone, so that history reaches further back.
    pub(super) fn ask_anew(&mut self, cx: &Cx<'_>, asked: Option<Plan>, change: impl FnOnce(&mut Show)) {
        let mut show = self.store.show().clone();
        change(&mut show);
        let (before, plan) = (asked.unwrap_or_default(), self.plan_of(&cx.look, &show.conditions, show.level).unwrap_or_default());
        if plan.base != before.base {
            self.volume.clear();
            self.brush = None;
        }
        // The same question is not asked twice: what was told of its lines still holds.
        if plan.streams != before.streams {
            show.held = show.held.map(Mark::by_time);
            self.left = self.left.by_time();
            self.store.ask_anew(asked_level(show.level), &show.conditions);
            self.spree = 0;
            self.told = Told::default();
            self.reading += 1;
            self.patterns.drop_earlier();
            self.begin_again(cx.look.now);
        }
        self.show(cx, |shown| *shown = show);
    }

    /// What stands behind a field in the detail: the sign of its filter, or of its column.
    pub(super) fn field_mark(&self, field: &Field) -> &'static str {
        let is_of = |c: &&Condition| c.name == field.name && c.value == field.value && !c.name.is_empty() && !c.off;
        match self.store.show().conditions.iter().find(is_of) {
            Some(c) if c.keep => "=",
            Some(_) => "!=",
            None if self.columns.has(&field.name) => "|",
            None => "",
        }
    }

    /// Unfolds or folds a node of the detail. Returns whether there is one.
    pub(super) fn fold_fields(&mut self, look: &Look<'_>, area: Rect, fold: bool) -> bool {
        let items = self.items(look);
        let Some(path) = self.detail.node(&items, self.places(area).sheet) else { return false };
        if fold {
            self.detail.select_key((NODE, &path));
            self.detail.folded.insert(path);
        } else {
            self.detail.folded.remove(&path);
        }
        true
    }

    /// Opens what is selected in the detail and is no field.
    fn open_row(&mut self, cx: &mut Cx<'_>) -> bool {
        let items = self.items(&cx.look);
        match self.detail.item(&items, self.places(cx.area).sheet).map(|i| &i.kind) {
            Some(Kind::Nearby) => self.open_nearby(cx),
            Some(Kind::Node { folded, .. }) => {
                let fold = !folded;
                self.fold_fields(&cx.look, cx.area, fold);
            }
            _ => cx.notice("this is no field"),
        }
        true
    }

    /// The traces of the line's service about its time, where the line names none.
    fn open_nearby(&mut self, cx: &mut Cx<'_>) {
        let to = self.line().map(|l| l.id.at).zip(self.service(&cx.look));
        let Some((at, service)) = to else { return };
        let scope = cx.look.scope.with_service(service).without_trace().with_window(about(at, NEARBY));
        cx.acts.push(Act::Traces(Box::new(scope)));
        self.list.follow = false;
    }
}

/// What was recognised in the selected line: it may be of megabytes, and is drawn with each key.
#[derive(Default)]
pub(super) struct Memo(RefCell<Option<(LineId, usize, Arc<Record>)>>);

impl Memo {
    fn record(&self, id: LineId, whole: &str) -> Arc<Record> {
        let mut kept = self.0.borrow_mut();
        match &*kept {
            // More lines may go on from it by now.
            Some((of, bytes, record)) if (*of, *bytes) == (id, whole.len()) => record.clone(),
            _ => {
                let record = Arc::new(recognise(whole));
                *kept = Some((id, whole.len(), record.clone()));
                record
            }
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
