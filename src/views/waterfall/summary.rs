//! What is said of the whole trace, above its rows.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Waterfall, digest::Digest, short};
use crate::{
    theme::Role,
    ui::{
        format, panel,
        text::{put, truncate, width},
    },
    views::Look,
};

impl Waterfall {
    pub(super) fn draw_summary(&self, look: &Look<'_>, digest: &Digest, area: Rect, buf: &mut Buffer) {
        let style = |role| look.shared.theme.style(role);
        let trace = &digest.trace;
        let count = |n: usize, what: &str| format::counted(n, what);
        let mut parts = Vec::new();
        if let Some(root) = trace.root {
            parts.push((trace.name(root as usize).to_string(), Role::Text));
        }
        parts.push((format::nanoseconds(trace.duration_ns()), Role::Text));
        if trace.error_count > 0 {
            parts.push((count(trace.error_count as usize, "error"), Role::Bad));
        }
        let services = count(trace.services.len(), "service");
        parts.push((format!("{}, {services}", count(trace.span_count as usize, "span")), Role::Text));
        let root = trace.root.map(|root| trace.nodes[root as usize].duration_ns).filter(|ns| *ns != trace.duration_ns());
        let root = root.map(|ns| (format!("the root {}", format::nanoseconds(ns)), Role::Text));
        let place_of_root = usize::from(trace.root.is_some()) + 1;
        let path = digest.path_words().filter(|_| self.path).map(|words| (format!("critical path: {words}"), Role::Text));
        let place_of_path = parts.len();
        // That it is old, or that asking again failed, before what else there is to say.
        let state = panel::state(&self.slot, look);
        parts.extend(state.note.map(|text| (text, Role::Warn)));
        parts.extend(self.lines.note(look, trace));
        parts.extend(oddities(digest, self.corrected).into_iter().map(|text| (text, Role::Warn)));
        let needed = |parts: &[(String, Role)]| parts.iter().map(|(text, _)| width(text) + 3).sum::<usize>();
        if let Some(path) = path {
            // What is odd is said first where there is no room for both.
            let fits = needed(&parts) + width(&path.0) < usize::from(area.width);
            parts.insert(if fits { place_of_path } else { parts.len() }, path);
        }
        // Who asked waited for the root alone.
        if let Some(root) = root.filter(|root| needed(&parts) + width(&root.0) < usize::from(area.width)) {
            parts.insert(place_of_root, root);
        }
        // The id is in the crumbs already: it is the first to go.
        let id = format!("trace {}", short(trace.id, look));
        if needed(&parts) + width(&id) < usize::from(area.width) {
            parts.insert(0, (id, Role::Dim));
        }
        let mut x = area.x + 1;
        for (text, role) in parts {
            let room = usize::from(area.right().saturating_sub(x));
            x = put(buf, area, x, &truncate(&text, room, look.shared.glyphs.ellipsis), style(role)) + 3;
        }
    }

    /// The ruler's line.
    pub(super) fn draw_measured(&self, look: &Look<'_>, area: Rect, buf: &mut Buffer) {
        if let Some(words) = self.measured() {
            put(buf, area, area.x + 1, &words, look.shared.theme.style(Role::Accent));
        }
    }
}

/// What is odd about the whole.
fn oddities(digest: &Digest, corrected: bool) -> Vec<String> {
    let trace = &digest.trace;
    let mut out = Vec::new();
    let missing = trace.missing_count();
    if missing > 0 {
        out.push(format!("{missing} missing"));
    }
    if trace.roots > 1 {
        out.push(format!("{} roots", trace.roots));
    }
    if corrected {
        let (moved, most) = digest.moved;
        out.push(format!("clocks put right: {} moved by up to {}", format::counted(moved, "span"), format::nanoseconds(most)));
    } else if trace.skewed_count > 0 {
        out.push(format!("{} skewed: clocks differ", trace.skewed_count));
    }
    if trace.copies > 0 {
        out.push(format!("{} of the same dropped", format::counted(trace.copies as usize, "span")));
    }
    if let Some(words) = &trace.partial {
        out.push(format!("partial: {words}"));
    }
    out
}
