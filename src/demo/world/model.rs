//! The world at every instant: pods, speeds, failures and traffic, as piecewise constant epochs.

use super::{
    jobs::Ends,
    rng::{Dist, hash, normal_quantile, unit},
    scenario::{Scenario, What},
    shop::{NODES, OP, OPS, REPLICAS, ROUTES, Route, SERVICE, SERVICES, Service},
};
use crate::model::time::Timestamp;

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
pub const MS: i64 = 1_000_000;
/// How long before the start the world begins.
const AGE: i64 = 25 * 3_600 * SECOND;
/// Between the replacements of two pods in a deploy.
const ROLL: i64 = 12 * SECOND;
/// From the start of a pod's process until it is ready.
pub const STARTING: i64 = 9 * SECOND;
/// From when a pod is told to end until it has.
pub const GRACE: i64 = 30 * SECOND;
/// From a pod's creation until its process starts, at least: it is scheduled, and its image is pulled.
const PULLING: i64 = 16 * SECOND;

/// Index into [`Model::pods`].
pub type PodId = u8;

/// One pod; a deploy makes new ones.
#[derive(Clone, Debug)]
pub struct Pod {
    pub service: Service,
    pub name: String,
    pub version: String,
    pub node: usize,
    pub ip: String,
    /// When it was created, nanoseconds.
    pub created: i64,
    /// When its process started.
    pub born: i64,
    /// When its process ended.
    pub gone: Option<i64>,
    /// Connections in its pool; 0 without one.
    pub pool: u32,
    /// Who has waited for one as long as the pool lets them gets one of a reserve, in place of an exception.
    pub reserve: bool,
}

impl Pod {
    /// The image of its container.
    pub fn image(&self) -> String {
        format!("registry.example/shop/{}:{}", self.service.info().name, self.version)
    }
}

/// Everything that is constant between two changes.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// From when, nanoseconds.
    pub from: i64,
    /// The pods that take requests.
    pub pods: [[PodId; REPLICAS]; SERVICES],
    /// Requests a second at the base of the daily shape, by route.
    rates: [f64; 5],
    /// Own time is multiplied by this, by operation and pod.
    slow: Vec<f32>,
    /// Share of failures, by operation and pod.
    fail: Vec<f32>,
    /// What is added to the own time, shortest and longest, by operation and pod; empty where nothing is.
    delays: Vec<(i64, i64)>,
    /// Reads from a node's disk take so many times longer.
    disks: [f64; NODES.len()],
}

impl Epoch {
    /// Share of the time in which a node's disk is busy.
    pub fn disk_busy(&self, node: usize) -> f64 {
        1.0 - self.disk_idle(node)
    }

    fn disk_idle(&self, node: usize) -> f64 {
        0.97 / self.disks[node].max(1.0)
    }

    /// How many wait for a node's disk on average, when somebody does as long as it is busy and each comes by himself
    /// (Poisson).
    pub fn disk_queue(&self, node: usize) -> f64 {
        -self.disk_idle(node).ln()
    }
}

/// The world without its requests.
#[derive(Debug)]
pub struct Model {
    pub seed: u64,
    /// The instant at which the demo starts.
    pub start: i64,
    /// Before this there is nothing.
    pub birth: i64,
    pub onset: i64,
    /// How long a purchase waits for orders, retries included.
    pub patience: i64,
    pub pods: Vec<Pod>,
    pub epochs: Vec<Epoch>,
    pub dists: Vec<Dist>,
    /// When batch jobs have ended.
    pub ends: Ends,
}

/// A request at the edge.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Second and index within it: `second << 18 | index`.
    pub key: u64,
    /// When it arrives, nanoseconds.
    pub at: i64,
    pub route: Route,
    /// Key of all its random numbers.
    pub rng: u64,
}

impl Request {
    /// A number that depends on the request and a purpose only.
    pub const fn draw(&self, salt: u64) -> u64 {
        hash(self.rng, salt)
    }
}

/// Bits of a request's key that number the requests of a second.
pub const INDEX_BITS: u32 = 18;

impl Model {
    /// The world of a scenario.
    pub fn new(scenario: &Scenario, seed: u64, start: Timestamp) -> Self {
        let onset = start.0 + scenario.onset;
        let birth = start.0 - AGE;
        let mut model = Self {
            seed,
            start: start.0,
            birth,
            onset,
            patience: scenario.patience,
            pods: Vec::new(),
            epochs: Vec::new(),
            dists: Vec::new(),
            ends: Ends::default(),
        };
        model.dists = OP.iter().map(|op| Dist::new(op.own_ms.0, op.own_ms.1)).collect();
        let mut pods = [[0; REPLICAS]; SERVICES];
        for info in &SERVICE {
            for (replica, pod) in pods[info.service as usize].iter_mut().enumerate() {
                let age = (2 * 86_400 + (hash(seed, 40 + info.service as u64) % (7 * 86_400)) as i64) * SECOND + replica as i64 * ROLL;
                *pod = model.add_pod(info.service, info.version, birth - age, (info.pool.unwrap_or(0), false), replica);
            }
        }
        let mut steps: Vec<(i64, [[PodId; REPLICAS]; SERVICES])> = vec![(i64::MIN, pods)];
        model.deploy(scenario, &mut steps);
        for (at, until) in scenario.changes.iter().filter(|c| !matches!(c.what, What::Deploy { .. })).map(|c| (c.at, c.until)) {
            for t in [Some(at), until].into_iter().flatten() {
                let t = onset + t;
                let pods = steps.iter().rev().find(|s| s.0 <= t).map_or(pods, |s| s.1);
                steps.push((t, pods));
                steps.sort_by_key(|s| s.0);
            }
        }
        steps.dedup_by_key(|s| s.0);
        model.epochs = steps.into_iter().map(|(from, pods)| model.epoch(scenario, from, pods)).collect();
        model
    }

    fn deploy(&mut self, scenario: &Scenario, steps: &mut Vec<(i64, [[PodId; REPLICAS]; SERVICES])>) {
        let mut deploys: Vec<_> = scenario.changes.iter().filter(|c| matches!(c.what, What::Deploy { .. })).collect();
        deploys.sort_by_key(|c| c.at);
        for change in deploys {
            let What::Deploy { service, version, replicas, pool, reserve } = &change.what else { continue };
            for replica in 0..*replicas {
                let at = self.onset + change.at + replica as i64 * ROLL;
                let Some((_, mut pods)) = steps.last().copied() else { continue };
                let old = pods[*service as usize][replica];
                self.pods[old as usize].gone = Some(at + GRACE);
                let before = &self.pods[old as usize];
                let pool = (pool.unwrap_or(before.pool), reserve.unwrap_or(before.reserve));
                pods[*service as usize][replica] = self.add_pod(*service, version, at - STARTING, pool, replica);
                steps.push((at, pods));
            }
        }
    }

    fn add_pod(&mut self, service: Service, version: &str, born: i64, (pool, reserve): (u32, bool), replica: usize) -> PodId {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let word = |mut bits: u64, n: usize| -> String {
            (0..n)
                .map(|_| {
                    let c = ALPHABET[(bits % ALPHABET.len() as u64) as usize];
                    bits /= ALPHABET.len() as u64;
                    char::from(c)
                })
                .collect()
        };
        let set = version.bytes().fold(service as u64 + 7, |h, b| hash(h, u64::from(b)));
        let id = self.pods.len();
        let bits = hash(self.seed ^ set, 3 + replica as u64);
        let node = (service as usize + replica + usize::from(bits.is_multiple_of(5))) % NODES.len();
        let taken =
            |node: usize| self.pods.iter().any(|p| p.service == service && p.version == version && p.gone.is_none() && p.node == node);
        // Pods of one version keep to nodes of their own while there are some.
        let node = (0..NODES.len()).map(|n| (node + n) % NODES.len()).find(|n| !taken(*n)).unwrap_or(node);
        let name = format!("{}-{}-{}", service.info().name, word(set, 9), word(bits, 5));
        let ip = format!("10.42.{node}.{}", 10 + id);
        let created = born - PULLING - (bits >> 32) as i64 % 12 * SECOND;
        self.pods.push(Pod { service, name, version: version.to_owned(), node, ip, created, born, gone: None, pool, reserve });
        id as PodId
    }

    fn epoch(&self, scenario: &Scenario, from: i64, pods: [[PodId; REPLICAS]; SERVICES]) -> Epoch {
        let n = self.pods.len();
        let mut epoch = Epoch {
            from,
            pods,
            rates: ROUTES.map(|r| r.2),
            slow: vec![1.0; OPS * n],
            fail: vec![0.0; OPS * n],
            delays: Vec::new(),
            disks: [1.0; NODES.len()],
        };
        for op in &OP {
            for (id, pod) in self.pods.iter().enumerate() {
                epoch.slow[op.op as usize * n + id] = if op.peer.is_some() { 1.0 } else { NODES[pod.node].1 as f32 };
                epoch.fail[op.op as usize * n + id] = op.fail;
            }
        }
        let active = |c: &&super::scenario::Change| self.onset + c.at <= from && c.until.is_none_or(|u| from < self.onset + u);
        for change in scenario.changes.iter().filter(active) {
            let (place, slow, fail, delay) = match &change.what {
                What::Slow { place, factor } => (place, *factor as f32, 0.0, (0, 0)),
                What::Delay { place, least, most } => (place, 1.0, 0.0, (*least, *most)),
                What::Errors { place, share } => (place, 1.0, *share as f32, (0, 0)),
                What::Traffic { route, factor } => {
                    for (rate, (_, op, _)) in epoch.rates.iter_mut().zip(ROUTES) {
                        if route.as_deref().is_none_or(|r| r == op.info().name) {
                            *rate *= factor;
                        }
                    }
                    continue;
                }
                What::Disk { service, replica, factor } => {
                    let node = self.pods[pods[*service as usize][*replica] as usize].node;
                    epoch.disks[node] *= factor;
                    self.slow_disk(&mut epoch, node, *factor as f32);
                    continue;
                }
                What::Deploy { .. } => continue,
            };
            if delay.1 > 0 {
                epoch.delays.resize(OPS * n, (0, 0));
            }
            for op in OP.iter().filter(|op| place.covers(op)) {
                for (id, pod) in self.pods.iter().enumerate().filter(|(_, p)| p.service == op.service) {
                    let here = place.node.as_deref().is_none_or(|n| n == NODES[pod.node].0)
                        && place.version.as_deref().is_none_or(|v| v == pod.version);
                    if !here {
                        continue;
                    }
                    let cell = op.op as usize * n + id;
                    epoch.slow[cell] *= slow;
                    epoch.fail[cell] = (epoch.fail[cell] + fail).min(1.0);
                    if let Some(all) = epoch.delays.get_mut(cell) {
                        *all = (all.0 + delay.0, all.1 + delay.1);
                    }
                }
            }
        }
        epoch
    }

    /// Slows down what the pods of a node read from its disk.
    fn slow_disk(&self, epoch: &mut Epoch, node: usize, factor: f32) {
        for op in OP.iter().filter(|op| op.is_work() && op.service.reads_disk()) {
            for (id, _) in self.pods.iter().enumerate().filter(|(_, p)| p.service == op.service && p.node == node) {
                epoch.slow[op.op as usize * self.pods.len() + id] *= factor;
            }
        }
    }

    /// The first instant at which the world is not as it always was.
    pub fn first_change(&self) -> Option<i64> {
        self.epochs.get(1).map(|e| e.from)
    }

    /// The epoch of an instant.
    pub fn epoch_at(&self, t: i64) -> &Epoch {
        let mut i = self.epochs.len() - 1;
        while i > 0 && self.epochs[i].from > t {
            i -= 1;
        }
        &self.epochs[i]
    }

    /// Index into an epoch's tables.
    fn cell(&self, op: usize, pod: PodId) -> usize {
        op * self.pods.len() + pod as usize
    }

    /// Own time of an operation in a pod, nanoseconds, for 64 random bits. Bounded, so that a request ends.
    pub fn own(&self, epoch: &Epoch, op: super::shop::Op, pod: PodId, bits: u64) -> i64 {
        let cell = self.cell(op as usize, pod);
        let ns = self.dists[op as usize].sample(bits) * epoch.slow[cell];
        let delay = epoch.delays.get(cell).map_or(0, |(least, most)| least + (unit(hash(bits, 88)) * (most - least) as f64) as i64);
        (ns as i64 + delay).clamp(1_000, 20 * SECOND)
    }

    /// Share of an operation's requests that fail in a pod.
    pub fn fail(&self, epoch: &Epoch, op: super::shop::Op, pod: PodId) -> f32 {
        epoch.fail[self.cell(op as usize, pod)]
    }

    /// Traffic relative to the base: a day's shape with its peak at the start, a week's, and the noise of a minute.
    fn shape(&self, second: i64) -> f64 {
        let days = (second - self.start / SECOND) as f64 / 86_400.0;
        let trough = (1.0 - (std::f64::consts::TAU * days).cos()) / 2.0;
        let week = 1.0 - 0.04 * (1.0 - (std::f64::consts::TAU * days / 7.0).cos());
        let noise = 0.03 * (unit(hash(self.seed ^ 0x6e6f_6973, (second / 60) as u64)) - 0.5);
        (1.0 - 0.5 * trough * trough) * week * (1.0 + noise)
    }

    /// Traffic at an instant relative to its base, changes of the scenario included.
    pub fn load(&self, at: i64) -> f64 {
        let base: f64 = ROUTES.iter().map(|r| r.2).sum();
        self.shape(at.div_euclid(SECOND)) * self.epoch_at(at).rates.iter().sum::<f64>() / base
    }

    /// Calls with the requests that arrive in a second, in the order of arrival.
    pub fn arrivals(&self, second: i64, each: impl FnMut(Request)) {
        self.some_arrivals(second, |_| true, each);
    }

    /// Those of them whose key is one to look at.
    pub fn some_arrivals(&self, second: i64, is_one: impl Fn(u64) -> bool, mut each: impl FnMut(Request)) {
        let epoch = self.epoch_at(second * SECOND);
        let (count, total) = self.count(epoch, second);
        for index in (0..count).filter(|index| is_one((second as u64) << INDEX_BITS | index)) {
            each(self.request_of(epoch, total, second, index, count));
        }
    }

    /// About how many requests arrive in a second, each counted as often as its route says.
    pub fn about(&self, second: i64, weight: impl Fn(Route) -> usize) -> f64 {
        let epoch = self.epoch_at(second * SECOND);
        let (count, total) = self.count(epoch, second);
        let weighted: f64 = ROUTES.iter().zip(epoch.rates).map(|((route, ..), rate)| weight(*route) as f64 * rate).sum();
        count as f64 * weighted / total
    }

    /// The request of a key, if there is one.
    pub fn request(&self, key: u64) -> Option<Request> {
        let second = (key >> INDEX_BITS) as i64;
        let index = key & ((1 << INDEX_BITS) - 1);
        let epoch = self.epoch_at(second * SECOND);
        let (count, total) = self.count(epoch, second);
        (index < count).then(|| self.request_of(epoch, total, second, index, count))
    }

    /// Requests of a second, and the sum of all routes' rates.
    fn count(&self, epoch: &Epoch, second: i64) -> (u64, f64) {
        let total: f64 = epoch.rates.iter().sum();
        let mean = total * self.shape(second);
        let p = unit(hash(self.seed, second as u64)).clamp(1e-6, 1.0 - 1e-6);
        ((mean + mean.sqrt() * normal_quantile(p)).round().max(0.0) as u64, total)
    }

    fn request_of(&self, epoch: &Epoch, total: f64, second: i64, index: u64, count: u64) -> Request {
        let key = (second as u64) << INDEX_BITS | index;
        let rng = hash(self.seed.rotate_left(17), key);
        let slot = SECOND as f64 / count as f64;
        let at = second * SECOND + ((index as f64 + unit(hash(rng, 1))) * slot) as i64;
        let mut x = unit(hash(rng, 2)) * total;
        let mut route = Route::Home;
        for ((r, _, _), rate) in ROUTES.iter().zip(epoch.rates) {
            route = *r;
            x -= rate;
            if x < 0.0 {
                break;
            }
        }
        Request { key, at, route, rng }
    }
}
