//! What an alert's expression compares: the side that is a value, the side that is its threshold, and the services that
//! its selectors name.

mod logql;
mod quantity;

use promql_parser::{
    label::{MatchOp as Op, Matcher as PromMatcher},
    parser::{
        BinaryExpr, Expr, VectorSelector,
        token::{T_ADD, T_DIV, T_EQL, T_EQL_REGEX, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MUL, T_NEQ, T_SUB},
    },
    util::{ExprVisitor, walk_expr},
};

pub use quantity::Quantity;

use crate::{
    model::{
        alert::{Engine, Rule},
        labels::label_name,
    },
    promql_guard,
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

    fn of(binary: &BinaryExpr) -> Option<Self> {
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
    /// What the value is.
    pub quantity: Quantity,
    /// Whether the alert's value is this value: not behind `bool`, nor on the right of `and`.
    pub is_own: bool,
}

/// An alert's expression, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Anatomy {
    /// Its comparisons, in the order they are written. None: there is none at the top, or it is no PromQL.
    pub splits: Vec<Split>,
    /// What the whole of it is.
    pub quantity: Quantity,
    /// Its selectors, each once.
    selectors: Vec<VectorSelector>,
    /// What LogQL's stream selectors want labels to be: no series of Prometheus have these.
    streams: Vec<(String, String)>,
}

/// Selectors whose series are asked for: an expression of more has the same services in the first of them.
const MOST_SELECTORS: usize = 3;

impl Anatomy {
    /// Takes an expression apart at its comparisons: through `and`, `or`, `unless` and `bool`, either side the limit.
    pub fn of(expr: &str) -> Self {
        let Ok(parsed) = promql_guard::read(expr) else { return Self::default() };
        let mut splits = Vec::new();
        collect(&parsed, true, &mut splits);
        Self { splits, quantity: Quantity::of(&parsed), selectors: selectors(&parsed), streams: Vec::new() }
    }

    /// The same in the language of the rule's engine.
    pub fn of_rule(rule: &Rule) -> Self {
        match rule.engine {
            Engine::Prometheus => Self::of(&rule.query),
            Engine::Loki => Self::of_logql(&rule.query),
        }
    }

    /// What the selectors say a label is: the first value of the first of `names` that any of them has.
    pub fn label_of(&self, names: &[&str]) -> Option<&str> {
        let of_series = |name: &str| self.equal().find(|m| m.name == name).map(|matcher| matcher.value.as_str());
        let of_streams = |name: &str| self.streams.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        names.iter().find_map(|name| of_series(name).or_else(|| of_streams(name)))
    }

    fn equal(&self) -> impl Iterator<Item = &PromMatcher> {
        self.selectors.iter().flat_map(|s| &s.matchers.matchers).filter(|m| m.op == Op::Equal && !m.value.is_empty())
    }

    /// Asks which values the labels `by` have together in the series that are selected, of those where each label of `only`
    /// has one of its values. `None`: nothing is selected.
    pub fn series_by(&self, by: &[&str], only: &[(&str, Vec<&str>)]) -> Option<String> {
        let by: Vec<String> = by.iter().map(|name| label_name(name)).collect();
        let by = by.join(", ");
        let narrowed = self.selectors.iter().take(MOST_SELECTORS).map(|selector| narrowed(selector, only));
        let asked: Vec<String> = narrowed.map(|selector| format!("group by ({by}) ({selector})")).collect();
        (!asked.is_empty()).then(|| asked.join(" or "))
    }

    /// The comparison that is shown: of several the one that `value`, the alert's value now, fulfils, or else the first.
    pub fn main(&self, value: Option<f64>) -> Option<&Split> {
        let fits = |s: &&Split| match (&s.limit, value) {
            (Limit::Number(limit), Some(value)) => s.is_own && s.comparison.holds(value, *limit),
            _ => false,
        };
        self.splits.iter().find(fits).or_else(|| self.splits.iter().find(|s| s.is_own)).or_else(|| self.splits.first())
    }

    /// All numbers that the value of a comparison is held against.
    pub fn limits<'a>(&'a self, of: &'a Split) -> impl Iterator<Item = (Comparison, f64)> + 'a {
        self.splits.iter().filter(|s| s.value == of.value).filter_map(|s| match s.limit {
            Limit::Number(limit) => Some((s.comparison, limit)),
            Limit::Query(_) => None,
        })
    }
}

/// Finds comparisons; `is_own`: the expression's value is the alert's.
fn collect(expr: &Expr, is_own: bool, out: &mut Vec<Split>) {
    match expr {
        Expr::Paren(paren) => collect(&paren.expr, is_own, out),
        Expr::Binary(binary) if binary.op.id() == T_LOR => {
            collect(&binary.lhs, is_own, out);
            collect(&binary.rhs, is_own, out);
        }
        Expr::Binary(binary) if binary.op.id() == T_LAND => {
            collect(&binary.lhs, is_own, out);
            collect(&binary.rhs, false, out);
        }
        // What `unless` excludes is no condition that the alert fulfils.
        Expr::Binary(binary) if binary.op.id() == T_LUNLESS => collect(&binary.lhs, is_own, out),
        // Zeros and ones of `bool` are joined by what counts them.
        Expr::Binary(binary) if matches!(binary.op.id(), T_MUL | T_ADD) && is_bool(expr) => {
            collect(&binary.lhs, false, out);
            collect(&binary.rhs, false, out);
        }
        Expr::Binary(binary) => {
            let Some(comparison) = Comparison::of(binary) else { return };
            let is_number = |e: &Expr| constant(e).is_some();
            match (is_bool(&binary.lhs), is_bool(&binary.rhs)) {
                (true, _) if is_number(&binary.rhs) => collect(&binary.lhs, false, out),
                (_, true) if is_number(&binary.lhs) => collect(&binary.rhs, false, out),
                _ => out.push(taken_apart(binary, comparison, is_own && !returns_bool(binary))),
            }
        }
        _ => {}
    }
}

fn taken_apart(binary: &BinaryExpr, comparison: Comparison, is_own: bool) -> Split {
    let (lhs, rhs) = (&*binary.lhs, &*binary.rhs);
    let (value, limit, comparison) = match (constant(lhs), constant(rhs)) {
        (Some(_), None) => (rhs, lhs, comparison.flipped()),
        _ => (lhs, rhs, comparison),
    };
    Split {
        value: value.to_string(),
        comparison,
        limit: constant(limit).map_or_else(|| Limit::Query(limit.to_string()), Limit::Number),
        quantity: Quantity::against(value, limit),
        is_own,
    }
}

fn returns_bool(binary: &BinaryExpr) -> bool {
    binary.modifier.as_ref().is_some_and(|m| m.return_bool)
}

/// Whether an expression gives nothing but the zeros and ones of `bool`, or how many there are.
fn is_bool(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(paren) => is_bool(&paren.expr),
        Expr::Binary(binary) if matches!(binary.op.id(), T_MUL | T_ADD) => is_bool(&binary.lhs) && is_bool(&binary.rhs),
        Expr::Binary(binary) => Comparison::of(binary).is_some() && returns_bool(binary),
        _ => false,
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

/// A selector of what is there now, of the series where each label of `only` has one of its values.
fn narrowed(selector: &VectorSelector, only: &[(&str, Vec<&str>)]) -> VectorSelector {
    let mut out = VectorSelector { offset: None, at: None, ..selector.clone() };
    if !out.matchers.or_matchers.is_empty() {
        return out;
    }
    for (name, values) in only {
        let (op, value) = match values[..] {
            [one] => (T_EQL, one.to_owned()),
            _ => (T_EQL_REGEX, values.iter().map(|v| regex::escape(v)).collect::<Vec<_>>().join("|")),
        };
        // What is no matcher narrows nothing.
        out.matchers.matchers.extend(PromMatcher::new_matcher(op, (*name).to_owned(), value));
    }
    out
}

/// All selectors of an expression, each once.
pub fn selectors(expr: &Expr) -> Vec<VectorSelector> {
    struct Found(Vec<VectorSelector>);
    impl ExprVisitor for Found {
        type Error = std::convert::Infallible;
        fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
            match expr {
                Expr::VectorSelector(s) => self.0.push(s.clone()),
                Expr::MatrixSelector(m) => self.0.push(m.vs.clone()),
                _ => {}
            }
            Ok(true)
        }
    }
    let mut found = Found(Vec::new());
    // The visitor never fails.
    let Ok(_) = walk_expr(&mut found, expr);
    let mut out: Vec<VectorSelector> = Vec::new();
    for selector in found.0 {
        if !out.contains(&selector) {
            out.push(selector);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expr: &str, value: Option<f64>) -> String {
        Anatomy::of(expr).main(value).map_or_else(
            || "-".to_owned(),
            |s| match &s.limit {
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
            ("x > bool 5", "x | > | 5"),
            ("(x > bool 5) == 1", "x | > | 5"),
            ("0 < (x >= bool 5)", "x | >= | 5"),
            ("(x > bool 5) * (y < bool 2) > 0", "x | > | 5"),
            ("sum(x > bool 5) > 3", "sum(x > bool 5) | > | 3"),
            ("absent(up)", "-"),
            ("x", "-"),
            ("this is no PromQL", "-"),
            ("x != 1", "x | != | 1"),
            ("1 < bool 2", "1 | < | 2"),
        ] {
            assert_eq!(shown(expr, None), expected, "{expr}");
        }
    }

    #[test]
    fn what_would_take_the_parser_down_is_left_whole() {
        for expr in [format!("{}x{} > 1", "(".repeat(50_000), ")".repeat(50_000)), "rate(x[inf]) > 1".to_owned()] {
            assert_eq!(Anatomy::of(&expr), Anatomy::default(), "{expr:.20}");
        }
        let many = (0..400).map(|i| format!("x{i} > {i}")).collect::<Vec<_>>().join(" or ");
        assert_eq!(Anatomy::of(&many).splits.len(), 400);
    }

    #[test]
    fn of_alternatives_the_one_that_holds_is_shown() {
        let expr = "(burn5m > 14.4 and burn1h > 14.4) or (burn30m > 6 and burn6h > 6)";
        assert_eq!(shown(expr, Some(20.0)), "burn5m | > | 14.4");
        assert_eq!(shown(expr, Some(7.0)), "burn30m | > | 6");
        assert_eq!(shown(expr, None), "burn5m | > | 14.4");
    }

    #[test]
    fn all_thresholds_of_the_value_are_known() {
        let limits = |expr: &str, value| {
            let read = Anatomy::of(expr);
            let main = read.main(value).unwrap();
            read.limits(main).map(|(c, n)| format!("{} {n}", c.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(limits("x < 1 or x > 9", Some(12.0)), ["< 1", "> 9"]);
        assert_eq!(limits("x > 1 and x < 9", Some(5.0)), ["> 1", "< 9"]);
        assert_eq!(limits("x > 1 and y < 9", Some(5.0)), ["> 1"]);
        assert_eq!(limits("x > y", None), Vec::<String>::new());
    }

    #[test]
    fn the_alerts_value_is_only_that_of_the_left_side_and_not_of_bool() {
        for (expr, expected) in [
            ("x > 1", true),
            ("1 < x", true),
            ("x > bool 1", false),
            ("(x > bool 1) == 1", false),
            ("up and x < 5", false),
            ("x > 1 and y > 2", true),
            ("up or x > 1", true),
        ] {
            assert_eq!(Anatomy::of(expr).main(None).unwrap().is_own, expected, "{expr}");
        }
    }

    #[test]
    fn both_sides_are_promql_again() {
        let read = Anatomy::of(r#"sum by (job) (rate(x{a="b\"c", d=~"e.*"}[5m] offset 1h)) > on (job) y{z="1"} * 2"#);
        let s = read.main(None).unwrap();
        assert!(promql_guard::read(&s.value).is_ok(), "{}", s.value);
        let Limit::Query(limit) = &s.limit else { panic!("{:?}", s.limit) };
        assert!(promql_guard::read(limit).is_ok(), "{limit}");
    }

    #[test]
    fn selectors_tell_the_service() {
        let expr = r#"sum(rate(a{job="x/checkout", code=~"5.."}[5m])) / sum(rate(b{service="orders"}[5m])) > 0.1"#;
        let read = Anatomy::of(expr);
        assert_eq!(read.label_of(&["service", "job"]), Some("orders"));
        assert_eq!(read.label_of(&["app", "job"]), Some("x/checkout"));
        assert_eq!(read.label_of(&["code"]), None);
    }

    #[test]
    fn the_series_of_all_selectors_are_asked_for_by_their_labels() {
        let read = Anatomy::of(r#"sum by (instance) (rate(a{code=~"5.."}[5m] offset 1h)) / sum by (instance) (rate(b[5m])) + b > 0.1"#);
        let asked = read.series_by(&["instance", "service"], &[("instance", vec!["a:1", "b.c:1"]), ("env", vec!["p\"1"])]).unwrap();
        let group = |selector: &str| format!("group by (instance, service) ({selector})");
        let only = r#"env="p\"1",instance=~"a:1|b\\.c:1""#;
        assert_eq!(asked, [group(&format!(r#"a{{code=~"5..",{only}}}"#)), group(&format!("b{{{only}}}"))].join(" or "));
        assert!(promql_guard::read(&asked).is_ok(), "{asked}");
        assert_eq!(Anatomy::of("vector(1) > 0").series_by(&["service"], &[]), None);
    }
}
