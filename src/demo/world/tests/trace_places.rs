//! From a line to its trace and back, wherever the line has the id.

use super::*;
use crate::{
    core::scope::Scope,
    demo::{
        rules::{RuleEngine, RuleFile},
        server::{self, DemoStores, Servers},
    },
    model::{
        backend::Backend,
        log::LogLine,
        log_labels::{LogLabels, ServiceLabel},
        time::TimeWindow,
    },
    source::{Loki, Tempo, http::Endpoint, loki::Direction as Order},
    views::logs::query::of_scope,
};

async fn serve() -> (Servers, Loki, Tempo) {
    let world = incident();
    let clock: Arc<dyn Clock> = Arc::new(At(START));
    let rules = RuleEngine::new(RuleFile::shop().unwrap(), "rules.yml", world.clone(), clock.clone(), START).unwrap();
    let stores = DemoStores { rules: Arc::new(rules), silences: Vec::new(), logs: world.clone(), traces: world };
    let servers = server::serve(stores, clock).await.unwrap();
    let loki = Loki::new(Endpoint::new(Backend::Loki, servers.loki.clone()), Arc::new(|_, _| ())).unwrap();
    let tempo = Tempo::new(Endpoint::new(Backend::Tempo, servers.tempo.clone()), Arc::new(|_, _| ())).unwrap();
    (servers, loki, tempo)
}

/// Lines of a query among those of the incident.
async fn lines(loki: &Loki, logql: &str) -> Vec<LogLine> {
    let range = TimeRange { start: START - seconds(1_200), end: START };
    loki.query_range(logql, range, 50, Order::Forward).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_of_a_trace_id_leads_to_the_trace_and_the_trace_to_the_line() {
    let (_servers, loki, tempo) = serve().await;
    for (service, filter, from) in [
        ("web", "", "structured metadata"),
        ("payments", "", "structured metadata"),
        ("catalog", "", "JSON field trace_id"),
        ("inventory", "", "JSON field trace.id"),
        ("orders", "", "text"),
        ("checkout", "|= `[checkout,,] [orders-client-` |= `X-B3-TraceId: `", "text"),
        ("cart", "|~ `dd.trace_id=[0-9]{15,20} `", "logfmt"),
        ("cart", "|~ `dd.trace_id=[0-9a-f]{32} `", "logfmt"),
        ("mailer", "|= ` b3: `", "text"),
        ("mailer", "|= ` X-Amzn-Trace-Id: Root=1-`", "text"),
        ("controller", "", "text"),
    ] {
        let label = format!("{{service_name=~\"(.*/)?{service}\"}} {filter}");
        let found = lines(&loki, &label).await;
        let line = found.first().unwrap_or_else(|| panic!("no line for {label}"));
        assert_eq!(line.trace_from, Some(from), "{}", line.text);
        let trace = line.trace.unwrap_or_else(|| panic!("no trace in {}", line.text));
        let spans = tempo.trace(trace, None).await.unwrap_or_else(|e| panic!("{trace} of {}: {e}", line.text));
        let services: Vec<&str> = spans.resources.iter().map(|r| r.service.as_str()).collect();
        assert!(services.contains(&service) || service == "controller", "{services:?} have nothing of {service}");
        // And back: the lines of the trace have this one.
        let names = ServiceLabel::new("service_name", vec![line.stream.get("service_name").unwrap().into()], &Arc::default());
        let scope = Scope::new("demo", TimeWindow::Last(std::time::Duration::from_secs(60))).with_service(service).with_trace(trace, None);
        let mut back = Vec::new();
        for query in of_scope(&scope, &LogLabels::new(vec![names], Vec::new()), &[]).streams {
            back.extend(lines(&loki, &query).await);
        }
        assert!(back.iter().any(|l| l.text == line.text && l.at == line.at), "{trace} does not lead to {}", line.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn some_lines_have_no_id() {
    let (_servers, loki, _) = serve().await;
    for logql in ["{service_name=\"cart\"} |= `uvicorn.access`", "{service_name=\"sessions\"}"] {
        let found = lines(&loki, logql).await;
        assert!(found.len() == 50 && found.iter().all(|l| l.trace.is_none()), "{logql}: {:?}", found.first());
    }
}
