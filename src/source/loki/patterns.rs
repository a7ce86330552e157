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
