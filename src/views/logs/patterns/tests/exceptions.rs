//! What a reader of exceptions sees.

use super::*;

fn java(at: i64, order: i64) -> LogLine {
    line(
        at,
        Level::Error,
        &format!(
            "2023-11-14 22:13:20.000 ERROR 1 --- [exec-{order}] c.s.Api : order {order} failed\njava.lang.IllegalStateException: outer\n\tat com.shop.Api.pay(Api.java:12)\nCaused by: java.sql.SQLTransientConnectionException: no connection for order {order}\n\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:181){}\n\tat com.shop.Pool.take(Pool.java:40)",
            "\n\tat com.zaxxer.hikari.HikariDataSource.getConnection(HikariDataSource.java:99)".repeat(4)
        ),
    )
}

fn python(at: i64) -> LogLine {
    line(
        at,
        Level::Error,
        "Traceback (most recent call last):\n  File \"/app/cart.py\", line 7, in add\n    raise KeyError(sku)\nKeyError: 'a-1'",
    )
}

fn of_exceptions(lines: Vec<LogLine>) -> Page {
    let scope = since(300);
    let mut page = Page { view: Logs::new(&scope, None), shared: shared(), scope, size: BIG, now: now() };
    page.arrive(lines, Older::Nothing);
    page.press(Command::Exceptions);
    page.work();
    page
}

fn thrown() -> Vec<LogLine> {
    let mut lines = incident();
    lines.extend((0..30).map(|i| java(310 + i, i)));
    lines.extend((0..20).map(|i| python(i * 30)));
    lines
}

#[test]
fn exceptions_are_told_by_type_and_own_frame_with_count_times_and_services() {
    let page = of_exceptions(thrown());
    sees(&page.screen(), &["2 exceptions in 50 of 490 lines since 22:13", "by type and own frame", "1 new", "since the onset at 22:18"]);
    sees(
        &page.row("SQLTransientConnectionException at Pool.take"),
        &["NEW", "30", "orders", "22:18:30", "22:18:59", "no connection for order 0"],
    );
    let python = page.row("KeyError at add");
    sees(&python, &["20", "22:13:20", "22:22:50", "'a-1'"]);
    assert!(!python.contains("NEW") && !python.contains('×'), "{python}");
    assert_eq!(
        page.order(&["KeyError at add", "SQLTransientConnectionException at"]),
        ["SQLTransientConnectionException at", "KeyError at add"]
    );
    sees(&page.screen(), &["java.sql.SQLTransientConnectionException at com.shop.Pool.take", "services", "orders 30", "5 library frames"]);
}

#[test]
fn enter_shows_the_lines_with_an_exception_also_those_that_come_later() {
    let mut page = of_exceptions(thrown());
    page.press(Command::Drill);
    assert_eq!(page.lines().len(), 30);
    assert_eq!(page.filters(), "exception \"SQLTransientConnectionException…\"");
    page.arrive(vec![java(590, 99), python(591), line(592, Level::Info, "served")], Older::Nothing);
    assert_eq!(page.lines().len(), 31);
    page.press(Command::Back);
    sees(&page.screen(), &["by type and own frame"]);
    page.press(Command::Exclude);
    sees(&page.row("SQLTransientConnectionException"), &["excluded"]);
    assert_eq!(page.lines().len(), 493 - 31);
}

#[test]
fn one_key_leads_to_the_other_side_and_the_same_one_back_to_the_lines() {
    let mut page = of_exceptions(thrown());
    page.press(Command::Patterns);
    assert!(!page.screen().contains("KeyError at add"), "nothing of the other side stays");
    page.work();
    sees(&page.screen(), &["local drain", "timeout acquiring"]);
    page.press(Command::Exceptions);
    sees(&page.screen(), &["Looking for exceptions in 490 lines."]);
    page.work();
    sees(&page.screen(), &["2 exceptions"]);
    assert_eq!(
        page.press(Command::PatternsBy),
        [Act::Notice("exceptions are of the lines that are loaded: Loki tells of none".to_owned())]
    );
    page.press(Command::Exceptions);
    assert!(!page.screen().contains("by type"), "the lines again");
}

#[test]
fn lines_without_a_stack_trace_say_so() {
    let mut page = of_exceptions(incident());
    sees(&page.screen(), &["None of 440 lines has a stack trace."]);
    page.arrive(vec![python(599)], Older::Nothing);
    page.later(3);
    page.work();
    sees(&page.row("KeyError at add"), &["NEW", "1"]);
    for size in [(80, 24), (40, 10), (20, 3), (1, 1)] {
        page.size = size;
        page.screen();
    }
    page.size = (80, 22);
    sees(&page.row("KeyError at add"), &["NEW", "1"]);
}

/// Each of its lines as an entry of its own, right after the one before.
fn apart(lines: Vec<LogLine>) -> Vec<LogLine> {
    let entries = |whole: LogLine| {
        let entry = |(i, text): (i64, &str)| LogLine {
            at: Timestamp(whole.at.0 + i),
            level: if i == 0 { whole.level } else { Level::Unknown },
            text: text.into(),
            ..whole.clone()
        };
        (0..).zip(whole.text.lines()).map(entry).collect::<Vec<_>>()
    };
    lines.into_iter().flat_map(entries).collect()
}

#[test]
fn traces_that_came_line_by_line_are_the_same_exceptions_and_patterns() {
    // What is written at one instant by one pod is no trace that anybody could tell apart.
    let later =
        |line: LogLine| if line.text.starts_with("Trace") { LogLine { at: line.at + Duration::from_millis(500), ..line } } else { line };
    let mut page = of_exceptions(apart(thrown().into_iter().map(later).collect()));
    sees(&page.screen(), &["2 exceptions in 50 of 490 lines since 22:13", "1 new"]);
    sees(&page.row("SQLTransientConnectionException at Pool.take"), &["NEW", "30", "orders", "22:18:30", "22:18:59"]);
    sees(&page.row("KeyError at add"), &["20", "22:13:20", "22:22:50", "'a-1'"]);
    page.press(Command::Drill);
    assert_eq!(page.view.store.rows_from(0).count(), 30, "{}", page.screen());
    page.press(Command::Back);
    page.press(Command::Patterns);
    page.work();
    assert!(!page.screen().contains("HikariPool") && !page.screen().contains("cart.py"), "{}", page.screen());
    sees(&page.row("failed"), &["30"]);
}
