//! What the page says of itself: how many lines, how the tail is, what lies before, why there is nothing.

use std::time::Duration;

use ratatui::layout::Rect;

use super::{Logs, older::Before};
use crate::{
    core::command::Command,
    model::log::TailState,
    ui::{
        format, panel,
        text::{truncate, width},
    },
    views::Look,
};

/// The narrowest query that still says something.
const QUERY: usize = 16;

/// How much is said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wording {
    Full,
    /// States without reasons, counts that tell of trouble.
    Brief,
}

impl Logs {
    /// Query, counts and health in the room there is. What is wrong outlives what the header says as well.
    pub(super) fn title(&self, look: &Look<'_>, area: Rect, room: usize) -> String {
        let glyphs = look.shared.glyphs;
        let separator = format!(" {} ", glyphs.horizontal.repeat(2));
        let query = self.plan(look).map_or_else(|| "logs".to_owned(), |p| p.base);
        for wording in [Wording::Full, Wording::Brief] {
            let rest = self.facts_of_title(look, area, wording).join(&separator);
            let left = room.saturating_sub(width(&rest) + width(&separator));
            if width(&query).min(QUERY) <= left {
                return [truncate(&query, left, glyphs.ellipsis), rest].join(&separator);
            }
            if wording == Wording::Brief && width(&rest) <= room {
                return rest;
            }
        }
        let health = self.tail(look, Wording::Brief);
        truncate(&if health.is_empty() { self.count() } else { health.join(&separator) }, room, glyphs.ellipsis)
    }

    fn facts_of_title(&self, look: &Look<'_>, area: Rect, wording: Wording) -> Vec<String> {
        let mut out = vec![self.count()];
        out.extend(self.gone(look, wording));
        out.extend(self.before_note(area, wording));
        out.extend(self.tail(look, wording));
        out
    }

    fn count(&self) -> String {
        let (shown, kept) = (self.store.shown(), self.store.len());
        if shown == kept {
            format::counted(kept, "line")
        } else {
            format!("{} of {} lines", format::count(shown as u64), format::count(kept as u64))
        }
    }

    /// Lines that should be here and are not.
    fn gone(&self, look: &Look<'_>, wording: Wording) -> Vec<String> {
        let mut out = Vec::new();
        if self.store.dropped() > 0 {
            out.push(format!("{} oldest dropped", format::count(self.store.dropped())));
        }
        if let Some(at) = self.told.cut {
            let clock = format::clock_millis(at, look.shared.settings.zone.0);
            out.push(if wording == Wording::Full { format!("more lines at {clock} than the server hands out") } else { "cut".to_owned() });
        }
        out
    }

    fn before_note(&self, area: Rect, wording: Wording) -> Option<String> {
        if let Some(error) = self.told.older_failed.as_ref().filter(|_| self.told.has_left()) {
            return Some(if wording == Wording::Full {
                format!("older lines: {}", error.message)
            } else {
                "older lines failed".to_owned()
            });
        }
        let full = wording == Wording::Full;
        let words = match self.before(area)? {
            Before::Loading if full => "older lines: loading",
            Before::Loading => "loading older",
            Before::Left if full => "older ones not loaded",
            Before::Left => return None,
            Before::Full if self.store.dropped() > 0 && !full => return None,
            Before::Full if full => "older lines: buffer full, these are kept",
            Before::Full => "buffer full",
            Before::Nothing if full => "no older lines in this window",
            Before::Nothing => "oldest",
        };
        Some(words.to_owned())
    }

    /// How the tail is.
    fn tail(&self, look: &Look<'_>, wording: Wording) -> Vec<String> {
        let full = wording == Wording::Full;
        let state = match &self.told.tail {
            TailState::Connecting => "tail connecting".to_owned(),
            TailState::Connected => "tail connected".to_owned(),
            TailState::Refused(why) if full => format!("polling: {why}"),
            TailState::Refused(_) => "polling, no tail".to_owned(),
            TailState::Lost { retry_at, error } => {
                let again = format!("tail lost, again in {}", format::age(retry_at.since(look.now)));
                if full { format!("{again}: {}", error.message) } else { again }
            }
            _ => return self.failed_note(wording),
        };
        let mut parts = vec![state];
        let behind = self.told.behind > Duration::ZERO;
        if behind || (full && self.told.tail == TailState::Connected) {
            parts.push(format!("{} s behind", self.told.behind.as_secs()));
        }
        if self.told.dropped > 0 && (full || self.told.dropped > self.told.recovered) {
            parts.push(format!("{} dropped", format::count(self.told.dropped)));
        }
        if self.told.recovered > 0 && full {
            parts.push(format!("{} recovered", format::count(self.told.recovered)));
        }
        let dot = format!(" {} ", look.shared.glyphs.middle_dot);
        [vec![parts.join(&dot)], self.failed_note(wording)].concat()
    }

    fn failed_note(&self, wording: Wording) -> Vec<String> {
        let failed = self.told.failed.as_ref().filter(|_| !self.store.is_empty());
        let words = |message: &str| if wording == Wording::Full { message.to_owned() } else { "failing".to_owned() };
        failed.map(|(error, _)| words(&error.message)).into_iter().collect()
    }

    pub(super) fn following(&self, look: &Look<'_>) -> String {
        let count = if self.new > 0 { format!("{} new", format::count(self.new)) } else { String::new() };
        if self.is_paused() {
            format!("paused {count}").trim_end().to_owned()
        } else if self.list.follow && look.scope.window.is_live() {
            "following".to_owned()
        } else if look.scope.window.is_live() {
            count
        } else {
            String::new()
        }
    }

    /// Why there is nothing, and the way out.
    pub(super) fn blank(&self, look: &Look<'_>, area: Rect) -> Vec<String> {
        if let Some((error, since)) = self.told.failed.as_ref().filter(|_| self.store.is_empty()) {
            return panel::failure(error, look.now.since(*since), look.shared);
        }
        if !self.store.is_empty() {
            return self.all_hidden(look, area);
        }
        let streams = self.plan(look).map_or(0, |p| p.streams.len());
        if streams == 0 || self.told.past.iter().take(streams).any(|p| !p.is_told()) {
            let slot = &look.shared.log_labels;
            return if slot.is_waiting() {
                panel::state(slot, look).blank.unwrap_or_default()
            } else {
                vec!["Reading history.".to_owned()]
            };
        }
        self.none_found(look)
    }

    fn all_hidden(&self, look: &Look<'_>, area: Rect) -> Vec<String> {
        let key = |command| look.shared.keymap.key(command).unwrap_or_default();
        let what = self.store.show().pattern.as_ref().map_or_else(|| "level".to_owned(), |p| format!("filter {}", p.as_str()));
        let hidden = format::count(self.store.len() as u64);
        let mut lines = vec![
            format!("None of {hidden} lines passes the {what}."),
            format!("{} changes the filter   {} the level", key(Command::Filter), key(Command::MinimumLevel)),
        ];
        match self.before(area) {
            Some(Before::Loading) => lines.push("Reading older lines.".to_owned()),
            Some(Before::Left) => lines.push(format!("{} reads older lines", key(Command::Top))),
            _ => {}
        }
        lines
    }

    fn none_found(&self, look: &Look<'_>) -> Vec<String> {
        let key = |command| look.shared.keymap.key(command).unwrap_or_default();
        let (range, zone) = (look.range(), look.shared.settings.zone.0);
        let plan = self.plan(look).map_or_else(Default::default, |p| (p.base, p.unapplied));
        let mut lines = vec![format!(
            "No lines for {} in {} {} {}.",
            plan.0,
            format::day_clock(range.start, look.now, zone),
            look.shared.glyphs.dash,
            format::day_clock(range.end, range.start, zone)
        )];
        if !plan.1.is_empty() {
            lines.push(format!("Not a log label, so not applied: {}", plan.1.join(", ")));
        }
        let ways = [(Command::ZoomOut, "a longer window"), (Command::TimePicker, "another one"), (Command::EditQuery, "the query")];
        lines.push(ways.map(|(command, what)| format!("{} {what}", key(command))).join("   "));
        lines
    }
}
