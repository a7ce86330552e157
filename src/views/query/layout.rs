//! Where the queries and their results lie.

use ratatui::layout::Rect;

/// The least height of a result that is worth its border, beside others.
const LEAST: u16 = 8;
/// Rows of the table below a graph, its heading included.
const LEGEND: u16 = 6;

/// The places of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// The pane of the queries.
    pub queries: Rect,
    /// Results by the place of their query; one without room is empty.
    pub results: Vec<Rect>,
}

/// `lines` is how many the queries need, `of` how many queries there are. The focused result has all the room where they do
/// not fit one above the other. Neighbours overlap by their common edge.
pub(super) fn places(area: Rect, lines: u16, of: usize, focus: usize, alone: bool) -> Places {
    let most = (area.height / 2).max(3);
    let top = if area.height < 8 { area.height.min(3) } else { lines.saturating_add(2).clamp(3, most) };
    let queries = Rect { height: top, ..area };
    let rest = Rect { y: area.y + top.saturating_sub(1), height: (area.height + 1).saturating_sub(top), ..area };
    let mut results = vec![Rect::default(); of];
    let count = u16::try_from(of).unwrap_or(u16::MAX).max(1);
    if rest.height < 2 || of == 0 {
        return Places { queries, results };
    }
    if alone || rest.height / count < LEAST - 1 {
        results[focus.min(of - 1)] = rest;
        return Places { queries, results };
    }
    let (each, mut more) = ((rest.height - 1) / count, (rest.height - 1) % count);
    let mut y = rest.y;
    for place in &mut results {
        let height = each + u16::from(more > 0);
        more = more.saturating_sub(1);
        *place = Rect { y, height: height + 1, ..rest };
        y += height;
    }
    Places { queries, results }
}

/// A graph and the table of its lines below it, within a result's pane; the table has no room in a low pane.
pub(super) fn graph(inner: Rect, rows: usize) -> (Rect, Rect) {
    let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(1).min(LEGEND.max(inner.height / 3));
    let below = if inner.height < 7 { 0 } else { wanted.min(inner.height / 2) };
    let chart = Rect { height: inner.height - below, ..inner };
    (chart, Rect { y: chart.bottom(), height: below, ..inner })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_share_the_room_or_the_focused_one_has_it() {
        let area = Rect::new(0, 2, 80, 21);
        let one = places(area, 2, 1, 0, false);
        assert_eq!((one.queries.height, one.results[0]), (4, Rect::new(0, 5, 80, 18)));
        let two = places(area, 3, 2, 0, false);
        assert_eq!(two.results[0].bottom(), two.results[1].y + 1);
        assert_eq!(two.results[1].bottom(), area.bottom());
        let four = places(area, 5, 4, 2, false);
        assert!(four.results[0].is_empty() && !four.results[2].is_empty());
        assert!(places(area, 3, 2, 1, true).results[0].is_empty());
    }

    proptest::proptest! {
        #[test]
        fn nothing_lies_outside(h in 1u16..60, lines in 1u16..40, of in 0usize..12, focus in 0usize..12) {
            let area = Rect::new(3, 2, 40, h);
            let found = places(area, lines, of, focus, false);
            for place in found.results.iter().chain([&found.queries]).filter(|r| !r.is_empty()) {
                proptest::prop_assert_eq!(area.intersection(*place), *place);
            }
        }
    }
}
