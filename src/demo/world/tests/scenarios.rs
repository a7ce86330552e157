//! Scenarios are held to their ground truth.

use super::*;
use crate::demo::rules::{RuleEngine, RuleFile};

/// When each alert began to fire, in seconds after the onset, with the rules evaluated since an hour before the start.
fn fired(scenario: &str, seed: u64) -> BTreeMap<String, i64> {
    let clock: Arc<dyn Clock> = Arc::new(At(START));
    let world = World::new(Scenario::builtin(scenario).unwrap(), seed, START, clock.clone());
    let onset = world.onset().millis();
    let rules = RuleEngine::new(RuleFile::shop().unwrap(), "rules.yml", world, clock, START - seconds(3_600)).unwrap();
    assert!(rules.status().iter().flat_map(|s| &s.rules).all(|r| r.error.is_none()));
    rules.alerts().into_iter().filter_map(|(rule, alert)| Some((rule.name.clone(), (alert.fired_at? - onset) / 1_000))).collect()
}

#[test]
fn alerts_of_the_truth_fire_minutes_after_the_onset_and_others_do_not() {
    let truth = Scenario::builtin("pool-exhaustion").unwrap().truth;
    let incident = fired("pool-exhaustion", 7);
    for name in &truth.must_fire {
        assert!(incident.get(name).is_some_and(|after| (60..=240).contains(after)), "{name} {incident:?}");
    }
    assert!(truth.must_not_fire.iter().all(|name| !incident.contains_key(name)), "{incident:?}");
    assert_eq!(fired("quiet", 7), BTreeMap::new());
}
