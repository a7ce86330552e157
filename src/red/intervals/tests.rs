use super::*;
use crate::{
    app::testing::red_mapping,
    model::{labels::Labels, series::Sample},
};

const TEN_MINUTES: Over = Over::Seconds(600);

/// Counts as a server answers them.
fn counts(family: usize, counts: &[(&str, f64)]) -> Vector {
    let element = |(service, count): &(&str, f64)| {
        let labels: Labels = [("application", (*service).to_owned()), ("family", family.to_string())].into_iter().collect();
        (labels, Sample { at: Timestamp::ZERO, value: *count })
    };
    Vector { elements: counts.iter().map(element).collect(), warnings: Vec::new() }
}

fn shown_all(families: Vec<Family>) -> Vec<String> {
    families.iter().map(|f| format!("{}: {} {:?}", f.name, f.services.join(","), f.scrape_interval.unwrap_or_default())).collect()
}

#[test]
fn an_interval_is_never_measured_shorter_than_it_is() {
    for (samples, seconds) in
        [(600.0, 1), (601.0, 1), (119.0, 5), (40.0, 15), (39.0, 15), (36.0, 20), (21.0, 30), (10.0, 60), (9.0, 120), (5.0, 120), (2.0, 300)]
    {
        assert_eq!(configured(600.0 / samples), Duration::from_secs(seconds), "{samples}");
    }
}

#[test]
fn services_that_are_scraped_seldom_are_measured_over_an_hour() {
    let families = red_mapping(&["fast", "five", "gone", "two"]).families;
    let mut found = vec![Found::new()];
    read(&families, &mut found, TEN_MINUTES, &counts(0, &[("ns/fast", 40.0), ("two", 4.0), ("five", 1.0)]));
    assert_eq!(found[0]["two"], Duration::from_secs(300), "one of five scrapes was missed");
    let hour = query(&families, &found, Over::Hour, false).unwrap();
    assert!(hour.contains("(five|gone|two)") && hour.contains("[3600s]"), "the fast ones are not read for an hour: {hour}");
    read(&families, &mut found, Over::Hour, &counts(0, &[("two", 29.0), ("five", 12.0)]));
    let rest = query(&families, &found, Over::Seconds(300), false).unwrap();
    assert!(rest.contains("(gone)"), "{rest}");
    let families = apart(families.into_iter().next().unwrap(), &found[0], None);
    assert_eq!(
        shown_all(families),
        ["Micrometer: fast,gone 15s", "Micrometer, every 2 m: two 120s", "Micrometer, every 5 m: five 300s"],
        "no service has a window that is too short, and none has one that another needs"
    );
}

#[test]
fn samples_about_as_far_apart_are_one_family() {
    let family = red_mapping(&["a", "b", "c"]).families.remove(0);
    let found = [("a", 10), ("b", 15), ("c", 20)].map(|(s, seconds)| (s.to_owned(), Duration::from_secs(seconds))).into();
    assert_eq!(shown_all(apart(family.clone(), &found, None)), ["Micrometer: a,b,c 20s"]);
    let recorded = Family { requests: Requests::Recorded("x".to_owned()), ..family.clone() };
    let found = [("a", 15), ("b", 300)].map(|(s, seconds)| (s.to_owned(), Duration::from_secs(seconds))).into();
    assert_eq!(shown_all(apart(recorded, &found, None)), ["Micrometer: a,b,c 300s"], "what a rule took has no window of ours");
    let told = Some(Duration::from_secs(60));
    assert_eq!(shown_all(apart(family, &Found::new(), told)), ["Micrometer: a,b,c 60s"], "nothing was counted");
}

#[test]
fn a_name_in_two_namespaces_has_the_interval_of_its_slower_part() {
    let families = red_mapping(&["a"]).families;
    let mut found = vec![Found::new()];
    read(&families, &mut found, TEN_MINUTES, &counts(0, &[("x/a", 40.0), ("y/a", 10.0), ("z/b", 2.0)]));
    assert_eq!(found[0], [("a".to_owned(), Duration::from_secs(60))].into(), "and others are not of this family");
}

#[test]
fn a_service_is_as_slow_as_its_slowest_instance_and_an_instance_as_fast_as_its_fastest_series() {
    let families = red_mapping(&["a"]).families;
    let asked = query(&families, &[Found::new()], TEN_MINUTES, false).unwrap();
    assert!(asked.contains("min by (application) (max by (application, job, instance, cluster, pod) (count_over_time("), "{asked}");
    let by_job = Family { service_label: "job".to_owned(), ..families[0].clone() };
    let asked = query(&[by_job], &[Found::new()], TEN_MINUTES, false).unwrap();
    assert!(asked.contains("min by (job) (max by (job, instance, cluster, pod) (count_over_time("), "{asked}");
}
