//! What is said where something is missing.

use super::*;

#[test]
fn what_is_missing_is_said() {
    let (mut shared, scope) = stage();
    let nobody = Scope::new("prod", scope.window);
    assert!(draw(&Service::default(), &look(&shared, &nobody, NOW), 100, 20).contains("No service is in the scope."));
    let other = scope.with_service("unknown");
    assert!(draw(&Service::default(), &look(&shared, &other, NOW), 100, 20).contains("No RED metrics of unknown"));
    let notes = vec!["Micrometer is left out: no complete answer within 10s".to_owned()];
    let part = RedMapping { notes, unanswered: [Unanswered::Names].into(), ..red_mapping(&["cart"]) };
    shared.red.settle(NOW, Ok(Arc::new(part)));
    let text = draw(&Service::default(), &look(&shared, &other, NOW), 120, 20);
    assert!(text.contains("is not known") && text.contains("Micrometer is left out: no complete answer"), "{text}");
    assert!(!text.contains("No RED metrics of"), "nobody said so: {text}");
    shared.red = Slot::default();
    assert!(draw(&Service::default(), &look(&shared, &scope, NOW), 100, 20).contains("Looking for RED metrics."));
    shared.red.settle(NOW, Ok(Arc::new(RedMapping::default())));
    assert!(draw(&Service::default(), &look(&shared, &scope, NOW), 100, 20).contains("no RED metrics"));
}

#[test]
fn what_was_not_answered_beside_the_rates_is_said() {
    let (shared, scope) = stage();
    let scope = scope.with_window(TimeWindow::Last(Duration::from_secs(86_400)));
    let look = look(&shared, &scope, NOW);
    let fault = || SourceError::new(Backend::Prometheus, ErrorKind::Server(500), "the store is on fire");
    for (pane, part, said) in [
        ("rows", 1, "errors not answered: the store"),
        ("rows", 2, "p95 not answered: the store"),
        ("rows before", 0, "what was before not answered: the store"),
        ("mixed", 0, "whether buckets differ not answered: the store"),
        ("peaks", 0, "ranges not answered: the store"),
        ("now", 0, "the last values not answered: the store"),
        ("deploys", 0, "deploys not answered: the store"),
        ("limits", 0, "limits of alerts not answered: the store"),
    ] {
        let mut view = Service::default();
        feed(&mut view, &look, SIZE, |need| {
            Some(if (need.slot.pane, need.slot.part) == (pane, part) { Err(fault()) } else { Ok(answer(need)) })
        });
        let text = draw(&view, &look, 250, 40);
        assert!(text.contains(said) && text.contains("/orders/{id}"), "{said}\n{text}");
    }
}
