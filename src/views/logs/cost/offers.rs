//! Narrower questions than one that reads too much: a shorter window, one service, or all but the largest.

use std::time::Duration;

use compact_str::CompactString;

use super::super::{Logs, follow::Seed, query::Plan};
use super::readings;
use crate::{
    core::scope::Scope,
    logql_parts::with_matcher,
    model::{
        labels::{MatchOp, Matcher},
        log_size::{LogSize, longest_below},
        series::Matrix,
        time::{TimeRange, TimeWindow},
    },
    store::{Condition, Place},
    ui::format,
    views::{Act, Cx, Look},
};

/// The largest services that are left out together.
const LEFT_OUT: usize = 3;
/// Services that are offered alone.
const ALONE: usize = 100;

/// What can be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Offer {
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
pub(super) struct Row {
    pub(super) words: String,
    pub(super) bytes: u64,
    pub(super) offer: Offer,
}

impl Logs {
    /// The label that tells services apart and that the plan does not name, if there is one.
    pub(super) fn service_label(&self, look: &Look<'_>, plan: &Plan) -> Option<CompactString> {
        let reading = readings(plan).into_iter().next()?;
        let size = self.cost.size(&reading.request(look.scope.window, None))?.as_ref().ok()?;
        let services = look.shared.log_labels.value()?.labels();
        // What is told apart without being asked for are the labels that the selector names.
        let is_named = |name: &str| size.series.iter().any(|(labels, _)| labels.get(name).is_some());
        if services.iter().any(|s| is_named(&s.name)) { None } else { services.first().map(|s| s.name.clone()) }
    }

    /// The size by service: the label, and what was told.
    fn by_service(&self, look: &Look<'_>, plan: &Plan) -> Option<(CompactString, &LogSize)> {
        let reading = readings(plan).into_iter().next()?;
        let asked = self.service_label(look, plan);
        let size = self.cost.size(&reading.request(look.scope.window, asked.as_deref()))?.as_ref().ok()?;
        let label = asked.or_else(|| {
            let labels = look.shared.log_labels.value()?;
            labels.labels().iter().map(|s| &s.name).find(|name| size.by(name).len() > 1).cloned()
        })?;
        Some((label, size))
    }

    /// How many services the size is of, where that is told.
    pub(super) fn services_read(&self, look: &Look<'_>, plan: &Plan) -> Option<usize> {
        self.by_service(look, plan).map(|(label, size)| size.by(&label).len())
    }

    /// All rows: to read it, then what reads less than the limit.
    pub(super) fn offers(&self, look: &Look<'_>, size: u64) -> Vec<Row> {
        let mut rows = vec![Row { words: "read all of it".to_owned(), bytes: size, offer: Offer::All }];
        let (Some(plan), Some(limit)) = (self.plan(look), look.shared.settings.ask_above) else { return rows };
        if let Some(matrix) = self.volume.value().filter(|_| self.volume_is_bytes) {
            rows.extend(windows(look, matrix, size, limit));
        }
        if let Some((label, parts)) = self.by_service(look, &plan) {
            rows.extend(services(&label, parts, size, limit));
        }
        rows
    }

    /// What is selected of the question, if it is asked.
    pub(super) fn chosen_offer(&self, look: &Look<'_>) -> Option<Offer> {
        if !self.cost.asks {
            return None;
        }
        self.offers(look, self.question(look)?).into_iter().nth(self.cost.table.selected).map(|row| row.offer)
    }

    /// Selects it again where it is now: answers bring rows above it.
    pub(super) fn choose_offer(&mut self, look: &Look<'_>, offer: Option<Offer>) {
        let (Some(offer), Some(size)) = (offer, self.question(look)) else { return };
        if let Some(row) = self.offers(look, size).iter().position(|row| row.offer == offer) {
            self.cost.table.selected = row;
        }
    }

    pub(super) fn take(&mut self, cx: &mut Cx<'_>, row: Row) {
        match row.offer {
            Offer::All => {
                self.cost.agreed = row.bytes;
                self.note_question(&cx.look);
            }
            Offer::Window(window) => cx.acts.push(Act::Rescope(Box::new(cx.look.scope.with_window(window)))),
            Offer::Only(_, value) if self.typed.is_none() && cx.look.scope.service.is_none() => {
                let Scope { trace, span, matchers, .. } = cx.look.scope.clone();
                let scope = Scope { trace, span, matchers, ..cx.look.scope.with_service(value) };
                cx.acts.push(Act::Rescope(Box::new(scope)));
            }
            Offer::Only(label, value) => self.add(cx, &label, &[value], true),
            Offer::Without(label, values) => self.add(cx, &label, &values, false),
        }
    }

    /// Puts conditions on a label into the selector: behind it they would have everything read.
    fn add(&mut self, cx: &mut Cx<'_>, label: &CompactString, values: &[CompactString], keep: bool) {
        let Some(seed) = &self.typed else {
            let condition = |value: &CompactString| Condition::is(Place::Label, label, label.to_string(), value, keep);
            self.narrow_by(cx, |all| all.extend(values.iter().map(condition)));
            return;
        };
        let op = if keep { MatchOp::Equal } else { MatchOp::NotEqual };
        let all: Vec<String> = values.iter().map(|v| Matcher::new(label.clone(), op, v.clone()).to_string()).collect();
        let narrower = |query: &str| with_matcher(query, &all.join(", "));
        self.typed = Some(Seed { query: narrower(&seed.query), also: seed.also.as_deref().map(narrower), ..seed.clone() });
        self.restart();
        self.begin(cx.look.now, cx.look.range());
        self.note_question(&cx.look);
    }
}

/// Windows that fit: about the onset where there is one, and the newest part.
fn windows(look: &Look<'_>, matrix: &Matrix, size: u64, limit: u64) -> Vec<Row> {
    let (range, zone) = (matrix.range, look.shared.settings.zone.0);
    let mut rows = Vec::new();
    let onset = look.scope.alert.as_ref().and_then(|a| a.onset).filter(|at| range.contains(*at));
    if let Some(onset) = onset {
        let about = |length: Duration| TimeRange { start: onset - length / 2, end: (onset + length / 2).min(range.end) };
        if let Some((length, bytes)) = longest_below(matrix, limit, size, about) {
            let words = format!("{} about the onset at {}", format::span(length), format::day_clock(onset, look.now, zone));
            rows.push(Row { words, bytes, offer: Offer::Window(TimeWindow::Fixed(about(length))) });
        }
    }
    let newest = |length: Duration| TimeRange { start: range.end - length, end: range.end };
    if let Some((length, bytes)) = longest_below(matrix, limit, size, newest) {
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
