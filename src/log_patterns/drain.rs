//! Drain: log messages to log events by a tree of fixed depth. P. He, J. Zhu, Z. Zheng and M. R. Lyu, "Drain: An Online Log
//! Parsing Approach with Fixed Depth Tree", ICWS 2017. Names and parameters are the paper's.
//!
//! It is given each form once and in the order of their bytes, so that what it finds does not depend on the order in which
//! lines arrived. Four things are not the paper's: a place where the event has a wildcard that the preprocessing made
//! tells nothing of similarity; a leaf has a bounded number of events; an event whose forms differ in a few plain words is
//! taken apart at these: `connection opened` and `connection closed` are two statements; and events that differ in nothing
//! but their first word are one where there are many: the tree has told the users of `ana logged in` apart.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashSet};

use super::mask::WILDCARD;

/// The paper's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// `depth` of the tree, the root and the leaves counted: the root, the layer of lengths, `depth - 3` layers of first
    /// tokens, the leaves.
    pub depth: usize,
    /// Similarity threshold `st`: the share of places with the same token from which on a message joins an event.
    pub similarity: f64,
    /// `maxChild`: an inner node with this many children has a wildcard for all other tokens.
    pub max_child: usize,
    /// Ours: an event whose forms have up to so many plain words at one place is an event for each of them.
    pub few_words: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { depth: 4, similarity: 0.5, max_child: 100, few_words: 3 }
    }
}

/// Events of a leaf at the most: beyond them a message joins the most similar one.
const MAX_EVENTS: usize = 400;

/// From so many events on that differ in their first word alone, that word varies.
const MANY_FIRST_WORDS: usize = 10;
/// Words that such events must have in common.
const COMMON_WORDS: usize = 2;

/// A token, by its number; [`ANY`] is the wildcard.
type Token = u32;
const ANY: Token = 0;

/// A log event: what its messages have in common.
struct Event {
    tokens: Vec<Token>,
    members: Vec<usize>,
}

/// Which event each of the forms belongs to, and the events' templates.
#[derive(Debug, Default, PartialEq)]
pub struct Clusters {
    /// The event of each form, by its place.
    pub event_of: Vec<usize>,
    /// The template of each event.
    pub templates: Vec<String>,
}

/// Clusters forms that are sorted and of which none is there twice.
pub fn cluster(forms: &[&str], parameters: Parameters) -> Clusters {
    let mut words = Words::default();
    let messages: Vec<Vec<Token>> = forms.iter().map(|form| form.split(' ').map(|word| words.number(word)).collect()).collect();
    let mut children: HashMap<Vec<Token>, HashSet<Token>> = HashMap::default();
    let mut leaves: BTreeMap<Vec<Token>, Vec<Event>> = BTreeMap::new();
    for (form, message) in messages.iter().enumerate() {
        let path = path(message, &words, &mut children, parameters);
        join(leaves.entry(path).or_default(), form, message, parameters.similarity);
    }
    let mut clusters = Clusters { event_of: vec![0; forms.len()], templates: Vec::new() };
    let events =
        together(leaves.into_values().flatten()).into_iter().flat_map(|event| apart(event, &messages, &words, parameters.few_words));
    for (number, event) in events.enumerate() {
        for form in event.members {
            clusters.event_of[form] = number;
        }
        let template: Vec<&str> = event.tokens.iter().map(|t| words.text(*t)).collect();
        clusters.templates.push(template.join(" "));
    }
    clusters
}

/// From the root to the leaf: the length, then the first tokens. Tokens that vary, as those with digits do, lead one way.
fn path(message: &[Token], words: &Words<'_>, children: &mut HashMap<Vec<Token>, HashSet<Token>>, parameters: Parameters) -> Vec<Token> {
    let mut path = vec![u32::try_from(message.len()).unwrap_or(u32::MAX)];
    for token in message.iter().take(parameters.depth.saturating_sub(3)) {
        let known = children.entry(path.clone()).or_default();
        let varies = words.varies(*token) || (!known.contains(token) && known.len() >= parameters.max_child);
        let next = if varies { ANY } else { *token };
        if !varies {
            known.insert(next);
        }
        path.push(next);
    }
    path
}

/// Puts a message into the most similar event of a leaf, or into one of its own.
fn join(events: &mut Vec<Event>, form: usize, message: &[Token], threshold: f64) {
    let mut best: Option<(usize, f64)> = None;
    for (i, event) in events.iter().enumerate() {
        let similarity = similarity(&event.tokens, message);
        if best.is_none_or(|(_, s)| similarity > s) {
            best = Some((i, similarity));
        }
    }
    let full = events.len() >= MAX_EVENTS;
    match best.filter(|(_, similarity)| *similarity >= threshold || full) {
        Some((i, _)) => {
            let event = &mut events[i];
            generalise(&mut event.tokens, message);
            event.members.push(form);
        }
        None => events.push(Event { tokens: message.to_vec(), members: vec![form] }),
    }
}

fn generalise(event: &mut [Token], message: &[Token]) {
    for (event, token) in event.iter_mut().zip(message) {
        if event != token {
            *event = ANY;
        }
    }
}

/// `simSeq` of the paper over the places that one of both says something at.
fn similarity(event: &[Token], message: &[Token]) -> f64 {
    let (mut equal, mut told) = (0_u32, 0_u32);
    for (a, b) in event.iter().zip(message) {
        told += u32::from(*a != ANY || *b != ANY);
        equal += u32::from(a == b && *a != ANY);
    }
    if told == 0 { 1.0 } else { f64::from(equal) / f64::from(told) }
}

/// One event in place of many that differ in their first word alone.
fn together(events: impl Iterator<Item = Event>) -> Vec<Event> {
    let mut alike: BTreeMap<Vec<Token>, Vec<Event>> = BTreeMap::new();
    for event in events {
        alike.entry(event.tokens.iter().skip(1).copied().collect()).or_default().push(event);
    }
    let mut out = Vec::new();
    for (rest, events) in alike {
        if events.len() < MANY_FIRST_WORDS || rest.iter().filter(|token| **token != ANY).count() < COMMON_WORDS {
            out.extend(events);
            continue;
        }
        let mut members: Vec<usize> = events.into_iter().flat_map(|event| event.members).collect();
        members.sort_unstable();
        out.push(Event { tokens: std::iter::once(ANY).chain(rest).collect(), members });
    }
    out
}

/// An event for each of the few plain words that its messages differ in.
fn apart(event: Event, messages: &[Vec<Token>], words: &Words<'_>, few: usize) -> Vec<Event> {
    let is_told_apart = |place: usize| {
        let mut there: Vec<Token> = Vec::new();
        for form in &event.members {
            let token = messages[*form][place];
            if !words.is_plain(token) {
                return false;
            }
            if !there.contains(&token) {
                there.push(token);
            }
            if there.len() > few {
                return false;
            }
        }
        there.len() > 1
    };
    let places: Vec<usize> = (0..event.tokens.len()).filter(|place| event.tokens[*place] == ANY && is_told_apart(*place)).collect();
    if places.is_empty() {
        return vec![event];
    }
    let mut parts: BTreeMap<Vec<Token>, Event> = BTreeMap::new();
    for form in &event.members {
        let key = places.iter().map(|place| messages[*form][*place]).collect();
        let part = parts.entry(key).or_insert_with(|| Event { tokens: messages[*form].clone(), members: Vec::new() });
        generalise(&mut part.tokens, &messages[*form]);
        part.members.push(*form);
    }
    parts.into_values().collect()
}

/// The words of all forms, numbered.
struct Words<'f> {
    numbers: HashMap<&'f str, Token>,
    texts: Vec<&'f str>,
}

impl Default for Words<'_> {
    fn default() -> Self {
        Self { numbers: HashMap::from_iter([(WILDCARD, ANY)]), texts: vec![WILDCARD] }
    }
}

impl<'f> Words<'f> {
    fn number(&mut self, word: &'f str) -> Token {
        *self.numbers.entry(word).or_insert_with(|| {
            self.texts.push(word);
            u32::try_from(self.texts.len() - 1).unwrap_or(ANY)
        })
    }

    fn text(&self, token: Token) -> &'f str {
        self.texts.get(token as usize).copied().unwrap_or(WILDCARD)
    }

    fn varies(&self, token: Token) -> bool {
        let text = self.text(token);
        text.contains(WILDCARD) || text.bytes().any(|b| b.is_ascii_digit())
    }

    fn is_plain(&self, token: Token) -> bool {
        token != ANY && self.text(token).chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '_' | '.' | ',' | ':' | '"' | '/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates(forms: &[&str]) -> Vec<String> {
        let mut sorted = forms.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let clusters = cluster(&sorted, Parameters::default());
        let place = |form: &&str| sorted.binary_search(form).unwrap();
        forms.iter().map(|form| clusters.templates[clusters.event_of[place(form)]].clone()).collect()
    }

    #[test]
    fn tokens_that_differ_become_wildcards_and_other_statements_stay_apart() {
        let told =
            templates(&["user ana logged in", "user bob logged in", "user eve logged in", "user zoe logged in", "pool is exhausted now"]);
        assert_eq!(told, ["user <*> logged in"; 4].into_iter().chain(["pool is exhausted now"]).collect::<Vec<_>>());
    }

    #[test]
    fn a_few_plain_words_are_statements_of_their_own() {
        assert_eq!(templates(&["connection <*> opened", "connection <*> closed"]), ["connection <*> opened", "connection <*> closed"]);
        let users = ["ana", "bob", "eve", "zoe"].map(|user| [format!("user {user} logged in"), format!("user {user} logged out")]).concat();
        let told = templates(&users.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(told, ["user <*> logged in", "user <*> logged out"].repeat(4));
    }

    #[test]
    fn many_first_words_are_one_that_varies_and_a_few_are_not() {
        let users: Vec<String> = ('a'..='n').map(|c| format!("{c}na disconnected: session <*> expired")).collect();
        let told = templates(&users.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(told, ["<*> disconnected: session <*> expired"; 14]);
        let few = ["starting worker <*> now", "stopping worker <*> now", "pausing worker <*> now", "leaving worker <*> now"];
        assert_eq!(templates(&few), few);
        let short: Vec<String> = ('a'..='n').map(|c| format!("{c}na failed <*>")).collect();
        assert_eq!(templates(&short.iter().map(String::as_str).collect::<Vec<_>>()), short, "one word in common is little");
    }

    #[test]
    fn messages_of_other_lengths_are_other_events() {
        assert_eq!(templates(&["retry now", "retry now please"]), ["retry now", "retry now please"]);
    }

    #[test]
    fn what_was_masked_does_not_make_messages_alike() {
        assert_eq!(templates(&["took <*> <*> here", "took <*> <*> elsewhere"]), ["took <*> <*> here", "took <*> <*> elsewhere"]);
    }

    #[test]
    fn beyond_the_children_a_node_may_have_all_go_one_way() {
        let forms: Vec<String> = ('a'..='z').flat_map(|a| ('a'..='z').map(move |b| format!("{a}{b} was written to the store"))).collect();
        let told = templates(&forms.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(told.last().map(String::as_str), Some("<*> was written to the store"));
    }
}
