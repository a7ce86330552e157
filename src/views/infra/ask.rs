//! What the Infra page asks: one question a section, what the service's own metrics say of where it is, and the graphs.

use std::time::Duration;

use compact_str::CompactString;
use ratatui::layout::Rect;

use super::{Infra, SECTIONS, subject::Subject};
use crate::{
    core::request::Request,
    model::labels::{Labels, Matcher},
    red::{Family, Kind},
    views::{Look, Needs},
};

/// The shortest window of rates: cAdvisor and node_exporter are often scraped once a minute.
const OVER: Duration = Duration::from_secs(300);
/// What is no more is looked for this far back, at the most.
const REACH: Duration = Duration::from_secs(6 * 3600);
/// Labels of the scope that mean the same to exporters as to anything else.
const PLACES: [&str; 5] = ["namespace", "cluster", "pod", "node", "container"];

impl Infra {
    /// Whose infrastructure the page shows.
    pub(super) fn subject(&self, look: &Look<'_>) -> Subject {
        let service = look.scope.service.clone();
        let family = own_family(look);
        let own = |label: &str| -> Vec<CompactString> {
            let elements = self.own.value().map_or(&[][..], |vector| &vector.elements);
            let mut values: Vec<CompactString> = elements.iter().filter_map(|(labels, _)| labels.get(label)).map(Into::into).collect();
            values.sort_unstable();
            values.dedup();
            values.retain(|value| !value.is_empty());
            values
        };
        let mut pods = own("pod");
        pods.extend(self.wanted_pod(&service));
        Subject {
            service,
            service_label: family.map(|family| family.service_label.as_str().into()),
            pods,
            hosts: self.hosts(&own("instance")),
            matchers: look.scope.matchers.iter().filter(|m| is_place(m)).cloned().collect(),
            over: family.map_or(OVER, |family| family.rate_window(Duration::ZERO).max(OVER)),
            reach: look.range().duration().clamp(OVER, REACH),
        }
    }

    /// The pod that led here is the service's, whatever it is called.
    fn wanted_pod(&self, service: &Option<CompactString>) -> Option<CompactString> {
        self.led_by.as_ref().filter(|_| service.is_some())?.get("pod").map(Into::into)
    }

    /// The machines of the pods that are known, and of the processes that no pod is known of.
    fn hosts(&self, instances: &[CompactString]) -> Vec<CompactString> {
        let places = self.parts[0].all.iter().map(|row| &row.place);
        let of_pods = places.flat_map(|place: &Labels| [place.get("node"), place.get("host_ip")]).flatten();
        let of_processes = instances.iter().filter_map(|instance| instance.rsplit_once(':')).map(|(host, _)| host);
        let mut hosts: Vec<CompactString> = of_pods.chain(of_processes).map(Into::into).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
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
