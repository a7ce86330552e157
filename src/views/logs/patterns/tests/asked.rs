use super::*;

/// 30 lines of one statement, 10 of each of two others, of which one has the words of the first.
fn page(extra: &str) -> Page {
    let served = |i: i64| line(i, Level::Info, &format!(r#"{{"msg":"served {i} bytes","route":"/a"}}"#));
    let other = |i: i64| line(i, Level::Warn, format!("2026-11-21 14:57:42.113 WARN pool is slow after {i} ms {extra}").trim_end());
    Page::of(scope(), (0..30).map(served).chain((30..40).map(other)).collect())
}

/// What the worker does for all patterns that were picked.
fn hold_against_lines(page: &mut Page) {
    loop {
        let look = look(&page.shared, &page.scope, page.now);
        let mut needs = needs(&page.view, &look, page.size.0, page.size.1).into_iter();
        let Some(need) = needs.find(|need| need.slot.pane == "same") else { return };
        let Request::Same(job) = &need.request else { panic!("{:?}", need.request) };
        let same = job.run();
        page.answer_part("same", need.slot.part, Ok(Response::Same(same)));
    }
}

fn query(page: &Page) -> String {
    match page.asked("lines") {
        Request::LogStream { query, .. } => query,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pattern_is_shown_as_the_logql_that_says_the_same_and_becomes_a_part_of_the_query() {
    let mut page = page("");
    page.select("served");
    page.press(Command::Drill);
    assert_eq!(page.lines().len(), 30);
    page.press(Command::Conditions);
    assert!(page.screen().contains("looking for LogQL that says the same"), "{}", page.screen());
    let before = query(&page);
    let acts = page.press(Command::FilterToQuery);
    assert!(matches!(acts.as_slice(), [Act::Notice(text)] if text.contains("still")) && query(&page) == before, "{acts:?}");
    hold_against_lines(&mut page);
    assert!(page.screen().contains(r#"here  |> "served <_> bytes<_>"   Q asks Loki for it"#), "{}", page.screen());
    page.press(Command::FilterToQuery);
    assert_eq!(query(&page), r#"{service_name="orders"} |> "served <_> bytes<_>""#);
    assert_eq!((page.lines().len(), page.filters().as_str()), (30, r#">"served <_> bytes<_>""#), "the same lines are shown");
    page.press(Command::Exclude);
    assert_eq!((query(&page), page.lines().len()), (r#"{service_name="orders"} !> "served <_> bytes<_>""#.to_owned(), 10));
}

#[test]
fn patterns_that_are_left_out_go_into_the_query_one_by_one() {
    let mut page = page("");
    for words in ["served", "pool is slow"] {
        page.select(words);
        page.press(Command::Exclude);
    }
    hold_against_lines(&mut page);
    page.press(Command::Back);
    assert_eq!(page.lines().len(), 0);
    page.press(Command::Conditions);
    page.press(Command::Bottom);
    page.press(Command::FilterToQuery);
    assert_eq!((query(&page), page.lines().len()), (r#"{service_name="orders"} !> "pool is slow after <_> ms""#.to_owned(), 0));
    page.press(Command::Bottom);
    page.press(Command::RemoveCondition);
    assert_eq!(page.lines().len(), 30, "the other one is taken back by itself: {}", page.filters());
}

#[test]
fn what_no_logql_says_stays_a_filter_of_the_lines_that_are_here() {
    // The same texts in the same order are in another statement.
    let mut page = page("served it bytes x");
    page.select("served <*> bytes");
    page.press(Command::Drill);
    page.press(Command::Conditions);
    hold_against_lines(&mut page);
    assert!(page.screen().contains("no LogQL says the same"), "{}", page.screen());
    let before = query(&page);
    let acts = page.press(Command::FilterToQuery);
    assert!(matches!(acts.as_slice(), [Act::Notice(_)]), "{acts:?}");
    assert_eq!((query(&page), page.lines().len()), (before, 30));
}

/// The page where Loki is asked by two patterns.
fn asked_by_patterns() -> Page {
    let mut page = page("");
    for words in ["pool is slow", "served"] {
        page.select(words);
        page.press(if words == "served" { Command::Drill } else { Command::Exclude });
    }
    hold_against_lines(&mut page);
    page.press(Command::Conditions);
    for _ in 0..2 {
        page.press(Command::Bottom);
        page.press(Command::FilterToQuery);
    }
    assert!(query(&page).contains("|>") && query(&page).contains("!>"), "{}", query(&page));
    page
}

fn refusal(message: impl Into<String>) -> Result<Response, SourceError> {
    Err(SourceError::new(Backend::Loki, ErrorKind::BadQuery, message.into()))
}

#[test]
fn a_loki_that_knows_no_patterns_is_asked_by_expressions_and_what_is_left_out_is_left_out_here() {
    let mut page = asked_by_patterns();
    let shown = page.lines().len();
    let before = query(&page);
    // Of Loki 2.9: the place is that of the `>`.
    let column = before.find("|>").unwrap() + 2;
    page.answer("lines", refusal(format!("parse error at line 1, col {column}: syntax error: unexpected >, expecting STRING or ip")));
    let after = query(&page);
    assert!(after.contains(r#"|~ "(?s)served .+? bytes.+?$""#) && !after.contains("pool is slow"), "{after}");
    assert_eq!(page.lines().len(), shown);
    assert!(page.filters().contains("here alone"), "{}", page.filters());
}

#[test]
fn any_other_refusal_leaves_patterns_as_they_are() {
    let mut page = asked_by_patterns();
    let before = query(&page);
    for message in [
        "parse error at line 1, col 2: syntax error: unexpected IDENTIFIER",
        "400 Bad Request",
        r#"parse error : stage '|> "served <_> bytes<_>"' : named captures are not allowed"#,
        "the query time range exceeds the limit",
    ] {
        page.answer("lines", refusal(message));
        assert_eq!(query(&page), before, "{message}");
    }
}
