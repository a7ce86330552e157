//! Fields, columns, counts, rows, context, and the ways from line to line.

use crossterm::event::MouseEventKind;
use ratatui::style::{Color, Modifier};

use super::*;
use crate::{
    log_fields::trace_id::{Base, Rule},
    views::logs::Seed,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn of_trace(second: i64) -> LogLine {
    LogLine { trace: TraceId::parse(TRACE), metadata: [("trace_id", TRACE)].into_iter().collect(), ..traced(second, 4) }
}

fn pooled(second: i64, pool: &str) -> LogLine {
    line(second, Level::Error, &format!("timeout acquiring connection pool={pool} wait_ms=80{second}"))
}

fn json(second: i64, text: &str) -> LogLine {
    let metadata = [("user", "ana")].into_iter().collect();
    LogLine { metadata, ..line(second, Level::Info, text) }
}

/// With one key pressed after the other.
fn pressed(page: &mut Page, commands: &[Command]) -> Vec<Act> {
    commands.iter().flat_map(|c| page.press(*c)).collect()
}

/// Goes to a field in the detail.
#[track_caller]
fn select(page: &mut Page, field: &str) {
    if !page.view.in_detail {
        page.press(Command::NextPane);
    }
    page.press(Command::Top);
    for _ in 0..200 {
        if field_of(page).as_deref() == Some(field) {
            return;
        }
        page.press(Command::Down);
    }
    panic!("no field {field} in\n{}", page.screen());
}

fn field_of(page: &Page) -> Option<String> {
    let look = look(&page.shared, &page.scope, now());
    page.view.field(&look, Rect::new(0, 0, page.size.0, page.size.1)).map(|f| f.name)
}

fn filters(page: &Page) -> Vec<String> {
    page.view.filters(&look(&page.shared, &page.scope, now()))
}

/// The page that a key opens.
#[track_caller]
fn opened(page: &Page, acts: Vec<Act>) -> Page {
    let [Act::Lines(seed, scope)] = acts.as_slice() else { panic!("{acts:?}") };
    Page { view: Logs::seeded((**seed).clone(), scope, now()), shared: shared(), scope: (**scope).clone(), size: page.size }
}

fn times(page: &Page) -> Vec<i64> {
    page.view.store.window(0).map(|l| l.id.at.since(Timestamp::from_secs(START)).as_secs() as i64).collect()
}

#[test]
fn a_field_filters_at_once_and_is_the_query() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![pooled(1, "orders"), pooled(2, "payments"), pooled(3, "orders"), line(4, Level::Info, "other")]);
    pressed(&mut page, &[Command::Up, Command::Up, Command::Up]);
    select(&mut page, "pool");
    page.press(Command::Drill);
    assert_eq!((page.view.store.shown(), filters(&page)), (2, vec!["pool=orders".to_owned()]));
    assert_eq!(
        page.queries()[0],
        r#"{service_name="orders"} | logfmt pool="pool" | pool="orders" | drop pool, __error__, __error_details__"#
    );
    assert!(page.queries()[1].contains(r#"| logfmt pool="pool" | pool="orders" ["#), "the volume counts the same: {:?}", page.queries());
    assert!(page.screen().contains("2 of 4 lines"), "{}", page.title());

    page.press(Command::Drill);
    assert_eq!((page.view.store.shown(), filters(&page)), (4, vec![]), "the same key takes it back");
    page.press(Command::Exclude);
    assert_eq!((page.view.store.shown(), filters(&page)), (2, vec!["pool!=orders".to_owned()]));
    assert_eq!(
        page.queries()[0],
        r#"{service_name="orders"} | logfmt pool="pool" | pool!="orders" | drop pool, __error__, __error_details__"#
    );
    page.press(Command::Widen);
    assert_eq!((page.view.store.shown(), page.queries()[0].as_str()), (4, r#"{service_name="orders"}"#));
    let acts = page.press(Command::Widen);
    assert!(matches!(acts.as_slice(), [Act::Notice(text)] if text.contains("no filter")), "{acts:?}");
}

#[test]
fn each_kind_of_field_is_asked_for_where_the_server_has_it() {
    let text = r#"{"msg":"served \"it\"","http":{"route":"/a","status":500},"pod":"x","a-b":{"c":1,"d":2},"tags":["a","b"]}"#;
    for (field, query) in [
        (
            "pod",
            r#"{service_name="orders"} | json pod_extracted="pod" | pod_extracted="x" | drop pod_extracted, __error__, __error_details__"#,
        ),
        (
            "http.route",
            r#"{service_name="orders"} | json http_route="http.route" | http_route="/a" | drop http_route, __error__, __error_details__"#,
        ),
        (
            "http.status",
            r#"{service_name="orders"} | json http_status="http.status" | http_status="500" | drop http_status, __error__, __error_details__"#,
        ),
        ("a-b.c", r#"{service_name="orders"} | json a_b_c="[\"a-b\"].c" | a_b_c="1" | drop a_b_c, __error__, __error_details__"#),
        ("user", r#"{service_name="orders"} | user="ana""#),
        ("service_name", r#"{service_name="orders", service_name="orders"}"#),
        ("message", r#"{service_name="orders"} |= "served""#),
        ("tags", r#"{service_name="orders"} |= "a""#),
    ] {
        let mut page = Page::new(scope(), BIG);
        page.history(vec![json(1, text), json(2, r#"{"msg":"else"}"#)]);
        page.press(Command::Up);
        select(&mut page, field);
        let acts = page.press(Command::Drill);
        if field == "tags" {
            assert!(matches!(acts.as_slice(), [Act::Notice(_)]) || page.queries()[0].contains("|="), "{acts:?}");
            continue;
        }
        assert_eq!(page.queries()[0], query, "{field}");
        assert!(page.view.store.shown() >= 1, "the line itself passes its own filter: {field}");
        let yanks = page.view.yanks(&look(&page.shared, &page.scope, now()));
        assert!(yanks.iter().any(|y| y.label == "query" && y.text == query), "{yanks:?}");
    }
}

#[test]
fn filters_join_what_was_typed_and_a_new_query_has_them() {
    let mut page = Page::new(scope(), BIG);
    page.view = Logs::new(&page.scope, Some(r#"{a="b"} |= "x""#));
    page.history(vec![pooled(1, "say \"x\"")]);
    select(&mut page, "pod");
    page.press(Command::Exclude);
    assert_eq!(page.queries()[0], r#"{a="b"} |= "x" | pod!="orders-k2vq""#);
    let reopen = page.view.reopen(&look(&page.shared, &page.scope, now()));
    assert_eq!(reopen, ["--query", r#"{a="b"} |= "x" | pod!="orders-k2vq""#]);
    page.press(Command::EditQuery);
    page.type_text(" != \"y\"");
    page.submit();
    assert_eq!(page.queries()[0], r#"{a="b"} |= "x" | pod!="orders-k2vq" != "y""#, "once, not twice");
    assert_eq!(filters(&page), Vec::<String>::new());
}

#[test]
fn the_detail_stays_on_its_line_and_its_field() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![pooled(1, "orders"), pooled(2, "payments")]);
    select(&mut page, "wait_ms");
    page.tell(0, LogEvent::Lines(numbered(100..110)));
    assert!(page.selected().contains("pool=payments"), "a new line does not take its place");
    pressed(&mut page, &[Command::NextPane, Command::Up, Command::NextPane]);
    assert!(page.selected().contains("pool=orders"));
    assert_eq!(field_of(&page).as_deref(), Some("wait_ms"), "the same field of the other line");
}

#[test]
fn nested_fields_are_a_tree() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![json(1, r#"{"msg":"m","http":{"route":"/a","request":{"id":"r-7","size":9}}}"#)]);
    let text = page.screen();
    assert!(text.contains("▾ http") && text.contains("  route") && text.contains("▾ request"), "{text}");
    select(&mut page, "http.request.id");
    pressed(&mut page, &[Command::Fold]);
    let said = |page: &Page| page.screen().matches("r-7").count();
    assert!(page.screen().contains("▸ request") && said(&page) == 1, "in the row alone\n{}", page.screen());
    page.press(Command::Unfold);
    assert_eq!(said(&page), 2, "{}", page.screen());
}

#[test]
fn values_are_counted_over_the_lines_that_are_held() {
    let mut page = Page::new(scope(), BIG);
    let lines = (0..30).map(|i| pooled(i, if i % 3 == 0 { "orders" } else { "payments" })).chain([line(40, Level::Info, "other")]);
    page.history(lines.collect());
    page.press(Command::Up);
    select(&mut page, "pool");
    page.press(Command::CountBy);
    let text = page.screen();
    assert!(text.contains("pool: 2 values over 31 lines, 1 without"), "{text}");
    let row = |value: &str| text.lines().find(|l| l.contains(value) && l.contains('%')).unwrap_or_default().to_owned();
    assert!(row("payments").contains("20") && row("orders").contains("10"), "{text}");
    pressed(&mut page, &[Command::Down, Command::Drill]);
    assert_eq!((page.view.store.shown(), filters(&page)), (10, vec!["pool=orders".to_owned()]));
    page.press(Command::CountBy);
    assert!(page.screen().contains("pool: 1 value over 10 lines"), "{}", page.screen());
    page.press(Command::Back);
    assert!(page.view.in_detail && page.screen().contains("line 10 of 10"), "{}", page.screen());
}

#[test]
fn the_wheel_over_the_list_leaves_the_counts_where_they_are() {
    let mut page = Page::new(scope(), BIG);
    page.history((0..200).map(|i| pooled(i, "orders")).collect());
    page.press(Command::Up);
    select(&mut page, "pool");
    page.press(Command::CountBy);
    let over = page.view.places(Rect::new(0, 0, BIG.0, BIG.1)).list;
    let turned = MouseEvent { kind: MouseEventKind::ScrollUp, column: over.x + 1, row: over.y + 1, modifiers: KeyModifiers::NONE };
    let before = page.selected();
    with(&look(&page.shared, &page.scope, now()), page.size, |cx| page.view.mouse(cx, turned));
    assert_ne!(page.selected(), before, "the list moves");
    assert!(page.view.in_detail && page.screen().contains("pool: 1 value over 200 lines"), "{}", page.screen());
}

#[test]
fn a_field_selected_where_it_has_more_rows_is_the_same_where_it_has_fewer() {
    let mut page = Page::new(scope(), (60, 60));
    let long = "word ".repeat(400);
    page.history(vec![line(1, Level::Info, &format!(r#"{{"msg":"m","long":"{}","next":"n"}}"#, long.trim()))]);
    page.press(Command::Up);
    select(&mut page, "long");
    pressed(&mut page, &[Command::PageDown; 4]);
    let selected = |page: &Page, area: Rect| page.view.field(&look(&page.shared, &page.scope, now()), area).map(|f| f.name);
    let narrow = selected(&page, Rect::new(0, 0, 60, 60));
    assert_eq!(narrow.as_deref(), Some("long"));
    assert_eq!(selected(&page, Rect::new(0, 0, 500, 60)), narrow);
}

#[test]
fn many_lines_are_counted_as_few_are_and_it_is_said_how_many() {
    let mut page = Page::new(scope(), (160, 30));
    page.shared.settings.log_bytes = 64 << 20;
    page.history((0..60_000).map(|i| LogLine { at: Timestamp(i), ..pooled(1, if i % 4 == 0 { "orders" } else { "payments" }) }).collect());
    page.press(Command::Up);
    for (field, title, orders) in
        [("pool", "pool: 2 values over the newest 50,000 of 60,000 lines", "12,500"), ("pod", "pod: 1 value over 60,000 lines", "60,000")]
    {
        select(&mut page, field);
        page.press(Command::CountBy);
        assert!(page.screen().contains(title) && page.screen().contains(orders), "{}", page.screen());
        page.press(Command::CountBy);
    }
}

#[test]
fn a_field_is_a_column_until_it_is_not() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![pooled(1, "orders"), pooled(2, "payments"), line(3, Level::Info, "other")]);
    page.press(Command::Up);
    for field in ["pool", "wait_ms"] {
        select(&mut page, field);
        page.press(Command::ShowColumn);
    }
    let text = page.screen();
    let row = |text: &str, with: &str| text.lines().find(|l| l.contains(with)).unwrap_or_default().to_owned();
    let heading = row(&text, "MESSAGE");
    let at = |line: &str, what: &str| line.find(what).map(|i| line[..i].chars().count());
    assert!(at(&heading, "pool").is_some(), "{text}");
    assert_eq!(at(&row(&text, "orders "), "orders "), at(&heading, "pool"), "{text}");
    assert_eq!(at(&row(&text, "payments "), "payments "), at(&heading, "pool"), "{text}");
    assert_eq!(at(&row(&text, "other"), "–"), at(&heading, "pool"), "a line without it\n{text}");
    assert!(!row(&text, "timeout").contains("pool="), "said once\n{text}");
    page.press(Command::ColumnEarlier);
    let heading = row(&page.screen(), "MESSAGE");
    assert!(at(&heading, "wait_ms") < at(&heading, "pool"), "{heading}");
    page.press(Command::ShowColumn);
    assert!(!page.screen().contains(" wait_ms "), "{}", page.screen());
    page.size = (44, 30);
    select(&mut page, "wait_ms");
    page.press(Command::ShowColumn);
    assert!(page.screen().contains("no room for"), "{}", page.screen());
}

#[test]
fn times_are_shown_in_four_ways() {
    let mut page = Page::new(scope(), BIG);
    page.shared.settings.zone = (3600, "CET".to_owned());
    page.history(vec![line(1, Level::Info, "one"), line(61, Level::Info, "two")]);
    let row = |page: &Page| page.screen().lines().find(|l| l.contains("two")).unwrap().to_owned();
    for (expected, note) in [("23:14:21.000", ""), ("22:14:21.000", "UTC"), ("8m", "ago"), ("+60.0 s", "since the line before")] {
        assert!(row(&page).contains(expected) && page.title().contains(note), "{expected} in {} {}", row(&page), page.title());
        page.press(Command::TimeForm);
    }
    assert!(row(&page).contains("23:14:21.000"));
}

#[test]
fn long_lines_are_cut_moved_or_wrapped() {
    let mut page = Page::new(scope(), (80, 24));
    let long = format!("begin {} end", "x".repeat(150));
    page.history(vec![line(1, Level::Info, "short"), line(2, Level::Info, &long)]);
    assert!(page.screen().contains('…') && !page.screen().contains(" end"), "{}", page.screen());
    (0..6).for_each(|_| drop(page.press(Command::ShiftRight)));
    assert!(page.screen().contains(" end") && page.title().contains("120 cells on"), "{}", page.screen());
    (0..9).for_each(|_| drop(page.press(Command::ShiftLeft)));
    assert!(page.screen().contains("short"));
    page.press(Command::Wrap);
    let text = page.screen();
    assert!(text.contains(" end") && text.contains("short") && page.title().contains("wrapped"), "{text}");
    let rows = |text: &str| text.lines().filter(|l| l.contains("xxxx")).count();
    assert!(rows(&text) >= 3, "{text}");
    pressed(&mut page, &[Command::Up]);
    assert_eq!(page.selected(), "short");
    assert_eq!(rows(&page.screen()), rows(&text));
}

#[test]
fn a_line_of_a_megabyte_is_cut_in_the_list_and_whole_in_the_detail() {
    let mut page = Page::new(scope(), BIG);
    page.shared.settings.log_bytes = 16 << 20;
    let text = format!("{{\"msg\":\"{}\",\"pool\":\"orders\"}}", "y".repeat(1 << 20));
    page.history(vec![line(1, Level::Info, &text)]);
    assert!(page.screen().contains("1.00 MiB"), "{}", page.screen());
    page.press(Command::NextPane);
    assert!(page.screen().contains("yyyy"), "{}", page.screen());
    page.press(Command::Bottom);
    let text = page.screen();
    assert!(text.contains("orders-k2vq"), "the last field, after all of the message\n{text}");
    for _ in 0..10 {
        if field_of(&page).as_deref() != Some("pool") {
            page.press(Command::Up);
        }
    }
    page.press(Command::Drill);
    assert_eq!(filters(&page), ["pool=orders"]);
}

#[test]
fn colours_of_the_log_are_kept_and_nothing_else_of_it_reaches_the_screen() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "a \u{1b}[1;32mgreen\u{1b}[0m word \u{1b}[2J\u{202e}evil\u{7}")]);
    let (w, h) = page.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    page.view.render(&look(&page.shared, &page.scope, now()), buf.area, &mut buf);
    let cell = |text: &str| {
        let row = (0..h).find(|y| row_of(&buf, *y).contains("green word")).unwrap();
        let at = row_of(&buf, row).find(text).map(|i| row_of(&buf, row)[..i].chars().count()).unwrap();
        buf.cell((u16::try_from(at).unwrap(), row)).unwrap().clone()
    };
    assert_eq!((cell("green").fg, cell("green").modifier.contains(Modifier::BOLD)), (Color::Indexed(2), true));
    assert_ne!(cell("word").fg, Color::Indexed(2));
    assert!(page.screen().contains("·evil·"), "{}", page.screen());
}

fn row_of(buf: &Buffer, y: u16) -> String {
    (0..buf.area.width).filter_map(|x| buf.cell((x, y))).map(ratatui::buffer::Cell::symbol).collect()
}

#[test]
fn context_reads_both_sides_of_a_line_without_filters() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(100..200));
    page.press(Command::Filter);
    page.type_text("number 1");
    page.key(KeyCode::Enter);
    (0..50).for_each(|_| drop(page.press(Command::Up)));
    let line = page.selected();
    let acts = page.press(Command::Context);
    let mut around = opened(&page, acts);
    assert_eq!((around.selected(), filters(&around)), (line.clone(), vec![]), "the line is there before any answer");
    let asked = needs(&around.view, &look(&around.shared, &around.scope, now()), BIG.0, BIG.1);
    let [older, newer] = asked.as_slice() else { panic!("{asked:?}") };
    let stream = |query: &str| query.contains(r#"service_name="orders""#) && query.contains("pod=") && !query.contains('|');
    assert!(matches!(&older.request, Request::LogOlder { query, .. } if stream(query)), "{older:?}");
    assert!(matches!(&newer.request, Request::LogNewer { query, .. } if stream(query)), "{newer:?}");
    let at = around.view.line().unwrap().id.at;

    let second = at.since(Timestamp::from_secs(START)).as_secs() as i64;
    around.answer_newer(Ok(NewerLines { lines: numbered(second + 1..second + 40), left: None, gap: None }));
    around.answer_older(Ok(numbered(second - 50..second + 1)), Older::Nothing);
    assert_eq!((around.selected(), times(&around).len()), (line, 90), "its own line is there once");
    let row = around.screen().lines().position(|row| row.contains('▌'));
    assert!(row > Some(6), "lines before it are on the screen, too:\n{}", around.screen());
    pressed(&mut around, &[Command::Top]);
    assert!(around.title().contains("no older lines in this window"), "{}", around.title());
    pressed(&mut around, &[Command::Bottom]);
    assert!(around.title().contains("no newer lines in this window"), "{}", around.title());
}

#[test]
fn newer_lines_are_read_as_they_are_looked_at_and_a_failure_is_told() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "number 1")]);
    let acts = page.press(Command::Context);
    let mut around = opened(&page, acts);
    let left = Timestamp::from_secs(START + 50);
    around.answer_newer(Ok(NewerLines { lines: numbered(2..51), left: Some(left), gap: None }));
    assert_eq!(around.newer_asked(), None, "one screen is enough: {}", around.title());
    assert!(around.title().contains("newer ones not loaded"), "{}", around.title());
    around.press(Command::Bottom);
    assert_eq!(around.newer_asked(), Some(left));
    around.answer_newer(Err(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "no answer within 10 s")));
    assert!(around.title().contains("newer lines: no answer within 10 s"), "{}", around.title());
    assert_eq!(around.newer_asked(), Some(left), "asked again");
}

#[test]
fn the_lines_of_a_trace_are_one_list_through_all_services() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "started"), of_trace(2), line(3, Level::Info, "other")]);
    page.press(Command::Up);
    for (command, expected) in [(Command::FollowValue, 2), (Command::NextRelated, 5), (Command::PreviousRelated, 1)] {
        let acts = page.press(command);
        let mut merged = opened(&page, acts);
        assert_eq!((merged.scope.service.clone(), merged.view.line().is_some()), (None, true));
        let queries = merged.queries();
        assert_eq!(queries.len(), 2, "no lines of all services are counted over time");
        let [labels, text] = crate::views::logs::query::of_trace(TraceId::parse(TRACE).unwrap());
        assert_eq!(queries[0], format!(r#"{{service_name=~".+"}}{labels}"#));
        assert_eq!(queries[1], format!(r#"{{service_name=~".+"}}{text}"#));
        merged.history(vec![of_trace(1), of_trace(2), of_trace(5), of_trace(9)]);
        assert!(!merged.screen().contains(" new"), "none of them came since\n{}", merged.screen());
        let second = |page: &Page| page.view.line().unwrap().id.at.since(Timestamp::from_secs(START)).as_secs();
        assert_eq!((second(&merged), times(&merged)), (expected, vec![1, 2, 5, 9]));
        let acts = pressed(&mut merged, &[Command::Top, Command::NextRelated]);
        assert_eq!((second(&merged), acts), (2, vec![]), "here it is the next line");
    }
}

#[test]
fn a_line_without_a_trace_follows_its_request_or_asks() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![
        line(1, Level::Info, "msg=done request_id=r-17 order=5"),
        line(2, Level::Info, "msg=done order=5 user=ana"),
        line(3, Level::Info, "bare"),
    ]);
    let acts = page.press(Command::FollowValue);
    assert!(matches!(acts.as_slice(), [Act::Notice(_)]), "{acts:?}");
    page.press(Command::Up);
    let acts = page.press(Command::FollowValue);
    let [Act::Choose(_, rows)] = acts.as_slice() else { panic!("{acts:?}") };
    assert!(rows.iter().any(|(name, value, _)| name == "order" && value == "5"), "{rows:?}");
    let acts = page.press(Command::NextRelated);
    assert!(matches!(acts.as_slice(), [Act::Notice(text)] if text.contains("neither a trace nor a request")), "{acts:?}");
    page.press(Command::Up);
    let acts = page.press(Command::NextRelated);
    let merged = opened(&page, acts);
    assert_eq!(merged.queries()[0], r#"{service_name=~".+"} |= "r-17""#);
    assert_eq!(merged.view.crumb(&look(&merged.shared, &merged.scope, now())), "Logs r-17");
    select(&mut page, "order");
    let acts = page.press(Command::FollowValue);
    assert_eq!(opened(&page, acts).queries()[0], r#"{service_name=~".+"} |= "5""#, "the selected value goes first");
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
fn marks_stay_with_their_lines() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    pressed(&mut page, &[Command::Top, Command::Mark]);
    (0..30).for_each(|_| drop(page.press(Command::Down)));
    page.press(Command::Mark);
    assert_eq!(page.selected(), "number 30");
    page.press(Command::Bottom);
    for expected in ["number 0", "number 30", "number 0"] {
        page.press(Command::NextMark);
        assert_eq!(page.selected(), expected);
    }
    assert!(page.screen().lines().any(|l| l.contains('●') && l.contains("number 0")), "{}", page.screen());
    page.tell(0, LogEvent::Lines(vec![line(15, Level::Info, "late")]));
    page.press(Command::PreviousMark);
    assert_eq!(page.selected(), "number 30");
    with(&look(&page.shared, &page.scope.clone(), now()), BIG, |cx| page.view.rescoped(cx));
    page.history(numbered(0..50));
    page.press(Command::NextMark);
    assert_eq!(page.selected(), "number 0", "another window of the same lines");
    page.press(Command::Mark);
    page.press(Command::NextMark);
    assert_eq!(page.selected(), "number 30");
}

#[test]
fn errors_and_minutes_are_walked_both_ways() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..200));
    page.press(Command::PreviousError);
    assert_eq!(page.selected(), "number 190");
    page.press(Command::PreviousError);
    assert_eq!(page.selected(), "number 180");
    // The first line is 20 seconds into its minute.
    for (command, expected) in [
        (Command::PreviousMinute, "number 160"),
        (Command::PreviousMinute, "number 100"),
        (Command::NextMinute, "number 160"),
        (Command::PreviousMinute, "number 100"),
        (Command::PreviousMinute, "number 40"),
        (Command::PreviousMinute, "number 0"),
    ] {
        page.press(command);
        assert_eq!(page.selected(), expected);
    }
    let acts = page.press(Command::PreviousMinute);
    assert!(matches!(acts.as_slice(), [Act::Notice(_)]), "{acts:?}");
}

#[test]
fn a_seed_that_is_edited_is_no_seed_any_more() {
    let seed =
        Seed { query: "{a=\"b\"}".to_owned(), also: Some("{a=\"b\"} |= \"x\"".to_owned()), crumb: Some("x".to_owned()), ..Seed::default() };
    let mut page = Page { view: Logs::seeded(seed, &scope(), now()), ..Page::new(scope(), BIG) };
    assert_eq!(page.queries().len(), 3);
    page.press(Command::EditQuery);
    page.type_text(" |= \"y\"");
    page.submit();
    assert_eq!(page.queries()[0], r#"{a="b"} |= "y""#);
    assert_eq!(page.view.crumb(&look(&page.shared, &page.scope, now())), "Logs");
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
fn a_time_is_gone_to_at_once_or_becomes_the_window() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..300));
    let go = |page: &mut Page, text: &str| {
        page.press(Command::GoToTime);
        page.type_text(text);
        let look = look(&page.shared, &page.scope, now());
        with(&look, page.size, |cx| page.view.type_key(cx, KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE))).1
    };
    assert_eq!(go(&mut page, "22:15:00"), []);
    assert_eq!(page.selected(), "number 100");
    let acts = go(&mut page, "nonsense");
    assert!(matches!(acts.as_slice(), [Act::Notice(text)] if text.contains("not a time")), "{acts:?}");
    assert_eq!(page.selected(), "number 100");

    let acts = go(&mut page, "20:00:00");
    let [Act::Rescope(to)] = acts.as_slice() else { panic!("{acts:?}") };
    page.scope = (**to).clone();
    with(&look(&page.shared, &page.scope.clone(), now()), BIG, |cx| page.view.rescoped(cx));
    let second = |clock: i64| clock - (22 * 3600 + 13 * 60 + 20);
    let at = Timestamp::from_secs(START + second(72_000));
    assert_eq!((page.older_asked(), page.newer_asked()), (Some(Timestamp(at.0 + 1)), Some(Timestamp(at.0 + 1))));
    let left = Some(Timestamp::from_secs(START + second(72_100)));
    page.answer_older(Ok(numbered(second(71_900)..second(72_001))), Older::Left(Timestamp::from_secs(START + second(71_900))));
    page.answer_newer(Ok(NewerLines { lines: numbered(second(72_001)..second(72_100)), left, gap: None }));
    assert_eq!(page.selected(), format!("number {}", second(72_000)), "the line of that time");
}
