//! Requests that show one thing each: a query for every row, an answer minutes later, clocks that do not agree.

use super::{
    super::{
        model::MS,
        spans::{int, text},
    },
    MINUTE, SECOND,
    build::{Builder, Place, Process},
};
use crate::{model::trace::SpanId, wire::otlp::SpanKind};

const fn process(service: &'static str, version: &'static str, language: &'static str, host: &'static str) -> Process {
    Process { service, version, language, host, ahead: 0 }
}

impl Builder {
    /// A length between two, in milliseconds, given in nanoseconds.
    pub fn ms(&mut self, least: u32, most: u32) -> i64 {
        i64::from(least) * MS + i64::from(self.rng.below((most - least) * 1_000)) * 1_000
    }

    /// A statement of a database; its end.
    pub fn statement(&mut self, place: Place, parent: SpanId, name: &str, statement: &str, (start, length): (i64, i64)) -> i64 {
        let attributes = vec![
            text("db.system.name", "postgresql"),
            text("db.namespace", "shop"),
            text("db.operation.name", name.split(' ').next().unwrap_or_default()),
            text("db.query.text", statement),
            text("server.address", "postgres"),
        ];
        self.span(place, parent, (name, SpanKind::Client), (start, start + length), attributes);
        start + length
    }
}

/// How many shops a report asks for, one query each.
const SHOPS: i64 = 240;

/// `GET /reports/sales`: a query for the shops, then one for each of them.
pub fn report(b: &mut Builder, start: i64) {
    let reports = b.process(&process("reports", "4.2.0", "ruby", "node-3"));
    let root = b.id();
    let mut now = start + b.ms(3, 6);
    b.log(reports, root, now, "info", format_args!("msg=\"report asked for\" report=sales"));
    now = b.statement(reports, root, "SELECT shops", "SELECT id, name FROM shops ORDER BY id", (now, 9 * MS)) + MS / 2;
    for _ in 0..SHOPS {
        let length = b.ms(7, 21);
        let query = "SELECT sum(total_cents) FROM orders WHERE shop_id = $1 AND created_at >= $2";
        now = b.statement(reports, root, "SELECT orders", query, (now, length)) + b.ms(0, 1);
    }
    let length = b.ms(20, 40);
    b.span(reports, root, ("render report", SpanKind::Internal), (now, now + length), vec![text("report.format", "html")]);
    let attributes = vec![
        text("http.request.method", "GET"),
        text("http.route", "/reports/sales"),
        text("url.path", "/reports/sales"),
        int("http.response.status_code", 200),
    ];
    b.named(root, reports, None, ("GET /reports/sales", SpanKind::Server), (start, now + length + 2 * MS), attributes);
    let took = (now + length - start) / MS;
    b.log(reports, root, now + length, "warn", format_args!("msg=\"slow report\" report=sales queries={} ms={took}", SHOPS + 1));
}

/// `POST /returns`: answered at once; the money is given back when the message's turn comes, minutes later.
pub fn give_back(b: &mut Builder, start: i64) {
    let returns = b.process(&process("returns", "1.8.1", "go", "node-1"));
    let refunds = b.process(&process("refunds", "2.0.3", "java", "node-4"));
    let (root, length) = (b.id(), b.ms(120, 200));
    let stored =
        b.statement(returns, root, "INSERT returns", "INSERT INTO returns (order_id, reason) VALUES ($1, $2)", (start + 12 * MS, 31 * MS));
    let messaging = |operation: &str| {
        vec![
            text("messaging.system", "kafka"),
            text("messaging.destination.name", "refund.requested"),
            text("messaging.operation.type", operation),
            int("messaging.kafka.offset", start / MINUTE),
        ]
    };
    let sent =
        b.span(returns, root, ("refund.requested publish", SpanKind::Producer), (stored + MS, stored + 9 * MS), messaging("publish"));
    let attributes = vec![text("http.request.method", "POST"), text("http.route", "/returns"), int("http.response.status_code", 202)];
    b.named(root, returns, None, ("POST /returns", SpanKind::Server), (start, start + length), attributes);
    b.log(returns, root, stored, "info", format_args!("msg=\"return accepted\" items=1"));
    b.log(returns, sent.id, stored + 8 * MS, "info", format_args!("msg=\"refund requested\" topic=refund.requested"));
    // The consumer is paused while the bank's day ends.
    let begun = stored + 9 * MS + 4 * MINUTE + b.ms(5_000, 20_000);
    let bank = b.ms(1_200, 1_900);
    let end = begun + 40 * MS + bank + 35 * MS;
    let consumed = b.span(refunds, sent.id, ("refund.requested process", SpanKind::Consumer), (begun, end), messaging("process"));
    let waited = (begun - stored) / SECOND;
    b.log(refunds, consumed.id, begun + MS, "warn", format_args!("msg=\"message waited long\" topic=refund.requested seconds={waited}"));
    b.log(refunds, consumed.id, end - MS, "info", format_args!("msg=\"refund paid\" bank_ms={}", bank / MS));
    b.link(consumed, sent.id, vec![text("messaging.operation.type", "publish")]);
    b.statement(refunds, consumed.id, "SELECT payments", "SELECT * FROM payments WHERE order_id = $1", (begun + 4 * MS, 11 * MS));
    let attributes = vec![text("http.request.method", "POST"), text("server.address", "bank"), int("http.response.status_code", 200)];
    b.span(refunds, consumed.id, ("POST /v2/refunds", SpanKind::Client), (begun + 40 * MS, begun + 40 * MS + bank), attributes);
    b.statement(
        refunds,
        consumed.id,
        "UPDATE payments",
        "UPDATE payments SET refunded = true WHERE order_id = $1",
        (begun + 42 * MS + bank, 18 * MS),
    );
}

/// Where the labels fail.
const FRAMES: &str = "  File \"/usr/lib/python3.12/site-packages/starlette/routing.py\", line 74, in app
    response = await func(request)
  File \"/app/labels/api.py\", line 41, in create
    return render(order, fmt)
  File \"/app/labels/render.py\", line 88, in render
    template = self.templates[fmt]";

/// `POST /parcels`: the depot's clock is 300 ms ahead, and the spans of two calls were lost.
pub fn parcel(b: &mut Builder, start: i64) {
    let shipping = b.process(&process("shipping", "3.3.0", "go", "node-2"));
    let depot = b.process(&Process { ahead: 300 * MS, ..process("warehouse", "7.0.1", "dotnet", "depot-1") });
    let labels = b.process(&process("labels", "0.9.4", "python", "node-4"));
    let root = b.id();
    let mut now = start + 6 * MS;
    let pick = b.ms(90, 140);
    let call = |path: &str, peer: &str| vec![text("http.request.method", "POST"), text("url.path", path), text("server.address", peer)];
    let picks = b.span(shipping, root, ("POST /picks", SpanKind::Client), (now, now + pick), call("/picks", "warehouse"));
    let inner = (now + 2 * MS, now + pick - 2 * MS);
    let picked = b.span(depot, picks.id, ("POST /picks", SpanKind::Server), inner, vec![text("http.route", "/picks")]);
    b.log(shipping, root, start + 2 * MS, "info", format_args!("msg=\"parcel asked for\" shelves=3"));
    b.log(depot, picked.id, inner.1 - MS, "info", format_args!("msg=\"shelves reserved\" count=3"));
    let mut at = inner.0 + 3 * MS;
    for shelf in 0..3 {
        let length = b.ms(18, 26);
        b.span(depot, picked.id, ("reserve shelf", SpanKind::Internal), (at, at + length), vec![int("shelf", 40 + shelf)]);
        at += length + MS;
    }
    now += pick + 3 * MS;
    // Who weighs and who prints is known, and who called them is not.
    let (weighing, printing) = (b.id(), b.id());
    for attempt in 0..2 {
        let length = b.ms(30, 55);
        let weighed = b.span(depot, weighing, ("POST /weights", SpanKind::Server), (now, now + length), vec![int("attempt", attempt)]);
        let level = if attempt == 0 { "warn" } else { "info" };
        let said = if attempt == 0 { "the scale is not at rest, weighing again" } else { "parcel weighed" };
        b.log(depot, weighed.id, now + length - 2 * MS, level, format_args!("msg=\"{said}\" attempt={attempt}"));
        b.span(depot, weighed.id, ("read scale", SpanKind::Internal), (now + 2 * MS, now + length - 3 * MS), Vec::new());
        now += length + 4 * MS;
    }
    for (format, fails) in [("zpl", true), ("pdf", false)] {
        let length = b.ms(60, 110);
        let printed = b.span(labels, printing, ("POST /labels", SpanKind::Server), (now, now + length), vec![text("label.format", format)]);
        let rendered = b.span(labels, printed.id, ("render label", SpanKind::Internal), (now + 4 * MS, now + length - 2 * MS), Vec::new());
        if fails {
            b.fail(rendered, "KeyError", "'zpl'", FRAMES);
            b.fail(printed, "KeyError", "'zpl'", "");
            b.log(
                labels,
                printed.id,
                now + length - MS,
                "error",
                format_args!("msg=\"label cannot be rendered\" format=zpl error=\"KeyError: 'zpl'\""),
            );
            b.print(labels, now + length - MS / 2, &format!("Traceback (most recent call last):\n{FRAMES}\nKeyError: 'zpl'"));
        }
        now += length + 5 * MS;
    }
    let attributes = vec![text("http.request.method", "POST"), text("http.route", "/parcels"), int("http.response.status_code", 201)];
    b.named(root, shipping, None, ("POST /parcels", SpanKind::Server), (start, now + 4 * MS), attributes);
}
