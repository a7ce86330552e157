use serde_json::Value;

use super::*;
use crate::{
    demo::{
        memory::MemStore,
        server::{Server, start},
        store::{Clock, Metadata, StoredExemplar},
    },
    model::{labels::Labels, time::Timestamp},
};

/// Minute 30.
const NOW: i64 = 1_800;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW)
    }
}

const RULES: &str = r#"
groups:
  - name: shop
    rules:
      - record: job:up:count
        expr: count by (job) (up)
      - alert: Down
        expr: up == 0
        for: 1m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.instance }} is {{ $value }}"}
"#;

async fn server() -> Server {
    let mut store = MemStore::default();
    for (instance, value) in [("a:80", 1.0), ("b:80", 0.0)] {
        let labels: Labels = [("__name__", "up"), ("job", "web"), ("instance", instance)].into_iter().collect();
        store.push(labels, (0..=120).map(|i| (i * 15_000, value)).collect());
    }
    let series: Labels = [("__name__", "x_bucket"), ("le", "1.0")].into_iter().collect();
    let labels = [("trace_id", "abc")].into_iter().collect();
    store.exemplars.push(StoredExemplar { series: Arc::new(series), labels, value: 0.5, at: 1_700_250 });
    store.metadata.push(Metadata { family: "up", kind: "gauge", help: "Up.", unit: "" });
    let engine =
        RuleEngine::new(serde_saphyr::from_str(RULES).unwrap(), "rules.yml", Arc::new(store), Arc::new(Fixed), Timestamp::ZERO).unwrap();
    start(router(Arc::new(engine)), Arc::new(Fixed)).await.unwrap()
}

/// Status and body of a GET.
async fn get_text(server: &Server, path: &str) -> (u16, String) {
    let response = crate::source::http::plain().build().unwrap().get(server.url.join(path).unwrap()).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn get_json(server: &Server, path: &str) -> (u16, Value) {
    let (status, text) = get_text(server, path).await;
    (status, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}")))
}

#[tokio::test]
async fn queries_answer_in_the_envelope() {
    let server = server().await;
    let (status, body) = get_json(&server, "api/v1/query?query=sum(up)").await;
    assert_eq!(
        (status, body),
        (200, json!({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1800, "1"]}]}}))
    );
    let (_, body) = get_json(&server, "api/v1/query?query=time()&time=12.3456").await;
    assert_eq!(body["data"]["result"], json!([12.346, "12.346"]));
    let (_, body) = get_json(&server, "api/v1/query?query=time()&time=1970-01-01T00:00:05%2B00:00").await;
    assert_eq!(body["data"]["result"], json!([5, "5"]));
    let (_, body) = get_json(&server, "api/v1/query?query=up&limit=1").await;
    assert_eq!((body["data"]["result"].as_array().unwrap().len(), &body["warnings"]), (1, &json!(["results truncated due to limit"])));
    let form = [("query", "job:up:count"), ("start", "1780"), ("end", "1800"), ("step", "10s")];
    let response = crate::source::http::plain()
        .build()
        .unwrap()
        .post(server.url.join("api/v1/query_range").unwrap())
        .header("content-type", "application/x-www-form-urlencoded");
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let body: Value = serde_json::from_str(&response.body(body).send().await.unwrap().text().await.unwrap()).unwrap();
    let expected = json!([{"metric": {"__name__": "job:up:count", "job": "web"}, "values": [[1780, "2"], [1790, "2"], [1800, "2"]]}]);
    assert_eq!(body["data"]["result"], expected);
}

#[tokio::test]
async fn mistakes_get_the_status_and_type_that_prometheus_gives() {
    let server = server().await;
    let range = "api/v1/query_range?query=up";
    let cases = [
        ("api/v1/query?query=up%7B".to_owned(), 400, "bad_data"),
        ("api/v1/query?query=".to_owned(), 400, "bad_data"),
        ("api/v1/query?query=up&time=noon".to_owned(), 400, "bad_data"),
        ("api/v1/query?query=up&limit=-1".to_owned(), 400, "bad_data"),
        ("api/v1/query?query=up&timeout=1ns".to_owned(), 400, "bad_data"),
        ("api/v1/query?query=up%2Bon(job)up".to_owned(), 422, "execution"),
        ("api/v1/query?query=sum(rate(up%5B5m%5D))&timeout=0s".to_owned(), 503, "timeout"),
        (format!("{range}&start=0&end=11001&step=1"), 400, "bad_data"),
        (format!("{range}&start=0&end=10&step=0"), 400, "bad_data"),
        (format!("{range}&start=10&end=0&step=1"), 400, "bad_data"),
        (format!("{range}&end=0&step=1"), 400, "bad_data"),
        (format!("{range}%5B5m%5D&start=0&end=10&step=1"), 400, "bad_data"),
        ("api/v1/series".to_owned(), 400, "bad_data"),
        ("api/v1/series?match%5B%5D=%7Ba%3D~%22.*%22%7D".to_owned(), 400, "bad_data"),
        ("api/v1/rules?type=x".to_owned(), 400, "bad_data"),
    ];
    for (path, status, kind) in cases {
        let (got, body) = get_json(&server, &path).await;
        assert_eq!((got, body["status"].as_str(), body["errorType"].as_str()), (status, Some("error"), Some(kind)), "{path}: {body}");
    }
    assert_eq!(get_text(&server, "api/v1/nothing").await, (404, "404 page not found\n".to_owned()));
}

#[tokio::test]
async fn what_there_is_to_query_is_listed() {
    let server = server().await;
    let data = async |path: &str| get_json(&server, path).await.1["data"].take();
    assert_eq!(data("api/v1/labels").await, json!(["__name__", "alertname", "alertstate", "instance", "job", "severity"]));
    assert_eq!(data("api/v1/label/job/values").await, json!(["web"]));
    assert_eq!(data("api/v1/label/__name__/values?match%5B%5D=%7Bjob%3D%22web%22%7D&limit=2").await, json!(["ALERTS", "ALERTS_FOR_STATE"]));
    assert_eq!(
        data("api/v1/series?match%5B%5D=up%7Binstance%3D%22a:80%22%7D").await,
        json!([{"__name__": "up", "instance": "a:80", "job": "web"}])
    );
    assert_eq!(data("api/v1/metadata").await, json!({"up": [{"type": "gauge", "help": "Up.", "unit": ""}]}));
    let exemplars = data("api/v1/query_exemplars?query=rate(x_bucket%5B5m%5D)&start=0&end=1800").await;
    let exemplar = json!({"labels": {"trace_id": "abc"}, "value": "0.5", "timestamp": 1700.25});
    assert_eq!(exemplars, json!([{"seriesLabels": {"__name__": "x_bucket", "le": "1.0"}, "exemplars": [exemplar]}]));
    assert_eq!(get_text(&server, "api/v1/query_exemplars?query=1").await, (204, String::new()));
    let targets = data("api/v1/targets?state=active").await;
    assert_eq!(targets["activeTargets"].as_array().unwrap().iter().map(|t| &t["health"]).collect::<Vec<_>>(), ["up", "down"]);
    assert_eq!(data("api/v1/status/buildinfo").await["version"], "3.13.0");
    assert_eq!(get_text(&server, "-/ready").await.0, 200);
}

#[tokio::test]
async fn rules_and_alerts_are_shown() {
    let server = server().await;
    let (_, body) = get_json(&server, "api/v1/rules").await;
    let group = &body["data"]["groups"][0];
    assert_eq!((&group["name"], &group["file"], &group["interval"]), (&json!("shop"), &json!("rules.yml"), &json!(15.0)));
    let [record, alert] = group["rules"].as_array().unwrap().as_slice() else { panic!("{group}") };
    assert_eq!((&record["type"], &record["query"], &record["health"]), (&json!("recording"), &json!("count by (job) (up)"), &json!("ok")));
    assert_eq!(
        (&alert["state"], &alert["duration"], &alert["lastEvaluation"]),
        (&json!("firing"), &json!(60.0), &json!("1970-01-01T00:30:00Z"))
    );
    assert_eq!(alert["annotations"]["summary"], "{{ $labels.instance }} is {{ $value }}");
    let active = &alert["alerts"][0];
    assert_eq!(active["labels"], json!({"alertname": "Down", "instance": "b:80", "job": "web", "severity": "page"}));
    assert_eq!((&active["value"], &active["activeAt"]), (&json!("0e+00"), &json!("1970-01-01T00:00:00Z")));
    assert_eq!(active["annotations"]["summary"], "b:80 is 0");
    assert_eq!(get_json(&server, "api/v1/alerts").await.1["data"]["alerts"][0], *active);
    let (_, body) = get_json(&server, "api/v1/rules?type=record&rule_name%5B%5D=Down").await;
    assert_eq!(body["data"]["groups"], json!([]));
    assert_eq!(get_json(&server, "api/v1/rules?exclude_alerts=true").await.1["data"]["groups"][0]["rules"][1]["alerts"], Value::Null);
}

#[tokio::test]
async fn answers_are_dated_by_the_demos_clock_and_end_with_the_server() {
    let server = server().await;
    let response = crate::source::http::plain().build().unwrap().get(server.url.join("-/ready").unwrap()).send().await.unwrap();
    assert_eq!(response.headers()["date"], "Thu, 01 Jan 1970 00:30:00 GMT");
    let url = server.url.clone();
    drop(server);
    while tokio::net::TcpStream::connect(&*url.socket_addrs(|| None).unwrap()).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
