//! What a Tempo can do: told by its version where that is one, else found out by small questions that servers of any age answer
//! in their own way. Nothing that was found out is asked again, and nothing is asked twice at the same time.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::OnceCell;

use super::{Request, Tempo};
use crate::{
    model::{
        backend::{ErrorKind, SourceError},
        time::TimeRange,
        trace_source::{Abilities, Ability, TraceOrigin},
    },
    source::{json, prometheus::Build},
};

/// The questions are about a minute that ended so long ago: newer servers do not search the last half minute.
const AGO: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

/// The first and the second number of a version.
type Version = (u32, u32);

/// Versions before this one are those of other programs, or of a Tempo of which too little is known.
const TRACEQL: Version = (2, 0);

/// What was found out.
#[derive(Default)]
pub(super) struct Known {
    version: OnceCell<String>,
    able: [OnceCell<bool>; Ability::ALL.len()],
}

impl Known {
    fn cell(&self, ability: Ability) -> &OnceCell<bool> {
        &self.able[ability as usize]
    }
}

impl Tempo {
    /// Its version; empty where it does not tell.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn version(&self) -> Result<&str, SourceError> {
        let ask = || async {
            match self.ask_version().await {
                // A gateway may hand on what is asked for and not this, or forbid it.
                Err(e) if is_no(&e) || e.kind == ErrorKind::Unauthorized(403) => Ok(String::new()),
                told => told,
            }
        };
        self.known.version.get_or_try_init(ask).await.map(String::as_str)
    }

    async fn ask_version(&self) -> Result<String, SourceError> {
        match self.http.send(Request::get("/api/status/buildinfo").aside()).await {
            Ok(answer) => Ok(json::decode::<Build>(self.http.backend(), "buildinfo", &answer.body)?.version),
            // Tempo 3 tells it as text only.
            Err(e) if e.kind == ErrorKind::NotSupported => {
                Ok(told_version(&String::from_utf8_lossy(&self.http.send(Request::get("/status/version").aside()).await?.body)))
            }
            Err(e) => Err(e),
        }
    }

    /// What it can do, as far as these abilities are concerned: of all others only what is known already. What could not be found
    /// out is asked for again the next time.
    ///
    /// # Errors
    /// It does not answer, and nothing is known.
    pub async fn abilities(&self, wanted: &[Ability]) -> Result<Abilities, SourceError> {
        let asked = join_all(wanted.iter().map(|ability| self.is_able(*ability))).await;
        let mut found = Abilities::none(TraceOrigin::Tempo);
        for ability in Ability::ALL {
            match self.known.cell(ability).get() {
                Some(true) => found.has.push(ability),
                Some(false) => {}
                None => found.unknown.push(ability),
            }
        }
        match asked.into_iter().find_map(Result::err) {
            Some(e) if found.unknown.len() == Ability::ALL.len() => Err(e),
            _ => Ok(found),
        }
    }

    /// Whether it can do something, asked for when that is not known.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn is_able(&self, ability: Ability) -> Result<bool, SourceError> {
        // Those who pass over TraceQL answer anything to it.
        let by_traceql = matches!(ability, Ability::Newest | Ability::Structural | Ability::Select | Ability::Metrics | Ability::Compare);
        let ask = || async {
            if by_traceql && !self.knows_traceql().await? {
                return Ok(false);
            }
            self.find_out(ability).await
        };
        self.known.cell(ability).get_or_try_init(ask).await.copied()
    }

    /// Whether searches may be asked by TraceQL. A server that does not know it would answer with any traces.
    pub(super) async fn knows_traceql(&self) -> Result<bool, SourceError> {
        self.known.cell(Ability::TraceQl).get_or_try_init(|| self.find_out(Ability::TraceQl)).await.copied()
    }

    async fn find_out(&self, ability: Ability) -> Result<bool, SourceError> {
        let version = match self.version().await {
            // It may be told the next time, and what it can do shows without it.
            Err(e) if matches!(e.kind, ErrorKind::Unauthorized(_) | ErrorKind::Server(500)) => "",
            told => told?,
        };
        match numbers(version).filter(|version| *version >= TRACEQL) {
            Some(version) if version < since(ability) => Ok(false),
            // Metrics are switched on, or are not.
            Some(_) if !matches!(ability, Ability::Metrics | Ability::Compare) => Ok(true),
            _ => self.try_out(ability).await,
        }
    }

    async fn try_out(&self, ability: Ability) -> Result<bool, SourceError> {
        let end = self.http.now() - AGO;
        let range = TimeRange { start: end - MINUTE, end };
        let timed =
            |path: &str| Request::get(path).param("start", range.start.secs().to_string()).param("end", range.end.secs().to_string());
        let search = |q: &str| timed("/api/search").param("limit", "1").param("q", q);
        let request = match ability {
            // What is none is refused by those who read it.
            Ability::TraceQl => return self.refuses(search("{")).await,
            Ability::PartialTraces => return self.refuses(Request::get("/api/v2/traces/none")).await,
            // Hints were read, and passed over, before this one: what came with it tells.
            Ability::Newest => search("{ span:parentID = \"0000000000000001\" } with (most_recent=true)"),
            // `>>` was read before it was known what to do with it, which is told where there are spans only. This came later.
            Ability::Structural => search("{ } << { }"),
            Ability::Select => search("{ } | select(status)"),
            Ability::Metrics => timed("/api/metrics/query_range").param("step", "60s").param("q", "{ } | rate()"),
            Ability::Compare => timed("/api/metrics/query").param("q", "{ } | compare({ status = error })"),
            // Of no time: asked of one, Tempo 2.1 ends in a panic.
            Ability::ScopedTags => Request::get("/api/v2/search/tags"),
        };
        match self.http.send(request.aside()).await {
            Ok(_) => Ok(true),
            Err(e) if is_no(&e) || is_switched_off(&e) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Whether something that is wrong is read and refused.
    async fn refuses(&self, request: Request) -> Result<bool, SourceError> {
        match self.http.send(request.aside()).await {
            Err(e) if matches!(e.kind, ErrorKind::BadQuery | ErrorKind::Refused) => Ok(true),
            Err(e) if is_no(&e) => Ok(false),
            Ok(_) => Ok(false),
            Err(e) => Err(e),
        }
    }
}

/// Which release it came with, by Tempo's changelog.
const fn since(ability: Ability) -> Version {
    match ability {
        Ability::TraceQl => TRACEQL,
        Ability::Structural | Ability::Select | Ability::ScopedTags => (2, 2),
        Ability::Metrics => (2, 4),
        Ability::Compare => (2, 6),
        Ability::PartialTraces => (2, 7),
        Ability::Newest => (2, 8),
    }
}

/// `tempo, version 3.0.3 (branch: …`
fn told_version(text: &str) -> String {
    text.split_once("version ").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or_default().to_owned()
}

/// Of `2.10.8`, `v2.7.0-rc.0`; builds between releases are called otherwise.
fn numbers(version: &str) -> Option<Version> {
    let (first, rest) = version.strip_prefix('v').unwrap_or(version).split_once('.')?;
    let second = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((first.parse().ok()?, second.parse().ok()?))
}

/// Whether the server answered, and cannot. A 500 is a fault that may pass.
fn is_no(e: &SourceError) -> bool {
    matches!(e.kind, ErrorKind::BadQuery | ErrorKind::Refused | ErrorKind::NotSupported | ErrorKind::NotFound | ErrorKind::Decode)
        || matches!(e.kind, ErrorKind::Server(501 | 405))
}

/// Whether metrics are not switched on, which is an error of the server's. One that has no generators at this moment says so in
/// other words.
fn is_switched_off(e: &SourceError) -> bool {
    e.kind == ErrorKind::Server(500) && e.message.contains("localblocks processor not found")
}

#[cfg(test)]
mod tests;
