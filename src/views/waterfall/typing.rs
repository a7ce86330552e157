//! What is typed after `/`: a search over the spans, or a filter of the detail that has the focus.

use crossterm::event::KeyEvent;

use super::Waterfall;
use crate::{
    store::Pattern,
    ui::field::Typed,
    views::{Cx, prompt::Prompt},
};

impl Waterfall {
    pub(super) fn start_typing(&mut self) {
        let before = if self.in_detail { self.detail_filter.as_ref() } else { self.search.as_ref().and_then(|s| s.pattern.as_ref()) };
        self.prompt = Some(Prompt::pattern(before));
    }

    pub(super) fn typed(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let Some(prompt) = &mut self.prompt else { return };
        match prompt.key(key) {
            Typed::Changed => self.typed_on(cx),
            Typed::Accepted => {
                self.prompt = None;
                if !self.in_detail {
                    self.reveal_found(cx.area);
                }
            }
            Typed::Cancelled => {
                self.prompt = None;
                if self.in_detail {
                    self.detail_filter = None;
                } else {
                    self.search = None;
                }
            }
            Typed::Ignored => {}
        }
    }

    /// What is typed so far counts at once.
    pub(super) fn typed_on(&mut self, cx: &Cx<'_>) {
        if !self.in_detail {
            return self.searched(cx.area);
        }
        let Some(prompt) = &mut self.prompt else { return };
        match Pattern::parse(prompt.text()) {
            Ok(pattern) => {
                prompt.note.clear();
                self.detail_filter = pattern;
                self.pane.another();
            }
            Err(why) => prompt.note = why,
        }
    }
}
