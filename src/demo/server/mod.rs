//! The four protocol servers of the demo, each on a loopback port of its own.

pub mod alertmanager;
pub mod loki;
pub mod prometheus;
pub mod tempo;

use std::{io, net::Ipv4Addr, sync::Arc};

use axum::Router;
use tokio::{net::TcpListener, sync::watch};
use url::Url;

use super::store::{Clock, LogStore, MetricStore, TraceStore};

/// What the servers read.
#[derive(Clone)]
pub struct DemoStores {
    /// Scraped series.
    pub metrics: Arc<dyn MetricStore>,
    /// Log lines.
    pub logs: Arc<dyn LogStore>,
    /// Traces.
    pub traces: Arc<dyn TraceStore>,
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
    _stop: watch::Sender<()>,
}

/// Starts the four servers on free ports of 127.0.0.1.
///
/// # Errors
/// A port cannot be bound.
pub async fn serve(stores: DemoStores, clock: Arc<dyn Clock>) -> io::Result<Servers> {
    let (stop, stopped) = watch::channel(());
    Ok(Servers {
        prometheus: spawn(prometheus::router(stores.metrics.clone(), clock.clone()), stopped.clone()).await?,
        alertmanager: spawn(alertmanager::router(clock.clone()), stopped.clone()).await?,
        loki: spawn(loki::router(stores.logs, clock.clone()), stopped.clone()).await?,
        tempo: spawn(tempo::router(stores.traces, clock), stopped).await?,
        _stop: stop,
    })
}

/// Serves one router until the sender of `stopped` is dropped; gives its base URL.
async fn spawn(router: Router, mut stopped: watch::Receiver<()>) -> io::Result<Url> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = Url::parse(&format!("http://{}/", listener.local_addr()?)).map_err(io::Error::other)?;
    let shutdown = async move { while stopped.changed().await.is_ok() {} };
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(shutdown).await {
            log::error!("demo server: {error}");
        }
    });
    Ok(url)
}
