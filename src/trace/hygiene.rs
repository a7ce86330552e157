//! What cannot be true put right so that there is a tree: copies, cycles, parents that are missing, times.

use std::collections::hash_map::Entry;

use foldhash::{HashMap, HashMapExt, HashSet};

use super::{
    Flags, WARNINGS,
    build::{Draft, NONE, index},
};
use crate::model::trace::{Resource, Span, SpanId, SpanKind};

/// Drops exact copies, and flags ids that are used more than once, and spans with warnings. Gives back a draft for each span that is left, and how
/// many copies there were.
pub(super) fn without_copies(spans: &mut Vec<Span>, resources: &[Resource]) -> (Vec<Draft>, u32) {
    let key = |s: &Span| (s.id, s.start, s.end, s.name.clone(), service(s, resources).to_owned());
    // Only what has an id of which there is another can be a copy.
    let mut seen = HashSet::default();
    let mut first: HashMap<SpanId, u32> = HashMap::with_capacity(spans.len());
    let mut repeated = vec![false; spans.len()];
    let mut copy = vec![false; spans.len()];
    for (i, span) in spans.iter().enumerate() {
        match first.entry(span.id) {
            Entry::Vacant(place) => {
                place.insert(index(i));
            }
            Entry::Occupied(place) => {
                let earlier = *place.get() as usize;
                if !repeated[earlier] {
                    seen.insert(key(&spans[earlier]));
                }
                (repeated[earlier], repeated[i]) = (true, true);
                copy[i] = !seen.insert(key(span));
            }
        }
    }
    let draft = |(i, span): (usize, &Span)| {
        let mut draft = Draft::new(span.id, span.start.0, span.end.0);
        if repeated[i] {
            draft.flags.set(Flags::DUPLICATE);
        }
        if span.attributes.get(WARNINGS).is_some() {
            draft.flags.set(Flags::WARNED);
        }
        (!copy[i]).then_some(draft)
    };
    let drafts: Vec<Draft> = spans.iter().enumerate().filter_map(draft).collect();
    let copies = spans.len() - drafts.len();
    let mut is_copy = copy.into_iter();
    spans.retain(|_| !is_copy.next().unwrap_or(false));
    (drafts, index(copies))
}

fn service<'a>(span: &Span, resources: &'a [Resource]) -> &'a str {
    resources.get(span.resource as usize).map_or("", |r| r.service.as_str())
}

/// Finds each span's parent. A parent that was not delivered becomes a node of its own, one for all its children, behind
/// those of the spans.
pub(super) fn link(drafts: &mut Vec<Draft>, spans: &[Span], resources: &[Resource]) {
    let by_id = ById::of(drafts, spans, resources);
    let mut missing: HashMap<SpanId, u32> = HashMap::new();
    let mut synthetic = Vec::new();
    for ((i, draft), span) in (0..).zip(drafts.iter_mut()).zip(spans) {
        if let Some(client) = by_id.client_of(span) {
            draft.parent = client;
            continue;
        }
        let Some(parent) = span.parent else { continue };
        draft.parent = match by_id.parent_of(i, parent, service(span, resources)) {
            Some(p) if p == i => {
                draft.flags.set(Flags::CYCLE);
                NONE
            }
            Some(p) => p,
            None => {
                draft.flags.set(Flags::ORPHAN);
                *missing.entry(parent).or_insert_with(|| {
                    synthetic.push(parent);
                    index(spans.len() + synthetic.len() - 1)
                })
            }
        };
    }
    drafts.extend(synthetic.into_iter().map(|id| Draft::new(id, 0, 0)));
}

/// What stands for an id: an id may be that of all spans there are, so nothing looks through those of one.
struct ById<'a> {
    first: HashMap<SpanId, u32>,
    clients: HashMap<SpanId, u32>,
    /// The first two spans of each service, of ids that are used more than once.
    of_service: HashMap<(SpanId, &'a str), (u32, Option<u32>)>,
}

impl<'a> ById<'a> {
    fn of(drafts: &[Draft], spans: &[Span], resources: &'a [Resource]) -> Self {
        let mut by_id = Self { first: HashMap::with_capacity(drafts.len()), clients: HashMap::new(), of_service: HashMap::new() };
        for ((i, draft), span) in (0..).zip(drafts).zip(spans) {
            by_id.first.entry(draft.id).or_insert(i);
            if !draft.flags.has(Flags::DUPLICATE) {
                continue;
            }
            if span.kind == SpanKind::Client {
                by_id.clients.entry(draft.id).or_insert(i);
            }
            let same = by_id.of_service.entry((draft.id, service(span, resources))).or_insert((i, None));
            if same.0 != i {
                same.1.get_or_insert(i);
            }
        }
        by_id
    }

    /// Zipkin's shared spans: the client and the server of a call have one id. The server is the client's child.
    fn client_of(&self, server: &Span) -> Option<u32> {
        if server.kind == SpanKind::Server { self.clients.get(&server.id).copied() } else { None }
    }

    /// Of several spans with the parent's id, the one of the child's own service, else the first.
    fn parent_of(&self, child: u32, parent: SpanId, service: &str) -> Option<u32> {
        let first = self.first.get(&parent).copied();
        if self.of_service.is_empty() {
            return first;
        }
        let own = self.of_service.get(&(parent, service)).and_then(|&(first, second)| if first == child { second } else { Some(first) });
        own.or(first)
    }
}

/// Detaches the earliest span of each cycle.
pub(super) fn cut_cycles(drafts: &mut [Draft]) {
    // Which walk came by, from 1; 0 is none.
    let mut seen_by = vec![0u32; drafts.len()];
    for i in 0..drafts.len() {
        let walk = index(i) + 1;
        let mut at = i;
        while seen_by[at] == 0 {
            seen_by[at] = walk;
            let parent = drafts[at].parent;
            if parent == NONE {
                break;
            }
            if seen_by[parent as usize] == walk {
                let around = std::iter::successors(Some(parent), |n| Some(drafts[*n as usize].parent).filter(|n| *n != parent));
                let earliest = around.min_by_key(|n| drafts[*n as usize].start).unwrap_or(parent);
                let cut = &mut drafts[earliest as usize];
                cut.parent = NONE;
                cut.flags.set(Flags::CYCLE);
                break;
            }
            at = parent as usize;
        }
    }
}

/// Gives a length to negative spans, and a start to those without one.
pub(super) fn settle_times(drafts: &mut [Draft], order: &[u32], delivered: usize) {
    let first = drafts.iter().filter(|d| d.start > 0).map(|d| d.start).min().unwrap_or(0);
    for i in order.iter().map(|i| *i as usize).filter(|i| *i < delivered) {
        if drafts[i].start <= 0 {
            let length = if drafts[i].end > 0 { 0 } else { drafts[i].end.saturating_sub(drafts[i].start).max(0) };
            let parent = drafts[i].parent;
            let inherited = if parent == NONE { 0 } else { drafts[parent as usize].start };
            drafts[i].start = if inherited > 0 { inherited } else { first };
            drafts[i].end = drafts[i].end.max(drafts[i].start.saturating_add(length));
            drafts[i].flags.set(Flags::UNTIMED);
        } else if drafts[i].end < drafts[i].start {
            drafts[i].end = drafts[i].start;
            drafts[i].flags.set(Flags::NEGATIVE);
        }
    }
}

/// A missing span lasts from the first start to the last end of its children.
pub(super) fn stretch_missing(drafts: &mut [Draft], delivered: usize) {
    let (spans, missing) = drafts.split_at_mut(delivered);
    for node in missing.iter_mut() {
        (node.start, node.end) = (i64::MAX, i64::MIN);
    }
    for child in spans {
        // Only missing spans lie behind those that were delivered, and NONE behind all.
        if let Some(parent) = (child.parent as usize).checked_sub(delivered).and_then(|place| missing.get_mut(place)) {
            (parent.start, parent.end) = (parent.start.min(child.start), parent.end.max(child.end));
        }
    }
}
