use std::{sync::Arc, time::Duration};

use crossterm::event::{KeyCode, KeyEvent};

use super::{
    testing::{test_shared, text_of},
    *,
};
use crate::{
    model::{
        backend::{Backend, ErrorKind, Health},
        log::{Level, LogEvent, LogLine, Older, TailState},
        series::Matrix,
        time::TimeRange,
        trace::{Resource, Span, SpanId, SpanKind, Spans, TraceId},
    },
    trace::Trace,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
const SIZE: (u16, u16) = (120, 30);

struct Stage {
    app: App,
    now: Timestamp,
}

impl Stage {
    fn new(kind: ViewKind, window: TimeWindow) -> Self {
        let scope = Scope::new("prod", window).with_service("checkout");
        let scope = if kind == ViewKind::Waterfall { scope.with_trace(TraceId(0xabc), None) } else { scope };
        Self { app: App::new(test_shared(), kind, scope, &[], NOW, SIZE), now: NOW }
    }

    fn tell(&mut self, event: Event) {
        self.app.update(Msg { now: self.now, event });
    }

    fn key(&mut self, code: KeyCode) {
        self.tell(Event::Key(KeyEvent::from(code)));
    }

    fn asked(&self, pane: &str) -> Option<Subscription> {
        self.app.subscriptions().into_iter().find(|s| s.slot.pane == pane)
    }

    fn answer(&mut self, pane: &str, result: Result<Response, SourceError>) {
        let Some(asked) = self.asked(pane) else { panic!("{pane} is not asked") };
        let answer = Answer { slot: asked.slot, request: Arc::new(asked.request), asked: self.now, result };
        self.tell(Event::Answer(Box::new(answer)));
    }

    fn screen(&self) -> String {
        self.screen_of(SIZE.0)
    }

    fn screen_of(&self, width: u16) -> String {
        let mut buf = Buffer::empty(Rect::new(0, 0, width, SIZE.1));
        self.app.render(buf.area, &mut buf);
        text_of(&buf)
    }
}

fn hour_before(end: Timestamp) -> TimeWindow {
    TimeWindow::Fixed(TimeRange::new(end - Duration::from_secs(3600), end))
}

fn trace() -> Result<Response, SourceError> {
    let span = Span {
        id: SpanId(1),
        name: "POST /checkout".into(),
        kind: SpanKind::Server,
        start: NOW,
        end: NOW + Duration::from_secs(8),
        ..Span::default()
    };
    let resources = vec![Resource { service: "checkout".into(), ..Resource::default() }];
    Ok(Response::Trace(Arc::new(Trace::build(Spans { trace: TraceId(0xabc), resources, spans: vec![span], partial: None }))))
}

fn failed(kind: ErrorKind) -> Result<Response, SourceError> {
    Err(SourceError::new(Backend::Tempo, kind, "no luck"))
}

#[test]
fn a_trace_is_asked_once_and_still_there_on_the_way_back() {
    let mut stage = Stage::new(ViewKind::Waterfall, TimeWindow::Last(Duration::from_secs(3600)));
    stage.answer("trace", failed(ErrorKind::Unreachable));
    stage.key(KeyCode::Char('3'));
    assert_eq!(stage.asked("trace"), None, "a covered view asks nothing");
    stage.key(KeyCode::Esc);
    stage.answer("trace", trace());
    assert_eq!(stage.asked("trace"), None);
    stage.key(KeyCode::Char('3'));
    stage.key(KeyCode::Esc);
    assert_eq!(stage.asked("trace"), None, "it was answered");
    assert!(stage.screen().contains("POST /checkout"), "{}", stage.screen());
    // To ask again is a wish for the page that is seen, not for those below it.
    stage.key(KeyCode::Char('3'));
    stage.key(KeyCode::Char('R'));
    stage.key(KeyCode::Esc);
    assert_eq!(stage.asked("trace"), None);
    stage.key(KeyCode::Char('R'));
    stage.answer("trace", trace());
}

#[test]
fn a_narrow_header_shows_the_scope_the_window_and_what_is_wrong() {
    let mut stage = Stage::new(ViewKind::Services, TimeWindow::Last(Duration::from_secs(3600)));
    for backend in Backend::ALL {
        stage.tell(Event::Health(backend, Health::Up(Duration::from_millis(8))));
    }
    let header = |stage: &Stage| stage.screen_of(40).lines().take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(header(&stage), [" Services                       last 1h", " service=checkout"]);
    let down =
        || Health::Down { since: NOW - Duration::from_secs(180), error: SourceError::new(Backend::Loki, ErrorKind::Unreachable, "x") };
    stage.tell(Event::Health(Backend::Loki, down()));
    assert_eq!(header(&stage)[1], " service=checkout          loki down 3m");
    Backend::ALL.into_iter().for_each(|b| stage.tell(Event::Health(b, down())));
    assert_eq!(header(&stage)[1], " service=checkout                5 down");
    let fixed = TimeWindow::Fixed(TimeRange::new(NOW - Duration::from_secs(1200), NOW - Duration::from_secs(600)));
    let stage = Stage::new(ViewKind::Services, fixed);
    assert_eq!(header(&stage)[0], " Services                 21:53 – 22:03");
}

#[test]
fn a_page_is_named_whole_however_deep_it_is() {
    let mut stage = Stage::new(ViewKind::Waterfall, TimeWindow::Last(Duration::from_secs(3600)));
    for (key, name) in [('6', "Infra"), ('3', "Logs"), ('4', "Traces"), ('6', "Infra"), ('2', "Services"), ('3', "Logs")] {
        stage.key(KeyCode::Char(key));
        for width in 80..140 {
            let screen = stage.screen_of(width);
            let first = screen.lines().next().unwrap_or_default();
            assert!(first.contains(&format!(" {name} ")), "{width}: {first}");
        }
    }
}

#[test]
fn the_header_is_not_drawn_anew_for_every_answer() {
    let mut stage = Stage::new(ViewKind::Services, TimeWindow::Last(Duration::from_secs(3600)));
    let mut is_drawn = |took| {
        stage.tell(Event::Health(Backend::Loki, Health::Up(Duration::from_millis(took))));
        let drawn = stage.app.take_dirty().is_some();
        (drawn, stage.screen().contains(&format!("loki {took}ms")))
    };
    assert_eq!(is_drawn(4), (true, true));
    assert_eq!([3, 8, 2, 12].map(&mut is_drawn), [(false, false); 4]);
    assert_eq!([400, 500].map(is_drawn), [(false, false), (true, true)]);
}

#[test]
fn the_command_line_is_among_the_first_to_copy() {
    let mut stage = Stage::new(ViewKind::Waterfall, TimeWindow::Last(Duration::from_secs(3600)));
    stage.answer("trace", trace());
    stage.key(KeyCode::Char('y'));
    assert!(stage.screen().lines().any(|l| l.contains("2 command line")), "{}", stage.screen());
}

#[test]
fn a_time_that_is_not_understood_is_told_in_full_above_the_list() {
    let mut stage = Stage::new(ViewKind::Services, TimeWindow::Last(Duration::from_secs(3600)));
    stage.key(KeyCode::Char('t'));
    "soon".chars().for_each(|c| stage.key(KeyCode::Char(c)));
    stage.key(KeyCode::Enter);
    for width in [40, 80] {
        let screen = stage.screen_of(width);
        let told = screen.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains(&format!("not a time: {}", crate::time_input::UNDERSTOOD)), "{screen}");
        assert!(screen.contains("last 5m") && screen.contains("last 7d"), "{screen}");
    }
}

#[test]
fn the_palette_keeps_keys_and_texts_apart() {
    let mut stage = Stage::new(ViewKind::Services, TimeWindow::Last(Duration::from_secs(3600)));
    stage.key(KeyCode::Char(':'));
    "previous-pane".chars().for_each(|c| stage.key(KeyCode::Char(c)));
    assert!(stage.screen().contains("Shift-Tab  Previous"), "{}", stage.screen());
}

#[test]
fn a_late_answer_to_a_view_that_was_left_does_not_count() {
    let mut stage = Stage::new(ViewKind::Waterfall, TimeWindow::Last(Duration::from_secs(3600)));
    let late = stage.asked("trace").unwrap();
    stage.key(KeyCode::Char('3'));
    let answer = Answer { slot: late.slot, request: Arc::new(late.request), asked: NOW, result: trace() };
    stage.tell(Event::Answer(Box::new(answer)));
    stage.key(KeyCode::Esc);
    assert!(stage.asked("trace").is_some());
}

#[test]
fn what_is_polled_waits_on_the_way_back_until_its_answer_is_old() {
    let mut stage = Stage::new(ViewKind::Services, TimeWindow::Last(Duration::from_secs(3600)));
    stage.answer("red", Ok(Response::Red(Arc::new(super::testing::red_mapping(&["checkout"])))));
    let vector = || Ok(Response::Vector(crate::model::series::Vector::default()));
    stage.answer("now", vector());
    assert_eq!(stage.asked("now").unwrap().answered, Some(NOW));
    stage.now = NOW + Duration::from_secs(5);
    stage.key(KeyCode::Char('3'));
    stage.key(KeyCode::Esc);
    assert_eq!(stage.asked("now").unwrap().answered, Some(NOW));
    assert_eq!(stage.asked("red").unwrap().answered, Some(NOW), "what was found out holds for all views");
    stage.key(KeyCode::Char('+'));
    assert_eq!(stage.asked("now").unwrap().answered, None, "another window is another question");
}

#[test]
fn an_incomplete_answer_takes_away_nothing_that_was_found_and_is_not_the_last_word() {
    let mut stage = Stage::new(ViewKind::Services, TimeWindow::Last(Duration::from_secs(3600)));
    stage.answer("red", Ok(Response::Red(Arc::new(super::testing::red_mapping(&["checkout"])))));
    let part = crate::red::RedMapping { unanswered: [crate::red::Unanswered::Names].into(), ..Default::default() };
    stage.answer("red", Ok(Response::Red(Arc::new(part))));
    let mapping = stage.app.shared.red.value().unwrap();
    assert_eq!(mapping.services().collect::<Vec<_>>(), ["checkout"]);
    let mut fresh = Stage::new(ViewKind::Services, TimeWindow::Last(Duration::from_secs(3600)));
    fresh.answer("red", Ok(Response::Red(mapping.clone())));
    assert_eq!(fresh.asked("red").unwrap().answered, None, "a page that comes back does not wait for ten minutes");
}

#[test]
fn the_past_is_asked_once_and_its_end_once_more_when_all_is_taken_in() {
    let (mut stage, now) = (Stage::new(ViewKind::Logs, hour_before(NOW - Duration::from_secs(20))), NOW);
    stage.answer("log labels", Ok(Response::LogLabels(Arc::default())));
    let matrix = || {
        let range = TimeRange::new(NOW, NOW);
        Ok(Response::Matrix(Matrix { series: Vec::new(), range, step: Duration::from_secs(30), warnings: Vec::new() }))
    };
    stage.answer("volume", matrix());
    assert!(matches!(stage.asked("volume").unwrap().refresh, Refresh::Every(_)));
    stage.now = now + Duration::from_secs(41);
    stage.tell(Event::Wake);
    assert_eq!(stage.asked("volume").unwrap().refresh, Refresh::Once);
    stage.answer("volume", matrix());
    assert_eq!(stage.asked("volume"), None);
}

#[test]
fn lines_of_the_past_are_not_loaded_again_on_the_way_back() {
    let mut stage = Stage::new(ViewKind::Logs, hour_before(NOW - Duration::from_secs(600)));
    stage.answer("log labels", Ok(Response::LogLabels(Arc::default())));
    stage.answer("lines", Ok(Response::Log(vec![LogEvent::History { lines: Vec::new(), reached: NOW, older: Older::Nothing }])));
    assert!(stage.asked("lines").is_some());
    stage.answer("lines", Ok(Response::Log(vec![LogEvent::Tail(TailState::Off)])));
    stage.key(KeyCode::Char('4'));
    stage.key(KeyCode::Esc);
    assert_eq!(stage.asked("lines"), None);
}

#[test]
fn a_backend_that_limits_us_says_so_and_for_how_long() {
    let mut stage = Stage::new(ViewKind::Alerts, TimeWindow::Last(Duration::from_secs(3600)));
    let error = SourceError::new(Backend::Loki, ErrorKind::RateLimited(Duration::from_secs(30)), "too many requests");
    stage.tell(Event::Health(Backend::Loki, Health::Limited { until: NOW + Duration::from_secs(30), error }));
    assert!(stage.screen().contains("loki limits us, 30s"), "{}", stage.screen());
    stage.now = NOW + Duration::from_secs(1);
    assert!(stage.app.next_wake().is_some_and(|at| at <= stage.now), "it counts down");
    stage.tell(Event::Wake);
    assert!(stage.screen().contains("loki limits us, 29s"), "{}", stage.screen());
}

#[test]
fn lines_are_shown_as_on_the_page_of_lines_before() {
    let mut stage = Stage::new(ViewKind::Logs, hour_before(NOW - Duration::from_secs(600)));
    stage.answer("log labels", Ok(Response::LogLabels(Arc::default())));
    let line = LogLine {
        at: NOW - Duration::from_secs(700),
        stream: Arc::new([("service_name", "checkout")].into_iter().collect()),
        text: "msg=\"no connection\" pool=orders wait_ms=8000".into(),
        level: Level::Error,
        ..LogLine::default()
    };
    stage.answer("lines", Ok(Response::Log(vec![LogEvent::History { lines: vec![line], reached: NOW, older: Older::Nothing }])));
    stage.key(KeyCode::Tab);
    (0..20).for_each(|_| stage.key(KeyCode::Up));
    for _ in 0..20 {
        stage.key(KeyCode::Down);
        stage.key(KeyCode::Char('|'));
        if stage.screen().lines().any(|l| l.contains("LEVEL pool")) {
            break;
        }
        stage.key(KeyCode::Char('|'));
    }
    stage.key(KeyCode::Char('W'));
    stage.key(KeyCode::Char('Z'));
    let is_shown_so = |stage: &Stage| ["LEVEL pool", "wrapped"].iter().all(|text| stage.screen().contains(text));
    assert!(is_shown_so(&stage), "{}", stage.screen());
    let first = stage.screen();
    stage.key(KeyCode::Char('c'));
    assert_ne!(stage.screen(), first);
    assert!(is_shown_so(&stage), "context: {}", stage.screen());
    stage.key(KeyCode::Char('W'));
    stage.key(KeyCode::Esc);
    assert!(is_shown_so(&stage), "the page before stays as it was: {}", stage.screen());
    stage.key(KeyCode::Char('4'));
    stage.key(KeyCode::Char('3'));
    assert!(is_shown_so(&stage), "another page of lines: {}", stage.screen());
}

#[test]
fn lines_of_a_trace_that_was_opened_from_files_are_looked_for_in_these() {
    let mut shared = test_shared();
    let opened = crate::views::logs::Opened { names: vec!["app.log".into()], again: true };
    shared.settings.opened = Some(opened);
    shared.health[Backend::Loki as usize] = Health::NotConfigured;
    let scope = Scope::new("", TimeWindow::EVERYTHING);
    let mut stage = Stage { app: App::new(shared, ViewKind::Logs, scope, &[], NOW, SIZE), now: NOW };
    let line = |text: &str, trace: Option<TraceId>| LogLine {
        at: NOW,
        stream: Arc::new([("filename", "app.log")].into_iter().collect()),
        text: text.into(),
        level: Level::Info,
        trace,
        ..LogLine::default()
    };
    let trace = TraceId(0xabc);
    let named = format!("retry of {trace}");
    let lines = vec![line("of another", Some(TraceId(1))), line("it failed", Some(trace)), line(&named, None)];
    stage.answer("lines", Ok(Response::Log(vec![LogEvent::Lines(lines)])));
    stage.key(KeyCode::Char('k'));
    stage.key(KeyCode::Enter);
    stage.key(KeyCode::Char('3'));
    let screen = stage.screen();
    assert!(screen.contains("2 lines") && screen.contains("it failed") && screen.contains("retry of"), "{screen}");
    assert!(!screen.contains("of another"), "{screen}");
    assert!(stage.app.subscriptions().iter().all(|s| !matches!(s.request, Request::LogStream { .. })), "Loki is not asked");
    stage.key(KeyCode::Esc);
    stage.key(KeyCode::Esc);
    assert!(stage.screen().contains("3 lines"), "{}", stage.screen());
}
