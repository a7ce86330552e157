//! TraceQL that says no more than a plain query can, as the presets write it: so that it can be opened, typed and completed where no
//! TraceQL is known too.

use compact_str::CompactString;

use crate::{model::trace_source::PlainQuery, time_input};

/// The plain query that a TraceQL stands for, where there is one. Services are named by this resource attribute, if not by
/// `service.name`.
pub fn plain_of(traceql: &str, service_attributes: &[String]) -> Option<PlainQuery> {
    let inside = traceql.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut plain = PlainQuery::default();
    for condition in conditions(inside)? {
        let (name, op, value) = split(condition)?;
        match (name, op) {
            ("status", "=") if value == "error" => plain.failed = true,
            ("duration" | "traceDuration", ">") => plain.longer_than = Some(time_input::parse_duration(value)?),
            ("name", "=") => plain.name = Some(unquoted(value)?),
            (name, "=") => match (name.strip_prefix("resource."), bare(name)) {
                (Some(own), _) if is_service(own, service_attributes) => plain.service = Some(unquoted(value)?),
                (_, Some(bare)) => plain.tags.push((bare.into(), unquoted(value)?)),
                _ => return None,
            },
            _ => return None,
        }
    }
    Some(plain)
}

/// Whether a resource attribute names services, which are named by these or, if there are none, by `service.name`.
pub fn is_service(attribute: &str, named_by: &[String]) -> bool {
    if named_by.is_empty() { attribute == "service.name" } else { named_by == [attribute] }
}

/// An attribute without where it is looked for.
fn bare(name: &str) -> Option<&str> {
    ["span.", "resource.", "."].iter().find_map(|scope| name.strip_prefix(scope))
}

/// What is between `&&`, all of which must be true; `None` where more is said in another way.
fn conditions(inside: &str) -> Option<Vec<&str>> {
    let (mut all, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '&' if inside[at..].starts_with("&&") => {
                all.push(inside[start..at].trim());
                start = at + 2;
            }
            '{' | '}' | '|' | '(' | ')' | '`' => return None,
            _ => {}
        }
    }
    let last = inside[start..].trim();
    if !all.is_empty() || !last.is_empty() {
        all.push(last);
    }
    (!quoted).then_some(all)
}

/// `name = value`. What else compares is no part of it: its sign sticks to the name or the value.
fn split(condition: &str) -> Option<(&str, &str, &str)> {
    let at = condition.find(['=', '>'])?;
    let (name, value) = (condition[..at].trim(), condition[at + 1..].trim());
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    is_name.then_some((name, &condition[at..=at], value))
}

fn unquoted(value: &str) -> Option<CompactString> {
    // As redline writes them they are JSON's.
    serde_json::from_str::<String>(value).ok().map(CompactString::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_more_has_no_plain_words() {
        for traceql in [
            "{ status=error } | select(name)",
            "{ status!=error }",
            "{ status=ok }",
            "{ duration >= 1s }",
            "{ duration > a }",
            "{ span.a=~\"b.*\" }",
            "{ span.a=1 }",
            "{ span.a=\"b }",
            "{ a=\"b\" || c=\"d\" }",
            "{ kind=server }",
            "{ && }",
            "{ } >> { }",
            "status=error",
            "",
        ] {
            assert_eq!(plain_of(traceql, &[]), None, "{traceql}");
        }
    }
}
