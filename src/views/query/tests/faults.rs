//! What is wrong with a query, under its column.

use super::*;

#[test]
fn the_servers_error_stands_under_its_column_over_the_last_good_result() {
    let mut page = Page::new(&["up"]);
    page.answer(|_| graph(&[(&[("job", "shop")], 1.0)]));
    page.command(Command::EditQuery);
    page.text(" +").key(KeyCode::Enter);
    page.answer(|_| refused(r#"invalid parameter "query": 1:5: parse error: unexpected end of input"#));
    let screen = page.screen();
    let lines: Vec<&str> = screen.lines().collect();
    let query = lines.iter().position(|l| l.contains("a up +")).unwrap();
    let column = lines[query].chars().position(|c| c == 'u').unwrap() + 4;
    assert_eq!(lines[query + 1].chars().position(|c| c == '^'), Some(column), "{screen}");
    assert!(lines[query + 2].contains("parse error: unexpected end of input"), "{screen}");
    assert!(screen.contains("stale") && screen.contains("job=\"shop\""), "{screen}");
    page.command(Command::EditQuery);
    page.text(" 1");
    assert!(!page.screen().contains("unexpected end"), "the error is of another text now: {}", page.screen());
}

#[test]
fn only_a_bracket_that_closes_nothing_is_wrong_before_it_is_asked() {
    let mut page = Page::new(&[]);
    page.text("sum(up");
    assert!(!page.screen().contains('^'));
    page.text("))");
    assert!(page.screen().contains("\")\" closes nothing"), "{}", page.screen());
    page.key(KeyCode::Enter);
    assert!(matches!(&page.asked()[..], [Request::Explore { .. }]), "the server is the judge");
}

#[test]
fn a_mark_stands_under_its_character_after_wide_ones_and_in_a_long_query() {
    for (query, at) in [
        (r#"up{a="日本", b="e\u{301}"})"#.replace("\\u{301}", "\u{301}"), ")"),
        (format!("up{{a=\"{}\"}}) + y", "é".repeat(50_000)), ")"),
        (format!("{} + sum(rate(x[5m]) by", "x + ".repeat(25_000)), "sum("),
    ] {
        let place = if at == ")" { query.rfind(')').unwrap() } else { query.find(at).unwrap() };
        let mut page = Page::new(&[&query]);
        page.answer(|_| refused(&format!("invalid parameter \"query\": 1:{}: parse error: no", place + 1)));
        let mark = page.place("^");
        // A cell each: the accent shares the one of its letter.
        let marked: Vec<char> = page.screen().lines().nth(mark.1 - 1).unwrap().chars().filter(|c| *c != '\u{301}').collect();
        assert_eq!(marked[mark.0], at.chars().next().unwrap(), "{}", page.screen());
    }
}

#[test]
fn blanks_around_a_query_do_not_move_its_mark() {
    let mut page = Page::new(&[]);
    page.text("  up up  ").key(KeyCode::Enter);
    page.answer(|_| refused(r#"invalid parameter "query": 1:4: parse error: unexpected identifier "up""#));
    let (mark, query) = (page.place("^"), page.place("up up"));
    assert_eq!(mark, (query.0 + 3, query.1 + 1), "{}", page.screen());
}

#[test]
fn lokis_error_stands_under_its_column() {
    let mut page = Page { view: Query::new(&[TypedQuery::logql("rate({a=\"é\"})")]), ..Page::new(&[]) };
    page.answer(|_| refused("parse error at line 1, col 14: syntax error: unexpected )"));
    let ((mark, _), (text, _)) = (page.place("^"), page.place("rate("));
    assert_eq!(mark - text, 13, "{}", page.screen());
    assert!(page.screen().contains("unexpected )"));
}
