use super::*;
use crate::model::log::Gap;

#[test]
fn lines_that_are_missing_are_a_row_between_those_around_them() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..4).into_iter().chain(numbered(6..10)).collect());
    let range = TimeRange { start: Timestamp::from_secs(START + 4), end: Timestamp::from_secs(START + 6) };
    let gap = LogEvent::Gap(Gap { range, reason: "the query would read too many bytes".to_owned() });
    page.tell(0, gap.clone());
    page.tell(0, gap);
    let screen = page.screen();
    let place = |text: &str| screen.lines().position(|l| l.contains(text)).unwrap_or_else(|| panic!("no {text}:\n{screen}"));
    let at = place("are missing: the query would read too many bytes");
    assert_eq!((place("number 3"), place("number 6")), (at - 1, at + 1), "{screen}");
    assert!(page.title().contains("1 gap"), "{}", page.title());
    // Going up from the newest line passes the row and stays on lines.
    for _ in 0..4 {
        page.press(Command::Up);
    }
    assert!(page.view.line().is_some_and(|line| line.text == "number 3"));
    assert_eq!(page.screen().lines().position(|l| l.contains("are missing")), Some(at), "nothing has moved");
}
