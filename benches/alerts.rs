//! Figures of the Alerts view with 10,000 alerts of 500 rules, 200×50: `cargo bench --bench alerts`. Prints, asserts nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{sync::Arc, time::Duration};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{buffer::Buffer, layout::Rect};
use redline::{
    app::{App, Settings, Shared},
    core::{
        command::ViewKind,
        keymap::Keymap,
        msg::{Event, Msg},
        request::{Answer, Request, Response},
        scope::Scope,
    },
    model::{
        alert::{Alert, AlertState, Routing, Rule, Severity},
        alert_book::{AlertmanagerAlerts, PrometheusAlerts},
        series::Vector,
        time::{TimeWindow, Timestamp},
    },
    theme::{Glyphs, Theme},
};
use support::{Watch, figure, millis, percentile};

const NOW: Timestamp = Timestamp::from_secs(1_795_293_000);
const AREA: Rect = Rect { x: 0, y: 0, width: 200, height: 50 };
const ALERTS: u64 = 10_000;
const RULES: u64 = 500;

fn rule(n: u64) -> Arc<Rule> {
    let query = format!(
        r#"sum by (pod) (rate(http_requests_total{{job="svc-{n}",code=~"5.."}}[5m])) / sum by (pod) (rate(http_requests_total{{job="svc-{n}"}}[5m])) > 0.05"#
    );
    let (name, hold) = (format!("ErrorsHigh{n}"), Duration::from_secs(60));
    Arc::new(Rule { name, query, hold, last_evaluation: Some(NOW), ..Rule::default() })
}

fn alert(n: u64, rule: &Arc<Rule>) -> Alert {
    let service = format!("svc-{}", n % RULES);
    let pod = format!("{service}-7d9f-{n}");
    let labels = [
        ("alertname", rule.name.as_str()),
        ("service", &service),
        ("pod", &pod),
        ("severity", "warning"),
        ("namespace", "shop"),
        ("team", "payments"),
        ("cluster", "eu"),
        ("instance", "10.0.0.7:9090"),
    ];
    let annotations = [("summary", "errors above 5 %"), ("description", "More than 5 % of the requests fail; see the runbook.")];
    Alert {
        annotations: annotations.into_iter().collect(),
        severity: Severity(3),
        value: Some(0.1 + n as f64 / 1e6),
        rule: Some(rule.clone()),
        service: Some(service.as_str().into()),
        ..Alert::new(labels.into_iter().collect(), AlertState::Firing, NOW - Duration::from_secs(60 + n % 900))
    }
}

fn routed(alert: &Alert) -> Alert {
    let routing = Routing { receivers: vec!["pager".to_owned()], ..Routing::default() };
    let mut labels = alert.labels.clone();
    labels.set("replica", "0");
    Alert { labels, rule: None, value: None, routing: Some(routing), ..alert.clone() }
}

/// Answers what the page asks of those who tell alerts.
fn answer(app: &mut App, ours: &PrometheusAlerts, theirs: &AlertmanagerAlerts) {
    for need in app.subscriptions() {
        let response = match &need.request {
            Request::PrometheusAlerts => Response::PrometheusAlerts(ours.clone()),
            Request::AlertmanagerAlerts => Response::AlertmanagerAlerts(theirs.clone()),
            Request::Instant { .. } => Response::Vector(Vector::default()),
            _ => continue,
        };
        let answer = Answer { slot: need.slot, request: Arc::new(need.request), asked: NOW, result: Ok(response) };
        app.update(Msg { now: NOW, event: Event::Answer(Box::new(answer)) });
    }
}

/// What the shell does after a message: asks what is needed, when to wake, and draws.
fn turn(app: &mut App) {
    let mut buf = Buffer::empty(AREA);
    std::hint::black_box(app.subscriptions());
    std::hint::black_box(app.next_wake());
    app.render(AREA, &mut buf);
    std::hint::black_box(buf);
}

/// Milliseconds of each key, from the key to the frame.
fn keys(app: &mut App, keys: impl Iterator<Item = KeyCode>) -> Vec<f64> {
    keys.map(|key| {
        let watch = Watch::start();
        app.update(Msg { now: NOW, event: Event::Key(KeyEvent::from(key)) });
        turn(app);
        millis(watch.busy())
    })
    .collect()
}

fn main() {
    let rules: Vec<Arc<Rule>> = (0..RULES).map(rule).collect();
    let alerts: Vec<Alert> = (0..ALERTS).map(|n| alert(n, &rules[(n % RULES) as usize])).collect();
    let theirs = AlertmanagerAlerts { alerts: alerts.iter().map(routed).collect(), ..AlertmanagerAlerts::default() };
    let ours = PrometheusAlerts { alerts, rules, told_at: NOW, tells_rules: true, ..PrometheusAlerts::default() };
    let keymap = Keymap::new(&std::collections::BTreeMap::new()).0;
    let shared = Shared::new(Settings::default(), keymap, Theme::default(), Glyphs::UNICODE);
    let scope = Scope::new("bench", TimeWindow::Last(Duration::from_secs(3600)));
    let mut app = App::new(shared, ViewKind::Alerts, scope, &[], NOW, (AREA.width, AREA.height));

    let watch = Watch::start();
    answer(&mut app, &ours, &theirs);
    turn(&mut app);
    figure("10,000 alerts answered by both backends: to the list", millis(watch.busy()), "ms").note();
    let mut refreshed = ours.clone();
    refreshed.told_at = NOW + Duration::from_secs(1);
    let watch = Watch::start();
    answer(&mut app, &refreshed, &theirs);
    turn(&mut app);
    figure("the same, refreshed", millis(watch.busy()), "ms").note();

    let mut filtered = keys(&mut app, "/svc-12 team=payments".chars().map(KeyCode::Char));
    figure("folded by origin: a key of the filter, p99", percentile(&mut filtered, 0.99), "ms").at_most(8.0);
    keys(&mut app, std::iter::once(KeyCode::Esc));
    let mut folded = keys(&mut app, (0..500).map(|n| KeyCode::Char(if n % 50 < 25 { 'j' } else { 'k' })));
    figure("folded by origin: a key to its frame, p99 of 500", percentile(&mut folded, 0.99), "ms").at_most(8.0);
    let mut grouped = keys(&mut app, ['b', 'b'].into_iter().map(KeyCode::Char));
    figure("grouped anew, the slower of two", percentile(&mut grouped, 1.0), "ms").note();
    let mut moved = keys(&mut app, (0..500).map(|n| KeyCode::Char(if n % 50 < 40 { 'j' } else { 'k' })));
    figure("one by one: a key to its frame, p99 of 500", percentile(&mut moved, 0.99), "ms").at_most(8.0);
    let mut typed = keys(&mut app, "/svc-12 team=payments".chars().map(KeyCode::Char));
    figure("one by one: a key of the filter, p99", percentile(&mut typed, 0.99), "ms").at_most(8.0);
    let mut sorted = keys(&mut app, std::iter::once(KeyCode::Esc).chain("OOOOOOOO".chars().map(KeyCode::Char)));
    figure("sorted by another column, the slowest", percentile(&mut sorted, 1.0), "ms").note();
}
