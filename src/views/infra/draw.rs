//! How the Infra page looks.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Infra, SECTIONS,
    layout::{GRAPHS, panes},
    section::{Level, Row},
};
use crate::{
    theme::Role,
    ui::{
        format,
        panel::{self, Panel},
        table::{Cell, Table, position},
    },
    views::Look,
};

/// From this width on all sections have room for their reasons.
const WHY: u16 = 150;

impl Infra {
    pub(super) fn draw(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let places = panes(area, self);
        if self.shown().is_empty() {
            return self.draw_nothing(look, area, buf);
        }
        for section in 0..SECTIONS.len() {
            let place = places.of(section);
            if !place.is_empty() {
                self.draw_section(section, look, place, buf);
            }
        }
        let place = places.of(GRAPHS);
        if !place.is_empty() {
            self.graphs.draw(&self.row_graphs(look), look, self.pane == GRAPHS, place, buf);
        }
    }

    /// While nothing is told, or where nothing is there to be told.
    fn draw_nothing(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let inner = Panel::new("Infra").focused(true).render(look.shared, area, buf);
        let subject = self.subject(look);
        let asked = self.parts.iter().zip(SECTIONS).filter(|(_, section)| (section.query)(&subject).is_some());
        let waits = asked.map(|(part, _)| panel::state(&part.slot, look)).find_map(|state| state.blank);
        let lines = waits.unwrap_or_else(|| {
            let whose = look.scope.service.as_deref().unwrap_or("anything");
            vec![
                format!("Nothing tells what {whose} runs on."),
                "Looked for: kube-state-metrics, cAdvisor, node_exporter, blackbox_exporter, Pushgateway, queues, pools, up.".to_owned(),
            ]
        });
        panel::message(look.shared, inner, buf, &lines);
    }

    fn draw_section(&self, section: usize, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (shared, part, about) = (look.shared, &self.parts[section], SECTIONS[section]);
        let focused = self.pane == section;
        let state = panel::state(&part.slot, look);
        let line = shared.glyphs.horizontal;
        let mut title = about.name.to_owned();
        let all = part.count.max(part.all.len());
        let bad = part.rows.iter().filter(|row| row.level >= Level::Warn).count();
        if bad > 0 {
            title.push_str(&format!(" {line}{line} {} of {} not well", format::count(bad as u64), format::count(all as u64)));
        }
        // Where the column has no room, the selected row's reason stands here.
        if let Some(why) = self.selected().filter(|_| focused && area.width < WHY).map(Row::why).filter(|why| !why.is_empty()) {
            title.push_str(&format!(" {line}{line} {why}"));
        }
        if let Some(note) = self.filter.note().filter(|_| focused) {
            title.push_str(&format!(" {line}{line} {note}"));
        }
        let note = if part.rows.is_empty() { String::new() } else { position(&part.table, part.rows.len()) };
        let panel = Panel::new(title).focused(focused).note(note).state(&state);
        let inner = panel.render(shared, area, buf);
        if let Some(lines) = &state.blank {
            panel::message(shared, inner, buf, lines);
        } else if part.all.is_empty() {
            panel::message(
                shared,
                inner,
                buf,
                &[if all == 1 { "It is well.".to_owned() } else { format!("All {} are well.", format::count(all as u64)) }],
            );
        } else if part.rows.is_empty() {
            panel::message(shared, inner, buf, &["None passes the filter.".to_owned()]);
        } else {
            let table = Table { columns: about.columns, rows: part.rows.len(), state: &part.table, focused };
            table.render(shared, inner, buf, |row, column| cell(look, &part.rows[row], column));
            if state.stale {
                panel::dim(shared, inner, buf);
            }
        }
    }
}

fn role(level: Level) -> Role {
    match level {
        Level::Fine => Role::Text,
        Level::Gone => Role::Dim,
        Level::Warn => Role::Warn,
        Level::Bad => Role::Bad,
    }
}

fn cell(look: &Look<'_>, row: &Row, column: usize) -> Cell<'static> {
    let style = |level| look.shared.theme.style(role(level));
    let gone = row.level == Level::Gone;
    match column.checked_sub(1) {
        None => Cell::new(row.name.to_string(), style(if gone { Level::Gone } else { Level::Fine })),
        Some(figure) => match row.figures.get(figure) {
            Some(figure) => Cell::new(figure.text.clone(), style(if gone { Level::Gone } else { figure.level })),
            None => Cell::new(row.why(), style(row.level)),
        },
    }
}
