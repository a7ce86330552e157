//! Queues: for web's processors and for orders' connections. Who waits how long is simulated in the order of time.
//!
//! A pool is a first-come-first-served queue with as many servers as connections and a limit to the patience. The wait
//! of a request is known when it asks: it is the time until the earliest connection gets free, and who would wait
//! longer than [`TIMEOUT`] never takes one. Web's processors are the same with requests for connections, and less patience.

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    model::{MS, Model, Pod, PodId, Request, SECOND},
    rng::Rng,
    shop::{Op, Route, Service},
    walk::{ATTEMPTS, Blind, Walk},
};

/// How long a request waits for a connection at most.
pub const TIMEOUT: i64 = 8 * SECOND;

/// How long a request waits for a connection of a pool with a reserve.
pub const RESERVE_AFTER: i64 = 10 * SECOND;

/// How long a request waits for one of web's processors at most.
pub const PATIENCE: i64 = 3 * SECOND;

/// Waits for a processor that are shorter are part of the work: processors are shared in slices.
const SLICE: i64 = 20 * MS;

/// Number of the attempt that is a request's own at web's door.
pub const DOOR: u8 = u8::MAX;

/// A wait in nanoseconds, or that it gave up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait(pub i64);

impl Wait {
    const GAVE_UP: Self = Self(i64::MAX);

    /// Whether nothing was got.
    pub const fn timed_out(self) -> bool {
        self.0 == Self::GAVE_UP.0
    }
}

/// One call of orders, apart from its wait. Instants and lengths in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    pub op: Op,
    pub pod: PodId,
    /// One way.
    pub network: i64,
    pub arrive: i64,
    /// When it asks for a connection.
    pub acquire: i64,
    /// From getting the connection to the first statement.
    pub handover: i64,
    /// What is done with it.
    pub statements: [(Op, i64); 2],
    /// How long it has it.
    pub hold: i64,
    /// From giving it back to the answer.
    pub after: i64,
    /// Whether it fails by itself.
    pub fails: bool,
    backoff: i64,
}

impl Attempt {
    /// `POST /orders`, the `n`th time, sent at an instant.
    pub fn create(model: &Model, request: &Request, n: u8, sent: i64) -> Self {
        Self::new(model, request, u64::from(n), sent, Op::OrdersCreate, [Op::OrdersInsert, Op::OrdersInsertItems])
    }

    /// `GET /orders/{id}` sent at an instant.
    pub fn get(model: &Model, request: &Request, sent: i64) -> Self {
        Self::new(model, request, 0, sent, Op::OrdersGet, [Op::OrdersSelect, Op::OrdersPool])
    }

    fn new(model: &Model, request: &Request, n: u64, sent: i64, op: Op, statements: [Op; 2]) -> Self {
        let mut rng = Rng::new(request.rng, 20 + n);
        let epoch = model.epoch_at(sent);
        let pod = epoch.pods[Service::Orders as usize][rng.below(3) as usize];
        let mut own = |op: Op| {
            let bits = rng.next();
            model.own(epoch, op, pod, bits)
        };
        let network = own(Op::CheckoutToOrders);
        let total = own(op);
        let handover = own(Op::OrdersPool);
        let statements = statements.map(|s| (s, if s == Op::OrdersPool { 0 } else { own(s) }));
        let arrive = sent + network;
        let hold = handover + statements[0].1 + statements[1].1 + total / 3;
        let fails = rng.chance(model.fail(epoch, op, pod));
        let backoff = (150 << n) * MS + i64::from(rng.below(100)) * MS;
        Self { op, pod, network, arrive, acquire: arrive + total / 3, handover, statements, hold, after: total / 3, fails, backoff }
    }

    /// When the connection is given back, or given up on.
    pub fn released(&self, wait: Wait) -> i64 {
        if wait.timed_out() { self.acquire + TIMEOUT } else { self.acquire + wait.0 + self.hold }
    }

    /// Whether the caller sees a failure for a wait.
    fn failed(&self, wait: Wait) -> bool {
        self.fails || wait.timed_out()
    }

    /// When the caller of the failed `n`th attempt tries again.
    pub fn retry(&self, n: u8, back: i64, deadline: i64) -> Option<i64> {
        let next = back + self.backoff;
        (n + 1 < ATTEMPTS && next < deadline).then_some(next)
    }
}

/// An attempt that is on its way to the pool, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: i64,
    key: u64,
    n: u8,
    sent: i64,
    deadline: i64,
}

/// The pools at an instant.
#[derive(Clone, Debug)]
pub struct PoolState {
    /// When each connection gets free, by pod.
    free: Vec<Vec<i64>>,
    /// When each processor gets free, by pod of web.
    processors: Vec<Vec<i64>>,
    coming: BinaryHeap<Reverse<Event>>,
}

/// One attempt's wait: key of the request, attempt, wait.
pub type Waited = (u64, u8, Wait);

impl PoolState {
    /// Pools that nobody uses.
    pub fn idle(model: &Model) -> Self {
        let free = model.pods.iter().map(|p| vec![i64::MIN; p.pool as usize]).collect();
        let processors = |p: &Pod| if p.service == Service::Web { p.service.cores() as usize } else { 0 };
        let processors = model.pods.iter().map(|p| vec![i64::MIN; processors(p)]).collect();
        Self { free, processors, coming: BinaryHeap::new() }
    }

    /// Lets the requests of a second arrive, reporting those who wait at the door.
    pub fn arrive(&mut self, model: &Model, second: i64, mut waited: impl FnMut(Waited)) {
        model.arrivals(second, |request| {
            let walk_blind = &mut Blind;
            let (pod, work) = Walk::new(model, &request, walk_blind).door();
            let wait = match take(&mut self.processors[pod as usize], request.at, work, PATIENCE) {
                Wait(wait) if wait < SLICE => Wait(0),
                wait => wait,
            };
            if wait.0 > 0 {
                waited((request.key, DOOR, wait));
            }
            if wait.timed_out() {
                return;
            }
            let sent = match request.route {
                Route::Order => Walk::new(model, &request, walk_blind).after(wait).order_sent(),
                Route::Checkout => {
                    let purchase = Walk::new(model, &request, walk_blind).after(wait).until_orders();
                    if purchase.over() {
                        return;
                    }
                    purchase.now
                }
                _ => return,
            };
            self.send(model, &request, 0, sent, sent + model.patience);
        });
    }

    fn send(&mut self, model: &Model, request: &Request, n: u8, sent: i64, deadline: i64) {
        let attempt = attempt(model, request, n, sent);
        self.coming.push(Reverse(Event { at: attempt.acquire, key: request.key, n, sent, deadline }));
    }

    /// Serves everybody who asks before an instant, reporting those who wait.
    pub fn serve_until(&mut self, model: &Model, end: i64, mut waited: impl FnMut(Waited)) {
        while let Some(Reverse(event)) = self.coming.peek().copied().filter(|e| e.0.at < end) {
            self.coming.pop();
            let Some(request) = model.request(event.key) else { continue };
            let a = attempt(model, &request, event.n, event.sent);
            let reserve = model.pods[a.pod as usize].reserve;
            let patience = if reserve { RESERVE_AFTER } else { TIMEOUT };
            let wait = match take(&mut self.free[a.pod as usize], event.at, a.hold, patience) {
                Wait::GAVE_UP if reserve => Wait(RESERVE_AFTER),
                wait => wait,
            };
            if wait.0 > 0 {
                waited((event.key, event.n, wait));
            }
            if request.route != Route::Checkout {
                continue;
            }
            let back = a.released(wait) + a.after + a.network;
            if (a.failed(wait) || back > event.deadline)
                && let Some(next) = a.retry(event.n, back, event.deadline)
            {
                self.send(model, &request, event.n + 1, next, event.deadline);
            }
        }
    }
}

/// Takes what gets free first for some time, unless that is later than one is patient.
fn take(free: &mut [i64], at: i64, hold: i64, patience: i64) -> Wait {
    let Some(free) = free.iter_mut().min() else { return Wait(0) };
    let wait = (*free).saturating_sub(at).max(0);
    if wait > patience {
        return Wait::GAVE_UP;
    }
    *free = at + wait + hold;
    Wait(wait)
}

fn attempt(model: &Model, request: &Request, n: u8, sent: i64) -> Attempt {
    if request.route == Route::Checkout { Attempt::create(model, request, n, sent) } else { Attempt::get(model, request, sent) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits and connections in use (sampled every 100 ms) of arrivals that are evenly spread.
    fn run(pool: usize, rate: f64, hold: f64, seconds: f64) -> (Vec<Wait>, f64) {
        let mut free = vec![i64::MIN; pool];
        let mut waits = Vec::new();
        let mut held = Vec::new();
        for i in 0..(rate * seconds) as i64 {
            let at = (i as f64 / rate * 1e9) as i64;
            let wait = take(&mut free, at, (hold * 1e9) as i64, TIMEOUT);
            if !wait.timed_out() {
                held.push((at + wait.0, at + wait.0 + (hold * 1e9) as i64));
            }
            waits.push(wait);
        }
        let samples = (seconds * 5.0) as i64..(seconds * 10.0) as i64;
        let n = samples.clone().count() as f64;
        let used: usize = samples.map(|t| held.iter().filter(|h| h.0 <= t * SECOND / 10 && t * SECOND / 10 < h.1).count()).sum();
        (waits, used as f64 / n)
    }

    #[test]
    fn below_saturation_connections_in_use_are_rate_times_hold() {
        for (pool, rate, hold) in [(3, 7.0, 0.33), (10, 23.0, 0.4), (50, 11.0, 4.1)] {
            let (waits, used) = run(pool, rate, hold, 60.0);
            assert!((used / (rate * hold) - 1.0).abs() < 0.05, "{used} for {pool} connections");
            assert!(waits.iter().all(|w| w.0 == 0));
        }
    }

    #[test]
    fn above_saturation_the_queue_grows_by_the_surplus_until_patience_ends() {
        for (pool, rate, hold) in [(4, 10.0, 0.5), (2, 6.0, 0.4), (7, 31.0, 0.25)] {
            let surplus = rate * hold / pool as f64 - 1.0;
            let (waits, used) = run(pool, rate, hold, 400.0);
            let at = 5.0 / surplus;
            let wait = waits[(rate * at) as usize].0 as f64 / 1e9;
            assert!((wait / 5.0 - 1.0).abs() < 0.1, "{wait} s after {at} s");
            assert!((used / pool as f64 - 1.0).abs() < 0.01);
            let late = &waits[waits.len() / 2..];
            let gave_up = late.iter().filter(|w| w.timed_out()).count() as f64 / late.len() as f64;
            let expected = 1.0 - pool as f64 / hold / rate;
            assert!((gave_up / expected - 1.0).abs() < 0.05, "{gave_up} instead of {expected}");
        }
    }
}
