//! Typing a query, of either language and on any page: keys, what was asked before, and the list of what can come next.

pub(super) mod bar;
pub(super) mod catalog;
mod complete;
pub mod context;
pub(super) mod fault;
mod insert;
pub mod lex;
pub(super) mod line;
pub mod logql;
mod logql_words;
mod place;
pub(super) mod popup;
mod seen;
mod text;
pub(super) mod traceql;
mod traceql_words;
pub mod words;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use self::{
    catalog::{Catalog, question},
    complete::{Candidate, Known, candidates},
    context::{Context, What},
    lex::one_line,
    text::MAX_BYTES,
};
pub(super) use self::{seen::Seen, text::Text};
use crate::{
    core::request::Request,
    ui::{field::Typed, format},
    views::{Look, TypingKey},
};

/// The list under the text.
#[derive(Debug, Default)]
pub(in crate::views) struct Offer {
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
pub(in crate::views) enum Edited {
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

/// The state of typing; the text itself is the page's, and what was asked before is the app's.
#[derive(Default)]
pub(in crate::views) struct Editor {
    pub typing: bool,
    pub offer: Option<Offer>,
    /// The user chose in the list: `Enter` takes it.
    moved: bool,
    /// The user closed the list: it stays closed until something is typed.
    closed: bool,
    /// The user wants the list, where nothing is typed as well.
    forced: bool,
    /// Something was typed: of the history what has it in it is wanted.
    searches: bool,
    /// Where in the history the user is, and what was typed before going there.
    past: Option<(usize, String)>,
}

impl Editor {
    /// Begins to type.
    pub(in crate::views) fn open(&mut self) {
        *self = Self { typing: true, ..Self::default() };
    }

    /// Begins to type at a text that is there: the list comes with what is typed, and the arrows go through what was asked.
    pub(in crate::views) fn open_at(&mut self, text: &Text) {
        self.open();
        self.closed = !text.as_str().is_empty();
    }

    /// Ends it.
    pub(in crate::views) fn close(&mut self) {
        *self = Self::default();
    }

    pub(in crate::views) fn key(&mut self, text: &mut Text, history: &[String], key: KeyEvent) -> Edited {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match (key.code, ctrl) {
            (KeyCode::Char(' '), true) | (KeyCode::Null, _) => self.force(),
            (KeyCode::Char('p'), true) => self.earlier(text, history),
            (KeyCode::Char('n'), true) => self.later(text, history),
            (KeyCode::Up, _) if self.is_offering() => self.step(-1),
            (KeyCode::Down, _) if self.is_offering() => self.step(1),
            (KeyCode::Up, _) => self.earlier(text, history),
            (KeyCode::Down, _) => self.later(text, history),
            (KeyCode::Tab, _) if self.is_offering() => self.take(text),
            (KeyCode::Tab, _) => return Edited::Next,
            (KeyCode::BackTab, _) => return Edited::Previous,
            (KeyCode::Enter, _) if self.moved && self.is_offering() => self.take(text),
            (KeyCode::Esc, _) if self.is_offering() => {
                self.offer = None;
                self.closed = true;
            }
            _ => return self.typed(text, key),
        }
        Edited::Changed
    }

    fn typed(&mut self, text: &mut Text, key: KeyEvent) -> Edited {
        match text.change(|f| f.key(key)) {
            Typed::Accepted => return Edited::Accepted,
            Typed::Cancelled => return Edited::Left,
            Typed::Changed => {
                self.past = None;
                self.searches = true;
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
    pub(in crate::views) fn paste(&mut self, text: &mut Text, pasted: &str) -> Result<(), String> {
        let line = one_line(pasted, text.language);
        // What begins with a blank goes on after what is there already.
        let apart = pasted.starts_with(char::is_whitespace) && text.field().cursor() > 0 && !line.is_empty();
        let line = if apart { format!(" {line}") } else { line };
        if !text.field().takes(line.len()) {
            let (size, most) = (format::bytes(line.len() as f64), format::bytes(MAX_BYTES as f64));
            return Err(format!("not pasted: it is {size}, and a query has room for {most}"));
        }
        text.change(|f| f.paste(&line));
        self.past = None;
        self.changed();
        self.closed = true;
        Ok(())
    }

    fn changed(&mut self) {
        (self.closed, self.forced, self.moved) = (false, false, false);
    }

    /// Has the list shown, where nothing is typed as well.
    pub(in crate::views) fn force(&mut self) {
        self.changed();
        self.forced = true;
    }

    fn is_offering(&self) -> bool {
        self.offer.as_ref().is_some_and(|o| !o.candidates.is_empty())
    }

    pub(in crate::views) fn step(&mut self, by: isize) {
        if let Some(offer) = &mut self.offer {
            let last = offer.candidates.len().saturating_sub(1);
            offer.selected = offer.selected.saturating_add_signed(by).min(last);
            self.moved = true;
        }
    }

    /// Chooses a row of the list.
    pub(in crate::views) fn choose(&mut self, text: &mut Text, line: usize) {
        if let Some(offer) = self.offer.as_mut().filter(|o| line < o.candidates.len()) {
            offer.selected = line;
            self.take(text);
        }
    }

    /// Writes the chosen candidate.
    fn take(&mut self, text: &mut Text) {
        let found = text.at_cursor();
        let chosen = self.offer.as_ref().and_then(|o| o.candidates.get(o.selected)).map(|c| c.insert.clone());
        if let Some(insert) = chosen {
            text.change(|f| f.splice(found.from..found.to, &insert));
            self.offer = None;
            self.changed();
            // What was just written needs no second choice.
            self.closed = !insert.ends_with(['"', '(', ' ', '{', '=']);
        }
    }

    fn earlier(&mut self, text: &mut Text, history: &[String]) {
        let at = self.past.as_ref().map_or(history.len(), |(at, _)| *at);
        let draft = self.past.as_ref().map_or(text.as_str(), |(_, draft)| draft);
        let fits = |old: &String| old != text.as_str() && (!self.searches || old.contains(draft.trim()));
        let Some(before) = history[..at.min(history.len())].iter().rposition(fits) else { return };
        let draft = self.past.take().map_or_else(|| text.as_str().to_owned(), |(_, draft)| draft);
        text.set(&history[before]);
        self.past = Some((before, draft));
        self.closed = true;
    }

    fn later(&mut self, text: &mut Text, history: &[String]) {
        let Some((at, draft)) = self.past.take() else { return };
        match history.iter().enumerate().skip(at + 1).find(|(_, old)| !self.searches || old.contains(draft.trim())) {
            Some((next, old)) => {
                text.set(old);
                self.past = Some((next, draft));
            }
            None => text.set(&draft),
        }
        self.closed = true;
    }

    /// The place that completion is about, while it is wanted.
    pub(in crate::views) fn wanted(&self, text: &Text) -> Option<Context> {
        if !self.typing || self.closed {
            return None;
        }
        let found = text.at_cursor();
        let at_once = match &found.what {
            What::Label { .. } | What::QuotedName { .. } | What::Field { .. } | What::Attribute { .. } | What::AttributeValue { .. } => {
                true
            }
            what => what.value().is_some_and(|(_, quote)| quote.is_some()),
        };
        (self.forced || at_once || !found.typed.is_empty()).then_some(found)
    }

    /// What the server is to be asked for it.
    pub(in crate::views) fn question(&self, text: &Text, look: &Look<'_>) -> Option<Request> {
        question(&self.wanted(text)?.what, text.language, look.scope.window)
    }

    /// The keys that mean something now; `leave` is what ending to type comes to.
    pub(in crate::views) fn keys(&self, leave: &'static str) -> Vec<TypingKey> {
        let key = |code, words| TypingKey { key: KeyEvent::from(code), words };
        let ask = key(KeyCode::Enter, "ask");
        if self.offer.is_some() {
            return vec![key(KeyCode::Tab, "take it"), key(KeyCode::Down, "next"), ask, key(KeyCode::Esc, "no list")];
        }
        let fits = TypingKey { key: KeyEvent::new(KeyCode::Char(' '), KeyModifiers::CONTROL), words: "what fits" };
        vec![ask, fits, key(KeyCode::Up, "asked before"), key(KeyCode::Esc, leave)]
    }

    /// Works the list out anew; the selection stays in its row.
    pub(in crate::views) fn suggest(&mut self, text: &Text, catalog: &Catalog, seen: &Seen, look: &Look<'_>) {
        let Some(found) = self.wanted(text) else {
            self.offer = None;
            return;
        };
        let line = text.as_str();
        let told = question(&found.what, text.language, look.scope.window).and_then(|q| catalog.names(&q));
        let names = told.and_then(|slot| slot.value());
        let scope = look.scope.service.as_deref().into_iter().chain(look.scope.matchers.iter().map(|m| m.value.as_str()));
        let known = Known { told: names.map(|n| &**n), seen: seen.of(&found.what), preferred: scope.collect() };
        let (candidates, total) = candidates(&found, line, text.language, &known);
        let is_written = |c: &Candidate| line[found.from..found.to] == *c.insert.trim_end();
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
