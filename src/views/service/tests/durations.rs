//! Durations: the heatmap, quantiles of single instances, and what marks those that are not exact.

use super::{graphs::asked, *};

#[test]
fn durations_are_a_heatmap_on_a_key() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    assert!(asked(&view, &look, "heat").is_none(), "not asked before it is seen");
    run(&mut view, &look, Command::Heatmap);
    let range = look.range();
    feed(&mut view, &look, SIZE, |need| match need.slot.pane {
        // Cumulative: 50 below 100 ms, then nothing up to 1 s, and from the middle on one between 1 and 10 s.
        "heat" => Some(Ok(matrix(
            range,
            [("0.1", 50.0, 50.0), ("1.0", 50.0, 50.0), ("10.0", 50.0, 51.0), ("+Inf", 50.0, 51.0)]
                .into_iter()
                .map(|(le, a, b)| series(&[("le", le)], range, |m| if m < 30 { a } else { b }))
                .collect(),
        ))),
        _ => None,
    });
    let text = draw(&view, &look, 200, 50);
    // A bucket's bound stands at its upper edge.
    let rows = |bound: &str| {
        let line = text.lines().find(|l| l.contains(&format!("{bound}┤"))).unwrap_or_else(|| panic!("{bound}\n{text}"));
        line.split(&format!("{bound}┤")).nth(1).unwrap().trim_end_matches('│').to_owned()
    };
    assert!(rows("100ms").contains("████") && !rows("100ms").trim().contains(' '), "{text}");
    assert!(!rows("1s").contains(['▁', '▂', '█']), "what is below 100 ms is not counted again\n{text}");
    let slow = rows("10s");
    let half = slow.chars().count() / 2;
    assert!(slow.chars().take(half - 2).all(|c| c == ' ' || c == '┊') && slow.contains('▂'), "few beside many are seen\n{text}");
    assert!(!text.contains("more┤"), "the empty last bucket has no row\n{text}");
}

#[test]
fn a_heatmap_that_is_refused_is_asked_in_coarser_steps_and_then_of_the_last_part() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    run(&mut view, &look, Command::Heatmap);
    let asked = |view: &Service| {
        let need = needs(view, &look, SIZE.0, SIZE.1).into_iter().find(|n| n.slot.pane == "heat").unwrap();
        let Request::Range { window, step, .. } = need.request else { panic!("{need:?}") };
        (step.as_secs(), window.range(NOW).duration().as_secs())
    };
    let refuse = |view: &mut Service| {
        let error = || SourceError::new(Backend::Prometheus, ErrorKind::Refused, "too many samples");
        feed(view, &look, SIZE, |need| (need.slot.pane == "heat").then(|| Err(error())));
    };
    let (step, window) = asked(&view);
    for (coarser, shorter) in [(4, 1), (16, 1), (4, 4)] {
        refuse(&mut view);
        assert_eq!(asked(&view), (coarser * step, window / shorter));
        assert!(!draw(&view, &look, 300, 50).contains("too many samples"), "nothing of it is shown yet");
    }
    let range = TimeRange { start: NOW - Duration::from_secs(900), end: NOW };
    feed(&mut view, &look, SIZE, |need| match need.slot.pane {
        "heat" => Some(Ok(matrix(range, vec![series(&[("le", "1.0")], range, |_| 5.0)]))),
        _ => None,
    });
    let text = draw(&view, &look, 300, 50);
    assert!(text.contains("heatmap, cut to 1m steps of 15m: too many samples"), "{text}");
    run(&mut view, &look, Command::Heatmap);
    run(&mut view, &look, Command::Heatmap);
    assert_eq!(asked(&view), (step, window), "anew with each look at it");
    (0..4).for_each(|_| refuse(&mut view));
    assert!(draw(&view, &look, 300, 50).contains("too many samples"), "nothing less is left to ask");
}

#[test]
fn a_native_histogram_is_asked_for_what_lies_below_each_bound() {
    let mut mapping = red_mapping(&["orders"]);
    mapping.families[0].durations = Some(crate::red::Durations::Native("http_server_requests_seconds".to_owned()));
    let (mut shared, scope) = stage();
    shared.red.settle(NOW, Ok(Arc::new(mapping)));
    let look = look(&shared, &scope, NOW);
    let mut view = Service { heat: true, ..Service::default() };
    let (query, _) = asked(&view, &look, "heat").unwrap();
    assert!(query.contains("histogram_fraction(0, 0.001, ") && query.contains("histogram_fraction(0, 65.536, "), "{query}");
    feed(&mut view, &look, SIZE, |need| Some(Ok(answer(need))));
}

#[test]
fn quantiles_of_single_instances_are_not_put_together() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let range = look.range();
    let mut view = Service::default();
    feed(&mut view, &look, SIZE, |need| match need.slot.pane {
        "duration" => {
            let of = |(instance, value): (&str, f64)| series(&[("line", "p95"), ("instance", instance)], range, |_| value);
            Some(Ok(matrix(range, [("a", 0.2), ("b", 4.0), ("c", 0.3)].into_iter().map(of).collect())))
        }
        _ => Some(Ok(answer(need))),
    });
    assert!(draw(&view, &look, 200, 40).contains("p95 of the slowest of 3 instances 4.00 s"));
    let lines = view.graph(Pane::Duration, &look).unwrap().lines;
    assert_eq!((lines.len(), lines.iter().filter(|l| !l.end.is_empty()).count()), (3, 1));
}

fn given(quantiles: &[f64]) -> RedMapping {
    let mut mapping = red_mapping(&["orders"]);
    let of = |q: &f64| crate::red::GivenQuantile { q: *q, metric: "latency_seconds".to_owned(), label: Some(q.to_string()) };
    mapping.families[0].durations = Some(crate::red::Durations::Given(quantiles.iter().map(of).collect()));
    mapping
}

#[test]
fn a_summary_is_compared_with_the_slowest_instance_of_before() {
    let (mut shared, scope) = stage();
    shared.red.settle(NOW, Ok(Arc::new(given(&[0.5, 0.95]))));
    let look = look(&shared, &scope, NOW);
    let range = look.range();
    let mut view = Service::default();
    feed(&mut view, &look, SIZE, |need| match (need.slot.pane, need.slot.part) {
        ("duration", _) => {
            let of = |(instance, value): (&str, f64)| series(&[("line", "p95"), ("instance", instance)], range, |_| value);
            let mut gone = of(("gone", 60.0));
            gone.samples.truncate(20);
            Some(Ok(matrix(range, [("a", 0.2), ("b", 4.0)].into_iter().map(of).chain([gone]).collect())))
        }
        ("before", 2) => {
            Some(Ok(elements(&[(vec![("instance", "a")], 0.2), (vec![("instance", "b")], 0.8), (vec![("instance", "c")], 0.1)])))
        }
        _ => Some(Ok(answer(need))),
    });
    let text = draw(&view, &look, 200, 40);
    assert!(text.contains("p95 of the slowest of 3 instances 4.00 s  was 800 ms"), "{text}");
    assert_eq!(view.values_at(Pane::Duration, range.end, &look), "p95 200 ms to 4.00 s");
}

#[test]
fn a_summary_without_p95_shows_what_it_has() {
    let (mut shared, scope) = stage();
    shared.red.settle(NOW, Ok(Arc::new(given(&[0.0, 0.5, 0.9, 0.99]))));
    let look = look(&shared, &scope, NOW);
    let range = look.range();
    let mut view = Service::default();
    let (query, _) = asked(&view, &look, "duration").unwrap();
    assert!(
        ["p50", "p90", "p99"].iter().all(|name| query.contains(&format!("\"{name}\""))) && !query.contains("quantile=\"0\""),
        "{query}"
    );
    feed(&mut view, &look, SIZE, |need| match need.slot.pane {
        "duration" => {
            let line = |(name, value): (&str, f64)| series(&[("line", name)], range, |_| value);
            Some(Ok(matrix(range, [("p50", 0.1), ("p90", 0.4), ("p99", 2.0)].into_iter().map(line).collect())))
        }
        _ => Some(Ok(answer(need))),
    });
    let text = draw(&view, &look, 200, 40);
    assert!(text.contains("Duration ── p99 2.00 s  was 143 ms") && text.contains("p90 400 ms"), "{text}");
    assert!(view.yanks(&look).iter().any(|y| y.text.contains("quantile=\"0.99\"")));
}

#[test]
fn of_many_instances_the_slowest_have_a_line() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let range = look.range();
    let mut view = Service::default();
    feed(&mut view, &look, SIZE, |need| match need.slot.pane {
        "duration" => {
            let of = |i: u32| series(&[("line", "p95"), ("instance", &i.to_string())], range, |_| f64::from(i));
            Some(Ok(matrix(range, (1..=30).map(of).collect())))
        }
        _ => Some(Ok(answer(need))),
    });
    let lines = view.graph(Pane::Duration, &look).unwrap().lines;
    let slowest = lines.iter().map(|l| l.samples[0].value).fold(f64::INFINITY, f64::min);
    assert_eq!((lines.len(), slowest), (8, 23.0));
    view.pane = Pane::Duration;
    run(&mut view, &look, Command::FullScreen);
    let text = draw(&view, &look, 200, 40);
    assert!(text.contains("p95 of the slowest of 30 instances") && text.contains("8 slowest drawn"), "{text}");
}

#[test]
fn durations_beyond_the_highest_bucket_are_marked() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let range = look.range();
    let mut view = Service::default();
    // The family's buckets end at 10 s, and those of this service at 1 s.
    for _ in 0..2 {
        feed(&mut view, &look, (200, 40), |need| {
            Some(Ok(match (need.slot.pane, need.slot.part) {
                ("duration", _) => {
                    let line = |(name, value): (&str, f64)| series(&[("line", name)], range, |_| value);
                    matrix(range, [("p50", 0.1), ("p95", 1.0), ("p99", 10.0)].into_iter().map(line).collect())
                }
                ("highest", _) => vector(&[("", 1.0)]),
                ("mixed", _) => vector(&[]),
                ("rows", 2) => vector(&[("/orders", 1.0), ("/orders/{id}", 0.1)]),
                _ => answer(need),
            }))
        });
    }
    let text = draw(&view, &look, 200, 40);
    for part in ["Duration ── p95 >1.00 s  was", "p95 >1.00 s", "p99 >10.0 s", "p50 100 ms"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let row = |name: &str| text.lines().find(|l| l.contains(name)).unwrap().to_owned();
    assert!(row("/orders ").contains(" >1.00 s") && row("/orders/{id}").contains(" 100 ms"), "{text}");
    assert_eq!(view.values_at(Pane::Duration, range.end, &look), "p95 >1.00 s  p99 >10.0 s  p50 100 ms");
}

#[test]
fn what_the_highest_bucket_is_is_asked_only_where_a_duration_may_be_in_it() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    let asks = |view: &Service| needs(view, &look, SIZE.0, SIZE.1).into_iter().any(|n| n.slot.pane == "highest");
    assert!(!asks(&view), "6 and 8 s are no bounds, and beyond 10 s there is no bucket");
    let of_rows = |need: &Subscription| (need.slot.pane, need.slot.part) == ("rows", 2);
    feed(&mut view, &look, SIZE, |need| of_rows(need).then(|| Ok(vector(&[("/orders", 1.0)]))));
    assert!(asks(&view));
}

#[test]
fn durations_of_buckets_that_differ_are_marked() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = Service::default();
    feed(&mut view, &look, (200, 40), |need| match need.slot.pane {
        "mixed" => Some(Ok(vector(&[("", 1.0)]))),
        _ => Some(Ok(answer(need))),
    });
    let text = draw(&view, &look, 200, 40);
    for part in ["Duration ── p95 ~8.00 s", "~ buckets differ", "p99 >10.0 s", " ~9.90 s"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
