//! A line as rows of the list: folded, cut, wrapped, coloured, in columns, at any size.

use proptest::prelude::*;
use ratatui::style::{Color, Modifier};

use super::*;

#[test]
fn a_stack_trace_is_one_row_that_opens() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "before"), line(2, Level::Error, "it failed\n\tat a.B\n\tat c.D")]);
    let text = page.screen();
    assert!(text.lines().any(|l| l.contains("it failed") && l.contains("▸ 2")), "{text}");
    page.press(Command::Unfold);
    let rows: Vec<usize> =
        ["before", "it failed", "at a.B", "at c.D"].iter().map(|t| page.screen().lines().position(|l| l.contains(t)).unwrap()).collect();
    assert!(rows.windows(2).all(|w| w[1] == w[0] + 1), "{}", page.screen());
    page.press(Command::Fold);
    assert!(page.screen().lines().any(|l| l.contains("▸ 2")));
}

#[test]
fn frames_of_libraries_are_folded_in_an_open_line() {
    let mut page = Page::new(scope(), BIG);
    let trace = "it failed\njava.sql.SQLException: empty\n\tat com.zaxxer.A.a(A.java:1)\n\tat com.zaxxer.A.b(A.java:2)\n\tat java.lang.C.c(C.java:3)\n\tat com.shop.D.d(D.java:4)";
    page.history(vec![line(1, Level::Error, trace), line(2, Level::Info, "after")]);
    page.press(Command::Top);
    page.press(Command::Unfold);
    let place = |t: &str| page.screen().lines().position(|l| l.contains(t)).unwrap_or_else(|| panic!("{t}: {}", page.screen()));
    let rows: Vec<usize> =
        ["it failed", "java.sql.SQLException", "… 3 frames of libraries", "at com.shop.D.d", "after"].map(place).to_vec();
    assert!(rows.windows(2).all(|w| w[1] == w[0] + 1), "{rows:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_size_is_drawn(w in 1u16..220, h in 1u16..60, commands in prop::collection::vec(0usize..23, 0..14)) {
        const COMMANDS: [Command; 23] = [
            Command::Down, Command::Up, Command::Bottom, Command::Top, Command::PageDown, Command::PageUp, Command::Fold, Command::Unfold,
            Command::NextError, Command::MinimumLevel, Command::NextPane, Command::FullScreen, Command::Pause,
            Command::ShowColumn, Command::CountBy, Command::Wrap, Command::ShiftRight, Command::TimeForm, Command::Mark, Command::NextMark,
            Command::NextMinute, Command::PreviousError, Command::ColumnWidth,
        ];
        let mut page = Page::new(scope(), (w, h));
        page.history(numbered(0..30));
        page.tell(0, LogEvent::Lines(vec![line(15, Level::Error, "many\nlines\nof\nstack"), traced(40, 3)]));
        for command in commands {
            page.press(COMMANDS[command]);
            let text = page.screen();
            let selected = page.view.line().is_some_and(|_| !page.view.in_detail && h > 3 && w > 12);
            prop_assert!(!selected || text.contains('▌'), "the selection is not on the screen\n{}", text);
        }
    }
}

#[test]
fn a_field_is_a_column_until_it_is_not() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![pooled(1, "orders"), pooled(2, "payments"), line(3, Level::Info, "other")]);
    page.press(Command::Up);
    for field in ["pool", "wait_ms"] {
        page.select(field);
        page.press(Command::ShowColumn);
    }
    let text = page.screen();
    let row = |text: &str, with: &str| text.lines().find(|l| l.contains(with)).unwrap_or_default().to_owned();
    let heading = row(&text, "MESSAGE");
    let at = |line: &str, what: &str| line.find(what).map(|i| line[..i].chars().count());
    assert!(at(&heading, "pool").is_some(), "{text}");
    assert_eq!(at(&row(&text, "orders "), "orders "), at(&heading, "pool"), "{text}");
    assert_eq!(at(&row(&text, "payments "), "payments "), at(&heading, "pool"), "{text}");
    assert_eq!(at(&row(&text, "other"), "–"), at(&heading, "pool"), "a line without it\n{text}");
    assert!(!row(&text, "timeout").contains("pool="), "said once\n{text}");
    page.press(Command::ColumnEarlier);
    let heading = row(&page.screen(), "MESSAGE");
    assert!(at(&heading, "wait_ms") < at(&heading, "pool"), "{heading}");
    page.press(Command::ShowColumn);
    assert!(!page.screen().contains(" wait_ms "), "{}", page.screen());
    page.size = (44, 30);
    page.select("wait_ms");
    page.press(Command::ShowColumn);
    assert!(page.screen().contains("no room for"), "{}", page.screen());
}

#[test]
fn times_are_shown_in_four_ways() {
    let mut page = Page::new(scope(), BIG);
    page.shared.settings.zone = (3600, "CET".to_owned());
    page.history(vec![line(1, Level::Info, "one"), line(61, Level::Info, "two")]);
    let row = |page: &Page| page.screen().lines().find(|l| l.contains("two")).unwrap().to_owned();
    for (expected, note) in [("23:14:21.000", ""), ("22:14:21.000", "UTC"), ("8m", "ago"), ("+60.0 s", "since the line before")] {
        assert!(row(&page).contains(expected) && page.title().contains(note), "{expected} in {} {}", row(&page), page.title());
        page.press(Command::TimeForm);
    }
    assert!(row(&page).contains("23:14:21.000"));
}

#[test]
fn long_lines_are_cut_moved_or_wrapped() {
    let mut page = Page::new(scope(), (80, 24));
    let long = format!("begin {} end", "x".repeat(150));
    page.history(vec![line(1, Level::Info, "short"), line(2, Level::Info, &long)]);
    assert!(page.screen().contains('…') && !page.screen().contains(" end"), "{}", page.screen());
    (0..6).for_each(|_| drop(page.press(Command::ShiftRight)));
    assert!(page.screen().contains(" end") && page.title().contains("120 cells on"), "{}", page.screen());
    (0..9).for_each(|_| drop(page.press(Command::ShiftLeft)));
    assert!(page.screen().contains("short"));
    page.press(Command::Wrap);
    let text = page.screen();
    assert!(text.contains(" end") && text.contains("short") && page.title().contains("wrapped"), "{text}");
    let rows = |text: &str| text.lines().filter(|l| l.contains("xxxx")).count();
    assert!(rows(&text) >= 3, "{text}");
    page.presses(&[Command::Up]);
    assert_eq!(page.selected(), "short");
    assert_eq!(rows(&page.screen()), rows(&text));
}

#[test]
fn a_line_of_a_megabyte_is_cut_in_the_list_and_whole_in_the_detail() {
    let mut page = Page::new(scope(), BIG);
    page.shared.settings.log_bytes = 16 << 20;
    let text = format!("{{\"msg\":\"{}\",\"pool\":\"orders\"}}", "y".repeat(1 << 20));
    page.history(vec![line(1, Level::Info, &text)]);
    assert!(page.screen().contains("1.00 MiB"), "{}", page.screen());
    page.press(Command::NextPane);
    assert!(page.screen().contains("yyyy"), "{}", page.screen());
    page.press(Command::Bottom);
    let text = page.screen();
    assert!(text.contains("orders-k2vq"), "the last field, after all of the message\n{text}");
    for _ in 0..10 {
        if page.field().as_deref() != Some("pool") {
            page.press(Command::Up);
        }
    }
    page.press(Command::Drill);
    assert_eq!(page.filters(), ["pool=orders"]);
}

fn row_of(buf: &Buffer, y: u16) -> String {
    (0..buf.area.width).filter_map(|x| buf.cell((x, y))).map(ratatui::buffer::Cell::symbol).collect()
}

#[test]
fn colours_of_the_log_are_kept_and_nothing_else_of_it_reaches_the_screen() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "a \u{1b}[1;32mgreen\u{1b}[0m word \u{1b}[2J\u{202e}evil\u{7}")]);
    let (w, h) = page.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    page.view.render(&look(&page.shared, &page.scope, now()), buf.area, &mut buf);
    let cell = |text: &str| {
        let row = (0..h).find(|y| row_of(&buf, *y).contains("green word")).unwrap();
        let at = row_of(&buf, row).find(text).map(|i| row_of(&buf, row)[..i].chars().count()).unwrap();
        buf.cell((u16::try_from(at).unwrap(), row)).unwrap().clone()
    };
    assert_eq!((cell("green").fg, cell("green").modifier.contains(Modifier::BOLD)), (Color::Indexed(2), true));
    assert_ne!(cell("word").fg, Color::Indexed(2));
    assert!(page.screen().contains("·evil·"), "{}", page.screen());
}
