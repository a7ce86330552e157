//! Who wrote a line, where the tool that gathered lines of several put their names before them.

use crate::model::log::Level;

/// What stands before a line, as labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin<'a> {
    /// All of it.
    pub(super) prefix: &'a str,
    pod: Option<&'a str>,
    container: Option<&'a str>,
}

impl<'a> Origin<'a> {
    /// Names and values.
    pub(super) fn labels(self) -> impl Iterator<Item = (&'static str, &'a str)> {
        [("pod", self.pod), ("container", self.container)].into_iter().filter_map(|(name, value)| Some((name, value?)))
    }
}

/// `==> app.log <==`: `tail` says of which file the next lines are.
pub(super) fn named_by_tail(text: &str) -> Option<&str> {
    let name = text.strip_prefix("==> ")?.strip_suffix(" <==")?;
    Some(if name == "standard input" { "-" } else { name }).filter(|name| !name.is_empty())
}

/// Takes off what `kubectl logs --prefix`, stern or `docker compose logs` put before a line.
pub(super) fn open(text: &str) -> Option<(Origin<'_>, &str)> {
    if text.starts_with('[') {
        return kubectl(text);
    }
    compose(text).or_else(|| stern(text))
}

/// `[pod/orders-7d9f-k2vq/app] message`
fn kubectl(text: &str) -> Option<(Origin<'_>, &str)> {
    let (names, rest) = text.strip_prefix("[pod/")?.split_once("] ")?;
    let (pod, container) = names.split_once('/')?;
    let prefix = &text[..text.len() - rest.len()];
    (is_name(pod) && is_name(container)).then_some((Origin { prefix, pod: Some(pod), container: Some(container) }, rest))
}

/// `orders-1  | message`: the number tells the name of a container from a level.
fn compose(text: &str) -> Option<(Origin<'_>, &str)> {
    const NEAR: usize = 80;
    let bar = memchr::memchr(b'|', &text.as_bytes()[..text.len().min(NEAR)])?;
    let name = text[..bar].trim_end();
    let is_numbered = name.rsplit_once(['-', '_']).is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let fits = is_numbered && is_name(name) && name.len() < bar && Level::parse(name).is_none();
    let rest = &text[bar + 1..];
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let prefix = &text[..text.len() - rest.len()];
    fits.then_some((Origin { prefix, pod: None, container: Some(name) }, rest))
}

/// `orders-6c5b8d7f9-k2vq4 app message`: a pod of a Deployment is known by the ends of its name.
fn stern(text: &str) -> Option<(Origin<'_>, &str)> {
    let (pod, rest) = text.split_once(' ')?;
    let (container, message) = rest.split_once(' ')?;
    let mut ends = pod.rsplitn(3, '-');
    let (own, set, name) = (ends.next()?, ends.next()?, ends.next()?);
    let is_end = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let is_pod = is_end(own, 5..=5) && is_end(set, 6..=10) && set.bytes().any(|b| b.is_ascii_digit()) && is_name(name);
    let prefix = &text[..text.len() - message.len()];
    (is_pod && is_name(container)).then_some((Origin { prefix, pod: Some(pod), container: Some(container) }, message))
}

/// As Kubernetes and Docker name things.
fn is_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= 253 && text.bytes().all(fits) && text.as_bytes()[0].is_ascii_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_before_lines_are_taken_off() {
        for (text, pod, container, rest) in [
            ("[pod/orders-7d9f-k2vq/app] {\"a\":1}", Some("orders-7d9f-k2vq"), "app", "{\"a\":1}"),
            ("orders-1  | 2026-11-22 x", None, "orders-1", "2026-11-22 x"),
            ("shop_db_1 |", None, "shop_db_1", ""),
            ("orders-6c5b8d7f9-k2vq4 app  started", Some("orders-6c5b8d7f9-k2vq4"), "app", " started"),
        ] {
            let (origin, left) = open(text).unwrap();
            assert_eq!((origin.pod, origin.container, left), (pod, Some(container), rest), "{text}");
            assert_eq!(format!("{}{left}", origin.prefix), text);
        }
        for text in [
            "",
            "[main] started",
            "[pod/x] y",
            "INFO | started",
            "2026-11-22 05:01:02.123 | INFO | started",
            "user-1|x",
            "in-the-end it worked",
            "built-in-feature-x was off",
        ] {
            assert_eq!(open(text), None, "{text}");
        }
    }
}
