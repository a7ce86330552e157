//! The selected alert's expression and its strip.

use super::*;
use crate::core::typed::{Language, TypedQuery};

#[test]
fn two_alerts_that_draw_the_same_keep_what_was_answered() {
    let stage = Stage::new();
    let mut both = book();
    both.alerts[3].rule = Some(rule("latency > 5"));
    let mut view = stage.view(&both);
    let drawn = |view: &Alerts| view.data.expression.value().is_some();
    assert!(drawn(&view));
    stage.run(&mut view, Command::Down);
    assert!(drawn(&view), "the same query is not asked again");
    assert_eq!(view.alert().unwrap().name(), "Slow");
}

#[test]
fn the_details_show_the_expression_with_its_threshold_and_marks() {
    let stage = Stage::new();
    let view = stage.view(&book());
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    for part in
        ["┬ expression ── fires > 1", "╌╌╌", "firing 09:52 ▲", "○ pending 09:42", "routed to", "pager", "latency > 1", "wiki/orders"]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

#[test]
fn the_value_side_is_asked_and_each_rule_once() {
    let stage = Stage::new();
    let view = stage.view(&book());
    let asked = needs(&view, &stage.look(), SIZE.0, SIZE.1);
    let ranges: Vec<_> = asked.iter().filter(|n| matches!(&n.request, Request::Range { query, .. } if query == "latency")).collect();
    assert_eq!((asked.len(), ranges.len()), (7, 2), "{asked:?}");
    assert!(
        asked.iter().all(
            |n| !matches!(n.refresh, Refresh::Every(d) if d < stage.shared.settings.refresh_alerts.min(stage.shared.settings.refresh))
        )
    );
}

#[test]
fn logql_is_asked_of_loki_and_only_where_it_is_taken_apart() {
    let stage = Stage::new();
    for (query, expected) in [
        (r#"(sum(count_over_time({app="a"}[5m])) > 5)"#, Some(r#"sum(count_over_time({app="a"}[5m]))"#)),
        (r#"sum(rate({app="a"}[5m])) > sum(rate({app="b"}[5m]))"#, None),
    ] {
        let mut logs = book();
        logs.alerts[3].rule = Some(Arc::new(Rule { engine: Engine::Loki, ..(*rule(query)).clone() }));
        let view = stage.view(&logs);
        let asked = needs(&view, &stage.look(), SIZE.0, SIZE.1);
        let of_lines: Vec<&str> = asked
            .iter()
            .filter_map(|n| if let Request::LogRange { query, .. } = &n.request { Some(query.as_str()) } else { None })
            .collect();
        assert_eq!(of_lines, expected.into_iter().collect::<Vec<_>>(), "{query}");
        let to_prometheus = |n: &&Subscription| matches!(&n.request, Request::Range { query, .. } if query.contains("{app="));
        assert_eq!(asked.iter().find(to_prometheus), None);
        let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
        assert_eq!(text.contains("LogQL is drawn only where"), expected.is_none(), "{text}");
        assert_eq!(view.queries(&stage.look())[0].language, Language::LogQl, "the Query view opens it as what it is");
    }
    assert_eq!(stage.view(&book()).queries(&stage.look()), [TypedQuery::promql("latency > 1")]);
}

#[test]
fn an_expression_of_utf8_names_is_drawn() {
    let stage = Stage::new();
    let mut utf8 = book();
    let query = r#"sum({"http.server.request.duration", "service.name"="orders"}) > 5"#;
    utf8.alerts[3].rule = Some(rule(query));
    let view = stage.view(&utf8);
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("http.server.request.duration"), "{text}");
    let asked = needs(&view, &stage.look(), SIZE.0, SIZE.1);
    let drawn = asked.iter().find(|n| n.slot.pane == "expression").unwrap();
    let Request::Range { query: drawn, .. } = &drawn.request else { panic!() };
    assert!(drawn.contains(r#""http.server.request.duration""#) && drawn.contains(r#""service.name"="orders""#), "{drawn}");
}

#[test]
fn what_just_began_to_fire_is_in_the_strip_before_the_next_sample() {
    let stage = Stage::new();
    let mut fresh = book();
    fresh.alerts[3].since = NOW - Duration::from_secs(700);
    let mut view = stage.view(&fresh);
    feed(&mut view, &stage.look(), SIZE, |n| match &n.request {
        Request::Range { window, step, .. } if n.slot.pane == "day" => {
            Some(Ok(Response::Matrix(Matrix { series: Vec::new(), range: window.range(NOW), step: *step, warnings: Vec::new() })))
        }
        _ => None,
    });
    assert_eq!(view.alert().unwrap().name(), "Budget");
    assert!(draw(&view, &stage.look(), 200, 50).contains("▁█  fired 1 time"));
    let later = look(&stage.shared, &stage.scope, NOW + Duration::from_secs(3600));
    assert!(draw(&view, &later, 200, 50).contains("no history in ALERTS"));
}

#[test]
fn the_strip_tells_when_it_fired_within_the_day() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    let at = |hours: u64| Sample { at: NOW - Duration::from_secs(3600 * hours), value: 1.0 };
    let series = |state: &str, hours: &[u64]| Series {
        labels: [("alertstate", state)].into_iter().collect(),
        samples: hours.iter().map(|h| at(*h)).collect(),
    };
    feed(&mut view, &stage.look(), SIZE, |n| match &n.request {
        Request::Range { query, window, step } if n.slot.pane == "day" => {
            assert!(query.contains(r#"alertname="Budget""#) && query.contains(r#"team="shop""#), "{query}");
            let series = vec![series("firing", &[0, 10, 20]), series("pending", &[11])];
            Some(Ok(Response::Matrix(Matrix { series, range: window.range(NOW), step: *step, warnings: Vec::new() })))
        }
        _ => None,
    });
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    let strip = text.lines().find(|l| l.contains("24h")).unwrap();
    assert!(strip.contains("  3 times "), "{strip}");
    let count = |text: &str, c: char| text.lines().find(|l| l.contains("24h")).unwrap().matches(c).count();
    assert_eq!((count(&text, '█'), count(&text, '▄'), count(&text, '▁')), (3, 1, 20), "{strip}");
    let wide = draw(&view, &stage.look(), 200, 50);
    assert_eq!((count(&wide, '█'), count(&wide, '▄'), count(&wide, '▁')), (3, 1, 44), "{wide}");
}

#[test]
fn shares_are_shown_in_percent_and_all_thresholds_drawn() {
    let stage = Stage::new();
    let mut shares = book();
    shares.alerts[3].rule = Some(rule("sum(a) / sum(b) > 0.05 or sum(a) / sum(b) < 0.001"));
    shares.alerts[3].value = Some(0.23);
    let view = stage.view(&shares);
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("23.0 % > 5 %") && text.contains("fires > 5 %, < 0.1 %"), "{text}");
}

#[test]
fn an_expression_of_lines_is_sized_first_and_not_drawn_where_it_would_read_too_much() {
    let size = |bytes: u64| {
        let mut stage = Stage::new();
        stage.shared.settings.ask_above = Some(10 << 30);
        let mut logs = book();
        logs.alerts[3].rule =
            Some(Arc::new(Rule { engine: Engine::Loki, ..(*rule(r#"sum(count_over_time({env=~".+"}[5m])) > 5"#)).clone() }));
        let mut view = Alerts::default();
        for _ in 0..2 {
            feed(&mut view, &stage.look(), SIZE, |need| match need.request {
                Request::PrometheusAlerts => Some(Ok(Response::PrometheusAlerts(of_prometheus(&logs)))),
                Request::AlertmanagerAlerts => Some(Ok(Response::AlertmanagerAlerts(of_alertmanager(&logs)))),
                Request::RulerAlerts => Some(Ok(Response::PrometheusAlerts(PrometheusAlerts::default()))),
                Request::Instant { .. } => Some(Ok(Response::Vector(Vector::default()))),
                _ => None,
            });
        }
        let of_lines =
            |view: &Alerts| needs(view, &stage.look(), SIZE.0, SIZE.1).iter().any(|n| matches!(n.request, Request::LogRange { .. }));
        assert!(!of_lines(&view), "its size is not known");
        feed(&mut view, &stage.look(), SIZE, |n| match &n.request {
            Request::LogSize { .. } => Some(Ok(Response::LogSize(crate::model::log_size::LogSize::new(vec![(Labels::new(), bytes)])))),
            _ => None,
        });
        (of_lines(&view), draw(&view, &stage.look(), SIZE.0, SIZE.1))
    };
    assert!(size(1 << 30).0);
    let (is_asked, text) = size(50 << 30);
    assert!(!is_asked && text.contains("Not drawn: Loki would read 50.0 GiB over 1h"), "{text}");
}
