use proptest::prelude::*;

use super::{ast::Static, eval::Evaluator, hint::hint, parse, rows::Rows};
use crate::{
    demo::store::{StoredTrace, TraceHint},
    model::trace::TraceId,
    wire::otlp::{AnyValue, KeyValue, Resource, ResourceSpans, ScopeSpans, Span, Status, any_value::Value},
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
    StoredTrace {
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
            service("db", vec![span(4, 2, "insert", 700, true, vec![])]),
        ],
    }
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
        (r#"{ name = "insert" } && { name = "render" }"#, vec![4, 5]),
        (r#"{ name = "insert" } || { name = "none" }"#, vec![4]),
        (r#"({ status = error } | count() = 2) && { name = "render" }"#, vec![2, 4, 5]),
        ("{ status = error } | count() > 1", vec![2, 4]),
        ("{ status = error } | avg(duration) = 800ms", vec![2, 4]),
        ("{ } | max(span.http.status_code) > 501 | select(span.http.status_code, resource.service.name)", vec![1, 2, 3, 4, 5]),
        ("{ } | { status = error } | min(duration) < 1s with (most_recent=true)", vec![2, 4]),
    ] {
        assert_eq!(selected(query), [expected], "{query}");
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
        (r#"{ resource.service.name = "api" } >> { status = error } | count() > 1"#, of(&["api"], true, 0)),
        (r#"{ !(resource.service.name = "api") }"#, of(&[], false, 0)),
        (r#"{ .service.name = "api" }"#, of(&[], false, 0)),
    ] {
        assert_eq!(hinted(query), expected, "{query}");
    }
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
        ("{ } | rate()", "parse error at line 1, col 7: the demo does not support TraceQL metrics"),
        ("{ parent.span.x = 1 }", "parse error at line 1, col 3: the demo does not support attributes of the parent"),
        ("{ } !>> { }", "parse error at line 1, col 5: the demo does not support the spanset operator !>>"),
        ("{ childCount > 1 }", "parse error at line 1, col 3: the demo does not support childCount"),
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
            ".a", "span.b", "resource.service.name", "\"x\"", "5", "2.5", "1s", "true", "!", "-", "+", "*", "by", "select", "coalesce()", "kind", "server",
        ]), 0..30)
    ) {
        if let Ok(query) = parse(&words.join(" ")) {
            let trace = trace();
            let _ = Evaluator::new(&query).unwrap().select(&Rows::new(&trace));
        }
    }
}
