//! The selected line, told of below the rows: where it was called from, and both sides in full width.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Compare, draw::draw_parts, said::Said, summary::Part};
use crate::{
    theme::Role,
    trace::{Trace, differences::Together},
    ui::{
        format,
        panel::Panel,
        text::{put, truncate_left, width},
    },
    views::{Look, waterfall::fault},
};

impl Compare {
    pub(super) fn draw_detail(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        let (Some((base, other, found)), Some(item), Some((in_base, in_other))) = (self.shown(), self.item(), self.nodes()) else {
            Panel::new("").render(look.shared, area, buf);
            return;
        };
        let said = Said::of(base, other, found, item);
        let title = format!("{} {} {}", said.service, look.shared.glyphs.middle_dot, said.name);
        let inner = Panel::new(title).render(look.shared, area, buf);
        let (trace, node) = in_other.map_or((base, in_base), |n| (other, Some(n)));
        let room = usize::from(inner.width.saturating_sub(1));
        let path = node.map_or_else(String::new, |n| path(look, trace, n as usize, room));
        let path = truncate_left(&path, room, look.shared.glyphs.ellipsis);
        let rows: Vec<Rect> = (inner.y..inner.bottom()).map(|y| Rect { y, height: 1, ..inner }).collect();
        let sides = [side("base", said.base), side("this", said.other)];
        if let Some(row) = rows.first() {
            put(buf, *row, inner.x + 1, &path, look.shared.theme.style(Role::Dim));
        }
        for (row, parts) in rows.iter().skip(1).zip(sides) {
            draw_parts(look, &parts, *row, buf);
        }
        if let Some(row) = rows.get(3) {
            let words = [(base, in_base, "base"), (other, in_other, "this")];
            let failed = words.into_iter().filter_map(|(trace, node, what)| Some((trace, node? as usize, what)));
            let failed = failed.filter(|(trace, node, _)| trace.nodes[*node].is_error());
            let faults = failed.map(|(trace, node, what)| format!("error of {what}: {}", fault(trace, node)));
            let parts: Vec<Part> = faults.map(|text| (text, Role::Bad)).collect();
            draw_parts(look, &parts, *row, buf);
        }
    }
}

/// What a side says of it.
fn side(what: &str, of: Option<Together>) -> Vec<Part> {
    let Some(together) = of else { return vec![(format!("{what} has none"), Role::Dim)] };
    let mut out = vec![(what.to_owned(), Role::Accent)];
    if together.count > 1 {
        out.push((format::counted(together.count as usize, "span"), Role::Text));
    }
    out.push((format!("start +{}", format::nanoseconds(together.from_ns)), Role::Text));
    out.push((format!("total {}", format::nanoseconds(together.total_ns)), Role::Text));
    out.push((format!("self {}", format::nanoseconds(together.self_ns)), Role::Text));
    if together.errors > 0 {
        out.push((format!("{} here or below", format::counted(together.errors as usize, "error")), Role::Bad));
    }
    out
}

/// Where a span was called from: `web POST /pay ▸ orders pool.acquire`. Of a longer one the end, as much as fills the room at least.
fn path(look: &Look<'_>, trace: &Trace, node: usize, room: usize) -> String {
    let mut used = 0;
    let mut names = Vec::new();
    for n in std::iter::once(node).chain(trace.ancestors(node)) {
        let name = format!("{} {}", trace.service(n), trace.name(n));
        used += width(&name);
        names.push(name);
        if used > room {
            break;
        }
    }
    names.reverse();
    names.join(&format!(" {} ", look.shared.glyphs.crumb))
}
