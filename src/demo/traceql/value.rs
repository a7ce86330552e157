//! Values: as they are written, compared and reckoned with.

use std::fmt;

use super::ast::{AggregateOp, Operator};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Static {
    /// Nothing: the attribute is missing.
    Nil,
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// Nanoseconds.
    Duration(i64),
    /// 0 unset, 1 ok, 2 error.
    Status(i32),
    /// OpenTelemetry's number of the kind.
    Kind(i32),
}

/// Names of statuses by their number.
pub const STATUSES: [&str; 3] = ["unset", "ok", "error"];
/// Names of kinds by their number.
pub const KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];

/// A name by number; empty for numbers that have none.
fn name(of: &[&'static str], number: i32) -> &'static str {
    usize::try_from(number).ok().and_then(|i| of.get(i)).copied().unwrap_or_default()
}

impl fmt::Display for Static {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("nil"),
            Self::Text(s) => f.write_str(s),
            Self::Int(n) => write!(f, "{n}"),
            // A whole number has a fraction all the same.
            Self::Float(n) if n.fract() == 0.0 && n.abs() < 1e21 => write!(f, "{n:.1}"),
            Self::Float(n) => write!(f, "{n}"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Duration(d) => f.write_str(&go_duration(*d)),
            Self::Status(s) => f.write_str(name(&STATUSES, *s)),
            Self::Kind(k) => f.write_str(name(&KINDS, *k)),
        }
    }
}

/// A duration as Go prints it: `1.5s`, `100ms`, `1m0s`.
fn go_duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let ns = nanoseconds.unsigned_abs();
    let unit = |n: u64, name: &str| format!("{sign}{}{name}", ns as f64 / n as f64);
    match ns {
        0 => "0s".to_owned(),
        1..1_000 => unit(1, "ns"),
        1_000..1_000_000 => unit(1_000, "µs"),
        1_000_000..1_000_000_000 => unit(1_000_000, "ms"),
        _ => {
            let (minutes, rest) = (ns / 60_000_000_000, ns % 60_000_000_000);
            let seconds = format!("{}s", rest as f64 / 1e9);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}"),
                (0, m) => format!("{sign}{m}m{seconds}"),
                (h, m) => format!("{sign}{h}h{m}m{seconds}"),
            }
        }
    }
}

/// What it counts for among numbers.
pub fn number(value: &Static) -> Option<f64> {
    match value {
        Static::Int(n) | Static::Duration(n) => Some(*n as f64),
        Static::Float(n) => Some(*n),
        _ => None,
    }
}

/// A result of arithmetic; false where one is no number.
pub fn arithmetic(op: Operator, a: &Static, b: &Static) -> Static {
    let (Some(a), Some(b)) = (number(a), number(b)) else { return Static::Bool(false) };
    Static::Float(match op {
        Operator::Add => a + b,
        Operator::Sub => a - b,
        Operator::Mul => a * b,
        Operator::Div => a / b,
        Operator::Mod => a % b,
        _ => a.powf(b),
    })
}

/// Whether a comparison holds; `None` for values that do not compare, which a missing attribute never does.
pub fn compare(op: Operator, a: &Static, b: &Static) -> Option<bool> {
    let ordered = |ordering: Option<std::cmp::Ordering>| {
        Some(match op {
            Operator::Equal => ordering.is_some_and(|o| o.is_eq()),
            Operator::NotEqual => !ordering.is_some_and(|o| o.is_eq()),
            Operator::Greater => ordering?.is_gt(),
            Operator::GreaterEqual => ordering?.is_ge(),
            Operator::Less => ordering?.is_lt(),
            Operator::LessEqual => ordering?.is_le(),
            _ => return None,
        })
    };
    let equality = matches!(op, Operator::Equal | Operator::NotEqual);
    match (a, b) {
        (Static::Int(a) | Static::Duration(a), Static::Int(b) | Static::Duration(b)) => ordered(Some(a.cmp(b))),
        (Static::Text(a), Static::Text(b)) => ordered(Some(a.cmp(b))),
        (Static::Bool(_), Static::Bool(_)) | (Static::Status(_), Static::Status(_)) | (Static::Kind(_), Static::Kind(_)) if equality => {
            Some((a == b) == (op == Operator::Equal))
        }
        _ => ordered(number(a)?.partial_cmp(&number(b)?)),
    }
}

/// One value of many; spans without a number do not count.
pub fn fold(op: AggregateOp, values: impl Iterator<Item = Static>) -> Option<Static> {
    let values: Vec<Static> = values.filter(|v| number(v).is_some()).collect();
    let numbers = values.iter().filter_map(number);
    let result = match op {
        AggregateOp::Min => numbers.fold(f64::INFINITY, f64::min),
        AggregateOp::Max => numbers.fold(f64::NEG_INFINITY, f64::max),
        AggregateOp::Sum => numbers.sum(),
        AggregateOp::Avg => numbers.sum::<f64>() / values.len() as f64,
    };
    Some(match values.first()? {
        Static::Duration(_) => Static::Duration(result as i64),
        Static::Int(_) if op != AggregateOp::Avg => Static::Int(result as i64),
        _ => Static::Float(result),
    })
}
