//! Instants, ranges and the one window that all panes share.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// Nanoseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The Unix epoch.
    pub const ZERO: Self = Self(0);

    /// The last instant that can be counted, in the year 2262: what all later ones are taken for.
    pub const LATEST: Self = Self(i64::MAX);

    /// Places in a file, in the place of times that its lines do not tell, are counted in nanoseconds up to here: a day of 1973.
    const PLACES: i64 = 100_000_000_000_000_000;

    /// The first instant that is surely no place in a file.
    pub const FIRST: Self = Self(Self::PLACES);

    /// Whether it is no time but a place in a file.
    pub const fn is_place(self) -> bool {
        self.0 >= 0 && self.0 < Self::PLACES
    }

    /// From whole milliseconds, as Prometheus counts.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// From whole seconds.
    pub const fn from_secs(s: i64) -> Self {
        Self(s.saturating_mul(1_000_000_000))
    }

    /// From seconds with a fraction, rounded to milliseconds as Prometheus does.
    pub fn from_secs_f64(s: f64) -> Self {
        Self::from_millis((s * 1000.0).round() as i64)
    }

    /// Whole milliseconds, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole seconds, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Seconds with a fraction.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// How long after `earlier`; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Rounded down to a multiple of `step` (unchanged for a zero step).
    pub fn align_down(self, step: Duration) -> Self {
        let step = nanos(step);
        if step == 0 { self } else { Self(self.0.div_euclid(step) * step) }
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(nanos(d)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(d)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A duration in nanoseconds, saturating.
pub fn nanos(d: Duration) -> i64 {
    i64::try_from(d.as_nanos()).unwrap_or(i64::MAX)
}

/// What is written this long ago is taken in by every backend: asked again, a window that ended before shows the same.
pub const TAKEN_IN: Duration = Duration::from_secs(60);

/// Two absolute instants, `start <= end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// First instant, inclusive.
    pub start: Timestamp,
    /// Last instant, inclusive.
    pub end: Timestamp,
}

impl TimeRange {
    /// A range from any two instants, put in order.
    pub fn new(a: Timestamp, b: Timestamp) -> Self {
        Self { start: a.min(b), end: a.max(b) }
    }

    /// Its length.
    pub fn duration(&self) -> Duration {
        self.end.since(self.start)
    }

    /// Whether the instant lies in it.
    pub fn contains(&self, t: Timestamp) -> bool {
        self.start <= t && t <= self.end
    }
}

/// The window that every pane shows. Live windows end now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeWindow {
    /// The last so-and-so long, live.
    Last(Duration),
    /// From an instant until now, live.
    Since(Timestamp),
    /// Between two instants.
    Fixed(TimeRange),
}

impl TimeWindow {
    /// All that there is.
    pub const EVERYTHING: Self = Self::Since(Timestamp::ZERO);
    /// The shortest window that zooming reaches.
    pub const MIN: Duration = Duration::from_secs(1);
    /// The longest window that zooming reaches.
    pub const MAX: Duration = Duration::from_secs(30 * 86_400);

    /// The absolute range at `now`.
    pub fn range(&self, now: Timestamp) -> TimeRange {
        match *self {
            Self::Last(d) => TimeRange { start: now - d, end: now },
            Self::Since(t) => TimeRange { start: t.min(now), end: now },
            Self::Fixed(r) => r,
        }
    }

    /// Whether it ends now and moves on.
    pub fn is_live(&self) -> bool {
        !matches!(self, Self::Fixed(_))
    }

    /// Half as long (`closer`) or twice as long. A live window stays live and keeps its end; a fixed one keeps its middle.
    pub fn zoom(&self, closer: bool, now: Timestamp) -> Self {
        let r = self.range(now);
        let d = if closer { r.duration() / 2 } else { r.duration() * 2 }.clamp(Self::MIN, Self::MAX);
        if self.is_live() {
            return Self::Last(d);
        }
        let middle = r.start + r.duration() / 2;
        let start = middle - d / 2;
        Self::Fixed(TimeRange { start, end: start + d })
    }

    /// Half a window earlier, or later but never beyond now. The result is fixed.
    pub fn pan(&self, earlier: bool, now: Timestamp) -> Self {
        let r = self.range(now);
        let (d, half) = (r.duration(), r.duration() / 2);
        let end = if earlier { r.end - half } else { (r.end + half).min(now.max(r.end)) };
        Self::Fixed(TimeRange { start: end - d, end })
    }
}
