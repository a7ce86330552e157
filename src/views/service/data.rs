//! What the Service page reads from the answers.

use std::{collections::BTreeMap, time::Duration};

use compact_str::CompactString;

use super::{
    ask::{GRAPH, GRAPHS, before},
    deploys,
    limits::{self, RuleLimit},
};
use crate::{
    app::expect,
    core::{
        request::{Answer, Response},
        slot::Slot,
    },
    model::{
        labels::{Labels, Matcher},
        series::{Exemplar, Matrix, Vector},
        time::Timestamp,
    },
    red::{Family, Unit},
    views::Look,
};

/// Exemplars kept, the slowest first.
const MAX_EXEMPLARS: usize = 200;

/// All that was answered.
#[derive(Default)]
pub(super) struct Data {
    /// The family that the scope names.
    of: Option<CompactString>,
    /// Names of the labels of the service's series.
    pub labels: Slot<Vec<CompactString>>,
    /// How many values each label has.
    pub counts: Slot<Vector>,
    /// Rate by status class.
    pub rate: Slot<Matrix>,
    /// Share of failures.
    pub errors: Slot<Matrix>,
    /// Lowest and highest values in each step of the three graphs, by [`EDGE`](super::ask::EDGE).
    pub peaks: Slot<Matrix>,
    /// The lines at the window's end, where the last step ended long before.
    now: Slot<Vector>,
    /// The histogram of durations.
    pub heat: Slot<Matrix>,
    /// Quantiles and what else is drawn beside them, by the label `line`.
    pub durations: Slot<Matrix>,
    /// The three graphs' data of the period that is compared with, at the times of now.
    pub then: [Slot<Matrix>; 3],
    pub exemplars: Slot<Vec<Exemplar>>,
    /// Where alerting rules draw the line.
    pub limits: Slot<Vec<RuleLimit>>,
    /// Rate, failures and p95 by the breakdown's label, now and before.
    pub rows: [Slot<Vector>; 3],
    pub rows_before: [Slot<Vector>; 3],
    pub calls: Slot<Vector>,
    pub saturation: Slot<Vector>,
    /// Rate, share of failures and p95 of the service before.
    before: [Slot<Vector>; 3],
    /// The instant that those two are of.
    before_at: Option<Timestamp>,
    deploys: Slot<Matrix>,
}

impl Data {
    /// Forgets what another window shows otherwise. What was before the onset holds for all windows that reach it, and
    /// labels are those of the service.
    pub(super) fn forget_window(&mut self, look: &Look<'_>) {
        let old = std::mem::take(self);
        self.of.clone_from(&look.scope.family);
        if old.of != self.of {
            return;
        }
        (self.labels, self.limits) = (old.labels, old.limits);
        if old.before_at == Some(before(look)) {
            (self.before, self.rows_before, self.before_at) = (old.before, old.rows_before, old.before_at);
        }
    }

    /// Forgets what another label is broken down by.
    pub(super) fn forget_rows(&mut self) {
        (self.rows, self.rows_before) = Default::default();
    }

    /// Forgets the period that was compared with.
    pub(super) fn forget_then(&mut self) {
        self.then = Default::default();
    }

    /// The family that shows the scope's service, narrowed by the conditions of the scope on labels that its series have.
    /// `None` as long as nobody knows whether they do.
    pub(super) fn family(&self, look: &Look<'_>) -> Option<(Family, String)> {
        let service = look.scope.service.as_ref()?;
        let family = chosen(look)?;
        if self.labels.is_waiting() && !look.scope.matchers.iter().all(|m| is_route(family, m)) {
            return None;
        }
        let (holds, _) = self.conditions(look, family);
        Some((family.narrowed(holds), service.to_string()))
    }

    /// The conditions of the scope on labels that the series of a family have, and those on others: they came from logs or
    /// traces, and would leave nothing.
    pub(super) fn conditions<'a>(&self, look: &Look<'a>, family: &Family) -> (Vec<&'a Matcher>, Vec<&'a Matcher>) {
        let known = |m: &Matcher| match self.labels.value() {
            Some(names) => names.contains(&m.name),
            None => true,
        };
        look.scope.matchers.iter().partition(|m| is_route(family, m) || known(m))
    }

    /// Takes an answer. Returns whether anything shown changes.
    pub(super) fn answer(&mut self, look: &Look<'_>, answer: Answer, shift: Duration) -> bool {
        let (part, at) = (answer.slot.part as usize, answer.asked);
        let matrix = |r| if let Response::Matrix(m) = r { Some(m) } else { None };
        let vector = |r| if let Response::Vector(v) = r { Some(v) } else { None };
        if answer.slot.pane.ends_with("before") {
            self.before_at = Some(before(look));
        }
        match answer.slot.pane {
            "rate" => self.rate.settle(at, expect(answer.result, matrix)) | self.extend(),
            "now" => self.now.settle(at, expect(answer.result, vector)) | self.extend(),
            "peaks" => self.peaks.settle(at, expect(answer.result, matrix)),
            "heat" => self.heat.settle(at, expect(answer.result, matrix)),
            "errors" => self.errors.settle(at, expect(answer.result, matrix)) | self.extend(),
            "duration" => self.durations.settle(at, expect(answer.result, matrix)) | self.extend(),
            "deploys" => self.deploys.settle(at, expect(answer.result, matrix)),
            "then" => self.then.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, matrix).map(|m| later(m, shift)))),
            "rows" => self.rows.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, vector))),
            "rows before" => self.rows_before.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, vector))),
            "before" => self.before.get_mut(part).is_some_and(|s| s.settle(at, expect(answer.result, vector))),
            "calls" => self.calls.settle(at, expect(answer.result, vector)),
            "saturation" => self.saturation.settle(at, expect(answer.result, vector)),
            "counts" => self.counts.settle(at, expect(answer.result, vector)),
            "labels" => self.labels.settle(at, expect(answer.result, |r| if let Response::LabelNames(n) = r { Some(n) } else { None })),
            "limits" => {
                let rules = expect(answer.result, |r| if let Response::PrometheusAlerts(told) = r { Some(told.rules) } else { None });
                let of = |rules: Vec<_>| chosen(look).zip(look.scope.service.as_deref()).map(|(f, s)| limits::of_rules(&rules, f, s));
                self.limits.settle(at, rules.map(|rules| of(rules).unwrap_or_default()))
            }
            "exemplars" => {
                let unit = self.family(look).map_or(Unit::Seconds, |(f, _)| f.unit);
                let result = expect(answer.result, |r| if let Response::Exemplars(e) = r { Some(e) } else { None });
                self.exemplars.settle(at, result.map(|e| slowest(e, unit)))
            }
            _ => false,
        }
    }

    /// Lets the lines end with their values of now.
    fn extend(&mut self) -> bool {
        let Some(now) = self.now.value() else { return false };
        let mut changed = false;
        for (slot, graph) in [&mut self.rate, &mut self.errors, &mut self.durations].into_iter().zip(GRAPHS) {
            let (at, longer) = (slot.at(), slot.value().filter(|_| !slot.is_stale()).and_then(|m| until(m, now, graph)));
            if let Some(longer) = longer {
                changed |= slot.settle(at, Ok(longer));
            }
        }
        changed
    }

    /// A figure of the service before: 0 rate, 1 share of failures, 2 p95 in seconds.
    pub(super) fn was(&self, figure: usize) -> Option<f64> {
        let vector = self.before.get(figure)?.value()?;
        vector.elements.first().map(|(_, s)| s.value).filter(|v| v.is_finite())
    }

    /// When the service was deployed, and what.
    pub(super) fn deploys(&self, service: &str) -> Vec<(Timestamp, String)> {
        self.deploys.value().map(|m| deploys::marks(m, service)).unwrap_or_default()
    }
}

/// The family that shows the scope's service: the one that the scope names, or the usual one.
pub(super) fn chosen<'a>(look: &Look<'a>) -> Option<&'a Family> {
    let (red, service) = (look.shared.red.value()?, look.scope.service.as_deref()?);
    let named = look.scope.family.as_ref().and_then(|name| red.families_of(service).find(|f| f.name == name.as_str()));
    named.or_else(|| red.family_of(service))
}

/// The lines of a graph with what they are now at their ends. `None`: they end later.
fn until(matrix: &Matrix, now: &Vector, graph: &str) -> Option<Matrix> {
    let at = now.elements.iter().map(|(_, s)| s.at).max()?;
    // What was asked for ends on a step; beyond it is what was added the last time.
    let end = matrix.range.end.align_down(matrix.step);
    if at <= end {
        return None;
    }
    let mut out = matrix.clone();
    out.range.end = at;
    for series in &mut out.series {
        series.samples.retain(|s| s.at <= end);
        let same = |labels: &Labels| {
            let mut own = labels.clone();
            own.remove(GRAPH);
            labels.get(GRAPH) == Some(graph) && own == series.labels
        };
        let last = now.elements.iter().find(|(labels, _)| same(labels)).map(|(_, sample)| *sample);
        series.samples.extend(last);
    }
    Some(out)
}

fn is_route(family: &Family, matcher: &Matcher) -> bool {
    family.route_label.as_deref() == Some(&matcher.name)
}

/// The same, so much later: another day's line is drawn at today's times.
fn later(mut matrix: Matrix, shift: Duration) -> Matrix {
    for sample in matrix.series.iter_mut().flat_map(|s| &mut s.samples) {
        sample.at = sample.at + shift;
    }
    matrix.range.start = matrix.range.start + shift;
    matrix.range.end = matrix.range.end + shift;
    matrix
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
