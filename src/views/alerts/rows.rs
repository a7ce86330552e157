//! Which alerts are shown, in which order, and under which headings.

use std::{cmp::Reverse, collections::HashMap};

use super::exprs::Exprs;
use crate::{
    alert_origins::{Origin, Why},
    model::{
        alert::{Alert, AlertState, Severity},
        alert_book::AlertBook,
        time::Timestamp,
    },
    ui::format,
    views::filter::Filter,
};

/// Orders, the next one at each `O`: one by each column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Severity, then onset; what is quiet comes last of its severity, what is over last of all.
    #[default]
    Severity,
    /// State, then severity.
    State,
    /// Name.
    Name,
    /// Service, then severity.
    Service,
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
    /// The furthest beyond its threshold first.
    Value,
    /// Summary.
    Summary,
}

impl Order {
    const ALL: [Self; 8] = [Self::Severity, Self::State, Self::Name, Self::Service, Self::Newest, Self::Oldest, Self::Value, Self::Summary];

    /// Words for the pane's edge.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Severity => "by severity, onset",
            Self::State => "by state, severity",
            Self::Name => "by name",
            Self::Service => "by service, severity",
            Self::Newest => "newest first",
            Self::Oldest => "oldest first",
            Self::Value => "furthest beyond threshold first",
            Self::Summary => "by summary",
        }
    }

    /// The next one.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }
}

/// What rows are grouped by, the next one at each `b`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Nothing.
    #[default]
    None,
    /// `alertname`.
    Name,
    /// Service.
    Service,
    /// Severity.
    Severity,
    /// Probable origin.
    Origin,
}

impl Group {
    /// The next one.
    pub const fn next(self) -> Self {
        match self {
            Self::None => Self::Name,
            Self::Name => Self::Service,
            Self::Service => Self::Severity,
            Self::Severity => Self::Origin,
            Self::Origin => Self::None,
        }
    }

    /// What it is by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Name => "name",
            Self::Service => "service",
            Self::Severity => "severity",
            Self::Origin => "origin",
        }
    }

    /// Words for the pane's edge.
    pub const fn note(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Name => "grouped by name, ",
            Self::Service => "grouped by service, ",
            Self::Severity => "grouped by severity, ",
            Self::Origin => "by origin, what explains most first, then ",
        }
    }

    /// Whether its groups are open until they are folded.
    const fn opens(self) -> bool {
        !matches!(self, Self::Origin)
    }

    fn of(self, alert: &Alert) -> String {
        match self {
            Self::None | Self::Origin => String::new(),
            Self::Name => alert.name().to_owned(),
            Self::Service => alert.service.as_ref().map_or_else(|| "no service".to_owned(), ToString::to_string),
            Self::Severity => format!("P{}", alert.severity.0),
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// Heading of a group.
    Group(Box<Heading>),
    /// An alert, by its place in the book.
    Alert(usize),
}

/// What a group holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Heading {
    /// Its name.
    pub name: String,
    /// Why its alerts are one group, where that is not said by the name.
    pub why: Option<Why>,
    /// Its alerts that pass the filter, by their places in the book.
    pub members: Vec<usize>,
    /// How many of them are in each state, in the order of [`AlertState::ALL`].
    pub counts: [usize; 6],
    /// The worst of them.
    pub severity: Severity,
    /// When the first of them began.
    pub since: Timestamp,
    /// Whether they follow.
    pub is_open: bool,
}

/// What is wished for.
pub struct Wish<'a> {
    /// Which alerts.
    pub filter: &'a Filter,
    /// All of them, as [`sorted`] puts them.
    pub sorted: &'a [usize],
    /// Under which headings.
    pub group: Group,
    /// Groups that are folded where they would be open, and the other way round.
    pub turned: &'a std::collections::BTreeSet<(Group, String)>,
    /// Probable origins, for headings by them.
    pub origins: &'a [Origin],
}

/// The rows of a book. Every alert that passes is in exactly one group.
pub fn rows(book: &AlertBook, wish: &Wish<'_>) -> Vec<Row> {
    let shown: Vec<usize> = wish.sorted.iter().copied().filter(|i| passes(wish.filter, &book.alerts[*i])).collect();
    let mut out = Vec::new();
    let groups = match wish.group {
        Group::None => return shown.into_iter().map(Row::Alert).collect(),
        Group::Origin => by_origin(&shown, book.alerts.len(), wish.origins),
        group => by_name(&shown, |i| group.of(&book.alerts[i])),
    };
    for (name, why, members) in groups {
        let heading = heading(book, name, why, members, wish);
        let members = if heading.is_open { heading.members.clone() } else { Vec::new() };
        out.push(Row::Group(Box::new(heading)));
        out.extend(members.into_iter().map(Row::Alert));
    }
    out
}

type Members = (String, Option<Why>, Vec<usize>);

/// A group stands where its first alert would.
fn by_name(shown: &[usize], name_of: impl Fn(usize) -> String) -> Vec<Members> {
    let mut groups: Vec<Members> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for i in shown {
        let place = *places.entry(name_of(*i)).or_insert_with_key(|name| {
            groups.push((name.clone(), None, Vec::new()));
            groups.len() - 1
        });
        groups[place].2.push(*i);
    }
    groups
}

/// The origins in their own order, the alerts in each in that of the list.
fn by_origin(shown: &[usize], all: usize, origins: &[Origin]) -> Vec<Members> {
    let mut groups: Vec<Members> = origins.iter().map(|o| (o.name.clone(), Some(o.why.clone()), Vec::new())).collect();
    let mut of: Vec<Option<usize>> = vec![None; all];
    for (n, origin) in origins.iter().enumerate() {
        origin.members.iter().for_each(|i| of[*i] = Some(n));
    }
    for i in shown {
        if let Some(group) = of[*i].and_then(|n| groups.get_mut(n)) {
            group.2.push(*i);
        }
    }
    groups.retain(|(.., members)| !members.is_empty());
    groups
}

fn heading(book: &AlertBook, name: String, why: Option<Why>, members: Vec<usize>, wish: &Wish<'_>) -> Heading {
    let alerts = || members.iter().map(|i| &book.alerts[*i]);
    Heading {
        counts: counts(alerts()),
        severity: alerts().map(|a| a.severity).min().unwrap_or(Severity::UNKNOWN),
        since: alerts().map(Alert::state_since).min().unwrap_or_default(),
        is_open: wish.group.opens() != wish.turned.contains(&(wish.group, name.clone())),
        name,
        why,
        members,
    }
}

/// How many alerts are in each state, in the order of [`AlertState::ALL`].
pub fn counts<'a>(alerts: impl Iterator<Item = &'a Alert>) -> [usize; 6] {
    let mut out = [0; 6];
    alerts.for_each(|a| out[a.state as usize] += 1);
    out
}

/// `3 firing · 1 pending`.
pub fn counts_text(counts: &[usize; 6], dot: &str) -> String {
    let told = AlertState::ALL.iter().zip(counts).filter(|(_, n)| **n > 0);
    let parts: Vec<String> = told.map(|(state, n)| format!("{} {}", format::count(*n as u64), state.as_str())).collect();
    parts.join(&format!(" {dot} "))
}

fn passes(filter: &Filter, alert: &Alert) -> bool {
    let state = alert.state.as_str();
    let known = |name: &str| match name {
        "service" => alert.service.as_deref(),
        "state" => Some(state),
        "name" => Some(alert.name()),
        _ => None,
    };
    let texts = alert.annotations.iter().map(|(_, v)| v).chain([state]).chain(alert.service.as_deref());
    filter.is_empty() || filter.passes_with(&alert.labels, known, texts)
}

/// The places of all alerts of a book in an order; equals stay in the book's.
pub fn sorted(book: &AlertBook, order: Order, exprs: &Exprs) -> Vec<usize> {
    let alert = |i: &usize| &book.alerts[*i];
    // Of one severity what is kept quiet comes after what is told.
    let is_quiet = |i: &usize| matches!(alert(i).state, AlertState::Silenced | AlertState::Inhibited);
    let severity = |i: &usize| (alert(i).severity, is_quiet(i), alert(i).since);
    let is_over = |i: &usize| alert(i).state == AlertState::Resolved;
    let mut places: Vec<usize> = (0..book.alerts.len()).collect();
    match order {
        Order::Severity => places.sort_by_cached_key(|i| (is_over(i), severity(i))),
        Order::State => places.sort_by_cached_key(|i| (alert(i).state, severity(i))),
        Order::Name => places.sort_by_cached_key(|i| (alert(i).name(), severity(i))),
        Order::Service => places.sort_by_cached_key(|i| (alert(i).service.is_none(), alert(i).service.as_deref(), severity(i))),
        Order::Newest => places.sort_by_cached_key(|i| Reverse(alert(i).state_since())),
        Order::Oldest => places.sort_by_cached_key(|i| alert(i).state_since()),
        Order::Value => places.sort_by_cached_key(|i| (Reverse(exprs.excess(alert(i))), is_over(i), severity(i))),
        Order::Summary => places.sort_by_cached_key(|i| super::told::summary(alert(i))),
    }
    places
}
