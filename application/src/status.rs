//! The command status: what clients see of an entry of the registry.

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;
use wilco_domain::kernel::{Effect, Problem, Progress};

use crate::catalog::Catalog;
use crate::pace::Pace;
use crate::ports::{Command, State};

/// The states a client can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waiting for its `not_before`.
    Scheduled,
    /// Accepted; waiting to be applied.
    Pending,
    /// Being worked on in several steps.
    Running,
    /// Applied.
    Succeeded,
    /// Refused by a rule, or given up.
    Failed,
    /// Taken back by the client before it was applied.
    Cancelled,
}

impl Phase {
    /// Whether nothing will change any more.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The phase of a command at `now`.
    pub fn of(command: &Command, now: DateTime<Utc>) -> Self {
        match command.state() {
            State::Open if command.not_before.is_some_and(|due| due > now) => Self::Scheduled,
            State::Open => Self::Pending,
            State::Running => Self::Running,
            State::Succeeded => Self::Succeeded,
            State::Failed => Self::Failed,
            State::Cancelled => Self::Cancelled,
        }
    }
}

/// The status of a command.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CommandStatus<'a> {
    /// The command's id.
    pub id: Uuid,
    /// `aggregate.verb`
    #[schemars(example = &"pet.create")]
    #[serde(rename = "type")]
    pub command_type: &'a str,
    /// The aggregate it is for.
    pub target: Target<'a>,
    /// Where it stands.
    #[schemars(example = &"succeeded")]
    pub status: Phase,
    /// When it was durably accepted.
    #[serde(serialize_with = "timestamp")]
    pub accepted_at: DateTime<Utc>,
    /// When it was settled.
    #[schemars(example = &"2026-01-01T09:00:00.004000Z")]
    #[serde(serialize_with = "optional_timestamp")]
    pub settled_at: Option<DateTime<Utc>>,
    /// Not to be applied earlier.
    #[serde(serialize_with = "optional_timestamp")]
    pub not_before: Option<DateTime<Utc>>,
    /// While it is open: when it should be settled, from the backlog and the present rate.
    #[serde(serialize_with = "optional_timestamp")]
    pub eta: Option<DateTime<Utc>>,
    /// How often it was tried.
    #[schemars(example = 1)]
    pub attempts: u32,
    /// While it is pending: why it cannot be applied now, if it cannot.
    #[schemars(example = ())]
    pub blocked: Option<Problem>,
    /// While it is running in several steps: how far it is.
    #[schemars(example = ())]
    pub progress: Option<Progress>,
    /// Succeeded: the aggregate's version after it.
    #[schemars(example = 1)]
    pub version: Option<i64>,
    /// Succeeded: the path of the resource, where one exists.
    #[schemars(example = &"/v1/pets/pet-42")]
    pub resource: Option<String>,
    /// Succeeded: what it gives beside the resource, an object.
    #[schemars(example = (), with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub result: Option<&'a RawValue>,
    /// Failed or cancelled: why.
    #[schemars(example = ())]
    pub error: Option<&'a Problem>,
    /// The command that led to this one.
    pub caused_by: Option<Uuid>,
    /// The id shared by everything one request set off.
    pub correlation_id: Uuid,
    /// Where to go from here.
    pub links: Links,
}

/// The aggregate a command is for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Target<'a> {
    /// Its type.
    #[schemars(example = &"pet")]
    #[serde(rename = "type")]
    pub aggregate_type: &'a str,
    /// Its id.
    #[schemars(example = &"pet-42")]
    pub id: &'a str,
}

/// Paths that belong to a command.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Links {
    /// The command itself.
    #[schemars(example = &"/v1/commands/018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e")]
    #[serde(rename = "self")]
    pub this: String,
    /// The events it led to.
    #[schemars(example = &"/v1/commands/018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e/events")]
    pub events: String,
    /// Where its resource is, or will be; a removing one leaves none.
    #[schemars(example = &"/v1/pets/pet-42")]
    pub resource: Option<String>,
    /// Everything that it set off.
    #[schemars(example = &"/v1/commands/018f4c7e-5a10-7c3e-9d2b-6f1a2b3c4d5e/tree")]
    pub tree: String,
}

impl<'a> CommandStatus<'a> {
    /// The status of `command` at `now`.
    pub fn of(command: &'a Command, catalog: &Catalog, pace: &Pace, now: DateTime<Utc>) -> Self {
        let waiting = matches!(Phase::of(command, now), Phase::Pending | Phase::Running);
        Self { eta: waiting.then(|| pace.eta(now)), ..Self::settled(command, catalog, now) }
    }

    /// The status of a command that is settled, at or after `now`.
    pub fn settled(command: &'a Command, catalog: &Catalog, now: DateTime<Utc>) -> Self {
        let phase = Phase::of(command, now);
        let settlement = command.settlement.as_ref();
        let left = left_by(command, catalog);
        let this = path_of(command.id);
        Self {
            id: command.id,
            command_type: &command.command_type,
            target: Target { aggregate_type: command.aggregate_type(), id: &command.target },
            status: phase,
            accepted_at: command.accepted_at,
            settled_at: settlement.map(|settlement| settlement.at),
            not_before: command.not_before,
            eta: None,
            attempts: settlement.map_or(0, |settlement| settlement.attempts),
            blocked: None,
            progress: None,
            version: settlement.and_then(|settlement| settlement.version),
            resource: left.clone().filter(|_| command.state() == State::Succeeded),
            result: settlement
                .and_then(|settlement| serde_json::from_str(settlement.result.as_deref()?).ok()),
            error: settlement.and_then(|settlement| settlement.error.as_ref()),
            caused_by: command.caused_by,
            correlation_id: command.correlation_id,
            links: Links {
                events: [&this, "/events"].concat(),
                resource: left,
                tree: [&this, "/tree"].concat(),
                this,
            },
        }
    }
}

impl CommandStatus<'_> {
    /// With every path in it as `seen` has it.
    #[must_use]
    pub fn map_paths(mut self, seen: impl Fn(String) -> String) -> Self {
        let Links { this, events, resource, tree } = self.links;
        self.links =
            Links { this: seen(this), events: seen(events), resource: resource.map(&seen), tree: seen(tree) };
        self.resource = self.resource.map(seen);
        self
    }
}

/// The path of a command's status.
pub fn path_of(id: Uuid) -> String {
    format!("/v1/commands/{id}")
}

/// The path of the resource that a succeeded command leaves behind; a removing one leaves none.
pub fn resource_of(command: &Command, catalog: &Catalog) -> Option<String> {
    left_by(command, catalog).filter(|_| command.state() == State::Succeeded)
}

/// The path of the resource that a command leaves behind if it succeeds.
fn left_by(command: &Command, catalog: &Catalog) -> Option<String> {
    let kind = catalog.command(&command.command_type).filter(|kind| kind.effect() != Effect::Removes)?;
    catalog.resource_path(kind.aggregate(), &command.target)
}

/// RFC 3339 in UTC with microseconds, as everywhere in the contract.
pub fn rfc3339(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn timestamp<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(at))
}

#[expect(clippy::ref_option, reason = "serde hands over a reference")]
fn optional_timestamp<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => timestamp(at, serializer),
        None => serializer.serialize_none(),
    }
}
