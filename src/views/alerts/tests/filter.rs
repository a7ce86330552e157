//! What the filter leaves.

use super::*;

#[test]
fn the_filter_knows_service_and_state_and_counts_what_passes() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    with(&stage.look(), SIZE, |cx| view.paste(cx, "service=orders state!=pending"));
    assert_eq!(stage.order(&view).len(), 4);
    let text = draw(&view, &stage.look(), 200, 30);
    assert!(text.contains("/service=orders state!=pending 4 of 5"), "{text}");
    with(&stage.look(), SIZE, |cx| view.paste(cx, " team=~("));
    assert_eq!(stage.order(&view).len(), 4, "a wrong regex hides nothing");
    assert!(draw(&view, &stage.look(), 200, 30).contains("no regular expression"));
}

#[test]
fn the_filter_works_as_it_is_typed_and_esc_removes_it() {
    let stage = Stage::new();
    let mut view = stage.view(&book());
    stage.run(&mut view, Command::Filter);
    assert!(view.is_typing());
    type_text(&mut view, &stage.look(), SIZE, "alertname=Slow");
    assert_eq!(stage.order(&view), ["Slow"]);
    let prompt = view.prompt().unwrap().line(80);
    assert_eq!((prompt.text.trim_end(), prompt.column), (" /alertname=Slow", 16));
    type_text(&mut view, &stage.look(), SIZE, "\x1b");
    assert_eq!(stage.order(&view).len(), 5);
}

#[test]
fn an_alert_is_found_by_a_name_with_blanks() {
    let stage = Stage::new();
    let mut view = Alerts::new(Some("High error rate"));
    let mut book = book();
    book.alerts[0].labels.set("alertname", "High error rate");
    book.alerts[1].labels.set("alertname", "High");
    stage.prometheus(&mut view, Ok(of_prometheus(&book)));
    assert_eq!(stage.order(&view), ["High error rate"]);
}
