//! What is known of the selected alert, and its expression over time.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Alerts,
    rows::{link, remark, split_of, summary, unit_of},
};
use crate::{
    alert_expr::{Limit, Split},
    model::{
        alert::{Alert, AlertState, Rule},
        alert_book::AlertBook,
        labels::Labels,
        series::{Matrix, Series},
    },
    theme::Role,
    ui::{
        chart::{Chart, Line, Mark, Threshold, value_at},
        format,
        panel::{self, Panel},
    },
    views::{Look, sheet::Sheet},
};

/// Names and values of the alert.
pub(super) fn sheet(view: &Alerts, alert: &Alert, book: &AlertBook, look: &Look<'_>) -> Sheet {
    let zone = look.shared.settings.zone.0;
    let mut sheet = Sheet::default();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            sheet.add(name, value);
        }
    };
    if let Some(text) = remark(alert, book, look.now, zone) {
        add("note", text);
    }
    add("summary", summary(alert).to_owned());
    let since = alert.state_since();
    let ago = format::age(look.now.since(since));
    add("state", format!("{} since {} ({ago})", alert.state.as_str(), format::clock_seconds(since, zone)));
    add("service", alert.service.as_ref().map(ToString::to_string).unwrap_or_default());
    if let Some(routing) = &alert.routing {
        add("routed to", routing.receivers.join(", "));
    }
    if let Some(rule) = &alert.rule {
        rule_facts(rule, &mut add);
    }
    add("link", link(alert).unwrap_or("").to_owned());
    add("labels", pairs(&alert.labels, &["alertname"]));
    let routing = alert.routing.as_ref();
    for silence in book.silences.iter().filter(|s| routing.is_some_and(|r| r.silenced_by.contains(&s.id))) {
        let until = format::day_clock(silence.ends_at, look.now, zone);
        add("silence", format!("until {until} by {}: {}", silence.created_by, silence.comment));
    }
    for (name, value) in alert.annotations.iter().filter(|(n, _)| !matches!(*n, "summary" | "runbook_url" | "runbook")) {
        add(name, value.to_owned());
    }
    for error in view.errors() {
        sheet.add_as(error.backend.name(), error.message.clone(), Role::Bad);
    }
    sheet
}

fn rule_facts(rule: &Rule, add: &mut impl FnMut(&str, String)) {
    let keep =
        if rule.keep_firing_for.is_zero() { String::new() } else { format!(", keeps firing for {}", format::span(rule.keep_firing_for)) };
    if !rule.hold.is_zero() || !keep.is_empty() {
        add("for", format!("{}{keep}", format::span(rule.hold)));
    }
    add("group", rule.group.clone());
    add("expr", rule.query.clone());
    add("error", rule.error.clone().unwrap_or_default());
}

fn pairs(labels: &Labels, without: &[&str]) -> String {
    labels.iter().filter(|(n, _)| !without.contains(n)).map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("  ")
}

/// The series that belongs to an alert: all its labels are the alert's.
pub(super) fn series_of<'a>(matrix: &'a Matrix, alert: &Alert) -> Option<&'a Series> {
    let belongs = |s: &&Series| s.labels.iter().all(|(n, v)| n == "__name__" || alert.labels.get(n).is_none_or(|own| own == v));
    let common = |s: &&Series| s.labels.iter().filter(|(n, v)| alert.labels.get(n) == Some(*v)).count();
    matrix.series.iter().filter(belongs).max_by_key(common)
}

/// The expression over time with its threshold and the alert's marks.
pub(super) fn render_expression(view: &Alerts, alert: &Alert, look: &Look<'_>, focused: bool, area: Rect, buf: &mut Buffer) {
    let shared = look.shared;
    let (split, unit) = (split_of(alert), unit_of(alert));
    let state = panel::state(&view.expression, look);
    let title = match &split {
        Some(Split { limit: Limit::Number(n), comparison, .. }) => {
            format!("expression {0}{0} fires {1} {2}", shared.glyphs.horizontal, comparison.as_str(), unit.constant(*n))
        }
        Some(_) => "expression and threshold".to_owned(),
        None => "expression".to_owned(),
    };
    let at_cursor = view.cursor.zip(drawn(view, alert)).map(|(at, (m, s))| {
        let value = value_at(&s.samples, at, m.step).map_or(format::MISSING.to_owned(), |v| unit.show(v));
        format!("{} {} {value}", format::clock_seconds(at, shared.settings.zone.0), shared.glyphs.middle_dot)
    });
    let panel = Panel::new(title).focused(focused).note(at_cursor.unwrap_or_default()).state(&state);
    let inner = panel.render(shared, area, buf);
    if alert.rule.is_none() {
        panel::message(
            shared,
            inner,
            buf,
            &["Only Alertmanager knows this alert:".to_owned(), "no rule, so no expression to draw.".to_owned()],
        );
        return;
    }
    if let Some(lines) = &state.blank {
        panel::message(shared, inner, buf, lines);
        return;
    }
    let Some(chart) = chart(view, alert, look) else {
        panel::message(shared, inner, buf, &["No data for this expression in the window.".to_owned()]);
        return;
    };
    chart.render(shared, inner, buf);
    if state.stale {
        panel::dim(shared, inner, buf);
    }
}

/// The matrix of the alert's expression and the series in it that is the alert's.
fn drawn<'a>(view: &'a Alerts, alert: &Alert) -> Option<(&'a Matrix, &'a Series)> {
    let matrix = view.expression.value()?;
    Some((matrix, series_of(matrix, alert)?))
}

/// The graph of an alert's expression; none without data.
pub(super) fn chart<'a>(view: &'a Alerts, alert: &Alert, look: &Look<'_>) -> Option<Chart<'a>> {
    let (shared, unit) = (look.shared, unit_of(alert));
    let (matrix, series) = drawn(view, alert)?;
    let style = |role| shared.theme.style(role);
    let role = if alert.state == AlertState::Pending { Role::Warn } else { Role::Bad };
    let mut chart = Chart::new(matrix.range, matrix.step, unit);
    chart.cursor = view.cursor;
    if let Some(limit) = view.limit.value().and_then(|m| series_of(m, alert)) {
        let (samples, style) = (limit.samples.as_slice().into(), style(Role::Threshold));
        chart.lines.push(Line { samples, style, fill: false, end: "threshold".to_owned() });
    }
    let end = series.last().map_or(String::new(), |s| unit.show(s.value));
    chart.lines.push(Line { samples: series.samples.as_slice().into(), style: style(role), fill: false, end });
    if let Some(Split { limit: Limit::Number(value), .. }) = split_of(alert) {
        chart.thresholds.push(Threshold { value, label: unit.constant(value) });
    }
    let zone = shared.settings.zone.0;
    let mark = |at, glyph, word: &str, role| Mark {
        at,
        glyph,
        label: format!("{word} {}", format::clock(at, zone)),
        style: style(role),
        line: false,
    };
    chart.marks.push(mark(alert.since, shared.glyphs.ring, "pending", Role::Warn));
    if alert.state != AlertState::Pending {
        chart.marks.push(mark(alert.state_since(), shared.glyphs.triangle, "firing", Role::Bad));
    }
    Some(chart)
}
