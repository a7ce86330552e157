//! When the next frame is drawn: soon after a key, gathered after data, slower on a slow link, never without a reason.

use std::time::{Duration, Instant};

use crate::app::Urgency;

const INPUT_GAP: Duration = Duration::from_millis(4);
/// Answers to the questions of one refresh come together: the first one waits so long for the others.
const GATHER: Duration = Duration::from_millis(15);
/// A frame must not take more than a quarter of the time: a link on which writing takes long gets fewer frames.
const BREATHING: u32 = 4;
/// Frames that are drawn and written within this are no burden to anyone: a key does not wait for the rest after one, it comes
/// only as often as someone types.
const QUICK: Duration = Duration::from_millis(4);

/// Decides when a frame is due.
#[derive(Debug)]
pub struct Pacer {
    /// Between two frames that only data asks for.
    data_gap: Duration,
    wanted: Option<Urgency>,
    /// When it was first wanted since the last frame.
    since: Option<Instant>,
    last: Option<Instant>,
    /// The last one that a key asked for.
    last_typed: Option<Instant>,
    /// Moving average of the time a frame took to draw and write.
    cost: Duration,
}

impl Pacer {
    /// At most `max_fps` frames a second for data.
    pub fn new(max_fps: u32) -> Self {
        Self {
            data_gap: Duration::from_secs(1) / max_fps.max(1),
            wanted: None,
            since: None,
            last: None,
            last_typed: None,
            cost: Duration::ZERO,
        }
    }

    /// Something on the screen changed `now`.
    pub fn mark(&mut self, urgency: Urgency, now: Instant) {
        self.wanted = self.wanted.max(Some(urgency));
        self.since.get_or_insert(now);
    }

    /// When the frame is due; `None` sleeps until something changes.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let rest = self.cost * BREATHING;
        let (last, gap, gather) = match self.wanted? {
            Urgency::Input if self.cost <= QUICK => (self.last_typed, INPUT_GAP, Duration::ZERO),
            Urgency::Input => (self.last, INPUT_GAP.max(rest), Duration::ZERO),
            Urgency::Data => (self.last, self.data_gap.max(rest), GATHER),
        };
        let since = self.since.unwrap_or(now) + gather;
        Some(last.map_or(now, |last| since.max(last + gap)))
    }

    /// A frame was drawn and took so long.
    pub fn drawn(&mut self, at: Instant, took: Duration) {
        if self.wanted == Some(Urgency::Input) {
            self.last_typed = Some(at);
        }
        (self.wanted, self.since) = (None, None);
        self.last = Some(at);
        self.cost = (self.cost * 7 + took) / 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_changed_means_no_frame() {
        assert_eq!(Pacer::new(20).due(Instant::now()), None);
    }

    #[test]
    fn a_key_does_not_wait_for_the_pace_of_data() {
        let (mut pacer, t) = (Pacer::new(20), Instant::now());
        pacer.mark(Urgency::Data, t);
        assert_eq!(pacer.due(t), Some(t), "the first frame is due at once");
        pacer.drawn(t, Duration::ZERO);
        assert_eq!(pacer.due(t), None);
        pacer.mark(Urgency::Data, t);
        assert_eq!(pacer.due(t), Some(t + Duration::from_millis(50)));
        pacer.mark(Urgency::Input, t);
        assert_eq!(pacer.due(t), Some(t), "nor for the rest after a frame of data");
        pacer.drawn(t, Duration::ZERO);
        pacer.mark(Urgency::Input, t);
        assert_eq!(pacer.due(t), Some(t + INPUT_GAP), "keys that come together are one frame");
    }

    #[test]
    fn answers_of_one_refresh_are_one_frame() {
        let (mut pacer, t) = (Pacer::new(20), Instant::now());
        pacer.drawn(t, Duration::ZERO);
        let (first, last) = (t + Duration::from_secs(2), t + Duration::from_millis(2010));
        pacer.mark(Urgency::Data, first);
        pacer.mark(Urgency::Data, last);
        assert_eq!(pacer.due(last), Some(first + GATHER));
        pacer.mark(Urgency::Input, last);
        assert!(pacer.due(last).unwrap() <= last, "a key does not wait for them");
    }

    #[test]
    fn a_key_does_not_wait_for_the_rest_after_quick_frames_of_data() {
        let (mut pacer, t) = (Pacer::new(100), Instant::now());
        for _ in 0..50 {
            pacer.mark(Urgency::Data, t);
            pacer.drawn(t, Duration::from_millis(3));
        }
        pacer.mark(Urgency::Data, t);
        assert!(pacer.due(t).unwrap() > t + Duration::from_millis(11), "data leaves the time that frames need");
        pacer.mark(Urgency::Input, t);
        assert_eq!(pacer.due(t), Some(t));
    }

    #[test]
    fn a_slow_link_gets_fewer_frames() {
        let (mut pacer, t) = (Pacer::new(20), Instant::now());
        for _ in 0..50 {
            pacer.mark(Urgency::Data, t);
            pacer.drawn(t, Duration::from_millis(100));
        }
        pacer.mark(Urgency::Input, t);
        assert!(pacer.due(t).unwrap() > t + Duration::from_millis(350));
    }
}
