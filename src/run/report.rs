//! What goes to standard output instead of a screen: the doctor's report, shell completions, the man page.

use std::{
    io::{self, ErrorKind, Write},
    sync::Arc,
};

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde::Serialize;
use serde_json::ser::Formatter;

use super::{Failure, clients::sources, runtime, terminal::theme_and_keys};
use crate::{
    cli::{Cli, Options, Output},
    clock::Clock,
    config::Loaded,
    doctor,
    source::http::Observer,
    ui::text::is_harmful,
};

/// Checks every backend of the environment; the exit code tells how it went.
pub(super) fn doctor(loaded: &Loaded, options: &Options, output: Output) -> Result<u8, Failure> {
    let (name, environment) = loaded.config.current().ok_or_else(|| Failure::usage("there is no environment to check"))?;
    let (_, _, told) = theme_and_keys(&loaded.config, options, &loaded.theme_folders);
    for warning in loaded.warnings.iter().chain(&told) {
        say(warning);
    }
    let nobody: Observer = Arc::new(|_, _| {});
    let clock = Clock::system();
    let sources = sources(&loaded.config, environment, &nobody, &clock).map_err(Failure::usage)?;
    let report = runtime()?.block_on(doctor::check(&sources, clock.now()));
    match output {
        Output::Text => print(format!("environment \"{name}\"\n\n{}", report.text()).as_bytes())?,
        Output::Json => print_json(&report.json())?,
    };
    Ok(report.exit_code())
}

/// Completions of all options for a shell.
pub(super) fn completions(shell: Shell) -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "redline", &mut text);
    print(&text)
}

/// The man page.
pub(super) fn man() -> Result<u8, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut text).map_err(Failure::other)?;
    print(&text)
}

/// Says something on standard error.
pub(super) fn say(what: impl std::fmt::Display) {
    let text = format!("redline: {what}");
    // A terminal that has gone hears nothing more, and `eprintln` would panic over that.
    let _ = writeln!(io::stderr(), "{}", text.lines().map(clean).collect::<Vec<_>>().join("\n"));
}

/// Without what could move a terminal's cursor.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { '.' } else { c }).collect()
}

/// Writes to standard output; a reader that has gone, like `head`, is no failure.
pub(super) fn print(text: &[u8]) -> Result<u8, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::other(format!("standard output: {error}"))),
        _ => Ok(0),
    }
}

/// The same of JSON, on a line of its own.
pub(super) fn print_json(value: &impl Serialize) -> Result<u8, Failure> {
    let mut out = Vec::new();
    json_line(value, &mut out);
    print(&out)
}

/// Adds a value as a line of JSON.
pub(super) fn json_line(value: &impl Serialize, out: &mut Vec<u8>) {
    // A vector takes all that is written, and all that is printed can be written.
    let _ = value.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, Harmless));
    out.push(b'\n');
}

/// JSON whose text moves no terminal's cursor: what could is escaped, which changes nothing for those who read JSON.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut plain = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_harmful(*c)) {
            writer.write_all(&fragment.as_bytes()[plain..at])?;
            write!(writer, "\\u{:04x}", u32::from(c))?;
            plain = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }
}
