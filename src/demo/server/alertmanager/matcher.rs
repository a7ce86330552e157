//! Matchers as Alertmanager's `filter` parameter has them: `alertname="X"`, `severity=~"page|ticket"`.

use crate::model::{labels::Matcher, matcher_text};

/// Reads one matcher; the value may be quoted.
///
/// # Errors
/// It is not a matcher; the message is for the client.
pub fn parse(text: &str) -> Result<Matcher, String> {
    let text = text.trim();
    if text.starts_with('{') || text.ends_with('}') {
        return Err(format!("bad matcher format: {text}: unexpected open or close brace"));
    }
    matcher_text::parse(text).map_err(|_| format!("bad matcher format: {text}"))
}
