//! How bad a line says it is. Asked of every line as it arrives, so it looks at few bytes and allocates nothing.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{
    access, dotnet, is_panic, klog, nginx, syslog,
    trace_id::{Told, field_at},
    wrapper,
};
use crate::model::log::Level;

/// The level: Loki's `detected_level` where it detected one, a label or field that names one, what the way it is written says (klog's letter, the
/// status of a request, syslog's priority, a traceback), else the first such word of the text.
pub fn level(metadata: &Told, stream: &Told, text: &str) -> Level {
    let by_labels = metadata.detected.or(stream.detected).or(metadata.named).or(stream.named);
    by_labels.or_else(|| of_text(text)).unwrap_or(Level::Unknown)
}

fn of_text(text: &str) -> Option<Level> {
    let inner = unwrapped(text);
    // Before fields, for those may stand in the path of a request.
    by_form(inner)
        .or_else(|| field(text))
        .or_else(|| syslog::level(inner).filter(|level| *level >= Level::Warn))
        .or_else(|| by_status_field(inner))
        .or_else(|| word(inner))
        .or_else(|| syslog::level(inner))
}

/// What a container runtime put around is no part of what a line says. Docker's stays escaped.
fn unwrapped(text: &str) -> &str {
    match text.as_bytes().first() {
        Some(b'{') => text.strip_prefix(r#"{"log":""#).unwrap_or(text),
        Some(b'0'..=b'9') => wrapper::cri_prefix(text).map_or(text, |length| &text[length..]),
        _ => text,
    }
}

/// By the way a line is written.
fn by_form(text: &str) -> Option<Level> {
    const STARTS: [(&str, Level); 7] = [
        ("Traceback (most recent call last)", Level::Error),
        ("Exception in thread ", Level::Error),
        ("Unhandled exception", Level::Fatal),
        ("Uncaught ", Level::Error),
        ("panic: ", Level::Fatal),
        ("fatal error: ", Level::Fatal),
        ("goroutine ", Level::Error),
    ];
    let by_start = || STARTS.iter().find(|(start, _)| text.starts_with(start)).map(|(_, level)| *level);
    match text.as_bytes().first()? {
        b'{' => None,
        b'0'..=b'9' => nginx::level(text).or_else(|| access::level(text)),
        b't' if is_panic(text) => Some(Level::Fatal),
        _ => klog::level(text).or_else(by_start).or_else(|| dotnet::level(text)).or_else(|| access::level(text)),
    }
}

/// Whether a label or field of this name holds a level.
pub(super) fn names_level(name: &str) -> bool {
    const NAMES: [&str; 7] = ["level", "severity", "lvl", "log.level", "log_level", "severitytext", "severity_text"];
    NAMES.iter().any(|n| n.eq_ignore_ascii_case(name))
}

static LEVEL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("evel"));
static UPPER_LEVEL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("EVEL"));
static SEVERITY: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("everity"));
static LVL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("lvl"));
static STATUS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"status\""));

fn field(text: &str) -> Option<Level> {
    [&LEVEL, &UPPER_LEVEL, &SEVERITY, &LVL].into_iter().find_map(|finder| {
        finder.find_iter(text.as_bytes()).take(4).find_map(|at| {
            let field = field_at(text, at).filter(|f| names_level(f.name))?;
            let end = field.value.bytes().position(|b| !b.is_ascii_alphanumeric()).unwrap_or(field.value.len());
            let word = &field.value[..end];
            Level::parse(word).or_else(|| number(word, text))
        })
    })
}

/// Bunyan's and pino's numbers; GELF's, which are syslog's.
fn number(word: &str, text: &str) -> Option<Level> {
    Some(match word {
        "10" => Level::Trace,
        "20" => Level::Debug,
        "30" => Level::Info,
        "40" => Level::Warn,
        "50" => Level::Error,
        "60" => Level::Fatal,
        _ => {
            let severity = word.parse().ok().filter(|n| *n < 8)?;
            return text.contains("\"short_message\"").then(|| syslog::severity(severity));
        }
    })
}

/// A request that is noted as JSON: `"status":502` beside its method or its line.
fn by_status_field(text: &str) -> Option<Level> {
    if !text.starts_with('{') {
        return None;
    }
    let at = STATUS.find(text.as_bytes())? + "\"status\"".len();
    let status = text[at..].trim_start_matches([' ', ':', '"']).as_bytes();
    let is_status = status.len() > 3 && status[..3].iter().all(u8::is_ascii_digit) && !status[3].is_ascii_digit();
    let is_request = || ["\"request", "\"method\""].iter().any(|name| text.contains(name));
    (is_status && is_request()).then(|| access::of_status(status[0]))
}

/// `trace`, `alert` and the like are too often plain words to count unless they are in capitals.
fn word(text: &str) -> Option<Level> {
    const NEAR: usize = 256;
    let head = &text.as_bytes()[..text.len().min(NEAR)];
    head.split(|b| !b.is_ascii_alphanumeric() && *b != b'_').find_map(|word| {
        let word = std::str::from_utf8(word).ok().filter(|w| (3..=8).contains(&w.len()))?;
        let plain = ["trace", "alert", "notice", "inf", "emerg"].iter().any(|w| w.eq_ignore_ascii_case(word));
        if plain && word.bytes().any(|b| b.is_ascii_lowercase()) { None } else { Level::parse(word) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::labels::Labels;

    fn by_text(text: &str) -> Level {
        level(&Told::default(), &Told::default(), text)
    }

    #[test]
    fn finds_the_level() {
        let labels = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<Labels>();
        let none = Labels::new();
        let cases = [
            (labels(&[("detected_level", "error")]), "level=info", Level::Error),
            (labels(&[("detected_level", "unknown")]), "x", Level::Unknown),
            (labels(&[("detected_level", "unknown")]), "[2026-11-22 05:01:02,123: ERROR/MainProcess] Task failed", Level::Error),
            (labels(&[("detected_level", "unknown")]), "SEVERE: Servlet.service() threw", Level::Error),
            (labels(&[("detected_level", "unknown")]), "panic: runtime error", Level::Fatal),
            (labels(&[("detected_level", "unknown"), ("severity", "WARN")]), "x", Level::Warn),
            (labels(&[("detected_level", "")]), "level=error msg=x", Level::Error),
            (labels(&[("severity", "WARNING")]), "x", Level::Warn),
            (labels(&[("detected_level", "info")]), "panic: x", Level::Info),
            (none.clone(), r#"{"level":"warn","msg":"an error"}"#, Level::Warn),
            (none.clone(), r#"{"level":50,"msg":"x"}"#, Level::Error),
            (none.clone(), "ts=1 lvl=eror msg=x", Level::Error),
            (none.clone(), "2026-01-01 ERROR [orders] x", Level::Error),
            (none.clone(), "I got trace_id and trace and alert", Level::Unknown),
            (none.clone(), "TRACE x", Level::Trace),
            (none.clone(), "", Level::Unknown),
        ];
        for (metadata, text, expected) in cases {
            assert_eq!(level(&Told::by_metadata(&metadata), &Told::default(), text), expected, "{text}");
        }
    }

    #[test]
    fn the_way_a_line_is_written_tells_its_level() {
        let request = |status: u16| format!(r#"10.0.0.7 - - [22/Nov/2026:05:01:02 +0000] "GET /error?level=debug HTTP/1.1" {status} 157"#);
        let escaped = request(502).replace('"', "\\\"");
        for (text, expected) in [
            ("E1122 05:01:02.123456       1 pool.go:12] no info\n", Level::Error),
            ("I1122 05:01:02.123456       1 pool.go:12] error syncing, will retry", Level::Info),
            (&request(502), Level::Error),
            (&request(404), Level::Warn),
            (&request(200), Level::Info),
            (&format!(r#"{{"log":"{escaped}\n","stream":"stdout","time":"2026-11-22T05:01:02Z"}}"#), Level::Error),
            (&format!("2026-11-22T05:01:02.123456789Z stdout F {}", request(503)), Level::Error),
            ("2026-11-22T05:01:02.123456789Z stderr F W1122 05:01:02.123456       1 a.go:1] x", Level::Warn),
            ("2026/11/22 05:01:02 [alert] 31#31: worker exited", Level::Fatal),
            ("<11>Nov 22 05:01:02 db-1 app[7]: no information available", Level::Error),
            ("<30>Nov 22 05:01:02 db-1 app[7]: ERROR: refused", Level::Error),
            (r#"<30>1 2026-11-22T05:01:02Z h dockerd - - - level=warning msg="x""#, Level::Warn),
            ("<30>Nov 22 05:01:02 db-1 app[7]: started", Level::Info),
            ("Traceback (most recent call last):\n  File \"info.py\", line 1, in debug\nKeyError: 1", Level::Error),
            ("panic: runtime error: index out of range\n\ngoroutine 1 [running]:", Level::Fatal),
            ("Exception in thread \"main\" java.lang.IllegalStateException: info is missing", Level::Error),
            ("thread 'main' panicked at src/main.rs:1:1:\nboom", Level::Fatal),
            ("thread 'main' (4711) panicked at src/main.rs:1:1:\nboom", Level::Fatal),
            ("fail: Shop.Pool[3]\n      no warning", Level::Error),
            (r#"{"status":"502","request":"GET /info HTTP/1.1"}"#, Level::Error),
            (r#"{"status":404,"method":"GET","path":"/error"}"#, Level::Warn),
            (r#"{"version":"1.1","short_message":"x","level":3}"#, Level::Error),
            (r#"{"status":"firing","msg":"x"}"#, Level::Unknown),
        ] {
            assert_eq!(by_text(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(level|evel|=|\"|\\[|\\]|<|>|3|E1122 |05:01:02.1 |22/Nov/2026:|2026/11/22 |\\{\"log\":\"|F |\\\\|é|status| ){0,40}") {
            by_text(&text);
        }
    }
}
