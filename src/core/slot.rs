//! The one home of "asked, answered, failed, stale": every pane's data lives in a slot.

use crate::model::{backend::SourceError, time::Timestamp};

/// Data of a pane. A refresh that fails keeps the last good value, so that the pane is dimmed and dated, not blank.
#[derive(Clone, Debug)]
pub struct Slot<T> {
    value: Option<T>,
    at: Timestamp,
    error: Option<SourceError>,
    failed_since: Option<Timestamp>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { value: None, at: Timestamp::ZERO, error: None, failed_since: None }
    }
}

impl<T: PartialEq> Slot<T> {
    /// Takes an answer. Returns whether anything that is shown has changed.
    pub fn settle(&mut self, at: Timestamp, result: Result<T, SourceError>) -> bool {
        match result {
            Ok(value) => {
                let changed = self.error.is_some() || self.value.as_ref() != Some(&value);
                *self = Self { value: Some(value), at, error: None, failed_since: None };
                changed
            }
            Err(error) => {
                let changed = self.error.as_ref() != Some(&error);
                self.failed_since.get_or_insert(at);
                self.error = Some(error);
                changed
            }
        }
    }
}

impl<T> Slot<T> {
    /// The last good value.
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// Makes another value of the last good one: something else that bears on it became known.
    pub fn amend(&mut self, change: impl FnOnce(&T) -> T) {
        self.value = self.value.as_ref().map(change);
    }

    /// When the last good value arrived.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The failure of the last refresh.
    pub fn error(&self) -> Option<&SourceError> {
        self.error.as_ref()
    }

    /// The first failure since the last good value.
    pub fn failed_since(&self) -> Option<Timestamp> {
        self.failed_since
    }

    /// Whether a good value is shown although the last refresh failed.
    pub fn is_stale(&self) -> bool {
        self.value.is_some() && self.error.is_some()
    }

    /// Whether nothing has been answered yet, neither well nor badly.
    pub fn is_waiting(&self) -> bool {
        self.value.is_none() && self.error.is_none()
    }

    /// Forgets the failure and keeps the value: another question is asked in the same place.
    pub fn forgive(&mut self) {
        self.error = None;
        self.failed_since = None;
    }

    /// Forgets all, for another question.
    pub fn clear(&mut self) {
        self.value = None;
        self.error = None;
        self.failed_since = None;
    }
}
