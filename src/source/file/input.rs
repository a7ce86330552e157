//! What is named on the command line, looked at before the terminal is taken.

use std::{
    fs::File,
    io::{self, ErrorKind, IsTerminal as _, Read},
    os::{fd::AsFd as _, unix::fs::FileTypeExt as _},
    path::{Path, PathBuf},
    sync::Mutex,
};

use compact_str::CompactString;

use super::sniff::{self, Content, HEAD};

/// Names standard input.
pub const STANDARD_INPUT: &str = "-";

/// Something to read lines from.
pub(super) struct Input {
    pub(super) name: CompactString,
    pub(super) size: Option<u64>,
    pub(super) source: Source,
}

/// How it is read.
pub(super) enum Source {
    /// From its end, and on as it grows.
    Plain(PathBuf),
    /// From its beginning, to its end.
    Compressed(PathBuf, Content),
    /// Once, as it comes; nothing once that has begun.
    Pipe(Mutex<Option<Pipe>>),
}

/// What is read once.
pub(super) enum Pipe {
    Open(File),
    /// What was read of it, and the rest.
    Begun(Vec<u8>, File),
    /// A named one: to open it is to wait for who writes to it.
    Named(PathBuf),
}

impl Pipe {
    /// What was read, and what is to be.
    pub(super) fn open(self) -> io::Result<(Vec<u8>, File)> {
        match self {
            Self::Open(file) => Ok((Vec::new(), file)),
            Self::Begun(begun, file) => Ok((begun, file)),
            Self::Named(path) => File::open(path).map(|file| (Vec::new(), file)),
        }
    }

    fn source(self) -> Source {
        Source::Pipe(Mutex::new(Some(self)))
    }
}

impl Input {
    /// Looks at what a path names.
    ///
    /// # Errors
    /// Why it cannot be shown, and what to do, in words that begin with the path.
    pub(super) fn open(path: &Path, begun: &[u8]) -> Result<Self, String> {
        if path.as_os_str() == STANDARD_INPUT {
            return standard_input(begun.to_vec());
        }
        let name: CompactString = path.to_string_lossy().into();
        let told = |e: &io::Error| format!("{name}: {}", why(e));
        let meta = std::fs::metadata(path).map_err(|e| told(&e))?;
        if meta.is_dir() {
            return Err(format!("{name} is a directory: name the files in it, as in {}/*.log", name.trim_end_matches('/')));
        }
        let kind = meta.file_type();
        if kind.is_fifo() {
            return Ok(Self { name, size: None, source: Pipe::Named(path.to_owned()).source() });
        }
        let file = File::open(path).map_err(|e| told(&e))?;
        if kind.is_char_device() || kind.is_socket() {
            return Ok(Self { name, size: None, source: Pipe::Open(file).source() });
        }
        let mut head = Vec::with_capacity(HEAD);
        file.take(HEAD as u64).read_to_end(&mut head).map_err(|e| told(&e))?;
        let source = match sniff::content(&head) {
            Content::Other(what) => return Err(format!("{name} {}", what.replace("FILE", &name))),
            Content::Text => Source::Plain(path.to_owned()),
            content => Source::Compressed(path.to_owned(), content),
        };
        Ok(Self { name, size: Some(meta.len()), source })
    }
}

fn standard_input(begun: Vec<u8>) -> Result<Input, String> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err("standard input is a terminal: pipe lines into it, as in kubectl logs -f POD | redline open -".to_owned());
    }
    let own = stdin.as_fd().try_clone_to_owned().map_err(|e| format!("standard input: {}", why(&e)))?;
    Ok(Input { name: STANDARD_INPUT.into(), size: None, source: Pipe::Begun(begun, own.into()).source() })
}

/// What is wrong, without the number of the error.
pub(super) fn why(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        ErrorKind::PermissionDenied => "permission denied: only those may read it whom its owner lets".to_owned(),
        ErrorKind::UnexpectedEof => "it is cut short".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or(&text).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_says_why_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("program"), b"\x7fELF\x02\x01\x01\0\0\0").unwrap();
        std::fs::write(at("trace.json"), br#"{"resourceSpans":[{"resource":{}}]}"#).unwrap();
        std::fs::write(at("old.log.xz"), b"\xfd7zXZ\0\0\0").unwrap();
        std::fs::write(at("empty.log"), b"").unwrap();
        let told = |name: &str| Input::open(&at(name), &[]).err().unwrap_or_default().replace(folder.path().to_str().unwrap(), "");
        assert_eq!(told("missing.log"), "/missing.log: no such file");
        assert_eq!(told(""), "/ is a directory: name the files in it, as in /*.log");
        assert_eq!(told("program"), "/program is a program, not a log");
        assert_eq!(told("old.log.xz"), "/old.log.xz is compressed by xz: xzcat /old.log.xz | redline open -");
        assert!(told("trace.json").starts_with("/trace.json is a trace, not a log"));
        assert!(matches!(Input::open(&at("empty.log"), &[]).unwrap().source, Source::Plain(_)));
    }
}
