//! Filters over the lines that are here: those about the cursor at once, all others by a worker, nearest first. Lines that come
//! meanwhile are taken as ever; another filter takes the place of the one that runs.

use std::sync::Arc;

use super::Logs;
use crate::{
    core::request::{Refresh, Request},
    model::backend::SourceError,
    store::{FilterJob, FilterNews},
    ui::format,
    views::{Look, Needs},
};

/// What is being found out.
#[derive(Default)]
pub(super) struct Filtering {
    job: Option<Arc<FilterJob>>,
    failed: Option<SourceError>,
}

impl Logs {
    /// Other lines are to be shown: what was being found out is of no use.
    pub(super) fn stop_filtering(&mut self) {
        self.filtering = Filtering::default();
    }

    /// Looks at what is about the cursor, and has a worker look at the rest.
    pub(super) fn go_on_filtering(&mut self, height: usize) {
        if self.store.open() == 0 {
            self.filtering.job = None;
            return;
        }
        let cursor = self.list.anchor();
        self.store.look_around(cursor, height);
        if self.filtering.job.is_none() && self.filtering.failed.is_none() {
            self.filtering.job = self.store.filter_job(cursor).map(Arc::new);
        }
    }

    pub(super) fn ask_filter(&self, needs: &mut Needs<'_>) {
        if let Some(job) = &self.filtering.job {
            needs.ask("filter", 0, Request::Filter(job.clone()), Refresh::Once);
        }
    }

    /// Takes what a worker found out.
    pub(super) fn filtered(&mut self, result: Result<FilterNews, SourceError>) {
        match result {
            Ok(news) => {
                self.store.take_filtered(&news);
                if news.is_last {
                    // Of lines that came meanwhile another one is asked.
                    self.filtering.job = None;
                }
            }
            Err(error) => self.filtering = Filtering { job: None, failed: Some(error) },
        }
    }

    /// Whether not all lines that pass may be shown yet.
    pub(super) fn is_filtering(&self) -> bool {
        self.store.open() > 0
    }

    /// `≥ 11 `, or `11 `: how many lines are shown by now.
    pub(super) fn shown_count(&self, look: &Look<'_>) -> String {
        let count = format::count(self.store.shown() as u64);
        if self.is_filtering() { format!("{} {count}", look.shared.glyphs.at_least) } else { count }
    }

    /// Why no line is shown while the filter runs.
    pub(super) fn filtering_note(&self) -> String {
        match &self.filtering.failed {
            Some(error) => error.message.clone(),
            None => {
                let (open, all) = (self.store.open(), self.store.len());
                format!("Looking through {}: {} to go.", format::counted(all, "line"), format::count(open as u64))
            }
        }
    }
}
