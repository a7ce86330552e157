//! Lines of the service that its label does not name: where several shippers write, the same service may be `service_name` in
//! some streams and `app` in others. Those are looked for, and joined to the others where there are any.

use super::{Logs, query::STREAMS};
use crate::{
    app::expect,
    core::request::{Answer, Request, Response},
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
        found.truncate(STREAMS - 1);
        found
    }

    /// Those of them that do.
    pub(super) fn joined(&self, look: &Look<'_>, labels: &LogLabels) -> Vec<Vec<Matcher>> {
        let mut found = self.candidates(look, labels);
        found.retain(|matchers| self.holds_lines(look, matchers));
        found
    }

    /// Whether there are known to be lines.
    fn holds_lines(&self, look: &Look<'_>, matchers: &[Matcher]) -> bool {
        let selector = selector(matchers);
        self.elsewhere.0.iter().any(|(known, window)| *known == selector && *window == look.scope.window)
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
                let size = expect(answer.result, |r| if let Response::LogSize(size) = r { Some(size) } else { None });
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

    /// `also app="web"`.
    pub(super) fn elsewhere_note(&self, look: &Look<'_>) -> String {
        let labels = look.shared.log_labels.value().map_or_else(Vec::new, |labels| self.joined(look, labels));
        let names: Vec<String> = labels.iter().filter_map(|matchers| Some(matchers.first()?.to_string())).collect();
        format!("also {}", names.join(", "))
    }
}
