mod base;
mod find;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Shared,
        testing::{answer, draw, look, needs, sees, test_shared, type_text, with},
    },
    core::{request::Response, scope::ScopeAlert},
    model::{
        backend::{Backend, ErrorKind, SourceError},
        labels::Labels,
        time::TimeWindow,
        trace::{Resource, Span, SpanKind, Spans, TraceHit, TraceHits, Value},
        trace_source::{Abilities, TraceOrigin},
    },
    views::Act,
};

const START: i64 = 1_700_000_000_000_000_000;
const MS: i64 = 1_000_000;
const NOW: Timestamp = Timestamp(START + 60_000 * MS);
const SIZE: (u16, u16) = (160, 40);

fn span(id: u64, parent: u64, resource: u32, name: &str, from_ms: i64, to_ms: i64) -> Span {
    Span {
        id: SpanId(id),
        parent: (parent != 0).then_some(SpanId(parent)),
        resource,
        name: name.into(),
        kind: SpanKind::Internal,
        start: Timestamp(START + from_ms * MS),
        end: Timestamp(START + to_ms * MS),
        ..Span::default()
    }
}

fn build(id: u128, spans: Vec<Span>) -> Arc<Trace> {
    let resource = |service: &str| Resource { service: service.into(), attributes: [("service.name", Value::Text(service.into()))].into() };
    let resources = vec![resource("web"), resource("orders"), resource("postgres")];
    Arc::new(Trace::build(Spans { trace: TraceId(id), resources, spans, partial: None }))
}

/// web calls orders, which asks postgres so many times.
fn trace(id: u128, queries: u64, each_ms: i64, error: bool) -> Arc<Trace> {
    build(id, spans(queries, each_ms, error))
}

fn spans(queries: u64, each_ms: i64, error: bool) -> Vec<Span> {
    let all = 20 + queries as i64 * (each_ms + 1);
    let mut spans = vec![span(1, 0, 0, "POST /pay", 0, all + 20), Span { error, ..span(2, 1, 1, "place", 10, all + 10) }];
    spans.extend(
        (0..queries).map(|i| span(10 + i, 2, 2, "SELECT orders", 15 + i as i64 * (each_ms + 1), 15 + i as i64 * (each_ms + 1) + each_ms)),
    );
    if error {
        spans.push(span(5, 2, 1, "retry", all, all + 8));
    } else {
        spans.push(span(6, 2, 1, "cache", all, all + 8));
    }
    spans
}

fn good() -> Arc<Trace> {
    trace(0xa, 5, 2, false)
}

fn bad() -> Arc<Trace> {
    trace(0xb, 40, 30, true)
}

fn hit(id: u128, ms: i64, errors: Option<u32>) -> TraceHit {
    TraceHit {
        trace: TraceId(id),
        root_service: Some("web".into()),
        root_name: Some("POST /pay".into()),
        start: Timestamp(START),
        duration_ns: ms * MS,
        span_count: None,
        error_count: errors,
        matched: 1,
        spans: Vec::new(),
    }
}

struct Stage {
    shared: Shared,
    scope: Scope,
    view: Compare,
}

impl Stage {
    fn new(seed: Seed) -> Self {
        let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600))).with_trace(seed.trace, seed.span);
        Self { shared: test_shared(), scope, view: Compare::seeded(seed, NOW) }
    }

    /// Of a trace that is known, against a typical one.
    fn typical(known: Arc<Trace>) -> Self {
        Self::new(Seed { trace: known.id, span: None, known: Some(known), base: None })
    }

    /// Both were chosen and are there.
    fn chosen(base: Arc<Trace>, this: Arc<Trace>) -> Self {
        let mut stage = Self::new(Seed { trace: this.id, span: None, known: Some(this), base: Some((base.id, base.range)) });
        stage.tell(BASE, Ok(Response::Trace(base)));
        stage.work();
        stage
    }

    fn tell(&mut self, pane: &str, result: Result<Response, SourceError>) {
        let look = look(&self.shared, &self.scope, NOW);
        answer(&mut self.view, &look, SIZE, |need| need.slot.pane == pane, result);
    }

    fn found(&mut self, hits: Vec<TraceHit>) {
        self.tell(SEARCH, Ok(Response::Hits(TraceHits { hits, newest: true, part: None })));
    }

    /// Does what the worker does.
    fn work(&mut self) {
        let job = self.asked().into_iter().find_map(|request| if let Request::Compare(job) = request { Some(job) } else { None });
        self.tell(COMPARED, Ok(Response::Compared(Arc::new(job.unwrap().run()))));
    }

    fn asked(&self) -> Vec<Request> {
        let look = look(&self.shared, &self.scope, NOW);
        needs(&self.view, &look, SIZE.0, SIZE.1).into_iter().map(|need| need.request).collect()
    }

    fn asks_for(&self) -> Vec<TraceId> {
        self.asked().into_iter().filter_map(|r| if let Request::Trace(id, _) = r { Some(id) } else { None }).collect()
    }

    fn run(&mut self, command: Command) -> Vec<Act> {
        let look = look(&self.shared, &self.scope, NOW);
        with(&look, SIZE, |cx| self.view.command(cx, command)).1
    }

    fn screen(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, NOW), SIZE.0, SIZE.1)
    }

    /// The traces that are asked for, and when they are looked for.
    fn near(&self) -> Vec<(TraceId, Option<TimeRange>)> {
        self.asked().into_iter().filter_map(|r| if let Request::Trace(id, near) = r { Some((id, near)) } else { None }).collect()
    }

    /// The trace and the span that a command opens.
    fn opened(&mut self, command: Command) -> (u128, u64) {
        match &self.run(command)[..] {
            [Act::Push(ViewKind::Waterfall, scope)] => (scope.trace.unwrap().0, scope.span.unwrap().0),
            acts => panic!("{acts:?}"),
        }
    }

    /// The window of a search that is asked, in seconds from the trace's start.
    fn searched(&self) -> (i64, i64) {
        let [Request::Search { window: TimeWindow::Fixed(range), .. }] = &self.asked()[..] else { panic!("{:?}", self.asked()) };
        let seconds = |at: Timestamp| (at.0 - START).div_euclid(1000 * MS);
        (seconds(range.start), seconds(range.end))
    }

    fn selected(&self) -> String {
        self.view.operation().map_or_else(String::new, |o| o.name.to_string())
    }
}

#[test]
fn new_gone_and_slower_spans_are_told_with_figures_and_repeated_ones_in_one_row() {
    let mut stage = Stage::chosen(good(), bad());
    let screen = stage.screen();
    sees(
        &screen,
        &["chosen by you", "1.23 s longer", "36 new, 1 gone,", "+1.19 s in postgres SELECT orders", "postgres SELECT orders ×5 → ×40"],
    );
    let row = |word: &str| {
        screen.lines().find(|l| l.contains(word) && l.starts_with('│')).unwrap_or_else(|| panic!("{word}: {screen}")).to_owned()
    };
    sees(&row("SELECT orders"), &["slower", "10 ms", "1.20 s", "+1.19 s"]);
    sees(&row("orders retry"), &["new", "–", "8.0 ms", "+8.0 ms"]);
    sees(&row("orders cache"), &["gone", "8.0 ms", "–", "-8.0 ms"]);
    sees(&row("orders place"), &["slower", "1.26 s!"]);
    stage.run(Command::Order);
    let worst = stage.screen();
    let first = worst.lines().find(|l| l.contains("slower")).unwrap();
    assert!(first.contains("SELECT orders") && worst.contains("worst first"), "{worst}");
}

#[test]
fn how_many_they_are_stays_where_a_name_is_cut() {
    let named = |id: u128, calls: u64| {
        let name = "SELECT stock FROM orders_of_the_last_year";
        let spans = (0..calls).map(|i| span(10 + i, 1, 2, name, 1 + i as i64 * 3, 3 + i as i64 * 3));
        build(id, [span(1, 0, 0, "root", 0, 400)].into_iter().chain(spans).collect())
    };
    let stage = Stage::chosen(named(1, 5), named(2, 40));
    let screen = draw(&stage.view, &look(&stage.shared, &stage.scope, NOW), 80, 24);
    let row = screen.lines().find(|line| line.contains("postgres SEL")).unwrap_or_else(|| panic!("{screen}"));
    assert!(row.contains("… ×5 → ×40 "), "{row}");
}

#[test]
fn enter_opens_the_trace_at_the_span_and_another_key_the_base() {
    let mut stage = Stage::chosen(good(), bad());
    stage.run(Command::Down);
    assert_eq!((stage.opened(Command::Drill), stage.opened(Command::OpenBase)), ((0xb, 2), (0xa, 2)));
    while stage.selected() != "cache" {
        stage.run(Command::Down);
    }
    assert_eq!(stage.opened(Command::Drill), (0xa, 6), "it is only in the base");
    let acts = stage.run(Command::Logs);
    assert!(matches!(&acts[..], [Act::Push(ViewKind::Logs, scope)] if scope.service.as_deref() == Some("orders")), "{acts:?}");
}

#[test]
fn both_are_looked_for_and_opened_at_their_times() {
    let mut stage = Stage::chosen(good(), bad());
    assert_eq!(stage.near(), [(TraceId(0xa), Some(good().range))]);
    stage.scope.trace_near = Some(bad().range);
    stage.run(Command::Refresh);
    assert_eq!(stage.near(), [(TraceId(0xb), Some(bad().range)), (TraceId(0xa), Some(good().range))]);
    for (command, trace) in [(Command::Drill, bad()), (Command::OpenBase, good())] {
        let acts = stage.run(command);
        assert!(matches!(&acts[..], [Act::Push(_, scope)] if scope.trace_near == Some(trace.range)), "{acts:?}");
    }
    let mut typical = Stage::typical(bad());
    typical.found(vec![hit(0xa, 20, Some(0))]);
    assert_eq!(typical.near(), [(TraceId(0xa), Some(hit(0xa, 20, None).range()))]);
}

#[test]
fn what_is_the_same_is_folded_and_all_of_it_unfolds() {
    let deep = |id, last| {
        build(
            id,
            vec![
                span(1, 0, 0, "root", 0, 1000),
                span(2, 1, 1, "same", 0, 100),
                span(3, 2, 1, "within", 0, 90),
                span(4, 1, 2, "slow", 200, last),
            ],
        )
    };
    let mut stage = Stage::chosen(deep(1, 300), deep(2, 900));
    let screen = stage.screen();
    assert!(screen.contains("▸ orders same +1") && !screen.contains("within"), "{screen}");
    stage.run(Command::FoldAll);
    assert!(stage.screen().contains("orders within"), "{}", stage.screen());
    stage.run(Command::FoldAll);
    assert!(!stage.screen().contains("orders within"), "{}", stage.screen());
    stage.run(Command::Down);
    stage.run(Command::Unfold);
    assert!(stage.screen().contains("orders within"), "{}", stage.screen());
    stage.run(Command::Down);
    stage.run(Command::Fold);
    assert_eq!(stage.selected(), "same", "a leaf folds to its parent");
}

#[test]
fn the_selected_span_of_the_waterfall_is_selected_also_within_repeated_ones() {
    let mut stage =
        Stage::new(Seed { trace: TraceId(0xb), span: Some(SpanId(12)), known: Some(bad()), base: Some((TraceId(0xa), good().range)) });
    stage.tell(BASE, Ok(Response::Trace(good())));
    stage.work();
    assert_eq!(stage.opened(Command::Drill), (0xb, 12), "and not the first of them");
    stage.run(Command::NextError);
    assert_eq!(stage.selected(), "place");
}

#[test]
fn other_roots_and_the_same_trace_twice_are_said_and_compared() {
    let other = build(3, vec![span(1, 0, 0, "GET /cart", 0, 100)]);
    let screen = Stage::chosen(other, good()).screen();
    sees(&screen, &["different roots: web GET /cart and web POST /pay", "7 new"]);
    let mut same = Stage::chosen(good(), good());
    sees(&same.screen(), &["the same trace twice", "no span is new, gone, slower or faster"]);
    same.run(Command::Order);
    sees(&same.screen(), &["Nothing differs so much that it matters."]);
    let none = build(4, Vec::new());
    sees(&Stage::chosen(none.clone(), none).screen(), &["Neither of the two has a span."]);
}

#[test]
fn asked_for_again_a_trace_that_was_still_written_is_compared_as_it_is_now() {
    let young = build(0xb, vec![span(2, 1, 1, "place", 10, 100)]);
    let mut stage = Stage::chosen(good(), young);
    sees(&stage.screen(), &["1 missing: it may still be written"]);
    assert_eq!(stage.asks_for(), [TraceId(0xa)]);
    stage.run(Command::Refresh);
    assert_eq!(stage.asks_for(), [TraceId(0xb), TraceId(0xa)]);
    stage.tell(THIS, Ok(Response::Trace(bad())));
    stage.work();
    let screen = stage.screen();
    assert!(screen.contains("×5 → ×40") && !screen.contains("missing"), "{screen}");
}

#[test]
fn asked_for_again_selection_and_folds_stay_also_where_spans_came_since() {
    let mut stage = Stage::chosen(good(), bad());
    let again = |stage: &mut Stage, this: Arc<Trace>| {
        stage.run(Command::Refresh);
        stage.tell(THIS, Ok(Response::Trace(this)));
        stage.tell(BASE, Ok(Response::Trace(good())));
        stage.work();
    };
    let late = || build(0xb, spans(40, 30, true).into_iter().chain([span(99, 1, 0, "late", 1, 2)]).collect());
    for command in [Command::Down, Command::Down, Command::Unfold, Command::Down, Command::Down, Command::Down] {
        stage.run(command);
    }
    let (lines, span) = (stage.view.tree.lines().len(), stage.opened(Command::Drill));
    assert_eq!(span, (0xb, 12));
    again(&mut stage, bad());
    assert_eq!((stage.view.tree.lines().len(), stage.opened(Command::Drill)), (lines, span));
    again(&mut stage, late());
    assert_eq!((stage.view.tree.lines().len(), stage.opened(Command::Drill)), (lines + 1, span));
    let mut stage = Stage::chosen(good(), bad());
    stage.run(Command::Down);
    stage.run(Command::Down);
    again(&mut stage, late());
    assert_eq!((stage.opened(Command::Drill), stage.view.tree.is_folded(stage.view.item().unwrap())), ((0xb, 10), true));
    stage.run(Command::Up);
    stage.run(Command::Fold);
    again(&mut stage, bad());
    sees(&stage.screen(), &["▸ orders place"]);
    assert_eq!(stage.selected(), "place");
}

#[test]
fn what_cannot_be_asked_for_again_is_said_and_what_was_compared_stays() {
    let failed = || Err(SourceError::new(Backend::Tempo, ErrorKind::NotFound, "trace is gone"));
    let mut stage = Stage::chosen(good(), bad());
    assert!(!stage.screen().contains("stale"), "{}", stage.screen());
    stage.run(Command::Refresh);
    stage.tell(THIS, failed());
    sees(&stage.screen(), &["this ", "stale", "trace is gone", "×5 → ×40"]);
    assert!(stage.view.next_wake(&look(&stage.shared, &stage.scope, NOW)).is_some(), "its age is told");
    let mut stage = Stage::typical(bad());
    stage.found(vec![hit(0xa, 20, Some(0)), hit(3, 30, Some(0))]);
    stage.tell(BASE, Ok(Response::Trace(good())));
    stage.work();
    stage.tell(BASE, failed());
    sees(&stage.screen(), &["base ", "stale", "trace is gone", "the median of 2 good traces", "×5 → ×40"]);
}

/// Five calls in a row and one more, each of these lengths, failed or not.
fn calls(id: u128, each_ms: i64, last_ms: i64, error: bool) -> Arc<Trace> {
    let mut spans = vec![span(1, 0, 0, "root", 0, 1000), Span { error, ..span(20, 1, 1, "charge", 700, 700 + last_ms) }];
    spans.extend((0..5).map(|i| Span { error, ..span(10 + i, 1, 2, "query", 110 * i as i64, 110 * i as i64 + each_ms) }));
    build(id, spans)
}

#[test]
fn worst_first_errors_are_stepped_over_line_by_line_and_nothing_folds() {
    let mut stage = Stage::chosen(calls(1, 10, 10, false), calls(2, 100, 100, true));
    stage.run(Command::Order);
    stage.run(Command::Top);
    let mut step = || {
        stage.run(Command::NextError);
        stage.selected()
    };
    assert_eq!([step(), step(), step()], ["query", "charge", "query"]);
    let is_told = |acts: Vec<Act>, words: &str| assert!(matches!(&acts[..], [Act::Notice(text)] if text.contains(words)), "{acts:?}");
    let folds = |stage: &Stage| stage.view.facts(&look(&stage.shared, &stage.scope, NOW)).folds;
    assert!(!folds(&stage));
    is_told(stage.run(Command::FoldAll), "worst first has no folds");
    stage.run(Command::Order);
    assert!(folds(&stage));
    let mut same = Stage::chosen(calls(1, 10, 10, false), calls(2, 10, 10, true));
    same.run(Command::Order);
    is_told(same.run(Command::NextError), "about as long as in the base");
}

#[test]
fn logs_of_repeated_spans_are_those_of_all_of_them() {
    let mut stage = Stage::chosen(calls(1, 10, 10, false), calls(2, 100, 100, true));
    while stage.selected() != "query" {
        stage.run(Command::Down);
    }
    let acts = stage.run(Command::Logs);
    let [Act::Push(ViewKind::Logs, scope)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!((scope.trace, scope.span), (Some(TraceId(2)), None));
    let TimeWindow::Fixed(range) = scope.window else { panic!("{scope:?}") };
    let minute = Duration::from_secs(60);
    assert_eq!((range.start + minute, range.end - minute), (Timestamp(START), Timestamp(START + 540 * MS)));
}

#[test]
fn of_a_long_way_to_a_span_its_end_is_told() {
    let chain = |id| build(id, (1..=60).map(|n| span(n, n - 1, 0, &format!("call {n}"), n as i64, 200 - n as i64)).collect());
    let mut stage =
        Stage::new(Seed { trace: TraceId(2), span: Some(SpanId(60)), known: Some(chain(2)), base: Some((TraceId(1), chain(1).range)) });
    stage.tell(BASE, Ok(Response::Trace(chain(1))));
    stage.work();
    let screen = stage.screen();
    let path = screen.lines().find(|line| line.contains("…") && line.contains("▸ web call 60")).unwrap_or_else(|| panic!("{screen}"));
    assert!(path.trim_matches(['│', ' ']).chars().count() > usize::from(SIZE.0) - 6, "as much as there is room for: {screen}");
}

#[test]
fn a_trace_of_100_000_spans_against_a_small_one_is_a_few_lines() {
    let huge = trace(0xc, 100_000, 1, true);
    let mut stage = Stage::chosen(good(), huge);
    sees(&stage.screen(), &["×5 → ×100,000", "99,996 new"]);
    assert!(stage.view.tree.lines().len() < 10);
    stage.run(Command::Down);
    stage.run(Command::Down);
    stage.run(Command::Unfold);
    assert!(stage.view.tree.lines().len() > 100_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_size_is_drawn(w in 1u16..220, h in 1u16..60, commands in prop::collection::vec(0usize..10, 0..12)) {
        const COMMANDS: [Command; 10] = [
            Command::Down, Command::Up, Command::Bottom, Command::PageDown, Command::Fold, Command::Unfold,
            Command::FoldAll, Command::NextError, Command::Order, Command::Top,
        ];
        let mut stage = Stage::chosen(good(), bad());
        for command in commands {
            let look = look(&stage.shared, &stage.scope, NOW);
            with(&look, (w, h), |cx| stage.view.command(cx, COMMANDS[command]));
            draw(&stage.view, &look, w, h);
        }
        draw(&Stage::typical(bad()).view, &look(&stage.shared, &stage.scope, NOW), w, h);
    }
}
