//! Conditions of the scope on where lines come from: a pod, a node, a container, a namespace. Each shipper names these otherwise,
//! in labels of streams or in structured metadata, so that all names are asked for at once.

use compact_str::CompactString;

use crate::{
    core::scope::Scope,
    model::{
        labels::{MatchOp, Matcher, quote},
        log_labels::LogLabels,
        place,
    },
};

/// A condition as LogQL says it.
#[derive(Debug, PartialEq)]
pub(super) struct Condition {
    /// What it says of streams: less is read by it.
    pub(super) selects: Vec<Matcher>,
    /// What it says of lines.
    pub(super) stage: String,
}

/// A condition on a place. `None`: it is on something else, or on its absence.
pub(super) fn condition(matcher: &Matcher, labels: &LogLabels) -> Option<Condition> {
    let place = place::meant(&matcher.name)?;
    let (value, names) = (matcher.value.as_str(), names(place, labels));
    let each = |op: MatchOp| names.iter().map(move |name| Matcher::new(name.clone(), op, value));
    let on_streams = |op, value: &str| labels.places(place).map(|name| Matcher::new(name, op, value)).collect();
    match matcher.op {
        _ if value.is_empty() => None,
        MatchOp::Equal | MatchOp::Regex => {
            // Other shippers put no such label on their streams, and may say it in the metadata of lines.
            let pattern = if matcher.op == MatchOp::Equal { regex::escape(value).replace("\\-", "-") } else { value.to_owned() };
            let or_none = format!("{pattern}|");
            let any = each(matcher.op).map(|m| m.to_string()).collect::<Vec<_>>().join(" or ");
            Some(Condition { selects: on_streams(MatchOp::Regex, &or_none), stage: format!(" | {any}") })
        }
        MatchOp::NotEqual | MatchOp::NotRegex => {
            let none = each(matcher.op).map(|m| format!(" | {m}")).collect();
            Some(Condition { selects: on_streams(matcher.op, value), stage: none })
        }
    }
}

/// The names that are asked for: those of the streams here, and the usual ones of metadata, which no server lists.
fn names(place: &str, labels: &LogLabels) -> Vec<CompactString> {
    let mut names: Vec<CompactString> = labels.places(place).map(Into::into).collect();
    for name in [place.into(), CompactString::from(format!("k8s_{place}_name"))] {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// How the conditions on places were asked, where they leave nothing: it may be that nobody says it here.
pub(super) fn asked(scope: &Scope, labels: &LogLabels) -> Vec<String> {
    let asked = |matcher: &Matcher| {
        let place = place::meant(&matcher.name).filter(|_| condition(matcher, labels).is_some())?;
        let names = names(place, labels).join(", ");
        let value = quote(&matcher.value);
        Some(match labels.places(place).next() {
            Some(_) => format!("Neither labels nor metadata of these lines say {value} by {names}."),
            None => format!("No label of this Loki's streams means a {place}; metadata was asked for {value} by {names}."),
        })
    };
    scope.matchers.iter().filter_map(asked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(matcher: &Matcher, streams: &[&str]) -> String {
        let names: Vec<CompactString> = streams.iter().map(|name| (*name).into()).collect();
        match condition(matcher, &LogLabels::default().with_places(&names)) {
            Some(Condition { selects, stage }) => format!("{}{stage}", crate::model::labels::selector(&selects)),
            None => String::new(),
        }
    }

    #[test]
    fn a_pod_is_asked_for_by_the_names_that_shippers_give_it() {
        let pod = Matcher::equal("pod", "orders-7d9f.1");
        let by_label = r#"{pod=~"orders-7d9f\\.1|"} | pod="orders-7d9f.1" or k8s_pod_name="orders-7d9f.1""#;
        assert_eq!(said(&pod, &["app", "pod"]), by_label, "streams without the label are read as well");
        assert_eq!(said(&pod, &["app"]), r#"{} | pod="orders-7d9f.1" or k8s_pod_name="orders-7d9f.1""#);
        let by_span = Matcher::equal("resource.k8s.pod.name", "o-1");
        assert_eq!(
            said(&by_span, &["kubernetes_pod_name"]),
            r#"{kubernetes_pod_name=~"o-1|"} | kubernetes_pod_name="o-1" or pod="o-1" or k8s_pod_name="o-1""#
        );
        assert_eq!(
            said(&Matcher::new("node", MatchOp::NotEqual, "n1"), &["node_name"]),
            r#"{node_name!="n1"} | node_name!="n1" | node!="n1" | k8s_node_name!="n1""#
        );
        let of_two = Matcher::new("pod", MatchOp::Regex, "a-1|a-2");
        assert_eq!(said(&of_two, &["pod"]), r#"{pod=~"a-1|a-2|"} | pod=~"a-1|a-2" or k8s_pod_name=~"a-1|a-2""#);
        for other in [Matcher::equal("host", "shop.example.com"), Matcher::equal("pod", "")] {
            assert_eq!(said(&other, &["pod", "host"]), "", "{other}");
        }
    }
}
