//! What of a LogQL tells how much it reads: its stream selectors, and how far its ranges reach back.

use std::time::Duration;

use crate::time_input::parse_duration;

/// A part of a query outside of texts and comments.
enum Part {
    /// `{…}` from one byte to another.
    Selector(usize, usize),
    /// What is between `[` and `]`.
    Range(usize, usize),
}

/// All selectors and ranges, in the order they are written. One that is not closed is none.
fn parts(query: &str) -> Vec<Part> {
    let (mut out, mut quote, mut is_escaped, mut is_comment, mut open) = (Vec::new(), None, false, false, None);
    for (at, c) in query.char_indices() {
        match quote {
            _ if is_comment => is_comment = c != '\n',
            Some(_) if is_escaped => is_escaped = false,
            Some('"') if c == '\\' => is_escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None => match (c, open) {
                ('"' | '`', _) => quote = Some(c),
                ('#', _) => is_comment = true,
                ('{' | '[', _) => open = Some((c, at)),
                ('}', Some(('{', from))) => {
                    out.push(Part::Selector(from, at + 1));
                    open = None;
                }
                (']', Some(('[', from))) => {
                    out.push(Part::Range(from + 1, at));
                    open = None;
                }
                _ => {}
            },
        }
    }
    out
}

/// The stream selectors of a query, as they are written: several where a metric query joins as many.
pub fn selectors(query: &str) -> Vec<&str> {
    let of = |part: &Part| if let Part::Selector(from, to) = part { query.get(*from..*to) } else { None };
    parts(query).iter().filter_map(of).collect()
}

/// How long before its window a query reads: as long as the longest of its ranges.
pub fn reach(query: &str) -> Duration {
    let of = |part: &Part| if let Part::Range(from, to) = part { parse_duration(query.get(*from..*to)?) } else { None };
    parts(query).iter().filter_map(of).max().unwrap_or_default()
}

/// Whether a selector asks for one value of a label, so that it is not all there is.
pub fn names_a_value(selector: &str) -> bool {
    let (mut quote, mut is_escaped, mut before) = (None, false, ' ');
    let mut rest = selector.chars().peekable();
    while let Some(c) = rest.next() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some('"') if c == '\\' => is_escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '`') => quote = Some(c),
            None if c == '=' && before != '!' && rest.peek() != Some(&'~') => return true,
            None => {}
        }
        before = c;
    }
    false
}

/// The query with one more condition in each of its selectors.
pub fn with_matcher(query: &str, matcher: &str) -> String {
    let ends = parts(query).into_iter().filter_map(|p| if let Part::Selector(from, to) = p { Some((from, to - 1)) } else { None });
    let (mut out, mut done) = (String::with_capacity(query.len() + matcher.len()), 0);
    for (from, end) in ends {
        let inner = query[from + 1..end].trim_end().trim_end_matches(',');
        out.push_str(&query[done..=from]);
        out.push_str(inner);
        out.push_str(if inner.trim().is_empty() { "" } else { ", " });
        out.push_str(matcher);
        done = end;
    }
    out + &query[done..]
}

/// The query without a comment at its end, which would take in whatever is put behind the query.
pub fn without_comment(query: &str) -> &str {
    let (mut quote, mut is_escaped, mut comment) = (None, false, None);
    for (at, c) in query.char_indices() {
        match quote {
            Some(_) if is_escaped => is_escaped = false,
            Some('"') if c == '\\' => is_escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None if comment.is_some() => comment = comment.filter(|_| c != '\n'),
            None if c == '#' => comment = Some(at),
            None if matches!(c, '"' | '`') => quote = Some(c),
            None => {}
        }
    }
    comment.map_or(query, |at| query[..at].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_found_outside_of_texts_and_comments() {
        for (query, expected) in [
            (r#"{app="x"} |= "{y}""#, vec![r#"{app="x"}"#]),
            (r#"{app=~"a{2}\"}", b=`}`} | json"#, vec![r#"{app=~"a{2}\"}", b=`}`}"#]),
            ("sum(rate({a=\"1\"}[5m])) / sum(rate({b=\"2\"}[1h])) # {c=\"3\"}", vec![r#"{a="1"}"#, r#"{b="2"}"#]),
            ("{a}b}c}", vec!["{a}"]),
            ("{app=", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(selectors(query), expected, "{query}");
        }
    }

    #[test]
    fn only_equality_names_a_value() {
        for (selector, named) in
            [(r#"{a="b"}"#, true), (r#"{a=~".+", b = `c`}"#, true), (r#"{a=~"b=c", d!="e", f!~"g\"=h"}"#, false), ("{}", false)]
        {
            assert_eq!(names_a_value(selector), named, "{selector}");
        }
    }

    #[test]
    fn a_query_reaches_as_far_as_its_longest_range() {
        assert_eq!(reach(r#"sum(rate({a="[9h]"}[5m])) / sum(rate({b="2"} | json [1h]))"#), Duration::from_secs(3600));
        assert_eq!(reach(r#"{a="b"}"#), Duration::ZERO);
    }

    #[test]
    fn a_condition_is_put_into_every_selector() {
        for (query, expected) in [
            (r#"{a="b"} |= "{x}""#, r#"{a="b", s!="w"} |= "{x}""#),
            (r#"rate({a="b",}[5m]) + rate({ }[5m])"#, r#"rate({a="b", s!="w"}[5m]) + rate({s!="w"}[5m])"#),
        ] {
            assert_eq!(with_matcher(query, r#"s!="w""#), expected);
        }
    }

    #[test]
    fn only_a_comment_at_the_end_is_left_out() {
        for (query, expected) in [
            ("{a=\"b\"} # why", "{a=\"b\"}"),
            ("{a=\"#b\"} |= `#`", "{a=\"#b\"} |= `#`"),
            ("{a=\"b\"} # one\n|= \"x\"", "{a=\"b\"} # one\n|= \"x\""),
            ("{a=\"b\\\"\"} # é #", "{a=\"b\\\"\"}"),
            ("# all", ""),
        ] {
            assert_eq!(without_comment(query), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(query in "[{}\\[\\]\"`#\\\\a=5mé \n]{0,40}") {
            for selector in selectors(&query) {
                let is_closed = selector.starts_with('{') && selector.ends_with('}');
                proptest::prop_assert!(is_closed);
            }
            let _ = reach(&query);
            proptest::prop_assert!(with_matcher(&query, "x").len() >= query.replace([',', ' ', '\n'], "").len());
        }
    }
}
