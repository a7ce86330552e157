//! Service level objectives, one `[[slos]]` each.

use std::{collections::BTreeSet, ops::RangeInclusive, time::Duration};

use super::reader::{Item, Section};
use crate::model::slo::{Slo, WINDOW};

const WINDOWS: RangeInclusive<Duration> = Duration::from_secs(3600)..=Duration::from_secs(366 * 86_400);

/// All that are right.
pub fn read(item: &Item<'_, '_>) -> Vec<Slo> {
    let mut names = BTreeSet::new();
    let mut all = Vec::new();
    for item in item.items("a list of tables, each under [[slos]]").unwrap_or_default() {
        let Some(mut section) = item.section() else { continue };
        let slo = objective(&mut section);
        section.finish();
        let Some(slo) = slo else { continue };
        if names.insert(slo.name.clone()) {
            all.push(slo);
        } else {
            item.wrong(format!("there are two objectives \"{}\"", slo.name), "Give each a name of its own.");
        }
    }
    all
}

fn objective(s: &mut Section<'_, '_>) -> Option<Slo> {
    let name = needed(s, "name", named);
    let service = s.item("service").map(|item| named(&item));
    let good = needed(s, "good", query);
    let total = needed(s, "total", query);
    let target = needed(s, "target", target);
    let mut window = Some(Duration::from_secs(30 * 86_400));
    if let Some(item) = s.item("window") {
        window = item.duration(WINDOWS);
    }
    let service = match service {
        Some(read) => Some(read?),
        None => None,
    };
    Some(Slo { name: name?, service, good: good?, total: total?, target: target?, window: window? })
}

/// The value of a key that has to be there.
fn needed<T>(s: &mut Section<'_, '_>, key: &'static str, read: impl FnOnce(&Item<'_, '_>) -> Option<T>) -> Option<T> {
    let Some(item) = s.item(key) else {
        s.wrong(format!("an objective has no `{key}`"), "Each [[slos]] needs name, good, total and target.");
        return None;
    };
    read(&item)
}

fn named(item: &Item<'_, '_>) -> Option<String> {
    let name = item.string()?;
    if name.trim().is_empty() {
        item.wrong(format!("`{}` is empty", item.path()), "Write a name.");
        return None;
    }
    Some(name)
}

/// PromQL, which is not repeated in a message: it may be long.
fn query(item: &Item<'_, '_>) -> Option<String> {
    let text = item.string()?;
    if let Err(why) = crate::promql_guard::read(&Slo::over(&text, "5m")) {
        let why = why.lines().next().unwrap_or_default().trim().to_owned();
        item.wrong(
            format!("`{}` is no PromQL: {why}", item.path()),
            format!("Write it as in Prometheus; {WINDOW} may stand for a length of time: rate(x[{WINDOW}])."),
        );
        return None;
    }
    Some(text)
}

fn target(item: &Item<'_, '_>) -> Option<f64> {
    let target = item.number(0.0..=1.0)?;
    if target <= 0.0 || target >= 1.0 {
        item.wrong(format!("`{}` leaves nothing to fail, or all", item.path()), "Write a share between 0 and 1, like 0.999.");
        return None;
    }
    Some(target)
}
