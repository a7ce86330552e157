//! Lines of the service that its label does not name: where several shippers write, the same service may be `service_name` in
//! some streams and `app` in others. Those are looked for, and joined to the others where there are any.

use super::{Logs, query::STREAMS};
use crate::{
    app::expect,
    core::request::{Answer, Request, Response, pick},
    model::{
        labels::{Matcher, selector},
        log_labels::LogLabels,
        time::TimeWindow,
    },
    views::{Look, Needs, cost},
};

/// The slot of what is asked here.
pub(super) const PANE: &str = "elsewhere";

/// The selectors that were found to select lines of a window. What is read is not taken away again while that is looked at,
/// whatever becomes of the sizes.
#[derive(Default)]
pub(super) struct Elsewhere(Vec<(String, TimeWindow)>);

/// Labels whose streams are looked for.
const LOOKED_FOR: usize = 12;
/// Labels that are named in the title.
const NAMED: usize = 3;

/// How many are read beside those of the first label: a trace is asked for in two ways.
fn room(look: &Look<'_>) -> usize {
    STREAMS / if look.scope.trace.is_some() { 2 } else { 1 } - 1
}

/// The question for the names on the streams of a selector.
fn names(matchers: &[Matcher], window: TimeWindow) -> Option<Request> {
    let label = matchers.first()?.name.to_string();
    Some(Request::LogLabelValues { label, query: selector(matchers), window })
}

impl Logs {
    /// What selects the streams that may hold lines of the service as well.
    fn candidates(&self, look: &Look<'_>, labels: &LogLabels) -> Vec<Vec<Matcher>> {
        let service = look.scope.service.as_deref().filter(|_| self.typed.is_none());
        let mut found = service.map_or_else(Vec::new, |service| labels.elsewhere(service));
        found.truncate(LOOKED_FOR);
        found
    }

    /// Those of them that do, as many as are read beside the first.
    pub(super) fn joined(&self, look: &Look<'_>, labels: &LogLabels) -> Vec<Vec<Matcher>> {
        let mut found = self.candidates(look, labels);
        found.retain(|matchers| self.place(look, matchers).is_some_and(|place| place < room(look)));
        found
    }

    /// Those of them that do and are too many to be read.
    fn left_out(&self, look: &Look<'_>, labels: &LogLabels) -> Vec<Vec<Matcher>> {
        let mut found = self.candidates(look, labels);
        found.retain(|matchers| self.place(look, matchers).is_some_and(|place| place >= room(look)));
        found
    }

    /// The place of a selector among those that are known to have lines: what is read goes before what is found later.
    fn place(&self, look: &Look<'_>, matchers: &[Matcher]) -> Option<usize> {
        let selector = selector(matchers);
        self.elsewhere.0.iter().position(|(known, window)| *known == selector && *window == look.scope.window)
    }

    fn holds_lines(&self, look: &Look<'_>, matchers: &[Matcher]) -> bool {
        self.place(look, matchers).is_some()
    }

    /// Asks for those that are not known to hold lines: some may begin to.
    pub(super) fn ask_elsewhere(&self, look: &Look<'_>, needs: &mut Needs<'_>) {
        let Some(labels) = look.shared.log_labels.value() else { return };
        let window = look.scope.window;
        for (part, matchers) in (0..).zip(self.candidates(look, labels)) {
            if self.holds_lines(look, &matchers) {
                continue;
            }
            let size = cost::size_of(&selector(&matchers), window);
            let question = if let Some(Err(_)) = self.cost.size(&size) { names(&matchers, window) } else { Some(size) };
            if let Some(question) = question {
                needs.ask(PANE, part, question, look.shared.refresh_slow());
            }
        }
    }

    /// Takes what was told of them.
    pub(super) fn elsewhere_told(&mut self, look: &Look<'_>, answer: Answer) {
        let request = answer.request.clone();
        let (selector, any) = match &*request {
            Request::LogSize { selector, .. } => {
                let size = expect(answer.result, pick!(LogSize));
                let any = size.as_ref().is_ok_and(|size| size.total() > 0);
                self.size_came(look, answer.request, answer.asked, size);
                (selector, any)
            }
            Request::LogLabelValues { query, .. } => {
                let any = expect(answer.result, |r| if let Response::Names(names) = r { Some(!names.names.is_empty()) } else { None });
                // A Loki that tells neither is asked under the one label.
                (query, any.unwrap_or(false))
            }
            _ => return,
        };
        if any {
            let window = look.scope.window;
            self.elsewhere.0.retain(|(known, of)| *of == window && known != selector);
            self.elsewhere.0.push((selector.clone(), window));
        }
    }

    /// `also app="web"`, and what is not read of it.
    pub(super) fn elsewhere_note(&self, look: &Look<'_>) -> Option<String> {
        let labels = look.shared.log_labels.value()?;
        let names = |all: Vec<Vec<Matcher>>| {
            let named: Vec<String> = all.iter().filter_map(|m| Some(m.first()?.to_string())).take(NAMED).collect();
            let more = if all.len() > NAMED { format!(" and {} more", all.len() - NAMED) } else { String::new() };
            named.join(", ") + &more
        };
        let (joined, left_out) = (names(self.joined(look, labels)), names(self.left_out(look, labels)));
        let parts = [
            (!joined.is_empty()).then(|| format!("also {joined}")),
            (!left_out.is_empty()).then(|| format!("not {left_out}: no more than {STREAMS} streams are joined")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}
