//! The TraceQL that a scope and a preset stand for.

use std::time::Duration;

use super::{
    brush::Lengths,
    red::{By, Slow},
};
use crate::{
    app::Shared,
    core::scope::Scope,
    model::{
        labels::{MatchOp, Matcher, quote},
        trace_source::{Ability, PlainQuery},
    },
};

/// Which traces of the scope are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preset {
    /// With a span that failed.
    Failed,
    /// With a span above the service's threshold.
    Slow,
    /// All.
    All,
}

impl Preset {
    /// What a page begins with: the slow ones where the scope's alert is about time, which failed ones say nothing of.
    pub(super) fn of(scope: &Scope) -> Self {
        const WORDS: [&str; 8] = ["latency", "slow", "duration", "responsetime", "response_time", "apdex", "p95", "p99"];
        let is_about_time = |name: &str| WORDS.iter().any(|word| name.contains(word));
        let alert = scope.alert.as_ref().filter(|alert| is_about_time(&alert.name.to_lowercase()));
        if alert.is_some() { Self::Slow } else { Self::Failed }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Slow => "slow",
            Self::All => "all",
        }
    }

    pub(super) const fn next(self) -> Self {
        match self {
            Self::Failed => Self::Slow,
            Self::Slow => Self::All,
            Self::All => Self::Failed,
        }
    }
}

/// What the configuration says a service's spans are slow above.
pub(super) fn configured_slow(scope: &Scope, shared: &Shared) -> Option<Duration> {
    let configured = match &scope.service {
        Some(service) => shared.latency_threshold(service),
        None => shared.settings.latency_threshold,
    };
    configured.and_then(|s| Duration::try_from_secs_f64(s).ok())
}

/// The conditions of a scope.
fn conditions(scope: &Scope, shared: &Shared) -> Vec<String> {
    let service = scope.service.iter().map(|s| service_condition(s, &shared.settings.labels.traces_service));
    service.chain(scope.matchers.iter().filter_map(condition)).collect()
}

fn set(conditions: &[String]) -> String {
    if conditions.is_empty() { "{ }".to_owned() } else { format!("{{ {} }}", conditions.join(" && ")) }
}

/// The preset's TraceQL for a scope.
pub(super) fn traceql(preset: Preset, scope: &Scope, shared: &Shared, slow: Slow, lengths: Option<Lengths>) -> String {
    let mut all = conditions(scope, shared);
    match (preset, slow.by) {
        (Preset::Failed, _) => all.push("status=error".to_owned()),
        (Preset::Slow, By::Sample) if knows_traces(shared) => all.push(format!("traceDuration > {}", literal(slow.above))),
        (Preset::Slow, _) => all.push(format!("duration > {}", literal(slow.above))),
        (Preset::All, _) => {}
    }
    all.extend(of_lengths(shared, lengths));
    set(&all)
}

/// A typed query, of which only traces of these lengths are wanted.
pub(super) fn within(typed: &str, shared: &Shared, lengths: Option<Lengths>) -> String {
    let all = of_lengths(shared, lengths);
    if all.is_empty() { typed.to_owned() } else { with_stage(typed, &set(&all)) }
}

/// A query with one more stage: before its hints, which are the last.
pub(super) fn with_stage(query: &str, stage: &str) -> String {
    match query.rfind(" with ") {
        Some(at) if query.trim_end().ends_with(')') => format!("{} | {stage}{}", &query[..at], &query[at..]),
        _ => format!("{query} | {stage}"),
    }
}

/// Whether the server knows how long a trace takes. `traceDuration` is no older than `<<`.
fn knows_traces(shared: &Shared) -> bool {
    shared.traces.value().is_some_and(|able| able.has.contains(&Ability::Structural))
}

/// The conditions on a trace's length; none where the server knows none, and what it tells is held to them here.
fn of_lengths(shared: &Shared, lengths: Option<Lengths>) -> Vec<String> {
    let Some(lengths) = lengths.filter(|_| knows_traces(shared)) else { return Vec::new() };
    let least = (!lengths.least.is_zero()).then(|| format!("traceDuration >= {}", literal(lengths.least)));
    least.into_iter().chain(lengths.below.map(|below| format!("traceDuration < {}", literal(below)))).collect()
}

/// The spans by which a scope's requests are counted: those that come to its service, or the first ones of traces.
pub(super) fn entry_spans(scope: &Scope, shared: &Shared) -> String {
    let mut all = conditions(scope, shared);
    all.push(if scope.service.is_some() { "(kind=server || kind=consumer)" } else { "nestedSetParent<0" }.to_owned());
    set(&all)
}

/// The same for those who know no TraceQL.
pub(super) fn plain(preset: Preset, scope: &Scope, slow: Slow) -> PlainQuery {
    let bare = |name: &str| ["span.", "resource.", "."].iter().find_map(|scope| name.strip_prefix(scope)).unwrap_or(name).into();
    let tag = |m: &Matcher| Some((bare(attribute(m).filter(|_| m.op == MatchOp::Equal)?), m.value.clone()));
    PlainQuery {
        service: scope.service.clone(),
        name: None,
        tags: scope.matchers.iter().filter_map(tag).collect(),
        failed: preset == Preset::Failed,
        longer_than: (preset == Preset::Slow).then_some(slow.above),
    }
}

/// Of several attributes of the configuration, any may name the service.
fn service_condition(service: &str, own: &[String]) -> String {
    let equal = |name: &str| format!("resource.{name}={}", quote(service));
    match own {
        [] => equal("service.name"),
        [name] => equal(name),
        names => format!("({})", names.iter().map(|n| equal(n)).collect::<Vec<_>>().join(" || ")),
    }
}

/// Names of the scope's labels that are not applied: spans know nothing of them, or, without TraceQL, they are no equality.
pub(super) fn not_applied(scope: &Scope, traceql: bool) -> Vec<&str> {
    scope.matchers.iter().filter(|m| attribute(m).is_none() || !(traceql || m.op == MatchOp::Equal)).map(|m| m.name.as_str()).collect()
}

fn condition(matcher: &Matcher) -> Option<String> {
    let name = attribute(matcher)?;
    let scoped = ["span.", "resource.", "."].iter().any(|prefix| name.starts_with(prefix));
    let dot = if scoped { "" } else { "." };
    Some(format!("{dot}{name}{}{}", matcher.op.as_str(), quote(&matcher.value)))
}

/// The attribute that a scope's label is, where it obviously is one: one with dots, or the form that Prometheus gives to an
/// attribute of OpenTelemetry's conventions. Other labels mean different things in different instrumentations, and a guess
/// would hide traces.
fn attribute(matcher: &Matcher) -> Option<&str> {
    Some(match matcher.name.as_str() {
        "http_route" => "span.http.route",
        "http_request_method" => "span.http.request.method",
        "service_version" => "resource.service.version",
        "service_instance_id" => "resource.service.instance.id",
        "deployment_environment_name" => "resource.deployment.environment.name",
        "pod" | "k8s_pod_name" => "resource.k8s.pod.name",
        "node" | "k8s_node_name" => "resource.k8s.node.name",
        "k8s_namespace_name" => "resource.k8s.namespace.name",
        dotted if dotted.contains('.') && dotted.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) => dotted,
        _ => return None,
    })
}

/// A duration as TraceQL writes it, in one whole unit.
fn literal(d: Duration) -> String {
    match d.as_nanos() {
        ns if ns % 1_000_000_000 == 0 => format!("{}s", ns / 1_000_000_000),
        ns if ns % 1_000_000 == 0 => format!("{}ms", ns / 1_000_000),
        ns => format!("{ns}ns"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{super::red::USUAL, *};
    use crate::{
        app::testing::test_shared,
        model::{
            labels::MatchOp,
            time::{TimeWindow, Timestamp},
            trace_source::Abilities,
        },
        traceql_plain::plain_of,
    };

    fn scope() -> Scope {
        Scope::new("prod", TimeWindow::Last(Duration::from_secs(3600)))
    }

    fn traceql(preset: Preset, scope: &Scope, shared: &Shared) -> String {
        let above = configured_slow(scope, shared).unwrap_or(Duration::from_secs(1));
        super::traceql(preset, scope, shared, Slow { above, by: By::Configured }, None)
    }

    #[test]
    fn a_preset_asks_for_the_scopes_service() {
        let shared = test_shared();
        let checkout = scope().with_service("checkout");
        for (preset, scope, expected) in [
            (Preset::Failed, &checkout, r#"{ resource.service.name="checkout" && status=error }"#),
            (Preset::Slow, &checkout, r#"{ resource.service.name="checkout" && duration > 1s }"#),
            (Preset::All, &checkout, r#"{ resource.service.name="checkout" }"#),
            (Preset::Failed, &scope(), "{ status=error }"),
            (Preset::All, &scope(), "{ }"),
            (Preset::All, &scope().with_service("a\"b"), r#"{ resource.service.name="a\"b" }"#),
        ] {
            assert_eq!(traceql(preset, scope, &shared), expected);
        }
    }

    #[test]
    fn attributes_of_the_configuration_name_the_service() {
        let mut shared = test_shared();
        let checkout = scope().with_service("checkout");
        shared.settings.labels.traces_service = vec!["k8s.deployment.name".to_owned()];
        assert_eq!(traceql(Preset::All, &checkout, &shared), r#"{ resource.k8s.deployment.name="checkout" }"#);
        shared.settings.labels.traces_service.push("app".to_owned());
        let expected = r#"{ (resource.k8s.deployment.name="checkout" || resource.app="checkout") && status=error }"#;
        assert_eq!(traceql(Preset::Failed, &checkout, &shared), expected);
    }

    #[test]
    fn slow_is_what_the_services_threshold_says() {
        let mut shared = test_shared();
        shared.settings.service_thresholds.insert("checkout".to_owned(), (None, Some(0.3)));
        let query = traceql(Preset::Slow, &scope().with_service("checkout"), &shared);
        assert!(query.ends_with("duration > 300ms }"), "{query}");
        shared.settings.latency_threshold = Some(2.0);
        assert_eq!(traceql(Preset::Slow, &scope(), &shared), "{ duration > 2s }");
    }

    #[test]
    fn labels_that_are_attributes_narrow_and_the_others_are_told() {
        let scope = scope()
            .with_matcher(Matcher::equal("http_route", "/pay"))
            .with_matcher(Matcher::equal("route", "/pay"))
            .with_matcher(Matcher::new("span.db.system", MatchOp::Regex, "post.*"))
            .with_matcher(Matcher::equal("cloud.region", "eu"));
        let query = traceql(Preset::All, &scope, &test_shared());
        assert_eq!(query, r#"{ span.http.route="/pay" && span.db.system=~"post.*" && .cloud.region="eu" }"#);
        assert_eq!(not_applied(&scope, true), ["route"]);
        assert_eq!(not_applied(&scope, false), ["route", "span.db.system"]);
        let told = plain(Preset::Failed, &scope, USUAL);
        assert_eq!(told.to_string(), "http.route=/pay cloud.region=eu error");
    }

    #[test]
    fn a_box_is_a_condition_on_the_trace_and_a_stage_of_what_was_typed() {
        let mut shared = test_shared();
        let none = within("{ }", &shared, Some(Lengths { least: Duration::from_secs(1), below: None }));
        assert_eq!(none, "{ }", "an old server does not know it");
        let able = Abilities { has: vec![Ability::Structural], ..Abilities::default() };
        shared.traces.settle(Timestamp::ZERO, Ok(Arc::new(able)));
        let ms = Duration::from_millis;
        let lengths = Some(Lengths { least: ms(200), below: Some(ms(4001)) });
        let expected = r#"{ resource.service.name="web" && status=error && traceDuration >= 200ms && traceDuration < 4001ms }"#;
        assert_eq!(super::traceql(Preset::Failed, &scope().with_service("web"), &shared, USUAL, lengths), expected);
        let short = Some(Lengths { least: ms(0), below: Some(ms(5)) });
        assert_eq!(
            within("{ } >> { } with (most_recent=true)", &shared, short),
            "{ } >> { } | { traceDuration < 5ms } with (most_recent=true)"
        );
        assert_eq!(within("{ }", &shared, None), "{ }");
        assert_eq!(entry_spans(&scope(), &shared), "{ nestedSetParent<0 }");
    }

    #[test]
    fn what_the_presets_write_is_read_as_what_they_ask() {
        let shared = test_shared();
        let slow = Slow { above: Duration::from_millis(431), by: By::Configured };
        let narrow = scope().with_service("a \"b\" && c").with_matcher(Matcher::equal("http_route", "/pay"));
        for scope in [scope(), narrow] {
            for preset in [Preset::Failed, Preset::Slow, Preset::All] {
                let traceql = super::traceql(preset, &scope, &shared, slow, None);
                assert_eq!(plain_of(&traceql, &[]), Some(plain(preset, &scope, slow)), "{traceql}");
            }
        }
        let own = plain_of(r#"{ resource.app="cart" }"#, &["app".to_owned()]);
        assert_eq!(own.unwrap().service.as_deref(), Some("cart"));
    }
}
