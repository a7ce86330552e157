//! Series with everything that scraped data has: resets, missed scrapes, staleness markers, odd values, odd buckets.

use redline::{
    demo::{
        memory::MemStore,
        native::{self, Native},
        store::STALE,
    },
    model::labels::Labels,
};

use crate::random::Random;

const STEP: i64 = 15_000;
/// An hour of scrapes.
const SCRAPES: i64 = 240;

struct Builder<'a> {
    store: MemStore,
    random: &'a mut Random,
    prefix: &'a str,
    end: i64,
}

impl Builder<'_> {
    /// A series with a value for each scrape; `None` is a missed one. Scrapes of a series keep a distance to whole steps.
    fn series(&mut self, name: &str, labels: &[(&str, &str)], mut value: impl FnMut(&mut Random, i64) -> Option<f64>) {
        let offset = if name == "aligned" { 0 } else { 1 + self.random.below(14_000) as i64 };
        let mut samples = Vec::new();
        for i in 0..SCRAPES {
            let jitter = if name == "aligned" { 0 } else { self.random.below(40) as i64 };
            let at = self.end - (SCRAPES - 1 - i) * STEP - offset + jitter;
            samples.extend(value(self.random, i).map(|v| (at, v)));
        }
        let name = format!("{}{name}", self.prefix);
        let all: Labels = labels.iter().copied().chain([("__name__", name.as_str())]).collect();
        self.store.push(all, samples);
    }

    fn counters(&mut self) {
        for job in ["api", "db", "web"] {
            for instance in ["1", "2"] {
                for code in ["200", "404", "500"] {
                    let labels = [("job", job), ("instance", instance), ("code", code)];
                    let mut total = 0.0;
                    self.series("req_total", &labels, |random, _| {
                        total = if random.chance(0.01) { 0.0 } else { total + random.below(30) as f64 };
                        (!random.chance(0.05)).then_some(total)
                    });
                }
                // A third of these comes and goes, with markers.
                let mut total = 0.0;
                self.series("err_total", &[("job", job), ("instance", instance)], |random, i| {
                    total += random.unit() * 3.0;
                    match (i / 40) % 3 {
                        1 if i % 40 == 0 => Some(f64::from_bits(STALE)),
                        1 => None,
                        _ => Some(total),
                    }
                });
            }
        }
    }

    fn gauges(&mut self) {
        for job in ["api", "db", "web"] {
            for instance in ["1", "2"] {
                let labels = [("job", job), ("instance", instance)];
                self.series("gauge", &labels, |random, _| Some((random.unit() - 0.4) * 200.0));
                self.series("weird", &labels, |random, _| {
                    let plain = random.unit() * 10.0;
                    Some(*[plain, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -plain].get(random.below(12)).unwrap_or(&plain))
                });
            }
            self.series("aligned", &[("job", job)], |random, i| Some((i + random.below(3) as i64) as f64));
            self.series("level", &[("job", job)], |random, i| Some(((i / 20) % 4) as f64 + if random.chance(0.1) { 1.0 } else { 0.0 }));
            for version in [1_i64, 2] {
                let name = version.to_string();
                self.series("info", &[("job", job), ("version", &name)], |_, i| match (i / 120 + 1 == version, i) {
                    (true, _) => Some(1.0),
                    (false, 120) => Some(f64::from_bits(STALE)),
                    (false, _) => None,
                });
            }
        }
    }

    /// Native histograms: counters with resets, missed scrapes, an end with its marker, other resolutions, gauges.
    fn natives(&mut self) {
        for (job, schema) in [("api", 3), ("db", 3), ("web", 2)] {
            for instance in ["1", "2"] {
                let mut total = Native { schema, zero_threshold: 1e-4, ..Native::default() };
                let mut samples = Vec::new();
                let offset = 1 + self.random.below(14_000) as i64;
                let last = if (job, instance) == ("db", "2") { SCRAPES - 90 } else { SCRAPES };
                for i in 0..last {
                    if self.random.chance(0.01) {
                        total = Native { schema, zero_threshold: 1e-4, ..Native::default() };
                    }
                    for _ in 0..self.random.below(12) {
                        observe(&mut total, self.random, job == "web");
                    }
                    if !self.random.chance(0.05) {
                        samples.push((self.end - (SCRAPES - 1 - i) * STEP - offset, total.clone()));
                    }
                }
                let stale = samples.last().filter(|_| last < SCRAPES).map(|s| s.0 + STEP);
                self.native("nat", &[("job", job), ("instance", instance)], samples, stale.as_slice());
            }
        }
        // A classic histogram of the same name in the same labels once rates are taken, and one that turns into numbers.
        let half = SCRAPES / 2;
        let mut total = Native { schema: 1, zero_threshold: 1e-4, ..Native::default() };
        let mut samples = Vec::new();
        for i in 0..half {
            observe(&mut total, self.random, false);
            samples.push((self.end - (SCRAPES - 1 - i) * STEP - 7_000, total.clone()));
        }
        self.native("turns", &[("job", "api")], samples, &[]);
        let floats = (half..SCRAPES).map(|i| (self.end - (SCRAPES - 1 - i) * STEP - 7_000, i as f64)).collect();
        if let Some(series) = self.store.series.last_mut() {
            series.samples = floats;
        }
    }

    fn native(&mut self, name: &str, labels: &[(&str, &str)], samples: Vec<(i64, Native)>, stale: &[i64]) {
        let name = format!("{}{name}", self.prefix);
        let all: Labels = labels.iter().copied().chain([("__name__", name.as_str())]).collect();
        self.store.push_native(all, samples, stale);
    }

    fn histograms(&mut self) {
        for job in ["api", "db", "web"] {
            for (i, le) in ["0.1", "0.5", "1.0", "2.5", "10.0", "+Inf"].into_iter().enumerate() {
                let mut total = 0.0;
                self.series("lat_bucket", &[("job", job), ("le", le)], |random, _| {
                    total += ((i + 1) * 5 + random.below(4)) as f64;
                    Some(total)
                });
            }
            let mut total = 0.0;
            self.series("lat_count", &[("job", job)], |_, _| {
                total += 31.0;
                Some(total)
            });
            let mut sum = 0.0;
            self.series("lat_sum", &[("job", job)], |random, _| {
                sum += random.unit() * 40.0;
                Some(sum)
            });
        }
        // No infinite bucket, negative bounds, two spellings of a bound, a label that is no number.
        for (shape, les) in [
            ("open", &["1", "2"][..]),
            ("negative", &["-1", "0", "1", "+Inf"]),
            ("twice", &["1", "1.0", "2", "+Inf"]),
            ("word", &["x", "1", "+Inf"]),
        ] {
            for le in les {
                self.series("odd_bucket", &[("shape", shape), ("le", le)], |random, i| Some((i * 3) as f64 + random.below(5) as f64));
            }
        }
    }
}

/// Counts an observation: most are positive, some zero, some negative where they may be.
fn observe(h: &mut Native, random: &mut Random, negative: bool) {
    let value = (random.unit() * 14.0 - 9.0).exp2();
    h.count += 1.0;
    if random.chance(0.1) {
        h.zero_count += 1.0;
        return;
    }
    let below = negative && random.chance(0.3);
    h.sum += if below { -value } else { value };
    let (index, side) = (native::index(value, h.schema), if below { &mut h.negative } else { &mut h.positive });
    match side.binary_search_by_key(&index, |b| b.0) {
        Ok(at) => side[at].1 += 1.0,
        Err(at) => side.insert(at, (index, 1.0)),
    }
}

/// An hour of series up to `end` (milliseconds), names with the prefix.
pub fn build(random: &mut Random, prefix: &str, end: i64) -> MemStore {
    let mut builder = Builder { store: MemStore::default(), random, prefix, end };
    builder.counters();
    builder.gauges();
    builder.histograms();
    builder.natives();
    builder.store
}
