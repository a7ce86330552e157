//! One instant, in the many ways in which it is written.

use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::parse_duration;
use crate::model::time::Timestamp;

/// Dates with times, as logs write them; fractions of seconds may follow.
const DATE_TIMES: [&str; 10] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d_%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S%.f",
    "%d/%b/%Y:%H:%M:%S%.f",
    "%d/%b/%Y %H:%M:%S%.f",
    "%d %b %Y %H:%M:%S%.f",
    "%a %b %d %H:%M:%S%.f %Y",
];

/// Dates alone: their midnight.
const DATES: [&str; 3] = ["%Y-%m-%d", "%Y/%m/%d", "%d %b %Y"];

/// How far the clock of a log may be ahead.
const SKEW: Duration = Duration::from_secs(60);

/// Windows over midnight that are longer are rather a slip.
const OVER_MIDNIGHT: Duration = Duration::from_secs(12 * 3600);

/// See [`super::parse_instant`].
pub(super) fn instant(text: &str, now: Timestamp, offset: i32) -> Option<Timestamp> {
    let text = text.trim().trim_matches(['[', ']', '"', '\'', '(', ')', ',', '@']).trim();
    let lower = text.to_lowercase();
    if lower == "now" {
        return Some(now);
    }
    let ago = lower.strip_prefix("now-").or(lower.strip_prefix("now -")).or(lower.strip_prefix('-')).or(lower.strip_suffix(" ago"));
    if let Some(ago) = ago.and_then(parse_duration) {
        return Some(now - ago);
    }
    if let Some(unix) = unix(text) {
        return Some(unix);
    }
    if let Some(time) = clock(text) {
        return Some(time.last_before(now, offset));
    }
    let text = decimal_point(text);
    let (text, zone) = split_zone(&text);
    let zone = zone.unwrap_or(offset);
    match date_time(text) {
        Some(local) => at(local, zone),
        None => syslog(text, now, zone),
    }
}

/// A time of day, with its own zone when it says one.
pub(super) struct Clock {
    time: NaiveTime,
    zone: Option<i32>,
}

/// Reads `14:32`, `14:32:07.114`, `14:32Z`, `14:32 UTC`.
pub(super) fn clock(text: &str) -> Option<Clock> {
    let text = decimal_point(text.trim());
    let (time, zone) = match strip_utc(&text) {
        Some(rest) => (rest, Some(0)),
        None => (text.as_str(), None),
    };
    let time = ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|format| NaiveTime::parse_from_str(time, format).ok())?;
    Some(Clock { time, zone })
}

impl Clock {
    /// The last such time that is not after `now`.
    fn last_before(&self, now: Timestamp, offset: i32) -> Timestamp {
        self.near(now, offset, 0).filter(|t| *t <= now + SKEW).or_else(|| self.near(now, offset, -1)).unwrap_or(now)
    }

    /// This time as the end of a window: on the day of its start, or over midnight.
    pub(super) fn end_of(&self, start: Timestamp, offset: i32) -> Timestamp {
        let same_day = self.near(start, offset, 0).unwrap_or(start);
        let next_day = self.near(start, offset, 1).filter(|end| same_day < start && end.since(start) <= OVER_MIDNIGHT);
        next_day.unwrap_or(same_day)
    }

    /// The next such time after `now`.
    pub(super) fn next_after(&self, now: Timestamp, offset: i32) -> Option<Timestamp> {
        (0..=1).find_map(|days| self.near(now, offset, days).filter(|t| *t > now))
    }

    /// This time on a day.
    pub(super) fn on(&self, day: NaiveDate, offset: i32) -> Option<Timestamp> {
        at(day.and_time(self.time), self.zone.unwrap_or(offset))
    }

    /// This time on the day of `t`, or so many days later.
    fn near(&self, t: Timestamp, offset: i32, days: i64) -> Option<Timestamp> {
        let zone = self.zone.unwrap_or(offset);
        let day = local(t, zone).date().checked_add_signed(TimeDelta::days(days))?;
        at(day.and_time(self.time), zone)
    }
}

/// Unix time, its unit found by its size: seconds reach to the year 5138, the others likewise.
fn unix(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.len() < 9 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    let unit: i64 = match whole.len() {
        9..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1000,
        _ => 1,
    };
    let part = format!("0.{fraction}0").parse::<f64>().ok()? * unit as f64;
    Some(Timestamp(number.checked_mul(unit)?.checked_add(part.round() as i64)?))
}

fn date_time(text: &str) -> Option<NaiveDateTime> {
    // A leading day of the week says nothing new, and chrono would refuse a wrong one.
    let text = text.split_once(", ").filter(|(day, _)| day.len() == 3).map_or(text, |(_, rest)| rest);
    let whole = DATE_TIMES.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let midnight = || DATES.iter().find_map(|format| NaiveDate::parse_from_str(text, format).ok());
    whole.or_else(|| midnight().map(|date| date.and_time(NaiveTime::MIN)))
}

/// `Nov 21 14:32:07`: without a year it is the last such day.
fn syslog(text: &str, now: Timestamp, zone: i32) -> Option<Timestamp> {
    let year = local(now, zone).year();
    let limit = now + SKEW;
    [year + 1, year, year - 1].into_iter().find_map(|year| {
        let local = NaiveDateTime::parse_from_str(&format!("{year} {text}"), "%Y %b %d %H:%M:%S%.f").ok()?;
        at(local, zone).filter(|t| *t <= limit)
    })
}

/// Splits the zone off the end: `Z`, `UTC`, `GMT`, `+02:00`, `+0200`, and Go's `+0000 UTC`.
fn split_zone(text: &str) -> (&str, Option<i32>) {
    if let Some(rest) = strip_utc(text) {
        let (rest, zone) = split_offset(rest);
        return (rest, Some(zone.unwrap_or(0)));
    }
    split_offset(text)
}

fn strip_utc(text: &str) -> Option<&str> {
    let rest = ["UTC", "GMT", "Z", "utc", "z"].iter().find_map(|zone| text.strip_suffix(zone))?.trim_end();
    rest.ends_with(|c: char| c.is_ascii_digit()).then_some(rest)
}

fn split_offset(text: &str) -> (&str, Option<i32>) {
    let Some(i) = text.rfind(['+', '-']) else { return (text, None) };
    // What stands before an offset ends with a time of day, so that the hyphens of a date are none.
    match offset(&text[i..]) {
        Some(zone) if text[..i].contains(':') => (text[..i].trim_end(), Some(zone)),
        _ => (text, None),
    }
}

/// Seconds of `+02:00` or `+0200`. Only offsets that exist, as `10:20-11:45` is two times.
fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = text.split_at_checked(1)?;
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    let exists = if sign == "+" { hours <= 14 && minutes % 15 == 0 } else { hours <= 12 && matches!(minutes, 0 | 30) };
    let seconds = hours * 3600 + minutes * 60;
    exists.then_some(if sign == "+" { seconds } else { -seconds })
}

/// `14:32:07,114` is `14:32:07.114`.
fn decimal_point(text: &str) -> String {
    match text.rfind(',') {
        Some(i) if text[i + 1..].starts_with(|c: char| c.is_ascii_digit()) => format!("{}.{}", &text[..i], &text[i + 1..]),
        _ => text.to_owned(),
    }
}

pub(super) fn local(t: Timestamp, zone: i32) -> NaiveDateTime {
    let utc = DateTime::from_timestamp_nanos(t.0).naive_utc();
    utc.checked_add_signed(TimeDelta::seconds(zone.into())).unwrap_or(utc)
}

fn at(local: NaiveDateTime, zone: i32) -> Option<Timestamp> {
    let utc = local.checked_sub_signed(TimeDelta::seconds(zone.into()))?;
    utc.and_utc().timestamp_nanos_opt().map(Timestamp)
}
