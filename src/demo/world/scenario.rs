//! Scenario files: what changes in the shop, and the truth about it.

use std::{fmt, ops::Range, path::Path};

use serde::Deserialize;
use toml::Spanned;

use super::{
    shop::{NODES, OP, OpInfo, PEERS, Service},
    walk::ORDERS_DEADLINE,
};

const BUILTIN: [(&str, &str); 8] = [
    ("pool-exhaustion", include_str!("../scenarios/pool-exhaustion.toml")),
    ("pool-wait", include_str!("../scenarios/pool-wait.toml")),
    ("slow-dependency", include_str!("../scenarios/slow-dependency.toml")),
    ("bad-pod", include_str!("../scenarios/bad-pod.toml")),
    ("bad-version", include_str!("../scenarios/bad-version.toml")),
    ("surge", include_str!("../scenarios/surge.toml")),
    ("cascade", include_str!("../scenarios/cascade.toml")),
    ("quiet", include_str!("../scenarios/quiet.toml")),
];

/// A scenario: changes to the world and the ground truth about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// Nanoseconds from the start of the demo to the onset; negative is before.
    pub onset: i64,
    /// How long a purchase waits for orders, retries included, in nanoseconds.
    pub(super) patience: i64,
    /// What changes.
    pub(super) changes: Vec<Change>,
    /// Thresholds that teams have set.
    pub(super) thresholds: Vec<Threshold>,
    /// What is true.
    pub truth: Truth,
}

/// A value that alerting rules compare with, exported as a series of its own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Threshold {
    /// What it is for.
    pub of: ThresholdOf,
    /// Whose it is.
    pub service: String,
    /// A route, who is called, or the bound of what counts as slow in seconds.
    #[serde(default)]
    pub name: String,
    pub value: f64,
}

/// What a threshold is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ThresholdOf {
    /// Latency of a route.
    Route,
    /// Latency of each pod.
    Pod,
    /// Latency of calls of something else.
    Call,
    /// Share of slow requests.
    Slow,
    /// Share of failed requests.
    Errors,
    /// Events that wait.
    Lag,
}

/// The truth that an investigation is held to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// What did it; nothing in a quiet world.
    pub cause: Option<Cause>,
    /// What shows first.
    pub first_symptom: String,
    /// Services whose users notice.
    pub blast_radius: Vec<String>,
    /// Alerts that must fire.
    pub must_fire: Vec<String>,
    /// Alerts that must not.
    pub must_not_fire: Vec<String>,
    /// What a good investigation shows.
    pub evidence: Vec<String>,
}

/// The cause of an incident.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Where it is.
    pub service: String,
    /// What kind of change.
    pub kind: String,
    /// What was changed.
    pub object: String,
}

/// A change to the world. Times are nanoseconds from the onset.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When it begins.
    pub at: i64,
    /// When it ends; never when `None`.
    pub until: Option<i64>,
    /// What it does.
    pub what: What,
}

/// What a change does.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// New pods replace the first `replicas` of a service.
    Deploy { service: Service, version: String, replicas: usize, pool: Option<u32>, reserve: Option<bool> },
    /// Own time of operations, or of all on a node, is multiplied.
    Slow { place: Place, factor: f64 },
    /// Something between two lengths, in nanoseconds, is added to the own time of operations.
    Delay { place: Place, least: i64, most: i64 },
    /// Reads from the disk of the node that a pod of a service runs on take longer, for all pods there.
    Disk { service: Service, replica: usize, factor: f64 },
    /// A share of the requests fails.
    Errors { place: Place, share: f64 },
    /// Requests of a route at the edge (or all) are multiplied.
    Traffic { route: Option<String>, factor: f64 },
}

/// Where a change applies: everything that is given must fit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Place {
    /// A service, or something that services call.
    pub service: Option<String>,
    /// A span's name.
    pub route: Option<String>,
    /// A version of the service.
    pub version: Option<String>,
    /// A node.
    pub node: Option<String>,
}

impl Place {
    /// Whether an operation is meant, node and version aside.
    pub fn covers(&self, op: &OpInfo) -> bool {
        let service = self.service.as_deref().is_none_or(|s| s == op.service.info().name && op.peer.is_none() || op.peer == Some(s));
        service && self.route.as_deref().is_none_or(|r| r == op.name)
    }
}

/// A scenario that cannot be used: what, where, and what to write instead.
#[derive(Debug, thiserror::Error)]
#[error("{file}{}: {message}", Line(*line))]
pub struct ScenarioError {
    file: String,
    line: Option<usize>,
    message: String,
}

struct Line(Option<usize>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |n| write!(f, ":{n}"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    name: String,
    description: String,
    onset: Spanned<String>,
    patience: Option<Spanned<String>>,
    #[serde(default)]
    thresholds: Vec<Threshold>,
    #[serde(default, rename = "change")]
    changes: Vec<Spanned<RawChange>>,
    truth: Truth,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChange {
    kind: Spanned<String>,
    at: Option<Spanned<String>>,
    until: Option<Spanned<String>>,
    service: Option<Spanned<String>>,
    route: Option<Spanned<String>>,
    node: Option<Spanned<String>>,
    version: Option<Spanned<String>>,
    replicas: Option<Spanned<usize>>,
    replica: Option<Spanned<usize>>,
    factor: Option<Spanned<f64>>,
    share: Option<Spanned<f64>>,
    least: Option<Spanned<String>>,
    most: Option<Spanned<String>>,
    set: Option<RawSet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSet {
    pool: Spanned<u32>,
    reserve: Option<bool>,
}

/// A message and the bytes of the file it is about.
type Fault = (String, Range<usize>);

impl Scenario {
    /// Names of the embedded scenarios; the first is the default.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILTIN.iter().map(|(name, _)| *name)
    }

    /// An embedded scenario.
    ///
    /// # Errors
    /// When there is none of that name; the message lists those there are.
    pub fn builtin(name: &str) -> Result<Self, ScenarioError> {
        let Some((name, text)) = BUILTIN.iter().find(|(n, _)| *n == name) else {
            let names: Vec<&str> = Self::names().collect();
            let message = format!("no such scenario; embedded are {}, or give the path of a file", names.join(", "));
            return Err(ScenarioError { file: name.to_owned(), line: None, message });
        };
        Self::parse(name, text)
    }

    /// A scenario from a file.
    ///
    /// # Errors
    /// When the file cannot be read or says something that the world does not understand: file, line, key.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|e| ScenarioError {
            file: file.clone(),
            line: None,
            message: format!("cannot be read: {e}"),
        })?;
        Self::parse(&file, &text)
    }

    /// From the text of a file that messages call `file`.
    ///
    /// # Errors
    /// As [`Scenario::load`].
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let fail = |message: String, at: Option<usize>| {
            let line = at.map(|at| text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1);
            ScenarioError { file: file.to_owned(), line, message }
        };
        let raw: RawScenario = toml::from_str(text).map_err(|e| fail(e.message().to_owned(), e.span().map(|s| s.start)))?;
        let onset = duration(&raw.onset, "onset").map_err(|(m, at)| fail(m, Some(at.start)))?;
        if !(-12 * 3_600 * SECOND..=12 * 3_600 * SECOND).contains(&onset) {
            return Err(fail("onset: must be within 12h of the start".to_owned(), Some(raw.onset.span().start)));
        }
        let patience = match &raw.patience {
            Some(text) => duration(text, "patience").map_err(|(m, at)| fail(m, Some(at.start)))?,
            None => ORDERS_DEADLINE,
        };
        if !(SECOND..=MAX_PATIENCE).contains(&patience) {
            let at = raw.patience.as_ref().map(|text| text.span().start);
            return Err(fail("patience: must be within 1s to 30s".to_owned(), at));
        }
        let changes = raw.changes.into_iter().map(change).collect::<Result<Vec<_>, _>>().map_err(|(m, at)| fail(m, Some(at.start)))?;
        Ok(Self { name: raw.name, description: raw.description, onset, patience, changes, thresholds: raw.thresholds, truth: raw.truth })
    }
}

const SECOND: i64 = 1_000_000_000;
/// The longest that a change adds to an operation: requests end within a minute.
const MAX_DELAY: i64 = 15 * SECOND;
/// The longest that a purchase waits for orders, for the same reason.
const MAX_PATIENCE: i64 = 30 * SECOND;

fn duration(text: &Spanned<String>, key: &str) -> Result<i64, Fault> {
    let fault = || (format!("{key}: {:?} is no duration; write it like \"-18m\", \"90s\" or \"2h\"", text.get_ref()), text.span());
    let (sign, digits) = text.get_ref().strip_prefix('-').map_or((1, text.get_ref().as_str()), |d| (-1, d));
    let split = digits.find(|c: char| !c.is_ascii_digit()).ok_or_else(fault)?;
    let n: i64 = digits[..split].parse().map_err(|_| fault())?;
    let unit = match &digits[split..] {
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        _ => return Err(fault()),
    };
    n.checked_mul(unit * sign).filter(|d| d.abs() <= 7 * 86_400 * SECOND).ok_or_else(fault)
}

fn change(raw: Spanned<RawChange>) -> Result<Change, Fault> {
    let span = raw.span();
    let mut raw = raw.into_inner();
    let at = raw.at.take().map_or(Ok(0), |t| duration(&t, "at"))?;
    let until = raw.until.take().map(|t| duration(&t, "until").map(|d| (d, t.span()))).transpose()?;
    if let Some((end, span)) = &until
        && *end <= at
    {
        return Err(("until: must be later than at".to_owned(), span.clone()));
    }
    let what = what(&mut raw, &span)?;
    if matches!(what, What::Deploy { .. }) && until.is_some() {
        return Err(("until: a deploy does not end; write a second deploy to roll back".to_owned(), span));
    }
    Ok(Change { at, until: until.map(|(end, _)| end), what })
}

fn what(raw: &mut RawChange, span: &Range<usize>) -> Result<What, Fault> {
    let kind = raw.kind.get_ref().clone();
    let missing = |key: &str| (format!("{key}: missing, a change of kind {kind:?} needs it"), span.clone());
    let what = match kind.as_str() {
        "deploy" => {
            let service = raw.service.take().ok_or_else(|| missing("service"))?;
            let known = Service::parse(service.get_ref()).ok_or_else(|| unknown_service(&service))?;
            let version = raw.version.take().ok_or_else(|| missing("version"))?.into_inner();
            let replicas = ranged(raw.replicas.take(), "replicas", 1, 3)?.unwrap_or(3);
            let (pool, reserve) = raw.set.take().map_or((None, None), |s| (Some(s.pool), s.reserve));
            if let Some(pool) = &pool
                && known.info().pool.is_none()
            {
                return Err((format!("set.pool: {} has no pool; orders has", service.get_ref()), pool.span()));
            }
            What::Deploy { service: known, version, replicas, pool: ranged(pool, "set.pool", 1, 500)?, reserve }
        }
        "slow" => {
            What::Slow { place: place(raw)?, factor: ranged(raw.factor.take(), "factor", 0.01, 200.0)?.ok_or_else(|| missing("factor"))? }
        }
        "delay" => {
            let length = |text: Option<Spanned<String>>, key: &str| {
                let text = text.ok_or_else(|| missing(key))?;
                let length = duration(&text, key)?;
                if (0..=MAX_DELAY).contains(&length) {
                    Ok((length, text.span()))
                } else {
                    Err((format!("{key}: must be within 0s to 15s"), text.span()))
                }
            };
            let ((least, _), (most, at)) = (length(raw.least.take(), "least")?, length(raw.most.take(), "most")?);
            if most < least {
                return Err(("most: must not be less than least".to_owned(), at));
            }
            What::Delay { place: place(raw)?, least, most }
        }
        "disk" => {
            let service = raw.service.take().ok_or_else(|| missing("service"))?;
            let known = Service::parse(service.get_ref()).ok_or_else(|| unknown_service(&service))?;
            if !known.reads_disk() {
                return Err((format!("service: {} reads nothing from a disk; catalog does", service.get_ref()), service.span()));
            }
            let replica = ranged(raw.replica.take(), "replica", 1, 3)?.ok_or_else(|| missing("replica"))? - 1;
            let factor = ranged(raw.factor.take(), "factor", 1.0, 200.0)?.ok_or_else(|| missing("factor"))?;
            What::Disk { service: known, replica, factor }
        }
        "errors" => {
            What::Errors { place: place(raw)?, share: ranged(raw.share.take(), "share", 0.0, 1.0)?.ok_or_else(|| missing("share"))? }
        }
        "traffic" => {
            let route = raw.route.take();
            if let Some(r) = &route
                && !super::shop::ROUTES.iter().any(|(_, op, _)| op.info().name == r.get_ref())
            {
                return Err((format!("route: {:?} is no route of web, such as \"POST /api/cart\"", r.get_ref()), r.span()));
            }
            What::Traffic {
                route: route.map(Spanned::into_inner),
                factor: ranged(raw.factor.take(), "factor", 0.0, 10.0)?.ok_or_else(|| missing("factor"))?,
            }
        }
        _ => return Err((format!("kind: {kind:?} is unknown; write deploy, slow, delay, disk, errors or traffic"), raw.kind.span())),
    };
    unused(raw, &kind)?;
    Ok(what)
}

fn place(raw: &mut RawChange) -> Result<Place, Fault> {
    if let Some(s) = &raw.service
        && Service::parse(s.get_ref()).is_none()
        && !PEERS.contains(&s.get_ref().as_str())
    {
        return Err(unknown_service(s));
    }
    if let Some(r) = &raw.route
        && !OP.iter().any(|op| op.name == r.get_ref())
    {
        return Err((format!("route: no span is called {:?}", r.get_ref()), r.span()));
    }
    if let Some(n) = &raw.node
        && !NODES.iter().any(|(name, _)| name == n.get_ref())
    {
        return Err((format!("node: {:?} is unknown; there are node-1 to node-4", n.get_ref()), n.span()));
    }
    let text = |s: &mut Option<Spanned<String>>| s.take().map(Spanned::into_inner);
    Ok(Place { service: text(&mut raw.service), route: text(&mut raw.route), version: text(&mut raw.version), node: text(&mut raw.node) })
}

fn unknown_service(s: &Spanned<String>) -> Fault {
    let names: Vec<&str> = super::shop::SERVICE.iter().map(|s| s.name).collect();
    (format!("service: {:?} is unknown; there are {}", s.get_ref(), names.join(", ")), s.span())
}

fn ranged<T: PartialOrd + Copy + fmt::Display>(value: Option<Spanned<T>>, key: &str, min: T, max: T) -> Result<Option<T>, Fault> {
    match value {
        Some(v) if *v.get_ref() >= min && *v.get_ref() <= max => Ok(Some(v.into_inner())),
        Some(v) => Err((format!("{key}: {} is not within {min} to {max}", v.get_ref()), v.span())),
        None => Ok(None),
    }
}

fn unused(raw: &RawChange, kind: &str) -> Result<(), Fault> {
    let left = [
        ("service", raw.service.as_ref().map(Spanned::span)),
        ("route", raw.route.as_ref().map(Spanned::span)),
        ("node", raw.node.as_ref().map(Spanned::span)),
        ("version", raw.version.as_ref().map(Spanned::span)),
        ("replicas", raw.replicas.as_ref().map(Spanned::span)),
        ("replica", raw.replica.as_ref().map(Spanned::span)),
        ("factor", raw.factor.as_ref().map(Spanned::span)),
        ("share", raw.share.as_ref().map(Spanned::span)),
        ("least", raw.least.as_ref().map(Spanned::span)),
        ("most", raw.most.as_ref().map(Spanned::span)),
        ("set", raw.set.as_ref().map(|s| s.pool.span())),
    ];
    match left.into_iter().find_map(|(key, span)| span.map(|s| (key, s))) {
        Some((key, span)) => Err((format!("{key}: a change of kind {kind:?} does not take it"), span)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_embedded_scenario_parses_and_has_its_own_name() {
        for name in Scenario::names() {
            assert_eq!(Scenario::builtin(name).unwrap().name, name);
        }
        assert!(Scenario::builtin("x").unwrap_err().to_string().contains("pool-exhaustion"));
    }

    #[test]
    fn an_error_names_file_line_and_key() {
        let base = "name = 'a'\ndescription = 'b'\nonset = '1m'\n[truth]\nfirst_symptom = ''\nblast_radius = []\nmust_fire = []\nmust_not_fire = []\nevidence = []\n";
        let cases = [
            ("[[change]]\nkind = 'slow'\nservice = 'nobody'\nfactor = 2.0\n", "f.toml:12: service: \"nobody\" is unknown"),
            ("[[change]]\nkind = 'deploy'\nservice = 'web'\nversion = '2'\nset = { pool = 2 }\n", "f.toml:14: set.pool: web has no pool"),
            ("[[change]]\nkind = 'slow'\nfactor = 2000.0\n", "f.toml:12: factor: 2000 is not within"),
            ("[[change]]\nkind = 'slow'\nat = '5 parsecs'\n", "f.toml:12: at: \"5 parsecs\" is no duration"),
            ("[[change]]\nkind = 'delay'\nleast = '9s'\nmost = '8s'\n", "f.toml:13: most: must not be less than least"),
            ("[[change]]\nkind = 'delay'\nleast = '9s'\nmost = '80s'\n", "f.toml:13: most: must be within 0s to 15s"),
            ("[[change]]\nkind = 'delay'\nmost = '8s'\n", "f.toml:10: least: missing"),
            ("[[change]]\nkind = 'explode'\n", "f.toml:11: kind: \"explode\" is unknown"),
            ("[[change]]\nkind = 'slow'\nfacter = 2.0\n", "f.toml:12: unknown field `facter`"),
        ];
        for (tail, want) in cases {
            let got = Scenario::parse("f.toml", &format!("{base}{tail}")).unwrap_err().to_string();
            assert!(got.starts_with(want), "{got}");
        }
    }
}
