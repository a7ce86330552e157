//! One value through all services: the lines that have it, in one list by time, opened on the line it was found on.

use std::time::Duration;

use super::{
    Logs, conditions,
    fields::{Field, Source, items},
    list::beside,
    query,
};
use crate::{
    core::scope::Scope,
    model::{
        labels::{MatchOp, Matcher, quote, selector},
        log::LogLine,
        log_labels::{LogLabels, USUAL_LABEL},
        time::{TimeRange, TimeWindow, Timestamp},
        trace::TraceId,
    },
    store::{Line, Place},
    views::{Act, Cx, Look},
};

/// How far lines with the same value are looked for, before and after: all services are read.
const REACH: Duration = Duration::from_secs(15 * 60);
/// How far the traces of a line that names none are looked for.
pub(super) const NEARBY: Duration = Duration::from_secs(2);
/// Values that are offered to be followed.
const OFFERED: usize = 40;

/// What a page of lines is opened with, in place of the scope's own lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seed {
    /// LogQL.
    pub query: String,
    /// A second query whose lines are joined to those of the first.
    pub also: Option<String>,
    /// Its part of the crumb trail.
    pub crumb: Option<String>,
    /// The line to select, shown before any answer.
    pub line: Option<Box<LogLine>>,
    /// How many lines further to go from it.
    pub step: i8,
    /// What the lines have in common.
    pub kind: SeedKind,
    /// The trace whose lines these are.
    pub trace: Option<TraceId>,
}

/// What lines of a query have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeedKind {
    /// The query finds them.
    #[default]
    Query,
    /// A value that is followed.
    Value,
    /// They are around the one to select, and read on both sides as they are looked at.
    Around,
}

/// A window about an instant.
pub(super) fn about(at: Timestamp, reach: Duration) -> TimeWindow {
    TimeWindow::Fixed(TimeRange { start: at - reach, end: at + reach })
}

/// The same for those who read no further than what there is by now.
pub(super) fn about_until(at: Timestamp, reach: Duration, now: Timestamp) -> TimeWindow {
    TimeWindow::Fixed(TimeRange { start: at - reach, end: (at + reach).min(now).max(Timestamp(at.0.saturating_add(1))) })
}

impl Logs {
    /// Follows the selected field's value, or the line's trace or request, or asks which.
    pub(super) fn follow_value(&mut self, cx: &mut Cx<'_>) {
        if self.follow_in_files(cx) {
            return;
        }
        let found = self.field(&cx.look, cx.area).or_else(|| self.own_id());
        let Some(line) = self.line() else { return };
        if let Some(act) = found.and_then(|field| self.page_of(&cx.look, &line, &field, 0)) {
            self.list.follow = false;
            cx.acts.push(act);
            return;
        }
        let record = self.record(&line);
        let fields = items(&line, &record, &Default::default());
        let fields = fields.iter().filter_map(|i| i.as_field()).filter(|f| !matches!(f.source, Source::Message | Source::Label));
        let rows: Vec<(String, String, Act)> =
            fields.filter_map(|f| Some((f.name.clone(), f.value.clone(), self.page_of(&cx.look, &line, f, 0)?))).take(OFFERED).collect();
        if rows.is_empty() {
            cx.notice("this line has no value to follow");
        } else {
            cx.acts.push(Act::Choose("follow through all services", rows));
        }
    }

    /// The next or previous line of the same trace or request, in the list of all services' lines.
    pub(super) fn related(&mut self, cx: &mut Cx<'_>, step: i8) {
        if self.related_in_files(cx, step) {
            return;
        }
        if self.seed_kind() == SeedKind::Value {
            let at = self.list.index(&self.store).unwrap_or(0);
            let to = beside(&self.store, at, isize::from(step));
            if to == at {
                cx.notice(if step > 0 { "no later line of it" } else { "no earlier line of it" });
            } else {
                self.go(to, cx);
            }
            return;
        }
        let Some(line) = self.line() else { return };
        match self.own_id().and_then(|id| self.page_of(&cx.look, &line, &id, step)) {
            Some(act) => {
                self.list.follow = false;
                cx.acts.push(act);
            }
            None => cx.notice("this line names neither a trace nor a request: * follows another of its values"),
        }
    }

    /// The trace of the selected line, or else its request.
    pub(super) fn own_id(&self) -> Option<Field> {
        let line = self.line()?;
        let record = self.record(&line);
        let items = items(&line, &record, &Default::default());
        let mut fields = items.iter().filter_map(|i| i.as_field());
        let trace = fields.clone().find(|f| f.source == Source::Trace);
        trace.or_else(|| fields.find(|f| names_request(&f.name) && !f.value.is_empty())).cloned()
    }

    /// The page of all services' lines with a value.
    fn page_of(&self, look: &Look<'_>, line: &Line<'_>, field: &Field, step: i8) -> Option<Act> {
        if field.value.is_empty() {
            return None;
        }
        let all = everything(line, look.shared.log_labels.value().map(|l| &**l));
        let in_text = |value: &str| format!("{all} |= {}", quote(conditions::needle(line.text, value).unwrap_or(value)));
        let condition = conditions::of(line, field, true).ok().filter(|c| c.place != Place::Text);
        let value = condition.as_ref().map_or(&field.value, |c| &c.value);
        // Structured metadata does not match a text, and a text is not in the metadata: both are asked.
        let in_text = in_text(value);
        let trace = TraceId::parse(&field.value).filter(|_| field.source == Source::Trace);
        if let Some(id) = trace {
            let [labels, text] = query::of_trace(id).map(|own| format!("{all}{own}"));
            return Some(self.page_with(look, line, field, step, (labels, Some(text))));
        }
        let asked = match (field.source, &condition) {
            (Source::Label, _) => format!("{{{}}}", Matcher::equal(field.name.as_str(), value.as_str())),
            (Source::Metadata, Some(c)) => format!("{all}{}", conditions::stages(std::slice::from_ref(c), true)),
            _ => in_text.clone(),
        };
        let also = (field.source != Source::Label && asked != in_text).then_some(in_text);
        Some(self.page_with(look, line, field, step, (asked, also)))
    }

    /// The page of what these queries find, opened on a line.
    fn page_with(&self, look: &Look<'_>, line: &Line<'_>, field: &Field, step: i8, (query, also): (String, Option<String>)) -> Act {
        let seed = Seed {
            query,
            also,
            crumb: Some(TraceId::parse(&field.value).map_or_else(|| field.value.clone(), TraceId::short)),
            line: Some(Box::new(line.to_log_line())),
            step,
            kind: SeedKind::Value,
            trace: TraceId::parse(&field.value).filter(|_| field.source == Source::Trace),
        };
        let scope = Scope { service: None, family: None, matchers: Vec::new(), ..look.scope.without_trace() };
        // Fixed, also where it ends later: what comes is read, without a tail of all services.
        Act::Lines(Box::new(seed), Box::new(scope.with_window(about(line.id.at, REACH))))
    }
}

/// All streams that are named as this line's is.
fn everything(line: &Line<'_>, labels: Option<&LogLabels>) -> String {
    let known = labels.into_iter().flat_map(|labels| labels.labels().iter().map(|label| label.name.as_str()));
    let own = [USUAL_LABEL].into_iter().chain(known).find(|name| line.stream.get(name).is_some());
    let name = own.or_else(|| line.stream.iter().map(|(name, _)| name).next()).unwrap_or(USUAL_LABEL);
    selector(&[Matcher::new(name, MatchOp::Regex, ".+")])
}

/// Whether a field names the request that a line belongs to.
fn names_request(name: &str) -> bool {
    const NAMES: [&str; 8] =
        ["requestid", "xrequestid", "reqid", "correlationid", "xcorrelationid", "requestuuid", "transactionid", "operationid"];
    let plain: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    NAMES.iter().any(|n| plain.ends_with(n))
}
