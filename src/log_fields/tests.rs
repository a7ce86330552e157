use proptest::prelude::*;

use super::*;

#[path = "../../fuzz/words.rs"]
mod words;

/// Lines as programs write them; the fuzz targets begin with the same ones.
const CORPUS: &str = include_str!("../../fuzz/corpus.log");

fn corpus() -> impl Iterator<Item = &'static str> {
    CORPUS.split("\n%%\n").filter(|line| !line.is_empty())
}

fn shown(text: &str) -> String {
    let r = recognise(text);
    let fields: Vec<String> = r.inline().map(|(n, v)| format!("{n}={v}")).collect();
    format!("{}|{}|{}", r.message, fields.join(" "), r.rest.len())
}

/// All fields that a row does not say.
fn quiet(text: &str) -> String {
    let r = recognise(text);
    let own = r.fields.len() - r.quiet;
    r.fields[own..].iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" ")
}

fn line_with(start: &str) -> &'static str {
    corpus().find(|line| line.contains(start)).unwrap_or_else(|| panic!("no such line: {start}"))
}

#[test]
fn the_usual_ways_of_writing_are_recognised() {
    for (text, expected) in [
        (
            r#"{"level":"error","ts":1.5,"msg":"served","code":500,"http":{"route":"/a"},"trace_id":"0af7"}"#,
            "served|code=500 http.route=/a|0",
        ),
        (r#"ts=2026-11-21T14:57:42Z level=info msg="charged it \"now\"" order=7 took_ms=1.5"#, r#"charged it "now"|order=7 took_ms=1.5|0"#),
        (
            "2026-11-21 14:57:42.113 [ERROR] [orders,0af7651916cd43dd8448eb211c80319c,b7ad6b7169203331] [nio-8080-exec-7] c.s.Pool : timeout acquiring connection from pool pool=orders wait_ms=8000",
            "timeout acquiring connection from pool|pool=orders wait_ms=8000 thread=nio-8080-exec-7 logger=c.s.Pool|0",
        ),
        (
            "2026-11-21 14:57:42.113 ERROR 1 --- [main] c.shop.App : failed\njava.lang.X: y\n\tat a.b(C.java:1)",
            "failed|thread=main logger=c.shop.App|2",
        ),
        (
            "2026-11-21 14:57:42.113 ERROR 1 --- [exec-7] o.a.c.c.C.[.[.[/].[dispatcherServlet]    : POST /orders threw an exception",
            "POST /orders threw an exception|thread=exec-7 logger=o.a.c.c.C.[.[.[/].[dispatcherServlet]|0",
        ),
        ("2026-11-21T14:57:42.113Z\tERROR\tserver/handler.go:88\tno luck\t{\"code\":5}", "no luck|code=5 caller=server/handler.go:88|0"),
        (r#"INFO:     127.0.0.1:1234 - "GET /x HTTP/1.1" 200 OK"#, r#"127.0.0.1:1234 - "GET /x HTTP/1.1" 200 OK||0"#),
        ("2026-11-21 14:57:42,113 [INFO] mailer: sent order in 5 ms", "sent order in 5 ms|logger=mailer|0"),
        ("ERROR java.sql.SQLException: orders-pool is empty", "java.sql.SQLException: orders-pool is empty||0"),
        ("2026-11-21 14:57:42 [ERROR] cart.api id=5 unhandled exception", "cart.api id=5 unhandled exception||0"),
        ("plain words, a = b, error here", "plain words, a = b, error here||0"),
        ("{not json", "{not json||0"),
        ("\u{1b}[31mred\u{1b}[0m words", "red words||0"),
        ("", "||0"),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn what_runtimes_and_shippers_put_around_a_line_is_taken_off() {
    for (start, expected, told) in [
        ("queue is long", "queue is long|depth=4211 nested.a=1|0", "stream=stderr time=2026-11-22T05:01:02.123456789Z"),
        (
            "reflector.go:147",
            "failed to list *v1.Pod: connection refused||0",
            "caller=reflector.go:147 level=E time=1122 05:01:02.123456 thread=1 stream=stderr time=2026-11-22T05:01:02.123456789Z",
        ),
        (
            "kubernetes\":",
            "no luck|order=7 thread=main logger=com.shop.App|0",
            "time=2026-11-22 05:01:02,123 level=ERROR kubernetes.pod_name=cart-7d9f kubernetes.labels.app=cart stream=stdout",
        ),
        (
            "stderr F 2026",
            "timeout acquiring connection|pool=orders wait_ms=8000 thread=nio-8080-exec-1 logger=c.s.orders.Pool|0",
            "time=2026-11-22 05:01:02.100 level=ERROR pid=1 stream=stderr logtag=F time=2026-11-22T05:01:02.123456789Z",
        ),
        ("stdout P", "a part of a very long line||0", "stream=stdout logtag=P time=2026-11-22T05:01:02.123456789Z"),
        ("no stock\",\"sku", "no stock|sku=a-1|0", "stream=stdout logtag=F time=2026-11-22T05:01:02.123456789Z"),
        ("\"event\\\":\\\"inner", "inner|deep=true order=7|0", ""),
    ] {
        let line = line_with(start);
        assert_eq!((shown(line).as_str(), quiet(line).as_str()), (expected, told), "{line}");
    }
    use Format::{Cri, Docker, Json, Klog, Syslog, Text};
    let formats = |start: &str| recognise(line_with(start)).formats;
    assert_eq!(formats("queue is long"), [Docker, Json]);
    assert_eq!(formats("stderr F 2026"), [Cri, Text]);
    assert_eq!(formats("kubelet.go:2424"), [Syslog, Klog]);
    let nested = (0..10).fold("{\"msg\":\"x\"}".to_owned(), |inner, _| format!("{{\"log\":{inner:?}}}"));
    assert_eq!(recognise(&nested).formats.len(), 1 + MAX_WRAPPERS, "no deeper");
}

#[test]
fn syslog_and_klog_are_recognised() {
    for (start, expected, told) in [
        (
            "<34>1",
            "'su root' failed for lonvick||0",
            "exampleSDID@32473.iut=3 exampleSDID@32473.eventSource=App \"x\" origin.ip=10.0.0.1 version=1 time=2026-11-22T05:01:02.003Z host=db-1 app=su msgid=ID47 facility=auth severity=crit priority=34",
        ),
        (
            "<13>Nov",
            "deadlock detected||0",
            "level=ERROR time=Nov  2 05:01:02 host=db-1 app=postgres pid=4711 facility=user severity=notice priority=13",
        ),
        ("dockerd:", "slow disk||0", "time=Nov 22 05:01:02 host=node-3 app=dockerd facility=daemon severity=info priority=30"),
        ("systemd[1]", "Started Daily apt download activities.||0", "time=2026-11-22T05:01:02.123456+00:00 host=db-1 app=systemd pid=1"),
        (
            "kubelet.go:2424",
            "Error getting node|err=node \"node-3\" not found|0",
            "caller=kubelet.go:2424 level=E time=1122 05:01:02.123456 thread=812 time=Nov 22 05:01:02 host=node-3 app=kubelet pid=812",
        ),
        ("pool.go:123", "timeout acquiring connection|pool=orders|0", "caller=pool.go:123 level=E time=1122 05:01:02.123456 thread=1"),
        (
            "controller.go:77",
            "Reconcile finished|controller=orders namespace=shop took=8s retry=false|0",
            "caller=controller.go:77 level=I time=1122 05:01:02.123456 thread=314159",
        ),
    ] {
        let line = line_with(start);
        assert_eq!((shown(line).as_str(), quiet(line).as_str()), (expected, told), "{line}");
    }
    for text in ["<999>x", "<x>y", "<b>bold</b> words", "Nov 22 the day", "E1122 x", "<"] {
        assert_eq!(recognise(text).formats, [Format::Text], "{text}");
    }
}

#[test]
fn requests_are_recognised() {
    for (start, expected, told) in [
        (
            "POST /pay?order=7",
            "POST /pay?order=7 HTTP/1.1|status=502 bytes=157 referer=https://shop.example/cart request_time=8.004 client=10.0.0.7 user=alice|0",
            "agent=Mozilla/5.0 (X11; Linux x86_64) method=POST path=/pay?order=7 protocol=HTTP/1.1 time=22/Nov/2026:05:01:02 +0000",
        ),
        (
            "curl/8.5.0",
            "GET /cart HTTP/1.1|status=200 bytes=12 request_length=345 request_time=0.004 more=[shop-cart-8080] [] 10.0.3.4:8080 12 0.004 200 0b1c2d3e client=10.0.0.7|0",
            "referer=- agent=curl/8.5.0 method=GET path=/cart protocol=HTTP/1.1 time=22/Nov/2026:05:01:02 +0000",
        ),
        (
            "shop.example:443",
            "GET / HTTP/2.0|status=404 bytes=- rt=0.004 uct=0.000 urt=0.004 client=10.0.0.7|0",
            "referer=- agent=- server=shop.example:443 method=GET path=/ protocol=HTTP/2.0 time=22/Nov/2026:05:01:02 +0000",
        ),
        (
            "*1877",
            "connect() failed (111: Connection refused) while connecting to upstream|client=10.0.0.7 server=shop.example request=POST /pay HTTP/1.1 upstream=http://10.0.3.4:8080/pay host=shop.example referrer=https://shop.example/cart|0",
            "level=error time=2026/11/22 05:01:02 pid=31 tid=31 connection=1877",
        ),
        ("signal process", "signal process started||0", "level=notice time=2026/11/22 05:01:02 pid=1 tid=1"),
    ] {
        let line = line_with(start);
        assert_eq!((shown(line).as_str(), quiet(line).as_str()), (expected, told), "{line}");
    }
}

#[test]
fn heads_of_text_are_taken_apart() {
    for (start, expected, told) in [
        ("- app.orders -", "charge failed|logger=app.orders|8", "time=2026-11-22 05:01:02,123 level=ERROR"),
        ("ERROR:root", "no luck with order 7|logger=root|0", "level=ERROR"),
        ("[17] [ERROR]", "Exception in worker process||0", "time=2026-11-22 05:01:02 +0000 level=ERROR pid=17"),
        (
            "ForkPool",
            "Task orders.charge[8601b555] raised unexpected: KeyError('a-1')|thread=ForkPoolWorker-1|0",
            "time=2026-11-22 05:01:02,123 level=ERROR",
        ),
        ("in app:", "in app: Exception on /pay [POST]||0", "time=2026-11-22 05:01:02,123 level=ERROR"),
        ("| ERROR ", "no luck|logger=app.orders:charge:42|0", "time=2026-11-22 05:01:02.123 level=ERROR"),
        (
            "[app] [views.py:12]",
            "added|thread=app context=views.py:12|0",
            "time=2026-11-22 05:01:02,123 level=INFO trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331 resource.service.name=cart trace_sampled=True",
        ),
        (
            "Servlet.service()",
            "Servlet.service() threw exception|thread=nio-8080-exec-7 logger=c.shop.orders.Api|15",
            "time=2026-11-22T05:01:02.123Z level=ERROR pid=1 trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331 application=orders",
        ),
        ("05:01:02.123 [main]", "no luck|thread=main logger=com.shop.App|0", "time=05:01:02.123 level=ERROR"),
        ("(Pool.java:12)", "no luck|thread=main logger=com.shop.Pool caller=Pool.java:12|0", "time=2026-11-22 05:01:02,123 level=ERROR"),
        (
            "22-Nov-2026",
            "org.apache.catalina.core.StandardService.initInternal Failed to initialize connector|thread=main|0",
            "time=22-Nov-2026 05:01:02.123 level=SEVERE",
        ),
        (
            "\torders\tserver",
            "no luck|code=5 err=refused logger=orders caller=server/handler.go:88|6",
            "time=2026-11-22T05:01:02.123Z level=ERROR",
        ),
        ("main.go:12: no", "no luck with order 7|caller=main.go:12|0", "time=2026/11/22 05:01:02"),
        ("ERROR no luck order", "no luck|order=7|0", "time=2026/11/22 05:01:02 level=ERROR"),
        ("ERRO[0012]", "no luck|order=7|0", "level=ERRO seconds=0012"),
        ("5:01AM", "no luck|order=7|0", "time=5:01AM level=ERR"),
        (
            "request{method",
            "timeout acquiring connection|wait_ms=8000 request.method=POST request.uri=/pay charge.order=7 logger=orders::pool|0",
            "time=2026-11-22T05:01:02.123456Z level=ERROR",
        ),
        (
            "src/pool.rs:88: connected",
            "connected|pool=orders logger=orders::pool caller=src/pool.rs:88|0",
            "time=2026-11-22T05:01:02.123456Z level=INFO",
        ),
        ("ERROR orders::pool]", "no luck|logger=orders::pool|0", "time=2026-11-22T05:01:02Z level=ERROR"),
        ("Shop.Orders.Pool[17]", "Timeout acquiring a connection|category=Shop.Orders.Pool event_id=17|6", "level=fail"),
        ("E, [2026", "no luck||0", "letter=E time=2026-11-22T05:01:02.123456 pid=17 level=ERROR"),
        ("app.ERROR:", "no luck {\"order\":7} []|logger=app|0", "time=2026-11-22T05:01:02.123+00:00 level=ERROR"),
        ("shop@orders", "deadlock detected|logger=shop@orders|0", "time=2026-11-22 05:01:02.123 UTC level=ERROR pid=31"),
        ("order 7 charged", "order 7 charged|order=7 took.ms=12|0", ""),
        ("Error: connect", "Error: connect ECONNREFUSED 10.0.0.1:5432||1", ""),
        ("panic: runtime", "panic: runtime error: index out of range [5] with length 3 [recovered]||14", ""),
    ] {
        let line = line_with(start);
        assert_eq!((shown(line).as_str(), quiet(line).as_str()), (expected, told), "{line}");
    }
}

#[test]
fn pairs_within_the_message_are_fields_but_not_repeated() {
    let record = recognise("[ERROR] cart.api id=5 unhandled exception");
    assert_eq!((record.fields, record.in_message), (vec![pair("id", "5"), pair("level", "ERROR")], true));
}

#[test]
fn a_trace_in_a_field_is_further_lines() {
    let record = recognise(line_with("NioSocketImpl"));
    assert_eq!((record.message.as_str(), record.rest.len(), record.rest_from.as_deref()), ("charge failed", 6, Some("error.stack_trace")));
    assert!(record.rest[1].starts_with("\tat java.base/sun.nio"));
    assert!(record.fields.iter().all(|(name, _)| name != "error.stack_trace"));
    let record = recognise(line_with("During handling"));
    assert_eq!((record.message.as_str(), record.rest[0].as_str()), ("app.errors.NoStock: a-1", stack::TRACEBACK));
}

#[test]
fn nothing_that_a_line_says_is_lost() {
    assert!(corpus().count() > 60);
    for line in corpus() {
        let record = recognise(line);
        assert_eq!(words::lost(line, &record), Vec::<String>::new(), "{line}\n{record:#?}");
    }
    assert_eq!(words::lost("a b b", &Record::new(Format::Text, "a b")), ["b"], "it would be seen");
}

#[test]
fn a_hostile_line_is_taken_as_it_is() {
    let megabyte = 1 << 20;
    for line in [
        "[".repeat(megabyte),
        "{".repeat(megabyte),
        r#"{"a":"#.repeat(megabyte / 5),
        format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000)),
        format!(r#"{{"msg":"{}"}}"#, "x".repeat(megabyte)),
        format!(r#"{{"{}":{{{}}}}}"#, "k".repeat(megabyte), (0..500).map(|i| format!("\"{i}\":{i}")).collect::<Vec<_>>().join(",")),
        "a=\"b ".repeat(megabyte / 5),
        "a=b ".repeat(megabyte / 4),
        "x{".repeat(megabyte / 2),
        "\n".repeat(megabyte),
        "\tat a.b(C.java:1)\n".repeat(megabyte / 18),
        "{\"".repeat(megabyte / 2) + "}",
        "\\u".repeat(megabyte / 2),
        format!("<34>1 - - - - - {}", "[a b=\"c\"]".repeat(megabyte / 9)),
        format!("10.0.0.7 - - [22/Nov/2026:05:01:02 +0000] \"GET /\" 200 1 {}", "1 ".repeat(megabyte / 2)),
        format!("2026-11-22 05:01:02 INFO {}x", format!("[{}] ", "a=b ".repeat(150).trim_end()).repeat(4)),
        format!("2026-11-22T05:01:02Z INFO {} y", format!("a{{{}}}:", "b=c ".repeat(150).trim_end()).repeat(16)),
        format!("Traceback (most recent call last):\n{}", "  File \"a\", line 1, in b\n".repeat(megabyte / 25)),
    ] {
        let record = recognise(&line);
        let held: usize = record.fields.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() + record.message.len();
        let held = held + record.rest.iter().map(String::len).sum::<usize>();
        assert!(held <= 3 * line.len() && record.rest.len() <= MAX_LINES + 1, "{held} bytes of {}: {}", line.len(), clip(&line, 40));
        assert!(record.fields.len() <= MAX_FIELDS + 20, "{}", record.fields.len());
        level::level(&trace_id::Told::default(), &trace_id::Told::default(), &line);
        exceptions::Thrown::of(&line);
        unfolded(&record);
    }
}

proptest! {
    #[test]
    fn anything_is_a_line(text in r#"[\[\]{}":=, \n\t\\a-zA-Z0-9.\u{1b}é-]{0,80}"#) {
        let record = recognise(&text);
        unfolded(&record);
    }

    #[test]
    fn anything_in_json_comes_out_again(name in "[a-z]{1,8}", value in "\\PC{0,40}", deep in "[\u{0}-\u{7f}é😀]{0,20}") {
        let line = serde_json::json!({ "message": "x", "n": { (name.clone()): value }, "deep": [{ "a": deep }] }).to_string();
        let record = recognise(&line);
        let field = |wanted: &str| record.fields.iter().find(|(n, _)| n == wanted).map(|(_, v)| v.clone());
        let nested = value.trim().starts_with('{') && json::fields(value.trim()).is_some();
        let found = field(&format!("n.{name}"));
        prop_assert!(nested || found == Some(value));
        let nested = deep.trim().starts_with('{') && json::fields(deep.trim()).is_some();
        prop_assert!(nested || field("deep.0.a") == Some(deep));
    }
}
