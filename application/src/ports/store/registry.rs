use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wilco_domain::kernel::{Problem, Tenant};

use super::{Page, ProcessKey, ReplyTo, StoreError};

/// How a command stands in the registry. Scheduled and pending are both [`State::Open`]; `not_before` and the
/// clock tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(i16)]
pub enum State {
    /// Accepted and not settled.
    Open = 0,
    /// Applied; its events are in the journal.
    Succeeded = 1,
    /// Refused by a rule, or given up.
    Failed = 2,
    /// Taken back before it was applied.
    Cancelled = 3,
    /// Begun, and in the hands of a process or an activity, which settles it.
    Running = 4,
}

impl State {
    /// From the number it is stored as.
    pub const fn from_number(number: i16) -> Option<Self> {
        match number {
            0 => Some(Self::Open),
            1 => Some(Self::Succeeded),
            2 => Some(Self::Failed),
            3 => Some(Self::Cancelled),
            4 => Some(Self::Running),
            _ => None,
        }
    }
}

/// A client's claim that two requests are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Unique per tenant. `None`: the command's own (client-chosen) id is the key.
    pub key: Option<String>,
    /// Hash of the request; the same key with another fingerprint is refused.
    pub fingerprint: [u8; 16],
}

/// Names a command: ids are a tenant's own, two may have the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandKey {
    /// Whose it is.
    pub tenant: Tenant,
    /// Its id.
    pub id: Uuid,
}

/// By its id alone: that two tenants have the same one is rare.
impl Hash for CommandKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.id.as_u128());
    }
}

impl CommandKey {
    /// The command of this tenant with this id.
    pub fn new(tenant: &Tenant, id: Uuid) -> Self {
        Self { tenant: tenant.clone(), id }
    }

    /// Of commands that were found by their ids alone, leaves those that are meant: another tenant may have the same id.
    pub fn retain(found: &mut Vec<Command>, keys: &[Self]) {
        let keys: HashSet<&Self> = keys.iter().collect();
        found.retain(|command| keys.contains(&command.key()));
    }
}

/// An entry of the registry.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Its id, UUIDv7 unless the client chose one; unique per tenant.
    pub id: Uuid,
    /// Whose it is.
    pub tenant: Tenant,
    /// The partition of its target.
    pub partition: u16,
    /// `pet.reserve`; the part before the dot is the aggregate type.
    pub command_type: String,
    /// The aggregate's id.
    pub target: String,
    /// The command's own fields, as JSON.
    pub data: String,
    /// The version the client expects the aggregate to have.
    pub expected_version: Option<i64>,
    /// Not to be applied earlier.
    pub not_before: Option<DateTime<Utc>>,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// Who asked for it, where known.
    pub actor: Option<String>,
    /// Where to post the outcome.
    pub callback_url: Option<String>,
    /// The client's metadata, as a JSON object of strings.
    pub metadata: Option<String>,
    /// The request it is the answer to, for retries.
    pub idempotency: Option<Idempotency>,
    /// The id shared by everything one request set off.
    pub correlation_id: Uuid,
    /// The command that led to this one.
    pub caused_by: Option<Uuid>,
    /// W3C Trace Context of the request.
    pub traceparent: Option<String>,
    /// Who issued it and wants to hear how it ended.
    pub reply_to: Option<Box<ReplyTo>>,
    /// How many processes led to it, one by way of the other.
    pub depth: u16,
    /// Whether a process has begun to work on it. Says nothing once it is settled.
    pub running: bool,
    /// How it ended; `None` while it is open or running.
    pub settlement: Option<Settlement>,
}

impl Command {
    /// Its name in the registry.
    pub fn key(&self) -> CommandKey {
        CommandKey::new(&self.tenant, self.id)
    }

    /// The aggregate type: the part of the command type before the dot.
    pub fn aggregate_type(&self) -> &str {
        self.command_type.split_once('.').map_or(self.command_type.as_str(), |(aggregate, _)| aggregate)
    }

    /// The part of the command type after the dot.
    pub fn verb(&self) -> &str {
        self.command_type.split_once('.').map_or("", |(_, verb)| verb)
    }

    /// Whether what it is for bears its own id: the server has made that, so that it is nobody's yet.
    pub fn is_server_made(&self) -> bool {
        let mut buffer = Uuid::encode_buffer();
        *self.id.hyphenated().encode_lower(&mut buffer) == self.target
    }

    /// The instance that it is for, if a process of this type handles it.
    pub fn process(&self, process_type: &str) -> ProcessKey {
        let (tenant, id) = (self.tenant.clone(), self.target.clone());
        ProcessKey { process_type: process_type.to_owned(), tenant, id }
    }

    /// How it stands.
    pub fn state(&self) -> State {
        let unsettled = if self.running { State::Running } else { State::Open };
        self.settlement.as_ref().map_or(unsettled, |settlement| settlement.state)
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    /// Never [`State::Open`] or [`State::Running`].
    pub state: State,
    /// When.
    pub at: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// Its place in the feed of its partition.
    pub offset: i64,
    /// Succeeded: the aggregate's version after it.
    pub version: Option<i64>,
    /// Failed or cancelled: why.
    pub error: Option<Problem>,
    /// Succeeded: what it gives beside the resource, a JSON object.
    pub result: Option<String>,
}

/// What became of a command given to [`Registry::accept`].
#[derive(Clone, Debug, PartialEq)]
pub enum Accepted {
    /// It is stored now.
    New,
    /// A command of its tenant with its id or its idempotency key is there already: this one, with its present state and its
    /// fingerprint. The caller compares fingerprints.
    Existing(Box<Command>),
}

/// What became of a request to cancel.
#[derive(Clone, Debug, PartialEq)]
pub enum CancelOutcome {
    /// It is cancelled now.
    Cancelled(Box<Command>),
    /// It was settled before.
    Settled(Box<Command>),
    /// A process has begun to work on it.
    Running(Box<Command>),
    /// There is no such command.
    Unknown,
}

/// What waits in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many open commands wait for a later `not_before`.
    pub scheduled: u64,
    /// Since when the oldest open command waits that is due: its acceptance, or its `not_before`.
    pub oldest: Option<DateTime<Utc>>,
    /// How many instances of processes stand still.
    pub parked: u64,
    /// When the oldest timer was due that has not fired, of instances that do not stand still.
    pub oldest_timer: Option<DateTime<Utc>>,
}

/// Which commands to list, newest (highest id) first.
#[derive(Clone, Debug, Default)]
pub struct CommandFilter {
    /// Only this tenant's.
    pub tenant: Tenant,
    /// Only in this state.
    pub state: Option<State>,
    /// Of the open ones, only those that are (true) or are not (false) waiting for their `not_before`.
    pub scheduled: Option<bool>,
    /// The present, which `scheduled` is judged by.
    pub now: Option<DateTime<Utc>>,
    /// Only of this type.
    pub command_type: Option<String>,
    /// Only for this aggregate: its id.
    pub target: Option<String>,
    /// With `target`: of this aggregate type.
    pub aggregate_type: Option<String>,
    /// Only of this correlation.
    pub correlation_id: Option<Uuid>,
    /// Only those before this one, in the list's order.
    pub before: Option<(DateTime<Utc>, Uuid)>,
    /// At most so many.
    pub limit: u32,
}

/// The registry of commands.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Stores the commands that are new, all in one durable write, and says of each what became of it, in order.
    /// Two of the batch with the same id or key: the first wins, the second is `Existing`.
    ///
    /// Runs to its end even when the caller is dropped.
    async fn accept(&self, commands: Vec<Arc<Command>>) -> Result<Vec<Accepted>, StoreError>;

    /// The command of that name.
    async fn command(&self, key: &CommandKey) -> Result<Option<Command>, StoreError>;

    /// Those of `keys` that exist, in no particular order.
    async fn commands(&self, keys: &[CommandKey]) -> Result<Vec<Command>, StoreError>;

    /// The commands that match, newest first (`accepted_at`, then id, descending).
    async fn list(&self, filter: &CommandFilter) -> Result<Page<Command>, StoreError>;

    /// The newest command of a tenant, of this type and for this aggregate, that has not succeeded: open, failed or
    /// cancelled.
    async fn unfinished(
        &self,
        tenant: &Tenant,
        target: &str,
        command_type: &str,
    ) -> Result<Option<Command>, StoreError>;

    /// What these commands of a tenant led to, in order of acceptance, at most `limit`.
    async fn led_to(&self, tenant: &Tenant, ids: &[Uuid], limit: u32) -> Result<Vec<Command>, StoreError>;

    /// The open commands of each partition that are due at `now`, oldest first by order of acceptance, at most
    /// `limit` for each partition. A command with a `not_before` in the past counts as due, one that is blocked does
    /// not.
    async fn due(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError>;

    /// How many commands are open and not waiting for a later `not_before`; counting may stop at `limit`.
    async fn backlog(&self, now: DateTime<Utc>, limit: u64) -> Result<u64, StoreError>;

    /// What waits, as far as `limit` goes; costs no more than a look at each partition, and at the scheduled ones.
    async fn waiting(&self, now: DateTime<Utc>, limit: u64) -> Result<Waiting, StoreError>;

    /// Cancels the command if it is open, at the next offset of its partition.
    async fn cancel(
        &self,
        key: &CommandKey,
        at: DateTime<Utc>,
        error: &Problem,
    ) -> Result<CancelOutcome, StoreError>;
}
