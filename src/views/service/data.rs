//! What the Service page asks, and what it reads from the answers.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    app::expect,
    core::{
        request::{Answer, Refresh, Request, Response, step},
        slot::Slot,
    },
    model::{
        series::{Exemplar, Matrix, Sample, Series, Vector},
        time::{TimeRange, TimeWindow, Timestamp},
    },
    red::{
        Family, RedMapping, USUAL_SCRAPE, Unit,
        queries::{DeployMark, deploys},
    },
    views::{Look, Needs},
};

/// The quantiles shown, and their names.
pub(super) const QUANTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")];
/// Exemplars kept, the slowest first.
const MAX_EXEMPLARS: usize = 200;
/// Marks of deploys drawn, the newest.
const MAX_DEPLOYS: usize = 8;
/// What a page without an alert is compared with lies this far back.
const BEFORE: Duration = Duration::from_secs(3600);
/// The instant to compare with moves in steps of this: each step asks anew.
const BEFORE_STEP: Duration = Duration::from_secs(300);

/// All that was answered.
#[derive(Default)]
pub(super) struct Data {
    /// Rate by status class.
    pub rate: Slot<Matrix>,
    /// Share of failures.
    pub errors: Slot<Matrix>,
    /// By [`QUANTILES`].
    pub quantiles: [Slot<Matrix>; 3],
    pub exemplars: Slot<Vec<Exemplar>>,
    /// Rate, failures and p95 by route, now.
    pub routes: [Slot<Vector>; 3],
    /// The p95 by route before.
    pub routes_before: Slot<Vector>,
    /// Rate, share of failures and p95 of the service before.
    before: [Slot<Vector>; 3],
    /// The instant that those two are of.
    before_at: Option<Timestamp>,
    deploys: [Slot<Matrix>; 3],
}

impl Data {
    /// Forgets what another window shows otherwise. What was before the onset holds for all windows that reach it.
    pub(super) fn forget_window(&mut self, look: &Look<'_>) {
        let old = std::mem::take(self);
        if old.before_at == Some(before(look)) {
            *self = Self { before: old.before, routes_before: old.routes_before, before_at: old.before_at, ..Self::default() };
        }
    }
}

/// The family that shows the scope's service, narrowed to the scope's route.
pub(super) fn family(look: &Look<'_>) -> Option<(Family, String)> {
    let service = look.scope.service.as_ref()?;
    let family = look.shared.red.value()?.family_of(service)?;
    Some((family.narrowed(&look.scope.matchers), service.to_string()))
}

/// The instant that the page compares with: before the alert's onset where the window reaches it, or else an hour before.
fn before(look: &Look<'_>) -> Timestamp {
    let end = look.range().end;
    match look.scope.alert.as_ref().and_then(|a| a.onset).filter(|onset| *onset < end) {
        Some(onset) => (onset - BEFORE_STEP).align_down(Duration::from_secs(60)),
        None => (end - BEFORE).align_down(BEFORE_STEP),
    }
}

/// What the figures of a route are taken over: enough samples for a percentile with little traffic.
pub(super) fn table_window(mapping: &RedMapping) -> Duration {
    mapping.rate_window(Duration::ZERO).max(Duration::from_secs(120))
}

impl Data {
    /// The page's questions, at a width in columns of one graph.
    pub(super) fn ask(look: &Look<'_>, columns: u16, needs: &mut Needs<'_>) {
        let (Some(mapping), Some((family, service))) = (look.shared.red.value(), family(look)) else { return };
        let (often, seldom) = (look.shared.refresh(), look.shared.refresh_slow());
        let window = look.scope.window;
        let step = step(look.range().duration(), columns, mapping.scrape_interval.unwrap_or(USUAL_SCRAPE));
        let over = mapping.rate_window(step);
        let range = |query| Request::Range { query, window, step };
        needs.ask("rate", 0, range(family.rate_by_status_class(&service, over)), often);
        if let Some(query) = family.error_ratio(&service, over) {
            needs.ask("errors", 0, range(query), often);
        }
        for (part, (q, _)) in (0..).zip(QUANTILES) {
            if let Some(query) = family.quantile(q, &service, over) {
                needs.ask("duration", part, range(query), often);
            }
        }
        if let Some(query) = family.exemplar_selector(&service) {
            needs.ask("exemplars", 0, Request::Exemplars { query, window }, seldom);
        }
        for (part, deploy) in (0..).zip(deploys(&service)) {
            needs.ask("deploys", part, range(deploy.query), seldom);
        }
        Self::ask_tables(look, mapping, &family, &service, needs);
    }

    fn ask_tables(look: &Look<'_>, mapping: &RedMapping, family: &Family, service: &str, needs: &mut Needs<'_>) {
        let over = table_window(mapping);
        let at = before(look);
        let then = TimeWindow::Fixed(TimeRange { start: at - over, end: at });
        let routes = [family.rate_by_route(service, over), family.errors_by_route(service, over), family.p95_by_route(service, over)];
        for (part, query) in (0..).zip(routes) {
            let Some(query) = query else { continue };
            needs.ask("routes", part, Request::Instant { query, window: look.scope.window }, look.shared.refresh_slow());
        }
        if let Some(query) = family.p95_by_route(service, over) {
            needs.ask("routes before", 0, Request::Instant { query, window: then }, Refresh::Once);
        }
        let whole = [Some(family.rate_of(service, over)), family.error_ratio(service, over), family.quantile(0.95, service, over)];
        for (part, query) in (0..).zip(whole) {
            let Some(query) = query else { continue };
            needs.ask("before", part, Request::Instant { query, window: then }, Refresh::Once);
        }
    }

    /// Takes an answer. Returns whether anything shown changes.
    pub(super) fn answer(&mut self, look: &Look<'_>, answer: Answer) -> bool {
        let (part, at) = (answer.slot.part as usize, answer.asked);
        let matrix = |r| if let Response::Matrix(m) = r { Some(m) } else { None };
        let vector = |r| if let Response::Vector(v) = r { Some(v) } else { None };
        if answer.slot.pane.ends_with("before") {
            self.before_at = Some(before(look));
        }
        match answer.slot.pane {
            "rate" => self.rate.settle(at, expect(answer.result, matrix)),
            "errors" => self.errors.settle(at, expect(answer.result, matrix)),
            "duration" => self.quantiles.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, matrix))),
            "deploys" => self.deploys.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, matrix))),
            "routes" => self.routes.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, vector))),
            "routes before" => self.routes_before.settle(at, expect(answer.result, vector)),
            "before" => self.before.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, vector))),
            "exemplars" => {
                let unit = family(look).map_or(Unit::Seconds, |(f, _)| f.unit);
                let result = expect(answer.result, |r| if let Response::Exemplars(e) = r { Some(e) } else { None });
                self.exemplars.settle(at, result.map(|e| slowest(e, unit)))
            }
            _ => false,
        }
    }

    /// A figure of the service before: 0 rate, 1 share of failures, 2 p95 in seconds.
    pub(super) fn was(&self, figure: usize) -> Option<f64> {
        let vector = self.before.get(figure)?.value()?;
        vector.elements.first().map(|(_, s)| s.value).filter(|v| v.is_finite())
    }

    /// When the service was deployed, and what; the surest source that knows of any.
    pub(super) fn deploys(&self, service: &str) -> Vec<(Timestamp, String)> {
        let sources = deploys(service);
        let marks = self.deploys.iter().zip(sources).filter_map(|(slot, source)| slot.value().map(|m| deploy_marks(m, source.reads)));
        marks.into_iter().find(|m| !m.is_empty()).unwrap_or_default()
    }
}

/// One exemplar a trace, in seconds, the slowest first.
fn slowest(exemplars: Vec<Exemplar>, unit: Unit) -> Vec<Exemplar> {
    let mut by_trace: BTreeMap<_, Exemplar> = BTreeMap::new();
    for mut exemplar in exemplars.into_iter().filter(|e| e.value.is_finite()) {
        let Some(trace) = exemplar.trace else { continue };
        if unit == Unit::Milliseconds {
            exemplar.value /= 1000.0;
        }
        by_trace.entry(trace).or_insert(exemplar);
    }
    let mut out: Vec<Exemplar> = by_trace.into_values().collect();
    out.sort_by(|a, b| b.value.total_cmp(&a.value).then(a.at.cmp(&b.at)));
    out.truncate(MAX_EXEMPLARS);
    out
}

fn deploy_marks(matrix: &Matrix, reads: DeployMark) -> Vec<(Timestamp, String)> {
    // What is there from the start was deployed before.
    let start = matrix.range.start + 2 * matrix.step;
    let mut out: Vec<(Timestamp, String)> = match reads {
        DeployMark::Version => {
            let began = began(matrix).into_iter().filter(|(at, _)| *at > start);
            began.filter_map(|(at, s)| Some((at, format!("deploy {}", s.labels.get("version")?)))).collect()
        }
        DeployMark::Change => changes(matrix, |a, b| a != b).map(|s| (s.at, "deploy".to_owned())).collect(),
        DeployMark::Restart => {
            let risen = changes(matrix, |a, b| b > a).map(|s| Timestamp::from_secs_f64(s.value));
            risen.filter(|at| matrix.range.contains(*at)).map(|at| (at, "restart".to_owned())).collect()
        }
    };
    out.sort_unstable();
    out.dedup();
    out.drain(..out.len().saturating_sub(MAX_DEPLOYS));
    out
}

/// When each version came up: at its first sample, and again at one after others had taken its place, as after a deploy
/// back to it. A gap in which no version has a sample is one of the scrapes.
fn began(matrix: &Matrix) -> Vec<(Timestamp, &Series)> {
    let mut all: Vec<Timestamp> = matrix.series.iter().flat_map(|s| &s.samples).map(|s| s.at).collect();
    all.sort_unstable();
    all.dedup();
    let place = |at: Timestamp| all.partition_point(|other| *other < at);
    let mut out = Vec::new();
    for series in &matrix.series {
        let first = series.samples.first().map(|s| s.at);
        let again = series.samples.windows(2).filter(|w| place(w[1].at) > place(w[0].at) + 1).map(|w| w[1].at);
        out.extend(first.into_iter().chain(again).map(|at| (at, series)));
    }
    out
}

fn changes(matrix: &Matrix, changed: fn(f64, f64) -> bool) -> impl Iterator<Item = Sample> {
    let pairs = matrix.series.iter().flat_map(|s| s.samples.windows(2));
    pairs.filter(move |w| changed(w[0].value, w[1].value)).map(|w| w[1])
}
