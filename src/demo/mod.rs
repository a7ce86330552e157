//! The shop inside the process: one simulation, observed as metrics, logs and traces by four protocol servers.
//!
//! [`store`] is what the servers read; `world` implements it by simulating requests. Nothing in here is used by the
//! app, which talks to the servers over HTTP like to any others.

pub mod filter;
pub mod grammar;
pub mod into;
pub mod logql;
pub mod memory;
pub mod memory_logs;
pub mod memory_traces;
pub mod native;
pub mod promql;
pub mod rules;
pub mod server;
pub mod store;
pub mod traceql;
pub mod world;
