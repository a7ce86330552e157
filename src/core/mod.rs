//! The pure core's vocabulary: what comes in ([`msg`]), what the screen needs ([`request`]), what the user can do
//! ([`command`], [`keymap`]) and what they are looking at ([`scope`]).
//!
//! Nothing here reads a clock, a file, the network or the environment.

pub mod command;
pub mod effect;
pub mod keymap;
pub mod msg;
pub mod request;
pub mod scope;
pub mod slot;
pub mod typed;
