//! What the graphs are compared with.

use std::time::Duration;

use crate::{model::time::TimeWindow, views::Look};

const DAY: Duration = Duration::from_secs(86_400);

/// The next one at each `=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Compare {
    #[default]
    Off,
    Previous,
    Day,
    Week,
}

impl Compare {
    pub(super) const fn next(self) -> Self {
        match self {
            Self::Off => Self::Previous,
            Self::Previous => Self::Day,
            Self::Day => Self::Week,
            Self::Week => Self::Off,
        }
    }

    /// What it is, to follow a figure.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Off => "",
            Self::Previous => "the period before",
            Self::Day => "a day before",
            Self::Week => "a week before",
        }
    }

    /// How far back it lies; `None`: nothing is compared.
    pub(super) fn shift(self, look: &Look<'_>) -> Option<Duration> {
        match self {
            Self::Off => None,
            Self::Previous => match look.scope.window {
                // Whole minutes: a window that grows with the clock is the same question for one.
                TimeWindow::Since(_) => Some(Duration::from_secs((look.range().duration().as_secs() / 60 + 1) * 60)),
                TimeWindow::Last(_) | TimeWindow::Fixed(_) => Some(look.range().duration()),
            },
            Self::Day => Some(DAY),
            Self::Week => Some(7 * DAY),
        }
    }
}
