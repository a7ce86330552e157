use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use futures_util::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use url::Url;

use crate::{
    demo::{
        memory_logs::MemLogs,
        server::{Server, start},
        store::Clock,
    },
    model::{labels::Labels, time::Timestamp},
};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

/// A clock that the test sets.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A Loki with a line a second from `START` on, 20 of them; its clock stands at second 10.
struct Loki {
    url: Url,
    clock: Arc<Hand>,
    _server: Server,
}

impl Loki {
    async fn start() -> Self {
        let stream: Arc<Labels> = Arc::new([("app", "api"), ("zone", "eu")].into_iter().collect());
        let metadata = |i: i64| -> Labels { [("trace_id", format!("{i:032x}"))].into_iter().collect() };
        let lines = (0..20).map(|i| (Timestamp(START + i * SECOND), stream.clone(), metadata(i), format!("level=info n={i}")));
        let clock = Arc::new(Hand(AtomicI64::new(START + 10 * SECOND)));
        let server = start(super::router(Arc::new(MemLogs::new(lines)), clock.clone()), clock.clone()).await.unwrap();
        Self { url: server.url.clone(), clock, _server: server }
    }

    async fn get(&self, path: &str, params: &[(&str, &str)], flags: &str) -> (u16, String) {
        let request = crate::source::http::plain()
            .build()
            .unwrap()
            .get(self.url.join(path).unwrap())
            .query(params)
            .header("X-Loki-Response-Encoding-Flags", flags);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn json(&self, path: &str, params: &[(&str, &str)]) -> Value {
        let (status, body) = self.get(path, params, "").await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Texts of the lines that a tail sends, and the frames' sizes, until `count` have come.
    async fn tail(&self, params: &str, count: usize) -> Vec<Value> {
        let mut url = self.url.join(&format!("loki/api/v1/tail?{params}")).unwrap();
        url.set_scheme("ws").unwrap();
        let mut request = url.as_str().into_client_request().unwrap();
        request.headers_mut().insert("X-Loki-Response-Encoding-Flags", "categorize-labels".parse().unwrap());
        let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut streams = Vec::new();
        while streams.len() < count {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                let frame: Value = serde_json::from_str(&text).unwrap();
                streams.extend(frame["streams"].as_array().unwrap().clone());
                // What lies in the future exists once the clock has got there.
                self.clock.0.fetch_add(4 * SECOND, Ordering::SeqCst);
            }
        }
        streams
    }
}

#[tokio::test]
async fn lines_come_with_their_labels_apart_or_merged() {
    let loki = Loki::start().await;
    let params = [("query", r#"{service_name="api"} | logfmt"#), ("limit", "1"), ("end", "1700000010")];
    let (_, body) = loki.get("loki/api/v1/query_range", &params, "categorize-labels").await;
    let data = serde_json::from_str::<Value>(&body).unwrap()["data"].clone();
    assert_eq!(data["encodingFlags"], json!(["categorize-labels"]));
    let trace = format!("{:032x}", 9);
    assert_eq!(
        data["result"],
        json!([{"stream": {"app": "api", "service_name": "api", "zone": "eu"}, "values": [["1700000009000000000", "level=info n=9",
            {"structuredMetadata": {"detected_level": "info", "trace_id": trace}, "parsed": {"level": "info", "n": "9"}}]]}])
    );
    let merged = loki.json("loki/api/v1/query_range", &params).await;
    assert_eq!(
        merged["data"]["result"],
        json!([{"stream": {"app": "api", "detected_level": "info", "level": "info", "n": "9", "service_name": "api", "trace_id": trace, "zone": "eu"},
            "values": [["1700000009000000000", "level=info n=9"]]}])
    );
}

#[tokio::test]
async fn ranges_start_inclusive_and_end_exclusive_in_both_directions() {
    let loki = Loki::start().await;
    let texts = async |direction: &str, limit: &str| {
        let params =
            [("query", r#"{app="api"}"#), ("start", "1700000002"), ("end", "1700000005"), ("direction", direction), ("limit", limit)];
        let answer = loki.json("loki/api/v1/query_range", &params).await;
        let values =
            answer["data"]["result"].as_array().unwrap().iter().flat_map(|s| s["values"].as_array().unwrap().clone()).collect::<Vec<_>>();
        values.iter().map(|v| v[1].as_str().unwrap()[13..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(texts("forward", "100").await, ["2", "3", "4"]);
    assert_eq!(texts("backward", "2").await, ["4", "3"]);
}

#[tokio::test]
async fn numbers_come_as_matrix_vector_and_scalar() {
    let loki = Loki::start().await;
    let params = [
        ("query", "sum by (detected_level)(count_over_time({app=\"api\"}[5s]))"),
        ("start", "1700000005"),
        ("end", "1700000009"),
        ("step", "5s"),
    ];
    let matrix = loki.json("loki/api/v1/query_range", &params).await;
    assert_eq!(matrix["data"]["resultType"], "matrix");
    assert_eq!(
        matrix["data"]["result"],
        json!([{"metric": {"detected_level": "info"}, "values": [[1_700_000_005, "5"], [1_700_000_010, "5"]]}])
    );
    let vector = loki.json("loki/api/v1/query", &[("query", "sum(rate({app=\"api\"}[10s]))"), ("time", "1700000009.5")]).await;
    assert_eq!(vector["data"]["result"], json!([{"metric": {}, "value": [1_700_000_009.5, "1"]}]));
    let scalar = loki.json("loki/api/v1/query", &[("query", "1+1"), ("time", "1700000009")]).await;
    assert_eq!(scalar["data"]["result"], json!([1_700_000_009_000_i64, "2"]));
}

#[tokio::test]
async fn refusals_are_plain_text() {
    let loki = Loki::start().await;
    for (path, params, words) in [
        ("query_range", vec![("query", "{app=")], "parse error at line 1, col 6: syntax error: unexpected $end"),
        (
            "query_range",
            vec![("query", r#"{app="api"}"#), ("limit", "6000")],
            "max entries limit per query exceeded, limit > max_entries_limit_per_query (6000 > 5000)",
        ),
        (
            "query_range",
            vec![("query", r#"{app="api"}"#), ("start", "1700000009"), ("end", "1700000001")],
            "end timestamp must not be before",
        ),
        ("query_range", vec![("query", "1"), ("step", "0.0001")], "exceeded maximum resolution of 11,000 points"),
        ("query", vec![("query", r#"{app="api"}"#)], "log queries are not supported as an instant query type"),
        ("labels", vec![("query", r#"{app="api"} |= "x""#)], "only label matchers"),
        ("tail", vec![("query", "{")], "400"),
    ] {
        let (status, body) = loki.get(&format!("loki/api/v1/{path}"), &params, "").await;
        assert!(status == 400 && (body.contains(words) || words == "400"), "{path} {params:?}: {status} {body}");
    }
}

#[tokio::test]
async fn what_there_is_can_be_listed() {
    let loki = Loki::start().await;
    assert_eq!(loki.json("loki/api/v1/labels", &[]).await, json!({"status": "success", "data": ["app", "service_name", "zone"]}));
    assert_eq!(loki.json("loki/api/v1/label/service_name/values", &[]).await, json!({"status": "success", "data": ["api"]}));
    assert_eq!(loki.json("loki/api/v1/label/nothing/values", &[]).await, json!({"status": "success"}));
    let series = json!({"status": "success", "data": [{"app": "api", "service_name": "api", "zone": "eu"}]});
    assert_eq!(loki.json("loki/api/v1/series", &[("match[]", r#"{service_name="api"}"#)]).await, series);
    assert_eq!(
        loki.json("loki/api/v1/format_query", &[("query", "{app=\"a\"}")]).await,
        json!({"status": "success", "data": "{app=\"a\"}"})
    );
    let (status, body) = loki.get("loki/api/v1/format_query", &[("query", "{")], "").await;
    assert!(status == 400 && body.contains("invalid-query"), "{body}");
}

#[tokio::test]
async fn volumes_count_lines_and_metadata_and_statistics_what_is_flushed() {
    let loki = Loki::start().await;
    let query = ("query", r#"{app="api"}"#);
    let volume = loki.json("loki/api/v1/index/volume", &[query]).await;
    assert_eq!(volume["data"]["resultType"], "vector");
    // Ten lines of 14 bytes with two labels of metadata, of which one is an id.
    assert_eq!(volume["data"]["result"], json!([{"metric": {"app": "api"}, "value": [1_700_000_010, "620"]}]));
    let targets = loki.json("loki/api/v1/index/volume", &[query, ("targetLabels", "zone,service_name")]).await;
    assert_eq!(targets["data"]["result"][0]["metric"], json!({"zone": "eu", "service_name": "api"}));
    let none = loki.json("loki/api/v1/index/volume", &[query, ("targetLabels", "pod")]).await;
    assert_eq!(none["data"]["result"], json!([]));
    let names = loki.json("loki/api/v1/index/volume", &[query, ("aggregateBy", "labels")]).await;
    let names: Vec<&Value> = names["data"]["result"].as_array().unwrap().iter().map(|s| &s["metric"]).collect();
    assert_eq!(names, [&json!({"app": ""}), &json!({"service_name": ""}), &json!({"zone": ""})]);
    let range = [query, ("start", "1700000001"), ("end", "1700000009"), ("step", "4s")];
    let range = loki.json("loki/api/v1/index/volume_range", &range).await;
    let samples = json!([[1_700_000_003.999, "186"], [1_700_000_007.999, "248"], [1_700_000_009, "62"]]);
    assert_eq!(range["data"]["result"], json!([{"metric": {"app": "api"}, "values": samples}]));
    let (status, body) = loki.get("loki/api/v1/index/volume", &[query, ("aggregateBy", "x")], "").await;
    assert_eq!((status, body.as_str()), (400, "invalid aggregation option"));
    let stats = async || loki.json("loki/api/v1/index/stats", &[query, ("start", "1700000000")]).await;
    assert_eq!(stats().await, json!({"streams": 0, "chunks": 0, "bytes": 0, "entries": 0}));
    loki.clock.0.fetch_add(7_200 * SECOND, Ordering::SeqCst);
    assert_eq!(stats().await, json!({"streams": 1, "chunks": 1, "bytes": 1250, "entries": 20}));
}

#[tokio::test]
async fn fields_of_lines_and_their_values_are_found() {
    let loki = Loki::start().await;
    let query = ("query", r#"{app="api"}"#);
    assert_eq!(
        loki.json("loki/api/v1/detected_fields", &[query, ("line_limit", "7")]).await,
        json!({"limit": 1000, "fields": [
            {"label": "detected_level", "type": "string", "cardinality": 1, "parsers": null},
            {"label": "level", "type": "string", "cardinality": 1, "parsers": ["logfmt"]},
            {"label": "n", "type": "int", "cardinality": 7, "parsers": ["logfmt"]},
            {"label": "trace_id", "type": "int", "cardinality": 7, "parsers": null},
        ]})
    );
    assert_eq!(
        loki.json("loki/api/v1/detected_field/n/values", &[query, ("limit", "3")]).await,
        json!({"limit": 3, "values": ["9", "8", "7"]})
    );
    assert_eq!(loki.json("loki/api/v1/detected_field/none/values", &[query]).await, json!({}));
    assert_eq!(loki.json("loki/api/v1/detected_fields", &[("query", r#"{app="none"}"#)]).await, json!({}));
    assert_eq!(
        loki.json("loki/api/v1/detected_labels", &[query]).await,
        json!({"detectedLabels": [{"label": "app", "cardinality": 1}, {"label": "service_name", "cardinality": 1}, {"label": "zone", "cardinality": 1}]})
    );
}

#[tokio::test]
async fn queries_are_written_as_loki_writes_them() {
    let loki = Loki::start().await;
    for (query, pretty) in [
        (
            r#"{a="b",c=~`d.+`}|="x"!="y"  |json|status>=500 or e="f""#,
            r#"{a="b", c=~"d.+"} |= "x" != "y" | json | ( status>=500 or e="f" )"#,
        ),
        ("sum  by(x)(rate({a=\"b\"}[90m]))/2", "(sum by (x)(rate({a=\"b\"}[1h30m])) / 2)"),
        (
            r#"sum by (service_name)(rate({run="a-value-that-is-long-enough-for-it"} |= "some more words that are looked for" | logfmt | unwrap amount [30s]))"#,
            "sum by (service_name)(\n  rate(\n    {run=\"a-value-that-is-long-enough-for-it\"} |= \"some more words that are looked for\" | logfmt\n      | unwrap amount [30s]\n  )\n)",
        ),
    ] {
        let answer = loki.json("loki/api/v1/format_query", &[("query", query)]).await;
        assert_eq!(answer, json!({"status": "success", "data": pretty}));
    }
}

#[tokio::test]
async fn limits_are_told_to_who_names_a_tenant() {
    let loki = Loki::start().await;
    assert_eq!(loki.get("loki/api/v1/drilldown-limits", &[], "").await, (401, "no org id".to_owned()));
    let url = loki.url.join("loki/api/v1/drilldown-limits").unwrap();
    let request = crate::source::http::plain().build().unwrap().get(url).header("X-Scope-OrgID", "fake");
    let answer: Value = serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap();
    assert_eq!(answer["limits"]["max_entries_limit_per_query"], 5000);
    assert_eq!(answer["pattern_ingester_enabled"], true);
}

#[tokio::test]
async fn forms_are_read_like_urls() {
    let loki = Loki::start().await;
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs([("query", r#"{app="api"}"#), ("limit", "3")]).finish();
    let url = loki.url.join("loki/api/v1/query_range").unwrap();
    let response = crate::source::http::plain()
        .build()
        .unwrap()
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 200);
    let answer: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(answer["data"]["stats"]["summary"]["totalEntriesReturned"], 3);
}

#[tokio::test]
async fn a_tail_gives_history_then_what_comes_without_loss() {
    let loki = Loki::start().await;
    let streams = loki.tail("query={app%3D%22api%22}&start=1700000000&limit=5", 15).await;
    let numbers: Vec<i64> = streams.iter().map(|s| s["values"][0][1].as_str().unwrap()[13..].parse().unwrap()).collect();
    assert_eq!(numbers, (5..20).collect::<Vec<_>>(), "the last five before second 10, then all that follow");
    assert!(streams.iter().all(|s| s["values"].as_array().unwrap().len() == 1), "each entry is a stream of its own");
    assert_eq!(streams[14]["values"][0][2]["structuredMetadata"]["detected_level"], "info");
}

#[tokio::test]
async fn a_tail_of_numbers_is_closed_with_a_reason() {
    let loki = Loki::start().await;
    let mut url = loki.url.join("loki/api/v1/tail?query=rate({app%3D%22api%22}[1m])").unwrap();
    url.set_scheme("ws").unwrap();
    let (mut socket, _) = tokio_tungstenite::connect_async(url.as_str()).await.unwrap();
    let Message::Close(Some(frame)) = socket.next().await.unwrap().unwrap() else { panic!("no close frame") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1011, "only log selector is supported"));
}
