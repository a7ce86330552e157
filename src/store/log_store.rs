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
use crate::model::{
    log::{Level, LogLine},
    time::{TimeRange, Timestamp},
    trace::TraceId,
};

mod arriving;
mod folding;
mod room;
#[cfg(test)]
mod room_tests;
mod rows;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trace_tests;

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
