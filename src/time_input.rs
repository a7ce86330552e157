//! Times as people type and paste them.

use std::time::Duration;

use crate::model::time::{TimeWindow, Timestamp};

/// A window from what was typed, relative to `now`, times without a zone taken at `offset` seconds from UTC.
///
/// # Errors
/// Says what is understood.
pub fn parse_window(_text: &str, _now: Timestamp, _offset: i32) -> Result<TimeWindow, String> {
    Err("write 2h, 14:20 - 14:45 or 2026-11-21T14:32:07Z".to_owned())
}

/// A length of time like `30m`, `1h30m`, `1.5h`, `250ms`; units ns, us, ms, s, m, h, d, w. `None` when it is not one.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0f64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        total += number * unit_seconds(&rest[..letters])?;
        rest = rest[letters..].trim_start();
    }
    Duration::try_from_secs_f64((total * 1e9).round() / 1e9).ok()
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit.to_ascii_lowercase().as_str() {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86_400.0,
        "w" | "week" | "weeks" => 604_800.0,
        _ => return None,
    })
}
