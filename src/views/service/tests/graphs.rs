//! What the graphs show: peaks, many classes, other families, deploys, limits.

use super::*;

pub(super) fn asked(view: &Service, look: &Look<'_>, pane: &str) -> Option<(String, Duration)> {
    needs(view, look, 200, 50).into_iter().find(|n| n.slot.pane == pane).and_then(|n| match n.request {
        Request::Range { query, step, .. } => Some((query, step)),
        _ => None,
    })
}

/// A second family that has the service, beside the usual one.
fn and_family(name: &str, counter: &str) -> RedMapping {
    let mut mapping = red_mapping(&["orders"]);
    let requests = Requests::Counter(counter.to_owned());
    mapping.families.push(crate::red::Family { name: name.to_owned(), requests, ..mapping.families[0].clone() });
    mapping
}

#[test]
fn a_peak_between_two_steps_is_asked_for_and_drawn() {
    let (shared, scope) = stage();
    let view = Service::default();
    assert_eq!(asked(&view, &look(&shared, &scope, NOW), "peaks"), None, "an hour's steps are as short as its rates");
    let scope = scope.with_window(TimeWindow::Last(Duration::from_secs(86_400)));
    let look = look(&shared, &scope, NOW);
    let (query, step) = asked(&view, &look, "peaks").unwrap();
    // Rates of a minute, each beginning where the last one before it was sampled.
    let rates = format!("[60s])))[{}s:45s]", step.as_secs());
    assert!(
        query.contains(&format!("max_over_time((sum(rate(http_server_requests_seconds_count{{application=~\"(.*/)?orders\"}}{rates}")),
        "{query}"
    );
    assert_eq!((query.matches("max_over_time").count(), query.matches("min_over_time").count()), (3, 3), "{query}");

    let mut view = Service::default();
    let range = look.range();
    let day = |labels: &[(&str, &str)], value: &dyn Fn(u64) -> f64| {
        let samples = (0..=96).map(|i| Sample { at: range.start + Duration::from_secs(900 * i), value: value(i) });
        Series { labels: labels.iter().copied().collect(), samples: samples.collect() }
    };
    let matrix = |series| Response::Matrix(Matrix { series, range, step: Duration::from_secs(900), warnings: Vec::new() });
    feed(&mut view, &look, SIZE, |need| {
        Some(Ok(match need.slot.pane {
            "errors" => matrix(vec![day(&[], &|_| 0.01)]),
            "peaks" => matrix(vec![
                day(&[("edge", "errors low")], &|_| 0.0),
                day(&[("edge", "errors high")], &|i| if i == 40 { 0.4 } else { 0.01 }),
            ]),
            _ => answer(need),
        }))
    });
    let text = draw(&view, &look, 200, 50);
    assert!(text.contains("15m range") && text.contains("40%┤"), "the scale holds the peak\n{text}");
    let top = text.lines().find(|l| l.contains("40%┤")).unwrap();
    let graph = top.split("40%┤").nth(1).unwrap().split('│').next().unwrap();
    assert!(graph.chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)), "the peak reaches its value\n{text}");
    // The cursor tells it in figures.
    run(&mut view, &look, Command::ValueCursor);
    view.cursor = Some(range.start + Duration::from_secs(900 * 40));
    assert_eq!(view.values_at(Pane::Errors, view.cursor.unwrap(), &look), "1.0 %  0.0 % to 40.0 %");
}

#[test]
fn a_band_of_other_steps_is_not_drawn() {
    let (shared, scope) = stage();
    let scope = scope.with_window(TimeWindow::Last(Duration::from_secs(86_400)));
    let look = look(&shared, &scope, NOW);
    let mut view = Service::default();
    let range = look.range();
    let of_step = |need: &Subscription, value: f64, edge: Option<&str>| {
        let Request::Range { step, .. } = need.request else { panic!("{need:?}") };
        let count = range.duration().as_secs() / step.as_secs();
        let samples = (0..=count).map(|i| Sample { at: range.start + step * u32::try_from(i).unwrap(), value }).collect();
        let labels = edge.map(|edge| ("edge", edge)).into_iter().collect();
        Response::Matrix(Matrix { series: vec![Series { labels, samples }], range, step, warnings: Vec::new() })
    };
    let all = |need: &Subscription| match need.slot.pane {
        "peaks" => Some(Ok(of_step(need, 0.9, Some("errors high")))),
        "errors" => Some(Ok(of_step(need, 0.01, None))),
        _ => Some(Ok(answer(need))),
    };
    feed(&mut view, &look, (200, 50), all);
    let bands = |view: &Service| view.graph(Pane::Errors, &look).unwrap().bands.len();
    assert_eq!(bands(&view), 1);
    assert!(draw(&view, &look, 200, 50).contains("range"));
    // Full screen: finer steps, whose extremes are still on their way.
    view.pane = Pane::Errors;
    run(&mut view, &look, Command::FullScreen);
    feed(&mut view, &look, (200, 50), |need| if need.slot.pane == "peaks" { None } else { all(need) });
    assert_eq!(bands(&view), 0);
    assert!(!draw(&view, &look, 200, 50).contains("range"));
    assert!(!view.values_at(Pane::Errors, range.end, &look).contains("to"));
    feed(&mut view, &look, (200, 50), all);
    assert_eq!(bands(&view), 1);
}

#[test]
fn what_is_compared_with_is_drawn_in_the_steps_of_now_alone() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    run(&mut view, &look, Command::Compare);
    feed(&mut view, &look, SIZE, |need| Some(Ok(answer(need))));
    assert_eq!(view.graph(Pane::Errors, &look).unwrap().lines.len(), 2);
    feed(&mut view, &look, SIZE, |need| match (need.slot.pane, answer(need)) {
        ("errors", Response::Matrix(finer)) => Some(Ok(Response::Matrix(Matrix { step: Duration::from_secs(30), ..finer }))),
        _ => None,
    });
    assert_eq!(view.graph(Pane::Errors, &look).unwrap().lines.len(), 1);
}

#[test]
fn late_in_a_minute_as_well_it_is_told_what_was_then() {
    let (shared, scope) = stage();
    let scope = scope.with_window(TimeWindow::Last(Duration::from_secs(900)));
    let look = look(&shared, &scope, NOW + Duration::from_secs(50));
    let lines = |need: &Subscription| {
        let Request::Range { window, step, .. } = &need.request else { return None };
        let (range, value) = (window.range(look.now), if need.slot.pane == "then" { 20.0 } else { 40.0 });
        let start = range.start.align_down(*step);
        let count = u32::try_from(range.end.since(start).as_nanos() / step.as_nanos()).unwrap();
        let samples = (0..=count).map(|i| Sample { at: start + *step * i, value }).collect();
        let labels = if need.slot.part == 2 || need.slot.pane == "duration" { [("line", "p95")] } else { [("class", "2xx")] };
        let series = vec![Series { labels: labels.into_iter().collect(), samples }];
        Some(Response::Matrix(Matrix { series, range, step: *step, warnings: Vec::new() }))
    };
    let mut view = Service { compare: Compare::Day, ..Service::default() };
    feed(&mut view, &look, SIZE, |need| Some(Ok(lines(need).unwrap_or_else(|| answer(need)))));
    let text = draw(&view, &look, 200, 40);
    for part in ["40.0 /s  ×2.0 on a day before", "p95 40.0 s  ×2.0 on a day before"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_long_window_ends_with_what_is_now() {
    let (shared, scope) = stage();
    let now = NOW + Duration::from_secs(840);
    let scope = scope.with_window(TimeWindow::Last(Duration::from_secs(86_400)));
    let look = look(&shared, &scope, now);
    let mut view = Service::default();
    let step = Duration::from_secs(1800);
    let range = TimeRange { start: NOW - Duration::from_secs(86_400), end: NOW };
    let day = |labels: &[(&str, &str)], value: f64| {
        let samples = (0..=48).map(|i| Sample { at: range.start + step * i, value });
        Series { labels: labels.iter().copied().collect(), samples: samples.collect() }
    };
    let lines = |series| Response::Matrix(Matrix { series, range, step, warnings: Vec::new() });
    for share in [0.3, 0.4] {
        feed(&mut view, &look, SIZE, |need| {
            Some(Ok(match need.slot.pane {
                "rate" => lines(vec![day(&[("class", "2xx")], 40.0)]),
                "errors" => lines(vec![day(&[], 0.01)]),
                "duration" => lines(vec![day(&[("line", "p95")], 0.2)]),
                "now" => {
                    let Response::Vector(mut v) = elements(&[
                        (vec![("graph", "rate"), ("class", "2xx")], 30.0),
                        (vec![("graph", "rate"), ("class", "5xx")], 12.0),
                        (vec![("graph", "errors")], share),
                        (vec![("graph", "duration"), ("line", "p95")], 9.0),
                    ]) else {
                        unreachable!()
                    };
                    v.elements.iter_mut().for_each(|e| e.1.at = now);
                    Response::Vector(v)
                }
                _ => answer(need),
            }))
        });
    }
    let text = draw(&view, &look, 200, 50);
    for part in ["Rate ── 42.0 /s", "5xx 12.0", "Errors ── 40.0 %", "p95 9.00 s"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let chart = view.graph(Pane::Errors, &look).unwrap();
    assert_eq!((chart.range.end, chart.lines[0].samples.len()), (now, 50), "one more sample, not one more each time");
    assert_eq!(view.data.rate.value().unwrap().series.len(), 2, "what began after the last step has one line");
    let often = |pane: &str| needs(&view, &look, 200, 50).into_iter().find(|n| n.slot.pane == pane).unwrap().refresh;
    assert_eq!((often("rate"), often("now")), (Refresh::Every(Duration::from_secs(60)), Refresh::Every(Duration::from_secs(15))));
}

#[test]
fn a_month_is_looked_through_in_a_bounded_number_of_parts() {
    let (shared, scope) = stage();
    let scope = scope.with_window(TimeWindow::Last(Duration::from_secs(30 * 86_400)));
    let (query, _) = asked(&Service::default(), &look(&shared, &scope, NOW), "peaks").unwrap();
    let part: u64 = query.split(':').nth(1).unwrap().split('s').next().unwrap().parse().unwrap();
    assert!(30 * 86_400 / part <= 3000, "{part}");
    let over: u64 = query.split("orders\"}[").nth(1).unwrap().split('s').next().unwrap().parse().unwrap();
    assert_eq!(over, part + 15, "no increase lies between two parts");
}

#[test]
fn of_thirty_classes_the_busiest_have_a_line_and_the_rest_are_one() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let range = look.range();
    let mut view = Service::default();
    feed(&mut view, &look, SIZE, |need| match need.slot.pane {
        "rate" => {
            let class = |i: u32| series(&[("class", &format!("CODE_{i}"))], range, |_| f64::from(i));
            Some(Ok(matrix(range, (1..=30).map(class).collect())))
        }
        _ => Some(Ok(answer(need))),
    });
    let chart = view.graph(Pane::Rate, &look).unwrap();
    assert_eq!(chart.lines.len(), 8);
    let ends: Vec<&str> = chart.lines.iter().map(|l| l.end.as_str()).collect();
    assert!(ends.contains(&"CODE_30 30.0") && ends.contains(&"others(23) 276"), "{ends:?}");
    // Stacked they are still all requests.
    let most = chart.lines.iter().filter_map(|l| l.samples.last()).map(|s| s.value).fold(0.0, f64::max);
    assert_eq!(most, 465.0);
}

#[test]
fn m_shows_the_service_as_another_family_has_it_and_says_why() {
    let (mut shared, scope) = stage();
    shared.red.settle(NOW, Ok(Arc::new(and_family("Tempo span metrics", "traces_spanmetrics_calls_total"))));
    let at = look(&shared, &scope, NOW);
    let mut view = view(&at);
    assert!(draw(&view, &at, 140, 30).contains("M 1 more"));
    let acts = run(&mut view, &at, Command::SwitchFamily);
    let [Act::Notice(why), Act::Rescope(other)] = &acts[..] else { panic!("{acts:?}") };
    assert!(why.contains("Tempo span metrics") && why.contains("Micrometer is the usual one"), "{why}");
    let at = look(&shared, other, NOW);
    with(&at, SIZE, |cx| view.rescoped(cx));
    assert!(asked(&view, &at, "rate").unwrap().0.contains("traces_spanmetrics_calls_total"));
    feed(&mut view, &at, SIZE, |need| Some(Ok(answer(need))));
    assert!(draw(&view, &at, 140, 30).contains("found: traces_spanmetrics_calls_total (Tempo span metrics)"));
    // Around again.
    let acts = run(&mut view, &at, Command::SwitchFamily);
    assert!(matches!(&acts[..], [Act::Notice(_), Act::Rescope(s)] if s.family.is_none()), "{acts:?}");
    // It travels to the row, and not to another service.
    let acts = run(&mut view, &at, Command::Drill);
    assert!(matches!(&acts[..], [Act::Push(_, s)] if s.family.is_some()), "{acts:?}");
    assert_eq!(other.with_service("web").family, None);
}

#[test]
fn a_version_label_of_the_requests_marks_deploys_too() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let range = look.range();
    let mut view = Service::default();
    let labelled = |need: &Subscription| match need.slot.pane {
        "labels" => Some(Ok(Response::LabelNames(["service_version", "uri"].map(Into::into).into()))),
        "deploys" => {
            let mut new = series(&[("version", "2.0"), ("source", "own")], range, |_| 1.0);
            new.samples.drain(..25);
            Some(Ok(matrix(range, vec![series(&[("version", "1.9"), ("source", "own")], range, |_| 1.0), new])))
        }
        _ => Some(Ok(answer(need))),
    };
    feed(&mut view, &look, SIZE, labelled);
    let (query, _) = asked(&view, &look, "deploys").unwrap();
    assert!(query.contains("\"version\", \"$1\", \"service_version\""), "{query}");
    assert_eq!(view.data.deploys("orders"), [(range.start + Duration::from_secs(25 * 60), "deploy 2.0".to_owned())]);
}

fn rule(query: &str) -> Arc<crate::model::alert::Rule> {
    Arc::new(crate::model::alert::Rule {
        group: "g".to_owned(),
        name: "OrdersSlow".to_owned(),
        query: query.to_owned(),
        hold: Duration::ZERO,
        interval: Duration::ZERO,
        keep_firing_for: Duration::ZERO,
        labels: Labels::new(),
        annotations: Labels::new(),
        error: None,
        last_evaluation: None,
        engine: Default::default(),
    })
}

#[test]
fn a_changed_generation_and_a_risen_start_time_are_marked_for_what_they_are() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let range = look.range();
    let marked = |source: &str, value: &dyn Fn(u64) -> f64| {
        let mut view = Service::default();
        feed(&mut view, &look, SIZE, |need| match need.slot.pane {
            "deploys" => Some(Ok(matrix(range, vec![series(&[("source", source)], range, value)]))),
            _ => Some(Ok(answer(need))),
        });
        view.data.deploys("orders")
    };
    let at = range.start + Duration::from_secs(25 * 60);
    assert_eq!(marked("1", &|m| if m < 25 { 7.0 } else { 8.0 }), [(at, "deploy or scale".to_owned())]);
    let started = at.0 as f64 / 1e9;
    assert_eq!(marked("2", &|m| if m < 26 { started - 9000.0 } else { started }), [(at, "restart".to_owned())]);
    assert_eq!(marked("1", &|_| 7.0), []);
}

#[test]
fn rules_draw_their_limits() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = Service::default();
    let query = "histogram_quantile(0.95, sum by (le) (rate(http_server_requests_seconds_bucket{application=\"orders\"}[2m]))) > 5";
    let told = PrometheusAlerts { rules: vec![rule(query)], ..Default::default() };
    feed(&mut view, &look, SIZE, |need| match need.slot.pane {
        "limits" => Some(Ok(Response::PrometheusAlerts(told.clone()))),
        _ => Some(Ok(answer(need))),
    });
    assert!(draw(&view, &look, 200, 40).contains("5 s alert"));
}

#[test]
fn what_another_family_asks_as_well_stays() {
    let (mut shared, scope) = stage();
    shared.red.settle(NOW, Ok(Arc::new(and_family("Other", "calls_total"))));
    let at = look(&shared, &scope, NOW);
    let rule = rule("histogram_quantile(0.95, sum by (le) (rate(http_server_requests_seconds_bucket{application=\"orders\"}[2m]))) > 5");
    let told = PrometheusAlerts { rules: vec![rule], ..Default::default() };
    let all = |need: &Subscription| match need.slot.pane {
        "limits" => Response::PrometheusAlerts(told.clone()),
        _ => answer(need),
    };
    let mut view = Service::default();
    for _ in 0..2 {
        feed(&mut view, &at, (200, 40), |need| Some(Ok(all(need))));
    }
    let acts = run(&mut view, &at, Command::SwitchFamily);
    let [Act::Notice(_), Act::Rescope(scope)] = &acts[..] else { panic!("{acts:?}") };
    let before = needs(&view, &at, 200, 40);
    let at = look(&shared, scope, NOW);
    with(&at, (200, 40), |cx| view.rescoped(cx));
    // The shell asks what is new alone.
    let text = draw(&view, &at, 200, 40);
    assert!(text.contains("← checkout") && text.contains("412 MiB"), "{text}");
    assert!(!text.contains("41.2 /s"), "the other counter is not answered yet\n{text}");
    let new = |need: &Subscription| !before.iter().any(|b| b.is_same(need));
    for _ in 0..2 {
        feed(&mut view, &at, (200, 40), |need| new(need).then(|| Ok(all(need))));
    }
    let text = draw(&view, &at, 200, 40);
    assert!(text.contains("41.2 /s") && text.contains("5 s alert"), "{text}");
    // Another window is another question.
    let day = scope.with_window(TimeWindow::Last(Duration::from_secs(86_400)));
    let at = look(&shared, &day, NOW);
    with(&at, (200, 40), |cx| view.rescoped(cx));
    let text = draw(&view, &at, 200, 40);
    assert!(!text.contains("41.2 /s") && !text.contains("checkout"), "{text}");
}

#[test]
fn objectives_draw_their_line() {
    let (mut shared, scope) = stage();
    shared.settings.slos = vec![crate::model::slo::Slo {
        name: "orders-availability".to_owned(),
        service: Some("orders".to_owned()),
        good: "good".to_owned(),
        total: "total".to_owned(),
        target: 0.98,
        window: Duration::from_secs(30 * 86_400),
    }];
    let look = look(&shared, &scope, NOW);
    assert!(draw(&view(&look), &look, 200, 40).contains("slo 2 %"));
}

#[test]
fn targets_are_counted_among_those_that_are_looked_at() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let asked = needs(&Service::default(), &look, 200, 50).into_iter().find(|n| n.slot.pane == "saturation").unwrap();
    let Request::Instant { query, .. } = asked.request else { panic!() };
    let of = |function: &str| {
        let (_, rest) = query.split_once(&format!("{function}(up{{")).unwrap_or_else(|| panic!("{query}"));
        rest.split_once("),").unwrap().0.to_owned()
    };
    assert_eq!(of("sum"), of("count"));
    assert!(of("count").contains("application=~"), "also where no job is called after the service: {query}");
}
