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
/// Marks of deploys drawn.
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
    /// The same before.
    pub routes_before: [Slot<Vector>; 3],
    /// Rate, share of failures and p95 of the service before.
    pub before: [Slot<Vector>; 3],
    deploys: [Slot<Matrix>; 3],
}

impl Data {
    /// Forgets what another window shows otherwise. What was before the onset is asked once and holds for all windows.
    pub(super) fn forget_window(&mut self) {
        let (before, routes_before) = (std::mem::take(&mut self.before), std::mem::take(&mut self.routes_before));
        *self = Self { before, routes_before, ..Self::default() };
    }
}

/// The family that shows the scope's service, narrowed to the scope's route.
pub(super) fn family(look: &Look<'_>) -> Option<(Family, String)> {
    let service = look.scope.service.as_ref()?;
    let family = look.shared.red.value()?.family_of(service)?;
    Some((family.narrowed(&look.scope.matchers), service.to_string()))
}

/// The instant that the page compares with: before the alert's onset, or else an hour before.
fn before(look: &Look<'_>) -> Timestamp {
    let range = look.range();
    match look.scope.alert.as_ref().and_then(|a| a.onset) {
        Some(onset) => (onset - BEFORE_STEP).align_down(Duration::from_secs(60)),
        None => (range.end - BEFORE).align_down(BEFORE_STEP),
    }
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
        needs.ask("errors", 0, range(family.error_ratio(&service, over)), often);
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
        // Enough samples for a percentile of a route with little traffic.
        let over = mapping.rate_window(Duration::ZERO).max(Duration::from_secs(120));
        let at = before(look);
        let then = TimeWindow::Fixed(TimeRange { start: at - over, end: at });
        let routes = [family.rate_by_route(service, over), family.errors_by_route(service, over), family.p95_by_route(service, over)];
        for (part, query) in (0..).zip(routes) {
            let Some(query) = query else { continue };
            let now = Request::Instant { query: query.clone(), window: look.scope.window };
            needs.ask("routes", part, now, look.shared.refresh_slow());
            needs.ask("routes before", part, Request::Instant { query, window: then }, Refresh::Once);
        }
        let whole = [Some(family.rate_of(service, over)), Some(family.error_ratio(service, over)), family.quantile(0.95, service, over)];
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
        match answer.slot.pane {
            "rate" => self.rate.settle(at, expect(answer.result, matrix)),
            "errors" => self.errors.settle(at, expect(answer.result, matrix)),
            "duration" => self.quantiles.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, matrix))),
            "deploys" => self.deploys.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, matrix))),
            "routes" => self.routes.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, vector))),
            "routes before" => self.routes_before.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, vector))),
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
            let began = |s: &Series| Some((s.samples.first()?.at, s.labels.get("version")?.to_owned()));
            matrix.series.iter().filter_map(began).filter(|(at, _)| *at > start).map(|(at, v)| (at, format!("deploy {v}"))).collect()
        }
        DeployMark::Change => changes(matrix, |a, b| a != b).map(|s| (s.at, "deploy".to_owned())).collect(),
        DeployMark::Restart => {
            let risen = changes(matrix, |a, b| b > a).map(|s| Timestamp::from_secs_f64(s.value));
            risen.filter(|at| matrix.range.contains(*at)).map(|at| (at, "restart".to_owned())).collect()
        }
    };
    out.sort_unstable();
    out.dedup();
    out.truncate(MAX_DEPLOYS);
    out
}

fn changes(matrix: &Matrix, changed: fn(f64, f64) -> bool) -> impl Iterator<Item = Sample> {
    let pairs = matrix.series.iter().flat_map(|s| s.samples.windows(2));
    pairs.filter(move |w| changed(w[0].value, w[1].value)).map(|w| w[1])
}
