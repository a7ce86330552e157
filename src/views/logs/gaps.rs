//! Where lines are missing: a row under the line before.

use ratatui::{buffer::Buffer, layout::Rect};

use super::Logs;
use crate::{
    model::log::Gap,
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

impl Logs {
    /// The shown line before each gap.
    pub(super) fn lines_before_gaps(&self) -> Vec<LineId> {
        self.placed_gaps().map(|(before, _)| before).collect()
    }

    fn placed_gaps(&self) -> impl Iterator<Item = (LineId, &Gap)> {
        self.told.gaps.iter().rev().take(MOST).rev().filter_map(|gap| {
            let after = self.store.position(LineId { at: gap.range.end, arrival: 0 });
            Some((self.store.get(after.checked_sub(1)?)?.id, gap))
        })
    }

    /// Draws the gaps under a line, from a row on.
    pub(super) fn draw_gaps(&self, look: &Look<'_>, under: LineId, row: impl Fn(usize) -> Rect, buf: &mut Buffer) {
        let zone = look.shared.settings.zone.0;
        for (i, (_, gap)) in self.placed_gaps().filter(|(before, _)| *before == under).enumerate() {
            let area = row(i);
            let [from, to] = [gap.range.start, gap.range.end].map(|at| format::clock_millis(at, zone));
            let when = if from == to { from } else { format!("{from} {} {to}", look.shared.glyphs.dash) };
            let line = look.shared.glyphs.horizontal;
            let words = format!("{} {when} lines are missing: {} ", line.repeat(2), gap.reason);
            let room = usize::from(area.width).saturating_sub(2);
            let words = truncate(&words, room, look.shared.glyphs.ellipsis);
            put(buf, area, area.x + 2, &format!("{words}{}", line.repeat(room)), look.shared.theme.style(Role::Warn));
        }
    }
}
