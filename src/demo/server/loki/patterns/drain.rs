//! Drain as the pattern ingester of Loki 3.7 has it (`pkg/pattern/drain/drain.go`): a tree whose levels are the number of
//! tokens and the first tokens, with clusters at its leaves.

use std::collections::HashMap;

use super::tokens::{Format, VARIABLE};

/// Levels of the tree below its root.
const MAX_DEPTH: usize = 28;
/// Least share of equal tokens in a cluster.
const SIMILARITY: f64 = 0.3;
/// Branches of a node, before what follows is put together.
const MAX_CHILDREN: usize = 15;
/// Clusters that are kept.
const MAX_CLUSTERS: usize = 300;
/// Share of lines that may throw a cluster out; beyond, the lines have no patterns.
const MAX_EVICTIONS: f64 = 0.25;
/// Lines with fewer or more tokens are skipped.
const TOKENS: std::ops::RangeInclusive<usize> = 4..=80;
/// Length of a sample in milliseconds.
pub const SAMPLE: i64 = 10_000;

/// Lines that are alike.
#[derive(Debug)]
struct Cluster {
    tokens: Vec<String>,
    spaces: Vec<isize>,
    used: u64,
    /// Lines by the begin of their sample in milliseconds.
    samples: Vec<(i64, u64)>,
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<String, usize>,
    clusters: Vec<usize>,
}

/// Clusters of the lines of a stream and level.
#[derive(Debug)]
pub struct Drain {
    format: Format,
    nodes: Vec<Node>,
    /// By number; what was thrown out is gone.
    clusters: HashMap<usize, Cluster>,
    made: usize,
    uses: u64,
    taken: u64,
    evicted: u64,
}

impl Drain {
    /// Without any line.
    pub fn new(format: Format) -> Self {
        Self { format, nodes: vec![Node::default()], clusters: HashMap::new(), made: 0, uses: 0, taken: 0, evicted: 0 }
    }

    /// Takes a line that stands for so many, written at an instant in milliseconds.
    pub fn train(&mut self, line: &str, at: i64, weight: u64) {
        if self.taken > 0 && self.evicted as f64 / self.taken as f64 > MAX_EVICTIONS {
            return;
        }
        self.taken += 1;
        let Some((tokens, spaces)) = self.format.tokens(line).filter(|(tokens, _)| TOKENS.contains(&tokens.len())) else { return };
        let id = match self.search(&tokens) {
            Some(id) => {
                if let Some(cluster) = self.clusters.get_mut(&id) {
                    let differing = cluster.tokens.iter_mut().zip(tokens).filter(|(own, new)| *own != new);
                    differing.for_each(|(own, _)| VARIABLE.clone_into(own));
                }
                id
            }
            None => self.add(tokens, spaces),
        };
        self.touch(id);
        let begin = at - at.rem_euclid(SAMPLE);
        let Some(cluster) = self.clusters.get_mut(&id) else { return };
        match cluster.samples.last_mut() {
            Some((last, count)) if *last == begin => *count += weight,
            _ => cluster.samples.push((begin, weight)),
        }
    }

    /// All patterns with their samples.
    pub fn patterns(&self) -> impl Iterator<Item = (String, &[(i64, u64)])> {
        let mut ids: Vec<&usize> = self.clusters.keys().collect();
        ids.sort_unstable();
        let clusters = ids.into_iter().filter_map(|id| self.clusters.get(id));
        clusters.map(|c| (self.format.join(&c.tokens, &c.spaces), c.samples.as_slice())).filter(|(pattern, _)| !pattern.is_empty())
    }

    fn touch(&mut self, id: usize) {
        self.uses += 1;
        let now = self.uses;
        if let Some(cluster) = self.clusters.get_mut(&id) {
            cluster.used = now;
        }
    }

    /// The cluster that a line belongs to.
    fn search(&mut self, tokens: &[String]) -> Option<usize> {
        let mut node = *self.nodes[0].children.get(&tokens.len().to_string())?;
        for token in tokens.iter().take(MAX_DEPTH - 1).take(tokens.len() - 1) {
            let children = &self.nodes[node].children;
            node = *children.get(token).or_else(|| children.get(VARIABLE))?;
        }
        let candidates = self.nodes[node].clusters.clone();
        let mut best: Option<(f64, usize, usize)> = None;
        for id in candidates {
            self.touch(id);
            let Some(cluster) = self.clusters.get(&id) else { continue };
            let variables = cluster.tokens.iter().filter(|t| *t == VARIABLE).count();
            let same = cluster.tokens.iter().zip(tokens).filter(|(own, new)| *own != VARIABLE && own == new).count();
            let similarity = same as f64 / tokens.len() as f64;
            if best.is_none_or(|(s, v, _)| similarity > s || similarity == s && variables > v) {
                best = Some((similarity, variables, id));
            }
        }
        best.filter(|(similarity, ..)| *similarity >= SIMILARITY).map(|(.., id)| id)
    }

    /// Makes a cluster of a line.
    fn add(&mut self, tokens: Vec<String>, spaces: Vec<isize>) -> usize {
        if self.clusters.len() >= MAX_CLUSTERS
            && let Some(oldest) = self.clusters.iter().min_by_key(|(_, c)| c.used).map(|(id, _)| *id)
        {
            self.clusters.remove(&oldest);
            self.evicted += 1;
        }
        self.made += 1;
        let id = self.made;
        let leaf = self.leaf(&tokens);
        let clusters = &self.clusters;
        self.nodes[leaf].clusters.retain(|c| clusters.contains_key(c));
        self.nodes[leaf].clusters.push(id);
        self.clusters.insert(id, Cluster { tokens, spaces, used: 0, samples: Vec::new() });
        id
    }

    /// The node at which the clusters of a line are, made when it is missing.
    fn leaf(&mut self, tokens: &[String]) -> usize {
        let mut node = self.child(0, tokens.len().to_string());
        for token in tokens.iter().take(MAX_DEPTH - 1).take(tokens.len() - 1) {
            let children = &self.nodes[node].children;
            let (known, together) = (children.contains_key(token), children.contains_key(VARIABLE));
            let room = if together { children.len() < MAX_CHILDREN } else { children.len() + 1 < MAX_CHILDREN };
            let own = known || room && !token.contains(char::is_numeric);
            node = self.child(node, if own { token.clone() } else { VARIABLE.to_owned() });
        }
        node
    }

    fn child(&mut self, node: usize, token: String) -> usize {
        let new = self.nodes.len();
        let child = *self.nodes[node].children.entry(token).or_insert(new);
        if child == new {
            self.nodes.push(Node::default());
        }
        child
    }
}
