//! Widgets and text for the views: pure drawing into a buffer.

pub mod ansi;
pub mod chart;
pub mod field;
pub mod format;
pub mod panel;
pub mod promql;
pub mod spark;
pub mod table;
pub mod text;
pub mod wait;
