use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Shared,
        testing::{answer, draw, look, needs, sees, test_shared, type_text, with},
    },
    core::{request::Response, scope::Scope},
    model::{
        time::TimeWindow,
        trace::{Resource, Span, SpanId, Spans, TraceId},
        trace_source::{Abilities, TraceOrigin},
    },
    trace::{Trace, structure},
    views::Act,
};

const START: i64 = 1_700_000_000_000_000_000;
const MS: i64 = 1_000_000;
const NOW: Timestamp = Timestamp(START + 60_000 * MS);
const SIZE: (u16, u16) = (120, 30);

fn hit(id: u128) -> TraceHit {
    TraceHit {
        trace: TraceId(id),
        root_service: Some("web".into()),
        root_name: Some("GET /".into()),
        start: Timestamp(START + id as i64 * MS),
        duration_ns: 100 * MS,
        span_count: None,
        error_count: None,
        matched: 1,
        spans: Vec::new(),
    }
}

/// web calls db so often, the last call fails.
fn trace(id: u128, calls: u64) -> Trace {
    let span = |id: u64, parent: u64, resource, name: &str, from: i64, to: i64| Span {
        id: SpanId(id),
        parent: (parent > 0).then_some(SpanId(parent)),
        resource,
        name: name.into(),
        start: Timestamp(START + from * MS),
        end: Timestamp(START + to * MS),
        ..Span::default()
    };
    let mut spans = vec![span(1, 0, 0, "GET /", 0, 100)];
    spans.extend((0..calls).map(|i| Span { error: i + 1 == calls, ..span(10 + i, 1, 1, "query", i as i64 * 10, i as i64 * 10 + 10) }));
    let resources = ["web", "db"].map(|service| Resource { service: service.into(), ..Resource::default() }).to_vec();
    Trace::build(Spans { trace: TraceId(id), resources, spans, partial: None })
}

/// Another service that asks the same database.
fn query_from(service: &str) -> Spans {
    let resources = [service, "db"].map(|service| Resource { service: service.into(), ..Resource::default() }).to_vec();
    let span = |id: u64, parent, resource, name: &str| Span { id: SpanId(id), parent, resource, name: name.into(), ..Span::default() };
    let spans = vec![span(1, None, 0, "checkout"), span(2, Some(SpanId(1)), 1, "query")];
    Spans { trace: TraceId(0), resources, spans, partial: None }
}

fn news(traces: &[Trace], failed: &[u128], is_done: bool) -> StructureNews {
    let mut all = structure::Structure::default();
    traces.iter().for_each(|trace| all.add(trace));
    let failed = failed.iter().map(|id| (TraceId(*id), "no trace of this id".to_owned())).collect();
    StructureNews { rows: Arc::new(all.rows()), traces: Arc::new(all.traces().to_vec()), failed: Arc::new(failed), is_done }
}

struct Stage {
    shared: Shared,
    scope: Scope,
    view: Structure,
}

impl Stage {
    fn new(hits: Vec<TraceHit>) -> Self {
        let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600)));
        Self { shared: test_shared(), scope, view: Structure::seeded(Seed { hits, query: "{ status=error }".to_owned() }) }
    }

    fn tell(&mut self, news: StructureNews) {
        let look = look(&self.shared, &self.scope, NOW);
        answer(&mut self.view, &look, SIZE, |need| need.slot.pane == MERGED, Ok(Response::Structure(news)));
    }

    fn asked(&self) -> Vec<Request> {
        needs(&self.view, &look(&self.shared, &self.scope, NOW), SIZE.0, SIZE.1).into_iter().map(|need| need.request).collect()
    }

    fn run(&mut self, command: Command) -> (bool, Vec<Act>) {
        let look = look(&self.shared, &self.scope, NOW);
        with(&look, SIZE, |cx| self.view.command(cx, command))
    }

    /// Types after `/`.
    fn find(&mut self, text: &str) {
        self.run(Command::Filter);
        self.type_text(text);
    }

    fn type_text(&mut self, text: &str) {
        type_text(&mut self.view, &look(&self.shared, &self.scope, NOW), SIZE, text);
    }

    fn typed(&self) -> String {
        self.view.prompt().map(|prompt| prompt.line(120).text).unwrap_or_default()
    }

    /// The selected row's service and name.
    fn selected(&self) -> String {
        let row = &self.view.rows()[self.view.row().unwrap() as usize];
        row.operation.as_ref().map_or_else(String::new, |o| format!("{} {}", o.service, o.name))
    }

    fn screen(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, NOW), SIZE.0, SIZE.1)
    }
}

#[test]
fn without_traceql_the_hits_are_looked_for_in_plain_words() {
    let mut stage = Stage::new(Vec::new());
    stage.shared.traces.settle(NOW, Ok(Arc::new(Abilities::none(TraceOrigin::Jaeger))));
    stage.view = Structure::new(Some("{ resource.service.name=\"web\" && status=error }"));
    let asked = stage.asked();
    let [Request::Search { query, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(query.plain.as_ref().map(ToString::to_string).as_deref(), Some("service=web error"));
    sees(&stage.screen(), &["service=web error"]);
    assert!(stage.view.wants().traces, "it is known by then, whichever page was opened first");
}

#[test]
fn many_traces_are_one_tree_with_counts_errors_quantiles_and_shares() {
    let mut stage = Stage::new((1..=3).map(hit).collect());
    stage.tell(news(&[trace(1, 4), trace(2, 2)], &[3], true));
    let screen = stage.screen();
    sees(&screen, &["2 of 3 traces merged", "1 not read: no trace of this id ── R tries again", "{ status=error }"]);
    let row = |word: &str| screen.lines().find(|l| l.contains(word)).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(row("web GET /").contains("2 2 – 100 ms 100 ms 70.0 %"), "{screen}");
    assert!(row("db query").contains("6 2 33.3 % 10 ms 10 ms 30.0 %"), "{screen}");
}

#[test]
fn of_many_hits_the_newest_few_are_looked_up_and_that_is_said() {
    let stage = Stage::new((1..=10_000).map(hit).collect());
    let [Request::Structure(job)] = &stage.asked()[..] else { panic!() };
    assert_eq!((job.traces.len(), job.traces[0]), (FIRST, (TraceId(10_000), hit(10_000).range())));
    sees(&stage.screen(), &["0 of 50 merged, the newest of 10,000 hits", "reading"]);
    assert!(!stage.screen().contains("more"), "not before these are merged: {}", stage.screen());
    let none = Stage::new(Vec::new());
    sees(&none.screen(), &["No traces were found to be merged."]);
}

#[test]
fn more_of_the_hits_are_looked_up_on_a_key_up_to_all_and_those_that_are_merged_stay() {
    let mut stage = Stage::new((1..=130).map(hit).collect());
    stage.tell(news(&[trace(1, 4)], &[], true));
    sees(&stage.screen(), &["1 of 50 merged, the newest of 130 hits ── M looks up 50 more"]);
    stage.run(Command::More);
    let asked = |stage: &Stage| if let [Request::Structure(job)] = &stage.asked()[..] { job.traces.len() } else { 0 };
    assert_eq!(asked(&stage), 100);
    sees(&stage.screen(), &["1 of 100 merged, the newest of 130 hits ── reading", "db query"]);
    assert!(stage.view.facts(&look(&stage.shared, &stage.scope, NOW)).no_more.is_some(), "they are still looked up");
    stage.tell(news(&[trace(1, 4)], &[], true));
    sees(&stage.screen(), &["M looks up 30 more"]);
    stage.run(Command::More);
    stage.tell(news(&[trace(1, 4)], &[], true));
    assert_eq!(asked(&stage), 130);
    assert_eq!(stage.view.facts(&look(&stage.shared, &stage.scope, NOW)).no_more, Some("all hits are looked up"));
    assert!(!stage.screen().contains("looks up"), "{}", stage.screen());
}

#[test]
fn esc_stops_and_keeps_what_is_merged_and_then_leads_back() {
    let mut stage = Stage::new((1..=3).map(hit).collect());
    stage.tell(news(&[trace(1, 4)], &[], false));
    assert!(stage.run(Command::Back).0);
    assert_eq!(stage.asked(), []);
    sees(&stage.screen(), &["1 of 3 traces merged", "stopped", "db query"]);
    assert!(!stage.run(Command::Back).0, "now it leads back");
    stage.run(Command::Refresh);
    assert_eq!(stage.asked().len(), 1);
}

#[test]
fn enter_lists_the_traces_behind_a_row_and_opens_one_at_its_worst_span() {
    let mut stage = Stage::new((1..=2).map(hit).collect());
    stage.tell(news(&[trace(1, 4), trace(2, 2)], &[], true));
    stage.run(Command::Down);
    stage.run(Command::Drill);
    sees(&stage.screen(), &["db · query ── 2 traces", "SPANS HERE", "GET /"]);
    stage.run(Command::Down);
    let acts = stage.run(Command::Drill).1;
    let [Act::Push(ViewKind::Waterfall, scope)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!((scope.trace, scope.span), (Some(TraceId(2)), Some(SpanId(11))), "the one that failed");
    assert_eq!(scope.trace_near, Some(hit(2).range()));
    let acts = stage.run(Command::CompareTraces).1;
    let [Act::Compare(seed, scope)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!((seed.trace, seed.base, scope.trace_near), (TraceId(2), None, Some(hit(2).range())));
    assert!(stage.run(Command::Back).0);
    sees(&stage.screen(), &["web GET /"]);
}

#[test]
fn what_is_typed_is_found_within_folds_and_walked_and_goes_on_while_traces_come() {
    let mut stage = Stage::new((1..=2).map(hit).collect());
    stage.tell(news(&[trace(1, 4)], &[], false));
    stage.run(Command::Fold);
    stage.find("query");
    assert!(stage.typed().ends_with("1 of 2 rows"), "{}", stage.typed());
    assert_eq!(stage.selected(), "web GET /", "half a word unfolds nothing: what hides it is selected");
    assert!(stage.view.is_dimmed(0) && !stage.view.is_dimmed(1));
    stage.type_text("\r");
    assert_eq!(stage.selected(), "db query");
    sees(&stage.screen(), &["/query 1 of 2 rows"]);
    let long = Span { id: SpanId(1), name: "nightly".into(), end: Timestamp(START), ..Span::default() };
    let first = Trace::build(Spans { trace: TraceId(3), spans: vec![long], ..query_from("batch") });
    stage.tell(news(&[trace(1, 4), first], &[], false));
    sees(&stage.screen(), &["/query 1 of 3 rows"]);
    assert!(stage.view.is_dimmed(1) && !stage.view.is_dimmed(2), "rows have other numbers now");
    let other = Trace::build(Spans { trace: TraceId(2), ..query_from("cart") });
    stage.tell(news(&[trace(1, 4), other], &[], true));
    sees(&stage.screen(), &["/query 2 of 4 rows"]);
    let (_, acts) = stage.run(Command::NextMatch);
    assert!(matches!(&acts[..], [Act::Notice(text)] if text == "match 2 of 2"), "{acts:?}");
    stage.run(Command::PreviousMatch);
    assert_eq!(stage.selected(), "db query");
    assert!(stage.run(Command::Back).0, "ends the search");
    assert!(!stage.view.is_dimmed(0));
    assert!(!stage.run(Command::Back).0, "leads back");
}

#[test]
fn the_traces_behind_a_row_are_filtered_as_the_hits_are() {
    let other = TraceHit { root_name: Some("POST /pay".into()), ..hit(2) };
    let mut stage = Stage::new(vec![hit(1), other]);
    stage.tell(news(&[trace(1, 4), trace(2, 2)], &[], true));
    stage.run(Command::Drill);
    stage.find("pay");
    stage.type_text("\r");
    let screen = stage.screen();
    sees(&screen, &["web · GET / ── 1 of 2 traces ── /pay", "POST /pay", "1 of 1"]);
    let acts = stage.run(Command::Drill).1;
    assert!(matches!(&acts[..], [Act::Push(_, scope)] if scope.trace == Some(TraceId(2))), "{acts:?}");
    stage.find("ment");
    sees(&stage.screen(), &["None of 2 traces passes the filter."]);
    stage.type_text("\r");
    assert!(stage.run(Command::Back).0, "removes the filter");
    sees(&stage.screen(), &["GET / ── 2 traces", "POST /pay"]);
    assert!(stage.run(Command::Back).0, "leads to the tree");
    sees(&stage.screen(), &["db query"]);
}

#[test]
fn a_list_that_a_click_opens_while_a_search_is_typed_takes_the_keys() {
    let mut stage = Stage::new((1..=2).map(hit).collect());
    stage.tell(news(&[trace(1, 4), trace(2, 2)], &[], true));
    stage.find("db");
    stage.run(Command::Drill);
    assert!(!stage.view.is_typing());
    stage.find("pay");
    stage.type_text("\x1b");
    assert!(stage.run(Command::Back).0, "back to the search as it was typed");
    assert!(stage.view.is_typing() && stage.typed().contains("/db"), "{}", stage.typed());
}

#[test]
fn in_the_list_behind_a_row_more_are_looked_up_as_in_the_tree() {
    let mut stage = Stage::new((1..=130).map(hit).collect());
    stage.tell(news(&[trace(1, 4)], &[], false));
    stage.run(Command::Back);
    stage.run(Command::Drill);
    stage.run(Command::Refresh);
    assert!(matches!(&stage.asked()[..], [Request::Structure(_)]), "it was stopped and goes on");
    stage.tell(news(&[trace(1, 4)], &[], true));
    assert!(stage.run(Command::More).0);
    assert!(matches!(&stage.asked()[..], [Request::Structure(job)] if job.traces.len() == 100));
    stage.tell(news(&[trace(1, 4), trace(2, 2)], &[], true));
    sees(&stage.screen(), &["GET / ── 2 traces"]);
}

#[test]
fn the_selection_and_the_folds_stay_while_more_traces_come() {
    let mut stage = Stage::new((1..=2).map(hit).collect());
    stage.tell(news(&[trace(1, 1)], &[], false));
    stage.run(Command::Fold);
    assert!(stage.screen().contains("web GET / +1"), "{}", stage.screen());
    stage.tell(news(&[trace(1, 1), trace(2, 2)], &[], false));
    assert!(stage.screen().contains("web GET / +1"), "{}", stage.screen());
    stage.run(Command::Unfold);
    stage.run(Command::Down);
    stage.tell(news(&[trace(1, 1), trace(2, 2), trace(3, 9)], &[], true));
    stage.run(Command::Drill);
    sees(&stage.screen(), &["db · query ── 3 traces"]);
}

#[test]
fn without_hits_the_query_is_asked() {
    let mut stage = Stage::new(Vec::new());
    stage.view = Structure::new(Some("{ name=\"x\" }"));
    let [Request::Search { query, .. }] = &stage.asked()[..] else { panic!("{:?}", stage.asked()) };
    assert_eq!(query.traceql, "{ name=\"x\" }");
    let hits = TraceHits { hits: vec![hit(1)], newest: true, part: None };
    answer(&mut stage.view, &look(&stage.shared, &stage.scope, NOW), SIZE, |_| true, Ok(Response::Hits(hits)));
    assert!(matches!(&stage.asked()[..], [Request::Structure(job)] if job.traces == [(TraceId(1), hit(1).range())]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_size_is_drawn(w in 1u16..220, h in 1u16..60, commands in prop::collection::vec(0usize..8, 0..12)) {
        const COMMANDS: [Command; 8] = [
            Command::Down, Command::Up, Command::Fold, Command::Unfold, Command::FoldAll, Command::NextError, Command::Drill, Command::Back,
        ];
        let mut stage = Stage::new((1..=2).map(hit).collect());
        stage.tell(news(&[trace(1, 4), trace(2, 2)], &[3], true));
        for command in commands {
            let look = look(&stage.shared, &stage.scope, NOW);
            with(&look, (w, h), |cx| stage.view.command(cx, COMMANDS[command]));
            draw(&stage.view, &look, w, h);
        }
    }
}

/// A trace of another service that takes longer than the others, so that it stands before them.
fn longer(id: u128) -> Trace {
    let long =
        Span { id: SpanId(1), name: "nightly".into(), start: Timestamp(START), end: Timestamp(START + 9_000 * MS), ..Span::default() };
    Trace::build(Spans { trace: TraceId(id), spans: vec![long], ..query_from("batch") })
}

#[test]
fn while_traces_come_the_selection_is_at_the_top_until_the_user_moves_it() {
    let mut stage = Stage::new((1..=3).map(hit).collect());
    stage.tell(news(&[trace(1, 2)], &[], false));
    assert_eq!(stage.selected(), "web GET /");
    stage.tell(news(&[trace(1, 2), longer(2)], &[], false));
    assert_eq!((stage.selected().as_str(), stage.view.list.selected), ("batch nightly", 0), "{}", stage.screen());
    for moves in [&[Command::Down][..], &[Command::Down, Command::Up], &[Command::Drill, Command::Back], &[Command::Fold]] {
        let mut stage = Stage::new((1..=3).map(hit).collect());
        stage.tell(news(&[trace(1, 2)], &[], false));
        moves.iter().for_each(|command| drop(stage.run(*command)));
        let chosen = stage.selected();
        stage.tell(news(&[trace(1, 2), longer(2)], &[], false));
        assert_eq!(stage.selected(), chosen, "{moves:?}");
    }
    let mut stage = Stage::new((1..=3).map(hit).collect());
    stage.tell(news(&[trace(1, 2)], &[], false));
    stage.run(Command::Bottom);
    stage.run(Command::Top);
    stage.tell(news(&[trace(1, 2), longer(2)], &[], false));
    assert_eq!(stage.selected(), "batch nightly", "back at the top");
}

#[test]
fn a_search_that_found_nothing_says_so() {
    let mut stage = Stage::new((1..=2).map(hit).collect());
    stage.tell(news(&[trace(1, 4)], &[], true));
    stage.find("kafka");
    stage.type_text("\r");
    assert!(stage.view.facts(&look(&stage.shared, &stage.scope, NOW)).searched);
    for command in [Command::NextMatch, Command::PreviousMatch] {
        let (_, acts) = stage.run(command);
        assert!(matches!(&acts[..], [Act::Notice(text)] if text == "nothing was found for /kafka"), "{acts:?}");
    }
}

#[test]
fn the_next_error_is_unfolded() {
    let mut stage = Stage::new((1..=2).map(hit).collect());
    stage.tell(news(&[trace(1, 4)], &[], true));
    stage.run(Command::Fold);
    stage.run(Command::NextError);
    assert_eq!(stage.selected(), "db query");
}
