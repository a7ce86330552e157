//! A pane whose questions change again and again, because a key is held down, waits until they are settled.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::core::request::SlotId;

/// A question that follows another one so soon waits so long for the next.
const SETTLE: Duration = Duration::from_millis(120);

/// When the questions of a pane last changed, and from when on they may be sent.
#[derive(Clone, Copy)]
struct Times {
    changed: Instant,
    from: Instant,
}

/// What has changed of late.
#[derive(Default)]
pub(super) struct Panes(HashMap<(u32, &'static str), Arc<Mutex<Times>>>);

impl Panes {
    /// A pane asks something new. The first question goes out at once; one that soon follows holds up all that the pane
    /// has not sent yet.
    pub(super) fn changed(&mut self, slot: SlotId, now: Instant) -> Turn {
        let fresh = || Arc::new(Mutex::new(Times { changed: now, from: now }));
        let times = self.0.entry((slot.view, slot.pane)).or_insert_with(fresh).clone();
        {
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            if times.changed != now {
                let from = if now < times.changed + SETTLE { now + SETTLE } else { now };
                *times = Times { changed: now, from };
            }
        }
        Turn(times)
    }

    /// Forgets panes that are settled.
    pub(super) fn forget(&mut self, now: Instant) {
        self.0.retain(|_, times| now < times.lock().unwrap_or_else(PoisonError::into_inner).changed + SETTLE);
    }
}

/// A question that waits for its pane to settle.
pub(super) struct Turn(Arc<Mutex<Times>>);

impl Turn {
    fn from(&self) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).from
    }

    /// Waits until the question may be sent.
    pub(super) async fn come(&self) {
        loop {
            let from = self.from();
            if from <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(from.into()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(pane: &'static str, part: u32) -> SlotId {
        SlotId { view: 1, pane, part }
    }

    #[test]
    fn the_first_question_is_sent_at_once_and_what_follows_waits_for_the_last() {
        let (mut panes, t) = (Panes::default(), Instant::now());
        let ms = |n| t + Duration::from_millis(n);
        let first = panes.changed(slot("trend", 1), t);
        let beside = panes.changed(slot("trend", 2), t);
        assert_eq!((first.from(), beside.from()), (t, t), "what a pane asks together goes out together");
        let second = panes.changed(slot("trend", 3), ms(30));
        assert_eq!(second.from(), ms(150));
        let third = panes.changed(slot("trend", 4), ms(60));
        assert_eq!((second.from(), third.from()), (ms(180), ms(180)));
        assert_eq!(panes.changed(slot("list", 0), ms(60)).from(), ms(60), "another pane has its own pace");
        assert_eq!(panes.changed(slot("trend", 5), ms(400)).from(), ms(400));
    }

    #[test]
    fn settled_panes_are_forgotten() {
        let (mut panes, t) = (Panes::default(), Instant::now());
        panes.changed(slot("trend", 1), t);
        panes.forget(t + SETTLE / 2);
        assert_eq!(panes.0.len(), 1);
        panes.forget(t + SETTLE);
        assert!(panes.0.is_empty());
    }
}
