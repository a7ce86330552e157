//! Other lines are asked for on the same page: what stays, what is read again, and what is not.

use super::*;

/// A hundred lines of 2 kB, five of them errors.
fn noisy(from: i64) -> Vec<LogLine> {
    let level = |i: i64| if i % 20 == 0 { Level::Error } else { Level::Info };
    (from..from + 100).map(|i| line(i, level(i), &format!("line {i} {}", "x".repeat(2000)))).collect()
}

/// A page whose buffer has overflowed.
fn overflowed(older: Older) -> Page {
    let mut page = Page::new(scope(), BIG);
    page.shared.settings.log_bytes = 4 << 20;
    page.tell(0, LogEvent::History { lines: noisy(0), reached: Timestamp::from_secs(START), older });
    for batch in 1..40 {
        page.tell(0, LogEvent::Lines(noisy(batch * 100)));
    }
    assert!(page.view.store.dropped() > 0 && page.title().contains("oldest dropped"), "{}", page.title());
    page
}

fn errors(seconds: std::ops::Range<i64>) -> Vec<LogLine> {
    seconds.map(|i| line(i, Level::Error, &format!("error {i} user=ana"))).collect()
}

fn add(page: &mut Page, condition: &str) {
    page.press(Command::AddCondition);
    page.type_text(condition);
    page.key(KeyCode::Enter);
    page.press(Command::Back);
}

#[test]
fn a_buffer_that_overflowed_has_room_for_what_a_narrower_question_reads() {
    for condition in ["", "\"user=ana\""] {
        let mut page = overflowed(Older::Left(Timestamp::from_secs(START)));
        match condition {
            "" => drop(page.press(Command::MinimumLevel)),
            _ => add(&mut page, condition),
        }
        let shown = page.view.store.shown();
        let at = |second: i64| Timestamp::from_secs(START + second);
        page.tell(0, LogEvent::History { lines: errors(-600..0), reached: at(-600), older: Older::Left(at(-600)) });
        assert_eq!(page.view.store.shown(), shown + 600, "{}", page.title());
        page.press(Command::Top);
        assert_eq!((page.older_asked(), page.selected().as_str()), (Some(at(-600)), "error -600 user=ana"), "{}", page.title());
        page.answer_older(Ok(errors(-900..-600)), Older::Nothing);
        page.press(Command::Top);
        assert_eq!(page.selected(), "error -900 user=ana");
        assert!(page.title().contains("no older lines in this window") && !page.title().contains("dropped"), "{}", page.title());
        assert_eq!(page.view.store.shown(), shown + 900, "those that pass have stayed");
    }
}

#[test]
fn lines_that_a_typed_condition_hides_stay_until_it_is_asked_for() {
    let mut page = overflowed(Older::Nothing);
    page.press(Command::MinimumLevel);
    let shown = page.view.store.shown();
    page.press(Command::AddCondition);
    page.type_text("\"nowhere\"");
    page.tell(0, LogEvent::Lines(errors(4000..4010)));
    page.tell(0, LogEvent::Lines(errors(4010..4020)));
    assert_eq!(page.view.store.shown(), 0);
    page.key(KeyCode::Esc);
    assert_eq!(page.view.store.shown(), shown + 20);
}

#[test]
fn what_was_dropped_is_not_said_to_be_no_lines() {
    let mut page = overflowed(Older::Nothing);
    page.press(Command::Top);
    assert!(page.title().contains("buffer full") && !page.title().contains("no older lines"), "{}", page.title());
    let acts = page.press(Command::Top);
    assert!(matches!(acts.as_slice(), [Act::Notice(text)] if text.contains("a level or a query leaves room")), "{acts:?}");
}

#[test]
fn the_lines_around_one_are_read_on_both_sides_for_another_level_and_back() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    let acts = page.press(Command::Context);
    let [Act::Lines(seed, of)] = acts.as_slice() else { panic!("{acts:?}") };
    let mut around = Page { view: Logs::seeded((**seed).clone(), of, now()), scope: (**of).clone(), ..Page::new(scope(), BIG) };
    around.answer_older(Ok(numbered(60..100)), Older::Nothing);
    around.answer_newer(Ok(NewerLines { lines: numbered(100..140), left: None, gap: None }));
    assert_eq!((around.older_asked(), around.newer_asked()), (None, None));
    for (stage, lines) in [("detected_level", 60..140), ("detected_level", 50..150), ("}", 0..200)] {
        let own = around.view.line().map(|l| Timestamp(l.id.at.0 + 1));
        around.press(Command::MinimumLevel);
        assert_eq!((around.older_asked(), around.newer_asked()), (own, own), "{}", around.title());
        let queries = around.queries();
        assert!(queries.len() == 2 && queries[0] == queries[1] && queries[0].contains(stage), "{queries:?}");
        around.answer_older(Ok(numbered(lines.start..100)), Older::Nothing);
        around.answer_newer(Ok(NewerLines { lines: numbered(100..lines.end), left: None, gap: None }));
    }
    assert_eq!(around.view.store.shown(), 200, "nothing is missing between them");
}

#[test]
fn what_is_known_of_a_question_stays_where_it_is_the_same_one() {
    let at = Timestamp::from_secs(START + 900);
    let tell = |page: &mut Page| {
        page.tell(0, LogEvent::History { lines: numbered(900..1000), reached: at, older: Older::Left(at) });
        page.tell(0, LogEvent::Tail(TailState::Connected));
    };
    let knows = |page: &mut Page, what: &str| {
        assert!(page.title().contains("tail connected"), "{what}: {}", page.title());
        page.press(Command::Top);
        assert_eq!(page.older_asked(), Some(at), "{what}");
        page.press(Command::Bottom);
    };
    let mut page = Page::new(scope(), (160, 30));
    tell(&mut page);
    add(&mut page, "level>=debug");
    knows(&mut page, "no line is less bad");

    add(&mut page, "level>=error");
    assert!(!page.title().contains("tail connected"), "of errors nothing is known yet: {}", page.title());
    tell(&mut page);
    add(&mut page, "level>=error");
    knows(&mut page, "the level that it was");

    add(&mut page, "\"number\"");
    tell(&mut page);
    page.press(Command::Conditions);
    page.press(Command::Down);
    page.press(Command::SwitchCondition);
    tell(&mut page);
    for (command, what) in [(Command::Exclude, "inverted while it is off"), (Command::RemoveCondition, "removed while it was off")] {
        page.press(command);
        page.press(Command::Conditions);
        knows(&mut page, what);
        page.press(Command::Conditions);
        page.press(Command::Down);
    }
}

#[test]
fn a_query_that_asks_for_the_same_lines_keeps_them() {
    for typed in ["", r#"{service_name="orders"} # all of them"#] {
        let mut page = Page::new(scope(), BIG);
        page.history(numbered(0..100));
        page.press(Command::EditQuery);
        page.clear();
        page.type_text(typed);
        if typed.is_empty() {
            drop(page.enter())
        } else {
            drop(page.submit())
        }
        assert_eq!((page.selected().as_str(), page.view.store.len()), ("number 99", 100), "{typed}");
    }
}
