//! The detail of a span, what its values lead to, and lines of the logs.

use super::*;
use crate::{
    core::{effect::Effect, request::Subscription},
    model::{
        labels::{MatchOp, Matcher},
        log::{Level, LogEvent, LogLine, Older},
        log_labels::{LogLabels, ServiceLabel},
        trace::SpanLink,
    },
};

const JAVA: &str = "java.lang.IllegalStateException: pool is empty\n\tat com.zaxxer.hikari.pool.HikariPool.a(HikariPool.java:1)\n\tat com.zaxxer.hikari.pool.HikariPool.b(HikariPool.java:2)\n\tat com.zaxxer.hikari.pool.HikariPool.c(HikariPool.java:3)\n\tat com.shop.Orders.insert(Orders.java:57)";

/// One span with attributes of every group, a link and an exception.
pub(super) fn rich() -> Arc<Trace> {
    let text = |s: &str| Value::Text(s.into());
    let exception =
        SpanEvent { at: Timestamp(START + 5 * MS), name: "exception".into(), attributes: [("exception.stacktrace", text(JAVA))].into() };
    let link = SpanLink { trace: TraceId(0xdef), span: Some(SpanId(9)), attributes: Default::default() };
    let attributes = [
        ("db.system", text("postgresql")),
        ("http.request.method", text("POST")),
        ("http.response.status_code", Value::Int(500)),
        ("order.id", text("42")),
    ];
    let spans = vec![Span {
        attributes: attributes.into(),
        rare: Rare::of("", vec![exception], vec![link]),
        ..span(1, 0, 0, "POST /orders", 0, 10)
    }];
    let attributes = [("k8s.pod.name", text("orders-1")), ("service.version", text("1.42.0"))];
    let resources = vec![Resource { service: "orders".into(), attributes: attributes.into() }];
    Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }))
}

pub(super) fn rich_page() -> (Waterfall, Scope) {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(rich()));
    press(&mut view, &scope, BIG, Command::NextPane);
    (view, scope)
}

/// Moves to the entry of a name.
pub(super) fn go_to(view: &mut Waterfall, scope: &Scope, name: &str) {
    press(view, scope, BIG, Command::Top);
    for _ in 0..60 {
        let shared = test_shared();
        let items = view.details(&look(&shared, scope, now()));
        let area = Rect::new(0, 0, BIG.0, BIG.1);
        let at = view.pane.item(&items, view.places(area).sheet).unwrap();
        if at.label == name {
            return;
        }
        press(view, scope, BIG, Command::Down);
    }
    panic!("no {name} on\n{}", screen(view, scope, BIG));
}

#[test]
fn attributes_are_grouped_and_groups_fold() {
    let (mut view, scope) = rich_page();
    press(&mut view, &scope, BIG, Command::FullScreen);
    let text = screen(&view, &scope, BIG);
    for part in ["▾ http", "▾ db", "▾ attributes", "▾ k8s", "▾ service", "▾ times", "exception +5.0 ms", "order.id", "orders-1"]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    go_to(&mut view, &scope, "db.system");
    press(&mut view, &scope, BIG, Command::Fold);
    let folded = screen(&view, &scope, BIG);
    assert!(folded.contains("▸ db") && !folded.contains("postgresql"), "{folded}");
    press(&mut view, &scope, BIG, Command::Unfold);
    assert!(screen(&view, &scope, BIG).contains("postgresql"));
}

#[test]
fn a_stack_trace_shows_own_frames_until_it_is_opened() {
    let (mut view, scope) = rich_page();
    press(&mut view, &scope, BIG, Command::FullScreen);
    let text = screen(&view, &scope, BIG);
    assert!(text.contains("Orders.insert") && text.contains("3 frames of libraries") && !text.contains("HikariPool.b"), "{text}");
    go_to(&mut view, &scope, "stack trace");
    press(&mut view, &scope, BIG, Command::Unfold);
    assert!(screen(&view, &scope, BIG).contains("HikariPool.b"));
    press(&mut view, &scope, BIG, Command::Fold);
    assert!(!screen(&view, &scope, BIG).contains("HikariPool.b"));
}

#[test]
fn the_line_of_a_stack_trace_that_is_selected_is_copied_at_any_width() {
    for size in [(200, 50), (120, 30), (44, 24)] {
        let scope = scope(None);
        let (mut view, _) = answered(&scope, size, Ok(rich()));
        press(&mut view, &scope, size, Command::NextPane);
        press(&mut view, &scope, size, Command::FullScreen);
        let shared = test_shared();
        let mut at = |command| {
            press(&mut view, &scope, size, command);
            let items = view.details(&look(&shared, &scope, now()));
            let sheet = view.places(Rect::new(0, 0, size.0, size.1)).sheet;
            let text = view.pane.item(&items, sheet).unwrap().text.clone();
            let text = if text.is_empty() { None } else { Some(text) };
            (text, view.yanks(&look(&shared, &scope, now()))[0].text.clone())
        };
        let mut seen = false;
        for _ in 0..60 {
            let (selected, copied) = at(Command::Down);
            seen |= copied.contains("Orders.insert");
            assert!(selected.is_none_or(|selected| selected == copied), "{copied} at {size:?}");
        }
        assert!(seen, "{size:?}");
    }
}

#[test]
fn a_link_opens_its_trace_and_a_value_becomes_a_search_a_filter_or_a_copy() {
    let (mut view, scope) = rich_page();
    go_to(&mut view, &scope, "link");
    let acts = press(&mut view, &scope, BIG, Command::Drill);
    let [Act::Push(ViewKind::Waterfall, pushed)] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!((pushed.trace, pushed.span), (Some(TraceId(0xdef)), Some(SpanId(9))));
    assert_eq!(press(&mut view, &scope, BIG, Command::ShowLink), acts, "and by its own key");
    go_to(&mut view, &scope, "http.response.status_code");
    let acts = press(&mut view, &scope, BIG, Command::Drill);
    let [Act::Choose(_, rows)] = acts.as_slice() else { panic!("{acts:?}") };
    let texts: Vec<&str> = rows.iter().map(|(_, text, _)| text.as_str()).collect();
    assert_eq!(
        texts,
        [
            r#"{ resource.service.name = "orders" && span.http.response.status_code = 500 }"#,
            "{ span.http.response.status_code = 500 }",
            "500"
        ],
        "a number is no text that a scope is filtered by"
    );
    assert!(matches!(&rows[0].2, Act::Search(_, scope) if scope.trace.is_none() && scope.service.as_deref() == Some("orders")));
    assert_eq!(rows[2].2, Act::Effect(Effect::Copy("500".to_owned())));
    go_to(&mut view, &scope, "db.system");
    let acts = press(&mut view, &scope, BIG, Command::Exclude);
    let Some(Act::Rescope(narrowed)) = acts.iter().find(|act| matches!(act, Act::Rescope(_))) else { panic!("{acts:?}") };
    assert_eq!(narrowed.matchers, [Matcher::new("span.db.system", MatchOp::NotEqual, "postgresql")]);
    let shared = test_shared();
    let yanks = view.yanks(&look(&shared, &scope, now()));
    assert_eq!((yanks[0].text.as_str(), yanks[1].text.as_str()), ("postgresql", r#"{ span.db.system = "postgresql" }"#));
}

#[test]
fn the_detail_is_filtered_as_it_is_typed() {
    let (mut view, scope) = rich_page();
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "pod");
    let text = screen(&view, &scope, BIG);
    assert!(text.contains("orders-1") && text.contains("▾ k8s") && !text.contains("postgresql") && !text.contains("▾ db"), "{text}");
    let shared = test_shared();
    with(&look(&shared, &scope, now()), BIG, |cx| view.type_key(cx, KeyEvent::from(KeyCode::Esc)));
    assert!(screen(&view, &scope, BIG).contains("postgresql"));
}

pub(super) fn line(at_ms: i64, service: &str, span: Option<u64>, text: &str) -> LogLine {
    LogLine {
        at: Timestamp(START + at_ms * MS),
        stream: Arc::new([("app", service)].into_iter().collect()),
        text: text.into(),
        level: Level::Error,
        trace: Some(TraceId(0xabc)),
        span: span.map(SpanId),
        ..LogLine::default()
    }
}

#[test]
fn lines_of_the_logs_stand_at_their_times_below_their_spans() {
    let scope = scope(None);
    let mut shared = test_shared();
    let service = ServiceLabel::new("app", vec!["orders".into(), "inventory".into()], &Arc::default());
    shared.log_labels.settle(Timestamp::ZERO, Ok(Arc::new(LogLabels::new(vec![service], Vec::new()))));
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    let before = draw(&view, &look(&shared, &scope, now()), BIG.0, BIG.1);
    with(&look(&shared, &scope, now()), BIG, |cx| view.command(cx, Command::TraceLines));
    assert!(view.wants().log_labels);
    let lines = vec![
        line(8031, "orders", Some(4), "msg=\"no connection\""),
        line(10, "inventory", None, "reserved"),
        line(8400, "elsewhere", None, "whose"),
    ];
    let answer = |need: &Subscription| match &need.request {
        Request::LogStream { query, .. } => {
            assert!(query.contains("00000000000000000000000000000abc"), "{query}");
            let reached = Timestamp(START);
            Some(Ok(Response::Log(vec![LogEvent::History { lines: lines.clone(), reached, older: Older::Nothing }])))
        }
        _ => None,
    };
    crate::app::testing::feed(&mut view, &look(&shared, &scope, now()), BIG, answer);
    let text = draw(&view, &look(&shared, &scope, now()), BIG.0, BIG.1);
    let place = |what: &str| text.lines().position(|l| l.contains(what)).unwrap_or_else(|| panic!("no {what} in\n{text}"));
    assert!(place("pool.acquire") < place("no connection") && place("no connection") < place("release"), "{text}");
    assert_eq!(place("reserved"), place("inventory reserve") + 1, "by its service and time: {text}");
    assert!(place("whose") > place("release"), "of no span that is known: below the root, by time: {text}");
    assert!(text.contains("3 log lines") && text.contains('●'), "{text}");
    // Its own detail, and all is gone again at the key.
    with(&look(&shared, &scope, now()), BIG, |cx| view.command(cx, Command::TraceLines));
    assert_eq!(draw(&view, &look(&shared, &scope, now()), BIG.0, BIG.1), before);
}

#[test]
fn the_cursor_passes_events_whose_attributes_have_the_same_names() {
    let event = |ms: i64| SpanEvent {
        at: Timestamp(START + ms * MS),
        name: "message".into(),
        attributes: [("message.type", Value::Text("SENT".into())), ("message.id", Value::Int(ms))].into(),
    };
    let spans = vec![Span { rare: Rare::of("", vec![event(1), event(2), event(3)], Vec::new()), ..span(1, 0, 0, "stream", 0, 10) }];
    let resources = vec![Resource { service: "orders".into(), attributes: Default::default() }];
    let trace = Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None });
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(Arc::new(trace)));
    press(&mut view, &scope, BIG, Command::NextPane);
    go_to(&mut view, &scope, "trace");
}

#[test]
fn what_an_exception_says_can_be_searched_for() {
    let scope = scope(Some(4));
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    press(&mut view, &scope, BIG, Command::NextPane);
    go_to(&mut view, &scope, "exception.message");
    let acts = press(&mut view, &scope, BIG, Command::Drill);
    let [Act::Choose(_, rows)] = acts.as_slice() else { panic!("{acts:?}") };
    assert!(rows.iter().any(|(_, text, _)| text == r#"{ event.exception.message = "no connection" }"#), "{rows:?}");
    let acts = press(&mut view, &scope, BIG, Command::Include);
    assert!(acts.iter().all(|act| !matches!(act, Act::Rescope(_))), "no view is filtered by what happened in a span: {acts:?}");
}

#[test]
fn what_is_said_of_a_span_and_of_repeated_ones_is_whole_on_a_small_screen() {
    let (scope, small) = (scope(None), (80, 21));
    let (mut view, _) = answered(&scope, small, Ok(super::tree::repeated()));
    press(&mut view, &scope, small, Command::NextPane);
    let text = screen(&view, &scope, small);
    for part in ["took 200 ms", "5.0 % of the critical path, 100 % with its calls", "2023-11-14 22:13:20.000", "▾ times"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    press(&mut view, &scope, small, Command::Back);
    (0..2).for_each(|_| _ = press(&mut view, &scope, small, Command::Down));
    press(&mut view, &scope, small, Command::NextPane);
    let text = screen(&view, &scope, small);
    for part in ["10 spans alike of cart cart", "total 45 ms", "p50 ", "max 9.0 ms", "1 error", "% of the critical path"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

#[test]
fn nothing_is_not_copied() {
    let (mut view, scope) = rich_page();
    go_to(&mut view, &scope, "http");
    let yanks = view.yanks(&look(&test_shared(), &scope, now()));
    assert!(yanks.iter().all(|yank| !yank.text.is_empty()), "{yanks:?}");
}

#[test]
fn the_message_of_a_stack_trace_is_whole_also_where_it_ends_in_pairs() {
    let stack = "a.PoolException: no connection after 8000ms (total=2, active=2, idle=0)\n\tat com.shop.Orders.insert(Orders.java:57)";
    let attributes = [("exception.stacktrace", Value::Text(stack.into()))].into();
    let exception = SpanEvent { at: Timestamp(START), name: "exception".into(), attributes };
    let spans = vec![Span { rare: Rare::of("", vec![exception], Vec::new()), ..span(1, 0, 0, "a", 0, 10) }];
    let resources = vec![Resource { service: "a".into(), ..Resource::default() }];
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }));
    let scope = scope(None);
    let (view, _) = answered(&scope, (200, 50), Ok(trace));
    let text = screen(&view, &scope, (200, 50));
    assert!(text.contains("(total=2, active=2, idle=0)") && text.contains("Orders.java:57"), "{text}");
}
