//! A service that two labels name, in different streams.

use super::*;
use crate::{
    app::testing::sees,
    model::{explored::Names, log::TailState, log_size::LogSize},
};

const SECOND: &str = r#"{app="orders", service_name=""}"#;

fn page() -> Page {
    let mut shared = shared();
    shared.log_labels.settle(Timestamp::ZERO, Ok(labels(&["service_name", "app"])));
    Page { shared, ..Page::new(scope(), BIG) }
}

/// Labels that all name the service, the best first.
fn labels(names: &[&str]) -> Arc<LogLabels> {
    let label = |name: &&str| ServiceLabel::new(*name, vec!["orders".into(), "web".into()], &Arc::default());
    Arc::new(LogLabels::new(names.iter().map(label).collect(), Vec::new()))
}

impl Page {
    /// The queries whose lines are asked for.
    fn streams(&self) -> Vec<String> {
        self.asked("lines").into_iter().filter_map(|r| if let Request::LogStream { query, .. } = r { Some(query) } else { None }).collect()
    }

    fn answer_elsewhere(&mut self, result: Result<Response, SourceError>) {
        self.answer_elsewhere_of("", result);
    }

    /// Answers what is asked about the streams that a label names.
    fn answer_elsewhere_of(&mut self, label: &str, result: Result<Response, SourceError>) {
        let is_of = |request: &Request| !matches!(request, Request::LogSize { selector, .. } if !selector[1..].starts_with(label));
        self.answer(|n| n.slot.pane == "elsewhere" && is_of(&n.request), result);
    }

    fn bytes_elsewhere(&mut self, bytes: u64) {
        self.bytes_of("", bytes);
    }

    fn bytes_of(&mut self, label: &str, bytes: u64) {
        let series = if bytes == 0 { Vec::new() } else { vec![([("app", "orders")].into_iter().collect(), bytes)] };
        self.answer_elsewhere_of(label, Ok(Response::LogSize(LogSize::new(series))));
    }

    /// A page of history of a stream.
    fn part(&mut self, part: u32, second: i64, text: &str, older: Older) {
        let reached = if older == Older::Nothing { Timestamp::ZERO } else { Timestamp::from_secs(START + second) };
        self.tell(part, LogEvent::History { lines: vec![line(second, Level::Info, text)], reached, older });
    }

    /// The query of the older lines that are asked for.
    fn older_of(&self) -> Vec<String> {
        self.asked("older").into_iter().filter_map(|r| if let Request::LogOlder { query, .. } = r { Some(query) } else { None }).collect()
    }
}

#[test]
fn streams_that_only_another_label_names_are_joined_once_they_hold_lines_and_the_title_says_so() {
    let mut page = page();
    assert_eq!(page.streams(), [r#"{service_name="orders"}"#]);
    assert!(
        matches!(&page.asked("elsewhere")[..], [Request::LogSize { selector, .. }] if selector == SECOND),
        "{:?}",
        page.asked("elsewhere")
    );
    page.bytes_elsewhere(0);
    assert_eq!((page.streams().len(), page.asked("elsewhere").len()), (1, 1), "there may be some later");
    page.bytes_elsewhere(4096);
    assert_eq!(page.streams(), [r#"{service_name="orders"}"#, SECOND]);
    assert!(page.asked("elsewhere").is_empty(), "it is known");
    page.history(vec![line(1, Level::Info, "of the one")]);
    let mut other = line(2, Level::Info, "of the other");
    other.stream = Arc::new([("app", "orders")].into_iter().collect());
    page.tell(1, LogEvent::History { lines: vec![other], reached: Timestamp::ZERO, older: Older::Nothing });
    sees(&page.screen(), &["of the one", "of the other", r#"also app="orders""#]);
    let counted = page.asked("volume");
    assert!(matches!(&counted[..], [Request::LogRange { query, .. }] if query.contains(SECOND) && query.contains(" or ")), "{counted:?}");
}

#[test]
fn where_no_size_is_told_the_names_on_the_streams_are_asked() {
    let mut page = page();
    page.answer_elsewhere(Err(SourceError::new(Backend::Loki, ErrorKind::NotSupported, "404 Not Found")));
    assert!(matches!(&page.asked("elsewhere")[..], [Request::LogLabelValues { label, query, .. }] if label == "app" && query == SECOND));
    page.answer_elsewhere(Ok(Response::Names(Arc::new(Names { names: vec!["orders".into()], cut: false }))));
    assert_eq!(page.streams().len(), 2);
}

#[test]
fn a_query_of_ones_own_and_a_service_that_config_places_are_taken_as_they_are() {
    let mut typed = page();
    typed.view = Logs::new(&typed.scope, Some(r#"{service_name="orders"}"#));
    assert!(typed.asked("elsewhere").is_empty());
    let mut own = page();
    let labels = own.shared.log_labels.value().unwrap().as_ref().clone();
    let told = labels.with_own([("orders".to_owned(), vec![crate::model::labels::Matcher::equal("app", "orders")])].into());
    own.shared.log_labels.settle(now(), Ok(Arc::new(told)));
    assert!(own.asked("elsewhere").is_empty());
}

#[test]
fn of_two_tails_the_worse_is_told_until_it_is_well_itself() {
    let mut page = page();
    page.bytes_elsewhere(1);
    page.history(vec![line(1, Level::Info, "x")]);
    page.tell(1, LogEvent::History { lines: Vec::new(), reached: Timestamp::ZERO, older: Older::Nothing });
    page.tell(0, LogEvent::Tail(TailState::Connected));
    page.tell(1, LogEvent::Tail(TailState::Refused { retry_at: now(), why: "no".to_owned() }));
    page.tell(1, LogEvent::Tail(TailState::Behind(Duration::from_secs(40))));
    page.tell(1, LogEvent::Failed(SourceError::new(Backend::Loki, ErrorKind::Server(500), "broken")));
    page.tell(0, LogEvent::Tail(TailState::Connected));
    page.tell(0, LogEvent::Tail(TailState::Behind(Duration::ZERO)));
    page.size = (200, 30);
    sees(&page.screen(), &["tail refused, polling", "40 s behind", "broken"]);
    page.tell(1, LogEvent::Tail(TailState::Connected));
    page.tell(1, LogEvent::Tail(TailState::Behind(Duration::ZERO)));
    let screen = page.screen();
    sees(&screen, &["tail connected"]);
    assert!(!screen.contains("behind 40") && !screen.contains("broken"), "{screen}");
}

#[test]
fn what_is_known_of_a_stream_stays_with_it_when_another_one_is_joined_before_it() {
    let mut page = page();
    page.shared.log_labels.settle(now(), Ok(labels(&["service_name", "app", "job"])));
    let left = Older::Left(Timestamp::from_secs(START + 50));
    page.bytes_of("job", 1);
    page.part(0, 90, "of the first", Older::Nothing);
    page.part(1, 80, "of the last", Older::Nothing);
    page.bytes_of("app", 1);
    let streams = page.streams();
    assert!(matches!(&streams[..], [_, app, job] if app == SECOND && job.starts_with(r#"{job="orders""#)), "{streams:?}");
    page.press(Command::Top);
    assert!(!page.title().contains("no older lines"), "one has not told its lines: {}", page.title());
    page.part(1, 50, "of the one between", left);
    page.press(Command::Top);
    assert_eq!(page.older_of(), [SECOND], "{}", page.title());
    assert!(!page.title().contains("no older lines"), "{}", page.title());
}

#[test]
fn another_first_label_begins_anew_and_its_older_lines_are_read() {
    let mut page = page();
    page.part(0, 90, "of the old query", Older::Nothing);
    page.shared.log_labels.settle(now(), Ok(labels(&["app", "service_name"])));
    let acts = with(&look(&page.shared, &page.scope, now()), page.size, |cx| page.view.woken(cx)).1;
    assert!(matches!(&acts[..], [Act::Notice(text)] if text.contains("read anew")), "{acts:?}");
    assert!(!page.screen().contains("of the old query"));
    page.part(0, 50, "of the new one", Older::Left(Timestamp::from_secs(START + 50)));
    page.press(Command::Top);
    assert_eq!(page.older_of(), [r#"{app="orders"}"#]);
}

#[test]
fn lines_that_were_joined_stay_however_many_sizes_are_asked_for() {
    let mut page = page();
    page.bytes_elsewhere(1);
    let window = page.scope.window;
    for i in 0..100 {
        let size = crate::views::cost::size_of(&format!(r#"{{pod="{i}"}}"#), window);
        page.view.cost.learn(Arc::new(size), now(), Ok(LogSize::new(Vec::new())));
    }
    assert_eq!(page.streams(), [r#"{service_name="orders"}"#, SECOND]);
    page.scope = page.scope.with_window(TimeWindow::Last(Duration::from_secs(60)));
    assert_eq!(page.streams().len(), 1, "nothing is known of another window");
}

#[test]
fn a_thirteenth_stream_is_not_read_and_the_title_says_so() {
    let mut page = page();
    let others = ["la", "lb", "lc", "ld", "le", "lf", "lg", "lh", "li", "lj", "lk"];
    page.shared.log_labels.settle(now(), Ok(labels(&[&["service_name", "app"], &others[..]].concat())));
    for label in others {
        page.bytes_of(label, 1);
    }
    page.size = (200, 30);
    page.part(0, 90, "x", Older::Nothing);
    sees(&page.title(), &[r#"also la="orders", lb="orders", lc="orders" and 8 more"#]);
    assert!(!page.title().contains("no more than"), "{}", page.title());
    page.bytes_of("app", 1);
    assert_eq!(page.streams().len(), 12, "what is read goes on");
    assert!(!page.streams().contains(&SECOND.to_owned()));
    sees(&page.title(), &[r#"not app="orders": no more than 12 streams are joined"#]);
}

#[test]
fn a_stream_that_is_polled_as_enough_tails_are_open_is_told_beside_the_others() {
    let mut page = page();
    page.bytes_elsewhere(1);
    page.size = (200, 30);
    page.part(0, 90, "x", Older::Nothing);
    page.part(1, 91, "y", Older::Nothing);
    page.tell(1, LogEvent::Tail(TailState::Polled));
    sees(&page.title(), &["polling: enough tails are open"]);
    page.tell(0, LogEvent::Tail(TailState::Connected));
    sees(&page.title(), &["tail connected · 0 s behind · 1 stream polled"]);
    page.size = (90, 30);
    sees(&page.title(), &["tail connected · 1 polled"]);
    page.tell(1, LogEvent::Tail(TailState::Connected));
    assert!(!page.title().contains("polled"), "{}", page.title());
}
