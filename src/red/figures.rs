//! The figures of all services at an instant, asked at once, and in parts where the server refuses that.

use std::{collections::BTreeMap, future::Future, time::Duration};

use tokio::time::Instant;

use super::{Durations, Family, RedMapping, queries::Part};
use crate::{
    model::{backend::SourceError, series::Vector, time::Timestamp},
    source::Prometheus,
};

/// The quantiles told, in this order.
pub const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
/// What is asked.
const COLUMNS: [&str; 5] = ["the rate", "the failures", "the p50", "the p95", "the p99"];
const MIXED: &str = "whether buckets of instances differ";
const HIGHEST: &str = "whether a quantile is longer than the highest bucket tells";
/// A part of so few services is not asked in smaller ones.
const SMALLEST: usize = 8;
/// A server in trouble is not asked hundreds of times.
const LIMITS: Limits = Limits { questions: 64, time: Duration::from_secs(60) };

/// When no smaller questions are asked any more.
#[derive(Clone, Copy)]
struct Limits {
    questions: usize,
    time: Duration,
}

/// The figures of a service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// Requests a second.
    pub rate: Option<f64>,
    /// The share of requests that fail, 0 to 1; `None` without traffic or where its family does not tell.
    pub errors: Option<f64>,
    /// [`QUANTILES`] in seconds; `None` without traffic or where they cannot be told.
    pub quantiles: [Option<f64>; 3],
    /// The longest duration that its histogram can tell, where a quantile may be that.
    pub highest: Option<f64>,
    /// The buckets of its instances differ, so that no quantile is exact.
    pub mixed_buckets: bool,
    /// The place of the family whose requests these are, as answers are labelled with it.
    pub family: String,
}

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answered {
    /// By service.
    pub services: BTreeMap<String, Figures>,
    /// What the server did not answer, and its warnings, in words.
    pub notes: Vec<String>,
}

impl Figures {
    /// The family that shows the service.
    pub fn family<'m>(&self, mapping: &'m RedMapping, service: &str) -> Option<&'m Family> {
        mapping.family_at(service, &self.family)
    }

    /// Whether a quantile may be higher than told: the histogram does not tell more than its highest finite bound.
    pub fn is_at_highest_bound(&self, quantile: usize) -> bool {
        self.highest.is_some_and(|highest| self.quantiles[quantile] == Some(highest))
    }
}

impl Family {
    /// Whether a quantile in seconds is the bound of a bucket, and so may be the highest finite one of a service, which
    /// stands for all that is above it. It is if the quantile 1 is no higher.
    pub fn is_bound(&self, seconds: f64) -> bool {
        self.bounds().iter().any(|bound| self.is_at(*bound, seconds))
    }

    /// Whether it is the highest of all bounds: nobody can tell how much longer it is.
    pub fn is_highest_bound(&self, seconds: f64) -> bool {
        self.bounds().last().is_some_and(|bound| self.is_at(*bound, seconds))
    }

    fn bounds(&self) -> &[f64] {
        match &self.durations {
            Some(Durations::Classic { bounds, .. }) => bounds,
            _ => &[],
        }
    }

    fn is_at(&self, bound: f64, seconds: f64) -> bool {
        (bound * self.unit.seconds() / seconds - 1.0).abs() < 1e-9
    }
}

/// Asks for all services, or those given.
///
/// # Errors
/// As any request; what the server refuses even in small parts is left out and told.
pub async fn figures(prom: &Prometheus, mapping: &RedMapping, only: Option<&[String]>, at: Timestamp) -> Result<Answered, SourceError> {
    let all: Vec<String> = match only {
        Some(services) => services.to_vec(),
        None => mapping.services().map(str::to_owned).collect(),
    };
    let instant = |query: String| async move { prom.query(&query, at).await };
    let ask = |column| {
        let (all, whole) = (&all, only.is_none());
        in_parts(LIMITS, (all, whole), COLUMNS[column], move |part| query(mapping, column, part), instant)
    };
    let ask_beside = |column| async move { beside(ask(column).await, COLUMNS[column]) };
    let mixed = async {
        let asked = in_parts(LIMITS, (&all, only.is_none()), MIXED, |part| mapping.services_mixed_buckets(part), instant);
        beside(asked.await, MIXED)
    };
    let (rate, errors, p50, p95, p99, mixed) = tokio::try_join!(ask(0), ask_beside(1), ask_beside(2), ask_beside(3), ask_beside(4), mixed)?;
    let mut told = joined(mapping, [rate, errors, p50, p95, p99]);
    told.each(mapping, mixed, |figures, _| figures.mixed_buckets = true);
    let at_bound = told.services.iter().filter(|(service, f)| {
        let family = f.family(mapping, service);
        f.quantiles.iter().flatten().any(|q| family.is_some_and(|family| family.is_bound(*q)))
    });
    let at_bound: Vec<String> = at_bound.map(|(service, _)| service.clone()).collect();
    let highest = in_parts(LIMITS, (&at_bound, false), HIGHEST, |part| mapping.services_quantile(1.0, part), instant).await;
    told.each(mapping, beside(highest, HIGHEST)?, |figures, value| figures.highest = Some(value));
    told.notes.sort();
    told.notes.dedup();
    Ok(told)
}

impl Answered {
    /// What was answered of the durations of each service.
    fn each(&mut self, mapping: &RedMapping, (vectors, notes): Parts, set: impl Fn(&mut Figures, f64)) {
        self.notes.extend(notes);
        let together = mapping.together();
        for (service, tag, value) in vectors.iter().flat_map(elements) {
            let Some(figures) = self.services.get_mut(service) else { continue };
            if together.belong(service, figures.family.parse().ok(), tag.parse().ok()) {
                set(figures, value);
            }
        }
    }
}

fn query(mapping: &RedMapping, column: usize, part: Part<'_>) -> Option<String> {
    match column {
        0 => mapping.services_rate(part),
        1 => mapping.services_errors(part),
        _ => mapping.services_quantile(QUANTILES[column - 2], part),
    }
}

/// An answer to all parts.
type Parts = (Vec<Vector>, Vec<String>);

/// Asks for all at once (`whole`: without naming them), and for halves of what is refused, within the limits.
async fn in_parts<F: Future<Output = Result<Vector, SourceError>>>(
    limits: Limits,
    (services, whole): (&[String], bool),
    what: &str,
    query: impl Fn(Part<'_>) -> Option<String>,
    ask: impl Fn(String) -> F,
) -> Result<Parts, SourceError> {
    let (mut answers, mut notes) = (Vec::new(), Vec::new());
    let mut left: Vec<&[String]> = vec![services];
    let (start, mut asked) = (Instant::now(), 0);
    while let Some(part) = left.pop() {
        let only = (!whole || part.len() < services.len()).then_some(part);
        let Some(query) = query(Part { only, ..Part::default() }) else { continue };
        asked += 1;
        match ask(query).await {
            Ok(vector) => {
                notes.extend(vector.warnings.iter().cloned());
                answers.push(vector);
            }
            Err(e) if e.is_refusal() && (asked >= limits.questions || start.elapsed() >= limits.time) => {
                let many: usize = part.len() + left.iter().map(|part| part.len()).sum::<usize>();
                notes.push(format!("{what} of {many} of {} services is left out after {asked} questions: {}", services.len(), e.message));
                break;
            }
            Err(e) if e.is_refusal() && part.len() > SMALLEST => {
                let (one, other) = part.split_at(part.len() / 2);
                left.extend([other, one]);
            }
            Err(e) if e.is_refusal() && services.len() > SMALLEST => {
                let named = part.join(", ");
                notes.push(format!("{what} of {named} is left out: {}", e.message));
            }
            Err(e) => return Err(e),
        }
    }
    Ok((answers, notes))
}

/// What stands beside the rate fails alone.
fn beside(asked: Result<Parts, SourceError>, what: &str) -> Result<Parts, SourceError> {
    match asked {
        Err(e) if e.is_of_the_question(true) => Ok((Vec::new(), vec![format!("{what} is left out: {}", e.message)])),
        asked => asked,
    }
}

/// Services, labels of families and values that are numbers.
fn elements(vector: &Vector) -> impl Iterator<Item = (&str, &str, f64)> {
    vector
        .elements
        .iter()
        .filter(|(_, s)| s.value.is_finite())
        .filter_map(|(labels, sample)| Some((labels.get("service")?, labels.get("family").unwrap_or_default(), sample.value)))
}

/// Figures of two families are not of the same requests: those of the rate's family count.
fn joined(mapping: &RedMapping, parts: [Parts; 5]) -> Answered {
    let mut out = Answered::default();
    let together = mapping.together();
    for (column, (vectors, notes)) in parts.into_iter().enumerate() {
        out.notes.extend(notes);
        for (service, tag, value) in vectors.iter().flat_map(elements) {
            if column == 0 {
                let figures = Figures { rate: Some(value), family: tag.to_owned(), ..Figures::default() };
                out.services.insert(service.to_owned(), figures);
                continue;
            }
            let Some(figures) = out.services.get_mut(service) else { continue };
            match column {
                1 if figures.family == tag => figures.errors = figures.rate.filter(|rate| *rate > 0.0).map(|rate| value / rate),
                2.. if together.belong(service, figures.family.parse().ok(), tag.parse().ok()) => {
                    figures.quantiles[column - 2] = Some(value)
                }
                _ => {}
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        app::testing::red_mapping,
        model::{
            backend::{Backend, ErrorKind},
            series::Sample,
        },
    };

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("s{i:04}")).collect()
    }

    fn vector(elements: &[(&str, &str, f64)]) -> Vector {
        let element = |(service, family, value): &(&str, &str, f64)| {
            ([("service", *service), ("family", *family)].into_iter().collect(), Sample { at: Timestamp::ZERO, value: *value })
        };
        Vector { elements: elements.iter().map(element).collect(), warnings: Vec::new() }
    }

    #[tokio::test]
    async fn what_is_refused_is_asked_in_halves_and_what_is_left_out_is_named() {
        let services = names(100);
        let mapping = red_mapping(&services.iter().map(String::as_str).collect::<Vec<_>>());
        let asked = Mutex::new(Vec::new());
        let answer = |query: String| {
            let count = services.iter().filter(|s| query.contains(s.as_str())).count();
            asked.lock().unwrap().push(count);
            // At most 30 services a query, and never the last one.
            let refused = !(1..=30).contains(&count) || query.contains("s0099");
            async move {
                if refused {
                    Err(SourceError::new(Backend::Prometheus, ErrorKind::Refused, "too many series"))
                } else {
                    Ok(vector(&[("x", "0", count as f64)]))
                }
            }
        };
        let (answers, notes) = in_parts(LIMITS, (&services, true), "the rate", |part| mapping.services_rate(part), answer).await.unwrap();
        let told: f64 = answers.iter().flat_map(|v| &v.elements).map(|(_, s)| s.value).sum();
        let left_out = notes[0].matches("s00").count();
        assert_eq!(told as usize + left_out, 100, "{notes:?}");
        assert!(notes.len() == 1 && left_out <= SMALLEST && notes[0].ends_with("s0099 is left out: too many series"), "{notes:?}");
        assert_eq!(asked.lock().unwrap()[0], 0, "all at once first, without naming them");
    }

    #[tokio::test]
    async fn a_server_that_is_too_slow_for_anything_is_not_asked_for_long() {
        let services = names(1000);
        let mapping = red_mapping(&services.iter().map(String::as_str).collect::<Vec<_>>());
        for (limits, most) in [(LIMITS, 64), (Limits { time: Duration::ZERO, ..LIMITS }, 1)] {
            let asked = Mutex::new(0);
            let answer = |_| {
                *asked.lock().unwrap() += 1;
                async { Err(SourceError::new(Backend::Prometheus, ErrorKind::Timeout(LIMITS.time), "no answer")) }
            };
            let rate = |part: Part<'_>| mapping.services_rate(part);
            let (answers, notes) = in_parts(limits, (&services, true), "the rate", rate, answer).await.unwrap();
            assert_eq!((answers.len(), *asked.lock().unwrap()), (0, most));
            let last = notes.last().unwrap();
            assert!(last.ends_with(&format!("of 1000 services is left out after {most} questions: no answer")), "{notes:?}");
        }
    }

    #[test]
    fn figures_of_another_family_are_not_joined() {
        let parts = [
            vector(&[("a", "0", 10.0), ("b", "1", 0.0), ("c", "0", f64::NAN)]),
            vector(&[("a", "0", 1.0), ("b", "1", 0.0)]),
            vector(&[("a", "1", 0.1), ("b", "1", f64::INFINITY)]),
            vector(&[("a", "0", 0.2), ("c", "0", 0.3)]),
            vector(&[]),
        ];
        let mut mapping = red_mapping(&["a", "b", "c"]);
        let mut other = mapping.families[0].clone();
        other.requests = crate::red::Requests::Counter("other".to_owned());
        other.durations = Some(Durations::Native("other".to_owned()));
        mapping.families.push(other);
        let told = joined(&mapping, parts.map(|v| (vec![v], Vec::new())));
        assert_eq!(told.services.keys().collect::<Vec<_>>(), ["a", "b"], "no number is no figure");
        let a = &told.services["a"];
        assert_eq!((a.rate, a.errors, a.quantiles), (Some(10.0), Some(0.1), [None, Some(0.2), None]));
        assert_eq!(told.services["b"].errors, None, "without traffic there is no share");
    }

    #[test]
    fn a_quantile_on_a_bound_may_be_higher_than_told() {
        let family = &red_mapping(&["a"]).families[0];
        assert!(family.is_bound(10.0) && family.is_bound(1.0) && !family.is_bound(0.99));
        assert!(family.is_highest_bound(10.0) && !family.is_highest_bound(1.0));
        let told = Figures { quantiles: [Some(0.5), Some(1.0), Some(10.0)], highest: Some(10.0), ..Figures::default() };
        assert_eq!([0, 1, 2].map(|i| told.is_at_highest_bound(i)), [false, false, true]);
    }
}
