use std::sync::Arc;

use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::*;
use crate::{
    model::{
        backend::{Backend, ErrorKind},
        time::Timestamp,
    },
    source::http::Endpoint,
};

async fn alertmanager(at: &str, status: u16, body: &str) -> (MockServer, Alertmanager) {
    let server = MockServer::start().await;
    Mock::given(path(at)).respond_with(ResponseTemplate::new(status).set_body_raw(body, "application/json")).mount(&server).await;
    let endpoint = Endpoint::new(Backend::Alertmanager, server.uri().parse().unwrap());
    let client = Alertmanager::new(endpoint, Arc::new(|_, _| ())).unwrap();
    (server, client)
}

#[tokio::test]
async fn alerts_of_old_and_new_versions_are_read_once_each() {
    let body = r#"[
        {"annotations":{"summary":"s"},"endsAt":"2026-08-22T16:08:18.123Z","fingerprint":"a1","receivers":[{"name":"web.hook","labels":{}}],"startsAt":"2026-08-22T16:00:00.000Z","status":{"state":"suppressed","silencedBy":["u"],"inhibitedBy":[],"mutedBy":["night"]},"generatorURL":"http://p","labels":{"alertname":"X"}},
        {"fingerprint":"a1","labels":{"alertname":"X"}},
        {"fingerprint":"b2","receivers":null,"startsAt":"2026-08-22T16:00:00.000Z","status":{"state":"unheard-of"},"labels":{"alertname":"Y"}}]"#;
    let (_server, am) = alertmanager("/api/v2/alerts", 200, body).await;
    let alerts = am.alerts().await.unwrap();
    assert_eq!(alerts.len(), 2);
    assert_eq!((alerts[0].routing.silenced_by.join(","), alerts[0].routing.receivers.join(",")), ("u".to_owned(), "web.hook".to_owned()));
    assert_eq!((alerts[0].routing.fingerprints.join(","), alerts[0].routing.muted_by.join(",")), ("a1".to_owned(), "night".to_owned()));
    assert_eq!((alerts[1].labels.get("alertname"), alerts[1].generator_url.as_ref()), (Some("Y"), None));
}

#[tokio::test]
async fn two_alerts_with_one_fingerprint_are_two() {
    let body = r#"[{"fingerprint":"a1","labels":{"alertname":"X"}},{"fingerprint":"a1","labels":{"alertname":"Y"}}]"#;
    let (_server, am) = alertmanager("/api/v2/alerts", 200, body).await;
    assert_eq!(am.alerts().await.unwrap().len(), 2);
}

#[tokio::test]
async fn silences_and_status_are_read() {
    let body = r#"[{"id":"u","status":{"state":"active"},"updatedAt":"x","comment":"c","createdBy":"me","startsAt":"2026-08-22T10:00:00Z","endsAt":"2026-08-22T12:00:00Z","matchers":[],"annotations":{}}]"#;
    let (_server, am) = alertmanager("/api/v2/silences", 200, body).await;
    let silence = &am.silences().await.unwrap()[0];
    assert_eq!((silence.id.as_str(), silence.state.as_str(), silence.created_by.as_str()), ("u", "active", "me"));

    let body = r#"[{"id":"u","status":{"state":"active"},"updatedAt":"0001-01-01T00:00:00.000Z","comment":"c","createdBy":"me","startsAt":"2026-08-22T10:00:00Z","endsAt":"9999-12-31T23:59:59.999Z","matchers":[]}]"#;
    let (_server, am) = alertmanager("/api/v2/silences", 200, body).await;
    let silence = &am.silences().await.unwrap()[0];
    assert_eq!((silence.ends_at, silence.updated_at), (Timestamp::LATEST, Timestamp::ZERO), "for ever is not 1970");

    let body = r#"{"cluster":{"name":"x","status":"ready","peers":[{"name":"a","address":"b"}]},"versionInfo":{"version":"0.31.1"},"config":{"original":"secret"},"uptime":"x"}"#;
    let (_server, am) = alertmanager("/api/v2/status", 200, body).await;
    let expected = Status { version: "0.31.1".to_owned(), cluster: "ready".to_owned(), name: "x".to_owned(), peers: vec!["a".to_owned()] };
    assert_eq!(am.status().await.unwrap(), expected);
}

#[tokio::test]
async fn whether_it_answers_is_known_without_its_configuration() {
    let (server, am) = alertmanager("/api/v2/receivers", 200, r#"[{"name":"pager"}]"#).await;
    assert!(am.answers().await);
    let asked = server.received_requests().await.unwrap();
    assert!(asked.iter().all(|r| r.url.path() == "/api/v2/receivers"), "{asked:?}");
    let (_server, without_receivers) = alertmanager("/api/v2/status", 200, "{}").await;
    assert!(without_receivers.answers().await, "404 of a gateway is an answer");
    for status in [401, 500] {
        let (_server, refusing) = alertmanager("/api/v2/receivers", status, "").await;
        assert!(!refusing.answers().await, "{status}");
    }
}

#[tokio::test]
async fn its_errors_are_json_strings() {
    let (_server, am) = alertmanager("/api/v2/alerts", 400, r#""bad matcher format: x""#).await;
    let e = am.alerts().await.unwrap_err();
    assert_eq!((e.kind, e.message.as_str()), (ErrorKind::BadQuery, "bad matcher format: x"));
    let (_server, am) = alertmanager("/api/v2/other", 200, "").await;
    assert_eq!(am.alerts().await.unwrap_err().kind, ErrorKind::NotSupported);
}
