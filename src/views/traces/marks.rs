//! Marked hits: what `x` compares.

use super::Traces;
use crate::{
    core::command::Command,
    model::trace::TraceId,
    views::{Act, Cx, Look, compare::Seed, waterfall::short},
};

impl Traces {
    /// Marks the selected trace, or no more. Two are enough to be compared: a third takes the place of the second, or of both
    /// where neither is listed any more.
    pub(super) fn mark(&mut self, cx: &mut Cx<'_>) {
        let Some((trace, near)) = self.selected().map(|hit| (hit.trace, hit.range())) else { return };
        if let Some(at) = self.marks.iter().position(|(marked, _)| *marked == trace) {
            self.marks.remove(at);
            return cx.notice("no longer marked");
        }
        if self.marks.len() == 2 {
            let kept = if self.hidden_marks().count() == 2 { 0 } else { 1 };
            self.marks.truncate(kept);
        }
        self.marks.push((trace, near));
        let compare = cx.look.shared.keymap.key(Command::CompareTraces).unwrap_or_default();
        cx.notice(match self.marks.len() {
            1 => format!("marked as the base: {compare} on another compares the two"),
            _ => format!("{compare} compares the two"),
        });
    }

    /// Opens the comparison: of two marks that are listed or one of which is selected, of the base with the selected one, or of
    /// that with a typical good one.
    pub(super) fn compare(&self, cx: &mut Cx<'_>) {
        let Some(selected) = self.selected() else { return };
        let here = (selected.trace, selected.range());
        let (base, (trace, near)) = match self.marks[..] {
            [base, this] if self.mark_of(selected.trace).is_some() || self.hidden_marks().next().is_none() => (Some(base), this),
            [base, ..] if base.0 != selected.trace => (Some(base), here),
            _ => (None, here),
        };
        let span = selected.span().filter(|_| trace == selected.trace);
        let seed = Seed { trace, span, known: None, base };
        cx.acts.push(Act::Compare(Box::new(seed), Box::new(cx.look.scope.with_trace_near(trace, span, near))));
    }

    /// Marked ones that are not listed: of another question, or left out by the filter.
    fn hidden_marks(&self) -> impl Iterator<Item = TraceId> {
        let is_listed = |trace: TraceId| self.list.rows.iter().any(|row| self.hits()[row.hit()].trace == trace);
        self.marks.iter().map(|(marked, _)| *marked).filter(move |marked| !is_listed(*marked))
    }

    /// What is said of marks that no row shows.
    pub(super) fn marks_note(&self, look: &Look<'_>) -> Option<String> {
        let word = |trace: TraceId| Some(format!("{}{}", self.mark_of(trace)?, short(trace, look)));
        let hidden: Vec<String> = self.hidden_marks().filter_map(word).collect();
        (!hidden.is_empty()).then(|| format!("marked, not listed: {}", hidden.join(", ")))
    }

    /// What a row says of its mark.
    pub(super) fn mark_of(&self, trace: TraceId) -> Option<&'static str> {
        self.marks.iter().position(|(marked, _)| *marked == trace).map(|at| if at == 0 { "base " } else { "this " })
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

    /// What pressing these does: down, up, mark, compare, and leaving out the hits before the n-th.
    fn pressed(keys: &str) -> (String, Vec<(Seed, Scope)>) {
        let (shared, scope) = (test_shared(), Scope::new("prod", TimeWindow::EVERYTHING));
        let look = look(&shared, &scope, NOW);
        let mut view = Traces::all(&scope);
        let hits = TraceHits { hits: (1..=3).map(hit).collect(), newest: true, part: None };
        feed(&mut view, &look, SIZE, |_| Some(Ok(Response::Hits(hits.clone()))));
        let mut seeds = Vec::new();
        for key in keys.chars() {
            if let Some(n) = key.to_digit(10) {
                let left = TraceHits { hits: (u128::from(n)..=3).map(hit).collect(), newest: true, part: None };
                feed(&mut view, &look, SIZE, |_| Some(Ok(Response::Hits(left.clone()))));
                continue;
            }
            let command = match key {
                'j' => Command::Down,
                'k' => Command::Up,
                'm' => Command::Mark,
                _ => Command::CompareTraces,
            };
            let acts = with(&look, SIZE, |cx| view.command(cx, command)).1;
            seeds.extend(acts.into_iter().filter_map(|act| if let Act::Compare(seed, scope) = act { Some((*seed, *scope)) } else { None }));
        }
        (draw(&view, &look, SIZE.0, SIZE.1), seeds)
    }

    fn compared(keys: &str) -> (u128, Option<u128>) {
        let (screen, seeds) = pressed(keys);
        let [(seed, _)] = &seeds[..] else { panic!("{seeds:?} {screen}") };
        (seed.trace.0, seed.base.map(|(base, _)| base.0))
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
    fn what_is_compared_is_looked_for_at_its_time_also_when_it_is_not_listed_any_more() {
        for keys in ["mjx", "mj2x", "mjmkx"] {
            let (_, seeds) = pressed(keys);
            let [(seed, scope)] = &seeds[..] else { panic!("{seeds:?}") };
            assert_eq!((seed.base, scope.trace_near), (Some((TraceId(1), hit(1).range())), Some(hit(2).range())), "{keys}");
        }
    }

    #[test]
    fn a_mark_that_is_not_listed_is_told_and_is_compared_with_the_selected_one_alone() {
        let (screen, _) = pressed("mjm2");
        assert!(screen.contains("marked, not listed: base 0000…0001"), "{screen}");
        assert_eq!(compared("mj2x"), (2, Some(1)));
        assert_eq!(compared("mjm2x"), (2, Some(1)), "one of the two is selected");
        assert_eq!(compared("mjm2jx"), (3, Some(1)), "neither is: what is selected counts");
        assert_eq!(compared("mjm3x"), (3, Some(1)));
    }

    #[test]
    fn marks_are_seen_and_a_third_takes_the_place_of_the_second() {
        let (screen, _) = pressed("mjm");
        assert_eq!((screen.matches("base GET /").count(), screen.matches("this GET /").count()), (1, 1), "{screen}");
        assert!(!screen.contains("not listed"), "{screen}");
        assert_eq!(compared("mjmjmkx"), (3, Some(1)));
        let (screen, _) = pressed("mjm3m");
        assert!(screen.contains("base GET /") && !screen.contains("not listed"), "of two that are gone nothing is left: {screen}");
    }
}
