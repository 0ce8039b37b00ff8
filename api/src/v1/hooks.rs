//! Messages of third parties, signed as Standard Webhooks say.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use wilco_application::engine::{HookError, Signed};
use wilco_application::webhook::{ID, SIGNATURE, TIMESTAMP};

use crate::http::Call;
use crate::modules::Modules;
use crate::openapi::{Answer, Operation, Parameter, Route};
use crate::problems::Refusal;

/// Most bytes of a message.
const LIMIT: usize = 256 << 10;
/// RFC 9110 wants one with every 401; Standard Webhooks have no name for it.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Webhook");

pub(super) fn route(modules: &Modules) -> Route {
    let sources: Vec<&str> = modules.catalog().hooks().map(|hook| hook.source).collect();
    let source = json!({ "type": "string", "pattern": "^[a-z0-9-]+$", "maxLength": 64 });
    let example = json!(sources.first().copied().unwrap_or("source"));
    let text = |example: &str| json!({ "type": "string", "minLength": 1, "examples": [example] });
    let operation = Operation::new("Hooks", "takeMessage", "Take a message of a third party")
        .describe(
            "Signed as Standard Webhooks say, over the bytes of the body, with one of the secrets that are set for the \
             source. The same `webhook-id` again is the same message, whatever it says then. A message about something \
             that does not exist yet waits for it for a day.",
        )
        .takes([
            Parameter::path("source", "Who sends it.", source, example),
            Parameter::header(ID, "Names the message.", text("msg_1")).needed(),
            Parameter::header(TIMESTAMP, "When it was sent, in seconds since 1970; at most five minutes from now.", text("1767258000"))
                .needed(),
            Parameter::header(SIGNATURE, "One signature or several, separated by blanks.", text("v1,c2lnbmF0dXJl")).needed(),
        ])
        .body("application/json", true, |_| json!({ "type": "object", "additionalProperties": true }))
        .answers(Answer::new(204, "What it means is durable."))
        .reads_store(&["invalid-request", "malformed", "request-timeout", "too-large", "unauthenticated", "cross-site", "backlog-full", "shutting-down"]);
    Route::post("/v1/hooks/{source}", take, operation)
}

async fn take(call: Call) -> Result<Response, Refusal> {
    let source = call.segment(3);
    let (headers, state) = (call.headers().clone(), call.state.clone());
    let body = call.raw(LIMIT).await?;
    let [id, timestamp, signatures] = [ID, TIMESTAMP, SIGNATURE].map(|name| text(&headers, name));
    let message = Signed { id, timestamp, signatures, body: &body };
    match state.engine().hear(&source, message).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(HookError::Unauthentic) => Err(unauthenticated()),
        Err(HookError::NotUnderstood(why)) => Err(Refusal::member(why.pointer, why.detail)),
        Err(HookError::Submit(error)) => Err(Refusal::of_submission(error, "")),
    }
}

/// What a header says; one that is not there, or is no text, says nothing, and is signed by nobody.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// 401: the same whatever is wrong.
fn unauthenticated() -> Refusal {
    let detail = "the message is not from a source that is known here";
    Refusal::new("unauthenticated", StatusCode::UNAUTHORIZED, detail)
        .with(header::WWW_AUTHENTICATE, CHALLENGE)
}
