use super::*;

/// 2026-11-22T05:01:02Z.
const AT: i64 = 1_795_323_662;
const NANO: i64 = 1_000_000_000;

fn dater(east: i32) -> Dater {
    Dater::new(Timestamp::from_secs(AT + 60), Box::new(move |_| east))
}

fn date(line: &str) -> Option<(i64, bool)> {
    dater(0).date(line, &mut Manner::default()).map(|told| (told.at.0, told.zoned))
}

#[test]
fn times_are_read_as_logs_write_them() {
    let ms = AT * NANO + 123_000_000;
    for (line, nanos, zoned) in [
        ("2026-11-22T05:01:02Z INFO x", AT * NANO, true),
        ("2026-11-22T05:01:02.123456789+01:00 x", (AT - 3600) * NANO + 123_456_789, true),
        ("2026-11-22 05:01:02,123 ERROR x", ms, false),
        ("2026/11/22 05:01:02 [error] 31#31: *7 x", AT * NANO, false),
        ("2026-11-22 05:01:02.123 UTC [99] LOG:  x", ms, true),
        ("2026-11-22 05:01:02 -0530 x", (AT + 5 * 3600 + 1800) * NANO, true),
        ("20261122T050102Z x", AT * NANO, true),
        ("[2026-11-22T05:01:02.123Z] \"GET / HTTP/1.1\" 200", ms, true),
        ("\u{1b}[2m2026-11-22T05:01:02.123Z\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m x", ms, true),
        ("INFO  [main] 2026-11-22 05:01:02,123 x", ms, false),
        ("E, [2026-11-22T05:01:02.123000 #7] ERROR -- : x", ms, false),
        ("22-Nov-2026 05:01:02.123 SEVERE [main] x", ms, false),
        ("7:M 22 Nov 2026 05:01:02.123 * Ready", ms, false),
        ("Nov 22, 2026 5:01:02 AM com.shop.Main main", AT * NANO, false),
        ("Nov 22 05:01:02 host app[7]: x", AT * NANO, false),
        ("Nov  2 05:01:02 host app[7]: x", (AT - 20 * 86_400) * NANO, false),
        ("<34>Nov 22 05:01:02 host app: x", AT * NANO, false),
        ("<34>1 2026-11-22T05:01:02.123Z host app 7 - - x", ms, true),
        ("[Sun Nov 22 05:01:02.123000 2026] [core:error] x", ms, false),
        ("E1122 05:01:02.123456       1 pool.go:12] x", AT * NANO + 123_456_000, false),
        ("10.0.0.7 - ana [22/Nov/2026:05:01:02 +0100] \"GET /pay HTTP/1.1\" 502 157", (AT - 3600) * NANO, true),
        ("2026-11-22T05:01:02.123000000Z stderr F at last it started", ms, true),
        ("1795323662.123 x", ms, true),
        ("1795323662123 x", ms, true),
        (" INFO 2026-11-22 05:01:02,123 x", ms, false),
        ("    INFO [main] 2026-11-22 05:01:02,123 x", ms, false),
        ("2026-11-22T05:01:02.123000000Z stderr F  WARN slow", ms, true),
        ("2026-11-22T05:01:02.123000000Z  WARN slow", ms, true),
        (r#"{"level":"info","ts":1795323662.123,"msg":"x"}"#, ms, true),
        (r#"{"level":"info","ts":1.795323662123e9,"msg":"x"}"#, ms, true),
        (r#"{"level":"info","time":"2026-11-22T05:01:02.123Z","msg":"x"}"#, ms, true),
        (r#"{"@timestamp": "2026-11-22T06:01:02.123+01:00","message":"x"}"#, ms, true),
        (r#"{"asctime":"2026-11-22 05:01:02,123","message":"x"}"#, ms, false),
        (r#"{"time":12,"timestamp":"2026-11-22T05:01:02.123Z"}"#, ms, true),
        (r#"{"__REALTIME_TIMESTAMP":"1795323662123000","MESSAGE":"x"}"#, ms, true),
        (r#"{"log":"{\"time\":\"2001-01-01T00:00:00Z\"}\n","stream":"stdout","time":"2026-11-22T05:01:02.123Z"}"#, ms, true),
        (r#"time="2026-11-22T05:01:02.123Z" level=info msg=x"#, ms, true),
        ("level=info ts=2026-11-22T05:01:02.123Z caller=a.go:1 msg=x", ms, true),
        ("level=info t=1795323662 msg=x", AT * NANO, true),
    ] {
        assert_eq!(date(line), Some((nanos, zoned)), "{line}");
    }
}

#[test]
fn what_goes_on_from_the_line_before_has_no_time() {
    for line in [
        "",
        " 2026-11-22 05:01:02 x",
        "\tat com.shop.Pool.take(Pool.java:12)",
        "Caused by: java.sql.SQLException: at 2026-11-22 05:01:02",
        "... 24 more",
        "}",
        "ValueError: 12:30 is no time",
        "2026-13-22 05:01:02 x",
        "2026-11-22 25:01:02 x",
        "2026-11-22 x",
        "Nov é 05:01:02",
        "12345 x",
        "{}",
        r#"{"time":5,"t":"x"}"#,
        "2026-11-22T05:01:02.123456789Z \tat com.shop.Pool.take(Pool.java:12)",
        "2026-11-22T05:01:02.123456789Z stderr F \tat com.shop.Pool.take(Pool.java:12)",
    ] {
        assert_eq!(date(line), None, "{line}");
    }
    // Spring Boot puts two blanks before its level.
    assert!(date("2026-11-22 05:01:02.123  INFO 1 --- [main] x").is_some());
}

#[test]
fn blanks_before_a_level_do_not_make_a_line_go_on() {
    for line in [" INFO started", "    WARN: slow", " [ERROR] x", " INFO", " WARN\\u001b[0m x", " INFO\u{1b}[0m x"] {
        assert!(!goes_on(line), "{line}");
    }
    for line in [" it ended", "  error: no route", "\tERROR x", " ERROR_CODE 7", "  WARN=1", "  ERRORS", "  I see", " ", "   { INFO"] {
        assert!(goes_on(line), "{line}");
    }
}

#[test]
fn times_without_a_zone_are_of_the_place_and_those_without_a_year_of_the_last_one() {
    let mut dater = dater(7200);
    let mut at = |line: &str| dater.date(line, &mut Manner::default()).unwrap().at.secs();
    assert_eq!(at("2026-11-22 05:01:02 x"), AT - 7200);
    assert_eq!(at("2026-11-22 05:01:02Z x"), AT);
    assert_eq!(at("Dec 24 05:01:02 host app: x"), AT - 7200 - 333 * 86_400, "of the year before: no line is newer than the file");
}

#[test]
fn a_number_is_an_instant_only_where_it_can_be_one() {
    assert_eq!(date("1795323662.5 x"), Some((AT * NANO + NANO / 2, true)));
    for number in ["", "12", "9999999999", "1", "1.5", "abc"] {
        assert_eq!(date(&format!("{number} x")), None, "{number}");
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(line in "(2026|-|/|11|22|T|:|05|\\.|,|Z|\\+|Nov |Sun |E1122 |<34>|\\[|\\{|\"ts\":|\"time\":|t=|1795323662|e9|é|at |\t| ){0,30}") {
        dater(3600).date(&line, &mut Manner::default());
    }
}
