//! Reading further back, a page at a time, while the user is at the oldest lines.

use ratatui::layout::Rect;

use super::{Logs, query::Plan};
use crate::{
    core::{
        command::Command,
        request::{Refresh, Request},
    },
    model::{
        backend::SourceError,
        log::{Limit, Older},
        time::Timestamp,
    },
    store::LineId,
    ui::format,
    views::{Cx, Look, Needs},
};

/// Pages that are read for one movement of the user, where the filter hides all that comes.
const SPREE: u8 = 10;

/// What is known of the lines before those on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// They are being read.
    Loading,
    /// They are read when the user goes there.
    Left,
    /// There is no room for them.
    Full,
    /// There are none in the window.
    Nothing,
    /// The server hands out none of before this instant.
    Withheld(Timestamp, Limit),
}

impl Logs {
    /// Says what to do where going back ends for want of room.
    pub(super) fn tell_full(&self, cx: &mut Cx<'_>, command: Command) {
        let back = matches!(command, Command::Up | Command::PageUp | Command::Top);
        if back && self.before(cx.area) == Some(Before::Full) && self.list.index(&self.store) == Some(0) {
            let kept = format::bytes(self.store.limit() as f64);
            cx.notice(format!("no older lines: the buffer of {kept} is full; a shorter window, a level or a query leaves room"));
        }
    }

    pub(super) fn ask_older(&self, look: &Look<'_>, plan: &Plan, area: Rect, needs: &mut Needs<'_>) {
        if !self.reads_on(area) {
            return;
        }
        let told = self.told.past.iter().zip(&self.told.older_failed);
        for (part, (query, (past, failed))) in (0..).zip(plan.streams.iter().zip(told)) {
            // Where little was too slow as well, each try costs the server as much: the user says when.
            if failed.as_ref().is_some_and(SourceError::is_too_slow) {
                continue;
            }
            if let Some(Older::Left(before)) = past.older()
                && self.told.is_of(part, query)
                && self.is_near(before, area)
            {
                let request = Request::LogOlder { query: query.clone(), window: look.scope.window, before };
                needs.ask("older", part, request, Refresh::Once);
            }
        }
    }

    /// Whether the user wants older lines and there is room for them.
    fn reads_on(&self, area: Rect) -> bool {
        self.spree < SPREE && self.store.has_room() && self.is_at_oldest(area)
    }

    fn is_at_oldest(&self, area: Rect) -> bool {
        self.told.past.iter().any(|past| match past.older() {
            Some(Older::Left(before)) => self.is_near(before, area),
            Some(_) => self.is_near(Timestamp::ZERO, area),
            None => false,
        })
    }

    /// Whether the selection is within a screen of the first line that is known to have all lines after it.
    fn is_near(&self, before: Timestamp, area: Rect) -> bool {
        let known = self.store.position(LineId { at: before, arrival: 0 });
        let near = self.store.rows_from(known).nth(self.list_height(area)).map(|(n, _)| n);
        !self.list.follow && self.list.index(&self.store).is_none_or(|i| near.is_none_or(|near| i < near))
    }

    /// What lies before the lines on the screen; `None` while nothing is known or the user is elsewhere and all is read.
    pub(super) fn before(&self, area: Rect) -> Option<Before> {
        let here = self.is_at_oldest(area);
        match () {
            () if !self.told.past.iter().any(|p| p.is_told()) => None,
            () if self.told.is_coming() || (self.told.awaits() && !self.told.has_left()) => here.then_some(Before::Loading),
            () if !self.told.has_left() => here.then_some(match self.told.withheld() {
                _ if self.store.dropped() > 0 => Before::Full,
                Some((range, limit)) => Before::Withheld(range.end, limit),
                None => Before::Nothing,
            }),
            () if !self.store.has_room() => Some(Before::Full),
            () if self.reads_on(area) => Some(Before::Loading),
            () => Some(Before::Left),
        }
    }
}
