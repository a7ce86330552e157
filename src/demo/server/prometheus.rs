//! The demo's Prometheus.

use std::sync::Arc;

use axum::Router;

use crate::demo::store::{Clock, MetricStore};

/// The routes of Prometheus' HTTP API.
pub fn router(_metrics: Arc<dyn MetricStore>, _clock: Arc<dyn Clock>) -> Router {
    Router::new()
}
