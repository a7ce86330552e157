//! The file of the queries that the user kept by a name.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file::{self, MAX_FILE};
use crate::core::{
    effect::KeptQueries,
    typed::{Language, TypedQuery},
};

const HEADING: &str = "# Queries that were kept in redline, which writes all of this file anew; :kept lists them.\n\n";

/// Where the file is.
pub(super) struct KeptFile {
    path: Option<PathBuf>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    kept: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    environment: String,
    name: String,
    queries: Vec<Written>,
}

/// A query as it is written: those that are not PromQL name their language.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    PromQl(String),
    Other(InLanguage),
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum InLanguage {
    LogQl(String),
    TraceQl(String),
}

impl From<TypedQuery> for Written {
    fn from(query: TypedQuery) -> Self {
        match query.language {
            Language::PromQl => Self::PromQl(query.text),
            Language::LogQl => Self::Other(InLanguage::LogQl(query.text)),
            Language::TraceQl => Self::Other(InLanguage::TraceQl(query.text)),
        }
    }
}

impl From<Written> for TypedQuery {
    fn from(written: Written) -> Self {
        match written {
            Written::PromQl(text) => Self::promql(text),
            Written::Other(InLanguage::LogQl(text)) => Self::logql(text),
            Written::Other(InLanguage::TraceQl(text)) => Self::traceql(text),
        }
    }
}

impl KeptFile {
    pub(super) fn new(folder: Option<&Path>) -> Self {
        Self { path: folder.map(|folder| folder.join("queries.toml")) }
    }

    /// What is kept in an environment, by name.
    pub(super) fn read(&self, environment: &str) -> Result<Vec<KeptQueries>, String> {
        let Some(path) = &self.path else { return Ok(Vec::new()) };
        Ok(of(&read(path)?, environment))
    }

    /// Keeps what has queries, forgets what has none. No other redline changes the file from when it is read until it is
    /// written.
    pub(super) fn change(&self, environment: &str, change: &KeptQueries) -> Result<Vec<KeptQueries>, String> {
        let path = self.path.as_ref().ok_or("there is no folder to keep queries in: set HOME or XDG_DATA_HOME")?;
        let cannot = |e: &dyn std::fmt::Display| format!("the queries were not kept: {}: {e}", path.display());
        let _held = file::hold(path).map_err(|e| cannot(&e))?;
        let mut content = read(path)?;
        content.kept.retain(|k| k.environment != environment || k.name != change.name);
        if !change.queries.is_empty() {
            let queries = change.queries.iter().cloned().map(Into::into).collect();
            content.kept.push(Entry { environment: environment.to_owned(), name: change.name.clone(), queries });
        }
        let text = format!("{HEADING}{}", toml::to_string(&content).map_err(|e| cannot(&e))?);
        if text.len() as u64 > MAX_FILE {
            return Err(cannot(&"it would be larger than 1 MiB; :forget makes room"));
        }
        file::write(path, &text).map_err(|e| cannot(&e))?;
        Ok(of(&content, environment))
    }
}

fn of(content: &Content, environment: &str) -> Vec<KeptQueries> {
    let own = content.kept.iter().filter(|k| k.environment == environment);
    let mut kept: Vec<_> =
        own.map(|k| KeptQueries { name: k.name.clone(), queries: k.queries.iter().cloned().map(Into::into).collect() }).collect();
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    kept
}

fn read(path: &Path) -> Result<Content, String> {
    let cannot = |e: &dyn std::fmt::Display| format!("the kept queries cannot be read: {}: {e}", path.display());
    let Some(text) = file::read(path).map_err(|e| cannot(&e))? else { return Ok(Content::default()) };
    toml::from_str(&text).map_err(|e| {
        let before = e.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..before].iter().filter(|b| **b == b'\n').count() + 1;
        format!("the kept queries cannot be read, and are left as they are: {}:{line}: {}", path.display(), e.message())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn kept(name: &str, queries: &[&str]) -> KeptQueries {
        KeptQueries { name: name.to_owned(), queries: queries.iter().map(|q| TypedQuery::promql(*q)).collect() }
    }

    fn file(folder: &tempfile::TempDir) -> KeptFile {
        KeptFile::new(Some(&folder.path().join("redline")))
    }

    #[test]
    fn what_is_kept_is_there_again_in_its_environment_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(file(&folder).read("prod"), Ok(Vec::new()));
        let errors = kept("errors", &[r#"sum(rate(x{a="b\\c;d"}[5m])) # why"#, "up"]);
        file(&folder).change("prod", &errors).unwrap();
        file(&folder).change("stage", &kept("errors", &["vector(1)"])).unwrap();
        assert_eq!(file(&folder).change("prod", &kept("all", &["up"])), Ok(vec![kept("all", &["up"]), errors.clone()]));
        assert_eq!(file(&folder).change("prod", &kept("all", &["down"])).unwrap()[0], kept("all", &["down"]), "replaced");
        assert_eq!(file(&folder).change("prod", &kept("all", &[])), Ok(vec![errors]));
        assert_eq!(file(&folder).read("stage"), Ok(vec![kept("errors", &["vector(1)"])]));
        assert_eq!(fs::read_dir(folder.path().join("redline")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_query_is_kept_with_its_language() {
        let folder = tempfile::tempdir().unwrap();
        let both =
            KeptQueries { name: "both".to_owned(), queries: vec![TypedQuery::promql("up"), TypedQuery::logql(r#"rate({a="b"}[5m])"#)] };
        assert_eq!(file(&folder).change("prod", &both), Ok(vec![both.clone()]));
        assert_eq!(file(&folder).read("prod"), Ok(vec![both]));
    }

    #[test]
    fn what_cannot_be_read_is_told_and_left_alone() {
        let long = format!("# {}\n", "x".repeat(1 << 20)).into_bytes();
        for (content, told) in [
            (&b"[[kept]]\nenvironment = \"prod\"\nname = oops\n"[..], "queries.toml:3:"),
            (b"[[kept]]\nenvironment = \"prod\"\nname = \"a\"\nqueries = \"up\"\n", "queries.toml:4:"),
            (b"later = 1\n", "queries.toml:1:"),
            (b"\xff\xfe", "UTF-8"),
            (&long, "larger than 1 MiB"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("redline/queries.toml");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            for why in [file(&folder).read("prod").unwrap_err(), file(&folder).change("prod", &kept("all", &["up"])).unwrap_err()] {
                assert!(why.contains(told) && why.contains("queries.toml"), "{why}");
            }
            assert!(fs::read(&path).unwrap() == content, "{told}");
        }
    }

    #[test]
    fn what_is_no_file_is_told_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redline/queries.toml");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        assert!(file(&folder).read("prod").unwrap_err().contains("it is no file"));
        assert!(file(&folder).change("prod", &kept("all", &["up"])).unwrap_err().contains("it is no file"));
    }

    #[test]
    fn a_linked_file_stays_where_it_is_with_its_permissions() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (path, own) = (folder.path().join("redline/queries.toml"), folder.path().join("own.toml"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&own, "").unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&own, &path).unwrap();
        file(&folder).change("prod", &kept("all", &["up"])).unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert!(fs::read_to_string(&own).unwrap().contains("up"));
        assert_eq!(fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn of_many_that_keep_at_once_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for one in 0..8 {
                let folder = &folder;
                scope.spawn(move || {
                    for n in 0..5 {
                        file(folder).change("prod", &kept(&format!("{one} {n}"), &["up"])).unwrap();
                    }
                });
            }
        });
        assert_eq!(file(&folder).read("prod").unwrap().len(), 40);
    }

    #[test]
    fn without_a_folder_reading_finds_nothing_and_keeping_says_why() {
        let none = KeptFile::new(None);
        assert_eq!(none.read("prod"), Ok(Vec::new()));
        assert!(none.change("prod", &kept("all", &["up"])).unwrap_err().contains("XDG_DATA_HOME"));
    }
}
