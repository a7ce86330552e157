//! The bar above the list: TraceQL, or the attributes that are shown as columns, completed by what the server tells of its
//! tags. It is asked for only once the server can read it: until then the hits that are here stay.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Traces, columns::plain_name};
use crate::{
    app::expect,
    core::{
        request::{Answer, Refresh, Request, Response, SlotId},
        typed::{Language, TypedQuery},
    },
    model::{
        backend::{ErrorKind, SourceError},
        time::TimeWindow,
        trace_source::TraceQuery,
    },
    theme::Role,
    ui::{
        panel::Panel,
        text::{put, truncate},
    },
    views::{
        Act, Cx, Look, Needs, Pointed, TypingKey,
        editor::{
            Edited, Editor, Seen, Text,
            catalog::Catalog,
            fault::{self, Fault},
            line,
            popup::{PATIENCE, Popup},
            traceql::selected,
        },
    },
};

/// Slots: names that complete, and whether a query can be read.
const NAMES: &str = "bar names";
const CHECK: &str = "bar check";
/// The panes of its slots.
pub(super) const PANES: [&str; 2] = [NAMES, CHECK];
/// From this height on there is room for more than the text.
const TALL: u16 = 10;
const WAITS: &str = "the server is asked whether it can read this";
/// What it can read it can read of a minute.
const MINUTE: TimeWindow = TimeWindow::Last(Duration::from_secs(60));

/// What is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typing {
    /// The query.
    Query,
    /// The columns: the arguments of `select(`.
    Columns,
}

/// The bar while it is open.
pub(super) struct Bar {
    typing: Typing,
    text: Text,
    editor: Editor,
    catalog: Catalog,
    /// Names and values of the hits that are here.
    seen: Seen,
    /// What the server is asked about.
    asked: Option<String>,
    /// What is wrong with a text.
    refused: Option<(String, Fault)>,
}

impl Bar {
    fn new(typing: Typing, text: &str, seen: Seen) -> Self {
        let (text, mut editor) = (Text::new(text, Language::TraceQl), Editor::default());
        match typing {
            Typing::Query => editor.open_at(&text),
            Typing::Columns => editor.open(),
        }
        Self { typing, text, editor, catalog: Catalog::default(), seen, asked: None, refused: None }
    }

    /// After each change of the text: what was asked is asked no more when it is another one, and what fits is another.
    fn suggest(&mut self, look: &Look<'_>) {
        if self.asked.as_deref().is_some_and(|asked| asked != self.text.as_str()) {
            self.asked = None;
        }
        self.editor.suggest(&self.text, &self.catalog, &self.seen, look);
    }

    /// What is wrong with what is typed, as far as it is known.
    fn fault(&self) -> Option<Fault> {
        let refused = self.refused.as_ref().filter(|(text, _)| text == self.text.as_str());
        let wrong = || self.text.lexed().wrong().map(|(at, words)| Fault { at: Some(at), message: words.to_owned() });
        refused.map(|(_, fault)| fault.clone()).or_else(wrong)
    }

    /// The query that shows whether the server can read what is typed.
    fn check(&self) -> Option<TraceQuery> {
        let asked = self.asked.as_ref()?;
        Some(TraceQuery::typed(match self.typing {
            Typing::Query => asked.clone(),
            Typing::Columns => format!("{OF_COLUMNS}select({})", selected(asked).join(", ")),
        }))
    }

    fn refuse(&mut self, error: &SourceError) {
        let message = match error.kind {
            ErrorKind::BadQuery | ErrorKind::Refused => error.message.clone(),
            _ => format!("not asked: {}", error.message),
        };
        let mut told = fault::of(self.text.as_str(), Language::TraceQl, &message);
        if self.typing == Typing::Columns {
            told.at = None;
        }
        self.refused = Some((self.text.as_str().to_owned(), told));
    }

    /// Rows that it takes of a page, its border included.
    fn height(&self, area: Rect) -> u16 {
        let below = if self.fault().is_some() { 2 } else { 1 };
        if area.height < TALL { area.height.min(3) } else { 3 + below }
    }

    fn inner(&self, area: Rect) -> Rect {
        Panel::inner(Rect { height: self.height(area), ..area })
    }

    fn popup(&self, area: Rect) -> Popup<'_> {
        let line = Rect { height: 1, ..self.inner(area) };
        Popup { editor: &self.editor, text: &self.text, catalog: &self.catalog, pane: NAMES, line, area }
    }

    fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let title = if self.typing == Typing::Query { Language::TraceQl.name() } else { "columns: attributes of the spans that match" };
        let inner = Panel::new(title).focused(true).render(shared, Rect { height: self.height(area), ..area }, buf);
        if inner.is_empty() {
            return;
        }
        let (popup, fault) = (self.popup(area), self.fault());
        line::render(shared, &self.text, fault.as_ref(), true, popup.line, buf);
        let below = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
        if !below.is_empty() {
            match fault {
                Some(fault) => line::render_fault(shared, &self.text, &fault, true, below, buf),
                None if self.waits(look) => {
                    let text = truncate(WAITS, usize::from(below.width), shared.glyphs.ellipsis);
                    put(buf, below, below.x, &text, shared.theme.style(Role::Dim));
                }
                None => popup.render_call(look, below, buf),
            }
        }
        popup.render(look, buf);
    }

    /// Whether the server takes its time to say whether it can read the query.
    fn waits(&self, look: &Look<'_>) -> bool {
        let slot = SlotId { view: look.id, pane: CHECK, part: 0 };
        self.asked.is_some() && look.shared.asked.get(&slot).is_some_and(|since| look.now.since(*since) >= PATIENCE)
    }
}

/// What columns are tried on.
const OF_COLUMNS: &str = "{ } | ";

impl Traces {
    pub(super) fn open_bar(&mut self, typing: Typing, look: &Look<'_>) {
        let text = match typing {
            Typing::Query => self.query(look),
            Typing::Columns => format!("select({}", look.shared.trace_columns.iter().map(|c| format!("{c}, ")).collect::<String>()),
        };
        let mut bar = Bar::new(typing, &text, self.seen());
        bar.suggest(look);
        self.bar = Some(bar);
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

    /// What of the page is left below the bar; they share an edge.
    pub(super) fn below_bar(&self, area: Rect) -> Rect {
        let taken = self.bar.as_ref().map_or(0, |bar| bar.height(area).saturating_sub(1)).min(area.height);
        Rect { y: area.y + taken, height: area.height - taken, ..area }
    }

    pub(super) fn draw_bar(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if let Some(bar) = &self.bar {
            bar.draw(look, area, buf);
        }
    }

    pub(super) fn bar_cursor(&self, area: Rect) -> Option<Position> {
        Some(self.bar.as_ref()?.popup(area).cursor())
    }

    pub(super) fn ask_for_bar(&self, look: &Look<'_>, needs: &mut Needs<'_>) {
        let Some(bar) = &self.bar else { return };
        if let Some(question) = bar.editor.question(&bar.text, look).filter(|q| !bar.catalog.knows(q)) {
            needs.ask(NAMES, 0, question, Refresh::Once);
        }
        if let Some(query) = bar.check() {
            needs.ask(CHECK, 0, Request::Search { query, window: MINUTE, limit: 1 }, Refresh::Once);
        }
    }

    /// Takes an answer that the bar waits for.
    pub(super) fn bar_answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let Some(bar) = &mut self.bar else { return false };
        if answer.slot.pane == NAMES {
            let changed = bar.catalog.settle(answer);
            bar.suggest(&cx.look);
            return changed;
        }
        match expect(answer.result, |r| if let Response::Hits(_) = r { Some(()) } else { None }) {
            Ok(()) => self.bar_accepted(cx),
            Err(error) => {
                // What may pass is asked again.
                if !error.heals() {
                    bar.asked = None;
                }
                bar.refuse(&error);
            }
        }
        true
    }

    /// What the server can read takes the place of what is shown.
    fn bar_accepted(&mut self, cx: &mut Cx<'_>) {
        let Some((typing, asked)) = self.bar.take().and_then(|bar| Some((bar.typing, bar.asked?))) else { return };
        match typing {
            Typing::Query => {
                cx.acts.push(Act::Asked(TypedQuery::traceql(asked.clone())));
                self.ask_typed(&cx.look, &asked);
            }
            Typing::Columns => cx.acts.push(Act::TraceColumns(selected(&asked))),
        }
    }

    pub(super) fn bar_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let Some(bar) = &mut self.bar else { return };
        let history = match bar.typing {
            Typing::Query => cx.look.shared.asked_before(&cx.look.scope.environment, Language::TraceQl),
            Typing::Columns => &[],
        };
        match bar.editor.key(&mut bar.text, history, key) {
            Edited::Accepted => return self.submit(cx),
            Edited::Left => {
                self.bar = None;
                return;
            }
            Edited::Next | Edited::Previous => bar.editor.force(),
            Edited::Changed => {}
        }
        bar.suggest(&cx.look);
    }

    fn submit(&mut self, cx: &mut Cx<'_>) {
        let unchanged = self.query(&cx.look);
        let Some(bar) = &mut self.bar else { return };
        bar.editor.offer = None;
        let query = bar.text.as_str().trim().to_owned();
        if query != bar.text.as_str() {
            // The places that the server tells are of what it is asked.
            bar.text.set(&query);
        }
        match bar.typing {
            Typing::Query if query.is_empty() || query == unchanged => {
                self.bar = None;
                self.ask_typed(&cx.look, &query);
            }
            Typing::Columns if selected(&query).is_empty() => {
                self.bar = None;
                cx.acts.push(Act::TraceColumns(Vec::new()));
            }
            Typing::Query => match bar.text.unfit() {
                Some(fault) => bar.refused = Some((query, fault)),
                None => (bar.refused, bar.asked) = (None, Some(query)),
            },
            Typing::Columns => (bar.refused, bar.asked) = (None, Some(query)),
        }
    }

    pub(super) fn bar_paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        let Some(bar) = &mut self.bar else { return };
        if let Err(why) = bar.editor.paste(&mut bar.text, text) {
            cx.notice(why);
        }
        bar.suggest(&cx.look);
    }

    /// Lets the bar have a mouse event, if it is its own.
    pub(super) fn bar_pointed(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Option<Pointed> {
        let at = Position::new(event.column, event.row);
        let bar = self.bar.as_mut()?;
        let (offered, inner) = (bar.popup(cx.area).row_at(at), bar.inner(cx.area));
        match (event.kind, offered) {
            (MouseEventKind::Down(MouseButton::Left), Some(row)) => bar.editor.choose(&mut bar.text, row),
            (MouseEventKind::ScrollDown, Some(_)) => bar.editor.step(1),
            (MouseEventKind::ScrollUp, Some(_)) => bar.editor.step(-1),
            (MouseEventKind::Down(MouseButton::Left), None) if inner.contains(at) => {
                let seen = line::shown(&bar.text, None, inner.width, true);
                bar.text.change(|f| f.click(seen, at.x - inner.x));
            }
            (_, None) if inner.contains(at) => {}
            _ => return None,
        }
        bar.suggest(&cx.look);
        Some(Pointed::Used)
    }

    pub(super) fn bar_keys(&self) -> Vec<TypingKey> {
        let Some(bar) = &self.bar else { return Vec::new() };
        let key = |code, words| TypingKey { key: KeyEvent::from(code), words };
        if bar.editor.offer.is_some() {
            let (next, ask) = (key(KeyCode::Down, "next"), key(KeyCode::Enter, "ask"));
            return vec![key(KeyCode::Tab, "take it"), next, ask, key(KeyCode::Esc, "no list")];
        }
        let fits = TypingKey { key: KeyEvent::new(KeyCode::Char(' '), KeyModifiers::CONTROL), words: "what fits" };
        vec![key(KeyCode::Enter, "ask"), fits, key(KeyCode::Up, "asked before"), key(KeyCode::Esc, "as it was")]
    }
}
