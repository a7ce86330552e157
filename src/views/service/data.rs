//! What the Service page reads from the answers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use compact_str::CompactString;

use super::{
    ask::{GRAPH, GRAPHS},
    deploys, heat, labels,
    limits::{About, Limit, Limits},
};
use crate::{
    app::expect,
    core::{
        request::{Answer, Request, Response, SlotId, Subscription, pick},
        slot::Slot,
    },
    model::{
        alert::Rule,
        labels::{Labels, Matcher},
        series::{Exemplar, Matrix, Sample, Series, Vector},
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
    /// What each place shows the answer to, by pane and part.
    questions: BTreeMap<(&'static str, u32), Arc<Request>>,
    /// Names of the labels of the service's series.
    pub labels: Slot<Vec<CompactString>>,
    /// How many values each label has, some labels in each.
    pub counts: [Slot<Vector>; labels::PARTS],
    /// Rate by status class.
    pub rate: Slot<Matrix>,
    /// Share of failures.
    pub errors: Slot<Matrix>,
    /// Lowest and highest values in each step of the three graphs, by [`EDGE`](super::ask::EDGE).
    pub peaks: Slot<Matrix>,
    /// The lines at the window's end, where the last step ended long before.
    pub now: Slot<Vector>,
    /// The histogram of durations.
    pub heat: Slot<Matrix>,
    /// How much of it is asked.
    pub heat_cut: heat::Cut,
    /// Quantiles and what else is drawn beside them, by the label `line`.
    pub durations: Slot<Matrix>,
    /// The three graphs' data of the period that is compared with, at the times of now.
    pub then: [Slot<Matrix>; 3],
    pub exemplars: Slot<Vec<Exemplar>>,
    /// Alerting rules, of all services.
    pub rules: Slot<Vec<Arc<Rule>>>,
    /// Where they and the objectives draw the line.
    limits: Limits,
    /// The longest duration that the service's histogram can tell, where one on the page may be that.
    pub highest: Slot<Vector>,
    /// Has an element where buckets of instances differ.
    pub mixed: Slot<Vector>,
    /// Rate, failures and p95 by the breakdown's label, now and before.
    pub rows: [Slot<Vector>; 3],
    pub rows_before: [Slot<Vector>; 3],
    pub calls: Slot<Vector>,
    /// Names of the labels that spans of clients have.
    pub peers: Slot<Vec<CompactString>>,
    pub saturation: Slot<Vector>,
    /// Rate, share of failures and p95 of the service before.
    before: [Slot<Vector>; 3],
    /// Read by [`Self::deploys`].
    pub deploys: Slot<Matrix>,
}

impl Data {
    /// Forgets what is no answer to what another scope asks. An answer to a question that is still asked stays: it is not
    /// asked a second time. Returns whether anything was forgotten.
    pub(super) fn forget(&mut self, asked: &[Subscription]) -> bool {
        let still = |place: &(&str, u32), request: &Request| {
            asked.iter().any(|need| (need.slot.pane, need.slot.part) == *place && need.request == *request)
        };
        let gone: Vec<(&'static str, u32)> = self.questions.iter().filter(|(place, q)| !still(place, q)).map(|(place, _)| *place).collect();
        for (pane, part) in &gone {
            self.questions.remove(&(*pane, *part));
            self.clear(SlotId { view: 0, pane, part: *part });
        }
        !gone.is_empty()
    }

    fn clear(&mut self, slot: SlotId) {
        if let Some(matrix) = self.matrix(slot) {
            return matrix.clear();
        }
        if let Some(vector) = self.vector(slot) {
            return vector.clear();
        }
        match slot.pane {
            "labels" => self.labels.clear(),
            "peers" => self.peers.clear(),
            "exemplars" => self.exemplars.clear(),
            "limits" => self.rules.clear(),
            _ => {}
        }
    }

    /// The place of a range query's answer.
    fn matrix(&mut self, slot: SlotId) -> Option<&mut Slot<Matrix>> {
        Some(match slot.pane {
            "rate" => &mut self.rate,
            "errors" => &mut self.errors,
            "duration" => &mut self.durations,
            "peaks" => &mut self.peaks,
            "heat" => &mut self.heat,
            "deploys" => &mut self.deploys,
            "then" => self.then.get_mut(slot.part as usize)?,
            _ => return None,
        })
    }

    /// The place of an instant query's answer.
    fn vector(&mut self, slot: SlotId) -> Option<&mut Slot<Vector>> {
        let part = slot.part as usize;
        Some(match slot.pane {
            "now" => &mut self.now,
            "counts" => self.counts.get_mut(part)?,
            "highest" => &mut self.highest,
            "mixed" => &mut self.mixed,
            "calls" => &mut self.calls,
            "saturation" => &mut self.saturation,
            "rows" => self.rows.get_mut(part)?,
            "rows before" => self.rows_before.get_mut(part)?,
            "before" => self.before.get_mut(part)?,
            _ => return None,
        })
    }

    /// Whether two range queries' answers are of the same window in the same steps.
    pub(super) fn are_of_one_grid(&self, a: &'static str, b: &'static str) -> bool {
        let grid = |pane| match self.questions.get(&(pane, 0)).map(Arc::as_ref) {
            Some(Request::Range { window, step, .. }) => Some((window, step)),
            _ => None,
        };
        grid(a).is_some_and(|grid_a| grid(b) == Some(grid_a))
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
        let (slot, at) = (answer.slot, answer.asked);
        let question = self.questions.entry((slot.pane, slot.part)).or_insert_with(|| Arc::clone(&answer.request));
        if let ("heat", Err(error)) = (slot.pane, &answer.result)
            && self.heat_cut.refused(error)
        {
            // Another question is asked in the same place.
            self.heat.forgive();
            return true;
        }
        // A failure leaves what was answered before.
        if answer.result.is_ok() {
            *question = Arc::clone(&answer.request);
        }
        let matrix = pick!(Matrix);
        let vector = pick!(Vector);
        if let Some(place) = self.matrix(slot) {
            let shown = |m| if slot.pane == "then" { later(m, shift) } else { m };
            let changed = place.settle(at, expect(answer.result, matrix).map(shown));
            return (GRAPHS.contains(&slot.pane) && self.extend()) | changed;
        }
        if let Some(place) = self.vector(slot) {
            let changed = place.settle(at, expect(answer.result, vector));
            return (slot.pane == "now" && self.extend()) | changed;
        }
        let names = pick!(LabelNames);
        match slot.pane {
            "labels" => self.labels.settle(at, expect(answer.result, names)),
            "peers" => self.peers.settle(at, expect(answer.result, names)),
            "limits" => {
                let rules = |r| if let Response::PrometheusAlerts(told) = r { Some(told.rules) } else { None };
                self.rules.settle(at, expect(answer.result, rules))
            }
            "exemplars" => {
                let unit = self.family(look).map_or(Unit::Seconds, |(f, _)| f.unit);
                let result = expect(answer.result, pick!(Exemplars));
                self.exemplars.settle(at, result.map(|e| slowest(e, unit)))
            }
            _ => false,
        }
    }

    /// Finds the limits anew where they are of other rules, another service or another family by now.
    pub(super) fn find_limits(&mut self, look: &Look<'_>, route: Option<&str>) {
        let (Some(family), Some(service)) = (chosen(look), look.scope.service.as_deref()) else { return };
        let rules = self.rules.value().map_or(&[][..], Vec::as_slice);
        self.limits.find(rules, &look.shared.settings.slos, &About { family, service, route });
    }

    /// Where alerting rules and objectives draw the line.
    pub(super) fn limits(&self) -> &[Limit] {
        self.limits.found()
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

    /// A figure of the service before: 0 rate, 1 share of failures, 2 the quantile in seconds that is looked at. Where
    /// instances have quantiles of their own it is the slowest one's, as the figure beside it.
    pub(super) fn was(&self, figure: usize) -> Option<f64> {
        let vector = self.before.get(figure)?.value()?;
        vector.elements.iter().map(|(_, s)| s.value).filter(|v| v.is_finite()).max_by(f64::total_cmp)
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
    let of_graph = now.elements.iter().filter(|(labels, _)| labels.get(GRAPH) == Some(graph));
    let mut last: Vec<(Labels, Sample)> = of_graph.map(|(labels, sample)| (labels.clone(), *sample)).collect();
    for (labels, _) in &mut last {
        labels.remove(GRAPH);
    }
    for series in &mut out.series {
        series.samples.retain(|s| s.at <= end);
        let place = last.iter().position(|(labels, _)| *labels == series.labels);
        series.samples.extend(place.map(|place| last.swap_remove(place).1));
    }
    // What began after the last step has no line yet: the failures, for one, that are all that there is since.
    let begun = last.into_iter().filter(|(_, sample)| sample.value.is_finite());
    out.series.extend(begun.map(|(labels, sample)| Series { labels, samples: vec![sample] }));
    out.series.retain(|s| !s.samples.is_empty());
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

/// The slowest exemplar of each trace, in seconds, the slowest first.
fn slowest(exemplars: Vec<Exemplar>, unit: Unit) -> Vec<Exemplar> {
    let mut by_trace: BTreeMap<_, Exemplar> = BTreeMap::new();
    for mut exemplar in exemplars.into_iter().filter(|e| e.value.is_finite()) {
        let Some(trace) = exemplar.trace else { continue };
        if unit == Unit::Milliseconds {
            exemplar.value /= 1000.0;
        }
        let kept = by_trace.entry(trace).or_insert_with(|| exemplar.clone());
        if exemplar.value > kept.value {
            *kept = exemplar;
        }
    }
    let mut out: Vec<Exemplar> = by_trace.into_values().collect();
    out.sort_by(|a, b| b.value.total_cmp(&a.value).then(a.at.cmp(&b.at)));
    out.truncate(MAX_EXEMPLARS);
    out
}
