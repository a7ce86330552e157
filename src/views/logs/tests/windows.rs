//! Another window on the same page: live again, beside what was looked at, or about a time.

use super::*;

impl Page {
    fn go_to(&mut self, text: &str) -> Vec<Act> {
        self.press(Command::GoToTime);
        self.type_text(text);
        self.enter()
    }

    fn rescope(&mut self, window: TimeWindow) {
        self.scope = self.scope.clone().with_window(window);
        with(&look(&self.shared, &self.scope.clone(), now()), self.size, |cx| self.view.rescoped(cx));
    }

    /// Goes to a window that the page asks for.
    #[track_caller]
    fn follow_act(&mut self, acts: &[Act]) {
        let [Act::Rescope(to)] = acts else { panic!("{acts:?}") };
        self.rescope(to.window);
    }

    /// The page of the lines around the selected one.
    fn context(&mut self) -> Self {
        let acts = self.press(Command::Context);
        self.opened(&acts)
    }

    fn panes(&self) -> Vec<&'static str> {
        let needs = self.needs();
        needs.iter().map(|n| n.slot.pane).collect()
    }
}

const HOUR: TimeWindow = TimeWindow::Last(Duration::from_secs(3600));

#[test]
fn a_live_window_begins_at_its_newest_line_whatever_was_gone_to_before() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..300));
    let acts = page.go_to("20:00:00");
    page.follow_act(&acts);
    page.answer_older(Ok(numbered(-8100..-7999)), Older::Nothing);
    page.answer_newer(Ok(NewerLines { lines: numbered(-7999..-7900), left: None, gap: None }));
    assert_eq!(page.selected(), "number -8000");
    assert!(page.panes().contains(&"volume"), "{:?}", page.panes());
    page.rescope(HOUR);
    page.history(numbered(0..300));
    assert_eq!(page.selected(), "number 299");
    page.tell(0, LogEvent::Lines(numbered(300..301)));
    assert!(page.selected() == "number 300" && page.title().contains("following"), "{}", page.title());
}

#[test]
fn following_ends_the_search_for_a_time() {
    let mut page = Page::new(scope(), BIG);
    page.go_to("22:14:00");
    page.history(numbered(0..300));
    assert_eq!(page.selected(), "number 40");
    page.press(Command::Follow);
    page.tell(0, LogEvent::Lines(numbered(300..301)));
    assert!(page.selected() == "number 300" && page.title().contains("following"), "{}", page.title());
}

#[test]
fn lines_around_one_that_become_live_are_followed_as_any() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    let mut around = page.context();
    assert_eq!(around.panes(), ["older", "newer"]);
    around.rescope(HOUR);
    assert!(around.panes().contains(&"lines") && !around.panes().contains(&"newer"), "{:?}", around.panes());
    around.history(numbered(0..100));
    around.tell(0, LogEvent::Lines(numbered(100..101)));
    assert!(around.selected() == "number 100" && around.title().contains("following"), "{}", around.title());

    let at = |second: i64| Timestamp::from_secs(START + second);
    let mut around = page.context();
    let beside = TimeWindow::Fixed(TimeRange { start: at(-9000), end: at(-3000) });
    around.rescope(beside);
    assert!(around.panes().contains(&"lines") && !around.title().contains("loading"), "{:?} {}", around.panes(), around.title());
    around.history(numbered(-4000..-3900));
    around.press(Command::Top);
    assert!(around.title().contains("no older lines in this window"), "{}", around.title());
    around.rescope(TimeWindow::Fixed(TimeRange { start: at(0), end: at(500) }));
    assert_eq!((around.panes(), around.selected().as_str()), (vec!["older", "newer"], "number 99"), "back on the line");
}

#[test]
fn a_time_that_was_not_read_is_read_from_there_on_however_much_lies_between() {
    let at = |second: i64| Timestamp::from_secs(START + second);
    let after = |second: i64| Some(Timestamp(at(second).0 + 1));
    let mut page = Page::new(scope(), BIG);
    // Some from before another filter, and the newest.
    let lines = numbered(0..10).into_iter().chain(numbered(200..300)).collect();
    page.tell(0, LogEvent::History { lines, reached: at(200), older: Older::Left(at(200)) });
    assert_eq!((page.go_to("22:18:00"), page.selected().as_str()), (vec![], "number 280"), "all lines from then on are here");
    let acts = page.go_to("22:15:00");
    page.follow_act(&acts);
    assert_eq!((page.older_asked(), page.newer_asked()), (after(100), after(100)));
    assert!(page.screen().contains("Reading the lines around that time."), "{}", page.screen());
    page.answer_newer(Ok(NewerLines { lines: numbered(101..200), left: Some(at(200)), gap: None }));
    page.answer_older(Ok(numbered(50..101)), Older::Left(at(50)));
    assert_eq!(page.selected(), "number 100");

    assert_eq!(page.go_to("22:21:00"), [], "in the same window");
    assert_eq!((page.older_asked(), page.newer_asked()), (after(460), after(460)));
    page.answer_older(Ok(numbered(400..461)), Older::Left(at(400)));
    page.answer_newer(Ok(NewerLines { lines: numbered(461..600), left: None, gap: None }));
    assert_eq!(page.selected(), "number 460");
    page.press(Command::Up);
    assert_eq!((page.go_to("22:22:00"), page.selected().as_str()), (vec![], "number 520"));
}

#[test]
fn another_reading_of_the_same_lines_is_another_question() {
    let mut page = Page::new(scope(), BIG);
    let asked = |page: &Page| {
        let needs = page.needs();
        needs.into_iter().find(|n| n.slot.pane == "lines").map(|n| n.request)
    };
    let first = asked(&page);
    page.rescope(TimeWindow::Last(Duration::from_secs(60)));
    page.rescope(HOUR);
    let second = asked(&page);
    assert_ne!(first, second);
    assert_eq!(second, asked(&page));
    (0..3).for_each(|_| drop(page.press(Command::MinimumLevel)));
    assert_ne!(second, asked(&page), "all levels again");
}
