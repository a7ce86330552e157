//! Entries of answers and of the tail, of every age of Loki.

use super::*;

#[test]
fn entries_of_every_age_are_read() {
    let t = "0af7651916cd43dd8448eb211c80319c";
    let cases = [
        // Loki before 2.9: two elements, metadata among the labels.
        (format!(r#"[{{"stream":{{"trace_id":"{t}"}},"values":[["1569266497240578001","x"]]}}]"#), Some("stream label")),
        (
            format!(
                r#"[{{"stream":{{}},"values":[["1569266497240578001","x",{{"structuredMetadata":{{"trace_id":"{t}"}},"parsed":{{"a":"b"}}}}]]}}]"#
            ),
            Some("structured metadata"),
        ),
        (format!(r#"[{{"stream":{{}},"values":[["1569266497240578001","x",{{"trace_id":"{t}"}}]]}}]"#), Some("structured metadata")),
        (r#"[{"stream":{},"values":[["1569266497240578001","x",{}]]}]"#.to_owned(), None),
    ];
    for (streams, from) in cases {
        let line = &decoded(&streams, true)[0];
        assert_eq!((line.at, line.trace_from, &*line.text), (Timestamp(1_569_266_497_240_578_001), from, "x"), "{streams}");
        assert_eq!(line.trace, from.and_then(|_| TraceId::parse(t)));
    }
    assert!(decoded("null", false).is_empty());
}

#[test]
fn streams_are_merged_by_time_and_share_their_labels() {
    let lines = decoded(
        r#"[{"stream":{"a":"1","__stream_shard__":"0"},"values":[["3","c"],["1","a"],["1","a0"]]},{"stream":{"a":"2"},"values":[["2","b"]]}]"#,
        true,
    );
    assert_eq!(lines.iter().map(|l| &*l.text).collect::<Vec<_>>(), ["a0", "a", "b", "c"]);
    assert_eq!(lines[0].stream.to_string(), r#"{a="1"}"#);
    assert!(Arc::ptr_eq(&lines[0].stream, &lines[3].stream));
}

#[test]
fn names_may_be_left_out_when_there_are_none() {
    let names: Enveloped<wire::Names> = json::decode(Backend::Loki, "labels", br#"{"status":"success"}"#).unwrap();
    assert!(names.data.0.is_empty());
}

proptest::proptest! {
    #[test]
    fn a_broken_answer_is_an_error_never_a_panic(at in 0_usize..300, with in 0_u8..255) {
        let mut body = br#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"a":"1"},"values":[["1569266497240578001","x",{"structuredMetadata":{"trace_id":"0af7651916cd43dd8448eb211c80319c"}}]]}]}}"#.to_vec();
        let at = at % body.len();
        body[at] = with;
        if let Ok(Enveloped::<LogData> { data: LogData::Streams(s), .. }) = json::decode(Backend::Loki, "test", &body) {
            wire::lines(s, true, &mut Interner::default(), &Patterns::default());
        }
        let text = String::from_utf8_lossy(&body).replace(r#"{"status":"success","data":{"resultType":"streams","result":"#, r#"{"streams":"#);
        let cut = (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
        for text in [&text[..cut], text.strip_suffix('}').unwrap_or(&text)] {
            let _ = FrameReader::default().read(text, &Patterns::default());
        }
    }
}

#[test]
fn lines_of_the_tail_say_what_those_of_an_answer_say() {
    let streams = r#"[
        {"stream":{"app":"a","n":1,"__stream_shard__":"2"},"values":[["30","x \"y\"",{"structuredMetadata":{"detected_level":"warn"}}]]},
        {"stream":{"app":"a","n":1,"__stream_shard__":"3"},"values":[["20","level=error",{"structuredMetadata":{"detected_level":"warn"}}],["10","z"]]},
        {"stream":{"app":"a","n":1,"__stream_shard__":"2"},"values":[["40","t",{"structuredMetadata":{"trace_id":"0af7651916cd43dd8448eb211c80319c","detected_level":"info"}}]]},
        {"stream":null,"values":[["50","level=error",null],["60","u",{}]]},
        {"values":null}
    ]"#;
    let body = format!(r#"{{"status":"success","data":{{"resultType":"streams","result":{streams}}}}}"#);
    let Ok(Enveloped::<LogData> { data: LogData::Streams(answer), .. }) = json::decode(Backend::Loki, "test", body.as_bytes()) else {
        panic!()
    };
    let answered = wire::lines(answer, false, &mut Interner::default(), &Patterns::default());
    let message = format!(r#"{{"streams":{streams}}}"#);
    let mut reader = FrameReader::default();
    for _ in 0..2 {
        assert_eq!(reader.read(&message, &Patterns::default()).unwrap().0, answered);
    }
    assert_eq!(answered.len(), 6);
    assert!(answered[3].trace.is_some() && Arc::ptr_eq(&answered[1].stream, &answered[2].stream), "{answered:?}");
}
