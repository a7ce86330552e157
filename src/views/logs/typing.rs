//! What is typed into the footer: the filter, answered as it is typed, and a time to go to.

use std::time::Duration;

use super::{
    Logs, Wanted,
    follow::{Seed, about_until},
    patterns::windows::FORMS,
    query,
    query::Narrow,
    typed,
};
use crate::{
    model::log_labels::LogLabels,
    store::{LineId, Pattern},
    time_input::parse_instant,
    ui::format,
    views::{Act, Cx, Look, prompt::Prompt},
};

/// What is being typed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Typing {
    Filter,
    Time,
    /// The windows whose patterns are compared.
    Windows,
    Condition,
}

/// What is read before and after a time that is not held.
const AROUND: Duration = Duration::from_secs(15 * 60);

impl Logs {
    pub(super) fn start_typing(&mut self, typing: Typing) {
        let prompt = match typing {
            Typing::Filter => Prompt::pattern(self.store.show().pattern.as_ref()),
            Typing::Condition => Prompt::new("condition ", "", typed::FORMS),
            Typing::Time => Prompt::new("go to ", "", "14:32   14:32:07.114   -15m   a pasted timestamp"),
            Typing::Windows => Prompt::new("compare ", "", FORMS),
        };
        self.filter_before.clone_from(&self.store.show().pattern);
        self.prompt = Some((typing, prompt));
    }

    pub(super) fn typed_on(&mut self, cx: &Cx<'_>) {
        if let Some((Typing::Condition, _)) = &self.prompt {
            self.condition_typed(cx);
        }
        let Some((Typing::Filter, prompt)) = &mut self.prompt else { return };
        match Pattern::parse(prompt.text()) {
            Ok(pattern) => {
                prompt.note.clear();
                self.show(cx, |show| show.pattern = pattern);
                self.note_passing(&cx.look);
            }
            Err(why) => prompt.note = why,
        }
    }

    /// Says behind the filter that is typed how many lines pass.
    pub(super) fn note_passing(&mut self, look: &Look<'_>) {
        if self.draft.is_some() {
            self.note_condition(look);
            return;
        }
        let ask = if self.files.is_none() && self.store.show().pattern.is_some() { "   Tab asks Loki" } else { "" };
        let note = format!("{} of {}{ask}", self.shown_count(look), format::counted(self.kept(), "line"));
        if let Some((Typing::Filter, prompt)) = self.prompt.as_mut().filter(|(_, p)| Pattern::parse(p.text()).is_ok()) {
            prompt.note = note;
        }
    }

    pub(super) fn accepted(&mut self, cx: &mut Cx<'_>) {
        if let Some(why) = self.wrong_typed() {
            cx.notice(why);
            return;
        }
        let Some((typing, prompt)) = self.prompt.take() else { return };
        let text = prompt.text().trim().to_owned();
        match typing {
            Typing::Filter => {}
            Typing::Time | Typing::Windows if text.is_empty() => {}
            Typing::Windows => self.windows_typed(cx, &text),
            Typing::Condition => self.condition_accepted(cx),
            Typing::Time => self.go_to_time(cx, &text),
        }
    }

    /// What cannot be read of a filter or a condition. It stays to be mended.
    fn wrong_typed(&self) -> Option<String> {
        match self.prompt.as_ref()? {
            (Typing::Filter, prompt) => Pattern::parse(prompt.text()).err(),
            (Typing::Condition, _) => self.draft.as_ref()?.wrong.clone(),
            (Typing::Time | Typing::Windows, _) => None,
        }
    }

    /// Goes to the first line from a time on, at once where all from then on are here; else they are read from there on, in both
    /// directions.
    fn go_to_time(&mut self, cx: &mut Cx<'_>, text: &str) {
        let at = match parse_instant(text, cx.look.now, cx.look.shared.settings.zone.0) {
            Ok(at) => at,
            Err(why) => {
                cx.notice(why);
                return;
            }
        };
        let is_between = self.store.oldest().is_some_and(|first| first <= at) && self.store.newest().is_some_and(|last| at <= last);
        let is_read = if self.files.is_some() { !self.is_left_out(at) } else { self.told.reaches(at) && !self.is_after(at) };
        if is_between && is_read {
            self.go(self.store.position(LineId { at, arrival: 0 }), cx);
            return;
        }
        (self.wanted, self.spree) = (Some(Wanted::Time(at)), 0);
        let is_in = cx.look.range().contains(at);
        if is_in && !is_read && !cx.look.scope.window.is_live() && self.reads_both_ways(&cx.look) {
            self.restart();
            self.begin_where_wanted(&cx.look);
        } else if !(is_in && is_read) {
            cx.acts.push(Act::Rescope(Box::new(cx.look.scope.with_window(about_until(at, AROUND, cx.look.now)))));
        }
        self.list.follow = false;
        self.settle(cx);
    }

    pub(super) fn ask_typed(&mut self, cx: &mut Cx<'_>, text: String) {
        let asked = self.plan(&cx.look);
        if self.files.is_some() || asked.as_ref().is_some_and(|p| p.base == text) {
            return;
        }
        let labels = cx.look.shared.log_labels.value().map_or_else(LogLabels::default, |l| (**l).clone());
        let own = query::plan(cx.look.scope, &labels, Narrow::default());
        // What is typed has the filters by fields in it, or does without them.
        let typed = (!text.is_empty() && text != own.base).then_some(text);
        self.typed = typed.map(|query| Seed { query, ..Seed::default() });
        let was_around = self.is_around();
        (self.wanted, self.after) = (None, None);
        let plan = self.plan_of(&cx.look, &[], self.level());
        // The same question in other words is not asked again.
        if was_around || plan.map(|p| p.streams) != asked.map(|p| p.streams) {
            self.restart();
            self.store.ask_anew(query::asked_level(self.level()), &[]);
            self.cost.forget(cx.look.now);
        }
        self.show(cx, |show| show.conditions.clear());
    }

    pub(super) fn cancelled(&mut self, cx: &Cx<'_>) {
        match self.prompt.take() {
            Some((Typing::Filter, _)) => {
                let before = self.filter_before.take();
                self.show(cx, |show| show.pattern = before);
            }
            Some((Typing::Condition, _)) => self.condition_cancelled(cx),
            Some((Typing::Time | Typing::Windows, _)) | None => {}
        }
    }

    /// Completes a condition, or has the server asked for the filter. Returns false where there is nothing of the kind.
    pub(super) fn complete_typed(&mut self, cx: &mut Cx<'_>) -> bool {
        match &self.prompt {
            Some((Typing::Condition, _)) => self.complete_condition(cx),
            Some((Typing::Filter, _)) if self.files.is_none() && self.store.show().pattern.is_some() => {
                self.accepted(cx);
                self.filter_to_query(cx);
            }
            _ => return false,
        }
        true
    }
}
