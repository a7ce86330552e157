//! Which part of the trace's time is shown, and how: waits folded or as long as they were.

use std::{cell::RefCell, sync::Arc};

use super::{Waterfall, rows::Item};
use crate::{
    core::command::Command,
    model::time::{TimeRange, Timestamp},
    trace::{Trace, scale::Scale},
    views::Cx,
};

/// The shortest time that is shown over the whole width.
const LEAST_NS: i64 = 100;

/// What a scale was made for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Asked {
    range: TimeRange,
    width: u16,
    folded: bool,
}

/// The visible part of a trace's time.
pub(super) struct Time {
    /// `None`: all of it.
    shown: Option<TimeRange>,
    /// Whether waits are folded.
    pub(super) folded: bool,
    made: RefCell<Option<(Asked, Arc<Scale>)>>,
}

impl Default for Time {
    fn default() -> Self {
        Self { shown: None, folded: true, made: RefCell::new(None) }
    }
}

impl Time {
    /// Another trace, or the same with other times.
    pub(super) fn another(&mut self, trace: &Trace) {
        self.made.take();
        self.shown = self.shown.and_then(|range| within(range, trace.range));
    }

    /// The part that is shown.
    pub(super) fn range(&self, trace: &Trace) -> TimeRange {
        self.shown.unwrap_or(trace.range)
    }

    pub(super) fn is_zoomed(&self) -> bool {
        self.shown.is_some()
    }

    /// Where instants lie on so many cells.
    pub(super) fn scale(&self, trace: &Trace, width: u16) -> Arc<Scale> {
        let asked = Asked { range: self.range(trace), width, folded: self.folded };
        let mut made = self.made.borrow_mut();
        if let Some((_, scale)) = made.as_ref().filter(|(of, _)| *of == asked) {
            return scale.clone();
        }
        let scale = Arc::new(if self.folded { Scale::folded(trace, asked.range, width) } else { Scale::real(asked.range, width) });
        *made = Some((asked, scale.clone()));
        scale
    }

    /// Shows a part, or all when that is no part.
    pub(super) fn show(&mut self, trace: &Trace, range: TimeRange) {
        self.shown = within(range, trace.range);
    }

    /// What is shown for a part: it may be too short to be looked at, or not within the trace.
    pub(super) fn visible(trace: &Trace, range: TimeRange) -> TimeRange {
        within(range, trace.range).unwrap_or(trace.range)
    }

    /// Shows all.
    pub(super) fn show_all(&mut self) {
        self.shown = None;
    }

    /// Zooms and pans about an instant. Returns false for commands that do neither.
    pub(super) fn command(&mut self, trace: &Trace, width: u16, command: Command, about: Timestamp) -> bool {
        let range = self.range(trace);
        let length = range.end.0.saturating_sub(range.start.0);
        let moved = |by: i64| TimeRange { start: plus(range.start, by), end: plus(range.end, by) };
        let to = match command {
            Command::ZoomIn => self.closer(trace, width, about),
            Command::ZoomOut => TimeRange { start: plus(range.start, -length / 2), end: plus(range.end, length / 2) },
            Command::PanEarlier => moved(-(length / 2).min(range.start.0.saturating_sub(trace.range.start.0))),
            Command::PanLater => moved((length / 2).min(trace.range.end.0.saturating_sub(range.end.0))),
            Command::Live => {
                self.show_all();
                return true;
            }
            _ => return false,
        };
        self.show(trace, to);
        true
    }

    /// Half of what is drawn, about an instant: of folded time, half of what is left.
    fn closer(&self, trace: &Trace, width: u16, about: Timestamp) -> TimeRange {
        let scale = self.scale(trace, width);
        let all = u32::from(width.max(1)) * 8;
        let from = scale.eighth(about).saturating_sub(all / 4).min(all / 2);
        TimeRange { start: scale.time_at(from), end: scale.time_at(from + all / 2) }
    }
}

impl Waterfall {
    /// The time of the selected span, then with what is below it, then all again.
    pub(super) fn zoom_to_span(&mut self) {
        let (Some(trace), Some(item), Some(node)) = (self.trace().cloned(), self.row_item(), self.node()) else { return };
        let span = |n: usize| TimeRange { start: trace.nodes[n].start, end: trace.nodes[n].end() };
        let over = |nodes: &mut dyn Iterator<Item = usize>| {
            nodes.map(span).reduce(|a, b| TimeRange { start: a.start.min(b.start), end: a.end.max(b.end) }).unwrap_or(trace.range)
        };
        let own = match item {
            Item::Group(group) => over(&mut self.tree.groups.groups()[group as usize].members.iter().map(|n| *n as usize)),
            _ => span(node),
        };
        let below = over(&mut (node..trace.nodes[node].subtree_end as usize));
        let mut steps: Vec<TimeRange> = [own, below, trace.range].into_iter().map(|step| Time::visible(&trace, step)).collect();
        steps.dedup();
        let shown = self.time.range(&trace);
        let next = steps.iter().position(|step| *step == shown).map_or(0, |at| (at + 1) % steps.len());
        self.time.show(&trace, steps[next]);
    }

    /// Zooms and pans. Returns false for commands that do neither.
    pub(super) fn zoom(&mut self, cx: &Cx<'_>, command: Command) -> bool {
        let (Some(trace), width) = (self.trace().cloned(), self.places(cx.area).bars.width) else { return false };
        let range = self.time.range(&trace);
        // About what is visible of the selected span, or about the middle.
        let span = self.node().map(|n| (trace.nodes[n].start.max(range.start), trace.nodes[n].end().min(range.end)));
        let scale = self.time.scale(&trace, width.max(1));
        let middle = |(from, to)| scale.time_at((scale.eighth(from) + scale.eighth(to)) / 2);
        let about = middle(span.filter(|(from, to)| from <= to).unwrap_or((range.start, range.end)));
        self.time.command(&trace, width.max(1), command, about)
    }
}

fn plus(at: Timestamp, ns: i64) -> Timestamp {
    Timestamp(at.0.saturating_add(ns))
}

/// A part of a whole, not shorter than can be looked at; `None` when it is the whole.
fn within(range: TimeRange, whole: TimeRange) -> Option<TimeRange> {
    let length = range.end.0.saturating_sub(range.start.0).max(LEAST_NS);
    let start = range.start.max(whole.start).0.min(whole.end.0.saturating_sub(length)).max(whole.start.0);
    let end = start.saturating_add(length).min(range.end.0.max(start.saturating_add(LEAST_NS))).min(whole.end.0);
    let part = TimeRange { start: Timestamp(start), end: Timestamp(end) };
    (part != whole && end > start).then_some(part)
}
