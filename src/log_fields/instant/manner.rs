//! Where in its lines a writer puts the time. A date may stand in any line, also in one that goes on from the line before: where
//! the lines of a writer tell their times in a place that is made for it, a date elsewhere is none of theirs.

use super::stamp::{self, Stamp};
use crate::model::log::Level;

/// Names before a time, as they stand in logfmt.
const PAIRS: [&str; 6] = ["time=", "ts=", "timestamp=", "@timestamp=", "t=", "datetime="];

/// How far into a line its time may stand: in brackets or as a pair, and anywhere.
const NEAR: usize = 300;
const NEARER: usize = 64;

/// How the lines of a writer were dated so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    sure: u64,
    guessed: u64,
    /// Dates that were not guessed to be times, as more lines were sure until then.
    refused: u64,
}

impl Manner {
    /// Of a writer whose lines are dated by something else: no guess is made at what they say.
    pub const SURE: Self = Self { sure: 1, guessed: 0, refused: 0 };

    /// A date was found. Returns whether it is the line's time, also where it stands where any date may.
    pub(super) fn takes(&mut self, is_sure: bool) -> bool {
        if is_sure {
            self.sure += 1;
            return true;
        }
        let is_usual = self.sure <= self.guessed;
        *(if is_usual { &mut self.guessed } else { &mut self.refused }) += 1;
        // What another program wrote first, such as the script that starts this one, says nothing of all the others.
        is_usual || self.refused > self.sure.saturating_mul(10).saturating_add(20)
    }
}

/// A time after the first word, as a pair, in brackets, after a level or a name, and whether it stands where times do.
pub(super) fn further_on(text: &str) -> Option<(Stamp, bool)> {
    let bytes = &text.as_bytes()[..text.len().min(NEAR)];
    let begins = |at: &usize| *at == 0 || matches!(bytes[at - 1], b' ' | b'[' | b'(' | b'|' | b'"');
    (0..bytes.len()).filter(begins).find_map(|at| {
        let rest = &text.as_bytes()[at..];
        if rest.first()?.is_ascii_digit() {
            // Nobody but who notes a request writes it so.
            let of_request = stamp::of_request(rest).map(|stamp| (stamp, true));
            return of_request.or_else(|| Some((stamp::dated(rest).filter(|_| at < NEARER)?, is_head(&text[..at]))));
        }
        let pair = PAIRS.iter().find(|name| rest.starts_with(name.as_bytes()))?;
        Some((stamp::value(text.get(at + pair.len()..)?)?, is_head(&text[..at])))
    })
}

/// Whether a text before a time is what stands before times: levels, what is in brackets, pairs, marks, and what has digits
/// and capitals, as processes are named. A mark at the beginning is a table's.
fn is_head(mut text: &str) -> bool {
    if text.starts_with('|') {
        return false;
    }
    loop {
        text = text.trim_start_matches([' ', ',', '|', '-', ':', '"']);
        let Some(first) = text.chars().next() else { return true };
        let close = [('[', ']'), ('(', ')')].into_iter().find_map(|(open, close)| (open == first).then_some(close));
        if let Some(close) = close {
            // The time may be within.
            let Some((_, after)) = text.split_once(close) else { return text.len() == 1 };
            text = after;
            continue;
        }
        let (word, after) = text.split_at(text.find([' ', ',', '|', '[', '(']).unwrap_or(text.len()));
        let name = word.trim_end_matches(':');
        let is_letter = name.len() == 1 && first.is_ascii_uppercase();
        let has = |is: fn(&u8) -> bool| name.as_bytes().iter().any(is);
        let is_process = has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && !has(u8::is_ascii_lowercase);
        if !is_letter && !is_process && !name.contains('=') && Level::parse(name).is_none() {
            return false;
        }
        text = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_times_is_told_from_words() {
        for head in ["", "INFO ", "INFO  [main] ", "[http nio 1] (x) WARN: ", "E, [", "7:M ", "level=info ", "\"", "ERROR | ", "["] {
            assert!(is_head(head), "{head:?}");
        }
        for words in ["notAfter ", "user last seen ", "Valid until: ", "retry at ", "[main] until ", "[until ", "host-7 ", "| ", "12 "] {
            assert!(!is_head(words), "{words:?}");
        }
    }
}
