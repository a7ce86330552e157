//! The part of Prometheus' alert templates that the demo's rules use; anything else is left as it is written.

use std::{fmt::Write as _, sync::LazyLock};

use regex::Regex;

use crate::model::labels::Labels;

static ACTION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\{\{-?\s*(.*?)\s*-?\}\}").ok());
static PRINTF: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^printf\s+"([^"%]*)%\.([0-9])([fg])([^"%]*)"(?:\s+\$value)?$"#).ok());

/// Significant digits of the functions that humanize.
const HUMAN: usize = 4;

/// Expands `{{ $labels.x }}` and `{{ $value }}`, the latter through `humanize`, `humanizePercentage`,
/// `humanizeDuration`, `printf "%.2f"` or `printf "%.3g"`.
pub fn expand(template: &str, labels: &Labels, value: f64) -> String {
    let Some(action) = ACTION.as_ref() else { return template.to_owned() };
    action
        .replace_all(template, |found: &regex::Captures| evaluate(&found[1], labels, value).unwrap_or_else(|| found[0].to_owned()))
        .into_owned()
}

fn evaluate(action: &str, labels: &Labels, value: f64) -> Option<String> {
    if let Some(name) = action.strip_prefix("$labels.").or_else(|| action.strip_prefix(".Labels.")) {
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        return plain.then(|| labels.get(name).unwrap_or("").to_owned());
    }
    match action.split_once('|').map(|(of, with)| (of.trim(), with.trim())) {
        None if matches!(action, "$value" | ".Value") => Some(go_value(value)),
        None => match action.split_once(' ') {
            Some(("printf", rest)) if rest.ends_with("$value") => format_with(action, value),
            Some((function, argument)) if argument.trim() == "$value" => format_with(function, value),
            _ => None,
        },
        Some(("$value" | ".Value", function)) => format_with(function, value),
        Some(_) => None,
    }
}

fn format_with(function: &str, value: f64) -> Option<String> {
    match function {
        "humanize" => Some(humanize(value)),
        "humanizePercentage" => Some(format!("{}%", significant(value * 100.0, HUMAN))),
        "humanizeDuration" => Some(humanize_duration(value)),
        _ => {
            let found = PRINTF.as_ref()?.captures(function)?;
            let precision: usize = found[2].parse().ok()?;
            let number = if &found[3] == "f" { format!("{value:.precision$}") } else { significant(value, precision) };
            Some(format!("{}{number}{}", &found[1], &found[4]))
        }
    }
}

/// A value as Go prints it by default: the shortest digits, an exponent for very large and very small ones.
fn go_value(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_finite() && value != 0.0 && !(1e-4..1e21).contains(&magnitude) {
        return with_go_exponent(&format!("{value:e}"));
    }
    crate::demo::promql::format_value(value)
}

/// Rust's `1e-7` as Go's `1e-07`.
fn with_go_exponent(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.to_owned() };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// So many significant digits (`%.4g`).
fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return crate::demo::promql::format_value(value);
    }
    let digits = digits.max(1);
    let scientific = format!("{value:.0$e}", digits - 1);
    let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let trim = |text: &str| if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() };
    let point = i32::try_from(digits).unwrap_or(i32::MAX);
    if (-4..point).contains(&exponent) {
        let decimals = usize::try_from(point - 1 - exponent).unwrap_or(0);
        return trim(&format!("{value:.decimals$}"));
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    with_go_exponent(&format!("{}e{exponent}", trim(mantissa)))
}

/// With a metric prefix.
fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return significant(value, HUMAN);
    }
    let (scaled, prefix) = if value.abs() >= 1.0 { larger(value) } else { smaller(value) };
    format!("{}{prefix}", significant(scaled, HUMAN))
}

fn larger(mut value: f64) -> (f64, &'static str) {
    let mut unit = "";
    for prefix in ["k", "M", "G", "T", "P", "E", "Z", "Y"] {
        if value.abs() < 1000.0 {
            break;
        }
        unit = prefix;
        value /= 1000.0;
    }
    (value, unit)
}

fn smaller(mut value: f64) -> (f64, &'static str) {
    let mut unit = "";
    for prefix in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if value.abs() >= 1.0 {
            break;
        }
        unit = prefix;
        value *= 1000.0;
    }
    (value, unit)
}

/// Seconds as days, hours, minutes and seconds.
fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return significant(value, HUMAN);
    }
    if value == 0.0 {
        return "0s".into();
    }
    if value.abs() < 1.0 {
        let (scaled, prefix) = smaller(value);
        return format!("{}{prefix}s", significant(scaled, HUMAN));
    }
    let whole = value.abs() as i64;
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86_400);
    let mut out = String::from(if value < 0.0 { "-" } else { "" });
    // Writing to a string cannot fail.
    let _ = match (days, hours, minutes) {
        (0, 0, 0) => write!(out, "{}s", significant(value.abs(), HUMAN)),
        (0, 0, _) => write!(out, "{minutes}m {seconds}s"),
        (0, _, _) => write!(out, "{hours}h {minutes}m {seconds}s"),
        _ => write!(out, "{days}d {hours}h {minutes}m {seconds}s"),
    };
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_what_rules_use_and_leaves_the_rest() {
        let labels: Labels = [("job", "orders"), ("pod", "o-1")].into_iter().collect();
        let cases = [
            ("{{ $labels.job }}/{{$labels.pod}}/{{ $labels.none }}", 0.0, "orders/o-1/"),
            ("{{ $value }}", 0.05, "0.05"),
            ("{{ $value }}", 1.5e-7, "1.5e-07"),
            ("{{ $value | humanize }}", 1234.5, "1.234k"),
            ("{{ $value | humanize }}", 0.00123, "1.23m"),
            ("{{ $value | humanizePercentage }} failing", 0.012_345, "1.234% failing"),
            ("{{ $value | humanizeDuration }}", 3725.0, "1h 2m 5s"),
            ("{{ humanizeDuration $value }}", 8.12, "8.12s"),
            ("{{ $value | humanizeDuration }}", 0.25, "250ms"),
            (r#"{{ $value | printf "%.2f" }}"#, 2.345, "2.35"),
            (r#"{{ $value | printf "%.3g" }}"#, 239.071, "239"),
            (r#"{{ $value | printf "%.3g" }}"#, 14.449, "14.4"),
            (r#"{{ $value | printf "%.3g" }}"#, 12_345.0, "1.23e+04"),
            (r#"{{ printf "%.1f" $value }}x"#, 14.44, "14.4x"),
            (r#"{{ $value | printf "%d" }}"#, 1.0, r#"{{ $value | printf "%d" }}"#),
            ("{{ query \"up\" }}", 1.0, "{{ query \"up\" }}"),
        ];
        for (template, value, expected) in cases {
            assert_eq!(expand(template, &labels, value), expected, "{template}");
        }
    }
}
