//! The orders of Services.

use super::rank::Row;

/// Orders, the next one at each `O`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Worst,
    Rate,
    Errors,
    P95,
    Name,
}

impl Order {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Worst => "worst first",
            Self::Rate => "by rate",
            Self::Errors => "by error share",
            Self::P95 => "by p95",
            Self::Name => "by name",
        }
    }

    /// What a column's heading orders by.
    pub(super) const fn of(column: usize) -> Self {
        match column {
            0 => Self::Name,
            1 | 2 => Self::Rate,
            3 | 4 => Self::Errors,
            5 | 6 => Self::P95,
            _ => Self::Worst,
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Worst => Self::Rate,
            Self::Rate => Self::Errors,
            Self::Errors => Self::P95,
            Self::P95 => Self::Name,
            Self::Name => Self::Worst,
        }
    }

    /// Puts rows in this order that are in the usual one, the worst first.
    pub(super) fn sort(self, rows: &mut [Row]) {
        let by = |value: fn(&Row) -> Option<f64>| move |a: &Row, b: &Row| value(b).unwrap_or(-1.0).total_cmp(&value(a).unwrap_or(-1.0));
        match self {
            Self::Worst => {}
            Self::Rate => rows.sort_by(by(|r| r.rate)),
            Self::Errors => rows.sort_by(by(Row::error_share)),
            Self::P95 => rows.sort_by(by(|r| r.p95)),
            Self::Name => rows.sort_by(|a, b| a.service.cmp(&b.service)),
        }
    }
}
