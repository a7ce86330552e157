//! Where a text begins with a time, in the ways that logs write it: those that tell an instant, and those that leave out the day or
//! the hour.

use super::instant::stamp;

/// The time at the start of a text and what follows: a date, a date and a time, a time.
pub(super) fn leading(text: &str) -> Option<(&str, &str)> {
    let b = text.as_bytes();
    let end = date(b).or_else(|| clock(b)).map(|end| end + stamp::zone(&b[end..]).1);
    split(text, end.or_else(|| stamp::with_year(b))?)
}

/// `Nov 22 05:01:02`, as syslog writes it.
pub(super) fn month_first(text: &str) -> Option<(&str, &str)> {
    split(text, stamp::of_year(text.as_bytes())?)
}

/// Whether a text begins with `2026-11-22` or `2026/11/22`.
pub(super) fn is_date(text: &str) -> bool {
    is_date_in(text.as_bytes())
}

/// Whether a text begins as a pattern does, in which `0` is any digit.
pub(super) fn shape(text: &[u8], pattern: &[u8]) -> bool {
    text.len() >= pattern.len() && text.iter().zip(pattern).all(|(b, p)| if *p == b'0' { b.is_ascii_digit() } else { b == p })
}

/// A time ends where a word does.
fn split(text: &str, end: usize) -> Option<(&str, &str)> {
    text.split_at_checked(end).filter(|(_, rest)| !rest.starts_with(char::is_alphanumeric))
}

fn is_date_in(b: &[u8]) -> bool {
    shape(b, b"0000-00-00") || shape(b, b"0000/00/00")
}

/// A date, perhaps with a time that tells no instant.
fn date(b: &[u8]) -> Option<usize> {
    let clock = || b.get(10).filter(|b| matches!(b, b'T' | b't' | b' ' | b'_')).and_then(|_| clock(&b[11..]));
    is_date_in(b).then(|| clock().map_or(10, |length| 11 + length))
}

/// `05:01:02`, perhaps with a fraction; `5:01AM`.
fn clock(b: &[u8]) -> Option<usize> {
    if shape(b, b"00:00:00") {
        return Some(8 + stamp::fraction(&b[8..]).1);
    }
    let minutes = if shape(b, b"00:00") { 5 } else { 4 };
    let is_short = shape(b, b"00:00") || shape(b, b"0:00");
    (is_short && matches!(b.get(minutes..minutes + 2), Some(b"AM" | b"PM"))).then_some(minutes + 2)
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
            "2026-11-22 5:01AM",
            "2026-11-22 25:61:02",
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
