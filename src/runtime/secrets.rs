//! What looks like a secret in a query: such a query is not written to disk. A name beside a value, the forms of well-known
//! tokens, and what is long and too mixed to be a name or an id.

use std::sync::LazyLock;

use regex::Regex;

/// Names that a secret follows, and forms that are one.
const FORMS: &str = concat!(
    r"(?i:(?:passw(?:or)?d|passwd|passphrase|pwd|secret|token|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|credentials?|authorization|session[-_ ]?id|cookie)",
    r#"['"`\\]*\s*(?:[:=]|!=|=~|!~|\|=|\|~))"#,
    r"|(?i:\b(?:bearer|basic)\s+[a-z0-9._~+/=-]{6,})",
    r"|eyJ[A-Za-z0-9_-]{8,}\.",
    r"|://[^/\s:@]+:[^/\s@]+@",
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12,}|\bgh[opsur]_[A-Za-z0-9]{16,}|\bgithub_pat_|\bglpat-|\bglsa_|\bxox[abeoprs]-|\bsk[-_][A-Za-z0-9_-]{16,}|-----BEGIN ",
);
/// The run of characters that base64 has.
const RUN: &str = r"[A-Za-z0-9+/_=-]{24,}";

static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FORMS).ok());
static LONG: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(RUN).ok());

/// Whether a text has what looks like a secret.
pub(super) fn has_secret(text: &str) -> bool {
    let (Some(secret), Some(long)) = (SECRET.as_ref(), LONG.as_ref()) else { return true };
    secret.is_match(text) || long.find_iter(text).any(|run| is_mixed(run.as_str()))
}

/// Lower and upper case with a digit among them: ids are hexadecimal in one case, names have words.
fn is_mixed(run: &str) -> bool {
    let has = |is: fn(&u8) -> bool| run.bytes().filter(is).count();
    has(u8::is_ascii_lowercase) >= 3 && has(u8::is_ascii_uppercase) >= 3 && has(u8::is_ascii_digit) >= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_queries() {
        for secret in [
            r#"{app="x"} |= "password=hunter2""#,
            r#"{app="x"} |= "passwd: hunter2""#,
            r#"{app="x"} | json | token="abc""#,
            r#"{app="x"} |= `"api_key":"abc"`"#,
            r#"{app="x"} |= "{\"secret\":\"abc\"}""#,
            r#"{app="x"} |~ "Authorization: .*""#,
            r#"{app="x"} |= "Bearer abcdef123""#,
            r#"{app="x"} |= "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi""#,
            r#"{app="x"} |= "postgres://shop:hunter2@db/shop""#,
            r#"{app="x"} |= "AKIAIOSFODNN7EXAMPLE""#,
            r#"{app="x"} |= "ghp_16C7e42F292c6912E7710c838347Ae178B4a""#,
            r#"{app="x"} |= "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY""#,
            "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            assert!(has_secret(secret), "{secret}");
        }
        for query in [
            r#"sum by (level) (count_over_time({service_name="orders"} |= "timeout" [1m]))"#,
            r#"{app="x"} | trace_id="4bf92f3577b34da6a3ce929d0e0e4736""#,
            r#"{pod="orders-7d9f8c6b5-k2vq9"} |= "token expired""#,
            r#"{app="x"} |= "550e8400-e29b-41d4-a716-446655440000""#,
            "histogram_quantile(0.95, sum by (le) (rate(http_server_request_duration_seconds_bucket[5m])))",
            r#"{app="x"} |= "org.springframework.web.servlet.DispatcherServlet""#,
            r#"rate(go_memstats_alloc_bytes_total{job="kubernetes-service-endpoints"}[5m])"#,
        ] {
            assert!(!has_secret(query), "{query}");
        }
    }
}
