//! `/patterns`: what the pattern ingester has made of the lines of the last three hours.
//!
//! The real one looks at each line as it comes. Here those of the window are looked at when they are asked for; of very
//! many, some, each for several.

mod drain;
#[cfg(test)]
mod tests;
mod tokens;

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    sync::Arc,
};

use axum::{Json, extract::State};
use serde_json::{Value as JsonValue, json};

use self::{
    drain::{Drain, SAMPLE},
    tokens::Format,
};
use super::{Loki, blocking, discover::Answer};
use crate::{
    demo::{
        logql::{ingest, matcher::compile, parse_selector},
        server::params::{Params, Refusal},
        store::{Direction, LogStore},
    },
    model::{
        labels::Matcher,
        time::{TimeRange, Timestamp},
    },
};

/// `querier.query_pattern_ingesters_within`
const WITHIN: i64 = 3 * 3_600_000_000_000;
/// Patterns of fewer lines are not told.
const MIN_LINES: u64 = 30;
/// How many are told.
const MAX_PATTERNS: usize = 300;
/// Samples of a pattern that are one piece: none are missing within.
const CHUNK: i64 = 3_600_000;
/// Levels that have patterns of their own.
const LEVELS: [&str; 8] = ["critical", "fatal", "error", "warn", "info", "debug", "trace", "unknown"];
/// Of a stream and level, lines that are all looked at.
const LOOKED_AT: u64 = 400;
/// Then of so many times as many one in two, then one in four, and so on.
const FURTHER: u64 = 60;

/// The lines of a stream and level.
struct Lines {
    drain: Drain,
    /// Lines since the last one that was looked at.
    passed: u64,
    looked_at: u64,
    /// One line in so many is looked at.
    one_in: u64,
}

impl Lines {
    fn new(format: Format) -> Self {
        Self { drain: Drain::new(format), passed: 0, looked_at: 0, one_in: 1 }
    }

    /// Whether the next line is looked at, and for how many it stands.
    fn next(&mut self) -> Option<u64> {
        self.passed += 1;
        if self.passed < self.one_in {
            return None;
        }
        let weight = std::mem::take(&mut self.passed);
        self.looked_at += 1;
        if self.looked_at >= LOOKED_AT && (self.looked_at - LOOKED_AT).is_multiple_of(FURTHER) {
            self.one_in *= 2;
        }
        Some(weight)
    }
}

/// Level and pattern, with lines by the begin of their step in milliseconds.
type Patterns = BTreeMap<(&'static str, String), BTreeMap<i64, u64>>;

/// Finds the patterns of a range, counted in steps.
fn find(store: &dyn LogStore, matchers: &[Matcher], range: TimeRange, step: i64) -> Result<Patterns, Refusal> {
    // Samples count when they begin in the range.
    let first = (range.start.millis() + SAMPLE - 1).div_euclid(SAMPLE) * SAMPLE;
    let last = (range.end.millis() - 1).div_euclid(SAMPLE) * SAMPLE + SAMPLE;
    let whole = TimeRange { start: Timestamp::from_millis(first), end: Timestamp::from_millis(last.max(first)) };
    let mut formats: HashMap<usize, Format> = HashMap::new();
    let mut all: BTreeMap<(usize, &'static str), Lines> = BTreeMap::new();
    let mut text = String::new();
    ingest::scan(store, matchers, &compile(matchers)?, None, (whole, Direction::Forward), &mut |entry, _, stream| {
        let level = LEVELS.into_iter().find(|l| *l == entry.level()).unwrap_or("unknown");
        let mut written = false;
        let format = *formats.entry(stream).or_insert_with(|| {
            text.clear();
            entry.write_text(&mut text);
            written = true;
            Format::of(&text)
        });
        let lines = all.entry((stream, level)).or_insert_with(|| Lines::new(format));
        if let Some(weight) = lines.next() {
            if !written {
                text.clear();
                entry.write_text(&mut text);
            }
            lines.drain.train(&text, entry.at().millis(), weight);
        }
        ControlFlow::Continue(())
    });
    let mut patterns = Patterns::new();
    for ((_, level), lines) in &all {
        for (pattern, samples) in lines.drain.patterns() {
            stepped(samples, step, patterns.entry((*level, pattern)).or_default());
        }
    }
    Ok(patterns)
}

/// Adds samples to steps. Within an hour a step without a line has none; longer silences are left out.
fn stepped(samples: &[(i64, u64)], step: i64, into: &mut BTreeMap<i64, u64>) {
    let mut rest = samples;
    while let Some((begin, _)) = rest.first() {
        let (chunk, later) = rest.split_at(rest.partition_point(|(at, _)| at - begin < CHUNK));
        rest = later;
        let floor = |at: i64| at - at.rem_euclid(step);
        if step > SAMPLE {
            let end = chunk.last().map_or(*begin, |(at, _)| *at);
            for at in (floor(*begin)..=floor(end)).step_by(step as usize) {
                into.entry(at).or_default();
            }
        }
        chunk.iter().for_each(|(at, count)| *into.entry(if step > SAMPLE { floor(*at) } else { *at }).or_default() += count);
    }
}

/// `/loki/api/v1/patterns`
pub async fn patterns(State(loki): State<Arc<Loki>>, params: Params) -> Answer {
    let now = loki.clock.now();
    let (start, end) = params.bounds(now)?;
    let step = (params.step(start, end)? / 1_000_000).max(SAMPLE);
    let matchers = parse_selector(params.query())?;
    let range = TimeRange { start: start.max(Timestamp(now.0 - WITHIN)), end };
    let found = if range.start < range.end {
        blocking(&loki, move |loki| find(loki.logs.as_ref(), &matchers, range, step)).await?
    } else {
        Patterns::new()
    };
    let total = |samples: &BTreeMap<i64, u64>| samples.values().sum::<u64>();
    let mut all: Vec<_> = found.into_iter().filter(|(_, samples)| total(samples) >= MIN_LINES).collect();
    all.sort_by_key(|(_, samples)| std::cmp::Reverse(total(samples)));
    all.truncate(MAX_PATTERNS);
    let one = |((level, pattern), samples): ((&str, String), BTreeMap<i64, u64>)| {
        let samples: Vec<JsonValue> = samples.into_iter().map(|(at, count)| json!([at / 1_000, count])).collect();
        json!({"pattern": pattern, "level": level, "samples": samples})
    };
    Ok(Json(json!({"status": "success", "data": all.into_iter().map(one).collect::<Vec<_>>()})))
}
