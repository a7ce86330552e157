use std::sync::Arc;

use proptest::prelude::*;

use super::{
    ast::{Expr, MetricExpr},
    entries::entries,
    metrics::{Series, Steps, Value, evaluate},
    parse,
};
use crate::{
    demo::{memory_logs::MemLogs, store::Direction},
    model::{
        labels::Labels,
        time::{TimeRange, Timestamp},
    },
};

const SECOND: i64 = 1_000_000_000;

fn set<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.into_iter().collect()
}

/// Three services: JSON with metadata, logfmt, and plain text.
fn store() -> MemLogs {
    let (api, pay, cart) =
        (Arc::new(set([("app", "api")])), Arc::new(set([("service_name", "pay")])), Arc::new(set([("container", "cart")])));
    let line = |second: i64, stream: &Arc<Labels>, metadata: Labels, text: &str| {
        (Timestamp(second * SECOND), stream.clone(), metadata, text.to_owned())
    };
    MemLogs::new([
        line(
            10,
            &api,
            set([("trace_id", "aa")]),
            r#"{"level":"error","app":"x","http":{"status":500,"path":"/a"},"took":"1.5s","n":null,"l":[1]}"#,
        ),
        line(20, &api, set([]), r#"{"level":"info","http":{"status":200},"took":"20ms"}"#),
        line(30, &api, set([]), r#"not json, error: broken"#),
        line(40, &pay, set([]), r#"level=warn msg="card \"declined\"" size=2KB took=300ms amount=12.5 empty= flag"#),
        line(50, &pay, set([]), r#"level=info msg=ok took=100ms amount=7.5"#),
        line(60, &cart, set([]), "plain text 127.0.0.1 - GET"),
    ])
}

fn lines(query: &str) -> Vec<String> {
    let Expr::Log(log) = parse(query).unwrap_or_else(|e| panic!("{query}: {e}")) else { panic!("{query} is a metric query") };
    let range = TimeRange { start: Timestamp(0), end: Timestamp(100 * SECOND) };
    entries(&store(), &log, range, Direction::Forward, 100)
        .unwrap()
        .into_iter()
        .map(|e| format!("{}{}", e.at.secs(), e.labels.merged()))
        .collect()
}

fn seconds(query: &str) -> Vec<i64> {
    lines(query).iter().map(|l| l.split('{').next().unwrap().parse().unwrap()).collect()
}

fn metric(query: &str, steps: Steps) -> Vec<(String, Vec<Option<f64>>)> {
    let Expr::Metric(metric) = parse(query).unwrap_or_else(|e| panic!("{query}: {e}")) else { panic!("{query} is a log query") };
    let Value::Series(series) = evaluate(&store(), &metric, steps).unwrap_or_else(|e| panic!("{query}: {e}")) else { panic!("a number") };
    let mut out: Vec<_> = series.into_iter().map(|Series { labels, values }| (labels.to_string(), values)).collect();
    out.sort_by(|a, b| a.0.cmp(&b.0));
    out
}

const AT_60: Steps = Steps { start: 60 * SECOND, step: SECOND, count: 1 };

#[test]
fn selectors_and_filters_choose_lines() {
    for (query, expected) in [
        (r#"{app="api"}"#, vec![10, 20, 30]),
        (r#"{app=~"a.+"}"#, vec![10, 20, 30]),
        (r#"{app=~"a"} "#, vec![]),
        (r#"{service_name="cart"}"#, vec![60]),
        (r#"{service_name=~".+"} |= "took""#, vec![10, 20, 40, 50]),
        (r#"{service_name=~".+"} != "took" !~ "^plain""#, vec![30]),
        (r#"{service_name=~".+"} |= "declined" or "plain""#, vec![40, 60]),
        (r#"{service_name=~".+"} != "declined" or "plain""#, vec![10, 20, 30, 50]),
        (r#"{app="api"} | trace_id="aa""#, vec![10]),
        (r#"{service_name=~".+"} | detected_level=~"error|warn""#, vec![10, 30, 40]),
        (r#"{app="api"} | json | http_status>=500"#, vec![10]),
        (r#"{app="api"} | json | __error__="" | http_status>=500"#, vec![10]),
        (r#"{app="api"} | json | took>1s and __error__="""#, vec![10]),
        (r#"{app="api"} | json p="http.path", first="l[0]" | p="/a" | first="1""#, vec![10]),
        (r#"{service_name="pay"} | logfmt | size>1.5KB or amount<8"#, vec![40, 50]),
        (r#"{service_name="pay"} | logfmt | msg="card \"declined\"""#, vec![40]),
        (r#"{service_name="cart"} | pattern "<_> text <ip> - <method>" | ip="127.0.0.1", method="GET""#, vec![60]),
        (r#"{service_name="cart"} | regexp `text (?P<ip>[\d.]+)` | ip="127.0.0.1""#, vec![60]),
        (r#"{app="api"} | json | (http_status=200 or http_status=404) and level="info""#, vec![20]),
    ] {
        assert_eq!(seconds(query), expected, "{query}");
    }
}

#[test]
fn labels_come_out_as_loki_names_them() {
    assert_eq!(
        lines(r#"{app="api"} | json | trace_id="aa" | drop took"#),
        [
            r#"10{app="api", app_extracted="x", detected_level="error", http_path="/a", http_status="500", level="error", service_name="api", trace_id="aa"}"#
        ]
    );
    assert_eq!(lines(r#"{service_name="pay"} | logfmt | keep msg, level="warn""#)[0], r#"40{level="warn", msg="card \"declined\""}"#);
    assert_eq!(
        lines(r#"{app="api"} |= "not json" | json"#),
        [
            r#"30{__error__="JSONParserErr", __error_details__="Value looks like object, but can't find closing '}' symbol", app="api", detected_level="error", service_name="api"}"#
        ]
    );
}

#[test]
fn windows_are_open_at_the_start_and_closed_at_the_end() {
    let steps = Steps { start: 20 * SECOND, step: 20 * SECOND, count: 3 };
    let counted = metric(r#"sum(count_over_time({service_name=~".+"}[20s]))"#, steps);
    assert_eq!(counted, [("{}".to_owned(), vec![Some(2.0), Some(2.0), Some(2.0)])]);
    let wide = metric(r#"sum(count_over_time({app="api"}[1m]))"#, steps);
    assert_eq!(wide, [("{}".to_owned(), vec![Some(2.0), Some(3.0), Some(3.0)])]);
    let offset = metric(r#"sum(count_over_time({app="api"}[20s] offset 20s))"#, steps);
    assert_eq!(offset, [("{}".to_owned(), vec![None, Some(2.0), Some(1.0)])]);
}

#[test]
fn metric_queries_count_and_aggregate() {
    let one = |pairs: &[(&str, f64)]| pairs.iter().map(|(l, v)| ((*l).to_owned(), vec![Some(*v)])).collect::<Vec<_>>();
    for (query, expected) in [
        (
            r#"sum by (detected_level)(count_over_time({app="api"}[1m]))"#,
            one(&[(r#"{detected_level="error"}"#, 2.0), (r#"{detected_level="info"}"#, 1.0)]),
        ),
        (r#"rate({container="cart"}[10s])"#, one(&[(r#"{container="cart", detected_level="unknown", service_name="cart"}"#, 0.1)])),
        (r#"sum(bytes_over_time({container="cart"}[10s]))"#, one(&[("{}", 26.0)])),
        (
            r#"sum by (level)(sum_over_time({service_name="pay"} | logfmt | unwrap amount [1m]))"#,
            one(&[(r#"{level="info"}"#, 7.5), (r#"{level="warn"}"#, 12.5)]),
        ),
        (
            r#"quantile_over_time(0.5, {service_name="pay"} | logfmt | unwrap duration(took) [1m]) by (service_name)"#,
            one(&[(r#"{service_name="pay"}"#, 0.2)]),
        ),
        (r#"max by () (sum by (app)(count_over_time({service_name=~".+"}[1m])) * 2 > 5)"#, one(&[("{}", 6.0)])),
        (r#"topk(1, sum by (service_name)(count_over_time({service_name=~".+"}[1m])))"#, one(&[(r#"{service_name="api"}"#, 3.0)])),
        (r#"sum(count_over_time({app="api"} |= "took" [1m])) / sum(count_over_time({app="api"}[1m]))"#, one(&[("{}", 2.0 / 3.0)])),
        (r#"sum(count_over_time({app="none"}[1m])) or vector(0)"#, one(&[("{}", 0.0)])),
    ] {
        assert_eq!(metric(query, AT_60), expected, "{query}");
    }
}

#[test]
fn lines_that_do_not_parse_fail_a_metric_query_unless_it_filters_them() {
    let run = |query: &str| {
        let Expr::Metric(metric) = parse(query).unwrap() else { panic!("log query") };
        evaluate(&store(), &metric, AT_60)
    };
    let error = run(r#"sum by (foo)(count_over_time({app="api"} | json [1m]))"#).unwrap_err().to_string();
    assert!(error.starts_with("pipeline error: 'JSONParserErr' for series: '{__error__="), "{error}");
    assert!(run(r#"sum by (foo)(count_over_time({app="api"} | json | __error__="" [1m]))"#).is_ok());
    assert!(run(r#"sum(count_over_time({app="api"} | json [1m]))"#).is_ok(), "nothing needs the parser");
}

#[test]
fn mistakes_are_named_with_their_place() {
    for (query, expected) in [
        ("", "parse error : syntax error: unexpected $end"),
        (r#"{app="a"#, "parse error at line 1, col 6: literal not terminated"),
        (r#"{app="a" "#, "parse error at line 1, col 10: syntax error: unexpected $end, expecting , or }"),
        (r#"{app=5}"#, "parse error at line 1, col 6: syntax error: unexpected NUMBER, expecting STRING"),
        ("{app=\"a\"}\n| json |", "parse error at line 2, col 9: syntax error: unexpected $end"),
        (r#"{app=~".*"}"#, "parse error : queries require at least one regexp or equality matcher"),
        (r#"{}"#, "parse error : queries require at least one regexp or equality matcher"),
        (r#"count_over_time({app="a"})"#, "parse error at line 1, col 26: syntax error: unexpected )"),
        (r#"sum_over_time({app="a"}[5m])"#, "parse error : invalid aggregation sum_over_time without unwrap"),
        (
            r#"{app="a"} | line_format "{{if .a}}x{{end}}""#,
            "parse error : invalid line template: the demo does not support {{if .a}} in a template",
        ),
        (r#"{app="a"} | label_format __error__=b"#, "parse error : __error__ cannot be formatted"),
        (r#"stddev_over_time({app="a"} | unwrap x [5m])"#, "parse error at line 1, col 1: the demo does not support stddev_over_time"),
        (r#"{app="a"} |~ "(""#, "parse error : error parsing regexp: unclosed group: `(`"),
    ] {
        let error = parse(query).expect_err(query).to_string();
        assert!(error.starts_with(expected), "{query}: {error}");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(parse(&deep).unwrap_err().to_string().contains("nested parentheses"));
    let chain = format!("{}1", "1 + ".repeat(5000));
    assert!(matches!(parse(&chain).map_err(|e| e.to_string()), Err(e) if e.contains("operators")), "a chain is as deep when it is walked");
}

#[test]
fn numbers_are_queries() {
    assert_eq!(parse("1 + 2 * 3").map(|e| matches!(e, Expr::Metric(MetricExpr::Binary { .. }))), Ok(true));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_sequence_of_tokens_makes_the_parser_panic(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "(", ")", "app", "=", "=~", "!=", "|=", "|", "json", "logfmt", "and", "or", ",", "\"a\"", "`b`", "5", "1.5s", "2KB", "[5m]", "sum",
            "by", "count_over_time", "rate", "topk", "unwrap", "offset", "+", "-", "bool", "on", "vector", "drop", "keep", "pattern", "regexp",
        ]), 0..40)
    ) {
        let _ = parse(&words.join(" "));
    }

    #[test]
    fn no_line_makes_a_pipeline_panic(text in ".{0,80}", json in r#"[{}\[\]":,a-z0-9\\ ]{0,60}"#) {
        for line in [text, json] {
            let store = MemLogs::new([(Timestamp(SECOND), Arc::new(set([("app", "a")])), Labels::new(), line)]);
            for query in [r#"{app="a"} | json | logfmt | pattern "<a>=<b>" | decolorize"#, r#"{app="a"} | json x="a[0].b" | logfmt --strict"#] {
                let Ok(Expr::Log(log)) = parse(query) else { panic!("{query}") };
                let range = TimeRange { start: Timestamp(0), end: Timestamp(2 * SECOND) };
                prop_assert_eq!(entries(&store, &log, range, Direction::Forward, 10).unwrap().len(), 1);
            }
        }
    }
}
