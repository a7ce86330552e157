//! What the page says of a service that no label of the logs names.

use std::cell::RefCell;

use compact_str::CompactString;

use super::Logs;
use crate::{
    core::command::Command,
    model::{log_labels::LogLabels, time::Timestamp},
    views::Look,
};

/// How many names are offered.
const NEAREST: usize = 5;

/// The nearest names of a service, which are looked for among all names: found once for each answer.
#[derive(Default)]
pub(super) struct Nearest(RefCell<Option<(CompactString, Timestamp, Vec<String>)>>);

impl Nearest {
    fn of(&self, service: &str, asked: Timestamp, labels: &LogLabels) -> Vec<String> {
        let mut kept = self.0.borrow_mut();
        match &*kept {
            Some((of, at, names)) if of == service && *at == asked => names.clone(),
            _ => {
                let names: Vec<String> =
                    labels.nearest(service, NEAREST).into_iter().map(|(label, value)| format!("{value} ({label})")).collect();
                *kept = Some((service.into(), asked, names.clone()));
                names
            }
        }
    }
}

impl Logs {
    /// That the lines of all services are those of some: no one label is on all streams.
    pub(super) fn partial(&self, look: &Look<'_>) -> Option<String> {
        let labels = look.shared.log_labels.value().filter(|_| self.typed.is_none() && look.scope.service.is_none())?;
        let (first, all) = labels.named();
        (first < all).then(|| format!("only streams with {}: {first} of {all} services", labels.first()))
    }

    /// Why a service has no lines: no label names it. `None` where one does, or it is not known.
    pub(super) fn unnamed(&self, look: &Look<'_>) -> Option<Vec<String>> {
        let (service, slot) = (look.scope.service.as_deref()?, &look.shared.log_labels);
        if self.typed.is_some() {
            return None;
        }
        let key = |command| look.shared.keymap.key(command).unwrap_or_default();
        let Some(labels) = slot.value() else {
            let error = slot.error()?;
            let own = look.shared.settings.labels.logs_services.contains_key(service);
            return (!own).then(|| vec![format!("Which label names services is not known ({}), so service_name is asked.", error.message)]);
        };
        if labels.matchers(service).is_some() {
            return None;
        }
        if look.shared.asked.keys().any(|slot| slot.pane == "log labels") {
            return Some(vec![format!("Looking for a label that names {service}.")]);
        }
        let mut lines = vec![match labels.labels() {
            [] => "No label of this Loki is known to name services.".to_owned(),
            all => {
                let names: Vec<&str> = all.iter().map(|label| label.name.as_str()).collect();
                format!("No log stream is named {service} by {}.", names.join(", "))
            }
        }];
        let near = self.nearest.of(service, slot.at(), labels);
        if !near.is_empty() {
            lines.push(format!("Nearest: {}", near.join(", ")));
        }
        let unread: Vec<String> = labels.unread.iter().map(|(name, error)| format!("{name}: {}", error.message)).collect();
        if !unread.is_empty() {
            lines.push(format!("Not read: {}", unread.join("; ")));
        }
        lines.push(format!("{} asks for other streams; [logs.services] in config.toml says where {service} is", key(Command::EditQuery)));
        Some(lines)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::tests::{empty_page, shared};
    use crate::{
        app::Shared,
        model::{
            backend::{Backend, ErrorKind, SourceError},
            labels::Matcher,
            log_labels::{LogLabels, ServiceLabel},
            time::Timestamp,
        },
    };

    /// The page of a service that no label names, after an answer without lines.
    fn page(shared: Shared, service: &str) -> String {
        empty_page(shared, service)
    }

    #[test]
    fn a_service_that_no_label_names_says_so_and_offers_the_nearest_names() {
        let text = page(shared(), "order");
        assert!(text.contains("No log stream is named order by service_name."), "{text}");
        assert!(text.contains("Nearest: orders (service_name)"), "{text}");
        assert!(text.contains("[logs.services] in config.toml says where order is"), "{text}");
        let text = page(shared(), "orders");
        assert!(text.contains("No lines for") && !text.contains("No log stream"), "{text}");
    }

    #[test]
    fn where_labels_are_refused_the_usual_one_is_asked_and_what_the_user_says_is_believed() {
        let mut refused = shared();
        refused.log_labels.clear();
        let error = || SourceError::new(Backend::Loki, ErrorKind::Refused, "labels are not for you");
        refused.log_labels.settle(Timestamp::ZERO, Err(error()));
        let text = page(refused, "web");
        assert!(text.contains("is not known (labels are not for you), so service_name is asked."), "{text}");
        let mut own = shared();
        own.log_labels.clear();
        own.log_labels.settle(Timestamp::ZERO, Err(error()));
        own.settings.labels.logs_services = [("web".to_owned(), vec![Matcher::equal("app", "web-v2")])].into();
        let text = page(own, "web");
        assert!(text.contains("{app=\"web-v2\"}") && !text.contains("is not known"), "{text}");
    }

    #[test]
    fn lines_of_all_services_that_are_those_of_some_say_so() {
        let label = |name: &str, values: &[&str]| ServiceLabel::new(name, values.iter().map(|v| (*v).into()).collect(), &Arc::default());
        let mut some = shared();
        let labels = LogLabels::new(vec![label("app", &["cart", "orders"]), label("job", &["shop/mailer"])], Vec::new());
        some.log_labels.settle(Timestamp::ZERO, Ok(Arc::new(labels.ranked(["cart", "mailer", "orders"].into_iter()))));
        let text = page(some, "");
        assert!(text.contains("only streams with app: 2 of 3 services"), "{text}");
        let text = page(shared(), "");
        assert!(!text.contains("only streams"), "{text}");
    }

    #[test]
    fn nothing_is_known_to_name_services() {
        let mut none = shared();
        none.log_labels.settle(Timestamp::ZERO, Ok(Arc::default()));
        let text = page(none, "web");
        assert!(text.contains("No label of this Loki is known to name services."), "{text}");
    }
}
