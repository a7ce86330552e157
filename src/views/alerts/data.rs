//! What the page asks, and what was answered.

use std::{collections::BTreeMap, time::Duration};

use ratatui::layout::Rect;

use super::{exprs::Exprs, matched::Matched, storm::Calls};
use crate::{
    app::expect,
    core::{
        command::Command,
        request::{Answer, Refresh, Request, pick, step},
        slot::Slot,
    },
    model::{
        alert::{Alert, Engine},
        alert_book::{self, AlertBook, AlertmanagerAlerts, PrometheusAlerts, Told},
        backend::{Backend, ErrorKind, SourceError},
        labels::{MatchOp, Matcher, selector},
        series::{Matrix, Vector},
        time::{TimeWindow, Timestamp},
    },
    ui::format,
    views::{
        Look, Needs,
        cost::{self, Cost, Verdict, WAITS, readings},
        part_of,
    },
};

/// The slot of the size of an expression.
const SIZE: &str = "expression size";

/// The trend beside an alert, and how long a resolved one is shown.
pub(super) const HOUR: Duration = Duration::from_secs(3600);
/// The strip of a day.
pub(super) const DAY: Duration = Duration::from_secs(86_400);
/// How far apart its samples are: the last one may be this old.
pub(super) const DAY_STEP: Duration = Duration::from_secs(600);
/// Cells of the trend.
pub(super) const TREND: u16 = 20;
/// Rules whose trend is asked for at once.
pub(super) const MAX_TRENDS: usize = 12;
/// The finest resolution asked for: rules are evaluated no more often.
const MIN_STEP: Duration = Duration::from_secs(15);

/// The same of lines: each point reads those of its whole range anew.
const MIN_LOG_STEP: Duration = Duration::from_secs(60);

/// Alerts that fired within the hour and do no more, each with the instant of its last sample.
pub const FIRED: &str = r#"max_over_time(timestamp(ALERTS{alertstate="firing"})[1h:30s]) unless ALERTS{alertstate="firing"}"#;

/// The answers.
#[derive(Default)]
pub(super) struct Data {
    pub(super) prometheus: Slot<PrometheusAlerts>,
    pub(super) alertmanager: Slot<AlertmanagerAlerts>,
    ruler: Slot<PrometheusAlerts>,
    fired: Slot<Vector>,
    pub(super) calls: Calls,
    /// Trends by the expression that is drawn.
    pub(super) trends: BTreeMap<String, Slot<Matched>>,
    /// The selected alert's expression, or its value's side.
    pub(super) expression: Slot<Matched>,
    /// The threshold's side, where it is an expression too.
    pub(super) limit: Slot<Matched>,
    /// When the selected alert was pending and firing within the day.
    pub(super) day: Slot<Matrix>,
    /// The queries of these three.
    drawn: Drawn,
    /// What an expression of Loki's ruler reads.
    cost: Cost,
}

/// What is asked for the selected alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Drawn {
    value: Option<String>,
    limit: Option<String>,
    day: Option<String>,
    /// Who is asked for the first two.
    engine: Engine,
}

/// What an answer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that is seen.
    Nothing,
    /// What is drawn beside the alerts.
    Picture,
    /// The alerts.
    Alerts,
    /// Where a storm of them comes from.
    Origins,
}

impl Drawn {
    pub(super) fn of(alert: Option<&Alert>, exprs: &Exprs) -> Self {
        let Some(alert) = alert else { return Self::default() };
        let (value, limit) = exprs.queries(alert);
        let engine = alert.rule.as_ref().map(|r| r.engine).unwrap_or_default();
        Self { value, limit, day: alert.rule.is_some().then(|| day_query(alert)), engine }
    }
}

/// The highest `ALERTS` had in each cell of the strip, apart by state.
fn day_query(alert: &Alert) -> String {
    let matchers: Vec<Matcher> =
        [("__name__", "ALERTS")].into_iter().chain(alert.labels.iter()).map(|(n, v)| Matcher::new(n, MatchOp::Equal, v)).collect();
    format!("max by (alertstate) (max_over_time({}[{}]))", selector(&matchers), format::span(DAY_STEP))
}

fn is_absent(error: &SourceError) -> bool {
    error.kind == ErrorKind::NotConfigured
}

impl Data {
    /// What is known of alerts now; `None` while nobody has told any.
    pub(super) fn book(&self, before: Option<&AlertBook>, look: &Look<'_>) -> Option<AlertBook> {
        (self.prometheus.value().is_some() || self.alertmanager.value().is_some() || self.has_ruler()).then(|| {
            alert_book::merge(&Told {
                prometheus: self.prometheus.value(),
                alertmanager: self.alertmanager.value(),
                ruler: (self.ruler.value(), self.ruler.failed_since()),
                fired: self.fired.value().map_or(&[], |v| &v.elements),
                unanswered: self.unanswered(),
                before,
                severities: Some(&look.shared.settings.severities),
                now: look.now,
            })
        })
    }

    /// Whether Loki told rules: most have none, and then its failures say nothing of alerts.
    fn has_ruler(&self) -> bool {
        self.ruler.value().is_some_and(|told| !told.rules.is_empty())
    }

    /// Since when Prometheus and Alertmanager, which did tell something, do not answer.
    fn unanswered(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.prometheus.failed_since(), self.alertmanager.failed_since())
    }

    /// Whether the page waits for one of both, or the last answer was a failure: doubts grow with time.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.unanswered() != (None, None) || self.ruler.is_stale() || self.alertmanager.value().is_some_and(|a| a.failed().next().is_some())
    }

    /// Who of both has not answered yet, neither well nor badly.
    pub(super) fn waits_for(&self) -> impl Iterator<Item = Backend> {
        let waiting = [(self.prometheus.is_waiting(), Backend::Prometheus), (self.alertmanager.is_waiting(), Backend::Alertmanager)];
        waiting.into_iter().filter(|(is, _)| *is).map(|(_, backend)| backend)
    }

    /// Which of both there is none of in this environment.
    pub(super) fn absent(&self) -> Option<Backend> {
        let told = [(self.prometheus.error(), Backend::Prometheus), (self.alertmanager.error(), Backend::Alertmanager)];
        told.into_iter().find(|(error, _)| error.is_some_and(is_absent)).map(|(_, backend)| backend)
    }

    /// Whom the last question got no answer from, and why. Where there is none of one of both, the other tells all there is.
    pub(super) fn errors(&self) -> impl Iterator<Item = &SourceError> {
        let of_several = self.alertmanager.value().into_iter().flat_map(|a| a.failed().map(|(_, error)| error));
        // What none of them answers is told by the whole.
        let whole = self.alertmanager.error();
        self.prometheus
            .error()
            .into_iter()
            .chain(whole)
            .chain(of_several.filter(move |_| whole.is_none()))
            .chain(self.ruler.error().filter(|_| self.has_ruler()))
            .filter(|error| !is_absent(error))
    }

    /// Another alert is selected: what is drawn of the last one is no longer true, unless the same is asked for this one.
    pub(super) fn forget_other(&mut self, now: Drawn) {
        // What is still asked for is still answered: it must not be forgotten.
        if self.drawn.value != now.value {
            self.expression.clear();
        }
        if self.drawn.limit != now.limit {
            self.limit.clear();
        }
        if self.drawn.day != now.day {
            self.day.clear();
        }
        self.drawn = now;
    }

    /// The window is another one.
    pub(super) fn rescoped(&mut self) {
        self.expression.clear();
        self.limit.clear();
    }

    /// What tells the alerts, and in a storm where they come from.
    pub(super) fn ask_alerts(&self, look: &Look<'_>, storm: Option<Timestamp>, needs: &mut Needs<'_>) {
        let seldom = look.shared.refresh_slow();
        let alerts = Refresh::Every(look.shared.settings.refresh_alerts);
        needs.ask("prometheus", 0, Request::PrometheusAlerts, alerts);
        needs.ask("alertmanager", 0, Request::AlertmanagerAlerts, alerts);
        needs.ask("ruler", 0, Request::RulerAlerts, Refresh::Every(look.shared.settings.refresh_slow));
        needs.ask("resolved", 0, Request::Instant { query: FIRED.to_owned(), window: TimeWindow::Last(HOUR) }, seldom);
        if let Some(before) = storm {
            let questions = self.calls.questions(before, TimeWindow::Last(HOUR));
            for (part, request) in (0..).zip(questions) {
                needs.ask("calls", part, request, seldom);
            }
        }
    }

    /// The trends of these expressions.
    pub(super) fn ask_trends(look: &Look<'_>, queries: Vec<String>, needs: &mut Needs<'_>) {
        let step = step(HOUR, TREND, MIN_STEP);
        for query in queries {
            let part = part_of(&query);
            needs.ask("trend", part, Request::Range { query, window: TimeWindow::Last(HOUR), step }, look.shared.refresh_slow());
        }
    }

    /// What is drawn of the selected alert.
    pub(super) fn ask_expression(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        let (window, seldom) = (look.scope.window, look.shared.refresh_slow());
        let step = |finest| step(look.range().duration(), area.width.saturating_sub(8), finest);
        match (self.drawn.value.clone(), self.drawn.engine) {
            (None, _) => {}
            (Some(query), Engine::Prometheus) => {
                needs.ask("expression", 0, Request::Range { query, window, step: step(MIN_STEP) }, look.shared.refresh());
            }
            (Some(query), Engine::Loki) => {
                let verdict = self.cost.ask_sizes(look, &readings([query.as_str()], window), (SIZE, 0), needs);
                if verdict.may_read() {
                    let size = if let Verdict::Quick(Some(size)) = verdict { size } else { 0 };
                    let limit = look.shared.settings.ask_above.unwrap_or(u64::MAX);
                    let every = cost::seldom(look.shared.settings.refresh_slow, size, limit);
                    needs.ask("expression", 0, Request::LogRange { query, window, step: step(MIN_LOG_STEP) }, Refresh::Every(every));
                }
            }
        }
        if let Some(query) = self.drawn.limit.clone() {
            needs.ask("threshold", 0, Request::Range { query, window, step: step(MIN_STEP) }, seldom);
        }
        if let Some(query) = self.drawn.day.clone() {
            needs.ask("day", 0, Request::Range { query, window: TimeWindow::Last(DAY), step: DAY_STEP }, seldom);
        }
    }

    /// Why the expression of lines is not drawn: how much it would read is not known yet, or is too much.
    pub(super) fn held_back(&self, look: &Look<'_>) -> Option<Vec<String>> {
        let query = self.drawn.value.as_deref().filter(|_| self.drawn.engine == Engine::Loki)?;
        match self.cost.verdict(look, &readings([query], look.scope.window)) {
            Verdict::Waits => Some(vec![WAITS.to_owned()]),
            Verdict::Asks(size) => {
                let [size, limit] = [size, look.shared.settings.ask_above.unwrap_or_default()].map(|bytes| format::bytes(bytes as f64));
                let key = |command| look.shared.keymap.key(command).unwrap_or_default();
                let over = format::span(look.range().duration());
                Some(vec![
                    format!("Not drawn: Loki would read {size} over {over}, more than {limit} (ask_above)."),
                    format!("{} a shorter window   {} asks as a query", key(Command::ZoomIn), key(Command::EditQuery)),
                ])
            }
            Verdict::Free | Verdict::Quick(_) | Verdict::Unknown => None,
        }
    }

    /// Takes an answer.
    pub(super) fn take(&mut self, answer: Answer) -> Change {
        let matrix = pick!(Matrix);
        let matched = |r| matrix(r).map(Matched::from);
        let vector = pick!(Vector);
        let then = |changed: bool, change| if changed { change } else { Change::Nothing };
        let (at, result) = (answer.asked, answer.result);
        match answer.slot.pane {
            "prometheus" => {
                let told = pick!(PrometheusAlerts);
                then(self.prometheus.settle(at, expect(result, told)), Change::Alerts)
            }
            "alertmanager" => {
                let told = pick!(AlertmanagerAlerts);
                then(self.alertmanager.settle(at, expect(result, told)), Change::Alerts)
            }
            "ruler" => {
                let told = pick!(PrometheusAlerts);
                then(self.ruler.settle(at, expect(result, told)), Change::Alerts)
            }
            "resolved" => then(self.fired.settle(at, expect(result, vector)), Change::Alerts),
            "calls" => {
                let slot = match answer.slot.part {
                    0 => &mut self.calls.failed,
                    1 => &mut self.calls.now,
                    _ => &mut self.calls.before,
                };
                then(slot.settle(at, expect(result, vector)), Change::Origins)
            }
            "trend" => {
                let Request::Range { query, .. } = answer.request.as_ref() else { return Change::Nothing };
                // Rules come and go; what is no longer asked for is dropped before it adds up.
                if self.trends.len() > 4 * MAX_TRENDS && !self.trends.contains_key(query) {
                    self.trends.clear();
                }
                then(self.trends.entry(query.clone()).or_default().settle(at, expect(result, matched)), Change::Picture)
            }
            SIZE => {
                // Of expressions that were looked at long ago nothing is known any more.
                self.cost.forget(at);
                self.cost.learn(answer.request, at, expect(result, pick!(LogSize)));
                Change::Picture
            }
            "expression" => then(self.expression.settle(at, expect(result, matched)), Change::Picture),
            "threshold" => then(self.limit.settle(at, expect(result, matched)), Change::Picture),
            "day" => then(self.day.settle(at, expect(result, matrix)), Change::Picture),
            _ => Change::Nothing,
        }
    }
}
