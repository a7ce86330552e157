//! A condition on one field of a line, as `| pod="a-1"` says it in LogQL, answered for the lines that are here.

use std::cmp::Ordering;

use regex::Regex;

use crate::{
    log_fields::{Lookup, look_up, recognise},
    log_patterns::LineFilter,
    model::{labels::Labels, re2},
};

/// Where a line has the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Among the labels of its stream.
    Label,
    /// In its structured metadata.
    Metadata,
    /// Among either of them: no line is here that would tell.
    Unseen,
    /// In the JSON that it is.
    Json,
    /// As a `name=value` in its text.
    Logfmt,
    /// Anywhere in its text: the field has no name that a server knows.
    Text,
}

/// What a value is held against.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is the value; a text contains it.
    Is,
    /// The expression matches it as a whole; of a text any part.
    Matches(Expression),
    /// A text has the parts of a pattern.
    Fits(LineFilter),
    /// The same, where the server knows no patterns: it is asked for lines that an expression matches, which are more, and those
    /// that are to be left out are left out here.
    FitsHere(LineFilter),
    /// It is a number or a length of time that compares so.
    Compares(Order, Amount),
}

/// A regular expression as RE2 reads it.
#[derive(Clone, Debug)]
pub struct Expression(Regex);

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

impl Order {
    /// As LogQL writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
        }
    }

    /// What is true where this is not.
    #[must_use]
    pub const fn inverse(self) -> Self {
        match self {
            Self::Above => Self::AtMost,
            Self::AtLeast => Self::Below,
            Self::Below => Self::AtLeast,
            Self::AtMost => Self::Above,
        }
    }

    fn holds(self, ordering: Option<Ordering>) -> bool {
        match self {
            Self::Above => ordering == Some(Ordering::Greater),
            Self::AtLeast => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
            Self::Below => ordering == Some(Ordering::Less),
            Self::AtMost => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        }
    }
}

/// What values are compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// `500`
    Number(f64),
    /// `1.5s`, in nanoseconds.
    Time(f64),
}

impl Amount {
    /// From what was typed.
    pub fn parse(text: &str) -> Option<Self> {
        number(text).map(Self::Number).or_else(|| nanoseconds(text).map(Self::Time))
    }

    fn compare(self, value: &str) -> Option<Ordering> {
        match self {
            Self::Number(than) => number(value)?.partial_cmp(&than),
            Self::Time(than) => nanoseconds(value)?.partial_cmp(&than),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    // Words that Rust takes for numbers and Go does too, but nobody means.
    text.parse().ok().filter(|n: &f64| n.is_finite())
}

/// A length of time as Go writes it: `1h2m`, `250ms`, `-1.5s`.
fn nanoseconds(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 8] =
        [("ns", 1.0), ("us", 1e3), ("\u{b5}s", 1e3), ("\u{3bc}s", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text), |rest| (-1.0, rest));
    let mut sum = 0.0;
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (amount, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (name, after) = after.split_at(unit);
        let (_, size) = UNITS.iter().find(|(unit, _)| *unit == name)?;
        sum += amount.parse::<f64>().ok()? * size;
        (rest, parts) = (after, parts + 1);
    }
    (parts > 0).then_some(sign * sum)
}

/// A value that lines must have, or must not.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Where the value is.
    pub place: Place,
    /// The field's name as lines have it, nested ones with dots.
    pub name: String,
    /// The name by which a server is asked for it.
    pub label: String,
    /// Where a server finds it in the text, for [`Place::Json`] and [`Place::Logfmt`].
    pub path: String,
    /// The value, the expression or the amount as it is written.
    pub value: String,
    /// How it is held against a line's.
    pub test: Test,
    /// Whether lines that pass the test are kept, or left out.
    pub keep: bool,
    /// It is not applied for the moment.
    pub off: bool,
}

impl Condition {
    /// A field that has exactly this value.
    pub fn is(place: Place, name: &str, label: String, value: &str, keep: bool) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        Self { place, name, label, path: String::new(), value, test: Test::Is, keep, off: false }
    }

    /// A text that lines contain.
    pub fn text(value: &str, keep: bool) -> Self {
        Self::is(Place::Text, "", String::new(), value, keep)
    }

    /// An expression that matches a part of the line.
    ///
    /// # Errors
    /// Why it is none.
    pub fn expression(value: &str, keep: bool) -> Result<Self, String> {
        Ok(Self { test: Test::Matches(Expression(re2::compile(value)?)), ..Self::text(value, keep) })
    }

    /// A pattern of the line: texts in their order with something between them.
    ///
    /// # Errors
    /// Why it is none.
    pub fn pattern(value: &str, keep: bool) -> Result<Self, String> {
        Ok(Self { test: Test::Fits(LineFilter::parse(value)?), ..Self::text(value, keep) })
    }

    /// The same where a server knows no patterns.
    #[must_use]
    pub fn without_pattern(&self) -> Self {
        match &self.test {
            Test::Fits(filter) => Self { test: Test::FitsHere(filter.clone()), ..self.clone() },
            _ => self.clone(),
        }
    }

    /// The same of another test.
    ///
    /// # Errors
    /// Why the expression is none.
    pub fn matching(self, value: &str, keep: bool) -> Result<Self, String> {
        Ok(Self { value: value.to_owned(), test: Test::Matches(Expression(re2::compile_anchored(value)?)), keep, ..self })
    }

    /// What leaves out what this keeps. A number that is not above is below: neither keeps lines without one.
    #[must_use]
    pub fn inverted(&self) -> Self {
        match &self.test {
            Test::Compares(order, amount) => Self { test: Test::Compares(order.inverse(), *amount), ..self.clone() },
            Test::Is | Test::Matches(_) | Test::Fits(_) | Test::FitsHere(_) => Self { keep: !self.keep, ..self.clone() },
        }
    }

    /// Whether a line passes.
    pub(super) fn passes<'a>(&self, stream: Option<&Labels>, mut metadata: impl Iterator<Item = (&'a str, &'a str)>, text: &str) -> bool {
        let of_stream = || stream.and_then(|s| s.get(&self.name));
        let has = match self.place {
            _ if self.off => return true,
            Place::Label => self.has(of_stream()),
            Place::Metadata => self.has(metadata.find(|(n, _)| *n == self.name).map(|(_, v)| v)),
            Place::Unseen => self.has(metadata.find(|(n, _)| *n == self.name).map(|(_, v)| v).or_else(of_stream)),
            Place::Text => match &self.test {
                Test::Matches(expression) => expression.0.is_match(text),
                Test::Fits(filter) | Test::FitsHere(filter) => filter.passes(text),
                Test::Is | Test::Compares(..) => text.contains(&self.value),
            },
            Place::Json | Place::Logfmt => self.is_in(text),
        };
        has == self.keep
    }

    /// Whether a value passes the test. A server takes a field that is not there for an empty one, and not for a number.
    fn has(&self, value: Option<&str>) -> bool {
        match &self.test {
            Test::Is => value.unwrap_or_default() == self.value,
            Test::Matches(expression) => expression.0.is_match(value.unwrap_or_default()),
            Test::Fits(filter) | Test::FitsHere(filter) => filter.passes(value.unwrap_or_default()),
            Test::Compares(order, amount) => value.is_some_and(|v| order.holds(amount.compare(v))),
        }
    }

    /// Most lines have nothing like the value in them, or are plain, and need not be taken apart.
    fn is_in(&self, text: &str) -> bool {
        let rare = match self.test {
            Test::Is => plain_part(&self.value),
            Test::Matches(_) | Test::Fits(_) | Test::FitsHere(_) | Test::Compares(..) => "",
        };
        // A server takes a line apart by the one parser that it is told.
        let is_json = text.trim_start().starts_with('{');
        if is_json != (self.place == Place::Json) || !text.contains(rare) {
            return self.has(None);
        }
        match look_up(text, &self.name) {
            Lookup::Value(value) => self.has(Some(value)),
            Lookup::Missing => self.has(None),
            Lookup::Unsure => {
                let record = recognise(text);
                let value = record.fields.iter().find(|(n, _)| *n == self.name).map(|(_, v)| v.as_str());
                self.has(value)
            }
        }
    }
}

/// The longest part of a value that is written the same whatever quotes are around it.
pub fn plain_part(value: &str) -> &str {
    let is_escaped = |c: char| matches!(c, '"' | '\\' | '/' | '<' | '>' | '&') || c.is_control() || !c.is_ascii();
    value.split(is_escaped).max_by_key(|part| part.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(place: Place, name: &str, value: &str) -> Condition {
        Condition::is(place, name, name.to_owned(), value, true)
    }

    fn passes(condition: &Condition, text: &str) -> bool {
        let stream: Labels = [("pod", "a-1")].into_iter().collect();
        let metadata = || [("user", "ana"), ("took", "1.5s")].into_iter();
        condition.passes(Some(&stream), metadata(), text)
    }

    #[test]
    fn a_value_is_found_where_it_is_and_nowhere_else() {
        use Place::{Json, Label, Logfmt, Metadata, Text, Unseen};
        for (place, name, value, text, expected) in [
            (Label, "pod", "a-1", "", true),
            (Label, "pod", "a", "pod=a", false),
            (Label, "user", "ana", "", false),
            (Metadata, "user", "ana", "", true),
            (Metadata, "pod", "a-1", "", false),
            (Unseen, "pod", "a-1", "", true),
            (Unseen, "user", "ana", "", true),
            (Unseen, "other", "ana", "", false),
            (Json, "http.route", "/a", r#"{"http":{"route":"/a"}}"#, true),
            (Json, "http.route", "/a", r#"{"http":{"route":"\/a"}}"#, true),
            (Json, "http.route", "/a", r#"{"http":{"route":"/ab"}}"#, false),
            (Json, "other", "/a", r#"{"http":{"route":"/a"}}"#, false),
            (Json, "n\u{e4}me", "a", r#"{"n\u00e4me":"a"}"#, true),
            (Json, "what", "say \"\u{e9}\"", r#"{"what":"say \"\u00e9\""}"#, true),
            (Json, "other", "", r#"{"what":"x"}"#, true),
            (Logfmt, "pool", "orders", "no luck pool=orders wait_ms=8", true),
            (Logfmt, "pool", "orders", "no orders pool=payments", false),
            (Logfmt, "pool", "orders", r#"{"pool":"orders"}"#, false),
            (Json, "pool", "orders", "no luck pool=orders wait_ms=8", false),
            (Text, "", "pool=o", "no luck pool=orders", true),
        ] {
            let condition = condition(place, name, value);
            let kept = passes(&condition, text);
            assert_eq!(kept, expected, "{place:?} {name} {value} in {text}");
            assert_ne!(kept, passes(&condition.inverted(), text), "what is not kept is left out");
            assert!(passes(&Condition { off: true, ..condition }, text), "what is off leaves all");
        }
    }

    #[test]
    fn amounts_compare_and_leave_out_what_is_none_either_way() {
        for (order, than, text, expected) in [
            (Order::AtLeast, "500", r#"{"status":500}"#, true),
            (Order::Above, "500", r#"{"status":"500"}"#, false),
            (Order::Above, "499.5", r#"{"status":500}"#, true),
            (Order::Below, "1e3", r#"{"status":500}"#, true),
            (Order::AtMost, "1s", r#"{"status":"999ms"}"#, true),
            (Order::Above, "1m", r#"{"status":"1m0.5s"}"#, true),
            (Order::Above, "1m", r#"{"status":500}"#, false),
        ] {
            let amount = Amount::parse(than).unwrap();
            let condition = Condition { test: Test::Compares(order, amount), ..condition(Place::Json, "status", than) };
            assert_eq!(passes(&condition, text), expected, "{order:?} {than} in {text}");
        }
        let above = Condition { test: Test::Compares(Order::Above, Amount::Number(1.0)), ..condition(Place::Json, "status", "1") };
        for text in [r#"{"status":"many"}"#, r#"{"other":2}"#, "status=2", r#"{"status":"NaN"}"#] {
            assert!(!passes(&above, text) && !passes(&above.inverted(), text), "{text}");
        }
        let took =
            Condition { test: Test::Compares(Order::AtLeast, Amount::parse("1500ms").unwrap()), ..condition(Place::Metadata, "took", "") };
        assert!(passes(&took, "") && !passes(&took.inverted(), ""));
        assert_eq!((Amount::parse("fast"), Amount::parse(""), Amount::parse("1s5"), Amount::parse("inf")), (None, None, None, None));
    }

    #[test]
    fn expressions_match_fields_as_a_whole_and_texts_anywhere() {
        let status = |value: &str| condition(Place::Json, "status", "").matching(value, true).unwrap();
        let text = r#"{"status":500,"msg":"out of luck"}"#;
        assert!(passes(&status("5.."), text) && !passes(&status("5"), text) && passes(&status("5|500"), text));
        assert!(passes(&status("5.*|"), r#"{"msg":"x"}"#), "a field that is not there is empty");
        let anywhere = |value: &str| passes(&Condition::expression(value, true).unwrap(), text);
        assert!(anywhere("(?i)OUT .f") && !anywhere("^out") && anywhere(r"\d{3}"));
        assert!(Condition::expression("(", true).is_err() && condition(Place::Json, "a", "").matching("(", true).is_err());
    }
}
