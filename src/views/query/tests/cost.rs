//! A metric query over lines is sized before it is sent.

use super::*;
use crate::{
    app::testing::sees,
    core::request::{Refresh, Subscription},
    model::{
        log_labels::{LogLabels, ServiceLabel},
        log_size::{LogSize, Reach},
    },
};

const GIB: u64 = 1 << 30;
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn page(query: &str, window: Duration) -> Page {
    let mut shared = test_shared();
    shared.settings.ask_above = Some(10 * GIB);
    let label = ServiceLabel::new("app", vec!["orders".into(), "web".into()], &Arc::default());
    shared.log_labels.settle(Timestamp::ZERO, Ok(Arc::new(LogLabels::new(vec![label], Vec::new()))));
    let scope = Scope::new("prod", TimeWindow::Last(window));
    Page { view: Query::new(&[TypedQuery::logql(query)]), shared, scope, size: WIDE }
}

impl Page {
    fn needs(&self) -> Vec<Subscription> {
        needs(&self.view, &look(&self.shared, &self.scope, NOW), self.size.0, self.size.1)
    }

    fn panes(&self) -> Vec<&'static str> {
        self.needs().iter().map(|n| n.slot.pane).collect()
    }

    /// How much the selectors cover, by their text, told apart by one label.
    fn sizes(&mut self, all: &[(&str, &[(&str, u64)])]) {
        self.answer(|need| {
            let Request::LogSize { selector, .. } = &need.request else { return None };
            let (_, parts) = all.iter().find(|(of, _)| of == selector)?;
            let series = parts.iter().map(|(app, bytes)| (if app.is_empty() { Labels::new() } else { labels(&[("app", app)]) }, *bytes));
            Some(Ok(Response::LogSize(LogSize::new(series.collect()))))
        });
    }

    /// So many bytes in each of the hours that are read.
    fn bytes(&mut self, bytes: u64) {
        self.answer(|need| {
            let Request::LogVolume { window, reach, step, .. } = &need.request else { return None };
            let range = reach.of(window.range(NOW));
            let hours = (1..).map(|i| range.start + i * HOUR).take_while(|at| *at <= range.end);
            let samples = hours.map(|at| Sample { at, value: bytes as f64 }).collect();
            let series = vec![Series { labels: Labels::new(), samples }];
            assert!(*step <= HOUR);
            Some(Ok(Response::Matrix(Matrix { series, range, step: HOUR, warnings: Vec::new() })))
        });
    }

    /// Takes the row of the question that says this.
    fn take(&mut self, words: &str) -> Vec<Act> {
        self.command(Command::Top);
        for _ in 0..9 {
            let selected = self.screen().lines().find(|l| l.contains(self.shared.glyphs.selected) && l.contains("GiB")).map(str::to_owned);
            if selected.is_some_and(|line| line.contains(words)) {
                return self.command(Command::Drill);
            }
            self.command(Command::Down);
        }
        panic!("{words:?} is not offered:\n{}", self.screen());
    }
}

#[test]
fn a_small_one_is_sent_beside_the_question_for_its_size_and_asked_again_less_often_the_more_it_reads() {
    let mut page = page(r#"sum(rate({app="web"}[5m]))"#, HOUR / 2);
    assert_eq!(page.panes(), ["size", "graph"], "nothing waits");
    let Request::LogSize { reach, .. } = &page.needs()[0].request else { panic!() };
    assert_eq!(*reach, Reach { before: Duration::from_secs(300), offset: Duration::ZERO }, "the range begins before the window");
    page.sizes(&[(r#"{app="web"}"#, &[("web", 3 * GIB)])]);
    assert_eq!(page.panes(), ["graph"]);
    assert_eq!(page.needs()[0].refresh, Refresh::Every(Duration::from_secs(180)), "a GiB a minute is a tenth of the limit");
    page.answer(|_| graph(&[(&[], 1.0)]));
    sees(&page.screen(), &["reads 3.00 GiB"]);
}

#[test]
fn a_large_one_waits_shows_its_size_and_is_sent_once_the_user_agrees() {
    let mut page = page(r#"sum by (app) (count_over_time({app=~".+"}[1h]))"#, DAY);
    assert_eq!(page.panes(), ["size"]);
    sees(&page.screen(), &["Asking Loki how much this would read."]);
    page.sizes(&[(r#"{app=~".+"}"#, &[("web", 39 * GIB), ("orders", 6 * GIB), ("cart", 5 * GIB)])]);
    assert_eq!(page.panes(), ["bytes"]);
    page.bytes(2 * GIB);
    let screen = page.screen();
    sees(&screen, &["This would read 50.0 GiB of 3 services over 1d and the 1h before: more than 10.0 GiB", "would read 50.0 GiB"]);
    sees(&screen, &["read all of it", "the last 3h only", "8.00 GiB", "only orders"]);
    page.command(Command::Drill);
    assert_eq!(page.panes(), ["graph"], "it is not asked for its size again");
    page.answer(|_| graph(&[(&[], 1.0)]));
    assert_eq!(page.panes(), ["graph"]);
    assert!(!page.screen().contains("INSTEAD"), "{}", page.screen());
}

#[test]
fn selectors_of_both_sides_add_up_each_as_often_as_it_is_read_and_with_its_own_reach() {
    let mut page = page(r#"sum(rate({app="a"}[5m])) / sum(rate({app="a"}[5m])) + sum(rate({app="b"}[5m] offset 1d))"#, DAY);
    let asked: Vec<_> =
        page.needs().iter().filter_map(|n| if let Request::LogSize { reach, .. } = n.request { Some(reach) } else { None }).collect();
    assert_eq!(asked.iter().map(|reach| reach.offset).collect::<Vec<_>>(), [Duration::ZERO, DAY]);
    page.sizes(&[(r#"{app="a"}"#, &[("a", 4 * GIB)]), (r#"{app="b"}"#, &[("b", 3 * GIB)])]);
    sees(&page.screen(), &["would read 11.0 GiB"]);
    assert!(!page.screen().contains("only"), "a condition on app would leave nothing of one side\n{}", page.screen());
}

#[test]
fn a_narrower_one_is_asked_in_its_place() {
    let mut wide = page(r#"sum(rate({env="prod"} |= "x" [1h]))"#, DAY);
    wide.sizes(&[(r#"{env="prod"}"#, &[("", 50 * GIB)])]);
    assert_eq!(wide.panes(), ["size by service", "bytes"], "its selector names no service");
    wide.sizes(&[(r#"{env="prod"}"#, &[("web", 45 * GIB), ("orders", 5 * GIB)])]);
    wide.bytes(2 * GIB);
    let acts = wide.take("the last 3h only");
    let [Act::Rescope(scope)] = acts.as_slice() else { panic!("{acts:?}") };
    assert_eq!(scope.window, TimeWindow::Last(3 * HOUR));
    let narrower = r#"sum(rate({env="prod", app!="web"} |= "x" [1h]))"#;
    assert_eq!(wide.take("without web"), [Act::Asked(TypedQuery::logql(narrower))]);
    assert_eq!((wide.typed(), wide.panes()), (narrower, vec!["size"]));
    wide.sizes(&[(r#"{env="prod", app!="web"}"#, &[("", 5 * GIB)])]);
    assert_eq!(wide.panes(), ["graph"]);
}

#[test]
fn a_table_reads_its_range_only_and_a_shorter_window_is_no_way_out_of_a_long_one() {
    let mut page = page(r#"sum(count_over_time({app=~".+"}[7d]))"#, HOUR);
    page.command(Command::ResultForm);
    let Request::LogSize { window, reach, .. } = &page.needs()[0].request else { panic!() };
    assert_eq!((*window, *reach), (TimeWindow::Last(7 * DAY), Reach::default()));
    page.sizes(&[(r#"{app=~".+"}"#, &[("web", 39 * GIB), ("orders", 6 * GIB)])]);
    assert_eq!(page.panes(), [""; 0]);
    let screen = page.screen();
    sees(&screen, &["would read 45.0 GiB of 2 services over 7d:", "without web"]);
    assert!(!screen.contains("the last"), "{screen}");
}

#[test]
fn a_size_that_is_not_told_holds_nothing_up() {
    for kind in [ErrorKind::NotSupported, ErrorKind::Timeout(Duration::from_secs(5)), ErrorKind::Server(500)] {
        let mut page = page(r#"sum(rate({app=~".+"}[5m]))"#, DAY);
        page.answer(|_| Some(Err(SourceError::new(Backend::Loki, kind.clone(), "404 Not Found"))));
        assert_eq!(page.panes(), ["graph"]);
        page.answer(|_| graph(&[(&[], 1.0)]));
        sees(&page.screen(), &["size not known"]);
    }
}

#[test]
fn what_reads_no_lines_and_where_nobody_wants_a_limit_no_size_is_asked() {
    assert_eq!(page("vector(1)", DAY).panes(), ["graph"]);
    let mut free = page(r#"sum(rate({app=~".+"}[5m]))"#, DAY);
    free.shared.settings.ask_above = None;
    assert_eq!(free.panes(), ["graph"]);
}

#[test]
fn one_of_several_is_asked_about_and_the_others_are_shown() {
    let mut page = page(r#"sum(rate({app=~".+"}[5m]))"#, DAY);
    page.view.add(&TypedQuery::logql(r#"sum(rate({app="orders"}[5m]))"#));
    page.sizes(&[(r#"{app=~".+"}"#, &[("web", 39 * GIB)]), (r#"{app="orders"}"#, &[("orders", GIB)])]);
    page.answer(|need| if need.slot.pane == "graph" { graph(&[(&[], 7.0)]) } else { None });
    sees(&page.screen(), &["would read 39.0 GiB", "reads 1.00 GiB"]);
    let row = page.place("read all of it");
    assert_eq!(page.mouse(MouseEventKind::Down(MouseButton::Left), row), Pointed::Item);
    page.command(Command::Drill);
    assert_eq!(page.panes(), ["graph", "graph"]);
}

#[test]
fn the_question_fits_a_small_screen_and_the_smallest() {
    let mut page = page(r#"sum(rate({app=~".+"}[5m]))"#, DAY);
    page.sizes(&[(r#"{app=~".+"}"#, &[("web", 39 * GIB), ("orders", 6 * GIB)])]);
    for size in [(80, 21), (40, 12), (20, 6), (5, 3), (1, 1)] {
        page.size = size;
        page.screen();
    }
    page.size = (80, 21);
    sees(&page.screen(), &["This would read 45.0 GiB", "read all of it", "only orders", "45.0 GiB"]);
}
