//! What the reader set stays when the trace comes again, and when clocks are put right; the table in front of the tree.

use super::{tree::repeated, *};
use crate::model::trace::{Attributes, SpanLink};

/// The trace comes again.
fn again(view: &mut Waterfall, scope: &Scope, trace: Arc<Trace>) {
    let shared = test_shared();
    answer(view, &look(&shared, scope, now()), BIG, |need| need.slot.pane == "trace", Ok(Response::Trace(trace)));
}

/// One more query of the ten, before them all, so that every node has another number.
fn grown() -> Arc<Trace> {
    let told = repeated();
    let mut spans: Vec<Span> = (0..told.nodes.len()).filter_map(|i| told.span(i)).cloned().collect();
    spans.push(span(60, 1, 1, "SELECT user", -5, 0));
    let resource = |service: &str| Resource { service: service.into(), attributes: Attributes::default() };
    Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources: vec![resource("web"), resource("cart")], spans, partial: None }))
}

fn folds(view: &Waterfall) -> Vec<(String, bool)> {
    let trace = view.trace().unwrap();
    let row = |item: Item| match item {
        Item::Span(n) => format!("{} {}", trace.nodes[n as usize].id.0, trace.name(n as usize)),
        Item::Group(_) => "group".to_owned(),
        Item::Line(_) => "line".to_owned(),
    };
    view.tree.rows().iter().map(|r| (row(r.item), view.tree.is_folded(r.item))).collect()
}

#[test]
fn folds_selection_ruler_and_search_stay_when_the_trace_comes_again() {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(repeated()));
    press(&mut view, &scope, BIG, Command::NextError);
    assert_eq!(selected(&view), 17, "in the open group");
    press(&mut view, &scope, BIG, Command::Measure);
    press(&mut view, &scope, BIG, Command::Fold);
    press(&mut view, &scope, BIG, Command::Down);
    let before = (selected(&view), folds(&view), view.list);
    let words = view.measured();
    assert!(words.is_some() && before.1.contains(&("17 SELECT items".to_owned(), true)), "{before:?}");
    again(&mut view, &scope, repeated());
    assert_eq!((selected(&view), folds(&view), view.list, view.measured()), (before.0, before.1.clone(), before.2, words.clone()));
    again(&mut view, &scope, grown());
    let now: Vec<_> = folds(&view).into_iter().filter(|(row, _)| row != "60 SELECT user").collect();
    assert_eq!((selected(&view), now, view.measured()), (before.0, before.1, words), "though all have other numbers");
}

#[test]
fn a_selected_group_stays_closed_and_selected() {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(repeated()));
    press(&mut view, &scope, BIG, Command::Down);
    press(&mut view, &scope, BIG, Command::Down);
    assert!(matches!(view.item(), Some(Item::Group(_))));
    let before = screen(&view, &scope, BIG);
    again(&mut view, &scope, repeated());
    assert_eq!(screen(&view, &scope, BIG), before);
}

#[test]
fn the_table_stays_on_its_operation_and_clocks_put_right_stay_so() {
    let scope = scope(None);
    let resource =
        |service: &str, host: &str| Resource { service: service.into(), attributes: [("host.name", Value::Text(host.into()))].into() };
    let client = Span { kind: SpanKind::Client, ..span(2, 1, 0, "POST /b", 10, 90) };
    let spans = vec![span(1, 0, 0, "root", 0, 100), client, span(3, 2, 1, "POST /b", 320, 380)];
    let skewed = Arc::new(Trace::build(Spans {
        trace: TraceId(0xabc),
        resources: vec![resource("a", "h1"), resource("b", "h2")],
        spans,
        partial: None,
    }));
    let (mut view, _) = answered(&scope, BIG, Ok(skewed.clone()));
    press(&mut view, &scope, BIG, Command::Measure);
    press(&mut view, &scope, BIG, Command::SpanTable);
    press(&mut view, &scope, BIG, Command::Down);
    let name = |view: &Waterfall| view.table.as_ref().and_then(|t| t.selected()).map(|row| (row.service.clone(), row.name.clone()));
    let before = name(&view);
    assert!(before.is_some());
    press(&mut view, &scope, BIG, Command::CorrectClocks);
    assert_eq!((name(&view), view.ruler.is_some()), (before.clone(), true));
    let corrected = screen(&view, &scope, BIG);
    assert!(corrected.contains("clocks put right"), "{corrected}");
    again(&mut view, &scope, skewed);
    assert_eq!(name(&view), before);
    assert_eq!(screen(&view, &scope, BIG), corrected, "R does not put them wrong again");
}

#[test]
fn keys_of_the_table_act_on_its_operation() {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(repeated()));
    press(&mut view, &scope, BIG, Command::SpanTable);
    while view.table.as_ref().unwrap().selected().unwrap().name != "SELECT items" {
        press(&mut view, &scope, BIG, Command::Down);
    }
    let acts = press(&mut view, &scope, BIG, Command::Logs);
    let [Act::Push(ViewKind::Logs, pushed)] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!((pushed.service.as_deref(), pushed.trace, pushed.span), (Some("cart"), Some(TraceId(0xabc)), None));
    let TimeWindow::Fixed(range) = pushed.window else { panic!() };
    // A minute on either side of the first query's start and of the last one's end.
    assert_eq!(((range.start.0 - START) / MS, (range.end.0 - START) / MS), (1 - 60_000, 100 + 60_000));
    let acts = press(&mut view, &scope, BIG, Command::Red);
    assert!(matches!(acts.as_slice(), [Act::Push(ViewKind::Service, scope)] if scope.service.as_deref() == Some("cart")), "{acts:?}");
    let shared = test_shared();
    let yanks = view.yanks(&look(&shared, &scope, now()));
    assert_eq!([yanks[0].text.as_str(), yanks[1].text.as_str()], ["SELECT items", "cart"]);
    let text = screen(&view, &scope, BIG);
    assert!(text.contains("cart · SELECT items · the first of 10"), "{text}");
    // What is about rows that are not seen does nothing to them, and says so.
    let (hidden, path) = (view.row_item(), view.path);
    for command in [Command::NextError, Command::FoldAll, Command::ZoomToSpan, Command::Measure, Command::Fold, Command::CriticalPath] {
        let acts = press(&mut view, &scope, BIG, command);
        assert!(matches!(acts.as_slice(), [Act::Notice(words)] if words.contains("not shown")), "{command:?}: {acts:?}");
    }
    assert_eq!((view.row_item(), view.ruler, view.time.is_zoomed(), view.path), (hidden, None, false, path));
}

#[test]
fn a_late_match_does_not_take_the_selection_from_who_went_on() {
    let mut spans = vec![span(1, 0, 0, "root", 0, 10_000)];
    spans.extend((0..5000).map(|n| span(n + 2, 1, 0, &format!("call {n}"), n as i64, n as i64 + 1)));
    let resource = Resource { service: "a".into(), attributes: Attributes::default() };
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources: vec![resource], spans, partial: None }));
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(trace));
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "call 4999");
    let shared = test_shared();
    with(&look(&shared, &scope, now()), BIG, |cx| view.type_key(cx, KeyEvent::from(KeyCode::Enter)));
    press(&mut view, &scope, BIG, Command::Down);
    let at = selected(&view);
    while view.next_wake(&look(&shared, &scope, now())).is_some() {
        with(&look(&shared, &scope, now()), BIG, |cx| view.woken(cx));
    }
    assert_eq!((selected(&view), view.search.as_ref().unwrap().len()), (at, 1));
}

#[test]
fn links_of_the_tables_span_are_those_it_shows() {
    let link = SpanLink { trace: TraceId(0xdef), span: None, attributes: Attributes::default() };
    let spans = vec![span(1, 0, 0, "root", 0, 10), Span { rare: Rare::of("", Vec::new(), vec![link]), ..span(2, 1, 0, "linked", 1, 9) }];
    let resource = Resource { service: "a".into(), attributes: Attributes::default() };
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources: vec![resource], spans, partial: None }));
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(trace));
    let facts = |view: &Waterfall| view.facts(&look(&test_shared(), &scope, now())).link;
    assert!(!facts(&view), "the root has none");
    press(&mut view, &scope, BIG, Command::SpanTable);
    while view.table.as_ref().unwrap().selected().unwrap().name != "linked" {
        press(&mut view, &scope, BIG, Command::Down);
    }
    assert!(facts(&view));
}
