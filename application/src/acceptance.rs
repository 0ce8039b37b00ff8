//! Making commands durable, and answering whoever waits for that.
//!
//! What must hold: a reply is sent only after the store said that the command is durable.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use crate::names;
use crate::outage::Outage;
use crate::pace::Pace;
use crate::parts::Parts;
use crate::ports::{Accepted, Command, Store, StoreError};

/// Most commands in one write.
pub(crate) const MAX_BATCH: usize = 500;

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

pub(crate) type Answer = Result<Received, IntakeError>;

/// A command that nobody has stored yet, and whoever waits to hear of it.
#[derive(Debug)]
pub(crate) struct Fresh {
    pub(crate) command: Arc<Command>,
    /// Of its acceptance.
    span: Span,
    reply: oneshot::Sender<Answer>,
}

impl Fresh {
    /// A command as it arrives, and where to answer.
    pub(crate) fn new(command: Arc<Command>, span: Span, reply: oneshot::Sender<Answer>) -> Self {
        Self { command, span, reply }
    }

    /// One whose answer nobody hears.
    #[cfg(test)]
    pub(crate) fn unheard(command: Arc<Command>) -> Self {
        Self { command, span: Span::none(), reply: oneshot::channel().0 }
    }

    /// Answers. A client that hung up is no error: its command is accepted all the same.
    fn answer(self, answer: Answer) {
        drop(self.reply.send(answer));
    }

    /// It is stored, and settled or running.
    pub(crate) fn done(self, stored: Arc<Command>) {
        let answer = match &stored.settlement {
            Some(_) => Received::New { command: Arc::clone(&self.command), outcome: Some(stored) },
            None => Received::New { command: stored, outcome: None },
        };
        self.answer(Ok(answer));
    }

    /// The store did not answer: nobody knows whether it is stored.
    pub(crate) fn refuse(self, error: &Arc<StoreError>) {
        self.answer(Err(IntakeError::Store(Arc::clone(error))));
    }
}

/// Says that the span of a write follows from the acceptances of these commands: there is no other parent to so many.
pub(crate) fn follow<'f>(span: &Span, fresh: impl IntoIterator<Item = &'f Fresh>) {
    if !span.is_disabled() {
        for fresh in fresh {
            span.follows_from(fresh.span.id());
        }
    }
}

/// Stores commands as they are, to be applied later.
#[derive(Clone)]
pub(crate) struct Acceptance {
    store: Arc<dyn Store>,
    pace: Arc<Pace>,
    outage: Arc<Outage>,
}

impl Acceptance {
    pub(crate) fn new(parts: &Parts) -> Self {
        Self {
            store: Arc::clone(&parts.store),
            pace: Arc::clone(&parts.pace),
            outage: Arc::clone(&parts.ownership.outage),
        }
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
        let span = tracing::trace_span!(target: names::SPANS, parent: None, "store", commands = fresh.len());
        follow(&span, &fresh);
        let result = self.store.accept(commands).instrument(span).await;
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
