//! Running a log query.

use std::{ops::ControlFlow, sync::Arc};

use super::{
    ast::{LabelFilter, LineOp, LogExpr, Stage},
    ingest,
    line::{Categories, Line, equal_value},
    matcher,
    pipeline::Pipeline,
};
use crate::{
    demo::{
        grammar::ParseError,
        store::{Direction, LogStore},
    },
    log_fields::trace_id::written,
    model::{
        time::{TimeRange, Timestamp},
        trace::TraceId,
    },
};

/// A line that a query found.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Its text after the pipeline.
    pub text: String,
    /// Its labels after the pipeline.
    pub labels: Arc<Categories>,
}

/// Finds at most `limit` lines in `range` (end exclusive), in the order of `direction`.
///
/// # Errors
/// A regular expression that does not compile.
pub fn entries(
    store: &dyn LogStore,
    query: &LogExpr,
    range: TimeRange,
    direction: Direction,
    limit: usize,
) -> Result<Vec<Entry>, ParseError> {
    let compiled = matcher::compile(&query.matchers)?;
    let pipeline = Pipeline::new(query)?;
    let mut out = Vec::new();
    if limit == 0 {
        return Ok(out);
    }
    ingest::scan(store, &query.matchers, &compiled, trace_hint(&query.stages), (range, direction), &mut |entry, stream, _| {
        let mut line = Line::new(entry, stream);
        if pipeline.run(&mut line) {
            let labels = Arc::new(line.categories());
            out.push(Entry { at: entry.at(), text: line.take_text(), labels });
        }
        if out.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    Ok(out)
}

/// The one trace that a query can find lines of: `|= "<32 hex digits>"`, `|~` its id in all ways that it is written, or
/// `| trace_id="…"`.
pub(super) fn trace_hint(stages: &[Stage]) -> Option<TraceId> {
    let whole = |hex: &str| TraceId::parse(hex).filter(|_| hex.len() == 32);
    let in_all_ways = |regex: &str| {
        let id = TraceId::parse(regex.split('|').next()?).filter(|id| written(*id) == regex)?;
        Some(id)
    };
    stages.iter().find_map(|stage| match stage {
        Stage::Line { op: LineOp::Match, texts } if texts.len() == 1 => in_all_ways(&texts[0]),
        Stage::Line { op: LineOp::Contains, texts } if texts.len() == 1 => whole(&texts[0]),
        Stage::Label(LabelFilter::Match(m)) => equal_value(m, "trace_id").and_then(whole),
        _ => None,
    })
}
