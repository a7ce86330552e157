//! What container runtimes put around a line: Docker's json-file and the CRI's prefix.

use std::borrow::Cow;

use super::{Format, Pair, json, pair, time};

/// A line inside another, and what the outer one tells.
pub(super) struct Wrapped<'a> {
    pub(super) format: Format,
    pub(super) fields: Vec<Pair>,
    pub(super) inner: Cow<'a, str>,
}

/// Takes off what a container runtime put around.
pub(super) fn open(text: &str) -> Option<Wrapped<'_>> {
    cri(text).or_else(|| docker(text))
}

/// `2026-11-22T05:01:02.123456789Z stderr F message`; `P` is a part of a longer line.
fn cri(text: &str) -> Option<Wrapped<'_>> {
    let mut words = text.splitn(4, ' ');
    let (at, stream, tag) = (words.next()?, words.next()?, words.next()?);
    let tags = tag.split(':').next().is_some_and(|t| matches!(t, "F" | "P"));
    if !tags || !matches!(stream, "stdout" | "stderr") || !time::is_date(at) {
        return None;
    }
    let fields = vec![pair("stream", stream), pair("logtag", tag), pair("time", at)];
    Some(Wrapped { format: Format::Cri, fields, inner: words.next().unwrap_or("").into() })
}

/// How long the CRI's prefix of a line is.
pub(crate) fn cri_prefix(text: &str) -> Option<usize> {
    let at = memchr::memchr(b' ', &text.as_bytes()[..text.len().min(48)])?;
    let rest = &text[at + 1..];
    let rest = rest.strip_prefix("stdout ").or_else(|| rest.strip_prefix("stderr "))?;
    let (tag, inner) = rest.split_at_checked(2)?;
    matches!(tag, "F " | "P ").then_some(text.len() - inner.len())
}

/// `{"log":"message\n","stream":"stderr","time":"2026-…"}`, perhaps with `attrs`.
fn docker(text: &str) -> Option<Wrapped<'_>> {
    if !text.starts_with('{') {
        return None;
    }
    let (members, more) = json::members(text, 5)?;
    let value = |name: &str| members.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
    let known = |(name, _): &(&str, &str)| matches!(*name, "log" | "stream" | "time" | "attrs");
    if more.is_some() || !members.iter().all(known) || value("stream").is_none() && value("time").is_none() {
        return None;
    }
    let log = value("log")?.strip_prefix('"')?.strip_suffix('"')?;
    let fields = json::fields(text)?.into_iter().filter(|(name, _)| name != "log" && !name.starts_with("log.")).collect();
    Some(Wrapped { format: Format::Docker, fields, inner: json::unescape(log) })
}
