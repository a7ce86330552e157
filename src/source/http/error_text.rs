//! The words of an error's body, whatever form the server or a proxy gave them.

use serde_json::Value;

use super::ERROR_BODY;

const MAX: usize = 500;
/// What a gRPC error that was passed on says before its own words: which parts of the server it went through.
const RPC: &str = " desc = ";

/// A JSON object's message, a JSON string, HTML without its tags, or the text; one line, at most 500 characters, without the full
/// stop at its end, as advice follows. What comes after `ERROR_BODY` bytes is not looked at: a page may have megabytes.
pub fn error_text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(ERROR_BODY)]);
    let words = match serde_json::from_str::<Value>(&text) {
        Ok(value) => message(&value).unwrap_or_else(|| text.to_string()),
        Err(_) if looks_like_html(&text) => strip_html(&text),
        Err(_) => text.into_owned(),
    };
    one_line(words.rsplit_once(RPC).map_or(words.as_str(), |(_, innermost)| innermost))
}

/// Whether Prometheus says that the query itself ran out of time, which asking again would only repeat.
pub fn is_query_timeout(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|v| v.get("errorType").and_then(Value::as_str) == Some("timeout"))
}

/// Whether a 422 says that the query cannot be read. VictoriaMetrics has no other status for that.
pub fn cannot_be_read(body: &[u8]) -> bool {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else { return false };
    let bad_data = answer.get("errorType").and_then(Value::as_str) == Some("bad_data");
    bad_data || message(&answer).is_some_and(|words| words.contains("cannot parse") || words.contains("parse error"))
}

/// Whether a 400 says that the query is read and asks for more than a tenant may. Mimir, Cortex and Loki refuse a long range so.
pub fn is_beyond_a_limit(body: &[u8]) -> bool {
    let words = error_text(body);
    words.contains("err-mimir-max-") || words.contains("time range exceeds the limit")
}

/// Prometheus and its kin `error`, Grafana `message`, Jaeger `errors[0].msg`; nested objects are followed.
fn message(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Object(map) => ["error", "message", "msg", "errors"].iter().filter_map(|k| map.get(*k)).find_map(message),
        Value::Array(items) => items.first().and_then(message),
        _ => None,
    }
    .filter(|s| !s.is_empty())
}

fn looks_like_html(text: &str) -> bool {
    let head: String = text.trim_start().chars().take(200).collect::<String>().to_ascii_lowercase();
    head.starts_with('<') && ["<html", "<!doctype", "<head", "<body", "<h1"].iter().any(|tag| head.contains(tag))
}

/// The text between tags, without that of `script`, `style`: one that does not end hides all that follows.
fn strip_html(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        out.push(' ');
        let tag = &rest[open..];
        let hides = ["script", "style"].iter().any(|name| tag.get(1..=name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name)));
        let from = if hides { tag.find("</").map_or(tag.len(), |i| i + 2) } else { 0 };
        rest = tag[from..].find('>').map_or("", |close| &tag[from + close + 1..]);
    }
    out.push_str(rest);
    out.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.strip_suffix('.').filter(|rest| !rest.ends_with('.')).map_or(line.clone(), str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_words_in_every_form() {
        let cases: [(&str, &str); 15] = [
            ("too many series. Ask the administrator.\n", "too many series. Ask the administrator"),
            ("starting...", "starting..."),
            (r#"{"status":"error","errorType":"bad_data","error":"1:4: parse error"}"#, "1:4: parse error"),
            (r#""bad matcher format""#, "bad matcher format"),
            ("parse error at line 1, col 5: syntax error\n", "parse error at line 1, col 5: syntax error"),
            (r#"{"data":null,"errors":[{"code":404,"msg":"trace not found"}]}"#, "trace not found"),
            (r#"{"error":{"httpCode":404,"message":"No traces found"}}"#, "No traces found"),
            (r#"{"message":"Unauthorized","messageId":"x","statusCode":401,"traceID":""}"#, "Unauthorized"),
            (
                "<html><head><title>502 Bad Gateway</title><style>p{}</style></head><body><center>nginx</center></body></html>",
                "502 Bad Gateway nginx",
            ),
            ("<!DOCTYPE html><script>if (a<b) x()</script><p>Log in &amp; go</p>", "Log in & go"),
            ("<html>Oops<script>if (a<b) x()<script>y()", "Oops"),
            (
                "error querying ingesters in Querier.Search: rpc error: code = Unknown desc = operations must be of one type: duration > `x`",
                "operations must be of one type: duration > `x`",
            ),
            (r#"{"unknown":1}"#, r#"{"unknown":1}"#),
            ("", ""),
            ("<", "<"),
        ];
        for (body, words) in cases {
            assert_eq!(error_text(body.as_bytes()), words, "{body}");
        }
    }

    #[test]
    fn what_is_beyond_a_limit_is_no_fault_of_the_query() {
        for (body, is_beyond) in [
            (
                r#"{"status":"error","errorType":"bad_data","error":"the total query time range exceeds the limit (query length: 2h0m0s, limit: 1h0m0s) (err-mimir-max-total-query-length). To adjust"}"#,
                true,
            ),
            ("the query time range exceeds the limit (query length: 722h0m0s, limit: 721h0m0s)", true),
            (r#"{"status":"error","errorType":"bad_data","error":"1:7: parse error: unclosed left parenthesis"}"#, false),
            (r#"{"status":"error","errorType":"bad_data","error":"bad_data: exceeded maximum resolution of 11,000 points"}"#, false),
        ] {
            assert_eq!(is_beyond_a_limit(body.as_bytes()), is_beyond, "{body}");
        }
    }

    #[test]
    fn is_cut_at_a_character() {
        let long = "ä".repeat(10_000);
        assert_eq!(error_text(long.as_bytes()).chars().count(), MAX + 1);
    }

    #[test]
    fn of_a_huge_page_only_the_beginning_is_read() {
        let page = format!("<html><h1>Log in</h1>{}<p>the end</p>", "<br>".repeat(1 << 20));
        assert_eq!(error_text(page.as_bytes()), "Log in");
    }

    proptest::proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            error_text(&body);
        }
        #[test]
        fn never_panics_on_markup(body in "(<|>|/|script|style|é|!|html| ){0,40}") {
            error_text(format!("<html>{body}").as_bytes());
        }
    }
}
