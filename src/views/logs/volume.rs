//! How many lines of each level over the window.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    model::{
        log::Level,
        series::{Matrix, Sample},
    },
    theme::Role,
    ui::{
        format,
        spark::spark,
        text::{put, put_right, width},
    },
    views::Look,
};

/// One level's lines.
struct Volume {
    name: &'static str,
    role: Role,
    samples: Vec<Sample>,
    total: f64,
}

/// The worst first; what says no level comes last.
fn volumes(matrix: &Matrix) -> Vec<Volume> {
    let mut out: Vec<Volume> =
        [("error", Role::LevelError), ("warn", Role::LevelWarn), ("info", Role::LevelInfo), ("other", Role::LevelDebug)]
            .map(|(name, role)| Volume { name, role, samples: Vec::new(), total: 0.0 })
            .into();
    for series in &matrix.series {
        let level = series.labels.get("detected_level").and_then(Level::parse).unwrap_or_default();
        let place = match level {
            Level::Error | Level::Fatal => 0,
            Level::Warn => 1,
            Level::Info => 2,
            _ => 3,
        };
        for sample in series.samples.iter().filter(|s| s.value.is_finite()) {
            let volume = &mut out[place];
            volume.total += sample.value;
            match volume.samples.binary_search_by_key(&sample.at, |s| s.at) {
                Ok(i) => volume.samples[i].value += sample.value,
                Err(i) => volume.samples.insert(i, *sample),
            }
        }
    }
    out.retain(|v| v.total > 0.0);
    out
}

/// Draws one line: each level's trend and total, as many as fit, and the onset.
pub(super) fn draw(matrix: &Matrix, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let (theme, zone) = (&look.shared.theme, look.shared.settings.zone.0);
    let mut room = area;
    if let Some(alert) = look.scope.alert.as_ref().filter(|_| area.width >= 60) {
        let text = format!("onset {}", format::clock(alert.onset, zone));
        put_right(buf, area, &text, theme.style(Role::Accent));
        room.width -= u16::try_from(width(&text)).unwrap_or(0) + 2;
    }
    let volumes = volumes(matrix);
    let shown = volumes.len().min(usize::from(room.width / 30).max(1));
    let each = room.width / u16::try_from(shown.max(1)).unwrap_or(1);
    for (i, volume) in volumes.iter().take(shown).enumerate() {
        let x = room.x + u16::try_from(i).unwrap_or(0) * each;
        let place = Rect { x, width: each.saturating_sub(2), ..room };
        let total = format::count(volume.total as u64);
        let after = put(buf, place, x, volume.name, theme.style(Role::Dim)) + 1;
        let cells = place.right().saturating_sub(after + u16::try_from(width(&total)).unwrap_or(0) + 1);
        let trend = spark(&volume.samples, matrix.range, usize::from(cells), look.shared.glyphs);
        let end = put(buf, place, after, &trend, theme.style(volume.role));
        mark_onset(matrix, look, Rect { x: after, width: cells, ..place }, buf);
        put(buf, place, end + 1, &total, theme.style(Role::Text));
    }
}

/// The cell of the onset stands out.
fn mark_onset(matrix: &Matrix, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let Some(alert) = look.scope.alert.as_ref().filter(|a| matrix.range.contains(a.onset) && area.width > 0) else { return };
    let share = alert.onset.since(matrix.range.start).as_secs_f64() / matrix.range.duration().as_secs_f64().max(1e-9);
    let column = ((share * f64::from(area.width)) as u16).min(area.width - 1);
    buf.set_style(Rect { x: area.x + column, width: 1, ..area }, look.shared.theme.style(Role::Accent));
}
