//! How far apart samples are, measured: data that was written, not scraped, knows no target, and a configured interval is
//! not always kept.

use std::{collections::BTreeMap, time::Duration};

use super::{Family, RedMapping};
use crate::{
    model::{
        backend::SourceError,
        labels::{Labels, quote},
        time::Timestamp,
    },
    source::Prometheus,
};

/// What samples are counted over, the longest first: the longest that a series has been there for tells best.
const OVER: [u64; 5] = [600, 300, 120, 30, 10];
/// Fewer samples tell too little.
const FEWEST: f64 = 4.0;

/// Measures each family by its slowest service, and each service by its fastest series that has been there all the time.
///
/// # Errors
/// As any request; a server that finds the question too large is asked for one service of each family.
pub(super) async fn measure(prom: &Prometheus, mapping: &mut RedMapping, now: Timestamp) -> Result<(), SourceError> {
    for over in OVER {
        if mapping.families.iter().all(|f| f.scrape_interval.is_some()) {
            break;
        }
        let counts = match prom.query(&query(&mapping.families, over, |_| Vec::new()), now).await {
            Err(e) if e.is_of_the_question(true) => {
                let first = |f: &Family| f.services.first().map(|s| f.service_matcher(s)).into_iter().collect();
                prom.query(&query(&mapping.families, over, first), now).await?
            }
            answered => answered?,
        };
        read(&mut mapping.families, over, counts.elements.iter().map(|(labels, s)| (labels, s.value)));
    }
    // Nothing is long enough there: what the server was told to do, where it scrapes itself.
    if mapping.families.iter().any(|f| f.scrape_interval.is_none()) {
        let told = prom.scrape_interval().await.unwrap_or_default();
        mapping.families.iter_mut().filter(|f| f.scrape_interval.is_none()).for_each(|f| f.scrape_interval = told);
    }
    mapping.scrape_interval = mapping.families.iter().filter_map(|f| f.scrape_interval).max();
    Ok(())
}

/// Samples of each service of the families that are not measured yet.
fn query(families: &[Family], over: u64, matchers: impl Fn(&Family) -> Vec<String>) -> String {
    let counts = families.iter().enumerate().filter(|(_, f)| f.scrape_interval.is_none()).map(|(place, f)| {
        let series = f.selector(f.requests.metric(), &matchers(f));
        let there = format!("count_over_time({series}[{over}s]) and {series} offset {over}s and {series}");
        format!("label_replace(max by ({}) ({there}), \"family\", {}, \"\", \"\")", f.service_label_name(), quote(&place.to_string()))
    });
    counts.collect::<Vec<_>>().join(" or ")
}

fn read<'a>(families: &mut [Family], over: u64, counts: impl Iterator<Item = (&'a Labels, f64)>) {
    let mut fewest: BTreeMap<usize, f64> = BTreeMap::new();
    for (labels, count) in counts.filter(|(_, n)| *n >= FEWEST) {
        let Some(place) = labels.get("family").and_then(|f| f.parse().ok()) else { continue };
        let known = fewest.entry(place).or_insert(count);
        *known = known.min(count);
    }
    for (place, count) in fewest {
        if let Some(family) = families.get_mut(place) {
            family.scrape_interval = Some(configured(over as f64 / count));
        }
    }
}

/// The interval that people configure which is not below a measured one; a tenth is forgiven.
fn configured(seconds: f64) -> Duration {
    const USUAL: [u64; 10] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300];
    let usual = USUAL.into_iter().find(|usual| *usual as f64 >= seconds * 0.9);
    Duration::from_secs(usual.unwrap_or(seconds.ceil() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_never_measured_shorter_than_it_is() {
        for (samples, seconds) in
            [(600.0, 1), (601.0, 1), (119.0, 5), (40.0, 15), (39.0, 15), (36.0, 20), (21.0, 30), (10.0, 60), (9.0, 120)]
        {
            assert_eq!(configured(600.0 / samples), Duration::from_secs(seconds), "{samples}");
        }
    }
}
