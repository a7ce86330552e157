//! What a user types to ask a backend.

/// The language of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Of Prometheus and its kin.
    #[default]
    PromQl,
    /// Of Loki.
    LogQl,
    /// Of Tempo.
    TraceQl,
}

impl Language {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PromQl => "PromQL",
            Self::LogQl => "LogQL",
            Self::TraceQl => "TraceQL",
        }
    }

    /// The option of the command line that takes a query of it.
    pub const fn option(self) -> &'static str {
        match self {
            Self::PromQl | Self::TraceQl => "--query",
            Self::LogQl => "--logql",
        }
    }

    /// The other one of numbers over time; of TraceQL there is none.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::PromQl => Self::LogQl,
            Self::LogQl => Self::PromQl,
            Self::TraceQl => Self::TraceQl,
        }
    }
}

/// A query with its language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedQuery {
    /// What it is written in.
    pub language: Language,
    /// The query.
    pub text: String,
}

impl TypedQuery {
    /// A query of Prometheus.
    pub fn promql(text: impl Into<String>) -> Self {
        Self { language: Language::PromQl, text: text.into() }
    }

    /// A query of Loki.
    pub fn logql(text: impl Into<String>) -> Self {
        Self { language: Language::LogQl, text: text.into() }
    }

    /// A query of Tempo.
    pub fn traceql(text: impl Into<String>) -> Self {
        Self { language: Language::TraceQl, text: text.into() }
    }
}
