//! A Loki of its own: with its data on disk, so that it can be killed.

use std::{
    collections::BTreeMap,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use reqwest::Client;
use serde_json::Value;
use tokio::runtime::Runtime;

/// A line as Loki tells it: when, labels, metadata, text.
pub type Line = (i64, BTreeMap<String, String>, BTreeMap<String, String>, String);

/// How long anything may take. The test fails after it and does not wait for it.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// Loki's limit on the lines of an answer.
const LIMIT: usize = 5000;
const CONFIG: &str = include_str!("../../dev/stack.d/loki/config.yml");

/// What the test's own questions and the reading library run on.
pub static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

pub fn client() -> Client {
    redline::source::http::plain().no_proxy().build().unwrap()
}

pub fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

pub struct Server {
    binary: String,
    folder: tempfile::TempDir,
    address: String,
    process: Child,
    client: Client,
    began: i64,
}

impl Server {
    pub fn start(binary: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [http, grpc] = ports.map(|listener| listener.local_addr().unwrap().port());
        let config = CONFIG.replace("@HTTP@", &http.to_string()).replace("@GRPC@", &grpc.to_string()).replace("@ALERTMANAGER_HTTP@", "9");
        std::fs::write(folder.path().join("config.yml"), config).unwrap();
        let process = spawn(binary, &folder);
        let address = format!("127.0.0.1:{http}");
        let mut server = Self { binary: binary.to_owned(), folder, address, process, client: client(), began: now() };
        server.wait();
        server
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Killed without a warning, and started again on the same data and ports.
    pub fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.process = spawn(&self.binary, &self.folder);
        self.wait();
    }

    fn wait(&mut self) {
        let began = Instant::now();
        while self.get("/loki/api/v1/labels", &[]).is_none() {
            let ended = self.process.try_wait().unwrap();
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && began.elapsed() < PATIENCE, "Loki does not answer: {ended:?}\n{}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn get(&self, path: &str, params: &[(&str, String)]) -> Option<Value> {
        let request = self.client.get(format!("{}{path}", self.url())).query(params);
        let request = request.header("X-Loki-Response-Encoding-Flags", "categorize-labels").timeout(PATIENCE);
        let text = RUNTIME.block_on(async { request.send().await.ok()?.error_for_status().ok()?.text().await.ok() })?;
        serde_json::from_str(&text).ok()
    }

    /// All lines of a query, sorted; none of the answers is cut.
    pub fn all(&self, query: &str) -> Vec<Line> {
        let mut lines = self.between(query, self.began - 600_000_000_000, now());
        lines.sort();
        lines
    }

    fn between(&self, query: &str, start: i64, end: i64) -> Vec<Line> {
        let number = |n: i64| n.to_string();
        let params = [
            ("query", query.to_owned()),
            ("start", number(start)),
            ("end", number(end)),
            ("limit", LIMIT.to_string()),
            ("direction", "forward".to_owned()),
        ];
        let answer = self.get("/loki/api/v1/query_range", &params).expect("an answer");
        let streams = answer["data"]["result"].as_array().unwrap();
        let lines: Vec<Line> = streams.iter().flat_map(|s| s["values"].as_array().unwrap().iter().map(|v| line(&s["stream"], v))).collect();
        if lines.len() < LIMIT {
            return lines;
        }
        assert!(end - start > 1, "more lines at one instant than an answer holds");
        let middle = start + (end - start) / 2;
        [self.between(query, start, middle), self.between(query, middle, end)].concat()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(binary: &str, folder: &tempfile::TempDir) -> Child {
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let mut command = Command::new(binary);
    command.arg("-config.file=config.yml").current_dir(folder.path()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

fn line(stream: &Value, value: &Value) -> Line {
    let mut metadata = pairs(&value[2]["structuredMetadata"]);
    metadata.extend(pairs(&value[2]["parsed"]));
    (value[0].as_str().unwrap().parse().unwrap(), pairs(stream), metadata, value[1].as_str().unwrap().to_owned())
}

/// A JSON object of texts; Loki's own labels left out.
pub fn pairs(object: &Value) -> BTreeMap<String, String> {
    let pairs = object.as_object().into_iter().flatten().filter(|(name, _)| !name.starts_with("__"));
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}
