//! What the views on the stack were answered: it is not asked for again because a view was covered for a while.

use std::collections::HashMap;

use crate::{
    core::request::{Answer, Refresh, Request, Response, SlotId, Subscription},
    model::{
        log::{LogEvent, TailState},
        time::Timestamp,
    },
};

/// The last good answer of each place, and the question it answers.
#[derive(Default)]
pub(super) struct Answered(HashMap<SlotId, (Subscription, Timestamp)>);

impl Answered {
    /// An answer was taken by whom it was for.
    pub(super) fn note(&mut self, needs: &[Subscription], answer: &Answer, now: Timestamp) {
        let question = needs.iter().find(|n| n.slot == answer.slot && n.request == *answer.request);
        if let Some(question) = question.filter(|_| is_whole(answer, now)) {
            self.0.insert(answer.slot, (question.clone(), now));
        }
    }

    /// What of the needs is to be asked: not what has been answered once and for all; what is polled, when it is time.
    pub(super) fn leave_open(&self, mut needs: Vec<Subscription>) -> Vec<Subscription> {
        needs.retain_mut(|need| {
            let Some((_, at)) = self.0.get(&need.slot).filter(|(answered, _)| answered.is_same(need)) else { return true };
            need.answered = Some(*at);
            matches!(need.refresh, Refresh::Every(_) | Refresh::Fact(_))
        });
        needs
    }

    /// Forgets the views that are gone, and what the visible one asks no longer: it may have dropped the answer. The app's
    /// own answers stay.
    pub(super) fn forget(&mut self, visible: u32, needs: &[Subscription], is_open: impl Fn(u32) -> bool) {
        self.0.retain(|slot, (answered, _)| match slot.view {
            0 => true,
            view if view == visible => needs.iter().any(|n| n.is_same(answered)),
            view => is_open(view),
        });
    }

    /// Forgets what was answered to a question: the answer would be another one now.
    pub(super) fn forget_answers_to(&mut self, request: &Request) {
        self.0.retain(|_, (answered, _)| answered.request != *request);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether nothing was answered.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether no more is to come: a stream is whole when it is past and said so.
fn is_whole(answer: &Answer, now: Timestamp) -> bool {
    match &answer.result {
        Err(_) => false,
        Ok(Response::Log(events)) => events.contains(&LogEvent::Tail(TailState::Off)) && answer.request.is_past(now),
        Ok(Response::Red(mapping)) => !mapping.is_incomplete(),
        Ok(Response::Filtered(news)) => news.is_last,
        Ok(Response::Structure(news)) => news.is_done,
        Ok(_) => true,
    }
}
