//! What was sent is sent again to the demo and to the real servers, its time moved to where both have data.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::{Duration, Instant},
};

use prost::Message as _;
use redline::{
    model::{
        backend::Backend,
        time::{TimeRange, Timestamp},
    },
    wire::otlp::TracesData,
};
use serde_json::{Map, Value, json};
use url::Url;

use crate::{
    outcome::{Outcome, difference, same_value},
    record::{Sent, TIMES},
};

/// How long a server that finds things some time after it took them gets to find all of them, from the first request on.
const SETTLES: Duration = Duration::from_secs(120);

/// Longer steps, in nanoseconds, would move a window out of the data.
const LONGEST_GRID: i128 = 300_000_000_000;

/// Addresses by backend.
pub type Addresses = BTreeMap<Backend, Url>;

/// An answer as it came.
struct Raw {
    status: u16,
    content_type: String,
    body: Vec<u8>,
}

impl Raw {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Asks both sides.
pub struct Replay {
    pub client: reqwest::Client,
    pub demo: Addresses,
    pub real: Addresses,
    /// Where both have data.
    pub range: TimeRange,
    pub begun: Instant,
    /// By server, the silence that it made last.
    pub made: Mutex<BTreeMap<Url, String>>,
}

impl Replay {
    /// What differs in the answers to a request, if anything does for good.
    pub async fn difference(&self, sent: &Sent) -> Option<String> {
        let (moved, demo) = self.below_limit(sent).await;
        let mut look = tokio::time::interval(Duration::from_millis(500));
        loop {
            look.tick().await;
            let real = self.ask(&self.real, &moved).await;
            let found = compare(&moved, &real, &demo)?;
            // Only these two index what they took some time later.
            let settling = matches!(sent.backend, Backend::Tempo | Backend::Loki) && self.begun.elapsed() < SETTLES;
            if !settling {
                let params: Vec<String> = moved.params.iter().map(|(n, v)| format!("{n}={v}")).collect();
                return Some(format!("{} {} {} {}\n  {found}", sent.backend, sent.method, sent.path, params.join(" ")));
            }
        }
    }

    /// The request with its time moved, and made so short that the answer is not cut at a limit; and the demo's answer.
    async fn below_limit(&self, sent: &Sent) -> (Sent, Raw) {
        let limit = sent.param("limit").and_then(|l| l.parse::<usize>().ok());
        let mut part = 1;
        loop {
            let moved = moved(sent, self.range, part);
            let answer = self.ask(&self.demo, &moved).await;
            let full = limit.is_some_and(|limit| answer.json().is_some_and(|a| items(&a) >= limit));
            if !full {
                return (moved, answer);
            }
            part *= 2;
            assert!(part < 1 << 20, "{moved:?} reaches its limit in every window");
        }
    }

    async fn ask(&self, to: &Addresses, sent: &Sent) -> Raw {
        let server = &to[&sent.backend];
        let made = self.made.lock().unwrap().get(server).cloned();
        // Each server calls the same silence by another id.
        let path = match (sent.path.strip_prefix("/api/v2/silence/"), &made) {
            (Some(_), Some(id)) => format!("/api/v2/silence/{id}"),
            _ => sent.path.clone(),
        };
        let mut url = server.join(&path).unwrap();
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&sent.params).finish();
        let mut request = if let Some(json) = &sent.json {
            let mut body: Value = serde_json::from_str(json).unwrap();
            if let (Some(id), Some(own)) = (body.get_mut("id"), &made) {
                *id = json!(own);
            }
            self.client.post(url).header("content-type", "application/json").body(body.to_string())
        } else if sent.method == "DELETE" {
            self.client.delete(url)
        } else if sent.method == "POST" {
            self.client.post(url).header("content-type", "application/x-www-form-urlencoded").body(form)
        } else {
            url.set_query((!form.is_empty()).then_some(form.as_str()));
            self.client.get(url)
        };
        for (name, value) in &sent.headers {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap_or_else(|e| panic!("{sent:?}: {e}"));
        let raw = Raw {
            status: response.status().as_u16(),
            content_type: response.headers().get("content-type").map(|t| t.to_str().unwrap().to_owned()).unwrap_or_default(),
            body: response.bytes().await.unwrap().to_vec(),
        };
        if let Some(id) = raw.json().filter(|_| sent.json.is_some()).and_then(|v| v["silenceID"].as_str().map(str::to_owned)) {
            self.made.lock().unwrap().insert(server.clone(), id);
        }
        raw
    }
}

/// How many things a list in an answer has.
fn items(answer: &Value) -> usize {
    let list = |v: &Value| v.as_array().map_or(0, Vec::len);
    let streams = answer["data"]["result"].as_array().map_or(0, |s| s.iter().map(|s| list(&s["values"])).sum());
    list(&answer["traces"]).max(list(&answer["data"])).max(streams)
}

/// The same with its end a minute before the end of the data, on the same grid, and `part` times shorter.
fn moved(sent: &Sent, range: TimeRange, part: i128) -> Sent {
    let nanoseconds = sent.backend == Backend::Loki;
    let read = |text: &str| -> i128 {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole: i128 = whole.parse().unwrap_or_else(|e| panic!("{sent:?}: {text:?}: {e}"));
        if nanoseconds { whole } else { whole * 1_000_000_000 + format!("{fraction:0<9}").parse::<i128>().unwrap() }
    };
    let times: Vec<i128> = sent.params.iter().filter(|(n, _)| TIMES.contains(&n.as_str())).map(|(_, v)| read(v)).collect();
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else { return sent.clone() };
    let step = sent.param("step").map_or(1.0, |s| s.trim_end_matches('s').parse::<f64>().unwrap());
    let grid = ((step * 1e9) as i128).clamp(1_000_000_000, LONGEST_GRID);
    let end = i128::from((range.end - Duration::from_secs(60)).0);
    // The grid begins at zero in both, so a shift by whole steps keeps to it.
    let shift = (end - last).div_euclid(grid) * grid;
    let length = (last - first) / part / grid * grid;
    let place = |(name, value): &(String, String)| {
        if !TIMES.contains(&name.as_str()) {
            return (name.clone(), value.clone());
        }
        let at = read(value);
        let at = (if at == *last { at } else { last - length }) + shift;
        let text = if nanoseconds {
            at.to_string()
        } else if value.contains('.') {
            format!("{}.{:03}", at / 1_000_000_000, at / 1_000_000 % 1000)
        } else {
            (at / 1_000_000_000).to_string()
        };
        (name.clone(), text)
    };
    Sent { params: sent.params.iter().map(place).collect(), ..sent.clone() }
}

fn compare(sent: &Sent, real: &Raw, demo: &Raw) -> Option<String> {
    if real.status != demo.status {
        return Some(format!("real {} {:.300}\n  demo {} {:.300}", real.status, real.text(), demo.status, demo.text()));
    }
    if sent.backend == Backend::Prometheus && sent.path.contains("/query") && !sent.path.contains("exemplars") {
        let what = format!("{sent:?}");
        return difference(&Outcome::read(real.status, &real.text(), &what), &Outcome::read(demo.status, &demo.text(), &what));
    }
    if real.status != 200 {
        return None;
    }
    if real.content_type.starts_with("application/protobuf") != demo.content_type.starts_with("application/protobuf") {
        return Some(format!("real {}, demo {}", real.content_type, demo.content_type));
    }
    if real.content_type.starts_with("application/protobuf") {
        return different_sets(&spans(&real.body), &spans(&demo.body));
    }
    match (real.json(), demo.json()) {
        (Some(real), Some(demo)) if sent.path == "/api/search" => different_values(&found_traces(real), &found_traces(demo)),
        // Loki estimates these from its index, and clusters lines as they arrive, of which it keeps the newest alone.
        (Some(real), Some(demo)) if sent.path.contains("/index/") || sent.path.ends_with("/patterns") => different_forms(&real, &demo),
        (Some(real), Some(demo)) if sent.has_time() => different_values(&as_sets(real), &as_sets(demo)),
        // What is of now cannot be the same in a world that has ended on one side only; its form and its words can.
        (Some(real), Some(demo)) => different_forms(&real, &demo).or_else(|| different_words(&real, &demo)),
        _ => None,
    }
}

/// Where one has a number and the other a text.
fn different_forms(real: &Value, demo: &Value) -> Option<String> {
    let (mut a, mut b) = (BTreeMap::new(), BTreeMap::new());
    form(real, "", &mut a);
    form(demo, "", &mut b);
    let contradicting = a.iter().find(|(path, kinds)| b.get(*path).is_some_and(|other| kinds.is_disjoint(other)));
    contradicting.map(|(path, kinds)| format!("{path}: real {kinds:?}, demo {:?}", b[path]))
}

/// Where an alert that both have is told in other words, numbers aside.
fn different_words(real: &Value, demo: &Value) -> Option<String> {
    let (mut a, mut b) = (BTreeMap::new(), BTreeMap::new());
    annotations(real, &mut a);
    annotations(demo, &mut b);
    a.iter().find_map(|(alert, words)| b.get(alert).filter(|w| *w != words).map(|w| format!("{alert}\n  real {words}\n  demo {w}")))
}

/// Annotations by the labels of their alert, with `#` for numbers.
fn annotations(value: &Value, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|v| annotations(v, out)),
        Value::Object(map) => {
            if let (Some(labels), Some(annotations)) = (map.get("labels"), map.get("annotations"))
                && labels.get("alertname").is_some()
            {
                let mut words = annotations.to_string().replace(|c: char| c.is_ascii_digit() || c == '.', "#");
                while words.contains("##") {
                    words = words.replace("##", "#");
                }
                out.insert(labels.to_string(), words);
            }
            map.values().for_each(|v| annotations(v, out));
        }
        _ => {}
    }
}

/// Of an answer without order: lists sorted, what is measured of the answer itself left out.
fn as_sets(value: Value) -> Value {
    match value {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(as_sets).collect();
            list.sort_by_key(Value::to_string);
            Value::Array(list)
        }
        Value::Object(map) => Value::Object(map.into_iter().filter(|(k, _)| k != "stats").map(|(k, v)| (k, as_sets(v))).collect()),
        other => other,
    }
}

/// Of a search: the traces, and their spans as far as a server must list all that matched.
fn found_traces(answer: Value) -> Value {
    let of = |t: &Value| {
        let set = &t["spanSet"];
        let all = set["matched"].as_u64().is_some_and(|m| m <= 3);
        let spans = if all { as_sets(set["spans"].clone()) } else { Value::Null };
        json!({
            "id": t["traceID"], "service": t["rootServiceName"], "name": t["rootTraceName"], "start": t["startTimeUnixNano"],
            "ms": t["durationMs"], "matched": set["matched"], "spans": spans,
        })
    };
    as_sets(json!(answer["traces"].as_array().map(|t| t.iter().map(of).collect::<Vec<_>>()).unwrap_or_default()))
}

/// Spans as text, with what they belong to.
fn spans(body: &[u8]) -> BTreeSet<String> {
    let data = TracesData::decode(body).unwrap();
    let mut all = BTreeSet::new();
    for group in data.resource_spans {
        let mut resource = group.resource.unwrap_or_default();
        resource.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        for mut span in group.scope_spans.into_iter().flat_map(|s| s.spans) {
            span.attributes.sort_by(|a, b| a.key.cmp(&b.key));
            // Tempo writes the status out once a trace is in a block.
            span.status.get_or_insert_default();
            all.insert(format!("{span:?} of {resource:?}"));
        }
    }
    all
}

/// Where there is a number, a text, a list.
fn form(value: &Value, path: &str, out: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    let kind = match value {
        Value::Null => return,
        Value::Bool(_) => "yes or no",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    out.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(list) => list.iter().for_each(|v| form(v, &format!("{path}[]"), out)),
        Value::Object(map) => map.iter().for_each(|(k, v)| form(v, &format!("{path}.{k}"), out)),
        _ => {}
    }
}

fn different_sets(real: &BTreeSet<String>, demo: &BTreeSet<String>) -> Option<String> {
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).next().cloned();
    (real != demo).then(|| {
        format!("real {} and demo {}; only real {:.600?}\n  only demo {:.600?}", real.len(), demo.len(), only(real, demo), only(demo, real))
    })
}

/// The first place where two answers differ; numbers may by rounding.
fn different_values(real: &Value, demo: &Value) -> Option<String> {
    let told = || Some(format!("real {:.500}\n  demo {:.500}", real.to_string(), demo.to_string()));
    match (real, demo) {
        (Value::Array(a), Value::Array(b)) if a.len() != b.len() => {
            let only = |a: &[Value], b: &[Value]| a.iter().find(|v| !b.contains(v)).map(Value::to_string);
            Some(format!("real {} and demo {}; only real {:.500?}\n  only demo {:.500?}", a.len(), b.len(), only(a, b), only(b, a)))
        }
        (Value::Array(a), Value::Array(b)) => a.iter().zip(b).find_map(|(a, b)| different_values(a, b)),
        (Value::Object(a), Value::Object(b)) if same_keys(a, b) => a.iter().find_map(|(k, v)| different_values(v, &b[k])),
        (Value::String(a), Value::String(b)) if a == b || (a.contains('.') && same_value(a, b)) => None,
        (Value::Number(a), Value::Number(b)) if a == b || same_value(&a.to_string(), &b.to_string()) => None,
        _ if real == demo => None,
        _ => told(),
    }
}

fn same_keys(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.keys().collect::<BTreeSet<_>>() == b.keys().collect::<BTreeSet<_>>()
}

/// Now, in whole seconds.
pub fn now() -> Timestamp {
    Timestamp::from_secs(redline::clock::system_now().secs())
}
