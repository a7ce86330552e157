//! The three graphs: rate, errors, duration.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Compare, Pane, Service,
    ask::{EDGE, EDGES, GRAPHS, LINE, THEN_STEP},
    classes::{Kind, classes},
    data::chosen,
    heat::heat,
    lines::{durations, last, latest, lines, main_line, slowest},
};
use crate::{
    core::slot::Slot,
    model::{
        series::{Exemplar, Matrix, Sample, Series},
        time::Timestamp,
    },
    red::Family,
    theme::Role,
    ui::{
        chart::{Band, Chart, Dot, Heat, Line, Mark, Threshold, TimeAxis, Unit, stack, value_at},
        format,
        panel::{self, Panel, State},
    },
    views::Look,
};

/// Instances with lines of their own; more are not told apart.
const MOST_INSTANCES: usize = 8;

impl Service {
    pub(super) fn render_graph(&self, pane: Pane, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let heat = pane == Pane::Duration && self.heat;
        let slot = if heat { &self.data.heat } else { self.slot(pane) };
        let state = self.graph_state(pane, slot, look);
        let title = self.title(pane, look);
        let unused = if pane == Pane::Rate { self.unused_conditions(look) } else { String::new() };
        let note = if heat {
            self.data.heat_cut.note(self.data.heat.value())
        } else if unused.is_empty() {
            self.note(pane)
        } else {
            unused
        };
        let inner = Panel::new(title).note(note).focused(self.pane == pane).state(&state).render(look.shared, area, buf);
        if let Some(lines) = self.blank(pane, slot, &state, look) {
            panel::message(look.shared, inner, buf, &lines);
            return;
        }
        if let Some(heat) = self.heatmap(pane, look) {
            heat.render(look.shared, inner, buf);
        } else if let Some(chart) = self.graph(pane, look) {
            chart.render(look.shared, inner, buf);
        }
        if state.stale {
            panel::dim(look.shared, inner, buf);
        }
    }

    /// Of what is drawn beside the lines it is said that it is missing or old.
    fn graph_state(&self, pane: Pane, slot: &Slot<Matrix>, look: &Look<'_>) -> State {
        let whole = panel::state(slot, look);
        if whole != State::default() {
            return whole;
        }
        let data = &self.data;
        let of_all = || panel::part("the last values", &data.now, look).or_else(|| panel::part("ranges", &data.peaks, look));
        let then = data.then.get(pane as usize).and_then(|slot| panel::part(self.compare.name(), slot, look));
        let own = || match pane {
            Pane::Rate => panel::part("deploys", &data.deploys, look),
            Pane::Errors => panel::part("limits of alerts", &data.rules, look),
            _ => None,
        };
        then.or_else(of_all).or_else(own).unwrap_or(whole)
    }

    fn slot(&self, pane: Pane) -> &Slot<Matrix> {
        match pane {
            Pane::Rate => &self.data.rate,
            Pane::Errors => &self.data.errors,
            _ => &self.data.durations,
        }
    }

    /// The conditions of the scope that say nothing here.
    fn unused_conditions(&self, look: &Look<'_>) -> String {
        let unused = chosen(look).map(|f| self.data.conditions(look, f).1).unwrap_or_default();
        if unused.is_empty() {
            return String::new();
        }
        let names: Vec<&str> = unused.iter().map(|m| m.name.as_str()).collect();
        format!("not by {}", names.join(", "))
    }

    /// The counter of failures, and the label of the scope that it lacks.
    fn failures_lack<'a>(&self, look: &Look<'a>) -> Option<(&'a str, &'a str)> {
        let family = chosen(look)?;
        family.failures_lack(self.data.conditions(look, family).0.into_iter().map(|m| m.name.as_str()))
    }

    /// The durations' name, and the label of the scope that they lack.
    pub(super) fn durations_lack<'a>(&self, look: &Look<'a>) -> Option<(&'a str, &'a str)> {
        let family = chosen(look)?;
        family.durations_lack(self.data.conditions(look, family).0.into_iter().map(|m| m.name.as_str()))
    }

    /// The durations as a heatmap, while they are one.
    fn heatmap(&self, pane: Pane, look: &Look<'_>) -> Option<Heat> {
        let matrix = self.data.heat.value().filter(|_| self.heat && pane == Pane::Duration)?;
        let marks = self.chart(look, matrix, Unit::Seconds).marks;
        Some(heat(matrix, chosen(look)?.unit)?.marked(marks, self.cursor))
    }

    /// The columns of a pane's graph as instants.
    pub(super) fn axis(&self, pane: Pane, look: &Look<'_>, area: Rect) -> Option<TimeAxis> {
        match self.heatmap(pane, look) {
            Some(heat) => heat.time_axis(area),
            None => self.graph(pane, look)?.time_axis(area),
        }
    }

    /// What the band behind a line is, or how many of the instances have a line.
    fn note(&self, pane: Pane) -> String {
        let band = self.data.peaks.value().filter(|_| self.edge(pane, EDGES[1].0).is_some());
        if let Some(peaks) = band {
            return format!("{} range", format::span(peaks.step));
        }
        match self.instances().filter(|n| pane == Pane::Duration && *n > MOST_INSTANCES) {
            Some(_) => format!("{MOST_INSTANCES} slowest drawn"),
            None if pane == Pane::Duration && self.data.has_mixed_buckets() => "~ buckets differ".to_owned(),
            None => String::new(),
        }
    }

    /// How many instances have quantiles of their own.
    fn instances(&self) -> Option<usize> {
        let matrix = self.data.durations.value()?;
        let main = main_line(matrix)?;
        Some(lines(matrix, &main).count()).filter(|n| *n > 1)
    }

    /// An edge of a pane's band. One that was asked for in other steps, or over another window, says nothing of this line.
    fn edge(&self, pane: Pane, edge: &str) -> Option<&Series> {
        let name = GRAPHS[pane as usize];
        if !self.data.are_of_one_grid(name, "peaks") {
            return None;
        }
        let is_meant = |s: &&Series| s.labels.get(EDGE).and_then(|e| e.strip_prefix(name)).is_some_and(|e| e.trim_start() == edge);
        self.data.peaks.value()?.series.iter().find(is_meant)
    }

    /// The band behind a pane's line.
    fn band(&self, pane: Pane, look: &Look<'_>) -> Option<Band<'_>> {
        let [low, high] = EDGES.map(|(edge, _)| self.edge(pane, edge));
        let style = look.shared.theme.style(Role::Dim);
        Some(Band { low: low.map_or(&[], |s| s.samples.as_slice()), high: high?.samples.as_slice(), style })
    }

    /// The graph of a pane; none without data.
    pub(super) fn graph(&self, pane: Pane, look: &Look<'_>) -> Option<Chart<'_>> {
        let mut chart = match pane {
            Pane::Rate => self.rate(look),
            Pane::Errors => self.errors(look),
            Pane::Duration => self.duration(look),
            Pane::Breakdown | Pane::Calls | Pane::Saturation => None,
        }?;
        chart.bands.extend(self.band(pane, look));
        for limit in self.data.limits().iter().filter(|l| l.pane == pane) {
            // Two lines in one place are one.
            chart.thresholds.retain(|t| t.value != limit.value);
            chart.thresholds.push(Threshold { value: limit.value, label: limit.label.clone() });
        }
        Some(chart)
    }

    /// The pane's figure now and before, or at the value cursor.
    fn title(&self, pane: Pane, look: &Look<'_>) -> String {
        let line = format!(" {0}{0} ", look.shared.glyphs.horizontal);
        let mut parts = vec![pane.name().to_owned()];
        if let Some(at) = self.cursor {
            parts.push(format!("{} {}", format::clock_seconds(at, look.shared.settings.zone.0), self.values_at(pane, at, look)));
            return parts.join(&line);
        }
        let exemplar = self.selected_exemplar().filter(|_| pane == Pane::Duration);
        parts.extend(exemplar.map_or_else(|| self.figure(pane, look), |e| Some(exemplar_text(e, look))));
        parts.join(&line)
    }

    /// The pane's last value, and how it was.
    fn figure(&self, pane: Pane, look: &Look<'_>) -> Option<String> {
        let Some(now) = self.now(pane) else {
            let had_some = self.slot(pane).value()?.series.iter().any(|s| s.last().is_some());
            return had_some.then(|| "none now".to_owned());
        };
        let show = |value| self.shown(pane, value, look);
        let main = self.slot(pane).value().filter(|_| pane == Pane::Duration).and_then(main_line);
        let name = match main {
            Some(main) => match self.instances() {
                Some(all) => format!("{main} of the slowest of {all} instances "),
                None => format!("{main} "),
            },
            None => String::new(),
        };
        if self.compare != Compare::Off {
            let then = self.then(pane).map_or_else(|| format::MISSING.to_owned(), |then| compared(pane, now, then, show));
            return Some(format!("{name}{}  {then} {}", show(now), self.compare.name()));
        }
        let was = match pane {
            Pane::Rate => self.data.was(0).map(|b| format::change(now, b)),
            Pane::Errors => self.data.was(1).map(|b| format!("was {}", show(b))),
            _ => self.data.was(2).map(|b| format!("was {}", show(b))),
        };
        Some(format!("{name}{}{}", show(now), was.map_or_else(String::new, |w| format!("  {w}"))))
    }

    /// A value of a pane with its unit, and marked where it is not exact.
    fn shown(&self, pane: Pane, value: f64, look: &Look<'_>) -> String {
        match pane {
            Pane::Rate => format::rate(value),
            Pane::Errors => format::percent(value),
            _ => self.data.seconds(chosen(look), value),
        }
    }

    /// The pane's last value.
    fn now(&self, pane: Pane) -> Option<f64> {
        let matrix = self.slot(pane).value()?;
        match pane {
            Pane::Rate => total(matrix),
            Pane::Errors => Some(latest(matrix.series.first()?, matrix)?.value),
            _ => Some(latest(slowest(matrix, &main_line(matrix)?)?, matrix)?.value),
        }
    }

    /// The same of the period that is compared with, at the instant of the last value.
    fn then(&self, pane: Pane) -> Option<f64> {
        let end = |matrix: &Matrix| matrix.series.iter().filter_map(Series::last).map(|s| s.at).max();
        let at = end(self.slot(pane).value()?)?;
        self.then_at(pane, at)
    }

    /// The figure of a pane at an instant, in the period that is compared with.
    fn then_at(&self, pane: Pane, at: Timestamp) -> Option<f64> {
        let matrix = self.data.then.get(pane as usize)?.value()?;
        // It ends on a whole minute, or step: what is now lies up to one later.
        let (end, apart) = (matrix.range.end, THEN_STEP.max(matrix.step) + matrix.step);
        let at = if at.since(end) <= apart { at.min(end) } else { at };
        let read = |s: &Series| value_at(&s.samples, at, matrix.step).filter(|v| v.is_finite());
        match pane {
            Pane::Rate => {
                let values: Vec<f64> = matrix.series.iter().filter_map(read).collect();
                (!values.is_empty()).then(|| values.iter().sum())
            }
            Pane::Errors => read(matrix.series.first()?),
            _ => lines(matrix, &main_line(matrix)?).filter_map(read).max_by(f64::total_cmp),
        }
    }

    /// The exact values of a pane at an instant.
    pub(super) fn values_at(&self, pane: Pane, at: Timestamp, look: &Look<'_>) -> String {
        let Some(matrix) = self.slot(pane).value() else { return format::MISSING.to_owned() };
        let show = |value| self.shown(pane, value, look);
        let label = match pane {
            Pane::Rate => "class",
            Pane::Errors => "",
            _ => LINE,
        };
        let mut by_name: Vec<(&str, Vec<f64>)> = Vec::new();
        let mut all: Vec<&Series> = matrix.series.iter().collect();
        if pane == Pane::Duration {
            // What one looks at first: the others may have no room.
            let names: Vec<String> = durations(matrix).into_iter().map(|(name, _)| name).collect();
            all.sort_by_key(|s| std::cmp::Reverse(names.iter().position(|n| s.labels.get(LINE) == Some(n))));
        }
        for series in all {
            let Some(value) = value_at(&series.samples, at, matrix.step) else { continue };
            let name = series.labels.get(label).unwrap_or("");
            match by_name.iter_mut().find(|(n, _)| *n == name) {
                Some((_, values)) => values.push(value),
                None => by_name.push((name, vec![value])),
            }
        }
        let each = by_name.iter().map(|(name, values)| format!("{name} {}", from_to(values, show)).trim().to_owned());
        let mut values: Vec<String> = each.collect();
        if values.is_empty() {
            values.push(format::MISSING.to_owned());
        }
        let peak = |edge: &str| value_at(&self.edge(pane, edge)?.samples, at, matrix.step).map(show);
        if let (Some(low), Some(high)) = (peak(EDGES[0].0), peak(EDGES[1].0)) {
            values.push(format!("{low} to {high}"));
        }
        if let Some(then) = self.then_at(pane, at) {
            values.push(format!("{} {}", self.compare.name(), show(then)));
        }
        values.join("  ")
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
        let classes = classes(matrix, chosen(look).and_then(Family::status_shape));
        let samples: Vec<&[Sample]> = classes.iter().map(|c| c.series.samples.as_slice()).collect();
        let mut chart = self.chart(look, matrix, Unit::Rate);
        chart.named = true;
        if let Some(then) = self.behind(Pane::Rate, matrix) {
            let all: Vec<&[Sample]> = then.series.iter().map(|s| s.samples.as_slice()).collect();
            chart.lines.extend(stack(&all).pop().map(|sum| behind(look, sum)));
        }
        for (class, sum) in classes.iter().zip(stack(&samples)).rev() {
            let own = &class.series;
            let value = own.last().map_or(format::MISSING.to_owned(), |s| format::number(s.value));
            let end = format!("{} {value}", class.name).trim().to_owned();
            // What never happened needs no line.
            if class.kind != Kind::Well && own.samples.iter().all(|s| s.value == 0.0 || s.value.is_nan()) {
                continue;
            }
            let style = look.shared.theme.style(class.kind.role());
            chart.lines.push(Line { samples: sum.into(), style, fill: class.kind == Kind::Failing, end });
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
        if let Some(then) = self.behind(Pane::Errors, matrix).and_then(|m| m.series.first()) {
            chart.lines.push(behind(look, then.samples.clone()));
        }
        let end = format::percent(last);
        let (samples, style) = (series.samples.as_slice().into(), look.shared.theme.style(role));
        chart.lines.push(Line { samples, style, fill: false, end });
        Some(chart)
    }

    fn duration(&self, look: &Look<'_>) -> Option<Chart<'_>> {
        let matrix = self.data.durations.value()?;
        let mut chart = self.chart(look, matrix, Unit::Seconds);
        chart.named = true;
        if let Some(then) = self.behind(Pane::Duration, matrix).and_then(|m| slowest(m, &main_line(m)?)) {
            chart.lines.push(behind(look, then.samples.clone()));
        }
        for (name, role) in durations(matrix) {
            let style = look.shared.theme.style(role);
            let top = slowest(matrix, &name);
            let mut all: Vec<&Series> = lines(matrix, &name).collect();
            all.sort_by(|a, b| last(b).total_cmp(&last(a)));
            for series in all.into_iter().take(MOST_INSTANCES) {
                let value = series.last().map_or(format::MISSING.to_owned(), |s| self.data.seconds(chosen(look), s.value));
                // The same place, not the same samples: NaN is not even itself.
                let end = if top.is_some_and(|top| std::ptr::eq(top, series)) { format!("{name} {value}") } else { String::new() };
                chart.lines.push(Line { samples: series.samples.as_slice().into(), style, fill: false, end });
            }
        }
        if let Some(value) = look.shared.latency_threshold(look.scope.service.as_deref().unwrap_or("")) {
            chart.thresholds.push(Threshold { value, label: Unit::Seconds.constant(value) });
        }
        for (i, e) in self.data.exemplars.value().into_iter().flatten().enumerate() {
            chart.dots.push(Dot { at: e.at, value: e.value, selected: self.exemplar == Some(i), failed: false });
        }
        Some(chart)
    }

    /// What a pane is compared with, in the steps of what it shows.
    fn behind(&self, pane: Pane, shown: &Matrix) -> Option<&Matrix> {
        self.data.then.get(pane as usize)?.value().filter(|then| then.step == shown.step)
    }

    fn blank(&self, pane: Pane, slot: &Slot<Matrix>, state: &State, look: &Look<'_>) -> Option<Vec<String>> {
        let family = self.data.family(look).map(|(f, _)| f)?;
        if let Some((metric, label)) = self.durations_lack(look).filter(|_| pane == Pane::Duration) {
            return Some(vec![format!("{metric} has no label {label}: how long these requests took is not told.")]);
        }
        if pane == Pane::Duration && family.durations.is_none() {
            return Some(vec![format!("{} has no durations.", family.name)]);
        }
        if let Some((counter, label)) = self.failures_lack(look).filter(|_| pane == Pane::Errors) {
            return Some(vec![format!("{counter} has no label {label}: which of these requests failed is not told.")]);
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
}

/// One value, or from the lowest to the highest of several.
fn from_to(values: &[f64], show: impl Fn(f64) -> String) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match values {
        [one] => show(*one),
        _ => format!("{} to {}", show(low), show(high)),
    }
}

/// A line of another period: behind the others, without a name.
fn behind(look: &Look<'_>, samples: Vec<Sample>) -> Line<'static> {
    Line { samples: samples.into(), style: look.shared.theme.style(Role::Dim), fill: false, end: String::new() }
}

/// How a figure has changed: shares by how they were, all else by the factor.
fn compared(pane: Pane, now: f64, then: f64, show: impl Fn(f64) -> String) -> String {
    if pane == Pane::Errors || then == 0.0 { format!("was {}", show(then)) } else { format::change(now, then) + " on" }
}

/// An exemplar's value, trace, time and labels.
fn exemplar_text(e: &Exemplar, look: &Look<'_>) -> String {
    let shared = look.shared;
    let trace = e.trace.map(|t| t.short()).unwrap_or_default();
    let at = format::clock_seconds(e.at, shared.settings.zone.0);
    let family = chosen(look);
    // What is the same for all of them tells nothing of this one.
    let is_told = |name: &str| {
        let is_service = family.is_some_and(|f| f.service_label == name);
        !is_service && !matches!(name, "__name__" | "le") && !name.replace(['_', '.'], "").eq_ignore_ascii_case("traceid")
    };
    let is_route = |name: &str| family.and_then(|f| f.route_label.as_deref()) == Some(name);
    let mut labels: Vec<(&str, &str)> = e.labels.iter().chain(e.series.iter()).filter(|(name, _)| is_told(name)).collect();
    labels.sort_by_key(|(name, _)| !is_route(name));
    let labels = labels.into_iter();
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value}")).collect();
    format!("{} {} trace {trace} {at} {}", shared.glyphs.diamond, format::seconds(e.value), labels.join(" ")).trim_end().to_owned()
}

/// The sum of all classes at the last instant that any has.
fn total(matrix: &Matrix) -> Option<f64> {
    let last = || matrix.series.iter().filter_map(|s| latest(s, matrix));
    let at = last().map(|s| s.at).max()?;
    Some(last().filter(|s| s.at == at).map(|s| s.value).sum())
}
