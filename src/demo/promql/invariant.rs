//! What has the same value at every step of a range, by Prometheus' rules (`preprocessExprHelper`): it is evaluated
//! once, at the first step. That can be seen, as the parameter of an aggregation does not count.

use promql_parser::parser::Expr;

/// Functions of the step itself.
const OF_THE_STEP: [&str; 11] = [
    "days_in_month",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "hour",
    "minute",
    "month",
    "year",
    "predict_linear",
    "time",
    "timestamp",
];

/// Whether an expression is evaluated once for all steps.
pub fn is_invariant(expr: &Expr) -> bool {
    match expr {
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => true,
        Expr::VectorSelector(selector) => selector.at.is_some(),
        Expr::MatrixSelector(selector) => selector.vs.at.is_some(),
        Expr::Subquery(e) => e.at.is_some(),
        Expr::Paren(e) => is_invariant(&e.expr),
        Expr::Unary(e) => is_invariant(&e.expr),
        Expr::Aggregate(e) => is_invariant(&e.expr),
        Expr::Binary(e) => is_invariant(&e.lhs) && is_invariant(&e.rhs),
        Expr::Call(call) => {
            let args = &call.args.args;
            let of_fixed_sample =
                call.func.name == "timestamp" && args.iter().all(|a| matches!(unwrap(a), Expr::VectorSelector(s) if s.at.is_some()));
            of_fixed_sample || !OF_THE_STEP.contains(&call.func.name) && args.iter().all(|a| is_invariant(a))
        }
        Expr::Extension(_) => false,
    }
}

/// Whether an expression is a subquery with `@`. In a call that is evaluated at every step, Prometheus evaluates such an
/// argument apart, and the function finds no samples in it.
pub fn is_fixed_subquery(expr: &Expr) -> bool {
    matches!(unwrap(expr), Expr::Subquery(e) if e.at.is_some())
}

/// Without parentheses around it.
pub fn unwrap(expr: &Expr) -> &Expr {
    if let Expr::Paren(e) = expr { unwrap(&e.expr) } else { expr }
}
