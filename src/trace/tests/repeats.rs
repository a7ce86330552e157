use proptest::prelude::*;

use super::*;
use crate::trace::repeats::{LEAST, Repeats};

#[test]
fn the_same_call_again_and_again_is_one_group() {
    let query = |id: u64, from: i64, to: i64| Span { name: "SELECT items".into(), ..span(id, 1, from, to) };
    let mut spans = vec![span(1, 0, 0, 100), span(9, 1, 15, 16)];
    spans.extend([query(2, 10, 12), query(3, 20, 24), query(4, 30, 31), Span { error: true, ..query(5, 40, 49) }]);
    // Another service's are not of it, nor those below another span.
    spans.extend([Span { resource: 1, ..query(6, 50, 60) }, Span { parent: Some(SpanId(9)), ..query(7, 15, 16) }]);
    let t = build(spans.clone());
    let repeats = Repeats::of(&t);
    let [group] = repeats.groups() else { panic!("{repeats:?}") };
    assert_eq!(group.members.iter().map(|m| t.nodes[*m as usize].id.0).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!((group.parent, group.total_ns, group.p50_ns, group.max_ns, group.errors), (Some(0), 16, 2, 9, 1));
    assert_eq!((repeats.number(group.members[2]), repeats.number(0)), (Some(0), None));
    spans.retain(|s| s.id != SpanId(5));
    assert_eq!(Repeats::of(&build(spans)).groups(), [], "three are no group");
}

proptest! {
    #[test]
    fn members_are_all_siblings_of_one_operation(spans in prop_oneof![calls(), hostile()]) {
        let t = build(spans);
        let repeats = Repeats::of(&t);
        for (i, node) in t.nodes.iter().enumerate() {
            let alike = t.nodes.iter().filter(|n| n.operation.is_some() && (n.parent, n.operation) == (node.parent, node.operation)).count();
            let group = repeats.number(i as u32).map(|number| &repeats.groups()[number]);
            prop_assert_eq!(group.is_some(), alike >= LEAST);
            if let Some(group) = group {
                prop_assert!(group.members.len() == alike && group.members.contains(&(i as u32)));
                prop_assert!(group.p50_ns <= group.max_ns && group.max_ns <= group.total_ns);
            }
        }
    }
}
