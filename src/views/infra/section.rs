//! What the sections of the Infra page have in common: a question, the rows that its answer is read as, the graphs of a row.
//!
//! A section asks everything in one question: what a series is says the label [`FIGURE`]. It shows utilisation, saturation
//! and errors of each of its rows (the USE method, B. Gregg), as far as the series exist.

use std::collections::BTreeMap;

use compact_str::CompactString;

use super::subject::Subject;
use crate::{
    model::{labels::Labels, series::Vector, time::Timestamp},
    red::queries::tagged,
    ui::{chart::Unit, format, table::Column},
};

/// The label that says which figure a series is, and which line of a graph.
pub(super) const FIGURE: &str = "figure";
/// The line of a graph that the others are held against.
pub(super) const LIMIT: &str = "limit";

/// The figure that says how many there are, where a question without a service leaves out what is well.
const ALL: &str = "all";

/// From this share on a resource is nearly full, and from this on it is.
pub(super) const NEARLY: f64 = 0.8;
const FULL: f64 = 0.95;

/// How well something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// No more there: nothing to worry about, and of less interest than what is.
    Gone,
    /// Well.
    #[default]
    Fine,
    /// Deviating, or about to fail.
    Warn,
    /// Failing now.
    Bad,
}

impl Level {
    /// How well something is of which this share is taken.
    pub(super) fn of_share(share: f64) -> Self {
        match share {
            s if s >= FULL => Self::Bad,
            s if s >= NEARLY => Self::Warn,
            _ => Self::Fine,
        }
    }
}

/// The content of a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figure {
    /// As it is shown; empty where there is nothing to say.
    pub text: String,
    /// How well that is.
    pub level: Level,
}

impl Figure {
    /// Something that is well.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), level: Level::Fine }
    }

    /// The same at a level.
    #[must_use]
    pub(super) fn at(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// A value that may not be told.
    pub(super) fn told(value: Option<f64>, show: impl Fn(f64) -> String) -> Self {
        Self::new(value.map_or_else(|| format::MISSING.to_owned(), show))
    }

    /// `0.21 / 2`, or what is used alone where nothing bounds it. Servers say "no limit" by 0 or less, or by infinity.
    pub(super) fn used(used: Option<f64>, limit: Option<f64>, show: impl Fn(f64) -> String) -> Self {
        let limit = limit.filter(|l| *l > 0.0 && l.is_finite());
        match (used, limit) {
            (Some(used), Some(limit)) => Self::new(of(&show(used), &format::without_zeros(&show(limit)))).at(Level::of_share(used / limit)),
            (used, _) => Self::told(used, show),
        }
    }
}

/// `412 / 832 MiB`: a unit that both have is said once.
fn of(used: &str, limit: &str) -> String {
    let unit = |text: &str| text.rsplit_once(' ').map(|(_, unit)| unit.to_owned());
    let number = used.rsplit_once(' ').filter(|_| unit(used) == unit(limit)).map_or(used, |(number, _)| number);
    format!("{number} / {limit}")
}

/// A row of a section.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Row {
    /// What tells it from others of its section, in the next answer as well.
    pub key: String,
    /// What it is called.
    pub name: CompactString,
    /// The cells between its name and the reason.
    pub figures: Vec<Figure>,
    /// How well it is, as its worst figure or reason.
    pub level: Level,
    /// What is not well about it, in a few words each, the worst first.
    pub reasons: Vec<(Level, String)>,
    /// What it is, by the field's labels as far as they are known: `namespace`, `pod`, `container`, `node`, `instance`, `job`.
    pub place: Labels,
}

impl Row {
    /// A row of this key and name.
    pub(super) fn new(key: impl Into<String>, name: impl Into<CompactString>, place: Labels) -> Self {
        Self { key: key.into(), name: name.into(), place, ..Self::default() }
    }

    /// One more cell.
    pub(super) fn add(&mut self, figure: Figure) {
        self.level = self.level.max(figure.level);
        self.figures.push(figure);
    }

    /// It is no more there: what was not well about it is over.
    pub(super) fn gone(&mut self) {
        self.level = Level::Gone;
        self.figures.iter_mut().for_each(|figure| figure.level = Level::Gone);
    }

    /// One more reason.
    pub(super) fn because(&mut self, level: Level, words: impl Into<String>) {
        self.level = self.level.max(level);
        self.reasons.push((level, words.into()));
        self.reasons.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
    }

    /// All reasons.
    pub(super) fn why(&self) -> String {
        self.reasons.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>().join("; ")
    }
}

/// The worst first, then by name.
pub(super) fn sort(rows: &mut [Row]) {
    rows.sort_by(|a, b| b.level.cmp(&a.level).then_with(|| a.name.cmp(&b.name)).then_with(|| a.key.cmp(&b.key)));
}

/// An answer by its figures.
pub(super) struct Told<'v>(BTreeMap<&'v str, Vec<(&'v Labels, f64)>>);

impl<'v> Told<'v> {
    /// Reads an answer. What is no number is no figure.
    pub(super) fn new(vector: &'v Vector) -> Self {
        let mut out: BTreeMap<&str, Vec<(&Labels, f64)>> = BTreeMap::new();
        for (labels, sample) in vector.elements.iter().filter(|(_, sample)| sample.value.is_finite()) {
            if let Some(figure) = labels.get(FIGURE) {
                out.entry(figure).or_default().push((labels, sample.value));
            }
        }
        Self(out)
    }

    /// All figures by name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&'v str, &[(&'v Labels, f64)])> {
        self.0.iter().map(|(figure, series)| (*figure, series.as_slice()))
    }

    /// The series of a figure.
    pub(super) fn of(&self, figure: &str) -> &[(&'v Labels, f64)] {
        self.0.get(figure).map_or(&[], Vec::as_slice)
    }
}

/// A graph of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Graph {
    /// What it shows.
    pub title: &'static str,
    /// PromQL; what each line is says its label [`FIGURE`]; [`LIMIT`] is drawn as a threshold.
    pub query: String,
    /// Unit of all lines.
    pub unit: Unit,
}

/// A section of the page.
pub(super) struct Section {
    /// What its rows are.
    pub name: &'static str,
    /// Its columns: the name, the figures, the reason.
    pub columns: &'static [Column<'static>],
    /// Its question; `None`: nothing to ask of this subject, or not yet.
    pub query: fn(&Subject) -> Option<String>,
    /// The rows of an answer at an instant, the worst first.
    pub read: fn(&Vector, &Subject, Timestamp) -> Vec<Row>,
    /// The graphs of a row, at the most three: utilisation, saturation, errors.
    pub graphs: fn(&Row, &Subject) -> Vec<Graph>,
}

/// How many an answer says that there are, those that are well and have no row included.
pub(super) fn counted(vector: &Vector) -> Option<usize> {
    Told::new(vector).of(ALL).first().map(|(_, all)| *all as usize)
}

/// The part of a question that [`counted`] reads: how many series of this metric there are.
pub(super) fn count_of(selector: &str) -> (&'static str, String) {
    (ALL, format!("count({selector})"))
}

/// One question of several, each with its figure's name.
pub(super) fn together<'q>(parts: impl IntoIterator<Item = (&'q str, String)>) -> String {
    parts.into_iter().map(|(figure, query)| tagged(&query, FIGURE, figure)).collect::<Vec<_>>().join(" or ")
}

/// A question whose figures are the values of a label: of `__name__`, the names of its metrics.
pub(super) fn named_by(label: &str, query: &str) -> String {
    format!("label_replace({query}, \"{FIGURE}\", \"$1\", \"{label}\", \"(.+)\")")
}
