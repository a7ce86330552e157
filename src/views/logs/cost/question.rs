//! The question in the place of the lines, and what is done with its answer.

use compact_str::CompactString;
use crossterm::event::MouseEvent;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{super::Logs, reads};
use crate::{
    core::{command::Command, scope::Scope},
    logql_parts::with_matcher,
    store::{Condition, Place},
    ui::{
        format,
        text::{truncate, width},
    },
    views::{
        Act, Cx, Look, Pointed,
        cost::{self, Offer, Question, Row},
        logs::Seed,
    },
};

impl Logs {
    /// Whether keys choose from something other than lines: a range of the volume, or an answer to the question.
    pub(in super::super) fn chooses(&self) -> bool {
        self.brush.is_some() || self.cost.asks()
    }

    /// The keys for the footer while something is chosen.
    pub(in super::super) fn hints_of_choice(&self) -> Option<&'static [Command]> {
        use Command::{ChooseWindows, Drill, EditQuery, Fold, Pause, TimePicker, Unfold, ValueCursor};
        match (self.brush.is_some(), self.cost.asks()) {
            (true, _) => Some(&[Drill, Pause, Fold, Unfold, ChooseWindows, ValueCursor]),
            (false, true) => Some(&[Drill, ValueCursor, TimePicker, EditQuery]),
            (false, false) => None,
        }
    }

    /// Words for a key while something is chosen.
    pub(in super::super) fn hint_of_choice(&self, command: Command) -> Option<&'static str> {
        let brushes = self.brush.is_some();
        match command {
            Command::Drill => Some(if brushes { "this window" } else { "take it" }),
            Command::Fold if brushes => Some("earlier"),
            Command::Unfold if brushes => Some("later"),
            Command::Pause if brushes => Some("from here"),
            Command::ChooseWindows if brushes => Some("compare patterns"),
            Command::ValueCursor => Some(if brushes { "give up" } else { "choose a range" }),
            _ => None,
        }
    }

    /// The query, and what is above the rows.
    pub(in super::super) fn title_of_question(&self, look: &Look<'_>, size: u64, room: usize) -> String {
        let glyphs = look.shared.glyphs;
        let rest = format!(" {} would read {}", glyphs.horizontal.repeat(2), format::bytes(size as f64));
        let query = self.plan(look).map_or_else(|| "logs".to_owned(), |plan| plan.base);
        truncate(&query, room.saturating_sub(width(&rest)), glyphs.ellipsis) + &rest
    }

    fn asked_for(&self, look: &Look<'_>, size: u64) -> Question {
        let readings = self.plan(look).map_or_else(Vec::new, |plan| reads(&plan, look.scope.window));
        self.cost.question(look, &readings, size, self.volume.value().filter(|_| self.volume_is_bytes))
    }

    /// All rows of the question.
    pub(super) fn offers(&self, look: &Look<'_>, size: u64) -> Vec<Row> {
        self.asked_for(look, size).rows
    }

    /// What is selected of the question, if it is asked.
    pub(super) fn chosen_offer(&self, look: &Look<'_>) -> Option<Offer> {
        let size = self.question(look).filter(|_| self.cost.asks())?;
        self.cost.chosen(self.offers(look, size)).map(|row| row.offer)
    }

    /// Selects it again where it is now.
    pub(super) fn choose_offer(&mut self, look: &Look<'_>, offer: Option<Offer>) {
        if let (Some(offer), Some(size)) = (offer, self.question(look)) {
            let rows = self.offers(look, size);
            self.cost.choose(&offer, &rows);
        }
    }

    pub(in super::super) fn draw_question(&self, look: &Look<'_>, size: u64, area: Rect, buf: &mut Buffer) {
        self.cost.draw_question(&self.asked_for(look, size), true, look, area, buf);
    }

    /// What a command means to the question. `None`: what it means elsewhere.
    pub(in super::super) fn question_command(&mut self, cx: &mut Cx<'_>, command: Command) -> Option<bool> {
        let size = self.question(&cx.look).filter(|_| !self.patterns.open && !self.in_detail)?;
        let question = self.asked_for(&cx.look, size);
        if command == Command::Drill {
            let row = self.cost.chosen(question.rows)?;
            self.take(cx, row);
            return Some(true);
        }
        let list = self.places(cx.area).list;
        self.cost.move_in(&question, command, list).then_some(true)
    }

    /// What the mouse does to the question. `None`: there is none.
    pub(in super::super) fn question_pointed(&mut self, cx: &Cx<'_>, event: MouseEvent) -> Option<Pointed> {
        let question = self.asked_for(&cx.look, self.question(&cx.look)?);
        let list = self.places(cx.area).list;
        Some(self.cost.point_at(&question, event, list))
    }

    fn take(&mut self, cx: &mut Cx<'_>, row: Row) {
        match row.offer {
            Offer::All => {
                self.cost.agree(row.bytes);
                self.note_question(&cx.look);
            }
            Offer::Window(window) => cx.acts.push(Act::Rescope(Box::new(cx.look.scope.with_window(window)))),
            Offer::Only(_, value) if self.typed.is_none() && cx.look.scope.service.is_none() => {
                let Scope { trace, span, matchers, .. } = cx.look.scope.clone();
                let scope = Scope { trace, span, matchers, ..cx.look.scope.with_service(value) };
                cx.acts.push(Act::Rescope(Box::new(scope)));
            }
            Offer::Only(label, value) => self.add(cx, &label, &[value], true),
            Offer::Without(label, values) => self.add(cx, &label, &values, false),
        }
    }

    /// Puts conditions on a label into the selector: behind it they would have everything read.
    fn add(&mut self, cx: &mut Cx<'_>, label: &CompactString, values: &[CompactString], keep: bool) {
        let Some(seed) = &self.typed else {
            let condition = |value: &CompactString| Condition::is(Place::Label, label, label.to_string(), value, keep);
            self.narrow_by(cx, |all| all.extend(values.iter().map(condition)));
            return;
        };
        let conditions = cost::conditions(label, values, keep);
        let narrower = |query: &str| with_matcher(query, &conditions);
        self.typed = Some(Seed { query: narrower(&seed.query), also: seed.also.as_deref().map(narrower), ..seed.clone() });
        self.restart();
        self.begin_where_wanted(&cx.look);
        self.note_question(&cx.look);
    }
}
