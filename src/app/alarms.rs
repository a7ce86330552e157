//! Makes newly firing alerts heard, whatever page the user is on.

use std::collections::HashSet;

use super::{App, Urgency};
use crate::{
    core::{
        command::ViewKind,
        effect::Effect,
        request::{Answer, Refresh, Request, Response},
    },
    model::{
        alert::{Alarm, Alert, AlertState},
        alert_book::{self, AlertBook, AlertmanagerAlerts, PrometheusAlerts, Told},
        backend::{ErrorKind, SourceError},
        labels::Labels,
        time::Timestamp,
    },
    ui::format,
    views::Needs,
};

/// An alert that Alertmanager does not know for longer is not silenced there.
const ON_ITS_WAY: std::time::Duration = std::time::Duration::from_secs(30);

/// What was told of alerts, and which of them were heard.
#[derive(Default)]
pub(super) struct Alarms {
    prometheus: Option<PrometheusAlerts>,
    alertmanager: Option<AlertmanagerAlerts>,
    ruler: Option<PrometheusAlerts>,
    /// Who of the two has told, or is not configured.
    asked: (bool, bool),
    book: AlertBook,
    heard: HashSet<Labels>,
}

impl Alarms {
    /// Takes an answer of one who tells alerts; gives the words for what began to fire by it. What fires when redline is
    /// opened is on the screen, and not new.
    fn take(&mut self, answer: &Answer, alarm: Alarm, now: Timestamp) -> Option<String> {
        let is_first_of_ruler = *answer.request == Request::RulerAlerts && self.ruler.is_none();
        let is_baseline = self.asked != (true, true) || is_first_of_ruler;
        match (answer.request.as_ref(), &answer.result) {
            (Request::PrometheusAlerts, result) => {
                self.asked.0 |= is_told(result);
                if let Ok(Response::PrometheusAlerts(told)) = result {
                    self.prometheus = Some(told.clone());
                }
            }
            (Request::AlertmanagerAlerts, result) => {
                self.asked.1 |= is_told(result);
                if let Ok(Response::AlertmanagerAlerts(told)) = result {
                    self.alertmanager = Some(told.clone());
                }
            }
            (Request::RulerAlerts, result) => {
                if let Ok(Response::PrometheusAlerts(told)) = result {
                    self.ruler = Some(told.clone());
                }
            }
            _ => return None,
        }
        let (prometheus, alertmanager) = (self.prometheus.as_ref(), self.alertmanager.as_ref());
        let ruler = (self.ruler.as_ref(), None);
        let told = Told { prometheus, alertmanager, ruler, before: Some(&self.book), now, ..Told::default() };
        self.book = alert_book::merge(&told);
        let loud: Vec<&Alert> = self.book.alerts.iter().filter(|a| is_loud(a, alarm, now, alertmanager)).collect();
        let news: Vec<&Alert> = loud.iter().copied().filter(|a| !self.heard.contains(&a.labels)).collect();
        let words = (!is_baseline && !news.is_empty()).then(|| words(&news));
        let there: HashSet<&Labels> = self.book.alerts.iter().filter(|a| a.state != AlertState::Pending).map(|a| &a.labels).collect();
        let loud: Vec<Labels> = loud.iter().map(|a| a.labels.clone()).collect();
        // What ended and fires again is heard again.
        self.heard.retain(|labels| there.contains(labels));
        self.heard.extend(loud);
        words
    }
}

/// Whether nothing more is to come of who was asked: a failure may pass, and what fires then is not new.
fn is_told(result: &Result<Response, SourceError>) -> bool {
    result.as_ref().map_or_else(|e| e.kind == ErrorKind::NotConfigured, |_| true)
}

/// Whether someone wants to hear of it: nobody silenced it, as far as is known.
fn is_loud(alert: &Alert, alarm: Alarm, now: Timestamp, alertmanager: Option<&AlertmanagerAlerts>) -> bool {
    let is_late = |since: Timestamp| now.since(since) >= ON_ITS_WAY;
    let told = match (&alert.routing, alertmanager) {
        (Some(routing), _) => routing.muted_by.is_empty(),
        (None, None) => true,
        // One of several that does not answer may silence it: better heard than not.
        (None, Some(told)) => is_late(if told.is_complete() { alert.unrouted_since.unwrap_or(now) } else { alert.state_since() }),
    };
    alert.state == AlertState::Firing && alert.severity <= alarm.severity && told
}

fn words(news: &[&Alert]) -> String {
    const NAMED: usize = 3;
    if let [one] = news {
        let service = one.service.as_ref().map_or_else(String::new, |s| format!(" of {s}"));
        return format!("P{} {}{service} fires", one.severity.0, one.name());
    }
    let names: Vec<&str> = news.iter().take(NAMED).map(|a| a.name()).collect();
    let more = if news.len() > NAMED { ", …" } else { "" };
    format!("{} fire: {}{more}", format::counted(news.len(), "alert"), names.join(", "))
}

impl App {
    /// On pages that do not ask for alerts themselves they are asked for where they are to be heard.
    pub(super) fn ask_for_alarms(&self, needs: &mut Needs<'_>) {
        let settings = &self.shared.settings;
        if settings.alarm.sound.is_some() && self.top().view.kind() != ViewKind::Alerts {
            needs.ask("alarm", 0, Request::PrometheusAlerts, Refresh::Every(settings.refresh_alerts));
            needs.ask("alarm", 1, Request::AlertmanagerAlerts, Refresh::Every(settings.refresh_alerts));
            needs.ask("alarm", 2, Request::RulerAlerts, Refresh::Every(settings.refresh_slow));
        }
    }

    /// Makes what began to fire heard.
    pub(super) fn hear(&mut self, answer: &Answer) {
        let alarm = self.shared.settings.alarm;
        let Some(sound) = alarm.sound else { return };
        if let Some(words) = self.alarms.take(answer, alarm, self.now) {
            self.effects.push(Effect::Sound(sound, words.clone()));
            self.say(words);
            self.mark(Urgency::Data);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        app::testing::test_shared,
        core::{
            msg::{Event, Msg},
            request::SlotId,
            scope::Scope,
        },
        model::{
            alert::{Routing, Severity, Sound},
            backend::{Backend, ErrorKind, SourceError},
            time::TimeWindow,
        },
    };

    const NOW: Timestamp = Timestamp::from_secs(36_000);
    const ALARM: Alarm = Alarm { sound: Some(Sound::Bell), severity: Severity(2) };

    fn alert(name: &str, severity: u8) -> Alert {
        let new = Alert::new([("alertname", name)].into_iter().collect(), AlertState::Firing, NOW);
        Alert { severity: Severity(severity), value: Some(1.0), service: Some("orders".into()), ..new }
    }

    fn answer(request: Request, result: Result<Response, SourceError>) -> Answer {
        let slot = SlotId { view: 0, pane: "alarm", part: u32::from(request == Request::AlertmanagerAlerts) };
        Answer { slot, request: Arc::new(request), asked: NOW, result }
    }

    fn of_prometheus(alerts: &[Alert]) -> Answer {
        let told = PrometheusAlerts { alerts: alerts.to_vec(), told_at: NOW, ..PrometheusAlerts::default() };
        answer(Request::PrometheusAlerts, Ok(Response::PrometheusAlerts(told)))
    }

    fn of_alertmanager(alerts: &[(&Alert, &[&str])]) -> Answer {
        let routed = |(alert, silenced): &(&Alert, &[&str])| Alert {
            value: None,
            routing: Some(Routing { silenced_by: silenced.iter().map(|s| (*s).to_owned()).collect(), ..Routing::default() }),
            ..(*alert).clone()
        };
        let told = AlertmanagerAlerts { alerts: alerts.iter().map(routed).collect(), ..AlertmanagerAlerts::default() };
        answer(Request::AlertmanagerAlerts, Ok(Response::AlertmanagerAlerts(told)))
    }

    #[test]
    fn only_what_is_new_loud_enough_and_not_silenced_is_heard_and_once() {
        let (old, page, quiet, info) = (alert("Old", 1), alert("Page", 1), alert("Quiet", 1), alert("Info", 3));
        let mut alarms = Alarms::default();
        let mut take = |answer: Answer, seconds: u64| alarms.take(&answer, ALARM, NOW + std::time::Duration::from_secs(seconds));
        assert_eq!(take(of_prometheus(std::slice::from_ref(&old)), 0), None);
        assert_eq!(take(of_alertmanager(&[(&old, &[])]), 0), None, "what fires already is no news");
        let all = [old.clone(), page.clone(), quiet.clone(), info.clone()];
        assert_eq!(take(of_prometheus(&all), 10), None, "Alertmanager may have silenced them");
        let routed: [(&Alert, &[&str]); 4] = [(&old, &[]), (&page, &[]), (&quiet, &["s1"]), (&info, &[])];
        assert_eq!(take(of_alertmanager(&routed), 10).as_deref(), Some("P1 Page of orders fires"));
        assert_eq!(take(of_prometheus(&all), 20), None);
        assert_eq!(take(of_prometheus(std::slice::from_ref(&old)), 30), None);
        assert_eq!(take(of_alertmanager(&[(&old, &[])]), 30), None);
        let again = all.each_ref().map(|a| Alert { since: NOW + std::time::Duration::from_secs(38), ..a.clone() });
        assert_eq!(take(of_prometheus(&again), 40), None);
        assert_eq!(take(of_alertmanager(&routed), 40).as_deref(), Some("P1 Page of orders fires"), "it fires again");
    }

    #[test]
    fn without_an_alertmanager_prometheus_is_heard_at_once() {
        let mut alarms = Alarms::default();
        let none = SourceError::new(Backend::Alertmanager, ErrorKind::NotConfigured, "none");
        alarms.take(&of_prometheus(&[]), ALARM, NOW);
        alarms.take(&answer(Request::AlertmanagerAlerts, Err(none)), ALARM, NOW);
        let many: Vec<Alert> = ["A", "B", "C", "D"].map(|name| alert(name, 2)).to_vec();
        assert_eq!(alarms.take(&of_prometheus(&many), ALARM, NOW).as_deref(), Some("4 alerts fire: A, B, C, …"));
    }

    #[test]
    fn other_pages_ask_for_alerts_only_where_they_are_to_be_heard() {
        let app = |alarm| {
            let mut shared = test_shared();
            shared.settings.alarm = alarm;
            let scope = Scope::new("prod", TimeWindow::Last(std::time::Duration::from_secs(3600)));
            App::new(shared, ViewKind::Logs, scope, &[], NOW, (80, 24))
        };
        let asks = |app: &App| app.subscriptions().iter().filter(|s| s.slot.pane == "alarm").count();
        assert_eq!(asks(&app(Alarm::default())), 0);
        let mut heard = app(ALARM);
        assert_eq!(asks(&heard), 3);
        let none = SourceError::new(Backend::Alertmanager, ErrorKind::NotConfigured, "none");
        for told in [of_prometheus(&[]), answer(Request::AlertmanagerAlerts, Err(none)), of_prometheus(&[alert("A", 1)])] {
            heard.update(Msg { now: NOW, event: Event::Answer(Box::new(told)) });
        }
        assert_eq!(heard.take_effects(), [Effect::Sound(Sound::Bell, "P1 A of orders fires".to_owned())]);
    }
}
