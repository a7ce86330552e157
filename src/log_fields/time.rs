//! Where a text begins with a time, in the ways that logs write it.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The time at the start of a text and what follows: a date, a date and a time, a time.
pub(super) fn leading(text: &str) -> Option<(&str, &str)> {
    let end = date_and_time(text).or_else(|| clock(text)).or_else(|| day_first(text)).or_else(|| java_util(text))?;
    let end = end + zone(&text[end..]);
    let cut = text[end..].starts_with(char::is_alphanumeric);
    (!cut).then(|| (&text[..end], &text[end..]))
}

/// Whether a text begins with `2026-11-22` or `2026/11/22`.
pub(super) fn is_date(text: &str) -> bool {
    let b = text.as_bytes();
    b.len() >= 10 && shape(b, b"0000-00-00") | shape(b, b"0000/00/00")
}

/// Whether a text begins as a pattern does, in which `0` is any digit.
pub(super) fn shape(text: &[u8], pattern: &[u8]) -> bool {
    text.len() >= pattern.len() && text.iter().zip(pattern).all(|(b, p)| if *p == b'0' { b.is_ascii_digit() } else { b == p })
}

/// `Nov 22 05:01:02`, as syslog writes it.
pub(super) fn month_first(text: &str) -> Option<(&str, &str)> {
    let b = text.as_bytes();
    let day = b.get(4).is_some_and(|d| *d == b' ' || d.is_ascii_digit()) && b.get(5).is_some_and(u8::is_ascii_digit);
    let clock = b.get(6..).is_some_and(|b| shape(b, b" 00:00:00")) && !text[15..].starts_with(char::is_alphanumeric);
    (is_month(text.get(..3)?) && b.get(3) == Some(&b' ') && day && clock).then(|| (&text[..15], &text[15..]))
}

fn is_month(name: &str) -> bool {
    MONTHS.contains(&name)
}

fn date_and_time(text: &str) -> Option<usize> {
    if !is_date(text) {
        return None;
    }
    let after = text.as_bytes().get(10).filter(|b| matches!(b, b'T' | b't' | b' ' | b'_')).and_then(|_| clock(&text[11..]));
    Some(after.map_or(10, |length| 11 + length))
}

/// `05:01:02`, perhaps with a fraction; `5:01AM`.
fn clock(text: &str) -> Option<usize> {
    let b = text.as_bytes();
    if shape(b, b"00:00:00") {
        return Some(8 + fraction(&b[8..]));
    }
    let minutes = if shape(b, b"00:00") { 5 } else { 4 };
    let is_short = shape(b, b"00:00") || shape(b, b"0:00");
    (is_short && matches!(b.get(minutes..minutes + 2), Some(b"AM" | b"PM"))).then_some(minutes + 2)
}

fn fraction(b: &[u8]) -> usize {
    let digits = |b: &[u8]| b.iter().take_while(|b| b.is_ascii_digit()).count();
    match b.first() {
        Some(b'.' | b',') if digits(&b[1..]) > 0 => 1 + digits(&b[1..]),
        _ => 0,
    }
}

/// `22-Nov-2026 05:01:02.123` (Tomcat), `22 Nov 2026 05:01:02.123` (Redis).
fn day_first(text: &str) -> Option<usize> {
    let b = text.as_bytes();
    let month = text.get(3..6).filter(|m| is_month(m))?;
    let dashed = shape(b, format!("00-{month}-0000 ").as_bytes()) || shape(b, format!("00 {month} 0000 ").as_bytes());
    clock(text.get(12..).filter(|_| dashed)?).map(|length| 12 + length)
}

/// `Nov 22, 2026 5:01:02 AM`.
fn java_util(text: &str) -> Option<usize> {
    let (date, time) = text.get(..3).filter(|m| is_month(m)).and_then(|_| text.split_once(", "))?;
    let day = date.get(4..).filter(|d| d.len() <= 2 && d.bytes().all(|b| b.is_ascii_digit()) && !d.is_empty())?;
    let (year, clock) = time.split_once(' ').filter(|(y, _)| y.len() == 4 && y.bytes().all(|b| b.is_ascii_digit()))?;
    let length = clock.bytes().take_while(|b| b.is_ascii_digit() || *b == b':').count();
    let half = matches!(clock.get(length..length + 3)?, " AM" | " PM");
    half.then(|| 4 + day.len() + 2 + year.len() + 1 + length + 3)
}

/// `Z`, `+01:00`, `-0500`, ` UTC`, ` +0000`.
fn zone(text: &str) -> usize {
    let b = text.as_bytes();
    match b.first() {
        Some(b'Z') => 1,
        Some(b'+' | b'-') if shape(&b[1..], b"00:00") => 6,
        Some(b'+' | b'-') if shape(&b[1..], b"0000") => 5,
        Some(b' ') if matches!(b.get(1..4), Some(b"UTC" | b"GMT")) => 4,
        Some(b' ') if matches!(b.get(1), Some(b'+' | b'-')) && shape(&b[2..], b"0000") => 6,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_as_logs_write_them() {
        for time in [
            "2026-11-22",
            "2026-11-22T05:01:02Z",
            "2026-11-22T05:01:02.123456789+01:00",
            "2026-11-22 05:01:02,123",
            "2026/11/22 05:01:02",
            "2026-11-22 05:01:02.123 UTC",
            "2026-11-22 05:01:02 +0000",
            "05:01:02.123",
            "5:01AM",
            "22-Nov-2026 05:01:02.123",
            "22 Nov 2026 05:01:02.123",
            "Nov 22, 2026 5:01:02 AM",
        ] {
            assert_eq!(leading(&format!("{time} ERROR x")), Some((time, " ERROR x")));
        }
        for text in ["", "2026", "12:30 in the night", "20261122", "Nov 22, x", "Nov é", "1:2:3", "2026-11-22x"] {
            assert_eq!(leading(text), None, "{text}");
        }
        assert_eq!(month_first("Nov  2 05:01:02 host"), Some(("Nov  2 05:01:02", " host")));
        for text in ["Nov", "Nov 22", "Nov 22 05:01:020", "Nov é 05:01:02", "Now 22 05:01:02"] {
            assert_eq!(month_first(text), None, "{text}");
        }
    }
}
