//! redline: the terminal an on-call engineer opens when paged.
//!
//! `docs/architecture.md` has the module map and the path of one key press and of one log line.

pub mod alert_expr;
pub mod alert_origins;
pub mod app;
pub mod background;
pub mod cli;
pub mod clock;
pub mod config;
pub mod core;
pub mod demo;
pub mod doctor;
pub mod log_fields;
pub mod log_patterns;
pub mod logging;
pub mod logql_parts;
pub mod model;
pub mod promql_guard;
pub mod red;
pub mod run;
pub mod runtime;
pub mod source;
pub mod store;
pub mod theme;
pub mod time_input;
pub mod trace;
pub mod traceql_plain;
pub mod ui;
pub mod views;
pub mod wire;
