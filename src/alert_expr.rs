//! What an alert's expression compares: the side that is a value, the side that is its threshold, and the services that
//! its selectors name.

use promql_parser::{
    label::{MatchOp as Op, Matcher as PromMatcher},
    parser::{
        Expr, VectorSelector, parse,
        token::{T_ADD, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MUL, T_NEQ, T_SUB},
    },
    util::{ExprVisitor, walk_expr},
};

/// How a value compares to its threshold for the alert to fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// Whether it holds.
    pub fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Above => value > threshold,
            Self::AtLeast => value >= threshold,
            Self::Below => value < threshold,
            Self::AtMost => value <= threshold,
            Self::Equal => value == threshold,
            Self::NotEqual => value != threshold,
        }
    }

    fn of(expr: &Expr) -> Option<Self> {
        let Expr::Binary(binary) = expr else { return None };
        Some(match binary.op.id() {
            T_GTR => Self::Above,
            T_GTE => Self::AtLeast,
            T_LSS => Self::Below,
            T_LTE => Self::AtMost,
            T_EQLC => Self::Equal,
            T_NEQ => Self::NotEqual,
            _ => return None,
        })
    }

    /// The same with its sides exchanged.
    const fn flipped(self) -> Self {
        match self {
            Self::Above => Self::Below,
            Self::AtLeast => Self::AtMost,
            Self::Below => Self::Above,
            Self::AtMost => Self::AtLeast,
            other => other,
        }
    }
}

/// The side that a value is held against.
#[derive(Clone, Debug, PartialEq)]
pub enum Limit {
    /// A constant.
    Number(f64),
    /// Another expression, as PromQL.
    Query(String),
}

/// A comparison taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The value, as PromQL.
    pub value: String,
    /// How it compares.
    pub comparison: Comparison,
    /// To what.
    pub limit: Limit,
}

/// Takes an alert's expression apart at its comparison. Of conditions joined by `and` or `unless` the first is taken; of
/// those joined by `or` the one that `value`, the alert's value now, fulfils, or else the first. `None`: there is no
/// comparison at the top, or it is no PromQL.
pub fn split(expr: &str, value: Option<f64>) -> Option<Split> {
    let parsed = parse(expr).ok()?;
    let mut found = Vec::new();
    collect(&parsed, &mut found);
    let fits = |s: &Split| match (&s.limit, value) {
        (Limit::Number(limit), Some(value)) => s.comparison.holds(value, *limit),
        _ => false,
    };
    let place = found.iter().position(fits).unwrap_or(0);
    (!found.is_empty()).then(|| found.swap_remove(place))
}

fn collect(expr: &Expr, out: &mut Vec<Split>) {
    match expr {
        Expr::Paren(paren) => collect(&paren.expr, out),
        Expr::Binary(binary) if binary.op.id() == T_LOR => {
            collect(&binary.lhs, out);
            collect(&binary.rhs, out);
        }
        Expr::Binary(binary) if matches!(binary.op.id(), T_LAND | T_LUNLESS) => {
            let before = out.len();
            collect(&binary.lhs, out);
            // What `unless` excludes is no condition that the alert fulfils.
            if out.len() == before && binary.op.id() == T_LAND {
                collect(&binary.rhs, out);
            }
        }
        Expr::Binary(binary) => {
            let Some(comparison) = Comparison::of(expr) else { return };
            out.push(match (constant(&binary.lhs), constant(&binary.rhs)) {
                (Some(limit), None) => {
                    Split { value: binary.rhs.to_string(), comparison: comparison.flipped(), limit: Limit::Number(limit) }
                }
                (_, Some(limit)) => Split { value: binary.lhs.to_string(), comparison, limit: Limit::Number(limit) },
                (None, None) => Split { value: binary.lhs.to_string(), comparison, limit: Limit::Query(binary.rhs.to_string()) },
            });
        }
        _ => {}
    }
}

/// The value of an expression of numbers.
fn constant(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(number) => Some(number.val),
        Expr::Paren(paren) => constant(&paren.expr),
        Expr::Unary(unary) => constant(&unary.expr).map(|v| -v),
        Expr::Binary(binary) => {
            let (a, b) = (constant(&binary.lhs)?, constant(&binary.rhs)?);
            match binary.op.id() {
                T_ADD => Some(a + b),
                T_SUB => Some(a - b),
                T_MUL => Some(a * b),
                T_DIV => Some(a / b),
                _ => None,
            }
        }
        _ => None,
    }
}

/// What the selectors of an expression say a label is: the value of the first `name="value"` for the first of `names`
/// that any selector has.
pub fn label_of(expr: &str, names: &[&str]) -> Option<String> {
    struct Matchers(Vec<PromMatcher>);
    impl ExprVisitor for Matchers {
        type Error = ();
        fn pre_visit(&mut self, expr: &Expr) -> Result<bool, ()> {
            let selector = |s: &VectorSelector| s.matchers.matchers.clone();
            match expr {
                Expr::VectorSelector(s) => self.0.extend(selector(s)),
                Expr::MatrixSelector(m) => self.0.extend(selector(&m.vs)),
                _ => {}
            }
            Ok(true)
        }
    }
    let parsed = parse(expr).ok()?;
    let mut found = Matchers(Vec::new());
    walk_expr(&mut found, &parsed).ok()?;
    let equal = |name: &str| found.0.iter().find(|m| m.name == name && m.op == Op::Equal && !m.value.is_empty());
    names.iter().find_map(|name| equal(name)).map(|m| m.value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expr: &str, value: Option<f64>) -> String {
        split(expr, value).map_or_else(
            || "-".to_owned(),
            |s| match s.limit {
                Limit::Number(n) => format!("{} | {} | {n}", s.value, s.comparison.as_str()),
                Limit::Query(q) => format!("{} | {} | {q}", s.value, s.comparison.as_str()),
            },
        )
    }

    #[test]
    fn expressions_are_split_at_their_comparison() {
        for (expr, expected) in [
            ("up == 0", "up | == | 0"),
            ("(sum(rate(x[5m])) / 2) > 7 * 2", "(sum(rate(x[5m])) / 2) | > | 14"),
            ("0.9 < a / b", "a / b | > | 0.9"),
            ("5 >= x", "x | <= | 5"),
            ("((x > 3))", "x | > | 3"),
            ("x > 1 and on (job) y > 2", "x | > | 1"),
            ("up and x < -(2 + 3)", "x | < | -5"),
            ("x unless y > 2", "-"),
            ("x > 1 unless y > 2", "x | > | 1"),
            ("x > on (job) group_left () y * 2", "x | > | y * 2"),
            ("count(up == 0) > 2", "count(up == 0) | > | 2"),
            ("absent(up)", "-"),
            ("x", "-"),
            ("this is no PromQL", "-"),
            ("x != 1", "x | != | 1"),
        ] {
            assert_eq!(shown(expr, None), expected, "{expr}");
        }
    }

    #[test]
    fn of_alternatives_the_one_that_holds_is_shown() {
        let expr = "(burn5m > 14.4 and burn1h > 14.4) or (burn30m > 6 and burn6h > 6)";
        assert_eq!(shown(expr, Some(20.0)), "burn5m | > | 14.4");
        assert_eq!(shown(expr, Some(7.0)), "burn30m | > | 6");
        assert_eq!(shown(expr, None), "burn5m | > | 14.4");
    }

    #[test]
    fn both_sides_are_promql_again() {
        let s = split(r#"sum by (job) (rate(x{a="b\"c", d=~"e.*"}[5m] offset 1h)) > on (job) y{z="1"} * 2"#, None).unwrap();
        assert!(parse(&s.value).is_ok(), "{}", s.value);
        let Limit::Query(limit) = s.limit else { panic!("{:?}", s.limit) };
        assert!(parse(&limit).is_ok(), "{limit}");
    }

    #[test]
    fn selectors_tell_the_service() {
        let expr = r#"sum(rate(a{job="x/checkout", code=~"5.."}[5m])) / sum(rate(b{service="orders"}[5m])) > 0.1"#;
        assert_eq!(label_of(expr, &["service", "job"]).as_deref(), Some("orders"));
        assert_eq!(label_of(expr, &["app", "job"]).as_deref(), Some("x/checkout"));
        assert_eq!(label_of(expr, &["code"]), None);
    }
}
