//! `redline alerts`: the table of the Alerts view once, on standard output.

use std::{pin::pin, sync::Arc};

use futures_util::{StreamExt, stream};

use super::{
    Failure, NO_ANSWER,
    clients::sources,
    report::{print, print_json, say},
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
        Output::Json => print_json(&report.json())?,
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
    let notes = prometheus.iter().chain(&ruler).flat_map(|told| told.notes.iter().cloned()).collect();
    let of_several = alertmanager.iter().flat_map(|told| told.failed().map(|(_, error)| error.clone())).collect::<Vec<_>>();
    // What the ruler's rules fire is in Alertmanager, too, where that tells its alerts.
    let (of_ruler, unsure) = if alertmanager.is_ok() { (None, ruler.err()) } else { (ruler.err(), None) };
    let incomplete = [unsure, fired.and_then(Result::err), red.and_then(Result::err), unanswered];
    let silent = [prometheus.err(), alertmanager.err(), of_ruler].into_iter().flatten().filter(is_failure).chain(of_several).collect();
    Answers { notes, silent, incomplete: incomplete.into_iter().flatten().filter(is_failure).collect(), report }
}

/// Questions about series that are under way at once.
const AT_ONCE: usize = 4;

/// What series tell of services, and the first failure. One that is not of the question itself would be that of all others,
/// each after its own time: they are not asked any more.
async fn of_series(sources: &Sources, questions: Vec<String>, now: Timestamp) -> (Vec<(String, Vector)>, Option<SourceError>) {
    let (mut told, mut failure) = (Vec::new(), None);
    let Some(prometheus) = &sources.prometheus else { return (told, failure) };
    let ask = async |question: String| (prometheus.query(&question, now).await, question);
    let mut answers = pin!(stream::iter(questions).map(ask).buffered(AT_ONCE));
    while let Some((answer, question)) = answers.next().await {
        match answer {
            Ok(vector) => told.push((question, vector)),
            Err(e) => {
                let is_last = !e.is_of_the_question(false);
                failure.get_or_insert(e);
                if is_last {
                    break;
                }
            }
        }
    }
    (told, failure)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{any, body_string_contains},
    };

    use super::*;
    use crate::source::{Prometheus, http::Endpoint};

    async fn sources(server: &MockServer, timeout: Duration) -> Sources {
        let endpoint = Endpoint { timeout, ..Endpoint::new(Backend::Prometheus, server.uri().parse().unwrap()) };
        Sources { prometheus: Some(Prometheus::new(endpoint, Arc::new(|_, _| {})).unwrap()), ..Sources::default() }
    }

    fn questions(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("question_{i}_")).collect()
    }

    fn told() -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_raw(r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#, "application/json")
    }

    #[tokio::test]
    async fn a_prometheus_that_hangs_is_not_waited_for_once_a_question() {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(told().set_delay(Duration::from_secs(600))).mount(&server).await;
        let (told, failure) = of_series(&sources(&server, Duration::from_millis(200)).await, questions(40), Timestamp::ZERO).await;
        assert!(told.is_empty() && matches!(failure.unwrap().kind, ErrorKind::Timeout(_)));
        assert!(server.received_requests().await.unwrap().len() <= 2 * AT_ONCE, "those under way, and what took their places");
    }

    #[tokio::test]
    async fn a_question_that_is_refused_takes_nothing_of_the_others_away() {
        let server = MockServer::start().await;
        let refusal = r#"{"status":"error","errorType":"bad_data","error":"no"}"#;
        let refused = ResponseTemplate::new(400).set_body_raw(refusal, "application/json");
        Mock::given(body_string_contains("question_0_")).respond_with(refused).with_priority(1).mount(&server).await;
        Mock::given(any()).respond_with(told()).mount(&server).await;
        let (told, failure) = of_series(&sources(&server, Duration::from_secs(20)).await, questions(40), Timestamp::ZERO).await;
        assert_eq!((told.len(), failure.unwrap().kind), (39, ErrorKind::BadQuery));
        assert_eq!(told[0].0, "question_1_");
    }
}
