//! LogQL beside PromQL.

use super::*;

#[test]
fn a_logql_is_asked_of_loki_and_completes_from_it() {
    let mut page = Page::new(&[]);
    page.press(KeyEvent::new(KeyCode::Char('l'), KeyModifiers::CONTROL));
    assert!(page.screen().contains("LogQL"), "{}", page.screen());
    page.text("sum(count_over_time({");
    let window = page.scope.window;
    assert_eq!(page.asked(), [Request::LogLabelNames { query: String::new(), window }]);
    page.answer(|_| names(&["app"]));
    page.key(KeyCode::Tab);
    page.text("x\"}[1m]))");
    let acts = page.key(KeyCode::Enter);
    let query = "sum(count_over_time({app=\"x\"}[1m]))";
    assert_eq!(acts, [Act::Asked(TypedQuery::logql(query))]);
    assert!(matches!(&page.asked()[..], [Request::LogExplore { query: asked, step: Some(_), .. }] if asked == query), "{:?}", page.asked());
    page.answer(|_| graph(&[(&[("level", "error")], 3.0)]));
    assert!(page.screen().contains("1 series"), "{}", page.screen());
    assert_eq!(page.view.reopen(&look(&page.shared, &page.scope, NOW)), ["--logql", query]);
}

#[test]
fn a_logql_of_lines_opens_them_in_logs_and_what_is_neither_is_marked() {
    let mut page = Page { view: Query::new(&[TypedQuery::logql("{a=\"b\"} |= `x`")]), ..Page::new(&[]) };
    assert_eq!(page.asked(), []);
    page.command(Command::EditQuery);
    let acts = page.key(KeyCode::Enter);
    let [Act::Asked(_), Act::Lines(seed, _)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!(seed.query, "{a=\"b\"} |= `x`");
    for (text, at) in [("up", 0), ("sum(rate({a=\"b\"}[1m])", 3), ("{a=\"b", 3)] {
        let mut page = Page { view: Query::new(&[TypedQuery::logql("")]), ..Page::new(&[]) };
        page.command(Command::EditQuery);
        page.text(text);
        page.key(KeyCode::Esc);
        page.command(Command::EditQuery);
        assert_eq!(page.key(KeyCode::Enter), [], "{text}");
        let (column, _) = page.place("^");
        let (begin, _) = page.place(text);
        assert_eq!((column - begin, page.asked()), (at, vec![]), "{text}");
    }
}
