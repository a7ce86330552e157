//! Log lines in order of time, each once, bounded by bytes.

use std::{sync::Arc, time::Duration};

use memchr::memmem::Finder;

use super::{
    condition::Condition,
    counting::CountJob,
    filtering::{FilterJob, FilterNews},
    patterns::{Numbered, Snapshot},
    row::{Line, LineId},
    segment::Segment,
    show::{Mark, Rule, Show},
    streams::Streams,
    verdict::{ROW, Reach},
};
use crate::{
    log_fields::looks_inner,
    model::{
        log::{Level, LogLine},
        time::{TimeRange, Timestamp},
        trace::TraceId,
    },
};

mod folding;
mod rows;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trace_tests;

/// Labels that no line has any more may take this part of the room.
const STREAMS: usize = 16;
/// Segments that are looked through for lines that nobody asks for, each time that lines come.
const SIFTED: usize = 4;

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
    /// What lines must be to be asked for.
    asked: Show,
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
            asked: Show::default(),
            numbered: Numbered::default(),
        }
    }

    /// Forgets all lines, not what is shown.
    pub fn clear(&mut self) {
        let (show, asked) = (std::mem::take(&mut self.show), std::mem::take(&mut self.asked));
        *self = Self { show: Show { held: None, ..show }, asked, ..Self::new(self.limit) };
    }

    /// Other lines are asked for from now on, of this level and with these conditions. Others, that are here or come all the same,
    /// are the first to go when room is needed, and lines that are older than all that are here are taken again.
    pub fn ask_anew(&mut self, level: Level, conditions: &[Condition]) {
        self.asked = Show { level, conditions: conditions.to_vec(), ..Show::default() };
        (self.floor, self.dropped) = (None, 0);
        self.segments.iter_mut().for_each(Segment::ask_anew);
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
        let is_mixed = self.leave_out(&mut lines);
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
            self.begin_before(at);
            if is_mixed {
                self.segments[segment].mix();
            }
            new += self.insert_into(segment, &lines[from..end], &streams[from..end]);
            end = from;
        }
        self.evict();
        new
    }

    /// Lines that are read backward are each time older than all that are here: they would be sorted into the same ones again
    /// and again, so they get a segment of their own once the first one is well filled.
    fn begin_before(&mut self, at: Timestamp) {
        match self.segments.first_mut() {
            Some(first) if at >= first.first_at() || !first.is_well_filled() => {}
            first => {
                first.into_iter().for_each(Segment::shrink);
                self.segments.insert(0, Segment::default());
            }
        }
    }

    fn insert_into(&mut self, segment: usize, lines: &[LogLine], streams: &[u32]) -> usize {
        let rule = Rule { show: &self.show, streams: &self.streams };
        let merged = self.segments[segment].merge(lines, streams, self.arrivals, rule);
        if merged.new == 0 {
            return 0;
        }
        self.arrivals += merged.new as u64;
        let grown = self.fold(segment);
        let rule = Rule { show: &self.show, streams: &self.streams };
        self.segments[segment].judge(&merged, &grown, rule);
        self.split(segment, merged.appended);
        merged.new
    }

    /// Cuts a segment that has too much.
    fn split(&mut self, segment: usize, mut appended: Option<usize>) {
        let mut at = segment;
        let rule = Rule { show: &self.show, streams: &self.streams };
        while let Some(rest) = self.segments[at].split(appended, rule) {
            // All that was cut off was appended.
            appended = appended.map(|_| 0);
            at += 1;
            self.segments.insert(at, rest);
        }
        if at > segment {
            (segment..=at).for_each(|at| self.fold_anew(at));
        }
        self.fold_again(at + 1);
    }

    /// Leaves out what nobody asks for, once there is little room. Returns whether such may be among the lines that are left.
    fn leave_out(&self, lines: &mut Vec<LogLine>) -> bool {
        if self.asked.is_all() {
            return false;
        }
        let size: usize = lines.iter().map(|line| line.text.len()).sum();
        let is_little = self.bytes() + size > self.most_of_old();
        let mut is_mixed = !is_little;
        if is_little {
            lines.retain(|line| {
                // One that goes on from another is asked for where that one is: it is not known yet.
                let is_asked = self.asked.takes(line);
                is_mixed |= !is_asked && looks_inner(&line.text);
                is_asked || looks_inner(&line.text)
            });
        }
        is_mixed
    }

    /// Makes room of lines that nobody asks for. A key waits meanwhile: of most of them a worker has found that out.
    fn sift(&mut self) {
        let (shown, mut bytes) = (self.show.are_asked(&self.asked), self.asked.at_once());
        for _ in 0..SIFTED {
            if self.bytes() <= self.most_of_old() {
                return;
            }
            let known = self.segments.iter().position(|s| s.is_mixed() && s.knows_wanted(shown));
            let Some(at) = known.or_else(|| self.segments.iter().position(Segment::is_mixed)) else { return };
            let [asked, rule] = [&self.asked, &self.show].map(|show| Rule { show, streams: &self.streams });
            let segment = &mut self.segments[at];
            if known.is_none() {
                segment.look_for_wanted(asked, &mut bytes);
                if !segment.knows_wanted(shown) {
                    return;
                }
            }
            if segment.sift(shown, rule) == 0 {
                continue;
            }
            if segment.len() == 0 {
                self.segments.remove(at);
                self.fold_again(at);
            } else {
                self.fold_anew(at);
                self.fold_again(at + 1);
            }
        }
    }

    fn evict(&mut self) {
        self.forget_streams();
        self.sift();
        while self.bytes() > self.limit && self.len() > 1 {
            let gone = if self.segments.len() > 1 {
                let first = self.segments.remove(0);
                self.floor = self.floor.max(Some(first.last_at()));
                if self.within_reach(0).any(|s| s.lines().folds.begins_outside()) {
                    self.fold_again(0);
                }
                first.len()
            } else {
                let gone = self.segments[0].halve(Rule { show: &self.show, streams: &self.streams });
                // Lines of the cut's own instant are still taken.
                self.floor = self.floor.max(Some(Timestamp(self.segments[0].first_at().0.saturating_sub(1))));
                self.fold_anew(0);
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

    /// The time of the oldest line that has one, not just a place in a file.
    pub fn oldest_dated(&self) -> Option<Timestamp> {
        self.segments.iter().find(|s| s.last_at() >= Timestamp::FIRST).and_then(Segment::first_dated)
    }

    /// The time of the newest line.
    pub fn newest(&self) -> Option<Timestamp> {
        self.segments.last().map(Segment::last_at)
    }

    /// Whether older lines may be added. A quarter is kept free for new ones: those would otherwise soon drop the old
    /// ones that someone reads.
    pub fn has_room(&self) -> bool {
        let shown = self.show.are_asked(&self.asked);
        let spare: usize = self.segments.iter().map(|s| s.spare(shown)).sum();
        self.dropped == 0 && self.bytes() - spare <= self.most_of_old()
    }

    fn most_of_old(&self) -> usize {
        self.limit / 4 * 3
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
        if !same_lines && self.show.are_asked(&self.asked) {
            self.segments.iter_mut().for_each(Segment::note_wanted);
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

    /// What a worker is to count: the lines of a range that are shown, in steps.
    pub fn count_job(&self, range: TimeRange, step: Duration) -> CountJob {
        let within = self.segments.iter().filter(|s| s.first_at() < range.end && range.start <= s.last_at());
        CountJob { runs: within.map(Segment::run).collect(), range, step }
    }

    /// All lines of a trace, shown or not: those whose trace it is, and those that name it.
    pub fn lines_of(&self, trace: TraceId) -> Vec<LogLine> {
        let name = Finder::new(&trace.to_string()).into_owned();
        self.segments.iter().flat_map(|s| s.lines_of(trace, &name, &self.streams)).map(|line| line.to_log_line()).collect()
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
            (from..s.shown()).filter_map(move |i| self.line((segment + n, i)))
        })
    }

    /// The number of a line among those shown; of the next one when it is not shown itself.
    pub fn position(&self, id: LineId) -> usize {
        let segment = self.segments.partition_point(|s| s.first_at() <= id.at).saturating_sub(1);
        let before: usize = self.segments.iter().take(segment).map(Segment::shown).sum();
        before + self.segments.get(segment).map_or(0, |s| s.shown_before(id))
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
