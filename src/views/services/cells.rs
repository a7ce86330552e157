//! What is in the cells of Services, and how old it is.

use super::{
    QUESTIONS, Services, TREND,
    rank::{Row, Verdict},
    remark,
};
use crate::{
    theme::Role,
    ui::{
        format,
        panel::{self, State},
        spark::spark,
        table::Cell,
    },
    views::Look,
};

impl Services {
    /// Without rates there is no table. Figures that are old for themselves are dimmed alone, and those that were not
    /// answered at all are said.
    pub(super) fn state(&self, look: &Look<'_>) -> State {
        let state = panel::state(&self.now[0], look);
        if state != State::default() {
            return state;
        }
        let (now, past) = QUESTIONS.split_at(self.now.len());
        let (hour, marks) = past.split_at(self.hour.len());
        let now = now.iter().zip(&self.now).map(|(what, slot)| panel::part(what, slot, look));
        let hour = hour.iter().zip(&self.hour).map(|(what, slot)| panel::part(what, slot, look));
        let marks = marks.iter().zip([&self.highest, &self.mixed]).map(|(what, slot)| panel::part(what, slot, look));
        now.chain(hour).chain(marks).flatten().next().unwrap_or(state)
    }

    /// Whether a column shows what a failed refresh left.
    fn is_old(&self, column: usize) -> bool {
        match column {
            1 | 3 | 5 => self.now[column / 2].is_stale(),
            2 | 4 | 6 => self.hour[column / 2 - 1].is_stale(),
            _ => false,
        }
    }

    pub(super) fn cell(&self, look: &Look<'_>, row: &Row, column: usize) -> Cell<'static> {
        let shared = look.shared;
        let style = |role| shared.theme.style(if self.is_old(column) { Role::Stale } else { role });
        let text = |value: Option<f64>, show: fn(f64) -> String, role| {
            Cell::new(value.map_or_else(|| format::MISSING.to_owned(), show), style(role))
        };
        let bad_share = row.error_share().is_some_and(|s| s >= shared.error_threshold(&row.service));
        let errors = if bad_share { Role::Bad } else { Role::Text };
        let slow = if matches!(row.verdict, Verdict::Slow(_) | Verdict::Slower(_)) { Role::Warn } else { Role::Text };
        match column {
            0 => Cell::new(row.service.to_string(), shared.service_style(&row.service)),
            1 => text(row.rate, format::rate, Role::Text),
            3 => text(row.error_share(), format::percent, errors),
            5 if row.above => text(row.p95, |p95| format!(">{}", format::seconds(p95)), slow),
            5 if row.mixed => text(row.p95, |p95| format!("~{}", format::seconds(p95)), slow),
            5 => text(row.p95, format::seconds, slow),
            2 | 4 | 6 => Cell::new(self.trend(look, row, column / 2 - 1), style(Role::Dim)),
            _ => {
                let role = match row.verdict {
                    Verdict::Slow(_) | Verdict::Slower(_) => Role::Warn,
                    Verdict::Fine => Role::Dim,
                    _ => Role::Bad,
                };
                let reason = Some(row.reason(shared.settings.zone.0)).filter(|reason| !reason.is_empty());
                let both: Vec<String> = reason.into_iter().chain(self.remark(look, row)).collect();
                Cell::new(both.join("; "), style(role))
            }
        }
    }

    /// Why a figure of a row is missing, or is not exact.
    fn remark(&self, look: &Look<'_>, row: &Row) -> Option<String> {
        let answered = |question: usize| {
            let asked = self.cut(question).is_none_or(|cut| cut.has(&row.service));
            asked && self.now[question].value().is_some()
        };
        remark::remark(look.shared.red.value()?, row, [answered(1), answered(2)])
    }

    fn trend(&self, look: &Look<'_>, row: &Row, column: usize) -> String {
        let Some((matrix, place)) = self.hour[column].value().zip(row.hour[column]) else { return String::new() };
        let series = matrix.series.get(place);
        series.map_or_else(String::new, |s| spark(&s.samples, matrix.range, usize::from(TREND), look.shared.glyphs))
    }
}
