//! `at …` frames: Java and its like, JavaScript, .NET.

use super::{Exception, Frame, StackTrace, kind_and_message, libraries};

/// Reads a trace with such frames.
pub(super) fn read(lines: &[&str]) -> Option<StackTrace> {
    if !lines.iter().any(|line| frame(line).is_some()) {
        return None;
    }
    let mut reader = Reader::default();
    let libraries = lines.iter().map(|line| reader.line(line)).collect();
    Some(StackTrace { exceptions: reader.exceptions, libraries })
}

#[derive(Default)]
struct Reader {
    exceptions: Vec<Exception>,
    /// The one whose frames come: .NET goes back to the outer one.
    current: usize,
    /// Within an exception that was suppressed: it led to nothing.
    aside: bool,
}

impl Reader {
    /// Reads a line. Returns how many frames of libraries it is.
    fn line(&mut self, line: &str) -> Option<usize> {
        let text = line.trim();
        if let Some(frame) = frame(text) {
            let library = frame.library;
            if !self.aside {
                self.exception().frames.push(frame);
            }
            return library.then_some(1);
        }
        if text.starts_with("... ") && (text.ends_with(" more") || text.ends_with(" common frames omitted")) {
            return Some(0);
        }
        let is_indented = line.starts_with(char::is_whitespace);
        self.aside &= is_indented;
        if text.starts_with("Suppressed: ") {
            self.aside = true;
        } else if self.aside {
        } else if let Some(cause) = text.strip_prefix("Caused by: ").or_else(|| text.strip_prefix("---> ")) {
            self.push(cause);
        } else if text.starts_with("--- End of inner exception") {
            self.current = self.current.saturating_sub(1);
        } else if self.exceptions.get(self.current).is_none_or(|e| e.frames.is_empty()) {
            self.head(text);
        }
        None
    }

    fn exception(&mut self) -> &mut Exception {
        if self.exceptions.is_empty() {
            self.exceptions.push(Exception::default());
        }
        let current = self.current.min(self.exceptions.len() - 1);
        &mut self.exceptions[current]
    }

    fn push(&mut self, cause: &str) {
        let (kind, message) = kind_and_message(cause).unwrap_or(("", cause));
        self.exceptions.push(Exception { kind: kind.to_owned(), message: message.to_owned(), frames: Vec::new() });
        self.current = self.exceptions.len() - 1;
    }

    /// What stands before the first frame: the last line of it that names a type, and more of its message.
    fn head(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some((kind, said)) = kind_and_message(text)
            && (self.exceptions.len() <= 1)
        {
            *self.exception() = Exception { kind: kind.to_owned(), message: said.to_owned(), frames: Vec::new() };
            return;
        }
        let exception = self.exception();
        if !exception.message.is_empty() {
            exception.message.push('\n');
        }
        exception.message.push_str(text);
    }
}

/// `at com.shop.Pool.take(Pool.java:12) ~[app.jar:1]`, `at take (/app/pool.js:12:5)`, `at /app/pool.js:12:5`,
/// `at Shop.Pool.Take(Int32 n) in /src/Pool.cs:line 12`.
fn frame(line: &str) -> Option<Frame> {
    let text = line.trim().strip_prefix("at ")?;
    if let Some((function, place)) = text.rsplit_once(" in ").filter(|(_, place)| place.contains(":line ")) {
        let function = function.split('(').next().unwrap_or(function);
        return Some(named(function, place));
    }
    if let Some((function, place)) = text.split_once(" (") {
        let place = place.strip_suffix(')')?;
        let is_place = place.contains(':') || matches!(place, "<anonymous>" | "native");
        return (is_place && function.split(' ').count() <= 5).then(|| named(function, place));
    }
    if let Some((function, place)) = text.split_once('(') {
        let place = place.split(')').next()?;
        return (function.contains('.') && !function.contains(' ')).then(|| named(function, place));
    }
    let place = text.strip_prefix("async ").unwrap_or(text);
    let has_line = place.rsplit(':').next().is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    (has_line && !place.contains(' ')).then(|| named("", place))
}

fn named(function: &str, place: &str) -> Frame {
    let function = ["async ", "new "].iter().fold(function, |name, prefix| name.strip_prefix(prefix).unwrap_or(name));
    // The module of Java 9 and the loader before the class: `java.base/java.lang.Thread.run`, `app//com.shop.Pool.take`.
    let function =
        if place.contains(".java:") || !function.contains(' ') { function.rsplit('/').next().unwrap_or(function) } else { function };
    Frame { function: function.to_owned(), place: place.to_owned(), library: libraries::at(function, place) }
}
