//! From the hits to their structure.

use super::{Traces, rows::Row};
use crate::views::{Act, Cx, structure::Seed};

impl Traces {
    /// Opens the hits that are shown as one tree.
    pub(super) fn open_structure(&self, cx: &mut Cx<'_>) {
        let shown = self.list.rows.iter().filter_map(|row| if let Row::Hit(hit) = row { self.hits().get(*hit) } else { None });
        let hits = shown.cloned().collect();
        let seed = Seed { hits, query: self.query(&cx.look) };
        cx.acts.push(Act::Structure(Box::new(seed), Box::new(cx.look.scope.clone())));
    }
}
