//! Accepts commands, many at a time.
//!
//! Concurrent requests are stored together: while one write is in flight the next batch gathers, without any
//! timer. Under load the batches grow and the cost of a durable write is shared; idle, a command is written at
//! once.
//!
//! What must hold: a reply is sent only after the store said that the command is durable. Handing the command to
//! the worker afterwards is a mere optimisation; a worker also finds it in the registry.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::names;
use crate::pace::Pace;
use crate::ports::{Accepted, Clock, Command, Registry, Store, StoreError};
use crate::worker::Router;

/// Most commands in one write.
const MAX_BATCH: usize = 500;
/// Most bytes of command data in one write, beyond the first command.
const MAX_BATCH_BYTES: usize = 4 << 20;
/// Commands that may wait for a write.
const QUEUE: usize = 4096;

/// A command was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// More requests wait than may.
    #[error("too many requests wait to be stored")]
    Full,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The store did not do it, or its answer was lost.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

type Reply = oneshot::Sender<Result<(Arc<Command>, Accepted), IntakeError>>;

struct Waiting {
    command: Command,
    reply: Reply,
}

/// The entrance to the intake.
#[derive(Clone)]
pub struct Intake {
    sender: mpsc::Sender<Waiting>,
}

/// The loop behind the entrance.
pub(crate) struct IntakeLoop {
    receiver: mpsc::Receiver<Waiting>,
    store: Arc<dyn Store>,
    router: Router,
    clock: Arc<dyn Clock>,
    pace: Arc<Pace>,
    latest: DateTime<Utc>,
}

impl Intake {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        router: Router,
        clock: Arc<dyn Clock>,
        pace: Arc<Pace>,
    ) -> (Self, IntakeLoop) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let latest = DateTime::UNIX_EPOCH;
        (Self { sender }, IntakeLoop { receiver, store, router, clock, pace, latest })
    }

    /// Stores `command` (its `accepted_at` is set here) and says what became of it.
    pub async fn accept(&self, command: Command) -> Result<(Arc<Command>, Accepted), IntakeError> {
        let (reply, answer) = oneshot::channel();
        self.sender.try_send(Waiting { command, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => IntakeError::Full,
            mpsc::error::TrySendError::Closed(_) => IntakeError::Stopping,
        })?;
        answer.await.unwrap_or(Err(IntakeError::Stopping))
    }

    /// Stores many at once; waits for room instead of refusing.
    pub async fn accept_all(
        &self,
        commands: Vec<Command>,
    ) -> Vec<Result<(Arc<Command>, Accepted), IntakeError>> {
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            let (reply, answer) = oneshot::channel();
            let sent = self.sender.send(Waiting { command, reply }).await;
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
            let (commands, replies) = self.gather(first);
            let started = Instant::now();
            let result = self.store.accept(commands.clone()).await;
            metrics::histogram!(names::ACCEPT_SECONDS).record(started.elapsed());
            metrics::histogram!(names::ACCEPT_BATCH).record(commands.len() as f64);
            match result {
                Ok(accepted) => self.answer(commands, replies, accepted),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "commands could not be stored");
                    refuse(replies, error);
                }
            }
        }
    }

    /// The first command always, then what waits already, bounded by count and bytes.
    fn gather(&mut self, first: Waiting) -> (Vec<Arc<Command>>, Vec<Reply>) {
        let (mut commands, mut replies) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(Waiting { mut command, reply }) = next {
            // Order of acceptance is order in time, so no two commands of this replica share an instant.
            self.latest = self.clock.now().max(self.latest + TimeDelta::microseconds(1));
            command.accepted_at = self.latest;
            bytes += command.data.len();
            commands.push(Arc::new(command));
            replies.push(reply);
            let room = commands.len() < MAX_BATCH && bytes < MAX_BATCH_BYTES;
            next = if room { self.receiver.try_recv().ok() } else { None };
        }
        (commands, replies)
    }

    fn answer(&self, commands: Vec<Arc<Command>>, replies: Vec<Reply>, accepted: Vec<Accepted>) {
        let new: Vec<Arc<Command>> = commands
            .iter()
            .zip(&accepted)
            .filter(|(_, accepted)| **accepted == Accepted::New)
            .map(|(command, _)| Arc::clone(command))
            .collect();
        metrics::counter!(names::ACCEPTED).increment(new.len() as u64);
        self.pace.accepted(new.iter().filter(|command| command.not_before.is_none()).count());
        self.router.offer(new);
        for ((command, reply), accepted) in commands.into_iter().zip(replies).zip(accepted) {
            // A client that hung up is no error: its command is accepted all the same.
            let _ = reply.send(Ok((command, accepted)));
        }
    }
}

fn refuse(replies: Vec<Reply>, error: StoreError) {
    let error = Arc::new(error);
    for reply in replies {
        let _ = reply.send(Err(IntakeError::Store(Arc::clone(&error))));
    }
}

/// Counts the backlog anew now and then: what other replicas accept and settle is not seen otherwise.
pub(crate) async fn count_backlog(registry: &dyn Registry, clock: &dyn Clock, pace: &Pace, limit: u64) {
    const EVERY: Duration = Duration::from_secs(30);
    loop {
        match registry.backlog(clock.now(), limit.saturating_add(1)).await {
            Ok(backlog) => pace.counted(backlog),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the backlog was not counted");
            }
        }
        metrics::gauge!(names::BACKLOG).set(pace.backlog() as f64);
        tokio::time::sleep(EVERY).await;
    }
}
