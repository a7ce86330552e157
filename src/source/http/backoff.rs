//! How long to wait before asking again.

use std::time::Duration;

use crate::model::time::Timestamp;

const BASE: Duration = Duration::from_millis(200);
const CAP: Duration = Duration::from_secs(30);

/// The longest wait before try `attempt + 1`: 200 ms doubled each time, at most 30 s. `jitter` in 0..1 takes a part of it
/// ("full jitter"), so that many clients that failed together do not come back together.
fn backoff(attempt: u32, jitter: f64) -> Duration {
    let longest = BASE.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX)).min(CAP);
    longest.mul_f64(jitter.clamp(0.0, 1.0))
}

/// `backoff` with a random jitter.
pub fn full_jitter(attempt: u32) -> Duration {
    backoff(attempt, fastrand::f64())
}

/// `Retry-After`: seconds, or a date; an hour at most, whatever a server writes.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(3600);
    let value = value.trim();
    let wish = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        // More than any number holds.
        Err(_) if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => LONGEST,
        Err(_) => Timestamp::from_secs(chrono::DateTime::parse_from_rfc2822(value).ok()?.timestamp()).since(now),
    };
    Some(wish.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stays_within_its_bounds(attempt in 0_u32..1000, jitter in 0.0..1.0_f64) {
            let wait = backoff(attempt, jitter);
            prop_assert!(wait <= CAP);
            prop_assert!(wait <= backoff(attempt, 1.0));
            prop_assert!(backoff(attempt, 1.0) <= backoff(attempt + 1, 1.0));
        }
    }

    #[test]
    fn doubles_until_the_cap() {
        assert_eq!(backoff(1, 1.0), Duration::from_millis(200));
        assert_eq!(backoff(3, 1.0), Duration::from_millis(800));
        assert_eq!(backoff(3, 0.5), Duration::from_millis(400));
        assert_eq!(backoff(60, 1.0), Duration::from_secs(30));
    }

    #[test]
    fn reads_retry_after_as_seconds_or_date() {
        let now = Timestamp::from_secs(1_445_412_475);
        assert_eq!(retry_after("7", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT", now), Some(Duration::from_secs(5)));
        for long in ["9999999999999999999", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(retry_after(long, now), Some(Duration::from_secs(3600)), "{long}");
        }
        assert_eq!((retry_after("soon", now), retry_after("", now)), (None, None));
    }
}
