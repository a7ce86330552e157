//! One value through all services.

use super::*;

#[test]
fn the_lines_of_a_trace_are_one_list_through_all_services() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "started"), of_trace(2), line(3, Level::Info, "other")]);
    page.press(Command::Up);
    for (command, expected) in [(Command::FollowValue, 2), (Command::NextRelated, 5), (Command::PreviousRelated, 1)] {
        let acts = page.press(command);
        let mut merged = page.opened(&acts);
        assert_eq!((merged.scope.service.clone(), merged.view.line().is_some()), (None, true));
        let queries = merged.queries();
        assert_eq!(queries.len(), 2, "no lines of all services are counted over time");
        let [labels, text] = crate::views::logs::query::of_trace(TraceId::parse(TRACE).unwrap());
        assert_eq!(queries[0], format!(r#"{{service_name=~".+"}}{labels}"#));
        assert_eq!(queries[1], format!(r#"{{service_name=~".+"}}{text}"#));
        merged.history(vec![of_trace(1), of_trace(2), of_trace(5), of_trace(9)]);
        assert!(!merged.screen().contains(" new"), "none of them came since\n{}", merged.screen());
        let second = |page: &Page| page.view.line().unwrap().id.at.since(Timestamp::from_secs(START)).as_secs();
        assert_eq!((second(&merged), merged.seconds()), (expected, vec![1, 2, 5, 9]));
        let acts = merged.presses(&[Command::Top, Command::NextRelated]);
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
    let merged = page.opened(&acts);
    assert_eq!(merged.queries()[0], r#"{service_name=~".+"} |= "r-17""#);
    assert_eq!(merged.view.crumb(&look(&merged.shared, &merged.scope, now())), "Logs r-17");
    page.select("order");
    let acts = page.press(Command::FollowValue);
    assert_eq!(page.opened(&acts).queries()[0], r#"{service_name=~".+"} |= "5""#, "the selected value goes first");
}
