//! Durations as Prometheus writes them: `1h30m`, `15s`, `100ms`.

use std::time::Duration;

/// Units from the longest to the shortest, in milliseconds; each may be there once, in this order.
const UNITS: [(&str, u64); 7] =
    [("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Reads a duration (`model.ParseDuration`); `None` when it is not one.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut total, mut units) = (text, 0_u64, UNITS.iter());
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: u64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |i| digits + i);
        let (_, millis) = units.find(|(unit, _)| *unit == &rest[digits..unit_end])?;
        total = total.checked_add(amount.checked_mul(*millis)?)?;
        rest = &rest[unit_end..];
    }
    (!text.is_empty()).then_some(Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_in_order_only() {
        let millis = |text| parse_duration(text).map(|d| d.as_millis());
        assert_eq!(millis("1h30m"), Some(5_400_000));
        assert_eq!(millis("1d2h3m4s5ms"), Some(93_784_005));
        assert_eq!(millis("0"), Some(0));
        assert_eq!(millis("0s"), Some(0));
        for wrong in ["", "5", "1m1h", "1s1s", "-1s", "1.5s", "1x", "h", "99999999999999999999s", "999999999999y"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }
}
