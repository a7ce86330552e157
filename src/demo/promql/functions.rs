//! Functions of instant vectors and scalars.

use std::{f64::consts::PI, sync::Arc};

use chrono::{DateTime, Datelike, Timelike, Utc};
use promql_parser::parser::{Call, Expr};
use regex::Regex;

use super::{
    QueryError,
    eval::{Column, Evaluator, Grid, Value, mismatch},
    histogram,
    invariant::unwrap,
    labels::{merge, set, without_name},
    native, numeric, window,
};
use crate::{demo::native::Native, model::labels::Labels};

/// Functions that need more than the values of one vector.
const OTHERS: [&str; 16] = [
    "absent",
    "clamp",
    "clamp_max",
    "clamp_min",
    "histogram_fraction",
    "histogram_quantile",
    "label_join",
    "label_replace",
    "pi",
    "round",
    "scalar",
    "sort",
    "sort_desc",
    "time",
    "timestamp",
    "vector",
];

/// Whether there is such a function.
pub fn is_known(name: &str) -> bool {
    OTHERS.contains(&name) || math(name).is_some() || date(name).is_some() || native::simple(name).is_some()
}

/// Functions of one value.
fn math(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "sqrt" => f64::sqrt,
        "exp" => f64::exp,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sgn" => |v| {
            if v < 0.0 {
                -1.0
            } else if v > 0.0 {
                1.0
            } else {
                v
            }
        },
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "rad" => |v| v * PI / 180.0,
        "deg" => |v| v * 180.0 / PI,
        _ => return None,
    })
}

/// Functions of a moment in UTC.
fn date(name: &str) -> Option<fn(DateTime<Utc>) -> u32> {
    Some(match name {
        "minute" => |t| t.minute(),
        "hour" => |t| t.hour(),
        "day_of_week" => |t| t.weekday().num_days_from_sunday(),
        "day_of_month" => |t| t.day(),
        "day_of_year" => |t| t.ordinal(),
        "days_in_month" => |t| u32::from(t.num_days_in_month()),
        "month" => |t| t.month(),
        "year" => |t| u32::try_from(t.year()).unwrap_or(0),
        _ => return None,
    })
}

/// Evaluates a call at every step.
pub fn eval(evaluator: &Evaluator, call: &Call, grid: Grid) -> Result<Value, QueryError> {
    let (name, args) = (call.func.name, Args { evaluator, args: &call.args.args, grid });
    if let Some(f) = math(name) {
        return mapped(args.vector(0)?, |_, v| Some(f(v)));
    }
    if let Some(f) = native::simple(name) {
        return of_histograms(args.vector(0)?, f);
    }
    if let Some(f) = date(name) {
        // Not a number has no date: what Prometheus then says depends on its machine.
        let field = |seconds: f64| DateTime::from_timestamp(seconds.is_finite().then_some(seconds as i64)?, 0).map(|t| f64::from(f(t)));
        if args.args.is_empty() {
            return Ok(vector((0..grid.len).map(|i| field(grid.at(i).div_euclid(1000) as f64)).collect()));
        }
        return mapped(args.vector(0)?, |_, v| field(v));
    }
    match name {
        "absent" => Ok(Value::Vector(window::absent(&args.vector(0)?, args.get(0)?, grid))),
        "clamp" => clamp(args.vector(0)?, &args.scalar(1)?, &args.scalar(2)?),
        "clamp_min" => clamp(args.vector(0)?, &args.scalar(1)?, &vec![f64::INFINITY; grid.len]),
        "clamp_max" => clamp(args.vector(0)?, &vec![f64::NEG_INFINITY; grid.len], &args.scalar(1)?),
        "round" => {
            let nearest = if args.args.len() > 1 { args.scalar(1)? } else { vec![1.0; grid.len] };
            mapped(args.vector(0)?, |step, v| {
                let inverse = 1.0 / nearest[step];
                Some((v * inverse + 0.5).floor() / inverse)
            })
        }
        "histogram_quantile" => {
            let q = args.scalar(0)?;
            let classic = |step: usize, buckets: &mut Vec<(f64, f64)>| histogram::quantile(q[step], buckets);
            Ok(Value::Vector(histogram::fold(&args.vector(1)?, grid, classic, |step, h| native::quantile(q[step], h))?))
        }
        "histogram_fraction" => {
            let (lower, upper) = (args.scalar(0)?, args.scalar(1)?);
            let classic = |step: usize, buckets: &mut Vec<(f64, f64)>| histogram::fraction(lower[step], upper[step], buckets);
            let of_native = |step: usize, h: &Native| native::fraction(lower[step], upper[step], h);
            Ok(Value::Vector(histogram::fold(&args.vector(2)?, grid, classic, of_native)?))
        }
        "label_join" => label_join(&args),
        "label_replace" => label_replace(&args),
        "pi" => Ok(Value::Scalar(vec![PI; grid.len])),
        "scalar" => Ok(scalar(&args.vector(0)?, grid)),
        "sort" => Ok(sorted(args.vector(0)?, grid, numeric::nan_first)),
        "sort_desc" => Ok(sorted(args.vector(0)?, grid, |a, b| numeric::nan_first(b, a))),
        "time" => Ok(Value::Scalar((0..grid.len).map(|i| seconds(grid.at(i))).collect())),
        "timestamp" => timestamp(&args),
        "vector" => Ok(vector(args.scalar(0)?.into_iter().map(Some).collect())),
        _ => Err(QueryError::BadData(format!("function {name}() is not supported by redline's demo"))),
    }
}

/// The arguments of a call.
struct Args<'a> {
    evaluator: &'a Evaluator<'a>,
    args: &'a [Box<Expr>],
    grid: Grid,
}

impl Args<'_> {
    fn get(&self, i: usize) -> Result<&Expr, QueryError> {
        self.args.get(i).map(|e| unwrap(e)).ok_or_else(|| mismatch("another argument"))
    }

    fn vector(&self, i: usize) -> Result<Vec<Column>, QueryError> {
        self.evaluator.vector(self.get(i)?, self.grid)
    }

    fn scalar(&self, i: usize) -> Result<Vec<f64>, QueryError> {
        self.evaluator.scalar(self.get(i)?, self.grid)
    }

    fn text(&self, i: usize) -> Result<&str, QueryError> {
        match self.get(i)? {
            Expr::StringLiteral(text) => Ok(&text.val),
            _ => Err(mismatch("string")),
        }
    }
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

fn vector(values: Vec<Option<f64>>) -> Value {
    Value::Vector(vec![Column::floats(Arc::new(Labels::new()), values)])
}

/// A number of each native histogram, the metric's name dropped; other values are left out.
fn of_histograms(columns: Vec<Column>, f: fn(&Native) -> f64) -> Result<Value, QueryError> {
    let map = |column: Column| {
        let values = (0..column.values.len()).map(|step| column.histogram(step).map(|h| f(h)));
        Column::floats(without_name(&column.labels), values.collect())
    };
    Ok(Value::Vector(merge(columns.into_iter().map(map).filter(Column::has_values).collect())?))
}

/// Each value changed, the metric's name dropped; native histograms are left out.
fn mapped(columns: Vec<Column>, f: impl Fn(usize, f64) -> Option<f64>) -> Result<Value, QueryError> {
    let map = |column: Column| {
        let values = column.values.into_iter().enumerate().map(|(step, v)| f(step, v?));
        Column::floats(without_name(&column.labels), values.collect())
    };
    Ok(Value::Vector(merge(columns.into_iter().map(map).filter(Column::has_values).collect())?))
}

fn clamp(columns: Vec<Column>, low: &[f64], high: &[f64]) -> Result<Value, QueryError> {
    mapped(columns, |step, v| {
        let (low, high) = (low[step], high[step]);
        if high < low { None } else { Some(numeric::max(low, numeric::min(high, v))) }
    })
}

/// The only value of a step, or NaN.
fn scalar(columns: &[Column], grid: Grid) -> Value {
    let only = |step: usize| {
        let mut values = columns.iter().filter_map(|c| c.values[step]);
        match (values.next(), values.next()) {
            (Some(value), None) => value,
            _ => f64::NAN,
        }
    };
    Value::Scalar((0..grid.len).map(only).collect())
}

/// Orders an instant vector, NaN last; a range has no order. Native histograms are left out.
fn sorted(columns: Vec<Column>, grid: Grid, order: fn(f64, f64) -> std::cmp::Ordering) -> Value {
    let mut columns: Vec<Column> = columns.into_iter().map(|c| Column::floats(c.labels, c.values)).filter(Column::has_values).collect();
    if grid.len == 1 {
        let value = |c: &Column| c.values.first().copied().flatten().unwrap_or(f64::NAN);
        columns.sort_by(|a, b| {
            let (a, b) = (value(a), value(b));
            a.is_nan().cmp(&b.is_nan()).then_with(|| if a.is_nan() { std::cmp::Ordering::Equal } else { order(a, b) })
        });
    }
    Value::Vector(columns)
}

/// When the sample of a selector was taken; of anything else, when it was evaluated.
fn timestamp(args: &Args) -> Result<Value, QueryError> {
    match args.args.first().map(|e| unwrap(e)) {
        Some(Expr::VectorSelector(selector)) => mapped(args.evaluator.timestamps(selector, args.grid)?, |_, v| Some(v)),
        _ => {
            let evaluated = |column: Column| {
                let values = (0..args.grid.len).map(|step| column.has(step).then(|| seconds(args.grid.at(step))));
                Column::floats(column.labels.clone(), values.collect())
            };
            mapped(args.vector(0)?.into_iter().map(evaluated).collect(), |_, v| Some(v))
        }
    }
}

fn label_replace(args: &Args) -> Result<Value, QueryError> {
    let (to, replacement, from, pattern) = (args.text(1)?, args.text(2)?, args.text(3)?, args.text(4)?);
    let regex = Regex::new(&format!("^(?s:{pattern})$"))
        .map_err(|_| QueryError::Execution(format!("invalid regular expression in label_replace(): {pattern}")))?;
    if to.is_empty() {
        return Err(QueryError::Execution("invalid destination label name in label_replace(): ".into()));
    }
    relabeled(args.vector(0)?, |labels| {
        let Some(found) = regex.captures(labels.get(from).unwrap_or("")) else { return labels.clone() };
        let mut value = String::new();
        found.expand(replacement, &mut value);
        let mut labels = labels.clone();
        set(&mut labels, to, &value);
        labels
    })
}

fn label_join(args: &Args) -> Result<Value, QueryError> {
    let (to, separator) = (args.text(1)?, args.text(2)?);
    let from = (3..args.args.len()).map(|i| args.text(i)).collect::<Result<Vec<_>, _>>()?;
    if to.is_empty() || from.contains(&"") {
        let which = if to.is_empty() { "destination" } else { "source" };
        return Err(QueryError::Execution(format!("invalid {which} label name in label_join(): ")));
    }
    relabeled(args.vector(0)?, |labels| {
        let values: Vec<&str> = from.iter().map(|name| labels.get(name).unwrap_or("")).collect();
        let mut joined = labels.clone();
        set(&mut joined, to, &values.join(separator));
        joined
    })
}

fn relabeled(columns: Vec<Column>, f: impl Fn(&Labels) -> Labels) -> Result<Value, QueryError> {
    let relabel = |column: Column| Column { labels: Arc::new(f(&column.labels)), ..column };
    Ok(Value::Vector(merge(columns.into_iter().map(relabel).collect())?))
}
