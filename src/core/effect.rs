//! One-shot work that the shell does for the core. Continuous work is a subscription, see [`super::request`].

use compact_str::CompactString;

use super::typed::TypedQuery;
use crate::model::alert::Sound;

use crate::model::{
    backend::SourceError,
    silence::{SilenceChange, SilenceOutcome},
};

/// Queries that the user kept by a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptQueries {
    /// The name.
    pub name: String,
    /// The queries.
    pub queries: Vec<TypedQuery>,
}

/// What came of reading or changing the kept queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptNews {
    /// Their environment.
    pub environment: String,
    /// What was to be kept, or forgotten where there are no queries; none where they were only read.
    pub change: Option<KeptQueries>,
    /// All that are kept now, or why that is not known or was not done.
    pub told: Result<Vec<KeptQueries>, String>,
}

/// What came of reading or adding to the queries that were asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryNews {
    /// Their environment.
    pub environment: String,
    /// All that are on disk now, the newest last, or why that is not known or was not done.
    pub told: Result<Vec<TypedQuery>, String>,
}

/// What the shell is to do once.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Put text into the terminal's clipboard by OSC 52.
    Copy(String),
    /// Make these words heard.
    Sound(Sound, String),
    /// Talk to another environment of the configuration from now on.
    SwitchEnvironment(CompactString),
    /// Keep queries of this environment by a name, in the place of those that have it.
    Keep {
        /// The name.
        name: String,
        /// The queries.
        queries: Vec<TypedQuery>,
    },
    /// Remember on disk that this was asked in this environment.
    Remember(TypedQuery),
    /// Forget the queries kept by a name.
    Forget(String),
    /// Load another theme.
    SwitchTheme(CompactString),
    /// Write to Alertmanager. What comes of it is told as [`super::msg::Event::Write`], also when the view is gone by then.
    Write(Box<Write>),
    /// Stop as Ctrl-Z does.
    Suspend,
    /// End.
    Quit,
}

/// A change that the user has confirmed.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The view that asked, by its number on the stack.
    pub view: u32,
    /// What to change.
    pub change: SilenceChange,
}

/// How a [`Write`] goes.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteNews {
    /// The view that asked.
    pub view: u32,
    /// What happened.
    pub stage: WriteStage,
}

/// Stages of a [`Write`].
#[derive(Clone, Debug, PartialEq)]
pub enum WriteStage {
    /// No answer came: whether it was done is being looked up.
    Looking(SourceError),
    /// It has come to an end.
    Ended(SilenceOutcome),
}
