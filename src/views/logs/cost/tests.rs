use std::{sync::Arc, time::Duration};

use super::super::{
    Logs,
    follow::{Seed, SeedKind},
};
use crate::{
    app::{
        Shared,
        testing::{answer, draw, look, needs, sees, test_shared, with},
    },
    core::{
        command::Command,
        request::{Refresh, Request, Response, Subscription},
        scope::{Scope, ScopeAlert},
    },
    model::{
        backend::{Backend, ErrorKind, SourceError},
        labels::Labels,
        log_labels::{LogLabels, ServiceLabel},
        log_size::LogSize,
        series::{Matrix, Sample, Series},
        time::{TimeRange, TimeWindow, Timestamp},
        trace::TraceId,
    },
    views::{Act, View},
};

const NOW: Timestamp = Timestamp::from_secs(1_700_006_400);
const DAY: TimeWindow = TimeWindow::Last(Duration::from_secs(86_400));
const HOUR: TimeWindow = TimeWindow::Last(Duration::from_secs(3600));
const GIB: u64 = 1 << 30;

struct Page {
    view: Logs,
    shared: Shared,
    scope: Scope,
    size: (u16, u16),
}

impl Page {
    fn new(service: &str, window: TimeWindow, query: Option<&str>) -> Self {
        let mut shared = test_shared();
        shared.settings.ask_above = Some(10 * GIB);
        let label = ServiceLabel::new("service_name", vec!["orders".into(), "web".into()], &Arc::default());
        let labels = LogLabels::new(vec![label], Vec::new());
        shared.log_labels.settle(Timestamp::ZERO, Ok(Arc::new(labels)));
        let scope = Scope::new("prod", window);
        let scope = if service.is_empty() { scope } else { scope.with_service(service) };
        Self { view: Logs::new(&scope, query), shared, scope, size: (120, 30) }
    }

    fn needs(&self) -> Vec<Subscription> {
        needs(&self.view, &look(&self.shared, &self.scope, NOW), self.size.0, self.size.1)
    }

    /// What is asked, by pane.
    fn asked(&self) -> Vec<&'static str> {
        self.needs().iter().map(|n| n.slot.pane).collect()
    }

    fn answer(&mut self, pane: &str, result: Result<Response, SourceError>) {
        answer(&mut self.view, &look(&self.shared, &self.scope, NOW), self.size, |n| n.slot.pane == pane, result);
    }

    fn size(&mut self, parts: &[(&str, u64)]) {
        self.answer("size", Ok(Response::LogSize(size(parts))));
    }

    /// So many bytes in each of 24 hours, the last one `times` as many.
    fn volume(&mut self, bytes: u64, times: u64) {
        let step = Duration::from_secs(3600);
        let range = DAY.range(NOW);
        let first = range.start.align_down(step).secs() / 3600;
        let value = |i: i64| if i == 24 { bytes * times } else { bytes } as f64;
        let samples = (1..=24).map(|i| Sample { at: Timestamp::from_secs((first + i) * 3600).min(range.end), value: value(i) }).collect();
        let series = vec![Series { labels: [("service_name", "web")].into_iter().collect(), samples }];
        self.answer("volume", Ok(Response::Matrix(Matrix { series, range, step, warnings: Vec::new() })));
    }

    fn press(&mut self, command: Command) -> Vec<Act> {
        with(&look(&self.shared, &self.scope, NOW), self.size, |cx| self.view.command(cx, command)).1
    }

    /// Takes the row of the question that says this.
    fn take(&mut self, words: &str) -> Vec<Act> {
        let look = look(&self.shared, &self.scope, NOW);
        let size = self.view.question(&look).expect("a question");
        let row = self.view.offers(&look, size).iter().position(|r| r.words == words);
        let row = row.unwrap_or_else(|| panic!("{words:?} is not offered:\n{}", self.screen()));
        self.press(Command::Top);
        (0..row).for_each(|_| drop(self.press(Command::Down)));
        self.press(Command::Drill)
    }

    fn screen(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, NOW), self.size.0, self.size.1)
    }

    /// The scope that a key changes to becomes the page's.
    fn follow(&mut self, acts: &[Act]) {
        let [Act::Rescope(scope)] = acts else { panic!("{acts:?}") };
        self.scope = (**scope).clone();
        with(&look(&self.shared, &self.scope, NOW), self.size, |cx| self.view.rescoped(cx));
    }
}

fn size(parts: &[(&str, u64)]) -> LogSize {
    let labels = |name: &str| if name.is_empty() { Labels::new() } else { [("service_name", name)].into_iter().collect() };
    LogSize::new(parts.iter().map(|(name, bytes)| (labels(name), *bytes)).collect())
}

fn failed(kind: ErrorKind) -> Result<Response, SourceError> {
    Err(SourceError::new(Backend::Loki, kind, "404 Not Found"))
}

#[test]
fn a_small_window_of_a_service_is_read_beside_the_question_for_its_size_and_counted_once_that_is_known() {
    let mut page = Page::new("orders", HOUR, None);
    assert_eq!(page.asked(), ["size", "lines"], "nothing waits");
    page.size(&[("orders", GIB)]);
    assert_eq!(page.asked(), ["lines", "volume"]);
    sees(&page.screen(), &["1.00 GiB in the window"]);
    let slower = page.needs().iter().find_map(|n| (n.slot.pane == "volume").then_some(n.refresh));
    assert_eq!(slower, Some(Refresh::Every(Duration::from_secs(60))), "a GiB a minute is a tenth of the limit");
}

#[test]
fn what_is_read_by_minutes_stays_below_a_tenth_of_the_limit() {
    let mut page = Page::new("orders", HOUR, None);
    page.size(&[("orders", 7 * GIB)]);
    let every = page.needs().iter().find_map(|n| (n.slot.pane == "volume").then_some(n.refresh));
    assert_eq!(every, Some(Refresh::Every(Duration::from_secs(420))));
}

#[test]
fn all_services_or_a_long_window_wait_for_their_size() {
    for (service, window) in [("", HOUR), ("orders", DAY)] {
        let mut page = Page::new(service, window, None);
        assert_eq!(page.asked(), ["size"]);
        sees(&page.screen(), &["Asking Loki how much this would read."]);
        page.size(&[("orders", 10 * GIB)]);
        assert_eq!(page.asked(), ["lines", "volume"], "the limit itself is not above it");
    }
}

#[test]
fn over_the_limit_the_size_is_shown_and_nothing_is_read_until_the_user_agrees() {
    let mut page = Page::new("", DAY, None);
    page.size(&[("web", 39 * GIB), ("orders", 6 * GIB), ("cart", 3 * GIB)]);
    assert_eq!(page.asked(), ["volume"]);
    assert!(matches!(page.needs()[0].request, Request::LogVolume { .. }), "the volume is drawn without reading lines");
    page.volume(2 * GIB, 1);
    let screen = page.screen();
    sees(&screen, &["This would read 48.0 GiB of 3 services over 1d: more than 10.0 GiB", "would read 48.0 GiB", "48.0 GiB"]);
    assert!(!screen.contains("no line"), "there is no line for the detail:\n{screen}");
    sees(&screen, &["read all of it", "the last 3h only", "without web", "only orders", "only cart", "web  ▇▇"]);
    assert!(!screen.contains("following"), "{screen}");
    assert!(!screen.contains("only web"), "which is too much as well: {screen}");
    assert_eq!(page.press(Command::Drill), [], "the first row is to go on");
    assert_eq!(page.asked(), ["lines", "volume"]);
    assert!(matches!(page.needs()[1].request, Request::LogVolume { .. }), "lines are still not counted by reading all of them");
}

#[test]
fn a_quick_question_is_dropped_when_it_turns_out_to_be_large() {
    let mut page = Page::new("web", HOUR, None);
    assert!(page.asked().contains(&"lines"));
    page.size(&[("web", 11 * GIB)]);
    assert!(!page.asked().contains(&"lines"));
    sees(&page.screen(), &["This would read 11.0 GiB over 1h"]);
}

#[test]
fn narrower_questions_are_taken_by_keys() {
    let opened = || {
        let mut page = Page::new("", DAY, None);
        page.size(&[("web", 39 * GIB), ("orders", 6 * GIB), ("cart", 3 * GIB)]);
        page.volume(GIB, 25);
        page
    };
    let mut page = opened();
    let acts = page.take("the last 15m only");
    page.follow(&acts);
    assert_eq!(page.scope.window, TimeWindow::Last(Duration::from_secs(900)));
    assert_eq!(page.asked(), ["size"], "it is another question");
    page.size(&[("web", 6 * GIB)]);
    assert!(page.asked().contains(&"lines"));

    let mut page = opened();
    let acts = page.take("only orders");
    page.follow(&acts);
    assert_eq!(page.scope.service.as_deref(), Some("orders"));

    let mut page = opened();
    assert_eq!(page.take("without web"), []);
    let selectors: Vec<_> = page.needs().iter().map(|n| format!("{:?}", n.request)).collect();
    assert!(selectors[0].contains(r#"service_name!=\"web\""#), "{selectors:?}");
    page.size(&[("orders", 6 * GIB), ("cart", 3 * GIB)]);
    assert!(page.asked().contains(&"lines"));
}

#[test]
fn a_typed_query_is_narrowed_within_its_selector() {
    let mut page = Page::new("", DAY, Some(r#"{env="prod"} |= "x""#));
    page.size(&[("", 48 * GIB)]);
    assert!(page.asked().contains(&"size by service"), "its selector names no service: {:?}", page.asked());
    page.answer("size by service", Ok(Response::LogSize(size(&[("web", 40 * GIB), ("orders", 8 * GIB)]))));
    assert_eq!(page.take("only orders"), []);
    let Request::LogSize { selector, .. } = &page.needs()[0].request else { panic!() };
    assert_eq!(selector, r#"{env="prod", service_name="orders"}"#);
}

#[test]
fn about_as_much_as_was_agreed_to_is_not_asked_about_again() {
    let mut page = Page::new("web", DAY, None);
    page.size(&[("web", 20 * GIB)]);
    page.press(Command::Drill);
    let earlier = page.scope.with_window(TimeWindow::Fixed(TimeRange { start: NOW - Duration::from_secs(100_000), end: NOW }));
    page.follow(&[Act::Rescope(Box::new(earlier))]);
    page.size(&[("web", 29 * GIB)]);
    assert!(page.asked().contains(&"lines"));
    let longer = page.scope.with_window(TimeWindow::Last(Duration::from_secs(200_000)));
    page.follow(&[Act::Rescope(Box::new(longer))]);
    page.size(&[("web", 31 * GIB)]);
    assert!(!page.asked().contains(&"lines"));
    page.follow(&[Act::Rescope(Box::new(page.scope.with_window(DAY)))]);
    assert!(page.asked().contains(&"lines"), "what was told is remembered");
}

#[test]
fn a_size_that_is_not_told_holds_nothing_up() {
    for kind in [ErrorKind::NotSupported, ErrorKind::Timeout(Duration::from_secs(5)), ErrorKind::Server(500)] {
        let mut page = Page::new("", DAY, None);
        page.answer("size", failed(kind));
        assert_eq!(page.asked(), ["lines", "volume"]);
        sees(&page.screen(), &["size not known"]);
    }
}

#[test]
fn where_nobody_wants_a_limit_no_size_is_asked() {
    let mut page = Page::new("", DAY, None);
    page.shared.settings.ask_above = None;
    assert_eq!(page.asked(), ["lines", "volume"]);
}

#[test]
fn a_trace_is_read_twice_and_a_value_through_all_services_waits() {
    let mut page = Page::new("", HOUR, None);
    page.scope = page.scope.with_trace(TraceId(7), None);
    page.size(&[("web", 6 * GIB)]);
    sees(&page.screen(), &["This would read 12.0 GiB"]);

    let seed = Seed { query: r#"{service_name=~".+"} |= "req-1""#.to_owned(), kind: SeedKind::Value, ..Seed::default() };
    page.view = Logs::seeded(seed, &page.scope, NOW);
    assert_eq!(page.asked(), ["size"]);
}

#[test]
fn the_part_about_the_onset_is_offered_first() {
    let mut page = Page::new("web", DAY, None);
    let onset = NOW - Duration::from_secs(36_000);
    page.scope.alert = Some(ScopeAlert { name: "A".into(), labels: Labels::new(), onset: Some(onset) });
    page.size(&[("web", 48 * GIB)]);
    page.volume(2 * GIB, 1);
    let acts = page.take("3h about the onset at 11-14 14:00");
    let [Act::Rescope(scope)] = acts.as_slice() else { panic!("{acts:?}") };
    assert!(matches!(scope.window, TimeWindow::Fixed(range) if range.contains(onset) && range.duration().as_secs() == 10_800));
}

#[test]
fn the_question_fits_a_small_screen_and_the_smallest() {
    let mut page = Page::new("", DAY, None);
    page.size(&[("web", 39 * GIB), ("orders", 6 * GIB)]);
    page.volume(2 * GIB, 1);
    page.size = (80, 21);
    sees(&page.screen(), &["This would read 45.0 GiB", "read all of it", "only orders", "45.0 GiB"]);
    for size in [(1, 1), (5, 3), (20, 6), (40, 12)] {
        page.size = size;
        page.screen();
    }
}
