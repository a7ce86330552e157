//! What becomes of a silence that is written: done, refused, or without an answer.

use super::*;

#[test]
fn only_a_yes_writes_and_only_once() {
    let mut stage = Stage::new();
    stage.text("why").key(KeyCode::Enter).key(KeyCode::Enter).text("xq").key(KeyCode::Esc);
    assert!(stage.writes().is_empty());
    sees(&stage.screen(), &["comment", "why"]);
    stage.key(KeyCode::Enter).text("yy").key(KeyCode::Esc).text("y");
    let [SilenceChange::Create(new)] = stage.writes()[..] else { panic!("{:?}", stage.writes()) };
    assert_eq!((new.end, new.starts_at, new.id.as_ref()), (SilenceEnd::After(Duration::from_secs(7200)), None, None));
    assert_eq!((new.comment.as_str(), new.created_by.as_str()), ("why", "ana"));
    let matchers: Vec<String> = new.matchers.iter().map(ToString::to_string).collect();
    assert_eq!(matchers, [r#"alertname="Slow""#, r#"service="orders""#, r#"severity="page""#]);
    sees(&stage.screen(), &["Writing"]);
    let silence =
        Silence { id: "abc-1".to_owned(), matchers: new.matchers.clone(), ends_at: NOW + Duration::from_secs(7200), ..Silence::default() };
    stage.ended(SilenceOutcome::Done { silence, differences: Vec::new(), looked_up: false, twins: Box::default() });
    sees(&stage.screen(), &["Silence abc-1 is active.", "abc-1"]);
    assert!(!stage.form.is_typing() && stage.form.draft().is_none());
}

#[test]
fn what_a_silence_silences_is_told_by_an_answer_that_was_asked_for_after_it() {
    let told = |silenced: &[&str]| {
        let alerts = vec![alert(&[("alertname", "Slow"), ("service", "orders"), ("severity", "page")], silenced)];
        AlertmanagerAlerts { alerts, ..AlertmanagerAlerts::default() }
    };
    let mut stage = Stage::on(scope(), told(&[]));
    let before = needs(&stage.form, &look(&stage.shared, &stage.scope, NOW), SIZE.0, SIZE.1);
    stage.text("why").key(KeyCode::Enter).text("y");
    let silence = Silence { id: "abc-1".to_owned(), ..Silence::default() };
    stage.ended(SilenceOutcome::Done { silence, differences: Vec::new(), looked_up: false, twins: Box::default() });
    assert!(!stage.screen().contains("0 alerts"), "what was told before says nothing: {}", stage.screen());

    let look = look(&stage.shared, &stage.scope, NOW);
    let after = needs(&stage.form, &look, SIZE.0, SIZE.1);
    assert!(!after[0].is_same(&before[0]), "it is asked at once");
    feed(&mut stage.form, &look, SIZE, |_| Some(Ok(Response::AlertmanagerAlerts(told(&["abc-1"])))));
    sees(&stage.screen(), &["silences", "1 alert"]);
}

#[test]
fn a_refusal_stands_at_its_field_and_loses_nothing() {
    for (kind, message, place) in [
        (ErrorKind::BadQuery, "Failed to create silence: end time can't be in the past", Place::End),
        (ErrorKind::BadQuery, "invalid silence: invalid label matcher 1: invalid regular expression \"(\"", Place::Matcher(1)),
        (ErrorKind::BadQuery, "comment in body is required", Place::Comment),
        (ErrorKind::Unauthorized(403), "answered 403: no", Place::Comment),
    ] {
        let mut stage = Stage::new();
        stage.text("why").key(KeyCode::Enter).text("y");
        stage.ended(SilenceOutcome::Refused(SourceError::new(Backend::Alertmanager, kind, message)));
        assert_eq!(stage.form.fields.focus, place, "{message}");
        let screen = stage.screen();
        sees(&screen, &[message, "why"]);
        stage.text("!");
        assert!(!stage.screen().contains(message), "it is about what was sent");
    }
}

#[test]
fn a_refused_matcher_is_found_also_below_an_empty_field() {
    let mut stage = Stage::new();
    stage.focus(Place::Matcher(0)).ctrl('n').focus(Place::Comment).text("why").key(KeyCode::Enter).text("y");
    assert_eq!(stage.writes().len(), 1, "{}", stage.screen());
    let message = "invalid silence: invalid label matcher 1: invalid label name";
    stage.ended(SilenceOutcome::Refused(SourceError::new(Backend::Alertmanager, ErrorKind::BadQuery, message)));
    assert_eq!(stage.form.fields.focus, Place::Matcher(2), "the second one that was sent is in the third field");
}

#[test]
fn without_an_alertmanager_it_is_said_and_not_asked() {
    let mut stage = Stage::new();
    stage.shared.health[Backend::Alertmanager as usize] = Health::NotConfigured;
    stage.text("why").key(KeyCode::Enter).text("y");
    assert!(stage.notices()[0].contains("no Alertmanager is configured"));
    assert!(stage.writes().is_empty());
}

fn lost(new: &SilenceChange) -> SilenceOutcome {
    let SilenceChange::Create(new) = new else { panic!("{new:?}") };
    let error = SourceError::new(Backend::Alertmanager, ErrorKind::Timeout(Duration::from_secs(10)), "no complete answer within 10s");
    SilenceOutcome::Lost { sent: new.clone().resolve(NOW), error }
}

#[test]
fn a_lost_write_is_offered_again_as_the_same_one() {
    let mut stage = Stage::new();
    stage.text("why").key(KeyCode::Enter).text("y");
    let outcome = lost(stage.writes()[0]);
    stage.ended(outcome.clone());
    sees(&stage.screen(), &["No answer came, and the silence is not on the server.", "no complete answer within 10s"]);
    stage.text("y");
    let SilenceOutcome::Lost { sent, .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(stage.writes()[1], &SilenceChange::CreateAgain(sent.clone()));
    // Also when one has gone back to the form, or away and come again.
    stage.ended(outcome.clone()).key(KeyCode::Esc);
    let draft = stage.form.draft().expect("what has no answer is not forgotten");
    stage.form = SilenceForm::resume(draft, &stage.shared.settings);
    stage.key(KeyCode::Enter).text("y");
    assert_eq!(stage.writes()[2], &SilenceChange::CreateAgain(sent.clone()));
    // "in 30m" is the same wish a minute later.
    stage.ended(outcome.clone()).key(KeyCode::Esc).focus(Place::Start).fill("in 30m").key(KeyCode::Enter).text("y");
    let outcome = lost(stage.writes()[3]);
    let SilenceOutcome::Lost { sent, .. } = &outcome else { panic!("{outcome:?}") };
    stage.ended(outcome.clone()).key(KeyCode::Esc);
    stage.now = NOW + Duration::from_secs(60);
    stage.key(KeyCode::Enter).text("y");
    assert_eq!(stage.writes()[4], &SilenceChange::CreateAgain(sent.clone()));
    // What was changed since is another wish.
    stage.ended(outcome.clone()).key(KeyCode::Esc).focus(Place::End).fill("4h").key(KeyCode::Enter);
    sees(&stage.screen(), &["An earlier try got no answer."]);
    stage.text("y");
    assert!(matches!(stage.writes()[5], SilenceChange::Create(_)));
}

/// Two Alertmanagers that know nothing of each other and hold the same alert; `away` does not answer.
fn told_by_two(away: Option<&str>) -> AlertmanagerAlerts {
    let part = |name: &str| {
        let error = || (NOW, SourceError::new(Backend::Alertmanager, ErrorKind::Unreachable, "refused"));
        let failed = (away == Some(name)).then(error);
        Part { name: name.into(), peers: Vec::new(), told: Some(Arc::new(told())), failed }
    };
    together(&[part("eu"), part("us")])
}

#[test]
fn who_it_is_for_does_not_change_by_itself_once_it_is_looked_at_or_sent() {
    let mut stage = Stage::on(scope(), told_by_two(None));
    let tell = |stage: &mut Stage, away: Option<&str>| {
        let look = look(&stage.shared, &stage.scope, stage.now);
        feed(&mut stage.form, &look, SIZE, |_| Some(Ok(Response::AlertmanagerAlerts(told_by_two(away)))));
    };
    let to = |change: &SilenceChange| match change {
        SilenceChange::Create(new) => new.to.clone(),
        again => panic!("{again:?}"),
    };
    stage.text("why").key(KeyCode::Enter);
    tell(&mut stage, Some("eu"));
    stage.text("y");
    assert_eq!(to(stage.writes()[0]), ["eu"], "as it was looked at");
    let outcome = lost(stage.writes()[0]);
    let SilenceOutcome::Lost { sent, .. } = &outcome else { panic!("{outcome:?}") };
    stage.ended(outcome.clone()).key(KeyCode::Esc).key(KeyCode::Enter);
    sees(&stage.screen(), &["This is the same: it is looked for first."]);
    stage.text("y");
    assert_eq!(stage.writes()[1], &SilenceChange::CreateAgain(sent.clone()), "eu may have taken it");
}

#[test]
fn what_has_no_answer_is_looked_for_also_after_a_second_try_was_refused() {
    let mut stage = Stage::new();
    stage.text("why").key(KeyCode::Enter).text("y");
    let outcome = lost(stage.writes()[0]);
    let SilenceOutcome::Lost { sent, .. } = &outcome else { panic!("{outcome:?}") };
    let refused = SourceError::new(Backend::Alertmanager, ErrorKind::RateLimited(Duration::from_secs(5)), "429");
    stage.ended(outcome.clone()).text("y").ended(SilenceOutcome::Refused(refused)).key(KeyCode::Enter).text("y");
    assert_eq!(stage.writes()[2], &SilenceChange::CreateAgain(sent.clone()));
}
