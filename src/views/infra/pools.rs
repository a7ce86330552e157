//! Pools: what is taken of a bounded lot, who waits for one, and the connections of stores that many share.

mod question;

use std::collections::BTreeMap;

use self::question::{
    BEFORE, BLOCKED, CALLED, HOUR, KIND, LOST, MEMORY, MEMORY_LIMIT, METRIC, NAMES, NOW, OWN, PENDING, SIZE, STORE_SIZE, STORE_USED, USED,
    WAITS, question,
};
use super::{
    section::{FIGURE, Figure, Graph, Level, NEARLY, Row, Section, Told, sort},
    subject::Subject,
};
use crate::{
    model::{labels::Labels, series::Vector, time::Timestamp},
    ui::{format, table::Column},
};

/// The section.
pub(super) static POOLS: Section = Section { name: "pools", columns: &COLUMNS, query: question, read, graphs };

/// Left out in this order when the page is narrow.
const COLUMNS: [Column<'static>; 6] = [
    Column::text("POOL", 18, 36),
    Column::text("OF", 14, 34).drop(2),
    Column::number("USED", 11),
    Column::number("WAITING", 8),
    Column::number("TIMEOUTS 1H", 11).drop(3),
    Column::text("WHY HERE", 14, u16::MAX).drop(1),
];

/// What a kind of pool is called, and what is taken of it.
struct Kind {
    kind: &'static str,
    name: &'static str,
    takes: &'static str,
    /// Whose: a process', or a store's that many share.
    is_store: bool,
    /// It grows with its work: with all of it taken it is not full before something waits, and what waits while some are
    /// free is not due yet, as the tasks of a scheduler.
    grows: bool,
}

const fn pool(kind: &'static str, name: &'static str, takes: &'static str) -> Kind {
    Kind { kind, name, takes, is_store: false, grows: false }
}

const fn store(kind: &'static str, name: &'static str, takes: &'static str) -> Kind {
    Kind { kind, name, takes, is_store: true, grows: false }
}

static KINDS: [Kind; 11] = [
    pool("hikaricp", "HikariCP", "connection"),
    pool("db_client", "DB client", "connection"),
    pool("pgxpool", "pgx", "connection"),
    pool("go_sql", "database/sql", "connection"),
    pool("r2dbc", "R2DBC", "connection"),
    pool("tomcat", "Tomcat", "thread"),
    pool("jetty", "Jetty", "thread"),
    Kind { grows: true, ..pool("executor", "executor", "thread") },
    store("pg", "Postgres", "connection"),
    store("mysql", "MySQL", "connection"),
    store("redis", "Redis", "client"),
];

/// What is known of a pool or store.
struct Pool<'v> {
    kind: &'static Kind,
    labels: Labels,
    used: Option<f64>,
    size: Option<f64>,
    pending: Option<f64>,
    /// Counters of who had to wait and who gave up: now, and the least that they were within a window or an hour.
    waits: [Option<f64>; 2],
    lost: [Option<f64>; 2],
    memory: Option<f64>,
    memory_limit: Option<f64>,
    /// Its service's connections by what they do.
    own: Vec<(&'v str, f64)>,
    /// Length of the window in seconds.
    over: f64,
}

/// What a counter has counted since it was least: a process that begins anew counts from 0.
fn counted([now, least]: [Option<f64>; 2]) -> Option<f64> {
    Some((now? - least?).max(0.0))
}

impl<'v> Pool<'v> {
    fn new(kind: &'static Kind, labels: Labels, over: f64) -> Self {
        let (used, size, pending, memory, memory_limit) = Default::default();
        Self { kind, labels, used, size, pending, waits: [None; 2], lost: [None; 2], memory, memory_limit, own: Vec::new(), over }
    }

    /// Takes what a part of the answer says.
    fn learn(&mut self, part: &str, metric: &str, state: &'v str, value: f64) {
        let figure = match part {
            OWN => return self.own.push((state, value)),
            NOW if USED.contains(&metric) || STORE_USED.contains(&metric) => &mut self.used,
            NOW if SIZE.contains(&metric) || STORE_SIZE.contains(&metric) => &mut self.size,
            NOW if PENDING.contains(&metric) || metric == BLOCKED => &mut self.pending,
            NOW if metric == MEMORY => &mut self.memory,
            NOW if metric == MEMORY_LIMIT => &mut self.memory_limit,
            NOW if WAITS.contains(&metric) => &mut self.waits[0],
            NOW if LOST.contains(&metric) => &mut self.lost[0],
            BEFORE => &mut self.waits[1],
            HOUR => &mut self.lost[1],
            _ => return,
        };
        *figure = Some(figure.unwrap_or_default() + value);
    }

    /// How many had to wait, a second.
    fn waits(&self) -> Option<f64> {
        counted(self.waits).map(|waits| waits / self.over)
    }

    /// The share taken; nothing bounds a pool of 0 or less.
    fn share(&self) -> Option<f64> {
        self.size.filter(|size| *size > 0.0).map(|size| self.used.unwrap_or_default() / size)
    }

    fn is_full(&self) -> bool {
        self.share().is_some_and(|share| share >= 1.0)
    }

    /// How many wait for one.
    fn pending(&self) -> Option<f64> {
        self.pending.filter(|_| !self.kind.is_store)
    }

    /// What is not well about it.
    fn trouble(&self) -> Option<(Level, String)> {
        let (full, takes) = (self.is_full(), self.kind.takes);
        let pending = self.pending().filter(|pending| *pending >= 0.5).map(|pending| format!("{} wait for a {takes}", number(pending)));
        let waits = self.waits().filter(|waits| *waits > 0.0).map(|waits| format!("{} wait for a {takes}", format::rate(waits)));
        match (pending.or(waits), self.share()) {
            (Some(wait), _) if full => Some((Level::Bad, format!("full: {wait}"))),
            (Some(wait), _) if !self.kind.grows => Some((Level::Warn, wait)),
            (None, _) if full && self.kind.is_store => Some((Level::Bad, "full".to_owned())),
            (None, _) if full && !self.kind.grows => Some((Level::Warn, format!("every {takes} is taken"))),
            (None, Some(share)) if share >= NEARLY && !self.kind.grows => {
                Some((Level::Warn, format!("{} of its {takes}s are taken", format::percent(share))))
            }
            _ => None,
        }
    }

    /// The service's share of a store, or why it may have none.
    fn whose(&self, service: Option<&str>, called: &[&str]) -> Option<String> {
        let service = service.filter(|_| self.kind.is_store)?;
        if self.own.is_empty() {
            let calls = called.contains(&self.kind.kind);
            return Some(if calls {
                format!("{service} calls a {}", self.kind.name)
            } else {
                format!("not known to be used by {service}")
            });
        }
        let count: f64 = self.own.iter().map(|(_, count)| count).sum();
        let active = self.own.iter().filter(|(state, _)| *state == "active").map(|(_, count)| format!(", {} active", number(*count)));
        Some(format!("{} of {service}{}", number(count), active.collect::<String>()))
    }

    fn told_memory(&self) -> Option<(Level, String)> {
        let (used, limit) = (self.memory?, self.memory_limit.filter(|limit| *limit > 0.0)?);
        let level = if used / limit >= NEARLY { Level::Warn } else { Level::Fine };
        Some((level, format!("memory {} / {}", format::bytes(used), format::bytes(limit))))
    }

    fn row(&self, subject: &Subject, called: &[&str]) -> Row {
        let label = |names: &[&str]| names.iter().find_map(|name| self.labels.get(name)).filter(|value| !value.is_empty());
        let of = label(if self.kind.is_store { &["server", "instance"] } else { &["pod", "instance", "job"] });
        let name = match label(&NAMES).filter(|_| !self.kind.is_store) {
            Some(name) => format!("{} {name}", self.kind.name),
            None => format!("{} {}s", self.kind.name, self.kind.takes),
        };
        let mut row = Row::new(format!("{} {}", self.kind.kind, self.labels), name, self.labels.clone());
        let trouble = self.trouble();
        let level = trouble.as_ref().map_or(Level::Fine, |(level, _)| *level);
        row.add(Figure::new(of.unwrap_or(format::MISSING)));
        row.add(Figure::used(self.used, self.size, number).at(level));
        row.add(match (self.pending, self.waits()) {
            (None, Some(waits)) => Figure::new(format::rate(waits)).at(if waits > 0.0 { level } else { Level::Fine }),
            (pending, _) => Figure::told(pending, number).at(if pending.is_some_and(|p| p >= 0.5) { level } else { Level::Fine }),
        });
        let lost = counted(self.lost);
        let some = lost.filter(|lost| *lost >= 1.0);
        row.add(Figure::told(lost, number).at(if some.is_some() { level.max(Level::Warn) } else { Level::Fine }));
        if let Some((level, words)) = trouble {
            row.because(level, words);
        }
        if let Some(lost) = some {
            row.because(Level::Warn, format!("{} in 1h", format::counted(lost as usize, "timeout")));
        }
        for (level, words) in self.told_memory().into_iter().chain(self.whose(subject.service.as_deref(), called).map(|w| (Level::Fine, w)))
        {
            row.because(level, words);
        }
        row
    }
}

fn number(v: f64) -> String {
    format::without_zeros(&format::number(v))
}

fn read(vector: &Vector, subject: &Subject, _now: Timestamp) -> Vec<Row> {
    let told = Told::new(vector);
    let called: Vec<&str> = told.of(CALLED).iter().filter_map(|(labels, _)| labels.get(KIND)).collect();
    let mut pools: BTreeMap<(&str, Labels), Pool<'_>> = BTreeMap::new();
    let over = subject.over.as_secs_f64();
    for (part, series) in told.all() {
        for (labels, value) in series {
            let named = labels.get("__name__").or_else(|| labels.get(METRIC));
            let metric = if part == OWN { STORE_USED[0] } else { named.unwrap_or_default() };
            let Some(kind) = KINDS.iter().find(|kind| metric.starts_with(kind.kind)) else { continue };
            let mut named = (*labels).clone();
            [FIGURE, METRIC, "__name__", "state"].iter().for_each(|label| named.remove(label));
            let pool = pools.entry((kind.kind, named.clone())).or_insert_with(|| Pool::new(kind, named, over));
            pool.learn(part, metric, labels.get("state").unwrap_or_default(), *value);
        }
    }
    let mut rows: Vec<Row> = pools.values().filter(|pool| pool.used.is_some()).map(|pool| pool.row(subject, &called)).collect();
    if subject.service.is_none() {
        rows.retain(|row| row.level >= Level::Warn);
    }
    sort(&mut rows);
    rows
}

fn graphs(row: &Row, subject: &Subject) -> Vec<Graph> {
    let kind = KINDS.iter().find(|kind| row.key.starts_with(kind.kind));
    kind.map(|kind| question::graphs(kind.kind, &row.place, kind.is_store, subject.over)).unwrap_or_default()
}
