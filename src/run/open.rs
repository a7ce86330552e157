//! `redline open`: files and pipes in the Logs view.

use std::sync::Arc;

use super::{Failure, log_to_file, runtime, terminal};
use crate::{
    cli::{OpenArgs, Options},
    clock::Clock,
    config::{self, Config, Loaded, Request, System, Zone},
    source::{Files, file::Reading},
};

/// Memory for lines: files are there to be looked at, and take no more of it than they have.
const BYTES: usize = 512 << 20;

/// Opens the terminal on files.
pub(super) fn run(args: &OpenArgs, options: &Options, system: &System) -> Result<u8, Failure> {
    let mut loaded = load(options, system)?;
    log_to_file(options, &loaded)?;
    loaded.config.limits.log_buffer = loaded.config.limits.log_buffer.max(room());
    let clock = Clock::system();
    let (files, problems) = Files::open(&args.files, reading(&loaded.config, &clock)).map_err(Failure::usage)?;
    let mut prepared = terminal::prepare(loaded, options, system, clock, Some(Arc::new(files)))?;
    if !problems.is_empty() {
        prepared.notice(&problems.join("; "));
    }
    let runtime = runtime()?;
    let code = runtime.block_on(prepared.run());
    runtime.shutdown_background();
    code
}

/// The configuration, where there is one: no environment is needed.
fn load(options: &Options, system: &System) -> Result<Loaded, Failure> {
    let urls = options.addresses()?;
    let request = Request { config: options.config.clone(), environment: options.env.clone(), urls, environment_needed: false };
    Ok(config::load(&request, system)?)
}

fn reading(config: &Config, clock: &Clock) -> Reading {
    let offset = match config.display.time_zone {
        Zone::Utc => |_| 0,
        Zone::Local => local_offset,
    };
    Reading { trace_ids: config.trace_ids.clone(), offset, clock: clock.clone() }
}

/// Seconds east of UTC when a clock in this place shows so many seconds since 1970. An hour that it shows twice is the first.
fn local_offset(shown: i64) -> i32 {
    use chrono::{DateTime, Local, TimeZone as _};
    let Some(shown) = DateTime::from_timestamp(shown, 0) else { return 0 };
    Local.from_local_datetime(&shown.naive_utc()).earliest().map_or(0, |at| at.offset().local_minus_utc())
}

/// A quarter of the machine's memory at the most, where the system tells how much that is.
fn room() -> usize {
    let told = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = told.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<usize>().ok());
    total.map_or(BYTES, |kib| BYTES.min(kib.saturating_mul(1024) / 4))
}
