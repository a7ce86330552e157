//! LogQL expressions of alerts: taken apart at their comparison where both sides are plain to see.

use super::{Anatomy, Comparison, Limit, Quantity, Split, selectors};
use crate::promql_guard;

/// Closing braces that a stream selector may end at: those in its texts come before.
const MOST_ENDS: usize = 100;
/// Parentheses around all of an expression that are taken away.
const MOST_PARENTHESES: usize = 20;

impl Anatomy {
    /// Takes a LogQL expression apart where one comparison with a number is all there is at its top. What is behind `and`,
    /// `or` or `unless` is left whole: there is no split.
    pub fn of_logql(expr: &str) -> Self {
        Self { splits: split(expr).into_iter().collect(), streams: streams(expr), ..Self::default() }
    }
}

fn split(expr: &str) -> Option<Split> {
    let expr = without_parentheses(expr.trim());
    let (at, length, comparison) = comparison(expr)?;
    let (left, right) = (expr[..at].trim(), expr[at + length..].trim());
    let bare = right.strip_prefix("bool ").map(str::trim);
    let split = |value: &str, comparison, limit| {
        let value = without_parentheses(value).to_owned();
        Split { value, comparison, limit: Limit::Number(limit), quantity: Quantity::default(), is_own: bare.is_none() }
    };
    match (left.parse::<f64>(), bare.unwrap_or(right).parse::<f64>()) {
        (Err(_), Ok(limit)) if limit.is_finite() => Some(split(left, comparison, limit)),
        (Ok(limit), Err(_)) if limit.is_finite() => Some(split(bare.unwrap_or(right), comparison.flipped(), limit)),
        _ => None,
    }
}

/// The characters of an expression that are in no string and no comment, each with its place and how many brackets are open
/// around it.
fn code(expr: &str) -> Vec<(usize, char, u32)> {
    let (mut out, mut depth, mut quote, mut is_escaped, mut is_comment) = (Vec::new(), 0_u32, None, false, false);
    for (at, c) in expr.char_indices() {
        match quote {
            _ if is_comment => is_comment = c != '\n',
            Some(_) if is_escaped => is_escaped = false,
            Some(q) if c == '\\' && q != '`' => is_escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '`' | '\'') => quote = Some(c),
            None if c == '#' => is_comment = true,
            None => {
                depth = if matches!(c, ')' | ']' | '}') { depth.saturating_sub(1) } else { depth };
                out.push((at, c, depth));
                depth += u32::from(matches!(c, '(' | '[' | '{'));
            }
        }
    }
    out
}

/// The only comparison at the top of an expression that nothing else joins: where, how long and which.
fn comparison(expr: &str) -> Option<(usize, usize, Comparison)> {
    let top: Vec<(usize, char)> = code(expr).into_iter().filter(|(_, _, depth)| *depth == 0).map(|(at, c, _)| (at, c)).collect();
    let mut found = None;
    let mut skip = false;
    for (i, (at, c)) in top.iter().enumerate() {
        if std::mem::take(&mut skip) {
            continue;
        }
        let is_equal = top.get(i + 1) == Some(&(at + 1, '='));
        let comparison = match (c, is_equal) {
            ('>', true) => Comparison::AtLeast,
            ('>', false) => Comparison::Above,
            ('<', true) => Comparison::AtMost,
            ('<', false) => Comparison::Below,
            ('=', true) => Comparison::Equal,
            ('!', true) => Comparison::NotEqual,
            _ => continue,
        };
        skip = is_equal;
        if found.replace((*at, 1 + usize::from(is_equal), comparison)).is_some() {
            return None;
        }
    }
    let text: String = top.iter().map(|(_, c)| c.to_ascii_lowercase()).collect();
    let joined = text.split(|c: char| !c.is_ascii_alphabetic()).any(|word| matches!(word, "and" | "or" | "unless"));
    found.filter(|_| !joined)
}

/// What parentheses around all of an expression hold.
fn without_parentheses(mut expr: &str) -> &str {
    for _ in 0..MOST_PARENTHESES {
        let Some(inner) = expr.strip_prefix('(').and_then(|e| e.strip_suffix(')')) else { break };
        let closed = code(expr).into_iter().find(|(_, c, depth)| *c == ')' && *depth == 0).map(|(at, ..)| at);
        if closed != Some(expr.len() - 1) {
            break;
        }
        expr = inner.trim();
    }
    expr
}

/// What its stream selectors want labels to be: they are PromQL's.
fn streams(expr: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = expr;
    while let Some(start) = rest.find('{') {
        let selector = &rest[start..];
        let end = selector.char_indices().filter(|(_, c)| *c == '}').map(|(at, _)| at + 1).take(MOST_ENDS);
        let Some((length, labels)) = end.filter_map(|at| Some((at, promql_guard::read(&selector[..at]).ok()?))).next() else {
            break;
        };
        let named = Anatomy { selectors: selectors(&labels), ..Anatomy::default() };
        out.extend(named.equal().map(|m| (m.name.clone(), m.value.clone())));
        rest = &selector[length..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(expr: &str) -> Option<String> {
        let read = Anatomy::of_logql(expr);
        let Split { value, comparison, limit: Limit::Number(limit), is_own, .. } = read.splits.first()? else { return None };
        Some(format!("{value} {} {limit}{}", comparison.as_str(), if *is_own { "" } else { " bool" }))
    }

    #[test]
    fn a_comparison_with_a_number_is_taken_apart() {
        let rate = r#"sum by (app)(count_over_time({app="a > b"} |= "x) > 1" | duration > 10s [5m]))"#;
        for (expr, expected) in [
            (format!("({rate} > 5)"), format!("{rate} > 5")),
            (format!("{rate}>=1e3"), format!("{rate} >= 1000")),
            (format!("0.5 < {rate}"), format!("{rate} > 0.5")),
            (format!("({rate}) == 0"), format!("{rate} == 0")),
            (format!("{rate} > bool 3"), format!("{rate} > 3 bool")),
            (format!("{rate} # not > 1\n > 5"), format!("{rate} # not > 1 > 5")),
            (format!("({rate}) / ({rate}) > 0.1"), format!("({rate}) / ({rate}) > 0.1")),
        ] {
            assert_eq!(shown(&expr), Some(expected), "{expr}");
        }
    }

    #[test]
    fn what_is_not_plain_to_see_is_left_whole() {
        let rate = r#"rate({app="a"}[5m])"#;
        for expr in [
            format!("{rate} > 1 and {rate} < 5"),
            format!("({rate} > 1) or ({rate} > 2)"),
            format!("{rate} > {rate}"),
            r#"absent_over_time({app="a > 1"}[5m])"#.to_owned(),
            format!("1 > 2 > {rate}"),
            format!("{rate} > NaN"),
            ")".to_owned(),
            "((".to_owned(),
            "> 1 \"".to_owned(),
            String::new(),
        ] {
            assert_eq!(shown(&expr), None, "{expr}");
        }
    }

    #[test]
    fn its_stream_selectors_name_the_service() {
        let read = Anatomy::of_logql(r#"sum(rate({app="orders", level!="x", env=`a}`} |= "{job=" [5m])) > rate({team="web"}[1m])"#);
        assert_eq!((read.label_of(&["app"]), read.label_of(&["env"]), read.label_of(&["level"])), (Some("orders"), Some("a}"), None));
        assert_eq!(read.series_by(&["app"], &[]), None, "they are no series of Prometheus");
        assert_eq!(Anatomy::of_logql("rate({").label_of(&["app"]), None);
    }

    #[test]
    fn of_an_expression_that_is_nothing_but_brackets_nothing_is_read() {
        let (open, closed) = ("(".repeat(100_000), ")".repeat(100_000));
        for expr in [format!("{open}1 > 2{closed}"), format!("{{{}", "}".repeat(100_000)), format!("{open} > 1")] {
            assert_eq!(Anatomy::of_logql(&expr).label_of(&["app"]), None);
        }
    }
}
