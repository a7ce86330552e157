//! Drain: log messages to templates by a tree of fixed depth. P. He, J. Zhu, Z. Zheng and M. Lyu, "Drain: An Online Log
//! Parsing Approach with Fixed Depth Tree", ICWS 2017; names and parameters are the paper's.

use std::collections::HashMap;

use super::mask::WILDCARD;

/// The paper's parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// Depth of the tree: the root, the layer of lengths, `depth - 2` layers of first tokens.
    pub depth: usize,
    /// Similarity threshold `st`: the share of tokens that a message has in common with the log event it joins.
    pub similarity: f64,
    /// `maxChild`: an inner node with this many children has a wildcard for all other tokens.
    pub max_child: usize,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { depth: 4, similarity: 0.5, max_child: 100 }
    }
}

/// What leads to one leaf: how many tokens, and the first ones.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Path<'m> {
    length: usize,
    tokens: Vec<&'m str>,
}

/// The tree with its log groups; a group is known by its number.
pub struct Drain<'m> {
    parameters: Parameters,
    /// Children of each inner node, by the path to it.
    children: HashMap<Path<'m>, Vec<&'m str>>,
    leaves: HashMap<Path<'m>, Vec<usize>>,
    /// The log event of each group: its tokens, wildcards among them.
    events: Vec<Vec<&'m str>>,
}

impl<'m> Drain<'m> {
    /// An empty tree.
    pub fn new(parameters: Parameters) -> Self {
        Self { parameters, children: HashMap::new(), leaves: HashMap::new(), events: Vec::new() }
    }

    /// The group that a masked message belongs to; its event is made as general as the message needs.
    pub fn add(&mut self, message: &'m str) -> usize {
        let tokens: Vec<&str> = message.split(' ').collect();
        let path = self.path(&tokens);
        let groups = self.leaves.entry(path).or_default();
        let best = groups.iter().map(|g| (*g, similarity(&self.events[*g], &tokens))).max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        match best.filter(|(_, similarity)| *similarity >= self.parameters.similarity) {
            Some((group, _)) => {
                for (event, token) in self.events[group].iter_mut().zip(&tokens) {
                    if event != token {
                        *event = WILDCARD;
                    }
                }
                group
            }
            None => {
                self.events.push(tokens);
                groups.push(self.events.len() - 1);
                self.events.len() - 1
            }
        }
    }

    /// The template of a group.
    pub fn template(&self, group: usize) -> String {
        self.events[group].join(" ")
    }

    fn path(&mut self, tokens: &[&'m str]) -> Path<'m> {
        let mut path = Path { length: tokens.len(), tokens: Vec::new() };
        for token in tokens.iter().take(self.parameters.depth.saturating_sub(2)) {
            let next = if token.contains(WILDCARD) { WILDCARD } else { token };
            let children = self.children.entry(path.clone()).or_default();
            let next = if children.contains(&next) {
                next
            } else if children.len() < self.parameters.max_child {
                children.push(next);
                next
            } else {
                WILDCARD
            };
            path.tokens.push(next);
        }
        path
    }
}

/// `simSeq` of the paper: the share of places with equal tokens. Where both hold a wildcard they are equal.
fn similarity(event: &[&str], tokens: &[&str]) -> f64 {
    let equal = event.iter().zip(tokens).filter(|(a, b)| a == b).count();
    #[expect(clippy::cast_precision_loss, reason = "a message has at most MAX_TOKENS tokens")]
    let share = equal as f64 / event.len().max(1) as f64;
    share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates(messages: &[&str]) -> Vec<String> {
        let mut drain = Drain::new(Parameters::default());
        let groups: Vec<usize> = messages.iter().map(|m| drain.add(m)).collect();
        groups.into_iter().map(|g| drain.template(g)).collect()
    }

    #[test]
    fn tokens_that_differ_become_wildcards_and_other_statements_stay_apart() {
        let told = templates(&["user ana logged in", "user bob logged in", "user eve logged out", "pool is exhausted now"]);
        assert_eq!(told, ["user <*> logged <*>", "user <*> logged <*>", "user <*> logged <*>", "pool is exhausted now"]);
    }

    #[test]
    fn messages_of_other_lengths_are_other_events() {
        assert_eq!(templates(&["retry now", "retry now please"]), ["retry now", "retry now please"]);
    }

    #[test]
    fn beyond_the_children_a_node_may_have_all_go_one_way() {
        let messages: Vec<String> = ('a'..='z').flat_map(|a| ('a'..='z').map(move |b| format!("{a}{b} was written to the store"))).collect();
        let told = templates(&messages.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(told.last().map(String::as_str), Some("<*> was written to the store"));
    }
}
