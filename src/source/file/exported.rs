//! Lines that a tool wrote out after it had read them from Loki, one object a line: `redline logs -o json` and
//! `logcli query -o jsonl`, also after `jq -cS`. They are read as what they were, with their labels.

use std::{collections::BTreeMap, sync::LazyLock};

use memchr::memmem::Finder;
use serde::Deserialize;

use crate::model::{labels::Labels, time::Timestamp};

/// A line as Loki had it.
#[derive(Debug, PartialEq)]
pub(super) struct Exported {
    pub(super) at: Timestamp,
    pub(super) labels: Labels,
    /// Structured metadata.
    pub(super) metadata: Labels,
    pub(super) line: String,
}

#[derive(Deserialize)]
struct Object {
    /// redline's: nanoseconds.
    time: Option<String>,
    /// logcli's: RFC 3339.
    timestamp: Option<String>,
    labels: BTreeMap<String, String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    line: String,
}

/// Whether a text may be one: most are not, and are not taken apart. Who edits such a file may write it with white space, and its
/// fields in another order.
fn may_be(text: &[u8]) -> bool {
    static NAMED: LazyLock<[Finder<'static>; 2]> = LazyLock::new(|| ["\"labels\"", "\"line\""].map(Finder::new));
    let is_object = text.strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"\""));
    is_object && NAMED.iter().all(|name| name.find(text).is_some())
}

/// Reads one back, where a text is one: a log line of a program may be any object, so all of it has to fit.
pub(super) fn read(text: &str) -> Option<Exported> {
    if !may_be(text.as_bytes()) {
        return None;
    }
    let object: Object = serde_json::from_str(text).ok()?;
    let at = match (object.time, object.timestamp) {
        (Some(nanos), None) => Timestamp(nanos.parse().ok()?),
        (None, Some(instant)) => Timestamp(chrono::DateTime::parse_from_rfc3339(&instant).ok()?.timestamp_nanos_opt()?),
        _ => return None,
    };
    let labels = |map: BTreeMap<String, String>| map.into_iter().collect();
    Some(Exported { at, labels: labels(object.labels), metadata: labels(object.metadata), line: object.line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_redline_and_of_logcli_are_what_they_were() {
        let ours = r#"{"time":"1795364435482977135","labels":{"app":"x"},"metadata":{"k":"v"},"level":"warn","trace_id":"1","line":"a \"b\"","late":true}"#;
        let theirs = r#"{"labels":{"app":"x"},"line":"a \"b\"","timestamp":"2026-11-22T16:20:35.482977135Z"}"#;
        let (ours, theirs) = (read(ours).unwrap(), read(theirs).unwrap());
        assert_eq!((ours.at, ours.line.as_str(), ours.metadata.get("k")), (Timestamp(1_795_364_435_482_977_135), "a \"b\"", Some("v")));
        assert_eq!(theirs, Exported { metadata: Labels::default(), ..ours });
    }

    #[test]
    fn spaces_and_the_order_of_fields_do_not_matter() {
        let ours =
            r#"{"time":"1795364435482977135","labels":{"app":"x"},"metadata":{},"level":"warn","trace_id":null,"span_id":null,"line":"a"}"#;
        let spaced = r#"{"time": "1795364435482977135", "labels": {"app": "x"}, "metadata": {}, "level": "warn", "line": "a"}"#;
        let sorted = r#"{ "labels" : {"app":"x"}, "level": "warn", "line": "a", "metadata": {}, "time": "1795364435482977135" }"#;
        assert!(read(ours).is_some());
        assert_eq!((read(spaced), read(sorted)), (read(ours), read(ours)));
    }

    #[test]
    fn lines_of_programs_stay_theirs() {
        for line in [
            r#"{"time":"2026-11-22T16:20:35Z","level":"info","msg":"m"}"#,
            r#"{"time":"1795364435482977135","labels":{"app":1},"line":"a"}"#,
            r#"{"time":"soon","labels":{"app":"x"},"line":"a"}"#,
            r#"{"labels":{"app":"x"},"line":"a"}"#,
            r#"{"labels":{"app":"x"},"line":"a","timestamp":"2026-11-22T16:20:35Z"} and more"#,
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
