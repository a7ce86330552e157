use super::*;
use crate::demo::{
    memory::MemStore,
    server::{Server, start},
    store::Clock,
};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_800)
    }
}

const RULES: &str = r#"
groups:
  - name: shop
    rules:
      - alert: Down
        expr: up == 0
        for: 1m
        labels: {severity: page, service: web}
        annotations: {summary: "{{ $labels.instance }} is down"}
      - alert: Noisy
        expr: up == 1
        labels: {severity: ticket}
      - alert: Waiting
        expr: up == 0
        for: 1d
"#;

async fn server() -> Server {
    let mut store = MemStore::default();
    for (instance, value) in [("a", 1.0), ("b", 0.0)] {
        let labels: Labels = [("__name__", "up"), ("instance", instance)].into_iter().collect();
        store.push(labels, (0..=120).map(|i| (i * 15_000, value)).collect());
    }
    let clock = Arc::new(Fixed);
    let engine =
        RuleEngine::new(serde_saphyr::from_str(RULES).unwrap(), "rules.yml", Arc::new(store), clock.clone(), Timestamp::ZERO).unwrap();
    let silence = Silence {
        id: "7d8e2f3a-0000-4000-8000-000000000001".into(),
        matchers: vec![Matcher::equal("alertname", "Noisy")],
        starts_at: Timestamp::from_secs(0),
        ends_at: Timestamp::from_secs(7_200),
        created_by: "ops".into(),
        comment: "known".into(),
    };
    start(router(Arc::new(engine), vec![silence], "http://prom/"), clock).await.unwrap()
}

async fn get_json(server: &Server, path: &str) -> (u16, Value) {
    let response = crate::source::http::plain().build().unwrap().get(server.url.join(path).unwrap()).send().await.unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

/// Names of the alerts of an answer.
fn names(alerts: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = alerts.as_array().unwrap().iter().map(|a| a["labels"]["alertname"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

#[test]
fn fingerprints_are_those_of_prometheus() {
    // model.LabelSet{}.Fingerprint() and that of {a="b"}.
    assert_eq!(fingerprint(&Labels::new()), "cbf29ce484222325");
    assert_eq!(fingerprint(&[("a", "b")].into_iter().collect()), format!("{:016x}", fnv(b"a\xffb\xff")));
}

/// FNV-1a, written out once more.
fn fnv(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 14_695_981_039_346_656_037;
    for byte in bytes {
        hash ^= u64::from(*byte);
        hash = hash.wrapping_mul(1_099_511_628_211);
    }
    hash
}

#[tokio::test]
async fn firing_alerts_are_routed_and_silenced() {
    let server = server().await;
    let (status, alerts) = get_json(&server, "api/v2/alerts").await;
    assert_eq!((status, names(&alerts)), (200, vec!["Down", "Noisy"]));
    let down = alerts.as_array().unwrap().iter().find(|a| a["labels"]["alertname"] == "Down").unwrap();
    assert_eq!(down["receivers"], json!([{"name": "pager"}]));
    assert_eq!((&down["startsAt"], &down["endsAt"]), (&json!("1970-01-01T00:01:00Z"), &json!("1970-01-01T00:34:00Z")));
    assert_eq!((&down["status"]["state"], &down["annotations"]["summary"]), (&json!("active"), &json!("b is down")));
    assert_eq!(down["generatorURL"], "http://prom/graph?g0.expr=up+%3D%3D+0&g0.tab=1");
    let (_, silenced) = get_json(&server, "api/v2/alerts?active=false").await;
    assert_eq!(silenced[0]["status"]["silencedBy"], json!(["7d8e2f3a-0000-4000-8000-000000000001"]));
    for (query, expected) in [
        ("active=false", vec!["Noisy"]),
        ("silenced=false", vec!["Down"]),
        ("filter=alertname%3D~%22D.*%22", vec!["Down"]),
        ("filter=severity!%3D%22page%22&filter=instance%3D%22a%22", vec!["Noisy"]),
        ("receiver=tick.*", vec!["Noisy"]),
    ] {
        assert_eq!(names(&get_json(&server, &format!("api/v2/alerts?{query}")).await.1), expected, "{query}");
    }
}

#[tokio::test]
async fn groups_silences_and_status_are_shown() {
    let server = server().await;
    let (_, groups) = get_json(&server, "api/v2/alerts/groups").await;
    assert_eq!((&groups[0]["labels"], &groups[0]["receiver"]["name"]), (&json!({}), &json!("tickets")));
    assert_eq!((&groups[1]["labels"], names(&groups[1]["alerts"])), (&json!({"service": "web"}), vec!["Down"]));
    let (_, silences) = get_json(&server, "api/v2/silences").await;
    assert_eq!(silences[0]["matchers"], json!([{"name": "alertname", "value": "Noisy", "isRegex": false, "isEqual": true}]));
    assert_eq!(silences[0]["status"]["state"], "active");
    assert_eq!(get_json(&server, "api/v2/silences?active=false").await.1, json!([]));
    assert_eq!(get_json(&server, "api/v2/status").await.1["versionInfo"]["version"], "0.34.0");
}

#[tokio::test]
async fn errors_are_json_strings() {
    let server = server().await;
    assert_eq!(get_json(&server, "api/v2/alerts?active=maybe").await.0, 400);
    let (status, body) = get_json(&server, "api/v2/alerts?filter=%7Ba%3D%22b%22%7D").await;
    assert_eq!((status, body.as_str()), (400, Some("bad matcher format: {a=\"b\"}: unexpected open or close brace")));
    let response =
        crate::source::http::plain().build().unwrap().post(server.url.join("api/v2/silences").unwrap()).body("{}").send().await.unwrap();
    assert_eq!(response.status(), 405);
    assert!(serde_json::from_str::<String>(&response.text().await.unwrap()).is_ok());
}
