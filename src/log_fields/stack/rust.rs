//! Rust: `thread 'main' panicked at …` and the backtrace below it.

use super::{Exception, Frame, StackTrace, libraries};

/// Reads a panic, or a backtrace alone.
pub(super) fn read(lines: &[&str]) -> Option<StackTrace> {
    let panic = lines.iter().position(|line| panicked(line).is_some());
    let start = lines.iter().position(|line| line.trim().eq_ignore_ascii_case("stack backtrace:"));
    if panic.is_none() && start.is_none() {
        return None;
    }
    let mut exception = Exception::default();
    let mut libraries = vec![None; lines.len()];
    let place = panic.map(|at| {
        let (message, place) = said(lines, at);
        (exception.kind, exception.message) = ("panic".to_owned(), message);
        place
    });
    for i in start.map_or(lines.len(), |at| at + 1)..lines.len() {
        let Some(function) = function(lines[i]) else { continue };
        let place = lines.get(i + 1).and_then(|next| next.trim().strip_prefix("at "));
        let library = libraries::rust(function, place.unwrap_or(""));
        if library {
            libraries[i] = Some(1);
            if place.is_some() {
                libraries[i + 1] = Some(0);
            }
        }
        exception.frames.push(Frame { function: function.to_owned(), place: place.unwrap_or("").to_owned(), library });
    }
    if let Some(place) = place.filter(|_| exception.frames.is_empty()) {
        let library = libraries::rust("", &place);
        exception.frames.push(Frame { function: String::new(), place, library });
    }
    (!exception.frames.is_empty()).then(|| StackTrace { exceptions: vec![exception], libraries })
}

/// What stands after `panicked at` where a line tells of a panic: of `thread 'main'`, since Rust 1.91 of `thread 'main' (4711)`.
pub(super) fn panicked(line: &str) -> Option<&str> {
    let (thread, rest) = line.split_once(" panicked at ")?;
    let numbered = thread.strip_suffix(')').and_then(|thread| thread.rsplit_once(" ("));
    let name = numbered.filter(|(_, id)| id.bytes().all(|b| b.is_ascii_digit())).map_or(thread, |(name, _)| name);
    name.ends_with(['\'', '>']).then_some(rest)
}

/// What a panic said and where it was: `panicked at src/main.rs:12:5:` with the message below, or as before Rust 1.73
/// `panicked at 'message', src/main.rs:12:5`.
fn said(lines: &[&str], at: usize) -> (String, String) {
    let rest = panicked(lines[at]).unwrap_or_default();
    if let Some((message, place)) = rest.strip_prefix('\'').and_then(|r| r.rsplit_once("', ")) {
        return (message.to_owned(), place.to_owned());
    }
    let message = lines.get(at + 1).filter(|next| !next.trim_start().starts_with("note: ")).map_or("", |next| next.trim());
    (message.to_owned(), rest.trim_end_matches(':').to_owned())
}

/// `  12: shop::pool::take::h0123456789abcdef`: the function.
fn function(line: &str) -> Option<&str> {
    let (number, name) = line.trim().split_once(": ")?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let name = name.trim_start();
    let name = name.strip_prefix("0x").and_then(|n| n.split_once(" - ")).map_or(name, |(_, name)| name);
    Some(name.rsplit_once("::h").filter(|(_, hash)| hash.len() == 16).map_or(name, |(name, _)| name))
}
