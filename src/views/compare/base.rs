//! What a trace is compared with: one that was chosen, or a typical good one that is looked for.

use std::{sync::Arc, time::Duration};

use crate::{
    core::{request::Request, slot::Slot},
    model::{
        backend::{ErrorKind, SourceError},
        labels::quote,
        time::{TimeRange, TimeWindow, Timestamp},
        trace::{TraceHits, TraceId},
        trace_source::{PlainQuery, TraceOrigin, TraceQuery},
    },
    trace::{
        Trace,
        typical::{RootName, typical},
    },
    ui::{
        format,
        panel::{self, State},
    },
    views::Look,
};

/// How far back good ones are looked for, one after the other until there is one.
const REACHES: [Duration; 3] = [Duration::from_secs(3600), Duration::from_secs(6 * 3600), Duration::from_secs(24 * 3600)];
const BEFORE: [&str; 3] = ["in the hour before", "in the 6 h before", "in the 24 h before"];
const BEFORE_ONSET: [&str; 3] = ["in the hour before the onset", "in the 6 h before the onset", "in the 24 h before the onset"];
/// Traces that a search is asked for.
const MOST: usize = 200;
/// Traces that turn out to be no good, until it is given up.
const TRIES: usize = 5;

/// The other side.
pub(super) struct Base {
    how: How,
    trace: Slot<Arc<Trace>>,
}

enum How {
    Chosen(TraceId, Option<TimeRange>),
    Typical(Box<Looking>),
}

/// The search for a typical good one.
#[derive(Default)]
struct Looking {
    /// What the trace begins with, and when it was; none until it is there, and where it has no root.
    of: Option<(RootName, TimeRange)>,
    rootless: bool,
    /// Which of the [`searches`] it is.
    reach: usize,
    found: Option<TraceHits>,
    failed: Option<SourceError>,
    /// The trace itself, and those that were no good.
    but: Vec<TraceId>,
    chosen: Option<Chosen>,
    given_up: bool,
}

/// A typical good one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) trace: TraceId,
    /// When it was.
    near: TimeRange,
    /// The median of so many.
    pub(super) of: usize,
    /// Whether there are more of them, and how those that were found were chosen.
    pub(super) cut: Option<&'static str>,
    /// When they were looked for: `in the hour before`.
    pub(super) when: &'static str,
    pub(super) root: RootName,
    /// Whether it is told by the search that it has no error.
    counted: bool,
}

/// What is to be asked.
pub(super) enum Next {
    Search(u32, Request),
    Trace(u32, TraceId, Option<TimeRange>),
}

impl Base {
    /// One that the reader chose, and when it was, as far as that is known.
    pub(super) fn chosen(trace: TraceId, near: Option<TimeRange>) -> Self {
        Self { how: How::Chosen(trace, near), trace: Slot::default() }
    }

    pub(super) fn typical() -> Self {
        Self { how: How::Typical(Box::default()), trace: Slot::default() }
    }

    pub(super) fn trace(&self) -> Option<&Arc<Trace>> {
        self.trace.value()
    }

    pub(super) fn id(&self) -> Option<TraceId> {
        match &self.how {
            How::Chosen(trace, _) => Some(*trace),
            How::Typical(looking) => looking.chosen.as_ref().map(|c| c.trace),
        }
    }

    /// How the typical one was chosen.
    pub(super) fn chosen_as(&self) -> Option<&Chosen> {
        if let How::Typical(looking) = &self.how { looking.chosen.as_ref() } else { None }
    }

    /// The trace that is compared is there: a typical one of its root is looked for.
    pub(super) fn look_for(&mut self, trace: &Trace) {
        let How::Typical(looking) = &mut self.how else { return };
        if looking.chosen.is_some() {
            return;
        }
        let root = RootName::of(trace);
        let rootless = root.is_none();
        **looking = Looking { of: root.map(|root| (root, trace.range)), rootless, but: vec![trace.id], ..Looking::default() };
    }

    /// A typical one that was given up is looked for from the beginning.
    pub(super) fn look_again(&mut self) {
        if let How::Typical(looking) = &mut self.how
            && looking.given_up
        {
            looking.but.truncate(1);
            **looking = Looking { of: looking.of.take(), but: std::mem::take(&mut looking.but), ..Looking::default() };
        }
    }

    /// What is to be asked now.
    pub(super) fn next(&self, look: &Look<'_>) -> Option<Next> {
        match &self.how {
            How::Chosen(trace, near) => Some(Next::Trace(0, *trace, *near)),
            How::Typical(looking) => match &looking.chosen {
                Some(chosen) => Some(Next::Trace(part(looking.but.len()), chosen.trace, Some(chosen.near))),
                None => looking.request(look).map(|request| Next::Search(part(looking.reach), request)),
            },
        }
    }

    /// What a search found.
    pub(super) fn found(&mut self, look: &Look<'_>, result: Result<TraceHits, SourceError>) {
        let How::Typical(looking) = &mut self.how else { return };
        match result {
            Ok(hits) => {
                (looking.found, looking.failed) = (Some(hits), None);
                looking.choose(look);
            }
            Err(error) => looking.failed = Some(error),
        }
    }

    /// The trace came, or will not. A typical one that is no good makes room for the next, unless it is there already. Returns
    /// whether anything has changed.
    pub(super) fn arrived(&mut self, look: &Look<'_>, at: Timestamp, result: Result<Arc<Trace>, SourceError>) -> bool {
        if let How::Typical(looking) = &mut self.how
            && let Some(chosen) = looking.chosen.clone().filter(|_| self.trace.value().is_none())
        {
            let is_bad = match &result {
                Ok(trace) => trace.error_count > 0 && !chosen.counted,
                Err(error) => error.kind == ErrorKind::NotFound,
            };
            if is_bad {
                looking.but.push(chosen.trace);
                looking.chosen = None;
                looking.given_up = looking.but.len() > TRIES;
                looking.choose(look);
                return true;
            }
        }
        self.trace.settle(at, result)
    }

    /// Why there is nothing to compare with, and what can be done; nothing while it is on its way.
    pub(super) fn why_none(&self, look: &Look<'_>) -> Vec<String> {
        if let How::Typical(looking) = &self.how
            && looking.chosen.is_none()
        {
            return looking.why_none(look);
        }
        panel::state(&self.trace, look).blank.unwrap_or_default()
    }

    /// What is said where it could not be asked for again.
    pub(super) fn state(&self, look: &Look<'_>) -> Option<State> {
        panel::part("base", &self.trace, look)
    }

    pub(super) fn wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        panel::state(&self.trace, look).wake
    }
}

impl Looking {
    fn request(&self, look: &Look<'_>) -> Option<Request> {
        let (root, range) = self.of.as_ref().filter(|_| !self.given_up)?;
        let (window, _) = *searches(look, *range).get(self.reach)?;
        let service = if is_of_files(look) { &root.service } else { &root.sent_service };
        let plain = PlainQuery { service: Some(service.clone()), name: Some(root.name.clone()), ..PlainQuery::default() };
        // Its root may have succeeded although something below it failed: which do is told by the counts, or once it is there.
        let (service, name) = (quote(&root.sent_service), quote(&root.name));
        let traceql = format!("{{ resource.service.name = {service} && name = {name} && status != error }}");
        Some(Request::Search { query: TraceQuery { traceql, plain: Some(plain) }, window, limit: MOST })
    }

    /// Takes the median of what was found, or looks further back.
    fn choose(&mut self, look: &Look<'_>) {
        let (Some((root, range)), Some(found)) = (&self.of, &self.found) else { return };
        if self.given_up {
            return;
        }
        let searches = searches(look, *range);
        if let Some(typical) = typical(&found.hits, root, &self.but) {
            self.chosen = Some(Chosen {
                trace: typical.hit.trace,
                near: typical.hit.range(),
                of: typical.of,
                cut: cut(found),
                when: when(&searches, self.reach),
                root: root.clone(),
                counted: typical.hit.error_count.is_some(),
            });
            return;
        }
        if self.reach + 1 < searches.len() {
            self.reach += 1;
        } else {
            self.given_up = true;
        }
    }

    fn why_none(&self, look: &Look<'_>) -> Vec<String> {
        let key = |command| look.shared.keymap.key(command).unwrap_or_default();
        let (mark, compare) = (key(crate::core::command::Command::Mark), key(crate::core::command::Command::CompareTraces));
        let out = format!("Choose it yourself: on Traces, {mark} marks a good one, {compare} on this one compares the two.");
        if self.rootless {
            return vec!["This trace has no root span, so that no good one of its kind can be looked for.".to_owned(), out];
        }
        if let Some(error) = &self.failed {
            let mut lines = panel::failure(error, Duration::ZERO, look.shared);
            lines.insert(0, "Good traces could not be looked for.".to_owned());
            lines.push(out);
            return lines;
        }
        let Some((root, range)) = &self.of else { return Vec::new() };
        let name = format!("{} {}", root.sent_service, root.name);
        let when = when(&searches(look, *range), self.reach);
        if !self.given_up {
            return vec![format!("A good trace of {name} is looked for {when}.")];
        }
        vec![format!("No good trace of {name} {when}."), self.why_no_good(root), out]
    }

    /// Why none of those that were found would do.
    fn why_no_good(&self, root: &RootName) -> String {
        let hits = self.found.as_ref().map_or(&[][..], |f| &f.hits);
        let of_root = hits.iter().filter(|hit| root.is_of(hit) && Some(&hit.trace) != self.but.first()).count();
        // The first is the trace itself.
        match (self.but.len().saturating_sub(1), hits.len(), of_root) {
            (tried @ 1.., ..) => format!("{tried} of {} looked at: each failed or is gone.", format::counted(of_root.max(tried), "trace")),
            (0, _, 1..) => format!("{} found, none without an error.", format::counted(of_root, "trace")),
            (0, 0 | 1, 0) => "None was found that begins with it: it may be new, sampled away, or older than what is kept.".to_owned(),
            (0, n, 0) => format!("Of {} found none begins with it.", format::counted(n, "trace")),
        }
    }
}

/// Where good ones of a trace's root are looked for, and how that is said. Where an alert led here it is before its onset first:
/// those of an incident are slow themselves.
fn searches(look: &Look<'_>, range: TimeRange) -> Vec<(TimeWindow, &'static str)> {
    let onset = look.scope.alert.as_ref().and_then(|alert| alert.onset).filter(|onset| *onset < range.end);
    let (from, end, words) = onset.map_or((range.start, range.end, BEFORE), |onset| (onset, onset, BEFORE_ONSET));
    let fixed = |from: Timestamp, reach: Duration, end| TimeWindow::Fixed(TimeRange { start: from - reach, end });
    let mut out: Vec<_> = REACHES.into_iter().zip(words).map(|(reach, words)| (fixed(from, reach, end), words)).collect();
    if onset.is_some() {
        out.push((fixed(range.start, REACHES[0], range.end), "in the hour before, none before the onset"));
    }
    if is_of_files(look) {
        out.push((TimeWindow::EVERYTHING, "in the files"));
    }
    out
}

fn when(searches: &[(TimeWindow, &'static str)], reach: usize) -> &'static str {
    searches.get(reach).map_or("", |(_, when)| when)
}

/// What is said of good ones where there may be more of them.
fn cut(found: &TraceHits) -> Option<&'static str> {
    let is_cut = found.hits.len() >= MOST || found.part.is_some();
    is_cut.then_some(if found.newest { "the newest " } else { "some " })
}

fn part(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn is_of_files(look: &Look<'_>) -> bool {
    look.shared.traces.value().is_some_and(|able| able.origin == TraceOrigin::Files)
}
