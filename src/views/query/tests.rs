mod cost;

use std::{sync::Arc, time::Duration};

use crossterm::event::{MouseButton, MouseEventKind};

use super::*;
use crate::{
    app::{
        Shared,
        testing::{draw, feed, look, needs, test_shared, with},
    },
    core::{request::Subscription, scope::Scope},
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
fn names_are_asked_once_while_typing_and_the_query_only_by_enter() {
    let mut page = Page::new(&[]);
    page.text("ht");
    let metric_names = Request::MetricNames { window: page.scope.window };
    assert_eq!(page.asked(), [metric_names]);
    page.answer(|_| names(&["http_requests_total", "go_info"]));
    assert!(page.screen().contains("http_requests_total"), "{}", page.screen());
    page.text("tp");
    assert!(!page.asked().iter().any(|r| matches!(r, Request::MetricNames { .. } | Request::Explore { .. })), "{:?}", page.asked());
    page.key(KeyCode::Tab);
    assert_eq!(page.typed(), "http_requests_total");
    page.text("{");
    assert_eq!(page.asked(), [Request::LabelNames { query: "http_requests_total".to_owned(), window: page.scope.window }]);
    page.answer(|_| Some(Ok(Response::LabelNames(vec!["__name__".into(), "code".into()]))));
    page.key(KeyCode::Tab);
    assert_eq!(page.typed(), "http_requests_total{code=\"");
    page.answer(|need| matches!(need.request, Request::LabelValues { .. }).then(|| names(&["200", "500"])).flatten());
    page.key(KeyCode::Down);
    page.key(KeyCode::Enter);
    assert_eq!(page.typed(), "http_requests_total{code=\"500\"", "what the arrows chose is taken by Enter");
    page.text("}").key(KeyCode::Enter);
    let [Request::Explore { query, step: Some(_), .. }] = &page.asked()[..] else { panic!("{:?}", page.asked()) };
    assert_eq!(query, "http_requests_total{code=\"500\"}");
}

#[test]
fn a_metrics_type_and_help_are_told_of_the_selected_one() {
    let mut page = Page::new(&[]);
    page.text("htt");
    page.answer(|_| names(&["http_requests_total"]));
    assert_eq!(page.asked(), [Request::AboutMetric { metric: "http_requests_total".to_owned() }]);
    page.answer(|_| Some(Ok(Response::About(About { kind: "counter".to_owned(), help: "Requests served.".to_owned() }))));
    assert!(page.screen().contains("counter · Requests served."), "{}", page.screen());
    assert!(page.asked().is_empty());
}

#[test]
fn names_that_never_come_hold_nothing_up() {
    let mut page = Page::new(&[]);
    page.text("rat");
    assert!(page.screen().contains("rate(range)"), "functions need no server: {}", page.screen());
    page.answer(|_| Some(Err(SourceError::new(Backend::Prometheus, ErrorKind::Timeout(Duration::from_secs(10)), "timeout after 10 s"))));
    assert!(page.screen().contains("no names: timeout after 10 s"), "{}", page.screen());
    page.text("e(up[5m])").key(KeyCode::Enter);
    assert!(matches!(&page.asked()[..], [Request::Explore { .. }]));
}

#[test]
fn the_servers_error_stands_under_its_column_over_the_last_good_result() {
    let mut page = Page::new(&["up"]);
    page.answer(|_| graph(&[(&[("job", "shop")], 1.0)]));
    page.command(Command::EditQuery);
    page.text(" +").key(KeyCode::Enter);
    page.answer(|_| refused(r#"invalid parameter "query": 1:5: parse error: unexpected end of input"#));
    let screen = page.screen();
    let lines: Vec<&str> = screen.lines().collect();
    let query = lines.iter().position(|l| l.contains("a up +")).unwrap();
    let column = lines[query].chars().position(|c| c == 'u').unwrap() + 4;
    assert_eq!(lines[query + 1].chars().position(|c| c == '^'), Some(column), "{screen}");
    assert!(lines[query + 2].contains("parse error: unexpected end of input"), "{screen}");
    assert!(screen.contains("stale") && screen.contains("job=\"shop\""), "{screen}");
    page.command(Command::EditQuery);
    page.text(" 1");
    assert!(!page.screen().contains("unexpected end"), "the error is of another text now: {}", page.screen());
}

#[test]
fn only_a_bracket_that_closes_nothing_is_wrong_before_it_is_asked() {
    let mut page = Page::new(&[]);
    page.text("sum(up");
    assert!(!page.screen().contains('^'));
    page.text("))");
    assert!(page.screen().contains("\")\" closes nothing"), "{}", page.screen());
    page.key(KeyCode::Enter);
    assert!(matches!(&page.asked()[..], [Request::Explore { .. }]), "the server is the judge");
}

#[test]
fn labels_that_differ_are_columns_and_what_is_alike_is_said_once() {
    let mut page = Page::new(&["up"]);
    page.command(Command::ResultForm);
    assert!(matches!(&page.asked()[..], [Request::Explore { step: None, .. }]));
    let rows = vec![
        (labels(&[("job", "shop"), ("pod", "a")]), Value::Number(0.1 + 0.2)),
        (labels(&[("job", "shop"), ("pod", "b")]), Value::Number(f64::NAN)),
        (labels(&[("job", "shop"), ("pod", "c")]), Value::Histogram("count 42  sum 3".to_owned())),
    ];
    page.answer(|_| {
        explored(Explored::Table(Table {
            rows: rows.clone(),
            total: Total { series: 12_000, cut: false },
            warnings: vec!["results truncated due to limit".to_owned()],
        }))
    });
    let screen = page.screen();
    for seen in ["all {job=\"shop\"}", "0.30000000000000004", "NaN", "count 42", "3 of 12,000 series", "results truncated due to limit"] {
        assert!(screen.contains(seen), "{seen} in {screen}");
    }
    assert_eq!(screen.matches("shop").count(), 2, "above the table and in the selected series: {screen}");
    assert_eq!(page.view.yanks(&look(&page.shared, &page.scope, NOW))[0].text, "0.30000000000000004");
}

#[test]
fn what_is_no_series_is_shown_and_explained() {
    for (data, seen) in [
        (Explored::Text("hello".to_owned(), Vec::new()), "gives a text"),
        (Explored::Scalar(Sample { at: NOW, value: f64::INFINITY }, Vec::new()), "+Inf"),
        (Explored::Table(Table::default()), "Nothing at 10:00:00"),
        (
            Explored::Table(Table {
                rows: vec![(Labels::new(), Value::Samples(20, Some((NOW, 7.0))))],
                total: Total { series: 1, cut: false },
                warnings: Vec::new(),
            }),
            "20 samples, last 7",
        ),
    ] {
        let mut page = Page::new(&["x"]);
        page.command(Command::ResultForm);
        page.answer(|_| explored(data.clone()));
        assert!(page.screen().contains(seen), "{seen} in {}", page.screen());
    }
    let mut page = Page::new(&["up[5m]"]);
    page.answer(|_| {
        refused(r#"invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector"#)
    });
    assert!(page.screen().contains("T shows it as a table"), "{}", page.screen());
}

#[test]
fn each_query_has_its_own_result_and_error() {
    let mut page = Page::new(&["up", "down"]);
    assert_eq!(page.asked().len(), 2);
    page.answer(|need| match &need.request {
        Request::Explore { query, .. } if query == "up" => graph(&[(&[("job", "shop")], 1.0)]),
        _ => refused("1:1: parse error: no"),
    });
    let screen = page.screen();
    assert!(screen.contains("a ── graph ── 1 series") && screen.contains("parse error: no"), "{screen}");
    page.command(Command::NextPane);
    page.command(Command::FullScreen);
    assert_eq!(page.asked().len(), 1, "what is not seen is not asked");
    page.command(Command::RemoveQuery);
    assert_eq!(page.view.reopen(&look(&page.shared, &page.scope, NOW)), ["--query", "up"]);
}

#[test]
fn history_comes_back_and_so_does_the_draft() {
    let mut page = Page::new(&[]);
    page.text("vector(1)").key(KeyCode::Enter);
    page.command(Command::EditQuery);
    page.press(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
    page.text("vector(2)").key(KeyCode::Enter);
    page.command(Command::EditQuery);
    page.text(" + 3");
    page.key(KeyCode::Esc);
    page.command(Command::EditQuery);
    assert_eq!(page.typed(), "vector(2) + 3", "Esc loses nothing");
    page.press(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL));
    page.press(KeyEvent::new(KeyCode::Char('p'), KeyModifiers::CONTROL));
    assert_eq!(page.typed(), "vector(1)");
    page.press(KeyEvent::new(KeyCode::Char('n'), KeyModifiers::CONTROL));
    page.press(KeyEvent::new(KeyCode::Char('n'), KeyModifiers::CONTROL));
    assert_eq!(page.typed(), "vector(2) + 3");
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
fn of_many_series_the_first_are_drawn_and_all_are_counted() {
    let mut page = Page::new(&["x"]);
    let pods: Vec<String> = (0..40).map(|i| format!("pod-{i}")).collect();
    let pairs: Vec<[(&str, &str); 1]> = pods.iter().map(|p| [("pod", p.as_str())]).collect();
    let series: Vec<(&[(&str, &str)], f64)> = pairs.iter().enumerate().map(|(i, p)| (&p[..], i as f64)).collect();
    page.answer(|_| graph(&series));
    let screen = page.screen();
    assert!(screen.contains("40 series, 30 drawn") && screen.contains("39     pod-39") || screen.contains("pod-39"), "{screen}");
    let chart = page.view.chart(0, &look(&page.shared, &page.scope, NOW)).unwrap();
    assert_eq!(chart.lines.len(), 30);
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
fn a_mark_stands_under_its_character_after_wide_ones_and_in_a_long_query() {
    for (query, at) in [
        (r#"up{a="日本", b="e\u{301}"})"#.replace("\\u{301}", "\u{301}"), ")"),
        (format!("up{{a=\"{}\"}}) + y", "é".repeat(50_000)), ")"),
        (format!("{} + sum(rate(x[5m]) by", "x + ".repeat(25_000)), "sum("),
    ] {
        let place = if at == ")" { query.rfind(')').unwrap() } else { query.find(at).unwrap() };
        let mut page = Page::new(&[&query]);
        page.answer(|_| refused(&format!("invalid parameter \"query\": 1:{}: parse error: no", place + 1)));
        let mark = page.place("^");
        // A cell each: the accent shares the one of its letter.
        let marked: Vec<char> = page.screen().lines().nth(mark.1 - 1).unwrap().chars().filter(|c| *c != '\u{301}').collect();
        assert_eq!(marked[mark.0], at.chars().next().unwrap(), "{}", page.screen());
    }
}

#[test]
fn a_pasted_query_is_whole_or_not_there() {
    let mut page = Page::new(&[]);
    page.text("up");
    assert!(page.paste("\n  offset 5m # before\n").is_empty());
    assert_eq!(page.typed(), "up offset 5m");
    let long = format!(" + {}", "x+".repeat(50_000));
    assert!(page.paste(&long).is_empty(), "100 KB are a query still");
    assert_eq!(page.typed().len(), "up offset 5m".len() + long.len());
    page.screen();
    let acts = page.paste(&long);
    assert!(matches!(&acts[..], [Act::Notice(why)] if why.contains("not pasted")), "{acts:?}");
    assert_eq!(page.typed().len(), "up offset 5m".len() + long.len());
}

#[test]
fn blanks_around_a_query_do_not_move_its_mark() {
    let mut page = Page::new(&[]);
    page.text("  up up  ").key(KeyCode::Enter);
    page.answer(|_| refused(r#"invalid parameter "query": 1:4: parse error: unexpected identifier "up""#));
    let (mark, query) = (page.place("^"), page.place("up up"));
    assert_eq!(mark, (query.0 + 3, query.1 + 1), "{}", page.screen());
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

#[test]
fn an_empty_result_says_what_is_missing() {
    for (query, answers, said) in [
        ("rate(nope[5m])", &[("nope", false)][..], "There is no metric nope in this window."),
        (
            r#"up{job="shop"} > 1"#,
            &[(r#"up{job="shop"}"#, false), ("up", true)],
            r#"up has series in this window, but none of up{job="shop"}."#,
        ),
        ("up > 1", &[("up", true)], "a comparison that never holds"),
    ] {
        let mut page = Page::new(&[query]);
        page.answer(|_| graph(&[]));
        // Each answer may lead to another question.
        for _ in answers {
            page.answer(|need| match &need.request {
                Request::LabelValues { query, .. } => {
                    let any = answers.iter().find(|(selector, _)| selector == query).unwrap().1;
                    names(if any { &["x"] } else { &[] })
                }
                _ => None,
            });
        }
        assert!(page.screen().contains(said), "{}", page.screen());
        page.answer(|need| matches!(need.request, Request::LabelValues { .. }).then(|| names(&["x"])).flatten());
        assert!(!page.screen().contains("There is no") && !page.screen().contains("but none of"), "what was missing has come");
    }
    let mut page = Page::new(&["nope offset 1d"]);
    page.answer(|_| graph(&[]));
    assert_eq!(page.asked().len(), 1, "what looks into another time is not looked for in this one");
}

#[test]
fn names_that_take_long_are_said_to_be_asked_for() {
    let mut page = Page::new(&[]);
    page.text("up{");
    assert_eq!(page.asked().len(), 1);
    let slot = crate::core::request::SlotId { view: crate::app::testing::VIEW, pane: NAMES, part: 0 };
    page.shared.asked.insert(slot, NOW - Duration::from_millis(100));
    assert!(!page.screen().contains("is asked for names"));
    page.shared.asked.insert(slot, NOW - Duration::from_secs(5));
    assert!(page.screen().contains("is asked for names"), "{}", page.screen());
    page.press(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL));
    page.text("rat");
    let screen = page.screen();
    assert!(screen.contains("irate") && screen.contains("is asked for names"), "below the functions as well: {screen}");
}

#[test]
fn of_series_that_were_cut_it_is_said_which_are_here() {
    let counted = |total| {
        let mut page = Page::new(&["x"]);
        let matrix = match graph(&[(&[("job", "a")], 1.0)]) {
            Some(Ok(Response::Explored(e))) => match &*e {
                Explored::Graph { matrix, .. } => matrix.clone(),
                _ => panic!(),
            },
            _ => panic!(),
        };
        page.answer(|_| explored(Explored::Graph { matrix: matrix.clone(), total }));
        page.screen()
    };
    let screen = counted(Total { series: 5_000, cut: false });
    assert!(screen.contains("1 largest of 5,000 series"), "{screen}");
    let screen = counted(Total { series: 10_001, cut: true });
    assert!(screen.contains("1 of 10,000+ series"), "{screen}");
}

#[test]
fn a_logql_is_asked_of_loki_and_completes_from_it() {
    let mut page = Page::new(&[]);
    page.press(KeyEvent::new(KeyCode::Char('l'), KeyModifiers::CONTROL));
    assert!(page.screen().contains("LogQL"), "{}", page.screen());
    page.text("sum(count_over_time({");
    let window = page.scope.window;
    assert_eq!(page.asked(), [Request::LogLabelNames { query: String::new(), window }]);
    page.answer(|_| names(&["app"]));
    page.key(KeyCode::Tab);
    page.text("x\"}[1m]))");
    let acts = page.key(KeyCode::Enter);
    let query = "sum(count_over_time({app=\"x\"}[1m]))";
    assert_eq!(acts, [Act::Asked(TypedQuery::logql(query))]);
    assert!(matches!(&page.asked()[..], [Request::LogExplore { query: asked, step: Some(_), .. }] if asked == query), "{:?}", page.asked());
    page.answer(|_| graph(&[(&[("level", "error")], 3.0)]));
    assert!(page.screen().contains("1 series"), "{}", page.screen());
    assert_eq!(page.view.reopen(&look(&page.shared, &page.scope, NOW)), ["--logql", query]);
}

#[test]
fn a_logql_of_lines_opens_them_in_logs_and_what_is_neither_is_marked() {
    let mut page = Page { view: Query::new(&[TypedQuery::logql("{a=\"b\"} |= `x`")]), ..Page::new(&[]) };
    assert_eq!(page.asked(), []);
    page.command(Command::EditQuery);
    let acts = page.key(KeyCode::Enter);
    let [Act::Asked(_), Act::Lines(seed, _)] = &acts[..] else { panic!("{acts:?}") };
    assert_eq!(seed.query, "{a=\"b\"} |= `x`");
    for (text, at) in [("up", 0), ("sum(rate({a=\"b\"}[1m])", 3), ("{a=\"b", 3)] {
        let mut page = Page { view: Query::new(&[TypedQuery::logql("")]), ..Page::new(&[]) };
        page.command(Command::EditQuery);
        page.text(text);
        page.key(KeyCode::Esc);
        page.command(Command::EditQuery);
        assert_eq!(page.key(KeyCode::Enter), [], "{text}");
        let (column, _) = page.place("^");
        let (begin, _) = page.place(text);
        assert_eq!((column - begin, page.asked()), (at, vec![]), "{text}");
    }
}

#[test]
fn lokis_error_stands_under_its_column() {
    let mut page = Page { view: Query::new(&[TypedQuery::logql("rate({a=\"é\"})")]), ..Page::new(&[]) };
    page.answer(|_| refused("parse error at line 1, col 14: syntax error: unexpected )"));
    let ((mark, _), (text, _)) = (page.place("^"), page.place("rate("));
    assert_eq!(mark - text, 13, "{}", page.screen());
    assert!(page.screen().contains("unexpected )"));
}
