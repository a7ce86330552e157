//! A storm and its origins.

use super::*;

/// A storm: everything above postgres, which has no alerts of its own, and two that have nothing to do with it.
fn storm() -> AlertBook {
    let services = ["web", "catalog", "checkout", "orders", "inventory"];
    let storm = (0..400).map(|n| {
        let mut a = alert(&format!("Slow{n}"), 1 + (n % 3) as u8, 20, if n % 10 == 0 { AlertState::Pending } else { AlertState::Firing });
        a.since = NOW - Duration::from_secs(1200 - n);
        a.service = Some(services[n as usize % 5].into());
        a.labels.set("service", services[n as usize % 5]);
        a
    });
    let mut other = alert("DiskFull", 4, 3000, AlertState::Firing);
    other.service = None;
    other.labels = [("alertname", "DiskFull"), ("node", "n3")].into_iter().collect();
    let mut payments = alert("BankSlow", 1, 19, AlertState::Firing);
    payments.service = Some("payments".into());
    payments.labels.set("service", "payments");
    AlertBook { alerts: storm.chain([other, payments]).collect(), rules: vec![rule("latency > 1")], ..AlertBook::default() }
}

/// What the service graph says of calls: how long they take now, or before.
fn calls(query: &str, is_past: bool) -> Vector {
    let edges = [
        ("web", "catalog", 6.0),
        ("web", "checkout", 4.0),
        ("checkout", "orders", 5.0),
        ("checkout", "payments", 1.0),
        ("checkout", "inventory", 3.0),
        ("catalog", "postgres", 10.0),
        ("orders", "postgres", 9.0),
        ("inventory", "postgres", 11.0),
    ];
    let value = |slower: f64| match () {
        () if query.contains("failed") => 0.0,
        () if is_past => 0.1,
        () => 0.1 * slower,
    };
    let element = |(client, server, slower): (&str, &str, f64)| {
        ([("client", client), ("server", server)].into_iter().collect(), Sample { at: NOW, value: value(slower) })
    };
    Vector { elements: edges.into_iter().map(element).collect(), warnings: Vec::new() }
}

fn stormy(stage: &Stage, with_graph: bool) -> Alerts {
    let (book, mut view) = (storm(), Alerts::default());
    for _ in 0..2 {
        feed(&mut view, &stage.look(), SIZE, |need| {
            Some(Ok(match &need.request {
                Request::PrometheusAlerts => Response::PrometheusAlerts(of_prometheus(&book)),
                Request::AlertmanagerAlerts => Response::AlertmanagerAlerts(of_alertmanager(&book)),
                Request::Instant { query, window } if query.contains("service_graph") && with_graph => {
                    Response::Vector(calls(query, !window.is_live()))
                }
                Request::RulerAlerts => Response::PrometheusAlerts(PrometheusAlerts::default()),
                Request::Instant { .. } => Response::Vector(Vector::default()),
                _ => matrix(stage.look().range()),
            }))
        });
    }
    view
}

#[test]
fn a_storm_folds_into_its_origins_which_open_in_place_and_lose_nothing() {
    let stage = Stage::new();
    let mut view = stormy(&stage, true);
    let text = draw(&view, &stage.look(), 200, 50);
    assert!(text.contains("Alerts ── 362 firing · 40 pending"), "{text}");
    let headings: Vec<&Heading> = view.rows.iter().filter_map(|r| if let Row::Group(h) = r { Some(&**h) } else { None }).collect();
    assert_eq!(
        headings.iter().map(|h| (h.name.as_str(), h.members.len())).collect::<Vec<_>>(),
        [("postgres", 400), ("payments", 1), ("others", 1)]
    );
    let mut sum = [0; 6];
    headings.iter().for_each(|h| (0..6).for_each(|i| sum[i] += h.counts[i]));
    assert_eq!(sum, rows::counts(view.book.as_ref().unwrap().alerts.iter()), "what is folded adds up");
    for part in
        ["▸ P1 postgres  360 firing · 40 pending", "lowest bad dependency of 5 services, answers ×11 slower", "what explains most first"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert_eq!((view.rows.len(), view.table.selected), (3, 0));
    stage.run(&mut view, Command::Right);
    assert_eq!((view.rows.len(), view.table.selected), (403, 0), "it opens in place");
    stage.run(&mut view, Command::Down);
    let opened = view.alert().unwrap().name().to_owned();
    stage.prometheus(&mut view, Ok(of_prometheus(&storm())));
    assert_eq!(view.alert().unwrap().name(), opened);
    stage.run(&mut view, Command::Group);
    assert_eq!((view.group(), stage.order(&view).len()), (Group::None, 402), "the user may have them one by one");
}

#[test]
fn a_folded_heading_is_silenced_as_a_whole() {
    let stage = Stage::new();
    let mut view = stormy(&stage, true);
    stage.run(&mut view, Command::Top);
    let acts = stage.run(&mut view, Command::Silence);
    let [Act::SilenceFold(fold)] = &acts[..] else { panic!("{acts:?}") };
    let Some(Row::Group(heading)) = view.rows.first() else { panic!("{:?}", view.rows.first()) };
    assert_eq!((&fold.name, fold.alerts), (&heading.name, heading.members.len()));
    assert_eq!(fold.matchers.iter().map(ToString::to_string).collect::<Vec<_>>(), [r#"team="shop""#]);
    assert!(stage.run(&mut view, Command::Down).is_empty());
}

#[test]
fn a_storm_without_a_service_graph_folds_by_onset_and_labels() {
    let stage = Stage::new();
    let view = stormy(&stage, false);
    let text = draw(&view, &stage.look(), 200, 50);
    assert!(text.contains("by common onset and labels") && text.contains("began within"), "{text}");
    let held: usize = view.rows.iter().map(|r| if let Row::Group(h) = r { h.members.len() } else { 0 }).sum();
    assert_eq!(held, 402);
}

#[test]
fn origins_are_found_once_an_answer_and_not_at_each_key() {
    let stage = Stage::new();
    let mut view = stormy(&stage, true);
    let found = view.digest.origins().as_ptr();
    stage.run(&mut view, Command::Filter);
    type_text(&mut view, &stage.look(), SIZE, "service=orders");
    assert_eq!(view.rows.len(), 1, "all that is about orders is put down to postgres");
    for command in [Command::Order, Command::Right, Command::Down, Command::Group, Command::Group] {
        stage.run(&mut view, command);
    }
    assert_eq!(view.digest.origins().as_ptr(), found);
    let fewer = AlertBook { alerts: storm().alerts.split_off(100), ..storm() };
    stage.prometheus(&mut view, Ok(of_prometheus(&fewer)));
    stage.alertmanager(&mut view, Ok(of_alertmanager(&fewer)));
    stage.run(&mut view, Command::Group);
    stage.run(&mut view, Command::Group);
    stage.run(&mut view, Command::Group);
    let held: usize = view.digest.origins().iter().map(|o| o.members.len()).sum();
    assert_eq!((view.group(), held), (Group::Origin, 302), "a new answer has origins of its own");
}

#[test]
fn a_storm_is_over_when_few_are_left_and_not_while_nobody_answers() {
    let stage = Stage::new();
    let mut view = Alerts::default();
    let told = |view: &mut Alerts, n: usize| {
        let alerts = storm().alerts.into_iter().take(n).collect();
        stage.alertmanager(view, Ok(AlertmanagerAlerts::default()));
        stage.prometheus(view, Ok(of_prometheus(&AlertBook { alerts, ..storm() })));
    };
    for (n, group) in [
        (19, Group::None),
        (20, Group::Origin),
        (19, Group::Origin),
        (15, Group::Origin),
        (14, Group::None),
        (19, Group::None),
        (20, Group::Origin),
    ] {
        told(&mut view, n);
        assert_eq!(view.group(), group, "{n}");
    }
    for seconds in [5, 90] {
        let later = look(&stage.shared, &stage.scope, NOW + Duration::from_secs(seconds));
        feed(&mut view, &later, SIZE, |n| (n.request == Request::PrometheusAlerts).then(|| Err(refused(Backend::Prometheus))));
    }
    assert_eq!(view.digest.counts()[AlertState::Stale as usize], 20);
    assert_eq!(view.group(), Group::Origin, "an overloaded Prometheus unfolds nothing");
}
