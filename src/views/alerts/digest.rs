//! What is computed of the alerts once for each answer. A key only picks from it: with 10,000 alerts each of these takes
//! longer than a frame may.

use super::{
    exprs::Exprs,
    rows::{self, Group, Order},
    storm::{self, Calls},
};
use crate::{
    alert_origins::Origin,
    model::{alert::AlertState, alert_book::AlertBook, time::Timestamp},
};

/// What is known of a book as a whole.
#[derive(Default)]
pub(super) struct Digest {
    counts: [usize; 6],
    is_storm: bool,
    before_onset: Option<Timestamp>,
    /// All alerts in the order that was asked for last.
    sorted: Option<(Order, Vec<usize>)>,
    /// Where a storm may come from, once that was asked for.
    origins: Option<Vec<Origin>>,
}

impl Digest {
    /// `in_storm`: there was a storm until now, which is over only when few are left of it.
    pub(super) fn of(book: &AlertBook, in_storm: bool) -> Self {
        let counts = rows::counts(book.alerts.iter());
        let loud = [AlertState::Firing, AlertState::Pending, AlertState::Stale].map(|state| counts[state as usize]).iter().sum::<usize>();
        let is_storm = loud >= if in_storm { storm::CALM } else { storm::STORM };
        Self { counts, is_storm, before_onset: storm::before_onset(book), ..Self::default() }
    }

    /// How many alerts are in each state, in the order of [`AlertState::ALL`].
    pub(super) fn counts(&self) -> &[usize; 6] {
        &self.counts
    }

    /// Whether there are so many alerts that no one reads them one by one.
    pub(super) fn is_storm(&self) -> bool {
        self.is_storm
    }

    /// An instant before a storm began.
    pub(super) fn before_onset(&self) -> Option<Timestamp> {
        self.before_onset
    }

    /// The service graph told something new.
    pub(super) fn forget_origins(&mut self) {
        self.origins = None;
    }

    /// Computes what an order and a grouping need, unless it is known.
    pub(super) fn prepare(&mut self, book: &AlertBook, calls: &Calls, exprs: &Exprs, order: Order, group: Group) {
        if self.sorted.as_ref().is_none_or(|(of, _)| *of != order) {
            self.sorted = Some((order, rows::sorted(book, order, exprs)));
        }
        if group == Group::Origin && self.origins.is_none() {
            self.origins = Some(storm::origins(book, calls));
        }
    }

    /// The places of all alerts in the order that was prepared.
    pub(super) fn sorted(&self) -> &[usize] {
        self.sorted.as_ref().map_or(&[], |(_, places)| places)
    }

    /// The origins that were prepared.
    pub(super) fn origins(&self) -> &[Origin] {
        self.origins.as_deref().unwrap_or_default()
    }
}
