//! A Prometheus of its own that scrapes the cases.

use std::{
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use super::cases::{Case, Cases, Kind};

/// How long anything may take. A test fails after it; none waits for it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what is waited for.
const LOOK: Duration = Duration::from_millis(200);

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
    pub fn start(cases: &Cases, targets: SocketAddr) -> Self {
        let binary = std::env::var("REDLINE_PROMETHEUS").expect("REDLINE_PROMETHEUS names the binary: `dev/stack path prometheus`");
        let version = Command::new(&binary).arg("--version").output().unwrap();
        let old = String::from_utf8_lossy(&[version.stdout, version.stderr].concat()).contains("version 2.");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("rules.yml"), RULES).unwrap();
        std::fs::write(folder.path().join("prometheus.yml"), config(cases, targets, old)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(&binary);
        command
            .current_dir(folder.path())
            .arg("--config.file=prometheus.yml")
            .arg("--storage.tsdb.path=tsdb")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(old.then_some("--enable-feature=native-histograms"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.path().join("log")).unwrap());
        let http = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let child = command.spawn().unwrap();
        let client = redline::source::http::plain().no_proxy().build().unwrap();
        Self { child, url: format!("http://127.0.0.1:{port}"), http, client, _folder: folder }
    }

    /// Every target that stays was scraped often enough to measure how far apart its samples are, each rule was evaluated
    /// over its whole window, and what goes away has gone.
    pub fn wait_until_all_is_there(&self, cases: &Cases) {
        let stay: Vec<&Case> = cases.case.iter().filter(|c| c.fault.as_deref() != Some("gone")).collect();
        let targets: usize = stay.iter().map(|c| c.instances()).sum();
        let conditions = [
            format!("count(max_over_time(up[1m]) == 1 and count_over_time(up[1m]) > 7 and up offset 12s) >= {targets}"),
            "count(count_over_time(job_code:ledger_http_requests:rate10s[1m]) > 10) >= 1".to_owned(),
            "min(up{job=\"gone\"}) == 0".to_owned(),
        ];
        let start = Instant::now();
        while let Some(missing) = conditions.iter().find(|c| !self.try_query(c, self.now()).is_ok_and(|answer| !answer.is_empty())) {
            assert!(start.elapsed() < PATIENCE, "{missing}; down: {:?}", self.try_query("up == 0", self.now()));
            std::thread::sleep(LOOK);
        }
    }

    pub fn now(&self) -> f64 {
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

/// One scrape job for each interval; each instance of a case is a target.
fn config(cases: &Cases, targets: SocketAddr, old: bool) -> String {
    let mut out = "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yml]\nscrape_configs:\n".to_owned();
    let native = if old { "" } else { ", scrape_native_histograms: true" };
    for (place, case) in cases.case.iter().enumerate() {
        let interval = case.scrape.as_deref().unwrap_or("1s");
        let extra = if case.kind == Kind::Native { native } else { "" };
        out.push_str(&format!(
            "  - {{job_name: case-{place}, scrape_interval: {interval}, scrape_timeout: {interval}{extra}, static_configs: ["
        ));
        for instance in 0..case.instances() {
            let labels = format!("job: '{}', instance: '{}-{instance}', __metrics_path__: /{place}/{instance}", case.job(), case.service);
            out.push_str(&format!("{{targets: ['{targets}'], labels: {{{labels}}}}}, "));
        }
        out.push_str("]}\n");
    }
    out
}
