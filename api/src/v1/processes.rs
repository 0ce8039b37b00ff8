//! The instances of processes.

use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;
use wilco_application::engine::{Engine, Instance, ParkedError};
use wilco_application::ports::{ProcessFilter, ProcessKey, ProcessRow, ProcessStanding};
use wilco_domain::kernel::{AggregateId, Problem, Progress};

use super::cursor;
use crate::http::answer::{self, Page};
use crate::http::{Call, Query};
use crate::openapi::{Answer, Operation, Parameter, Route, Schemas};
use crate::problems::Refusal;

const LIST: &str = "processes";
const USUAL: u32 = 50;
const MOST: u32 = 500;

/// An instance of a process: work of several steps.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Process")]
struct Shown {
    /// What it is an instance of.
    #[schemars(example = &"ordering")]
    #[serde(rename = "type")]
    process_type: String,
    /// The id that its commands are for.
    #[schemars(example = &"order-1")]
    id: String,
    /// How it stands.
    #[schemars(example = &"running")]
    status: ProcessStanding,
    /// How far it is.
    progress: Option<Progress>,
    /// The ids of the commands that it is to settle.
    commands: Vec<Uuid>,
    /// Parked: why.
    #[schemars(example = ())]
    parked: Option<Problem>,
    /// How many inputs it has handled.
    #[schemars(example = 3)]
    version: i64,
    /// When it began.
    begun_at: DateTime<Utc>,
    /// When it ended.
    #[schemars(example = ())]
    ended_at: Option<DateTime<Utc>>,
}

/// An instance, with what it knows and what it waits for.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProcessDetails")]
struct Details {
    #[serde(flatten)]
    shown: Shown,
    /// What it knows; the layout is its own.
    #[schemars(schema_with = "any_object")]
    state: Value,
    /// The labels of the commands that it has issued and that are not settled.
    #[schemars(example = ["reserve"])]
    waits_for: Vec<String>,
    /// Its timers, in order.
    timers: Vec<Timer>,
}

/// A timer of an instance.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProcessTimer")]
struct Timer {
    /// Its name.
    #[schemars(example = &"reserved")]
    name: String,
    /// When it fires.
    due_at: DateTime<Utc>,
}

fn any_object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "object", "additionalProperties": true })
}

pub(super) fn routes() -> [Route; 4] {
    let list = Operation::new("Processes", "listProcesses", "List processes")
        .describe("In the order of their types and ids; those that have ended as well.")
        .takes([
            Parameter::query(
                "type",
                "Only of this type.",
                json!({ "type": "string", "pattern": "^[a-z0-9_]+$", "maxLength": 128, "examples": ["ordering"] }),
            ),
            Parameter::query("status", "Only those that stand so.", json!({})).shaped(Schemas::answered::<ProcessStanding>),
            Parameter::limit(USUAL, MOST),
            Parameter::cursor(LIST, &cursor::write(LIST, "ordering/order-1")),
        ])
        .answers(Answer::new(200, "A page of them.").carrying(&["Link"]).page::<Shown>("ProcessPage"))
        .reads_store(&["invalid-cursor"]);
    let get = Operation::new("Processes", "getProcess", "A process")
        .describe("With what it knows, and what it waits for.")
        .takes(names())
        .answers(Answer::new(200, "As it is.").json::<Details>())
        .reads_store(&["not-found"]);
    let resume = Operation::new("Processes", "resumeProcess", "Let a process that stands still go on")
        .describe("It is given once more what it met a defect with, and then, in order, everything that has come since.")
        .takes(names())
        .answers(Answer::new(200, "It goes on.").json::<Details>())
        .reads_store(&["cross-site", "not-found", "process-not-parked"]);
    let give_up = Operation::new("Processes", "giveUpProcess", "End a process that stands still")
        .describe("The commands that it works on have failed with `internal`. What it knows is kept.")
        .takes(names())
        .answers(Answer::new(200, "It has ended.").json::<Details>())
        .reads_store(&["cross-site", "not-found", "process-not-parked"]);
    [
        Route::get("/v1/processes", self::list, list),
        Route::get("/v1/processes/{type}/{id}", self::get, get),
        Route::post("/v1/processes/{type}/{id}/resume", self::resume, resume),
        Route::post("/v1/processes/{type}/{id}/give-up", self::give_up, give_up),
    ]
}

fn names() -> [Parameter; 2] {
    let process_type = json!({ "type": "string", "pattern": "^[a-z0-9_]+$", "maxLength": 128 });
    [
        Parameter::path("type", "What it is an instance of.", process_type, json!("ordering"))
            .shared("ProcessType"),
        Parameter::aggregate_id("process"),
    ]
}

async fn list(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    let query = call.query(&["type", "status", "limit", "cursor"])?;
    let filter = wanted(&call, &query)?;
    let found = call.engine().processes(&filter).await?;
    let next_cursor = found
        .items
        .last()
        .filter(|_| found.more)
        .map(|last| cursor::write(LIST, &[&last.key.process_type, "/", &last.key.id].concat()));
    let items = found.items.into_iter().map(shown).collect();
    answer::page(&call, &query, &Page { items, next_cursor })
}

fn wanted(call: &Call, query: &Query) -> Result<ProcessFilter, Refusal> {
    let standing = match query.get("status") {
        None => None,
        Some("running") => Some(ProcessStanding::Running),
        Some("parked") => Some(ProcessStanding::Parked),
        Some("ended") => Some(ProcessStanding::Ended),
        Some(_) => return Err(Refusal::parameter("status", "no status that a process can have")),
    };
    let after = |position: &str| {
        let (process_type, id) = position.split_once('/')?;
        Some((process_type.to_owned(), id.to_owned()))
    };
    Ok(ProcessFilter {
        tenant: call.caller().tenant.clone(),
        process_type: query.get("type").map(ToOwned::to_owned),
        standing,
        after: cursor::read(query, LIST, after)?,
        limit: query.limit(USUAL, MOST)?,
    })
}

async fn get(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    call.query(&[])?;
    let key = key(&call)?;
    details(call.engine(), &key).await
}

async fn resume(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    call.query(&[])?;
    let key = key(&call)?;
    call.engine().resume(&key).await.map_err(refusal)?;
    details(call.engine(), &key).await
}

async fn give_up(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    call.query(&[])?;
    let key = key(&call)?;
    call.engine().give_up(call.caller(), &key).await.map_err(refusal)?;
    details(call.engine(), &key).await
}

async fn details(engine: &Engine, key: &ProcessKey) -> Result<Response, Refusal> {
    let found = engine.process(key).await?;
    let Instance { row, timers, awaited } = found.ok_or_else(unknown)?;
    let labels = awaited.iter().filter_map(|command| Some(command.reply_to.as_ref()?.label.clone()));
    let mut waits_for: Vec<String> = labels.collect();
    waits_for.sort_unstable();
    let timers = timers.into_iter().map(|timer| Timer { name: timer.name, due_at: timer.due_at });
    let state = serde_json::from_str(&row.state).unwrap_or_else(|_| json!({}));
    answer::json(&Details { state, waits_for, timers: timers.collect(), shown: shown(row) })
}

fn shown(row: ProcessRow) -> Shown {
    let status = row.standing();
    let ProcessRow { key, version, holds, progress, begun_at, ended_at, parked, .. } = row;
    let ProcessKey { process_type, id, .. } = key;
    Shown { process_type, id, status, progress, commands: holds, parked, version, begun_at, ended_at }
}

fn key(call: &Call) -> Result<ProcessKey, Refusal> {
    let id =
        AggregateId::parse(call.segment(4)).map_err(|error| Refusal::parameter("id", error.to_string()))?;
    Ok(ProcessKey { process_type: call.segment(3), tenant: call.caller().tenant.clone(), id: id.into() })
}

fn unknown() -> Refusal {
    Refusal::not_found("there is no such process")
}

fn refusal(error: ParkedError) -> Refusal {
    match error {
        ParkedError::Unknown => unknown(),
        ParkedError::NotParked => {
            Refusal::new("process-not-parked", StatusCode::CONFLICT, "the process goes on, or has ended")
        }
        ParkedError::Store(error) => error.into(),
    }
}
