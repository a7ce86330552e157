//! The label sets of the lines' streams, each once. Where a server puts what is of one line alone among the labels of its
//! stream, as Loki did before 2.9, there may be as many as lines: those of lines that are gone are forgotten.

use std::sync::Arc;

use compact_str::CompactString;
use foldhash::HashMap;

use crate::model::labels::Labels;

/// What a number, a name of a map and its slot take, in bytes.
const ENTRY: usize = 2 * size_of::<Arc<Labels>>() + 4 * size_of::<usize>();

/// Sets whose numbers are found by address.
const RECENT: usize = 256;

/// Label sets by number.
#[derive(Clone, Default)]
pub(super) struct Streams {
    /// Those without a line hold nothing.
    sets: Vec<Arc<Labels>>,
    numbers: HashMap<Arc<Labels>, u32>,
    /// The numbers of the sets that were asked for last, by address. The sets are held, so that no other one comes to lie there.
    recent: HashMap<usize, (Arc<Labels>, u32)>,
    /// Numbers of sets that were forgotten.
    free: Vec<u32>,
    size: usize,
}

impl Streams {
    /// The number of a stream. Loki's inner labels say nothing about the line: shards of a stream are one stream.
    pub(super) fn number(&mut self, labels: &Arc<Labels>) -> u32 {
        let address = Arc::as_ptr(labels).addr();
        if let Some((_, number)) = self.recent.get(&address) {
            return *number;
        }
        let number = self.number_of(labels);
        if self.recent.len() >= RECENT {
            self.recent.clear();
        }
        self.recent.insert(address, (labels.clone(), number));
        number
    }

    fn number_of(&mut self, labels: &Arc<Labels>) -> u32 {
        if let Some(number) = self.numbers.get(labels) {
            return *number;
        }
        let inner = |name: &str| name.starts_with("__") && name.ends_with("__");
        if !labels.iter().any(|(n, _)| inner(n)) {
            return self.add(labels.clone());
        }
        let outer: Labels = labels.iter().filter(|(n, _)| !inner(n)).collect();
        let number = match self.numbers.get(&outer) {
            Some(number) => *number,
            None => self.add(Arc::new(outer)),
        };
        self.size += size(labels);
        self.numbers.insert(labels.clone(), number);
        number
    }

    fn add(&mut self, labels: Arc<Labels>) -> u32 {
        let number = self.free.pop().unwrap_or_else(|| {
            self.sets.push(Arc::default());
            u32::try_from(self.sets.len() - 1).unwrap_or(u32::MAX)
        });
        self.size += size(&labels);
        if let Some(set) = self.sets.get_mut(number as usize) {
            set.clone_from(&labels);
        }
        self.numbers.insert(labels, number);
        number
    }

    /// The set of a number.
    pub(super) fn get(&self, number: u32) -> Option<&Arc<Labels>> {
        self.sets.get(number as usize)
    }

    /// Forgets all but those of these numbers.
    pub(super) fn keep(&mut self, used: impl Iterator<Item = u32>) {
        let mut kept = vec![false; self.sets.len()];
        for number in used {
            if let Some(kept) = kept.get_mut(number as usize) {
                *kept = true;
            }
        }
        self.recent.clear();
        let is_kept = |number: u32| kept.get(number as usize).is_some_and(|k| *k);
        // Other names of a set, those of shards, are noted again when they come again.
        let sets = &self.sets;
        self.numbers.retain(|labels, number| is_kept(*number) && sets.get(*number as usize).is_some_and(|set| Arc::ptr_eq(set, labels)));
        self.numbers.shrink_to_fit();
        self.size = self.numbers.keys().map(|labels| size(labels)).sum();
        while kept.last() == Some(&false) {
            kept.pop();
        }
        self.sets.truncate(kept.len());
        self.sets.shrink_to_fit();
        self.free.clear();
        for ((number, set), _) in (0..).zip(&mut self.sets).zip(&kept).filter(|(_, kept)| !**kept) {
            *set = Arc::default();
            self.free.push(number);
        }
    }

    /// Memory they take, in bytes.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

/// About what a label set takes, in bytes.
fn size(labels: &Labels) -> usize {
    let outside = |text: &str| if text.len() > size_of::<CompactString>() { text.len() } else { 0 };
    let pairs: usize = labels.iter().map(|(n, v)| 2 * size_of::<CompactString>() + outside(n) + outside(v)).sum();
    ENTRY + size_of::<Labels>() + pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Arc<Labels> {
        Arc::new(pairs.iter().copied().collect())
    }

    #[test]
    fn a_number_is_of_one_set_for_as_long_as_it_is_used() {
        let mut streams = Streams::default();
        let all: Vec<Arc<Labels>> = (0..100).map(|i| labels(&[("request", &i.to_string())])).collect();
        let numbers: Vec<u32> = all.iter().map(|l| streams.number(l)).collect();
        let size = streams.size();
        streams.keep([numbers[40], numbers[70]].into_iter());
        assert!(streams.size() * 40 < size, "{} of {size}", streams.size());
        assert_eq!((streams.number(&all[40]), streams.number(&all[70])), (numbers[40], numbers[70]));
        for set in all.iter().rev().chain(&all) {
            let number = streams.number(set);
            assert_eq!(streams.get(number), Some(set));
        }
        assert_eq!((streams.get(numbers[40]), streams.get(numbers[70])), (Some(&all[40]), Some(&all[70])));
        assert_eq!(streams.size(), size, "known sets are counted once");
    }

    #[test]
    fn shards_of_a_stream_are_one_and_go_with_it() {
        let mut streams = Streams::default();
        let sharded = |i: u32| labels(&[("app", "x"), ("__stream_shard__", &i.to_string())]);
        assert_eq!(streams.number(&sharded(1)), streams.number(&sharded(2)));
        let number = streams.number(&labels(&[("app", "x")]));
        assert_eq!(streams.number(&sharded(3)), number);
        assert_eq!(streams.get(number), Some(&labels(&[("app", "x")])));
        streams.keep(std::iter::empty());
        assert_eq!((streams.size(), streams.get(number)), (0, None));
    }
}
