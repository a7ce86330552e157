//! A local filter, typed after `/`: words and conditions on labels, all of which must hold.

use crossterm::event::KeyEvent;
use regex::Regex;

use super::prompt::Prompt;
use crate::{
    model::labels::{Labels, MatchOp},
    ui::field::Typed,
};

/// What can be typed, for the one who begins to.
const FORMS: &str = "word   label=value   label!=value   label=~regex   label!~regex";

/// A filter and its text field.
#[derive(Debug)]
pub struct Filter {
    prompt: Prompt,
    typing: bool,
    terms: Vec<Term>,
    error: Option<String>,
}

#[derive(Debug)]
enum Term {
    /// Appears anywhere, in any case.
    Word(Word),
    /// A condition on a label; a missing label is empty, as in PromQL.
    Label { name: String, op: MatchOp, value: String, regex: Option<Regex> },
}

/// A word that is looked for in any case.
#[derive(Debug)]
enum Word {
    /// Most are; at each key they are looked for in all labels of all rows.
    Ascii(Vec<u8>),
    Other(Regex),
}

impl Word {
    fn new(word: &str) -> Result<Self, String> {
        if word.is_ascii() {
            return Ok(Self::Ascii(word.as_bytes().to_owned()));
        }
        Regex::new(&format!("(?i){}", regex::escape(word))).map(Self::Other).map_err(|_| "the word is too long to look for".to_owned())
    }

    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::Ascii(word) => {
                let Some(first) = word.first() else { return true };
                let text = text.as_bytes();
                // Most texts are too short to have it, or have it nowhere.
                let Some(last) = text.len().checked_sub(word.len()) else { return false };
                memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), &text[..=last])
                    .any(|at| text[at..at + word.len()].eq_ignore_ascii_case(word))
            }
            Self::Other(word) => word.is_match(text),
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self { prompt: Prompt::new("/", "", FORMS), typing: false, terms: Vec::new(), error: None }
    }
}

impl Filter {
    /// Begins to type.
    pub fn open(&mut self) {
        self.typing = true;
    }

    /// Whether keys are its text.
    pub fn is_typing(&self) -> bool {
        self.typing
    }

    /// Takes a key: `Enter` keeps the filter, `Esc` removes it. Returns whether what is filtered changed.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        match self.prompt.key(key) {
            Typed::Changed => {}
            Typed::Accepted => {
                self.typing = false;
                return false;
            }
            Typed::Cancelled => *self = Self::default(),
            Typed::Ignored => return false,
        }
        self.parse();
        true
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        self.prompt.paste(text);
        self.parse();
    }

    /// What takes the footer's place while it is typed.
    pub fn prompt(&self) -> Option<&Prompt> {
        self.typing.then_some(&self.prompt)
    }

    /// Whether it leaves everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Its text, or what is wrong with it, for the pane's title.
    pub fn note(&self) -> Option<String> {
        match &self.error {
            Some(error) => Some(error.clone()),
            None => (!self.is_empty()).then(|| format!("/{}", self.prompt.text().trim())),
        }
    }

    /// Whether a row passes: its labels and the other texts that words are looked for in.
    pub fn passes<'a>(&self, labels: &'a Labels, texts: impl Iterator<Item = &'a str> + Clone) -> bool {
        self.passes_with(labels, |_| None, texts)
    }

    /// The same, where `known` tells what a label means that the row does not have.
    pub fn passes_with<'a>(
        &self,
        labels: &'a Labels,
        known: impl Fn(&str) -> Option<&'a str>,
        texts: impl Iterator<Item = &'a str> + Clone,
    ) -> bool {
        self.terms.iter().all(|term| match term {
            Term::Word(word) => {
                let values = labels.iter().map(|(_, value)| value);
                values.chain(texts.clone()).any(|text| word.is_in(text))
            }
            Term::Label { name, op, value, regex } => {
                let actual = labels.get(name).or_else(|| known(name)).unwrap_or("");
                let matches = regex.as_ref().map_or(actual == value, |r| r.is_match(actual));
                matches == matches!(op, MatchOp::Equal | MatchOp::Regex)
            }
        })
    }

    /// Whether a row passes of which only this label is known.
    pub fn passes_one(&self, label: &str, value: &str) -> bool {
        self.passes(&[(label, value)].into_iter().collect(), std::iter::empty())
    }

    fn parse(&mut self) {
        self.error = None;
        self.terms = Vec::new();
        for word in words(self.prompt.text()) {
            match term(&word) {
                Ok(term) => self.terms.push(term),
                Err(error) => self.error = Some(error),
            }
        }
    }
}

/// What is apart by blanks; those between double quotes belong to their word.
fn words(text: &str) -> Vec<String> {
    let (mut out, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in text.chars() {
        quoted ^= c == '"';
        if c.is_whitespace() && !quoted {
            out.push(std::mem::take(&mut word));
        } else {
            word.push(c);
        }
    }
    out.push(word);
    out.retain(|w| !w.is_empty());
    out
}

fn term(word: &str) -> Result<Term, String> {
    let operators = [("!=", MatchOp::NotEqual), ("!~", MatchOp::NotRegex), ("=~", MatchOp::Regex), ("=", MatchOp::Equal)];
    let found = operators.iter().filter_map(|(text, op)| word.find(text).map(|at| (at, *text, *op)));
    // The first operator in the word; of two at one place the longer one.
    let Some((at, text, op)) = found.min_by_key(|(at, text, _)| (*at, 2 - text.len())).filter(|(at, ..)| *at > 0) else {
        return Word::new(word.trim_matches('"')).map(Term::Word);
    };
    let value = word[at + text.len()..].trim_matches('"').to_owned();
    let regex = match op {
        MatchOp::Regex | MatchOp::NotRegex => {
            Some(Regex::new(&format!("^(?s:{value})$")).map_err(|_| format!("\"{value}\" is no regular expression yet"))?)
        }
        MatchOp::Equal | MatchOp::NotEqual => None,
    };
    Ok(Term::Label { name: word[..at].to_owned(), op, value, regex })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(filter: &str) -> bool {
        let labels: Labels = [("service", "orders"), ("severity", "page")].into_iter().collect();
        let mut f = Filter::default();
        f.paste(filter);
        f.passes(&labels, ["p95 above 1 s"].into_iter())
    }

    #[test]
    fn words_and_conditions_must_all_hold() {
        for (filter, expected) in [
            ("", true),
            ("ORD", true),
            ("ers", true),
            ("erss", false),
            ("orders2", false),
            ("größe", false),
            ("above", true),
            ("ord nothing", false),
            ("service=orders", true),
            ("service=\"orders\" severity!=page", false),
            ("service=~ord.*", true),
            ("service=~ord", false),
            ("service!~pay.*", true),
            ("\"p95 above\" orders", true),
            ("\"above p95\"", false),
            ("service=\"or ders\"", false),
            ("team=", true),
            ("team!=a", true),
            ("team=a", false),
            ("service=~(", true),
        ] {
            assert_eq!(passes(filter), expected, "{filter}");
        }
    }

    #[test]
    fn a_row_of_one_label_is_found_by_word_and_by_label() {
        for (filter, expected) in [("ord", true), ("service=orders", true), ("service!=orders", false), ("pay", false), ("team=a", false)] {
            let mut f = Filter::default();
            f.paste(filter);
            assert_eq!(f.passes_one("service", "orders"), expected, "{filter}");
        }
    }

    #[test]
    fn half_a_regular_expression_says_so() {
        let mut f = Filter::default();
        f.paste("service=~(");
        assert!(f.note().unwrap().contains("no regular expression"));
    }
}
