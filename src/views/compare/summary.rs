//! Which two traces are compared, and what they differ in, above the rows.

use super::Compare;
use crate::{
    theme::Role,
    trace::{Trace, compare::Change, differences::Differences, typical::RootName},
    ui::format,
    views::{Look, waterfall::short},
};

/// A part of a line, and how it looks.
pub(super) type Part = (String, Role);

impl Compare {
    /// The lines above the rows: the base, the trace, and what they differ in.
    pub(super) fn heads(&self, look: &Look<'_>) -> [Vec<Part>; 3] {
        let Some((base, other, found)) = self.shown() else { return Default::default() };
        let mut of_base = figures(base, look, "base");
        match self.base.chosen_as() {
            Some(chosen) => {
                let of = match chosen.of {
                    1 => "the only good trace".to_owned(),
                    n => format!("the median of {}{}", chosen.cut.unwrap_or_default(), format::counted(n, "good trace")),
                };
                of_base.push((format!("{of} of {} {} {}", chosen.root.sent_service, chosen.root.name, chosen.when), Role::Dim));
            }
            None => of_base.push(("chosen by you".to_owned(), Role::Dim)),
        }
        [of_base, figures(other, look, "this"), differences(base, other, found)]
    }

    /// What the two differ in, in one line.
    pub(super) fn words(&self, look: &Look<'_>) -> String {
        let parts = |line: Vec<Part>| line.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join("   ");
        self.heads(look).map(parts).join("\n")
    }
}

fn figures(trace: &Trace, look: &Look<'_>, what: &str) -> Vec<Part> {
    let mut out = vec![
        (format!("{what} {}", short(trace.id, look)), Role::Accent),
        (format::nanoseconds(trace.duration_ns()), Role::Text),
        (format::counted(trace.span_count as usize, "span"), Role::Text),
    ];
    if trace.error_count > 0 {
        out.push((format::counted(trace.error_count as usize, "error"), Role::Bad));
    }
    if trace.missing_count() > 0 {
        out.push((format!("{} missing: it may still be written, or has lost spans", trace.missing_count()), Role::Warn));
    }
    if let Some(words) = &trace.partial {
        out.push((format!("partial: {words}"), Role::Warn));
    }
    out
}

fn differences(base: &Trace, other: &Trace, found: &Differences) -> Vec<Part> {
    let mut out = Vec::new();
    if base.id == other.id {
        out.push(("the same trace twice: nothing can differ".to_owned(), Role::Warn));
    }
    if let Some((a, b)) = RootName::of(base).zip(RootName::of(other)).filter(|(a, b)| a != b) {
        out.push((format!("different roots: {} {} and {} {}", a.service, a.name, b.service, b.name), Role::Warn));
    }
    let delta = other.duration_ns().saturating_sub(base.duration_ns());
    let longer = if delta < 0 { "shorter" } else { "longer" };
    out.push((format!("{} {longer}", format::nanoseconds(delta.saturating_abs())), Role::Text));
    let counts = [(Change::New, "new"), (Change::Gone, "gone"), (Change::Slower, "slower"), (Change::Faster, "faster")];
    let counted = counts.map(|(change, word)| (found.comparison.count(change), word));
    let words: Vec<String> =
        counted.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{} {word}", format::count(*n as u64))).collect();
    out.push((if words.is_empty() { "no span is new, gone, slower or faster".to_owned() } else { words.join(", ") }, Role::Text));
    if let Some(most) = &found.most {
        let (operation, delta) = (&most.operation, most.self_delta_ns);
        out.push((format!("{} in {} {}", signed(delta), operation.service, operation.name), Role::Text));
    }
    out
}

/// A difference of durations: `+1.2 s`.
pub(super) fn signed(ns: i64) -> String {
    if ns > 0 { format!("+{}", format::nanoseconds(ns)) } else { format::nanoseconds(ns) }
}
