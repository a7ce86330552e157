//! Binary operators and vector matching.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use promql_parser::parser::{
    BinaryExpr, LabelModifier, VectorMatchCardinality as Card,
    token::{T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ, T_POW, T_SUB},
};

use super::{
    Point, QueryError,
    eval::{Column, Evaluator, Grid, Value, mismatch},
    labels::{except, merge, only, set, signature, without_name},
};
use crate::{
    demo::native::{Mismatch, Native},
    model::labels::Labels,
};

/// What an operator does with two numbers.
#[derive(Clone, Copy)]
enum Operator {
    Arithmetic(fn(f64, f64) -> f64),
    Comparison(fn(&f64, &f64) -> bool),
}

fn operator(op: u16) -> Option<Operator> {
    Some(match op {
        T_ADD => Operator::Arithmetic(|a, b| a + b),
        T_SUB => Operator::Arithmetic(|a, b| a - b),
        T_MUL => Operator::Arithmetic(|a, b| a * b),
        T_DIV => Operator::Arithmetic(|a, b| a / b),
        T_MOD => Operator::Arithmetic(|a, b| a % b),
        T_POW => Operator::Arithmetic(f64::powf),
        T_ATAN2 => Operator::Arithmetic(f64::atan2),
        T_EQLC => Operator::Comparison(f64::eq),
        T_NEQ => Operator::Comparison(f64::ne),
        T_GTR => Operator::Comparison(f64::gt),
        T_LSS => Operator::Comparison(f64::lt),
        T_GTE => Operator::Comparison(f64::ge),
        T_LTE => Operator::Comparison(f64::le),
        _ => return None,
    })
}

/// An operator with its modifiers.
struct Operation<'e> {
    op: u16,
    operator: Operator,
    return_bool: bool,
    matching: Option<&'e LabelModifier>,
    card: &'e Card,
}

impl Operation<'_> {
    /// The result of two points of vectors.
    fn join(&self, left: Point, right: Point) -> Result<Option<Point>, QueryError> {
        match (left, right) {
            (Point::Float(l), Point::Float(r)) => Ok(self.apply(l, r, l).map(Point::Float)),
            (left, right) => self.with_histograms(&left, &right),
        }
    }

    /// The result of two points of which at least one is a native histogram; nothing where Prometheus has none either.
    fn with_histograms(&self, left: &Point, right: &Point) -> Result<Option<Point>, QueryError> {
        let made = |h: Native| Some(Point::Histogram(Arc::new(h)));
        let failed = |e: Mismatch| QueryError::Execution(e.to_string());
        let kept = |holds: bool| match self.return_bool {
            true => Some(Point::Float(f64::from(u8::from(holds)))),
            false => holds.then(|| left.clone()),
        };
        Ok(match (self.op, left, right) {
            (T_MUL, Point::Histogram(h), Point::Float(v)) | (T_MUL, Point::Float(v), Point::Histogram(h)) => made(h.map(|n| n * v)),
            (T_DIV, Point::Histogram(h), Point::Float(v)) => made(h.divided(*v)),
            (T_ADD, Point::Histogram(l), Point::Histogram(r)) => made(l.plus(r).map_err(failed)?),
            (T_SUB, Point::Histogram(l), Point::Histogram(r)) => made(l.minus(r).map_err(failed)?),
            (T_EQLC, Point::Histogram(l), Point::Histogram(r)) => kept(l == r),
            (T_NEQ, Point::Histogram(l), Point::Histogram(r)) => kept(l != r),
            _ => None,
        })
    }

    /// The result of two values; a comparison without `bool` keeps `kept` or nothing.
    fn apply(&self, left: f64, right: f64, kept: f64) -> Option<f64> {
        match self.operator {
            Operator::Arithmetic(f) => Some(f(left, right)),
            Operator::Comparison(f) if self.return_bool => Some(f64::from(u8::from(f(&left, &right)))),
            Operator::Comparison(f) => f(&left, &right).then_some(kept),
        }
    }

    /// Whether the result is no longer the metric that the operand was.
    fn drops_name(&self) -> bool {
        self.return_bool || matches!(self.operator, Operator::Arithmetic(_))
    }

    /// Labels of a result by the labels of the many side and the one side.
    fn result_labels(&self, many: &Arc<Labels>, one: &Labels) -> Arc<Labels> {
        let mut labels = if self.drops_name() { (*without_name(many)).clone() } else { (**many).clone() };
        if *self.card == Card::OneToOne {
            match self.matching {
                Some(LabelModifier::Include(names)) => labels = only(&labels, &names.labels),
                Some(LabelModifier::Exclude(names)) => labels = except(&labels, &names.labels),
                None => {}
            }
        }
        for name in self.card.labels().into_iter().flat_map(|l| &l.labels) {
            set(&mut labels, name, one.get(name).unwrap_or(""));
        }
        Arc::new(labels)
    }
}

/// Evaluates a binary expression at every step.
pub fn eval(evaluator: &Evaluator, e: &BinaryExpr, grid: Grid) -> Result<Value, QueryError> {
    let (left, right) = (evaluator.eval(&e.lhs, grid)?, evaluator.eval(&e.rhs, grid)?);
    let matching = e.modifier.as_ref().and_then(|m| m.matching.as_ref());
    if e.op.is_set_operator() {
        return match (left, right) {
            (Value::Vector(left), Value::Vector(right)) => Ok(Value::Vector(set_operation(e.op.id(), left, right, matching, grid)?)),
            _ => Err(mismatch("instant vector in set operation")),
        };
    }
    let operation = Operation {
        op: e.op.id(),
        operator: operator(e.op.id()).ok_or_else(|| mismatch("binary operator"))?,
        return_bool: e.return_bool(),
        matching,
        card: e.modifier.as_ref().map_or(&Card::OneToOne, |m| &m.card),
    };
    Ok(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => {
            Value::Scalar(left.into_iter().zip(right).map(|(l, r)| operation.apply(l, r, l).unwrap_or(f64::NAN)).collect())
        }
        (Value::Vector(columns), Value::Scalar(scalar)) => Value::Vector(merge(with_scalar(columns, &operation, &scalar, |v, s| (v, s))?)?),
        (Value::Scalar(scalar), Value::Vector(columns)) => Value::Vector(merge(with_scalar(columns, &operation, &scalar, |v, s| (s, v))?)?),
        (Value::Vector(left), Value::Vector(right)) => Value::Vector(matched(&left, &right, &operation, grid)?),
        _ => return Err(mismatch("scalar or instant vector")),
    })
}

/// A vector and a scalar; `sides` puts (element, scalar) into the order of the expression.
fn with_scalar(
    columns: Vec<Column>,
    operation: &Operation,
    scalar: &[f64],
    sides: fn(Point, Point) -> (Point, Point),
) -> Result<Vec<Column>, QueryError> {
    let mut out = Vec::with_capacity(columns.len());
    for mut column in columns {
        for (step, &scalar) in scalar.iter().enumerate() {
            let result = match column.point(step) {
                None => continue,
                Some(Point::Float(v)) => {
                    let (Point::Float(left), Point::Float(right)) = sides(Point::Float(v), Point::Float(scalar)) else { continue };
                    operation.apply(left, right, v).map(Point::Float)
                }
                Some(histogram) => {
                    let (left, right) = sides(histogram, Point::Float(scalar));
                    operation.with_histograms(&left, &right)?
                }
            };
            column.set(step, result);
        }
        if operation.drops_name() {
            column.labels = without_name(&column.labels);
        }
        if column.has_values() {
            out.push(column);
        }
    }
    Ok(out)
}

/// The number of the match group of each column of both sides, and how many groups there are.
fn match_groups(left: &[Column], right: &[Column], matching: Option<&LabelModifier>) -> (Vec<usize>, Vec<usize>, usize) {
    let mut groups: HashMap<Labels, usize> = HashMap::new();
    let mut number = |column: &Column| {
        let next = groups.len();
        *groups.entry(signature(&column.labels, matching)).or_insert(next)
    };
    let left = left.iter().map(&mut number).collect();
    let right = right.iter().map(&mut number).collect();
    (left, right, groups.len())
}

fn set_operation(
    op: u16,
    left: Vec<Column>,
    right: Vec<Column>,
    matching: Option<&LabelModifier>,
    grid: Grid,
) -> Result<Vec<Column>, QueryError> {
    let (left_groups, right_groups, count) = match_groups(&left, &right, matching);
    // Which groups have a value on a side, by step and group.
    let presence = |columns: &[Column], groups: &[usize]| {
        let mut present = vec![false; count * grid.len];
        for (column, group) in columns.iter().zip(groups) {
            for step in 0..column.values.len() {
                present[step * count + group] |= column.has(step);
            }
        }
        present
    };
    let keep = |columns: Vec<Column>, groups: &[usize], other: &[bool], wanted: bool| {
        let mut columns = columns;
        for (column, group) in columns.iter_mut().zip(groups) {
            for step in 0..column.values.len() {
                if other[step * count + group] != wanted {
                    column.set(step, None);
                }
            }
        }
        columns
    };
    let mut out = match op {
        T_LAND => keep(left, &left_groups, &presence(&right, &right_groups), true),
        T_LUNLESS => keep(left, &left_groups, &presence(&right, &right_groups), false),
        T_LOR => {
            let rest = keep(right, &right_groups, &presence(&left, &left_groups), false);
            left.into_iter().chain(rest).collect()
        }
        _ => return Err(mismatch("set operator")),
    };
    out.retain(Column::has_values);
    merge(out)
}

/// The one side of a step: which column has the value of a match group.
struct OneSide {
    /// By group: the step that was last seen, and the column.
    seen: Vec<Option<(usize, usize)>>,
}

impl OneSide {
    /// Notes the columns with a value at the step; fails when two have one in the same group.
    fn fill(&mut self, step: usize, columns: &[Column], groups: &[usize], operation: &Operation) -> Result<(), QueryError> {
        for (i, (column, &group)) in columns.iter().zip(groups).enumerate() {
            if !column.has(step) {
                continue;
            }
            if let Some((at, other)) = self.seen[group]
                && at == step
            {
                return Err(many_to_many(&column.labels, &columns[other].labels, operation));
            }
            self.seen[group] = Some((step, i));
        }
        Ok(())
    }

    fn get(&self, group: usize, step: usize) -> Option<usize> {
        self.seen[group].filter(|(at, _)| *at == step).map(|(_, i)| i)
    }
}

/// Two vectors, matched by their labels.
fn matched(left: &[Column], right: &[Column], operation: &Operation, grid: Grid) -> Result<Vec<Column>, QueryError> {
    let swapped = matches!(operation.card, Card::OneToMany(_));
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let (many_groups, one_groups, count) = match_groups(many, one, operation.matching);
    let mut side = OneSide { seen: vec![None; count] };
    let mut results: HashMap<(usize, usize), usize> = HashMap::new();
    let mut out: Vec<Column> = Vec::new();
    for step in 0..grid.len {
        let has_value = |c: &Column| c.has(step);
        if !many.iter().any(has_value) || !one.iter().any(has_value) {
            continue;
        }
        side.fill(step, one, &one_groups, operation)?;
        let mut taken: HashSet<usize> = HashSet::new();
        let mut inserted: HashSet<(usize, Arc<Labels>)> = HashSet::new();
        for (i, (column, &group)) in many.iter().zip(&many_groups).enumerate() {
            let (Some(value), Some(j)) = (column.point(step), side.get(group, step)) else { continue };
            let Some(other) = one[j].point(step) else { continue };
            let place = *results.entry((i, j)).or_insert_with(|| {
                out.push(Column::floats(operation.result_labels(&column.labels, &one[j].labels), vec![None; grid.len]));
                out.len() - 1
            });
            let unique =
                if *operation.card == Card::OneToOne { taken.insert(group) } else { inserted.insert((group, out[place].labels.clone())) };
            if !unique {
                return Err(not_unique(operation.card));
            }
            let (l, r) = if swapped { (other, value) } else { (value, other) };
            out[place].set(step, operation.join(l, r)?);
        }
    }
    out.retain(Column::has_values);
    merge(out)
}

fn not_unique(card: &Card) -> QueryError {
    QueryError::Execution(
        match card {
            Card::OneToOne => "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
            _ => "multiple matches for labels: grouping labels must ensure unique matches",
        }
        .into(),
    )
}

fn many_to_many(labels: &Labels, other: &Labels, operation: &Operation) -> QueryError {
    let side = if matches!(operation.card, Card::OneToMany(_)) { "left" } else { "right" };
    let group = signature(labels, operation.matching);
    QueryError::Execution(format!(
        "found duplicate series for the match group {group} on the {side} hand-side of the operation: [{labels}, {other}];many-to-many matching not allowed: matching labels must be unique on one side"
    ))
}
