use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::demo::{
    memory::MemStore,
    promql::{Answer, Point, instant, parse},
    store::STALE,
};

/// A clock in milliseconds that tests move.
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

const MINUTE: i64 = 60_000;

const RULES: &str = r#"
groups:
  - name: shop
    interval: 30s
    rules:
      - alert: ErrorsHigh
        expr: job:errors:ratio > 0.1
        for: 2m
        keep_firing_for: 1m
        labels: {severity: page, team: "{{ $labels.job }}"}
        annotations:
          summary: "{{ $labels.job }} fails {{ $value | humanizePercentage }}"
      - record: job:errors:ratio
        expr: sum by (job) (errors) / sum by (job) (requests)
        labels: {source: rules}
"#;

/// Errors from minute 10 up to minute 20 of 30.
fn shop(clock_at: i64) -> (Arc<TestClock>, RuleEngine) {
    let mut store = MemStore::default();
    let mut push = |name: &str, value: &dyn Fn(i64) -> f64| {
        store.push(
            [("__name__", name), ("job", "orders")].into_iter().collect(),
            (0..=120).map(|i| (i * 15_000, value(i * 15_000))).collect(),
        );
    };
    push("requests", &|_| 100.0);
    push("errors", &|t| if (10 * MINUTE..20 * MINUTE).contains(&t) { 25.0 } else { 0.0 });
    let clock = Arc::new(TestClock(AtomicI64::new(clock_at)));
    let engine =
        RuleEngine::new(serde_saphyr::from_str(RULES).unwrap(), "rules.yml", Arc::new(store), clock.clone(), Timestamp::ZERO).unwrap();
    (clock, engine)
}

fn ask(engine: &RuleEngine, query: &str, at: i64) -> Vec<String> {
    match instant(engine, &parse(query).unwrap(), at, &Limits::default()).unwrap() {
        Answer::Vector(samples) => samples
            .iter()
            .map(|(labels, value)| match value {
                Point::Float(value) => format!("{labels} {value}"),
                Point::Histogram(_) => panic!("{labels} is a native histogram"),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn recorded_series_can_be_queried_as_of_any_time() {
    let (_, engine) = shop(15 * MINUTE);
    assert_eq!(ask(&engine, "job:errors:ratio", 15 * MINUTE), [r#"{__name__="job:errors:ratio", job="orders", source="rules"} 0.25"#]);
    assert_eq!(ask(&engine, "job:errors:ratio", 9 * MINUTE), [r#"{__name__="job:errors:ratio", job="orders", source="rules"} 0"#]);
}

#[test]
fn an_alert_waits_fires_is_kept_and_ends() {
    let (clock, engine) = shop(11 * MINUTE);
    let states = |at: i64| {
        clock.0.store(at, Ordering::Relaxed);
        engine.alerts().iter().map(|(_, a)| (a.state, a.active_at, a.fired_at)).collect::<Vec<_>>()
    };
    assert_eq!(states(11 * MINUTE), [(AlertState::Pending, 10 * MINUTE, None)]);
    assert_eq!(states(12 * MINUTE), [(AlertState::Firing, 10 * MINUTE, Some(12 * MINUTE))]);
    assert_eq!(states(20 * MINUTE + 59_000), [(AlertState::Firing, 10 * MINUTE, Some(12 * MINUTE))]);
    assert_eq!(states(21 * MINUTE), []);
    let firing = r#"ALERTS{alertstate="firing"}"#;
    assert_eq!(
        ask(&engine, firing, 15 * MINUTE),
        [
            r#"{__name__="ALERTS", alertname="ErrorsHigh", alertstate="firing", job="orders", severity="page", source="rules", team="orders"} 1"#
        ]
    );
    assert!(ask(&engine, firing, 11 * MINUTE).is_empty(), "only pending by then");
    assert!(ask(&engine, firing, 21 * MINUTE).is_empty(), "the series ends with the alert");
    assert!(ask(&engine, "ALERTS_FOR_STATE", 15 * MINUTE)[0].ends_with(" 600"));
}

#[test]
fn annotations_are_expanded_with_the_last_value() {
    let (_, engine) = shop(15 * MINUTE);
    let (rule, alert) = &engine.alerts()[0];
    assert_eq!(alert.annotations(rule).get("summary"), Some("orders fails 25%"));
}

#[test]
fn catching_up_at_once_gives_what_step_by_step_gives() {
    let (_, at_once) = shop(25 * MINUTE);
    let (clock, stepwise) = shop(0);
    for at in (0..=25 * MINUTE).step_by(7_000) {
        clock.0.store(at, Ordering::Relaxed);
        stepwise.alerts();
    }
    clock.0.store(25 * MINUTE, Ordering::Relaxed);
    let all = |engine: &RuleEngine| {
        let name = [Matcher::new("__name__", MatchOp::Regex, "ALERTS.*|job:.*")];
        let bits = |s: StoredSeries| (s.labels, s.samples.into_iter().map(|(t, v)| (t, v.to_bits())).collect::<Vec<_>>());
        engine.select(&name, 0, 25 * MINUTE).into_iter().map(bits).collect::<Vec<_>>()
    };
    assert_eq!(all(&at_once), all(&stepwise));
    assert_eq!(all(&at_once).len(), 4, "the ratio, ALERTS pending and firing, ALERTS_FOR_STATE");
    assert!(all(&at_once).iter().any(|(_, samples)| samples.last() == Some(&(21 * MINUTE, STALE))));
}

#[test]
fn rules_are_evaluated_only_for_names_that_they_make() {
    let (_, engine) = shop(15 * MINUTE);
    let evaluated = |name: Matcher| {
        engine.series(&[name], 0, 15 * MINUTE);
        engine.state.lock().unwrap().next.iter().any(|next| *next > 15 * MINUTE)
    };
    for (op, value) in [(MatchOp::Equal, "errors"), (MatchOp::Regex, "errors|requests|http_.+")] {
        assert!(!evaluated(Matcher::new("__name__", op, value)), "{value} is recorded by no rule");
    }
    assert!(evaluated(Matcher::new("__name__", MatchOp::Regex, "errors|job:.+")));
}

#[test]
fn mistakes_in_a_rule_file_are_named() {
    let clock = Arc::new(TestClock(AtomicI64::new(0)));
    let error = |text: &str| {
        let file = serde_saphyr::from_str(text).unwrap();
        RuleEngine::new(file, "r", Arc::new(MemStore::default()), clock.clone(), Timestamp::ZERO).err().unwrap().to_string()
    };
    let rule = |rule: &str| format!("groups: [{{name: g, rules: [{rule}]}}]");
    assert!(
        error(&rule("{alert: A, expr: 'up >'}")).starts_with("rule A: 1:5: parse error"),
        "{}",
        error(&rule("{alert: A, expr: 'up >'}"))
    );
    assert_eq!(error(&rule("{alert: A, expr: up, for: 5}")), "group g: for: not a duration: \"5\"");
    assert_eq!(error(&rule("{expr: up}")), "group g: a rule needs either \"record\" or \"alert\"");
    let unknown = serde_saphyr::from_str::<RuleFile>(&rule("{alert: A, exprs: up}")).err().unwrap();
    assert!(unknown.to_string().contains("exprs"), "{unknown}");
}
