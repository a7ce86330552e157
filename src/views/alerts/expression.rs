//! The selected alert's expression over time, and its last 24 hours as a strip.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Alerts, Pane,
    data::{DAY, DAY_STEP},
};
use crate::{
    alert_expr::{Limit, Split},
    model::{
        alert::{Alert, AlertState, Engine},
        series::{Matrix, Series},
        time::Timestamp,
    },
    theme::Role,
    ui::{
        chart::{Chart, Line, Mark, Threshold, value_at},
        format,
        panel::{self, Panel},
    },
    views::Look,
};

/// Cells of the strip.
const STRIP: usize = 48;

/// From this width of the pane on there is room for all of them.
const WIDE: u16 = 76;

pub(super) fn render(view: &Alerts, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let focused = view.pane == Pane::Expression;
    match view.alert() {
        Some(alert) => render_expression(view, alert, look, focused, area, buf),
        None => {
            let inner = Panel::new("expression").focused(focused).render(look.shared, area, buf);
            let lines = match view.heading() {
                Some(heading) if !heading.is_open => vec![
                    format!("{} are folded.", format::counted(heading.members.len(), "alert")),
                    "Unfold them to see the expression of one.".to_owned(),
                ],
                _ => vec!["No alert is selected.".to_owned()],
            };
            panel::message(look.shared, inner, buf, &lines);
        }
    }
}

/// The expression over time with its threshold and the alert's marks.
fn render_expression(view: &Alerts, alert: &Alert, look: &Look<'_>, focused: bool, area: Rect, buf: &mut Buffer) {
    let shared = look.shared;
    let state = panel::state(&view.data.expression, look);
    let unit = view.exprs.unit(alert);
    let at_cursor = view.cursor.zip(drawn(view, alert)).map(|(at, (m, s))| {
        let value = value_at(&s.samples, at, m.step).map_or(format::MISSING.to_owned(), |v| unit.show(v));
        format!("{} {} {value}", format::clock_seconds(at, shared.settings.zone.0), shared.glyphs.middle_dot)
    });
    let panel = Panel::new(title(view, alert, look)).focused(focused).note(at_cursor.unwrap_or_default()).state(&state);
    let inner = panel.bottom(strip(view, look, area.width).unwrap_or_default()).render(shared, area, buf);
    let say = |lines: &[&str], buf: &mut Buffer| {
        panel::message(shared, inner, buf, &lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>());
    };
    match &alert.rule {
        None if alert.value.is_none() => return say(&["Only Alertmanager knows this alert:", "no rule, so no expression to draw."], buf),
        None => return say(&["This server does not tell its rules:", "no expression to draw."], buf),
        Some(rule) if rule.engine == Engine::Loki && view.exprs.split(alert).is_none() => {
            return say(&[&rule.query, "LogQL is drawn only where it compares with one number."], buf);
        }
        Some(_) => {}
    }
    if let Some(lines) = view.data.held_back(look) {
        panel::message(shared, inner, buf, &lines);
        return;
    }
    if let Some(lines) = &state.blank {
        panel::message(shared, inner, buf, lines);
        return;
    }
    let Some(chart) = chart(view, alert, look) else { return say(&["No data for this expression in the window."], buf) };
    chart.render(shared, inner, buf);
    if state.stale {
        panel::dim(shared, inner, buf);
    }
}

/// What the expression is held against, or that its rule fails.
fn title(view: &Alerts, alert: &Alert, look: &Look<'_>) -> String {
    let line = look.shared.glyphs.horizontal;
    if let Some(error) = alert.rule.as_ref().and_then(|r| r.error.as_ref()) {
        return format!("expression {line}{line} cannot be evaluated: {error}");
    }
    let unit = view.exprs.unit(alert);
    let limits: Vec<String> = view.exprs.limits(alert).map(|(c, n)| format!("{} {}", c.as_str(), unit.constant(n))).collect();
    match view.exprs.split(alert) {
        Some(Split { limit: Limit::Query(_), comparison, .. }) => {
            format!("expression {line}{line} fires {} threshold", comparison.as_str())
        }
        Some(_) => format!("expression {line}{line} fires {}", limits.join(", ")),
        None => "expression".to_owned(),
    }
}

/// The matrix of the alert's expression and the series in it that is the alert's.
fn drawn<'a>(view: &'a Alerts, alert: &Alert) -> Option<(&'a Matrix, &'a Series)> {
    let told = view.data.expression.value()?;
    Some((&told.matrix, told.series_of(alert)?))
}

/// The graph of an alert's expression; none without data.
pub(super) fn chart<'a>(view: &'a Alerts, alert: &Alert, look: &Look<'_>) -> Option<Chart<'a>> {
    let (shared, unit) = (look.shared, view.exprs.unit(alert));
    let (matrix, series) = drawn(view, alert)?;
    let style = |role| shared.theme.style(role);
    let role = if alert.state == AlertState::Firing { Role::Bad } else { Role::Warn };
    let mut chart = Chart::new(matrix.range, matrix.step, unit);
    chart.cursor = view.cursor;
    if let Some(limit) = view.data.limit.value().and_then(|m| m.series_of(alert)) {
        let (samples, style) = (limit.samples.as_slice().into(), style(Role::Threshold));
        chart.lines.push(Line { samples, style, fill: false, end: "threshold".to_owned() });
    }
    let end = series.last().map_or(String::new(), |s| unit.show(s.value));
    chart.lines.push(Line { samples: series.samples.as_slice().into(), style: style(role), fill: false, end });
    for (_, value) in view.exprs.limits(alert) {
        if !chart.thresholds.iter().any(|t| t.value == value) {
            chart.thresholds.push(Threshold { value, label: unit.constant(value) });
        }
    }
    let zone = shared.settings.zone.0;
    let mark = |at, glyph, word: &str, role| Mark {
        at,
        glyph,
        label: format!("{word} {}", format::clock(at, zone)),
        style: style(role),
        line: false,
    };
    let was = alert.doubt.map_or(alert.state, |(was, _)| was);
    if was == AlertState::Resolved {
        chart.marks.push(mark(alert.since, shared.glyphs.ring, "resolved", Role::Good));
        return Some(chart);
    }
    chart.marks.push(mark(alert.since, shared.glyphs.ring, "pending", Role::Warn));
    if was != AlertState::Pending {
        chart.marks.push(mark(alert.state_since(), shared.glyphs.triangle, "firing", Role::Bad));
    }
    Some(chart)
}

/// `24h ▁▁▁▃█▁▁  fired 2 times`: low where nothing was, half where it was pending, full where it fired.
fn strip(view: &Alerts, look: &Look<'_>, columns: u16) -> Option<String> {
    let (matrix, alert) = (view.data.day.value()?, view.alert()?);
    let start = look.now - DAY;
    let was = alert.doubt.map_or(alert.state, |(was, _)| was);
    let is_on = !matches!(was, AlertState::Pending | AlertState::Resolved);
    // A server whose rules another one evaluates need not have their history.
    let is_old = is_on && look.now.since(alert.state_since()) > 2 * DAY_STEP;
    if is_old && matrix.series.iter().all(|s| s.labels.get("alertstate").is_none()) {
        return Some("24h: no history in ALERTS".to_owned());
    }
    let (mut firing, mut pending) = (cells(matrix, "firing", start), cells(matrix, "pending", start));
    // What began after the last sample is known from the alert itself.
    (firing[STRIP - 1], pending[STRIP - 1]) = (firing[STRIP - 1] || is_on, pending[STRIP - 1] || was == AlertState::Pending);
    let level = |i: usize| match (firing[i], pending[i]) {
        (true, _) => 7,
        (_, true) => 3,
        _ => 0,
    };
    let levels = look.shared.glyphs.levels;
    // A narrow pane has a cell an hour: of two the louder one.
    let each = if columns < WIDE { 2 } else { 1 };
    let strip: String = (0..STRIP).step_by(each).map(|i| levels[(i..i + each).map(level).max().unwrap_or(0)]).collect();
    let times = (0..STRIP).filter(|i| firing[*i] && (*i == 0 || !firing[*i - 1])).count();
    let fired = if columns < WIDE { "" } else { "fired " };
    Some(format!("24h {strip}  {fired}{}", format::counted(times, "time")))
}

/// In which cells of the strip the alert was in a state. A sample stands for what ends with it.
fn cells(matrix: &Matrix, state: &str, start: Timestamp) -> [bool; STRIP] {
    let mut out = [false; STRIP];
    let of_state = matrix.series.iter().filter(|s| s.labels.get("alertstate") == Some(state));
    for sample in of_state.flat_map(|s| &s.samples).filter(|s| s.value > 0.0 && s.at > start) {
        let share = sample.at.since(start).as_secs_f64() / DAY.as_secs_f64();
        let cell = ((share * STRIP as f64).ceil() as usize).saturating_sub(1);
        out[cell.min(STRIP - 1)] = true;
    }
    out
}
