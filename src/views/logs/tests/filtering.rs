use super::*;
use crate::store::FilterNews;

/// A page of so many lines, each hundredth with the word that is looked for.
fn page_of(lines: i64) -> Page {
    let mut page = Page::new(scope(), BIG);
    page.shared.settings.log_bytes = 256 << 20;
    let text = |i: i64| if i % 100 == 7 { format!("needle {i} {}", "x".repeat(200)) } else { format!("hay {i} {}", "x".repeat(200)) };
    let lines = (0..lines).map(|i| LogLine { at: Timestamp(Timestamp::from_secs(START).0 + i), ..line(0, Level::Info, &text(i)) });
    page.history(lines.collect());
    page
}

impl Page {
    fn filter_asked(&self) -> Option<Arc<crate::store::FilterJob>> {
        self.needs().into_iter().find_map(|n| if let Request::Filter(job) = n.request { Some(job) } else { None })
    }

    fn answer_filter(&mut self, job: &Arc<crate::store::FilterJob>, result: Result<FilterNews, SourceError>) {
        let look = look(&self.shared, &self.scope, now());
        let slot = self.needs().into_iter().find(|n| n.slot.pane == "filter").unwrap().slot;
        let request = Arc::new(Request::Filter(job.clone()));
        let answer = Answer { slot, request, asked: now(), result: result.map(Response::Filtered) };
        with(&look, self.size, |cx| self.view.answer(cx, answer));
    }

    /// What the shell does: answers as long as something is asked.
    fn run_filter(&mut self) {
        while let Some(job) = self.filter_asked() {
            let mut parts = Vec::new();
            job.run(&|| false, &mut |news| parts.push(news));
            parts.into_iter().for_each(|news| self.answer_filter(&job, Ok(news)));
        }
    }
}

#[test]
fn the_visible_lines_are_filtered_at_once_and_the_count_says_that_more_come() {
    let mut page = page_of(60_000);
    (0..300).for_each(|_| drop(page.press(Command::PageUp)));
    let near = page.selected();
    page.press(Command::Filter);
    page.type_text("needle");
    let first = page.screen();
    assert!(first.lines().filter(|l| l.contains("needle")).count() > 10, "{first}");
    assert!(page.title().contains(" \u{2265} ") && page.title().contains("of 60,000 lines"), "{}", page.title());
    let note = |page: &Page| page.view.prompt().unwrap().line(120).text;
    assert!(note(&page).contains("\u{2265} "), "{}", note(&page));
    let selected = page.selected();
    page.run_filter();
    assert_eq!(page.selected(), selected, "the cursor stays on its line");
    assert!(page.title().contains(" 600 of 60,000 lines"), "{}", page.title());
    assert!(note(&page).contains(" 600 of 60,000 lines"), "{}", note(&page));
    page.key(KeyCode::Esc);
    assert_eq!(page.selected(), near, "without the filter it is on the line that it was on");
}

#[test]
fn another_filter_takes_the_place_of_the_one_that_runs_and_nothing_that_comes_is_lost() {
    let mut page = page_of(60_000);
    page.press(Command::Filter);
    page.type_text("needl");
    let old = page.filter_asked().unwrap();
    page.type_text("e");
    let new = page.filter_asked().unwrap();
    assert!(!Arc::ptr_eq(&old, &new), "the older one is asked no more");
    let mut parts = Vec::new();
    new.run(&|| false, &mut |news| parts.push(news));
    page.tell(0, LogEvent::Lines(vec![line(1, Level::Info, "needle at the end"), line(2, Level::Info, "hay")]));
    page.tell(
        0,
        LogEvent::Lines(vec![LogLine { at: Timestamp(Timestamp::from_secs(START).0 + 5), ..line(0, Level::Info, "needle late") }]),
    );
    parts.into_iter().for_each(|news| page.answer_filter(&new, Ok(news)));
    page.run_filter();
    assert!(page.title().contains(" 602 of 60,003 lines"), "{}", page.title());
    assert_eq!(page.selected(), "needle at the end", "followed");
}

#[test]
fn the_first_line_is_gone_to_also_where_it_is_not_known_yet() {
    let mut page = page_of(60_000);
    page.press(Command::Filter);
    page.type_text("needle");
    page.key(KeyCode::Enter);
    page.press(Command::Top);
    page.run_filter();
    assert!(page.selected().starts_with("needle 7 "), "{}", page.selected());
}

#[test]
fn a_filter_that_fails_says_so_and_a_rare_word_says_what_is_left_to_look_through() {
    let mut page = page_of(60_000);
    page.press(Command::Filter);
    page.type_text("needle 7 ");
    assert!(page.screen().contains("Looking through 60,000 lines"), "{}", page.screen());
    let job = page.filter_asked().unwrap();
    page.answer_filter(&job, Err(SourceError::new(Backend::Loki, ErrorKind::Bug, "redline failed while it filtered the lines")));
    assert!(page.screen().contains("redline failed while it filtered"), "{}", page.screen());
    assert!(page.filter_asked().is_none());
    page.type_text("x");
    page.run_filter();
    assert!(page.title().contains(" 1 of 60,000 lines"), "{}", page.title());
}

#[test]
fn the_filter_answers_as_it_is_typed_and_escape_takes_it_back() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    page.press(Command::Filter);
    page.type_text("number 9");
    assert!(page.view.prompt().unwrap().line(120).text.contains("11 of 100 lines"));
    page.tell(0, LogEvent::Lines(vec![line(200, Level::Info, "number 9 again"), line(201, Level::Info, "other")]));
    assert_eq!((page.view.store.shown(), page.selected().as_str()), (12, "number 9 again"));
    page.key(KeyCode::Esc);
    assert_eq!(page.view.store.shown(), 102);
    page.press(Command::Filter);
    page.type_text("/(/");
    assert!(page.view.prompt().unwrap().line(120).text.contains("unclosed"));
    page.key(KeyCode::Enter);
    assert!(page.view.is_typing() && page.view.store.shown() == 0, "what cannot be read is not taken for what could");
    page.key(KeyCode::Esc);
    assert_eq!(page.view.store.shown(), 102);
    page.press(Command::Filter);
    page.type_text("nowhere");
    page.key(KeyCode::Enter);
    assert!(page.screen().contains("None of 102 lines passes /nowhere."), "{}", page.screen());
}

#[test]
fn where_a_filter_left_nothing_the_next_match_says_so() {
    let mut page = page_of(300);
    page.press(Command::Filter);
    page.type_text("kafka");
    page.run_filter();
    page.key(KeyCode::Enter);
    assert!(page.view.facts(&look(&page.shared, &page.scope, now())).searched);
    assert_eq!(page.press(Command::NextMatch), [Act::Notice("nothing was found for /kafka".to_owned())]);
}
