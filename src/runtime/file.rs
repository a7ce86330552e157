//! A small file that several redlines share: read whole, written whole, changed by one at a time.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};
use tempfile::NamedTempFile;

/// Largest file that is read or written, in bytes.
pub(super) const MAX_FILE: u64 = 1 << 20;
/// How long another redline may hold the file.
const BUSY: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Holds the file's folder until it is dropped: whoever else wants to change the file waits. Makes the folder if need be.
pub(super) fn hold(path: &Path) -> Result<File, String> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(|e| e.to_string())?;
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

/// Its text; `None` where there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() => {}
        // Opening a pipe would wait for someone who writes.
        Ok(_) => return Err("it is no file".to_owned()),
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(e) => return Err(e.to_string()),
    }
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text)).map_err(|e| e.to_string())?;
    if text.len() as u64 > MAX_FILE {
        return Err("it is larger than 1 MiB".to_owned());
    }
    Ok(Some(text))
}

/// Into a file beside it that then takes its place: whoever reads sees the old or the new one, whole. A new one is the
/// user's alone.
pub(super) fn write(path: &Path, text: &str) -> std::io::Result<()> {
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
