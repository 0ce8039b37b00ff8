//! Many commands at once, an envelope a line.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;
use wilco_application::engine::Submission;
use wilco_application::status::path_of;
use wilco_domain::kernel::{Caller, Problem};

use super::door::Wishes;
use super::envelope::{self, Described};
use crate::header_names::{CALLBACK_URL, IDEMPOTENCY_KEY};
use crate::http::answer::NDJSON;
use crate::http::headers;
use crate::http::json::{in_utf8, parse as parse_json};
use crate::http::{AppState, BasePath, Call, Content, Media};
use crate::openapi::{Answer, Operation, Route};
use crate::problems::Refusal;

const PATH: &str = "/v1/commands/batch";
/// What some editors write before the first line.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Lines that are submitted together.
const CHUNK: usize = 500;

/// Two lines that may be sent.
const LINES: &str = "{\"type\":\"car.repaint\",\"target\":\"car-42\",\"data\":{\"colour\":\"blue\"}}\n\
    {\"type\":\"car.retire\",\"target\":\"car-42\"}\n";
/// What may be answered to two lines.
const ANSWERS: &str = "{\"status\":202,\"id\":\"018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e\",\
    \"location\":\"/v1/commands/018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e\"}\n\
    {\"status\":404,\"problem\":{\"type\":\"/problems/unknown-command-type\",\"title\":\"Unknown command type\",\
    \"status\":404,\"detail\":\"no command of type \\\"car.paint\\\" is registered\"}}\n";

/// Who sends the lines, and as part of which trace.
#[derive(Clone)]
struct Sender {
    caller: Caller,
    traceparent: Option<String>,
}

/// What became of a line.
#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    /// It was durably stored.
    Accepted {
        /// 202
        status: u16,
        /// The command's id.
        id: Uuid,
        /// The command's status.
        location: String,
    },
    /// It was refused.
    Refused {
        /// The problem's status.
        status: u16,
        /// Why.
        problem: Box<Problem>,
    },
}

pub(super) fn route() -> Route {
    let operation = Operation::new("Commands", "submitCommands", "Make many commands, an envelope a line")
        .describe(
            "The answer has a line for each line, in the same order, and is sent while the lines are stored. Empty \
             lines are passed over. A bad line harms no other. Give each envelope an `id` to make it safe to send the \
             batch again; an Idempotency-Key for the whole is refused. `application/ndjson` and `application/jsonl` \
             are taken for the same.\n\nA line that was stored is answered with `{\"status\": 202, \"id\": …, \
             \"location\": …}`, one that was refused with `{\"status\": 4xx or 5xx, \"problem\": {…}}`.",
        )
        .body(Media::NdJson.name(), true, |schemas| {
            let line = schemas.sent::<Described>();
            json!({
                "type": "string", "minLength": 1, "contentMediaType": Media::NdJson.name(), "contentSchema": line,
                "examples": [LINES],
            })
        })
        .answers(Answer::new(200, "What became of each line.").text(Media::NdJson.name(), ANSWERS))
        .reads(&[
            "invalid-header",
            "cross-site",
            "request-timeout",
            "too-large",
            "unsupported-media-type",
            "unsupported-content-coding",
            "shutting-down",
        ]);
    Route::post(PATH, submit, operation)
}

fn is_ndjson(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let names = ["application/x-ndjson", "application/ndjson", "application/jsonl"];
    names.contains(&essence.as_str()) && in_utf8(parts)
}

async fn submit(call: Call) -> Result<Response, Refusal> {
    call.accept(&[Media::NdJson])?;
    call.query(&[])?;
    if call.headers().contains_key(IDEMPOTENCY_KEY) {
        return Err(Refusal::header(&IDEMPOTENCY_KEY, "not for a batch: give each envelope an id"));
    }
    if headers::callback_url(call.headers())?.is_some() {
        let instead = "of each command on its own: say callback_url in its envelope";
        return Err(Refusal::header(&CALLBACK_URL, instead));
    }
    let (base, state, caller) = (call.base(), call.state.clone(), call.caller().clone());
    if state.engine().is_closing() {
        return Err(Refusal::stopping());
    }
    let traceparent = headers::traceparent(call.headers());
    let limit = state.settings().batch_limit;
    let mut rest = match call.content(limit, is_ndjson, "application/x-ndjson").await? {
        Content::Given(bytes) => bytes,
        Content::Empty => return Err(Refusal::malformed("a body is needed")),
    };
    if rest.starts_with(BYTE_ORDER_MARK) {
        drop(rest.split_to(BYTE_ORDER_MARK.len()));
    }
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(work_off(state, base, rest, Sender { caller, traceparent }, sender));
    let next = |mut answers: mpsc::Receiver<Bytes>| async {
        answers.recv().await.map(|text| (Ok::<_, Infallible>(text), answers))
    };
    let mut response = Body::from_stream(futures::stream::unfold(receiver, next)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, NDJSON);
    Ok(response)
}

/// Submits chunk after chunk. The next one is submitted when the answers of the last are on their way, so that what
/// waits is bounded; a client that does not stay to hear of it has its lines stored all the same.
async fn work_off(
    state: AppState,
    base: BasePath,
    mut rest: Bytes,
    sender: Sender,
    answered: mpsc::Sender<Bytes>,
) {
    loop {
        let lines = chunk(&mut rest);
        if lines.is_empty() {
            return;
        }
        let answers = answers(&state, &base, lines, &sender).await;
        let _ = answered.send(answers).await;
    }
}

/// Takes the next lines that are not empty.
fn chunk(rest: &mut Bytes) -> Vec<Bytes> {
    let mut lines = Vec::new();
    while lines.len() < CHUNK && !rest.is_empty() {
        let end = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
        let line = rest.split_to(end);
        if !line.trim_ascii().is_empty() {
            lines.push(line);
        }
    }
    lines
}

/// Submits the good lines of a chunk together; answers each line.
async fn answers(state: &AppState, base: &BasePath, lines: Vec<Bytes>, sender: &Sender) -> Bytes {
    let mut good = Vec::with_capacity(lines.len());
    let parsed: Vec<Result<(), Refusal>> =
        lines.iter().map(|line| parse(state, line, sender).map(|submission| good.push(submission))).collect();
    let mut submitted = state.engine().submit_all(good).await.into_iter();
    let mut text = Vec::new();
    for one in parsed {
        let outcome = match one {
            Err(refusal) => Err(refusal),
            Ok(()) => match submitted.next() {
                Some(Ok(submitted)) => Ok(submitted.command.id),
                Some(Err(error)) => Err(Refusal::of_submission(error, "/data")),
                None => Err(Refusal::internal()),
            },
        };
        let line = match outcome {
            Ok(id) => Line::Accepted { status: 202, id, location: base.path(path_of(id)) },
            Err(refusal) => refused(refusal),
        };
        if serde_json::to_writer(&mut text, &line).is_ok() {
            text.push(b'\n');
        }
    }
    Bytes::from(text)
}

fn refused(refusal: Refusal) -> Line {
    let problem = refusal.into_problem().at(PATH);
    Line::Refused { status: problem.status, problem: Box::new(problem) }
}

fn parse(state: &AppState, line: &[u8], sender: &Sender) -> Result<Submission, Refusal> {
    let limit = state.settings().body_limit;
    if line.len() > limit {
        return Err(Refusal::too_large(limit));
    }
    let Sender { caller, traceparent } = sender.clone();
    let mut wishes = Wishes {
        caller,
        idempotency_key: None,
        callback_url: None,
        preconditions: None,
        traceparent,
        wait: None,
    };
    envelope::submission(state.engine().catalog(), parse_json(line)?, &mut wishes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_line_feeds_and_empty_ones_are_passed_over() {
        let mut rest = Bytes::from_static(b"a\r\n\n  \nb\nc");
        assert_eq!(chunk(&mut rest), ["a\r\n", "b\n", "c"]);
        assert!(chunk(&mut rest).is_empty());
    }
}
