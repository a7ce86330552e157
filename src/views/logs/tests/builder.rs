//! The list of conditions, what is typed into it, and the ways into it.

use super::*;
use crate::views::logs::{
    By, conditions,
    fields::{Field, Source},
};

fn served(second: i64, status: u16, route: &str) -> LogLine {
    line(second, Level::Info, &format!(r#"{{"msg":"served in time","status":{status},"route":"{route}","took":"{second}ms"}}"#))
}

fn page() -> Page {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![served(1, 200, "/a"), served(2, 500, "/b"), served(3, 503, "/a"), line(4, Level::Warn, "out of Luck")]);
    page
}

fn add(page: &mut Page, text: &str) {
    page.press(Command::AddCondition);
    page.type_text(text);
}

const OWN: &str = r#"{service_name="orders"}"#;
const DROP: &str = " | drop status, __error__, __error_details__";

#[test]
fn a_condition_answers_as_it_is_typed_and_is_asked_for_when_it_is_done() {
    let mut page = page();
    add(&mut page, "status>=500");
    assert_eq!((page.view.store.shown(), page.queries()[0].as_str()), (2, OWN), "here at once, there not yet");
    let screen = page.screen();
    assert!(screen.contains(r#"on    | status >= 500 | __error__="""#), "{screen}");
    assert!(screen.contains(r#"{service_name="orders"} | json status="status" | status >= 500"#), "the query grows: {screen}");
    assert!(page.view.prompt().unwrap().line(120).text.contains("2 of 4 lines"));
    page.key(KeyCode::Enter);
    let asked = format!(r#"{OWN} | json status="status" | status >= 500 | __error__=""{DROP}"#);
    assert_eq!((page.view.store.shown(), page.queries()[0].clone(), page.filters()), (2, asked, vec!["status>=500".to_owned()]));

    add(&mut page, "route!=/a");
    assert_eq!(page.view.store.shown(), 1);
    page.key(KeyCode::Esc);
    assert_eq!((page.view.store.shown(), page.filters().len()), (2, 1), "Esc takes back what was typed");
}

#[test]
fn each_condition_is_inverted_switched_off_edited_and_removed() {
    let mut page = page();
    for text in ["status>=500", "route=/a", "level>=warn"] {
        add(&mut page, text);
        page.key(KeyCode::Enter);
    }
    assert_eq!(
        (page.filters(), page.view.store.shown()),
        (vec!["level\u{2265}warn".to_owned(), "status>=500".to_owned(), "route=/a".to_owned()], 0)
    );
    page.press(Command::Top);
    page.press(Command::RemoveCondition);
    assert_eq!((page.filters(), page.view.store.shown()), (vec!["status>=500".to_owned(), "route=/a".to_owned()], 1));
    page.press(Command::Exclude);
    assert_eq!((page.filters()[0].as_str(), page.view.store.shown()), ("status<500", 1));
    page.press(Command::Down);
    page.press(Command::Exclude);
    assert_eq!((page.filters()[1].as_str(), page.view.store.shown()), ("route!=/a", 0));
    page.press(Command::SwitchCondition);
    assert_eq!((page.filters().len(), page.view.store.shown()), (1, 1));
    let off = page.screen();
    assert!(off.contains("off   | route!=\"/a\"") && off.contains("2 conditions, 1 off"), "{off}");
    assert!(!page.queries()[0].contains("route"), "{:?}", page.queries());
    page.press(Command::SwitchCondition);
    page.press(Command::Drill);
    assert_eq!(page.view.prompt().unwrap().line(120).text.trim_end().split("   ").next().unwrap().trim(), "condition route!=/a");
    (0..2).for_each(|_| page.key(KeyCode::Backspace));
    page.type_text("/b");
    page.key(KeyCode::Enter);
    assert_eq!(page.filters(), ["status<500", "route!=/b"]);
    page.press(Command::Widen);
    assert_eq!(page.filters(), ["status<500"], "Backspace removes the selected one");
    page.press(Command::Back);
    assert!(!page.screen().contains("asked of Loki"));
}

#[test]
fn names_and_values_that_were_seen_are_completed() {
    let mut page = page();
    add(&mut page, "sta");
    page.key(KeyCode::Tab);
    page.type_text("=5");
    let text = |page: &Page| page.view.prompt().unwrap().line(120).text;
    assert!(text(&page).contains("condition status=5 ") && text(&page).contains("Tab: =500  =503"), "{}", text(&page));
    page.key(KeyCode::Tab);
    page.key(KeyCode::Tab);
    assert!(text(&page).contains("condition status=503"), "{}", text(&page));
    assert_eq!(page.view.store.shown(), 1);
    page.key(KeyCode::Enter);
    assert_eq!(page.filters(), ["status=503"]);
    add(&mut page, "nobody=x");
    page.key(KeyCode::Enter);
    assert!(page.queries()[0].starts_with(&format!(r#"{OWN} | nobody="x" | json status"#)), "{:?}", page.queries());
    assert_eq!(page.view.store.shown(), 0);
}

#[test]
fn what_is_wrong_with_a_condition_is_said_and_changes_nothing() {
    let mut page = page();
    for (text, why) in [("~ (", "error parsing regexp"), ("status>much", "no length of time"), ("\"open", "is not closed")] {
        add(&mut page, text);
        let note = page.view.prompt().unwrap().line(200).text;
        assert!(note.contains(why), "{note}");
        assert_eq!(page.view.store.shown(), 4);
        page.key(KeyCode::Enter);
        assert!(page.filters().is_empty() && page.view.is_typing(), "what was typed stays to be mended");
        page.key(KeyCode::Esc);
    }
}

#[test]
fn a_field_with_dots_in_its_name_takes_no_longer_values_with_it() {
    let mut page = Page::new(scope(), BIG);
    let text = |status: u16| format!("msg=served http.status={status} user.name=\"ana b\" more");
    page.history(vec![line(1, Level::Info, &text(50)), line(2, Level::Info, &text(500)), line(3, Level::Info, "http.status=50")]);
    page.press(Command::Top);
    let condition = |page: &Page, name: &str, value: &str| {
        let field = Field { name: name.to_owned(), value: value.to_owned(), source: Source::Parsed };
        conditions::of(&page.view.line().unwrap(), &field, false).unwrap()
    };
    let of_name = condition(&page, "user.name", "ana b");
    assert_eq!(of_name.value, r#"(?:^|\s)user\.name="ana b"(?:\s|$)"#);
    let of_status = condition(&page, "http.status", "50");
    with(&look(&page.shared, &page.scope, now()), page.size, |cx| page.view.apply(cx, By::Condition(of_status)));
    assert_eq!((page.view.store.shown(), page.selected()), (1, text(500)));
    assert_eq!(page.queries()[0], r#"{service_name="orders"} !~ "(?:^|\\s)http\\.status=50(?:\\s|$)""#);
}

#[test]
fn the_text_of_the_filter_becomes_a_part_of_the_query() {
    let mut page = page();
    page.press(Command::Filter);
    page.type_text("luck");
    page.key(KeyCode::Enter);
    assert_eq!(page.queries()[0], OWN, "the filter is for the lines that are here");
    page.press(Command::Conditions);
    assert!(page.screen().contains("/luck   Q asks Loki for it"), "{}", page.screen());
    page.press(Command::FilterToQuery);
    assert_eq!((page.queries()[0].as_str(), page.view.store.shown()), (r#"{service_name="orders"} |~ "(?i)luck""#, 1));
    assert_eq!(page.view.store.show().pattern, None);
    page.press(Command::Exclude);
    assert_eq!((page.queries()[0].as_str(), page.view.store.shown()), (r#"{service_name="orders"} !~ "(?i)luck""#, 3));
    page.press(Command::Conditions);
    page.press(Command::Filter);
    page.type_text("/b");
    page.key(KeyCode::Tab);
    assert_eq!(page.queries()[0], r#"{service_name="orders"} !~ "(?i)luck" |~ "(?i)/b""#, "Tab asks at once");
    assert!(!page.view.is_typing());
}

#[test]
fn a_line_of_the_list_offers_what_is_filtered_for_and_left_out() {
    let mut page = page();
    (0..2).for_each(|_| drop(page.press(Command::Up)));
    let chosen = |page: &mut Page, command: Command, name: &str| {
        let acts = page.press(command);
        let [Act::Choose(_, rows)] = acts.as_slice() else { panic!("{acts:?}") };
        let Some((_, _, Act::Narrow(by))) = rows.iter().find(|(n, ..)| n == name) else { panic!("no {name} in {rows:?}") };
        let by: By = (**by).clone();
        with(&look(&page.shared, &page.scope, now()), page.size, |cx| page.view.apply(cx, by));
        rows[0].0.clone()
    };
    chosen(&mut page, Command::Include, "route");
    assert_eq!((page.filters(), page.view.store.shown()), (vec!["route=/b".to_owned()], 1));
    page.press(Command::Widen);
    assert_eq!(chosen(&mut page, Command::Exclude, "lines like this"), "lines like this");
    assert_eq!(page.view.store.shown(), 1, "{}", page.screen());
    assert!(page.filters()[0].starts_with("!pattern"), "{:?}", page.filters());
    page.press(Command::Conditions);
    page.press(Command::RemoveCondition);
    assert_eq!((page.filters().len(), page.view.store.shown()), (0, 4));
}
