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
        silence_form::{SilenceForm, Subject},
        silence_words,
    },
};

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
        self.push(ViewKind::SilenceForm, scope);
    }

    /// The form on a silence that there is.
    pub(super) fn open_silence(&mut self, silence: Silence) {
        let scope = self.top().scope.clone();
        let form = self.silence_form(Subject::silence(&scope, silence));
        self.push_view(form, scope);
    }

    /// The form as it was left, or a new one.
    pub(super) fn silence_form(&mut self, subject: Subject) -> Box<dyn View> {
        match self.drafts.iter().position(|draft| draft.is_of(&subject)) {
            Some(place) => {
                let draft = self.drafts.remove(place);
                self.say("as you left it");
                Box::new(SilenceForm::resume(draft, &self.shared.settings))
            }
            None => Box::new(SilenceForm::new(subject, &self.shared.settings)),
        }
    }

    /// A page is left: what was begun on it is kept.
    pub(super) fn keep_draft(&mut self, left: &Entry) {
        if let Some(draft) = left.view.draft() {
            self.drafts.push(draft);
            let key = self.shared.keymap.key(Command::Silence).unwrap_or_default();
            self.say(format!("nothing was written; the draft is kept: {key} opens it again"));
        }
    }

    /// Back to a page further down.
    pub(super) fn keep_draft_of_all_above(&mut self, depth: usize) {
        for left in self.stack.split_off((depth + 1).min(self.stack.len())) {
            self.keep_draft(&left);
        }
    }

    /// The view of a new page. `None`: made by [`crate::views::open`].
    pub(super) fn form_for(&mut self, kind: ViewKind, scope: &Scope) -> Option<Box<dyn View>> {
        (kind == ViewKind::SilenceForm).then(|| self.silence_form(Subject::of(scope)))
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
        }
        let (now, shared) = (self.now, &self.shared);
        if let Some(entry) = self.stack.iter_mut().find(|e| e.id == *view) {
            entry.view.written(&Look { now, scope: &entry.scope, shared, id: entry.id }, stage);
        }
        if self.top().id != *view {
            self.say(silence_words::notice(stage));
        }
        self.mark(Urgency::Input);
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
