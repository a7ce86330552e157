//! What a real Mimir tells, with its ruler and its Alertmanager, as it came: `dev/stack.d/record-mimir` made the files. With
//! `REDLINE_RECORDED` they are read from another folder, where it has just put them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

use super::{
    http::{Endpoint, Observer},
    *,
};
use crate::{
    clock::Clock,
    model::{
        alert::{AlertState, Severity},
        alert_book::{AlertBook, Told, merge},
        time::{TimeRange, Timestamp},
    },
};

/// An answer, head and body.
struct Recorded {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Recorded {
    fn of(name: &str) -> Self {
        let kept = || Path::new(env!("CARGO_MANIFEST_DIR")).join("src/source/recorded/mimir");
        let folder = std::env::var_os("REDLINE_RECORDED").map_or_else(kept, PathBuf::from);
        let file = folder.join(format!("{name}.http"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap()).map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()));
        // How long it is and in which pieces it comes is said anew.
        let headers = headers.filter(|(name, _)| !matches!(name.as_str(), "content-length" | "transfer-encoding")).collect();
        Self { status, headers, body: body.to_owned() }
    }

    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(n, _)| n == name).unwrap().1
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_secs(chrono::DateTime::parse_from_rfc2822(self.header("date")).unwrap().timestamp())
    }

    async fn serve(self, server: &MockServer, at: &str) {
        let kind = self.header("content-type").to_owned();
        let mut answer = ResponseTemplate::new(self.status).set_body_raw(self.body, &kind);
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "content-type") {
            answer = answer.insert_header(name.as_str(), value.as_str());
        }
        Mock::given(path(at)).respond_with(answer).mount(server).await;
    }
}

/// A Mimir that answers these paths so, as of when it answered the first.
async fn mimir(answers: &[(&str, &str)]) -> (Sources, MockServer) {
    let (server, nobody): (_, Observer) = (MockServer::start().await, Arc::new(|_, _| ()));
    let now = Recorded::of(answers[0].1).at();
    for (at, name) in answers {
        Recorded::of(name).serve(&server, at).await;
    }
    let endpoint = |backend, under: &str| Endpoint {
        clock: Clock::from_fn(move || now),
        tenant: Some("shop".to_owned()),
        ..Endpoint::new(backend, format!("{}/{under}", server.uri()).parse().unwrap())
    };
    let sources = Sources {
        prometheus: Some(Prometheus::new(endpoint(Backend::Prometheus, "prometheus"), nobody.clone()).unwrap()),
        alertmanager: Some(Alertmanager::new(endpoint(Backend::Alertmanager, "alertmanager"), nobody).unwrap().into()),
        ..Sources::default()
    };
    (sources, server)
}

const ALL: [(&str, &str); 4] = [
    ("/prometheus/api/v1/rules", "rules"),
    ("/alertmanager/api/v2/alerts", "alertmanager-alerts"),
    ("/alertmanager/api/v2/silences", "alertmanager-silences"),
    ("/alertmanager/api/v2/status", "alertmanager-status"),
];

async fn book(answers: &[(&str, &str)]) -> AlertBook {
    let (sources, _server) = mimir(answers).await;
    let (ours, theirs) = (sources.prometheus_alerts().await.unwrap(), sources.alertmanager_alerts().await.unwrap());
    merge(&Told { prometheus: Some(&ours), alertmanager: Some(&theirs), now: ours.told_at, ..Told::default() })
}

fn rows(book: &AlertBook) -> Vec<(&str, AlertState, Severity, bool)> {
    book.alerts.iter().map(|a| (a.name(), a.state, a.severity, a.routing.is_some())).collect()
}

#[tokio::test]
async fn alerts_of_mimirs_ruler_have_their_rule_and_their_route() {
    let book = book(&ALL).await;
    let expected = [
        ("TargetDown", AlertState::Firing, Severity(1), true),
        ("Soon", AlertState::Pending, Severity(3), false),
        ("Soon", AlertState::Pending, Severity(3), false),
    ];
    assert_eq!(rows(&book), expected);
    let down = &book.alerts[0];
    let rule = down.rule.as_ref().unwrap();
    assert_eq!((rule.interval, rule.hold, rule.keep_firing_for), (Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(60)));
    assert_eq!((rule.group.as_str(), rule.query.as_str(), down.value), ("shop", r#"up{job="shop"} < 1"#, Some(0.0)));
    assert_eq!((down.labels.get("team"), down.labels.get("instance")), (Some("shop-team"), Some("127.0.0.1:1")));
    assert_eq!(down.annotations.get("summary"), Some("127.0.0.1:1 is down (0)"));
    assert_eq!(rule.annotations.get("summary"), Some("{{ $labels.instance }} is down ({{ $value }})"));
    assert!(down.generator_url.as_deref().unwrap().starts_with("http://mimir.test/"), "{:?}", down.generator_url);
    assert_eq!((down.unrouted_since, down.doubt.is_none(), book.notes.len()), (None, true, 0));
}

#[tokio::test]
async fn an_alert_that_mimirs_alertmanager_does_not_know_says_since_when() {
    let unknown = [ALL[0], (ALL[1].0, "alertmanager-silences"), ALL[2], ALL[3]];
    let book = book(&unknown).await;
    let down = &book.alerts[0];
    assert_eq!((down.name(), down.unrouted_since), ("TargetDown", Some(down.since + Duration::from_secs(2))));
}

#[tokio::test]
async fn a_rule_that_mimir_cannot_evaluate_says_why() {
    let book = book(&ALL).await;
    assert_eq!(book.rules.len(), 3, "recording rules are none");
    let failing: Vec<_> = book.rules.iter().filter_map(|rule| Some((rule.name.as_str(), rule.error.as_deref()?))).collect();
    assert!(matches!(failing[..], [("Ambiguous", why)] if why.contains("duplicate series")), "{failing:?}");
}

#[tokio::test]
async fn mimir_tells_the_same_alerts_without_their_rules() {
    let (sources, _server) = mimir(&[("/prometheus/api/v1/alerts", "alerts")]).await;
    let told = sources.prometheus_alerts().await.unwrap();
    let names: Vec<(&str, AlertState)> = told.alerts.iter().map(|a| (a.name(), a.state)).collect();
    let expected = [("Soon", AlertState::Pending), ("Soon", AlertState::Pending), ("TargetDown", AlertState::Firing)];
    let mut sorted = names.clone();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    assert_eq!((sorted.as_slice(), told.tells_rules), (&expected[..], false));
}

#[tokio::test]
async fn what_mimir_does_not_evaluate_is_said_and_not_taken_for_quiet() {
    let (sources, _server) = mimir(&[("/prometheus/api/v1/rules", "not-evaluated")]).await;
    let told = sources.prometheus_alerts().await.unwrap();
    assert_eq!((told.alerts.len(), told.rules.len()), (0, 0));
    assert_eq!(told.notes, ["prometheus says: alerting rules evaluation is disabled for user"]);

    let (sources, _server) = mimir(&[("/prometheus/api/v1/rules", "unruled"), ("/prometheus/api/v1/alerts", "unruled")]).await;
    let refused = sources.prometheus_alerts().await.unwrap_err();
    assert_eq!(refused.to_string(), "prometheus: rule evaluation is disabled for tenant unruled");
    assert_eq!(refused.kind, ErrorKind::NotSupported, "to ask for less does not help: {}", refused.advice());
}

#[tokio::test]
async fn mimir_refuses_in_its_own_words() {
    let ask = async |name: &str| {
        let (sources, _server) = mimir(&[("/prometheus/api/v1/query", name), ("/prometheus/api/v1/query_range", name)]).await;
        let prometheus = sources.prometheus.unwrap();
        let now = prometheus.http().now();
        let range = TimeRange { start: now - Duration::from_secs(60), end: now };
        let instant = prometheus.query("up", now).await.unwrap_err();
        assert_eq!(prometheus.query_range("up", range, Duration::from_secs(15)).await.unwrap_err(), instant, "{name}");
        instant
    };
    for (name, kind, words) in [
        ("no-tenant", ErrorKind::Unauthorized(401), "no org id"),
        ("too-many-series", ErrorKind::Refused, "err-mimir-max-series-per-query"),
        ("too-long", ErrorKind::Refused, "err-mimir-max-total-query-length"),
        ("cannot-be-read", ErrorKind::BadQuery, "parse error"),
    ] {
        let error = ask(name).await;
        assert_eq!(error.kind, kind, "{name}: {error}");
        assert!(error.message.contains(words), "{error}");
    }
}

#[tokio::test]
async fn mimir_says_what_it_is_and_scrapes_nothing() {
    let (sources, _server) = mimir(&[
        ("/prometheus/api/v1/status/buildinfo", "buildinfo"),
        ("/prometheus/api/v1/targets", "targets"),
        ("/prometheus/api/v1/metadata", "metadata"),
        ("/prometheus/api/v1/labels", "labels"),
        ("/prometheus/api/v1/query", "fired"),
    ])
    .await;
    let prometheus = sources.prometheus.unwrap();
    let now = prometheus.http().now();
    let range = TimeRange { start: now - Duration::from_secs(60), end: now };
    let build = prometheus.buildinfo().await.unwrap();
    assert_eq!((build.application.as_str(), build.version.as_str()), ("Grafana Mimir", "3.0.5"));
    assert_eq!(prometheus.scrape_interval().await.unwrap_err().kind, ErrorKind::NotSupported);
    assert_eq!(prometheus.metadata("prometheus_build_info").await.unwrap()[0].kind, "gauge");
    assert_eq!(prometheus.label_names(&[], range).await.unwrap(), ["__name__", "cluster", "instance", "job"]);
    let fired = prometheus.query("ALERTS", now).await.unwrap();
    assert_eq!(fired.elements[0].0.get("alertname"), Some("TargetDown"));
}
