//! Traces in files and on standard input: OTLP's JSON, as one object, a list or a line each, what Tempo and Jaeger answer, and
//! Zipkin's lists; compressed or not.

mod files;
mod input;
mod read;
mod sniff;
#[cfg(test)]
mod tests;
mod zipkin;

use std::io::Read;

pub use files::{TraceFiles, hit};
pub use input::{Expected, Looked, look};
pub use sniff::{Shape, sniff};

use crate::{model::trace::Spans, source::otlp::ByTrace, ui::format};

/// Spans that are kept of all files together.
const MOST_SPANS: usize = 1_000_000;
/// Bytes of text that are read of one file.
const MOST_BYTES: u64 = 2 << 30;

/// Reads traces, file after file.
pub struct Reader {
    spans: ByTrace,
    most_bytes: u64,
    partial: Option<String>,
    notes: Vec<String>,
}

impl Default for Reader {
    fn default() -> Self {
        Self::within(MOST_SPANS, MOST_BYTES)
    }
}

impl Reader {
    /// Keeps so many spans, and reads so many bytes of a file.
    fn within(spans: usize, bytes: u64) -> Self {
        Self { spans: ByTrace::new(spans), most_bytes: bytes, partial: None, notes: Vec::new() }
    }

    /// Reads a file, or what there is of it: the rest is told.
    ///
    /// # Errors
    /// There is no span in it: why.
    pub fn read(&mut self, name: &str, shape: Shape, from: impl Read) -> Result<(), String> {
        let (before, cut, nameless) = (self.spans.kept(), self.spans.cut, self.spans.without_trace);
        let mut bytes = Vec::new();
        let read = from.take(self.most_bytes + 1).read_to_end(&mut bytes);
        let mut notes: Vec<String> = read.err().map(|e| format!("what follows cannot be read: {e}")).into_iter().collect();
        if bytes.len() as u64 > self.most_bytes {
            bytes.truncate(usize::try_from(self.most_bytes).unwrap_or(usize::MAX));
            notes.push(format!("only its first {} are read", format::bytes(self.most_bytes as f64)));
        }
        let told = read::documents(shape, &String::from_utf8_lossy(&bytes), &mut self.spans);
        drop(bytes);
        self.partial = self.partial.take().or(told.partial);
        let others = told.failures.saturating_sub(1);
        let more = if others > 0 { format!(", and {others} others") } else { String::new() };
        notes.extend(told.failure.map(|why| format!("{why}{more}")));
        let cut = self.spans.cut - cut;
        if cut > 0 {
            let room = format::count(self.spans.most as u64);
            notes.push(format!("{} left out: there is room for {room}", format::counted(cut, "span")));
        }
        let nameless = self.spans.without_trace - nameless;
        if nameless > 0 {
            notes.push(format!("{} without a trace id", format::counted(nameless, "span")));
        }
        if self.spans.kept() == before {
            let why = if notes.is_empty() { "no spans".to_owned() } else { notes.join("; ") };
            return Err(format!("{name} is a trace without anything to show: {why}"));
        }
        self.notes.extend(notes.into_iter().map(|note| format!("{name}: {note}")));
        Ok(())
    }

    /// What was read, and what is to be told of it.
    pub fn finish(self) -> (Vec<Spans>, Vec<String>) {
        let Self { spans, partial, notes, .. } = self;
        let words: Vec<String> = partial.into_iter().chain(notes.iter().cloned()).collect();
        let mut traces = spans.finish();
        if !words.is_empty() {
            // What is missing may be of any of them.
            traces.iter_mut().for_each(|trace| _ = trace.partial.get_or_insert_with(|| words.join("; ")));
        }
        (traces, notes)
    }
}
