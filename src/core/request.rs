//! What the visible screen needs to know, as data. The shell starts and stops the work from the difference between two
//! sets of subscriptions; the core never fetches.

use std::{sync::Arc, time::Duration};

use compact_str::CompactString;

use crate::{
    model::{
        alert_book::{AlertmanagerAlerts, PrometheusAlerts},
        backend::SourceError,
        explored::{About, Explored, Names},
        log::{LogEvent, NewerLines, ServerPattern},
        log_labels::LogLabels,
        log_size::{LogSize, Reach},
        opened::Asked,
        series::{Exemplar, Matrix, Vector},
        time::{TAKEN_IN, TimeRange, TimeWindow, Timestamp},
        trace::{TraceHits, TraceId},
        trace_source::{Abilities, TraceQuery},
    },
    red::RedMapping,
    store::{Condition, CountJob, FilterJob, FilterNews, PatternJob, PatternNews, SameJob},
    trace::{
        Trace,
        differences::{CompareJob, Differences},
        structure::{StructureJob, StructureNews},
    },
};

/// A question to a backend. Two equal requests are the same question: live windows stay [`TimeWindow::Last`] here and
/// become absolute when they are asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Rules and alerts of Prometheus.
    PrometheusAlerts,
    /// Alerts and silences of Alertmanager.
    AlertmanagerAlerts,
    /// Rules and alerts of Loki's ruler, where there is one.
    RulerAlerts,
    /// What RED metrics the Prometheus has.
    DiscoverRed,
    /// Which labels of Loki name services, see [`label_window`].
    DiscoverLogLabels {
        /// When streams had them.
        window: TimeWindow,
    },
    /// A PromQL instant query at the window's end.
    Instant {
        /// PromQL.
        query: String,
        /// The window whose end is asked for.
        window: TimeWindow,
    },
    /// A PromQL range query.
    Range {
        /// PromQL.
        query: String,
        /// The window.
        window: TimeWindow,
        /// Resolution, see [`step`].
        step: Duration,
    },
    /// Exemplars of the series that a selector matches.
    Exemplars {
        /// PromQL selector.
        query: String,
        /// The window.
        window: TimeWindow,
    },
    /// The names of the labels that series have.
    LabelNames {
        /// PromQL selector.
        query: String,
        /// The window.
        window: TimeWindow,
    },
    /// A PromQL that a user typed, over the window where there is a step, or else at its end.
    Explore {
        /// PromQL.
        query: String,
        /// The window.
        window: TimeWindow,
        /// Resolution, see [`step`].
        step: Option<Duration>,
    },
    /// Names of all metrics.
    MetricNames {
        /// The window.
        window: TimeWindow,
    },
    /// Values of a label on the series that a selector matches; an empty one means all.
    LabelValues {
        /// The label.
        label: String,
        /// PromQL selector.
        query: String,
        /// The window.
        window: TimeWindow,
    },
    /// Type and help of a metric.
    AboutMetric {
        /// Its name.
        metric: String,
    },
    /// A LogQL metric query that a user typed, over the window where there is a step, or else at its end.
    LogExplore {
        /// LogQL.
        query: String,
        /// The window.
        window: TimeWindow,
        /// Resolution, see [`step`].
        step: Option<Duration>,
    },
    /// Whether a LogQL log query that a user typed can be read.
    LogCheck {
        /// LogQL.
        query: String,
        /// The window.
        window: TimeWindow,
    },
    /// Names of the labels of streams.
    LogLabelNames {
        /// LogQL selector; an empty one means all.
        query: String,
        /// The window.
        window: TimeWindow,
    },
    /// Values of a label of streams.
    LogLabelValues {
        /// The label.
        label: String,
        /// LogQL selector; an empty one means all.
        query: String,
        /// The window.
        window: TimeWindow,
    },
    /// Names of the fields of lines, the labels of their streams included.
    LogFields {
        /// LogQL selector; an empty one means all.
        query: String,
        /// The window.
        window: TimeWindow,
    },
    /// Values of a field of lines.
    LogFieldValues {
        /// The field.
        field: String,
        /// LogQL selector; an empty one means all.
        query: String,
        /// The window.
        window: TimeWindow,
    },
    /// A LogQL metric query.
    LogRange {
        /// LogQL.
        query: String,
        /// The window.
        window: TimeWindow,
        /// Resolution.
        step: Duration,
    },
    /// How many bytes a LogQL selector covers, which is asked before they are read.
    LogSize {
        /// A LogQL selector.
        selector: String,
        /// The window.
        window: TimeWindow,
        /// What is read beside the window.
        reach: Reach,
        /// The label whose values are told apart; without one those that the selector names.
        by: Option<CompactString>,
    },
    /// Bytes of a LogQL selector over time, by the labels that it names: what no line is read for.
    LogVolume {
        /// A LogQL selector.
        selector: String,
        /// The window.
        window: TimeWindow,
        /// What is read beside the window.
        reach: Reach,
        /// Resolution.
        step: Duration,
    },
    /// History and live tail of a LogQL log query; answers keep coming as [`Response::Log`].
    LogStream {
        /// LogQL.
        query: String,
        /// The window; a live one is tailed.
        window: TimeWindow,
        /// Another number is another reading of the same: what is still on its way from an earlier one is not taken for it.
        reading: u32,
    },
    /// The lines of the files that were opened; answers keep coming as [`Response::Log`].
    FileLines(Asked),
    /// The page of a log stream's history that ends at an instant, for the reader who wants more than it reads by itself.
    LogOlder {
        /// LogQL.
        query: String,
        /// The window whose start is the end of it.
        window: TimeWindow,
        /// Lines from here on are known.
        before: Timestamp,
    },
    /// A page of a log stream's lines from an instant on, for the reader who goes on from a line.
    LogNewer {
        /// LogQL.
        query: String,
        /// The window whose end is the end of it.
        window: TimeWindow,
        /// Lines before it are known.
        after: Timestamp,
    },
    /// Which of the lines that a page holds pass its filter: no backend is asked, a worker finds out; answers keep coming.
    Filter(Arc<FilterJob>),
    /// How many of the lines that a page holds there are over time: no backend is asked, a worker counts them.
    Count(Arc<CountJob>),
    /// Patterns of the lines that a page holds: no backend is asked, a worker finds them.
    Patterns(Arc<PatternJob>),
    /// Which condition says the same as a pattern of the lines that a page holds: no backend is asked, a worker finds out.
    Same(Arc<SameJob>),
    /// Patterns of the streams of a selector as the server clusters them.
    LogPatterns {
        /// A LogQL selector.
        selector: String,
        /// The window.
        window: TimeWindow,
        /// Resolution of the counts.
        step: Duration,
    },
    /// What those who are asked for traces can do.
    TraceAbilities,
    /// A trace search.
    Search {
        /// What.
        query: TraceQuery,
        /// The window.
        window: TimeWindow,
        /// At most this many hits.
        limit: usize,
    },
    /// A TraceQL metrics query, over the window where there is a step, or else one value of all of it.
    TraceMetrics {
        /// TraceQL.
        query: String,
        /// The window.
        window: TimeWindow,
        /// Resolution, see [`step`].
        step: Option<Duration>,
    },
    /// Names of attributes of traces, with their scopes.
    TraceTags {
        /// Conditions in TraceQL on the spans that have them; an empty one means all.
        query: String,
        /// The window.
        window: TimeWindow,
    },
    /// Values of an attribute of traces, as TraceQL writes them where they are no plain texts.
    TraceTagValues {
        /// The attribute with its scope.
        tag: String,
        /// As of `TraceTags`.
        query: String,
        /// The window.
        window: TimeWindow,
    },
    /// A trace by its id, and when it was as far as what led to it tells: servers look for it there first.
    Trace(TraceId, Option<TimeRange>),
    /// What two traces that are here differ in: no backend is asked, a worker compares them.
    Compare(Arc<CompareJob>),
    /// Many traces merged into one tree; answers keep coming.
    Structure(Arc<StructureJob>),
}

impl Request {
    /// Its window, if it has one.
    pub fn window(&self) -> Option<TimeWindow> {
        match self {
            Self::Instant { window, .. }
            | Self::Range { window, .. }
            | Self::Exemplars { window, .. }
            | Self::LabelNames { window, .. }
            | Self::Explore { window, .. }
            | Self::MetricNames { window }
            | Self::LabelValues { window, .. }
            | Self::DiscoverLogLabels { window }
            | Self::LogExplore { window, .. }
            | Self::LogCheck { window, .. }
            | Self::LogLabelNames { window, .. }
            | Self::LogLabelValues { window, .. }
            | Self::LogFields { window, .. }
            | Self::LogFieldValues { window, .. }
            | Self::LogRange { window, .. }
            | Self::LogSize { window, .. }
            | Self::LogVolume { window, .. }
            | Self::LogStream { window, .. }
            | Self::FileLines(Asked { window, .. })
            | Self::LogOlder { window, .. }
            | Self::LogNewer { window, .. }
            | Self::LogPatterns { window, .. }
            | Self::TraceMetrics { window, .. }
            | Self::TraceTags { window, .. }
            | Self::TraceTagValues { window, .. }
            | Self::Search { window, .. } => Some(*window),
            Self::PrometheusAlerts
            | Self::AlertmanagerAlerts
            | Self::RulerAlerts
            | Self::DiscoverRed
            | Self::TraceAbilities
            | Self::AboutMetric { .. }
            | Self::Filter(_)
            | Self::Count(_)
            | Self::Patterns(_)
            | Self::Same(_)
            | Self::Trace(..)
            | Self::Compare(_)
            | Self::Structure(_) => None,
        }
    }

    /// Whether its window is past and all of it is taken in, so that its answer changes no more.
    pub fn is_past(&self, now: Timestamp) -> bool {
        matches!(self.window(), Some(TimeWindow::Fixed(range)) if range.end + TAKEN_IN <= now)
    }
}

/// When labels of logs are asked for on a page of a window: for hours, so that the question stays the same while the user
/// looks about, and of a long window only for its last day, which costs a Loki little.
pub fn label_window(window: TimeWindow, now: Timestamp) -> TimeWindow {
    const HOURS: Duration = Duration::from_secs(6 * 3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let live = TimeWindow::Last(if window.range(now).duration() <= HOURS { HOURS } else { DAY });
    let TimeWindow::Fixed(range) = window else { return live };
    let end = range.end.align_down(HOURS) + HOURS;
    if now < end { live } else { TimeWindow::Fixed(TimeRange { start: range.start.align_down(HOURS).max(end - DAY), end }) }
}

/// An answer's content.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// To [`Request::PrometheusAlerts`] and [`Request::RulerAlerts`].
    PrometheusAlerts(PrometheusAlerts),
    /// To [`Request::AlertmanagerAlerts`].
    AlertmanagerAlerts(AlertmanagerAlerts),
    /// To [`Request::DiscoverRed`].
    Red(Arc<RedMapping>),
    /// To [`Request::DiscoverLogLabels`].
    LogLabels(Arc<LogLabels>),
    /// To [`Request::Instant`].
    Vector(Vector),
    /// To [`Request::Range`], [`Request::LogRange`], [`Request::LogVolume`] and [`Request::Count`].
    Matrix(Matrix),
    /// To [`Request::LogSize`].
    LogSize(LogSize),
    /// To [`Request::Exemplars`].
    Exemplars(Vec<Exemplar>),
    /// To [`Request::LabelNames`].
    LabelNames(Vec<CompactString>),
    /// To [`Request::Explore`], [`Request::LogExplore`] and [`Request::TraceMetrics`].
    Explored(Arc<Explored>),
    /// To [`Request::LogCheck`], where the query can be read.
    Checked,
    /// To [`Request::MetricNames`], [`Request::LabelValues`] and those of Loki's labels and fields and of Tempo's tags.
    Names(Arc<Names>),
    /// To [`Request::AboutMetric`].
    About(About),
    /// Some of many to [`Request::LogStream`], all to [`Request::LogOlder`].
    Log(Vec<LogEvent>),
    /// To [`Request::LogNewer`].
    Newer(NewerLines),
    /// One of several to [`Request::Filter`].
    Filtered(FilterNews),
    /// To [`Request::Patterns`].
    Patterns(PatternNews),
    /// To [`Request::Same`]: the condition and how many lines it was held against; `None` where none says the same.
    Same(Option<(usize, Condition)>),
    /// To [`Request::LogPatterns`]; `None` where the server does not cluster.
    LogPatterns(Option<Vec<ServerPattern>>),
    /// To [`Request::TraceAbilities`].
    TraceAbilities(Arc<Abilities>),
    /// To [`Request::Search`].
    Hits(TraceHits),
    /// To [`Request::Trace`]: cleaned and laid out on a worker.
    Trace(Arc<Trace>),
    /// To [`Request::Compare`].
    Compared(Arc<Differences>),
    /// One of several to [`Request::Structure`].
    Structure(StructureNews),
}

/// Picks the content out of a [`Response`] of one kind, for [`expect`](crate::app::expect).
macro_rules! pick {
    ($kind:ident) => {
        |response| if let $crate::core::request::Response::$kind(content) = response { Some(content) } else { None }
    };
}
pub(crate) use pick;

/// Names one place that waits for answers: a pane of a view on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId {
    /// The view's number on the stack, unique in a run; 0 is the app itself.
    pub view: u32,
    /// The pane.
    pub pane: &'static str,
    /// Which one, where a pane asks several questions.
    pub part: u32,
}

/// How often a request is asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresh {
    /// Once, unless the answer was a failure that may pass.
    Once,
    /// Again and again, so long from one time to the next, together with all that is asked as often; more slowly when the backend is
    /// slow or refuses.
    Every(Duration),
    /// As `Every`, for what whole pages wait for: a failure is tried again soon.
    Fact(Duration),
    /// The answer is a stream that restarts itself.
    Stream,
}

/// A pane's need.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// Who waits.
    pub slot: SlotId,
    /// The question.
    pub request: Request,
    /// How often.
    pub refresh: Refresh,
    /// Counts the user's wishes to ask again now: another number restarts the request.
    pub nonce: u32,
    /// When the answer came that the pane still shows, no part of the question: asking again waits until it is as old as
    /// `refresh` says.
    pub answered: Option<Timestamp>,
}

impl Subscription {
    /// Whether the other asks the same for the same place in the same way.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.slot, &self.request, self.refresh, self.nonce) == (other.slot, &other.request, other.refresh, other.nonce)
    }
}

/// What came of a subscription.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Who waits.
    pub slot: SlotId,
    /// The question it answers: a view that asks something else by now drops it.
    pub request: Arc<Request>,
    /// When it was asked.
    pub asked: Timestamp,
    /// The content.
    pub result: Result<Response, SourceError>,
}

/// A round step for a window drawn `columns` wide: at least `min` (the scrape interval), from the series 1, 2, 5, 10 ms and
/// so on, 1, 2, 5, 10, 15, 30 s, 1, 2, 5, 10, 15, 30 min, 1, 2, 3, 6, 12 h, 1 d, with two points a column at the most.
pub fn step(window: Duration, columns: u16, min: Duration) -> Duration {
    const BELOW: [u64; 9] = [1, 2, 5, 10, 20, 50, 100, 200, 500];
    const STEPS: [u64; 18] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];
    let wanted = (window.as_secs_f64() / (2.0 * f64::from(columns.max(1)))).max(min.as_secs_f64());
    if let Some(millis) = BELOW.iter().find(|ms| **ms as f64 / 1e3 >= wanted) {
        return Duration::from_millis(*millis);
    }
    STEPS.iter().copied().find(|s| *s as f64 >= wanted).map_or(Duration::from_secs(wanted.ceil() as u64), Duration::from_secs)
}
