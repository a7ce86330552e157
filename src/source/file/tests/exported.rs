use super::*;

#[tokio::test]
async fn lines_that_redline_wrote_out_are_shown_as_loki_had_them() {
    let line = |second: i64, pod: &str, line: &str| {
        let at = (START + second) * 1_000_000_000;
        let labels = serde_json::json!({"app": "shop", "pod": pod});
        let told =
            serde_json::json!({"line": line, "metadata": {"detected_level": "warn", "trace_id": "0af7651916cd43dd8448eb211c80319c"}});
        // In the order in which they are written.
        let rest = told.to_string();
        format!("{{\"time\":\"{at}\",\"labels\":{labels},{}\n", &rest[1..])
    };
    let trace = "it failed\njava.lang.IllegalStateException: no\n\tat com.shop.Pool.take(Pool.java:12)";
    let text = line(1, "a", trace) + &line(2, "b", "2020-01-01 00:00:00 a time of its own") + &line(2, "a", "{\"msg\":\"m\"}");
    let folder = Folder::new();
    let reader = Reader::new(&[folder.write("incident.jsonl", text)]).loaded().await;
    assert_eq!(reader.texts(), [trace, "2020-01-01 00:00:00 a time of its own", "{\"msg\":\"m\"}"]);
    let of = |text: &str| reader.lines.iter().find(|line| &*line.text == text).unwrap();
    assert_eq!((of(trace).at, of(trace).level), (Timestamp::from_secs(START + 1), Level::Warn));
    assert_eq!((of(trace).stream.get("pod"), of(trace).stream.get("app")), (Some("a"), Some("shop")));
    assert_eq!(of("{\"msg\":\"m\"}").stream, of(trace).stream);
    assert!(of(trace).trace.is_some_and(|id| id.to_string() == "0af7651916cd43dd8448eb211c80319c"));
}
