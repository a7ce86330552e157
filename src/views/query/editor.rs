//! Typing a query: keys, what was asked before, and the list of what can come next.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    catalog::{Catalog, question},
    complete::{Candidate, candidates},
    context::{Context, What, context},
    lex::one_line,
};
use crate::{
    core::request::Request,
    ui::field::{Field, Typed},
    views::Look,
};

/// Queries that are remembered.
const MAX_HISTORY: usize = 200;

/// The list under the text.
#[derive(Debug, Default)]
pub(super) struct Offer {
    pub candidates: Vec<Candidate>,
    /// How many match, those that are not listed included.
    pub total: usize,
    /// Whether the server had more names than were read.
    pub cut: bool,
    pub selected: usize,
    /// Why there are no names, where the server did not tell any.
    pub trouble: Option<String>,
}

/// What typing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// The text, the cursor or the list.
    Changed,
    /// It is to be asked.
    Accepted,
    /// Typing ends.
    Left,
    /// The next query, or the previous one.
    Next,
    Previous,
}

/// The state of typing; the text itself is the query's.
#[derive(Default)]
pub(super) struct Editor {
    pub typing: bool,
    pub offer: Option<Offer>,
    /// The user chose in the list: `Enter` takes it.
    moved: bool,
    /// The user closed the list: it stays closed until something is typed.
    closed: bool,
    /// The user wants the list, where nothing is typed as well.
    forced: bool,
    history: Vec<String>,
    /// Where in the history the user is, and what was typed before going there.
    past: Option<(usize, String)>,
}

impl Editor {
    /// Begins to type.
    pub(super) fn open(&mut self) {
        *self = Self { typing: true, history: std::mem::take(&mut self.history), ..Self::default() };
    }

    /// Ends it.
    pub(super) fn close(&mut self) {
        *self = Self { history: std::mem::take(&mut self.history), ..Self::default() };
    }

    /// Remembers a query that is asked.
    pub(super) fn remember(&mut self, query: String) {
        self.history.retain(|old| *old != query);
        self.history.push(query);
        if self.history.len() > MAX_HISTORY {
            self.history.remove(0);
        }
    }

    pub(super) fn key(&mut self, field: &mut Field, key: KeyEvent) -> Edited {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match (key.code, ctrl) {
            (KeyCode::Char(' '), true) | (KeyCode::Null, _) => self.force(),
            (KeyCode::Char('p'), true) => self.earlier(field),
            (KeyCode::Char('n'), true) => self.later(field),
            (KeyCode::Up, _) if self.is_offering() => self.step(-1),
            (KeyCode::Down, _) if self.is_offering() => self.step(1),
            (KeyCode::Up, _) => self.earlier(field),
            (KeyCode::Down, _) => self.later(field),
            (KeyCode::Tab, _) if self.is_offering() => self.take(field),
            (KeyCode::Tab, _) => return Edited::Next,
            (KeyCode::BackTab, _) => return Edited::Previous,
            (KeyCode::Enter, _) if self.moved && self.is_offering() => self.take(field),
            (KeyCode::Esc, _) if self.is_offering() => {
                self.offer = None;
                self.closed = true;
            }
            _ => return self.typed(field, key),
        }
        Edited::Changed
    }

    fn typed(&mut self, field: &mut Field, key: KeyEvent) -> Edited {
        match field.key(key) {
            Typed::Accepted => return Edited::Accepted,
            Typed::Cancelled => return Edited::Left,
            Typed::Changed => {
                self.past = None;
                self.changed();
            }
            Typed::Ignored => {}
        }
        Edited::Changed
    }

    /// A rule of many lines becomes one line.
    pub(super) fn paste(&mut self, field: &mut Field, text: &str) {
        field.paste(&one_line(text));
        self.past = None;
        self.changed();
        self.closed = true;
    }

    fn changed(&mut self) {
        (self.closed, self.forced, self.moved) = (false, false, false);
    }

    fn force(&mut self) {
        self.changed();
        self.forced = true;
    }

    fn is_offering(&self) -> bool {
        self.offer.as_ref().is_some_and(|o| !o.candidates.is_empty())
    }

    pub(super) fn step(&mut self, by: isize) {
        if let Some(offer) = &mut self.offer {
            let last = offer.candidates.len().saturating_sub(1);
            offer.selected = offer.selected.saturating_add_signed(by).min(last);
            self.moved = true;
        }
    }

    /// Chooses a row of the list.
    pub(super) fn choose(&mut self, field: &mut Field, row: usize) {
        if let Some(offer) = self.offer.as_mut().filter(|o| row < o.candidates.len()) {
            offer.selected = row;
            self.take(field);
        }
    }

    /// Writes the chosen candidate.
    fn take(&mut self, field: &mut Field) {
        let found = context(field.text(), field.cursor());
        let chosen = self.offer.as_ref().and_then(|o| o.candidates.get(o.selected)).map(|c| c.insert.clone());
        if let Some(insert) = chosen {
            field.splice(found.from..found.to, &insert);
            self.offer = None;
            self.changed();
            // What was just written needs no second choice.
            self.closed = !insert.ends_with(['"', '(', ' ']);
        }
    }

    fn earlier(&mut self, field: &mut Field) {
        let at = self.past.as_ref().map_or(self.history.len(), |(at, _)| *at);
        let Some(place) = at.checked_sub(1) else { return };
        let draft = self.past.take().map_or_else(|| field.text().to_owned(), |(_, draft)| draft);
        *field = Field::new(&self.history[place]);
        self.past = Some((place, draft));
        self.closed = true;
    }

    fn later(&mut self, field: &mut Field) {
        let Some((at, draft)) = self.past.take() else { return };
        match self.history.get(at + 1) {
            Some(next) => {
                *field = Field::new(next);
                self.past = Some((at + 1, draft));
            }
            None => *field = Field::new(&draft),
        }
        self.closed = true;
    }

    /// The place that completion is about, while it is wanted.
    pub(super) fn wanted(&self, field: &Field) -> Option<Context> {
        if !self.typing || self.closed {
            return None;
        }
        let found = context(field.text(), field.cursor());
        let at_once = matches!(found.what, What::Label { .. } | What::Value { quote: Some(_), .. } | What::QuotedName { .. });
        (self.forced || at_once || !found.typed.is_empty()).then_some(found)
    }

    /// What the server is to be asked for it.
    pub(super) fn question(&self, field: &Field, look: &Look<'_>) -> Option<Request> {
        question(&self.wanted(field)?.what, look.scope.window)
    }

    /// Works the list out anew; the selection stays in its row.
    pub(super) fn suggest(&mut self, field: &Field, catalog: &Catalog, look: &Look<'_>) {
        let Some(found) = self.wanted(field) else {
            self.offer = None;
            return;
        };
        let told = question(&found.what, look.scope.window).and_then(|q| catalog.names(&q));
        let names = told.and_then(|slot| slot.value());
        let scope = look.scope.service.as_deref().into_iter().chain(look.scope.matchers.iter().map(|m| m.value.as_str()));
        let (candidates, total) = candidates(&found, field.text(), names.map(|n| &**n), &scope.collect::<Vec<_>>());
        let is_written = |c: &Candidate| field.text()[found.from..found.to] == c.insert;
        let trouble = told.and_then(|slot| slot.error()).filter(|_| names.is_none()).map(|e| e.message.clone());
        if candidates.first().is_some_and(is_written) || (candidates.is_empty() && trouble.is_none()) {
            self.offer = None;
            return;
        }
        let selected = if self.moved { self.offer.as_ref().map_or(0, |o| o.selected).min(candidates.len().saturating_sub(1)) } else { 0 };
        let cut = names.is_some_and(|n| n.cut);
        self.offer = Some(Offer { candidates, total, cut, selected, trouble });
    }
}
