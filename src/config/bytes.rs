//! Sizes as people write them.

use super::reader::Item;

/// Units by their names, those that end like another one first.
const UNITS: [(&str, f64); 9] = [
    ("kib", 1024.0),
    ("mib", 1_048_576.0),
    ("gib", 1_073_741_824.0),
    ("tib", 1_099_511_627_776.0),
    ("kb", 1e3),
    ("mb", 1e6),
    ("gb", 1e9),
    ("tb", 1e12),
    ("b", 1.0),
];

/// So many bytes, like `"10GiB"`, or no limit where it says `"never"`.
pub(super) fn limit(item: &Item<'_, '_>) -> Option<Option<u64>> {
    let text = item.string()?;
    let limit = if text.trim().eq_ignore_ascii_case("never") { Some(None) } else { parse(&text).map(Some) };
    if limit.is_none() {
        let advice = "Write a number with MB, GB, TB, MiB, GiB or TiB, like \"10GiB\", or \"never\".";
        item.wrong(format!("`{}` is no size", item.path()), advice);
    }
    limit
}

/// Less than a byte is no size.
fn parse(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?.trim_end(), unit)))?;
    let is_plain = number.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    let bytes = number.parse::<f64>().ok().filter(|_| is_plain)? * unit;
    (1.0..1e18).contains(&bytes).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_of_thousands_or_of_1024() {
        for (text, bytes) in [("10GiB", Some(10 << 30)), (" 1.5 tb", Some(1_500_000_000_000)), ("512b", Some(512)), ("2KiB", Some(2048))] {
            assert_eq!(parse(text), bytes, "{text}");
        }
        for text in ["10", "GB", "-1GB", "0GB", "infGB", "1e3GB", "1..2GB", "ten GB", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
