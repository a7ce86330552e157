//! What is said of alerts in words.

use std::time::Duration;

use super::{data::HOUR, rows::Heading};
use crate::{
    alert_origins::Why,
    core::scope::{Scope, ScopeAlert},
    model::{
        alert::{Alert, AlertState, Doubt, Holder, Routing, name_of},
        alert_book::AlertBook,
        backend::{Backend, SourceError},
        labels::{Labels, Matcher},
        place,
        time::{TimeWindow, Timestamp},
    },
    red::shown_service,
    ui::format,
    views::{Look, infra},
};

/// An alert that is just being sent to Alertmanager is not missed there.
const ON_ITS_WAY: Duration = Duration::from_secs(30);

/// The scope that an alert leads to. Of one that is over only its end is known: the window begins an hour before.
pub fn scope_of(alert: &Alert, look: &Look<'_>) -> Scope {
    let is_over = alert.state == AlertState::Resolved;
    let onset = (!is_over).then_some(alert.since);
    let narrowed = ScopeAlert { name: alert.name().into(), labels: alert.labels.clone(), onset };
    let scope = look.scope.with_alert(narrowed, alert.service.clone(), look.now);
    if is_over { scope.with_window(TimeWindow::Since((alert.since - HOUR).align_down(Duration::from_secs(60)))) } else { scope }
}

/// What an alert is about runs on this, and the page of it is this scope's. Of an alert about a machine or a process the job
/// that scrapes it is no service: its page is that of everything.
pub fn infra_of(alert: &Alert, look: &Look<'_>) -> (Labels, Scope) {
    let mut scope = scope_of(alert, look);
    let labels = infra::place_of(alert.service.as_deref(), alert.labels.iter(), []);
    let job = alert.labels.get("job").map(shown_service);
    let is_known = |service: &str| look.shared.red.value().is_some_and(|red| red.family_of(service).is_some());
    let is_of_scraper = scope.service.as_deref().is_some_and(|service| job == Some(service) && !is_known(service));
    if is_of_scraper && labels.get("pod").is_none() && place::is_told(labels.iter()) {
        scope.service = None;
    }
    (labels, scope)
}

/// The scope of the logs of what an alert is about: where no service is known, of its pod or its node.
pub fn logs_of(alert: &Alert, look: &Look<'_>) -> Scope {
    let (place, scope) = (infra::place_of(None, alert.labels.iter(), []), scope_of(alert, look));
    let named = ["pod", "node"].into_iter().find_map(|name| Some(Matcher::equal(name, place.get(name)?)));
    match named.filter(|_| scope.service.is_none()) {
        Some(matcher) => scope.with_matcher(matcher),
        None => scope,
    }
}

/// What must be known of an alert beyond its summary: that it is in doubt, who knows it not, or who silenced it.
pub fn remark(alert: &Alert, book: &AlertBook, now: Timestamp, offset: i32) -> Option<String> {
    if let Some((was, doubt)) = alert.doubt {
        return Some(match doubt {
            Doubt::Unanswered(since) => format!("was {} when last told, no answer for {}", was.as_str(), format::age(now.since(since))),
            Doubt::NotEvaluated(last) => format!("was {}, its rule is not evaluated for {}", was.as_str(), format::age(now.since(last))),
        });
    }
    if let Some(error) = alert.rule.as_ref().and_then(|r| r.error.as_ref()) {
        return Some(format!("its rule cannot be evaluated: {error}"));
    }
    if alert.state == AlertState::Resolved {
        return Some(format!("fired until {}", format::day_clock(alert.since, now, offset)));
    }
    // Prometheus tells a value with each of its alerts, also where it does not tell its rules.
    if alert.rule.is_none() && alert.value.is_none() && book.has_prometheus {
        return Some("only Alertmanager knows this alert".to_owned());
    }
    if let Some(since) = alert.unrouted_since.filter(|since| now.since(*since) >= ON_ITS_WAY) {
        return Some(format!("not in Alertmanager for {}: no one is told", format::age(now.since(since))));
    }
    let routing = alert.routing.as_ref()?;
    if let Some(partly) = silent_in_part(routing, now) {
        return Some(partly);
    }
    // The last one to end is the one that counts.
    let silences = routing.silenced_by.iter().filter_map(|id| book.silence(id));
    if let Some(silence) = silences.max_by_key(|s| s.ends_at) {
        return Some(format!("until {} by {}", format::day_clock(silence.ends_at, now, offset), silence.created_by));
    }
    if let Some(by) = routing.inhibited_by.first() {
        return Some(format!("inhibited by {}", book.inhibiting.get(by).map_or("another alert", name_of)));
    }
    (!routing.muted_by.is_empty()).then(|| format!("no one is told during {}", routing.muted_by.join(", ")))
}

/// Of several Alertmanagers some may silence or inhibit what another one tells.
fn silent_in_part(routing: &Routing, now: Timestamp) -> Option<String> {
    let shown = |holders: &[&Holder]| {
        let named = |h: &&Holder| match h.unanswered {
            Some(since) => format!("{} (no answer for {})", h.name, format::age(now.since(since))),
            None => h.name.to_string(),
        };
        holders.iter().map(named).collect::<Vec<_>>().join(", ")
    };
    let those = |is: fn(&Holder) -> bool| routing.holders.iter().filter(|h| is(h)).collect::<Vec<_>>();
    let silenced = those(|h| !h.silenced_by.is_empty());
    let inhibited = those(|h| h.silenced_by.is_empty() && !h.inhibited_by.is_empty());
    let telling = those(|h| !h.is_quiet());
    match (silenced.is_empty(), inhibited.is_empty(), telling.is_empty()) {
        (false, _, false) => Some(format!("silenced only in {}, not in {}", shown(&silenced), shown(&telling))),
        (true, false, false) => Some(format!("inhibited only in {}, not in {}", shown(&inhibited), shown(&telling))),
        (false, false, true) => Some(format!("silenced in {}, inhibited in {}", shown(&silenced), shown(&inhibited))),
        _ => None,
    }
}

/// One line that says what the alert is about.
pub fn summary(alert: &Alert) -> &str {
    ["summary", "description", "message"].iter().find_map(|name| alert.annotations.get(name)).unwrap_or("")
}

/// The runbook of an alert.
pub fn runbook(alert: &Alert) -> Option<&str> {
    ["runbook_url", "runbook"].iter().find_map(|name| alert.annotations.get(name)).filter(|link| !link.is_empty())
}

/// The link of an alert: its runbook, or else its dashboard or where it was made.
pub fn link(alert: &Alert) -> Option<&str> {
    let dashboard = ["dashboard_url", "dashboard"].iter().find_map(|name| alert.annotations.get(name));
    runbook(alert).or(dashboard).or(alert.generator_url.as_deref())
}

/// Why the alerts of a group are one, in words.
pub fn why(heading: &Heading, look: &Look<'_>) -> String {
    let began = |from: Timestamp, within| {
        let from = format::day_clock(from, look.now, look.shared.settings.zone.0);
        format!("began within {} from {from}", format::age(within))
    };
    match &heading.why {
        None => String::new(),
        Some(Why::Dependency { services, failed, slower }) => {
            let mut parts = vec![format!("lowest bad dependency of {}", format::counted(*services, "service"))];
            if *slower >= 1.3 {
                parts.push(format!("answers {} slower", format::change(*slower, 1.0)));
            }
            if *failed >= 0.01 {
                parts.push(format!("{} of its calls fail", format::percent(*failed)));
            }
            parts.join(", ")
        }
        Some(Why::Itself) => "calls nothing that is bad".to_owned(),
        Some(Why::Shared { from, within }) => format!("all have {}, {}", heading.name, began(*from, *within)),
        Some(Why::Onset { from, within }) => began(*from, *within),
        Some(Why::Apart) => "no origin in common".to_owned(),
    }
}

/// Which rules fail, for the pane's edge.
pub fn failing(book: &AlertBook) -> Option<String> {
    let names: Vec<&str> = book.rules.iter().filter(|r| r.error.is_some()).map(|r| r.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("{} cannot be evaluated: {}", format::counted(names.len(), "rule"), names.join(", ")))
}

/// What is said when there is no alert: good news with its age, or why it is none. `waits_for` has not answered yet.
pub fn no_alerts<'a>(
    book: &AlertBook,
    mut errors: impl Iterator<Item = &'a SourceError>,
    waits_for: Option<Backend>,
    now: Timestamp,
) -> Vec<String> {
    if let Some(error) = errors.next() {
        return vec![format!("No alerts where redline could ask. {error}"), error.advice().to_owned()];
    }
    match waits_for {
        Some(Backend::Prometheus) => return vec!["No alerts in Alertmanager; Prometheus has not answered yet.".to_owned()],
        Some(_) => return vec!["No alerts in Prometheus; Alertmanager has not answered yet.".to_owned()],
        None if !book.has_prometheus => return vec!["No alerts in Alertmanager; no Prometheus is configured to tell of rules.".to_owned()],
        None => {}
    }
    if !book.tells_rules {
        let unknown = "Prometheus does not tell its rules: whether it has any, and evaluates them, is not known.";
        return ["No alerts.", unknown].into_iter().map(str::to_owned).chain(book.notes.iter().cloned()).collect();
    }
    if book.rules.is_empty() {
        let none = "No alerts, and Prometheus has no alerting rules.".to_owned();
        return std::iter::once(none).chain(book.notes.iter().cloned()).collect();
    }
    let healthy = book.rules.iter().filter(|r| r.error.is_none()).count();
    let evaluated = book.rules.iter().filter_map(|r| r.last_evaluation).max();
    let last = evaluated.map(|t| format!(", last evaluated {} ago", format::age(now.since(t)))).unwrap_or_default();
    let mut lines = vec![format!("No firing alerts.  {} healthy{last}.", format::counted(healthy, "rule"))];
    lines.extend(failing(book));
    lines
}
