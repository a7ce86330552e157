//! What is read from the expressions of rules, each once.

use std::{cmp::Ordering, collections::HashMap};

use crate::{
    alert_expr::{Anatomy, Comparison, Limit, Quantity, Split},
    model::{
        alert::{Alert, Engine},
        alert_book::AlertBook,
    },
    ui::{chart::Unit, format},
};

/// Expressions by their text.
#[derive(Debug, Default)]
pub(super) struct Exprs(HashMap<String, Anatomy>);

/// How far a value is beyond its limit, comparable between values of any unit: the way from the limit to the value as a
/// share of both their sizes, `(v - l) / (|v| + |l|)`. Three times a limit and a third of one that it must not fall below
/// are as far, 0.5; so are limits below zero. Beyond a limit of zero, or on its other side, everything is infinitely many
/// times it, 1: of those the longer way is further. What equals its limit is not beyond it, what does not hold is before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Excess {
    share: f64,
    way: f64,
}

impl Excess {
    fn of(value: f64, comparison: Comparison, limit: f64) -> Option<Self> {
        let way = match comparison {
            Comparison::Above | Comparison::AtLeast => value - limit,
            Comparison::Below | Comparison::AtMost => limit - value,
            Comparison::NotEqual => (value - limit).abs(),
            Comparison::Equal => return None,
        };
        let both = value.abs() + limit.abs();
        let share = match () {
            () if way.is_infinite() => way.signum(),
            () if way == 0.0 => 0.0,
            () => way / both,
        };
        (!way.is_nan()).then_some(Self { share, way })
    }
}

impl PartialEq for Excess {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Excess {}

impl PartialOrd for Excess {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Excess {
    fn cmp(&self, other: &Self) -> Ordering {
        self.share.total_cmp(&other.share).then(self.way.total_cmp(&other.way))
    }
}

impl Exprs {
    /// Reads those of a book that are new, and forgets those that are gone.
    pub(super) fn learn(&mut self, book: &AlertBook) {
        let mut known = std::mem::take(&mut self.0);
        for rule in &book.rules {
            if !self.0.contains_key(&rule.query) {
                let read = known.remove(&rule.query).unwrap_or_else(|| Anatomy::of_rule(rule));
                self.0.insert(rule.query.clone(), read);
            }
        }
    }

    /// What was read of an alert's expression.
    pub(super) fn of(&self, alert: &Alert) -> Option<&Anatomy> {
        self.0.get(&alert.rule.as_ref()?.query)
    }

    /// The comparison of an alert's expression that is shown.
    pub(super) fn split(&self, alert: &Alert) -> Option<&Split> {
        self.of(alert)?.main(alert.value)
    }

    /// All numbers that the shown value is held against.
    pub(super) fn limits<'a>(&'a self, alert: &Alert) -> impl Iterator<Item = (Comparison, f64)> + 'a {
        self.of(alert).zip(self.split(alert)).into_iter().flat_map(|(read, split)| read.limits(split))
    }

    /// What the shown value is.
    pub(super) fn unit(&self, alert: &Alert) -> Unit {
        let quantity = self.split(alert).map(|s| s.quantity).or_else(|| self.of(alert).map(|a| a.quantity));
        match quantity.unwrap_or_default() {
            Quantity::Number => Unit::Plain,
            Quantity::Share => Unit::Share,
            Quantity::Seconds => Unit::Seconds,
        }
    }

    /// `8.42 s > 1 s`, or the value alone.
    pub(super) fn value_text(&self, alert: &Alert) -> String {
        let Some(value) = alert.value else { return format::MISSING.to_owned() };
        match self.split(alert) {
            Some(Split { is_own: false, .. }) => Unit::Plain.show(value),
            Some(Split { comparison, limit: Limit::Number(limit), .. }) => {
                let unit = self.unit(alert);
                format!("{} {} {}", unit.show(value), comparison.as_str(), unit.constant(*limit))
            }
            _ => self.unit(alert).show(value),
        }
    }

    /// How far the value is beyond its threshold; `None` where that cannot be told.
    pub(super) fn excess(&self, alert: &Alert) -> Option<Excess> {
        let split = self.split(alert).filter(|s| s.is_own)?;
        let Limit::Number(limit) = split.limit else { return None };
        Excess::of(alert.value?, split.comparison, limit)
    }

    /// What is drawn of an alert's expression: its value's side, or all of it, and its limit's where that is a query.
    pub(super) fn queries(&self, alert: &Alert) -> (Option<String>, Option<String>) {
        let Some(rule) = &alert.rule else { return (None, None) };
        match self.split(alert) {
            // LogQL that is not taken apart is shown and not drawn: it may read any amount of lines.
            None if rule.engine == Engine::Loki => (None, None),
            Some(Split { value, limit: Limit::Query(limit), .. }) => (Some(value.clone()), Some(limit.clone())),
            Some(Split { value, .. }) => (Some(value.clone()), None),
            None => (Some(rule.query.clone()), None),
        }
    }

    /// What is drawn beside an alert in the list: only of Prometheus, for Loki would read the lines of an hour for each.
    pub(super) fn trend(&self, alert: &Alert) -> Option<String> {
        alert.rule.as_ref().filter(|r| r.engine == Engine::Prometheus).and_then(|_| self.queries(alert).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INF: f64 = f64::INFINITY;

    #[test]
    fn how_far_beyond_is_comparable_around_zero_and_below_it() {
        use Comparison::{Above, AtMost, Below, NotEqual};
        let excess = |(value, comparison, limit)| Excess::of(value, comparison, limit).unwrap();
        for (further, nearer) in [
            ((15.0, Above, 5.0), (10.0, Above, 5.0)),
            ((15.0, Above, 5.0), (0.1, Above, 0.05)),
            ((0.1, Below, 0.9), (0.5, Below, 0.9)),
            ((0.1, Below, 0.9), (20.0, Above, 5.0)),
            // Of a limit of zero the longer way is further, and further than any multiple.
            ((7.0, Above, 0.0), (3.0, Above, 0.0)),
            ((-9.0, Below, 0.0), (-2.0, Below, 0.0)),
            ((3.0, Above, 0.0), (3000.0, Above, 1.0)),
            // Limits below zero, to either side.
            ((-1.0, Above, -5.0), (-4.0, Above, -5.0)),
            ((-20.0, Below, -5.0), (-6.0, Below, -5.0)),
            ((2.0, Above, -5.0), (-0.1, Above, -5.0)),
            ((50.0, Above, -5.0), (5.0, Above, -5.0)),
            ((-50.0, AtMost, 5.0), (-5.0, AtMost, 5.0)),
            ((0.0, Below, 5.0), (0.1, Below, 5.0)),
            ((INF, Above, 5.0), (1e300, Above, 5.0)),
            ((-INF, Below, 0.0), (-1e300, Below, 0.0)),
            ((9.0, NotEqual, 1.0), (2.0, NotEqual, 1.0)),
            // On the limit is nearer than beyond, and further than what does not hold.
            ((5.1, Above, 5.0), (5.0, AtMost, 5.0)),
            ((5.0, AtMost, 5.0), (4.0, Above, 5.0)),
            ((0.0, AtMost, 0.0), (-1.0, Above, 0.0)),
        ] {
            assert!(excess(further) > excess(nearer), "{further:?} {nearer:?}");
        }
        assert_eq!(excess((15.0, Above, 5.0)).share, excess((5.0, Below, 15.0)).share, "three times and a third");
        assert!(Excess::of(f64::NAN, Above, 1.0).is_none() && Excess::of(0.0, Comparison::Equal, 0.0).is_none());
    }
}
