//! Where the page begins: at the newest line, at one that it was opened on, or at a time.

use super::{
    Logs,
    around::After,
    follow::{Seed, SeedKind},
    list::Screen,
};
use crate::{
    core::scope::Scope,
    model::{
        log::{LogLine, Older},
        time::{TimeWindow, Timestamp},
        trace::SpanId,
    },
    store::LineId,
    views::Look,
};

/// A line to select.
pub(super) enum Wanted {
    /// The first one of a span.
    Span(SpanId),
    /// The first one from an instant on.
    Time(Timestamp),
    /// This one, or one so many lines after it.
    Line(Box<LogLine>, i8),
}

impl Logs {
    /// A new page of other lines than the scope's own.
    pub fn seeded(seed: Seed, scope: &Scope, now: Timestamp) -> Self {
        let mut page = Self::new(scope, None);
        page.wanted = seed.line.clone().map(|line| Wanted::Line(line, seed.step));
        page.typed = Some(seed);
        page.begin(now, scope.window);
        page
    }

    /// Begins with the line that the page was opened on, if it was. A live window begins at its newest line instead, and in a
    /// window without the line there are none around it.
    fn begin(&mut self, now: Timestamp, window: TimeWindow) {
        let Some(seed) = &self.typed else { return };
        let is_in = |line: &&LogLine| !window.is_live() && window.range(now).contains(line.at);
        let Some(line) = seed.line.as_deref().filter(is_in).cloned() else { return };
        if seed.kind == SeedKind::Around {
            self.begin_around(line.at, now);
        }
        self.store.insert(vec![line]);
        self.seeded = true;
        self.left = self.store.mark();
        self.list.begin(&self.store);
    }

    /// Begins in another window where the user wants to be, or else on the line that the page was opened on. A live window begins
    /// at its newest line instead.
    pub(super) fn begin_where_wanted(&mut self, look: &Look<'_>) {
        let window = look.scope.window;
        let is_in = |at| !window.is_live() && window.range(look.now).contains(at);
        self.wanted.take_if(|wanted| match wanted {
            Wanted::Span(_) => window.is_live(),
            Wanted::Time(at) => !is_in(*at),
            Wanted::Line(line, _) => !is_in(line.at),
        });
        match self.wanted {
            // However many lines the window has after it.
            Some(Wanted::Time(at)) if self.reads_both_ways(look) => {
                self.begin_around(at, look.now);
                self.list.begin(&self.store);
            }
            _ => self.begin(look.now, window),
        }
    }

    /// Whether the page's lines can be read from an instant on in both directions: those of several queries would be known to
    /// different instants.
    pub(super) fn reads_both_ways(&self, look: &Look<'_>) -> bool {
        self.plan(look).is_some_and(|plan| plan.streams.len() == 1)
    }

    /// Begins from one line, or a time: nothing is known on either side of it.
    pub(super) fn begin_around(&mut self, at: Timestamp, now: Timestamp) {
        let after = Timestamp(at.0.saturating_add(1));
        if let Some(past) = self.told.past(0) {
            past.page(now, after, Older::Left(after));
        }
        self.after = Some(After::Left(after));
    }

    /// Other lines are asked for: nothing is known on either side of where the user is.
    pub(super) fn begin_again(&mut self, now: Timestamp) {
        let seed = || self.typed.as_ref()?.line.as_ref().map(|line| line.at);
        let at = self.line().map(|line| line.id.at).or_else(seed);
        if let Some(at) = at.filter(|_| self.is_around()) {
            self.begin_around(at, now);
        }
    }

    /// Selects the line that is wanted, if it is there by now, until the user moves.
    pub(super) fn select_wanted(&mut self, screen: &Screen) {
        const LOOK_AT: usize = 20_000;
        let place = match &self.wanted {
            None => return,
            Some(Wanted::Span(span)) => self.store.window(0).take(LOOK_AT).position(|l| l.span == Some(*span)),
            Some(Wanted::Time(at)) => Some(self.store.position(LineId { at: *at, arrival: 0 })).filter(|_| self.store.shown() > 0),
            Some(Wanted::Line(line, step)) => {
                let first = self.store.position(LineId { at: line.at, arrival: 0 });
                let same_time = self.store.window(first).take_while(|l| l.id.at == line.at);
                let found = (first..).zip(same_time).find(|(_, l)| l.text == &*line.text && **l.stream == *line.stream);
                found.map(|(i, _)| i.saturating_add_signed(isize::from(*step)))
            }
        };
        if let Some(i) = place {
            self.list.follow = false;
            self.list.select(&self.store, i, screen);
        }
    }
}
