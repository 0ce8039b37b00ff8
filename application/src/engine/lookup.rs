use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use uuid::Uuid;
use wilco_domain::kernel::{AggregateId, Caller, Effect, Problem};

use super::{Engine, ParkedError, Submission, SubmitError, Submitted};
use crate::catalog::CommandType;
use crate::ports::{
    AggregateKey, CancelOutcome, Command, CommandFilter, CommandKey, Page, State, StoreError,
};
use crate::status::Phase;
use crate::worker::told_of;

/// What a look-up of a command gave.
#[derive(Debug)]
pub enum Found {
    /// Here it is.
    Command(Arc<Command>),
    /// It was settled longer ago than statuses are kept.
    Expired,
    /// There never was one.
    Unknown,
}

/// Which commands to list.
#[derive(Clone, Debug, Default)]
pub struct CommandQuery {
    /// Only in this phase.
    pub phase: Option<Phase>,
    /// Only of this type.
    pub command_type: Option<String>,
    /// Only for this aggregate id.
    pub target: Option<String>,
    /// With `target`: only for this aggregate type.
    pub aggregate_type: Option<String>,
    /// Only of this correlation.
    pub correlation_id: Option<Uuid>,
    /// Only those before this one.
    pub before: Option<(DateTime<Utc>, Uuid)>,
    /// At most so many.
    pub limit: u32,
}

/// A command was not cancelled.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// There is no such command.
    #[error("there is no such command")]
    Unknown,
    /// It is settled.
    #[error("the command is settled")]
    Settled,
    /// A process has begun to work on it.
    #[error("the command is running")]
    Running,
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A command was not retried.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// There is no such command.
    #[error("there is no such command")]
    Unknown,
    /// Only failed commands can be retried.
    #[error("the command has not failed")]
    NotFailed,
    /// It would be done behind the back of the process that asked for it.
    #[error("only its process may have it tried again")]
    NotByHand,
    /// The new command was refused.
    #[error(transparent)]
    Refused(#[from] SubmitError),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Looks a command of the caller's tenant up.
    pub async fn find(&self, caller: &Caller, id: Uuid) -> Result<Found, StoreError> {
        let key = CommandKey::new(&caller.tenant, id);
        let Some(command) = self.parts.store.command(&key).await? else { return Ok(Found::Unknown) };
        Ok(if self.has_expired(&command) { Found::Expired } else { Found::Command(Arc::new(command)) })
    }

    /// The newest command that was to make this aggregate and has not: open, failed or cancelled, as long as statuses
    /// are kept.
    pub async fn making(&self, target: &AggregateKey) -> Result<Option<Arc<Command>>, StoreError> {
        let makes = |kind: &&Arc<CommandType>| {
            kind.aggregate() == target.aggregate_type
                && matches!(kind.effect(), Effect::Creates | Effect::Either)
        };
        let mut newest: Option<Command> = None;
        for kind in self.parts.catalog.commands().filter(makes) {
            let found = self.parts.store.unfinished(&target.tenant, &target.id, kind.name()).await?;
            newest = newest.into_iter().chain(found).max_by_key(|command| command.accepted_at);
        }
        Ok(newest.filter(|command| !self.has_expired(command)).map(Arc::new))
    }

    /// Whether a command was settled longer ago than statuses are kept.
    pub(super) fn has_expired(&self, command: &Command) -> bool {
        let kept = TimeDelta::from_std(self.parts.settings.retention).unwrap_or(TimeDelta::MAX);
        command.settlement.as_ref().is_some_and(|settlement| self.now() - settlement.at > kept)
    }

    /// Waits until the command is settled, at most for `patience`; gives back how it stands then.
    pub async fn settled(
        &self,
        command: Arc<Command>,
        patience: Duration,
    ) -> Result<Arc<Command>, StoreError> {
        self.change(command, patience, |command, _| command.settlement.is_some()).await
    }

    /// Waits until the command's phase is another than `phase`, at most for `patience`.
    pub async fn next_phase(
        &self,
        command: Arc<Command>,
        phase: Phase,
        patience: Duration,
    ) -> Result<Arc<Command>, StoreError> {
        self.change(command, patience, |command, now| Phase::of(command, now) != phase).await
    }

    async fn change(
        &self,
        mut command: Arc<Command>,
        patience: Duration,
        is_news: impl Fn(&Command, DateTime<Utc>) -> bool,
    ) -> Result<Arc<Command>, StoreError> {
        /// Pauses between looks into the registry: the command may be settled by another replica.
        const FIRST: Duration = Duration::from_millis(20);
        const LONGEST: Duration = Duration::from_millis(500);
        let deadline = Instant::now() + patience;
        let mut waiting = self.parts.waiters.wait_for(command.key());
        let mut pause = Duration::ZERO;
        while !is_news(&command, self.now()) && Instant::now() < deadline {
            let wake = (Instant::now() + pause).min(deadline);
            tokio::select! {
                settled = waiting.settled() => return Ok(settled),
                () = tokio::time::sleep_until(wake) => {}
            }
            if let Some(stored) = self.parts.store.command(&command.key()).await? {
                command = Arc::new(stored);
            }
            pause = (pause * 2).clamp(FIRST, LONGEST);
        }
        Ok(command)
    }

    /// Lists commands of the caller's tenant, newest first.
    pub async fn commands(&self, caller: &Caller, query: CommandQuery) -> Result<Page<Command>, StoreError> {
        let (state, scheduled) = match query.phase {
            None => (None, None),
            Some(Phase::Scheduled) => (Some(State::Open), Some(true)),
            Some(Phase::Pending) => (Some(State::Open), Some(false)),
            Some(Phase::Running) => (Some(State::Running), None),
            Some(Phase::Succeeded) => (Some(State::Succeeded), None),
            Some(Phase::Failed) => (Some(State::Failed), None),
            Some(Phase::Cancelled) => (Some(State::Cancelled), None),
        };
        let filter = CommandFilter {
            tenant: caller.tenant.clone(),
            state,
            scheduled,
            now: Some(self.now()),
            command_type: query.command_type,
            target: query.target,
            aggregate_type: query.aggregate_type,
            correlation_id: query.correlation_id,
            before: query.before,
            limit: query.limit,
        };
        self.parts.store.list(&filter).await
    }

    /// Takes a command back that was not applied yet.
    pub async fn cancel(&self, caller: &Caller, id: Uuid) -> Result<Arc<Command>, CancelError> {
        match self.find(caller, id).await? {
            Found::Command(command) if command.state() == State::Open => {}
            Found::Command(command) if command.state() == State::Running => return Err(CancelError::Running),
            Found::Command(_) | Found::Expired => return Err(CancelError::Settled),
            Found::Unknown => return Err(CancelError::Unknown),
        }
        let problem = Problem::new("cancelled", 409, "the command was cancelled before it was applied")
            .at(crate::status::path_of(id));
        let key = CommandKey::new(&caller.tenant, id);
        match self.parts.store.cancel(&key, self.now(), &problem).await? {
            CancelOutcome::Unknown => Err(CancelError::Unknown),
            CancelOutcome::Settled(_) => Err(CancelError::Settled),
            CancelOutcome::Running(_) => Err(CancelError::Running),
            CancelOutcome::Cancelled(command) => {
                let command: Arc<Command> = Arc::new(*command);
                crate::meters::count_cancelled(&self.parts.catalog, &command);
                self.router.forget(&key);
                self.router.signal(std::slice::from_ref(&command));
                self.parts.waiters.settled(&command);
                self.parts.pace.settled(1, self.now());
                self.parts.hub.catch_up().await;
                Ok(command)
            }
        }
    }

    /// Makes a new command of a failed one.
    pub async fn retry(
        &self,
        caller: &Caller,
        id: Uuid,
        submission: RetrySubmission,
    ) -> Result<Submitted, RetryError> {
        let Found::Command(failed) = self.find(caller, id).await? else { return Err(RetryError::Unknown) };
        if failed.state() != State::Failed {
            return Err(RetryError::NotFailed);
        }
        if let Some(process) = told_of(&failed) {
            // To do again what it tells of is to let the process go on.
            return match self.resume(&process).await {
                Ok(()) => Ok(Submitted { command: failed, outcome: None, replayed: false }),
                Err(ParkedError::Unknown) => Err(RetryError::Unknown),
                Err(ParkedError::NotParked) => Err(RetryError::NotFailed),
                Err(ParkedError::Store(error)) => Err(error.into()),
            };
        }
        let Some(command_type) = self.parts.catalog.command(&failed.command_type) else {
            return Err(RetryError::Unknown);
        };
        let activity = self.parts.catalog.activity(&failed.command_type);
        if failed.reply_to.is_some() && activity.is_some_and(|activity| !activity.by_hand) {
            return Err(RetryError::NotByHand);
        }
        let data = serde_json::from_str(&failed.data).map_err(unreadable)?;
        let metadata = failed.metadata.as_deref().map_or(Ok(BTreeMap::new()), serde_json::from_str);
        let submission = Submission {
            target: AggregateId::parse(failed.target.clone()).ok(),
            expected_version: failed.expected_version,
            callback_url: failed.callback_url.clone(),
            metadata: metadata.map_err(unreadable)?,
            // A retry is a new request: without a key of its own it must not be taken for the first one.
            idempotency_key: Some(
                submission.idempotency_key.unwrap_or_else(|| format!("retry {}", self.ids.next())),
            ),
            fingerprint: submission.fingerprint,
            traceparent: submission.traceparent,
            caused_by: Some(failed.id),
            correlation_id: Some(failed.correlation_id),
            ..Submission::new(caller.clone(), Arc::clone(command_type), data)
        };
        Ok(self.submit(submission).await?)
    }
}

/// What the registry holds of a command cannot be read.
fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Data(Box::new(error))
}

/// What comes with a request to retry.
#[derive(Clone, Debug, Default)]
pub struct RetrySubmission {
    /// The `Idempotency-Key` of the request.
    pub idempotency_key: Option<String>,
    /// The request's fingerprint.
    pub fingerprint: [u8; 16],
    /// W3C Trace Context of the request.
    pub traceparent: Option<String>,
}
