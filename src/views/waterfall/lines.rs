//! The trace's log lines between its spans: each below the span that it names, else the one of its service at its time.

use std::collections::HashMap;

use super::{
    detail::{Item, offset},
    digest::Digest,
};
use crate::{
    app::expect,
    core::{
        request::{Answer, Refresh, Request, pick},
        scope::Scope,
    },
    log_fields::recognise,
    model::{
        backend::SourceError,
        log::{Gap, Level, Limit, LogEvent, LogLine, Older},
        log_labels::LogLabels,
        time::{TimeWindow, Timestamp},
    },
    theme::Role,
    trace::Trace,
    ui::format,
    views::{
        Look, Needs,
        cost::{Cost, Verdict, readings},
        logs::{gaps::reason, query::of_scope},
    },
};

/// Lines that are shown at the most, the newest ones: once there are more, no older ones are read.
const MOST: usize = 2000;
const LINES: &str = "lines";
const SIZE: &str = "size of lines";

/// The lines, while they are shown.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) shown: bool,
    /// By time.
    lines: Vec<LogLine>,
    /// The span that each is below.
    of: Vec<u32>,
    error: Option<SourceError>,
    answered: bool,
    /// There are more than [`MOST`].
    cut: bool,
    /// What is known of those before the oldest that was read.
    older: Option<Older>,
    /// What of the time may be missing, as the server keeps lines for so long.
    limit: Option<Limit>,
    gaps: Vec<Gap>,
    cost: Cost,
}

impl Lines {
    /// Asks for the lines, once it is known which labels name services and that they are not too many to read.
    pub(super) fn ask(&self, look: &Look<'_>, trace: &Trace, needs: &mut Needs<'_>) {
        let Some(query) = self.query(look, trace).filter(|_| !self.cut) else { return };
        let window = window(look, trace);
        let verdict = self.cost.ask_sizes(look, &readings([query.as_str()], window), (SIZE, 0), needs);
        if verdict.may_read() {
            needs.ask(LINES, 0, Request::LogStream { query, window, reading: 0 }, Refresh::Stream);
        }
    }

    fn query(&self, look: &Look<'_>, trace: &Trace) -> Option<String> {
        let none = LogLabels::default();
        let slot = &look.shared.log_labels;
        let labels = match slot.value() {
            Some(labels) => labels,
            None if slot.error().is_some() => &none,
            None => return None,
        };
        let scope = Scope { service: None, matchers: Vec::new(), trace: Some(trace.id), ..look.scope.clone() };
        of_scope(&scope, labels, &[]).streams.into_iter().next().filter(|_| self.shown)
    }

    /// Takes an answer to one of its questions; whether lines came. `None`: it is to another one.
    pub(super) fn answer(&mut self, look: &Look<'_>, digest: &Digest, answer: &Answer) -> Option<bool> {
        match answer.slot.pane {
            SIZE => {
                let size = expect(answer.result.clone(), pick!(LogSize));
                self.cost.learn(answer.request.clone(), answer.asked, size);
                return Some(false);
            }
            LINES => match expect(answer.result.clone(), pick!(Log)) {
                Ok(events) => {
                    let before = self.lines.len();
                    events.into_iter().for_each(|event| self.event(event));
                    if self.lines.len() == before {
                        return Some(false);
                    }
                }
                Err(error) => {
                    self.error = Some(error);
                    return Some(false);
                }
            },
            _ => return None,
        }
        self.place(look, digest);
        Some(true)
    }

    fn event(&mut self, event: LogEvent) {
        match event {
            LogEvent::History { lines, older, .. } => {
                (self.answered, self.older, self.error) = (true, Some(older), None);
                self.lines.extend(lines);
            }
            LogEvent::Lines(lines) => {
                (self.answered, self.error) = (true, None);
                self.lines.extend(lines);
            }
            LogEvent::Gap(gap) if !self.gaps.contains(&gap) => self.gaps.push(gap),
            LogEvent::Limited(limit) => self.limit = Some(limit),
            LogEvent::Failed(error) | LogEvent::LeftOut { error, .. } => self.error = Some(error),
            LogEvent::Gap(_) | LogEvent::Tail(_) | LogEvent::ReadTo(_) | LogEvent::Files(_) => {}
        }
    }

    /// Finds the span of each line.
    pub(super) fn place(&mut self, look: &Look<'_>, digest: &Digest) {
        let trace = &digest.trace;
        self.lines.sort_by(|a, b| (a.at, &a.stream, &a.text, a.copy).cmp(&(b.at, &b.stream, &b.text, b.copy)));
        self.lines.dedup();
        let surplus = self.lines.len().saturating_sub(MOST);
        self.cut |= surplus > 0;
        self.lines.drain(..surplus);
        let labels = look.shared.log_labels.value();
        let span_of = |line: &LogLine| {
            let named = line.span.and_then(|id| trace.find(id)).and_then(|n| u32::try_from(n).ok());
            named.or_else(|| digest.at_work(labels?.service_of(&line.stream)?, line.at)).or(trace.root).unwrap_or(0)
        };
        self.of = self.lines.iter().map(span_of).collect();
    }

    /// The lines below each span, by time.
    pub(super) fn by_span(&self) -> HashMap<u32, Vec<(i64, u32)>> {
        let mut out: HashMap<u32, Vec<(i64, u32)>> = HashMap::new();
        for (i, (line, span)) in (0..).zip(self.lines.iter().zip(&self.of)) {
            out.entry(*span).or_default().push((line.at.0, i));
        }
        out
    }

    /// A line by its number, to be found again by [`Self::number`] once there are more.
    pub(super) fn line(&self, number: u32) -> Option<&LogLine> {
        self.lines.get(number as usize)
    }

    /// The number that a line has by now.
    pub(super) fn number(&self, line: &LogLine) -> Option<u32> {
        self.lines.iter().position(|l| l == line).and_then(|at| u32::try_from(at).ok())
    }

    /// The span that a line is below.
    pub(super) fn span_of(&self, line: u32) -> Option<u32> {
        self.of.get(line as usize).copied()
    }

    /// Level, how it looks, time and message of a line.
    pub(super) fn said(&self, line: u32, look: &Look<'_>) -> Option<(&'static str, Role, String, String)> {
        let line = self.lines.get(line as usize)?;
        let time = format::clock_millis(line.at, look.shared.settings.zone.0);
        let level = if line.level == Level::Unknown { "log" } else { line.level.as_str() };
        Some((level, role(line.level), time, message(line)))
    }

    /// When a line was written, how it looks, and what it says.
    pub(super) fn mark(&self, line: u32) -> Option<(Timestamp, Role, String)> {
        let line = self.lines.get(line as usize)?;
        Some((line.at, role(line.level), message(line)))
    }

    /// All that a line says.
    pub(super) fn details(&self, line: u32, look: &Look<'_>) -> Vec<Item> {
        let Some(line) = self.lines.get(line as usize) else { return Vec::new() };
        let record = recognise(&line.text);
        let mut out = vec![
            Item::said("message", message(line)),
            Item::said("time", format::date_time(line.at, look.shared.settings.zone.0)),
            Item::said("level", line.level.as_str()),
        ];
        out.extend(record.fields.iter().map(|(name, value)| Item::said(name, value.as_str())));
        out.extend(line.metadata.iter().chain(line.stream.iter()).map(|(name, value)| Item::said(name, value)));
        out.extend(record.rest.iter().map(|text| Item::text(text.replace('\t', "  "))));
        out
    }

    /// What is to be said of them, in the summary.
    pub(super) fn note(&self, look: &Look<'_>, trace: &Trace) -> Option<(String, Role)> {
        if !self.shown {
            return None;
        }
        let failed = |error: &SourceError| (format!("log lines: {}", error.message), Role::Warn);
        if let Some(error) = self.error.as_ref().or_else(|| look.shared.log_labels.error()) {
            return Some(failed(error));
        }
        let Some(query) = self.query(look, trace) else { return Some(("log lines are asked for".to_owned(), Role::Dim)) };
        let verdict = self.cost.verdict(look, &readings([query.as_str()], window(look, trace)));
        Some(match verdict {
            Verdict::Asks(bytes) => (format!("log lines: {} to read, l asks for them", format::bytes(bytes as f64)), Role::Warn),
            _ if !self.answered => ("log lines are asked for".to_owned(), Role::Dim),
            _ => self.counted(look, trace),
        })
    }

    /// How many there are, and which ones are not there.
    fn counted(&self, look: &Look<'_>, trace: &Trace) -> (String, Role) {
        let count = format::counted(self.lines.len(), "log line");
        if let (true, Some(first)) = (self.cut, self.lines.first()) {
            return (format!("the newest {count}, from {}", offset(first.at, trace.range.start)), Role::Warn);
        }
        let begin = window(look, trace).range(look.now).start;
        let lacks = match (self.older, self.limit) {
            (Some(Older::Left(before)), _) => Some(format!("those before {} are not read", offset(before, trace.range.start))),
            (Some(Older::Withheld(limit)), _) => Some(reason(limit)),
            (_, Some(limit)) if begin + limit.length() < look.now => Some(reason(limit)),
            _ => self.gaps.last().map(|gap| format!("some are missing: {}", gap.reason)),
        };
        match (lacks, self.older) {
            (Some(lacks), _) => (format!("{count}, {lacks}"), Role::Warn),
            (None, Some(Older::Coming)) => (format!("{count} so far"), Role::Text),
            (None, _) if self.lines.is_empty() => ("no log line names this trace".to_owned(), Role::Dim),
            (None, _) => (count, Role::Text),
        }
    }
}

/// A minute on either side: what is written after an answer is sent belongs to it.
fn window(look: &Look<'_>, trace: &Trace) -> TimeWindow {
    look.scope.around(trace.range).window
}

fn message(line: &LogLine) -> String {
    let record = recognise(&line.text);
    if record.message.is_empty() { line.text.to_string() } else { record.message }
}

fn role(level: Level) -> Role {
    match level {
        Level::Fatal => Role::LevelFatal,
        Level::Error => Role::LevelError,
        Level::Warn => Role::LevelWarn,
        Level::Debug => Role::LevelDebug,
        Level::Trace => Role::LevelTrace,
        Level::Info | Level::Unknown => Role::LevelInfo,
    }
}
