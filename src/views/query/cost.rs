//! What a metric query over log lines would read: the user is asked before more than a limit is.

use crossterm::event::MouseEvent;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Query,
    draw::letter_of,
    row::{Form, Query as Row},
};
use crate::{
    app::expect,
    core::{
        command::Command,
        request::{Answer, Refresh, pick},
        typed::{Language, TypedQuery},
    },
    logql_parts::with_matcher,
    model::time::TimeWindow,
    ui::{format, panel::Panel},
    views::{
        Act, Cx, Look, Needs, Pointed,
        cost::{Offer, PARTS, Question, Reading, Verdict, conditions, readings, readings_at_end, seldom},
    },
};

const SIZE: &str = "size";
const BY_SERVICE: &str = "size by service";
const BYTES: &str = "bytes";
/// Slots of what is asked here.
pub(super) const PANES: [&str; 3] = [SIZE, BY_SERVICE, BYTES];

impl Row {
    /// What its query reads, in the form that is shown.
    fn readings(&self, window: TimeWindow) -> Vec<Reading> {
        match (self.text.language, self.form) {
            (Language::PromQl | Language::TraceQl, _) => Vec::new(),
            (Language::LogQl, Form::Graph) => readings([self.asked.as_str()], window),
            (Language::LogQl, Form::Table) => readings_at_end(&self.asked, window),
        }
    }

    /// Whether its query may be asked.
    pub(super) fn verdict(&self, look: &Look<'_>) -> Verdict {
        let readings = self.readings(look.scope.window);
        if readings.is_empty() { Verdict::Free } else { self.cost.verdict(look, &readings) }
    }

    /// How much would be read, where that is too much.
    pub(super) fn too_much(&self, look: &Look<'_>) -> Option<u64> {
        if let Verdict::Asks(size) = self.verdict(look) { Some(size) } else { None }
    }

    fn question(&self, look: &Look<'_>, size: u64) -> Question {
        // A table is of one instant: a shorter window reads as much.
        let over_time = self.over_time.value().filter(|_| self.form == Form::Graph);
        self.cost.question(look, &self.readings(look.scope.window), size, over_time)
    }

    /// What is selected of the question, if it is asked.
    fn chosen_offer(&self, look: &Look<'_>) -> Option<Offer> {
        let size = self.too_much(look).filter(|_| self.cost.asks())?;
        self.cost.chosen(self.question(look, size).rows).map(|row| row.offer)
    }

    /// `reads 1.20 GiB`, in few words.
    pub(super) fn size_note(&self, look: &Look<'_>) -> Option<String> {
        match self.verdict(look) {
            Verdict::Quick(Some(size)) if size > 0 => Some(format!("reads {}", format::bytes(size as f64))),
            Verdict::Unknown => Some("size not known".to_owned()),
            _ => None,
        }
    }

    /// Asks for what is not known of its size. Returns how often the query may be asked itself, if at all.
    pub(super) fn ask_cost(&self, look: &Look<'_>, needs: &mut Needs<'_>) -> Option<Refresh> {
        let usual = look.shared.refresh();
        let readings = self.readings(look.scope.window);
        if readings.is_empty() {
            return Some(usual);
        }
        let verdict = self.cost.ask_sizes(look, &readings, (SIZE, self.id.wrapping_mul(PARTS)), needs);
        match (verdict, usual) {
            (Verdict::Asks(_), _) => {
                self.cost.ask_by_service(look, &readings, (BY_SERVICE, self.id), needs);
                if let Some(request) = self.cost.bytes_over_time(look, &readings).filter(|_| self.form == Form::Graph) {
                    needs.ask(BYTES, self.id, request, Refresh::Every(look.shared.settings.refresh_slow));
                }
                None
            }
            (Verdict::Quick(Some(size)), Refresh::Every(every)) => {
                Some(Refresh::Every(seldom(every, size, look.shared.settings.ask_above.unwrap_or(u64::MAX))))
            }
            _ => verdict.may_read().then_some(usual),
        }
    }
}

impl Query {
    /// Takes the answer to a question about a size.
    pub(super) fn size_came(&mut self, look: &Look<'_>, answer: Answer) -> bool {
        let Answer { slot, request, asked, result, .. } = answer;
        let id = if slot.pane == SIZE { slot.part / PARTS } else { slot.part };
        let Some(row) = self.rows.iter_mut().find(|row| row.id == id) else { return false };
        let chosen = row.chosen_offer(look);
        if slot.pane == BYTES {
            row.over_time.settle(asked, expect(result, pick!(Matrix)));
        } else {
            row.cost.learn(request, asked, expect(result, pick!(LogSize)));
        }
        row.cost.note(row.too_much(look).is_some());
        if let (Some(offer), Some(size)) = (chosen, row.too_much(look)) {
            let rows = row.question(look, size).rows;
            row.cost.choose(&offer, &rows);
        }
        true
    }

    /// Takes note of which queries ask.
    pub(super) fn note_questions(&mut self, look: &Look<'_>) {
        for row in &mut self.rows {
            row.cost.note(row.too_much(look).is_some());
        }
    }

    /// What a command means to the question of the query. `None`: what it means elsewhere.
    pub(super) fn question_command(&mut self, cx: &mut Cx<'_>, command: Command) -> Option<bool> {
        let size = self.row().too_much(&cx.look)?;
        let place = self.places(cx.area).results[self.focus];
        let question = self.row().question(&cx.look, size);
        let row = self.row_mut();
        if command == Command::Drill {
            let offer = row.cost.chosen(question.rows)?.offer;
            self.take(cx, offer, size);
            return Some(true);
        }
        row.cost.move_in(&question, command, Panel::inner(place)).then_some(true)
    }

    fn take(&mut self, cx: &mut Cx<'_>, offer: Offer, size: u64) {
        match offer {
            Offer::All => self.row_mut().cost.agree(size),
            Offer::Window(window) => cx.acts.push(Act::Rescope(Box::new(cx.look.scope.with_window(window)))),
            Offer::Only(label, value) => self.narrow(cx, &conditions(&label, &[value], true)),
            Offer::Without(label, values) => self.narrow(cx, &conditions(&label, &values, false)),
        }
        self.note_questions(&cx.look);
    }

    /// Asks the query with conditions in its selectors.
    fn narrow(&mut self, cx: &mut Cx<'_>, conditions: &str) {
        let row = self.row_mut();
        row.text.set(&with_matcher(&row.asked, conditions));
        let asked = row.ask().map(|text| Act::Asked(TypedQuery::logql(text)));
        cx.acts.extend(asked);
    }

    /// What the mouse does to the question in a place. `None`: there is none.
    pub(super) fn question_pointed(&mut self, cx: &Cx<'_>, i: usize, place: Rect, event: MouseEvent) -> Option<Pointed> {
        let row = self.rows.get_mut(i)?;
        let question = row.question(&cx.look, row.too_much(&cx.look)?);
        Some(row.cost.point_at(&question, event, Panel::inner(place)))
    }

    pub(super) fn render_question(&self, i: usize, size: u64, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let row = &self.rows[i];
        let focused = i == self.focus && !self.editor.typing;
        let title = [letter_of(i), row.form.name().to_owned(), format!("would read {}", format::bytes(size as f64))];
        let separator = format!(" {0}{0} ", look.shared.glyphs.horizontal);
        let inner = Panel::new(title.join(&separator)).focused(focused).render(look.shared, area, buf);
        row.cost.draw_question(&row.question(look, size), focused, look, inner, buf);
    }
}
