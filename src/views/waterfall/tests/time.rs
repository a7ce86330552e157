//! Time: folded waits, zoom, ruler, minimap, the critical path, clocks.

use crossterm::event::{MouseButton, MouseEventKind};

use super::*;

#[test]
fn a_wait_is_folded_with_its_length_and_who_waits() {
    let scope = scope(Some(4));
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    let text = screen(&view, &scope, BIG);
    let axis = text.lines().nth(1).unwrap();
    assert!(axis.contains('┊') && axis.contains(" s"), "{text}");
    let width = view.places(Rect::new(0, 0, BIG.0, BIG.1)).bars.width;
    let scale = view.time.scale(view.trace().unwrap(), width);
    let [gap] = scale.breaks() else { panic!("{:?}", scale.breaks()) };
    assert_eq!(gap.waiting.map(|n| view.trace().unwrap().nodes[n as usize].id.0), Some(4));
    let length = crate::ui::format::nanoseconds(gap.duration_ns());
    assert!(axis.contains(&length), "{text}");
    let row = text.lines().find(|l| l.contains("orders pool.acquire")).unwrap();
    assert!(row.matches('┊').count() >= 2 && row.matches(&length).count() == 2, "across its bar: {text}");
    press(&mut view, &scope, BIG, Command::FoldWaits);
    let real = screen(&view, &scope, BIG);
    assert!(!real.contains('┊') && real.lines().nth(1).unwrap().contains("4 s"), "{real}");
    press(&mut view, &scope, BIG, Command::FoldWaits);
    assert_eq!(screen(&view, &scope, BIG), text);
}

#[test]
fn who_waits_is_named_across_the_break_also_by_the_row_that_hides_it() {
    // The third of four calls waits for eight seconds within its own call.
    let mut spans = vec![span(1, 0, 0, "root", 0, 9000)];
    spans.extend((0..4).map(|n| span(2 + n, 1, 1, "fetch", 20 * n as i64, if n == 2 { 8900 } else { 20 * n as i64 + 10 })));
    spans.extend((0..9).map(|n| span(20 + n, 1, 0, &format!("step {n}"), 10 * n as i64, 10 * n as i64 + 5)));
    spans.push(Span { parent: Some(SpanId(4)), ..span(40, 0, 1, "lock", 100, 8800) });
    let resource = |service: &str| Resource { service: service.into(), attributes: Default::default() };
    let trace =
        Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources: vec![resource("a"), resource("b")], spans, partial: None }));
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(trace));
    let named = |view: &Waterfall, what: &str| {
        let text = screen(view, &scope, BIG);
        let row = text.lines().find(|l| l.contains(what) && l.contains('│')).unwrap_or_else(|| panic!("no {what} in\n{text}"));
        row.contains("lock 8.70 s")
    };
    assert!(named(&view, "fetch ×4"), "all four are one row");
    press(&mut view, &scope, BIG, Command::UnfoldAll);
    assert!(named(&view, "b lock") && !named(&view, "fetch ×4"));
    view.select(view.trace().unwrap().find(SpanId(4)).unwrap(), Rect::new(0, 0, BIG.0, BIG.1));
    press(&mut view, &scope, BIG, Command::Fold);
    let text = screen(&view, &scope, BIG);
    assert!(text.lines().any(|l| l.contains("+1") && l.contains("lock 8.70 s")), "{text}");
}

#[test]
fn a_narrow_break_has_its_time_within_and_who_waits_beside_it() {
    let (scope, small) = (scope(Some(4)), (80, 24));
    let (mut view, _) = answered(&scope, small, Ok(checkout()));
    let bars = |view: &Waterfall, row: &str| {
        let text = screen(view, &scope, small);
        let row = text.lines().find(|l| l.contains(row) && l.contains('│')).unwrap_or_else(|| panic!("no {row} in\n{text}"));
        row.split('│').nth(2).unwrap().to_owned()
    };
    assert_eq!(bars(&view, "pool.acquire").matches("8.00 s").count(), 1);
    assert!(bars(&view, "pool.acquire").contains("pool.acquire "), "{}", bars(&view, "pool.acquire"));
    view.select(view.trace().unwrap().find(SpanId(3)).unwrap(), Rect::new(0, 0, small.0, small.1));
    press(&mut view, &scope, small, Command::Fold);
    let folded = bars(&view, "POST /orders");
    assert!(folded.contains("8.00 s") && folded.contains("pool."), "{folded}");
}

#[test]
fn a_name_across_a_break_is_whole_where_something_happened_meanwhile() {
    let ticks = (1..8).map(|second| SpanEvent {
        at: Timestamp(START + second * 1000 * MS),
        name: "still waiting".into(),
        attributes: Default::default(),
    });
    let lock = Span { rare: Rare::of("", ticks.collect(), Vec::new()), ..span(2, 1, 0, "acquire lock", 30, 8000) };
    let resources = vec![Resource { service: "a".into(), attributes: Default::default() }];
    let mut spans = vec![span(1, 0, 0, "root", 0, 8060), lock];
    spans.extend((0..9).map(|n| span(20 + n, 1, 0, "step", 3 * n as i64, 3 * n as i64 + 2)));
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }));
    let scope = scope(None);
    let (view, _) = answered(&scope, BIG, Ok(trace));
    let text = screen(&view, &scope, BIG);
    assert!(text.contains("acquire lock 7.97 s"), "{text}");
}

#[test]
fn the_path_is_full_height_and_the_rest_half() {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    let text = screen(&view, &scope, BIG);
    let row = |text: &str, name: &str| text.lines().find(|l| l.contains(name) && l.contains('│')).unwrap().to_owned();
    assert!(row(&text, "orders POST /orders").contains("████"), "{text}");
    assert!(text.lines().next().unwrap().contains("critical path: orders 99 %"), "{text}");
    assert!(!text.contains("▄▄"), "all calls are one after the other: {text}");
    // A call beside the one that was waited for.
    let spans = vec![span(1, 0, 0, "root", 0, 100), span(2, 1, 0, "long", 0, 100), span(3, 1, 0, "beside", 10, 60)];
    let resources = vec![Resource { service: "a".into(), attributes: Default::default() }];
    let trace = Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None });
    view = answered(&scope, BIG, Ok(Arc::new(trace))).0;
    let text = screen(&view, &scope, BIG);
    assert!(row(&text, "a beside").contains("▄▄▄▄") && row(&text, "a long").contains("████"), "{text}");
    press(&mut view, &scope, BIG, Command::CriticalPath);
    let text = screen(&view, &scope, BIG);
    assert!(row(&text, "a beside").contains("████") && !text.contains("critical path:"), "{text}");
}

#[test]
fn the_selection_is_zoomed_to_then_what_is_below_then_all() {
    // The call returns at 50, what it left behind works on until 400.
    let spans = vec![span(1, 0, 0, "root", 0, 1000), span(2, 1, 0, "call", 10, 50), span(3, 2, 0, "tail", 40, 400)];
    let resources = vec![Resource { service: "a".into(), attributes: Default::default() }];
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }));
    let scope = scope(Some(2));
    let (mut view, _) = answered(&scope, BIG, Ok(trace));
    let mut seen = Vec::new();
    for _ in 0..3 {
        press(&mut view, &scope, BIG, Command::ZoomToSpan);
        let range = view.time.range(view.trace().unwrap());
        seen.push(((range.start.0 - START) / MS, (range.end.0 - START) / MS));
    }
    assert_eq!(seen, [(10, 50), (10, 400), (0, 1000)]);
}

#[test]
fn keys_zoom_and_pan_within_the_trace_and_back() {
    let scope = scope(Some(2));
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    press(&mut view, &scope, BIG, Command::FoldWaits);
    let range = |view: &Waterfall| {
        let range = view.time.range(view.trace().unwrap());
        ((range.start.0 - START) / MS, (range.end.0 - START) / MS)
    };
    let whole = range(&view);
    let acts = press(&mut view, &scope, BIG, Command::ZoomIn);
    assert!(acts.iter().all(|act| !matches!(act, Act::Rescope(_))), "the window of the scope stays");
    let closer = range(&view);
    assert!((closer.1 - closer.0) * 2 <= whole.1 + 1 && closer.0 <= 5, "{closer:?}");
    press(&mut view, &scope, BIG, Command::PanLater);
    assert!(range(&view).0 > closer.0);
    for _ in 0..20 {
        press(&mut view, &scope, BIG, Command::PanLater);
    }
    assert_eq!(range(&view).1, whole.1, "no further than the trace");
    press(&mut view, &scope, BIG, Command::Live);
    assert_eq!(range(&view), whole);
    for _ in 0..60 {
        press(&mut view, &scope, BIG, Command::ZoomIn);
        screen(&view, &scope, BIG);
    }
    for _ in 0..60 {
        press(&mut view, &scope, BIG, Command::ZoomOut);
    }
    assert_eq!(range(&view), whole);
}

#[test]
fn a_range_dragged_over_the_axis_is_zoomed_to_and_the_rest_is_on_the_minimap() {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    press(&mut view, &scope, BIG, Command::FoldWaits);
    let area = Rect::new(0, 0, BIG.0, BIG.1);
    let bars = view.places(area).bars;
    let axis = view.time_axis(&look(&test_shared(), &scope, now()), area, Position::new(bars.x + 3, view.places(area).axis.y)).unwrap();
    assert_eq!((axis.area.x, axis.area.width), (bars.x, bars.width));
    let shared = test_shared();
    let columns = (bars.x + bars.width / 4, bars.x + bars.width / 2 - 1);
    assert!(view.dragged_words(&look(&shared, &scope, now()), area, columns).unwrap().contains("2.1"), "about a quarter of 8.41 s");
    assert!(with(&look(&shared, &scope, now()), BIG, |cx| view.dragged(cx, columns)).0);
    let text = screen(&view, &scope, BIG);
    assert!(text.contains("of the whole") && text.contains("2.5 s"), "{text}");
    let minimap = view.places(area).minimap;
    let click = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: minimap.right() - 1,
        row: minimap.y,
        modifiers: KeyModifiers::NONE,
    };
    with(&look(&shared, &scope, now()), BIG, |cx| view.mouse(cx, click));
    assert_eq!(view.time.range(view.trace().unwrap()).end.0, START + 8410 * MS, "the minimap leads to where it is clicked");
}

#[test]
fn two_spans_are_measured() {
    let scope = scope(Some(2));
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    press(&mut view, &scope, BIG, Command::Measure);
    press(&mut view, &scope, BIG, Command::NextSibling);
    let text = screen(&view, &scope, BIG);
    assert!(text.contains("A inventory reserve to orders POST /orders   start to start +25 ms   end to start +5.0 ms"), "{text}");
    press(&mut view, &scope, BIG, Command::PreviousSibling);
    press(&mut view, &scope, BIG, Command::Measure);
    assert!(!screen(&view, &scope, BIG).contains("start to start"));
}

#[test]
fn times_at_the_end_of_all_times_are_drawn_and_the_page_goes_on() {
    let resources = vec![Resource { service: "a".into(), attributes: Default::default() }];
    let spans = vec![Span { start: Timestamp(0), end: Timestamp(i64::MAX), ..span(1, 0, 0, "endless", 0, 0) }];
    let trace = Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None });
    let scope = scope(None);
    let (view, _) = answered(&scope, BIG, Ok(Arc::new(trace)));
    assert!(screen(&view, &scope, BIG).contains("a endless"));
}

/// Instants at the ends of what a number can say.
fn extreme() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, 1, START, START + MS, i64::MAX - 1, i64::MAX])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_time_breaks_the_page(
        times in prop::collection::vec((extreme(), extreme(), 0u64..6, 0u32..2), 1..8),
        commands in prop::collection::vec(0usize..12, 0..10),
    ) {
        const COMMANDS: [Command; 12] = [
            Command::CorrectClocks, Command::ZoomToSpan, Command::ZoomIn, Command::ZoomOut, Command::PanLater, Command::PanEarlier,
            Command::FoldWaits, Command::Measure, Command::Down, Command::SpanTable, Command::NextPane, Command::Bottom,
        ];
        let spans = (1..).zip(times).map(|(id, (start, end, parent, resource))| {
            let kind = if resource == 0 { SpanKind::Client } else { SpanKind::Server };
            let event = SpanEvent { at: Timestamp(end), name: "exception".into(), attributes: Default::default() };
            let (start, end) = (Timestamp(start), Timestamp(end));
            Span { start, end, kind, error: true, rare: Rare::of("", vec![event], Vec::new()), ..span(id, parent.min(id - 1), resource, "x", 0, 0) }
        });
        let resource = |host: &str| Resource { service: host.into(), attributes: [("host.name", Value::Text(host.into()))].into() };
        let resources = vec![resource("a"), resource("b")];
        let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans: spans.collect(), partial: None }));
        let scope = scope(None);
        let (mut view, _) = answered(&scope, BIG, Ok(trace));
        screen(&view, &scope, BIG);
        for command in commands {
            press(&mut view, &scope, BIG, COMMANDS[command]);
            screen(&view, &scope, BIG);
        }
    }
}

#[test]
fn before_a_long_wait_the_axis_counts_in_the_unit_of_what_happens_there() {
    let spans = vec![span(1, 0, 0, "root", 0, 134), span(2, 1, 0, "step", 20, 60), span(3, 1, 0, "late", 248_000, 248_090)];
    let resources = vec![Resource { service: "a".into(), ..Resource::default() }];
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }));
    let scope = scope(None);
    let (view, _) = answered(&scope, BIG, Ok(trace));
    let text = screen(&view, &scope, BIG);
    let axis = text.lines().nth(1).unwrap();
    let (before, after) = axis.split_once('┊').unwrap();
    assert!(before.contains("0 ms") && before.contains("100 ms") && !before.contains("0.1 s"), "{text}");
    assert!(after.contains("248 s") && after.contains("248.0 s"), "{text}");
    assert!(text.lines().next().unwrap().contains("248 s   the root 134 ms"), "who asked waited no longer: {text}");
}
