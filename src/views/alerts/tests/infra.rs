//! The way from an alert to what it is about.

use super::*;

/// Where an alert with these labels leads to.
#[track_caller]
fn infra(labels: &[(&str, &str)], service: Option<&str>) -> (Labels, Scope) {
    let mut stage = Stage::new();
    stage.shared.red.settle(NOW, Ok(Arc::new(crate::app::testing::red_mapping(&["orders"]))));
    let labels: Labels = [("alertname", "A")].into_iter().chain(labels.iter().copied()).collect();
    let alert = Alert { labels, service: service.map(Into::into), ..alert("A", 1, 16, AlertState::Firing) };
    let mut view = stage.view(&AlertBook { alerts: vec![alert], ..book() });
    let acts = stage.run(&mut view, Command::Infra);
    let [Act::Infra(place, scope)] = acts.as_slice() else { panic!("{acts:?}") };
    (place.clone(), (**scope).clone())
}

#[test]
fn an_alert_leads_to_what_its_labels_name_from_before_its_onset() {
    let (place, scope) = infra(&[("service", "orders"), ("pod", "orders-1"), ("namespace", "shop")], Some("orders"));
    assert_eq!(place, [("pod", "orders-1"), ("namespace", "shop")].into_iter().collect());
    assert_eq!(scope.service.as_deref(), Some("orders"));
    assert!(scope.alert.is_some_and(|alert| alert.name == "A"));
    assert!(matches!(scope.window, TimeWindow::Since(from) if from < NOW - Duration::from_secs(16 * 60)), "{:?}", scope.window);
}

#[test]
fn an_alert_about_a_machine_is_not_of_the_job_that_scrapes_it() {
    let (place, scope) = infra(&[("instance", "10.0.0.5:9100"), ("job", "node-exporter")], Some("node-exporter"));
    assert_eq!((place.get("instance"), scope.service), (Some("10.0.0.5:9100"), None));
    let (_, scope) = infra(&[("instance", "10.0.1.7:8080"), ("job", "orders")], Some("orders"));
    assert_eq!(scope.service.as_deref(), Some("orders"), "RED metrics know it as a service");
    let (place, scope) = infra(&[("node", "node-3"), ("instance", "10.0.0.9:8080"), ("job", "kube-state-metrics")], None);
    assert_eq!((place.get("node"), scope.service), (Some("node-3"), None));
}

#[test]
fn the_logs_of_an_alert_without_a_service_are_those_of_its_pod_or_node() {
    let stage = Stage::new();
    let logs = |label: (&str, &str), service: Option<&str>| {
        let labels = [("alertname", "A"), label].into_iter().collect();
        let alert = Alert { labels, service: service.map(Into::into), ..alert("A", 1, 16, AlertState::Firing) };
        let mut view = stage.view(&AlertBook { alerts: vec![alert], ..book() });
        assert_eq!((Command::Logs.spec().enabled)(&view.facts(&stage.look())), Ok(()));
        let acts = stage.run(&mut view, Command::Logs);
        let [Act::Push(ViewKind::Logs, scope)] = acts.as_slice() else { panic!("{acts:?}") };
        scope.matchers.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(logs(("pod", "orders-1"), None), [r#"pod="orders-1""#]);
    assert_eq!(logs(("kubernetes_node", "n1"), None), [r#"node="n1""#]);
    assert_eq!(logs(("pod", "orders-1"), Some("orders")), [""; 0], "the service's, as Enter's");
}

#[test]
fn an_alert_without_service_and_place_says_that_nothing_is_known() {
    let stage = Stage::new();
    let plain = Alert {
        labels: [("alertname", "A"), ("namespace", "shop")].into_iter().collect(),
        service: None,
        ..alert("A", 1, 16, AlertState::Firing)
    };
    let view = stage.view(&AlertBook { alerts: vec![plain], ..book() });
    assert_eq!((Command::Infra.spec().enabled)(&view.facts(&stage.look())), Err("no service is known for this row"));
}
