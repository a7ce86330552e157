//! Jaeger's own JSON (`/api/traces`, and what its user interface saves): spans that name their process, tags with types, logs.
//!
//! They become OTLP's as Jaeger itself translates them: what its translation made of an OTLP span before (`span.kind`,
//! `otel.status_code`, `error` …) is put back.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    source::{
        json::{Float, Integer, Text, nullable},
        otlp::{Sink, id_bytes},
    },
    trace::WARNINGS,
    wire::otlp::{self, any_value::Value},
};

/// One trace: its members `spans` and `processes`.
#[derive(Debug, Default)]
pub struct Trace {
    pub spans: Vec<Span>,
    pub processes: BTreeMap<String, Process>,
}

/// What sent spans.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    #[serde(default)]
    service_name: Text,
    #[serde(default, deserialize_with = "nullable")]
    tags: Vec<Tag>,
}

/// One span.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    #[serde(default, rename = "traceID")]
    trace_id: Text,
    #[serde(default, rename = "spanID")]
    span_id: Text,
    /// Only in documents of Elasticsearch.
    #[serde(default, rename = "parentSpanID")]
    parent_span_id: Text,
    #[serde(default)]
    operation_name: Text,
    #[serde(default, deserialize_with = "nullable")]
    references: Vec<Reference>,
    /// In microseconds.
    #[serde(default, deserialize_with = "nullable")]
    start_time: Integer,
    /// In microseconds.
    #[serde(default, deserialize_with = "nullable")]
    duration: Integer,
    #[serde(default, deserialize_with = "nullable")]
    tags: Vec<Tag>,
    #[serde(default, deserialize_with = "nullable")]
    logs: Vec<Log>,
    #[serde(default, rename = "processID")]
    process_id: Text,
    /// Only in documents of Elasticsearch.
    process: Option<Process>,
    #[serde(default, deserialize_with = "nullable")]
    warnings: Vec<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    #[serde(default)]
    ref_type: Text,
    #[serde(default, rename = "traceID")]
    trace_id: Text,
    #[serde(default, rename = "spanID")]
    span_id: Text,
}

#[derive(Debug, Deserialize)]
struct Log {
    /// In microseconds.
    #[serde(default, deserialize_with = "nullable")]
    timestamp: Integer,
    #[serde(default, deserialize_with = "nullable")]
    fields: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
struct Tag {
    #[serde(default)]
    key: Text,
    #[serde(default, rename = "type")]
    kind: Text,
    #[serde(default, deserialize_with = "nullable")]
    value: Option<Box<RawValue>>,
}

impl Trace {
    /// Hands on all spans, process by process.
    pub fn give(self, sink: &mut dyn Sink) {
        let Self { spans, processes } = self;
        let mut by_process: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for mut span in spans {
            match span.process.take() {
                Some(process) => {
                    sink.resource(process.into_otlp());
                    sink.span(span.into_otlp());
                }
                None => by_process.entry(span.process_id.0.to_string()).or_default().push(span),
            }
        }
        let mut processes = processes;
        for (id, spans) in by_process {
            sink.resource(processes.remove(&id).unwrap_or_default().into_otlp());
            spans.into_iter().for_each(|span| sink.span(span.into_otlp()));
        }
    }
}

impl Process {
    fn into_otlp(self) -> otlp::Resource {
        let Self { service_name, tags } = self;
        let service = Some(service_name.0).filter(|name| !name.is_empty()).map(|name| text_attribute("service.name", &name));
        otlp::Resource { attributes: service.into_iter().chain(tags.into_iter().map(Tag::into_otlp)).collect() }
    }
}

/// What the tags say that are no attributes in OTLP.
#[derive(Default)]
struct Meaning {
    kind: i32,
    error: bool,
    ok: bool,
    message: String,
}

impl Meaning {
    /// Takes a tag that stands for something else than an attribute.
    fn takes(&mut self, tag: &Tag) -> bool {
        let text = || tag.text();
        match tag.key.0.as_str() {
            "span.kind" => {
                self.kind = match text().as_str() {
                    "internal" => 1,
                    "server" => 2,
                    "client" => 3,
                    "producer" => 4,
                    "consumer" => 5,
                    _ => return false,
                }
            }
            "otel.status_code" => match text().as_str() {
                "ERROR" => self.error = true,
                "OK" => self.ok = true,
                _ => return false,
            },
            "otel.status_description" => self.message = text(),
            "error" => match text().as_str() {
                "true" => self.error = true,
                "false" => {}
                _ => {
                    self.error = true;
                    return false;
                }
            },
            "otel.scope.name" | "otel.scope.version" | "otel.library.name" | "otel.library.version" => {}
            _ => return false,
        }
        true
    }
}

impl Span {
    fn into_otlp(self) -> otlp::Span {
        let trace_id = id_bytes::<16>(&self.trace_id.0);
        let (parent, links) = self.relations(&trace_id);
        let mut meaning = Meaning::default();
        let mut attributes: Vec<otlp::KeyValue> = self.tags.into_iter().filter(|tag| !meaning.takes(tag)).map(Tag::into_otlp).collect();
        if !self.warnings.is_empty() {
            let words: Vec<&str> = self.warnings.iter().map(|w| w.0.as_str()).collect();
            attributes.push(text_attribute(WARNINGS, &words.join("; ")));
        }
        let code = if meaning.error { 2 } else { i32::from(meaning.ok) };
        otlp::Span {
            span_id: id_bytes::<8>(&self.span_id.0),
            parent_span_id: parent,
            trace_id,
            trace_state: String::new(),
            name: self.operation_name.0.into(),
            kind: meaning.kind,
            start_time_unix_nano: micros(self.start_time.0),
            end_time_unix_nano: micros(self.start_time.0.saturating_add(self.duration.0)),
            attributes,
            events: self.logs.into_iter().map(Log::into_otlp).collect(),
            links,
            status: Some(otlp::Status { message: meaning.message, code }),
        }
    }

    /// The parent: the first that it is a child of in its own trace, else the first that it follows there. All other references
    /// are links.
    fn relations(&self, trace: &[u8]) -> (Vec<u8>, Vec<otlp::Link>) {
        let is_own = |r: &&Reference| id_bytes::<16>(&r.trace_id.0) == trace;
        let of = |kind: &str| self.references.iter().find(|r| r.ref_type.0 == kind && is_own(r));
        let parent = of("CHILD_OF").or_else(|| of("FOLLOWS_FROM"));
        let links = self.references.iter().filter(|r| !parent.is_some_and(|p| std::ptr::eq(p, *r))).map(|r| otlp::Link {
            trace_id: id_bytes::<16>(&r.trace_id.0),
            span_id: id_bytes::<8>(&r.span_id.0),
            attributes: vec![text_attribute("opentracing.ref_type", &r.ref_type.0.to_lowercase())],
        });
        let told = parent.map_or(&self.parent_span_id, |p| &p.span_id);
        (id_bytes::<8>(&told.0), links.collect())
    }
}

impl Log {
    /// An event of OTLP was written as a log whose field `event` has its name.
    fn into_otlp(mut self) -> otlp::Event {
        let named = self.fields.iter().position(|field| field.key.0 == "event");
        let name = named.map_or_else(|| "log".to_owned(), |at| self.fields.remove(at).text());
        let attributes = self.fields.into_iter().map(Tag::into_otlp).collect();
        otlp::Event { time_unix_nano: micros(self.timestamp.0), name, attributes }
    }
}

impl Tag {
    fn raw(&self) -> &str {
        self.value.as_ref().map_or("", |raw| raw.get())
    }

    fn text(&self) -> String {
        serde_json::from_str::<Text>(self.raw()).map_or_else(|_| self.raw().to_owned(), |text| text.0.into())
    }

    fn into_otlp(self) -> otlp::KeyValue {
        let value = match self.kind.0.as_str() {
            "bool" => serde_json::from_str::<Text>(self.raw()).ok().and_then(|t| t.0.parse().ok()).map(Value::Bool),
            "int64" => serde_json::from_str::<Integer>(self.raw()).ok().map(|n| Value::Int(n.0)),
            "float64" => serde_json::from_str::<Float>(self.raw()).ok().map(|n| Value::Double(n.0)),
            _ => None,
        };
        let value = value.unwrap_or_else(|| Value::String(self.text()));
        otlp::KeyValue { key: self.key.0.into(), value: Some(otlp::AnyValue { value: Some(value) }) }
    }
}

fn text_attribute(key: &str, value: &str) -> otlp::KeyValue {
    otlp::KeyValue { key: key.to_owned(), value: Some(otlp::AnyValue { value: Some(Value::String(value.to_owned())) }) }
}

fn micros(micros: i64) -> u64 {
    u64::try_from(micros.saturating_mul(1000)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{
            backend::Backend,
            trace::{SpanId, SpanKind, Spans, TraceId},
        },
        source::otlp::{Builder, decode},
        trace::Trace,
    };

    /// What Jaeger 1.62 answered to a trace that was sent by OTLP, and what older clients send.
    const TRACE: &str = r#"{"traceID":"5b8efff798038103d269b633813fc60c","spans":[
      {"traceID":"5b8efff798038103d269b633813fc60c","spanID":"eee19b7ec3c1b174","operationName":"GET /cart","references":[],
       "startTime":1684778327699392,"duration":557,"tags":[{"key":"http.status_code","type":"int64","value":500},
        {"key":"ratio","type":"float64","value":0.5},{"key":"big","type":"int64","value":"9007199254740993"},
        {"key":"cached","type":"bool","value":true},{"key":"span.kind","type":"string","value":"server"},
        {"key":"error","type":"bool","value":true},{"key":"otel.status_code","type":"string","value":"ERROR"},
        {"key":"otel.status_description","type":"string","value":"bad"},{"key":"otel.scope.name","type":"string","value":"lib"}],
       "logs":[{"timestamp":1684778327699400,"fields":[{"key":"event","type":"string","value":"exception"},{"key":"exception.type","type":"string","value":"E"}]}],
       "processID":"p1","warnings":["clock skew adjusted"]},
      {"traceID":"5b8efff798038103d269b633813fc60c","spanID":"1","operationName":"child","references":[
        {"refType":"FOLLOWS_FROM","traceID":"00000000000000aa","spanID":"bb"},
        {"refType":"CHILD_OF","traceID":"5b8efff798038103d269b633813fc60c","spanID":"eee19b7ec3c1b174"}],
       "startTime":1684778327699393,"duration":1,"tags":null,"logs":null,"processID":"p2","warnings":null}],
      "processes":{"p1":{"serviceName":"cart","tags":[{"key":"host.name","type":"string","value":"h"}]},"p2":{"serviceName":"db"}}}"#;

    fn spans(json: &str) -> Spans {
        let mut builder = Builder::new(TraceId(1));
        assert_eq!(decode(Backend::Jaeger, json.as_bytes(), &mut builder), Ok(None));
        builder.finish(None)
    }

    #[test]
    fn tags_are_attributes_or_what_they_stand_for() {
        let told = spans(TRACE);
        let root = &told.spans[0];
        assert_eq!((root.name.as_str(), root.kind, root.error, root.status_message()), ("GET /cart", SpanKind::Server, true, "bad"));
        assert_eq!((root.start.0, root.end.0), (1_684_778_327_699_392_000, 1_684_778_327_699_949_000));
        let attributes: Vec<String> = root.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = ["http.status_code=500", "ratio=0.5", "big=9007199254740993", "cached=true", "@jaeger@warnings=clock skew adjusted"];
        assert_eq!(attributes, expected);
        assert_eq!((root.events()[0].name.as_str(), root.events()[0].at.0), ("exception", 1_684_778_327_699_400_000));
        assert_eq!(told.resources.iter().map(|r| r.service.as_str()).collect::<Vec<_>>(), ["cart", "db"]);
    }

    #[test]
    fn a_reference_within_the_trace_is_the_parent_and_the_others_are_links() {
        let child = &spans(TRACE).spans[1];
        assert_eq!((child.id, child.parent), (SpanId(1), Some(SpanId(0xeee1_9b7e_c3c1_b174))));
        assert_eq!((child.links().len(), child.links()[0].trace, child.links()[0].span), (1, TraceId(0xaa), Some(SpanId(0xbb))));
        assert_eq!(child.links()[0].attributes.iter().map(|(_, v)| v.to_string()).collect::<Vec<_>>(), ["follows_from"]);
    }

    #[test]
    fn what_jaeger_remarks_on_a_span_is_a_flag_of_its_row() {
        let trace = Trace::build(spans(TRACE));
        let flags: Vec<(String, Vec<&str>)> = trace.nodes.iter().map(|n| (n.id.to_string(), n.flags.names().collect())).collect();
        assert_eq!(flags, [("eee19b7ec3c1b174".to_owned(), vec!["warned"]), ("0000000000000001".to_owned(), vec![])]);
    }

    #[test]
    fn times_that_are_null_are_none() {
        let nulls = TRACE
            .replace(r#""startTime":1684778327699393,"duration":1"#, r#""startTime":null,"duration":null"#)
            .replace(r#""timestamp":1684778327699400"#, r#""timestamp":null"#);
        let told = spans(&nulls);
        assert_eq!((told.spans[0].events()[0].at.0, told.spans[1].start.0, told.spans[1].end.0), (0, 0, 0));
        let otlp = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"spanId":"00000000000000aa","startTimeUnixNano":null,
            "endTimeUnixNano":null,"events":[{"timeUnixNano":null}]}]}]}]}"#;
        assert_eq!(spans(otlp).spans[0].start.0, 0);
    }
}
