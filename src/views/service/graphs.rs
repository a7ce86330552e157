//! The three graphs: rate, errors, duration.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Pane, Service,
    data::{QUANTILES, family},
};
use crate::{
    core::slot::Slot,
    model::{
        series::{Matrix, Sample, Series},
        time::Timestamp,
    },
    theme::Role,
    ui::{
        chart::{Chart, Dot, Line, Mark, Threshold, Unit, stack, value_at},
        format,
        panel::{self, Panel, State},
    },
    views::Look,
};

/// Bottom of the stack first: what fails must not be hidden by what does not.
fn class_order(class: &str) -> (u8, Role) {
    match class {
        "5xx" | "ERROR" | "SERVER_ERROR" | "true" | "Error" | "error" => (0, Role::Status5xx),
        "4xx" | "CLIENT_ERROR" => (1, Role::Status4xx),
        "3xx" | "REDIRECTION" => (2, Role::Status3xx),
        _ => (3, Role::Status2xx),
    }
}

impl Service {
    pub(super) fn render_graph(&self, pane: Pane, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let slot = match pane {
            Pane::Rate => &self.data.rate,
            Pane::Errors => &self.data.errors,
            Pane::Duration | Pane::Routes => &self.data.quantiles[1],
        };
        let state = panel::state(slot, look);
        let title = self.title(pane, look);
        let inner = Panel::new(title).focused(self.pane == pane).state(&state).render(look.shared, area, buf);
        if let Some(lines) = blank(pane, slot, &state, look) {
            panel::message(look.shared, inner, buf, &lines);
            return;
        }
        if let Some(chart) = self.graph(pane, look) {
            chart.render(look.shared, inner, buf);
        }
        if state.stale {
            panel::dim(look.shared, inner, buf);
        }
    }

    /// The graph of a pane; none without data.
    pub(super) fn graph(&self, pane: Pane, look: &Look<'_>) -> Option<Chart<'_>> {
        match pane {
            Pane::Rate => self.rate(look),
            Pane::Errors => self.errors(look),
            Pane::Duration => self.duration(look),
            Pane::Routes => None,
        }
    }

    /// The pane's figure now and before, or at the value cursor.
    fn title(&self, pane: Pane, look: &Look<'_>) -> String {
        let glyphs = look.shared.glyphs;
        let line = format!(" {0}{0} ", glyphs.horizontal);
        let mut parts = vec![pane.name().to_owned()];
        if let Some(at) = self.cursor {
            parts.push(format!("{} {}", format::clock_seconds(at, look.shared.settings.zone.0), self.values_at(pane, at)));
            return parts.join(&line);
        }
        match pane {
            Pane::Rate => {
                let now = self.data.rate.value().map(total);
                let change = now.zip(self.data.was(0)).map_or(String::new(), |(n, b)| format!("  {}", format::change(n, b)));
                parts.extend(now.map(|v| format!("{}{change}", format::rate(v))));
            }
            Pane::Errors => {
                parts.extend(last(&self.data.errors).map(|v| format!("{}{}", format::percent(v), self.was(1, format::percent))))
            }
            Pane::Duration | Pane::Routes => match self.selected_exemplar() {
                Some(e) => {
                    let trace = e.trace.map(|t| t.short()).unwrap_or_default();
                    parts.push(format!("{} {} trace {trace}", glyphs.diamond, format::seconds(e.value)));
                }
                None => parts
                    .extend(last(&self.data.quantiles[1]).map(|v| format!("p95 {}{}", format::seconds(v), self.was(2, format::seconds)))),
            },
        }
        parts.join(&line)
    }

    fn was(&self, figure: usize, show: fn(f64) -> String) -> String {
        self.data.was(figure).map_or(String::new(), |v| format!("  was {}", show(v)))
    }

    /// The exact values of a pane at an instant.
    pub(super) fn values_at(&self, pane: Pane, at: Timestamp) -> String {
        let read = |m: &Matrix, s: &Series, unit: Unit| value_at(&s.samples, at, m.step).map(|v| unit.show(v));
        let one = |slot: &Slot<Matrix>, unit| slot.value().and_then(|m| read(m, m.series.first()?, unit));
        let named = match pane {
            Pane::Rate => {
                let matrix = self.data.rate.value();
                let series = matrix.into_iter().flat_map(|m| m.series.iter().map(move |s| (m, s)));
                series.filter_map(|(m, s)| Some((s.labels.get("class").unwrap_or("").to_owned(), read(m, s, Unit::Rate)?))).collect()
            }
            Pane::Errors => one(&self.data.errors, Unit::Share).map(|v| (String::new(), v)).into_iter().collect::<Vec<_>>(),
            Pane::Duration | Pane::Routes => {
                let each = QUANTILES.iter().zip(&self.data.quantiles);
                each.filter_map(|((_, name), slot)| Some(((*name).to_owned(), one(slot, Unit::Seconds)?))).collect()
            }
        };
        if named.is_empty() {
            return format::MISSING.to_owned();
        }
        named.iter().map(|(name, value)| format!("{name} {value}").trim().to_owned()).collect::<Vec<_>>().join("  ")
    }

    fn chart(&self, look: &Look<'_>, matrix: &Matrix, unit: Unit) -> Chart<'_> {
        let shared = look.shared;
        let mut chart = Chart::new(matrix.range, matrix.step, unit);
        chart.cursor = self.cursor;
        let style = shared.theme.style(Role::Deploy);
        let service = look.scope.service.as_deref().unwrap_or("");
        let deploys = self.data.deploys(service).into_iter();
        chart.marks.extend(deploys.map(|(at, label)| Mark { at, glyph: shared.glyphs.dotted, label, style, line: true }));
        if let Some(at) = look.scope.alert.as_ref().and_then(|a| a.onset) {
            let style = shared.theme.style(Role::Warn);
            chart.marks.push(Mark { at, glyph: shared.glyphs.ring, label: "onset".to_owned(), style, line: false });
        }
        chart
    }

    fn rate(&self, look: &Look<'_>) -> Option<Chart<'_>> {
        let matrix = self.data.rate.value()?;
        let mut series: Vec<(&str, &Series)> = matrix.series.iter().map(|s| (s.labels.get("class").unwrap_or(""), s)).collect();
        series.sort_by(|a, b| (class_order(a.0).0, a.0).cmp(&(class_order(b.0).0, b.0)));
        let samples: Vec<&[Sample]> = series.iter().map(|(_, s)| s.samples.as_slice()).collect();
        let mut chart = self.chart(look, matrix, Unit::Rate);
        chart.named = true;
        for ((class, own), sum) in series.iter().zip(stack(&samples)).rev() {
            let (order, role) = class_order(class);
            let value = own.last().map_or(format::MISSING.to_owned(), |s| format::number(s.value));
            let end = format!("{class} {value}").trim().to_owned();
            // What never happened needs no line.
            if order < 3 && own.samples.iter().all(|s| s.value == 0.0 || s.value.is_nan()) {
                continue;
            }
            chart.lines.push(Line { samples: sum.into(), style: look.shared.theme.style(role), fill: order == 0, end });
        }
        Some(chart)
    }

    fn errors(&self, look: &Look<'_>) -> Option<Chart<'_>> {
        let matrix = self.data.errors.value()?;
        let series = matrix.series.first()?;
        let limit = look.shared.error_threshold(look.scope.service.as_deref().unwrap_or(""));
        let last = series.last().map_or(0.0, |s| s.value);
        let role = if last >= limit { Role::Bad } else { Role::Text };
        let mut chart = self.chart(look, matrix, Unit::Share);
        chart.thresholds.push(Threshold { value: limit, label: Unit::Share.constant(limit) });
        let end = format::percent(last);
        let (samples, style) = (series.samples.as_slice().into(), look.shared.theme.style(role));
        chart.lines.push(Line { samples, style, fill: false, end });
        Some(chart)
    }

    fn duration(&self, look: &Look<'_>) -> Option<Chart<'_>> {
        let matrix = self.data.quantiles[1].value()?;
        let mut chart = self.chart(look, matrix, Unit::Seconds);
        chart.named = true;
        // Last is on top: p95 is what one looks at.
        for (i, role) in [(0, Role::P50), (2, Role::P99), (1, Role::P95)] {
            let Some(series) = self.data.quantiles[i].value().and_then(|m| m.series.first()) else { continue };
            let value = series.last().map_or(format::MISSING.to_owned(), |s| format::seconds(s.value));
            let (style, end) = (look.shared.theme.style(role), format!("{} {value}", QUANTILES[i].1));
            chart.lines.push(Line { samples: series.samples.as_slice().into(), style, fill: false, end });
        }
        if let Some(value) = look.shared.latency_threshold(look.scope.service.as_deref().unwrap_or("")) {
            chart.thresholds.push(Threshold { value, label: Unit::Seconds.constant(value) });
        }
        for (i, e) in self.data.exemplars.value().into_iter().flatten().enumerate() {
            chart.dots.push(Dot { at: e.at, value: e.value, selected: self.exemplar == Some(i), failed: false });
        }
        Some(chart)
    }
}

fn blank(pane: Pane, slot: &Slot<Matrix>, state: &State, look: &Look<'_>) -> Option<Vec<String>> {
    let family = family(look).map(|(f, _)| f)?;
    if pane == Pane::Duration && family.durations.is_none() {
        return Some(vec![format!("{} has no durations.", family.name)]);
    }
    if pane == Pane::Errors && family.failures.is_none() {
        return Some(vec![format!("{} does not tell which requests failed.", family.name)]);
    }
    if let Some(lines) = &state.blank {
        return Some(lines.clone());
    }
    let empty = slot.value().is_none_or(|m| m.series.iter().all(|s| s.last().is_none()));
    empty.then(|| vec!["No requests in this window.".to_owned()])
}

fn last(slot: &Slot<Matrix>) -> Option<f64> {
    slot.value()?.series.first()?.last().map(|s| s.value)
}

/// The sum of all classes at the last instant that any has.
fn total(matrix: &Matrix) -> f64 {
    let at = matrix.series.iter().filter_map(Series::last).map(|s| s.at).max();
    matrix.series.iter().filter_map(Series::last).filter(|s| Some(s.at) == at).map(|s| s.value).sum()
}
