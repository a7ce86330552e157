//! Rate, errors and duration of the scope, and what is slow by them.

use super::*;

fn table(value: f64) -> Response {
    let rows = vec![(Labels::new(), explored::Value::Number(value))];
    Response::Explored(Arc::new(explored::Explored::Table(explored::Table { rows, ..explored::Table::default() })))
}

fn graph(series: &[(&str, f64)]) -> Response {
    let samples = |value: f64| (0..10).map(|i| Sample { at: NOW - Duration::from_secs(i * 60), value }).collect();
    let series =
        series.iter().map(|(status, value)| Series { labels: [("status", *status)].into_iter().collect(), samples: samples(*value) });
    let range = TimeRange::new(NOW - Duration::from_secs(3600), NOW);
    let matrix = Matrix { series: series.collect(), range, step: Duration::from_secs(60), warnings: Vec::new() };
    Response::Explored(Arc::new(explored::Explored::Graph { matrix, total: explored::Total::default() }))
}

#[test]
fn slow_traces_are_those_over_the_p95_of_the_scope_which_is_asked_first_and_kept() {
    let mut stage = Stage::new();
    stage
        .shared
        .traces
        .settle(NOW, Ok(Arc::new(Abilities { has: Ability::LIGHT.to_vec(), unknown: vec![Ability::Metrics], ..Abilities::default() })));
    let mut view = stage.view(hits());
    stage.run(&mut view, Command::Preset);
    assert!(needs(&view, &stage.look(), 80, 24).iter().all(|n| n.slot.pane != HITS), "not before the p95 is known");
    assert!(stage.text(&view).contains("the p95 is asked first"), "{}", stage.text(&view));
    let p95 = |view: &mut Traces, stage: &Stage, result| answer(view, &stage.look(), SIZE, |n| n.slot.pane == "p95", result);
    p95(&mut view, &stage, Ok(table(0.4314)));
    let slow = r#"{ resource.service.name="checkout" && duration > 430ms }"#;
    assert!(stage.asked(&view).starts_with(slow), "{}", stage.asked(&view));
    p95(&mut view, &stage, Ok(table(0.9)));
    assert!(stage.asked(&view).starts_with(slow), "another p95 is no other question");
    let look = stage.look();
    answer(&mut view, &look, SIZE, |n| n.slot.pane == "rate", Ok(graph(&[("unset", 9.0), ("error", 1.0)])));
    let text = draw(&view, &look, 160, 40);
    for part in ["RED of checkout", "rate 10.0 /s", "errors 10.0 %", "p95 900 ms", "by TraceQL metrics", "slow > 430 ms, the p95"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn without_metrics_the_page_says_what_it_sampled_and_slow_is_over_the_p95_of_that() {
    let mut stage = Stage::new();
    let able = Abilities { has: Ability::LIGHT.to_vec(), ..Abilities::default() };
    stage.shared.traces.settle(NOW, Ok(Arc::new(able)));
    let mut view = Traces::new(&stage.scope, None);
    let told = TraceHits { hits: hits(), newest: true, part: None };
    answer(&mut view, &stage.look(), SIZE, |n| n.slot.pane == "sample", Ok(Response::Hits(told)));
    let text = draw(&view, &stage.look(), 200, 40);
    for part in ["errors 66.7 %", "p95 8.41 s", "of 3 traces sampled: this Tempo answers no TraceQL metrics"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("rate –"), "{text}");
    let part = TraceHits { hits: hits(), newest: true, part: Some("2 of 3 services searched".to_owned()) };
    let mut cut = Traces::new(&stage.scope, None);
    answer(&mut cut, &stage.look(), SIZE, |n| n.slot.pane == "sample", Ok(Response::Hits(part)));
    let text = draw(&cut, &stage.look(), 200, 40);
    assert!(text.contains("rate –") && text.contains("of 3 traces sampled, 2 of 3 services searched"), "{text}");
    stage.run(&mut view, Command::Preset);
    assert!(stage.asked(&view).contains("traceDuration > 8400ms"), "{}", stage.asked(&view));
}

#[test]
fn a_jaeger_is_asked_for_the_list_before_the_sample_unless_that_says_what_is_slow() {
    let mut stage = Stage::new();
    stage.shared.traces.settle(NOW, Ok(Arc::new(Abilities::none(TraceOrigin::Jaeger))));
    let asked = |view: &Traces| {
        let panes = needs(view, &stage.look(), SIZE.0, SIZE.1).into_iter().map(|n| n.slot.pane);
        panes.filter(|pane| ["hits", "sample"].contains(pane)).collect::<Vec<_>>()
    };
    let mut view = Traces::new(&stage.scope, None);
    assert_eq!(asked(&view), ["hits"]);
    answer(&mut view, &stage.look(), SIZE, |n| n.slot.pane == HITS, Ok(Response::Hits(TraceHits::default())));
    assert_eq!(asked(&view), ["hits", "sample"]);
    let mut slow = Traces::new(&stage.scope, None);
    stage.run(&mut slow, Command::Preset);
    assert_eq!(asked(&slow), ["sample"]);
}
