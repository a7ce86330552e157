//! Label sets, found by the labels that they agree on with another set, without looking at each of them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use compact_str::CompactString;

use super::labels::Labels;

/// Places of label sets by what is in them.
#[derive(Clone, Debug, Default)]
pub struct LabelIndex(Vec<Group>);

/// Sets that have the same names in them.
#[derive(Clone, Debug, Default)]
struct Group {
    names: Vec<CompactString>,
    /// All of them, in order.
    places: Vec<usize>,
    /// Of each name, those that have a value, in order.
    by_value: Vec<HashMap<CompactString, Vec<usize>>>,
}

/// Those of a group that agree on every name that both have.
struct Agreeing<'a> {
    /// Places by each common name, the fewest first; without a common name all.
    lists: Vec<&'a [usize]>,
    common: usize,
}

impl LabelIndex {
    /// Of sets in their order. A metric's name is no label of what it measures.
    pub fn of<'a>(sets: impl Iterator<Item = &'a Labels>) -> Self {
        let mut groups: BTreeMap<Vec<CompactString>, Group> = BTreeMap::new();
        for (place, labels) in sets.enumerate() {
            let own = || labels.iter().filter(|(name, _)| *name != "__name__");
            let names: Vec<CompactString> = own().map(|(name, _)| name.into()).collect();
            let group = groups.entry(names).or_insert_with_key(|names| Group {
                names: names.clone(),
                places: Vec::new(),
                by_value: vec![HashMap::new(); names.len()],
            });
            group.places.push(place);
            for ((_, value), places) in own().zip(&mut group.by_value) {
                places.entry(value.into()).or_default().push(place);
            }
        }
        Self(groups.into_values().collect())
    }

    /// The places of the sets that contradict no label of `whole`; those that have most in common with it first.
    pub fn agreeing<'a>(&'a self, whole: &Labels) -> impl Iterator<Item = usize> + use<'a> {
        let mut found: Vec<Agreeing<'a>> = self.0.iter().filter_map(|group| group.agreeing(whole)).collect();
        found.sort_by_key(|a| Reverse(a.common));
        found.into_iter().flat_map(Agreeing::places)
    }
}

impl Group {
    fn agreeing(&self, whole: &Labels) -> Option<Agreeing<'_>> {
        let common = self.names.iter().zip(&self.by_value).filter_map(|(name, places)| Some((whole.get(name)?, places)));
        let mut lists = Vec::new();
        for (value, places) in common {
            lists.push(places.get(value)?.as_slice());
        }
        let common = lists.len();
        if lists.is_empty() {
            lists.push(&self.places);
        }
        lists.sort_by_key(|places| places.len());
        Some(Agreeing { lists, common })
    }
}

impl<'a> Agreeing<'a> {
    fn places(self) -> impl Iterator<Item = usize> + use<'a> {
        let mut lists = self.lists.into_iter();
        let fewest = lists.next().unwrap_or_default();
        fewest.iter().copied().filter(move |place| lists.as_slice().iter().all(|others| others.binary_search(place).is_ok()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sets() -> impl Strategy<Value = Vec<Labels>> {
        let pair = ("[abc]", "[xyz]");
        let set = prop::collection::vec(pair, 0..4).prop_map(|pairs| pairs.into_iter().collect::<Labels>());
        prop::collection::vec(set, 0..30)
    }

    fn common(a: &Labels, b: &Labels) -> usize {
        a.iter().filter(|(n, v)| b.get(n) == Some(*v)).count()
    }

    proptest! {
        #[test]
        fn those_that_contradict_nothing_are_found_the_most_alike_first(sets in sets(), whole in sets()) {
            let index = LabelIndex::of(sets.iter());
            for whole in whole {
                let agrees = |set: &Labels| set.iter().all(|(n, v)| whole.get(n).is_none_or(|own| own == v));
                let mut expected: Vec<usize> = (0..sets.len()).filter(|i| agrees(&sets[*i])).collect();
                let mut found: Vec<usize> = index.agreeing(&whole).collect();
                prop_assert!(found.is_sorted_by_key(|i| Reverse(common(&sets[*i], &whole))));
                found.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn the_name_of_a_metric_is_no_label() {
        let series: Labels = [("__name__", "up"), ("job", "web")].into_iter().collect();
        let index = LabelIndex::of([&series].into_iter());
        let whole: Labels = [("__name__", "ALERTS"), ("job", "web")].into_iter().collect();
        assert_eq!(index.agreeing(&whole).collect::<Vec<_>>(), [0]);
    }
}
