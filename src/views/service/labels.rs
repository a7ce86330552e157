//! The labels that the service can be broken down by, each with how many values it has, to choose from.

use compact_str::CompactString;
use crossterm::event::{KeyCode, KeyEvent};

use super::data::Data;
use crate::{
    core::slot::Slot,
    model::labels::label_name,
    red::queries::tagged,
    theme::Role,
    ui::{
        field::Typed,
        format,
        table::{Cell, Column, TableState},
    },
    views::{Look, prompt::Prompt},
};

/// Labels that one question counts: servers bound how large it may be.
const EACH: usize = 30;
/// Questions at the most.
pub(super) const PARTS: usize = 5;
/// The label that names the label that was counted.
const LABEL: &str = "label";

pub(super) const COLUMNS: [Column; 2] = [Column::text("LABEL", 12, 40), Column::number("VALUES", 9)];

/// A label and how many values it has, where that is known.
pub(super) type Choice = (CompactString, Option<u64>);

/// The open list.
pub(super) struct Picker {
    prompt: Prompt,
    table: TableState,
    /// The user has moved: the selection follows its label, not the top.
    moved: bool,
    pub choices: Vec<Choice>,
}

/// What a key led to.
pub(super) enum Picked {
    Open,
    Close,
    Label(CompactString),
}

/// Labels that tell nothing apart here: the name, the bounds of buckets.
fn is_use(name: &str) -> bool {
    name != "__name__" && name != "le" && name != "quantile"
}

/// How many values each label has.
pub(super) fn queries(selector: &str, names: &[CompactString]) -> Vec<String> {
    let one = |name: &CompactString| tagged(&format!("count(count by ({}) ({selector}))", label_name(name)), LABEL, name);
    let all: Vec<String> = names.iter().filter(|n| is_use(n)).take(EACH * PARTS).map(one).collect();
    all.chunks(EACH).map(|some| some.join(" or ")).collect()
}

impl Picker {
    pub(super) fn new(data: &Data) -> Self {
        let mut picker = Self {
            prompt: Prompt::new("by ", "", "type to narrow the list   ↓ ↑ choose   Enter take   Esc leave"),
            table: TableState::default(),
            moved: false,
            choices: Vec::new(),
        };
        picker.rebuild(data);
        picker
    }

    /// The labels, those that tell most apart with the fewest rows first; those with one value last.
    pub(super) fn rebuild(&mut self, data: &Data) {
        let keep = self.choices.get(self.table.selected).filter(|_| self.moved).map(|c| c.0.clone());
        let text = self.prompt.text().to_lowercase();
        let names = data.labels.value().into_iter().flatten().filter(|n| is_use(n) && n.to_lowercase().contains(&text));
        let count = |name: &str| {
            let mut counts = data.counts.iter().filter_map(Slot::value).flat_map(|v| &v.elements);
            let found = counts.find(|(labels, _)| labels.get(LABEL) == Some(name))?;
            Some(found.1.value.max(0.0) as u64)
        };
        self.choices = names.map(|n| (n.clone(), count(n))).collect();
        self.choices.sort_by_key(|(_, count)| (count.is_some_and(|n| n < 2), count.unwrap_or(u64::MAX)));
        let place = keep.and_then(|k| self.choices.iter().position(|c| c.0 == k)).unwrap_or(0);
        self.table.select(place, self.choices.len(), usize::MAX);
    }

    pub(super) fn key(&mut self, key: KeyEvent, data: &Data) -> Picked {
        let rows = self.choices.len();
        self.moved |= matches!(key.code, KeyCode::Down | KeyCode::Up);
        match key.code {
            KeyCode::Down => self.table.selected = (self.table.selected + 1).min(rows.saturating_sub(1)),
            KeyCode::Up => self.table.selected = self.table.selected.saturating_sub(1),
            _ => match self.prompt.key(key) {
                Typed::Accepted => return self.choices.get(self.table.selected).map_or(Picked::Close, |c| Picked::Label(c.0.clone())),
                Typed::Cancelled => return Picked::Close,
                Typed::Changed => {
                    self.moved = false;
                    self.rebuild(data);
                }
                Typed::Ignored => {}
            },
        }
        Picked::Open
    }

    pub(super) fn paste(&mut self, text: &str, data: &Data) {
        self.prompt.paste(text);
        self.moved = false;
        self.rebuild(data);
    }

    pub(super) fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    pub(super) fn table(&self) -> &TableState {
        &self.table
    }

    pub(super) fn cell(&self, look: &Look<'_>, row: usize, column: usize) -> Cell<'static> {
        let (name, count) = &self.choices[row];
        let role = if count.is_some_and(|n| n < 2) { Role::Dim } else { Role::Text };
        let text = if column == 0 { name.to_string() } else { count.map_or_else(|| format::MISSING.to_owned(), format::count) };
        Cell::new(text, look.shared.theme.style(role))
    }
}
