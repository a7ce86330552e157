//! Exemplars: which there are, and the traces behind them.

use super::*;

#[test]
fn d_walks_through_the_exemplars_and_enter_opens_the_trace() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut view = view(&look);
    run(&mut view, &look, Command::NextExemplar);
    assert!(draw(&view, &look, 140, 30).contains("◆ 9.00 s trace 0000…0002"));
    let acts = run(&mut view, &look, Command::Drill);
    assert!(matches!(&acts[..], [Act::Push(ViewKind::Waterfall, s)] if s.trace == Some(TraceId(2)) && s.trace_near.is_some()), "{acts:?}");
    run(&mut view, &look, Command::NextExemplar);
    run(&mut view, &look, Command::NextExemplar);
    assert_eq!(view.selected_exemplar().unwrap().trace, Some(TraceId(2)), "two traces, each once");
}

#[test]
fn an_exemplar_shows_its_labels_and_none_says_why() {
    let (shared, scope) = stage();
    let look = look(&shared, &scope, NOW);
    let mut one = exemplar(600, 4.0, 1);
    one.labels = [("trace_id", "1"), ("user", "u7")].into_iter().collect();
    one.series = [("uri", "/orders"), ("le", "5"), ("application", "orders")].into_iter().collect();
    let mut view = Service::default();
    feed(&mut view, &look, SIZE, |need| match need.slot.pane {
        "exemplars" => Some(Ok(Response::Exemplars(vec![one.clone()]))),
        _ => Some(Ok(answer(need))),
    });
    run(&mut view, &look, Command::NextExemplar);
    run(&mut view, &look, Command::FullScreen);
    view.pane = Pane::Duration;
    let text = draw(&view, &look, 140, 30);
    assert!(text.contains("◆ 4.00 s trace 0000…0001 09:50:00 uri=/orders user=u7 "), "{text}");
    let why = |result: Result<Response, crate::model::backend::SourceError>| {
        let mut view = Service::default();
        feed(&mut view, &look, SIZE, |need| if need.slot.pane == "exemplars" { Some(result.clone()) } else { Some(Ok(answer(need))) });
        let acts = run(&mut view, &look, Command::NextExemplar);
        let [Act::Notice(text)] = &acts[..] else { panic!("{acts:?}") };
        text.clone()
    };
    assert!(why(Ok(Response::Exemplars(Vec::new()))).contains("exemplar-storage"));
    let gone = crate::model::backend::SourceError::new(
        crate::model::backend::Backend::Prometheus,
        crate::model::backend::ErrorKind::NotSupported,
        "404",
    );
    assert!(why(Err(gone)).contains("no query_exemplars"));
}
