//! Which silences are shown, and in which order.

use std::collections::HashMap;

use crate::{
    model::{
        alert::Routing,
        alert_book::AlertmanagerAlerts,
        labels::Labels,
        silence::{MatcherSet, Silence, SilenceState},
    },
    views::{filter::Filter, silence_form::Hits},
};

/// Orders, the next one at each `O`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// Active, pending, expired; those that end next first, those that ended last first.
    #[default]
    State,
    /// Those that hit most first.
    Hits,
    /// Author.
    Author,
    /// The newest change first.
    Changed,
}

impl Order {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::State => "by state, end",
            Self::Hits => "by hits",
            Self::Author => "by author",
            Self::Changed => "last changed first",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::State => Self::Hits,
            Self::Hits => Self::Author,
            Self::Author => Self::Changed,
            Self::Changed => Self::State,
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// The silence.
    pub silence: Silence,
    /// Places of the alerts that it silences now, or would if it had begun. `None`: it is over, or a matcher is none to us.
    pub hits: Option<Vec<usize>>,
}

/// All that pass the filter, in order.
pub(super) fn rows(told: &AlertmanagerAlerts, filter: &Filter, order: Order) -> Vec<Row> {
    let mut silencing: HashMap<&str, Vec<usize>> = HashMap::new();
    for (i, alert) in told.alerts.iter().enumerate() {
        for id in alert.routing.iter().flat_map(Routing::silences) {
            silencing.entry(id).or_default().push(i);
        }
    }
    let shown = told.silences.iter().filter(|s| passes(filter, s));
    let mut rows: Vec<Row> = shown.map(|s| Row { silence: s.clone(), hits: hits_of(s, told, &mut silencing) }).collect();
    let hits = |r: &Row| std::cmp::Reverse(r.hits.as_ref().map_or(0, Vec::len));
    match order {
        Order::State => rows.sort_by_key(|r| by_state(&r.silence)),
        Order::Hits => rows.sort_by_key(|r| (hits(r), by_state(&r.silence))),
        Order::Author => {
            rows.sort_by(|a, b| (&a.silence.created_by, by_state(&a.silence)).cmp(&(&b.silence.created_by, by_state(&b.silence))))
        }
        Order::Changed => rows.sort_by_key(|r| std::cmp::Reverse(r.silence.updated_at)),
    }
    rows
}

fn by_state(silence: &Silence) -> (SilenceState, i64) {
    let at = match silence.state {
        SilenceState::Active => silence.ends_at.0,
        SilenceState::Pending => silence.starts_at.0,
        SilenceState::Expired => -silence.ends_at.0,
    };
    (silence.state, at)
}

/// An active one hits what Alertmanager says it does, a pending one what its matchers match.
fn hits_of(silence: &Silence, told: &AlertmanagerAlerts, silencing: &mut HashMap<&str, Vec<usize>>) -> Option<Vec<usize>> {
    match silence.state {
        SilenceState::Active => Some(silencing.remove(silence.id.as_str()).unwrap_or_default()),
        SilenceState::Pending => {
            let set = MatcherSet::new(&silence.matchers).ok()?;
            Some(Hits::of(&set, told, None, &silence.at).rows)
        }
        SilenceState::Expired => None,
    }
}

/// A filter on a label asks for what the matchers say of it.
fn passes(filter: &Filter, silence: &Silence) -> bool {
    let named: Labels = silence.matchers.iter().map(|m| (m.name.clone(), m.value.clone())).collect();
    let texts = [silence.id.as_str(), &silence.comment, &silence.created_by, silence.state.as_str()];
    filter.passes(&named, texts.into_iter())
}

/// `3 active, 1 pending, 12 expired`.
pub(super) fn counts(rows: &[Row]) -> String {
    let count = |state| rows.iter().filter(|r| r.silence.state == state).count();
    SilenceState::ALL.map(|state| format!("{} {}", count(state), state.as_str())).join(", ")
}
