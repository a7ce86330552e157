//! What batch jobs have pushed, as a Pushgateway shows it: it is asked with `honor_labels`, so that the labels are the job's.

use super::{
    super::{
        jobs::BATCH,
        model::SECOND,
        series::{Pushed, Registry, Value},
    },
    Family, pairs,
};

pub const FAMILIES: &[Family] = &[
    ("batch_job_duration_seconds", "gauge", "How long the last run took."),
    ("push_failure_time_seconds", "gauge", "Last Unix time when changing this group in the Pushgateway failed."),
    ("push_time_seconds", "gauge", "Last Unix time when changing this group in the Pushgateway succeeded."),
];

impl Registry {
    /// The gateway with a group for each job.
    pub(super) fn pushgateway(&mut self) {
        let base = pairs(&[("namespace", "monitoring"), ("job", "pushgateway"), ("instance", "10.42.2.9:9091")]);
        let target = self.exporter(7 * SECOND, 308, &base);
        for job in BATCH {
            let group = pairs(&[("namespace", "shop"), ("job", job.service())]);
            self.add("push_time_seconds", target, &group, Value::Pushed(job, Pushed::At));
            self.add("push_failure_time_seconds", target, &group, Value::Constant(0.0));
            self.add("batch_job_duration_seconds", target, &group, Value::Pushed(job, Pushed::Duration));
        }
    }
}
