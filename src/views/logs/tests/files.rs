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
    fn new(names: &[&str], again: bool) -> Self {
        let scope = Scope::new("", TimeWindow::EVERYTHING);
        let opened = crate::views::logs::Opened { names: names.iter().map(|n| (*n).into()).collect(), again };
        Self { view: Logs::of_files(opened, scope.window, &scope), shared: test_shared(), scope }
    }

    fn tell(&mut self, event: LogEvent) -> Vec<Act> {
        let look = look(&self.shared, &self.scope, now());
        let need = needs(&self.view, &look, SIZE.0, SIZE.1).into_iter().find(|n| n.slot.pane == "lines").unwrap();
        assert!(matches!(need.request, Request::FileLines { .. }));
        let answer = Answer {
            slot: need.slot,
            request: Arc::new(need.request),
            range: look.range(),
            asked: now(),
            result: Ok(Response::Log(vec![event])),
        };
        with(&look, SIZE, |cx| self.view.answer(cx, answer)).1
    }

    fn press(&mut self, command: Command) -> (bool, Vec<Act>) {
        let look = look(&self.shared, &self.scope, now());
        with(&look, SIZE, |cx| self.view.command(cx, command))
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
fn a_pipe_keeps_its_lines_whatever_window_is_chosen() {
    let mut page = OpenedPage::new(&["-"], false);
    page.tell(LogEvent::Lines(vec![of("-", 1, "one")]));
    page.scope = page.scope.with_window(TimeWindow::Last(Duration::from_secs(60)));
    let look = look(&page.shared, &page.scope, now());
    let ((), acts) = with(&look, SIZE, |cx| page.view.rescoped(cx));
    assert!(matches!(&acts[..], [Act::Notice(why)] if why.contains("cannot be read again")), "{acts:?}");
    page.sees(&["1 line", "one", "standard input"]);
}
