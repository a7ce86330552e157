//! What the sources of alerts tell, from answers in the shapes that servers document.

use std::{sync::Arc, time::Duration};

use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::{
    http::{Endpoint, Observer},
    *,
};
use crate::{
    clock::Clock,
    model::{
        alert::{Alert, AlertState, Severity},
        alert_book::{AlertBook, Told, merge},
        time::Timestamp,
    },
};

/// 2026-08-22T16:30:00Z
const NOW: Timestamp = Timestamp::from_secs(1_787_416_200);

async fn serve(server: &MockServer, at: &str, answer: ResponseTemplate) {
    Mock::given(path(at)).respond_with(answer).mount(server).await;
}

fn ok(body: impl Into<Vec<u8>>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.into(), "application/json").insert_header("date", "Sat, 22 Aug 2026 16:30:00 GMT")
}

fn sources(server: &MockServer, max_body: usize, clock: &Clock) -> Sources {
    let nobody: Observer = Arc::new(|_, _| ());
    let endpoint = |backend| Endpoint {
        max_body,
        clock: clock.clone(),
        timeout: Duration::from_secs(240),
        ..Endpoint::new(backend, server.uri().parse().unwrap())
    };
    Sources {
        prometheus: Some(Prometheus::new(endpoint(Backend::Prometheus), nobody.clone()).unwrap()),
        alertmanager: Some(Alertmanager::new(endpoint(Backend::Alertmanager), nobody).unwrap().into()),
        ..Sources::default()
    }
}

/// What is known when both have answered these.
async fn told(rules: &str, routed: &str) -> AlertBook {
    let server = MockServer::start().await;
    serve(&server, "/api/v1/rules", ok(rules)).await;
    serve(&server, "/api/v2/alerts", ok(routed)).await;
    serve(&server, "/api/v2/silences", ok("[]")).await;
    let sources = sources(&server, 32 << 20, &Clock::from_fn(|| NOW));
    let (ours, theirs) = (sources.prometheus_alerts().await.unwrap(), sources.alertmanager_alerts().await.unwrap());
    merge(&Told { prometheus: Some(&ours), alertmanager: Some(&theirs), now: NOW, ..Told::default() })
}

fn rows(book: &AlertBook) -> Vec<(&str, AlertState, usize)> {
    book.alerts.iter().map(|a| (a.name(), a.state, a.routing.as_ref().map_or(0, |r| r.fingerprints.len()))).collect()
}

/// Prometheus 3.5 with external labels `cluster` and `replica`, two of it; the Alertmanager of both does not drop `replica`.
const RULES: &str = r#"{"status":"success","data":{"groups":[{"name":"shop","file":"/etc/rules.yml","interval":15,"limit":0,"evaluationTime":0.0004,"lastEvaluation":"2026-08-22T16:29:55.1Z","rules":[
 {"type":"alerting","state":"firing","name":"PodSlow","query":"latency > 1","duration":60,"keepFiringFor":0,"labels":{"severity":"page"},"annotations":{"summary":"{{ $labels.pod }}"},"health":"ok","evaluationTime":0.0002,"lastEvaluation":"2026-08-22T16:29:55.1Z","alerts":[
  {"labels":{"alertname":"PodSlow","pod":"a","severity":"page"},"annotations":{"summary":"a"},"state":"firing","activeAt":"2026-08-22T16:00:00Z","value":"1.5e+00"},
  {"labels":{"alertname":"PodSlow","pod":"b","severity":"page"},"annotations":{"summary":"b"},"state":"firing","activeAt":"2026-08-22T16:01:00Z","value":"2e+00"},
  {"labels":{"alertname":"PodSlow","pod":"c","severity":"page"},"annotations":{"summary":"c"},"state":"pending","activeAt":"2026-08-22T16:29:40Z","value":"2e+00"}]}]}]}}"#;

fn routed(fingerprint: &str, labels: &str, silenced: &str, annotations: &str) -> String {
    format!(
        r#"{{"annotations":{annotations},"endsAt":"2026-08-22T16:34:00Z","fingerprint":"{fingerprint}","receivers":[{{"name":"pager"}}],"startsAt":"2026-08-22T16:01:00Z","status":{{"inhibitedBy":[],"mutedBy":[],"silencedBy":[{silenced}],"state":"active"}},"updatedAt":"2026-08-22T16:30:00Z","generatorURL":"http://p/graph","labels":{labels}}}"#
    )
}

#[tokio::test]
async fn a_pair_of_prometheis_is_one_row_an_alert() {
    let of = |fingerprint, pod, replica, silenced| {
        let labels = format!(r#"{{"alertname":"PodSlow","cluster":"eu","pod":"{pod}","replica":"{replica}","severity":"page"}}"#);
        routed(fingerprint, &labels, silenced, "{}")
    };
    let answer = [of("f1", "a", "0", r#""s1""#), of("f2", "a", "1", r#""s1""#), of("f3", "b", "0", r#""s1""#), of("f4", "b", "1", "")];
    let book = told(RULES, &format!("[{}]", answer.join(","))).await;
    let expected = [("PodSlow", AlertState::Firing, 2), ("PodSlow", AlertState::Pending, 0), ("PodSlow", AlertState::Silenced, 2)];
    assert_eq!(rows(&book), expected, "silenced only where both replicas are");
}

#[tokio::test]
async fn relabelled_alerts_keep_their_rows_and_alertmanagers_of_other_rulers_stand_alone() {
    let answer = [
        // alert_relabel_configs renamed pod, added a cluster.
        routed("f1", r#"{"alertname":"PodSlow","cluster":"eu","kubernetes_pod":"a","severity":"page"}"#, "", r#"{"summary":"a"}"#),
        // They changed the severity's value.
        routed("f2", r#"{"alertname":"PodSlow","cluster":"eu","pod":"b","severity":"P3"}"#, "", r#"{"summary":"b"}"#),
        // Mimir's ruler of another tenant, and Loki's, send to the same Alertmanager.
        routed("f3", r#"{"alertname":"IngesterDown","namespace":"mimir"}"#, "", "{}"),
        routed("f4", r#"{"alertname":"LogErrors","app":"orders","severity":"critical"}"#, "", "{}"),
    ];
    let book = told(RULES, &format!("[{}]", answer.join(","))).await;
    assert_eq!(book.alerts.len(), 5, "{:?}", rows(&book));
    let find = |pod: &str| book.alerts.iter().find(|a| a.labels.get("pod") == Some(pod)).unwrap();
    let known_as = |pod: &str| find(pod).routing.as_ref().map(|r| r.fingerprints.join(" "));
    assert_eq!((known_as("a"), known_as("b"), known_as("c")), (Some("f1".to_owned()), Some("f2".to_owned()), None));
    assert_eq!(find("b").severity, Severity(1), "a row keeps the labels of its rule");
    let logs = book.alerts.iter().find(|a| a.name() == "LogErrors").unwrap();
    assert_eq!((logs.rule.is_none(), logs.service.as_deref(), logs.severity), (true, Some("orders"), Severity(1)));
}

#[tokio::test]
async fn an_alert_without_labels_is_one() {
    let rules = r#"{"status":"success","data":{"groups":[{"name":"g","rules":[{"type":"alerting","name":"","query":"x","alerts":[{"labels":{},"state":"firing","value":""}]}]}]}}"#;
    let book = told(rules, &format!("[{}]", routed("f", "{}", "", "null"))).await;
    assert_eq!(rows(&book), [("(unnamed)", AlertState::Firing, 1)]);
    assert_eq!(book.alerts[0].severity, Severity::UNKNOWN);
}

#[tokio::test]
async fn alerts_come_without_their_rules_where_these_are_too_large() {
    let server = MockServer::start().await;
    serve(&server, "/api/v1/rules", ok(vec![b' '; 3 << 20])).await;
    let alerts = r#"{"status":"success","data":{"alerts":[{"labels":{"alertname":"A"},"annotations":{},"state":"firing","activeAt":"2026-08-22T16:00:00Z","value":"1e+00"}]}}"#;
    serve(&server, "/api/v1/alerts", ok(alerts)).await;
    let told = sources(&server, 2 << 20, &Clock::from_fn(|| NOW)).prometheus_alerts().await.unwrap();
    assert_eq!((told.alerts.len(), told.alerts[0].value), (1, Some(1.0)));
    assert!(told.notes[0].contains("larger than 2 MiB (body_mib)"), "{:?}", told.notes);
}

#[tokio::test]
async fn where_rules_are_forbidden_alerts_are_not_and_that_is_said() {
    let server = MockServer::start().await;
    serve(&server, "/api/v1/rules", ResponseTemplate::new(403)).await;
    serve(&server, "/api/v1/alerts", ok(r#"{"status":"success","data":{"alerts":[]}}"#)).await;
    let told = sources(&server, 2 << 20, &Clock::from_fn(|| NOW)).prometheus_alerts().await.unwrap();
    assert_eq!((told.tells_rules, told.notes), (false, vec!["rules are forbidden (403): alerts alone".to_owned()]));
}

#[tokio::test]
async fn rules_of_40_mb_are_read_where_the_limit_allows() {
    let one = |n: usize| {
        format!(
            r#"{{"labels":{{"alertname":"A","pod":"{n}"}},"annotations":{{"description":"{}"}},"state":"firing","activeAt":"2026-08-22T16:00:00Z","value":"1e+00"}}"#,
            "x".repeat(3900)
        )
    };
    let alerts: Vec<String> = (0..10_000).map(one).collect();
    let body = format!(
        r#"{{"status":"success","data":{{"groups":[{{"name":"g","rules":[{{"type":"alerting","name":"A","query":"x > 0","alerts":[{}]}}]}}]}}}}"#,
        alerts.join(",")
    );
    assert!(body.len() > 40_000_000);
    let server = MockServer::start().await;
    serve(&server, "/api/v1/rules", ok(body)).await;
    let told = sources(&server, 64 << 20, &Clock::from_fn(|| NOW)).prometheus_alerts().await.unwrap();
    assert_eq!((told.alerts.len(), told.rules.len(), told.notes), (10_000, 1, Vec::<String>::new()));
    assert!(told.tells_rules);
}

/// What is told by a Prometheus whose gateway spoils the dates of its answers, to a machine whose clock is so many seconds
/// ahead of the server's.
async fn undated(ahead: i64, time: ResponseTemplate) -> (PrometheusAlerts, Clock) {
    let clock = Clock::from_fn(move || Timestamp::from_secs(NOW.secs() + ahead));
    let server = MockServer::start().await;
    serve(&server, "/api/v1/rules", ok(RULES).insert_header("date", "-")).await;
    serve(&server, "/api/v1/query", time.insert_header("date", "-")).await;
    (sources(&server, 32 << 20, &clock).prometheus_alerts().await.unwrap(), clock)
}

#[tokio::test]
async fn a_server_whose_answers_have_no_date_is_asked_what_time_it_is() {
    let ages = |(told, clock): &(PrometheusAlerts, Clock)| {
        told.alerts.iter().map(|a| clock.now().since(a.since).as_secs() / 60).collect::<Vec<_>>()
    };
    for (ahead, expected) in [(600, "10m ahead of"), (-600, "10m behind")] {
        let time = format!(r#"{{"status":"success","data":{{"resultType":"scalar","result":[{0},"{0}"]}}}}"#, NOW.secs());
        let found = undated(ahead, ok(time)).await;
        assert!(found.0.notes[0].contains(expected), "{:?}", found.0.notes);
        assert_eq!((ages(&found), found.0.told_at), (vec![30, 29, 0], NOW), "since when counts by the server's clock");
    }
    // It does not tell its time either: it cannot have evaluated a rule later than now.
    let behind = undated(-600, ResponseTemplate::new(404)).await;
    assert_eq!(ages(&behind), [29, 28, 0]);
    assert!(behind.0.notes[0].contains("whether clocks differ is not known") && behind.0.notes[1].contains("10m behind"));
    let ahead = undated(600, ResponseTemplate::new(404)).await;
    assert_eq!((ahead.0.notes.len(), ahead.1.correction()), (1, 0), "rules that were evaluated long ago may just not be evaluated");
}

#[tokio::test]
async fn a_machine_whose_clock_is_ten_minutes_off_goes_by_prometheus() {
    for (off, expected) in [(600, "10m ahead of"), (-600, "10m behind")] {
        let clock = Clock::from_fn(move || Timestamp::from_secs(NOW.secs() + off));
        let server = MockServer::start().await;
        serve(&server, "/api/v1/rules", ok(RULES)).await;
        let told = sources(&server, 32 << 20, &clock).prometheus_alerts().await.unwrap();
        assert!(told.notes[0].contains(expected), "{:?}", told.notes);
        assert!(clock.now().0.abs_diff(NOW.0) < 1_000_000_000, "windows end at the server's now: {}", clock.now());
        let ages = |alerts: &[Alert]| alerts.iter().map(|a| clock.now().since(a.since).as_secs() / 60).collect::<Vec<_>>();
        assert_eq!(ages(&told.alerts), [30, 29, 0]);
        let book = merge(&Told { prometheus: Some(&told), now: clock.now(), ..Told::default() });
        assert!(book.alerts.iter().all(|a| a.doubt.is_none()), "no rule is taken for one that is not evaluated");
    }
}
