//! The fields of the form: what is typed into them, and the silence that it says.

use std::time::Duration;

use super::Subject;
use crate::{
    model::{
        labels::{MatchOp, Matcher},
        matcher_text, re2,
        silence::{MatcherSet, NewSilence, Silence, SilenceEnd, SilenceState},
        time::Timestamp,
    },
    time_input::{self, Until},
    ui::{field::Field, format},
};

/// Lengths that are one key away.
pub(super) const PRESETS: [&str; 8] = ["30m", "1h", "2h", "4h", "8h", "1d", "3d", "7d"];
/// The one that a new silence begins with.
const DEFAULT: &str = "2h";
/// What an extension adds.
const EXTENSION: Duration = Duration::from_secs(2 * 3600);

/// One of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Matcher(usize),
    End,
    Start,
    Comment,
    Author,
}

/// What is typed, and where the keys go.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) matchers: Vec<Field>,
    pub(super) end: Field,
    pub(super) start: Field,
    pub(super) comment: Field,
    pub(super) author: Field,
    pub(super) focus: Place,
}

/// What the fields say.
#[derive(Clone, Debug, Default)]
pub(super) struct Checked {
    /// What is wrong, in the order of the fields.
    pub errors: Vec<(Place, String)>,
    /// What the matchers match; `None` where one of them is none.
    pub set: Option<MatcherSet>,
    /// When it ends.
    pub end: Option<SilenceEnd>,
    /// When it begins; `None` is at once.
    pub start: Option<Timestamp>,
    /// The matchers that are some.
    pub matchers: Vec<Matcher>,
}

impl Checked {
    pub(super) fn error(&self, place: Place) -> Option<&str> {
        self.errors.iter().find(|(at, _)| *at == place).map(|(_, why)| why.as_str())
    }
}

impl Fields {
    /// Filled from what the silence is about. The comment is what is missing.
    pub(super) fn new(subject: &Subject, author: &str) -> Self {
        let matchers = subject.matchers();
        let focus = if matchers.is_empty() { Place::Matcher(0) } else { Place::Comment };
        let fields = matchers.iter().map(|m| Field::new(&m.to_string()));
        let fields: Vec<Field> = if matchers.is_empty() { vec![Field::default()] } else { fields.collect() };
        Self {
            matchers: fields,
            end: Field::new(DEFAULT),
            start: Field::new("now"),
            comment: Field::default(),
            author: Field::new(author),
            focus,
        }
    }

    /// Filled from a silence: one that is not over goes on longer, one that is begins anew.
    pub(super) fn of_silence(silence: &Silence, subject: &Subject, author: &str, offset: i32) -> Self {
        let mut fields = Self { comment: Field::new(&silence.comment), focus: Place::End, ..Self::new(subject, author) };
        if silence.state != SilenceState::Expired {
            fields.start = Field::new(&format::rfc3339(silence.starts_at));
            fields.end = Field::new(&format!("until {}", format::date_minute(silence.ends_at + EXTENSION, offset)));
        }
        fields
    }

    pub(super) fn get(&self, place: Place) -> Option<&Field> {
        Some(match place {
            Place::Matcher(i) => self.matchers.get(i)?,
            Place::End => &self.end,
            Place::Start => &self.start,
            Place::Comment => &self.comment,
            Place::Author => &self.author,
        })
    }

    pub(super) fn focused(&mut self) -> Option<&mut Field> {
        Some(match self.focus {
            Place::Matcher(i) => self.matchers.get_mut(i)?,
            Place::End => &mut self.end,
            Place::Start => &mut self.start,
            Place::Comment => &mut self.comment,
            Place::Author => &mut self.author,
        })
    }

    /// All fields, from above.
    pub(super) fn places(&self) -> Vec<Place> {
        let matchers = (0..self.matchers.len()).map(Place::Matcher);
        matchers.chain([Place::End, Place::Start, Place::Comment, Place::Author]).collect()
    }

    /// To the next field or the one before, around the ends.
    pub(super) fn step(&mut self, forward: bool) {
        let places = self.places();
        let at = places.iter().position(|p| *p == self.focus).unwrap_or(0);
        let next = if forward { at + 1 } else { at + places.len() - 1 };
        self.focus = places[next % places.len()];
    }

    /// One more matcher, after the one that has the keys.
    pub(super) fn add_matcher(&mut self) {
        let at = if let Place::Matcher(i) = self.focus { i + 1 } else { self.matchers.len() };
        self.matchers.insert(at.min(self.matchers.len()), Field::default());
        self.focus = Place::Matcher(at.min(self.matchers.len() - 1));
    }

    /// Takes the matcher away that has the keys. Returns false where none has.
    pub(super) fn remove_matcher(&mut self) -> bool {
        let Place::Matcher(i) = self.focus else { return false };
        if i < self.matchers.len() {
            self.matchers.remove(i);
        }
        if self.matchers.is_empty() {
            self.matchers.push(Field::default());
        }
        self.focus = Place::Matcher(i.min(self.matchers.len() - 1));
        true
    }

    /// Another operator for the matcher that has the keys; its value is escaped where it becomes a pattern, and becomes a
    /// text again where that is all the pattern is.
    ///
    /// # Errors
    /// Why there is none to be changed.
    pub(super) fn next_operator(&mut self) -> Result<(), String> {
        let Place::Matcher(i) = self.focus else { return Err("go to a matcher first".to_owned()) };
        let Some(field) = self.matchers.get_mut(i) else { return Ok(()) };
        let mut matcher = matcher_text::parse(field.text())?;
        matcher.op = match matcher.op {
            MatchOp::Equal => MatchOp::NotEqual,
            MatchOp::NotEqual => MatchOp::Regex,
            MatchOp::Regex => MatchOp::NotRegex,
            MatchOp::NotRegex => MatchOp::Equal,
        };
        match matcher.op {
            MatchOp::Regex => matcher.value = re2::quote_meta(&matcher.value).into(),
            MatchOp::Equal => matcher.value = re2::literal(&matcher.value).map_or(matcher.value, Into::into),
            MatchOp::NotEqual | MatchOp::NotRegex => {}
        }
        *field = Field::new(&matcher.to_string());
        Ok(())
    }

    /// The length after the one that is there.
    pub(super) fn next_preset(&mut self) {
        let at = PRESETS.iter().position(|p| *p == self.end.text().trim());
        self.set_end(PRESETS[at.map_or(0, |i| i + 1) % PRESETS.len()]);
    }

    /// A length that was chosen.
    pub(super) fn set_end(&mut self, text: &str) {
        self.end = Field::new(text);
        self.focus = Place::End;
    }

    /// Pasted text. A selector pasted into an empty matcher becomes as many as it has.
    pub(super) fn paste(&mut self, text: &str) {
        if let Place::Matcher(i) = self.focus
            && self.matchers.get(i).is_some_and(|f| f.text().is_empty())
            && let Ok(all) = matcher_text::parse_all(text)
            && !all.is_empty()
        {
            let fields = all.iter().map(|m| Field::new(&m.to_string()));
            self.matchers.splice(i..=i, fields);
            self.focus = Place::Matcher(i + all.len() - 1);
        } else if let Some(field) = self.focused() {
            field.paste(text);
        }
    }

    /// Whether they say the same, word for word.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let texts = |f: &Self| f.places().into_iter().filter_map(|p| f.get(p).map(|f| f.text().to_owned())).collect::<Vec<_>>();
        texts(self) == texts(other)
    }

    /// What the fields say now.
    pub(super) fn check(&self, now: Timestamp, offset: i32) -> Checked {
        let mut checked = Checked::default();
        self.check_matchers(&mut checked);
        match time_input::parse_until(self.end.text(), now, offset) {
            Ok(Until::After(length)) => checked.end = Some(SilenceEnd::After(length)),
            Ok(Until::At(at)) => checked.end = Some(SilenceEnd::At(at)),
            Err(why) => checked.errors.push((Place::End, why)),
        }
        self.check_start(&mut checked, now, offset);
        for (place, what) in [(Place::Comment, "a comment is required: say why"), (Place::Author, "an author is required")] {
            if self.get(place).is_none_or(|f| f.text().trim().is_empty()) {
                checked.errors.push((place, what.to_owned()));
            }
        }
        checked
    }

    fn check_matchers(&self, checked: &mut Checked) {
        let mut from = Vec::new();
        for (i, field) in self.matchers.iter().enumerate().filter(|(_, f)| !f.text().trim().is_empty()) {
            match matcher_text::parse(field.text()) {
                Ok(matcher) => {
                    checked.matchers.push(matcher);
                    from.push(i);
                }
                Err(why) => checked.errors.push((Place::Matcher(i), why)),
            }
        }
        match MatcherSet::new(&checked.matchers) {
            Err((i, why)) => checked.errors.push((Place::Matcher(from[i]), why)),
            Ok(_) if !checked.errors.is_empty() => {}
            Ok(set) if set.asks_for_nothing() => {
                let why = if from.is_empty() { "a matcher is needed" } else { "at least one matcher must not match the empty string" };
                checked.errors.push((Place::Matcher(0), why.to_owned()));
            }
            Ok(set) => checked.set = Some(set),
        }
    }

    fn check_start(&self, checked: &mut Checked, now: Timestamp, offset: i32) {
        let text = self.start.text().trim();
        if text.is_empty() || text.eq_ignore_ascii_case("now") {
            return;
        }
        let to_come = || time_input::parse_until(text, now, offset).ok();
        match to_come() {
            Some(Until::At(at)) => checked.start = Some(at),
            Some(Until::After(length)) => checked.start = Some(now + length),
            None => match time_input::parse_instant(text, now, offset) {
                Ok(at) => checked.start = Some(at),
                Err(_) => checked.errors.push((Place::Start, "write now, in 30m, 18:00 or tomorrow 9:00".to_owned())),
            },
        }
        let end = match checked.end {
            Some(SilenceEnd::At(end)) => end,
            _ => return,
        };
        if checked.start.is_some_and(|start| start >= end) {
            checked.errors.push((Place::End, "it ends before it begins".to_owned()));
        }
    }

    /// The silence that they say, where nothing is wrong.
    pub(super) fn silence(&self, checked: &Checked, id: Option<String>) -> Option<NewSilence> {
        let end = checked.end.filter(|_| checked.errors.is_empty())?;
        Some(NewSilence {
            id,
            matchers: checked.matchers.clone(),
            starts_at: checked.start,
            end,
            created_by: self.author.text().trim().to_owned(),
            comment: self.comment.text().trim().to_owned(),
            to: Vec::new(),
        })
    }

    /// The field that a server's refusal is about. It counts the matchers that it got: empty fields are none.
    pub(super) fn place_of(&self, message: &str) -> Option<Place> {
        let place = match told_place(message)? {
            Place::Matcher(nth) => {
                let sent = self.matchers.iter().enumerate().filter(|(_, field)| !field.text().trim().is_empty());
                Place::Matcher(sent.map(|(i, _)| i).nth(nth)?)
            }
            place => place,
        };
        self.get(place).map(|_| place)
    }
}

/// The field as the server counts it.
fn told_place(message: &str) -> Option<Place> {
    let message = message.to_lowercase();
    let number = |after: &str| {
        let rest = &message[message.find(after)? + after.len()..];
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    if let Some(i) = number("invalid label matcher ").or_else(|| number("matchers.")) {
        return Some(Place::Matcher(i));
    }
    let words = [
        ("matcher", Place::Matcher(0)),
        ("start time must be before end", Place::End),
        ("end time", Place::End),
        ("endsat", Place::End),
        ("startsat", Place::Start),
        ("start time", Place::Start),
        ("comment", Place::Comment),
        ("createdby", Place::Author),
    ];
    words.into_iter().find(|(word, _)| message.contains(word)).map(|(_, place)| place)
}
