//! What is typed into the footer: the filter, answered as it is typed, and the query.

use ratatui::layout::Rect;

use super::{Logs, query};
use crate::{
    model::log::{Level, LogLabels},
    store::Pattern,
    ui::format,
    views::{Cx, prompt::Prompt},
};

/// What is being typed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Typing {
    Filter,
    Query,
}

impl Logs {
    pub(super) fn start_typing(&mut self, cx: &Cx<'_>, typing: Typing) {
        let prompt = match typing {
            Typing::Filter => Prompt::pattern(self.store.show().pattern.as_ref()),
            Typing::Query => Prompt::new("query ", &self.plan(&cx.look).map(|p| p.base).unwrap_or_default(), ""),
        };
        self.filter_before.clone_from(&self.store.show().pattern);
        self.prompt = Some((typing, prompt));
    }

    pub(super) fn typed_on(&mut self, area: Rect) {
        let Some((Typing::Filter, prompt)) = &mut self.prompt else { return };
        match Pattern::parse(prompt.text()) {
            Ok(pattern) => {
                prompt.note.clear();
                self.show(area, |show| show.pattern = pattern);
                let note = self.passing();
                if let Some((_, prompt)) = &mut self.prompt {
                    prompt.note = note;
                }
            }
            Err(why) => prompt.note = why,
        }
    }

    /// `11 of 100 lines`
    fn passing(&self) -> String {
        format!("{} of {}", format::count(self.store.shown() as u64), format::counted(self.kept(), "line"))
    }

    pub(super) fn accepted(&mut self, cx: &mut Cx<'_>) {
        let Some((Typing::Query, prompt)) = self.prompt.take() else { return };
        let text = prompt.text().trim().to_owned();
        let own = query::plan(cx.look.scope, cx.look.shared.log_labels.value().map_or(&LogLabels::default(), |l| l), None, Level::Unknown);
        let typed = (!text.is_empty() && text != own.base).then_some(text);
        if typed != self.typed {
            self.typed = typed;
            self.wanted = None;
            self.restart();
        }
    }

    pub(super) fn cancelled(&mut self, area: Rect) {
        if let Some((Typing::Filter, _)) = self.prompt.take() {
            let before = self.filter_before.take();
            self.show(area, |show| show.pattern = before);
        }
    }
}
