//! What becomes of what the streams deliver.

use super::{List, Logs, Told};
use crate::model::{
    backend::SourceError,
    log::{LogEvent, TailState},
    time::Timestamp,
};

impl Logs {
    /// Forgets the lines of another question.
    pub(super) fn restart(&mut self) {
        self.store.clear();
        self.list = List::new();
        self.told = Told::default();
        self.stop_filtering();
        self.volume.clear();
        self.brush = None;
        self.patterns.restart();
        self.left = self.store.mark();
        self.spree = 0;
        self.detail.another();
        self.memo.forget();
        self.counts = None;
        self.columns.forget_parts();
        self.shift = 0;
    }

    pub(super) fn event(&mut self, asked: Timestamp, part: u32, event: LogEvent, now: Timestamp) {
        match event {
            LogEvent::History { lines, reached, older } => {
                if let Some(past) = self.told.past(part) {
                    past.page(asked, now, reached, older);
                }
                // What a page begins with is not what the stream brings.
                let first = self.store.is_empty() || std::mem::take(&mut self.seeded);
                self.store.insert(lines);
                if first {
                    // What a second stream knows of that time is not new either.
                    self.left = self.store.mark().by_time();
                }
                self.told.failed = None;
            }
            LogEvent::Lines(lines) => {
                self.store.insert(lines);
                self.told.failed = None;
            }
            LogEvent::Files(told) => self.files_told(told),
            LogEvent::Gap(gap) => self.told.gap(gap),
            LogEvent::Tail(state) => {
                if let TailState::Behind(_) = state {
                    self.told.failed = None;
                }
                self.told.tail(state);
            }
            LogEvent::Failed(error) => self.told.fail(error, now),
        }
        if let Some(past) = self.told.past(part) {
            past.alive(asked, now);
        }
    }

    /// A page of older lines, or why it did not come.
    pub(super) fn older_page(&mut self, part: u32, result: Result<Vec<LogEvent>, SourceError>) {
        let events = match result {
            Ok(events) => events,
            Err(error) => {
                self.told.older_failed = Some(error);
                return;
            }
        };
        self.told.older_failed = None;
        self.spree = self.spree.saturating_add(1);
        for event in events {
            match event {
                LogEvent::History { lines, reached, older } => {
                    self.store.insert(lines);
                    if let Some(past) = self.told.past(part) {
                        past.older_page(reached, older);
                    }
                }
                LogEvent::Gap(gap) => self.told.gap(gap),
                LogEvent::Lines(_) | LogEvent::Tail(_) | LogEvent::Failed(_) | LogEvent::Files(_) => {}
            }
        }
    }
}
