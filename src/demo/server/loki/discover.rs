//! What there is: labels and series.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::{Value as JsonValue, json};

use super::{Loki, answers, blocking};
use crate::{
    demo::{
        logql::{ingest, matcher::compile, parse_selector},
        server::params::{Params, Refusal},
    },
    model::{labels::Labels, time::TimeRange},
};

/// What is answered, or why not.
pub type Answer = Result<Json<JsonValue>, Refusal>;

/// Streams that any of the selectors matches; all without selectors.
pub async fn streams(loki: &Arc<Loki>, params: &Params, selectors: Vec<String>) -> Result<Vec<Arc<Labels>>, Refusal> {
    let (start, end) = params.bounds(loki.clock.now())?;
    let mut parsed = selectors.iter().map(|s| parse_selector(s)).collect::<Result<Vec<_>, _>>()?;
    if parsed.is_empty() {
        parsed.push(Vec::new());
    }
    blocking(loki, move |loki| {
        let mut found = Vec::new();
        for matchers in &parsed {
            found.extend(ingest::streams(loki.logs.as_ref(), &compile(matchers)?, TimeRange { start, end }));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    })
    .await
}

/// The selector of a request that may go without.
pub fn one_query(params: &Params) -> Vec<String> {
    params.get("query").map(str::to_owned).into_iter().collect()
}

/// `/loki/api/v1/labels`
pub async fn labels(State(loki): State<Arc<Loki>>, params: Params) -> Answer {
    let found = streams(&loki, &params, one_query(&params)).await?;
    let names: BTreeSet<&str> = found.iter().flat_map(|l| l.iter().map(|(n, _)| n)).collect();
    Ok(Json(answers::list(names.into_iter().map(str::to_owned).collect())))
}

/// `/loki/api/v1/label/{name}/values`
pub async fn values(State(loki): State<Arc<Loki>>, Path(name): Path<String>, params: Params) -> Answer {
    let found = streams(&loki, &params, one_query(&params)).await?;
    let values: BTreeSet<&str> = found.iter().filter_map(|l| l.get(&name)).collect();
    Ok(Json(answers::list(values.into_iter().map(str::to_owned).collect())))
}

/// `/loki/api/v1/series`
pub async fn series(State(loki): State<Arc<Loki>>, params: Params) -> Answer {
    let selectors = params.all("match[]").chain(params.all("match")).map(str::to_owned).collect();
    let found = streams(&loki, &params, selectors).await?;
    Ok(Json(json!({"status": "success", "data": found.iter().map(|l| answers::object(l)).collect::<Vec<_>>()})))
}
