//! When a line says it was written: asked of every line of a file, where nobody else tells.
//!
//! A line that begins with white space says nothing: it goes on from the line before, unless the blanks only bring its level to
//! the width of others.

mod manner;
pub(super) mod stamp;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use memchr::memmem::Finder;

pub use self::manner::Manner;
use self::stamp::Stamp;
use super::wrapper;
use crate::model::{log::Level, time::Timestamp};

/// Members of JSON objects that tell the time, those that tell nothing else first.
const MEMBERS: [&str; 15] = [
    "\"@timestamp\"",
    "\"timestamp\"",
    "\"time\"",
    "\"ts\"",
    "\"@t\"",
    "\"datetime\"",
    "\"asctime\"",
    "\"eventTime\"",
    "\"timeMillis\"",
    "\"__REALTIME_TIMESTAMP\"",
    "\"_time\"",
    "\"date\"",
    "\"Timestamp\"",
    "\"Time\"",
    "\"t\"",
];
static FINDERS: LazyLock<Vec<Finder<'static>>> = LazyLock::new(|| MEMBERS.iter().map(Finder::new).collect());

/// Seconds east of UTC, for an instant that a clock in the place shows.
pub type Offset = Box<dyn Fn(i64) -> i32 + Send>;

/// An instant that a line told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// Whether the line said in which zone.
    pub zoned: bool,
}

/// Finds the times of lines that are written alike.
pub struct Dater {
    offset: Offset,
    /// No line is much newer: what leaves the year out is of the year before this.
    newest: Timestamp,
    /// The member that told the time of the last JSON line.
    member: usize,
    /// The hour that an offset was last asked for, and the offset.
    hour: (i64, i32),
}

impl Dater {
    /// For lines none of which is newer than `newest`. `offset` is asked where a line names no zone.
    pub fn new(newest: Timestamp, offset: Offset) -> Self {
        Self { offset, newest, member: 0, hour: (i64::MIN, 0) }
    }

    /// Lines may be as new as this.
    pub fn set_newest(&mut self, newest: Timestamp) {
        self.newest = newest;
    }

    /// When a line says it was written; nothing for one that goes on from the line before. `manner` is of its writer.
    pub fn date(&mut self, line: &str, manner: &mut Manner) -> Option<Told> {
        let text = without_colour(line);
        if let Some(length) = wrapper::cri_prefix(text) {
            return if goes_on(&text[length..]) { None } else { self.date_of_runtime(text) };
        }
        let bytes = text.as_bytes();
        let stamp = match bytes.first()? {
            b' ' | b'\t' => None,
            b'{' => return self.of_json(text).filter(|_| manner.takes(true)),
            b'<' => after_priority(text).and_then(stamp::leading),
            b'[' | b'(' => stamp::leading(&bytes[1..]),
            _ => stamp::leading(bytes),
        };
        let (stamp, is_sure) = match stamp {
            Some(_) if runtime_prefix(text).is_some_and(|length| length == text.len() || goes_on(&text[length..])) => return None,
            Some(stamp) => (stamp, !stamp.is_bare_number()),
            None if goes_on(text) => return None,
            None => manner::further_on(text)?,
        };
        self.told(stamp).filter(|_| manner.takes(is_sure))
    }

    /// When a container runtime took a line, by what it put around.
    pub(crate) fn date_of_runtime(&mut self, record: &str) -> Option<Told> {
        if record.starts_with('{') { self.of_json(record) } else { self.told(stamp::leading(record.as_bytes())?) }
    }

    /// The first member that holds a time, that of the last line before all others.
    fn of_json(&mut self, text: &str) -> Option<Told> {
        let last = self.member;
        let others = (0..MEMBERS.len()).filter(|i| *i != last);
        for member in std::iter::once(last).chain(others) {
            let Some(at) = FINDERS.get(member).and_then(|f| f.find(text.as_bytes())) else { continue };
            let rest = text[at + MEMBERS[member].len()..].trim_start();
            let value = rest.strip_prefix(':').map(str::trim_start);
            if let Some(told) = value.and_then(stamp::value).and_then(|stamp| self.told(stamp)) {
                self.member = member;
                return Some(told);
            }
        }
        None
    }

    fn told(&mut self, stamp: Stamp) -> Option<Told> {
        let zoned = stamp.zone.is_some();
        let seconds = stamp.seconds(self.newest)?;
        let offset = stamp.zone.unwrap_or_else(|| self.offset_at(seconds));
        let nanos = (seconds - i64::from(offset)).checked_mul(1_000_000_000)?.checked_add(stamp.nanos)?;
        Some(Told { at: Timestamp(nanos), zoned })
    }

    fn offset_at(&mut self, seconds: i64) -> i32 {
        let hour = seconds.div_euclid(3600);
        if self.hour.0 != hour {
            self.hour = (hour, (self.offset)(seconds));
        }
        self.hour.1
    }
}

/// How long the time is that `kubectl logs --timestamps` and `docker logs --timestamps` put before each line, also before the
/// lines of a stack trace: written to the nanosecond, and one blank.
pub fn runtime_prefix(text: &str) -> Option<usize> {
    const LEAST: usize = "2026-11-22T05:01:02.123456Z".len();
    let end = text.as_bytes().get(..40.min(text.len()))?.iter().position(|b| *b == b' ')?;
    let is_time = end >= LEAST && text[..end].ends_with('Z') && stamp::leading(text.as_bytes()).is_some_and(|s| s.length == end);
    is_time.then_some(end + 1)
}

/// Whether a line is one more of what the line before it began: of a stack trace, of a text or of an object over several lines.
pub fn goes_on(text: &str) -> bool {
    const STARTS: [&str; 6] = ["Caused by: ", "Suppressed: ", "--- End of ", "---> ", "}", "]"];
    let is_rest = || text.strip_prefix("... ").is_some_and(|t| t.ends_with(" more") || t.ends_with(" common frames omitted"));
    let is_inner = text.starts_with(char::is_whitespace) && !is_padded_level(text);
    is_inner || STARTS.iter().any(|start| text.starts_with(start)) || is_rest()
}

/// Whether a line begins with a level that blanks bring to the width of the longest one, as tracing and `%5p` write it: in
/// capitals, as in ` INFO started` and `  [WARN] slow`. What goes on from an error says `  error: why`.
pub(super) fn is_padded_level(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(' ') else { return false };
    let rest = rest.trim_start_matches(' ');
    let rest = rest.strip_prefix('[').unwrap_or(rest);
    let (word, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(rest.len()));
    // A backslash begins what is escaped in Docker's object.
    let is_whole = after.chars().next().is_none_or(|c| matches!(c, ' ' | '\t' | ':' | '[' | ']' | '|' | '\u{1b}' | '\\'));
    is_whole && Level::parse(word).is_some()
}

/// What follows the escape sequences at the start.
pub(super) fn without_colour(line: &str) -> &str {
    let mut rest = line;
    while let Some(after) = rest.strip_prefix("\u{1b}[") {
        let Some(end) = after.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c)) else { break };
        rest = &after[end + 1..];
    }
    rest
}

/// What follows syslog's `<34>` or `<34>1 `.
fn after_priority(text: &str) -> Option<&[u8]> {
    let (number, rest) = text[1..].split_once('>')?;
    let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| rest.strip_prefix("1 ").unwrap_or(rest).as_bytes())
}
