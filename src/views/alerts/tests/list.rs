//! Rows, groups, order, selection, and what is drawn of any data.

use super::*;

#[test]
fn alerts_are_ordered_by_severity_then_onset_with_all_that_matters_in_the_row() {
    let stage = Stage::new();
    let view = stage.view(&book());
    assert_eq!(stage.order(&view), ["Budget", "Slow", "NotRouted", "OnlyThere", "Pending"]);
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("Alerts ── 4 firing · 1 pending"), "{text}");
    assert!(text.contains("by severity, onset ── 1 of 5"), "{text}");
    let row = text.lines().find(|l| l.contains("Slow")).unwrap();
    for part in ["P2", "firing", "orders", "  6m", "8.42 > 1", "▁", "▇", "p95 above 1 s"] {
        assert!(row.contains(part), "{part} in {row}");
    }
    assert!(text.contains("2m/10m"), "{text}");
}

#[test]
fn what_is_silenced_does_not_stand_above_what_fires_with_the_same_severity() {
    let stage = Stage::new();
    let mut quiet = book();
    let mut known = alert("Known", 1, 300, AlertState::Firing);
    known.routing.as_mut().unwrap().silenced_by = vec!["s1".to_owned()];
    quiet.alerts.push(known);
    assert_eq!(stage.order(&stage.view(&quiet))[..3], ["Budget", "Known", "Slow"]);
}

#[test]
fn the_first_row_is_selected_whoever_tells_first() {
    let stage = Stage::new();
    let mut view = Alerts::default();
    let mut told = of_alertmanager(&book());
    for (alert, minutes) in told.alerts.iter_mut().zip([50, 40, 30, 20]) {
        (alert.since, alert.severity) = (NOW - Duration::from_secs(60 * minutes), Severity(1));
    }
    stage.alertmanager(&mut view, Ok(told));
    assert_eq!(view.alert().unwrap().name(), "Slow");
    stage.prometheus(&mut view, Ok(of_prometheus(&book())));
    assert_eq!((view.alert().unwrap().name(), view.table.selected), ("OnlyThere", 0), "{:?}", stage.order(&view));
}

#[test]
fn what_is_read_stays_selected_when_the_slower_one_tells_a_worse_one() {
    let stage = Stage::new();
    let (mut late, mut at_once) = (Alerts::default(), Alerts::default());
    let mut first = of_alertmanager(&book());
    first.alerts.retain(|a| a.name() == "Slow");
    for (view, wait, read, row) in [(&mut at_once, 900, "Budget", 0), (&mut late, 4000, "Slow", 1)] {
        stage.alertmanager(view, Ok(first.clone()));
        let later = look(&stage.shared, &stage.scope, NOW + Duration::from_millis(wait));
        feed(view, &later, SIZE, |n| {
            (n.request == Request::PrometheusAlerts).then(|| Ok(Response::PrometheusAlerts(of_prometheus(&book()))))
        });
        assert_eq!(stage.order(view)[0], "Budget");
        assert_eq!((view.alert().unwrap().name(), view.table.selected), (read, row), "{wait}");
        let [Act::Push(_, scope)] = &stage.run(view, Command::Drill)[..] else { panic!() };
        assert_eq!(scope.alert.as_ref().unwrap().name, read);
    }
}

#[test]
fn enter_narrows_the_scope_to_the_alert() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    let [Act::Push(kind, scope)] = &stage.run(&mut view, Command::Drill)[..] else { panic!() };
    assert_eq!((*kind, scope.service.as_deref()), (ViewKind::Service, Some("orders")));
    assert_eq!(scope.alert.as_ref().unwrap().name, "Budget");
    assert!(matches!(scope.window, TimeWindow::Since(t) if t < NOW - Duration::from_secs(18 * 60)));
    let mut lonely = book();
    lonely.alerts.truncate(1);
    lonely.alerts[0].service = None;
    lonely.alerts[0].labels.remove("service");
    let mut view = stage.view(&lonely);
    assert!(matches!(&stage.run(&mut view, Command::Drill)[..], [Act::Push(ViewKind::Services, _)]));
}

#[test]
fn the_selection_stays_on_its_alert_when_rows_move() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    stage.run(&mut view, Command::Down);
    let name = view.alert().unwrap().name().to_owned();
    for _ in 0..8 {
        stage.run(&mut view, Command::Order);
        assert_eq!(view.alert().unwrap().name(), name);
    }
    stage.run(&mut view, Command::Group);
    assert_eq!(view.alert().unwrap().name(), name);
    let with_new = AlertBook { alerts: std::iter::once(alert("New", 1, 60, AlertState::Firing)).chain(book().alerts).collect(), ..book() };
    stage.prometheus(&mut view, Ok(of_prometheus(&with_new)));
    assert_eq!(view.alert().unwrap().name(), name);
}

#[test]
fn groups_have_headings_and_lose_no_alert() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    stage.run(&mut view, Command::Group);
    stage.run(&mut view, Command::Group);
    assert_eq!(stage.order(&view), ["-", "Budget", "Slow", "NotRouted", "OnlyThere", "Pending"]);
    stage.run(&mut view, Command::Top);
    stage.run(&mut view, Command::Drill);
    assert_eq!(stage.order(&view), ["-"], "Enter on a heading folds it");
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("▸ P1 orders  4 firing · 1 pending  since 8m"), "{text}");
    stage.run(&mut view, Command::Right);
    assert_eq!(stage.order(&view).len(), 6);
    stage.run(&mut view, Command::Bottom);
    stage.run(&mut view, Command::Left);
    assert_eq!(stage.order(&view), ["-"], "and so does the arrow on any of its alerts");
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("5 alerts are folded.") && !text.contains("No alert is selected"), "{text}");
    stage.run(&mut view, Command::Group);
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    assert!(text.contains("▾ P1  1 firing"), "a group by severity says it once: {text}");
}

#[test]
fn states_add_up_and_what_is_over_comes_last() {
    let stage = Stage::new();
    let mut both = book();
    both.alerts[0].routing.as_mut().unwrap().silenced_by = vec!["s1".to_owned()];
    both.alerts[3].routing.as_mut().unwrap().inhibited_by = vec!["f1".to_owned()];
    let mut view = stage.view(&both);
    let over = |name: &str| {
        ([("alertname", name), ("alertstate", "firing"), ("severity", "page")].into_iter().collect(), Sample { at: NOW, value: 35_400.0 })
    };
    feed(&mut view, &stage.look(), SIZE, |n| {
        (n.slot.pane == "resolved").then(|| Ok(Response::Vector(Vector { elements: vec![over("Gone")], warnings: Vec::new() })))
    });
    let text = draw(&view, &stage.look(), 200, 30);
    assert!(text.contains("2 firing · 1 pending · 1 silenced · 1 inhibited · 1 resolved"), "{text}");
    assert_eq!(stage.order(&view).last().map(String::as_str), Some("Gone"), "although it was a page");
    let row = text.lines().find(|l| l.contains("Gone")).unwrap();
    assert!(row.contains("resolved") && row.contains("10m") && row.contains("fired until 09:50"), "{row}");
    stage.run(&mut view, Command::Bottom);
    let [Act::Push(_, scope)] = &stage.run(&mut view, Command::Drill)[..] else { panic!() };
    assert_eq!(scope.alert.as_ref().unwrap().onset, None, "its end is no onset");
    assert_eq!(scope.window, TimeWindow::Since(Timestamp::from_secs(35_400 - 3600)));
}

#[test]
fn every_column_can_be_sorted_by() {
    let stage = Stage::new();
    let mut wild = book();
    let mut set = |i: usize, value: f64, summary: &str, minutes: u64| {
        let a: &mut Alert = &mut wild.alerts[i];
        a.value = Some(value);
        a.annotations.set("summary", summary);
        a.since = NOW - Duration::from_secs(60 * minutes);
        a.labels.set("n", i.to_string());
    };
    set(0, 3.0, "b", 30);
    set(1, 9.0, "a", 31);
    set(2, 2.0, "d", 32);
    set(3, 4.0, "c", 33);
    wild.alerts.truncate(4);
    let mut view = stage.view(&wild);
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.push((view.order, stage.order(&view)));
        stage.run(&mut view, Command::Order);
    }
    assert_eq!(view.order, Order::Severity, "round and round");
    let of = |order| seen.iter().find(|(o, _)| *o == order).unwrap().1.join(" ");
    assert_eq!(of(Order::Value), "Pending Budget Slow NotRouted");
    assert_eq!(of(Order::Summary), "Pending Slow Budget NotRouted");
    assert_eq!(of(Order::Name), "Budget NotRouted Pending Slow");
    assert_eq!(of(Order::Oldest), "Pending Budget NotRouted Slow");
    assert_eq!(of(Order::Newest), "Slow NotRouted Budget Pending");
    assert_eq!(of(Order::State), "Budget NotRouted Slow Pending");
}

#[test]
fn two_alerts_with_the_same_labels_are_two_rows_and_keep_the_selection() {
    let stage = Stage::new();
    let mut twins = book();
    twins.alerts.truncate(1);
    let mut twin = twins.alerts[0].clone();
    twin.value = Some(1.5);
    twins.alerts.push(twin);
    let mut view = stage.view(&twins);
    assert_eq!(stage.order(&view), ["Slow", "Slow"]);
    stage.run(&mut view, Command::Down);
    let value = view.alert().unwrap().value;
    stage.prometheus(&mut view, Ok(PrometheusAlerts { told_at: NOW + Duration::from_secs(1), ..of_prometheus(&twins) }));
    assert_eq!((view.table.selected, view.alert().unwrap().value), (1, value));
}

#[test]
fn hostile_labels_and_annotations_of_any_size_are_drawn_as_text() {
    let stage = Stage::new();
    let mut hostile = book();
    let wild = "\u{1b}[2J\u{202e}\u{1f525}שלום\u{0}\r\n\u{7}".repeat(200);
    assert!(wild.len() > 4096);
    hostile.alerts[3].labels.set("alertname", wild.clone());
    hostile.alerts[3].labels.set("wild", wild.clone());
    hostile.alerts[3].annotations.set("summary", format!("{wild} {}", "x".repeat(100_000)));
    hostile.alerts[3].annotations.set("description", "word ".repeat(20_000));
    hostile.alerts[3].service = Some(wild.as_str().into());
    hostile.alerts.push(Alert { labels: Labels::new(), annotations: Labels::new(), service: None, ..hostile.alerts[0].clone() });
    let mut view = stage.view(&hostile);
    for pane in 0..3 {
        for (w, h) in [SIZE, (80, 24), (40, 10)] {
            let text = draw(&view, &stage.look(), w, h);
            assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "pane {pane}");
        }
        stage.run(&mut view, Command::NextPane);
    }
    assert!(draw(&view, &stage.look(), SIZE.0, SIZE.1).contains("(unnamed)"));
    stage.run(&mut view, Command::Filter);
    with(&stage.look(), SIZE, |cx| view.paste(cx, "wild=~\".*שלום.*\" "));
    assert_eq!(stage.order(&view).len(), 1, "a dot is any character, as in PromQL");
    type_text(&mut view, &stage.look(), SIZE, "\x1b");
    stage.run(&mut view, Command::Filter);
    with(&stage.look(), SIZE, |cx| view.paste(cx, "שלום"));
    assert_eq!(stage.order(&view).len(), 1);
}

#[test]
fn a_small_screen_shows_the_details_as_a_page_of_their_own() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    let text = draw(&view, &stage.look(), 70, 18);
    assert!(text.contains("Budget") && !text.contains("expression"), "{text}");
    stage.run(&mut view, Command::NextPane);
    let text = draw(&view, &stage.look(), 70, 18);
    assert!(text.contains("expression") && text.contains("routed to"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_size_and_data_is_drawn(w in 1u16..=120, h in 1u16..=50, name in ".{0,30}", query in ".{0,30}", value in any::<f64>(), since in any::<i32>(), pane in 0u8..3) {
        let stage = Stage::new();
        let mut book = book();
        book.alerts[0].labels.set("alertname", name);
        book.alerts[0].rule = Some(rule(&query));
        book.alerts[0].value = Some(value);
        book.alerts[0].since = Timestamp::from_secs(i64::from(since));
        let mut view = stage.view(&book);
        for _ in 0..pane {
            stage.run(&mut view, Command::NextPane);
        }
        draw(&view, &stage.look(), w, h);
        needs(&view, &stage.look(), w, h);
        view.next_wake(&stage.look());
    }
}

#[test]
fn a_click_on_a_heading_sorts_by_its_column() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    let text = draw(&view, &stage.look(), SIZE.0, SIZE.1);
    let (row, line) = text.lines().enumerate().find(|(_, l)| l.contains("SEV ")).unwrap();
    let column = |title: &str| line.split(title).next().unwrap().chars().count() as u16;
    let mut click = |title: &str| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        let event = MouseEvent { kind, column: column(title), row: row as u16, modifiers: crossterm::event::KeyModifiers::NONE };
        let pointed = with(&stage.look(), SIZE, |cx| view.mouse(cx, event)).0;
        (view.order, pointed, view.alert().unwrap().name().to_owned())
    };
    let selected = "Budget".to_owned();
    assert_eq!(click("ALERT"), (Order::Name, Pointed::Used, selected.clone()));
    assert_eq!(click("SINCE"), (Order::Newest, Pointed::Used, selected.clone()));
    assert_eq!(click("SINCE"), (Order::Oldest, Pointed::Used, selected.clone()));
    assert_eq!(click("VALUE"), (Order::Value, Pointed::Used, selected.clone()));
    assert_eq!(click("LAST HOUR").0, Order::Value, "a trend has no order");
    assert_eq!(click("SEV").0, Order::Severity);
    assert_eq!(stage.order(&view)[0], "Budget");
}
