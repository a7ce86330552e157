//! The Service view.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Cx, Look, Needs, View, Yank};
use crate::core::{
    command::{Command, Facts, ViewKind},
    request::Answer,
    scope::Scope,
};

/// The page's state.
pub struct Service {}

impl Service {
    /// A new page.
    pub fn new(_scope: &Scope) -> Self {
        Self {}
    }
}

impl View for Service {
    fn kind(&self) -> ViewKind {
        ViewKind::Service
    }

    fn crumb(&self, _look: &Look<'_>) -> String {
        self.kind().title().to_owned()
    }

    fn facts(&self, _look: &Look<'_>) -> Facts {
        Facts::default()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Drill]
    }

    fn subscriptions(&self, _look: &Look<'_>, _area: Rect, _needs: &mut Needs<'_>) {}

    fn answer(&mut self, _cx: &mut Cx<'_>, _answer: Answer) -> bool {
        false
    }

    fn command(&mut self, _cx: &mut Cx<'_>, _command: Command) -> bool {
        false
    }

    fn rescoped(&mut self, _cx: &mut Cx<'_>) {}

    fn render(&self, _look: &Look<'_>, _area: Rect, _buf: &mut Buffer) {}

    fn yanks(&self, _look: &Look<'_>) -> Vec<Yank> {
        Vec::new()
    }
}
