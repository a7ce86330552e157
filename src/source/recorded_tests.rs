//! What several Alertmanagers, replicas of Prometheus and Loki's ruler tell, from answers of real ones: `dev/stack.d/record`
//! made the files. With `REDLINE_RECORDED` they are read from another folder, where it has just put them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::{
    http::{Endpoint, Observer},
    *,
};
use crate::{
    clock::Clock,
    model::{
        alert::{AlertState, Engine},
        alert_book::{AlertBook, Told, merge},
        time::Timestamp,
    },
};

fn recorded(name: &str) -> String {
    let kept = || Path::new(env!("CARGO_MANIFEST_DIR")).join("src/source/recorded");
    let folder = std::env::var_os("REDLINE_RECORDED").map_or_else(kept, PathBuf::from);
    let file = folder.join(format!("{name}.json"));
    std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// When rules were evaluated last before they were recorded.
fn recorded_at(rules: &str) -> Timestamp {
    let told: serde_json::Value = serde_json::from_str(&recorded(rules)).unwrap();
    let at = told["data"]["groups"][0]["lastEvaluation"].as_str().unwrap();
    Timestamp(chrono::DateTime::parse_from_rfc3339(at).unwrap().timestamp_nanos_opt().unwrap())
}

/// Answers with a body, as of an instant.
async fn serve(server: &MockServer, at: &str, body: String, now: Timestamp) {
    let date = chrono::DateTime::from_timestamp_nanos(now.0).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json").insert_header("date", date.as_str());
    Mock::given(path(at)).respond_with(answer).mount(server).await;
}

/// One replica of Prometheus and these Alertmanagers; the servers live as long as what is given beside.
async fn sources(replica: usize, alertmanagers: &[&str]) -> (Sources, Vec<MockServer>) {
    let nobody: Observer = Arc::new(|_, _| ());
    let now = recorded_at(&format!("prometheus-{replica}-rules"));
    let clock = Clock::from_fn(move || now);
    let endpoint =
        |backend, server: &MockServer| Endpoint { clock: clock.clone(), ..Endpoint::new(backend, server.uri().parse().unwrap()) };
    let (prometheus, mut servers, mut clients) = (MockServer::start().await, Vec::new(), Vec::new());
    serve(&prometheus, "/api/v1/rules", recorded(&format!("prometheus-{replica}-rules")), now).await;
    for name in alertmanagers {
        let server = MockServer::start().await;
        for what in ["alerts", "silences", "status"] {
            serve(&server, &format!("/api/v2/{what}"), recorded(&format!("alertmanager-{name}-{what}")), now).await;
        }
        clients.push(((*name).into(), Alertmanager::new(endpoint(Backend::Alertmanager, &server), nobody.clone()).unwrap()));
        servers.push(server);
    }
    let loki = MockServer::start().await;
    serve(&loki, "/prometheus/api/v1/rules", recorded("loki-rules"), now).await;
    let sources = Sources {
        prometheus: Some(Prometheus::new(endpoint(Backend::Prometheus, &prometheus), nobody.clone()).unwrap()),
        loki: Some(Loki::new(endpoint(Backend::Loki, &loki), nobody.clone()).unwrap()),
        alertmanager: Some(Alertmanagers::new(clients)),
        ..Sources::default()
    };
    servers.extend([prometheus, loki]);
    (sources, servers)
}

async fn book(replica: usize, alertmanagers: &[&str]) -> AlertBook {
    let (sources, _servers) = sources(replica, alertmanagers).await;
    let (ours, theirs) = (sources.prometheus_alerts().await.unwrap(), sources.alertmanager_alerts().await.unwrap());
    merge(&Told { prometheus: Some(&ours), alertmanager: Some(&theirs), now: ours.told_at, ..Told::default() })
}

/// Name, state, and the Alertmanagers that hold it.
fn rows(book: &AlertBook) -> Vec<(&str, AlertState, String)> {
    let holders = |r: &crate::model::alert::Routing| r.holders.iter().map(|h| h.name.as_str()).collect::<Vec<_>>().join(" ");
    book.alerts.iter().map(|a| (a.name(), a.state, a.routing.as_ref().map(holders).unwrap_or_default())).collect()
}

#[tokio::test]
async fn a_pair_of_prometheis_and_of_alertmanagers_is_one_row_an_alert_and_one_silence() {
    for replica in 0..2 {
        let book = book(replica, &["a", "b"]).await;
        let expected = [
            ("LedgerErrors", AlertState::Firing, "a".to_owned()),
            ("Soon", AlertState::Pending, String::new()),
            ("TargetDown", AlertState::Silenced, "a b".to_owned()),
        ];
        assert_eq!(rows(&book), expected, "replica {replica}");
        assert_eq!((book.silences.len(), book.silences[0].at.len()), (1, 2));
        assert_eq!(book.alerts[2].routing.as_ref().unwrap().fingerprints.len(), 1, "they drop what tells the replicas apart");
    }
    let (sources, _servers) = sources(0, &["a", "b"]).await;
    assert_eq!(sources.alertmanager_alerts().await.unwrap().clusters().len(), 1, "a silence of one is a silence of both");
}

#[tokio::test]
async fn what_a_pair_silences_and_a_stranger_tells_is_told() {
    let book = book(2, &["a", "b", "c"]).await;
    let of = |name| book.alerts.iter().find(|a| a.name() == name).unwrap();
    let down = of("TargetDown");
    assert_eq!((down.state, book.alerts.iter().filter(|a| a.name() == "TargetDown").count()), (AlertState::Firing, 1));
    let routing = down.routing.as_ref().unwrap();
    let silent: Vec<(&str, bool)> = routing.holders.iter().map(|h| (h.name.as_str(), h.is_quiet())).collect();
    assert_eq!(silent, [("a", true), ("b", true), ("c", false)]);
    assert_eq!((routing.fingerprints.len(), routing.silences().len()), (2, 1), "with and without the label of the replica");
    let (sources, _servers) = sources(2, &["a", "c", "b"]).await;
    let told = sources.alertmanager_alerts().await.unwrap();
    let clusters: Vec<usize> = told.clusters().iter().map(Vec::len).collect();
    assert_eq!(clusters, [2, 1]);
}

#[tokio::test]
async fn alerts_of_lokis_rules_have_their_rule_beside_those_of_prometheus() {
    let (sources, _servers) = sources(0, &["a", "b"]).await;
    let (ours, theirs) = (sources.prometheus_alerts().await.unwrap(), sources.alertmanager_alerts().await.unwrap());
    let ruler = sources.ruler_alerts().await.unwrap();
    let told =
        Told { prometheus: Some(&ours), alertmanager: Some(&theirs), ruler: (Some(&ruler), None), now: ours.told_at, ..Told::default() };
    let book = merge(&told);
    let expected = [
        ("LedgerErrors", AlertState::Firing, "a".to_owned()),
        ("LedgerSlow", AlertState::Pending, String::new()),
        ("Soon", AlertState::Pending, String::new()),
        ("TargetDown", AlertState::Silenced, "a b".to_owned()),
    ];
    let mut rows = rows(&book);
    rows.sort_by_key(|row| row.0);
    assert_eq!(rows, expected);
    let errors = book.alerts.iter().find(|a| a.name() == "LedgerErrors").unwrap();
    let rule = errors.rule.as_ref().unwrap();
    assert_eq!((rule.engine, errors.value, errors.service.as_deref()), (Engine::Loki, Some(2.0), Some("ledger")));
    let silent = Told { ruler: (Some(&ruler), Some(ours.told_at - std::time::Duration::from_secs(90))), ..told };
    let state = |book: &AlertBook, name: &str| book.alerts.iter().find(|a| a.name() == name).map(|a| a.state);
    let book = merge(&silent);
    assert_eq!(state(&book, "LedgerSlow"), Some(AlertState::Stale), "only the ruler knows of it");
    assert_eq!((state(&book, "LedgerErrors"), state(&book, "Soon")), (Some(AlertState::Firing), Some(AlertState::Pending)));
}

#[tokio::test]
async fn a_loki_without_a_ruler_is_no_failure_and_not_asked_again() {
    for (status, body) in [(404, "404 page not found"), (403, "no"), (501, "not implemented"), (200, "<html></html>")] {
        let loki = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_raw(body, "text/plain");
        Mock::given(path("/prometheus/api/v1/rules")).respond_with(answer).mount(&loki).await;
        let observer: Observer = Arc::new(|_, result| assert!(result.is_ok(), "Loki is well: {result:?}"));
        let endpoint = Endpoint::new(Backend::Loki, loki.uri().parse().unwrap());
        let sources = Sources { loki: Some(Loki::new(endpoint, observer).unwrap()), ..Sources::default() };
        for _ in 0..2 {
            assert_eq!(sources.ruler_alerts().await, Ok(Default::default()), "{status}");
        }
        assert_eq!(loki.received_requests().await.unwrap().len(), 1, "{status}");
    }
    assert_eq!(Sources::default().ruler_alerts().await, Ok(Default::default()));
    let endpoint = Endpoint::new(Backend::Loki, "http://127.0.0.1:1".parse().unwrap());
    let sources = Sources { loki: Some(Loki::new(endpoint, Arc::new(|_, _| ())).unwrap()), ..Sources::default() };
    assert!(sources.ruler_alerts().await.is_err(), "one that does not answer may have alerts");
}
