//! The detail of a line.

use super::*;

#[test]
fn a_line_without_a_trace_opens_its_detail() {
    let mut page = Page::new(scope(), (80, 21));
    page.history(vec![line(1, Level::Info, "msg=started port=8080")]);
    assert!(!page.screen().contains("stream labels"));
    assert_eq!(page.press(Command::Drill), []);
    let text = page.screen();
    assert!(text.contains("port") && text.contains("8080") && text.contains("stream labels"), "{text}");
    assert!(with(&look(&page.shared, &page.scope, now()), page.size, |cx| page.view.command(cx, Command::Back)).0);
    assert!(!page.screen().contains("stream labels"));
}

#[test]
fn the_detail_stays_on_its_line_and_its_field() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![pooled(1, "orders"), pooled(2, "payments")]);
    page.select("wait_ms");
    page.tell(0, LogEvent::Lines(numbered(100..110)));
    assert!(page.selected().contains("pool=payments"), "a new line does not take its place");
    page.presses(&[Command::NextPane, Command::Up, Command::NextPane]);
    assert!(page.selected().contains("pool=orders"));
    assert_eq!(page.field().as_deref(), Some("wait_ms"), "the same field of the other line");
}

#[test]
fn nested_fields_are_a_tree() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![json(1, r#"{"msg":"m","http":{"route":"/a","request":{"id":"r-7","size":9}}}"#)]);
    let text = page.screen();
    assert!(text.contains("▾ http") && text.contains("  route") && text.contains("▾ request"), "{text}");
    page.select("http.request.id");
    page.presses(&[Command::Fold]);
    let said = |page: &Page| page.screen().matches("r-7").count();
    assert!(page.screen().contains("▸ request") && said(&page) == 1, "in the row alone\n{}", page.screen());
    page.press(Command::Unfold);
    assert_eq!(said(&page), 2, "{}", page.screen());
}

#[test]
fn a_field_selected_where_it_has_more_rows_is_the_same_where_it_has_fewer() {
    let mut page = Page::new(scope(), (60, 60));
    let long = "word ".repeat(400);
    page.history(vec![line(1, Level::Info, &format!(r#"{{"msg":"m","long":"{}","next":"n"}}"#, long.trim()))]);
    page.press(Command::Up);
    page.select("long");
    page.presses(&[Command::PageDown; 4]);
    let selected = |page: &Page, area: Rect| page.view.field(&look(&page.shared, &page.scope, now()), area).map(|f| f.name);
    let narrow = selected(&page, Rect::new(0, 0, 60, 60));
    assert_eq!(narrow.as_deref(), Some("long"));
    assert_eq!(selected(&page, Rect::new(0, 0, 500, 60)), narrow);
}
