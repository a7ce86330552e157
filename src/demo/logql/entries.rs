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
    log_fields::trace_id::{named, written},
    model::{
        labels::Matcher,
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
/// `| trace_id="…"`, perhaps with all other labels that may have it and a copy of the line.
pub(super) fn trace_hint(stages: &[Stage]) -> Option<TraceId> {
    let whole = |hex: &str| TraceId::parse(hex).filter(|_| hex.len() == 32);
    let in_all_ways = |regex: &str| {
        let first = regex.strip_prefix("(?i:")?.split('|').next()?;
        TraceId::parse(first).filter(|id| written(*id) == regex)
    };
    let by_all_names = |filter: &LabelFilter| {
        let ways = either(filter)?;
        let id = ways.iter().find(|m| m.name == "trace_id")?.value.split('|').nth(1).and_then(whole)?;
        let (named, in_text) = (named(id), format!("(?s).*(?:{}).*", written(id)));
        ways.iter().all(|m| named.contains(m) || m.value == in_text).then_some(id)
    };
    stages.iter().find_map(|stage| match stage {
        Stage::Line { op: LineOp::Match, texts } if texts.len() == 1 => in_all_ways(&texts[0]),
        Stage::Line { op: LineOp::Contains, texts } if texts.len() == 1 => whole(&texts[0]),
        Stage::Label(LabelFilter::Match(m)) => equal_value(m, "trace_id").and_then(whole),
        Stage::Label(filter) => by_all_names(filter),
        _ => None,
    })
}

/// The conditions of which one has to hold, where a filter is no more than these.
fn either(filter: &LabelFilter) -> Option<Vec<&Matcher>> {
    match filter {
        LabelFilter::Match(matcher) => Some(vec![matcher]),
        LabelFilter::Or(a, b) => Some([either(a)?, either(b)?].concat()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        demo::logql::{ast::Expr, parse::parse},
        views::logs::query::of_trace_at_once,
    };

    #[test]
    fn a_query_for_a_trace_by_all_its_names_and_ways_is_one_for_that_trace() {
        let id = TraceId(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        let names = named(id).iter().map(Matcher::to_string).collect::<Vec<_>>().join(" or ");
        for (stage, hint) in [
            (format!("| {names}"), Some(id)),
            (format!("| {names} or other=\"x\""), None),
            (of_trace_at_once(id), Some(id)),
            (format!("|~ `{}`", written(id)), Some(id)),
            (format!("|~ `{}|x`", written(id)), None),
            (format!("| trace_id=\"{id}\""), Some(id)),
        ] {
            let Ok(Expr::Log(log)) = parse(&format!("{{a=\"b\"}} {stage}")) else { panic!("{stage}") };
            assert_eq!(trace_hint(&log.stages), hint, "{stage}");
        }
    }
}
