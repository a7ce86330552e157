//! Rule files as Prometheus reads them, checked as strictly.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use crate::demo::promql::{Expr, QueryError, parse, parse_duration};

/// Interval of groups that have none.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(15);

/// Why a rule file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// It does not have the form of a rule file.
    #[error("rules: {0}")]
    Form(#[from] serde_json::Error),
    /// A rule's expression is wrong or not supported by the demo.
    #[error("rule {rule}: {error}")]
    Expr {
        /// Name of the rule.
        rule: String,
        /// What is wrong.
        error: QueryError,
    },
    /// A field has a wrong value.
    #[error("group {group}: {message}")]
    Field {
        /// Name of the group.
        group: String,
        /// What is wrong.
        message: String,
    },
}

/// The shop's rules, which the build makes of `rules.yml`: a YAML parser is as large as all the views.
const SHOP: &str = include_str!(concat!(env!("OUT_DIR"), "/rules.json"));

/// What a rule file says, not looked at yet.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleFile {
    groups: Vec<RawGroup>,
}

impl RuleFile {
    /// The rules of the demo's shop, which real Prometheus servers evaluate as well.
    ///
    /// # Errors
    /// They do not have the form of a rule file.
    pub fn shop() -> Result<Self, RuleError> {
        Ok(serde_json::from_str(SHOP)?)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    name: String,
    interval: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    rules: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    record: Option<String>,
    alert: Option<String>,
    expr: String,
    #[serde(rename = "for")]
    hold: Option<String>,
    keep_firing_for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// A group of rules that are evaluated at the same instants.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Time between evaluations, at least a second.
    pub interval: Duration,
    /// Its rules in order.
    pub rules: Vec<Rule>,
}

/// What a rule makes.
#[derive(Clone, Debug)]
pub enum RuleKind {
    /// A series of the rule's name.
    Record,
    /// Alerts.
    Alert {
        /// How long the expression must hold before the alert fires.
        hold: Duration,
        /// How long it goes on firing afterwards.
        keep_firing_for: Duration,
        /// Templates of its annotations.
        annotations: BTreeMap<String, String>,
    },
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Name of the series or the alert.
    pub name: String,
    /// What is evaluated.
    pub expr: Expr,
    /// Labels added to what it makes; templates for alerts.
    pub labels: BTreeMap<String, String>,
    /// What it makes.
    pub kind: RuleKind,
}

/// Looks at what a rule file says.
///
/// # Errors
/// A field is wrong, or a rule cannot be evaluated by the demo.
pub fn read(file: RuleFile) -> Result<Vec<Group>, RuleError> {
    file.groups.into_iter().map(group).collect()
}

fn group(raw: RawGroup) -> Result<Group, RuleError> {
    let name = raw.name;
    let interval = duration(&name, "interval", raw.interval, DEFAULT_INTERVAL)?;
    if interval < Duration::from_secs(1) {
        return Err(RuleError::Field { group: name, message: "interval is shorter than a second".into() });
    }
    let rules = raw.rules.into_iter().map(|r| rule(&name, &raw.labels, r)).collect::<Result<_, _>>()?;
    Ok(Group { name, interval, rules })
}

fn rule(group: &str, common: &BTreeMap<String, String>, raw: RawRule) -> Result<Rule, RuleError> {
    let field = |message: &str| RuleError::Field { group: group.to_owned(), message: message.to_owned() };
    let (name, kind) = match (raw.record, raw.alert) {
        (Some(name), None) => {
            if raw.hold.is_some() || raw.keep_firing_for.is_some() || !raw.annotations.is_empty() {
                return Err(field(&format!("recording rule {name} has fields of an alerting rule")));
            }
            (name, RuleKind::Record)
        }
        (None, Some(name)) => {
            let hold = duration(group, "for", raw.hold, Duration::ZERO)?;
            let keep_firing_for = duration(group, "keep_firing_for", raw.keep_firing_for, Duration::ZERO)?;
            (name, RuleKind::Alert { hold, keep_firing_for, annotations: raw.annotations })
        }
        _ => return Err(field("a rule needs either \"record\" or \"alert\"")),
    };
    let expr = parse(&raw.expr).map_err(|error| RuleError::Expr { rule: name.clone(), error })?;
    let labels = common.clone().into_iter().chain(raw.labels).collect();
    Ok(Rule { name, expr, labels, kind })
}

fn duration(group: &str, field: &str, text: Option<String>, default: Duration) -> Result<Duration, RuleError> {
    let Some(text) = text else { return Ok(default) };
    let wrong = || RuleError::Field { group: group.to_owned(), message: format!("{field}: not a duration: {text:?}") };
    parse_duration(&text).ok_or_else(wrong)
}
