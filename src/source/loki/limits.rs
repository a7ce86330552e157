//! How far back a Loki lets its tenant read, as far as it tells.
//!
//! A range that begins earlier is cut without a word: the lines before are not there, and neither is a reason.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::header::HeaderName;
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use super::Loki;
use crate::{
    logql_parts::{conditions, selectors},
    model::{
        log::{Limit, Older},
        time::{TimeRange, Timestamp},
    },
    source::{http::Request, json},
    time_input::parse_duration,
};

/// Limits are asked for again after this.
const KNOWN_FOR: Duration = Duration::from_secs(600);
/// The same where they were not told.
const UNKNOWN_FOR: Duration = Duration::from_secs(60);
/// Lines do not wait longer for a reason why there are no more.
const PATIENCE: Duration = Duration::from_secs(2);
const TENANT: HeaderName = HeaderName::from_static("x-scope-orgid");
/// How a Loki of one tenant calls it. Of all its pages this one alone wants to be told.
const ONLY_TENANT: &str = "fake";

/// What was told of limits, until when that counts.
#[derive(Default)]
pub(super) struct Known(Mutex<Option<(Instant, Limits)>>);

/// Zero: unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Limits {
    lookback: Duration,
    kept: Duration,
    streams: Vec<Stream>,
}

/// How long some streams are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stream {
    selector: String,
    priority: i64,
    kept: Duration,
}

#[derive(Deserialize)]
struct Told {
    limits: ToldLimits,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToldLimits {
    max_query_lookback: String,
    retention_period: String,
    retention_stream: Option<Vec<ToldStream>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToldStream {
    selector: String,
    priority: i64,
    period: String,
}

impl From<ToldLimits> for Limits {
    fn from(told: ToldLimits) -> Self {
        let length = |text: &str| parse_duration(text).unwrap_or_default();
        let streams = told.retention_stream.into_iter().flatten();
        Self {
            lookback: length(&told.max_query_lookback),
            kept: length(&told.retention_period),
            streams: streams.map(|s| Stream { kept: length(&s.period), selector: s.selector, priority: s.priority }).collect(),
        }
    }
}

impl Limits {
    /// The nearer of the two limits of a query.
    fn of(&self, logql: &str) -> Option<(Duration, Limit)> {
        let lookback = (self.lookback, Limit::Lookback(self.lookback));
        let (kept, differs) = self.kept(logql);
        let kept = (kept, Limit::Retention { kept, differs });
        [lookback, kept].into_iter().filter(|(length, _)| !length.is_zero()).min_by_key(|(length, _)| *length)
    }

    /// How long a query's lines are kept at the least, and whether some may be kept longer.
    fn kept(&self, logql: &str) -> (Duration, bool) {
        let asked = selectors(logql);
        let all = |s: &&Stream| !asked.is_empty() && asked.iter().all(|selector| s.takes(selector) == Takes::All);
        let sure = self.streams.iter().filter(all).max_by_key(|s| s.priority);
        // Of those that may take some of the streams, one that is as important as the one that takes all may go before it.
        let is_before = |s: &&Stream| sure.is_none_or(|sure| s.priority >= sure.priority);
        let some = |s: &&Stream| is_before(s) && (asked.is_empty() || asked.iter().any(|selector| s.takes(selector) != Takes::None));
        let rest = sure.map_or(self.kept, |sure| sure.kept);
        let lengths = || self.streams.iter().filter(some).map(|s| s.kept).chain([rest]);
        let least = lengths().filter(|kept| !kept.is_zero()).min().unwrap_or_default();
        (least, lengths().any(|kept| kept != least))
    }
}

/// How many of the streams of a selector a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    All,
    Some,
    None,
}

impl Stream {
    /// All where the selector asks for all that the rule does, none where it asks for another value of a label.
    fn takes(&self, selector: &str) -> Takes {
        let (Some(wanted), Some(asked)) = (conditions(&self.selector), conditions(selector)) else { return Takes::Some };
        let is_other = |(name, op, value): &(&str, &str, &str)| {
            *op == "=" && wanted.iter().any(|(of, is, other)| of == name && *is == "=" && other != value)
        };
        match () {
            () if asked.iter().any(is_other) => Takes::None,
            () if wanted.iter().all(|wanted| asked.contains(wanted)) => Takes::All,
            () => Takes::Some,
        }
    }
}

impl Loki {
    /// From when on a query's lines of a range can be read, and what there is before. `oldest` is the first of them: lines may
    /// still be there that need not be kept.
    pub(super) async fn beginning(&self, logql: &str, range: TimeRange, oldest: Option<Timestamp>) -> (Timestamp, Older) {
        let limit = self.limits().await.of(logql);
        let begins = limit.map(|(length, limit)| ((self.now() - length).min(oldest.unwrap_or(range.end)), limit));
        match begins.filter(|(from, _)| *from > range.start) {
            Some((from, limit)) => (from, Older::Withheld(limit)),
            None => (range.start, Older::Nothing),
        }
    }

    /// The limit that a query's lines are under.
    pub(super) async fn limit(&self, logql: &str) -> Option<Limit> {
        self.limits().await.of(logql).map(|(_, limit)| limit)
    }

    /// Whether it need not be asked for limits.
    pub(super) fn knows_limits(&self) -> bool {
        self.limits.get().is_some()
    }

    async fn limits(&self) -> Limits {
        if let Some(known) = self.limits.get() {
            return known;
        }
        let told = timeout(PATIENCE, self.ask_limits()).await.ok().flatten();
        let lasts = if told.is_some() { KNOWN_FOR } else { UNKNOWN_FOR };
        let limits = told.unwrap_or_default();
        *self.limits.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now() + lasts, limits.clone()));
        limits
    }

    /// `None`: it does not tell, as before 3.4 and behind many a gateway.
    async fn ask_limits(&self) -> Option<Limits> {
        let request = Request::get("/loki/api/v1/drilldown-limits").aside();
        let request = if self.http.names_tenant() { request } else { request.header(TENANT, ONLY_TENANT) };
        let answer = self.http.send(request).await.ok()?;
        let told: Told = json::decode(self.http.backend(), "drilldown-limits", &answer.body).ok()?;
        Some(told.limits.into())
    }
}

impl Known {
    fn get(&self) -> Option<Limits> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(until, _)| Instant::now() < *until).map(|(_, limits)| limits.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn limits(told: &serde_json::Value) -> Limits {
        serde_json::from_value::<ToldLimits>(told.clone()).unwrap().into()
    }

    #[test]
    fn the_nearer_limit_counts_and_zero_is_none() {
        let told = |lookback: &str, kept: &str| {
            limits(&serde_json::json!({"max_query_lookback": lookback, "retention_period": kept, "max_query_length": "30d1h"}))
        };
        assert_eq!(told("0s", "0s").of("{a=\"b\"}"), None);
        assert_eq!(told("1h", "7d").of("{a=\"b\"}"), Some((DAY / 24, Limit::Lookback(DAY / 24))));
        let kept = Limit::Retention { kept: DAY * 7, differs: false };
        assert_eq!(told("4w2d", "7d").of("{a=\"b\"}"), Some((DAY * 7, kept)));
    }

    #[test]
    fn a_rule_for_some_of_the_streams_makes_it_at_least_so_long() {
        let told = limits(&serde_json::json!({"retention_period": "31d", "retention_stream": [
            {"selector": "{namespace=\"dev\"}", "priority": 1, "period": "24h"},
            {"selector": "{namespace=\"dev\", app=\"web\"}", "priority": 2, "period": "2d"},
        ]}));
        for (query, kept) in [
            (r#"{app="web",namespace="dev"} | json"#, (DAY * 2, false)),
            (r#"{app="web", namespace = "dev", pod="a,b"}"#, (DAY * 2, false)),
            (r#"{namespace="prod"}"#, (DAY * 31, false)),
            (r#"{namespace="dev", app="cart"}"#, (DAY, false)),
            (r#"{namespace="dev"} |= "x""#, (DAY, true)),
            (r#"{app="web"}"#, (DAY, true)),
            (r#"{namespace=~"dev|prod"}"#, (DAY, true)),
        ] {
            assert_eq!(told.kept(query), kept, "{query}");
        }
    }

    #[test]
    fn all_is_kept_but_for_some_streams() {
        let told = limits(
            &serde_json::json!({"retention_period": "0s", "retention_stream": [{"selector": "{level=\"debug\"}", "period": "24h"}]}),
        );
        assert_eq!(told.kept(r#"{app="web"}"#), (DAY, true));
        assert_eq!(told.of(r#"{level="info"}"#), None);
    }
}
