//! From the scope to LogQL.

use std::time::Duration;

use compact_str::CompactString;

use super::{
    conditions::{drops, matchers, stages},
    places,
};
use crate::{
    core::scope::Scope,
    log_fields::trace_id::{named, written},
    logql_parts::without_comment,
    model::{
        labels::{MatchOp, Matcher, quote, selector},
        log::Level,
        log_labels::LogLabels,
        trace::TraceId,
    },
    store::Condition,
};

/// What is asked for a scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The query as it is shown and edited.
    pub(crate) base: String,
    /// The same for the service's streams that another label names.
    pub(crate) also: Vec<String>,
    /// The labels that tell the streams of these queries apart.
    pub(crate) apart: Vec<CompactString>,
    /// The streams to join; more than one where a trace id may be metadata or text, or another label names the service too.
    pub(crate) streams: Vec<String>,
    /// Conditions of the scope that no log label has.
    pub(crate) unapplied: Vec<String>,
}

/// Streams that are joined, at the most. Those for which no tail is opened any more ([`TAILS`](crate::source::loki::TAILS)) are
/// polled.
pub(crate) const STREAMS: usize = 12;

/// Scope matchers that streams or their metadata usually have.
const LOG_LABELS: [&str; 8] = ["namespace", "pod", "container", "cluster", "level", "detected_level", "host", "node"];

/// What narrows a query on the page itself.
#[derive(Clone, Copy, Default)]
pub(super) struct Narrow<'a> {
    /// LogQL in place of the scope's own, with a second query where one is not enough.
    pub(super) typed: Option<(&'a str, Option<&'a str>)>,
    /// What selects the service's streams that another label names.
    pub(super) elsewhere: &'a [Vec<Matcher>],
    pub(super) conditions: &'a [Condition],
    pub(super) level: Level,
}

/// The queries of a scope, for those who read all of its lines in order: one, and one for the service's streams that each other
/// label names.
pub(crate) fn of_scope(scope: &Scope, labels: &LogLabels, elsewhere: &[Vec<Matcher>]) -> Plan {
    let narrow = Narrow { elsewhere, ..Narrow::default() };
    let plan = plan(scope, labels, narrow);
    let Some(id) = scope.trace else { return plan };
    let said = said(scope, labels);
    let query = |service: &[Matcher]| format!("{}{}{}", selector(&said.of(service)), said.stages, of_trace_at_once(id));
    let first = services(scope, labels);
    let all = [first.as_slice()].into_iter().chain(elsewhere.iter().map(Vec::as_slice)).take(STREAMS);
    Plan::of(all.map(query).collect(), Narrow::default(), plan.unapplied)
}

/// The query of a scope, or of what was typed, narrowed.
pub(super) fn plan(scope: &Scope, labels: &LogLabels, narrow: Narrow<'_>) -> Plan {
    let Narrow { typed, conditions, .. } = narrow;
    if let Some((typed, also)) = typed {
        let bases = [Some(typed), also].into_iter().flatten().map(|q| format!("{}{}", without_comment(q), stages(conditions, true)));
        return Plan::of(bases.collect(), narrow, Vec::new());
    }
    let said = said(scope, labels);
    let stages = stages(conditions, false);
    let bases = |service: &[Matcher]| {
        let matchers: Vec<Matcher> = said.of(service).into_iter().chain(matchers(conditions)).collect();
        let selected = format!("{}{}", selector(&matchers), said.stages);
        match scope.trace {
            None => vec![format!("{selected}{stages}")],
            Some(id) => of_trace(id).map(|own| format!("{selected}{own}{stages}")).into(),
        }
    };
    let own = services(scope, labels);
    let apart = [own.as_slice()].into_iter().chain(narrow.elsewhere.iter().map(Vec::as_slice)).filter_map(<[Matcher]>::first);
    let apart = apart.map(|matcher| matcher.name.clone()).collect();
    let first = bases(&own);
    let others: Vec<Vec<String>> = narrow.elsewhere.iter().map(|service| bases(service)).take(STREAMS / first.len() - 1).collect();
    let also = others.iter().filter_map(|bases| bases.first().cloned()).collect();
    Plan { also, apart, ..Plan::of(first.into_iter().chain(others.into_iter().flatten()).collect(), narrow, said.unapplied) }
}

/// What the conditions of a scope say of log lines.
#[derive(Default)]
struct Said {
    /// Of streams.
    selects: Vec<Matcher>,
    /// Of lines.
    stages: String,
    /// Those that no log label has.
    unapplied: Vec<String>,
}

impl Said {
    /// What selects the streams of a service.
    fn of(&self, service: &[Matcher]) -> Vec<Matcher> {
        [service, &self.selects].concat()
    }
}

fn said(scope: &Scope, labels: &LogLabels) -> Said {
    let mut out = Said::default();
    for matcher in &scope.matchers {
        if let Some(place) = places::condition(matcher, labels) {
            out.selects.extend(place.selects);
            out.stages.push_str(&place.stage);
        } else if LOG_LABELS.contains(&matcher.name.as_str()) || matcher.name.starts_with("k8s_") {
            out.stages.push_str(&format!(" | {matcher}"));
        } else {
            out.unapplied.push(format!("{}{}{}", matcher.name, matcher.op.as_str(), matcher.value));
        }
    }
    out
}

/// What selects a scope's services.
fn services(scope: &Scope, labels: &LogLabels) -> Vec<Matcher> {
    match &scope.service {
        // A trace goes through services of every kind.
        None if scope.trace.is_some() => vec![Matcher::new(labels.widest(), MatchOp::Regex, ".+")],
        service => service_matchers(service.as_deref(), labels),
    }
}

impl Plan {
    fn of(bases: Vec<String>, narrow: Narrow<'_>, unapplied: Vec<String>) -> Self {
        let rest = format!("{}{}", drops(narrow.conditions), level_stage(narrow.level));
        let streams = bases.iter().map(|b| format!("{b}{rest}")).collect();
        Self { base: bases.into_iter().next().unwrap_or_default(), also: Vec::new(), apart: Vec::new(), streams, unapplied }
    }
}

/// The stages for the lines of a trace: labels and structured metadata do not match a text, and a text is not in them, so that
/// both are asked.
pub(super) fn of_trace(id: TraceId) -> [String; 2] {
    [format!(" | {}", names_trace(id)), format!(" |~ {}", quote(&written(id)))]
}

/// The same lines in one question, which costs the server more: for those who read them all, in order.
pub(crate) fn of_trace_at_once(id: TraceId) -> String {
    const COPY: &str = "redline_line";
    let text = quote(&format!("(?s).*(?:{}).*", written(id)));
    format!(" | label_format {COPY}=`{{{{__line__}}}}` | {} or {COPY}=~{text} | drop {COPY}", names_trace(id))
}

fn names_trace(id: TraceId) -> String {
    named(id).iter().map(Matcher::to_string).collect::<Vec<_>>().join(" or ")
}

/// The volume by level of a plan, where it can be counted.
pub(super) fn volume(plan: &Plan, step: Duration) -> String {
    const LEVEL: &str = "detected_level";
    let counted = |query: &String, by: &str| format!("sum by ({by}) (count_over_time({query} [{}s]))", step.as_secs().max(1));
    if plan.also.is_empty() {
        return counted(&plan.base, LEVEL);
    }
    // Summed before they are put together, or else there are as many series as streams. No stream is of two of the queries.
    let by: Vec<&str> = std::iter::once(LEVEL).chain(plan.apart.iter().map(CompactString::as_str)).collect();
    let all: Vec<String> = std::iter::once(&plan.base).chain(&plan.also).map(|query| counted(query, &by.join(", "))).collect();
    format!("sum by ({LEVEL}) ({})", all.join(" or "))
}

/// The level that is asked for where this one is shown.
pub(super) fn asked_level(level: Level) -> Level {
    if level <= Level::Debug { Level::Unknown } else { level }
}

/// Leaves out what Loki has found to be less bad, and nothing else: lines whose level it does not know (`unknown`, and all
/// of a Loki that detects none) are judged here, by what they say. What it hands out is never less than what is shown.
fn level_stage(level: Level) -> String {
    if asked_level(level) == Level::Unknown {
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
    use crate::model::{labels::Labels, log_labels::ServiceLabel, time::TimeWindow};

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
        let [labels, text] = plan.streams.as_slice() else { panic!("{plan:?}") };
        let pod = r#"{app="cart"} | pod="p1" or k8s_pod_name="p1""#;
        assert!(labels.starts_with(&format!(r#"{pod} | trace_id=~"[0-9a-f]*00000000000000ab|"#)), "{labels}");
        assert!(labels.contains(r#" or traceID=~"[0-9a-f]*"#) && labels.contains(r#" or traceparent=~""#), "{labels}");
        assert!(text.starts_with(&format!(r#"{pod} |~ "(?i:00000000000000ab|1-00000000-0000000000000000000000ab|"#)), "{text}");
        assert!(labels.ends_with(level) && text.ends_with(level), "{plan:?}");
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
    fn streams_of_another_label_are_joined_and_counted_and_searched_for_a_trace() {
        let elsewhere = [vec![Matcher::equal("app", "checkout"), Matcher::equal("service_name", "")]];
        let narrow = Narrow { elsewhere: &elsewhere, ..Narrow::default() };
        let (first, second) = (r#"{service_name="checkout"}"#, r#"{app="checkout", service_name=""}"#);
        let joined = plan(&scope("checkout"), &labels(), narrow);
        assert_eq!(joined.streams, [first, second]);
        let each = [first, second].map(|query| format!("sum by (detected_level, service_name, app) (count_over_time({query} [60s]))"));
        let counted = format!("sum by (detected_level) ({})", each.join(" or "));
        assert_eq!(volume(&joined, Duration::from_secs(60)), counted);
        let traced = plan(&scope("checkout").with_trace(TraceId(7), None), &labels(), narrow);
        assert_eq!(traced.streams.iter().map(|s| s.starts_with(first)).collect::<Vec<_>>(), [true, true, false, false]);
    }

    #[test]
    fn what_was_typed_is_taken_as_it_is() {
        let plan =
            plan(&scope("cart"), &labels(), Narrow { typed: Some(("{a=\"b\"} |= \"x\"", None)), level: Level::Warn, ..Narrow::default() });
        assert_eq!(plan.base, "{a=\"b\"} |= \"x\"");
        assert!(plan.streams[0].ends_with("information|notice\""), "{plan:?}");
        assert_eq!(volume(&plan, Duration::from_secs(30)), "sum by (detected_level) (count_over_time({a=\"b\"} |= \"x\" [30s]))");
    }
}
