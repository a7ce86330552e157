//! What is told of the lines, of what fails and of the tail, however narrow the screen is.

use super::*;

#[test]
fn an_empty_answer_says_what_was_asked_and_the_way_out() {
    let scope = scope().with_matcher(crate::model::labels::Matcher::equal("route", "/pay"));
    let mut page = Page::new(scope, BIG);
    page.history(Vec::new());
    let text = page.screen();
    assert!(text.contains(r#"No lines for {service_name="orders"} in 21:23 – 22:23."#), "{text}");
    assert!(text.contains("not applied: route=/pay") && text.contains("E the query"), "{text}");
}

#[test]
fn failures_and_the_tail_are_told() {
    let mut page = Page::new(scope(), (160, 30));
    page.tell(0, LogEvent::Failed(SourceError::new(Backend::Loki, ErrorKind::BadQuery, "parse error at line 1, col 5")));
    assert!(page.screen().contains("parse error at line 1, col 5"), "{}", page.screen());
    page.history(numbered(0..3));
    page.tell(0, LogEvent::Tail(TailState::Connected));
    page.tell(0, LogEvent::Tail(TailState::Recovered(18)));
    assert!(page.screen().contains("3 lines ── tail connected · 0 s behind · 18 recovered"), "{}", page.screen());
    let error = SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connection reset");
    page.tell(0, LogEvent::Tail(TailState::Lost { retry_at: now() + Duration::from_secs(4), error }));
    assert!(page.screen().contains("tail lost, again in 4s: connection reset"), "{}", page.screen());
    assert!(page.view.next_wake(&look(&page.shared, &page.scope, now())).is_some());
}

/// A narrow page with a long query, older lines left and a tail in these states.
fn narrow(width: u16, states: impl IntoIterator<Item = TailState>) -> Page {
    let pod = crate::model::labels::Matcher::equal("pod", "orders-7d9f8c6b5-k2vq");
    let mut page = with_older_of(scope().with_matcher(pod), (width, 24));
    states.into_iter().for_each(|state| page.tell(0, LogEvent::Tail(state)));
    page
}

#[test]
fn the_tails_health_outlives_the_query_on_a_narrow_screen() {
    let error = SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connect to loki.example.com:3100: connection refused");
    let lost = TailState::Lost { retry_at: now() + Duration::from_secs(4), error };
    let refused = TailState::Refused {
        retry_at: now() + Duration::from_secs(290),
        why: "max concurrent tail requests limit exceeded, count > limit (11 > 10)".to_owned(),
    };
    let behind = |secs| TailState::Behind(Duration::from_secs(secs));
    let unsought = TailState::LateUnsought { after: Duration::from_secs(15), why: "too many bytes".to_owned() };
    let whole = narrow(240, [Connected, unsought.clone()]).title();
    assert!(whole.contains("lines not looked for when over 15s late: too many bytes"), "{whole}");
    use TailState::{Connected, Connecting, Dropped, Recovered};
    for (states, at_80, at_40) in [
        (vec![Connecting], "100+ lines ── tail connecting ", " tail connecting "),
        (vec![Connected], "100+ lines ── tail connected ", " tail connected "),
        (vec![lost], "100+ lines ── tail lost, again in 4s ", " 100+ lines ── lost, 4s "),
        (vec![refused.clone()], "100+ lines ── tail refused, polling ", " 100+ lines ── polling "),
        (vec![refused, behind(1275)], "100+ lines ── tail refused, polling · 1,275 s behind ", " polling · 21m behind "),
        (vec![Connected, behind(35)], "100+ lines ── tail connected · 35 s behind ", " 35s behind "),
        (vec![Connected, behind(35), behind(0)], "100+ lines ── tail connected ", " tail connected "),
        (vec![Connected, unsought.clone()], "100+ lines ── tail connected · late lines not looked for ", " no late ones "),
        (vec![Connected, unsought, TailState::LateSought], "100+ lines ── tail connected ", " tail connected "),
        (vec![Connected, Dropped(18)], "100+ lines ── tail connected · 18 dropped ", " 18 dropped "),
        (vec![Connected, Dropped(18), Recovered(18)], "100+ lines ── tail connected ", " tail connected "),
    ] {
        if let [TailState::Refused { .. }] = states.as_slice() {
            let title = narrow(240, states.clone()).title();
            assert!(title.contains("tail refused, polling, again in 4m: max concurrent tail requests"), "{title}");
        }
        for (width, expected) in [(80, at_80), (40, at_40)] {
            let title = narrow(width, states.clone()).title();
            assert!(title.contains(expected) && title.contains(" following "), "{expected} in {title}");
        }
    }
}

#[test]
fn a_pause_is_told_on_a_narrow_screen_as_well() {
    for (width, expected) in [(80, "tail connected "), (40, "tail connected "), (30, " connected ")] {
        let mut page = narrow(width, [TailState::Connected]);
        page.press(Command::Pause);
        page.tell(0, LogEvent::Lines(numbered(1000..1003)));
        let paused = if width < 40 { " paused " } else { " paused 3 new " };
        assert!(page.title().contains(expected) && page.title().contains(paused), "{}", page.title());
    }
}

#[test]
fn a_failure_is_told_until_reading_works_again() {
    let mut page = narrow(80, [TailState::Connected]);
    page.tell(0, LogEvent::Failed(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connection reset")));
    assert!(page.title().contains("tail connected ── failing"), "{}", page.title());
    page.tell(0, LogEvent::Tail(TailState::Behind(Duration::ZERO)));
    assert!(!page.title().contains("failing"), "{}", page.title());
}
