use super::*;

#[test]
fn the_median_of_good_ones_is_looked_for_and_it_is_said_which_and_of_how_many() {
    let mut stage = Stage::typical(bad());
    assert_eq!(stage.asks_for(), [], "the trace came along");
    let [Request::Search { query, window: TimeWindow::Fixed(range), .. }] = &stage.asked()[..] else { panic!("{:?}", stage.asked()) };
    assert_eq!(query.traceql, r#"{ resource.service.name = "web" && name = "POST /pay" && status != error }"#);
    assert_eq!(query.plain.as_ref().unwrap().to_string(), "service=web name=POST /pay");
    assert_eq!(range.start, Timestamp(START) - Duration::from_secs(3600));
    assert!(stage.screen().contains("A good trace of web POST /pay is looked for in the hour before."), "{}", stage.screen());
    stage.found(vec![hit(1, 10, Some(0)), hit(0xa, 20, Some(0)), hit(3, 30, Some(0)), hit(0xb, 1, Some(0)), hit(5, 20, Some(1))]);
    assert_eq!(stage.asks_for(), [TraceId(0xa)]);
    stage.tell(BASE, Ok(Response::Trace(good())));
    stage.work();
    sees(
        &stage.screen(),
        &["base 0000…000a", "the median of 3 good traces of web POST /pay in the hour before", "this 0000…000b", "1 error"],
    );
}

#[test]
fn one_that_turns_out_to_have_failed_makes_room_for_the_next() {
    let mut stage = Stage::typical(bad());
    stage.found(vec![hit(1, 10, None), hit(2, 20, None)]);
    assert_eq!(stage.asks_for(), [TraceId(1)]);
    stage.tell(BASE, Ok(Response::Trace(trace(1, 2, 2, true))));
    assert_eq!(stage.asks_for(), [TraceId(2)]);
    stage.tell(BASE, Err(SourceError::new(Backend::Tempo, ErrorKind::NotFound, "no trace")));
    assert_eq!(stage.asks_for(), [], "nor is one that is gone");
    assert!(stage.screen().contains("is looked for in the 6 h before"), "{}", stage.screen());
}

#[test]
fn when_many_turn_out_to_have_failed_it_is_said_how_many_were_looked_at() {
    let mut stage = Stage::typical(bad());
    stage.found((1..=9).map(|id| hit(id, 10, None)).collect());
    while let [id] = stage.asks_for()[..] {
        stage.tell(BASE, Ok(Response::Trace(trace(id.0, 2, 2, true))));
    }
    sees(&stage.screen(), &["No good trace of web POST /pay in the hour before.", "5 of 9 traces looked at: each failed or is gone."]);
}

#[test]
fn of_an_alert_good_ones_are_looked_for_before_its_onset_first() {
    let mut stage = Stage::typical(bad());
    let alert = |onset| Some(ScopeAlert { name: "Slow".into(), labels: Labels::new(), onset });
    stage.scope.alert = alert(Some(Timestamp(START) + Duration::from_secs(3600)));
    assert_eq!(stage.searched().0, -3600, "the trace was before it");
    stage.scope.alert = alert(None);
    assert_eq!(stage.searched().0, -3600);
    stage.scope.alert = alert(Some(Timestamp(START) - Duration::from_secs(600)));
    assert_eq!(stage.searched(), (-600 - 3600, -600));
    sees(&stage.screen(), &["is looked for in the hour before the onset."]);
    stage.found(Vec::new());
    stage.found(Vec::new());
    assert_eq!(stage.searched(), (-600 - 24 * 3600, -600));
    stage.found(Vec::new());
    assert_eq!(stage.searched(), (-3600, 1), "those since then are better than none");
    stage.found(vec![hit(0xa, 20, Some(0))]);
    stage.tell(BASE, Ok(Response::Trace(good())));
    stage.work();
    sees(&stage.screen(), &["the only good trace of web POST /pay in the hour before, none before the onset"]);
}

#[test]
fn where_there_is_no_good_one_it_is_said_why_and_what_to_do() {
    let mut stage = Stage::typical(bad());
    for _ in 0..3 {
        stage.found(vec![hit(0xb, 10, Some(0)), hit(7, 10, Some(2))]);
    }
    sees(
        &stage.screen(),
        &[
            "No good trace of web POST /pay in the 24 h before.",
            "1 trace found, none without an error.",
            "m marks a good one, x on this one",
        ],
    );
    assert_eq!(stage.asked(), [], "and it is given up");
    stage.run(Command::Refresh);
    assert_eq!(stage.asks_for(), [TraceId(0xb)]);
    stage.tell(THIS, Ok(Response::Trace(bad())));
    assert!(stage.screen().contains("is looked for in the hour before."), "until it is asked for again: {}", stage.screen());
    stage.found(vec![hit(0xa, 20, Some(0))]);
    assert!(stage.asks_for().contains(&TraceId(0xa)));
    let mut stage = Stage::typical(bad());
    stage.tell(SEARCH, Err(SourceError::new(Backend::Tempo, ErrorKind::Refused, "range exceeds the limit")));
    sees(&stage.screen(), &["could not be looked for", "range exceeds the limit"]);
    let rootless = build(9, vec![span(2, 7, 0, "child", 0, 10)]);
    sees(&Stage::typical(rootless).screen(), &["has no root span"]);
}

#[test]
fn of_files_all_that_is_there_is_looked_through() {
    let mut stage = Stage::typical(bad());
    stage.shared.traces.settle(NOW, Ok(Arc::new(Abilities::none(TraceOrigin::Files))));
    for _ in 0..3 {
        stage.found(Vec::new());
    }
    assert!(matches!(&stage.asked()[..], [Request::Search { window, .. }] if *window == TimeWindow::EVERYTHING), "{:?}", stage.asked());
    stage.found(vec![hit(0xa, 20, Some(0))]);
    stage.tell(BASE, Ok(Response::Trace(good())));
    stage.work();
    sees(&stage.screen(), &["the only good trace of web POST /pay in the files"]);
}
