//! The text of a query as it is typed: its field, and the same in tokens.

use super::{
    context::{Context, context},
    fault::Fault,
    lex::{Lexed, one_line},
    logql::{self, Asks},
};
use crate::{core::typed::Language, ui::field::Field};

/// Longest query, in bytes: a rule that a generator wrote has room, a pasted log has not.
pub(super) const MAX_BYTES: usize = 128 * 1024;

const NEITHER: &str = "a LogQL begins with {label=\"value\"} for lines, or with a function for numbers";

/// A query's text.
pub(in crate::views) struct Text {
    /// What it is written in.
    pub language: Language,
    field: Field,
    lexed: Lexed,
}

impl Text {
    /// A text as one line, the cursor at its end.
    pub(in crate::views) fn new(text: &str, language: Language) -> Self {
        let text = one_line(text, language);
        Self { language, field: field(&text), lexed: Lexed::new(&text, language) }
    }

    pub(in crate::views) fn as_str(&self) -> &str {
        self.field.text()
    }

    pub(in crate::views) fn field(&self) -> &Field {
        &self.field
    }

    pub(in crate::views) fn lexed(&self) -> &Lexed {
        &self.lexed
    }

    /// Changes what is typed.
    pub(in crate::views) fn change<T>(&mut self, change: impl FnOnce(&mut Field) -> T) -> T {
        let out = change(&mut self.field);
        self.lexed = Lexed::new(self.field.text(), self.language);
        out
    }

    /// Puts another text in its place, the cursor at its end.
    pub(in crate::views) fn set(&mut self, text: &str) {
        self.change(|f| *f = field(text));
    }

    /// The same text in another language.
    pub(in crate::views) fn switch(&mut self, language: Language) {
        self.language = language;
        self.lexed = Lexed::new(self.field.text(), language);
    }

    /// What is wrong with it as far as its tokens tell.
    pub(in crate::views) fn wrong(&self) -> Option<Fault> {
        self.lexed.wrong().map(|(at, words)| Fault { at: Some(at), message: words.to_owned() })
    }

    /// What is wrong with a LogQL or a TraceQL that no server need be asked for. Of PromQL the server knows best.
    pub(in crate::views) fn unfit(&self) -> Option<Fault> {
        if self.language == Language::PromQl {
            return None;
        }
        let told = |(at, message): (usize, String)| Fault { at: Some(at), message };
        let found = self.wrong().or_else(|| self.lexed.unfinished(self.as_str()).map(told));
        if found.is_some() || self.language == Language::TraceQl {
            return found;
        }
        match logql::asks(self.as_str()) {
            Asks::Neither(at) => Some(told((at, NEITHER.to_owned()))),
            Asks::Lines | Asks::Numbers => None,
        }
    }

    /// What can be written where the cursor is.
    pub(in crate::views) fn at_cursor(&self) -> Context {
        context(self.as_str(), &self.lexed.tokens, self.field.cursor(), self.language)
    }
}

fn field(text: &str) -> Field {
    Field::new(text).up_to(MAX_BYTES)
}
