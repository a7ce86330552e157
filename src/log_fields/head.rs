//! What stands before the message in a line of text: time, level, threads, logger, place in the source, in the orders that
//! logback, log4j, Python's logging, zap, slog, `tracing` and their like write them.

use super::{MAX_FIELDS, Pair, is_digits, logfmt, pair, time, trace_id, word};
use crate::model::log::Level;

/// A head and what follows it.
#[derive(Default)]
pub(super) struct Head<'a> {
    /// What a row says after the message.
    pub(super) named: Vec<Pair>,
    /// What a row says elsewhere, or need not say.
    pub(super) quiet: Vec<Pair>,
    /// The message.
    pub(super) rest: &'a str,
    time: bool,
    level: bool,
    /// `---` was there: Spring Boot.
    spring: bool,
    /// The time's bracket is still open.
    bracket: bool,
}

/// Groups in brackets that are taken for a part of the head.
const MAX_GROUPS: usize = 4;

/// Reads the head of a line.
pub(super) fn read(text: &str) -> Head<'_> {
    if let Some(head) = python_basic(text) {
        return head;
    }
    let mut head = Head { rest: text, ..Head::default() };
    head.ruby();
    let mut groups = Vec::new();
    while head.part(&mut groups) {}
    head.name_groups(&groups);
    if head.level {
        head.spans();
        head.zap();
        head.logger();
    } else if head.time {
        // Go's `log` with a place in the source, and nothing else that would tell a head from a message.
        head.caller();
    }
    head
}

impl<'a> Head<'a> {
    /// Ruby repeats the level's letter before the time: `E, [2026-…`.
    fn ruby(&mut self) {
        if let [b'D' | b'I' | b'W' | b'E' | b'F' | b'A', b',', b' ', b'[', ..] = self.rest.as_bytes() {
            self.quiet.push(pair("letter", &self.rest[..1]));
            self.rest = &self.rest[3..];
        }
    }

    /// Takes one part off. Returns false where the head ends.
    fn part(&mut self, groups: &mut Vec<&'a str>) -> bool {
        let rest = self.rest.trim_start();
        if !self.time && self.take_time(rest) || self.bracket && self.take_bracket_end(rest) {
            return true;
        }
        if !self.level && self.take_level(rest) {
            return true;
        }
        let (first, after) = word(rest);
        if self.time && !self.level && self.take_logger_before_level(first, after) {
            return true;
        }
        if matches!(first, "-" | "|" | "--" | "---" | ":" | "\u{2013}") && (self.time || self.level) {
            self.spring |= first == "---";
            self.rest = after;
            return true;
        }
        if self.level && is_digits(first) && after.starts_with("---") {
            self.quiet.push(pair("pid", first));
            self.rest = after;
            return true;
        }
        let group = rest.strip_prefix('[').and_then(|r| r.split_once(']')).filter(|_| self.time || self.level);
        if let Some((inner, after)) = group.filter(|(inner, _)| groups.len() < MAX_GROUPS && !inner.contains('[')) {
            if !inner.trim().is_empty() {
                groups.push(inner.trim());
            }
            self.rest = after;
            return true;
        }
        self.rest = rest;
        false
    }

    fn take_time(&mut self, rest: &'a str) -> bool {
        let open = rest.strip_prefix('[');
        let Some((at, after)) = time::leading(open.unwrap_or(rest)) else { return false };
        self.quiet.push(pair("time", at));
        self.time = true;
        self.rest = after;
        if open.is_some() {
            match after.strip_prefix(']') {
                Some(after) => self.rest = after,
                None => self.bracket = true,
            }
            // Celery puts a colon after the time.
            self.rest = self.rest.strip_prefix(':').unwrap_or(self.rest);
        }
        true
    }

    /// What else is in the time's bracket: a process, a target, the end of it.
    fn take_bracket_end(&mut self, rest: &'a str) -> bool {
        let Some((inner, after)) = rest.split_once(']').filter(|(inner, _)| inner.len() <= 200) else {
            self.bracket = false;
            return false;
        };
        let (mut words, mut rest) = (inner.trim(), "");
        if !self.level
            && let (first, others) = word(words)
            && let Some((level, thread)) = first.split_once('/').or(Some((first, ""))).filter(|(l, _)| Level::parse(l).is_some())
        {
            self.set_level(level);
            (words, rest) = (thread, others);
        }
        for name in [words, rest].into_iter().filter(|n| !n.is_empty()) {
            match name.strip_prefix('#').filter(|n| is_digits(n)) {
                Some(pid) => self.quiet.push(pair("pid", pid)),
                None => self.named.push(pair(if name.contains("::") || name.contains('.') { "logger" } else { "thread" }, name)),
            }
        }
        self.bracket = false;
        self.rest = after;
        true
    }

    fn take_level(&mut self, rest: &'a str) -> bool {
        // `[error    ]`, as structlog fills it up.
        if let Some((inner, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']'))
            && Level::parse(inner.trim_end()).is_some()
        {
            self.set_level(inner.trim_end());
            self.rest = after.strip_prefix(':').unwrap_or(after);
            return true;
        }
        let (first, after) = word(rest);
        let bare = first.trim_matches(['[', ']', '(', ')', ':', '|', '<', '>']);
        // Logrus on a terminal: `ERRO[0012] message`.
        if let Some((short, seconds)) = bare.split_once('[').filter(|(s, n)| s.len() == 4 && is_digits(n)) {
            let whole = [("DEBU", "debug"), ("ERRO", "error"), ("FATA", "fatal"), ("PANI", "panic"), ("TRAC", "trace")];
            if Level::parse(short).is_some() || whole.iter().any(|(s, _)| *s == short) {
                self.set_level(short);
                self.quiet.push(pair("seconds", seconds));
                self.rest = after;
                return true;
            }
        }
        // Monolog: `app.ERROR:`.
        let (channel, bare) = bare.rsplit_once('.').map_or((None, bare), |(channel, bare)| (Some(channel), bare));
        let marked = channel.is_none() && first.len() > bare.len() || !bare.bytes().any(|b| b.is_ascii_lowercase());
        if !marked || Level::parse(bare).is_none() || self.is_said(first, after) || channel.is_some_and(|c| !logfmt::is_name(c)) {
            return false;
        }
        self.named.extend(channel.map(|channel| pair("logger", channel)));
        self.set_level(bare);
        self.rest = after;
        true
    }

    /// JavaScript's `Error: message` and Go's `panic: message` say what happened, not how bad it is.
    fn is_said(&self, first: &str, after: &str) -> bool {
        matches!(first, "Error:" | "panic:") || !self.time && after.is_empty()
    }

    fn set_level(&mut self, word: &str) {
        self.quiet.push(pair("level", word));
        self.level = true;
    }

    /// Python's `time - logger - LEVEL - message`, `time logger LEVEL message`.
    fn take_logger_before_level(&mut self, name: &str, after: &'a str) -> bool {
        let level = after.strip_prefix("- ").or_else(|| after.strip_prefix("| ")).unwrap_or(after);
        let (first, _) = word(level);
        let bare = first.trim_matches(['[', ']', ':']);
        let is_level = Level::parse(bare).is_some() && !bare.bytes().any(|b| b.is_ascii_lowercase());
        if !is_level || !is_logger(name) {
            return false;
        }
        self.named.push(pair("logger", name));
        self.rest = level;
        true
    }

    /// What brackets after time and level hold.
    fn name_groups(&mut self, groups: &[&str]) {
        let mut plain = Vec::new();
        for group in groups {
            if group.contains(',') && self.sleuth(group) || self.ids(group) {
                continue;
            }
            if let Some((mut fields, 0)) = logfmt::pairs(group).filter(|(fields, _)| self.quiet.len() + fields.len() <= MAX_FIELDS) {
                self.quiet.append(&mut fields);
            } else if is_digits(group) {
                self.quiet.push(pair("pid", group));
            } else {
                plain.push(*group);
            }
        }
        // Spring Boot puts the application's name before the thread's.
        if self.spring && plain.len() > 1 {
            self.quiet.push(pair("application", plain.remove(0)));
        }
        let mut plain = plain.into_iter();
        self.named.extend(plain.next().map(|thread| pair("thread", thread)));
        let context = plain.collect::<Vec<_>>().join(" ");
        if !context.is_empty() {
            self.named.push(pair("context", &context));
        }
    }

    /// `[service,trace,span]`, with a fourth for whether it is sent on.
    fn sleuth(&mut self, group: &str) -> bool {
        let parts: Vec<&str> = group.split(',').map(str::trim).collect();
        let is_id = |id: &&str| id.is_empty() || id.len() >= 16 && id.bytes().all(|b| b.is_ascii_hexdigit());
        if !(3..=4).contains(&parts.len()) || !parts[1..3].iter().all(is_id) {
            return false;
        }
        let named = ["application", "trace_id", "span_id", "exported"].into_iter().zip(parts).filter(|(_, v)| !v.is_empty());
        self.quiet.extend(named.map(|(name, value)| pair(name, value)));
        true
    }

    /// `[trace-span]`.
    fn ids(&mut self, group: &str) -> bool {
        let Some((trace, span)) = trace_id::hyphened(group) else { return false };
        self.quiet.extend([pair("trace_id", trace), pair("span_id", span)]);
        true
    }

    /// `request{method=GET}:db{table=orders}: `, as Rust's `tracing` writes the spans around an event.
    fn spans(&mut self) {
        let mut rest = self.rest;
        let mut found = Vec::new();
        for _ in 0..MAX_GROUPS * 4 {
            let Some((name, inner)) = rest.split_once('{').filter(|(name, _)| is_logger(name)) else { break };
            let Some((fields, after)) = inner.split_once('}').filter(|(_, after)| after.starts_with(':')) else { return };
            match logfmt::pairs(fields) {
                Some((pairs, 0)) if self.quiet.len() + found.len() + pairs.len() <= MAX_FIELDS => {
                    found.extend(pairs.into_iter().map(|(field, value)| (format!("{name}.{field}"), value)));
                }
                _ => found.push(pair(name, fields)),
            }
            rest = &after[1..];
        }
        if !found.is_empty() {
            self.named.append(&mut found);
            self.rest = rest.trim_start();
        }
    }

    /// Zap's console: logger and caller before the message, each after a tab.
    fn zap(&mut self) {
        while let Some((first, after)) = self.rest.split_once('\t') {
            let name = match first {
                _ if is_caller(first) => "caller",
                _ if is_logger(first) && !self.named.iter().any(|(n, _)| n == "logger" || n == "caller") => "logger",
                _ => return,
            };
            self.named.push(pair(name, first));
            self.rest = after;
        }
    }

    /// `c.shop.Pool : message`, `c.shop.Pool - message`, `mailer: message`, after a level.
    fn logger(&mut self) {
        self.caller();
        let (first, after) = word(self.rest);
        if first.is_empty() {
            return;
        }
        let divided =
            [": ", "- ", "| "].into_iter().find_map(|mark| after.strip_prefix(mark)).filter(|_| is_logger(first) || is_caller(first));
        let (name, message) = match (divided, first.strip_suffix(':')) {
            (Some(message), _) => (first, message),
            (None, Some(name)) if is_logger(name) && !name.ends_with("Exception") && !name.ends_with("Error") && name != "panic" => {
                (name, after)
            }
            _ => {
                self.place_after(first, after);
                return;
            }
        };
        self.named.push(pair("logger", name));
        self.rest = message.trim_start();
        self.caller();
    }

    /// log4j's `com.shop.Pool (Pool.java:12) - message`.
    fn place_after(&mut self, first: &str, after: &'a str) {
        let Some((place, message)) = after.strip_prefix('(').and_then(|a| a.split_once(") - ")) else { return };
        if is_logger(first) && is_caller(place) {
            self.named.extend([pair("logger", first), pair("caller", place)]);
            self.rest = message;
        }
    }

    /// `main.go:12: message`, `src/pool.rs:88: message`.
    fn caller(&mut self) {
        let (first, after) = word(self.rest);
        if let Some(place) = first.strip_suffix(':').filter(|place| is_caller(place)) {
            self.named.push(pair("caller", place));
            self.rest = after;
        }
    }
}

/// Python without any configuration: `ERROR:root:message`.
fn python_basic(text: &str) -> Option<Head<'_>> {
    let (level, rest) = text.split_once(':').filter(|(l, _)| l.len() <= 8 && Level::parse(l).is_some())?;
    let (logger, message) = rest.split_once(':').filter(|(name, _)| name.len() <= 128 && is_logger(name))?;
    let mut head = Head { rest: message.trim_start(), level: true, ..Head::default() };
    head.named.push(pair("logger", logger));
    head.quiet.push(pair("level", level));
    Some(head)
}

/// A logger's name: words with dots, colons, slashes, a number of a line at the end.
fn is_logger(name: &str) -> bool {
    // Tomcat's `o.a.c.c.C.[.[.[/].[dispatcherServlet]`; not syslog's `sshd[12]`.
    let nested = name.contains(".[");
    name.len() <= 200
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '@')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-@/:$<>".contains(&b) || nested && b"[]".contains(&b))
        && !name.contains("//")
}

/// `pool.go:88`, `src/pool.rs:12`.
fn is_caller(place: &str) -> bool {
    let place = place.trim_matches(['(', ')']);
    place.split_once(':').is_some_and(|(file, line)| {
        is_digits(line.split(':').next().unwrap_or(""))
            && file.rsplit_once('.').is_some_and(|(_, kind)| kind.len() <= 5 && !is_digits(kind))
    })
}
