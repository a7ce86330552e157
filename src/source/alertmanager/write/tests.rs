use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::*;
use crate::{
    demo::{
        server::{Server, start},
        store::Clock as DemoClock,
    },
    model::{backend::Backend, matcher_text, silence::SilenceEnd, time::Timestamp},
    source::http::Endpoint,
};

/// What the server does with a silence that is posted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Well,
    /// It takes it and answers never.
    Hangs,
    /// It takes it only after the client has given up.
    TakesLate,
    /// It answers 503, as a proxy does whose server may have taken it.
    Overloaded,
    /// It knows of no negative matchers.
    Old,
    /// The silences cannot be read.
    Unreadable,
    Refuses,
    /// Nothing is expired.
    Keeps,
}

struct Fake {
    mode: Mutex<Mode>,
    silences: Mutex<Vec<Value>>,
    /// What another replica has, and how many reads the load balancer sends there yet.
    replica: Mutex<(Vec<Value>, usize)>,
    posts: AtomicUsize,
}

impl Fake {
    fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap()
    }

    /// The next reads reach a replica that hears of nothing from now on.
    fn lag(&self, reads: usize) {
        *self.replica.lock().unwrap() = (self.silences.lock().unwrap().clone(), reads);
    }

    /// What a read is answered from.
    fn read(&self) -> Vec<Value> {
        let mut replica = self.replica.lock().unwrap();
        match replica.1.checked_sub(1) {
            Some(left) => {
                replica.1 = left;
                replica.0.clone()
            }
            None => self.silences.lock().unwrap().clone(),
        }
    }

    fn take(&self, mut silence: Value) -> String {
        let mut all = self.silences.lock().unwrap();
        let changed = all.iter().position(|s| s["id"] == silence["id"]).map(|place| all.remove(place));
        let id = changed.map_or_else(|| format!("id-{}", all.len()), |s| s["id"].as_str().unwrap().to_owned());
        silence["id"] = json!(id);
        silence["status"] = json!({"state": "active"});
        if self.mode() == Mode::Old {
            silence["matchers"].as_array_mut().unwrap().iter_mut().for_each(|m| drop(m.as_object_mut().unwrap().remove("isEqual")));
        }
        all.push(silence);
        id
    }

    fn active(&self) -> usize {
        self.silences.lock().unwrap().iter().filter(|s| s["status"]["state"] == "active").count()
    }
}

async fn post(State(fake): State<Arc<Fake>>, Json(silence): Json<Value>) -> Response {
    fake.posts.fetch_add(1, Ordering::Relaxed);
    match fake.mode() {
        Mode::Refuses => (StatusCode::BAD_REQUEST, Json(json!("invalid silence: because"))).into_response(),
        Mode::Overloaded => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mode::TakesLate => {
            // Longer than the client waits, shorter than it looks; not bound to the connection, as in a proxied server.
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(900)).await;
                fake.take(silence);
            });
            std::future::pending().await
        }
        Mode::Hangs | Mode::Unreadable => {
            fake.take(silence);
            std::future::pending().await
        }
        Mode::Well | Mode::Old | Mode::Keeps => Json(json!({"silenceID": fake.take(silence)})).into_response(),
    }
}

async fn list(State(fake): State<Arc<Fake>>) -> Response {
    if fake.mode() == Mode::Unreadable {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    Json(fake.read()).into_response()
}

async fn one(State(fake): State<Arc<Fake>>, Path(id): Path<String>) -> Response {
    fake.read().iter().find(|s| s["id"] == id).map_or(StatusCode::NOT_FOUND.into_response(), |s| Json(s.clone()).into_response())
}

async fn expire(State(fake): State<Arc<Fake>>, Path(id): Path<String>) -> Response {
    if fake.mode() == Mode::Keeps {
        return StatusCode::FORBIDDEN.into_response();
    }
    match fake.silences.lock().unwrap().iter_mut().find(|s| s["id"] == id) {
        Some(silence) => silence["status"] = json!({"state": "expired"}),
        None => return StatusCode::NOT_FOUND.into_response(),
    }
    if fake.mode() == Mode::Hangs { std::future::pending().await } else { StatusCode::OK.into_response() }
}

/// Sooner than a person would want them.
const SOON: Patience = Patience { lost: &[millis(0), millis(200), millis(600)], taken: &[millis(0); 4], again: &[millis(0); 3] };

struct Now;

impl DemoClock for Now {
    fn now(&self) -> Timestamp {
        crate::clock::system_now()
    }
}

async fn server(mode: Mode) -> (Server, Arc<Fake>, Alertmanager) {
    let fake = Arc::new(Fake { mode: Mutex::new(mode), silences: Mutex::default(), replica: Mutex::default(), posts: AtomicUsize::new(0) });
    let router = Router::new()
        .route("/api/v2/silences", get(list).post(post))
        .route("/api/v2/silence/{id}", get(one).delete(expire))
        .with_state(fake.clone());
    let server = start(router, Arc::new(Now)).await.unwrap();
    let endpoint = Endpoint { timeout: Duration::from_millis(500), ..Endpoint::new(Backend::Alertmanager, server.url.clone()) };
    let mut client = Alertmanager::new(endpoint, Arc::new(|_, _| ())).unwrap();
    client.patience = &SOON;
    (server, fake, client)
}

fn new() -> SilenceChange {
    SilenceChange::Create(NewSilence {
        id: None,
        matchers: ["alertname=Down", "severity!=page"].map(|t| matcher_text::parse(t).unwrap()).to_vec(),
        starts_at: None,
        end: SilenceEnd::After(Duration::from_secs(3600)),
        created_by: "ana".to_owned(),
        comment: "why".to_owned(),
        to: Vec::new(),
    })
}

#[tokio::test]
async fn what_is_written_is_read_back() {
    let (_server, fake, client) = server(Mode::Well).await;
    let outcome = client.change(new(), &|_| panic!("nothing is lost")).await;
    let SilenceOutcome::Done { silence, differences, looked_up: false, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((silence.id.as_str(), silence.comment.as_str(), differences), ("id-0", "why", Vec::new()));
    let sent = fake.silences.lock().unwrap()[0].clone();
    assert_eq!(sent["matchers"][1], json!({"name": "severity", "value": "page", "isRegex": false, "isEqual": false}));
}

#[tokio::test]
async fn a_write_without_an_answer_is_found_and_never_sent_twice() {
    for mode in [Mode::Hangs, Mode::TakesLate] {
        let (_server, fake, client) = server(mode).await;
        let lost = AtomicUsize::new(0);
        let told = |_: &SourceError| {
            lost.fetch_add(1, Ordering::Relaxed);
        };
        let outcome = client.change(new(), &told).await;
        assert!(matches!(&outcome, SilenceOutcome::Done { looked_up: true, .. }), "{mode:?}: {outcome:?}");
        assert_eq!((fake.posts.load(Ordering::Relaxed), fake.active(), lost.into_inner()), (1, 1, 1), "{mode:?}");
    }
}

#[tokio::test]
async fn a_write_that_is_nowhere_is_sent_again_only_when_asked_and_leaves_one() {
    let (_server, fake, client) = server(Mode::Overloaded).await;
    let outcome = client.change(new(), &|_| ()).await;
    let SilenceOutcome::Lost { sent, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((fake.posts.load(Ordering::Relaxed), fake.active()), (1, 0), "not by itself");
    fake.set(Mode::Well);
    let outcome = client.change(SilenceChange::CreateAgain(sent.clone()), &|_| ()).await;
    assert!(matches!(&outcome, SilenceOutcome::Done { looked_up: false, .. }), "{outcome:?}");
    let outcome = client.change(SilenceChange::CreateAgain(sent), &|_| ()).await;
    assert!(matches!(&outcome, SilenceOutcome::Done { looked_up: true, .. }), "it is there already: {outcome:?}");
    assert_eq!((fake.posts.load(Ordering::Relaxed), fake.active()), (2, 1));
}

#[tokio::test]
async fn an_earlier_try_that_comes_through_after_all_leaves_no_twin() {
    let (_server, fake, client) = server(Mode::Overloaded).await;
    let outcome = client.change(new(), &|_| ()).await;
    let SilenceOutcome::Lost { sent, .. } = outcome else { panic!("{outcome:?}") };
    fake.set(Mode::Well);
    let post = async {
        // The look before found nothing; then the first try is taken, while the second is under way.
        let body: Value = serde_json::from_str(&silence_wire::posted(&sent).unwrap()).unwrap();
        while fake.posts.load(Ordering::Relaxed) < 2 {
            tokio::task::yield_now().await;
        }
        fake.take(body)
    };
    let (outcome, first) = tokio::join!(client.change(SilenceChange::CreateAgain(sent.clone()), &|_| ()), post);
    let SilenceOutcome::Done { twins, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!((&twins.expired, fake.active()), (&vec![first], 1), "{outcome:?}");
}

#[tokio::test]
async fn a_twin_that_cannot_be_expired_is_told_of() {
    let (_server, fake, client) = server(Mode::Overloaded).await;
    let SilenceOutcome::Lost { sent, .. } = client.change(new(), &|_| ()).await else { panic!() };
    fake.set(Mode::Keeps);
    // It came through all the same, which the replica that is asked before the second try has not heard of.
    fake.lag(SOON.again.len());
    fake.take(serde_json::from_str(&silence_wire::posted(&sent).unwrap()).unwrap());
    let outcome = client.change(SilenceChange::CreateAgain(sent), &|_| ()).await;
    let SilenceOutcome::Done { twins, silence, .. } = &outcome else { panic!("{outcome:?}") };
    let left: Vec<&str> = twins.left.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!((silence.id.as_str(), left), ("id-1", vec!["id-0"]), "{outcome:?}");
}

/// The first one, for longer.
fn longer(of: &SilenceChange) -> SilenceChange {
    let SilenceChange::Create(new) = of else { panic!("{of:?}") };
    SilenceChange::Create(NewSilence { id: Some("id-0".to_owned()), end: SilenceEnd::After(Duration::from_secs(7200)), ..new.clone() })
}

#[tokio::test]
async fn a_replica_that_has_not_heard_of_it_yet_is_not_believed() {
    let (_server, fake, client) = server(Mode::Well).await;
    fake.lag(2);
    let outcome = client.change(new(), &|_| panic!("nothing is lost")).await;
    assert!(matches!(&outcome, SilenceOutcome::Done { looked_up: false, .. }), "{outcome:?}");
    fake.lag(2);
    let outcome = client.change(longer(&new()), &|_| panic!("nothing is lost")).await;
    let SilenceOutcome::Done { silence, differences, .. } = &outcome else { panic!("{outcome:?}") };
    let (length, none) = (silence.ends_at.since(silence.starts_at).as_secs(), Vec::<String>::new());
    assert_eq!((silence.id.as_str(), length, differences), ("id-0", 7205, &none), "the one before was of 3605 s");
    fake.lag(2);
    let outcome = client.change(SilenceChange::Expire("id-0".to_owned()), &|_| panic!("nothing is lost")).await;
    assert!(matches!(&outcome, SilenceOutcome::Done { silence, .. } if silence.state == SilenceState::Expired), "{outcome:?}");
}

#[tokio::test]
async fn what_no_read_shows_was_accepted_all_the_same() {
    let (_server, fake, client) = server(Mode::Well).await;
    fake.lag(SOON.taken.len());
    let outcome = client.change(new(), &|_| ()).await;
    assert!(matches!(&outcome, SilenceOutcome::Taken { id, unseen: Unseen::Absent, .. } if id == "id-0"), "{outcome:?}");
    for (change, how) in [(longer(&new()), "it ends at another time"), (SilenceChange::Expire("id-0".to_owned()), "it is active")] {
        fake.lag(SOON.taken.len());
        let outcome = client.change(change, &|_| ()).await;
        let SilenceOutcome::Taken { id, unseen: Unseen::Older(seen), .. } = &outcome else { panic!("{outcome:?}") };
        assert_eq!((id.as_str(), &**seen), ("id-0", &[how.to_owned()][..]));
    }
    assert_eq!((fake.posts.load(Ordering::Relaxed), fake.active()), (2, 0));
}

#[tokio::test]
async fn a_lost_write_that_a_replica_does_not_show_is_found_before_it_is_sent_again() {
    let (_server, fake, client) = server(Mode::Hangs).await;
    fake.lag(SOON.lost.len());
    let outcome = client.change(new(), &|_| ()).await;
    let SilenceOutcome::Lost { sent, .. } = outcome else { panic!("{outcome:?}") };
    fake.set(Mode::Well);
    *fake.replica.lock().unwrap() = (Vec::new(), SOON.again.len() - 1);
    let outcome = client.change(SilenceChange::CreateAgain(sent), &|_| ()).await;
    assert!(matches!(&outcome, SilenceOutcome::Done { looked_up: true, .. }), "{outcome:?}");
    assert_eq!((fake.posts.load(Ordering::Relaxed), fake.active()), (1, 1));
}

#[tokio::test]
async fn an_end_without_an_answer_is_looked_for_and_not_called_undone() {
    let (_server, fake, client) = server(Mode::Well).await;
    client.change(new(), &|_| ()).await;
    fake.set(Mode::Hangs);
    fake.lag(SOON.lost.len());
    let lost = AtomicUsize::new(0);
    let told = |_: &SourceError| {
        lost.fetch_add(1, Ordering::Relaxed);
    };
    let outcome = client.change(SilenceChange::Expire("id-0".to_owned()), &told).await;
    let SilenceOutcome::NotOver { id, state, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!((id.as_str(), *state, lost.into_inner()), ("id-0", Some(SilenceState::Active), 1));
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_not_sent_again() {
    let (_server, fake, client) = server(Mode::Unreadable).await;
    let outcome = client.change(new(), &|_| ()).await;
    let SilenceOutcome::Unknown { sent, .. } = outcome else { panic!("{outcome:?}") };
    let outcome = client.change(SilenceChange::CreateAgain(sent.clone()), &|_| ()).await;
    assert!(matches!(&outcome, SilenceOutcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(fake.posts.load(Ordering::Relaxed), 1);
    fake.set(Mode::Well);
    let outcome = client.change(SilenceChange::CreateAgain(sent), &|_| ()).await;
    assert!(matches!(&outcome, SilenceOutcome::Done { looked_up: true, .. }), "{outcome:?}");
    assert_eq!((fake.posts.load(Ordering::Relaxed), fake.active()), (1, 1));
}

#[tokio::test]
async fn a_refusal_and_a_server_that_is_not_there_wrote_nothing() {
    let (server, fake, client) = server(Mode::Refuses).await;
    let outcome = client.change(new(), &|_| ()).await;
    let SilenceOutcome::Refused(error) = outcome else { panic!("{outcome:?}") };
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::BadQuery, "invalid silence: because"));
    assert_eq!(fake.posts.load(Ordering::Relaxed), 1);
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    drop(server);
    let endpoint = Endpoint::new(Backend::Alertmanager, format!("http://{free}").parse().unwrap());
    let gone = Alertmanager::new(endpoint, Arc::new(|_, _| ())).unwrap();
    let outcome = gone.change(new(), &|_| panic!("no connection, nothing lost")).await;
    assert!(matches!(&outcome, SilenceOutcome::Refused(e) if e.kind == ErrorKind::Unreachable), "{outcome:?}");
}

#[tokio::test]
async fn an_old_server_that_turns_a_matcher_round_is_told_of() {
    let (_server, _, client) = server(Mode::Old).await;
    let outcome = client.change(new(), &|_| ()).await;
    let SilenceOutcome::Done { differences, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(differences, [r#"severity!="page" became severity="page""#]);
}

#[tokio::test]
async fn expiring_without_an_answer_is_seen_at_the_silence() {
    for mode in [Mode::Well, Mode::Hangs] {
        let (_server, fake, client) = server(Mode::Well).await;
        client.change(new(), &|_| ()).await;
        fake.set(mode);
        let outcome = client.change(SilenceChange::Expire("id-0".to_owned()), &|_| ()).await;
        let SilenceOutcome::Done { silence, looked_up, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((silence.state, looked_up), (SilenceState::Expired, mode == Mode::Hangs));
    }
    let (_server, _, client) = server(Mode::Well).await;
    let outcome = client.change(SilenceChange::Expire("nowhere".to_owned()), &|_| ()).await;
    assert!(matches!(&outcome, SilenceOutcome::Refused(e) if e.kind == ErrorKind::NotFound), "{outcome:?}");
}
