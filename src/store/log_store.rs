//! Log lines in order of time, each once, bounded by bytes.

use std::sync::Arc;

use super::{
    condition::Condition,
    filter::Pattern,
    filtering::{FilterJob, FilterNews},
    patterns::{Chosen, Numbered, Snapshot},
    segment::{Line, LineId, Segment},
    streams::Streams,
    verdict::{ROW, Reach},
};
use crate::{
    log_patterns::Kind,
    model::{
        log::{Level, LogLine},
        time::Timestamp,
    },
};

/// Which lines are shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Show {
    /// The text.
    pub pattern: Option<Pattern>,
    /// What fields must be, or must not.
    pub conditions: Vec<Condition>,
    /// At least this bad; [`Level::Unknown`] shows all.
    pub level: Level,
    /// The screen is held: what is new since then waits.
    pub held: Option<Mark>,
    /// Lines of these patterns alone.
    pub only: Option<Arc<Chosen>>,
    /// No lines of these patterns.
    pub without: Option<Arc<Chosen>>,
}

/// What had arrived at some moment. All that arrives later is new, but for lines older than all that was there: those only
/// come because someone goes back to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Counts the lines that had arrived.
    pub arrivals: u64,
    /// The oldest of them.
    pub oldest: Timestamp,
    /// The newest of them.
    pub newest: Timestamp,
}

impl Mark {
    /// All that is not newer than what was there counts as there, for when other lines of that time are asked for.
    #[must_use]
    pub fn by_time(self) -> Self {
        Self { arrivals: 0, oldest: self.newest, ..self }
    }

    /// Whether a line arrived later.
    pub(super) fn is_new(self, id: LineId) -> bool {
        id.arrival >= self.arrivals && id.at > self.oldest
    }
}

impl Show {
    pub(super) fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether not all lines pass that there are.
    pub(super) fn filters(&self) -> bool {
        let Self { pattern, conditions, level, held: _, only, without } = self;
        pattern.is_some() || !conditions.is_empty() || *level != Level::default() || only.is_some() || without.is_some()
    }

    /// Bytes of lines that are looked at while a key waits; more of them are left to a worker.
    pub(super) fn at_once(&self) -> usize {
        let takes_apart = !self.conditions.is_empty() || self.only.is_some() || self.without.is_some();
        match takes_apart {
            true => TAKEN_APART,
            false if self.pattern.is_some() => SEARCHED,
            false => JUDGED,
        }
    }

    pub(super) fn is_waiting(&self, id: LineId) -> bool {
        self.held.is_some_and(|mark| mark.is_new(id))
    }

    /// Whether a line passes; `kind` is asked for the number of its form in a numbering, where it is known.
    fn passes(&self, level: Level, text: &str, kind: impl Fn(u64) -> Option<Kind>) -> bool {
        let is_of = |chosen: &Arc<Chosen>| chosen.has(kind(chosen.generation()), text);
        level >= self.level
            && self.pattern.as_ref().is_none_or(|p| p.passes(text))
            && self.only.as_ref().is_none_or(is_of)
            && !self.without.as_ref().is_some_and(is_of)
    }
}

/// What is shown, and what is needed to decide on it.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a> {
    pub(super) show: &'a Show,
    pub(super) streams: &'a Streams,
}

impl Rule<'_> {
    pub(super) fn passes<'a>(
        self,
        level: Level,
        text: &str,
        stream: u32,
        metadata: impl Iterator<Item = (&'a str, &'a str)> + Clone,
        kind: impl Fn(u64) -> Option<Kind>,
    ) -> bool {
        let labels = || self.streams.get(stream).map(|l| &**l);
        self.show.passes(level, text, kind) && self.show.conditions.iter().all(|c| c.passes(labels(), metadata.clone(), text))
    }
}

/// Bytes that are searched for a text while a key waits: a few milliseconds.
const SEARCHED: usize = 2 << 20;
/// Bytes of lines whose level is looked at while a key waits.
const JUDGED: usize = 64 << 20;
/// Bytes of lines that are taken apart while a key waits.
const TAKEN_APART: usize = 512 << 10;

/// Labels that no line has any more may take this part of the room.
const STREAMS: usize = 16;

/// The lines of one query. Batches may come in any order and repeat lines; the result is the same sorted set.
pub struct LogStore {
    /// By time; a line belongs to the last one that does not begin after it.
    segments: Vec<Segment>,
    /// Shared with those who look at the lines elsewhere.
    streams: Arc<Streams>,
    limit: usize,
    arrivals: u64,
    dropped: u64,
    /// Lines up to here were dropped: older ones are not taken again.
    floor: Option<Timestamp>,
    show: Show,
    numbered: Numbered,
}

impl LogStore {
    /// An empty store of at most about `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            segments: Vec::new(),
            streams: Arc::default(),
            limit,
            arrivals: 0,
            dropped: 0,
            floor: None,
            show: Show::default(),
            numbered: Numbered::default(),
        }
    }

    /// Forgets all lines, not what is shown.
    pub fn clear(&mut self) {
        let show = std::mem::take(&mut self.show);
        *self = Self { show: Show { held: None, ..show }, ..Self::new(self.limit) };
    }

    /// The lines as they are now, to be looked at elsewhere. Costs nothing but where lines are added meanwhile.
    pub fn snapshot(&self) -> Snapshot {
        let segments = self.segments.iter().map(|s| s.lines().clone()).collect();
        Snapshot { segments, streams: self.streams.clone(), numbered: self.numbered.clone() }
    }

    /// Takes what was found out about the forms of the lines of a snapshot.
    pub fn set_numbered(&mut self, snapshot: &Snapshot) {
        self.numbered = snapshot.numbered.clone();
        for lines in &snapshot.segments {
            let Some(first) = lines.first() else { continue };
            let at = self.segments.partition_point(|s| s.first_at() <= first.at).saturating_sub(1);
            if let Some(segment) = self.segments.get_mut(at).filter(|s| s.lines().first() == Some(first)) {
                segment.set_numbers(&lines.numbers);
            }
        }
    }

    /// Keeps at most about `limit` bytes from the next lines on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Adds lines. Returns how many were new.
    pub fn insert(&mut self, mut lines: Vec<LogLine>) -> usize {
        if let Some(floor) = self.floor {
            let before = lines.len();
            lines.retain(|line| line.at > floor);
            self.dropped += (before - lines.len()) as u64;
        }
        lines.sort_by_key(|line| line.at);
        let streams: Vec<u32> = lines.iter().map(|line| Arc::make_mut(&mut self.streams).number(&line.stream)).collect();
        let mut new = 0;
        let mut end = lines.len();
        // From the newest to the oldest, so that splitting a segment leaves the places before it as they are.
        while end > 0 {
            let at = lines[end - 1].at;
            let segment = self.segments.partition_point(|s| s.first_at() <= at).saturating_sub(1);
            let from = if segment == 0 { 0 } else { lines[..end].partition_point(|l| l.at < self.segments[segment].first_at()) };
            if self.segments.is_empty() {
                self.segments.push(Segment::default());
            }
            new += self.insert_into(segment, &lines[from..end], &streams[from..end]);
            end = from;
        }
        self.evict();
        new
    }

    fn insert_into(&mut self, segment: usize, lines: &[LogLine], streams: &[u32]) -> usize {
        let rule = Rule { show: &self.show, streams: &self.streams };
        let merged = self.segments[segment].merge(lines, streams, self.arrivals, rule);
        self.arrivals += merged.new as u64;
        let (mut at, mut appended) = (segment, merged.appended);
        while let Some(rest) = self.segments[at].split(appended, rule) {
            // All that was cut off was appended.
            appended = appended.map(|_| 0);
            at += 1;
            self.segments.insert(at, rest);
        }
        merged.new
    }

    fn evict(&mut self) {
        self.forget_streams();
        while self.bytes() > self.limit && self.len() > 1 {
            let gone = if self.segments.len() > 1 {
                let first = self.segments.remove(0);
                self.floor = self.floor.max(Some(first.last_at()));
                first.len()
            } else {
                let gone = self.segments[0].halve(Rule { show: &self.show, streams: &self.streams });
                // Lines of the cut's own instant are still taken.
                self.floor = self.floor.max(Some(Timestamp(self.segments[0].first_at().0.saturating_sub(1))));
                gone
            };
            self.dropped += gone as u64;
            self.forget_streams();
        }
    }

    /// Once there is no more room, and only where it matters, for all lines are looked at.
    fn forget_streams(&mut self) {
        if self.bytes() > self.limit && self.streams.size() > self.limit / STREAMS {
            Arc::make_mut(&mut self.streams).keep(self.segments.iter().flat_map(Segment::streams));
        }
    }

    /// Memory the lines take, in bytes, with the labels of their streams.
    pub fn bytes(&self) -> usize {
        self.segments.iter().map(Segment::size).sum::<usize>() + self.streams.size()
    }

    /// How many lines are kept.
    pub fn len(&self) -> usize {
        self.segments.iter().map(Segment::len).sum()
    }

    /// Whether no line is kept.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The time of the oldest line.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.segments.first().map(Segment::first_at)
    }

    /// The time of the newest line.
    pub fn newest(&self) -> Option<Timestamp> {
        self.segments.last().map(Segment::last_at)
    }

    /// Whether older lines may be added. A quarter is kept free for new ones: those would otherwise soon drop the old
    /// ones that someone reads.
    pub fn has_room(&self) -> bool {
        self.dropped == 0 && self.bytes() <= self.limit / 4 * 3
    }

    /// What is the most that is kept, in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// What has arrived by now.
    pub fn mark(&self) -> Mark {
        const NEVER: Timestamp = Timestamp(i64::MIN);
        Mark { arrivals: self.arrivals, oldest: self.oldest().unwrap_or(NEVER), newest: self.newest().unwrap_or(NEVER) }
    }

    /// How many of the kept lines a held screen leaves out.
    pub fn waiting(&self) -> usize {
        self.segments.iter().map(|s| s.waiting().0).sum()
    }

    /// How many of those would be shown.
    pub fn waiting_to_show(&self) -> usize {
        self.segments.iter().map(|s| s.waiting().1).sum()
    }

    /// How many of the shown lines arrived since.
    pub fn shown_since(&self, mark: Mark) -> usize {
        self.segments.iter().map(|s| s.shown_since(mark)).sum()
    }

    /// How many lines were dropped because newer ones needed the room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// How many lines have arrived in all.
    pub fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// What is shown.
    pub fn show(&self) -> &Show {
        &self.show
    }

    /// Shows other lines: as far as it is known at once which, see [`LogStore::look_around`] and [`LogStore::filter_job`].
    pub fn set_show(&mut self, show: Show) {
        let same_lines = Show { held: self.show.held, ..show.clone() } == self.show;
        if same_lines && self.show.held == show.held {
            return;
        }
        self.show = show;
        let rule = Rule { show: &self.show, streams: &self.streams };
        for segment in &mut self.segments {
            if same_lines { segment.hold(rule) } else { segment.forget_verdict(rule) }
        }
    }

    /// How many lines are still to be looked at before it is known which are shown.
    pub fn open(&self) -> usize {
        self.segments.iter().map(Segment::open).sum()
    }

    /// Looks at the lines about one, or at the newest: until so many more are shown on each side, or it takes too long for
    /// someone who waits.
    pub fn look_around(&mut self, id: Option<LineId>, lines: usize) {
        let (anchor, row) = self.anchor(id);
        // Few are all looked at.
        let lines = if self.len() * ROW + self.bytes() <= self.show.at_once() { usize::MAX } else { lines };
        let rule = Rule { show: &self.show, streams: &self.streams };
        let mut reach = Reach { lines, bytes: self.show.at_once() };
        for (i, segment) in self.segments.iter_mut().enumerate().skip(anchor) {
            if !segment.look(if i == anchor { row } else { 0 }, true, rule, &mut reach) || reach.lines == 0 {
                break;
            }
        }
        let mut reach = Reach { lines, bytes: self.show.at_once() };
        for (i, segment) in self.segments.iter_mut().enumerate().take(anchor + 1).rev() {
            let from = if i == anchor { row } else { segment.len() };
            if !segment.look(from, false, rule, &mut reach) || reach.lines == 0 {
                break;
            }
        }
    }

    /// The segment and the row of a line, or the end.
    fn anchor(&self, id: Option<LineId>) -> (usize, usize) {
        let last = self.segments.len().saturating_sub(1);
        let segment = id.map_or(last, |id| self.segments.partition_point(|s| s.first_at() <= id.at).saturating_sub(1));
        (segment, self.segments.get(segment).map_or(0, |s| id.map_or(s.len(), |id| s.row_of(id))))
    }

    /// What a worker is to find out, beginning at a line or at the newest; `None` where nothing is open.
    pub fn filter_job(&self, id: Option<LineId>) -> Option<FilterJob> {
        let (anchor, _) = self.anchor(id);
        let mut open: Vec<(usize, &Segment)> = self.segments.iter().enumerate().filter(|(_, s)| s.open() > 0).collect();
        open.sort_by_key(|(i, _)| i.abs_diff(anchor));
        let segments = open.into_iter().map(|(_, s)| s.lines().clone()).collect::<Vec<_>>();
        let job = FilterJob { segments, streams: self.streams.clone(), show: Show { held: None, ..self.show.clone() } };
        (!job.segments.is_empty()).then_some(job)
    }

    /// Takes what a worker found out about the lines that are shown now.
    pub fn take_filtered(&mut self, news: &FilterNews) {
        let rule = Rule { show: &self.show, streams: &self.streams };
        for judged in news.judged.iter() {
            let (Some(first), Some(last)) = (judged.lines.rows.first(), judged.lines.rows.last()) else { continue };
            let from = self.segments.partition_point(|s| s.first_at() <= first.id().at).saturating_sub(1);
            let to = self.segments.partition_point(|s| s.first_at() <= last.id().at);
            self.segments[from..to].iter_mut().for_each(|s| s.take(judged, rule));
        }
    }

    /// How many lines are shown.
    pub fn shown(&self) -> usize {
        self.segments.iter().map(Segment::shown).sum()
    }

    /// The shown line of a number, the oldest is 0.
    pub fn get(&self, i: usize) -> Option<Line<'_>> {
        self.window(i).next()
    }

    /// The shown lines from a number on. Costs what is taken of it.
    pub fn window(&self, first: usize) -> impl Iterator<Item = Line<'_>> {
        let (segment, skip) = self.place(first);
        let rest = self.segments.get(segment..).unwrap_or_default();
        rest.iter().enumerate().flat_map(move |(n, s)| {
            let from = if n == 0 { skip } else { 0 };
            (from..s.shown()).filter_map(move |i| s.line(i, &self.streams))
        })
    }

    /// The number of a line among those shown; of the next one when it is not shown itself.
    pub fn position(&self, id: LineId) -> usize {
        let segment = self.segments.partition_point(|s| s.first_at() <= id.at).saturating_sub(1);
        let before: usize = self.segments.iter().take(segment).map(Segment::shown).sum();
        before + self.segments.get(segment).map_or(0, |s| s.shown_before(id))
    }

    /// The next shown line after a number that is at least this bad; from the beginning again after the last.
    pub fn next_at_level(&self, after: usize, level: Level) -> Option<usize> {
        let (mut number, mut first, mut later) = (0, None, None);
        for segment in &self.segments {
            if segment.worst() < level {
                number += segment.shown();
                continue;
            }
            for i in 0..segment.shown() {
                if segment.level(i).is_some_and(|l| l >= level) {
                    first = first.or(Some(number));
                    if number > after && later.is_none() {
                        later = Some(number);
                    }
                }
                number += 1;
            }
            if later.is_some() {
                break;
            }
        }
        later.or(first)
    }

    /// The last shown line before a number that is at least this bad; from the end again before the first.
    pub fn previous_at_level(&self, before: usize, level: Level) -> Option<usize> {
        let (mut end, mut last) = (self.shown(), None);
        for segment in self.segments.iter().rev() {
            let first = end - segment.shown();
            let has = |i: &usize| segment.level(i - first).is_some_and(|l| l >= level);
            if segment.worst() >= level {
                last = last.or_else(|| (first..end).rev().find(has));
                if let Some(found) = (first..end.min(before)).rev().find(has) {
                    return Some(found);
                }
            }
            end = first;
        }
        last
    }

    /// Which segment holds the shown line of a number, and which of its shown lines it is.
    fn place(&self, i: usize) -> (usize, usize) {
        let mut left = i;
        for (n, segment) in self.segments.iter().enumerate() {
            if left < segment.shown() {
                return (n, left);
            }
            left -= segment.shown();
        }
        (self.segments.len(), 0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use super::*;
    use crate::model::trace::{SpanId, TraceId};

    fn line(at: i64, stream: &str, text: &str) -> LogLine {
        LogLine {
            at: Timestamp(at),
            stream: Arc::new([("app", stream), ("__stream_shard__", text)].into_iter().collect()),
            metadata: [("pod", "a-1")].into_iter().collect(),
            text: text.into(),
            level: if text.contains("bad") { Level::Error } else { Level::Info },
            trace: text.contains("trace").then_some(TraceId(7)),
            span: text.contains("trace").then_some(SpanId(9)),
            trace_from: text.contains("trace").then_some("text"),
            copy: 0,
        }
    }

    /// Shows other lines, and waits for it.
    fn show(store: &mut LogStore, show: Show) {
        store.set_show(show);
        finish(store);
    }

    fn finish(store: &mut LogStore) {
        if let Some(job) = store.filter_job(None) {
            job.run(&|| false, &mut |news| store.take_filtered(&news));
        }
        assert_eq!(store.open(), 0);
    }

    fn texts(store: &LogStore) -> Vec<String> {
        store.window(0).map(|l| format!("{} {}", l.id.at, l.text)).collect()
    }

    #[test]
    fn late_lines_slide_into_place_and_copies_are_dropped() {
        let mut store = LogStore::new(1 << 20);
        assert_eq!(store.insert(vec![line(30, "a", "c"), line(10, "a", "a")]), 2);
        assert_eq!(store.insert(vec![line(20, "a", "trace b"), line(30, "a", "c"), line(30, "b", "c")]), 2);
        assert_eq!(texts(&store), ["10 a", "20 trace b", "30 c", "30 c"]);
        let late = store.get(1).unwrap();
        assert_eq!((late.trace, late.span, late.trace_from), (Some(TraceId(7)), Some(SpanId(9)), Some("text")));
        assert_eq!(late.metadata().collect::<Vec<_>>(), [("pod", "a-1")]);
        assert_eq!(late.stream.to_string(), r#"{app="a"}"#);
    }

    #[test]
    fn copies_within_an_answer_are_lines_of_their_own() {
        let mut store = LogStore::new(1 << 20);
        let copies = |n| (0..n).map(|copy| LogLine { copy, ..line(10, "a", "a") }).collect::<Vec<_>>();
        assert_eq!((store.insert(copies(2)), store.insert(copies(3)), store.len()), (2, 1, 3));
    }

    #[test]
    fn a_cursor_stays_on_its_line() {
        let mut store = LogStore::new(1 << 20);
        store.insert(vec![line(10, "a", "a"), line(30, "a", "c")]);
        let id = store.get(1).unwrap().id;
        store.insert(vec![line(20, "a", "b"), line(40, "a", "d")]);
        assert_eq!((store.position(id), store.get(2).unwrap().text), (2, "c"));
        show(&mut store, Show { pattern: Pattern::parse("!c").unwrap(), ..Show::default() });
        assert_eq!(store.get(store.position(id)).unwrap().text, "d");
    }

    #[test]
    fn what_is_shown_follows_filter_level_and_hold() {
        let mut store = LogStore::new(1 << 20);
        store.insert((0..10).map(|i| line(i, "a", if i % 3 == 0 { "bad thing" } else { "Good thing" })).collect());
        show(&mut store, Show { level: Level::Error, ..Show::default() });
        assert_eq!(store.shown(), 4);
        store.insert(vec![line(20, "a", "bad again"), line(21, "a", "good again")]);
        assert_eq!(store.shown(), 5);
        show(
            &mut store,
            Show {
                pattern: Pattern::parse("good").unwrap(),
                held: Some(Mark { arrivals: 10, oldest: Timestamp(0), newest: Timestamp(9) }),
                ..Show::default()
            },
        );
        assert_eq!((store.waiting(), store.waiting_to_show()), (2, 1));
        store.insert(vec![line(5, "b", "good and late")]);
        assert_eq!((store.shown(), store.len()), (6, 13));
        assert_eq!((store.waiting(), store.waiting_to_show()), (3, 2), "a late one waits as well");
        store.insert(vec![line(-5, "b", "good and old")]);
        assert_eq!((store.shown(), store.waiting()), (7, 3), "what lies before all that was there");
        assert_eq!(store.oldest(), Some(Timestamp(-5)));
        show(&mut store, Show::default());
        assert_eq!((store.next_at_level(10, Level::Error), store.next_at_level(11, Level::Error)), (Some(11), Some(12)));
        assert_eq!(store.next_at_level(12, Level::Error), Some(1));
        assert_eq!((store.previous_at_level(12, Level::Error), store.previous_at_level(11, Level::Error)), (Some(11), Some(8)));
        assert_eq!(store.previous_at_level(1, Level::Error), Some(12), "from the last one again");
    }

    #[test]
    fn what_arrived_since_a_mark_is_counted_across_segments() {
        let mut store = LogStore::new(1 << 30);
        let lines = |range: std::ops::Range<i64>| range.map(|i| line(i, "a", if i % 10 == 7 { "bad" } else { "good" })).collect::<Vec<_>>();
        store.insert(lines(10_000..19_000));
        show(&mut store, Show { level: Level::Error, ..Show::default() });
        let mark = store.mark();
        store.insert(lines(19_000..29_000));
        store.insert(lines(5_000..10_000));
        store.insert((0..50).map(|i| line(15_000 + i, "b", "bad and late")).collect());
        assert_eq!(store.shown_since(mark), 1050);
        assert_eq!(store.shown_since(mark.by_time()), 1000, "late ones are not newer");
        let held = Show { held: Some(mark), ..store.show().clone() };
        show(&mut store, held);
        assert_eq!((store.waiting(), store.waiting_to_show(), store.shown()), (10_050, 1050, 1400));
        store.insert(lines(29_000..39_000));
        assert_eq!((store.waiting(), store.waiting_to_show(), store.shown()), (20_050, 2050, 1400));
        assert_eq!(store.shown_since(mark), 0);
    }

    #[test]
    fn many_lines_are_filtered_as_few_are() {
        let mut store = LogStore::new(1 << 30);
        let lines = |i| line(i, "a", if i % 1000 == 7 { "bad thing" } else { "good thing" });
        store.insert((0..120_000).map(lines).collect());
        show(&mut store, Show { pattern: Pattern::parse("bad").unwrap(), ..Show::default() });
        let shown: Vec<i64> = store.window(0).map(|l| l.id.at.0).collect();
        assert_eq!(shown, (0..120).map(|i| i * 1000 + 7).collect::<Vec<_>>());
        show(&mut store, Show::default());
        assert_eq!(store.shown(), 120_000);
    }

    #[test]
    fn lines_about_the_cursor_are_filtered_at_once_and_the_rest_by_a_worker() {
        let mut store = LogStore::new(1 << 30);
        let lines = |range: std::ops::Range<i64>| {
            range.map(|i| line(i * 2, "a", if i % 100 == 7 { "bad thing" } else { "good thing" })).collect::<Vec<_>>()
        };
        store.insert(lines(0..60_000));
        let id = store.get(30_000).unwrap().id;
        let bad = Show { pattern: Pattern::parse("bad").unwrap(), ..Show::default() };
        store.set_show(bad.clone());
        store.look_around(Some(id), 5);
        let near: Vec<i64> = store.window(0).map(|l| l.id.at.0).collect();
        assert_eq!(near, (295..305).map(|i| (i * 100 + 7) * 2).collect::<Vec<_>>());
        assert_eq!(store.position(id), 5, "the cursor is between them");
        store.look_around(Some(id), 5);
        assert_eq!(store.shown(), 10, "what is known is not looked for again");
        let job = store.filter_job(Some(id)).unwrap();
        let mut parts = Vec::new();
        job.run(&|| false, &mut |news| parts.push(news));
        assert!(parts.len() > 1 && parts.iter().rposition(|p| p.is_last) == Some(parts.len() - 1));
        // Meanwhile lines come: at the end, late ones into the midst of others, and older ones.
        store.insert(lines(60_000..61_000));
        store.insert((0..50).map(|i| line(40_001 + i * 2, "b", if i % 10 == 3 { "bad and late" } else { "late" })).collect());
        store.insert(vec![line(-5, "b", "bad and old")]);
        store.take_filtered(&parts[0]);
        let some = store.shown();
        assert!((11..610).contains(&some) && store.open() > 0, "{some}");
        parts[1..].iter().for_each(|part| store.take_filtered(part));
        finish(&mut store);
        let shown = texts(&store);
        assert_eq!(shown.len(), 610 + 5 + 1);
        assert!(
            shown.iter().all(|text| text.contains("bad"))
                && shown.is_sorted_by_key(|t| t.split(' ').next().unwrap().parse::<i64>().unwrap())
        );
        // A worker that nobody listens to stops.
        store.set_show(Show { level: Level::Error, ..bad });
        let (mut told, is_stopped) = (0, AtomicBool::new(false));
        store.filter_job(None).unwrap().run(&|| is_stopped.load(Ordering::Relaxed), &mut |_| {
            told += 1;
            is_stopped.store(true, Ordering::Relaxed);
        });
        assert_eq!(told, 1);
    }

    #[test]
    fn a_pause_does_not_filter_again() {
        let mut store = LogStore::new(1 << 30);
        store.insert((0..20_000).map(|i| line(i, "a", if i % 10 == 7 { "bad" } else { "good" })).collect());
        let bad = Show { pattern: Pattern::parse("bad").unwrap(), ..Show::default() };
        show(&mut store, bad.clone());
        let mark = store.mark();
        store.set_show(Show { held: Some(mark), ..bad.clone() });
        store.insert(vec![line(20_007, "a", "bad"), line(20_008, "a", "good")]);
        assert_eq!((store.open(), store.shown(), store.waiting(), store.waiting_to_show()), (0, 2000, 2, 1));
        store.set_show(bad);
        assert_eq!((store.open(), store.shown(), store.waiting()), (0, 2001, 0));
    }

    #[test]
    fn lines_that_come_in_order_take_little_more_than_their_text() {
        let mut store = LogStore::new(1 << 30);
        let text = "x".repeat(300);
        for batch in 0..500 {
            store.insert((0..100).map(|i| line(batch * 100 + i, "a", &text)).collect());
        }
        show(&mut store, Show { level: Level::Error, ..Show::default() });
        let raw = 50_000 * (text.len() + "poda-1".len());
        assert!(store.bytes() < raw * 6 / 5, "{} for {raw}", store.bytes());
        assert_eq!((store.len(), store.shown()), (50_000, 0));
    }

    #[test]
    fn the_oldest_go_first_and_are_counted() {
        let mut store = LogStore::new(200_000);
        for batch in 0..40 {
            store.insert((0..1000).map(|i| line(batch * 1000 + i, "a", &format!("line {batch} {i}"))).collect());
        }
        assert!(store.bytes() <= 200_000, "{}", store.bytes());
        assert_eq!(store.len() as u64 + store.dropped(), 40_000);
        assert_eq!(store.get(store.shown() - 1).unwrap().text, "line 39 999");
        let len = store.len();
        assert_eq!(store.insert(vec![line(1, "a", "line 0 1")]), 0);
        assert_eq!(store.len(), len);
    }

    #[test]
    fn labels_of_each_line_alone_are_bounded_too() {
        let mut store = LogStore::new(2_000_000);
        let line = |i: i64| {
            let request = format!("a request with the number {i}");
            LogLine { stream: Arc::new([("request", &request)].into_iter().collect()), ..line(i, "a", "short") }
        };
        for batch in 0..60 {
            store.insert((0..1000).map(|i| line(batch * 1000 + i)).collect());
            assert!(store.bytes() <= 2_000_000, "{}", store.bytes());
        }
        assert_eq!(store.len() as u64 + store.dropped(), 60_000);
        assert!((2_000_000 / 300..2_000_000 / 100).contains(&store.len()), "{} lines, and their labels, fill it", store.len());
        for kept in store.window(0) {
            assert_eq!(kept.stream.get("request"), Some(&*format!("a request with the number {}", kept.id.at.0)));
        }
        // Copies and late lines that are not taken leave no labels behind.
        let before = store.bytes();
        store.insert((0..20_000).map(line).collect());
        assert_eq!((store.insert((59_990..60_000).map(line).collect()), store.bytes()), (0, before));
    }

    #[test]
    fn lines_of_one_instant_are_bounded_too() {
        let mut store = LogStore::new(100_000);
        for n in 0..20 {
            store.insert((0..200).map(|i| line(5, "a", &format!("line {n} {i}"))).collect());
        }
        assert!(store.bytes() <= 100_000 && !store.is_empty());
    }

    proptest! {
        #[test]
        fn any_order_and_repetition_is_the_same_sorted_set(
            lines in prop::collection::vec((0i64..300, 0u8..3, 0u8..4), 1..400),
            cuts in prop::collection::vec((0usize..400, 1usize..120), 1..20),
        ) {
            let lines: Vec<LogLine> = lines.iter().map(|(at, s, t)| line(*at, &s.to_string(), &format!("{t} bad"))).collect();
            let mut wanted: Vec<_> = lines.iter().map(|l| (l.at, l.stream.get("app").unwrap_or("").to_owned(), l.text.clone())).collect();
            wanted.sort();
            wanted.dedup();
            let mut store = LogStore::new(1 << 24);
            let mut cursor = None;
            for (from, length) in &cuts {
                let from = from % lines.len();
                store.insert(lines[from..lines.len().min(from + length)].to_vec());
                if let Some((id, text)) = &cursor {
                    let at = store.get(store.position(*id)).unwrap();
                    prop_assert_eq!((at.id, at.text), (*id, text as &str));
                } else {
                    cursor = store.get(store.shown() / 2).map(|l| (l.id, l.text.to_owned()));
                }
            }
            store.insert(lines);
            let ids: Vec<LineId> = store.window(0).map(|l| l.id).collect();
            prop_assert!(ids.is_sorted());
            let mut got: Vec<_> = store.window(0).map(|l| (l.id.at, l.stream.get("app").unwrap_or("").to_owned(), Box::<str>::from(l.text))).collect();
            got.sort();
            prop_assert_eq!(got, wanted);
            for (i, id) in ids.iter().enumerate() {
                prop_assert_eq!(store.position(*id), i);
            }
        }
    }
}
