//! What is written to a server: asked for by a view, done by the shell, and told to the view or, when it is gone, to the
//! reader. And the drafts of what was begun.

use super::{App, Urgency, stack::Entry};
use crate::{
    core::{
        command::{Command, Spec, ViewKind},
        effect::{Effect, Write, WriteNews, WriteStage},
        request::Request,
        scope::Scope,
    },
    model::silence::{Silence, SilenceChange},
    views::{
        Look, View,
        silence_form::{Fold, SilenceForm, Subject},
        silence_words,
    },
};

/// How long it stays in the footer what came of a write, unless a key is pressed.
const UNSEEN: std::time::Duration = std::time::Duration::from_secs(600);
/// What is said where something was asked for that `--read-only` does not have.
pub(super) const READ_ONLY: &str = "redline was started with --read-only: it offers nothing that writes to a server";

impl App {
    /// Whether a command is there at all in this run.
    pub(super) fn has(look: &Look<'_>, spec: &Spec) -> bool {
        !(look.shared.settings.read_only && spec.command.writes())
    }

    /// The form on the alert of a scope, or an empty one.
    pub(super) fn open_silence_form(&mut self) {
        let scope = self.top().scope.clone();
        self.open_form(Subject::of(&scope), scope);
    }

    /// The form on a silence that there is.
    pub(super) fn open_silence(&mut self, silence: Silence) {
        let scope = self.top().scope.clone();
        self.open_form(Subject::silence(&scope, silence), scope);
    }

    /// The form on several alerts.
    pub(super) fn open_fold(&mut self, fold: Fold) {
        let scope = self.top().scope.clone();
        self.open_form(Subject::fold(&scope, fold), scope);
    }

    /// The form that is writing this, the one that was left, or a new one.
    pub(super) fn open_form(&mut self, subject: Subject, scope: Scope) {
        let is_it = |e: &Entry| e.view.is_writing() && e.view.draft().is_some_and(|d| d.is_of(&subject));
        // A second form would lead to a second silence.
        if let Some(place) = self.left_writing.iter().position(is_it) {
            let entry = self.left_writing.remove(place);
            self.push_entry(entry);
        } else if let Some(place) = self.stack.iter().position(is_it) {
            let entry = self.stack.remove(place);
            self.push_entry(entry);
        } else {
            let form = self.silence_form(subject);
            self.push_view(form, scope);
        }
    }

    /// The form as it was left, or a new one.
    fn silence_form(&mut self, subject: Subject) -> Box<dyn View> {
        match self.drafts.iter().position(|draft| draft.is_of(&subject)) {
            Some(place) => {
                let draft = self.drafts.remove(place);
                self.say("as you left it");
                Box::new(SilenceForm::resume(draft.on(subject), &self.shared.settings))
            }
            None => Box::new(SilenceForm::new(subject, &self.shared.settings)),
        }
    }

    /// A page is left: what was begun on it is kept, and what it writes goes on.
    pub(super) fn keep_draft(&mut self, left: Entry) {
        if left.view.is_writing() {
            self.left_writing.push(left);
            self.say("the silence is being written all the same: what comes of it is told here");
        } else if let Some(draft) = left.view.draft() {
            self.drafts.push(draft);
            let key = self.shared.keymap.key(Command::Silence).unwrap_or_default();
            self.say(format!("nothing was written; the draft is kept: {key} opens it again"));
        }
    }

    /// Back to a page further down.
    pub(super) fn keep_draft_of_all_above(&mut self, depth: usize) {
        for left in self.stack.split_off((depth + 1).min(self.stack.len())) {
            self.keep_draft(left);
        }
    }

    pub(super) fn write(&mut self, change: SilenceChange) {
        if self.shared.settings.read_only {
            self.say(READ_ONLY);
            return;
        }
        let view = self.top().id;
        self.effects.push(Effect::Write(Box::new(Write { view, change })));
    }

    pub(super) fn written(&mut self, news: &WriteNews) {
        let WriteNews { view, stage } = news;
        if matches!(stage, WriteStage::Ended(_)) {
            self.ask_for_silences_again();
            self.warned = false;
        }
        let (now, shared) = (self.now, &self.shared);
        if let Some(entry) = self.stack.iter_mut().chain(&mut self.left_writing).find(|e| e.id == *view) {
            entry.view.written(&Look { now, scope: &entry.scope, shared, id: entry.id }, stage);
        }
        if self.top().id != *view {
            self.notice = Some((silence_words::notice(stage), now + UNSEEN));
        }
        let ended = |e: &Entry| e.id == *view && !e.view.is_writing();
        if let Some(place) = self.left_writing.iter().position(ended) {
            let left = self.left_writing.remove(place);
            // What was not written, or perhaps not, opens again as it was.
            self.drafts.extend(left.view.draft());
        }
        self.mark(Urgency::Input);
    }

    /// Ends the program, but not in the middle of a write without a word.
    pub(super) fn quit(&mut self) {
        let is_writing = self.stack.iter().chain(&self.left_writing).any(|e| e.view.is_writing());
        if is_writing && !std::mem::replace(&mut self.warned, true) {
            return self.say("a silence is being written: to quit now leaves open whether it is; once more quits");
        }
        self.effects.push(Effect::Quit);
    }

    /// What is shown of alerts and silences is no longer true.
    fn ask_for_silences_again(&mut self) {
        for entry in &mut self.stack {
            if matches!(entry.view.kind(), ViewKind::Alerts | ViewKind::Silences | ViewKind::SilenceForm) {
                entry.nonce = entry.nonce.wrapping_add(1);
            }
        }
        self.answered.forget_answers_to(&Request::AlertmanagerAlerts);
    }
}

#[cfg(test)]
mod tests;
