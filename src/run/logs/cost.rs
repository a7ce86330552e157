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
    let selectors = selectors(&asked.logql);
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
    let (length, bytes) = longest_below(&volume, limit, size, newest)?;
    Some(format!("the last {} of it, which is {}", format::span(length), format::bytes(bytes as f64)))
}
