//! How much a selector covers, from Loki's index and what is not flushed yet: asked before a query that would read it.
//!
//! `index/volume` counts the bytes of a chunk for the share of its time that is asked for. `index/stats` knows flushed chunks
//! alone, and an incident is in what is not flushed. Neither knows levels: these are no labels of streams.

use std::time::Duration;

use super::Loki;
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        log_size::LogSize,
        series::{Matrix, Series},
        time::{TimeRange, Timestamp, nanos},
    },
    source::{
        http::Request,
        prometheus::{Enveloped, QueryData, matrix},
    },
};

/// A size that is not known by then is of no use: the query is sent without it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Series that are told apart. More of them are cut by the server, the smallest first.
const SERIES: usize = 1000;

impl Loki {
    /// Bytes that a selector covers, by the labels that it names, or by another label, without the streams that lack it.
    ///
    /// # Errors
    /// As any request, and a timeout after a few seconds; not supported where `volume_enabled` is off and before Loki 2.9.
    pub async fn size(&self, selector: &str, range: TimeRange, by: Option<&str>) -> Result<LogSize, SourceError> {
        let data = self.index_volume("index/volume", selector, range, by, None).await?;
        let matrix = matrix(data, range, Duration::ZERO).map_err(|e| self.http.error(ErrorKind::Decode, e))?;
        let bytes = |series: &Series| series.samples.iter().map(|s| s.value).filter(|v| v.is_finite()).sum::<f64>();
        Ok(LogSize::new(matrix.series.into_iter().map(|s| (s.labels.clone(), bytes(&s) as u64)).collect()))
    }

    /// Bytes that a selector covers over time, by the labels that it names. The server asks its index once a step. A sample
    /// stands at the end of what it counts, at multiples of the step.
    ///
    /// # Errors
    /// As [`Loki::size`].
    pub async fn volume(&self, selector: &str, range: TimeRange, step: Duration) -> Result<Matrix, SourceError> {
        let data = self.index_volume("index/volume_range", selector, range, None, Some(step)).await?;
        let mut matrix = matrix(data, range, step).map_err(|e| self.http.error(ErrorKind::Decode, e))?;
        for sample in matrix.series.iter_mut().flat_map(|s| &mut s.samples) {
            sample.at = end_of_step(sample.at, range, step);
        }
        Ok(matrix)
    }

    async fn index_volume(
        &self,
        path: &'static str,
        selector: &str,
        range: TimeRange,
        by: Option<&str>,
        step: Option<Duration>,
    ) -> Result<Enveloped<QueryData>, SourceError> {
        // A POST where there is one: a selector may be longer than an address.
        let mut request = Request::post(format!("/loki/api/v1/{path}"))
            .param("query", selector)
            .param("start", range.start.to_string())
            .param("end", range.end.to_string())
            .param("limit", SERIES.to_string())
            .aside();
        if let Some(by) = by {
            request = request.param("targetLabels", by);
        }
        if let Some(step) = step {
            request = request.param("step", step.as_secs_f64().to_string());
        }
        match tokio::time::timeout(PATIENCE, self.data(path, request)).await {
            Ok(answered) => answered,
            Err(_) => Err(self.http.error(ErrorKind::Timeout(PATIENCE), format!("{path} did not answer in {} s", PATIENCE.as_secs()))),
        }
    }
}

/// The server writes the last millisecond of a step for its end.
fn end_of_step(at: Timestamp, range: TimeRange, step: Duration) -> Timestamp {
    const MILLI: i64 = 1_000_000;
    let next = Timestamp(at.0.saturating_add(MILLI));
    if next.0 % nanos(step).max(1) < MILLI { next.align_down(step).min(range.end.max(at)) } else { at }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{body_string_contains, path},
    };

    use super::*;
    use crate::{model::backend::Backend, source::http::Endpoint};

    const RANGE: TimeRange = TimeRange { start: Timestamp::from_secs(1_700_000_001), end: Timestamp::from_secs(1_700_000_009) };

    async fn loki(at: &str, sent: &str, answer: ResponseTemplate) -> (Loki, MockServer) {
        let server = MockServer::start().await;
        Mock::given(path(at)).and(body_string_contains(sent)).respond_with(answer).mount(&server).await;
        (Loki::new(Endpoint::new(Backend::Loki, server.uri().parse().unwrap()), Arc::new(|_, _| ())).unwrap(), server)
    }

    fn data(result: &str) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_raw(format!(r#"{{"status":"success","data":{result}}}"#), "application/json")
    }

    #[tokio::test]
    async fn a_size_is_that_of_all_series_the_largest_first() {
        let told = r#"{"resultType":"vector","result":[{"metric":{"app":"a"},"value":[1,"5"]},{"metric":{"app":"b"},"value":[1,"70"]}]}"#;
        let (loki, _server) = loki("/loki/api/v1/index/volume", "targetLabels=app", data(told)).await;
        let size = loki.size(r#"{x="y"}"#, RANGE, Some("app")).await.unwrap();
        assert_eq!((size.total(), size.by("app")), (75, vec![("b", 70), ("a", 5)]));
    }

    #[tokio::test]
    async fn a_volume_stands_at_the_ends_of_its_steps() {
        // As a real one answers.
        let told = r#"{"resultType":"matrix","result":[{"metric":{"app":"a"},"values":[[1700000003.999,"186"],[1700000007.999,"248"],[1700000009,"62"]]}]}"#;
        let (loki, _server) = loki("/loki/api/v1/index/volume_range", "step=4", data(told)).await;
        let matrix = loki.volume(r#"{app="a"}"#, RANGE, Duration::from_secs(4)).await.unwrap();
        let samples: Vec<_> = matrix.series[0].samples.iter().map(|s| (s.at.secs(), s.value)).collect();
        assert_eq!(samples, [(1_700_000_004, 186.0), (1_700_000_008, 248.0), (1_700_000_009, 62.0)]);
    }

    #[tokio::test]
    async fn one_that_has_no_such_page_says_that_it_is_not_supported() {
        let (loki, _server) = loki("/loki/api/v1/index/volume", "query", ResponseTemplate::new(404).set_body_string("not found")).await;
        assert_eq!(loki.size("{a=\"b\"}", RANGE, None).await.unwrap_err().kind, ErrorKind::NotSupported);
    }
}
