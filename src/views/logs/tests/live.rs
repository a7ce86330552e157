//! Lines that come: followed, held by a pause, counted as new.

use super::*;

#[test]
fn the_newest_line_is_followed_until_the_user_moves() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    assert_eq!(page.selected(), "number 99");
    page.tell(0, LogEvent::Lines(numbered(100..105)));
    assert_eq!(page.selected(), "number 104");
    assert!(page.screen().contains("following"));
    page.press(Command::Up);
    page.press(Command::Up);
    page.tell(0, LogEvent::Lines(numbered(105..110)));
    assert_eq!(page.selected(), "number 102");
    assert!(page.screen().contains("5 new"), "{}", page.screen());
    page.press(Command::Follow);
    assert_eq!(page.selected(), "number 109");
}

#[test]
fn late_lines_move_neither_the_cursor_nor_its_place() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    (0..30).for_each(|_| drop(page.press(Command::Up)));
    (0..4).for_each(|_| drop(page.press(Command::Down)));
    let (bar, selected) = (page.bar(), page.selected());
    let late = (0..40).map(|i| line(i * 2, Level::Info, &format!("late {i}"))).collect();
    page.tell(0, LogEvent::Lines(late));
    assert_eq!((page.bar(), page.selected()), (bar, selected));
    assert!(page.screen().contains("late"));
}

#[test]
fn a_pause_holds_the_screen_and_lines_keep_arriving_behind_it() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..5));
    page.press(Command::Pause);
    let list = |page: &Page| page.screen().lines().filter(|l| l.contains("number")).map(str::to_owned).collect::<Vec<_>>();
    let before = list(&page);
    page.tell(0, LogEvent::Lines(numbered(5..8)));
    assert_eq!(list(&page), before);
    assert!(page.screen().contains("paused 3 new"), "{}", page.screen());
    page.press(Command::Pause);
    assert_eq!(page.selected(), "number 7");
}

#[test]
fn a_paused_count_knows_nothing_of_what_came_since() {
    let mut page = with_older(BIG);
    page.press(Command::Pause);
    page.tell(0, LogEvent::Lines(numbered(1000..1010)));
    assert!(page.title().contains(" 100 lines ") && page.title().contains("paused 10 new"), "{}", page.title());
    page.press(Command::Filter);
    page.type_text("number 99");
    assert!(page.view.prompt().unwrap().line(120).text.contains("10 of 100 lines"));
    page.key(KeyCode::Enter);
    assert!(page.title().contains(" 10 of 100 lines ") && page.title().contains(" paused ─"), "no new line passes: {}", page.title());
    page.tell(0, LogEvent::Lines(vec![line(1010, Level::Info, "number 99 again")]));
    assert!(page.title().contains(" 10 of 100 lines ") && page.title().contains("paused 1 new"), "{}", page.title());
    page.press(Command::Top);
    page.answer_older(Ok(numbered(850..900)), Older::Nothing);
    page.tell(0, LogEvent::Lines(vec![line(-500, Level::Info, "number 99 of old")]));
    assert!(page.title().contains(" 11 of 151 lines ") && page.title().contains("paused 1 new"), "{}", page.title());
    page.press(Command::Pause);
    assert!(page.title().contains(" 12 of 162 lines ") && page.title().contains("following"), "{}", page.title());
}

#[test]
fn a_pause_before_the_first_line_says_so() {
    let mut page = Page::new(scope(), BIG);
    page.history(Vec::new());
    page.press(Command::Pause);
    page.tell(0, LogEvent::Lines(numbered(0..7)));
    assert!(page.screen().contains("Paused before the first line. 7 lines came since."), "{}", page.screen());
    page.press(Command::Pause);
    assert_eq!(page.selected(), "number 6");
}

#[test]
fn new_lines_are_those_that_the_filter_lets_through() {
    let mut page = with_older(BIG);
    page.press(Command::Up);
    page.tell(0, LogEvent::Lines(numbered(1000..1020)));
    assert!(page.title().contains(" 20 new "), "{}", page.title());
    page.press(Command::Filter);
    page.type_text("number 100");
    page.key(KeyCode::Enter);
    assert!(page.title().contains(" 10 of 120 lines ") && page.title().contains(" 10 new "), "{}", page.title());
    page.tell(0, LogEvent::Lines(vec![line(1021, Level::Info, "other"), line(1021, Level::Info, "number 100 again")]));
    assert!(page.title().contains(" 11 of 122 lines ") && page.title().contains(" 11 new "), "{}", page.title());
}

#[test]
fn lines_that_another_level_brings_are_not_new() {
    let errors = |page: &mut Page| page.press(Command::MinimumLevel);
    for pause in [Command::Up, Command::Pause] {
        let mut page = Page::new(scope(), BIG);
        errors(&mut page);
        page.history(numbered(0..100).into_iter().filter(|l| l.level == Level::Error).collect());
        page.press(pause);
        errors(&mut page);
        errors(&mut page);
        page.history(numbered(0..90));
        page.tell(0, LogEvent::Lines(numbered(91..93)));
        let expected = if pause == Command::Pause { [" 91 lines ", " paused 2 new "] } else { [" 93 lines ", " 2 new "] };
        assert!(expected.iter().all(|words| page.title().contains(words)), "{expected:?} in {}", page.title());
    }
}
