use proptest::prelude::*;

use super::{
    ast::Static,
    eval::Evaluator,
    hint::hint,
    metrics::{Accumulator, Series, Steps},
    parse,
    rows::Rows,
};
use crate::{
    demo::store::{StoredTrace, TraceHint},
    model::trace::TraceId,
    wire::otlp::{AnyValue, Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, Status, any_value::Value},
};

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

fn span(id: u64, parent: u64, name: &str, milliseconds: u64, error: bool, attributes: Vec<KeyValue>) -> Span {
    Span {
        trace_id: vec![0; 16],
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().to_vec() },
        name: name.to_owned(),
        kind: 2,
        start_time_unix_nano: 1_000_000_000 + id,
        end_time_unix_nano: 1_000_000_000 + id + milliseconds * 1_000_000,
        attributes,
        status: Some(Status { message: if error { "boom".to_owned() } else { String::new() }, code: if error { 2 } else { 0 } }),
        ..Span::default()
    }
}

fn service(name: &str, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource { attributes: vec![attribute("service.name", Value::String(name.to_owned()))] }),
        scope_spans: vec![ScopeSpans { scope: None, spans }],
    }
}

/// web 1 → api 2 → (db 3, db 4 with an error) and a lone child 5 of web.
fn trace() -> StoredTrace {
    let status = |n: i64| vec![attribute("http.status_code", Value::Int(n))];
    let mut trace = StoredTrace {
        id: TraceId(0xabc),
        spans: vec![
            service(
                "web",
                vec![
                    span(1, 0, "GET /", 1500, false, status(500)),
                    span(5, 1, "render", 100, false, vec![attribute("cached", Value::Bool(true))]),
                ],
            ),
            service(
                "api",
                vec![
                    span(2, 1, "POST /pay", 900, true, status(502)),
                    span(3, 2, "select", 10, false, vec![attribute("rows", Value::Double(2.5))]),
                ],
            ),
            {
                let mut db = service("db", vec![span(4, 2, "insert", 700, true, vec![])]);
                let event = |name: &str, after: u64, kind: Option<&str>| Event {
                    time_unix_nano: 1_000_000_004 + after,
                    name: name.to_owned(),
                    attributes: kind.map(|k| attribute("exception.type", Value::String(k.to_owned()))).into_iter().collect(),
                };
                db.scope_spans[0].spans[0].events = vec![event("retry", 0, None), event("exception", 5_000_000, Some("LockTimeout"))];
                db.scope_spans[0].scope = Some(Scope { name: "pgx".to_owned(), version: "5".to_owned() });
                db
            },
        ],
    };
    let link = Link {
        trace_id: vec![0; 16],
        span_id: 1_u64.to_be_bytes().to_vec(),
        attributes: vec![attribute("cause", Value::String("retry".to_owned()))],
    };
    trace.spans[1].scope_spans[0].spans[1].links = vec![link];
    trace
}

/// Ids of the spans that a query selects, set by set.
fn selected(query: &str) -> Vec<Vec<u8>> {
    let query = parse(query).unwrap_or_else(|e| panic!("{query}: {e}"));
    let (evaluator, trace) = (Evaluator::new(&query).unwrap(), trace());
    let rows = Rows::new(&trace);
    let id = |i: &usize| rows.spans[*i].span.span_id[7];
    let mut sets: Vec<Vec<u8>> = evaluator.select(&rows).iter().map(|s| s.spans.iter().map(id).collect()).collect();
    sets.iter_mut().for_each(|s| s.sort_unstable());
    sets
}

#[test]
fn filters_choose_spans() {
    for (query, expected) in [
        ("{}", vec![1, 2, 3, 4, 5]),
        ("{ status = error }", vec![2, 4]),
        ("{ status != error && kind = server }", vec![1, 3, 5]),
        ("{ duration > 500ms }", vec![1, 2, 4]),
        ("{ duration >= 1.5s }", vec![1]),
        (r#"{ resource.service.name = "api" }"#, vec![2, 3]),
        (r#"{ .service.name =~ "a.*" && !(name = "select") }"#, vec![2]),
        ("{ span.http.status_code >= 500 }", vec![1, 2]),
        ("{ span.http.status_code != 500 }", vec![2]),
        ("{ span.rows = 2.5 || span.cached = true }", vec![3, 5]),
        ("{ span.cached = nil && status = error }", vec![2, 4]),
        ("{ nil != span.cached }", vec![5]),
        ("{ nil = nil || span.cached = true }", vec![5]),
        ("{ nestedSetParent < 0 }", vec![1]),
        ("{ nestedSetParent = 1 && nestedSetLeft > 2 }", vec![2]),
        ("{ childCount = 2 }", vec![1, 2]),
        ("{ event:name = \"exception\" && event.exception.type =~ `.*Timeout` }", vec![4]),
        ("{ event:timeSinceStart > 1ms }", vec![4]),
        ("{ event.exception.type = nil && event:name != nil }", vec![]),
        ("{ link:spanID = \"0000000000000001\" && link.cause = \"retry\" }", vec![3]),
        ("{ instrumentation:name = \"pgx\" }", vec![4]),
        ("{ span.cached != nil }", vec![5]),
        (r#"{ rootServiceName = "web" && rootName = "GET /" && name = "insert" }"#, vec![4]),
        ("{ traceDuration > 1s && statusMessage = `boom` }", vec![2, 4]),
        (r#"{ trace:id = "00000000000000000000000000000abc" && span:id = "0000000000000003" }"#, vec![3]),
        // `&&` and `||` bind alike, from left to right.
        (r#"{ name = "insert" || name = "select" && status = error }"#, vec![4]),
        (r#"{ name = "GET /" } > { }"#, vec![2, 5]),
        (r#"{ name = "GET /" } >> { status = error }"#, vec![2, 4]),
        (r#"{ name = "insert" } << { }"#, vec![1, 2]),
        (r#"{ name = "insert" } < { }"#, vec![2]),
        (r#"{ name = "insert" } ~ { }"#, vec![3]),
        (r#"{ } ~ { }"#, vec![2, 3, 4, 5]),
        (r#"{ name = "GET /" } !> { }"#, vec![1, 3, 4]),
        (r#"{ name = "POST /pay" } !>> { }"#, vec![1, 2, 5]),
        (r#"{ name = "none" } !>> { status = error }"#, vec![2, 4]),
        (r#"{ status = error } !< { }"#, vec![3, 4, 5]),
        (r#"{ status = error } !<< { }"#, vec![3, 4, 5]),
        (r#"{ name = "insert" } !~ { }"#, vec![1, 2, 4, 5]),
        (r#"{ name = "GET /" } &>> { status = error }"#, vec![1, 2, 4]),
        (r#"{ name = "GET /" } &> { name = "insert" || name = "render" }"#, vec![1, 5]),
        (r#"{ name = "insert" } &<< { resource.service.name = "web" }"#, vec![1, 4]),
        (r#"{ name = "insert" } &< { }"#, vec![2, 4]),
        (r#"{ name = "insert" } &~ { }"#, vec![3, 4]),
        (r#"({ status = error } | count() > 1) >> { name = "select" }"#, vec![3]),
        ("{ } with (most_recent=true, sample=0.1, whatever=`x`)", vec![1, 2, 3, 4, 5]),
        (r#"{ name = "insert" } && { name = "render" }"#, vec![4, 5]),
        (r#"{ name = "insert" } || { name = "none" }"#, vec![4]),
        (r#"({ status = error } | count() = 2) && { name = "render" }"#, vec![2, 4, 5]),
        ("{ status = error } | count() > 1", vec![2, 4]),
        ("{ status = error } | avg(duration) = 800ms", vec![2, 4]),
        ("{ } | max(span.http.status_code) > 501 | select(span.http.status_code, resource.service.name)", vec![1, 2, 3, 4, 5]),
        ("{ } | { status = error } | min(duration) < 1s with (most_recent=true)", vec![2, 4]),
    ] {
        let expected: Vec<Vec<u8>> = if expected.is_empty() { Vec::new() } else { vec![expected] };
        assert_eq!(selected(query), expected, "{query}");
    }
    for query in
        [r#"{ name = "insert" } && { name = "none" }"#, "{ status = error } | count() > 2", "{ span.nothing != 1 }", "{ span.rows = 2 }"]
    {
        assert_eq!(selected(query), Vec::<Vec<u8>>::new(), "{query}");
    }
    assert_eq!(selected("{ status = error } | by(resource.service.name) | count() = 1"), [vec![2], vec![4]]);
    assert_eq!(selected("{ status = error } | by(resource.service.name) | coalesce()"), [vec![2, 4]]);
}

#[test]
fn spans_show_the_attributes_that_the_query_speaks_of() {
    let query = parse("{ status = error } | select(span.http.status_code, name)").unwrap();
    let (evaluator, trace) = (Evaluator::new(&query).unwrap(), trace());
    let rows = Rows::new(&trace);
    let api = rows.spans.iter().position(|r| r.span.name == "POST /pay").unwrap();
    assert_eq!(evaluator.shown(&rows, api), [("status", Static::Status(2)), ("http.status_code", Static::Int(502))]);
    assert!(evaluator.shows_name());
}

#[test]
fn hints_never_lose_a_trace() {
    let hinted = |query: &str| hint(&parse(query).unwrap());
    let of = |services: &[&str], error: bool, min_duration: i64| TraceHint {
        services: services.iter().map(|s| (*s).to_owned()).collect(),
        error,
        min_duration,
    };
    for (query, expected) in [
        ("{}", of(&[], false, 0)),
        (r#"{ resource.service.name = "api" && status = error }"#, of(&["api"], true, 0)),
        (r#"{ resource.service.name = "api" || resource.service.name = "web" }"#, of(&["api", "web"], false, 0)),
        (r#"{ resource.service.name = "api" || status = error }"#, of(&[], false, 0)),
        (r#"{ status = error } && { duration > 1s }"#, of(&[], true, 1_000_000_000)),
        (r#"{ status = error } || { duration > 1s }"#, of(&[], false, 0)),
        (r#"{ resource.service.name = "api" } >> { status = error } | count() > 1"#, of(&["api"], false, 0)),
        (r#"{ status = error } >> { resource.service.name = "api" && status = error }"#, of(&["api"], true, 0)),
        (r#"{ resource.service.name = "api" } !>> { duration > 1s }"#, of(&[], false, 1_000_000_000)),
        (r#"{ !(resource.service.name = "api") }"#, of(&[], false, 0)),
        (r#"{ .service.name = "api" }"#, of(&[], false, 0)),
    ] {
        assert_eq!(hinted(query), expected, "{query}");
    }
}

/// Series of a metrics query over the trace, in one step of a minute: labels and value.
fn computed(query: &str, steps: Steps) -> Vec<(String, Vec<f64>)> {
    let query = parse(query).unwrap_or_else(|e| panic!("{query}: {e}"));
    let trace = trace();
    let mut accumulator = Accumulator::new(&query, steps, 10).unwrap();
    accumulator.observe(&Rows::new(&trace), 1.0);
    let labels = |s: &Series| s.labels.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ");
    accumulator.finish().iter().map(|s| (labels(s), s.values.clone())).collect()
}

#[test]
fn metrics_are_computed_by_step_and_label() {
    const MINUTE: i64 = 60_000_000_000;
    let whole = Steps::instant(0, MINUTE);
    for (query, expected) in [
        ("{ } | rate()", vec![("__name__=rate", 5.0 / 60.0)]),
        ("{ name = `none` } | count_over_time()", vec![("__name__=count_over_time", 0.0)]),
        ("{ name = `none` } | count_over_time() by (name)", vec![]),
        (
            "{ } | count_over_time() by (resource.service.name)",
            vec![("resource.service.name=api", 2.0), ("resource.service.name=db", 1.0), ("resource.service.name=web", 2.0)],
        ),
        ("{ status = error } | count_over_time() by (span.cached)", vec![("span.cached=nil", 2.0)]),
        ("{ } | count_over_time() by (span.cached, status) | topk(1)", vec![("status=error", 2.0)]),
        ("{ } | count_over_time() by (status) | bottomk(1)", vec![("status=error", 2.0)]),
        ("{ } | max_over_time(duration)", vec![("__name__=max_over_time", 1.5)]),
        ("{ } | min_over_time(span.http.status_code)", vec![("__name__=min_over_time", 500.0)]),
        ("{ } | avg_over_time(span.http.status_code)", vec![("__name__=avg_over_time", 501.0)]),
        ("{ } | sum_over_time(duration) by (status)", vec![("status=error", 1.6), ("status=unset", 1.61)]),
        ("{ name = `insert` } | histogram_over_time(duration)", vec![("__bucket=1.073741824", 1.0)]),
        ("{ name = `insert` } | quantile_over_time(duration, 0.5, 1)", vec![("p=0.5", 1.073_741_824), ("p=1.0", 1.073_741_824)]),
    ] {
        let computed = computed(query, whole);
        let values: Vec<(&str, f64)> = computed.iter().map(|(labels, values)| (labels.as_str(), values[0])).collect();
        assert!(
            values.len() == expected.len() && values.iter().zip(&expected).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-9),
            "{query}: {values:?}"
        );
    }
    // The trace begins a nanosecond after a second: steps are open at their begin.
    let second = 1_000_000_000;
    assert_eq!(computed("{ } | count_over_time()", Steps::range(second, 2 * second, second))[0].1, [0.0, 5.0]);
    assert_eq!(computed("{ } | count_over_time()", Steps::range(0, second, second))[0].1, [0.0, 0.0]);
}

#[test]
fn compare_tells_how_often_values_are_among_the_selected_and_the_others() {
    let found = computed("{ } | compare({ status = error }, 1)", Steps::instant(0, 60_000_000_000));
    let of = |labels: &str| found.iter().find(|(l, _)| l == labels).map(|(_, v)| v[0]);
    assert_eq!(of("__meta_type=selection resource.service.name=api"), Some(1.0));
    assert_eq!(of("__meta_type=selection resource.service.name=db"), None, "one value an attribute");
    assert_eq!(of("__meta_type=selection_total resource.service.name=nil"), Some(2.0));
    assert_eq!(of("__meta_type=baseline resource.service.name=web"), Some(2.0));
    assert_eq!(of("__meta_type=baseline_total status=nil"), Some(3.0));
    assert_eq!(of("__meta_type=baseline_total span.cached=nil"), Some(1.0));
    let late = computed("{ } | compare({ status = error }, 1, 2000000000, 3000000000)", Steps::instant(0, 60_000_000_000));
    assert!(late.iter().all(|(l, _)| l.starts_with("__meta_type=baseline")), "{late:?}");
}

#[test]
fn exemplars_lead_to_traces_and_have_what_was_measured() {
    let query = parse("{ status = error } | max_over_time(duration) by (resource.service.name)").unwrap();
    let trace = trace();
    let second = 1_000_000_000;
    let mut accumulator = Accumulator::new(&query, Steps::range(second, 2 * second, second), 10).unwrap();
    accumulator.observe(&Rows::new(&trace), 1.0);
    let series = accumulator.finish();
    let exemplars: Vec<_> = series.iter().flat_map(|s| &s.exemplars).collect();
    let [exemplar] = exemplars.as_slice() else { panic!("{exemplars:?}") };
    assert_eq!((exemplar.at, exemplar.value), (1_000, 0.9));
    let label = |name: &str| exemplar.labels.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_string());
    assert_eq!((label("trace:id"), label("resource.service.name")), (Some("abc".to_owned()), Some("api".to_owned())));
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (query, expected) in [
        ("", "parse error : syntax error: unexpected $end"),
        ("{", "parse error at line 1, col 2: syntax error: unexpected $end"),
        ("{ foo = 3 }", "parse error at line 1, col 3: syntax error: unexpected IDENTIFIER"),
        ("{ status = }", "parse error at line 1, col 12: syntax error: unexpected }"),
        (r#"{ name = "a }"#, "parse error at line 1, col 10: literal not terminated"),
        ("{ status = error }\n| count(", "parse error at line 2, col 9: syntax error: unexpected $end, expecting )"),
        (r#"{ duration = "x" }"#, "parse error : binary operations must operate on the same type: duration = `x`"),
        ("{ name > 3 }", "parse error : binary operations must operate on the same type: name > 3"),
        ("{ duration }", "parse error : span filter field expressions must resolve to a boolean"),
        ("{ } | avg(name) > 1", "parse error : aggregate field expressions must resolve to a number type: avg(name)"),
        ("{ } | rate() | count() > 1", "parse error at line 1, col 16: syntax error: unexpected count"),
        ("{ } | rate() | topk(0)", "parse error : limit must be greater than 0"),
        ("{ } | quantile_over_time(duration, 1.5)", "parse error : quantile must be between 0 and 1: 1.5"),
        ("{ } | quantile_over_time(duration)", "parse error at line 1, col 34: syntax error: unexpected ), expecting ,"),
        ("{ } | compare({ status = error }, 0)", "parse error : compare() top number of values must be integer greater than 0"),
        ("{ } | compare({ status = error }, 5, 9, 8)", "parse error : compare() end timestamp must be greater than start timestamp"),
        ("{ } | compare({ status = error }) | topk(2)", "parse error : `compare()` cannot be used with second stage functions"),
        ("{ } | rate() by (.a, .b, .c, .d, .e, .f)", "parse error : metrics group by 6 values not yet supported"),
        ("{ } | 2 * count() > 1", "parse error : scalar filter lhs of type (%v) not yet supported"),
        ("{ } | count() > max(duration)", "parse error : scalar filter rhs of type (%v) not yet supported"),
        ("{ } with (a=)", "parse error at line 1, col 13: syntax error: unexpected )"),
        ("{ status = nil }", "parse error : status=nil is not valid because intrinsics cannot be nil"),
        ("{ parent.span.x = 1 }", "parse error : parent not yet supported"),
        ("{ parent = nil }", "parse error : intrinsic (parent) not yet supported"),
    ] {
        let error = parse(query).expect_err(query).to_string();
        assert!(error.starts_with(expected), "{query}: {error}");
    }
    assert!(parse(&format!("{{ {}true{} }}", "(".repeat(5000), ")".repeat(5000))).is_err());
    assert!(parse(&format!("{{ {}true }}", "!".repeat(50_000))).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn what_parses_can_be_run(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "(", ")", "&&", "||", ">", ">>", "~", "=", "!=", "=~", "|", "count()", "avg(duration)", "name", "status", "duration", "error", "nil",
            ".a", "span.b", "resource.service.name", "\"x\"", "5", "2.5", "1s", "true", "!", "-", "+", "*", "by", "select", "coalesce()", "kind", "server", "!>>", "&~", "event.x", "childCount", "rate()", "compare(", "with", "topk(1)",
        ]), 0..30)
    ) {
        if let Ok(query) = parse(&words.join(" ")) {
            let trace = trace();
            let _ = Evaluator::new(&query).unwrap().select(&Rows::new(&trace));
        }
    }
}
