//! The bar above a page, in which one query is typed and completed. The page asks for it only once the server can read it: until
//! then what is here stays.

use crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    Edited, Editor, Seen, Text,
    catalog::Catalog,
    fault::Fault,
    line,
    popup::{Popup, is_slow},
};
use crate::{
    core::request::{Answer, Refresh, Request},
    theme::Role,
    ui::{
        panel::Panel,
        text::{put, truncate},
    },
    views::{Cx, Look, Needs, Pointed, TypingKey},
};

/// Slots: names that complete, and whether a text can be read.
pub(in crate::views) const NAMES: &str = "bar names";
const CHECK: &str = "bar check";
/// From this height on there is room for more than the text.
const TALL: u16 = 10;

/// The bar while it is open.
pub(in crate::views) struct Bar {
    title: &'static str,
    /// What is said while the server takes its time.
    waits: &'static str,
    pub text: Text,
    editor: Editor,
    catalog: Catalog,
    /// Names and values of what is on the page.
    seen: Seen,
    /// What the server is asked about.
    pub asked: Option<String>,
    /// What is wrong with a text.
    refused: Option<(String, Fault)>,
}

impl Bar {
    /// The panes of its slots.
    pub(in crate::views) const PANES: [&str; 2] = [NAMES, CHECK];

    pub(in crate::views) fn new(text: Text, seen: Seen, waits: &'static str) -> Self {
        let mut editor = Editor::default();
        editor.open_at(&text);
        let title = text.language.name();
        Self { title, waits, text, editor, catalog: Catalog::default(), seen, asked: None, refused: None }
    }

    /// With another title, and with the list at once.
    pub(in crate::views) fn listing(mut self, title: &'static str) -> Self {
        self.editor.open();
        Self { title, ..self }
    }

    /// After each change of the text: what was asked is asked no more when it is another one, and what fits is another.
    pub(in crate::views) fn suggest(&mut self, look: &Look<'_>) {
        if self.asked.as_deref().is_some_and(|asked| asked != self.text.as_str()) {
            self.asked = None;
        }
        self.editor.suggest(&self.text, &self.catalog, &self.seen, look);
    }

    /// What is wrong with what is typed, as far as it is known.
    fn fault(&self) -> Option<Fault> {
        let refused = self.refused.as_ref().filter(|(text, _)| text == self.text.as_str());
        refused.map(|(_, fault)| fault.clone()).or_else(|| self.text.wrong())
    }

    /// What is typed cannot be asked.
    pub(in crate::views) fn refuse(&mut self, fault: Fault) {
        self.refused = Some((self.text.as_str().to_owned(), fault));
    }

    /// What is typed, to be asked.
    pub(in crate::views) fn accept(&mut self) -> String {
        self.editor.offer = None;
        let query = self.text.as_str().trim().to_owned();
        if query != self.text.as_str() {
            // The places that the server tells are of what it is asked.
            self.text.set(&query);
        }
        query
    }

    /// Has the server asked whether it can read a query.
    pub(in crate::views) fn check(&mut self, query: String) {
        (self.refused, self.asked) = (None, Some(query));
    }

    /// Asks for names, and by `check` whether the server can read what it is asked about.
    pub(in crate::views) fn ask(&self, check: Option<Request>, look: &Look<'_>, needs: &mut Needs<'_>) {
        if let Some(question) = self.editor.question(&self.text, look).filter(|q| !self.catalog.knows(q)) {
            needs.ask(NAMES, 0, question, Refresh::Once);
        }
        if let Some(check) = check {
            needs.ask(CHECK, 0, check, Refresh::Once);
        }
    }

    /// Takes names that were asked for.
    pub(in crate::views) fn names_came(&mut self, answer: Answer, look: &Look<'_>) -> bool {
        let changed = self.catalog.settle(answer);
        self.suggest(look);
        changed
    }

    /// Returns what is the page's to do as well: to ask, to close the bar.
    pub(in crate::views) fn key(&mut self, key: KeyEvent, history: &[String], look: &Look<'_>) -> Edited {
        let edited = self.editor.key(&mut self.text, history, key);
        match edited {
            Edited::Accepted | Edited::Left => return edited,
            Edited::Next | Edited::Previous => self.editor.force(),
            Edited::Changed => {}
        }
        self.suggest(look);
        edited
    }

    pub(in crate::views) fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        if let Err(why) = self.editor.paste(&mut self.text, text) {
            cx.notice(why);
        }
        self.suggest(&cx.look);
    }

    /// Takes a mouse event, if it is its own.
    pub(in crate::views) fn pointed(&mut self, cx: &Cx<'_>, event: MouseEvent) -> Option<Pointed> {
        let at = Position::new(event.column, event.row);
        let (offered, inner) = (self.popup(cx.area).row_at(at), self.inner(cx.area));
        match (event.kind, offered) {
            (MouseEventKind::Down(MouseButton::Left), Some(row)) => self.editor.choose(&mut self.text, row),
            (MouseEventKind::ScrollDown, Some(_)) => self.editor.step(1),
            (MouseEventKind::ScrollUp, Some(_)) => self.editor.step(-1),
            (MouseEventKind::Down(MouseButton::Left), None) if inner.contains(at) => {
                let seen = line::shown(&self.text, None, inner.width, true);
                self.text.change(|f| f.click(seen, at.x - inner.x));
            }
            (_, None) if inner.contains(at) => {}
            _ => return None,
        }
        self.suggest(&cx.look);
        Some(Pointed::Used)
    }

    pub(in crate::views) fn keys(&self) -> Vec<TypingKey> {
        self.editor.keys("as it was")
    }

    pub(in crate::views) fn cursor(&self, area: Rect) -> Position {
        self.popup(area).cursor()
    }

    /// Rows that it takes of a page, its border included.
    fn height(&self, area: Rect) -> u16 {
        let below = if self.fault().is_some() { 2 } else { 1 };
        if area.height < TALL { area.height.min(3) } else { 3 + below }
    }

    fn inner(&self, area: Rect) -> Rect {
        Panel::inner(Rect { height: self.height(area), ..area })
    }

    /// What of the page is left below it; they share an edge.
    pub(in crate::views) fn below(&self, area: Rect) -> Rect {
        let taken = self.height(area).saturating_sub(1).min(area.height);
        Rect { y: area.y + taken, height: area.height - taken, ..area }
    }

    fn popup(&self, area: Rect) -> Popup<'_> {
        let line = Rect { height: 1, ..self.inner(area) };
        Popup { editor: &self.editor, text: &self.text, catalog: &self.catalog, pane: NAMES, line, area }
    }

    pub(in crate::views) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let shared = look.shared;
        let inner = Panel::new(self.title).focused(true).render(shared, Rect { height: self.height(area), ..area }, buf);
        if inner.is_empty() {
            return;
        }
        let (popup, fault) = (self.popup(area), self.fault());
        line::render(shared, &self.text, fault.as_ref(), true, popup.line, buf);
        let below = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
        if !below.is_empty() {
            match fault {
                Some(fault) => line::render_fault(shared, &self.text, &fault, true, below, buf),
                None if self.asked.is_some() && is_slow(CHECK, look) => {
                    let text = truncate(self.waits, usize::from(below.width), shared.glyphs.ellipsis);
                    put(buf, below, below.x, &text, shared.theme.style(Role::Dim));
                }
                None => popup.render_call(look, below, buf),
            }
        }
        popup.render(look, buf);
    }
}
