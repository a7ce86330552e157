//! Rate, errors and p95 of the scope over the window, in one line: by TraceQL metrics, else of a sample, which is said. The
//! p95 is also what slow traces are longer than.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Traces, more,
    query::{self, Preset},
};
use crate::{
    app::expect,
    core::{
        request::{Answer, Refresh, Request, pick, step},
        slot::Slot,
    },
    model::{
        explored::Explored,
        series::{Matrix, Sample},
        time::Timestamp,
        trace::{TraceHit, TraceHits},
        trace_source::{Ability, TraceOrigin, TraceQuery},
    },
    theme::Role,
    ui::{
        format, spark,
        text::{put, truncate},
    },
    views::{Look, Needs},
};

/// Slots: requests and errors over time, p95 over time and of the whole window, and the sample.
const RATE: &str = "rate";
const TREND: &str = "p95 over time";
const P95: &str = "p95";
const SAMPLE: &str = "sample";
pub(super) const PANES: [&str; 4] = [RATE, TREND, P95, SAMPLE];
/// Cells of a trend, and the width from which on there is room for them.
const CELLS: usize = 12;
const WIDE: u16 = 100;
/// Steps of the window.
const STEPS: u16 = 30;
const LEAST_STEP: Duration = Duration::from_secs(10);

/// What is known.
#[derive(Default)]
pub(super) struct Red {
    rate: Slot<Matrix>,
    trend: Slot<Matrix>,
    p95: Slot<Option<f64>>,
    sample: Slot<TraceHits>,
    /// What slow ones are longer than: it stays until something else is looked at, so that the question does.
    slow: Option<Slow>,
}

/// What slow ones are longer than.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slow {
    pub(super) above: Duration,
    pub(super) by: By,
}

/// Who says what is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The configuration.
    Configured,
    /// The p95 of the scope's spans.
    Spans,
    /// The p95 of traces that were sampled.
    Sample,
    /// Nobody.
    Usual,
}

/// Slow where nothing is known.
pub(super) const USUAL: Slow = Slow { above: Duration::from_secs(1), by: By::Usual };

/// Figures and where they are from.
struct Told {
    rate: Option<f64>,
    errors: Option<f64>,
    p95: Option<f64>,
    /// Trends of the three.
    trends: [Vec<Sample>; 3],
    from: String,
}

impl Traces {
    /// What slow ones are longer than; `None` while the p95 is on its way.
    pub(super) fn slow(&self, look: &Look<'_>) -> Option<Slow> {
        if let Some(above) = query::configured_slow(look.scope, look.shared) {
            return Some(Slow { above, by: By::Configured });
        }
        let red = &self.red;
        let measured = red.p95.value().is_some() || (!red.sample.is_waiting() && self.samples(look));
        red.slow.or((measured || look.shared.traces.error().is_some()).then_some(USUAL))
    }

    pub(super) fn forget_red(&mut self) {
        self.red = Red::default();
    }

    pub(super) fn ask_for_red(&self, look: &Look<'_>, needs: &mut Needs<'_>) {
        let Some(able) = look.shared.traces.value() else { return };
        // A long window reads much and changes slowly.
        let often = look.shared.settings.refresh_slow.max(look.range().duration() / u32::from(STEPS));
        let (window, refresh) = (look.scope.window, Refresh::Every(often));
        // Whether it has metrics is found out when they are first asked for.
        if able.why_not(Ability::Metrics).is_none() {
            let of = query::entry_spans(look.scope, look.shared);
            let each = Some(step(look.range().duration(), STEPS / 2, LEAST_STEP));
            let p95 = format!("{of} | quantile_over_time(duration, .95)");
            needs.ask(RATE, 0, Request::TraceMetrics { query: format!("{of} | rate() by (status)"), window, step: each }, refresh);
            needs.ask(TREND, 0, Request::TraceMetrics { query: p95.clone(), window, step: each }, refresh);
            needs.ask(P95, 0, Request::TraceMetrics { query: p95, window, step: None }, refresh);
        }
        if self.samples(look) && self.is_turn_of_sample(look) {
            let plain = Some(query::plain(Preset::All, look.scope, USUAL));
            let query = TraceQuery { traceql: query::traceql(Preset::All, look.scope, look.shared, USUAL, None), plain };
            needs.ask(SAMPLE, 0, Request::Search { query, window, limit: more::first(look) }, refresh);
        }
    }

    /// Whether a sample holds nothing up. A Jaeger is asked one search after the other: what is listed comes first, unless it waits
    /// for what is slow.
    fn is_turn_of_sample(&self, look: &Look<'_>) -> bool {
        let is_jaeger = look.shared.traces.value().is_some_and(|able| able.origin == TraceOrigin::Jaeger);
        let decides = self.typed.is_none() && self.preset == Preset::Slow && self.slow(look).is_none();
        !is_jaeger || !self.found.is_waiting() || decides
    }

    /// Whether there are no metrics to tell it.
    fn samples(&self, look: &Look<'_>) -> bool {
        let failed = self.red.rate.value().is_none() && self.red.rate.error().is_some();
        let no_p95 = self.red.p95.error().is_some() && self.red.p95.value().is_none();
        lacks_metrics(look).is_some() || failed || no_p95
    }

    pub(super) fn red_answer(&mut self, answer: Answer) -> bool {
        let Answer { slot, asked, result, .. } = answer;
        let red = &mut self.red;
        let explored = |r| expect(r, pick!(Explored));
        let matrix = |e: Arc<Explored>| match &*e {
            Explored::Graph { matrix, .. } => Some(matrix.clone()),
            _ => None,
        };
        let changed = match slot.pane {
            RATE => red.rate.settle(asked, explored(result).map(|e| matrix(e).unwrap_or_else(nothing))),
            TREND => red.trend.settle(asked, explored(result).map(|e| matrix(e).unwrap_or_else(nothing))),
            P95 => red.p95.settle(asked, explored(result).map(|e| whole(&e))),
            _ => red.sample.settle(asked, expect(result, pick!(Hits))),
        };
        let p95 = red.p95.value().copied().flatten().map(|p95| (p95, By::Spans));
        let sampled = || red.sample.value().and_then(|found| sampled_p95(&found.hits)).map(|p95| (p95, By::Sample));
        let told = p95.or_else(sampled).and_then(|(p95, by)| Some(Slow { above: rounded(p95)?, by }));
        red.slow = red.slow.or(told);
        changed
    }

    /// ` RED of checkout   rate 41.2 /s ▂▃▅   errors 4.2 % ▁▁█   p95 431 ms ▂▂▇   by TraceQL metrics`
    pub(super) fn draw_red(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let (shared, theme) = (look.shared, &look.shared.theme);
        let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
        let of = look.scope.service.as_ref().map_or_else(|| "all root spans".to_owned(), ToString::to_string);
        let mut x = put(buf, area, area.x + 1, &format!("RED of {of}"), dim);
        let Some(told) = self.told(look) else {
            put(buf, area, x + 3, &self.no_red(look).unwrap_or_default(), dim);
            return;
        };
        let threshold = look.scope.service.as_deref().map_or(shared.settings.error_threshold, |s| shared.error_threshold(s));
        let bad = told.errors.is_some_and(|share| share > threshold);
        let figures = [
            ("rate", told.rate.map(format::rate), text),
            ("errors", told.errors.map(format::percent), if bad { theme.style(Role::Bad) } else { text }),
            ("p95", told.p95.map(format::seconds), text),
        ];
        for ((name, value, style), trend) in figures.into_iter().zip(&told.trends) {
            x = put(buf, area, x + 3, name, dim);
            x = put(buf, area, x + 1, &value.unwrap_or_else(|| shared.glyphs.dash.to_owned()), style);
            if area.width >= WIDE && !trend.is_empty() {
                x = put(buf, area, x + 1, &spark::spark(trend, look.range(), CELLS, shared.glyphs), style);
            }
        }
        let room = usize::from(area.right().saturating_sub(x + 3));
        put(buf, area, x + 3, &truncate(&told.from, room, shared.glyphs.ellipsis), dim);
    }

    /// Why there are no figures, where that is known.
    fn no_red(&self, look: &Look<'_>) -> Option<String> {
        let failed = self.red.sample.error().or(self.red.rate.error()).map(|e| e.message.clone());
        failed.or_else(|| look.shared.traces.error().map(|e| e.message.clone()))
    }

    fn told(&self, look: &Look<'_>) -> Option<Told> {
        if let Some(rate) = self.red.rate.value() {
            return Some(self.measured(rate));
        }
        let found = self.red.sample.value()?;
        let why = lacks_metrics(look).map(str::to_owned);
        let why = why.or_else(|| self.red.rate.error().map(|e| format!("TraceQL metrics: {}", e.message))).unwrap_or_default();
        Some(sampled(found, look, why))
    }

    fn measured(&self, rate: &Matrix) -> Told {
        let (all, failed) = (summed(rate, |_| true), summed(rate, |status| status == "error"));
        let count = all.len().max(1) as f64;
        let sum = |of: &BTreeMap<Timestamp, f64>| of.values().sum::<f64>();
        let share = |at: &Timestamp, n: f64| if n > 0.0 { failed.get(at).copied().unwrap_or(0.0) / n } else { 0.0 };
        let sample = |at: &Timestamp, value: f64| Sample { at: *at, value };
        let trends = [
            all.iter().map(|(at, n)| sample(at, *n)).collect(),
            all.iter().map(|(at, n)| sample(at, share(at, *n))).collect(),
            self.red.trend.value().and_then(|m| m.series.first()).map(|s| s.samples.clone()).unwrap_or_default(),
        ];
        let mut from = vec!["by TraceQL metrics".to_owned()];
        from.extend(rate.warnings.first().cloned());
        from.extend(self.red.rate.error().map(|e| format!("stale: {}", e.message)));
        Told {
            rate: Some(sum(&all) / count),
            errors: (sum(&all) > 0.0).then(|| sum(&failed) / sum(&all)),
            p95: self.red.p95.value().copied().flatten().or_else(|| sampled_p95(&self.red.sample.value()?.hits)),
            trends,
            from: from.join(", "),
        }
    }
}

fn lacks_metrics(look: &Look<'_>) -> Option<&'static str> {
    look.shared.traces.value().and_then(|able| able.why_not(Ability::Metrics))
}

fn nothing() -> Matrix {
    let at = Timestamp::ZERO;
    Matrix { series: Vec::new(), range: crate::model::time::TimeRange::new(at, at), step: LEAST_STEP, warnings: Vec::new() }
}

/// The one value of the whole window.
fn whole(explored: &Explored) -> Option<f64> {
    let Explored::Table(table) = explored else { return None };
    table.rows.first().and_then(|(_, value)| value.number()).filter(|v| v.is_finite() && *v > 0.0)
}

/// The values of all series whose status fits, together.
fn summed(matrix: &Matrix, fits: impl Fn(&str) -> bool) -> BTreeMap<Timestamp, f64> {
    let mut out = BTreeMap::new();
    for series in matrix.series.iter().filter(|s| fits(s.labels.get("status").unwrap_or_default())) {
        for sample in series.samples.iter().filter(|s| s.value.is_finite()) {
            *out.entry(sample.at).or_default() += sample.value;
        }
    }
    out
}

/// What a sample tells. Of one that was cut and is not of the newest, or is a part, nobody knows how long it took to come together.
fn sampled(found: &TraceHits, look: &Look<'_>, why: String) -> Told {
    let (hits, range) = (&found.hits, look.range());
    let cut = hits.len() >= more::first(look);
    let start = if cut { hits.iter().map(|h| h.start).min().unwrap_or(range.start) } else { range.start };
    let seconds = range.end.since(start.max(range.start)).as_secs_f64();
    let failed = hits.iter().map(|h| h.error_count.map(|n| n > 0)).collect::<Option<Vec<bool>>>().filter(|f| !f.is_empty());
    let newest = if cut && found.newest { ", the newest" } else { "" };
    let part = found.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
    Told {
        rate: (seconds > 0.0 && found.part.is_none() && (!cut || found.newest)).then(|| hits.len() as f64 / seconds),
        errors: failed.map(|f| f.iter().filter(|f| **f).count() as f64 / f.len() as f64),
        p95: sampled_p95(hits),
        trends: Default::default(),
        from: format!("of {} sampled{newest}{part}: {why}", format::counted(hits.len(), "trace")),
    }
}

/// The p95 of the durations of traces, in seconds: the smallest that 95 % do not exceed.
fn sampled_p95(hits: &[TraceHit]) -> Option<f64> {
    let mut all: Vec<i64> = hits.iter().map(|h| h.duration_ns).filter(|ns| *ns > 0).collect();
    all.sort_unstable();
    let nth = (all.len() * 95).div_ceil(100).checked_sub(1)?;
    all.get(nth).map(|ns| *ns as f64 / 1e9)
}

/// Two digits of it.
fn rounded(seconds: f64) -> Option<Duration> {
    let unit = 10f64.powf(seconds.log10().floor() - 1.0);
    let ns = ((seconds / unit).round() * unit * 1e9).round();
    (ns.is_finite() && ns >= 1.0).then(|| Duration::from_nanos(ns as u64))
}
