//! What a reader of patterns sees.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::tests::{line, now, scope, shared};
use super::*;
use crate::{
    app::{
        Shared,
        testing::{answer, draw, look, needs, sees, with},
    },
    core::scope::{Scope, ScopeAlert},
    model::{
        backend::{Backend, ErrorKind},
        labels::Labels,
        log::{LogEvent, LogLine, Older},
        log_size::LogSize,
        time::TimeWindow,
        trace::TraceId,
    },
    views::{Act, View},
};

mod asked;
mod exceptions;

const BIG: (u16, u16) = (160, 40);
const START: i64 = 1_700_000_000;

/// A page whose questions about patterns are answered as the shell would.
struct Page {
    view: Logs,
    shared: Shared,
    scope: Scope,
    size: (u16, u16),
    now: Timestamp,
}

impl Page {
    /// Patterns of these lines.
    fn of(scope: Scope, lines: Vec<LogLine>) -> Self {
        let mut page = Self { view: Logs::new(&scope, None), shared: shared(), scope, size: BIG, now: now() };
        page.arrive(lines, Older::Nothing);
        page.press(Command::Patterns);
        page.work();
        page
    }

    fn answer(&mut self, pane: &str, result: Result<Response, SourceError>) {
        self.answer_part(pane, 0, result);
    }

    fn answer_part(&mut self, pane: &str, part: u32, result: Result<Response, SourceError>) {
        let look = look(&self.shared, &self.scope, self.now);
        answer(&mut self.view, &look, self.size, |n| n.slot.pane == pane && n.slot.part == part, result);
    }

    fn arrive(&mut self, lines: Vec<LogLine>, older: Older) {
        let reached = lines.first().map_or(Timestamp::ZERO, |l| l.at);
        self.answer("lines", Ok(Response::Log(vec![LogEvent::History { lines, reached, older }])));
    }

    /// What is asked of the server for a pane.
    fn asked(&self, pane: &str) -> Request {
        let look = look(&self.shared, &self.scope, self.now);
        needs(&self.view, &look, self.size.0, self.size.1).into_iter().find(|n| n.slot.pane == pane).unwrap().request
    }

    /// Lines of the other window come.
    fn earlier(&mut self, lines: Vec<LogLine>, older: Older) {
        let reached = lines.first().map_or(Timestamp::ZERO, |l| l.at);
        self.answer("earlier", Ok(Response::Log(vec![LogEvent::History { lines, reached, older }])));
    }

    /// A page of older lines of the list comes.
    fn older(&mut self, lines: Vec<LogLine>, second: i64) {
        let at = Timestamp::from_secs(second);
        self.view.older_page(0, Ok(vec![LogEvent::History { lines, reached: at, older: Older::Left(at) }]));
    }

    fn type_in(&mut self, command: Command, text: &str) -> Vec<Act> {
        self.press(command);
        let look = look(&self.shared, &self.scope, self.now);
        let keys = text.chars().map(KeyCode::Char).chain([KeyCode::Enter]);
        let mut type_key = |cx: &mut Cx<'_>, key| self.view.type_key(cx, KeyEvent::new(key, KeyModifiers::NONE));
        with(&look, self.size, |cx| keys.for_each(|key| type_key(cx, key))).1
    }

    fn ask_typed(&mut self, query: &str) {
        with(&look(&self.shared, &self.scope, self.now), self.size, |cx| self.view.ask_typed(cx, query.to_owned()));
    }

    fn select(&mut self, text: &str) {
        let row = (0..self.view.patterns.rows.len()).find(|r| self.view.patterns.row(*r).unwrap().template.contains(text)).unwrap();
        self.view.patterns.table.selected = row;
    }

    /// What the worker does, as often as it is asked to now.
    fn work(&mut self) -> usize {
        let mut times = 0;
        loop {
            with(&look(&self.shared, &self.scope, self.now), self.size, |cx| self.view.woken(cx));
            let Some(job) = self.view.patterns.job.clone() else { return times };
            let news = job.run(&|| false).unwrap();
            self.answer("patterns", Ok(Response::Patterns(news)));
            times += 1;
        }
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn press(&mut self, command: Command) -> Vec<Act> {
        with(&look(&self.shared, &self.scope, self.now), self.size, |cx| self.view.command(cx, command)).1
    }

    fn screen(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, self.now), self.size.0, self.size.1)
    }

    fn filters(&self) -> String {
        self.view.filters(&look(&self.shared, &self.scope, self.now)).join(" ")
    }

    /// The row of a pattern.
    fn row(&self, text: &str) -> String {
        let screen = self.screen();
        screen.lines().find(|l| l.contains(text)).unwrap_or_else(|| panic!("{text:?} is not on\n{screen}")).to_owned()
    }

    /// The patterns on the screen from above, by a word of theirs.
    fn order<'w>(&self, words: &[&'w str]) -> Vec<&'w str> {
        let screen = self.screen();
        let mut places: Vec<(usize, &str)> = words.iter().filter_map(|w| Some((screen.find(w)?, *w))).collect();
        places.sort_unstable();
        places.into_iter().map(|(_, w)| w).collect()
    }

    fn selected(&self) -> &str {
        self.view.patterns.selected().map_or("", |p| &p.template)
    }

    /// The texts of the list's lines.
    fn lines(&self) -> Vec<&str> {
        self.view.store.window(0).map(|l| l.text).collect()
    }
}

/// A scope from the alert whose onset is at this second.
fn since(onset: i64) -> Scope {
    let onset = Some(Timestamp::from_secs(START + onset));
    Scope { alert: Some(ScopeAlert { name: "Slow".into(), labels: Labels::new(), onset }), ..scope() }
}

fn incident() -> Vec<LogLine> {
    let mut lines = Vec::new();
    for i in 0..300 {
        lines.push(line(i * 2, Level::Info, &format!("served order {i} in {}ms", i % 7)));
    }
    for i in 0..10 {
        lines.push(line(i * 30, Level::Info, &format!("pool resized from {i} to 6")));
        lines.push(line(i * 30, Level::Warn, &format!("slow request ms={}", 900 + i)));
    }
    for i in 0..60 {
        lines.push(line(301 + i * 4, Level::Error, &format!("timeout acquiring connection after {i}ms")));
        lines.push(line(301 + i * 4, Level::Warn, &format!("slow request ms={}", 9000 + i)));
    }
    lines
}

#[test]
fn what_is_new_grew_or_is_gone_since_the_onset_stands_on_top_with_its_figures() {
    let page = Page::of(since(300), incident());
    assert_eq!(
        page.order(&["served order", "slow request", "pool resized", "timeout acquiring"]),
        ["timeout acquiring", "slow request", "pool resized", "served order"]
    );
    sees(&page.row("timeout acquiring connection after <*>"), &["NEW", "60", "13.6 %", "ERROR", "22:18:21", "22:22:17"]);
    sees(&page.row("slow request ms=<*>"), &["×6.0", "70", "WARN"]);
    sees(&page.row("pool resized from <*> to <*>"), &["GONE", "10"]);
    let served = page.row("served order <*> in <*>");
    assert!(!served.contains('×') && !served.contains("NEW"), "{served}");
    sees(
        &page.screen(),
        &["4 patterns of 440 lines since 22:13", "local drain", "1 new", "since the onset at 22:18 against 22:13 – 22:18"],
    );
    sees(&page.screen(), &["example", "timeout acquiring connection after 0ms"]);
}

#[test]
fn without_an_alert_the_second_half_of_the_window_is_compared_with_the_first_and_d_goes_on() {
    let mut page = Page::of(scope(), incident());
    sees(&page.screen(), &["since 22:18 against 22:13 – 22:18"]);
    page.press(Command::CompareWindows);
    page.work();
    sees(&page.screen(), &["reading the period before"]);
    let earlier = (0..60).flat_map(|i| [line(-3000 - i, Level::Info, "served order 5 in 6ms"), line(-3001 - i, Level::Info, "warmed up")]);
    page.earlier(earlier.collect(), Older::Nothing);
    page.work();
    sees(&page.row("warmed up"), &["GONE"]);
    sees(&page.row("timeout acquiring"), &["NEW"]);
    sees(&page.screen(), &["all against 20:23 – 21:23", "5 patterns of 440 lines"]);
    page.press(Command::CompareWindows);
    let down = SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connect to loki refused");
    page.answer("earlier", Err(down));
    page.work();
    sees(&page.screen(), &["not compared with the day before: connect to loki refused"]);
    assert!(!page.row("timeout acquiring").contains("NEW"), "nothing is known of the day before");
}

#[test]
fn lines_of_before_that_are_too_many_are_not_read() {
    let mut page = Page::of(since(300), incident());
    page.shared.settings.ask_above = Some(1 << 30);
    let size = |bytes: u64| Ok(Response::LogSize(LogSize::new(vec![(Labels::new(), bytes)])));
    page.answer("size", size(1 << 20));
    while page.screen().contains("against") {
        page.press(Command::CompareWindows);
        page.work();
    }
    page.answer("earlier size", size(5 << 30));
    sees(&page.screen(), &["not compared with the period before: it would read 5.00 GiB, more than 1.00 GiB"]);
    let look = look(&page.shared, &page.scope, page.now);
    assert!(needs(&page.view, &look, page.size.0, page.size.1).iter().all(|n| n.slot.pane != "earlier"));
}

#[test]
fn nothing_is_called_new_before_each_stream_has_told_its_lines_of_before() {
    let mut page = Page::of(scope().with_trace(TraceId(7), None), incident());
    page.press(Command::CompareWindows);
    page.work();
    page.earlier(Vec::new(), Older::Nothing);
    page.work();
    sees(&page.screen(), &["reading the period before"]);
    assert!(!page.screen().contains("NEW"), "{}", page.screen());
    page.answer_part("earlier", 1, Err(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connect to loki refused")));
    page.work();
    sees(&page.screen(), &["not compared with the period before: connect to loki refused"]);
    assert!(!page.screen().contains("NEW"), "{}", page.screen());
    let lines = vec![line(-3060, Level::Info, "timeout acquiring connection after 3ms")];
    let history = LogEvent::History { lines, reached: Timestamp::ZERO, older: Older::Nothing };
    page.answer_part("earlier", 1, Ok(Response::Log(vec![history])));
    page.work();
    sees(&page.screen(), &["all against 20:23 – 21:23", "NEW"]);
    assert!(!page.row("timeout acquiring").contains("NEW"), "{}", page.screen());
    page.press(Command::MinimumLevel);
    assert!(page.view.patterns.earlier.as_ref().and_then(Earlier::known).is_none(), "those are lines of another question");
}

/// A page whose loaded lines begin at a second.
fn from(second: i64) -> Page {
    let scope = since(300);
    let mut page = Page { view: Logs::new(&scope, None), shared: shared(), scope, size: BIG, now: now() };
    let first = Timestamp::from_secs(START + second);
    page.arrive(incident().into_iter().filter(|l| l.at >= first).collect(), Older::Left(first));
    page.press(Command::Patterns);
    page.work();
    page
}

#[test]
fn lines_before_the_onset_are_asked_for_where_the_loaded_ones_begin_after_it() {
    let mut page = from(361);
    sees(&page.screen(), &["reading the lines before the onset"]);
    assert!(!page.row("timeout acquiring").contains("NEW"), "nothing is known of before");
    let onset = Timestamp::from_secs(START + 300);
    let asked = page.asked("earlier");
    assert!(
        matches!(&asked, Request::LogOlder { before, window: TimeWindow::Fixed(w), .. } if *before == onset && w.end == onset),
        "{asked:?}"
    );

    page.earlier(incident().into_iter().filter(|l| l.at < onset).collect(), Older::Nothing);
    page.work();
    sees(&page.screen(), &["lines since 22:19:21 against 21:23 – 22:18, before the onset"]);
    sees(&page.row("timeout acquiring"), &["NEW", "45"]);
    sees(&page.row("slow request"), &["×"]);
    assert_eq!(page.work(), 0);

    // Older lines of the page's own, of before and after the onset: none counts twice.
    page.older(incident().into_iter().filter(|l| l.at >= Timestamp::from_secs(START + 200)).collect(), START + 200);
    page.later(3);
    page.work();
    page.select("pool resized");
    sees(&page.screen(), &["since the onset at 22:18 against 21:23 – 22:18", "21:23 – 22:18  10 lines"]);

    // All lines are the page's own.
    page.older(incident(), START - 3000);
    page.later(3);
    page.work();
    page.select("pool resized");
    sees(&page.screen(), &["21:23 – 22:18  10 lines"]);
}

#[test]
fn lines_before_the_onset_that_do_not_come_are_not_made_up() {
    let mut page = from(361);
    page.answer("earlier", Err(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connect to loki refused")));
    page.work();
    sees(&page.screen(), &["not compared with the lines before the onset: connect to loki refused"]);
    assert!(!page.row("timeout acquiring").contains("NEW"));

    let mut page = from(361);
    page.earlier(Vec::new(), Older::Nothing);
    page.work();
    sees(&page.row("timeout acquiring"), &["NEW"]);
}

#[test]
fn any_two_windows_are_compared_as_they_are_typed() {
    let mut page = Page::of(since(300), incident());
    page.type_in(Command::ChooseWindows, "22:19 to 22:22 against 22:14 to 22:17");
    page.work();
    sees(&page.screen(), &["22:19:00 – 22:22:00 against 22:14:00 – 22:17:00"]);
    page.select("pool resized");
    sees(&page.screen(), &["22:14:00 – 22:17:00  6 lines", "22:19:00 – 22:22:00  0 lines"]);

    // The other window is none of the page's: it is asked for.
    page.type_in(Command::ChooseWindows, "20:00 to 21:00");
    page.work();
    sees(&page.screen(), &["reading 20:00 – 21:00"]);
    page.earlier((0..60).map(|i| line(-6000 - i, Level::Info, "warmed up")).collect(), Older::Nothing);
    page.work();
    sees(&page.screen(), &["all against 20:00 – 21:00"]);
    sees(&page.row("warmed up"), &["GONE"]);

    let acts = page.type_in(Command::ChooseWindows, "22:19 to 22:21 against 22:20 to 22:22");
    assert_eq!(acts, [Act::Notice("22:19:00 – 22:21:00 and 22:20:00 – 22:22:00 have lines in common".to_owned())]);
    let acts = page.type_in(Command::ChooseWindows, "yesterday or so");
    assert!(matches!(&acts[..], [Act::Notice(why)] if why.contains("not a time")), "{acts:?}");
    sees(&page.screen(), &["all against 20:00 – 21:00"]);

    // A window that is looked at and not loaded becomes the page's.
    let acts = page.type_in(Command::ChooseWindows, "20:00 to 20:30 against 19:00 to 19:30");
    assert!(matches!(&acts[..], [Act::Rescope(scope)] if !scope.window.is_live()), "{acts:?}");
    page.type_in(Command::ChooseWindows, "=");
    page.work();
    sees(&page.screen(), &["since the onset at 22:18"]);
}

#[test]
fn enter_shows_the_lines_of_a_pattern_and_esc_comes_back_to_its_row() {
    let mut page = Page::of(since(300), incident());
    page.press(Command::Down);
    page.press(Command::Drill);
    assert_eq!(page.lines().len(), 70);
    assert!(page.lines().iter().all(|l| l.starts_with("slow request")));
    assert_eq!(page.filters(), "pattern \"slow request ms=<*>\"");
    page.arrive(
        vec![line(599, Level::Warn, "slow request ms=7"), line(599, Level::Warn, "something else"), line(598, Level::Warn, "other")],
        Older::Nothing,
    );
    assert_eq!(page.lines().len(), 71, "a line that comes later is told by its form");
    page.press(Command::Back);
    assert_eq!((page.selected(), page.filters().as_str(), page.lines().len()), ("slow request ms=<*>", "", 443));
    page.later(3);
    page.work();
    sees(&page.screen(), &["something else", "6 patterns of 443 lines"]);
    assert_eq!(page.selected(), "slow request ms=<*>");
    page.press(Command::Back);
    assert!(!page.screen().contains("local drain"), "the list again");
}

#[test]
fn an_excluded_pattern_is_left_out_of_the_list_until_the_same_key_is_pressed_again() {
    let mut page = Page::of(since(300), incident());
    page.press(Command::Exclude);
    sees(&page.row("excluded: timeout acquiring"), &["60"]);
    assert_eq!((page.lines().len(), page.filters().as_str()), (380, "!pattern \"timeout acquiring connection af…\""));
    page.press(Command::Down);
    page.press(Command::Exclude);
    assert_eq!((page.lines().len(), page.filters().as_str()), (310, "!2 patterns"));
    page.press(Command::Up);
    page.press(Command::Exclude);
    assert_eq!(page.lines().len(), 370);
    page.arrive(vec![line(590, Level::Warn, "slow request ms=1")], Older::Nothing);
    assert_eq!(page.lines().len(), 370, "also of lines that come later");
}

#[test]
fn rows_do_not_jump_while_they_are_read_and_g_puts_them_in_order() {
    let mut page = Page::of(since(300), incident());
    page.press(Command::Bottom);
    assert_eq!(page.selected(), "served order <*> in <*>", "{}", page.screen());
    let before = page.row("served order");
    page.arrive((0..5).map(|i| line(580 + i, Level::Fatal, &format!("out of memory at {i}"))).collect(), Older::Nothing);
    assert_eq!(page.work(), 0, "not at once");
    page.later(3);
    assert_eq!(page.work(), 1);
    assert_eq!(page.selected(), "served order <*> in <*>");
    sees(&page.screen(), &["1 came above", "5 of 5"]);
    assert_eq!(before.split("served").nth(1), page.row("served order").split("served").nth(1));
    page.press(Command::Top);
    assert_eq!(page.selected(), "out of memory at <*>");
    assert!(!page.screen().contains("came above"));
}

#[test]
fn the_list_s_filter_and_level_hold_for_patterns() {
    let mut page = Page::of(scope(), incident());
    page.press(Command::MinimumLevel);
    page.work();
    sees(&page.screen(), &["1 pattern of 60 lines"]);
    page.press(Command::MinimumLevel);
    page.press(Command::MinimumLevel);
    page.press(Command::Filter);
    for c in "pool".chars() {
        let look = look(&page.shared, &page.scope, page.now);
        with(&look, page.size, |cx| page.view.type_key(cx, KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
    }
    page.work();
    sees(&page.screen(), &["1 pattern of 10 lines", "pool resized"]);
}

fn told() -> Vec<ServerPattern> {
    let at = |s: i64| Timestamp::from_secs(START + s);
    vec![
        ServerPattern {
            text: "timeout acquiring connection after <_>".to_owned(),
            level: Level::Error,
            samples: vec![(at(310), 900), (at(320), 100)],
        },
        ServerPattern { text: "served order <_> in <_>".to_owned(), level: Level::Info, samples: vec![(at(-900), 4000), (at(310), 3000)] },
    ]
}

#[test]
fn loki_s_own_patterns_are_offered_for_the_whole_window_and_told_apart() {
    let mut page = Page::of(since(300), incident());
    page.answer("server patterns", Ok(Response::LogPatterns(Some(told()))));
    sees(&page.screen(), &["local drain", "B Loki's 2 patterns of the whole window"]);
    page.press(Command::PatternsBy);
    sees(&page.screen(), &["2 patterns of 8,000 lines since 21:23", "by Loki, of whole streams", "B the lines that are loaded"]);
    sees(&page.row("timeout acquiring connection after <*>"), &["NEW", "1,000", "12.5 %", "ERROR"]);
    sees(&page.screen(), &["timeout acquiring connection after 0ms"]);
    page.press(Command::Drill);
    assert_eq!(page.lines().len(), 60);
    page.press(Command::Back);
    sees(&page.screen(), &["by Loki, of whole streams"]);
    page.press(Command::PatternsBy);
    sees(&page.screen(), &["4 patterns of 440 lines", "local drain"]);
}

#[test]
fn loki_s_patterns_stay_where_the_same_streams_are_asked_and_go_where_others_are() {
    let mut page = Page::of(since(300), incident());
    page.answer("server patterns", Ok(Response::LogPatterns(Some(told()))));
    let asked = page.asked("server patterns");
    page.ask_typed(r#"{service_name="orders"} |= "order""#);
    assert_eq!(page.asked("server patterns"), asked, "nothing is asked again");
    page.press(Command::PatternsBy);
    sees(&page.screen(), &["2 patterns of 8,000 lines since 21:23"]);
    page.ask_typed(r#"{service_name="web"}"#);
    assert_eq!(page.press(Command::PatternsBy), [Act::Notice("Loki has not answered yet".to_owned())]);
}

#[test]
fn a_comparison_that_is_there_is_not_read_again() {
    let mut page = Page::of(scope(), incident());
    page.type_in(Command::ChooseWindows, "21:00 to 21:10 against 20:00 to 20:10");
    let asked = page.asked("earlier");
    page.earlier(Vec::new(), Older::Nothing);
    page.work();
    let known = page.view.patterns.earlier.as_ref().and_then(Earlier::known);
    page.type_in(Command::ChooseWindows, "21:00 to 21:10 against 20:00 to 20:10");
    assert_eq!(page.asked("earlier"), asked);
    assert!(known.is_some() && page.view.patterns.earlier.as_ref().and_then(Earlier::known) == known, "no answer would come");
}

#[test]
fn a_loki_without_patterns_says_so_when_it_is_asked_for_them() {
    let mut page = Page::of(scope(), incident());
    page.answer("server patterns", Ok(Response::LogPatterns(None)));
    assert_eq!(page.press(Command::PatternsBy), [Act::Notice("this Loki finds no patterns: its pattern ingester is off".to_owned())]);
    page.answer("server patterns", Ok(Response::LogPatterns(Some(Vec::new()))));
    assert_eq!(page.press(Command::PatternsBy), [Act::Notice("Loki has found no patterns in these lines".to_owned())]);
}

#[test]
fn no_lines_many_patterns_and_small_screens() {
    let mut page = Page::of(scope(), Vec::new());
    sees(&page.screen(), &["No lines for"]);
    let down = SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connect to loki refused");
    page.answer("lines", Err(down));
    sees(&page.screen(), &["connect to loki refused"]);

    let word = |n: i64| {
        format!("{}{}{}", (b'a' + (n / 676 % 26) as u8) as char, (b'a' + (n / 26 % 26) as u8) as char, (b'a' + (n % 26) as u8) as char)
    };
    let lines = (0..10_000).map(|n| line(n % 600, Level::Info, &format!("{} {}", word(n), vec![word(n); 1 + n as usize / 676].join(" "))));
    let mut page = Page::of(scope(), lines.collect());
    page.press(Command::Bottom);
    assert!(page.view.patterns.rows.len() > 1000, "{}", page.view.patterns.rows.len());
    let mut page = Page::of(since(300), incident());
    for size in [(80, 24), (40, 10), (20, 3), (1, 1)] {
        page.size = size;
        page.screen();
    }
    page.size = (80, 22);
    sees(&page.row("timeout acquiring"), &["NEW", "60", "ERROR"]);
    sees(&page.screen(), &["4 patterns of 440 lines"]);
    page.press(Command::NextPane);
    sees(&page.screen(), &["first seen", "example"]);
}
