use std::path::PathBuf;

use axum::{Router, routing::get};

use super::{
    testing::{Authority, serve_tls},
    *,
};
use crate::model::backend::TlsFault;

fn app() -> Router {
    Router::new().route("/q", get(|| async { "fine" }))
}

/// What a client that trusts this CA beside the system's gets from `https://localhost:port/q`.
async fn ask(port: u16, change: impl FnOnce(&mut Endpoint)) -> Result<Answer, SourceError> {
    let mut endpoint = Endpoint::new(Backend::Loki, format!("https://localhost:{port}").parse().unwrap());
    change(&mut endpoint);
    HttpClient::new(endpoint, Arc::new(|_, _| ())).unwrap().send(Request::get("/q")).await
}

fn fault(result: Result<Answer, SourceError>) -> (TlsFault, String) {
    let error = result.unwrap_err();
    assert!(!error.is_transient() && error.heals(), "it is not hammered, and asked again when someone may have mended it");
    match error.kind {
        ErrorKind::Tls(fault) => (fault, error.message),
        ref other => panic!("{other:?}: {error}"),
    }
}

#[tokio::test]
async fn an_own_ca_is_trusted_and_without_it_the_reader_is_told_what_to_do() {
    let (ours, theirs, renewed) = (Authority::ours(), Authority::named("theirs"), Authority::ours());
    let port = serve_tls(app(), ours.certify("localhost"), None).await;
    let trusted = ask(port, |e| e.ca_file = Some(ours.file())).await.unwrap();
    assert_eq!(trusted.body, "fine");
    for ca in [None, Some(theirs.file()), Some(renewed.file())] {
        let (kind, message) = fault(ask(port, |e| e.ca_file = ca).await);
        assert_eq!(kind, TlsFault::UnknownIssuer);
        assert_eq!(message, format!("TLS with localhost:{port}: its certificate is of an authority that is not trusted here"));
    }
    let advice = SourceError::new(Backend::Loki, ErrorKind::Tls(TlsFault::UnknownIssuer), "").advice();
    assert!(advice.contains("ca_file"), "{advice}");
    assert!(ask(port, |e| e.insecure_skip_verify = true).await.is_ok());
}

#[tokio::test]
async fn a_certificate_for_another_name_or_time_is_refused() {
    let ca = Authority::ours();
    let elsewhere = serve_tls(app(), ca.certify("loki.example"), None).await;
    let (kind, message) = fault(ask(elsewhere, |e| e.ca_file = Some(ca.file())).await);
    assert_eq!(kind, TlsFault::WrongName);
    assert!(message.ends_with("its certificate is for loki.example, not for localhost"), "{message}");
    let expired = serve_tls(app(), ca.certify_for_years("localhost", 2001..2002), None).await;
    assert_eq!(fault(ask(expired, |e| e.ca_file = Some(ca.file())).await).0, TlsFault::WrongTime);
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_gets_it() {
    let (ca, strangers) = (Authority::ours(), Authority::named("strangers"));
    let port = serve_tls(app(), ca.certify("localhost"), Some(&ca)).await;
    let with = |files: Option<(PathBuf, PathBuf)>| {
        let ca_file = ca.file();
        move |e: &mut Endpoint| {
            e.ca_file = Some(ca_file);
            e.client = files.map(|(cert_file, key_file)| ClientCertificate { cert_file, key_file });
        }
    };
    assert_eq!(ask(port, with(Some(ca.certify("oncall")))).await.unwrap().body, "fine");
    let (kind, message) = fault(ask(port, with(None)).await);
    assert_eq!(kind, TlsFault::ClientCertificate, "{message}");
    assert_eq!(fault(ask(port, with(Some(strangers.certify("oncall")))).await).0, TlsFault::ClientCertificate);
}

#[tokio::test]
async fn a_server_without_tls_is_told_as_such() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, app()).await });
    let (kind, message) = fault(ask(port, |_| ()).await);
    assert_eq!(kind, TlsFault::Other);
    assert!(message.contains("does not speak TLS"), "{message}");
}

#[test]
fn files_that_hold_no_certificate_or_key_are_refused_at_once() {
    let ca = Authority::ours();
    let (cert, key) = ca.certify("oncall");
    let (_, other_key) = Authority::ours().certify("other");
    let refused = |client: Option<(&PathBuf, &PathBuf)>, ca_file: Option<&PathBuf>| {
        let mut endpoint = Endpoint::new(Backend::Loki, "https://localhost".parse().unwrap());
        endpoint.ca_file = ca_file.cloned();
        endpoint.client = client.map(|(c, k)| ClientCertificate { cert_file: c.clone(), key_file: k.clone() });
        HttpClient::new(endpoint, Arc::new(|_, _| ())).err().map(|e| e.message).unwrap_or_default()
    };
    assert_eq!(refused(Some((&cert, &key)), Some(&ca.file())), "");
    assert!(refused(None, Some(&key)).ends_with("oncall.key: holds no certificate in PEM form"));
    assert!(refused(Some((&key, &key)), None).ends_with("oncall.key: holds no certificate in PEM form"));
    assert!(refused(Some((&cert, &cert)), None).ends_with("oncall.pem: holds no private key in PEM form"));
    assert!(refused(Some((&cert, &other_key)), None).contains("other.key"));
}
