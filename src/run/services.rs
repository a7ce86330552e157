//! `redline services`: the figures of all services once, on standard output.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Failure,
    clients::sources,
    report::{clean, print, print_json, say},
    runtime, terminal,
};
use crate::{
    cli::{Options, Output},
    clock::Clock,
    config::Loaded,
    model::{
        backend::{Backend, SourceError},
        labels::LabelNames,
        time::Timestamp,
    },
    red::{
        self, Durations, Failures, RedMapping,
        figures::{Answered, Figures, QUANTILES, figures},
    },
    source::{Prometheus, http::Observer, not_configured},
    ui::format,
};

/// What a table's columns are called.
const HEAD: [&str; 7] = ["SERVICE", "RATE", "ERRORS", "P50", "P95", "P99", "FAMILY"];
/// The names of [`QUANTILES`].
const NAMES: [&str; 3] = ["p50", "p95", "p99"];

/// Asks once and prints; the exit code tells how it went.
pub(super) fn run(loaded: &Loaded, options: &Options, output: Output) -> Result<u8, Failure> {
    let (name, environment) = loaded.config.current().ok_or_else(|| Failure::usage("there is no environment to ask"))?;
    let nobody: Observer = Arc::new(|_, _| {});
    let clock = Clock::system();
    let sources = sources(&loaded.config, environment, &nobody, &clock).map_err(Failure::usage)?;
    let zone = loaded.config.display.time_zone.offset(clock.now()).0;
    let only = options.service.as_ref().map(|service| vec![service.clone()]);
    let runtime = runtime()?;
    let prometheus = sources.prometheus.as_ref().ok_or_else(|| Failure::source(&not_configured(Backend::Prometheus)))?;
    // The first answer of any tells how far the clocks are apart, and so when now is.
    runtime.block_on(prometheus.query("vector(1)", clock.now())).map_err(|e| Failure::source(&e))?;
    if let Err(e) = runtime.block_on(prometheus.set_clock_right(None)) {
        say(format!("{e}: whether clocks differ is not known"));
    }
    let at = terminal::window(options, clock.now(), zone)?.range(clock.now()).end;
    let asked = runtime.block_on(ask(prometheus, &sources.labels, only.as_deref(), at));
    let (mapping, told) = asked.map_err(|e| Failure::source(&e))?;
    loaded.warnings.iter().for_each(say);
    mapping.notes.iter().chain(&told.notes).for_each(say);
    if mapping.families.is_empty() {
        say(format!("no known RED metrics in the Prometheus of \"{name}\"; redline doctor tells what was looked for"));
    }
    if let Some(service) = options.service.as_ref().filter(|service| !told.services.contains_key(service.as_str())) {
        say(format!("{service:?} has no requests at that time that a known family counts"));
    }
    match output {
        Output::Text => print(text(&mapping, &told).as_bytes()),
        Output::Json => print_json(&json(&mapping, &told)),
    }
}

async fn ask(
    prometheus: &Prometheus,
    labels: &LabelNames,
    only: Option<&[String]>,
    at: Timestamp,
) -> Result<(RedMapping, Answered), SourceError> {
    let mapping = red::discover(prometheus, labels, at).await?;
    let told = figures(prometheus, &mapping, only, at).await?;
    Ok((mapping, told))
}

/// The stable shape for programs.
fn json(mapping: &RedMapping, told: &Answered) -> Value {
    let nanos = |seconds: Option<f64>| seconds.map(|s| (s * 1e9).round() as i64);
    let one = |(service, figures): (&String, &Figures)| {
        let family = figures.family(mapping, service);
        let window = family.map(|f| f.rate_window(Duration::ZERO)).unwrap_or_default();
        json!({
            "service": service,
            "rate": figures.rate,
            "errors": figures.errors,
            "p50": nanos(figures.quantiles[0]),
            "p95": nanos(figures.quantiles[1]),
            "p99": nanos(figures.quantiles[2]),
            "family": family.map(|f| f.name.as_str()),
            "flags": flags(mapping, service, figures),
            "query": {
                "rate": family.map(|f| f.rate_of(service, window)),
                "errors": family.and_then(|f| f.error_ratio(service, window)),
                "p95": family.and_then(|f| f.quantile(QUANTILES[1], service, window)),
            },
        })
    };
    Value::Array(told.services.iter().map(one).collect())
}

/// What is to be known of a service's figures, in words that the README explains.
fn flags(mapping: &RedMapping, service: &str, figures: &Figures) -> Vec<String> {
    let Some(family) = figures.family(mapping, service) else { return Vec::new() };
    let mut flags: Vec<String> =
        (0..QUANTILES.len()).filter(|i| figures.is_at_highest_bound(*i)).map(|i| format!("{}_at_highest_bound", NAMES[i])).collect();
    let untold = figures.errors.is_none() && figures.rate.is_some_and(|rate| rate > 0.0);
    let facts = [
        ("buckets_differ", figures.mixed_buckets),
        ("quantiles_of_instances", matches!(family.durations, Some(Durations::Given(_)))),
        ("no_p95", family.lacks_quantile(QUANTILES[1])),
        ("no_durations", family.durations.is_none()),
        ("no_failures", family.failures.is_none() || untold),
        ("failures_by_counter", matches!(family.failures, Some(Failures::Counter(_)))),
    ];
    flags.extend(facts.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned()));
    flags
}

/// A table for people; nothing a server said can move the cursor.
fn text(mapping: &RedMapping, told: &Answered) -> String {
    let shown = |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(|| format::MISSING.to_owned(), show);
    let mut rows: Vec<Vec<String>> = vec![HEAD.map(str::to_owned).to_vec()];
    for (service, figures) in &told.services {
        let family = figures.family(mapping, service);
        let quantile = |i: usize| {
            let about = if figures.mixed_buckets && figures.quantiles[i].is_some() { "~" } else { "" };
            let above = if figures.is_at_highest_bound(i) { ">" } else { about };
            format!("{above}{}", shown(figures.quantiles[i], format::seconds))
        };
        let mut row = vec![clean(service), shown(figures.rate, format::rate), shown(figures.errors, format::percent)];
        row.extend((0..QUANTILES.len()).map(quantile));
        row.push(family.map_or_else(String::new, |f| clean(&f.name)));
        rows.push(row);
    }
    let widths: Vec<usize> = (0..HEAD.len()).map(|c| rows.iter().map(|row| crate::ui::text::width(&row[c])).max().unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let room = " ".repeat(width.saturating_sub(crate::ui::text::width(cell)));
            if (1..=5).contains(&column) { format!("{room}{cell}") } else { format!("{cell}{room}") }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::testing::red_mapping;

    fn told() -> (RedMapping, Answered) {
        let figures = |rate, errors, p95| Figures {
            rate: Some(rate),
            errors,
            quantiles: [None, p95, p95],
            highest: Some(10.0),
            mixed_buckets: rate == 0.5,
            family: "0".to_owned(),
        };
        let services = [
            ("cart", figures(41.25, Some(0.0), Some(0.0505))),
            ("or\u{1b}ders", figures(0.0, None, Some(10.0))),
            ("web", figures(0.5, None, Some(0.2))),
        ];
        let services = services.into_iter().map(|(name, f)| (name.to_owned(), f)).collect();
        (red_mapping(&["cart", "or\u{1b}ders", "web"]), Answered { services, notes: Vec::new() })
    }

    #[test]
    fn the_json_has_the_documented_shape() {
        let (mapping, told) = told();
        let told = json(&mapping, &told);
        let rate = r#"sum(rate(http_server_requests_seconds_count{application=~"(.*/)?cart"}[60s]))"#;
        assert_eq!(told[0]["query"]["rate"], rate);
        let mut cart = told[0].clone();
        cart.as_object_mut().unwrap().remove("query");
        let expected = json!({
            "service": "cart", "rate": 41.25, "errors": 0.0, "p50": null, "p95": 50_500_000, "p99": 50_500_000,
            "family": "Micrometer", "flags": [],
        });
        assert_eq!(cart, expected);
        assert_eq!(told[1]["flags"], json!(["p95_at_highest_bound", "p99_at_highest_bound"]));
        assert_eq!(told[2]["flags"], json!(["buckets_differ", "no_failures"]));
    }

    #[test]
    fn the_text_is_a_table_that_marks_what_may_be_longer_and_is_harmless() {
        let (mapping, told) = told();
        let expected = "\
SERVICE     RATE  ERRORS  P50      P95      P99  FAMILY
cart     41.2 /s   0.0 %    –    50 ms    50 ms  Micrometer
or.ders     0 /s       –    –  >10.0 s  >10.0 s  Micrometer
web      0.50 /s       –    –  ~200 ms  ~200 ms  Micrometer
";
        assert_eq!(text(&mapping, &told), expected);
    }
}
