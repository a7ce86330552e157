//! What is done with the selected span, and with a value of its detail.

use std::time::Duration;

use ratatui::layout::Rect;

use super::{
    Waterfall,
    detail::{self, Attribute, Item, Kind, Of, STACK},
    rows,
    table::SpanTable,
};
use crate::{
    core::{
        command::{Command, ViewKind},
        effect::Effect,
        scope::Scope,
    },
    model::{
        labels::{Labels, MatchOp, Matcher},
        time::{TimeRange, TimeWindow},
        trace::{SpanLink, Value},
    },
    views::{Act, Cx, Look, Yank, infra},
};

/// Links that are offered at the most.
const LINKS: usize = 60;
/// How far about a trace others are searched for.
const ABOUT: Duration = Duration::from_secs(30 * 60);

impl Waterfall {
    /// The rows of the selected span's detail, as far as the filter lets them through.
    pub(super) fn details(&self, look: &Look<'_>) -> Vec<Item> {
        let (Some(trace), Some(item)) = (self.trace(), self.item()) else { return Vec::new() };
        let items = match item {
            rows::Item::Span(node) => detail::of_span(trace, node as usize, look, &self.pane.folded),
            rows::Item::Group(_) => Vec::new(),
            rows::Item::Line(line) => self.lines.details(line, look),
        };
        match &self.detail_filter {
            Some(pattern) => detail::filtered(items, pattern),
            None => items,
        }
    }

    /// The selected value, where the detail has the focus.
    pub(super) fn attribute(&self, look: &Look<'_>, area: Rect) -> Option<Attribute> {
        let items = self.details(look);
        let item = self.pane.item(&items, self.places(area).sheet).filter(|_| self.in_detail)?;
        if let Kind::Attribute(attribute) = &item.kind { Some(attribute.clone()) } else { None }
    }

    /// The scope of the selected span: its service and itself.
    pub(super) fn span_scope(&self, look: &Look<'_>) -> Option<Scope> {
        if self.table.is_some() && !self.in_detail {
            return self.operation_scope(look);
        }
        let (trace, node) = (self.trace()?, self.node()?);
        let service = trace.service(node);
        let mut scope = if service.is_empty() { look.scope.clone() } else { look.scope.with_service(service) };
        scope.trace = Some(trace.id);
        scope.span = trace.span(node).map(|s| s.id);
        let mut range = TimeRange { start: trace.nodes[node].start, end: trace.nodes[node].end() };
        if let Some(rows::Item::Group(group)) = self.item() {
            scope.span = None;
            let members = self.tree.groups.groups()[group as usize].members.iter();
            range.end = members.map(|n| trace.nodes[*n as usize].end()).max().unwrap_or(range.end);
        }
        Some(scope.around(range))
    }

    /// Where what is selected ran: the value of the detail that says so, the line of the logs, or the span. Repeated spans may
    /// have run anywhere.
    fn place(&self, look: &Look<'_>, area: Rect) -> Labels {
        if let Some(Attribute { name, value: Value::Text(value), .. }) = self.attribute(look, area) {
            let place = infra::place_of(None, [(name.as_str(), value.as_str())], []);
            if !place.is_empty() {
                return place;
            }
        }
        let is_many = !self.in_detail && self.table.as_ref().and_then(SpanTable::selected).is_some_and(|row| row.count > 1);
        let (Some(trace), Some(item)) = (self.trace().filter(|_| !is_many), self.item()) else { return Labels::new() };
        match item {
            rows::Item::Span(node) => infra::place_of_span(trace, node as usize),
            rows::Item::Group(_) => Labels::new(),
            rows::Item::Line(number) => {
                let (line, node) = (self.lines.line(number), self.lines.span_of(number).unwrap_or(0) as usize);
                let told = line.into_iter().flat_map(|line| line.stream.iter().chain(line.metadata.iter()));
                let place = infra::place_of(Some(trace.service(node)), told, []);
                if place.is_empty() { infra::place_of_span(trace, node) } else { place }
            }
        }
    }

    /// Opens what the selected span ran on, at its time.
    pub(super) fn open_infra(&self, cx: &mut Cx<'_>) {
        if let Some(scope) = self.span_scope(&cx.look) {
            cx.acts.push(infra::open(self.place(&cx.look, cx.area), scope.with_lead()));
        }
    }

    /// The other traces that the selected span points to.
    pub(super) fn links(&self) -> Option<&[SpanLink]> {
        let (trace, Some(rows::Item::Span(node))) = (self.trace()?, self.item()) else { return None };
        trace.span(node as usize).map(|span| span.links())
    }

    /// Opens the trace that the selected span points to, or lets the user choose one of several.
    pub(super) fn open_link(&self, cx: &mut Cx<'_>) {
        let open = |link: &SpanLink| Act::Push(ViewKind::Waterfall, Box::new(cx.look.scope.with_trace(link.trace, link.span)));
        match self.links() {
            Some([link]) => cx.acts.push(open(link)),
            Some(links) => {
                let row = |link: &SpanLink| {
                    let of_span = link.span.map_or_else(String::new, |span| format!("span {span}"));
                    (link.trace.to_string(), of_span, open(link))
                };
                let rows = links.iter().take(LINKS).map(row).collect();
                cx.acts.push(Act::Choose("linked traces", rows));
            }
            None => {}
        }
    }

    /// Opens what is selected in the detail: a link's trace, or what can be done with a value.
    pub(super) fn open_detail(&mut self, cx: &mut Cx<'_>) {
        let items = self.details(&cx.look);
        let Some(item) = self.pane.item(&items, self.places(cx.area).sheet) else { return };
        match &item.kind {
            Kind::Link(trace, span) => {
                let scope = cx.look.scope.with_trace(*trace, *span);
                cx.push(ViewKind::Waterfall, scope);
            }
            Kind::Attribute(attribute) => self.offer(cx, &attribute.clone()),
            Kind::Node { path, .. } => {
                let path = path.clone();
                if !self.pane.folded.remove(&path) {
                    self.pane.folded.insert(path);
                }
            }
            Kind::Said | Kind::Text => cx.notice("nothing to search for here: y copies it"),
        }
    }

    /// Lets the user choose what is done with a value.
    fn offer(&self, cx: &mut Cx<'_>, attribute: &Attribute) {
        let Some(scope) = self.span_scope(&cx.look) else { return };
        let mut rows = Vec::new();
        let mut add = |name: &str, text: &str, act| rows.push((name.to_owned(), text.to_owned(), act));
        if let Some(condition) = attribute.condition() {
            let service = scope.service.as_deref().map(crate::model::labels::quote);
            let about = search_scope(&scope);
            if let Some(service) = service {
                let query = format!("{{ resource.service.name = {service} && {condition} }}");
                add("search, this service", &query, Act::Search(query.clone(), Box::new(about.clone())));
            }
            let query = format!("{{ {condition} }}");
            add("search, all services", &query, Act::Search(query.clone(), Box::new(Scope { service: None, ..about })));
        }
        for (name, op) in [("filter the scope for it", MatchOp::Equal), ("leave it out of the scope", MatchOp::NotEqual)] {
            if let Some(matcher) = matcher(attribute, op) {
                add(
                    name,
                    &format!("{}{}{}", matcher.name, matcher.op.as_str(), matcher.value),
                    Act::Rescope(Box::new(cx.look.scope.with_matcher(matcher.clone()))),
                );
            }
        }
        let value = attribute.value.to_string();
        add("copy", &value, Act::Effect(Effect::Copy(value.clone())));
        cx.acts.push(Act::Choose("this value", rows));
    }

    /// Makes a filter of the scope of the selected value.
    pub(super) fn filter_scope(&self, cx: &mut Cx<'_>, keep: bool) {
        let Some(attribute) = self.attribute(&cx.look, cx.area) else {
            cx.notice("select a value first: Tab goes to the detail of the span");
            return;
        };
        match matcher(&attribute, if keep { MatchOp::Equal } else { MatchOp::NotEqual }) {
            Some(matcher) => {
                let words = format!("{}{}{}", matcher.name, matcher.op.as_str(), matcher.value);
                cx.notice(format!("the scope has {words} now: it goes along to the next view"));
                let scope = cx.look.scope.with_matcher(matcher);
                cx.acts.push(Act::Rescope(Box::new(scope)));
            }
            None => cx.notice("only texts of a span or its resource filter a scope; Enter searches for others"),
        }
    }

    /// Folds and unfolds nodes of the detail.
    pub(super) fn fold_detail(&mut self, cx: &Cx<'_>, fold: bool) {
        let items = self.details(&cx.look);
        let Some(path) = self.pane.node(&items, self.places(cx.area).sheet) else { return };
        let key = items.iter().find(|i| matches!(&i.kind, Kind::Node { path: p, .. } if *p == path)).map(Item::key);
        if let Some(key) = key {
            self.pane.select_key(key);
        }
        // A stack trace is folded unless it is opened.
        if fold == (path != STACK) {
            self.pane.folded.insert(path);
        } else {
            self.pane.folded.remove(&path);
        }
    }

    /// What can be copied of what is selected, the most wanted first.
    pub(super) fn copies(&self, look: &Look<'_>) -> Vec<Yank> {
        let mut out = Vec::new();
        let mut add = |label: &str, text: String| out.push(Yank { label: label.to_owned(), text });
        if self.in_detail {
            let items = self.details(look);
            // The heading of a group says nothing by itself.
            if let Some(item) = self.pane.item(&items, Rect::new(0, 0, 200, 50)).filter(|item| !item.text.is_empty()) {
                add(if item.label.is_empty() { "line" } else { &item.label }, item.text.clone());
                if let Kind::Attribute(attribute) = &item.kind
                    && let Some(condition) = attribute.condition()
                {
                    add("TraceQL condition", format!("{{ {condition} }}"));
                }
            }
        }
        if let Some(trace) = look.scope.trace {
            add("trace id", trace.to_string());
        }
        let (Some(trace), Some(node)) = (self.trace(), self.node()) else { return out };
        // Of the table all spans of an operation are selected.
        let is_operation = self.table.is_some() && !self.in_detail;
        if is_operation {
            out.insert(0, Yank { label: "operation".to_owned(), text: trace.name(node).to_string() });
            out.insert(1, Yank { label: "service".to_owned(), text: trace.service(node).to_owned() });
        }
        let mut add = |label: &str, text: String| out.push(Yank { label: label.to_owned(), text });
        if !is_operation {
            add("span id", trace.nodes[node].id.to_string());
        }
        let Some(span) = trace.span(node) else { return out };
        let (service, name) = (crate::model::labels::quote(trace.service(node)), crate::model::labels::quote(&span.name));
        add("TraceQL", format!("{{ resource.service.name = {service} && name = {name} }}"));
        if is_operation {
            return out;
        }
        add("operation", span.name.to_string());
        if !span.status_message().is_empty() {
            add("error", span.status_message().to_owned());
        }
        for (name, value) in span.attributes.iter() {
            add(name, value.to_string());
        }
        out
    }

    /// Opens another view on the selected span's service.
    pub(super) fn open_view(&self, cx: &mut Cx<'_>, command: Command) {
        let kind = if command == Command::Logs { ViewKind::Logs } else { ViewKind::Service };
        if let Some(scope) = self.span_scope(&cx.look) {
            cx.push(kind, scope);
        }
    }
}

/// Where other traces are searched for.
fn search_scope(scope: &Scope) -> Scope {
    let mut about = scope.without_trace();
    if let TimeWindow::Fixed(range) = about.window {
        about.window = TimeWindow::Fixed(TimeRange { start: range.start - ABOUT, end: range.end + ABOUT });
    }
    about
}

/// The value as a condition of the scope. Scopes know texts alone.
fn matcher(attribute: &Attribute, op: MatchOp) -> Option<Matcher> {
    let Value::Text(text) = &attribute.value else { return None };
    let is_of_spans = matches!(attribute.of, Of::Span | Of::Resource);
    let name = Some(attribute.scoped_name()).filter(|name| is_of_spans && !name.contains('"'))?;
    Some(Matcher::new(name, op, text.as_str()))
}
