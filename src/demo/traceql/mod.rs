//! TraceQL: the grammar, its validation, and what of a trace a query selects, as Tempo 2 answers it.

pub mod ast;
pub mod eval;
mod field;
pub mod hint;
pub mod metrics;
mod parse;
pub mod rows;
mod structure;
mod validate;
mod value;
pub mod wanted;

pub use field::Expressions;
pub use parse::{intrinsic, parse};

#[cfg(test)]
mod tests;
