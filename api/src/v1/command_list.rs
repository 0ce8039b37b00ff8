use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;
use wilco_application::engine::CommandQuery;
use wilco_application::ports::Command;
use wilco_application::status::{CommandStatus, Phase};
use wilco_domain::kernel::AggregateId;

use super::history::Event;
use super::{command_status, cursor};
use crate::http::answer::{self, Page};
use crate::http::{Call, Query};
use crate::openapi::{Answer, Operation, Parameter, Route, Schemas};
use crate::problems::Refusal;

const LIST: &str = "commands";
/// A position before which all commands are.
const FROM_NOW: &str = "4102444800000000 018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e";
const USUAL: u32 = 50;
const MOST: u32 = 500;
const PHASES: [(&str, Phase); 6] = [
    ("scheduled", Phase::Scheduled),
    ("pending", Phase::Pending),
    ("running", Phase::Running),
    ("succeeded", Phase::Succeeded),
    ("failed", Phase::Failed),
    ("cancelled", Phase::Cancelled),
];

pub(super) fn routes() -> [Route; 2] {
    let command_type = json!({
        "type": "string", "pattern": "^[a-z0-9_]+\\.[a-z0-9_]+$", "maxLength": 128, "examples": ["pet.create"],
    });
    let target = json!({
        "type": "string", "pattern": "^([a-z0-9_]+/)?[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}$",
        "examples": ["pet/pet-42"],
    });
    let correlation =
        json!({ "type": "string", "format": "uuid", "examples": ["018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e"] });
    let list = Operation::new("Commands", "listCommands", "List commands, newest first")
        .describe(
            "All filters must fit. A page may be read on from its `next_cursor` for as long as the server keeps the \
             commands in it.",
        )
        .takes([
            Parameter::query(
                "status",
                "Only those that stand so. `running` is for commands that a process has in hand.",
                json!({}),
            )
            .shaped(Schemas::answered::<Phase>),
            Parameter::query("type", "Only of this type.", command_type),
            Parameter::query("target", "Only for this aggregate: `pet-42` or `pet/pet-42`.", target),
            Parameter::query("correlation_id", "Only of this correlation.", correlation),
            Parameter::limit(USUAL, MOST),
            Parameter::cursor(LIST, &cursor::write(LIST, FROM_NOW)),
        ])
        .answers(Answer::new(200, "A page of them.").carrying(&["Link"]).page::<CommandStatus<'static>>("CommandPage"))
        .reads_store(&["invalid-cursor"]);
    let events = Operation::new("Commands", "getCommandEvents", "The events a command led to")
        .describe("All of them on one page.")
        .takes([Parameter::command_id()])
        .answers(
            Answer::new(200, "In their order; none before it succeeded.").page::<Event<'static>>("EventPage"),
        )
        .reads_store(&["not-found", "command-expired"]);
    [
        Route::get("/v1/commands", self::list, list),
        Route::get("/v1/commands/{id}/events", self::events, events),
    ]
}

async fn list(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    let query = call.query(&["status", "type", "target", "correlation_id", "limit", "cursor"])?;
    let engine = call.engine();
    let found = engine.commands(call.caller(), wanted(&query)?).await?;
    let next_cursor = found.items.last().filter(|_| found.more).map(position);
    let base = call.base();
    let mut details = engine.details(&found.items).await?;
    let items = found.items.iter();
    let items =
        items.map(|command| base.status(engine, command).detailed(details.remove(&command.key()))).collect();
    answer::page(&call, &query, &Page { items, next_cursor })
}

fn wanted(query: &Query) -> Result<CommandQuery, Refusal> {
    let (aggregate_type, target) = target(query)?;
    let phase = query.get("status").map(|name| {
        let phase = PHASES.iter().find(|(known, _)| *known == name).map(|(_, phase)| *phase);
        phase.ok_or_else(|| Refusal::parameter("status", "no status that a command can have"))
    });
    Ok(CommandQuery {
        phase: phase.transpose()?,
        command_type: query.get("type").map(ToOwned::to_owned),
        target,
        aggregate_type,
        correlation_id: query.parsed("correlation_id", "a UUID")?,
        before: cursor::read(query, LIST, before)?,
        limit: query.limit(USUAL, MOST)?,
    })
}

/// `pet-42` or `pet/pet-42`.
fn target(query: &Query) -> Result<(Option<String>, Option<String>), Refusal> {
    let Some(text) = query.get("target") else { return Ok((None, None)) };
    let (aggregate_type, id) = match text.split_once('/') {
        Some((aggregate_type, id)) => (Some(aggregate_type.to_owned()), id),
        None => (None, text),
    };
    let id = AggregateId::parse(id).map_err(|error| Refusal::parameter("target", error.to_string()))?;
    Ok((aggregate_type, Some(id.into())))
}

fn position(last: &Command) -> String {
    cursor::write(LIST, &format!("{} {}", last.accepted_at.timestamp_micros(), last.id))
}

fn before(position: &str) -> Option<(DateTime<Utc>, Uuid)> {
    let (at, id) = position.split_once(' ')?;
    Some((DateTime::from_timestamp_micros(at.parse().ok()?)?, id.parse().ok()?))
}

async fn events(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    call.query(&[])?;
    let command = command_status::find(call.engine(), call.caller(), call.command_id()?).await?;
    let rows = call.engine().events_of(&command).await?;
    let items = rows.iter().map(Event::of).collect::<Result<Vec<_>, _>>()?;
    answer::json(&Page { items, next_cursor: None })
}
