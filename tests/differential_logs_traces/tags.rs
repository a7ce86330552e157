//! Names of tags and their values: those that only the traces of this test have.

use std::collections::BTreeSet;

use super::*;

/// Names that no one else's traces have.
const OWN: [&str; 5] = ["run", "retry", "ratio", "service.tier", "nothing"];
/// Paths of values, and of names. Tempo 2.1 lists durations and numbers of statuses that later ones do not.
const VALUES: &[&str] = &[
    "/api/search/tag/run/values",
    "/api/search/tag/service.tier/values",
    "/api/search/tag/nothing/values",
    "/api/v2/search/tag/resource.run/values",
    "/api/v2/search/tag/.run/values",
    "/api/v2/search/tag/span.run/values",
    "/api/v2/search/tag/span.retry/values",
    "/api/v2/search/tag/span.service.tier/values",
    "/api/v2/search/tag/nonsense/values",
];
const NAMES: &[(&str, &str)] = &[
    ("/api/search/tags", ""),
    ("/api/v2/search/tags", ""),
    ("/api/v2/search/tags", "span"),
    ("/api/v2/search/tags", "resource"),
    ("/api/v2/search/tags", "nonsense"),
];

/// The names among them that are told, by scope.
fn own_names(answer: Value) -> Value {
    let own = |names: &Value| -> BTreeSet<String> {
        let texts = names.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.filter(|n| OWN.contains(n)).map(str::to_owned).collect()
    };
    let scopes = answer["scopes"].as_array().into_iter().flatten();
    let mut by_scope: Vec<Value> =
        scopes.map(|s| json!([s["name"], own(&s["tags"])])).filter(|s| !s[1].as_array().is_some_and(Vec::is_empty)).collect();
    sorted(&mut by_scope);
    json!([own(&answer["tagNames"]), by_scope])
}

/// Values in an order of their own; none may be left out, or be an empty list.
fn values(answer: Value) -> Value {
    let mut all: Vec<Value> = answer["tagValues"].as_array().cloned().unwrap_or_default();
    sorted(&mut all);
    json!(all)
}

/// Compares both.
pub async fn compare(client: &reqwest::Client, demo: &str, real: &str, found: &mut Differences) {
    let plain = ("Accept", "*/*");
    for path in VALUES {
        let (a, b) = (get(client, demo, path, &[], plain).await, get(client, real, path, &[], plain).await);
        found.compare(path, comparable(&a, values), comparable(&b, values));
    }
    for (path, scope) in NAMES {
        let params: Vec<(&str, String)> = if scope.is_empty() { Vec::new() } else { vec![("scope", (*scope).to_owned())] };
        let (a, b) = (get(client, demo, path, &params, plain).await, get(client, real, path, &params, plain).await);
        found.compare(&format!("{path} {scope}"), comparable(&a, own_names), comparable(&b, own_names));
    }
}
