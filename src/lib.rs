//! redline: the terminal an on-call engineer opens when paged.
//!
//! `docs/architecture.md` has the module map and the path of one key press and of one log line.

pub mod demo;
pub mod model;
pub mod wire;
