//! Files of changed lines, read as `redline open` reads them: whatever is in them, all of it is shown.

use std::{collections::HashMap, time::Duration};

use proptest::prelude::*;
use redline::{
    clock::Clock,
    log_fields::trace_id::Patterns,
    model::{
        log::LogEvent,
        opened::{Asked, FileState, OpenedFile},
        time::{TimeRange, TimeWindow, Timestamp},
    },
    source::file::{Files, Reading},
};

use super::{
    changes::{Change, changed, changes},
    corpus, run,
};

/// As long as reading a few lines may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// The texts of all entries, and how the file was told to be. `None` for what is told to be no log.
fn read(bytes: &[u8]) -> Option<(Vec<String>, OpenedFile)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.log");
    std::fs::write(&path, bytes).unwrap();
    let clock = Clock::from_fn(|| Timestamp::from_secs(1_795_323_662));
    let (files, _) = Files::open(&[path], Reading { trace_ids: Patterns::default(), offset: |_| 3600, clock, begun: Vec::new() }).ok()?;
    let window = TimeWindow::Fixed(TimeRange { start: Timestamp(i64::MIN), end: Timestamp::LATEST });
    let asked = Asked { window, bytes: usize::MAX, reading: 0 };
    let all = async {
        let mut texts = Vec::new();
        loop {
            match files.next(asked).await {
                LogEvent::Lines(lines) => texts.extend(lines.iter().map(|line| line.text.to_string())),
                LogEvent::Files(mut told) if told[0].state != FileState::Reading => return (texts, told.remove(0)),
                _ => {}
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, all).await }).map(Some).expect("the file is read to its end")
}

/// What a line ends with, where it is long enough to be more than what runtimes and tools put before lines. Docker's JSON is left
/// where lines go on from others, and its escapes with it; so are the NULs around a line, which a file has where a machine crashed.
fn end(line: &str) -> Option<&str> {
    let line = line.trim_start_matches('\0').trim_end_matches(|c: char| c.is_whitespace() || c == '\0');
    let at = line.char_indices().rev().nth(11)?.0;
    (line.len() > 80 && !line.contains("\"log\"")).then(|| &line[at..])
}

#[test]
fn files() {
    let line = (prop::sample::select(corpus()), changes());
    run(&prop::collection::vec(line, 1..6), |lines: Vec<(&str, Vec<Change>)>| {
        let text: String = lines.iter().map(|(line, changes)| changed(line, changes, &corpus()) + "\n").collect();
        let Some((texts, told)) = read(text.as_bytes()) else { return Ok(()) };
        prop_assert_eq!(told.state, FileState::Ended);
        prop_assert_eq!(told.notes.lines, text.matches('\n').count() as u64);
        let mut wanted = HashMap::<&str, usize>::new();
        text.lines().filter_map(end).for_each(|end| *wanted.entry(end).or_default() += 1);
        for (end, times) in wanted {
            let held: usize = texts.iter().map(|text| text.matches(end).count()).sum();
            prop_assert!(held >= times, "{:?} is {} times of {} in {:?}", end, held, times, texts);
        }
        Ok(())
    });
}
