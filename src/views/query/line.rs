//! A query's line: coloured as it is typed, brackets matched, what is wrong below its column.

use std::ops::Range;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    lex::{Kind, Token},
    row::Query as Row,
    words,
};
use crate::{
    app::Shared,
    theme::Role,
    ui::{
        panel::Panel,
        text::{cells, put, truncate},
    },
};

/// Cells before a query's text: the selection bar, its letter and a blank.
pub(super) const LEAD: u16 = 3;

/// Cells for the text of a query in the pane of the queries.
pub(super) fn room(queries: Rect) -> u16 {
    Panel::inner(queries).width.saturating_sub(LEAD).max(1)
}

/// What of the text is seen in so many cells: what is around the cursor, or around what is wrong.
pub(super) fn shown(row: &Row, room: u16, typing: bool) -> Range<usize> {
    let text = row.field().text();
    if typing {
        return row.field().window(room).0;
    }
    let room = usize::from(room);
    let at = row.fault().and_then(|f| f.at).map_or(0, |at| at.min(text.len()));
    // A third of the room is left for what follows, unless nothing does.
    let after = fitting(text[at..].graphemes(true), room);
    let before = fitting(text[..at].graphemes(true).rev(), (room - after.1.max(1)).max(room * 2 / 3));
    let start = at - before.0;
    start..start + fitting(text[start..].graphemes(true), room).0
}

/// The bytes and cells of the first graphemes that have room.
fn fitting<'t>(graphemes: impl Iterator<Item = &'t str>, room: usize) -> (usize, usize) {
    let (mut bytes, mut used) = (0, 0);
    for grapheme in graphemes {
        let more = cells(grapheme);
        if used + more > room {
            break;
        }
        bytes += grapheme.len();
        used += more;
    }
    (bytes, used)
}

/// Draws the text of a query into a line.
pub(super) fn render(shared: &Shared, row: &Row, typing: bool, area: Rect, buf: &mut Buffer) {
    let text = row.field().text();
    let seen = shown(row, area.width, typing);
    let pair = if typing { row.lexed().pair(row.field().cursor()) } else { None };
    let wrong = row.lexed().wrong().map(|(at, _)| at);
    let all = &row.lexed().tokens;
    let mut x = area.x;
    let mut place = seen.start;
    let first = all.partition_point(|t| t.end <= seen.start);
    for (i, token) in all.iter().enumerate().skip(first).take_while(|(_, t)| t.start < seen.end) {
        let (start, end) = (token.start.max(seen.start), token.end.min(seen.end));
        x = put(buf, area, x, &text[place..start], shared.theme.style(Role::Text));
        let mut style = style(shared, text, all, i);
        if pair.is_some_and(|(open, close)| token.start == open || token.start == close) {
            style = style.patch(shared.theme.style(Role::Match));
        }
        if wrong == Some(token.start) {
            style = shared.theme.style(Role::Bad);
        }
        x = put(buf, area, x, &text[start..end], style);
        place = end;
    }
    put(buf, area, x, &text[place..seen.end], shared.theme.style(Role::Text));
    if seen.end < text.len() && !typing {
        put(buf, area, area.right() - 1, shared.glyphs.ellipsis, shared.theme.style(Role::Dim));
    }
}

fn style(shared: &Shared, text: &str, all: &[Token], i: usize) -> Style {
    let token = all[i];
    let calls = all.get(i + 1).is_some_and(|next| next.of(text) == "(");
    let role = match token.kind {
        Kind::Name if words::is_keyword(token.of(text)) => Role::Accent,
        Kind::Name if words::is_aggregation(token.of(text)) || (calls && words::callable(token.of(text)).is_some()) => Role::Accent,
        Kind::Text { .. } => Role::Good,
        Kind::Operator | Kind::Comma | Kind::Comment => Role::Dim,
        Kind::Name | Kind::Number | Kind::Open | Kind::Close | Kind::Other => Role::Text,
    };
    shared.theme.style(role)
}

/// Draws what is wrong: a mark below its column, and the words below that.
pub(super) fn render_fault(shared: &Shared, row: &Row, typing: bool, area: Rect, buf: &mut Buffer) {
    let Some(fault) = row.fault() else { return };
    let style = shared.theme.style(Role::Bad);
    let text = row.field().text();
    let seen = shown(row, area.width, typing);
    let line = |n: u16| Rect { y: area.y + n, height: 1, ..area };
    let mut words = line(1);
    match fault.at.map(|at| at.min(text.len())).filter(|at| *at >= seen.start && *at <= seen.end) {
        Some(at) => {
            let column = text[seen.start..at].graphemes(true).map(cells).sum::<usize>();
            let column = u16::try_from(column).unwrap_or(u16::MAX).min(area.width - 1);
            put(buf, line(0), area.x + column, "^", style);
        }
        None => words = line(0),
    }
    if words.y < area.bottom() {
        put(buf, words, words.x, &truncate(&fault.message, usize::from(words.width), shared.glyphs.ellipsis), style);
    }
}
