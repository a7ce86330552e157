//! Log lines.

use std::{sync::Arc, time::Duration};

use super::{
    backend::SourceError,
    labels::Labels,
    opened::OpenedFile,
    time::{TimeRange, Timestamp},
    trace::{SpanId, TraceId},
};

/// How bad a line says it is. Ordered: `Error > Warn`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Nothing tells.
    #[default]
    Unknown,
    /// Trace.
    Trace,
    /// Debug.
    Debug,
    /// Info.
    Info,
    /// Warn.
    Warn,
    /// Error.
    Error,
    /// Critical, fatal, panic.
    Fatal,
}

/// How levels are spelled, in any case.
const WORDS: [(&str, Level); 22] = [
    ("trace", Level::Trace),
    ("trc", Level::Trace),
    ("debug", Level::Debug),
    ("dbg", Level::Debug),
    ("dbug", Level::Debug),
    ("info", Level::Info),
    ("inf", Level::Info),
    ("information", Level::Info),
    ("notice", Level::Info),
    ("warn", Level::Warn),
    ("warning", Level::Warn),
    ("wrn", Level::Warn),
    ("error", Level::Error),
    ("err", Level::Error),
    ("eror", Level::Error),
    ("severe", Level::Error),
    ("fatal", Level::Fatal),
    ("critical", Level::Fatal),
    ("crit", Level::Fatal),
    ("panic", Level::Fatal),
    ("emerg", Level::Fatal),
    ("alert", Level::Fatal),
];

impl Level {
    /// How what is less bad than this is spelled.
    pub fn words_below(self) -> impl Iterator<Item = &'static str> {
        WORDS.iter().filter(move |(_, level)| *level < self).map(|(word, _)| *word)
    }

    /// From any of the usual spellings, in any case.
    pub fn parse(word: &str) -> Option<Self> {
        WORDS.iter().find(|(w, _)| w.eq_ignore_ascii_case(word)).map(|(_, l)| *l)
    }

    /// The lower-case name, as queries and exports use it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// One log line as Loki holds it. Text is as received: it is made harmless where it is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogLine {
    /// When, to the nanosecond.
    pub at: Timestamp,
    /// Labels of its stream, shared by all lines of the stream.
    pub stream: Arc<Labels>,
    /// Structured metadata.
    pub metadata: Labels,
    /// The line.
    pub text: Box<str>,
    /// From `detected_level`, a label, or the text.
    pub level: Level,
    /// The trace it belongs to, wherever the id was found.
    pub trace: Option<TraceId>,
    /// The span it belongs to.
    pub span: Option<SpanId>,
    /// Where the trace id was found: "structured metadata", "label app", "JSON field traceId", "text".
    pub trace_from: Option<&'static str>,
    /// How many lines that agree with it in all else, its instant too, the same answer of Loki holds before it: a query that
    /// drops labels may have several.
    pub copy: u32,
}

/// What the joined stream of history and tail tells.
#[derive(Clone, Debug, PartialEq)]
pub enum LogEvent {
    /// A page of history, newest page first, lines by time.
    History {
        /// Its lines.
        lines: Vec<LogLine>,
        /// From this instant on everything is here.
        reached: Timestamp,
        /// What lies before them.
        older: Older,
    },
    /// New lines, each by its own time: late ones belong between older ones.
    Lines(Vec<LogLine>),
    /// Lines are missing.
    Gap(Gap),
    /// How the tail is.
    Tail(TailState),
    /// All lines up to this instant were read again from where lines are kept, but for those that come late.
    ReadTo(Timestamp),
    /// A question failed. After a failure that time cannot heal the stream ends.
    Failed(SourceError),
    /// One of several joined queries is refused: it is asked again, ever later, and the others go on.
    LeftOut {
        /// Which.
        query: String,
        /// Why.
        error: SourceError,
    },
    /// How far files are read.
    Files(Vec<OpenedFile>),
    /// What of before an instant the server may not hand out.
    Limited(Limit),
}

/// A page of lines from an instant on.
#[derive(Clone, Debug, PartialEq)]
pub struct NewerLines {
    /// Its lines, by time.
    pub lines: Vec<LogLine>,
    /// From here on there are more in the range.
    pub left: Option<Timestamp>,
    /// Lines of it that are missing.
    pub gap: Option<Gap>,
}

/// Lines that the server holds, or held, and does not hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Their time, its end excluded. Some lines of it may be here.
    pub range: TimeRange,
    /// Why they are missing, without a full stop.
    pub reason: String,
}

/// What is known of the lines before a page of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// The next page follows by itself.
    Coming,
    /// Lines before this instant are read when they are asked for.
    Left(Timestamp),
    /// The start of the range is reached.
    Nothing,
    /// The server hands out nothing of what the range has before them.
    Withheld(Limit),
}

/// Why a server hands out nothing of before an instant, though there may have been lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It looks back this far and no further.
    Lookback(Duration),
    /// It keeps lines this long.
    Retention {
        /// How long, at the least.
        kept: Duration,
        /// Some streams may be kept longer.
        differs: bool,
    },
}

impl Limit {
    /// How far back from now on all lines are handed out.
    pub const fn length(self) -> Duration {
        match self {
            Self::Lookback(length) | Self::Retention { kept: length, .. } => length,
        }
    }
}

/// How the live tail is.
#[derive(Clone, Debug, PartialEq)]
pub enum TailState {
    /// The window is fixed: there is none.
    Off,
    /// The WebSocket is being opened.
    Connecting,
    /// Lines come as they are written.
    Connected,
    /// No more tails are opened at once than are: lines are polled until one of those ends.
    Polled,
    /// The server does not allow it; lines are polled instead.
    Refused {
        /// When it is tried again.
        retry_at: Timestamp,
        /// Why.
        why: String,
    },
    /// The connection is lost, lines are polled until it is back.
    Lost {
        /// When it is tried again.
        retry_at: Timestamp,
        /// Why.
        error: SourceError,
    },
    /// The tail left out this many lines; reconciliation brings them.
    Dropped(u64),
    /// Reconciliation brought this many lines that the tail had lost.
    Recovered(u64),
    /// Reading works and is this far behind: after an outage for a while, else not at all.
    Behind(Duration),
    /// Lines that come late are not looked for.
    LateUnsought {
        /// Those that come later than this.
        after: Duration,
        /// The server's words.
        why: String,
    },
    /// Lines that come late are looked for again.
    LateSought,
}

/// A pattern of log lines as the server clusters them.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerPattern {
    /// Its text, [`ServerPattern::ANY`] for what varies.
    pub text: String,
    /// How bad its lines are, where the server says.
    pub level: Level,
    /// How many lines, by the beginning of each step that has some.
    pub samples: Vec<(Timestamp, u64)>,
}

impl ServerPattern {
    /// What stands for anything.
    pub const ANY: &str = "<_>";
}
