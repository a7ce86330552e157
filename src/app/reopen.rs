//! The command line that opens exactly this view again: what `y` yanks and a pager can link to.

use crate::{
    config::COMMAND_LINE,
    model::{labels::MatchOp, time::TimeWindow},
    views::{Look, View, Yank},
};

/// The yank entry with the command line.
pub(super) fn yank(view: &dyn View, look: &Look<'_>) -> Yank {
    Yank { label: "command line".to_owned(), text: command_line(view, look) }
}

fn command_line(view: &dyn View, look: &Look<'_>) -> String {
    let scope = look.scope;
    let mut words = vec!["redline".to_owned()];
    words.extend(look.shared.settings.reopen.iter().cloned());
    if look.shared.settings.read_only {
        words.push("--read-only".to_owned());
    }
    let mut option = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    // Addresses given as options are an environment without a name that could be chosen.
    if !scope.environment.is_empty() && scope.environment != COMMAND_LINE {
        option("env", scope.environment.to_string());
    }
    option("view", view.kind().name().to_owned());
    if let Some(service) = &scope.service {
        option("service", service.to_string());
    }
    for matcher in scope.matchers.iter().filter(|m| m.op == MatchOp::Equal) {
        option("label", format!("{}={}", matcher.name, matcher.value));
    }
    if let Some(alert) = &scope.alert {
        option("alert", alert.name.to_string());
    }
    if let Some(trace) = scope.trace {
        option("trace", trace.to_string());
    }
    match scope.window {
        TimeWindow::Last(d) => option("since", format!("{}s", d.as_secs())),
        TimeWindow::EVERYTHING => {}
        TimeWindow::Since(t) => option("from", crate::ui::format::rfc3339(t)),
        TimeWindow::Fixed(r) => {
            option("from", crate::ui::format::rfc3339(r.start));
            option("to", crate::ui::format::rfc3339(r.end));
        }
    }
    words.extend(view.reopen(look));
    words.iter().map(|w| shell_quote(w)).collect::<Vec<_>>().join(" ")
}

/// A word as a POSIX shell reads it back. Control characters of a hostile label must not reach the clipboard.
fn shell_quote(word: &str) -> String {
    let word: String = word.chars().filter(|c| !c.is_control()).collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(shell_quote("orders"), "orders");
        assert_eq!(shell_quote("a\u{1b}[201~\nb"), "'a[201~b'");
        assert_eq!(shell_quote("{a=\"b\"} |= `it's`"), r#"'{a="b"} |= `it'\''s`'"#);
    }
}
