//! Why a query that the server took gives nothing: no such metric, no series with such labels, or nothing left of them.

use super::{
    super::editor::{
        catalog::Catalog,
        context::{Selector, selectors},
    },
    row::{Form, Query as Row},
};
use crate::{
    core::{request::Request, typed::Language},
    model::time::TimeWindow,
    ui::format,
    views::Look,
};

/// Selectors of a query that are looked into.
const MAX_SELECTORS: usize = 3;

/// What is to be asked to know it, each with a number that stays its own: of each selector the whole, then its metric.
pub(super) fn questions(row: &Row, catalog: &Catalog, window: TimeWindow) -> Vec<(u32, Request)> {
    let mut out = Vec::new();
    for (i, selector) in (0..).zip(looked_into(row).filter(|_| is_empty(row))) {
        let whole = question(&selector.whole, window);
        if any(catalog, &whole) == Some(false) && selector.metric != selector.whole && !selector.metric.is_empty() {
            out.push((2 * i + 1, question(&selector.metric, window)));
        }
        out.push((2 * i, whole));
    }
    out
}

fn is_empty(row: &Row) -> bool {
    row.slot().error().is_none() && row.slot().value().is_some_and(|_| row.reading.all == 0)
}

/// The selectors of what was asked; while another text is typed those of neither are known, and what looks into another time
/// is not found in this window.
fn looked_into(row: &Row) -> impl Iterator<Item = Selector> {
    let (text, tokens) = (row.text.as_str(), &row.text.lexed().tokens);
    let is_of_another_time = tokens.iter().any(|t| t.of(text) == "@" || t.of(text).eq_ignore_ascii_case("offset"));
    // Loki tells of streams, not of series.
    let asked =
        if row.is_edited() || is_of_another_time || row.text.language != Language::PromQl { Vec::new() } else { selectors(text, tokens) };
    asked.into_iter().take(MAX_SELECTORS)
}

/// The names of the metrics that a selector matches: few, however many series there are.
fn question(selector: &str, window: TimeWindow) -> Request {
    Request::LabelValues { label: "__name__".to_owned(), query: selector.to_owned(), window }
}

/// Whether a question was answered with any name.
fn any(catalog: &Catalog, question: &Request) -> Option<bool> {
    Some(!catalog.names(question)?.value()?.names.is_empty())
}

/// What is known of the reason.
pub(super) fn words(row: &Row, catalog: &Catalog, look: &Look<'_>) -> Vec<String> {
    let window = look.scope.window;
    let first = match row.form {
        Form::Graph => "Nothing in this window.".to_owned(),
        Form::Table => format!("Nothing at {}.", format::clock_seconds(look.range().end, look.shared.settings.zone.0)),
    };
    let any = |selector: &str| any(catalog, &question(selector, window));
    let mut out = vec![first];
    let (mut found, mut all) = (0, 0);
    for Selector { whole, metric } in looked_into(row) {
        all += 1;
        match (any(&whole), any(&metric)) {
            (Some(true), _) => found += 1,
            (Some(false), Some(true)) if metric != whole => {
                out.push(format!("{metric} has series in this window, but none of {whole}."));
            }
            (Some(false), Some(false)) => out.push(format!("There is no metric {metric} in this window.")),
            (Some(false), None) if metric.is_empty() => out.push(format!("No series of this window matches {whole}.")),
            _ => {}
        }
    }
    if all > 0 && found == all {
        out.push(
            match row.form {
                Form::Graph => {
                    "Its series have samples here: a comparison that never holds, labels of two sides that differ, or a range too short."
                }
                Form::Table => {
                    "Its series have samples in the window: the graph shows where. A series is gone 5 minutes after its last sample."
                }
            }
            .to_owned(),
        );
    }
    out
}
