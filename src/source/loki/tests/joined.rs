//! Several queries that are read together.

use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{body_string_contains, path},
};

use super::*;

const FIRST: &str = "{app=\"first\"}";
const LATER: &str = "{app=\"later\"}";

/// Lines at the end of what is read, once.
fn one_line(text: &'static str) -> impl Fn(&Request) -> ResponseTemplate {
    move |request| {
        let params: std::collections::BTreeMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
        let at = params["end"].parse::<i64>().unwrap() - 1;
        let result = json!([{"stream": {"app": text}, "values": [[at.to_string(), text]]}]);
        ResponseTemplate::new(200).set_body_json(json!({"status": "success", "data": {"resultType": "streams", "result": result}}))
    }
}

/// A Loki that has lines of both queries, but for what was answered of the later one so often.
async fn loki(of_the_later: ResponseTemplate, times: u64) -> (MockServer, Loki) {
    let server = MockServer::start().await;
    let asked = || Mock::given(path("/loki/api/v1/query_range"));
    asked().and(body_string_contains("count_over_time")).respond_with(ResponseTemplate::new(400)).mount(&server).await;
    asked().and(body_string_contains("later")).respond_with(of_the_later).up_to_n_times(times).mount(&server).await;
    asked().and(body_string_contains("later")).respond_with(one_line("later")).mount(&server).await;
    asked().respond_with(one_line("first")).mount(&server).await;
    let loki = client(Endpoint::new(Backend::Loki, server.uri().parse().unwrap()));
    (server, loki)
}

/// Follows the one, then the other one too, until a test has seen enough.
async fn follow(loki: &Loki, mut is_enough: impl FnMut(&LogEvent) -> bool) {
    let (add, later) = mpsc::channel(1);
    let (out, mut events) = mpsc::channel(1);
    let queries = [FIRST.to_owned()];
    let reading = loki.read_all(&queries, later, last_hour(loki), Follow::InOrder, out);
    let taking = async move {
        let mut wait = Some(add);
        while let Some(event) = tokio::time::timeout(Duration::from_secs(20), events.recv()).await.expect("in time") {
            if let Some(add) = wait.take() {
                add.send(LATER.to_owned()).await.unwrap();
            }
            if is_enough(&event) {
                return;
            }
        }
        panic!("it ended");
    };
    let (read, ()) = tokio::join!(reading, taking);
    read.unwrap();
}

/// Follows both, until a test has seen enough.
async fn follow_both(loki: &Loki, mut is_enough: impl FnMut(&LogEvent) -> bool) {
    let (out, mut events) = mpsc::channel(1);
    let queries = [FIRST.to_owned(), LATER.to_owned()];
    let (_add, later) = mpsc::channel(1);
    let reading = loki.read_all(&queries, later, last_hour(loki), Follow::InOrder, out);
    let taking = async move {
        while let Some(event) = tokio::time::timeout(Duration::from_secs(20), events.recv()).await.expect("in time") {
            if is_enough(&event) {
                return;
            }
        }
        panic!("it ended");
    };
    let (read, ()) = tokio::join!(reading, taking);
    read.unwrap();
}

fn has(event: &LogEvent, text: &str) -> bool {
    matches!(event, LogEvent::Lines(lines) if lines.iter().any(|line| &*line.text == text))
}

#[tokio::test]
async fn a_stream_that_comes_later_is_asked_for_until_it_is_answered() {
    // Each question is asked three times at once.
    let (_server, loki) = loki(ResponseTemplate::new(503), 3).await;
    let (mut failed, mut is_over, mut is_read) = (0, false, false);
    follow(&loki, |event| {
        failed += usize::from(matches!(event, LogEvent::Failed(e) if e.kind == ErrorKind::Server(503)));
        is_over |= *event == LogEvent::Tail(TailState::Behind(Duration::ZERO));
        is_read |= has(event, "later");
        is_over && is_read
    })
    .await;
    assert_eq!(failed, 1);
}

#[tokio::test]
async fn a_stream_that_comes_later_and_is_refused_is_left_out_alone_and_told() {
    let (_server, loki) = loki(ResponseTemplate::new(400).set_body_string("parse error"), u64::MAX).await;
    let (mut left_out, mut since) = (Vec::new(), 0);
    follow(&loki, |event| {
        if let LogEvent::LeftOut { query, error } = event {
            left_out.push((query.clone(), error.kind.clone()));
        }
        since += usize::from(!left_out.is_empty() && has(event, "first"));
        since > 1
    })
    .await;
    assert_eq!(left_out, [(LATER.to_owned(), ErrorKind::BadQuery)]);
}

#[tokio::test]
async fn a_stream_that_was_left_out_is_asked_for_again_and_read() {
    let (_server, mut loki) = loki(ResponseTemplate::new(400).set_body_string("parse error"), 6).await;
    loki.pace.refused = loki.pace.poll;
    let (mut left_out, mut is_over, mut is_read) = (0, false, false);
    follow(&loki, |event| {
        left_out += usize::from(matches!(event, LogEvent::LeftOut { error, .. } if error.kind == ErrorKind::BadQuery));
        is_over |= left_out > 0 && *event == LogEvent::Tail(TailState::Behind(Duration::ZERO));
        is_read |= has(event, "later");
        is_over && is_read
    })
    .await;
    assert!(left_out > 0);
}

#[tokio::test]
async fn one_that_is_not_answered_any_more_holds_the_others_up_no_longer_than_a_line_may_wait() {
    let server = MockServer::start().await;
    let asked = || Mock::given(path("/loki/api/v1/query_range"));
    asked().and(body_string_contains("count_over_time")).respond_with(ResponseTemplate::new(400)).mount(&server).await;
    asked().and(body_string_contains("later")).respond_with(one_line("later")).up_to_n_times(2).mount(&server).await;
    let never = ResponseTemplate::new(200).set_delay(Duration::from_secs(3600));
    asked().and(body_string_contains("later")).respond_with(never).mount(&server).await;
    asked().respond_with(one_line("first")).mount(&server).await;
    // What is not answered is no failure within the time of this test either.
    let endpoint = Endpoint { timeout: Duration::from_secs(3600), ..Endpoint::new(Backend::Loki, server.uri().parse().unwrap()) };
    let mut loki = client(endpoint);
    // As long as all are answered nobody waits so long.
    loki.pace.patience = Duration::from_millis(400);
    let (mut is_read, mut since) = (false, 0);
    follow_both(&loki, |event| {
        is_read |= has(event, "later");
        since += usize::from(is_read && has(event, "first") && !has(event, "later"));
        since > 5
    })
    .await;
}

#[tokio::test]
async fn streams_that_look_whether_they_lack_any_and_for_late_lines_ask_one_question_of_each_kind() {
    let server = MockServer::start().await;
    let nothing = json!({"status": "success", "data": {"resultType": "matrix", "result": []}});
    Mock::given(path("/loki/api/v1/query_range")).respond_with(ResponseTemplate::new(200).set_body_json(nothing)).mount(&server).await;
    let mut loki = client(Endpoint::new(Backend::Loki, server.uri().parse().unwrap()));
    loki.pace.late = Duration::ZERO;
    // All of it is taken in by now: one round is the last one.
    let end = Timestamp::from_secs(loki.now().secs()) - TAKEN_IN;
    let range = TimeRange { start: end - Duration::from_secs(700), end: Timestamp(end.0 + 1) };
    let reading = [FIRST, LATER, "{app=\"third\"}"].map(|query| {
        let loki = &loki;
        async move {
            let (input, _inputs) = mpsc::channel(64);
            let link = stream::Link::for_lines_since(range.start);
            assert!(reconcile::Reconciler::new(loki, query, &link, &input, range, range.end).run().await, "all was read");
        }
    });
    futures_util::future::join_all(reading).await;
    let asked = server.received_requests().await.unwrap();
    let bodies: Vec<_> = asked.iter().map(|request| String::from_utf8_lossy(&request.body)).collect();
    assert_eq!(bodies.len(), 2, "{bodies:#?}");
    assert!(bodies.iter().all(|body| ["first", "later", "third"].iter().all(|name| body.contains(name))), "{bodies:#?}");
}
