//! What the page says of itself: how many lines, how the tail is, what lies before, why there is nothing.

use ratatui::layout::Rect;

use super::{Logs, around::again, gaps::reason, older::Before, places};
use crate::{
    core::command::Command,
    model::log::TailState,
    ui::{
        format, panel,
        text::{truncate, width},
    },
    views::{
        Look, View,
        cost::{Verdict, WAITS},
    },
};

/// The narrowest query that still says something.
const QUERY: usize = 16;

/// How much is said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wording {
    Full,
    /// States without reasons, counts that tell of trouble.
    Brief,
    /// The least that tells one state from another.
    Short,
}

impl Logs {
    /// Query, counts and health in the room there is. How the tail is outlives all else, then how many lines there are.
    pub(super) fn title(&self, look: &Look<'_>, area: Rect, room: usize) -> String {
        let glyphs = look.shared.glyphs;
        let separator = format!(" {} ", glyphs.horizontal.repeat(2));
        let query = self.files_name().or_else(|| self.asked(look)).unwrap_or_else(|| "logs".to_owned());
        for wording in [Wording::Full, Wording::Brief] {
            let rest = self.facts_of_title(look, area, wording).join(&separator);
            let left = room.saturating_sub(width(&rest) + width(&separator));
            if width(&query).min(QUERY) <= left {
                return [truncate(&query, left, glyphs.ellipsis), rest].join(&separator);
            }
        }
        let (brief, short) = (self.tail(look, Wording::Brief), self.tail(look, Wording::Short));
        let with_count = |tail: &[String]| [&[self.count(look, Wording::Brief)], tail].concat();
        let ways = [self.facts_of_title(look, area, Wording::Brief), with_count(&brief), with_count(&short), brief, short];
        let mut ways = ways.iter().filter(|way| !way.is_empty()).map(|way| way.join(&separator));
        let fits = |way: &String| width(way) <= room;
        let last = ways.clone().next_back().unwrap_or_default();
        truncate(&ways.find(fits).unwrap_or(last), room, glyphs.ellipsis)
    }

    /// What is asked for: the query, or the trace whose lines these are, as its query is several hundred characters.
    fn asked(&self, look: &Look<'_>) -> Option<String> {
        let trace = self.typed.as_ref().map_or(look.scope.trace, |seed| seed.trace);
        let plan = self.plan(look)?;
        Some(trace.map_or(plan.base, |id| format!("trace {}", id.short())))
    }

    fn facts_of_title(&self, look: &Look<'_>, area: Rect, wording: Wording) -> Vec<String> {
        let mut out = vec![self.count(look, wording)];
        out.extend(self.partial(look));
        // What is shown is more than the header says.
        let plan = self.plan(look);
        if wording == Wording::Full {
            out.extend(plan.as_ref().and_then(|plan| self.size_note(look, plan)));
        }
        let also = self.elsewhere_note(look);
        let unapplied = plan.map_or_else(Vec::new, |p| p.unapplied);
        out.extend(also);
        if !unapplied.is_empty() {
            let what = if wording == Wording::Full { unapplied.join(", ") } else { format::counted(unapplied.len(), "condition") };
            out.push(format!("{what} not applied"));
        }
        out.extend(self.gone(look, wording));
        out.extend(self.files_facts(look, wording == Wording::Full));
        out.extend(self.before_note(look, area, wording));
        out.extend(self.after_note(look, area));
        out.extend(self.tail(look, wording));
        out
    }

    /// `3,412 lines`, `11 of 3,412 lines` where some are hidden, `3,412+ lines` where older ones come by themselves or
    /// it is not said otherwise that there are any.
    fn count(&self, look: &Look<'_>, wording: Wording) -> String {
        let (shown, kept) = (self.store.shown(), self.kept());
        let hidden = if shown == kept { String::new() } else { format!("{} of ", self.shown_count(look)) };
        let more = self.told.is_coming() || (wording != Wording::Full && self.told.has_left());
        let lines = if more { format!("{}+ lines", format::count(kept as u64)) } else { format::counted(kept, "line") };
        hidden + &lines
    }

    /// Lines that should be here and are not.
    fn gone(&self, look: &Look<'_>, wording: Wording) -> Vec<String> {
        let mut out = Vec::new();
        if self.store.dropped() > 0 {
            out.push(format!("{} oldest dropped", format::count(self.store.dropped())));
        }
        if let Some(gap) = self.told.gaps.last() {
            let clock = format::clock_millis(gap.range.start, look.shared.settings.zone.0);
            let gaps = format::counted(self.told.gaps.len(), "gap");
            out.push(if wording == Wording::Full { format!("{gaps}, the last at {clock}: {}", gap.reason) } else { gaps });
        }
        out
    }

    fn before_note(&self, look: &Look<'_>, area: Rect, wording: Wording) -> Option<String> {
        if let Some(error) = self.told.older_failed() {
            return Some(if wording == Wording::Full {
                format!("older lines: {}", again(look, error))
            } else {
                "older lines failed".to_owned()
            });
        }
        let full = wording == Wording::Full;
        let words = match self.before(area)? {
            Before::Loading if full => "older lines: loading",
            Before::Loading => "loading older",
            Before::Left if full => "older ones not loaded",
            Before::Left => return None,
            Before::Full if self.store.dropped() > 0 && !full => return None,
            Before::Full if full => "older lines: buffer full, these are kept",
            Before::Full => "buffer full",
            Before::Nothing if full => "no older lines in this window",
            Before::Withheld(..) if full => "no older lines are handed out",
            Before::Nothing | Before::Withheld(..) => "oldest",
        };
        Some(words.to_owned())
    }

    /// How the tail is.
    fn tail(&self, look: &Look<'_>, wording: Wording) -> Vec<String> {
        let told = &self.told;
        let (full, short) = (wording == Wording::Full, wording == Wording::Short);
        let Some(state) = self.tail_state(look, wording) else { return self.failed_note(wording) };
        let mut parts = Vec::new();
        if !told.behind().is_zero() || (full && *told.tail() == TailState::Connected) {
            let by = if short { format::age(told.behind()) } else { format!("{} s", format::count(told.behind().as_secs())) };
            parts.push(format!("{by} behind"));
        }
        if told.polled() > 0 && *told.tail() != TailState::Polled {
            let polled = if full { format::counted(told.polled(), "stream") } else { told.polled().to_string() };
            parts.push(format!("{polled} polled"));
        }
        if told.dropped > 0 && (full || told.dropped > told.recovered) {
            parts.push(format!("{} dropped", format::count(told.dropped)));
        }
        if told.recovered > 0 && full {
            parts.push(format!("{} recovered", format::count(told.recovered)));
        }
        if let Some((after, why)) = told.unsought() {
            let late = format!("not looked for when over {} late", format::age(*after));
            parts.push(match wording {
                Wording::Full => format!("lines {late}: {why}"),
                Wording::Brief => "late lines not looked for".to_owned(),
                Wording::Short => "no late ones".to_owned(),
            });
        }
        // A connected tail that has trouble is told by its trouble.
        if !short || parts.is_empty() || *told.tail() != TailState::Connected {
            parts.insert(0, state);
        }
        let dot = format!(" {} ", look.shared.glyphs.middle_dot);
        [vec![parts.join(&dot)], self.failed_note(wording)].concat()
    }

    fn tail_state(&self, look: &Look<'_>, wording: Wording) -> Option<String> {
        let words = |full: String, brief: &str, short: &str| match wording {
            Wording::Full => full,
            Wording::Brief => brief.to_owned(),
            Wording::Short => short.to_owned(),
        };
        Some(match self.told.tail() {
            TailState::Connecting => words("tail connecting".to_owned(), "tail connecting", "connecting"),
            TailState::Connected => words("tail connected".to_owned(), "tail connected", "connected"),
            TailState::Polled => words("polling: enough tails are open".to_owned(), "polling", "polling"),
            TailState::Refused { retry_at, why } => {
                let again = format::age(retry_at.since(look.now));
                words(format!("tail refused, polling, again in {again}: {why}"), "tail refused, polling", "polling")
            }
            TailState::Lost { retry_at, error } => {
                let again = format::age(retry_at.since(look.now));
                let brief = format!("tail lost, again in {again}");
                words(format!("{brief}: {}", error.message), &brief, &format!("lost, {again}"))
            }
            TailState::Off
            | TailState::Dropped(_)
            | TailState::Recovered(_)
            | TailState::Behind(_)
            | TailState::LateUnsought { .. }
            | TailState::LateSought => return None,
        })
    }

    fn failed_note(&self, wording: Wording) -> Vec<String> {
        let failed = self.told.failed().filter(|_| !self.store.is_empty());
        let words = |message: &str| if wording == Wording::Full { message.to_owned() } else { "failing".to_owned() };
        failed.map(|(error, _)| words(&error.message)).into_iter().collect()
    }

    pub(super) fn following(&self, look: &Look<'_>) -> String {
        if self.question(look).is_some() {
            return String::new();
        }
        let new = self.new_lines();
        let count = if new > 0 { format!("{} new", format::count(new as u64)) } else { String::new() };
        if self.is_paused() {
            format!("paused {count}").trim_end().to_owned()
        } else if self.list.follow && self.files_come().unwrap_or(look.scope.window.is_live()) {
            "following".to_owned()
        } else if look.scope.window.is_live() {
            count
        } else {
            String::new()
        }
    }

    /// Why there is nothing, and the way out.
    pub(super) fn blank(&self, look: &Look<'_>, area: Rect) -> Vec<String> {
        if let Some((error, since)) = self.told.failed().filter(|_| self.store.is_empty()) {
            return panel::failure(error, look.now.since(*since), look.shared);
        }
        if let Some(words) = self.files_blank() {
            return words;
        }
        if !self.store.is_empty() {
            return self.all_hidden(look, area);
        }
        let plan = self.plan(look);
        match plan.as_ref().map(|plan| self.verdict(look, plan, look.scope.window)) {
            Some(Verdict::Waits) => return vec![WAITS.to_owned()],
            Some(Verdict::Asks(size)) => {
                return vec![format!("Not read: it would be {}. The page of the lines asks what to do.", format::bytes(size as f64))];
            }
            _ => {}
        }
        if let Some(words) = self.blank_around() {
            return words;
        }
        let streams = plan.map_or(0, |p| p.streams.len());
        if streams == 0 || self.told.past.iter().take(streams).any(|p| !p.is_told()) {
            let slot = &look.shared.log_labels;
            return if slot.is_waiting() {
                panel::state(slot, look).blank.unwrap_or_default()
            } else {
                vec!["Reading history.".to_owned()]
            };
        }
        self.none_found(look)
    }

    fn all_hidden(&self, look: &Look<'_>, area: Rect) -> Vec<String> {
        let key = |command| look.shared.keymap.key(command).unwrap_or_default();
        if self.kept() == 0 {
            let new = format::counted(self.store.waiting(), "line");
            return vec![format!("Paused before the first line. {new} came since."), format!("{} resumes", key(Command::Pause))];
        }
        if self.is_filtering() {
            return vec![self.filtering_note()];
        }
        let (kept, filters) = (format::count(self.kept() as u64), self.filters(look).join(" and "));
        let mut lines = vec![
            format!("None of {kept} lines passes {filters}."),
            format!("{} changes the filter   {} the level", key(Command::Filter), key(Command::MinimumLevel)),
        ];
        match self.before(area) {
            Some(Before::Loading) => lines.push("Reading older lines.".to_owned()),
            Some(Before::Left) => lines.push(format!("{} reads older lines", key(Command::Top))),
            _ => {}
        }
        lines
    }

    fn none_found(&self, look: &Look<'_>) -> Vec<String> {
        let key = |command| look.shared.keymap.key(command).unwrap_or_default();
        let (range, zone) = (look.range(), look.shared.settings.zone.0);
        let plan = (self.asked(look).unwrap_or_default(), self.plan(look).map_or_else(Vec::new, |p| p.unapplied));
        let mut lines = vec![format!(
            "No lines for {} in {} {} {}.",
            plan.0,
            format::day_clock(range.start, look.now, zone),
            look.shared.glyphs.dash,
            format::day_clock(range.end, range.start, zone)
        )];
        if let Some((withheld, limit)) = self.told.withheld() {
            lines.push(format!("Nothing before {} is handed out: {}.", format::day_clock(withheld.end, look.now, zone), reason(limit)));
        }
        match (self.unnamed(look), look.shared.log_labels.value()) {
            (Some(unnamed), _) => lines.extend(unnamed),
            (None, Some(labels)) if self.typed.is_none() => lines.extend(places::asked(look.scope, labels)),
            _ => {}
        }
        if !plan.1.is_empty() {
            lines.push(format!("Not a log label, so not applied: {}", plan.1.join(", ")));
        }
        let ways = [(Command::ZoomOut, "a longer window"), (Command::TimePicker, "another one"), (Command::EditQuery, "the query")];
        lines.push(ways.map(|(command, what)| format!("{} {what}", key(command))).join("   "));
        lines
    }
}
