//! Colours by what they mean. A theme is a file; the terminal's own background is always kept.

use ratatui::style::{Color, Modifier, Style};

pub mod color;
pub mod glyphs;
mod load;
mod services;

pub use color::ColorSupport;
pub use glyphs::Glyphs;
pub use load::{BUILTIN, load, names};
pub use services::{SERVICE_HUES, ServiceColors};

macro_rules! roles {
    ($($id:ident $name:literal $help:literal)+) => {
        /// What a colour means. A theme gives each role a style.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role {
            $(#[doc = $help] $id,)+
        }

        impl Role {
            /// All roles, in the order of the theme files.
            pub const ALL: &[Self] = &[$(Self::$id,)+];

            /// The name in theme files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$id => $name,)+ }
            }
        }
    };
}

roles! {
    Text "text" "Plain text and healthy values."
    Dim "dim" "Secondary text."
    Accent "accent" "Focus and keys."
    Bad "bad" "Failing now."
    Warn "warn" "Deviating, or about to."
    Good "good" "Good where that has to be said."
    Border "border" "Borders of panes without focus."
    BorderFocus "border_focus" "Borders of the pane with focus."
    Title "title" "Titles of panes."
    SelectionBar "selection_bar" "Bar at the left edge of the selected row."
    Selection "selection" "The selected row's text, patched over its own style."
    Heading "heading" "Column headings."
    Match "match" "What a search found."
    Stale "stale" "Data that is stale."
    LevelFatal "level_fatal" "Log level fatal."
    LevelError "level_error" "Log level error."
    LevelWarn "level_warn" "Log level warn."
    LevelInfo "level_info" "Log level info."
    LevelDebug "level_debug" "Log level debug."
    LevelTrace "level_trace" "Log level trace."
    Status2xx "status_2xx" "Requests that succeeded."
    Status3xx "status_3xx" "Requests that were redirected."
    Status4xx "status_4xx" "Requests that the client got wrong."
    Status5xx "status_5xx" "Requests that failed."
    P50 "p50" "The median line."
    P95 "p95" "The 95th percentile line."
    P99 "p99" "The 99th percentile line."
    Threshold "threshold" "Threshold lines."
    Deploy "deploy" "Deploy marks."
    Exemplar "exemplar" "Exemplar dots."
}

/// A style for every role and 12 hues for services.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// Name as in the configuration.
    pub name: String,
    /// By role, in the order of [`Role::ALL`].
    styles: Vec<Style>,
    services: [Color; SERVICE_HUES],
    /// The colours that the terminal can show.
    support: ColorSupport,
}

impl Theme {
    /// Without any colour: what remains are words, glyphs and bold.
    fn plain(name: &str) -> Self {
        let styles = vec![Style::new(); Role::ALL.len()];
        Self { name: name.to_owned(), styles, services: [Color::Reset; SERVICE_HUES], support: ColorSupport::TrueColor }
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(role as usize).copied().unwrap_or_default()
    }

    fn set(&mut self, role: Role, style: Style) {
        if let Some(place) = self.styles.get_mut(role as usize) {
            *place = style;
        }
    }

    /// One of the service hues, counted round.
    pub fn hue(&self, index: usize) -> Style {
        Style::new().fg(self.services[index % SERVICE_HUES])
    }

    /// A colour that a text brought along, as the terminal can show it.
    pub fn shown_color(&self, color: Color) -> Color {
        self.support.shown(color)
    }

    /// The theme with colours that the terminal can show. With 16, what has other colours looks as in the theme made for
    /// that: the nearest of 16 would make failing and deviating, or secondary and healthy, the same.
    pub fn downgrade(mut self, support: ColorSupport) -> Self {
        self.support = support;
        if support == ColorSupport::Ansi16 {
            let terminal = load::builtin("terminal");
            for ((role, style), other) in Role::ALL.iter().zip(&mut self.styles).zip(terminal.styles) {
                // Bold is another colour on many such terminals: a row needs more to be seen as selected.
                if *role == Role::Selection || [style.fg, style.bg].into_iter().flatten().any(color::is_beyond_16) {
                    *style = other;
                }
            }
            if self.services.into_iter().any(color::is_beyond_16) {
                self.services = terminal.services;
            }
            return self;
        }
        for style in &mut self.styles {
            if support == ColorSupport::None && style.bg.take().is_some() {
                *style = style.add_modifier(Modifier::REVERSED);
            }
            style.fg = style.fg.map(|c| support.nearest(c));
            style.bg = style.bg.map(|c| support.nearest(c));
        }
        self.services = self.services.map(|c| support.nearest(c));
        self
    }
}

impl Default for Theme {
    /// The default theme in all its colours.
    fn default() -> Self {
        load(BUILTIN[0].0, "", &[]).0
    }
}

#[cfg(test)]
mod tests;
