use super::*;
use crate::model::opened::{FileState, LineNotes, OpenedFile};

/// A page of files, and the answers to what it asks.
struct OpenedPage {
    view: Logs,
    shared: Shared,
    scope: Scope,
}

const SIZE: (u16, u16) = (160, 30);

impl OpenedPage {
    /// A page whose lines are of the seconds from 0 on, the first half of one text, the second half of another.
    fn of_halves() -> Self {
        let mut page = Self::new(&["app.log"], true);
        let text = |i: i64| if i < 50 { format!("request {i} took 3 ms") } else { format!("connection {i} refused") };
        page.tell(LogEvent::Lines((0..100).map(|i| of("app.log", i, &text(i))).collect()));
        page
    }

    fn new(names: &[&str], again: bool) -> Self {
        let scope = Scope::new("", TimeWindow::EVERYTHING);
        let opened = crate::views::logs::Opened { names: names.iter().map(|n| (*n).into()).collect(), again };
        Self { view: Logs::of_files(opened, scope.window, &scope), shared: test_shared(), scope }
    }

    fn asked(&self, pane: &str) -> Option<Request> {
        let needs = needs(&self.view, &look(&self.shared, &self.scope, now()), SIZE.0, SIZE.1);
        needs.into_iter().find(|n| n.slot.pane == pane).map(|n| n.request)
    }

    #[track_caller]
    fn answer(&mut self, pane: &str, response: Response) -> Vec<Act> {
        answer(&mut self.view, &look(&self.shared, &self.scope, now()), SIZE, |n| n.slot.pane == pane, Ok(response))
    }

    fn tell(&mut self, event: LogEvent) -> Vec<Act> {
        assert!(matches!(self.asked("lines"), Some(Request::FileLines(_))));
        self.answer("lines", Response::Log(vec![event]))
    }

    /// Finds the patterns, as a worker does it.
    fn find(&mut self) {
        let Some(Request::Patterns(job)) = self.asked("patterns") else { panic!("no patterns to find") };
        self.answer("patterns", Response::Patterns(job.run(&|| false).unwrap()));
    }

    /// Counts the lines, as a worker does it.
    fn count(&mut self) {
        let Some(Request::Count(job)) = self.asked("volume") else { panic!("no lines to count") };
        self.answer("volume", Response::Matrix(job.run()));
    }

    fn press(&mut self, command: Command) -> (bool, Vec<Act>) {
        let look = look(&self.shared, &self.scope, now());
        with(&look, SIZE, |cx| self.view.command(cx, command))
    }

    fn rescope(&mut self, window: TimeWindow) {
        self.scope = self.scope.with_window(window);
        let look = look(&self.shared, &self.scope, now());
        with(&look, SIZE, |cx| self.view.rescoped(cx));
    }

    fn screen(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, now()), SIZE.0, SIZE.1)
    }

    #[track_caller]
    fn sees(&self, texts: &[&str]) {
        crate::app::testing::sees(&self.screen(), texts);
    }
}

fn of(file: &str, second: i64, text: &str) -> LogLine {
    LogLine { stream: Arc::new([("filename", file)].into_iter().collect()), ..line(second, Level::Info, text) }
}

fn file(name: &str, size: u64, read: u64, state: FileState) -> OpenedFile {
    OpenedFile { read, state, ..OpenedFile::new(name, Some(size)) }
}

#[test]
fn how_far_files_are_read_and_what_their_lines_lack_is_in_the_title() {
    let mut page = OpenedPage::new(&["/var/log/app.log", "/var/log/web.log.gz"], true);
    page.sees(&["Reading app.log, web.log.gz."]);
    page.tell(LogEvent::Lines(vec![of("/var/log/app.log", 1, "one pool=orders"), of("/var/log/web.log.gz", 2, "two")]));
    page.tell(LogEvent::Files(vec![
        file("/var/log/app.log", 3 << 20, 1 << 20, FileState::Reading),
        file("w", 1 << 20, 1 << 20, FileState::Ended),
    ]));
    page.sees(&["app.log, web.log.gz", "2 lines", "reading 50", "of 4.00 MiB"]);
    let notes = LineNotes { lines: 2, unzoned: 1, not_utf8: 3, ..LineNotes::default() };
    let grown = OpenedFile { left: 1 << 20, notes, ..file("/var/log/app.log", 3 << 20, 2 << 20, FileState::Following) };
    page.tell(LogEvent::Files(vec![grown.clone(), file("w", 1 << 20, 1 << 20, FileState::Failed("it is cut short".to_owned()))]));
    page.sees(&["newest 3.00 MiB of 4.00 MiB", "3 lines not UTF-8", "w: it is cut short", "following"]);
    page.scope.window = TimeWindow::Last(Duration::from_secs(3600));
    let reached = TimeRange { start: now() - Duration::from_secs(4000), end: now() };
    page.tell(LogEvent::Files(vec![OpenedFile { reached: Some(reached), ..grown.clone() }]));
    page.sees(&["2.00 MiB of 3.00 MiB read for the window"]);
    let news = OpenedFile { news: Some((now(), "was replaced".to_owned())), ..grown };
    assert_eq!(page.tell(LogEvent::Files(vec![news.clone()])), [Act::Notice("/var/log/app.log was replaced".to_owned())]);
    assert_eq!(page.tell(LogEvent::Files(vec![news])), [], "once");
}

#[test]
fn lines_without_times_have_none_on_the_screen() {
    let mut page = OpenedPage::new(&["steps.log"], true);
    let step = |i: i64| LogLine { at: Timestamp(i * 10), ..of("steps.log", 0, &format!("step {i}")) };
    page.tell(LogEvent::Lines((0..5).map(step).collect()));
    let notes = LineNotes { lines: 5, in_order: 5, ..LineNotes::default() };
    page.tell(LogEvent::Files(vec![OpenedFile { notes, ..file("steps.log", 30, 30, FileState::Following) }]));
    page.sees(&["no times: in the order of the file", "step 4", "no time"]);
    assert!(!page.screen().contains("00:00"), "{}", page.screen());
}

#[test]
fn lines_around_one_and_with_its_trace_are_found_in_the_files_and_esc_goes_back() {
    let mut page = OpenedPage::new(&["app.log", "web.log"], true);
    let id = "trace_id=0af7651916cd43dd8448eb211c80319c";
    let lines = [
        ("app.log", format!("one {id}")),
        ("web.log", format!("two {id}")),
        ("app.log", "three".to_owned()),
        ("web.log", format!("four {id}")),
    ];
    let trace = TraceId::parse("0af7651916cd43dd8448eb211c80319c");
    let lines = (0..).zip(&lines).map(|(i, (name, text))| LogLine { trace: trace.filter(|_| text.contains(id)), ..of(name, i, text) });
    page.tell(LogEvent::Lines(lines.collect()));
    page.press(Command::Context);
    page.sees(&["context", "2 of 4 lines"]);
    assert!(page.press(Command::Back).0);
    page.sees(&["4 lines"]);
    page.press(Command::PreviousRelated);
    page.sees(&["lines with 0af7651916cd43dd8448eb211c80319c", "3 of 4 lines"]);
    let selected = page.screen().lines().find(|l| l.contains('▌')).unwrap().to_owned();
    assert!(selected.contains("two"), "{selected}");
    page.press(Command::Back);
    assert!(!page.press(Command::Back).0, "the app's own way back");
}

#[test]
fn lines_are_counted_by_level_as_they_are_shown_and_a_part_of_them_becomes_the_window() {
    let mut page = OpenedPage::new(&["app.log"], true);
    let line = |i: i64| LogLine { level: if i % 10 == 0 { Level::Error } else { Level::Info }, ..of("app.log", i, &format!("line {i}")) };
    page.tell(LogEvent::Lines((0..100).map(line).collect()));
    page.count();
    page.sees(&["error", "10", "info", "90", "▇"]);
    page.press(Command::MinimumLevel);
    page.count();
    assert!(!page.screen().contains("info"), "{}", page.screen());

    assert!(page.asked("volume").is_none(), "once");
    page.press(Command::ValueCursor);
    page.press(Command::Top);
    page.press(Command::ShiftRight);
    page.sees(&["1 line: 1 error"]);
    let (_, acts) = page.press(Command::Drill);
    let [Act::Rescope(scope)] = &acts[..] else { panic!("{acts:?}") };
    let TimeWindow::Fixed(range) = scope.window else { panic!("{:?}", scope.window) };
    let errors: Vec<i64> = (0..100).step_by(10).filter(|second| range.contains(line(*second).at)).collect();
    assert_eq!(errors, [0]);
}

#[test]
fn a_time_of_which_lines_were_not_read_does_not_look_like_one_without_lines() {
    let mut page = OpenedPage::new(&["large.log"], true);
    let reached = Some(TimeRange { start: Timestamp::from_secs(START), end: Timestamp::from_secs(START + 99) });
    page.tell(LogEvent::Files(vec![OpenedFile { left: 1 << 20, reached, ..file("large.log", 3 << 20, 2 << 20, FileState::Following) }]));
    page.tell(LogEvent::Lines((0..100).map(|i| of("large.log", i, "x")).collect()));
    page.count();
    page.sees(&["░", "100"]);
    page.press(Command::ValueCursor);
    page.press(Command::Top);
    page.sees(&["0 lines, not all was read"]);
    page.press(Command::Bottom);
    assert!(!page.screen().contains("not all was read"), "{}", page.screen());

    page.tell(LogEvent::Files(vec![OpenedFile { left: 0, reached, ..file("large.log", 3 << 20, 3 << 20, FileState::Following) }]));
    assert!(!page.screen().contains('░'), "{}", page.screen());
}

#[test]
fn a_pipe_is_read_once_and_shown_by_its_window() {
    let mut page = OpenedPage::new(&["-"], false);
    let no_time = LogLine { at: Timestamp(5), ..of("-", 0, "no time") };
    page.tell(LogEvent::Lines(vec![of("-", 1, "one"), of("-", 100, "two"), of("-", 200, "three"), no_time]));
    page.sees(&["4 lines", "standard input"]);
    let at = |second| Timestamp::from_secs(START + second);
    page.rescope(TimeWindow::Fixed(TimeRange { start: at(50), end: at(150) }));
    page.sees(&["2 of 4 lines", "two", "no time"]);
    page.tell(LogEvent::Lines(vec![of("-", 120, "four"), of("-", 300, "five")]));
    page.sees(&["3 of 6 lines", "four"]);
    page.rescope(TimeWindow::Since(at(200)));
    page.sees(&["3 of 6 lines", "three", "five"]);
    page.rescope(TimeWindow::EVERYTHING);
    page.sees(&["6 lines"]);
}

#[test]
fn of_files_those_windows_are_compared_that_have_lines() {
    let mut page = OpenedPage::of_halves();
    page.press(Command::Patterns);
    page.find();
    let (_, acts) = page.press(Command::CompareWindows);
    assert!(matches!(&acts[..], [Act::Notice(what)] if what.contains("D names other times")), "{acts:?}");
    page.find();
    page.sees(&["against 22:13:20 – 22:14:09"]);
    for (typed, told) in [
        ("22:14:20 to 22:14:50 against 22:13:30 to 22:14:00", "22:14:20 – 22:14:50 against 22:13:30 – 22:14:00"),
        ("22:13:30 to 22:14:00", "22:14:00 – 22:14:59 against 22:13:30 – 22:14:00"),
    ] {
        let look = look(&page.shared, &page.scope, now());
        let ((), acts) = with(&look, SIZE, |cx| page.view.windows_typed(cx, typed));
        assert_eq!(acts, [], "{typed}");
        page.find();
        page.sees(&["NEW", "connection", told]);
    }
}
