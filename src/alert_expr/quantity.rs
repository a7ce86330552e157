//! What the value of an expression is, read from its metrics' names and from what is done with them.

use promql_parser::parser::{
    BinaryExpr, Call, Expr,
    token::{T_ADD, T_COUNT, T_COUNT_VALUES, T_DIV, T_GROUP, T_LAND, T_LOR, T_LUNLESS, T_STDVAR, T_SUB},
};

/// What a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantity {
    /// A number that says nothing of its unit.
    #[default]
    Number,
    /// A share of a whole, 0 to 1.
    Share,
    /// Seconds.
    Seconds,
}

impl Quantity {
    /// Of an expression that is held against nothing.
    pub(super) fn of(expr: &Expr) -> Self {
        Self::of_kind(kind(expr), None)
    }

    /// Of an expression that is held against a limit. A quotient of two likes is a share where its limit may be one: where
    /// that is beyond 1 it may as well be a factor. What says nothing of itself is what its limit says it is.
    pub(super) fn against(expr: &Expr, limit: &Expr) -> Self {
        match (kind(expr), kind(limit), super::constant(limit)) {
            (own, _, Some(limit)) => Self::of_kind(own, Some(limit)),
            (Kind::Quotient | Kind::Other, Kind::Share, _) => Self::Share,
            (Kind::Other, Kind::Seconds, _) => Self::Seconds,
            (own, ..) => Self::of_kind(own, None),
        }
    }

    fn of_kind(kind: Kind, limit: Option<f64>) -> Self {
        match kind {
            Kind::Quotient if limit.is_some_and(|limit| limit.abs() <= 1.0) => Self::Share,
            // A share by its name that is held against 5 is told in percent already.
            Kind::Share if limit.is_none_or(|limit| limit.abs() <= 1.0) => Self::Share,
            Kind::Seconds => Self::Seconds,
            Kind::Quotient | Kind::Share | Kind::Other => Self::Number,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Other,
    /// One thing divided by another, neither scaled.
    Quotient,
    Share,
    Seconds,
}

fn kind(expr: &Expr) -> Kind {
    match expr {
        Expr::Paren(paren) => kind(&paren.expr),
        Expr::Unary(unary) => kind(&unary.expr),
        Expr::VectorSelector(s) => s.name.as_deref().map_or(Kind::Other, named),
        Expr::MatrixSelector(m) => m.vs.name.as_deref().map_or(Kind::Other, named),
        Expr::Subquery(s) => kind(&s.expr),
        Expr::Aggregate(a) if matches!(a.op.id(), T_COUNT | T_COUNT_VALUES | T_GROUP | T_STDVAR) => Kind::Other,
        Expr::Aggregate(a) => kind(&a.expr),
        Expr::Call(call) => called(call),
        Expr::Binary(binary) => of_binary(binary),
        _ => Kind::Other,
    }
}

fn named(metric: &str) -> Kind {
    let seconds = metric.ends_with("_seconds") || metric.contains("_seconds:");
    match () {
        () if metric.split(['_', ':']).any(|part| part.starts_with("ratio")) => Kind::Share,
        () if seconds && !metric.contains("timestamp") => Kind::Seconds,
        () => Kind::Other,
    }
}

fn called(call: &Call) -> Kind {
    let argument = |n: usize| call.args.args.get(n).map(|e| &**e);
    let name = call.func.name;
    match name {
        "histogram_quantile" | "histogram_avg" => {
            let argument = argument(usize::from(name == "histogram_quantile"));
            if argument.is_some_and(|a| metrics(a).iter().any(|m| m.contains("_seconds"))) { Kind::Seconds } else { Kind::Other }
        }
        "abs" | "ceil" | "floor" | "round" | "clamp" | "clamp_min" | "clamp_max" | "sort" | "sort_desc" | "label_replace"
        | "label_join" | "avg_over_time" | "min_over_time" | "max_over_time" | "last_over_time" => argument(0).map_or(Kind::Other, kind),
        "quantile_over_time" => argument(1).map_or(Kind::Other, kind),
        _ => Kind::Other,
    }
}

fn of_binary(binary: &BinaryExpr) -> Kind {
    let (lhs, rhs) = (&*binary.lhs, &*binary.rhs);
    match binary.op.id() {
        T_DIV => quotient(lhs, rhs),
        T_SUB if is_time(lhs) => Kind::Seconds,
        T_SUB if super::constant(lhs) == Some(1.0) && matches!(kind(rhs), Kind::Share | Kind::Quotient) => kind(rhs),
        T_SUB | T_ADD if kind(lhs) == kind(rhs) => kind(lhs),
        T_LAND | T_LOR | T_LUNLESS => kind(lhs),
        _ if super::Comparison::of(binary).is_some() => kind(lhs),
        _ => Kind::Other,
    }
}

fn quotient(lhs: &Expr, rhs: &Expr) -> Kind {
    let (above, below) = (metrics(lhs), metrics(rhs));
    let all = |names: &[String], end: &str| !names.is_empty() && names.iter().all(|n| n.ends_with(end));
    match () {
        () if all(&above, "_seconds_sum") && all(&below, "_seconds_count") => Kind::Seconds,
        () if above.is_empty() || below.is_empty() || is_scaled(lhs) || is_scaled(rhs) => Kind::Other,
        () => Kind::Quotient,
    }
}

/// Whether a constant is multiplied or divided by on the way.
fn is_scaled(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(paren) => is_scaled(&paren.expr),
        Expr::Aggregate(a) => is_scaled(&a.expr),
        Expr::Binary(b) => {
            let constant = |e: &Expr| super::constant(e).is_some();
            let sum = matches!(b.op.id(), T_ADD | T_SUB);
            (!sum && (constant(&b.lhs) || constant(&b.rhs))) || is_scaled(&b.lhs) || is_scaled(&b.rhs)
        }
        _ => false,
    }
}

fn is_time(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(paren) => is_time(&paren.expr),
        Expr::Call(call) => call.func.name == "time",
        _ => false,
    }
}

/// The names of all metrics in an expression.
fn metrics(expr: &Expr) -> Vec<String> {
    super::selectors(expr).into_iter().filter_map(|s| s.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert_expr::Anatomy;

    #[test]
    fn shares_seconds_and_plain_numbers_are_told_apart() {
        for (expr, expected) in [
            ("sum(rate(a{code=~\"5..\"}[5m])) / sum(rate(a[5m])) > 0.05", Quantity::Share),
            ("1 - avg(node_filesystem_avail_bytes / node_filesystem_size_bytes) > 0.9", Quantity::Share),
            ("1 - (sum(a) / sum(b)) > 0.9", Quantity::Share),
            ("0.9 < pool_active / pool_max", Quantity::Share),
            ("sum(a) / sum(b) / 0.001 > 14.4", Quantity::Number),
            ("sum(a) / sum(b) * 100 > 5", Quantity::Number),
            ("queue / workers > 5", Quantity::Number),
            ("(sum(a) + sum(b)) / 2 / sum(c) < 0.85", Quantity::Number),
            ("service:http_errors:ratio5m > 0.01", Quantity::Share),
            ("histogram_quantile(0.95, sum by (le) (rate(x_seconds_bucket[5m]))) > 1", Quantity::Seconds),
            ("histogram_quantile(0.95, sum by (le) (rate(x_size_bucket[5m]))) > 1", Quantity::Number),
            ("rate(x_seconds_sum[5m]) / rate(x_seconds_count[5m]) > 2", Quantity::Seconds),
            ("max_over_time(probe_duration_seconds[5m]) > 2", Quantity::Seconds),
            ("rate(process_cpu_seconds_total[5m]) > 0.8", Quantity::Number),
            ("time() - backup_last_success_timestamp_seconds > 86400", Quantity::Seconds),
            ("count(probe_duration_seconds) > 2", Quantity::Number),
            ("sum(a) / sum(b) > on (service) error_budget_ratio", Quantity::Share),
            ("sum(a) / sum(b) > on (service) budget", Quantity::Number),
            ("p99 > on (route) latency_threshold_seconds", Quantity::Seconds),
            ("up == 0", Quantity::Number),
        ] {
            let read = Anatomy::of(expr);
            assert_eq!(read.main(None).unwrap().quantity, expected, "{expr}");
        }
    }
}
