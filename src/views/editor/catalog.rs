//! What the server told of its metrics, labels and values, kept so that a key asks nothing twice.

use std::sync::Arc;

use super::context::What;
use crate::{
    app::expect,
    core::{
        request::{Answer, Request, Response, pick},
        slot::Slot,
        typed::Language,
    },
    model::{
        explored::{About, Names},
        time::TimeWindow,
    },
};

/// Lists that are kept, the newest: each may have 100,000 names.
const MAX_LISTS: usize = 24;
/// Metrics that are remembered with their help.
const MAX_ABOUTS: usize = 500;

/// All that was told.
#[derive(Default)]
pub(in crate::views) struct Catalog {
    lists: Vec<(Request, Slot<Arc<Names>>)>,
    abouts: Vec<(Request, Slot<About>)>,
}

/// The question that a context is answered by; none where the words are known.
pub(in crate::views) fn question(what: &What, language: Language, window: TimeWindow) -> Option<Request> {
    match language {
        Language::PromQl => {}
        Language::LogQl => return of_loki(what, window),
        Language::TraceQl => return of_tempo(what, window),
    }
    Some(match what {
        What::Operand => Request::MetricNames { window },
        What::QuotedName { selector } if selector.is_empty() => Request::MetricNames { window },
        What::QuotedName { selector } | What::Label { selector, .. } => Request::LabelNames { query: selector.clone(), window },
        What::Value { label, selector, .. } => Request::LabelValues { label: label.clone(), query: selector.clone(), window },
        _ => return None,
    })
}

fn of_loki(what: &What, window: TimeWindow) -> Option<Request> {
    Some(match what {
        What::Label { selector, .. } => Request::LogLabelNames { query: selector.clone(), window },
        What::Value { label, selector, .. } => Request::LogLabelValues { label: label.clone(), query: selector.clone(), window },
        What::Field { of, .. } => Request::LogFields { query: of.clone(), window },
        What::FieldValue { field, of, .. } => Request::LogFieldValues { field: field.clone(), query: of.clone(), window },
        _ => return None,
    })
}

fn of_tempo(what: &What, window: TimeWindow) -> Option<Request> {
    Some(match what {
        What::Attribute { of, .. } => Request::TraceTags { query: of.clone(), window },
        What::AttributeValue { attribute, of, .. } => Request::TraceTagValues { tag: attribute.clone(), query: of.clone(), window },
        _ => return None,
    })
}

impl Catalog {
    /// What is known of a question.
    pub(in crate::views) fn names(&self, question: &Request) -> Option<&Slot<Arc<Names>>> {
        found(&self.lists, question)
    }

    /// What is known of a metric.
    pub(in crate::views) fn about(&self, metric: &str) -> Option<&About> {
        found(&self.abouts, &about(metric))?.value()
    }

    /// Whether a question was answered.
    pub(in crate::views) fn knows(&self, question: &Request) -> bool {
        match question {
            Request::AboutMetric { .. } => found(&self.abouts, question).is_some_and(|s| s.value().is_some()),
            _ => self.names(question).is_some_and(|s| s.value().is_some()),
        }
    }

    /// Takes an answer.
    pub(in crate::views) fn settle(&mut self, answer: Answer) -> bool {
        let Answer { request, asked, result, .. } = answer;
        if matches!(*request, Request::AboutMetric { .. }) {
            let told = expect(result, pick!(About));
            return kept(&mut self.abouts, &request, MAX_ABOUTS).settle(asked, told);
        }
        let names = expect(result, |r| match r {
            Response::Names(names) => Some(names),
            Response::LabelNames(names) => Some(Arc::new(Names { names, cut: false })),
            _ => None,
        });
        kept(&mut self.lists, &request, MAX_LISTS).settle(asked, names)
    }
}

/// What asks for a metric's type and help.
pub(in crate::views) fn about(metric: &str) -> Request {
    Request::AboutMetric { metric: metric.to_owned() }
}

fn found<'s, T>(all: &'s [(Request, Slot<T>)], question: &Request) -> Option<&'s Slot<T>> {
    all.iter().find(|(asked, _)| asked == question).map(|(_, slot)| slot)
}

/// The place for an answer; the oldest goes when there are too many.
fn kept<'s, T>(all: &'s mut Vec<(Request, Slot<T>)>, question: &Request, most: usize) -> &'s mut Slot<T> {
    let place = match all.iter().position(|(asked, _)| asked == question) {
        Some(place) => place,
        None => {
            if all.len() >= most {
                all.remove(0);
            }
            all.push((question.clone(), Slot::default()));
            all.len() - 1
        }
    };
    &mut all[place].1
}
