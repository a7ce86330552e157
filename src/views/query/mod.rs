//! The Query view: PromQL and LogQL typed by hand, completed, several at once, as graph and table, kept by name.

mod cost;
mod draw;
mod empty;
mod layout;
mod pointing;
mod reading;
mod result;
mod row;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use self::{
    layout::Places,
    row::{Form, Query as Row},
};
use super::{
    Act, Cx, Look, Needs, Pointed, TypingKey, View, Wants, Yank,
    editor::{
        Edited, Editor, Seen,
        catalog::{self, Catalog},
    },
    filter::Filter,
    logs::Seed,
    prompt::Prompt,
};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        effect::Effect,
        request::{Answer, Refresh, Request, pick, step},
        typed::{Language, TypedQuery},
    },
    model::time::{Timestamp, nanos},
    red::USUAL_SCRAPE,
    ui::{chart::TimeAxis, field::Typed, panel},
};

/// Queries of one page: it has a letter for each.
pub const MAX_QUERIES: usize = 26;

/// Slots: results by form, and what completes.
const GRAPH: &str = "graph";
const TABLE: &str = "table";
const NAMES: &str = "names";
const ABOUT: &str = "about";
/// What tells why a result is empty.
const WHY: &str = "why";
/// Lines are not scraped.
const LEAST_STEP: Duration = Duration::from_secs(1);
/// The key that chooses the language while typing.
const LANGUAGE: KeyEvent = KeyEvent::new(KeyCode::Char('l'), KeyModifiers::CONTROL);

/// The page's state.
pub struct Query {
    rows: Vec<Row>,
    focus: usize,
    last_id: u32,
    editor: Editor,
    catalog: Catalog,
    filter: Filter,
    alone: bool,
    cursor: Option<Timestamp>,
    /// The name to keep the queries by, being typed.
    naming: Option<Prompt>,
}

impl Query {
    /// A new page. `queries` are those to begin with, [`MAX_QUERIES`] at the most; without any, one begins to be typed.
    pub fn new(queries: &[TypedQuery]) -> Self {
        let mut page = Self {
            rows: Vec::new(),
            focus: 0,
            last_id: 0,
            editor: Editor::default(),
            catalog: Catalog::default(),
            filter: Filter::default(),
            alone: false,
            cursor: None,
            naming: None,
        };
        for query in queries.iter().take(MAX_QUERIES) {
            page.add(query);
        }
        if page.rows.is_empty() {
            page.add(&TypedQuery::promql(""));
            page.editor.open();
        }
        page.focus = 0;
        page
    }

    fn add(&mut self, query: &TypedQuery) {
        self.last_id += 1;
        self.rows.push(Row::new(self.last_id, query));
        self.focus = self.rows.len() - 1;
    }

    /// One more query, of the same language.
    fn add_empty(&mut self) {
        let language = self.row().text.language;
        self.add(&TypedQuery { language, text: String::new() });
    }

    fn remove(&mut self) {
        let removed = self.rows.remove(self.focus);
        if self.rows.is_empty() {
            self.add(&TypedQuery { language: removed.text.language, text: String::new() });
        }
        self.focus = self.focus.min(self.rows.len() - 1);
    }

    fn row(&self) -> &Row {
        // There is always one: `remove` leaves an empty one.
        &self.rows[self.focus]
    }

    fn row_mut(&mut self) -> &mut Row {
        &mut self.rows[self.focus]
    }

    fn places(&self, area: Rect) -> Places {
        layout::places(area, self.lines(), self.rows.len(), self.focus, self.alone)
    }

    /// What is asked and kept: the queries of all rows that have one.
    fn queries(&self) -> impl Iterator<Item = TypedQuery> {
        self.rows.iter().map(Row::query).filter(|q| !q.text.is_empty())
    }

    fn read(&mut self, area: Rect) {
        let (places, cursor) = (self.places(area), self.cursor);
        for (row, place) in self.rows.iter_mut().zip(places.results) {
            let height = result::table_height(row, place);
            row.read(&self.filter, cursor, height);
        }
    }

    fn suggest(&mut self, look: &Look<'_>) {
        self.editor.suggest(&self.rows[self.focus].text, &self.catalog, &Seen::default(), look);
    }

    fn step_focus(&mut self, by: usize) {
        self.focus = (self.focus + by) % self.rows.len();
    }

    fn accept(&mut self, cx: &mut Cx<'_>) {
        let language = self.row().text.language;
        if self.row().asks_for_lines() {
            self.editor.close();
            let query = self.row().text.as_str().trim().to_owned();
            cx.acts.push(Act::Asked(TypedQuery::logql(query.clone())));
            cx.acts.push(Act::Lines(Box::new(Seed { query, ..Seed::default() }), Box::new(cx.look.scope.without_trace())));
            return;
        }
        self.editor.close();
        let row = self.row_mut();
        row.cost.forget(cx.look.now);
        let asked = row.ask().map(|text| TypedQuery { language, text });
        cx.acts.extend(asked.map(Act::Asked));
        self.note_questions(&cx.look);
    }

    fn switch_language(&mut self, cx: &mut Cx<'_>) {
        let language = self.row().text.language.next();
        self.row_mut().switch(language);
        self.note_questions(&cx.look);
        cx.notice(format!("query {} is {} now", draw::letter_of(self.focus), language.name()));
        self.suggest(&cx.look);
    }

    fn move_cursor(&mut self, cx: &Cx<'_>, steps: i64) -> bool {
        let Some(matrix) = result::matrix(self.row()).or_else(|| self.rows.iter().find_map(result::matrix)) else { return false };
        let range = matrix.range;
        let from = self.cursor.unwrap_or(range.end.min(cx.look.now));
        let by = nanos(matrix.step).saturating_mul(steps);
        self.cursor = Some(Timestamp(from.0.saturating_add(by)).clamp(range.start, range.end));
        self.read(cx.area);
        true
    }

    fn keep(&mut self, cx: &mut Cx<'_>) {
        if self.queries().next().is_none() {
            cx.notice("there is no query to keep");
        } else {
            self.naming = Some(Prompt::new("keep as ", "", "a name; the same name again replaces what it stood for"));
        }
    }

    fn name(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let Some(prompt) = &mut self.naming else { return };
        match prompt.key(key) {
            Typed::Accepted => {
                let name = prompt.text().trim().to_owned();
                self.naming = None;
                if name.is_empty() {
                    cx.notice("nothing was kept: it needs a name");
                } else {
                    let queries = self.queries().collect();
                    cx.notice(format!("keeping {name}"));
                    cx.acts.push(Act::Effect(Effect::Keep { name, queries }));
                }
            }
            Typed::Cancelled => self.naming = None,
            Typed::Changed | Typed::Ignored => {}
        }
    }

    fn edit(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        if key == LANGUAGE {
            self.switch_language(cx);
            return;
        }
        let text = &mut self.rows[self.focus].text;
        let history = cx.look.shared.asked_before(&cx.look.scope.environment, text.language);
        match self.editor.key(text, history, key) {
            Edited::Changed => {}
            Edited::Accepted => self.accept(cx),
            Edited::Left => self.editor.close(),
            Edited::Next => {
                self.step_focus(1);
                self.editor.open();
            }
            Edited::Previous => {
                self.step_focus(self.rows.len() - 1);
                self.editor.open();
            }
        }
        self.suggest(&cx.look);
    }
}

impl View for Query {
    fn kind(&self) -> ViewKind {
        ViewKind::Query
    }

    fn facts(&self, look: &Look<'_>) -> Facts {
        Facts {
            rows: self.row().selected().is_some() || self.row().cost.asks(),
            graphs: self.rows.iter().any(|r| result::matrix(r).is_some()),
            panes: true,
            query: true,
            live: look.scope.window.is_live(),
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        use Command::{
            AddQuery, Drill, EditQuery, Filter, Keep, NextPane, Order, QueryLanguage, RemoveQuery, ResultForm, TimePicker, ValueCursor,
        };
        if self.row().cost.asks() {
            return &[Drill, EditQuery, TimePicker, ResultForm, AddQuery, NextPane];
        }
        &[Drill, ResultForm, ValueCursor, AddQuery, QueryLanguage, NextPane, Keep, Filter, Order, RemoveQuery]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        match command {
            Command::Drill if self.row().cost.asks() => Some("take it"),
            Command::Drill => Some("edit"),
            Command::NextPane => Some("next query"),
            _ => None,
        }
    }

    fn wants(&self) -> Wants {
        // What tells services apart is offered where there are too many of them.
        Wants { log_labels: self.rows.iter().any(|row| row.cost.asks()), ..Wants::default() }
    }

    fn subscriptions(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        let scraped = look.shared.red.value().and_then(|m| m.scrape_interval).unwrap_or(USUAL_SCRAPE);
        let (places, window) = (self.places(area), look.scope.window);
        for (row, place) in self.rows.iter().zip(&places.results) {
            if row.asked.is_empty() || place.is_empty() {
                continue;
            }
            let Some(refresh) = row.ask_cost(look, needs) else { continue };
            let graph = row.form == Form::Graph;
            let least = if row.text.language == Language::PromQl { scraped } else { LEAST_STEP };
            let step = graph.then(|| step(look.range().duration(), place.width.max(40).saturating_sub(8), least));
            let query = row.asked.clone();
            let request = match row.text.language {
                Language::PromQl => Request::Explore { query, window, step },
                Language::LogQl => Request::LogExplore { query, window, step },
                Language::TraceQl => Request::TraceMetrics { query, window, step },
            };
            needs.ask(if graph { GRAPH } else { TABLE }, row.id, request, refresh);
        }
        if let Some(question) = self.editor.question(&self.row().text, look).filter(|q| !self.catalog.knows(q)) {
            needs.ask(NAMES, 0, question, Refresh::Once);
        }
        if !places.results[self.focus].is_empty() {
            // What is missing now may come.
            for (part, question) in empty::questions(self.row(), &self.catalog, window) {
                needs.ask(WHY, part, question, look.shared.refresh_slow());
            }
        }
        let chosen = self.editor.offer.as_ref().and_then(|o| o.candidates.get(o.selected)).filter(|c| c.metric);
        if let Some(question) = chosen.map(|c| catalog::about(&c.name)).filter(|q| !self.catalog.knows(q)) {
            needs.ask(ABOUT, 0, question, Refresh::Once);
        }
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let form = match answer.slot.pane {
            GRAPH => Form::Graph,
            TABLE => Form::Table,
            pane if cost::PANES.contains(&pane) => return self.size_came(&cx.look, answer),
            _ => {
                let changed = self.catalog.settle(answer);
                self.suggest(&cx.look);
                return changed;
            }
        };
        let Some(row) = self.rows.iter_mut().find(|r| r.id == answer.slot.part) else { return false };
        let result = expect(answer.result, pick!(Explored));
        let changed = row.settle(form, answer.asked, result);
        if changed {
            self.read(cx.area);
        }
        changed
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        if let Some(used) = self.question_command(cx, command) {
            return used;
        }
        match command {
            Command::Drill | Command::EditQuery => self.editor.open(),
            Command::AddQuery if self.rows.len() >= MAX_QUERIES => cx.notice(format!("{MAX_QUERIES} queries are as many as a page has")),
            Command::QueryLanguage => self.switch_language(cx),
            Command::AddQuery => {
                self.add_empty();
                self.editor.open();
            }
            Command::RemoveQuery => self.remove(),
            Command::ResultForm => {
                let row = self.row_mut();
                row.form = if row.form == Form::Graph { Form::Table } else { Form::Graph };
                self.note_questions(&cx.look);
                self.read(cx.area);
            }
            Command::Keep => self.keep(cx),
            Command::NextPane => self.step_focus(1),
            Command::PreviousPane => self.step_focus(self.rows.len() - 1),
            Command::FullScreen => self.alone = !self.alone,
            Command::Filter => self.filter.open(),
            Command::Order => {
                self.row_mut().order = self.row().order.next();
                self.read(cx.area);
            }
            Command::ValueCursor if self.cursor.is_some() => {
                self.cursor = None;
                self.read(cx.area);
            }
            Command::ValueCursor => return self.move_cursor(cx, 0),
            Command::Left => return self.move_cursor(cx, -1),
            Command::Right => return self.move_cursor(cx, 1),
            _ => {
                let place = self.places(cx.area).results[self.focus];
                let row = self.row_mut();
                let (rows, height) = (row.reading.rows.len(), result::table_height(row, place));
                return row.table.command(command, rows, height);
            }
        }
        true
    }

    fn rescoped(&mut self, cx: &mut Cx<'_>) {
        for row in &mut self.rows {
            row.forget();
            row.cost.forget(cx.look.now);
        }
        self.cursor = None;
        self.note_questions(&cx.look);
    }

    fn is_typing(&self) -> bool {
        self.editor.typing || self.naming.is_some() || self.filter.is_typing()
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        if self.naming.is_some() {
            self.name(cx, key);
        } else if self.editor.typing {
            self.edit(cx, key);
        } else if self.filter.key(key) {
            self.read(cx.area);
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        if let Some(prompt) = &mut self.naming {
            prompt.paste(text);
        } else if self.editor.typing {
            if let Err(why) = self.editor.paste(&mut self.rows[self.focus].text, text) {
                cx.notice(why);
            }
            self.suggest(&cx.look);
        } else {
            self.filter.paste(text);
            self.read(cx.area);
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        self.point(cx, event)
    }

    fn time_axis(&self, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
        let places = self.places(area);
        let i = places.results.iter().position(|p| p.contains(at))?;
        let axis = self.axis(i, look, places.results[i])?;
        axis.area.contains(at).then_some(axis)
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        self.draw(look, area, buf);
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.naming.as_ref().or_else(|| self.filter.prompt())
    }

    fn cursor(&self, _look: &Look<'_>, area: Rect) -> Option<Position> {
        self.editor.typing.then(|| self.popup(area).cursor())
    }

    fn typing_keys(&self) -> Vec<TypingKey> {
        if !self.editor.typing {
            return Vec::new();
        }
        let mut keys = self.editor.keys("done");
        if self.editor.offer.is_none() {
            keys.push(TypingKey { key: LANGUAGE, words: self.row().text.language.next().name() });
            if self.rows.len() > 1 {
                keys.push(TypingKey { key: KeyEvent::from(KeyCode::Tab), words: "next query" });
            }
        }
        keys
    }

    fn yanks(&self, look: &Look<'_>) -> Vec<Yank> {
        let yank = |label: &str, text: String| Yank { label: label.to_owned(), text };
        let mut out: Vec<Yank> = result::value(self, look).map(|value| yank("value", value)).into_iter().collect();
        out.extend(self.row().selected().filter(|r| !r.labels.is_empty()).map(|r| yank("series", r.labels.to_string())));
        let all: Vec<String> = self.queries().map(|q| q.text).collect();
        if !self.row().asked.is_empty() {
            out.push(yank("query", self.row().asked.clone()));
        }
        if all.len() > 1 {
            out.push(yank("all queries", all.join("\n")));
        }
        out
    }

    fn reopen(&self, _look: &Look<'_>) -> Vec<String> {
        self.queries().flat_map(|query| [query.language.option().to_owned(), query.text]).collect()
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        self.rows.iter().filter_map(|r| panel::state(r.slot(), look).wake).min()
    }
}
