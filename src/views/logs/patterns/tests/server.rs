//! Loki's own patterns.

use super::*;

fn told() -> Vec<ServerPattern> {
    let at = |s: i64| Timestamp::from_secs(START + s);
    vec![
        ServerPattern {
            text: "timeout acquiring connection after <_>".to_owned(),
            level: Level::Error,
            samples: vec![(at(310), 900), (at(320), 100)],
        },
        ServerPattern { text: "served order <_> in <_>".to_owned(), level: Level::Info, samples: vec![(at(-900), 4000), (at(310), 3000)] },
    ]
}

#[test]
fn loki_s_own_patterns_are_offered_for_the_whole_window_and_told_apart() {
    let mut page = Page::of(since(300), incident());
    page.answer("server patterns", Ok(Response::LogPatterns(Some(told()))));
    sees(&page.screen(), &["local drain", "B Loki's 2 patterns of the whole window"]);
    page.press(Command::PatternsBy);
    sees(&page.screen(), &["2 patterns of 8,000 lines since 21:23", "by Loki, of whole streams", "B the lines that are loaded"]);
    sees(&page.row("timeout acquiring connection after <*>"), &["NEW", "1,000", "12.5 %", "ERROR"]);
    sees(&page.screen(), &["timeout acquiring connection after 0ms"]);
    page.press(Command::Drill);
    assert_eq!(page.lines().len(), 60);
    page.press(Command::Back);
    sees(&page.screen(), &["by Loki, of whole streams"]);
    page.press(Command::PatternsBy);
    sees(&page.screen(), &["4 patterns of 440 lines", "local drain"]);
}

#[test]
fn loki_s_patterns_stay_where_the_same_streams_are_asked_and_go_where_others_are() {
    let mut page = Page::of(since(300), incident());
    page.answer("server patterns", Ok(Response::LogPatterns(Some(told()))));
    let asked = page.asked("server patterns");
    page.ask_typed(r#"{service_name="orders"} |= "order""#);
    assert_eq!(page.asked("server patterns"), asked, "nothing is asked again");
    page.press(Command::PatternsBy);
    sees(&page.screen(), &["2 patterns of 8,000 lines since 21:23"]);
    page.ask_typed(r#"{service_name="web"}"#);
    assert_eq!(page.press(Command::PatternsBy), [Act::Notice("Loki has not answered yet".to_owned())]);
}

#[test]
fn a_loki_without_patterns_says_so_when_it_is_asked_for_them() {
    let mut page = Page::of(scope(), incident());
    page.answer("server patterns", Ok(Response::LogPatterns(None)));
    assert_eq!(page.press(Command::PatternsBy), [Act::Notice("this Loki finds no patterns: its pattern ingester is off".to_owned())]);
    page.answer("server patterns", Ok(Response::LogPatterns(Some(Vec::new()))));
    assert_eq!(page.press(Command::PatternsBy), [Act::Notice("Loki has found no patterns in these lines".to_owned())]);
}
