//! Where the panes lie, and which has the keys.

use ratatui::layout::Rect;

use super::Alerts;
use crate::ui::{panel::Panel, table::visible_rows};

/// What has the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pane {
    #[default]
    List,
    Facts,
    Expression,
}

/// Where the panes lie; a pane without room is empty.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Panes {
    pub(super) list: Rect,
    pub(super) facts: Rect,
    pub(super) expression: Rect,
}

impl Alerts {
    pub(super) fn panes(&self, area: Rect) -> Panes {
        let small = area.height < 20 || area.width < 80;
        let nothing = self.book.as_ref().is_none_or(|b| b.alerts.is_empty());
        match (self.alone || small || nothing, self.pane) {
            (true, Pane::List) => Panes { list: area, ..Panes::default() },
            (true, Pane::Facts) if small && !self.alone => {
                let facts = Rect { height: area.height.div_ceil(2), ..area };
                let rest = area.height.saturating_sub(facts.height) + 1;
                Panes {
                    facts,
                    expression: Rect { y: facts.bottom().saturating_sub(1), height: rest.min(area.height), ..area },
                    ..Panes::default()
                }
            }
            (true, Pane::Facts) => Panes { facts: area, ..Panes::default() },
            (true, Pane::Expression) => Panes { expression: area, ..Panes::default() },
            (false, _) => self.side_by_side(area),
        }
    }

    /// The list above; facts and expression below, at least ten rows of them and what a short list leaves.
    fn side_by_side(&self, area: Rect) -> Panes {
        let wanted = u16::try_from(self.rows.len()).unwrap_or(u16::MAX).saturating_add(3).max(5);
        let least = area.height / 3;
        let list = Rect { height: wanted.max(least).min(area.height - 10), ..area };
        let below = Rect { y: list.bottom() - 1, height: area.height - list.height + 1, ..area };
        let facts = Rect { width: area.width / 2, ..below };
        Panes { list, facts, expression: Rect { x: facts.right() - 1, width: area.width - facts.width + 1, ..below } }
    }

    pub(super) fn list_height(&self, area: Rect) -> usize {
        visible_rows(Panel::inner(self.panes(area).list))
    }

    pub(super) fn next_pane(&mut self, forward: bool) -> bool {
        use Pane::{Expression, Facts, List};
        self.pane = match (self.pane, forward) {
            (List, true) | (Expression, false) => Facts,
            (Facts, true) | (List, false) => Expression,
            (Expression, true) | (Facts, false) => List,
        };
        true
    }
}
