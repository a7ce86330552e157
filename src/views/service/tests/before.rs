//! What is compared with what was before.

use super::*;

#[test]
fn a_window_that_ends_before_the_onset_is_compared_with_an_hour_before_itself() {
    let (shared, scope) = stage();
    let onset = NOW - Duration::from_secs(900);
    let alert = ScopeAlert { name: "A".into(), labels: Labels::new(), onset: Some(onset) };
    let scope = scope.with_alert(alert, scope.service.clone(), NOW);
    let hours = |n: u64| Duration::from_secs(n * 3600);
    let asked_at = |scope: &Scope, pane: &str| {
        let all = needs(&Service::default(), &look(&shared, scope, NOW), SIZE.0, SIZE.1);
        let of_pane: Vec<_> = all.into_iter().filter(|n| n.slot.pane == pane).map(|n| n.request).collect();
        let Some(Request::Instant { window: TimeWindow::Fixed(r), .. }) = of_pane.first() else { panic!("{of_pane:?}") };
        (of_pane.len(), r.end)
    };
    assert_eq!(asked_at(&scope, "before"), (3, onset - Duration::from_secs(300)));
    assert_eq!(asked_at(&scope, "rows before"), (3, onset - Duration::from_secs(300)));
    let night = scope.with_window(TimeWindow::Fixed(TimeRange { start: NOW - hours(6), end: NOW - hours(5) }));
    assert_eq!(asked_at(&night, "before"), (3, NOW - hours(6)));
    // What was before the onset does not stand beside the night's figures, not even until the answer comes.
    let mut view = view(&look(&shared, &scope, NOW));
    assert_eq!(view.data.was(2), Some(0.143));
    with(&look(&shared, &scope.with_window(TimeWindow::Last(hours(2))), NOW), SIZE, |cx| view.rescoped(cx));
    assert_eq!(view.data.was(2), Some(0.143), "asked once for all windows that reach the onset");
    with(&look(&shared, &night, NOW), SIZE, |cx| view.rescoped(cx));
    assert_eq!(view.data.was(2), None);
}

#[test]
fn the_graphs_are_compared_with_another_period() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    let starts = |view: &Service| {
        let all = needs(view, &look, SIZE.0, SIZE.1);
        let then = all.iter().filter(|n| n.slot.pane == "then");
        then.filter_map(|n| n.request.window()).map(|w| w.range(NOW).start).collect::<Vec<_>>()
    };
    assert!(starts(&view).is_empty());
    let start = NOW - HOUR;
    for (back, words) in [(3600, "the period before"), (86_400, "a day before"), (604_800, "a week before")] {
        run(&mut view, &look, Command::Compare);
        assert_eq!(starts(&view), [start - Duration::from_secs(back); 3], "{words}");
        assert!(draw(&view, &look, 200, 30).contains(words));
    }
    run(&mut view, &look, Command::Compare);
    assert!(starts(&view).is_empty());
    run(&mut view, &look, Command::Compare);
    feed(&mut view, &look, SIZE, |need| Some(Ok(answer(need))));
    let text = draw(&view, &look, 200, 30);
    for part in ["41.2 /s  ×2.0 on the period before", "23.8 %  was 0.4 % the period before", "p95 8.00 s  ×40 on the period before"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Drawn at today's times, behind the line of now.
    let chart = view.graph(Pane::Errors, &look).unwrap();
    assert_eq!(chart.lines.len(), 2);
    assert_eq!((chart.lines[0].samples[0].at, chart.lines[0].samples[0].value), (start, 0.004));
}
