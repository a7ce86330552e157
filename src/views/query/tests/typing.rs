//! A query as it is typed: names that complete it, earlier ones, pasted ones.

use super::*;

#[test]
fn names_are_asked_once_while_typing_and_the_query_only_by_enter() {
    let mut page = Page::new(&[]);
    page.text("ht");
    let metric_names = Request::MetricNames { window: page.scope.window };
    assert_eq!(page.asked(), [metric_names]);
    page.answer(|_| names(&["http_requests_total", "go_info"]));
    assert!(page.screen().contains("http_requests_total"), "{}", page.screen());
    page.text("tp");
    assert!(!page.asked().iter().any(|r| matches!(r, Request::MetricNames { .. } | Request::Explore { .. })), "{:?}", page.asked());
    page.key(KeyCode::Tab);
    assert_eq!(page.typed(), "http_requests_total");
    page.text("{");
    assert_eq!(page.asked(), [Request::LabelNames { query: "http_requests_total".to_owned(), window: page.scope.window }]);
    page.answer(|_| Some(Ok(Response::LabelNames(vec!["__name__".into(), "code".into()]))));
    page.key(KeyCode::Tab);
    assert_eq!(page.typed(), "http_requests_total{code=\"");
    page.answer(|need| matches!(need.request, Request::LabelValues { .. }).then(|| names(&["200", "500"])).flatten());
    page.key(KeyCode::Down);
    page.key(KeyCode::Enter);
    assert_eq!(page.typed(), "http_requests_total{code=\"500\"", "what the arrows chose is taken by Enter");
    page.text("}").key(KeyCode::Enter);
    let [Request::Explore { query, step: Some(_), .. }] = &page.asked()[..] else { panic!("{:?}", page.asked()) };
    assert_eq!(query, "http_requests_total{code=\"500\"}");
}

#[test]
fn a_metrics_type_and_help_are_told_of_the_selected_one() {
    let mut page = Page::new(&[]);
    page.text("htt");
    page.answer(|_| names(&["http_requests_total"]));
    assert_eq!(page.asked(), [Request::AboutMetric { metric: "http_requests_total".to_owned() }]);
    page.answer(|_| Some(Ok(Response::About(About { kind: "counter".to_owned(), help: "Requests served.".to_owned() }))));
    assert!(page.screen().contains("counter · Requests served."), "{}", page.screen());
    assert!(page.asked().is_empty());
}

#[test]
fn names_that_never_come_hold_nothing_up() {
    let mut page = Page::new(&[]);
    page.text("rat");
    assert!(page.screen().contains("rate(range)"), "functions need no server: {}", page.screen());
    page.answer(|_| Some(Err(SourceError::new(Backend::Prometheus, ErrorKind::Timeout(Duration::from_secs(10)), "timeout after 10 s"))));
    assert!(page.screen().contains("no names: timeout after 10 s"), "{}", page.screen());
    page.text("e(up[5m])").key(KeyCode::Enter);
    assert!(matches!(&page.asked()[..], [Request::Explore { .. }]));
}

#[test]
fn names_that_take_long_are_said_to_be_asked_for() {
    let mut page = Page::new(&[]);
    page.text("up{");
    assert_eq!(page.asked().len(), 1);
    let slot = crate::core::request::SlotId { view: crate::app::testing::VIEW, pane: NAMES, part: 0 };
    page.shared.asked.insert(slot, NOW - Duration::from_millis(100));
    assert!(!page.screen().contains("is asked for names"));
    page.shared.asked.insert(slot, NOW - Duration::from_secs(5));
    assert!(page.screen().contains("is asked for names"), "{}", page.screen());
    page.press(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
    page.text("rat");
    let screen = page.screen();
    assert!(screen.contains("irate") && screen.contains("is asked for names"), "below the functions as well: {screen}");
}

#[test]
fn history_comes_back_and_so_does_the_draft() {
    let mut page = Page::new(&[]);
    page.text("vector(1)").key(KeyCode::Enter);
    page.command(Command::EditQuery);
    page.press(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
    page.text("vector(2)").key(KeyCode::Enter);
    page.command(Command::EditQuery);
    page.text(" + 3");
    page.key(KeyCode::Esc);
    page.command(Command::EditQuery);
    assert_eq!(page.typed(), "vector(2) + 3", "Esc loses nothing");
    page.press(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL));
    page.press(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL));
    assert_eq!(page.typed(), "vector(1)");
    page.press(KeyEvent::new(KeyCode::Char('n'), KeyModifiers::CONTROL));
    page.press(KeyEvent::new(KeyCode::Char('n'), KeyModifiers::CONTROL));
    assert_eq!(page.typed(), "vector(2) + 3");
}

#[test]
fn a_pasted_query_is_whole_or_not_there() {
    let mut page = Page::new(&[]);
    page.text("up");
    assert!(page.paste("\n  offset 5m # before\n").is_empty());
    assert_eq!(page.typed(), "up offset 5m");
    let long = format!(" + {}", "x+".repeat(50_000));
    assert!(page.paste(&long).is_empty(), "100 KB are a query still");
    assert_eq!(page.typed().len(), "up offset 5m".len() + long.len());
    page.screen();
    let acts = page.paste(&long);
    assert!(matches!(&acts[..], [Act::Notice(why)] if why.contains("not pasted")), "{acts:?}");
    assert_eq!(page.typed().len(), "up offset 5m".len() + long.len());
}
