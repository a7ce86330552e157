//! Matchers as Alertmanager's users write them: `alertname="X"`, `severity=~"page|ticket"`, one or several.

use super::labels::{MatchOp, Matcher};

/// The operators, the longer ones first.
const OPERATORS: [(&str, MatchOp); 4] =
    [("=~", MatchOp::Regex), ("!~", MatchOp::NotRegex), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)];

/// Reads one matcher. Name and value may be quoted; [`Matcher`]'s own text is read back as the same matcher.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Matcher, String> {
    let (name, op, rest) = name_and_operator(text.trim())?;
    let value = match quoted(rest) {
        Some((value, "")) => value,
        Some((_, rest)) => return Err(format!("nothing may follow the value, but {rest} does")),
        None if rest.starts_with('"') => return Err("the value's closing \" is missing".to_owned()),
        None => unescaped(rest),
    };
    Ok(Matcher::new(name, op, value))
}

/// Reads `{a="b", c=~"d"}`, with or without its braces. Values that are not quoted end at a comma.
///
/// # Errors
/// What is wrong with the first that is no matcher.
pub fn parse_all(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.trim();
    let mut rest = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text).trim();
    let mut out = Vec::new();
    while !rest.is_empty() {
        let (name, op, after) = name_and_operator(rest)?;
        let (value, after) = match quoted(after) {
            Some(found) => found,
            None => {
                let (value, after) = after.split_at(after.find(',').unwrap_or(after.len()));
                (unescaped(value.trim()), after)
            }
        };
        out.push(Matcher::new(name, op, value));
        rest = match after.trim_start() {
            "" => "",
            after => after.strip_prefix(',').ok_or_else(|| format!("a comma is missing before {after}"))?.trim_start(),
        };
    }
    Ok(out)
}

fn name_and_operator(text: &str) -> Result<(String, MatchOp, &str), String> {
    let (name, rest) = match quoted(text) {
        Some(found) => found,
        None => {
            let end = text.find(['=', '!']).ok_or("write label=\"value\", with =, !=, =~ or !~")?;
            (plain_name(text[..end].trim_end())?, &text[end..])
        }
    };
    if name.is_empty() {
        return Err("a label's name comes first".to_owned());
    }
    let rest = rest.trim_start();
    let found = OPERATORS.into_iter().find_map(|(sign, op)| Some((op, rest.strip_prefix(sign)?)));
    let (op, rest) = found.ok_or("write one of =, !=, =~, !~ after the label's name")?;
    Ok((name, op, rest.trim_start()))
}

fn plain_name(name: &str) -> Result<String, String> {
    let classic = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match name.chars().find(|c| !classic(*c)) {
        Some(_) => Err(format!("write \"{name}\" in quotes: it is more than letters, digits and _")),
        None if name.starts_with(|c: char| c.is_ascii_digit()) => Err(format!("write \"{name}\" in quotes: it begins with a digit")),
        None => Ok(name.to_owned()),
    }
}

/// A double-quoted text at the start, unescaped, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.char_indices().find_map(|(i, c)| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(i)
    })?;
    Some((unescaped(&inner[..end]), inner[end + 1..].trim_start()))
}

/// As Alertmanager reads it: a backslash before what needs none is a backslash, so that `a\.b` stays the pattern it looks like.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let unicode = || after.strip_prefix('u').and_then(|t| t.get(..4)).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let (c, used) = match after.chars().next() {
            Some('n') => ('\n', 1),
            Some('r') => ('\r', 1),
            Some('t') => ('\t', 1),
            Some(c @ ('"' | '\\')) => (c, 1),
            Some('u') => unicode().and_then(char::from_u32).map_or(('\\', 0), |c| (c, 5)),
            _ => ('\\', 0),
        };
        out.push(c);
        rest = &after[used..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_every_form_and_says_what_is_wrong_with_the_rest() {
        let shown = |text| parse(text).map(|m| m.to_string());
        for (text, expected) in [
            ("alertname=\"X\"", r#"alertname="X""#),
            (" a != b c ", r#"a!="b c""#),
            ("a=", r#"a="""#),
            (r#"severity=~"a|\"b\"""#, r#"severity=~"a|\"b\"""#),
            (r#""service.name" !~ "x""#, r#""service.name"!~"x""#),
            (r#""größe"="10 €""#, r#""größe"="10 €""#),
            (r#"path=~"a\.b\d""#, r#"path=~"a\\.b\\d""#),
            (r"path=~a\.b", r#"path=~"a\\.b""#),
            (r#"text="one\ntwo\\""#, r#"text="one\ntwo\\""#),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
        for (text, word) in [
            ("a", "label=\"value\""),
            ("a=\"b", "closing"),
            ("=b", "name"),
            ("1a=b", "digit"),
            ("a.b=c", "quotes"),
            ("a=\"b\" c", "follow"),
            ("a!b", "one of"),
            ("", "label"),
        ] {
            assert!(shown(text).unwrap_err().contains(word), "{text}: {}", shown(text).unwrap_err());
        }
    }

    #[test]
    fn several_are_read_from_a_selector() {
        let shown = |text: &str| parse_all(text).map(|all| all.iter().map(Matcher::to_string).collect::<Vec<_>>().join(" "));
        assert_eq!(shown(r#"{a="b, c", d=~e|f, g!="h"}"#).as_deref(), Ok(r#"a="b, c" d=~"e|f" g!="h""#));
        assert_eq!(shown("a=b").as_deref(), Ok(r#"a="b""#));
        assert_eq!(shown("{}").as_deref(), Ok(""));
        assert!(shown(r#"a="b" c="d""#).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in "[a-z_.é\"\\\\]{1,8}", op in 0usize..4, value in "(.|\n|\"|\\\\|[\\.*+?()|{}^$]){0,20}") {
            let matcher = Matcher::new(name, OPERATORS[op].1, value);
            prop_assert_eq!(parse(&matcher.to_string()), Ok(matcher.clone()));
            prop_assert_eq!(parse_all(&format!("{matcher}, a=\"b\"")), Ok(vec![matcher, Matcher::equal("a", "b")]));
        }

        #[test]
        fn never_panics(text in "([a-z]|=|!|~|\"|\\\\|u|é| |,|\\{|\\}){0,24}") {
            let _ = (parse(&text), parse_all(&text));
        }
    }
}
