//! The page's other side: exceptions by type and own frame, in place of the statements that write lines.

use super::super::Logs;
use crate::{
    core::command::Command,
    log_fields::{Unfolded, exceptions::Thrown, recognise, unfolded},
    log_patterns::ExceptionFacts,
    store::Sought,
    ui::{format, table::Column},
    views::{Cx, Look, sheet::Sheet},
};

/// Services whose lines are counted in the detail.
const SERVICES: usize = 8;

impl Logs {
    /// What the worker puts lines together by.
    pub(super) fn sought(&self, look: &Look<'_>) -> Sought {
        if !self.patterns.of_exceptions {
            return Sought::Statements;
        }
        Sought::Exceptions(look.shared.log_labels.value().cloned().unwrap_or_default())
    }

    /// Opens a side of the page; closes it where that is the one that is there.
    pub(super) fn turn_to(&mut self, cx: &mut Cx<'_>, of_exceptions: bool) {
        let patterns = &mut self.patterns;
        patterns.in_detail = false;
        patterns.scroll = 0;
        let is_other = patterns.of_exceptions != of_exceptions;
        patterns.open = is_other || !patterns.open;
        if is_other {
            patterns.of_exceptions = of_exceptions;
            (patterns.found, patterns.told, patterns.basis, patterns.job) = (None, None, None, None);
            patterns.reorder();
        }
        if self.patterns.open {
            self.show_only(cx, None);
        }
        self.find_patterns(&cx.look);
    }
}

/// As many columns as fit.
pub(super) fn columns(trend: u16) -> [Column<'static>; 7] {
    [
        Column::text("CHANGE", 6, 6),
        Column::number("LINES", 7),
        Column::text("TREND", trend, trend).drop(2),
        Column::text("SERVICE", 8, 16).drop(3),
        Column::text("FIRST", 8, 8).drop(5),
        Column::text("LAST", 8, 8).drop(6),
        Column::text("EXCEPTION", 40, u16::MAX),
    ]
}

/// Which column of the patterns' table a column of the exceptions' is; those of its own are none.
pub(super) const AS_PATTERNS: [Option<usize>; 7] = [Some(0), Some(1), Some(3), None, Some(5), Some(6), None];

/// `orders`, `orders +2`
pub(super) fn services(facts: &ExceptionFacts) -> String {
    match facts.services.as_slice() {
        [] => String::new(),
        [(name, _)] => name.clone(),
        [(name, _), more @ ..] => format!("{name} +{}", more.len()),
    }
}

/// What the detail says of an exception before it says when it was seen.
pub(super) fn add_facts(sheet: &mut Sheet, facts: &ExceptionFacts) {
    if !facts.thrown.message.is_empty() {
        sheet.add("message", facts.thrown.message.clone());
    }
    let lines = |(name, lines): &(String, u64)| {
        let name = if name.is_empty() { "no service label" } else { name };
        format!("{name} {}", format::count(*lines))
    };
    let shown: Vec<String> = facts.services.iter().take(SERVICES).map(lines).collect();
    if !shown.is_empty() {
        let more = facts.services.len().saturating_sub(SERVICES);
        let more = if more > 0 { format!("   and {more} more") } else { String::new() };
        sheet.add("services", format!("{}{more}", shown.join("   ")));
    }
}

/// The first line with the exception, its library frames folded.
pub(super) fn trace(example: &str) -> String {
    let record = recognise(example);
    let rows = unfolded(&record).into_iter().map(|row| match row {
        Unfolded::Line(line) => line.to_owned(),
        Unfolded::Libraries(frames) => format!("    {}", format::counted(frames, "library frame")),
    });
    std::iter::once(record.message.clone()).chain(rows).collect::<Vec<_>>().join("\n")
}

impl Logs {
    /// `4 exceptions`, and `4 exceptions in 1,312 of 21,201 lines`
    pub(super) fn exceptions_in_lines(&self) -> (String, String) {
        let with: u64 = self.patterns.all().iter().map(|p| p.seen.count).sum();
        let all = self.patterns.found.as_ref().map_or(0, |f| f.lines);
        let count = format::counted(self.patterns.rows.len(), "exception");
        let lines = format::counted(usize::try_from(all).unwrap_or(usize::MAX), "line");
        let whole = format!("{count} in {} of {lines}", format::count(with));
        (count, whole)
    }

    /// Why there is none.
    pub(super) fn no_exceptions(&self, look: &Look<'_>) -> Vec<String> {
        match &self.patterns.found {
            Some(found) if self.patterns.job.is_none() => {
                let key = look.shared.keymap.key(Command::Patterns).unwrap_or_default();
                let lines = format::counted(usize::try_from(found.lines).unwrap_or(usize::MAX), "line");
                vec![format!("None of {lines} has a stack trace."), format!("{key} shows what statements write")]
            }
            _ => vec![format!("Looking for exceptions in {}.", format::counted(self.kept(), "line"))],
        }
    }
}

/// What the row of an exception says: short names, and what it said first.
pub(super) fn words(thrown: &Thrown) -> (String, String) {
    let message = thrown.message.lines().next().unwrap_or_default();
    (thrown.short_name(), if message.is_empty() { String::new() } else { format!("  {message}") })
}

impl Logs {
    /// The page's name in the trail.
    pub(in super::super) fn pattern_crumb(&self) -> String {
        let name = if self.patterns.of_exceptions { "Exceptions" } else { "Log patterns" };
        name.to_owned()
    }

    /// What a key means here and nowhere else.
    pub(in super::super) fn pattern_hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill => Some("lines"),
            Command::Patterns => Some(if self.patterns.of_exceptions { "patterns" } else { "lines" }),
            Command::Exceptions if self.patterns.of_exceptions => Some("lines"),
            _ => None,
        }
    }
}
