//! What is named on the command line, looked at: whether it is a trace.

use std::{
    fs::File,
    io::{self, Cursor, IsTerminal as _, Read},
    os::{fd::AsFd as _, unix::fs::FileTypeExt as _},
    path::Path,
    time::{Duration, Instant},
};

use super::{Shape, sniff};
use crate::source::file::{Content, HEAD, Patient, STANDARD_INPUT, content, decoded, waits};

/// So long is waited for what is piped in to begin; then it is taken for lines that have not come yet.
const BEGINS: Duration = Duration::from_secs(5);
/// Who waits longer is told.
const SILENT: Duration = Duration::from_millis(500);
/// So long is waited for more of what began as a trace may.
const GOES_ON: Duration = Duration::from_secs(3);

/// What was found.
pub enum Looked {
    /// A trace, to be read.
    Trace(Shape, Box<dyn Read + Send>),
    /// Something else. What was read of standard input is handed back.
    Other(Vec<u8>),
}

/// What a path may be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Lines too: what is piped in is waited for a while only, and named pipes are left to whoever reads those.
    TracesOrLines,
    /// Nothing but traces: what comes through a pipe is waited for.
    Traces,
}

/// Looks at a path, or at standard input; `waiting` is called where nothing comes for a while.
///
/// # Errors
/// It cannot be read.
pub fn look(path: &Path, expected: Expected, waiting: impl FnOnce()) -> io::Result<Looked> {
    if path.as_os_str() == STANDARD_INPUT {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Ok(Looked::Other(Vec::new()));
        }
        return piped(stdin.as_fd().try_clone_to_owned()?.into(), expected, waiting);
    }
    let kind = std::fs::metadata(path)?.file_type();
    if !kind.is_file() {
        let is_pipe = expected == Expected::Traces && (kind.is_fifo() || kind.is_char_device());
        return if is_pipe { piped(File::open(path)?, expected, waiting) } else { Ok(Looked::Other(Vec::new())) };
    }
    let mut file = File::open(path)?;
    let mut head = Vec::with_capacity(HEAD);
    (&mut file).take(HEAD as u64).read_to_end(&mut head)?;
    Ok(told(head, file).unwrap_or_else(|_| Looked::Other(Vec::new())))
}

/// Looks at what comes through a pipe, which may take its time.
fn piped(mut pipe: File, expected: Expected, waiting: impl FnOnce()) -> io::Result<Looked> {
    let is_patient = expected == Expected::Traces;
    if !waits(&pipe, SILENT)? {
        waiting();
        if !is_patient && !waits(&pipe, BEGINS)? {
            return Ok(Looked::Other(Vec::new()));
        }
    }
    let (mut head, end) = (Vec::new(), Instant::now() + GOES_ON);
    while head.len() < HEAD && may_be_trace(&head) {
        if !is_patient && !waits(&pipe, end.saturating_duration_since(Instant::now()))? {
            break;
        }
        let mut piece = vec![0; HEAD];
        match pipe.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => head.extend_from_slice(&piece[..n]),
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(e) => return Err(e),
        }
    }
    match told(head, Patient(pipe)) {
        Ok(trace) => Ok(trace),
        Err(head) => Ok(Looked::Other(head)),
    }
}

/// Whether more of it may show that it is a trace: its first line is JSON as far as it goes, and no whole document.
fn may_be_trace(head: &[u8]) -> bool {
    if content(head) != Content::Text {
        return true;
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start();
    let begins = text.is_empty() || text.starts_with(['{', '[']);
    let first = text.split_once('\n').map(|(line, _)| serde_json::from_str::<serde::de::IgnoredAny>(line));
    begins && first.is_none_or(|read| read.is_err_and(|e| e.is_eof()))
}

/// The trace that begins like this, or what was read.
fn told(head: Vec<u8>, rest: impl Read + Send + 'static) -> Result<Looked, Vec<u8>> {
    let compressed = content(&head);
    let mut begun = Vec::new();
    // What follows the head is missing, which is no matter here.
    let _ = decoded(compressed, Cursor::new(&head)).take(HEAD as u64).read_to_end(&mut begun);
    match sniff(&begun) {
        Some(shape) => Ok(Looked::Trace(shape, decoded(compressed, Cursor::new(head).chain(rest)))),
        None => Err(head),
    }
}
