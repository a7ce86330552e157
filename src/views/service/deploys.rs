//! When the service was deployed, read from what its series tell.

use compact_str::CompactString;

use crate::{
    model::{
        labels::quote,
        series::{Matrix, Sample, Series},
        time::Timestamp,
    },
    red::{
        Family,
        queries::{DeployMark, deploys, tagged},
    },
};

/// Marks of deploys drawn, the newest.
const MAX_DEPLOYS: usize = 8;
/// The label that tells the sources apart in the one answer.
const SOURCE: &str = "source";

/// Labels of the requests themselves that tell a version; the first that there is counts.
const VERSIONS: [&str; 5] = ["version", "service_version", "app_version", "app_kubernetes_io_version", "destination_version"];
/// The source that is the requests themselves.
const OWN: &str = "own";

/// All sources in one question: what the service's series with these labels tell, and what others tell of it.
pub(super) fn query(service: &str, family: &Family, labels: &[CompactString]) -> String {
    let version = VERSIONS.into_iter().find(|name| labels.iter().any(|l| l == name));
    let own = version.map(|name| {
        let selector = family.selector(family.requests.metric(), &[family.service_matcher(service)]);
        let versions = format!("label_replace({selector}, \"version\", \"$1\", {}, \"(.+)\")", quote(name));
        tagged(&format!("count by (version) ({versions})"), SOURCE, OWN)
    });
    let others = (0..).zip(deploys(service)).map(|(i, deploy): (usize, _)| tagged(&deploy.query, SOURCE, &i.to_string()));
    own.into_iter().chain(others).collect::<Vec<_>>().join(" or ")
}

/// The deploys in an answer, and what was deployed; from the surest source that knows of any.
pub(super) fn marks(matrix: &Matrix, service: &str) -> Vec<(Timestamp, String)> {
    let mut sources: Vec<(String, DeployMark)> = (0..).zip(deploys(service)).map(|(i, d): (usize, _)| (i.to_string(), d.reads)).collect();
    // After what tells versions alone: a version that nobody asks has no requests yet.
    sources.insert(1, (OWN.to_owned(), DeployMark::Version));
    let mut found = sources.into_iter().map(|(source, reads)| {
        let of_source = matrix.series.iter().filter(|s| s.labels.get(SOURCE) == Some(&source));
        let own = Matrix { series: of_source.cloned().collect(), range: matrix.range, step: matrix.step, warnings: Vec::new() };
        deploy_marks(&own, reads)
    });
    found.find(|m| !m.is_empty()).unwrap_or_default()
}

fn deploy_marks(matrix: &Matrix, reads: DeployMark) -> Vec<(Timestamp, String)> {
    // What is there from the start was deployed before.
    let start = matrix.range.start + 2 * matrix.step;
    let mut out: Vec<(Timestamp, String)> = match reads {
        DeployMark::Version => {
            let began = began(matrix).into_iter().filter(|(at, _)| *at > start);
            began.filter_map(|(at, s)| Some((at, format!("deploy {}", s.labels.get("version")?)))).collect()
        }
        // The generation counts every change of what is wished for, the number of pods included.
        DeployMark::Change => changes(matrix, |a, b| a != b).map(|s| (s.at, "deploy or scale".to_owned())).collect(),
        DeployMark::Restart => {
            let risen = changes(matrix, |a, b| b > a).map(|s| Timestamp::from_secs_f64(s.value));
            risen.filter(|at| matrix.range.contains(*at)).map(|at| (at, "restart".to_owned())).collect()
        }
    };
    out.sort_unstable();
    out.dedup();
    out.drain(..out.len().saturating_sub(MAX_DEPLOYS));
    out
}

/// When each version came up: at its first sample, and again at one after others had taken its place, as after a deploy
/// back to it. A gap in which no version has a sample is one of the scrapes.
fn began(matrix: &Matrix) -> Vec<(Timestamp, &Series)> {
    let mut all: Vec<Timestamp> = matrix.series.iter().flat_map(|s| &s.samples).map(|s| s.at).collect();
    all.sort_unstable();
    all.dedup();
    let place = |at: Timestamp| all.partition_point(|other| *other < at);
    let mut out = Vec::new();
    for series in &matrix.series {
        let first = series.samples.first().map(|s| s.at);
        let again = series.samples.windows(2).filter(|w| place(w[1].at) > place(w[0].at) + 1).map(|w| w[1].at);
        out.extend(first.into_iter().chain(again).map(|at| (at, series)));
    }
    out
}

fn changes(matrix: &Matrix, changed: fn(f64, f64) -> bool) -> impl Iterator<Item = Sample> {
    let pairs = matrix.series.iter().flat_map(|s| s.samples.windows(2));
    pairs.filter(move |w| changed(w[0].value, w[1].value)).map(|w| w[1])
}
