//! Going to errors, marks, minutes and times.

use super::*;

#[test]
fn errors_are_walked_and_the_level_is_asked_of_the_server_too() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    page.press(Command::NextError);
    assert_eq!(page.selected(), "number 0");
    page.press(Command::NextError);
    assert_eq!(page.selected(), "number 10");
    page.press(Command::MinimumLevel);
    assert_eq!(page.view.store.shown(), 10, "errors alone by one key");
    assert!(page.queries()[0].ends_with(r#"|notice|warn|warning|wrn""#), "{:?}", page.queries());
    assert_eq!(page.filters(), ["level≥error"]);
    page.press(Command::MinimumLevel);
    assert!(page.queries()[0].ends_with(r#"|information|notice""#), "{:?}", page.queries());
    page.press(Command::MinimumLevel);
    assert_eq!(page.view.store.shown(), 100);
}

#[test]
fn marks_stay_with_their_lines() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    page.presses(&[Command::Top, Command::Mark]);
    (0..30).for_each(|_| drop(page.press(Command::Down)));
    page.press(Command::Mark);
    assert_eq!(page.selected(), "number 30");
    page.press(Command::Bottom);
    for expected in ["number 0", "number 30", "number 0"] {
        page.press(Command::NextMark);
        assert_eq!(page.selected(), expected);
    }
    assert!(page.screen().lines().any(|l| l.contains('●') && l.contains("number 0")), "{}", page.screen());
    page.tell(0, LogEvent::Lines(vec![line(15, Level::Info, "late")]));
    page.press(Command::PreviousMark);
    assert_eq!(page.selected(), "number 30");
    with(&look(&page.shared, &page.scope.clone(), now()), BIG, |cx| page.view.rescoped(cx));
    page.history(numbered(0..50));
    page.press(Command::NextMark);
    assert_eq!(page.selected(), "number 0", "another window of the same lines");
    page.press(Command::Mark);
    page.press(Command::NextMark);
    assert_eq!(page.selected(), "number 30");
}

#[test]
fn errors_and_minutes_are_walked_both_ways() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..200));
    page.press(Command::PreviousError);
    assert_eq!(page.selected(), "number 190");
    page.press(Command::PreviousError);
    assert_eq!(page.selected(), "number 180");
    // The first line is 20 seconds into its minute.
    for (command, expected) in [
        (Command::PreviousMinute, "number 160"),
        (Command::PreviousMinute, "number 100"),
        (Command::NextMinute, "number 160"),
        (Command::PreviousMinute, "number 100"),
        (Command::PreviousMinute, "number 40"),
        (Command::PreviousMinute, "number 0"),
    ] {
        page.press(command);
        assert_eq!(page.selected(), expected);
    }
    let acts = page.press(Command::PreviousMinute);
    assert!(matches!(acts.as_slice(), [Act::Notice(_)]), "{acts:?}");
}

#[test]
fn a_time_is_gone_to_at_once_or_becomes_the_window() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..300));
    let go = |page: &mut Page, text: &str| {
        page.press(Command::GoToTime);
        page.type_text(text);
        let look = look(&page.shared, &page.scope, now());
        with(&look, page.size, |cx| page.view.type_key(cx, KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE))).1
    };
    assert_eq!(go(&mut page, "22:15:00"), []);
    assert_eq!(page.selected(), "number 100");
    let acts = go(&mut page, "nonsense");
    assert!(matches!(acts.as_slice(), [Act::Notice(text)] if text.contains("not a time")), "{acts:?}");
    assert_eq!(page.selected(), "number 100");

    let acts = go(&mut page, "20:00:00");
    let [Act::Rescope(to)] = acts.as_slice() else { panic!("{acts:?}") };
    page.scope = (**to).clone();
    with(&look(&page.shared, &page.scope.clone(), now()), BIG, |cx| page.view.rescoped(cx));
    let second = |clock: i64| clock - (22 * 3600 + 13 * 60 + 20);
    let at = Timestamp::from_secs(START + second(72_000));
    assert_eq!((page.older_asked(), page.newer_asked()), (Some(Timestamp(at.0 + 1)), Some(Timestamp(at.0 + 1))));
    let left = Some(Timestamp::from_secs(START + second(72_100)));
    page.answer_older(Ok(numbered(second(71_900)..second(72_001))), Older::Left(Timestamp::from_secs(START + second(71_900))));
    page.answer_newer(Ok(NewerLines { lines: numbered(second(72_001)..second(72_100)), left, gap: None }));
    assert_eq!(page.selected(), format!("number {}", second(72_000)), "the line of that time");
}
