//! Typing a query: keys, what was asked before, and the list of what can come next.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    catalog::{Catalog, question},
    complete::{Candidate, candidates},
    context::{Context, What, context},
    lex::one_line,
    row::{MAX_BYTES, Query as Row, field},
};
use crate::{
    core::request::Request,
    ui::{field::Typed, format},
    views::Look,
};

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

/// The state of typing; the text itself is the row's, and what was asked before is the app's.
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
    /// Where in the history the user is, and what was typed before going there.
    past: Option<(usize, String)>,
}

impl Editor {
    /// Begins to type.
    pub(super) fn open(&mut self) {
        *self = Self { typing: true, ..Self::default() };
    }

    /// Ends it.
    pub(super) fn close(&mut self) {
        *self = Self::default();
    }

    pub(super) fn key(&mut self, row: &mut Row, history: &[String], key: KeyEvent) -> Edited {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match (key.code, ctrl) {
            (KeyCode::Char(' '), true) | (KeyCode::Null, _) => self.force(),
            (KeyCode::Char('p'), true) => self.earlier(row, history),
            (KeyCode::Char('n'), true) => self.later(row, history),
            (KeyCode::Up, _) if self.is_offering() => self.step(-1),
            (KeyCode::Down, _) if self.is_offering() => self.step(1),
            (KeyCode::Up, _) => self.earlier(row, history),
            (KeyCode::Down, _) => self.later(row, history),
            (KeyCode::Tab, _) if self.is_offering() => self.take(row),
            (KeyCode::Tab, _) => return Edited::Next,
            (KeyCode::BackTab, _) => return Edited::Previous,
            (KeyCode::Enter, _) if self.moved && self.is_offering() => self.take(row),
            (KeyCode::Esc, _) if self.is_offering() => {
                self.offer = None;
                self.closed = true;
            }
            _ => return self.typed(row, key),
        }
        Edited::Changed
    }

    fn typed(&mut self, row: &mut Row, key: KeyEvent) -> Edited {
        match row.change(|f| f.key(key)) {
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
    ///
    /// # Errors
    /// When it is longer than a query may be: a part of it would be another query.
    pub(super) fn paste(&mut self, row: &mut Row, text: &str) -> Result<(), String> {
        let line = one_line(text);
        // What begins with a blank goes on after what is there already.
        let apart = text.starts_with(char::is_whitespace) && row.field().cursor() > 0 && !line.is_empty();
        let line = if apart { format!(" {line}") } else { line };
        if !row.field().takes(line.len()) {
            let (size, most) = (format::bytes(line.len() as f64), format::bytes(MAX_BYTES as f64));
            return Err(format!("not pasted: it is {size}, and a query has room for {most}"));
        }
        row.change(|f| f.paste(&line));
        self.past = None;
        self.changed();
        self.closed = true;
        Ok(())
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
    pub(super) fn choose(&mut self, row: &mut Row, line: usize) {
        if let Some(offer) = self.offer.as_mut().filter(|o| line < o.candidates.len()) {
            offer.selected = line;
            self.take(row);
        }
    }

    /// Writes the chosen candidate.
    fn take(&mut self, row: &mut Row) {
        let found = at_cursor(row);
        let chosen = self.offer.as_ref().and_then(|o| o.candidates.get(o.selected)).map(|c| c.insert.clone());
        if let Some(insert) = chosen {
            row.change(|f| f.splice(found.from..found.to, &insert));
            self.offer = None;
            self.changed();
            // What was just written needs no second choice.
            self.closed = !insert.ends_with(['"', '(', ' ']);
        }
    }

    fn earlier(&mut self, row: &mut Row, history: &[String]) {
        let at = self.past.as_ref().map_or(history.len(), |(at, _)| *at);
        let Some(before) = history[..at.min(history.len())].iter().rposition(|old| old != row.field().text()) else { return };
        let draft = self.past.take().map_or_else(|| row.field().text().to_owned(), |(_, draft)| draft);
        row.change(|f| *f = field(&history[before]));
        self.past = Some((before, draft));
        self.closed = true;
    }

    fn later(&mut self, row: &mut Row, history: &[String]) {
        let Some((at, draft)) = self.past.take() else { return };
        match history.get(at + 1) {
            Some(next) => {
                row.change(|f| *f = field(next));
                self.past = Some((at + 1, draft));
            }
            None => row.change(|f| *f = field(&draft)),
        }
        self.closed = true;
    }

    /// The place that completion is about, while it is wanted.
    pub(super) fn wanted(&self, row: &Row) -> Option<Context> {
        if !self.typing || self.closed {
            return None;
        }
        let found = at_cursor(row);
        let at_once = matches!(found.what, What::Label { .. } | What::Value { quote: Some(_), .. } | What::QuotedName { .. });
        (self.forced || at_once || !found.typed.is_empty()).then_some(found)
    }

    /// What the server is to be asked for it.
    pub(super) fn question(&self, row: &Row, look: &Look<'_>) -> Option<Request> {
        question(&self.wanted(row)?.what, look.scope.window)
    }

    /// Works the list out anew; the selection stays in its row.
    pub(super) fn suggest(&mut self, row: &Row, catalog: &Catalog, look: &Look<'_>) {
        let Some(found) = self.wanted(row) else {
            self.offer = None;
            return;
        };
        let text = row.field().text();
        let told = question(&found.what, look.scope.window).and_then(|q| catalog.names(&q));
        let names = told.and_then(|slot| slot.value());
        let scope = look.scope.service.as_deref().into_iter().chain(look.scope.matchers.iter().map(|m| m.value.as_str()));
        let (candidates, total) = candidates(&found, text, names.map(|n| &**n), &scope.collect::<Vec<_>>());
        let is_written = |c: &Candidate| text[found.from..found.to] == c.insert;
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

/// What can be written where a row's cursor is.
pub(super) fn at_cursor(row: &Row) -> Context {
    context(row.field().text(), &row.lexed().tokens, row.field().cursor())
}
