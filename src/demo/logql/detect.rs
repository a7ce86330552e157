//! Fields of a line whose format nobody told, as Loki's frontend looks for them: JSON, else logfmt.

use std::collections::HashMap;

use super::{
    ast::{LogExpr, Stage},
    entries::Entry,
    fields::{self, JsonKind},
    line::{ERROR, ERROR_DETAILS, Line},
    pipeline::Pipeline,
};
use crate::{
    demo::store::LogEntry,
    model::{labels::Labels, time::Timestamp, trace::TraceId},
};

/// What found the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parser {
    /// `json`
    Json,
    /// `logfmt`
    Logfmt,
}

impl Parser {
    /// As a query names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Logfmt => "logfmt",
        }
    }
}

/// A field that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The label that a parser makes of it.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The keys that lead to it in JSON.
    pub path: Vec<String>,
}

/// A line by itself, without what its stream and its shipper say about it.
struct Bare<'e>(&'e Entry, std::sync::Arc<Labels>);

impl LogEntry for Bare<'_> {
    fn at(&self) -> Timestamp {
        self.0.at
    }
    fn stream(&self) -> &std::sync::Arc<Labels> {
        &self.1
    }
    fn level(&self) -> &'static str {
        ""
    }
    fn trace(&self) -> Option<TraceId> {
        None
    }
    fn write_text(&self, out: &mut String) {
        out.push_str(&self.0.text);
    }
    fn metadata(&self) -> Labels {
        Labels::new()
    }
}

/// Fields of a line, those that the query itself has parsed included, and what found them; nothing did in free text.
pub fn fields(entry: &Entry) -> (Option<Parser>, Vec<Found>) {
    let mut found: Vec<Found> = Vec::new();
    let mut add = |name: &str, value: &str, path: Vec<String>| match found.iter_mut().find(|f| f.name == name && f.value == value) {
        Some(known) => known.path = path,
        None if name == ERROR || name == ERROR_DETAILS => {}
        None => found.push(Found { name: name.to_owned(), value: value.to_owned(), path }),
    };
    entry.labels.parsed.iter().for_each(|(name, value)| add(name, value, Vec::new()));
    let bare = Bare(entry, std::sync::Arc::new(entry.labels.stream.clone()));
    let logfmt = Stage::Logfmt { strict: false, keep_empty: false, fields: Vec::new() };
    for (parser, stage) in [(Parser::Json, Stage::Json(Vec::new())), (Parser::Logfmt, logfmt)] {
        if let Some(parsed) = run(&bare, stage) {
            let mut paths = if parser == Parser::Json { paths(&entry.text) } else { HashMap::new() };
            for (name, value) in parsed.iter() {
                let plain = name.strip_suffix("_extracted").unwrap_or(name);
                add(name, value, paths.remove(name).or_else(|| paths.remove(plain)).unwrap_or_default());
            }
            return (Some(parser), found);
        }
    }
    (None, found)
}

/// What a parser makes of a line; `None` when it finds a mistake.
fn run(bare: &Bare<'_>, stage: Stage) -> Option<Labels> {
    let pipeline = Pipeline::new(&LogExpr { matchers: Vec::new(), stages: vec![stage] }).ok()?;
    let mut line = Line::new(bare, &bare.1);
    pipeline.run(&mut line);
    line.error.is_none().then(|| line.categories().parsed)
}

/// The keys that lead to each field of JSON, by its label.
fn paths(text: &str) -> HashMap<String, Vec<String>> {
    let mut out = HashMap::new();
    // What comes before a mistake counts; there is none in a line that was parsed.
    let _ = fields::json_leaves(text, &mut |path, (kind, _)| {
        if kind != JsonKind::Null {
            let keys: Vec<String> = path.iter().map(|key| fields::unescape(key)).collect();
            out.entry(fields::label_of(path)).or_insert(keys);
        }
        true
    });
    out
}
