//! The four protocol servers of the demo, each on a loopback port of its own.

pub mod alertmanager;
pub mod loki;
mod params;
pub mod prometheus;
pub mod tempo;

use std::{io, net::Ipv4Addr, sync::Arc};

use axum::{
    Router,
    http::{HeaderValue, header::DATE},
    middleware::map_response,
    response::Response,
};
use tokio::{net::TcpListener, sync::watch};
use url::Url;

use super::{
    rules::RuleEngine,
    store::{Clock, LogStore, TraceStore},
};
use crate::model::{silence::Silence, time::Timestamp};

/// What the servers read.
#[derive(Clone)]
pub struct DemoStores {
    /// The rules over the scraped series: what Prometheus and Alertmanager answer from.
    pub rules: Arc<RuleEngine>,
    /// Silences that Alertmanager has from the beginning.
    pub silences: Vec<Silence>,
    /// Log lines.
    pub logs: Arc<dyn LogStore>,
    /// Traces.
    pub traces: Arc<dyn TraceStore>,
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Server {
    /// Its base URL.
    pub url: Url,
    _stop: watch::Sender<()>,
}

/// The running servers; dropping it stops them.
#[derive(Debug)]
pub struct Servers {
    /// Base URL of Prometheus.
    pub prometheus: Url,
    /// Base URL of Alertmanager.
    pub alertmanager: Url,
    /// Base URL of Loki.
    pub loki: Url,
    /// Base URL of Tempo.
    pub tempo: Url,
    _running: [Server; 4],
}

/// Starts the four servers on free ports of 127.0.0.1.
///
/// # Errors
/// A port cannot be bound.
pub async fn serve(stores: DemoStores, clock: Arc<dyn Clock>) -> io::Result<Servers> {
    let prometheus = start(prometheus::router(stores.rules.clone()), clock.clone()).await?;
    let alertmanager = alertmanager::router(stores.rules, stores.silences, prometheus.url.as_str());
    let alertmanager = start(alertmanager, clock.clone()).await?;
    let loki = start(loki::router(stores.logs, clock.clone()), clock.clone()).await?;
    let tempo = start(tempo::router(stores.traces, clock.clone()), clock).await?;
    Ok(Servers {
        prometheus: prometheus.url.clone(),
        alertmanager: alertmanager.url.clone(),
        loki: loki.url.clone(),
        tempo: tempo.url.clone(),
        _running: [prometheus, alertmanager, loki, tempo],
    })
}

/// Serves one router on a free port of 127.0.0.1. Its answers are dated by the clock: that is the demo's now.
///
/// # Errors
/// No port can be bound.
pub async fn start(router: Router, clock: Arc<dyn Clock>) -> io::Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = Url::parse(&format!("http://{}/", listener.local_addr()?)).map_err(io::Error::other)?;
    let (stop, mut stopped) = watch::channel(());
    let shutdown = async move {
        // Ends with an error when the sender is dropped.
        while stopped.changed().await.is_ok() {}
    };
    let router = router.layer(map_response(move |response| dated(response, clock.now())));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(shutdown).await {
            log::error!("demo server: {error}");
        }
    });
    Ok(Server { url, _stop: stop })
}

async fn dated(mut response: Response, now: Timestamp) -> Response {
    let date = chrono::DateTime::from_timestamp_nanos(now.0).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(value) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(DATE, value);
    }
    response
}
