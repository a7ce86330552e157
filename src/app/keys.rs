//! What is typed, pasted and chosen: from a key to the command it stands for, and what commands do that need no view.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    App, Urgency,
    overlay::{Done, Overlay},
    reopen,
    writing::READ_ONLY,
};
use crate::core::{
    command::{Command, ViewKind},
    effect::Effect,
    keymap::{Chord, Lookup},
};

impl App {
    pub(super) fn key(&mut self, key: KeyEvent) {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            self.effects.push(Effect::Quit);
            return;
        }
        self.listing = None;
        if self.notice.take().is_some() {
            self.mark(Urgency::Input);
        }
        if self.pointer.let_go() {
            self.mark(Urgency::Input);
            if key.code == KeyCode::Esc {
                return;
            }
        }
        if let Some(mut overlay) = self.overlay.take() {
            self.mark(Urgency::Input);
            let done = overlay.key(&self.look(), key);
            self.overlay = Some(overlay);
            self.overlay_done(done);
        } else if self.top().view.is_typing() {
            self.mark(Urgency::Input);
            self.with_view(|view, cx| view.type_key(cx, key));
        } else {
            self.press(Chord::of(key));
        }
    }

    fn press(&mut self, chord: Chord) {
        if !self.pressed.is_empty() && chord == Chord::of(KeyEvent::from(KeyCode::Esc)) {
            self.pressed.clear();
            self.mark(Urgency::Input);
            return;
        }
        self.pressed.push(chord);
        match self.shared.keymap.lookup(self.top().view.kind(), &self.pressed) {
            Lookup::Hit(command) => {
                self.pressed.clear();
                self.mark(Urgency::Input);
                self.run(command);
            }
            Lookup::Prefix => self.mark(Urgency::Input),
            Lookup::Miss => {
                let started = self.pressed.len() > 1;
                self.pressed.clear();
                if started {
                    self.mark(Urgency::Input);
                    self.press(chord);
                }
            }
        }
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Some(mut overlay) = self.overlay.take() {
            overlay.paste(text);
            self.overlay = Some(overlay);
        } else if self.top().view.is_typing() {
            self.with_view(|view, cx| view.paste(cx, text));
        } else {
            self.say("nothing to paste into: press / or t or : first");
        }
        self.mark(Urgency::Input);
    }

    /// Does a command, from a key or the palette.
    pub(super) fn run(&mut self, command: Command) {
        let spec = command.spec();
        if !Self::has(&self.look(), spec) {
            self.say(READ_ONLY);
            return;
        }
        if !spec.applies(self.top().view.kind()) {
            self.say(format!("{} has no use here", spec.name));
            return;
        }
        if let Err(why) = (spec.enabled)(&self.facts()) {
            self.say(why);
            return;
        }
        if !is_app_only(command) {
            let mut used = false;
            self.with_view(|view, cx| used = view.command(cx, command));
            if used {
                return;
            }
        }
        self.run_global(command);
    }

    fn run_global(&mut self, command: Command) {
        match command {
            Command::Back => self.back(),
            Command::ViewAlerts => self.jump(ViewKind::Alerts),
            Command::ViewServices => self.jump(ViewKind::Services),
            Command::ViewLogs => self.jump(ViewKind::Logs),
            Command::ViewTraces => self.jump(ViewKind::Traces),
            Command::ViewInfra => self.jump(ViewKind::Infra),
            Command::Diagnostics => self.jump(ViewKind::Diagnostics),
            Command::Silences => self.jump(ViewKind::Silences),
            Command::Silence => self.open_silence_form(),
            Command::Query => self.jump(ViewKind::Query),
            Command::EditQuery => {
                let queries = self.top().view.queries(&self.look());
                self.query(&queries);
            }
            Command::Kept | Command::Forget => self.list_kept(command),
            Command::ZoomIn | Command::ZoomOut => self.set_window(self.top().scope.window.zoom(command == Command::ZoomIn, self.now)),
            Command::PanEarlier | Command::PanLater => {
                self.set_window(self.top().scope.window.pan(command == Command::PanEarlier, self.now))
            }
            Command::Live => self.set_window(self.top().live),
            Command::Refresh => {
                self.nonce = self.nonce.wrapping_add(1);
                if let Some(top) = self.stack.last_mut() {
                    top.nonce = top.nonce.wrapping_add(1);
                }
                self.mark(Urgency::Input);
            }
            Command::TimePicker => self.overlay = Some(Overlay::time_picker(self.top().scope.window)),
            Command::Palette => self.overlay = Some(Overlay::palette()),
            Command::Help => self.overlay = Some(Overlay::help()),
            Command::Environment => self.overlay = Some(Overlay::environments(&self.shared.settings)),
            Command::Theme => self.overlay = Some(Overlay::themes(&self.shared.settings)),
            Command::Yank => {
                let mut yanks = self.top().view.yanks(&self.look());
                // A log line has more fields than there are numbers to choose by.
                yanks.insert(yanks.len().min(1), reopen::yank(self.top().view.as_ref(), &self.look()));
                self.overlay = Some(Overlay::yank(yanks));
            }
            Command::Suspend => self.effects.push(Effect::Suspend),
            Command::Quit => self.quit(),
            _ => self.say(format!("{} has no use here", command.spec().name)),
        }
    }

    pub(super) fn overlay_done(&mut self, done: Done) {
        match done {
            Done::Open => return,
            Done::Close => self.overlay = None,
            Done::Run(command) => {
                self.overlay = None;
                self.run(command);
            }
            Done::Window(window) => {
                self.overlay = None;
                self.set_window(window);
            }
            Done::Copy(label, text) => {
                self.overlay = None;
                self.say(format!("copied the {label}"));
                self.effects.push(Effect::Copy(text));
            }
            Done::Environment(name) => {
                self.overlay = None;
                self.effects.push(Effect::SwitchEnvironment(name.into()));
            }
            Done::Queries(queries) => {
                self.overlay = None;
                self.query(&queries);
            }
            Done::Act(act) => {
                self.overlay = None;
                self.act(*act);
            }
            Done::Forget(name) => {
                self.overlay = None;
                self.effects.push(Effect::Forget(name));
            }
            Done::Theme(name) => {
                self.overlay = None;
                self.effects.push(Effect::SwitchTheme(name.into()));
            }
        }
        self.mark(Urgency::Input);
    }
}

/// Commands that no view may take for itself.
fn is_app_only(command: Command) -> bool {
    matches!(
        command,
        Command::Quit | Command::Suspend | Command::Help | Command::Palette | Command::TimePicker | Command::Environment | Command::Theme
    )
}
