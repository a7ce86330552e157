//! From the scope to LogQL.

use std::time::Duration;

use super::conditions::{drops, matchers, stages};
use crate::{
    core::scope::Scope,
    log_fields::trace_id::written,
    logql_parts::without_comment,
    model::{
        labels::{MatchOp, Matcher, quote, selector},
        log::Level,
        log_labels::LogLabels,
    },
    store::Condition,
};

/// What is asked for a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The query as it is shown and edited.
    pub(crate) base: String,
    /// The streams to join; more than one where a trace id may be metadata or text.
    pub(crate) streams: Vec<String>,
    /// Conditions of the scope that no log label has.
    pub(crate) unapplied: Vec<String>,
}

/// Scope matchers that streams or their metadata usually have.
const LOG_LABELS: [&str; 8] = ["namespace", "pod", "container", "cluster", "level", "detected_level", "host", "node"];

/// What narrows a query on the page itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Narrow<'a> {
    /// LogQL in place of the scope's own, with a second query where one is not enough.
    pub(super) typed: Option<(&'a str, Option<&'a str>)>,
    pub(super) conditions: &'a [Condition],
    pub(super) level: Level,
}

/// The query of a scope.
pub(crate) fn of_scope(scope: &Scope, labels: &LogLabels) -> Plan {
    plan(scope, labels, Narrow::default())
}

/// The query of a scope, or of what was typed, narrowed.
pub(super) fn plan(scope: &Scope, labels: &LogLabels, narrow: Narrow<'_>) -> Plan {
    let Narrow { typed, conditions, .. } = narrow;
    let (applied, unapplied): (Vec<&Matcher>, Vec<&Matcher>) =
        scope.matchers.iter().partition(|m| LOG_LABELS.contains(&m.name.as_str()) || m.name.starts_with("k8s_"));
    if let Some((typed, also)) = typed {
        let bases = [Some(typed), also].into_iter().flatten().map(|q| format!("{}{}", without_comment(q), stages(conditions, true)));
        return Plan::of(bases.collect(), narrow, Vec::new());
    }
    let own: String = applied.iter().map(|m| format!(" | {m}")).collect();
    let matchers: Vec<Matcher> = service_matchers(scope.service.as_deref(), labels).into_iter().chain(matchers(conditions)).collect();
    let selected = format!("{}{own}", selector(&matchers));
    let stages = stages(conditions, false);
    let bases = match scope.trace {
        None => vec![format!("{selected}{stages}")],
        // Structured metadata does not match a text, and a text is not in the metadata: both are asked.
        Some(id) => [format!("| trace_id={}", quote(&id.to_string())), format!("|~ {}", quote(&written(id)))]
            .map(|own| format!("{selected} {own}{stages}"))
            .into(),
    };
    let unapplied = unapplied.iter().map(|m| format!("{}{}{}", m.name, m.op.as_str(), m.value)).collect();
    Plan::of(bases, narrow, unapplied)
}

impl Plan {
    fn of(bases: Vec<String>, narrow: Narrow<'_>, unapplied: Vec<String>) -> Self {
        let rest = format!("{}{}", drops(narrow.conditions), level_stage(narrow.level));
        let streams = bases.iter().map(|b| format!("{b}{rest}")).collect();
        Self { base: bases.into_iter().next().unwrap_or_default(), streams, unapplied }
    }
}

/// The volume by level of a query, where it can be counted.
pub(super) fn volume(base: &str, step: Duration) -> String {
    format!("sum by (detected_level) (count_over_time({base} [{}s]))", step.as_secs().max(1))
}

/// Leaves out what Loki has found to be less bad, and nothing else: lines whose level it does not know (`unknown`, and all
/// of a Loki that detects none) are judged here, by what they say. What it hands out is never less than what is shown.
fn level_stage(level: Level) -> String {
    if level <= Level::Debug {
        return String::new();
    }
    format!(r#" | detected_level!~"(?i){}""#, level.words_below().collect::<Vec<_>>().join("|"))
}

/// What selects a service's streams; without a service all streams. Where no label names the service, lines that are yet to
/// come will have it in the label that names the others.
fn service_matchers(service: Option<&str>, labels: &LogLabels) -> Vec<Matcher> {
    let Some(service) = service else { return vec![Matcher::new(labels.first(), MatchOp::Regex, ".+")] };
    labels.matchers(service).unwrap_or_else(|| vec![Matcher::equal(labels.first(), service)])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{labels::Labels, log_labels::ServiceLabel, time::TimeWindow, trace::TraceId};

    fn labels() -> LogLabels {
        let row = |name: &str, values: &[&str]| ServiceLabel::new(name, values.iter().map(|v| (*v).into()).collect(), &Arc::default());
        LogLabels::new(
            vec![row("service_name", &["checkout"]), row("app", &["Orders", "cart"]), row("job", &["shop/mailer", "old/mailer"])],
            Vec::new(),
        )
    }

    fn scope(service: &str) -> Scope {
        let scope = Scope::new("prod", TimeWindow::Last(Duration::from_secs(60)));
        if service.is_empty() { scope } else { scope.with_service(service) }
    }

    #[test]
    fn a_service_is_found_under_the_label_that_has_it() {
        for (service, query) in [
            ("checkout", r#"{service_name="checkout"}"#),
            ("orders", r#"{app="Orders"}"#),
            ("mailer", r#"{job=~"old/mailer|shop/mailer"}"#),
            ("nobody", r#"{service_name="nobody"}"#),
            ("", r#"{service_name=~".+"}"#),
        ] {
            assert_eq!(plan(&scope(service), &labels(), Narrow::default()).base, query);
        }
    }

    #[test]
    fn a_trace_is_asked_for_in_metadata_and_in_text() {
        let scope = scope("cart")
            .with_trace(TraceId(0xab), None)
            .with_matcher(Matcher::equal("pod", "p1"))
            .with_matcher(Matcher::equal("route", "/a"));
        let plan = plan(&scope, &labels(), Narrow { level: Level::Error, ..Narrow::default() });
        let level = r#" | detected_level!~"(?i)trace|trc|debug|dbg|dbug|info|inf|information|notice|warn|warning|wrn""#;
        let id = "000000000000000000000000000000ab";
        let written = "00000000000000ab|1-00000000-0000000000000000000000ab";
        assert_eq!(
            plan.streams,
            [
                format!(r#"{{app="cart"}} | pod="p1" | trace_id="{id}"{level}"#),
                format!(r#"{{app="cart"}} | pod="p1" |~ "{written}"{level}"#)
            ]
        );
        assert_eq!(plan.unapplied, ["route=/a"]);
    }

    #[test]
    fn the_server_leaves_out_no_line_that_would_be_shown() {
        use crate::log_fields::{level::level, trace_id::Told};
        let words = [
            "",
            "unknown",
            "trace",
            "debug",
            "INFO",
            "information",
            "notice",
            "warn",
            "Warning",
            "error",
            "ERR",
            "severe",
            "critical",
            "fatal",
            "new",
        ];
        for least in [Level::Warn, Level::Error] {
            let stage = level_stage(least);
            let left_out = stage.split('"').nth(1).unwrap();
            let left_out = regex::Regex::new(&format!("^(?:{left_out})$")).unwrap();
            for (word, text) in
                words.iter().flat_map(|word| ["panic: no luck", "level=info msg=x", "plain words"].map(|text| (*word, text)))
            {
                // A label that is not there is an empty one to LogQL.
                let metadata: Labels = [("detected_level", word)].into_iter().filter(|(_, v)| !v.is_empty()).collect();
                let is_shown = level(&Told::by_metadata(&metadata), &Told::default(), text) >= least;
                assert!(!is_shown || !left_out.is_match(word), "{text} of level {word}");
                if Level::parse(word).is_some_and(|l| l < least) {
                    assert!(left_out.is_match(word), "{word} is asked for in vain");
                }
            }
        }
    }

    #[test]
    fn what_was_typed_is_taken_as_it_is() {
        let plan =
            plan(&scope("cart"), &labels(), Narrow { typed: Some(("{a=\"b\"} |= \"x\"", None)), level: Level::Warn, ..Narrow::default() });
        assert_eq!(plan.base, "{a=\"b\"} |= \"x\"");
        assert!(plan.streams[0].ends_with("information|notice\""), "{plan:?}");
        assert_eq!(volume(&plan.base, Duration::from_secs(30)), "sum by (detected_level) (count_over_time({a=\"b\"} |= \"x\" [30s]))");
    }
}
