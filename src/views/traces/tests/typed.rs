//! What is typed in the bar: TraceQL and columns.

use super::*;

#[test]
fn typed_traceql_is_asked_on_enter_and_reopened() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    assert!(view.reopen(&stage.look()).is_empty());
    stage.edit(&mut view, "{ name=\"x\" }", KeyCode::Esc);
    assert_eq!(stage.asked(&view), FAILED, "Esc asks nothing");
    assert_eq!(stage.order(&view).len(), 3);
    stage.edit(&mut view, " { name=\"x\" } ", KeyCode::Enter);
    assert_eq!(stage.asked(&view), FAILED, "not before the server can read it");
    let acts = stage.check(&mut view, Ok(Response::Hits(TraceHits::default())));
    assert_eq!(acts, [Act::Asked(TypedQuery::traceql("{ name=\"x\" }"))]);
    assert_eq!(stage.asked(&view), "{ name=\"x\" }");
    assert_eq!(view.reopen(&stage.look()), ["--query", "{ name=\"x\" }"]);
    let again = Traces::new(&stage.scope, Some("{ name=\"x\" }"));
    assert_eq!(stage.asked(&again), "{ name=\"x\" }");
    stage.run(&mut view, Command::Preset);
    assert_eq!(stage.asked(&view), FAILED);
}

#[test]
fn a_refused_query_shows_the_servers_words_and_is_kept_for_editing() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    stage.edit(&mut view, "{ nam= }", KeyCode::Enter);
    let words = "invalid TraceQL query: parse error at line 1, col 3: syntax error: unexpected IDENTIFIER";
    stage.check(&mut view, Err(SourceError::new(Backend::Tempo, ErrorKind::BadQuery, words)));
    let text = stage.text(&view);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].starts_with("│{ nam= } ") && lines[2].starts_with("│  ^ "), "{text}");
    assert!(lines[3].contains("unexpected name") && text.contains("POST /api/2"), "what was found stays: {text}");
    stage.edit(&mut view, "{ nam", KeyCode::Enter);
    assert!(stage.text(&view).contains("is not closed"), "{}", stage.text(&view));
    assert!(needs(&view, &stage.look(), 80, 24).iter().all(|n| n.slot.pane != "bar check"), "nobody need be asked");
}

#[test]
fn without_traceql_what_can_be_said_in_plain_words_is_typed() {
    let mut stage = Stage::new();
    stage.shared.traces.settle(NOW, Ok(Arc::new(Abilities::none(TraceOrigin::Jaeger))));
    let mut view = stage.view(hits());
    stage.edit(&mut view, "{ } >> { status=error }", KeyCode::Enter);
    let text = stage.text(&view);
    assert!(text.contains("Jaeger has no TraceQL: ask for a service, a name") && text.contains("POST /api/2"), "{text}");
    stage.edit(&mut view, "{ resource.service.name=\"cart\" && name=\"GET /cart\" }", KeyCode::Enter);
    let plain = PlainQuery { service: Some("cart".into()), name: Some("GET /cart".into()), ..PlainQuery::default() };
    assert_eq!(view.asked(&stage.look()).plain, Some(plain), "at once: nobody need be asked whether it can be read");
    assert!(!stage.text(&view).contains("Jaeger has no TraceQL"));
}

#[test]
fn attributes_are_chosen_as_columns_where_the_server_can_tell_them() {
    let mut stage = Stage::new();
    stage.shared.traces.settle(NOW, Ok(Arc::new(Abilities { has: vec![Ability::TraceQl], ..Abilities::default() })));
    let mut view = stage.view(hits());
    let why = view.facts(&stage.look()).no_columns;
    assert!(why.is_some_and(|why| why.starts_with("this Tempo has no select()")), "{why:?}");
    assert_eq!(stage.asked(&view), FAILED);
    stage.shared.traces.settle(NOW, Ok(Arc::new(Abilities { has: vec![Ability::TraceQl, Ability::Select], ..Abilities::default() })));
    assert_eq!(view.facts(&stage.look()).no_columns, None);
    assert_eq!(stage.asked(&view), format!("{FAILED} | select(name, status, resource.service.name)"));
    stage.run(&mut view, Command::ShowColumn);
    stage.with(|cx| view.paste(cx, "span.http.route, name"));
    stage.key(&mut view, KeyEvent::from(KeyCode::Enter));
    let acts = stage.check(&mut view, Ok(Response::Hits(TraceHits::default())));
    let chosen = vec!["span.http.route".to_owned(), "name".to_owned()];
    assert_eq!(acts, [Act::TraceColumns(chosen.clone())]);
    stage.shared.trace_columns = chosen;
    assert!(stage.asked(&view).ends_with(" | select(name, status, resource.service.name, span.http.route)"), "{}", stage.asked(&view));
    stage.answer(&mut view, Ok(hits()));
    let text = draw(&view, &stage.look(), 160, 24);
    assert!(text.contains("http.route") && text.contains("reserve, charge"), "{text}");
    let typed = Traces::new(&stage.scope, Some("{ } | select(.x) with (most_recent=true)"));
    let asked = "{ } | select(.x) | select(name, status, resource.service.name, span.http.route) with (most_recent=true)";
    assert_eq!(stage.asked(&typed), asked);
}

#[test]
fn names_of_attributes_are_asked_for_as_they_are_typed() {
    let stage = Stage::new();
    let mut view = stage.view(hits());
    stage.run(&mut view, Command::EditQuery);
    stage.key(&mut view, KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
    stage.with(|cx| view.paste(cx, "{ resource.service.name=\"checkout\" && "));
    stage.type_text(&mut view, " span.h");
    let asked = needs(&view, &stage.look(), 80, 24).into_iter().find(|n| n.slot.pane == "bar names").unwrap().request;
    let of = "{ resource.service.name=\"checkout\" }".to_owned();
    assert_eq!(asked, Request::TraceTags { query: of, window: stage.scope.window });
    let names = Names { names: vec!["span.http.route".into(), "span.http.response.status_code".into()], cut: false };
    answer(&mut view, &stage.look(), SIZE, |n| n.slot.pane == "bar names", Ok(Response::Names(Arc::new(names))));
    assert!(stage.text(&view).contains("span.http.response.status_code"), "{}", stage.text(&view));
    stage.type_text(&mut view, "ttp.resp");
    stage.key(&mut view, KeyEvent::from(KeyCode::Tab));
    assert!(stage.text(&view).contains("&& span.http.response.status_code="), "{}", stage.text(&view));
    let values = Names { names: vec!["500".into(), "\"200\"".into(), "x\u{1b}y".into()], cut: false };
    answer(&mut view, &stage.look(), SIZE, |n| n.slot.pane == "bar names", Ok(Response::Names(Arc::new(values))));
    stage.key(&mut view, KeyEvent::from(KeyCode::Tab));
    assert!(stage.text(&view).contains("status_code=500"), "a number stands without quotes: {}", stage.text(&view));
}
