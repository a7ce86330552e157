//! `compare()`: how often each value of each attribute is among the selected spans, and among all others.

use std::collections::BTreeMap;

use super::{
    super::{ast::Static, field::stored, rows::Rows},
    Series, Steps,
};

/// Counts by step.
type Counts = Vec<f64>;

#[derive(Debug, Default)]
struct Attribute {
    /// By the value as it is written, so that series come in order.
    values: BTreeMap<String, (Static, Counts)>,
    total: Counts,
}

/// What was counted: of the others, of the selected.
#[derive(Debug)]
pub struct Comparison {
    steps: Steps,
    sides: [BTreeMap<String, Attribute>; 2],
}

impl Comparison {
    /// Nothing counted.
    pub fn new(steps: Steps) -> Self {
        Self { steps, sides: Default::default() }
    }

    /// Counts all attributes of a span but those that are hardly ever the same.
    pub fn observe(&mut self, rows: &Rows<'_>, span: usize, step: usize, selected: bool, weight: f64) {
        let row = &rows.spans[span];
        let (side, length) = (&mut self.sides[usize::from(selected)], self.steps.count());
        let mut count = |name: String, value: Static| {
            if matches!(value, Static::Nil | Static::Duration(_)) {
                return;
            }
            let attribute = side.entry(name).or_default();
            attribute.total.resize(length, 0.0);
            attribute.total[step] += weight;
            attribute.values.entry(value.to_string()).or_insert_with(|| (value, vec![0.0; length])).1[step] += weight;
        };
        let text = |t: &str| Static::Text(t.to_owned());
        let status = row.span.status.as_ref();
        count("rootName".to_owned(), rows.root_name().map_or(Static::Nil, text));
        count("rootServiceName".to_owned(), rows.root_service().map_or(Static::Nil, text));
        count("name".to_owned(), text(&row.span.name));
        count("kind".to_owned(), Static::Kind(row.span.kind));
        count("status".to_owned(), Static::Status(status.map_or(0, |s| s.code)));
        count("statusMessage".to_owned(), text(status.map_or("", |s| s.message.as_str())));
        if let Some(scope) = row.scope {
            count("instrumentation:name".to_owned(), text(&scope.name));
            count("instrumentation:version".to_owned(), text(&scope.version));
        }
        for (scope, attributes) in [("resource", row.resource), ("span", row.span.attributes.as_slice())] {
            for a in attributes {
                count(format!("{scope}.{}", a.key), stored(a.value.as_ref().and_then(|v| v.value.as_ref())));
            }
        }
    }

    /// The series: of each attribute so many values at most, and how many spans have it at all.
    pub fn finish(self, top: usize) -> Vec<Series> {
        let mut out = Vec::new();
        for (side, [kind, total]) in self.sides.into_iter().zip([["baseline", "baseline_total"], ["selection", "selection_total"]]) {
            let mut push = |kind: &str, name: &str, value: Static, values: Counts| {
                let labels = vec![("__meta_type".to_owned(), Static::Text(kind.to_owned())), (name.to_owned(), value)];
                out.push(Series { labels, values, exemplars: Vec::new() });
            };
            for (name, attribute) in side {
                let mut values: Vec<(Static, Counts)> = attribute.values.into_values().collect();
                // The sort is stable: among equals those that come first in the alphabet are told.
                values.sort_by(|a, b| b.1.iter().sum::<f64>().total_cmp(&a.1.iter().sum()));
                for (value, counts) in values.into_iter().take(top) {
                    push(kind, &name, value, counts);
                }
                push(total, &name, Static::Nil, attribute.total);
            }
        }
        out
    }
}
