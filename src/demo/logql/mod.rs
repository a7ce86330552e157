//! LogQL: the grammar, lines through pipelines, and numbers made of lines, as Loki 3.7 answers them.

pub mod ast;
pub mod detect;
pub mod entries;
mod fields;
pub mod format;
pub mod ingest;
mod ip;
pub mod level;
mod line;
pub mod matcher;
pub mod metrics;
mod parse;
mod parse_metrics;
mod pattern;
mod pipeline;
mod samples;
mod template;
mod validate;

pub(crate) use fields::{JsonKind, json_path, logfmt};
pub use line::Categories;
pub use parse::{parse, parse_selector};

#[cfg(test)]
mod tests;
