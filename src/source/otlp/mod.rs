//! Spans as OTLP's messages: every source's own form becomes these, and these the model's.

mod document;
mod json;
mod sink;
mod spans;

pub use document::{Document, decode, partial_words};
pub use json::id_bytes;
pub use sink::{ByTrace, Sink};
pub use spans::{Builder, from_parts};
