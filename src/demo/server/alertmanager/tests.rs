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
        ..Silence::default()
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
    for text in ["a", "a=\"b", "=b", "1a=b"] {
        let filter: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        assert_eq!(get_json(&server, &format!("api/v2/alerts?filter={filter}")).await, (400, json!(format!("bad matcher format: {text}"))));
    }
}

async fn send(server: &Server, method: reqwest::Method, path: &str, body: &str) -> (u16, Value) {
    let request = crate::source::http::plain().build().unwrap().request(method, server.url.join(path).unwrap());
    let response = request.header("content-type", "application/json").body(body.to_owned()).send().await.unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.text().await.unwrap()).unwrap_or(Value::Null))
}

fn body(matcher: &str, starts: i64, ends: i64, id: &str) -> String {
    let time = |s| rfc3339(Some(s * 1000));
    format!(
        r#"{{"id":"{id}","matchers":[{matcher}],"startsAt":"{}","endsAt":"{}","createdBy":"ana","comment":"why"}}"#,
        time(starts),
        time(ends)
    )
}

const DOWN: &str = r#"{"name":"alertname","value":"Down","isRegex":false}"#;
const NOW: i64 = 1_800;

async fn post(server: &Server, body: &str) -> (u16, Value) {
    send(server, reqwest::Method::POST, "api/v2/silences", body).await
}

async fn made(server: &Server, body: &str) -> String {
    let (status, answer) = post(server, body).await;
    assert_eq!(status, 200, "{answer}");
    answer["silenceID"].as_str().unwrap().to_owned()
}

async fn of(server: &Server, id: &str) -> Value {
    get_json(server, &format!("api/v2/silence/{id}")).await.1
}

#[tokio::test]
async fn a_silence_that_is_written_silences_and_one_that_is_expired_does_no_more() {
    let server = server().await;
    let id = made(&server, &body(DOWN, 0, 3600, "")).await;
    let silence = of(&server, &id).await;
    assert_eq!((&silence["status"]["state"], &silence["createdBy"], &silence["comment"]), (&json!("active"), &json!("ana"), &json!("why")));
    assert_eq!((&silence["startsAt"], &silence["endsAt"]), (&json!("1970-01-01T00:30:00.000Z"), &json!("1970-01-01T01:00:00.000Z")));
    assert_eq!(silence["matchers"][0]["isEqual"], true, "an old client says nothing of it");
    assert_eq!(names(&get_json(&server, "api/v2/alerts?active=false").await.1), ["Down", "Noisy"]);
    for _ in 0..2 {
        assert_eq!(send(&server, reqwest::Method::DELETE, &format!("api/v2/silence/{id}"), "").await.0, 200, "twice is once");
    }
    assert_eq!(of(&server, &id).await["status"]["state"], "expired");
    assert_eq!(names(&get_json(&server, "api/v2/alerts?active=false").await.1), ["Noisy"]);
    let negative = r#"{"name":"alertname","value":"Noi.*","isRegex":true,"isEqual":false}"#;
    made(&server, &body(negative, 0, 3600, "")).await;
    assert_eq!(names(&get_json(&server, "api/v2/alerts?active=false").await.1), ["Down", "Noisy"]);
}

#[tokio::test]
async fn a_change_keeps_the_id_where_the_past_stays_as_it_was() {
    let server = server().await;
    let id = made(&server, &body(DOWN, 0, 3600, "")).await;
    assert_eq!(made(&server, &body(DOWN, NOW, 5400, &id)).await, id, "longer");
    assert_eq!(of(&server, &id).await["endsAt"], "1970-01-01T01:30:00.000Z");
    let other = made(&server, &body(&DOWN.replace("Down", "Other"), NOW, 5400, &id)).await;
    assert_ne!(other, id, "other matchers are another silence");
    assert_eq!(of(&server, &id).await["status"]["state"], "expired");
    let pending = made(&server, &body(DOWN, 3600, 5400, "")).await;
    assert_eq!(of(&server, &pending).await["status"]["state"], "pending");
    assert_eq!(made(&server, &body(DOWN, 4000, 5400, &pending)).await, pending);
    let states: Vec<Value> =
        get_json(&server, "api/v2/silences").await.1.as_array().unwrap().iter().map(|s| s["status"]["state"].clone()).collect();
    assert_eq!(states, ["active", "active", "pending", "expired"]);
}

#[tokio::test]
async fn what_is_no_silence_is_refused_in_alertmanagers_words() {
    let server = server().await;
    let without = |field: &str| {
        let mut body: Value = serde_json::from_str(&body(DOWN, 0, 3600, "")).unwrap();
        body.as_object_mut().unwrap().remove(field);
        body.to_string()
    };
    let unknown = "7d8e2f3a-0000-4000-8000-000000000002";
    let empty = DOWN.replace("Down", "");
    for (body, status, expected) in [
        (body(DOWN, 3600, 3600, ""), 400, json!("Failed to create silence: start time must be before end time")),
        (body(DOWN, 0, 1799, ""), 400, json!("Failed to create silence: end time can't be in the past")),
        (body(&empty, 0, 3600, ""), 400, json!("invalid silence: at least one matcher must not match the empty string")),
        (body(DOWN, 0, 3600, unknown), 404, json!("silence not found")),
        (body("", 0, 3600, ""), 422, json!({"code": 612, "message": "matchers in body should have at least 1 items"})),
        (without("comment"), 422, json!({"code": 602, "message": "comment in body is required"})),
        (without("matchers"), 422, json!({"code": 602, "message": "matchers in body is required"})),
        (
            body(r#"{"name":"a","isRegex":false}"#, 0, 3600, ""),
            422,
            json!({"code": 602, "message": "matchers.0.value in body is required"}),
        ),
    ] {
        assert_eq!(post(&server, &body).await, (status, expected), "{body}");
    }
    let regex = body(r#"{"name":"a","value":"(","isRegex":true}"#, 0, 3600, "");
    let (status, why) = post(&server, &regex).await;
    assert!(
        status == 400
            && why
                .as_str()
                .unwrap()
                .starts_with(r#"invalid silence: invalid label matcher 0: invalid regular expression "(": error parsing regexp: "#),
        "{why}"
    );
    assert_eq!(send(&server, reqwest::Method::DELETE, &format!("api/v2/silence/{unknown}"), "").await.0, 404);
    let (status, why) = send(&server, reqwest::Method::GET, "api/v2/silence/x", "").await;
    assert_eq!((status, why), (422, json!({"code": 601, "message": "silenceID in path must be of type uuid: \"x\""})));
}
