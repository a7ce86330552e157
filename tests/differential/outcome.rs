//! An answer of Prometheus to a query, in a form that can be compared.

use std::collections::BTreeMap;

use serde_json::Value;

/// Relative difference that rounding may make.
const TOLERANCE: f64 = 1e-9;

/// Milliseconds and the value as it is written.
pub type Point = (i64, String);

/// Per series its labels and its points, or the status and the kind of the error.
#[derive(Debug)]
pub enum Outcome {
    Error(u64, String),
    Series(String, BTreeMap<String, Vec<Point>>),
}

/// A native histogram as text: count, sum, then the buckets, each number apart.
fn histogram(h: &Value) -> String {
    let mut words = vec![h["count"].as_str().unwrap().to_owned(), h["sum"].as_str().unwrap().to_owned()];
    for bucket in h["buckets"].as_array().into_iter().flatten() {
        words.push(format!("kind{}", bucket[0]));
        words.extend((1..4).map(|i| bucket[i].as_str().unwrap().to_owned()));
    }
    words.join(" ")
}

fn points(element: &Value) -> Vec<Point> {
    let native = |p: &Value| ((p[0].as_f64().unwrap() * 1000.0).round() as i64, histogram(&p[1]));
    let point = |p: &Value| ((p[0].as_f64().unwrap() * 1000.0).round() as i64, p[1].as_str().unwrap().to_owned());
    let list = |name: &str| element[name].as_array().into_iter().flatten();
    if element["value"].is_array() {
        return vec![point(&element["value"])];
    }
    if element["histogram"].is_array() {
        return vec![native(&element["histogram"])];
    }
    if element.is_array() {
        return vec![point(element)];
    }
    let mut all: Vec<Point> = list("values").map(point).chain(list("histograms").map(native)).collect();
    all.sort_by_key(|p| p.0);
    all
}

impl Outcome {
    /// Of a status and a body; `what` names the question where the body makes no sense.
    pub fn read(status: u16, text: &str, what: &str) -> Self {
        let body: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{what}: {e}: {text}"));
        if status != 200 {
            return Self::Error(u64::from(status), body["errorType"].as_str().unwrap_or("").to_owned());
        }
        let (kind, result) = (body["data"]["resultType"].as_str().unwrap().to_owned(), &body["data"]["result"]);
        if matches!(kind.as_str(), "scalar" | "string") {
            return Self::Series(kind, BTreeMap::from([(String::new(), points(result))]));
        }
        let elements = result.as_array().unwrap();
        let series: BTreeMap<_, _> = elements.iter().map(|e| (e["metric"].to_string(), points(e))).collect();
        assert_eq!(series.len(), elements.len(), "{what}: two results with the same labels");
        Self::Series(kind, series)
    }
}

pub fn same_value(a: &str, b: &str) -> bool {
    if a.contains(' ') || b.contains(' ') {
        let (a, b): (Vec<&str>, Vec<&str>) = (a.split(' ').collect(), b.split(' ').collect());
        return a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| same_value(a, b));
    }
    let (Ok(x), Ok(y)) = (a.parse::<f64>(), b.parse::<f64>()) else { return a == b };
    x == y || (x.is_nan() && y.is_nan()) || (x - y).abs() <= TOLERANCE * x.abs().max(y.abs())
}

/// What differs, or nothing.
pub fn difference(real: &Outcome, demo: &Outcome) -> Option<String> {
    let (kind, series, demo_kind, demo_series) = match (real, demo) {
        (Outcome::Error(a, b), Outcome::Error(c, d)) if a == c && b == d => return None,
        (Outcome::Series(kind, series), Outcome::Series(demo_kind, demo_series)) => (kind, series, demo_kind, demo_series),
        _ => return Some(format!("real {real:.400?}\n  demo {demo:.400?}")),
    };
    if kind != demo_kind || !series.keys().eq(demo_series.keys()) {
        return Some(format!("real {kind} {:?}\n  demo {demo_kind} {:?}", series.keys(), demo_series.keys()));
    }
    for (labels, points) in series {
        let others = &demo_series[labels];
        let same = |(a, b): (&Point, &Point)| a.0 == b.0 && same_value(&a.1, &b.1);
        if points.len() != others.len() || !points.iter().zip(others).all(same) {
            let first = points.iter().zip(others).find(|(a, b)| !same((a, b)));
            return Some(format!("{labels}: {} and {} points, first difference {first:?}", points.len(), others.len()));
        }
    }
    None
}
