mod cost;
mod faults;
mod logql;
mod results;
mod typing;

use std::{sync::Arc, time::Duration};

use crossterm::event::{MouseButton, MouseEventKind};

use super::*;
use crate::{
    app::{
        Shared,
        testing::{draw, feed, look, needs, test_shared, with},
    },
    core::{
        request::{Response, Subscription},
        scope::Scope,
    },
    model::{
        backend::{Backend, ErrorKind, SourceError},
        explored::{About, Explored, Names, Table, Total, Value},
        labels::Labels,
        series::{Matrix, Sample, Series},
        time::{TimeRange, TimeWindow},
    },
    views::Act,
};

const NOW: Timestamp = Timestamp::from_secs(36_000);
const WIDE: (u16, u16) = (100, 30);

fn scope() -> Scope {
    Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600)))
}

struct Page {
    view: Query,
    shared: Shared,
    scope: Scope,
    size: (u16, u16),
}

type Told = Result<Response, SourceError>;

impl Page {
    fn new(queries: &[&str]) -> Self {
        let queries: Vec<TypedQuery> = queries.iter().map(|q| TypedQuery::promql(*q)).collect();
        Self { view: Query::new(&queries), shared: test_shared(), scope: scope(), size: WIDE }
    }

    fn key(&mut self, code: KeyCode) -> Vec<Act> {
        self.press(KeyEvent::from(code))
    }

    fn press(&mut self, key: KeyEvent) -> Vec<Act> {
        let look = look(&self.shared, &self.scope, NOW);
        let acts = with(&look, self.size, |cx| self.view.type_key(cx, key)).1;
        for act in &acts {
            if let Act::Asked(query) = act {
                self.shared.history.entry((self.scope.environment.clone(), query.language)).or_default().push(query.text.clone());
            }
        }
        acts
    }

    fn paste(&mut self, text: &str) -> Vec<Act> {
        let look = look(&self.shared, &self.scope, NOW);
        with(&look, self.size, |cx| self.view.paste(cx, text)).1
    }

    fn mouse(&mut self, kind: MouseEventKind, at: (usize, usize)) -> Pointed {
        let look = look(&self.shared, &self.scope, NOW);
        let cell = |n| u16::try_from(n).unwrap();
        let event = MouseEvent { kind, column: cell(at.0), row: cell(at.1), modifiers: KeyModifiers::NONE };
        with(&look, self.size, |cx| self.view.mouse(cx, event)).0
    }

    /// The column and the row of a text on the screen.
    fn place(&self, text: &str) -> (usize, usize) {
        let screen = self.screen();
        let found = screen.lines().enumerate().find_map(|(y, l)| Some((l[..l.find(text)?].chars().count(), y)));
        found.unwrap_or_else(|| panic!("no {text} in {screen}"))
    }

    fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.key(KeyCode::Char(c));
        }
        self
    }

    fn command(&mut self, command: Command) -> Vec<Act> {
        let look = look(&self.shared, &self.scope, NOW);
        with(&look, self.size, |cx| self.view.command(cx, command)).1
    }

    fn answer(&mut self, told: impl Fn(&Subscription) -> Option<Told>) {
        let look = look(&self.shared, &self.scope, NOW);
        feed(&mut self.view, &look, self.size, told);
    }

    fn asked(&self) -> Vec<Request> {
        let look = look(&self.shared, &self.scope, NOW);
        needs(&self.view, &look, self.size.0, self.size.1).into_iter().map(|s| s.request).collect()
    }

    fn screen(&self) -> String {
        draw(&self.view, &look(&self.shared, &self.scope, NOW), self.size.0, self.size.1)
    }

    fn typed(&self) -> &str {
        self.view.row().text.as_str()
    }
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().copied().collect()
}

fn explored(data: Explored) -> Option<Told> {
    Some(Ok(Response::Explored(Arc::new(data))))
}

fn graph(series: &[(&[(&str, &str)], f64)]) -> Option<Told> {
    let range = TimeRange::new(NOW - Duration::from_secs(3600), NOW);
    let line = |(l, v): &(&[(&str, &str)], f64)| Series {
        labels: labels(l),
        samples: (0..60).map(|i| Sample { at: range.start + Duration::from_secs(60 * i), value: *v }).collect(),
    };
    let matrix = Matrix { series: series.iter().map(line).collect(), range, step: Duration::from_secs(60), warnings: Vec::new() };
    explored(Explored::Graph { total: Total { series: matrix.series.len(), cut: false }, matrix })
}

fn refused(message: &str) -> Option<Told> {
    Some(Err(SourceError::new(Backend::Prometheus, ErrorKind::BadQuery, message)))
}

fn names(all: &[&str]) -> Option<Told> {
    Some(Ok(Response::Names(Arc::new(Names { names: all.iter().map(|n| (*n).into()).collect(), cut: false }))))
}

#[test]
fn queries_are_kept_by_a_name() {
    let mut page = Page::new(&["up", "sum(x)"]);
    page.command(Command::Keep);
    page.text("shop errors");
    let acts = page.key(KeyCode::Enter);
    let queries = ["up", "sum(x)"].map(TypedQuery::promql).into();
    assert_eq!(acts.last(), Some(&Act::Effect(Effect::Keep { name: "shop errors".to_owned(), queries })));
    let mut empty = Page::new(&[]);
    empty.key(KeyCode::Esc);
    assert!(matches!(&empty.command(Command::Keep)[..], [Act::Notice(_)]));
}

#[test]
fn the_page_is_drawn_at_any_size() {
    for size in [(1, 1), (20, 3), (40, 6), (80, 21), (200, 47)] {
        for typing in [false, true] {
            let mut page = Page::new(&["sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m]))", "up)"]);
            page.size = size;
            page.answer(|_| graph(&[(&[("job", "a")], 1.0), (&[("job", "b")], f64::NAN)]));
            if typing {
                page.command(Command::EditQuery);
                page.text(" o");
                let at = View::cursor(&page.view, &look(&page.shared, &page.scope, NOW), Rect::new(0, 0, size.0, size.1)).unwrap();
                assert!(at.x < size.0.max(1) && at.y <= size.1, "{at:?} in {size:?}");
            }
            page.screen();
        }
    }
}

#[test]
fn the_mouse_chooses_scrolls_and_puts_the_cursor() {
    let mut page = Page::new(&["up", "sum(x)"]);
    let pods: [&[(&str, &str)]; 3] = [&[("pod", "a")], &[("pod", "b")], &[("pod", "c")]];
    page.answer(|_| graph(&[(pods[0], 3.0), (pods[1], 2.0), (pods[2], 1.0)]));
    let click = MouseEventKind::Down(MouseButton::Left);
    // The second table's second row.
    let second = page.screen().lines().enumerate().filter(|(_, l)| l.contains("● 2")).last().unwrap().0;
    page.mouse(click, (4, second));
    assert_eq!((page.view.focus, page.view.row().selected().unwrap().labels.get("pod")), (1, Some("b")));
    page.mouse(MouseEventKind::ScrollDown, (4, second));
    assert_eq!(page.view.row().selected().unwrap().labels.get("pod"), Some("c"));

    let query = page.place("sum(x)");
    page.mouse(click, (query.0 + 4, query.1));
    page.text("y");
    assert_eq!(page.typed(), "sum(yx)");
    page.mouse(click, (4, 8));
    assert!(!page.view.is_typing() && page.view.focus == 0, "a click on a result ends typing");
    page.mouse(MouseEventKind::ScrollDown, query);
    assert_eq!(page.view.focus, 1, "the wheel goes through the queries");

    let mut page = Page::new(&[]);
    page.text("rat");
    let offered = page.place("irate");
    page.mouse(MouseEventKind::ScrollDown, offered);
    page.mouse(click, offered);
    assert_eq!(page.typed(), "irate(");
}
