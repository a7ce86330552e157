use crate::log_fields::{Unfolded, recognise, unfolded};

const CORPUS: &str = include_str!("../../../fuzz/corpus.log");

fn line_with(part: &str) -> &'static str {
    CORPUS.split("\n%%\n").find(|line| line.contains(part)).unwrap()
}

/// Root, its message, the topmost own frame and its place, and how many exceptions.
fn said(part: &str) -> String {
    let trace = recognise(line_with(part)).stack_trace().unwrap();
    let (root, own) = (trace.root().unwrap(), trace.own_frame());
    let own = own.map_or_else(|| "-".to_owned(), |f| format!("{} {}", f.function, f.place));
    format!("{}|{}|{own}|{}", root.kind, root.message, trace.exceptions.len())
}

#[test]
fn traces_of_every_language_say_what_happened_and_where() {
    for (part, expected) in [
        (
            "Servlet.service()",
            "java.sql.SQLTransientConnectionException|orders-pool - Connection is not available, request timed out after 8000ms|com.shop.orders.Pool.take Pool.java:44|2",
        ),
        ("NioSocketImpl", "java.net.SocketTimeoutException|Read timed out|com.shop.pay.Gateway.charge Gateway.java:61|1"),
        ("Exception in thread", "java.lang.IllegalStateException|no config|com.shop.App.main App.java:12|1"),
        (
            "charge failed\nTraceback",
            "requests.exceptions.ConnectTimeout|HTTPSConnectionPool(host='pay', port=443): Max retries exceeded|charge /app/orders.py:88|1",
        ),
        ("During handling", "KeyError|'a-1'|add /app/cart.py:7|2"),
        ("goroutine 7", "runtime error|index out of range [5] with length 3|main.(*Pool).take /app/pool.go:12|1"),
        ("\torders\tserver", "|no luck|github.com/shop/orders/server.(*Handler).Pay /app/server/handler.go:88|1"),
        (
            "tokio-runtime-worker",
            "panic|called `Result::unwrap()` on an `Err` value: Timeout|orders::pool::take::{{closure}} ./src/pool.rs:88:14|1",
        ),
        ("billing-1", "panic|no such order|billing::bill::send ./src/bill.rs:7:5|1"),
        ("/app/src/pool.js", "TypeError|x is not a function|take /app/src/pool.js:12:5|1"),
        ("ECONNREFUSED", "Error|connect ECONNREFUSED 10.0.0.1:5432|-|1"),
        (
            "Shop.Orders.Pool[17]",
            "Npgsql.NpgsqlException|(0x80004005): Exception while reading|Shop.Orders.Pool.Take /src/Pool.cs:line 44|2",
        ),
    ] {
        assert_eq!(said(part), expected, "{part}");
    }
}

fn rows(text: &str) -> Vec<String> {
    let record = recognise(text);
    let row = |row: &Unfolded<'_>| match row {
        Unfolded::Line(line) => line.trim().chars().take(30).collect(),
        Unfolded::Libraries(frames) => format!("({frames})"),
    };
    unfolded(&record).iter().map(row).collect()
}

#[test]
fn frames_of_libraries_fold() {
    assert_eq!(
        rows(line_with("Servlet.service()")),
        [
            "jakarta.servlet.ServletExcepti",
            "(3)",
            "at com.shop.orders.Filter.doFi",
            "at java.base/java.lang.Thread.",
            "Caused by: java.sql.SQLTransie",
            "(3)",
            "at com.shop.orders.Pool.take(P",
            "at com.shop.orders.Api$$Spring",
            "Suppressed: java.io.IOExceptio",
            "at com.shop.orders.Pool.close(",
            "... 24 more",
        ]
    );
    assert_eq!(
        rows(line_with("goroutine 7"))[2..],
        [
            "main.(*Pool).take(0xc000012345",
            "/app/pool.go:12 +0x1d",
            "(3)",
            "",
            "goroutine 1 [IO wait]:",
            "main.main()",
            "/app/main.go:7 +0x12"
        ]
    );
    assert_eq!(rows(line_with("charge failed\nTraceback"))[3..4], ["(2)"]);
    assert_eq!(rows(line_with("tokio-runtime-worker"))[..3], ["called `Result::unwrap()` on a", "stack backtrace:", "(3)"]);
    assert_eq!(rows("one\ntwo\nthree"), ["two", "three"], "what is no trace stays");
}

#[test]
fn words_that_look_like_frames_are_none() {
    for text in ["failed\nat the end (of it)", "see\n  at noon", "x\n\tfile.go", "a\n1: b", "a\n  File \"x\"", "panicked at\nb"] {
        assert_eq!(recognise(text).stack_trace(), None, "{text}");
    }
}
