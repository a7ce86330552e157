//! What becomes of answers, of what the streams deliver foremost.

use super::{List, Logs, Told, Wanted, elsewhere};
use crate::{
    app::expect,
    core::request::{Answer, pick},
    model::{backend::SourceError, log::LogEvent, time::Timestamp},
    views::{Cx, editor::bar::Bar},
};

impl Logs {
    /// Takes an answer to anything that the page asked. Returns whether the screen changes by it.
    pub(super) fn take_in(&mut self, cx: &mut Cx<'_>, answer: Answer) -> bool {
        self.keep_to_plan(cx);
        if self.without_line_patterns(cx, &answer) {
            return true;
        }
        match answer.slot.pane {
            pane if Bar::PANES.contains(&pane) => return self.bar_answer(cx, answer),
            "volume" => {
                let result = expect(answer.result, pick!(Matrix));
                return self.volume_came(&cx.look, &answer.request, answer.asked, result);
            }
            "size" | "size by service" | "earlier size" => {
                let size = expect(answer.result, pick!(LogSize));
                self.size_came(&cx.look, answer.request, answer.asked, size);
                self.earlier_size_came(&cx.look);
            }
            elsewhere::PANE => {
                self.elsewhere_told(&cx.look, answer);
                self.keep_to_plan(cx);
            }
            "patterns" | "server patterns" | "earlier" | "same" => self.pattern_answer(&cx.look, answer),
            "filter" => {
                self.filtered(expect(answer.result, pick!(Filtered)));
                self.settle(cx);
            }
            "newer" => {
                self.store.set_limit(cx.look.shared.settings.log_bytes);
                self.newer_page(expect(answer.result, pick!(Newer)));
                self.settle(cx);
            }
            _ => self.events_came(cx, answer),
        }
        true
    }

    /// What a stream delivers, or a page of older lines.
    fn events_came(&mut self, cx: &mut Cx<'_>, answer: Answer) {
        self.store.set_limit(cx.look.shared.settings.log_bytes);
        self.show_window(&cx.look);
        let (now, part) = (cx.look.now, answer.slot.part);
        match expect(answer.result, pick!(Log)) {
            result if answer.slot.pane == "older" => self.older_page(part, result),
            Ok(events) => events.into_iter().for_each(|event| self.event(answer.asked, part, event, now)),
            Err(error) => self.event(answer.asked, part, LogEvent::Failed(error), now),
        }
        self.tell_news(cx);
        self.settle(cx);
    }

    /// Takes note of what is asked by now: which label names the service first, and which ones do as well, becomes known while
    /// the page is open.
    pub(super) fn keep_to_plan(&mut self, cx: &mut Cx<'_>) {
        let Some(plan) = self.plan(&cx.look).filter(|plan| plan.streams != self.told.of()) else { return };
        let lost_first = self.told.of().first().is_some_and(|first| !plan.streams.contains(first));
        // Those around a time are read of one query alone.
        if lost_first || (self.is_around() && plan.streams.len() > 1) {
            let at = self.line().filter(|_| !self.list.follow).map(|line| Wanted::Time(line.id.at));
            self.wanted = at.or(self.wanted.take());
            self.restart();
            self.begin_where_wanted(&cx.look);
            self.note_question(&cx.look);
            cx.notice("which labels name the service is known better now: its lines are read anew");
        }
        self.told.keep_to(&plan.streams);
        self.patterns.keep_earlier_to(&plan.streams);
    }

    /// Forgets the lines of another question.
    pub(super) fn restart(&mut self) {
        self.store.clear();
        self.list = List::new();
        self.told = Told::default();
        self.reading += 1;
        self.after = None;
        self.stop_filtering();
        self.volume.clear();
        self.counting.restart();
        self.brush = None;
        self.patterns.restart();
        self.left = self.store.mark();
        self.spree = 0;
        self.detail.another();
        self.memo.forget();
        self.counts = None;
        self.columns.forget_parts();
        self.shift = 0;
    }

    pub(super) fn event(&mut self, asked: Timestamp, part: u32, event: LogEvent, now: Timestamp) {
        self.told.run(part, asked);
        match event {
            LogEvent::History { lines, reached, older } => {
                if let Some(past) = self.told.past(part) {
                    past.page(asked, reached, older);
                }
                // What a page begins with is not what the stream brings.
                let first = self.store.is_empty() || std::mem::take(&mut self.seeded);
                self.store.insert(lines);
                if first {
                    // What a second stream knows of that time is not new either.
                    self.left = self.store.mark().by_time();
                }
                self.told.works(part);
            }
            // Those of a tail do not tell that questions are answered.
            LogEvent::Lines(lines) => _ = self.store.insert(lines),
            LogEvent::Files(told) => self.files_told(told),
            LogEvent::Gap(gap) => self.told.gap(gap),
            LogEvent::Tail(state) => self.told.set_tail(part, state),
            LogEvent::ReadTo(at) => {
                if let Some(past) = self.told.past(part) {
                    past.read_to(asked, at);
                }
            }
            LogEvent::Limited(limit) => self.told.limit(part, limit),
            LogEvent::Failed(error) | LogEvent::LeftOut { error, .. } => self.told.fail(part, error, now),
        }
    }

    /// A page of older lines, or why it did not come.
    pub(super) fn older_page(&mut self, part: u32, result: Result<Vec<LogEvent>, SourceError>) {
        let (events, failed) = result.map_or_else(|error| (Vec::new(), Some(error)), |events| (events, None));
        if let Some(told) = self.told.older_failed.get_mut(part as usize) {
            told.clone_from(&failed);
        }
        if failed.is_some() {
            return;
        }
        self.spree = self.spree.saturating_add(1);
        for event in events {
            match event {
                LogEvent::History { lines, reached, older } => {
                    self.store.insert(lines);
                    if let Some(past) = self.told.past(part) {
                        past.older_page(reached, older);
                    }
                }
                LogEvent::Gap(gap) => self.told.gap(gap),
                LogEvent::Lines(_)
                | LogEvent::Tail(_)
                | LogEvent::ReadTo(_)
                | LogEvent::Limited(_)
                | LogEvent::Failed(_)
                | LogEvent::LeftOut { .. }
                | LogEvent::Files(_) => {}
            }
        }
    }
}
