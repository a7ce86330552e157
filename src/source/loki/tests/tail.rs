//! The tail: opened again, refused, limited, closed.

use super::{fake::until, *};
use crate::{
    model::backend::TlsFault,
    source::http::{
        AuthSource, Secret,
        testing::{Authority, renew_without_pause, serve_tls},
    },
};

#[tokio::test]
async fn calm_streams_of_a_page_share_twelve_questions_a_minute_and_a_single_one_is_never_held_up() {
    let second = Duration::from_secs(1);
    for streams in [1, 2, 4] {
        let loki = Loki::new(Endpoint::new(Backend::Loki, "http://127.0.0.1:1".parse().unwrap()), Arc::new(|_, _| ())).unwrap();
        let begin = tokio::time::Instant::now();
        // When each wants to look next, and to search for late lines.
        let each = [loki.pace.every, loki.pace.late].map(|every| (begin + every, every));
        let mut wants: Vec<_> = (0..streams).flat_map(|_| each).collect();
        let (mut turns, mut held_up) = (0_u32, Duration::ZERO);
        while let Some((at, every)) = wants.iter_mut().min_by_key(|(at, _)| *at).filter(|(at, _)| *at < begin + 600 * second) {
            let turn = loki.calm_turn(*at);
            (held_up, turns) = (held_up.max(turn - *at), turns + u32::from(turn < begin + 600 * second));
            *at = turn + *every;
        }
        assert!(turns <= 121, "{streams} streams: {turns} in ten minutes");
        assert!(streams > 1 || held_up.is_zero(), "{held_up:?}");
    }
}

#[tokio::test]
async fn streams_take_turns_in_asking_behind_their_tails() {
    let (_fake, loki) = Fake::start().await;
    let loki = Loki { pace: Pace::default(), ..loki };
    let now = tokio::time::Instant::now();
    let turns: Vec<_> = (0..3).map(|_| loki.turn(now)).collect();
    assert_eq!([turns[1] - turns[0], turns[2] - turns[1]], [loki.pace.least; 2]);
    let later = now + 10 * loki.pace.least;
    assert_eq!(loki.turn(later), later, "nobody waits for turns that nobody took");
}

#[tokio::test]
async fn dropped_entries_are_recovered_by_asking() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    reader.until(|e, _| matches!(e, LogEvent::History { older: Older::Nothing, .. })).await;
    fake.write(range.end, "lost");
    let dropped = json!({"streams": null, "dropped_entries": [{"timestamp": range.end.to_string(), "labels": {"app": "x"}}]});
    let _ = fake.tail.send(Send::Frame(dropped.to_string()));
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Dropped(1))).await;
    reader.until(|e, _| *e == LogEvent::Tail(TailState::Recovered(1))).await;
    assert_eq!(reader.texts, ["lost"]);
}

#[tokio::test]
async fn a_tail_that_is_cut_or_closed_is_opened_again_and_nothing_is_missed() {
    for end in [Send::Cut, Send::Close(1011, "reached tail max duration limit")] {
        let (fake, loki) = Fake::start().await;
        let range = last_hour(&loki);
        let mut reader = Reader::open(loki, QUERY, range, true);
        reader.until(connected).await;
        fake.send(range.end, "before");
        reader.until_text("before").await;
        let _ = fake.tail.send(end);
        reader.until(|e, _| matches!(e, LogEvent::Tail(TailState::Lost { .. }))).await;
        fake.write(range.end, "before");
        fake.write(range.end, "meanwhile");
        reader.until_text("meanwhile").await;
        reader.until(connected).await;
        fake.send(range.end, "after");
        reader.until_text("after").await;
        assert_eq!(reader.sorted(), ["after", "before", "meanwhile"]);
    }
}

#[tokio::test]
async fn a_token_that_expires_again_and_again_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("cd {} && echo x >> runs && wc -l < runs | tr -d ' '", dir.path().display());
    let secret = Secret::Command(["sh", "-c", &script].map(str::to_owned).to_vec());
    let (fake, endpoint) = Fake::listen().await;
    let mut loki = client(Endpoint { auth: AuthSource::Bearer(secret), ..endpoint });
    renew_without_pause(&mut loki.http);
    let range = last_hour(&loki);
    *fake.token.lock().unwrap() = Some("1".to_owned());
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    for token in ["2", "3"] {
        *fake.token.lock().unwrap() = Some(token.to_owned());
        let _ = fake.tail.send(Send::Cut);
        let told = reader.until(|e, t| connected(e, t) || matches!(e, LogEvent::Tail(TailState::Refused { .. }))).await;
        assert!(connected(&told, &[]), "token {token}: {told:?}");
    }
}

#[tokio::test]
async fn a_tail_that_is_limited_waits_as_long_as_all_others() {
    let (fake, loki) = Fake::start().await;
    *fake.refuse.lock().unwrap() = Some(StatusCode::TOO_MANY_REQUESTS);
    let (range, loki) = (last_hour(&loki), Arc::new(loki));
    let mut reader = Reader::open(loki.clone(), QUERY, range, true);
    let lost = reader.until(|e, _| matches!(e, LogEvent::Tail(TailState::Lost { .. }))).await;
    let LogEvent::Tail(TailState::Lost { retry_at, error }) = lost else { panic!() };
    assert!(error.message.contains("429") && retry_at >= range.end + Duration::from_secs(30), "{retry_at} {error}");
    let refused = loki.query_range(QUERY, range, 1, Direction::Forward).await.unwrap_err();
    assert!(matches!(refused.kind, ErrorKind::RateLimited(_)), "{refused}");
}

#[tokio::test]
async fn too_many_tails_are_a_refusal() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    let _ = fake.tail.send(Send::Close(1011, "max concurrent tail requests limit exceeded, count > limit (11 > 10)"));
    reader.until(|e, _| matches!(e, LogEvent::Tail(TailState::Refused { .. }))).await;
}

#[tokio::test]
async fn where_enough_tails_are_open_lines_are_polled_until_one_of_them_ends() {
    let (fake, loki) = Fake::start().await;
    let (range, loki) = (last_hour(&loki), Arc::new(loki));
    let mut open: Vec<Reader> = (0..TAILS).map(|_| Reader::open(loki.clone(), QUERY, range, true)).collect();
    for reader in &mut open {
        reader.until(connected).await;
    }
    let mut one_more = Reader::open(loki, QUERY, range, true);
    one_more.until(|e, _| *e == LogEvent::Tail(TailState::Polled)).await;
    fake.write(range.end, "polled");
    one_more.until_text("polled").await;
    assert_eq!(fake.opened.load(Ordering::SeqCst), 4);
    drop(open.pop().unwrap().events);
    one_more.until(connected).await;
}

#[tokio::test]
async fn dropping_the_stream_closes_the_tail() {
    let (fake, loki) = Fake::start().await;
    let range = last_hour(&loki);
    let mut reader = Reader::open(loki, QUERY, range, true);
    reader.until(connected).await;
    drop(reader.events);
    reader.task.await.unwrap();
    until(|| fake.closed.load(Ordering::SeqCst) == fake.opened.load(Ordering::SeqCst)).await;
}

#[tokio::test]
async fn a_tail_over_tls_trusts_what_queries_trust() {
    let ca = Authority::ours();
    for (name, ca_file, expected) in [
        ("localhost", Some(ca.file()), None),
        ("localhost", None, Some(TlsFault::UnknownIssuer)),
        ("loki.example", Some(ca.file()), Some(TlsFault::WrongName)),
    ] {
        let (fake, app) = Fake::app();
        let port = serve_tls(app, ca.certify(name), None).await;
        let mut endpoint = Endpoint::new(Backend::Loki, format!("https://localhost:{port}").parse().unwrap());
        endpoint.ca_file = ca_file;
        let loki = client(endpoint);
        let link = stream::Link::default();
        let (input, mut inputs) = mpsc::channel(64);
        let state = async {
            loop {
                match inputs.recv().await.unwrap() {
                    stream::Input::State(TailState::Connecting) => {}
                    stream::Input::State(TailState::Connected) => fake.send(loki.now(), "hello"),
                    stream::Input::Tail(lines) => return Ok(lines[0].text.to_string()),
                    stream::Input::State(TailState::Lost { error, .. }) => return Err(error.kind),
                    _ => panic!("something else"),
                }
            }
        };
        let told = tokio::select! {
            () = loki.tail("{app=\"x\"}", &link, &input) => panic!("the tail ended"),
            told = state => told,
        };
        assert_eq!(told, expected.map_or(Ok("hello".to_owned()), |fault| Err(ErrorKind::Tls(fault))), "{name}");
    }
}
