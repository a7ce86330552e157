//! Patterns of a window against those of another.

use super::*;

#[test]
fn what_is_new_grew_or_is_gone_since_the_onset_stands_on_top_with_its_figures() {
    let page = Page::of(since(300), incident());
    assert_eq!(
        page.order(&["served order", "slow request", "pool resized", "timeout acquiring"]),
        ["timeout acquiring", "slow request", "pool resized", "served order"]
    );
    sees(&page.row("timeout acquiring connection after <*>"), &["NEW", "60", "13.6 %", "ERROR", "22:18:21", "22:22:17"]);
    sees(&page.row("slow request ms=<*>"), &["×6.0", "70", "WARN"]);
    sees(&page.row("pool resized from <*> to <*>"), &["GONE", "10"]);
    let served = page.row("served order <*> in <*>");
    assert!(!served.contains('×') && !served.contains("NEW"), "{served}");
    sees(
        &page.screen(),
        &["4 patterns of 440 lines since 22:13", "local drain", "1 new", "since the onset at 22:18 against 22:13 – 22:18"],
    );
    sees(&page.screen(), &["example", "timeout acquiring connection after 0ms"]);
}

#[test]
fn without_an_alert_the_second_half_of_the_window_is_compared_with_the_first_and_d_goes_on() {
    let mut page = Page::of(scope(), incident());
    sees(&page.screen(), &["since 22:18 against 22:13 – 22:18"]);
    page.press(Command::CompareWindows);
    page.work();
    sees(&page.screen(), &["reading the period before"]);
    let earlier = (0..60).flat_map(|i| [line(-3000 - i, Level::Info, "served order 5 in 6ms"), line(-3001 - i, Level::Info, "warmed up")]);
    page.earlier(earlier.collect(), Older::Nothing);
    page.work();
    sees(&page.row("warmed up"), &["GONE"]);
    sees(&page.row("timeout acquiring"), &["NEW"]);
    sees(&page.screen(), &["all against 20:23 – 21:23", "5 patterns of 440 lines"]);
    page.press(Command::CompareWindows);
    let down = SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connect to loki refused");
    page.answer("earlier", Err(down));
    page.work();
    sees(&page.screen(), &["not compared with the day before: connect to loki refused"]);
    assert!(!page.row("timeout acquiring").contains("NEW"), "nothing is known of the day before");
}

#[test]
fn lines_of_before_that_are_too_many_are_not_read() {
    let mut page = Page::of(since(300), incident());
    page.shared.settings.ask_above = Some(1 << 30);
    let size = |bytes: u64| Ok(Response::LogSize(LogSize::new(vec![(Labels::new(), bytes)])));
    page.answer("size", size(1 << 20));
    while page.screen().contains("against") {
        page.press(Command::CompareWindows);
        page.work();
    }
    page.answer("earlier size", size(5 << 30));
    sees(&page.screen(), &["not compared with the period before: it would read 5.00 GiB, more than 1.00 GiB"]);
    let look = look(&page.shared, &page.scope, page.now);
    assert!(needs(&page.view, &look, page.size.0, page.size.1).iter().all(|n| n.slot.pane != "earlier"));
}

#[test]
fn nothing_is_called_new_before_each_stream_has_told_its_lines_of_before() {
    let mut page = Page::of(scope().with_trace(TraceId(7), None), incident());
    page.press(Command::CompareWindows);
    page.work();
    page.earlier(Vec::new(), Older::Nothing);
    page.work();
    sees(&page.screen(), &["reading the period before"]);
    assert!(!page.screen().contains("NEW"), "{}", page.screen());
    page.answer_part("earlier", 1, Err(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connect to loki refused")));
    page.work();
    sees(&page.screen(), &["not compared with the period before: connect to loki refused"]);
    assert!(!page.screen().contains("NEW"), "{}", page.screen());
    let lines = vec![line(-3060, Level::Info, "timeout acquiring connection after 3ms")];
    let history = LogEvent::History { lines, reached: Timestamp::ZERO, older: Older::Nothing };
    page.answer_part("earlier", 1, Ok(Response::Log(vec![history])));
    page.work();
    sees(&page.screen(), &["all against 20:23 – 21:23", "NEW"]);
    assert!(!page.row("timeout acquiring").contains("NEW"), "{}", page.screen());
    page.press(Command::MinimumLevel);
    assert!(page.view.patterns.earlier.as_ref().and_then(Earlier::known).is_none(), "those are lines of another question");
}

/// A page whose loaded lines begin at a second.
fn from(second: i64) -> Page {
    let scope = since(300);
    let mut page = Page { view: Logs::new(&scope, None), shared: shared(), scope, size: BIG, now: now() };
    let first = Timestamp::from_secs(START + second);
    page.arrive(incident().into_iter().filter(|l| l.at >= first).collect(), Older::Left(first));
    page.press(Command::Patterns);
    page.work();
    page
}

#[test]
fn lines_before_the_onset_are_asked_for_where_the_loaded_ones_begin_after_it() {
    let mut page = from(361);
    sees(&page.screen(), &["reading the lines before the onset"]);
    assert!(!page.row("timeout acquiring").contains("NEW"), "nothing is known of before");
    let onset = Timestamp::from_secs(START + 300);
    let asked = page.asked("earlier");
    assert!(
        matches!(&asked, Request::LogOlder { before, window: TimeWindow::Fixed(w), .. } if *before == onset && w.end == onset),
        "{asked:?}"
    );

    page.earlier(incident().into_iter().filter(|l| l.at < onset).collect(), Older::Nothing);
    page.work();
    sees(&page.screen(), &["lines since 22:19:21 against 21:23 – 22:18, before the onset"]);
    sees(&page.row("timeout acquiring"), &["NEW", "45"]);
    sees(&page.row("slow request"), &["×"]);
    assert_eq!(page.work(), 0);

    // Older lines of the page's own, of before and after the onset: none counts twice.
    page.older(incident().into_iter().filter(|l| l.at >= Timestamp::from_secs(START + 200)).collect(), START + 200);
    page.later(3);
    page.work();
    page.select("pool resized");
    sees(&page.screen(), &["since the onset at 22:18 against 21:23 – 22:18", "21:23 – 22:18  10 lines"]);

    // All lines are the page's own.
    page.older(incident(), START - 3000);
    page.later(3);
    page.work();
    page.select("pool resized");
    sees(&page.screen(), &["21:23 – 22:18  10 lines"]);
}

#[test]
fn lines_before_the_onset_that_do_not_come_are_not_made_up() {
    let mut page = from(361);
    page.answer("earlier", Err(SourceError::new(Backend::Loki, ErrorKind::Unreachable, "connect to loki refused")));
    page.work();
    sees(&page.screen(), &["not compared with the lines before the onset: connect to loki refused"]);
    assert!(!page.row("timeout acquiring").contains("NEW"));

    let mut page = from(361);
    page.earlier(Vec::new(), Older::Nothing);
    page.work();
    sees(&page.row("timeout acquiring"), &["NEW"]);
}

#[test]
fn any_two_windows_are_compared_as_they_are_typed() {
    let mut page = Page::of(since(300), incident());
    page.type_in(Command::ChooseWindows, "22:19 to 22:22 against 22:14 to 22:17");
    page.work();
    sees(&page.screen(), &["22:19:00 – 22:22:00 against 22:14:00 – 22:17:00"]);
    page.select("pool resized");
    sees(&page.screen(), &["22:14:00 – 22:17:00  6 lines", "22:19:00 – 22:22:00  0 lines"]);

    // The other window is none of the page's: it is asked for.
    page.type_in(Command::ChooseWindows, "20:00 to 21:00");
    page.work();
    sees(&page.screen(), &["reading 20:00 – 21:00"]);
    page.earlier((0..60).map(|i| line(-6000 - i, Level::Info, "warmed up")).collect(), Older::Nothing);
    page.work();
    sees(&page.screen(), &["all against 20:00 – 21:00"]);
    sees(&page.row("warmed up"), &["GONE"]);

    let acts = page.type_in(Command::ChooseWindows, "22:19 to 22:21 against 22:20 to 22:22");
    assert_eq!(acts, [Act::Notice("22:19:00 – 22:21:00 and 22:20:00 – 22:22:00 have lines in common".to_owned())]);
    let acts = page.type_in(Command::ChooseWindows, "yesterday or so");
    assert!(matches!(&acts[..], [Act::Notice(why)] if why.contains("not a time")), "{acts:?}");
    sees(&page.screen(), &["all against 20:00 – 21:00"]);

    // A window that is looked at and not loaded becomes the page's.
    let acts = page.type_in(Command::ChooseWindows, "20:00 to 20:30 against 19:00 to 19:30");
    assert!(matches!(&acts[..], [Act::Rescope(scope)] if !scope.window.is_live()), "{acts:?}");
    page.type_in(Command::ChooseWindows, "=");
    page.work();
    sees(&page.screen(), &["since the onset at 22:18"]);
}

#[test]
fn a_comparison_that_is_there_is_not_read_again() {
    let mut page = Page::of(scope(), incident());
    page.type_in(Command::ChooseWindows, "21:00 to 21:10 against 20:00 to 20:10");
    let asked = page.asked("earlier");
    page.earlier(Vec::new(), Older::Nothing);
    page.work();
    let known = page.view.patterns.earlier.as_ref().and_then(Earlier::known);
    page.type_in(Command::ChooseWindows, "21:00 to 21:10 against 20:00 to 20:10");
    assert_eq!(page.asked("earlier"), asked);
    assert!(known.is_some() && page.view.patterns.earlier.as_ref().and_then(Earlier::known) == known, "no answer would come");
}
