use super::*;
use crate::app::testing::red_mapping;

fn family(name: &str, kind: Kind, services: &[&str]) -> Family {
    Family { name: name.to_owned(), kind, ..red_mapping(services).families.remove(0) }
}

#[test]
fn a_service_is_shown_by_what_tells_most_and_the_choice_is_explained() {
    let bare = Family { durations: None, ..family("Bare", Kind::Http, &["a", "b"]) };
    let given = Durations::Given(vec![GivenQuantile { q: 0.5, metric: "x".to_owned(), label: None }]);
    let summary = Family { durations: Some(given), ..family("Summary", Kind::Http, &["c"]) };
    let mut mapping = RedMapping {
        families: vec![bare, summary, family("Http", Kind::Http, &["a"]), family("Spans", Kind::Spans, &["a", "b", "c", "d"])],
        ..RedMapping::default()
    };
    mapping.sort();
    let why = |service| mapping.choice(service).unwrap().why;
    assert_eq!(why("a"), "Http: counted by the service itself, before Spans");
    assert_eq!(why("b"), "Spans: Bare has no durations");
    assert_eq!(why("c"), "Spans: Summary has quantiles of single instances only");
    assert_eq!(why("d"), "Spans is the only family that has d");
    assert_eq!(mapping.choice("e"), None);
    let others: Vec<&str> = mapping.alternatives("a").map(|f| f.name.as_str()).collect();
    assert_eq!(others, ["Spans", "Bare"]);
    let mut all: Vec<&str> = mapping.services().collect();
    all.sort_unstable();
    assert_eq!(all, ["a", "b", "c", "d"], "each once");
}

#[test]
fn native_histograms_and_fresh_rules_are_preferred_for_a_reason() {
    let native = Family { requests: Requests::Native("x".to_owned()), ..family("N", Kind::Http, &["a"]) };
    let rules = family("R", Kind::Recorded, &["a", "b"]);
    let mapping = RedMapping { families: vec![native, family("C", Kind::Http, &["a", "b"])], ..RedMapping::default() };
    assert_eq!(mapping.choice("a").unwrap().why, "N: more exact than the buckets of C");
    let mapping = RedMapping { families: vec![rules, family("C", Kind::Http, &["a", "b"])], ..RedMapping::default() };
    assert_eq!(mapping.choice("b").unwrap().why, "R: a recording rule with fresh samples, before C");
}
