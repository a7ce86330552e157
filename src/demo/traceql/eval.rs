//! Which spans of a trace a query selects.

use std::collections::BTreeSet;

use super::{
    ast::{Aggregate, Field, Function, Intrinsic, Operator, Query, Spanset, Stage, Static},
    field::Expressions,
    rows::Rows,
    structure::combine,
    value::{compare, fold},
};
use crate::demo::grammar::ParseError;

/// A query made ready to run: its regular expressions are compiled.
#[derive(Debug)]
pub struct Evaluator<'q> {
    query: &'q Query,
    /// Its expressions.
    pub expressions: Expressions<'q>,
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
        let (mut expressions, mut all, mut shown) = (Expressions::default(), Vec::new(), Vec::new());
        fields(&query.pipeline, &mut |field| all.push(field));
        for field in all {
            expressions.prepare(field)?;
            field.references(&mut |f| {
                if !shown.contains(&f) {
                    shown.push(f);
                }
            });
        }
        if let Some(Function::Compare { selection, .. }) = query.metrics.as_ref().map(|m| &m.function) {
            expressions.prepare(selection)?;
        }
        Ok(Self { query, expressions, shown })
    }

    /// The sets of spans that the query selects; none when the trace does not match.
    pub fn select(&self, rows: &Rows<'_>) -> Vec<Selection> {
        let all = Selection { spans: (0..rows.spans.len()).collect(), attributes: Vec::new() };
        let found = self.pipeline(&self.query.pipeline, rows, vec![all]);
        found.into_iter().filter(|s| !s.spans.is_empty()).collect()
    }

    /// The attributes that the query speaks of, as this span has them.
    pub fn shown(&self, rows: &Rows<'_>, span: usize) -> Vec<(&'q str, Static)> {
        let told = |field: &&&'q Field| !matches!(field, Field::Intrinsic(i) if is_told_anyway(*i));
        let one = |field: &&'q Field| {
            let name = match field {
                Field::Attribute(a) => a.name.as_str(),
                Field::Intrinsic(i) => i.as_str(),
                _ => return None,
            };
            Some((name, self.expressions.value(field, rows, span))).filter(|(_, v)| *v != Static::Nil)
        };
        self.shown.iter().filter(told).filter_map(one).collect()
    }

    /// The attributes and properties that the query chooses spans by.
    pub fn references(&self) -> &[&'q Field] {
        &self.shown
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
                let matching = input.spans.iter().copied().filter(|s| self.expressions.holds(field, rows, *s)).collect();
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
            let key = self.expressions.value(field, rows, *span);
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
            Aggregate::Of(op, field) => fold(*op, set.spans.iter().map(|s| self.expressions.value(field, rows, *s)))?,
        };
        if compare(op, &value, with) != Some(true) {
            return None;
        }
        set.attributes.push((aggregate.to_string(), value));
        Some(set)
    }
}

/// Whether every hit says so of its span or its trace.
const fn is_told_anyway(intrinsic: Intrinsic) -> bool {
    matches!(
        intrinsic,
        Intrinsic::Name
            | Intrinsic::Duration
            | Intrinsic::TraceDuration
            | Intrinsic::RootService
            | Intrinsic::RootName
            | Intrinsic::TraceId
            | Intrinsic::SpanId
    )
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
