//! The ways to the page, from where what is selected elsewhere runs, and on from it: to the logs of a row.

use std::{cell::LazyCell, collections::BTreeSet};

use regex::Regex;

use super::{Infra, pod_pattern, section::Row};
use crate::{
    core::{command::ViewKind, scope::Scope},
    model::{
        labels::{Labels, MatchOp, Matcher},
        place,
        trace::{Attributes, Value},
    },
    trace::Trace,
    views::{Act, Cx, Look},
};

/// Where something of a service runs. `told` is what collectors say of it, `said` what it says itself.
pub(in crate::views) fn place_of<'t>(
    service: Option<&str>,
    told: impl IntoIterator<Item = (&'t str, &'t str)>,
    said: impl IntoIterator<Item = (&'t str, &'t str)>,
) -> Labels {
    let pods = LazyCell::new(|| service.and_then(|service| Regex::new(&format!("^(?:{})$", pod_pattern(service))).ok()));
    place::of(told, said, |name| pods.as_ref().is_some_and(|pods| pods.is_match(name)))
}

/// Where a span ran: its resource says so, or its own attributes.
pub(in crate::views) fn place_of_span(trace: &Trace, node: usize) -> Labels {
    let resource = trace.resource(node).map(|resource| &resource.attributes);
    let own = trace.span(node).map(|span| &span.attributes);
    place_of(Some(trace.service(node)), resource.into_iter().flat_map(texts), own.into_iter().flat_map(texts))
}

fn texts(attributes: &Attributes) -> impl Iterator<Item = (&str, &str)> {
    attributes.iter().filter_map(|(name, value)| if let Value::Text(text) = value { Some((name, text.as_str())) } else { None })
}

/// Opens the page with the cursor on a place. Conditions of the scope that leave out what is beside it are not kept: whether
/// the others of its kind are well is the next question. Without a service the page is of everything, or else of the one pod.
pub(in crate::views) fn open(place: Labels, scope: Scope) -> Act {
    let is_kept = |m: &Matcher| place.get(&m.name).is_none_or(|value| m.name == "namespace" && m.value == value);
    let own = place.get("pod").filter(|_| scope.service.is_none()).map(|pod| Matcher::equal("pod", pod));
    let matchers = scope.matchers.iter().filter(|m| is_kept(m)).cloned().chain(own).collect();
    Act::Infra(place, Box::new(Scope { matchers, ..scope }))
}

/// Pods that a condition names, at the most.
const PODS: usize = 20;

impl Infra {
    /// The scope of the logs of what is selected: of its pod, of the service's pods on a machine, or where that cannot be told
    /// apart of all the service, with what it is not. `Err`: why there are none.
    pub(super) fn logs_scope(&self, look: &Look<'_>) -> Result<(Scope, Option<String>), &'static str> {
        let Some(row) = self.selected() else { return Err("nothing is selected") };
        let scope = look.scope.without_trace();
        if let Some(pod) = row.place.get("pod") {
            return Ok((scope.with_matcher(Matcher::equal("pod", pod)), None));
        }
        let service = scope.service.clone();
        if let Some(node) = row.place.get("node") {
            let on_it = |pod: &&Row| pod.place.get("node") == Some(node);
            let pods: BTreeSet<&str> = self.parts[0].all.iter().filter(on_it).filter_map(|pod| pod.place.get("pod")).collect();
            match pods.len() {
                1..=PODS if service.is_some() => return Ok((scope.with_matcher(any_of("pod", pods)), None)),
                // Who writes logs may say the node, and where that is not known it is asked for.
                _ if look.shared.log_labels.value().is_none_or(|labels| labels.places("node").next().is_some()) => {
                    return Ok((scope.with_matcher(Matcher::equal("node", node)), None));
                }
                _ => {}
            }
        }
        let Some(service) = service else { return Err("which lines are of this row is not known, nor of which service it is") };
        let all = format!("all lines of {service}: none says that it is of {}", row.name);
        Ok((scope, Some(all)))
    }

    /// Opens the logs of what is selected.
    pub(super) fn open_logs(&self, cx: &mut Cx<'_>) {
        let Ok((scope, note)) = self.logs_scope(&cx.look) else { return };
        cx.push(ViewKind::Logs, scope);
        note.into_iter().for_each(|note| cx.notice(note));
    }
}

/// A condition that holds for each of these values.
fn any_of(name: &str, values: BTreeSet<&str>) -> Matcher {
    match values.first() {
        Some(one) if values.len() == 1 => Matcher::equal(name, *one),
        _ => Matcher::new(
            name,
            MatchOp::Regex,
            values.iter().map(|value| regex::escape(value).replace("\\-", "-")).collect::<Vec<_>>().join("|"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::{
        app::{
            Shared,
            testing::{draw, feed, look, needs, test_shared, with},
        },
        core::{command::Command, request::Response},
        model::{
            series::{Sample, Vector},
            time::{TimeWindow, Timestamp},
        },
        views::View as _,
    };

    const NOW: Timestamp = Timestamp::from_secs(36_000);
    const SIZE: (u16, u16) = (120, 30);

    fn told(rows: &[&[(&str, &str)]]) -> Response {
        let element = |labels: &&[(&str, &str)]| (labels.iter().copied().collect::<Labels>(), Sample { at: NOW, value: 1.0 });
        Response::Vector(Vector { elements: rows.iter().map(element).collect(), ..Vector::default() })
    }

    #[test]
    fn the_pod_that_led_here_is_selected_and_enter_leads_to_its_logs() {
        let (shared, scope) = (test_shared(), Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600))).with_service("orders"));
        let look = look(&shared, &scope, NOW);
        // The collector calls the machine otherwise, and the process is not that of the exporter.
        let place: Labels =
            [("pod", "orders-b"), ("namespace", "shop"), ("node", "ip-10-0-0-2"), ("instance", "orders-b:8080")].into_iter().collect();
        let mut view = Infra::new(Some(place));
        let pod = |name| [("figure", "info"), ("namespace", "shop"), ("pod", name), ("node", "node-2")];
        let (a, b, c) = (pod("orders-a"), pod("orders-b"), pod("orders-c"));
        feed(&mut view, &look, SIZE, |need| (need.slot.pane == "pods").then(|| Ok(told(&[&a, &b, &c]))));
        let screen = draw(&view, &look, SIZE.0, SIZE.1);
        let row = screen.lines().find(|line| line.contains('▌')).unwrap_or_default();
        assert!(row.contains("orders-b"), "{screen}");
        let acts = with(&look, SIZE, |cx| view.command(cx, Command::Drill)).1;
        let [Act::Push(ViewKind::Logs, logs)] = acts.as_slice() else { panic!("{acts:?}") };
        assert_eq!((logs.service.as_deref(), logs.matchers.as_slice()), (Some("orders"), &[Matcher::equal("pod", "orders-b")][..]));
    }

    #[test]
    fn a_node_leads_to_the_services_pods_on_it_and_what_no_line_names_to_all_of_the_service() {
        let (mut shared, scope) = (test_shared(), Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600))).with_service("orders"));
        let row = |place: &[(&str, &str)]| Row::new("k", "row", place.iter().copied().collect());
        let logs = |shared: &Shared, scope: &Scope, selected: &[(&str, &str)]| {
            let mut view = Infra::default();
            view.parts[0].all =
                [("a-1", "n1"), ("a-2", "n2"), ("a-3", "n2")].map(|(pod, node)| row(&[("pod", pod), ("node", node)])).into();
            view.parts[1].rows = vec![row(selected)];
            view.pane = 1;
            view.logs_scope(&look(shared, scope, NOW)).map(|(scope, note)| {
                let matchers: Vec<String> = scope.matchers.iter().map(ToString::to_string).collect();
                matchers.join(" ") + &note.unwrap_or_default()
            })
        };
        assert_eq!(logs(&shared, &scope, &[("node", "n1")]).as_deref(), Ok(r#"pod="a-1""#));
        assert_eq!(logs(&shared, &scope, &[("node", "n2")]).as_deref(), Ok(r#"pod=~"a-2|a-3""#));
        let everything = Scope { service: None, ..scope.clone() };
        assert_eq!(logs(&shared, &everything, &[("node", "n2")]).as_deref(), Ok(r#"node="n2""#), "its labels are not known yet");
        shared.log_labels.settle(NOW, Ok(Arc::default()));
        assert!(logs(&shared, &everything, &[("node", "n2")]).is_err());
        assert_eq!(
            logs(&shared, &scope, &[("instance", "10.0.0.1:80")]).as_deref(),
            Ok("all lines of orders: none says that it is of row")
        );
    }

    #[test]
    fn in_a_window_from_an_onset_on_the_same_is_asked_while_the_clock_goes_on() {
        let (shared, scope) =
            (test_shared(), Scope::new("prod", TimeWindow::Since(NOW - Duration::from_secs(1020))).with_service("orders"));
        let asked = |millis| needs(&Infra::default(), &look(&shared, &scope, NOW + Duration::from_millis(millis)), SIZE.0, SIZE.1);
        assert!(!asked(0).is_empty());
        assert_eq!(asked(0), asked(7_300));
    }

    #[test]
    fn a_condition_that_hides_what_is_beside_the_place_is_left() {
        let everything = Scope::new("prod", TimeWindow::Last(Duration::from_secs(60)));
        let scope = everything
            .with_service("orders")
            .with_matcher(Matcher::equal("pod", "orders-a"))
            .with_matcher(Matcher::equal("namespace", "shop"))
            .with_matcher(Matcher::equal("route", "/a"));
        let kept = |scope: &Scope, place: &[(&str, &str)]| {
            let Act::Infra(_, scope) = open(place.iter().copied().collect(), scope.clone()) else { panic!() };
            scope.matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(kept(&scope, &[("pod", "orders-b"), ("namespace", "shop")]), r#"namespace="shop" route="/a""#);
        assert_eq!(kept(&scope, &[("node", "node-1"), ("namespace", "other")]), r#"pod="orders-a" route="/a""#);
        assert_eq!(kept(&everything, &[("pod", "cart-1"), ("node", "node-1")]), r#"pod="cart-1""#);
    }
}
