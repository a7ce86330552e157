//! `| pattern "<ip> - <_> [<time>]"`.

/// Literals and captures in turn.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Debug, PartialEq)]
enum Part {
    Literal(String),
    /// `None` for `<_>`.
    Capture(Option<String>),
}

impl Pattern {
    /// Parses a pattern.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some((name, after)) = capture(rest) {
                if matches!(parts.last(), Some(Part::Capture(_))) {
                    return Err(format!("found consecutive capture '<{name}>'"));
                }
                parts.push(Part::Capture((name != "_").then(|| name.to_owned())));
                rest = after;
                continue;
            }
            let Some(c) = rest.chars().next() else { break };
            match parts.last_mut() {
                Some(Part::Literal(literal)) => literal.push(c),
                _ => parts.push(Part::Literal(c.to_string())),
            }
            rest = &rest[c.len_utf8()..];
        }
        if !parts.iter().any(|p| matches!(p, Part::Capture(Some(_)))) {
            return Err("at least one capture is required".to_owned());
        }
        Ok(Self(parts))
    }

    /// Calls `found` with each named capture and its text.
    pub(super) fn captures<'l>(&self, line: &'l str, mut found: impl FnMut(&str, &'l str)) {
        let (mut parts, mut rest) = (self.0.as_slice(), line);
        if let [Part::Literal(literal), after @ ..] = parts {
            let Some(stripped) = rest.strip_prefix(literal.as_str()) else { return };
            (parts, rest) = (after, stripped);
        }
        if line.is_empty() {
            return;
        }
        while let [Part::Capture(name), after @ ..] = parts {
            let end = match after.first() {
                Some(Part::Literal(literal)) => rest.find(literal.as_str()).map(|i| (i, i + literal.len())),
                _ => None,
            };
            let (text, next) = end.map_or((rest, None), |(start, end)| (&rest[..start], Some(&rest[end..])));
            if let Some(name) = name {
                found(name, text);
            }
            let Some(next) = next else { return };
            (parts, rest) = (&after[1..], next);
        }
    }
}

/// `<name>` at the front, and what follows it.
fn capture(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('<')?.split_once('>')?;
    let mut chars = name.chars();
    let head = chars.next().is_some_and(|c| c == '_' || c.is_ascii_alphabetic());
    (head && chars.all(|c| c == '_' || c.is_ascii_alphanumeric())).then_some((name, after))
}
