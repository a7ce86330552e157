//! Colours by role and the characters that things are drawn with.

pub mod glyphs;

use ratatui::style::{Color, Modifier, Style};

pub use self::glyphs::Glyphs;

/// What a piece of the screen means; a theme gives each meaning a style.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Plain text, healthy values.
    Text,
    /// Secondary text.
    Dim,
    /// Focus and keys.
    Accent,
    /// Failing now.
    Bad,
    /// Deviating or about to.
    Warn,
    /// Good, where that must be said.
    Good,
    /// Border of an unfocused pane.
    Border,
    /// Border of the focused pane.
    BorderFocus,
    /// Title of a pane.
    Title,
    /// Bar at the left edge of the selected row.
    SelectionBar,
    /// The selected row's text, patched over its own style.
    Selection,
    /// Column headings.
    Heading,
    /// A match of a search.
    Match,
    /// Data that is stale.
    Stale,
    /// Levels of log lines.
    LevelFatal,
    /// Error.
    LevelError,
    /// Warn.
    LevelWarn,
    /// Info.
    LevelInfo,
    /// Debug.
    LevelDebug,
    /// Trace.
    LevelTrace,
    /// Responses by class.
    Status2xx,
    /// Redirects.
    Status3xx,
    /// Client errors.
    Status4xx,
    /// Server errors.
    Status5xx,
    /// The p50 line.
    P50,
    /// The p95 line.
    P95,
    /// The p99 line.
    P99,
    /// A threshold line.
    Threshold,
    /// A deploy's mark.
    Deploy,
    /// An exemplar's dot.
    Exemplar,
}

/// A theme: a style for each role, hues for services.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Its name.
    pub name: String,
    /// The selected row is shown reversed (themes that only have the terminal's 16 colours).
    pub selection_reversed: bool,
}

impl Theme {
    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        match role {
            Role::Bad | Role::LevelError | Role::LevelFatal | Role::Status5xx => Style::new().fg(Color::Red),
            Role::Warn | Role::LevelWarn => Style::new().fg(Color::Yellow),
            Role::Accent | Role::BorderFocus => Style::new().fg(Color::Cyan),
            Role::Selection => Style::new().add_modifier(Modifier::BOLD),
            Role::Dim | Role::Border | Role::Heading => Style::new().fg(Color::DarkGray),
            _ => Style::new(),
        }
    }

    /// The hue of a service, the same in every view and from run to run.
    pub fn service(&self, _name: &str) -> Style {
        Style::new()
    }
}
