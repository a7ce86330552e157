//! A Prometheus of a few series, to ask the sections' questions of and read their answers.

use std::time::Duration;

use crate::{
    demo::{
        memory::MemStore,
        promql::{Answer, Limits, Point, instant, parse, range},
    },
    model::{
        labels::Labels,
        series::{Sample, Vector},
        time::Timestamp,
    },
    views::infra::{
        section::{FIGURE, Level, Row, Section},
        subject::Subject,
    },
};

/// The instant that is looked at, in seconds.
pub(in crate::views::infra) const NOW: i64 = 100_000;
/// Samples are so far apart, in seconds.
const SCRAPE: i64 = 15;
/// Samples reach so far back, in seconds.
const PAST: i64 = 7200;

/// Series that a test gives.
#[derive(Default)]
pub(in crate::views::infra) struct World(MemStore);

impl World {
    /// A series that is always the same.
    pub(in crate::views::infra) fn gauge(self, series: &str, value: f64) -> Self {
        self.over(series, (NOW - PAST, NOW), |_| value)
    }

    /// A counter that grows by so much a second.
    pub(in crate::views::infra) fn counter(self, series: &str, rate: f64) -> Self {
        self.over(series, (NOW - PAST, NOW), |at| (at - NOW + PAST) as f64 * rate)
    }

    /// A series from one second to another, by its value at each.
    pub(in crate::views::infra) fn over(mut self, series: &str, (from, until): (i64, i64), value: impl Fn(i64) -> f64) -> Self {
        let samples = (from..=until).step_by(SCRAPE as usize).map(|at| (at * 1000, value(at))).collect();
        self.0.push(labels(series), samples);
        self
    }

    /// A series by the seconds since now, which are 0 or less.
    pub(in crate::views::infra) fn tell(&mut self, series: &[(&str, &str)], value: impl Fn(f64) -> f64) {
        let samples = (NOW - PAST..=NOW).step_by(SCRAPE as usize).map(|at| (at * 1000, value((at - NOW) as f64))).collect();
        self.0.push(series.iter().copied().collect(), samples);
    }

    /// The rows of a section.
    pub(in crate::views::infra) fn rows(&self, section: &Section, subject: &Subject) -> Vec<Row> {
        let Some(query) = (section.query)(subject) else { return Vec::new() };
        (section.read)(&self.answer(&query), subject, Timestamp::from_secs(NOW))
    }

    /// What is answered to a question.
    pub(in crate::views::infra) fn answer(&self, query: &str) -> Vector {
        let expr = parse(query).unwrap_or_else(|e| panic!("{e}: {query}"));
        let Answer::Vector(answer) = instant(&self.0, &expr, NOW * 1000, &Limits::default()).unwrap() else { panic!("no vector: {query}") };
        let at = Timestamp::from_secs(NOW);
        let elements = answer.into_iter().map(|(labels, point)| match point {
            Point::Float(value) => ((*labels).clone(), Sample { at, value }),
            Point::Histogram(_) => panic!("a histogram: {query}"),
        });
        Vector { elements: elements.collect(), warnings: Vec::new() }
    }

    /// How many lines each graph of a row has.
    pub(in crate::views::infra) fn lines(&self, section: &Section, row: &Row, subject: &Subject) -> Vec<(&'static str, usize)> {
        let graphs = (section.graphs)(row, subject).into_iter();
        let lines = graphs.map(|graph| {
            let expr = parse(&graph.query).unwrap_or_else(|e| panic!("{e}: {}", graph.query));
            let lines = range(&self.0, &expr, (NOW - 600) * 1000, NOW * 1000, 60_000, &Limits::default());
            (graph.title, lines.unwrap_or_else(|e| panic!("{e}: {}", graph.query)).len())
        });
        lines.collect()
    }

    /// The last value of each line of the graphs of a row, by the line's name.
    pub(in crate::views::infra) fn drawn(&self, section: &Section, row: &Row, subject: &Subject) -> Vec<String> {
        let drawn = (section.graphs)(row, subject).into_iter().map(|graph| {
            let lines = self.answer(&graph.query).elements;
            let line = |(labels, sample): &(Labels, Sample)| {
                format!("{} {}", labels.get(FIGURE).unwrap_or_default(), (sample.value * 1e6).round() / 1e6)
            };
            format!("{}: {}", graph.title, lines.iter().map(line).collect::<Vec<_>>().join(", "))
        });
        drawn.collect()
    }
}

/// A service's subject.
pub(in crate::views::infra) fn subject(service: Option<&str>) -> Subject {
    let (over, reach) = (Duration::from_secs(300), Duration::from_secs(3600));
    Subject { service: service.map(Into::into), over, reach, ..Subject::default() }
}

/// `name{label="value", …}` as labels.
fn labels(series: &str) -> Labels {
    let (name, inner) = series.split_once('{').unwrap_or((series, "}"));
    let mut out = Labels::new();
    out.set("__name__", name);
    for pair in inner.trim_end_matches('}').split(", ").filter(|pair| !pair.is_empty()) {
        let (label, value) = pair.split_once('=').unwrap_or_else(|| panic!("{series}"));
        out.set(label, value.trim_matches('"'));
    }
    out
}

/// A row as a test reads it: its name, its level, its cells, the reason.
pub(in crate::views::infra) fn told(row: &Row) -> String {
    let figures: Vec<&str> = row.figures.iter().map(|f| f.text.as_str()).collect();
    format!("{} {:?} | {} | {}", row.name, row.level, figures.join(" | "), row.why())
}

/// A row's cell below a heading.
pub(in crate::views::infra) fn cell<'r>(section: &Section, row: &'r Row, title: &str) -> (&'r str, Level) {
    let column = section.columns.iter().position(|column| column.title == title).unwrap();
    let figure = &row.figures[column - 1];
    (&figure.text, figure.level)
}
