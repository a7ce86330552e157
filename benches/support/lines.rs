//! Log lines as a shop's pods write them and as Loki hands them out. Line `n` is the same each time it is asked for.

use std::fmt::Write as _;

/// Between two lines: 20,000 a second.
pub const EVERY: i64 = 50_000;

const SERVICES: [&str; 8] = ["web", "catalog", "cart", "checkout", "orders", "payments", "stock", "mail"];

/// The text of a line: JSON, 330 bytes, four lines to a trace.
pub fn text(n: u64) -> String {
    let mixed = mix(n);
    let trace = mix(n / 4);
    let (level, msg) = match mixed % 100 {
        0..=2 => ("error", "order failed: could not get a connection from the pool within 2000 ms"),
        3..=7 => ("warn", "slow answer of the database"),
        _ => ("info", "order created"),
    };
    format!(
        r#"{{"ts":"2026-11-21T14:20:{:02}.{:06}Z","level":"{level}","logger":"shop.orders.OrderService","thread":"http-nio-8080-exec-{}","msg":"{msg}","order_id":"ord-{:08}","user_id":"u-{:06}","route":"/orders/{{id}}","status":{},"duration_ms":{},"trace_id":"{:016x}{:016x}","span_id":"{:016x}"}}"#,
        n / 20_000 % 60,
        n * 50 % 1_000_000,
        mixed % 200,
        n,
        mixed % 1_000_000,
        if level == "error" { 500 } else { 200 },
        mixed % 3000,
        trace,
        mix(trace),
        mixed,
    )
}

/// Labels of a line's stream: 24 pods of 8 services.
pub fn labels(n: u64) -> Vec<(&'static str, String)> {
    let service = SERVICES[(n % 8) as usize];
    let pod = n / 8 % 3;
    vec![
        ("app", service.to_owned()),
        ("cluster", "prod-eu".to_owned()),
        ("container", service.to_owned()),
        ("namespace", "shop".to_owned()),
        ("pod", format!("{service}-7c9d8b6f5-x{pod}k9z")),
        ("service_name", service.to_owned()),
    ]
}

/// The level that Loki found.
pub fn level(n: u64) -> &'static str {
    match mix(n) % 100 {
        0..=2 => "error",
        3..=7 => "warn",
        _ => "info",
    }
}

/// An element of `streams`: the tail makes one for each line.
pub fn stream(n: u64, at: i64, out: &mut String) {
    out.push_str("{\"stream\":{");
    for (i, (name, value)) in labels(n).iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(out, "{comma}\"{name}\":\"{value}\"");
    }
    let _ = write!(out, "}},\"values\":[[\"{at}\",\"");
    // The text holds no other character that JSON escapes.
    for (i, part) in text(n).split('"').enumerate() {
        if i > 0 {
            out.push_str("\\\"");
        }
        out.push_str(part);
    }
    let _ = write!(out, "\",{{\"structuredMetadata\":{{\"detected_level\":\"{}\"}}}}]]}}", level(n));
}

/// A message of the tail.
pub fn frame(lines: std::ops::Range<u64>, first_at: i64) -> String {
    let mut out = String::with_capacity(64 * 1024);
    out.push_str("{\"streams\":[");
    for n in lines.clone() {
        if n > lines.start {
            out.push(',');
        }
        stream(n, first_at + (n - lines.start) as i64 * EVERY, &mut out);
    }
    out.push_str("],\"encodingFlags\":[\"categorize-labels\"]}");
    out
}

/// A number that has nothing to do with its neighbours' (SplitMix64).
fn mix(n: u64) -> u64 {
    let z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
