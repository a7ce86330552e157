//! What the screen says against what the servers' own APIs answer to questions of ours: values, counts and ids, not just
//! that there is something.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use crate::support::{Terminal, servers::Servers};

const ENTER: &str = "\r";
/// Four scrapes of the demo's 15 s: what a rate is taken over.
const RATE: &str = "60s";

/// All of it.
pub fn the_screen_says_what_the_servers_say(config: &str) {
    let servers = Servers::of(config);
    alerts(config, &servers);
    services(config, &servers);
    let trace = logs(config, &servers);
    waterfall(config, &servers, &trace);
}

/// Each alert's row: state, service and value.
fn alerts(config: &str, servers: &Servers) {
    let mut t = Terminal::start(200, 50, &["--config", config]);
    for name in ["OrdersLatencyHigh", "CheckoutBudgetBurn", "OrdersPoolSaturated"] {
        t.see(name);
        // Both change with each evaluation: they must come to agree.
        t.wait_until(&format!("the row of {name} to say what /api/v1/alerts says"), |t| {
            let alerts = servers.alerts(name);
            let [alert] = alerts.as_slice() else { return false };
            let value: f64 = alert["value"].as_str().unwrap().parse().unwrap();
            let screen = t.text();
            let Some(row) = screen.lines().find(|l| l.contains(name)) else { return false };
            let shown = fields(row).into_iter().find_map(|f| f.split_once(" > ").map(|(value, _)| value.to_owned()));
            let words = [alert["state"].as_str().unwrap(), alert["labels"]["service"].as_str().unwrap()];
            words.iter().all(|w| row.contains(w)) && shown.is_some_and(|shown| shows(&shown, value))
        });
    }
    t.keys("q").ended();
}

/// Rate, errors and p95 of a service at the end of a window that has passed.
fn services(config: &str, servers: &Servers) {
    let end = Utc::now() - TimeDelta::seconds(60);
    let (from, to) = (stamp(end - TimeDelta::hours(1)), stamp(end));
    let mut t = Terminal::start(200, 50, &["--config", config, "--view", "services", "--from", &from, "--to", &to]);
    for service in ["orders", "checkout"] {
        let full = |s: &str| row_of(s, service).is_some_and(|f| ["/s", "%", "s"].iter().all(|unit| cell(&f, unit).is_some()));
        let row = row_of(&t.wait(&format!("the figures of {service}"), full), service).unwrap();
        let of = format!("application=\"{service}\"");
        let rate = format!("sum(rate(http_server_requests_seconds_count{{{of}}}[{RATE}]))");
        let failing = format!("sum(rate(http_server_requests_seconds_count{{{of}, status=~\"5..\"}}[{RATE}]))");
        let buckets = format!("sum by (le) (rate(http_server_requests_seconds_bucket{{{of}}}[{RATE}]))");
        let expected = [("/s", rate.clone()), ("%", format!("{failing} / {rate}")), ("s", format!("histogram_quantile(0.95, {buckets})"))];
        for (unit, promql) in expected {
            let (shown, value) = (cell(&row, unit).unwrap(), servers.value(&promql, end));
            assert!(shows(&shown, value), "{service}: {shown} on the screen, but {promql} is {value}");
        }
    }
    t.keys("q").ended();
}

/// A stretch of the log of orders: how many lines, how many with these words, the first of them, and the trace it leads to.
fn logs(config: &str, servers: &Servers) -> String {
    const WORDS: &str = "timeout acquiring";
    let end = Utc::now() - TimeDelta::seconds(60);
    let begin = end - TimeDelta::seconds(10);
    let (from, to) = (stamp(begin), stamp(end));
    let (begin, end) = (parsed(&from), parsed(&to));
    let mut t = Terminal::start(200, 50, &["--config", config, "--view", "logs", "--service", "orders", "--from", &from, "--to", &to]);
    let all = servers.lines(r#"{service_name="orders"}"#, begin, end);
    t.see(&format!(" {} lines ", grouped(all.len())));
    let with_words: Vec<&(i64, String)> = all.iter().filter(|l| l.1.contains(WORDS)).collect();
    t.keys("/").keys(WORDS).keys(ENTER).see(&format!(" {} of {} lines ", grouped(with_words.len()), grouped(all.len())));
    let first = with_words.first().expect("orders times out in every ten seconds of the incident");
    t.keys("gg");
    t.selected_with(&clock(first.0));
    let trace = hex_of_32(&first.1).expect("the line names its trace");
    t.keys(ENTER).at(&format!("{}…{}", &trace[..4], &trace[28..]));
    t.keys("q").ended();
    trace
}

/// Spans of a trace, with their numbers and ids, and the lines of one of them.
fn waterfall(config: &str, servers: &Servers, trace: &str) {
    let spans = spans(&servers.get("tempo", &format!("/api/traces/{trace}"), &[]));
    let mut t = Terminal::start(200, 100, &["--config", config, "--view", "waterfall", "--trace", trace]);
    let services: BTreeSet<&str> = spans.iter().map(|s| s.service.as_str()).collect();
    let errors = spans.iter().filter(|s| s.error).count();
    let screen = t.see(&format!("{} spans, {} services", spans.len(), services.len()));
    assert!(screen.contains(&format!(" {errors} error")), "{errors} spans have failed:\n{screen}");

    let mut expected: Vec<(String, f64)> = spans.iter().map(|s| (format!("{} {}", s.service, s.name), s.seconds)).collect();
    expected.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    // Spans that repeat are one row until they are unfolded, and many spans need the whole screen.
    t.keys(":unfold-all").keys(ENTER).keys("z");
    let screen = t.wait("a row for each span", |s| tree(s).len() == expected.len());
    for (name, seconds) in expected {
        assert!(tree(&screen).iter().any(|(n, d)| *n == name && shows(d, seconds)), "no row {name} of {seconds} s:\n{screen}");
    }

    t.keys("z").select("pool.acquire");
    let screen = t.wait("the ids of the span", |s| id_after(s, " span ").is_some() && id_after(s, " parent span ").is_some());
    let id = id_after(&screen, " span ").unwrap();
    let span = spans.iter().find(|s| s.id == id).unwrap_or_else(|| panic!("Tempo knows no span {id} in {trace}"));
    assert_eq!((span.name.as_str(), Some(&span.parent)), ("pool.acquire", id_after(&screen, " parent span ").as_ref()));

    t.keys("l").at("Logs");
    let now = Utc::now();
    let lines = servers.lines(&format!("{{service_name=\"orders\"}} |= \"{trace}\""), now - TimeDelta::minutes(30), now);
    let lines = if lines.is_empty() {
        servers.lines(&format!("{{service_name=\"orders\"}} | trace_id=\"{trace}\""), now - TimeDelta::minutes(30), now)
    } else {
        lines
    };
    assert!(!lines.is_empty(), "Loki has no line of {trace}");
    let screen = t.see(&format!(" {} line", lines.len()));
    for (at, line) in lines {
        assert!(screen.contains(&clock(at)), "no line of {}: {line}\n{screen}", clock(at));
    }
    t.keys("q").ended();
}

struct Span {
    id: String,
    parent: String,
    service: String,
    name: String,
    seconds: f64,
    error: bool,
}

/// Of Tempo's JSON, in which ids are base64.
fn spans(answer: &Value) -> Vec<Span> {
    let hex = |id: &Value| BASE64_STANDARD.decode(id.as_str().unwrap_or("")).unwrap().iter().map(|b| format!("{b:02x}")).collect();
    let nanos = |v: &Value| v.as_str().unwrap().parse::<i64>().unwrap();
    let mut out = Vec::new();
    for batch in answer["batches"].as_array().unwrap() {
        let attributes = batch["resource"]["attributes"].as_array().unwrap();
        let service = attributes.iter().find(|a| a["key"] == "service.name").unwrap()["value"]["stringValue"].as_str().unwrap();
        for span in batch["scopeSpans"].as_array().unwrap().iter().flat_map(|s| s["spans"].as_array().unwrap()) {
            out.push(Span {
                id: hex(&span["spanId"]),
                parent: hex(&span["parentSpanId"]),
                service: service.to_owned(),
                name: span["name"].as_str().unwrap().to_owned(),
                seconds: (nanos(&span["endTimeUnixNano"]) - nanos(&span["startTimeUnixNano"])) as f64 / 1e9,
                error: span["status"]["code"] == "STATUS_CODE_ERROR" || span["status"]["code"] == 2,
            });
        }
    }
    out
}

/// The spans in the waterfall's tree: name and duration. A row that stands for a span that was lost is none of them, and
/// those below it are marked; neither is the heading of those that repeat.
fn tree(screen: &str) -> Vec<(String, String)> {
    let row = |line: &str| {
        let left = line.trim_start_matches('│').split('│').next()?;
        let found: Vec<String> = fields(left.trim_start_matches(['▌', ' ', '▾', '▸']));
        // Between them its share of the path and its own time.
        let ([name, duration] | [name, _, duration] | [name, _, _, duration]) = found.as_slice() else { return None };
        let name = name.strip_suffix(" [orphan]").unwrap_or(name);
        let is_span = !name.starts_with("missing span ") && !name.contains(" ×");
        is_span.then(|| (name.to_owned(), duration.trim_end_matches(['!', ' ']).to_owned()))
    };
    let spans = screen.lines().skip_while(|l| !l.starts_with("┌ spans")).skip(1).take_while(|l| l.starts_with('│'));
    spans.filter_map(row).filter(|(_, d)| d.ends_with('s')).collect()
}

/// The fields of the row that begins with this service.
fn row_of(screen: &str, service: &str) -> Option<Vec<String>> {
    screen.lines().map(fields).find(|f| f.first().is_some_and(|first| first.trim_start_matches(['│', '▌', ' ']) == service))
}

/// The first field that is a number of this unit: `/s`, `%`, and `s` for any unit of time.
fn cell(fields: &[String], unit: &str) -> Option<String> {
    let fits = |f: &&String| {
        let Some((number, its)) = f.split_once(' ') else { return false };
        number.parse::<f64>().is_ok() && if unit == "s" { ["s", "ms", "µs"].contains(&its) } else { its == unit }
    };
    fields.iter().find(fits).cloned()
}

/// What stands at least two spaces apart.
fn fields(row: &str) -> Vec<String> {
    row.trim_start_matches('│').split("  ").map(|f| f.trim().to_owned()).filter(|f| !f.is_empty()).collect()
}

/// Whether a text with a unit is this value, to the digits that it has.
fn shows(text: &str, value: f64) -> bool {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let scale = match unit {
        "%" => 1e-2,
        "ms" => 1e-3,
        "µs" => 1e-6,
        "k" | "k /s" => 1e3,
        _ => 1.0,
    };
    let decimals = number.split_once('.').map_or(0, |(_, d)| d.len());
    let Ok(shown) = number.replace(',', "").parse::<f64>() else { return false };
    (shown - value / scale).abs() <= 0.5001 * 10f64.powi(-i32::try_from(decimals).unwrap())
}

/// An id that stands after a word and at least a space.
fn id_after(screen: &str, word: &str) -> Option<String> {
    let ids = screen.split(word).skip(1).filter_map(|rest| rest.split_whitespace().next());
    ids.filter(|id| id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit())).map(str::to_owned).next()
}

fn hex_of_32(text: &str) -> Option<String> {
    text.split(|c: char| !c.is_ascii_hexdigit()).find(|word| word.len() == 32).map(str::to_owned)
}

/// Thousands apart.
fn grouped(n: usize) -> String {
    if n < 1000 { n.to_string() } else { format!("{},{:03}", n / 1000, n % 1000) }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn parsed(stamp: &str) -> DateTime<Utc> {
    stamp.parse().unwrap()
}

/// A time as lines show it.
fn clock(nanoseconds: i64) -> String {
    DateTime::from_timestamp_nanos(nanoseconds).format("%H:%M:%S%.3f").to_string()
}
