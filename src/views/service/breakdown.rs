//! The breakdown by a label.

use std::collections::BTreeMap;

use super::data::Data;
use crate::{
    model::{
        labels::Labels,
        series::{Sample, Vector},
    },
    red::breakdown::{OF_ALL, SUM, VALUES},
    theme::Role,
    ui::{
        format,
        table::{Cell, Column},
    },
    views::{Look, filter::Filter},
};

/// Left out in this order when there is no room: the rate before, the errors before, the share, then the rate.
const COLUMNS: [Column; 8] = [
    Column::text("", 12, 64),
    Column::number("RATE", 9).drop(1),
    Column::number("WAS", 9).drop(4),
    Column::number("ERRORS", 7),
    Column::number("WAS", 6).drop(3),
    Column::number("SHARE", 6).drop(2),
    Column::number("P95", 8),
    Column::number("CHANGE", 7),
];

/// The columns, under the label's name.
pub(super) fn columns(label: &'static str) -> [Column<'static>; 8] {
    let mut columns = COLUMNS;
    columns[0].title = label;
    columns
}

/// How many times as slow as before a value is to be marked, and to come before those that are not; as slow as the median of all
/// values, where nothing is known of before.
const SLOWER: f64 = 2.0;

/// Orders, the next one at each `O`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// Those above the limit of errors, then the slower ones, then the others by what fails.
    #[default]
    Worst,
    Errors,
    Rate,
    P95,
    Change,
    Name,
}

impl Order {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Errors => "most failing first",
            Self::Rate => "by rate",
            Self::P95 => "by p95",
            Self::Change => "by change",
            Self::Name => "by name",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Worst => Self::Errors,
            Self::Errors => Self::Rate,
            Self::Rate => Self::P95,
            Self::P95 => Self::Change,
            Self::Change => Self::Name,
            Self::Name => Self::Worst,
        }
    }
}

/// The figures of one value of the label.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    pub name: String,
    pub rate: Option<f64>,
    rate_before: Option<f64>,
    /// Failing requests a second.
    pub errors: Option<f64>,
    errors_before: Option<f64>,
    /// Of all failing requests of the service, 0 to 1.
    pub share: Option<f64>,
    /// Seconds.
    pub p95: Option<f64>,
    p95_before: Option<f64>,
    /// The median of all values' p95, where nothing is known of before.
    p95_median: Option<f64>,
    /// What its p95 is marked with.
    pub mark: &'static str,
    /// How many values it stands for, where it is what the values without a row of their own are together.
    pub others: Option<u64>,
}

fn ratio(errors: Option<f64>, rate: Option<f64>) -> Option<f64> {
    let rate = rate.filter(|r| *r > 0.0)?;
    Some(errors? / rate)
}

fn times(of: Option<f64>, usual: Option<f64>) -> Option<f64> {
    Some(of? / usual.filter(|u| *u > 0.0)?)
}

impl Row {
    fn fails(&self, above: f64) -> bool {
        ratio(self.errors, self.rate).is_some_and(|share| share >= above)
    }

    fn slower(&self) -> bool {
        self.slowness().is_some_and(|times| times >= SLOWER)
    }

    /// How many times as slow as is usual for it.
    fn slowness(&self) -> Option<f64> {
        self.change().or_else(|| times(self.p95, self.p95_median))
    }

    /// How bad it is: the kind of trouble, and how much of it there is.
    fn badness(&self, limit: f64) -> (u8, f64) {
        match (self.fails(limit), self.slower()) {
            (true, _) => (2, self.errors.unwrap_or(0.0)),
            (false, true) => (1, self.slowness().unwrap_or(0.0)),
            (false, false) => (0, self.errors.unwrap_or(0.0)),
        }
    }

    /// How many times as slow as before.
    fn change(&self) -> Option<f64> {
        times(self.p95, self.p95_before)
    }

    pub(super) fn cell(&self, look: &Look<'_>, service: &str, column: usize) -> Cell<'static> {
        let shared = look.shared;
        let style = |role| shared.theme.style(role);
        let text = |value: Option<f64>, show: fn(f64) -> String, role| {
            Cell::new(value.map_or_else(|| format::MISSING.to_owned(), show), style(role))
        };
        let share = ratio(self.errors, self.rate);
        let failing = self.fails(shared.error_threshold(service));
        match column {
            0 => match self.others {
                Some(n) => Cell::new(format!("{} others", format::count(n)), style(Role::Dim)),
                None => Cell::new(shown(&self.name).to_owned(), style(Role::Text)),
            },
            1 => text(self.rate, format::rate, Role::Text),
            2 => text(self.rate_before, format::rate, Role::Dim),
            3 => text(share, format::percent, if failing { Role::Bad } else { Role::Text }),
            4 => text(ratio(self.errors_before, self.rate_before), format::percent, Role::Dim),
            5 => text(self.share, |v| format!("{:.0} %", v * 100.0), Role::Text),
            6 => {
                let p95 = self.p95.map_or_else(|| format::MISSING.to_owned(), |p95| format!("{}{}", self.mark, format::seconds(p95)));
                Cell::new(p95, style(if self.slower() { Role::Warn } else { Role::Text }))
            }
            _ => {
                let change = self.change().map_or_else(|| format::MISSING.to_owned(), |c| format::change(c, 1.0));
                Cell::new(change, style(if self.slower() { Role::Warn } else { Role::Text }))
            }
        }
    }
}

/// A value's name, also where the label is empty.
pub(super) fn shown(name: &str) -> &str {
    if name.is_empty() { "(none)" } else { name }
}

/// The rows, from what was answered. `limit` is the share of failing requests, 0 to 1, from which a value is bad.
pub(super) fn rows(data: &Data, label: &str, filter: &Filter, order: Order, limit: f64) -> Vec<Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut fill = |vector: Option<&Vector>, set: fn(&mut Row, f64), new: bool| {
        for (labels, sample) in vector.into_iter().flat_map(values).filter(|(_, s)| s.value.is_finite()) {
            let name = labels.get(label).unwrap_or("");
            if new {
                rows.entry(name.to_owned()).or_default();
            }
            if let Some(row) = rows.get_mut(name) {
                set(row, sample.value);
            }
        }
    };
    fill(data.rows[0].value(), |r, v| r.rate = Some(v), true);
    fill(data.rows[1].value(), |r, v| r.errors = Some(v), true);
    // Durations may lack the label: all of them together are no value of it.
    fill(data.rows[2].value(), |r, v| r.p95 = Some(v), data.rows[0].value().is_none());
    fill(data.rows_before[0].value(), |r, v| r.rate_before = Some(v), false);
    fill(data.rows_before[1].value(), |r, v| r.errors_before = Some(v), false);
    fill(data.rows_before[2].value(), |r, v| r.p95_before = Some(v), false);
    let median = median(rows.values().filter_map(|r| r.p95));
    for row in rows.values_mut().filter(|r| r.p95_before.is_none()) {
        row.p95_median = median;
    }
    let others = others(data, &rows);
    let failing: f64 = rows.values().chain(&others).filter_map(|r| r.errors).sum();
    let finished = |row: Row| Row { share: (failing > 0.0).then(|| row.errors.unwrap_or(0.0) / failing), ..row };
    let named = rows.into_iter().map(|(name, row)| finished(Row { name, ..row }));
    let mut out: Vec<Row> = named.filter(|r| filter.passes_one(label, &r.name)).collect();
    sort(&mut out, order, limit);
    // Nobody knows what is among them: they come last in any order, and no filter hides them.
    out.extend(others.map(finished));
    out
}

/// The lower median; `None` of fewer than three, of which none can be said to be the odd one.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    (sorted.len() >= 3).then(|| sorted[(sorted.len() - 1) / 2])
}

/// What an answer tells of values, each by itself.
pub(super) fn values(vector: &Vector) -> impl Iterator<Item = &(Labels, Sample)> {
    vector.elements.iter().filter(|(labels, _)| labels.get(OF_ALL).is_none())
}

/// All values without a row of their own as one; `None`: there are none.
fn others(data: &Data, rows: &BTreeMap<String, Row>) -> Option<Row> {
    let of_all = |figure: usize, what: &str| {
        let told = data.rows[figure].value()?.elements.iter().find(|(labels, _)| labels.get(OF_ALL) == Some(what));
        told.map(|(_, sample)| sample.value)
    };
    let rest = |sum: f64, value: fn(&Row) -> Option<f64>| (sum - rows.values().filter_map(value).sum::<f64>()).max(0.0);
    let all = of_all(0, VALUES)?.max(0.0) as u64;
    let many = all.checked_sub(rows.len() as u64).filter(|n| *n > 0)?;
    // Where nothing failed there is no sum of it.
    let failed = data.rows[1].value().map(|_| of_all(1, SUM).unwrap_or(0.0));
    Some(Row {
        rate: of_all(0, SUM).map(|sum| rest(sum, |r| r.rate)),
        errors: failed.map(|sum| rest(sum, |r| r.errors)),
        others: Some(many),
        ..Row::default()
    })
}

fn sort(out: &mut [Row], order: Order, limit: f64) {
    let by = |value: fn(&Row) -> Option<f64>| move |a: &Row, b: &Row| value(b).unwrap_or(-1.0).total_cmp(&value(a).unwrap_or(-1.0));
    let rate = by(|r| r.rate);
    match order {
        Order::Worst => out.sort_by(|a, b| {
            let ((kind, amount), (other, least)) = (b.badness(limit), a.badness(limit));
            kind.cmp(&other).then(amount.total_cmp(&least)).then_with(|| rate(a, b))
        }),
        Order::Errors => {
            let errors = by(|r| r.errors);
            out.sort_by(|a, b| errors(a, b).then_with(|| rate(a, b)));
        }
        Order::Rate => out.sort_by(rate),
        Order::P95 => out.sort_by(by(|r| r.p95)),
        Order::Change => out.sort_by(by(Row::change)),
        Order::Name => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, rate: f64, errors: f64, slower: f64) -> Row {
        Row {
            name: name.to_owned(),
            rate: Some(rate),
            errors: Some(errors),
            p95: Some(0.03 * slower),
            p95_before: Some(0.03),
            ..Row::default()
        }
    }

    fn sorted(order: Order, mut rows: Vec<Row>) -> Vec<String> {
        sort(&mut rows, order, 0.01);
        rows.into_iter().map(|r| r.name).collect()
    }

    #[test]
    fn a_slow_pod_comes_before_one_whose_few_failures_are_below_the_limit() {
        let rows = || {
            vec![row("few", 28.0, 0.06, 1.1), row("busy", 90.0, 0.0, 1.0), row("slow", 29.0, 0.03, 11.0), row("failing", 3.0, 0.05, 1.0)]
        };
        assert_eq!(sorted(Order::Worst, rows()), ["failing", "slow", "few", "busy"]);
        assert_eq!(sorted(Order::Errors, rows()), ["few", "failing", "slow", "busy"]);
    }

    #[test]
    fn of_new_pods_the_slow_one_comes_first_and_is_marked_though_nothing_is_known_of_before() {
        let new =
            |name: &str, errors: f64, slower: f64| Row { p95_before: None, p95_median: Some(0.03), ..row(name, 30.0, errors, slower) };
        let rows = || vec![new("few", 0.06, 1.1), new("usual", 0.0, 1.0), new("slow", 0.0, 11.0)];
        assert_eq!(sorted(Order::Worst, rows()), ["slow", "few", "usual"]);
        assert_eq!(rows().iter().map(Row::slower).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!((median([0.3, 0.03, 0.04].into_iter()), median([0.3, 0.03].into_iter())), (Some(0.04), None));
    }
}
