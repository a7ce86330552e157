use proptest::prelude::*;

use super::*;

/// 2026-11-21T15:00:00Z, a Saturday.
const NOW: Timestamp = Timestamp::from_secs(1_795_273_200);
/// 2026-11-21T14:32:07Z.
const AT: Timestamp = Timestamp::from_secs(1_795_271_527);
const MINUTE: Duration = Duration::from_secs(60);

fn instant(text: &str) -> Option<Timestamp> {
    parse_instant(text, NOW, 0).ok()
}

fn window(text: &str) -> Result<TimeWindow, String> {
    parse_window(text, NOW, 0)
}

fn fixed(start: &str, end: &str) -> Result<TimeWindow, String> {
    Ok(TimeWindow::Fixed(TimeRange { start: instant(start).unwrap(), end: instant(end).unwrap() }))
}

#[test]
fn what_logs_and_alerts_write_is_read() {
    for text in [
        "2026-11-21T14:32:07Z",
        "2026-11-21T14:32:07+00:00",
        "2026-11-21T16:32:07+02:00",
        "2026-11-21T09:32:07-0500",
        "2026-11-21 14:32:07",
        "2026-11-21 14:32:07 UTC",
        "2026-11-21 14:32:07 +0000 UTC",
        "2026/11/21 14:32:07",
        "21/Nov/2026:14:32:07 +0000",
        "[21/Nov/2026:14:32:07 +0000]",
        "Nov 21 14:32:07",
        "Sat, 21 Nov 2026 14:32:07 GMT",
        "Sat Nov 21 14:32:07 2026",
        "\"2026-11-21T14:32:07Z\",",
        "14:32:07",
        "14:32:07Z",
        "1795271527",
        "1795271527.000",
        "1795271527000",
        "1795271527000000",
        "1795271527000000000",
        "@1795271527",
    ] {
        assert_eq!(instant(text), Some(AT), "{text}");
    }
}

#[test]
fn fractions_are_kept() {
    let at = Some(AT + Duration::from_millis(114));
    for text in ["2026-11-21T14:32:07.114Z", "2026-11-21 14:32:07,114", "14:32:07.114", "1795271527.114", "1795271527114"] {
        assert_eq!(instant(text), at, "{text}");
    }
    assert_eq!(instant("2026-11-21T14:32:07.123456789Z"), Some(AT + Duration::from_nanos(123_456_789)));
}

#[test]
fn a_time_without_a_zone_is_at_the_offset() {
    let berlin = |text: &str| parse_instant(text, NOW, 3600).ok();
    assert_eq!(berlin("2026-11-21 15:32:07"), Some(AT));
    assert_eq!(berlin("15:32:07"), Some(AT));
    assert_eq!(berlin("14:32:07Z"), Some(AT), "its own zone wins");
    assert_eq!(berlin("2026-11-21T14:32:07Z"), Some(AT));
}

#[test]
fn times_without_a_date_are_the_last_that_were() {
    assert_eq!(instant("15:02"), instant("2026-11-20 15:02"));
    assert_eq!(instant("15:00:30"), Some(NOW + Duration::from_secs(30)), "a log's clock may be a little ahead");
    assert_eq!(instant("Dec 24 10:00:00"), instant("2025-12-24 10:00:00"));
    assert_eq!(instant("2026-11-21"), instant("2026-11-21 00:00"));
    assert_eq!(
        parse_instant("Jan 1 00:00:10", instant("2026-12-31 23:59:50").unwrap(), 0),
        Ok(instant("2027-01-01 00:00:10").unwrap()),
        "a clock that is ahead"
    );
}

#[test]
fn relative_times_count_from_now() {
    for text in ["-15m", "15m ago", "now-15m"] {
        assert_eq!(instant(text), Some(NOW - 15 * MINUTE), "{text}");
    }
    assert_eq!(instant("now"), Some(NOW));
}

#[test]
fn lengths_are_live_windows() {
    for (text, minutes) in
        [("2h", 120), ("last 2h", 120), ("30m", 30), ("1d", 1440), ("1h30m", 90), ("1.5 h", 90), ("-15m", 15), ("now-15m to now", 15)]
    {
        assert_eq!(window(text), Ok(TimeWindow::Last(minutes * MINUTE)), "{text}");
    }
}

#[test]
fn two_times_are_a_fixed_window() {
    let expected = fixed("2026-11-21 14:20", "2026-11-21 14:45");
    for text in [
        "14:20 - 14:45",
        "14:20-14:45",
        "14:20–14:45",
        "14:20 – 14:45",
        "14:20 to 14:45",
        "14:20..14:45",
        "from 14:20 to 14:45",
        "2026-11-21 14:20 - 14:45",
        "2026-11-21T14:20:00Z/2026-11-21T14:45:00Z",
        "2026-11-21T14:20:00Z - 2026-11-21T14:45:00Z",
        "1795270800 - 1795272300",
        "-40m to -15m",
    ] {
        assert_eq!(window(text), expected, "{text}");
    }
    assert_eq!(window("23:50 - 00:10"), fixed("2026-11-20 23:50", "2026-11-21 00:10"));
    assert_eq!(window("2026-11-21 10:20-11:45"), fixed("2026-11-21 10:20", "2026-11-21 11:45"), "-11:45 is no zone");
}

#[test]
fn one_time_is_the_window_around_it_or_live_from_it() {
    assert_eq!(window("2026-11-21T14:32:07Z"), fixed("2026-11-21 14:17:07", "2026-11-21 14:47:07"));
    assert_eq!(window("14:50"), Ok(TimeWindow::Since(instant("14:35").unwrap())), "what reaches now stays live");
    assert_eq!(window("from 14:20"), Ok(TimeWindow::Since(instant("14:20").unwrap())));
    assert_eq!(window("since 2026-11-21T14:20:00Z"), window("14:20 to now"));
}

#[test]
fn what_cannot_be_is_refused_with_words() {
    for text in ["", "soon", "14:99", "2026-13-01", "5", "0s to", "14:20 - soon", "99999999999999999999", "Feb 30 10:00:00"] {
        assert!(window(text).unwrap_err().contains("14:20 - 14:45"), "{text}");
    }
    assert_eq!(window("2027-01-01T00:00:00Z"), Err("that lies in the future".to_owned()));
    assert_eq!(window("14:45 - 14:20"), Err("it ends before it begins".to_owned()));
    assert!(parse_instant("soon", NOW, 0).unwrap_err().contains("-15m"));
    assert_eq!(window("90d"), Err("longer than 30 days".to_owned()));
    assert_eq!(window("10ms"), Err("shorter than a second".to_owned()));
    assert_eq!(window(&"1h ".repeat(100)).unwrap_err(), UNDERSTOOD);
}

#[test]
fn lengths_of_time() {
    assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
    assert_eq!(parse_duration("1h30m"), Some(90 * MINUTE));
    assert_eq!(parse_duration("1w"), Some(7 * 1440 * MINUTE));
    for text in ["", "h", "5", "5 parsecs", "-5m", "1e9999d", "99999999999999999999999999d"] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}", offset in -50_000..50_000) {
        let _ = parse_window(&text, NOW, offset);
    }

    #[test]
    fn no_likely_text_makes_it_panic(text in "[0-9TZ:.,+\\- /a-z–]{0,30}", now in any::<i64>()) {
        let _ = parse_window(&text, Timestamp(now), 0);
    }
}
