//! The one table of what a user can do. The keymap, the footer, `?`, the `:` palette, the documentation of keys and the
//! `[keys]` section of `config.toml` all read it.

use std::str::FromStr;

/// Where the user is: a kind of view, or something above it that takes the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ViewKind {
    /// Alerts.
    Alerts,
    /// All services by RED.
    Services,
    /// One service by RED.
    Service,
    /// Logs.
    Logs,
    /// Trace search.
    Traces,
    /// One trace.
    Waterfall,
    /// Two traces.
    Compare,
    /// Many traces as one tree.
    Structure,
    /// What a service runs on.
    Infra,
    /// PromQL typed by hand.
    Query,
    /// All silences.
    Silences,
    /// A silence that is being written.
    SilenceForm,
    /// redline's own log.
    Diagnostics,
}

impl ViewKind {
    /// All, in the order of the digits where they have one.
    pub const ALL: [Self; 13] = [
        Self::Alerts,
        Self::Services,
        Self::Logs,
        Self::Traces,
        Self::Infra,
        Self::Service,
        Self::Waterfall,
        Self::Compare,
        Self::Structure,
        Self::Query,
        Self::Silences,
        Self::SilenceForm,
        Self::Diagnostics,
    ];

    /// Title on the screen.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Alerts => "Alerts",
            Self::Services => "Services",
            Self::Service => "Service",
            Self::Logs => "Logs",
            Self::Traces => "Traces",
            Self::Waterfall => "Waterfall",
            Self::Compare => "Compare",
            Self::Structure => "Structure",
            Self::Infra => "Infra",
            Self::Query => "Query",
            Self::Silences => "Silences",
            Self::SilenceForm => "Silence",
            Self::Diagnostics => "Log of redline",
        }
    }

    /// Name for `--view`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Services => "services",
            Self::Service => "service",
            Self::Logs => "logs",
            Self::Traces => "traces",
            Self::Waterfall => "waterfall",
            Self::Compare => "compare",
            Self::Structure => "structure",
            Self::Infra => "infra",
            Self::Query => "query",
            Self::Silences => "silences",
            Self::SilenceForm => "silence",
            Self::Diagnostics => "log",
        }
    }

    /// Whether it is there to write to a server.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Silences | Self::SilenceForm)
    }
}

impl FromStr for ViewKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|v| v.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|v| v.name()).collect();
            format!("no view is called \"{name}\"; there are: {}", names.join(", "))
        })
    }
}

/// What the visible view and the row under the cursor offer. Whether a command is enabled depends on these alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The list under the cursor has rows.
    pub rows: bool,
    /// `Enter` leads somewhere from here; if not, why.
    pub drill: Option<&'static str>,
    /// What is selected belongs to a service.
    pub service: bool,
    /// What is selected says where it runs, though not of which service it is.
    pub infra: bool,
    /// What is selected belongs to a trace.
    pub trace: bool,
    /// There is an error to go to.
    pub errors: bool,
    /// Something is searched for, or filtered by.
    pub searched: bool,
    /// The selected row unfolds or folds.
    pub folds: bool,
    /// A link can be shown.
    pub link: bool,
    /// Clocks of what is shown are seen to differ.
    pub skewed: bool,
    /// The view has graphs with values.
    pub graphs: bool,
    /// The view has more than one pane.
    pub panes: bool,
    /// The view runs a query that can be edited.
    pub query: bool,
    /// Why there is no more to be asked for.
    pub no_more: Option<&'static str>,
    /// The window is live.
    pub live: bool,
    /// Fields are shown as columns.
    pub columns: bool,
    /// What is selected is also in the trace that is compared with.
    pub base: bool,
    /// Why none can be, where those who are asked cannot tell them.
    pub no_columns: Option<&'static str>,
    /// Rows are marked.
    pub marks: bool,
    /// Patterns of log lines are shown.
    pub patterns: bool,
    /// A range of time is being chosen.
    pub brushes: bool,
    /// A condition is selected in the list of them.
    pub conditions: bool,
    /// There is a filter by a text that no server is asked for.
    pub text_filter: bool,
    /// What is selected is a silence.
    pub silence: bool,
    /// What is selected is a silence that is not over.
    pub silencing: bool,
}

/// Whether a command can be used: `Err` says why not, in words for the footer.
pub type Enabled = fn(&Facts) -> Result<(), &'static str>;

/// A row of the table.
pub struct Spec {
    /// The command.
    pub command: Command,
    /// Its name in `config.toml` and in the palette.
    pub name: &'static str,
    /// The views it works in; empty for all.
    pub views: &'static [ViewKind],
    /// Default keys, each a sequence: `"g g"`, `"ctrl-d"`.
    pub keys: &'static [&'static str],
    /// A few words for the footer; empty keeps it out of the footer.
    pub hint: &'static str,
    /// One line for help, palette and documentation.
    pub help: &'static str,
    /// When it can be used.
    pub enabled: Enabled,
}

macro_rules! commands {
    ($($(#[$doc:meta])* $id:ident, $name:literal, [$($view:ident),*], [$($key:literal),*], $hint:literal, $help:literal, $enabled:expr;)*) => {
        /// Everything a user can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Command { $(#[doc = $help] $id),* }

        /// The table, in the order of the help.
        pub static COMMANDS: &[Spec] = &[$(Spec {
            command: Command::$id,
            name: $name,
            views: &[$(ViewKind::$view),*],
            keys: &[$($key),*],
            hint: $hint,
            help: $help,
            enabled: $enabled,
        }),*];
    };
}

const ALWAYS: Enabled = |_| Ok(());
const ROWS: Enabled = |f| if f.rows { Ok(()) } else { Err("the list is empty") };
const SEARCHED: Enabled = |f| if f.searched { Ok(()) } else { Err("nothing is searched for: press / first") };
const FOLDS: Enabled = |f| if f.folds { Ok(()) } else { Err("nothing to unfold here") };
const GRAPHS: Enabled = |f| if f.graphs { Ok(()) } else { Err("no graph with values here") };
const GRAPHS_OR_FOLDS: Enabled = |f| if f.folds { Ok(()) } else { GRAPHS(f) };
const SILENCE: Enabled = |f| if f.silence { Ok(()) } else { Err("no silence is selected") };
const SILENCING: Enabled = |f| if f.silencing { Ok(()) } else { Err("this silence is over") };
const COLUMNS: Enabled = |f| if f.columns { Ok(()) } else { Err("no field is shown as a column") };
const MARKS: Enabled = |f| if f.marks { Ok(()) } else { Err("no line is marked") };
const CONDITIONS: Enabled = |f| if f.conditions { Ok(()) } else { Err("no condition is selected: press C first") };
const PANES: Enabled = |f| if f.panes { Ok(()) } else { Err("this view has one pane") };

commands! {
    Drill, "drill", [], ["enter"], "open", "Open what is selected: the natural next step", |f| f.drill.map_or(Ok(()), Err);
    Back, "back", [], ["esc"], "", "Back to where you came from, to the same row", ALWAYS;
    Down, "down", [], ["j", "down"], "", "Next row", ALWAYS;
    Up, "up", [], ["k", "up"], "", "Previous row", ALWAYS;
    Top, "top", [], ["g g", "home"], "", "First row", ALWAYS;
    Bottom, "bottom", [], ["G", "end"], "", "Last row", ALWAYS;
    PageDown, "page-down", [], ["ctrl-d", "pagedown"], "", "Half a page down", ALWAYS;
    PageUp, "page-up", [], ["ctrl-u", "pageup"], "", "Half a page up", ALWAYS;
    NextPane, "next-pane", [], ["tab"], "", "Next pane", PANES;
    PreviousPane, "previous-pane", [], ["backtab"], "", "Previous pane", PANES;
    ViewAlerts, "view-alerts", [], ["1"], "", "Alerts", ALWAYS;
    ViewServices, "view-services", [], ["2"], "", "Services: rate, errors and duration of all", ALWAYS;
    ViewLogs, "view-logs", [], ["3"], "logs", "Logs of the scope", ALWAYS;
    ViewTraces, "view-traces", [], ["4"], "traces", "Traces of the scope", ALWAYS;
    ViewInfra, "view-infra", [], ["6"], "infra", "Infra: pods, nodes, targets, probes, queues and jobs of the scope's service", ALWAYS;
    Logs, "logs", [Alerts, Services, Service, Traces, Waterfall, Compare, Infra], ["l"], "logs", "Logs of what is selected", |f| if f.service || f.trace || f.infra { Ok(()) } else { Err("no service is known for this row") };
    Red, "red", [Alerts, Services, Logs, Traces, Waterfall, Compare, Infra], ["r"], "RED", "Rate, errors and duration of the selected row's service", |f| if f.service { Ok(()) } else { Err("no service is known for this row") };
    Infra, "infra", [Alerts, Services, Service, Logs, Traces, Waterfall, Compare, Structure], ["i"], "infra", "Infra of what is selected: its pod, its node, all that its service runs on", |f| if f.service || f.infra { Ok(()) } else { Err("no service is known for this row") };
    NextError, "next-error", [Logs, Waterfall, Compare, Structure, Traces, Services, Infra], ["e"], "next error", "Next error", |f| if f.errors { Ok(()) } else { Err("no error here") };
    Filter, "filter", [Alerts, Services, Service, Logs, Traces, Waterfall, Compare, Structure, Infra, Silences, Query, Diagnostics], ["/"], "filter", "Filter or search as you type", ALWAYS;
    NextMatch, "next-match", [Logs, Waterfall, Compare, Structure], ["n"], "", "Next match", SEARCHED;
    PreviousMatch, "previous-match", [Logs, Waterfall, Compare, Structure], ["N"], "", "Previous match", SEARCHED;
    MinimumLevel, "minimum-level", [Logs], ["L"], "level", "Show all levels, warnings and worse, or errors only", ALWAYS;
    Follow, "follow", [Logs, Traces, Diagnostics], ["f"], "follow", "Follow the newest line; of traces, look for new ones every 5 s", ALWAYS;
    Patterns, "patterns", [Logs], ["P"], "patterns", "The lines clustered into patterns: what is new, grew or is gone since the onset", ALWAYS;
    Exceptions, "exceptions", [Logs], ["X"], "exceptions", "Exceptions of the lines by type and own frame: how many, since when, of which services", ALWAYS;
    PatternsBy, "patterns-by", [Logs], ["B"], "clustered by", "Patterns of the lines that are loaded, or as Loki clusters the whole window", |f| if f.patterns { Ok(()) } else { Err("no patterns are shown: press P first") };
    CompareWindows, "compare-windows", [Logs], ["d"], "against", "What patterns are compared with: before the onset, the window's first half, the period, day or week before", |f| if f.patterns { Ok(()) } else { Err("no patterns are shown: press P first") };
    ChooseWindows, "choose-windows", [Logs], ["D"], "windows", "Any two windows whose patterns are compared, typed as for the time picker, or chosen on the volume", |f| if f.patterns || f.brushes { Ok(()) } else { Err("no patterns are shown: press P first, or v to choose a range") };
    Pause, "pause", [Logs, Traces], ["space"], "pause", "Hold the screen; lines keep arriving behind it", |f| if f.live || f.brushes { Ok(()) } else { Err("the window is fixed: press 0 for live") };
    Preset, "preset", [Traces], ["a"], "failed/slow/all", "Failed, slow or all traces", ALWAYS;
    FollowValue, "follow-value", [Logs], ["*"], "follow value", "Lines of every service that have the selected value, the trace or the request", ROWS;
    NextRelated, "next-related", [Logs], ["]"], "next of trace", "Next line of the same trace or request, through all services", ROWS;
    PreviousRelated, "previous-related", [Logs], ["["], "", "Previous line of the same trace or request, through all services", ROWS;
    Context, "context", [Logs], ["c"], "context", "The lines around this one in its stream, without filters", ROWS;
    ShowColumn, "column", [Logs, Traces], ["|"], "column", "Show the selected field as a column, or no more; of traces, choose attributes", |f| f.no_columns.map_or(ROWS(f), Err);
    ColumnEarlier, "column-earlier", [Logs], [","], "", "The selected field's column further to the left", COLUMNS;
    ColumnLater, "column-later", [Logs], ["."], "", "The selected field's column further to the right", COLUMNS;
    ColumnWidth, "column-width", [Logs], ["_"], "", "Columns of 24 cells at the most, of 12, or of 60", COLUMNS;
    CountBy, "count-by", [Logs], ["#"], "count by", "Count the lines by the values of the selected field", ROWS;
    Conditions, "conditions", [Logs], ["C"], "conditions", "Conditions as a list with their LogQL: edit, invert, switch off, remove, add", ALWAYS;
    AddCondition, "add-condition", [Logs], ["A"], "add", "Type a condition: status>=500, pool=orders, user contains \"x\", ~ regex, a text", ALWAYS;
    SwitchCondition, "switch-condition", [Logs], ["~"], "on/off", "The selected condition off for the moment, or on again", CONDITIONS;
    RemoveCondition, "remove-condition", [Logs], ["delete"], "remove", "Remove the selected condition", CONDITIONS;
    FilterToQuery, "filter-to-query", [Logs], ["Q"], "ask Loki", "Ask Loki for the text of the filter, or for the pattern: lines are found that are not here", |f| if f.text_filter { Ok(()) } else { Err("no text or pattern is filtered for: press / or P first") };
    Widen, "widen", [Logs, Traces], ["backspace"], "", "Take the last filter by a field back; of traces, the last box", ALWAYS;
    Wrap, "wrap", [Logs], ["W"], "", "Long lines over several rows, or cut", ROWS;
    ShiftRight, "shift-right", [Logs, Traces], [")", "shift-right"], "", "The text of the lines further to the right", ROWS;
    ShiftLeft, "shift-left", [Logs, Traces], ["(", "shift-left"], "", "The text of the lines back to the left", ROWS;
    TimeForm, "time-form", [Logs], ["Z"], "", "Times as local, UTC, how long ago, or since the line before", ALWAYS;
    Mark, "mark", [Logs, Traces], ["m"], "mark", "Mark the line or the trace, or no more", ROWS;
    NextMark, "next-mark", [Logs], ["'"], "", "Next mark", MARKS;
    PreviousMark, "previous-mark", [Logs], ["\""], "", "Previous mark", MARKS;
    PreviousError, "previous-error", [Logs, Waterfall], ["ctrl-e"], "", "Previous error", |f| if f.errors { Ok(()) } else { Err("no error here") };
    NextMinute, "next-minute", [Logs], ["}"], "", "First line of the next minute that has any", ROWS;
    PreviousMinute, "previous-minute", [Logs], ["{"], "", "First line of the minute, or of the one before", ROWS;
    GoToTime, "go-to-time", [Logs], ["@"], "", "To the line of a time; one that is not held becomes the window", ALWAYS;
    EditQuery, "edit-query", [Alerts, Services, Service, Logs, Traces, Infra, Query], ["E"], "query", "Edit the query; of a graph, in the Query view", |f| if f.query { Ok(()) } else { Err("no query to edit") };
    Order, "order", [Alerts, Services, Service, Traces, Compare, Silences, Query], ["O"], "order", "Order by the next column", ROWS;
    Group, "group", [Alerts], ["b"], "group", "Group by name, service, severity, probable origin or not at all", ROWS;
    Breakdown, "breakdown", [Service], ["b"], "by label", "Break down by another label", GRAPHS;
    Compare, "compare", [Service], ["="], "compare", "Against the period before, a day before, a week before, or nothing", GRAPHS;
    Heatmap, "heatmap", [Service], ["H"], "heatmap", "Durations as a heatmap of their histogram, or as lines", GRAPHS;
    SwitchFamily, "family", [Service], ["M"], "metrics", "The next family of metrics that has this service", ALWAYS;
    Include, "include", [Logs, Waterfall], ["&"], "filter for", "Filter for the selected field; in the list, pick one of the line's", ROWS;
    Exclude, "exclude", [Service, Logs, Waterfall], ["!"], "exclude", "Leave out what is selected", ROWS;
    Unfold, "unfold", [Logs, Traces, Waterfall, Compare, Structure], ["right"], "", "Unfold", FOLDS;
    Fold, "fold", [Logs, Traces, Waterfall, Compare, Structure], ["left"], "", "Fold, or go to the parent", FOLDS;
    FoldAll, "fold-all", [Waterfall, Compare, Structure], ["F"], "fold", "Fold all but errors and what took the time (of a comparison, what differs), or unfold", ROWS;
    FoldDeeper, "fold-deeper", [Waterfall], ["]"], "", "Unfold one level more, at the end repeated spans too", ROWS;
    FoldHigher, "fold-higher", [Waterfall], ["["], "", "Fold the lowest level", ROWS;
    FoldToErrors, "fold-to-errors", [Waterfall], [], "", "Fold all that has no error below it", ROWS;
    FoldToPath, "fold-to-path", [Waterfall], [], "", "Fold all that the critical path does not go through", ROWS;
    UnfoldAll, "unfold-all", [Waterfall], [], "", "Unfold all, repeated spans too", ROWS;
    CriticalPath, "critical-path", [Waterfall], ["p"], "critical path", "The critical path in full height, or all spans alike", ROWS;
    FoldWaits, "fold-waits", [Waterfall], ["w"], "fold waits", "Time with waits folded, or as long as it was", ROWS;
    ZoomToSpan, "zoom-to-span", [Waterfall], ["Z"], "zoom", "The selected span over the whole width, then with all below it, then all again", ROWS;
    Measure, "measure", [Waterfall], ["M"], "measure", "Measure from the selected span to others, or no more", ROWS;
    SpanTable, "span-table", [Waterfall], ["T"], "table", "Spans by service and operation: count, time, self time, share of the critical path", ROWS;
    TraceLines, "trace-lines", [Waterfall], ["L"], "log lines", "The trace's log lines between its spans, at their times, or none", ROWS;
    CorrectClocks, "correct-clocks", [Waterfall], ["C"], "clocks", "Times with clocks that differ put right, or as they were told", |f| if f.skewed { Ok(()) } else { Err("no clock of this trace is seen to differ") };
    CompareTraces, "compare-traces", [Traces, Waterfall, Structure], ["x"], "compare", "What it differs in from a typical good trace of the same root, or from a marked one", |f| if f.trace { Ok(()) } else { Err("there is no trace to compare") };
    TraceStructure, "structure", [Traces], ["T"], "structure", "The hits merged into one tree by service and operation: count, errors, p50, p95, share of the time", ROWS;
    More, "more", [Traces, Structure], ["M"], "more", "Ask for more: traces beyond the limit of the search; of a structure, more of the hits", |f| f.no_more.map_or(Ok(()), Err);
    OpenBase, "open-base", [Compare], ["B"], "base", "Open the trace that is compared with, at the selected span", |f| if f.base { Ok(()) } else { Err("the trace that is compared with has no such span") };
    Parent, "parent", [Waterfall], ["u"], "", "The span that called this one", ROWS;
    SlowestChild, "slowest-child", [Waterfall], ["d"], "", "The slowest span that this one called", ROWS;
    NextSibling, "next-sibling", [Waterfall], ["J"], "", "Next span of the same caller", ROWS;
    PreviousSibling, "previous-sibling", [Waterfall], ["K"], "", "Previous span of the same caller", ROWS;
    AddQuery, "add-query", [Query], ["A"], "add", "One more query beside the others", ALWAYS;
    RemoveQuery, "remove-query", [Query], ["X"], "remove", "Remove the query", ALWAYS;
    ResultForm, "result-form", [Query], ["T"], "graph/table", "The result as a graph or as a table", ALWAYS;
    QueryLanguage, "query-language", [Query], ["L"], "language", "The query as PromQL or as LogQL", ALWAYS;
    Keep, "keep", [Query], ["K"], "keep", "Keep the queries by a name", ALWAYS;
    ValueCursor, "value-cursor", [Alerts, Service, Query, Logs, Traces, Infra], ["v"], "values", "Value cursor by the arrows; of a log volume, Shift: a range; of traces, a box", GRAPHS;
    Left, "left", [Alerts, Service, Query, Infra], ["left", "h"], "", "Value cursor to the left; in a list of groups, fold", GRAPHS_OR_FOLDS;
    Right, "right", [Alerts, Service, Query, Infra], ["right"], "", "Value cursor to the right; in a list of groups, unfold", GRAPHS_OR_FOLDS;
    NextExemplar, "next-exemplar", [Service], ["d"], "exemplars", "Next exemplar; Enter opens its trace", GRAPHS;
    FullScreen, "full-screen", [], ["z"], "", "The focused pane alone, or all again", PANES;
    ShowLink, "show-link", [Alerts, Waterfall], ["o"], "link", "Show the runbook or link; of a span, open the trace that it points to", |f| if f.link { Ok(()) } else { Err("no link here") };
    Silence, "silence", [], ["s"], "silence", "Silence the selected alert: shows what it would hit, and asks before it is written", ALWAYS;
    Silences, "silences", [], ["S"], "silences", "All silences: what each hits; extend, expire, make again", ALWAYS;
    RenewSilence, "renew-silence", [Silences], ["u"], "extend", "Extend the selected silence, or make an expired one again", SILENCE;
    ExpireSilence, "expire-silence", [Silences], ["X"], "expire", "Expire the selected silence: asks first", SILENCING;
    Yank, "yank", [], ["y"], "yank", "Copy the value, the query or the command line that reopens this view", ALWAYS;
    TimePicker, "time", [], ["t"], "time", "Choose the window: relative, absolute or pasted", ALWAYS;
    ZoomIn, "zoom-in", [], ["+"], "", "Half the window", ALWAYS;
    ZoomOut, "zoom-out", [], ["-"], "", "Twice the window", ALWAYS;
    PanEarlier, "pan-earlier", [], ["<"], "", "Half a window earlier", ALWAYS;
    PanLater, "pan-later", [], [">"], "", "Half a window later", ALWAYS;
    Live, "live", [], ["0"], "", "Back to the live window", ALWAYS;
    Refresh, "refresh", [], ["R"], "", "Ask again now", ALWAYS;
    Palette, "palette", [], [":"], "", "All commands, by name", ALWAYS;
    Help, "help", [], ["?"], "", "Keys of this view", ALWAYS;
    Query, "query", [], [], "", "PromQL or LogQL typed by hand, with completion", ALWAYS;
    Kept, "kept", [], [], "", "Queries that were kept by a name", ALWAYS;
    Forget, "forget", [], [], "", "Forget queries that were kept by a name", ALWAYS;
    Environment, "env", [], [], "", "Switch to another environment of config.toml", ALWAYS;
    Theme, "theme", [], [], "", "Switch to another theme", ALWAYS;
    Diagnostics, "log", [], [], "", "redline's own log: every request with status, time and bytes", ALWAYS;
    Suspend, "suspend", [], ["ctrl-z"], "", "Stop and return to the shell; fg continues", ALWAYS;
    Quit, "quit", [], ["q", "ctrl-c"], "", "Quit", ALWAYS;
}

impl Command {
    /// Whether it is there to write to a server: `--read-only` has none of these.
    pub const fn writes(self) -> bool {
        matches!(self, Self::Silence | Self::Silences | Self::RenewSilence | Self::ExpireSilence)
    }

    /// Its row of the table.
    pub fn spec(self) -> &'static Spec {
        &COMMANDS[self as usize]
    }
}

impl Spec {
    /// Whether it exists in this view at all.
    pub fn applies(&self, view: ViewKind) -> bool {
        self.views.is_empty() || self.views.contains(&view)
    }
}

impl FromStr for Command {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        COMMANDS.iter().find(|s| s.name == name).map(|s| s.command).ok_or_else(|| format!("no command is called \"{name}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_command_and_its_name() {
        for spec in COMMANDS {
            assert_eq!(spec.command.spec().name, spec.name);
            assert_eq!(spec.name.parse(), Ok(spec.command));
            assert!(!spec.help.is_empty());
        }
    }
}
