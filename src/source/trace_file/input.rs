//! What is named on the command line, looked at: whether it is a trace.

use std::{
    fs::File,
    io::{self, Cursor, IsTerminal as _, Read},
    os::{fd::AsFd, unix::fs::FileTypeExt as _},
    path::Path,
    sync::mpsc,
    thread,
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
        return piped(stdin.as_fd().try_clone_to_owned().map(File::from)?, expected, waiting);
    }
    let kind = std::fs::metadata(path)?.file_type();
    if !kind.is_file() {
        let is_pipe = expected == Expected::Traces && (kind.is_fifo() || kind.is_char_device());
        if !is_pipe {
            return Ok(Looked::Other(Vec::new()));
        }
        let mut waiting = Some(waiting);
        let mut tell = || waiting.take().into_iter().for_each(|waiting| waiting());
        return piped(opened(path, &mut tell)?, expected, tell);
    }
    let mut file = File::open(path)?;
    let mut head = Vec::with_capacity(HEAD);
    (&mut file).take(HEAD as u64).read_to_end(&mut head)?;
    Ok(told(head, file).unwrap_or_else(|_| Looked::Other(Vec::new())))
}

/// Opens a named pipe, which takes until something writes to it.
fn opened(path: &Path, waiting: impl FnOnce()) -> io::Result<File> {
    let (path, (tell, told)) = (path.to_owned(), mpsc::channel());
    // Who does not wait any more has ended.
    thread::spawn(move || drop(tell.send(File::open(path))));
    told.recv_timeout(SILENT).or_else(|_| {
        waiting();
        told.recv().map_err(io::Error::other)
    })?
}

/// Looks at what comes through a pipe, which may take its time.
fn piped(pipe: impl Read + AsFd + Send + 'static, expected: Expected, waiting: impl FnOnce()) -> io::Result<Looked> {
    let is_patient = expected == Expected::Traces;
    let mut pipe = Patient(pipe);
    if !waits(&pipe.0, SILENT)? {
        waiting();
        if !is_patient && !waits(&pipe.0, BEGINS)? {
            return Ok(Looked::Other(Vec::new()));
        }
    }
    let (mut head, end) = (Vec::new(), Instant::now() + GOES_ON);
    while head.len() < HEAD && may_be_trace(&head) {
        if !is_patient && !waits(&pipe.0, end.saturating_duration_since(Instant::now()))? {
            break;
        }
        let mut piece = vec![0; HEAD];
        match if is_patient { pipe.read(&mut piece) } else { pipe.0.read(&mut piece) } {
            Ok(0) => break,
            Ok(n) => head.extend_from_slice(&piece[..n]),
            Err(e) if matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {}
            Err(e) => return Err(e),
        }
    }
    match told(head, pipe) {
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

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        io::{Seek as _, Write as _},
        os::fd::BorrowedFd,
    };

    use super::*;

    /// Says before each read that there is nothing yet, and is to be waited for then.
    struct Shy {
        file: File,
        says_nothing: bool,
        is_due: Cell<bool>,
    }

    impl Read for Shy {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            assert!(!self.is_due.get(), "read again without a wait");
            self.says_nothing = !self.says_nothing;
            self.is_due.set(self.says_nothing);
            if self.says_nothing { Err(io::ErrorKind::WouldBlock.into()) } else { self.file.read(to) }
        }
    }

    impl AsFd for Shy {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.is_due.set(false);
            self.file.as_fd()
        }
    }

    #[test]
    fn a_pipe_that_does_not_block_is_waited_for() {
        let text = br#"{"resourceSpans":[{"scopeSpans":[]}]}"#;
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text).and_then(|()| file.rewind()).unwrap();
        let shy = Shy { file, says_nothing: false, is_due: Cell::new(false) };
        let Looked::Trace(_, mut from) = piped(shy, Expected::Traces, || ()).unwrap() else { panic!("it is a trace") };
        let mut read = Vec::new();
        from.read_to_end(&mut read).unwrap();
        assert_eq!(read, text);
    }
}
