//! Several Alertmanagers at once: who is asked, who is missed, and who is written to.

use std::time::Duration;

use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path, path_regex},
};

use super::*;
use crate::{
    model::{
        alert::Severities,
        backend::Backend,
        matcher_text,
        silence::{NewSilence, SilenceEnd, SilenceState},
    },
    source::http::Endpoint,
};

const SEVERITIES: Severities = Severities { labels: Vec::new(), ranks: Vec::new() };
const HOW: Reading<'_> = Reading { services: &[], severities: &SEVERITIES };

fn json(body: String) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body, "application/json")
}

fn silence(id: &str, state: &str) -> String {
    format!(
        r#"{{"id":"{id}","status":{{"state":"{state}"}},"updatedAt":"2026-08-22T10:00:00Z","comment":"why","createdBy":"ana","startsAt":"2026-08-22T10:00:00Z","endsAt":"2026-08-22T12:00:00Z","matchers":[{{"name":"alertname","value":"A","isRegex":false,"isEqual":true}}]}}"#
    )
}

/// One that knows these peers, holds an alert of this name and the silences of these ids.
async fn server(peers: &str, alert: &str, silences: &[&str]) -> MockServer {
    let server = MockServer::start().await;
    let serve = |way: &'static str, at: &str, answer| Mock::given(method(way)).and(path(at)).respond_with(answer).mount(&server);
    serve("GET", "/api/v2/alerts", json(format!(r#"[{{"fingerprint":"f-{alert}","labels":{{"alertname":"{alert}"}}}}]"#))).await;
    let peers: Vec<String> = peers.split_whitespace().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
    serve("GET", "/api/v2/status", json(format!(r#"{{"cluster":{{"peers":[{}]}},"versionInfo":{{}}}}"#, peers.join(",")))).await;
    let listed: Vec<String> = silences.iter().map(|id| silence(id, "active")).collect();
    serve("GET", "/api/v2/silences", json(format!("[{}]", listed.join(",")))).await;
    for id in silences {
        let at = format!("/api/v2/silence/{id}");
        // Until it is expired.
        let once = Mock::given(method("GET")).and(path(at.as_str())).respond_with(json(silence(id, "active")));
        once.up_to_n_times(1).mount(&server).await;
        serve("GET", &at, json(silence(id, "expired"))).await;
        serve("DELETE", &at, ResponseTemplate::new(200)).await;
    }
    serve("GET", "/api/v2/silence/new", json(silence("new", "active"))).await;
    serve("POST", "/api/v2/silences", json(r#"{"silenceID":"new"}"#.to_owned())).await;
    let lost = Mock::given(method("GET")).and(path_regex("/api/v2/silence/.*")).respond_with(ResponseTemplate::new(404));
    lost.with_priority(9).mount(&server).await;
    server
}

fn clients(all: &[(&str, String)], outer: &Observer) -> Alertmanagers {
    let names: Vec<CompactString> = all.iter().map(|(name, _)| (*name).into()).collect();
    let client = |((name, url), observer): (&(&str, String), Observer)| {
        let endpoint = Endpoint { timeout: Duration::from_secs(20), ..Endpoint::new(Backend::Alertmanager, url.parse().unwrap()) };
        ((*name).into(), Alertmanager::new(endpoint, observer).unwrap())
    };
    Alertmanagers::new(all.iter().zip(observers(&names, outer)).map(client).collect())
}

fn nobody() -> Observer {
    Arc::new(|_, _| ())
}

/// Where nothing listens.
const NOWHERE: &str = "http://127.0.0.1:1";

async fn written(server: &MockServer, way: &str) -> usize {
    server.received_requests().await.unwrap().iter().filter(|r| r.method.as_str() == way).count()
}

fn new(to: &[&str]) -> NewSilence {
    NewSilence {
        id: None,
        matchers: vec![matcher_text::parse("alertname=A").unwrap()],
        starts_at: None,
        end: SilenceEnd::After(Duration::from_secs(3600)),
        created_by: "ana".to_owned(),
        comment: "why".to_owned(),
        to: to.iter().map(|name| (*name).into()).collect(),
    }
}

#[tokio::test]
async fn one_that_fails_is_told_by_name_and_takes_nothing_of_the_others_away() {
    let (a, b) = (server("", "A", &[]).await, server("", "B", &[]).await);
    let all = clients(&[("eu", a.uri()), ("us", b.uri()), ("gone", NOWHERE.to_owned())], &nobody());
    let told = all.alerts(HOW).await.unwrap();
    assert_eq!(told.alerts.iter().map(|a| a.name()).collect::<Vec<_>>(), ["A", "B"]);
    let errors: Vec<String> = told.failed().map(|(_, e)| e.to_string()).collect();
    assert!(errors.len() == 1 && errors[0].starts_with("alertmanager gone: connect to 127.0.0.1:1"), "{errors:?}");
    b.reset().await;
    let told = all.alerts(HOW).await.unwrap();
    assert_eq!(told.alerts.iter().map(|a| a.name()).collect::<Vec<_>>(), ["A", "B"], "what it told last stays");
    assert_eq!(told.failed().count(), 2);
    a.reset().await;
    assert!(all.alerts(HOW).await.unwrap_err().to_string().starts_with("alertmanager eu: "));
}

#[tokio::test]
async fn a_single_one_is_asked_for_nothing_more_and_has_no_name() {
    let one = server("p", "A", &[]).await;
    let told = clients(&[("only", one.uri())], &nobody()).alerts(HOW).await.unwrap();
    assert!(told.members.is_empty() && told.alerts[0].routing.as_ref().unwrap().holders.is_empty());
    assert_eq!(one.received_requests().await.unwrap().len(), 2);
    let none = clients(&[("only", NOWHERE.to_owned())], &nobody()).alerts(HOW).await.unwrap_err();
    assert!(none.to_string().starts_with("alertmanager: connect"), "{none}");
}

#[tokio::test]
async fn of_a_pair_one_is_written_to_and_the_other_one_where_it_is_gone() {
    let (a, b) = (server("p q", "A", &[]).await, server("q p", "A", &[]).await);
    let all = clients(&[("a", a.uri()), ("b", b.uri())], &nobody());
    let told = all.alerts(HOW).await.unwrap();
    assert_eq!((told.alerts.len(), told.clusters().len()), (1, 1));
    let outcome = all.change(SilenceChange::Create(new(&["a", "b"])), &|_| panic!("nothing is lost")).await;
    let SilenceOutcome::Done { silence, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((silence.at, written(&a, "POST").await, written(&b, "POST").await), (vec!["a".into()], 1, 0));

    let all = clients(&[("a", NOWHERE.to_owned()), ("b", b.uri())], &nobody());
    let outcome = all.change(SilenceChange::Create(new(&["a", "b"])), &|_| panic!("nothing is lost")).await;
    let SilenceOutcome::Done { silence, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((silence.at, written(&b, "POST").await), (vec!["b".into()], 1));
}

#[tokio::test]
async fn what_one_refuses_is_not_tried_at_another_one() {
    let (a, b) = (server("p", "A", &[]).await, server("p", "A", &[]).await);
    let refusal = ResponseTemplate::new(400).set_body_raw(r#""invalid silence: because""#, "application/json");
    Mock::given(method("POST")).respond_with(refusal).with_priority(1).mount(&a).await;
    let all = clients(&[("a", a.uri()), ("b", b.uri())], &nobody());
    let outcome = all.change(SilenceChange::Create(new(&["a", "b"])), &|_| ()).await;
    assert!(matches!(&outcome, SilenceOutcome::Refused(e) if e.to_string() == "alertmanager a: invalid silence: because"), "{outcome:?}");
    assert_eq!(written(&b, "POST").await, 0);
}

#[tokio::test]
async fn a_silence_that_one_took_without_an_answer_is_found_at_its_peer() {
    let (a, b) = (MockServer::start().await, MockServer::start().await);
    // It takes it and dies.
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(502)).mount(&a).await;
    let sent = new(&["a", "b"]).resolve(Timestamp::from_secs(1_787_392_800));
    let ends = chrono::DateTime::from_timestamp_nanos(sent.ends_at.0).to_rfc3339();
    let heard = silence("s", "active").replace("2026-08-22T12:00:00Z", &ends);
    Mock::given(method("GET")).and(path("/api/v2/silences")).respond_with(json(format!("[{heard}]"))).mount(&b).await;
    let all = clients(&[("a", a.uri()), ("b", b.uri())], &nobody());
    let outcome = all.change(SilenceChange::CreateAgain(sent), &|_| ()).await;
    assert!(matches!(&outcome, SilenceOutcome::Done { silence, looked_up: true, .. } if silence.id == "s"), "{outcome:?}");
    assert_eq!((written(&a, "POST").await, written(&b, "POST").await), (0, 0));
}

#[tokio::test]
async fn it_is_expired_and_changed_where_it_is() {
    let (eu, us) = (server("", "A", &["s1"]).await, server("", "A", &["s2"]).await);
    let all = clients(&[("eu", eu.uri()), ("us", us.uri())], &nobody());
    let outcome = all.change(SilenceChange::Expire("s2".to_owned()), &|_| ()).await;
    let SilenceOutcome::Done { silence, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((silence.state, silence.at), (SilenceState::Expired, vec!["us".into()]));
    assert_eq!((written(&eu, "DELETE").await, written(&us, "DELETE").await), (0, 1));
    let changed = NewSilence { id: Some("s1".to_owned()), ..new(&["us"]) };
    let outcome = all.change(SilenceChange::Create(changed), &|_| ()).await;
    let SilenceOutcome::Done { silence, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((silence.at, written(&us, "POST").await), (vec!["eu".into()], 0));
    let outcome = all.change(SilenceChange::Expire("nowhere".to_owned()), &|_| ()).await;
    assert!(matches!(&outcome, SilenceOutcome::Refused(e) if e.kind == ErrorKind::NotFound), "{outcome:?}");
}

#[test]
fn one_health_is_made_of_all() {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = told.clone();
    let outer: Observer = Arc::new(move |_, result: Result<Duration, &SourceError>| {
        heard.lock().unwrap().push(match result {
            Ok(latency) => format!("{latency:?}"),
            Err(e) => format!("{e} {:?}", e.part()),
        });
    });
    let each = observers(&["a".into(), "b".into()], &outer);
    let (ok, gone) = (Ok(Duration::from_millis(3)), SourceError::new(Backend::Alertmanager, ErrorKind::Unreachable, "gone"));
    let limited = SourceError::new(Backend::Alertmanager, ErrorKind::RateLimited(Duration::from_secs(9)), "slow down");
    each[0](Backend::Alertmanager, ok);
    each[1](Backend::Alertmanager, Err(&gone));
    each[0](Backend::Alertmanager, ok);
    each[0](Backend::Alertmanager, Err(&gone));
    each[1](Backend::Alertmanager, Err(&limited));
    each[0](Backend::Alertmanager, ok);
    each[1](Backend::Alertmanager, ok);
    let expected = [
        "3ms",
        "alertmanager b: gone Some((1, 2))",
        "alertmanager b: gone Some((1, 2))",
        "alertmanager a: gone None",
        "alertmanager b: slow down None",
        "3ms",
        "3ms",
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}
