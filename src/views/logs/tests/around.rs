//! The lines around one.

use super::*;

#[test]
fn context_reads_both_sides_of_a_line_without_filters() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(100..200));
    page.press(Command::Filter);
    page.type_text("number 1");
    page.key(KeyCode::Enter);
    (0..50).for_each(|_| drop(page.press(Command::Up)));
    let line = page.selected();
    let acts = page.press(Command::Context);
    let mut around = page.opened(&acts);
    assert_eq!((around.selected(), around.filters()), (line.clone(), vec![]), "the line is there before any answer");
    assert!(!around.screen().contains("not all lines before"), "nothing is missing between lines\n{}", around.screen());
    let asked = around.needs();
    let [older, newer] = asked.as_slice() else { panic!("{asked:?}") };
    let stream = |query: &str| query.contains(r#"service_name="orders""#) && query.contains("pod=") && !query.contains('|');
    assert!(matches!(&older.request, Request::LogOlder { query, .. } if stream(query)), "{older:?}");
    assert!(matches!(&newer.request, Request::LogNewer { query, .. } if stream(query)), "{newer:?}");
    let at = around.view.line().unwrap().id.at;

    let second = at.since(Timestamp::from_secs(START)).as_secs() as i64;
    around.answer_newer(Ok(NewerLines { lines: numbered(second + 1..second + 40), left: None, gap: None }));
    around.answer_older(Ok(numbered(second - 50..second + 1)), Older::Nothing);
    assert_eq!((around.selected(), around.seconds().len()), (line, 90), "its own line is there once");
    let row = around.screen().lines().position(|row| row.contains('▌'));
    assert!(row > Some(6), "lines before it are on the screen, too:\n{}", around.screen());
    around.presses(&[Command::Top]);
    assert!(around.title().contains("no older lines in this window"), "{}", around.title());
    around.presses(&[Command::Bottom]);
    assert!(around.title().contains("no newer lines in this window"), "{}", around.title());
}

#[test]
fn newer_lines_are_read_as_they_are_looked_at_and_a_failure_is_told() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "number 1")]);
    let acts = page.press(Command::Context);
    let mut around = page.opened(&acts);
    let left = Timestamp::from_secs(START + 50);
    around.answer_newer(Ok(NewerLines { lines: numbered(2..51), left: Some(left), gap: None }));
    assert_eq!(around.newer_asked(), None, "one screen is enough: {}", around.title());
    assert!(around.title().contains("newer ones not loaded"), "{}", around.title());
    around.press(Command::Bottom);
    assert_eq!(around.newer_asked(), Some(left));
    around.answer_newer(Err(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "no answer within 10 s")));
    assert!(around.title().contains("newer lines: no answer within 10 s"), "{}", around.title());
    assert_eq!(around.newer_asked(), Some(left), "asked again");
}
