//! What the section of jobs tells.

use super::world::{NOW, World, subject, told};
use crate::views::infra::{jobs::JOBS, section::counted, subject::Subject};

fn rows(world: &World, subject: &Subject) -> Vec<String> {
    world.rows(&JOBS, subject).iter().map(told).collect()
}

/// Some seconds before now.
fn ago(seconds: i64) -> f64 {
    (NOW - seconds) as f64
}

/// A group that was pushed each half hour until some seconds ago, and once could not be.
fn pushed(world: &mut World, job: &str, last: i64, honored: bool, refused: f64) {
    let group = if honored { vec![("job", job)] } else { vec![("job", "pushgateway"), ("instance", "p:9091"), ("exported_job", job)] };
    let of = |metric| [&[("__name__", metric)], group.as_slice()].concat();
    let at = |t: f64| ago(last) + ((t + last as f64) / 1800.0).floor().min(0.0) * 1800.0;
    world.tell(&of("push_time_seconds"), at);
    world.tell(&of("push_failure_time_seconds"), |_| refused);
    world.tell(&of("batch_duration_seconds"), |_| 42.0);
}

#[test]
fn a_pushed_job_says_when_it_was_and_whether_that_is_late() {
    let mut world = World::default();
    pushed(&mut world, "billing-export", 600, false, 0.0);
    pushed(&mut world, "billing-late", 4200, true, 0.0);
    pushed(&mut world, "billing-old", 90_000, true, 0.0);
    pushed(&mut world, "billing-refused", 600, true, ago(300));
    pushed(&mut world, "rebilling", 600, false, 0.0);
    assert_eq!(
        rows(&world, &subject(Some("billing"))),
        [
            "billing-refused Bad | Pushgateway | failed | 10m ago | 5m ago | 42.0 s | – | its push was refused 5m ago, no success since",
            "billing-late Warn | Pushgateway | pushed | 1h10m ago | – | 42.0 s | – | no success for 1h10m, usually each 30m",
            "billing-export Fine | Pushgateway | pushed | 10m ago | – | 42.0 s | – | ",
            "billing-old Fine | Pushgateway | pushed | 25h ago | – | 42.0 s | – | ",
        ]
    );
}

/// A cron job each hour that succeeded some seconds ago and is due in some.
fn cron(world: &mut World, name: &str, success: i64, next: i64) {
    for (metric, at) in
        [("status_last_successful_time", ago(success)), ("status_last_schedule_time", ago(3600 - next)), ("next_schedule_time", ago(-next))]
    {
        world.tell(&[("__name__", &format!("kube_cronjob_{metric}")), ("namespace", "shop"), ("cronjob", name)], |_| at);
    }
}

/// A job that began some seconds ago: failed, or took a minute.
fn ran(world: &mut World, name: &str, began: i64, failed: bool) {
    let of = |metric| [("__name__", metric), ("namespace", "shop"), ("job_name", name)];
    world.tell(&of("kube_job_status_start_time"), |_| ago(began));
    world.tell(&[of("kube_job_failed").as_slice(), &[("condition", "true")]].concat(), |_| f64::from(u8::from(failed)));
    if !failed {
        world.tell(&of("kube_job_status_completion_time"), |_| ago(began - 60));
    }
}

#[test]
fn a_cron_job_says_whether_its_runs_succeed() {
    let mut world = World::default();
    cron(&mut world, "billing-well", 1200, 2400);
    ran(&mut world, "billing-well-29000000", 1260, false);
    ran(&mut world, "billing-well-28999000", 90_000, true);
    cron(&mut world, "billing-broken", 4800, 2400);
    ran(&mut world, "billing-broken-29000000", 1200, true);
    cron(&mut world, "billing-stuck", 9000, 1800);
    cron(&mut world, "billing-overdue", 4000, -400);
    ran(&mut world, "billing-migration", 600, true);
    assert_eq!(
        rows(&world, &subject(Some("billing"))),
        [
            "billing-broken Bad | cron job | failed | 1h20m ago | 20m ago | – | in 40m | failed 20m ago, no success since",
            "billing-migration Bad | job | failed | – | 10m ago | – | – | failed 10m ago, no success known",
            "billing-overdue Warn | cron job | succeeded | 1h06m ago | – | – | – | due 6m ago",
            "billing-stuck Warn | cron job | succeeded | 2h30m ago | – | – | in 30m | no success for 2h30m, usually each 1h00m",
            "billing-well Fine | cron job | succeeded | 20m ago | 25h ago | 60.0 s | in 40m | ",
        ]
    );
}

#[test]
fn airflow_says_which_of_its_dags_failed() {
    let mut world = World::default();
    for (dag, good, bad) in [("billing_daily", -600.0, -3000.0), ("billing_broken", -3000.0, -600.0), ("reports", -600.0, -3000.0)] {
        for (metric, at) in [("airflow_dagrun_duration_success_count", good), ("airflow_dagrun_duration_failed_count", bad)] {
            world.tell(&[("__name__", metric), ("job", "airflow"), ("dag_id", dag)], |t| if t < at { 3.0 } else { 4.0 });
        }
        world.tell(&[("__name__", "airflow_dagrun_duration_success_sum"), ("job", "airflow"), ("dag_id", dag)], |_| 120.0);
    }
    world.tell(&[("__name__", "airflow_scheduler_heartbeat"), ("job", "airflow")], |t| 1e6 + t.min(-400.0));
    world.tell(&[("__name__", "airflow_executor_queued_tasks"), ("job", "airflow")], |_| 7.0);
    let expected = [
        "billing_broken Bad | Airflow | failed | 46m ago | 6m ago | 30.0 s | – | failed 6m ago, no success since",
        "scheduler Bad | Airflow | – | – | – | – | – | no heartbeat in 5m",
        "billing_daily Fine | Airflow | succeeded | 6m ago | 46m ago | 30.0 s | – | ",
    ];
    assert_eq!(rows(&world, &subject(Some("billing"))), expected);
    assert_eq!(rows(&world, &subject(Some("cart"))), Vec::<String>::new(), "a scheduler that runs nothing of it");
    assert_eq!(rows(&world, &subject(None)), expected[..2]);
}

#[test]
fn of_all_jobs_only_those_that_are_not_well_are_told() {
    let mut world = World::default();
    for i in 0..30 {
        pushed(&mut world, &format!("pushed-{i}"), 600, false, 0.0);
        cron(&mut world, &format!("cron-{i}"), 1200, 2400);
    }
    pushed(&mut world, "late", 4200, false, 0.0);
    cron(&mut world, "broken", 4800, 2400);
    ran(&mut world, "broken-29000000", 1200, true);
    let subject = subject(None);
    let answer = world.answer(&(JOBS.query)(&subject).unwrap());
    assert!(answer.elements.len() < 10, "{answer:?}");
    assert_eq!(counted(&answer), Some(63));
    assert_eq!(
        rows(&world, &subject),
        [
            "broken Bad | cron job | failed | 1h20m ago | 20m ago | – | in 40m | failed 20m ago, no success since",
            "late Warn | Pushgateway | pushed | 1h10m ago | – | – | – | no success for 1h10m, usually each 30m",
        ]
    );
}

#[test]
fn a_graph_shows_how_long_ago_the_last_success_was() {
    let mut world = World::default();
    pushed(&mut world, "billing", 600, false, 0.0);
    cron(&mut world, "billing", 1200, 2400);
    let subject = subject(Some("billing"));
    let rows = world.rows(&JOBS, &subject);
    let drawn: Vec<String> = rows.iter().flat_map(|row| world.drawn(&JOBS, row, &subject)).collect();
    assert_eq!(drawn, ["since it succeeded: age 1200", "since it was pushed: age 600"]);
}
