//! The status of a command as server-sent events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures::stream;
use wilco_application::engine::Engine;
use wilco_application::ports::Command;
use wilco_application::status::{CommandStatus, Phase};

use crate::header_names::LAST_EVENT_ID;
use crate::http::{AppState, BasePath, Call, OpenStream, answer, single};
use crate::problems::Refusal;

/// What is sent when there is nothing to say.
const STILL_HERE: Bytes = Bytes::from_static(b": still here\n\n");
/// How often a running command is looked at.
const STEPS: Duration = Duration::from_millis(500);

struct Watch {
    state: AppState,
    base: BasePath,
    command: Arc<Command>,
    /// What was told last; nothing yet.
    told: Option<(Phase, Option<u32>)>,
    _open: OpenStream,
}

/// Streams each change of the command's status; ends after the settled one. A client that has that one already is told
/// that there is no more, which ends an `EventSource`: it would connect again for ever.
pub(super) fn answer(call: &Call, command: Arc<Command>) -> Result<Response, Refusal> {
    let phase = Phase::of(&command, call.engine().now());
    let seen = single(call.headers(), &LAST_EVENT_ID)?;
    let told = (seen == Some(position(&command, phase).as_str())).then_some((phase, None));
    let response = if told.is_some_and(|(phase, _)| phase.is_settled()) {
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
    let until = Instant::now() + watch.state.silence();
    loop {
        if let Some((told, _)) = watch.told {
            if told.is_settled() {
                return Ok(None);
            }
            let left = until.saturating_duration_since(Instant::now());
            // How far it is nobody tells of: it is looked at now and then.
            let patience = if told == Phase::Running { left.min(STEPS) } else { left };
            let changed = engine.next_phase(Arc::clone(&watch.command), told, patience);
            tokio::select! {
                changed = changed => watch.command = changed?,
                () = engine.closed() => return Ok(None),
            }
        }
        if let Some(event) = watch.news(&engine).await? {
            return Ok(Some((event, watch)));
        }
        if Instant::now() >= until {
            return Ok(Some((STILL_HERE, watch)));
        }
    }
}

impl Watch {
    /// The event that tells how the command stands, if that was not told yet.
    async fn news(&mut self, engine: &Engine) -> Result<Option<Bytes>, axum::BoxError> {
        let phase = Phase::of(&self.command, engine.now());
        let details = engine.details_of(&self.command).await?;
        let status = self.base.status(engine, &self.command).detailed(details);
        let now = (phase, step(&status));
        if self.told == Some(now) {
            return Ok(None);
        }
        let id = position(&self.command, phase);
        let mut event = format!("id: {id}\nevent: status\ndata: ").into_bytes();
        serde_json::to_writer(&mut event, &status)?;
        event.extend_from_slice(b"\n\n");
        self.told = Some(now);
        Ok(Some(Bytes::from(event)))
    }
}

/// How far a command is that is running: steps of a process, or attempts at an activity.
pub(super) fn step(status: &CommandStatus<'_>) -> Option<u32> {
    let attempts = (status.status == Phase::Running && status.attempts > 0).then_some(status.attempts);
    status.progress.as_ref().map(|progress| progress.done).or(attempts)
}

/// What tells one status of a command from another.
pub(super) fn position(command: &Command, phase: Phase) -> String {
    let at = command.settlement.as_ref().map_or(0, |settlement| settlement.at.timestamp_micros());
    format!("{}-{at}", phase as u8)
}
