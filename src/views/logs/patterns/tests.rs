//! What a reader of patterns sees.

use super::super::tests::{line, now, scope, shared};
use super::*;
use crate::{
    app::{
        Shared,
        testing::{answer, draw, look, needs, sees, type_text, with},
    },
    core::{
        request::Response,
        scope::{Scope, ScopeAlert},
    },
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
mod server;
mod windows;

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
        type_text(&mut self.view, &look(&self.shared, &self.scope, self.now), self.size, &format!("{text}\r"))
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
    type_text(&mut page.view, &look(&page.shared, &page.scope, page.now), page.size, "pool");
    page.work();
    sees(&page.screen(), &["1 pattern of 10 lines", "pool resized"]);
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
