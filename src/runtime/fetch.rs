//! One request to one backend: the core's question in, the client's call, the core's answer out.

use std::sync::Arc;

use crate::{
    background,
    core::request::{Request, Response},
    model::{
        backend::{Backend, SourceError},
        time::{TimeRange, Timestamp},
    },
    red,
    source::{Sources, not_configured, traces::TraceSearch},
    store::{PatternJob, PatternNews},
};

/// Asks the backend that a request is for. Log streams are not fetched, they are followed.
///
/// # Errors
/// What the backend's client says, or that the backend has no address.
pub async fn fetch(request: &Request, sources: &Sources, now: Timestamp) -> Result<Response, SourceError> {
    let prometheus = || sources.prometheus.as_ref().ok_or_else(|| not_configured(Backend::Prometheus));
    let loki = || sources.loki.as_ref().ok_or_else(|| not_configured(Backend::Loki));
    Ok(match request {
        Request::PrometheusAlerts => Response::PrometheusAlerts(sources.prometheus_alerts().await?),
        Request::AlertmanagerAlerts => Response::AlertmanagerAlerts(sources.alertmanager_alerts().await?),
        Request::RulerAlerts => Response::PrometheusAlerts(sources.ruler_alerts().await?),
        Request::DiscoverRed => Response::Red(Arc::new(red::discover(prometheus()?, &sources.labels, now).await?)),
        Request::DiscoverLogLabels { window } => {
            Response::LogLabels(Arc::new(loki()?.service_labels(&sources.labels, window.range(now)).await?))
        }
        Request::Instant { query, window } => Response::Vector(prometheus()?.query(query, window.range(now).end).await?),
        Request::Range { query, window, step } => Response::Matrix(prometheus()?.query_range(query, window.range(now), *step).await?),
        Request::Exemplars { query, window } => Response::Exemplars(prometheus()?.exemplars(query, window.range(now)).await?),
        Request::LabelNames { query, window } => Response::LabelNames(prometheus()?.labels_of(query, window.range(now)).await?),
        Request::Explore { query, window, step } => {
            Response::Explored(Arc::new(prometheus()?.explore(query, window.range(now), *step).await?))
        }
        Request::MetricNames { window } => Response::Names(Arc::new(prometheus()?.metric_names(window.range(now)).await?)),
        Request::LabelValues { label, query, window } => {
            Response::Names(Arc::new(prometheus()?.values_of(label, query, window.range(now)).await?))
        }
        Request::AboutMetric { metric } => Response::About(prometheus()?.about(metric).await?),
        Request::LogExplore { query, window, step } => {
            Response::Explored(Arc::new(loki()?.explore(query, window.range(now), *step).await?))
        }
        Request::LogCheck { query, window } => loki()?.check(query, window.range(now)).await.map(|()| Response::Checked)?,
        Request::LogLabelNames { query, window } => Response::Names(Arc::new(loki()?.label_names_of(query, window.range(now)).await?)),
        Request::LogLabelValues { label, query, window } => {
            Response::Names(Arc::new(loki()?.label_values_of(label, query, window.range(now)).await?))
        }
        Request::LogFields { query, window } => Response::Names(Arc::new(loki()?.fields_of(query, window.range(now)).await?)),
        Request::LogFieldValues { field, query, window } => {
            Response::Names(Arc::new(loki()?.field_values_of(field, query, window.range(now)).await?))
        }
        Request::LogRange { query, window, step } => Response::Matrix(loki()?.query_matrix(query, window.range(now), *step).await?),
        Request::LogSize { selector, window, reach, by } => {
            Response::LogSize(loki()?.size(selector, reach.of(window.range(now)), by.as_deref()).await?)
        }
        Request::LogVolume { selector, window, reach, step } => {
            Response::Matrix(loki()?.volume(selector, reach.of(window.range(now)), *step).await?)
        }
        Request::LogOlder { query, window, before } => {
            let range = TimeRange { start: window.range(now).start, end: *before };
            Response::Log(loki()?.older(query, range).await?)
        }
        Request::LogNewer { query, window, after } => {
            let range = TimeRange { start: *after, end: window.range(now).end };
            Response::Newer(loki()?.newer(query, range).await?)
        }
        Request::Count(job) => {
            let job = job.clone();
            let counted = background::run(move || job.run()).await;
            Response::Matrix(counted.ok_or_else(|| bug(Backend::Loki, "redline failed while it counted the lines"))?)
        }
        Request::Patterns(job) => Response::Patterns(patterns(job.clone()).await?),
        Request::Same(job) => {
            let job = job.clone();
            let found = background::run(move || job.run()).await;
            Response::Same(found.ok_or_else(|| bug(Backend::Loki, "redline failed while it held a pattern against the lines"))?)
        }
        Request::LogPatterns { selector, window, step } => {
            Response::LogPatterns(loki()?.patterns(selector, window.range(now), *step).await?)
        }
        Request::Search { query, window, limit } => {
            let search = TraceSearch { query: query.clone(), range: window.range(now), limit: *limit };
            Response::Hits(sources.search_traces(&search).await?)
        }
        Request::Compare(job) => {
            let job = job.clone();
            let compared = background::run(move || Arc::new(job.run())).await;
            Response::Compared(compared.ok_or_else(|| bug(Backend::Tempo, "redline failed while it compared the traces"))?)
        }
        Request::TraceMetrics { query, window, step } => {
            Response::Explored(Arc::new(sources.trace_metrics(query, window.range(now), *step).await?))
        }
        Request::TraceTags { query, window } => Response::Names(Arc::new(sources.trace_tags(query, window.range(now)).await?)),
        Request::TraceTagValues { tag, query, window } => {
            Response::Names(Arc::new(sources.trace_tag_values(tag, query, window.range(now)).await?))
        }
        Request::Trace(id, near) => Response::Trace(sources.trace(*id, *near).await?),
        Request::TraceAbilities => Response::TraceAbilities(Arc::new(sources.trace_abilities().await?)),
        Request::LogStream { .. } | Request::FileLines(_) | Request::Filter(_) | Request::Structure(_) => {
            return Err(bug(Backend::Loki, "a stream of answers was fetched"));
        }
    })
}

/// Patterns of a million lines take seconds, which are not spent on a question that was dropped.
async fn patterns(job: Arc<PatternJob>) -> Result<PatternNews, SourceError> {
    let asked = Arc::new(());
    let still_asked = Arc::downgrade(&asked);
    let found = background::run(move || job.run(&|| still_asked.strong_count() == 0)).await;
    drop(asked);
    found.flatten().ok_or_else(|| bug(Backend::Loki, "patterns were not found to the end"))
}

fn bug(backend: Backend, what: &str) -> SourceError {
    SourceError::new(backend, crate::model::backend::ErrorKind::Bug, what)
}
