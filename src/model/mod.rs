//! What redline talks about: alerts, series, log lines, traces, time and labels.
//!
//! Plain data without IO, without serde and without a screen. Every other module may use it; it uses none.

pub mod alert;
pub mod alert_book;
pub mod alert_match;
pub mod alertmanagers;
pub mod backend;
pub mod explored;
pub mod gaps;
pub mod label_index;
pub mod labels;
pub mod log;
pub mod log_labels;
pub mod log_size;
pub mod matcher_text;
pub mod opened;
pub mod place;
pub mod re2;
pub mod series;
pub mod service_names;
pub mod silence;
pub mod slo;
pub mod time;
pub mod trace;
pub mod trace_source;
