//! Label sets as operators change them.

use std::{collections::HashMap, sync::Arc};

use promql_parser::parser::LabelModifier;

use super::{QueryError, eval::Column};
use crate::model::labels::Labels;

/// The labels that say what a metric is; they go when an operation makes something else of it.
const METADATA: [&str; 3] = ["__name__", "__type__", "__unit__"];

/// Without the metric's name.
pub fn without_name(labels: &Arc<Labels>) -> Arc<Labels> {
    if METADATA.iter().all(|name| labels.get(name).is_none()) {
        return labels.clone();
    }
    Arc::new(labels.iter().filter(|(n, _)| !METADATA.contains(n)).collect())
}

/// Only the named labels.
pub fn only(labels: &Labels, names: &[String]) -> Labels {
    labels.iter().filter(|(n, _)| names.iter().any(|name| name == n)).collect()
}

/// All but the named labels.
pub fn except(labels: &Labels, names: &[String]) -> Labels {
    labels.iter().filter(|(n, _)| !names.iter().any(|name| name == n)).collect()
}

/// The labels of an aggregation's group.
pub fn group(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    match modifier {
        None => Labels::new(),
        Some(LabelModifier::Include(names)) => only(labels, &names.labels),
        Some(LabelModifier::Exclude(names)) => {
            let mut kept = except(labels, &names.labels);
            kept.remove("__name__");
            kept
        }
    }
}

/// The labels that two sides of an operation are matched by.
pub fn signature(labels: &Labels, matching: Option<&LabelModifier>) -> Labels {
    match matching {
        Some(LabelModifier::Include(names)) => only(labels, &names.labels),
        Some(LabelModifier::Exclude(_)) | None => {
            group(labels, Some(&matching.cloned().unwrap_or_else(|| LabelModifier::exclude(Vec::new()))))
        }
    }
}

/// Sets a label; the empty value removes it.
pub fn set(labels: &mut Labels, name: &str, value: &str) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.set(name, value);
    }
}

/// Joins columns that have come to have the same labels.
///
/// # Errors
/// Two of them have a value at the same step.
pub fn merge(columns: Vec<Column>) -> Result<Vec<Column>, QueryError> {
    let mut places: HashMap<Arc<Labels>, usize> = HashMap::with_capacity(columns.len());
    let mut out: Vec<Column> = Vec::with_capacity(columns.len());
    for column in columns {
        let Some(&place) = places.get(&column.labels) else {
            places.insert(column.labels.clone(), out.len());
            out.push(column);
            continue;
        };
        for step in 0..column.values.len() {
            let Some(point) = column.point(step) else { continue };
            if out[place].has(step) {
                return Err(same_labels());
            }
            out[place].set(step, Some(point));
        }
    }
    Ok(out)
}

/// Two results would have the same labels.
pub fn same_labels() -> QueryError {
    QueryError::Execution("vector cannot contain metrics with the same labelset".into())
}
