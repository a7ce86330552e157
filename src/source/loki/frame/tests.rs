use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What a message says when it is read as an answer is.
fn as_an_answer(text: &str) -> Option<Message> {
    let Frame { streams, dropped_entries } = serde_json::from_str(text).ok()?;
    Some((wire::lines(streams, false, &mut Interner::default(), &Patterns::default()), dropped_entries.len() as u64))
}

fn in_one_pass(text: &str) -> Option<Message> {
    let mut reader = FrameReader::default();
    let first = reader.in_one_pass(text, &Patterns::default());
    assert_eq!(reader.in_one_pass(text, &Patterns::default()), first, "what was read before is not read otherwise: {text}");
    first
}

#[test]
fn what_loki_writes_is_read_in_one_pass() {
    const ID: &str = "0af7651916cd43dd8448eb211c80319c";
    for (text, lines) in [
        (json!({"streams": [{"stream": {"a": "1"}, "values": [["2", "x \"y\" \\ / \n\t\u{8}\u{c}\r\u{1}\u{e9}"], ["1", ""]]}]}), 2),
        (
            json!({"streams": [
                {"stream": {"a": "{}}", "b": "\"}"}, "values": [["1", "x", {"structuredMetadata": {"trace_id": ID, "b": "}\""}}]]},
                {"stream": {"a": "{}}", "b": "\"}"}, "values": [["1", "x", {"structuredMetadata": {"trace_id": ID}, "parsed": {"c": "1"}}]]},
            ]}),
            2,
        ),
    ] {
        let text = text.to_string();
        let told = in_one_pass(&text).unwrap();
        assert_eq!((told.0.len(), told.1), (lines, 0), "{text}");
        assert_eq!(Some(told), as_an_answer(&text), "{text}");
    }
    let dropped = r#"{"streams":[{"stream":{},"values":[["1","x",{}]]}],"dropped_entries":[{"labels":{}},{}],"more":1}"#;
    assert_eq!(in_one_pass(dropped).map(|(lines, dropped)| (lines.len(), dropped)), Some((1, 2)));
    let flags = r#"{"streams":[{"stream":{"a":"1"},"values":[["1","\u003cb\u003e \/"]]}],"encodingFlags":["categorize-labels"]}"#;
    assert_eq!(&*in_one_pass(flags).unwrap().0[0].text, "<b> /");
}

#[test]
fn what_is_written_in_another_way_is_read_as_well() {
    for (text, lines) in [
        (r#"{ "streams": [ {"stream": {"a": "1"}, "values": [ ["1", "x"] ] } ] }"#, 1),
        (r#"{"dropped_entries":null,"streams":[{"values":[["1","x",null,5]],"stream":{"a":1}}]}"#, 1),
        (r#"{"streams":[{"stream":{},"values":[[1,"\ud83d\ude00"]]},{"stream":null,"values":null}]}"#, 1),
        (r#"{"streams":[]}"#, 0),
        ("{}", 0),
    ] {
        assert_eq!(in_one_pass(text), None, "{text}");
        let told = FrameReader::default().read(text, &Patterns::default()).unwrap();
        assert_eq!(told.0.len(), lines, "{text}");
    }
    for wrong in [
        "",
        "[3]",
        r#"{"streams":[{"stream":[],"values":[["1","x"]]}]}"#,
        r#"{"streams":[{"stream":{},"values":[["1","x",3]]}]}"#,
        r#"{"streams":[{"stream":{},"values":[["1","x"]]}],}"#,
        r#"{"streams":[{"stream":{},"values":[["1","x"]]}]}}"#,
        r#"{"streams":[{"stream":{},"values":[["1","x"]]}],"streams":[]}"#,
        r#"{"streams":[{"stream":{},"values":[["1","\x"]]}]}"#,
        "{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"a\tb\"]]}]}",
        r#"{"streams":[{"stream":}{,"values":[["1","x"]]}]}"#,
    ] {
        assert!(FrameReader::default().read(wrong, &Patterns::default()).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn one_pass_says_what_an_answer_would(
        texts in prop::collection::vec("([a-z]{0,9}|\"|\\\\|/|\n|\u{1}|\u{7f}|é|😀|level=error ){0,12}", 1..4),
        labels in prop::collection::vec(("[ab]", "[{}\"\\\\x]{0,4}"), 0..3),
        metadata in prop::collection::vec(("[ab]", "[{}\"\\\\x]{0,4}"), 0..3),
        at in any::<usize>(),
        with in proptest::option::of("[\\x00-\\x7fé]"),
    ) {
        let object = |pairs: &[(String, String)]| serde_json::Value::Object(pairs.iter().map(|(n, v)| (n.clone(), json!(v))).collect());
        let values: Vec<_> = (0..).zip(&texts).map(|(i, text): (i64, _)| match i % 2 {
            0 => json!([(9 - i).to_string(), text]),
            _ => json!([(9 - i).to_string(), text, {"structuredMetadata": object(&metadata)}]),
        }).collect();
        let stream = json!({"stream": object(&labels), "values": values});
        let mut text = json!({"streams": [stream.clone(), stream]}).to_string();
        prop_assert_eq!(in_one_pass(&text), as_an_answer(&text));
        prop_assert!(in_one_pass(&text).is_some());
        if let Some(with) = with {
            let at = at % text.len();
            let at = (0..=at).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
            let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
            text.replace_range(at..end, &with);
            let told = in_one_pass(&text);
            prop_assert!(told.is_none() || told == as_an_answer(&text), "{}", text);
        }
    }
}
