//! A time as it is written, and what of it is left out.

use crate::model::time::Timestamp;

const MONTHS: [&[u8]; 12] = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
const DAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
/// Seconds since 1970 that are taken for a time: from 1990 to 2200.
const EPOCH: std::ops::Range<i64> = 631_152_000..7_258_118_400;
const DAY: i64 = 86_400;
/// Nanoseconds of the last of so many digits of a fraction.
const UNITS: [i64; 10] = [1_000_000_000, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1000, 100, 10, 1];

/// A time as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log_fields) struct Stamp {
    date: Date,
    /// Seconds of the day.
    clock: i64,
    pub(super) nanos: i64,
    /// Seconds east of UTC, where it is said.
    pub(super) zone: Option<i32>,
    /// Bytes of it.
    pub(super) length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Date {
    /// Days since 1970.
    Full(i64),
    /// Month and day; the year is left out.
    OfYear(i64, i64),
}

impl Stamp {
    /// Whether it may be any number: whole seconds since 1970. Nothing else is as short.
    pub(super) fn is_bare_number(&self) -> bool {
        self.length <= 10
    }

    /// Seconds since 1970 that a clock in the place shows, no later than a day after `newest`.
    pub(super) fn seconds(&self, newest: Timestamp) -> Option<i64> {
        match self.date {
            Date::Full(days) => Some(days * DAY + self.clock),
            Date::OfYear(month, day) => {
                let year = year_of(newest.secs().div_euclid(DAY));
                let at = |year| Some(days(year, month, day)? * DAY + self.clock);
                at(year).filter(|seconds| *seconds <= newest.secs() + DAY).or_else(|| at(year - 1))
            }
        }
    }
}

/// A time that a line begins with.
pub(super) fn leading(b: &[u8]) -> Option<Stamp> {
    match b.first()? {
        b'0'..=b'9' => dated(b).or_else(|| epoch(b).filter(|s| matches!(b.get(s.length), Some(b' ' | b':' | b']' | b'\t')))),
        b'I' | b'W' | b'E' | b'F' if b.get(1).is_some_and(u8::is_ascii_digit) => klog(b),
        b'A'..=b'Z' => month_first(b).or_else(|| after_weekday(b)),
        _ => None,
    }
}

/// The value of a field: a time in quotes or without, or a number.
pub(super) fn value(text: &str) -> Option<Stamp> {
    let b = text.strip_prefix('"').unwrap_or(text).as_bytes();
    dated(b).or_else(|| epoch(b)).or_else(|| month_first(b)).or_else(|| after_weekday(b))
}

/// A date with its year and a time, in any of the orders that begin with a digit.
pub(super) fn dated(b: &[u8]) -> Option<Stamp> {
    year_first(b).or_else(|| day_first(b))
}

/// `22/Nov/2026:05:01:02 +0000`, as requests are noted.
pub(super) fn of_request(b: &[u8]) -> Option<Stamp> {
    (b.get(2) == Some(&b'/')).then(|| day_first(b)).flatten()
}

/// `2026-11-22T05:01:02.123Z`, `2026/11/22 05:01:02,123 +0100`, `20261122T050102Z`.
fn year_first(b: &[u8]) -> Option<Stamp> {
    if b.get(8) == Some(&b'T')
        && let (Some(date), Some(time)) = (number(&b[..8]), b.get(9..15).and_then(number))
    {
        let full = days(date / 10_000, date / 100 % 100, date % 100)?;
        let seconds = of_day(time / 10_000, time / 100 % 100, time % 100)?;
        return Some(with_rest(b, Date::Full(full), seconds, 15));
    }
    let separator = *b.get(4).filter(|s| matches!(s, b'-' | b'/' | b'.'))?;
    let full = days(number(&b[..4])?, number(b.get(5..7)?)?, number(b.get(8..10)?)?)?;
    let is_time_next = matches!(b.get(10)?, b'T' | b't' | b' ' | b'_' | b'-' | b':');
    let clock = clock(b.get(11..)?).filter(|_| b[7] == separator && is_time_next)?;
    Some(with_rest(b, Date::Full(full), clock, 19))
}

/// `22/Nov/2026:05:01:02 +0000`, `22-Nov-2026 05:01:02.123`, `22 Nov 2026 05:01:02.123`.
fn day_first(b: &[u8]) -> Option<Stamp> {
    let separator = *b.get(2).filter(|s| matches!(s, b'/' | b'-' | b' '))?;
    let full = days(number(b.get(7..11)?)?, month(&b[3..])?, number(&b[..2])?)?;
    let fits = b[6] == separator && matches!(b.get(11)?, b':' | b' ');
    Some(with_rest(b, Date::Full(full), clock(b.get(12..)?).filter(|_| fits)?, 20))
}

/// `Nov 22 05:01:02` (syslog), `Nov 22, 2026 5:01:02 AM` (`java.util.logging`).
fn month_first(b: &[u8]) -> Option<Stamp> {
    let month = month(b)?;
    let rest = b.get(4..).filter(|_| b[3] == b' ')?;
    let (day, used) = short_number(rest.strip_prefix(b" ").map_or((4, rest), |rest| (5, rest)))?;
    if let Some(rest) = b[used..].strip_prefix(b", ") {
        let full = days(number(rest.get(..4)?)?, month, day)?;
        let (hour, after) = short_number((5, rest.get(5..)?))?;
        let minute_and_second = rest.get(after..).filter(|r| r.first() == Some(&b':') && r.get(3) == Some(&b':'))?;
        let (minute, second) = (number(minute_and_second.get(1..3)?)?, number(minute_and_second.get(4..6)?)?);
        let half = match minute_and_second.get(6..9)? {
            b" AM" => 0,
            b" PM" => 12,
            _ => return None,
        };
        let length = used + 2 + after + 9;
        return Some(Stamp { length, ..with_rest(&[], Date::Full(full), of_day(hour % 12 + half, minute, second)?, 0) });
    }
    let clock = clock(b.get(used..)?.strip_prefix(b" ")?)?;
    days(2000, month, day)?;
    Some(with_rest(b, Date::OfYear(month, day), clock, used + 9))
}

/// `Sun Nov 22 05:01:02.123456 2026`, as Apache notes errors and `ctime` writes.
fn after_weekday(b: &[u8]) -> Option<Stamp> {
    let rest = b.get(4..).filter(|_| DAYS.contains(&&b[..3]) && matches!(b[3], b' ' | b','))?;
    let stamp = month_first(rest)?;
    let Date::OfYear(month, day) = stamp.date else { return None };
    let year = rest.get(stamp.length..)?.strip_prefix(b" ").and_then(|r| number(r.get(..4)?));
    Some(match year {
        Some(year) => Stamp { date: Date::Full(days(year, month, day)?), length: stamp.length + 9, ..stamp },
        None => Stamp { length: stamp.length + 4, ..stamp },
    })
}

/// `E1122 05:01:02.123456`, as Kubernetes' components write.
fn klog(b: &[u8]) -> Option<Stamp> {
    let (month, day) = (number(b.get(1..3)?)?, number(b.get(3..5)?)?);
    let clock = clock(b.get(5..)?.strip_prefix(b" ")?)?;
    days(2000, month, day)?;
    Some(with_rest(b, Date::OfYear(month, day), clock, 14))
}

/// A number of seconds, thousandths, millionths or billionths of one since 1970.
fn epoch(b: &[u8]) -> Option<Stamp> {
    let digits = digits(b);
    let whole = number(b.get(..digits)?)?;
    let unit = match digits {
        9 | 10 => 1_000_000_000,
        1 if b.get(1) == Some(&b'.') => return scientific(b),
        12 | 13 => 1_000_000,
        15 | 16 => 1000,
        18 | 19 => 1,
        _ => return None,
    };
    let nanos = whole.checked_mul(unit)?;
    let (fraction, after) = fraction(&b[digits..]);
    // Thousandths of a second may have a fraction as well.
    let nanos = nanos.checked_add(fraction / (1_000_000_000 / unit))?;
    of_nanos(nanos, digits + after)
}

/// `1.7637876621234567e+09`, as zap writes it.
fn scientific(b: &[u8]) -> Option<Stamp> {
    let length = b.iter().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+')).count();
    let seconds: f64 = std::str::from_utf8(&b[..length]).ok()?.parse().ok()?;
    // A float of this size tells microseconds.
    of_nanos(((seconds * 1e6).round() as i64).checked_mul(1000)?, length)
}

fn of_nanos(nanos: i64, length: usize) -> Option<Stamp> {
    let seconds = nanos.div_euclid(1_000_000_000);
    let date = Date::Full(seconds.div_euclid(DAY));
    let stamp = Stamp { date, clock: seconds.rem_euclid(DAY), nanos: nanos.rem_euclid(1_000_000_000), zone: Some(0), length };
    EPOCH.contains(&seconds).then_some(stamp)
}

/// How long a time is that tells its year.
pub(in crate::log_fields) fn with_year(b: &[u8]) -> Option<usize> {
    match b.first()? {
        b'0'..=b'9' => dated(b),
        b'A'..=b'Z' => month_first(b).filter(|stamp| matches!(stamp.date, Date::Full(_))),
        _ => None,
    }
    .map(|stamp| stamp.length)
}

/// How long a time is that leaves its year out, as syslog's does.
pub(in crate::log_fields) fn of_year(b: &[u8]) -> Option<usize> {
    month_first(b).filter(|stamp| matches!(stamp.date, Date::OfYear(..))).map(|stamp| stamp.length)
}

/// With the fraction and the zone that follow the seconds, which end at `used`.
fn with_rest(b: &[u8], date: Date, clock: i64, used: usize) -> Stamp {
    let (nanos, more) = fraction(b.get(used..).unwrap_or_default());
    let (zone, last) = zone(b.get(used + more..).unwrap_or_default());
    Stamp { date, clock, nanos, zone, length: used + more + last }
}

/// Nanoseconds of `.123` or `,123`, and how many bytes that is.
pub(in crate::log_fields) fn fraction(b: &[u8]) -> (i64, usize) {
    let Some(rest) = b.strip_prefix(b".").or_else(|| b.strip_prefix(b",")) else { return (0, 0) };
    let count = digits(rest);
    let told = &rest[..count.min(9)];
    let nanos = number(told).unwrap_or(0) * UNITS[told.len()];
    if count == 0 { (0, 0) } else { (nanos, 1 + count) }
}

/// `Z`, `+01:00`, `-0500`, `+01`, ` UTC`, ` +0000`: seconds east, and how many bytes that is.
pub(in crate::log_fields) fn zone(b: &[u8]) -> (Option<i32>, usize) {
    let (rest, before) = b.strip_prefix(b" ").map_or((b, 0), |rest| (rest, 1));
    match rest.first() {
        Some(b'Z') if !rest.get(1).is_some_and(u8::is_ascii_alphanumeric) => (Some(0), before + 1),
        Some(b'U' | b'G') if rest.starts_with(b"UTC") || rest.starts_with(b"GMT") => (Some(0), before + 3),
        Some(sign @ (b'+' | b'-')) => {
            let part = |range| rest.get(range).and_then(number).and_then(|n| i32::try_from(n).ok());
            let found = part(1..3).and_then(|h| match rest.get(3) {
                Some(b':') if part(4..6).is_some() => Some((h, part(4..6)?, 6)),
                _ if part(3..5).is_some() => Some((h, part(3..5)?, 5)),
                // Alone it could be the beginning of anything.
                next => (before == 0 && !next.is_some_and(u8::is_ascii_alphanumeric)).then_some((h, 0, 3)),
            });
            match found.filter(|(h, m, _)| *h < 15 && *m < 60) {
                Some((h, m, length)) => (Some((h * 3600 + m * 60) * if *sign == b'-' { -1 } else { 1 }), before + length),
                None => (None, 0),
            }
        }
        _ => (None, 0),
    }
}

/// `05:01:02` as seconds of the day.
fn clock(b: &[u8]) -> Option<i64> {
    let fits = b.get(2) == Some(&b':') && b.get(5) == Some(&b':');
    of_day(number(b.get(..2)?)?, number(b.get(3..5)?)?, number(b.get(6..8)?)?).filter(|_| fits)
}

/// A leap second is the one before it.
fn of_day(hour: i64, minute: i64, second: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second <= 60).then(|| hour * 3600 + minute * 60 + second.min(59))
}

fn month(b: &[u8]) -> Option<i64> {
    let name = b.get(..3)?;
    MONTHS.iter().position(|m| *m == name).and_then(|i| i64::try_from(i + 1).ok())
}

/// A number of one or two digits from a place on, and the place after it.
fn short_number((at, b): (usize, &[u8])) -> Option<(i64, usize)> {
    let count = digits(b);
    Some((number(b.get(..count).filter(|_| (1..=2).contains(&count))?)?, at + count))
}

fn digits(b: &[u8]) -> usize {
    b.iter().take(20).take_while(|b| b.is_ascii_digit()).count()
}

fn number(b: &[u8]) -> Option<i64> {
    if b.is_empty() || b.len() > 19 {
        return None;
    }
    let mut sum = 0_u64;
    for byte in b {
        sum = sum * 10 + u64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    i64::try_from(sum).ok()
}

/// Days since 1970 of a date, by the calendar of today (H. Hinnant, *chrono-compatible low-level date algorithms*).
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..2262).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (y / 400, y % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The year of a day since 1970.
fn year_of(day: i64) -> i64 {
    let guess = 1970 + day / 366;
    (guess..guess + 3).rev().find(|year| days(*year, 1, 1).is_some_and(|first| first <= day)).unwrap_or(1970)
}
