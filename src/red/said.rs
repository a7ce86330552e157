//! What could not be asked. A question that a server refuses leaves out what it is about, and no more.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::model::backend::{ErrorKind, SourceError};

/// What is left out, in words, and the first refusal.
#[derive(Default)]
pub struct Said(Mutex<(BTreeSet<String>, Option<SourceError>)>);

impl Said {
    /// The answer to a question that fails alone: where the server refuses it there is nothing, and `what` is said of it.
    ///
    /// # Errors
    /// A server that does not answer at all.
    pub fn alone<T: Default>(&self, asked: Result<T, SourceError>, what: impl FnOnce() -> String) -> Result<T, SourceError> {
        match asked {
            Err(e) if fails_alone(&e) => {
                self.note(format!("{}: {}", what(), e.message));
                self.both().1.get_or_insert(e);
                Ok(T::default())
            }
            answered => answered,
        }
    }

    /// Something to be told.
    pub fn note(&self, note: String) {
        self.both().0.insert(note);
    }

    /// All that is to be told, each once.
    pub fn notes(&self) -> Vec<String> {
        self.both().0.iter().cloned().collect()
    }

    /// The first refusal.
    pub fn refused(&self) -> Option<SourceError> {
        self.both().1.clone()
    }

    /// Each change is whole, also where another thread ended in the middle of its own.
    fn both(&self) -> MutexGuard<'_, (BTreeSet<String>, Option<SourceError>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error says nothing of other questions: a query that is too large, a fault of the server at this one, an answer
/// that cannot be read.
fn fails_alone(error: &SourceError) -> bool {
    error.is_of_the_question(true) || matches!(error.kind, ErrorKind::Server(_) | ErrorKind::Decode)
}
