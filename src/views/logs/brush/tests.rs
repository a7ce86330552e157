use std::{sync::Arc, time::Duration};

use super::super::Logs;
use crate::{
    app::{
        Shared,
        testing::{answer, draw, look, sees, test_shared, with},
    },
    core::{
        command::Command,
        request::{Request, Response, Subscription},
        scope::Scope,
    },
    model::{
        labels::Labels,
        log::{Level, LogEvent, LogLine, Older},
        log_labels::LogLabels,
        series::{Matrix, Sample, Series},
        time::{TimeRange, TimeWindow, Timestamp},
    },
    views::{Act, View},
};

const NOW: Timestamp = Timestamp::from_secs(1_700_006_400);

struct Page {
    view: Logs,
    shared: Shared,
    scope: Scope,
    size: (u16, u16),
}

impl Page {
    /// An hour with a count every minute: 10 lines of info, and errors in five of the minutes.
    fn new(size: (u16, u16)) -> Self {
        let mut shared = test_shared();
        shared.log_labels.settle(Timestamp::ZERO, Ok(Arc::new(LogLabels::default())));
        let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600))).with_service("orders");
        let mut page = Self { view: Logs::new(&scope, None), shared, scope, size };
        let step = Duration::from_secs(60);
        let start = NOW - Duration::from_secs(3600);
        let at = |minute: u32| start + step * minute;
        let series = |level: &str, minutes: std::ops::RangeInclusive<u32>, value: f64| Series {
            labels: [("detected_level", level)].into_iter().collect::<Labels>(),
            samples: minutes.map(|m| Sample { at: at(m), value }).collect(),
        };
        let series = vec![series("info", 1..=60, 10.0), series("error", 31..=35, 4.0)];
        let matrix = Matrix { series, range: TimeRange { start: at(1), end: NOW }, step, warnings: Vec::new() };
        page.answer(matrix);
        page
    }

    fn answer(&mut self, matrix: Matrix) {
        let is = |n: &Subscription| n.slot.pane == "volume" && matches!(n.request, Request::LogRange { .. });
        answer(&mut self.view, &look(&self.shared, &self.scope, NOW), self.size, is, Ok(Response::Matrix(matrix)));
    }

    fn press(&mut self, command: Command) -> Vec<Act> {
        let look = look(&self.shared, &self.scope, NOW);
        let facts = self.view.facts(&look);
        assert_eq!((command.spec().enabled)(&facts), Ok(()), "{command:?}");
        with(&look, self.size, |cx| self.view.command(cx, command)).1
    }

    fn history(&mut self, lines: Vec<LogLine>) {
        let event = LogEvent::History { lines, reached: Timestamp::ZERO, older: Older::Nothing };
        let is = |n: &Subscription| n.slot.pane == "lines";
        answer(&mut self.view, &look(&self.shared, &self.scope, NOW), self.size, is, Ok(Response::Log(vec![event])));
    }

    fn screen(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, NOW), self.size.0, self.size.1)
    }

    /// Moves until the cursor's cell begins at this minute.
    fn go(&mut self, clock: &str, command: Command) {
        for _ in 0..100 {
            if self.screen().contains(clock) {
                return;
            }
            self.press(command);
        }
        panic!("never at {clock}:\n{}", self.screen());
    }
}

#[test]
fn a_range_is_chosen_by_keys_and_becomes_the_window() {
    let mut page = Page::new((200, 46));
    page.press(Command::ValueCursor);
    sees(&page.screen(), &["23:59:00 – 00:00:00 UTC · 1m · 10 lines: 10 info"]);
    page.go("23:34:00 – 23:35:00", Command::Fold);
    sees(&page.screen(), &["14 lines: 4 error, 10 info"]);
    (0..4).for_each(|_| drop(page.press(Command::ShiftLeft)));
    sees(&page.screen(), &["23:30:00 – 23:35:00 UTC · 5m · 70 lines: 20 error, 50 info"]);
    let acts = page.press(Command::Drill);
    let [Act::Rescope(scope)] = acts.as_slice() else { panic!("{acts:?}") };
    let at = |minute: u64| NOW - Duration::from_secs(3600) + Duration::from_secs(60 * minute);
    assert_eq!(scope.window, TimeWindow::Fixed(TimeRange { start: at(30), end: at(35) }));
}

#[test]
fn space_begins_a_range_anew_and_escape_gives_it_up() {
    let mut page = Page::new((200, 46));
    page.press(Command::ValueCursor);
    page.go("23:50:00 – 23:51:00", Command::Fold);
    page.press(Command::Pause);
    page.press(Command::Unfold);
    page.press(Command::Unfold);
    sees(&page.screen(), &["23:50:00 – 23:53:00 UTC · 3m"]);
    page.press(Command::Pause);
    sees(&page.screen(), &["23:52:00 – 23:53:00 UTC · 1m"]);
    page.press(Command::Top);
    sees(&page.screen(), &["23:00:00 – 23:53:00 UTC"]);
    assert_eq!(page.press(Command::Back), []);
    assert!(!page.screen().contains("23:00:00 –"), "{}", page.screen());
    assert!(!page.view.is_paused(), "Space held nothing");
}

#[test]
fn it_stays_within_the_window_and_works_on_a_small_screen() {
    let mut page = Page::new((80, 21));
    page.press(Command::ValueCursor);
    // A column is more than a minute there.
    sees(&page.screen(), &["– 00:00:00 UTC"]);
    page.press(Command::Bottom);
    page.press(Command::Unfold);
    sees(&page.screen(), &["– 00:00:00 UTC"]);
    page.press(Command::Top);
    page.press(Command::Fold);
    sees(&page.screen(), &["23:00:00 –"]);
    page.press(Command::ShiftRight);
    for size in [(1, 1), (4, 4), (30, 12)] {
        page.size = size;
        page.screen();
    }
}

#[test]
fn two_ranges_of_the_volume_are_compared_by_their_patterns() {
    let mut page = Page::new((120, 30));
    let line = |minutes: u64| LogLine {
        at: NOW - Duration::from_secs(60 * minutes) + Duration::from_secs(1),
        stream: Arc::new([("service_name", "orders")].into_iter().collect()),
        text: format!("served {minutes} bytes").into(),
        level: Level::Info,
        ..LogLine::default()
    };
    page.history((1..=59).rev().map(line).collect());
    page.press(Command::ValueCursor);
    page.press(Command::PageUp);
    page.press(Command::ShiftLeft);
    page.press(Command::ChooseWindows);
    assert!(page.screen().contains("with 23:36:00"), "the first one stays to be seen: {}", page.screen());
    let acts = page.press(Command::ChooseWindows);
    assert!(matches!(acts.as_slice(), [Act::Notice(_)]), "a window with itself is no comparison: {acts:?}");
    page.press(Command::PageUp);
    assert!(page.press(Command::ChooseWindows).is_empty(), "both are of the page's window");
    let screen = page.screen();
    // One is a cell, which is two minutes; the other two cells, ten cells later.
    assert!(screen.contains("against") && !screen.contains("with 23:36:00"), "the patterns are shown: {screen}");
    page.press(Command::ValueCursor);
    assert!(page.screen().contains("2m"), "back on the volume: {}", page.screen());
}
