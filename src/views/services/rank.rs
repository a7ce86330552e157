//! Which service is the worst, and why.

use std::cmp::Ordering;

use compact_str::CompactString;

use super::{
    columns::{Names, Past, Told},
    cut::has,
};
use crate::{
    model::time::Timestamp,
    red::{Family, RedMapping, queries::Together},
    ui::format,
};

/// A service's figures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Name.
    pub service: CompactString,
    /// The place of its family in the mapping, as the answers label it.
    pub family: Option<usize>,
    /// Requests a second now.
    pub rate: Option<f64>,
    /// Failing requests a second now.
    pub errors: Option<f64>,
    /// 95th percentile in seconds now.
    pub p95: Option<f64>,
    /// The same three an hour before.
    pub before: [Option<f64>; 3],
    /// It had no requests an hour before.
    pub is_new: bool,
    /// Where its last hour is in the answers.
    pub hour: [Option<usize>; 3],
    /// Its p95 may be longer: the histogram tells no more.
    pub above: bool,
    /// The buckets of its instances differ, so that its p95 is not exact.
    pub mixed: bool,
    /// The highest of its rates in the hour.
    pub peak: Option<f64>,
    /// The last sample of its rate, where it has none now.
    pub gone_since: Option<Timestamp>,
    /// What is wrong with it.
    pub verdict: Verdict,
}

/// What is wrong with a service, the worst first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Verdict {
    /// It had traffic and has no data now.
    Gone,
    /// So many more requests a second fail than an hour before.
    Failing(f64),
    /// It has no requests now, and had so many a second an hour before.
    Stopped(f64),
    /// The share that fails is above the threshold, this one, as it was an hour before.
    StillFailing(f64),
    /// Its p95 is so many times that of the hour before.
    Slower(f64),
    /// Its p95 is above the threshold, this one, as it was an hour before.
    Slow(f64),
    /// Nothing.
    #[default]
    Fine,
}

/// Below this many requests a second a service is too quiet to be the worst.
const QUIET: f64 = 0.05;
/// Of this many requests a second none in a minute is no chance.
const BUSY: f64 = 0.5;
/// Failing requests a second above normal that count.
const EXCESS: f64 = 0.01;
/// A share of failures must grow by this factor to count, for more traffic brings more of the usual failures, ...
const GROWN: f64 = 1.5;
/// ... and by this much, or else the failures by so many a second: a few in a thousand come and go by chance.
const NOTICEABLE: (f64, f64) = (0.005, 1.0);
/// A p95 must grow by this factor and by so many seconds to count.
const SLOWER: (f64, f64) = (1.5, 0.02);

impl Row {
    /// The share of requests that fail, 0 to 1.
    pub fn error_share(&self) -> Option<f64> {
        share(self.errors, self.rate)
    }

    /// The family that shows it.
    pub fn family<'m>(&self, mapping: &'m RedMapping) -> Option<&'m Family> {
        mapping.family_in(&self.service, self.family?)
    }

    /// Whether its p95 is the bound of a bucket, and so may be longer than told.
    pub fn is_at_bound(&self, together: &Together<'_>) -> bool {
        let family = || together.family(&self.service, self.family?);
        self.p95.is_some_and(|p95| family().is_some_and(|f| f.is_bound(p95)))
    }

    /// With the thresholds of its share of failures and of its p95.
    fn judge(&self, (error_threshold, latency_threshold): (f64, Option<f64>)) -> Verdict {
        if self.gone_since.is_some() && self.peak.is_some_and(|rate| rate >= QUIET) {
            return Verdict::Gone;
        }
        if let Some(before) = self.before[0].filter(|before| *before >= BUSY && self.rate == Some(0.0)) {
            return Verdict::Stopped(before);
        }
        let rate = self.rate.unwrap_or(0.0);
        let errors = self.errors.unwrap_or(0.0);
        let share = self.error_share().unwrap_or(0.0);
        // What is not known of the hour before is no zero.
        if let Some(failed) = self.before[1].or(self.is_new.then_some(0.0)) {
            let (excess, usual) = (errors - failed, self.usual());
            let noticeable = share - usual >= NOTICEABLE.0 || excess >= NOTICEABLE.1;
            if excess >= EXCESS && share > usual * GROWN && noticeable {
                return Verdict::Failing(excess);
            }
        }
        if errors >= EXCESS && share >= error_threshold {
            return Verdict::StillFailing(error_threshold);
        }
        let Some(p95) = self.p95.filter(|p| p.is_finite() && rate >= QUIET) else { return Verdict::Fine };
        let grown = self.before[2].filter(|b| *b > 0.0 && p95 - b >= SLOWER.1).map(|b| p95 / b).filter(|f| *f >= SLOWER.0);
        if let Some(factor) = grown {
            return Verdict::Slower(factor);
        }
        latency_threshold.filter(|t| *t > 0.0 && p95 > *t).map_or(Verdict::Fine, Verdict::Slow)
    }

    /// The share that failed an hour before.
    fn usual(&self) -> f64 {
        share(self.before[1], self.before[0]).unwrap_or(0.0)
    }

    /// Whether something is worse than an hour before.
    pub fn is_worse(&self) -> bool {
        matches!(self.verdict, Verdict::Gone | Verdict::Failing(_) | Verdict::Stopped(_) | Verdict::Slower(_))
    }

    /// Whether it fails as it did an hour before.
    pub fn is_still_failing(&self) -> bool {
        matches!(self.verdict, Verdict::StillFailing(_))
    }

    /// Why it stands where it stands, in a few words.
    pub fn reason(&self, zone: i32) -> String {
        match self.verdict {
            Verdict::Gone => {
                let since = self.gone_since.map_or(String::new(), |t| format!(" since {}", format::clock(t, zone)));
                format!("no data{since}")
            }
            Verdict::Failing(excess) => {
                let was = if self.is_new { "new".to_owned() } else { format!("was {}", format::percent(self.usual())) };
                format!("+{} failing, {was}", format::rate(excess))
            }
            Verdict::Stopped(before) => format!("no requests, was {}", format::rate(before)),
            Verdict::StillFailing(threshold) => format!("errors above {}", format::without_zeros(&format::percent(threshold))),
            Verdict::Slower(_) => match (self.p95, self.before[2]) {
                (Some(now), Some(before)) => format!("p95 {}, was {}", format::change(now, before), format::seconds(before)),
                _ => String::new(),
            },
            Verdict::Slow(threshold) => format!("p95 above {}", format::seconds(threshold)),
            Verdict::Fine => String::new(),
        }
    }
}

/// Where nothing fails the part is 0: `None` is not known.
fn share(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    let whole = whole.filter(|w| *w > 0.0)?;
    Some(part? / whole)
}

/// The worst first.
pub fn worse(a: &Row, b: &Row) -> Ordering {
    let class = |v: Verdict| match v {
        Verdict::Gone => 0,
        Verdict::Failing(_) => 1,
        Verdict::Stopped(_) => 2,
        Verdict::StillFailing(_) => 3,
        Verdict::Slower(_) => 4,
        Verdict::Slow(_) => 5,
        Verdict::Fine => 6,
    };
    let size = |row: &Row| match row.verdict {
        Verdict::Gone => row.peak.unwrap_or(0.0),
        Verdict::Failing(by) | Verdict::Stopped(by) | Verdict::Slower(by) => by,
        Verdict::StillFailing(_) => row.errors.unwrap_or(0.0),
        Verdict::Slow(threshold) => row.p95.unwrap_or(0.0) / threshold,
        Verdict::Fine => 0.0,
    };
    class(a.verdict).cmp(&class(b.verdict)).then_with(|| size(b).total_cmp(&size(a))).then_with(|| a.service.cmp(&b.service))
}

/// Of which services the rate was asked; `None`: of all. Of others nothing is known, neither that they have gone nor that
/// they are new.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The rate of now; sorted.
    pub now: Option<Vec<String>>,
    /// That of the hour.
    pub hour: Option<Vec<String>>,
}

impl Asked {
    fn is_of(of: Option<&Vec<String>>, service: &str) -> bool {
        of.is_none_or(|of| has(of, service))
    }
}

/// All that was answered, by column: rates, failures and percentiles. `None`: not yet.
#[derive(Debug, Default)]
pub struct Columns {
    /// Services by number.
    pub names: Names,
    /// Now.
    pub now: [Option<Vec<Told>>; 3],
    /// The last hour.
    pub hour: [Option<Vec<Past>>; 3],
}

/// The rows from what was answered. `thresholds` are those of a service: its share of failures and its p95.
pub fn rows(mapping: &RedMapping, columns: &Columns, asked: &Asked, thresholds: impl Fn(&str) -> (f64, Option<f64>)) -> Vec<Row> {
    // Figures of two families are not of the same requests.
    let durations = mapping.together();
    let names = &columns.names;
    let together = |column: usize, service: usize, rate: Option<usize>, other: Option<usize>| match column {
        2 => durations.belong(names.name(service), rate, other),
        _ => rate == other,
    };
    // Only what has or had traffic is a service.
    let mut rows: Vec<Option<Row>> = vec![None; names.len()];
    for (column, told) in columns.now.iter().enumerate() {
        for told in told.iter().flatten() {
            let row = rows[told.service].get_or_insert_with(|| Row { family: told.family, ..Row::default() });
            if together(column, told.service, row.family, told.family) {
                *[&mut row.rate, &mut row.errors, &mut row.p95][column] = Some(told.value);
            }
        }
    }
    let has_now = columns.now[0].is_some();
    for (column, past) in columns.hour.iter().enumerate() {
        for past in past.iter().flatten() {
            if column == 0 {
                rows[past.service].get_or_insert_with(|| Row { family: past.family, ..Row::default() });
            }
            let Some(row) = rows[past.service].as_mut() else { continue };
            if !together(column, past.service, row.family, past.family) {
                continue;
            }
            row.hour[column] = Some(past.place);
            row.before[column] = past.before;
            if column == 0 {
                row.peak = past.peak;
                let was_asked = row.rate.is_none() && has_now && Asked::is_of(asked.now.as_ref(), names.name(past.service));
                row.gone_since = past.last.filter(|_| was_asked);
            }
        }
    }
    let has_hour = columns.hour[0].is_some();
    let finished = |(service, row): (usize, Option<Row>)| {
        let mut row = Row { service: names.name(service).clone(), ..row? };
        row.is_new = has_hour && row.before[0].is_none() && Asked::is_of(asked.hour.as_ref(), &row.service);
        row.verdict = row.judge(thresholds(&row.service));
        Some(row)
    };
    let mut out: Vec<Row> = rows.into_iter().enumerate().filter_map(finished).collect();
    out.sort_unstable_by(worse);
    out
}

/// Marks the rows whose p95 is the longest duration that their histogram can tell, and those whose instances have different
/// buckets.
pub fn mark(rows: &mut [Row], mapping: &RedMapping, names: &Names, highest: &[Told], mixed: &[Told]) {
    let together = mapping.together();
    let by_service = |told: &[Told]| {
        let mut found: Vec<Option<Told>> = vec![None; names.len()];
        told.iter().for_each(|t| found[t.service] = Some(*t));
        found
    };
    let (highest, mixed) = (by_service(highest), by_service(mixed));
    for row in rows {
        let Some(number) = names.find(&row.service) else { continue };
        let of_row = |told: &[Option<Told>]| told[number].filter(|t| together.belong(&row.service, row.family, t.family));
        row.above = row.p95.is_some() && of_row(&highest).map(|t| t.value) == row.p95;
        row.mixed = of_row(&mixed).is_some();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        series::{Matrix, Sample, Vector},
        time::TimeRange,
    };

    fn columns(now: [Option<&Vector>; 2], hour: &Matrix) -> Columns {
        let mut names = Names::default();
        let now = [now[0].map(|v| names.told(Some(v))), now[1].map(|v| names.told(Some(v))), None];
        let hour = [Some(names.past(Some(hour))), None, None];
        Columns { names, now, hour }
    }

    /// Of failures and of p95.
    const THRESHOLDS: (f64, Option<f64>) = (0.01, None);

    fn row(service: &str, now: [f64; 3], before: [f64; 3]) -> Row {
        let some = |v: f64| (!v.is_nan()).then_some(v);
        let mut row = Row {
            service: service.into(),
            rate: some(now[0]),
            errors: some(now[1]),
            p95: some(now[2]),
            before: before.map(some),
            peak: some(before[0]),
            is_new: before[0].is_nan(),
            ..Row::default()
        };
        row.gone_since = row.rate.is_none().then_some(Timestamp::from_secs(60));
        row.verdict = row.judge(THRESHOLDS);
        row
    }

    #[test]
    fn the_worst_is_first_and_says_why() {
        let n = f64::NAN;
        let mut rows = vec![
            row("healthy", [100.0, 0.1, 0.1], [100.0, 0.1, 0.1]),
            row("always failing", [10.0, 5.0, 0.1], [10.0, 5.0, 0.1]),
            row("tiny, all fails", [0.005, 0.005, 9.0], [0.005, 0.0, 0.1]),
            row("slower", [20.0, 0.0, 0.4], [20.0, 0.0, 0.1]),
            row("slowest", [20.0, 0.0, 8.4], [20.0, 0.0, 0.1]),
            row("a bit slower", [20.0, 0.0, 0.012], [20.0, 0.0, 0.004]),
            row("fails some", [50.0, 2.0, 0.1], [50.0, 0.0, 0.1]),
            row("fails most", [41.0, 9.8, 8.0], [60.0, 0.1, 0.1]),
            row("more traffic, as usual", [100.0, 2.0, 0.1], [50.0, 1.0, 0.1]),
            row("a few fail by chance", [59.0, 0.06, 0.1], [59.0, 0.03, 0.1]),
            row("gone", [n, n, n], [38.0, 0.0, 0.1]),
            row("tiny, gone", [n, n, n], [0.001, 0.0, 0.1]),
            row("nobody asks it", [0.0, 0.0, n], [25.0, 0.1, 0.1]),
            row("nobody asked it much", [0.0, 0.0, n], [0.1, 0.0, 0.1]),
        ];
        rows.sort_by(worse);
        let names: Vec<&str> = rows.iter().map(|r| r.service.as_str()).collect();
        let bad = ["gone", "fails most", "fails some", "nobody asks it", "always failing", "more traffic, as usual", "slowest", "slower"];
        assert_eq!(names[..8], bad);
        assert!(rows[8..].iter().all(|r| r.verdict == Verdict::Fine), "{names:?}");
        let reasons: Vec<String> = [0, 1, 2, 3, 4, 6].iter().map(|i| rows[*i].reason(0)).collect();
        assert_eq!(
            reasons,
            [
                "no data since 00:01",
                "+9.70 /s failing, was 0.2 %",
                "+2.00 /s failing, was 0.0 %",
                "no requests, was 25.0 /s",
                "errors above 1 %",
                "p95 ×84, was 100 ms"
            ]
        );
    }

    #[test]
    fn a_threshold_counts_without_an_hour_before() {
        let mut new = Row { p95: Some(3.0), rate: Some(5.0), ..Row::default() };
        assert_eq!(new.judge(THRESHOLDS), Verdict::Fine);
        new.verdict = new.judge((0.01, Some(1.0)));
        assert_eq!(new.reason(0), "p95 above 1.00 s");
        new.before = [Some(5.0), None, Some(2.9)];
        new.verdict = new.judge((0.01, Some(1.0)));
        assert!(!new.is_worse(), "it was as slow an hour before");
    }

    #[test]
    fn a_service_that_began_half_an_hour_ago_and_died_is_gone() {
        let range = TimeRange { start: Timestamp::ZERO, end: Timestamp::from_secs(3900) };
        let labels: crate::model::labels::Labels = [("service", "new")].into_iter().collect();
        let samples = (35..50).map(|m| Sample { at: Timestamp::from_secs(m * 60), value: 20.0 }).collect();
        let series = vec![crate::model::series::Series { labels, samples }];
        let hour = Matrix { series, range, step: std::time::Duration::from_secs(60), warnings: Vec::new() };
        let now = Vector { elements: Vec::new(), warnings: Vec::new() };
        let told = |of: Option<Vec<String>>| {
            let asked = Asked { now: of, hour: None };
            rows(&RedMapping::default(), &columns([Some(&now), None], &hour), &asked, |_| THRESHOLDS)
        };
        let found = &told(None)[0];
        assert_eq!((found.verdict, found.reason(0)), (Verdict::Gone, "no data since 00:49".to_owned()));
        assert_eq!(told(Some(Vec::new()))[0].verdict, Verdict::Fine, "of a question cut to others nothing is known of it");
    }

    #[test]
    fn a_service_whose_hour_was_not_asked_is_not_called_new() {
        let vector = |value| {
            let labels: crate::model::labels::Labels = [("service", "a"), ("family", "0")].into_iter().collect();
            Vector { elements: vec![(labels, Sample { at: Timestamp::ZERO, value })], warnings: Vec::new() }
        };
        let (rate, errors) = (vector(10.0), vector(5.0));
        let range = TimeRange { start: Timestamp::ZERO, end: Timestamp::from_secs(3900) };
        let hour = Matrix { series: Vec::new(), range, step: std::time::Duration::from_secs(60), warnings: Vec::new() };
        let told = |of: Option<Vec<String>>| {
            let asked = Asked { now: None, hour: of };
            let mapping = RedMapping::default();
            rows(&mapping, &columns([Some(&rate), Some(&errors)], &hour), &asked, |_| THRESHOLDS).remove(0)
        };
        assert_eq!(told(None).reason(0), "+5.00 /s failing, new");
        let cut = told(Some(vec!["b".to_owned()]));
        assert_eq!((cut.is_new, cut.reason(0).as_str()), (false, "errors above 1 %"));
    }

    #[test]
    fn failures_that_are_not_known_are_no_zero() {
        let mut row = Row { rate: Some(5.0), ..Row::default() };
        assert_eq!(row.error_share(), None);
        row.errors = Some(2.0);
        row.before = [Some(5.0), None, None];
        row.verdict = row.judge(THRESHOLDS);
        assert_eq!(row.reason(0), "errors above 1 %", "how many failed an hour before was not told");
        (row.before, row.is_new) = ([None; 3], true);
        row.verdict = row.judge(THRESHOLDS);
        assert_eq!(row.reason(0), "+2.00 /s failing, new");
    }
}
