//! A trace looked for near the time that led to it, so that a server leaves blocks far from it alone; then everywhere, where that
//! was not all.

use std::time::Duration;

use foldhash::HashSet;

use crate::model::{
    backend::SourceError,
    time::TimeRange,
    trace::{Span, SpanId, SpanKind, Spans},
};

/// How much of the time around a hint is looked at.
const AROUND: Duration = Duration::from_secs(3600);
/// What is called begins so long after its caller ended at the most, unless it waited in a queue.
const PROMPT: Duration = Duration::from_secs(1800);

/// The time that is looked at.
pub fn around(hint: TimeRange) -> TimeRange {
    TimeRange { start: hint.start - AROUND, end: hint.end + AROUND }
}

/// Whether spans that were found within a time look like all of a trace: none reaches out of it, and no caller is missing that may
/// be before it. One that is missing and did not end before it was lost, or is not there yet: it is nowhere else either.
pub fn is_whole(spans: &Spans, within: TimeRange) -> bool {
    let ids: HashSet<SpanId> = spans.spans.iter().map(|span| span.id).collect();
    let is_inside = |span: &Span| span.start >= within.start && span.end <= within.end;
    let has_caller = |span: &Span| span.parent.is_none_or(|parent| ids.contains(&parent));
    let is_later = |span: &Span| span.kind != SpanKind::Consumer && span.start >= within.start + PROMPT;
    spans.spans.iter().all(|span| is_inside(span) && (has_caller(span) || is_later(span)))
}

/// What was found everywhere; where that failed, what was found near, which is said to be a part.
///
/// # Errors
/// Those of the look everywhere, when nothing was near.
pub fn or_part(everywhere: Result<Spans, SourceError>, near: Option<Spans>) -> Result<Spans, SourceError> {
    match (everywhere, near) {
        (Err(e), Some(mut part)) => {
            part.partial.get_or_insert_with(|| format!("only what lies near is here: {}", e.message));
            Ok(part)
        }
        (found, _) => found,
    }
}
