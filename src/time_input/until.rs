//! When something that begins is to end: a length, or an instant to come.

use std::time::Duration;

use chrono::{Datelike as _, TimeDelta, Weekday};

use super::{MAX_TEXT, after_word, instant, parse_duration};
use crate::model::time::Timestamp;

/// What is understood, for error messages.
const UNDERSTOOD_ENDS: &str = "write 2h, until 18:00, tomorrow 9:00, mon 9:00 or 2026-11-21 18:00";

/// What was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// So long from the beginning on.
    After(Duration),
    /// That instant.
    At(Timestamp),
}

/// An end from what was typed: `2h`, `for 2h`, `until 18:00` (the next one), `tomorrow 9:00`, `mon 9:00`, `18:00`, and
/// dates with times. Without a zone it is at `offset` seconds from UTC.
///
/// # Errors
/// Says what is understood, or that it is past.
pub fn parse_until(text: &str, now: Timestamp, offset: i32) -> Result<Until, String> {
    let text = text.trim();
    let wrong = || UNDERSTOOD_ENDS.to_owned();
    if text.is_empty() || text.len() > MAX_TEXT {
        return Err(wrong());
    }
    let length = ["for ", "in ", "+"].iter().find_map(|word| after_word(text, word)).unwrap_or(text);
    if let Some(length) = parse_duration(length) {
        return if length < Duration::from_secs(1) { Err("shorter than a second".to_owned()) } else { Ok(Until::After(length)) };
    }
    let text = ["until ", "till ", "to "].iter().find_map(|word| after_word(text, word)).unwrap_or(text).trim();
    let at = on_a_day(text, now, offset).or_else(|| instant_to_come(text, now, offset)).ok_or_else(wrong)?;
    if at <= now { Err("that is past".to_owned()) } else { Ok(Until::At(at)) }
}

fn instant_to_come(text: &str, now: Timestamp, offset: i32) -> Option<Timestamp> {
    match instant::clock(text) {
        Some(clock) => clock.next_after(now, offset),
        // What is said of the past is no end.
        None => instant::instant(text, now, offset).filter(|_| text.contains(|c: char| c.is_ascii_digit())),
    }
}

/// `tomorrow 9:00`, `today 18:00`, `mon 9:00`; a day alone is its beginning.
fn on_a_day(text: &str, now: Timestamp, offset: i32) -> Option<Timestamp> {
    let (day, time) = text.split_once(char::is_whitespace).unwrap_or((text, "00:00"));
    let today = instant::local(now, offset).date();
    let days = match day.to_lowercase().as_str() {
        "today" => 0,
        "tomorrow" => 1,
        name => {
            let weekday: Weekday = name.parse().ok()?;
            let ahead = weekday.days_since(today.weekday());
            i64::from(if ahead == 0 { 7 } else { ahead })
        }
    };
    let time = time.trim().strip_prefix("at ").unwrap_or(time.trim());
    let clock = instant::clock(time).or_else(|| instant::clock(&format!("{time}:00")))?;
    clock.on(today.checked_add_signed(TimeDelta::days(days))?, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21, a Saturday, 14:30 UTC.
    const NOW: Timestamp = Timestamp::from_secs(1_795_271_400);
    const HOUR: i64 = 3600;

    fn until(text: &str, offset: i32) -> Result<Until, String> {
        parse_until(text, NOW, offset)
    }

    #[test]
    fn lengths_begin_with_the_silence() {
        for (text, seconds) in [("2h", 7200), ("for 90m", 5400), ("+1h30m", 5400), ("in 1d", 86_400), (" 45 min ", 2700)] {
            assert_eq!(until(text, 0), Ok(Until::After(Duration::from_secs(seconds))), "{text}");
        }
    }

    #[test]
    fn times_are_the_next_ones() {
        let midnight = NOW.secs() - 14 * HOUR - 1800;
        for (text, offset, seconds) in [
            ("until 18:00", 0, midnight + 18 * HOUR),
            ("18:00", 0, midnight + 18 * HOUR),
            ("until 9:00", 0, midnight + 33 * HOUR),
            ("18:00", 7200, midnight + 16 * HOUR),
            ("18:00 UTC", 7200, midnight + 18 * HOUR),
            ("tomorrow 9:00", 0, midnight + 33 * HOUR),
            ("until tomorrow 9", 0, midnight + 33 * HOUR),
            ("tomorrow", 0, midnight + 24 * HOUR),
            ("mon 9:00", 0, midnight + 57 * HOUR),
            ("Saturday 9:00", 0, midnight + 7 * 24 * HOUR + 9 * HOUR),
            ("2026-11-22 06:00", 0, midnight + 30 * HOUR),
            ("2026-11-22T06:00:00+01:00", 0, midnight + 29 * HOUR),
        ] {
            assert_eq!(until(text, offset), Ok(Until::At(Timestamp::from_secs(seconds))), "{text}");
        }
    }

    #[test]
    fn what_is_past_or_no_time_says_so() {
        for text in ["today 9:00", "2026-11-20 06:00", "-2h", "1h ago"] {
            assert_eq!(until(text, 0), Err("that is past".to_owned()), "{text}");
        }
        for text in ["", "soon", "now", "25:00", "2 horses"] {
            assert!(until(text, 0).unwrap_err().starts_with("write 2h"), "{text}");
        }
        assert!(until("0s", 0).is_err());
    }
}
