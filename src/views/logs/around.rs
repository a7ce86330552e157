//! The lines around one in its stream, without filters: read on both sides as they are looked at, up to the window's ends.

use std::time::Duration;

use ratatui::layout::Rect;

use super::{
    Logs,
    follow::{Seed, about},
};
use crate::{
    core::request::{Refresh, Request},
    model::{
        backend::SourceError,
        log::{NewerLines, Older},
        time::{TimeRange, TimeWindow, Timestamp},
    },
    store::LineId,
    views::{Act, Cx, Look, Needs},
};

/// How far it reaches at first; a longer window reaches further.
const REACH: Duration = Duration::from_secs(3600);

/// What is known of the lines after those that are here.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum After {
    /// From this instant on they are read when they are looked at.
    Left(Timestamp),
    /// The end of the window is reached.
    Nothing,
    /// They did not come.
    Failed(Timestamp, SourceError),
}

impl Logs {
    /// Opens the lines around the selected one.
    pub(super) fn context(&mut self, cx: &mut Cx<'_>) {
        if self.context_in_files(cx) {
            return;
        }
        let Some(line) = self.line() else { return };
        let query = line.stream.to_string();
        if line.stream.is_empty() {
            cx.notice("the server did not say which stream the line is of");
            return;
        }
        let line = line.to_log_line();
        let window = match about(line.at, REACH) {
            TimeWindow::Fixed(range) => {
                TimeWindow::Fixed(TimeRange { end: range.end.min(cx.look.now).max(Timestamp(line.at.0 + 1)), ..range })
            }
            live => live,
        };
        let scope = cx.look.scope.without_trace().with_window(window);
        let seed = Seed { query, crumb: Some("context".to_owned()), line: Some(Box::new(line)), around: true, ..Seed::default() };
        self.list.follow = false;
        cx.acts.push(Act::Lines(Box::new(seed), Box::new(scope)));
    }

    /// Begins from one line: nothing is known on either side of it.
    pub(super) fn begin_around(&mut self, at: Timestamp, now: Timestamp) {
        let after = Timestamp(at.0.saturating_add(1));
        if let Some(past) = self.told.past(0) {
            past.page(now, now, after, Older::Left(after));
        }
        self.after = Some(After::Left(after));
    }

    pub(super) fn ask_newer(&self, look: &Look<'_>, query: &str, area: Rect, needs: &mut Needs<'_>) {
        let Some(After::Left(after) | After::Failed(after, _)) = &self.after else { return };
        if self.reads_newer(*after, area) {
            let request = Request::LogNewer { query: query.to_owned(), window: look.scope.window, after: *after };
            needs.ask("newer", 0, request, Refresh::Once);
        }
    }

    /// Whether the selection is within a screen of the last line that is known to have all lines before it.
    fn reads_newer(&self, after: Timestamp, area: Rect) -> bool {
        let known = self.store.position(LineId { at: after, arrival: 0 });
        self.store.has_room() && self.list.index(&self.store).is_none_or(|i| i + self.list_height(area) >= known)
    }

    pub(super) fn newer_page(&mut self, result: Result<NewerLines, SourceError>) {
        match result {
            Ok(page) => {
                self.after = Some(page.left.map_or(After::Nothing, After::Left));
                page.gap.into_iter().for_each(|gap| self.told.gap(gap));
                self.store.insert(page.lines);
            }
            Err(error) => {
                if let Some(After::Left(after) | After::Failed(after, _)) = self.after {
                    self.after = Some(After::Failed(after, error));
                }
            }
        }
    }

    /// What lies after the lines that are here, where the selection is near.
    pub(super) fn after_note(&self, area: Rect) -> Option<String> {
        match self.after.as_ref()? {
            After::Failed(_, error) => Some(format!("newer lines: {}", error.message)),
            After::Nothing if self.reads_newer(self.store.newest()?, area) => Some("no newer lines in this window".to_owned()),
            After::Nothing => None,
            After::Left(after) if self.reads_newer(*after, area) => Some("newer lines: loading".to_owned()),
            After::Left(_) if !self.store.has_room() => Some("newer lines: buffer full".to_owned()),
            After::Left(_) => Some("newer ones not loaded".to_owned()),
        }
    }
}
