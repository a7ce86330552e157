//! One request's way through the shop.
//!
//! There is one description of it. Metrics, spans and log lines are observers of the same walk, so they cannot disagree.

use super::{
    model::{Epoch, MS, Model, PodId, Request, SECOND},
    pool::{Attempt, DOOR, PATIENCE, TIMEOUT, Wait},
    rng::Rng,
    shop::{Op, Outcome, Route, Service},
};

/// No parent.
pub const NONE: u8 = u8::MAX;
/// The purchase gives up on orders after this long, retries included, unless the scenario says how patient it is.
pub const ORDERS_DEADLINE: i64 = 12 * SECOND;
/// Times that checkout asks orders at most.
pub const ATTEMPTS: u8 = 3;

/// Set in the detail of an attempt that another one follows.
pub const RETRIED: u8 = 0x80;
/// Set in the detail of a purchase that orders did not answer in time.
pub const LATE: u8 = 0x40;

/// Something that a service did, or that a call to it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Whether it is part of the trace of the mail, not of the request's own.
    pub mail: bool,
    /// Number within its trace, parents first.
    pub id: u8,
    /// Number of the parent, or [`NONE`].
    pub parent: u8,
    pub op: Op,
    pub pod: PodId,
    /// Nanoseconds.
    pub start: i64,
    pub end: i64,
    pub outcome: Outcome,
    /// Number of the attempt, item or message, by operation.
    pub detail: u8,
}

/// What can be seen of a walk.
pub trait Observer {
    /// Something ended. Hops of a request come in no particular order.
    fn hop(&mut self, request: &Request, hop: &Hop);
    /// A connection was asked for, got (unless it timed out), and given back.
    fn connection(&mut self, _pod: PodId, _asked: i64, _got: Option<i64>, _back: i64) {}
    /// An event was published to a partition, and its consumer was done with it.
    fn event(&mut self, _partition: usize, _published: i64, _consumed: i64) {}
}

/// Partitions of the topic that purchases are published to.
pub const PARTITIONS: usize = 6;

/// Sees nothing.
pub struct Blind;

impl Observer for Blind {
    fn hop(&mut self, _: &Request, _: &Hop) {}
}

/// How long an attempt of a request waits for a connection.
pub type Waits<'a> = &'a dyn Fn(u8) -> Wait;

/// A purchase up to the point at which orders is asked.
#[derive(Clone, Copy, Debug)]
pub struct Purchase {
    /// When checkout is ready to ask orders.
    pub now: i64,
    failed: Outcome,
    web: PodId,
    checkout: PodId,
    sent: i64,
    arrived: i64,
    /// web's own time after the answer.
    rest: i64,
}

impl Purchase {
    /// Whether it never gets to orders.
    pub fn over(&self) -> bool {
        self.failed != Outcome::Ok
    }
}

/// A walk in progress.
pub struct Walk<'a, O> {
    model: &'a Model,
    epoch: &'a Epoch,
    request: &'a Request,
    observer: &'a mut O,
    rng: Rng,
    ids: u8,
    /// When web begins to work on it.
    begun: i64,
}

impl<'a, O: Observer> Walk<'a, O> {
    /// A walk that has not begun.
    pub fn new(model: &'a Model, request: &'a Request, observer: &'a mut O) -> Self {
        Self { model, epoch: model.epoch_at(request.at), request, observer, rng: Rng::new(request.rng, 9), ids: 0, begun: request.at }
    }

    /// The same after a wait at web's door.
    pub const fn after(mut self, wait: Wait) -> Self {
        self.begun += wait.0;
        self
    }

    /// The pod of web that it comes to, and for how long it needs one of its processors.
    pub fn door(mut self) -> (PodId, i64) {
        (self.pod(Service::Web), self.request.route.op().info().cpu_ns() as i64)
    }

    /// Walks all of it.
    pub fn run(mut self, waits: Waits<'_>) {
        let wait = waits(DOOR);
        if wait.timed_out() {
            return self.turned_away();
        }
        self.begun += wait.0;
        match self.request.route {
            Route::Home => self.browse(Op::WebHome, &[(Op::WebToCatalogList, Op::CatalogList)]),
            Route::Product => {
                self.browse(Op::WebProduct, &[(Op::WebToCatalogGet, Op::CatalogGet), (Op::WebToCatalogList, Op::CatalogList)])
            }
            Route::Cart => self.browse(Op::WebCart, &[(Op::WebToCart, Op::CartAdd)]),
            Route::Order => self.order(waits),
            Route::Checkout => {
                let purchase = self.until_orders();
                self.purchase(purchase, waits);
            }
        }
    }

    /// No processor got free in time.
    fn turned_away(mut self) {
        let (id, pod) = (self.open(), self.pod(Service::Web));
        let end = self.request.at + PATIENCE;
        self.close((id, NONE), (self.request.route.op(), pod), (self.request.at, end), Outcome::Overloaded, 0);
    }

    fn open(&mut self) -> u8 {
        let id = self.ids;
        self.ids += 1;
        id
    }

    fn pod(&mut self, service: Service) -> PodId {
        self.epoch.pods[service as usize][self.rng.below(3) as usize]
    }

    fn own(&mut self, op: Op, pod: PodId) -> i64 {
        let bits = self.rng.next();
        self.model.own(self.epoch, op, pod, bits)
    }

    fn outcome(&mut self, op: Op, pod: PodId) -> Outcome {
        let p = self.model.fail(self.epoch, op, pod);
        if self.rng.chance(p) { Outcome::Fault } else { Outcome::Ok }
    }

    fn close(&mut self, (id, parent): (u8, u8), (op, pod): (Op, PodId), (start, end): (i64, i64), outcome: Outcome, detail: u8) {
        self.observer.hop(self.request, &Hop { mail: false, id, parent, op, pod, start, end, outcome, detail });
    }

    /// A call to something without pods of its own.
    fn leaf(&mut self, parent: u8, op: Op, pod: PodId, start: i64, detail: u8) -> (i64, Outcome) {
        let id = self.open();
        let end = start + self.own(op, pod);
        let outcome = self.outcome(op, pod);
        self.close((id, parent), (op, pod), (start, end), outcome, detail);
        (end, outcome)
    }

    /// A call from one service to a simple other one: client span, server span, and what that does.
    fn call(&mut self, parent: u8, (client, caller): (Op, PodId), server: Op, start: i64, detail: u8) -> (i64, Outcome) {
        let id = self.open();
        let callee = self.open();
        let pod = self.pod(server.info().service);
        let arrive = start + self.own(client, caller);
        let total = self.own(server, pod);
        let (end, called) = self.inside(callee, server, pod, arrive + total / 2, detail);
        let end = end + total / 2;
        let mut outcome = self.outcome(server, pod);
        if outcome == Outcome::Ok && called.is_error() {
            outcome = Outcome::Upstream;
        } else if outcome == Outcome::Ok {
            outcome = called;
        }
        self.close((callee, id), (server, pod), (arrive, end), outcome, detail);
        let back = end + self.own(client, caller);
        let seen = if outcome.is_error() { Outcome::Upstream } else { outcome };
        self.close((id, parent), (client, caller), (start, back), seen, detail);
        (back, outcome)
    }

    /// What a simple service does to answer.
    fn inside(&mut self, id: u8, server: Op, pod: PodId, now: i64, detail: u8) -> (i64, Outcome) {
        match server {
            Op::CatalogList | Op::CatalogGet => {
                let (now, _) = self.leaf(id, Op::CatalogRedis, pod, now, detail);
                if server == Op::CatalogGet && self.request.is_lost_product() {
                    return (now, Outcome::NotFound);
                }
                if self.rng.below(8) == 0 { self.leaf(id, Op::CatalogPostgres, pod, now, detail) } else { (now, Outcome::Ok) }
            }
            Op::CartAdd | Op::CartGet => self.leaf(id, Op::CartRedis, pod, now, detail),
            Op::InventoryReserve => self.leaf(id, Op::InventoryPostgres, pod, now, detail),
            Op::PaymentsCharge => {
                let (now, outcome) = self.leaf(id, Op::PaymentsBank, pod, now, detail);
                (now, if outcome == Outcome::Ok && self.rng.below(80) == 0 { Outcome::Declined } else { outcome })
            }
            _ => (now, Outcome::Ok),
        }
    }

    /// A page that is put together from calls in a row.
    fn browse(&mut self, op: Op, calls: &[(Op, Op)]) {
        let id = self.open();
        let pod = self.pod(Service::Web);
        let total = self.own(op, pod);
        let mut outcome = self.outcome(op, pod);
        let mut now = self.begun + total * 2 / 5;
        for (client, server) in calls {
            let (end, called) = self.call(id, (*client, pod), *server, now, 0);
            now = end;
            if outcome == Outcome::Ok && called != Outcome::Ok {
                outcome = if called == Outcome::NotFound { called } else { Outcome::Upstream };
                break;
            }
        }
        self.close((id, NONE), (op, pod), (self.request.at, now + total * 3 / 5), outcome, 0);
    }

    /// `GET /api/orders/{id}`.
    fn order(&mut self, waits: Waits<'_>) {
        let (id, client, server) = (self.open(), self.open(), self.open());
        let web = self.pod(Service::Web);
        let total = self.own(Op::WebOrder, web);
        let sent = self.begun + total / 2;
        let attempt = Attempt::get(self.model, self.request, sent);
        let (end, outcome) = self.inside_orders(server, client, &attempt, waits(0), 0);
        let back = end + attempt.network;
        let mut own = self.outcome(Op::WebOrder, web);
        if own == Outcome::Ok && outcome.is_error() {
            own = Outcome::Upstream;
        }
        let seen = if outcome.is_error() { Outcome::Upstream } else { Outcome::Ok };
        self.close((client, id), (Op::WebToOrder, web), (sent, back), seen, 0);
        self.close((id, NONE), (Op::WebOrder, web), (self.request.at, back + total / 2), own, 0);
    }

    /// When `GET /api/orders/{id}` asks orders.
    pub fn order_sent(mut self) -> i64 {
        let web = self.pod(Service::Web);
        self.begun + self.own(Op::WebOrder, web) / 2
    }

    /// orders answers one attempt; its server span is closed here.
    fn inside_orders(&mut self, id: u8, parent: u8, a: &Attempt, wait: Wait, detail: u8) -> (i64, Outcome) {
        let acquire = self.open();
        let got = if wait.timed_out() { None } else { Some(a.acquire + wait.0) };
        let pool_end = got.map_or(a.acquire + TIMEOUT, |got| got + a.handover);
        let waited = if got.is_some() { Outcome::Ok } else { Outcome::PoolTimeout };
        self.close((acquire, id), (Op::OrdersPool, a.pod), (a.acquire, pool_end), waited, detail);
        self.observer.connection(a.pod, a.acquire, got, a.released(wait));
        if got.is_some() {
            let mut now = pool_end;
            for (op, length) in a.statements.iter().filter(|s| s.1 > 0) {
                let statement = self.open();
                self.close((statement, id), (*op, a.pod), (now, now + length), Outcome::Ok, detail);
                now += length;
            }
        }
        let end = a.released(wait) + a.after;
        let outcome = if waited.is_error() {
            waited
        } else if a.fails {
            Outcome::Fault
        } else {
            Outcome::Ok
        };
        self.close((id, parent), (a.op, a.pod), (a.arrive, end), outcome, detail);
        (end, outcome)
    }

    /// A purchase until checkout asks orders: cart, then each item's reservation.
    pub fn until_orders(&mut self) -> Purchase {
        let (_, _, server) = (self.open(), self.open(), self.open());
        let web = self.pod(Service::Web);
        let checkout = self.pod(Service::Checkout);
        let rest = self.own(Op::WebCheckout, web) / 2;
        let sent = self.begun + rest;
        let arrived = sent + self.own(Op::WebToCheckout, web);
        let mut now = arrived + self.own(Op::Checkout, checkout) / 2;
        let mut failed = Outcome::Ok;
        let (end, cart) = self.call(server, (Op::CheckoutToCart, checkout), Op::CartGet, now, 0);
        now = end;
        if cart.is_error() {
            failed = Outcome::Upstream;
        }
        for item in 0..self.request.items() {
            if failed != Outcome::Ok {
                break;
            }
            let (end, reserved) = self.call(server, (Op::CheckoutToInventory, checkout), Op::InventoryReserve, now, item);
            now = end;
            if reserved.is_error() {
                failed = Outcome::Upstream;
            }
        }
        Purchase { now, failed, web, checkout, sent, arrived, rest }
    }

    /// The rest of a purchase: orders with retries, payment, the event, the answer.
    fn purchase(&mut self, p: Purchase, waits: Waits<'_>) {
        const SERVER: u8 = 2;
        let (mut now, mut outcome) = (p.now, p.failed);
        if outcome == Outcome::Ok {
            (now, outcome) = self.ask_orders(SERVER, &p, waits);
        }
        self.rng = Rng::new(self.request.rng, 12);
        let late = if outcome == Outcome::Deadline { LATE } else { 0 };
        if late != 0 {
            outcome = Outcome::Upstream;
        }
        if outcome == Outcome::Ok {
            let (end, charged) = self.call(SERVER, (Op::CheckoutToPayments, p.checkout), Op::PaymentsCharge, now, 0);
            now = end;
            outcome = if charged.is_error() { Outcome::Upstream } else { charged };
        }
        if outcome == Outcome::Ok {
            let producer = self.ids;
            (now, _) = self.leaf(SERVER, Op::CheckoutKafka, p.checkout, now, 0);
            self.mail(now, producer);
        }
        if outcome == Outcome::Ok {
            outcome = self.outcome(Op::Checkout, p.checkout);
        }
        let end = now + self.own(Op::Checkout, p.checkout) / 2;
        self.close((SERVER, 1), (Op::Checkout, p.checkout), (p.arrived, end), outcome, self.request.items() | late);
        let back = end + self.own(Op::WebToCheckout, p.web);
        let seen = if outcome.is_error() { Outcome::Upstream } else { outcome };
        self.close((1, 0), (Op::WebToCheckout, p.web), (p.sent, back), seen, 0);
        let mut own = self.outcome(Op::WebCheckout, p.web);
        if own == Outcome::Ok {
            own = seen;
        }
        self.close((0, NONE), (Op::WebCheckout, p.web), (self.request.at, back + p.rest), own, 0);
    }

    fn ask_orders(&mut self, server: u8, p: &Purchase, waits: Waits<'_>) -> (i64, Outcome) {
        let deadline = p.now + self.model.patience;
        let mut sent = p.now;
        for n in 0..ATTEMPTS {
            let (client, inner) = (self.open(), self.open());
            let a = Attempt::create(self.model, self.request, n, sent);
            let (end, outcome) = self.inside_orders(inner, client, &a, waits(n), n);
            let back = end + a.network;
            let late = back > deadline;
            let seen = if late {
                Outcome::Deadline
            } else if outcome.is_error() {
                Outcome::Upstream
            } else {
                Outcome::Ok
            };
            let next = if seen == Outcome::Ok { None } else { a.retry(n, back, deadline) };
            let detail = if next.is_some() { n | RETRIED } else { n };
            self.close((client, server), (Op::CheckoutToOrders, p.checkout), (sent, back.min(deadline)), seen, detail);
            match next {
                Some(next) => sent = next,
                None if seen == Outcome::Ok => return (back, seen),
                // There were tries left, and no time.
                None if late || n + 1 < ATTEMPTS => return (back.min(deadline), Outcome::Deadline),
                None => return (back, Outcome::Upstream),
            }
        }
        (sent, Outcome::Upstream)
    }

    /// The mailer takes the event and sends a mail: a trace of its own, linked to the event's span.
    fn mail(&mut self, published: i64, producer: u8) {
        let pod = self.pod(Service::Mailer);
        let start = published + 4 * MS + i64::from(self.rng.below(180)) * MS;
        let own = self.own(Op::MailerConsume, pod);
        let sent = start + own / 2;
        let done = sent + self.own(Op::MailerSmtp, pod);
        let outcome = self.outcome(Op::MailerSmtp, pod);
        let seen = if outcome.is_error() { Outcome::Upstream } else { Outcome::Ok };
        let hop = |id, parent, op, start, end, outcome| Hop { mail: true, id, parent, op, pod, start, end, outcome, detail: producer };
        self.observer.hop(self.request, &hop(1, 0, Op::MailerSmtp, sent, done, outcome));
        self.observer.hop(self.request, &hop(0, NONE, Op::MailerConsume, start, done + own / 2, seen));
        self.observer.event(self.request.partition(), published, done + own / 2);
    }
}

/// Number of the hop of a client call whose span is lost on the way to the collector; none for most requests.
pub fn lost(request: &Request) -> Option<u8> {
    let draw = request.draw(5);
    draw.is_multiple_of(200).then_some(if request.route == Route::Checkout && draw & 1024 != 0 { 3 } else { 1 })
}

impl Request {
    /// How many different items are bought: one to twelve, three and a third on average.
    pub fn items(&self) -> u8 {
        let mut n = 1;
        let mut bits = self.draw(4);
        while n < 12 && bits & 0xff < 181 {
            n += 1;
            bits = bits.rotate_right(8) ^ self.draw(60 + u64::from(n));
        }
        n
    }

    /// Whether it asks for a product that does not exist.
    pub fn is_lost_product(&self) -> bool {
        self.draw(6).is_multiple_of(110)
    }

    /// Whether a crawler sends it.
    pub fn is_crawler(&self) -> bool {
        matches!(self.route, Route::Home | Route::Product) && self.draw(7).is_multiple_of(13)
    }

    /// Index into the regions.
    pub fn region(&self) -> usize {
        [0, 0, 0, 1, 1, 1, 2, 2, 3, 4][(self.draw(8) % 10) as usize]
    }

    /// The partition that its event is published to.
    pub fn partition(&self) -> usize {
        (self.draw(51) % PARTITIONS as u64) as usize
    }

    /// How it is paid.
    pub fn payment(&self) -> &'static str {
        if self.draw(10) % 10 < 7 { "card" } else { "paypal" }
    }
}
