mod red;
mod typed;

use std::{sync::Arc, time::Duration};

use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEventKind};
use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Shared,
        testing::{answer, draw, feed, look, needs, test_shared, with},
    },
    core::{request::Response, scope::ScopeAlert, typed::TypedQuery},
    model::{
        backend::{Backend, ErrorKind, SourceError},
        explored::{self, Names},
        labels::{Labels, Matcher},
        series::{Matrix, Sample, Series},
        time::{TimeRange, TimeWindow},
        trace::{HitSpan, SpanId, TraceId},
        trace_source::{Abilities, PlainQuery, TraceOrigin},
    },
    views::Act,
};

const NOW: Timestamp = Timestamp::from_secs(36_000);
const SIZE: (u16, u16) = (120, 24);
const FAILED: &str = r#"{ resource.service.name="checkout" && status=error }"#;

/// A hit of so many seconds ago.
fn hit(id: u128, ago: u64, ms: i64, errors: Option<u32>) -> TraceHit {
    TraceHit {
        trace: TraceId(id << 112 | id),
        root_service: Some("web".into()),
        root_name: Some(format!("POST /api/{id}").into()),
        start: NOW - Duration::from_secs(ago),
        duration_ns: ms * 1_000_000,
        span_count: Some(37),
        error_count: errors,
        matched: 2,
        spans: vec![span(7, "reserve"), span(8, "charge")],
    }
}

fn span(id: u64, name: &str) -> HitSpan {
    let attributes = [("status", "error"), ("http.route", name)].into_iter().collect();
    HitSpan { id: Some(SpanId(id)), name: Some(name.into()), start: NOW - Duration::from_secs(100), duration_ns: 7_000_000, attributes }
}

fn hits() -> Vec<TraceHit> {
    vec![hit(1, 300, 40, Some(0)), hit(2, 100, 8410, Some(2)), hit(3, 200, 900, Some(1))]
}

struct Stage {
    shared: Shared,
    scope: Scope,
}

impl Stage {
    fn new() -> Self {
        let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600))).with_service("checkout");
        Self { shared: test_shared(), scope }
    }

    fn look(&self) -> Look<'_> {
        look(&self.shared, &self.scope, NOW)
    }

    fn view(&self, hits: Vec<TraceHit>) -> Traces {
        let mut view = Traces::new(&self.scope, None);
        self.answer(&mut view, Ok(hits));
        view
    }

    fn answer(&self, view: &mut Traces, result: Result<Vec<TraceHit>, SourceError>) {
        feed(view, &self.look(), SIZE, |_| Some(result.clone().map(|hits| Response::Hits(TraceHits { hits, newest: true, part: None }))));
    }

    fn run(&self, view: &mut Traces, command: Command) -> Vec<Act> {
        with(&self.look(), SIZE, |cx| view.command(cx, command)).1
    }

    fn type_text(&self, view: &mut Traces, text: &str) {
        for c in text.chars() {
            self.key(view, KeyEvent::from(KeyCode::Char(c)));
        }
    }

    fn key(&self, view: &mut Traces, key: KeyEvent) {
        with(&self.look(), SIZE, |cx| view.type_key(cx, key));
    }

    /// The TraceQL that is typed in place of the one that is there.
    fn edit(&self, view: &mut Traces, text: &str, end: KeyCode) {
        self.run(view, Command::EditQuery);
        self.key(view, KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
        self.with(|cx| view.paste(cx, text));
        self.key(view, KeyEvent::from(end));
    }

    fn with(&self, handle: impl FnOnce(&mut Cx<'_>)) -> Vec<Act> {
        with(&self.look(), SIZE, handle).1
    }

    /// Answers whether the typed text can be read.
    fn check(&self, view: &mut Traces, result: Result<Response, SourceError>) -> Vec<Act> {
        answer(view, &self.look(), SIZE, |n| n.slot.pane == "bar check", result)
    }

    fn asked(&self, view: &Traces) -> String {
        let asked = needs(view, &self.look(), SIZE.0, SIZE.1);
        let need = asked.iter().find(|n| n.slot.pane == HITS).unwrap();
        let Request::Search { query, window, limit } = &need.request else { panic!("{need:?}") };
        assert_eq!((*window, *limit), (self.scope.window, 200));
        query.traceql.clone()
    }

    fn text(&self, view: &Traces) -> String {
        draw(view, &self.look(), SIZE.0, SIZE.1)
    }

    fn order(&self, view: &Traces) -> Vec<u128> {
        view.list.rows.iter().map(|r| view.hits()[r.hit()].trace.0 >> 112).collect()
    }
}

#[test]
fn failed_traces_are_asked_first_then_slow_then_all() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    assert_eq!(stage.asked(&view), FAILED);
    assert!(stage.text(&view).contains("Traces ── failed of checkout ── 3 found"), "{}", stage.text(&view));
    let mut stage = stage;
    stage.shared.settings.latency_threshold = Some(1.0);
    stage.run(&mut view, Command::Preset);
    assert_eq!(stage.asked(&view), r#"{ resource.service.name="checkout" && duration > 1s }"#);
    assert!(!stage.text(&view).contains("POST"), "hits of another question are gone");
    stage.run(&mut view, Command::Preset);
    assert_eq!(stage.asked(&view), r#"{ resource.service.name="checkout" }"#);
    stage.run(&mut view, Command::Preset);
    assert_eq!(stage.asked(&view), FAILED);
}

#[test]
fn under_an_alert_about_time_slow_traces_are_asked_first() {
    for (name, preset) in [
        ("SlowBudgetBurn", Preset::Slow),
        ("RouteLatencyHigh", Preset::Slow),
        ("WebApdexLow", Preset::Slow),
        ("ErrorBudgetBurn", Preset::Failed),
    ] {
        let alert = ScopeAlert { name: name.into(), labels: Labels::new(), onset: None };
        let scope = Scope { alert: Some(alert), ..Stage::new().scope };
        let page = Traces::new(&scope, None);
        assert_eq!(page.preset, preset, "{name}");
        assert!(page.reopen(&look(&test_shared(), &scope, Timestamp::ZERO)).is_empty(), "the same alert opens the same");
    }
}

#[test]
fn of_opened_files_all_traces_are_listed_first() {
    let stage = Stage::new();
    let asked = |opened: bool| {
        let settings = crate::app::Settings { traces_opened: opened, ..Default::default() };
        let view = crate::views::open(ViewKind::Traces, &stage.scope, &[], &settings);
        match &needs(view.as_ref(), &stage.look(), 80, 24)[0].request {
            Request::Search { query, .. } => query.traceql.contains("error"),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((asked(false), asked(true)), (true, false));
}

#[test]
fn a_window_that_is_past_is_asked_once() {
    let mut stage = Stage::new();
    let refresh = |stage: &Stage| needs(&Traces::new(&stage.scope, None), &stage.look(), 80, 24)[0].refresh;
    assert_eq!(refresh(&stage), Refresh::Every(stage.shared.settings.refresh_slow));
    stage.scope.window = TimeWindow::Fixed(stage.scope.window.range(NOW));
    assert_ne!(refresh(&stage), Refresh::Once, "what was just written is not searchable everywhere yet");
    stage.scope.window = TimeWindow::Fixed(stage.scope.window.range(NOW - Duration::from_secs(3600))).pan(true, NOW);
    assert_eq!(refresh(&stage), Refresh::Once);
}

#[test]
fn a_row_shows_all_of_a_hit_and_enter_opens_it_at_the_span_that_matched() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    let text = stage.text(&view);
    let row = text.lines().find(|l| l.contains("POST /api/2")).unwrap();
    for part in ["▌", "09:58:20.000", "8.41 s", "████████", "web", "37", " 2 ", "0002…0002"] {
        assert!(row.contains(part), "{part} in {row}");
    }
    let [Act::Push(ViewKind::Waterfall, scope)] = &stage.run(&mut view, Command::Drill)[..] else { panic!() };
    assert_eq!((scope.trace, scope.span), (Some(hits()[1].trace), SpanId::parse("7")));
    let took = TimeRange::new(hits()[1].start, hits()[1].start + Duration::from_millis(8410));
    assert_eq!(scope.trace_near, Some(took), "an old block is looked for at its time");
}

#[test]
fn logs_are_of_the_trace_around_its_time_and_red_is_of_its_root() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    let [Act::Push(ViewKind::Logs, scope)] = &stage.run(&mut view, Command::Logs)[..] else { panic!() };
    assert_eq!((scope.trace, scope.span), (Some(hits()[1].trace), None));
    assert!(matches!(scope.window, TimeWindow::Fixed(r) if r.start < hits()[1].start && r.end < NOW));
    let [Act::Push(ViewKind::Service, scope)] = &stage.run(&mut view, Command::Red)[..] else { panic!() };
    assert_eq!(scope.service.as_deref(), Some("web"));
}

#[test]
fn traces_in_flight_do_not_stand_before_the_finished() {
    let stage = Stage::new();
    let rootless = |id, ago| TraceHit { root_service: None, root_name: None, ..hit(id, ago, 5, Some(1)) };
    let view = stage.view(vec![rootless(1, 3), rootless(2, 90), hit(3, 120, 40, Some(1)), rootless(4, 8)]);
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    let rows: Vec<&str> = text
        .lines()
        .filter_map(|l| ["in flight, no root yet", "root not received", "POST /api/3"].into_iter().find(|w| l.contains(w)))
        .collect();
    assert_eq!(rows, ["root not received", "POST /api/3", "in flight, no root yet", "in flight, no root yet"], "{text}");
    assert!(text.contains("2 in flight, last"), "{text}");
}

#[test]
fn a_trace_without_its_root_says_so_and_has_no_service() {
    let stage = Stage::new();
    let mut view = stage.view(vec![TraceHit { root_service: None, root_name: None, error_count: None, ..hit(1, 100, 5, None) }]);
    let text = stage.text(&view);
    let row = text.lines().find(|l| l.contains("root not received")).unwrap();
    assert!(row.contains(" ! "), "only failed ones were asked for: {row}");
    assert!(!view.facts(&stage.look()).service);
    assert!(stage.run(&mut view, Command::Red).is_empty());
}

#[test]
fn rows_are_newest_first_or_longest_first_and_the_selection_stays_on_its_trace() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    assert_eq!(stage.order(&view), [2, 3, 1]);
    stage.run(&mut view, Command::Bottom);
    stage.run(&mut view, Command::Order);
    assert_eq!(stage.order(&view), [2, 3, 1]);
    stage.run(&mut view, Command::Up);
    let newer = [hits(), vec![hit(4, 5, 100, Some(1)), hit(5, 1, 20_000, None)]].concat();
    stage.answer(&mut view, Ok(newer));
    assert_eq!(stage.order(&view), [5, 2, 3, 4, 1]);
    assert_eq!(view.selected().unwrap().trace, hits()[2].trace);
    stage.run(&mut view, Command::Order);
    assert_eq!(stage.order(&view), [5, 4, 2, 3, 1]);
    assert_eq!(view.selected().unwrap().trace, hits()[2].trace);
}

#[test]
fn the_next_error_is_the_next_row_that_failed_around_the_end() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    stage.run(&mut view, Command::NextError);
    assert_eq!(view.selected().unwrap().trace, hits()[2].trace);
    stage.run(&mut view, Command::NextError);
    assert_eq!(view.selected().unwrap().trace, hits()[1].trace, "the row without errors is passed over");
}

#[test]
fn the_filter_hides_rows_as_it_is_typed_and_esc_shows_them_again() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    stage.run(&mut view, Command::Filter);
    stage.type_text(&mut view, "api/3");
    assert_eq!(stage.order(&view), [3]);
    stage.type_text(&mut view, "x");
    assert!(stage.text(&view).contains("None of 3 traces passes the filter."), "{}", stage.text(&view));
    stage.key(&mut view, KeyEvent::from(KeyCode::Esc));
    assert_eq!(stage.order(&view).len(), 3);
}

#[test]
fn a_refresh_that_fails_keeps_the_rows_and_says_so() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    stage.answer(&mut view, Err(SourceError::new(Backend::Tempo, ErrorKind::Unreachable, "connect refused")));
    let text = stage.text(&view);
    assert!(text.contains("stale") && text.contains("connect refused") && text.contains("POST /api/2"), "{text}");
}

#[test]
fn nothing_found_says_where_it_was_looked_for_and_the_way_out() {
    let stage = Stage::new();
    let view = stage.view(Vec::new());
    let text = stage.text(&view);
    assert!(text.contains("No failed traces of checkout in 09:00 – 10:00.") && text.contains("a slow or all"), "{text}");
}

#[test]
fn without_traceql_the_scope_is_asked_in_plain_words() {
    let mut stage = Stage::new();
    stage.shared.traces.settle(NOW, Ok(Arc::new(Abilities::none(TraceOrigin::Jaeger))));
    let view = stage.view(vec![hit(1, 1, 10, None)]);
    let text = stage.text(&view);
    assert!(text.contains("service=checkout error") && !text.contains("status=error"), "{text}");
    assert!(view.wants().traces);
    // What a page of it was opened again with.
    let again = Traces::new(&stage.scope, Some(FAILED));
    let asked = needs(&again, &stage.look(), SIZE.0, SIZE.1);
    let need = asked.iter().find(|n| n.slot.pane == HITS).unwrap();
    let Request::Search { query, .. } = &need.request else { panic!("{need:?}") };
    assert_eq!(query.plain, view.asked(&stage.look()).plain);
    assert!(stage.text(&again).contains("service=checkout error"), "{}", stage.text(&again));
}

#[test]
fn the_limit_and_labels_that_were_not_applied_are_told() {
    let mut stage = Stage::new();
    stage.scope = stage.scope.with_matcher(Matcher::equal("route", "/pay"));
    let view = stage.view((0..200).map(|i| hit(i + 1, i as u64, 10, None)).collect());
    let text = stage.text(&view);
    assert!(text.contains("route not applied ── search limit reached, newest 200 shown, M asks for 500"), "{text}");
    let mut view = view;
    let old_server = TraceHits { hits: view.hits().to_vec(), newest: false, part: Some("2 of 3 services searched".to_owned()) };
    feed(&mut view, &stage.look(), SIZE, |_| Some(Ok(Response::Hits(old_server.clone()))));
    assert!(stage.text(&view).contains("search limit reached, 200 shown, not always the newest, M ask"), "{}", stage.text(&view));
}

#[test]
fn more_hits_are_asked_for_on_a_key_up_to_a_bound_and_those_that_are_here_stay() {
    let mut stage = Stage::new();
    stage.shared.traces.settle(NOW, Ok(Arc::new(Abilities { has: vec![Ability::TraceQl], ..Abilities::default() })));
    let some = |n: u64| (0..n).map(|i| hit(u128::from(i) + 1, i, 10, None)).collect::<Vec<_>>();
    let limit = |view: &Traces| {
        let asked = needs(view, &stage.look(), SIZE.0, SIZE.1).into_iter().find(|n| n.slot.pane == HITS).unwrap();
        if let Request::Search { limit, .. } = asked.request { limit } else { 0 }
    };
    let told = |view: &mut Traces, result| answer(view, &stage.look(), SIZE, |n| n.slot.pane == HITS, result);
    let hits = |n| Ok(Response::Hits(TraceHits { hits: some(n), newest: true, part: None }));
    let mut view = Traces::new(&stage.scope, None);
    told(&mut view, hits(3));
    assert_eq!(view.facts(&stage.look()).no_more, Some("all that were found are shown"));
    told(&mut view, hits(200));
    stage.run(&mut view, Command::More);
    assert_eq!(limit(&view), 500);
    assert!(stage.text(&view).contains("newest 200 shown, 500 asked for"), "{}", stage.text(&view));
    let refused = SourceError::new(Backend::Tempo, ErrorKind::BadQuery, "limit 500 exceeds 300");
    assert_eq!(told(&mut view, Err(refused)), [Act::Notice("500 traces were refused: limit 500 exceeds 300".to_owned())]);
    assert_eq!(limit(&view), 200);
    stage.run(&mut view, Command::More);
    told(&mut view, hits(420));
    assert!(stage.text(&view).contains(" ── 420 found"), "{}", stage.text(&view));
    told(&mut view, hits(500));
    stage.run(&mut view, Command::More);
    told(&mut view, hits(1000));
    assert!(stage.text(&view).contains("newest 1,000 shown, no more at once"), "{}", stage.text(&view));
    assert!(view.facts(&stage.look()).no_more.is_some());
    stage.run(&mut view, Command::Preset);
    stage.run(&mut view, Command::Preset);
    assert_eq!(limit(&view), 200, "another question begins with few");
}

#[test]
fn a_wide_screen_shows_a_dot_for_each_hit() {
    let stage = Stage::new();
    let view = stage.view(hits());
    assert!(!stage.text(&view).contains("◆"));
    let text = draw(&view, &stage.look(), 160, 40);
    assert_eq!((text.matches('◆').count(), text.matches('×').count()), (1, 2), "failed ones are marked: {text}");
}

#[test]
fn several_spans_that_matched_are_listed_under_their_trace_and_opened_there() {
    let stage = Stage::new();
    let mut view = stage.view(vec![TraceHit { matched: 5, ..hit(2, 100, 8410, Some(2)) }, hit(3, 200, 900, Some(1))]);
    assert!(stage.text(&view).contains("▸ POST /api/2") && !stage.text(&view).contains("charge"), "{}", stage.text(&view));
    stage.run(&mut view, Command::Unfold);
    let text = stage.text(&view);
    for part in ["▾ POST /api/2", "reserve", "charge", "3 more spans", "▸ POST /api/3"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    stage.run(&mut view, Command::Down);
    stage.run(&mut view, Command::Down);
    let [Act::Push(ViewKind::Waterfall, scope)] = &stage.run(&mut view, Command::Drill)[..] else { panic!() };
    assert_eq!(scope.span, Some(SpanId(8)));
    let newer = [vec![hit(4, 5, 1, None)], view.hits().to_vec()].concat();
    stage.answer(&mut view, Ok(newer));
    assert_eq!(view.selected_span().and_then(|s| s.id), Some(SpanId(8)), "a newer trace does not move the cursor");
    stage.run(&mut view, Command::Fold);
    assert_eq!((view.selected_span(), view.selected().unwrap().trace), (None, hits()[1].trace));
}

#[test]
fn live_joins_new_hits_to_those_that_are_here_each_once_and_the_cursor_stays() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    let new = |view: &Traces| needs(view, &stage.look(), 80, 24).into_iter().find(|n| n.slot.pane == "new hits");
    assert_eq!(new(&view), None);
    stage.run(&mut view, Command::Bottom);
    stage.run(&mut view, Command::Follow);
    let need = new(&view).unwrap();
    assert_eq!(
        (need.refresh, need.request.window()),
        (Refresh::Every(Duration::from_secs(5)), Some(TimeWindow::Last(Duration::from_secs(300))))
    );
    let grown = hit(2, 100, 9000, Some(3));
    let told = TraceHits { hits: vec![grown.clone(), hit(4, 1, 5, None)], newest: true, part: None };
    answer(&mut view, &stage.look(), SIZE, |n| n.slot.pane == "new hits", Ok(Response::Hits(told)));
    assert_eq!(stage.order(&view), [4, 2, 3, 1]);
    assert_eq!((view.selected().unwrap().trace, &view.hits()[view.list.rows[1].hit()]), (hits()[0].trace, &grown));
    assert!(stage.text(&view).contains("live, every 5 s"), "{}", stage.text(&view));
    stage.answer(&mut view, Ok(vec![hit(5, 50, 5, None), hit(9, 9000, 5, None)]));
    assert_eq!(stage.order(&view), [4, 5, 2, 3, 1], "what the server does not find again stays, what is before the window goes");
    stage.run(&mut view, Command::Follow);
    stage.answer(&mut view, Ok(hits()));
    assert_eq!(stage.order(&view), [2, 3, 1]);
}

#[test]
fn new_hits_move_the_cursor_of_nobody_who_chose_no_trace() {
    let stage = Stage::new();
    let newer = || [hits(), vec![hit(4, 5, 100, Some(1))]].concat();
    let after = |commands: &[Command]| {
        let mut view = stage.view(hits());
        commands.iter().for_each(|command| drop(stage.run(&mut view, *command)));
        stage.answer(&mut view, Ok(newer()));
        assert_eq!(stage.order(&view)[0], 4);
        (view.selected().unwrap().trace.0 >> 112, view.list.table.selected)
    };
    assert_eq!(after(&[]), (4, 0), "the newest is at the top");
    assert_eq!(after(&[Command::Bottom, Command::Top]), (4, 0));
    for chosen in [&[Command::Down, Command::Up][..], &[Command::Drill], &[Command::Mark], &[Command::Logs], &[Command::Unfold]] {
        assert_eq!(after(chosen).0, 2, "{chosen:?}");
    }
}

#[test]
fn another_question_begins_at_the_top_unless_it_finds_what_was_selected() {
    let mut stage = Stage::new();
    stage.shared.settings.latency_threshold = Some(1.0);
    let preset = |found: Vec<TraceHit>| {
        let mut view = stage.view(hits());
        stage.run(&mut view, Command::Down);
        stage.run(&mut view, Command::Preset);
        stage.answer(&mut view, Ok(found));
        (view.selected().unwrap().trace.0 >> 112, view.list.table.selected)
    };
    assert_eq!(preset(hits()), (3, 1));
    assert_eq!(preset(vec![hit(7, 20, 1, None), hit(8, 30, 1, None), hit(9, 40, 1, None)]), (7, 0));
}

#[test]
fn what_a_filter_found_stays_selected_when_it_is_taken_back() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    stage.run(&mut view, Command::Filter);
    stage.type_text(&mut view, "api/1");
    stage.key(&mut view, KeyEvent::from(KeyCode::Esc));
    assert_eq!((view.selected().unwrap().trace.0 >> 112, stage.order(&view).len()), (1, 3));
}

#[test]
fn on_a_narrow_screen_the_limit_is_told_and_how_to_pass_it() {
    let stage = Stage::new();
    let mut view = stage.view((0..200).map(|i| hit(i + 1, i as u64, 10, None)).collect());
    let title =
        |view: &Traces| draw(view, &stage.look(), 80, 24).lines().find(|line| line.contains("search limit")).unwrap_or_default().to_owned();
    assert!(title(&view).contains("failed of checkout ── search limit reached, newest 200 shown, M asks for 500 "), "{}", title(&view));
    assert!(draw(&view, &stage.look(), 80, 24).contains(" newest ── 1 of 200 "), "below, where there is room");
    let mut everywhere = Stage::new();
    everywhere.scope = Scope::new("prod", everywhere.scope.window);
    let all = everywhere.view((0..200).map(|i| hit(i + 1, i as u64, 10, None)).collect());
    let text = draw(&all, &everywhere.look(), 80, 24);
    assert!(text.contains(" failed ── search limit reached, newest 200 shown, M asks for 500 "), "{text}");
    everywhere.shared.settings.latency_threshold = Some(1.0);
    let mut slow = Traces::new(&everywhere.scope, None);
    everywhere.run(&mut slow, Command::Preset);
    everywhere.answer(&mut slow, Ok((0..200).map(|i| hit(i + 1, i as u64, 10, None)).collect()));
    let text = draw(&slow, &everywhere.look(), 80, 24);
    assert!(text.contains(" slow > 1.00 s ── search limit reached, newest 200 shown, M asks for 500 "), "{text}");
    let mut stale = stage.view((0..200).map(|i| hit(i + 1, i as u64, 10, None)).collect());
    stage.answer(&mut stale, Err(SourceError::new(Backend::Tempo, ErrorKind::Unreachable, "connect refused")));
    assert!(title(&stale).contains(" search limit reached, newest 200") && title(&stale).contains("stale"), "{}", title(&stale));
    stage.run(&mut view, Command::Filter);
    stage.type_text(&mut view, "api");
    assert!(title(&view).contains("search limit reached, newest 200 shown, M asks for 500 ── /api"), "{}", title(&view));
    stage.edit(&mut view, &format!("{{ name=\"{}\" }}", "x".repeat(100)), KeyCode::Enter);
    stage.check(&mut view, Ok(Response::Hits(TraceHits::default())));
    stage.answer(&mut view, Ok((0..200).map(|i| hit(i + 1, i as u64, 10, None)).collect()));
    assert!(title(&view).contains("search limit reached, newest 200 shown, M asks for 500"), "{}", title(&view));
}

#[test]
fn of_a_server_that_tells_more_than_it_is_asked_for_still_more_is_asked() {
    let stage = Stage::new();
    let mut view = stage.view((0..600).map(|i| hit(i + 1, i as u64, 10, None)).collect());
    assert!(stage.text(&view).contains("newest 600 shown, M asks for 1,000"), "{}", stage.text(&view));
    stage.run(&mut view, Command::More);
    let asked = needs(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(asked.iter().any(|need| matches!(need.request, Request::Search { limit: 1000, .. })), "{asked:?}");
}

#[test]
fn a_fixed_window_is_not_live() {
    let mut stage = Stage::new();
    stage.scope.window = TimeWindow::Fixed(stage.scope.window.range(NOW));
    let mut view = stage.view(hits());
    let acts = stage.run(&mut view, Command::Follow);
    assert_eq!(acts, [Act::Notice("the window is fixed: press 0 for live".to_owned())]);
    assert!(!view.live);
}

#[test]
fn a_box_in_the_dots_becomes_the_window_and_a_condition_and_is_taken_back() {
    let mut stage = Stage::new();
    let able = Abilities { has: vec![Ability::TraceQl, Ability::Structural], ..Abilities::default() };
    stage.shared.traces.settle(NOW, Ok(Arc::new(able)));
    let mut view = stage.view(hits());
    let press = |view: &mut Traces, stage: &Stage, command| with(&stage.look(), (160, 40), |cx| view.command(cx, command)).1;
    press(&mut view, &stage, Command::ValueCursor);
    let text = draw(&view, &stage.look(), 160, 40);
    assert!(text.contains("1 trace, 1 failed") && text.contains("Enter narrows to it"), "it begins at the selected dot: {text}");
    press(&mut view, &stage, Command::Pause);
    for _ in 0..3 {
        press(&mut view, &stage, Command::PageUp);
        press(&mut view, &stage, Command::Down);
    }
    let text = draw(&view, &stage.look(), 160, 40);
    assert!(text.contains("2 traces, 2 failed"), "{text}");
    let acts = press(&mut view, &stage, Command::Drill);
    let [Act::Rescope(scope)] = acts.as_slice() else { panic!("{acts:?}") };
    let (before, TimeWindow::Fixed(range)) = (stage.scope.window, scope.window) else { panic!() };
    assert!(range.contains(hits()[1].start) && range.contains(hits()[2].start), "{range:?}");
    stage.scope = (**scope).clone();
    with(&stage.look(), SIZE, |cx| view.rescoped(cx));
    assert!(stage.asked(&view).contains("status=error && traceDuration >= ") && stage.asked(&view).contains("traceDuration < "));
    stage.answer(&mut view, Ok(hits()));
    assert_eq!(stage.order(&view), [2, 3], "what others tell is held to it as well");
    let acts = press(&mut view, &stage, Command::Back);
    assert!(matches!(&acts[..], [Act::Rescope(scope)] if scope.window == before), "{acts:?}");
    assert_eq!(stage.asked(&view), FAILED);
}

#[test]
fn a_box_stays_around_its_time_and_lengths_while_the_window_moves_on() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    let later = |minutes: u64| look(&stage.shared, &stage.scope, NOW + Duration::from_secs(minutes * 60));
    let press = |view: &mut Traces, minutes, command| with(&later(minutes), (160, 40), |cx| view.command(cx, command)).1;
    press(&mut view, 0, Command::ValueCursor);
    press(&mut view, 0, Command::ShiftLeft);
    press(&mut view, 0, Command::ShiftLeft);
    let said = |view: &Traces, minutes| {
        let text = draw(view, &later(minutes), 160, 40);
        let line = text.lines().find(|l| l.contains("narrows to it")).unwrap_or_else(|| panic!("{text}"));
        line[line.find("over time").unwrap()..].split("   ").next().unwrap().trim_matches(['─', ' ']).to_owned()
    };
    let begun = said(&view, 0);
    assert!(begun.contains(" – 09:58"), "{begun}");
    assert_eq!(said(&view, 20), begun);
    let drawn = |view: &Traces, minutes| {
        let plane = view.plane(&later(minutes), Rect::new(0, 0, 160, 40)).unwrap();
        plane.covering(view.brush.unwrap().extent()).map(|cells| cells.x)
    };
    assert!(drawn(&view, 20) < drawn(&view, 0) && drawn(&view, 20).is_some(), "it moves with the dots");
    assert_eq!(drawn(&view, 70), None, "it has left the window");
    press(&mut view, 20, Command::ShiftRight);
    assert!(said(&view, 20).contains(" – 09:58"), "the other corner is where it was: {}", said(&view, 20));
    let acts = press(&mut view, 20, Command::Drill);
    let [Act::Rescope(scope)] = acts.as_slice() else { panic!("{acts:?}") };
    let TimeWindow::Fixed(range) = scope.window else { panic!() };
    assert!(range.contains(hits()[1].start), "{range:?}");
}

#[test]
fn on_a_small_screen_the_dots_take_the_place_of_the_list_while_a_box_is_chosen() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    with(&stage.look(), (80, 21), |cx| view.command(cx, Command::ValueCursor));
    let text = draw(&view, &stage.look(), 80, 21);
    assert!(text.contains("duration ── over time") && !text.contains("POST /api/2"), "{text}");
    with(&stage.look(), (80, 21), |cx| view.command(cx, Command::Back));
    assert!(draw(&view, &stage.look(), 80, 21).contains("POST /api/2"));
}

#[test]
fn a_click_selects_a_row() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    let click = MouseEvent { kind: MouseEventKind::Down(MouseButton::Left), column: 9, row: 5, modifiers: KeyModifiers::NONE };
    assert_eq!(with(&stage.look(), SIZE, |cx| view.mouse(cx, click)).0, Pointed::Item);
    assert_eq!(view.selected().unwrap().trace, hits()[0].trace);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_size_and_data_is_drawn(w in 1u16..=180, h in 1u16..=50, name in ".{0,30}", query in ".{0,30}", start in any::<i64>(), duration in any::<i64>(), rows in 0usize..5) {
        let stage = Stage::new();
        let odd = TraceHit { root_name: Some(name.into()), start: Timestamp(start), duration_ns: duration, ..hit(9, 1, 1, None) };
        let mut view = Traces::new(&stage.scope, Some(&query));
        stage.answer(&mut view, Ok([hits(), vec![odd]].concat().into_iter().take(rows).collect()));
        for command in [Command::Order, Command::ValueCursor, Command::Pause, Command::Down, Command::ValueCursor, Command::NextError, Command::PageDown, Command::Drill, Command::Logs] {
            with(&stage.look(), (w, h), |cx| view.command(cx, command));
        }
        draw(&view, &stage.look(), w, h);
    }
}
