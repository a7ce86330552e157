//! The file of the queries that were asked: one a line, the newest last, of all environments and languages. A query in which
//! there is what looks like a secret is not in it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    file::{self, MAX_FILE},
    secrets::has_secret,
};
use crate::core::typed::{Language, TypedQuery};

/// Queries of one environment and language that are remembered.
pub(super) const MOST: usize = 500;
/// The longest that is, in bytes: a few pasted ones must not take the room of all.
const LONGEST: usize = 16 << 10;

/// Where the file is.
pub(super) struct HistoryFile {
    path: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    environment: String,
    language: Name,
    query: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Name {
    #[serde(rename = "promql")]
    Prom,
    #[serde(rename = "logql")]
    Log,
    #[serde(rename = "traceql")]
    Trace,
}

impl From<Language> for Name {
    fn from(language: Language) -> Self {
        match language {
            Language::PromQl => Self::Prom,
            Language::LogQl => Self::Log,
            Language::TraceQl => Self::Trace,
        }
    }
}

impl From<Name> for Language {
    fn from(name: Name) -> Self {
        match name {
            Name::Prom => Self::PromQl,
            Name::Log => Self::LogQl,
            Name::Trace => Self::TraceQl,
        }
    }
}

impl HistoryFile {
    pub(super) fn new(folder: Option<&Path>) -> Self {
        Self { path: folder.map(|folder| folder.join("history.jsonl")) }
    }

    /// What was asked in an environment, the newest last.
    pub(super) fn read(&self, environment: &str) -> Result<Vec<TypedQuery>, String> {
        let Some(path) = &self.path else { return Ok(Vec::new()) };
        Ok(of(&lines(path)?, environment))
    }

    /// Adds a query, unless there is what looks like a secret in it. No other redline changes the file from when it is read
    /// until it is written.
    pub(super) fn add(&self, environment: &str, query: &TypedQuery) -> Result<Vec<TypedQuery>, String> {
        let Some(path) = self.path.as_ref().filter(|_| query.text.len() <= LONGEST && !has_secret(&query.text)) else {
            return self.read(environment);
        };
        let cannot = |e: &dyn std::fmt::Display| format!("the query is not remembered: {}: {e}", path.display());
        let _held = file::hold(path).map_err(|e| cannot(&e))?;
        let mut lines = lines(path)?;
        let language = Name::from(query.language);
        let is_alike = |l: &Line| l.environment == environment && l.language == language;
        lines.retain(|l| !is_alike(l) || l.query != query.text);
        lines.push(Line { environment: environment.to_owned(), language, query: query.text.clone() });
        let beyond = lines.iter().filter(|l| is_alike(l)).count().saturating_sub(MOST);
        let mut gone = 0;
        lines.retain(|l| {
            gone += usize::from(is_alike(l));
            !is_alike(l) || gone > beyond
        });
        file::write(path, &written(&lines).map_err(|e| cannot(&e))?).map_err(|e| cannot(&e))?;
        Ok(of(&lines, environment))
    }
}

/// As many of the newest as the file has room for.
fn written(lines: &[Line]) -> serde_json::Result<String> {
    let texts = lines.iter().map(|line| serde_json::to_string(line).map(|text| text + "\n")).collect::<serde_json::Result<Vec<_>>>()?;
    let mut room = MAX_FILE as usize;
    let kept = texts.iter().rev().take_while(|text| {
        let fits = text.len() <= room;
        room = room.saturating_sub(text.len());
        fits
    });
    let first = texts.len() - kept.count();
    Ok(texts[first..].concat())
}

fn lines(path: &Path) -> Result<Vec<Line>, String> {
    let cannot = |e: &dyn std::fmt::Display| format!("the queries that were asked cannot be read: {}{e}", path.display());
    let text = file::read(path).map_err(|e| cannot(&format!(": {e}")))?.unwrap_or_default();
    let line = |(i, line): (usize, &str)| serde_json::from_str(line).map_err(|e| cannot(&format!(":{}: {e}", i + 1)));
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(line).collect()
}

fn of(lines: &[Line], environment: &str) -> Vec<TypedQuery> {
    let own = lines.iter().filter(|l| l.environment == environment);
    own.map(|l| TypedQuery { language: l.language.into(), text: l.query.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn file(folder: &tempfile::TempDir) -> HistoryFile {
        HistoryFile::new(Some(&folder.path().join("redline")))
    }

    fn texts(queries: &[TypedQuery]) -> Vec<&str> {
        queries.iter().map(|q| q.text.as_str()).collect()
    }

    #[test]
    fn what_was_asked_is_there_again_in_its_environment_and_language_the_newest_last() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(file(&folder).read("prod"), Ok(Vec::new()));
        let (a, b) = (TypedQuery::logql("{a=\"1\"} |= `x\\y`"), TypedQuery::promql("up"));
        for query in [&a, &b, &a] {
            file(&folder).add("prod", query).unwrap();
        }
        file(&folder).add("stage", &TypedQuery::logql("{b=\"2\"}")).unwrap();
        assert_eq!(file(&folder).read("prod"), Ok(vec![b, a]));
        let path = folder.path().join("redline/history.jsonl");
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_looks_like_a_secret_or_is_very_long_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["{a=\"b\"} |= \"password=hunter2\"".to_owned(), format!("{{a=\"{}\"}}", "x ".repeat(LONGEST))] {
            assert_eq!(file(&folder).add("prod", &TypedQuery::logql(text)), Ok(Vec::new()));
        }
        assert!(!folder.path().join("redline").exists());
    }

    #[test]
    fn the_oldest_go_where_there_are_too_many_or_no_room() {
        let folder = tempfile::tempdir().unwrap();
        file(&folder).add("other", &TypedQuery::promql("up")).unwrap();
        for i in 0..MOST + 3 {
            file(&folder).add("prod", &TypedQuery::promql(format!("vector({i})"))).unwrap();
        }
        let kept = file(&folder).read("prod").unwrap();
        assert_eq!((kept.len(), kept[0].text.as_str()), (MOST, "vector(3)"));
        assert_eq!(texts(&file(&folder).read("other").unwrap()), ["up"]);
        for i in 0..80 {
            file(&folder).add("prod", &TypedQuery::promql(format!("{i} {}", "x ".repeat(8000)))).unwrap();
        }
        assert!(fs::metadata(folder.path().join("redline/history.jsonl")).unwrap().len() <= MAX_FILE);
        let kept = file(&folder).read("prod").unwrap();
        assert!(kept.len() >= 60 && kept.last().unwrap().text.starts_with("79 "), "{}", kept.len());
    }

    #[test]
    fn of_many_that_ask_at_once_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for one in 0..8 {
                let folder = &folder;
                scope.spawn(move || {
                    for n in 0..5 {
                        file(folder).add("prod", &TypedQuery::promql(format!("vector({one}{n})"))).unwrap();
                    }
                });
            }
        });
        assert_eq!(file(&folder).read("prod").unwrap().len(), 40);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redline/history.jsonl");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let content = "{\"environment\":\"prod\",\"language\":\"promql\",\"query\":\"up\"}\noops\n";
        fs::write(&path, content).unwrap();
        for why in [file(&folder).read("prod").unwrap_err(), file(&folder).add("prod", &TypedQuery::promql("up")).unwrap_err()] {
            assert!(why.contains("history.jsonl:2:"), "{why}");
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}
