//! The store against a sorted list: order, once, bounded, names of lines that stay theirs.

use std::{collections::VecDeque, sync::Arc};

use proptest::prelude::*;
use redline::{
    model::{
        labels::Labels,
        log::{Level, LogLine},
        time::Timestamp,
    },
    store::{FilterNews, LineId, LogStore, Pattern, Show},
};

#[derive(Clone, Debug)]
enum Step {
    /// A batch of lines: each by time, stream, text, and which of several that are the same it is.
    Insert(Vec<(i64, u8, u8, u32)>),
    /// A batch of many short lines in order, from a time on.
    Burst(i64, u16),
    /// Others are shown.
    Show(Option<&'static str>, Level),
    /// The lines about the one of a time are looked at.
    Look(i64, usize),
    /// A worker begins, with the newest line.
    Ask,
    /// What it found out by now arrives.
    Told(usize),
    /// The screen is held, or not any more.
    Hold(bool),
    /// All is forgotten.
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let line = || (0_i64..400, 0_u8..3, 0_u8..6, 0_u32..3);
    let levels = vec![Level::Unknown, Level::Warn, Level::Error];
    let step = prop_oneof![
        8 => prop::collection::vec(line(), 0..120).prop_map(Step::Insert),
        2 => (-400_i64..800, 0_u16..6000).prop_map(|(at, count)| Step::Burst(at, count)),
        2 => (prop::option::of(prop::sample::select(vec!["bad", "!bad", "/^[12] /", "nothing"])), prop::sample::select(levels))
            .prop_map(|(pattern, level)| Step::Show(pattern, level)),
        2 => (-400_i64..800, 0_usize..40).prop_map(|(at, lines)| Step::Look(at, lines)),
        2 => Just(Step::Ask),
        3 => (1_usize..6).prop_map(Step::Told),
        2 => any::<bool>().prop_map(Step::Hold),
        1 => Just(Step::Clear),
    ];
    prop::collection::vec(step, 1..18)
}

fn line(at: i64, stream: u8, text: String, copy: u32) -> LogLine {
    LogLine {
        at: Timestamp(at),
        stream: Arc::new([("app", stream.to_string())].into_iter().collect::<Labels>()),
        metadata: [("pod", "a-1")].into_iter().collect(),
        level: if text.contains("bad") { Level::Error } else { Level::Info },
        text: text.into(),
        copy,
        ..LogLine::default()
    }
}

fn lines(step: &Step) -> Vec<LogLine> {
    match step {
        Step::Insert(lines) => lines
            .iter()
            .map(|(at, stream, text, copy)| line(*at, *stream, format!("{text} {}", if text % 2 == 0 { "bad" } else { "good" }), *copy))
            .collect(),
        Step::Burst(at, count) => (0..*count).map(|i| line(at + i64::from(i / 7), 0, format!("{i} burst"), 0)).collect(),
        _ => Vec::new(),
    }
}

type Key = (i64, String, String, u32);

fn key(line: &LogLine) -> Key {
    (line.at.0, line.stream.get("app").unwrap_or("").to_owned(), line.text.to_string(), line.copy)
}

/// The store after some steps holds what a sorted list without copies would.
fn same_as_a_list(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut store = LogStore::new(1 << 30);
    let mut model: Vec<Key> = Vec::new();
    let mut known: Option<(LineId, String)> = None;
    let mut parts: VecDeque<FilterNews> = VecDeque::new();
    for step in steps {
        let lines = lines(step);
        let before = model.len();
        model.extend(lines.iter().map(key));
        model.sort();
        model.dedup();
        prop_assert_eq!(store.insert(lines), model.len() - before);
        match step {
            Step::Show(pattern, level) => {
                let pattern = pattern.and_then(|p| Pattern::parse(p).unwrap());
                store.set_show(Show { pattern, level: *level, ..store.show().clone() });
                parts.clear();
            }
            Step::Look(at, lines) => store.look_around(Some(LineId { at: Timestamp(*at), arrival: 0 }), *lines),
            Step::Ask => parts = found(&store),
            Step::Told(count) => parts.drain(..(*count).min(parts.len())).for_each(|news| store.take_filtered(&news)),
            Step::Hold(held) => store.set_show(Show { held: held.then(|| store.mark()), ..store.show().clone() }),
            Step::Clear => {
                store.clear();
                (model, known) = (Vec::new(), None);
                parts.clear();
            }
            Step::Insert(_) | Step::Burst(..) => {}
        }
        prop_assert_eq!(store.len(), model.len());
        shows_in_order(&store)?;
        shows_all(&store, &model)?;
        if let Some((id, text)) = &known
            && let Some(found) = store.get(store.position(*id)).filter(|line| line.id == *id)
        {
            prop_assert_eq!(found.text, text);
        }
        if known.is_none() {
            known = store.get(store.shown() / 2).map(|line| (line.id, line.text.to_owned()));
        }
    }
    // A worker always comes to an end with what is there.
    found(&store).iter().for_each(|news| store.take_filtered(news));
    prop_assert_eq!(store.open(), 0);
    shows_in_order(&store)?;
    shows_all(&store, &model)?;
    store.set_show(Show::default());
    let mut held: Vec<_> = store.window(0).map(|l| (l.id.at.0, l.stream.get("app").unwrap_or("").to_owned(), l.text.to_owned())).collect();
    held.sort();
    // Which of several that are the same a line is, no one can see.
    let model: Vec<_> = model.into_iter().map(|(at, stream, text, _)| (at, stream, text)).collect();
    prop_assert_eq!(held, model);
    if let Some((id, text)) = known {
        let found = store.get(store.position(id)).map(|line| (line.id, line.text.to_owned()));
        prop_assert_eq!(found, Some((id, text)), "a line keeps its name");
    }
    Ok(())
}

/// What a worker finds out.
fn found(store: &LogStore) -> VecDeque<FilterNews> {
    let mut parts = VecDeque::new();
    if let Some(job) = store.filter_job(None) {
        job.run(&|| false, &mut |news| parts.push_back(news));
    }
    parts
}

/// Where all lines were looked at, all that pass are shown or wait to be.
fn shows_all(store: &LogStore, model: &[Key]) -> Result<(), TestCaseError> {
    if store.open() == 0 {
        let level = |text: &str| if text.contains("bad") { Level::Error } else { Level::Info };
        let show = store.show();
        let passes = |text: &str| level(text) >= show.level && show.pattern.as_ref().is_none_or(|p| p.passes(text));
        let passing = model.iter().filter(|(_, _, text, _)| passes(text)).count();
        prop_assert_eq!(store.shown() + store.waiting_to_show(), passing);
    }
    Ok(())
}

/// What is shown is in order, is what passes, and is where it is said to be.
fn shows_in_order(store: &LogStore) -> Result<(), TestCaseError> {
    let shown: Vec<_> = store.window(0).collect();
    prop_assert_eq!(shown.len(), store.shown());
    prop_assert!(shown.windows(2).all(|pair| pair[0].id < pair[1].id));
    let show = store.show();
    let passes = |text: &str, level| level >= show.level && show.pattern.as_ref().is_none_or(|p| p.passes(text));
    prop_assert!(shown.iter().all(|line| passes(line.text, line.level)));
    for (i, line) in shown.iter().enumerate().step_by(97) {
        prop_assert_eq!(store.position(line.id), i);
        prop_assert_eq!(store.get(i).map(|l| l.id), Some(line.id));
    }
    prop_assert_eq!(store.waiting() == 0 || show.held.is_some(), true);
    Ok(())
}

/// A store with little room stays within it, keeps the newest, and counts the others.
fn bounded(steps: &[Step]) -> Result<(), TestCaseError> {
    const ROOM: usize = 60_000;
    let mut store = LogStore::new(ROOM);
    let mut oldest = Timestamp(i64::MIN);
    for step in steps {
        let dropped = store.dropped();
        store.insert(lines(step));
        prop_assert!(store.bytes() <= ROOM || store.len() == 1, "{} bytes", store.bytes());
        prop_assert!(store.dropped() >= dropped);
        if store.dropped() > dropped {
            // What was dropped for want of room does not come back.
            prop_assert!(store.oldest().is_some_and(|at| at >= oldest));
            oldest = store.oldest().unwrap();
        }
        shows_in_order(&store)?;
    }
    Ok(())
}

#[test]
fn store() {
    super::run(&steps(), |steps| same_as_a_list(&steps));
}

#[test]
fn store_with_little_room() {
    super::run(&steps(), |steps| bounded(&steps));
}
