//! Narrower questions than one that reads too much: a shorter window, one service, or all but the largest.

use std::time::Duration;

use compact_str::CompactString;

use super::{Cost, Reading};
use crate::{
    model::{
        labels::{MatchOp, Matcher},
        log_size::{LogSize, longest_below},
        series::Matrix,
        time::{TimeRange, TimeWindow},
    },
    ui::format,
    views::Look,
};

/// The largest services that are left out together.
const LEFT_OUT: usize = 3;
/// Services that are offered alone.
const ALONE: usize = 100;

/// What can be done.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::views) enum Offer {
    /// Read all of it.
    All,
    /// Another window.
    Window(TimeWindow),
    /// One value of a label.
    Only(CompactString, CompactString),
    /// All but some values of a label.
    Without(CompactString, Vec<CompactString>),
}

/// A row of the question.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::views) struct Row {
    pub(in crate::views) words: String,
    pub(in crate::views) bytes: u64,
    pub(in crate::views) offer: Offer,
}

/// The conditions on a label that narrow a selector, as they are written in it.
pub(in crate::views) fn conditions(label: &CompactString, values: &[CompactString], keep: bool) -> String {
    let op = if keep { MatchOp::Equal } else { MatchOp::NotEqual };
    let all: Vec<String> = values.iter().map(|v| Matcher::new(label.clone(), op, v.clone()).to_string()).collect();
    all.join(", ")
}

impl Cost {
    /// The label that tells services apart and that no selector names, if there is one.
    pub(super) fn service_label(&self, look: &Look<'_>, readings: &[Reading]) -> Option<CompactString> {
        let services = look.shared.log_labels.value()?.labels();
        let mut sizes = Vec::new();
        for reading in readings {
            sizes.push(self.size(&reading.request(None))?.as_ref().ok()?);
        }
        // What is told apart without being asked for are the labels that the selector names.
        let is_named = |name: &str| sizes.iter().flat_map(|size| &size.series).any(|(labels, _)| labels.get(name).is_some());
        if services.iter().any(|s| is_named(&s.name)) { None } else { services.first().map(|s| s.name.clone()) }
    }

    /// The size by service of what is read most of: the label, and what was told.
    fn by_service(&self, look: &Look<'_>, readings: &[Reading]) -> Option<(CompactString, &LogSize)> {
        let asked = self.service_label(look, readings);
        let size = self.size(&self.main(readings)?.request(asked.as_deref()))?.as_ref().ok()?;
        let label = asked.or_else(|| {
            let labels = look.shared.log_labels.value()?.labels();
            labels.iter().map(|s| &s.name).find(|name| self.tells_apart(readings, name)).cloned()
        })?;
        Some((label, size))
    }

    /// Whether all that is read is of several values of a label: where one selector names its own, a condition for all of
    /// them would leave nothing of it.
    fn tells_apart(&self, readings: &[Reading], label: &str) -> bool {
        let sizes = readings.iter().map(|r| self.size(&r.request(None)).and_then(|known| known.as_ref().ok()));
        sizes.into_iter().all(|size| size.is_some_and(|size| size.by(label).len() > 1))
    }

    /// How many services the size is of, where that is told.
    pub(super) fn services_read(&self, look: &Look<'_>, readings: &[Reading]) -> Option<usize> {
        self.by_service(look, readings).map(|(label, size)| size.by(&label).len())
    }

    /// All rows: to read it, then what reads less than the limit. `over_time` are its bytes, as far as they are known.
    pub(in crate::views) fn offers(&self, look: &Look<'_>, readings: &[Reading], size: u64, over_time: Option<&Matrix>) -> Vec<Row> {
        let mut rows = vec![Row { words: "read all of it".to_owned(), bytes: size, offer: Offer::All }];
        let Some(limit) = look.shared.settings.ask_above else { return rows };
        if let (Some(matrix), Some(reading)) = (over_time, self.main(readings)) {
            rows.extend(windows(look, reading, matrix, (limit, size)));
        }
        if let Some((label, parts)) = self.by_service(look, readings) {
            rows.extend(services(&label, parts, size, limit));
        }
        rows
    }
}

/// Windows that fit: about the onset where there is one, and the newest part.
fn windows(look: &Look<'_>, reading: &Reading, matrix: &Matrix, sizes: (u64, u64)) -> Vec<Row> {
    let (range, zone) = (reading.reach.window(matrix.range), look.shared.settings.zone.0);
    let longest =
        |at: &dyn Fn(Duration) -> TimeRange| longest_below(matrix, sizes, range.duration(), |length| reading.reach.of(at(length)));
    let mut rows = Vec::new();
    let onset = look.scope.alert.as_ref().and_then(|a| a.onset).filter(|at| range.contains(*at));
    if let Some(onset) = onset {
        let about = |length: Duration| TimeRange { start: onset - length / 2, end: (onset + length / 2).min(range.end) };
        if let Some((length, bytes)) = longest(&about) {
            let words = format!("{} about the onset at {}", format::span(length), format::day_clock(onset, look.now, zone));
            rows.push(Row { words, bytes, offer: Offer::Window(TimeWindow::Fixed(about(length))) });
        }
    }
    let newest = |length: Duration| TimeRange { start: range.end - length, end: range.end };
    if let Some((length, bytes)) = longest(&newest) {
        let is_live = look.scope.window.is_live();
        let words = if is_live {
            format!("the last {} only", format::span(length))
        } else {
            let last = newest(length);
            let (from, to) = (format::day_clock(last.start, look.now, zone), format::day_clock(last.end, last.start, zone));
            format!("{} only: {from} {} {to}", format::span(length), look.shared.glyphs.dash)
        };
        let window = if is_live { TimeWindow::Last(length) } else { TimeWindow::Fixed(newest(length)) };
        rows.push(Row { words, bytes, offer: Offer::Window(window) });
    }
    rows
}

/// All but the largest services, and each alone, as far as that fits.
fn services(label: &CompactString, parts: &LogSize, size: u64, limit: u64) -> Vec<Row> {
    let all = parts.by(label);
    let mut rows = Vec::new();
    if all.len() < 2 {
        return rows;
    }
    let times = size as f64 / parts.total().max(1) as f64;
    let read = |bytes: u64| (bytes as f64 * times) as u64;
    let mut left = parts.total();
    for out in 1..=LEFT_OUT.min(all.len() - 1) {
        left = left.saturating_sub(all[out - 1].1);
        if read(left) <= limit {
            let names: Vec<&str> = all[..out].iter().map(|(name, _)| *name).collect();
            let offer = Offer::Without(label.clone(), names.iter().map(|n| (*n).into()).collect());
            rows.push(Row { words: format!("without {}", names.join(", ")), bytes: read(left), offer });
            break;
        }
    }
    let alone = all.iter().filter(|(_, bytes)| read(*bytes) <= limit).take(ALONE);
    rows.extend(alone.map(|(name, bytes)| Row {
        words: format!("only {name}"),
        bytes: read(*bytes),
        offer: Offer::Only(label.clone(), (*name).into()),
    }));
    rows
}
