use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use super::*;
use crate::model::{
    time::{TimeRange, Timestamp},
    trace::{SpanId, TraceHit, TraceId},
    trace_source::PlainQuery,
};

const SECOND: i64 = 1_000_000_000;

/// One span of OTLP's.
fn span(trace: u128, id: u64, start_s: i64, more: &str) -> String {
    let (start, end) = (start_s * SECOND, (start_s + 2) * SECOND);
    format!(
        r#"{{"traceId":"{trace:032x}","spanId":"{id:016x}","name":"n{id}","startTimeUnixNano":"{start}","endTimeUnixNano":{end}{more}}}"#
    )
}

fn group(service: &str, spans: &[String]) -> String {
    format!(
        r#"{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"spans":[{}]}}]}}"#,
        spans.join(",")
    )
}

fn document(groups: &[String]) -> String {
    format!(r#"{{"resourceSpans":[{}]}}"#, groups.join(","))
}

fn read(text: &str) -> (Vec<Spans>, Vec<String>) {
    let shape = sniff(text.as_bytes()).expect("it is a trace");
    let mut reader = Reader::default();
    reader.read("x.json", shape, text.as_bytes()).unwrap();
    reader.finish()
}

fn names(spans: &Spans) -> Vec<&str> {
    spans.spans.iter().map(|s| s.name.as_str()).collect()
}

#[test]
fn spans_of_a_collectors_file_are_put_to_their_traces() {
    let lines = [
        r#"{"resourceLogs":[{"a":1}]}"#.to_owned(),
        document(&[group("a", &[span(1, 1, 10, ""), span(2, 2, 10, "")]), group("b", &[span(1, 3, 11, "")])]),
        r#"{"resourceMetrics":[]}"#.to_owned(),
        document(&[group("a", &[span(2, 4, 12, ",\"status\":{\"code\":2}")])]),
    ];
    let (traces, notes) = read(&lines.join("\n"));
    assert_eq!(notes, [""; 0]);
    assert_eq!(traces.iter().map(names).collect::<Vec<_>>(), [["n1", "n3"], ["n2", "n4"]]);
    let services = |t: &Spans| t.spans.iter().map(|s| t.resources[s.resource as usize].service.to_string()).collect::<Vec<_>>();
    assert_eq!((services(&traces[0]), services(&traces[1])), (vec!["a".into(), "b".into()], vec!["a".to_owned(), "a".to_owned()]));
    assert!(traces[1].spans[1].error);
}

#[test]
fn resources_of_many_traces_are_kept_once() {
    let one = |trace: u128| document(&[group("a", &[span(trace, 1, 10, "")]), group("b", &[span(trace, 2, 10, "")])]);
    let (traces, _) = read(&[one(1), one(2), one(3)].join("\n"));
    let of = |t: &Spans, service: &str| t.resources.iter().find(|r| r.service == service).unwrap().attributes.clone();
    for service in ["a", "b"] {
        assert!(traces.windows(2).all(|t| of(&t[0], service).is_same(&of(&t[1], service))), "{service}");
    }
    assert!(traces.iter().all(|t| t.resources.len() == 2));
}

#[test]
fn a_resource_behind_its_spans_is_theirs() {
    let text = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}],"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"late"}}}}]}}}}]}}"#,
        span(1, 1, 10, "")
    );
    let (traces, _) = read(&text);
    assert_eq!(traces[0].resources[traces[0].spans[0].resource as usize].service, "late");
}

#[test]
fn zipkins_lists_are_read() {
    let text = r#"[[
      {"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"a2fb4a1d1a96d312","kind":"CLIENT","name":"get /api","timestamp":1472470996199000,"duration":207000,
       "localEndpoint":{"serviceName":"frontend","ipv4":"10.0.0.1"},"remoteEndpoint":{"serviceName":"backend","ipv4":"10.0.0.2","port":9000},
       "annotations":[{"timestamp":1472470996238000,"value":"ws"}],"tags":{"http.path":"/api","error":"timed out"}},
      {"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"a2fb4a1d1a96d312","kind":"SERVER","shared":true,"name":"get","localEndpoint":{"serviceName":"backend"}}
    ]]"#;
    let (traces, notes) = read(text);
    assert_eq!((traces.len(), notes.len()), (1, 0));
    let first = &traces[0].spans[0];
    assert_eq!(
        (first.id, first.start, first.end),
        (SpanId(0xa2fb_4a1d_1a96_d312), Timestamp(1_472_470_996_199_000_000), Timestamp(1_472_470_996_406_000_000))
    );
    assert_eq!((first.error, first.status_message(), first.events()[0].name.as_str()), (true, "timed out", "ws"));
    let attributes: Vec<String> = first.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(attributes, ["peer.service=backend", "network.peer.address=10.0.0.2", "network.peer.port=9000", "http.path=/api"]);
    let trace = crate::trace::Trace::build(traces.into_iter().next().unwrap());
    assert_eq!(trace.nodes[1].depth, 1, "the server's span of a call is below the client's of the same id");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_the_rest_is_shown() {
    let good = |n: u64| document(&[group("a", &[span(1, n, 10, "")])]);
    let lines = [good(1), r#"{"resourceSpans":[{"scopeSpans":7}]}"#.to_owned(), good(2), r#"{"resourceSpans":nope}"#.to_owned(), good(3)];
    let (traces, notes) = read(&lines.join("\n"));
    assert_eq!(names(&traces[0]), ["n1", "n2", "n3"]);
    let byte = lines[0].len() + 1 + r#"{"resourceSpans":[{"scopeSpans":7"#.len();
    assert!(notes[0].starts_with(&format!("x.json: line 2, byte {byte} cannot be read: invalid type: integer `7`")), "{notes:?}");
    assert!(notes[0].ends_with("and 1 others") && traces[0].partial.as_deref() == Some(&notes[0]), "{notes:?}");

    let whole = document(&[group("a", &[span(1, 1, 10, "")]), group("b", &[span(1, 2, 10, "")])]);
    let (traces, notes) = read(&whole[..whole.len() - 40]);
    assert_eq!(names(&traces[0]), ["n1"]);
    assert_eq!(notes, [format!("x.json: it ends in the middle, on line 1, byte {}", whole.len() - 40)]);
}

#[test]
fn what_there_is_no_room_for_is_told() {
    let text = document(&[group("a", &[span(1, 1, 10, ""), span(1, 2, 10, ""), span(1, 3, 10, "")])]);
    let mut reader = Reader::within(2, 1 << 20);
    reader.read("x.json", Shape::Document, text.as_bytes()).unwrap();
    let (traces, notes) = reader.finish();
    assert_eq!((names(&traces[0]), notes), (vec!["n1", "n2"], vec!["x.json: 1 span left out: there is room for 2".to_owned()]));
    let mut reader = Reader::within(10, text.len() as u64 - 60);
    reader.read("x.json", Shape::Document, text.as_bytes()).unwrap();
    assert!(reader.finish().1[0].starts_with("x.json: only its first "));
}

#[test]
fn a_file_without_a_span_is_an_error_that_says_so() {
    for (text, why) in [
        (r#"{"trace":{},"metrics":{}}"#, "no spans"),
        (r#"{"resourceSpans":[]}"#, "no spans"),
        (r#"{"data":[],"total":0,"limit":0,"offset":0,"errors":null}"#, "no spans"),
        (r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"0000000000000001"}]}]}]}"#, "1 span without a trace id"),
    ] {
        let told = Reader::default().read("x", sniff(text.as_bytes()).unwrap(), text.as_bytes()).unwrap_err();
        assert!(told.starts_with("x is a trace without anything to show") && told.contains(why), "{told}");
    }
}

#[test]
fn compressed_files_are_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let text = document(&[group("a", &[span(1, 1, 10, "")])]);
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let path = folder.path().join("trace.json.gz");
    std::fs::write(&path, gz.finish().unwrap()).unwrap();
    let Looked::Trace(shape, from) = look(&path, Expected::TracesOrLines, || unreachable!()).unwrap() else { panic!("it is a trace") };
    let mut reader = Reader::default();
    reader.read("x", shape, from).unwrap();
    assert_eq!(reader.finish().0.len(), 1);
    std::fs::write(&path, "{\"msg\":\"x\"}\n").unwrap();
    assert!(matches!(look(&path, Expected::TracesOrLines, || unreachable!()).unwrap(), Looked::Other(head) if head.is_empty()));
}

#[test]
fn a_named_pipe_is_read_like_a_file_where_nothing_but_a_trace_is_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
    assert!(matches!(look(&path, Expected::TracesOrLines, || ()).unwrap(), Looked::Other(head) if head.is_empty()));
    let text = document(&[group("a", &[span(1, 1, 10, ""), span(1, 2, 10, "")])]);
    // Somebody writes once it is said that this is waited for.
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn({
        let path = path.clone();
        move || {
            told.recv().unwrap();
            let mut pipe = std::fs::OpenOptions::new().write(true).open(path).unwrap();
            let (first, second) = text.split_at(40);
            pipe.write_all(first.as_bytes()).and_then(|()| pipe.write_all(second.as_bytes())).unwrap();
        }
    });
    let Looked::Trace(shape, from) = look(&path, Expected::Traces, || tell.send(()).unwrap()).unwrap() else { panic!("it is a trace") };
    let mut reader = Reader::default();
    reader.read("pipe", shape, from).unwrap();
    writer.join().unwrap();
    assert_eq!(reader.finish().0.iter().map(|t| t.spans.len()).collect::<Vec<_>>(), [2]);
}

#[test]
fn traces_of_files_are_looked_for_by_what_a_scope_says() {
    let tag = r#","attributes":[{"key":"http.route","value":{"stringValue":"/pay"}}]"#;
    let text = document(&[
        group("cart", &[span(1, 1, 10, tag), span(2, 2, 20, ",\"status\":{\"code\":2}")]),
        group("pay", &[span(1, 3, 11, ",\"parentSpanId\":\"0000000000000001\""), span(3, 4, 30, "")]),
    ]);
    let mut reader = Reader::default();
    reader.read("x", Shape::Document, text.as_bytes()).unwrap();
    let (files, _) = TraceFiles::new(vec!["x".into()], reader, &[]);
    let everything = TimeRange { start: Timestamp(0), end: Timestamp::LATEST };
    let found = |query: PlainQuery, range| files.search(&query, range, 10).hits.iter().map(|h| h.trace.0).collect::<Vec<_>>();
    assert_eq!(found(PlainQuery::default(), everything), [3, 2, 1], "the newest first");
    assert_eq!(found(PlainQuery::default(), TimeRange { start: Timestamp(13 * SECOND), end: Timestamp(21 * SECOND) }), [2, 1]);
    assert_eq!(found(PlainQuery { service: Some("pay".into()), ..PlainQuery::default() }, everything), [3, 1]);
    assert_eq!(found(PlainQuery { failed: true, ..PlainQuery::default() }, everything), [2]);
    assert_eq!(found(PlainQuery { tags: vec![("http.route".into(), "/pay".into())], ..PlainQuery::default() }, everything), [1]);
    let longer = |seconds| PlainQuery { longer_than: Some(std::time::Duration::from_secs(seconds)), ..PlainQuery::default() };
    assert_eq!((found(longer(1), everything).len(), found(longer(2), everything).len()), (3, 0));
    let hit: &TraceHit = files.all().iter().find(|h| h.trace == TraceId(1)).unwrap();
    assert_eq!((hit.root_service.as_deref(), hit.root_name.as_deref(), hit.duration_ns), (Some("cart"), Some("n1"), 3 * SECOND));
    assert_eq!((hit.span_count, hit.error_count, files.only()), (Some(2), Some(0), None));
    let trace = files.trace(TraceId(1)).unwrap();
    assert_eq!((trace.span_count, files.trace(TraceId(9)).is_none()), (2, true));
    assert_eq!(found(PlainQuery { service: Some("pay".into()), ..PlainQuery::default() }, everything), [3, 1], "opened or not");
}
