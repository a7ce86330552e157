//! How much would be read, asked before it is.

use std::time::Duration;

use super::{
    super::{Failure, report::say},
    Asked,
};
use crate::{
    core::request::step,
    logql_parts::selectors,
    model::{log_size::longest_below, time::TimeRange},
    source::Loki,
    ui::format,
};

/// For less, nobody wants to hear that its size is not known.
const LONG: Duration = Duration::from_secs(3600);
/// Steps in which a shorter window is looked for.
const STEPS: u16 = 24;

/// Refuses what would read more than the limit. A Loki that does not tell sizes holds nothing up.
pub(super) async fn check(loki: &Loki, asked: &Asked, limit: u64) -> Result<(), Failure> {
    let mut total = 0_u64;
    let selectors: Vec<&str> = asked.queries.iter().flat_map(|query| selectors(query)).collect();
    for selector in &selectors {
        match loki.size(selector, asked.range, None).await {
            Ok(size) => total = total.saturating_add(size.total()),
            Err(error) if asked.range.duration() > LONG => say(format!("how much this reads is not known: {}", error.message)),
            Err(_) => {}
        }
    }
    if total <= limit {
        return Ok(());
    }
    let mut ways = vec!["a selector of fewer streams".to_owned()];
    if let Some(selector) = selectors.first() {
        ways.extend(shorter(loki, selector, asked.range, (limit, total)).await);
    }
    let bytes = |bytes: u64| format::bytes(bytes as f64);
    let (size, most, over) = (bytes(total), bytes(limit), format::span(asked.range.duration()));
    Err(Failure::usage(format!(
        "this would read {size} over {over}, more than {most} (ask_above under [logs] in config.toml). --yes reads it anyway; less: {}",
        ways.join(", or ")
    )))
}

/// The newest part of the range that fits, where the server tells.
async fn shorter(loki: &Loki, selector: &str, range: TimeRange, (limit, size): (u64, u64)) -> Option<String> {
    let newest = |length: Duration| TimeRange { start: range.end - length, end: range.end };
    let step = step(range.duration(), STEPS, Duration::from_secs(1));
    let volume = loki.volume(selector, range, step).await.ok()?;
    let (length, bytes) = longest_below(&volume, (limit, size), range.duration(), newest)?;
    Some(format!("the last {} of it, which is {}", format::span(length), format::bytes(bytes as f64)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};

    use super::{super::super::USAGE, *};
    use crate::{
        model::{backend::Backend, time::Timestamp},
        source::{http::Endpoint, loki::Follow},
    };

    const GIB: u64 = 1 << 30;

    /// What comes of a day of two services, over which 48 GiB are spread evenly.
    async fn checked(limit: u64, has_volume: bool) -> Result<(), Failure> {
        let server = MockServer::start().await;
        let end = 1_700_006_400;
        if has_volume {
            let answer = |at: &'static str, result: String| {
                let body = format!(r#"{{"status":"success","data":{{{result}}}}}"#);
                let answer = ResponseTemplate::new(200).set_body_raw(body, "application/json");
                Mock::given(path(format!("/loki/api/v1/index/{at}"))).respond_with(answer)
            };
            let part = |name: &str, gib: u64| format!(r#"{{"metric":{{"app":"{name}"}},"value":[{end},"{}"]}}"#, gib * GIB);
            let parts = format!(r#""resultType":"vector","result":[{},{}]"#, part("web", 40), part("api", 8));
            answer("volume", parts).mount(&server).await;
            let hours: Vec<String> = (0..24).map(|h| format!(r#"[{},"{}"]"#, end - h * 3600, 2 * GIB)).rev().collect();
            let steps = format!(r#""resultType":"matrix","result":[{{"metric":{{}},"values":[{}]}}]"#, hours.join(","));
            answer("volume_range", steps).mount(&server).await;
        }
        let loki = Loki::new(Endpoint::new(Backend::Loki, server.uri().parse().unwrap()), Arc::new(|_, _| ())).unwrap();
        let end = Timestamp::from_secs(end);
        let range = TimeRange { start: end - Duration::from_secs(86_400), end };
        check(&loki, &Asked { queries: vec![r#"{app=~".+"} |= "x""#.to_owned()], range, follow: Follow::No, more: None }, limit).await
    }

    #[tokio::test]
    async fn what_would_read_too_much_is_wrong_usage_and_says_what_would_be_less() {
        let failure = checked(10 * GIB, true).await.unwrap_err();
        assert_eq!(failure.code, USAGE);
        for part in ["48.0 GiB over 1d, more than 10.0 GiB", "--yes", "the last 3h of it, which is 6.00 GiB"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }

    #[tokio::test]
    async fn what_is_less_or_is_not_told_is_read() {
        assert!(checked(48 * GIB, true).await.is_ok());
        assert!(checked(1, false).await.is_ok(), "a Loki that does not tell sizes");
    }
}
