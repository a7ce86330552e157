//! Wire formats that both the clients and the demo's servers speak.

pub mod otlp;
pub mod remote_write;
