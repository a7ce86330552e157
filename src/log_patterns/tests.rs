//! Patterns as the page shows them.

use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::from_secs(1000);

fn at(second: u64) -> Timestamp {
    START + Duration::from_secs(second)
}

/// Two minutes, of which the second one is compared with the first.
fn clusterer() -> Clusterer {
    let windows = Windows { before: TimeRange::new(at(0), at(59)), after: TimeRange::new(at(60), at(119)) };
    Clusterer::new(TimeRange::new(at(0), at(120)), windows)
}

fn patterns(lines: &[(&str, Level, u64)]) -> Vec<Pattern> {
    let mut clusterer = clusterer();
    for (message, level, second) in lines {
        clusterer.add(message, *level, at(*second));
    }
    clusterer.patterns(Parameters::default())
}

#[test]
fn what_is_new_stands_before_what_grew_and_what_is_gone() {
    let mut lines = vec![("read order 1 in 5ms", Level::Info, 10), ("cache warmed up", Level::Info, 20), ("slow request 7", Level::Warn, 30)];
    lines.extend([("read order 2 in 6ms", Level::Info, 70), ("timeout acquiring connection after 8000", Level::Error, 65)]);
    lines.extend((70..75).map(|second| ("slow request 8", Level::Warn, second)));

    let told = patterns(&lines);

    let shown: Vec<_> = told.iter().map(|p| (p.template.as_str(), p.seen.count, p.change)).collect();
    assert_eq!(
        shown,
        [
            ("timeout acquiring connection after <*>", 1, Change::New),
            ("slow request <*>", 6, Change::Times(5.0)),
            ("cache warmed up", 1, Change::Gone),
            ("read order <*> in <*>", 2, Change::Times(1.0)),
        ]
    );
}

#[test]
fn a_pattern_tells_its_worst_level_its_times_its_first_line_and_its_trend() {
    let told = patterns(&[("job 3 failed", Level::Error, 90), ("job 1 failed", Level::Warn, 0), ("job 2 failed", Level::Info, 119)]);
    let seen = &told[0].seen;
    assert_eq!((seen.level, seen.first, seen.last, &*seen.example), (Level::Error, at(0), at(119), "job 1 failed"));
    assert_eq!((seen.trend[0], seen.trend[15], seen.trend[19]), (1, 1, 1));
    assert_eq!(seen.trend.iter().sum::<u32>(), 3);
}

#[test]
fn lines_beyond_those_that_can_be_told_apart_are_counted_together() {
    let mut clusterer = clusterer();
    let word = |mut n: usize| {
        let mut word = String::new();
        while n > 0 {
            word.push(char::from(b'a' + (n % 26) as u8));
            n /= 26;
        }
        word
    };
    for n in 1..=MAX_DISTINCT + 3 {
        clusterer.add(&format!("user {} came", word(n)), Level::Info, at(1));
    }
    let counted: u64 = clusterer.patterns(Parameters::default()).iter().map(|p| p.seen.count).sum();
    assert_eq!(counted, MAX_DISTINCT as u64);
    assert_eq!(clusterer.rest().map(|r| r.count), Some(3));
}

proptest! {
    #[test]
    fn the_order_of_arrival_does_not_matter(mut lines in prop::collection::vec(("(get|put) [a-c]{1,2} [0-9]{1,3}( ok)?", 0_u64..120), 1..60)) {
        let tell = |lines: &[(String, u64)]| patterns(&lines.iter().map(|(m, s)| (m.as_str(), Level::Info, *s)).collect::<Vec<_>>());
        let forwards = tell(&lines);
        lines.reverse();
        prop_assert_eq!(forwards, tell(&lines));
    }
}
