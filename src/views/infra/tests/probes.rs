//! What the section of probes tells.

use super::world::{NOW, World, cell, subject};
use crate::views::infra::{
    probes::PROBES,
    section::{Level, Row, counted},
};

const DAY: f64 = 86_400.0;

fn probe(world: World, labels: &str, success: impl Fn(i64) -> f64, status: f64) -> World {
    world
        .over(&format!("probe_success{{{labels}}}"), (NOW - 7200, NOW), success)
        .gauge(&format!("probe_http_status_code{{{labels}}}"), status)
        .gauge(&format!("probe_duration_seconds{{{labels}}}"), 0.25)
        .gauge(&format!("probe_http_duration_seconds{{{labels}, phase=connect}}"), 0.1)
        .gauge(&format!("probe_http_duration_seconds{{{labels}, phase=tls}}"), 0.1)
        .gauge(&format!("up{{{labels}}}"), 1.0)
}

fn told(rows: &[Row]) -> Vec<(&str, &str, Level, String)> {
    rows.iter().map(|row| (row.name.as_str(), cell(&PROBES, row, "STATE").0, row.level, row.why())).collect()
}

#[test]
fn a_probe_that_fails_says_since_when_and_what_it_was_answered() {
    let world = probe(World::default(), "job=blackbox, instance=https://orders.example/", |_| 1.0, 200.0);
    let world = probe(world, "job=blackbox, instance=https://orders.example/pay", |at| f64::from(at <= NOW - 720), 503.0);
    let world = probe(world, "job=probe/orders, instance=db:5432", |_| 0.0, 0.0);
    let world = probe(world, "job=blackbox, instance=https://preorders.example/", |_| 0.0, 500.0);
    let world = probe(world, "job=blackbox, instance=10.0.0.7:443, target=Orders", |_| 1.0, 200.0);
    let rows = world.rows(&PROBES, &subject(Some("orders")));
    let expected = [
        ("db:5432", "fails", Level::Bad, "fails in all of the last 1h".to_owned()),
        ("https://orders.example/pay", "fails 12m", Level::Bad, "fails for 12m, answered 503".to_owned()),
        ("10.0.0.7:443", "succeeds", Level::Fine, String::new()),
        ("https://orders.example/", "succeeds", Level::Fine, String::new()),
    ];
    assert_eq!(told(&rows), expected);
    let cells = ["OF", "JOB", "STATUS", "DURATION", "CERTIFICATE"].map(|title| cell(&PROBES, &rows[1], title).0);
    assert_eq!(cells, ["orders", "blackbox", "503", "250 ms", "–"]);
    assert_eq!(world.lines(&PROBES, &rows[1], &subject(None)), [("success", 1), ("duration", 1), ("phases", 2)]);
}

#[test]
fn where_none_is_the_services_all_are_told_and_that_they_are_everyones() {
    let world = probe(World::default(), "job=blackbox, instance=https://shop.example/", |_| 1.0, 200.0);
    let rows = world.rows(&PROBES, &subject(Some("orders")));
    assert_eq!(rows.len(), 1);
    assert_eq!(cell(&PROBES, &rows[0], "OF").0, "all");
}

#[test]
fn a_certificate_that_ends_soon_is_not_well() {
    let world = (0..4).fold(World::default(), |world, i| {
        let labels = format!("job=blackbox, instance=https://{i}.example/");
        let days = [30.5, 10.5, 2.5, -1.5][i];
        let world = probe(world, &labels, |_| 1.0, 200.0);
        world.gauge(&format!("probe_ssl_earliest_cert_expiry{{{labels}}}"), NOW as f64 + days * DAY)
    });
    let rows = world.rows(&PROBES, &subject(None));
    let told: Vec<_> = rows.iter().map(|row| (cell(&PROBES, row, "CERTIFICATE"), row.why())).collect();
    let expected = [
        (("2d", Level::Bad), "its certificate ends in 2d".to_owned()),
        (("ended", Level::Bad), "its certificate ended 36h ago".to_owned()),
        (("10d", Level::Warn), "its certificate ends in 10d".to_owned()),
        (("30d", Level::Fine), String::new()),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_probe_whose_exporter_does_not_answer_is_not_forgotten() {
    let labels = "job=blackbox, instance=https://shop.example/";
    let world = World::default()
        .over(&format!("probe_success{{{labels}}}"), (NOW - 7200, NOW - 1020), |_| 1.0)
        .over(&format!("up{{{labels}}}"), (NOW - 7200, NOW), |at| f64::from(at <= NOW - 1020))
        // No more configured: it has no target either.
        .over("probe_success{job=blackbox, instance=https://old.example/}", (NOW - 7200, NOW - 1020), |_| 1.0);
    let rows = world.rows(&PROBES, &subject(None));
    let words = "not asked any more: its exporter does not answer Prometheus".to_owned();
    assert_eq!(told(&rows), [("https://shop.example/", "unknown 17m", Level::Warn, words)]);
}

#[test]
fn of_many_probes_those_are_told_that_fail_and_those_of_the_service() {
    let world = (0..210).fold(World::default(), |world, i| {
        probe(world, &format!("job=blackbox, instance=https://site-{i}.example/"), move |_| f64::from(i != 7), 200.0)
    });
    let names = |rows: &[Row]| rows.iter().map(|row| row.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&world.rows(&PROBES, &subject(None))), ["https://site-7.example/"]);
    assert_eq!(names(&world.rows(&PROBES, &subject(Some("site-9")))), ["https://site-9.example/"]);
    assert_eq!(counted(&world.answer(&(PROBES.query)(&subject(None)).unwrap())), Some(210));
}
