//! The tokens about the cursor, and what can be written there around and between operands.

use super::{
    context::What,
    lex::{Kind, Token},
    logql_words, words,
};
use crate::{core::typed::Language, model::labels::MatchOp};

/// A text with all its tokens, those before the word at the cursor, and that word.
pub(super) struct Place<'t> {
    pub text: &'t str,
    pub all: &'t [Token],
    pub before: &'t [Token],
    pub touched: Option<Token>,
    pub cursor: usize,
    pub language: Language,
}

impl<'t> Place<'t> {
    pub(super) fn is_text(&self) -> bool {
        matches!(self.touched, Some(Token { kind: Kind::Text { .. }, .. }))
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self.touched, Some(Token { kind: Kind::Number, .. }))
    }

    /// A token's part of the text.
    pub(super) fn of(&self, token: &Token) -> &'t str {
        token.of(self.text)
    }

    /// The same of the token at a place.
    pub(super) fn word(&self, at: usize) -> &'t str {
        self.all[at].of(self.text)
    }

    /// What is typed of the word at the cursor.
    pub(super) fn typed(&self) -> &'t str {
        self.touched.map_or("", |t| &self.text[t.start..self.cursor])
    }

    /// The quote that the text at the cursor begins with.
    pub(super) fn quote(&self) -> Option<char> {
        self.touched.filter(|_| self.is_text()).and_then(|t| t.of(self.text).chars().next())
    }

    /// The tokens from one place on up to another; of brackets among them the closing one alone.
    pub(super) fn direct(&self, from: usize, to: usize) -> Vec<usize> {
        let mut out = Vec::new();
        let mut opened = Vec::new();
        for i in from..to {
            match self.all[i].kind {
                Kind::Open => opened.push(out.len()),
                Kind::Close => {
                    out.truncate(opened.pop().unwrap_or(out.len()));
                    out.push(i);
                }
                _ => out.push(i),
            }
        }
        out
    }

    /// The bracket that one at a place closes.
    pub(super) fn opening(&self, close: usize) -> usize {
        let mut depth = 0;
        for i in (0..=close).rev() {
            match self.all[i].kind {
                Kind::Close => depth += 1,
                Kind::Open => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return i;
            }
        }
        close
    }

    pub(super) fn previous(&self) -> Option<&Token> {
        self.before.last()
    }

    pub(super) fn duration(&self) -> What {
        if self.is_text() { What::Nothing } else { What::Words(vec![words::DURATIONS]) }
    }

    /// Within braces that open at a place among the tokens before.
    pub(super) fn in_braces(&self, open: usize) -> What {
        let selector = self.selector(open);
        let (last, name) = (self.before[self.before.len() - 1], self.before.get(self.before.len().wrapping_sub(2)));
        let op = matcher_op(last.of(self.text)).filter(|_| last.kind == Kind::Operator);
        match (last.kind, op, name) {
            (Kind::Operator, Some(op), Some(name)) => {
                What::Value { label: unquoted(name.of(self.text)), selector, op, quote: self.quote() }
            }
            // Names of labels stand without quotes in LogQL.
            (Kind::Open | Kind::Comma, ..) if self.is_text() && self.language == Language::LogQl => What::Nothing,
            (Kind::Open | Kind::Comma, ..) if self.is_text() => What::QuotedName { selector },
            (Kind::Open | Kind::Comma, ..) if !self.is_number() => What::Label { selector, matcher: true, used: self.used(open) },
            (Kind::Name, ..) if !self.is_text() => What::Words(vec![words::COMPARISONS]),
            _ => What::Nothing,
        }
    }

    /// Labels that stand in the same brackets.
    pub(super) fn used(&self, open: usize) -> Vec<String> {
        let inside = self.all[open + 1..].iter().take_while(|t| t.kind != Kind::Close);
        let names = inside.filter(|t| t.kind == Kind::Name && Some(**t) != self.touched);
        names.map(|t| t.of(self.text).to_owned()).collect()
    }

    /// The selector around braces, without the matcher that the cursor is in.
    pub(super) fn selector(&self, open: usize) -> String {
        let is_metric =
            |t: &&Token| t.kind == Kind::Name && self.language == Language::PromQl && !words::is_keyword(t.of(self.text), self.language);
        let named = open.checked_sub(1).map(|i| &self.all[i]).filter(is_metric);
        let rest = &self.all[open + 1..];
        let inside = &rest[..rest.iter().position(|t| t.kind == Kind::Close).unwrap_or(rest.len())];
        let matchers = inside.split(|t| t.kind == Kind::Comma).filter_map(|part| {
            let (first, last) = (part.first()?, part.last()?);
            let holds_cursor = first.start <= self.cursor && self.cursor <= last.end;
            let is_whole = match part {
                [name] => name.kind == Kind::Text { closed: true },
                [_, op, value] => matcher_op(op.of(self.text)).is_some() && value.kind == Kind::Text { closed: true },
                _ => false,
            };
            (is_whole && !holds_cursor).then(|| &self.text[first.start..last.end])
        });
        let matchers: Vec<&str> = matchers.collect();
        let name = named.map_or("", |t| t.of(self.text));
        if matchers.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", matchers.join(",")) }
    }

    /// Labels of the operand that is grouped: the first selector after the cursor, or else the last before it.
    pub(super) fn grouping(&self, open: usize) -> What {
        if self.is_text() {
            return What::Nothing;
        }
        if self.language == Language::LogQl {
            let mut braces = (0..self.all.len()).filter(|i| self.word(*i) == "{");
            let chosen = braces.clone().find(|i| self.all[*i].start >= self.cursor).or_else(|| braces.next_back());
            return What::Field { of: chosen.map_or_else(String::new, |i| self.selector(i)), words: Vec::new(), used: self.used(open) };
        }
        let names = self.metrics();
        let chosen = names.iter().find(|i| self.all[**i].start >= self.cursor).or(names.last());
        let selector = chosen.map_or_else(String::new, |i| match self.all.get(i + 1) {
            Some(brace) if brace.of(self.text) == "{" => self.selector(i + 1),
            _ => self.all[*i].of(self.text).to_owned(),
        });
        What::Label { selector, matcher: false, used: self.used(open) }
    }

    /// The tokens that name a metric: no function, no keyword, in no braces, and no label of a grouping.
    pub(super) fn metrics(&self) -> Vec<usize> {
        let mut open = Vec::new();
        let mut out = Vec::new();
        for (i, token) in self.all.iter().enumerate() {
            let name = token.of(self.text);
            match token.kind {
                Kind::Open => open.push(i),
                Kind::Close => drop(open.pop()),
                Kind::Name if !words::is_keyword(name, self.language) && words::callable(name, self.language).is_none() => {
                    let is_operand = open.last().is_none_or(|at| self.takes_operands(*at));
                    out.extend(is_operand.then_some(i));
                }
                _ => {}
            }
        }
        out
    }

    /// Whether a bracket opens what has operands in it.
    fn takes_operands(&self, open: usize) -> bool {
        let labels = open.checked_sub(1).is_some_and(|i| words::takes_labels(self.all[i].of(self.text)));
        self.all[open].of(self.text) == "(" && !labels
    }

    pub(super) fn in_expression(&self) -> What {
        if self.is_text() {
            return What::Nothing;
        }
        let Some(previous) = self.previous() else { return self.operand() };
        let name = previous.of(self.text);
        match previous.kind {
            Kind::Operator if name == "@" => What::Words(vec![words::INSTANTS]),
            Kind::Operator => self.operand_or(&[words::MATCHINGS]),
            Kind::Open | Kind::Comma => self.operand(),
            Kind::Name if name.eq_ignore_ascii_case("offset") => self.duration(),
            Kind::Name if words::takes_labels(name) => What::Nothing,
            Kind::Name if words::is_aggregation(name, self.language) => What::Words(vec![words::GROUPINGS]),
            Kind::Name if words::is_keyword(name, self.language) => self.operand_or(&[words::MATCHINGS]),
            Kind::Close if name == ")" => self.after_parenthesis(),
            Kind::Name | Kind::Number | Kind::Close => What::Words(vec![self.operators()]),
            _ => What::Nothing,
        }
    }

    fn operators(&self) -> &'static [words::Word] {
        if self.language == Language::PromQl { words::OPERATORS } else { logql_words::OPERATORS }
    }

    fn operand(&self) -> What {
        match self.language {
            _ if self.is_number() => What::Nothing,
            Language::PromQl => What::Operand,
            Language::TraceQl => What::Nothing,
            Language::LogQl => {
                What::Words(vec![logql_words::SELECTORS, logql_words::RANGES, logql_words::AGGREGATIONS, logql_words::FUNCTIONS])
            }
        }
    }

    /// An operand, or a word that may come before it: those only once something of them is typed.
    fn operand_or(&self, others: &[&'static [words::Word]]) -> What {
        let typed = self.touched.map_or("", |t| &self.text[t.start..self.cursor]);
        let fits = others.iter().flat_map(|w| w.iter()).any(|w| typed.len() > 1 && w.name.starts_with(typed));
        if fits { What::Words(others.to_vec()) } else { self.operand() }
    }

    /// After `sum(…)` come groupings, after `on (…)` an operand, after others an operator.
    fn after_parenthesis(&self) -> What {
        let mut depth = 0;
        for (i, token) in self.before.iter().enumerate().rev() {
            match token.kind {
                Kind::Close => depth += 1,
                Kind::Open => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                let name = i.checked_sub(1).map_or("", |i| self.before[i].of(self.text));
                if words::takes_labels(name) {
                    return self.operand_or(&[words::MATCHINGS]);
                }
                let aggregates = words::is_aggregation(name, self.language);
                return What::Words(if aggregates { vec![words::GROUPINGS, self.operators()] } else { vec![self.operators()] });
            }
        }
        What::Nothing
    }
}

pub(super) fn matcher_op(text: &str) -> Option<MatchOp> {
    [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex].into_iter().find(|op| op.as_str() == text)
}

/// What a string says, or a bare name.
pub(super) fn unquoted(text: &str) -> String {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')) else { return text.to_owned() };
    let inner = text[1..].strip_suffix(quote).unwrap_or(&text[1..]);
    if quote == '`' {
        return inner.to_owned();
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => {}
            },
            (c, false) => out.push(c),
        }
    }
    out
}
