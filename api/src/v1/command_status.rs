use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;
use wilco_application::engine::{Details, Engine, Found};
use wilco_application::ports::Command;
use wilco_application::status::{CommandStatus, Phase};
use wilco_domain::kernel::{Caller, Problem};

use super::{command_stream, door};
use crate::header_names::PREFERENCE_APPLIED;
use crate::http::answer::{self, raw_json, set, tagged};
use crate::http::headers;
use crate::http::{Call, Media, Tag};
use crate::openapi::{Answer, Operation, Parameter, Route};
use crate::problems::Refusal;

pub(super) fn route() -> Route {
    let redirect = Parameter::query(
        "redirect",
        "`false`: 200 instead of 303 for a command that has a resource, as `Prefer: redirect=no` asks for too.",
        json!({ "type": "boolean", "default": true, "examples": [false] }),
    );
    let prefer = Parameter::header(
        "Prefer",
        "`wait=N`: hold the answer until the command is settled, at most N seconds (60 at most). `redirect=no`: as \
         `redirect=false`.",
        json!({ "type": "string", "examples": ["wait=10, redirect=no"] }),
    );
    let last_event_id = Parameter::header(
        "Last-Event-ID",
        "To a stream: the `id` of the event seen last.",
        json!({ "type": "string", "pattern": "^[!-~]*$", "examples": ["1-0"] }),
    );
    let failed = json!({
        "type": "pet.reserve", "status": "failed", "version": null, "resource": null,
        "error": Problem::new("pet-reserved", 409, "the pet is reserved for order order-1"),
    });
    let operation = Operation::new("Commands", "getCommand", "How a command stands")
        .describe(
            "Poll it after `Retry-After`, hold it with `Prefer: wait=N`, or ask for `text/event-stream`: each change \
             is an event named `status` with an `id`, and the stream ends after the settled one; whoever comes back \
             with the settled one's id is answered with 204, so that an EventSource ends.\n\n\
             A command that succeeded and left a resource is answered with 303 to that resource. A client that \
             follows redirects then holds the resource and not a command's status: one with types of its own passes \
             `redirect=false` (or `Prefer: redirect=no`) and gets 200 with the status, whatever it is.",
        )
        .takes([
            Parameter::command_id(),
            redirect,
            prefer,
            last_event_id,
            Parameter::if_none_match(),
        ])
        .answers(
            Answer::new(200, "Open, failed, cancelled, or succeeded without a resource.")
                .carrying(&["Retry-After", "ETag", "Preference-Applied"])
                .json::<CommandStatus<'static>>()
                .example("waiting", door::open("pending"))
                .example("done", json!({}))
                .example("failed", failed)
                .text(Media::EventStream.name(), "id: 1-0\nevent: status\ndata: {…}\n\n"),
        )
        .answers(
            Answer::new(303, "Succeeded: the resource is at `Location`.")
                .carrying(&["Location", "Preference-Applied"])
                .json::<CommandStatus<'static>>()
                .example("done", json!({})),
        )
        .answers(Answer::new(204, "To a stream: the client has the settled status already."))
        .answers(Answer::new(304, "It is still what the client has.").carrying(&["ETag", "Retry-After"]))
        .reads_store(&["invalid-header", "not-found", "command-expired"]);
    Route::get("/v1/commands/{id}", get, operation)
}

/// Finds a command of the caller's tenant, or says why not.
pub(super) async fn find(engine: &Engine, caller: &Caller, id: Uuid) -> Result<Arc<Command>, Refusal> {
    match engine.find(caller, id).await? {
        Found::Command(command) => Ok(command),
        Found::Expired => Err(expired()),
        Found::Unknown => Err(unknown()),
    }
}

pub(super) fn unknown() -> Refusal {
    Refusal::not_found("there is no such command")
}

fn expired() -> Refusal {
    let detail = "the command was settled longer ago than statuses are kept";
    Refusal::new("command-expired", StatusCode::GONE, detail)
}

async fn get(call: Call) -> Result<Response, Refusal> {
    let media = call.accept(&[Media::Json, Media::EventStream])?;
    let query = call.query(&["redirect"])?;
    let redirect = query.parsed("redirect", "true or false")?.unwrap_or(!headers::stays(call.headers()));
    let engine = call.engine();
    let mut command = find(engine, call.caller(), call.command_id()?).await?;
    if media == Media::EventStream {
        return command_stream::answer(&call, command);
    }
    let wait = headers::wait(call.headers());
    if let Some(wait) = wait {
        command = door::settled(engine, command, wait).await?;
    }
    let details = engine.details_of(&command).await?;
    let mut response = shown(&call, &command, details, redirect)?;
    if let Some(wait) = wait {
        response.headers_mut().insert(PREFERENCE_APPLIED, wait.applied());
    }
    Ok(answer::varies(response, "accept, prefer"))
}

fn shown(
    call: &Call,
    command: &Command,
    details: Option<Details>,
    redirect: bool,
) -> Result<Response, Refusal> {
    let engine = call.engine();
    let status = call.base().status(engine, command).detailed(details);
    let body = serde_json::to_vec(&status)?;
    let tag = written_tag(command, &status);
    if let Some(resource) = status.resource.filter(|_| redirect) {
        let mut response = raw_json(StatusCode::SEE_OTHER, body);
        set(response.headers_mut(), header::LOCATION, resource);
        return Ok(response);
    }
    let mut response = tagged(call.headers(), &tag, body);
    if !status.status.is_settled() {
        let seconds = door::retry_after(engine, command, engine.now());
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

/// The entity tag of a command's status.
pub(super) fn tag(command: &Command, now: DateTime<Utc>) -> Option<Tag> {
    let position = command_stream::position(command, Phase::of(command, now));
    Tag::read(&format!("W/\"{position}\""))
}

/// Weak: two estimates of when an open command will be settled mean the same.
fn written_tag(command: &Command, status: &CommandStatus<'_>) -> String {
    let position = command_stream::position(command, status.status);
    let blocked = if status.blocked.is_some() { "-blocked" } else { "" };
    let step = command_stream::step(status).map_or_else(String::new, |step| format!("-{step}"));
    format!("W/\"{position}{blocked}{step}\"")
}
