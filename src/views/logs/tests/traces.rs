//! The ways from a line to traces.

use super::*;
use crate::log_fields::trace_id::{Base, Rule};

#[test]
fn the_line_of_a_trace_opens_its_waterfall_with_the_span() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "started"), traced(2, 9)]);
    let text = page.screen();
    assert!(text.contains("ERROR") && text.contains("timeout acquiring connection from pool   pool=orders wait_ms=8000"), "{text}");
    assert!(text.lines().any(|l| l.contains("timeout") && l.contains('◆')), "{text}");
    assert!(text.contains("from structured metadata"), "{text}");
    let acts = page.press(Command::Drill);
    let [Act::Push(ViewKind::Waterfall, pushed)] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!((pushed.trace, pushed.span, pushed.service.as_deref()), (Some(TraceId(7)), Some(SpanId(9)), Some("orders")));
    assert_eq!(pushed.trace_near.map(|near| near.start), Some(page.view.line().unwrap().id.at));
    page.tell(0, LogEvent::Lines(numbered(100..200)));
    assert_eq!(page.view.line().unwrap().span, Some(SpanId(9)), "Esc comes back to this line");
}

#[test]
fn logs_of_a_span_ask_metadata_and_text_and_select_the_spans_first_line() {
    let range = TimeRange::new(Timestamp::from_secs(START), Timestamp::from_secs(START + 100));
    let scope = scope().with_trace(TraceId(7), Some(SpanId(9))).with_window(TimeWindow::Fixed(range));
    let mut page = Page::new(scope, BIG);
    assert_eq!(page.queries().len(), 2);
    assert!(page.queries()[0].contains(r#" | trace_id=~"[0-9a-f]*0000000000000007|"#), "{}", page.queries()[0]);
    assert!(page.queries()[1].contains(r#"|~ "(?i:0000000000000007|1-00000000-000000000000000000000007|"#), "{}", page.queries()[1]);
    page.history(vec![traced(1, 8), traced(2, 9), traced(4, 8)]);
    page.tell(1, LogEvent::History { lines: vec![traced(2, 9), traced(3, 9)], reached: Timestamp::ZERO, older: Older::Nothing });
    assert_eq!(page.view.store.len(), 4, "lines of both are there once");
    assert_eq!(page.view.line().unwrap().id.at, Timestamp::from_secs(START + 2));
}

#[test]
fn a_line_of_several_traces_offers_them() {
    let other = "5b8efff798038103d269b633813fc60c";
    let mut page = Page::new(scope(), BIG);
    let text = format!("batch done trace_id={TRACE} linked_trace_id={other} md5=d41d8cd98f00b204e9800998ecf8427e");
    page.history(vec![LogLine { text: text.into(), ..of_trace(1) }]);
    let acts = page.press(Command::Drill);
    let [Act::Choose(_, rows)] = acts.as_slice() else { panic!("{acts:?}") };
    let ids: Vec<(&str, &str)> = rows.iter().map(|(id, from, _)| (id.as_str(), from.as_str())).collect();
    assert_eq!(ids, [(TRACE, "structured metadata"), (other, "linked_trace_id")]);
    let spans: Vec<_> = rows.iter().map(|(_, _, act)| if let Act::Push(_, scope) = act { scope.span } else { panic!("{act:?}") }).collect();
    assert_eq!(spans, [Some(SpanId(4)), None], "the span is one of its own trace");
}

#[test]
fn traces_of_a_line_are_found_in_any_form_and_by_own_patterns() {
    let mut page = Page::new(scope(), BIG);
    let own = regex::Regex::new(r"job<(?<trace_id>\d+)>").unwrap();
    page.shared.settings.trace_ids = [Rule { regex: own, base: Base::Decimal }].into_iter().collect();
    let text = format!(
        r#"{{"dd":{{"trace_id":"7"}},"h":"Root=1-{}-{}","x-amzn-trace-id":"1-{}-{}","m":"job<9>"}}"#,
        "1".repeat(8),
        "1".repeat(24),
        "2".repeat(8),
        "2".repeat(24)
    );
    page.history(vec![LogLine { text: text.into(), ..of_trace(1) }]);
    let acts = page.press(Command::Drill);
    let [Act::Choose(_, rows)] = acts.as_slice() else { panic!("{acts:?}") };
    let ids: Vec<&str> = rows.iter().map(|(id, _, _)| id.as_str()).collect();
    assert_eq!(ids, [TRACE, &format!("{:032x}", 9), &format!("{:032x}", 7), &"2".repeat(32)]);
}

#[test]
fn a_line_without_a_trace_offers_the_traces_about_its_time() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(100, Level::Info, "bare")]);
    page.press(Command::Drill);
    assert!(page.screen().contains("traces of orders within 2 s"), "{}", page.screen());
    let acts = page.press(Command::Drill);
    let [Act::Traces(to)] = acts.as_slice() else { panic!("{acts:?}") };
    let TimeWindow::Fixed(range) = to.window else { panic!("{to:?}") };
    assert_eq!((range.duration(), to.service.as_deref()), (Duration::from_secs(4), Some("orders")));
    assert!(range.contains(Timestamp::from_secs(START + 100)));
}

#[test]
fn a_page_of_a_traces_lines_is_named_by_the_trace_and_its_query_is_kept() {
    let id = TraceId(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    let mut page = Page::new(scope().with_trace(id, None), (200, 30));
    page.history(vec![line(1, Level::Info, "x")]);
    assert!(page.title().contains("trace 0af7…319c ── 1 line") && !page.title().contains("service_name"), "{}", page.title());
    let yanks = page.view.yanks(&look(&page.shared, &page.scope, now()));
    assert!(yanks.iter().any(|y| y.label == "query" && y.text.contains("0af7651916cd43dd8448eb211c80319c")), "{yanks:?}");
    let seed = Seed {
        query: r#"{app="x"} |~ "0af7""#.to_owned(),
        trace: Some(id),
        kind: crate::views::logs::follow::SeedKind::Value,
        ..Seed::default()
    };
    page.view = Logs::seeded(seed, &page.scope, now());
    page.history(vec![line(1, Level::Info, "x")]);
    assert!(page.title().contains("trace 0af7…319c ── 1 line"), "{}", page.title());
}
