//! Typed queries beyond their page: opened from elsewhere, asked before, kept by a name.

use super::{App, overlay::Overlay};
use crate::{
    core::{
        command::{Command, ViewKind},
        effect::{Effect, HistoryNews, KeptNews},
        typed::{Language, TypedQuery},
    },
    views::{self, query::MAX_QUERIES},
};

/// Queries of an environment that are remembered.
const MAX_HISTORY: usize = 500;

impl App {
    /// Opens queries in the Query view, on the same scope.
    pub(super) fn query(&mut self, queries: &[TypedQuery]) {
        let all = queries.len();
        let queries = &queries[..all.min(MAX_QUERIES)];
        let scope = self.top().scope.clone();
        let view = views::open(ViewKind::Query, &scope, queries, &self.shared.settings);
        self.push_view(view, scope);
        queries.iter().for_each(|query| self.remember(query.clone()));
        if all > MAX_QUERIES {
            self.say(format!("of {all} queries the first {MAX_QUERIES} are open: a page has no more"));
        }
    }

    /// Remembers a query that was asked in this environment.
    pub(super) fn remember(&mut self, query: TypedQuery) {
        self.effects.push(Effect::Remember(query.clone()));
        let TypedQuery { language, text } = query;
        let environment = self.top().scope.environment.clone();
        let history = self.shared.history.entry((environment, language)).or_default();
        history.retain(|old| *old != text);
        history.push(text);
        if history.len() > MAX_HISTORY {
            history.remove(0);
        }
    }

    /// What is on disk of the queries that were asked, here and by other redlines.
    pub(super) fn history(&mut self, news: HistoryNews) {
        let HistoryNews { environment, told } = news;
        match told {
            Ok(queries) => {
                for language in [Language::PromQl, Language::LogQl, Language::TraceQl] {
                    let stored = queries.iter().filter(|q| q.language == language).map(|q| q.text.clone());
                    let known = self.shared.history.entry((environment.as_str().into(), language)).or_default();
                    join(known, stored.collect());
                }
                self.unremembered = None;
            }
            // Said once, not at every query.
            Err(why) if self.unremembered.as_ref() != Some(&why) => {
                self.say(why.clone());
                self.unremembered = Some(why);
            }
            Err(_) => {}
        }
    }

    /// What the shell read of the queries kept by a name, or what came of a change.
    pub(super) fn kept(&mut self, news: KeptNews) {
        let KeptNews { environment, change, told } = news;
        match (&told, &change) {
            (Ok(_), Some(change)) => {
                let done = if change.queries.is_empty() { "forgot" } else { "kept as" };
                self.say(format!("{done} {}", change.name));
            }
            (Err(why), Some(_)) => self.say(why.clone()),
            (_, None) => {}
        }
        // What is known stays where only the change failed; of another environment nothing is of use.
        if self.top().scope.environment == environment && (told.is_ok() || change.is_none()) {
            self.shared.kept = Some(told);
            if let Some(command) = self.listing.take() {
                self.list_kept(command);
            }
        }
    }

    pub(super) fn list_kept(&mut self, command: Command) {
        match &self.shared.kept {
            None => {
                self.listing = Some(command);
                self.say("the kept queries are being read");
            }
            Some(Err(why)) => self.say(why.clone()),
            Some(Ok(kept)) if kept.is_empty() => {
                let key = self.shared.keymap.key(Command::Keep).unwrap_or_default();
                self.say(format!("nothing is kept yet: {key} in the Query view keeps its queries by a name"));
            }
            Some(Ok(kept)) => self.overlay = Some(Overlay::kept(kept, command == Command::Forget)),
        }
    }
}

/// Adds what is stored to what is known here: before the newest, which was asked just now.
fn join(known: &mut Vec<String>, stored: Vec<String>) {
    let newest = known.pop();
    let new: Vec<String> = stored.into_iter().filter(|q| !known.contains(q) && newest.as_ref() != Some(q)).collect();
    known.extend(new.into_iter().chain(newest));
    let beyond = known.len().saturating_sub(MAX_HISTORY);
    known.drain(..beyond);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crossterm::event::{KeyCode, KeyEvent};

    use super::*;
    use crate::{
        app::testing::{test_shared, text_of},
        core::{
            effect::{Effect, KeptQueries},
            msg::{Event, Msg},
            scope::Scope,
        },
        model::time::{TimeWindow, Timestamp},
    };

    fn app(queries: &[&str]) -> App {
        let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600)));
        let queries: Vec<TypedQuery> = queries.iter().map(|q| TypedQuery::promql(*q)).collect();
        App::new(test_shared(), ViewKind::Query, scope, &queries, Timestamp::from_secs(36_000), (100, 30))
    }

    fn send(app: &mut App, event: Event) {
        app.update(Msg { now: Timestamp::from_secs(36_000), event });
    }

    fn keys(app: &mut App, keys: &str) {
        for c in keys.chars() {
            let code = match c {
                '\r' => KeyCode::Enter,
                '\u{1b}' => KeyCode::Esc,
                '↑' => KeyCode::Up,
                c => KeyCode::Char(c),
            };
            send(app, Event::Key(KeyEvent::from(code)));
        }
    }

    fn screen(app: &App) -> String {
        let area = ratatui::layout::Rect::new(0, 0, 100, 30);
        let mut buf = ratatui::buffer::Buffer::empty(area);
        app.render(area, &mut buf);
        text_of(&buf)
    }

    fn told(environment: &str, change: Option<KeptQueries>, told: Result<Vec<KeptQueries>, String>) -> Event {
        Event::Kept(Box::new(KeptNews { environment: environment.to_owned(), change, told }))
    }

    #[test]
    fn what_was_asked_on_one_page_is_there_on_the_next_but_not_in_another_environment() {
        let mut app = app(&[]);
        keys(&mut app, "vector(1)\r:alerts\r:query\r↑");
        assert!(screen(&app).contains("vector(1)"), "{}", screen(&app));
        keys(&mut app, "\u{1b}");
        app.environment_switched("stage");
        keys(&mut app, ":query\r↑");
        assert!(!screen(&app).contains("vector(1)"), "{}", screen(&app));
    }

    #[test]
    fn a_comment_or_a_semicolon_is_part_of_its_query_and_comes_back_as_it_was() {
        let queries = [r#"up{a="b;c"} # of all"#, "vector(1); ", "it's"];
        let mut app = app(&queries);
        keys(&mut app, "y2");
        let copied = app.take_effects().into_iter().find_map(|e| if let Effect::Copy(text) = e { Some(text) } else { None });
        let line = copied.unwrap();
        assert!(line.ends_with(r#"--query 'up{a="b;c"} # of all' --query 'vector(1);' --query 'it'\''s'"#), "{line}");
        keys(&mut app, "Kall\r");
        let kept = app.take_effects().into_iter().find_map(|e| if let Effect::Keep { queries, .. } = e { Some(queries) } else { None });
        assert_eq!(kept.unwrap(), [queries[0], "vector(1);", queries[2]].map(TypedQuery::promql));
    }

    #[test]
    fn what_other_redlines_asked_comes_before_what_was_asked_here() {
        let mut app = app(&[]);
        let news = |environment: &str, told| Event::History(Box::new(HistoryNews { environment: environment.to_owned(), told }));
        keys(&mut app, "vector(9)\r");
        let asked = app.take_effects().into_iter().find_map(|e| if let Effect::Remember(query) = e { Some(query) } else { None });
        assert_eq!(asked, Some(TypedQuery::promql("vector(9)")));
        let stored = ["vector(1)", "vector(9)", "vector(2)"].map(TypedQuery::promql).to_vec();
        send(&mut app, news("prod", Ok([stored, vec![TypedQuery::logql("{a=\"b\"}")]].concat())));
        send(&mut app, news("stage", Ok(vec![TypedQuery::promql("vector(7)")])));
        assert_eq!(app.shared.asked_before("prod", Language::PromQl), ["vector(1)", "vector(2)", "vector(9)"]);
        assert_eq!(app.shared.asked_before("prod", Language::LogQl), ["{a=\"b\"}"]);
        send(&mut app, news("prod", Err("history.jsonl cannot be read".to_owned())));
        assert!(screen(&app).contains("history.jsonl cannot be read"), "{}", screen(&app));
    }

    #[test]
    fn a_change_that_fails_leaves_what_is_known_and_says_why() {
        let mut app = app(&["up"]);
        let kept = |name: &str| KeptQueries { name: name.to_owned(), queries: vec![TypedQuery::promql("up")] };
        keys(&mut app, ":kept\r");
        assert!(screen(&app).contains("are being read"), "{}", screen(&app));
        send(&mut app, told("stage", None, Ok(vec![kept("other")])));
        assert!(!screen(&app).contains("other"), "{}", screen(&app));
        send(&mut app, told("prod", None, Ok(vec![kept("shop errors")])));
        assert!(screen(&app).contains("shop errors"), "the list opens once it is known: {}", screen(&app));
        keys(&mut app, "\u{1b}");
        send(&mut app, told("prod", Some(kept("all")), Err("the disk is full".to_owned())));
        assert!(screen(&app).contains("the disk is full"), "{}", screen(&app));
        keys(&mut app, ":kept\r");
        assert!(screen(&app).contains("shop errors"), "{}", screen(&app));
    }

    #[test]
    fn of_more_queries_than_a_page_has_the_rest_is_said() {
        let mut app = app(&["up"]);
        let queries = (0..30).map(|i| TypedQuery::promql(format!("vector({i})"))).collect();
        send(&mut app, told("prod", None, Ok(vec![KeptQueries { name: "many".to_owned(), queries }])));
        keys(&mut app, ":kept\r\r");
        assert!(screen(&app).contains("of 30 queries the first 26 are open"), "{}", screen(&app));
    }
}
