//! One configuration file, applied over what is in effect.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Binding, Config, Environment, Threshold, Zone, bytes,
    endpoint::{EndpointConfig, EndpointContext, TIMEOUTS, expand},
    problem::{Problem, nearest},
    reader::{Item, Reader, Section},
    slos,
};
use crate::{
    log_fields::trace_id::{Base, Patterns, Rule},
    model::{
        alert::{Severity, Sound},
        backend::Backend,
        labels::{LabelNames, Matcher, label_name},
        matcher_text, re2,
    },
};

const INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);
const MIB: u64 = 1 << 20;

/// What one file says beside the configuration itself.
#[derive(Debug, Default)]
pub struct Applied {
    /// What keeps redline from starting.
    pub errors: Vec<Problem>,
    /// What is only said.
    pub warnings: Vec<Problem>,
    /// Files that endpoints need, by environment.
    pub needed: Vec<NeededFile>,
    /// Every key that the reader knows.
    #[cfg(test)]
    pub asked: std::collections::BTreeSet<&'static str>,
}

/// A secret file or CA file that an environment needs.
#[derive(Debug)]
pub struct NeededFile {
    /// The environment.
    pub environment: String,
    /// The file.
    pub path: PathBuf,
    /// Line and column of its mention.
    pub at: (usize, usize),
}

/// Applies the text of a file, called `name` in messages. `folder` is where its relative paths start.
pub fn apply(config: &mut Config, name: &str, text: &str, folder: &Path, home: Option<&Path>) -> Applied {
    let reader = Reader::new(name, text);
    let mut applied = Applied::default();
    if let Some(document) = reader.parse() {
        let mut root = reader.root(&document, false);
        apply_settings(config, &mut root, &|path| expand(path, folder, home));
        if let Some(section) = root.section("environments") {
            let context = EndpointContext { folder, home, timeout: config.limits.request_timeout, needed: RefCell::default() };
            applied.needed = apply_environments(config, &context, &section);
        }
        if let Some(item) = root.item("default_environment") {
            apply_default_environment(config, &item);
        }
        root.finish();
    }
    #[cfg(test)]
    applied.asked.append(&mut reader.asked.borrow_mut());
    (applied.errors, applied.warnings) = reader.finish();
    applied
}

/// Everything but the environments.
fn apply_settings(config: &mut Config, root: &mut Section<'_, '_>, expand: &dyn Fn(&str) -> PathBuf) {
    each(root, "display", |s| apply_display(config, s));
    each(root, "refresh", |s| apply_refresh(config, s));
    each(root, "limits", |s| apply_limits(config, s));
    each(root, "thresholds", |s| apply_thresholds(config, s));
    if let Some(item) = root.item("slos") {
        config.slos = slos::read(&item);
    }
    each(root, "labels", |s| apply_labels(&mut config.labels, s));
    each(root, "logs", |s| apply_logs(config, s));
    each(root, "alerts", |s| apply_alerts(config, s));
    each(root, "silences", |s| {
        if let Some(author) = s.item("author").and_then(|item| item.string()) {
            config.silence_author = Some(author).filter(|a| !a.trim().is_empty());
        }
    });
    each(root, "trace_ids", |s| s.set("patterns", &mut config.trace_ids, patterns));
    each(root, "log", |s| {
        if let Some(file) = s.item("file").and_then(|item| item.string()) {
            config.log_file = (!file.is_empty()).then(|| expand(&file));
        }
    });
    if let Some(section) = root.item("keys").and_then(|item| item.lenient().section()) {
        apply_keys(config, &section);
    }
}

/// Reads a table whose keys are all known, when it is there.
fn each(root: &mut Section<'_, '_>, key: &'static str, read: impl FnOnce(&mut Section<'_, '_>)) {
    if let Some(mut section) = root.section(key) {
        read(&mut section);
        section.finish();
    }
}

fn apply_display(config: &mut Config, s: &mut Section<'_, '_>) {
    let display = &mut config.display;
    if let Some(item) = s.item("theme").map(Item::lenient)
        && let Some(theme) = item.string()
    {
        (display.theme, display.theme_at) = (theme, item.place());
    }
    s.set("time_zone", &mut display.time_zone, |item| item.choice(&[("utc", Zone::Utc), ("local", Zone::Local)]));
    s.set("mouse", &mut display.mouse, Item::boolean);
    s.set("glyphs", &mut display.ascii, |item| item.choice(&[("auto", None), ("unicode", Some(false)), ("ascii", Some(true))]));
}

fn apply_refresh(config: &mut Config, s: &mut Section<'_, '_>) {
    let refresh = &mut config.refresh;
    s.set("alerts", &mut refresh.alerts, |item| item.duration(INTERVALS));
    s.set("panels", &mut refresh.panels, |item| item.duration(INTERVALS));
    s.set("secondary", &mut refresh.secondary, |item| item.duration(INTERVALS));
    s.set("health", &mut refresh.health, |item| item.duration(INTERVALS));
}

fn apply_limits(config: &mut Config, s: &mut Section<'_, '_>) {
    let limits = &mut config.limits;
    s.set("log_buffer_mib", &mut limits.log_buffer, |item| mebibytes(item, 1..=16_384));
    s.set("body_mib", &mut limits.body, |item| mebibytes(item, 1..=1024));
    s.set("max_fps", &mut limits.max_fps, |item| item.integer(1..=120).and_then(|n| u32::try_from(n).ok()));
    s.set("request_timeout", &mut limits.request_timeout, |item| item.duration(TIMEOUTS));
}

fn mebibytes(item: &Item<'_, '_>, range: RangeInclusive<u64>) -> Option<usize> {
    item.integer(range).and_then(|n| usize::try_from(n * MIB).ok())
}

fn apply_thresholds(config: &mut Config, s: &mut Section<'_, '_>) {
    apply_threshold(&mut config.thresholds.default, s);
    let Some(services) = s.section("services") else { return };
    for (name, item) in services.entries() {
        let Some(mut section) = item.section() else { continue };
        let mut threshold = config.thresholds.of(name);
        apply_threshold(&mut threshold, &mut section);
        section.finish();
        config.thresholds.services.insert(name.to_owned(), threshold);
    }
}

fn apply_threshold(threshold: &mut Threshold, s: &mut Section<'_, '_>) {
    s.set("errors", &mut threshold.errors, |item| item.number(0.0..=1.0));
    s.set("p95", &mut threshold.p95, |item| item.duration(Duration::from_micros(1)..=Duration::from_secs(86_400)));
}

fn apply_labels(labels: &mut LabelNames, s: &mut Section<'_, '_>) {
    let label = |item: &Item<'_, '_>| names(item, "label", "_");
    s.set("metrics_service", &mut labels.metrics_service, label);
    s.set("metrics_route", &mut labels.metrics_route, label);
    s.set("metrics_status", &mut labels.metrics_status, label);
    s.set("logs_service", &mut labels.logs_service, label);
    s.set("logs_instance", &mut labels.logs_instance, label);
    s.set("traces_service", &mut labels.traces_service, |item| names(item, "attribute", "_.-/"));
}

/// Where the lines of services are.
fn apply_logs(config: &mut Config, s: &mut Section<'_, '_>) {
    s.set("ask_above", &mut config.logs.ask_above, bytes::limit);
    let Some(services) = s.section("services") else { return };
    for (service, item) in services.entries() {
        if let Some(selector) = stream_selector(&item) {
            config.labels.logs_services.insert(service.to_owned(), selector);
        }
    }
}

/// A selector that Loki takes: of classic names, and not of all streams there are.
fn stream_selector(item: &Item<'_, '_>) -> Option<Vec<Matcher>> {
    const ADVICE: &str = "Write it like '{app=\"checkout-v2\", namespace=~\"shop|store\"}'.";
    let text = item.string()?;
    let in_braces = text.trim().starts_with('{') && text.trim().ends_with('}');
    let read = if in_braces { matcher_text::parse_all(&text) } else { Err("it is not in braces".to_owned()) };
    let checked = read.and_then(|matchers| {
        if let Some(m) = matchers.iter().find(|m| label_name(&m.name) != m.name.as_str()) {
            return Err(format!("`{}` is no label name", m.name));
        }
        let bad = matchers.iter().filter(|m| m.is_regex()).find_map(|m| re2::compile_anchored(&m.value).err());
        let selects = |m: &Matcher| {
            m.is_equal() && !re2::compile_anchored(&m.value).is_ok_and(|r| m.is_regex() && r.is_match("")) && !m.value.is_empty()
        };
        match bad {
            Some(why) => Err(why),
            None if matchers.iter().any(selects) => Ok(matchers),
            None => Err("it selects all streams".to_owned()),
        }
    });
    checked.map_err(|why| item.wrong(format!("`{}` is no selector of streams: {why}", item.path()), ADVICE)).ok()
}

fn apply_alerts(config: &mut Config, s: &mut Section<'_, '_>) {
    let sounds = [("off", None), ("bell", Some(Sound::Bell)), ("osc9", Some(Sound::Osc9))];
    s.set("notify", &mut config.alarm.sound, |item| item.choice(&sounds));
    s.set("notify_severity", &mut config.alarm.severity, |item| {
        item.integer(1..=u64::from(Severity::LOWEST)).and_then(|n| u8::try_from(n).ok()).map(Severity)
    });
    let severities = &mut config.severities;
    s.set("severity_labels", &mut severities.labels, |item| names(item, "label", "_"));
    s.set("severity_order", &mut severities.ranks, |item| {
        let ranks = item.items("a list of lists like [[\"page\", \"critical\"], [\"warning\"]]")?;
        Some(ranks.iter().filter_map(Item::strings).collect())
    });
}

/// Names that can stand in a query as they are.
fn names(item: &Item<'_, '_>, what: &str, punctuation: &str) -> Option<Vec<String>> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || punctuation.contains(c);
    let listed: Vec<String> = punctuation.chars().map(|c| format!("`{c}`")).collect();
    let advice = format!("Use letters, digits and {}; begin with a letter or `_`.", listed.join(" "));
    let mut all = Vec::new();
    for item in item.items("a list of names like [\"a\", \"b\"]")? {
        let name = item.string()?;
        if name.chars().all(allowed) && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            all.push(name);
        } else {
            item.wrong(format!("`{name}` is no {what} name"), &advice);
        }
    }
    Some(all)
}

/// Regular expressions, or tables of one and the base that its ids are written in.
fn patterns(item: &Item<'_, '_>) -> Option<Patterns> {
    let items = item.items("a list of regular expressions")?;
    Some(items.iter().filter_map(|item| if item.is_table() { rule(item) } else { regex(item).map(Rule::from) }).collect())
}

fn rule(item: &Item<'_, '_>) -> Option<Rule> {
    let mut section = item.section()?;
    let mut base = Base::default();
    section.set("base", &mut base, |item| match item.integer(10..=64)? {
        10 => Some(Base::Decimal),
        16 => Some(Base::Hex),
        64 => Some(Base::Base64),
        other => {
            item.wrong(format!("ids are not written in base {other}"), "Use 10, 16 or 64; without it they are hex, or base64.");
            None
        }
    });
    let expression = section.item("regex");
    section.finish();
    let Some(expression) = expression else {
        item.wrong("the pattern has no regex", "Write it like { regex = 'dd=(?<trace_id>[0-9]+)', base = 10 }.");
        return None;
    };
    regex(&expression).map(|regex| Rule { regex, base })
}

fn regex(item: &Item<'_, '_>) -> Option<regex::Regex> {
    match regex::Regex::new(&item.string()?) {
        Ok(regex) if regex.capture_names().flatten().any(|name| name == "trace_id") => return Some(regex),
        Ok(_) => item.wrong("the pattern has no group trace_id", "Write it like 'tid=(?<trace_id>[0-9a-f]{32})'."),
        Err(error) => {
            let why = error.to_string();
            let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            item.wrong(format!("not a regular expression: {last}"), "Write it as a literal string, in single quotes.");
        }
    }
    None
}

fn apply_keys(config: &mut Config, section: &Section<'_, '_>) {
    for (command, item) in section.entries() {
        let keys = if let Some(key) = item.as_str() { Some(vec![key.to_owned()]) } else { item.strings() };
        if let Some(keys) = keys {
            config.keys.insert(command.to_owned(), Binding { keys, place: item.place() });
        }
    }
}

fn apply_environments(config: &mut Config, context: &EndpointContext<'_>, all: &Section<'_, '_>) -> Vec<NeededFile> {
    let mut needed = Vec::new();
    for (name, item) in all.entries() {
        let Some(mut section) = item.section() else { continue };
        let mut environment = Environment::default();
        for backend in Backend::ALL {
            let Some(item) = section.item(backend.name()) else { continue };
            let mut all = match backend {
                Backend::Alertmanager => read_alertmanagers(context, &item),
                _ => item.section().and_then(|s| context.read(s)).into_iter().collect(),
            }
            .into_iter();
            environment.backends.extend(all.next().map(|first| (backend, first)));
            environment.alertmanagers.extend(all);
        }
        if environment.backends.contains_key(&Backend::Tempo) && environment.backends.contains_key(&Backend::Jaeger) {
            let advice = "Keep the one that traces are to be read from.";
            section.wrong(format!("[{}] has both tempo and jaeger", section.path()), advice);
        }
        environment.otlp = section.section("otlp").and_then(|s| context.read(s));
        section.finish();
        config.environments.insert(name.to_owned(), environment);
        let files = context.needed.take().into_iter();
        needed.extend(files.map(|(path, at)| NeededFile { environment: name.to_owned(), path, at }));
    }
    needed
}

/// One table, or a list of them: each has a name of its own.
fn read_alertmanagers(context: &EndpointContext<'_>, item: &Item<'_, '_>) -> Vec<EndpointConfig> {
    if !item.is_list() {
        return item.section().and_then(|s| context.read(s)).into_iter().collect();
    }
    let mut all: Vec<EndpointConfig> = Vec::new();
    let items = item.items("a list of tables").unwrap_or_default();
    if items.is_empty() {
        item.wrong(format!("`{}` has none", item.path()), "Leave it out, or give each a table with its url.");
    }
    for item in items {
        let Some(mut section) = item.section() else { continue };
        let named = section.item("name");
        let name = named.as_ref().and_then(Item::string);
        let Some(read) = context.read(section) else { continue };
        let endpoint = EndpointConfig { name, ..read };
        let called = endpoint.called();
        if called.trim().is_empty() || called.chars().any(char::is_control) {
            item.wrong(format!("`{}.name` is no name", item.path()), "Write a short word, like name = \"eu\".");
        } else if all.iter().any(|other| other.called() == called) {
            let advice = "Give each a name of its own, like name = \"eu\"; without one it is called by its address.";
            named.as_ref().unwrap_or(&item).wrong(format!("two in `{}` are called {called}", item.path()), advice);
        } else {
            all.push(endpoint);
        }
    }
    all
}

fn apply_default_environment(config: &mut Config, item: &Item<'_, '_>) {
    let Some(name) = item.string() else { return };
    if config.environments.contains_key(&name) {
        config.environment = Some(name);
    } else if !name.is_empty() {
        item.wrong(format!("there is no environment \"{name}\""), choose_from(&config.environments, &name));
    }
}

/// Advice for an environment that does not exist.
pub fn choose_from(environments: &BTreeMap<String, Environment>, name: &str) -> String {
    let names: Vec<&str> = environments.keys().map(String::as_str).collect();
    match nearest(name, names.iter().copied()) {
        Some(near) => format!("Did you mean \"{near}\"?"),
        None if names.is_empty() => "Write its backends under [environments.NAME.prometheus] and so on.".to_owned(),
        None => format!("There are: {}.", names.join(", ")),
    }
}
