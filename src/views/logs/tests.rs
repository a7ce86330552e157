mod anew;
mod around;
mod asking;
mod builder;
mod counts;
mod detail;
mod elsewhere;
mod failing;
mod fields;
mod files;
mod filtering;
mod follow;
mod gaps;
mod infra;
mod live;
mod moves;
mod older;
mod rows;
mod stacks;
mod told;
mod traces;
mod typed;
mod windows;

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::{
    app::{
        Shared,
        testing::{answer, draw, look, needs, test_shared, with},
    },
    core::request::{Request, Response, Subscription},
    model::{
        backend::{Backend, ErrorKind, SourceError},
        log::{LogEvent, LogLine, NewerLines, Older},
        log_labels::{LogLabels, ServiceLabel},
        time::{TimeRange, TimeWindow},
        trace::{SpanId, TraceId},
    },
    views::Act,
};

const BIG: (u16, u16) = (120, 30);
const START: i64 = 1_700_000_000;
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

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
        text: text.into(),
        level,
        ..LogLine::default()
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

fn of_trace(second: i64) -> LogLine {
    LogLine { trace: TraceId::parse(TRACE), metadata: [("trace_id", TRACE)].into_iter().collect(), ..traced(second, 4) }
}

fn pooled(second: i64, pool: &str) -> LogLine {
    line(second, Level::Error, &format!("timeout acquiring connection pool={pool} wait_ms=80{second}"))
}

fn json(second: i64, text: &str) -> LogLine {
    let metadata = [("user", "ana")].into_iter().collect();
    LogLine { metadata, ..line(second, Level::Info, text) }
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

    fn needs(&self) -> Vec<Subscription> {
        needs(&self.view, &look(&self.shared, &self.scope, now()), self.size.0, self.size.1)
    }

    /// What is asked for a pane.
    fn asked(&self, pane: &str) -> Vec<Request> {
        self.needs().into_iter().filter(|n| n.slot.pane == pane).map(|n| n.request).collect()
    }

    #[track_caller]
    fn answer(&mut self, is: impl Fn(&Subscription) -> bool, result: Result<Response, SourceError>) -> Vec<Act> {
        answer(&mut self.view, &look(&self.shared, &self.scope, now()), self.size, is, result)
    }

    #[track_caller]
    fn answer_pane(&mut self, pane: &str, result: Result<Response, SourceError>) -> Vec<Act> {
        self.answer(|n| n.slot.pane == pane, result)
    }

    #[track_caller]
    fn tell(&mut self, part: u32, event: LogEvent) {
        self.answer(|n| n.slot.pane == "lines" && n.slot.part == part, Ok(Response::Log(vec![event])));
    }

    #[track_caller]
    fn history(&mut self, lines: Vec<LogLine>) {
        self.tell(0, LogEvent::History { lines, reached: Timestamp::ZERO, older: Older::Nothing });
    }

    /// The start of the page of older lines that is asked for.
    fn older_asked(&self) -> Option<Timestamp> {
        self.needs().iter().find_map(|n| if let Request::LogOlder { before, .. } = n.request { Some(before) } else { None })
    }

    #[track_caller]
    fn answer_older(&mut self, result: Result<Vec<LogLine>, SourceError>, older: Older) {
        let reached = |lines: &[LogLine]| lines.first().map_or(Timestamp::ZERO, |l| l.at);
        let result = result.map(|lines| Response::Log(vec![LogEvent::History { reached: reached(&lines), lines, older }]));
        self.answer_pane("older", result);
    }

    /// From where on newer lines are asked for.
    fn newer_asked(&self) -> Option<Timestamp> {
        self.needs().iter().find_map(|n| if let Request::LogNewer { after, .. } = n.request { Some(after) } else { None })
    }

    #[track_caller]
    fn answer_newer(&mut self, result: Result<NewerLines, SourceError>) {
        self.answer_pane("newer", result.map(Response::Newer));
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
        let query = |r: &Request| match r {
            Request::LogStream { query, .. }
            | Request::LogRange { query, .. }
            | Request::LogOlder { query, .. }
            | Request::LogNewer { query, .. } => query.clone(),
            other => panic!("{other:?}"),
        };
        self.needs().iter().map(|n| query(&n.request)).collect()
    }

    /// With one key pressed after the other.
    fn presses(&mut self, commands: &[Command]) -> Vec<Act> {
        commands.iter().flat_map(|c| self.press(*c)).collect()
    }

    /// Goes to a field in the detail.
    #[track_caller]
    fn select(&mut self, field: &str) {
        if !self.view.in_detail {
            self.press(Command::NextPane);
        }
        self.press(Command::Top);
        for _ in 0..200 {
            if self.field().as_deref() == Some(field) {
                return;
            }
            self.press(Command::Down);
        }
        panic!("no field {field} in\n{}", self.screen());
    }

    /// The name of the selected field.
    fn field(&self) -> Option<String> {
        let look = look(&self.shared, &self.scope, now());
        self.view.field(&look, Rect::new(0, 0, self.size.0, self.size.1)).map(|f| f.name)
    }

    fn filters(&self) -> Vec<String> {
        self.view.filters(&look(&self.shared, &self.scope, now()))
    }

    /// The page that a key opened.
    #[track_caller]
    fn opened(&self, acts: &[Act]) -> Self {
        let [Act::Lines(seed, scope)] = acts else { panic!("{acts:?}") };
        Self { view: Logs::seeded((**seed).clone(), scope, now()), shared: shared(), scope: (**scope).clone(), size: self.size }
    }

    /// The seconds of its lines.
    fn seconds(&self) -> Vec<i64> {
        self.view.store.window(0).map(|l| l.id.at.since(Timestamp::from_secs(START)).as_secs() as i64).collect()
    }
}

fn numbered(range: std::ops::Range<i64>) -> Vec<LogLine> {
    range.map(|i| line(i, if i % 10 == 0 { Level::Error } else { Level::Info }, &format!("number {i}"))).collect()
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
