//! The form of a silence: its matchers and what they hit now, for how long and why; asked once more before it is written;
//! read back from the server.

mod draw;
mod fields;
mod fold;
mod hits;
mod subject;
mod target;
#[cfg(test)]
mod tests;

use std::time::Duration;

use compact_str::CompactString;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

pub(super) use self::draw::add_silence;
use self::{
    draw::Click,
    fields::{Checked, Fields, Place},
    subject::About,
    target::Target,
};
pub use self::{fold::Fold, hits::Hits, subject::Subject};
use super::{Act, Cx, Look, Needs, Pointed, TypingKey, View, Yank};
use crate::{
    app::{Settings, expect},
    core::{
        command::{Command, Facts, ViewKind},
        effect::WriteStage,
        request::{Answer, Refresh, Request, pick},
        slot::Slot,
    },
    model::{
        alert_book::AlertmanagerAlerts,
        backend::{Backend, Health, SourceError},
        silence::{SentSilence, SilenceChange, SilenceOutcome},
        time::Timestamp,
    },
    ui::{
        panel,
        table::{TableState, WHEEL},
    },
};

/// A write that got no answer, and what the form said then.
#[derive(Clone, Debug)]
struct Pending {
    sent: SentSilence,
    fields: Fields,
}

/// A silence that was begun and left, as it was.
#[derive(Clone, Debug)]
pub struct Draft {
    subject: Subject,
    fields: Fields,
    pending: Option<Pending>,
    chosen: Option<CompactString>,
}

impl Draft {
    /// Whether it is about this.
    pub fn is_of(&self, subject: &Subject) -> bool {
        self.subject.is_like(subject)
    }

    /// About this as it is by now.
    #[must_use]
    pub fn on(self, subject: Subject) -> Self {
        Self { subject, ..self }
    }
}

/// How far it is.
#[derive(Clone, Debug, Default)]
enum Stage {
    #[default]
    Edit,
    /// All is said; it is asked once more.
    Review,
    Writing {
        since: Timestamp,
        /// No answer came: it is being looked up.
        looking: Option<SourceError>,
    },
    Ended(SilenceOutcome),
}

/// The page's state.
pub struct SilenceForm {
    subject: Subject,
    fields: Fields,
    /// As the fields were at first.
    begun: Fields,
    checked: Checked,
    told: Slot<AlertmanagerAlerts>,
    /// How often it was written: after each time Alertmanager is asked anew what it silences.
    writes: u32,
    /// After how many writes the alerts that are `told` were asked for.
    told_after: u32,
    hits: Hits,
    warnings: Vec<String>,
    /// Which of several Alertmanagers gets it.
    target: Target,
    /// One of those, where the user chose.
    chosen: Option<CompactString>,
    stage: Stage,
    /// What the server said against it, until something is changed.
    refused: Option<(Option<Place>, SourceError)>,
    /// What was sent and has got no answer.
    pending: Option<Pending>,
    /// What is missing is said from the first wish to go on.
    asked: bool,
    table: TableState,
    /// Lines of the question, or of what came of it, that are above the pane.
    scroll: usize,
}

impl SilenceForm {
    /// A new one.
    pub fn new(subject: Subject, settings: &Settings) -> Self {
        let fields = match &subject.about {
            About::Silence(silence) => Fields::of_silence(silence, &subject, &settings.author, settings.zone.0),
            About::Nothing | About::Alert { .. } | About::Fold(_) => Fields::new(&subject, &settings.author),
        };
        Self {
            subject,
            begun: fields.clone(),
            checked: fields.check(Timestamp::ZERO, settings.zone.0),
            fields,
            told: Slot::default(),
            writes: 0,
            told_after: 0,
            hits: Hits::default(),
            warnings: Vec::new(),
            target: Target::default(),
            chosen: None,
            stage: Stage::Edit,
            refused: None,
            pending: None,
            asked: false,
            table: TableState::default(),
            scroll: 0,
        }
    }

    /// One that was left.
    pub fn resume(draft: Draft, settings: &Settings) -> Self {
        let Draft { subject, fields, pending, chosen } = draft;
        let checked = fields.check(Timestamp::ZERO, settings.zone.0);
        Self { fields, checked, pending, chosen, ..Self::new(subject, settings) }
    }

    /// After something was typed or told: what the fields say, and what that hits.
    fn changed(&mut self, look: &Look<'_>) {
        self.checked = self.fields.check(look.now, look.shared.settings.zone.0);
        self.match_alerts();
    }

    fn match_alerts(&mut self) {
        (self.hits, self.warnings, self.target) = match (&self.checked.set, self.told.value()) {
            (Some(set), Some(told)) => {
                let written = match &self.stage {
                    Stage::Ended(SilenceOutcome::Done { silence, .. }) => Some(silence.id.clone()),
                    _ => self.subject.id(),
                };
                let target = Target::of(told, set, self.subject.changed(), self.pinned());
                let hits = Hits::of(set, told, written.as_deref(), &target.to);
                let warnings = hits.warnings(set, &self.subject, told).into_iter().chain(target.warnings.clone()).collect();
                (hits, warnings, target)
            }
            _ => Default::default(),
        };
    }

    /// The hits, where they are known.
    fn known_hits(&self) -> Option<(&Hits, &AlertmanagerAlerts)> {
        self.checked.set.as_ref()?;
        Some((&self.hits, self.told.value()?))
    }

    fn edit_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc => return cx.acts.push(Act::Back),
            KeyCode::Enter => return self.review(cx),
            KeyCode::Tab if key.modifiers.contains(KeyModifiers::SHIFT) => return self.fields.step(false),
            KeyCode::Tab | KeyCode::Down => return self.fields.step(true),
            KeyCode::BackTab | KeyCode::Up => return self.fields.step(false),
            KeyCode::PageDown => return self.scroll(cx, WHEEL as isize),
            KeyCode::PageUp => return self.scroll(cx, -(WHEEL as isize)),
            KeyCode::Char('n') if ctrl => self.fields.add_matcher(),
            KeyCode::Char('x') if ctrl => {
                if !self.fields.remove_matcher() {
                    cx.notice("go to the matcher to be removed first");
                }
            }
            KeyCode::Char('o') if ctrl => {
                if let Err(why) = self.fields.next_operator() {
                    cx.notice(why);
                }
            }
            KeyCode::Char('p') if ctrl => self.fields.next_preset(),
            KeyCode::Char('t') if ctrl => match &self.target.next {
                Some(next) => self.chosen = Some(next.clone()),
                None => cx.notice("there is one place where it can be written"),
            },
            _ => {
                if let Some(field) = self.fields.focused() {
                    field.key(key);
                }
            }
        }
        self.refused = None;
        self.changed(&cx.look);
    }

    /// Asks once more, or says what is missing.
    fn review(&mut self, cx: &mut Cx<'_>) {
        self.changed(&cx.look);
        self.asked = true;
        if *cx.look.shared.health(Backend::Alertmanager) == Health::NotConfigured {
            cx.notice("no Alertmanager is configured in this environment: there is nowhere to write to");
        } else if let Some((place, why)) = self.checked.errors.first() {
            self.fields.focus = *place;
            cx.notice(why.clone());
        } else {
            (self.stage, self.scroll) = (Stage::Review, 0);
        }
    }

    fn confirm(&mut self, cx: &mut Cx<'_>) {
        self.changed(&cx.look);
        let Some(mut new) = self.fields.silence(&self.checked, self.subject.id()) else {
            self.stage = Stage::Edit;
            return cx.notice("something is wrong with it by now");
        };
        new.to.clone_from(&self.target.to);
        let change = match self.tried(cx.look.now) {
            Some(sent) => SilenceChange::CreateAgain(sent.clone()),
            None => SilenceChange::Create(new),
        };
        self.write(cx, change);
    }

    /// What got no answer, where the form still wishes it: the same words wish the same silence, whatever "in 30m" is by now.
    fn tried(&self, now: Timestamp) -> Option<&SentSilence> {
        let Pending { sent, fields } = self.pending.as_ref()?;
        let is_there = sent.wish.to.is_empty() || sent.wish.to.iter().any(|name| self.target.to.contains(name));
        (self.fields.is_like(fields) && sent.ends_at > now && is_there).then_some(sent)
    }

    /// Who it is for while that may not change by itself: what is looked at before it is written, and what may have been.
    fn pinned(&self) -> Option<&CompactString> {
        match (&self.stage, &self.pending) {
            (Stage::Edit, pending) => self.chosen.as_ref().or_else(|| pending.as_ref()?.sent.wish.to.first()),
            _ => self.target.to.first(),
        }
    }

    fn write(&mut self, cx: &mut Cx<'_>, change: SilenceChange) {
        self.stage = Stage::Writing { since: cx.look.now, looking: None };
        cx.acts.push(Act::Write(Box::new(change)));
    }

    fn other_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        match key.code {
            KeyCode::Down => self.scroll = draw::scrolled(self, &cx.look, cx.area, Command::Down),
            KeyCode::Up => self.scroll = draw::scrolled(self, &cx.look, cx.area, Command::Up),
            _ => {}
        }
        let (goes_on, goes_back) = (key.code == KeyCode::Char('y'), matches!(key.code, KeyCode::Esc | KeyCode::Char('n')));
        match (&self.stage, goes_on, goes_back) {
            (Stage::Review, true, _) => self.confirm(cx),
            (Stage::Review, _, true) => self.stage = Stage::Edit,
            (Stage::Ended(_), true, _) => {
                if let Some(pending) = &self.pending {
                    let change = SilenceChange::CreateAgain(pending.sent.clone());
                    self.write(cx, change);
                }
            }
            (Stage::Ended(_), _, true) => self.stage = Stage::Edit,
            _ => {}
        }
    }

    fn scroll(&mut self, cx: &Cx<'_>, rows: isize) {
        let height = draw::hits_height(self, &cx.look, cx.area);
        let row = self.table.first(self.hits.rows.len(), height).saturating_add_signed(rows);
        let last = self.hits.rows.len().saturating_sub(height);
        // The list has no selection: what is selected is what is first.
        self.table = TableState { selected: row.min(last), offset: row.min(last) };
    }
}

impl View for SilenceForm {
    fn kind(&self) -> ViewKind {
        ViewKind::SilenceForm
    }

    fn facts(&self, _look: &Look<'_>) -> Facts {
        Facts::default()
    }

    fn hints(&self) -> &'static [Command] {
        &[Command::Silences, Command::Yank]
    }

    fn subscriptions(&self, look: &Look<'_>, _area: Rect, needs: &mut Needs<'_>) {
        needs.ask("alertmanager", self.writes, Request::AlertmanagerAlerts, Refresh::Every(look.shared.settings.refresh_alerts));
    }

    fn answer(&mut self, _cx: &mut Cx<'_>, answer: Answer) -> bool {
        let told = pick!(AlertmanagerAlerts);
        if answer.result.is_ok() {
            self.told_after = answer.slot.part;
        }
        let changed = self.told.settle(answer.asked, expect(answer.result, told));
        if changed {
            self.match_alerts();
        }
        changed
    }

    fn command(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            // Pressed twice, it was meant for the question.
            Command::Yank | Command::Drill if self.is_writing() => cx.notice("it is being written: what comes of it is told here"),
            Command::Drill => cx.push(ViewKind::Silences, cx.look.scope.clone()),
            Command::Down | Command::Up => match draw::scrolled(self, &cx.look, cx.area, command) {
                to if to != self.scroll => self.scroll = to,
                _ => self.scroll(cx, if command == Command::Down { 1 } else { -1 }),
            },
            _ => return false,
        }
        true
    }

    fn rescoped(&mut self, _cx: &mut Cx<'_>) {}

    fn is_typing(&self) -> bool {
        match &self.stage {
            Stage::Edit | Stage::Review => true,
            Stage::Writing { .. } => false,
            Stage::Ended(_) => self.pending.is_some(),
        }
    }

    fn is_writing(&self) -> bool {
        matches!(self.stage, Stage::Writing { .. })
    }

    fn type_key(&mut self, cx: &mut Cx<'_>, key: KeyEvent) {
        match self.stage {
            // What is not seen is not changed, nor confirmed.
            _ if !draw::fits(cx.area) && key.code != KeyCode::Esc => {}
            Stage::Edit => self.edit_key(cx, key),
            _ => self.other_key(cx, key),
        }
    }

    fn typing_keys(&self) -> Vec<TypingKey> {
        let key = |code, words| TypingKey { key: KeyEvent::from(code), words };
        let ctrl = |c, words| TypingKey { key: KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL), words };
        let yes = |words| key(KeyCode::Char('y'), words);
        let esc = |words| key(KeyCode::Esc, words);
        match &self.stage {
            Stage::Edit => {
                let mut keys = vec![
                    key(KeyCode::Enter, "review"),
                    key(KeyCode::Tab, "next"),
                    esc("back"),
                    ctrl('p', "length"),
                    ctrl('o', "= != =~ !~"),
                    ctrl('n', "add"),
                    ctrl('x', "remove"),
                ];
                keys.extend(self.target.next.as_ref().map(|_| ctrl('t', "another Alertmanager")));
                keys
            }
            Stage::Review => vec![yes("write it"), esc("back to the form")],
            Stage::Ended(_) if self.pending.is_some() => {
                vec![yes("look for it, and write it where it is not there"), esc("back to the form")]
            }
            Stage::Writing { .. } | Stage::Ended(_) => Vec::new(),
        }
    }

    fn paste(&mut self, cx: &mut Cx<'_>, text: &str) {
        if matches!(self.stage, Stage::Edit) {
            self.fields.paste(text);
            self.refused = None;
            self.changed(&cx.look);
        }
    }

    fn mouse(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        match event.kind {
            MouseEventKind::ScrollDown => self.scroll(cx, WHEEL as isize),
            MouseEventKind::ScrollUp => self.scroll(cx, -(WHEEL as isize)),
            MouseEventKind::Down(MouseButton::Left) if matches!(self.stage, Stage::Edit) => {
                match draw::click(self, &cx.look, cx.area, Position::new(event.column, event.row)) {
                    Some(Click::Field(place)) => self.fields.focus = place,
                    Some(Click::Preset(text)) => {
                        self.fields.set_end(text);
                        self.changed(&cx.look);
                    }
                    None => return Pointed::Nothing,
                }
            }
            _ => return Pointed::Nothing,
        }
        Pointed::Used
    }

    fn written(&mut self, look: &Look<'_>, stage: &WriteStage) {
        match stage {
            WriteStage::Looking(error) => {
                if let Stage::Writing { looking, .. } = &mut self.stage {
                    *looking = Some(error.clone());
                }
            }
            WriteStage::Ended(SilenceOutcome::Refused(error)) => {
                let place = self.fields.place_of(&error.message);
                self.fields.focus = place.unwrap_or(self.fields.focus);
                self.refused = Some((place, error.clone()));
                self.stage = Stage::Edit;
            }
            WriteStage::Ended(outcome) => {
                self.pending = match outcome {
                    SilenceOutcome::Lost { sent, .. } | SilenceOutcome::Unknown { sent, .. } => {
                        Some(Pending { sent: sent.clone(), fields: self.fields.clone() })
                    }
                    _ => None,
                };
                (self.stage, self.scroll) = (Stage::Ended(outcome.clone()), 0);
                self.writes += 1;
            }
        }
        self.changed(look);
    }

    fn draft(&self) -> Option<Draft> {
        let unfinished = match &self.stage {
            Stage::Edit | Stage::Review => self.pending.is_some() || !self.fields.is_like(&self.begun),
            Stage::Ended(_) => self.pending.is_some(),
            Stage::Writing { .. } => true,
        };
        let draft = || Draft {
            subject: self.subject.clone(),
            fields: self.fields.clone(),
            pending: self.pending.clone(),
            chosen: self.chosen.clone(),
        };
        unfinished.then(draft)
    }

    fn cursor(&self, look: &Look<'_>, area: Rect) -> Option<Position> {
        draw::cursor(self, look, area).filter(|_| matches!(self.stage, Stage::Edit))
    }

    fn render(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        draw::render(self, look, area, buf);
    }

    fn yanks(&self, _look: &Look<'_>) -> Vec<Yank> {
        let yank = |label: &str, text: String| Yank { label: label.to_owned(), text };
        let id = match &self.stage {
            Stage::Ended(SilenceOutcome::Done { silence, .. }) => Some(silence.id.clone()),
            Stage::Ended(SilenceOutcome::Taken { id, .. }) => Some(id.clone()),
            _ => None,
        };
        let matchers = crate::model::labels::selector(&self.checked.matchers);
        id.map(|id| yank("silence id", id)).into_iter().chain([yank("matchers", matchers)]).collect()
    }

    fn next_wake(&self, look: &Look<'_>) -> Option<Timestamp> {
        let every = |step: u64| look.now.align_down(Duration::from_secs(step)) + Duration::from_secs(step);
        let own = match self.stage {
            Stage::Edit | Stage::Review => Some(every(60)),
            Stage::Writing { .. } => Some(every(1)),
            Stage::Ended(_) => None,
        };
        own.into_iter().chain(panel::state(&self.told, look).wake).min()
    }
}
