//! Patterns as Loki clusters them: of all lines of the streams over the whole window, where it does.

use std::time::Duration;

use super::super::{Logs, query::Plan};
use crate::{
    core::request::{Refresh, Request, step},
    log_patterns::{self, BARS, Counting, LinePattern, Seen, WILDCARD, holds},
    model::{backend::SourceError, log::ServerPattern, time::Timestamp},
    views::{Cx, Look, Needs},
};

/// Loki counts by ten seconds at the least.
const STEP: Duration = Duration::from_secs(10);

/// The selector that a query begins with.
fn selector(query: &str) -> Option<&str> {
    let (mut quote, mut escaped) = (None, false);
    for (i, c) in query.char_indices() {
        match (quote, c) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(q), c) if c == q && !escaped => quote = None,
            (None, '"' | '`') => quote = Some(c),
            (None, '}') => return Some(&query[..=i]),
            _ => {}
        }
        escaped = false;
    }
    None
}

impl Logs {
    /// Whether Loki clusters is asked once; what it found is asked again while it is looked at.
    pub(super) fn ask_server(&self, look: &Look<'_>, plan: &Plan, needs: &mut Needs<'_>) {
        let Some(selector) = selector(&plan.base) else { return };
        let every = look.shared.settings.refresh_slow;
        let refresh = if self.patterns.told.is_some() { Refresh::Every(every) } else { Refresh::Once };
        let step = step(look.range().duration(), u16::try_from(BARS).unwrap_or(u16::MAX), STEP);
        let request = Request::LogPatterns { selector: selector.to_owned(), window: look.scope.window, step };
        needs.ask("server patterns", 0, request, refresh);
    }

    pub(super) fn server_told(&mut self, look: &Look<'_>, asked: Timestamp, result: Result<Option<Vec<ServerPattern>>, SourceError>) {
        self.patterns.server.settle(asked, result);
        self.recount_server(look);
    }

    /// Counts what Loki told, where that is looked at.
    pub(super) fn recount_server(&mut self, look: &Look<'_>) {
        if self.patterns.told.is_some() {
            let told = self.server_patterns(look).unwrap_or_default();
            self.patterns.replace(|p| p.told = Some(told));
        }
    }

    /// The patterns of the other side: Loki's, or those of the lines that are here.
    pub(super) fn switch_server(&mut self, cx: &mut Cx<'_>) {
        if self.patterns.told.take().is_some() {
            self.patterns.reorder();
            return;
        }
        match (self.patterns.server.value(), self.patterns.server.error()) {
            (Some(Some(patterns)), _) if !patterns.is_empty() => {
                self.patterns.told = self.server_patterns(&cx.look);
                self.patterns.reorder();
            }
            (Some(Some(_)), _) => cx.notice("Loki has found no patterns in these lines"),
            (Some(None), _) => cx.notice("this Loki finds no patterns: its pattern ingester is off"),
            (None, Some(error)) => cx.notice(format!("Loki's patterns: {}", error.message)),
            (None, None) if self.files.is_some() => cx.notice("no server clusters lines of files: these are clustered here"),
            (None, None) => cx.notice("Loki has not answered yet"),
        }
    }

    fn server_patterns(&self, look: &Look<'_>) -> Option<Vec<LinePattern>> {
        let told = self.patterns.server.value()?.as_ref()?;
        let counting = Counting { range: look.range(), windows: self.whole_windows(look) };
        let pattern = |pattern: &ServerPattern| {
            let mut seen = Seen::default();
            for (at, lines) in &pattern.samples {
                seen.add(*at, pattern.level, *lines, &counting);
            }
            let template = pattern.text.replace(ServerPattern::ANY, WILDCARD);
            let example = self.example_of(&pattern.text);
            LinePattern {
                form: pattern.text.clone(),
                template,
                change: counting.windows.change(&seen),
                seen,
                example,
                kinds: Vec::new(),
                exception: None,
            }
        };
        let mut patterns: Vec<LinePattern> = told.iter().map(pattern).filter(|p| p.seen.count > 0).collect();
        log_patterns::sort(&mut patterns, &counting.windows);
        Some(patterns)
    }

    /// A line of the server's pattern among the examples that are here.
    fn example_of(&self, text: &str) -> Box<str> {
        let found = self.patterns.found.as_deref().map_or(&[][..], |f| &f.patterns);
        found.iter().map(|p| &p.example).find(|example| holds(text, example)).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selector_ends_where_its_brace_is_closed() {
        for (query, expected) in [
            (r#"{app="x"} |= "y""#, Some(r#"{app="x"}"#)),
            (r#"{app=~"a{2}\"}", b=`}`} | json"#, Some(r#"{app=~"a{2}\"}", b=`}`}"#)),
            ("{app=", None),
        ] {
            assert_eq!(selector(query), expected);
        }
    }
}
