//! Queues: how much waits for a consumer, how fast that is taken, and whether it grows.

mod question;

use std::{collections::BTreeMap, time::Duration};

use self::question::{BEFORE, BEHIND, CLIENT_WAITING, CONSUMERS, GROUPS, NOW, OFFSET, QUEUES as NAMES, TAKEN, UNACKED, WAITING, question};
use super::{
    section::{FIGURE, Figure, Graph, Level, Row, Section, Told, sort, together},
    subject::Subject,
};
use crate::{
    model::{labels::Labels, series::Vector, time::Timestamp},
    ui::{chart::Unit, format, table::Column},
};

/// The section.
pub(super) static QUEUES: Section = Section { name: "queues", columns: &COLUMNS, query: question, read, graphs };

/// Left out in this order when the page is narrow.
const COLUMNS: [Column<'static>; 8] = [
    Column::text("QUEUE", 18, 44),
    Column::text("GROUP", 10, 28).drop(3),
    Column::number("WAITING", 8),
    Column::number("TAKEN", 9),
    Column::number("GROWS", 9).drop(2),
    Column::number("DRAINS IN", 9),
    Column::number("CONSUMERS", 9).drop(4),
    Column::text("WHY HERE", 14, u16::MAX).drop(1),
];

/// Fewer than this are on their way, not waiting: markers of Kafka's transactions count as well.
const FEW: f64 = 10.0;
/// From this many seconds on a queue is behind, and from this on it is far behind.
const LATE: f64 = 60.0;
const TOO_LATE: f64 = 600.0;
/// A change below this share of what is taken is none: queues go up and down.
const STEADY: f64 = 0.05;
/// The same as a share of what waits, over the window, where what is taken is not told.
const GROWN: f64 = 0.1;

/// What is known of a queue, of one group where several read it.
#[derive(Default)]
struct Queue {
    labels: Labels,
    waiting: Option<f64>,
    /// How much did a window ago.
    before: Option<f64>,
    /// Up to where it was taken, now and a window ago.
    offset: Option<f64>,
    earlier: Option<f64>,
    /// Taken a second, by who takes it.
    rate: Option<f64>,
    consumers: Option<f64>,
    unacked: Option<f64>,
    /// Seconds that what is taken now has waited, by who knows.
    late: Option<f64>,
    /// Length of the window in seconds.
    over: f64,
}

impl Queue {
    /// Takes what a part of the answer says. Of what two exporters tell of a queue, the greater counts.
    fn learn(&mut self, part: &str, metric: &str, value: f64) {
        let figure = match part {
            NOW if WAITING.contains(&metric) || metric == CLIENT_WAITING => &mut self.waiting,
            NOW if OFFSET.contains(&metric) => &mut self.offset,
            NOW if CONSUMERS.contains(&metric) => &mut self.consumers,
            NOW if UNACKED.contains(&metric) => &mut self.unacked,
            BEHIND => &mut self.late,
            BEFORE if WAITING.contains(&metric) => &mut self.before,
            BEFORE if OFFSET.contains(&metric) => &mut self.earlier,
            TAKEN => &mut self.rate,
            _ => return,
        };
        *figure = Some(figure.map_or(value, |other| other.max(value)));
    }

    fn waiting(&self) -> f64 {
        self.waiting.unwrap_or_default()
    }

    /// Taken a second. Who sets an offset back takes nothing.
    fn taken(&self) -> Option<f64> {
        let by_offset = || Some((self.offset? - self.earlier?) / self.over);
        self.rate.or_else(by_offset).filter(|taken| *taken >= 0.0)
    }

    /// Change a second, 0 where it is one that queues always have.
    fn grows(&self) -> Option<f64> {
        let grows = (self.waiting() - self.before?) / self.over;
        let steady = match self.taken() {
            Some(taken) => STEADY * taken,
            None => GROWN * self.waiting() / self.over,
        };
        Some(if grows.abs() > steady.max(FEW / self.over) { grows } else { 0.0 })
    }

    /// Seconds that what is taken now has waited; infinite where nothing is taken.
    fn behind(&self) -> Option<f64> {
        self.late.or_else(|| Some(if self.waiting() > 0.0 { self.waiting() / self.taken()? } else { 0.0 }))
    }

    fn is_late(&self) -> bool {
        self.waiting() >= FEW && self.behind().is_some_and(|behind| behind >= LATE)
    }

    /// Seconds until it is empty, as it goes now: while it shrinks by that, else as if nothing more came.
    fn drains(&self) -> Option<f64> {
        match self.grows() {
            _ if self.waiting() <= 0.0 => Some(0.0),
            Some(grows) if grows < 0.0 => Some(self.waiting() / -grows),
            Some(grows) if grows > 0.0 && self.is_late() => Some(f64::INFINITY),
            _ => self.taken().map(|taken| self.waiting() / taken),
        }
    }

    /// What is not well about it.
    fn trouble(&self) -> Option<(Level, String)> {
        if self.waiting() >= 1.0 && self.consumers == Some(0.0) {
            return Some((Level::Bad, "no consumer".to_owned()));
        }
        let grows = self.grows().filter(|grows| *grows > 0.0);
        let growing = grows.map(|grows| format!("grows {}", format::rate(grows)));
        let waits = self.waiting() >= FEW;
        match (self.behind(), growing) {
            (Some(behind), Some(growing)) if waits && behind.is_infinite() => Some((Level::Bad, format!("nothing is taken, {growing}"))),
            (Some(behind), None) if waits && behind.is_infinite() => {
                let over = format::span(Duration::from_secs_f64(self.over));
                Some((Level::Warn, format!("nothing was taken in {over}")))
            }
            (Some(behind), Some(growing)) if self.is_late() => {
                let level = if behind >= TOO_LATE { Level::Bad } else { Level::Warn };
                Some((level, format!("{growing}: never drains")))
            }
            (Some(behind), None) if self.is_late() => Some((Level::Warn, format!("{} behind", format::seconds(behind)))),
            (None, Some(growing)) if waits => Some((Level::Warn, growing)),
            _ => None,
        }
    }

    fn label(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.labels.get(name)).filter(|value| !value.is_empty())
    }

    fn row(&self) -> Row {
        let group = self.label(&GROUPS);
        let name = self.label(&NAMES).or(group).unwrap_or(format::MISSING);
        let mut row = Row::new(self.labels.to_string(), name, self.labels.clone());
        let trouble = self.trouble();
        let level = trouble.as_ref().map_or(Level::Fine, |(level, _)| *level);
        row.add(Figure::new(group.unwrap_or(format::MISSING)));
        row.add(Figure::told(self.waiting, number).at(level));
        row.add(Figure::told(self.taken(), format::rate));
        let grows = self.grows();
        let shown = Figure::told(grows, |v| format!("{}{}", if v > 0.0 { "+" } else { "" }, format::rate(v)));
        row.add(shown.at(if grows.is_some_and(|v| v > 0.0) { level } else { Level::Fine }));
        let drains = |v: f64| if v.is_finite() { format::seconds(v) } else { "never".to_owned() };
        row.add(Figure::told(self.drains(), drains).at(level));
        let none = self.consumers == Some(0.0) && level > Level::Fine;
        row.add(Figure::told(self.consumers, number).at(if none { level } else { Level::Fine }));
        if let Some((level, words)) = trouble {
            row.because(level, words);
        }
        if let Some(unacked) = self.unacked.filter(|unacked| *unacked >= 1.0) {
            row.because(Level::Fine, format!("{} delivered and not acknowledged", number(unacked)));
        }
        row
    }
}

fn number(v: f64) -> String {
    format::without_zeros(&format::number(v))
}

fn read(vector: &Vector, subject: &Subject, _now: Timestamp) -> Vec<Row> {
    let mut queues: BTreeMap<Labels, Queue> = BTreeMap::new();
    for (part, series) in Told::new(vector).all() {
        for (labels, value) in series {
            let named = queues.entry(without(labels, &[FIGURE, "__name__", "instance"])).or_default();
            named.learn(part, labels.get("__name__").unwrap_or_default(), *value);
        }
    }
    // Kafka counts the members of a group, not the readers of a topic.
    let members: BTreeMap<Labels, f64> = queues.iter().filter_map(|(labels, queue)| Some((labels.clone(), queue.consumers?))).collect();
    let over = subject.over.as_secs_f64();
    let mut rows = Vec::new();
    for (labels, queue) in queues.into_iter().filter(|(_, queue)| queue.waiting.is_some()) {
        let consumers = queue.consumers.or_else(|| members.get(&without(&labels, &NAMES)).copied());
        rows.push(Queue { labels, consumers, over, ..queue }.row());
    }
    if subject.service.is_none() {
        rows.retain(|row| row.level >= Level::Warn);
    }
    sort(&mut rows);
    rows
}

fn without(labels: &Labels, names: &[&str]) -> Labels {
    let mut labels = labels.clone();
    names.iter().for_each(|name| labels.remove(name));
    labels
}

fn graphs(row: &Row, subject: &Subject) -> Vec<Graph> {
    let [waiting, taken, come, behind] = question::lines(&row.place, subject.over);
    let graph = |title, unit, parts: Vec<(&str, String)>| Graph { title, query: together(parts), unit };
    vec![
        graph("waiting", Unit::Plain, vec![("waiting", waiting)]),
        graph("a second", Unit::Rate, vec![("taken", taken), ("come", come)]),
        graph("behind", Unit::Seconds, vec![("behind", behind)]),
    ]
}
