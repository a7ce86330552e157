//! How a line is printed: for people, or as one JSON object a line.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write as _},
};

use serde::{Serialize, Serializer};

use crate::{
    cli::Output,
    config::Config,
    log_fields::without_ansi,
    model::{
        labels::Labels,
        log::{Level, LogEvent, LogLine},
        place,
        time::Timestamp,
    },
    run::report,
    theme::ColorSupport,
    ui::{format, text::is_harmful},
};

/// Labels and metadata that name the pod, process, host or container, after those that the user named.
fn instance() -> impl Iterator<Item = &'static str> {
    let places = ["pod", "instance", "node", "container"].into_iter().flat_map(place::spellings).copied();
    places.chain(["service_name", "app"])
}

/// Turns events into text.
pub(super) struct Printer {
    output: Output,
    offset: i32,
    color: bool,
    instance: Vec<String>,
    /// The newest line that was printed.
    newest: Option<Timestamp>,
}

impl Printer {
    /// In colour on a terminal that has any.
    pub(super) fn new(output: Output, config: &Config, vars: &BTreeMap<String, String>) -> Self {
        let color = io::stdout().is_terminal() && ColorSupport::detect(vars) != ColorSupport::None;
        let own = config.labels.logs_instance.iter().cloned();
        Self {
            output,
            offset: config.display.time_zone.offset(crate::clock::Clock::system().now()).0,
            color,
            instance: own.chain(instance().map(str::to_owned)).collect(),
            newest: None,
        }
    }

    /// Seconds east of UTC by which times are told.
    pub(super) fn offset(&self) -> i32 {
        self.offset
    }

    /// Whether there was any line.
    pub(super) fn has_printed(&self) -> bool {
        self.newest.is_some()
    }

    /// The lines of an event.
    pub(super) fn text(&mut self, event: &LogEvent) -> Vec<u8> {
        let (LogEvent::Lines(lines) | LogEvent::History { lines, .. }) = event else { return Vec::new() };
        let mut out = Vec::with_capacity(lines.iter().map(|l| l.text.len() + 200).sum());
        for line in lines {
            let late = self.newest.is_some_and(|newest| line.at < newest);
            self.newest = self.newest.max(Some(line.at));
            match self.output {
                Output::Json => json(line, late, &mut out),
                Output::Text => self.line(line, late, &mut out),
            }
        }
        out
    }

    /// `2026-11-21 14:32:07.114 ERROR orders-7d9f  the message`
    fn line(&self, line: &LogLine, late: bool, out: &mut Vec<u8>) {
        let (color, reset) = if self.color { (color(line.level), "\x1b[0m") } else { ("", "") };
        let level = if line.level == Level::Unknown { String::new() } else { line.level.as_str().to_uppercase() };
        let late = if late { " (late)" } else { "" };
        let time = format::date_time(line.at, self.offset);
        let text = harmless(line.text.trim_end_matches(['\r', '\n']));
        let name = self.instance.iter().find_map(|name| line.stream.get(name).or_else(|| line.metadata.get(name)));
        let name = harmless(name.unwrap_or_default()).replace('\n', ".");
        let space = if name.is_empty() { "" } else { "  " };
        // A vector takes all that is written.
        let _ = writeln!(out, "{time}{late} {color}{level:5}{reset} {name}{space}{text}");
    }
}

fn color(level: Level) -> &'static str {
    match level {
        Level::Fatal | Level::Error => "\x1b[31m",
        Level::Warn => "\x1b[33m",
        Level::Info => "\x1b[32m",
        Level::Unknown | Level::Debug | Level::Trace => "\x1b[2m",
    }
}

/// Without colours and all else that could move a terminal's cursor; tabs and the ends of lines stay.
fn harmless(text: &str) -> String {
    without_ansi(text).chars().map(|c| if is_harmful(c) && !matches!(c, '\t' | '\n') { '.' } else { c }).collect()
}

/// The documented shape.
#[derive(Serialize)]
struct Shape<'a> {
    time: String,
    labels: Pairs<'a>,
    metadata: Pairs<'a>,
    level: &'static str,
    trace_id: Option<String>,
    span_id: Option<String>,
    line: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    late: bool,
}

struct Pairs<'a>(&'a Labels);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter())
    }
}

fn json(line: &LogLine, late: bool, out: &mut Vec<u8>) {
    let shape = Shape {
        time: line.at.to_string(),
        labels: Pairs(&line.stream),
        metadata: Pairs(&line.metadata),
        level: line.level.as_str(),
        trace_id: line.trace.map(|id| id.to_string()),
        span_id: line.span.map(|id| id.to_string()),
        line: &line.text,
        late,
    };
    report::json_line(&shape, out);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::model::trace::{SpanId, TraceId};

    fn line(at: i64, text: &str) -> LogLine {
        LogLine {
            at: Timestamp(at),
            stream: Arc::new([("app", "web"), ("pod", "web-1")].into_iter().collect()),
            metadata: [("trace_id", "ab")].into_iter().collect(),
            text: text.into(),
            level: Level::Error,
            trace: Some(TraceId(0xab)),
            span: Some(SpanId(0xcd)),
            trace_from: Some("structured metadata"),
            copy: 0,
        }
    }

    fn printed(output: Output, color: bool, lines: Vec<LogLine>) -> String {
        let instance = instance().map(str::to_owned).collect();
        let mut printer = Printer { output, offset: 0, color, instance, newest: None };
        String::from_utf8(printer.text(&LogEvent::Lines(lines))).unwrap()
    }

    #[test]
    fn the_json_has_the_documented_shape_and_marks_what_is_late() {
        let text = printed(Output::Json, false, vec![line(1_700_000_000_000_000_007, "a \"b\"\n"), line(5, "c")]);
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let expected = json!({
            "time": "1700000000000000007", "labels": {"app": "web", "pod": "web-1"}, "metadata": {"trace_id": "ab"}, "level": "error",
            "trace_id": "000000000000000000000000000000ab", "span_id": "00000000000000cd", "line": "a \"b\"\n",
        });
        assert_eq!(lines[0], expected);
        assert_eq!((&lines[1]["late"], lines.len()), (&json!(true), 2));
    }

    #[test]
    fn no_output_moves_the_cursor_and_json_loses_nothing() {
        let hostile = "\u{1b}[31mred\u{1b}[0m \u{9b}2J \u{202e}x \u{1b}]0;title\u{7} \u{85}";
        let text = printed(Output::Text, false, vec![line(0, hostile)]);
        assert_eq!(text, "1970-01-01 00:00:00.000 ERROR web-1  red .2J .x ]0;title. .\n");
        let text = printed(Output::Json, false, vec![line(0, hostile)]);
        assert!(!text.trim_end().chars().any(is_harmful), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["line"], hostile);
    }

    #[test]
    fn colour_is_for_terminals_alone() {
        let text = printed(Output::Text, true, vec![line(2_000_000, "boom\n\tat a.b.C\n"), line(0, "before")]);
        let expected = "1970-01-01 00:00:00.002 \u{1b}[31mERROR\u{1b}[0m web-1  boom\n\tat a.b.C\n1970-01-01 00:00:00.000 (late) \u{1b}[31mERROR\u{1b}[0m web-1  before\n";
        assert_eq!(text, expected);
    }
}
