use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::*;
use crate::{
    app::testing::{red_mapping, test_shared, text_of},
    core::{
        command::{COMMANDS, ViewKind},
        msg::{Event, Msg},
        request::{Answer, Request, Response},
        scope::Scope,
    },
    model::{
        labels::Labels,
        series::{Exemplar, Matrix, Sample, Series, Vector},
        trace::{TraceHit, TraceHits, TraceId},
        trace_source::{Abilities, Ability},
    },
};

const NOW: Timestamp = Timestamp::from_secs(36_000);
const HOUR: Duration = Duration::from_secs(3600);
const ROUTES: [&str; 3] = ["/orders", "/orders/{id}", "/health"];

/// The Service page of `orders` with its graphs, routes and one exemplar, behind the list of all services.
struct Stage {
    app: App,
    now: Timestamp,
    size: (u16, u16),
    /// The last search of traces, and what it finds.
    searched: Option<(TimeWindow, String)>,
    hits: Vec<TraceHit>,
}

impl Stage {
    fn new() -> Self {
        let scope = Scope::new("prod", TimeWindow::Last(HOUR));
        let app = App::new(test_shared(), ViewKind::Services, scope, &[], NOW, (120, 30));
        let mut stage = Self { app, now: NOW, size: (120, 30), searched: None, hits: Vec::new() };
        stage.answer();
        stage.key(KeyCode::Enter);
        stage.see("/orders/{id}");
        stage
    }

    /// A search of traces that finds a short one and a long one that failed.
    fn of_traces() -> Self {
        let (scope, size) = (Scope::new("prod", TimeWindow::Last(HOUR)), (160, 40));
        let app = App::new(test_shared(), ViewKind::Traces, scope, &[], NOW, size);
        let mut stage = Self { app, now: NOW, size, searched: None, hits: vec![hit(1, 1800, 40, 0), hit(2, 600, 8000, 1)] };
        stage.answer();
        stage.see("2 found");
        stage
    }

    fn send(&mut self, event: Event) {
        self.app.update(Msg { now: self.now, event });
    }

    fn key(&mut self, code: KeyCode) {
        self.send(Event::Key(KeyEvent::from(code)));
        self.answer();
    }

    fn mouse(&mut self, kind: MouseEventKind, at: Position) {
        self.send(Event::Mouse(MouseEvent { kind, column: at.x, row: at.y, modifiers: KeyModifiers::NONE }));
        self.answer();
    }

    fn click(&mut self, at: Position) {
        self.mouse(MouseEventKind::Down(MouseButton::Left), at);
        self.mouse(MouseEventKind::Up(MouseButton::Left), at);
    }

    fn drag(&mut self, from: Position, to: Position) {
        self.mouse(MouseEventKind::Down(MouseButton::Left), from);
        self.mouse(MouseEventKind::Drag(MouseButton::Left), to);
    }

    /// Answers what is asked until nothing new is.
    fn answer(&mut self) {
        for _ in 0..3 {
            for need in self.app.subscriptions() {
                if let Request::Search { query, window, .. } = &need.request {
                    self.searched = Some((*window, query.traceql.clone()));
                }
                let Some(response) = self.respond(&need.request) else { continue };
                let answer = Answer { slot: need.slot, request: Arc::new(need.request), asked: self.now, result: Ok(response) };
                self.send(Event::Answer(Box::new(answer)));
            }
        }
    }

    fn respond(&self, request: &Request) -> Option<Response> {
        match request {
            Request::Search { .. } => Some(Response::Hits(TraceHits { hits: self.hits.clone(), newest: true, part: None })),
            other => respond(other, self.now),
        }
    }

    fn buffer(&self) -> Buffer {
        let mut buf = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
        self.app.render(buf.area, &mut buf);
        buf
    }

    fn text(&self) -> String {
        text_of(&self.buffer())
    }

    #[track_caller]
    fn see(&self, text: &str) {
        assert!(self.text().contains(text), "{text:?} in\n{}", self.text());
    }

    /// Where the last of some words begins: those below others.
    #[track_caller]
    fn place(&self, words: &str) -> Position {
        let text = self.text();
        let (y, line) =
            text.lines().enumerate().filter(|(_, l)| l.contains(words)).last().unwrap_or_else(|| panic!("{words:?} in\n{text}"));
        let x = line[..line.find(words).unwrap()].chars().count();
        Position::new(u16::try_from(x).unwrap(), u16::try_from(y).unwrap())
    }

    fn reversed(&self) -> usize {
        self.buffer().content().iter().filter(|c| c.modifier.contains(Modifier::REVERSED)).count()
    }
}

fn respond(request: &Request, now: Timestamp) -> Option<Response> {
    Some(match request {
        Request::DiscoverRed => Response::Red(Arc::new(red_mapping(&["orders"]))),
        Request::Range { window, .. } => {
            let (range, step) = (window.range(now), window.range(now).duration() / 60);
            let samples = (0..=60).map(|n| Sample { at: range.start + step * n, value: 1.0 }).collect();
            let series = Series { labels: [("class", "2xx"), ("service", "orders")].into_iter().collect(), samples };
            Response::Matrix(Matrix { series: vec![series], range, step, warnings: Vec::new() })
        }
        Request::Instant { .. } => {
            let element = |route: &str| ([("uri", route), ("service", "orders")].into_iter().collect(), Sample { at: now, value: 1.0 });
            Response::Vector(Vector { elements: ROUTES.map(element).into(), warnings: Vec::new() })
        }
        Request::Exemplars { window, .. } => {
            let at = window.range(now).start + window.range(now).duration() / 2;
            Response::Exemplars(vec![Exemplar { at, value: 0.5, trace: Some(TraceId(7)), labels: Labels::new(), series: Labels::new() }])
        }
        Request::TraceAbilities => Response::TraceAbilities(Arc::new(Abilities { has: Ability::ALL.to_vec(), ..Abilities::default() })),
        _ => return None,
    })
}

/// A trace of so many seconds ago.
fn hit(id: u128, ago: u64, ms: i64, errors: u32) -> TraceHit {
    TraceHit {
        trace: TraceId(id),
        root_service: Some("web".into()),
        root_name: Some("GET /".into()),
        start: NOW - Duration::from_secs(ago),
        duration_ns: ms * 1_000_000,
        span_count: None,
        error_count: Some(errors),
        matched: 1,
        spans: Vec::new(),
    }
}

#[test]
fn a_box_dragged_over_the_dots_narrows_the_search_to_its_time_and_lengths() {
    let mut stage = Stage::of_traces();
    let (dot, drawn) = (stage.place("×"), stage.reversed());
    stage.drag(Position::new(dot.x - 4, dot.y), Position::new(dot.x + 3, dot.y + 2));
    stage.see("1 trace, 1 failed   release narrows, Esc cancels");
    assert!(stage.reversed() > drawn + 20, "{}", stage.text());
    stage.mouse(MouseEventKind::Up(MouseButton::Left), dot);
    let (window, query) = stage.searched.clone().unwrap();
    let TimeWindow::Fixed(range) = window else { panic!("{window:?}") };
    assert!(range.contains(hit(2, 600, 1, 0).start) && !range.contains(hit(1, 1800, 1, 0).start), "{range:?}");
    let (least, below) = query.split_once("traceDuration >= ").unwrap().1.split_once("ms && traceDuration < ").unwrap();
    let below = below.split_once("ms").unwrap().0;
    assert!((40..8000).contains(&least.parse().unwrap()) && below.parse::<i64>().unwrap() > 8000, "{query}");
    stage.key(KeyCode::Esc);
    assert_eq!(stage.searched.unwrap().0, TimeWindow::Last(HOUR), "it is taken back");
}

#[test]
fn a_box_that_is_dragged_stays_around_its_time_and_lengths_while_new_hits_come() {
    let dragged = |comes: bool| {
        let mut stage = Stage::of_traces();
        let dot = stage.place("×");
        stage.drag(Position::new(dot.x - 4, dot.y), Position::new(dot.x + 3, dot.y + 2));
        let drawn = stage.reversed();
        if comes {
            // The window moves on by a third, and a very long one changes the scale.
            stage.now = stage.now + HOUR / 3;
            stage.hits.push(hit(3, 0, 900_000, 0));
            stage.send(Event::Wake);
            stage.answer();
            assert_ne!(stage.place("×"), dot, "{}", stage.text());
            stage.see("1 trace, 1 failed   release narrows, Esc cancels");
            assert_ne!(stage.reversed(), drawn, "it is drawn where it is now: {}", stage.text());
        }
        stage.mouse(MouseEventKind::Up(MouseButton::Left), dot);
        stage.searched.unwrap()
    };
    assert_eq!(dragged(true), dragged(false));
}

#[test]
fn esc_lets_a_box_go_that_is_being_dragged() {
    let mut stage = Stage::of_traces();
    let (dot, before) = (stage.place("×"), stage.searched.clone());
    stage.drag(Position::new(dot.x - 4, dot.y), Position::new(dot.x + 3, dot.y + 2));
    stage.see("release narrows");
    stage.key(KeyCode::Esc);
    stage.mouse(MouseEventKind::Up(MouseButton::Left), dot);
    assert_eq!(stage.searched, before);
}

#[test]
fn help_is_as_wide_as_what_it_says_where_the_screen_is() {
    let (scope, size) = (Scope::new("prod", TimeWindow::Last(HOUR)), (200, 50));
    let app = App::new(test_shared(), ViewKind::Waterfall, scope, &[], NOW, size);
    let mut stage = Stage { app, now: NOW, size, searched: None, hits: Vec::new() };
    stage.key(KeyCode::Char('?'));
    let longest = COMMANDS.iter().filter(|s| s.applies(ViewKind::Waterfall)).map(|s| s.help).max_by_key(|help| help.len()).unwrap();
    stage.see(longest);
}

#[test]
fn a_click_on_a_key_of_the_footer_does_its_command() {
    let mut stage = Stage::new();
    let at = stage.place("? help");
    stage.click(at);
    stage.see("keys of Service");
    stage.click(Position::new(0, 29));
    assert!(!stage.text().contains("keys of Service"), "a click outside closes");
    let at = stage.place("logs");
    stage.click(at);
    assert_eq!(stage.app.top().view.kind(), ViewKind::Logs);
}

#[test]
fn a_click_on_the_header_goes_back_opens_the_window_or_the_log() {
    let mut stage = Stage::new();
    stage.click(Position::new(stage.text().lines().next().unwrap().find("last 1h").unwrap().try_into().unwrap(), 0));
    stage.see("last 15m");
    stage.click(stage.place("last 15m"));
    assert_eq!(stage.app.top().scope.window, TimeWindow::Last(Duration::from_secs(900)));
    let crumb = stage.text().lines().next().unwrap().find("Services").unwrap();
    stage.click(Position::new(crumb.try_into().unwrap(), 0));
    assert_eq!((stage.app.top().view.kind(), stage.app.stack.len()), (ViewKind::Services, 1));
    let tempo = stage.text().lines().nth(1).unwrap().find("tempo").unwrap();
    stage.click(Position::new(tempo.try_into().unwrap(), 1));
    assert_eq!(stage.app.top().view.kind(), ViewKind::Diagnostics);
}

#[test]
fn a_second_click_on_a_row_opens_it_a_slow_or_moved_one_does_not() {
    let mut stage = Stage::new();
    let row = stage.place("/orders/{id}");
    stage.click(row);
    stage.now = stage.now + Duration::from_secs(2);
    stage.click(row);
    stage.click(Position::new(row.x + 1, row.y));
    assert!(stage.app.top().scope.matchers.is_empty());
    stage.click(Position::new(row.x + 1, row.y));
    assert_eq!(stage.app.top().scope.matchers.len(), 1);
    stage.see("uri=/orders/{id}");
}

#[test]
fn a_click_focuses_the_pane_and_the_wheel_moves_the_one_under_it() {
    let mut stage = Stage::new();
    stage.click(Position::new(4, 4));
    stage.mouse(MouseEventKind::ScrollDown, stage.place("/health"));
    stage.key(KeyCode::Char('z'));
    assert!(stage.text().contains("Rate") && !stage.text().contains("by route"), "{}", stage.text());
    stage.key(KeyCode::Char('z'));
    stage.key(KeyCode::Enter);
    assert_eq!(stage.app.top().scope.matchers.len(), 1);
    stage.see("uri=/orders/{id}");
}

#[test]
fn a_range_dragged_over_a_graph_is_shown_and_becomes_the_window() {
    let mut stage = Stage::new();
    let quiet = stage.reversed();
    stage.drag(Position::new(12, 5), Position::new(22, 9));
    stage.see("release zooms, Esc cancels");
    assert!(stage.reversed() > quiet + 20, "the range is marked on the graph");
    stage.key(KeyCode::Esc);
    stage.mouse(MouseEventKind::Up(MouseButton::Left), Position::new(22, 5));
    assert_eq!((stage.reversed(), stage.app.top().scope.window), (quiet, TimeWindow::Last(HOUR)));
    assert_eq!(stage.app.stack.len(), 2, "Esc ends the drag alone");
    stage.drag(Position::new(22, 5), Position::new(12, 5));
    stage.mouse(MouseEventKind::Up(MouseButton::Left), Position::new(12, 5));
    let TimeWindow::Fixed(range) = stage.app.top().scope.window else { panic!("{:?}", stage.app.top().scope.window) };
    assert!(range.start > NOW - HOUR && range.end < NOW, "{range:?}");
    assert!((Duration::from_secs(600)..HOUR).contains(&range.duration()), "{range:?}");
    stage.see("fixed");
}

#[test]
fn a_click_that_shakes_is_no_range() {
    let mut stage = Stage::new();
    stage.drag(Position::new(12, 5), Position::new(13, 5));
    stage.mouse(MouseEventKind::Up(MouseButton::Left), Position::new(13, 5));
    assert_eq!(stage.app.top().scope.window, TimeWindow::Last(HOUR));
}

#[test]
fn a_click_on_an_exemplar_selects_it_and_a_second_one_opens_its_trace() {
    let mut stage = Stage::new();
    let dot = stage.place("◆");
    stage.click(dot);
    stage.see("◆ 500 ms trace");
    stage.click(dot);
    assert_eq!(stage.app.top().scope.trace, Some(TraceId(7)));
}
