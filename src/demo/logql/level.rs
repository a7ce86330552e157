//! `detected_level`, as Loki's distributor sets it (`pkg/distributor/field_detection.go`).

use super::fields::{self, JsonKind};
use crate::model::labels::Labels;

/// Names of labels and fields that hold a level (`limits_config.log_level_fields`), the first one wins.
pub const FIELDS: [&str; 14] = [
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
    "Severity_Text",
    "SEVERITY_TEXT",
];

/// How deep it looks into JSON.
const JSON_DEPTH: usize = 2;

const WORDS: [(&str, &str); 9] = [
    ("trace", "trace"),
    ("debug", "debug"),
    ("fatal", "fatal"),
    ("critical", "critical"),
    ("error", "error"),
    ("err", "error"),
    ("warning", "warn"),
    ("warn", "warn"),
    ("info", "info"),
];

/// The level of a line: from labels, metadata, its fields or its words; `unknown` when nothing tells.
pub fn detect(labels: &Labels, metadata: &Labels, text: &str) -> String {
    let first = |set: &Labels| FIELDS.iter().find_map(|f| set.get(f).map(str::to_owned));
    if let Some(level) = first(labels).or_else(|| first(metadata)) {
        return normalize(&level).map_or(level, str::to_owned);
    }
    field_of(text).as_deref().and_then(normalize).unwrap_or_else(|| by_words(text)).to_owned()
}

/// One of Loki's levels, when the word is one of their spellings.
fn normalize(word: &str) -> Option<&'static str> {
    Some(match word.to_ascii_lowercase().as_str() {
        "trace" | "trc" => "trace",
        "debug" | "dbg" => "debug",
        "info" | "inf" | "information" => "info",
        "warn" | "wrn" | "warning" => "warn",
        "error" | "err" => "error",
        "critical" => "critical",
        "fatal" => "fatal",
        _ => return None,
    })
}

fn field_of(text: &str) -> Option<String> {
    if text.trim_start().starts_with('{') && text.trim_end().ends_with('}') {
        let mut found = None;
        // What comes before a mistake counts.
        let _ = fields::json_leaves(text, &mut |path, (kind, value)| {
            let key = path.last().copied().unwrap_or_default();
            if kind == JsonKind::Text && path.len() <= JSON_DEPTH && FIELDS.contains(&key) {
                found = Some(value.to_owned());
            }
            found.is_none()
        });
        return found;
    }
    if !text.contains('=') {
        return None;
    }
    let mut best: Option<(usize, String)> = None;
    let _ = fields::logfmt(text, false, &mut |key, value| {
        let rank = FIELDS.iter().position(|f| f.eq_ignore_ascii_case(key));
        if let Some(rank) = rank.filter(|rank| best.as_ref().is_none_or(|(r, _)| rank < r)) {
            best = Some((rank, value.to_owned()));
        }
        true
    });
    best.map(|(_, value)| value)
}

/// The first level word of the text that stands for itself.
fn by_words(text: &str) -> &'static str {
    let lower = text.to_lowercase();
    let mut best = (lower.len(), "unknown");
    for (word, level) in WORDS {
        let found = lower.match_indices(word).map(|(i, _)| i).find(|i| stands_alone(lower.as_bytes(), *i, word.len()));
        if let Some(i) = found.filter(|i| *i < best.0) {
            best = (i, level);
        }
    }
    best.1
}

/// A colon before a word makes it part of a compound (`misc:error`), one after it does not.
fn stands_alone(text: &[u8], start: usize, len: usize) -> bool {
    let before = start.checked_sub(1).map(|i| text[i]);
    let after = text.get(start + len);
    before.is_none_or(|b| b" \t\n[({\"=".contains(&b)) && after.is_none_or(|b| b" \t\n[](){}:,!\"=".contains(b))
}
