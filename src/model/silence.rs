//! Silences: what they match, as Alertmanager matches it, what the user wants written, and what came of it.

use std::time::Duration;

use compact_str::CompactString;
use regex::Regex;

use super::{
    backend::SourceError,
    labels::{Labels, Matcher},
    re2,
    time::Timestamp,
};

/// Whether a silence works now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SilenceState {
    /// It works.
    #[default]
    Active,
    /// It begins later.
    Pending,
    /// It is over; Alertmanager remembers it for a while.
    Expired,
}

impl SilenceState {
    /// All, in the order in which they matter.
    pub const ALL: [Self; 3] = [Self::Active, Self::Pending, Self::Expired];

    /// Alertmanager's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Expired => "expired",
        }
    }

    /// What a silence of these times is at an instant.
    pub fn at(now: Timestamp, starts_at: Timestamp, ends_at: Timestamp) -> Self {
        if now >= ends_at {
            Self::Expired
        } else if now < starts_at {
            Self::Pending
        } else {
            Self::Active
        }
    }
}

/// A silence as Alertmanager has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Silence {
    /// Its id.
    pub id: String,
    /// What it silences: the alerts that all of them match.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when; may be [`Timestamp::LATEST`].
    pub ends_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// Whether it works.
    pub state: SilenceState,
    /// Where there are several Alertmanagers: the names of those that have it.
    pub at: Vec<CompactString>,
}

/// Matchers ready to be compared with many alerts.
#[derive(Clone, Debug, Default)]
pub struct MatcherSet(Vec<(Matcher, Option<Regex>)>);

impl MatcherSet {
    /// Compiles them. Regular expressions are RE2's and must match a whole value.
    ///
    /// # Errors
    /// The place of the first one that is none, and why.
    pub fn new(matchers: &[Matcher]) -> Result<Self, (usize, String)> {
        let compile = |(i, m): (usize, &Matcher)| {
            let regex = if m.is_regex() { Some(re2::compile_matcher(&m.value).map_err(|why| (i, why))?) } else { None };
            Ok((m.clone(), regex))
        };
        let mut compiled = matchers.iter().enumerate().map(compile).collect::<Result<Vec<_>, _>>()?;
        // What is quickly found out comes first.
        compiled.sort_by_key(|(_, regex)| regex.is_some());
        Ok(Self(compiled))
    }

    /// Whether all of them match; an absent label is the empty text.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|(m, regex)| {
            let value = labels.get(&m.name).unwrap_or("");
            regex.as_ref().map_or_else(|| m.value == value, |r| r.is_match(value)) == m.is_equal()
        })
    }

    /// Whether Alertmanager refuses them: each asks for an empty label, or would be content with one.
    pub fn asks_for_nothing(&self) -> bool {
        self.0.iter().all(|(m, regex)| m.is_equal() && regex.as_ref().map_or_else(|| m.value.is_empty(), |r| r.is_match("")))
    }
}

/// When a silence is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilenceEnd {
    /// So long from its beginning on, or from now on where it has begun.
    After(Duration),
    /// At an instant.
    At(Timestamp),
}

/// A silence that the user wants, with times as they were said.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSilence {
    /// The silence that it changes.
    pub id: Option<String>,
    /// What it is to silence.
    pub matchers: Vec<Matcher>,
    /// From when; `None` is at once.
    pub starts_at: Option<Timestamp>,
    /// Until when.
    pub end: SilenceEnd,
    /// Who wants it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// Where there are several Alertmanagers: one of these is to have it, the first that can be reached. They gossip.
    pub to: Vec<CompactString>,
}

/// What begins at once is sent as begun: where our clock is a little ahead, it would be pending. Alertmanager moves what is past
/// to its now.
const BEGUN: Duration = Duration::from_secs(5);

impl NewSilence {
    /// As it is sent: from the server's clock on, in milliseconds, which are all that it keeps.
    pub fn resolve(self, now: Timestamp) -> SentSilence {
        let starts_at = self.starts_at.unwrap_or(now - BEGUN);
        let ends_at = match self.end {
            SilenceEnd::After(length) => starts_at.max(now) + length,
            SilenceEnd::At(at) => at,
        };
        SentSilence { wish: self, starts_at: whole_millis(starts_at), ends_at: whole_millis(ends_at) }
    }
}

fn whole_millis(at: Timestamp) -> Timestamp {
    at.align_down(Duration::from_millis(1))
}

/// A silence as it is sent. What is equal to it on the server is the same wish, however often it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct SentSilence {
    /// As it was said.
    pub wish: NewSilence,
    /// From when.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
}

impl SentSilence {
    /// The wish for what was sent, whenever it is sent again.
    fn wish_of_these_times(self) -> NewSilence {
        NewSilence { starts_at: Some(self.starts_at), end: SilenceEnd::At(self.ends_at), ..self.wish }
    }

    /// Whether a silence of the server came of this: an Alertmanager moves a start that is past, one before 0.22 forgets
    /// that a matcher was negative, and both may order them as they like.
    pub fn became(&self, silence: &Silence) -> bool {
        let content = |matchers: &[Matcher]| {
            let mut all: Vec<_> = matchers.iter().map(|m| (m.name.clone(), m.value.clone(), m.is_regex())).collect();
            all.sort_unstable();
            all
        };
        silence.state != SilenceState::Expired
            && whole_millis(silence.ends_at) == self.ends_at
            && silence.comment == self.wish.comment
            && silence.created_by == self.wish.created_by
            && (silence.starts_at >= self.starts_at || self.wish.id.as_ref() == Some(&silence.id))
            && content(&silence.matchers) == content(&self.wish.matchers)
    }

    /// What the server made of it that was not asked for, one sentence each.
    pub fn differences(&self, silence: &Silence) -> Vec<String> {
        let mut out = Vec::new();
        let missing = self.wish.matchers.iter().filter(|m| !silence.matchers.contains(m));
        for matcher in missing {
            let kept = silence.matchers.iter().find(|m| m.name == matcher.name && !self.wish.matchers.contains(m));
            out.push(match kept {
                Some(kept) => format!("{matcher} became {kept}"),
                None => format!("{matcher} is missing"),
            });
        }
        out.extend(
            silence.matchers.iter().filter(|m| !self.wish.matchers.iter().any(|own| own.name == m.name)).map(|m| format!("{m} was added")),
        );
        if whole_millis(silence.ends_at) != self.ends_at {
            out.push("it ends at another time".to_owned());
        }
        out
    }
}

/// Something to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum SilenceChange {
    /// A silence, for the first time.
    Create(NewSilence),
    /// A silence of which it is not known whether it was taken: looked for first, sent again only where it is not there.
    CreateAgain(SentSilence),
    /// A silence is to be over now.
    Expire(String),
}

impl SilenceChange {
    /// With its times fixed: whatever comes of sending it is known, and found, by what was to be sent.
    #[must_use]
    pub fn settled(self, now: Timestamp) -> Self {
        match self {
            Self::Create(new) => Self::Create(new.resolve(now).wish_of_these_times()),
            other => other,
        }
    }

    /// What is known of a settled change where nothing is known of how it went.
    pub fn unknown(self, error: SourceError) -> SilenceOutcome {
        match self {
            // What is settled resolves to the same at any instant.
            Self::Create(new) => SilenceOutcome::Unknown { sent: new.resolve(Timestamp::ZERO), error },
            Self::CreateAgain(sent) => SilenceOutcome::Unknown { sent, error },
            Self::Expire(id) => SilenceOutcome::NotOver { id, state: None, error },
        }
    }
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq)]
pub enum SilenceOutcome {
    /// It was done, and this is what the server has.
    Done {
        /// Read back.
        silence: Silence,
        /// What is other than asked for.
        differences: Vec<String>,
        /// The answer was lost and the silence looked up.
        looked_up: bool,
        /// What had come of an earlier try.
        twins: Box<Twins>,
    },
    /// The server took it, but what it has is not seen.
    Taken {
        /// The silence's id.
        id: String,
        /// Why not.
        unseen: Unseen,
        /// What had come of an earlier try.
        twins: Box<Twins>,
    },
    /// It was not done.
    Refused(SourceError),
    /// No answer came, and it was not there when it was looked up.
    Lost {
        /// What was sent.
        sent: SentSilence,
        /// Why there was no answer.
        error: SourceError,
    },
    /// No answer came, and it could not be looked up: it may be there.
    Unknown {
        /// What was sent.
        sent: SentSilence,
        /// Why it could not be looked up.
        error: SourceError,
    },
    /// No answer came to expiring a silence, and it was not seen to be over.
    NotOver {
        /// The silence's id.
        id: String,
        /// What it was seen to be; `None`: it could not be read.
        state: Option<SilenceState>,
        /// Why there was no answer.
        error: SourceError,
    },
}

/// Why what was taken is not seen. Behind a load balancer another replica may answer, which has not heard of it yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Unseen {
    /// It could not be read.
    Unread(SourceError),
    /// There is no silence of this id.
    Absent,
    /// It is as it was before, which is this much other than what was written.
    Older(Vec<String>),
}

/// Silences of the same wish that an earlier try had brought about after all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Twins {
    /// Ids of those that were expired.
    pub expired: Vec<String>,
    /// Ids of those that could not be, and why.
    pub left: Vec<(String, SourceError)>,
    /// Why it is not known whether there are any.
    pub unread: Option<SourceError>,
}

impl Twins {
    /// Whether none is left, as far as is known.
    pub fn are_gone(&self) -> bool {
        self.left.is_empty() && self.unread.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::labels::MatchOp;

    fn matcher(text: &str) -> Matcher {
        crate::model::matcher_text::parse(text).unwrap()
    }

    fn set(texts: &[&str]) -> MatcherSet {
        MatcherSet::new(&texts.iter().map(|t| matcher(t)).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn matchers_match_as_alertmanager_does() {
        let labels: Labels = [("alertname", "Down"), ("service", "orders"), ("text", "a\nb")].into_iter().collect();
        for (texts, expected) in [
            (&["alertname=Down"][..], true),
            (&["alertname=Down", "service=pay"], false),
            (&["service=~ord"], false),
            (&["service=~ord.*"], true),
            (&["service=~pay|ord.*"], true),
            (&["service!~pay|ord.*"], false),
            (&["team="], true),
            (&["team!="], false),
            (&["team!=web"], true),
            (&["team=~web|"], true),
            (&["team!~.+"], true),
            (&["text=~a.b"], false),
            (&["text=~(?s)a.b"], true),
            (&[r"service=~\w+"], true),
            (&[], true),
        ] {
            assert_eq!(set(texts).matches(&labels), expected, "{texts:?}");
        }
    }

    #[test]
    fn what_alertmanager_refuses_is_known_before() {
        for (texts, refused) in [
            (&[][..], true),
            (&["a="], true),
            (&["a=~.*"], true),
            (&["a=~x|"], true),
            (&["a=", "b=x"], false),
            (&["a!=x"], false),
            (&["a!~x"], false),
            (&["a=~.+"], false),
        ] {
            assert_eq!(set(texts).asks_for_nothing(), refused, "{texts:?}");
        }
        let (place, why) = MatcherSet::new(&[matcher("a=b"), matcher("c=~(")]).unwrap_err();
        assert!(place == 1 && why.contains("error parsing regexp"), "{why}");
    }

    fn sent() -> SentSilence {
        let new = NewSilence {
            id: None,
            matchers: vec![matcher("a=b"), matcher("severity!=page")],
            starts_at: None,
            end: SilenceEnd::After(Duration::from_secs(3600)),
            created_by: "ana".to_owned(),
            comment: "why".to_owned(),
            to: Vec::new(),
        };
        new.resolve(Timestamp(1_000_000_123_456))
    }

    fn kept(sent: &SentSilence) -> Silence {
        Silence {
            id: "1".to_owned(),
            matchers: sent.wish.matchers.iter().rev().cloned().collect(),
            starts_at: sent.starts_at + Duration::from_millis(40),
            ends_at: sent.ends_at,
            created_by: sent.wish.created_by.clone(),
            comment: sent.wish.comment.clone(),
            ..Silence::default()
        }
    }

    #[test]
    fn a_wish_knows_its_silence_among_others() {
        let sent = sent();
        assert_eq!((sent.starts_at, sent.ends_at), (Timestamp(995_000_000_000), Timestamp(4_600_000_000_000)));
        let own = kept(&sent);
        assert!(sent.became(&own) && sent.differences(&own).is_empty());
        let change = |change: &dyn Fn(&mut Silence)| {
            let mut other = own.clone();
            change(&mut other);
            sent.became(&other)
        };
        assert!(!change(&|s| s.ends_at = s.ends_at + Duration::from_millis(1)));
        assert!(!change(&|s| s.comment.push('!')));
        assert!(!change(&|s| s.created_by.push('!')));
        assert!(!change(&|s| s.state = SilenceState::Expired));
        assert!(!change(&|s| s.starts_at = Timestamp::ZERO));
        assert!(!change(&|s| drop(s.matchers.pop())));
    }

    #[test]
    fn what_is_settled_is_sent_as_it_was_settled_whenever_that_is() {
        let (wish, now) = (sent().wish, Timestamp(1_000_000_123_456));
        let first = wish.clone().resolve(now);
        let SilenceChange::Create(settled) = SilenceChange::Create(wish).settled(now) else { panic!() };
        let later = settled.clone().resolve(now + Duration::from_secs(7));
        assert_eq!((later.starts_at, later.ends_at), (first.starts_at, first.ends_at));
        let error = || SourceError::new(crate::model::backend::Backend::Alertmanager, crate::model::backend::ErrorKind::Bug, "bug");
        assert_eq!(SilenceChange::Create(settled).unknown(error()), SilenceOutcome::Unknown { sent: later, error: error() });
        assert_eq!(SilenceChange::CreateAgain(first.clone()).unknown(error()), SilenceOutcome::Unknown { sent: first, error: error() });
    }

    #[test]
    fn a_server_that_forgets_a_negation_is_found_out() {
        let (sent, mut old) = (sent(), kept(&sent()));
        for m in &mut old.matchers {
            m.op = MatchOp::Equal;
        }
        assert!(sent.became(&old), "it is the same wish all the same");
        assert_eq!(sent.differences(&old), [r#"severity!="page" became severity="page""#]);
    }
}
