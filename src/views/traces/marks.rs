//! Marked hits: what `x` compares.

use super::Traces;
use crate::{
    core::command::Command,
    model::trace::TraceId,
    views::{Act, Cx, compare::Seed},
};

impl Traces {
    /// Marks the selected trace, or no more. Two are enough to be compared.
    pub(super) fn mark(&mut self, cx: &mut Cx<'_>) {
        let Some(trace) = self.selected().map(|hit| hit.trace) else { return };
        let key = |command| cx.look.shared.keymap.key(command).unwrap_or_default();
        let (mark, compare) = (key(Command::Mark), key(Command::CompareTraces));
        if let Some(at) = self.marks.iter().position(|marked| *marked == trace) {
            self.marks.remove(at);
            return cx.notice("no longer marked");
        }
        let words = match self.marks.len() {
            0 => format!("marked as the base: {compare} on another compares the two"),
            1 => format!("{compare} compares the two"),
            _ => return cx.notice(format!("two are marked already: {mark} on one of them takes it back")),
        };
        self.marks.push(trace);
        cx.notice(words);
    }

    /// Opens the comparison: of two marks, of the mark with the selected one, or of that with a typical good one.
    pub(super) fn compare(&self, cx: &mut Cx<'_>) {
        let Some(selected) = self.selected() else { return };
        let (base, trace) = match self.marks[..] {
            [base, trace, ..] => (Some(base), trace),
            [base] if base != selected.trace => (Some(base), selected.trace),
            _ => (None, selected.trace),
        };
        let span = selected.span().filter(|_| trace == selected.trace);
        let seed = Seed { trace, span, known: None, base };
        cx.acts.push(Act::Compare(Box::new(seed), Box::new(cx.look.scope.with_trace(trace, span))));
    }

    /// What a row says of its mark.
    pub(super) fn mark_of(&self, trace: TraceId) -> Option<&'static str> {
        self.marks.iter().position(|marked| *marked == trace).map(|at| if at == 0 { "base " } else { "this " })
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        app::testing::{draw, feed, look, test_shared, with},
        core::{command::Command, request::Response, scope::Scope},
        model::{
            time::{TimeWindow, Timestamp},
            trace::{HitSpan, SpanId, TraceHit, TraceHits, TraceId},
        },
        views::{Act, View, compare::Seed, traces::Traces},
    };

    const NOW: Timestamp = Timestamp::from_secs(36_000);
    const SIZE: (u16, u16) = (120, 24);

    fn hit(id: u128) -> TraceHit {
        TraceHit {
            trace: TraceId(id),
            root_service: Some("web".into()),
            root_name: Some("GET /".into()),
            start: Timestamp::from_secs(35_000 - id as i64),
            duration_ns: 1,
            span_count: None,
            error_count: None,
            matched: 1,
            spans: vec![HitSpan { id: Some(SpanId(id as u64)), ..HitSpan::default() }],
        }
    }

    /// What pressing these does: down, mark, compare.
    fn pressed(keys: &str) -> (String, Vec<Seed>) {
        let (shared, scope) = (test_shared(), Scope::new("prod", TimeWindow::EVERYTHING));
        let look = look(&shared, &scope, NOW);
        let mut view = Traces::all(&scope);
        let hits = TraceHits { hits: (1..=3).map(hit).collect(), newest: true, part: None };
        feed(&mut view, &look, SIZE, |_| Some(Ok(Response::Hits(hits.clone()))));
        let mut seeds = Vec::new();
        for key in keys.chars() {
            let command = match key {
                'j' => Command::Down,
                'm' => Command::Mark,
                _ => Command::CompareTraces,
            };
            let acts = with(&look, SIZE, |cx| view.command(cx, command)).1;
            seeds.extend(acts.into_iter().filter_map(|act| if let Act::Compare(seed, _) = act { Some(*seed) } else { None }));
        }
        (draw(&view, &look, SIZE.0, SIZE.1), seeds)
    }

    fn compared(keys: &str) -> (u128, Option<u128>) {
        let (screen, seeds) = pressed(keys);
        let [seed] = &seeds[..] else { panic!("{seeds:?} {screen}") };
        (seed.trace.0, seed.base.map(|base| base.0))
    }

    #[test]
    fn two_marks_are_compared_one_with_the_selected_and_none_with_a_typical_one() {
        assert_eq!(compared("x"), (1, None));
        assert_eq!(compared("mjx"), (2, Some(1)), "the mark is the base");
        assert_eq!(compared("mx"), (1, None), "not with itself");
        assert_eq!(compared("mjmjx"), (2, Some(1)));
        assert_eq!(compared("mmx"), (1, None), "a mark is taken back");
    }

    #[test]
    fn marks_are_seen_and_a_third_is_none() {
        let (screen, _) = pressed("mjmjm");
        assert_eq!((screen.matches("base GET /").count(), screen.matches("this GET /").count()), (1, 1), "{screen}");
    }
}
