//! The world as Loki has received it.

use std::{ops::ControlFlow, sync::Arc};

use super::{
    World,
    block::{BLOCK, block_of},
    jobs::{JobLine, Run},
    lines::{Kind, Text, lines},
    model::{Request, SECOND},
    platform::{self, stream_of},
    record::{Level, Line, RecordBlock},
    spans::{decode, span_id, trace_id},
    walk::{Hop, Observer},
};
use crate::{
    demo::{
        filter::LabelFilter,
        store::{Direction, LogEntry, LogHint, LogStore, Volume},
    },
    model::{
        labels::{Labels, Matcher},
        time::{TimeRange, Timestamp},
        trace::TraceId,
    },
};

/// The streams, one a pod, and those of what is no service of the shop.
pub fn streams(model: &super::model::Model) -> Vec<Arc<Labels>> {
    let labels = |p: &super::model::Pod| {
        let info = p.service.info();
        [(info.log_label, info.name), ("namespace", "shop"), ("pod", p.name.as_str())].into_iter().collect()
    };
    model.pods.iter().map(labels).chain(platform::streams(model)).map(Arc::new).collect()
}

struct Entry<'a> {
    world: &'a World,
    line: Line,
}

/// Finds one hop of a walk.
struct Finder {
    mail: bool,
    id: u8,
    found: Option<Hop>,
}

impl Observer for Finder {
    fn hop(&mut self, _: &Request, hop: &Hop) {
        if hop.mail == self.mail && hop.id == self.id {
            self.found = Some(*hop);
        }
    }
}

impl Entry<'_> {
    fn trace_id(&self) -> TraceId {
        trace_id(self.world.engine.model.seed, self.line.key, self.line.mail)
    }
}

impl LogEntry for Entry<'_> {
    fn at(&self) -> Timestamp {
        Timestamp(self.line.at)
    }

    fn stream(&self) -> &Arc<Labels> {
        &self.world.streams[self.line.pod as usize]
    }

    fn level(&self) -> &'static str {
        self.line.level.as_str()
    }

    fn trace(&self) -> Option<TraceId> {
        self.line.kind.names_trace().then(|| self.trace_id())
    }

    fn write_text(&self, out: &mut String) {
        let engine = &self.world.engine;
        let request = if self.line.kind.is_lifecycle() { None } else { engine.model.request(self.line.key) };
        let about = request.as_ref().and_then(|request| {
            let mut finder = Finder { mail: self.line.mail, id: self.line.hop, found: None };
            engine.observe(request, &mut finder);
            finder.found.map(|hop| (request, hop))
        });
        let trace = self.trace_id();
        let pods = &engine.model.pods;
        let own = if (self.line.pod as usize) < pods.len() { self.line.pod } else { self.line.hop };
        let pod = &pods[about.as_ref().map_or(own, |(_, hop)| hop.pod) as usize];
        let Line { kind, level, at, hop, .. } = self.line;
        Text { kind, level, at, pod, about, trace, span: span_id(trace, hop) }.write(out);
    }

    fn metadata(&self) -> Labels {
        if !self.line.kind.has_metadata() {
            return Labels::new();
        }
        let trace = self.trace_id();
        [("trace_id", trace.to_string()), ("span_id", span_id(trace, self.line.hop).to_string())].into_iter().collect()
    }
}

/// Collects the lines of one request.
struct LinesOf(Vec<Line>, usize);

impl Observer for LinesOf {
    fn hop(&mut self, request: &Request, hop: &Hop) {
        lines(request, hop, |kind: Kind, level: Level, at| {
            let pod = stream_of(kind, self.1, Some(request), hop.pod, 0);
            self.0.push(Line { at, kind, level, pod, key: request.key, mail: hop.mail, hop: hop.id });
        });
    }
}

impl World {
    /// Which pods' streams match; `None` when a matcher is no regular expression.
    fn matching_streams(&self, matchers: &[Matcher]) -> Option<Vec<bool>> {
        let filter = LabelFilter::new(matchers).ok()?;
        Some(self.streams.iter().map(|s| filter.matches(s)).collect())
    }

    /// A line as Loki has it.
    pub(super) fn entry(&self, line: Line) -> impl LogEntry + '_ {
        Entry { world: self, line }
    }

    /// The part of a range that exists: now is in it, nothing later.
    fn existing(&self, range: TimeRange) -> (i64, i64) {
        let now = self.clock.now().0;
        (range.start.0.max(self.horizon(now)), range.end.0.min(now + 1))
    }

    /// Visits record blocks that may have something in `from..to`, with the block before as its spill, oldest first.
    pub(super) fn each_record_block(&self, from: i64, to: i64, visit: &mut dyn FnMut(&RecordBlock)) {
        let (first, last) = (block_of(from) - 1, block_of(to));
        for k in (first..=last).step_by(CHUNK as usize) {
            for block in self.engine.records(k, last.min(k + CHUNK - 1)) {
                visit(&block);
            }
        }
    }

    /// What jobs logged in a range, by time; of one trace where that is meant.
    fn job_lines(&self, hint: &LogHint, (from, to): (i64, i64)) -> Vec<JobLine> {
        let Ok(filter) = LabelFilter::new(&hint.matchers) else { return Vec::new() };
        let model = &self.engine.model;
        let runs = match hint.trace {
            Some(trace) => Run::decode(model.seed, trace, model.start).into_iter().collect(),
            None => Run::between(model.start, from, to),
        };
        let mut lines: Vec<JobLine> = runs.into_iter().flat_map(|run| run.lines(model.seed)).collect();
        lines.retain(|line| (from..to).contains(&line.at) && filter.matches(&line.stream));
        lines.retain(|line| hint.trace.is_none() || line.of.is_some());
        lines.sort_by_key(|line| line.at);
        lines
    }

    fn scan_trace(&self, trace: TraceId, (from, to): (i64, i64), direction: Direction, visit: &mut dyn FnMut(Line) -> ControlFlow<()>) {
        let Some((key, mail)) = decode(self.engine.model.seed, trace) else { return };
        let Some(request) = self.engine.model.request(key) else { return };
        let mut all = LinesOf(Vec::new(), self.engine.model.pods.len());
        self.engine.observe(&request, &mut all);
        all.0.retain(|l| l.mail == mail && (from..to).contains(&l.at) && l.kind.names_trace());
        all.0.sort_by_key(|l| (l.at, l.kind));
        if direction == Direction::Backward {
            all.0.reverse();
        }
        let _ = all.0.into_iter().try_for_each(visit);
    }

    fn scan_blocks(&self, (from, to): (i64, i64), direction: Direction, visit: &mut dyn FnMut(Line) -> ControlFlow<()>) {
        let (first, last) = (block_of(from), block_of(to - 1));
        let mut begin = if direction == Direction::Forward { first } else { last };
        let mut chunk = 1;
        while (first..=last).contains(&begin) {
            let (lo, hi) =
                if direction == Direction::Forward { (begin, last.min(begin + chunk - 1)) } else { (first.max(begin - chunk + 1), begin) };
            let blocks = self.engine.records(lo - 1, hi);
            let span = |k: i64| ((k * BLOCK * SECOND).max(from), ((k + 1) * BLOCK * SECOND).min(to));
            let one = |(i, pair): (usize, &[Arc<RecordBlock>])| merged(pair, span(lo + i as i64), direction, &mut *visit);
            let mut pairs = blocks.windows(2).enumerate();
            let flow = match direction {
                Direction::Forward => pairs.try_for_each(one),
                Direction::Backward => pairs.rev().try_for_each(one),
            };
            if flow.is_break() {
                return;
            }
            begin = if direction == Direction::Forward { hi + 1 } else { lo - 1 };
            chunk = (chunk * 2).min(CHUNK);
        }
    }
}

/// Takes how much a stream has at an instant.
pub(super) type VisitVolume<'v> = dyn FnMut(Timestamp, &Arc<Labels>, Volume) + 'v;

/// Blocks that are made at once: enough for both cores, few enough to stop early.
pub(super) const CHUNK: i64 = 8;

/// Lines of a block and of the spill of the one before, in the order of time.
fn merged(
    pair: &[Arc<RecordBlock>],
    (from, to): (i64, i64),
    direction: Direction,
    visit: &mut dyn FnMut(Line) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let [before, own] = pair else { return ControlFlow::Continue(()) };
    let mut spill: Vec<Line> = before.lines(from, to).collect();
    let mut own = own.lines(from, to);
    match direction {
        Direction::Forward => {
            let mut spill = spill.into_iter().peekable();
            for line in own {
                while let Some(s) = spill.next_if(|s| s.at <= line.at) {
                    visit(s)?;
                }
                visit(line)?;
            }
            spill.try_for_each(visit)
        }
        Direction::Backward => {
            while let Some(line) = own.next_back() {
                while let Some(s) = spill.pop_if(|s| s.at > line.at) {
                    visit(s)?;
                }
                visit(line)?;
            }
            spill.into_iter().rev().try_for_each(visit)
        }
    }
}

impl LogStore for World {
    fn streams(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Arc<Labels>> {
        let (from, to) = self.existing(range);
        let Some(matching) = self.matching_streams(matchers).filter(|_| from < to) else { return Vec::new() };
        let pods = &self.engine.model.pods;
        let alive = |i: usize| pods.get(i).is_none_or(|p| p.born <= to && p.gone.is_none_or(|g| g >= from));
        let mut found: Vec<Arc<Labels>> =
            matching.iter().enumerate().filter(|(i, m)| **m && alive(*i)).map(|(i, _)| self.streams[i].clone()).collect();
        let hint = LogHint { matchers: matchers.to_vec(), trace: None };
        for line in self.job_lines(&hint, (from, to)) {
            if !found.contains(&line.stream) {
                found.push(line.stream);
            }
        }
        found
    }

    fn scan(&self, hint: &LogHint, range: TimeRange, direction: Direction, visit: &mut dyn FnMut(&dyn LogEntry) -> ControlFlow<()>) {
        let (from, to) = self.existing(range);
        let Some(matching) = self.matching_streams(&hint.matchers).filter(|_| from < to) else { return };
        // The next one last.
        let mut of_jobs = self.job_lines(hint, (from, to));
        if direction == Direction::Forward {
            of_jobs.reverse();
        }
        let mut flow = ControlFlow::Continue(());
        let mut each = |line: Line| {
            if !matching[line.pod as usize] {
                return ControlFlow::Continue(());
            }
            let is_next = |job: &mut JobLine| if direction == Direction::Forward { job.at <= line.at } else { job.at > line.at };
            while let (ControlFlow::Continue(()), Some(job)) = (flow, of_jobs.pop_if(is_next)) {
                flow = visit(&job);
            }
            if flow.is_continue() {
                flow = visit(&Entry { world: self, line });
            }
            flow
        };
        match hint.trace {
            _ if !matching.contains(&true) => {}
            Some(trace) => self.scan_trace(trace, (from, to), direction, &mut each),
            None => self.scan_blocks((from, to), direction, &mut each),
        }
        if flow.is_continue() {
            let _ = of_jobs.iter().rev().try_for_each(|job| visit(job));
        }
    }
    fn volume(&self, matchers: &[Matcher], range: TimeRange, visit: &mut VisitVolume<'_>) {
        let (from, to) = self.existing(range);
        let Some(matching) = self.matching_streams(matchers).filter(|_| from < to) else { return };
        if matching.contains(&true) {
            self.count_volume(&matching, (from, to), visit);
        }
        let mut text = String::new();
        for line in self.job_lines(&LogHint { matchers: matchers.to_vec(), trace: None }, (from, to)) {
            visit(line.at(), &line.stream, Volume::of(&line, &mut text));
        }
    }
}
