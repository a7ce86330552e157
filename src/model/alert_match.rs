//! Which of Prometheus' alerts an alert of Alertmanager is, although relabelling and external labels have changed its labels.

use foldhash::{HashMap, HashMapExt};

use super::{
    alert::{Alert, AlertState},
    labels::Labels,
};

/// Annotations that more alerts have tell none from another.
const MOST_COMPARED: usize = 256;

/// The names in a set of labels.
type Names<'a> = Vec<&'a str>;
/// The values of some names, in their order.
type Values<'a> = Vec<&'a str>;

/// For each of Alertmanager's alerts the places of those it is in Prometheus' list; none: it stands alone. From the surest
/// sign to the weakest, each for what is left over by the one before:
/// 1. it has all labels of the other, and perhaps external ones; of several others the one with the most labels,
/// 2. it alone has the same name and annotations,
/// 3. relabelling dropped or renamed some: no label that both have differs, and it may be several of them,
/// 4. relabelling changed values: of those with the same name and annotations the one with the most labels in common.
pub fn partners(ours: &[Alert], theirs: &[Alert]) -> Vec<Vec<usize>> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); theirs.len()];
    let mut groups: HashMap<&str, (Vec<usize>, Vec<usize>)> = HashMap::new();
    for (i, alert) in ours.iter().enumerate() {
        groups.entry(alert.name()).or_default().0.push(i);
    }
    for (i, alert) in theirs.iter().enumerate() {
        groups.entry(alert.name()).or_default().1.push(i);
    }
    let mut is_taken = vec![false; ours.len()];
    for (ours_here, theirs_here) in groups.values().filter(|(a, b)| !a.is_empty() && !b.is_empty()) {
        let sets = Sets::of(ours, ours_here);
        for their in theirs_here {
            if let Some(place) = sets.superset(&theirs[*their].labels) {
                // Two rules may make alerts with the same labels: Alertmanager has one for both.
                out[*their].extend_from_slice(place);
                place.iter().for_each(|i| is_taken[*i] = true);
            }
        }
        part_clusters(ours, theirs, theirs_here, &mut out);
        let left = |out: &[Vec<usize>]| theirs_here.iter().copied().filter(|i| out[*i].is_empty()).collect::<Vec<_>>();
        // What does not fire yet was never sent.
        let free = |is_taken: &[bool]| -> Vec<usize> {
            ours_here.iter().copied().filter(|i| !is_taken[*i] && ours[*i].state != AlertState::Pending).collect()
        };
        annotated(ours, &free(&is_taken), theirs, &left(&out), 1, &mut out, &mut is_taken);
        compatible(ours, &free(&is_taken), theirs, &left(&out), &mut out, &mut is_taken);
        annotated(ours, &free(&is_taken), theirs, &left(&out), MOST_COMPARED, &mut out, &mut is_taken);
    }
    out
}

/// Of several that one alert of ours may be, those that differ in more than the replica are of other clusters, which send
/// to the same Alertmanager: ours is the one that began to fire when ours did.
fn part_clusters(ours: &[Alert], theirs: &[Alert], theirs_here: &[usize], out: &mut [Vec<usize>]) {
    let mut by_ours: HashMap<usize, Vec<usize>> = HashMap::new();
    for their in theirs_here {
        for our in &out[*their] {
            by_ours.entry(*our).or_default().push(*their);
        }
    }
    for (our, candidates) in by_ours.into_iter().filter(|(_, candidates)| candidates.len() > 1) {
        let apart = |i: usize| ours[our].state_since().0.abs_diff(theirs[i].since.0);
        let Some(nearest) = candidates.iter().copied().min_by_key(|i| (apart(*i), *i)) else { continue };
        let own = without_replica(&theirs[nearest].labels);
        for other in candidates.into_iter().filter(|i| without_replica(&theirs[*i].labels) != own) {
            out[other].retain(|i| *i != our);
        }
    }
}

fn without_replica(labels: &Labels) -> Labels {
    let is_replica = |name: &str| name.contains("replica") || matches!(name, "prometheus" | "prometheus_server" | "ha" | "__ha__");
    labels.iter().filter(|(name, _)| !is_replica(name)).collect()
}

/// Alerts by their label sets, apart by the names in them, those with the most names first.
struct Sets<'a> {
    by_names: Vec<(Names<'a>, HashMap<Values<'a>, Vec<usize>>)>,
}

impl<'a> Sets<'a> {
    fn of(alerts: &'a [Alert], places: &[usize]) -> Self {
        let mut by_names: HashMap<Names<'a>, HashMap<Values<'a>, Vec<usize>>> = HashMap::new();
        for place in places {
            let (names, values): (Names<'a>, Values<'a>) = alerts[*place].labels.iter().unzip();
            by_names.entry(names).or_default().entry(values).or_default().push(*place);
        }
        let mut by_names: Vec<_> = by_names.into_iter().collect();
        by_names.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        Self { by_names }
    }

    /// The alerts whose labels are all in `whole`; of several sets, the one with the most labels.
    fn superset<'b>(&'b self, whole: &'b Labels) -> Option<&'b [usize]> {
        self.by_names.iter().find_map(|(names, sets)| sets.get(values(whole, names)?.as_slice()).map(Vec::as_slice))
    }
}

fn names(labels: &Labels) -> Names<'_> {
    labels.iter().map(|(name, _)| name).collect()
}

/// What the labels of these names are; `None`: not all are there.
fn values<'a>(labels: &'a Labels, names: &[&str]) -> Option<Values<'a>> {
    names.iter().map(|name| labels.get(name)).collect()
}

/// Those that agree on all labels that both have, at least two: the name alone says nothing.
fn compatible(ours: &[Alert], free: &[usize], theirs: &[Alert], left: &[usize], out: &mut [Vec<usize>], is_taken: &mut [bool]) {
    const FEWEST: usize = 2;
    let mut by_names: HashMap<Names<'_>, Vec<usize>> = HashMap::new();
    for i in free {
        by_names.entry(names(&ours[*i].labels)).or_default().push(*i);
    }
    // By the names of ours and theirs: alerts of ours by the values of what both have.
    let mut by_common: HashMap<(Names<'_>, Names<'_>), HashMap<Values<'_>, Vec<usize>>> = HashMap::new();
    for their in left {
        let their_names = names(&theirs[*their].labels);
        for (own_names, places) in &by_names {
            let common: Names<'_> = own_names.iter().filter(|n| their_names.contains(n)).copied().collect();
            if common.len() < FEWEST {
                continue;
            }
            let sets = by_common.entry((own_names.clone(), their_names.clone())).or_insert_with(|| {
                let mut sets: HashMap<Values<'_>, Vec<usize>> = HashMap::new();
                for i in places {
                    sets.entry(values(&ours[*i].labels, &common).unwrap_or_default()).or_default().push(*i);
                }
                sets
            });
            let agreeing = values(&theirs[*their].labels, &common).and_then(|values| sets.get(values.as_slice()));
            out[*their].extend(agreeing.into_iter().flatten().copied());
        }
        out[*their].sort_unstable();
        out[*their].iter().for_each(|i| is_taken[*i] = true);
    }
}

/// Those with the same annotations, where they are of at most so many alerts; the one with the most labels in common.
fn annotated(ours: &[Alert], free: &[usize], theirs: &[Alert], left: &[usize], most: usize, out: &mut [Vec<usize>], is_taken: &mut [bool]) {
    let mut by_annotations: HashMap<&Labels, Vec<usize>> = HashMap::new();
    for i in free.iter().filter(|i| !ours[**i].annotations.is_empty()) {
        by_annotations.entry(&ours[*i].annotations).or_default().push(*i);
    }
    for their in left {
        let Some(places) = by_annotations.get(&theirs[*their].annotations).filter(|places| places.len() <= most) else { continue };
        let common = |i: &usize| ours[*i].labels.iter().filter(|(n, v)| theirs[*their].labels.get(n) == Some(*v)).count();
        let candidates = places.iter().copied().filter(|i| !is_taken[*i]);
        // The first of equals, whatever the order of the maps.
        if let Some(best) = candidates.max_by_key(|i| (common(i), std::cmp::Reverse(*i))) {
            out[*their].push(best);
            is_taken[best] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn alert(labels: &[(&str, &str)], annotations: &[(&str, &str)], since: i64) -> Alert {
        let annotations = annotations.iter().copied().collect();
        Alert { annotations, ..Alert::new(labels.iter().copied().collect(), AlertState::Firing, Timestamp::from_secs(since)) }
    }

    fn plain(labels: &[(&str, &str)]) -> Alert {
        alert(labels, &[], 100)
    }

    #[test]
    fn external_labels_are_no_difference_and_the_most_specific_wins() {
        let ours = [plain(&[("alertname", "A")]), plain(&[("alertname", "A"), ("pod", "1")])];
        let theirs = [plain(&[("alertname", "A"), ("pod", "1"), ("cluster", "eu")]), plain(&[("alertname", "A"), ("cluster", "eu")])];
        assert_eq!(partners(&ours, &theirs), [vec![1], vec![0]]);
    }

    #[test]
    fn labels_that_relabelling_dropped_make_one_of_several() {
        let ours = [1, 2].map(|n| plain(&[("alertname", "A"), ("job", "x"), ("pod", &n.to_string())]));
        let theirs = [plain(&[("alertname", "A"), ("job", "x"), ("cluster", "eu")])];
        assert_eq!(partners(&ours, &theirs), [vec![0, 1]]);
    }

    #[test]
    fn labels_that_relabelling_renamed_are_no_difference() {
        let ours = [plain(&[("alertname", "A"), ("job", "x"), ("pod", "1")]), plain(&[("alertname", "A"), ("job", "y"), ("pod", "1")])];
        let theirs = [plain(&[("alertname", "A"), ("job", "y"), ("kubernetes_pod", "1")])];
        assert_eq!(partners(&ours, &theirs), [vec![1]]);
    }

    #[test]
    fn values_that_relabelling_changed_are_known_by_the_annotations() {
        let ours = ["1", "2"].map(|n| alert(&[("alertname", "A"), ("job", "x"), ("pod", n)], &[("summary", n)], 100));
        let theirs = [alert(&[("alertname", "A"), ("job", "renamed"), ("pod", "2")], &[("summary", "2")], 100)];
        assert_eq!(partners(&ours, &theirs), [vec![1]]);
    }

    #[test]
    fn a_stranger_stands_alone() {
        let ours = [plain(&[("alertname", "A"), ("pod", "1")])];
        let theirs = [plain(&[("alertname", "A"), ("pod", "2")]), plain(&[("alertname", "B"), ("pod", "1")])];
        assert_eq!(partners(&ours, &theirs), [Vec::<usize>::new(), Vec::new()]);
    }

    #[test]
    fn replicas_are_one_and_other_clusters_are_not_ours() {
        let ours = [alert(&[("alertname", "A")], &[], 100)];
        let of = |cluster: &str, replica: &str, since| alert(&[("alertname", "A"), ("cluster", cluster), ("replica", replica)], &[], since);
        let theirs = [of("us", "0", 7000), of("eu", "0", 101), of("eu", "1", 107)];
        assert_eq!(partners(&ours, &theirs), [vec![], vec![0], vec![0]]);
    }

    #[test]
    fn two_rules_with_the_same_labels_are_both_known_to_alertmanager() {
        let ours = [plain(&[("alertname", "A"), ("job", "x")]), plain(&[("alertname", "A"), ("job", "x")])];
        assert_eq!(partners(&ours, &[plain(&[("alertname", "A"), ("job", "x"), ("cluster", "eu")])]), [vec![0, 1]]);
    }

    #[test]
    fn an_alert_without_labels_finds_its_own() {
        assert_eq!(partners(&[plain(&[])], &[plain(&[("cluster", "eu")])]), [vec![0]]);
    }
}
