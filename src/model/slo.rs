//! Service level objectives.

use std::time::Duration;

/// What stands for the length of time that an objective's query is asked over.
pub const WINDOW: &str = "$window";

/// An objective, as the user wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// Its name, unique.
    pub name: String,
    /// The service it is about; `None`: its queries tell.
    pub service: Option<String>,
    /// What was good, as PromQL; [`WINDOW`] may stand in it.
    pub good: String,
    /// All there was, in the same way.
    pub total: String,
    /// The share that is to be good, above 0 and below 1.
    pub target: f64,
    /// Over which time.
    pub window: Duration,
}

impl Slo {
    /// A query of an objective with a length of time in the place of [`WINDOW`].
    pub fn over(query: &str, window: &str) -> String {
        query.replace(WINDOW, window)
    }
}
