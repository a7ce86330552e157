//! Where alerting rules and objectives draw the line on what the graphs show.

use std::sync::Arc;

use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{
        Expr, LabelModifier, VectorSelector, parse,
        token::{T_DIV, T_MUL, T_SUM},
    },
    util::{ExprVisitor, walk_expr},
};

use super::Pane;
use crate::{
    alert_expr::{Anatomy, Comparison, Limit as Against, Split, selectors},
    model::{alert::Rule, labels::label_name, slo::Slo},
    red::{Durations, Failures, Family, Requests, StatusShape, shown_service},
    ui::chart::Unit,
};

/// Labels of rules that name a service, beside the family's own.
const SERVICE_LABELS: [&str; 5] = ["service", "service_name", "application", "app", "job"];
/// Values of labels that tell what a series counts: a condition is known by which of them it holds for.
const KINDS: [&str; 6] = ["SPAN_KIND_SERVER", "SPAN_KIND_CLIENT", "destination", "source", "inbound", "outbound"];
/// A window to read a query with.
const ANY_WINDOW: &str = "5m";

/// A line across a graph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Limit {
    pub pane: Pane,
    pub value: f64,
    /// What it is, with its value.
    pub label: String,
}

/// What the graphs are about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub family: &'a Family,
    pub service: &'a str,
    /// The route that the page is narrowed to.
    pub route: Option<&'a str>,
}

/// The limits found, and what they were found for.
#[derive(Default)]
pub(super) struct Limits {
    found: Vec<Limit>,
    rules: Vec<Arc<Rule>>,
    of: Option<(Family, String, Option<String>)>,
}

impl Limits {
    pub(super) fn found(&self) -> &[Limit] {
        &self.found
    }

    /// Reads rules and objectives, unless they were read for the same already.
    pub(super) fn find(&mut self, rules: &[Arc<Rule>], slos: &[Slo], about: &About<'_>) {
        let is_same = |(family, service, route): &(Family, String, Option<String>)| {
            (family, service.as_str(), route.as_deref()) == (about.family, about.service, about.route)
        };
        if self.of.as_ref().is_some_and(is_same) && self.rules == rules {
            return;
        }
        let all = of_rules(rules, about).into_iter().chain(slos.iter().filter_map(|slo| of_slo(slo, about)));
        self.found.clear();
        for limit in all {
            // Two lines in one place are one, and an objective says more than a rule.
            self.found.retain(|l| (l.pane, l.value) != (limit.pane, limit.value));
            self.found.push(limit);
        }
        self.rules = rules.to_vec();
        self.of = Some((about.family.clone(), about.service.to_owned(), about.route.map(str::to_owned)));
    }
}

/// The limits that rules about a service set on the series of its family.
fn of_rules(rules: &[Arc<Rule>], about: &About<'_>) -> Vec<Limit> {
    // Parsing a rule costs more than looking for a name in it.
    let meant = rules.iter().filter(|r| about.names().any(|name| r.query.contains(name)));
    let splits = meant.flat_map(|rule| Anatomy::of(&rule.query).splits.into_iter().filter(|s| s.is_own));
    splits.filter_map(|split| about.limit(&split)).collect()
}

impl<'a> About<'a> {
    /// The metrics that the graphs are drawn of.
    fn names(&self) -> impl Iterator<Item = &'a str> {
        let failures = match &self.family.failures {
            Some(Failures::Counter(counter)) => Some(counter.metric.as_str()),
            _ => None,
        };
        [Some(self.family.requests.metric()), self.durations(), failures].into_iter().flatten()
    }

    fn durations(&self) -> Option<&'a str> {
        match self.family.durations.as_ref()? {
            Durations::Classic { buckets: name, .. } | Durations::Native(name) => Some(name),
            Durations::Given(_) => None,
        }
    }

    fn limit(&self, split: &Split) -> Option<Limit> {
        let Against::Number(limit) = split.limit else { return None };
        let parsed = parse(&split.value).ok()?;
        let (value, limit) = unscaled(&parsed, limit);
        let of = self.part(value)?;
        let is_above = matches!(split.comparison, Comparison::Above | Comparison::AtLeast);
        let (pane, value, what) = match value {
            _ if !limit.is_finite() => return None,
            Expr::Call(call) if call.func.name == "histogram_quantile" && is_above => {
                let (quantile, histogram) = (number(call.args.args.first()?)?, call.args.args.get(1)?);
                let what = if quantile == 0.95 { String::new() } else { format!("p{}", percent(quantile)) };
                self.are_durations(histogram).then_some((Pane::Duration, limit * self.family.unit.seconds(), what))?
            }
            Expr::Binary(ratio) if ratio.op.id() == T_DIV && is_above => {
                // `100 * a / b` is `(100 * a) / b`.
                let (failing, limit) = unscaled(&ratio.lhs, limit);
                let is_share = self.are_requests(failing, true) && self.are_requests(&ratio.rhs, false) && (0.0..=1.0).contains(&limit);
                is_share.then_some((Pane::Errors, limit, String::new()))?
            }
            Expr::Aggregate(sum) if sum.op.id() == T_SUM && self.is_rate(value) => {
                let what = match split.comparison {
                    Comparison::Above | Comparison::AtLeast => "",
                    Comparison::Below | Comparison::AtMost => "below",
                    Comparison::Equal | Comparison::NotEqual => return None,
                };
                (Pane::Rate, limit, what.to_owned())
            }
            _ => return None,
        };
        let of = if of.is_empty() { of } else { format!("of {of}") };
        let words = [unit(pane).constant(value), what, "alert".to_owned(), of];
        let label = words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ");
        Some(Limit { pane, value, label })
    }

    /// Which part of the service's requests an expression is about: none is all that the page shows. `None`: it is about
    /// another service, or about each route or instance for itself.
    fn part(&self, expr: &Expr) -> Option<String> {
        let all = selectors(expr);
        let grouped = groups(expr);
        if all.is_empty() || self.family.route_label.as_ref().is_some_and(|route| grouped.contains(route)) {
            return None;
        }
        let mut out = String::new();
        for selector in &all {
            match self.is_of_service(selector) {
                Some(false) => return None,
                None if !grouped.contains(&self.family.service_label) => return None,
                _ => {}
            }
            if let Some(route) = self.route_of(selector)? {
                out = route;
            }
        }
        Some(out)
    }

    /// Whether a selector wants this service; `None`: it wants none in particular.
    fn is_of_service(&self, selector: &VectorSelector) -> Option<bool> {
        let is_meant =
            |m: &&Matcher| m.is_match(self.service) || (matches!(m.op, MatchOp::Equal) && shown_service(&m.value) == self.service);
        std::iter::once(self.family.service_label.as_str()).chain(SERVICE_LABELS).find_map(|name| {
            let named: Vec<&Matcher> = on(selector, name).collect();
            (!named.is_empty()).then(|| named.iter().all(is_meant))
        })
    }

    /// The route that a selector leaves alone. `None`: another one than the page's.
    fn route_of(&self, selector: &VectorSelector) -> Option<Option<String>> {
        let Some(label) = &self.family.route_label else { return Some(None) };
        // One that leaves some out, such as the health checks, is about the service.
        let mut wanted = on(selector, label).filter(|m| matches!(m.op, MatchOp::Equal | MatchOp::Re(_)));
        match (wanted.next(), self.route) {
            (None, _) => Some(None),
            (Some(wanted), Some(route)) => wanted.is_match(route).then_some(None),
            (Some(wanted), None) => Some(Some(wanted.value.clone())),
        }
    }

    /// Whether the series are the requests that the page counts: all, or those that fail.
    fn are_requests(&self, expr: &Expr, failing: bool) -> bool {
        let all = selectors(expr);
        !all.is_empty() && all.iter().all(|s| self.is_what_counts(s) && self.is_request(s, failing))
    }

    fn is_request(&self, selector: &VectorSelector, failing: bool) -> bool {
        let name = selector.name.as_deref();
        match &self.family.failures {
            Some(Failures::Counter(counter)) if failing => name == Some(&counter.metric),
            Some(Failures::Status(status)) => {
                let meant = condition(&format!("{{{}{}}}", label_name(&status.label), status.shape.failed()));
                let own: Vec<&Matcher> = on(selector, &status.label).collect();
                let is_same = |v: &&str| own.iter().all(|m| m.is_match(v)) == meant.iter().all(|m| m.is_match(v));
                let is_meant = if failing { values(status.shape).iter().all(is_same) } else { own.is_empty() };
                name == Some(self.family.requests.metric()) && is_meant
            }
            _ => !failing && name == Some(self.family.requests.metric()),
        }
    }

    /// Whether the histogram's series are all durations that the page shows.
    fn are_durations(&self, expr: &Expr) -> bool {
        let all = selectors(expr);
        let is_plain = |s: &VectorSelector| self.family.status_label().is_none_or(|label| on(s, label).next().is_none());
        !all.is_empty() && all.iter().all(|s| s.name.as_deref() == self.durations() && self.is_what_counts(s) && is_plain(s))
    }

    /// Whether an expression is all requests a second.
    fn is_rate(&self, expr: &Expr) -> bool {
        let text = expr.to_string();
        let is_taken = matches!(self.family.requests, Requests::Recorded(_)) || text.contains("rate(");
        is_taken && !text.contains("increase(") && self.are_requests(expr, false)
    }

    /// Whether a selector takes no series that the family leaves out, as the requests that a service sends.
    fn is_what_counts(&self, selector: &VectorSelector) -> bool {
        let restrict = condition(&format!("{{{}}}", self.family.restrict));
        restrict.iter().all(|r| {
            let own: Vec<&Matcher> = on(selector, &r.name).collect();
            let named = own.iter().map(|m| m.value.as_str());
            KINDS.into_iter().chain(named).all(|value| !own.iter().all(|m| m.is_match(value)) || r.is_match(value))
        })
    }
}

/// The line of an objective: the share that may fail, or how long what it calls good may take.
fn of_slo(slo: &Slo, about: &About<'_>) -> Option<Limit> {
    let read = |query: &str| parse(&Slo::over(query, ANY_WINDOW)).ok().map(|expr| selectors(&expr));
    let (good, total) = (read(&slo.good)?, read(&slo.total)?);
    let is_meant = match &slo.service {
        Some(service) => service == about.service,
        None => !total.is_empty() && total.iter().all(|s| about.is_of_service(s) == Some(true)),
    };
    if !is_meant {
        return None;
    }
    let bounds: Vec<Option<f64>> = good.iter().map(|s| on(s, "le").next()?.value.parse().ok()).collect();
    if bounds.iter().all(Option::is_none) && !slo.good.contains("histogram_fraction") {
        let value = 1.0 - slo.target;
        // A target is written in decimals: so is what it leaves.
        let value = (value * 1e9).round() / 1e9;
        return Some(Limit { pane: Pane::Errors, value, label: format!("slo {}", Unit::Share.constant(value)) });
    }
    // Of how long requests take: where it is the histogram that is drawn, and one bound of it.
    let (bound, first) = ((*bounds.first()?)?, good.first()?);
    let is_drawn = bounds.iter().all(|b| *b == Some(bound)) && first.name.as_deref() == about.durations() && bound.is_finite();
    let value = bound * about.family.unit.seconds();
    let label = format!("slo p{} {}", percent(slo.target), Unit::Seconds.constant(value));
    is_drawn.then_some(Limit { pane: Pane::Duration, value, label })
}

const fn unit(pane: Pane) -> Unit {
    match pane {
        Pane::Rate => Unit::Rate,
        Pane::Errors => Unit::Share,
        _ => Unit::Seconds,
    }
}

/// A share in percent, without zeros at the end.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}

/// An expression without the factor that it is scaled by, and the limit that is held against it so: a share in percent,
/// or how fast a budget burns, which is a share as a multiple of the budget.
fn unscaled(mut expr: &Expr, mut limit: f64) -> (&Expr, f64) {
    loop {
        match expr {
            Expr::Paren(paren) => expr = &paren.expr,
            Expr::Binary(b) => match (b.op.id(), number(&b.lhs), number(&b.rhs)) {
                (T_DIV, _, Some(by)) => (expr, limit) = (&b.lhs, limit * by),
                (T_MUL, _, Some(by)) => (expr, limit) = (&b.lhs, limit / by),
                (T_MUL, Some(by), _) => (expr, limit) = (&b.rhs, limit / by),
                _ => return (expr, limit),
            },
            _ => return (expr, limit),
        }
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(number) => Some(number.val),
        Expr::Paren(paren) => number(&paren.expr),
        _ => None,
    }
}

/// The conditions of a selector on a label.
fn on<'s>(selector: &'s VectorSelector, label: &str) -> impl Iterator<Item = &'s Matcher> {
    selector.matchers.matchers.iter().filter(move |m| m.name == label)
}

/// The conditions of a selector; none where it has none.
fn condition(selector: &str) -> Vec<Matcher> {
    let Ok(Expr::VectorSelector(read)) = parse(&format!("x{selector}")) else { return Vec::new() };
    read.matchers.matchers.into_iter().filter(|m| m.name != "__name__").collect()
}

/// The labels that an expression's aggregations keep.
fn groups(expr: &Expr) -> Vec<String> {
    struct Found(Vec<String>);
    impl ExprVisitor for Found {
        type Error = std::convert::Infallible;
        fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
            if let Expr::Aggregate(aggregate) = expr
                && let Some(LabelModifier::Include(kept)) = &aggregate.modifier
            {
                self.0.extend(kept.labels.iter().cloned());
            }
            Ok(true)
        }
    }
    let mut found = Found(Vec::new());
    // The visitor never fails.
    let Ok(()) = walk_expr(&mut found, expr).map(drop);
    found.0
}

/// Values that tell two conditions on a status apart.
const fn values(shape: StatusShape) -> &'static [&'static str] {
    match shape {
        StatusShape::Code => &["200", "204", "304", "400", "404", "429", "499", "500", "501", "502", "503", "504"],
        StatusShape::Class => &["1xx", "2xx", "3xx", "4xx", "5xx"],
        StatusShape::Digit => &["1", "2", "3", "4", "5"],
        StatusShape::SpanStatus => &["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"],
        StatusShape::Word => &["ok", "unset", "success", "error", "failure"],
        StatusShape::GrpcName => &["OK", "Canceled", "InvalidArgument", "NotFound", "Unknown", "Internal", "Unavailable", "DataLoss"],
        StatusShape::GrpcNumber => &["0", "1", "3", "5", "2", "4", "8", "12", "13", "14", "15"],
        StatusShape::Outcome => &["SUCCESS", "REDIRECTION", "CLIENT_ERROR", "SERVER_ERROR"],
        StatusShape::Bool => &["true", "false"],
        StatusShape::Present => &["", "500", "timeout"],
    }
}

#[cfg(test)]
mod tests;
