use std::sync::{Mutex, MutexGuard, PoisonError};

use super::*;
use crate::{
    app::{
        App, Shared,
        testing::{draw, look, test_shared, with},
    },
    core::{
        msg::{Event, Msg},
        scope::Scope,
    },
    model::{
        backend::{Backend, Health},
        time::TimeWindow,
    },
};

const SIZE: (u16, u16) = (100, 12);

/// tui-logger keeps one log for the whole process: one test at a time, each from an empty one.
struct Stage {
    shared: Shared,
    scope: Scope,
    _alone: MutexGuard<'static, ()>,
}

impl Stage {
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        tui_logger::set_buffer_depth(500);
        let scope = Scope::new("prod", TimeWindow::Last(std::time::Duration::from_secs(3600)));
        Self { shared: test_shared(), scope, _alone: alone }
    }

    fn look(&self) -> Look<'_> {
        look(&self.shared, &self.scope, Timestamp::ZERO)
    }

    fn text(&self, view: &Diagnostics) -> String {
        draw(view, &self.look(), SIZE.0, SIZE.1)
    }

    fn run(&self, view: &mut Diagnostics, command: Command) -> String {
        with(&self.look(), SIZE, |cx| view.command(cx, command));
        self.text(view)
    }
}

fn log(level: log::Level, text: &str) {
    let drain = tui_logger::Drain::new();
    drain.log(&log::Record::builder().args(format_args!("{text}")).level(level).target("redline::http").build());
    tui_logger::move_events();
}

fn requests(n: usize) {
    for i in 0..n {
        log(log::Level::Info, &format!("prometheus GET /api/v1/query 200 12ms 3412B attempt 1 no{i}."));
    }
}

#[test]
fn an_empty_log_says_so() {
    let stage = Stage::new();
    assert!(stage.text(&Diagnostics::default()).contains("Nothing has been asked yet."));
}

#[test]
fn the_newest_records_are_followed_until_someone_scrolls() {
    let stage = Stage::new();
    let mut view = Diagnostics::default();
    requests(40);
    let newest = stage.text(&view);
    assert!(newest.contains("attempt 1 no39.") && newest.contains("no30.") && newest.contains("following"), "{newest}");
    let older = stage.run(&mut view, Command::PageUp);
    assert!(older.contains("no30.") && !older.contains("no39.") && older.contains("f follows"), "{older}");
    requests(1);
    assert!(stage.text(&view).contains("no30."), "what is read stays");
    assert!(stage.run(&mut view, Command::Follow).contains("no0."), "the newest is number 0 of the second batch");
}

#[test]
fn each_request_that_ends_is_drawn_at_once() {
    let (health, now) = (Health::Up(std::time::Duration::from_millis(3)), Timestamp::ZERO);
    for (kind, drawn) in [(ViewKind::Diagnostics, true), (ViewKind::Traces, false)] {
        let scope = Scope::new("prod", TimeWindow::Last(std::time::Duration::from_secs(3600)));
        let mut app = App::new(test_shared(), kind, scope, &[], now, SIZE);
        app.update(Msg { now, event: Event::Health(Backend::Tempo, health.clone()) });
        app.take_dirty();
        app.update(Msg { now, event: Event::Health(Backend::Tempo, health.clone()) });
        assert_eq!(app.take_dirty().is_some(), drawn, "{kind:?}");
    }
}

#[test]
fn both_ends_are_reached_and_stay() {
    let stage = Stage::new();
    let mut view = Diagnostics::default();
    requests(200);
    let newest = stage.text(&view);
    let oldest = stage.run(&mut view, Command::Top);
    assert!(oldest.contains("no0.") && oldest.contains("no9."), "{oldest}");
    for _ in 0..3 {
        assert_eq!(stage.run(&mut view, Command::PageUp), oldest);
    }
    assert!(stage.run(&mut view, Command::PageDown).contains("no13."));
    assert_eq!(stage.run(&mut view, Command::PageUp), oldest);
    for _ in 0..60 {
        stage.run(&mut view, Command::PageDown);
    }
    assert_eq!(stage.text(&view), newest);
}

#[test]
fn what_does_not_fit_is_wrapped_and_failures_have_a_word() {
    let stage = Stage::new();
    log(log::Level::Warn, &format!("tempo GET /api/search {} 400\u{1b}[2J\u{202e}", "x".repeat(100)));
    let text = stage.text(&Diagnostics::default());
    assert!(text.contains("WARN tempo GET") && text.contains("400·[2J·"), "{text}");
}

#[test]
fn what_is_searched_for_is_highlighted_until_esc() {
    let stage = Stage::new();
    let mut view = Diagnostics::default();
    requests(3);
    let found = |view: &Diagnostics| {
        let page = view.scratch(&stage.look(), Rect::new(0, 0, 90, 3));
        let style = stage.shared.theme.style(Role::Match);
        let styled = |y: u16| style.fg == page[(20, y)].style().fg && page[(20, y)].modifier.contains(style.add_modifier);
        (0..3).filter(|y| styled(*y)).collect::<Vec<_>>()
    };
    assert_eq!(found(&view), [0u16; 0]);
    stage.run(&mut view, Command::Filter);
    with(&stage.look(), SIZE, |cx| view.paste(cx, "no1."));
    assert_eq!(found(&view), [1]);
    with(&stage.look(), SIZE, |cx| view.type_key(cx, KeyEvent::from(crossterm::event::KeyCode::Esc)));
    assert_eq!(found(&view), [0u16; 0]);
}

#[test]
fn any_size_is_drawn_at_any_scroll() {
    let stage = Stage::new();
    let mut view = Diagnostics::default();
    requests(30);
    for (w, h) in (1..40).step_by(7).flat_map(|w| [(w, 1), (w, 4), (w, 11), (90 - w, 12)]) {
        for command in [Command::PageUp, Command::Up, Command::PageDown, Command::Top] {
            with(&stage.look(), (w, h), |cx| view.command(cx, command));
            draw(&view, &stage.look(), w, h);
            draw(&view, &stage.look(), h, w);
        }
    }
}
