//! A result as it is read: which labels differ, in which order, what the filter leaves.

use std::collections::{BTreeMap, BTreeSet};

use compact_str::CompactString;

use super::super::filter::Filter;
use crate::{
    model::{
        explored::{Explored, Value},
        labels::Labels,
        series::Matrix,
        time::Timestamp,
    },
    ui::chart::value_at,
};

/// Orders, the next one at each `O`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Largest,
    Smallest,
    Labels,
    Answer,
}

impl Order {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Largest => "largest first",
            Self::Smallest => "smallest first",
            Self::Labels => "by labels",
            Self::Answer => "as answered",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Largest => Self::Smallest,
            Self::Smallest => Self::Labels,
            Self::Labels => Self::Answer,
            Self::Answer => Self::Largest,
        }
    }
}

/// One series of a result.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub labels: Labels,
    pub value: Value,
    /// Its place in the answer.
    pub place: usize,
}

/// A result, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// Labels that all series have alike.
    pub common: Labels,
    /// Names of the labels that differ.
    pub names: Vec<CompactString>,
    /// What the filter leaves, in order.
    pub rows: Vec<Row>,
    /// How many series there are before the filter.
    pub all: usize,
}

impl Reading {
    /// Reads an answer; of a graph the values at an instant, or the last ones.
    pub(super) fn new(data: &Explored, order: Order, filter: &Filter, at: Option<Timestamp>) -> Self {
        let mut rows = rows(data, at);
        let all = rows.len();
        let (common, names) = labels(&rows);
        rows.retain(|row| filter.passes(&row.labels, std::iter::empty()));
        sort(&mut rows, order);
        Self { common, names, rows, all }
    }
}

fn rows(data: &Explored, at: Option<Timestamp>) -> Vec<Row> {
    match data {
        Explored::Graph { matrix, .. } => {
            let value = |i: usize| Value::Number(figure(matrix, i, at).unwrap_or(f64::NAN));
            let row = |(i, s): (usize, &crate::model::series::Series)| Row { labels: s.labels.clone(), value: value(i), place: i };
            matrix.series.iter().enumerate().map(row).collect()
        }
        Explored::Table(table) => {
            let row = |(i, (labels, value)): (usize, &(Labels, Value))| Row { labels: labels.clone(), value: value.clone(), place: i };
            table.rows.iter().enumerate().map(row).collect()
        }
        Explored::Scalar(sample, _) => vec![Row { labels: Labels::new(), value: Value::Number(sample.value), place: 0 }],
        Explored::Text(..) => Vec::new(),
    }
}

/// The value of a line at an instant, or its last one.
pub(super) fn figure(matrix: &Matrix, line: usize, at: Option<Timestamp>) -> Option<f64> {
    let series = matrix.series.get(line)?;
    match at {
        Some(at) => value_at(&series.samples, at, matrix.step),
        None => series.samples.last().map(|s| s.value),
    }
}

/// The labels that all rows have alike, and the names of the others: the metric's first, then those with most values.
fn labels(rows: &[Row]) -> (Labels, Vec<CompactString>) {
    let mut values: BTreeMap<&str, (BTreeSet<&str>, usize)> = BTreeMap::new();
    for row in rows {
        for (name, value) in row.labels.iter() {
            let (seen, count) = values.entry(name).or_default();
            seen.insert(value);
            *count += 1;
        }
    }
    let (common, differ): (Vec<_>, Vec<_>) = values.into_iter().partition(|(_, (seen, count))| seen.len() == 1 && *count == rows.len());
    let common = common.into_iter().filter_map(|(name, (seen, _))| Some((name, *seen.first()?))).collect();
    (common, differ.into_iter().map(|(name, _)| name.into()).collect())
}

fn sort(rows: &mut [Row], order: Order) {
    // NaN is neither large nor small: it comes last.
    let number = |row: &Row| row.value.number().filter(|v| !v.is_nan());
    let missing = |a: &Row, b: &Row| number(a).is_none().cmp(&number(b).is_none());
    let larger = |a: &Row, b: &Row| number(b).unwrap_or(0.0).total_cmp(&number(a).unwrap_or(0.0));
    match order {
        Order::Largest => rows.sort_by(|a, b| missing(a, b).then_with(|| larger(a, b)).then_with(|| a.labels.cmp(&b.labels))),
        Order::Smallest => rows.sort_by(|a, b| missing(a, b).then_with(|| larger(b, a)).then_with(|| a.labels.cmp(&b.labels))),
        Order::Labels => rows.sort_by(|a, b| a.labels.cmp(&b.labels)),
        Order::Answer => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::explored::{Table, Total};

    fn table(rows: &[(&[(&str, &str)], f64)]) -> Explored {
        let rows: Vec<_> = rows.iter().map(|(l, v)| (l.iter().copied().collect::<Labels>(), Value::Number(*v))).collect();
        Explored::Table(Table { total: Total { series: rows.len(), cut: false }, rows, warnings: Vec::new() })
    }

    #[test]
    fn what_is_alike_is_said_once_and_nan_is_last() {
        let data = table(&[
            (&[("job", "shop"), ("pod", "a")], f64::NAN),
            (&[("job", "shop"), ("pod", "b")], 1.0),
            (&[("job", "shop"), ("pod", "c"), ("zone", "z")], f64::INFINITY),
        ]);
        let read = Reading::new(&data, Order::Largest, &Filter::default(), None);
        assert_eq!(read.common, [("job", "shop")].into_iter().collect());
        assert_eq!(read.names, ["pod", "zone"]);
        let pods = |read: &Reading| read.rows.iter().map(|r| r.labels.get("pod").unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(pods(&read), ["c", "b", "a"]);
        assert_eq!(pods(&Reading::new(&data, Order::Smallest, &Filter::default(), None)), ["b", "c", "a"]);
        assert_eq!(pods(&Reading::new(&data, Order::Answer, &Filter::default(), None)), ["a", "b", "c"]);
    }

    #[test]
    fn the_filter_hides_rows_and_keeps_the_columns() {
        let data = table(&[(&[("pod", "a")], 1.0), (&[("pod", "b")], 2.0)]);
        let mut filter = Filter::default();
        filter.paste("pod=b");
        let read = Reading::new(&data, Order::Largest, &filter, None);
        assert_eq!((read.rows.len(), read.all, read.names.len()), (1, 2, 1));
    }
}
