//! What could not be asked. A question that a server does not answer leaves out what it is about, and no more.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Unanswered;
use crate::model::backend::{ErrorKind, SourceError};

/// What is left out.
#[derive(Default)]
pub struct Said(Mutex<LeftOut>);

#[derive(Default)]
struct LeftOut {
    /// In words.
    notes: BTreeSet<String>,
    /// What the next answer may have.
    unanswered: BTreeSet<Unanswered>,
    /// The first failure.
    error: Option<SourceError>,
}

impl Said {
    /// The answer to a question that fails alone: where there is none it is empty, and `what` is said of it. Where the server
    /// may answer it the next time, what it is `about` lacks something until then.
    ///
    /// # Errors
    /// A server that does not answer at all.
    pub fn alone<T: Default>(
        &self,
        asked: Result<T, SourceError>,
        about: impl IntoIterator<Item = Unanswered>,
        what: impl FnOnce() -> String,
    ) -> Result<T, SourceError> {
        match asked {
            Err(e) if fails_alone(&e) => {
                self.note(format!("{}: {}", what(), e.message));
                self.lacks(&e, about);
                self.all().error.get_or_insert(e);
                Ok(T::default())
            }
            answered => answered,
        }
    }

    /// After an error that may pass, what the question was `about` may lack something that is there.
    pub fn lacks(&self, error: &SourceError, about: impl IntoIterator<Item = Unanswered>) {
        if error.is_transient() && !matches!(error.kind, ErrorKind::NotFound) {
            self.all().unanswered.extend(about);
        }
    }

    /// Something to be told.
    pub fn note(&self, note: String) {
        self.all().notes.insert(note);
    }

    /// All that is to be told, each once.
    pub fn notes(&self) -> Vec<String> {
        self.all().notes.iter().cloned().collect()
    }

    /// What may lack something, each once.
    pub fn unanswered(&self) -> BTreeSet<Unanswered> {
        self.all().unanswered.clone()
    }

    /// The first failure.
    pub fn error(&self) -> Option<SourceError> {
        self.all().error.clone()
    }

    /// Each change is whole, also where another thread ended in the middle of its own.
    fn all(&self) -> MutexGuard<'_, LeftOut> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error says nothing of other questions: a query that is too large, a fault of the server at this one, an answer
/// that cannot be read.
fn fails_alone(error: &SourceError) -> bool {
    error.is_of_the_question(true) || matches!(error.kind, ErrorKind::Server(_) | ErrorKind::Decode)
}
