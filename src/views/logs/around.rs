//! The lines around one in its stream, without filters, and those around a time: read on both sides as they are looked at, up
//! to the window's ends.

use std::time::Duration;

use ratatui::layout::Rect;

use super::{
    Logs,
    follow::{Seed, SeedKind, about_until},
    query::Plan,
};
use crate::{
    core::{
        command::Command,
        request::{Refresh, Request},
    },
    model::{backend::SourceError, log::NewerLines, time::Timestamp},
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
        let scope = cx.look.scope.without_trace().with_window(about_until(line.at, REACH, cx.look.now));
        let seed = Seed { query, crumb: Some("context".to_owned()), line: Some(Box::new(line)), kind: SeedKind::Around, ..Seed::default() };
        self.list.follow = false;
        cx.acts.push(Act::Lines(Box::new(seed), Box::new(scope)));
    }

    pub(super) fn ask_newer(&self, look: &Look<'_>, plan: &Plan, area: Rect, needs: &mut Needs<'_>) {
        let (Some(After::Left(after) | After::Failed(after, _)), Some(query)) = (&self.after, plan.streams.first()) else { return };
        // As for older ones.
        let is_slow = matches!(&self.after, Some(After::Failed(_, error)) if error.is_too_slow());
        if self.reads_newer(*after, area) && !is_slow {
            let request = Request::LogNewer { query: query.clone(), window: look.scope.window, after: *after };
            needs.ask("newer", 0, request, Refresh::Once);
        }
    }

    /// Whether the selection is within a screen of the last line that is known to have all lines before it.
    fn reads_newer(&self, after: Timestamp, area: Rect) -> bool {
        let known = self.store.position(LineId { at: after, arrival: 0 });
        let below = |i: usize| self.store.rows_from(i).nth(self.list_height(area)).map(|(n, _)| n);
        self.store.has_room() && self.list.index(&self.store).and_then(below).is_none_or(|n| n >= known)
    }

    /// Whether an instant is after the lines that are known to be all.
    pub(super) fn is_after(&self, at: Timestamp) -> bool {
        matches!(self.after, Some(After::Left(after) | After::Failed(after, _)) if after <= at)
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

    /// The user wants to try again what did not come.
    pub(super) fn try_again(&mut self) {
        self.told.older_failed = Default::default();
        if let Some(After::Failed(after, _)) = self.after {
            self.after = Some(After::Left(after));
        }
    }

    /// Why there are no lines around a time yet.
    pub(super) fn blank_around(&self) -> Option<Vec<String>> {
        let after = self.after.as_ref()?;
        let failed = if let After::Failed(_, error) = after { Some(error) } else { self.told.older_failed() };
        match failed {
            Some(error) => Some(vec![error.message.clone()]),
            None if self.told.has_left() || matches!(after, After::Left(_)) => Some(vec!["Reading the lines around that time.".to_owned()]),
            None => None,
        }
    }

    /// What lies after the lines that are here, where the selection is near.
    pub(super) fn after_note(&self, look: &Look<'_>, area: Rect) -> Option<String> {
        match self.after.as_ref()? {
            After::Failed(_, error) => Some(format!("newer lines: {}", again(look, error))),
            After::Nothing if self.reads_newer(self.store.newest()?, area) => Some("no newer lines in this window".to_owned()),
            After::Nothing => None,
            After::Left(after) if self.reads_newer(*after, area) => Some("newer lines: loading".to_owned()),
            After::Left(_) if !self.store.has_room() => Some("newer lines: buffer full".to_owned()),
            After::Left(_) => Some("newer ones not loaded".to_owned()),
        }
    }
}

/// Why lines did not come, and what has to be done where they are not asked for again by themselves.
pub(super) fn again(look: &Look<'_>, error: &SourceError) -> String {
    let key = look.shared.keymap.key(Command::Refresh).unwrap_or_default();
    if error.is_too_slow() { format!("{}; {key} tries again", error.message) } else { error.message.clone() }
}
