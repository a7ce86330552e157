//! Where lines are missing, or were not read: a row under the line before, or above the first one.

use ratatui::{buffer::Buffer, layout::Rect};

use super::Logs;
use crate::{
    model::{
        log::{Gap, Limit},
        time::{TimeRange, Timestamp},
    },
    store::LineId,
    theme::Role,
    ui::{
        format,
        text::{put, truncate},
    },
    views::Look,
};

/// Gaps that are drawn, the newest ones; the title counts all of them.
const MOST: usize = 64;

/// `Loki keeps 7d here (retention_period)`
pub(crate) fn reason(limit: Limit) -> String {
    match limit {
        Limit::Lookback(length) => format!("Loki looks back {} here (max_query_lookback)", format::span(length)),
        Limit::Retention { kept, differs: false } => format!("Loki keeps {} here (retention_period)", format::span(kept)),
        Limit::Retention { kept, differs: true } => {
            format!("Loki keeps at least {} here, some streams longer (retention_period, retention_stream)", format::span(kept))
        }
    }
}

/// Why lines are not here.
enum Missing<'a> {
    /// The server does not hand them out.
    Gap(&'a Gap),
    /// It hands out none of this time.
    Withheld(TimeRange, Limit),
    /// Not all before this instant were read.
    Unread(Timestamp),
}

impl Missing<'_> {
    /// Where the lines after it begin.
    fn end(&self) -> Timestamp {
        match self {
            Self::Gap(gap) => gap.range.end,
            Self::Withheld(range, _) => range.end,
            // A line of which nothing was read on either side is no line before a gap.
            Self::Unread(from) => Timestamp(from.0.saturating_sub(1)),
        }
    }

    fn words(&self, look: &Look<'_>) -> String {
        match self {
            Self::Gap(gap) => format!("{}: {}", missing(look, gap.range), gap.reason),
            Self::Withheld(range, limit) => format!("{}: {}", missing(look, *range), reason(*limit)),
            Self::Unread(from) => {
                let clock = format::clock_millis(*from, look.shared.settings.zone.0);
                format!("not all lines before {clock} are loaded: moving above this reads on")
            }
        }
    }
}

impl Logs {
    /// The shown line before each gap; `None`: it is before all of them.
    pub(super) fn lines_before_gaps(&self) -> Vec<Option<LineId>> {
        self.placed_gaps().map(|(before, _)| before).collect()
    }

    fn placed_gaps(&self) -> impl Iterator<Item = (Option<LineId>, Missing<'_>)> {
        let withheld = self.told.withheld().map(|(range, limit)| Missing::Withheld(range, limit));
        let gaps = self.told.gaps.iter().rev().take(MOST).rev().map(Missing::Gap);
        let unread = self.told.unread_before().map(Missing::Unread);
        let placed = withheld.into_iter().chain(gaps).chain(unread).map(|missing| {
            let after = self.store.position(LineId { at: missing.end(), arrival: 0 });
            let before = after.checked_sub(1).and_then(|before| self.store.get(self.store.row_of(before)));
            (before.map(|line| line.id), missing)
        });
        // What was not read before all lines is told by the title.
        placed.filter(|(before, missing)| before.is_some() || !matches!(missing, Missing::Unread(_)))
    }

    /// Draws the gaps under a line, or above the first, from a row on.
    pub(super) fn draw_gaps(&self, look: &Look<'_>, under: Option<LineId>, row: impl Fn(usize) -> Rect, buf: &mut Buffer) {
        for (i, (_, missing)) in self.placed_gaps().filter(|(before, _)| *before == under).enumerate() {
            let area = row(i);
            let line = look.shared.glyphs.horizontal;
            let words = format!("{} {} ", line.repeat(2), missing.words(look));
            let room = usize::from(area.width).saturating_sub(2);
            let words = truncate(&words, room, look.shared.glyphs.ellipsis);
            put(buf, area, area.x + 2, &format!("{words}{}", line.repeat(room)), look.shared.theme.style(Role::Warn));
        }
    }
}

/// `nothing before 11:40`, or from when to when lines are missing.
fn missing(look: &Look<'_>, range: TimeRange) -> String {
    let zone = look.shared.settings.zone.0;
    if range.start == Timestamp::ZERO {
        return format!("nothing before {}", format::day_clock(range.end, look.now, zone));
    }
    let [from, to] = [range.start, range.end].map(|at| format::clock_millis(at, zone));
    let when = if from == to { from } else { format!("{from} {} {to}", look.shared.glyphs.dash) };
    format!("{when} lines are missing")
}
