use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use wilco_application::engine::{CancelError, RetryError, RetrySubmission, Submission};
use wilco_application::status::CommandStatus;
use wilco_domain::kernel::{Effect, Problem};

use super::command_status::{find, tag, unknown};
use super::door::{self, Wishes};
use crate::http::{Call, Preconditions, answer};
use crate::modules::Modules;
use crate::openapi::{Answer, Operation, Parameter, Route};
use crate::problems::Refusal;

pub(super) fn cancel_route() -> Route {
    let cancelled = json!({
        "status": "cancelled", "attempts": 0, "version": null, "resource": null,
        "error": Problem::new("cancelled", 409, "the command was cancelled"),
    });
    let operation =
        Operation::new("Commands", "cancelCommand", "Take back a command that was not applied yet")
            .describe("One that is settled already is refused with `command-settled`, one that a process works on with `command-running`.")
            .takes([Parameter::command_id(), Parameter::if_match()])
            .answers(
                Answer::new(200, "It is cancelled.")
                    .json::<CommandStatus<'static>>()
                    .example("taken-back", cancelled),
            )
            .reads_store(&[
                "invalid-header",
                "cross-site",
                "not-found",
                "command-settled",
                "command-running",
                "command-expired",
                "version-conflict",
            ]);
    Route::delete("/v1/commands/{id}", cancel, operation)
}

pub(super) fn retry_route(modules: &Modules) -> Route {
    let operation = Operation::new("Commands", "retryCommand", "Make a new command of a failed one")
        .describe(
            "The new one is `caused_by` the failed one, and demands the same version of its aggregate, if that one \
             did. No body is needed.",
        )
        .takes([Parameter::command_id()]);
    let operation = door::described(operation, &[Effect::Creates, Effect::Changes])
        .refuses(&["not-found", "command-not-failed", "command-expired", "rule-violated"])
        .refuses(modules.failures());
    Route::post("/v1/commands/{id}/retry", retry, operation)
}

async fn cancel(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    call.query(&[])?;
    let (engine, id) = (call.engine(), call.command_id()?);
    let command = find(engine, call.caller(), id).await?;
    if let Some(preconditions) = Preconditions::of(call.headers())? {
        preconditions.hold(tag(&command, engine.now()).as_ref())?;
    }
    match engine.cancel(call.caller(), id).await {
        Ok(command) => answer::json(&call.base().status(engine, &command)),
        Err(CancelError::Unknown) => Err(unknown()),
        Err(CancelError::Settled) => {
            Err(Refusal::new("command-settled", StatusCode::CONFLICT, "the command is settled"))
        }
        Err(CancelError::Running) => {
            let detail = "the command is in the hands of a process, or asks a third party";
            Err(Refusal::new("command-running", StatusCode::CONFLICT, detail))
        }
        Err(CancelError::Store(error)) => Err(error.into()),
    }
}

async fn retry(call: Call) -> Result<Response, Refusal> {
    call.accepts_json()?;
    call.query(&[])?;
    let id = call.command_id()?;
    let Wishes { caller, idempotency_key, traceparent, wait, .. } = Wishes::of(&call)?;
    let path = format!("/v1/commands/{id}/retry");
    let (base, state) = (call.base(), call.state.clone());
    let body = call.optional_json().await?.unwrap_or_else(|| Value::Object(Map::new()));
    if body.as_object().is_none_or(|members| !members.is_empty()) {
        return Err(Refusal::member("", "not an object without members"));
    }
    let engine = state.engine();
    find(engine, &caller, id).await?;
    let fingerprint = Submission::fingerprint("POST", &path, &body);
    let submission = RetrySubmission { idempotency_key, fingerprint, traceparent };
    match engine.retry(&caller, id, submission).await {
        Ok(submitted) => door::answer(engine, &base, submitted, wait).await,
        Err(RetryError::Unknown) => Err(unknown()),
        Err(RetryError::NotByHand) => {
            let detail = "only the process that asked for it may have it tried again";
            Err(Refusal::new("rule-violated", StatusCode::CONFLICT, detail))
        }
        Err(RetryError::NotFailed) => {
            let detail = "only a failed command can be retried";
            Err(Refusal::new("command-not-failed", StatusCode::CONFLICT, detail))
        }
        Err(RetryError::Refused(error)) => Err(Refusal::of_submission(error, "/data")),
        Err(RetryError::Store(error)) => Err(error.into()),
    }
}
