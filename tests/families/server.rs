//! A Prometheus of its own that scrapes the cases.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use super::{
    cases::{Cases, Kind},
    exposition::Targets,
};

/// How long anything may take. A test fails after it; none waits for it.
const PATIENCE: Duration = Duration::from_secs(180);
/// A scrape that was begun has been taken in after this, or was given up: what was so long ago does not change any more.
const SETTLED: f64 = 2.0;

/// Recording rules of the RED shape.
const RULES: &str = "
groups:
  - name: red
    rules:
      - record: job_code:ledger_http_requests:rate10s
        expr: sum by (job, code) (rate(ledger_http_requests_total[10s]))
      - record: job_le:ledger_http_request_duration_seconds_bucket:rate10s
        expr: sum by (job, le) (rate(ledger_http_request_duration_seconds_bucket[10s]))
";

/// The process and where it answers.
pub struct Prometheus {
    child: Child,
    pub url: String,
    http: tokio::runtime::Runtime,
    client: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    pub fn start(binary: &str, old: bool, cases: &Cases, targets: &Targets) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rules.yml"), RULES).unwrap();
        std::fs::write(folder.path().join("prometheus.yml"), config(cases, targets, old)).unwrap();
        let mut command = Command::new(binary);
        command
            .current_dir(folder.path())
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=tsdb")
            .arg("--web.listen-address=127.0.0.1:0")
            .args(old.then_some("--enable-feature=native-histograms"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let http = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut child = command.spawn().unwrap();
        let address = address(child.stderr.take().unwrap());
        let client = redline::source::http::plain().no_proxy().build().unwrap();
        Self { child, url: format!("http://{address}"), http, client, _folder: folder }
    }

    /// An instant at which every target that stays has been scraped for long enough to measure how far apart its samples are,
    /// without a miss, over more than the window of its rates; at which each rule was evaluated over its whole window, and what
    /// goes away has gone. A machine that was busy is waited for.
    pub fn when_all_is_there(&self, cases: &Cases, targets: &Targets) -> f64 {
        let mut conditions = vec![
            "count(count_over_time(job_code:ledger_http_requests:rate10s[1m]) > 10) >= 1".to_owned(),
            "min(up{job=\"gone\"}) == 0".to_owned(),
        ];
        conditions.extend(complete(cases));
        let start = Instant::now();
        loop {
            let at = self.now() - SETTLED;
            let missing = conditions.iter().find(|c| !self.try_query(c, at).is_ok_and(|answer| !answer.is_empty()));
            let Some(missing) = missing else { return at };
            assert!(start.elapsed() < PATIENCE, "{missing}; down: {:?}", self.try_query("up == 0", at));
            targets.wait_for_a_scrape(PATIENCE);
        }
    }

    fn now(&self) -> f64 {
        (SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as f64) / 1000.0
    }

    /// Labels and values of an instant query.
    pub fn query(&self, query: &str, at: f64) -> Vec<(Value, f64)> {
        self.try_query(query, at).unwrap_or_else(|e| panic!("{query}: {e}"))
    }

    fn try_query(&self, query: &str, at: f64) -> Result<Vec<(Value, f64)>, String> {
        let form = [("query", query.to_owned()), ("time", format!("{at:.3}"))];
        let asked = async {
            let response = self.client.get(format!("{}/api/v1/query", self.url)).query(&form).send().await.map_err(|e| e.to_string())?;
            response.bytes().await.map_err(|e| e.to_string())
        };
        let answer: Value = serde_json::from_slice(&self.http.block_on(asked)?).map_err(|e| e.to_string())?;
        let result = answer["data"]["result"].as_array().ok_or_else(|| answer.to_string())?;
        Ok(result.iter().map(|e| (e["metric"].clone(), e["value"][1].as_str().unwrap().parse().unwrap())).collect())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether it is Prometheus 2.
pub fn is_old(binary: &str) -> bool {
    let version = Command::new(binary).arg("--version").output().unwrap();
    String::from_utf8_lossy(&[version.stdout, version.stderr].concat()).contains("version 2.")
}

/// That every target that stays was scraped each time of the last five, and of the last 12 s. One of 12 scrapes may have
/// fallen on the edge. How far apart samples are is measured by the slowest instance, after a while over 30 s: none of them
/// has missed more there than is forgiven.
fn complete(cases: &Cases) -> Vec<String> {
    let mut stay: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for case in cases.case.iter().filter(|c| c.fault.as_deref() != Some("gone")) {
        for instance in 0..case.instances() {
            stay.entry(case.scraped_every(instance)).or_default().push(format!("{}-{instance}", case.service));
        }
    }
    let all = |(every, instances): (u64, Vec<String>)| {
        let over = (5 * every + 1).max(12);
        let scrapes = if every == 1 { 11 } else { over / every };
        let targets = instances.len();
        let names: Vec<String> = instances.iter().map(|name| regex::escape(name).replace('\\', "\\\\")).collect();
        let up = format!("up{{instance=~\"{}\"}}", names.join("|"));
        let measured_badly = format!("count_over_time({up}[30s]) < {} and {up} offset 30s", 27.0 / every as f64);
        format!("count(count_over_time({up}[{over}s]) >= {scrapes} unless ({measured_badly})) >= {targets}")
    };
    stay.into_iter().map(all).collect()
}

/// Where a server says that it listens. The rest of what it says is read, so that it never waits for a reader.
fn address(log: impl Read + Send + 'static) -> String {
    let (sender, found) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            // Whoever waited for it may have gone.
            let _ = sender.send(line);
        }
    });
    let (mut said, deadline) = (String::new(), Instant::now() + PATIENCE);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = found.recv_timeout(left).unwrap_or_else(|e| panic!("Prometheus does not listen: {e}\n{said}"));
        if let Some((_, address)) = line.split_once("address=").filter(|_| line.contains("\"Listening on\"")) {
            return address.trim().to_owned();
        }
        said = format!("{said}{line}\n");
    }
}

/// A scrape job for each instance of a case, for each has its interval.
fn config(cases: &Cases, targets: &Targets, old: bool) -> String {
    let mut out = "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\nscrape_configs:\n".to_owned();
    let native = if old { "" } else { ", scrape_native_histograms: true" };
    for (place, case) in cases.case.iter().enumerate() {
        let extra = if case.kind == Kind::Native { native } else { "" };
        for instance in 0..case.instances() {
            let interval = format!("{}s", case.scraped_every(instance));
            let labels = format!("job: '{}', instance: '{}-{instance}', __metrics_path__: /{place}/{instance}", case.job(), case.service);
            out.push_str(&format!(
                "  - {{job_name: case-{place}-{instance}, scrape_interval: {interval}, scrape_timeout: {interval}{extra}, \
                 static_configs: [{{targets: ['{}'], labels: {{{labels}}}}}]}}\n",
                targets.address
            ));
        }
    }
    out
}
