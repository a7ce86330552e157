//! TraceQL: the grammar, its validation, and what of a trace a query selects, as Tempo 2 answers it.

pub mod ast;
pub mod eval;
pub mod hint;
mod parse;
pub mod rows;
mod validate;

pub use parse::parse;

#[cfg(test)]
mod tests;
