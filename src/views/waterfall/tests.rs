mod detail;
mod infra;
mod lines;
mod renew;
mod time;
mod tree;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;

use super::*;
use crate::{
    app::testing::{answer, draw, look, needs, test_shared, with},
    core::request::Response,
    model::{
        backend::{Backend, ErrorKind, SourceError},
        time::{TimeRange, TimeWindow, Timestamp},
        trace::{Rare, Resource, Span, SpanEvent, SpanKind, Spans, Value},
    },
    views::Act,
};

const START: i64 = 1_700_000_000_000_000_000;
const MS: i64 = 1_000_000;

fn span(id: u64, parent: u64, resource: u32, name: &str, from_ms: i64, to_ms: i64) -> Span {
    Span {
        id: SpanId(id),
        parent: SpanId::parse(&parent.to_string()),
        resource,
        name: name.into(),
        kind: SpanKind::Server,
        start: Timestamp(START + from_ms * MS),
        end: Timestamp(START + to_ms * MS),
        ..Span::default()
    }
}

/// checkout calls inventory, then orders, whose wait for a connection fails.
fn checkout() -> Arc<Trace> {
    let resource =
        |service: &str| Resource { service: service.into(), attributes: [("service.version", Value::Text("1.42.0".into()))].into() };
    let exception = SpanEvent {
        at: Timestamp(START + 8031 * MS),
        name: "exception".into(),
        attributes: [("exception.message", Value::Text("no connection".into()))].into(),
    };
    let wait = Span {
        error: true,
        attributes: [("db.client.connection.max", Value::Int(2))].into(),
        rare: Rare::of("timeout acquiring connection from pool", vec![exception], Vec::new()),
        ..span(4, 3, 2, "pool.acquire", 31, 8031)
    };
    let spans = vec![
        Span { error: true, ..span(1, 0, 0, "POST /checkout", 0, 8410) },
        span(2, 1, 1, "reserve", 5, 25),
        Span { error: true, ..span(3, 1, 2, "POST /orders", 30, 8390) },
        wait,
        span(5, 1, 1, "release", 8395, 8405),
    ];
    let resources = vec![resource("checkout"), resource("inventory"), resource("orders")];
    Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }))
}

fn scope(span: Option<u64>) -> Scope {
    Scope::new("prod", TimeWindow::Last(std::time::Duration::from_secs(3600))).with_trace(TraceId(0xabc), span.map(SpanId))
}

fn now() -> Timestamp {
    Timestamp(START + 60_000 * MS)
}

/// A page with an answer, and what it asked the app for.
fn answered(scope: &Scope, size: (u16, u16), result: Result<Arc<Trace>, SourceError>) -> (Waterfall, Vec<Act>) {
    let shared = test_shared();
    let look = look(&shared, scope, now());
    let mut view = Waterfall::new(scope);
    let acts = answer(&mut view, &look, size, |_| true, result.map(Response::Trace));
    (view, acts)
}

fn press(view: &mut Waterfall, scope: &Scope, size: (u16, u16), command: Command) -> Vec<Act> {
    let shared = test_shared();
    with(&look(&shared, scope, now()), size, |cx| view.command(cx, command)).1
}

fn type_text(view: &mut Waterfall, scope: &Scope, text: &str) {
    let shared = test_shared();
    for c in text.chars() {
        let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        with(&look(&shared, scope, now()), (120, 30), |cx| view.type_key(cx, key));
    }
}

fn screen(view: &Waterfall, scope: &Scope, size: (u16, u16)) -> String {
    let shared = test_shared();
    draw(view, &look(&shared, scope, now()), size.0, size.1)
}

fn selected(view: &Waterfall) -> u64 {
    view.trace().unwrap().nodes[view.node().unwrap()].id.0
}

const BIG: (u16, u16) = (120, 30);

#[test]
fn the_span_of_the_scope_is_selected_and_the_window_is_set_around_the_trace() {
    let scope = scope(Some(4));
    let (view, acts) = answered(&scope, BIG, Ok(checkout()));
    assert_eq!(selected(&view), 4);
    let [Act::Rescope(around)] = acts.as_slice() else { panic!("{acts:?}") };
    let TimeWindow::Fixed(range) = around.window else { panic!() };
    assert!(range.contains(Timestamp(START)) && range.contains(Timestamp(START + 8410 * MS)));
    let shared = test_shared();
    let before = needs(&view, &look(&shared, &scope, now()), 120, 30);
    assert_eq!(before, needs(&view, &look(&shared, around, now()), 120, 30), "the new window asks nothing again");
}

#[test]
fn the_time_of_what_led_to_the_trace_is_passed_on_with_the_question() {
    let plain = scope(None);
    let near = TimeRange::new(Timestamp(START), Timestamp(START + MS));
    let hinted = plain.with_trace_near(TraceId(0xabc), None, near);
    let asked = |scope: &Scope| needs(&Waterfall::new(scope), &look(&test_shared(), scope, now()), 120, 30)[0].request.clone();
    assert_eq!(asked(&plain), Request::Trace(TraceId(0xabc), None));
    assert_eq!(asked(&hinted), Request::Trace(TraceId(0xabc), Some(near)));
    assert_eq!(asked(&hinted.with_trace(TraceId(0xabc), None)), Request::Trace(TraceId(0xabc), None), "it is of that trace alone");
}

#[test]
fn tree_bars_and_detail_are_drawn() {
    let scope = scope(Some(4));
    let (view, _) = answered(&scope, BIG, Ok(checkout()));
    let text = screen(&view, &scope, BIG);
    for part in [
        "POST /checkout   8.41 s   3 errors   5 spans, 3 services",
        "orders pool.acquire",
        "orders · pool.acquire",
        "timeout acquiring connection from pool",
        "db.client.connection.max",
        "no connection",
        "service.version",
        "+31 ms",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let row = text.lines().find(|l| l.contains("pool.acquire") && l.contains('▌')).unwrap();
    assert!(row.contains("8.00 s !") && row.contains("┊pool.acquire 8.00 s"), "{text}");
}

#[test]
fn a_small_screen_keeps_four_tenths_for_bars_and_shows_the_detail_in_place_of_the_tree() {
    let (size, scope) = ((80, 21), scope(Some(4)));
    let (mut view, _) = answered(&scope, size, Ok(checkout()));
    let text = screen(&view, &scope, size);
    let root = text.lines().find(|l| l.contains("POST /checkout") && l.contains('█')).unwrap();
    assert!(root.matches('█').count() >= 31, "{text}");
    assert!(!text.contains("db.client"));
    press(&mut view, &scope, size, Command::Drill);
    let text = screen(&view, &scope, size);
    assert!(text.contains("db.client.connection.max") && !text.contains("reserve"), "{text}");
    press(&mut view, &scope, size, Command::Back);
    assert!(screen(&view, &scope, size).contains("reserve"));
}

#[test]
fn errors_are_walked_in_order_and_around() {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    let mut seen = vec![selected(&view)];
    for _ in 0..3 {
        press(&mut view, &scope, BIG, Command::NextError);
        seen.push(selected(&view));
    }
    assert_eq!(seen, [1, 3, 4, 1]);
}

#[test]
fn logs_of_the_span_have_its_service_trace_span_and_window() {
    let scope = scope(Some(4));
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    let acts = press(&mut view, &scope, BIG, Command::Logs);
    let [Act::Push(ViewKind::Logs, pushed)] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!((pushed.service.as_deref(), pushed.trace, pushed.span), (Some("orders"), Some(TraceId(0xabc)), Some(SpanId(4))));
    let TimeWindow::Fixed(range) = pushed.window else { panic!() };
    assert!(range.contains(Timestamp(START + 31 * MS)) && range.contains(Timestamp(START + 8031 * MS)));
}

#[test]
fn folding_hides_what_is_below_and_an_error_below_unfolds_it_again() {
    let scope = scope(Some(4));
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    press(&mut view, &scope, BIG, Command::Fold);
    assert_eq!(selected(&view), 3, "a leaf folds to its parent");
    press(&mut view, &scope, BIG, Command::Fold);
    assert!(!screen(&view, &scope, BIG).contains("orders pool.acquire"));
    press(&mut view, &scope, BIG, Command::NextError);
    assert_eq!(selected(&view), 4);
    assert!(screen(&view, &scope, BIG).contains("orders pool.acquire"));
}

#[test]
fn a_search_counts_goes_to_the_first_and_walks() {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "inventory");
    assert_eq!(selected(&view), 2);
    assert!(view.prompt().unwrap().line(120).text.contains("2 of 5 spans"));
    let shared = test_shared();
    with(&look(&shared, &scope, now()), BIG, |cx| view.type_key(cx, KeyEvent::from(KeyCode::Enter)));
    press(&mut view, &scope, BIG, Command::NextMatch);
    assert_eq!(selected(&view), 5);
    press(&mut view, &scope, BIG, Command::NextMatch);
    assert_eq!(selected(&view), 2);
    press(&mut view, &scope, BIG, Command::PreviousMatch);
    assert_eq!(selected(&view), 5);
}

#[test]
fn a_click_into_the_detail_ends_what_is_typed_of_the_spans_and_keeps_it() {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "inventory");
    let sheet = view.places(Rect::new(0, 0, BIG.0, BIG.1)).sheet;
    let kind = crossterm::event::MouseEventKind::Down(crossterm::event::MouseButton::Left);
    let click = MouseEvent { kind, column: sheet.x + 1, row: sheet.y, modifiers: KeyModifiers::NONE };
    with(&look(&test_shared(), &scope, now()), BIG, |cx| view.mouse(cx, click));
    assert!(view.in_detail && !view.is_typing());
    assert!(view.search.is_some() && view.detail_filter.is_none());
}

#[test]
fn a_trace_that_does_not_exist_says_so_and_what_to_do() {
    let scope = scope(None);
    let error = SourceError::new(Backend::Tempo, ErrorKind::NotFound, "no trace of this id");
    let (view, acts) = answered(&scope, BIG, Err(error));
    let text = screen(&view, &scope, BIG);
    assert!(text.contains("no trace of this id") && text.contains("retention") && text.contains("R now"), "{text}");
    assert!(acts.is_empty() && view.facts(&look(&test_shared(), &scope, now())).drill.is_some());
}

#[test]
fn missing_spans_and_wrong_clocks_are_flagged() {
    let scope = scope(None);
    let spans =
        vec![span(1, 0, 0, "root", 0, 100), span(2, 9, 0, "lost", 10, 20), span(3, 1, 0, "early", -50, 20), span(4, 1, 0, "back", 50, 40)];
    let resources = vec![Resource { service: "a".into(), ..Resource::default() }];
    let trace = Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: Some("too big".to_owned()) });
    let (view, _) = answered(&scope, BIG, Ok(Arc::new(trace)));
    let text = screen(&view, &scope, BIG);
    let wide = screen(&view, &scope, (200, 40));
    let missing = wide.lines().find(|l| l.contains("missing span 0000")).unwrap();
    assert!(missing.contains("–   "), "nothing is known of its own time: {wide}");
    assert!(view.hints().contains(&Command::CorrectClocks), "clocks differ");
    for part in ["missing span 0000", "lost [orphan]", "early [skewed]", "back [negative]", "1 missing", "2 roots", "partial: too big"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_size_is_drawn(w in 1u16..220, h in 1u16..60, commands in prop::collection::vec(0usize..12, 0..12)) {
        const COMMANDS: [Command; 12] = [
            Command::Down, Command::Up, Command::Bottom, Command::Top, Command::PageDown, Command::Fold, Command::Unfold,
            Command::FoldAll, Command::NextError, Command::Drill, Command::FullScreen, Command::NextPane,
        ];
        let scope = scope(Some(4));
        let (mut view, _) = answered(&scope, (w, h), Ok(checkout()));
        for command in commands {
            press(&mut view, &scope, (w, h), COMMANDS[command]);
            screen(&view, &scope, (w, h));
        }
    }
}
