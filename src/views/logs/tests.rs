mod anew;
mod asking;
mod builder;
mod elsewhere;
mod failing;
mod files;
mod filtering;
mod gaps;
mod reading;
mod windows;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Shared,
        testing::{draw, look, needs, test_shared, with},
    },
    core::request::{Request, Response},
    model::{
        backend::{Backend, ErrorKind, SourceError},
        labels::Labels,
        log::{LogEvent, LogLine, NewerLines, Older},
        log_labels::{LogLabels, ServiceLabel},
        time::{TimeRange, TimeWindow},
        trace::{SpanId, TraceId},
    },
    views::Act,
};

const BIG: (u16, u16) = (120, 30);
const START: i64 = 1_700_000_000;

pub(super) fn shared() -> Shared {
    let mut shared = test_shared();
    let labels =
        LogLabels::new(vec![ServiceLabel::new("service_name", vec!["orders".into(), "checkout".into()], &Arc::default())], Vec::new());
    shared.log_labels.settle(Timestamp::ZERO, Ok(Arc::new(labels)));
    shared
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_secs(START + 600)
}

pub(super) fn scope() -> Scope {
    Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600))).with_service("orders")
}

pub(super) fn line(second: i64, level: Level, text: &str) -> LogLine {
    LogLine {
        at: Timestamp::from_secs(START + second),
        stream: Arc::new(
            [("service_name", "orders"), ("pod", if second % 2 == 0 { "orders-7d9f" } else { "orders-k2vq" })].into_iter().collect(),
        ),
        metadata: Labels::new(),
        text: text.into(),
        level,
        trace: None,
        span: None,
        trace_from: None,
        copy: 0,
    }
}

fn traced(second: i64, span: u64) -> LogLine {
    let metadata = [("trace_id", &*TraceId(7).to_string())].into_iter().collect();
    LogLine {
        trace: Some(TraceId(7)),
        span: Some(SpanId(span)),
        trace_from: Some("structured metadata"),
        metadata,
        ..line(second, Level::Error, "timeout acquiring connection from pool pool=orders wait_ms=8000")
    }
}

/// The page of a service after an answer without lines.
pub(super) fn empty_page(shared: Shared, service: &str) -> String {
    let scope = if service.is_empty() { Scope { service: None, ..scope() } } else { scope().with_service(service) };
    let mut page = Page { shared, ..Page::new(scope, BIG) };
    page.history(Vec::new());
    page.screen()
}

/// A page and what it is looked at with.
struct Page {
    view: Logs,
    shared: Shared,
    scope: Scope,
    size: (u16, u16),
}

impl Page {
    fn new(scope: Scope, size: (u16, u16)) -> Self {
        Self { view: Logs::new(&scope, None), shared: shared(), scope, size }
    }

    fn tell(&mut self, part: u32, event: LogEvent) {
        let look = look(&self.shared, &self.scope, now());
        let need =
            needs(&self.view, &look, self.size.0, self.size.1).into_iter().find(|n| n.slot.pane == "lines" && n.slot.part == part).unwrap();
        let answer = Answer {
            slot: need.slot,
            request: Arc::new(need.request),
            range: look.range(),
            asked: now(),
            result: Ok(Response::Log(vec![event])),
        };
        with(&look, self.size, |cx| self.view.answer(cx, answer));
    }

    fn history(&mut self, lines: Vec<LogLine>) {
        self.tell(0, LogEvent::History { lines, reached: Timestamp::ZERO, older: Older::Nothing });
    }

    /// The start of the page of older lines that is asked for.
    fn older_asked(&self) -> Option<Timestamp> {
        let needs = needs(&self.view, &look(&self.shared, &self.scope, now()), self.size.0, self.size.1);
        needs.iter().find_map(|n| if let Request::LogOlder { before, .. } = n.request { Some(before) } else { None })
    }

    fn answer_older(&mut self, result: Result<Vec<LogLine>, SourceError>, older: Older) {
        let look = look(&self.shared, &self.scope, now());
        let need = needs(&self.view, &look, self.size.0, self.size.1).into_iter().find(|n| n.slot.pane == "older").unwrap();
        let reached = |lines: &[LogLine]| lines.first().map_or(Timestamp::ZERO, |l| l.at);
        let result = result.map(|lines| Response::Log(vec![LogEvent::History { reached: reached(&lines), lines, older }]));
        let answer = Answer { slot: need.slot, request: Arc::new(need.request), range: look.range(), asked: now(), result };
        with(&look, self.size, |cx| self.view.answer(cx, answer));
    }

    /// From where on newer lines are asked for.
    fn newer_asked(&self) -> Option<Timestamp> {
        let needs = needs(&self.view, &look(&self.shared, &self.scope, now()), self.size.0, self.size.1);
        needs.iter().find_map(|n| if let Request::LogNewer { after, .. } = n.request { Some(after) } else { None })
    }

    fn answer_newer(&mut self, result: Result<NewerLines, SourceError>) {
        let look = look(&self.shared, &self.scope, now());
        let need = needs(&self.view, &look, self.size.0, self.size.1).into_iter().find(|n| n.slot.pane == "newer").unwrap();
        let result = result.map(Response::Newer);
        let answer = Answer { slot: need.slot, request: Arc::new(need.request), range: look.range(), asked: now(), result };
        with(&look, self.size, |cx| self.view.answer(cx, answer));
    }

    fn wake(&mut self) {
        with(&look(&self.shared, &self.scope, now()), self.size, |cx| self.view.woken(cx));
    }

    fn title(&self) -> String {
        self.screen().lines().next().unwrap_or_default().to_owned()
    }

    fn press(&mut self, command: Command) -> Vec<Act> {
        with(&look(&self.shared, &self.scope, now()), self.size, |cx| self.view.command(cx, command)).1
    }

    fn type_text(&mut self, text: &str) {
        for c in text.chars() {
            self.key(KeyCode::Char(c));
        }
    }

    fn key(&mut self, code: KeyCode) {
        let look = look(&self.shared, &self.scope, now());
        with(&look, self.size, |cx| self.view.type_key(cx, KeyEvent::new(code, KeyModifiers::NONE)));
    }

    fn screen(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, now()), self.size.0, self.size.1)
    }

    fn selected(&self) -> String {
        self.view.line().map_or_else(String::new, |l| l.text.to_owned())
    }

    /// The screen row of the selection bar in the list.
    fn bar(&self) -> usize {
        self.screen().lines().position(|l| l.starts_with("│▌")).unwrap()
    }

    fn queries(&self) -> Vec<String> {
        let needs = needs(&self.view, &look(&self.shared, &self.scope, now()), self.size.0, self.size.1);
        let query = |r: &Request| match r {
            Request::LogStream { query, .. }
            | Request::LogRange { query, .. }
            | Request::LogOlder { query, .. }
            | Request::LogNewer { query, .. } => query.clone(),
            other => panic!("{other:?}"),
        };
        needs.iter().map(|n| query(&n.request)).collect()
    }
}

fn numbered(range: std::ops::Range<i64>) -> Vec<LogLine> {
    range.map(|i| line(i, if i % 10 == 0 { Level::Error } else { Level::Info }, &format!("number {i}"))).collect()
}

#[test]
fn the_line_of_a_trace_opens_its_waterfall_with_the_span() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "started"), traced(2, 9)]);
    let text = page.screen();
    assert!(text.contains("ERROR") && text.contains("timeout acquiring connection from pool   pool=orders wait_ms=8000"), "{text}");
    assert!(text.lines().any(|l| l.contains("timeout") && l.contains('◆')), "{text}");
    assert!(text.contains("from structured metadata"), "{text}");
    let acts = page.press(Command::Drill);
    let [Act::Push(ViewKind::Waterfall, pushed)] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!((pushed.trace, pushed.span, pushed.service.as_deref()), (Some(TraceId(7)), Some(SpanId(9)), Some("orders")));
    page.tell(0, LogEvent::Lines(numbered(100..200)));
    assert_eq!(page.view.line().unwrap().span, Some(SpanId(9)), "Esc comes back to this line");
}

#[test]
fn a_line_without_a_trace_opens_its_detail() {
    let mut page = Page::new(scope(), (80, 21));
    page.history(vec![line(1, Level::Info, "msg=started port=8080")]);
    assert!(!page.screen().contains("stream labels"));
    assert_eq!(page.press(Command::Drill), []);
    let text = page.screen();
    assert!(text.contains("port") && text.contains("8080") && text.contains("stream labels"), "{text}");
    assert!(with(&look(&page.shared, &page.scope, now()), page.size, |cx| page.view.command(cx, Command::Back)).0);
    assert!(!page.screen().contains("stream labels"));
}

#[test]
fn logs_of_a_span_ask_metadata_and_text_and_select_the_spans_first_line() {
    let range = TimeRange::new(Timestamp::from_secs(START), Timestamp::from_secs(START + 100));
    let scope = scope().with_trace(TraceId(7), Some(SpanId(9))).with_window(TimeWindow::Fixed(range));
    let mut page = Page::new(scope, BIG);
    assert_eq!(page.queries().len(), 2);
    assert!(page.queries()[0].contains(r#" | trace_id=~"[0-9a-f]*0000000000000007|"#), "{}", page.queries()[0]);
    assert!(page.queries()[1].contains(r#"|~ "(?i:0000000000000007|1-00000000-000000000000000000000007|"#), "{}", page.queries()[1]);
    page.history(vec![traced(1, 8), traced(2, 9), traced(4, 8)]);
    page.tell(1, LogEvent::History { lines: vec![traced(2, 9), traced(3, 9)], reached: Timestamp::ZERO, older: Older::Nothing });
    assert_eq!(page.view.store.len(), 4, "lines of both are there once");
    assert_eq!(page.view.line().unwrap().id.at, Timestamp::from_secs(START + 2));
}

#[test]
fn the_newest_line_is_followed_until_the_user_moves() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    assert_eq!(page.selected(), "number 99");
    page.tell(0, LogEvent::Lines(numbered(100..105)));
    assert_eq!(page.selected(), "number 104");
    assert!(page.screen().contains("following"));
    page.press(Command::Up);
    page.press(Command::Up);
    page.tell(0, LogEvent::Lines(numbered(105..110)));
    assert_eq!(page.selected(), "number 102");
    assert!(page.screen().contains("5 new"), "{}", page.screen());
    page.press(Command::Follow);
    assert_eq!(page.selected(), "number 109");
}

#[test]
fn late_lines_move_neither_the_cursor_nor_its_place() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    (0..30).for_each(|_| drop(page.press(Command::Up)));
    (0..4).for_each(|_| drop(page.press(Command::Down)));
    let (bar, selected) = (page.bar(), page.selected());
    let late = (0..40).map(|i| line(i * 2, Level::Info, &format!("late {i}"))).collect();
    page.tell(0, LogEvent::Lines(late));
    assert_eq!((page.bar(), page.selected()), (bar, selected));
    assert!(page.screen().contains("late"));
}

#[test]
fn a_pause_holds_the_screen_and_lines_keep_arriving_behind_it() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..5));
    page.press(Command::Pause);
    let list = |page: &Page| page.screen().lines().filter(|l| l.contains("number")).map(str::to_owned).collect::<Vec<_>>();
    let before = list(&page);
    page.tell(0, LogEvent::Lines(numbered(5..8)));
    assert_eq!(list(&page), before);
    assert!(page.screen().contains("paused 3 new"), "{}", page.screen());
    page.press(Command::Pause);
    assert_eq!(page.selected(), "number 7");
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
fn errors_are_walked_and_the_level_is_asked_of_the_server_too() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..100));
    page.press(Command::NextError);
    assert_eq!(page.selected(), "number 0");
    page.press(Command::NextError);
    assert_eq!(page.selected(), "number 10");
    page.press(Command::MinimumLevel);
    assert_eq!(page.view.store.shown(), 10, "errors alone by one key");
    assert!(page.queries()[0].ends_with(r#"|notice|warn|warning|wrn""#), "{:?}", page.queries());
    assert_eq!(page.view.filters(&look(&page.shared, &page.scope, now())), ["level≥error"]);
    page.press(Command::MinimumLevel);
    assert!(page.queries()[0].ends_with(r#"|information|notice""#), "{:?}", page.queries());
    page.press(Command::MinimumLevel);
    assert_eq!(page.view.store.shown(), 100);
}

#[test]
fn a_stack_trace_is_one_row_that_opens() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "before"), line(2, Level::Error, "it failed\n\tat a.B\n\tat c.D")]);
    let text = page.screen();
    assert!(text.lines().any(|l| l.contains("it failed") && l.contains("▸ 2")), "{text}");
    page.press(Command::Unfold);
    let rows: Vec<usize> =
        ["before", "it failed", "at a.B", "at c.D"].iter().map(|t| page.screen().lines().position(|l| l.contains(t)).unwrap()).collect();
    assert!(rows.windows(2).all(|w| w[1] == w[0] + 1), "{}", page.screen());
    page.press(Command::Fold);
    assert!(page.screen().lines().any(|l| l.contains("▸ 2")));
}

#[test]
fn frames_of_libraries_are_folded_in_an_open_line() {
    let mut page = Page::new(scope(), BIG);
    let trace = "it failed\njava.sql.SQLException: empty\n\tat com.zaxxer.A.a(A.java:1)\n\tat com.zaxxer.A.b(A.java:2)\n\tat java.lang.C.c(C.java:3)\n\tat com.shop.D.d(D.java:4)";
    page.history(vec![line(1, Level::Error, trace), line(2, Level::Info, "after")]);
    page.press(Command::Top);
    page.press(Command::Unfold);
    let place = |t: &str| page.screen().lines().position(|l| l.contains(t)).unwrap_or_else(|| panic!("{t}: {}", page.screen()));
    let rows: Vec<usize> =
        ["it failed", "java.sql.SQLException", "… 3 frames of libraries", "at com.shop.D.d", "after"].map(place).to_vec();
    assert!(rows.windows(2).all(|w| w[1] == w[0] + 1), "{rows:?}");
}

#[test]
fn an_empty_answer_says_what_was_asked_and_the_way_out() {
    let scope = scope().with_matcher(crate::model::labels::Matcher::equal("route", "/pay"));
    let mut page = Page::new(scope, BIG);
    page.history(Vec::new());
    let text = page.screen();
    assert!(text.contains(r#"No lines for {service_name="orders"} in 21:23 – 22:23."#), "{text}");
    assert!(text.contains("not applied: route=/pay") && text.contains("E the query"), "{text}");
}

#[test]
fn failures_and_the_tail_are_told() {
    let mut page = Page::new(scope(), (160, 30));
    page.tell(0, LogEvent::Failed(SourceError::new(Backend::Loki, ErrorKind::BadQuery, "parse error at line 1, col 5")));
    assert!(page.screen().contains("parse error at line 1, col 5"), "{}", page.screen());
    page.history(numbered(0..3));
    page.tell(0, LogEvent::Tail(TailState::Connected));
    page.tell(0, LogEvent::Tail(TailState::Recovered(18)));
    assert!(page.screen().contains("3 lines ── tail connected · 0 s behind · 18 recovered"), "{}", page.screen());
    let error = SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connection reset");
    page.tell(0, LogEvent::Tail(TailState::Lost { retry_at: now() + Duration::from_secs(4), error }));
    assert!(page.screen().contains("tail lost, again in 4s: connection reset"), "{}", page.screen());
    assert!(page.view.next_wake(&look(&page.shared, &page.scope, now())).is_some());
}

/// A page with 100 lines from second 900 on, and more before them.
fn with_older(size: (u16, u16)) -> Page {
    with_older_of(scope(), size)
}

fn with_older_of(scope: Scope, size: (u16, u16)) -> Page {
    let mut page = Page::new(scope, size);
    let from = Timestamp::from_secs(START + 900);
    page.tell(0, LogEvent::History { lines: numbered(900..1000), reached: from, older: Older::Left(from) });
    page
}

#[test]
fn older_lines_are_read_where_the_oldest_are_looked_at_and_nothing_moves() {
    let mut page = with_older(BIG);
    assert_eq!(page.older_asked(), None, "not while the newest are followed");
    assert!(page.title().contains("100 lines ── older ones not loaded"), "{}", page.title());
    page.press(Command::Top);
    assert_eq!(page.older_asked(), Some(Timestamp::from_secs(START + 900)));
    assert!(page.title().contains("older lines: loading"), "{}", page.title());
    let (bar, selected) = (page.bar(), page.selected());
    page.answer_older(Ok(numbered(700..900)), Older::Left(Timestamp::from_secs(START + 700)));
    assert_eq!((page.bar(), page.selected()), (bar, selected));
    assert_eq!(page.older_asked(), None, "one page at a time");
    assert!(page.title().contains("300 lines ── older ones not loaded"), "{}", page.title());

    page.press(Command::Top);
    assert_eq!((page.selected().as_str(), page.older_asked()), ("number 700", Some(Timestamp::from_secs(START + 700))));
    page.answer_older(Err(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "no answer within 10 s")), Older::Nothing);
    assert!(page.title().contains("older lines: no answer within 10 s"), "{}", page.title());
    page.answer_older(Ok(numbered(650..700)), Older::Nothing);
    page.press(Command::Top);
    assert_eq!((page.selected().as_str(), page.older_asked()), ("number 650", None));
    assert!(page.title().contains("350 lines ── no older lines in this window"), "{}", page.title());
    page.tell(0, LogEvent::Lines(numbered(1000..1002)));
    assert!(page.screen().contains("2 new"), "older lines are not new ones: {}", page.title());
}

#[test]
fn a_held_screen_shows_older_lines_but_no_new_ones() {
    let mut page = with_older(BIG);
    page.press(Command::Pause);
    page.press(Command::Top);
    page.answer_older(Ok(numbered(890..900)), Older::Nothing);
    page.tell(0, LogEvent::Lines(numbered(1000..1010)));
    page.press(Command::Top);
    assert_eq!((page.selected().as_str(), page.view.store.shown()), ("number 890", 110));
}

#[test]
fn a_filter_that_hides_all_does_not_read_the_whole_window() {
    let mut page = with_older(BIG);
    page.press(Command::Filter);
    page.type_text("nowhere");
    page.key(KeyCode::Enter);
    assert_eq!(page.older_asked(), None);
    let mut second = 900;
    for _ in 0..2 {
        page.press(Command::Top);
        let mut pages = 0;
        while let Some(before) = page.older_asked() {
            assert_eq!(before, Timestamp::from_secs(START + second));
            second -= 10;
            pages += 1;
            page.answer_older(Ok(numbered(second..second + 10)), Older::Left(Timestamp::from_secs(START + second)));
        }
        assert_eq!(pages, 10);
        assert!(page.screen().contains("reads older lines"), "{}", page.screen());
    }
}

#[test]
fn the_buffer_is_not_filled_with_older_lines_to_the_brim() {
    let mut page = with_older(BIG);
    page.shared.settings.log_bytes = 16 << 20;
    let wide = |from: i64| (from..from + 100).map(|i| line(i, Level::Info, &format!("{i} {}", "x".repeat(10_000)))).collect::<Vec<_>>();
    let mut second = 900;
    page.press(Command::Top);
    while page.older_asked().is_some() {
        second -= 100;
        assert!(second > -5000, "it never ends");
        page.answer_older(Ok(wide(second)), Older::Left(Timestamp::from_secs(START + second)));
        page.press(Command::Top);
    }
    assert_eq!((page.view.store.dropped(), page.selected().starts_with(&second.to_string())), (0, true));
    assert!(page.title().contains("buffer full"), "{}", page.title());
    let acts = page.press(Command::Top);
    assert!(matches!(acts.as_slice(), [Act::Notice(text)] if text.contains("MiB is full")), "{acts:?}");
}

/// A narrow page with a long query, older lines left and a tail in these states.
fn narrow(width: u16, states: impl IntoIterator<Item = TailState>) -> Page {
    let pod = crate::model::labels::Matcher::equal("pod", "orders-7d9f8c6b5-k2vq");
    let mut page = with_older_of(scope().with_matcher(pod), (width, 24));
    states.into_iter().for_each(|state| page.tell(0, LogEvent::Tail(state)));
    page
}

#[test]
fn the_tails_health_outlives_the_query_on_a_narrow_screen() {
    let error = SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connect to loki.example.com:3100: connection refused");
    let lost = TailState::Lost { retry_at: now() + Duration::from_secs(4), error };
    let refused = TailState::Refused {
        retry_at: now() + Duration::from_secs(290),
        why: "max concurrent tail requests limit exceeded, count > limit (11 > 10)".to_owned(),
    };
    let behind = |secs| TailState::Behind(Duration::from_secs(secs));
    let unsought = TailState::LateUnsought { after: Duration::from_secs(15), why: "too many bytes".to_owned() };
    let whole = narrow(240, [Connected, unsought.clone()]).title();
    assert!(whole.contains("lines not looked for when over 15s late: too many bytes"), "{whole}");
    use TailState::{Connected, Connecting, Dropped, Recovered};
    for (states, at_80, at_40) in [
        (vec![Connecting], "100+ lines ── tail connecting ", " tail connecting "),
        (vec![Connected], "100+ lines ── tail connected ", " tail connected "),
        (vec![lost], "100+ lines ── tail lost, again in 4s ", " 100+ lines ── lost, 4s "),
        (vec![refused.clone()], "100+ lines ── tail refused, polling ", " 100+ lines ── polling "),
        (vec![refused, behind(1275)], "100+ lines ── tail refused, polling · 1,275 s behind ", " polling · 21m behind "),
        (vec![Connected, behind(35)], "100+ lines ── tail connected · 35 s behind ", " 35s behind "),
        (vec![Connected, behind(35), behind(0)], "100+ lines ── tail connected ", " tail connected "),
        (vec![Connected, unsought.clone()], "100+ lines ── tail connected · late lines not looked for ", " no late ones "),
        (vec![Connected, unsought, TailState::LateSought], "100+ lines ── tail connected ", " tail connected "),
        (vec![Connected, Dropped(18)], "100+ lines ── tail connected · 18 dropped ", " 18 dropped "),
        (vec![Connected, Dropped(18), Recovered(18)], "100+ lines ── tail connected ", " tail connected "),
    ] {
        if let [TailState::Refused { .. }] = states.as_slice() {
            let title = narrow(240, states.clone()).title();
            assert!(title.contains("tail refused, polling, again in 4m: max concurrent tail requests"), "{title}");
        }
        for (width, expected) in [(80, at_80), (40, at_40)] {
            let title = narrow(width, states.clone()).title();
            assert!(title.contains(expected) && title.contains(" following "), "{expected} in {title}");
        }
    }
}

#[test]
fn a_pause_is_told_on_a_narrow_screen_as_well() {
    for (width, expected) in [(80, "tail connected "), (40, "tail connected "), (30, " connected ")] {
        let mut page = narrow(width, [TailState::Connected]);
        page.press(Command::Pause);
        page.tell(0, LogEvent::Lines(numbered(1000..1003)));
        let paused = if width < 40 { " paused " } else { " paused 3 new " };
        assert!(page.title().contains(expected) && page.title().contains(paused), "{}", page.title());
    }
}

#[test]
fn a_failure_is_told_until_reading_works_again() {
    let mut page = narrow(80, [TailState::Connected]);
    page.tell(0, LogEvent::Failed(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connection reset")));
    assert!(page.title().contains("tail connected ── failing"), "{}", page.title());
    page.tell(0, LogEvent::Tail(TailState::Behind(Duration::ZERO)));
    assert!(!page.title().contains("failing"), "{}", page.title());
}

#[test]
fn a_paused_count_knows_nothing_of_what_came_since() {
    let mut page = with_older(BIG);
    page.press(Command::Pause);
    page.tell(0, LogEvent::Lines(numbered(1000..1010)));
    assert!(page.title().contains(" 100 lines ") && page.title().contains("paused 10 new"), "{}", page.title());
    page.press(Command::Filter);
    page.type_text("number 99");
    assert!(page.view.prompt().unwrap().line(120).text.contains("10 of 100 lines"));
    page.key(KeyCode::Enter);
    assert!(page.title().contains(" 10 of 100 lines ") && page.title().contains(" paused ─"), "no new line passes: {}", page.title());
    page.tell(0, LogEvent::Lines(vec![line(1010, Level::Info, "number 99 again")]));
    assert!(page.title().contains(" 10 of 100 lines ") && page.title().contains("paused 1 new"), "{}", page.title());
    page.press(Command::Top);
    page.answer_older(Ok(numbered(850..900)), Older::Nothing);
    page.tell(0, LogEvent::Lines(vec![line(-500, Level::Info, "number 99 of old")]));
    assert!(page.title().contains(" 11 of 151 lines ") && page.title().contains("paused 1 new"), "{}", page.title());
    page.press(Command::Pause);
    assert!(page.title().contains(" 12 of 162 lines ") && page.title().contains("following"), "{}", page.title());
}

#[test]
fn a_pause_before_the_first_line_says_so() {
    let mut page = Page::new(scope(), BIG);
    page.history(Vec::new());
    page.press(Command::Pause);
    page.tell(0, LogEvent::Lines(numbered(0..7)));
    assert!(page.screen().contains("Paused before the first line. 7 lines came since."), "{}", page.screen());
    page.press(Command::Pause);
    assert_eq!(page.selected(), "number 6");
}

#[test]
fn new_lines_are_those_that_the_filter_lets_through() {
    let mut page = with_older(BIG);
    page.press(Command::Up);
    page.tell(0, LogEvent::Lines(numbered(1000..1020)));
    assert!(page.title().contains(" 20 new "), "{}", page.title());
    page.press(Command::Filter);
    page.type_text("number 100");
    page.key(KeyCode::Enter);
    assert!(page.title().contains(" 10 of 120 lines ") && page.title().contains(" 10 new "), "{}", page.title());
    page.tell(0, LogEvent::Lines(vec![line(1021, Level::Info, "other"), line(1021, Level::Info, "number 100 again")]));
    assert!(page.title().contains(" 11 of 122 lines ") && page.title().contains(" 11 new "), "{}", page.title());
}

#[test]
fn lines_that_another_level_brings_are_not_new() {
    let errors = |page: &mut Page| page.press(Command::MinimumLevel);
    for pause in [Command::Up, Command::Pause] {
        let mut page = Page::new(scope(), BIG);
        errors(&mut page);
        page.history(numbered(0..100).into_iter().filter(|l| l.level == Level::Error).collect());
        page.press(pause);
        errors(&mut page);
        errors(&mut page);
        page.history(numbered(0..90));
        page.tell(0, LogEvent::Lines(numbered(91..93)));
        let expected = if pause == Command::Pause { [" 91 lines ", " paused 2 new "] } else { [" 93 lines ", " 2 new "] };
        assert!(expected.iter().all(|words| page.title().contains(words)), "{expected:?} in {}", page.title());
    }
}

#[test]
fn a_typed_query_replaces_the_scopes_and_reopens() {
    let mut page = Page::new(scope(), BIG);
    page.history(numbered(0..3));
    page.press(Command::EditQuery);
    page.type_text(" |= \"x\"");
    page.submit();
    assert_eq!(page.queries()[0], r#"{service_name="orders"} |= "x""#);
    assert_eq!(page.view.store.len(), 0);
    assert_eq!(page.view.reopen(&look(&page.shared, &page.scope, now())), ["--query", r#"{service_name="orders"} |= "x""#]);
}

#[test]
fn nothing_is_asked_before_the_labels_are_known() {
    let mut page = Page::new(scope(), BIG);
    page.shared.log_labels.clear();
    assert_eq!(page.queries(), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_size_is_drawn(w in 1u16..220, h in 1u16..60, commands in prop::collection::vec(0usize..23, 0..14)) {
        const COMMANDS: [Command; 23] = [
            Command::Down, Command::Up, Command::Bottom, Command::Top, Command::PageDown, Command::PageUp, Command::Fold, Command::Unfold,
            Command::NextError, Command::MinimumLevel, Command::NextPane, Command::FullScreen, Command::Pause,
            Command::ShowColumn, Command::CountBy, Command::Wrap, Command::ShiftRight, Command::TimeForm, Command::Mark, Command::NextMark,
            Command::NextMinute, Command::PreviousError, Command::ColumnWidth,
        ];
        let mut page = Page::new(scope(), (w, h));
        page.history(numbered(0..30));
        page.tell(0, LogEvent::Lines(vec![line(15, Level::Error, "many\nlines\nof\nstack"), traced(40, 3)]));
        for command in commands {
            page.press(COMMANDS[command]);
            let text = page.screen();
            let selected = page.view.line().is_some_and(|_| !page.view.in_detail && h > 3 && w > 12);
            prop_assert!(!selected || text.contains('▌'), "the selection is not on the screen\n{}", text);
        }
    }
}
