//! How many traces of a service an answer has room for, as refusals have taught it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use compact_str::CompactString;

use super::MOST_TRACES;

/// Answers with all the traces that were asked for, before more are.
const CALM: u32 = 4;

/// What is known of a service.
struct Room {
    traces: usize,
    /// Full answers since the last one that was too large.
    calm: u32,
}

/// The services of which an answer was too large.
#[derive(Default)]
pub(super) struct Rooms(Mutex<HashMap<CompactString, Room>>);

impl Rooms {
    /// How many traces may be asked for, if there is a limit.
    pub(super) fn of(&self, service: &str) -> Option<usize> {
        self.with(|rooms| rooms.get(service).map(|room| room.traces))
    }

    /// So many were too large. Gives back how many to ask for now.
    pub(super) fn too_large(&self, service: &str, traces: usize) -> usize {
        self.with(|rooms| {
            let room = rooms.entry(service.into()).or_insert(Room { traces, calm: 0 });
            *room = Room { traces: room.traces.min((traces / 4).max(1)), calm: 0 };
            room.traces
        })
    }

    /// So many were asked for, and as many came.
    pub(super) fn full(&self, service: &str, traces: usize) {
        self.with(|rooms| {
            let Some(room) = rooms.get_mut(service).filter(|room| traces >= room.traces) else { return };
            room.calm += 1;
            if room.calm > CALM {
                room.traces *= 2;
            }
            if room.traces >= MOST_TRACES {
                rooms.remove(service);
            }
        });
    }

    fn with<T>(&self, with: impl FnOnce(&mut HashMap<CompactString, Room>) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_some_full_answers_more_are_asked_for_until_there_is_no_limit() {
        let rooms = Rooms::default();
        assert_eq!(rooms.too_large("cart", 50), 12);
        let mut asked = Vec::new();
        while let Some(traces) = rooms.of("cart") {
            asked.push(traces);
            rooms.full("cart", 3);
            rooms.full("cart", traces);
        }
        assert_eq!(asked, [12, 12, 12, 12, 12, 24, 48]);
    }

    #[test]
    fn of_two_refusals_at_once_the_smaller_is_kept() {
        let rooms = Rooms::default();
        assert_eq!((rooms.too_large("cart", 8), rooms.too_large("cart", 50), rooms.of("cart")), (2, 2, Some(2)));
        assert_eq!(rooms.of("pay"), None);
    }
}
