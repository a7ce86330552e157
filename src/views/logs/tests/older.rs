//! Older lines, read as they are looked at.

use super::*;

#[test]
fn older_lines_are_read_where_the_oldest_are_looked_at_and_nothing_moves() {
    let mut page = with_older(BIG);
    assert_eq!(page.older_asked(), None, "not while the newest are followed");
    assert!(page.title().contains("100 lines ── older ones not loaded"), "{}", page.title());
    page.press(Command::Top);
    assert_eq!(page.older_asked(), Some(Timestamp::from_secs(START + 900)));
    assert!(page.title().contains("older lines: loading"), "{}", page.title());
    let (bar, selected) = (page.bar(), page.selected());
    page.answer_older(Ok(numbered(700..900)), Older::Left(Timestamp::from_secs(START + 700)));
    assert_eq!((page.bar(), page.selected()), (bar, selected));
    assert_eq!(page.older_asked(), None, "one page at a time");
    assert!(page.title().contains("300 lines ── older ones not loaded"), "{}", page.title());

    page.press(Command::Top);
    assert_eq!((page.selected().as_str(), page.older_asked()), ("number 700", Some(Timestamp::from_secs(START + 700))));
    page.answer_older(Err(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "no answer within 10 s")), Older::Nothing);
    assert!(page.title().contains("older lines: no answer within 10 s"), "{}", page.title());
    page.answer_older(Ok(numbered(650..700)), Older::Nothing);
    page.press(Command::Top);
    assert_eq!((page.selected().as_str(), page.older_asked()), ("number 650", None));
    assert!(page.title().contains("350 lines ── no older lines in this window"), "{}", page.title());
    page.tell(0, LogEvent::Lines(numbered(1000..1002)));
    assert!(page.screen().contains("2 new"), "older lines are not new ones: {}", page.title());
}

#[test]
fn a_held_screen_shows_older_lines_but_no_new_ones() {
    let mut page = with_older(BIG);
    page.press(Command::Pause);
    page.press(Command::Top);
    page.answer_older(Ok(numbered(890..900)), Older::Nothing);
    page.tell(0, LogEvent::Lines(numbered(1000..1010)));
    page.press(Command::Top);
    assert_eq!((page.selected().as_str(), page.view.store.shown()), ("number 890", 110));
}

#[test]
fn a_filter_that_hides_all_does_not_read_the_whole_window() {
    let mut page = with_older(BIG);
    page.press(Command::Filter);
    page.type_text("nowhere");
    page.key(KeyCode::Enter);
    assert_eq!(page.older_asked(), None);
    let mut second = 900;
    for _ in 0..2 {
        page.press(Command::Top);
        let mut pages = 0;
        while let Some(before) = page.older_asked() {
            assert_eq!(before, Timestamp::from_secs(START + second));
            second -= 10;
            pages += 1;
            page.answer_older(Ok(numbered(second..second + 10)), Older::Left(Timestamp::from_secs(START + second)));
        }
        assert_eq!(pages, 10);
        assert!(page.screen().contains("reads older lines"), "{}", page.screen());
    }
}

#[test]
fn the_buffer_is_not_filled_with_older_lines_to_the_brim() {
    let mut page = with_older(BIG);
    page.shared.settings.log_bytes = 16 << 20;
    let wide = |from: i64| (from..from + 100).map(|i| line(i, Level::Info, &format!("{i} {}", "x".repeat(10_000)))).collect::<Vec<_>>();
    let mut second = 900;
    page.press(Command::Top);
    while page.older_asked().is_some() {
        second -= 100;
        assert!(second > -5000, "it never ends");
        page.answer_older(Ok(wide(second)), Older::Left(Timestamp::from_secs(START + second)));
        page.press(Command::Top);
    }
    assert_eq!((page.view.store.dropped(), page.selected().starts_with(&second.to_string())), (0, true));
    assert!(page.title().contains("buffer full"), "{}", page.title());
    let acts = page.press(Command::Top);
    assert!(matches!(acts.as_slice(), [Act::Notice(text)] if text.contains("MiB is full")), "{acts:?}");
}
