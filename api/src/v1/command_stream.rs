//! The status of a command as server-sent events.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::stream;
use wilco_application::ports::Command;
use wilco_application::status::Phase;

use crate::header_names::LAST_EVENT_ID;
use crate::http::{AppState, BasePath, Call, OpenStream, answer, single};
use crate::problems::Refusal;

/// What is sent when there is nothing to say.
const STILL_HERE: Bytes = Bytes::from_static(b": still here\n\n");

struct Watch {
    state: AppState,
    base: BasePath,
    command: Arc<Command>,
    /// What was told last; nothing yet.
    told: Option<Phase>,
    _open: OpenStream,
}

/// Streams each change of the command's status; ends after the settled one. A client that has that one already is told
/// that there is no more, which ends an `EventSource`: it would connect again for ever.
pub(super) fn answer(call: &Call, command: Arc<Command>) -> Result<Response, Refusal> {
    let phase = Phase::of(&command, call.engine().now());
    let seen = single(call.headers(), &LAST_EVENT_ID)?;
    let told = (seen == Some(position(&command, phase).as_str())).then_some(phase);
    let response = if told.is_some_and(Phase::is_settled) {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let (state, base) = (call.state.clone(), call.base());
        let watch = Watch { state, base, command, told, _open: OpenStream::new() };
        answer::event_stream(stream::try_unfold(watch, next))
    };
    Ok(answer::varies(response, "accept"))
}

async fn next(mut watch: Watch) -> Result<Option<(Bytes, Watch)>, axum::BoxError> {
    let engine = Arc::clone(watch.state.engine());
    if let Some(told) = watch.told {
        if told.is_settled() {
            return Ok(None);
        }
        let changed = engine.next_phase(Arc::clone(&watch.command), told, watch.state.silence());
        tokio::select! {
            changed = changed => watch.command = changed?,
            () = engine.closed() => return Ok(None),
        }
    }
    let phase = Phase::of(&watch.command, engine.now());
    if watch.told == Some(phase) {
        return Ok(Some((STILL_HERE, watch)));
    }
    watch.told = Some(phase);
    let id = position(&watch.command, phase);
    let mut event = format!("id: {id}\nevent: status\ndata: ").into_bytes();
    serde_json::to_writer(&mut event, &watch.base.status(&engine, &watch.command))?;
    event.extend_from_slice(b"\n\n");
    Ok(Some((Bytes::from(event), watch)))
}

/// What tells one status of a command from another.
pub(super) fn position(command: &Command, phase: Phase) -> String {
    let at = command.settlement.as_ref().map_or(0, |settlement| settlement.at.timestamp_micros());
    format!("{}-{at}", phase as u8)
}
