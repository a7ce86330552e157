//! One query of the page: its text, what it was answered, and what of that is selected.

use std::sync::Arc;

use super::{
    super::{
        cost::Cost,
        editor::{
            Text,
            fault::{self, Fault},
            logql::{self, Asks},
        },
        filter::Filter,
    },
    reading::{Order, Reading, Row},
};
use crate::{
    core::{
        slot::Slot,
        typed::{Language, TypedQuery},
    },
    model::{
        backend::{ErrorKind, SourceError},
        explored::Explored,
        series::Matrix,
        time::Timestamp,
    },
    ui::table::TableState,
};

/// How a result is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// Over the window, with a table of the lines.
    #[default]
    Graph,
    /// At the end of the window.
    Table,
}

/// One query.
pub(super) struct Query {
    /// Names its slots for as long as the page lives.
    pub id: u32,
    /// What is typed.
    pub text: Text,
    /// What was not asked, because it is known to be wrong here already.
    refused: Option<(String, Fault)>,
    /// What was asked last; empty before the first time.
    pub asked: String,
    pub form: Form,
    pub order: Order,
    pub table: TableState,
    pub reading: Reading,
    /// What asking it reads.
    pub cost: Cost,
    /// Bytes of it over the window, where the user is asked.
    pub over_time: Slot<Matrix>,
    graph: Answered,
    instant: Answered,
}

/// The last good answer, with the query it belongs to.
#[derive(Default)]
struct Answered {
    slot: Slot<Arc<Explored>>,
    of: String,
}

impl Form {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Table => "table",
        }
    }
}

impl Query {
    pub(super) fn new(id: u32, query: &TypedQuery) -> Self {
        let text = Text::new(&query.text, query.language);
        let mut row = Self {
            id,
            order: order_of(text.as_str()),
            asked: String::new(),
            refused: None,
            text,
            form: Form::default(),
            table: TableState::default(),
            reading: Reading::default(),
            cost: Cost::default(),
            over_time: Slot::default(),
            graph: Answered::default(),
            instant: Answered::default(),
        };
        if !row.asks_for_lines() {
            row.ask();
        }
        row
    }

    /// Whether the Logs view shows what is typed.
    pub(super) fn asks_for_lines(&self) -> bool {
        self.text.language == Language::LogQl && self.text.unfit().is_none() && logql::asks(self.text.as_str()) == Asks::Lines
    }

    /// What was asked, or else what is typed.
    pub(super) fn query(&self) -> TypedQuery {
        let text = if self.asked.is_empty() { self.text.as_str().trim() } else { &self.asked };
        TypedQuery { language: self.text.language, text: text.to_owned() }
    }

    /// The same text in another language: what the other server said is not of this.
    pub(super) fn switch(&mut self, language: Language) {
        self.text.switch(language);
        self.asked.clear();
        self.refused = None;
        self.forget();
    }

    fn answered(&self) -> &Answered {
        match self.form {
            Form::Graph => &self.graph,
            Form::Table => &self.instant,
        }
    }

    pub(super) fn slot(&self) -> &Slot<Arc<Explored>> {
        &self.answered().slot
    }

    /// The query that the shown result is of, where that is no longer the one that was asked.
    pub(super) fn older(&self) -> Option<&str> {
        let of = self.answered().of.as_str();
        (self.slot().value().is_some() && of != self.asked).then_some(of)
    }

    /// Whether the typed text was not asked yet.
    pub(super) fn is_edited(&self) -> bool {
        self.text.as_str() != self.asked
    }

    /// Asks what is typed. Returns the text, unless it is empty or cannot be asked.
    pub(super) fn ask(&mut self) -> Option<String> {
        let text = self.text.as_str().trim().to_owned();
        if text != self.text.as_str() {
            // The places that the server tells are of what it was asked.
            self.text.set(&text);
        }
        self.refused = if text.is_empty() { None } else { self.text.unfit().map(|fault| (text.clone(), fault)) };
        if self.refused.is_some() {
            return None;
        }
        if text != self.asked {
            // The error of another text says nothing of this one; its result stays until there is a new one.
            self.graph.slot.forgive();
            self.instant.slot.forgive();
            self.order = order_of(&text);
            self.asked.clone_from(&text);
            self.over_time.clear();
        }
        (!text.is_empty()).then_some(text)
    }

    /// Takes an answer to what was asked in a form.
    pub(super) fn settle(&mut self, form: Form, at: Timestamp, result: Result<Arc<Explored>, SourceError>) -> bool {
        let good = result.is_ok();
        let answered = match form {
            Form::Graph => &mut self.graph,
            Form::Table => &mut self.instant,
        };
        let newer = good && answered.of != self.asked;
        if good {
            answered.of.clone_from(&self.asked);
        }
        if newer {
            self.table = TableState::default();
        }
        answered.slot.settle(at, result) || newer
    }

    /// Forgets the results: the window is another.
    pub(super) fn forget(&mut self) {
        self.graph = Answered::default();
        self.instant = Answered::default();
        self.reading = Reading::default();
        self.table = TableState::default();
        self.over_time.clear();
    }

    /// Reads the shown result anew; the selection stays on its series.
    pub(super) fn read(&mut self, filter: &Filter, at: Option<Timestamp>, height: usize) {
        let keep = self.selected().map(|row| row.labels.clone()).filter(|_| self.table != TableState::default());
        self.reading = match self.slot().value() {
            Some(data) => Reading::new(data, self.order, filter, at),
            None => Reading::default(),
        };
        let place = keep.and_then(|labels| self.reading.rows.iter().position(|r| r.labels == labels));
        self.table.select(place.unwrap_or(self.table.selected), self.reading.rows.len(), height);
    }

    pub(super) fn selected(&self) -> Option<&Row> {
        self.reading.rows.get(self.table.row(self.reading.rows.len())?)
    }

    /// What is wrong with the text: the server's word on what was asked, or what no server takes.
    pub(super) fn fault(&self) -> Option<Fault> {
        let refused = self.refused.as_ref().filter(|(text, _)| text == self.text.as_str());
        if let Some((_, fault)) = refused {
            return Some(fault.clone());
        }
        if self.is_edited() {
            return self.text.wrong();
        }
        let error = self.slot().error().filter(|e| e.kind == ErrorKind::BadQuery)?;
        let told = fault::of(&self.asked, self.text.language, &error.message);
        // A server that says no place: what is left open or closes nothing is most likely what it means.
        let at = told.at.or_else(|| self.text.lexed().suspect(&self.asked));
        Some(Fault { at, ..told })
    }
}

/// What gives its result an order.
const SORTING: [&str; 6] = ["sort", "sort_desc", "sort_by_label", "sort_by_label_desc", "topk", "bottomk"];

/// The order that a query itself gives its result, or the largest first.
fn order_of(text: &str) -> Order {
    let sorts = text.split(|c: char| !c.is_alphanumeric() && c != '_').next().is_some_and(|name| SORTING.contains(&name));
    if sorts { Order::Answer } else { Order::default() }
}
