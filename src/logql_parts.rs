//! What of a LogQL tells how much it reads: its stream selectors, and how far their ranges reach back.

use std::time::Duration;

use crate::{model::log_size::Reach, time_input::parse_duration};

/// A part of a query outside of texts.
enum Part {
    /// `{…}` from one byte to another.
    Selector(usize, usize),
    /// What is between `[` and `]`.
    Range(usize, usize),
    /// From a `#` to the end of its line, or of the query.
    Comment(usize, usize),
}

/// All parts, in the order they end. What is not closed is none.
fn parts(query: &str) -> Vec<Part> {
    let (mut out, mut quote, mut is_escaped, mut comment, mut open) = (Vec::new(), None, false, None, None);
    for (at, c) in query.char_indices() {
        match quote {
            _ if comment.is_some() => {
                if c == '\n' {
                    out.extend(comment.take().map(|from| Part::Comment(from, at)));
                }
            }
            Some(_) if is_escaped => is_escaped = false,
            Some('"') if c == '\\' => is_escaped = true,
            Some(q) if c == q => quote = None,
            Some(_) => {}
            None => match (c, open) {
                ('"' | '`', _) => quote = Some(c),
                ('#', _) => comment = Some(at),
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
    out.extend(comment.map(|from| Part::Comment(from, query.len())));
    out
}

/// The stream selectors of a query, as they are written: several where a metric query joins as many.
pub fn selectors(query: &str) -> Vec<&str> {
    let of = |part: &Part| if let Part::Selector(from, to) = part { query.get(*from..*to) } else { None };
    parts(query).iter().filter_map(of).collect()
}

/// The selectors of a query, each with what it reads beside the window: `[5m]` begins so long before it, `offset 1d` reads
/// another time.
pub fn reads(query: &str) -> Vec<(&str, Reach)> {
    let mut out: Vec<(&str, Reach)> = Vec::new();
    for part in parts(query) {
        match part {
            Part::Selector(from, to) => out.extend(query.get(from..to).map(|selector| (selector, Reach::default()))),
            Part::Range(from, to) => {
                if let Some((_, reach)) = out.last_mut() {
                    reach.before = query.get(from..to).and_then(parse_duration).unwrap_or_default();
                    reach.offset = query.get(to + 1..).and_then(offset).unwrap_or_default();
                }
            }
            Part::Comment(..) => {}
        }
    }
    out
}

/// The offset that a text begins with. One into the future is none: what is not written yet costs nothing.
fn offset(text: &str) -> Option<Duration> {
    const WORD: &str = "offset";
    let text = text.trim_start();
    let rest = text.get(..WORD.len()).filter(|word| word.eq_ignore_ascii_case(WORD)).and(text.get(WORD.len()..))?;
    let rest = rest.strip_prefix(|c: char| c.is_whitespace())?.trim_start();
    parse_duration(&rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '.').unwrap_or(rest.len())])
}

/// The conditions of a selector: name, operator and the value between its quotes as it is written. `None`: it is none.
pub fn conditions(selector: &str) -> Option<Vec<(&str, &str, &str)>> {
    let mut rest = selector.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_at(rest.find(['=', '!'])?);
        let (op, after) = after.split_at(["!=", "=~", "!~", "="].into_iter().find(|op| after.starts_with(op))?.len());
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '`'))?;
        let mut is_escaped = false;
        let end = after.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == quote && !is_escaped;
            is_escaped = *c == '\\' && quote == '"' && !is_escaped;
            ends
        });
        let (end, _) = end?;
        out.push((name.trim(), op, &after[1..end]));
        rest = after[end + 1..].trim_start();
        rest = rest.strip_prefix(',').map_or(rest, str::trim_start);
    }
    Some(out)
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
            None if c == '=' && before != '!' && rest.peek() != Some(&'~') && !is_nothing(rest.clone()) => return true,
            None => {}
        }
        before = c;
    }
    false
}

/// Whether what follows is an empty text: a label that is not there.
fn is_nothing(rest: impl Iterator<Item = char>) -> bool {
    let mut text = rest.skip_while(|c| c.is_whitespace());
    matches!((text.next(), text.next()), (Some('"'), Some('"')) | (Some('`'), Some('`')))
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
    match parts(query).last() {
        Some(Part::Comment(from, end)) if *end == query.len() => query[..*from].trim_end(),
        _ => query,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conditions_of_a_selector_are_told_apart_whatever_their_values_hold() {
        let all = conditions(r#"{ app = "a,b=\"c\"" ,pod!~`x"y`, env=~"", }"#).unwrap();
        assert_eq!(all, [("app", "=", r#"a,b=\"c\""#), ("pod", "!~", "x\"y"), ("env", "=~", "")]);
        assert_eq!(conditions("{}"), Some(Vec::new()));
        for none in ["", "{app}", "{app=web}", r#"{app="web}"#, r#"{app="web" "#] {
            assert_eq!(conditions(none), None, "{none}");
        }
    }

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
        for (selector, named) in [
            (r#"{a="b"}"#, true),
            (r#"{a=~".+", b="", c= ``}"#, false),
            (r#"{a="", b="c"}"#, true),
            (r#"{a=~".+", b = `c`}"#, true),
            (r#"{a=~"b=c", d!="e", f!~"g\"=h"}"#, false),
            ("{}", false),
        ] {
            assert_eq!(names_a_value(selector), named, "{selector}");
        }
    }

    #[test]
    fn each_selector_reaches_as_far_as_its_own_range_and_offset() {
        let reach = |before, offset| Reach { before: Duration::from_secs(before), offset: Duration::from_secs(offset) };
        let query = r#"sum(rate({a="[9h]"}[5m])) / sum(rate({b="2"} | json [1h] offset 1d)) > bool sum(rate({c="3"}[2m] OFFSET -5m))"#;
        let expected = [(r#"{a="[9h]"}"#, reach(300, 0)), (r#"{b="2"}"#, reach(3600, 86_400)), (r#"{c="3"}"#, reach(120, 0))];
        assert_eq!(reads(query), expected);
        assert_eq!(reads(r#"{a="b"}"#), [(r#"{a="b"}"#, Reach::default())]);
        assert_eq!(reads("vector(1)"), []);
        assert_eq!(reads("[5m] {a}[x] offsetting 5m"), [("{a}", Reach::default())]);
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
            proptest::prop_assert_eq!(reads(&query).len(), selectors(&query).len());
            proptest::prop_assert!(with_matcher(&query, "x").len() >= query.replace([',', ' ', '\n'], "").len());
        }
    }
}
