//! What the Infra page asks: one question a section, what the service's own metrics say of where it is, and the graphs.

use std::{collections::BTreeMap, time::Duration};

use compact_str::CompactString;
use ratatui::layout::Rect;

use super::{
    Infra, PODS, SECTIONS,
    section::Level,
    subject::{Host, Subject, host_of},
};
use crate::{
    core::request::Request,
    model::labels::Matcher,
    red::{Family, Kind},
    views::{Look, Needs},
};

/// The shortest window of rates: cAdvisor and node_exporter are often scraped once a minute.
const OVER: Duration = Duration::from_secs(300);
/// What is no more is looked for this far back, at the most.
const REACH: Duration = Duration::from_secs(6 * 3600);
/// Windows are looked back over in steps of so many seconds.
const STEP: u64 = 600;
/// Labels of the scope that mean the same to exporters as to anything else.
const PLACES: [&str; 5] = ["namespace", "cluster", "pod", "node", "container"];

impl Infra {
    /// Whose infrastructure the page shows.
    pub(super) fn subject(&self, look: &Look<'_>) -> Subject {
        let service = look.scope.service.clone();
        let family = own_family(look);
        let own = self.own.value().map_or(&[][..], |vector| &vector.elements);
        let mut pods: Vec<CompactString> = own.iter().filter_map(|(labels, _)| labels.get("pod")).map(Into::into).collect();
        pods.sort_unstable();
        pods.dedup();
        pods.retain(|pod| !pod.is_empty());
        pods.extend(self.wanted_pod(&service));
        Subject {
            service,
            service_label: family.map(|family| family.service_label.as_str().into()),
            pods,
            hosts: self.hosts(look.scope.service.is_some()),
            matchers: look.scope.matchers.iter().filter(|m| is_place(m)).cloned().collect(),
            over: family.map_or(OVER, |family| family.rate_window(Duration::ZERO).max(OVER)),
            reach: reach(look.range().duration()),
        }
    }

    /// The pod that led here is the service's, whatever it is called.
    fn wanted_pod(&self, service: &Option<CompactString>) -> Option<CompactString> {
        self.led_by.as_ref().filter(|_| service.is_some())?.get("pod").map(Into::into)
    }

    /// The machines of the pods that are known, of the processes that no pod is known of, and the one that led here.
    fn hosts(&self, of_service: bool) -> Vec<Host> {
        let mut hosts: BTreeMap<&str, Host> = BTreeMap::new();
        for pod in self.parts[PODS].all.iter().filter(|_| of_service) {
            let Some(node) = pod.place.get("node") else { continue };
            let host = hosts.entry(node).or_default();
            host.address = pod.place.get("host_ip").unwrap_or("").into();
            *(if pod.level == Level::Gone { &mut host.gone } else { &mut host.pods }) += 1;
        }
        let own = self.own.value().map_or(&[][..], |vector| &vector.elements).iter().map(|(labels, _)| labels);
        let own = own.filter(|labels| labels.get("pod").is_none_or(str::is_empty)).filter_map(|labels| labels.get("instance"));
        let led_by = self.led_by.iter().flat_map(|by| ["node", "nodename", "instance"].map(|label| by.get(label))).flatten();
        for name in own.chain(led_by).map(host_of).filter(|name| !name.is_empty()) {
            hosts.entry(name).or_default();
        }
        hosts.into_iter().map(|(name, host)| Host { name: name.into(), ..host }).collect()
    }

    /// All questions.
    pub(super) fn ask(&self, look: &Look<'_>, area: Rect, needs: &mut Needs<'_>) {
        let subject = self.subject(look);
        let instant = |query| Request::Instant { query, window: look.scope.window };
        if let Some(query) = own_place(look) {
            needs.ask("own", 0, instant(query), look.shared.refresh_slow());
        }
        for section in SECTIONS {
            if let Some(query) = (section.query)(&subject) {
                needs.ask(section.name, 0, instant(query), look.shared.refresh_slow());
            }
        }
        self.graphs.ask(&self.row_graphs(look), look, area, needs);
    }
}

/// How far back is looked for what is no more in a window of this length. One that grows with the clock is the same question for a
/// while: a question that is another one at each message is never answered.
fn reach(window: Duration) -> Duration {
    Duration::from_secs(window.as_secs().div_ceil(STEP) * STEP).clamp(OVER, REACH)
}

fn is_place(matcher: &Matcher) -> bool {
    PLACES.contains(&matcher.name.as_str())
}

/// The family by which the service's processes count their requests themselves: what a trace pipeline or a proxy counts has
/// the pipeline's or the proxy's own pod.
fn own_family<'l>(look: &Look<'l>) -> Option<&'l Family> {
    let (red, service) = (look.shared.red.value()?, look.scope.service.as_deref()?);
    red.families_of(service).find(|family| matches!(family.kind, Kind::Http | Kind::Grpc))
}

/// Where the service's own metrics say that it is.
fn own_place(look: &Look<'_>) -> Option<String> {
    let (family, service) = (own_family(look)?, look.scope.service.as_deref()?);
    let series = family.selector(family.requests.metric(), &[family.service_matcher(service)]);
    Some(format!("count by (pod, instance) ({series})"))
}
