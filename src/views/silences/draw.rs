//! How the silences look: the list, and below it all of the selected one, or the question whether to expire it.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Expiring, Pane, Silences, rows};
use crate::{
    core::command::Command,
    model::{
        labels::Matcher,
        silence::{MatcherSet, Silence, SilenceState},
        time::Timestamp,
    },
    theme::Role,
    ui::{
        format,
        panel::{self, Panel},
        table::{Cell, Column, Table, position},
    },
    views::{
        Look,
        sheet::Sheet,
        silence_form::{Hits, add_silence},
    },
};

const COLUMNS: [Column; 6] = [
    Column::text("STATE", 7, 7),
    Column::number("HITS", 6),
    Column::text("ENDS", 12, 22),
    Column::text("MATCHERS", 16, u16::MAX),
    Column::text("BY", 6, 16).drop(1),
    Column::text("COMMENT", 12, 40).drop(2),
];
/// Alerts that are named below a silence.
const NAMED: usize = 200;

/// The list, and what is selected below it; a pane without room is empty.
pub(super) fn places(view: &Silences, area: Rect) -> (Rect, Rect) {
    let asks = view.expiring.is_some();
    if (area.height < 12 || view.alone) && !asks {
        let none = Rect { height: 0, ..area };
        return if view.pane == Pane::List { (area, none) } else { (none, area) };
    }
    let wanted = u16::try_from(view.rows.len()).unwrap_or(u16::MAX).saturating_add(3).max(5);
    let list = Rect { height: wanted.min(area.height / 2).max(3).min(area.height), ..area };
    let y = list.bottom().saturating_sub(1);
    (list, Rect { y, height: area.bottom().saturating_sub(y), ..area })
}

pub(super) fn render(view: &Silences, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let (list, detail) = places(view, area);
    if list.height > 0 {
        render_list(view, look, list, buf);
    }
    if detail.height > 0 {
        let title = match (&view.expiring, view.selected()) {
            (Some(Expiring::Asked(_)), _) => "expire this silence?".to_owned(),
            (Some(Expiring::Writing(_)), _) => "expiring".to_owned(),
            (None, Some(row)) => row.silence.id.clone(),
            (None, None) => "silence".to_owned(),
        };
        let focused = view.pane == Pane::Detail || view.expiring.is_some();
        let inner = Panel::new(title).focused(focused).render(look.shared, detail, buf);
        sheet(view, look).render(look.shared, inner, buf, view.scroll);
    }
}

fn render_list(view: &Silences, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let shared = look.shared;
    let state = panel::state(&view.told, look);
    let focused = view.pane == Pane::List && view.expiring.is_none();
    let title = if view.told.value().is_some() { format!("Silences  {}", rows::counts(&view.rows)) } else { "Silences".to_owned() };
    let failed = view.told.value().into_iter().flat_map(|told| told.failed().map(|(_, error)| format!("{error}   ")));
    let note = format!("{}{}   {}", failed.collect::<String>(), view.order.name(), position(&view.table, view.rows.len()));
    let inner = Panel::new(title).focused(focused).note(note).state(&state).render(shared, area, buf);
    if let Some(lines) = &state.blank {
        return panel::message(shared, inner, buf, lines);
    }
    if view.rows.is_empty() {
        return panel::message(shared, inner, buf, &nothing(view, look));
    }
    let table = Table { columns: &COLUMNS, rows: view.rows.len(), state: &view.table, focused };
    table.render(shared, inner, buf, |row, column| view.rows.get(row).map_or_else(Cell::default, |r| cell(look, r, column)));
    if state.stale {
        panel::dim(shared, inner, buf);
    }
}

fn nothing(view: &Silences, look: &Look<'_>) -> Vec<String> {
    let key = |command: Command| look.shared.keymap.key(command).unwrap_or_default();
    if view.filter.is_empty() {
        let how = format!("{} on an alert silences it, {} here begins an empty one.", key(Command::Silence), key(Command::Silence));
        vec!["Alertmanager has no silence, neither active nor expired.".to_owned(), how]
    } else {
        vec!["No silence passes the filter.".to_owned(), format!("{} and Esc take it away.", key(Command::Filter))]
    }
}

fn cell<'a>(look: &Look<'_>, row: &'a rows::Row, column: usize) -> Cell<'a> {
    let Silence { state, matchers, created_by, comment, .. } = &row.silence;
    let style = |role| look.shared.theme.style(role);
    let text = style(if *state == SilenceState::Expired { Role::Dim } else { Role::Text });
    match column {
        0 => Cell::new(state.as_str(), text),
        1 => Cell::new(row.hits.as_ref().map_or_else(|| format::MISSING.to_owned(), |h| format::count(h.len() as u64)), text),
        2 => Cell::new(ends(&row.silence, look), text),
        3 => Cell::new(matchers.iter().map(Matcher::to_string).collect::<Vec<_>>().join("  "), text),
        4 => Cell::new(created_by.as_str(), text),
        _ => Cell::new(comment.as_str(), text),
    }
}

/// `in 2h · 18:00`, `3h ago`, `begins in 10m`.
fn ends(silence: &Silence, look: &Look<'_>) -> String {
    let clock = |at| format::day_clock(at, look.now, look.shared.settings.zone.0);
    let dot = look.shared.glyphs.middle_dot;
    match silence.state {
        SilenceState::Active if silence.ends_at == Timestamp::LATEST => clock(silence.ends_at),
        SilenceState::Active => format!("in {} {dot} {}", format::age(silence.ends_at.since(look.now)), clock(silence.ends_at)),
        SilenceState::Pending => format!("begins in {}", format::age(silence.starts_at.since(look.now))),
        SilenceState::Expired => format!("{} ago", format::age(look.now.since(silence.ends_at))),
    }
}

/// All of the selected silence and what it hits; the question, or what came of it, above.
pub(super) fn sheet(view: &Silences, look: &Look<'_>) -> Sheet {
    let mut sheet = Sheet::default();
    let asked = match &view.expiring {
        Some(Expiring::Asked(silence) | Expiring::Writing(silence)) => Some(silence),
        None => None,
    };
    let row = match asked {
        Some(silence) => view.rows.iter().find(|r| r.silence.id == silence.id),
        None => view.selected(),
    };
    if matches!(view.expiring, Some(Expiring::Asked(_))) {
        sheet.head(question(view, row), Role::Warn);
    }
    for (i, sentence) in view.outcome.iter().enumerate() {
        sheet.head(sentence.clone(), if i == 0 { Role::Title } else { Role::Text });
    }
    if let Some(silence) = asked.or(row.map(|r| &r.silence)) {
        add_silence(&mut sheet, silence, look);
    }
    if let (Some(row), Some(told)) = (row, view.told.value()) {
        // Of one that is over only the one that is looked at.
        let again =
            || MatcherSet::new(&row.silence.matchers).map(|set| Hits::of(&set, told, None, &row.silence.at).rows).unwrap_or_default();
        let hits = row.hits.clone().unwrap_or_else(again);
        let verb = match row.silence.state {
            SilenceState::Active => "silences",
            SilenceState::Pending => "begun now it would silence",
            SilenceState::Expired => "made again it would silence",
        };
        sheet.heading(format!("{verb} {}", format::counted(hits.len(), "alert")));
        for alert in hits.iter().take(NAMED).filter_map(|i| told.alerts.get(*i)) {
            let labels = alert.labels.iter().filter(|(n, _)| *n != "alertname").map(|(n, v)| format!("{n}={v}"));
            sheet.add(alert.name(), labels.collect::<Vec<_>>().join("  "));
        }
        if hits.len() > NAMED {
            sheet.add("", format!("and {} more", format::count((hits.len() - NAMED) as u64)));
        }
    }
    sheet
}

/// What expiring means: alerts that no other silence matches are notified of again.
fn question(view: &Silences, row: Option<&rows::Row>) -> String {
    let (Some(row), Some(told)) = (row, view.told.value()) else {
        return "Expire it now? It cannot be taken back, only made again.".to_owned();
    };
    let hits = row.hits.as_deref().unwrap_or_default();
    let routed = hits.iter().filter_map(|i| told.alerts.get(*i)?.routing.as_ref());
    let loud = routed.filter(|r| r.is_quiet_by(&row.silence.id)).count();
    match row.silence.state {
        SilenceState::Pending => "It has not begun: nothing is silenced by it yet.".to_owned(),
        _ if hits.is_empty() => "It silences no alert now.".to_owned(),
        _ => format!("It silences {}: {} will notify again.", format::counted(hits.len(), "alert"), format::count(loud as u64)),
    }
}
