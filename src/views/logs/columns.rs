//! What stands before the message of a row: time, level, service, pod, container, and the fields that were made columns.
//! What was needed once stays, so that nothing jumps as the list moves.

use std::sync::Arc;

use super::{
    fields::value_of,
    list::Wrap,
    row::{MARKS, brief},
};
use crate::{
    log_fields::Record,
    model::place,
    store::Line,
    ui::{
        format,
        text::{truncate, width},
    },
    views::Look,
};

/// Cells of a service's name.
pub(super) const SERVICE: usize = 10;
/// Cells of the part that tells pods, or containers, apart.
pub(super) const PART: usize = 5;
/// What a row keeps for its message, however many columns there are.
const MESSAGE: usize = 16;
/// Widest columns, the next one at each key.
const LIMITS: [usize; 3] = [24, 12, 60];

/// How times are shown, the next one at each key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TimeForm {
    #[default]
    Local,
    Utc,
    /// How long ago.
    Ago,
    /// Since the line before.
    Delta,
}

impl TimeForm {
    /// The next form; where local time is UTC there is one less.
    pub(super) fn next(self, offset: i32) -> Self {
        match self {
            Self::Local if offset == 0 => Self::Ago,
            Self::Local => Self::Utc,
            Self::Utc => Self::Ago,
            Self::Ago => Self::Delta,
            Self::Delta => Self::Local,
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Local => "",
            Self::Utc => "times UTC",
            Self::Ago => "times ago",
            Self::Delta => "times since the line before",
        }
    }

    pub(super) const fn short(self) -> &'static str {
        match self {
            Self::Local => "",
            Self::Utc => "UTC",
            Self::Ago => "ago",
            Self::Delta => "delta",
        }
    }
}

/// One field as a column.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    name: String,
    /// The widest value so far.
    width: usize,
}

/// How lines are shown: what other pages of lines go on with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    columns: Vec<String>,
    limit: usize,
    time: TimeForm,
    wrap: bool,
}

/// What the page shows before the messages.
#[derive(Default)]
pub(super) struct Columns {
    fields: Vec<Shown>,
    limit: usize,
    pub(super) time: TimeForm,
    /// Whether there is a cell for marks.
    pub(super) margin: bool,
    /// All lines are of one file: nothing tells them apart where a service would stand.
    pub(super) of_one_file: bool,
    /// The first pod and container seen, and whether there is another.
    pod: Part,
    container: Part,
}

/// Something that is told only where there is more than one of it.
#[derive(Default)]
struct Part {
    first: Option<String>,
    several: bool,
}

impl Part {
    fn see(&mut self, value: Option<&str>) {
        match (value, &self.first) {
            (Some(value), Some(first)) => self.several |= value != first,
            (Some(value), None) => self.first = Some(value.to_owned()),
            (None, _) => {}
        }
    }
}

/// The columns that fit a width.
pub(super) struct Prefix {
    pub(super) margin: bool,
    pub(super) time: usize,
    pub(super) service: bool,
    pub(super) pod: bool,
    pub(super) container: bool,
    /// Names and widths.
    pub(super) fields: Vec<(String, usize)>,
    /// Columns without room.
    pub(super) left_out: usize,
}

impl Columns {
    pub(super) fn toggle(&mut self, name: &str) {
        match self.fields.iter().position(|f| f.name == name) {
            Some(at) => drop(self.fields.remove(at)),
            None => self.fields.push(Shown { name: name.to_owned(), width: width(name) }),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|f| f.name == name)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub(super) fn names(&self) -> Arc<[String]> {
        self.fields.iter().map(|f| f.name.clone()).collect()
    }

    /// Moves a column. Returns false where it is none, or at the end already.
    pub(super) fn shift(&mut self, name: &str, later: bool) -> bool {
        let Some(at) = self.fields.iter().position(|f| f.name == name) else { return false };
        let to = if later { at + 1 } else { at.wrapping_sub(1) };
        let moves = to < self.fields.len();
        if moves {
            self.fields.swap(at, to);
        }
        moves
    }

    /// Other widest columns.
    pub(super) fn next_limit(&mut self) -> usize {
        self.limit = (self.limit + 1) % LIMITS.len();
        self.most()
    }

    fn most(&self) -> usize {
        LIMITS[self.limit % LIMITS.len()]
    }

    /// How they are shown, with what the page itself knows.
    pub(super) fn manner(&self, wrap: bool) -> Manner {
        let columns = self.fields.iter().map(|f| f.name.clone()).collect();
        Manner { columns, limit: self.limit, time: self.time, wrap }
    }

    /// Shows them so. Returns whether lines wrap.
    pub(super) fn set_manner(&mut self, manner: &Manner) -> bool {
        let shown = |name: &String| Shown { name: name.clone(), width: width(name) };
        self.fields = manner.columns.iter().map(shown).collect();
        (self.limit, self.time) = (manner.limit, manner.time);
        manner.wrap
    }

    /// Takes note of what is on the screen.
    pub(super) fn see(&mut self, line: &Line<'_>, look: &Look<'_>) {
        let record = if self.fields.is_empty() { Record::default() } else { brief(line.text) };
        self.pod.see(pod_of(line, look));
        self.container.see(container_of(line));
        for field in &mut self.fields {
            let value = value_of(line, &record, &field.name).map_or(0, |v| width(v.lines().next().unwrap_or_default()));
            field.width = field.width.max(value);
        }
    }

    /// Other lines: pods and containers are told apart anew.
    pub(super) fn forget_parts(&mut self) {
        (self.pod, self.container) = Default::default();
    }

    /// What fits before a message in rows of a width.
    pub(super) fn prefix(&self, look: &Look<'_>, room: u16) -> Prefix {
        let time = match self.time {
            TimeForm::Local | TimeForm::Utc if room >= 70 => 12,
            TimeForm::Local | TimeForm::Utc => 8,
            TimeForm::Ago => 6,
            TimeForm::Delta => 10,
        };
        let service = look.scope.service.is_none() && !self.of_one_file && room >= 60;
        let (pod, container) = (self.pod.several && room >= 70, self.container.several && room >= 90);
        let mut out = Prefix { margin: self.margin, time, service, pod, container, fields: Vec::new(), left_out: 0 };
        for field in &self.fields {
            let cells = field.width.max(width(&field.name)).min(self.most());
            if out.left_out == 0 && out.width() + cells + 1 + MESSAGE <= usize::from(room) {
                out.fields.push((field.name.clone(), cells));
            } else {
                out.left_out += 1;
            }
        }
        out
    }

    /// How lines wrap in rows of a width.
    pub(super) fn wrap(&self, look: &Look<'_>, room: u16) -> Wrap {
        let text = usize::from(room).saturating_sub(self.prefix(look, room).width() + MARKS).max(8);
        Wrap { room: text, columns: self.names() }
    }
}

impl Prefix {
    /// Cells before the message.
    pub(super) fn width(&self) -> usize {
        let part = |there: bool, cells: usize| if there { cells + 1 } else { 0 };
        1 + usize::from(self.margin)
            + self.time
            + 1
            + 6
            + part(self.service, SERVICE)
            + part(self.pod, PART)
            + part(self.container, PART)
            + self.fields.iter().map(|(_, cells)| cells + 1).sum::<usize>()
    }

    /// The heading over the rows.
    pub(super) fn heading(&self, look: &Look<'_>) -> String {
        let mark = look.shared.glyphs.ellipsis;
        let margin = if self.margin { "  " } else { " " };
        let mut out = format!("{margin}{:<time$} {:<5} ", "TIME", "LEVEL", time = self.time);
        for (there, title, cells) in [(self.service, "SERVICE", SERVICE), (self.pod, "POD", PART), (self.container, "CONTAINER", PART)] {
            if there {
                out.push_str(&format!("{:<cells$} ", truncate(title, cells, "")));
            }
        }
        for (name, cells) in &self.fields {
            let name = truncate(name, *cells, mark);
            out.push_str(&name);
            out.push_str(&" ".repeat(cells + 1 - width(&name)));
        }
        out.push_str("MESSAGE");
        out
    }

    /// `2 more columns`, where some have no room.
    pub(super) fn left_out(&self) -> Option<String> {
        (self.left_out > 0).then(|| format!("no room for {}", format::counted(self.left_out, "column")))
    }
}

/// The pod, host or process of a line.
pub(super) fn pod_of<'a>(line: &Line<'a>, look: &Look<'_>) -> Option<&'a str> {
    let own = look.shared.settings.labels.logs_instance.iter().find_map(|name| label_of(line, name));
    own.or_else(|| ["pod", "instance", "node"].into_iter().flat_map(place::spellings).find_map(|name| label_of(line, name)))
}

/// The container of a line.
pub(super) fn container_of<'a>(line: &Line<'a>) -> Option<&'a str> {
    place::spellings("container").iter().find_map(|name| label_of(line, name))
}

fn label_of<'a>(line: &Line<'a>, name: &str) -> Option<&'a str> {
    line.stream.get(name).or_else(|| line.metadata().find(|(n, _)| *n == name).map(|(_, v)| v))
}
