//! All that narrows the lines in one list, with the LogQL that it is: each condition is edited, inverted, switched off and
//! removed here, and a new one is typed.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Logs, Typing,
    conditions::{add, stage},
    patterns::asked::Which,
    typed,
};
use crate::{
    core::command::Command,
    model::log::Level,
    store::{Condition, Pattern},
    theme::Role,
    ui::{
        format,
        text::{put, truncate, wrap},
    },
    views::{Cx, Look},
};

/// Cells of what stands before a condition: whether it is applied.
const STATE: u16 = 6;

/// The list's state.
#[derive(Default)]
pub(super) struct Builder {
    pub(super) open: bool,
    selected: usize,
}

/// One row of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Row {
    /// At least this bad.
    Level(Level),
    /// A condition, by its place.
    Condition(usize),
    /// The text of `/`, which no server is asked for.
    Text,
    /// What is done to the lines of a pattern.
    Pattern(Which),
}

impl Logs {
    fn builder_rows(&self) -> Vec<Row> {
        let show = self.store.show();
        let level = Some(show.level).filter(|l| *l != Level::Unknown).map(Row::Level);
        let text = show.pattern.as_ref().map(|_| Row::Text);
        let conditions = (0..show.conditions.len()).map(Row::Condition);
        level.into_iter().chain(conditions).chain(text).chain(self.picked_patterns().into_iter().map(Row::Pattern)).collect()
    }

    fn builder_row(&self) -> Option<Row> {
        let mut rows = self.builder_rows();
        let at = self.builder.selected.min(rows.len().checked_sub(1)?);
        Some(rows.swap_remove(at))
    }

    /// Whether the list has the keys.
    pub(super) fn is_building(&self) -> bool {
        self.builder.open && self.in_detail
    }

    /// Whether a condition is selected in the list.
    pub(super) fn has_selected_condition(&self) -> bool {
        self.is_building() && self.builder_row().is_some()
    }

    /// What a command means to the list of conditions. `None`: what it means to the lines.
    pub(super) fn builder_command(&mut self, cx: &mut Cx<'_>, command: Command) -> Option<bool> {
        match command {
            Command::Conditions => {
                let open = !self.builder.open;
                self.set_in_detail(open);
                self.builder = Builder { open, ..Builder::default() };
            }
            Command::AddCondition => self.start_condition(cx, None),
            Command::FilterToQuery => self.filter_to_query(cx),
            _ if !self.is_building() => return None,
            Command::Back => {
                self.builder.open = false;
                self.set_in_detail(false);
            }
            Command::Drill => self.edit_row(cx),
            Command::Exclude => self.invert_row(cx),
            Command::RemoveCondition | Command::Widen => self.remove_row(cx),
            Command::SwitchCondition => self.switch_row(cx),
            Command::Down | Command::Up | Command::Top | Command::Bottom => {
                let last = self.builder_rows().len().saturating_sub(1);
                let at = self.builder.selected.min(last);
                self.builder.selected = match command {
                    Command::Down => (at + 1).min(last),
                    Command::Up => at.saturating_sub(1),
                    Command::Top => 0,
                    _ => last,
                };
            }
            _ => return None,
        }
        Some(true)
    }

    fn edit_row(&mut self, cx: &mut Cx<'_>) {
        match self.builder_row() {
            None => self.start_condition(cx, None),
            Some(Row::Level(_)) => self.cycle_level(cx),
            Some(Row::Condition(i)) => self.start_condition(cx, Some(i)),
            Some(Row::Text) => self.start_typing(Typing::Filter),
            Some(Row::Pattern(_)) => cx.notice("patterns are chosen on their own page"),
        }
    }

    fn invert_row(&mut self, cx: &mut Cx<'_>) {
        match self.builder_row() {
            Some(Row::Condition(i)) => self.narrow_by(cx, |all| {
                if let Some(condition) = all.get_mut(i) {
                    *condition = condition.inverted();
                }
            }),
            Some(Row::Text) => {
                let typed = self.store.show().pattern.as_ref().map_or("", Pattern::as_str);
                let inverse = typed.strip_prefix('!').map_or_else(|| format!("!{typed}"), str::to_owned);
                // What was an expression is one without the sign.
                if let Ok(pattern) = Pattern::parse(&inverse) {
                    self.show(cx, |show| show.pattern = pattern);
                }
            }
            Some(Row::Level(_)) => cx.notice("a level is the least that is shown: it has no inverse"),
            Some(Row::Pattern(_)) => cx.notice("patterns are chosen on their own page"),
            None => {}
        }
    }

    fn switch_row(&mut self, cx: &mut Cx<'_>) {
        match self.builder_row() {
            Some(Row::Condition(i)) => self.narrow_by(cx, |all| {
                if let Some(condition) = all.get_mut(i) {
                    condition.off = !condition.off;
                }
            }),
            Some(_) => cx.notice("only a condition on fields or texts is switched off: this one is removed"),
            None => {}
        }
    }

    fn remove_row(&mut self, cx: &mut Cx<'_>) {
        match self.builder_row() {
            Some(Row::Level(_)) => self.set_level(cx, Level::Unknown),
            Some(Row::Condition(i)) => self.narrow_by(cx, |all| drop(all.remove(i))),
            Some(Row::Text) => self.show(cx, |show| show.pattern = None),
            Some(Row::Pattern(which)) => self.forget_pattern(cx, which),
            None => {}
        }
    }

    /// Makes the text of the filter a part of the query, so that lines are found that are not here.
    pub(super) fn filter_to_query(&mut self, cx: &mut Cx<'_>) {
        let selected = self.builder_row().filter(|_| self.is_building());
        let text = self.store.show().pattern.clone().filter(|_| !matches!(selected, Some(Row::Pattern(_))));
        let Some(pattern) = text else {
            let first = || self.picked_patterns().first().copied();
            if let Some(which) = selected.and_then(|row| if let Row::Pattern(which) = row { Some(which) } else { None }).or_else(first) {
                self.pattern_to_query(cx, which);
            }
            return;
        };
        match pattern.condition() {
            Ok(condition) => {
                cx.notice(format!("Loki is asked for lines{}", stage(&condition)));
                self.narrow(cx, |show| {
                    show.pattern = None;
                    add(&mut show.conditions, condition);
                });
            }
            Err(why) => cx.notice(why),
        }
    }

    /// Selects what a click is on.
    pub(super) fn click_condition(&mut self, row: usize) {
        self.builder.selected = row.min(self.builder_rows().len().saturating_sub(1));
    }

    /// `3 conditions, 1 off: 60 of 300 lines`
    pub(super) fn builder_title(&self, look: &Look<'_>) -> String {
        let rows = self.builder_rows().len();
        let off = self.store.show().conditions.iter().filter(|c| c.off).count();
        let off = if off > 0 { format!(", {off} off") } else { String::new() };
        let lines = format!("{} of {}", self.shown_count(look), format::counted(self.kept(), "line"));
        format!("{}{off}: {lines}", format::counted(rows, "condition"))
    }

    /// What can be done with the selected condition, by its keys.
    pub(super) fn keys_of_condition(&self, look: &Look<'_>) -> String {
        let words = [
            (Command::Drill, "edit"),
            (Command::Exclude, "invert"),
            (Command::SwitchCondition, "on/off"),
            (Command::RemoveCondition, "remove"),
            (Command::AddCondition, "add"),
        ];
        let words = words.iter().filter_map(|(command, what)| Some(format!("{} {what}", look.shared.keymap.key(*command)?)));
        words.collect::<Vec<_>>().join("   ")
    }

    /// The list, and below it all that Loki is asked.
    pub(super) fn draw_builder(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let theme = &look.shared.theme;
        let rows = self.builder_rows();
        let queries = self.plan_of(look, &self.store.show().conditions, self.level()).map_or_else(Vec::new, |p| p.streams);
        let room = usize::from(area.width.saturating_sub(2)).max(1);
        let query: Vec<String> = queries.iter().flat_map(|q| wrap(q, room)).collect();
        // The list comes first where there is little room.
        let list = rows.len().max(1).min(usize::from(area.height).saturating_sub(query.len() + 1).max(usize::from(area.height) / 2));
        if rows.is_empty() {
            let key = look.shared.keymap.key(Command::AddCondition).unwrap_or_default();
            put(buf, area, area.x + 1, &format!("All lines are shown. {key} adds a condition."), theme.style(Role::Dim));
        }
        let selected = self.builder.selected.min(rows.len().saturating_sub(1));
        let first = (selected + 1).saturating_sub(list.max(1));
        for (y, (i, row)) in (area.y..area.bottom()).zip(rows.iter().enumerate().skip(first).take(list)) {
            let place = Rect { y, height: 1, ..area };
            self.draw_condition(look, row, place, i == selected && self.in_detail, buf);
        }
        let below = area.y + u16::try_from(list).unwrap_or(0);
        if below < area.bottom() {
            put(buf, Rect { y: below, height: 1, ..area }, area.x + 1, "asked of Loki:", theme.style(Role::Heading));
        }
        for (y, text) in (below + 1..area.bottom()).zip(&query) {
            put(buf, Rect { y, height: 1, ..area }, area.x + 1, text, theme.style(Role::Text));
        }
    }

    fn draw_condition(&self, look: &Look<'_>, row: &Row, place: Rect, selected: bool, buf: &mut Buffer) {
        let (theme, glyphs) = (&look.shared.theme, look.shared.glyphs);
        let show = self.store.show();
        let key = |command| look.shared.keymap.key(command).unwrap_or_default();
        let (state, text) = match row {
            Row::Level(level) => ("on", format!("level{}{}", glyphs.at_least, level.as_str())),
            Row::Condition(i) => {
                let Some(condition) = show.conditions.get(*i) else { return };
                (if condition.off { "off" } else { "on" }, stage(condition).trim().to_owned())
            }
            Row::Text => {
                let text = show.pattern.as_ref().map(Pattern::shown).unwrap_or_default();
                ("here", format!("{text}   {} asks Loki for it", key(Command::FilterToQuery)))
            }
            Row::Pattern(which) => ("here", self.pattern_row(look, *which, &key(Command::FilterToQuery))),
        };
        let role = if state == "off" { Role::Dim } else { Role::Text };
        put(buf, place, place.x + 1, state, theme.style(if state == "on" { Role::Good } else { Role::Dim }));
        let x = place.x + 1 + STATE;
        let room = usize::from(place.right().saturating_sub(x));
        put(buf, place, x, &truncate(&text, room, glyphs.ellipsis), theme.style(role));
        if selected {
            buf.set_style(place.intersection(buf.area), theme.style(Role::Selection));
            put(buf, place, place.x, glyphs.selected, theme.style(Role::SelectionBar));
        }
    }
}

/// What is typed as a condition, and what was there before.
pub(super) struct Draft {
    /// The conditions without it: those that Loki is asked for meanwhile.
    pub(super) before: Vec<Condition>,
    /// The place of the one that is edited.
    at: Option<usize>,
    level: Option<Level>,
    /// What is wrong with what is typed.
    pub(super) wrong: Option<String>,
    seen: Vec<super::seen::Seen>,
    /// What `Tab` goes round in: the text that was completed, and how often.
    round: Option<(String, usize)>,
}

impl Logs {
    /// Begins to type a condition, a new one or one of those there are.
    fn start_condition(&mut self, cx: &mut Cx<'_>, at: Option<usize>) {
        let before = self.store.show().conditions.clone();
        let text = at.and_then(|i| before.get(i)).map_or_else(String::new, typed::again);
        let seen = self.fields_seen();
        self.draft = Some(Draft { before, at, level: None, wrong: None, seen, round: None });
        self.builder.open = true;
        self.start_typing(Typing::Condition);
        if let Some((_, prompt)) = &mut self.prompt {
            prompt.replace(&text);
        }
        self.condition_typed(cx);
    }

    /// The condition changed: the lines that are here answer at once.
    pub(super) fn condition_typed(&mut self, cx: &Cx<'_>) {
        let (Some(draft), Some((_, prompt))) = (&mut self.draft, &mut self.prompt) else { return };
        draft.level = None;
        let text = prompt.text().to_owned();
        let made = match typed::parse(&text) {
            Ok(Some(typed::Typed::Text(condition))) => Ok(Some(condition)),
            Ok(Some(typed::Typed::Field(name, wish))) => wish.of(draft.field(name)).map(Some),
            Ok(Some(typed::Typed::Level(level))) => {
                draft.level = Some(level);
                Ok(None)
            }
            Ok(None) => Ok(None),
            Err(why) => Err(why),
        };
        let (condition, wrong) = match made {
            Ok(condition) => (condition, None),
            Err(why) => (None, Some(why)),
        };
        let all = draft.with(condition);
        if *self.store.show().conditions != all {
            self.show(cx, |show| show.conditions = all);
        }
        if let Some(draft) = &mut self.draft {
            draft.wrong = wrong;
        }
        self.note_condition(&cx.look);
    }

    /// Says behind the condition that is typed how many lines pass, or what is wrong, and what it may become.
    pub(super) fn note_condition(&mut self, look: &Look<'_>) {
        let count = format!("{} of {}", self.shown_count(look), format::counted(self.kept(), "line"));
        let (Some(draft), Some((_, prompt))) = (&self.draft, &mut self.prompt) else { return };
        let level = draft.level.map(|l| format!("Enter: level{}{}", look.shared.glyphs.at_least, l.as_str()));
        prompt.note = draft.wrong.clone().or(level).unwrap_or(count) + &draft.offer(prompt.text());
    }

    /// The condition is asked for.
    pub(super) fn condition_accepted(&mut self, cx: &mut Cx<'_>) {
        let asked = self.plan(&cx.look);
        let Some(draft) = self.draft.take() else { return };
        self.set_in_detail(true);
        if let Some(level) = draft.level {
            self.set_level(cx, level);
            return;
        }
        let all = self.store.show().conditions.clone();
        if let Some(at) = draft.at {
            self.builder.selected = at;
        } else if all.len() > draft.before.len() {
            self.builder.selected = all.len() - 1 + usize::from(self.level() != Level::Unknown);
        }
        self.ask_anew(cx, asked, |_| ());
    }

    /// The condition is not asked for after all.
    pub(super) fn condition_cancelled(&mut self, cx: &Cx<'_>) {
        if let Some(draft) = self.draft.take() {
            self.show(cx, |show| show.conditions = draft.before);
        }
    }

    /// Completes what is typed with what was seen in the lines.
    pub(super) fn complete_condition(&mut self, cx: &Cx<'_>) {
        let (Some(draft), Some((_, prompt))) = (&mut self.draft, &mut self.prompt) else { return };
        let (base, times) = draft.round.take().unwrap_or_else(|| (prompt.text().to_owned(), 0));
        let offers = draft.offers(&base);
        if let Some(text) = offers.get(times % offers.len().max(1)) {
            prompt.replace(text);
            draft.round = Some((base, times + 1));
        }
        self.condition_typed(cx);
    }

    /// Another key than that of completion.
    pub(super) fn end_round(&mut self) {
        if let Some(draft) = &mut self.draft {
            draft.round = None;
        }
    }
}

impl Draft {
    /// The field of a name as a condition; one that was not seen is asked for among labels and metadata.
    fn field(&self, name: &str) -> Condition {
        let seen = self.seen.iter().find(|s| s.name == name).map(|s| s.condition.clone());
        let edited = || self.at.and_then(|i| self.before.get(i)).filter(|c| c.name == name).cloned();
        let unseen = || Condition::is(crate::store::Place::Unseen, name, name.to_owned(), "", true);
        seen.or_else(edited).unwrap_or_else(unseen)
    }

    fn with(&self, condition: Option<Condition>) -> Vec<Condition> {
        let mut all = self.before.clone();
        match (condition, self.at.and_then(|i| all.get_mut(i))) {
            (Some(new), Some(old)) => *old = Condition { off: false, ..new },
            (Some(new), None) => add(&mut all, new),
            (None, _) => {}
        }
        all
    }

    /// Texts that what is typed may become.
    fn offers(&self, text: &str) -> Vec<String> {
        let (name, rest) = text.split_at(typed::name_end(text));
        if rest.is_empty() {
            let begins = self.seen.iter().filter(|s| s.name.starts_with(name));
            let within = self.seen.iter().filter(|s| !s.name.starts_with(name) && s.name.contains(name));
            return begins.chain(within).map(|s| s.name.clone()).collect();
        }
        let value = rest.trim_start_matches(|c: char| c.is_whitespace() || "=!~<>".contains(c));
        let (before, is_regex) = (&text[..text.len() - value.len()], rest[..rest.len() - value.len()].contains('~'));
        let Some(seen) = self.seen.iter().find(|s| s.name == name).filter(|_| before.len() > name.len() && !is_regex) else {
            return Vec::new();
        };
        seen.values.iter().filter(|v| v.starts_with(value) && *v != value).map(|v| format!("{before}{v}")).collect()
    }

    /// What is said of them behind what is typed.
    fn offer(&self, text: &str) -> String {
        let base = self.round.as_ref().map_or(text, |(base, _)| base);
        let name = typed::name_end(base);
        let short = |offer: &String| if base.len() > name { offer.get(name..).unwrap_or(offer).to_owned() } else { offer.clone() };
        let offers: Vec<String> = self.offers(base).iter().take(6).map(short).collect();
        if offers.is_empty() { String::new() } else { format!("   Tab: {}", offers.join("  ")) }
    }
}
