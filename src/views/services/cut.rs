//! Of how many services a question is asked: of fewer where the server does not answer it for all, and of more when it does.

use std::time::Duration;

use crate::model::{backend::SourceError, time::Timestamp};

/// A part of so few services is not made smaller.
const SMALLEST: usize = 8;
/// A refused question is asked of this part of its services, and one that was answered well of so many times as many.
const PART: usize = 4;
/// So many good answers in a row, and more is asked.
const WELL: u32 = 3;
/// One that takes too long is asked the same once more: it may have been a moment.
const SLOW: u32 = 2;
/// For so long what was refused is not asked again; twice as long each time that it is refused.
const REST: Duration = Duration::from_secs(120);
const LONGEST_REST: Duration = Duration::from_secs(1920);

/// How large one question is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Size {
    cut: Option<Cut>,
    /// Good answers and timeouts in a row, of this size.
    well: u32,
    slow: u32,
    refused: Option<Refused>,
}

/// Which services a question is asked of, in place of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// These, sorted.
    pub services: Vec<String>,
    /// How many it may be asked of.
    count: usize,
    /// The server's words.
    pub why: String,
}

/// A size that the server did not answer.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Refused {
    /// So many services.
    count: usize,
    rest: Duration,
    until: Timestamp,
}

impl Cut {
    /// Whether it is asked of this one.
    pub fn has(&self, service: &str) -> bool {
        has(&self.services, service)
    }
}

/// Whether a service is among sorted ones.
pub fn has(sorted: &[String], service: &str) -> bool {
    sorted.binary_search_by(|s| s.as_str().cmp(service)).is_ok()
}

impl Size {
    /// The services it is asked of; `None`: all.
    pub fn cut(&self) -> Option<&Cut> {
        self.cut.as_ref()
    }

    /// Asks less after an error that says that it was too much. The `wanted` come first in their order; `all` are so many.
    /// Returns whether it got smaller.
    pub fn failed(&mut self, error: &SourceError, wanted: Vec<String>, all: usize, now: Timestamp) -> bool {
        self.well = 0;
        if !error.is_refusal() {
            return false;
        }
        let asked = self.count(all);
        self.slow += 1;
        let tried_more = self.refused.is_some_and(|r| asked.saturating_mul(2) > r.count);
        if error.is_transient() && self.slow < SLOW && !tried_more {
            return false;
        }
        let count = (asked / PART).max(SMALLEST);
        if count >= asked {
            return false;
        }
        let rest = self.refused.filter(|_| tried_more).map_or(REST, |r| (2 * r.rest).min(LONGEST_REST));
        self.refused = Some(Refused { count: asked, rest, until: now + rest });
        self.slow = 0;
        self.cut = Some(Cut { services: first(wanted, count), count, why: error.message.clone() });
        true
    }

    /// After some good answers in a row it asks more, but not soon what was refused. Returns whether it got larger.
    pub fn answered(&mut self, wanted: impl FnOnce() -> Vec<String>, all: usize, now: Timestamp) -> bool {
        self.slow = 0;
        self.well = self.well.saturating_add(1);
        if self.well < WELL {
            return false;
        }
        let asked = self.count(all);
        // What was refused is answered now.
        self.refused = self.refused.filter(|r| asked.saturating_mul(2) <= r.count);
        let Some(cut) = &mut self.cut else { return false };
        let more = asked.saturating_mul(PART);
        if self.refused.is_some_and(|r| more.saturating_mul(2) > r.count && now < r.until) {
            return false;
        }
        self.well = 0;
        if more >= all {
            self.cut = None;
        } else {
            cut.count = more;
            cut.services = first(wanted(), more);
        }
        true
    }

    /// As many services, the wanted ones.
    pub fn choose(&mut self, wanted: &[String]) {
        if let Some(cut) = &mut self.cut {
            cut.services = first(wanted.to_vec(), cut.count);
        }
    }

    /// Of how many services it may be asked.
    fn count(&self, all: usize) -> usize {
        self.cut.as_ref().map_or(all, |cut| cut.count)
    }
}

/// Sorted, so that the same services are the same question.
fn first(mut wanted: Vec<String>, count: usize) -> Vec<String> {
    wanted.truncate(count);
    wanted.sort_unstable();
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::backend::{Backend, ErrorKind};

    const NOW: Timestamp = Timestamp::from_secs(10_000);
    const ALL: usize = 1000;

    fn wanted(n: usize) -> Vec<String> {
        (0..n).rev().map(|i| format!("s{i:04}")).collect()
    }

    fn error(kind: ErrorKind) -> SourceError {
        SourceError::new(Backend::Prometheus, kind, "too many series")
    }

    fn refuse(size: &mut Size, now: Timestamp) -> bool {
        size.failed(&error(ErrorKind::Refused), wanted(ALL), ALL, now)
    }

    fn time_out(size: &mut Size, now: Timestamp) -> bool {
        size.failed(&error(ErrorKind::Timeout(Duration::from_secs(10))), wanted(ALL), ALL, now)
    }

    /// Answers until it grows, no more than this often.
    fn grows(size: &mut Size, most: usize, now: Timestamp) -> bool {
        (0..most).any(|_| size.answered(|| wanted(ALL), ALL, now))
    }

    fn asked(size: &Size) -> usize {
        size.cut().map_or(ALL, |cut| cut.services.len())
    }

    #[test]
    fn each_refusal_asks_a_quarter_until_it_gets_no_smaller() {
        let mut size = Size::default();
        assert!(refuse(&mut size, NOW));
        let cut = size.cut().unwrap();
        assert_eq!((cut.services.len(), cut.services[0].as_str(), cut.why.as_str()), (250, "s0750", "too many series"));
        let mut sizes = Vec::new();
        while refuse(&mut size, NOW) {
            sizes.push(asked(&size));
        }
        assert_eq!(sizes, [62, 15, 8]);
        size.choose(&wanted(3));
        assert_eq!(asked(&size), 3);
        size.choose(&wanted(20));
        assert_eq!(asked(&size), 8, "as many as before a filter left few");
        assert_eq!(size.cut().unwrap().services[7], "s0019", "those that are wanted now");
        assert!(!Size::default().failed(&error(ErrorKind::Refused), wanted(8), 8, NOW), "eight are no fewer than eight");
        assert!(Size::default().failed(&error(ErrorKind::Refused), wanted(5), 1000, NOW), "all were asked, whatever the filter shows");
        assert!(!Size::default().failed(&error(ErrorKind::Server(500)), wanted(ALL), ALL, NOW), "a fault is no refusal");
    }

    #[test]
    fn what_takes_too_long_once_is_asked_once_more() {
        let mut size = Size::default();
        assert!(!time_out(&mut size, NOW));
        grows(&mut size, 1, NOW);
        assert!(!time_out(&mut size, NOW), "it was answered in between");
        assert!(time_out(&mut size, NOW));
        assert_eq!(asked(&size), 250);
        assert!(!time_out(&mut size, NOW), "a smaller question is another");
    }

    #[test]
    fn it_grows_after_good_answers_and_rests_longer_each_time_that_is_refused() {
        let mut size = Size::default();
        refuse(&mut size, NOW);
        assert!(!grows(&mut size, 99, NOW), "what was refused is not asked at once");
        let mut now = NOW;
        for rest in [120, 240, 480, 960, 1920, 1920] {
            let early = now + Duration::from_secs(rest - 1);
            assert!(!grows(&mut size, 99, early), "{rest}");
            now = now + Duration::from_secs(rest);
            assert!(grows(&mut size, 1, now), "{rest}");
            assert_eq!(asked(&size), ALL);
            assert!(time_out(&mut size, now), "a try that fails is over at the first timeout");
            assert_eq!(asked(&size), 250);
            assert!(!grows(&mut size, 2, now + LONGEST_REST), "not before some good answers");
        }
        assert!(grows(&mut size, 3, now + LONGEST_REST));
        assert!(!grows(&mut size, 3, now + LONGEST_REST), "there is no more than all");
        assert!(!time_out(&mut size, now + LONGEST_REST), "it was answered well: one timeout is a moment again");
        assert_eq!(size.refused, None);
    }

    #[test]
    fn it_grows_by_steps_up_to_what_was_refused() {
        let mut size = Size::default();
        (0..4).for_each(|_| assert!(refuse(&mut size, NOW)));
        let later = NOW + LONGEST_REST;
        let mut sizes = Vec::new();
        while grows(&mut size, 3, later) {
            sizes.push(asked(&size));
        }
        assert_eq!(sizes, [32, 128, 512, ALL]);
    }
}
