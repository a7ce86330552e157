//! Jobs that run for long: one with very many spans, one in which little happens.

use super::{
    super::{
        model::MS,
        spans::{int, text},
    },
    MINUTE, SECOND,
    build::{Builder, Place, Process},
};
use crate::{model::trace::SpanId, wire::otlp::SpanKind};

/// With their documents' spans, their own four and the root they make 100,000.
const BATCHES: usize = 271;
const DOCUMENTS: usize = 365;
/// Batches of which each is logged.
const LOGGED: usize = 8;
/// Batches that are worked on at once.
const WORKERS: usize = 4;

/// `nightly reindex`: workers read products in batches and send them to the search engine, which writes each of them.
pub fn reindex(b: &mut Builder, start: i64) {
    let process = |service, version, language, host| Process { service, version, language, host, ahead: 0 };
    let indexer = b.process(&process("indexer", "5.1.0", "rust", "node-3"));
    let search = b.process(&process("search", "8.19.2", "java", "node-1"));
    let root = b.id();
    let mut free = [start + 40 * MS; WORKERS];
    b.log(indexer, root, start + MS, "info", format_args!("msg=\"reindex started\" batches={BATCHES} workers={WORKERS}"));
    for batch in 0..if b.makes_lines() { LOGGED } else { BATCHES } {
        let worker = (0..WORKERS).min_by_key(|w| free[*w]).unwrap_or(0);
        free[worker] = one_batch(b, (indexer, search), root, (batch, worker), free[worker]) + 5 * MS;
    }
    let end = free.into_iter().max().unwrap_or(start) + 60 * MS;
    let attributes = vec![text("job.name", "nightly reindex"), int("job.batches", BATCHES as i64)];
    b.named(root, indexer, None, ("nightly reindex", SpanKind::Internal), (start, end), attributes);
}

/// A batch; its end.
fn one_batch(b: &mut Builder, (indexer, search): (Place, Place), root: SpanId, (batch, worker): (usize, usize), start: i64) -> i64 {
    let own = b.id();
    let read = b.ms(150, 420);
    let sent =
        b.statement(indexer, own, "SELECT products", "SELECT * FROM products WHERE id > $1 ORDER BY id LIMIT 365", (start + MS, read))
            + 3 * MS;
    let bulk = b.id();
    let server = b.id();
    let mut now = sent + 4 * MS;
    for document in 0..DOCUMENTS {
        let length = b.ms(28, 80);
        let number = (batch * DOCUMENTS + document) as i64;
        let written = b.span(search, server, ("index document", SpanKind::Internal), (now, now + length), vec![int("product.id", number)]);
        if number % 997 == 313 {
            b.fail(written, "mapper_parsing_exception", "failed to parse field [price] of type [long]", "");
            let said = format_args!("msg=\"failed to parse field [price] of type [long]\" index=products product={number}");
            b.log(search, written.id, now + length, "error", said);
        }
        now += length;
    }
    let call = || vec![text("http.request.method", "POST"), text("url.path", "/_bulk"), int("http.response.status_code", 200)];
    b.named(server, search, Some(bulk), ("POST /_bulk", SpanKind::Server), (sent + 2 * MS, now + MS), call());
    b.named(bulk, indexer, Some(own), ("POST /_bulk", SpanKind::Client), (sent, now + 3 * MS), call());
    b.named(
        own,
        indexer,
        Some(root),
        ("reindex batch", SpanKind::Internal),
        (start, now + 5 * MS),
        vec![int("batch", batch as i64), int("worker", worker as i64)],
    );
    b.log(indexer, own, now + 4 * MS, "info", format_args!("msg=\"batch indexed\" batch={batch} documents={DOCUMENTS}"));
    if batch + 1 == LOGGED {
        b.log(indexer, own, now + 4 * MS, "info", format_args!("msg=\"further batches are logged at debug level\""));
    }
    now + 5 * MS
}

/// `invoice run`: it waits for a lock, then for a file of the bank, and works for a few minutes in all.
pub fn invoices(b: &mut Builder, start: i64) {
    let process = |service, version, language, host| Process { service, version, language, host, ahead: 0 };
    let invoicing = b.process(&process("invoicing", "2.6.0", "java", "node-2"));
    let banking = b.process(&process("banking", "1.1.9", "java", "node-4"));
    let root = b.id();
    let mut now = start + 80 * MS;
    let locked = now + 11 * MINUTE + b.ms(2_000, 9_000);
    let lock = b.span(invoicing, root, ("acquire lock", SpanKind::Internal), (now, locked), vec![text("lock.name", "ledger")]);
    b.event(lock, 5 * MINUTE, "still waiting", vec![text("lock.holder", "monthly-close")]);
    b.log(invoicing, root, start + MS, "info", format_args!("msg=\"invoice run started\" orders=90000"));
    for minutes in [1, 5, 10] {
        let said = format_args!("msg=\"waiting for lock\" lock=ledger holder=monthly-close minutes={minutes}");
        b.log(invoicing, lock.id, now + minutes * MINUTE, "warn", said);
    }
    b.log(invoicing, lock.id, locked, "info", format_args!("msg=\"lock acquired\" lock=ledger"));
    now = locked + 20 * MS;
    for page in 0..18 {
        let own = b.id();
        let length = b.ms(700, 1_600);
        let read =
            b.statement(invoicing, own, "SELECT orders", "SELECT * FROM orders WHERE invoiced = false LIMIT 5000", (now + 4 * MS, length));
        let made = read + b.ms(2_000, 6_000);
        b.span(invoicing, own, ("render invoices", SpanKind::Internal), (read, made), vec![int("invoices", 5_000)]);
        b.named(own, invoicing, Some(root), ("invoice page", SpanKind::Internal), (now, made + 3 * MS), vec![int("page", page)]);
        now = made + 30 * MS;
    }
    b.log(invoicing, root, now, "info", format_args!("msg=\"invoices rendered, waiting for the bank's file\" pages=18"));
    // Nothing of it runs until the bank's file is there: no span at all.
    now += 26 * MINUTE;
    for attempt in 0..3 {
        let length = b.ms(20_000, 45_000);
        let failed = attempt < 2;
        let attributes =
            vec![text("http.request.method", "PUT"), text("server.address", "banking"), int("http.request.resend_count", attempt)];
        let call = b.span(invoicing, root, ("PUT /settlements/{date}", SpanKind::Client), (now, now + length), attributes);
        let served = b.span(
            banking,
            call.id,
            ("PUT /settlements/{date}", SpanKind::Server),
            (now + 3 * MS, now + length - 3 * MS),
            vec![text("http.route", "/settlements/{date}")],
        );
        if failed {
            let message = "connection to the clearing house was closed";
            b.fail(served, "java.net.SocketException", message, "\tat com.shop.banking.Clearing.send(Clearing.java:210)");
            b.fail(call, "UpstreamError", message, "");
            b.log(banking, served.id, now + length - 4 * MS, "error", format_args!("msg=\"{message}\" attempt={attempt}"));
            b.log(
                invoicing,
                call.id,
                now + length,
                "warn",
                format_args!("msg=\"settlement failed, trying again in 30 s\" attempt={attempt}"),
            );
        } else {
            b.log(invoicing, call.id, now + length, "info", format_args!("msg=\"settlement sent\" attempt={attempt}"));
        }
        now += length + 30 * SECOND;
    }
    let attributes = vec![text("job.name", "invoice run"), int("job.invoices", 90_000)];
    b.named(root, invoicing, None, ("invoice run", SpanKind::Internal), (start, now), attributes);
}
