//! Expressions on crafted data, with the values that Prometheus 3 gives.

use super::*;
use crate::demo::{memory::MemStore, store::STALE};

/// Minute 100: series have samples every 15 s from minute 80 on.
const NOW: i64 = 6_000_000;

fn labels(text: &[(&str, &str)]) -> Labels {
    text.iter().copied().collect()
}

/// A series with a value for each 15 s up to `NOW`.
fn regular(store: &mut MemStore, series: &[(&str, &str)], value: impl Fn(i64) -> f64) {
    store.push(labels(series), (0..=80).map(|i| (NOW - (80 - i) * 15_000, value(i))).collect());
}

fn shop() -> MemStore {
    let mut store = MemStore::default();
    regular(&mut store, &[("__name__", "up"), ("job", "a"), ("instance", "1")], |_| 1.0);
    regular(&mut store, &[("__name__", "up"), ("job", "a"), ("instance", "2")], |_| 0.0);
    regular(&mut store, &[("__name__", "up"), ("job", "b"), ("instance", "1")], |_| 1.0);
    regular(&mut store, &[("__name__", "requests_total"), ("job", "a"), ("code", "200")], |i| (i * 30) as f64);
    regular(&mut store, &[("__name__", "requests_total"), ("job", "a"), ("code", "500")], |i| (i * 3) as f64);
    regular(&mut store, &[("__name__", "resets_total"), ("job", "a")], |i| (if i < 78 { i * 10 } else { (i - 78) * 10 }) as f64);
    regular(&mut store, &[("__name__", "temperature"), ("room", "x")], |i| if i % 2 == 0 { 20.0 } else { 22.0 });
    for (le, per_step) in [("0.1", 1), ("0.5", 5), ("1.0", 9), ("+Inf", 10)] {
        regular(&mut store, &[("__name__", "latency_bucket"), ("job", "a"), ("le", le)], |i| (i * per_step) as f64);
    }
    store.push(
        labels(&[("__name__", "gone"), ("job", "a")]),
        vec![(NOW - 60_000, 1.0), (NOW - 45_000, 2.0), (NOW - 30_000, f64::from_bits(STALE))],
    );
    store.push(labels(&[("__name__", "old"), ("job", "a")]), vec![(NOW - 300_000, 7.0), (NOW - 299_999, 8.0)]);
    store.push(labels(&[("__name__", "edge"), ("job", "a")]), vec![(NOW - 300_000, 7.0)]);
    store
}

/// To nine decimals, so that a table can have plain numbers.
fn rounded(v: f64) -> String {
    format!("{}", (v * 1e9).round() / 1e9)
}

fn told(point: &Point) -> String {
    match point {
        Point::Float(value) => rounded(*value),
        Point::Histogram(h) => format!("{h:?}"),
    }
}

/// The answer as text: `{labels} value` by line, sorted unless the expression sorts.
fn ask(query: &str) -> String {
    let expr = match parse(query) {
        Ok(expr) => expr,
        Err(e) => return format!("bad_data: {e}"),
    };
    match instant(&shop(), &expr, NOW, &Limits::default()) {
        Err(e) => format!("error: {e}"),
        Ok(Answer::Scalar(v)) => rounded(v),
        Ok(Answer::Text(text)) => text,
        Ok(Answer::Vector(samples)) => {
            let mut lines: Vec<String> = samples.iter().map(|(l, v)| format!("{l} {}", told(v))).collect();
            if !query.starts_with("sort") && !query.starts_with("topk") {
                lines.sort();
            }
            lines.join("\n")
        }
        Ok(Answer::Matrix(series)) => {
            let points = |s: &Series| s.points.iter().map(|(t, v)| format!(" {v}@{}", t - NOW)).collect::<String>();
            series.iter().map(|s| format!("{}{}", s.labels, points(s))).collect::<Vec<_>>().join("\n")
        }
    }
}

fn check(cases: &[(&str, &str)]) {
    let differ = |(query, expected): &&(&str, &str)| ask(query) != *expected;
    let wrong: Vec<String> =
        cases.iter().filter(differ).map(|(query, expected)| format!("{query}\n is {}\n not {expected}", ask(query))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn selectors_look_back_five_minutes_exclusively_and_stop_at_staleness_markers() {
    check(&[
        ("gone", ""),
        ("gone offset 45s", r#"{__name__="gone", job="a"} 2"#),
        ("old", r#"{__name__="old", job="a"} 8"#),
        ("edge", ""),
        ("edge offset 1ms", r#"{__name__="edge", job="a"} 7"#),
        ("edge @ 5999.999", r#"{__name__="edge", job="a"} 7"#),
        ("edge offset -1s", ""),
        ("timestamp(old)", r#"{job="a"} 5700.001"#),
        ("timestamp(old + 0)", r#"{job="a"} 6000"#),
        ("count(up)", "{} 3"),
        (r#"up{job!="a"}"#, r#"{__name__="up", instance="1", job="b"} 1"#),
        (r#"up{job=~"a|c", instance!~"2"}"#, r#"{__name__="up", instance="1", job="a"} 1"#),
    ]);
}

#[test]
fn ranges_are_left_open() {
    check(&[
        ("temperature[30s]", r#"{__name__="temperature", room="x"} 22@-15000 20@0"#),
        ("count_over_time(temperature[1m])", r#"{room="x"} 4"#),
        ("gone[1m]", r#"{__name__="gone", job="a"} 2@-45000"#),
        ("rate(temperature[15s])", ""),
    ]);
}

#[test]
fn rates_extrapolate_to_the_window_but_no_counter_below_zero() {
    check(&[
        // 4 samples 15 s apart, 15 s after the start: 90 in 45 s, extended to 60 s.
        (r#"increase(requests_total{code="200"}[1m])"#, r#"{code="200", job="a"} 120"#),
        (r#"rate(requests_total{code="200"}[1m])"#, r#"{code="200", job="a"} 2"#),
        (r#"irate(requests_total{code="500"}[1m])"#, r#"{code="500", job="a"} 0.2"#),
        ("delta(temperature[30s])", r#"{room="x"} -4"#),
        ("idelta(temperature[1m])", r#"{room="x"} -2"#),
        // 770, 0, 10, 20: the reset adds 770, so 20 in 45 s.
        ("resets(resets_total[2m])", r#"{job="a"} 1"#),
        ("increase(resets_total[1m])", r#"{job="a"} 26.666666667"#),
        // The counter starts at 0 at minute 80, so its start is not extended before that.
        (r#"increase(requests_total{code="200"}[20m] @ 4860)"#, r#"{code="200", job="a"} 120"#),
    ]);
}

#[test]
fn windows_fold() {
    check(&[
        ("avg_over_time(temperature[1m])", r#"{room="x"} 21"#),
        ("max_over_time(temperature[1m])", r#"{room="x"} 22"#),
        ("stddev_over_time(temperature[1m])", r#"{room="x"} 1"#),
        ("quantile_over_time(0.5, temperature[1m])", r#"{room="x"} 21"#),
        ("changes(temperature[1m])", r#"{room="x"} 3"#),
        ("last_over_time(gone[5m])", r#"{__name__="gone", job="a"} 2"#),
        (r#"absent_over_time(nothing{job="a", x=~"b"}[5m])"#, r#"{job="a"} 1"#),
        ("absent_over_time(up[5m])", ""),
        (r#"deriv(requests_total{code="200"}[5m])"#, r#"{code="200", job="a"} 2"#),
        (r#"predict_linear(requests_total{code="200"}[5m], 60)"#, r#"{code="200", job="a"} 2520"#),
        ("max_over_time(rate(requests_total{code=\"200\"}[1m])[5m:1m])", r#"{code="200", job="a"} 2"#),
        ("count_over_time(up{job=\"b\"}[1m:])", r#"{instance="1", job="b"} 4"#),
        ("sum_over_time(time()[1m:])", "bad_data: unknown position: parse error: subquery is only allowed on vector, got scalar instead"),
    ]);
}

#[test]
fn quantiles_interpolate_in_their_bucket() {
    check(&[
        ("histogram_quantile(0.5, rate(latency_bucket[1m]))", r#"{job="a"} 0.5"#),
        ("histogram_quantile(0.7, rate(latency_bucket[1m]))", r#"{job="a"} 0.75"#),
        ("histogram_quantile(0.99, rate(latency_bucket[1m]))", r#"{job="a"} 1"#),
        ("histogram_quantile(2, latency_bucket)", r#"{job="a"} inf"#),
        (r#"histogram_quantile(0.5, latency_bucket{le!="+Inf"})"#, r#"{job="a"} NaN"#),
        ("histogram_fraction(0, 0.5, latency_bucket)", r#"{job="a"} 0.5"#),
    ]);
}

#[test]
fn operators_match_vectors() {
    check(&[
        ("-1 ^ 2", "-1"),
        ("2 ^ 3 ^ 2", "512"),
        ("-7 % 3", "-1"),
        ("1 > bool 2", "0"),
        ("up == 0", r#"{__name__="up", instance="2", job="a"} 0"#),
        ("0 == up", r#"{__name__="up", instance="2", job="a"} 0"#),
        ("up == bool 0 and on(job) up{job=\"b\"}", r#"{instance="1", job="b"} 0"#),
        ("sum by (job) (up) / on(job) count by (job) (up)", "{job=\"a\"} 0.5\n{job=\"b\"} 1"),
        (r#"requests_total{code="500"} / ignoring(code) sum without(code) (requests_total)"#, r#"{job="a"} 0.090909091"#),
        (
            "requests_total / on(job) group_left sum by (job) (requests_total)",
            "{code=\"200\", job=\"a\"} 0.909090909\n{code=\"500\", job=\"a\"} 0.090909091",
        ),
        (
            r#"up{job="b"} or up{instance="2"} unless up{job="b"}"#,
            "{__name__=\"up\", instance=\"1\", job=\"b\"} 1\n{__name__=\"up\", instance=\"2\", job=\"a\"} 0",
        ),
        (
            "up * on(job) up",
            r#"error: found duplicate series for the match group {job="a"} on the right hand-side of the operation: [{__name__="up", instance="2", job="a"}, {__name__="up", instance="1", job="a"}];many-to-many matching not allowed: matching labels must be unique on one side"#,
        ),
        (
            r#"up * on(job) up{instance="1"}"#,
            "error: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
        ),
        ("{__name__=~\"resets_total|gone\"} offset 45s + 0", "error: vector cannot contain metrics with the same labelset"),
    ]);
}

#[test]
fn aggregations_group() {
    check(&[
        ("sum(up)", "{} 2"),
        ("avg by (job) (up)", "{job=\"a\"} 0.5\n{job=\"b\"} 1"),
        ("max without (instance) (up)", "{job=\"a\"} 1\n{job=\"b\"} 1"),
        ("topk(1, requests_total)", r#"{__name__="requests_total", code="200", job="a"} 2400"#),
        ("bottomk by (job) (1, requests_total)", r#"{__name__="requests_total", code="500", job="a"} 240"#),
        ("quantile(0.25, up)", "{} 0.5"),
        (r#"count_values("v", up)"#, "{v=\"0\"} 1\n{v=\"1\"} 2"),
        (r#"count_values without (job, instance) ("job", up)"#, "{} 3"),
        ("topk(NaN, up)", "error: Parameter value is NaN"),
        ("stdvar(requests_total)", "{} 1166400"),
        (
            "sort_desc(requests_total)",
            "{__name__=\"requests_total\", code=\"200\", job=\"a\"} 2400\n{__name__=\"requests_total\", code=\"500\", job=\"a\"} 240",
        ),
    ]);
}

#[test]
fn functions_of_values_labels_and_time() {
    check(&[
        ("round(vector(2.5))", "{} 3"),
        ("round(vector(0.34), 0.1)", "{} 0.3"),
        ("clamp(vector(5), 2, 1)", ""),
        ("clamp_max(vector(5), 1)", "{} 1"),
        ("clamp_max(vector(-Inf), NaN)", "{} -inf"),
        ("clamp_max(vector(5), NaN)", "{} NaN"),
        ("scalar(up)", "NaN"),
        ("time()", "6000"),
        ("hour() * 60 + minute()", "{} 100"),
        ("day_of_week(vector(0))", "{} 4"),
        ("days_in_month(vector(951782400))", "{} 29"),
        (r#"absent(up{job="z"})"#, r#"{job="z"} 1"#),
        (r#"label_replace(up{job="b"}, "dc", "x-$1", "instance", "(.*)")"#, r#"{__name__="up", dc="x-1", instance="1", job="b"} 1"#),
        (r#"label_join(up{job="b"}, "both", "/", "job", "instance")"#, r#"{__name__="up", both="b/1", instance="1", job="b"} 1"#),
        ("\"text\"", "text"),
    ]);
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    check(&[
        ("limitk(1, up)", "bad_data: aggregation limitk is not supported by redline's demo"),
        ("mad_over_time(up[5m])", "bad_data: function mad_over_time() is not supported by redline's demo"),
        ("up + fill(0) up", "bad_data: modifier fill is not supported by redline's demo"),
        (r#"{job="a" or job="b"}"#, "bad_data: \"or\" between matchers is not supported by redline's demo"),
    ]);
    for query in ["sum(", "up{", "rate(up)", "up[5m] offset", "up[Inf]", "up[1e300]", "up offset NaN", "1e400", "foo()", "", "up anchored"]
    {
        assert!(ask(query).starts_with("bad_data: "), "{query}: {}", ask(query));
    }
    let deep = format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert_eq!(ask(&deep), "bad_data: query has more than 250 operators and parentheses");
}

#[test]
fn ranges_step_through_and_leave_gaps() {
    let ask = |query: &str| range(&shop(), &parse(query).unwrap(), NOW - 90_000, NOW, 15_000, &Limits::default()).unwrap();
    let gone = ask("gone");
    assert_eq!(gone[0].points, [(NOW - 60_000, 1.0), (NOW - 45_000, 2.0)]);
    assert_eq!(ask("2 * vector(1)")[0].points.len(), 7);
    assert_eq!(ask("absent(gone)")[0].points.len(), 5);
    assert_eq!(ask("temperature @ end()")[0].points.iter().map(|p| p.1).collect::<Vec<_>>(), [20.0; 7]);
    assert_eq!(ask("topk(1 + (time() > bool 5990), requests_total @ end())").len(), 1, "evaluated once, so with the first parameter");
    let refused = range(&shop(), &parse("up[5m]").unwrap(), 0, NOW, 15_000, &Limits::default());
    assert!(matches!(refused, Err(QueryError::BadData(_))), "{refused:?}");
}

#[test]
fn limits_stop_a_query() {
    let run = |limits: &Limits| instant(&shop(), &parse("sum(rate(requests_total[5m]))").unwrap(), NOW, limits);
    let few = Limits { max_samples: 30, ..Limits::default() };
    assert!(matches!(run(&few), Err(QueryError::Execution(e)) if e.contains("too many samples")));
    assert_eq!(run(&Limits { timeout: Duration::ZERO, ..Limits::default() }), Err(QueryError::Timeout));
    let canceled = Limits::default();
    canceled.canceled.store(true, Ordering::Relaxed);
    assert_eq!(run(&canceled), Err(QueryError::Canceled));
}
