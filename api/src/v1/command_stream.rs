//! The status of a command as server-sent events.

use std::sync::Arc;

use axum::body::Bytes;
use axum::response::Response;
use futures::stream;
use wilco_application::ports::Command;
use wilco_application::status::Phase;

use crate::http::{AppState, OpenStream, answer};

/// What is sent when there is nothing to say.
const STILL_HERE: Bytes = Bytes::from_static(b": still here\n\n");

struct Watch {
    state: AppState,
    command: Arc<Command>,
    /// What was told last; nothing yet.
    told: Option<Phase>,
    _open: OpenStream,
}

/// Streams each change of the command's status; ends after the settled one.
pub(super) fn answer(state: &AppState, command: Arc<Command>) -> Response {
    let watch = Watch { state: state.clone(), command, told: None, _open: OpenStream::new() };
    answer::event_stream(stream::try_unfold(watch, next))
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
    let mut event = b"event: status\ndata: ".to_vec();
    serde_json::to_writer(&mut event, &engine.status(&watch.command))?;
    event.extend_from_slice(b"\n\n");
    Ok(Some((Bytes::from(event), watch)))
}
