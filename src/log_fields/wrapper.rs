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
    let of_cri = |cri: Cri<'_>| vec![pair("stream", cri.stream), pair("logtag", cri.tag), pair("time", cri.at)];
    match cri(text) {
        Some(cri) => Some(Wrapped { format: Format::Cri, inner: cri.own.into(), fields: of_cri(cri) }),
        None => docker(text),
    }
}

/// A line of the CRI: `2026-11-22T05:01:02.123456789Z stderr F message`; `P` is a part of a longer line.
pub(crate) struct Cri<'a> {
    at: &'a str,
    pub(crate) stream: &'a str,
    pub(crate) tag: &'a str,
    /// What the program wrote.
    pub(crate) own: &'a str,
}

/// Takes a line of the CRI apart.
pub(crate) fn cri(text: &str) -> Option<Cri<'_>> {
    let end = memchr::memchr(b' ', &text.as_bytes()[..text.len().min(48)])?;
    let (at, rest) = (&text[..end], &text[end + 1..]);
    let (stream, rest) = rest.split_at_checked("stdout".len()).filter(|(stream, _)| matches!(*stream, "stdout" | "stderr"))?;
    let rest = rest.strip_prefix(' ').filter(|_| time::is_date(at))?;
    let (tag, own) = rest.split_once(' ').unwrap_or((rest, ""));
    tag.split(':').next().is_some_and(|t| matches!(t, "F" | "P")).then_some(Cri { at, stream, tag, own })
}

/// How long the CRI's prefix of a line is.
pub(super) fn cri_prefix(text: &str) -> Option<usize> {
    cri(text).map(|cri| text.len() - cri.own.len())
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
