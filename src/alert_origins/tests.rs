use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
struct Given {
    service: Option<&'static str>,
    labels: Labels,
    since: i64,
}

fn given_alert(service: &'static str, n: i64, since: i64) -> Given {
    let labels = [("alertname", format!("A{n}")), ("service", service.to_owned()), ("namespace", "shop".to_owned())];
    Given { service: Some(service), labels: labels.into_iter().collect(), since }
}

fn facts(given: &[Given]) -> Vec<Fact<'_>> {
    let at = Timestamp::from_secs;
    given.iter().map(|g| Fact { service: g.service, labels: &g.labels, since: at(g.since), severity: 2, is_active: true }).collect()
}

fn edge(client: &str, server: &str, slower: f64) -> Edge {
    Edge { client: client.into(), server: server.into(), failed: Some(0.0), slower: Some(slower) }
}

/// Everything waits for postgres, which has no alerts of its own.
fn cascade() -> (Vec<Given>, Vec<Edge>) {
    let services = ["web", "catalog", "checkout", "orders", "inventory"];
    let alerts = (0..40).map(|n| given_alert(services[n as usize % services.len()], n, 1000 + 9 * n)).collect();
    let edges = vec![
        edge("web", "catalog", 6.0),
        edge("web", "cart", 1.0),
        edge("web", "checkout", 4.0),
        edge("checkout", "orders", 5.0),
        edge("checkout", "cart", 1.1),
        edge("checkout", "payments", 1.0),
        edge("checkout", "inventory", 3.0),
        edge("cart", "redis", 1.0),
        edge("catalog", "redis", 1.0),
        edge("catalog", "postgres", 10.0),
        edge("orders", "postgres", 9.0),
        edge("inventory", "postgres", 11.0),
        edge("payments", "bank", 1.0),
    ];
    (alerts, edges)
}

fn shown(origins: &[Origin]) -> Vec<(String, usize)> {
    origins.iter().map(|o| (o.name.clone(), o.members.len())).collect()
}

#[test]
fn a_cascade_is_put_down_to_the_lowest_common_dependency_that_is_bad() {
    let (given, edges) = cascade();
    let found = origins(&facts(&given), &edges);
    assert_eq!(shown(&found), [("postgres".to_owned(), 40)]);
    assert_eq!(found[0].why, Why::Dependency { services: 5, failed: 0.0, slower: 11.0 });
}

#[test]
fn a_service_that_waits_for_nothing_bad_is_its_own_origin() {
    let (mut given, edges) = cascade();
    given.extend([given_alert("payments", 90, 1000), given_alert("mailer", 91, 1000)]);
    let found = origins(&facts(&given), &edges);
    assert_eq!(shown(&found), [("postgres".to_owned(), 40), ("payments".to_owned(), 1), ("others".to_owned(), 1)]);
    assert_eq!((&found[1].why, &found[2].why), (&Why::Itself, &Why::Apart));
}

#[test]
fn a_dependency_that_is_well_explains_nothing() {
    let (given, mut edges) = cascade();
    edges.iter_mut().filter(|e| e.server == "postgres").for_each(|e| e.slower = Some(1.0));
    let names: Vec<String> = origins(&facts(&given), &edges).into_iter().map(|o| o.name).collect();
    assert!(!names.contains(&"postgres".to_owned()), "{names:?}");
    assert_eq!(names[0], "orders", "the slowest of those that wait for nothing bad explains most");
}

#[test]
fn failing_calls_are_bad_as_slow_ones_are_and_circles_end() {
    let given = [given_alert("a", 1, 10), given_alert("b", 2, 20), given_alert("c", 3, 30)];
    let mut edges = vec![edge("a", "b", 1.0), edge("b", "c", 3.0), edge("c", "b", 2.5)];
    edges[0].failed = Some(0.2);
    let found = origins(&facts(&given), &edges);
    assert_eq!(shown(&found), [("b".to_owned(), 3)]);
}

#[test]
fn what_has_ended_makes_no_service_bad() {
    let given = [given_alert("web", 1, 10), given_alert("db", 2, 20)];
    let edges = [Edge { client: "web".into(), server: "db".into(), failed: None, slower: None }];
    let mut facts = facts(&given);
    assert_eq!(shown(&origins(&facts, &edges)), [("db".to_owned(), 2)]);
    facts[1].is_active = false;
    assert_eq!(shown(&origins(&facts, &edges))[0], ("web".to_owned(), 1));
}

#[test]
fn without_a_graph_alerts_fold_by_onset_and_shared_labels() {
    let on_node = |n: i64, node: &str, since| Given {
        service: None,
        labels: [("alertname", format!("N{n}")), ("node", node.to_owned()), ("cluster", "eu".to_owned()), ("pod", format!("p{n}"))]
            .into_iter()
            .collect(),
        since,
    };
    let mut given: Vec<Given> = (0..12).map(|n| on_node(n, "node-3", 5000 + 10 * n)).collect();
    given.extend((20..24).map(|n| on_node(n, "node-1", 5030)));
    given.extend((30..40).map(|n| on_node(n, &format!("node-{n}"), 5000 - 4000 * (n - 29))));
    let found = origins(&facts(&given), &[]);
    assert_eq!(shown(&found), [("node=node-3".to_owned(), 12), ("node=node-1".to_owned(), 4), ("others".to_owned(), 10)]);
    assert_eq!(found[0].why, Why::Shared { from: Timestamp::from_secs(5000), within: Duration::from_secs(110) });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_origin_is_the_same_in_whatever_order_alerts_and_edges_come(
        order in Just((0..40_usize).collect::<Vec<_>>()).prop_shuffle(),
        edge_order in Just((0..13_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let (given, edges) = cascade();
        let given: Vec<Given> = order.iter().map(|i| given[*i].clone()).collect();
        let edges: Vec<Edge> = edge_order.iter().map(|i| edges[*i].clone()).collect();
        let found = origins(&facts(&given), &edges);
        prop_assert_eq!(shown(&found), [("postgres".to_owned(), 40)]);
    }

    #[test]
    fn every_alert_is_in_exactly_one_fold(
        picked in prop::collection::vec((0..8_usize, 0..5_i64, 0..100_000_i64), 0..120),
        order in any::<prop::sample::Index>(),
        with_graph in any::<bool>(),
    ) {
        let services = ["web", "catalog", "checkout", "orders", "inventory", "stranger", "payments", ""];
        let mut given: Vec<Given> = picked.iter().map(|(s, n, since)| given_alert(services[*s], *n, *since)).collect();
        given.iter_mut().filter(|g| g.service == Some("")).for_each(|g| g.service = None);
        let edges = if with_graph { cascade().1 } else { Vec::new() };
        let found = origins(&facts(&given), &edges);
        let mut places: Vec<usize> = found.iter().flat_map(|o| o.members.clone()).collect();
        places.sort_unstable();
        prop_assert_eq!(places, (0..given.len()).collect::<Vec<_>>());
        // Turned round, the folds are the same.
        let by = if given.is_empty() { 0 } else { order.index(given.len()) };
        given.rotate_left(by);
        prop_assert_eq!(shown(&origins(&facts(&given), &edges)), shown(&found));
    }
}

#[test]
fn two_onsets_without_a_common_label_have_names_of_their_own() {
    let alert = |n: i64, since| Given { service: None, labels: [("alertname", format!("A{n}"))].into_iter().collect(), since };
    let given: Vec<Given> = (0..4).map(|n| alert(n, 1000 + n)).chain((4..8).map(|n| alert(n, 9000 + n))).collect();
    let found = origins(&facts(&given), &[]);
    assert_eq!(shown(&found), [("one onset".to_owned(), 4), ("one onset (2)".to_owned(), 4)]);
}

#[test]
fn ten_thousand_alerts_of_thousands_of_onsets_have_a_fold_each_in_time() {
    let given: Vec<Given> = (0..10_000).map(|n| Given { service: None, ..given_alert("a", n, 1000 + (n / 3) * 400 + n % 3) }).collect();
    let found = origins(&facts(&given), &[]);
    let names: std::collections::BTreeSet<&str> = found.iter().map(|o| o.name.as_str()).collect();
    assert!(names.len() == found.len() && found.len() > 3000, "{}", found.len());
    assert_eq!(found.iter().map(|o| o.members.len()).sum::<usize>(), 10_000);
}

#[test]
fn a_thousand_services_that_all_wait_for_each_other_have_one_origin_in_time() {
    let names: Vec<&'static str> = (0..1000).map(|n| &*format!("service-{n:04}").leak()).collect();
    let given: Vec<Given> = names.iter().zip(0..).map(|(name, n)| given_alert(name, n, 1000 + n)).collect();
    let circle = names.iter().zip(names.iter().cycle().skip(1)).map(|(a, b)| edge(a, b, if *b == "service-0500" { 9.0 } else { 3.0 }));
    let found = origins(&facts(&given), &circle.collect::<Vec<_>>());
    assert_eq!(found.iter().map(|o| (o.name.as_str(), o.members.len())).collect::<Vec<_>>(), [("service-0500", 1000)]);
}
