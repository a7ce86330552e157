//! What a server did not answer this time and may the next. Until then, what was found before stands in for it: a server that
//! has too much to do has not lost its metrics.

use std::collections::BTreeSet;

use super::{Family, RedMapping, intervals};

/// What a mapping may lack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unanswered {
    /// Rows: not all names were told.
    Names,
    /// What is of this row of the table of families, or of these rules.
    Row(String),
}

impl Unanswered {
    pub(super) fn row(name: &str) -> Self {
        Self::Row(name.to_owned())
    }
}

impl RedMapping {
    /// Whether the server may tell more when it is asked again.
    pub fn is_incomplete(&self) -> bool {
        !self.unanswered.is_empty()
    }

    /// The same with what was found `before` of all that it may lack; of that it adds what is new.
    #[must_use]
    pub fn kept_from(mut self, before: &Self) -> Self {
        let mut kept: Vec<Family> = before.families.iter().filter(|f| self.may_lack(&f.row)).cloned().collect();
        if kept.is_empty() {
            return self;
        }
        let rows: BTreeSet<String> = kept.iter().map(|f| f.row.clone()).collect();
        for mut family in std::mem::take(&mut self.families) {
            if rows.contains(&family.row) {
                let is_new = |s: &&String| !kept.iter().any(|k| k.row == family.row && k.has(s));
                family.services = family.services.iter().filter(is_new).cloned().collect();
            }
            if family.services.is_empty() {
                continue;
            }
            while kept.iter().any(|k| k.name == family.name) {
                family.name.push_str(", found since");
            }
            kept.push(family);
        }
        // Those that are preferred stay so, whether they are kept or found anew.
        kept.sort_by_key(|f| before.families.iter().position(|b| b.name == f.name).unwrap_or(usize::MAX));
        self.families = kept;
        self.sort();
        self.scrape_interval = intervals::usual(&self.families);
        self.notes.insert(0, format!("{} as found before", rows.into_iter().collect::<Vec<_>>().join(", ")));
        self
    }

    fn may_lack(&self, row: &str) -> bool {
        let of_row = |u: &Unanswered| matches!(u, Unanswered::Row(name) if name == row);
        let known = || self.families.iter().any(|f| f.row == row);
        self.unanswered.iter().any(of_row) || (self.unanswered.contains(&Unanswered::Names) && !known())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::red_mapping;

    fn family(row: &str, services: &[&str]) -> Family {
        Family { name: row.to_owned(), row: row.to_owned(), ..red_mapping(services).families.remove(0) }
    }

    fn shown(mapping: &RedMapping) -> Vec<String> {
        mapping.families.iter().map(|f| format!("{}: {}", f.name, f.services.join(","))).collect()
    }

    fn mapping(families: Vec<Family>, unanswered: impl IntoIterator<Item = Unanswered>) -> RedMapping {
        RedMapping { families, unanswered: unanswered.into_iter().collect(), ..RedMapping::default() }
    }

    #[test]
    fn what_was_not_answered_stays_as_it_was_found_before() {
        let before = mapping(vec![family("A", &["a"]), family("B", &["b", "c"]), family("C", &["d"])], []);
        let bare = Family { durations: None, ..family("B", &["b", "new"]) };
        let now = mapping(vec![family("A", &["x"]), bare.clone()], [Unanswered::row("B")]);
        let kept = now.kept_from(&before);
        assert_eq!(shown(&kept), ["A: x", "B: b,c", "B, found since: new"], "C is gone, and nobody doubts it");
        assert_eq!(kept.notes, ["B as found before"]);
        assert!(kept.families[1].durations.is_some() && kept.is_incomplete());
        let again = mapping(vec![family("A", &["x"]), bare], [Unanswered::row("B")]).kept_from(&kept);
        assert_eq!(shown(&again), shown(&kept), "however often");
    }

    #[test]
    fn without_all_names_no_row_is_known_to_be_gone() {
        let before = mapping(vec![family("A", &["a"]), family("C", &["d"])], []);
        let now = mapping(vec![family("A", &["x"])], [Unanswered::Names]);
        assert_eq!(shown(&now.kept_from(&before)), ["A: x", "C: d"], "and what was answered is believed");
        assert_eq!(shown(&mapping(vec![family("A", &["x"])], []).kept_from(&before)), ["A: x"]);
    }
}
