//! What traces are looked for, and what those who are asked can do.

use std::{fmt, time::Duration};

use compact_str::CompactString;

/// What traces are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TraceQuery {
    /// In TraceQL.
    pub traceql: String,
    /// The same in words that those know who know no TraceQL; `None` where there are none.
    pub plain: Option<PlainQuery>,
}

impl TraceQuery {
    /// TraceQL typed by hand.
    pub fn typed(traceql: impl Into<String>) -> Self {
        Self { traceql: traceql.into(), plain: None }
    }
}

/// What any store of traces can look for. All of it must be true of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlainQuery {
    /// With a span of this service.
    pub service: Option<CompactString>,
    /// With a span of this name.
    pub name: Option<CompactString>,
    /// With a span that has these attributes.
    pub tags: Vec<(CompactString, CompactString)>,
    /// With a span that failed.
    pub failed: bool,
    /// At least this long.
    pub longer_than: Option<Duration>,
}

impl fmt::Display for PlainQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = self.service.iter().map(|service| format!("service={service}"));
        let name = self.name.iter().map(|name| format!("name={name}"));
        let tags = self.tags.iter().map(|(name, value)| format!("{name}={value}"));
        let failed = self.failed.then(|| "error".to_owned());
        let long = self.longer_than.map(|least| format!("duration>{least:?}"));
        f.write_str(&service.chain(name).chain(tags).chain(failed).chain(long).collect::<Vec<_>>().join(" "))
    }
}

/// Who is asked for traces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TraceOrigin {
    /// A Tempo.
    #[default]
    Tempo,
    /// A Jaeger.
    Jaeger,
    /// Files that were opened.
    Files,
}

/// Something that not all who are asked for traces can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ability {
    /// Searches by TraceQL.
    TraceQl,
    /// Searches that find the newest first.
    Newest,
    /// TraceQL over the structure: `{} >> {}`.
    Structural,
    /// `select()`.
    Select,
    /// TraceQL metrics.
    Metrics,
    /// `compare()` of TraceQL metrics.
    Compare,
    /// Tags by their scopes.
    ScopedTags,
    /// The second API of a trace, which tells when it is partial.
    PartialTraces,
}

impl Ability {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 8] =
        [Self::TraceQl, Self::Newest, Self::Structural, Self::Select, Self::Metrics, Self::Compare, Self::ScopedTags, Self::PartialTraces];

    /// Those that can be found out without much work for the server: the others are asked for when they are first wanted.
    pub const LIGHT: [Self; 6] = [Self::TraceQl, Self::Newest, Self::Structural, Self::Select, Self::ScopedTags, Self::PartialTraces];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TraceQl => "traceql",
            Self::Newest => "most recent",
            Self::Structural => "structural",
            Self::Select => "select",
            Self::Metrics => "traceql metrics",
            Self::Compare => "compare",
            Self::ScopedTags => "tags v2",
            Self::PartialTraces => "trace v2",
        }
    }
}

/// What the one who is asked for traces can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Who it is.
    pub origin: TraceOrigin,
    /// What it can do.
    pub has: Vec<Ability>,
    /// What could not be found out.
    pub unknown: Vec<Ability>,
}

impl Abilities {
    /// Of those who can do none of it.
    pub fn none(origin: TraceOrigin) -> Self {
        Self { origin, ..Self::default() }
    }

    /// Why it cannot do something; `None` where it can, and where nobody knows.
    pub fn why_not(&self, ability: Ability) -> Option<&'static str> {
        if self.has.contains(&ability) || self.unknown.contains(&ability) {
            return None;
        }
        Some(match (self.origin, ability) {
            (TraceOrigin::Jaeger, Ability::TraceQl) => {
                "Jaeger has no TraceQL: ask for a service, a name, attributes with =, duration > and status=error, joined by &&"
            }
            (TraceOrigin::Jaeger, _) => "Jaeger cannot do it: a Tempo with TraceQL can",
            (TraceOrigin::Files, Ability::TraceQl) => {
                "files know no TraceQL: ask for a service, a name, attributes with =, duration > and status=error, joined by &&"
            }
            (TraceOrigin::Files, _) => "opened files cannot do it: a Tempo with TraceQL can",
            (TraceOrigin::Tempo, Ability::TraceQl) => {
                "this Tempo has no TraceQL: ask for a service, a name, attributes with =, duration > and status=error, joined by &&"
            }
            (TraceOrigin::Tempo, Ability::Newest) => "this Tempo does not look for the newest first: 2.8 and newer do",
            (TraceOrigin::Tempo, Ability::Structural) => "this Tempo has no structural operators in TraceQL: 2.2 and newer have",
            (TraceOrigin::Tempo, Ability::Select) => "this Tempo has no select() in TraceQL: 2.2 and newer have",
            (TraceOrigin::Tempo, Ability::Metrics) => "this Tempo answers no TraceQL metrics: 2.4 and newer do where they are switched on",
            (TraceOrigin::Tempo, Ability::Compare) => "this Tempo has no compare() in TraceQL metrics: 2.6 and newer have",
            (TraceOrigin::Tempo, Ability::ScopedTags) => "this Tempo does not tell the scopes of its tags: 2.2 and newer do",
            (TraceOrigin::Tempo, Ability::PartialTraces) => "this Tempo does not tell when a trace is partial: 2.7 and newer do",
        })
    }
}
