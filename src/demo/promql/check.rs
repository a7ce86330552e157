//! Reads a query and refuses, by name, what the demo does not support, before anything is evaluated.

use super::{QueryError, functions, place::placed, window};
use crate::promql_guard::guard;
use promql_parser::parser::{
    self, Expr, VectorMatchFillValues, VectorSelector,
    token::{T_LIMIT_RATIO, T_LIMITK},
};

/// Most operators and parentheses: evaluation descends into them.
pub(super) const MAX_DEPTH: usize = 250;

/// Parses a query.
///
/// # Errors
/// [`QueryError::BadData`] when it is not PromQL or uses something that the demo does not support.
pub fn parse(query: &str) -> Result<Expr, QueryError> {
    guard(query, MAX_DEPTH).map_err(QueryError::BadData)?;
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
