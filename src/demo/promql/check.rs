//! Reads a query and refuses, by name, what the demo does not support, before anything is evaluated.

use std::sync::LazyLock;

use promql_parser::parser::{
    self, Expr, VectorMatchFillValues, VectorSelector,
    token::{T_LIMIT_RATIO, T_LIMITK},
};
use regex::Regex;

use super::{QueryError, functions, place::placed, window};

/// Longest query in bytes.
const MAX_LENGTH: usize = 64 * 1024;
/// Most operators and parentheses: evaluation descends into them.
const MAX_DEPTH: usize = 250;
/// Longest duration in seconds that makes sense: a hundred years.
const MAX_DURATION: f64 = 100.0 * 365.0 * 86_400.0;

/// Operators and opening parentheses, each of which may deepen the tree.
static DEEPENING: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"[-+*/%^<>(\[]|==|!=|\b(?i:and|or|unless|atan2)\b").ok());
/// Plain numbers where a duration is expected; the parser would panic on some of them.
static BARE_DURATION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?:[\[:]|\boffset\b)\s*[-+]?\s*(inf|nan|0x[0-9a-f]+|[0-9.][0-9.]*(?:e[-+]?[0-9]+)?)\s*[\]:)]?").ok());

/// Numbers with an exponent, which may be out of range; the parser would take them for infinite.
static EXPONENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\b[0-9.]+[eE][-+]?[0-9]+\b").ok());

/// Parses a query.
///
/// # Errors
/// [`QueryError::BadData`] when it is not PromQL or uses something that the demo does not support.
pub fn parse(query: &str) -> Result<Expr, QueryError> {
    guard(query)?;
    let expr = parser::parse(query).map_err(|e| QueryError::BadData(placed(query, &e)))?;
    let mut refused = None;
    visit(&expr, &mut |e| {
        if refused.is_none() {
            refused = unsupported(e);
        }
    });
    match refused {
        Some(what) => Err(QueryError::BadData(format!("{what} is not supported by redline's demo"))),
        None => Ok(expr),
    }
}

/// Refuses what would overflow the stack or make the parser panic.
pub(super) fn guard(query: &str) -> Result<(), QueryError> {
    if query.len() > MAX_LENGTH {
        return Err(QueryError::BadData(format!("query is longer than {MAX_LENGTH} bytes")));
    }
    let bare = without_texts(query);
    if DEEPENING.as_ref().is_some_and(|r| r.find_iter(&bare).count() > MAX_DEPTH) {
        return Err(QueryError::BadData(format!("query has more than {MAX_DEPTH} operators and parentheses")));
    }
    let infinite = |text: &str| text.parse::<f64>().is_ok_and(f64::is_infinite);
    if let Some(number) = EXPONENT.as_ref().and_then(|r| r.find_iter(&bare).find(|n| infinite(n.as_str()))) {
        return Err(QueryError::BadData(format!("parse error: number out of range: {}", number.as_str())));
    }
    let out_of_range = |text: &str| {
        let seconds = if text.to_ascii_lowercase().starts_with("0x") { f64::NAN } else { text.parse().unwrap_or(f64::NAN) };
        !(0.0..=MAX_DURATION).contains(&seconds)
    };
    match BARE_DURATION.as_ref().and_then(|r| r.captures_iter(&bare).find(|c| out_of_range(&c[1]))) {
        Some(c) => Err(QueryError::BadData(format!("parse error: not a valid duration: {:?}", &c[1]))),
        None => Ok(()),
    }
}

/// The query with string literals and comments blanked.
fn without_texts(query: &str) -> String {
    let mut out = String::with_capacity(query.len());
    let mut chars = query.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' | '`' => {
                while let Some(inner) = chars.next() {
                    if inner == '\\' && c != '`' {
                        chars.next();
                    } else if inner == c {
                        break;
                    }
                }
                out.push(' ');
            }
            '#' => {
                chars.by_ref().find(|&c| c == '\n');
                out.push(' ');
            }
            c => out.push(c),
        }
    }
    out
}

/// Visits an expression and everything in it.
pub(super) fn visit<'e>(expr: &'e Expr, f: &mut impl FnMut(&'e Expr)) {
    f(expr);
    match expr {
        Expr::Aggregate(e) => {
            visit(&e.expr, f);
            if let Some(param) = &e.param {
                visit(param, f);
            }
        }
        Expr::Unary(e) => visit(&e.expr, f),
        Expr::Binary(e) => {
            visit(&e.lhs, f);
            visit(&e.rhs, f);
        }
        Expr::Paren(e) => visit(&e.expr, f),
        Expr::Subquery(e) => visit(&e.expr, f),
        Expr::Call(e) => e.args.args.iter().for_each(|arg| visit(arg, f)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::VectorSelector(_) | Expr::MatrixSelector(_) | Expr::Extension(_) => {}
    }
}

fn unsupported(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Aggregate(e) if e.op.id() == T_LIMITK || e.op.id() == T_LIMIT_RATIO => Some(format!("aggregation {}", e.op)),
        Expr::Call(e) if !functions::is_known(e.func.name) && !window::is_known(e.func.name) => Some(format!("function {}()", e.func.name)),
        Expr::Binary(e) if e.modifier.as_ref().is_some_and(|m| m.fill_values != VectorMatchFillValues::default()) => {
            Some("modifier fill".into())
        }
        Expr::VectorSelector(selector) | Expr::MatrixSelector(parser::MatrixSelector { vs: selector, .. }) => {
            unsupported_selector(selector)
        }
        Expr::Extension(_) => Some("an extension".into()),
        _ => None,
    }
}

fn unsupported_selector(selector: &VectorSelector) -> Option<String> {
    (!selector.matchers.or_matchers.is_empty()).then(|| "\"or\" between matchers".into())
}
