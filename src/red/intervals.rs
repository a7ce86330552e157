//! How far apart samples are, measured: data that was written, not scraped, knows no target, and a configured interval is
//! not always kept.

use std::{collections::BTreeMap, time::Duration};

use super::{Family, RedMapping, Requests, USUAL_SCRAPE, Unanswered, queries::tagged, said::Said, shown_service};
use crate::{
    model::{backend::SourceError, labels::MatchOp, series::Vector, time::Timestamp},
    source::Prometheus,
};

/// What samples are counted over.
#[derive(Clone, Copy)]
enum Over {
    /// So many seconds: the services that have been there all the time.
    Seconds(u64),
    /// An hour, for those that have few samples in ten minutes: scrapes every two or five minutes are told from missed ones.
    Hour,
}

/// One after the other; the longest that a service has been there for tells best.
const ROUNDS: [Over; 6] = [Over::Seconds(600), Over::Hour, Over::Seconds(300), Over::Seconds(120), Over::Seconds(30), Over::Seconds(10)];
/// With fewer samples there may have been any time between two.
const FEWEST: f64 = 2.0;
/// Samples this far apart are too few in ten minutes to tell well.
const SELDOM: Duration = Duration::from_secs(50);
/// Services whose samples are no more than so many times as far apart as those of others are asked together with them.
const ALIKE: u32 = 2;
/// What tells the instances of a service apart: each is scraped or pushed in its own rhythm.
const INSTANCE: [&str; 4] = ["job", "instance", "cluster", "pod"];

/// Measures each service by the slowest of its instances that have been there all the time: a window that is too long is about
/// the same rate, and in one that is too short they have none. Each instance is as fast as its fastest series: one that was
/// not written for a while, where series are pushed, says nothing of it. Services of a family whose samples are much
/// further apart than those of others become a family of their own: a window that is right for them would hide in all others
/// what the last minutes were like.
///
/// # Errors
/// A server that does not answer. What it refuses is said, and the interval that it tells its targets is taken. One
/// that has no time to count may have it the next time.
pub(super) async fn measure(prom: &Prometheus, mapping: &mut RedMapping, now: Timestamp, said: &Said) -> Result<(), SourceError> {
    let mut found: Vec<Found> = mapping.families.iter().map(|_| Found::new()).collect();
    // Where all services are too many for the server, one of each family stands for all.
    let mut first_only = false;
    for over in ROUNDS {
        let Some(all) = query(&mapping.families, &found, over, first_only) else { continue };
        let about: Vec<Unanswered> = open(&mapping.families, &found, over, first_only).map(|(_, f, _)| Unanswered::row(&f.row)).collect();
        let counts = match prom.query(&all, now).await {
            Err(e) if e.is_refusal() && !first_only => {
                first_only = true;
                said.lacks(&e, about.iter().cloned());
                prom.query(&query(&mapping.families, &found, over, true).unwrap_or(all), now).await
            }
            answered => answered,
        };
        let counts = said.alone(counts, about, || format!("how far apart samples are was not counted over {} s", over.seconds()))?;
        read(&mapping.families, &mut found, over, &counts);
    }
    // Nothing is long enough there: what the server was told to do, where it scrapes itself.
    let told = if found.iter().any(Found::is_empty) { prom.scrape_interval().await } else { Ok(None) };
    let unmeasured = mapping.families.iter().zip(&found).filter(|(_, found)| found.is_empty());
    let told =
        said.alone(told, unmeasured.map(|(f, _)| Unanswered::row(&f.row)), || "how often the server scrapes is not known".to_owned())?;
    let families = std::mem::take(&mut mapping.families);
    for (family, _) in families.iter().zip(&found).filter(|(_, found)| told.is_none() && found.is_empty()) {
        said.note(format!("how far apart samples of {} are is not known: {} s are assumed", family.name, USUAL_SCRAPE.as_secs()));
    }
    mapping.families = families.into_iter().zip(found).flat_map(|(family, found)| apart(family, &found, told)).collect();
    mapping.scrape_interval = usual(&mapping.families);
    Ok(())
}

/// How far apart the samples of a family's services are.
type Found = BTreeMap<String, Duration>;

impl Over {
    const fn seconds(self) -> u64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Hour => 3600,
        }
    }

    /// Samples of the series that have been there all the time.
    fn count(self, series: impl Fn(&str) -> String) -> String {
        match self {
            Self::Seconds(seconds) => {
                let (range, offset) = (format!("[{seconds}s]"), format!(" offset {seconds}s"));
                format!("count_over_time({}) and {} and {}", series(&range), series(&offset), series(""))
            }
            // A sample of ten minutes ago is none of now: an instant looks back for five.
            Self::Hour => format!(
                "count_over_time({}) and count_over_time({}) and count_over_time({})",
                series("[3600s]"),
                series("[600s] offset 3000s"),
                series("[600s]")
            ),
        }
    }

    /// Whether a service is counted in this round after what the others found.
    fn asks(self, found: Option<&Duration>) -> bool {
        match self {
            Self::Hour => found.is_none_or(|d| *d >= SELDOM),
            Self::Seconds(_) => found.is_none(),
        }
    }
}

/// The families that have services to be counted in this round, where they are, and those services.
fn open<'a>(
    families: &'a [Family],
    found: &'a [Found],
    over: Over,
    first: bool,
) -> impl Iterator<Item = (usize, &'a Family, Vec<&'a str>)> {
    let all = families.iter().zip(found).enumerate().map(move |(place, (family, found))| {
        let candidates = family.services.iter().map(String::as_str).take(if first { 1 } else { usize::MAX });
        (place, family, candidates.filter(|s| over.asks(found.get(*s))).collect::<Vec<_>>())
    });
    all.filter(|(_, _, open)| !open.is_empty())
}

/// Samples of each service that is not measured yet; of the first of them, where one stands for all. `None`: all are.
fn query(families: &[Family], found: &[Found], over: Over, first: bool) -> Option<String> {
    let mut counts = Vec::new();
    for (place, family, open) in open(families, found, over, first) {
        let label = family.service_label_name();
        let matchers = match open.len() {
            all if all == family.services.len() => Vec::new(),
            _ => vec![family.any_of(open, MatchOp::Regex)],
        };
        let series = family.selector(family.requests.metric(), &matchers);
        let there = over.count(|range| format!("{series}{range}"));
        let instances: Vec<&str> = INSTANCE.into_iter().filter(|name| *name != label).collect();
        let counted = format!("min by ({label}) (max by ({label}, {}) ({there}))", instances.join(", "));
        counts.push(tagged(&counted, "family", &place.to_string()));
    }
    (!counts.is_empty()).then(|| counts.join(" or "))
}

fn read(families: &[Family], found: &mut [Found], over: Over, counts: &Vector) {
    let mut round: BTreeMap<(usize, &str), f64> = BTreeMap::new();
    for (labels, count) in counts.elements.iter().map(|(labels, s)| (labels, s.value)).filter(|(_, n)| *n >= FEWEST) {
        let Some(place) = labels.get("family").and_then(|f| f.parse::<usize>().ok()) else { continue };
        let Some(family) = families.get(place) else { continue };
        let service = shown_service(labels.get(&family.service_label).unwrap_or_default());
        if family.has(service) {
            // A name in two namespaces is one service: the slower of them must have samples as well.
            let known = round.entry((place, service)).or_insert(count);
            *known = known.min(count);
        }
    }
    for ((place, service), count) in round {
        found[place].insert(service.to_owned(), configured(over.seconds() as f64 / count));
    }
}

/// Services whose samples are about as far apart.
struct Alike<'a> {
    fastest: Duration,
    slowest: Duration,
    services: Vec<&'a str>,
}

/// The family by how far apart samples are. Services that nothing is known of, most of which have gone, are with most others.
fn apart(family: Family, found: &Found, told: Option<Duration>) -> Vec<Family> {
    let mut all: Vec<(Duration, &str)> = found.iter().map(|(service, interval)| (*interval, service.as_str())).collect();
    all.sort_unstable();
    let Some((slowest, _)) = all.last() else { return vec![Family { scrape_interval: told, ..family }] };
    if matches!(family.requests, Requests::Recorded(_)) {
        return vec![Family { scrape_interval: Some(*slowest), ..family }];
    }
    let mut classes: Vec<Alike<'_>> = Vec::new();
    for (interval, service) in all {
        match classes.last_mut().filter(|c| interval <= c.fastest * ALIKE) {
            Some(class) => {
                class.slowest = interval;
                class.services.push(service);
            }
            None => classes.push(Alike { fastest: interval, slowest: interval, services: vec![service] }),
        }
    }
    let most = (0..classes.len()).rev().max_by_key(|i| classes[*i].services.len()).unwrap_or(0);
    classes[most].services.extend(family.services.iter().map(String::as_str).filter(|s| !found.contains_key(*s)));
    let part = |(place, mut class): (usize, Alike<'_>)| {
        class.services.sort_unstable();
        let every = if place == most { String::new() } else { format!(", every {}", shown(class.slowest)) };
        Family {
            name: format!("{}{every}", family.name),
            scrape_interval: Some(class.slowest),
            services: class.services.into_iter().map(str::to_owned).collect(),
            ..family.clone()
        }
    };
    classes.into_iter().enumerate().map(part).collect()
}

/// `30 s`, `5 m`.
fn shown(interval: Duration) -> String {
    let seconds = interval.as_secs();
    if seconds >= 60 && seconds.is_multiple_of(60) { format!("{} m", seconds / 60) } else { format!("{seconds} s") }
}

/// What most services have; of two, the longer one.
pub(super) fn usual(families: &[Family]) -> Option<Duration> {
    let mut services: BTreeMap<Duration, usize> = BTreeMap::new();
    for family in families {
        if let Some(interval) = family.scrape_interval {
            *services.entry(interval).or_default() += family.services.len();
        }
    }
    services.into_iter().max_by_key(|(_, count)| *count).map(|(interval, _)| interval)
}

/// The interval that people configure which is not below a measured one; a tenth is forgiven.
fn configured(seconds: f64) -> Duration {
    const USUAL: [u64; 11] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600];
    let usual = USUAL.into_iter().find(|usual| *usual as f64 >= seconds * 0.9);
    Duration::from_secs(usual.unwrap_or(seconds.ceil() as u64))
}

#[cfg(test)]
mod tests;
