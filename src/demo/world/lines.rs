//! Which lines services log about what happens in them, and what the lines say.

use std::fmt::Write as _;

use super::{
    model::{MS, Pod, Request, SECOND},
    platform,
    pool::{RESERVE_AFTER, TIMEOUT},
    record::Level,
    rng::hash,
    shop::{Op, Outcome, REGIONS},
    walk::{Hop, LATE, RETRIED},
};
use crate::model::trace::{SpanId, TraceId};

/// The kinds, and the list of them.
macro_rules! kinds {
    ($($kind:ident)*) => {
        /// What a line is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Kind {
            $($kind,)*
        }

        impl Kind {
            const KNOWN: &[Self] = &[$(Self::$kind),*];
        }
    };
}

kinds! {
    WebAccess WebFailed CatalogServed CartAccess CartFailed CheckoutStart CheckoutDone CheckoutRetry
    CheckoutFailed OrdersCreated OrdersRead OrdersTimeout OrdersException OrdersSlow OrdersFault Charged
    ChargeSlow CheckoutSlow Reserved Mailed Ingress Session SessionNew Starting PoolStarted Started KubeletAdd
    KubeletKill Stopping
}

impl Kind {
    /// All kinds in order; places that no kind has are filled with the last one.
    pub const ALL: [Self; 64] = {
        let mut all = [Self::Stopping; 64];
        let mut i = 0;
        while i < Self::KNOWN.len() {
            all[i] = Self::KNOWN[i];
            i += 1;
        }
        all
    };

    /// Whether a pod writes it about itself.
    pub fn is_lifecycle(self) -> bool {
        self >= Self::Starting
    }

    /// Whether the line, or its structured metadata, names the trace.
    pub fn names_trace(self) -> bool {
        !self.is_lifecycle() && !matches!(self, Self::CartAccess | Self::Session | Self::SessionNew)
    }

    /// Whether the trace is in structured metadata and not in the line.
    pub const fn has_metadata(self) -> bool {
        matches!(self, Self::WebAccess | Self::WebFailed | Self::Charged | Self::ChargeSlow)
    }
}

/// What web says when no processor got free within its patience.
pub const OVERLOADED: &str = "overloaded: no worker within 3000 ms";

/// A request of orders, and a call to pay, is called slow from here.
const SLOW: i64 = 2 * SECOND;

/// The lines about a hop.
pub fn lines(request: &Request, hop: &Hop, mut line: impl FnMut(Kind, Level, i64)) {
    use Level::{Error, Info, Unknown, Warn};
    let took = hop.end - hop.start;
    let failed = hop.outcome.is_error();
    let level = if failed { Error } else { Info };
    let one_in_four = hash(request.rng, 70 + u64::from(hop.id)).is_multiple_of(4);
    match hop.op {
        Op::WebHome | Op::WebProduct | Op::WebCart | Op::WebCheckout | Op::WebOrder => {
            if failed {
                line(Kind::WebFailed, Error, hop.end - MS / 4);
            }
            let access = if hop.outcome == Outcome::Ok { Info } else { Warn };
            line(Kind::WebAccess, if failed { Error } else { access }, hop.end);
            line(Kind::Ingress, Unknown, hop.end + MS / 2);
            // Loki does not see a level between colours.
            if matches!(hop.op, Op::WebCart | Op::WebCheckout | Op::WebOrder) && hop.outcome != Outcome::Overloaded {
                line(if one_in_four { Kind::SessionNew } else { Kind::Session }, Unknown, hop.start + MS);
            }
        }
        Op::CatalogList | Op::CatalogGet => {
            let slow = took > 100 * MS;
            if failed || slow || one_in_four {
                line(
                    Kind::CatalogServed,
                    if failed {
                        Error
                    } else if slow {
                        Warn
                    } else {
                        Info
                    },
                    hop.end,
                );
            }
        }
        Op::CartAdd | Op::CartGet => {
            if failed {
                line(Kind::CartFailed, Error, hop.end - MS / 8);
            }
            line(Kind::CartAccess, Info, hop.end);
        }
        Op::Checkout => {
            line(Kind::CheckoutStart, Info, hop.start + MS / 2);
            let end = if failed { Kind::CheckoutFailed } else { Kind::CheckoutDone };
            line(end, if hop.outcome == Outcome::Declined { Warn } else { level }, hop.end - MS / 4);
        }
        Op::CheckoutToPayments if took > SLOW => line(Kind::CheckoutSlow, Warn, hop.end),
        Op::PaymentsBank if took > SLOW => line(Kind::ChargeSlow, Warn, hop.end),
        Op::CheckoutToOrders if hop.detail & RETRIED != 0 => line(Kind::CheckoutRetry, Warn, hop.end),
        Op::OrdersPool if failed => line(Kind::OrdersTimeout, Error, hop.end),
        Op::OrdersCreate | Op::OrdersGet => {
            match hop.outcome {
                Outcome::PoolTimeout => line(Kind::OrdersException, Error, hop.end - MS / 8),
                Outcome::Fault => line(Kind::OrdersFault, Error, hop.end - MS / 8),
                _ if hop.op == Op::OrdersCreate => line(Kind::OrdersCreated, Info, hop.end),
                _ if one_in_four => line(Kind::OrdersRead, Info, hop.end),
                _ => {}
            }
            if took > SLOW {
                line(Kind::OrdersSlow, Warn, hop.end + MS / 8);
            }
        }
        Op::PaymentsCharge => line(Kind::Charged, if hop.outcome == Outcome::Declined { Warn } else { level }, hop.end),
        Op::InventoryReserve if failed || one_in_four => line(Kind::Reserved, level, hop.end),
        Op::MailerConsume => line(Kind::Mailed, level, hop.end),
        _ => {}
    }
}

/// A line with everything that its text needs.
pub struct Text<'a> {
    pub kind: Kind,
    pub level: Level,
    pub at: i64,
    pub pod: &'a Pod,
    /// What the line is about; lines of pods about themselves have neither.
    pub about: Option<(&'a Request, Hop)>,
    pub trace: TraceId,
    pub span: SpanId,
}

impl Text<'_> {
    /// Appends the line.
    pub fn write(&self, out: &mut String) {
        match self.about {
            Some((request, hop)) => self.write_request(out, request, &hop),
            None => self.write_lifecycle(out),
        }
    }

    fn clock(&self, format: &'static str) -> impl std::fmt::Display + use<> {
        chrono::DateTime::from_timestamp_nanos(self.at).format(format)
    }

    /// Spring's head of a line: time, level, service with trace and span, thread.
    fn spring(&self, out: &mut String, thread: u64, logger: &str) {
        let level = ["INFO", "WARN", "ERROR"][self.level as usize];
        let service = self.pod.service.info().name;
        let _ = write!(out, "{} [{level}] ", self.clock("%Y-%m-%d %H:%M:%S%.3f"));
        if self.kind == Kind::CheckoutRetry {
            // A thread that the request's context does not follow into.
            let _ = write!(out, "[{service},,] [orders-client-{}] ", thread % 8 + 1);
        } else if self.about.is_some() {
            let _ = write!(out, "[{service},{},{}] [nio-8080-exec-{}] ", self.trace, self.span, thread % 200 + 1);
        } else {
            let _ = write!(out, "[{service},,] [main] ");
        }
        let _ = write!(out, "{logger} : ");
    }

    fn write_lifecycle(&self, out: &mut String) {
        if matches!(self.kind, Kind::KubeletAdd | Kind::KubeletKill) {
            return platform::kubelet(out, self.at, self.kind, self.pod);
        }
        self.spring(out, 0, "c.shop.Application");
        let (name, version) = (self.pod.service.info().name, &self.pod.version);
        let _ = match self.kind {
            Kind::Starting => write!(out, "Starting {name} v{version} on {}", self.pod.name),
            Kind::PoolStarted => {
                let (patience, length) = if self.pod.reserve { ("reserve_after_ms", RESERVE_AFTER) } else { ("timeout_ms", TIMEOUT) };
                write!(out, "database pool started pool={name} max={} {patience}={}", self.pod.pool, length / MS)
            }
            Kind::Started => write!(out, "Started {name} v{version} in 6.{} seconds", self.pod.pool * 37 % 900 + 100),
            _ => write!(out, "Stopping {name} v{version}: SIGTERM received, finishing open requests"),
        };
    }

    fn write_request(&self, out: &mut String, request: &Request, hop: &Hop) {
        match self.kind {
            Kind::WebAccess | Kind::WebFailed => self.web(out, request, hop),
            Kind::CatalogServed | Kind::Reserved => self.zap(out, request, hop),
            Kind::CartAccess | Kind::CartFailed => self.cart(out, request, hop),
            Kind::Charged | Kind::ChargeSlow => self.payments(out, request, hop),
            Kind::Mailed => self.mailer(out, request, hop),
            Kind::Ingress => platform::ingress(out, self.at, request, hop, self.pod, (self.trace, self.span)),
            Kind::Session | Kind::SessionNew => platform::session(out, self.at, self.kind, request),
            Kind::CheckoutStart | Kind::CheckoutDone | Kind::CheckoutRetry | Kind::CheckoutSlow | Kind::CheckoutFailed => {
                self.checkout(out, request, hop)
            }
            _ => self.orders(out, request, hop),
        }
    }

    fn web(&self, out: &mut String, request: &Request, hop: &Hop) {
        let (method, route) = hop.op.info().name.split_once(' ').unwrap_or(("", ""));
        let status = hop.op.info().statuses[hop.outcome.status_index()];
        let _ = write!(out, "{{\"time\":\"{}\",\"level\":\"{}\",", self.clock("%Y-%m-%dT%H:%M:%S%.3fZ"), self.level.as_str());
        let _ = if self.kind == Kind::WebFailed {
            let error = match hop.outcome {
                Outcome::Fault => "TypeError: Cannot read properties of undefined (reading 'price')",
                Outcome::Overloaded => OVERLOADED,
                _ => "upstream answered 500",
            };
            write!(out, "\"msg\":\"request failed\",\"route\":\"{route}\",\"error\":\"{error}\"}}")
        } else {
            write!(
                out,
                "\"msg\":\"request completed\",\"method\":\"{method}\",\"route\":\"{route}\",\"path\":\"{}\",\"status\":{status},\"ms\":{:.1},\"region\":\"{}\",\"user_agent\":\"{}\"}}",
                request.path(route),
                millis(hop),
                REGIONS[request.region()],
                request.user_agent(),
            )
        };
    }

    fn zap(&self, out: &mut String, request: &Request, hop: &Hop) {
        let info = hop.op.info();
        let _ = write!(
            out,
            "{{\"level\":\"{}\",\"ts\":{}.{:09},\"caller\":\"server/handler.go:88\",",
            self.level.as_str(),
            self.at / SECOND,
            self.at % SECOND
        );
        let _ = if self.kind == Kind::Reserved {
            write!(out, "\"msg\":\"reserved\",\"sku\":\"SKU-{:05}\",\"quantity\":1,", request.draw(200 + u64::from(hop.detail)) % 90_000)
        } else {
            write!(out, "\"msg\":\"served\",\"route\":\"{}\",\"code\":{},", info.name, info.statuses[hop.outcome.status_index()])
        };
        if hop.outcome.is_error() {
            out.push_str("\"error\":\"pq: canceling statement due to conflict with recovery\",");
        }
        // inventory's encoder names fields as Elastic does.
        let joint = if self.kind == Kind::Reserved { '.' } else { '_' };
        let (took, trace, span) = (millis(hop), self.trace, self.span);
        let _ = write!(out, "\"took_ms\":{took:.3},\"trace{joint}id\":\"{trace}\",\"span{joint}id\":\"{span}\"}}");
    }

    fn cart(&self, out: &mut String, request: &Request, hop: &Hop) {
        let id = request.draw(31);
        let head = self.clock("%Y-%m-%d %H:%M:%S,%3f");
        if self.kind == Kind::CartFailed {
            let dd = self.datadog();
            let _ = write!(
                out,
                "{head} [ERROR] cart.api {dd} request_id={id:016x} unhandled exception\nTraceback (most recent call last):\n  File \"/app/cart/api.py\", line 71, in handle\n    items = await store.load(cart_id)\n  File \"/app/cart/store.py\", line 38, in load\n    raw = await self.redis.hgetall(key)\n  File \"/usr/lib/python3.12/site-packages/redis/asyncio/client.py\", line 675, in execute_command\n    return await conn.retry.call_with_retry(\nredis.exceptions.ConnectionError: Connection closed by server."
            );
            return;
        }
        let status = hop.op.info().statuses[hop.outcome.status_index()];
        let _ = write!(
            out,
            "{head} [INFO] uvicorn.access request_id={id:016x} \"{} HTTP/1.1\" {status} {:.1}ms",
            hop.op.info().name,
            millis(hop)
        );
    }

    fn payments(&self, out: &mut String, request: &Request, hop: &Hop) {
        let message = match hop.outcome {
            _ if self.kind == Kind::ChargeSlow => "slow authorization",
            Outcome::Ok => "charged",
            Outcome::Declined => "declined",
            _ => "charge failed",
        };
        let _ = write!(
            out,
            "ts={} level={} msg=\"{message}\" order={} method={} amount_cents={} took_ms={:.1}",
            self.clock("%Y-%m-%dT%H:%M:%S%.6fZ"),
            self.level.as_str(),
            request.order(),
            request.payment(),
            request.amount(),
            millis(hop),
        );
    }

    fn mailer(&self, out: &mut String, request: &Request, hop: &Hop) {
        let level = ["INFO", "WARN", "ERROR"][self.level as usize];
        let word = if hop.outcome.is_error() { "could not send" } else { "sent" };
        let _ = write!(
            out,
            "{} [{level}] mailer: {word} order confirmation {} in {:.0} ms",
            self.clock("%Y-%m-%d %H:%M:%S"),
            request.order(),
            millis(hop)
        );
        let id = self.trace.to_string();
        let _ = if request.draw(35).is_multiple_of(4) {
            write!(out, " relay=ses X-Amzn-Trace-Id: Root=1-{}-{};Sampled=1", &id[..8], &id[8..])
        } else {
            write!(out, " relay=smtp b3: {id}-{}-1", self.span)
        };
    }

    /// What Datadog's tracer puts into Python's lines: an id of 64 bits in decimal, a longer one in hex.
    fn datadog(&self) -> String {
        let trace = match self.trace.0 >> 64 {
            0 => (self.trace.0 as u64).to_string(),
            _ => self.trace.to_string(),
        };
        let version = &self.pod.version;
        format!("[dd.service=cart dd.env=prod dd.version={version} dd.trace_id={trace} dd.span_id={}]", self.span.0)
    }

    fn checkout(&self, out: &mut String, request: &Request, hop: &Hop) {
        let order = request.order();
        self.spring(out, request.draw(33), "c.s.checkout.CheckoutService");
        let _ = match self.kind {
            Kind::CheckoutStart => write!(out, "placing order items={} payment={}", request.items(), request.payment()),
            Kind::CheckoutRetry => {
                let (attempt, after) = ((hop.detail & !RETRIED) + 2, millis(hop));
                let headers = format_args!("X-B3-TraceId: {}, X-B3-SpanId: {}, X-B3-Sampled: 1", self.trace, self.span);
                write!(out, "retrying POST /orders attempt={attempt} of=3 after_ms={after:.0} headers=[{headers}]")
            }
            Kind::CheckoutSlow => write!(out, "slow call POST http://payments:9000/charge took_ms={:.0}", millis(hop)),
            Kind::CheckoutFailed => write!(
                out,
                "order failed took_ms={:.0}\ncom.shop.checkout.UpstreamException: {}\n\tat com.shop.checkout.OrdersClient.create(OrdersClient.java:64)\n\tat com.shop.checkout.CheckoutService.place(CheckoutService.java:118)\n\tat com.shop.checkout.CheckoutController.checkout(CheckoutController.java:41)\n\tat java.base/java.lang.Thread.run(Thread.java:1583)",
                millis(hop),
                if hop.detail & LATE != 0 { "POST http://orders:8080/orders: no order within 12000 ms" } else { "a call answered 500" },
            ),
            _ if hop.outcome == Outcome::Declined => write!(out, "payment declined order={order} amount_cents={}", request.amount()),
            _ => write!(out, "order placed order={order} amount_cents={} took_ms={:.0}", request.amount(), millis(hop)),
        };
    }

    fn orders(&self, out: &mut String, request: &Request, hop: &Hop) {
        let (max, timeout) = (self.pod.pool, TIMEOUT / MS);
        let logger = match self.kind {
            Kind::OrdersTimeout => "c.s.orders.ConnectionSource",
            Kind::OrdersException | Kind::OrdersFault => "o.a.c.c.C.[dispatcherServlet]",
            _ => "c.s.orders.OrderController",
        };
        self.spring(out, request.draw(34 + u64::from(hop.detail)), logger);
        let name = hop.op.info().name;
        let status = hop.op.info().statuses[hop.outcome.status_index()];
        let _ = match self.kind {
            Kind::OrdersTimeout => {
                write!(out, "timeout acquiring connection from pool pool=orders wait_ms={timeout} in_use={max} max={max}")
            }
            Kind::OrdersException => write!(
                out,
                "{name} threw an exception\njava.sql.SQLTransientConnectionException: orders-pool - Connection is not available, request timed out after {timeout}ms (total={max}, active={max}, idle=0)\n{STACK}"
            ),
            Kind::OrdersFault => {
                write!(out, "{name} threw an exception\norg.postgresql.util.PSQLException: ERROR: deadlock detected\n{STACK}")
            }
            Kind::OrdersSlow => {
                write!(out, "slow request route={} ms={:.0} status={status}", name.split(' ').nth(1).unwrap_or(name), millis(hop))
            }
            Kind::OrdersRead => write!(out, "read order order={} took_ms={:.0}", request.order(), millis(hop)),
            _ => write!(out, "created order order={} items={} took_ms={:.0}", request.order(), request.items(), millis(hop)),
        };
    }
}

const STACK: &str = "\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:696)
\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:197)
\tat com.zaxxer.hikari.HikariDataSource.getConnection(HikariDataSource.java:100)
\tat org.springframework.jdbc.datasource.DataSourceUtils.fetchConnection(DataSourceUtils.java:160)
\tat org.springframework.jdbc.datasource.DataSourceTransactionManager.doBegin(DataSourceTransactionManager.java:265)
\tat com.shop.orders.OrderRepository.insert(OrderRepository.java:57)
\tat com.shop.orders.OrderService.create(OrderService.java:92)
\tat com.shop.orders.OrderController.create(OrderController.java:38)
\tat org.apache.catalina.core.ApplicationFilterChain.doFilter(ApplicationFilterChain.java:138)
\tat java.base/java.lang.Thread.run(Thread.java:1583)";

fn millis(hop: &Hop) -> f64 {
    (hop.end - hop.start) as f64 / 1e6
}

impl Request {
    /// Number of the order that it makes or reads.
    pub fn order(&self) -> u64 {
        10_000_000 + self.draw(41) % 90_000_000
    }

    /// What is paid.
    pub fn amount(&self) -> u64 {
        u64::from(self.items()) * (499 + self.draw(42) % 4_000)
    }

    /// The path that was asked for.
    pub fn path(&self, route: &str) -> String {
        let id = if self.is_lost_product() { 900_000 + self.draw(43) % 9_999 } else { self.draw(43) % 9_000 };
        route.replace("{id}", &if route.contains("orders") { self.order() } else { id }.to_string())
    }

    /// Who asks.
    pub fn user_agent(&self) -> &'static str {
        const AGENTS: [&str; 3] = [
            "Mozilla/5.0 (X11; Linux x86_64) Firefox/143.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)",
            "ShopApp/7.4 (Android 16)",
        ];
        if self.is_crawler() { "Mozilla/5.0 (compatible; Googlebot/2.1)" } else { AGENTS[(self.draw(44) % 3) as usize] }
    }
}
