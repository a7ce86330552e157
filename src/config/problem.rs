//! What is wrong with a file, where, and what to write instead.

use std::fmt;

/// One thing wrong in a configuration or theme file, or on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, or the option of the command line.
    pub file: String,
    /// Line and column, both from 1; `None` when it is about the whole file.
    pub at: Option<(usize, usize)>,
    /// What is wrong. Never holds a value that could be a secret.
    pub message: String,
    /// What to write instead; may be empty.
    pub advice: String,
}

impl Problem {
    /// A problem of a whole file, or of an option.
    pub fn of(file: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { file: file.into(), at: None, message: message.into(), advice: advice.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", hide_userinfo(&self.message))?;
        if self.advice.is_empty() { Ok(()) } else { write!(f, ". {}", self.advice) }
    }
}

/// A text without the user and password of any URL in it, however badly it is written: what is told of wrong input must not
/// repeat them.
fn hide_userinfo(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|i| i + 3) {
        let end = rest[start..].find(char::is_whitespace).map_or(rest.len(), |i| start + i);
        // A password may have any character but a space; the last @ ends it, or a quote that stands in it.
        let word = rest[start..end].trim_end_matches(['`', '"', '\'']);
        let host = rest[start..end].rfind('@').or_else(|| is_user_and_password(word).then_some(word.len())).map_or(start, |i| start + i);
        out.push_str(&rest[..start]);
        out.push_str(if host > start { "…" } else { "" });
        rest = &rest[host..];
    }
    out + rest
}

/// Whether what follows `://` is `user:password` that lost its `@host`: what follows the colon is no port.
fn is_user_and_password(word: &str) -> bool {
    let after = word.split_once(':').map(|(_, after)| after.split('/').next().unwrap_or_default());
    !word.starts_with('[') && after.is_some_and(|port| port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()))
}

/// Everything wrong that keeps redline from starting: exit code 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<Problem>);

impl ConfigError {
    /// One problem of a whole file, or of an option.
    pub fn of(file: impl Into<String>, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self(vec![Problem::of(file, message, advice)])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// The nearest of `known` to `word`, when it is near enough to be a slip of the fingers.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let word = word.to_lowercase();
    let near = known.into_iter().map(|k| (strsim::osa_distance(&word, &k.to_lowercase()), k)).filter(|(d, _)| *d <= limit).min();
    near.map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_does_not() {
        let known = ["url", "tenant", "timeout", "insecure_skip_verify"];
        assert_eq!(nearest("ulr", known), Some("url"));
        assert_eq!(nearest("tennant", known), Some("tenant"));
        assert_eq!(nearest("Timeout", known), Some("timeout"));
        assert_eq!(nearest("insecure_skip_verfy", known), Some("insecure_skip_verify"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn user_and_password_of_a_url_are_not_repeated() {
        for (text, shown) in [
            ("unknown key `http://me:pw@host:1/x`", "unknown key `http://…@host:1/x`"),
            ("no value \"https://me:p@s/\"w@host\" and ftp://token@b", "no value \"https://…@host\" and ftp://…@b"),
            ("see http://host/a@b", "see http://…@b"),
            ("a://b c://", "a://b c://"),
            ("no environment `http://me:pw`", "no environment `http://…`"),
            ("no answer from http://host:9090/x and http://[::1]:9090", "no answer from http://host:9090/x and http://[::1]:9090"),
            ("plain", "plain"),
        ] {
            assert_eq!(hide_userinfo(text), shown);
        }
    }

    #[test]
    fn a_problem_reads_as_file_line_column_and_advice() {
        let mut problem = Problem::of("a.toml", "unknown key `ulr`", "Did you mean `url`?");
        assert_eq!(problem.to_string(), "a.toml: unknown key `ulr`. Did you mean `url`?");
        problem.at = Some((3, 1));
        assert_eq!(problem.to_string(), "a.toml:3:1: unknown key `ulr`. Did you mean `url`?");
    }
}
