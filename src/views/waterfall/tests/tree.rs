//! Rows: repeated spans, folds, moves, searches.

use super::*;
use crate::views::search::Places;

/// Parents are written in hex: 11 is span 17. One request that asks a database ten times, fails in one of them, and calls a payment in between.
pub(super) fn repeated() -> Arc<Trace> {
    let query = |n: u64| span(10 + n, 2, 1, "SELECT items", 10 * n as i64 + 1, 10 * n as i64 + 1 + n as i64);
    let mut spans = vec![span(1, 0, 0, "GET /cart", 0, 200), span(2, 1, 1, "cart", 0, 190)];
    spans.extend((0..10).map(|n| Span { error: n == 7, ..query(n) }));
    spans.push(span(40, 2, 0, "POST /pay", 55, 120));
    spans.push(span(50, 11, 1, "retry", 72, 73));
    let resource = |service: &str| Resource { service: service.into(), attributes: Default::default() };
    Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources: vec![resource("web"), resource("cart")], spans, partial: None }))
}

fn page(size: (u16, u16)) -> (Waterfall, Scope) {
    let scope = scope(None);
    (answered(&scope, size, Ok(repeated())).0, scope)
}

#[test]
fn repeated_spans_are_one_row_that_opens() {
    let (mut view, scope) = page(BIG);
    let text = screen(&view, &scope, BIG);
    let row = text.lines().find(|l| l.contains("×10")).unwrap();
    assert!(row.contains("SELECT items ×10") && row.contains("p50") && row.contains("45 ms"), "count, median, sum: {text}");
    assert!(row.contains('!'), "one of them failed: {text}");
    assert_eq!(text.matches("SELECT items").count(), 1, "{text}");
    assert!(text.contains("POST /pay"));
    // To the row of them all, and into it.
    for _ in 0..2 {
        press(&mut view, &scope, BIG, Command::Down);
    }
    assert!(matches!(view.item(), Some(Item::Group(_))), "{text}");
    let closed = screen(&view, &scope, BIG);
    press(&mut view, &scope, BIG, Command::Drill);
    let open = screen(&view, &scope, BIG);
    assert_eq!(open.matches("SELECT items").count(), 12, "the heading, its detail and the ten: {open}");
    press(&mut view, &scope, BIG, Command::Fold);
    assert_eq!(screen(&view, &scope, BIG), closed);
}

#[test]
fn an_error_among_repeated_spans_is_gone_to_and_shown() {
    let (mut view, scope) = page(BIG);
    press(&mut view, &scope, BIG, Command::NextError);
    assert_eq!(selected(&view), 17);
    let (row, rows) = (view.list.row(view.tree.rows().len()).unwrap(), view.tree.rows().len());
    assert_eq!(rows, 15, "its group is open");
    assert_eq!(view.tree.rows()[row].depth, 3, "below the heading");
}

#[test]
fn moves_lead_to_callers_siblings_and_the_slowest() {
    let (mut view, scope) = page(BIG);
    let mut go = |command| {
        press(&mut view, &scope, BIG, command);
        (view.item(), view.node().map(|n| view.trace().unwrap().nodes[n].id.0))
    };
    assert_eq!(go(Command::SlowestChild).1, Some(2));
    assert_eq!(go(Command::SlowestChild).1, Some(40), "65 ms: longer than any query");
    assert!(matches!(go(Command::PreviousSibling).0, Some(Item::Group(_))));
    assert_eq!(go(Command::SlowestChild).1, Some(19), "the slowest of the repeated ones");
    assert!(matches!(go(Command::Parent).0, Some(Item::Group(_))), "up to their heading");
    assert_eq!(go(Command::NextSibling).1, Some(40));
    assert_eq!(go(Command::Parent).1, Some(2));
}

#[test]
fn all_is_folded_to_errors_to_the_path_and_by_levels() {
    let (mut view, scope) = page(BIG);
    let rows = |view: &Waterfall| view.tree.rows().len();
    let whole = rows(&view);
    press(&mut view, &scope, BIG, Command::UnfoldAll);
    assert_eq!(rows(&view), 15, "every span, and one heading");
    press(&mut view, &scope, BIG, Command::FoldToErrors);
    assert_eq!(rows(&view), whole);
    press(&mut view, &scope, BIG, Command::FoldHigher);
    press(&mut view, &scope, BIG, Command::FoldHigher);
    assert_eq!(rows(&view), 1, "the root alone");
    press(&mut view, &scope, BIG, Command::FoldDeeper);
    assert_eq!(rows(&view), 2);
    press(&mut view, &scope, BIG, Command::FoldAll);
    press(&mut view, &scope, BIG, Command::FoldAll);
    assert_eq!(rows(&view), whole);
}

#[test]
fn a_search_dims_the_rest_and_opens_what_hides_a_match() {
    let (mut view, scope) = page(BIG);
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "retry");
    assert!(matches!(view.item(), Some(Item::Group(_))), "half a word unfolds nothing: what hides it is selected");
    let shared = test_shared();
    with(&look(&shared, &scope, now()), BIG, |cx| view.type_key(cx, KeyEvent::from(KeyCode::Enter)));
    assert_eq!(selected(&view), 50);
    assert!(screen(&view, &scope, BIG).contains("retry"));
    assert!(view.is_dimmed(Item::Span(0)) && !view.is_dimmed(view.item().unwrap()));
    press(&mut view, &scope, BIG, Command::Back);
    assert!(!view.is_dimmed(Item::Span(0)), "Esc shows all alike");
}

#[test]
fn a_click_folds_where_the_mark_is_drawn_however_deep() {
    let spans = (0..60).map(|i| span(i + 1, 0, 0, &format!("n{i}"), i as i64, 1000)).enumerate();
    let spans = spans.map(|(i, s)| Span { parent: (i > 0).then_some(SpanId(i as u64)), ..s }).collect();
    let resources = vec![Resource { service: "a".into(), attributes: Default::default() }];
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }));
    let scope = scope(Some(50));
    let (mut view, _) = answered(&scope, (80, 24), Ok(trace));
    let text = screen(&view, &scope, (80, 24));
    let y = text.lines().position(|l| l.contains("a n49")).unwrap();
    let x = text.lines().nth(y).unwrap().chars().position(|c| c == '▾').unwrap();
    let click = MouseEvent {
        kind: crossterm::event::MouseEventKind::Down(crossterm::event::MouseButton::Left),
        column: x as u16,
        row: y as u16,
        modifiers: KeyModifiers::NONE,
    };
    let shared = test_shared();
    with(&look(&shared, &scope, now()), (80, 24), |cx| view.mouse(cx, click));
    assert_eq!(view.tree.rows().len(), 50, "{text}");
}

#[test]
fn the_table_counts_operations_and_leads_to_their_spans() {
    let (mut view, scope) = page(BIG);
    press(&mut view, &scope, BIG, Command::SpanTable);
    let text = screen(&view, &scope, BIG);
    let row = text.lines().find(|l| l.contains("SELECT items")).unwrap();
    assert!(row.contains("10") && row.contains("45 ms"), "{text}");
    for _ in 0..5 {
        if view.table.as_ref().unwrap().selected().unwrap().name == "SELECT items" {
            break;
        }
        press(&mut view, &scope, BIG, Command::Down);
    }
    press(&mut view, &scope, BIG, Command::Drill);
    assert_eq!(selected(&view), 10);
    press(&mut view, &scope, BIG, Command::NextMatch);
    assert_eq!(selected(&view), 11);
}

/// One span that calls 5,000.
fn many_calls() -> Arc<Trace> {
    let mut spans = vec![span(1, 0, 0, "root", 0, 10_000)];
    spans.extend((0..5000).map(|n| span(n + 2, 1, 0, &format!("call {n}"), n as i64, n as i64 + 1)));
    let resource = Resource { service: "a".into(), attributes: Default::default() };
    Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources: vec![resource], spans, partial: None }))
}

#[test]
fn what_is_no_expression_is_said_while_the_search_before_it_goes_on() {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(many_calls()));
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "/a(/");
    let shared = test_shared();
    with(&look(&shared, &scope, now()), BIG, |cx| view.woken(cx));
    let said = view.prompt().unwrap().line(120).text;
    assert!(!said.contains("spans"), "{said}");
}

#[test]
fn a_search_in_a_large_trace_goes_on_between_keys() {
    let scope = scope(None);
    let (mut view, _) = answered(&scope, BIG, Ok(many_calls()));
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "call 49");
    assert!(view.prompt().unwrap().line(120).text.contains("11 of 5,001 spans so far"), "call 49 and 490 to 499");
    let shared = test_shared();
    while view.next_wake(&look(&shared, &scope, now())).is_some() {
        with(&look(&shared, &scope, now()), BIG, |cx| view.woken(cx));
    }
    assert!(view.prompt().unwrap().line(120).text.ends_with("111 of 5,001 spans"), "{:?}", view.prompt().unwrap().line(120));
    assert_eq!(selected(&view), 51);
}

/// Any tree, with repetitions.
fn any_trace() -> impl Strategy<Value = Arc<Trace>> {
    let spans = prop::collection::vec((0u64..40, 0u8..3, 0i64..500, 0i64..300, any::<bool>()), 1..40);
    spans.prop_map(|all| {
        let names = ["a", "b", "c"];
        let made = (1..).zip(all).map(|(id, (parent, name, from, length, error))| Span {
            error,
            ..span(id, parent.min(id - 1), u32::from(name), names[usize::from(name)], from, from + length)
        });
        let resource = |s: &str| Resource { service: s.into(), attributes: Default::default() };
        let resources = names.map(resource).to_vec();
        Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans: made.collect(), partial: None }))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_fully_opened_tree_has_every_span_once_parents_before_children(trace in any_trace()) {
        let scope = scope(None);
        let (mut view, _) = answered(&scope, BIG, Ok(trace.clone()));
        press(&mut view, &scope, BIG, Command::UnfoldAll);
        let spans: Vec<u32> = view.tree.rows().iter().filter_map(|r| if let Item::Span(n) = r.item { Some(n) } else { None }).collect();
        let mut sorted = spans.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..trace.nodes.len() as u32).collect::<Vec<_>>());
        for (at, node) in spans.iter().enumerate() {
            prop_assert_eq!(view.tree.rows()[view.tree.row_of(*node as usize).unwrap()].item, Item::Span(*node));
            if let Some(parent) = trace.nodes[*node as usize].parent {
                prop_assert!(spans[..at].contains(&parent));
            }
        }
        prop_assert!(spans.windows(2).all(|w| view.tree.rank(w[0]) < view.tree.rank(w[1])));
    }

    #[test]
    fn folding_and_unfolding_return_the_same_screen(trace in any_trace(), row in 0usize..40, all in any::<bool>()) {
        let scope = scope(None);
        let (mut view, _) = answered(&scope, BIG, Ok(trace));
        let height = view.rows_height(Rect::new(0, 0, BIG.0, BIG.1));
        view.list.select(row, view.tree.rows().len(), height);
        let before = screen(&view, &scope, BIG);
        let item = view.item().unwrap();
        let trace = view.trace().unwrap().clone();
        if all {
            press(&mut view, &scope, BIG, Command::UnfoldAll);
            let area = Rect::new(0, 0, BIG.0, BIG.1);
            let line = view.line(area);
            view.tree.fold_where(&trace, |_| false, false);
            view.select_on(line, item, area);
        } else if view.tree.has_below(&trace, item) {
            let folded = view.tree.is_folded(item);
            view.tree.set_folded(&trace, item, !folded);
            view.tree.set_folded(&trace, item, folded);
        }
        prop_assert_eq!(screen(&view, &scope, BIG), before);
    }
}

#[test]
fn keys_of_the_detail_leave_the_table_beside_it_alone() {
    let scope = scope(Some(4));
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    press(&mut view, &scope, BIG, Command::SpanTable);
    press(&mut view, &scope, BIG, Command::NextPane);
    let before = screen(&view, &scope, BIG);
    press(&mut view, &scope, BIG, Command::Back);
    let after = screen(&view, &scope, BIG);
    assert!(before.contains("operations") && after.contains("operations"), "only the detail is left:\n{after}");
}

#[test]
fn a_search_that_found_nothing_says_so() {
    let (mut view, scope) = page(BIG);
    let facts = |view: &Waterfall| view.facts(&look(&test_shared(), &scope, now())).searched;
    assert!(!facts(&view));
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "kafka");
    let shared = test_shared();
    with(&look(&shared, &scope, now()), BIG, |cx| view.type_key(cx, KeyEvent::from(KeyCode::Enter)));
    assert!(facts(&view));
    for command in [Command::NextMatch, Command::PreviousMatch] {
        assert_eq!(press(&mut view, &scope, BIG, command), [Act::Notice("nothing was found for /kafka".to_owned())]);
    }
}

#[test]
fn from_the_heading_of_repeated_spans_the_first_of_them_is_next() {
    let (mut view, scope) = page(BIG);
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "items");
    assert!(matches!(view.item(), Some(Item::Group(_))));
    let shared = test_shared();
    with(&look(&shared, &scope, now()), BIG, |cx| view.type_key(cx, KeyEvent::from(KeyCode::Esc)));
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "items");
    press(&mut view, &scope, BIG, Command::NextMatch);
    assert_eq!(selected(&view), 10);
}

#[test]
fn of_repeated_spans_the_errors_are_the_last_to_be_cut() {
    let mut spans = vec![span(1, 0, 0, "POST /pay", 0, 1000)];
    spans.extend((0..40).map(|n| Span { error: n < 3, ..span(n + 2, 1, 0, "SELECT stock FROM orders", n as i64, n as i64 + 5) }));
    let resources = vec![Resource { service: "a".into(), attributes: Default::default() }];
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }));
    let scope = scope(None);
    let row = |size: (u16, u16)| {
        let (view, _) = answered(&scope, size, Ok(trace.clone()));
        let text = screen(&view, &scope, size);
        text.lines().find(|line| line.contains("SELECT")).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    assert!(row((200, 50)).contains("SELECT stock FROM orders ×40 3 errors p50 5.0 m"), "{}", row((200, 50)));
    for width in [60, 80, 100, 120, 140] {
        let row = row((width, 24));
        assert!(row.contains("×40 !3") || row.contains("×40 3 errors"), "{width}: {row}");
    }
}

/// Accepts what is typed.
fn accept(view: &mut Waterfall, scope: &Scope) {
    let shared = test_shared();
    with(&look(&shared, scope, now()), BIG, |cx| view.type_key(cx, KeyEvent::from(KeyCode::Enter)));
}

#[test]
fn what_is_searched_for_and_how_many_have_it_stays_in_sight() {
    let (mut view, scope) = page(BIG);
    press(&mut view, &scope, BIG, Command::Filter);
    type_text(&mut view, &scope, "retry");
    accept(&mut view, &scope);
    let title = |view: &Waterfall, size| screen(view, &scope, size).lines().nth(1).unwrap().to_owned();
    assert!(title(&view, BIG).contains("1 of 14 spans /retry"), "{}", title(&view, BIG));
    assert!(title(&view, (80, 24)).contains("1 of 14"), "{}", title(&view, (80, 24)));
    press(&mut view, &scope, BIG, Command::Back);
    assert!(!title(&view, BIG).contains("retry"));
}

#[test]
fn an_attribute_is_found_as_it_is_written_down() {
    let text = |s: &str| Value::Text(s.into());
    let spans = vec![
        span(1, 0, 0, "root", 0, 100),
        Span { attributes: [("db.system", text("mysql"))].into(), ..span(2, 1, 0, "a", 0, 10) },
        Span { attributes: [("db.system", text("redis")), ("peer", text("mysql"))].into(), ..span(3, 1, 0, "b", 20, 30) },
    ];
    let attributes = [("k8s.pod.name", text("a-1"))].into();
    let resources = vec![Resource { service: "a".into(), attributes }];
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }));
    for (typed, found) in [("db.system=mysql", 1), ("/db.system=(mysql|redis)/", 2), ("k8s.pod.name=a-1", 3)] {
        let scope = scope(None);
        let (mut view, _) = answered(&scope, BIG, Ok(trace.clone()));
        press(&mut view, &scope, BIG, Command::Filter);
        type_text(&mut view, &scope, typed);
        assert_eq!(view.search.as_ref().unwrap().len(), found, "{typed}");
    }
}

#[test]
fn a_folded_row_has_the_share_of_the_path_of_all_that_it_hides() {
    let (mut view, scope) = (answered(&scope(None), (200, 40), Ok(repeated())).0, scope(None));
    let row = |view: &Waterfall, what: &str| {
        let text = screen(view, &scope, (200, 40));
        text.lines().find(|l| l.contains(what) && l.contains('█')).unwrap_or_else(|| panic!("no {what} in {text}")).to_owned()
    };
    assert!(!row(&view, "GET /cart").contains("100.0%"), "its own");
    press(&mut view, &scope, BIG, Command::Top);
    press(&mut view, &scope, BIG, Command::Fold);
    assert!(row(&view, "GET /cart").contains("100.0%"), "with what is below it: {}", row(&view, "GET /cart"));
    assert!(screen(&view, &scope, (200, 40)).contains("of the critical path, 100 % with its calls"));
}

#[test]
fn a_narrow_row_that_would_be_cut_has_its_services_initial_and_no_number_is_cut() {
    let scope = scope(None);
    let mut spans = vec![span(1, 0, 0, "GET /inventory", 0, 9000)];
    spans.extend((0..20).map(|n| span(10 + n, 1, 0, "SELECT movements", 10 * n as i64, 10 * n as i64 + 9)));
    spans.push(span(60, 1, 0, "reserve everything on the shelf", 400, 500));
    let resources = vec![Resource { service: "warehouse".into(), ..Resource::default() }];
    let trace = Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans, partial: None }));
    let (view, _) = answered(&scope, (80, 24), Ok(trace));
    let text = screen(&view, &scope, (80, 24));
    assert!(text.contains("warehouse GET /inventory "), "there is room for it: {text}");
    assert!(text.contains(" w reserve everything on th"), "{text}");
    let group = text.lines().find(|l| l.contains("×20")).unwrap();
    assert!(group.contains("w SELECT movements ×20 ") && !group.contains('…'), "{text}");
}
