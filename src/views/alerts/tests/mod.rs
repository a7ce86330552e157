//! The Alerts view as its user meets it.

mod expression;
mod filter;
mod infra;
mod list;
mod naming;
mod storm;
mod told;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    app::{
        Shared,
        testing::{draw, feed, look, needs, test_shared, type_text, with},
    },
    core::{
        request::{Refresh, Request, Response, Subscription},
        scope::Scope,
    },
    model::{
        alert::{AlertState, Engine, Routing, Rule, Severity},
        alert_book::{AlertmanagerAlerts, PrometheusAlerts},
        backend::{Backend, ErrorKind, SourceError},
        labels::Labels,
        series::{Matrix, Sample, Series, Vector},
        time::TimeWindow,
    },
    views::{Act, alerts::rows::Heading},
};

const NOW: Timestamp = Timestamp::from_secs(36_000);
const SIZE: (u16, u16) = (120, 30);

fn rule(query: &str) -> Arc<Rule> {
    Arc::new(Rule {
        name: "x".to_owned(),
        query: query.to_owned(),
        interval: Duration::from_secs(15),
        hold: Duration::from_secs(600),
        last_evaluation: Some(NOW - Duration::from_secs(4)),
        ..Rule::default()
    })
}

fn alert(name: &str, severity: u8, minutes: u64, state: AlertState) -> Alert {
    let labels = [("alertname", name), ("service", "orders"), ("team", "shop")].into_iter().collect();
    Alert {
        annotations: [("summary", "p95 above 1 s"), ("runbook_url", "wiki/orders")].into_iter().collect(),
        severity: Severity(severity),
        value: Some(8.42),
        rule: Some(rule("latency > 1")),
        routing: Some(Routing { receivers: vec!["pager".to_owned()], ..Routing::default() }),
        service: Some("orders".into()),
        ..Alert::new(labels, state, NOW - Duration::from_secs(60 * minutes))
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
        tells_rules: true,
        told_at: NOW,
        notes: Vec::new(),
    }
}

fn of_alertmanager(book: &AlertBook) -> AlertmanagerAlerts {
    let known = book.alerts.iter().filter(|a| a.routing.is_some());
    let alerts = known.map(|a| Alert { rule: None, value: None, state: AlertState::Firing, ..a.clone() }).collect();
    AlertmanagerAlerts { alerts, silences: book.silences.clone(), ..AlertmanagerAlerts::default() }
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
                    Request::RulerAlerts => Response::PrometheusAlerts(PrometheusAlerts::default()),
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
