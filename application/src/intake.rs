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
use tokio::time::Instant;

use crate::names;
use crate::outage::Outage;
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
#[derive(Clone, Debug, thiserror::Error)]
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

/// What became of a command that is durable now.
#[derive(Debug)]
pub(crate) enum Received {
    /// It was accepted.
    New {
        /// As it was accepted.
        command: Arc<Command>,
        /// How it ended, where that is known already.
        outcome: Option<Arc<Command>>,
    },
    /// A command with its id or idempotency key was there already.
    Existing {
        /// The one that was not accepted.
        command: Arc<Command>,
        /// The one that was there.
        existing: Box<Command>,
    },
}

type Answer = Result<Received, IntakeError>;

/// A command that nobody has stored yet, and whoever waits to hear of it.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) command: Arc<Command>,
    reply: oneshot::Sender<Answer>,
}

impl Fresh {
    /// One whose answer nobody hears.
    #[cfg(test)]
    pub(crate) fn unheard(command: Arc<Command>) -> Self {
        Self { command, reply: oneshot::channel().0 }
    }

    /// Answers. A client that hung up is no error: its command is accepted all the same.
    pub(crate) fn answer(self, answer: Answer) {
        drop(self.reply.send(answer));
    }

    /// It is stored and settled.
    pub(crate) fn settled(self, outcome: Arc<Command>) {
        let command = Arc::clone(&self.command);
        self.answer(Ok(Received::New { command, outcome: Some(outcome) }));
    }

    /// The store did not answer: nobody knows whether it is stored.
    pub(crate) fn refuse(self, error: &Arc<StoreError>) {
        self.answer(Err(IntakeError::Store(Arc::clone(error))));
    }
}

/// The entrance to the intake.
#[derive(Clone)]
pub(crate) struct Intake {
    sender: mpsc::Sender<(Command, oneshot::Sender<Answer>)>,
}

/// The loop behind the entrance.
pub(crate) struct IntakeLoop {
    receiver: mpsc::Receiver<(Command, oneshot::Sender<Answer>)>,
    acceptance: Acceptance,
    router: Router,
    clock: Arc<dyn Clock>,
    latest: DateTime<Utc>,
}

/// Stores commands as they are, to be applied later.
#[derive(Clone)]
pub(crate) struct Acceptance {
    store: Arc<dyn Store>,
    pace: Arc<Pace>,
    outage: Arc<Outage>,
}

impl Intake {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        router: Router,
        clock: Arc<dyn Clock>,
        pace: Arc<Pace>,
        outage: Arc<Outage>,
    ) -> (Self, IntakeLoop) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let acceptance = Acceptance::new(store, pace, outage);
        (Self { sender }, IntakeLoop { receiver, acceptance, router, clock, latest: DateTime::UNIX_EPOCH })
    }

    /// Stores `command` (its `accepted_at` is set here) and says what became of it.
    pub(crate) async fn accept(&self, command: Command) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.sender.try_send((command, reply)).map_err(|error| match error {
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
            let sent = self.sender.send((command, reply)).await;
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
    fn gather(&mut self, first: (Command, oneshot::Sender<Answer>)) -> Vec<Fresh> {
        let mut gathered = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some((mut command, reply)) = next {
            // Order of acceptance is order in time, so no two commands of this replica share an instant.
            self.latest = self.clock.now().max(self.latest + TimeDelta::microseconds(1));
            command.accepted_at = self.latest;
            bytes += command.data.len();
            gathered.push(Fresh { command: Arc::new(command), reply });
            let room = gathered.len() < MAX_BATCH && bytes < MAX_BATCH_BYTES;
            next = if room { self.receiver.try_recv().ok() } else { None };
        }
        gathered
    }
}

impl Acceptance {
    pub(crate) fn new(store: Arc<dyn Store>, pace: Arc<Pace>, outage: Arc<Outage>) -> Self {
        Self { store, pace, outage }
    }

    /// Stores them, and answers for all of them. Gives back those that are new, in order.
    pub(crate) async fn accept(&self, mut fresh: Vec<Fresh>) -> Vec<Arc<Command>> {
        let mut new = Vec::with_capacity(fresh.len());
        while !fresh.is_empty() {
            let rest = fresh.split_off(fresh.len().min(MAX_BATCH));
            new.extend(self.write(fresh).await);
            fresh = rest;
        }
        new
    }

    async fn write(&self, fresh: Vec<Fresh>) -> Vec<Arc<Command>> {
        let commands: Vec<Arc<Command>> = fresh.iter().map(|fresh| Arc::clone(&fresh.command)).collect();
        let started = Instant::now();
        let result = self.store.accept(commands).await;
        metrics::histogram!(names::ACCEPT_SECONDS).record(started.elapsed());
        metrics::histogram!(names::ACCEPT_BATCH).record(fresh.len() as f64);
        match result {
            Ok(accepted) => self.answer(fresh, accepted),
            Err(error) => {
                self.outage.failed(&error, "commands could not be stored");
                let error = Arc::new(error);
                for fresh in fresh {
                    fresh.refuse(&error);
                }
                Vec::new()
            }
        }
    }

    fn answer(&self, fresh: Vec<Fresh>, accepted: Vec<Accepted>) -> Vec<Arc<Command>> {
        let mut new = Vec::with_capacity(fresh.len());
        let mut immediate = 0;
        for (fresh, accepted) in fresh.into_iter().zip(accepted) {
            let command = Arc::clone(&fresh.command);
            match accepted {
                Accepted::New => {
                    immediate += usize::from(command.not_before.is_none());
                    new.push(Arc::clone(&command));
                    fresh.answer(Ok(Received::New { command, outcome: None }));
                }
                Accepted::Existing(existing) => fresh.answer(Ok(Received::Existing { command, existing })),
            }
        }
        metrics::counter!(names::ACCEPTED).increment(new.len() as u64);
        self.pace.accepted(immediate);
        new
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
