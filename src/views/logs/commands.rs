//! What each command does on the page, and which ones it offers.

use super::{Logs, Typing, patterns, row};
use crate::{
    core::command::{Command, Facts, ViewKind},
    model::{log::Level, place},
    views::{Cx, Look},
};

impl Logs {
    /// Does what a command says. Returns false where it says nothing here.
    pub(super) fn run(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        self.bar_waits = false;
        let used = self
            .brush_command(cx, command)
            .or_else(|| self.question_command(cx, command))
            .or_else(|| self.pattern_command(cx, command))
            .or_else(|| self.builder_command(cx, command));
        if let Some(used) = used {
            return used;
        }
        if self.act_on_field(cx, command) || self.change_look(cx, command) || self.go_somewhere(cx, command) {
            return true;
        }
        match command {
            Command::Back if self.counts.is_some() => self.counts = None,
            Command::Back if self.in_detail => self.set_in_detail(false),
            Command::Back => return self.leave_aside(cx),
            Command::Drill => self.drill(cx),
            Command::NextPane | Command::PreviousPane => self.set_in_detail(!self.in_detail),
            Command::Widen => self.widen(cx),
            Command::Mark => self.mark_line(),
            Command::FullScreen => self.full = !self.full,
            Command::Red => {
                if let Some(service) = self.service(&cx.look) {
                    let scope = cx.look.scope.with_service(service);
                    cx.push(ViewKind::Service, scope);
                }
            }
            Command::Infra => self.open_infra(cx),
            Command::Refresh => {
                self.try_again();
                return false;
            }
            Command::Filter => self.start_typing(Typing::Filter),
            Command::EditQuery => self.open_bar(cx),
            Command::GoToTime => self.start_typing(Typing::Time),
            Command::NextMatch | Command::PreviousMatch => return self.next_match(cx, command == Command::NextMatch),
            Command::MinimumLevel => self.cycle_level(cx),
            Command::Follow => self.set_paused(cx, false),
            Command::Pause => self.set_paused(cx, !self.is_paused()),
            Command::Unfold | Command::Fold if self.in_detail => {
                return self.fold_fields(&cx.look, cx.area, command == Command::Fold);
            }
            Command::Unfold | Command::Fold => {
                let screen = self.screen(&cx.look, cx.area);
                self.list.set_open(&self.store, command == Command::Unfold, &screen);
            }
            _ => return self.move_or_scroll(cx, command),
        }
        true
    }

    /// The next line: all that a filter leaves have what is filtered by.
    fn next_match(&mut self, cx: &mut Cx<'_>, forward: bool) -> bool {
        if let Some(pattern) = self.store.show().pattern.as_ref().filter(|_| self.store.shown() == 0) {
            cx.notice(format!("nothing was found for {}", pattern.shown()));
            return true;
        }
        self.move_or_scroll(cx, if forward { Command::Down } else { Command::Up })
    }

    /// What a command does to how lines are shown. Returns false for commands that are no such.
    fn change_look(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::Wrap => self.wrap = !self.wrap,
            Command::TimeForm => self.columns.time = self.columns.time.next(cx.look.shared.settings.zone.0),
            Command::ShiftLeft | Command::ShiftRight => self.shift_text(command == Command::ShiftRight),
            Command::ColumnEarlier | Command::ColumnLater => {
                let moved = self.field(&cx.look, cx.area).is_some_and(|f| self.columns.shift(&f.name, command == Command::ColumnLater));
                if !moved {
                    cx.notice("select a field of the detail that is a column and has room to move");
                }
            }
            Command::ColumnWidth => {
                let most = self.columns.next_limit();
                cx.notice(format!("columns of {most} cells at the most"));
            }
            _ => return false,
        }
        self.settle(cx);
        true
    }

    /// What a command does to where the user is. Returns false for commands that are no such.
    fn go_somewhere(&mut self, cx: &mut Cx<'_>, command: Command) -> bool {
        match command {
            Command::NextError | Command::PreviousError => self.go_to_error(cx, command),
            Command::NextMark | Command::PreviousMark => self.go_to_mark(cx, command == Command::NextMark),
            Command::NextMinute | Command::PreviousMinute => self.go_to_minute(cx, command == Command::NextMinute),
            Command::NextRelated | Command::PreviousRelated => self.related(cx, if command == Command::NextRelated { 1 } else { -1 }),
            Command::FollowValue => self.follow_value(cx),
            Command::Context => self.context(cx),
            _ => return false,
        }
        true
    }

    /// What there is for commands to act on.
    pub(super) fn what_is_here(&self, look: &Look<'_>) -> Facts {
        if self.patterns.open {
            return self.pattern_facts(look);
        }
        let line = self.line();
        let chooses = self.chooses();
        Facts {
            rows: line.is_some() || chooses,
            drill: if line.is_some() || chooses { None } else { Some("there is no line to open") },
            service: self.service(look).is_some(),
            infra: look.scope.service.is_some() || line.is_some_and(|line| place::is_told(line.stream.iter().chain(line.metadata()))),
            trace: line.is_some_and(|l| l.trace.is_some()),
            errors: self.store.next_at_level(0, Level::Error).is_some(),
            searched: self.store.show().pattern.is_some(),
            folds: self.brush.is_some()
                || line.is_some_and(|l| self.in_detail || self.list.is_open(l.id) || !row::brief(&self.store.whole(&l)).rest.is_empty()),
            columns: !self.columns.is_empty(),
            marks: !self.marks.is_empty(),
            panes: true,
            conditions: self.has_selected_condition(),
            text_filter: (self.store.show().pattern.is_some() || !self.picked_patterns().is_empty()) && self.files.is_none(),
            query: self.files.is_none(),
            live: look.scope.window.is_live() || self.brush.is_some(),
            graphs: self.volume.value().is_some(),
            brushes: self.brush.is_some(),
            ..Facts::default()
        }
    }

    /// The commands of the footer, the most useful first.
    pub(super) fn hints_here(&self) -> &'static [Command] {
        use Command::{
            AddCondition, Conditions, Context, CountBy, Drill, EditQuery, Exceptions, Exclude, Filter, FilterToQuery, Follow, FollowValue,
            Mark, MinimumLevel, NextError, NextRelated, Patterns, Pause, Red, RemoveCondition, ShowColumn, SwitchCondition,
        };
        if self.patterns.open {
            return patterns::HINTS;
        }
        if let Some(hints) = self.hints_of_choice() {
            return hints;
        }
        if self.is_building() {
            return &[Drill, Exclude, SwitchCondition, RemoveCondition, AddCondition, FilterToQuery, Conditions];
        }
        if self.in_detail {
            return &[Drill, Exclude, ShowColumn, CountBy, FollowValue, Context, NextRelated, Filter];
        }
        &[
            Drill,
            NextError,
            Filter,
            Patterns,
            Exceptions,
            MinimumLevel,
            Pause,
            Follow,
            Context,
            NextRelated,
            FollowValue,
            Mark,
            Conditions,
            EditQuery,
            Red,
        ]
    }

    /// What a command is called where the page is now.
    pub(super) fn hint_of(&self, command: Command) -> Option<&'static str> {
        match command {
            _ if self.patterns.open => self.pattern_hint(command),
            _ if self.chooses() => self.hint_of_choice(command),
            Command::Drill if self.is_building() => Some("edit"),
            Command::Exclude if self.is_building() => Some("invert"),
            Command::Drill if self.in_detail => Some("filter for"),
            Command::Exclude => Some("filter out"),
            Command::Drill => Some(if self.line().is_some_and(|l| l.trace.is_some()) { "trace" } else { "detail" }),
            Command::Pause if self.is_paused() => Some("resume"),
            _ => None,
        }
    }
}
