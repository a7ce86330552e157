use super::*;
use crate::model::{
    log::{Gap, Limit},
    series::{Matrix, Sample, Series},
};

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

const DAY: Duration = Duration::from_secs(86_400);

/// A page of lines from an instant on, before which the server hands out none.
fn kept_since(page: &mut Page, lines: Vec<LogLine>, since: i64) {
    let older = Older::Withheld(Limit::Retention { kept: DAY * 7, differs: false });
    page.tell(0, LogEvent::History { lines, reached: Timestamp::from_secs(START + since), older });
}

#[test]
fn what_is_kept_no_more_is_a_row_above_the_first_line_which_moves_nothing() {
    let mut page = Page::new(scope(), (80, 24));
    kept_since(&mut page, numbered(0..4), -60);
    let screen = page.screen();
    let place = |screen: &str, text: &str| screen.lines().position(|l| l.contains(text));
    let row = place(&screen, "nothing before 22:12: Loki keeps 7d here (retention_period)").unwrap_or_else(|| panic!("{screen}"));
    assert_eq!(place(&screen, "number 0"), Some(row + 1), "{screen}");
    page.press(Command::Top);
    assert_eq!(page.selected(), "number 0");
    assert!(page.title().contains("oldest") || page.title().contains("no older lines are handed out"), "{}", page.title());
    // On a screen that is full, the row is there once the first line is.
    kept_since(&mut page, numbered(4..90), -60);
    page.press(Command::Bottom);
    assert_eq!(place(&page.screen(), "nothing before"), None);
    page.press(Command::Top);
    let screen = page.screen();
    assert_eq!((place(&screen, "nothing before"), place(&screen, "number 0")), (Some(row), Some(row + 1)), "{screen}");
    for _ in 0..30 {
        page.press(Command::Down);
    }
    assert_eq!((page.selected().as_str(), place(&page.screen(), "nothing before")), ("number 30", None));
}

#[test]
fn a_window_of_which_nothing_is_kept_is_not_only_said_to_have_no_lines() {
    let mut page = Page::new(scope(), BIG);
    kept_since(&mut page, Vec::new(), 600);
    let screen = page.screen();
    assert!(screen.contains("No lines for"), "{screen}");
    assert!(screen.contains("Nothing before 22:23 is handed out: Loki keeps 7d here (retention_period)."), "{screen}");
}

#[test]
fn what_was_not_read_between_lines_that_are_here_is_a_row_until_it_is() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    page.press(Command::MinimumLevel);
    let at = Timestamp::from_secs(START + 70);
    let errors = |range| numbered(range).into_iter().filter(|l| l.level == Level::Error).collect::<Vec<_>>();
    page.tell(0, LogEvent::History { lines: errors(70..100), reached: at, older: Older::Left(at) });
    let place = |page: &Page, text: &str| page.screen().lines().position(|l| l.contains(text));
    let row = place(&page, "not all lines before 22:14:30.000 are loaded");
    assert_eq!((place(&page, "number 60"), place(&page, "number 70")), (row.map(|r| r - 1), row.map(|r| r + 1)), "{}", page.screen());
    page.press(Command::Top);
    assert_eq!(page.older_asked(), Some(at));
    page.answer_older(Ok(errors(0..70)), Older::Nothing);
    assert_eq!((place(&page, "are loaded"), page.view.store.shown()), (None, 10), "{}", page.screen());
}

#[test]
fn the_volume_shows_what_need_not_be_handed_out_as_unknown() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..4));
    let look = look(&page.shared, &page.scope, now());
    let need = needs(&page.view, &look, BIG.0, BIG.1).into_iter().find(|n| n.slot.pane == "volume").unwrap();
    let (range, labels) = (look.range(), [("detected_level", "info")].into_iter().collect());
    let samples = vec![Sample { at: range.end, value: 4.0 }];
    let matrix = Matrix { series: vec![Series { labels, samples }], range, step: Duration::from_secs(30), warnings: Vec::new() };
    let result = Ok(Response::Matrix(matrix));
    let answer = Answer { slot: need.slot, request: Arc::new(need.request), asked: now(), result };
    with(&look, BIG, |cx| page.view.answer(cx, answer));
    let hatch = page.shared.glyphs.stale;
    let hatched = |page: &Page| page.screen().lines().find(|l| l.contains("info")).unwrap_or_default().matches(hatch).count();
    assert_eq!(hatched(&page), 0, "{}", page.screen());
    page.tell(0, LogEvent::Limited(Limit::Retention { kept: range.duration() / 4, differs: true }));
    assert!(hatched(&page) > 4, "{}", page.screen());
}
