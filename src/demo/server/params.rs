//! Parameters and refusals of requests as Loki and Tempo, which share much of their code, read and word them.

use axum::{
    body::to_bytes,
    extract::{FromRequest, Request},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{
    demo::{grammar::literal, logql::metrics::EvalError, store::Direction},
    model::time::Timestamp,
};

/// Forms are taken up to this many bytes.
const MAX_FORM: usize = 1 << 20;
/// Instants beyond (the year 2096) are taken for this one, so that arithmetic with windows stays in range.
const MAX_INSTANT: i64 = 4_000_000_000_000_000_000;
/// The longest step.
const MAX_STEP: i64 = 2_000_000_000_000_000_000;

/// A refused request, answered as plain text.
#[derive(Debug)]
pub struct Refusal(pub StatusCode, pub String);

impl Refusal {
    /// 400 with a message.
    pub fn bad(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }
}

impl From<crate::demo::grammar::ParseError> for Refusal {
    fn from(error: crate::demo::grammar::ParseError) -> Self {
        Self::bad(error.to_string())
    }
}

impl From<EvalError> for Refusal {
    fn from(error: EvalError) -> Self {
        Self::bad(error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], self.1).into_response()
    }
}

/// Parameters of the URL and of a posted form.
#[derive(Debug)]
pub struct Params(Vec<(String, String)>);

impl<S: Sync> FromRequest<S> for Params {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let form = to_bytes(request.into_body(), MAX_FORM).await.map_err(|e| Refusal::bad(format!("http: {e}")))?;
        Ok(Self::new(&form, query.as_bytes()))
    }
}

impl Params {
    /// From the bytes of a form and of a URL's query; the form comes first.
    pub fn new(form: &[u8], query: &[u8]) -> Self {
        let pairs = url::form_urlencoded::parse(form).chain(url::form_urlencoded::parse(query));
        Self(pairs.map(|(k, v)| (k.into_owned(), v.into_owned())).collect())
    }

    /// A parameter that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|v| !v.is_empty())
    }

    /// All values of a parameter.
    pub fn all<'p>(&'p self, name: &str) -> impl Iterator<Item = &'p str> {
        self.0.iter().filter(move |(k, _)| k == name).map(|(_, v)| v.as_str())
    }

    /// The query; missing is empty, which does not parse.
    pub fn query(&self) -> &str {
        self.get("query").unwrap_or_default()
    }

    /// A whole number above zero.
    pub fn positive(&self, name: &str, default: usize) -> Result<usize, Refusal> {
        let Some(text) = self.get(name) else { return Ok(default) };
        let number: i64 = text.parse().map_err(|_| Refusal::bad(format!("strconv.Atoi: parsing {text:?}: invalid syntax")))?;
        usize::try_from(number).ok().filter(|n| *n > 0).ok_or_else(|| Refusal::bad(format!("{name} must be a positive value")))
    }

    /// A whole number.
    pub fn positive_or_zero(&self, name: &str, default: usize) -> Result<usize, Refusal> {
        if self.get(name) == Some("0") { Ok(0) } else { self.positive(name, default) }
    }

    /// `start` and `end`; an hour until now when missing.
    pub fn bounds(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), Refusal> {
        let since = match self.get("since") {
            Some(text) => literal::prometheus_duration(text).ok_or_else(|| Refusal::bad("could not parse 'since' parameter"))?,
            None => 3_600_000_000_000,
        };
        let end = self.raw_instant("end")?.unwrap_or(now);
        let start = self.raw_instant("start")?.unwrap_or(Timestamp(end.min(now).0.saturating_sub(since)));
        if end < start {
            return Err(Refusal::bad("end timestamp must not be before or equal to start time"));
        }
        Ok((bounded(start), bounded(end)))
    }

    /// An instant: seconds with a fraction, seconds of up to 10 digits, nanoseconds, or RFC 3339.
    pub fn instant(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        Ok(self.raw_instant(name)?.map(bounded))
    }

    fn raw_instant(&self, name: &str) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let at = instant(text).ok_or_else(|| Refusal::bad(format!("could not parse '{name}' parameter: {text:?}")))?;
        Ok(Some(at))
    }

    /// `step` in nanoseconds, by default a 250th of the range but at least a second.
    pub fn step(&self, start: Timestamp, end: Timestamp) -> Result<i64, Refusal> {
        let Some(text) = self.get("step") else { return Ok((end.since(start).as_secs() as i64 / 250).max(1) * 1_000_000_000) };
        let seconds = text.parse::<f64>().ok().map(|s| s * 1e9).filter(|ns| ns.abs() < 9.2e18).map(|ns| ns as i64);
        let step = seconds.or_else(|| literal::prometheus_duration(text));
        let step = step.filter(|s| *s <= MAX_STEP).ok_or_else(|| Refusal::bad(format!("cannot parse {text:?} to a valid duration")))?;
        if step <= 0 {
            return Err(Refusal::bad("zero or negative query resolution step widths are not accepted. Try a positive integer"));
        }
        if (end.0.saturating_sub(start.0)) / step > 11_000 {
            return Err(Refusal::bad(
                "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
            ));
        }
        Ok(step)
    }

    /// `direction`, newest first by default.
    pub fn direction(&self) -> Result<Direction, Refusal> {
        match self.get("direction") {
            None => Ok(Direction::Backward),
            Some(d) if d.eq_ignore_ascii_case("backward") => Ok(Direction::Backward),
            Some(d) if d.eq_ignore_ascii_case("forward") => Ok(Direction::Forward),
            Some(d) => Err(Refusal::bad(format!("invalid direction '{d}'"))),
        }
    }
}

fn bounded(at: Timestamp) -> Timestamp {
    Timestamp(at.0.clamp(0, MAX_INSTANT))
}

fn instant(text: &str) -> Option<Timestamp> {
    if text.contains('.')
        && let Ok(seconds) = text.parse::<f64>()
    {
        return Some(Timestamp::from_secs_f64(seconds));
    }
    match text.parse::<i64>() {
        Ok(seconds) if text.len() <= 10 => Some(Timestamp::from_secs(seconds)),
        Ok(nanoseconds) => Some(Timestamp(nanoseconds)),
        Err(_) => chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt().map(Timestamp),
    }
}

/// Runs what may take a while away from the threads that serve connections.
///
/// # Errors
/// Those of `work`; 500 when it panics.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    let failed = |e| Refusal(StatusCode::INTERNAL_SERVER_ERROR, format!("demo: {e}"));
    tokio::task::spawn_blocking(work).await.map_err(failed)?
}
