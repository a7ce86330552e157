//! Messages of the tail. Loki writes them without spaces, in one order, and repeats the labels of the stream with each line:
//! they are read in one pass, and what was read before is not taken apart again. What is written in another way is read as
//! an answer is.

use serde::{Deserialize, de::IgnoredAny};

use super::wire::{self, Entry, Interner, Stream, WireStream};
use crate::{
    log_fields::trace_id::{Patterns, Told},
    model::{
        backend::{Backend, SourceError},
        labels::Labels,
        log::LogLine,
        time::Timestamp,
    },
    source::json::{self, nullable},
};

/// A message, however it is written.
#[derive(Debug, Default, Deserialize)]
struct Frame {
    #[serde(default, deserialize_with = "nullable")]
    streams: Vec<WireStream>,
    /// Entries that a slow reader missed.
    #[serde(default, deserialize_with = "nullable")]
    dropped_entries: Vec<IgnoredAny>,
}

/// The lines of a message by time, and how many entries the server says it dropped.
type Message = (Vec<LogLine>, u64);

/// Longer messages are not worth the room that reading them in one pass takes.
const LONG: usize = 4 << 20;

/// Reads the messages of a tail.
#[derive(Default)]
pub(super) struct FrameReader {
    interner: Interner,
    /// Where lines are put together.
    scratch: Vec<u8>,
}

impl FrameReader {
    /// What a message says; `own` are the user's ways to find trace ids.
    ///
    /// # Errors
    /// What is no such message.
    pub(super) fn read(&mut self, text: &str, own: &Patterns) -> Result<Message, SourceError> {
        if let Some(message) = self.in_one_pass(text, own) {
            return Ok(message);
        }
        let Frame { streams, dropped_entries } = json::decode_text(Backend::Loki, "tail", text)?;
        Ok((wire::lines(streams, false, &mut self.interner, own), dropped_entries.len() as u64))
    }

    fn in_one_pass(&mut self, text: &str, own: &Patterns) -> Option<Message> {
        if text.len() > LONG {
            return None;
        }
        // Room for what the last word of a line leaves behind it.
        if self.scratch.len() < text.len() + WORD {
            self.scratch.resize(text.len() + WORD, 0);
        }
        let mut rest = Rest(text);
        let mut lines = Vec::with_capacity(128);
        rest.step(r#"{"streams":["#)?;
        loop {
            self.stream(&mut rest, own, &mut lines)?;
            if !rest.goes_on()? {
                break;
            }
        }
        // Whatever else it says. No streams once more, which would be told twice.
        let Frame { dropped_entries, .. } = serde_json::from_str(&format!(r#"{{"streams":[]{}"#, rest.0)).ok()?;
        lines.sort_by_key(|line| line.at);
        Some((lines, dropped_entries.len() as u64))
    }

    fn stream(&mut self, rest: &mut Rest<'_>, own: &Patterns, out: &mut Vec<LogLine>) -> Option<()> {
        rest.step(r#"{"stream":"#)?;
        let stream = self.labels(rest)?;
        rest.step(r#","values":["#)?;
        loop {
            rest.step("[\"")?;
            let at = rest.take(memchr::memchr(b'"', rest.0.as_bytes())?);
            let at = Timestamp(at.parse().ok()?);
            rest.step("\",\"")?;
            let text = self.text(rest)?;
            let (metadata, told) = if rest.goes_on()? {
                let metadata = self.interner.metadata(rest.object()?).ok()?;
                rest.step("]")?;
                metadata
            } else {
                <(Labels, Told)>::default()
            };
            out.push(wire::line(Entry { at, text, metadata }, &told, &stream, own));
            if !rest.goes_on()? {
                return rest.step("}");
            }
        }
    }

    fn labels(&mut self, rest: &mut Rest<'_>) -> Option<Stream> {
        // No object begins with another one: where these are known labels, they end there.
        let first_brace = memchr::memchr(b'}', rest.0.as_bytes())? + 1;
        if let Some(stream) = self.interner.known_stream(&rest.0[..first_brace]) {
            rest.take(first_brace);
            return Some(stream);
        }
        self.interner.stream(rest.object()?).ok()
    }

    /// A string, its first quote already read.
    fn text(&mut self, rest: &mut Rest<'_>) -> Option<Box<str>> {
        let (length, written) = unescape(rest.0.as_bytes(), &mut self.scratch)?;
        rest.take(written);
        std::str::from_utf8(&self.scratch[..length]).ok().map(Box::from)
    }
}

/// What is still to be read. `None`: it goes on in another way.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn step(&mut self, over: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(over)?;
        Some(())
    }

    /// The next bytes, which end where a character does.
    fn take(&mut self, length: usize) -> &'t str {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    /// Whether a list goes on, or ends here.
    fn goes_on(&mut self) -> Option<bool> {
        let goes_on = match self.0.as_bytes().first()? {
            b',' => true,
            b']' => false,
            _ => return None,
        };
        self.take(1);
        Some(goes_on)
    }

    /// From a brace to the one that closes it. Whether that is an object is for its reader to say.
    fn object(&mut self) -> Option<&'t str> {
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        for (i, byte) in self.0.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' => depth += 1,
                b'}' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(self.take(i + 1));
                    }
                }
                _ if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }
}

const WORD: usize = size_of::<u64>();

/// Puts a string of JSON, from behind its first quote on, into `out`, which is as long as the string is written and a word
/// more. Returns how long it is, and how long it is written with its last quote; `None` for what is not one.
fn unescape(written: &[u8], out: &mut [u8]) -> Option<(usize, usize)> {
    let (mut from, mut to) = (0, 0);
    loop {
        // Lines that are JSON have a quote every few bytes: a whole word is copied, of which only what is before it counts.
        while let Some(word) = written.get(from..from + WORD) {
            out.get_mut(to..to + WORD)?.copy_from_slice(word);
            let plain = plain_bytes(u64::from_le_bytes(word.try_into().ok()?));
            (from, to) = (from + plain, to + plain);
            if plain < WORD {
                break;
            }
        }
        match *written.get(from)? {
            b'"' => return Some((to, from + 1)),
            b'\\' => {
                let (length, escape) = escaped(&written[from + 1..], out.get_mut(to..)?)?;
                (from, to) = (from + 1 + escape, to + length);
            }
            0..0x20 => return None,
            // At the end, where there is no whole word.
            plain => {
                *out.get_mut(to)? = plain;
                (from, to) = (from + 1, to + 1);
            }
        }
    }
}

/// How many bytes of a word come before the first quote, backslash or control character.
fn plain_bytes(word: u64) -> usize {
    const EACH: u64 = u64::MAX / 255;
    // The high bit of each byte that is below another; only the lowest of them says something.
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit)) & !word;
    let is = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    let found = (below(word, 0x20) | is(b'"') | is(b'\\')) & (EACH << 7);
    (found.trailing_zeros() / 8) as usize
}

/// What an escape stands for: how long that is, and how long the escape without its backslash.
fn escaped(written: &[u8], out: &mut [u8]) -> Option<(usize, usize)> {
    let byte = match *written.first()? {
        same @ (b'"' | b'\\' | b'/') => same,
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'u' => {
            let digits = std::str::from_utf8(written.get(1..5)?).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            // Halves of a pair are none.
            let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            c.encode_utf8(out.get_mut(..c.len_utf8())?);
            return Some((c.len_utf8(), 5));
        }
        _ => return None,
    };
    *out.first_mut()? = byte;
    Some((1, 1))
}

#[cfg(test)]
mod tests;
