use std::sync::Arc;

use crossterm::event::KeyCode;
use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Shared,
        testing::{draw, feed, look, needs, test_shared, with},
    },
    core::{
        request::{Refresh, Request, Response},
        scope::Scope,
    },
    model::{
        alert::{AlertState, Routing, Rule, Severity},
        alert_book::{AlertmanagerAlerts, PrometheusAlerts},
        backend::{Backend, ErrorKind, SourceError},
        series::{Matrix, Sample, Series, Vector},
        time::TimeWindow,
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
        interval: Duration::from_secs(15),
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
        unrouted_since: None,
        doubt: None,
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
    let rules = book.rules.iter().cloned().chain(book.alerts.iter().filter_map(|a| a.rule.clone()));
    PrometheusAlerts {
        alerts: known.map(|a| Alert { routing: None, ..a.clone() }).collect(),
        rules: rules.collect(),
        told_at: NOW,
        notes: Vec::new(),
    }
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
        Self { shared: test_shared(), scope: Scope::new("prod", TimeWindow::Last(data::HOUR)) }
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
                    Request::Instant { .. } => Response::Vector(Vector::default()),
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
    assert_eq!((asked.len(), ranges.len()), (6, 2), "{asked:?}");
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
    lonely.alerts[0].labels.remove("service");
    let mut view = stage.view(&lonely);
    assert!(matches!(&stage.run(&mut view, Command::Drill)[..], [Act::Push(ViewKind::Services, _)]));
}

#[test]
fn the_selection_stays_on_its_alert_when_rows_move() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    stage.run(&mut view, Command::Down);
    let name = view.alert().unwrap().name().to_owned();
    for _ in 0..8 {
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
    stage.run(&mut view, Command::Drill);
    assert_eq!(stage.order(&view), ["-"], "Enter on a heading folds it");
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("▸ P1 orders  4 firing · 1 pending  since 8m"), "{text}");
    stage.run(&mut view, Command::Right);
    assert_eq!(stage.order(&view).len(), 6);
    stage.run(&mut view, Command::Bottom);
    stage.run(&mut view, Command::Left);
    assert_eq!(stage.order(&view), ["-"], "and so does the arrow on any of its alerts");
}

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
fn a_storm_without_a_service_graph_folds_by_onset_and_labels() {
    let stage = Stage::new();
    let view = stormy(&stage, false);
    let text = draw(&view, &stage.look(), 200, 50);
    assert!(text.contains("by common onset and labels") && text.contains("began within"), "{text}");
    let held: usize = view.rows.iter().map(|r| if let Row::Group(h) = r { h.members.len() } else { 0 }).sum();
    assert_eq!(held, 402);
}

#[test]
fn states_add_up_and_what_is_over_comes_last() {
    let stage = Stage::new();
    let mut both = book();
    both.alerts[0].routing.as_mut().unwrap().silenced_by = vec!["s1".to_owned()];
    both.alerts[3].routing.as_mut().unwrap().inhibited_by = vec!["f1".to_owned()];
    let mut view = stage.view(&both);
    let over = |name: &str| {
        ([("alertname", name), ("alertstate", "firing"), ("severity", "page")].into_iter().collect(), Sample { at: NOW, value: 35_400.0 })
    };
    feed(&mut view, &stage.look(), SIZE, |n| {
        (n.slot.pane == "resolved").then(|| Ok(Response::Vector(Vector { elements: vec![over("Gone")], warnings: Vec::new() })))
    });
    let text = draw(&view, &stage.look(), 200, 30);
    assert!(text.contains("2 firing · 1 pending · 1 silenced · 1 inhibited · 1 resolved"), "{text}");
    assert_eq!(stage.order(&view).last().map(String::as_str), Some("Gone"), "although it was a page");
    let row = text.lines().find(|l| l.contains("Gone")).unwrap();
    assert!(row.contains("resolved") && row.contains("10m") && row.contains("fired until 09:50"), "{row}");
}

#[test]
fn every_column_can_be_sorted_by() {
    let stage = Stage::new();
    let mut wild = book();
    let mut set = |i: usize, value: f64, summary: &str, minutes: u64| {
        let a: &mut Alert = &mut wild.alerts[i];
        a.value = Some(value);
        a.annotations.set("summary", summary);
        a.since = NOW - Duration::from_secs(60 * minutes);
        a.labels.set("n", i.to_string());
    };
    set(0, 3.0, "b", 30);
    set(1, 9.0, "a", 31);
    set(2, 2.0, "d", 32);
    set(3, 4.0, "c", 33);
    wild.alerts.truncate(4);
    let mut view = stage.view(&wild);
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.push((view.order, stage.order(&view)));
        stage.run(&mut view, Command::Order);
    }
    assert_eq!(view.order, Order::Severity, "round and round");
    let of = |order| seen.iter().find(|(o, _)| *o == order).unwrap().1.join(" ");
    assert_eq!(of(Order::Value), "Pending Budget Slow NotRouted");
    assert_eq!(of(Order::Summary), "Pending Slow Budget NotRouted");
    assert_eq!(of(Order::Name), "Budget NotRouted Pending Slow");
    assert_eq!(of(Order::Oldest), "Pending Budget NotRouted Slow");
    assert_eq!(of(Order::Newest), "Slow NotRouted Budget Pending");
    assert_eq!(of(Order::State), "Budget NotRouted Slow Pending");
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
fn two_alerts_with_the_same_labels_are_two_rows_and_keep_the_selection() {
    let stage = Stage::new();
    let mut twins = book();
    twins.alerts.truncate(1);
    let mut twin = twins.alerts[0].clone();
    twin.value = Some(1.5);
    twins.alerts.push(twin);
    let mut view = stage.view(&twins);
    assert_eq!(stage.order(&view), ["Slow", "Slow"]);
    stage.run(&mut view, Command::Down);
    let value = view.alert().unwrap().value;
    stage.prometheus(&mut view, Ok(PrometheusAlerts { told_at: NOW + Duration::from_secs(1), ..of_prometheus(&twins) }));
    assert_eq!((view.table.selected, view.alert().unwrap().value), (1, value));
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
fn hostile_labels_and_annotations_of_any_size_are_drawn_as_text() {
    let stage = Stage::new();
    let mut hostile = book();
    let wild = "\u{1b}[2J\u{202e}\u{1f525}שלום\u{0}\r\n\u{7}".repeat(200);
    assert!(wild.len() > 4096);
    hostile.alerts[3].labels.set("alertname", wild.clone());
    hostile.alerts[3].labels.set("wild", wild.clone());
    hostile.alerts[3].annotations.set("summary", format!("{wild} {}", "x".repeat(100_000)));
    hostile.alerts[3].annotations.set("description", "word ".repeat(20_000));
    hostile.alerts[3].service = Some(wild.as_str().into());
    hostile.alerts.push(Alert { labels: Labels::new(), annotations: Labels::new(), service: None, ..hostile.alerts[0].clone() });
    let mut view = stage.view(&hostile);
    for pane in 0..3 {
        for (w, h) in [SIZE, (80, 24), (40, 10)] {
            let text = draw(&view, &stage.look(), w, h);
            assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "pane {pane}");
        }
        stage.run(&mut view, Command::NextPane);
    }
    assert!(draw(&view, &stage.look(), SIZE.0, SIZE.1).contains("(unnamed)"));
    stage.run(&mut view, Command::Filter);
    with(&stage.look(), SIZE, |cx| view.paste(cx, "wild=~\".*שלום.*\" "));
    assert_eq!(stage.order(&view).len(), 1, "a dot is any character, as in PromQL");
    with(&stage.look(), SIZE, |cx| view.type_key(cx, KeyEvent::from(KeyCode::Esc)));
    stage.run(&mut view, Command::Filter);
    with(&stage.look(), SIZE, |cx| view.paste(cx, "שלום"));
    assert_eq!(stage.order(&view).len(), 1);
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
    assert!(strip.contains("fired 3 times"), "{strip}");
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

#[test]
fn the_filter_knows_service_and_state_and_counts_what_passes() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    with(&stage.look(), SIZE, |cx| view.paste(cx, "service=orders state!=pending"));
    assert_eq!(stage.order(&view).len(), 4);
    let text = draw(&view, &stage.look(), 200, 30);
    assert!(text.contains("/service=orders state!=pending 4 of 5"), "{text}");
    with(&stage.look(), SIZE, |cx| view.paste(cx, " team=~("));
    assert_eq!(stage.order(&view).len(), 4, "a wrong regex hides nothing");
    assert!(draw(&view, &stage.look(), 200, 30).contains("no regular expression"));
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
