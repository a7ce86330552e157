//! Literals as Go and Prometheus write them: strings, durations, sizes.

use winnow::{
    Parser, Result as Parsed,
    ascii::digit1,
    combinator::{alt, opt, repeat},
    error::EmptyError,
    token::{one_of, take_while},
};

/// Unquotes a Go string literal, quotes included: `"…"` with escapes or `` `…` `` as it is.
pub fn unquote(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('`').and_then(|s| s.strip_suffix('`')) {
        return Some(raw.replace('\r', ""));
    }
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        escape(&mut chars, &mut out)?;
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

fn escape(chars: &mut std::str::Chars<'_>, out: &mut Vec<u8>) -> Option<()> {
    let simple = match chars.next()? {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '"' => b'"',
        'x' => u8::try_from(radix(chars, 2, 16)?).ok()?,
        first @ '0'..='7' => u8::try_from(first.to_digit(8)? * 64 + radix(chars, 2, 8)?).ok()?,
        wide @ ('u' | 'U') => {
            let c = char::from_u32(radix(chars, if wide == 'u' { 4 } else { 8 }, 16)?)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(());
        }
        _ => return None,
    };
    out.push(simple);
    Some(())
}

fn radix(chars: &mut std::str::Chars<'_>, digits: usize, base: u32) -> Option<u32> {
    (0..digits).try_fold(0u32, |n, _| n.checked_mul(base)?.checked_add(chars.next()?.to_digit(base)?))
}

type Text<'i> = &'i str;

fn decimal(input: &mut Text<'_>) -> Parsed<f64, EmptyError> {
    let start = *input;
    let fraction = opt(('.', take_while(0.., '0'..='9')));
    alt(((digit1, fraction).void(), ('.', digit1).void())).parse_next(input)?;
    start[..start.len() - input.len()].parse().map_err(|_| EmptyError)
}

const GO_UNITS: [(&str, f64); 8] =
    [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("μs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)];
const PROMETHEUS_UNITS: [(&str, f64); 7] =
    [("y", 3.1536e16), ("w", 6.048e14), ("d", 8.64e13), ("h", 3.6e12), ("m", 6e10), ("s", 1e9), ("ms", 1e6)];

fn unit(input: &mut Text<'_>) -> Parsed<f64, EmptyError> {
    let name: &str = take_while(1.., |c: char| c.is_alphabetic()).parse_next(input)?;
    GO_UNITS.iter().find(|(u, _)| *u == name).map(|(_, ns)| *ns).ok_or(EmptyError)
}

/// Nanoseconds of a Go duration: `1.5s`, `-1h2m`, `100ms`, `0`.
pub fn go_duration(text: &str) -> Option<i64> {
    if matches!(text, "0" | "+0" | "-0") {
        return Some(0);
    }
    let terms = repeat(1.., (decimal, unit).map(|(n, u)| n * u)).fold(|| 0.0, |sum: f64, term| sum + term);
    let (sign, sum) = (opt(one_of(['+', '-'])), terms).parse(text).ok()?;
    (sum < 9.3e18).then_some(if sign == Some('-') { -(sum.round() as i64) } else { sum.round() as i64 })
}

/// Nanoseconds of a Prometheus duration: `1h30m`, `2d`, whole numbers in falling units, or `0`.
pub fn prometheus_duration(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut sum) = (text, 0f64);
    for (name, ns) in PROMETHEUS_UNITS {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Some(after) = rest[digits..].strip_prefix(name).filter(|_| digits > 0) else { continue };
        // `5ms` is not `5m` and an `s`.
        if after.starts_with(|c: char| !c.is_ascii_digit()) {
            continue;
        }
        sum += rest[..digits].parse::<f64>().ok()? * ns;
        rest = after;
    }
    (rest.is_empty() && !text.is_empty() && sum < 9.2e18).then_some(sum as i64)
}

/// A duration in a query: Prometheus' form, else Go's.
pub fn duration(text: &str) -> Option<i64> {
    prometheus_duration(text).or_else(|| go_duration(text))
}

/// Bytes as `1.5 kB` (`go-humanize`).
pub fn humanized_bytes(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 10 {
        return format!("{bytes} B");
    }
    let power = (bytes.ilog10() / 3) as usize;
    let value = (bytes as f64 / 1000_f64.powi(power as i32) * 10.0 + 0.5).floor() / 10.0;
    let unit = UNITS[power.min(UNITS.len() - 1)];
    if value < 10.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// Nanoseconds as Go writes a duration: `1h2m0.5s`, `30ms`.
pub fn written_go_duration(ns: i64) -> String {
    let (sign, ns) = (if ns < 0 { "-" } else { "" }, ns.unsigned_abs());
    let with = |unit: u64| {
        let text = format!("{}.{:0width$}", ns / unit, ns % unit, width = unit.ilog10() as usize);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match ns {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{ns}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", with(1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", with(1_000_000)),
        _ => {
            let seconds = ns / 1_000_000_000;
            let rest = format!("{}.{:09}", seconds % 60, ns % 1_000_000_000);
            let rest = rest.trim_end_matches('0').trim_end_matches('.');
            match (seconds / 3_600, seconds / 60 % 60) {
                (0, 0) => format!("{sign}{rest}s"),
                (0, m) => format!("{sign}{m}m{rest}s"),
                (h, m) => format!("{sign}{h}h{m}m{rest}s"),
            }
        }
    }
}

/// Nanoseconds as Prometheus writes a duration: `1h30m`, `500ms`, `0s`.
pub fn written_prometheus_duration(ns: i64) -> String {
    let mut ms = ns / 1_000_000;
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    // Years, weeks and days only when nothing else is left.
    for (unit, length, whole) in [
        ("y", 31_536_000_000, true),
        ("w", 604_800_000, true),
        ("d", 86_400_000, false),
        ("h", 3_600_000, false),
        ("m", 60_000, false),
        ("s", 1_000, false),
        ("ms", 1, false),
    ] {
        if whole && ms % length != 0 {
            continue;
        }
        if ms / length > 0 {
            out.push_str(&format!("{}{unit}", ms / length));
            ms %= length;
        }
    }
    out
}

/// Bytes of `1KB`, `5 MiB`, `100` (`go-humanize`).
pub fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let value: f64 = text[..digits].replace(',', "").parse().ok()?;
    let unit = text[digits..].trim().to_ascii_lowercase();
    let power = |letter: char| "kmgtpe".find(letter).map(|i| i as i32 + 1);
    let factor = match unit.as_str() {
        "" | "b" => 1.0,
        u => {
            let mut chars = u.chars();
            let power = chars.next().and_then(power)?;
            match chars.as_str() {
                "" | "b" => 1000f64.powi(power),
                "i" | "ib" => 1024f64.powi(power),
                _ => return None,
            }
        }
    };
    let total = value * factor;
    (total < u64::MAX as f64).then_some(total as u64)
}
