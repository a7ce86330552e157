//! What the selected line was written on: its collector tells, or the line itself.

use super::Logs;
use crate::{
    model::{labels::Labels, time::TimeRange},
    views::{Cx, Look, infra},
};

/// What a label that the user says names the process stands for.
const INSTANCE: &str = "instance";

impl Logs {
    /// Opens what the line was written on, at its time; of a page without lines what the service of the scope runs on.
    pub(super) fn open_infra(&self, cx: &mut Cx<'_>) {
        let look = &cx.look;
        let mut scope = self.service(look).map_or_else(|| look.scope.clone(), |service| look.scope.with_service(service));
        if let Some(line) = self.line() {
            scope = scope.leading_to(TimeRange::new(line.id.at, line.id.at), look.now);
        }
        let place = self.place_of_line(look, scope.service.as_deref());
        cx.acts.push(infra::open(place, scope));
    }

    fn place_of_line(&self, look: &Look<'_>, service: Option<&str>) -> Labels {
        if let Some(field) = self.selected_field(look) {
            let place = infra::place_of(service, [(field.name.as_str(), field.value.as_str())], []);
            if !place.is_empty() {
                return place;
            }
        }
        let own = &look.shared.settings.labels.logs_instance;
        let as_own = |(name, value)| if own.iter().any(|own| own == name) { (INSTANCE, value) } else { (name, value) };
        let Some(line) = self.line() else { return Labels::new() };
        let record = self.record(&line);
        let said = record.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        infra::place_of(service, line.stream.iter().chain(line.metadata()).map(as_own), said)
    }
}
