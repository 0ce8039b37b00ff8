//! Accepts commands, many at a time.
//!
//! A command can go two ways. Where a lane can apply it right away it is handed over unstored (*fresh*), and the
//! lane stores and settles it in one commit. Otherwise it is stored here first, together with all that wait: while
//! one write is in flight the next batch gathers, without any timer, so that under load the batches grow and the
//! cost of a durable write is shared.
//!
//! What must hold: a reply is sent only after the store said that the command is durable. Handing a stored command
//! to the worker afterwards is a mere optimisation; a worker also finds it in the registry.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{mpsc, oneshot};
use tracing::Span;

use crate::acceptance::{Acceptance, Answer, Fresh, IntakeError, MAX_BATCH};
use crate::names;
use crate::parts::Parts;
use crate::ports::{Clock, Command, Waiting};
use crate::worker::Router;

/// Most bytes of command data in one write, beyond the first command.
const MAX_BATCH_BYTES: usize = 4 << 20;
/// Commands that may wait for a write.
const QUEUE: usize = 4096;

/// A command on its way to the intake, with the span of its acceptance.
type Arriving = (Command, Span, oneshot::Sender<Answer>);

/// The entrance to the intake.
#[derive(Clone)]
pub(crate) struct Intake {
    sender: mpsc::Sender<Arriving>,
}

/// The loop behind the entrance.
pub(crate) struct IntakeLoop {
    receiver: mpsc::Receiver<Arriving>,
    acceptance: Acceptance,
    router: Router,
    clock: Arc<dyn Clock>,
    latest: DateTime<Utc>,
}

impl Intake {
    pub(crate) fn new(parts: &Parts, router: Router) -> (Self, IntakeLoop) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let acceptance = Acceptance::new(parts);
        let clock = Arc::clone(&parts.clock);
        (Self { sender }, IntakeLoop { receiver, acceptance, router, clock, latest: DateTime::UNIX_EPOCH })
    }

    /// Stores `command` (its `accepted_at` is set here) and says what became of it.
    pub(crate) async fn accept(&self, command: Command) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.sender.try_send((command, Span::current(), reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => IntakeError::Full,
            mpsc::error::TrySendError::Closed(_) => IntakeError::Stopping,
        })?;
        answer.await.unwrap_or(Err(IntakeError::Stopping))
    }

    /// Stores many at once; waits for room instead of refusing.
    pub(crate) async fn accept_all(&self, commands: Vec<Command>) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            let (reply, answer) = oneshot::channel();
            let sent = self.sender.send((command, Span::current(), reply)).await;
            answers.push(sent.map(|()| answer));
        }
        let settle = |answer: Result<oneshot::Receiver<_>, _>| async {
            match answer {
                Ok(answer) => answer.await.unwrap_or(Err(IntakeError::Stopping)),
                Err(_) => Err(IntakeError::Stopping),
            }
        };
        futures::future::join_all(answers.into_iter().map(settle)).await
    }
}

impl IntakeLoop {
    /// Runs until every entrance is dropped.
    pub(crate) async fn run(mut self) {
        while let Some(first) = self.receiver.recv().await {
            let fresh = self.gather(first);
            let rest = self.router.hand_over(fresh);
            if !rest.is_empty() {
                let new = self.acceptance.accept(rest).await;
                self.router.offer(new);
            }
        }
    }

    /// The first command always, then what waits already, bounded by count and bytes.
    fn gather(&mut self, first: Arriving) -> Vec<Fresh> {
        let mut gathered = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some((mut command, span, reply)) = next {
            // Order of acceptance is order in time, so no two commands of this replica share an instant.
            self.latest = self.clock.now().max(self.latest + TimeDelta::microseconds(1));
            command.accepted_at = self.latest;
            bytes += command.data.len();
            gathered.push(Fresh::new(Arc::new(command), span, reply));
            let room = gathered.len() < MAX_BATCH && bytes < MAX_BATCH_BYTES;
            next = if room { self.receiver.try_recv().ok() } else { None };
        }
        gathered
    }
}

/// Counts the backlog anew now and then: what other replicas accept and settle is not seen otherwise. Between that it
/// shows how things stand.
pub(crate) async fn count_backlog(parts: Parts) {
    const EVERY: Duration = Duration::from_secs(5);
    const COUNTED_EVERY: u32 = 6;
    let Parts { store, clock, pace, settings, .. } = &parts;
    let limit = settings.max_backlog;
    let mut waiting = Waiting::default();
    for round in (0..COUNTED_EVERY).cycle() {
        let now = clock.now();
        let looked = async {
            if round == 0 {
                pace.counted(store.backlog(now, limit.saturating_add(1)).await?);
            }
            store.waiting(now, limit).await
        };
        match looked.await {
            Ok(found) => waiting = found,
            // What waited before still does, for all that is known.
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the backlog was not counted");
            }
        }
        metrics::gauge!(names::BACKLOG).set(pace.backlog() as f64);
        metrics::gauge!(names::SCHEDULED).set(waiting.scheduled as f64);
        let age =
            |since: Option<DateTime<Utc>>| since.map_or(0.0, |since| (now - since).as_seconds_f64().max(0.0));
        metrics::gauge!(names::OLDEST_SECONDS).set(age(waiting.oldest));
        metrics::gauge!(names::PARKED_PROCESSES).set(waiting.parked as f64);
        metrics::gauge!(names::TIMER_SECONDS).set(age(waiting.oldest_timer));
        tokio::time::sleep(EVERY).await;
    }
}
