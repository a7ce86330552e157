//! What is said of who told what, and of good news.

use super::*;

#[test]
fn who_does_not_know_an_alert_is_said() {
    let stage = Stage::new();
    let view = stage.view(&book());
    let text = draw(&view, &stage.look(), 180, 30);
    assert!(text.contains("not in Alertmanager for 5m: no one is told") && text.contains("only Alertmanager knows this alert"), "{text}");
    let mut view = Alerts::default();
    stage.prometheus(&mut view, Ok(of_prometheus(&book())));
    let text = draw(&view, &stage.look(), 180, 30);
    assert!(!text.contains("no one is told") && text.contains("waiting for alertmanager"), "{text}");
    stage.alertmanager(&mut view, Err(refused(Backend::Alertmanager)));
    let text = draw(&view, &stage.look(), 180, 30);
    assert!(!text.contains("no one is told") && text.contains("alertmanager: connect refused"), "{text}");
}

#[test]
fn what_one_of_both_told_stays_when_it_fails() {
    let stage = Stage::new();
    let mut silenced = book();
    silenced.alerts[0].routing.as_mut().unwrap().silenced_by = vec!["s1".to_owned()];
    let mut view = stage.view(&silenced);
    assert_eq!(stage.order(&view).len(), 5);
    stage.alertmanager(&mut view, Err(refused(Backend::Alertmanager)));
    let text = draw(&view, &stage.look(), 160, 30);
    assert!(text.contains("3 firing") && text.contains("1 silenced") && text.contains("stale"), "{text}");
    stage.prometheus(&mut view, Err(refused(Backend::Prometheus)));
    let text = draw(&view, &stage.look(), 160, 30);
    assert!(text.contains("3 firing") && text.contains("connect refused"), "{text}");
}

#[test]
fn after_a_minute_without_an_answer_alerts_are_stale_and_say_what_they_were() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    stage.alertmanager(&mut view, Err(refused(Backend::Alertmanager)));
    stage.prometheus(&mut view, Err(refused(Backend::Prometheus)));
    let later = look(&stage.shared, &stage.scope, NOW + Duration::from_secs(90));
    feed(&mut view, &later, SIZE, |n| match n.request {
        Request::PrometheusAlerts => Some(Err(refused(Backend::Prometheus))),
        Request::AlertmanagerAlerts => Some(Err(refused(Backend::Alertmanager))),
        _ => None,
    });
    let text = draw(&view, &later, 200, 30);
    assert!(text.contains("Alerts ── 5 stale") && text.contains("was firing when last told, no answer for 1m"), "{text}");
}

#[test]
fn a_rule_that_cannot_be_evaluated_says_so() {
    let stage = Stage::new();
    let mut broken = book();
    let mut bad = (*rule("latency > 1")).clone();
    bad.error = Some("found duplicate series for the match group".to_owned());
    broken.alerts[3].rule = Some(Arc::new(bad));
    broken.rules.clear();
    let view = stage.view(&broken);
    let text = draw(&view, &stage.look(), 200, 40);
    for part in ["1 rule cannot be evaluated: x", "expression ── cannot be evaluated: found duplicate series", "error      found duplicate"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn good_news_is_said_with_its_age() {
    let stage = Stage::new();
    let view = stage.view(&AlertBook { alerts: Vec::new(), ..book() });
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("No firing alerts.  1 rule healthy, last evaluated 4s ago."), "{text}");
}

#[test]
fn with_prometheus_alone_good_news_is_good_news_and_an_alert_says_why_no_one_is_named() {
    let stage = Stage::new();
    let none = || Err(SourceError::new(Backend::Alertmanager, ErrorKind::NotConfigured, "no address"));
    let mut view = Alerts::default();
    stage.alertmanager(&mut view, none());
    stage.prometheus(&mut view, Ok(of_prometheus(&AlertBook { alerts: Vec::new(), ..book() })));
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("No firing alerts.  1 rule healthy") && text.contains("no alertmanager configured"), "{text}");
    stage.prometheus(&mut view, Ok(of_prometheus(&book())));
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("routed to  not known: no Alertmanager is configured") && !text.contains("no address"), "{text}");
}

#[test]
fn alerts_of_lokis_ruler_become_stale_where_nobody_else_tells_any() {
    let stage = Stage::new();
    let mut view = Alerts::default();
    stage.prometheus(&mut view, Err(SourceError::new(Backend::Prometheus, ErrorKind::NotConfigured, "no address")));
    stage.alertmanager(&mut view, Err(SourceError::new(Backend::Alertmanager, ErrorKind::NotConfigured, "no address")));
    let mut of_loki = of_prometheus(&book());
    let engine = |r: &Arc<Rule>| Arc::new(Rule { engine: Engine::Loki, ..(**r).clone() });
    of_loki.rules = of_loki.rules.iter().map(engine).collect();
    of_loki.alerts.iter_mut().for_each(|a| a.rule = a.rule.as_ref().map(engine));
    for (seconds, answers) in [(0, true), (10, false), (90, false)] {
        let later = look(&stage.shared, &stage.scope, NOW + Duration::from_secs(seconds));
        feed(&mut view, &later, SIZE, |n| match n.request {
            Request::RulerAlerts if answers => Some(Ok(Response::PrometheusAlerts(of_loki.clone()))),
            Request::RulerAlerts => Some(Err(refused(Backend::Loki))),
            _ => None,
        });
    }
    let later = look(&stage.shared, &stage.scope, NOW + Duration::from_secs(90));
    let text = draw(&view, &later, 200, 30);
    assert!(text.contains("Alerts ── 4 stale"), "{text}");
}

#[test]
fn a_failure_says_what_and_what_to_do() {
    let stage = Stage::new();
    let mut view = Alerts::default();
    let error = SourceError::new(Backend::Prometheus, ErrorKind::Unreachable, "connect to 10.0.0.7:9090 refused");
    feed(&mut view, &stage.look(), SIZE, |_| Some(Err(error.clone())));
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("prometheus: connect to 10.0.0.7:9090 refused") && text.contains("R now"), "{text}");
}

#[test]
fn that_there_are_no_rules_is_said_only_where_it_is_known() {
    let stage = Stage::new();
    let none = AlertBook { alerts: Vec::new(), rules: Vec::new(), ..book() };
    let view = stage.view(&none);
    assert!(draw(&view, &stage.look(), SIZE.0, SIZE.1).contains("Prometheus has no alerting rules"));
    let mut view = Alerts::default();
    stage.alertmanager(&mut view, Ok(of_alertmanager(&none)));
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("No alerts in Alertmanager; Prometheus has not answered yet.") && !text.contains("no alerting rules"), "{text}");
    stage.prometheus(&mut view, Ok(PrometheusAlerts { tells_rules: false, ..of_prometheus(&none) }));
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("Prometheus does not tell its rules") && !text.contains("no alerting rules"), "{text}");
    let mut view = Alerts::default();
    stage.prometheus(&mut view, Ok(of_prometheus(&AlertBook { alerts: Vec::new(), ..book() })));
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("Alertmanager has not answered yet"), "{text}");
}

#[test]
fn what_prometheus_says_of_its_own_answer_is_shown() {
    let stage = Stage::new();
    let note = "prometheus says: alerting rules evaluation is disabled for user";
    let of = |book: AlertBook| {
        let mut view = Alerts::default();
        stage.alertmanager(&mut view, Ok(of_alertmanager(&book)));
        stage.prometheus(&mut view, Ok(PrometheusAlerts { notes: vec![note.to_owned()], ..of_prometheus(&book) }));
        draw(&view, &stage.look(), 200, 40)
    };
    for (book, times) in [(AlertBook { alerts: Vec::new(), rules: Vec::new(), ..book() }, 2), (book(), 1)] {
        let text = of(book);
        assert_eq!(text.matches(note).count(), times, "{text}");
    }
}
