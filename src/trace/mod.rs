//! A trace as the waterfall shows it: hygiene, tree and facts computed once, from the spans a source delivered.

/// A cleaned and laid-out trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {}
