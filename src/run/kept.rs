//! The file of the queries that the user kept by a name: read whole, written whole, never over one that cannot be read.

use std::{
    fs::File,
    io::{ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{config::System, core::effect::KeptQueries};

/// Largest file that is read or written, in bytes.
const MAX_FILE: u64 = 1 << 20;
const HEADING: &str = "# Queries that were kept in redline; :kept lists them.\n\n";

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
    queries: Vec<String>,
}

impl KeptFile {
    pub(super) fn new(system: &System) -> Self {
        Self { path: system.data_folder.as_ref().map(|folder| folder.join("queries.toml")) }
    }

    /// What is kept in an environment, by name.
    pub(super) fn read(&self, environment: &str) -> Result<Vec<KeptQueries>, String> {
        let Some(path) = &self.path else { return Ok(Vec::new()) };
        Ok(of(&read(path)?, environment))
    }

    /// Keeps what has queries, forgets what has none. The file is read again before: another redline may have changed it.
    pub(super) fn change(&self, environment: &str, change: &KeptQueries) -> Result<Vec<KeptQueries>, String> {
        let path = self.path.as_ref().ok_or("there is no folder to keep queries in: set HOME or XDG_DATA_HOME")?;
        let mut content = read(path)?;
        content.kept.retain(|k| k.environment != environment || k.name != change.name);
        if !change.queries.is_empty() {
            content.kept.push(Entry { environment: environment.to_owned(), name: change.name.clone(), queries: change.queries.clone() });
        }
        write(path, &content)?;
        Ok(of(&content, environment))
    }
}

fn of(content: &Content, environment: &str) -> Vec<KeptQueries> {
    let own = content.kept.iter().filter(|k| k.environment == environment);
    let mut kept: Vec<_> = own.map(|k| KeptQueries { name: k.name.clone(), queries: k.queries.clone() }).collect();
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    kept
}

fn read(path: &Path) -> Result<Content, String> {
    let cannot = |e: &dyn std::fmt::Display| format!("the kept queries cannot be read: {}: {e}", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Content::default()),
        Err(e) => return Err(cannot(&e)),
    };
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(|e| cannot(&e))?;
    if text.len() as u64 > MAX_FILE {
        return Err(cannot(&"it is larger than 1 MiB"));
    }
    toml::from_str(&text).map_err(|e| {
        let before = e.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..before].iter().filter(|b| **b == b'\n').count() + 1;
        format!("the kept queries cannot be read, and are left as they are: {}:{line}: {}", path.display(), e.message())
    })
}

/// Into a file beside it that then takes its place: whoever reads sees the old or the new one, whole.
fn write(path: &Path, content: &Content) -> Result<(), String> {
    let cannot = |e: &dyn std::fmt::Display| format!("the queries were not kept: {}: {e}", path.display());
    let text = format!("{HEADING}{}", toml::to_string(content).map_err(|e| cannot(&e))?);
    if text.len() as u64 > MAX_FILE {
        return Err(cannot(&"it would be larger than 1 MiB; :forget makes room"));
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| cannot(&e))?;
    }
    let beside = path.with_extension(format!("toml.{}", std::process::id()));
    let replaced = File::create(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&beside, path));
    if let Err(e) = replaced {
        // What is half written is of no use; that it cannot be removed adds nothing to the reason.
        let _ = std::fs::remove_file(&beside);
        return Err(cannot(&e));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(name: &str, queries: &[&str]) -> KeptQueries {
        KeptQueries { name: name.to_owned(), queries: queries.iter().map(|q| (*q).to_owned()).collect() }
    }

    fn file(folder: &tempfile::TempDir) -> KeptFile {
        KeptFile::new(&System { data_folder: Some(folder.path().join("redline")), ..System::default() })
    }

    #[test]
    fn what_is_kept_is_there_again_in_its_environment_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(file(&folder).read("prod"), Ok(Vec::new()));
        let errors = kept("errors", &[r#"sum(rate(x{a="b\\c"}[5m]))"#, "up"]);
        file(&folder).change("prod", &errors).unwrap();
        file(&folder).change("stage", &kept("errors", &["vector(1)"])).unwrap();
        assert_eq!(file(&folder).change("prod", &kept("all", &["up"])), Ok(vec![kept("all", &["up"]), errors.clone()]));
        assert_eq!(file(&folder).change("prod", &kept("all", &["down"])).unwrap()[0], kept("all", &["down"]), "replaced");
        assert_eq!(file(&folder).change("prod", &kept("all", &[])), Ok(vec![errors]));
        assert_eq!(file(&folder).read("stage"), Ok(vec![kept("errors", &["vector(1)"])]));
        assert_eq!(std::fs::read_dir(folder.path().join("redline")).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_broken_file_is_told_by_its_line_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("redline/queries.toml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let broken = "[[kept]]\nenvironment = \"prod\"\nname = oops\n";
        std::fs::write(&path, broken).unwrap();
        let told = file(&folder).change("prod", &kept("all", &["up"])).unwrap_err();
        assert!(told.contains("queries.toml:3:"), "{told}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
    }

    #[test]
    fn without_a_folder_reading_finds_nothing_and_keeping_says_why() {
        let none = KeptFile::new(&System::default());
        assert_eq!(none.read("prod"), Ok(Vec::new()));
        assert!(none.change("prod", &kept("all", &["up"])).unwrap_err().contains("XDG_DATA_HOME"));
    }
}
