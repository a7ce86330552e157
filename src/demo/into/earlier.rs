//! Whether the server holds another demo already. Two worlds in one Prometheus contradict each other: it refuses what has
//! the time of a sample it holds, and what it takes makes counters jump.

use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;
use url::Url;

use super::{IntoError, World, words};
use crate::{
    demo::store::{MetricStore, STALE, StoredSeries},
    model::{
        labels::Matcher,
        time::{TimeRange, Timestamp},
    },
};

/// Of one series: the samples that a server holds, in milliseconds and as text.
#[derive(Deserialize)]
struct Found {
    values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Data {
    result: Vec<Found>,
}

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

/// Refuses when Prometheus has samples in the range that are not of this world. The same world once more is welcome.
///
/// # Errors
/// There is another demo, or it cannot be found out.
pub(super) async fn refuse(world: &World, client: &Client, prometheus: &Url, range: TimeRange) -> Result<(), IntoError> {
    let store = world.past_metrics.clone();
    let ours = tokio::task::spawn_blocking(move || probe(store.as_ref(), range)).await.map_err(|e| IntoError(e.to_string()))?;
    let Some(ours) = ours else { return Ok(()) };
    let theirs = held(client, prometheus, &ours, range).await?;
    match (theirs.first(), theirs.last()) {
        (Some(first), Some(last)) if theirs.iter().any(|sample| !ours.samples.contains(sample)) => {
            Err(IntoError(advice(prometheus, range, Timestamp::from_millis(first.0), Timestamp::from_millis(last.0))))
        }
        _ => Ok(()),
    }
}

/// A counter that no world does without: of those with the fewest labels, which name no pod, the first.
fn probe(store: &dyn MetricStore, range: TimeRange) -> Option<StoredSeries> {
    let counters = store.metadata().into_iter().filter(|m| m.kind == "counter");
    let named = counters.flat_map(|m| store.series(&[Matcher::equal("__name__", m.family)], range.start.millis(), range.end.millis()));
    let labels = named.min_by_key(|labels| (labels.iter().count(), labels.to_string()))?;
    let matchers: Vec<Matcher> = labels.iter().map(|(name, value)| Matcher::equal(name, value)).collect();
    store.select(&matchers, range.start.millis(), range.end.millis()).into_iter().find(|s| s.labels == labels)
}

/// The samples of this series that the server holds in the range.
async fn held(client: &Client, prometheus: &Url, series: &StoredSeries, range: TimeRange) -> Result<Vec<(i64, f64)>, IntoError> {
    let url = format!("{}/api/v1/query", prometheus.as_str().trim_end_matches('/'));
    let query = format!("{}[{}s]", series.labels, range.duration().as_secs().max(1));
    let failed = |problem: String| IntoError(format!("could not ask {url} whether it holds a demo already: {problem}"));
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("query", &query)
        .append_pair("time", &range.end.secs_f64().to_string())
        .finish();
    let asked = client.post(&url).header("content-type", "application/x-www-form-urlencoded").body(form).send().await;
    let answer = asked.map_err(|e| failed(e.without_url().to_string()))?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(|e| failed(e.without_url().to_string()))?;
    if !status.is_success() {
        return Err(failed(format!("it answered {status}: {}", words(&String::from_utf8_lossy(&body)))));
    }
    let answer: Answer = serde_json::from_slice(&body).map_err(|e| failed(format!("its answer cannot be read: {e}")))?;
    let sample = |(seconds, value): (f64, String)| Some(((seconds * 1000.0).round() as i64, value.parse::<f64>().ok()?));
    Ok(answer.data.result.into_iter().flat_map(|f| f.values).filter_map(sample).filter(|s| s.1.to_bits() != STALE).collect())
}

fn advice(prometheus: &Url, range: TimeRange, first: Timestamp, last: Timestamp) -> String {
    let clock = |t: Timestamp| chrono::DateTime::from_timestamp_nanos(t.0).format("%H:%M:%S").to_string();
    format!(
        "{prometheus} already holds another demo, with samples from {} to {} UTC, and two of them contradict each other. \
         Empty it first (with dev/stack: `dev/stack down && dev/stack up`), or come back after {} UTC, when the history \
         that is to be written no longer touches it. Nothing was written.",
        clock(first),
        clock(last),
        clock(last + range.duration() + Duration::from_secs(1)),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::demo::{
        memory::MemStore,
        rules::{RuleEngine, RuleFile},
        server::{self, Server},
        store::Clock,
        world::{Scenario, World as Shop},
    };

    struct At(Timestamp);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    /// 2025-11-21 08:00:07 UTC.
    const START: Timestamp = Timestamp::from_secs(1_763_712_007);
    const HISTORY: Duration = Duration::from_secs(600);

    fn shop(start: Timestamp) -> World {
        let clock: Arc<dyn Clock> = Arc::new(At(start));
        let shop = Shop::new(Scenario::builtin("pool-exhaustion").unwrap(), 7, start, clock.clone());
        World { metrics: shop.clone(), past_metrics: shop.clone(), logs: shop.clone(), traces: shop, clock }
    }

    async fn server(store: Arc<dyn MetricStore>) -> Server {
        let clock = Arc::new(At(START));
        let rules = RuleEngine::new(RuleFile::default(), "none", store, clock.clone(), START).unwrap();
        server::start(server::prometheus::router(Arc::new(rules)), clock).await.unwrap()
    }

    async fn refused(world: &World, server: &Server) -> Result<(), String> {
        let end = world.clock.now();
        let range = TimeRange { start: end - HISTORY, end };
        refuse(world, &crate::source::http::plain().build().unwrap(), &server.url, range).await.map_err(|e| e.to_string())
    }

    #[tokio::test]
    async fn an_empty_server_and_the_same_world_again_are_welcome() {
        let world = shop(START);
        refused(&world, &server(Arc::new(MemStore::default())).await).await.unwrap();
        refused(&world, &server(world.metrics.clone()).await).await.unwrap();
    }

    #[tokio::test]
    async fn a_demo_of_another_start_is_told_with_its_times_and_the_way_out() {
        let earlier = server(shop(START).metrics).await;
        let told = refused(&shop(START + Duration::from_secs(120)), &earlier).await.unwrap_err();
        for part in ["another demo", "from 07:52:", "to 08:00:0", "dev/stack down", "come back after 08:10:", "Nothing was written"] {
            assert!(told.contains(part), "{part:?} is not in: {told}");
        }
        refused(&shop(START + Duration::from_secs(700)), &earlier).await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_cannot_be_asked_is_named() {
        let told = {
            let gone = server(Arc::new(MemStore::default())).await.url.clone();
            let world = shop(START);
            let range = TimeRange { start: START - HISTORY, end: START };
            refuse(&world, &crate::source::http::plain().build().unwrap(), &gone.join("elsewhere/").unwrap(), range)
                .await
                .unwrap_err()
                .to_string()
        };
        assert!(told.contains("elsewhere/api/v1/query") && told.contains("could not ask"), "{told}");
    }
}
