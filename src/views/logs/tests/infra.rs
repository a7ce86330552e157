//! The way from a line to what it was written on.

use super::*;
use crate::model::labels::{Labels, Matcher};

#[track_caller]
fn infra(page: &mut Page) -> (Labels, Scope) {
    let acts = page.press(Command::Infra);
    let [Act::Infra(place, scope)] = acts.as_slice() else { panic!("{acts:?}") };
    (place.clone(), (**scope).clone())
}

#[test]
fn a_line_leads_to_its_pod_at_its_time() {
    let scope = scope().with_matcher(Matcher::equal("pod", "orders-k2vq"));
    let mut page = Page::new(scope.clone(), BIG);
    page.history(vec![line(1, Level::Error, "old"), line(500, Level::Error, "new")]);
    let (place, now) = infra(&mut page);
    assert_eq!(place, [("pod", "orders-7d9f")].into_iter().collect());
    assert_eq!((now.service.as_deref(), now.matchers.len(), now.window), (Some("orders"), 0, scope.window), "it is as it was a moment ago");
    page.press(Command::Top);
    let (place, then) = infra(&mut page);
    assert_eq!(place.get("pod"), Some("orders-k2vq"));
    let at = |second| Timestamp::from_secs(START + second);
    assert_eq!(then.window, TimeWindow::Fixed(TimeRange { start: at(1 - 31 * 60), end: at(61) }), "ten minutes ago");
}

#[test]
fn what_a_line_says_of_itself_counts_where_its_stream_says_nothing() {
    let text = r#"{"msg":"m","kubernetes":{"pod_name":"cart-1","host":"node-3"},"host":"shop.example.com"}"#;
    let stream = Arc::new([("service_name", "checkout")].into_iter().collect());
    let mut page = Page::new(scope(), BIG);
    page.history(vec![LogLine { stream, ..line(599, Level::Info, text) }]);
    let (place, scope) = infra(&mut page);
    assert_eq!(place, [("node", "node-3"), ("pod", "cart-1")].into_iter().collect());
    assert_eq!(scope.service.as_deref(), Some("checkout"), "the line's, not the page's");
    page.select("kubernetes.host");
    assert_eq!(infra(&mut page).0, [("node", "node-3")].into_iter().collect(), "what is selected in the detail");
}

#[test]
fn a_pod_of_which_there_are_no_lines_says_by_which_names_it_was_asked_for() {
    let blank = |streams: &[&str]| {
        let mut page = Page::new(scope().with_matcher(Matcher::equal("pod", "orders-1")), (160, 30));
        let names: Vec<_> = streams.iter().map(|name| (*name).into()).collect();
        let labels = page.shared.log_labels.value().cloned().unwrap();
        page.shared.log_labels.settle(now(), Ok(Arc::new((*labels).clone().with_places(&names))));
        page.history(Vec::new());
        page.screen()
    };
    let text = blank(&["service_name", "level"]);
    assert!(
        text.contains("No label of this Loki's streams means a pod; metadata was asked for \"orders-1\" by pod, k8s_pod_name."),
        "{text}"
    );
    let text = blank(&["kubernetes_pod_name"]);
    assert!(
        text.contains("Neither labels nor metadata of these lines say \"orders-1\" by kubernetes_pod_name, pod, k8s_pod_name."),
        "{text}"
    );
}
