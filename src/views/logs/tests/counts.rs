//! The values of a field, counted.

use crossterm::event::MouseEventKind;

use super::*;

#[test]
fn values_are_counted_over_the_lines_that_are_held() {
    let mut page = Page::new(scope(), BIG);
    let lines = (0..30).map(|i| pooled(i, if i % 3 == 0 { "orders" } else { "payments" })).chain([line(40, Level::Info, "other")]);
    page.history(lines.collect());
    page.press(Command::Up);
    page.select("pool");
    page.press(Command::CountBy);
    let text = page.screen();
    assert!(text.contains("pool: 2 values over 31 lines, 1 without"), "{text}");
    let row = |value: &str| text.lines().find(|l| l.contains(value) && l.contains('%')).unwrap_or_default().to_owned();
    assert!(row("payments").contains("20") && row("orders").contains("10"), "{text}");
    page.presses(&[Command::Down, Command::Drill]);
    assert_eq!((page.view.store.shown(), page.filters()), (10, vec!["pool=orders".to_owned()]));
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
    page.select("pool");
    page.press(Command::CountBy);
    let over = page.view.places(Rect::new(0, 0, BIG.0, BIG.1)).list;
    let turned = MouseEvent { kind: MouseEventKind::ScrollUp, column: over.x + 1, row: over.y + 1, modifiers: KeyModifiers::NONE };
    let before = page.selected();
    with(&look(&page.shared, &page.scope, now()), page.size, |cx| page.view.mouse(cx, turned));
    assert_ne!(page.selected(), before, "the list moves");
    assert!(page.view.in_detail && page.screen().contains("pool: 1 value over 200 lines"), "{}", page.screen());
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
        page.select(field);
        page.press(Command::CountBy);
        assert!(page.screen().contains(title) && page.screen().contains(orders), "{}", page.screen());
        page.press(Command::CountBy);
    }
}
