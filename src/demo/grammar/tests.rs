use proptest::prelude::*;

use super::{literal, re2};

#[test]
fn durations_as_go_and_prometheus_write_them() {
    for (text, nanoseconds) in [
        ("1.5s", Some(1_500_000_000)),
        ("100ms", Some(100_000_000)),
        ("1h30m", Some(5_400_000_000_000)),
        ("2d", Some(172_800_000_000_000)),
        ("5us", Some(5_000)),
        ("5", None),
        ("", None),
        ("s", None),
        ("1m5ms", Some(60_005_000_000)),
    ] {
        assert_eq!(literal::duration(text), nanoseconds, "{text}");
    }
    assert_eq!(literal::go_duration("-1m"), Some(-60_000_000_000));
    assert_eq!(literal::prometheus_duration("1s1h"), None, "units must fall");
}

#[test]
fn sizes_are_decimal_unless_they_say_i() {
    for (text, bytes) in
        [("1KB", Some(1000)), ("1KiB", Some(1024)), ("5 MiB", Some(5 << 20)), ("100", Some(100)), ("1.5kb", Some(1500)), ("1q", None)]
    {
        assert_eq!(literal::bytes(text), bytes, "{text}");
    }
}

#[test]
fn string_literals_are_unescaped() {
    assert_eq!(literal::unquote(r#""a\"b\\\n\x41é""#).as_deref(), Some("a\"b\\\nAé"));
    assert_eq!(literal::unquote("`a\\d`").as_deref(), Some("a\\d"));
    assert_eq!(literal::unquote(r#""\q""#), None);
}

#[test]
fn regular_expressions_mean_what_go_means() {
    let matches = |pattern: &str, text: &str| re2::compile(pattern).unwrap().is_match(text);
    assert!(!matches(r"^\d$", "٣"), "digits are ASCII");
    assert!(matches(r"^[[a]$", "["), "a bracket inside a class is itself");
    assert!(matches(r"^[[:alpha:]]+$", "abc"));
    assert!(matches(r"^[\w.]+$", "a_1.b"));
    assert!(matches(r"\Qa.b\E+", "a.bb"));
    assert!(matches(r"^[a&&b]$", "&"), "no set operations");
    assert!(re2::compile_anchored("a|b").unwrap().is_match("b") && !re2::compile_anchored("a|b").unwrap().is_match("ab"));
    assert!(re2::compile("(").is_err());
    assert!(re2::compile_anchored("a)(b").is_err());
}

proptest! {
    #[test]
    fn no_literal_panics(text in ".{0,40}") {
        let _ = literal::duration(&text);
        let _ = literal::bytes(&text);
        let _ = literal::unquote(&text);
        let _ = re2::compile(&text);
    }
}
