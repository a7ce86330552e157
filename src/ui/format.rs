//! Numbers, durations and times as people on call read them: three significant digits, a unit, `–` for what is missing.

use std::time::Duration;

use chrono::{DateTime, Datelike, FixedOffset, Offset, Utc};

use crate::model::time::Timestamp;

/// What is shown for a value that is missing.
pub const MISSING: &str = "–";

/// Three significant digits: `8.42`, `41.2`, `312`, `1.24 k`, `3.1 M`.
pub fn number(v: f64) -> String {
    if !v.is_finite() {
        return endless(v).to_owned();
    }
    let a = v.abs();
    match a {
        _ if a >= 999.5e9 => format!("{:.3e}", v),
        _ if a >= 999.5e6 => format!("{} G", digits(v / 1e9)),
        _ if a >= 999.5e3 => format!("{} M", digits(v / 1e6)),
        _ if a >= 9_999.5 => format!("{} k", digits(v / 1e3)),
        _ if a >= 999.5 => format!("{v:.0}"),
        _ => digits(v),
    }
}

/// What is shown for what is no finite number.
fn endless(v: f64) -> &'static str {
    match v {
        _ if v.is_nan() => MISSING,
        _ if v > 0.0 => "∞",
        _ => "-∞",
    }
}

/// A shown number without zeros at its end, for a constant someone wrote: `14.4`, `1 s`.
pub fn without_zeros(text: &str) -> String {
    let (digits, unit) = text.split_once(' ').map_or((text, String::new()), |(d, u)| (d, format!(" {u}")));
    let digits = if digits.contains('.') && !digits.contains('e') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    format!("{digits}{unit}")
}

/// A plain number below 1000 with three significant digits.
fn digits(v: f64) -> String {
    let a = v.abs();
    match a {
        0.0 => "0".to_owned(),
        _ if a >= 99.95 => format!("{v:.0}"),
        _ if a >= 9.995 => format!("{v:.1}"),
        _ if a >= 0.0995 => format!("{v:.2}"),
        _ if a >= 0.000_995 => format!("{v:.4}"),
        _ => format!("{v:.1e}"),
    }
}

/// Requests a second: `41.2 /s`.
pub fn rate(v: f64) -> String {
    if v.is_nan() { MISSING.to_owned() } else { format!("{} /s", number(v)) }
}

/// A share 0..1 as `4.2 %`.
pub fn percent(v: f64) -> String {
    if v.is_nan() {
        return MISSING.to_owned();
    }
    let p = v * 100.0;
    match p.abs() {
        a if a >= 99.95 => format!("{p:.0} %"),
        _ => format!("{p:.1} %"),
    }
}

/// Seconds as `431 ms`, `8.42 s`, `12m30s`.
pub fn seconds(v: f64) -> String {
    if !v.is_finite() {
        return endless(v).to_owned();
    }
    let a = v.abs();
    match a {
        0.0 => "0 s".to_owned(),
        _ if a >= 1e10 => format!("{} s", number(v)),
        _ if a >= 599.5 => format!("{}{}", if v < 0.0 { "-" } else { "" }, long(a.round() as u64)),
        _ if a >= 0.9995 => format!("{} s", digits(v)),
        _ if a >= 0.000_999_5 => format!("{} ms", short_digits(v * 1e3)),
        _ if a >= 0.000_000_999_5 => format!("{} µs", short_digits(v * 1e6)),
        _ => format!("{:.0} ns", v * 1e9),
    }
}

/// Ten minutes or more: to the second below an hour, `12m30s`, then as an [`age`].
fn long(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (minutes @ 0..60, 0) => format!("{minutes}m"),
        (minutes @ 0..60, rest) => format!("{minutes}m{rest:02}s"),
        _ => age(Duration::from_secs(seconds)),
    }
}

/// Like [`digits`], without decimals from 10 on.
fn short_digits(v: f64) -> String {
    if v.abs() >= 9.95 { format!("{v:.0}") } else { format!("{v:.1}") }
}

/// Nanoseconds as [`seconds`] writes them.
pub fn nanoseconds(ns: i64) -> String {
    seconds(ns as f64 / 1e9)
}

/// A latency in the header: `12ms`, `1.2s`.
pub fn millis(d: Duration) -> String {
    if d.as_millis() >= 1000 { format!("{:.1}s", d.as_secs_f64()) } else { format!("{}ms", d.as_millis()) }
}

/// Bytes: `412 MiB`, `1.3 GiB`.
pub fn bytes(v: f64) -> String {
    if v.is_nan() {
        return MISSING.to_owned();
    }
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut v, mut unit) = (v, 0);
    while v.abs() >= 1000.0 && unit + 1 < units.len() {
        v /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{v:.0} B") } else { format!("{} {}", digits(v), units[unit]) }
}

/// A count with thousands apart: `3,412`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// So many of something: `1 line`, `2,911 lines`.
pub fn counted(n: usize, one: &str) -> String {
    format!("{} {one}{}", count(n as u64), if n == 1 { "" } else { "s" })
}

/// A change: `×6.2` from double or half on, `+38 %` below.
pub fn change(now: f64, before: f64) -> String {
    if !now.is_finite() || !before.is_finite() || before == 0.0 {
        return MISSING.to_owned();
    }
    let ratio = now / before;
    if ratio >= 9.95 {
        format!("×{ratio:.0}")
    } else if ratio >= 2.0 {
        format!("×{ratio:.1}")
    } else {
        let p = (ratio - 1.0) * 100.0;
        if p.abs() < 0.5 { "±0 %".to_owned() } else { format!("{p:+.0} %") }
    }
}

/// How long ago: `8s`, `18m`, `2h05m`, `3d`.
pub fn age(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m", s / 60),
        3600..36_000 => format!("{}h{:02}m", s / 3600, s % 3600 / 60),
        36_000..172_800 => format!("{}h", s / 3600),
        _ => format!("{}d", s / 86_400),
    }
}

/// When the [`age`] of something since then reads differently.
pub fn next_age(now: Timestamp, since: Timestamp) -> Timestamp {
    let age = now.since(since);
    let unit = Duration::from_secs(match age.as_secs() {
        0..60 => 1,
        60..36_000 => 60,
        _ => 3600,
    });
    since.max(now - age) + unit * u32::try_from(age.as_nanos() / unit.as_nanos() + 1).unwrap_or(u32::MAX)
}

/// A length of time as it is typed: `1h`, `90m`, `45s`, `1h30m`.
pub fn span(d: Duration) -> String {
    let s = d.as_secs();
    match s {
        _ if s == 0 => format!("{}ms", d.as_millis()),
        _ if s.is_multiple_of(86_400) => format!("{}d", s / 86_400),
        _ if s.is_multiple_of(3600) => format!("{}h", s / 3600),
        _ if s > 3600 => format!("{}h{:02}m", s / 3600, s % 3600 / 60),
        _ if s.is_multiple_of(60) => format!("{}m", s / 60),
        _ if s > 60 => format!("{}m{:02}s", s / 60, s % 60),
        _ => format!("{s}s"),
    }
}

fn local(t: Timestamp, offset: i32) -> DateTime<FixedOffset> {
    let zone = FixedOffset::east_opt(offset).unwrap_or_else(|| Utc.fix());
    DateTime::from_timestamp_nanos(t.0).with_timezone(&zone)
}

/// `14:32`.
pub fn clock(t: Timestamp, offset: i32) -> String {
    local(t, offset).format("%H:%M").to_string()
}

/// `14:32:07`.
pub fn clock_seconds(t: Timestamp, offset: i32) -> String {
    local(t, offset).format("%H:%M:%S").to_string()
}

/// `14:32:07.114`.
pub fn clock_millis(t: Timestamp, offset: i32) -> String {
    local(t, offset).format("%H:%M:%S%.3f").to_string()
}

/// `14:32`, or `11-20 14:32` when the day is another than that of `other`, or `2025-11-20 14:32` when the year is.
pub fn day_clock(t: Timestamp, other: Timestamp, offset: i32) -> String {
    if t == Timestamp::LATEST {
        return "after 2262".to_owned();
    }
    let (a, b) = (local(t, offset), local(other, offset));
    let shown = match () {
        () if a.date_naive() == b.date_naive() => "%H:%M",
        () if a.year() == b.year() => "%m-%d %H:%M",
        () => "%Y-%m-%d %H:%M",
    };
    a.format(shown).to_string()
}

/// `2026-11-21 14:32`, as it is typed.
pub fn date_minute(t: Timestamp, offset: i32) -> String {
    local(t, offset).format("%Y-%m-%d %H:%M").to_string()
}

/// `2026-11-21 14:32:07.114`, the whole of it.
pub fn date_time(t: Timestamp, offset: i32) -> String {
    local(t, offset).format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// `2026-11-21T14:32:07.114Z`, for machines.
pub fn rfc3339(t: Timestamp) -> String {
    DateTime::from_timestamp_nanos(t.0).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits_and_a_unit() {
        for (v, text) in [
            (0.0, "0"),
            (8.4213, "8.42"),
            (41.23, "41.2"),
            (312.4, "312"),
            (1234.0, "1234"),
            (12_400.0, "12.4 k"),
            (3_100_000.0, "3.10 M"),
            (f64::NAN, "–"),
            (0.0042, "0.0042"),
            (999.6, "1000"),
        ] {
            assert_eq!(number(v), text);
        }
        for (v, text) in [(1.0, "1"), (14.4, "14.4"), (0.5, "0.5"), (100.0, "100"), (20_000.0, "20 k"), (f64::NAN, "–")] {
            assert_eq!(without_zeros(&number(v)), text);
        }
        for (v, text) in [
            (0.431, "431 ms"),
            (8.42, "8.42 s"),
            (0.0021, "2.1 ms"),
            (0.000_012, "12 µs"),
            (0.9999, "1.00 s"),
            (3e-9, "3 ns"),
            (599.4, "599 s"),
            (599.6, "10m"),
            (720.0, "12m"),
            (2506.4, "41m46s"),
            (3599.6, "1h00m"),
            (5400.0, "1h30m"),
            (-0.5, "-500 ms"),
            (-720.0, "-12m"),
            (1e300, "1.000e300 s"),
        ] {
            assert_eq!(seconds(v), text);
        }
        let at = |text: &str| Timestamp::from_secs(DateTime::parse_from_rfc3339(text).unwrap().timestamp());
        let other = at("2026-11-21T14:32:00Z");
        for (t, text) in
            [("2026-11-21T01:02:00Z", "01:02"), ("2026-11-20T14:32:00Z", "11-20 14:32"), ("2025-11-21T14:32:00Z", "2025-11-21 14:32")]
        {
            assert_eq!(day_clock(at(t), other, 0), text);
        }
        assert_eq!((bytes(412.0 * 1_048_576.0), bytes(12.0)), ("412 MiB".to_owned(), "12 B".to_owned()));
        assert_eq!((percent(0.042), percent(1.0), percent(f64::NAN)), ("4.2 %".to_owned(), "100 %".to_owned(), "–".to_owned()));
        assert_eq!((count(3412), count(12), count(1_234_567)), ("3,412".to_owned(), "12".to_owned(), "1,234,567".to_owned()));
    }

    #[test]
    fn changes_are_factors_or_percent() {
        assert_eq!(
            (change(8.42, 0.122), change(62.0, 10.0), change(13.8, 10.0), change(6.6, 10.0)),
            ("×69".into(), "×6.2".into(), "+38 %".into(), "-34 %".into())
        );
        assert_eq!(change(1.0, 0.0), MISSING);
    }

    #[test]
    fn ages_and_spans_are_short() {
        let s = Duration::from_secs;
        assert_eq!((age(s(8)), age(s(1080)), age(s(7500)), age(s(300_000))), ("8s".into(), "18m".into(), "2h05m".into(), "3d".into()));
        assert_eq!(
            (span(s(3600)), span(s(5400)), span(s(2700)), span(s(86_400))),
            ("1h".into(), "1h30m".into(), "45m".into(), "1d".into())
        );
    }
}
