//! Real servers, asked by their own APIs: what the screen is compared with.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// The servers of a config.toml.
pub struct Servers {
    config: toml::Table,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Servers {
    /// Those of a file.
    pub fn of(config: &str) -> Self {
        let config = std::fs::read_to_string(config).unwrap().parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { config, client: redline::source::http::plain().no_proxy().build().unwrap(), runtime }
    }

    /// The JSON that a server of the environment answers to a question.
    pub fn get(&self, server: &str, path: &str, params: &[(&str, &str)]) -> Value {
        let environment = &self.config["environments"][self.config["default_environment"].as_str().unwrap()];
        let base = environment[server]["url"].as_str().unwrap().trim_end_matches('/');
        let request = self.client.get(format!("{base}{path}")).query(params);
        let text = self.runtime.block_on(async { request.send().await?.error_for_status()?.text().await }).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The one value of an expression.
    pub fn value(&self, promql: &str, at: DateTime<Utc>) -> f64 {
        let answer = self.get("prometheus", "/api/v1/query", &[("query", promql), ("time", &at.timestamp().to_string())]);
        let result = answer["data"]["result"].as_array().unwrap();
        assert_eq!(result.len(), 1, "{promql}: {answer}");
        result[0]["value"][1].as_str().unwrap().parse().unwrap()
    }

    /// Lines of a LogQL query between two instants, oldest first: nanoseconds, and all that is known of the line.
    pub fn lines(&self, logql: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<(i64, String)> {
        let (from, to) = (from.timestamp_nanos_opt().unwrap().to_string(), to.timestamp_nanos_opt().unwrap().to_string());
        let params = [("query", logql), ("start", &from), ("end", &to), ("limit", "5000"), ("direction", "forward")];
        let answer = self.get("loki", "/loki/api/v1/query_range", &params);
        let streams = answer["data"]["result"].as_array().unwrap();
        let of = |s: &Value| s["values"].as_array().unwrap().iter().map(|v| line(v, s)).collect::<Vec<_>>();
        let mut lines: Vec<_> = streams.iter().flat_map(of).collect();
        assert!(lines.len() < 5000, "{logql}: more lines than one answer holds");
        lines.sort();
        lines
    }

    /// The alerts of a name.
    pub fn alerts(&self, name: &str) -> Vec<Value> {
        let answer = self.get("prometheus", "/api/v1/alerts", &[]);
        let all = answer["data"]["alerts"].as_array().unwrap();
        all.iter().filter(|a| a["labels"]["alertname"] == name).cloned().collect()
    }
}

/// A line with all that is known of it.
fn line(value: &Value, stream: &Value) -> (i64, String) {
    (value[0].as_str().unwrap().parse().unwrap(), format!("{} {}", value[1].as_str().unwrap(), stream["stream"]))
}
