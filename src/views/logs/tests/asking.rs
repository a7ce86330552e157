//! The query bar: what is typed, completed, checked, refused and taken.

use super::*;
use crate::{
    core::typed::{Language, TypedQuery},
    model::explored::Names,
};

const OWN: &str = r#"{service_name="orders"}"#;

fn refused(message: &str) -> Result<Response, SourceError> {
    Err(SourceError::new(Backend::Loki, ErrorKind::BadQuery, message))
}

impl Page {
    fn asking() -> Self {
        let mut page = Self::new(scope(), BIG);
        page.history(vec![line(1, Level::Info, r#"{"msg":"paid","order":{"id":"o-7"}}"#)]);
        page.press(Command::EditQuery);
        page
    }

    /// The same with nothing in the bar.
    fn asking_anew() -> Self {
        let mut page = Self::asking();
        page.clear();
        page
    }

    pub(super) fn clear(&mut self) {
        let look = look(&self.shared, &self.scope, now());
        with(&look, self.size, |cx| self.view.type_key(cx, KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)));
    }

    pub(super) fn enter(&mut self) -> Vec<Act> {
        let look = look(&self.shared, &self.scope, now());
        with(&look, self.size, |cx| self.view.type_key(cx, KeyEvent::from(KeyCode::Enter))).1
    }

    /// The question of a slot of the bar.
    fn need(&self, pane: &str) -> Option<Request> {
        self.asked(pane).into_iter().next()
    }

    /// Asks what is typed in the bar; the server can read it.
    pub(super) fn submit(&mut self) -> Vec<Act> {
        self.enter();
        self.answer_pane("bar check", Ok(Response::Checked))
    }

    fn paste(&mut self, text: &str) -> Vec<Act> {
        let look = look(&self.shared, &self.scope, now());
        with(&look, self.size, |cx| self.view.paste(cx, text)).1
    }

    /// The row of the screen below the one with a text, and the column of its `^`.
    fn mark_below(&self, text: &str) -> Option<(usize, usize)> {
        let screen = self.screen();
        let mut lines = screen.lines().skip_while(|l| !l.contains(text));
        let line = lines.next()?;
        let column = |l: &str, at: usize| l[..at].chars().count();
        let mark = lines.next()?;
        Some((column(line, line.find(text)?), column(mark, mark.find('^')?)))
    }
}

#[test]
fn a_query_is_taken_once_the_server_can_read_it_and_is_remembered() {
    let mut page = Page::asking();
    page.type_text(" |= \"x\"");
    page.enter();
    let query = format!("{OWN} |= \"x\"");
    assert_eq!(page.need("bar check"), Some(Request::LogCheck { query: query.clone(), window: page.scope.window }));
    assert_eq!(page.view.store.len(), 1, "the lines stay until it is known");
    let acts = page.answer_pane("bar check", Ok(Response::Checked));
    assert_eq!(acts, [Act::Asked(TypedQuery::logql(query.clone()))]);
    assert_eq!((page.queries()[0].as_str(), page.view.store.len()), (query.as_str(), 0));
    assert!(!page.view.is_typing());
}

#[test]
fn what_loki_refuses_stays_in_the_bar_with_its_words_under_the_column() {
    let mut page = Page::asking();
    page.type_text(" | json foo bar");
    page.enter();
    page.answer_pane("bar check", refused("parse error at line 1, col 36: syntax error: unexpected IDENTIFIER"));
    let screen = page.screen();
    assert!(screen.contains("unexpected name") && screen.contains("paid"), "{screen}");
    let (text, mark) = page.mark_below(OWN).unwrap();
    assert_eq!(mark - text, 35, "{screen}");
    assert_eq!(page.need("bar check"), None, "it is not asked again by itself");
    page.key(KeyCode::Backspace);
    assert!(!page.screen().contains("unexpected name"), "of another text nothing is known");
    page.key(KeyCode::Esc);
    assert_eq!((page.queries()[0].as_str(), page.view.store.len(), page.view.is_typing()), (OWN, 1, false));
}

#[test]
fn a_loki_that_does_not_answer_costs_nothing_that_is_here() {
    let mut page = Page::asking();
    page.type_text(" |= \"x\"");
    page.enter();
    page.answer_pane("bar check", Err(SourceError::new(Backend::Loki, ErrorKind::Server(503), "answered 503")));
    assert!(page.screen().contains("not asked: answered 503"), "{}", page.screen());
    assert!(page.view.is_typing() && page.view.store.len() == 1 && page.need("bar check").is_some(), "it is tried again");
    page.answer_pane("bar check", Ok(Response::Checked));
    assert_eq!(page.queries()[0], format!("{OWN} |= \"x\""));
}

#[test]
fn what_is_unfinished_or_no_query_is_told_without_asking() {
    for (typed, at, words) in [
        (" |= \"x", OWN.len() + 4, "\" is not closed"),
        (" )", OWN.len() + 1, "\")\" closes nothing"),
        (" | (level=\"x\"", OWN.len() + 3, "( is not closed"),
    ] {
        let mut page = Page::asking();
        page.type_text(typed);
        page.enter();
        assert!(page.screen().contains(words), "{}", page.screen());
        let (text, mark) = page.mark_below(OWN).unwrap();
        assert_eq!((mark - text, page.need("bar check")), (at, None), "{typed}");
    }
    let mut page = Page::asking_anew();
    page.type_text("errors");
    assert_eq!(page.enter(), []);
    assert!(page.screen().contains("a LogQL begins with {label"), "{}", page.screen());
}

#[test]
fn numbers_open_as_a_graph_and_the_lines_stay() {
    let mut page = Page::asking();
    let query = format!("sum by (level) (count_over_time({OWN} [1m]))");
    page.clear();
    page.paste(&query);
    assert_eq!(page.enter(), [Act::Queries(vec![TypedQuery::logql(query)])]);
    assert_eq!((page.queries()[0].as_str(), page.view.store.len()), (OWN, 1));
}

#[test]
fn labels_values_and_fields_complete_from_the_server_and_from_the_lines() {
    let mut page = Page::asking_anew();
    page.type_text("{");
    let window = page.scope.window;
    assert_eq!(page.need("bar names"), Some(Request::LogLabelNames { query: String::new(), window }));
    assert!(page.screen().contains("▌ pod"), "the lines tell before the server does: {}", page.screen());
    let names = |all: &[&str]| Ok(Response::Names(Arc::new(Names { names: all.iter().map(|n| (*n).into()).collect(), cut: false })));
    page.answer_pane("bar names", names(&["cluster", "service_name"]));
    page.type_text("ser");
    page.key(KeyCode::Tab);
    page.type_text("ord");
    assert_eq!(page.need("bar names"), Some(Request::LogLabelValues { label: "service_name".to_owned(), query: String::new(), window }));
    page.key(KeyCode::Tab);
    page.type_text("} | json | order");
    assert_eq!(page.need("bar names"), Some(Request::LogFields { query: OWN.to_owned(), window }));
    page.answer_pane("bar names", refused("answered 500"));
    page.key(KeyCode::Tab);
    page.type_text("=\"");
    page.key(KeyCode::Tab);
    page.submit();
    assert_eq!(page.queries()[0], format!(r#"{OWN} | json | order_id="o-7""#));
}

#[test]
fn ten_thousand_hostile_values_are_offered_as_text() {
    let mut page = Page::asking_anew();
    page.type_text("{pod=\"");
    let names = (0..10_000).map(|i| format!("\u{1b}[2J\u{202e}p\"{i}\\").as_str().into()).collect();
    page.answer_pane("bar names", Ok(Response::Names(Arc::new(Names { names, cut: true }))));
    let screen = page.screen();
    assert!(screen.contains("10,00") && !screen.contains('\u{1b}') && !screen.contains('\u{202e}'), "{screen}");
    page.type_text("p\\\"77");
    page.key(KeyCode::Tab);
    assert!(page.screen().contains(r#"{pod="\u001b[2J"#), "{}", page.screen());
}

#[test]
fn a_rule_of_many_lines_is_pasted_as_one() {
    let mut page = Page::asking_anew();
    let filters = " != `noise`\n".repeat(500);
    page.paste(&format!("# all but noise\n{OWN}\n\t|= \"a  # b\" # why\n{filters}"));
    page.submit();
    let query = &page.queries()[0];
    assert!(query.starts_with(&format!("{OWN} |= \"a  # b\" != `noise` != `noise`")) && query.len() > 5000, "{query}");
    let mut page = Page::asking();
    assert!(matches!(page.paste(&"x".repeat(1 << 20)).as_slice(), [Act::Notice(_)]), "a pasted log is no query");
}

#[test]
fn earlier_queries_come_back_and_those_with_what_is_typed() {
    let mut page = Page::asking();
    let asked = ["{a=\"1\"} |= \"x\"", "{b=\"2\"}", "{a=\"3\"}"].map(str::to_owned).to_vec();
    page.shared.history.insert((page.scope.environment.clone(), Language::LogQl), asked);
    page.shared.history.insert((page.scope.environment.clone(), Language::PromQl), vec!["up".to_owned()]);
    page.type_text(" | json");
    page.submit();
    page.press(Command::EditQuery);
    page.key(KeyCode::Up);
    page.key(KeyCode::Up);
    assert!(page.screen().contains("│{b=\"2\"}"), "{}", page.screen());
    page.key(KeyCode::Down);
    page.key(KeyCode::Down);
    assert!(page.screen().contains(&format!("{OWN} | json ")), "what was there comes back");
    page.clear();
    page.type_text("|= \"x\"");
    page.key(KeyCode::Up);
    assert!(page.screen().contains("{a=\"1\"} |= \"x\""), "{}", page.screen());
}

#[test]
fn the_bar_is_drawn_at_any_size() {
    for size in [(1, 1), (20, 3), (40, 6), (80, 21), (200, 47)] {
        let mut page = Page::asking();
        page.size = size;
        page.type_text(" | ");
        page.screen();
        page.type_text("json )");
        page.enter();
        page.screen();
        let at = View::cursor(&page.view, &look(&page.shared, &page.scope, now()), Rect::new(0, 0, size.0, size.1)).unwrap();
        assert!(at.x < size.0 && at.y < size.1, "{at:?} in {size:?}");
    }
}

#[test]
fn a_bar_that_is_opened_before_the_labels_are_known_opens_with_the_query_once_they_are() {
    let mut page = Page { shared: test_shared(), ..Page::new(scope(), BIG) };
    let acts = page.press(Command::EditQuery);
    assert!(matches!(acts.as_slice(), [Act::Notice(_)]) && !page.view.is_typing(), "{acts:?}");
    page.shared = shared();
    page.wake();
    assert!(page.view.is_typing() && page.screen().contains(OWN), "{}", page.screen());

    let mut page = Page { shared: test_shared(), ..Page::new(scope(), BIG) };
    page.press(Command::EditQuery);
    page.press(Command::Wrap);
    page.shared = shared();
    page.wake();
    assert!(!page.view.is_typing(), "who does something else has given up on it");
}

#[test]
fn an_older_loki_is_asked_for_a_pattern_by_a_regular_expression() {
    let mut page = Page::new(scope(), BIG);
    page.history(vec![line(1, Level::Info, "took 5ms"), line(2, Level::Info, "other")]);
    page.press(Command::AddCondition);
    page.type_text("|> \"took <_>ms\"");
    page.key(KeyCode::Enter);
    assert_eq!((page.queries()[0].as_str(), page.view.store.shown()), (r#"{service_name="orders"} |> "took <_>ms""#, 1));
    let error = SourceError::new(Backend::Loki, ErrorKind::BadQuery, "parse error at line 1, col 25: syntax error: unexpected >");
    page.tell(0, LogEvent::Failed(error.clone()));
    assert_eq!((page.queries()[0].as_str(), page.view.store.shown()), (r#"{service_name="orders"} |~ "(?s)took .+?ms$""#, 1));
    page.tell(0, LogEvent::Failed(error));
    assert!(
        page.title().contains("parse error") || page.title().contains("failing"),
        "what is no pattern's fault is told: {}",
        page.title()
    );
}
