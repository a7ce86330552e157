//! The rule engine: recording and alerting rules, evaluated on demand up to the clock's now.
//!
//! A stretch of time is evaluated rule by rule over its whole range, which is quick even for hours; live, that is one
//! step. Rules come in the order of what they read, so the result is the same as step by step. The engine is itself a
//! [`MetricStore`]: the scraped series with the recorded ones, `ALERTS` and `ALERTS_FOR_STATE` beside them.

mod alerting;
mod file;
mod recorded;
mod template;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

pub use alerting::{ActiveAlert, AlertState, Alerts};
pub use file::{Group, Rule, RuleError, RuleFile, RuleKind};
use recorded::{Both, Recorded};

use super::{
    filter::LabelFilter,
    promql::{self, Limits, QueryError},
    store::{Clock, Metadata, MetricStore, StoredExemplar, StoredSeries},
};
use crate::model::{
    labels::{Labels, MatchOp, Matcher},
    time::Timestamp,
};

/// How long recorded samples are kept, and the most that is caught up.
const RETENTION_MS: i64 = 24 * 3_600_000;
/// Most steps that are evaluated at once.
const BATCH_STEPS: i64 = 2_000;

/// One result: labels and value.
type Sample = (Arc<Labels>, f64);

/// The state of one rule.
#[derive(Clone, Debug, Default)]
pub struct RuleState {
    /// Its active alerts.
    pub alerts: Alerts,
    /// The last evaluation's error.
    pub error: Option<String>,
    /// How long the last evaluation took.
    pub took: Duration,
    /// The last evaluation, in milliseconds.
    pub evaluated_at: Option<i64>,
    /// The series it made at the last evaluation.
    series: BTreeSet<Arc<Labels>>,
}

/// A group with the state of each of its rules.
#[derive(Clone, Debug)]
pub struct GroupStatus<'a> {
    /// The group.
    pub group: &'a Group,
    /// States in the order of the rules.
    pub rules: Vec<RuleState>,
}

struct State {
    recorded: Recorded,
    /// By group and rule.
    rules: Vec<Vec<RuleState>>,
    /// By group: the next instant to evaluate, in milliseconds.
    next: Vec<i64>,
}

/// Rules over a store of scraped series.
pub struct RuleEngine {
    file: String,
    groups: Vec<Group>,
    /// Group and rule indexes, each after the rules whose series it reads.
    order: Vec<(usize, usize)>,
    base: Arc<dyn MetricStore>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

impl RuleEngine {
    /// Evaluates the rules of a file (and its name for the API). They count as evaluated from `since` on.
    ///
    /// # Errors
    /// A rule is wrong, or not supported by the demo.
    pub fn new(
        rules: RuleFile,
        file: &str,
        base: Arc<dyn MetricStore>,
        clock: Arc<dyn Clock>,
        since: Timestamp,
    ) -> Result<Self, RuleError> {
        let groups = file::read(rules)?;
        let rules = groups.iter().map(|g| vec![RuleState::default(); g.rules.len()]).collect();
        let next = groups.iter().map(|g| align_up(since.millis(), millis(g.interval))).collect();
        let state = Mutex::new(State { recorded: Recorded::default(), rules, next });
        Ok(Self { file: file.to_owned(), order: dependency_order(&groups), groups, base, clock, state })
    }

    /// The clock that says how far the rules are evaluated.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Name of the rule file.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Evaluates what is due and gives the state of all rules.
    pub fn status(&self) -> Vec<GroupStatus<'_>> {
        let state = self.caught_up();
        self.groups.iter().zip(&state.rules).map(|(group, rules)| GroupStatus { group, rules: rules.clone() }).collect()
    }

    /// Evaluates what is due and gives the alerts that are pending or fire, each with its rule.
    pub fn alerts(&self) -> Vec<(&Rule, ActiveAlert)> {
        let status = self.status();
        let rules = status.into_iter().flat_map(|s| s.group.rules.iter().zip(s.rules));
        rules.flat_map(|(rule, state)| state.alerts.0.into_values().map(move |alert| (rule, alert))).collect()
    }

    fn caught_up(&self) -> MutexGuard<'_, State> {
        // The state is only ever left between two evaluations, so it is whole even after a panic elsewhere.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now().millis();
        for (group, next) in self.groups.iter().zip(&mut state.next) {
            *next = (*next).max(align_up(now - RETENTION_MS, millis(group.interval)));
        }
        while let Some(from) = state.next.iter().copied().filter(|next| *next <= now).min() {
            let until = now.min(from + BATCH_STEPS * self.shortest_interval());
            self.evaluate(&mut state, until);
        }
        state.recorded.trim(now - RETENTION_MS);
        state
    }

    fn shortest_interval(&self) -> i64 {
        self.groups.iter().map(|g| millis(g.interval)).min().unwrap_or(1000)
    }

    /// Evaluates all rules up to an instant.
    fn evaluate(&self, state: &mut State, until: i64) {
        for &(g, r) in &self.order {
            let step = millis(self.groups[g].interval);
            if state.next[g] <= until {
                let last = until.div_euclid(step) * step;
                self.evaluate_rule(state, (g, r), (state.next[g], last, step));
            }
        }
        for (group, next) in self.groups.iter().zip(&mut state.next) {
            let step = millis(group.interval);
            *next = (*next).max(until.div_euclid(step) * step + step);
        }
    }

    /// Evaluates one rule at `start`, `start + step`, … `end`.
    fn evaluate_rule(&self, state: &mut State, (g, r): (usize, usize), (start, end, step): (i64, i64, i64)) {
        let rule = &self.groups[g].rules[r];
        let began = Instant::now();
        let result = by_step(rule, &Both { base: &*self.base, recorded: &state.recorded }, (start, end, step));
        if result.is_err() && start < end {
            // One step fails: the others have their results all the same.
            (start..=end).step_by(usize::try_from(step).unwrap_or(1)).for_each(|at| self.evaluate_rule(state, (g, r), (at, at, step)));
            return;
        }
        let State { recorded, rules, .. } = state;
        let rule_state = &mut rules[g][r];
        rule_state.error = result.as_ref().err().map(QueryError::to_string);
        rule_state.took = began.elapsed();
        rule_state.evaluated_at = Some(end);
        for (i, samples) in result.unwrap_or_default().into_iter().enumerate() {
            let at = start + step * i as i64;
            let made = match rule.kind {
                RuleKind::Record => samples.into_iter().map(|(labels, value)| (recording_labels(rule, &labels), value)).collect(),
                RuleKind::Alert { .. } => rule_state.alerts.evaluate(rule, samples, at),
            };
            rule_state.series = recorded.append(made, at, &rule_state.series);
        }
    }

    /// Whether a rule makes series of a name that the matchers let pass. Only then must the rules be evaluated up to now.
    fn may_make(&self, matchers: &[Matcher]) -> bool {
        let of_name: Vec<Matcher> = matchers.iter().filter(|m| m.name == "__name__").cloned().collect();
        // A wrong pattern finds nothing, in the recorded series as in the others.
        let Ok(filter) = LabelFilter::new(&of_name) else { return true };
        let passes = |name: &str| filter.matches(&[("__name__", name)].into_iter().collect());
        let records = |rule: &Rule| matches!(rule.kind, RuleKind::Record) && passes(&rule.name);
        passes("ALERTS") || passes("ALERTS_FOR_STATE") || self.groups.iter().flat_map(|g| &g.rules).any(records)
    }
}

impl MetricStore for RuleEngine {
    fn select(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredSeries> {
        if !self.may_make(matchers) {
            return self.base.select(matchers, start, end);
        }
        Both { base: &*self.base, recorded: &self.caught_up().recorded }.select(matchers, start, end)
    }

    fn series(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<Arc<Labels>> {
        if !self.may_make(matchers) {
            return self.base.series(matchers, start, end);
        }
        Both { base: &*self.base, recorded: &self.caught_up().recorded }.series(matchers, start, end)
    }

    fn exemplars(&self, matchers: &[Matcher], start: i64, end: i64) -> Vec<StoredExemplar> {
        self.base.exemplars(matchers, start, end)
    }

    fn metadata(&self) -> Vec<Metadata> {
        self.base.metadata()
    }
}

/// A rule's results at each step of a range.
fn by_step(rule: &Rule, store: &dyn MetricStore, (start, end, step): (i64, i64, i64)) -> Result<Vec<Vec<Sample>>, QueryError> {
    let mut steps = vec![Vec::new(); usize::try_from((end - start) / step + 1).unwrap_or(0)];
    for series in promql::range(store, &rule.expr, start, end, step, &Limits::default())? {
        if !series.histograms.is_empty() {
            return Err(QueryError::Execution("rules that give native histograms are not supported by redline's demo".into()));
        }
        for (at, value) in series.points {
            if let Some(samples) = usize::try_from((at - start) / step).ok().and_then(|i| steps.get_mut(i)) {
                samples.push((series.labels.clone(), value));
            }
        }
    }
    Ok(steps)
}

fn recording_labels(rule: &Rule, labels: &Labels) -> Arc<Labels> {
    let mut labels = labels.clone();
    labels.set("__name__", rule.name.as_str());
    for (name, value) in &rule.labels {
        labels.set(name.as_str(), value.as_str());
    }
    Arc::new(labels)
}

/// Rules in the order of the file, but each after the recording rules whose series it reads.
fn dependency_order(groups: &[Group]) -> Vec<(usize, usize)> {
    let all: Vec<(usize, usize)> = groups.iter().enumerate().flat_map(|(g, group)| (0..group.rules.len()).map(move |r| (g, r))).collect();
    let mut makers: HashMap<&str, Vec<(usize, usize)>> = HashMap::new();
    for &(g, r) in &all {
        let rule = &groups[g].rules[r];
        if matches!(rule.kind, RuleKind::Record) {
            makers.entry(&rule.name).or_default().push((g, r));
        }
    }
    let mut order = Vec::with_capacity(all.len());
    let mut visited = BTreeSet::new();
    for place in all {
        visit(place, groups, &makers, &mut visited, &mut order);
    }
    order
}

fn visit(
    place: (usize, usize),
    groups: &[Group],
    makers: &HashMap<&str, Vec<(usize, usize)>>,
    visited: &mut BTreeSet<(usize, usize)>,
    order: &mut Vec<(usize, usize)>,
) {
    if !visited.insert(place) {
        return;
    }
    let names = promql::selectors(&groups[place.0].rules[place.1].expr).into_iter().flatten();
    for name in names.filter(|m| m.name == "__name__" && m.op == MatchOp::Equal) {
        for &maker in makers.get(name.value.as_str()).into_iter().flatten() {
            visit(maker, groups, makers, visited, order);
        }
    }
    order.push(place);
}

fn align_up(ms: i64, step: i64) -> i64 {
    ms.div_euclid(step) * step + if ms.rem_euclid(step) == 0 { 0 } else { step }
}

/// Whole milliseconds of an interval, at least one.
fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX / 4).clamp(1, i64::MAX / 4)
}
