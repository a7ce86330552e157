//! Stack traces among a line's further lines: what was thrown, why, and where in one's own code.

mod at;
mod go;
mod libraries;
mod part;
mod python;
mod rust;
#[cfg(test)]
mod tests;

pub use self::part::{Part, is_panic, looks_inner};
pub(super) use self::python::TRACEBACK;
use super::clip;

/// A stack trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StackTrace {
    /// What was thrown, each by the next one.
    pub exceptions: Vec<Exception>,
    /// For each further line: how many frames of libraries it stands for; 0 on the second line of a frame. `None` on what
    /// is no library's.
    pub libraries: Vec<Option<usize>>,
}

/// What was thrown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exception {
    /// Its type; empty where the trace does not say.
    pub kind: String,
    /// What it says.
    pub message: String,
    /// Where it was thrown, and who called that.
    pub frames: Vec<Frame>,
}

/// A call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The function; empty where it has no name.
    pub function: String,
    /// File and line.
    pub place: String,
    /// Whether it is a library's or the language's own.
    pub library: bool,
}

impl Frame {
    /// The function, or the place of one without a name.
    pub fn called(&self) -> &str {
        if self.function.is_empty() { &self.place } else { &self.function }
    }
}

impl StackTrace {
    /// What was thrown first and led to the others.
    pub fn root(&self) -> Option<&Exception> {
        self.exceptions.iter().rev().find(|e| !e.kind.is_empty()).or(self.exceptions.last())
    }

    /// The topmost frame that is no library's: of the root, else of what came of it.
    pub fn own_frame(&self) -> Option<&Frame> {
        self.exceptions.iter().rev().flat_map(|e| &e.frames).find(|f| !f.library)
    }
}

/// The stack trace of a line, by its message and its further lines.
pub(super) fn of(message: &str, rest: &[String]) -> Option<StackTrace> {
    if rest.is_empty() {
        return None;
    }
    let lines: Vec<&str> = std::iter::once(message).chain(rest.iter().map(String::as_str)).map(|line| clip(line, LONG)).collect();
    let mut trace = python::read(&lines).or_else(|| go::read(&lines)).or_else(|| rust::read(&lines)).or_else(|| at::read(&lines))?;
    // The message is not among the further lines.
    trace.libraries.remove(0);
    Some(trace)
}

/// A frame is no longer than this: what is beyond it on a hostile line is not looked at.
const LONG: usize = 4096;

/// `java.sql.SQLException: message`, perhaps after other words: type and message.
fn kind_and_message(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let word = &rest[..end];
        let name = word.strip_suffix(':').unwrap_or(word);
        // .NET may put a number between the two.
        if is_kind(name) && (word.len() > name.len() || end == rest.len() || rest[end..].starts_with(" (0x")) {
            return Some((name, rest[end..].trim()));
        }
        if end == rest.len() {
            return None;
        }
        rest = &rest[end..];
    }
}

/// Whether a word names a type of exceptions.
fn is_kind(name: &str) -> bool {
    is_class(name) && (name.contains(['.', '$']) || is_usual_kind(name))
}

/// Whether a word names a type as exceptions mostly are named.
fn is_usual_kind(name: &str) -> bool {
    const ENDS: [&str; 8] = ["Exception", "Error", "Throwable", "Failure", "Fault", "Interrupt", "Warning", "Exit"];
    ENDS.iter().any(|end| name.ends_with(end)) && is_class(name)
}

fn is_class(name: &str) -> bool {
    let last = name.rsplit(['.', '$']).next().unwrap_or(name);
    last.starts_with(|c: char| c.is_ascii_uppercase()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._$".contains(&b))
}
