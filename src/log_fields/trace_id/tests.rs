use regex::Regex;

use super::*;
use crate::model::labels::Matcher;

const T: &str = "0af7651916cd43dd8448eb211c80319c";
const S: &str = "b7ad6b7169203331";

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().copied().collect()
}

#[test]
fn finds_the_trace_in_every_place() {
    let empty = Labels::new();
    let sm = labels(&[("trace_id", T), ("span_id", S)]);
    let label = labels(&[("traceID", T), ("app", "x")]);
    let cases: Vec<(&Labels, &Labels, String, bool, &str)> = vec![
        (&sm, &empty, "plain".into(), true, "structured metadata"),
        (&empty, &label, "plain".into(), false, "stream label"),
        (&empty, &empty, format!(r#"{{"msg":"x","traceId":"{T}","spanId":"{S}"}}"#), true, "JSON field traceId"),
        (&empty, &empty, format!(r#"{{"trace.id": "{T}", "span.id": "{S}"}}"#), true, "JSON field trace.id"),
        (&empty, &empty, format!(r#"{{"otelTraceID":"{T}"}}"#), false, "JSON field otelTraceID"),
        (&empty, &empty, format!(r#"{{"@t":"x","@tr":"{T}","@sp":"{S}"}}"#), true, "JSON field @tr"),
        (&empty, &empty, format!(r#"{{"log":"{{\"trace_id\":\"{T}\",\"span_id\":\"{S}\"}}"}}"#), true, "JSON field trace_id"),
        (
            &empty,
            &empty,
            format!(r#"{{"logging.googleapis.com/trace":"projects/p/traces/{T}","logging.googleapis.com/spanId":"{S}"}}"#),
            true,
            "JSON",
        ),
        (&empty, &empty, format!("level=info traceID={T} spanID={S} msg=x"), true, "logfmt"),
        (&empty, &empty, format!("X-B3-TraceId: {T}, X-B3-SpanId: {S}"), true, "text"),
        (&empty, &empty, format!("x-amzn-trace-id: Root=1-{}-{};Sampled=1", &T[..8], &T[8..]), false, "text"),
        (&empty, &empty, format!("2026-01-01 INFO [orders,{T},{S}] 1 --- [exec-1] c.s.O : x"), true, "text"),
        (&empty, &empty, format!("2026-01-01 INFO [orders,{T},{S},true] x"), true, "text"),
        (&empty, &empty, format!("INFO [{T}-{S}] x"), true, "text"),
        (&empty, &empty, format!("got 00-{T}-{S}-01 from gateway"), true, "text"),
        (&empty, &empty, format!(r#"{{"headers":{{"traceparent":"00-{T}-{S}-01"}}}}"#), true, "JSON field traceparent"),
    ];
    for (metadata, stream, text, has_span, from) in cases {
        let found = find(&Patterns::default(), &Told::by_metadata(metadata), &Told::by_stream(stream), &text);
        assert_eq!(found.trace.map(|t| t.to_string()).as_deref(), Some(T), "{text}");
        assert_eq!(found.span.map(|s| s.to_string()), has_span.then(|| S.to_owned()), "{text}");
        assert_eq!(found.from, Some(from), "{text}");
    }
}

#[test]
fn every_way_to_name_a_trace_is_found() {
    let low = u128::from_str_radix(T, 16).unwrap() as u64;
    let base64 = "CvdlGRbNQ92ESOshHIAxnA==";
    for text in [
        format!(r#"{{"trace_id":"{T}"}}"#),
        format!(r#"{{"traceID":"{T}"}}"#),
        format!(r#"{{"traceid":"{T}"}}"#),
        format!(r#"{{"TraceId":"{T}"}}"#),
        format!(r#"{{"mdc":{{"traceId":"{T}"}}}}"#),
        format!(r#"{{"mdc.traceId":"{T}"}}"#),
        format!(r#"{{"context":{{"trace_id":"{T}"}}}}"#),
        format!(r#"{{"contextMap":{{"spanId":"{S}","traceId":"{T}"}}}}"#),
        format!(r#"{{"trace":{{"id":"{T}"}},"span":{{"id":"{S}"}}}}"#),
        format!(r#"{{"trace": {{"sampled": true, "id": "{T}"}}}}"#),
        format!(r#"{{"trace":"projects/shop/traces/{T}"}}"#),
        format!(r#"{{"dd":{{"trace_id":"{T}","service":"x"}}}}"#),
        format!(r#"{{"X-Amzn-Trace-Id":"Root=1-{}-{}"}}"#, &T[..8], &T[8..]),
        format!(r#"{{"log":"{{\"a\":\"{{\\\"trace_id\\\":\\\"{T}\\\"}}\"}}\n"}}"#),
        format!("uber-trace-id: {T}:{S}:0:1"),
        format!("sentry-trace: {T}-{S}-1"),
        format!("b3: {T}-{S}-1"),
        format!("headers={{b3={T}-{S}-1-{S}, x=1}}"),
        format!(r#"{{"headers":{{"b3":"{T}-{S}"}}}}"#),
        format!("X-Cloud-Trace-Context: {T}/1;o=1"),
        format!("TRACE_ID={T}"),
        format!("Trace-Id: {}", T.to_uppercase()),
        format!("traceparent=00-{T}-{S}-01"),
        format!("x traceparent: cc-{T}-{S}-00-what"),
        format!(r#"{{"traceId":"{base64}","spanId":"t61rcWkgMzE="}}"#),
        format!("trace_id={base64} msg=x"),
        format!("trace_id={} msg=x", as_uuid(T)),
        format!(r#"{{"trace_id":"{}"}}"#, as_uuid(T).to_uppercase()),
    ] {
        let none = Told::default();
        let found = find(&Patterns::default(), &none, &none, &text);
        assert_eq!(found.trace.map(|t| t.to_string()).as_deref(), Some(T), "{text}");
    }
    for text in [format!(r#"{{"dd":{{"trace_id":"{low}","span_id":"5"}}}}"#), format!("[dd.service=x dd.trace_id={low} dd.span_id=5] x")] {
        let none = Told::default();
        let found = find(&Patterns::default(), &none, &none, &text);
        assert_eq!((found.trace, found.span), (Some(TraceId(low.into())), Some(SpanId(5))), "{text}");
    }
    assert_eq!(loose_trace_id(base64).map(|t| t.to_string()).as_deref(), Some(T));
}

#[test]
fn two_letters_of_a_number_are_no_header() {
    let none = Told::default();
    for text in [
        format!("b3: {T}"),
        format!("b3=1-{S}"),
        format!("sub3={T}-{S}"),
        format!("b37: {T}-{S}-1"),
        format!("ab3:{T}-{S}"),
        "b3".to_owned(),
    ] {
        assert_eq!(find(&Patterns::default(), &none, &none, &text), Found::default(), "{text}");
    }
    let short = find(&Patterns::default(), &none, &none, &format!("b3: {S}-{S}-1"));
    assert_eq!((short.trace, short.span), (TraceId::parse(S), SpanId::parse(S)));
}

#[test]
fn an_id_is_looked_for_in_each_way_that_it_is_written() {
    let written = |id: &str| Regex::new(&written(TraceId::parse(id).unwrap())).unwrap();
    let zeros = "0000007916cd43dd8448eb211c80319c";
    for (id, text) in [
        (T, format!("Trace-Id: {}", T.to_uppercase())),
        (T, format!("trace_id={}", as_uuid(T))),
        (T, r#"{"traceId":"CvdlGRbNQ92ESOshHIAxnA=="}"#.to_owned()),
        (T, format!("job<{}>", u128::from_str_radix(T, 16).unwrap())),
        (zeros, format!("uber-trace-id: {}", zeros.trim_start_matches('0'))),
        (T, format!("trace_id={T}")),
        (T, format!("Root=1-{}-{};Sampled=1", &T[..8], &T[8..])),
        (T, format!("dd.trace_id={}", u128::from_str_radix(T, 16).unwrap() as u64)),
        (S, format!("traceID={S}")),
        (S, format!("traceID={S:0>32}")),
        (S, format!("Root=1-00000000-00000000{S}")),
        (S, format!("dd.trace_id={}", u64::from_str_radix(S, 16).unwrap())),
    ] {
        assert!(written(id).is_match(&text), "{text}");
    }
    assert!(!written("7").is_match("took 7 ms"));
}

fn as_uuid(hex: &str) -> String {
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[test]
fn labels_and_metadata_name_a_trace_in_the_same_ways_as_lines_are_read() {
    let low = u128::from_str_radix(T, 16).unwrap() as u64;
    let asked = named(TraceId::parse(T).unwrap());
    let matches = |matcher: &Matcher, value: &str| Regex::new(&format!("^(?:{})$", matcher.value)).unwrap().is_match(value);
    for (name, value) in [
        ("trace_id", T.to_owned()),
        ("traceID", T.to_owned()),
        ("trace_id", T.to_uppercase()),
        ("trace_id", as_uuid(T)),
        ("trace_id", "CvdlGRbNQ92ESOshHIAxnA==".to_owned()),
        ("dd_trace_id", low.to_string()),
        ("traceparent", format!("00-{T}-{S}-01")),
        ("x_amzn_trace_id", format!("Root=1-{}-{};Sampled=1", &T[..8], &T[8..])),
        ("logging_googleapis_com_trace", format!("projects/p/traces/{T}")),
    ] {
        assert!(asked.iter().any(|m| m.name == name && matches(m, &value)), "{name}={value}");
        let own = labels(&[(name, &value)]);
        let told = Told::by_metadata(&own);
        let found = find(&Patterns::default(), &told, &Told::default(), "").trace;
        assert!(found.is_some_and(|id| is_same(id, TraceId::parse(T).unwrap())), "{name}={value}: {found:?}");
    }
    assert!(asked.iter().all(|m| !matches(m, "11111111111111112222222222222222") && !matches(m, "")));
    let half = named(TraceId(low.into()));
    assert!(half.iter().any(|m| m.name == "trace_id" && matches(m, T)), "which the line of another service has in full");
    assert!(half.iter().all(|m| !matches(m, "11111111111111112222222222222222")));
}

#[test]
fn a_line_with_several_traces_offers_each_once() {
    let other = "11111111111111112222222222222222";
    let own: Patterns = [Rule { regex: Regex::new("job<(?<trace_id>\\d+)>").unwrap(), base: Base::Decimal }].into_iter().collect();
    let metadata = labels(&[("trace_id", T), ("parent_trace_id", other)]);
    let text = format!(
        r#"{{"traceId":"{T}","linked_trace_id":"33333333333333333333333333333333","dd.trace_id":"9532127138774266268","h":"00-{other}-{S}-01","j":"job<7> job<8>"}}"#
    );
    let found = find_all(&own, &metadata, &Labels::new(), &text);
    let shown: Vec<_> = found.iter().map(|f| (f.trace.unwrap().to_string(), f.span.is_some(), f.from.unwrap())).collect();
    let of = "pattern of config.toml";
    let id = |n: u8| format!("{n:032x}");
    assert_eq!(
        shown,
        [
            (id(7), false, of),
            (id(8), false, of),
            (other.to_owned(), false, "structured metadata"),
            (T.to_owned(), false, "structured metadata"),
            ("3".repeat(32), false, "JSON"),
        ]
    );
    assert_eq!(find_all(&Patterns::default(), &Labels::new(), &Labels::new(), "none"), []);
    let many: String = (1..100).map(|i| format!("trace_id={i:032x} ")).collect();
    assert_eq!(find_all(&Patterns::default(), &Labels::new(), &Labels::new(), &many).len(), MANY);
}

#[test]
fn own_patterns_read_ids_in_their_base() {
    let regex = Regex::new(r"t<(?<trace_id>\S+)> s<(?<span_id>\S+)>").unwrap();
    for (base, id, trace, span) in [
        (Base::Any, T, Some(T), Some(S)),
        (Base::Any, "CvdlGRbNQ92ESOshHIAxnA==", Some(T), Some(S)),
        (Base::Hex, T, Some(T), Some(S)),
        (Base::Hex, "CvdlGRbNQ92ESOshHIAxnA==", None, None),
        (Base::Base64, "CvdlGRbNQ92ESOshHIAxnA==", Some(T), None),
        (Base::Decimal, "9532127138774266268", Some("00000000000000008448eb211c80319c"), None),
        (Base::Decimal, "0", None, None),
        (Base::Decimal, "nine", None, None),
    ] {
        let own: Patterns = [Rule { regex: regex.clone(), base }].into_iter().collect();
        let found = find(&own, &Told::default(), &Told::default(), &format!("t<{id}> s<{S}>"));
        assert_eq!(found.trace.map(|t| t.to_string()).as_deref(), trace, "{base:?} {id}");
        assert_eq!(found.span.map(|s| s.to_string()).as_deref(), span, "{base:?} {id}");
    }
}

#[test]
fn own_patterns_are_tried_before_all_other_places() {
    let own: Patterns =
        [r"tid<(?<trace_id>\w+)(/(?<span_id>\w+))?>", "req=(?<trace_id>[0-9a-f]+)"].map(|p| Regex::new(p).unwrap()).into_iter().collect();
    let metadata = labels(&[("trace_id", "1111")]);
    let found = |text: &str| find(&own, &Told::by_metadata(&metadata), &Told::default(), text);
    let shown = |f: Found| (f.trace.map(|t| t.to_string()), f.span.map(|s| s.to_string()), f.from);
    let of = Some("pattern of config.toml");
    assert_eq!(shown(found(&format!("x tid<{T}/{S}> y"))), (Some(T.to_owned()), Some(S.to_owned()), of));
    assert_eq!(shown(found(&format!("x tid<{T}> y"))), (Some(T.to_owned()), None, of));
    assert_eq!(shown(found(&format!("tid<none> req={T}"))), (Some(T.to_owned()), None, of));
    assert_eq!(found("nothing here").from, Some("structured metadata"));
}

#[test]
fn reads_datadogs_decimal_and_64_bit_ids() {
    let none = Told::default();
    let found = find(&Patterns::default(), &none, &none, r#"{"dd.trace_id":"10467354092713013651","dd.span_id":"5"}"#);
    assert_eq!((found.trace, found.span), (Some(TraceId(10_467_354_092_713_013_651)), Some(SpanId(5))));
    assert_eq!(find(&Patterns::default(), &none, &none, "trace_id=b7ad6b7169203331").trace, Some(TraceId(0xb7ad_6b71_6920_3331)));
}

#[test]
fn is_not_fooled() {
    let none = Told::default();
    for text in [
        "Traceback (most recent call last):",
        "trace_id=00000000000000000000000000000000",
        "trace_id=",
        "trace_id=0af7",
        "trace_id=0af7651916cd43dd8448eb211c80319cff00",
        "traceId: null, x",
        "[nio-8080-exec-1] a [0af7651916cd43dd] b",
        "race condition: 0af7651916cd43dd8448eb211c80319c",
        r#"{"trace":{"sampled":true},"id":"0af7651916cd43dd8448eb211c80319c"}"#,
        r#"{"dd":{"trace_id":"0"}}"#,
        "100-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert_eq!(find(&Patterns::default(), &none, &none, text), Found::default(), "{text}");
    }
}

#[test]
fn a_line_that_is_one_endless_name_is_given_up_soon() {
    let none = Told::default();
    for syllable in ["race", "RACE", "pan", "level", "lvl"] {
        let line = format!("trace_id={T} {}", syllable.repeat(1 << 18));
        assert_eq!(find(&Patterns::default(), &none, &none, &line).span, None);
        let line = format!("{} trace_id={T} span_id={S}", syllable.repeat(1 << 18));
        let found = find(&Patterns::default(), &none, &none, &line);
        assert_eq!((found.trace.is_some(), found.span.is_some()), (true, true), "what stands beside it is found");
        assert_eq!(crate::log_fields::level::level(&none, &none, &line), Level::Unknown);
    }
    assert!(field_at(&format!("{}=x", "race".repeat(40)), 0).is_none());
}

#[test]
fn reads_ids_of_exemplars() {
    assert_eq!(loose_trace_id("1234567890abcdef"), Some(TraceId(0x1234_5678_90ab_cdef)));
    assert_eq!(loose_trace_id("W47/95gDgQPSabYzgT/GDA=="), TraceId::parse("5b8efff798038103d269b633813fc60c"));
    assert_eq!(loose_trace_id("not an id"), None);
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "(trace|span|_id|id|Id|:|=|\"|\\[|,|-|\\]|0af7651916cd43dd|00-|é|level|\\{| ){0,40}") {
        let none = Told::default();
        find(&Patterns::default(), &none, &none, &text);
    }
}
