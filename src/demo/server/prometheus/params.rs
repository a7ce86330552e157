//! Parameters of a request, from the URL and from a form body, as Prometheus reads them.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{StatusCode, header::CONTENT_TYPE},
};
use chrono::DateTime;

use super::ApiError;
use crate::{
    demo::promql::{self, parse_duration},
    model::{labels::Matcher, time::Timestamp},
};

/// All parameters in order; a name may be there more than once.
#[derive(Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = (StatusCode, &'static str);

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let in_url = request.uri().query().unwrap_or("").to_owned();
        let is_form = request.headers().get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
        let mut params = Vec::new();
        if is_form {
            let body = Bytes::from_request(request, state).await.map_err(|_| (StatusCode::BAD_REQUEST, "error parsing form values"))?;
            params.extend(url::form_urlencoded::parse(&body).into_owned());
        }
        params.extend(url::form_urlencoded::parse(in_url.as_bytes()).into_owned());
        Ok(Self(params))
    }
}

impl Params {
    /// The first value of a parameter that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, value)| n == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// All values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// A time in milliseconds: RFC 3339, or seconds since the epoch.
    pub fn time(&self, name: &'static str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        parse_time(text).map(Some).ok_or_else(|| ApiError::parameter(name, format!("cannot parse {text:?} to a valid timestamp")))
    }

    /// A time that must be given, in milliseconds.
    pub fn required_time(&self, name: &'static str) -> Result<i64, ApiError> {
        self.time(name)?.ok_or_else(|| ApiError::parameter(name, "cannot parse \"\" to a valid timestamp"))
    }

    /// The window of a metadata request, all time without one, in milliseconds.
    pub fn window(&self) -> Result<(i64, i64), ApiError> {
        let (start, end) = (self.time("start")?.unwrap_or(i64::MIN / 4), self.time("end")?.unwrap_or(i64::MAX / 4));
        if end < start {
            return Err(ApiError::bad_data("end timestamp must not be before start timestamp"));
        }
        Ok((start, end))
    }

    /// A duration in milliseconds: `30s`, or seconds.
    pub fn duration(&self, name: &'static str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let seconds = |s: f64| (s.abs() < 1e15).then_some((s * 1000.0) as i64);
        let millis = match text.parse::<f64>() {
            Ok(s) => seconds(s),
            Err(_) => parse_duration(text).and_then(|d| i64::try_from(d.as_millis()).ok()),
        };
        millis.map(Some).ok_or_else(|| ApiError::parameter(name, format!("cannot parse {text:?} to a valid duration")))
    }

    /// A non-negative number of results; zero is no limit.
    pub fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.get("limit") else { return Ok(0) };
        text.parse().map_err(|_| ApiError::parameter("limit", format!("limit must be a non-negative number: {text:?}")))
    }

    /// The limits of a query: `timeout` and `lookback_delta` over the defaults.
    pub fn limits(&self) -> Result<promql::Limits, ApiError> {
        let mut limits = promql::Limits::default();
        let positive = |ms: Option<i64>| ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        if let Some(timeout) = positive(self.duration("timeout")?) {
            limits.timeout = limits.timeout.min(timeout);
        }
        if let Some(lookback) = positive(self.duration("lookback_delta")?).filter(|d| !d.is_zero()) {
            limits.lookback = lookback;
        }
        Ok(limits)
    }

    /// The selectors of `match[]`.
    pub fn selectors(&self) -> Result<Vec<Vec<Matcher>>, ApiError> {
        self.all("match[]").map(selector).collect()
    }
}

/// One selector: a query that is nothing else.
fn selector(text: &str) -> Result<Vec<Matcher>, ApiError> {
    let expr = promql::parse(text).map_err(|e| {
        let empty = e.to_string().contains("at least one non-empty matcher");
        if empty { ApiError::bad_data("match[] must contain at least one non-empty matcher") } else { ApiError::bad_data(e.to_string()) }
    })?;
    match (&expr, promql::selectors(&expr).pop()) {
        (promql::Expr::VectorSelector(_), Some(matchers)) => Ok(matchers),
        _ => Err(ApiError::bad_data(format!("parse error: not a series selector: {text}"))),
    }
}

fn parse_time(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return (seconds.abs() < 1e12).then(|| Timestamp::from_secs_f64(seconds).millis());
    }
    DateTime::parse_from_rfc3339(text).ok().map(|t| t.timestamp_millis())
}
