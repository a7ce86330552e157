//! A pipeline made ready to run on lines.

use std::collections::HashSet;

use regex::Regex;

use super::{
    ast::{Formatted, LogExpr, NameMatcher, Stage},
    fields::{self, JsonKind},
    ip::IpPattern,
    line::{ERROR, ERROR_DETAILS, Line},
    matcher::{CompiledFilter, CompiledLine, CompiledMatcher},
    pattern::Pattern,
    template::Template,
};
use crate::demo::grammar::{ParseError, re2};

/// A compiled pipeline.
#[derive(Debug)]
pub(super) struct Pipeline {
    stages: Vec<Compiled>,
    /// The only labels that parsers need to find; `None` for all. Loki stops parsing a line when it has them.
    wanted: Option<HashSet<String>>,
}

#[derive(Debug)]
enum Compiled {
    Line(CompiledLine),
    Label(CompiledFilter),
    Json(Vec<(String, String)>),
    Logfmt {
        strict: bool,
        keep_empty: bool,
        fields: Vec<(String, String)>,
    },
    Regexp(Regex),
    Pattern(Pattern),
    Drop(Vec<CompiledName>),
    Keep(Vec<CompiledName>),
    Decolorize(Regex),
    /// Whether an address must be missing.
    LineIp(bool, IpPattern),
    Unpack,
    LineFormat(Template),
    LabelFormat(Vec<(String, CompiledFormat)>),
}

#[derive(Debug)]
enum CompiledFormat {
    Renamed(String),
    Template(Template),
}

#[derive(Debug)]
enum CompiledName {
    Name(String),
    Matcher(CompiledMatcher),
}

impl CompiledName {
    fn matches(&self, name: &str, value: &str) -> bool {
        match self {
            Self::Name(n) => n == name,
            Self::Matcher(m) => m.name == name && m.matches(value),
        }
    }
}

impl Pipeline {
    /// Compiles a pipeline that finds all labels.
    pub(super) fn new(log: &LogExpr) -> Result<Self, ParseError> {
        let stages = log.stages.iter().map(compile).collect::<Result<_, _>>()?;
        Ok(Self { stages, wanted: None })
    }

    /// Lets parsers look only for these labels and those that the stages read.
    pub(super) fn want(&mut self, labels: impl IntoIterator<Item = String>) {
        let mut names: HashSet<String> = labels.into_iter().collect();
        for stage in &self.stages {
            match stage {
                Compiled::Label(filter) => {
                    let mut read = Vec::new();
                    filter.names(&mut read);
                    names.extend(read.into_iter().map(str::to_owned));
                }
                Compiled::LineFormat(template) => names.extend(template.names().map(str::to_owned)),
                Compiled::LabelFormat(all) => names.extend(all.iter().flat_map(|(_, format)| format.names())),
                _ => {}
            }
        }
        self.wanted = Some(names);
    }

    /// Whether a stage adds or removes labels.
    pub(super) fn makes_labels(&self) -> bool {
        let keeps = |s: &Compiled| {
            matches!(s, Compiled::Line(_) | Compiled::LineIp(..) | Compiled::Label(_) | Compiled::Decolorize(_) | Compiled::LineFormat(_))
        };
        !self.stages.iter().all(keeps)
    }

    /// Runs a line through; whether it passes.
    pub(super) fn run(&self, line: &mut Line<'_>) -> bool {
        self.stages.iter().all(|stage| self.stage(stage, line))
    }

    fn stage(&self, stage: &Compiled, line: &mut Line<'_>) -> bool {
        match stage {
            Compiled::Line(filter) => return filter.matches(line.text()),
            Compiled::Label(filter) => return filter.matches(line),
            Compiled::LineIp(negate, pattern) => return pattern.is_in(line.text()) != *negate,
            Compiled::LineFormat(template) => {
                let labels = line.categories().merged();
                let text = template.fill(&labels, line.text());
                line.set_text(text);
            }
            Compiled::LabelFormat(all) => format_labels(all, line),
            Compiled::Drop(names) => drop_labels(line, |n, v| names.iter().any(|m| m.matches(n, v))),
            Compiled::Keep(names) => drop_labels(line, |n, v| n != ERROR && n != ERROR_DETAILS && !names.iter().any(|m| m.matches(n, v))),
            Compiled::Decolorize(escapes) => {
                let text = line.take_text();
                line.set_text(escapes.replace_all(&text, "").into_owned());
            }
            parser => self.parse(parser, line),
        }
        true
    }

    fn parse(&self, parser: &Compiled, line: &mut Line<'_>) {
        if self.wanted.as_ref().is_some_and(HashSet::is_empty) {
            return;
        }
        let text = line.take_text();
        let mut finder = Finder { wanted: self.wanted.as_ref(), found: HashSet::new() };
        match parser {
            Compiled::Json(paths) if paths.is_empty() => json(&text, line, &mut finder),
            Compiled::Json(paths) => json_paths(&text, paths, line),
            Compiled::Logfmt { strict, keep_empty, fields } if fields.is_empty() => {
                logfmt(&text, (*strict, *keep_empty), line, &mut finder)
            }
            Compiled::Logfmt { strict, fields, .. } => logfmt_fields(&text, *strict, fields, line),
            Compiled::Regexp(regex) => captures(regex, &text, line, &mut finder),
            Compiled::Unpack => {
                let packed = unpack(&text, line, &mut finder);
                line.set_text(packed.unwrap_or(text));
                return;
            }
            Compiled::Pattern(pattern) => pattern.captures(&text, |name, value| {
                finder.put(line, name, value);
            }),
            _ => {}
        }
        line.set_text(text);
    }
}

fn compile(stage: &Stage) -> Result<Compiled, ParseError> {
    let names = |names: &[NameMatcher]| {
        let one = |n: &NameMatcher| match n {
            NameMatcher::Name(name) => Ok(CompiledName::Name(name.clone())),
            NameMatcher::Matcher(m) => CompiledMatcher::new(m).map(CompiledName::Matcher),
        };
        names.iter().map(one).collect::<Result<Vec<_>, ParseError>>()
    };
    let regex = |p: &str| re2::compile(p).map_err(ParseError::whole);
    Ok(match stage {
        Stage::Line { op, texts } => Compiled::Line(CompiledLine::new(*op, texts)?),
        Stage::Label(filter) => Compiled::Label(CompiledFilter::new(filter)?),
        Stage::Json(paths) => {
            if let Some((_, path)) = paths.iter().find(|(_, p)| !fields::is_path(p)) {
                return Err(ParseError::whole(format!("cannot parse expression [{path}]: syntax error")));
            }
            Compiled::Json(paths.clone())
        }
        Stage::Logfmt { strict, keep_empty, fields } => {
            Compiled::Logfmt { strict: *strict, keep_empty: *keep_empty, fields: fields.clone() }
        }
        Stage::Regexp(p) => Compiled::Regexp(regex(p)?),
        Stage::Pattern(p) => Compiled::Pattern(Pattern::new(p).map_err(ParseError::whole)?),
        Stage::Drop(n) => Compiled::Drop(names(n)?),
        Stage::Keep(n) => Compiled::Keep(names(n)?),
        Stage::LineIp { negate, pattern } => Compiled::LineIp(*negate, line_ip(*negate, pattern)?),
        Stage::Unpack => Compiled::Unpack,
        Stage::LineFormat(text) => Compiled::LineFormat(Template::new(text).map_err(ParseError::whole)?),
        Stage::LabelFormat(all) => {
            let one = |(name, value): &(String, Formatted)| {
                let format = match value {
                    Formatted::Renamed(from) => CompiledFormat::Renamed(from.clone()),
                    Formatted::Template(text) => CompiledFormat::Template(Template::new(text).map_err(ParseError::whole)?),
                };
                Ok((name.clone(), format))
            };
            Compiled::LabelFormat(all.iter().map(one).collect::<Result<_, ParseError>>()?)
        }
        Stage::Decolorize => Compiled::Decolorize(regex("\u{1b}\\[[0-9;]*[a-zA-Z]")?),
    })
}

impl CompiledFormat {
    fn names(&self) -> Vec<String> {
        match self {
            Self::Renamed(from) => vec![from.clone()],
            Self::Template(template) => template.names().map(str::to_owned).collect(),
        }
    }
}

/// Renames and makes labels. All templates see the labels as the first of them found them.
fn format_labels(all: &[(String, CompiledFormat)], line: &mut Line<'_>) {
    let mut seen = None;
    for (name, format) in all {
        match format {
            CompiledFormat::Renamed(from) => {
                if let Some(value) = line.get(from).map(str::to_owned) {
                    line.format(name, &value);
                    line.delete(from);
                }
            }
            CompiledFormat::Template(template) => {
                let labels = seen.get_or_insert_with(|| line.categories().merged()).clone();
                let value = template.fill(&labels, line.text());
                line.format(name, &value);
            }
        }
    }
}

/// Labels that Promtail's `pack` has put around a line, and the line; of what was not packed nothing is taken.
fn unpack(text: &str, line: &mut Line<'_>, finder: &mut Finder<'_>) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    if !text.starts_with('{') {
        line.fail("JSONParserErr", "expecting json object(6), but it is not".to_owned());
        return None;
    }
    let (mut entry, mut found) = (None, Vec::new());
    let result = fields::json_leaves(text, &mut |path, (kind, raw)| {
        match path {
            ["_entry"] if kind == JsonKind::Text => entry = Some(fields::unescape(raw)),
            [key] if kind == JsonKind::Text => found.push((fields::sanitize(key, true), fields::unescape(raw))),
            _ => {}
        }
        true
    });
    if let Err(mistake) = result {
        line.fail("JSONParserErr", mistake.to_owned());
        return None;
    }
    let entry = entry?;
    for (name, value) in found {
        finder.put(line, &name, &value);
    }
    Some(entry)
}

/// Loki finds only when the query runs that the pattern is none.
fn line_ip(negate: bool, pattern: &str) -> Result<IpPattern, ParseError> {
    let stage = format!("{} ip({pattern:?})", if negate { "!=" } else { "|=" });
    IpPattern::new(pattern).map_err(|reason| ParseError::whole(format!("stage '{stage}' : {reason}")))
}

fn drop_labels(line: &mut Line<'_>, doomed: impl Fn(&str, &str) -> bool) {
    let all = line.categories().merged();
    for (name, _) in all.iter().filter(|(n, v)| doomed(n, v)) {
        line.delete(name);
    }
}

/// Takes what a parser finds, until all that is wanted has been found.
struct Finder<'p> {
    wanted: Option<&'p HashSet<String>>,
    found: HashSet<String>,
}

impl Finder<'_> {
    /// Sets a label; gives false when nothing more is wanted.
    fn put(&mut self, line: &mut Line<'_>, name: &str, value: &str) -> bool {
        let Some(wanted) = self.wanted else {
            line.extract(name, value);
            return true;
        };
        let suffixed = wanted.contains(&format!("{name}_extracted"));
        if wanted.contains(name) || suffixed {
            let set = line.extract(name, value);
            self.found.insert(set.to_string());
        }
        self.found.len() < wanted.len()
    }
}

fn json(text: &str, line: &mut Line<'_>, finder: &mut Finder<'_>) {
    let result = fields::json_leaves(text, &mut |path, (kind, raw)| {
        let name = fields::label_of(path);
        let value = if kind == JsonKind::Text { fields::unescape(raw) } else { raw.to_owned() };
        name.is_empty() || finder.put(line, &name, &value)
    });
    if let Err(mistake) = result {
        line.fail("JSONParserErr", mistake.to_owned());
    }
}

fn json_paths(text: &str, paths: &[(String, String)], line: &mut Line<'_>) {
    if text.is_empty() {
        return;
    }
    if !text.starts_with(['{', '[', '"']) {
        line.fail("JSONParserErr", String::new());
        return;
    }
    for (label, path) in paths {
        match fields::json_path(text, path) {
            Some((JsonKind::Text, raw)) => drop(line.extract(label, &fields::unescape(raw))),
            Some((JsonKind::Null, _)) => drop(line.extract(label, "")),
            Some((_, raw)) => drop(line.extract(label, raw)),
            None => line.set_missing(label),
        }
    }
}

fn logfmt(text: &str, (strict, keep_empty): (bool, bool), line: &mut Line<'_>, finder: &mut Finder<'_>) {
    let result = fields::logfmt(text, strict, &mut |key, value| {
        let name = fields::sanitize(key, true);
        if name.is_empty() || (value.is_empty() && !keep_empty) {
            return true;
        }
        finder.put(line, &name, value)
    });
    if let (true, Err(position)) = (strict, result) {
        line.fail("LogfmtParserErr", format!("logfmt syntax error at pos {position} : unexpected '\"'"));
    }
}

fn logfmt_fields(text: &str, strict: bool, wanted: &[(String, String)], line: &mut Line<'_>) {
    let result = fields::logfmt(text, strict, &mut |key, value| {
        let key = fields::sanitize(key, true);
        for (label, _) in wanted.iter().filter(|(_, path)| *path == key) {
            line.extract(label, value);
        }
        true
    });
    for (label, _) in wanted {
        line.set_missing(label);
    }
    if let (true, Err(position)) = (strict, result) {
        line.fail("LogfmtParserErr", format!("logfmt syntax error at pos {position} : unexpected '\"'"));
    }
}

fn captures(regex: &Regex, text: &str, line: &mut Line<'_>, finder: &mut Finder<'_>) {
    let Some(found) = regex.captures(text) else { return };
    for (i, name) in regex.capture_names().enumerate() {
        if let Some(name) = name {
            finder.put(line, name, found.get(i).map_or("", |m| m.as_str()));
        }
    }
}
