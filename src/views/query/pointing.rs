//! What the mouse does: it chooses in the list, puts the cursor into a query, selects a series, moves what is under it.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{Query, result};
use crate::views::{Cx, Pointed, View, editor::line};

impl Query {
    pub(super) fn point(&mut self, cx: &mut Cx<'_>, event: MouseEvent) -> Pointed {
        let at = Position::new(event.column, event.row);
        let places = self.places(cx.area);
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(cx, at, event),
            MouseEventKind::ScrollDown | MouseEventKind::ScrollUp => {
                let by = if event.kind == MouseEventKind::ScrollDown { 1 } else { -1 };
                if self.popup(cx.area).row_at(at).is_some() {
                    self.editor.step(by);
                } else if places.queries.contains(at) && !self.editor.typing {
                    self.focus = self.focus.saturating_add_signed(by).min(self.rows.len() - 1);
                } else {
                    if let Some((_, pointed)) = self.point_at_question(cx, at, event) {
                        return pointed;
                    }
                    return self.point_at_table(cx, at, event).map_or(Pointed::Nothing, |_| Pointed::Used);
                }
                Pointed::Used
            }
            _ => Pointed::Nothing,
        }
    }

    /// Lets the question at a place have the event. Returns whose it is and what it meant to it.
    fn point_at_question(&mut self, cx: &Cx<'_>, at: Position, event: MouseEvent) -> Option<(usize, Pointed)> {
        let places = self.places(cx.area);
        let (i, place) = places.results.iter().enumerate().find(|(_, p)| p.contains(at))?;
        Some((i, self.question_pointed(cx, i, *place, event)?))
    }

    /// Lets the table at a place have the event. Returns whose it is.
    fn point_at_table(&mut self, cx: &Cx<'_>, at: Position, event: MouseEvent) -> Option<usize> {
        let places = self.places(cx.area);
        let (i, place) = places.results.iter().enumerate().find(|(_, p)| p.contains(at))?;
        let table = result::table_area(&self.rows[i], *place);
        let rows = self.rows[i].reading.rows.len();
        (self.rows[i].table.mouse(event, table, rows) != Pointed::Nothing).then_some(i)
    }

    fn click(&mut self, cx: &mut Cx<'_>, at: Position, event: MouseEvent) -> Pointed {
        if let Some(offered) = self.popup(cx.area).row_at(at) {
            self.editor.choose(&mut self.rows[self.focus].text, offered);
            self.suggest(&cx.look);
            return Pointed::Used;
        }
        if let Some((row, column)) = self.line_at(cx.area, at) {
            let typing = self.editor.typing && row == self.focus;
            let (room, fault) = (self.popup(cx.area).line.width, self.rows[row].fault());
            let seen = line::shown(&self.rows[row].text, fault.as_ref(), room, typing);
            self.focus = row;
            self.editor.open();
            self.row_mut().text.change(|f| f.click(seen, column));
            return Pointed::Used;
        }
        if let Some((i, pointed)) = self.point_at_question(cx, at, event) {
            self.editor.close();
            self.focus = i;
            return if pointed == Pointed::Nothing { Pointed::Used } else { pointed };
        }
        let table = self.point_at_table(cx, at, event);
        let Some(focus) = table.or_else(|| self.places(cx.area).results.iter().position(|p| p.contains(at))) else {
            return Pointed::Nothing;
        };
        // What was typed stays, and keys are commands again for what was clicked.
        self.editor.close();
        self.focus = focus;
        if self.cursor.is_some()
            && let Some(axis) = self.time_axis(&cx.look, cx.area, at)
        {
            self.cursor = Some(axis.column(at.x).start);
            self.read(cx.area);
        }
        Pointed::Used
    }
}
