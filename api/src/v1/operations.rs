//! Probes and metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tokio::time::error::Elapsed;

use crate::http::answer::{self, raw_json};
use crate::http::{AppState, Call, Media};
use crate::openapi::{Answer, Operation, Route};
use crate::problems::Refusal;

const TAG: &str = "Operations";
/// What metrics look like.
const METRICS: &str = "# TYPE wilco_relay_lag gauge\nwilco_relay_lag 0\n";
/// How long a dependency may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether the server is to be given work.
#[derive(Serialize, JsonSchema)]
struct Readiness {
    /// Whether it is.
    ready: bool,
    /// Whether it is on its way down.
    stopping: bool,
    /// What it depends on.
    dependencies: BTreeMap<String, Dependency>,
}

/// Something the server depends on.
#[derive(Serialize, JsonSchema)]
struct Dependency {
    /// Whether it answers.
    ready: bool,
    /// Whether the server is ready only while this is.
    required: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Whether the process runs.
#[derive(Serialize, JsonSchema)]
struct Liveness {
    /// It does.
    alive: bool,
}

pub(super) fn routes() -> [Route; 3] {
    let live = Operation::new(TAG, "getLiveness", "Whether the process runs")
        .describe("For whoever restarts it when it does not answer.")
        .answers(Answer::new(200, "It does.").json::<Liveness>())
        .refuses(&["not-acceptable"]);
    let store = |ready: bool| json!({ "store": { "ready": ready, "required": true } });
    let ready =
        Operation::new(TAG, "getReadiness", "Whether the server is to be given work")
            .describe("It is while it is not stopping and each of its dependencies that is required answers.")
            .answers(
                Answer::new(200, "It is.")
                    .json::<Readiness>()
                    .example("ready", json!({ "stopping": false, "dependencies": store(true) })),
            )
            .answers(Answer::new(503, "It is not.").json::<Readiness>().example(
                "not-ready",
                json!({ "ready": false, "stopping": false, "dependencies": store(false) }),
            ))
            .refuses(&["not-acceptable"]);
    let metrics = Operation::new(TAG, "getMetrics", "Metrics, as Prometheus reads them")
        .describe("In Prometheus' text format, where the server records any.")
        .answers(Answer::new(200, "All of them.").text(Media::Text.name(), METRICS))
        .refuses(&["not-found"]);
    [
        Route::get("/livez", self::live, live),
        Route::get("/readyz", self::ready, ready),
        Route::get("/metrics", self::metrics, metrics),
    ]
}

async fn live(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    answer::json(&Liveness { alive: true })
}

async fn ready(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    let stopping = call.engine().is_closing();
    let dependencies = dependencies(&call.state).await;
    let ready = !stopping && dependencies.values().all(|dependency| dependency.ready || !dependency.required);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(raw_json(status, serde_json::to_vec(&Readiness { ready, stopping, dependencies })?))
}

/// Asks all at the same time, none for too long.
async fn dependencies(state: &AppState) -> BTreeMap<String, Dependency> {
    let store = async {
        let answered = tokio::time::timeout(PATIENCE, state.engine().ready()).await;
        (
            "store".to_owned(),
            dependency(answered.map(|answered| answered.map_err(|error| error.to_string())), true),
        )
    };
    let others = state.readiness().iter().map(|check| async move {
        let answered = tokio::time::timeout(PATIENCE, check.check()).await;
        (check.name().to_owned(), dependency(answered, check.is_required()))
    });
    let (store, others) = tokio::join!(store, futures::future::join_all(others));
    others.into_iter().chain([store]).collect()
}

fn dependency(answered: Result<Result<(), String>, Elapsed>, required: bool) -> Dependency {
    match answered {
        Ok(Ok(())) => Dependency { ready: true, required, detail: None },
        Ok(Err(detail)) => Dependency { ready: false, required, detail: Some(detail) },
        Err(_) => Dependency { ready: false, required, detail: Some("it does not answer".to_owned()) },
    }
}

async fn metrics(call: Call) -> Result<Response, Refusal> {
    let Some(metrics) = call.state.metrics() else {
        return Err(Refusal::not_found("no metrics are recorded"));
    };
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, content_type)], metrics.render()).into_response())
}
