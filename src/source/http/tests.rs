use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{any, header, method, path},
};

use super::{endpoint::MAX_BODY, *};
use crate::clock::Clock;

type Seen = Arc<Mutex<Vec<Result<(), ErrorKind>>>>;

fn client_of(endpoint: Endpoint) -> (HttpClient, Seen) {
    let seen = Seen::default();
    let log = seen.clone();
    let observer: Observer = Arc::new(move |_, r| log.lock().unwrap().push(r.map(|_| ()).map_err(|e| e.kind.clone())));
    (HttpClient::new(endpoint, observer).unwrap(), seen)
}

fn client(uri: &str) -> (HttpClient, Seen) {
    client_of(Endpoint::new(Backend::Loki, uri.parse().unwrap()))
}

async fn answering(response: ResponseTemplate) -> (MockServer, HttpClient, Seen) {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    let (client, seen) = client(&server.uri());
    (server, client, seen)
}

async fn requests(server: &MockServer) -> Vec<wiremock::Request> {
    server.received_requests().await.unwrap()
}

#[derive(Clone)]
enum Then {
    Close,
    Hang,
    Repeat(Vec<u8>),
}

/// A server that writes these bytes to every request.
async fn raw(head: &'static str, then: Then) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let then = then.clone();
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                let _ = socket.write_all(head.as_bytes()).await;
                match then {
                    Then::Close => {}
                    Then::Hang => std::future::pending().await,
                    Then::Repeat(bytes) => while socket.write_all(&bytes).await.is_ok() {},
                }
            });
        }
    });
    uri
}

#[tokio::test]
async fn the_base_may_have_any_prefix() {
    let (server, _, _) = answering(ResponseTemplate::new(200)).await;
    for prefix in ["", "/", "/prometheus", "/a/b/"] {
        let (client, _) = client(&format!("{}{prefix}", server.uri()));
        client.send(Request::get("/api/v1/x").param("query", "a b&c")).await.unwrap();
    }
    let paths: Vec<_> = requests(&server).await.iter().map(|r| r.url.path().to_owned()).collect();
    assert_eq!(paths, ["/api/v1/x", "/api/v1/x", "/prometheus/api/v1/x", "/a/b/api/v1/x"]);
    assert_eq!(requests(&server).await[0].url.query(), Some("query=a+b%26c"));
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    for status in [502, 503, 504] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(status)).up_to_n_times(2).mount(&server).await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string("fine")).mount(&server).await;
        let (client, seen) = client(&server.uri());
        assert_eq!(client.send(Request::post("/q")).await.unwrap().body, "fine", "{status}");
        assert_eq!(*seen.lock().unwrap(), [Ok(())]);
    }
}

#[tokio::test]
async fn a_backend_that_limits_us_is_asked_again_only_when_it_says_when() {
    for (wish, tries) in [(None, 1), (Some("0"), 2)] {
        let server = MockServer::start().await;
        let refused = ResponseTemplate::new(429);
        let refused = if let Some(wish) = wish { refused.insert_header("Retry-After", wish) } else { refused };
        Mock::given(any()).respond_with(refused).up_to_n_times(1).mount(&server).await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
        let (client, _) = client(&server.uri());
        assert_eq!(client.send(Request::get("/q")).await.is_ok(), wish.is_some());
        assert_eq!(requests(&server).await.len(), tries, "{wish:?}");
    }
}

#[tokio::test]
async fn what_is_final_is_not_tried_again() {
    for (status, kind, answered) in [
        (400, ErrorKind::BadQuery, true),
        (422, ErrorKind::Refused, true),
        (401, ErrorKind::Unauthorized(401), false),
        (403, ErrorKind::Unauthorized(403), false),
        (404, ErrorKind::NotSupported, true),
        (500, ErrorKind::Server(500), false),
    ] {
        let (server, client, seen) = answering(ResponseTemplate::new(status).set_body_string("why")).await;
        let e = client.send(Request::get("/q")).await.unwrap_err();
        assert_eq!(e.kind, kind);
        assert!(e.message.contains("why"), "{e}");
        assert_eq!(requests(&server).await.len(), 1);
        assert_eq!(seen.lock().unwrap()[0].is_ok(), answered, "{status} says that the backend is up");
    }
}

#[tokio::test]
async fn a_422_is_a_refusal_in_the_servers_words_unless_the_query_cannot_be_read() {
    for (body, kind) in [
        (r#"{"status":"error","errorType":"execution","error":"expanding series: store-gateway is away"}"#, ErrorKind::Refused),
        (r#"{"status":"error","errorType":"422","error":"cannot parse query: unexpected token"}"#, ErrorKind::BadQuery),
        (r#"{"status":"error","errorType":"bad_data","error":"invalid parameter"}"#, ErrorKind::BadQuery),
    ] {
        let (_server, client, _) = answering(ResponseTemplate::new(422).set_body_string(body)).await;
        let e = client.send(Request::post("/q")).await.unwrap_err();
        assert!(e.kind == kind && body.contains(&e.message), "{e:?}");
        assert_eq!(e.heals(), kind == ErrorKind::Refused, "a store may come back, a typing error stays");
    }
}

#[tokio::test]
async fn a_query_that_ran_out_of_time_is_not_repeated() {
    let body = r#"{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}"#;
    let (server, client, seen) = answering(ResponseTemplate::new(503).set_body_string(body)).await;
    assert!(matches!(client.send(Request::post("/q")).await.unwrap_err().kind, ErrorKind::Timeout(_)));
    assert_eq!(requests(&server).await.len(), 1);
    assert_eq!(*seen.lock().unwrap(), [Ok(())], "one heavy query is no outage");
}

#[tokio::test]
async fn a_wish_to_wait_longer_than_the_timeout_is_told() {
    let (server, client, _) = answering(ResponseTemplate::new(429).insert_header("Retry-After", "60")).await;
    let e = client.send(Request::get("/q")).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::RateLimited(Duration::from_secs(60)));
    assert_eq!(requests(&server).await.len(), 1);
}

#[tokio::test]
async fn a_clock_that_stands_still_does_so_after_an_answer_of_that_instant_and_follows_a_server_that_is_ahead() {
    let ours = Timestamp::from_secs(1_445_412_480);
    for (date, ahead) in [("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2015 07:29:00 GMT", 60_500_000_000)] {
        let (server, _, _) = answering(ResponseTemplate::new(200).insert_header("Date", date)).await;
        let endpoint = Endpoint { clock: Clock::from_fn(move || ours), ..Endpoint::new(Backend::Loki, server.uri().parse().unwrap()) };
        let (client, _) = client_of(endpoint);
        client.send(Request::get("/q")).await.unwrap();
        assert_eq!(client.now(), Timestamp(ours.0 + ahead), "{date}");
    }
}

#[tokio::test]
async fn a_backend_that_limits_us_is_asked_by_no_one() {
    let server = MockServer::start().await;
    let refused = ResponseTemplate::new(429).insert_header("Retry-After", "60").set_body_string("slow down");
    Mock::given(path("/refused")).respond_with(refused).mount(&server).await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_millis(300));
    Mock::given(path("/slow")).respond_with(slow).mount(&server).await;
    let (client, seen) = client(&server.uri());
    // The slow one is under way when the other is refused.
    let (slow, refused) = tokio::join!(client.send(Request::get("/slow")), client.send(Request::get("/refused")));
    assert!(slow.is_ok() && refused.is_err());
    let limited = ErrorKind::RateLimited(Duration::from_secs(60));
    assert_eq!(*seen.lock().unwrap(), [Err(limited.clone())], "one answer beside it does not end the limit");

    let query = client.send(Request::get("/slow")).await.unwrap_err();
    let tail = client.websocket(&Request::get("/tail")).await.map(|_| ()).unwrap_err();
    for e in [query, tail] {
        assert!(matches!(e.kind, ErrorKind::RateLimited(rest) if rest.as_secs() < 60), "{e:?}");
        assert_eq!(e.message, "answered 429: slow down");
    }
    assert_eq!((requests(&server).await.len(), seen.lock().unwrap().len()), (2, 1), "and nothing new is known of it");
}

#[tokio::test]
async fn a_handshake_that_is_limited_limits_all() {
    let (server, client, seen) = answering(ResponseTemplate::new(200)).await;
    let headers = [(RETRY_AFTER, HeaderValue::from_static("90"))].into_iter().collect();
    assert_eq!(client.limited_by(&headers, "no").kind, ErrorKind::RateLimited(Duration::from_secs(90)));
    assert!(client.send(Request::get("/q")).await.is_err_and(|e| e.hold_off().is_some_and(|rest| rest.as_secs() > 30)));
    assert_eq!((requests(&server).await.len(), seen.lock().unwrap().len()), (0, 1));
}

#[tokio::test]
async fn a_date_that_no_clock_shows_is_not_gone_by() {
    let ours = Timestamp::from_secs(1_445_412_480);
    for date in ["Fri, 31 Dec 9999 23:59:59 GMT", "Sat, 01 Jan 0001 00:00:00 GMT"] {
        let (server, _, _) = answering(ResponseTemplate::new(200).insert_header("Date", date)).await;
        let endpoint = Endpoint { clock: Clock::from_fn(move || ours), ..Endpoint::new(Backend::Loki, server.uri().parse().unwrap()) };
        let (client, _) = client_of(endpoint);
        client.send(Request::get("/q")).await.unwrap();
        assert_eq!(client.now(), ours, "{date}");
    }
}

#[tokio::test]
async fn nothing_listening_is_unreachable() {
    let (client, seen) = client("http://127.0.0.1:1");
    let e = client.send(Request::get("/q")).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Unreachable);
    assert!(e.message.contains("127.0.0.1:1") && e.message.contains("refused"), "{e}");
    assert_eq!(*seen.lock().unwrap(), [Err(ErrorKind::Unreachable)]);
}

#[tokio::test]
async fn a_hanging_server_times_out() {
    let timeout = ErrorKind::Timeout(Duration::from_millis(200));
    for (head, told) in [("", Err(timeout.clone())), ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", Ok(()))] {
        let mut endpoint = Endpoint::new(Backend::Tempo, raw(head, Then::Hang).await.parse().unwrap());
        endpoint.timeout = Duration::from_millis(200);
        let (client, seen) = client_of(endpoint);
        assert_eq!(client.send(Request::get("/q")).await.unwrap_err().kind, timeout);
        assert_eq!(*seen.lock().unwrap(), [told], "a server that began to answer is up");
    }
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_cut_off_while_it_comes() {
    // Endless, in chunks of 64 KiB: only a client that stops reading ends this test.
    let endless = raw(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        Then::Repeat([b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat()),
    );
    let mut endpoint = Endpoint::new(Backend::Loki, endless.await.parse().unwrap());
    endpoint.max_body = 1 << 20;
    assert_eq!(client_of(endpoint).0.send(Request::get("/q")).await.unwrap_err().kind, ErrorKind::TooLarge(1 << 20));

    let announced = raw("HTTP/1.1 200 OK\r\nContent-Length: 209715200\r\n\r\n", Then::Hang).await;
    let (client, seen) = client(&announced);
    let e = client.send(Request::get("/q")).await.unwrap_err();
    assert_eq!((e.kind, e.message.as_str()), (ErrorKind::TooLarge(MAX_BODY), "the answer is larger than 32 MiB"));
    assert_eq!(*seen.lock().unwrap(), [Ok(())], "the question is at fault, not the backend");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_told_as_such() {
    let uri = raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\"", Then::Close).await;
    let (client, _) = client(&uri);
    let e = client.send(Request::get("/q")).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Unreachable);
    assert!(e.message.contains("lost after 9 bytes"), "{e}");
}

#[tokio::test]
async fn gzip_is_asked_for_and_read() {
    // {"hello":"gzip"}
    let gzip = STANDARD.decode("H4sIAAAAAAAC/6tWykjNyclXslJKr8osUKoFAPZPBW8QAAAA").unwrap();
    let (server, client, _) = answering(ResponseTemplate::new(200).insert_header("Content-Encoding", "gzip").set_body_bytes(gzip)).await;
    assert_eq!(client.send(Request::get("/q")).await.unwrap().body, r#"{"hello":"gzip"}"#);
    assert!(requests(&server).await[0].headers["accept-encoding"].to_str().unwrap().contains("gzip"));
}

#[tokio::test]
async fn a_gateway_that_refuses_post_is_asked_by_get_from_then_on() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(405)).mount(&server).await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let (client, _) = client(&server.uri());
    for _ in 0..2 {
        client.send(Request::post("/q").param("query", "up")).await.unwrap();
    }
    let methods: Vec<_> = requests(&server).await.iter().map(|r| r.method.to_string()).collect();
    assert_eq!(methods, ["POST", "GET", "GET"]);
    assert_eq!(requests(&server).await[2].url.query(), Some("query=up"));
}

fn secured(uri: &str, auth: AuthSource) -> Endpoint {
    let mut endpoint = Endpoint::new(Backend::Loki, uri.parse().unwrap());
    endpoint.auth = auth;
    endpoint.tenant = Some("shop".to_owned());
    endpoint.headers = vec![("X-Key".to_owned(), Secret::Value(SecretString::from("k")))];
    endpoint
}

#[tokio::test]
async fn credentials_tenant_and_headers_go_with_every_request_and_the_handshake() {
    let (server, _, _) = answering(ResponseTemplate::new(200)).await;
    let password = Secret::Value(SecretString::from("pw"));
    let (client, _) = client_of(secured(&server.uri(), AuthSource::Basic { user: "me".to_owned(), password }));
    client.send(Request::get("/q")).await.unwrap();
    let sent = &requests(&server).await[0].headers;
    let ws = client.websocket(&Request::get("/tail").param("query", "{a=\"b\"}")).await.unwrap();
    assert!(ws.url.starts_with("ws://") && !ws.shown.contains("pw"));
    for headers in [sent, &ws.headers] {
        assert_eq!(headers["authorization"], format!("Basic {}", STANDARD.encode("me:pw")).as_str());
        assert_eq!(headers["x-scope-orgid"], "shop");
        assert_eq!(headers["x-key"], "k");
    }
}

#[tokio::test]
async fn user_and_password_of_the_address_are_used_but_never_shown() {
    let (server, _, _) = answering(ResponseTemplate::new(500)).await;
    let (client, _) = client(&server.uri().replace("http://", "http://me:s%40cret@"));
    let e = client.send(Request::get("/q")).await.unwrap_err();
    assert_eq!(requests(&server).await[0].headers["authorization"], format!("Basic {}", STANDARD.encode("me:s@cret")).as_str());
    assert!(!format!("{e} {} {:?}", client.base(), client.endpoint).contains("s@cret"));
}

#[tokio::test]
async fn no_redirect_leads_credentials_elsewhere() {
    let (elsewhere, _, _) = answering(ResponseTemplate::new(200)).await;
    for status in [301, 302, 303, 307, 308] {
        let target = format!("{}/stolen", elsewhere.uri());
        let (server, _, _) = answering(ResponseTemplate::new(status).insert_header("Location", target.as_str())).await;
        let (client, _) = client_of(secured(&server.uri(), AuthSource::Bearer(Secret::Value(SecretString::from("t")))));
        let e = client.send(Request::get("/q")).await.unwrap_err();
        assert!(e.message.contains(&target), "{e}");
    }
    assert!(requests(&elsewhere).await.is_empty());
}

#[tokio::test]
async fn a_redirect_on_the_same_server_keeps_the_query() {
    let server = MockServer::start().await;
    Mock::given(path("/q")).respond_with(ResponseTemplate::new(301).insert_header("Location", "/moved/q")).mount(&server).await;
    Mock::given(path("/moved/q")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let (client, _) = client(&server.uri());
    client.send(Request::post("/q").param("query", "up")).await.unwrap();
    assert_eq!(requests(&server).await[1].body, b"query=up");

    let (_circle, client, _) = answering(ResponseTemplate::new(302).insert_header("Location", "/q")).await;
    assert!(client.send(Request::get("/q")).await.unwrap_err().message.contains("redirects"));
}

fn counting_command(dir: &std::path::Path) -> Secret {
    // The first run prints "old", every later one "new".
    let script = format!("cd {} && echo x >> runs && if [ $(wc -l < runs) = 1 ]; then echo old; else echo new; fi", dir.display());
    Secret::Command(["sh", "-c", &script].map(str::to_owned).to_vec())
}

/// How often [`counting_command`] has run.
fn runs_in(dir: &std::path::Path) -> usize {
    std::fs::read_to_string(dir.join("runs")).unwrap_or_default().lines().count()
}

/// A server for which the old token has expired.
async fn taking_only_new() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer new")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    server
}

#[tokio::test]
async fn a_secrets_command_runs_at_the_first_request_and_once_more_on_401() {
    let dir = tempfile::tempdir().unwrap();
    let runs = || runs_in(dir.path());
    let server = taking_only_new().await;
    let (client, _) = client_of(secured(&server.uri(), AuthSource::Bearer(counting_command(dir.path()))));
    assert_eq!(runs(), 0);
    client.send(Request::get("/q")).await.unwrap();
    assert_eq!(runs(), 2);
    client.send(Request::get("/q")).await.unwrap();
    assert_eq!(runs(), 2);
}

#[tokio::test]
async fn a_401_that_stays_is_told_after_one_more_try_and_the_command_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let runs = || runs_in(dir.path());
    let (server, _, _) = answering(ResponseTemplate::new(401)).await;
    let (client, _) = client_of(secured(&server.uri(), AuthSource::Bearer(counting_command(dir.path()))));
    for asked in [2, 3, 4] {
        assert_eq!(client.send(Request::get("/q")).await.unwrap_err().kind, ErrorKind::Unauthorized(401));
        assert_eq!((requests(&server).await.len(), runs()), (asked, 2), "the new one was refused as well");
    }
}

#[tokio::test]
async fn a_handshake_that_was_refused_uses_what_a_request_read_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let runs = || runs_in(dir.path());
    let server = taking_only_new().await;
    let (client, _) = client_of(secured(&server.uri(), AuthSource::Bearer(counting_command(dir.path()))));
    let refused = client.websocket(&Request::get("/tail")).await.unwrap();
    client.send(Request::get("/q")).await.unwrap();
    assert!(client.renew_credentials(&refused).await, "there is a new one");
    let ws = client.websocket(&Request::get("/tail")).await.unwrap();
    assert_eq!((ws.headers["authorization"].to_str().unwrap(), runs()), ("Bearer new", 2));
    assert!(!client.renew_credentials(&ws).await, "that one was read just now");
    assert_eq!(runs(), 2);
}

#[tokio::test]
async fn a_secrets_command_that_fails_is_not_run_for_each_request() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("echo x >> {}/runs; echo locked >&2; exit 1", dir.path().display());
    let secret = Secret::Command(["sh", "-c", &script].map(str::to_owned).to_vec());
    let (client, _) = client_of(secured("http://127.0.0.1:1", AuthSource::Bearer(secret)));
    for _ in 0..3 {
        let e = client.send(Request::get("/q")).await.unwrap_err();
        assert!(e.kind == ErrorKind::Secret && e.message.contains("locked"), "{e}");
    }
    assert_eq!(std::fs::read_to_string(dir.path().join("runs")).unwrap(), "x\n");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_says_why() {
    let command = |argv: &[&str]| Secret::Command(argv.iter().map(|a| (*a).to_owned()).collect());
    for (secret, says) in [
        (Secret::Env("REDLINE_TEST_NO_SUCH_VARIABLE".to_owned()), "REDLINE_TEST_NO_SUCH_VARIABLE"),
        (Secret::File(PathBuf::from("/no/such/file")), "/no/such/file"),
        (command(&["sh", "-c", "echo locked >&2; exit 3"]), "locked"),
        (command(&["true"]), "empty"),
        (command(&[]), "empty"),
    ] {
        let (client, _) = client_of(secured("http://127.0.0.1:1", AuthSource::Bearer(secret)));
        let e = client.send(Request::get("/q")).await.unwrap_err();
        assert_eq!(e.kind, ErrorKind::Secret);
        assert!(e.message.contains(says), "{e}");
    }
}

#[tokio::test]
async fn a_header_that_cannot_be_sent_is_told_without_its_value() {
    let mut endpoint = secured("http://127.0.0.1:1", AuthSource::None);
    endpoint.headers = vec![("X-Key".to_owned(), Secret::Value(SecretString::from("se\ncret")))];
    let e = client_of(endpoint).0.send(Request::get("/q")).await.unwrap_err();
    assert_eq!(e.kind, ErrorKind::Secret);
    assert!(e.message.to_lowercase().contains("x-key") && !e.message.contains("cret "), "{e}");
}

#[tokio::test]
async fn a_secrets_command_gets_no_input() {
    let secret = Secret::Command(["sh", "-c", "cat; tty || echo none"].map(str::to_owned).to_vec());
    assert!(secret.read().await.unwrap().expose_secret().contains("not a tty"));
}

#[test]
fn an_endpoint_that_cannot_work_is_refused_at_once() {
    let refused = |change: fn(&mut Endpoint)| {
        let mut endpoint = Endpoint::new(Backend::Loki, "https://127.0.0.1".parse().unwrap());
        change(&mut endpoint);
        HttpClient::new(endpoint, Arc::new(|_, _| ())).err().map(|e| e.message).unwrap_or_default()
    };
    assert!(refused(|e| e.base = "ftp://x".parse().unwrap()).contains("http://"));
    assert!(refused(|e| e.ca_file = Some("/no/such.pem".into())).contains("/no/such.pem"));
    assert!(refused(|e| e.headers = vec![("a b".to_owned(), Secret::Value(SecretString::from("x")))]).contains("a b"));
}

#[test]
fn the_log_shows_the_querys_text_cut_and_nothing_else() {
    let shown = Request::get("/").param("token", "secret").param("query", format!("a\n{}", "b".repeat(300))).shown_query();
    assert!(shown.starts_with(" query=a b") && shown.ends_with('…') && !shown.contains("secret"));
    assert!(shown.chars().count() < 220);
}
