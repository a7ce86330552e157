//! A query's line: coloured as it is typed, brackets matched, what is wrong below its column.

use std::ops::Range;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_segmentation::UnicodeSegmentation;

use super::{Text, fault::Fault, lex::Kind, logql_words, words};
use crate::{
    app::Shared,
    core::typed::Language,
    theme::Role,
    ui::text::{cells, put, truncate},
};

/// What of the text is seen in so many cells: what is around the cursor, or around what is wrong.
pub(in crate::views) fn shown(text: &Text, fault: Option<&Fault>, room: u16, typing: bool) -> Range<usize> {
    if typing {
        return text.field().window(room).0;
    }
    let text = text.as_str();
    let room = usize::from(room);
    let at = fault.and_then(|f| f.at).map_or(0, |at| at.min(text.len()));
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
pub(in crate::views) fn render(shared: &Shared, typed: &Text, fault: Option<&Fault>, typing: bool, area: Rect, buf: &mut Buffer) {
    let text = typed.as_str();
    let seen = shown(typed, fault, area.width, typing);
    let pair = if typing { typed.lexed().pair(typed.field().cursor()) } else { None };
    let wrong = typed.lexed().wrong().map(|(at, _)| at);
    let all = &typed.lexed().tokens;
    let mut x = area.x;
    let mut place = seen.start;
    let first = all.partition_point(|t| t.end <= seen.start);
    for (i, token) in all.iter().enumerate().skip(first).take_while(|(_, t)| t.start < seen.end) {
        let (start, end) = (token.start.max(seen.start), token.end.min(seen.end));
        x = put(buf, area, x, &text[place..start], shared.theme.style(Role::Text));
        let mut style = style(shared, typed, i);
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

fn style(shared: &Shared, typed: &Text, i: usize) -> Style {
    let (text, all, language) = (typed.as_str(), &typed.lexed().tokens, typed.language);
    let token = all[i];
    let name = token.of(text);
    let calls = all.get(i + 1).is_some_and(|next| next.of(text) == "(");
    let begins_stage = i.checked_sub(1).is_some_and(|before| all[before].of(text) == "|");
    let is_stage = language == Language::LogQl && begins_stage && logql_words::stage(name).is_some();
    let filters = language == Language::LogQl && matches!(name, "|=" | "|~" | "|>" | "!>" | "|");
    let role = match token.kind {
        Kind::Name if is_stage || words::is_keyword(name, language) => Role::Accent,
        Kind::Name if words::is_aggregation(name, language) || (calls && words::callable(name, language).is_some()) => Role::Accent,
        Kind::Text { .. } => Role::Good,
        Kind::Operator if filters => Role::Accent,
        Kind::Operator | Kind::Comma | Kind::Comment => Role::Dim,
        Kind::Name | Kind::Number | Kind::Open | Kind::Close | Kind::Other => Role::Text,
    };
    shared.theme.style(role)
}

/// Draws what is wrong: a mark below its column, and the words below that.
pub(in crate::views) fn render_fault(shared: &Shared, typed: &Text, fault: &Fault, typing: bool, area: Rect, buf: &mut Buffer) {
    let style = shared.theme.style(Role::Bad);
    let text = typed.as_str();
    let seen = shown(typed, Some(fault), area.width, typing);
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
