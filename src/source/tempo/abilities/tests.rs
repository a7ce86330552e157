use std::sync::Arc;

use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, path, query_param, query_param_contains},
};

use super::*;
use crate::{model::backend::Backend, source::http::Endpoint};

fn tempo(server: &MockServer) -> Tempo {
    Tempo::new(Endpoint::new(Backend::Tempo, server.uri().parse().unwrap()), Arc::new(|_, _| ())).unwrap()
}

/// A server that calls itself this, and has nothing else.
async fn called(version: &str) -> MockServer {
    let server = MockServer::start().await;
    let json = ResponseTemplate::new(200).set_body_string(format!(r#"{{"version":"{version}"}}"#));
    Mock::given(path("/api/status/buildinfo")).respond_with(json).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404)).with_priority(200).mount(&server).await;
    server
}

/// A search for this is answered so.
async fn answers(server: &MockServer, q: &str, status: u16) {
    Mock::given(query_param_contains("q", q)).respond_with(ResponseTemplate::new(status).set_body_string("{}")).mount(server).await;
}

async fn asked(server: &MockServer) -> Vec<String> {
    let sent = server.received_requests().await.unwrap();
    sent.iter().map(|r| r.url.query_pairs().find(|(k, _)| k == "q").map_or(r.url.path().to_owned(), |(_, q)| q.into_owned())).collect()
}

#[tokio::test]
async fn a_release_says_by_its_version_what_it_can_do() {
    use Ability::{Newest, PartialTraces, ScopedTags, Select, Structural, TraceQl};
    for (version, able) in [
        ("2.10.8", vec![TraceQl, Newest, Structural, Select, ScopedTags, PartialTraces]),
        // Takes the hint, and finds any.
        ("v2.7.2", vec![TraceQl, Structural, Select, ScopedTags, PartialTraces]),
        ("2.6.1", vec![TraceQl, Structural, Select, ScopedTags]),
        ("2.1.0-rc.0", vec![TraceQl]),
    ] {
        let server = called(version).await;
        let tempo = tempo(&server);
        assert_eq!(tempo.abilities(&Ability::LIGHT).await.unwrap().has, able, "{version}");
        assert_eq!(asked(&server).await, ["/api/status/buildinfo"]);
    }
    let server = called("2.5.0").await;
    let found = tempo(&server).abilities(&Ability::ALL).await.unwrap();
    assert!(found.why_not(Ability::Metrics).is_some() && found.why_not(Ability::Compare).is_some(), "{found:?}");
    assert_eq!(asked(&server).await[1..], ["{ } | rate()"], "metrics may be switched off");
}

#[tokio::test]
async fn a_build_between_releases_is_believed_what_it_reads_and_no_more() {
    let server = called("main-1dc1bfe").await;
    Mock::given(query_param("q", "{")).respond_with(ResponseTemplate::new(400)).with_priority(1).mount(&server).await;
    for (q, status) in [("span:parentID", 400), ("<<", 400), ("select", 200), ("most_recent", 200), (">>", 200)] {
        answers(&server, q, status).await;
    }
    let found = tempo(&server).abilities(&Ability::LIGHT).await.unwrap();
    assert_eq!(found.has, [Ability::TraceQl, Ability::Select]);
}

#[tokio::test]
async fn who_reads_no_traceql_is_asked_for_nothing_of_it() {
    let server = called("").await;
    Mock::given(path("/api/search")).respond_with(ResponseTemplate::new(200).set_body_string("{}")).mount(&server).await;
    let found = tempo(&server).abilities(&Ability::ALL).await.unwrap();
    assert_eq!((found.has, found.unknown), (vec![], vec![]));
    let mut asked = asked(&server).await;
    asked.sort();
    assert_eq!(asked, ["/api/status/buildinfo", "/api/v2/search/tags", "/api/v2/traces/none", "{"]);
}

#[tokio::test]
async fn what_is_known_is_not_asked_again_nor_twice_at_once() {
    let server = called("").await;
    Mock::given(query_param("q", "{")).respond_with(ResponseTemplate::new(400)).with_priority(1).mount(&server).await;
    Mock::given(query_param_contains("q", "<<")).respond_with(ResponseTemplate::new(418)).up_to_n_times(1).mount(&server).await;
    answers(&server, "<<", 200).await;
    let tempo = tempo(&server);
    let (a, b) = tokio::join!(tempo.is_able(Ability::TraceQl), tempo.abilities(&Ability::LIGHT));
    let unknown = vec![Ability::Structural, Ability::Metrics, Ability::Compare];
    assert_eq!((a, b.unwrap().unknown), (Ok(true), unknown));
    let once = asked(&server).await.len();
    assert_eq!(once, 1 + Ability::LIGHT.len(), "the version, and each");
    assert!(tempo.abilities(&Ability::LIGHT).await.unwrap().has.contains(&Ability::Structural));
    assert_eq!(asked(&server).await[once..], ["{ } << { }"], "what was not found out");
    for _ in 0..2 {
        assert_eq!(tempo.is_able(Ability::Metrics).await, Ok(false));
    }
    assert_eq!(asked(&server).await[once + 1..], ["{ } | rate()"], "when it is first wanted");
}

#[tokio::test]
async fn a_fault_that_passes_is_no_answer_for_good() {
    let server = called("2.10.8").await;
    let fails = |words: &str| ResponseTemplate::new(500).set_body_string(words.to_owned());
    let once = |from, response| Mock::given(path(from)).respond_with(response).up_to_n_times(1).with_priority(1);
    once("/api/metrics/query_range", fails("error finding generators in Querier.queryRangeRecent: empty ring")).mount(&server).await;
    answers(&server, "rate()", 200).await;
    Mock::given(path("/api/metrics/query")).respond_with(fails("localblocks processor not found")).mount(&server).await;
    let tempo = tempo(&server);
    assert_eq!(tempo.is_able(Ability::Metrics).await.unwrap_err().kind, ErrorKind::Server(500));
    assert_eq!(tempo.is_able(Ability::Metrics).await, Ok(true));
    assert_eq!(tempo.is_able(Ability::Compare).await, Ok(false), "not switched on");
}

#[tokio::test]
async fn a_version_that_a_gateway_does_not_tell_once_is_told_the_next_time() {
    for status in [401, 500] {
        let server = called("2.10.8").await;
        let fails = |at| Mock::given(at).respond_with(ResponseTemplate::new(status)).up_to_n_times(1).with_priority(1);
        fails(path("/api/status/buildinfo")).mount(&server).await;
        Mock::given(query_param("q", "{"))
            .respond_with(ResponseTemplate::new(status))
            .up_to_n_times(1)
            .with_priority(1)
            .mount(&server)
            .await;
        let tempo = tempo(&server);
        assert!(tempo.is_able(Ability::TraceQl).await.is_err(), "{status}");
        assert_eq!(tempo.is_able(Ability::TraceQl).await, Ok(true), "{status}");
        assert_eq!(tempo.version().await.unwrap(), "2.10.8");
    }
    let server = MockServer::start().await;
    Mock::given(path("/api/status/buildinfo")).respond_with(ResponseTemplate::new(403)).mount(&server).await;
    Mock::given(query_param("q", "{")).respond_with(ResponseTemplate::new(400)).mount(&server).await;
    answers(&server, "", 200).await;
    let tempo = tempo(&server);
    assert_eq!(tempo.is_able(Ability::TraceQl).await, Ok(true), "a version that is withheld keeps nothing from being found out");
    tempo.abilities(&Ability::LIGHT).await.unwrap();
    let versions = asked(&server).await.into_iter().filter(|path| path.contains("buildinfo"));
    assert_eq!(versions.count(), 1, "what is forbidden is not asked for again for each of them");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_no_server_that_cannot() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(418)).mount(&server).await;
    let tempo = tempo(&server);
    assert_eq!(tempo.abilities(&Ability::LIGHT).await.unwrap_err().kind, ErrorKind::Server(418));
    assert_eq!(tempo.version().await.unwrap_err().kind, ErrorKind::Server(418));
}
