//! Stack traces whose lines are entries of their own: each is a row, as one that came whole.

use super::*;

const FRAMES: [&str; 6] = [
    "java.lang.IllegalStateException: outer",
    "\tat com.shop.orders.Api.pay(Api.java:7)",
    "\tat org.springframework.web.A.a(A.java:1)",
    "\tat org.springframework.web.B.b(B.java:2)",
    "\tat org.springframework.web.C.c(C.java:3)",
    "Caused by: java.sql.SQLException: no luck",
];

/// A failure at a second and its frames right behind it.
fn trace(second: i64) -> Vec<LogLine> {
    let head = line(second, Level::Error, &format!("order {second} failed"));
    let frame = |(i, text): (i64, &str)| LogLine { at: Timestamp(head.at.0 + i), level: Level::Unknown, text: text.into(), ..head.clone() };
    std::iter::once(head.clone()).chain((1..).zip(FRAMES).map(frame)).collect()
}

fn page(lines: Vec<LogLine>) -> Page {
    let mut page = Page::new(scope(), BIG);
    page.history(lines);
    page
}

#[test]
fn lines_of_a_trace_are_one_row_that_opens() {
    let mut page = page([vec![line(1, Level::Info, "before")], trace(2), vec![line(4, Level::Info, "after")]].concat());
    let text = page.screen();
    assert!(text.lines().any(|l| l.contains("order 2 failed") && l.contains("▸ 6")), "{text}");
    assert!(!text.contains("com.shop") && text.contains(" 9 lines"), "{text}");
    assert!(text.contains("line 9 of 9"), "lines are those of Loki\n{text}");
    page.press(Command::Up);
    assert_eq!(page.selected(), "order 2 failed");
    assert!(page.screen().contains("line 2 of 9"), "{}", page.screen());
    page.press(Command::Unfold);
    let shown = |page: &Page, text: &str| page.screen().lines().position(|l| l.contains(text));
    assert!(page.screen().contains("3 frames of libraries"), "{}", page.screen());
    assert_eq!(shown(&page, "after").unwrap() - shown(&page, "order 2 failed").unwrap(), 5);
    let look = look(&page.shared, &page.scope, now());
    let yanked = page.view.yanks(&look).into_iter().find(|y| y.label == "line").unwrap().text;
    assert_eq!(yanked, format!("order 2 failed\n{}", FRAMES.join("\n")), "the whole trace");
    page.press(Command::Up);
    assert_eq!(page.selected(), "before");
    page.press(Command::Down);
    page.press(Command::Down);
    assert_eq!(page.selected(), "after");
}

#[test]
fn the_cursor_stays_where_it_is_when_the_first_line_comes_after_its_frames() {
    let before = (0..200).map(|i| line(i, Level::Info, &format!("number {i}")));
    let mut page = page(before.chain(trace(300)[1..].to_vec()).collect());
    page.press(Command::Up);
    page.press(Command::Down);
    assert_eq!(page.selected(), FRAMES[0]);
    let bar = page.bar();
    page.tell(0, LogEvent::Lines(vec![trace(300)[0].clone()]));
    assert_eq!((page.selected().as_str(), page.bar()), ("order 300 failed", bar), "{}", page.screen());
}

#[test]
fn errors_marks_and_minutes_are_gone_to_by_row() {
    let mut page = page([trace(0), trace(60), trace(121)].concat());
    page.press(Command::Top);
    page.press(Command::NextError);
    assert_eq!(page.selected(), "order 60 failed");
    page.press(Command::Mark);
    page.press(Command::NextMinute);
    assert_eq!(page.selected(), "order 121 failed");
    page.press(Command::NextMark);
    assert_eq!(page.selected(), "order 60 failed");
    page.press(Command::PreviousMinute);
    assert_eq!(page.selected(), "order 0 failed");
}
