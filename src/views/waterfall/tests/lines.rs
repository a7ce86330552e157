//! Which lines of the logs are shown, and what is said of those that are not.

use super::{detail::line, *};
use crate::{
    core::request::Subscription,
    model::{
        log::{Gap, Limit, LogEvent, LogLine, Older},
        log_labels::{LogLabels, ServiceLabel},
        time::TimeRange,
    },
};

struct Page {
    view: Waterfall,
    scope: Scope,
    shared: crate::app::Shared,
}

/// The page of a trace with its lines asked for.
fn page() -> Page {
    let scope = scope(None);
    let mut shared = test_shared();
    let service = ServiceLabel::new("app", vec!["orders".into(), "inventory".into()], &Arc::default());
    shared.log_labels.settle(Timestamp::ZERO, Ok(Arc::new(LogLabels::new(vec![service], Vec::new()))));
    let (mut view, _) = answered(&scope, BIG, Ok(checkout()));
    with(&look(&shared, &scope, now()), BIG, |cx| view.command(cx, Command::TraceLines));
    Page { view, scope, shared }
}

impl Page {
    fn asks(&self) -> bool {
        let asked = needs(&self.view, &look(&self.shared, &self.scope, now()), BIG.0, BIG.1);
        asked.iter().any(|need| matches!(need.request, Request::LogStream { .. }))
    }

    /// The stream tells something.
    fn told(&mut self, events: Vec<LogEvent>) {
        let answer = |need: &Subscription| matches!(need.request, Request::LogStream { .. }).then(|| Ok(Response::Log(events.clone())));
        crate::app::testing::feed(&mut self.view, &look(&self.shared, &self.scope, now()), BIG, answer);
    }

    fn summary(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, now()), 200, 30).lines().next().unwrap().to_owned()
    }
}

fn history(lines: Vec<LogLine>, older: Older) -> LogEvent {
    LogEvent::History { lines, reached: Timestamp(START), older }
}

/// So many lines, one a millisecond.
fn lines(range: std::ops::Range<i64>) -> Vec<LogLine> {
    range.map(|ms| line(ms, "orders", None, &format!("line {ms}"))).collect()
}

#[test]
fn of_too_many_the_newest_are_shown_and_no_older_ones_are_read() {
    let mut page = page();
    page.told(vec![history(lines(2000..3000), Older::Coming)]);
    assert!(page.summary().contains("1,000 log lines so far") && page.asks(), "{}", page.summary());
    page.told(vec![history(lines(900..2000), Older::Coming)]);
    assert!(page.summary().contains("the newest 2,000 log lines, from +1.00 s"), "{}", page.summary());
    assert!(!page.asks());
    assert_eq!((page.view.lines.line(0).unwrap().at.0 - START) / MS, 1000, "without a hole");
}

#[test]
fn what_is_missing_is_said() {
    let said = |event: LogEvent, more: Option<LogEvent>| {
        let mut page = page();
        page.told(std::iter::once(event).chain(more).collect());
        page.summary()
    };
    let three = || lines(10..13);
    assert!(said(history(three(), Older::Nothing), None).contains("3 log lines"));
    let text = said(history(three(), Older::Left(Timestamp(START + 10 * MS))), None);
    assert!(text.contains("3 log lines, those before +10 ms are not read"), "{text}");
    let gap = Gap { range: TimeRange { start: Timestamp(START), end: Timestamp(START + MS) }, reason: "Loki timed out".to_owned() };
    let text = said(history(three(), Older::Nothing), Some(LogEvent::Gap(gap)));
    assert!(text.contains("3 log lines, some are missing: Loki timed out"), "{text}");
    let limit = Limit::Lookback(std::time::Duration::from_secs(3600));
    let text = said(history(Vec::new(), Older::Withheld(limit)), None);
    assert!(text.contains("0 log lines, Loki looks back 1h"), "{text}");
    let text = said(history(Vec::new(), Older::Nothing), Some(LogEvent::Limited(limit)));
    assert!(text.contains("no log line names this trace"), "it looks back far enough: {text}");
}

#[test]
fn a_line_that_names_no_span_is_below_the_one_of_its_service_that_was_at_work() {
    let mut page = page();
    page.told(vec![history(vec![line(10, "inventory", None, "reserved"), line(8400, "inventory", None, "released")], Older::Coming)]);
    page.told(vec![history(lines(11..12), Older::Nothing)]);
    let of = |page: &Page, number| page.view.trace().unwrap().nodes[page.view.lines.span_of(number).unwrap() as usize].id.0;
    assert_eq!((of(&page, 0), of(&page, 2)), (2, 5), "the span of its service that was at work then");
}

#[test]
fn a_fold_that_hides_lines_alone_counts_them_and_stays_when_the_trace_comes_again() {
    let mut page = page();
    let named = |ms| line(ms, "inventory", Some(2), "reserved");
    page.told(vec![history(vec![named(10), named(11)], Older::Nothing)]);
    let told = |page: &Page| {
        let text = draw(&page.view, &look(&page.shared, &page.scope, now()), 200, 30);
        let row = text.lines().find(|row| row.contains("reserve ")).unwrap().to_owned();
        (row.contains("+2"), row.contains("+0"), text.contains("reserved"))
    };
    let leaf = page.view.trace().unwrap().find(SpanId(2)).unwrap();
    with(&look(&page.shared, &page.scope, now()), BIG, |cx| page.view.select(leaf, cx.area));
    assert_eq!(told(&page), (false, false, true));
    let press = |page: &mut Page, command| _ = with(&look(&page.shared, &page.scope, now()), BIG, |cx| page.view.command(cx, command));
    press(&mut page, Command::Fold);
    assert_eq!(told(&page), (true, false, false));
    press(&mut page, Command::CorrectClocks);
    assert_eq!(told(&page), (true, false, false), "other clocks");
    let again = |need: &Subscription| (need.slot.pane == "trace").then(|| Ok(Response::Trace(checkout())));
    crate::app::testing::feed(&mut page.view, &look(&page.shared, &page.scope, now()), BIG, again);
    assert_eq!(told(&page), (true, false, false), "the trace anew");
    press(&mut page, Command::TraceLines);
    assert_eq!(told(&page), (false, false, false), "nothing is below it");
}
