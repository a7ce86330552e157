//! redline's own log: shown by `:log`, and written to a file when asked.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
};

use tracing_subscriber::{Layer as _, filter::LevelFilter, fmt, layer::SubscriberExt as _, registry, util::SubscriberInitExt as _};

/// Records that are kept for the screen.
const DEPTH: usize = 1000;
/// Where the log is written to.
static FILE: OnceLock<PathBuf> = OnceLock::new();

/// Starts the log. tui-logger's own thread, which would wake up 100 times a second for ever, is never started: records
/// are moved by [`drain`] before they are drawn.
///
/// # Errors
/// When the file cannot be opened for appending, or a log was started before.
pub fn init(file: Option<&Path>) -> io::Result<()> {
    tui_logger::set_default_level(log::LevelFilter::Debug);
    tui_logger::set_buffer_depth(DEPTH);
    tui_logger::set_hot_buffer_depth(DEPTH);
    let to_file = match file {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
            FILE.get_or_init(|| path.to_owned());
            Some(fmt::layer().with_ansi(false).with_writer(Mutex::new(file)))
        }
        None => None,
    };
    let ours = tracing_subscriber::filter::Targets::new().with_target("redline", LevelFilter::INFO);
    registry().with(tui_logger::TuiTracingSubscriberLayer.and_then(to_file).with_filter(ours)).try_init().map_err(io::Error::other)
}

/// Writes down what the program ends of, past the log itself, whose locks the dying thread may hold. Returns where, or
/// `None` when no file is written to.
pub fn last_words(text: &str) -> Option<&'static Path> {
    let path = FILE.get()?;
    let mut file = OpenOptions::new().append(true).open(path).ok()?;
    writeln!(file, "{text}").ok().map(|()| path.as_path())
}

/// Makes the newest records visible to the widget.
pub fn drain() {
    tui_logger::move_events();
}
