//! Python's tracebacks, the last call last.

use super::{Exception, Frame, StackTrace, libraries};

/// How one begins.
pub(in super::super) const TRACEBACK: &str = "Traceback (most recent call last):";

/// Reads a traceback, and those of what was thrown while it was handled.
pub(super) fn read(lines: &[&str]) -> Option<StackTrace> {
    let first = lines.iter().position(|line| line.trim().ends_with(TRACEBACK))?;
    let mut trace = StackTrace { libraries: vec![None; first + 1], ..StackTrace::default() };
    let (mut frames, mut reading, mut library) = (Vec::new(), true, false);
    for line in &lines[first + 1..] {
        let text = line.trim();
        if text == TRACEBACK {
            (frames, reading) = (Vec::new(), true);
        } else if let Some(frame) = frame(text).filter(|_| reading) {
            library = frame.library;
            frames.push(frame);
            trace.libraries.push(library.then_some(1));
            continue;
        } else if reading && !frames.is_empty() && line.starts_with("    ") {
            // The source of a frame.
            trace.libraries.push(library.then_some(0));
            continue;
        } else if reading && !text.is_empty() {
            frames.reverse();
            let (kind, message) = text.split_once(": ").unwrap_or((text, ""));
            trace.exceptions.push(Exception { kind: kind.to_owned(), message: message.to_owned(), frames: std::mem::take(&mut frames) });
            reading = false;
        }
        trace.libraries.push(None);
    }
    if !frames.is_empty() {
        // Cut off before it says what happened.
        frames.reverse();
        trace.exceptions.push(Exception { frames, ..Exception::default() });
    }
    // What was thrown first is written first.
    trace.exceptions.reverse();
    (!trace.exceptions.is_empty()).then_some(trace)
}

/// `File "/app/cart.py", line 7, in add`.
fn frame(text: &str) -> Option<Frame> {
    let (file, rest) = text.strip_prefix("File \"")?.split_once("\", line ")?;
    let (line, function) = rest.split_once(", in ").unwrap_or((rest, ""));
    Some(Frame { function: function.to_owned(), place: format!("{file}:{line}"), library: libraries::python(file) })
}
