//! Hops as OTLP spans, with the attributes that each service's instrumentation sets.

use super::{
    lines::OVERLOADED,
    model::{INDEX_BITS, MS, Model, Request},
    pool::TIMEOUT,
    rng::{hash, scramble, unscramble},
    shop::{NODES, Op, OpInfo, Outcome, REGIONS, Service},
    walk::{Hop, NONE, Observer, RETRIED, lost},
};
use crate::{
    model::trace::{SpanId, TraceId},
    wire::otlp::{AnyValue, Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanKind, Status, any_value::Value},
};

/// Bits of a request's key.
const KEY_BITS: u32 = 33 + INDEX_BITS;
/// catalog's clock is ahead by this much.
const SKEW: i64 = 40 * MS;

/// The id of a request's trace, or of its mail's: nothing but the request's key, encrypted, and a check. A few are begun by
/// who only knows of ids of 64 bits.
pub fn trace_id(seed: u64, key: u64, mail: bool) -> TraceId {
    let low = scramble(key << 1 | u64::from(mail), seed);
    TraceId(u128::from(high(seed, low)) << 64 | u128::from(low))
}

fn high(seed: u64, low: u64) -> u64 {
    /// One in so many is short.
    const SHORT: u64 = 16;
    let check = hash(low, seed);
    if check.is_multiple_of(SHORT) { 0 } else { check }
}

/// The request's key and whether its mail is meant, if the id is one of [`trace_id`].
pub fn decode(seed: u64, id: TraceId) -> Option<(u64, bool)> {
    let low = id.0 as u64;
    let plain = unscramble(low, seed);
    // Of a short id the key's size is the check: requests are numbered in the seconds of our age.
    let is_key = plain >> 1 < 1 << KEY_BITS;
    (is_key && high(seed, low) == (id.0 >> 64) as u64).then_some((plain >> 1, plain & 1 == 1))
}

/// The id of a hop's span.
pub fn span_id(trace: TraceId, hop: u8) -> SpanId {
    SpanId(hash(trace.0 as u64 ^ 0x7370_616e, u64::from(hop)).max(1))
}

/// Collects the hops of one trace.
pub struct Collector {
    mail: bool,
    /// By number once they are sorted.
    pub hops: Vec<Hop>,
}

impl Collector {
    /// Of a request's own trace or of its mail's.
    pub const fn new(mail: bool) -> Self {
        Self { mail, hops: Vec::new() }
    }
}

impl Observer for Collector {
    fn hop(&mut self, _: &Request, hop: &Hop) {
        if hop.mail == self.mail {
            self.hops.push(*hop);
        }
    }
}

/// The spans that have ended by `now`, by service instance.
pub fn build(model: &Model, request: &Request, mail: bool, hops: &[Hop], now: i64) -> Vec<ResourceSpans> {
    let trace = trace_id(model.seed, request.key, mail);
    let lost = if mail { None } else { lost(request) };
    let mut out: Vec<(u8, ResourceSpans)> = Vec::new();
    let mut visible: Vec<&Hop> = hops.iter().filter(|h| h.end <= now && Some(h.id) != lost).collect();
    visible.sort_by_key(|h| h.id);
    for hop in visible {
        let span = span(model, request, trace, hop);
        let at = match out.iter().position(|(pod, _)| *pod == hop.pod) {
            Some(at) => at,
            None => {
                out.push((hop.pod, instance(model, hop.pod)));
                out.len() - 1
            }
        };
        out[at].1.scope_spans[0].spans.push(span);
    }
    out.into_iter().map(|(_, r)| r).collect()
}

fn instance(model: &Model, pod: u8) -> ResourceSpans {
    let p = &model.pods[pod as usize];
    let info = p.service.info();
    let node = NODES[p.node].0;
    let attributes = vec![
        text("service.name", info.name),
        text("service.namespace", "shop"),
        text("service.version", &p.version),
        text("service.instance.id", &p.name),
        text("deployment.environment.name", "prod"),
        text("k8s.namespace.name", "shop"),
        text("k8s.pod.name", &p.name),
        text("k8s.node.name", node),
        text("host.name", node),
        text("telemetry.sdk.language", info.language),
        text("telemetry.sdk.name", "opentelemetry"),
    ];
    let scope = Scope { name: format!("io.opentelemetry.{}", info.framework), version: "2.11.0".to_owned() };
    ResourceSpans { resource: Some(Resource { attributes }), scope_spans: vec![ScopeSpans { scope: Some(scope), spans: Vec::new() }] }
}

fn span(model: &Model, request: &Request, trace: TraceId, hop: &Hop) -> Span {
    let info = hop.op.info();
    let skew = if info.service == Service::Catalog { SKEW } else { 0 };
    let parent = if hop.parent == NONE { Vec::new() } else { span_id(trace, hop.parent).0.to_be_bytes().to_vec() };
    let message = message(hop);
    Span {
        trace_id: trace.0.to_be_bytes().to_vec(),
        span_id: span_id(trace, hop.id).0.to_be_bytes().to_vec(),
        trace_state: String::new(),
        parent_span_id: parent,
        name: info.name.to_owned(),
        kind: info.kind as i32,
        start_time_unix_nano: (hop.start + skew) as u64,
        end_time_unix_nano: (hop.end + skew) as u64,
        attributes: attributes(model, request, hop),
        events: events(model, hop, skew),
        links: links(model, request, hop),
        status: hop.outcome.is_error().then(|| Status { message: message.to_owned(), code: 2 }),
    }
}

/// The status' message of a failed span.
const fn message(hop: &Hop) -> &'static str {
    match hop.outcome {
        Outcome::Ok | Outcome::NotFound | Outcome::Declined => "",
        Outcome::Fault if matches!(hop.op.info().service, Service::Orders) => "deadlock detected",
        Outcome::Fault => "internal error",
        Outcome::PoolTimeout => "timeout acquiring connection from pool",
        Outcome::Upstream => "upstream failed",
        Outcome::Deadline => "deadline exceeded",
        Outcome::Overloaded => OVERLOADED,
    }
}

fn attributes(model: &Model, request: &Request, hop: &Hop) -> Vec<KeyValue> {
    let info = hop.op.info();
    let mut out = Vec::with_capacity(10);
    match hop.op {
        Op::OrdersPool => {
            out.push(text("db.client.connection.pool.name", "orders"));
            out.push(int("db.client.connection.max", i64::from(model.pods[hop.pod as usize].pool)));
        }
        Op::CheckoutKafka | Op::MailerConsume => {
            let kind = if hop.op == Op::CheckoutKafka { "publish" } else { "process" };
            out.extend([
                text("messaging.system", "kafka"),
                text("messaging.destination.name", "orders.created"),
                text("messaging.operation", kind),
            ]);
            if hop.op == Op::MailerConsume {
                out.push(text("messaging.consumer.group.name", "mailer"));
            }
            out.push(int("messaging.kafka.destination.partition", request.partition() as i64));
        }
        Op::MailerSmtp => out.extend([text("server.address", "smtp.mail.example"), int("server.port", 587)]),
        _ if matches!(info.peer, Some("postgres" | "redis")) => database(&mut out, info),
        _ => http(&mut out, request, hop, info),
    }
    match hop.op {
        Op::Checkout => out.extend([int("shop.items", i64::from(request.items())), text("shop.payment_method", request.payment())]),
        Op::InventoryReserve => out.push(int("shop.item", i64::from(hop.detail))),
        Op::CheckoutToOrders => out.push(int("http.request.resend_count", i64::from(hop.detail & !RETRIED))),
        _ => {}
    }
    if hop.outcome == Outcome::Deadline {
        out.push(text("error.type", "timeout"));
    }
    out
}

fn database(out: &mut Vec<KeyValue>, info: &OpInfo) {
    let statement = match info.op {
        Op::CatalogRedis => "GET product:?",
        Op::CartRedis => "HSET cart:? ?",
        Op::CatalogPostgres => "SELECT id, name, price_cents FROM products WHERE id = ANY($1)",
        Op::OrdersInsert => "INSERT INTO orders (id, customer_id, total_cents, created_at) VALUES ($1, $2, $3, now())",
        Op::OrdersInsertItems => "INSERT INTO order_items (order_id, sku, quantity) SELECT * FROM unnest($1, $2, $3)",
        Op::OrdersSelect => "SELECT * FROM orders JOIN order_items USING (order_id) WHERE order_id = $1",
        _ => "UPDATE stock SET reserved = reserved + 1 WHERE sku = $1 AND available > reserved",
    };
    let system = info.peer.unwrap_or_default();
    out.push(text("db.system", if system == "postgres" { "postgresql" } else { system }));
    out.push(text("db.statement", statement));
    out.push(text("server.address", system));
    if system == "postgres" {
        out.extend([text("db.name", "shop"), text("db.operation", info.name.split(' ').next().unwrap_or_default())]);
    }
}

/// Old attribute names in cart and catalog, new ones elsewhere, as fleets have them for years.
fn http(out: &mut Vec<KeyValue>, request: &Request, hop: &Hop, info: &OpInfo) {
    let (method, route) = info.name.split_once(' ').unwrap_or(("", info.name));
    let code = match (hop.outcome, info.kind) {
        (Outcome::Deadline, _) => None,
        (_, SpanKind::Server) => {
            info.statuses[hop.outcome.status_index()].parse().ok().or(Some(if hop.outcome.is_error() { 500 } else { 200 }))
        }
        (Outcome::Ok, _) => Some(200),
        (Outcome::NotFound, _) => Some(404),
        (Outcome::Declined, _) => Some(402),
        _ => Some(500),
    };
    let old = matches!(info.service, Service::Cart | Service::Catalog);
    let (method_key, code_key) =
        if old { ("http.method", "http.status_code") } else { ("http.request.method", "http.response.status_code") };
    out.push(text(method_key, method));
    if let Some(code) = code {
        out.push(int(code_key, code));
    }
    if info.kind == SpanKind::Server {
        out.push(text("http.route", route));
    } else if let Some(peer) = info.peer {
        out.extend([text("server.address", peer), text("peer.service", peer)]);
    }
    if info.service == Service::Web && info.kind == SpanKind::Server {
        out.push(text("url.path", &request.path(route)));
        out.push(text("user_agent.original", request.user_agent()));
        out.push(text("cloud.region", REGIONS[request.region()]));
    }
}

fn events(model: &Model, hop: &Hop, skew: i64) -> Vec<Event> {
    let at = |ns: i64| (ns + skew) as u64;
    let event = |name: &str, ns: i64, attributes| Event { name: name.to_owned(), time_unix_nano: at(ns), attributes };
    let max = model.pods[hop.pod as usize].pool;
    match (hop.op, hop.outcome) {
        (Op::OrdersPool, Outcome::PoolTimeout) => {
            let detail = format!(
                "orders-pool - Connection is not available, request timed out after {}ms (total={max}, active={max}, idle=0)",
                TIMEOUT / MS
            );
            let trace = format!(
                "java.sql.SQLTransientConnectionException: {detail}\n\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:696)\n\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:197)\n\tat com.shop.orders.OrderRepository.insert(OrderRepository.java:57)"
            );
            vec![event(
                "exception",
                hop.end,
                vec![
                    text("exception.type", "java.sql.SQLTransientConnectionException"),
                    text("exception.message", &detail),
                    text("exception.stacktrace", &trace),
                ],
            )]
        }
        (_, Outcome::Fault) => {
            let kind = if hop.op.info().service == Service::Orders { "org.postgresql.util.PSQLException" } else { "InternalError" };
            vec![event("exception", hop.end, vec![text("exception.type", kind), text("exception.message", message(hop))])]
        }
        _ => Vec::new(),
    }
}

fn links(model: &Model, request: &Request, hop: &Hop) -> Vec<Link> {
    if hop.op != Op::MailerConsume {
        return Vec::new();
    }
    let order = trace_id(model.seed, request.key, false);
    let span = span_id(order, hop.detail);
    vec![Link {
        trace_id: order.0.to_be_bytes().to_vec(),
        span_id: span.0.to_be_bytes().to_vec(),
        attributes: vec![text("messaging.operation", "publish")],
    }]
}

/// An attribute that is a text.
pub fn text(key: &str, value: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(Value::String(value.to_owned())) }) }
}

/// An attribute that is a whole number.
pub fn int(key: &str, value: i64) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(Value::Int(value)) }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_are_decoded_and_others_are_not() {
        for (key, mail) in [(1, false), (1_763_700_000 << 18 | 7, true)] {
            assert_eq!(decode(42, trace_id(42, key, mail)), Some((key, mail)));
        }
        assert_eq!(decode(42, trace_id(43, 1, false)), None);
        let short = (0..200_u64).filter(|key| trace_id(42, *key, false).0 >> 64 == 0).count();
        assert!((4..30).contains(&short), "{short} of 200 ids are short");
        // Anyone's short id is no request's.
        assert!((0..2_000_u64).all(|n| decode(42, TraceId(hash(n, 9).into())).is_none()));
        assert_eq!(decode(42, TraceId(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c)), None);
    }
}
