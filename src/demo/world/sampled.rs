//! Requests of which metrics of traces are computed: walked once for all questions about the same spans, which a page asks
//! together and again, and kept as hops, which spans are made of.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    block::{BLOCK, Services},
    engine::{Engine, parallel},
    model::Request,
    rng::hash,
    shop::{Route, Service},
    walk::{Hop, NONE, Observer},
};

/// Traces that are kept: those of the wanted spans of a page over a day several times.
const KEPT: usize = 300_000;

/// Which requests are walked, and which of their hops are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// Traces that come to one of these services.
    pub traces: Services,
    /// Hops of these services.
    pub spans: Services,
    /// Hops of these kinds, as bits.
    pub kinds: u8,
    /// Hops that begin their trace.
    pub roots: bool,
    /// One request in so many.
    pub one_in: u64,
}

/// The wanted hops of a trace.
#[derive(Debug)]
pub struct Walked {
    pub request: Request,
    /// Whether it is the mail's.
    pub mail: bool,
    pub hops: Vec<Hop>,
}

/// Services that a request of a route may come to, or the mail that it leads to.
fn reached(route: Route, mail: bool) -> Services {
    use Service::{Cart, Catalog, Checkout, Inventory, Mailer, Orders, Payments, Web};
    let of = |services: &[Service]| services.iter().fold(0, |bits, s| bits | 1 << *s as u8);
    match (route, mail) {
        (Route::Checkout, true) => of(&[Mailer]),
        (_, true) => 0,
        (Route::Home | Route::Product, false) => of(&[Web, Catalog]),
        (Route::Cart, false) => of(&[Web, Cart]),
        (Route::Order, false) => of(&[Web, Orders]),
        (Route::Checkout, false) => of(&[Web, Checkout, Cart, Inventory, Orders, Payments]),
    }
}

/// Traces of a request of a route that may come to some services.
pub fn traces_of(route: Route, services: Services) -> usize {
    [false, true].into_iter().filter(|mail| reached(route, *mail) & services != 0).count()
}

/// Whether a request is one of those that stand for all.
pub const fn is_sampled(key: u64, one_in: u64) -> bool {
    one_in < 2 || hash(key, 0x7361_6d70).is_multiple_of(one_in)
}

impl Wanted {
    /// Whether a hop becomes a span that is wanted.
    pub fn has(self, hop: &Hop) -> bool {
        let info = hop.op.info();
        self.spans & 1 << info.service as u8 != 0 && self.kinds & 1 << info.kind as u8 != 0 && (!self.roots || hop.parent == NONE)
    }

    /// Whether that is so few hops that they are worth keeping.
    pub const fn is_narrow(self) -> bool {
        self.roots || (self.spans != Services::MAX && self.kinds != u8::MAX)
    }
}

struct Hops {
    wanted: Wanted,
    own: Vec<Hop>,
    mail: Vec<Hop>,
}

impl Observer for Hops {
    fn hop(&mut self, _: &Request, hop: &Hop) {
        if self.wanted.has(hop) {
            if hop.mail { &mut self.mail } else { &mut self.own }.push(*hop);
        }
    }
}

/// What is wanted of a block, by arrival.
pub fn walk(engine: &Engine, wanted: Wanted, block: i64) -> Arc<[Walked]> {
    let mut out = Vec::new();
    for second in block * BLOCK..(block + 1) * BLOCK {
        engine.model.some_arrivals(
            second,
            |key| is_sampled(key, wanted.one_in),
            |request| {
                if traces_of(request.route, wanted.traces) == 0 {
                    return;
                }
                let mut hops = Hops { wanted, own: Vec::new(), mail: Vec::new() };
                engine.observe(&request, &mut hops);
                for (mail, hops) in [(false, hops.own), (true, hops.mail)] {
                    if reached(request.route, mail) & wanted.traces != 0 && !hops.is_empty() {
                        out.push(Walked { request, mail, hops });
                    }
                }
            },
        );
    }
    out.into()
}

/// What was walked of a block, and when it was used last.
type Kept = BTreeMap<(Wanted, i64), (u64, Arc<[Walked]>)>;

/// What was walked. It is held while requests are walked, so that two questions do not walk the same.
#[derive(Default)]
pub struct Sampled(Mutex<(u64, Kept)>);

impl Sampled {
    /// What is wanted of the blocks `first..=last`, each by arrival.
    pub fn blocks(&self, engine: &Engine, wanted: Wanted, first: i64, last: i64) -> Vec<Arc<[Walked]>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (uses, kept) = &mut *held;
        *uses += 1;
        let missing: Vec<i64> = (first..=last).filter(|block| !kept.contains_key(&(wanted, *block))).collect();
        let made = parallel(&missing, |block| walk(engine, wanted, block));
        kept.extend(made.into_iter().map(|(block, walked)| ((wanted, block), (*uses, walked))));
        let used = kept.range_mut((wanted, first)..=(wanted, last)).map(|(_, entry)| {
            entry.0 = *uses;
            entry.1.clone()
        });
        let out = used.collect();
        forget(kept);
        out
    }
}

/// Forgets what was not used for the longest time until there is room.
fn forget(kept: &mut Kept) {
    let mut size: usize = kept.values().map(|(_, walked)| walked.len()).sum();
    while size > KEPT
        && let Some(oldest) = kept.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| *key)
    {
        size -= kept.remove(&oldest).map_or(0, |(_, walked)| walked.len());
    }
}
