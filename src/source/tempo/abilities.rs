//! What a Tempo can do, found out once by small questions that servers of any age answer in their own way.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Request, Tempo};
use crate::model::{
    backend::{ErrorKind, SourceError},
    time::TimeRange,
    trace_source::{Abilities, Ability, TraceOrigin},
};

/// The questions are about a minute that ended so long ago: newer servers do not search the last half minute.
const AGO: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

impl Tempo {
    /// What it can do. What could not be found out is asked for again the next time.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn abilities(&self) -> Result<Abilities, SourceError> {
        let known = self.abilities.lock().await.clone();
        if let Some(known) = known.filter(|known| known.unknown.is_empty()) {
            return Ok(known);
        }
        let asked = Ability::ALL.into_iter().zip(join_all(Ability::ALL.map(|ability| self.is_able(ability))).await);
        let mut found = Abilities::none(TraceOrigin::Tempo);
        let mut failure = None;
        for (ability, able) in asked {
            match able {
                Ok(true) => found.has.push(ability),
                Ok(false) => {}
                Err(e) => {
                    found.unknown.push(ability);
                    failure = Some(e);
                }
            }
        }
        match failure {
            Some(e) if found.unknown.len() == Ability::ALL.len() => Err(e),
            _ => {
                *self.abilities.lock().await = Some(found.clone());
                Ok(found)
            }
        }
    }

    /// Whether searches may be asked by TraceQL. A server that does not know it would answer with any traces.
    pub(super) async fn knows_traceql(&self) -> Result<bool, SourceError> {
        if let Some(known) = self.abilities.lock().await.as_ref().filter(|known| !known.unknown.contains(&Ability::TraceQl)) {
            return Ok(known.has.contains(&Ability::TraceQl));
        }
        self.is_able(Ability::TraceQl).await
    }

    async fn is_able(&self, ability: Ability) -> Result<bool, SourceError> {
        let end = self.http.now() - AGO;
        let range = TimeRange { start: end - MINUTE, end };
        let timed =
            |path: &str| Request::get(path).param("start", range.start.secs().to_string()).param("end", range.end.secs().to_string());
        let search = |q: &str| timed("/api/search").param("limit", "1").param("q", q);
        let request = match ability {
            // What is none is refused by those who read it.
            Ability::TraceQl => return self.refuses(search("{")).await,
            Ability::PartialTraces => return self.refuses(Request::get("/api/v2/traces/none")).await,
            Ability::Newest => search("{ } with (most_recent=true)"),
            Ability::Structural => search("{ } >> { }"),
            Ability::Select => search("{ } | select(status)"),
            Ability::Metrics => timed("/api/metrics/query_range").param("step", "60s").param("q", "{ } | rate()"),
            Ability::Compare => timed("/api/metrics/query").param("q", "{ } | compare({ status = error })"),
            // Of no time: asked of one, Tempo 2.1 ends in a panic.
            Ability::ScopedTags => Request::get("/api/v2/search/tags"),
        };
        match self.http.send(request.aside()).await {
            Ok(_) => Ok(true),
            Err(e) if is_no(&e) => Ok(false),
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

/// Whether the server answered, and cannot. Metrics that are not switched on are an error of the server's.
fn is_no(e: &SourceError) -> bool {
    matches!(e.kind, ErrorKind::BadQuery | ErrorKind::Refused | ErrorKind::NotSupported | ErrorKind::NotFound | ErrorKind::Decode)
        || matches!(e.kind, ErrorKind::Server(500 | 501 | 405))
}
