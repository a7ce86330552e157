//! What the Service page asks: few questions, each for all that one pane shows.

use std::time::Duration;

use compact_str::CompactString;

use super::{
    Compare, calls,
    data::{Data, chosen},
    deploys, heat, labels, saturation,
};
use crate::{
    core::request::{Refresh, Request, step},
    model::{
        labels::label_name,
        time::{TimeRange, TimeWindow, Timestamp},
    },
    red::{
        Durations, Failures, Family, USUAL_SCRAPE,
        queries::{promql_duration, tagged},
    },
    views::{Look, Needs},
};

/// The quantiles shown of a histogram.
const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
/// The quantile that is looked at.
const LOOKED_AT: f64 = 0.95;
/// The label that tells the lines of one answer apart.
pub(super) const LINE: &str = "line";
/// The p95 of those that failed and of those that did not.
pub(super) const FAILED: &str = "failed";
pub(super) const SUCCEEDED: &str = "ok";
/// What a page without an alert is compared with lies this far back.
const BEFORE: Duration = Duration::from_secs(3600);
/// The instant to compare with moves in steps of this: each step asks anew.
const BEFORE_STEP: Duration = Duration::from_secs(300);
/// A window that is compared with moves in steps of this.
pub(super) const THEN_STEP: Duration = Duration::from_secs(60);

/// What is on the page, which decides what it asks.
pub(super) struct Page {
    /// Width of one graph in columns.
    pub columns: u16,
    /// The label of the breakdown.
    pub label: Option<String>,
    pub compare: Compare,
    /// Durations are a heatmap, of this part.
    pub heat: Option<heat::Cut>,
    /// The list of labels is open.
    pub picking: bool,
    pub calls: bool,
    pub saturation: bool,
}

/// The panes of the three graphs, and the label that says which one a line of now is of.
pub(super) const GRAPHS: [&str; 3] = ["rate", "errors", "duration"];
pub(super) const GRAPH: &str = "graph";
/// The label that says which graph an edge of the band is of, and which edge it is.
pub(super) const EDGE: &str = "edge";
/// The two edges of a band and what finds them.
pub(super) const EDGES: [(&str, &str); 2] = [("low", "min_over_time"), ("high", "max_over_time")];
/// Evaluations of a query that looks for peaks, at the most.
const MOST_PARTS: u32 = 3000;

/// How the graphs are asked for.
struct Grid {
    window: TimeWindow,
    step: Duration,
    /// Window of the rates.
    over: Duration,
}

/// The instant that the page compares with: before the alert's onset where the window reaches it, or else an hour before.
pub(super) fn before(look: &Look<'_>) -> Timestamp {
    let end = look.range().end;
    match look.scope.alert.as_ref().and_then(|a| a.onset).filter(|onset| *onset < end) {
        Some(onset) => (onset - BEFORE_STEP).align_down(Duration::from_secs(60)),
        None => (end - BEFORE).align_down(BEFORE_STEP),
    }
}

/// What the figures of a table are taken over: enough samples for a percentile with little traffic.
pub(super) fn table_window(family: &Family) -> Duration {
    family.rate_window(Duration::ZERO).max(Duration::from_secs(120))
}

/// The quantiles that a family's durations are shown by. Of those that someone else took all that there are in the slower
/// half: there may be no p95 among them.
fn quantiles(family: &Family) -> Vec<f64> {
    let Some(Durations::Given(given)) = &family.durations else { return QUANTILES.to_vec() };
    let mut all: Vec<f64> = given.iter().map(|g| g.q).filter(|q| *q >= 0.5).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// The quantile of these that is looked at: p95, or what is nearest to it.
pub(super) fn looked_at(quantiles: impl Iterator<Item = f64>) -> Option<f64> {
    quantiles.min_by(|a, b| (a - LOOKED_AT).abs().total_cmp(&(b - LOOKED_AT).abs()))
}

/// A quantile's name: `p95`, `p99.9`.
pub(super) fn quantile_name(q: f64) -> String {
    format!("p{}", (q * 1e6).round() / 1e4)
}

/// The quantile that a name says.
pub(super) fn named_quantile(name: &str) -> Option<f64> {
    Some(name.strip_prefix('p')?.parse::<f64>().ok()? / 100.0)
}

/// The query for the quantile of a family that is looked at.
pub(super) fn main_quantile(family: &Family, service: &str, over: Duration) -> Option<String> {
    family.quantile(looked_at(quantiles(family).into_iter())?, service, over)
}

impl Data {
    /// The page's questions.
    pub(super) fn ask(&self, look: &Look<'_>, page: &Page, needs: &mut Needs<'_>) {
        let (Some(whole), Some(service)) = (chosen(look), look.scope.service.as_deref()) else { return };
        let seldom = look.shared.refresh_slow();
        let labels = whole.selector(whole.requests.metric(), &[whole.service_matcher(service)]);
        needs.ask("labels", 0, Request::LabelNames { query: labels.clone(), window: look.scope.window }, Refresh::Once);
        let names = self.labels.value().filter(|_| page.picking).map_or(&[][..], Vec::as_slice);
        for (part, query) in (0..).zip(labels::queries(&labels, names)) {
            needs.ask("counts", part, Request::Instant { query, window: look.scope.window }, Refresh::Once);
        }
        // Rules change with deployments of rules: once a page is enough.
        needs.ask("limits", 0, Request::PrometheusAlerts, Refresh::Once);
        let over = table_window(whole);
        if page.calls {
            let red = look.shared.red.value();
            let spans = red.and_then(|red| calls::spans(red));
            if let Some(spans) = &spans {
                needs.ask("peers", 0, Request::LabelNames { query: spans.selector(), window: look.scope.window }, Refresh::Once);
            }
            let peers = self.peers.value().map_or(&[][..], Vec::as_slice);
            // Two questions would be one too many: it waits until it is known whom spans name.
            if spans.is_none() || !self.peers.is_waiting() {
                let over = red.and_then(|red| calls::graph_window(red)).unwrap_or(over);
                let query = calls::query(service, over, spans.as_ref(), peers);
                needs.ask("calls", 0, Request::Instant { query, window: look.scope.window }, seldom);
            }
        }
        if page.saturation {
            let query = saturation::query(service, &whole.service_label, over);
            needs.ask("saturation", 0, Request::Instant { query, window: look.scope.window }, seldom);
        }
        // Which conditions hold for these series is not known yet.
        let Some((family, service)) = self.family(look) else { return };
        let labels = self.labels.value().map_or(&[][..], Vec::as_slice);
        Self::ask_graphs(look, (&family, &service), labels, page, needs);
        self.ask_bounds(look, &family, &service, needs);
        Self::ask_tables(look, &by_label(&family, page.label.clone()), &service, needs);
    }

    fn ask_graphs(look: &Look<'_>, (family, service): (&Family, &str), labels: &[CompactString], page: &Page, needs: &mut Needs<'_>) {
        let (often, seldom) = (look.shared.refresh(), look.shared.refresh_slow());
        let step = step(look.range().duration(), page.columns, family.scrape_interval.unwrap_or(USUAL_SCRAPE));
        let grid = Grid { window: look.scope.window, step, over: family.rate_window(step) };
        let peaks = grid.peaks(look.range().duration(), family, service);
        let lines = if peaks.is_some() { seldom } else { often };
        for (pane, query) in GRAPHS.into_iter().zip(graphs(family, service, grid.over)) {
            if let Some(query) = query {
                needs.ask(pane, 0, grid.ask(query), lines);
            }
        }
        if let Some(query) = peaks {
            needs.ask("peaks", 0, grid.ask(query), seldom);
            needs.ask("now", 0, Request::Instant { query: now(family, service), window: grid.window }, often);
        }
        if let Some(cut) = &page.heat {
            let (window, step) = cut.of(grid.window, step, look.now);
            let grid = Grid { window, step, over: family.rate_window(step) };
            if let Some(query) = heat::query(family, service, grid.over) {
                needs.ask("heat", 0, grid.ask(query), seldom);
            }
        }
        if let Some(query) = family.exemplar_selector(service) {
            needs.ask("exemplars", 0, Request::Exemplars { query, window: grid.window }, seldom);
        }
        needs.ask("deploys", 0, grid.ask(deploys::query(service, family, labels)), seldom);
        if let Some(shift) = page.compare.shift(look) {
            let now = look.range();
            let back = |at: Timestamp| at.align_down(THEN_STEP.max(step)) - shift;
            let then = TimeRange { start: back(now.start), end: back(now.end) };
            let grid = Grid { window: TimeWindow::Fixed(then), ..grid };
            for (part, query) in (0..).zip(graphs(family, service, grid.over)) {
                if let Some(query) = query {
                    needs.ask("then", part, grid.ask(query), seldom);
                }
            }
        }
    }

    fn ask_tables(look: &Look<'_>, family: &Family, service: &str, needs: &mut Needs<'_>) {
        let over = table_window(family);
        let at = before(look);
        let then = TimeWindow::Fixed(TimeRange { start: at - over, end: at });
        let rows = [family.rate_by_route(service, over), family.errors_by_route(service, over), family.p95_by_route(service, over)];
        for (part, query) in (0..).zip(rows) {
            let Some(query) = query else { continue };
            needs.ask("rows", part, Request::Instant { query: query.clone(), window: look.scope.window }, look.shared.refresh_slow());
            needs.ask("rows before", part, Request::Instant { query, window: then }, Refresh::Once);
        }
        let whole = [Some(family.rate_of(service, over)), family.error_ratio(service, over), main_quantile(family, service, over)];
        for (part, query) in (0..).zip(whole) {
            let Some(query) = query else { continue };
            needs.ask("before", part, Request::Instant { query, window: then }, Refresh::Once);
        }
    }
}

impl Grid {
    fn ask(&self, query: String) -> Request {
        Request::Range { query, window: self.window, step: self.step }
    }

    /// The lowest and the highest value in each step, in one question. `None`: a step is no longer than what a rate is
    /// taken over, so that no value lies between two.
    ///
    /// A rate over a long step is a mean: a peak of one minute in half an hour would be lost in it. So the server takes
    /// the rates over as little as the scrapes allow, one after the other without a hole, and answers the extremes:
    /// asking for those rates themselves would be some thousand points a line every time.
    fn peaks(&self, window: Duration, family: &Family, service: &str) -> Option<String> {
        let shortest = family.rate_window(Duration::ZERO);
        if self.step <= shortest {
            return None;
        }
        let scrape = family.scrape_interval.unwrap_or(USUAL_SCRAPE);
        let part = Duration::from_secs((window / MOST_PARTS).as_secs() + 1).max(shortest.saturating_sub(scrape)).min(self.step);
        let over = (part + scrape).max(shortest);
        let graphs = [
            Some(("rate", family.rate_of(service, over))),
            family.error_ratio(service, over).map(|q| ("errors", q)),
            main_quantile(family, service, over).map(|q| ("duration", q)),
        ];
        let (step, part) = (promql_duration(self.step), promql_duration(part));
        let edge = |(pane, query): &(&str, String), (edge, function): (&str, &str)| {
            tagged(&format!("{function}(({query})[{step}:{part}])"), EDGE, &format!("{pane} {edge}"))
        };
        let all = graphs.iter().flatten().flat_map(|graph| EDGES.map(|e| edge(graph, e)));
        Some(all.collect::<Vec<_>>().join(" or "))
    }
}

/// The lines as they are at the window's end, over as little as the scrapes allow: the last step of a long window may have
/// ended half an hour ago.
fn now(family: &Family, service: &str) -> String {
    let each = GRAPHS.into_iter().zip(graphs(family, service, family.rate_window(Duration::ZERO)));
    each.filter_map(|(graph, query)| Some(tagged(&query?, GRAPH, graph))).collect::<Vec<_>>().join(" or ")
}

/// The queries of the three graphs.
fn graphs(family: &Family, service: &str, over: Duration) -> [Option<String>; 3] {
    [Some(family.rate_by_status_class(service, over)), family.error_ratio(service, over), durations(family, service, over)]
}

/// All lines of the durations in one question, each labelled [`LINE`].
fn durations(family: &Family, service: &str, over: Duration) -> Option<String> {
    let line = |family: &Family, q: f64, name: &str| Some(tagged(&family.quantile(q, service, over)?, LINE, name));
    let whole = quantiles(family).into_iter().filter_map(|q| line(family, q, &quantile_name(q)));
    let apart = by_outcome(family).into_iter().flatten().filter_map(|(name, part)| line(&part, LOOKED_AT, name));
    let all: Vec<String> = whole.chain(apart).collect();
    (!all.is_empty()).then(|| all.join(" or "))
}

/// The family once with failures alone and once without them, where its durations tell them apart: where what counts
/// them counts the requests as well.
fn by_outcome(family: &Family) -> Option<[(&'static str, Family); 2]> {
    let Some(Failures::Status(status)) = &family.failures else { return None };
    if !family.is_one_histogram() {
        return None;
    }
    let failed = status.shape.failed();
    let succeeded = match failed.strip_prefix("=~") {
        Some(pattern) => format!("!~{pattern}"),
        None => format!("!{failed}"),
    };
    let with = |condition: &str| {
        let and = if family.restrict.is_empty() { "" } else { ", " };
        Family { restrict: format!("{}{and}{}{condition}", family.restrict, label_name(&status.label)), ..family.clone() }
    };
    Some([(FAILED, with(failed)), (SUCCEEDED, with(&succeeded))])
}

/// The family with another label in the place of its route.
fn by_label(family: &Family, label: Option<String>) -> Family {
    Family { route_label: label, ..family.clone() }
}
