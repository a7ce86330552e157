//! Figures of traces, from an answer's bytes to what a page draws of it: `cargo bench --bench traces [-- growth|compare|million]`.
//! Prints, asserts nothing. Processor time of the one thread that does the work; memory is what a process
//! of its own grew by, in which nothing was freed before.
//!
//! What is drawn, and a key's time, is measured by `cargo bench --bench terminal -- trace`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::{
    env, fs,
    path::Path,
    process::{Command, id},
};

use prost::Message as _;
use redline::{
    model::{
        backend::Backend,
        trace::{Spans, TraceId},
    },
    source::otlp::{Builder, Sink, decode},
    trace::{Trace, compare::compare, path::CriticalPath, repeats::Repeats, scale::Scale, structure::Structure, table},
    wire::otlp::{ResourceSpans, TraceByIdParts},
};
use support::{Watch, figure, memory, millis, spans, wanted};

/// In the environment of a process that measures its memory: the file of the answer that it reads.
const MEMORY_OF: &str = "REDLINE_BENCH_MEMORY_OF";

fn main() {
    if let Ok(answer) = env::var(MEMORY_OF) {
        return println!("{}", grown_by(Path::new(&answer)));
    }
    if wanted("growth") {
        growth();
    }
    if wanted("compare") {
        comparison();
    }
    if wanted("million") {
        million();
    }
}

fn trace_id() -> TraceId {
    TraceId::parse(spans::TRACE).unwrap()
}

fn put(spans: &mut Builder, group: ResourceSpans) {
    spans.resource(group.resource.unwrap_or_default());
    group.scope_spans.into_iter().flat_map(|scope| scope.spans).for_each(|span| spans.span(span));
}

fn of_protobuf(body: Vec<u8>) -> Spans {
    let parts = TraceByIdParts::decode(bytes::Bytes::from(body)).unwrap().trace.unwrap();
    let mut spans = Builder::new(trace_id());
    parts.resource_spans.into_iter().for_each(|bytes| put(&mut spans, ResourceSpans::decode(bytes).unwrap()));
    spans.finish(None)
}

fn of_json(body: &str) -> Spans {
    let mut spans = Builder::new(trace_id());
    let partial = decode(Backend::Tempo, body.as_bytes(), &mut spans).unwrap();
    spans.finish(partial)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let watch = Watch::start();
    let result = work();
    (result, millis(watch.busy()))
}

/// One row for each step, one column for each size.
fn growth() {
    const SIZES: [usize; 3] = [1000, 10_000, 100_000];
    let columns = SIZES.map(one_size);
    println!("{:<44}{}", "spans", SIZES.map(|n| format!("{n:>12}")).concat());
    for (row, (what, _)) in columns[0].iter().enumerate() {
        let cells: String = columns.iter().map(|c| format!("{:>12.2}", c[row].1)).collect();
        println!("{what:<44}{cells}");
    }
}

fn one_size(count: usize) -> Vec<(&'static str, f64)> {
    let text = spans::json(count);
    let (from_json, json_ms) = timed(|| of_json(&text));
    drop(text);
    let body = spans::answer(count).encode_to_vec();
    let (size, grown) = (body.len(), grown_elsewhere(&body));
    let (decoded, protobuf_ms) = timed(|| of_protobuf(body));
    assert!(decoded == from_json, "both say the same");
    drop(from_json);
    let (trace, build_ms) = timed(|| Trace::build(decoded));
    let (path, path_ms) = timed(|| CriticalPath::of(&trace.nodes, trace.root));
    assert_eq!(path, trace.path);
    let (_, repeats_ms) = timed(|| Repeats::of(&trace));
    let (_, scale_ms) = timed(|| Scale::folded(&trace, trace.range, 120));
    let (_, table_ms) = timed(|| table::rows(&trace));
    let (_, corrected_ms) = timed(|| trace.corrected());
    let (_, structure_ms) = timed(|| {
        let mut structure = Structure::default();
        structure.add(&trace);
        structure.rows()
    });
    let (_, compare_ms) = timed(|| compare(&trace, &trace));
    vec![
        ("answer, protobuf, MB", size as f64 / f64::from(1 << 20)),
        ("decode protobuf, ms", protobuf_ms),
        ("decode JSON, ms", json_ms),
        ("build (path and folds among it), ms", build_ms),
        ("  critical path, ms", path_ms),
        ("repeated siblings, ms", repeats_ms),
        ("scale with folds, ms", scale_ms),
        ("table by operation, ms", table_ms),
        ("clocks put right, ms", corrected_ms),
        ("merged into a structure, ms", structure_ms),
        ("compared with itself, ms", compare_ms),
        ("memory, MB", grown),
    ]
}

/// What [`grown_by`] says of an answer in a process of its own, in MB.
fn grown_elsewhere(body: &[u8]) -> f64 {
    let answer = tempfile::NamedTempFile::new().unwrap();
    fs::write(answer.path(), body).unwrap();
    let out = Command::new(env::current_exe().unwrap()).env(MEMORY_OF, answer.path()).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().parse().expect("a process of its own tells its memory")
}

/// By how much this process grows when it reads an answer and builds the trace, in MB.
fn grown_by(answer: &Path) -> f64 {
    let before = memory(id(), "VmRSS");
    let trace = Trace::build(of_protobuf(fs::read(answer).unwrap()));
    assert!(trace.span_count > 0);
    memory(id(), "VmRSS") - before
}

fn comparison() {
    let [a, b] = [10_000, 9_990].map(|count| Trace::build(of_protobuf(spans::answer(count).encode_to_vec())));
    let (_, took) = timed(|| compare(&a, &b));
    figure("two traces of 10,000 spans compared", took, "ms").at_most(100.0);
}

fn million() {
    const SPANS: usize = 1_000_000;
    let mut spans = Builder::new(trace_id());
    for service in 0..spans::SERVICES {
        put(&mut spans, spans::group(service, SPANS));
    }
    let spans = spans.finish(None);
    let (trace, took) = timed(|| Trace::build(spans));
    figure("1,000,000 spans: build", took, "ms").note();
    assert_eq!(trace.span_count as usize, SPANS);
    let (_, took) = timed(|| Scale::folded(&trace, trace.range, 120));
    figure("1,000,000 spans: scale with folds", took, "ms").at_most(8.0);
    figure("1,000,000 spans: resident at its most", memory(id(), "VmHWM"), "MB").note();
}
