//! The views: one file each, one line each in [`open`].
//!
//! A view holds what one page shows and does no IO: it says what it needs ([`View::subscriptions`]), takes answers
//! ([`View::answer`]) and commands ([`View::command`]), and draws itself without changing ([`View::render`]).

pub mod alerts;
pub mod compare;
mod cost;
pub mod diagnostics;
pub mod editor;
mod entries;
pub mod filter;
pub mod infra;
pub mod logs;
pub mod prompt;
pub mod query;
mod search;
pub mod service;
pub mod services;
mod sheet;
pub mod silence_form;
pub mod silence_words;
pub mod silences;
pub mod structure;
pub mod traces;
pub mod waterfall;

use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{
    logs::{By, Held, Manner, Seed},
    prompt::Prompt,
    silence_form::{Draft, Fold},
};
use crate::{
    app::{Settings, Shared},
    core::{
        command::{Command, Facts, ViewKind},
        effect::{Effect, WriteStage},
        request::{Answer, Refresh, Request, SlotId, Subscription},
        scope::Scope,
        typed::TypedQuery,
    },
    model::{
        labels::Labels,
        silence::{Silence, SilenceChange},
        time::{TimeRange, Timestamp},
        trace::TraceId,
    },
    ui::chart::{Extent, Plane, TimeAxis},
};

/// What a view may look at: the instant, its scope, and what all views share.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The shell's clock at the last message.
    pub now: Timestamp,
    /// The scope of this view.
    pub scope: &'a Scope,
    /// Settings, theme, and what was found out about the backends.
    pub shared: &'a Shared,
    /// The view's number, the owner of its slots.
    pub id: u32,
}

impl Look<'_> {
    /// The window as absolute instants.
    pub fn range(&self) -> TimeRange {
        self.scope.window.range(self.now)
    }
}

/// What a view may do while it handles a message.
pub struct Cx<'a> {
    /// What it may look at.
    pub look: Look<'a>,
    /// Where it is drawn: the body of the screen, without header and footer.
    pub area: Rect,
    /// What it asks the app to do, in order.
    pub acts: &'a mut Vec<Act>,
}

impl Cx<'_> {
    /// Opens a view on a scope; `Esc` comes back here.
    pub fn push(&mut self, kind: ViewKind, scope: Scope) {
        self.acts.push(Act::Push(kind, Box::new(scope)));
    }

    /// Tells the user something in the footer.
    pub fn notice(&mut self, text: impl Into<String>) {
        self.acts.push(Act::Notice(text.into()));
    }
}

/// What a view asks the app to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Open a view on a narrower scope.
    Push(ViewKind, Box<Scope>),
    /// Open a page of these lines on a scope.
    Lines(Box<Seed>, Box<Scope>),
    /// Open the comparison of two traces.
    Compare(Box<compare::Seed>, Box<Scope>),
    /// Open the structure of many traces.
    Structure(Box<structure::Seed>, Box<Scope>),
    /// Open the infrastructure of a scope, the cursor on what has these labels.
    Infra(Labels, Box<Scope>),
    /// Narrow what is shown, as the user has chosen.
    Narrow(Box<By>),
    /// Open all traces of a scope, failed or not.
    Traces(Box<Scope>),
    /// Search traces of a scope by a TraceQL.
    Search(String, Box<Scope>),
    /// Let the user choose one of these, by name and text: a title, then what choosing them asks.
    Choose(&'static str, Vec<(String, String, Act)>),
    /// Replace the scope of this view.
    Rescope(Box<Scope>),
    /// Say something in the footer.
    Notice(String),
    /// Have the shell do something.
    Effect(Effect),
    /// A query was asked that the user typed.
    Asked(TypedQuery),
    /// Show these attributes as columns of trace searches.
    TraceColumns(Vec<String>),
    /// Open queries in the Query view.
    Queries(Vec<TypedQuery>),
    /// Go back, as `Esc` does.
    Back,
    /// Open the form on a silence that there is.
    OpenSilence(Box<Silence>),
    /// Open the form on several alerts.
    SilenceFold(Box<Fold>),
    /// Write what the user has confirmed; how it goes is told by [`View::written`].
    Write(Box<SilenceChange>),
}

/// Collects a view's subscriptions.
pub struct Needs<'a> {
    view: u32,
    nonce: u32,
    now: Timestamp,
    out: &'a mut Vec<Subscription>,
}

impl<'a> Needs<'a> {
    /// For the view of this number.
    pub fn new(view: u32, nonce: u32, now: Timestamp, out: &'a mut Vec<Subscription>) -> Self {
        Self { view, nonce, now, out }
    }

    /// One more question. `pane` and `part` come back with the answer. The past is asked once, however often the present
    /// would be.
    pub fn ask(&mut self, pane: &'static str, part: u32, request: Request, refresh: Refresh) {
        let refresh = match refresh {
            Refresh::Every(_) if request.is_past(self.now) => Refresh::Once,
            as_wished => as_wished,
        };
        let slot = SlotId { view: self.view, pane, part };
        self.out.push(Subscription { slot, request, refresh, nonce: self.nonce, answered: None });
    }
}

/// A key that has a meaning while keys are text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypingKey {
    /// The key.
    pub key: KeyEvent,
    /// What it does, in a few words.
    pub words: &'static str,
}

/// Something that `y` offers to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Yank {
    /// What it is: "value", "query", "trace id".
    pub label: String,
    /// The text.
    pub text: String,
}

/// What a mouse event meant to a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// Nothing.
    Nothing,
    /// Something: the screen changes.
    Used,
    /// It selected something that `Enter` opens, and so does a second click.
    Item,
}

/// Facts that the app finds out for views that need them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// The RED mapping of the Prometheus ([`Shared::red`]).
    pub red: bool,
    /// The service labels of the Loki ([`Shared::log_labels`]).
    pub log_labels: bool,
    /// What those who are asked for traces can do ([`Shared::traces`]).
    pub traces: bool,
}

/// One page.
pub trait View: Send {
    /// Its kind, which decides on its keys.
    fn kind(&self) -> ViewKind;

    /// Its part of the crumb trail: `Alerts`, `orders`, `0af7…319c`.
    fn crumb(&self, _look: &Look<'_>) -> String {
        self.kind().title().to_owned()
    }

    /// What it adds to the scope in the header, such as `level≥warn`.
    fn filters(&self, _look: &Look<'_>) -> Vec<String> {
        Vec::new()
    }

    /// What it offers now.
    fn facts(&self, look: &Look<'_>) -> Facts;

    /// The commands for the footer, the natural next step first.
    fn hints(&self) -> &'static [Command];

    /// Words for a command in the footer where the table's do not fit ("case" for `Enter`).
    fn hint(&self, _command: Command) -> Option<&'static str> {
        None
    }

    /// What it is about, where that is no service.
    fn about(&self, _look: &Look<'_>) -> Option<String> {
        None
    }

    /// The lines of a trace among those of the files that it shows. `None`: it shows none.
    fn held_lines(&self, _trace: TraceId) -> Option<Held> {
        None
    }

    /// Whether it is told what it asks also while another page covers it: what it reads cannot be read again.
    fn reads_on(&self) -> bool {
        false
    }

    /// Which shared facts it needs.
    fn wants(&self) -> Wants {
        Wants::default()
    }

    /// What it needs to know now. Asked again after each message: equal needs change nothing.
    fn subscriptions(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>);

    /// Takes an answer to one of its subscriptions. Returns whether the screen changes by it.
    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool;

    /// Does what a command says. Returns false when it has no use for it.
    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool;

    /// The scope changed under it (window, environment): forget what no longer holds.
    fn rescoped(&mut self, cx: &mut Cx<'_>);

    /// Whether keys are text now, not commands.
    fn is_typing(&self) -> bool {
        false
    }

    /// A key while typing.
    fn type_key(&mut self, _cx: &mut Cx<'_>, _key: KeyEvent) {}

    /// The keys that mean something while typing, for the footer, where there is no [`View::prompt`].
    fn typing_keys(&self) -> Vec<TypingKey> {
        Vec::new()
    }

    /// Where the terminal's cursor belongs while typing, where there is no [`View::prompt`].
    fn cursor(&self, _look: &Look<'_>, _area: Rect) -> Option<Position> {
        None
    }

    /// How it shows lines, for other pages of lines.
    fn manner(&self) -> Option<Manner> {
        None
    }

    /// Shows lines as another page did.
    fn set_manner(&mut self, _manner: &Manner) {}

    /// What is shown is narrowed by what the user has chosen.
    fn apply(&mut self, _cx: &mut Cx<'_>, _by: By) {}

    /// How something goes that this view writes.
    fn written(&mut self, _look: &Look<'_>, _stage: &WriteStage) {}

    /// Whether it waits for what comes of a write: it lives until it is told, also when it was left.
    fn is_writing(&self) -> bool {
        false
    }

    /// What was begun and is lost with the view, unless it is kept.
    fn draft(&self) -> Option<Draft> {
        None
    }

    /// Pasted text. Ignored unless typing.
    fn paste(&mut self, _cx: &mut Cx<'_>, _text: &str) {}

    /// A mouse event: the wheel moves the pane under it, a click focuses a pane and selects in it.
    fn mouse(&mut self, _cx: &mut Cx<'_>, _event: MouseEvent) -> Pointed {
        Pointed::Nothing
    }

    /// The graph at a place, over which a range of time can be dragged.
    fn time_axis(&self, _look: &Look<'_>, _area: Rect, _at: Position) -> Option<TimeAxis> {
        None
    }

    /// Takes a range of columns that was dragged over its graph for itself. False: it becomes the window.
    fn dragged(&mut self, _cx: &mut Cx<'_>, _columns: (u16, u16)) -> bool {
        false
    }

    /// What a range of columns stands for that is being dragged over its graph, where it takes it for itself.
    fn dragged_words(&self, _look: &Look<'_>, _area: Rect, _columns: (u16, u16)) -> Option<String> {
        None
    }

    /// What cells of its graph stand for now, where it takes a box that is dragged over it.
    fn plane(&self, _look: &Look<'_>, _area: Rect) -> Option<Plane> {
        None
    }

    /// What such a box holds.
    fn box_words(&self, _look: &Look<'_>, _extent: Extent) -> String {
        String::new()
    }

    /// Takes such a box.
    fn dragged_box(&mut self, _cx: &mut Cx<'_>, _extent: Extent) {}

    /// How much there is in a range of time that is dragged over its graph: `1,204 lines`.
    fn held_in(&self, _look: &Look<'_>, _range: TimeRange) -> Option<String> {
        None
    }

    /// Draws into `area`, for any size from 1×1 on.
    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer);

    /// What takes the footer's place while typing.
    fn prompt(&self) -> Option<&Prompt> {
        None
    }

    /// The queries of what is looked at, for the Query view: what can be copied as a query.
    fn queries(&self, look: &Look<'_>) -> Vec<TypedQuery> {
        let copies = self.yanks(look).into_iter();
        copies.filter(|y| y.label == "query" || y.label.ends_with(" query")).map(|y| TypedQuery::promql(y.text)).collect()
    }

    /// What can be copied, the most wanted first. The app adds the command line that reopens the view.
    fn yanks(&self, look: &Look<'_>) -> Vec<Yank>;

    /// Options that reopen exactly this, beyond what the scope says: `["--query", "{…}"]`.
    fn reopen(&self, _look: &Look<'_>) -> Vec<String> {
        Vec::new()
    }

    /// When something drawn from the clock alone (an age) goes out of date.
    fn next_wake(&self, _look: &Look<'_>) -> Option<Timestamp> {
        None
    }

    /// The instant has come that [`View::next_wake`] asked for, or another one, or something is known that all views share.
    fn woken(&mut self, _cx: &mut Cx<'_>) {}
}

/// A new page on a scope. `queries` are what `--query` gave, or `--alert` for the Alerts view.
pub fn open(kind: ViewKind, scope: &Scope, queries: &[TypedQuery], settings: &Settings) -> Box<dyn View> {
    let query = queries.first().map(|q| q.text.as_str());
    match kind {
        ViewKind::Alerts => Box::new(alerts::Alerts::new(query)),
        ViewKind::Services => Box::new(services::Services::default()),
        ViewKind::Service => Box::new(service::Service::new(scope)),
        ViewKind::Logs => Box::new(logs::Logs::new(scope, query)),
        // Who opens files wants what is in them, failed or not.
        ViewKind::Traces if settings.traces_opened && query.is_none() => Box::new(traces::Traces::all(scope)),
        ViewKind::Traces => Box::new(traces::Traces::new(scope, query)),
        ViewKind::Waterfall => Box::new(waterfall::Waterfall::new(scope)),
        ViewKind::Infra => Box::new(infra::Infra::default()),
        ViewKind::Structure => Box::new(structure::Structure::new(query)),
        ViewKind::Compare => Box::new(compare::Compare::new(scope, query.and_then(TraceId::parse))),
        ViewKind::Silences => Box::new(silences::Silences::default()),
        ViewKind::SilenceForm => Box::new(silence_form::SilenceForm::new(silence_form::Subject::of(scope), settings)),
        ViewKind::Query => Box::new(query::Query::new(queries)),
        ViewKind::Diagnostics => Box::new(diagnostics::Diagnostics::default()),
    }
}

/// The part of a slot that belongs to a query, where a pane asks as many as its rows need: the same query keeps its part
/// when the rows around it change.
pub fn part_of(query: &str) -> u32 {
    query.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
