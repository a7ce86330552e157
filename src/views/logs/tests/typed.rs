//! A query in place of the scope's own.

use super::*;

#[test]
fn a_typed_query_replaces_the_scopes_and_reopens() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..3));
    page.press(Command::EditQuery);
    page.type_text(" |= \"x\"");
    page.submit();
    assert_eq!(page.queries()[0], r#"{service_name="orders"} |= "x""#);
    assert_eq!(page.view.store.len(), 0);
    assert_eq!(page.view.reopen(&look(&page.shared, &page.scope, now())), ["--query", r#"{service_name="orders"} |= "x""#]);
}

#[test]
fn nothing_is_asked_before_the_labels_are_known() {
    let mut page = Page::new(scope(), BIG);
    page.shared.log_labels.clear();
    assert_eq!(page.queries(), Vec::<String>::new());
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
