//! Matchers as Alertmanager's `filter` parameter has them: `alertname="X"`, `severity=~"page|ticket"`.

use crate::model::labels::{MatchOp, Matcher};

/// Reads one matcher; the value may be quoted.
///
/// # Errors
/// It is not a matcher; the message is for the client.
pub fn parse(text: &str) -> Result<Matcher, String> {
    let text = text.trim();
    if text.starts_with('{') || text.ends_with('}') {
        return Err(format!("bad matcher format: {text}: unexpected open or close brace"));
    }
    let bad = || format!("bad matcher format: {text}");
    let (name, rest) = if text.starts_with('"') { quoted(text).ok_or_else(bad)? } else { plain_name(text).ok_or_else(bad)? };
    let rest = rest.trim_start();
    let operators = [("=~", MatchOp::Regex), ("!~", MatchOp::NotRegex), ("!=", MatchOp::NotEqual), ("=", MatchOp::Equal)];
    let (op, rest) = operators.into_iter().find_map(|(sign, op)| Some((op, rest.strip_prefix(sign)?))).ok_or_else(bad)?;
    let rest = rest.trim_start();
    let value = match quoted(rest) {
        Some((value, "")) => value,
        None if !rest.contains(['"', ',']) => rest.to_owned(),
        _ => return Err(bad()),
    };
    Ok(Matcher::new(name, op, value))
}

fn plain_name(text: &str) -> Option<(String, &str)> {
    let end = text.find(['=', '!', ' '])?;
    let name = &text[..end];
    let first = name.chars().next()?;
    let valid = (first.is_ascii_alphabetic() || first == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    valid.then(|| (name.to_owned(), &text[end..]))
}

/// A double-quoted string at the start, unescaped, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.char_indices();
    let mut out = String::new();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[i + 2..])),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                other => out.push(other),
            },
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_and_refuses_the_rest() {
        let shown = |text| parse(text).map(|m| m.to_string());
        assert_eq!(shown("alertname=\"X\"").as_deref(), Ok("alertname=\"X\""));
        assert_eq!(shown("a != b").as_deref(), Ok("a!=\"b\""));
        assert_eq!(shown(r#"severity=~"a|\"b\"""#).as_deref(), Ok(r#"severity=~"a|\"b\"""#));
        assert_eq!(shown(r#""service.name"!~"x""#).as_deref(), Ok(r#""service.name"!~"x""#));
        for wrong in ["{a=\"b\"}", "a", "a=\"b", "=b", "1a=b", "a=\"b\",c=\"d\"", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
