//! `/metrics` of every instance of every case, counting since the process began.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use prost::Message as _;

use super::cases::{Case, Cases, Kind};

/// Where a service that goes away is last seen, in seconds.
const GONE: f64 = 6.0;
/// The buckets of a version that has others.
const OTHER_BOUNDS: &[f64] = &[0.1, 2.5];
/// How often one that restarts does.
const RESTART: f64 = 6.0;

/// What is scraped.
pub struct Targets {
    pub address: SocketAddr,
    scrapes: Arc<(Mutex<u64>, Condvar)>,
}

impl Targets {
    /// Returns once one of them was scraped again.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait_for_a_scrape(&self, patience: Duration) {
        let (count, changed) = &*self.scrapes;
        let count = count.lock().unwrap();
        let before = *count;
        let (_count, waited) = changed.wait_timeout_while(count, patience, |now| *now == before).unwrap();
        assert!(!waited.timed_out(), "nothing was scraped for {patience:?}");
    }
}

/// Serves `/CASE/INSTANCE` until the process ends.
pub fn serve(cases: &Cases) -> Targets {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let scrapes: Arc<(Mutex<u64>, Condvar)> = Arc::default();
    let told = scrapes.clone();
    let pages: Arc<Vec<Vec<Page>>> = Arc::new(
        cases
            .case
            .iter()
            .map(|case| (0..case.instances()).map(|i| Page { case: case.clone(), instance: i, scrapes: AtomicU64::new(0) }).collect())
            .collect(),
    );
    let start = Instant::now();
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let (pages, told) = (pages.clone(), told.clone());
            std::thread::spawn(move || answer_all(connection, &pages, &told, start));
        }
    });
    Targets { address, scrapes }
}

/// One instance.
struct Page {
    case: Case,
    instance: usize,
    scrapes: AtomicU64,
}

/// Answers the requests of a connection; one that is cut ends it.
fn answer_all(mut connection: TcpStream, pages: &[Vec<Page>], (count, changed): &(Mutex<u64>, Condvar), start: Instant) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).unwrap_or(0) > 2 {
            header.clear();
        }
        let mut path = line.split(' ').nth(1).unwrap_or("").split('/').skip(1).map(|part| part.parse::<usize>().unwrap());
        let page = &pages[path.next().unwrap()][path.next().unwrap()];
        let (status, kind, body) = page.scraped(start.elapsed().as_secs_f64());
        let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        if connection.write_all(head.as_bytes()).and_then(|()| connection.write_all(&body)).is_err() {
            return;
        }
        *count.lock().unwrap() += 1;
        changed.notify_all();
    }
}

impl Page {
    fn scraped(&self, elapsed: f64) -> (&'static str, &'static str, Vec<u8>) {
        let scrape = self.scrapes.fetch_add(1, Ordering::Relaxed);
        let fault = self.case.fault.as_deref();
        if (fault == Some("gone") && elapsed > GONE) || (fault == Some("gaps") && scrape % 5 == 4) {
            return ("503 Service Unavailable", "text/plain", Vec::new());
        }
        let counted = if fault == Some("resets") { elapsed % RESTART } else { elapsed };
        if self.case.kind == Kind::Native {
            let kind = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
            return ("200 OK", kind, native(&self.case, counted));
        }
        ("200 OK", "text/plain; version=0.0.4; charset=utf-8", self.text(counted).into_bytes())
    }

    fn text(&self, counted: f64) -> String {
        let case = &self.case;
        let mut out = String::new();
        for labels in std::iter::once(&case.labels).chain(&case.beside) {
            let [ok, failed] = case.per_second().map(|rate| rate * counted);
            if let Some(failures) = &case.failures {
                sample(&mut out, failures, &[labels], failed);
            }
            let states = [(&case.when_ok, ok), (&case.when_failed, failed)];
            // Without a label that tells them apart, and without one of those, they are one series.
            let states = if case.when_failed.is_empty() { vec![(&case.when_ok, ok + failed)] } else { states.to_vec() };
            if let Some(requests) = &case.requests {
                states.iter().for_each(|(when, n)| sample(&mut out, requests, &[labels, when], *n));
            }
            if case.apart {
                self.durations(&mut out, &[labels], ok + failed);
            } else {
                states.iter().for_each(|(when, n)| self.durations(&mut out, &[labels, when], *n));
            }
        }
        out
    }

    fn durations(&self, out: &mut String, labels: &[&String], n: f64) {
        let case = &self.case;
        let Some(name) = &case.durations else { return };
        let with = |extra: String, suffix: &str, value: f64, out: &mut String| {
            let all: Vec<&String> = labels.iter().copied().chain([&extra]).collect();
            sample(out, &format!("{name}{suffix}"), &all, value);
        };
        if case.kind == Kind::Summary {
            let nan = case.fault.as_deref() == Some("nan");
            let without = (case.fault.as_deref() == Some("no-p95")).then_some("0.95");
            for (q, value) in [("0.5", 0.0778), ("0.95", 0.75), ("0.99", 0.95)].into_iter().filter(|(q, _)| Some(*q) != without) {
                with(format!("quantile=\"{q}\""), "", if nan { f64::NAN } else { value * case.second() }, out);
            }
        } else {
            let other = case.fault.as_deref() == Some("bounds") && self.instance == 1;
            for bound in if other { OTHER_BOUNDS } else { case.bounds() } {
                with(format!("le=\"{}\"", self.le(bound * case.second())), "_bucket", n * share(*bound), out);
            }
            with("le=\"+Inf\"".to_owned(), "_bucket", n, out);
        }
        sample(out, &format!("{name}_count"), labels, n);
        sample(out, &format!("{name}_sum"), labels, n * 0.145 * case.second());
    }

    fn le(&self, bound: f64) -> String {
        let old = self.case.fault.as_deref() == Some("le") && self.instance == 0;
        if bound.fract() == 0.0 && !old { format!("{bound:.1}") } else { format!("{bound}") }
    }
}

/// The share of durations up to a bound.
fn share(bound: f64) -> f64 {
    if bound < 0.1 {
        0.0
    } else if bound < 1.0 {
        0.9
    } else {
        1.0
    }
}

fn sample(out: &mut String, name: &str, labels: &[&String], value: f64) {
    let labels = labels.iter().filter(|l| !l.is_empty()).map(|l| l.as_str()).collect::<Vec<_>>().join(",");
    // A name of UTF-8 stands in the braces.
    if name.contains('.') {
        writeln!(out, "{{\"{name}\",{labels}}} {value}").unwrap();
    } else {
        writeln!(out, "{name}{{{labels}}} {value}").unwrap();
    }
}

/// A native histogram of schema 3: 9 of 10 in the bucket with 0.078 s, one in that with 0.75 s.
fn native(case: &Case, counted: f64) -> Vec<u8> {
    let [ok, failed] = case.per_second().map(|rate| (rate * counted) as u64);
    let bucket = |seconds: f64| (seconds.log2() * 8.0).ceil() as i32;
    let metric = |when: &String, n: u64| {
        let (low, high) = (n * 9 / 10, n - n * 9 / 10);
        let (first, second) = (bucket(0.078), bucket(0.75));
        let histogram = Histogram {
            sample_count: Some(n),
            sample_sum: Some(n as f64 * 0.145),
            schema: Some(3),
            zero_threshold: Some(1e-9),
            zero_count: Some(0),
            positive_span: vec![
                BucketSpan { offset: Some(first), length: Some(1) },
                BucketSpan { offset: Some(second - first - 1), length: Some(1) },
            ],
            positive_delta: vec![low as i64, high as i64 - low as i64],
        };
        let pair = |text: &str| {
            let (name, value) = text.split_once('=').unwrap();
            LabelPair { name: Some(name.to_owned()), value: Some(value.trim_matches('"').to_owned()) }
        };
        let mut label: Vec<LabelPair> =
            [&case.labels, when].into_iter().flat_map(|l| l.split(',')).filter(|l| !l.is_empty()).map(pair).collect();
        label.sort_by(|a, b| a.name.cmp(&b.name));
        Metric { label, histogram: Some(histogram) }
    };
    let name = case.durations.clone();
    let family =
        MetricFamily { name, help: None, kind: Some(4), metric: vec![metric(&case.when_ok, ok), metric(&case.when_failed, failed)] };
    family.encode_length_delimited_to_vec()
}

// The part of io.prometheus.client that a native histogram needs.

#[derive(Clone, PartialEq, prost::Message)]
struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    /// 4: a histogram.
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LabelPair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sample_sum: Option<f64>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, tag = "13")]
    positive_delta: Vec<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}
