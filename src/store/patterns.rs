//! Patterns of the lines of a store, found on a worker: it is handed the lines as they are at some moment, numbers the forms
//! that are not numbered yet, clusters them and counts. What it found out about the forms goes back to the store, so that the
//! next time, and filters by pattern, look at new lines alone.

use std::{fmt, sync::Arc};

use super::{
    condition::Condition,
    lines::Lines,
    show::{Rule, Show},
    streams::Streams,
};
use crate::{
    log_fields::exceptions::Thrown,
    log_patterns::{self, Clusters, Counting, Kind, Kinds, LinePattern, Parameters, Seen, example, fits, form, holds},
    model::{
        log_labels::LogLabels,
        time::{TimeRange, Timestamp},
    },
};

/// The numbering of forms that a store's lines have.
pub(super) type Numbered = Option<Arc<Kinds>>;

/// Lines of a store at some moment.
#[derive(Clone, Default)]
pub struct Snapshot {
    pub(super) segments: Vec<Lines>,
    pub(super) streams: Arc<Streams>,
    pub(super) numbered: Numbered,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot({} segments)", self.segments.len())
    }
}

impl Snapshot {
    /// The numbers of a segment's forms, as far as they are of this numbering.
    fn kinds(&self, segment: &Lines, generation: u64) -> Arc<Vec<Kind>> {
        if segment.numbers.generation == generation { segment.numbers.kinds.clone() } else { Arc::default() }
    }
}

/// Lines, the newest, that tell whether two ways to choose lines choose the same ones, and their bytes.
const COMPARED: (usize, usize) = (50_000, 8 << 20);

impl Snapshot {
    /// Whether a condition says of the newest lines what a choice of patterns says: how many of them it was asked about, where
    /// they agree about each, and about one at least that is chosen.
    fn say_the_same(&self, condition: &Condition, chosen: &Chosen) -> Option<usize> {
        let (mut lines, mut bytes, mut some) = (0, 0, false);
        for segment in self.segments.iter().rev() {
            let kinds = self.kinds(segment, chosen.generation());
            for (i, row) in segment.rows.iter().enumerate().rev() {
                if lines >= COMPARED.0 || bytes >= COMPARED.1 {
                    return some.then_some(lines);
                }
                if segment.folds.goes_on(i) {
                    continue;
                }
                let text = segment.text(row);
                let is_chosen = chosen.has(kinds.get(i).copied(), &segment.whole(i));
                if condition.passes(None, std::iter::empty(), text) != is_chosen {
                    return None;
                }
                (lines, bytes, some) = (lines + 1, bytes + text.len(), some || is_chosen);
            }
        }
        some.then_some(lines)
    }
}

/// Which of some conditions says of lines what a choice of patterns says.
#[derive(Debug)]
pub struct SameJob {
    /// The lines.
    pub lines: Snapshot,
    /// The patterns.
    pub chosen: Arc<Chosen>,
    /// The conditions, the best one first.
    pub ways: Vec<Condition>,
}

/// Each is a question of its own.
impl PartialEq for SameJob {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl SameJob {
    /// The first that does, and of how many lines; `None` where none does.
    pub fn run(&self) -> Option<(usize, Condition)> {
        self.ways.iter().find_map(|way| Some((self.lines.say_the_same(way, &self.chosen)?, way.clone())))
    }
}

/// What lines are put together by.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Sought {
    /// The statements that write them.
    #[default]
    Statements,
    /// The exceptions that they tell of, with the services that these labels name.
    Exceptions(Arc<LogLabels>),
}

/// What patterns are to be found of.
#[derive(Clone, Debug)]
pub struct PatternJob {
    /// Which patterns.
    pub sought: Sought,
    /// The lines.
    pub lines: Snapshot,
    /// Lines of the window that is compared with which are not among them, up to this instant: from it on the lines
    /// themselves count.
    pub earlier: Option<(Snapshot, Timestamp)>,
    /// Which of them count.
    pub show: Show,
    /// What is counted.
    pub counting: Counting,
}

/// What came of a job. The lines go back to their stores and are not kept: they would keep what the stores drop.
#[derive(Clone, Debug)]
pub struct PatternNews {
    /// The patterns.
    pub found: Arc<Found>,
    /// The lines with the numbers of their forms.
    pub numbered: Snapshot,
    /// The same of the earlier ones.
    pub numbered_earlier: Option<Snapshot>,
}

impl PartialEq for PatternNews {
    fn eq(&self, other: &Self) -> bool {
        self.found == other.found
    }
}

/// Each is a question of its own.
impl PartialEq for PatternJob {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// Patterns of lines.
#[derive(Clone, Debug)]
pub struct Found {
    /// Each of them, in the order they are told in.
    pub patterns: Vec<LinePattern>,
    /// How many lines were counted.
    pub lines: u64,
    /// How many lines of the earlier window.
    pub earlier: u64,
    /// When the first and the last of them were written.
    pub span: Option<TimeRange>,
    /// What was counted.
    pub counting: Counting,
    kinds: Arc<Kinds>,
    /// The pattern of each kind, where it has lines.
    pattern_of: Vec<Option<u32>>,
}

impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        (&self.patterns, self.lines, self.earlier, self.counting) == (&other.patterns, other.lines, other.earlier, other.counting)
    }
}

impl Found {
    /// Of exceptions, with how many lines were looked at, and how many of the earlier window.
    pub(super) fn of_exceptions(patterns: Vec<LinePattern>, [lines, earlier]: [u64; 2], counting: Counting) -> Self {
        let span = span(&patterns);
        Self { patterns, lines, earlier, span, counting, kinds: Arc::default(), pattern_of: Vec::new() }
    }

    /// The pattern that lines of a form belong to.
    pub fn pattern_of(&self, form: &str) -> Option<usize> {
        if self.patterns.first().is_some_and(|p| p.exception.is_some()) {
            return self.patterns.iter().position(|p| p.form == form);
        }
        let kind = self.kinds.find(form)?;
        self.pattern_of.get(kind as usize).copied().flatten().map(|p| p as usize)
    }

    /// Whether there were so many forms that not all words are told apart.
    pub fn is_coarse(&self) -> bool {
        self.kinds.is_coarse()
    }

    /// The lines of some of the patterns, to be shown or left out.
    pub fn choose(&self, patterns: &[usize]) -> Chosen {
        let is_chosen = |p: &Option<u32>| p.is_some_and(|p| patterns.contains(&(p as usize)));
        let templates = patterns.iter().filter_map(|p| self.patterns.get(*p)).map(|p| p.template.clone()).collect();
        Chosen { kinds: self.kinds.clone(), wanted: self.pattern_of.iter().map(is_chosen).collect(), templates, ..Chosen::default() }
    }
}

/// Lines of some patterns.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    kinds: Arc<Kinds>,
    wanted: Vec<bool>,
    /// What decides on forms that were not known yet.
    templates: Vec<String>,
    /// Patterns of the server, whose lines are known by their texts.
    texts: Vec<String>,
    exceptions: Vec<Thrown>,
}

impl PartialEq for Chosen {
    fn eq(&self, other: &Self) -> bool {
        (self.generation(), &self.wanted, &self.templates, &self.texts, &self.exceptions)
            == (other.generation(), &other.wanted, &other.templates, &other.texts, &other.exceptions)
    }
}

impl Chosen {
    /// And those that fit a template, where no more is known of it.
    #[must_use]
    pub fn or_fitting(mut self, template: String) -> Self {
        self.templates.push(template);
        self
    }

    /// And those that a pattern of the server holds.
    #[must_use]
    pub fn or_held_by(mut self, text: String) -> Self {
        self.texts.push(text);
        self
    }

    /// And those that tell of an exception.
    #[must_use]
    pub fn or_thrown(mut self, exception: Thrown) -> Self {
        self.exceptions.push(exception);
        self
    }

    /// The numbering its kinds are of.
    pub(super) fn generation(&self) -> u64 {
        self.kinds.generation()
    }

    /// Whether a line is one of them.
    pub(super) fn has(&self, kind: Option<Kind>, text: &str) -> bool {
        if self.texts.iter().any(|pattern| holds(pattern, text)) || self.exceptions.iter().any(|e| e.is_in(text)) {
            return true;
        }
        if self.wanted.is_empty() && self.templates.is_empty() {
            return false;
        }
        if let Some(wanted) = kind.and_then(|kind| self.wanted.get(kind as usize)) {
            return *wanted;
        }
        let mut of_line = String::new();
        form(text, &mut of_line);
        match self.kinds.find(&of_line).and_then(|kind| self.wanted.get(kind as usize)) {
            Some(wanted) => *wanted,
            None => self.templates.iter().any(|template| fits(template, &of_line)),
        }
    }
}

/// Where a line is, to be the example.
#[derive(Clone, Copy)]
struct Place {
    segment: usize,
    row: usize,
}

/// The lines of one kind.
#[derive(Clone, Default)]
struct Tally {
    seen: Seen,
    first: Option<Place>,
}

impl PatternJob {
    /// Finds them. `None` when it was told to stop.
    pub fn run(&self, is_stopped: &dyn Fn() -> bool) -> Option<PatternNews> {
        match &self.sought {
            Sought::Statements => self.statements(is_stopped),
            Sought::Exceptions(labels) => self.exceptions(labels, is_stopped),
        }
    }

    fn statements(&self, is_stopped: &dyn Fn() -> bool) -> Option<PatternNews> {
        let earlier = self.earlier().cloned().unwrap_or_default();
        let segments: Vec<&Lines> = self.lines.segments.iter().chain(&earlier.segments).collect();
        let mut numbering = Numbering::new(&self.lines, &earlier);
        for (i, lines) in segments.iter().enumerate() {
            if is_stopped() {
                return None;
            }
            numbering.number(i, lines);
        }
        let own = self.lines.segments.len();
        let (tallies, lines, earlier_lines) = self.count(&segments, own, &numbering);
        let (patterns, pattern_of) = self.patterns(&segments, &tallies, &numbering.kinds);
        let span = span(&patterns);
        let kinds = Arc::new(numbering.kinds);
        let generation = kinds.generation();
        let mut numbers = numbering.of.into_iter().zip(segments).map(|(of, lines)| lines.numbers.with(of, generation));
        let mut numbered = |snapshot: &Snapshot| {
            let segments = snapshot.segments.iter().map(|lines| lines.numbered(numbers.next().unwrap_or_default()));
            Snapshot { segments: segments.collect(), streams: snapshot.streams.clone(), numbered: Some(kinds.clone()) }
        };
        let (numbered, numbered_earlier) = (numbered(&self.lines), self.earlier().map(&mut numbered));
        let found = Found { patterns, lines, earlier: earlier_lines, span, counting: self.counting, kinds, pattern_of };
        Some(PatternNews { found: Arc::new(found), numbered, numbered_earlier })
    }

    pub(super) fn earlier(&self) -> Option<&Snapshot> {
        self.earlier.as_ref().map(|(lines, _)| lines)
    }

    /// Whether an earlier line lies in the window that is compared with.
    pub(super) fn is_before(&self, at: Timestamp) -> bool {
        self.counting.windows.before.is_some_and(|w| w.contains(at))
    }

    /// What is counted of the lines themselves.
    pub(super) fn own_counting(&self) -> Counting {
        let mut counting = self.counting;
        if let (Some(before), Some((_, until))) = (counting.windows.before, &self.earlier) {
            let own = TimeRange { start: before.start.max(*until), end: before.end };
            counting.windows.before = (own.start <= own.end).then_some(own);
        }
        counting
    }

    /// What is known of each kind, how many lines counted, and how many of the earlier window.
    fn count(&self, segments: &[&Lines], own: usize, numbering: &Numbering) -> (Vec<Tally>, u64, u64) {
        let mut tallies = vec![Tally::default(); numbering.kinds.len()];
        let (mut lines, mut earlier) = (0, 0);
        let earlier_streams = self.earlier().map_or(&self.lines.streams, |e| &e.streams);
        let counting = self.own_counting();
        for (segment, (of, there)) in segments.iter().zip(&numbering.of).enumerate() {
            let streams = if segment < own { &self.lines.streams } else { earlier_streams };
            let rule = Rule { show: &self.show, streams };
            for (row, (line, kind)) in of.rows.iter().zip(there.iter().copied()).enumerate() {
                let skips = self.show.is_waiting(line.id()) || of.folds.goes_on(row);
                if skips || !of.passes(row, rule, |row, _| there.get(row).copied()) {
                    continue;
                }
                let Some(tally) = tallies.get_mut(kind as usize) else { continue };
                if segment >= own {
                    if !self.is_before(line.id().at) {
                        continue;
                    }
                    tally.seen.add_earlier(line.id().at, of.level(row));
                    earlier += 1;
                } else {
                    tally.add(Place { segment, row }, segments, &counting);
                    lines += 1;
                }
                tally.first = tally.first.or(Some(Place { segment, row }));
            }
        }
        (tallies, lines, earlier)
    }

    fn patterns(&self, segments: &[&Lines], tallies: &[Tally], kinds: &Kinds) -> (Vec<LinePattern>, Vec<Option<u32>>) {
        let mut used: Vec<Kind> = (0..).take(kinds.len()).filter(|k| tallies.get(*k as usize).is_some_and(|t| t.first.is_some())).collect();
        used.sort_unstable_by_key(|kind| kinds.form(*kind));
        let forms: Vec<&str> = used.iter().map(|kind| kinds.form(*kind)).collect();
        let Clusters { event_of, templates } = log_patterns::cluster(&forms, Parameters::default());
        let mut sums: Vec<(Tally, Vec<Kind>)> = vec![<(Tally, Vec<Kind>)>::default(); templates.len()];
        for (kind, event) in used.iter().zip(&event_of) {
            let Some((sum, members)) = sums.get_mut(*event) else { continue };
            members.push(*kind);
            sum.merge(&tallies[*kind as usize], segments);
        }
        let told = templates.into_iter().zip(sums).map(|(template, (sum, kinds_of))| LinePattern {
            template,
            form: kinds_of.first().map_or("", |kind| kinds.form(*kind)).to_owned(),
            change: self.counting.windows.change(&sum.seen),
            seen: sum.seen,
            example: sum.first.map_or("", |place| example(text(segments, place))).into(),
            kinds: kinds_of,
            exception: None,
        });
        let mut patterns: Vec<LinePattern> = told.collect();
        log_patterns::sort(&mut patterns, &self.counting.windows);
        let mut pattern_of = vec![None; kinds.len()];
        for (i, pattern) in (0..).zip(&patterns) {
            for kind in &pattern.kinds {
                pattern_of[*kind as usize] = Some(i);
            }
        }
        (patterns, pattern_of)
    }
}

fn span(patterns: &[LinePattern]) -> Option<TimeRange> {
    let counted = || patterns.iter().filter(|p| p.seen.count > 0).map(|p| &p.seen);
    let (first, last): (Option<Timestamp>, Option<Timestamp>) = (counted().map(|s| s.first).min(), counted().map(|s| s.last).max());
    Some(TimeRange::new(first?, last?))
}

fn text<'l>(segments: &[&'l Lines], place: Place) -> &'l str {
    let lines = segments[place.segment];
    lines.rows.get(place.row).map_or("", |row| lines.text(row))
}

impl Tally {
    fn add(&mut self, place: Place, segments: &[&Lines], counting: &Counting) {
        let lines = segments[place.segment];
        let at = lines.rows[place.row].id().at;
        let tie = at == self.seen.first;
        if self.seen.add(at, lines.level(place.row), 1, counting) || (tie && self.is_before(place, segments)) {
            self.first = Some(place);
        }
    }

    /// Of two that came at one instant the same one is the example, whichever arrived first.
    fn is_before(&self, place: Place, segments: &[&Lines]) -> bool {
        self.first.is_none_or(|first| text(segments, place) < text(segments, first))
    }

    fn merge(&mut self, other: &Self, segments: &[&Lines]) {
        let tie = other.seen.first == self.seen.first;
        let is_first = other.seen.first < self.seen.first || self.first.is_none();
        self.seen.merge(&other.seen);
        if let Some(place) = other.first.filter(|place| is_first || (tie && self.is_before(*place, segments))) {
            self.first = Some(place);
        }
    }
}

/// Forms being numbered.
struct Numbering {
    kinds: Kinds,
    /// The numbers of each segment's rows, from the first one on as far as they are known.
    of: Vec<Arc<Vec<Kind>>>,
    form: String,
}

impl Numbering {
    fn new(lines: &Snapshot, earlier: &Snapshot) -> Self {
        let kinds = lines.numbered.as_deref().cloned().unwrap_or_default();
        let generation = kinds.generation();
        let of = [lines, earlier].into_iter().flat_map(|s| s.segments.iter().map(move |l| s.kinds(l, generation))).collect();
        Self { kinds, of, form: String::new() }
    }

    fn number(&mut self, segment: usize, lines: &Lines) {
        let known = self.of[segment].len();
        for row in known..lines.rows.len() {
            // What goes on from another line is of no form; it has a number so that all rows have one.
            if lines.folds.goes_on(row) {
                self.form.clear();
            } else {
                form(&lines.whole(row), &mut self.form);
            }
            let kind = loop {
                match self.kinds.number(&self.form) {
                    Some(kind) => break kind,
                    None => self.make_room(),
                }
            };
            Arc::make_mut(&mut self.of[segment]).push(kind);
        }
    }

    fn make_room(&mut self) {
        let mut is_used = vec![false; self.kinds.len()];
        for kind in self.of.iter().flat_map(|of| of.iter()) {
            is_used[*kind as usize] = true;
        }
        let new = self.kinds.make_room(&is_used);
        for of in &mut self.of {
            for kind in Arc::make_mut(of) {
                *kind = new[*kind as usize];
            }
        }
    }
}
