//! How far back the lines of one stream are known, over the runs of the stream: it ends when the page is left and begins
//! anew when the user comes back.

use std::time::Duration;

use crate::model::{
    log::{Limit, Older},
    time::{TimeRange, Timestamp},
};

/// Lines may become queryable this late: what a run knows of its last moments is not relied on.
const LATE: Duration = Duration::from_secs(15);

/// Everything between two instants is here.
#[derive(Clone, Copy)]
struct Known {
    /// When the run was asked, which names it.
    asked: Timestamp,
    from: Timestamp,
    to: Timestamp,
    older: Older,
}

/// The past of one stream.
#[derive(Default)]
pub(super) struct Past {
    known: Option<Known>,
    /// What an earlier run had read, as long as a gap is between the two.
    earlier: Option<Known>,
}

impl Past {
    /// The run read a page: from `reached` on everything is known.
    pub(super) fn page(&mut self, asked: Timestamp, reached: Timestamp, older: Older) {
        match &mut self.known {
            Some(known) if known.asked == asked => known.reach(reached, older),
            other => {
                if let Some(mut before) = other.replace(Known { asked, from: reached, to: asked, older }) {
                    if before.older == Older::Coming {
                        before.older = Older::Left(Timestamp(before.from.0.saturating_add(1)));
                    }
                    self.earlier = Some(before);
                }
            }
        }
        self.join();
    }

    /// A page that was asked for.
    pub(super) fn older_page(&mut self, reached: Timestamp, older: Older) {
        if let Some(known) = &mut self.known {
            known.reach(reached, older);
        }
        self.join();
    }

    /// The run has read what came since, up to an instant. What a tail brought beyond that may not be all.
    pub(super) fn read_to(&mut self, asked: Timestamp, to: Timestamp) {
        if let Some(known) = self.known.as_mut().filter(|k| k.asked == asked) {
            known.to = known.to.max(to);
        }
    }

    fn join(&mut self) {
        if let (Some(known), Some(earlier)) = (&mut self.known, &self.earlier)
            && known.from <= earlier.to - LATE
        {
            known.reach(earlier.from, earlier.older);
            self.earlier = None;
        }
    }

    /// Whether any history was told.
    pub(super) fn is_told(&self) -> bool {
        self.known.is_some()
    }

    /// The time before the known lines of which the server hands out nothing, and why: up to an earlier run's lines, if there are
    /// any, else to the end of time.
    pub(super) fn withheld(&self) -> Option<(TimeRange, Limit)> {
        match self.known?.older {
            Older::Withheld(limit) => {
                let start = self.earlier.map_or(Timestamp::ZERO, |earlier| earlier.to);
                Some((TimeRange { start, end: self.known?.from }, limit))
            }
            Older::Coming | Older::Left(_) | Older::Nothing => None,
        }
    }

    /// From when on all lines are here, where those before were not read, or not all.
    pub(super) fn unread_before(&self) -> Option<Timestamp> {
        self.known.filter(|k| matches!(k.older, Older::Left(_) | Older::Coming)).map(|k| k.from)
    }

    /// What lies before the known lines.
    pub(super) fn older(&self) -> Option<Older> {
        self.known.map(|k| k.older)
    }
}

impl Known {
    fn reach(&mut self, reached: Timestamp, older: Older) {
        if reached <= self.from {
            (self.from, self.older) = (reached, older);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> Timestamp = Timestamp::from_secs;

    #[test]
    fn what_an_earlier_run_had_read_counts_once_the_gap_is_closed() {
        let mut past = Past::default();
        past.page(AT(1000), AT(900), Older::Coming);
        past.page(AT(1000), AT(800), Older::Left(AT(801)));
        past.older_page(AT(500), Older::Left(AT(501)));
        past.read_to(AT(1000), AT(1100));
        assert_eq!(past.older(), Some(Older::Left(AT(501))));

        past.page(AT(2000), AT(1900), Older::Coming);
        assert_eq!(past.older(), Some(Older::Coming), "between the two something may be missing");
        past.page(AT(2000), AT(1090), Older::Left(AT(1091)));
        assert_eq!(past.older(), Some(Older::Left(AT(1091))), "what came late to the earlier run is read again");
        past.older_page(AT(1080), Older::Left(AT(1081)));
        assert_eq!(past.older(), Some(Older::Left(AT(501))));
        past.page(AT(2000), AT(1080), Older::Left(AT(1081)));
        assert_eq!(past.older(), Some(Older::Left(AT(501))));
    }

    #[test]
    fn lines_that_nobody_read_again_are_read_by_the_next_run() {
        let mut past = Past::default();
        past.page(AT(1000), AT(900), Older::Nothing);
        past.read_to(AT(1000), AT(1050));
        // Reading fails until the page is left at 1400, the tail goes on.
        past.page(AT(2000), AT(1980), Older::Coming);
        past.page(AT(2000), AT(1300), Older::Left(AT(1301)));
        assert_eq!(past.older(), Some(Older::Left(AT(1301))), "what the tail alone has brought may not be all");
        past.older_page(AT(1036), Older::Left(AT(1037)));
        assert_eq!(past.older(), Some(Older::Left(AT(1037))));
        past.older_page(AT(1035), Older::Left(AT(1036)));
        assert_eq!(past.older(), Some(Older::Nothing));
    }

    #[test]
    fn what_is_withheld_ends_where_the_lines_of_any_run_begin() {
        let limit = Limit::Lookback(Duration::from_secs(3600));
        let mut past = Past::default();
        past.page(AT(5000), AT(1400), Older::Withheld(limit));
        past.read_to(AT(5000), AT(5100));
        let before = |end| TimeRange { start: Timestamp::ZERO, end: AT(end) };
        assert_eq!(past.withheld(), Some((before(1400), limit)));
        past.page(AT(5200), AT(1600), Older::Withheld(limit));
        assert_eq!(past.withheld(), Some((before(1400), limit)), "the first run has read what the second one may not");
        past.page(AT(9900), AT(6300), Older::Withheld(limit));
        assert_eq!(past.withheld(), Some((TimeRange { start: AT(5200), end: AT(6300) }, limit)), "between the two nobody has read");
    }

    #[test]
    fn a_run_that_was_cut_off_is_read_on() {
        let mut past = Past::default();
        past.page(AT(1000), AT(900), Older::Coming);
        past.page(AT(1005), AT(950), Older::Coming);
        assert_eq!(past.older(), Some(Older::Left(Timestamp(AT(900).0 + 1))));
    }
}
