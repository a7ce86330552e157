//! Traces as files and servers have them, changed: whatever is in them, nothing is lost without a word, and what is read can be
//! drawn.

use proptest::prelude::*;
use prost::Message as _;
use redline::{
    model::trace::TraceId,
    source::{
        otlp,
        trace_file::{Reader, Shape, sniff},
    },
    trace::Trace,
    wire::otlp as wire,
};

use super::{
    changes::{Change, changed, changes},
    run,
};

const OTLP: [&str; 3] = [
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}},{"key":"n","value":{"kvlistValue":{"values":[{"key":"a","value":{"arrayValue":{"values":[{"doubleValue":"NaN"},{"boolValue":true}]}}}]}}}]},"scopeSpans":[{"scope":{"name":"lib"},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","name":"GET /cart","kind":2,"startTimeUnixNano":"1684778327699392724","endTimeUnixNano":1684778327799392724,"attributes":[{"key":"http.status_code","value":{"intValue":"500"}}],"events":[{"timeUnixNano":"1684778327699392799","name":"exception","attributes":[]}],"links":[{"traceId":"aa","spanId":"bb"}],"status":{"code":2,"message":"bad"}}]}]}]}"#,
    r#"{"batches":[{"instrumentationLibrarySpans":[{"spans":[{"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"7uGbfsPBsXQ=","kind":"SPAN_KIND_SERVER","status":{"code":"STATUS_CODE_ERROR"},"startTimeUnixNano":"1","endTimeUnixNano":"9"}]}],"resource":{"attributes":[]}}]}"#,
    r#"{"trace":{"resourceSpans":[{"resource":{},"scopeSpans":[{"spans":[{"traceId":"1","spanId":"eee19b7ec3c1b174","bytesValue":"x"}]}]}]},"metrics":{},"status":"PARTIAL","message":"too big"}
{"resourceLogs":[]}
{"resourceSpans":[{"resource":null,"scopeSpans":null}]}"#,
];
const JAEGER: [&str; 2] = [
    r#"{"data":[{"traceID":"5b8efff798038103d269b633813fc60c","spans":[{"traceID":"5b8efff798038103d269b633813fc60c","spanID":"eee19b7ec3c1b174","operationName":"GET","references":[{"refType":"CHILD_OF","traceID":"5b8efff798038103d269b633813fc60c","spanID":"1"},{"refType":"FOLLOWS_FROM","traceID":"aa","spanID":"2"}],"startTime":1684778327699392,"duration":557,"tags":[{"key":"span.kind","type":"string","value":"server"},{"key":"error","type":"bool","value":true},{"key":"n","type":"int64","value":"9007199254740993"},{"key":"x","type":"float64","value":0.5},{"key":"b","type":"binary","value":"AAE="}],"logs":[{"timestamp":1684778327699400,"fields":[{"key":"event","type":"string","value":"exception"}]}],"processID":"p1","warnings":["skew"]}],"processes":{"p1":{"serviceName":"cart","tags":[{"key":"host.name","type":"string","value":"h"}]}},"warnings":null}],"total":0,"errors":null}"#,
    r#"{"result":{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","kind":3}]}]}]}}"#,
];
const ZIPKIN: [&str; 1] = [
    r#"[[{"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"a2fb4a1d1a96d312","parentId":"a2fb4a1d1a96d311","kind":"CLIENT","name":"get","timestamp":1472470996199000,"duration":207000,"localEndpoint":{"serviceName":"front","ipv4":"10.0.0.1"},"remoteEndpoint":{"serviceName":"back","port":9000},"annotations":[{"timestamp":1472470996238000,"value":"ws"}],"tags":{"error":"x","n":7},"shared":true},{"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"a2fb4a1d1a96d312","kind":"SERVER"}]]"#,
];

/// Reads a text whatever it is taken for, and lays out what it has.
fn holds(shape: Shape, text: &str) -> Result<(), TestCaseError> {
    let mut reader = Reader::default();
    let read = reader.read("x", shape, text.as_bytes());
    let (traces, notes) = reader.finish();
    prop_assert_eq!(read.is_ok(), !traces.is_empty());
    prop_assert!(read.is_ok() || notes.is_empty());
    for spans in traces {
        let given = spans.spans.len();
        let trace = Trace::build(spans);
        prop_assert_eq!(trace.span_count as usize + trace.copies as usize, given);
    }
    Ok(())
}

fn on_texts(shape: Shape, texts: &'static [&'static str]) {
    let cases = (prop::sample::select(texts), changes());
    run(&cases, |(text, changes): (&str, Vec<Change>)| {
        prop_assert_eq!(sniff(text.as_bytes()), Some(shape));
        let text = changed(text, &changes, texts);
        sniff(text.as_bytes());
        holds(shape, &text)
    });
}

#[test]
fn otlp_json() {
    on_texts(Shape::Document, &OTLP);
}

#[test]
fn jaeger_json() {
    on_texts(Shape::Document, &JAEGER);
}

#[test]
fn zipkin_json() {
    on_texts(Shape::Zipkin, &ZIPKIN);
}

#[test]
fn otlp_protobuf() {
    let span = wire::Span {
        trace_id: vec![7; 16],
        span_id: vec![1; 8],
        parent_span_id: vec![2; 8],
        name: "GET".to_owned(),
        kind: 2,
        start_time_unix_nano: 5,
        end_time_unix_nano: 9,
        attributes: vec![wire::KeyValue {
            key: "k".to_owned(),
            value: Some(wire::AnyValue { value: Some(wire::any_value::Value::Int(7)) }),
        }],
        ..wire::Span::default()
    };
    let group = wire::ResourceSpans { resource: None, scope_spans: vec![wire::ScopeSpans { scope: None, spans: vec![span; 3] }] };
    let bytes = wire::TracesData { resource_spans: vec![group; 2] }.encode_to_vec();
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let cases = (prop::collection::vec(change, 0..6), any::<prop::sample::Index>(), any::<bool>());
    run(&cases, |(changes, end, cut)| {
        let mut bytes = bytes.clone();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if cut {
            bytes.truncate(end.index(bytes.len()));
        }
        if let Ok(parts) = wire::TracesParts::decode(bytes.as_slice())
            && let Ok(spans) = otlp::from_parts(TraceId(1), parts, None)
        {
            Trace::build(spans);
        }
        Ok(())
    });
}
