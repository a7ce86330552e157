//! Times as people type and paste them: relative, absolute, as logs and alerts write them.

mod instant;
mod until;

use std::time::Duration;

use crate::model::time::{TimeRange, TimeWindow, Timestamp};

use instant::instant;

pub use until::{Until, parse_until};

/// What is understood, for error messages.
pub const UNDERSTOOD: &str = "write 2h, 14:20 - 14:45, from 14:20, 2026-11-21 14:32:07, or paste a log's timestamp";

/// How much a single pasted instant shows before and after it.
const AROUND: Duration = Duration::from_secs(15 * 60);

/// Longer texts are no time.
const MAX_TEXT: usize = 200;

/// What may stand between two times, the clearest first.
const BETWEEN: [&str; 9] = [" to ", " until ", " - ", "–", "—", "..", "/", "->", "-"];

/// One instant from what was typed or pasted: RFC 3339 and its kin, the times of access logs and syslog, Unix time in s,
/// ms, µs or ns, a time of day (the last one that was), `now`, `-15m`, `15m ago`. Without a zone it is at `offset`
/// seconds from UTC.
///
/// # Errors
/// Says what is understood.
pub fn parse_instant(text: &str, now: Timestamp, offset: i32) -> Result<Timestamp, String> {
    let text = text.trim();
    let found = (text.len() <= MAX_TEXT).then(|| instant(text, now, offset)).flatten();
    found.ok_or_else(|| "not a time: write 14:32, 2026-11-21 14:32:07, -15m, now, or paste a log's timestamp".to_owned())
}

/// A window from what was typed, relative to `now`, times without a zone taken at `offset` seconds from UTC.
///
/// A length is the last so long, live; `from T` is live since then; two times are a fixed window; one time alone is the
/// quarter of an hour around it.
///
/// # Errors
/// Says what is wrong, or what is understood.
pub fn parse_window(text: &str, now: Timestamp, offset: i32) -> Result<TimeWindow, String> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        return Err(UNDERSTOOD.to_owned());
    }
    let window = window(text, now, offset).ok_or_else(|| format!("not a time: {UNDERSTOOD}"))?;
    check(window, now)
}

fn window(text: &str, now: Timestamp, offset: i32) -> Option<TimeWindow> {
    let lower = text.to_lowercase();
    if let Some(length) = relative(&lower) {
        return Some(TimeWindow::Last(length));
    }
    if let Some(rest) = ["from ", "since "].iter().find_map(|word| after_word(text, word)) {
        return match instant(rest, now, offset) {
            Some(start) => Some(TimeWindow::Since(start)),
            None => between(rest, now, offset),
        };
    }
    if let Some(at) = instant(text, now, offset) {
        let end = at + AROUND;
        let start = at - AROUND;
        return Some(if end < now { TimeWindow::Fixed(TimeRange { start, end }) } else { TimeWindow::Since(start) });
    }
    between(text, now, offset)
}

fn after_word<'t>(text: &'t str, word: &str) -> Option<&'t str> {
    text.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word)).and_then(|_| text.get(word.len()..))
}

/// `2h`, `last 2h`, `-2h`, `now-2h`.
fn relative(lower: &str) -> Option<Duration> {
    let words = ["last ", "past ", "now-", "now -", "-"];
    parse_duration(words.iter().find_map(|word| lower.strip_prefix(word)).unwrap_or(lower))
}

/// Two times with something between them.
fn between(text: &str, now: Timestamp, offset: i32) -> Option<TimeWindow> {
    BETWEEN.iter().find_map(|word| {
        let mut places = text.match_indices(word);
        places.find_map(|(i, _)| pair(text[..i].trim(), text[i + word.len()..].trim(), now, offset))
    })
}

fn pair(from: &str, to: &str, now: Timestamp, offset: i32) -> Option<TimeWindow> {
    if from.is_empty() || to.is_empty() {
        return None;
    }
    if to.eq_ignore_ascii_case("now") {
        return match relative(&from.to_lowercase()) {
            Some(length) => Some(TimeWindow::Last(length)),
            None => instant(from, now, offset).map(TimeWindow::Since),
        };
    }
    if let Some(time) = instant::clock(to) {
        let start = instant(from, now, offset)?;
        return Some(TimeWindow::Fixed(TimeRange { start, end: time.end_of(start, offset) }));
    }
    let end = instant(to, now, offset)?;
    let start = instant(from, if instant::clock(from).is_some() { end } else { now }, offset)?;
    Some(TimeWindow::Fixed(TimeRange { start, end }))
}

/// Refuses what lies in the future and what is too short or too long to ask for.
fn check(window: TimeWindow, now: Timestamp) -> Result<TimeWindow, String> {
    let start = match window {
        TimeWindow::Last(d) => now - d,
        TimeWindow::Since(t) => t,
        TimeWindow::Fixed(r) => r.start,
    };
    if matches!(window, TimeWindow::Fixed(r) if r.end < r.start) {
        return Err("it ends before it begins".to_owned());
    }
    if start > now {
        return Err("that lies in the future".to_owned());
    }
    let length = window.range(now).duration();
    if length > TimeWindow::MAX {
        return Err("longer than 30 days".to_owned());
    }
    if length < TimeWindow::MIN {
        return Err("shorter than a second".to_owned());
    }
    Ok(window)
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

#[cfg(test)]
mod tests;
