//! What is written at the right ends of lines and thresholds.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{Chart, Layout, axis::Scale};
use crate::{
    app::Shared,
    theme::Role,
    ui::text::{put, truncate, width},
};

impl Chart<'_> {
    /// Names and last values at the lines' ends, each in a row of its own, the higher value above the lower one.
    pub(super) fn draw_ends(&self, shared: &Shared, layout: Layout, scale: &Scale, buf: &mut Buffer) {
        let area = layout.ends;
        if area.is_empty() {
            return;
        }
        let lines = self.lines.iter().rev().filter(|l| !l.end.is_empty()).filter_map(|line| {
            let last = line.samples.iter().rev().find(|s| !s.value.is_nan() && self.range.contains(s.at))?;
            Some((last.value, line.end_text(layout.names), line.style))
        });
        let threshold = shared.theme.style(Role::Threshold);
        let thresholds = self.thresholds.iter().filter(|t| !t.label.is_empty()).map(|t| (t.value, t.label.as_str(), threshold));
        let (ends, area) = fitting(lines.chain(thresholds).collect(), area, shared.theme.style(Role::Dim), buf);
        let wanted = ends.iter().map(|(value, ..)| scale.row(*value, layout.plot)).collect();
        for (y, (_, text, style)) in rows_apart(wanted, area).into_iter().zip(ends) {
            let text = truncate(text, usize::from(area.width).saturating_sub(1), shared.glyphs.ellipsis);
            put(buf, Rect { y, height: 1, ..area }, area.x + 1, &text, style);
        }
    }
}

/// What is written at an end: the height it belongs to, words, how they look.
type End<'t> = (f64, &'t str, Style);

/// The ends that have a row, the higher one first, and those rows. The others are counted: a legend that is not whole says
/// so, behind its last words where there is room, or else in the last row.
fn fitting<'t>(mut ends: Vec<End<'t>>, mut area: Rect, style: Style, buf: &mut Buffer) -> (Vec<End<'t>>, Rect) {
    let rows = usize::from(area.height);
    let lacking = ends.len().saturating_sub(rows);
    let higher = |a: &End<'_>, b: &End<'_>| b.0.total_cmp(&a.0);
    if lacking > 0 {
        let more = format!("+{lacking}");
        let mut fit = ends[..rows].to_vec();
        fit.sort_by(higher);
        let from = fit.last().map_or(0, |(_, text, _)| width(text) + 2);
        if from + width(&more) <= usize::from(area.width) {
            let x = area.x + u16::try_from(from).unwrap_or(u16::MAX);
            put(buf, Rect { y: area.bottom() - 1, height: 1, ..area }, x, &more, style);
            return (fit, area);
        }
        if rows > 1 {
            area.height -= 1;
            let more = format!("+{}", lacking + 1);
            put(buf, Rect { y: area.bottom(), height: 1, ..area }, area.x + 1, &more, style);
        }
    }
    ends.truncate(usize::from(area.height));
    ends.sort_by(higher);
    (ends, area)
}

/// Rows of an area near those wanted, which are in order and not more than it has: in the same order, each once.
fn rows_apart(mut rows: Vec<u16>, area: Rect) -> Vec<u16> {
    let mut free = area.y;
    for row in &mut rows {
        *row = (*row).max(free);
        free = *row + 1;
    }
    let mut end = area.bottom();
    for row in rows.iter_mut().rev() {
        *row = (*row).min(end - 1);
        end = *row;
    }
    rows
}
