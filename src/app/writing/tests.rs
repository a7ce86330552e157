use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{buffer::Buffer, layout::Rect};

use super::*;
use crate::{
    app::testing::{test_shared, text_of},
    core::{
        msg::{Event, Msg},
        scope::ScopeAlert,
    },
    model::{
        backend::{Backend, ErrorKind, SourceError},
        silence::{SentSilence, SilenceOutcome},
        time::{TimeWindow, Timestamp},
    },
};

const NOW: Timestamp = Timestamp::from_secs(36_000);
const SIZE: (u16, u16) = (120, 34);

fn app(read_only: bool, kind: ViewKind) -> App {
    let mut shared = test_shared();
    shared.settings.read_only = read_only;
    let alert = ScopeAlert { name: "Slow".into(), labels: [("alertname", "Slow")].into_iter().collect(), onset: None };
    let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600))).with_alert(alert, None, NOW);
    App::new(shared, kind, scope, &[], NOW, SIZE)
}

fn send(app: &mut App, event: Event) {
    app.update(Msg { now: NOW, event });
}

fn keys(app: &mut App, keys: &str) {
    for c in keys.chars() {
        let code = match c {
            '\r' => KeyCode::Enter,
            '\x1b' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        send(app, Event::Key(KeyEvent::from(code)));
    }
}

fn screen(app: &App) -> String {
    let mut buf = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
    app.render(buf.area, &mut buf);
    text_of(&buf)
}

#[track_caller]
fn sees(app: &App, text: &str) {
    assert!(screen(app).contains(text), "{text:?} is not on\n{}", screen(app));
}

#[test]
fn read_only_offers_nothing_that_writes_and_says_why_when_asked() {
    for kind in [ViewKind::Service, ViewKind::Silences, ViewKind::SilenceForm] {
        let mut app = app(true, kind);
        assert!(!app.top().view.kind().writes(), "--view does not get round it");
        for key in ["s", "S"] {
            keys(&mut app, key);
            sees(&app, "--read-only: it offers nothing that writes to a server");
            assert!(!app.top().view.kind().writes());
        }
        keys(&mut app, "?");
        assert!(!screen(&app).contains("All silences"), "{}", screen(&app));
        keys(&mut app, "\x1b:silences");
        sees(&app, "--read-only offers none that writes");
        app.write(SilenceChange::Expire("x".to_owned()));
        assert!(app.take_effects().is_empty());
    }
    let mut app = app(false, ViewKind::Service);
    keys(&mut app, "?");
    sees(&app, "All silences");
    keys(&mut app, "\x1bs");
    assert_eq!(app.top().view.kind(), ViewKind::SilenceForm);
}

#[test]
fn a_draft_survives_esc_and_a_click_on_the_header_until_it_is_written() {
    let mut app = app(false, ViewKind::Service);
    keys(&mut app, "swhy so\x1b");
    sees(&app, "the draft is kept: s opens it again");
    keys(&mut app, "s");
    sees(&app, "why so");
    app.keep_draft_of_all_above(0);
    keys(&mut app, "s");
    sees(&app, "why so");
    keys(&mut app, "\ry");
    assert!(matches!(&app.take_effects()[..], [Effect::Write(write)] if matches!(write.change, SilenceChange::Create(_))));
    let (view, silence) = (app.top().id, Silence { id: "id-1".to_owned(), ..Silence::default() });
    let outcome = SilenceOutcome::Done { silence, differences: Vec::new(), looked_up: false, twins: Box::default() };
    send(&mut app, Event::Write(Box::new(WriteNews { view, stage: WriteStage::Ended(outcome) })));
    sees(&app, "Silence id-1 is active.");
    keys(&mut app, "\x1bs");
    assert!(!screen(&app).contains("why so"), "what was written is no draft");
}

/// A form whose write is under way: what was sent, what it becomes, and the number of the page.
fn writing() -> (App, SentSilence, Silence, u32) {
    let mut app = app(false, ViewKind::Service);
    keys(&mut app, "swhy so\ry");
    sees(&app, "Writing");
    let effects = app.take_effects();
    let [Effect::Write(write)] = &effects[..] else { panic!("{effects:?}") };
    let SilenceChange::Create(new) = &write.change else { panic!("{write:?}") };
    let sent = new.clone().resolve(NOW);
    let silence = Silence { id: "id-1".to_owned(), matchers: sent.wish.matchers.clone(), ends_at: sent.ends_at, ..Silence::default() };
    (app, sent, silence, write.view)
}

fn ended(app: &mut App, view: u32, outcome: SilenceOutcome) {
    send(app, Event::Write(Box::new(WriteNews { view, stage: WriteStage::Ended(outcome) })));
}

fn done(silence: Silence) -> SilenceOutcome {
    SilenceOutcome::Done { silence, differences: Vec::new(), looked_up: false, twins: Box::default() }
}

#[test]
fn keys_work_while_it_is_written_and_what_comes_of_it_is_told_where_one_is() {
    for away in ["\x1b", "2", "3", "S", "?\x1b2"] {
        let (mut app, _, silence, view) = writing();
        // A second yes writes no second time.
        keys(&mut app, "y\r");
        sees(&app, "it is being written");
        keys(&mut app, away);
        assert_ne!(app.top().view.kind(), ViewKind::SilenceForm, "{away:?}");
        assert!(app.take_effects().iter().all(|e| !matches!(e, Effect::Write(_))), "{away:?}");
        ended(&mut app, view, done(silence));
        sees(&app, "Silence id-1 is active.");
        keys(&mut app, "0");
        assert!(!screen(&app).contains("id-1"), "a key has seen it");
    }
}

#[test]
fn the_same_form_comes_back_while_it_writes() {
    for away in ["\x1b", "2"] {
        let (mut app, _, silence, view) = writing();
        keys(&mut app, away);
        keys(&mut app, "s");
        sees(&app, "Writing");
        assert_eq!(app.top().id, view, "{away:?}: another form would be another silence");
        ended(&mut app, view, done(silence));
        sees(&app, "Silence id-1 is active.");
        keys(&mut app, "\x1bs");
        assert!(!screen(&app).contains("why so"), "what was written is no draft");
    }
}

#[test]
fn what_was_left_without_an_answer_is_looked_for_when_it_is_written_again() {
    let (mut app, sent, _, view) = writing();
    keys(&mut app, "\x1b");
    sees(&app, "being written all the same");
    let error = SourceError::new(Backend::Alertmanager, ErrorKind::Timeout(Duration::from_secs(10)), "no answer");
    ended(&mut app, view, SilenceOutcome::Lost { sent: sent.clone(), error });
    sees(&app, "No answer came, and the silence is not on the server.");
    keys(&mut app, "s");
    sees(&app, "why so");
    keys(&mut app, "\ry");
    let effects = app.take_effects();
    assert!(matches!(&effects[..], [Effect::Write(write)] if write.change == SilenceChange::CreateAgain(sent)), "{effects:?}");
}

#[test]
fn quitting_while_it_is_written_is_asked_about_once() {
    let (mut app, _, silence, view) = writing();
    keys(&mut app, "q");
    sees(&app, "a silence is being written");
    assert!(app.take_effects().is_empty());
    keys(&mut app, "q");
    assert_eq!(app.take_effects(), [Effect::Quit]);
    let (mut other, ..) = writing();
    keys(&mut other, "\x1bq");
    assert!(other.take_effects().is_empty(), "also from elsewhere");
    ended(&mut app, view, done(silence));
    keys(&mut app, "q");
    assert_eq!(app.take_effects(), [Effect::Quit], "nothing is under way any more");
}

#[test]
fn what_comes_of_a_write_is_told_also_when_its_view_is_gone() {
    let mut app = app(false, ViewKind::Service);
    let silence = Silence { id: "id-2".to_owned(), ..Silence::default() };
    let outcome = SilenceOutcome::Done { silence, differences: Vec::new(), looked_up: true, twins: Box::default() };
    send(&mut app, Event::Write(Box::new(WriteNews { view: 77, stage: WriteStage::Ended(outcome) })));
    sees(&app, "Silence id-2 is active. The answer was lost; it was looked up on the server.");
}
