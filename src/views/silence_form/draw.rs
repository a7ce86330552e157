//! How the form looks: the fields beside or above the alerts that would be hit, the question, and what came of it.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    SilenceForm, Stage,
    fields::{PRESETS, Place},
    hits::is_silenced,
    subject::About,
};
use crate::{
    core::command::Command,
    model::{
        alert::Alert,
        backend::{ErrorKind, SourceError},
        labels::Matcher,
        silence::{Silence, SilenceEnd, SilenceOutcome, SilenceState},
        time::Timestamp,
    },
    theme::Role,
    ui::{
        format,
        panel::{self, Panel},
        table::{Cell, Column, Table, visible_rows},
        text::{put, truncate, width, wrap},
    },
    views::{Look, sheet::Sheet, silence_words},
};

/// The least of a screen's body that the form is shown in.
const LEAST: (u16, u16) = (40, 14);
/// From this width on the alerts are beside the form.
const WIDE: u16 = 120;
/// Cells of the names of the fields, and the space before and after them.
const LABEL: u16 = 11;
/// Rows of the alerts below the form, borders included.
const HITS: u16 = 7;
const COLUMNS: [Column; 5] = [
    Column::text("SEV", 3, 3),
    Column::text("STATE", 9, 9).drop(2),
    Column::text("NAME", 12, 36),
    Column::text("SERVICE", 8, 18),
    Column::text("OTHER LABELS", 12, u16::MAX).drop(1),
];

/// What a click in the form meant.
pub(super) enum Click {
    Field(Place),
    Preset(&'static str),
}

/// Whether there is room for the form.
pub(super) fn fits(area: Rect) -> bool {
    area.width >= LEAST.0 && area.height >= LEAST.1
}

enum Line {
    Field(Place, &'static str),
    Note(String, Role),
    Presets,
}

fn lines(form: &SilenceForm, look: &Look<'_>, room: u16) -> Vec<Line> {
    let mut out = Vec::new();
    let said = usize::from(room.saturating_sub(LABEL)).max(1);
    let note = |out: &mut Vec<Line>, text: &str, role| out.extend(wrap(text, said).into_iter().map(|row| Line::Note(row, role)));
    if let Some((None, error)) = &form.refused {
        refusal(error).iter().for_each(|text| note(&mut out, text, Role::Bad));
    }
    if let Some(words) = &form.target.words {
        note(&mut out, &format!("at {words}"), Role::Text);
    }
    for place in form.fields.places() {
        let label = match place {
            Place::Matcher(0) => "matchers",
            Place::Matcher(_) => "",
            Place::End => "for",
            Place::Start => "from",
            Place::Comment => "comment",
            Place::Author => "by",
        };
        out.push(Line::Field(place, label));
        let shown = form.asked || !matches!(place, Place::Comment | Place::Author);
        if let Some(why) = form.checked.error(place).filter(|_| shown) {
            note(&mut out, why, Role::Bad);
        }
        if let Some((Some(at), error)) = &form.refused
            && *at == place
        {
            refusal(error).iter().for_each(|text| note(&mut out, text, Role::Bad));
        }
        if place == Place::End {
            if let Some(text) = ends(form, look) {
                note(&mut out, &text, Role::Dim);
            }
            out.push(Line::Presets);
        }
    }
    out
}

fn refusal(error: &SourceError) -> Vec<String> {
    let advice = (error.kind != ErrorKind::BadQuery).then(|| silence_words::advice(error).to_owned());
    std::iter::once(error.to_string()).chain(advice).collect()
}

/// `until 21:40 UTC, in 2h`.
fn ends(form: &SilenceForm, look: &Look<'_>) -> Option<String> {
    let until = until(form, look)?;
    let before = match &form.subject.about {
        About::Silence(s) if s.state == SilenceState::Expired => format!("; it ended {}", clock(s.ends_at, look)),
        About::Silence(s) => format!("; it ends {} as it is", clock(s.ends_at, look)),
        About::Nothing | About::Alert { .. } | About::Fold(_) => String::new(),
    };
    Some(format!("until {}{before}", until))
}

fn clock(at: Timestamp, look: &Look<'_>) -> String {
    let (offset, zone) = &look.shared.settings.zone;
    format!("{} {zone}", format::day_clock(at, look.now, *offset))
}

/// The end in words.
fn until(form: &SilenceForm, look: &Look<'_>) -> Option<String> {
    let start = form.checked.start.unwrap_or(look.now).max(look.now);
    let (end, about) = match form.checked.end? {
        SilenceEnd::After(length) => (start + length, "about "),
        SilenceEnd::At(at) => (at, ""),
    };
    Some(format!("{about}{}, in {}", clock(end, look), format::age(end.since(look.now))))
}

struct Places {
    form: Rect,
    hits: Rect,
}

fn places(form: &SilenceForm, look: &Look<'_>, area: Rect) -> Places {
    if area.width >= WIDE {
        let left = Rect { width: area.width / 2, ..area };
        return Places { form: left, hits: Rect { x: left.right() - 1, width: area.width - left.width + 1, ..area } };
    }
    let wanted = match form.stage {
        Stage::Edit => u16::try_from(lines(form, look, area.width.saturating_sub(2)).len()).unwrap_or(u16::MAX).saturating_add(2),
        _ => sheet(form, look).map_or(0, |s| s.rows(area.width.saturating_sub(2), look.shared)).max(area.height / 2).saturating_add(2),
    };
    let top = Rect { height: wanted.min(area.height.saturating_sub(HITS - 1)), ..area };
    let y = top.bottom().saturating_sub(1);
    Places { form: top, hits: Rect { y, height: area.bottom() - y, ..area } }
}

/// The lines that are visible: so many are above them.
fn first_line(form: &SilenceForm, lines: &[Line], height: u16) -> usize {
    let height = usize::from(height).max(1);
    let focus = lines.iter().position(|l| matches!(l, Line::Field(place, _) if *place == form.fields.focus)).unwrap_or(0);
    // What is said below the field is seen with it.
    let last = (focus + 1..lines.len()).take_while(|i| matches!(lines[*i], Line::Note(..) | Line::Presets)).last().unwrap_or(focus);
    (last + 1).saturating_sub(height).min(focus)
}

fn preset_places(area: Rect) -> impl Iterator<Item = (&'static str, Rect)> {
    let mut x = area.x + LABEL;
    PRESETS.into_iter().map(move |text| {
        let cells = u16::try_from(width(text)).unwrap_or(0);
        let place = Rect { x, width: cells, height: 1, ..area };
        x += cells + 2;
        (text, place.intersection(area))
    })
}

fn row(inner: Rect, i: usize) -> Rect {
    Rect { y: inner.y + u16::try_from(i).unwrap_or(0), height: 1, ..inner }
}

/// What is at a place.
pub(super) fn click(form: &SilenceForm, look: &Look<'_>, area: Rect, at: Position) -> Option<Click> {
    let inner = Panel::inner(places(form, look, area).form);
    if !fits(area) || !inner.contains(at) {
        return None;
    }
    let lines = lines(form, look, inner.width);
    match lines.get(first_line(form, &lines, inner.height) + usize::from(at.y - inner.y))? {
        Line::Field(place, _) => Some(Click::Field(*place)),
        Line::Presets => preset_places(Rect { y: at.y, height: 1, ..inner }).find(|(_, p)| p.contains(at)).map(|(t, _)| Click::Preset(t)),
        Line::Note(..) => None,
    }
}

/// The cursor in the field that has the keys.
pub(super) fn cursor(form: &SilenceForm, look: &Look<'_>, area: Rect) -> Option<Position> {
    let inner = Panel::inner(places(form, look, area).form);
    let lines = lines(form, look, inner.width);
    let first = first_line(form, &lines, inner.height);
    let line = lines.iter().position(|l| matches!(l, Line::Field(place, _) if *place == form.fields.focus))?.checked_sub(first)?;
    let column = form.fields.get(form.fields.focus)?.visible(inner.width.saturating_sub(LABEL)).1;
    fits(area).then(|| Position::new(inner.x + LABEL + column, row(inner, line).y))
}

pub(super) fn render(form: &SilenceForm, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    if !fits(area) {
        let (w, h) = LEAST;
        let lines = [
            format!("A silence needs {w}×{h} here, this is {}×{}.", area.width, area.height),
            "Nothing is lost: make the screen larger.".to_owned(),
        ];
        return panel::message(look.shared, area, buf, &lines);
    }
    let places = places(form, look, area);
    let title = match &form.subject.about {
        About::Nothing => "a silence".to_owned(),
        About::Alert { name, .. } => format!("silence {name}"),
        About::Fold(fold) => format!("silence {}, {}", fold.name, format::counted(fold.alerts, "alert")),
        About::Silence(s) if s.state == SilenceState::Expired => format!("again, as {}", s.id),
        About::Silence(s) => format!("change {}", s.id),
    };
    let asks = matches!(form.stage, Stage::Review);
    let title = if asks { format!("write this?  {title}") } else { title };
    let said = sheet(form, look);
    let is_cut = said.as_ref().is_some_and(|s| s.is_cut(Panel::inner(places.form), look.shared, form.scroll));
    let note = if is_cut { "more below: Down" } else { "" };
    let inner = Panel::new(title).focused(true).note(note).render(look.shared, places.form, buf);
    match &form.stage {
        Stage::Writing { since, looking } => writing(look, *since, looking.as_ref(), inner, buf),
        _ => match said {
            Some(sheet) => sheet.render(look.shared, inner, buf, form.scroll),
            None => edit(form, look, inner, buf),
        },
    }
    hits(form, look, places.hits, buf);
}

/// What is said in place of the fields: the question, or what came of it.
fn sheet(form: &SilenceForm, look: &Look<'_>) -> Option<Sheet> {
    match &form.stage {
        Stage::Edit | Stage::Writing { .. } => None,
        Stage::Review => Some(review(form, look)),
        Stage::Ended(outcome) => Some(ended(form, look, outcome)),
    }
}

/// Where that is scrolled to by a command.
pub(super) fn scrolled(form: &SilenceForm, look: &Look<'_>, area: Rect, command: Command) -> usize {
    let mut scroll = form.scroll;
    if let Some(sheet) = sheet(form, look) {
        sheet.scroll(&mut scroll, command, Panel::inner(places(form, look, area).form), look.shared);
    }
    scroll
}

fn edit(form: &SilenceForm, look: &Look<'_>, inner: Rect, buf: &mut Buffer) {
    let (shared, style) = (look.shared, |role| look.shared.theme.style(role));
    let lines = lines(form, look, inner.width);
    let first = first_line(form, &lines, inner.height);
    for (i, line) in lines.iter().skip(first).take(usize::from(inner.height)).enumerate() {
        let row = row(inner, i);
        let (x, room) = (row.x + LABEL, row.width.saturating_sub(LABEL));
        match line {
            Line::Note(text, role) => drop(put(buf, row, x, text, style(*role))),
            Line::Presets => {
                for (text, place) in preset_places(row) {
                    let chosen = form.fields.end.text().trim() == text;
                    put(buf, place, place.x, text, style(if chosen { Role::Accent } else { Role::Dim }));
                }
            }
            Line::Field(place, label) => {
                let focused = *place == form.fields.focus;
                put(buf, row, row.x + 2, label, style(if focused { Role::Accent } else { Role::Dim }));
                let Some(field) = form.fields.get(*place) else { continue };
                let text = if focused { field.visible(room).0 } else { truncate(field.text(), usize::from(room), shared.glyphs.ellipsis) };
                if focused {
                    put(buf, row, row.x, shared.glyphs.selected, style(Role::SelectionBar));
                }
                put(buf, row, x, &text, style(Role::Text));
            }
        }
    }
}

/// Everything once more, the numbers first.
fn review(form: &SilenceForm, look: &Look<'_>) -> Sheet {
    let mut sheet = Sheet::default();
    match form.known_hits() {
        Some((hits, _)) => sheet.head(format!("It hits {} now.", hits.counted()), Role::Title),
        None => sheet.head("What it hits is not known: Alertmanager's alerts could not be read.", Role::Warn),
    }
    for warning in &form.warnings {
        sheet.head(warning.clone(), Role::Warn);
    }
    if form.pending.is_some() {
        let what = match form.tried(look.now) {
            Some(_) => "An earlier try got no answer. This is the same: it is looked for first.",
            None => "An earlier try got no answer. This is another one: both may be there then, see the list.",
        };
        sheet.head(what, Role::Warn);
    }
    add_matchers(&mut sheet, &form.checked.matchers);
    sheet.add("from", form.checked.start.map_or_else(|| "now".to_owned(), |at| clock(at, look)));
    sheet.add("until", until(form, look).unwrap_or_default());
    sheet.add("by", form.fields.author.text().trim());
    sheet.add("comment", form.fields.comment.text().trim());
    if let Some(words) = &form.target.words {
        sheet.add("at", words.clone());
    }
    if let Some(id) = form.subject.id() {
        sheet.add("changes", id);
    }
    sheet
}

/// One below the other, without the first line that [`Sheet`] gives the name of what has several.
pub(in crate::views) fn add_matchers(sheet: &mut Sheet, matchers: &[Matcher]) {
    for (i, matcher) in matchers.iter().enumerate() {
        sheet.add(if i == 0 { "matchers" } else { "" }, matcher.to_string());
    }
}

fn writing(look: &Look<'_>, since: Timestamp, looking: Option<&SourceError>, inner: Rect, buf: &mut Buffer) {
    let mut lines = vec![format!("Writing {} {}", look.shared.glyphs.middle_dot, format::age(look.now.since(since)))];
    if let Some(error) = looking {
        lines.push(format!("No answer: {}.", error.message));
        lines.push("It may have been taken all the same: the server's silences are looked through.".to_owned());
    }
    panel::message(look.shared, inner, buf, &lines);
}

fn ended(form: &SilenceForm, look: &Look<'_>, outcome: &SilenceOutcome) -> Sheet {
    let mut sheet = Sheet::default();
    let bad = match outcome {
        SilenceOutcome::Done { differences, twins, .. } if differences.is_empty() && twins.are_gone() => Role::Good,
        SilenceOutcome::Done { .. } | SilenceOutcome::Taken { .. } => Role::Warn,
        _ => Role::Bad,
    };
    for (i, sentence) in silence_words::sentences(outcome).into_iter().enumerate() {
        sheet.head(sentence, if i == 0 { bad } else { Role::Text });
    }
    if let SilenceOutcome::Done { silence, .. } = outcome {
        if let Some(told) = form.told.value().filter(|_| form.told_after == form.writes) {
            let by_it = |a: &&Alert| a.routing.as_ref().is_some_and(|r| r.silences().contains(&silence.id.as_str()));
            sheet.add("silences", format::counted(told.alerts.iter().filter(by_it).count(), "alert"));
        }
        add_silence(&mut sheet, silence, look);
        if let Some(old) = form.subject.id().filter(|old| *old != silence.id) {
            sheet.add("replaces", format!("{old}, which is over now"));
        }
        let key = |command: Command| look.shared.keymap.key(command).unwrap_or_default();
        sheet.add(
            "next",
            format!("{} all silences, {} copies its id, {} back", key(Command::Silences), key(Command::Yank), key(Command::Back)),
        );
    }
    sheet
}

/// All that a silence says.
pub(in crate::views) fn add_silence(sheet: &mut Sheet, silence: &Silence, look: &Look<'_>) {
    sheet.add("id", silence.id.clone());
    sheet.add("state", silence.state.as_str());
    if !silence.at.is_empty() {
        sheet.add("at", silence.at.join(", "));
    }
    add_matchers(sheet, &silence.matchers);
    sheet.add("from", clock(silence.starts_at, look));
    let when = match silence.ends_at {
        Timestamp::LATEST => String::new(),
        at if at <= look.now => format!(", {} ago", format::age(look.now.since(at))),
        at => format!(", in {}", format::age(at.since(look.now))),
    };
    sheet.add("until", format!("{}{when}", clock(silence.ends_at, look)));
    sheet.add("by", silence.created_by.clone());
    sheet.add("comment", silence.comment.clone());
}

/// Rows of alerts that are visible.
pub(super) fn hits_height(form: &SilenceForm, look: &Look<'_>, area: Rect) -> usize {
    let inner = Panel::inner(places(form, look, area).hits);
    visible_rows(below_warnings(form, inner).1)
}

fn below_warnings(form: &SilenceForm, inner: Rect) -> (Vec<String>, Rect) {
    let rows: Vec<String> = form.warnings.iter().flat_map(|w| wrap(w, usize::from(inner.width).saturating_sub(1).max(1))).collect();
    let shown: Vec<String> = rows.into_iter().take(usize::from(inner.height.saturating_sub(2))).collect();
    let height = u16::try_from(shown.len()).unwrap_or(0);
    (shown, Rect { y: inner.y + height, height: inner.height - height, ..inner })
}

fn hits(form: &SilenceForm, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
    let shared = look.shared;
    let state = panel::state(&form.told, look);
    let known = form.known_hits();
    let title = known.map_or_else(|| "would hit now".to_owned(), |(h, _)| format!("would hit now: {}", h.counted()));
    let inner = Panel::new(title).state(&state).render(shared, area, buf);
    let Some((hits, told)) = known else {
        let unclear = || vec!["What it hits is shown once every matcher is one.".to_owned()];
        return panel::message(shared, inner, buf, &state.blank.unwrap_or_else(unclear));
    };
    let (warnings, list) = below_warnings(form, inner);
    for (i, text) in warnings.iter().enumerate() {
        put(buf, row(inner, i), inner.x + 1, text, shared.theme.style(Role::Warn));
    }
    if hits.rows.is_empty() {
        return;
    }
    let table = Table { columns: &COLUMNS, rows: hits.rows.len(), state: &form.table, focused: false };
    table.render(shared, list, buf, |row, column| {
        hits.rows.get(row).map_or_else(Cell::default, |i| cell(form, look, &told.alerts[*i], column))
    });
    if state.stale {
        panel::dim(shared, inner, buf);
    }
}

fn cell<'a>(form: &SilenceForm, look: &Look<'_>, alert: &'a Alert, column: usize) -> Cell<'a> {
    let style = |role| look.shared.theme.style(role);
    match column {
        0 => Cell::new(format!("P{}", alert.severity.0), style(if alert.severity.0 <= 2 { Role::Bad } else { Role::Text })),
        1 if is_silenced(alert) => Cell::new("silenced", style(Role::Dim)),
        1 if alert.routing.as_ref().is_some_and(|r| !r.inhibited_by.is_empty()) => Cell::new("inhibited", style(Role::Dim)),
        1 => Cell::new("firing", style(Role::Text)),
        2 => Cell::new(alert.name(), style(Role::Text)),
        3 => Cell::new(alert.service.as_deref().unwrap_or(format::MISSING), style(Role::Text)),
        _ => {
            // What the matchers fix is the same in all rows.
            let fixed = |name: &str| form.checked.matchers.iter().any(|m| m.name == name && m.is_equal() && !m.is_regex());
            let others = alert.labels.iter().filter(|(n, _)| *n != "alertname" && !fixed(n));
            Cell::new(others.map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("  "), style(Role::Dim))
        }
    }
}
