//! The pure core: [`App::update`] takes what happened, [`App::subscriptions`] says what the screen needs,
//! [`App::render`] draws without changing anything.

mod alarms;
mod answered;
mod frame;
mod keys;
mod latency;
mod overlay;
mod pointer;
mod queries;
mod reopen;
mod shared;
mod stack;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;
mod writing;

use std::sync::Arc;

use ratatui::{buffer::Buffer, layout::Rect};

pub use self::shared::{Settings, Shared};
use self::{alarms::Alarms, answered::Answered, frame::Frame, latency::Latencies, overlay::Overlay, pointer::Pointer, stack::Entry};
use crate::{
    core::{
        command::{Command, Facts, ViewKind},
        effect::Effect,
        keymap::Chord,
        msg::{Event, Msg},
        request::{Answer, Refresh, Request, Response, Subscription, label_window, pick},
        scope::Scope,
        typed::TypedQuery,
    },
    model::{
        backend::{Health, SourceError},
        time::{TimeWindow, Timestamp},
    },
    ui::text,
    views::{self, Act, Cx, Look, Needs, View, logs::Manner, silence_form::Draft},
};

/// How soon a change wants to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Data came: it may wait for a moment to share a frame with more.
    Data,
    /// The user did something: at once.
    Input,
}

/// How long a notice stays in the footer.
const NOTICE: std::time::Duration = std::time::Duration::from_secs(6);
/// The smallest screen that is drawn on.
pub const MIN_SIZE: (u16, u16) = (20, 5);

/// The whole state of the program.
pub struct App {
    shared: Shared,
    stack: Vec<Entry>,
    last_id: u32,
    size: Rect,
    now: Timestamp,
    pressed: Vec<Chord>,
    pointer: Pointer,
    overlay: Option<Overlay>,
    notice: Option<(String, Timestamp)>,
    /// Silences that were begun and not written, one a subject.
    drafts: Vec<Draft>,
    /// What wants to list the kept queries once they are known, unless another key is pressed before.
    listing: Option<Command>,
    /// Why the queries that are asked are not remembered on disk, as it was said last.
    unremembered: Option<String>,
    /// Pages that were left while what they write was under way.
    left_writing: Vec<Entry>,
    /// It has been said that a write would be cut off by quitting.
    warned: bool,
    effects: Vec<Effect>,
    dirty: Option<Urgency>,
    answered: Answered,
    alarms: Alarms,
    latencies: Latencies,
    /// How lines were shown on the page of lines that was left last.
    manner: Option<Manner>,
    nonce: u32,
}

impl App {
    /// Opens a view on a scope. `queries` are what `--query` gave.
    pub fn new(shared: Shared, kind: ViewKind, scope: Scope, queries: &[TypedQuery], now: Timestamp, size: (u16, u16)) -> Self {
        let live = if scope.window.is_live() { scope.window } else { TimeWindow::Last(std::time::Duration::from_secs(3600)) };
        let refused = shared.settings.read_only && kind.writes();
        let view: Box<dyn View> = match &shared.settings.opened {
            Some(opened) => Box::new(views::logs::Logs::of_files(opened.clone(), scope.window, &scope)),
            None => views::open(if refused { ViewKind::Alerts } else { kind }, &scope, queries, &shared.settings),
        };
        let mut app = Self {
            shared,
            stack: vec![Entry { id: 1, view, scope, live, nonce: 0 }],
            last_id: 1,
            size: Rect::new(0, 0, size.0, size.1),
            now,
            pressed: Vec::new(),
            pointer: Pointer::default(),
            overlay: None,
            notice: None,
            drafts: Vec::new(),
            listing: None,
            unremembered: None,
            left_writing: Vec::new(),
            warned: false,
            effects: Vec::new(),
            dirty: Some(Urgency::Input),
            answered: Answered::default(),
            alarms: Alarms::default(),
            latencies: Latencies::default(),
            manner: None,
            nonce: 0,
        };
        if kind == ViewKind::Query {
            queries.iter().for_each(|q| app.remember(q.clone()));
        }
        if refused {
            app.say(writing::READ_ONLY);
        }
        app
    }

    /// Takes one happening.
    pub fn update(&mut self, msg: Msg) {
        self.now = msg.now;
        match msg.event {
            Event::Key(key) => self.key(key),
            Event::Paste(text) => self.paste(&text),
            Event::Mouse(event) => self.mouse(event),
            Event::Resize(width, height) => {
                self.size = Rect::new(0, 0, width, height);
                self.pointer = Pointer::default();
                self.mark(Urgency::Input);
            }
            Event::Answer(answer) => self.answer(*answer),
            Event::Asked(slot) => {
                self.shared.asked.entry(slot).or_insert(msg.now);
            }
            Event::Health(backend, health) => {
                let health = self.latencies.settled(backend, health);
                // Every report of health comes from a request, which the log has a record of.
                if !frame::looks_alike(&self.shared.health[backend as usize], &health) || self.top().view.kind() == ViewKind::Diagnostics {
                    self.shared.health[backend as usize] = health;
                    self.mark(Urgency::Data);
                }
            }
            Event::Notice(text) => self.say(text),
            Event::Kept(news) => self.kept(*news),
            Event::History(news) => self.history(*news),
            Event::Write(news) => self.written(&news),
            Event::Wake => {
                if self.notice.as_ref().is_some_and(|(_, until)| *until <= self.now) {
                    self.notice = None;
                }
                self.with_view(|view, cx| view.woken(cx));
                self.mark(Urgency::Data);
            }
        }
        self.forget_unasked();
    }

    /// A question that was dropped gets no answer: nobody waits for it any more.
    fn forget_unasked(&mut self) {
        if self.shared.asked.is_empty() && self.answered.is_empty() {
            return;
        }
        let wanted = self.needs();
        self.answered.forget(self.top().id, &wanted, |id| self.stack.iter().any(|e| e.id == id));
        let before = self.shared.asked.len();
        self.shared.asked.retain(|slot, _| wanted.iter().any(|w| w.slot == *slot));
        if self.shared.asked.len() != before {
            self.mark(Urgency::Data);
        }
    }

    /// What the visible screen needs and does not have. A covered view needs nothing, but for one that reads on.
    pub fn subscriptions(&self) -> Vec<Subscription> {
        self.answered.leave_open(self.needs())
    }

    /// What the visible screen shows, answered or not.
    fn needs(&self) -> Vec<Subscription> {
        let mut out = Vec::new();
        let top = self.top();
        let wants = top.view.wants();
        let mut app = Needs::new(0, self.nonce, self.now, &mut out);
        if wants.red {
            app.ask("red", 0, Request::DiscoverRed, Refresh::Fact(DISCOVER));
        }
        if wants.log_labels {
            app.ask(
                "log labels",
                0,
                Request::DiscoverLogLabels { window: label_window(top.scope.window, self.now) },
                Refresh::Fact(DISCOVER),
            );
        }
        if wants.traces {
            app.ask("traces", 0, Request::TraceAbilities, Refresh::Fact(DISCOVER));
        }
        self.ask_for_alarms(&mut app);
        let covered = self.stack.split_last().map_or(&[][..], |(_, covered)| covered).iter().filter(|e| e.view.reads_on());
        for entry in covered.chain([top]) {
            let look = Look { now: self.now, scope: &entry.scope, shared: &self.shared, id: entry.id };
            entry.view.subscriptions(&look, self.body(), &mut Needs::new(entry.id, entry.nonce, self.now, &mut out));
        }
        out
    }

    /// Work for the shell since the last call.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether a frame is due, and how soon, since the last call.
    pub fn take_dirty(&mut self) -> Option<Urgency> {
        self.dirty.take()
    }

    /// When something on the screen goes out of date by the clock alone.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let notice = self.notice.as_ref().map(|(_, until)| *until);
        let spinner = frame::spinner_wake(&self.shared, self.now);
        let health =
            self.shared.health.iter().any(|h| matches!(h, Health::Down { .. } | Health::Limited { .. })).then(|| self.now + SECOND);
        [notice, spinner, health, self.top().view.next_wake(&self.look())].into_iter().flatten().min()
    }

    /// Draws everything.
    pub fn render(&self, area: Rect, buf: &mut Buffer) {
        if area.width < MIN_SIZE.0 || area.height < MIN_SIZE.1 {
            frame::too_small(area, buf);
        } else {
            self.render_page(area, buf);
        }
        if !self.shared.glyphs.unicode {
            text::to_ascii(buf);
        }
    }

    fn render_page(&self, area: Rect, buf: &mut Buffer) {
        self.frame().render(area, buf);
        self.top().view.render(&self.look(), frame::body(area), buf);
        self.pointer.render(&*self.top().view, &self.look(), frame::body(area), buf);
        if let Some(overlay) = &self.overlay {
            overlay.render(&self.look(), &self.facts(), self.top().view.kind(), area, buf);
        }
    }

    /// Where the terminal's cursor belongs: in the text field, if one is open.
    pub fn cursor(&self) -> Option<(u16, u16)> {
        if self.size.width < MIN_SIZE.0 || self.size.height < MIN_SIZE.1 {
            return None;
        }
        match &self.overlay {
            Some(overlay) => overlay.cursor(self.size),
            None => {
                if let Some(at) = self.top().view.cursor(&self.look(), self.body()) {
                    return Some((at.x, at.y));
                }
                let prompt = self.top().view.prompt()?.line(self.size.width);
                Some((prompt.column.min(self.size.width - 1), self.size.height - 1))
            }
        }
    }

    /// What the visible view offers; a graph's query can be edited in the Query view.
    fn facts(&self) -> Facts {
        facts(self.top().view.as_ref(), &self.look())
    }

    fn top(&self) -> &Entry {
        // `new` puts one entry on the stack and `back` never takes the last.
        &self.stack[self.stack.len() - 1]
    }

    fn look(&self) -> Look<'_> {
        let top = self.top();
        Look { now: self.now, scope: &top.scope, shared: &self.shared, id: top.id }
    }

    fn body(&self) -> Rect {
        frame::body(self.size)
    }

    fn frame(&self) -> Frame<'_> {
        let crumbs =
            self.stack.iter().map(|e| e.view.crumb(&Look { now: self.now, scope: &e.scope, shared: &self.shared, id: e.id })).collect();
        Frame {
            look: self.look(),
            view: self.top().view.as_ref(),
            crumbs,
            notice: self
                .pointer
                .note(self.top().view.as_ref(), &self.look(), self.body())
                .or_else(|| self.notice.as_ref().map(|(text, _)| text.clone())),
            pressed: &self.pressed,
        }
    }

    fn mark(&mut self, urgency: Urgency) {
        self.dirty = self.dirty.max(Some(urgency));
    }

    fn say(&mut self, text: impl Into<String>) {
        self.notice = Some((text.into(), self.now + NOTICE));
        self.mark(Urgency::Input);
    }

    /// Lets the visible view handle something and then does what it asks.
    fn with_view(&mut self, handle: impl FnOnce(&mut dyn View, &mut Cx<'_>)) {
        self.with_entry(self.stack.len() - 1, handle);
    }

    fn with_entry(&mut self, place: usize, handle: impl FnOnce(&mut dyn View, &mut Cx<'_>)) {
        let area = self.body();
        let Some(entry) = self.stack.get_mut(place) else { return };
        let mut acts = Vec::new();
        let look = Look { now: self.now, scope: &entry.scope, shared: &self.shared, id: entry.id };
        handle(entry.view.as_mut(), &mut Cx { look, area, acts: &mut acts });
        for act in acts {
            self.act(act);
        }
    }

    /// Does what a view asked for.
    fn act(&mut self, act: Act) {
        match act {
            Act::Push(kind, scope) => self.push(kind, *scope),
            Act::Lines(seed, scope) => self.push_view(Box::new(views::logs::Logs::seeded(*seed, &scope, self.now)), *scope),
            Act::Traces(scope) => self.push_view(Box::new(views::traces::Traces::all(&scope)), *scope),
            Act::Search(query, scope) => self.push_view(Box::new(views::traces::Traces::new(&scope, Some(&query))), *scope),
            Act::Compare(seed, scope) => self.push_view(Box::new(views::compare::Compare::seeded(*seed, self.now)), *scope),
            Act::Infra(labels, scope) => self.push_view(Box::new(views::infra::Infra::new(Some(labels))), *scope),
            Act::Structure(seed, scope) => self.push_view(Box::new(views::structure::Structure::seeded(*seed)), *scope),
            Act::Narrow(by) => self.with_view(|view, cx| view.apply(cx, *by)),
            Act::Choose(title, rows) => self.overlay = Some(Overlay::choose(title, rows)),
            Act::Rescope(scope) => self.rescope(*scope),
            Act::Notice(text) => self.say(text),
            Act::Effect(effect) => self.effects.push(effect),
            Act::Asked(query) => self.remember(query),
            Act::TraceColumns(columns) => self.shared.trace_columns = columns,
            Act::Queries(queries) => self.query(&queries),
            Act::Back => self.back(),
            Act::OpenSilence(silence) => self.open_silence(*silence),
            Act::SilenceFold(fold) => self.open_fold(*fold),
            Act::Write(change) => self.write(*change),
        }
    }

    /// Another theme, loaded by the shell.
    pub fn theme_switched(&mut self, theme: crate::theme::Theme) {
        self.shared.theme = theme;
        self.mark(Urgency::Input);
    }

    fn answer(&mut self, answer: Answer) {
        if self.shared.asked.remove(&answer.slot).is_some_and(|since| self.now.since(since) >= frame::PATIENCE) {
            self.mark(Urgency::Data);
        }
        let needs = self.needs();
        // An answer for a scope that was left says nothing any more.
        if !needs.iter().any(|n| n.slot == answer.slot && n.request == *answer.request) {
            return;
        }
        if let Ok(response) = &answer.result {
            self.shared.learn_services(response);
        }
        self.answered.note(&needs, &answer, self.now);
        self.hear(&answer);
        if answer.slot.view == 0 {
            if self.app_answer(answer) {
                self.with_view(|view, cx| view.woken(cx));
                self.mark(Urgency::Data);
            }
            return;
        }
        let Some(place) = self.stack.iter().rposition(|e| e.id == answer.slot.view) else { return };
        let mut changed = false;
        self.with_entry(place, |view, cx| changed = view.answer(cx, answer));
        if changed && place + 1 == self.stack.len() {
            self.mark(Urgency::Data);
        }
    }

    fn app_answer(&mut self, answer: Answer) -> bool {
        match (answer.slot.pane, answer.result) {
            ("red", result) => {
                let found = expect(result, pick!(Red));
                let before = self.shared.red.value();
                let found = found.map(|m| before.filter(|_| m.is_incomplete()).map_or(m.clone(), |b| Arc::new((*m).clone().kept_from(b))));
                let changed = self.shared.red.settle(answer.asked, found);
                changed | self.shared.rank_log_labels()
            }
            ("log labels", result) => {
                let found = expect(result, pick!(LogLabels));
                let found = found.map(|labels| self.shared.ranked(&labels));
                self.shared.log_labels.settle(answer.asked, found)
            }
            ("traces", result) => {
                let found = expect(result, pick!(TraceAbilities));
                self.shared.traces.settle(answer.asked, found)
            }
            _ => false,
        }
    }
}

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);
const DISCOVER: std::time::Duration = std::time::Duration::from_secs(600);

/// What a view offers; a query that can be copied can be edited, in the Query view.
fn facts(view: &dyn View, look: &Look<'_>) -> Facts {
    let own = view.facts(look);
    Facts { query: own.query || !view.queries(look).is_empty(), ..own }
}

/// The content of an answer that has the expected kind. Another kind is a fault of the shell, told as such.
///
/// # Errors
/// The answer's own error, or [`crate::model::backend::ErrorKind::Bug`].
pub fn expect<T>(result: Result<Response, SourceError>, pick: impl FnOnce(Response) -> Option<T>) -> Result<T, SourceError> {
    use crate::model::backend::{Backend, ErrorKind};
    result.and_then(|r| {
        pick(r).ok_or_else(|| SourceError::new(Backend::Prometheus, ErrorKind::Bug, "the answer is of another kind than the question"))
    })
}
