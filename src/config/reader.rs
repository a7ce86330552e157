//! Reads TOML by hand, so that every problem is found in one go and each has its line, column and advice.

use std::{cell::RefCell, ops::Range, ops::RangeInclusive, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Place,
    problem::{Problem, nearest},
};
use crate::time_input::parse_duration;

/// Collects what is wrong in one file.
pub struct Reader<'t> {
    file: String,
    text: &'t str,
    /// What keeps redline from starting.
    errors: RefCell<Vec<Problem>>,
    /// What is only said, and then left out.
    warnings: RefCell<Vec<Problem>>,
    /// Every key that was asked for, so that a test can compare them with the default file.
    #[cfg(test)]
    pub asked: RefCell<std::collections::BTreeSet<&'static str>>,
}

impl<'t> Reader<'t> {
    /// A reader of `text`, called `file` in messages.
    pub fn new(file: impl Into<String>, text: &'t str) -> Self {
        Self {
            file: file.into(),
            text,
            errors: RefCell::default(),
            warnings: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    /// Parses the text; `None` when it is not TOML: all syntax errors are collected, and no more can be said.
    pub fn parse(&self) -> Option<Spanned<DeTable<'t>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        let good = errors.is_empty();
        for error in errors {
            // Only toml's words, never its excerpt of the file: the line may hold a secret.
            let at = error.span().map(|s| self.line_column(s.start));
            let message = format!("not TOML: {}", error.message().lines().collect::<Vec<_>>().join(", "));
            let duplicate = error.message().contains("duplicate");
            let advice = if duplicate { "Keep one of them." } else { "Strings are in quotes, tables in [brackets]." }.to_owned();
            self.errors.borrow_mut().push(Problem { file: self.file.clone(), at, message, advice });
        }
        good.then_some(table)
    }

    /// The outermost table of a parsed text.
    pub fn root<'r>(&'r self, table: &'r Spanned<DeTable<'t>>, lenient: bool) -> Section<'r, 't> {
        Section { reader: self, path: String::new(), table: table.get_ref(), span: 0..0, known: Vec::new(), lenient }
    }

    /// Errors and warnings found, in the order of the file.
    pub fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        let (mut errors, mut warnings) = (self.errors.into_inner(), self.warnings.into_inner());
        errors.sort_by_key(|p| p.at);
        warnings.sort_by_key(|p| p.at);
        (errors, warnings)
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    fn report(&self, lenient: bool, span: &Range<usize>, message: String, advice: String) {
        let problem = Problem { file: self.file.clone(), at: Some(self.line_column(span.start)), message, advice };
        let list = if lenient { &self.warnings } else { &self.errors };
        list.borrow_mut().push(problem);
    }
}

/// One table, read key by key; what was never asked for is unknown.
pub struct Section<'r, 't> {
    reader: &'r Reader<'t>,
    path: String,
    table: &'r DeTable<'t>,
    span: Range<usize>,
    known: Vec<&'static str>,
    lenient: bool,
}

impl<'r, 't> Section<'r, 't> {
    /// The value of a key.
    pub fn item(&mut self, key: &'static str) -> Option<Item<'r, 't>> {
        self.known.push(key);
        #[cfg(test)]
        self.reader.asked.borrow_mut().insert(key);
        self.table.get_key_value(key).map(|(_, value)| self.wrap(key, value))
    }

    /// Puts the value of a key into its place when it is there and right.
    pub fn set<T>(&mut self, key: &'static str, place: &mut T, read: impl FnOnce(&Item<'r, 't>) -> Option<T>) {
        if let Some(value) = self.item(key).and_then(|item| read(&item)) {
            *place = value;
        }
    }

    /// The table of a key.
    pub fn section(&mut self, key: &'static str) -> Option<Section<'r, 't>> {
        self.item(key)?.section()
    }

    /// All keys with their values, for tables whose keys the user chooses.
    pub fn entries(&self) -> Vec<(&'r str, Item<'r, 't>)> {
        self.table.iter().map(|(key, value)| (key.get_ref().as_ref(), self.wrap(key.get_ref(), value))).collect()
    }

    /// Its path, as in `environments.prod.loki`; empty for the file itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Reports a problem of the section as a whole.
    pub fn wrong(&self, message: impl Into<String>, advice: impl Into<String>) {
        self.reader.report(self.lenient, &self.span, message.into(), advice.into());
    }

    /// Whether it has a key that was not asked for, which may be a slip for one that is missing.
    pub fn has_unknown(&self) -> bool {
        self.table.keys().any(|key| !self.known.contains(&key.get_ref().as_ref()))
    }

    /// Reports every key that was not asked for.
    pub fn finish(self) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if self.known.contains(&name) {
                continue;
            }
            let place = if self.path.is_empty() { "at the top level".to_owned() } else { format!("in [{}]", self.path) };
            let advice = match nearest(name, self.known.iter().copied()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("Known here: {}.", self.known.join(", ")),
            };
            self.reader.report(self.lenient, &key.span(), format!("unknown key `{name}` {place}"), advice);
        }
    }

    fn wrap(&self, key: &str, value: &'r Spanned<DeValue<'t>>) -> Item<'r, 't> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Item { reader: self.reader, path, value, lenient: self.lenient }
    }
}

/// One value with its place in the file.
pub struct Item<'r, 't> {
    reader: &'r Reader<'t>,
    path: String,
    value: &'r Spanned<DeValue<'t>>,
    lenient: bool,
}

impl<'r, 't> Item<'r, 't> {
    /// Its path, as in `environments.prod.loki.url`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where it is written.
    pub fn place(&self) -> Place {
        Place { file: self.reader.file.clone(), at: self.reader.line_column(self.value.span().start) }
    }

    /// Makes its problems warnings.
    pub fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Reports a problem of this value.
    pub fn wrong(&self, message: impl Into<String>, advice: impl Into<String>) {
        self.reader.report(self.lenient, &self.value.span(), message.into(), advice.into());
    }

    /// A string, without a complaint when it is something else.
    pub fn as_str(&self) -> Option<&'r str> {
        self.value.get_ref().as_str()
    }

    /// Whether it is a table.
    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// A string.
    pub fn string(&self) -> Option<String> {
        self.typed("a string", DeValue::as_str).map(str::to_owned)
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        self.typed("true or false", DeValue::as_bool)
    }

    /// A whole number within limits.
    pub fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let number = self.typed("a whole number", DeValue::as_integer)?;
        let value = u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| range.contains(n));
        if value.is_none() {
            self.wrong(format!("`{}` is out of range", self.path), format!("Write a number from {} to {}.", range.start(), range.end()));
        }
        value
    }

    /// A number within limits.
    pub fn number(&self, range: RangeInclusive<f64>) -> Option<f64> {
        let text = self.typed("a number", |v| match v {
            DeValue::Float(f) => Some(f.as_str()),
            DeValue::Integer(i) if i.radix() == 10 => Some(i.as_str()),
            _ => None,
        })?;
        let value = text.parse().ok().filter(|n| range.contains(n));
        if value.is_none() {
            self.wrong(format!("`{}` is out of range", self.path), format!("Write a number from {} to {}.", range.start(), range.end()));
        }
        value
    }

    /// A length of time like `"30s"`, within limits.
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let text = self.typed("a length of time like \"30s\"", DeValue::as_str)?;
        let value = parse_duration(text);
        match value {
            None => self.wrong(format!("`{}` is not a length of time", self.path), "Write a number with ms, s, m, h or d, like \"30s\"."),
            Some(d) if !range.contains(&d) => {
                self.wrong(
                    format!("`{}` is out of range", self.path),
                    format!("Write a length of time from {:?} to {:?}.", range.start(), range.end()),
                );
            }
            Some(d) => return Some(d),
        }
        None
    }

    /// One of some words.
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.typed("a string", DeValue::as_str)?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            self.wrong(format!("`{}` has no value \"{text}\"", self.path), format!("Write {}.", names.join(" or ")));
        }
        found
    }

    /// A list of strings.
    pub fn strings(&self) -> Option<Vec<String>> {
        let items = self.items("a list of strings like [\"a\", \"b\"]")?;
        items.iter().map(|item| item.string()).collect()
    }

    /// The elements of a list.
    pub fn items(&self, want: &str) -> Option<Vec<Item<'r, 't>>> {
        let list = self.typed(want, DeValue::as_array)?;
        Some(list.iter().map(|value| Item { reader: self.reader, path: self.path.clone(), value, lenient: self.lenient }).collect())
    }

    /// A table.
    pub fn section(&self) -> Option<Section<'r, 't>> {
        let table = self.typed("a table", DeValue::as_table)?;
        let (reader, path, span) = (self.reader, self.path.clone(), self.value.span());
        Some(Section { reader, path, table, span, known: Vec::new(), lenient: self.lenient })
    }

    fn typed<T>(&self, want: &str, read: impl FnOnce(&'r DeValue<'t>) -> Option<T>) -> Option<T> {
        let value = self.value.get_ref();
        let read = read(value);
        if read.is_none() {
            self.wrong(format!("`{}` is {}", self.path, with_article(value.type_str())), format!("Write {want}."));
        }
        read
    }
}

fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {noun}")
}
