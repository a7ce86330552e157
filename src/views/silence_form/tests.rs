mod writing;

use std::sync::Arc;

use super::*;
use crate::{
    app::{
        Shared,
        testing::{draw, feed, look, needs, routed_alert as alert, sees, test_shared, with},
    },
    core::{
        request::Response,
        scope::{Scope, ScopeAlert},
    },
    model::{
        alert::{Alert, AlertState},
        alertmanagers::{Part, together},
        backend::ErrorKind,
        labels::{Labels, MatchOp, Matcher},
        silence::{Silence, SilenceEnd, SilenceState},
        time::TimeWindow,
    },
};

const SIZE: (u16, u16) = (200, 40);
/// 2026-11-21 14:30 UTC.
const NOW: Timestamp = Timestamp::from_secs(1_795_271_400);

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().copied().collect()
}

fn told() -> AlertmanagerAlerts {
    let alerts = vec![
        alert(&[("alertname", "Slow"), ("service", "orders"), ("severity", "page"), ("replica", "0")], &[]),
        alert(&[("alertname", "Slow"), ("service", "orders"), ("severity", "page"), ("replica", "1")], &[]),
        alert(&[("alertname", "Slow"), ("service", "payments"), ("severity", "page")], &["s1"]),
        alert(&[("alertname", "Full"), ("node", "a")], &[]),
    ];
    AlertmanagerAlerts { alerts, ..AlertmanagerAlerts::default() }
}

fn scope() -> Scope {
    let slow = labels(&[("alertname", "Slow"), ("service", "orders"), ("severity", "page")]);
    let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600)));
    scope.with_alert(ScopeAlert { name: "Slow".into(), labels: slow, onset: None }, Some("orders".into()), NOW)
}

/// The form with what it looks at.
struct Stage {
    shared: Shared,
    scope: Scope,
    form: SilenceForm,
    now: Timestamp,
    acts: Vec<Act>,
}

impl Stage {
    fn on(scope: Scope, told: AlertmanagerAlerts) -> Self {
        let shared = test_shared();
        let form = SilenceForm::new(Subject::of(&scope), &shared.settings);
        let mut stage = Self { shared, scope, form, now: NOW, acts: Vec::new() };
        let look = look(&stage.shared, &stage.scope, NOW);
        feed(&mut stage.form, &look, SIZE, |_| Some(Ok(Response::AlertmanagerAlerts(told.clone()))));
        stage
    }

    fn new() -> Self {
        Self::on(scope(), told())
    }

    fn press(&mut self, key: KeyEvent) -> &mut Self {
        let look = look(&self.shared, &self.scope, self.now);
        let ((), acts) = with(&look, SIZE, |cx| self.form.type_key(cx, key));
        self.acts.extend(acts);
        self
    }

    fn key(&mut self, code: KeyCode) -> &mut Self {
        self.press(KeyEvent::from(code))
    }

    fn ctrl(&mut self, c: char) -> &mut Self {
        self.press(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL))
    }

    fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.key(KeyCode::Char(c));
        }
        self
    }

    fn focus(&mut self, place: Place) -> &mut Self {
        self.form.fields.focus = place;
        self
    }

    /// In place of what the focused field says.
    fn fill(&mut self, text: &str) -> &mut Self {
        self.ctrl('u').text(text)
    }

    fn screen(&self) -> String {
        self.screen_of(SIZE)
    }

    fn screen_of(&self, size: (u16, u16)) -> String {
        draw(&self.form, &look(&self.shared, &self.scope, NOW), size.0, size.1)
    }

    fn notices(&self) -> Vec<&str> {
        self.acts.iter().filter_map(|a| if let Act::Notice(text) = a { Some(text.as_str()) } else { None }).collect()
    }

    fn writes(&self) -> Vec<&SilenceChange> {
        self.acts.iter().filter_map(|a| if let Act::Write(change) = a { Some(&**change) } else { None }).collect()
    }

    fn ended(&mut self, outcome: SilenceOutcome) -> &mut Self {
        let look = look(&self.shared, &self.scope, NOW);
        self.form.written(&look, &WriteStage::Ended(outcome));
        self
    }
}

#[test]
fn it_is_filled_from_the_alert_and_shows_what_it_would_hit() {
    let stage = Stage::new();
    sees(
        &stage.screen(),
        &[
            r#"alertname="Slow""#,
            r#"service="orders""#,
            r#"severity="page""#,
            "until about 16:30 UTC, in 2h00m",
            "would hit now: 2 of 4 alerts",
            "replica=0",
            "replica=1",
        ],
    );
    assert_eq!(stage.form.warnings, Vec::<String>::new());
}

#[test]
fn the_preview_follows_every_key_and_warns() {
    let mut stage = Stage::new();
    stage.focus(Place::Matcher(1)).fill("service=~\"orders|payments\"");
    sees(
        &stage.screen(),
        &["would hit now: 3 of 4 alerts", "It hits 1 alert that is not of orders: payments (1).", "1 of them is silenced already."],
    );
    stage.fill("service=nobody");
    sees(&stage.screen(), &["would hit now: 0 of 4 alerts", "It hits no alert now."]);
    stage.fill("service=payments");
    sees(&stage.screen(), &["would hit now: 1 of 4 alerts", "It does not hit the alert that it was opened on."]);
    stage.ctrl('x').ctrl('x').focus(Place::Matcher(0)).fill("alertname!=x");
    sees(&stage.screen(), &["would hit now: 4 of 4 alerts", "It hits every alert that there is: all 4."]);
    stage.fill("alertname=~(");
    sees(&stage.screen(), &["error parsing regexp", "What it hits is shown once every matcher is one."]);
    stage.fill("team=");
    sees(&stage.screen(), &["at least one matcher must not match the empty string"]);
    stage.fill("node!=\"\"");
    sees(&stage.screen(), &["would hit now: 1 of 4 alerts", "without a service (1)"]);
}

#[test]
fn a_fold_is_silenced_by_what_its_alerts_have_in_common() {
    let base = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600)));
    let book = told().alerts;
    let of = |places: &[usize]| Fold::of("storm", &places.iter().map(|i| &book[*i]).collect::<Vec<_>>());
    let shown = |fold: &Fold| fold.matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let on = |fold: Fold| {
        let mut stage = Stage::on(base.clone(), told());
        stage.form = SilenceForm::new(Subject::fold(&base, fold), &stage.shared.settings);
        let look = look(&stage.shared, &stage.scope, NOW);
        feed(&mut stage.form, &look, SIZE, |_| Some(Ok(Response::AlertmanagerAlerts(told()))));
        stage
    };
    let two = on(of(&[0, 1]));
    assert_eq!(shown(&of(&[0, 1])), r#"alertname="Slow" service="orders" severity="page""#);
    sees(&two.screen(), &["silence storm, 2 alerts", "would hit now: 2 of 4 alerts"]);
    assert_eq!(two.form.warnings, Vec::<String>::new());
    let mut more = on(of(&[0, 2]));
    sees(
        &more.screen(),
        &["would hit now: 3 of 4 alerts", "It hits 1 alert that is not in storm: orders (1).", "1 of them is silenced already."],
    );
    more.focus(Place::Matcher(0)).fill("service=orders");
    sees(&more.screen(), &["It hits 1 alert that is not in storm", "It leaves 1 of the 2 alerts in storm."]);
    assert_eq!(shown(&of(&[0, 3])), r#"alertname=~"Full|Slow""#, "what has nothing in common has names");
    // What is over by now is not asked for, and the draft is of the fold whatever it holds by then.
    let mut over = told().alerts;
    over[3].state = AlertState::Resolved;
    let fold = Fold::of("storm", &over.iter().collect::<Vec<_>>());
    assert_eq!((fold.alerts, shown(&fold)), (3, r#"alertname="Slow" severity="page""#.to_owned()));
    more.text("x").focus(Place::Comment).text("why");
    let draft = more.form.draft().unwrap();
    assert!(draft.is_of(&Subject::fold(&base, fold)) && !draft.is_of(&Subject::fold(&base, Fold { name: "other".to_owned(), ..of(&[0]) })));
}

#[test]
fn operators_go_round_with_the_value_escaped_both_ways() {
    let value = "a.b (\"c\")\\d\n[é]*";
    let odd = labels(&[("alertname", "Slow"), ("größe.x", value)]);
    let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600)));
    let scope = scope.with_alert(ScopeAlert { name: "Slow".into(), labels: odd.clone(), onset: None }, None, NOW);
    let alerts = vec![alert(&[("alertname", "Slow"), ("größe.x", value)], &[]), alert(&[("alertname", "Slow"), ("größe.x", "axb")], &[])];
    let mut stage = Stage::on(scope, AlertmanagerAlerts { alerts, ..AlertmanagerAlerts::default() });
    stage.focus(Place::Matcher(1));
    let mut seen = Vec::new();
    for _ in 0..5 {
        let matcher = stage.form.checked.matchers[1].clone();
        seen.push((matcher.op, stage.form.hits.rows.clone(), matcher.value == value));
        stage.ctrl('o');
    }
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    let expected =
        [(Equal, vec![0], true), (NotEqual, vec![1], true), (Regex, vec![0], false), (NotRegex, vec![1], false), (Equal, vec![0], true)];
    assert_eq!(seen, expected);
}

#[test]
fn what_is_missing_is_said_at_its_field_before_anything_is_asked() {
    let mut stage = Stage::new();
    assert!(!stage.screen().contains("a comment is required"), "not before one wants to go on");
    stage.focus(Place::End).fill("soon").key(KeyCode::Enter);
    assert_eq!(stage.form.fields.focus, Place::End);
    sees(&stage.screen(), &["write 2h, until 18:00", "a comment is required: say why"]);
    stage.fill("until 18:00").key(KeyCode::Enter);
    assert_eq!((stage.form.fields.focus, stage.notices().len()), (Place::Comment, 2));
    stage.text("known").key(KeyCode::Enter);
    sees(&stage.screen(), &["write this?", "It hits 2 of 4 alerts now.", "until     18:00 UTC, in 3h30m", "known"]);
    assert!(stage.writes().is_empty(), "nothing is written before it is confirmed");
}

#[test]
fn the_question_shows_all_also_on_a_small_screen() {
    const SMALL: (u16, u16) = (80, 21);
    let mut stage = Stage::new();
    stage.text("the reason why").key(KeyCode::Enter);
    sees(&stage.screen_of(SMALL), &["comment", "the reason why", "would hit now: 2 of 4 alerts", "replica=0"]);
    stage.key(KeyCode::Esc);
    for n in 0..12 {
        stage.focus(Place::Matcher(0)).ctrl('n').text(&format!("label{n}!=x"));
    }
    stage.key(KeyCode::Enter);
    assert!(!stage.screen_of(SMALL).contains("the reason why"));
    sees(&stage.screen_of(SMALL), &["more below: Down"]);
    let view = look(&stage.shared, &stage.scope, NOW);
    for _ in 0..20 {
        with(&view, SMALL, |cx| stage.form.type_key(cx, KeyEvent::from(KeyCode::Down)));
    }
    sees(&stage.screen_of(SMALL), &["the reason why"]);
    assert!(!stage.screen_of(SMALL).contains("more below"));
}

#[test]
fn a_draft_is_kept_of_what_was_typed_and_only_of_that() {
    let mut stage = Stage::new();
    assert!(stage.form.draft().is_none());
    stage.text("why").key(KeyCode::Esc);
    assert_eq!(stage.acts.last(), Some(&Act::Back));
    let draft = stage.form.draft().unwrap();
    assert!(draft.is_of(&Subject::of(&scope())));
    assert!(!draft.is_of(&Subject::of(&Scope::new("prod", TimeWindow::Last(Duration::from_secs(60))))));
    let resumed = SilenceForm::resume(draft, &stage.shared.settings);
    assert_eq!(resumed.fields.comment.text(), "why");
}

#[test]
fn a_selector_pasted_into_an_empty_matcher_becomes_its_matchers() {
    let mut stage = Stage::on(Scope::new("prod", TimeWindow::Last(Duration::from_secs(60))), told());
    let view = look(&stage.shared, &stage.scope, NOW);
    with(&view, SIZE, |cx| stage.form.paste(cx, r#"{alertname="Slow", service!~"pay.*"}"#));
    sees(&stage.screen(), &[r#"alertname="Slow""#, r#"service!~"pay.*""#, "2 of 4 alerts"]);
    let view = look(&stage.shared, &stage.scope, NOW);
    stage.form.fields.focus = Place::Comment;
    with(&view, SIZE, |cx| stage.form.paste(cx, "two\nlines\u{1b}[2J"));
    assert_eq!(stage.form.fields.comment.text(), "two lines[2J");
}

#[test]
fn a_silence_is_extended_as_itself_and_made_again_as_a_new_one() {
    let base = Scope::new("prod", TimeWindow::Last(Duration::from_secs(60)));
    let silence = Silence {
        id: "s1".to_owned(),
        matchers: vec![Matcher::equal("alertname", "Slow")],
        starts_at: NOW - Duration::from_secs(3600),
        ends_at: NOW + Duration::from_secs(1800),
        comment: "known".to_owned(),
        created_by: "bob".to_owned(),
        ..Silence::default()
    };
    for (state, id, starts, end) in [
        (SilenceState::Active, Some("s1"), Some(silence.starts_at), SilenceEnd::At(NOW + Duration::from_secs(9000))),
        (SilenceState::Expired, None, None, SilenceEnd::After(Duration::from_secs(7200))),
    ] {
        let mut stage = Stage::new();
        let silence = Silence { state, ..silence.clone() };
        stage.form = SilenceForm::new(Subject::silence(&base, silence), &stage.shared.settings);
        stage.key(KeyCode::Enter).text("y");
        let [SilenceChange::Create(new)] = stage.writes()[..] else { panic!("{:?}", stage.notices()) };
        assert_eq!((new.id.as_deref(), new.starts_at, new.end), (id, starts, end), "{state:?}");
        assert_eq!((new.comment.as_str(), new.created_by.as_str()), ("known", "ana"));
        let silence = Silence { id: "s2".to_owned(), ..Silence::default() };
        stage.ended(SilenceOutcome::Done { silence, differences: Vec::new(), looked_up: false, twins: Box::default() });
        assert_eq!(stage.screen().contains("replaces  s1, which is over now"), id.is_some(), "{}", stage.screen());
    }
}

#[test]
fn ten_thousand_alerts_are_matched_with_hostile_labels_among_them() {
    let huge = "x".repeat(4096);
    let mut alerts: Vec<Alert> = (0..10_000).map(|i| alert(&[("alertname", "Slow"), ("pod", &format!("pod-{i}"))], &[])).collect();
    alerts.push(alert(&[("alertname", &huge), ("pod", "\u{202e}\u{1b}[2J")], &[]));
    alerts.push(alert(&[], &[]));
    let mut stage = Stage::on(scope(), AlertmanagerAlerts { alerts, ..AlertmanagerAlerts::default() });
    stage.focus(Place::Matcher(0)).fill("pod=~\"pod-.*7\"");
    stage.focus(Place::Matcher(1)).ctrl('x').ctrl('x');
    sees(&stage.screen(), &["would hit now: 1,000 of 10,002 alerts"]);
    stage.focus(Place::Matcher(0)).fill("pod!=x");
    sees(&stage.screen(), &["all 10,002"]);
    for _ in 0..3_400 {
        stage.key(KeyCode::PageDown);
    }
    sees(&stage.screen(), &["·"]);
    assert!(!stage.screen().chars().any(|c| c != '\n' && crate::ui::text::is_harmful(c)));
}

#[test]
fn it_is_drawn_at_any_size_and_says_when_it_has_no_room() {
    let mut stage = Stage::new();
    stage.text("why");
    sees(&stage.screen_of((80, 21)), &["comment", "why", "would hit now: 2 of 4 alerts"]);
    sees(&stage.screen_of((39, 3)), &["A silence needs 40×14 here"]);
    for size in [(1, 1), (20, 3), (40, 14), (41, 15), (119, 60), (120, 14), (400, 5)] {
        stage.screen_of(size);
    }
    // What is not seen is not confirmed.
    let view = look(&stage.shared, &stage.scope, NOW);
    with(&view, (20, 3), |cx| stage.form.type_key(cx, KeyEvent::from(KeyCode::Enter)));
    assert!(matches!(stage.form.stage, super::Stage::Edit));
}

#[test]
fn the_mouse_focuses_a_field_and_chooses_a_length() {
    let mut stage = Stage::new();
    let click = |stage: &mut Stage, text: &str| {
        let screen = stage.screen();
        let (row, line) = screen.lines().enumerate().find(|(_, l)| l.contains(text)).unwrap();
        let column = line[..line.find(text).unwrap()].chars().count();
        let event = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: u16::try_from(column).unwrap(),
            row: u16::try_from(row).unwrap(),
            modifiers: KeyModifiers::NONE,
        };
        let view = look(&stage.shared, &stage.scope, NOW);
        with(&view, SIZE, |cx| stage.form.mouse(cx, event)).0
    };
    assert_eq!(click(&mut stage, "service="), Pointed::Used);
    assert_eq!(stage.form.fields.focus, Place::Matcher(1));
    assert_eq!(click(&mut stage, "8h"), Pointed::Used);
    sees(&stage.screen(), &["in 8h00m"]);
}
