//! `redline alerts`: the table of the Alerts view once, on standard output.

use std::sync::Arc;

use super::{
    Failure, NO_ANSWER,
    clients::sources,
    report::{print, say},
    runtime,
};
use crate::{
    cli::{Options, Output},
    clock::Clock,
    config::Loaded,
    model::{
        alert_book::Told,
        backend::{Backend, ErrorKind, SourceError},
        series::Vector,
        time::Timestamp,
    },
    red,
    source::{Sources, http::Observer},
    views::alerts::{
        FIRED,
        report::{Draft, Only, Report},
    },
};

/// Something fires.
const BAD_NEWS: u8 = 1;

/// Prints the alerts; the exit code tells whether any fires, or that a backend that may know of more did not answer.
pub(super) fn alerts(loaded: &Loaded, options: &Options, output: Output) -> Result<u8, Failure> {
    let config = &loaded.config;
    let (_, environment) = config.current().ok_or_else(|| Failure::usage("there is no environment to ask"))?;
    for warning in &loaded.warnings {
        say(warning);
    }
    let nobody: Observer = Arc::new(|_, _| {});
    let clock = Clock::system();
    let sources = sources(config, environment, &nobody, &clock).map_err(Failure::usage)?;
    if !sources.has(Backend::Prometheus) && !sources.has(Backend::Alertmanager) {
        return Err(Failure::usage("no backend tells alerts: give --prometheus URL or --alertmanager URL, or write them into config.toml"));
    }
    let only = Only { name: options.alert.clone(), service: options.service.clone(), labels: options.labels.clone() };
    let Answers { report, silent, incomplete, notes } = runtime()?.block_on(ask(&sources, &only, &clock));
    notes.iter().for_each(say);
    for error in silent.iter().chain(&incomplete) {
        say(format!("{error}. {}", error.advice()));
    }
    match output {
        Output::Text => print(report.text(&silent, config.display.time_zone.offset(clock.now()).0).as_bytes())?,
        Output::Json => print(format!("{}\n", report.json()).as_bytes())?,
    };
    Ok(match () {
        () if !silent.is_empty() => NO_ANSWER,
        () if report.is_bad_news() => BAD_NEWS,
        () => 0,
    })
}

/// What came of asking.
struct Answers {
    report: Report,
    /// Who tells alerts and did not.
    silent: Vec<SourceError>,
    /// What else could not be found out: names of services, what has ended.
    incomplete: Vec<SourceError>,
    /// What was left out of an answer, how far the clocks are apart.
    notes: Vec<String>,
}

/// Asks those who tell alerts, which also tells how far the clocks are apart, and then what names services and has ended.
async fn ask(sources: &Sources, only: &Only, clock: &Clock) -> Answers {
    let (prometheus, alertmanager, ruler) =
        tokio::join!(sources.prometheus_alerts(), sources.alertmanager_alerts(), sources.ruler_alerts());
    let now = clock.now();
    let fired = async { Some(sources.prometheus.as_ref().filter(|_| prometheus.is_ok())?.query(FIRED, now).await) };
    let red = async { Some(red::discover(sources.prometheus.as_ref().filter(|_| prometheus.is_ok())?, &sources.labels, now).await) };
    let (fired, red) = tokio::join!(fired, red);
    let told = Told {
        prometheus: prometheus.as_ref().ok(),
        alertmanager: alertmanager.as_ref().ok(),
        ruler: (ruler.as_ref().ok(), None),
        fired: fired.as_ref().and_then(|f| f.as_ref().ok()).map_or(&[], |v| &v.elements),
        severities: Some(&sources.severities),
        now,
        ..Told::default()
    };
    let draft = Draft::new(&told, red.as_ref().and_then(|r| r.as_ref().ok()), &sources.labels.metrics_service);
    let (series, unanswered) = of_series(sources, draft.questions(), now).await;
    let report = draft.report(series, only);
    let is_failure = |e: &SourceError| e.kind != ErrorKind::NotConfigured;
    Answers {
        notes: prometheus.as_ref().map_or_else(|_| Vec::new(), |told| told.notes.clone()),
        silent: {
            let of_several = alertmanager.iter().flat_map(|told| told.failed().map(|(_, error)| error.clone())).collect::<Vec<_>>();
            [prometheus.err(), alertmanager.err()].into_iter().flatten().filter(is_failure).chain(of_several).collect()
        },
        incomplete: [ruler.err(), fired.and_then(Result::err), red.and_then(Result::err), unanswered]
            .into_iter()
            .flatten()
            .filter(is_failure)
            .collect(),
        report,
    }
}

/// What series tell of services, question by question, and the first failure.
async fn of_series(sources: &Sources, questions: Vec<String>, now: Timestamp) -> (Vec<(String, Vector)>, Option<SourceError>) {
    let (mut told, mut failure) = (Vec::new(), None);
    let Some(prometheus) = &sources.prometheus else { return (told, failure) };
    for question in questions {
        match prometheus.query(&question, now).await {
            Ok(vector) => told.push((question, vector)),
            Err(e) => failure = failure.or(Some(e)),
        }
    }
    (told, failure)
}
