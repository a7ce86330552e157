//! The table of alerts without a screen, for people and for programs.

use serde_json::{Value, json};

use super::{
    exprs::Exprs,
    naming::{Names, Selected},
    rows::{self, Order},
    told,
};
use crate::{
    alert_expr::{Limit, Split},
    model::{
        alert::{Alert, AlertState, Routing},
        alert_book::{self, AlertBook, Told},
        backend::SourceError,
        labels::Labels,
        series::Vector,
        time::Timestamp,
    },
    red::RedMapping,
    ui::{
        format,
        text::{is_harmful, width},
    },
};

/// Longest name in the table.
const MOST: usize = 40;

/// Which alerts are asked for.
#[derive(Clone, Debug, Default)]
pub struct Only {
    /// Of this name.
    pub name: Option<String>,
    /// Of this service.
    pub service: Option<String>,
    /// With these labels.
    pub labels: Vec<(String, String)>,
}

impl Only {
    fn admits(&self, alert: &Alert) -> bool {
        self.name.as_ref().is_none_or(|name| alert.name() == name)
            && self.service.as_ref().is_none_or(|service| alert.service.as_deref() == Some(service))
            && self.labels.iter().all(|(name, value)| alert.labels.get(name) == Some(value))
    }
}

/// What the Alerts view would show.
pub struct Report {
    book: AlertBook,
    exprs: Exprs,
    now: Timestamp,
}

/// What was told of alerts, before it is known what all of them are about.
pub struct Draft<'a> {
    book: AlertBook,
    exprs: Exprs,
    names: Names<'a>,
    selected: Selected,
    now: Timestamp,
}

impl<'a> Draft<'a> {
    /// From what was told.
    pub fn new(told: &Told<'_>, red: Option<&'a RedMapping>, own_services: &'a [String]) -> Self {
        let (mut book, mut exprs, mut selected) = (alert_book::merge(told), Exprs::default(), Selected::default());
        exprs.learn(&book);
        let names = Names::new(red, own_services);
        names.name(&mut book, &exprs);
        selected.name(&mut book, &exprs, &names);
        Self { book, exprs, names, selected, now: told.now }
    }

    /// What to ask for the series of expressions, which tell services that nothing else does.
    pub fn questions(&self) -> Vec<String> {
        self.selected.questions().into_iter().map(str::to_owned).collect()
    }

    /// The report, with what was answered to the questions.
    pub fn report(mut self, answers: Vec<(String, Vector)>, only: &Only) -> Report {
        for (query, vector) in answers {
            self.selected.settle(&query, self.now, Ok(vector));
        }
        self.selected.name(&mut self.book, &self.exprs, &self.names);
        self.book.alerts.retain(|alert| only.admits(alert));
        Report { book: self.book, exprs: self.exprs, now: self.now }
    }
}

impl Report {
    /// Whether anything fires, as far as is known.
    pub fn is_bad_news(&self) -> bool {
        self.book.alerts.iter().any(|a| a.doubt.map_or(a.state, |(was, _)| was) == AlertState::Firing)
    }

    /// The stable shape for programs: one object an alert, instants in nanoseconds as text.
    pub fn json(&self) -> Value {
        Value::Array(self.alerts().map(|alert| self.alert_json(alert)).collect())
    }

    fn alerts(&self) -> impl Iterator<Item = &Alert> {
        rows::sorted(&self.book, Order::default(), &self.exprs).into_iter().filter_map(|i| self.book.alerts.get(i))
    }

    fn alert_json(&self, alert: &Alert) -> Value {
        let threshold = match self.exprs.split(alert) {
            Some(Split { limit: Limit::Number(limit), is_own: true, .. }) => Some(*limit),
            _ => None,
        };
        let number = |value: Option<f64>| value.filter(|v| v.is_finite());
        let of_rules = alert.rule.is_some() || alert.value.is_some();
        let sources = [(of_rules, "rules"), (alert.routing.is_some(), "alertmanager")];
        json!({
            "name": alert.name(),
            "state": alert.state.as_str(),
            "severity": format!("P{}", alert.severity.0),
            "service": alert.service.as_deref(),
            "since": alert.state_since().to_string(),
            "value": number(alert.value),
            "threshold": number(threshold),
            "labels": pairs(&alert.labels),
            "annotations": pairs(&alert.annotations),
            "sources": sources.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect::<Vec<_>>(),
            "silenced_by": alert.routing.as_ref().map(|r| silenced_by(r, alert.state)).unwrap_or_default(),
        })
    }

    /// For people; nothing a server said can move the cursor.
    pub fn text(&self, errors: &[SourceError], offset: i32) -> String {
        let mut lines: Vec<String> = Vec::new();
        if self.book.alerts.is_empty() {
            lines.extend(told::no_alerts(&self.book, errors.iter(), None, self.now));
        } else {
            lines.push(rows::counts_text(&rows::counts(self.book.alerts.iter()), "·"));
            lines.extend(told::failing(&self.book));
            lines.push(String::new());
            lines.extend(self.table(offset));
        }
        let clean = |line: &str| line.chars().map(|c| if is_harmful(c) { '.' } else { c }).collect::<String>();
        lines.iter().map(|line| clean(line).trim_end().to_owned() + "\n").collect()
    }

    fn table(&self, offset: i32) -> Vec<String> {
        let heading = ["SEV", "STATE", "ALERT", "SERVICE", "SINCE", "VALUE", "SUMMARY"].map(str::to_owned);
        let rows: Vec<[String; 7]> = std::iter::once(heading).chain(self.alerts().map(|a| self.cells(a, offset))).collect();
        let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0).min(MOST);
        let widths: Vec<usize> = (0..6).map(widest).collect();
        let padded = |(text, columns): (&String, &usize)| format!("{text}{}  ", " ".repeat(columns.saturating_sub(width(text))));
        rows.iter().map(|row| row.iter().zip(&widths).map(padded).collect::<String>() + &row[6]).collect()
    }

    fn cells(&self, alert: &Alert, offset: i32) -> [String; 7] {
        let remark = told::remark(alert, &self.book, self.now, offset);
        let told = [remark, Some(told::summary(alert).to_owned())].into_iter().flatten().filter(|text| !text.is_empty());
        [
            format!("P{}", alert.severity.0),
            alert.state.as_str().to_owned(),
            alert.name().to_owned(),
            alert.service.as_deref().unwrap_or(format::MISSING).to_owned(),
            format::age(self.now.since(alert.state_since())),
            self.exprs.value_text(alert),
            told.collect::<Vec<_>>().join("; ").replace('\n', " "),
        ]
    }
}

fn pairs(labels: &Labels) -> Value {
    labels.iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<serde_json::Map<_, _>>().into()
}

/// What keeps it quiet: all that do, also where one Alertmanager silences and another one inhibits it; of what is told only
/// what all of them have.
fn silenced_by(routing: &Routing, state: AlertState) -> Vec<&str> {
    match state {
        AlertState::Silenced => routing.silences(),
        _ => routing.silenced_by.iter().map(String::as_str).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::model::{
        alert::{Rule, Severity},
        alert_book::{AlertmanagerAlerts, PrometheusAlerts},
    };

    const NOW: Timestamp = Timestamp::from_secs(36_000);

    fn told() -> (PrometheusAlerts, AlertmanagerAlerts) {
        let rule = Arc::new(Rule {
            name: "ErrorsHigh".to_owned(),
            query: "sum(a) / sum(b) > 0.05".to_owned(),
            hold: Duration::from_secs(60),
            last_evaluation: Some(NOW),
            ..Rule::default()
        });
        let labels = [("alertname", "ErrorsHigh"), ("service", "orders")].into_iter().collect();
        let alert = Alert {
            annotations: [("summary", "it \u{1b}[31mfails\nhere")].into_iter().collect(),
            severity: Severity(1),
            value: Some(0.23),
            rule: Some(rule.clone()),
            service: Some("orders".into()),
            ..Alert::new(labels, AlertState::Firing, NOW - Duration::from_secs(360))
        };
        let routing = Routing { silenced_by: vec!["s1".to_owned()], ..Routing::default() };
        let routed = Alert { value: None, rule: None, routing: Some(routing), ..alert.clone() };
        let quiet = Alert {
            labels: [("alertname", "Quiet"), ("service", "web")].into_iter().collect(),
            severity: Severity(3),
            value: Some(f64::NAN),
            service: Some("web".into()),
            ..alert.clone()
        };
        let ours = PrometheusAlerts { alerts: vec![quiet, alert], rules: vec![rule], told_at: NOW, ..PrometheusAlerts::default() };
        (ours, AlertmanagerAlerts { alerts: vec![routed], ..AlertmanagerAlerts::default() })
    }

    fn report(only: &Only) -> Report {
        let (ours, theirs) = told();
        let told = Told { prometheus: Some(&ours), alertmanager: Some(&theirs), now: NOW, ..Told::default() };
        Draft::new(&told, None, &[]).report(Vec::new(), only)
    }

    #[test]
    fn programs_get_the_documented_shape() {
        let report = report(&Only::default());
        assert_eq!(
            report.json()[0],
            json!({
                "name": "ErrorsHigh", "state": "silenced", "severity": "P1", "service": "orders", "since": "35700000000000",
                "value": 0.23, "threshold": 0.05, "labels": {"alertname": "ErrorsHigh", "service": "orders"},
                "annotations": {"summary": "it \u{1b}[31mfails\nhere"}, "sources": ["rules", "alertmanager"], "silenced_by": ["s1"],
            })
        );
        assert_eq!((&report.json()[1]["value"], &report.json()[1]["sources"]), (&Value::Null, &json!(["rules"])));
    }

    #[test]
    fn people_get_the_views_words_and_no_control_characters() {
        let text = report(&Only::default()).text(&[], 0);
        assert!(text.starts_with("1 firing · 1 silenced\n"), "{text}");
        let row = text.lines().find(|l| l.contains("ErrorsHigh")).unwrap();
        for part in ["P1", "silenced", "orders", "5m", "23.0 % > 5 %", "it .[31mfails here"] {
            assert!(row.contains(part), "{part} in {row}");
        }
    }

    #[test]
    fn only_what_fires_is_bad_news_and_only_what_was_asked_for_counts() {
        let of = |service: &str| report(&Only { service: Some(service.to_owned()), ..Only::default() });
        assert!(report(&Only::default()).is_bad_news());
        assert!(!of("orders").is_bad_news(), "it is silenced");
        assert!(of("web").is_bad_news());
        assert_eq!(of("cart").json(), json!([]));
        let labels = Only { labels: vec![("alertname".to_owned(), "Quiet".to_owned())], ..Only::default() };
        assert_eq!(report(&labels).json().as_array().map(Vec::len), Some(1));
    }
}
