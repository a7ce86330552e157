//! Sets of spans combined by where the spans are in the trace.

use std::collections::{BTreeSet, HashMap};

use super::{
    ast::{Kept, Relation, SpansetOp},
    rows::Rows,
};

type Spans = BTreeSet<usize>;

/// The spans that two sets make together.
pub fn combine(op: SpansetOp, rows: &Rows<'_>, left: &Spans, right: &Spans) -> Spans {
    match op {
        SpansetOp::And if left.is_empty() || right.is_empty() => Spans::new(),
        SpansetOp::And | SpansetOp::Or => left | right,
        SpansetOp::Structural(relation, Kept::Right) => related(relation, rows, left, right),
        SpansetOp::Structural(relation, Kept::Without) => right - &related(relation, rows, left, right),
        SpansetOp::Structural(relation, Kept::Both) => {
            &related(relation, rows, left, right) | &related(opposite(relation), rows, right, left)
        }
    }
}

/// Spans on the right that are so related to one on the left.
fn related(relation: Relation, rows: &Rows<'_>, left: &Spans, right: &Spans) -> Spans {
    let kept = |keep: &dyn Fn(usize) -> bool| right.iter().copied().filter(|s| keep(*s)).collect();
    match relation {
        Relation::Child => kept(&|s| rows.parent(s).is_some_and(|p| left.contains(&p))),
        Relation::Descendant => &below(rows, left) & right,
        Relation::Parent => &left.iter().filter_map(|s| rows.parent(*s)).collect::<Spans>() & right,
        Relation::Ancestor => &above(rows, left) & right,
        Relation::Sibling => {
            let mut families = HashMap::<usize, usize>::new();
            for parent in left.iter().filter_map(|s| rows.parent(*s)) {
                *families.entry(parent).or_default() += 1;
            }
            // Nobody is its own sibling.
            kept(&|s| rows.parent(s).and_then(|p| families.get(&p)).is_some_and(|n| *n > usize::from(left.contains(&s))))
        }
    }
}

const fn opposite(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Parent => Relation::Child,
        Relation::Descendant => Relation::Ancestor,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

/// All spans above some; each way up ends where another one went before.
fn above(rows: &Rows<'_>, of: &Spans) -> Spans {
    let mut found = Spans::new();
    for span in of {
        for ancestor in rows.ancestors(*span) {
            if !found.insert(ancestor) {
                break;
            }
        }
    }
    found
}

/// All spans below some.
fn below(rows: &Rows<'_>, of: &Spans) -> Spans {
    let mut known: Vec<Option<bool>> = vec![None; rows.spans.len()];
    let mut way = Vec::new();
    for span in 0..rows.spans.len() {
        way.clear();
        let mut at = span;
        let below = loop {
            if let Some(below) = known[at] {
                break below;
            }
            // Where ids go round in a circle the way has been here before.
            known[at] = Some(false);
            way.push(at);
            match rows.parent(at) {
                Some(parent) if of.contains(&parent) => break true,
                Some(parent) => at = parent,
                None => break false,
            }
        };
        for span in &way {
            known[*span] = Some(below);
        }
    }
    (0..rows.spans.len()).filter(|s| known[*s] == Some(true)).collect()
}
