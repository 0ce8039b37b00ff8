//! What a command set off.

use std::borrow::Cow;

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use wilco_application::engine::Tree;
use wilco_application::status::CommandStatus;

use super::command_status;
use super::history::Event;
use crate::http::{Call, answer};
use crate::openapi::{Answer, Operation, Parameter, Route};
use crate::problems::Refusal;

/// A command, its events, and the commands it led to.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CommandTree")]
struct Node<'a> {
    /// How it stands.
    command: CommandStatus<'a>,
    /// What it made happen, in order; none before it succeeded.
    events: Vec<Happened<'a>>,
    /// What it led to, in order of acceptance.
    #[schemars(extend("examples" = [[]]))]
    children: Vec<Node<'a>>,
    /// Only at the top: whether there is more than is shown.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    truncated: bool,
}

/// An event of a command.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CausedEvent")]
struct Happened<'a> {
    /// `pet.reserved`
    #[serde(rename = "type")]
    #[schemars(example = &"pet.created")]
    name: &'a str,
    /// The path of its aggregate.
    #[schemars(example = &"pet/pet-42")]
    target: String,
    /// 1, 2, 3 … within the aggregate.
    #[schemars(example = 1)]
    sequence: i64,
    /// When it was decided.
    #[schemars(with = "Option<chrono::DateTime<chrono::Utc>>", example = &"2026-01-01T09:00:00.000000Z")]
    at: Option<Cow<'a, str>>,
}

pub(super) fn route() -> Route {
    let operation = Operation::new("Commands", "getCommandTree", "Everything that a command set off")
        .describe(
            "The command with its events, and below it what it led to: retries, and the commands of the processes that \
             it began. No more than 1000 commands and 50 generations; `truncated` says that there are more.",
        )
        .takes([Parameter::command_id()])
        .answers(Answer::new(200, "As of now.").json::<Node<'static>>())
        .reads_store(&["not-found", "command-expired"]);
    Route::get("/v1/commands/{id}/tree", tree, operation)
}

async fn tree(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    call.query(&[])?;
    let engine = call.engine();
    let root = command_status::find(engine, call.caller(), call.command_id()?).await?;
    let (tree, truncated) = engine.tree(call.caller(), root).await?;
    answer::json(&Node { truncated, ..node(&call, &tree)? })
}

fn node<'a>(call: &Call, tree: &'a Tree) -> Result<Node<'a>, Refusal> {
    let events = tree.events.iter().map(|row| {
        let Event { name, sequence, at, .. } = Event::of(row)?;
        Ok(Happened { name, target: row.aggregate().path(), sequence, at })
    });
    Ok(Node {
        command: call.base().status(call.engine(), &tree.command).detailed(tree.details.clone()),
        events: events.collect::<Result<_, Refusal>>()?,
        children: tree.children.iter().map(|child| node(call, child)).collect::<Result<_, _>>()?,
        truncated: false,
    })
}
