//! For tests of views and widgets: shared state without a configuration, and screens as text.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crossterm::event::{KeyCode, KeyEvent};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Settings, Shared};
use crate::{
    core::{
        keymap::Keymap,
        request::{Answer, Response, Subscription},
        scope::Scope,
    },
    model::{
        alert::{Alert, AlertState, Routing, Severities},
        backend::SourceError,
        labels::Labels,
        time::Timestamp,
    },
    red::{Durations, Failures, Family, Kind, RedMapping, Requests, StatusRule, StatusShape, Unit},
    theme::{Glyphs, Theme},
    views::{Act, Cx, Look, Needs, View},
};

/// The number that [`look`] gives a view.
pub const VIEW: u32 = 1;

/// Shared state with default keys, no configuration and Unicode glyphs, times in UTC.
pub fn test_shared() -> Shared {
    let settings = Settings {
        environments: vec!["prod".to_owned()],
        themes: vec!["test".to_owned()],
        log_bytes: 1 << 20,
        author: "ana".to_owned(),
        ..Settings::default()
    };
    Shared::new(settings, Keymap::new(&BTreeMap::new()).0, Theme::default(), Glyphs::UNICODE)
}

/// What a view looks at.
pub fn look<'a>(shared: &'a Shared, scope: &'a Scope, now: Timestamp) -> Look<'a> {
    Look { now, scope, shared, id: VIEW }
}

/// A screen as text, without spaces at the ends of lines.
pub fn text_of(buf: &Buffer) -> String {
    let width = usize::from(buf.area.width).max(1);
    let lines =
        buf.content().chunks(width).map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// A view drawn at a size, as text.
pub fn draw(view: &dyn View, look: &Look<'_>, width: u16, height: u16) -> String {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    let area = buf.area;
    view.render(look, area, &mut buf);
    text_of(&buf)
}

/// What a view asks for at a size.
pub fn needs(view: &dyn View, look: &Look<'_>, width: u16, height: u16) -> Vec<Subscription> {
    let mut out = Vec::new();
    view.subscriptions(look, Rect::new(0, 0, width, height), &mut Needs::new(look.id, 0, look.now, &mut out));
    out
}

/// Lets a view handle something at a size and returns what it asks of the app.
pub fn with<T>(look: &Look<'_>, size: (u16, u16), handle: impl FnOnce(&mut Cx<'_>) -> T) -> (T, Vec<Act>) {
    let mut acts = Vec::new();
    let out = handle(&mut Cx { look: *look, area: Rect::new(0, 0, size.0, size.1), acts: &mut acts });
    (out, acts)
}

/// Types a text into a view, `\r` for Enter and `\x1b` for Esc, and returns what it asks of the app.
pub fn type_text(view: &mut dyn View, look: &Look<'_>, size: (u16, u16), text: &str) -> Vec<Act> {
    let code = |c| match c {
        '\r' => KeyCode::Enter,
        '\x1b' => KeyCode::Esc,
        c => KeyCode::Char(c),
    };
    with(look, size, |cx| text.chars().for_each(|c| view.type_key(cx, KeyEvent::from(code(c))))).1
}

/// Answers every question a view asks now, with what `answer` makes of it; `None` leaves it unanswered.
pub fn feed(
    view: &mut dyn View,
    look: &Look<'_>,
    size: (u16, u16),
    answer: impl Fn(&Subscription) -> Option<Result<Response, SourceError>>,
) {
    for need in needs(view, look, size.0, size.1) {
        if let Some(result) = answer(&need) {
            tell(view, look, size, need, result);
        }
    }
}

/// Answers the first question of which that is true, of those that a view asks now. Returns what the view asks of the app then.
#[track_caller]
pub fn answer(
    view: &mut dyn View,
    look: &Look<'_>,
    size: (u16, u16),
    is: impl Fn(&Subscription) -> bool,
    result: Result<Response, SourceError>,
) -> Vec<Act> {
    let asked = needs(view, look, size.0, size.1);
    let Some(need) = asked.iter().find(|need| is(need)).cloned() else { panic!("it is not asked, but {asked:?}") };
    tell(view, look, size, need, result)
}

fn tell(view: &mut dyn View, look: &Look<'_>, size: (u16, u16), need: Subscription, result: Result<Response, SourceError>) -> Vec<Act> {
    let answer = Answer { slot: need.slot, request: Arc::new(need.request), asked: look.now, result };
    with(look, size, |cx| view.answer(cx, answer)).1
}

/// A firing alert as Alertmanager tells it, silenced by these.
pub fn routed_alert(labels: &[(&str, &str)], silenced_by: &[&str]) -> Alert {
    let labels: Labels = labels.iter().copied().collect();
    let silenced_by = silenced_by.iter().map(|s| (*s).to_owned()).collect();
    let routing = Routing { silenced_by, fingerprints: vec![labels.to_string()], ..Routing::default() };
    Alert {
        severity: Severities::default().of(&labels),
        routing: Some(routing),
        service: labels.get("service").map(Into::into),
        ..Alert::new(labels, AlertState::Firing, Timestamp::ZERO)
    }
}

/// Fails with the whole screen where one of the texts is not on it.
#[track_caller]
pub fn sees(screen: &str, texts: &[&str]) {
    for text in texts {
        assert!(screen.contains(text), "{text:?} is not on\n{screen}");
    }
}

/// A mapping with one family, Micrometer's, that has these services.
pub fn red_mapping(services: &[&str]) -> RedMapping {
    let family = Family {
        name: "Micrometer".to_owned(),
        row: "Micrometer".to_owned(),
        kind: Kind::Http,
        requests: Requests::Counter("http_server_requests_seconds_count".to_owned()),
        durations: Some(Durations::Classic { buckets: "http_server_requests_seconds_bucket".to_owned(), bounds: vec![0.1, 1.0, 10.0] }),
        unit: Unit::Seconds,
        duration_labels: ["application", "instance", "status", "uri"].map(Into::into).into(),
        restrict: String::new(),
        service_label: "application".to_owned(),
        route_label: Some("uri".to_owned()),
        failures: Some(Failures::Status(StatusRule { label: "status".to_owned(), shape: StatusShape::Code })),
        scrape_interval: Some(Duration::from_secs(15)),
        services: services.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<String>>().into_iter().collect(),
    };
    RedMapping { families: vec![family], scrape_interval: Some(Duration::from_secs(15)), ..RedMapping::default() }
}
