//! What is searched for among the spans of a trace, of two or of many, and which of them have it.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use crossterm::event::KeyEvent;

use super::prompt::Prompt;
use crate::{
    model::trace::{Attributes, Span, Value},
    store::Pattern,
    trace::Trace,
    ui::{field::Typed, format},
};

/// Spans that are looked at between two keys: what a key waits for at the most.
const SLICE: usize = 2000;

/// Where the spans stand among which is searched, by their numbers.
pub(super) trait Places {
    /// All, from top to bottom, as they stand when nothing is folded.
    fn order(&self) -> &[u32];

    /// Where one stands there.
    fn rank(&self, span: u32) -> u32;

    /// The group of repeated ones that it is one of.
    fn group_of(&self, span: u32) -> Option<u32>;
}

/// From where on the next one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// A span.
    On(u32),
    /// The heading of repeated spans, which stands before the first of them.
    Above(u32),
}

impl At {
    /// The span, or the one that follows the heading.
    pub(super) fn span(self) -> u32 {
        match self {
            Self::On(span) | Self::Above(span) => span,
        }
    }
}

/// What is searched for and the spans that have it.
pub(super) struct Search {
    /// What was typed; none for spans that were chosen in another way.
    pub(super) pattern: Option<Pattern>,
    /// From top to bottom, as all are when nothing is folded.
    found: Vec<u32>,
    /// Groups of repeated spans that have one of them.
    groups: HashSet<u32>,
    /// How many spans were looked at.
    looked_at: usize,
    /// Where the search began; the first match from there on is gone to as soon as it is found.
    pub(super) goes_from: Option<u32>,
}

impl Search {
    /// A search of which nothing was looked at yet, and the span from which on the first match is gone to.
    pub(super) fn new(pattern: Pattern, goes_from: Option<u32>) -> Self {
        Self { pattern: Some(pattern), found: Vec::new(), groups: HashSet::new(), looked_at: 0, goes_from }
    }

    /// These spans.
    pub(super) fn for_spans(places: &impl Places, spans: Vec<u32>) -> Self {
        let groups = spans.iter().filter_map(|n| places.group_of(*n)).collect();
        Self { pattern: None, groups, looked_at: places.order().len(), goes_from: None, found: sorted(places, spans) }
    }

    /// The same among others: what was typed is looked for anew, and of chosen spans `place` tells where they are now.
    pub(super) fn renewed(self, places: &impl Places, place: impl Fn(u32) -> Option<u32>) -> Self {
        match self.pattern {
            Some(pattern) => Self::new(pattern, None),
            None => Self::for_spans(places, self.found.into_iter().filter_map(place).collect()),
        }
    }

    /// Looks at some more spans: `passes` tells whether one has what is searched for.
    pub(super) fn go_on(&mut self, places: &impl Places, mut passes: impl FnMut(&Pattern, u32) -> bool) {
        let Some(pattern) = &self.pattern else { return };
        let rest = places.order().get(self.looked_at..).unwrap_or_default();
        let slice = &rest[..rest.len().min(SLICE)];
        for span in slice.iter().filter(|span| passes(pattern, **span)) {
            self.found.push(*span);
            self.groups.extend(places.group_of(*span));
        }
        self.looked_at += slice.len();
    }

    /// Whether all spans were looked at.
    pub(super) fn is_done(&self, places: &impl Places) -> bool {
        self.looked_at >= places.order().len()
    }

    /// The match to go to: the first one from where the search began, or when there is none, the first of all. Once.
    pub(super) fn take_goal(&mut self, places: &impl Places) -> Option<u32> {
        let from = self.goes_from?;
        let place = self.found.partition_point(|n| places.rank(*n) < places.rank(from));
        let goal = self.found.get(place).or_else(|| self.found.first().filter(|_| self.is_done(places))).copied()?;
        self.goes_from = None;
        Some(goal)
    }

    /// The first one from a span on, around the end.
    pub(super) fn first_from(&self, places: &impl Places, span: u32) -> Option<u32> {
        step(places, &self.found, At::Above(span), true).map(|(_, span)| span)
    }

    /// What is said where there is none to go to.
    pub(super) fn none(&self, places: &impl Places) -> String {
        let Some(pattern) = &self.pattern else { return "the spans that were chosen are not here any more".to_owned() };
        let so_far = if self.is_done(places) { "" } else { " so far" };
        format!("nothing was found{so_far} for {}", pattern.shown())
    }

    /// How many of `all` were found, in words.
    pub(super) fn words(&self, places: &impl Places, all: &str) -> String {
        let so_far =
            if self.is_done(places) { String::new() } else { format!(" so far, {} looked at", format::count(self.looked_at as u64)) };
        format!("{} of {all}{so_far}", format::count(self.found.len() as u64))
    }

    /// Says in the prompt how many of `all` were found. What is typed by now may be no expression, of which it is said why.
    pub(super) fn say(&self, prompt: Option<&mut Prompt>, places: &impl Places, all: &str) {
        let is_typed = |prompt: &&mut Prompt| self.pattern.as_ref().is_some_and(|pattern| pattern.as_str() == prompt.text());
        if let Some(prompt) = prompt.filter(is_typed) {
            prompt.note = self.words(places, all);
        }
    }

    /// Whether one of repeated spans is found.
    pub(super) fn has_in_group(&self, group: u32) -> bool {
        self.groups.contains(&group)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether a span is one.
    pub(super) fn has(&self, places: &impl Places, span: u32) -> bool {
        self.found.binary_search_by_key(&places.rank(span), |n| places.rank(*n)).is_ok()
    }

    /// The next one from a place on, around the end: which one it is, and its number.
    pub(super) fn next(&self, places: &impl Places, at: At, forward: bool) -> Option<(usize, u32)> {
        step(places, &self.found, at, forward)
    }
}

/// From a span to the next of several by their rank, around the end.
pub(super) fn step(places: &impl Places, spans: &[u32], at: At, forward: bool) -> Option<(usize, u32)> {
    let rank = places.rank(at.span());
    let before = spans.partition_point(|n| places.rank(*n) < rank);
    let after = match at {
        At::On(_) => spans.partition_point(|n| places.rank(*n) <= rank),
        At::Above(_) => before,
    };
    let place = if forward { after % spans.len().max(1) } else { before.checked_sub(1).unwrap_or(spans.len().saturating_sub(1)) };
    spans.get(place).map(|span| (place, *span))
}

/// From top to bottom.
pub(super) fn sorted(places: &impl Places, mut spans: Vec<u32>) -> Vec<u32> {
    spans.sort_unstable_by_key(|n| places.rank(*n));
    spans
}

/// A search that is typed after `/`.
#[derive(Default)]
pub(super) struct Finder {
    pub(super) search: Option<Search>,
    prompt: Option<Prompt>,
}

impl Finder {
    /// Begins to type, with what was searched for before.
    pub(super) fn open(&mut self) {
        self.prompt = Some(Prompt::pattern(self.search.as_ref().and_then(|s| s.pattern.as_ref())));
    }

    pub(super) fn is_typing(&self) -> bool {
        self.prompt.is_some()
    }

    pub(super) fn prompt(&self) -> Option<&Prompt> {
        self.prompt.as_ref()
    }

    /// Takes a key: `Enter` keeps the search, `Esc` ends it. Returns whether there is another text to search for.
    pub(super) fn key(&mut self, key: KeyEvent) -> bool {
        let Some(prompt) = &mut self.prompt else { return false };
        match prompt.key(key) {
            Typed::Changed => return true,
            Typed::Accepted => self.prompt = None,
            Typed::Cancelled => *self = Self::default(),
            Typed::Ignored => {}
        }
        false
    }

    pub(super) fn paste(&mut self, text: &str) {
        if let Some(prompt) = &mut self.prompt {
            prompt.paste(text);
        }
    }

    /// Begins to search for what is typed so far, from a span on. What is no expression yet is said, and the one before stays.
    pub(super) fn begin(&mut self, from: u32) {
        let Some(prompt) = &mut self.prompt else { return };
        prompt.note.clear();
        match Pattern::parse(prompt.text()) {
            Ok(pattern) => self.search = pattern.map(|pattern| Search::new(pattern, Some(from))),
            Err(why) => prompt.note = why,
        }
    }

    /// Looks at some more spans of `all`, and says how many were found.
    pub(super) fn go_on(&mut self, places: &impl Places, all: &str, passes: impl FnMut(&Pattern, u32) -> bool) {
        let Some(search) = &mut self.search else { return };
        search.go_on(places, passes);
        search.say(self.prompt.as_mut(), places, all);
    }

    /// Searches among others for what was searched for.
    pub(super) fn again(&mut self, places: &impl Places) {
        self.search = self.search.take().map(|search| search.renewed(places, |_| None));
    }

    /// What is searched for takes the selection no more: the reader went on.
    pub(super) fn keep_selection(&mut self) {
        if let Some(search) = &mut self.search {
            search.goes_from = None;
        }
    }

    /// Whether there are spans that were not looked at yet.
    pub(super) fn is_searching(&self, places: &impl Places) -> bool {
        self.search.as_ref().is_some_and(|s| !s.is_done(places))
    }

    /// The match to go to, if the search has come to it. Once.
    pub(super) fn take_goal(&mut self, places: &impl Places) -> Option<u32> {
        self.search.as_mut()?.take_goal(places)
    }

    /// Whether something is searched for.
    pub(super) fn has_search(&self) -> bool {
        self.search.is_some()
    }

    /// What is searched for and how many have it, for a pane's title.
    pub(super) fn note(&self, places: &impl Places, all: &str) -> Option<String> {
        let search = self.search.as_ref()?;
        Some(format!("{} {}", search.pattern.as_ref()?.shown(), search.words(places, all)))
    }
}

/// The texts of a trace's spans that are looked at: what many have in common is put together once.
pub(super) struct Texts<'a> {
    trace: &'a Trace,
    /// Whether attributes are texts as one writes them down, too: `http.route=/pay`.
    pairs: bool,
    resources: HashMap<u32, Vec<String>>,
}

impl<'a> Texts<'a> {
    /// Those that this may match.
    pub(super) fn new(trace: &'a Trace, pattern: Option<&Pattern>) -> Self {
        let pairs = pattern.is_some_and(|pattern| pattern.as_str().contains('='));
        Self { trace, pairs, resources: HashMap::new() }
    }

    /// Service, name, id, status, attributes and events of a span.
    pub(super) fn of(&mut self, node: u32) -> impl Iterator<Item = Cow<'_, str>> {
        let (trace, pairs) = (self.trace, self.pairs);
        let span = trace.span(node as usize);
        let own = |resource| resource_texts(trace, resource, pairs);
        let of_resource = span.map(|span| &*self.resources.entry(span.resource).or_insert_with(|| own(span.resource)));
        let of_resource = of_resource.into_iter().flatten().map(|text| Cow::Borrowed(text.as_str()));
        let name = Cow::Owned(trace.name(node as usize).into());
        span.into_iter().flat_map(move |span| span_texts(span, pairs)).chain([name]).chain(of_resource)
    }
}

fn resource_texts(trace: &Trace, resource: u32, pairs: bool) -> Vec<String> {
    let Some(resource) = trace.resources.get(resource as usize) else { return Vec::new() };
    std::iter::once(resource.service.to_string()).chain(texts(&resource.attributes, pairs).map(Cow::into_owned)).collect()
}

fn span_texts(span: &Span, pairs: bool) -> impl Iterator<Item = Cow<'_, str>> {
    let events = span.events().iter().flat_map(move |e| texts(&e.attributes, pairs).chain([Cow::Borrowed(e.name.as_str())]));
    let own = [Cow::Borrowed(span.name.as_str()), Cow::Borrowed(span.status_message()), Cow::Owned(span.id.to_string())];
    own.into_iter().chain(texts(&span.attributes, pairs)).chain(events)
}

/// Names and values, and with `pairs` both in one.
fn texts(attributes: &Attributes, pairs: bool) -> impl Iterator<Item = Cow<'_, str>> {
    attributes.iter().flat_map(move |(name, value)| {
        let value = match value {
            Value::Text(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_string()),
        };
        let pair = pairs.then(|| Cow::Owned(format!("{name}={value}")));
        [Some(Cow::Borrowed(name)), Some(value), pair].into_iter().flatten()
    })
}
