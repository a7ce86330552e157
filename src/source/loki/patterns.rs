//! Patterns as Loki's pattern ingester finds them: of the streams of a selector, for the last hours, where it is switched on.

use std::time::Duration;

use serde::Deserialize;

use super::Loki;
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        log::{Level, ServerPattern},
        time::{TimeRange, Timestamp},
    },
    source::{http::Request, json::nullable, prometheus::Enveloped},
};

#[derive(Debug, Default, Deserialize)]
struct Wire(#[serde(deserialize_with = "nullable")] Vec<WirePattern>);

#[derive(Debug, Deserialize)]
struct WirePattern {
    #[serde(default)]
    pattern: String,
    /// Since 3.5.
    #[serde(default)]
    level: String,
    #[serde(default, deserialize_with = "nullable")]
    samples: Vec<(i64, u64)>,
}

impl Loki {
    /// Patterns of the streams of a selector, those that are one put together; `None` where this server does not find any.
    ///
    /// # Errors
    /// As any request.
    pub async fn patterns(&self, selector: &str, range: TimeRange, step: Duration) -> Result<Option<Vec<ServerPattern>>, SourceError> {
        let request = Request::get("/loki/api/v1/patterns")
            .param("query", selector)
            .param("start", range.start.to_string())
            .param("end", range.end.to_string())
            .param("step", format!("{}s", step.as_secs().max(1)))
            .aside();
        let told: Enveloped<Wire> = match self.data("patterns", request).await {
            Ok(told) => told,
            // Where the pattern ingester is off there is no such page.
            Err(error) if error.kind == ErrorKind::NotSupported => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut out: Vec<ServerPattern> = Vec::new();
        for wire in told.data.0 {
            let level = Level::parse(&wire.level).unwrap_or_default();
            let samples = wire.samples.into_iter().filter(|(_, lines)| *lines > 0).map(|(at, lines)| (Timestamp::from_secs(at), lines));
            match out.iter_mut().find(|p| p.text == wire.pattern && p.level == level) {
                Some(known) => known.samples.extend(samples),
                None => out.push(ServerPattern { text: wire.pattern, level, samples: samples.collect() }),
            }
        }
        for pattern in &mut out {
            pattern.samples.sort_unstable();
        }
        Ok(Some(out))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{path, query_param},
    };

    use super::*;
    use crate::{model::backend::Backend, source::http::Endpoint};

    async fn asked(answer: ResponseTemplate) -> Result<Option<Vec<ServerPattern>>, SourceError> {
        let server = MockServer::start().await;
        let at = path("/loki/api/v1/patterns");
        Mock::given(at).and(query_param("step", "150s")).and(query_param("query", r#"{a="b"}"#)).respond_with(answer).mount(&server).await;
        let loki = Loki::new(Endpoint::new(Backend::Loki, server.uri().parse().unwrap()), Arc::new(|_, _| ())).unwrap();
        let range = TimeRange::new(Timestamp::from_secs(0), Timestamp::from_secs(3600));
        loki.patterns(r#"{a="b"}"#, range, Duration::from_secs(150)).await
    }

    #[tokio::test]
    async fn what_a_real_one_answers_is_understood() {
        let body = include_str!("../recorded/loki-patterns.json");
        let told = asked(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await.unwrap().unwrap();
        let told: Vec<_> = told.iter().map(|p| (p.text.as_str(), p.level, p.samples.iter().map(|(_, lines)| lines).sum::<u64>())).collect();
        assert_eq!(
            told,
            [
                ("served order <_> in <_>", Level::Unknown, 300),
                ("<_>timeout acquiring connection from pool after <_>", Level::Error, 200),
                (r#"ts=<_> level=warn msg="slow request" route=<_> ms=<_>"#, Level::Warn, 150),
            ]
        );
    }

    #[tokio::test]
    async fn one_that_has_no_such_page_has_no_patterns() {
        assert_eq!(asked(ResponseTemplate::new(404)).await, Ok(None));
        let nothing = ResponseTemplate::new(200).set_body_raw(r#"{"status":"success","data":[]}"#, "application/json");
        assert_eq!(asked(nothing).await, Ok(Some(Vec::new())));
        assert!(asked(ResponseTemplate::new(500)).await.is_err());
    }
}
