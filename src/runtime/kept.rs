//! The file of the queries that the user kept by a name. It is read whole and written whole, by one task beside the loop: neither
//! a slow disk nor what lies in the file's place holds a key up.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::sync::{
    mpsc::{self, UnboundedReceiver, UnboundedSender, unbounded_channel},
    watch,
};

use crate::{
    clock::Clock,
    core::{
        effect::{KeptNews, KeptQueries},
        msg::{Event, Msg},
        typed::{Language, TypedQuery},
    },
};

/// Largest file that is read or written, in bytes.
const MAX_FILE: u64 = 1 << 20;
const HEADING: &str = "# Queries that were kept in redline, which writes all of this file anew; :kept lists them.\n\n";
/// How long another redline may hold the file.
const BUSY: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long the end of the program waits for what is not written yet.
const LAST: Duration = Duration::from_secs(2);

/// Does what is wished of the file, one after the other.
pub(super) struct Keeper {
    wishes: UnboundedSender<Wish>,
    /// Changes that are not written yet.
    unwritten: Arc<watch::Sender<usize>>,
}

struct Wish {
    environment: String,
    /// None: it is only read.
    change: Option<KeptQueries>,
}

impl Keeper {
    /// Begins to wait for wishes about the file in a folder. What comes of them goes `out`.
    pub(super) fn start(folder: Option<&Path>, clock: Clock, out: mpsc::Sender<Msg>) -> Self {
        let (wishes, received) = unbounded_channel();
        let unwritten = Arc::new(watch::Sender::new(0));
        let file = Arc::new(KeptFile::new(folder));
        tokio::spawn(work(file, received, unwritten.clone(), clock, out));
        Self { wishes, unwritten }
    }

    /// Has the queries of an environment read.
    pub(super) fn read(&self, environment: &str) {
        self.wish(Wish { environment: environment.to_owned(), change: None });
    }

    /// Has queries kept by their name, or those of a name that comes without any forgotten.
    pub(super) fn change(&self, environment: &str, change: KeptQueries) {
        self.unwritten.send_modify(|n| *n += 1);
        self.wish(Wish { environment: environment.to_owned(), change: Some(change) });
    }

    fn wish(&self, wish: Wish) {
        // The task ends after this, with the program.
        let _ = self.wishes.send(wish);
    }

    /// Waits a little for what is not written yet.
    ///
    /// # Errors
    /// When it takes too long.
    pub(super) async fn finish(&self) -> std::io::Result<()> {
        let mut unwritten = self.unwritten.subscribe();
        match tokio::time::timeout(LAST, unwritten.wait_for(|n| *n == 0)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(std::io::Error::new(ErrorKind::TimedOut, "the disk does not answer: what was kept last may be lost")),
        }
    }
}

async fn work(
    file: Arc<KeptFile>,
    mut wishes: UnboundedReceiver<Wish>,
    unwritten: Arc<watch::Sender<usize>>,
    clock: Clock,
    out: mpsc::Sender<Msg>,
) {
    while let Some(Wish { environment, change }) = wishes.recv().await {
        let (file, of, wished) = (file.clone(), environment.clone(), change.clone());
        let done = tokio::task::spawn_blocking(move || match &wished {
            Some(change) => file.change(&of, change),
            None => file.read(&of),
        });
        let told = done.await.unwrap_or_else(|e| Err(format!("redline failed at the kept queries: {e}")));
        if change.is_some() {
            unwritten.send_modify(|n| *n -= 1);
        }
        let news = Event::Kept(Box::new(KeptNews { environment, change, told }));
        if out.send(Msg { now: clock.now(), event: news }).await.is_err() {
            return;
        }
    }
}

/// Where the file is.
struct KeptFile {
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
}

impl From<TypedQuery> for Written {
    fn from(query: TypedQuery) -> Self {
        match query.language {
            Language::PromQl => Self::PromQl(query.text),
            Language::LogQl => Self::Other(InLanguage::LogQl(query.text)),
        }
    }
}

impl From<Written> for TypedQuery {
    fn from(written: Written) -> Self {
        match written {
            Written::PromQl(text) => Self::promql(text),
            Written::Other(InLanguage::LogQl(text)) => Self::logql(text),
        }
    }
}

impl KeptFile {
    fn new(folder: Option<&Path>) -> Self {
        Self { path: folder.map(|folder| folder.join("queries.toml")) }
    }

    /// What is kept in an environment, by name.
    fn read(&self, environment: &str) -> Result<Vec<KeptQueries>, String> {
        let Some(path) = &self.path else { return Ok(Vec::new()) };
        Ok(of(&read(path)?, environment))
    }

    /// Keeps what has queries, forgets what has none. No other redline changes the file from when it is read until it is
    /// written.
    fn change(&self, environment: &str, change: &KeptQueries) -> Result<Vec<KeptQueries>, String> {
        let path = self.path.as_ref().ok_or("there is no folder to keep queries in: set HOME or XDG_DATA_HOME")?;
        let cannot = |e: &dyn std::fmt::Display| format!("the queries were not kept: {}: {e}", path.display());
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).map_err(|e| cannot(&e))?;
        let _held = hold(folder).map_err(|e| cannot(&e))?;
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
        write(path, &text).map_err(|e| cannot(&e))?;
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

/// Holds the folder until it is dropped: whoever else wants to change the file waits.
fn hold(folder: &Path) -> Result<File, String> {
    let file = File::open(folder).map_err(|e| e.to_string())?;
    let until = Instant::now() + BUSY;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::AGAIN | Errno::INTR) if Instant::now() < until => std::thread::sleep(LOOK_AGAIN),
            Err(Errno::AGAIN) => return Err(format!("another redline has held it for {} s", BUSY.as_secs())),
            // A file system without locks: reading just before writing is all that can be done.
            Ok(()) | Err(_) => return Ok(file),
        }
    }
}

fn read(path: &Path) -> Result<Content, String> {
    let cannot = |e: &dyn std::fmt::Display| format!("the kept queries cannot be read: {}: {e}", path.display());
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        // Opening a pipe would wait for someone who writes.
        Ok(_) => return Err(cannot(&"it is no file")),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(Content::default()),
        Err(e) => return Err(cannot(&e)),
    }
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text)).map_err(|e| cannot(&e))?;
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
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    // Where the user has linked it to another place, it stays there.
    let path = match fs::canonicalize(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => path.to_owned(),
        found => found?,
    };
    let mut beside = NamedTempFile::new_in(path.parent().unwrap_or(Path::new("/")))?;
    beside.write_all(text.as_bytes())?;
    match fs::metadata(&path) {
        Ok(old) => beside.as_file().set_permissions(old.permissions())?,
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    beside.as_file().sync_all()?;
    beside.persist(&path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

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

    #[tokio::test]
    async fn wishes_are_done_in_their_order_and_the_end_waits_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let (out, mut told) = mpsc::channel(16);
        let keeper = Keeper::start(Some(folder.path()), Clock::from_fn(|| Timestamp::from_secs(1)), out);
        for query in ["1", "2", "3"] {
            keeper.change("prod", kept("all", &[query]));
        }
        keeper.finish().await.unwrap();
        assert_eq!(KeptFile::new(Some(folder.path())).read("prod"), Ok(vec![kept("all", &["3"])]));
        for query in ["1", "2", "3"] {
            let Event::Kept(news) = told.recv().await.unwrap().event else { panic!() };
            assert_eq!((news.change, news.told), (Some(kept("all", &[query])), Ok(vec![kept("all", &[query])])));
        }
    }
}
