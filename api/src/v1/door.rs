//! What all ways to make a command have in common.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wilco_application::catalog::CommandType;
use wilco_application::engine::{Engine, Submission, Submitted};
use wilco_application::pace::seconds_until;
use wilco_application::ports::{AggregateKey, Command, State};
use wilco_application::status::{CommandStatus, path_of, resource_of};
use wilco_domain::kernel::{AggregateId, Caller, Effect};

use crate::header_names::{IDEMPOTENCY_REPLAYED, OPERATION_LOCATION, PREFERENCE_APPLIED};
use crate::http::answer::{raw_json, set};
use crate::http::headers::{self, Wait};
use crate::http::{BasePath, Call, Preconditions, Tag};
use crate::openapi::{Answer, Operation, Parameter};
use crate::problems::Refusal;

const TRUE: HeaderValue = HeaderValue::from_static("true");

/// What the head of a request says about the command it makes.
pub(super) struct Wishes {
    pub(super) caller: Caller,
    pub(super) idempotency_key: Option<String>,
    pub(super) callback_url: Option<String>,
    pub(super) preconditions: Option<Preconditions>,
    pub(super) traceparent: Option<String>,
    pub(super) wait: Option<Wait>,
}

impl Wishes {
    pub(super) fn of(call: &Call) -> Result<Self, Refusal> {
        let request = call.headers();
        Ok(Self {
            caller: call.caller().clone(),
            idempotency_key: headers::idempotency_key(request)?,
            callback_url: headers::callback_url(request)?,
            preconditions: Preconditions::of(request)?,
            traceparent: headers::traceparent(request),
            wait: headers::wait(request),
        })
    }

    /// The submission of a command with these headers and nothing else. Its preconditions are
    /// [demanded](Self::demand) when the rest of it is known.
    pub(super) fn submission(
        &mut self,
        command_type: Arc<CommandType>,
        target: Option<AggregateId>,
        data: Value,
        fingerprint: [u8; 16],
    ) -> Submission {
        Submission {
            target,
            idempotency_key: self.idempotency_key.take(),
            callback_url: self.callback_url.take(),
            fingerprint,
            traceparent: self.traceparent.take(),
            ..Submission::new(self.caller.clone(), command_type, data)
        }
    }

    /// Has the submission fail unless the preconditions hold. They are judged when the command is applied: where they
    /// leave a choice of versions, it is the present one that they are judged by, and that has to last.
    pub(super) async fn demand(&self, engine: &Engine, submission: &mut Submission) -> Result<(), Refusal> {
        let Some(preconditions) = &self.preconditions else { return Ok(()) };
        let mut version = preconditions.version();
        if version.is_none() {
            let present = present_version(engine, submission).await?;
            preconditions.hold(present.map(Tag::of_version).as_ref())?;
            version = preconditions.name_versions().then_some(present.unwrap_or(0));
        }
        submission.expected_version = submission.expected_version.or(version);
        if preconditions.exclude() && submission.idempotency_key.is_none() {
            // It is not to be taken for the earlier request that made what must not be there.
            submission.idempotency_key = Some(format!("conditional {}", engine.new_id()));
        }
        Ok(())
    }
}

/// The version of a submission's aggregate, where there is or was one.
async fn present_version(engine: &Engine, submission: &Submission) -> Result<Option<i64>, Refusal> {
    let Some(target) = &submission.target else { return Ok(None) };
    let aggregate_type = submission.command_type.aggregate();
    let key = AggregateKey::new(&submission.caller.tenant, aggregate_type, target.as_str());
    Ok(engine.queries().resource(&key).await?.map(|view| view.version))
}

/// Answers for a command that was accepted: at once, or when it is settled, as the client prefers.
pub(super) async fn answer(
    engine: &Engine,
    base: &BasePath,
    submitted: Submitted,
    wait: Option<Wait>,
) -> Result<Response, Refusal> {
    let Submitted { mut command, outcome, replayed } = submitted;
    if let Some(wait) = wait {
        command = match outcome {
            Some(outcome) => outcome,
            None => settled(engine, command, wait).await?,
        };
    }
    let mut response = match (wait, command.state()) {
        (None, _) | (_, State::Open | State::Running) => accepted(engine, base, &command).await?,
        (_, State::Succeeded) => succeeded(engine, base, &command)?,
        (_, State::Failed | State::Cancelled) => failed(base, &command),
    };
    if replayed {
        response.headers_mut().insert(IDEMPOTENCY_REPLAYED, TRUE);
    }
    if let Some(wait) = wait {
        response.headers_mut().insert(PREFERENCE_APPLIED, wait.applied());
    }
    Ok(response)
}

/// Waits for a command as long as its client wants, or until the server stops.
pub(super) async fn settled(
    engine: &Engine,
    command: Arc<Command>,
    wait: Wait,
) -> Result<Arc<Command>, Refusal> {
    tokio::select! {
        settled = engine.settled(Arc::clone(&command), wait.patience()) => Ok(settled?),
        () = engine.closed() => Ok(command),
    }
}

/// 202: it is durably stored.
async fn accepted(engine: &Engine, base: &BasePath, command: &Command) -> Result<Response, Refusal> {
    let now = engine.now();
    let status = base.status(engine, command).detailed(engine.details_of(command).await?);
    let body = serde_json::to_vec(&status)?;
    let mut response = raw_json(StatusCode::ACCEPTED, body);
    let location = base.path(path_of(command.id));
    let headers = response.headers_mut();
    headers.reserve(12);
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(OPERATION_LOCATION, location.clone());
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after(engine, command, now)));
    Ok(response)
}

/// Whole seconds until it is worth to ask again.
pub(super) fn retry_after(engine: &Engine, command: &Command, now: DateTime<Utc>) -> u64 {
    if command.state() != State::Open {
        return 1;
    }
    match command.not_before.filter(|due| *due > now) {
        Some(due) => seconds_until(due, now),
        None => engine.pace().retry_after(now),
    }
}

/// 201 with the resource's path for a creating command, 200 for another.
fn succeeded(engine: &Engine, base: &BasePath, command: &Command) -> Result<Response, Refusal> {
    let body = serde_json::to_vec(&base.status(engine, command))?;
    let creates = engine
        .catalog()
        .command(&command.command_type)
        .is_some_and(|command_type| command_type.effect() == Effect::Creates);
    let mut response = raw_json(if creates { StatusCode::CREATED } else { StatusCode::OK }, body);
    let headers = response.headers_mut();
    set(headers, header::CONTENT_LOCATION, base.path(path_of(command.id)));
    if let Some(resource) = resource_of(command, engine.catalog()).filter(|_| creates) {
        set(headers, header::LOCATION, base.path(resource));
    }
    Ok(response)
}

/// The status that the command's problem corresponds to, and the problem.
fn failed(base: &BasePath, command: &Command) -> Response {
    let error = command.settlement.as_ref().and_then(|settlement| settlement.error.clone());
    let refusal = error.map_or_else(Refusal::internal, Refusal::of);
    let mut response = refusal.into_response();
    set(response.headers_mut(), header::CONTENT_LOCATION, base.path(path_of(command.id)));
    response
}

/// What is said of every operation that makes a command with such effects.
pub(super) fn described(operation: Operation, effects: &[Effect]) -> Operation {
    let headers = [
        Parameter::idempotency_key(operation.id()),
        Parameter::callback_url(),
        Parameter::prefer(),
        Parameter::traceparent(),
    ];
    let mut operation = operation.takes(headers).answers(described_acceptance());
    if effects.contains(&Effect::Creates) {
        let answer = Answer::new(201, "With `Prefer: wait`: it made the resource at `Location`.")
            .carrying(&["Location", "Content-Location", "Preference-Applied", "Idempotency-Replayed"])
            .shared("Made");
        operation = operation.answers(answer.json::<CommandStatus<'static>>().example("made", json!({})));
    }
    if effects.iter().any(|effect| *effect != Effect::Creates) {
        let answer = Answer::new(200, "With `Prefer: wait`: it succeeded.")
            .carrying(&["Content-Location", "Preference-Applied", "Idempotency-Replayed"])
            .shared("Succeeded");
        let change = json!({ "type": "pet.reserve", "version": 2 });
        operation = operation.answers(answer.json::<CommandStatus<'static>>().example("succeeded", change));
    }
    operation.reads_store(PROBLEMS)
}

/// What any command may be refused with, or fail with.
const PROBLEMS: &[&str] = &[
    "invalid-request",
    "invalid-header",
    "cross-site",
    "request-timeout",
    "cancelled",
    "gone",
    "version-conflict",
    "too-large",
    "unsupported-media-type",
    "unsupported-content-coding",
    "idempotency-key-reused",
    "backlog-full",
    "not-configured",
    "shutting-down",
];

fn described_acceptance() -> Answer {
    const HEADERS: &[&str] =
        &["Location", "Operation-Location", "Retry-After", "Idempotency-Replayed", "Preference-Applied"];
    Answer::new(202, "Durably stored; it is settled later.")
        .carrying(HEADERS)
        .shared("Accepted")
        .json::<CommandStatus<'static>>()
        .example("pending", open("pending"))
}

/// In what the status of an open command differs from that of a succeeded one.
pub(super) fn open(phase: &str) -> Value {
    json!({
        "status": phase, "settled_at": null, "eta": "2026-01-01T09:00:00.010000Z", "attempts": 0, "version": null,
        "resource": null,
    })
}
