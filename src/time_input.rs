//! Times as people type and paste them.

use crate::model::time::{TimeWindow, Timestamp};

/// A window from what was typed, relative to `now`, times without a zone taken at `offset` seconds from UTC.
///
/// # Errors
/// Says what is understood.
pub fn parse_window(_text: &str, _now: Timestamp, _offset: i32) -> Result<TimeWindow, String> {
    Err("write 2h, 14:20 - 14:45 or 2026-11-21T14:32:07Z".to_owned())
}
