//! The report as text for people and as JSON for programs.

use serde_json::{Value, json};

use super::{Check, Report};
use crate::{
    model::{
        backend::Backend,
        labels::{LabelNames, selector},
        log_labels::ServiceLabel,
        time::nanos,
    },
    red::{Failures, Family, RedMapping, Unit},
    ui::{format, text::is_harmful},
};

impl Report {
    /// The stable shape for programs: latencies and the clock in nanoseconds, the overlap a ratio.
    pub fn json(&self) -> Value {
        let families = self.red.iter().flatten().flat_map(|red| &red.families);
        let labels = self.logs.iter().flatten().flat_map(|logs| logs.telling().map(|label| label.name.as_str()));
        json!({
            "backends": self.backends.iter().map(backend_json).collect::<Vec<_>>(),
            "red": families.map(family_json).collect::<Vec<_>>(),
            "logs": { "service_labels": labels.collect::<Vec<_>>(), "overlap": self.overlap() },
            "clock_skew": self.clock_skew(),
        })
    }

    /// For people; nothing a server said can move the cursor.
    pub fn text(&self) -> String {
        let mut lines: Vec<String> = Backend::ALL.iter().flat_map(|backend| self.backend_lines(*backend)).collect();
        lines.push(String::new());
        lines.extend(self.red_lines());
        lines.push(String::new());
        lines.extend(self.log_lines());
        let warnings = self.warnings();
        if !warnings.is_empty() {
            lines.push(String::new());
            lines.extend(warnings.iter().map(|w| format!("! {w}")));
        }
        let clean = |line: String| line.chars().map(|c| if is_harmful(c) { '.' } else { c }).collect::<String>();
        lines.into_iter().map(|line| clean(line).trim_end().to_owned() + "\n").collect()
    }

    fn backend_lines(&self, backend: Backend) -> Vec<String> {
        let lines: Vec<String> = self.backends.iter().filter(|c| c.backend == backend).flat_map(check_lines).collect();
        // Of the two that traces come from the first is named where there is none.
        if lines.is_empty() && backend == Backend::Jaeger || (backend == Backend::Tempo && self.has(Backend::Jaeger)) {
            return lines;
        }
        if lines.is_empty() { vec![format!("{:13} not configured", backend.name())] } else { lines }
    }

    fn has(&self, backend: Backend) -> bool {
        self.backends.iter().any(|c| c.backend == backend)
    }

    fn red_lines(&self) -> Vec<String> {
        match &self.red {
            None => vec!["RED metrics: not asked, Prometheus does not answer".to_owned()],
            Some(Err(error)) => vec![format!("RED metrics: {}. {}", error.message, error.advice())],
            Some(Ok(red)) => {
                let scrape = red.scrape_interval.map_or_else(String::new, |d| format!(", scraped every {}", format::span(d)));
                let mut lines = vec![format!("RED metrics: {}{scrape}", format::counted(red.services().count(), "service"))];
                lines.extend(red.families.iter().flat_map(|family| family_lines(red, family, &self.labels)));
                lines.extend(red.notes.iter().map(|note| format!("  {note}")));
                lines
            }
        }
    }

    fn log_lines(&self) -> Vec<String> {
        match &self.logs {
            None => vec!["Log labels: not asked, Loki does not answer".to_owned()],
            Some(Err(error)) => vec![format!("Log labels: {}. {}", error.message, error.advice())],
            Some(Ok(logs)) => {
                let overlap =
                    self.overlap().map_or_else(String::new, |o| format!(": {} of the services in the metrics", format::percent(o)));
                let mut lines = vec![format!("Log labels that name services{overlap}")];
                lines.extend(logs.telling().map(|l| label_line(l, self.overlap().is_some(), &self.labels)));
                lines.extend(self.service_lines());
                lines.extend(self.elsewhere.iter().map(|(label, services)| {
                    let mut names = services.clone();
                    shorten(&mut names, |n| format!("{} more", format::count(n)));
                    format!("  also by {label} alone: {}", names.join(", "))
                }));
                lines
            }
        }
    }

    /// Services that the logs call otherwise, and those that they do not have.
    fn service_lines(&self) -> Vec<String> {
        let Some((with, without)) = self.services_by_logs() else { return Vec::new() };
        let own = |service: &str| if self.labels.logs_services.contains_key(service) { " (config.toml)" } else { "" };
        let otherwise = with.iter().filter(|(service, m)| m.len() != 1 || m[0].value != *service);
        let mut lines: Vec<String> = otherwise.map(|(service, m)| format!("  {service} is {}{}", selector(m), own(service))).collect();
        shorten(&mut lines, |n| format!("  {} more are called otherwise", format::count(n)));
        if !without.is_empty() {
            let mut names: Vec<String> = without.iter().map(|s| (*s).to_owned()).collect();
            shorten(&mut names, |n| format!("{} more", format::count(n)));
            lines.push(format!("  without logs: {}", names.join(", ")));
        }
        lines
    }
}

fn label_line(label: &ServiceLabel, is_compared: bool, own: &LabelNames) -> String {
    let values = format::counted(label.names.values().len(), "value");
    let services = if is_compared { format!("{}, ", format::counted(label.overlap(), "service")) } else { String::new() };
    format!("  {:24} {services}{values}", self::label(&label.name, &own.logs_service))
}

/// Says how many there are beyond those that can be read.
fn shorten(all: &mut Vec<String>, rest: impl Fn(u64) -> String) {
    const MOST: usize = 20;
    if all.len() > MOST {
        let more = all.len() - MOST;
        all.truncate(MOST);
        all.push(rest(more as u64));
    }
}

fn check_lines(check: &Check) -> Vec<String> {
    let (name, latency, url) = (check.backend.name(), format::millis(check.latency), &check.url);
    match &check.found {
        Ok(found) => {
            let version = if found.version.is_empty() { "unknown version" } else { &found.version };
            let first =
                [format!("{name:13} ok      {latency:>6}  {version}  {url}"), format!("{:21} {}", "", found.capabilities.join(", "))];
            first.into_iter().chain(found.lacks.iter().map(|why| format!("{:21} - {why}", ""))).collect()
        }
        Err(error) => vec![format!("{name:13} failed  {latency:>6}  {url}"), format!("{:21} {}. {}", "", error.message, error.advice())],
    }
}

fn family_lines(red: &RedMapping, family: &Family, own: &LabelNames) -> [String; 2] {
    let shown = |name: Option<&str>, own: &[String]| name.map_or_else(|| format::MISSING.to_owned(), |name| label(name, own));
    let failures = match &family.failures {
        Some(Failures::Status(status)) => format!("status {}", label(&status.label, &own.metrics_status)),
        Some(Failures::Counter(counter)) => format!("failures {}", counter.metric),
        None => format!("status {}", format::MISSING),
    };
    let elsewhere = family.services.iter().filter(|s| red.family_of(s).is_some_and(|f| f.name != family.name)).count();
    let elsewhere = if elsewhere == 0 { String::new() } else { format!(", {elsewhere} of them shown by another family") };
    [
        format!("  {}: {}{elsewhere}", family.name, format::counted(family.services.len(), "service")),
        format!(
            "    service {}  route {}  {failures}  unit {}",
            label(&family.service_label, &own.metrics_service),
            shown(family.route_label.as_deref(), &own.metrics_route),
            if family.durations.is_some() { unit(family.unit) } else { format::MISSING },
        ),
    ]
}

/// A label that was found, or that the user gave.
fn label(name: &str, own: &[String]) -> String {
    if own.iter().any(|o| o == name) { format!("{name} (config.toml)") } else { name.to_owned() }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
    }
}

fn backend_json(check: &Check) -> Value {
    let found = check.found.as_ref().ok();
    json!({
        "kind": check.backend.name(),
        "url": check.url,
        "ok": found.is_some(),
        "latency": nanos(check.latency),
        "version": found.map(|f| f.version.as_str()).filter(|v| !v.is_empty()),
        "error": check.found.as_ref().err().map(|e| e.message.as_str()),
        "capabilities": found.map(|f| f.capabilities.as_slice()).unwrap_or_default(),
    })
}

fn family_json(family: &Family) -> Value {
    json!({
        "family": family.name,
        "service_label": family.service_label,
        "route_label": family.route_label,
        "status_label": family.status_label(),
        "unit": unit(family.unit),
        "services": family.services,
    })
}
