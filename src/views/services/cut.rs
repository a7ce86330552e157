//! Smaller questions for a server that refuses all services at once.

use crate::model::{backend::SourceError, time::Timestamp};

/// A part of so few services is not made smaller.
const SMALLEST: usize = 8;
/// A refused question is asked of this part of its services.
const PART: usize = 4;

/// Which services one question is asked of, in place of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// These.
    pub services: Vec<String>,
    /// How many it may be asked of.
    count: usize,
    /// The server's words.
    pub why: String,
    /// The mapping it was cut under; with the next one all are asked again.
    of: Timestamp,
}

impl Cut {
    /// What is asked after a refusal; `None`: it does not get smaller. The `wanted` come first in their order.
    /// `all` are so many.
    pub fn after(refused: &SourceError, last: Option<&Self>, wanted: Vec<String>, all: usize, of: Timestamp) -> Option<Self> {
        let asked = last.map_or(all, |cut| cut.services.len());
        let count = (asked / PART).max(SMALLEST);
        (count < asked).then(|| Self { services: first(wanted, count), count, why: refused.message.clone(), of })
    }

    /// As many services, the wanted ones.
    pub fn choose(&mut self, wanted: Vec<String>) {
        self.services = first(wanted, self.count);
    }

    /// Whether it holds under the mapping that was found at this time.
    pub fn holds(&self, mapping_at: Timestamp) -> bool {
        self.of == mapping_at
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

    #[test]
    fn each_refusal_asks_a_quarter_until_it_gets_no_smaller() {
        let wanted = |n: usize| (0..n).rev().map(|i| format!("s{i:04}")).collect::<Vec<_>>();
        let refused = SourceError::new(Backend::Prometheus, ErrorKind::Refused, "too many series");
        let mut cut = Cut::after(&refused, None, wanted(1000), 1000, Timestamp::ZERO).unwrap();
        assert_eq!((cut.services.len(), cut.services[0].as_str(), cut.why.as_str()), (250, "s0750", "too many series"));
        let mut sizes = Vec::new();
        while let Some(next) = Cut::after(&refused, Some(&cut), wanted(1000), 1000, Timestamp::ZERO) {
            sizes.push(next.services.len());
            cut = next;
        }
        assert_eq!(sizes, [62, 15, 8]);
        cut.choose(wanted(3));
        assert_eq!(cut.services.len(), 3);
        cut.choose(wanted(20));
        assert_eq!(cut.services.len(), 8, "as many as before a filter left few");
        assert_eq!(cut.services[7], "s0019", "those that are wanted now");
        assert!(cut.holds(Timestamp::ZERO) && !cut.holds(Timestamp::from_secs(600)));
        assert_eq!(Cut::after(&refused, None, wanted(8), 8, Timestamp::ZERO), None);
        assert!(Cut::after(&refused, None, wanted(5), 1000, Timestamp::ZERO).is_some(), "all were asked, whatever the filter shows");
    }
}
