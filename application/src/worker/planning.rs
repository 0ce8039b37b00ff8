//! What an instance of a process wants, looked at as a whole, and made into what will be written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use wilco_domain::kernel::{AggregateId, Effects, Held, Issued, Problem};
use xxhash_rust::xxh3::xxh3_128;

use crate::catalog::Defect;
use crate::parts::Parts;
use crate::ports::{AggregateKey, Command, ProcessKey, ProcessRow, ReplyTo, id_of};

/// Processes that lead to processes, one by way of the other, at most: further ones would hardly be meant.
const DEEPEST: u16 = 32;

/// A command that is settled: with a version, or why not.
type Settled = (Arc<Command>, Result<Option<i64>, Problem>);

/// What an instance wants, as it will be written.
pub(super) struct Plan {
    pub(super) row: ProcessRow,
    pub(super) issued: Vec<Arc<Command>>,
    pub(super) settled: Vec<Settled>,
    pub(super) set: Vec<(String, DateTime<Utc>)>,
    pub(super) stopped: Vec<String>,
}

impl Plan {
    /// Nothing but a new row.
    pub(super) fn of(row: ProcessRow) -> Self {
        Self { row, issued: Vec::new(), settled: Vec::new(), set: Vec::new(), stopped: Vec::new() }
    }

    pub(super) fn awaiting_one_more(mut self) -> Self {
        self.row.awaits += 1;
        self
    }
}

/// What an instance reacts to, as the commands know it that it then issues.
pub(super) struct Cause<'c> {
    /// The command that it is given, if it is one.
    pub(super) at_hand: Option<&'c Arc<Command>>,
    /// The command that they come of.
    command: Option<Uuid>,
    correlation_id: Uuid,
    actor: &'c Option<String>,
    traceparent: &'c Option<String>,
    /// How many processes led to an event that is at hand.
    depth: u16,
}

impl<'c> Cause<'c> {
    pub(super) fn of_command(command: &'c Arc<Command>) -> Self {
        Self { at_hand: Some(command), ..Self::of_event(command) }
    }

    /// What comes of an event comes of the command that led to it.
    pub(super) fn of_event(command: &'c Command) -> Self {
        Self { command: Some(command.id), depth: command.depth, ..Self::of_reply(command) }
    }

    /// What comes of a reply comes of what the command came of that it replies to.
    pub(super) fn of_reply(command: &'c Command) -> Self {
        let Command { caused_by, correlation_id, actor, traceparent, .. } = command;
        let (command, correlation_id) = (*caused_by, *correlation_id);
        Self { at_hand: None, command, correlation_id, actor, traceparent, depth: 0 }
    }

    pub(super) fn of_row(row: &'c ProcessRow) -> Self {
        let ProcessRow { caused_by, correlation_id, actor, traceparent, .. } = row;
        let (command, correlation_id) = (*caused_by, *correlation_id);
        Self { at_hand: None, command, correlation_id, actor, traceparent, depth: 0 }
    }

    /// An instance that begins with this.
    pub(super) fn begin(&self, key: &ProcessKey, partition: u16, now: DateTime<Utc>) -> ProcessRow {
        ProcessRow {
            key: key.clone(),
            partition,
            version: 0,
            state_version: 0,
            state: String::new(),
            holds: Vec::new(),
            awaits: 0,
            progress: None,
            depth: self.depth,
            correlation_id: self.correlation_id,
            caused_by: self.command,
            actor: self.actor.clone(),
            traceparent: self.traceparent.clone(),
            begun_at: now,
            ended_at: None,
            parked: None,
            resumed: false,
            seen: BTreeMap::new(),
        }
    }
}

/// Makes of what an instance wants what will be written, or says what is wrong with it.
pub(super) struct Planning<'p> {
    pub(super) parts: &'p Parts,
    pub(super) held: Option<&'p HashMap<Uuid, Arc<Command>>>,
    pub(super) cause: &'p Cause<'p>,
    pub(super) now: DateTime<Utc>,
}

impl Planning<'_> {
    pub(super) fn plan(&self, mut row: ProcessRow, effects: Effects) -> Result<Plan, Defect> {
        let Effects { issued, set, stopped, settled, progress, ended } = effects;
        let mut holds: HashSet<Uuid> = row.holds.iter().copied().collect();
        holds.extend(self.cause.at_hand.map(|command| command.id));
        let settled = settled
            .into_iter()
            .map(|(Held(id), outcome)| {
                let known = holds.remove(&id).then(|| self.held(id)).flatten();
                let known = known.ok_or_else(|| Defect(format!("it settles {id}, which it does not hold")));
                Ok((known?, outcome))
            })
            .collect::<Result<Vec<_>, Defect>>()?;
        let over = ended || row.ended_at.is_some();
        if over && !holds.is_empty() {
            return Err(Defect(format!("it ends with {} commands unsettled", holds.len())));
        }
        if row.ended_at.is_some() && !issued.is_empty() {
            return Err(Defect("it issues commands after its end".to_owned()));
        }
        let labels: HashSet<&str> = issued.iter().map(|issued| issued.label.as_str()).collect();
        if labels.len() < issued.len() {
            return Err(Defect("it issues two commands under one label".to_owned()));
        }
        row.holds.retain(|id| holds.contains(id));
        row.holds.extend(
            self.cause
                .at_hand
                .map(|command| command.id)
                .filter(|id| holds.contains(id) && !row.holds.contains(id)),
        );
        row.progress = progress.or(row.progress);
        row.ended_at = row.ended_at.or(ended.then_some(self.now));
        row.awaits += issued.len() as u32;
        let issued = issued.into_iter().map(|issued| self.issued(&row, issued).map(Arc::new));
        let issued = issued.collect::<Result<Vec<_>, Defect>>()?;
        Ok(Plan { row, issued, settled, set, stopped })
    }

    fn held(&self, id: Uuid) -> Option<Arc<Command>> {
        let at_hand = self.cause.at_hand.filter(|command| command.id == id);
        at_hand.or_else(|| self.held?.get(&id)).cloned()
    }

    /// A command that an instance issues: its id follows from the step, so that the same step issues the same one.
    fn issued(&self, row: &ProcessRow, issued: Issued) -> Result<Command, Defect> {
        let Issued { label, command_type, target, data, unless } = issued;
        let kind = self.parts.catalog.command(&command_type);
        let unknown = || Defect(format!("it issues {command_type}, which there is not"));
        let aggregate_type = kind.ok_or_else(unknown)?.aggregate();
        if label.is_empty() {
            return Err(Defect(format!("it issues {command_type} without a label")));
        }
        // Also where two that have long begun show events to one another.
        let depth = row.depth.max(self.cause.depth) + 1;
        if depth > DEEPEST {
            return Err(Defect(format!("{DEEPEST} processes have led to one another")));
        }
        AggregateId::parse(target.as_str())
            .map_err(|error| Defect(format!("it issues {command_type} for {target:?}: {error}")))?;
        let ProcessKey { process_type, tenant, id } = &row.key;
        let partitions = self.parts.hub.partitions();
        Ok(Command {
            id: id_of_issued(&row.key, row.version, &label),
            tenant: tenant.clone(),
            partition: AggregateKey::new(tenant, aggregate_type, &target).partition(partitions),
            command_type,
            target,
            data: data.to_string(),
            expected_version: None,
            not_before: None,
            accepted_at: self.now,
            actor: self.cause.actor.clone(),
            callback_url: None,
            metadata: None,
            idempotency: None,
            correlation_id: self.cause.correlation_id,
            caused_by: self.cause.command,
            traceparent: self.cause.traceparent.clone(),
            reply_to: Some(Box::new(ReplyTo {
                process_type: process_type.clone(),
                id: id.clone(),
                label,
                partition: row.partition,
                must: unless.map(|slugs| slugs.into_iter().map(ToOwned::to_owned).collect()),
            })),
            depth,
            running: false,
            settlement: None,
        })
    }
}

/// The id of a command that an instance issues with its step of that number: it follows from that, so that the same step
/// issues the same one, and ids of later steps are greater, so that what is accepted at the same time has an order.
fn id_of_issued(instance: &ProcessKey, step: i64, label: &str) -> Uuid {
    let ProcessKey { process_type, tenant, id } = instance;
    let family = format!("{}/{process_type}/{id}", tenant.stored());
    let own = xxh3_128(format!("{family}/{step}/{label}").as_bytes()).to_be_bytes();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&xxh3_128(family.as_bytes()).to_be_bytes()[..6]);
    bytes[6..8].copy_from_slice(&((step & 0xfff) as u16).to_be_bytes());
    bytes[8..].copy_from_slice(&own[..8]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// A command that has to be done, once more: after twice the pause that it had itself, from a second on. None after a
/// pause of half a day, unless somebody has had a look at it since.
pub(super) fn again(failed: &Command, now: DateTime<Utc>) -> Option<Command> {
    const FIRST: TimeDelta = TimeDelta::seconds(1);
    const LONGEST: TimeDelta = TimeDelta::hours(12);
    const AT_ONCE: TimeDelta = TimeDelta::minutes(1);
    let paused = failed.not_before.map_or(TimeDelta::zero(), |due| due - failed.accepted_at);
    let settled = failed.settlement.as_ref()?.at;
    let pause = if paused < LONGEST {
        (paused * 2).max(FIRST)
    } else if now - settled > AT_ONCE {
        FIRST
    } else {
        return None;
    };
    Some(Command {
        id: id_of(&[failed.tenant.stored().as_bytes(), failed.id.as_bytes()].concat()),
        accepted_at: now,
        not_before: Some(now + pause),
        caused_by: Some(failed.id),
        running: false,
        settlement: None,
        ..failed.clone()
    })
}

#[cfg(test)]
mod tests {
    use wilco_domain::kernel::Tenant;

    use super::*;
    use crate::ports::{Settlement, State};

    /// One that failed so long after its acceptance, not having been tried for so long before.
    fn failed(paused: TimeDelta) -> Command {
        let (accepted_at, error) = (DateTime::UNIX_EPOCH, Some(Problem::new("no", 409, "no")));
        let at = accepted_at + paused;
        Command {
            id: Uuid::from_u128(7),
            tenant: Tenant::default(),
            partition: 0,
            command_type: "pet.release".to_owned(),
            target: "p".to_owned(),
            data: "{}".to_owned(),
            expected_version: None,
            not_before: (!paused.is_zero()).then_some(at),
            accepted_at,
            actor: None,
            callback_url: None,
            metadata: None,
            idempotency: None,
            correlation_id: Uuid::from_u128(1),
            caused_by: None,
            traceparent: None,
            reply_to: None,
            depth: 1,
            running: false,
            settlement: Some(Settlement {
                state: State::Failed,
                at,
                attempts: 1,
                offset: 1,
                version: None,
                error,
                result: None,
            }),
        }
    }

    #[test]
    fn what_has_to_be_done_is_tried_for_a_day_and_again_when_somebody_has_looked() {
        let (mut paused, mut all) = (TimeDelta::zero(), TimeDelta::zero());
        while let Some(again) = again(&failed(paused), DateTime::UNIX_EPOCH + paused) {
            paused = again.not_before.unwrap() - again.accepted_at;
            all += paused;
            assert_eq!((again.caused_by, again.state()), (Some(Uuid::from_u128(7)), State::Open));
        }
        assert!((TimeDelta::hours(24)..TimeDelta::hours(48)).contains(&all), "{all}");
        let later = DateTime::UNIX_EPOCH + paused + TimeDelta::hours(1);
        let resumed = again(&failed(paused), later).unwrap();
        assert_eq!(resumed.not_before.unwrap() - later, TimeDelta::seconds(1));
    }
}
