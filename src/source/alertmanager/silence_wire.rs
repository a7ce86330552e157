//! Silences in Alertmanager's JSON.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    model::{
        labels::{MatchOp, Matcher},
        silence::{SentSilence, Silence, SilenceState},
        time::Timestamp,
    },
    source::json::{nullable, parse_rfc3339},
};

/// An instant of a silence. "For ever" is often written as the year 9999, which is later than can be counted.
#[derive(Debug, Default)]
struct At(Timestamp);

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text: String = nullable(d)?;
        let later = || chrono::DateTime::parse_from_rfc3339(&text).is_ok_and(|t| t > chrono::DateTime::UNIX_EPOCH);
        Ok(Self(parse_rfc3339(&text).unwrap_or_else(|| if later() { Timestamp::LATEST } else { Timestamp::ZERO })))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireSilence {
    #[serde(default)]
    id: String,
    #[serde(default, deserialize_with = "nullable")]
    matchers: Vec<WireMatcher>,
    #[serde(default)]
    starts_at: At,
    #[serde(default)]
    ends_at: At,
    #[serde(default)]
    updated_at: At,
    #[serde(default, deserialize_with = "nullable")]
    created_by: String,
    #[serde(default, deserialize_with = "nullable")]
    comment: String,
    #[serde(default, deserialize_with = "nullable")]
    status: SilenceStatus,
}

#[derive(Debug, Default, Deserialize)]
struct SilenceStatus {
    #[serde(default)]
    state: String,
}

/// One before 0.22 says nothing of negation: there is none.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireMatcher {
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    is_regex: bool,
    #[serde(default)]
    is_equal: Option<bool>,
}

impl From<WireMatcher> for Matcher {
    fn from(m: WireMatcher) -> Self {
        let op = match (m.is_regex, m.is_equal.unwrap_or(true)) {
            (false, true) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (true, false) => MatchOp::NotRegex,
        };
        Self::new(m.name, op, m.value)
    }
}

pub fn silence(s: WireSilence, now: Timestamp) -> Silence {
    let (starts_at, ends_at) = (s.starts_at.0, s.ends_at.0);
    let told = SilenceState::ALL.into_iter().find(|state| state.as_str() == s.status.state);
    Silence {
        id: s.id,
        matchers: s.matchers.into_iter().map(Matcher::from).collect(),
        starts_at,
        ends_at,
        updated_at: s.updated_at.0,
        created_by: s.created_by,
        comment: s.comment,
        state: told.unwrap_or_else(|| SilenceState::at(now, starts_at, ends_at)),
        at: Vec::new(),
    }
}

/// A silence as it is posted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PostedSilence<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    matchers: Vec<WireMatcher>,
    starts_at: String,
    ends_at: String,
    created_by: &'a str,
    comment: &'a str,
}

/// The body that writes a silence.
pub fn posted(silence: &SentSilence) -> serde_json::Result<String> {
    let matcher = |m: &Matcher| WireMatcher {
        name: m.name.to_string(),
        value: m.value.to_string(),
        is_regex: m.is_regex(),
        is_equal: Some(m.is_equal()),
    };
    serde_json::to_string(&PostedSilence {
        id: silence.wish.id.as_deref(),
        matchers: silence.wish.matchers.iter().map(matcher).collect(),
        starts_at: rfc3339(silence.starts_at),
        ends_at: rfc3339(silence.ends_at),
        created_by: &silence.wish.created_by,
        comment: &silence.wish.comment,
    })
}

fn rfc3339(at: Timestamp) -> String {
    chrono::DateTime::from_timestamp_nanos(at.0).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// The answer to a posted silence.
#[derive(Debug, Deserialize)]
pub struct Posted {
    #[serde(rename = "silenceID")]
    pub id: String,
}
