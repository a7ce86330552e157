//! How many lines of each level over the window.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    model::{
        log::Level,
        series::{Matrix, Sample},
    },
    theme::Role,
    ui::{
        chart::TimeAxis,
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

/// The worst first; what the server knows no level of comes last, whatever its lines are shown as: it is the server that
/// counts.
fn volumes(matrix: &Matrix) -> Vec<Volume> {
    let mut out: Vec<Volume> = [
        ("error", Role::LevelError),
        ("warn", Role::LevelWarn),
        ("info", Role::LevelInfo),
        ("debug", Role::LevelDebug),
        ("unknown", Role::Dim),
    ]
    .map(|(name, role)| Volume { name, role, samples: Vec::new(), total: 0.0 })
    .into();
    for series in &matrix.series {
        let level = series.labels.get("detected_level").and_then(Level::parse).unwrap_or_default();
        let place = match level {
            Level::Error | Level::Fatal => 0,
            Level::Warn => 1,
            Level::Info => 2,
            Level::Debug | Level::Trace => 3,
            Level::Unknown => 4,
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

/// One level's place: its name, its trend, its total.
struct Place {
    volume: Volume,
    area: Rect,
    trend: Rect,
    total: String,
}

/// The levels side by side, as many as fit, and the place of the onset's words at the right.
fn places(matrix: &Matrix, look: &Look<'_>, area: Rect) -> Vec<Place> {
    let room = Rect { width: area.width - onset(look, area).map_or(0, |text| cells(&text) + 2), ..area };
    let volumes = volumes(matrix);
    let shown = volumes.len().min(usize::from(room.width / 30).max(1));
    let each = room.width / u16::try_from(shown.max(1)).unwrap_or(1);
    let place = |(i, volume): (u16, Volume)| {
        let area = Rect { x: room.x + i * each, width: each.saturating_sub(2), ..room };
        let total = format::count(volume.total as u64);
        let x = area.x + cells(volume.name) + 1;
        let trend = Rect { x, width: area.right().saturating_sub(x + cells(&total) + 1), ..area };
        Place { volume, area, trend, total }
    };
    (0..).zip(volumes).take(shown).map(place).collect()
}

fn onset(look: &Look<'_>, area: Rect) -> Option<String> {
    let at = look.scope.alert.as_ref().filter(|_| area.width >= 60)?.onset?;
    Some(format!("onset {}", format::clock(at, look.shared.settings.zone.0)))
}

fn cells(text: &str) -> u16 {
    u16::try_from(width(text)).unwrap_or(u16::MAX)
}

/// Draws one line: each level's trend and total, as many as fit, and the onset.
pub(super) fn draw(matrix: &Matrix, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let theme = &look.shared.theme;
    if let Some(text) = onset(look, area) {
        put_right(buf, area, &text, theme.style(Role::Accent));
    }
    for Place { volume, area, trend, total } in places(matrix, look, area) {
        put(buf, area, area.x, volume.name, theme.style(Role::Dim));
        let text = spark(&volume.samples, matrix.range, usize::from(trend.width), look.shared.glyphs);
        put(buf, trend, trend.x, &text, theme.style(volume.role));
        mark_onset(matrix, look, trend, buf);
        put(buf, area, trend.right() + 1, &total, theme.style(Role::Text));
    }
}

/// The trend at a place, over which a range of time can be dragged.
pub(super) fn axis_at(matrix: &Matrix, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
    if !area.contains(at) {
        return None;
    }
    let place = places(matrix, look, area).into_iter().find(|p| p.trend.contains(at))?;
    Some(TimeAxis { area: place.trend, range: matrix.range })
}

/// The cell of the onset stands out.
fn mark_onset(matrix: &Matrix, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let onset = look.scope.alert.as_ref().and_then(|a| a.onset).filter(|at| matrix.range.contains(*at) && area.width > 0);
    let Some(onset) = onset else { return };
    let share = onset.since(matrix.range.start).as_secs_f64() / matrix.range.duration().as_secs_f64().max(1e-9);
    let column = ((share * f64::from(area.width)) as u16).min(area.width - 1);
    buf.set_style(Rect { x: area.x + column, width: 1, ..area }, look.shared.theme.style(Role::Accent));
}
