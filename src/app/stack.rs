//! The pages that `Esc` goes back through, and the scope of the one on top.

use super::{App, Urgency};
use crate::{
    core::{
        command::{Command, ViewKind},
        scope::Scope,
    },
    model::{
        backend::{Backend, Health},
        time::TimeWindow,
        trace::TraceId,
    },
    views::{
        self, View,
        logs::{Held, Logs, Manner},
        silence_form::Subject,
    },
};

/// A page on the stack with the scope it shows.
pub(super) struct Entry {
    pub id: u32,
    pub view: Box<dyn View>,
    pub scope: Scope,
    /// The live window that `0` returns to.
    pub live: TimeWindow,
    /// Counts the wishes to ask again now.
    pub nonce: u32,
}

/// How many pages `Esc` can go back.
const MAX_DEPTH: usize = 32;
impl App {
    /// Another environment is talked to now: all that was known of the old one is forgotten.
    pub fn environment_switched(&mut self, name: &str) {
        self.shared.red.clear();
        self.shared.log_labels.clear();
        self.shared.traces.clear();
        self.shared.health = Default::default();
        self.shared.asked.clear();
        self.answered.clear();
        self.alarms = Default::default();
        self.latencies = Default::default();
        self.shared.kept = None;
        let (live, service) = (self.top().live, self.top().scope.service.clone());
        self.manner = self.manner();
        for left in std::mem::take(&mut self.stack) {
            self.keep_draft(left);
        }
        let mut scope = Scope::new(name, live);
        scope.service = service;
        self.last_id += 1;
        self.stack = vec![Entry {
            id: self.last_id,
            view: views::open(ViewKind::Alerts, &scope, &[], &self.shared.settings),
            scope,
            live,
            nonce: 0,
        }];
        self.say(format!("environment {name}"));
    }

    /// The scope of the row under the cursor stays; a digit opens another view of the same scope.
    pub(super) fn jump(&mut self, kind: ViewKind) {
        if self.top().view.kind() == kind {
            self.say(format!("this is {}", kind.title()));
            return;
        }
        let scope = &self.top().scope;
        // These two lead to another alert or service: the trace that was open is not about it.
        let scope = if matches!(kind, ViewKind::Alerts | ViewKind::Services) { scope.without_trace() } else { scope.clone() };
        self.push(kind, scope);
    }

    pub(super) fn push(&mut self, kind: ViewKind, scope: Scope) {
        if kind == ViewKind::SilenceForm {
            return self.open_form(Subject::of(&scope), scope);
        }
        let view = match scope.trace.filter(|_| kind == ViewKind::Logs).and_then(|trace| self.lines_in_files(trace)) {
            Some(held) => Box::new(Logs::of_trace(held, &scope)),
            None => views::open(kind, &scope, &[], &self.shared.settings),
        };
        self.push_view(view, scope);
    }

    /// The lines of a trace in the files that are open. Where these have none a Loki may.
    fn lines_in_files(&mut self, trace: TraceId) -> Option<Held> {
        let held = self.stack.iter().find_map(|entry| entry.view.held_lines(trace))?;
        let has_loki = *self.shared.health(Backend::Loki) != Health::NotConfigured;
        match held.lines.is_empty() {
            true if has_loki => {
                self.say("no line of the files names this trace: these are Loki's");
                None
            }
            false if has_loki => {
                self.say("these are lines of the files: Loki was not asked");
                Some(held)
            }
            _ => Some(held),
        }
    }

    pub(super) fn push_view(&mut self, mut view: Box<dyn View>, scope: Scope) {
        self.last_id += 1;
        if let Some(manner) = self.manner() {
            view.set_manner(&manner);
        }
        let live = if scope.window.is_live() { scope.window } else { self.top().live };
        self.push_entry(Entry { id: self.last_id, view, scope, live, nonce: 0 });
    }

    /// How lines are shown on the page of lines that was looked at last.
    fn manner(&self) -> Option<Manner> {
        self.stack.iter().rev().find_map(|entry| entry.view.manner()).or_else(|| self.manner.clone())
    }

    pub(super) fn push_entry(&mut self, entry: Entry) {
        self.stack.push(entry);
        if self.stack.len() > MAX_DEPTH {
            let left = self.stack.remove(1);
            self.keep_draft(left);
        }
        self.mark(Urgency::Input);
    }

    pub(super) fn back(&mut self) {
        if self.stack.len() > 1 {
            self.manner = self.manner();
            if let Some(left) = self.stack.pop() {
                self.keep_draft(left);
            }
            self.mark(Urgency::Input);
        } else {
            let quit = self.shared.keymap.key(Command::Quit).unwrap_or_default();
            self.say(format!("this is where you came in; {quit} quits"));
        }
    }

    pub(super) fn set_window(&mut self, window: TimeWindow) {
        let mut scope = self.top().scope.clone();
        scope.window = window;
        if window.is_live()
            && let Some(top) = self.stack.last_mut()
        {
            top.live = window;
        }
        self.rescope(scope);
    }

    pub(super) fn rescope(&mut self, scope: Scope) {
        let last = self.stack.len() - 1;
        if self.stack[last].scope != scope {
            self.stack[last].scope = scope;
            self.with_view(|view, cx| view.rescoped(cx));
        }
        self.mark(Urgency::Input);
    }
}
