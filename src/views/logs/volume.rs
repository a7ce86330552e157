//! How many lines of each level over the window, or how many bytes of each stream where lines are not counted.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use crate::{
    model::{
        log::Level,
        series::{Matrix, Sample, Series},
        time::TimeRange,
    },
    theme::Role,
    ui::{
        chart::TimeAxis,
        format,
        spark::bars,
        text::{put, put_right, truncate, width},
    },
    views::Look,
};

/// The lines of one level, or the bytes of some streams.
struct Volume {
    name: String,
    style: Style,
    samples: Vec<Sample>,
    total: f64,
}

impl Volume {
    fn add(&mut self, samples: &[Sample]) {
        for sample in samples.iter().filter(|s| s.value.is_finite()) {
            self.total += sample.value;
            match self.samples.binary_search_by_key(&sample.at, |s| s.at) {
                Ok(i) => self.samples[i].value += sample.value,
                Err(i) => self.samples.insert(i, *sample),
            }
        }
    }

    fn shown_total(&self, is_bytes: bool) -> String {
        if is_bytes { format::bytes(self.total) } else { format::count(self.total as u64) }
    }
}

/// Lines by level, the worst first; what the server knows no level of comes last, whatever its lines are shown as: it is the
/// server that counts.
fn levels(matrix: &Matrix, look: &Look<'_>) -> Vec<Volume> {
    let mut out: Vec<Volume> = [
        ("error", Role::LevelError),
        ("warn", Role::LevelWarn),
        ("info", Role::LevelInfo),
        ("debug", Role::LevelDebug),
        ("unknown", Role::Dim),
    ]
    .map(|(name, role)| Volume { name: name.to_owned(), style: look.shared.theme.style(role), samples: Vec::new(), total: 0.0 })
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
        out[place].add(&series.samples);
    }
    out.retain(|v| v.total > 0.0);
    out
}

/// Bytes by stream, as far as the selector tells streams apart: the largest first, with the rest in one.
fn streams(matrix: &Matrix, look: &Look<'_>, most: usize) -> Vec<Volume> {
    let named = |series: &Series| series.labels.iter().map(|(_, value)| value).collect::<Vec<_>>().join(" ");
    let mut out: Vec<Volume> = Vec::new();
    for series in &matrix.series {
        let name = named(series);
        let style = look.shared.service_style(&name);
        let mut volume = Volume { name, style, samples: Vec::new(), total: 0.0 };
        volume.add(&series.samples);
        out.push(volume);
    }
    out.sort_by(|a, b| b.total.total_cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
    if out.len() > most {
        let others = out.split_off(most.max(1) - 1);
        let name = format!("{} others", others.len());
        let mut rest = Volume { name, style: look.shared.theme.style(Role::Dim), samples: Vec::new(), total: 0.0 };
        others.iter().for_each(|other| rest.add(&other.samples));
        out.push(rest);
    }
    out
}

/// One trend's place: its name, its trend, its total.
struct Place {
    volume: Volume,
    area: Rect,
    trend: Rect,
    total: String,
}

/// Cells of a name, at the most.
const NAME: usize = 16;

/// The trends side by side, as many as fit, and the place of the onset's words at the right.
fn places(matrix: &Matrix, is_bytes: bool, look: &Look<'_>, area: Rect) -> Vec<Place> {
    let room = Rect { width: area.width - onset(look, area).map_or(0, |text| cells(&text) + 2), ..area };
    let most = usize::from(room.width / 30).max(1);
    let volumes = if is_bytes { streams(matrix, look, most) } else { levels(matrix, look) };
    let shown = volumes.len().min(most);
    let each = room.width / u16::try_from(shown.max(1)).unwrap_or(1);
    let place = |(i, volume): (u16, Volume)| {
        let area = Rect { x: room.x + i * each, width: each.saturating_sub(2), ..room };
        let total = volume.shown_total(is_bytes);
        let volume = Volume { name: truncate(&volume.name, NAME, look.shared.glyphs.ellipsis), ..volume };
        let x = area.x + cells(&volume.name) + 1;
        let trend = Rect { x, width: area.right().saturating_sub(x + cells(&total) + 1), ..area };
        Place { volume, area, trend, total }
    };
    (0..).zip(volumes).take(shown).map(place).collect()
}

/// How much there is of each in a range: counts stand at the end of the step that they count.
pub(super) fn within(matrix: &Matrix, is_bytes: bool, look: &Look<'_>, range: TimeRange) -> Vec<(String, f64)> {
    let volumes = if is_bytes { streams(matrix, look, usize::MAX) } else { levels(matrix, look) };
    let inside = |v: &Volume| v.samples.iter().filter(|s| range.start < s.at && s.at <= range.end).map(|s| s.value).sum::<f64>();
    volumes.into_iter().map(|v| (inside(&v), v.name)).filter(|(n, _)| *n > 0.0).map(|(n, name)| (name, n)).collect()
}

/// The trends as they lie on the screen.
pub(super) fn axes(matrix: &Matrix, is_bytes: bool, look: &Look<'_>, area: Rect) -> Vec<TimeAxis> {
    let axis = |place: Place| TimeAxis { area: place.trend, range: matrix.range };
    places(matrix, is_bytes, look, area).into_iter().map(axis).filter(|axis| axis.area.width > 0).collect()
}

/// Columns of the widest trend.
pub(super) fn columns(matrix: &Matrix, is_bytes: bool, look: &Look<'_>, area: Rect) -> u16 {
    axes(matrix, is_bytes, look, area).iter().map(|axis| axis.area.width).max().unwrap_or(0)
}

fn onset(look: &Look<'_>, area: Rect) -> Option<String> {
    let at = look.scope.alert.as_ref().filter(|_| area.width >= 60)?.onset?;
    Some(format!("onset {}", format::clock(at, look.shared.settings.zone.0)))
}

fn cells(text: &str) -> u16 {
    u16::try_from(width(text)).unwrap_or(u16::MAX)
}

/// Draws one line: each level's trend and total, or each stream's, as many as fit, and the onset.
pub(super) fn draw(matrix: &Matrix, is_bytes: bool, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let theme = &look.shared.theme;
    if let Some(text) = onset(look, area) {
        put_right(buf, area, &text, theme.style(Role::Accent));
    }
    for Place { volume, area, trend, total } in places(matrix, is_bytes, look, area) {
        put(buf, area, area.x, &volume.name, theme.style(Role::Dim));
        let text = bars(&volume.samples, matrix.range, matrix.step, usize::from(trend.width), look.shared.glyphs);
        put(buf, trend, trend.x, &text, volume.style);
        mark_onset(matrix, look, trend, buf);
        put(buf, area, trend.right() + 1, &total, theme.style(Role::Text));
    }
}

/// The trend at a place, over which a range of time can be dragged.
pub(super) fn axis_at(matrix: &Matrix, is_bytes: bool, look: &Look<'_>, area: Rect, at: Position) -> Option<TimeAxis> {
    axes(matrix, is_bytes, look, area).into_iter().find(|axis| axis.area.contains(at))
}

/// The cell of the onset stands out.
fn mark_onset(matrix: &Matrix, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let onset = look.scope.alert.as_ref().and_then(|a| a.onset).filter(|at| matrix.range.contains(*at) && area.width > 0);
    let Some(onset) = onset else { return };
    let share = onset.since(matrix.range.start).as_secs_f64() / matrix.range.duration().as_secs_f64().max(1e-9);
    let column = ((share * f64::from(area.width)) as u16).min(area.width - 1);
    buf.set_style(Rect { x: area.x + column, width: 1, ..area }, look.shared.theme.style(Role::Accent));
}
