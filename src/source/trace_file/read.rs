//! From the text of a file to its spans: what cannot be read is passed over and told, with its place.

use serde::de::{DeserializeSeed as _, IgnoredAny};
use serde_json::Deserializer;

use super::{Shape, zipkin};
use crate::{
    source::otlp::{Document, Sink},
    ui::format,
};

/// What is to be told of a text.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The words of a server that said that spans are missing.
    pub(super) partial: Option<String>,
    /// The first place that could not be read, and why.
    pub(super) failure: Option<String>,
    /// How many there were.
    pub(super) failures: usize,
}

/// Reads all documents of a text: one, or one a line.
pub(super) fn documents(shape: Shape, text: &str, sink: &mut dyn Sink) -> Told {
    let (mut told, mut at) = (Told::default(), 0);
    loop {
        at += text[at..].len() - text[at..].trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == ',').len();
        if at == text.len() {
            return told;
        }
        let mut reader = Deserializer::from_str(&text[at..]);
        let read = match shape {
            Shape::Document => Document::new(sink).deserialize(&mut reader),
            Shape::Zipkin => zipkin::Spans(sink).deserialize(&mut reader).map(|()| None),
        };
        match read {
            Ok(partial) => {
                told.partial = told.partial.or(partial);
                at += reader.into_iter::<IgnoredAny>().byte_offset();
            }
            Err(e) => {
                told.failures += 1;
                let place = place(text, at, &e);
                told.failure.get_or_insert_with(|| why(text, place, &e));
                match next_line(text, place) {
                    Some(next) => at = next,
                    None => return told,
                }
            }
        }
    }
}

/// The byte of an error in a document that begins at a byte.
fn place(text: &str, begin: usize, e: &serde_json::Error) -> usize {
    let lines = text[begin..].split_inclusive('\n').map(str::len);
    let before: usize = lines.take(e.line().saturating_sub(1)).sum();
    (begin + before + e.column().saturating_sub(1)).min(text.len())
}

fn why(text: &str, place: usize, e: &serde_json::Error) -> String {
    let line = 1 + text.as_bytes()[..place].iter().filter(|b| **b == b'\n').count();
    let (line, byte) = (format::count(line as u64), format::count(place as u64 + 1));
    if e.is_eof() {
        return format!("it ends in the middle, on line {line}, byte {byte}");
    }
    let words = e.to_string();
    let words = words.split(" at line ").next().unwrap_or(&words);
    format!("line {line}, byte {byte} cannot be read: {words}")
}

/// Where the next line begins, if a document does there.
fn next_line(text: &str, place: usize) -> Option<usize> {
    let place = (0..=place).rev().find(|i| text.is_char_boundary(*i))?;
    let next = place + text[place..].find('\n')? + 1;
    text[next..].starts_with('{').then_some(next)
}
