//! Answers in Prometheus' JSON, written straight into a string: a matrix may have a million points.

use std::{fmt::Write as _, sync::Arc};

use serde_json::{Map, Value, json};

use crate::{
    demo::{
        native::{Bucket, Native},
        promql::{Answer, Point, Series, format_value},
    },
    model::labels::Labels,
};

/// Labels as a JSON object.
pub fn labels(labels: &Labels) -> Value {
    Value::Object(labels.iter().map(|(n, v)| (n.to_owned(), json!(v))).collect::<Map<_, _>>())
}

/// The `data` of an answer at an instant (milliseconds).
pub fn answer(answer: &Answer, at: i64) -> String {
    match answer {
        Answer::Scalar(value) => data("scalar", &point(at, *value)),
        Answer::Text(text) => data("string", &format!("[{},{}]", seconds(at), json!(text))),
        Answer::Vector(samples) => {
            let element = |(labels, value): &(Arc<Labels>, Point)| {
                let value = match value {
                    Point::Float(value) => format!("\"value\":{}", point(at, *value)),
                    Point::Histogram(h) => format!("\"histogram\":{}", native(at, h)),
                };
                format!("{{\"metric\":{},{value}}}", self::labels(labels))
            };
            data("vector", &array(samples.iter().map(element)))
        }
        Answer::Matrix(series) => matrix(series),
    }
}

/// The `data` of a range query.
pub fn matrix(series: &[Series]) -> String {
    let element = |s: &Series| {
        let mut out = format!("{{\"metric\":{}", labels(&s.labels));
        for (key, list) in [
            ("values", s.points.iter().map(|&(at, value)| point(at, value)).collect::<Vec<_>>()),
            ("histograms", s.histograms.iter().map(|(at, h)| native(*at, h)).collect()),
        ] {
            if !list.is_empty() {
                // Writing to a string cannot fail.
                let _ = write!(out, ",\"{key}\":{}", array(list.into_iter()));
            }
        }
        out.push('}');
        out
    };
    data("matrix", &array(series.iter().map(element)))
}

fn data(kind: &str, result: &str) -> String {
    format!("{{\"resultType\":\"{kind}\",\"result\":{result}}}")
}

fn array(items: impl Iterator<Item = String>) -> String {
    let mut out = String::from("[");
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&item);
    }
    out.push(']');
    out
}

fn point(at: i64, value: f64) -> String {
    format!("[{},\"{}\"]", seconds(at), number(value))
}

/// A native histogram at an instant. A bucket says first which of its bounds belong to it: 0 the upper, 1 the lower, 3 both.
fn native(at: i64, h: &Native) -> String {
    let quoted = |v: f64| format!("\"{}\"", number(v));
    let mut out = format!("[{},{{\"count\":{},\"sum\":{}", seconds(at), quoted(h.count), quoted(h.sum));
    let bucket = |b: Bucket| {
        let bounds = if b.lower > 0.0 {
            0
        } else if b.upper < 0.0 {
            1
        } else {
            3
        };
        format!("[{bounds},{},{},{}]", quoted(b.lower), quoted(b.upper), quoted(b.count))
    };
    let buckets = array(h.buckets().map(bucket));
    if buckets != "[]" {
        let _ = write!(out, ",\"buckets\":{buckets}");
    }
    out.push_str("}]");
    out
}

/// Seconds with milliseconds where there are any.
pub fn seconds(ms: i64) -> String {
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    let mut out = format!("{sign}{}", ms / 1000);
    if ms % 1000 != 0 {
        // Writing to a string cannot fail.
        let _ = write!(out, ".{:03}", ms % 1000);
    }
    out
}

/// A value as Prometheus writes it: an exponent only below 1e-6 and from 1e21 on.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_finite() && value != 0.0 && !(1e-6..1e21).contains(&magnitude) { format!("{value:e}") } else { format_value(value) }
}

/// A value as the alerts API writes it: always with an exponent of two digits.
pub fn exponent(value: f64) -> String {
    if !value.is_finite() {
        return format_value(value);
    }
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        assert_eq!([1.0, 0.1, 1e-7, 1e21, f64::NAN, f64::INFINITY].map(number), ["1", "0.1", "1e-7", "1e21", "NaN", "+Inf"]);
        assert_eq!([1.0, 0.25, -1e-7, 1234.5].map(exponent), ["1e+00", "2.5e-01", "-1e-07", "1.2345e+03"]);
        assert_eq!([0, 1_435_781_451_781, 5_010, -1_500].map(seconds), ["0", "1435781451.781", "5.010", "-1.500"]);
    }
}
