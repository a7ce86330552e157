//! What is known of the selected alert, or of the selected group.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Alerts, Pane, rows, rows::Heading, told};
use crate::{
    model::{
        alert::{Alert, Routing, Rule, name_of},
        alert_book::AlertBook,
        backend::Backend,
        labels::Labels,
    },
    theme::Role,
    ui::{
        format,
        panel::{self, Panel},
    },
    views::{Look, sheet::Sheet},
};

/// Annotations that have a line of their own.
const SHOWN_APART: [&str; 3] = ["summary", "runbook_url", "runbook"];
/// Names that are listed of a group: more than a pane has room for.
const MOST_NAMES: usize = 60;

pub(super) fn render(view: &Alerts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let title = view.alert().map(Alert::name).or_else(|| view.heading().map(|h| h.name.as_str())).unwrap_or("details");
    let inner = Panel::new(title).focused(view.pane == Pane::Facts).render(look.shared, area, buf);
    match sheet(view, look) {
        Some(sheet) => sheet.render(look.shared, inner, buf, view.scroll),
        None => panel::message(look.shared, inner, buf, &["No alert is selected.".to_owned()]),
    }
}

/// Names and values of what is selected.
pub(super) fn sheet(view: &Alerts, look: &Look<'_>) -> Option<Sheet> {
    let book = view.book.as_ref()?;
    match (view.alert(), view.heading()) {
        (Some(alert), _) => Some(of_alert(view, alert, book, look)),
        (None, Some(heading)) => Some(of_group(heading, &view.held, look)),
        (None, None) => None,
    }
}

/// A line unless there is nothing to say.
fn add(sheet: &mut Sheet, name: &str, value: impl Into<String>) {
    let value = value.into();
    if !value.is_empty() {
        sheet.add(name, value);
    }
}

fn of_alert(view: &Alerts, alert: &Alert, book: &AlertBook, look: &Look<'_>) -> Sheet {
    let zone = look.shared.settings.zone.0;
    let mut sheet = Sheet::default();
    add(&mut sheet, "note", told::remark(alert, book, look.now, zone).unwrap_or_default());
    add(&mut sheet, "summary", told::summary(alert));
    let since = alert.state_since();
    let ago = format::age(look.now.since(since));
    add(&mut sheet, "state", format!("{} since {} ({ago})", alert.state.as_str(), format::clock_seconds(since, zone)));
    add(&mut sheet, "service", service(view, alert, look));
    // Of two alerts of one name they tell which is which.
    add(&mut sheet, "labels", pairs(&alert.labels));
    match &alert.routing {
        Some(routing) => {
            add(&mut sheet, "routed to", routing.receivers.join(", "));
            suppression(&mut sheet, routing, book, look);
        }
        None if view.data.absent() == Some(Backend::Alertmanager) => {
            add(&mut sheet, "routed to", "not known: no Alertmanager is configured")
        }
        None => {}
    }
    add(&mut sheet, "runbook", told::runbook(alert).unwrap_or(""));
    if let Some(rule) = &alert.rule {
        rule_facts(&mut sheet, rule, look);
    }
    for (name, value) in alert.annotations.iter().filter(|(n, _)| !SHOWN_APART.contains(n)) {
        add(&mut sheet, name, value);
    }
    add(&mut sheet, "made by", alert.generator_url.as_deref().unwrap_or(""));
    for error in view.data.errors() {
        let which = error.among.as_ref().map(|a| format!("{}: ", a.name)).unwrap_or_default();
        sheet.add_as(error.backend.name(), format!("{which}{}", error.message), Role::Bad);
    }
    sheet
}

/// The service and what told it, where no label of the alert does; several, where its series are of more than one.
fn service(view: &Alerts, alert: &Alert, look: &Look<'_>) -> String {
    const NAMED: usize = 5;
    let names = super::naming(look);
    let of_series = view.selected.services_of(alert, &names);
    match (&alert.service, names.told_by(alert, &view.exprs, &of_series)) {
        (Some(service), Some(told_by)) => format!("{service} ({told_by})"),
        (Some(service), None) => service.to_string(),
        (None, _) if of_series.len() > 1 => {
            let more = if of_series.len() > NAMED { format!(" and {} more", of_series.len() - NAMED) } else { String::new() };
            format!("not one: the series of its expression are of {}{more}", of_series[..of_series.len().min(NAMED)].join(", "))
        }
        (None, _) => String::new(),
    }
}

/// Who keeps an alert quiet: silences, other alerts, times of the day.
fn suppression(sheet: &mut Sheet, routing: &Routing, book: &AlertBook, look: &Look<'_>) {
    let zone = look.shared.settings.zone.0;
    for silence in routing.silences().into_iter().filter_map(|id| book.silence(id)) {
        let until = format::day_clock(silence.ends_at, look.now, zone);
        add(sheet, "silence", format!("until {until} by {}: {}", silence.created_by, silence.comment));
    }
    for fingerprint in &routing.inhibited_by {
        let by = book.inhibiting.get(fingerprint).map_or_else(
            || format!("an alert that Alertmanager calls {fingerprint}"),
            |labels| format!("{} {}", name_of(labels), pairs(labels)),
        );
        add(sheet, "inhibited by", by);
    }
    add(sheet, "muted during", routing.muted_by.join(", "));
}

fn rule_facts(sheet: &mut Sheet, rule: &Rule, look: &Look<'_>) {
    add(sheet, "for", if rule.hold.is_zero() { String::new() } else { format::span(rule.hold) });
    add(
        sheet,
        "keeps firing",
        if rule.keep_firing_for.is_zero() { String::new() } else { format!("for {}", format::span(rule.keep_firing_for)) },
    );
    if let Some(error) = &rule.error {
        sheet.add_as("error", error.clone(), Role::Bad);
    }
    if let Some(at) = rule.last_evaluation {
        let every = if rule.interval.is_zero() { String::new() } else { format!(", every {}", format::span(rule.interval)) };
        let clock = format::clock_seconds(at, look.shared.settings.zone.0);
        add(sheet, "evaluated", format!("{clock} ({} ago){every}", format::age(look.now.since(at))));
    }
    add(sheet, "group", rule.group.clone());
    sheet.add_code("expr", rule.query.clone());
}

fn pairs(labels: &Labels) -> String {
    labels.iter().filter(|(n, _)| *n != "alertname").map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("  ")
}

fn of_group(heading: &Heading, held: &Held, look: &Look<'_>) -> Sheet {
    let zone = look.shared.settings.zone.0;
    let mut sheet = Sheet::default();
    let all = format::counted(heading.members.len(), "alert");
    add(&mut sheet, "holds", format!("{all}: {}", rows::counts_text(&heading.counts, look.shared.glyphs.middle_dot)));
    add(&mut sheet, "why here", told::why(heading, look));
    let ago = format::age(look.now.since(heading.since));
    add(&mut sheet, "since", format!("{} ({ago})", format::clock_seconds(heading.since, zone)));
    add(&mut sheet, "services", held.services.as_str());
    add(&mut sheet, "alerts", held.alerts.as_str());
    sheet
}

/// What the alerts of a group are about, and what they are called. It is counted when the group is selected: of 10,000 that
/// takes longer than a frame may.
#[derive(Default)]
pub(super) struct Held {
    services: String,
    alerts: String,
}

impl Held {
    pub(super) fn of(heading: &Heading, book: &AlertBook) -> Self {
        let alerts = || heading.members.iter().filter_map(|i| book.alerts.get(*i));
        Self {
            services: counted(alerts().map(|a| a.service.as_deref().unwrap_or("no service"))),
            alerts: counted(alerts().map(Alert::name)),
        }
    }
}

/// `orders 12  web 9  and 3 more names`, the most first.
fn counted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut counts: foldhash::HashMap<&str, usize> = foldhash::HashMap::default();
    names.for_each(|name| *counts.entry(name).or_default() += 1);
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_unstable_by_key(|(name, n)| (std::cmp::Reverse(*n), *name));
    let mut told: Vec<String> = counts.iter().take(MOST_NAMES).map(|(name, n)| format!("{name} {n}")).collect();
    if counts.len() > MOST_NAMES {
        told.push(format!("and {} more names", counts.len() - MOST_NAMES));
    }
    told.join("  ")
}
