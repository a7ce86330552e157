//! Places to come back to: lines that were marked, errors, minutes.

use std::{collections::BTreeSet, hash::BuildHasher, time::Duration};

use foldhash::quality::FixedState;

use super::Logs;
use crate::{
    core::command::Command,
    model::{log::Level, time::Timestamp},
    store::{Line, LineId},
    views::Cx,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Marked lines. They outlive what is asked: a line is known again by its time and text.
#[derive(Default)]
pub(super) struct Marks(BTreeSet<(Timestamp, u64)>);

impl Marks {
    fn name(line: &Line<'_>) -> (Timestamp, u64) {
        (line.id.at, FixedState::default().hash_one((line.stream, line.text)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, line: &Line<'_>) -> bool {
        !self.0.is_empty() && self.0.contains(&Self::name(line))
    }

    fn toggle(&mut self, line: &Line<'_>) {
        let name = Self::name(line);
        if !self.0.remove(&name) {
            self.0.insert(name);
        }
    }
}

impl Logs {
    pub(super) fn mark_line(&mut self) {
        if let Some(line) = self.list.line(&self.store) {
            self.marks.toggle(&line);
            self.columns.margin = true;
            self.list.follow = false;
        }
    }

    /// Goes to the next or previous mark, from the other end again after the last.
    pub(super) fn go_to_mark(&mut self, cx: &mut Cx<'_>, forward: bool) {
        let at = self.list.index(&self.store).unwrap_or(0);
        let mut places: Vec<usize> = self.marks.0.iter().filter_map(|name| self.place_of(*name)).map(|i| self.store.row_of(i)).collect();
        places.sort_unstable();
        let next = if forward { places.iter().find(|i| **i > at) } else { places.iter().rev().find(|i| **i < at) };
        let around = if forward { places.first() } else { places.last() };
        match next.or(around).copied() {
            None => cx.notice("no marked line is shown: a filter or the window leaves them out"),
            Some(i) => {
                if next.is_none() && i != at {
                    cx.notice(if forward {
                        "no mark after this line: from the first one again"
                    } else {
                        "no mark before this line: from the last one again"
                    });
                }
                self.go(i, cx);
            }
        }
    }

    /// The number of a marked line, if it is shown.
    fn place_of(&self, name: (Timestamp, u64)) -> Option<usize> {
        let first = self.store.position(LineId { at: name.0, arrival: 0 });
        let same_time = self.store.window(first).take_while(|l| l.id.at == name.0);
        (first..).zip(same_time).find(|(_, line)| Marks::name(line) == name).map(|(i, _)| i)
    }

    /// Goes to an error after or before the selected line.
    pub(super) fn go_to_error(&mut self, cx: &mut Cx<'_>, command: Command) {
        let at = self.list.index(&self.store).unwrap_or(0);
        let forward = command == Command::NextError;
        let found = if forward { self.store.next_at_level(at, Level::Error) } else { self.store.previous_at_level(at, Level::Error) };
        match found {
            None => cx.notice("no error among these lines"),
            Some(i) => {
                if forward && i <= at {
                    cx.notice("no error after this line: from the first one again");
                } else if !forward && i >= at {
                    cx.notice("no error before this line: from the last one again");
                }
                self.go(i, cx);
            }
        }
    }

    /// Goes to the first line of the next minute that has any, or of the minute, or of the one before.
    pub(super) fn go_to_minute(&mut self, cx: &mut Cx<'_>, forward: bool) {
        let Some(line) = self.line() else { return };
        let minute = line.id.at.align_down(MINUTE);
        let first_of = |minute: Timestamp| {
            let rows = self.store.rows_from(self.store.position(LineId { at: minute, arrival: 0 }));
            rows.map(|(n, _)| n).next().unwrap_or(self.store.shown())
        };
        let at = self.list.index(&self.store).unwrap_or(0);
        let to = if forward {
            first_of(minute + MINUTE)
        } else {
            match first_of(minute) {
                first if first < at => first,
                first => self.store.rows_before(first).next().map_or(at, |(_, l)| first_of(l.id.at.align_down(MINUTE))),
            }
        };
        if to == at || to >= self.store.shown() {
            cx.notice(if forward { "no line in a later minute" } else { "no line in an earlier minute" });
        } else {
            self.go(to, cx);
        }
    }
}
