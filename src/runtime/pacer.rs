//! When the next frame is drawn: soon after a key, gathered after data, slower on a slow link, never without a reason.

use std::time::{Duration, Instant};

use crate::app::Urgency;

const INPUT_GAP: Duration = Duration::from_millis(4);
const DATA_GAP: Duration = Duration::from_millis(33);
/// A frame must not take more than a quarter of the time: a link on which writing takes long gets fewer frames.
const BREATHING: u32 = 4;

/// Decides when a frame is due.
#[derive(Debug, Default)]
pub struct Pacer {
    wanted: Option<Urgency>,
    last: Option<Instant>,
    /// Moving average of the time a frame took to draw and write.
    cost: Duration,
}

impl Pacer {
    /// Something on the screen changed.
    pub fn mark(&mut self, urgency: Urgency) {
        self.wanted = self.wanted.max(Some(urgency));
    }

    /// When the frame is due; `None` sleeps until something changes.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let gap = match self.wanted? {
            Urgency::Input => INPUT_GAP,
            Urgency::Data => DATA_GAP,
        };
        Some(self.last.map_or(now, |last| last + gap.max(self.cost * BREATHING)))
    }

    /// A frame was drawn and took so long.
    pub fn drawn(&mut self, at: Instant, took: Duration) {
        self.wanted = None;
        self.last = Some(at);
        self.cost = (self.cost * 7 + took) / 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_changed_means_no_frame() {
        assert_eq!(Pacer::default().due(Instant::now()), None);
    }

    #[test]
    fn a_key_does_not_wait_for_the_pace_of_data() {
        let (mut pacer, t) = (Pacer::default(), Instant::now());
        pacer.mark(Urgency::Data);
        assert_eq!(pacer.due(t), Some(t), "the first frame is due at once");
        pacer.drawn(t, Duration::ZERO);
        assert_eq!(pacer.due(t), None);
        pacer.mark(Urgency::Data);
        assert_eq!(pacer.due(t), Some(t + DATA_GAP));
        pacer.mark(Urgency::Input);
        assert_eq!(pacer.due(t), Some(t + INPUT_GAP));
    }

    #[test]
    fn a_slow_link_gets_fewer_frames() {
        let (mut pacer, t) = (Pacer::default(), Instant::now());
        for _ in 0..50 {
            pacer.mark(Urgency::Data);
            pacer.drawn(t, Duration::from_millis(100));
        }
        pacer.mark(Urgency::Input);
        assert!(pacer.due(t).unwrap() > t + Duration::from_millis(350));
    }
}
