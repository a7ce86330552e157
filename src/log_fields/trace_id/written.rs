//! How a trace's id is written in lines and beside them, for those who ask a server for all lines of a trace.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use crate::model::{
    labels::{MatchOp, Matcher},
    trace::TraceId,
};

/// Names of labels and of structured metadata that hold an id in hex, beside the usual `trace_id`. Those who write dots have
/// underscores here.
const NAMES: [&str; 7] = ["traceid", "traceId", "traceID", "TraceId", "trace", "otelTraceID", "x_b3_traceid"];
/// Those that hold it among other things.
const WITHIN: [&str; 3] = ["traceparent", "x_amzn_trace_id", "logging_googleapis_com_trace"];

/// How a trace's id is written in texts, as a regular expression: in hex, as a UUID, as AWS does, in base64, and in decimal,
/// where Datadog writes the low half.
pub fn written(id: TraceId) -> String {
    let Forms { hex, rest } = Forms::of(id);
    format!("(?i:{})|{}", hex.join("|"), rest.iter().map(|form| regex::escape(form)).collect::<Vec<_>>().join("|"))
}

/// What labels and structured metadata that name a trace say, any of it.
pub fn named(id: TraceId) -> Vec<Matcher> {
    let full = id.to_string();
    let Forms { hex, rest } = Forms::of(id);
    let digits = match &hex[0] {
        whole if *whole == full => full.clone(),
        // Datadog writes the low half of an id: who has that alone asks for all ids that end so.
        half if id.0 >> 64 == 0 => format!("[0-9a-f]*{half}"),
        short => format!("0*{short}"),
    };
    let padded = rest.iter().map(|form| regex::escape(form) + if form.len() == BASE64 { "(==)?" } else { "" });
    let any = [digits.clone(), full.to_uppercase()].into_iter().chain(hex[1..].iter().cloned()).chain(padded);
    let of = |name: &str, regex: &str| {
        let op = if regex.bytes().all(|b| b.is_ascii_hexdigit()) { MatchOp::Equal } else { MatchOp::Regex };
        Matcher::new(name, op, regex)
    };
    let datadogs = id.0 as u64;
    std::iter::once(of("trace_id", &any.collect::<Vec<_>>().join("|")))
        .chain(NAMES.map(|name| of(name, &digits)))
        .chain([of("dd_trace_id", &format!("{datadogs}|{full}"))])
        .chain(WITHIN.map(|name| of(name, &format!(".*({}).*", hex[..2].join("|")))))
        .collect()
}

/// Characters of an id in base64.
const BASE64: usize = 22;

/// The ways to write an id.
struct Forms {
    /// In digits of hex, whose case does not matter.
    hex: Vec<String>,
    /// In those where it does, or where there is none.
    rest: Vec<String>,
}

impl Forms {
    fn of(id: TraceId) -> Self {
        /// A smaller number is in lines that mean something else.
        const SMALL: u128 = u32::MAX as u128;
        let hex = id.to_string();
        // Some leave out zeros at the beginning; a few digits would be in any number.
        let short = &hex[(hex.len() - hex.trim_start_matches('0').len()).min(16)..];
        let uuid = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
        let low = id.0 & u128::from(u64::MAX);
        let decimal = [low, id.0].into_iter().filter(|n| *n > SMALL).map(|n| n.to_string());
        let mut rest: Vec<String> = std::iter::once(STANDARD_NO_PAD.encode(id.0.to_be_bytes())).chain(decimal).collect();
        rest.dedup();
        Self { hex: vec![short.to_owned(), format!("1-{}-{}", &hex[..8], &hex[8..]), uuid], rest }
    }
}
