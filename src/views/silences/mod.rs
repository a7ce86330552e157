//! The Silences view: active, pending and expired ones, what each hits now; extended, made again, and expired after a
//! question.

mod draw;
mod rows;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, MouseEvent, MouseEventKind};
use ratatui::{buffer::Buffer, layout::Rect};

use self::rows::{Order, Row};
use super::{Act, Cx, Look, Needs, Pointed, TypingKey, View, Yank, filter::Filter, prompt::Prompt, silence_words};
use crate::{
    app::expect,
    core::{
        command::{Command, Facts, ViewKind},
        effect::WriteStage,
        request::{Answer, Refresh, Request, pick},
        slot::Slot,
    },
    model::{
        alert_book::AlertmanagerAlerts,
        labels::selector,
        silence::{Silence, SilenceChange, SilenceState},
        time::Timestamp,
    },
    ui::{
        panel::{self, Panel},
        table::{TableState, visible_rows},
    },
};

/// What has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    #[default]
    List,
    Detail,
}

/// A silence that is to be expired.
#[derive(Clone, Debug)]
enum Expiring {
    /// It is asked whether to.
    Asked(Silence),
    /// It is being written.
    Writing(Silence),
}

/// The page's state.
#[derive(Default)]
pub struct Silences {
    told: Slot<AlertmanagerAlerts>,
    rows: Vec<Row>,
    table: TableState,
    order: Order,
    filter: Filter,
    pane: Pane,
    alone: bool,
    scroll: usize,
    expiring: Option<Expiring>,
    /// What came of the last change, until another row is looked at.
    outcome: Vec<String>,
}

impl Silences {
    fn selected(&self) -> Option<&Row> {
        self.rows.get(self.table.row(self.rows.len())?)
    }

    fn rebuild(&mut self, area: Rect, keep: Option<&str>) {
        let Some(told) = self.told.value() else { return };
        self.rows = rows::rows(told, &self.filter, self.order);
        let kept = keep.and_then(|id| self.rows.iter().position(|r| r.silence.id == id));
        let height = self.list_height(area);
        self.table.select(kept.unwrap_or(self.table.selected), self.rows.len(), height);
    }

    fn id(&self) -> Option<String> {
        self.selected().map(|r| r.silence.id.clone())
    }

    fn list_height(&self, area: Rect) -> usize {
        visible_rows(Panel::inner(draw::places(self, area).0))
    }

    fn reorder(&mut self, area: Rect, change: impl FnOnce(&mut Self)) -> bool {
        let keep = self.id();
        change(self);
        self.rebuild(area, keep.as_deref());
        true
    }

    fn ask_to_expire(&mut self, cx: &mut Cx<'_>) {
        if matches!(self.expiring, Some(Expiring::Writing(_))) {
            return cx.notice("one is being expired: what comes of it is told here");
        }
        self.outcome.clear();
        if let Some(row) = self.selected() {
            self.expiring = Some(Expiring::Asked(row.silence.clone()));
        }
    }

    fn renew(&self, cx: &mut Cx<'_>) {
        if let Some(row) = self.selected() {
            cx.acts.push(Act::OpenSilence(Box::new(row.silence.clone())));
        }
    }

    fn movement(&mut self, cx: &Cx<'_>, command: Command) -> bool {
        if self.pane == Pane::Detail {
            let inner = Panel::inner(draw::places(self, cx.area).1);
            return draw::sheet(self, &cx.look).scroll(&mut self.scroll, command, inner, cx.look.shared);
        }
        let (height, before) = (self.list_height(cx.area), self.table.selected);
        let moved = self.table.command(command, self.rows.len(), height);
        if self.table.selected != before {
            self.looks_elsewhere();
        }
        moved
    }

    fn looks_elsewhere(&mut self) {
        self.scroll = 0;
        self.outcome.clear();
    }
}

impl View for Silences {
    fn kind(&self) -> ViewKind {
        ViewKind::Silences
    }

    fn filters(&self, _look: &Look<'_>) -> Vec<String> {
        self.filter.note().into_iter().collect()
    }

    fn facts(&self, _look: &Look<'_>) -> Facts {
        let selected = self.selected();
        Facts {
            rows: !self.rows.is_empty(),
            drill: selected.is_none().then_some("no silence is selected"),
            silence: selected.is_some(),
            silencing: selected.is_some_and(|r| r.silence.state != SilenceState::Expired),
            panes: true,
            ..Facts::default()
        }
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::RenewSilence, Command::ExpireSilence, Command::Silence, Command::Filter, Command::Order, Command::Yank]
    }

    fn hint(&self, command: Command) -> Option<&'static str> {
        let over = self.selected().is_some_and(|r| r.silence.state == SilenceState::Expired);
        match command {
            Command::RenewSilence if over => Some("make again"),
            Command::Silence => Some("new"),
            _ => None,
        }
    }

    fn subscriptions(&self, look: &Look<'_>, _area: Rect, needs: &mut Needs<'_>) {
        needs.ask("alertmanager", 0, Request::AlertmanagerAlerts, Refresh::Every(look.shared.settings.refresh_alerts));
    }

    fn answer(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        let told = pick!(AlertmanagerAlerts);
        // What is read, and may be about to be expired, stays selected, also where another one comes before it.
        let keep = self.id();
        let changed = self.told.settle(answer.asked, expect(answer.result, told));
        if changed {
            self.rebuild(cx.area, keep.as_deref());
        }
        changed
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Drill | Command::RenewSilence => self.renew(cx),
            Command::ExpireSilence => self.ask_to_expire(cx),
            Command::Order => return self.reorder(cx.area, |v| v.order = v.order.next()),
            Command::Filter => self.filter.open(),
            Command::NextPane | Command::PreviousPane => self.pane = if self.pane == Pane::List { Pane::Detail } else { Pane::List },
            Command::FullScreen => self.alone = !self.alone,
            _ => return self.movement(cx, command),
        }
        true
    }

    fn rescoped(&mut self, _cx: &mut Cx<'_>) {}

    fn is_typing(&self) -> bool {
        self.filter.is_typing() || matches!(self.expiring, Some(Expiring::Asked(_)))
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        match (&self.expiring, key.code) {
            (Some(Expiring::Asked(silence)), KeyCode::Char('y')) => {
                cx.acts.push(Act::Write(Box::new(SilenceChange::Expire(silence.id.clone()))));
                self.expiring = Some(Expiring::Writing(silence.clone()));
            }
            (Some(Expiring::Asked(_)), KeyCode::Esc | KeyCode::Char('n')) => self.expiring = None,
            (Some(Expiring::Asked(_)), _) => {}
            _ => {
                let keep = self.id();
                if self.filter.key(key) {
                    self.rebuild(cx.area, keep.as_deref());
                }
            }
        }
    }

    fn typing_keys(&self) -> Vec<TypingKey> {
        let key = |code, words| TypingKey { key: KeyEvent::from(code), words };
        match self.expiring {
            Some(Expiring::Asked(_)) => vec![key(KeyCode::Char('y'), "expire it"), key(KeyCode::Esc, "leave it")],
            _ => Vec::new(),
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        if self.filter.is_typing() {
            self.reorder(cx.area, |v| v.filter.paste(text));
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        if self.is_typing() {
            return Pointed::Nothing;
        }
        let (list, detail) = draw::places(self, cx.area);
        let at = ratatui::layout::Position::new(event.column, event.row);
        let step = match event.kind {
            MouseEventKind::ScrollDown => Some(Command::Down),
            MouseEventKind::ScrollUp => Some(Command::Up),
            _ => None,
        };
        if let Some(step) = step.filter(|_| detail.contains(at)) {
            let inner = Panel::inner(detail);
            draw::sheet(self, &cx.look).scroll(&mut self.scroll, step, inner, cx.look.shared);
            return Pointed::Used;
        }
        let before = self.table.selected;
        let pointed = self.table.mouse(event, Panel::inner(list), self.rows.len());
        if self.table.selected != before {
            self.looks_elsewhere();
        }
        if matches!(event.kind, MouseEventKind::Down(_)) {
            self.pane = if detail.contains(at) { Pane::Detail } else { Pane::List };
            return if pointed == Pointed::Nothing { Pointed::Used } else { pointed };
        }
        pointed
    }

    fn written(&mut self, _look: &Look<'_>, stage: &WriteStage) {
        if let WriteStage::Ended(outcome) = stage {
            self.expiring = None;
            self.outcome = silence_words::sentences(outcome);
        }
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        draw::render(self, look, area, buf);
    }

    fn prompt(&self) -> Option<&Prompt> {
        self.filter.prompt()
    }

    fn yanks(&self, _look: &Look<'_>) -> Vec<Yank> {
        let Some(row) = self.selected() else { return Vec::new() };
        let yank = |label: &str, text: String| Yank { label: label.to_owned(), text };
        vec![
            yank("silence id", row.silence.id.clone()),
            yank("matchers", selector(&row.silence.matchers)),
            yank("comment", row.silence.comment.clone()),
        ]
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        let minute = Duration::from_secs(60);
        let ages = (!self.rows.is_empty()).then(|| look.now.align_down(minute) + minute);
        ages.into_iter().chain(panel::state(&self.told, look).wake).min()
    }
}
