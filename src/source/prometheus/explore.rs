//! What a user types and explores: queries with any kind of result, and the names that complete them.

use std::{cmp::Ordering, fmt::Write as _, time::Duration};

use serde::Deserialize;

use super::{MAX_VALUES, Prometheus, aligned, escaped_label, in_range, seconds, wire::Enveloped};
use crate::{
    model::{
        backend::SourceError,
        explored::{About, Explored, Names, Table, Total, Value},
        labels::Labels,
        series::{Matrix, Sample, Series},
        time::TimeRange,
    },
    source::{
        http::Request,
        json::{LabelMap, Point, Text, nullable},
    },
};

/// Series of a graph that are kept, those with the largest last values.
const MAX_LINES: usize = 200;
/// Series of a table that are kept.
const MAX_ROWS: usize = 10_000;
/// Series that are asked for: one more tells that there are more.
const LIMIT: usize = MAX_ROWS + 1;
/// Names of metrics that are kept.
const MAX_METRICS: usize = 100_000;

impl Prometheus {
    /// A query as it was typed, over a range where there is a step, or else at its end.
    ///
    /// # Errors
    /// As any request.
    pub async fn explore(&self, promql: &str, range: TimeRange, step: Option<Duration>) -> Result<Explored, SourceError> {
        // Servers from 3.2 on cut there and say so; older ones ignore it.
        let limit = LIMIT.to_string();
        let Some(step) = step else {
            let request = Request::post("/api/v1/query").param("query", promql).param("time", seconds(range.end)).param("limit", limit);
            let answer: Enveloped<Data> = self.data("query", request).await?;
            return Ok(explored(answer, None));
        };
        let (range, step) = aligned(range, step);
        let request = in_range(Request::post("/api/v1/query_range").param("query", promql), range)
            .param("step", step.as_secs_f64().to_string())
            .param("limit", limit);
        let answer: Enveloped<Data> = self.data("query_range", request).await?;
        Ok(explored(answer, Some((range, step))))
    }

    /// Names of metrics, at most 100 000.
    ///
    /// # Errors
    /// As any request.
    pub async fn metric_names(&self, range: TimeRange) -> Result<Names, SourceError> {
        let request = in_range(Request::get("/api/v1/label/__name__/values"), range).param("limit", MAX_METRICS.to_string());
        self.listed("metric names", request, None, MAX_METRICS).await
    }

    /// Values of a label on the series that a selector matches, at most 10 000.
    ///
    /// # Errors
    /// As any request.
    pub async fn values_of(&self, label: &str, selector: &str, range: TimeRange) -> Result<Names, SourceError> {
        let request = in_range(Request::get(format!("/api/v1/label/{}/values", escaped_label(label))), range);
        let request = request.param("limit", MAX_VALUES.to_string());
        self.listed("label values", request, Some(selector.to_owned()), MAX_VALUES).await
    }

    /// Type and help of a metric, found under its family's name where it is a part of a histogram or summary.
    ///
    /// # Errors
    /// As any request.
    pub async fn about(&self, metric: &str) -> Result<About, SourceError> {
        let family = ["_bucket", "_count", "_sum", "_total"].iter().find_map(|end| metric.strip_suffix(end));
        for name in std::iter::once(metric).chain(family) {
            if let Some(told) = self.metadata(name).await?.into_iter().next() {
                return Ok(About { kind: told.kind, help: told.help });
            }
        }
        Ok(About::default())
    }
}

/// What a query gives, of either language.
#[derive(Debug, Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(in crate::source) enum Data {
    Vector(#[serde(deserialize_with = "nullable")] Vec<Element>),
    Matrix(#[serde(deserialize_with = "nullable")] Vec<Line>),
    Scalar(Point),
    String((serde::de::IgnoredAny, Text)),
    /// Log lines, which only Loki gives.
    Streams(serde::de::IgnoredAny),
}

impl Default for Data {
    fn default() -> Self {
        Self::Vector(Vec::new())
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::source) struct Element {
    #[serde(default)]
    metric: LabelMap,
    value: Option<Point>,
    histogram: Option<(serde::de::IgnoredAny, Histogram)>,
}

#[derive(Debug, Deserialize)]
pub(in crate::source) struct Line {
    #[serde(default)]
    metric: LabelMap,
    #[serde(default, deserialize_with = "nullable")]
    values: Vec<Point>,
    #[serde(default, deserialize_with = "nullable")]
    histograms: Vec<(serde::de::IgnoredAny, Histogram)>,
}

/// A native histogram: `[boundary rule, from, to, count]` for each bucket.
#[derive(Debug, Deserialize)]
struct Histogram {
    #[serde(default)]
    count: Text,
    #[serde(default)]
    sum: Text,
    #[serde(default, deserialize_with = "nullable")]
    buckets: Vec<(u8, Text, Text, Text)>,
}

impl Histogram {
    /// `count 42  sum 3.1  (0.25, 0.5] 12  …`
    fn words(&self) -> String {
        let mut out = format!("count {}  sum {}", self.count.0, self.sum.0);
        for (rule, from, to, count) in &self.buckets {
            let open = if matches!(rule, 1 | 3) { '[' } else { '(' };
            let close = if matches!(rule, 0 | 3) { ']' } else { ')' };
            // Writing into a string does not fail.
            let _ = write!(out, "  {open}{}, {}{close} {}", from.0, to.0, count.0);
        }
        out
    }
}

pub(in crate::source) fn explored(mut answer: Enveloped<Data>, graph: Option<(TimeRange, Duration)>) -> Explored {
    let warnings = answer.notes();
    match (answer.data, graph) {
        (Data::Scalar(point), _) => Explored::Scalar(point.0, warnings),
        (Data::String((_, text)), _) => Explored::Text(text.0.to_string(), warnings),
        (Data::Matrix(lines), Some((range, step))) => graphed(lines, range, step, warnings),
        (Data::Matrix(lines), None) => tabled(lines.into_iter().map(samples), warnings),
        (Data::Vector(elements), _) => tabled(elements.into_iter().filter_map(element), warnings),
        (Data::Streams(_), _) => tabled(std::iter::empty(), warnings),
    }
}

fn element(element: Element) -> Option<(Labels, Value)> {
    let histogram = element.histogram.map(|(_, h)| Value::Histogram(h.words()));
    Some((element.metric.0, element.value.map(|p| Value::Number(p.0.value)).or(histogram)?))
}

fn samples(line: Line) -> (Labels, Value) {
    let value = match (line.values.last(), line.histograms.last()) {
        (None, Some((_, newest))) => Value::Histogram(newest.words()),
        (newest, _) => Value::Samples(line.values.len(), newest.map(|p| (p.0.at, p.0.value))),
    };
    (line.metric.0, value)
}

fn tabled(rows: impl Iterator<Item = (Labels, Value)>, warnings: Vec<String>) -> Explored {
    let mut rows: Vec<(Labels, Value)> = rows.collect();
    let total = total(rows.len());
    rows.truncate(MAX_ROWS);
    Explored::Table(Table { rows, total, warnings })
}

fn graphed(lines: Vec<Line>, range: TimeRange, step: Duration, mut warnings: Vec<String>) -> Explored {
    let histograms = lines.iter().filter(|l| l.values.is_empty() && !l.histograms.is_empty()).count();
    if histograms > 0 {
        warnings.push(format!("{histograms} native histograms are no lines; the table shows them, histogram_quantile() draws them"));
    }
    let drawn = lines.into_iter().filter(|l| !l.values.is_empty());
    let line = |l: Line| Series { labels: l.metric.0, samples: l.values.into_iter().map(|p| p.0).collect() };
    let mut series: Vec<Series> = drawn.map(line).collect();
    let total = total(series.len());
    if series.len() > MAX_LINES {
        series.sort_by(|a, b| largest(b.last(), a.last()));
        series.truncate(MAX_LINES);
    }
    Explored::Graph { matrix: Matrix { series, range, step, warnings }, total }
}

fn total(series: usize) -> Total {
    Total { series, cut: series == LIMIT }
}

/// A series without a number comes last.
fn largest(a: Option<Sample>, b: Option<Sample>) -> Ordering {
    let value = |s: Option<Sample>| s.map_or(f64::NEG_INFINITY, |s| s.value);
    value(a).total_cmp(&value(b))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

    use super::*;
    use crate::{
        model::{backend::Backend, time::Timestamp},
        source::http::Endpoint,
    };

    const HOUR: TimeRange = TimeRange { start: Timestamp::from_secs(1_000_000_000), end: Timestamp::from_secs(1_000_003_600) };

    async fn prometheus(body: String) -> (MockServer, Prometheus) {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_raw(body, "application/json")).mount(&server).await;
        let endpoint = Endpoint::new(Backend::Prometheus, server.uri().parse().unwrap());
        let prometheus = Prometheus::new(endpoint, Arc::new(|_, _| ())).unwrap();
        (server, prometheus)
    }

    async fn explore(kind: &str, result: &str, step: Option<Duration>) -> Explored {
        let body = format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":{result}}}}}"#);
        prometheus(body).await.1.explore("x", HOUR, step).await.unwrap()
    }

    #[tokio::test]
    async fn every_kind_of_result_is_read() {
        let scalar = explore("scalar", r#"[1,"NaN"]"#, None).await;
        assert!(matches!(scalar, Explored::Scalar(s, _) if s.value.is_nan()), "{scalar:?}");
        assert_eq!(explore("string", r#"[1,"a text"]"#, None).await, Explored::Text("a text".to_owned(), Vec::new()));
        let mixed = r#"[{"metric":{"a":"1"},"value":[1,"+Inf"]},{"metric":{"a":"2"},"histogram":[1,{"count":"42","sum":"3.5","buckets":[[0,"0.25","0.5","12"],[3,"-0.25","0.25","30"]]}]}]"#;
        let Explored::Table(table) = explore("vector", mixed, None).await else { panic!() };
        assert_eq!(table.rows[0].1, Value::Number(f64::INFINITY));
        assert_eq!(table.rows[1].1, Value::Histogram("count 42  sum 3.5  (0.25, 0.5] 12  [-0.25, 0.25] 30".to_owned()));
        let raw = r#"[{"metric":{"a":"1"},"values":[[1,"5"],[2,"7"]]}]"#;
        let Explored::Table(table) = explore("matrix", raw, None).await else { panic!() };
        assert_eq!(table.rows[0].1, Value::Samples(2, Some((Timestamp::from_secs(2), 7.0))));
    }

    #[tokio::test]
    async fn of_10_000_lines_the_largest_are_kept_and_all_are_counted() {
        let value = |i: usize| if i.is_multiple_of(2) { "NaN".to_owned() } else { i.to_string() };
        let line = |i: usize| format!(r#"{{"metric":{{"i":"{i}"}},"values":[[1000000000,"{}"]]}}"#, value(i));
        let lines = (0..10_001).map(line).collect::<Vec<_>>().join(",");
        let Explored::Graph { matrix, total } = explore("matrix", &format!("[{lines}]"), Some(Duration::from_secs(60))).await else {
            panic!()
        };
        assert_eq!((matrix.series.len(), total), (MAX_LINES, Total { series: 10_001, cut: true }));
        assert_eq!(matrix.series[0].labels.get("i"), Some("9999"));
    }

    #[tokio::test]
    async fn warnings_and_infos_are_told_whatever_the_result_is() {
        for data in [
            r#"{"resultType":"scalar","result":[1,"2"]}"#,
            r#"{"resultType":"string","result":[1,"a"]}"#,
            r#"{"resultType":"vector","result":[]}"#,
        ] {
            let body = format!(r#"{{"status":"success","data":{data},"warnings":["a warning"],"infos":["an info"]}}"#);
            let told = prometheus(body).await.1.explore("x", HOUR, None).await.unwrap();
            assert_eq!(told.warnings(), ["a warning", "an info"], "{data}");
        }
    }

    #[tokio::test]
    async fn a_list_of_names_is_cut_where_the_server_does_not() {
        let names = (0..MAX_VALUES + 5).map(|i| format!("\"v{i}\"")).collect::<Vec<_>>().join(",");
        let (_server, prometheus) = prometheus(format!(r#"{{"status":"success","data":[{names}]}}"#)).await;
        let values = prometheus.values_of("job", "up", HOUR).await.unwrap();
        assert_eq!((values.names.len(), values.cut), (MAX_VALUES, true));
    }

    #[tokio::test]
    async fn a_part_of_a_histogram_is_told_of_by_its_family() {
        let server = MockServer::start().await;
        let told = r#"{"status":"success","data":{"x_seconds":[{"type":"histogram","help":"Time.","unit":""}]}}"#;
        let of = |name: &str| Mock::given(wiremock::matchers::query_param("metric", name));
        of("x_seconds").respond_with(ResponseTemplate::new(200).set_body_raw(told, "application/json")).mount(&server).await;
        let none = r#"{"status":"success","data":{}}"#;
        of("x_seconds_bucket").respond_with(ResponseTemplate::new(200).set_body_raw(none, "application/json")).mount(&server).await;
        let endpoint = Endpoint::new(Backend::Prometheus, server.uri().parse().unwrap());
        let prometheus = Prometheus::new(endpoint, Arc::new(|_, _| ())).unwrap();
        let about = prometheus.about("x_seconds_bucket").await.unwrap();
        assert_eq!((about.kind.as_str(), about.help.as_str()), ("histogram", "Time."));
    }
}
