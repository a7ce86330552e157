//! How far back the lines of one stream are known, over the runs of the stream: it ends when the page is left and begins
//! anew when the user comes back.

use std::time::Duration;

use crate::model::{log::Older, time::Timestamp};

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
    pub(super) fn page(&mut self, asked: Timestamp, now: Timestamp, reached: Timestamp, older: Older) {
        match &mut self.known {
            Some(known) if known.asked == asked => {
                known.to = now;
                known.reach(reached, older);
            }
            other => {
                if let Some(mut before) = other.replace(Known { asked, from: reached, to: now, older }) {
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

    /// The run goes on.
    pub(super) fn alive(&mut self, asked: Timestamp, now: Timestamp) {
        if let Some(known) = self.known.as_mut().filter(|k| k.asked == asked) {
            known.to = now;
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
        past.page(AT(1000), AT(1001), AT(900), Older::Coming);
        past.page(AT(1000), AT(1002), AT(800), Older::Left(AT(801)));
        past.older_page(AT(500), Older::Left(AT(501)));
        past.alive(AT(1000), AT(1100));
        assert_eq!(past.older(), Some(Older::Left(AT(501))));

        past.page(AT(2000), AT(2001), AT(1900), Older::Coming);
        assert_eq!(past.older(), Some(Older::Coming), "between the two something may be missing");
        past.page(AT(2000), AT(2002), AT(1090), Older::Left(AT(1091)));
        assert_eq!(past.older(), Some(Older::Left(AT(1091))), "what came late to the earlier run is read again");
        past.older_page(AT(1080), Older::Left(AT(1081)));
        assert_eq!(past.older(), Some(Older::Left(AT(501))));
        past.page(AT(2000), AT(2003), AT(1080), Older::Left(AT(1081)));
        assert_eq!(past.older(), Some(Older::Left(AT(501))));
    }

    #[test]
    fn a_run_that_was_cut_off_is_read_on() {
        let mut past = Past::default();
        past.page(AT(1000), AT(1001), AT(900), Older::Coming);
        past.page(AT(1005), AT(1006), AT(950), Older::Coming);
        assert_eq!(past.older(), Some(Older::Left(Timestamp(AT(900).0 + 1))));
    }
}
