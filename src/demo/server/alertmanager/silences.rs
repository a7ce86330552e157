//! The demo's silences: written, changed and expired as a real Alertmanager does it, with its words for what it refuses.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::model::{
    labels::{Labels, MatchOp, Matcher},
    silence::{MatcherSet, Silence, SilenceState},
    time::Timestamp,
};

/// Why a silence is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 400, the text is the body.
    Bad(String),
    /// 422 by the API's definition: code and message.
    Undefined(u16, String),
    /// 404.
    Unknown,
}

/// Silences by the order in which they were made.
#[derive(Default)]
pub(super) struct Silences(Mutex<Vec<Kept>>);

#[derive(Clone)]
struct Kept {
    silence: Silence,
    set: MatcherSet,
}

impl Kept {
    fn state(&self, now: Timestamp) -> SilenceState {
        SilenceState::at(now, self.silence.starts_at, self.silence.ends_at)
    }
}

impl Silences {
    /// With silences from the beginning; one whose matchers are none silences nothing.
    pub(super) fn new(silences: Vec<Silence>) -> Self {
        let kept = silences.into_iter().filter_map(|silence| Some(Kept { set: MatcherSet::new(&silence.matchers).ok()?, silence }));
        Self(Mutex::new(kept.collect()))
    }

    /// Ids of the active silences that an alert matches.
    pub(super) fn silencing(&self, labels: &Labels, now: Timestamp) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let matching = all.iter().filter(|k| k.state(now) == SilenceState::Active && k.set.matches(labels));
        matching.map(|k| k.silence.id.clone()).collect()
    }

    /// Those of these states whose matchers are among others these, in Alertmanager's order.
    pub(super) fn list(&self, states: &[SilenceState], filter: &[Matcher], now: Timestamp) -> Vec<Value> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let chosen = |k: &&Kept| states.contains(&k.state(now)) && filter.iter().all(|m| k.silence.matchers.contains(m));
        let mut found: Vec<&Kept> = all.iter().filter(chosen).collect();
        found.sort_by_key(|k| {
            let state = k.state(now);
            let Silence { starts_at, ends_at, .. } = k.silence;
            let at = match state {
                SilenceState::Active => ends_at.0,
                SilenceState::Pending => starts_at.0,
                SilenceState::Expired => -ends_at.0,
            };
            (state, at)
        });
        found.into_iter().map(|k| json_of(&k.silence, now)).collect()
    }

    /// One of them.
    pub(super) fn get(&self, id: &str, now: Timestamp) -> Option<Value> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|k| k.silence.id == id).map(|k| json_of(&k.silence, now))
    }

    /// Ends one now; one that is over stays as it is.
    pub(super) fn expire(&self, id: &str, now: Timestamp) -> Result<(), Refusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.iter_mut().find(|k| k.silence.id == id).ok_or(Refusal::Unknown)?;
        kept.expire(now);
        Ok(())
    }

    /// Takes a silence and returns its id: the one it names where nothing of the past changes by it, else a new one.
    pub(super) fn set(&self, body: &[u8], now: Timestamp) -> Result<String, Refusal> {
        let mut silence = read(body)?;
        if silence.starts_at >= silence.ends_at {
            return Err(Refusal::Bad("Failed to create silence: start time must be before end time".to_owned()));
        }
        if silence.ends_at < now {
            return Err(Refusal::Bad("Failed to create silence: end time can't be in the past".to_owned()));
        }
        let set = valid(&silence.matchers).map_err(|why| Refusal::Bad(format!("invalid silence: {why}")))?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        silence.updated_at = now;
        let named = all.iter_mut().find(|k| k.silence.id == silence.id);
        match named {
            None if !silence.id.is_empty() => return Err(Refusal::Unknown),
            Some(kept) if kept.takes(&silence, now) => {
                *kept = Kept { silence: silence.clone(), set };
                return Ok(silence.id);
            }
            Some(kept) => kept.expire(now),
            None => {}
        }
        silence.id = uuid();
        silence.starts_at = silence.starts_at.max(now);
        all.push(Kept { silence: silence.clone(), set });
        Ok(silence.id)
    }
}

impl Kept {
    fn expire(&mut self, now: Timestamp) {
        match self.state(now) {
            SilenceState::Expired => return,
            SilenceState::Pending => self.silence.starts_at = now,
            SilenceState::Active => {}
        }
        (self.silence.ends_at, self.silence.updated_at) = (now, now);
    }

    /// Whether another one can stand in its place without changing what was silenced until now.
    fn takes(&self, other: &Silence, now: Timestamp) -> bool {
        self.silence.matchers == other.matchers
            && match self.state(now) {
                SilenceState::Active => other.starts_at.secs() == self.silence.starts_at.secs(),
                SilenceState::Pending => other.starts_at >= now,
                SilenceState::Expired => false,
            }
    }
}

fn valid(matchers: &[Matcher]) -> Result<MatcherSet, String> {
    if let Some(i) = matchers.iter().position(|m| m.name.is_empty()) {
        return Err(format!("invalid label matcher {i}: invalid label name \"\""));
    }
    let wrong = |(i, why): (usize, String)| {
        let pattern = matchers.get(i).map_or("", |m| m.value.as_str());
        format!("invalid label matcher {i}: invalid regular expression {pattern:?}: {why}")
    };
    let set = MatcherSet::new(matchers).map_err(wrong)?;
    if set.asks_for_nothing() { Err("at least one matcher must not match the empty string".to_owned()) } else { Ok(set) }
}

/// The body of a POST by the API's definition; fields are looked at in its order.
fn read(body: &[u8]) -> Result<Silence, Refusal> {
    let value: Value = serde_json::from_slice(body).map_err(|e| unreadable(&e.to_string()))?;
    let text = |name: &str| field(&value, name, Value::as_str).map(str::to_owned);
    let instant = |name: &str| {
        let text = text(name)?;
        let parsed = chrono::DateTime::parse_from_rfc3339(&text).ok().and_then(|t| t.timestamp_nanos_opt());
        parsed.map(Timestamp).ok_or_else(|| unreadable(&format!("parsing time {text:?}")))
    };
    let (comment, created_by, ends_at) = (text("comment")?, text("createdBy")?, instant("endsAt")?);
    let told = field(&value, "matchers", Value::as_array)?;
    if told.is_empty() {
        return Err(Refusal::Undefined(612, "matchers in body should have at least 1 items".to_owned()));
    }
    let matchers = told.iter().enumerate().map(|(i, m)| matcher(i, m)).collect::<Result<_, _>>()?;
    let starts_at = instant("startsAt")?;
    let id = value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Silence { id, matchers, starts_at, ends_at, created_by, comment, ..Silence::default() })
}

fn matcher(place: usize, value: &Value) -> Result<Matcher, Refusal> {
    let of = |name: &str| format!("matchers.{place}.{name}");
    let is_regex = value.get("isRegex").and_then(Value::as_bool).ok_or_else(|| required(&of("isRegex")))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).ok_or_else(|| required(&of(name)));
    // A client from before there was negation says nothing of it.
    let is_equal = value.get("isEqual").and_then(Value::as_bool).unwrap_or(true);
    let op = match (is_regex, is_equal) {
        (false, true) => MatchOp::Equal,
        (false, false) => MatchOp::NotEqual,
        (true, true) => MatchOp::Regex,
        (true, false) => MatchOp::NotRegex,
    };
    Ok(Matcher::new(text("name")?, op, text("value")?))
}

fn field<'v, T>(value: &'v Value, name: &str, as_type: impl Fn(&'v Value) -> Option<T>) -> Result<T, Refusal> {
    match value.get(name) {
        None | Some(Value::Null) => Err(required(name)),
        Some(other) => as_type(other).ok_or_else(|| unreadable(&format!("cannot unmarshal {name}"))),
    }
}

fn required(name: &str) -> Refusal {
    Refusal::Undefined(602, format!("{name} in body is required"))
}

fn unreadable(why: &str) -> Refusal {
    Refusal::Undefined(400, format!("parsing silence body from \"\" failed, because {why}"))
}

fn json_of(silence: &Silence, now: Timestamp) -> Value {
    let time = |at: Timestamp| chrono::DateTime::from_timestamp_nanos(at.0).to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let matcher =
        |m: &Matcher| json!({"name": m.name.as_str(), "value": m.value.as_str(), "isRegex": m.is_regex(), "isEqual": m.is_equal()});
    json!({
        "id": silence.id,
        "status": {"state": SilenceState::at(now, silence.starts_at, silence.ends_at).as_str()},
        "updatedAt": time(silence.updated_at),
        "startsAt": time(silence.starts_at),
        "endsAt": time(silence.ends_at),
        "createdBy": silence.created_by,
        "comment": silence.comment,
        "matchers": silence.matchers.iter().map(matcher).collect::<Vec<_>>(),
    })
}

/// A random UUID of version 4.
fn uuid() -> String {
    let random = (fastrand::u128(..) & !(0xf000 << 64) & !(0xc000 << 48)) | (0x4000 << 64) | (0x8000 << 48);
    let hex = format!("{random:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Whether a text is a UUID.
pub(super) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()))
}
