//! The bar above the list: TraceQL, or the attributes that are shown as columns, completed by what the server tells of its tags.

use std::time::Duration;

use crossterm::event::KeyEvent;

use super::{Traces, columns::plain_name, lacks_traceql};
use crate::{
    app::expect,
    core::{
        request::{Answer, Request, Response},
        typed::{Language, TypedQuery},
    },
    model::{
        backend::{ErrorKind, SourceError},
        time::TimeWindow,
        trace_source::TraceQuery,
    },
    traceql_plain::plain_of,
    views::{
        Act, Cx, Look, Needs,
        editor::{
            Edited, Seen, Text,
            bar::{Bar, NAMES},
            fault::{self, Fault},
            traceql::selected,
        },
    },
};

const WAITS: &str = "the server is asked whether it can read this";
/// What it can read it can read of a minute.
const MINUTE: TimeWindow = TimeWindow::Last(Duration::from_secs(60));
/// What columns are tried on.
const OF_COLUMNS: &str = "{ } | ";

/// What is typed in the bar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Typing {
    /// The query.
    #[default]
    Query,
    /// The columns: the arguments of `select(`.
    Columns,
}

impl Typing {
    /// The query that shows whether the server can read what is typed.
    fn check(self, typed: &str) -> TraceQuery {
        TraceQuery::typed(match self {
            Self::Query => typed.to_owned(),
            Self::Columns => format!("{OF_COLUMNS}select({})", selected(typed).join(", ")),
        })
    }

    /// What an error of that query says of what is typed.
    fn fault(self, typed: &str, error: &SourceError) -> Fault {
        if !matches!(error.kind, ErrorKind::BadQuery | ErrorKind::Refused) {
            return Fault::not_asked(error);
        }
        let told = fault::of(typed, Language::TraceQl, &error.message);
        match self {
            Self::Query => told,
            Self::Columns => Fault { at: None, ..told },
        }
    }
}

impl Traces {
    pub(super) fn open_bar(&mut self, typing: Typing, look: &Look<'_>) {
        let bar = |text: &str| Bar::new(Text::new(text, Language::TraceQl), self.seen(), WAITS);
        let mut bar = match typing {
            Typing::Query => bar(&self.query(look)),
            Typing::Columns => {
                let columns: String = look.shared.trace_columns.iter().map(|c| format!("{c}, ")).collect();
                bar(&format!("select({columns}")).listing("columns: attributes of the spans that match")
            }
        };
        bar.suggest(look);
        (self.typing, self.bar) = (typing, Some(bar));
    }

    /// What the hits have.
    fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        for hit in self.hits() {
            hit.root_service.iter().for_each(|s| seen.attribute("resource.service.name", s));
            hit.root_name.iter().for_each(|n| seen.attribute("rootName", n));
            for span in &hit.spans {
                span.name.iter().for_each(|n| seen.attribute("name", n));
                let own = span.attributes.iter().filter(|(name, _)| name.contains('.') && *name != "service.name");
                own.for_each(|(name, value)| seen.attribute(&format!(".{}", plain_name(name)), value));
            }
        }
        seen
    }

    pub(super) fn ask_for_bar(&self, look: &Look<'_>, needs: &mut Needs<'_>) {
        let Some(bar) = &self.bar else { return };
        let check = |asked: &str| Request::Search { query: self.typing.check(asked), window: MINUTE, limit: 1 };
        bar.ask(bar.asked.as_deref().map(check), look, needs);
    }

    /// Takes an answer that the bar waits for.
    pub(super) fn bar_answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let Some(bar) = &mut self.bar else { return false };
        if answer.slot.pane == NAMES {
            return bar.names_came(answer, &cx.look);
        }
        match expect(answer.result, |r| if let Response::Hits(_) = r { Some(()) } else { None }) {
            Ok(()) => self.bar_accepted(cx),
            Err(error) => {
                // What may pass is asked again.
                if !error.heals() {
                    bar.asked = None;
                }
                bar.refuse(self.typing.fault(bar.text.as_str(), &error));
            }
        }
        true
    }

    /// What the server can read takes the place of what is shown.
    fn bar_accepted(&mut self, cx: &mut Cx<'_>) {
        let Some(asked) = self.bar.take().and_then(|bar| bar.asked) else { return };
        match self.typing {
            Typing::Query => {
                cx.acts.push(Act::Asked(TypedQuery::traceql(asked.clone())));
                self.ask_typed(&cx.look, &asked);
            }
            Typing::Columns => cx.acts.push(Act::TraceColumns(selected(&asked))),
        }
    }

    pub(super) fn bar_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let Some(bar) = &mut self.bar else { return };
        let history = match self.typing {
            Typing::Query => cx.look.shared.asked_before(&cx.look.scope.environment, Language::TraceQl),
            Typing::Columns => &[],
        };
        match bar.key(key, history, &cx.look) {
            Edited::Accepted => self.submit(cx),
            Edited::Left => self.bar = None,
            _ => {}
        }
    }

    fn submit(&mut self, cx: &mut Cx<'_>) {
        let unchanged = self.query(&cx.look);
        let Some(bar) = &mut self.bar else { return };
        let query = bar.accept();
        match self.typing {
            Typing::Query if query.is_empty() || query == unchanged => {
                self.bar = None;
                self.ask_typed(&cx.look, &query);
            }
            Typing::Columns if selected(&query).is_empty() => {
                self.bar = None;
                cx.acts.push(Act::TraceColumns(Vec::new()));
            }
            Typing::Query => match (bar.text.unfit(), lacks_traceql(&cx.look)) {
                (Some(fault), _) => bar.refuse(fault),
                (None, None) => bar.check(query),
                (None, Some(why)) => self.submit_plain(cx, query, why),
            },
            Typing::Columns => bar.check(query),
        }
    }

    /// Where no TraceQL is known, nobody need be asked whether a query can be: what plain words say can.
    fn submit_plain(&mut self, cx: &mut Cx<'_>, query: String, why: &str) {
        let Some(bar) = &mut self.bar else { return };
        if plain_of(&query, &cx.look.shared.settings.labels.traces_service).is_none() {
            return bar.refuse(Fault { at: None, message: why.to_owned() });
        }
        bar.check(query);
        self.bar_accepted(cx);
    }
}
