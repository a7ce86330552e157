//! What a user types and explores: metric queries, whether a query of lines can be read, and the names that complete both.

use std::time::Duration;

use compact_str::CompactString;
use serde::{Deserialize, de::IgnoredAny};

use super::{Loki, wire};
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        explored::{Explored, Names},
        series::Sample,
        time::TimeRange,
    },
    source::{
        http::Request,
        json::{self, Text, nullable},
        prometheus::{Data, Enveloped, explored},
    },
};

/// Names that are kept.
const MAX_NAMES: usize = 10_000;
/// Lines that fields are found in.
const LINES: &str = "500";
/// Fields that are asked for.
const FIELDS: &str = "1000";
/// As much of the window as a query is checked over: its reading is what is asked for, not its lines.
const CHECKED: Duration = Duration::from_millis(1);

#[derive(Debug, Default, Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "nullable")]
    fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
struct Field {
    #[serde(default)]
    label: Text,
}

#[derive(Debug, Default, Deserialize)]
struct Values {
    #[serde(default, deserialize_with = "nullable")]
    values: Vec<Text>,
}

impl Loki {
    /// A metric query as it was typed, over a range where there is a step, or else at its end.
    ///
    /// # Errors
    /// As any request; a query of lines is a bad query here.
    pub async fn explore(&self, logql: &str, range: TimeRange, step: Option<Duration>) -> Result<Explored, SourceError> {
        let request = |path| Request::post(path).param("query", logql);
        let Some(step) = step else {
            let answer: Enveloped<Data> = self.data("query", request("/loki/api/v1/query").param("time", range.end.to_string())).await?;
            return self.told(answer, range, None);
        };
        let (range, step) = super::counted(range, step);
        let request = request("/loki/api/v1/query_range")
            .param("start", range.start.to_string())
            .param("end", range.end.to_string())
            .param("step", step.as_secs_f64().to_string());
        self.told(self.data("query_range", request).await?, range, Some(step))
    }

    fn told(&self, answer: Enveloped<Data>, range: TimeRange, step: Option<Duration>) -> Result<Explored, SourceError> {
        if matches!(answer.data, Data::Streams(_)) {
            return Err(self.http.error(ErrorKind::BadQuery, "the query gives log lines, not numbers"));
        }
        Ok(match explored(answer, step.map(|step| (range, step))) {
            // Its time is in milliseconds, unlike that of others.
            Explored::Scalar(scalar, warnings) => Explored::Scalar(Sample { at: range.end, ..scalar }, warnings),
            other => other,
        })
    }

    /// Whether a query of lines can be read, all of its stages included.
    ///
    /// # Errors
    /// As any request: [`ErrorKind::BadQuery`] with the server's words where it cannot.
    pub async fn check(&self, logql: &str, range: TimeRange) -> Result<(), SourceError> {
        // Without the header that keeps labels apart: with it Loki 3 says nothing of a regex or a template that it cannot
        // read, and finds no lines.
        let request = Request::post("/loki/api/v1/query_range")
            .param("query", logql)
            .param("start", range.start.max(range.end - CHECKED).to_string())
            .param("end", range.end.to_string())
            .param("limit", "1");
        let _: Enveloped<IgnoredAny> = self.data("query_range", request).await?;
        Ok(())
    }

    /// Why Loki cannot read a regex, a pattern or a template of the query, of which it says nothing where it is asked for lines.
    pub async fn unread(&self, logql: &str, range: TimeRange) -> Option<SourceError> {
        let may_be = ["~", "|>", "!>", "regexp", "_format"].iter().any(|part| logql.contains(part));
        let error = if may_be { self.check(logql, range).await.err() } else { None };
        error.filter(|e| e.kind == ErrorKind::BadQuery)
    }

    /// Names of labels of the streams that a selector matches; an empty one means all.
    ///
    /// # Errors
    /// As any request.
    pub async fn label_names_of(&self, selector: &str, range: TimeRange) -> Result<Names, SourceError> {
        let mut names = self.listed("labels", "/loki/api/v1/labels", selector, range).await?;
        names.names.retain(|n| !wire::is_internal(n));
        Ok(names)
    }

    /// Values of a label on the streams that a selector matches; an empty one means all.
    ///
    /// # Errors
    /// As any request.
    pub async fn label_values_of(&self, label: &str, selector: &str, range: TimeRange) -> Result<Names, SourceError> {
        if !is_name(label) {
            return Ok(Names::default());
        }
        self.listed("label values", &format!("/loki/api/v1/label/{label}/values"), selector, range).await
    }

    /// Names by which a pipeline on a selector's lines can go: labels of their streams, and fields that the server detects.
    ///
    /// # Errors
    /// As any request.
    pub async fn fields_of(&self, selector: &str, range: TimeRange) -> Result<Names, SourceError> {
        let mut names = self.label_names_of(selector, range).await?;
        if !selector.is_empty() {
            let request = Request::get("/loki/api/v1/detected_fields").param("line_limit", LINES);
            let detected: Option<Fields> = self.detected("detected_fields", request, selector, range).await?;
            names.names.extend(detected.into_iter().flat_map(|d| d.fields).map(|f| f.label.0).filter(|f| !wire::is_internal(f)));
        }
        Ok(bounded(names.names))
    }

    /// Values of a field of a selector's lines.
    ///
    /// # Errors
    /// As any request.
    pub async fn field_values_of(&self, field: &str, selector: &str, range: TimeRange) -> Result<Names, SourceError> {
        if !is_name(field) {
            return Ok(Names::default());
        }
        let labels = self.label_values_of(field, selector, range).await?;
        if !labels.names.is_empty() || selector.is_empty() {
            return Ok(labels);
        }
        let request = Request::get(format!("/loki/api/v1/detected_field/{field}/values")).param("line_limit", LINES);
        let detected: Option<Values> = self.detected("field values", request, selector, range).await?;
        Ok(bounded(detected.into_iter().flat_map(|d| d.values).map(|v| v.0).collect()))
    }

    /// What a server detects in lines; `None` where it detects nothing, as before 3.1.
    async fn detected<T: serde::de::DeserializeOwned>(
        &self,
        what: &'static str,
        request: Request,
        selector: &str,
        range: TimeRange,
    ) -> Result<Option<T>, SourceError> {
        let request = request
            .param("query", selector)
            .param("limit", FIELDS)
            .param("start", range.start.to_string())
            .param("end", range.end.to_string())
            .aside();
        match self.http.send(request).await {
            Ok(answer) => json::decode(self.http.backend(), what, &answer.body).map(Some),
            Err(error) if error.kind == ErrorKind::NotSupported => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn listed(&self, what: &'static str, path: &str, selector: &str, range: TimeRange) -> Result<Names, SourceError> {
        if !selector.is_empty() {
            match self.names(what, Request::get(path).param("query", selector), range).await {
                Ok(names) => return Ok(bounded(names)),
                // A selector that would match every stream is none to narrow by, and half a regex is being typed.
                Err(error) if error.kind == ErrorKind::BadQuery => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bounded(self.names(what, Request::get(path), range).await?))
    }
}

/// What can stand in a path, and in LogQL.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn bounded(mut names: Vec<CompactString>) -> Names {
    let cut = names.len() > MAX_NAMES;
    names.truncate(MAX_NAMES);
    Names { names, cut }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{path, query_param, query_param_is_missing},
    };

    use super::*;
    use crate::{
        model::{backend::Backend, explored::Table, time::Timestamp},
        source::http::Endpoint,
    };

    const HOUR: TimeRange = TimeRange { start: Timestamp::from_secs(1_000_000_000), end: Timestamp::from_secs(1_000_003_600) };

    async fn answering(mocks: Vec<(Given, ResponseTemplate)>) -> (MockServer, Loki) {
        let server = MockServer::start().await;
        for (mock, answer) in mocks {
            mock.respond_with(answer).mount(&server).await;
        }
        let endpoint = Endpoint::new(Backend::Loki, server.uri().parse().unwrap());
        let loki = Loki::new(endpoint, Arc::new(|_, _| ())).unwrap();
        (server, loki)
    }

    type Given = wiremock::MockBuilder;

    fn at(page: &str) -> Given {
        Mock::given(path(format!("/loki/api/v1/{page}")))
    }

    fn good(body: &Value) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(body)
    }

    fn listed(names: &[&str]) -> ResponseTemplate {
        good(&json!({"status": "success", "data": names}))
    }

    #[tokio::test]
    async fn names_are_of_the_selector_unless_the_server_cannot_read_it() {
        let (_server, loki) = answering(vec![
            (at("labels").and(query_param("query", "{a=\"b\"}")), listed(&["a", "pod", "__stream_shard__"])),
            (at("labels").and(query_param("query", "{a=~\"(\"}")), ResponseTemplate::new(400).set_body_string("parse error : …")),
            (at("labels").and(query_param_is_missing("query")), listed(&["a", "other"])),
        ])
        .await;
        assert_eq!(loki.label_names_of("{a=\"b\"}", HOUR).await.unwrap().names, ["a", "pod"]);
        assert_eq!(loki.label_names_of("{a=~\"(\"}", HOUR).await.unwrap().names, ["a", "other"]);
    }

    #[tokio::test]
    async fn fields_are_labels_and_what_is_detected_where_the_server_does() {
        let selector = "{a=\"b\"}";
        let fields = json!({"fields": [{"label": "level", "type": "string", "cardinality": 3, "parsers": ["json"]}, {"label": "took"}], "limit": 1000});
        let (_server, loki) =
            answering(vec![(at("labels"), listed(&["a"])), (at("detected_fields").and(query_param("query", selector)), good(&fields))])
                .await;
        assert_eq!(loki.fields_of(selector, HOUR).await.unwrap().names, ["a", "level", "took"]);
        let (_server, older) = answering(vec![(at("labels"), listed(&["a"]))]).await;
        assert_eq!(older.fields_of(selector, HOUR).await.unwrap().names, ["a"], "before 3.1");
    }

    #[tokio::test]
    async fn values_of_a_field_are_those_of_the_label_or_what_is_detected_10_000_at_the_most() {
        let many: Vec<String> = (0..MAX_NAMES + 5).map(|i| format!("v{i}")).collect();
        let (_server, loki) = answering(vec![
            (at("label/pod/values"), good(&json!({"status": "success", "data": many}))),
            (at("label/level/values"), good(&json!({"status": "success"}))),
            (at("detected_field/level/values"), good(&json!({"values": ["error", 7], "limit": 1000}))),
        ])
        .await;
        let pods = loki.field_values_of("pod", "{a=\"b\"}", HOUR).await.unwrap();
        assert_eq!((pods.names.len(), pods.cut), (MAX_NAMES, true));
        assert_eq!(loki.field_values_of("level", "{a=\"b\"}", HOUR).await.unwrap().names, ["error", "7"]);
        assert_eq!(loki.field_values_of("../../x", "{a=\"b\"}", HOUR).await.unwrap(), Names::default());
    }

    #[tokio::test]
    async fn numbers_are_read_and_lines_are_none() {
        let answer = |kind: &str, result: Value| good(&json!({"status": "success", "data": {"resultType": kind, "result": result}}));
        let (_server, loki) =
            answering(vec![(at("query"), answer("vector", json!([{"metric": {"level": "error"}, "value": [1, "3"]}])))]).await;
        let told = loki.explore("x", HOUR, None).await.unwrap();
        assert!(matches!(&told, Explored::Table(Table { rows, .. }) if rows.len() == 1), "{told:?}");
        let (_server, loki) = answering(vec![(at("query"), answer("scalar", json!([1_795_195_280_103_i64, "2"])))]).await;
        assert_eq!(loki.explore("1+1", HOUR, None).await.unwrap(), Explored::Scalar(Sample { at: HOUR.end, value: 2.0 }, Vec::new()));
        let (_server, loki) =
            answering(vec![(at("query_range"), answer("streams", json!([{"stream": {"a": "b"}, "values": [["1", "x"]]}])))]).await;
        let error = loki.explore("{}", HOUR, Some(Duration::from_secs(60))).await.unwrap_err();
        assert_eq!((error.kind, error.message.as_str()), (ErrorKind::BadQuery, "the query gives log lines, not numbers"));
        loki.check("{}", HOUR).await.unwrap();
    }
}
