use super::*;
use crate::{
    app::{
        Shared,
        testing::{draw, feed, look, routed_alert, sees, test_shared, type_text, with},
    },
    core::{request::Response, scope::Scope},
    model::{
        alert::Alert,
        backend::{Backend, ErrorKind, SourceError},
        labels::Matcher,
        silence::SilenceOutcome,
        time::TimeWindow,
    },
};

const SIZE: (u16, u16) = (160, 40);
const NOW: Timestamp = Timestamp::from_secs(1_795_271_400);

fn silence(id: &str, state: SilenceState, alertname: &str, minutes: i64) -> Silence {
    let ends_at = Timestamp::from_secs(NOW.secs() + 60 * minutes);
    Silence {
        at: Vec::new(),
        id: id.to_owned(),
        matchers: vec![Matcher::equal("alertname", alertname)],
        starts_at: if state == SilenceState::Pending { NOW + Duration::from_secs(600) } else { NOW - Duration::from_secs(7200) },
        ends_at,
        updated_at: NOW - Duration::from_secs(7200),
        created_by: "bob".to_owned(),
        comment: format!("why {id}"),
        state,
    }
}

fn alert(name: &str, pod: &str, silenced_by: &[&str]) -> Alert {
    routed_alert(&[("alertname", name), ("pod", pod)], silenced_by)
}

fn told() -> AlertmanagerAlerts {
    AlertmanagerAlerts {
        alerts: vec![alert("Slow", "a", &["s-long"]), alert("Slow", "b", &["s-long", "s-short"]), alert("Full", "a", &[])],
        silences: vec![
            silence("s-old", SilenceState::Expired, "Full", -180),
            silence("s-long", SilenceState::Active, "Slow", 300),
            silence("s-soon", SilenceState::Pending, "Full", 600),
            silence("s-short", SilenceState::Active, "Slow", 30),
            silence("s-older", SilenceState::Expired, "Gone", -1440),
        ],
        members: Vec::new(),
    }
}

struct Page {
    shared: Shared,
    scope: Scope,
    view: Silences,
    acts: Vec<Act>,
}

impl Page {
    fn new() -> Self {
        let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600)));
        let mut page = Self { shared: test_shared(), scope, view: Silences::default(), acts: Vec::new() };
        page.told(Ok(told()));
        page
    }

    fn told(&mut self, told: Result<AlertmanagerAlerts, SourceError>) {
        let look = look(&self.shared, &self.scope, NOW);
        feed(&mut self.view, &look, SIZE, |_| Some(told.clone().map(Response::AlertmanagerAlerts)));
    }

    fn run(&mut self, command: Command) -> &mut Self {
        let look = look(&self.shared, &self.scope, NOW);
        let (_, acts) = with(&look, SIZE, |cx| self.view.command(cx, command));
        self.acts.extend(acts);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.acts.extend(type_text(&mut self.view, &look(&self.shared, &self.scope, NOW), SIZE, text));
        self
    }

    fn screen(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, NOW), SIZE.0, SIZE.1)
    }

    fn ids(&self) -> Vec<&str> {
        self.view.rows.iter().map(|r| r.silence.id.as_str()).collect()
    }
}

#[test]
fn silences_stand_in_the_order_in_which_they_matter_with_what_each_hits() {
    let mut page = Page::new();
    assert_eq!(page.ids(), ["s-short", "s-long", "s-soon", "s-old", "s-older"]);
    let hits: Vec<Option<usize>> = page.view.rows.iter().map(|r| r.hits.as_ref().map(Vec::len)).collect();
    assert_eq!(hits, [Some(1), Some(2), Some(1), None, None]);
    sees(
        &page.screen(),
        &["2 active, 1 pending, 2 expired", "in 30m · 15:00", "begins in 10m", "3h00m ago", "why s-short", "silences 1 alert", "pod=b"],
    );
    page.run(Command::Order);
    assert_eq!(page.ids()[0], "s-long", "{}", page.screen());
    page.run(Command::Order).run(Command::Order).run(Command::Order);
    assert_eq!(page.ids()[0], "s-short");
}

#[test]
fn a_filter_looks_at_matchers_and_words() {
    let mut page = Page::new();
    page.run(Command::Filter).text("alertname=Full");
    assert_eq!(page.ids(), ["s-soon", "s-old"]);
    sees(&page.screen(), &["0 active, 1 pending, 1 expired"]);
    page.text("\x1b").run(Command::Filter).text("older");
    assert_eq!(page.ids(), ["s-older"]);
    page.text("zzz");
    sees(&page.screen(), &["No silence passes the filter."]);
}

#[test]
fn expiring_asks_first_and_says_what_will_be_loud_again() {
    let mut page = Page::new();
    page.run(Command::Down).run(Command::ExpireSilence);
    sees(&page.screen(), &["expire this silence?", "It silences 2 alerts: 1 will notify again."]);
    page.text("x\x1b");
    assert!(page.acts.is_empty() && !page.view.is_typing());
    page.run(Command::ExpireSilence).text("yy");
    assert_eq!(page.acts, [Act::Write(Box::new(SilenceChange::Expire("s-long".to_owned())))]);
    let silence = Silence { state: SilenceState::Expired, ..silence("s-long", SilenceState::Active, "Slow", 0) };
    let outcome = SilenceOutcome::Done { silence, differences: Vec::new(), looked_up: false, twins: Box::default() };
    page.view.written(&look(&page.shared, &page.scope, NOW), &WriteStage::Ended(outcome));
    sees(&page.screen(), &["Silence s-long is expired."]);
    let mut after = told();
    after.silences[1].state = SilenceState::Expired;
    page.told(Ok(after));
    assert_eq!(page.view.id().as_deref(), Some("s-long"), "the selection stays with it");
    assert!(!page.view.facts(&look(&page.shared, &page.scope, NOW)).silencing);
    assert_eq!(page.view.hint(Command::RenewSilence), Some("make again"));
}

#[test]
fn the_first_one_stays_selected_when_another_one_comes_before_it() {
    let mut page = Page::new();
    assert_eq!(page.view.id().as_deref(), Some("s-short"));
    let mut more = told();
    more.silences.push(silence("s-shorter", SilenceState::Active, "Full", 5));
    page.told(Ok(more));
    assert_eq!((page.ids()[0], page.view.id().as_deref()), ("s-shorter", Some("s-short")));
    page.run(Command::ExpireSilence).text("y");
    assert_eq!(page.acts, [Act::Write(Box::new(SilenceChange::Expire("s-short".to_owned())))]);
}

#[test]
fn one_that_never_ends_is_not_shown_as_over() {
    let mut page = Page::new();
    let for_ever = Silence { ends_at: Timestamp::LATEST, ..silence("s-ever", SilenceState::Active, "Slow", 0) };
    page.told(Ok(AlertmanagerAlerts { silences: vec![for_ever], ..told() }));
    let screen = page.screen();
    sees(&screen, &["after 2262"]);
    assert!(!screen.contains("1970") && !screen.contains("ago"), "{screen}");
}

#[test]
fn the_selected_one_opens_in_the_form() {
    let mut page = Page::new();
    page.run(Command::Bottom).run(Command::Up);
    sees(&page.screen(), &["made again it would silence 1 alert"]);
    page.run(Command::Bottom).run(Command::RenewSilence);
    let [Act::OpenSilence(opened)] = &page.acts[..] else { panic!("{:?}", page.acts) };
    assert_eq!(opened.id, "s-older");
}

#[test]
fn none_and_none_to_be_had_are_two_things() {
    let mut page = Page::new();
    page.told(Ok(AlertmanagerAlerts::default()));
    sees(&page.screen(), &["Alertmanager has no silence, neither active nor expired."]);
    let mut page = Page { view: Silences::default(), ..Page::new() };
    page.told(Err(SourceError::new(Backend::Alertmanager, ErrorKind::Unauthorized(403), "answered 403: no")));
    sees(&page.screen(), &["answered 403: no"]);
    assert!(!page.view.facts(&look(&page.shared, &page.scope, NOW)).silence);
}

#[test]
fn it_is_drawn_at_any_size() {
    let mut page = Page::new();
    for asks in [false, true] {
        for size in [(1, 1), (20, 3), (40, 8), (80, 21), (400, 5)] {
            draw(&page.view, &look(&page.shared, &page.scope, NOW), size.0, size.1);
        }
        if !asks {
            page.run(Command::ExpireSilence);
        }
    }
}
