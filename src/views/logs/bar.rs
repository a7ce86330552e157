//! The query bar: LogQL typed above the lines and completed. It is asked for only once the server can read it: until then
//! the lines that are here stay.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::Logs;
use crate::{
    app::expect,
    core::{
        request::{Answer, Refresh, Request, Response, SlotId},
        typed::{Language, TypedQuery},
    },
    log_fields::{MORE, recognise},
    model::backend::{ErrorKind, SourceError},
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
            logql::{Asks, asks},
            popup::{PATIENCE, Popup},
        },
    },
};

/// Slots: names that complete, and whether a query can be read.
const NAMES: &str = "bar names";
const CHECK: &str = "bar check";
/// The panes of its slots.
pub(super) const PANES: [&str; 2] = [NAMES, CHECK];
/// Lines, the newest, whose fields are offered, and the longest of them, in bytes.
const LINES: usize = 500;
const LONGEST: usize = 16 << 10;
/// From this height on there is room for more than the text.
const TALL: u16 = 10;
const WAITS: &str = "Loki is asked whether it can read this";

/// The bar while it is open.
pub(super) struct Bar {
    text: Text,
    editor: Editor,
    catalog: Catalog,
    /// Names and values of the lines that are here.
    seen: Seen,
    /// The query that the server is asked about.
    asked: Option<String>,
    /// What is wrong with a text.
    refused: Option<(String, Fault)>,
}

impl Bar {
    fn new(text: &str, seen: Seen) -> Self {
        let (text, mut editor) = (Text::new(text, Language::LogQl), Editor::default());
        editor.open_at(&text);
        Self { text, editor, catalog: Catalog::default(), seen, asked: None, refused: None }
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

    fn refuse(&mut self, error: &SourceError) {
        let told = match error.kind {
            ErrorKind::BadQuery => fault::of(self.text.as_str(), Language::LogQl, &error.message),
            _ => Fault { at: None, message: format!("not asked: {}", error.message) },
        };
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
        let panel = Panel::new(Language::LogQl.name()).focused(true);
        let inner = panel.render(shared, Rect { height: self.height(area), ..area }, buf);
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

impl Logs {
    /// Opens the bar with the page's query; where it is not known yet under which label the lines are, once it is.
    pub(super) fn open_bar(&mut self, cx: &mut Cx<'_>) {
        match self.plan(&cx.look) {
            Some(plan) => self.bar = Some(Bar::new(&plan.base, self.seen())),
            None => {
                self.bar_waits = true;
                cx.notice("the query opens as soon as Loki has told which labels name services");
            }
        }
    }

    /// Opens the bar that was asked for, unless something else was done since.
    pub(super) fn open_waiting_bar(&mut self, cx: &mut Cx<'_>) {
        if self.bar_waits && !self.chooses() && self.prompt.is_none() && self.plan(&cx.look).is_some() {
            self.bar_waits = false;
            self.open_bar(cx);
        }
    }

    /// What the newest lines have.
    fn seen(&self) -> Seen {
        let mut seen = Seen::default();
        for line in self.store.window(self.store.shown().saturating_sub(LINES)).take(LINES) {
            line.stream.iter().for_each(|(name, value)| seen.label(name, value));
            line.metadata().for_each(|(name, value)| seen.field(name, value));
            if line.text.len() <= LONGEST {
                let fields = recognise(line.text).fields;
                // Parsers of Loki join the names of nested fields so.
                fields.iter().filter(|(name, _)| name != MORE).for_each(|(name, value)| seen.field(&name.replace(['.', '-'], "_"), value));
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
        if let Some(query) = &bar.asked {
            needs.ask(CHECK, 0, Request::LogCheck { query: query.clone(), window: look.scope.window }, Refresh::Once);
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
        match expect(answer.result, |r| if let Response::Checked = r { Some(()) } else { None }) {
            Ok(()) => self.bar_accepted(cx),
            Err(error) => {
                // What may pass is asked again.
                if error.kind == ErrorKind::BadQuery {
                    bar.asked = None;
                }
                bar.refuse(&error);
            }
        }
        true
    }

    /// The query that the server can read takes the place of the one that is shown.
    fn bar_accepted(&mut self, cx: &mut Cx<'_>) {
        let Some(query) = self.bar.take().and_then(|bar| bar.asked) else { return };
        cx.acts.push(Act::Asked(TypedQuery::logql(query.clone())));
        self.ask_typed(cx, query);
    }

    pub(super) fn bar_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let Some(bar) = &mut self.bar else { return };
        let history = cx.look.shared.asked_before(&cx.look.scope.environment, Language::LogQl);
        match bar.editor.key(&mut bar.text, history, key) {
            Edited::Accepted => return self.submit(cx),
            Edited::Left => {
                self.bar = None;
                self.settle(cx);
                return;
            }
            Edited::Next | Edited::Previous => bar.editor.force(),
            Edited::Changed => {}
        }
        bar.suggest(&cx.look);
    }

    fn submit(&mut self, cx: &mut Cx<'_>) {
        let unchanged = self.plan(&cx.look).map(|p| p.base);
        let Some(bar) = &mut self.bar else { return };
        bar.editor.offer = None;
        let query = bar.text.as_str().trim().to_owned();
        if query != bar.text.as_str() {
            // The places that the server tells are of what it is asked.
            bar.text.set(&query);
        }
        if query.is_empty() || unchanged.as_ref() == Some(&query) {
            self.bar = None;
            self.ask_typed(cx, query);
        } else if let Some(fault) = bar.text.unfit() {
            bar.refused = Some((query, fault));
        } else if asks(&query) == Asks::Numbers {
            self.bar = None;
            cx.acts.push(Act::Queries(vec![TypedQuery::logql(query)]));
        } else {
            bar.refused = None;
            bar.asked = Some(query);
        }
        self.settle(cx);
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
