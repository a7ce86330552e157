//! Probes: what blackbox_exporter tells of a service from outside, as its customers see it.

use std::collections::BTreeMap;

use super::{
    section::{FIGURE, Figure, Graph, Level, Row, Section, Told, count_of, named_by, sort, together},
    subject::Subject,
};
use crate::{
    model::{
        labels::{Labels, label_name, quote},
        series::Vector,
        time::Timestamp,
    },
    red::queries::promql_duration,
    ui::{chart::Unit, format, table::Column},
};

/// The section.
pub(super) static PROBES: Section = Section { name: "probes", columns: &COLUMNS, query, read, graphs };

/// Left out in this order when the page is narrow.
const COLUMNS: [Column<'static>; 8] = [
    Column::text("PROBE", 30, 60),
    Column::text("OF", 6, 20).drop(3),
    Column::text("JOB", 8, 24).drop(5),
    Column::text("STATE", 8, 14),
    Column::number("STATUS", 6).drop(4),
    Column::number("DURATION", 8).drop(2),
    Column::number("CERTIFICATE", 11).drop(6),
    Column::text("WHY HERE", 26, u16::MAX).drop(1),
];

/// Up to so many probes all are told, of more those that fail, and the service's by their target or job.
const FEW: usize = 200;
/// Days before its end from which on a certificate is to be renewed, and from which on that is urgent.
const RENEW: f64 = 14.0;
const URGENT: f64 = 3.0;
const DAY: f64 = 86_400.0;
const SUCCESS: &str = "probe_success";
const STATUS: &str = "probe_http_status_code";
const DURATION: &str = "probe_duration_seconds";
const CERTIFICATE: &str = "probe_ssl_earliest_cert_expiry";

fn query(subject: &Subject) -> Option<String> {
    let scope = subject.of_exporters();
    let reach = promql_duration(subject.reach);
    let all = format!("{SUCCESS}{{{scope}}}");
    let mut told = vec![
        format!("({all} and on () (count({all}) <= {FEW}))"),
        format!("({all} == 0)"),
        format!("({CERTIFICATE}{{{scope}}} < time() + {})", RENEW * DAY),
    ];
    if let Some(service) = subject.service.as_deref() {
        let word = quote(&format!("(?i)(.*[^a-z0-9])?{}([^a-z0-9].*)?", regex::escape(service)));
        told.extend(["instance", "job"].map(|label| format!("{SUCCESS}{{{scope}{label}=~{word}}}")));
    }
    let figures = format!("{{{scope}__name__=~\"{SUCCESS}|{STATUS}|{DURATION}|{CERTIFICATE}\"}}");
    let last = |is: &str| format!("max_over_time(timestamp({all}{is})[{reach}:1m])");
    let mut parts = vec![
        named_by("__name__", &format!("({figures} and ({}))", told.join(" or "))),
        together([
            ("succeeded", format!("{} and ({all} == 0)", last(" == 1"))),
            // What is no more configured has no target; of this one the exporter does not answer.
            ("asked", format!("{} and (up{{{scope}}} == 0) unless {all}", last(""))),
        ]),
    ];
    if subject.service.is_none() {
        parts.push(together([count_of(&all)]));
    }
    Some(parts.join(" or "))
}

/// The figures of a probe, by their names; probes are told apart by all their labels.
type Probes<'v> = BTreeMap<Labels, BTreeMap<&'v str, f64>>;

fn read(vector: &Vector, subject: &Subject, now: Timestamp) -> Vec<Row> {
    let mut probes = Probes::new();
    for (figure, series) in Told::new(vector).all() {
        for (labels, value) in series.iter().filter(|(labels, _)| labels.get("instance").is_some()) {
            let mut own = (*labels).clone();
            own.remove("__name__");
            own.remove(FIGURE);
            probes.entry(own).or_default().insert(figure, *value);
        }
    }
    let service = subject.service.as_deref();
    // A certificate alone is of a probe that tells nothing else now.
    probes.retain(|_, figures| figures.contains_key(SUCCESS) || figures.contains_key("asked"));
    let is_own = |labels: &Labels| service.is_none_or(|service| labels.iter().any(|(_, value)| has_word(value, service)));
    let any = probes.keys().any(&is_own);
    let shown = probes.iter().filter(|(labels, _)| !any || is_own(labels));
    let mut rows: Vec<Row> = shown.map(|(labels, figures)| probe_row(labels, figures, service.filter(|_| any), subject, now)).collect();
    sort(&mut rows);
    rows
}

/// Whether a text has a word, as `https://orders.example/` and `probe-orders` have `orders`.
fn has_word(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    let is_end = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    !word.is_empty()
        && text.match_indices(&word).any(|(at, _)| is_end(text[..at].chars().next_back()) && is_end(text[at + word.len()..].chars().next()))
}

fn probe_row(labels: &Labels, figures: &BTreeMap<&str, f64>, of: Option<&str>, subject: &Subject, now: Timestamp) -> Row {
    let key = labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",");
    let figure = |name: &str| figures.get(name).copied();
    let mut row = Row::new(key, labels.get("instance").unwrap_or(""), labels.clone());
    row.add(Figure::new(of.unwrap_or("all")));
    row.add(Figure::new(labels.get("job").unwrap_or("")));
    let (state, level) = state(&mut row, figures, subject, now);
    row.add(Figure::new(state).at(level));
    // A probe of something else than HTTP has none, and one that got no answer has 0.
    let status = figure(STATUS).filter(|status| *status > 0.0);
    row.add(Figure::told(status, |status| format!("{status:.0}")));
    row.add(Figure::told(figure(DURATION), format::seconds));
    let left = figure(CERTIFICATE).map(|end| (end - now.0 as f64 / 1e9) / DAY);
    let level = match left {
        Some(days) if days < URGENT => Level::Bad,
        Some(days) if days < RENEW => Level::Warn,
        _ => Level::Fine,
    };
    let whole = |days: f64| if days < 0.0 { "ended".to_owned() } else { format!("{:.0}d", days.floor()) };
    row.add(Figure::told(left, whole).at(level));
    if let Some(days) = left.filter(|_| level >= Level::Warn) {
        let length = format::seconds(days.abs() * DAY);
        let words = if days < 0.0 { format!("its certificate ended {length} ago") } else { format!("its certificate ends in {length}") };
        row.because(level, words);
    }
    row
}

/// What is shown as its state, and how well that is.
fn state(row: &mut Row, figures: &BTreeMap<&str, f64>, subject: &Subject, now: Timestamp) -> (String, Level) {
    let ago = |name: &str| figures.get(name).map(|at| format::age(now.since(Timestamp::from_secs(*at as i64))));
    match figures.get(SUCCESS) {
        Some(success) if *success > 0.0 => ("succeeds".to_owned(), Level::Fine),
        Some(_) => {
            let status = figures.get(STATUS).filter(|status| **status > 0.0).map(|status| format!(", answered {status:.0}"));
            let since = ago("succeeded");
            let long =
                since.as_ref().map_or_else(|| format!("in all of the last {}", format::span(subject.reach)), |ago| format!("for {ago}"));
            row.because(Level::Bad, format!("fails {long}{}", status.unwrap_or_default()));
            (since.map_or_else(|| "fails".to_owned(), |ago| format!("fails {ago}")), Level::Bad)
        }
        None => {
            let since = ago("asked").unwrap_or_default();
            row.because(Level::Warn, "not asked any more: its exporter does not answer Prometheus");
            (format!("unknown {since}"), Level::Warn)
        }
    }
}

fn graphs(row: &Row, _subject: &Subject) -> Vec<Graph> {
    let of = row.place.iter().map(|(label, value)| format!("{}={}", label_name(label), quote(value)));
    let of = of.collect::<Vec<_>>().join(", ");
    let graph = |title, unit, figure: &str, query: String| Graph { title, query: together([(figure, query)]), unit };
    // What an HTTP probe spends its time on, if it is one.
    let phases = named_by("phase", &format!("max by (phase) (probe_http_duration_seconds{{{of}}})"));
    vec![
        graph("success", Unit::Share, "success", format!("max({SUCCESS}{{{of}}})")),
        graph("duration", Unit::Seconds, "whole", format!("max({DURATION}{{{of}}})")),
        Graph { title: "phases", query: phases, unit: Unit::Seconds },
    ]
}
