//! Which spans of a trace a query selects.

use std::collections::{BTreeSet, HashMap};

use regex::Regex;

use super::{
    ast::{Aggregate, AggregateOp, Attribute, Field, Intrinsic, Operator, Query, Scope, Spanset, SpansetOp, Stage, Static},
    rows::{Row, Rows, find},
};
use crate::{
    demo::grammar::{ParseError, re2},
    model::trace::SpanId,
    wire::otlp::any_value::Value,
};

/// A query made ready to run: its regular expressions are compiled.
#[derive(Debug)]
pub struct Evaluator<'q> {
    query: &'q Query,
    regexes: HashMap<&'q str, Regex>,
    shown: Vec<&'q Field>,
}

/// Spans of a trace that a query selected.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// Indexes of spans, rising.
    pub spans: Vec<usize>,
    /// What was computed about them: `count()` and its value.
    pub attributes: Vec<(String, Static)>,
}

impl<'q> Evaluator<'q> {
    /// Prepares a query.
    ///
    /// # Errors
    /// A regular expression that does not compile.
    pub fn new(query: &'q Query) -> Result<Self, ParseError> {
        let (mut patterns, mut shown) = (Vec::new(), Vec::new());
        fields(&query.pipeline, &mut |field| {
            collect_patterns(field, &mut patterns);
            field.references(&mut |f| {
                if !shown.contains(&f) {
                    shown.push(f);
                }
            });
        });
        let compiled = patterns.into_iter().map(|p| Ok((p, re2::compile(p).map_err(ParseError::whole)?)));
        Ok(Self { query, regexes: compiled.collect::<Result<_, ParseError>>()?, shown })
    }

    /// The sets of spans that the query selects; none when the trace does not match.
    pub fn select(&self, rows: &Rows<'_>) -> Vec<Selection> {
        let all = Selection { spans: (0..rows.spans.len()).collect(), attributes: Vec::new() };
        let found = self.pipeline(&self.query.pipeline, rows, vec![all]);
        found.into_iter().filter(|s| !s.spans.is_empty()).collect()
    }

    /// The attributes that the query speaks of, as this span has them; name and duration are told anyway.
    pub fn shown(&self, rows: &Rows<'_>, span: usize) -> Vec<(&'q str, Static)> {
        let told = |field: &&&'q Field| !matches!(field, Field::Intrinsic(Intrinsic::Name | Intrinsic::Duration));
        let one = |field: &&'q Field| {
            let name = match field {
                Field::Attribute(a) => a.name.as_str(),
                Field::Intrinsic(i) => i.as_str(),
                _ => return None,
            };
            Some((name, self.value(field, rows, span))).filter(|(_, v)| *v != Static::Nil)
        };
        self.shown.iter().filter(told).filter_map(one).collect()
    }

    /// Whether the query speaks of the spans' names.
    pub fn shows_name(&self) -> bool {
        self.shown.iter().any(|f| matches!(f, Field::Intrinsic(Intrinsic::Name)))
    }

    fn pipeline(&self, stages: &[Stage], rows: &Rows<'_>, input: Vec<Selection>) -> Vec<Selection> {
        stages.iter().fold(input, |sets, stage| match stage {
            Stage::Spans(spanset) => sets.iter().flat_map(|set| self.spanset(spanset, rows, set)).collect(),
            Stage::Filter { aggregate, op, value } => {
                sets.into_iter().filter_map(|set| self.filter(aggregate, *op, value, rows, set)).collect()
            }
            Stage::By(field) => sets.iter().flat_map(|set| self.group(field, rows, set)).collect(),
            Stage::Coalesce => {
                let spans: BTreeSet<usize> = sets.iter().flat_map(|s| s.spans.iter().copied()).collect();
                vec![Selection { spans: spans.into_iter().collect(), attributes: Vec::new() }]
            }
            Stage::Select(_) => sets,
        })
    }

    fn spanset(&self, spanset: &Spanset, rows: &Rows<'_>, input: &Selection) -> Vec<Selection> {
        let sets = match spanset {
            Spanset::Filter(field) => {
                let matching = input.spans.iter().copied().filter(|s| self.value(field, rows, *s) == Static::Bool(true)).collect();
                vec![Selection { spans: matching, attributes: input.attributes.clone() }]
            }
            Spanset::Pipeline(stages) => self.pipeline(stages, rows, vec![input.clone()]),
            Spanset::Operation { op, left, right } => {
                let spans = |side| self.spanset(side, rows, input).into_iter().flat_map(|s| s.spans).collect::<BTreeSet<usize>>();
                let combined = combine(*op, rows, &spans(left), &spans(right));
                vec![Selection { spans: combined.into_iter().collect(), attributes: input.attributes.clone() }]
            }
        };
        sets.into_iter().filter(|s| !s.spans.is_empty()).collect()
    }

    fn group(&self, field: &Field, rows: &Rows<'_>, set: &Selection) -> Vec<Selection> {
        let mut groups: Vec<(Static, Selection)> = Vec::new();
        for span in &set.spans {
            let key = self.value(field, rows, *span);
            match groups.iter_mut().find(|(k, _)| *k == key) {
                Some((_, group)) => group.spans.push(*span),
                None => {
                    let mut attributes = set.attributes.clone();
                    attributes.push((format!("by({field})"), key.clone()));
                    groups.push((key, Selection { spans: vec![*span], attributes }));
                }
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    fn filter(&self, aggregate: &Aggregate, op: Operator, with: &Static, rows: &Rows<'_>, mut set: Selection) -> Option<Selection> {
        let value = match aggregate {
            Aggregate::Count => Static::Int(set.spans.len() as i64),
            Aggregate::Of(op, field) => fold(*op, set.spans.iter().map(|s| self.value(field, rows, *s)))?,
        };
        if compare(op, &value, with) != Some(true) {
            return None;
        }
        set.attributes.push((aggregate.to_string(), value));
        Some(set)
    }

    fn value(&self, field: &Field, rows: &Rows<'_>, span: usize) -> Static {
        match field {
            Field::Static(value) => value.clone(),
            Field::Attribute(attribute) => attribute_value(attribute, &rows.spans[span]),
            Field::Intrinsic(intrinsic) => intrinsic_value(*intrinsic, rows, &rows.spans[span]),
            Field::Not(inner) => match self.value(inner, rows, span) {
                Static::Bool(b) => Static::Bool(!b),
                _ => Static::Nil,
            },
            Field::Negate(inner) => match self.value(inner, rows, span) {
                Static::Int(n) => Static::Int(n.wrapping_neg()),
                Static::Float(n) => Static::Float(-n),
                Static::Duration(d) => Static::Duration(d.wrapping_neg()),
                _ => Static::Nil,
            },
            Field::Binary(op, left, right) => self.binary(*op, left, right, rows, span),
        }
    }

    fn binary(&self, op: Operator, left: &Field, right: &Field, rows: &Rows<'_>, span: usize) -> Static {
        let a = self.value(left, rows, span);
        // The right side of these need not be known when the left side decides.
        match (op, &a) {
            (Operator::And, Static::Bool(false)) => return Static::Bool(false),
            (Operator::Or, Static::Bool(true)) => return Static::Bool(true),
            _ => {}
        }
        let b = self.value(right, rows, span);
        if matches!(right, Field::Static(Static::Nil)) {
            return Static::Bool((a == Static::Nil) == (op == Operator::Equal));
        }
        if op.is_arithmetic() {
            return arithmetic(op, &a, &b);
        }
        // Whole numbers and fractions are stored apart: an attribute is compared only with literals of its own kind.
        if let (Field::Attribute(_), Field::Static(_)) = (left, right)
            && matches!((&a, &b), (Static::Int(_), Static::Float(_)) | (Static::Float(_), Static::Int(_)))
        {
            return Static::Bool(false);
        }
        let holds = match (op, &a, &b) {
            (Operator::Regex | Operator::NotRegex, Static::Text(text), Static::Text(pattern)) => {
                self.regexes.get(pattern.as_str()).map(|r| r.is_match(text) == (op == Operator::Regex))
            }
            (Operator::And, Static::Bool(a), Static::Bool(b)) => Some(*a && *b),
            (Operator::Or, Static::Bool(a), Static::Bool(b)) => Some(*a || *b),
            _ => compare(op, &a, &b),
        };
        Static::Bool(holds.unwrap_or(false))
    }
}

/// All fields of a pipeline.
fn fields<'q>(stages: &'q [Stage], visit: &mut dyn FnMut(&'q Field)) {
    for stage in stages {
        match stage {
            Stage::Spans(set) => spanset_fields(set, visit),
            Stage::Filter { aggregate: Aggregate::Of(_, field), .. } | Stage::By(field) => visit(field),
            Stage::Select(fields) => fields.iter().for_each(&mut *visit),
            Stage::Filter { .. } | Stage::Coalesce => {}
        }
    }
}

fn spanset_fields<'q>(set: &'q Spanset, visit: &mut dyn FnMut(&'q Field)) {
    match set {
        Spanset::Filter(field) => visit(field),
        Spanset::Pipeline(stages) => fields(stages, visit),
        Spanset::Operation { left, right, .. } => {
            spanset_fields(left, visit);
            spanset_fields(right, visit);
        }
    }
}

fn collect_patterns<'q>(field: &'q Field, out: &mut Vec<&'q str>) {
    match field {
        Field::Binary(op, left, right) => {
            if let (Operator::Regex | Operator::NotRegex, Field::Static(Static::Text(pattern))) = (op, right.as_ref()) {
                out.push(pattern);
            }
            collect_patterns(left, out);
            collect_patterns(right, out);
        }
        Field::Not(inner) | Field::Negate(inner) => collect_patterns(inner, out),
        _ => {}
    }
}

fn combine(op: SpansetOp, rows: &Rows<'_>, left: &BTreeSet<usize>, right: &BTreeSet<usize>) -> BTreeSet<usize> {
    let above = |of: &BTreeSet<usize>, far: bool| -> BTreeSet<usize> {
        if far { of.iter().flat_map(|s| rows.ancestors(*s)).collect() } else { of.iter().filter_map(|s| rows.parent(*s)).collect() }
    };
    let kept = |keep: &dyn Fn(usize) -> bool| right.iter().copied().filter(|s| keep(*s)).collect();
    match op {
        SpansetOp::And if left.is_empty() || right.is_empty() => BTreeSet::new(),
        SpansetOp::And | SpansetOp::Or => left | right,
        SpansetOp::Child => kept(&|s| rows.parent(s).is_some_and(|p| left.contains(&p))),
        SpansetOp::Descendant => kept(&|s| rows.ancestors(s).any(|a| left.contains(&a))),
        SpansetOp::Parent => &above(left, false) & right,
        SpansetOp::Ancestor => &above(left, true) & right,
        SpansetOp::Sibling => kept(&|s| {
            let parent = rows.parent(s);
            parent.is_some() && left.iter().any(|l| *l != s && rows.parent(*l) == parent)
        }),
    }
}

fn attribute_value(attribute: &Attribute, row: &Row<'_>) -> Static {
    let own = || find(&row.span.attributes, &attribute.name);
    let resource = || find(row.resource, &attribute.name);
    let found = match attribute.scope {
        Scope::Span => own(),
        Scope::Resource => resource(),
        Scope::Any => own().or_else(resource),
    };
    match found {
        Some(Value::String(s)) => Static::Text(s.clone()),
        Some(Value::Bool(b)) => Static::Bool(*b),
        Some(Value::Int(n)) => Static::Int(*n),
        Some(Value::Double(n)) => Static::Float(*n),
        _ => Static::Nil,
    }
}

fn intrinsic_value(intrinsic: Intrinsic, rows: &Rows<'_>, row: &Row<'_>) -> Static {
    let status = row.span.status.as_ref();
    let text = |t: Option<&str>| t.map_or(Static::Nil, |t| Static::Text(t.to_owned()));
    match intrinsic {
        Intrinsic::Name => Static::Text(row.span.name.clone()),
        Intrinsic::Status => Static::Status(status.map_or(0, |s| s.code)),
        Intrinsic::StatusMessage => Static::Text(status.map(|s| s.message.clone()).unwrap_or_default()),
        Intrinsic::Duration => Static::Duration(row.duration()),
        Intrinsic::Kind => Static::Kind(row.span.kind),
        Intrinsic::RootName => text(rows.root_name()),
        Intrinsic::RootService => text(rows.root_service()),
        Intrinsic::TraceDuration => Static::Duration(rows.duration()),
        Intrinsic::TraceId => Static::Text(rows.id.to_string()),
        Intrinsic::SpanId => Static::Text(hex(&row.span.span_id)),
        Intrinsic::ParentId => Static::Text(hex(&row.span.parent_span_id)),
    }
}

/// A span id as 16 hex digits, empty when there is none.
fn hex(id: &[u8]) -> String {
    <[u8; 8]>::try_from(id).map(|bytes| SpanId(u64::from_be_bytes(bytes)).to_string()).unwrap_or_default()
}

fn number(value: &Static) -> Option<f64> {
    match value {
        Static::Int(n) | Static::Duration(n) => Some(*n as f64),
        Static::Float(n) => Some(*n),
        _ => None,
    }
}

fn arithmetic(op: Operator, a: &Static, b: &Static) -> Static {
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
fn compare(op: Operator, a: &Static, b: &Static) -> Option<bool> {
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
fn fold(op: AggregateOp, values: impl Iterator<Item = Static>) -> Option<Static> {
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
