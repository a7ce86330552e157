//! The ways to the page: where what is selected elsewhere runs.

use std::cell::LazyCell;

use regex::Regex;

use super::pod_pattern;
use crate::{
    core::scope::Scope,
    model::{
        labels::{Labels, Matcher},
        place,
        trace::{Attributes, Value},
    },
    trace::Trace,
    views::Act,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        app::testing::{draw, feed, look, test_shared, with},
        core::{
            command::{Command, ViewKind},
            request::Response,
        },
        model::{
            series::{Sample, Vector},
            time::{TimeWindow, Timestamp},
        },
        views::{Act, View as _, infra::Infra},
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
