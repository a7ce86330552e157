use std::sync::Arc;

use crossterm::event::KeyCode;
use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Shared,
        testing::{draw, feed, look, needs, test_shared, with},
    },
    core::scope::Scope,
    model::{
        alert::{AlertState, Routing, Rule, Severity},
        backend::{Backend, ErrorKind, SourceError},
        series::{Sample, Series},
    },
    views::Act,
};

const NOW: Timestamp = Timestamp::from_secs(36_000);
const SIZE: (u16, u16) = (120, 30);

fn rule(query: &str) -> Arc<Rule> {
    Arc::new(Rule {
        group: "shop".to_owned(),
        name: "x".to_owned(),
        query: query.to_owned(),
        hold: Duration::from_secs(600),
        keep_firing_for: Duration::ZERO,
        labels: Labels::new(),
        annotations: Labels::new(),
        error: None,
        last_evaluation: Some(NOW - Duration::from_secs(4)),
    })
}

fn alert(name: &str, severity: u8, minutes: u64, state: AlertState) -> Alert {
    Alert {
        labels: [("alertname", name), ("service", "orders"), ("team", "shop")].into_iter().collect(),
        annotations: [("summary", "p95 above 1 s"), ("runbook_url", "wiki/orders")].into_iter().collect(),
        state,
        severity: Severity(severity),
        since: NOW - Duration::from_secs(60 * minutes),
        value: Some(8.42),
        rule: Some(rule("latency > 1")),
        routing: Some(Routing { receivers: vec!["pager".to_owned()], ..Routing::default() }),
        generator_url: None,
        service: Some("orders".into()),
    }
}

fn book() -> AlertBook {
    let mut unknown = alert("NotRouted", 2, 15, AlertState::Firing);
    unknown.routing = None;
    let mut alien = alert("OnlyThere", 3, 5, AlertState::Firing);
    alien.rule = None;
    let alerts = vec![
        alert("Slow", 2, 16, AlertState::Firing),
        alert("Pending", 3, 2, AlertState::Pending),
        unknown,
        alert("Budget", 1, 18, AlertState::Firing),
        alien,
    ];
    AlertBook { alerts, rules: vec![rule("latency > 1")], ..AlertBook::default() }
}

fn of_prometheus(book: &AlertBook) -> PrometheusAlerts {
    let known = book.alerts.iter().filter(|a| a.rule.is_some());
    PrometheusAlerts { alerts: known.map(|a| Alert { routing: None, ..a.clone() }).collect(), rules: book.rules.clone() }
}

fn of_alertmanager(book: &AlertBook) -> AlertmanagerAlerts {
    let known = book.alerts.iter().filter(|a| a.routing.is_some());
    let alerts = known.map(|a| Alert { rule: None, value: None, state: AlertState::Firing, ..a.clone() }).collect();
    AlertmanagerAlerts { alerts, silences: book.silences.clone() }
}

fn refused(backend: Backend) -> SourceError {
    SourceError::new(backend, ErrorKind::Unreachable, "connect refused")
}

fn matrix(range: crate::model::time::TimeRange) -> Response {
    let samples = (0..120).map(|i| Sample { at: range.start + Duration::from_secs(30 * i), value: if i < 80 { 0.2 } else { 8.4 } });
    let series = Series { labels: [("service", "orders")].into_iter().collect(), samples: samples.collect() };
    Response::Matrix(Matrix { series: vec![series], range, step: Duration::from_secs(30), warnings: Vec::new() })
}

struct Stage {
    shared: Shared,
    scope: Scope,
}

impl Stage {
    fn new() -> Self {
        Self { shared: test_shared(), scope: Scope::new("prod", TimeWindow::Last(HOUR)) }
    }

    fn look(&self) -> Look<'_> {
        look(&self.shared, &self.scope, NOW)
    }

    /// Answers until nothing new is asked.
    fn view(&self, book: &AlertBook) -> Alerts {
        let mut view = Alerts::default();
        let range = self.look().range();
        for _ in 0..2 {
            feed(&mut view, &self.look(), SIZE, |need| {
                Some(Ok(match need.request {
                    Request::PrometheusAlerts => Response::PrometheusAlerts(of_prometheus(book)),
                    Request::AlertmanagerAlerts => Response::AlertmanagerAlerts(of_alertmanager(book)),
                    _ => matrix(range),
                }))
            });
        }
        view
    }

    fn prometheus(&self, view: &mut Alerts, told: Result<PrometheusAlerts, SourceError>) {
        feed(view, &self.look(), SIZE, |n| (n.request == Request::PrometheusAlerts).then(|| told.clone().map(Response::PrometheusAlerts)));
    }

    fn alertmanager(&self, view: &mut Alerts, told: Result<AlertmanagerAlerts, SourceError>) {
        feed(view, &self.look(), SIZE, |n| {
            (n.request == Request::AlertmanagerAlerts).then(|| told.clone().map(Response::AlertmanagerAlerts))
        });
    }

    fn run(&self, view: &mut Alerts, command: Command) -> Vec<Act> {
        with(&self.look(), SIZE, |cx| view.command(cx, command)).1
    }

    fn order(&self, view: &Alerts) -> Vec<String> {
        let book = view.book.as_ref().unwrap();
        view.rows.iter().map(|r| if let Row::Alert(i) = r { book.alerts[*i].name().to_owned() } else { "-".to_owned() }).collect()
    }
}

#[test]
fn alerts_are_ordered_by_severity_then_onset_with_all_that_matters_in_the_row() {
    let stage = Stage::new();
    let view = stage.view(&book());
    assert_eq!(stage.order(&view), ["Budget", "Slow", "NotRouted", "OnlyThere", "Pending"]);
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("Alerts ── 4 firing · 1 pending"), "{text}");
    assert!(text.contains("by severity, onset ── 1 of 5"), "{text}");
    let row = text.lines().find(|l| l.contains("Slow")).unwrap();
    for part in ["P2", "firing", "orders", "  6m", "8.42 > 1", "▁", "▇", "p95 above 1 s"] {
        assert!(row.contains(part), "{part} in {row}");
    }
    assert!(text.contains("2m/10m"), "{text}");
}

#[test]
fn who_does_not_know_an_alert_is_said() {
    let stage = Stage::new();
    let view = stage.view(&book());
    let text = draw(&view, &stage.look(), 160, 30);
    assert!(text.contains("not in Alertmanager: no one is told") && text.contains("only Alertmanager knows this alert"), "{text}");
    let mut view = Alerts::default();
    stage.prometheus(&mut view, Ok(of_prometheus(&book())));
    let text = draw(&view, &stage.look(), 160, 30);
    assert!(!text.contains("no one is told") && text.contains("waiting for alertmanager"), "{text}");
    stage.alertmanager(&mut view, Err(refused(Backend::Alertmanager)));
    let text = draw(&view, &stage.look(), 160, 30);
    assert!(!text.contains("no one is told") && text.contains("alertmanager: connect refused"), "{text}");
}

#[test]
fn the_first_row_is_selected_whoever_tells_first() {
    let stage = Stage::new();
    let mut view = Alerts::default();
    let mut told = of_alertmanager(&book());
    for (alert, minutes) in told.alerts.iter_mut().zip([50, 40, 30, 20]) {
        (alert.since, alert.severity) = (NOW - Duration::from_secs(60 * minutes), Severity(1));
    }
    stage.alertmanager(&mut view, Ok(told));
    assert_eq!(view.alert().unwrap().name(), "Slow");
    stage.prometheus(&mut view, Ok(of_prometheus(&book())));
    assert_eq!((view.alert().unwrap().name(), view.table.selected), ("OnlyThere", 0), "{:?}", stage.order(&view));
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
fn two_alerts_that_draw_the_same_keep_what_was_answered() {
    let stage = Stage::new();
    let mut both = book();
    both.alerts[3].rule = Some(rule("latency > 5"));
    let mut view = stage.view(&both);
    let drawn = |view: &Alerts| view.expression.value().is_some();
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
    assert_eq!((asked.len(), ranges.len()), (4, 2), "{asked:?}");
    assert!(
        asked.iter().all(
            |n| !matches!(n.refresh, Refresh::Every(d) if d < stage.shared.settings.refresh_alerts.min(stage.shared.settings.refresh))
        )
    );
}

#[test]
fn enter_narrows_the_scope_to_the_alert() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    let [Act::Push(kind, scope)] = &stage.run(&mut view, Command::Drill)[..] else { panic!() };
    assert_eq!((*kind, scope.service.as_deref()), (ViewKind::Service, Some("orders")));
    assert_eq!(scope.alert.as_ref().unwrap().name, "Budget");
    assert!(matches!(scope.window, TimeWindow::Since(t) if t < NOW - Duration::from_secs(18 * 60)));
    let mut lonely = book();
    lonely.alerts.truncate(1);
    lonely.alerts[0].service = None;
    let mut view = stage.view(&lonely);
    assert!(matches!(&stage.run(&mut view, Command::Drill)[..], [Act::Push(ViewKind::Services, _)]));
}

#[test]
fn the_selection_stays_on_its_alert_when_rows_move() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    stage.run(&mut view, Command::Down);
    let name = view.alert().unwrap().name().to_owned();
    for _ in 0..4 {
        stage.run(&mut view, Command::Order);
        assert_eq!(view.alert().unwrap().name(), name);
    }
    stage.run(&mut view, Command::Group);
    assert_eq!(view.alert().unwrap().name(), name);
    let with_new = AlertBook { alerts: std::iter::once(alert("New", 1, 60, AlertState::Firing)).chain(book().alerts).collect(), ..book() };
    stage.prometheus(&mut view, Ok(of_prometheus(&with_new)));
    assert_eq!(view.alert().unwrap().name(), name);
}

#[test]
fn groups_have_headings_and_lose_no_alert() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    stage.run(&mut view, Command::Group);
    stage.run(&mut view, Command::Group);
    assert_eq!(stage.order(&view), ["-", "Budget", "Slow", "NotRouted", "OnlyThere", "Pending"]);
    stage.run(&mut view, Command::Top);
    assert!(view.facts(&stage.look()).drill.is_some(), "a heading leads nowhere");
}

#[test]
fn the_filter_works_as_it_is_typed_and_esc_removes_it() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    stage.run(&mut view, Command::Filter);
    assert!(view.is_typing());
    for c in "alertname=Slow".chars() {
        with(&stage.look(), SIZE, |cx| view.type_key(cx, KeyEvent::from(KeyCode::Char(c))));
    }
    assert_eq!(stage.order(&view), ["Slow"]);
    let prompt = view.prompt().unwrap().line(80);
    assert_eq!((prompt.text.trim_end(), prompt.column), (" /alertname=Slow", 16));
    with(&stage.look(), SIZE, |cx| view.type_key(cx, KeyEvent::from(KeyCode::Esc)));
    assert_eq!(stage.order(&view).len(), 5);
}

#[test]
fn an_alert_is_found_by_a_name_with_blanks() {
    let stage = Stage::new();
    let mut view = Alerts::new(Some("High error rate"));
    let mut book = book();
    book.alerts[0].labels.set("alertname", "High error rate");
    book.alerts[1].labels.set("alertname", "High");
    stage.prometheus(&mut view, Ok(of_prometheus(&book)));
    assert_eq!(stage.order(&view), ["High error rate"]);
}

#[test]
fn good_news_is_said_with_its_age() {
    let stage = Stage::new();
    let view = stage.view(&AlertBook { alerts: Vec::new(), ..book() });
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("No firing alerts.  1 rule healthy, last evaluated 4s ago."), "{text}");
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
fn a_small_screen_shows_the_details_as_a_page_of_their_own() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    let text = draw(&view, &stage.look(), 70, 18);
    assert!(text.contains("Budget") && !text.contains("expression"), "{text}");
    stage.run(&mut view, Command::NextPane);
    let text = draw(&view, &stage.look(), 70, 18);
    assert!(text.contains("expression") && text.contains("routed to"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_size_and_data_is_drawn(w in 1u16..=120, h in 1u16..=50, name in ".{0,30}", query in ".{0,30}", value in any::<f64>(), since in any::<i32>(), pane in 0u8..3) {
        let stage = Stage::new();
        let mut book = book();
        book.alerts[0].labels.set("alertname", name);
        book.alerts[0].rule = Some(rule(&query));
        book.alerts[0].value = Some(value);
        book.alerts[0].since = Timestamp::from_secs(i64::from(since));
        let mut view = stage.view(&book);
        for _ in 0..pane {
            stage.run(&mut view, Command::NextPane);
        }
        draw(&view, &stage.look(), w, h);
        needs(&view, &stage.look(), w, h);
        view.next_wake(&stage.look());
    }
}
