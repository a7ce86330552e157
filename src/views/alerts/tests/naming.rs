//! Which service an alert is about, and who told it.

use super::*;

#[test]
fn a_service_is_what_the_red_metrics_call_one() {
    let mut stage = Stage::new();
    let mapping = crate::app::testing::red_mapping(&["orders", "checkout"]);
    stage.shared.red.settle(NOW, Ok(Arc::new(mapping)));
    let mut named = book();
    named.alerts[0].labels = [("alertname", "Slow"), ("job", "scraper"), ("application", "shop/checkout")].into_iter().collect();
    named.alerts[0].service = Some("scraper".into());
    named.alerts[1].labels = [("alertname", "Pending")].into_iter().collect();
    named.alerts[1].service = None;
    named.alerts[1].rule = Some(rule(r#"sum(rate(x{application="orders"}[5m])) > 1"#));
    named.alerts[2].labels = [("alertname", "NotRouted"), ("job", "node")].into_iter().collect();
    named.alerts[2].service = Some("node".into());
    let view = stage.view(&named);
    let alerts = &view.book.as_ref().unwrap().alerts;
    let service = |name: &str| alerts.iter().find(|a| a.name() == name).unwrap().service.as_deref().map(str::to_owned);
    assert_eq!(service("Slow").as_deref(), Some("checkout"));
    assert_eq!(service("Pending").as_deref(), Some("orders"));
    assert_eq!(service("NotRouted").as_deref(), Some("node"), "no service of RED, so its own label stays");
}

/// Alerts that neither a label nor a matcher gives a service: one for each instance, by a rule for each expression.
fn nameless(exprs: &[&str], instances: &[&str]) -> AlertBook {
    let of = |expr: &str, instance: &str| {
        let mut a = alert(expr, 2, 5, AlertState::Firing);
        a.labels = [("alertname", expr), ("instance", instance)].into_iter().collect();
        a.rule = Some(rule(&format!("sum by (instance) (rate({expr}[5m])) > 1")));
        (a.service, a.routing) = (None, None);
        a
    };
    let alerts = exprs.iter().flat_map(|expr| instances.iter().map(move |instance| of(expr, instance)));
    AlertBook { alerts: alerts.collect(), ..AlertBook::default() }
}

/// Answers what is asked of series with what they have in common.
fn tell(stage: &Stage, view: &mut Alerts, series: &[&[(&str, &str)]]) -> Vec<String> {
    let asked = std::cell::RefCell::new(Vec::new());
    feed(view, &stage.look(), SIZE, |need| {
        let Request::Instant { query, .. } = &need.request else { return None };
        if need.slot.pane != "services" {
            return None;
        }
        asked.borrow_mut().push(query.clone());
        let elements = series.iter().map(|labels| (labels.iter().copied().collect(), Sample { at: NOW, value: 1.0 })).collect();
        Some(Ok(Response::Vector(Vector { elements, warnings: Vec::new() })))
    });
    asked.into_inner()
}

fn services(view: &Alerts) -> Vec<Option<&str>> {
    view.rows
        .iter()
        .map(|row| if let Row::Alert(i) = row { view.book.as_ref().unwrap().alerts[*i].service.as_deref() } else { None })
        .collect()
}

#[test]
fn the_series_of_its_expression_tell_the_service_of_an_alert_that_says_nothing_of_it() {
    let stage = Stage::new();
    let mut view = Alerts::default();
    stage.prometheus(&mut view, Ok(of_prometheus(&nameless(&["x"], &["a:1", "b:1", "c:1"]))));
    assert_eq!(services(&view), [None, None, None]);
    let series: [&[(&str, &str)]; 5] = [
        &[("instance", "a:1"), ("job", "node"), ("service", "shop/orders")],
        &[("instance", "b:1"), ("job", "node"), ("service", "web")],
        &[("instance", "b:1"), ("job", "node"), ("service", "cart")],
        &[("instance", "c:1"), ("job", "node")],
        &[("instance", "d:1"), ("job", "node"), ("service", "mail")],
    ];
    let asked = tell(&stage, &mut view, &series);
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with("group by (app, ") && asked[0].ends_with(r#"(x{instance=~"a:1|b:1|c:1"})"#), "{asked:?}");
    assert_eq!(services(&view), [Some("orders"), None, None], "two services are none, and an exporter's job is no service");
    let facts = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(facts.contains("orders (the series of its expression are"), "{facts}");
    stage.run(&mut view, Command::Down);
    let facts = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(facts.contains("not one: the series of its expression are"), "{facts}");
}

#[test]
fn what_red_knows_as_a_service_is_one_also_by_its_job() {
    let mut stage = Stage::new();
    stage.shared.red.settle(NOW, Ok(Arc::new(crate::app::testing::red_mapping(&["orders"]))));
    let mut view = Alerts::default();
    stage.prometheus(&mut view, Ok(of_prometheus(&nameless(&["x"], &["a:1"]))));
    tell(&stage, &mut view, &[&[("instance", "a:1"), ("job", "orders"), ("container", "app")]]);
    assert_eq!(services(&view), [Some("orders")]);
}

#[test]
fn a_few_rules_are_asked_for_at_once_and_in_the_end_all() {
    let stage = Stage::new();
    let names: Vec<String> = (0..20).map(|n| format!("metric_{n}")).collect();
    let exprs: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut view = Alerts { group: Some(Group::None), ..Alerts::default() };
    stage.prometheus(&mut view, Ok(of_prometheus(&nameless(&exprs, &["a:1"]))));
    let rounds: Vec<Vec<String>> = (0..3).map(|_| tell(&stage, &mut view, &[&[("instance", "a:1"), ("service", "orders")]])).collect();
    assert!(rounds.iter().all(|asked| asked.len() <= 8), "{rounds:?}");
    let all: BTreeSet<&String> = rounds.iter().flatten().collect();
    assert_eq!((all.len(), services(&view)), (20, vec![Some("orders"); 20]));
}

#[test]
fn who_told_the_service_is_said_where_no_label_does() {
    let stage = Stage::new();
    let mut book = book();
    book.alerts.truncate(1);
    book.alerts[0].labels.remove("service");
    book.alerts[0].service = Some("orders".into());
    book.alerts[0].rule = Some(rule(r#"sum(rate(x{job="shop/orders"}[5m])) > 1"#));
    let text = draw(&stage.view(&book), &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("orders (its expression asks for it)"), "{text}");
    book.alerts[0].rule = Some(rule("x > 1"));
    let text = draw(&stage.view(&book), &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("orders (a label in Alertmanager)"), "{text}");
    book.alerts[0].labels.set("service", "orders");
    let text = draw(&stage.view(&book), &stage.look(), SIZE.0, SIZE.1);
    assert!(!text.contains("orders ("), "{text}");
}
