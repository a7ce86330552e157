//! What the list's edges say: what is asked, what of it is not shown, and how that is put into the room there is.

use super::{
    Traces, lacks_traceql, query,
    red::{By, Slow},
};
use crate::{
    ui::{format, text::width},
    views::Look,
};

/// A part of the title.
pub(super) struct Part {
    /// Where there is no room for all, those of the highest number go first.
    rank: u8,
    text: String,
    /// What is tried before it goes.
    brief: Option<String>,
}

impl Part {
    fn new(rank: u8, text: String) -> Self {
        Self { rank, text, brief: None }
    }

    fn or(self, brief: &str) -> Self {
        Self { brief: Some(brief.to_owned()), ..self }
    }
}

const LIMIT: u8 = 0;
const FILTER: u8 = 1;
const LACKING: u8 = 2;
const WHAT: u8 = 3;
const CHOSEN: u8 = 4;
const MARKS: u8 = 5;
const IN_FLIGHT: u8 = 6;
const NAME: u8 = 7;

/// The parts that there is room for, in their order; the one that matters the most is always among them.
pub(super) fn fitting(mut parts: Vec<Part>, room: usize, between: &str) -> String {
    loop {
        let text = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(&format!(" {between} "));
        let least = parts.iter().map(|part| part.rank).max();
        let Some(at) = parts.iter().rposition(|part| Some(part.rank) == least).filter(|_| width(&text) > room) else { return text };
        if let Some(brief) = parts[at].brief.take() {
            parts[at].text = brief;
        } else if parts.len() > 1 {
            parts.remove(at);
        } else {
            return text;
        }
    }
}

impl Traces {
    /// What is asked, in the words in which it is.
    pub(super) fn in_words(&self, look: &Look<'_>) -> String {
        match self.asked(look).plain {
            Some(plain) if lacks_traceql(look).is_some() => plain.to_string(),
            _ => self.query(look),
        }
    }

    /// What is asked for and what of it is not shown.
    pub(super) fn title(&self, look: &Look<'_>) -> Vec<Part> {
        let mut parts = vec![Part::new(NAME, "Traces".to_owned())];
        match &self.typed {
            Some(query) => parts.push(Part::new(WHAT, query.clone()).or("TraceQL")),
            None => {
                parts.push(self.what(look));
                let missing = query::not_applied(look.scope, lacks_traceql(look).is_none());
                if !missing.is_empty() {
                    parts.push(Part::new(LACKING, format!("{} not applied", missing.join(", "))));
                }
            }
        }
        parts.extend(self.limit_note(look).map(|text| Part::new(LIMIT, text)));
        match self.hits().iter().filter(|h| self.in_flight(h)).count() {
            0 => {}
            n => parts.push(Part::new(IN_FLIGHT, format!("{n} in flight, last"))),
        }
        parts.extend(self.found.value().and_then(|found| found.part.clone()).map(|text| Part::new(LACKING, text)));
        parts.extend(self.lengths.map(|lengths| Part::new(CHOSEN, lengths.words())));
        parts.extend(self.live_note().map(|text| Part::new(CHOSEN, text)));
        parts.extend(self.filter.note().map(|text| Part::new(FILTER, text)));
        parts.extend(self.marks_note(look).map(|text| Part::new(MARKS, text)));
        parts
    }

    /// `failed of checkout`, or `failed`: the header says of what.
    fn what(&self, look: &Look<'_>) -> Part {
        let name = match self.preset {
            query::Preset::Slow => {
                let above = |slow: Slow| match slow.by {
                    By::Configured | By::Usual => format!(" > {}", format::seconds(slow.above.as_secs_f64())),
                    By::Spans => format!(" > {}, the p95", format::seconds(slow.above.as_secs_f64())),
                    By::Sample => format!(" > {}, the p95 of a sample", format::seconds(slow.above.as_secs_f64())),
                };
                format!("{}{}", self.preset.name(), self.slow(look).map_or_else(|| ", the p95 is asked first".to_owned(), above))
            }
            _ => self.preset.name().to_owned(),
        };
        let whole = match &look.scope.service {
            Some(service) => format!("{name}{} {service}", if name.contains(',') { ", of" } else { " of" }),
            None => format!("{name}, all services"),
        };
        Part::new(WHAT, whole).or(name.split_once(',').map_or(name.as_str(), |(brief, _)| brief))
    }
}
