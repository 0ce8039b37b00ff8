//! The instances of processes that a batch is about: each handles its inputs one after the other, in memory, and what all
//! of them did goes into the batch's unit of work.
//!
//! What must hold:
//! - An input either leaves its trace (a new version, a signal that was heard, a timer that has fired) or none at all.
//! - What an instance wants is looked at as a whole before any of it is written down: a defective wish undoes the rest.
//! - An instance that met a defect stands still: what comes after it waits, in order, until somebody has seen to it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;
use wilco_domain::kernel::{AggregateId, Effects, Existence, Held, Issued, Problem, Reply, Then};
use xxhash_rust::xxh3::xxh3_128;

use super::batch::Draft;
use super::blocked;
use super::input::Input;
use super::manner::Attempt;
use super::setback::Setback;
use crate::catalog::{Catalog, Defect, Failure, ProcessType, Reacted, Stimulus, Undecodable};
use crate::names;
use crate::parts::Parts;
use crate::ports::{
    AggregateKey, Command, CommandKey, ProcessKey, ProcessRow, ReplyTo, Signal, State, StoreError, Timer,
};

/// Processes that lead to processes, one by way of the other, at most: further ones would hardly be meant.
const DEEPEST: u16 = 32;

/// See the module's description.
#[derive(Default)]
pub(super) struct Instances {
    batch: HashMap<ProcessKey, Instance>,
}

/// An instance, as of the inputs that it has handled so far.
struct Instance {
    row: ProcessRow,
    /// The version that is stored; 0: none is.
    stored: i64,
    /// The commands that it is to settle.
    held: HashMap<Uuid, Arc<Command>>,
    /// Timers that were set or stopped in this batch: those of that name that are under way do not count.
    touched: HashSet<String>,
}

/// A command that is settled: with a version, or why not.
type Settled = (Arc<Command>, Result<Option<i64>, Problem>);

/// What an instance wants, as it will be written.
struct Plan {
    row: ProcessRow,
    issued: Vec<Arc<Command>>,
    settled: Vec<Settled>,
    set: Vec<(String, DateTime<Utc>)>,
    stopped: Vec<String>,
}

impl Instances {
    /// Loads what the batch is about, anew: what the last one did may not have been committed.
    pub(super) async fn load(&mut self, parts: &Parts, batch: &[Input]) -> Result<(), StoreError> {
        self.batch.clear();
        if !parts.catalog.has_processes() {
            return Ok(());
        }
        let keys: HashSet<ProcessKey> =
            batch.iter().filter_map(|input| instance_of(&parts.catalog, input)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let rows = parts.store.processes(&keys.into_iter().collect::<Vec<_>>()).await?;
        let holds =
            rows.iter().flat_map(|row| row.holds.iter().map(|id| CommandKey::new(&row.key.tenant, *id)));
        let holds: Vec<CommandKey> = holds.collect();
        let held = if holds.is_empty() { Vec::new() } else { parts.store.commands(&holds).await? };
        let held: HashMap<CommandKey, Arc<Command>> =
            held.into_iter().map(|command| (command.key(), Arc::new(command))).collect();
        for row in rows {
            let of = |id: &Uuid| Some((*id, held.get(&CommandKey::new(&row.key.tenant, *id)).cloned()?));
            let held = row.holds.iter().filter_map(of).collect();
            let (stored, touched) = (row.version, HashSet::new());
            self.batch.insert(row.key.clone(), Instance { row, stored, held, touched });
        }
        Ok(())
    }

    /// Has a process handle a command of its own.
    pub(super) fn take_command(
        &mut self,
        draft: &mut Draft,
        parts: &Parts,
        process: &'static str,
        command: &Arc<Command>,
        attempt: Attempt<'_>,
    ) -> Result<(), Setback> {
        let fresh = attempt.is_fresh(command);
        let Some(kind) = parts.catalog.process(process) else { return Ok(()) };
        let key = process_of(process, command);
        if let Some(problem) = self.refused(parts, &key, kind.home(), command) {
            draft.conclude(command, fresh, Err(problem), 1);
            return Ok(());
        }
        if self.batch.get(&key).is_some_and(|instance| instance.row.parked.is_some()) {
            return block(draft, command, fresh, behind_parked());
        }
        let at = command.not_before.unwrap_or(command.accepted_at);
        let cause = Cause::of_command(command);
        match self.react(parts, &**kind, &key, Stimulus::Command(command), at, &cause, draft.at()) {
            Ok(plan) => {
                let settled = plan.settled.iter().any(|(settled, _)| settled.id == command.id);
                self.write(draft, &key, plan, fresh.then_some(command.id));
                if !settled {
                    draft.begin(command, fresh);
                    if let Some(instance) = self.batch.get_mut(&key) {
                        instance
                            .held
                            .insert(command.id, Arc::new(Command { running: true, ..(**command).clone() }));
                    }
                }
            }
            Err(Failure::Refused(problem)) => draft.conclude(command, fresh, Err(*problem), 1),
            Err(Failure::Unreadable(why)) => return block(draft, command, fresh, blocked::unreadable(&why)),
            Err(Failure::Newer) => return block(draft, command, fresh, of_newer_build()),
            Err(Failure::Defect(defect)) if attempt.is_at_once() => return Err(Setback::Defect(defect)),
            Err(Failure::Defect(defect)) => draft.settle(command, fresh, Err(defect), 2),
        }
        Ok(())
    }

    /// Tells an instance what became of a command that it has issued.
    pub(super) fn take_signal(
        &mut self,
        draft: &mut Draft,
        parts: &Parts,
        signal: &Signal,
        attempt: Attempt<'_>,
    ) -> Result<(), Setback> {
        let key = signal.to.process(&signal.command.tenant);
        let Some(reply) = reply_of(signal) else { return Ok(()) };
        let Some(kind) = parts.catalog.process(&key.process_type) else { return Ok(()) };
        let Some(instance) = self.batch.get_mut(&key) else {
            draft.heard(signal.clone());
            return Ok(());
        };
        if instance.row.ended_at.is_some() {
            // Late; but the instance remembers that it has been answered.
            let mut row = instance.row.clone();
            row.awaits = row.awaits.saturating_sub(1);
            row.version += 1;
            draft.heard(signal.clone());
            self.write(draft, &key, Plan::of(row), None);
            return Ok(());
        }
        if instance.row.parked.is_some() {
            draft.park(key, instance.row.partition);
            return Ok(());
        }
        let has_to_be_done = signal.to.must.is_some();
        let at = signal.command.settlement.as_ref().map_or(draft.at(), |settlement| settlement.at);
        let label = signal.to.label.clone();
        let result = if attempt.is_given_up() {
            Err(refused_by_the_store())
        } else if let (true, Reply::Failed(problem)) = (has_to_be_done, &reply) {
            let row = ProcessRow { version: instance.row.version + 1, ..instance.row.clone() };
            match again(&signal.command, draft.at()) {
                // One is answered, another one awaited.
                Some(again) => {
                    Ok(Plan { issued: vec![Arc::new(again)], ..Plan::of(row).awaiting_one_more() })
                }
                None => Err(Failure::Unreadable(Undecodable(format!(
                    "{label}, which has to be done, failed again and again: {}",
                    problem.detail
                )))),
            }
        } else {
            let cause = Cause::of_reply(&signal.command);
            self.react(parts, &**kind, &key, Stimulus::Reply(&label, reply), at, &cause, draft.at())
        };
        match result {
            Ok(mut plan) => {
                plan.row.awaits = plan.row.awaits.saturating_sub(1);
                draft.heard(signal.clone());
                self.write(draft, &key, plan, None);
            }
            Err(failure) => self.stand_still(draft, key, failure, attempt)?,
        }
        Ok(())
    }

    /// Lets a timer fire.
    pub(super) fn take_timer(
        &mut self,
        draft: &mut Draft,
        parts: &Parts,
        timer: &Timer,
        attempt: Attempt<'_>,
    ) -> Result<(), Setback> {
        let key = timer.process.clone();
        let Some(kind) = parts.catalog.process(&key.process_type) else { return Ok(()) };
        let Some(instance) = self.batch.get_mut(&key) else {
            draft.fired(timer.clone());
            return Ok(());
        };
        if instance.touched.contains(&timer.name) {
            return Ok(());
        }
        if instance.row.ended_at.is_some() {
            draft.fired(timer.clone());
            return Ok(());
        }
        if instance.row.parked.is_some() {
            draft.park(key, instance.row.partition);
            return Ok(());
        }
        instance.touched.insert(timer.name.clone());
        let result = if attempt.is_given_up() {
            Err(refused_by_the_store())
        } else {
            let row = instance.row.clone();
            let cause = Cause::of_row(&row);
            self.react(parts, &**kind, &key, Stimulus::Timer(&timer.name), timer.due_at, &cause, draft.at())
        };
        match result {
            Ok(plan) => {
                draft.fired(timer.clone());
                self.write(draft, &key, plan, None);
            }
            Err(failure) => self.stand_still(draft, key, failure, attempt)?,
        }
        Ok(())
    }

    /// Whether a command's effect on the existence of the instance speaks against it.
    fn refused(&self, parts: &Parts, key: &ProcessKey, home: &str, command: &Command) -> Option<Problem> {
        let existence = if self.batch.contains_key(key) { Existence::Present } else { Existence::Absent };
        let kind = parts.catalog.command(&command.command_type)?;
        kind.effect().refused(home, existence)
    }

    /// What an instance does about an input, checked.
    #[expect(clippy::too_many_arguments, reason = "all that a decision depends on")]
    fn react(
        &self,
        parts: &Parts,
        kind: &dyn ProcessType,
        key: &ProcessKey,
        stimulus: Stimulus<'_>,
        at: DateTime<Utc>,
        cause: &Cause<'_>,
        now: DateTime<Utc>,
    ) -> Result<Plan, Failure> {
        let instance = self.batch.get(key);
        let before = instance.map(|instance| (&*instance.row.state, instance.row.state_version));
        let Reacted { state, effects } = kind.react(before, stimulus, Then::new(&key.id, at))?;
        let row = match (instance, cause.at_hand) {
            (Some(instance), _) => instance.row.clone(),
            (None, Some(command)) => begun_by(key, command, now),
            (None, None) => {
                return Err(Failure::Defect(Defect("a process began without a command".to_owned())));
            }
        };
        let row = ProcessRow { version: row.version + 1, state, state_version: kind.state_version(), ..row };
        let planning = Planning { parts, held: instance.map(|instance| &instance.held), cause, now };
        planning.plan(row, effects).map_err(Failure::Defect)
    }

    /// Takes down what an instance did.
    fn write(&mut self, draft: &mut Draft, key: &ProcessKey, plan: Plan, fresh: Option<Uuid>) {
        let partition = plan.row.partition;
        let instance = self.batch.entry(key.clone()).or_insert_with(|| Instance {
            row: plan.row.clone(),
            stored: 0,
            held: HashMap::new(),
            touched: HashSet::new(),
        });
        instance.row = plan.row;
        for (command, outcome) in plan.settled {
            instance.held.remove(&command.id);
            draft.conclude(&command, fresh == Some(command.id), outcome, 1);
        }
        for name in plan.stopped {
            instance.touched.insert(name.clone());
            draft.stop(key, name);
        }
        for (name, due_at) in plan.set {
            instance.touched.insert(name.clone());
            draft.set(Timer { process: key.clone(), partition, name, due_at });
        }
        draft.issue(plan.issued);
        draft.step(instance.stored, instance.row.clone());
    }

    /// An instance that cannot go on stands still, unless another build can go on with it.
    fn stand_still(
        &mut self,
        draft: &mut Draft,
        key: ProcessKey,
        failure: Failure,
        attempt: Attempt<'_>,
    ) -> Result<(), Setback> {
        let why = match failure {
            // Left where it is, for the build that can.
            Failure::Newer => return Ok(()),
            Failure::Defect(defect) if attempt.is_at_once() => return Err(Setback::Defect(defect)),
            Failure::Defect(defect) => defect.0,
            Failure::Unreadable(why) => why.0,
            Failure::Refused(problem) => problem.detail,
        };
        let Some(instance) = self.batch.get_mut(&key) else { return Ok(()) };
        tracing::error!(process = key.process_type, id = key.id, why, "a process stands still");
        metrics::counter!(names::DEFECTS).increment(1);
        let problem = Problem::new("process-parked", 500, why);
        instance.row =
            ProcessRow { version: instance.row.version + 1, parked: Some(problem), ..instance.row.clone() };
        draft.step(instance.stored, instance.row.clone());
        draft.park(key, instance.row.partition);
        Ok(())
    }
}

impl Plan {
    /// Nothing but a new row.
    fn of(row: ProcessRow) -> Self {
        Self { row, issued: Vec::new(), settled: Vec::new(), set: Vec::new(), stopped: Vec::new() }
    }

    fn awaiting_one_more(mut self) -> Self {
        self.row.awaits += 1;
        self
    }
}

/// What an instance reacts to, as the commands know it that it then issues.
struct Cause<'c> {
    /// The command that it is given, if it is one.
    at_hand: Option<&'c Arc<Command>>,
    /// The command that they come of.
    command: Option<Uuid>,
    correlation_id: Uuid,
    actor: &'c Option<String>,
    traceparent: &'c Option<String>,
}

impl<'c> Cause<'c> {
    fn of_command(command: &'c Arc<Command>) -> Self {
        Self { at_hand: Some(command), command: Some(command.id), ..Self::of_reply(command) }
    }

    /// What comes of a reply comes of what the command came of that it replies to.
    fn of_reply(command: &'c Command) -> Self {
        let Command { caused_by, correlation_id, actor, traceparent, .. } = command;
        Self { at_hand: None, command: *caused_by, correlation_id: *correlation_id, actor, traceparent }
    }

    fn of_row(row: &'c ProcessRow) -> Self {
        let ProcessRow { caused_by, correlation_id, actor, traceparent, .. } = row;
        Self { at_hand: None, command: *caused_by, correlation_id: *correlation_id, actor, traceparent }
    }
}

/// Makes of what an instance wants what will be written, or says what is wrong with it.
struct Planning<'p> {
    parts: &'p Parts,
    held: Option<&'p HashMap<Uuid, Arc<Command>>>,
    cause: &'p Cause<'p>,
    now: DateTime<Utc>,
}

impl Planning<'_> {
    fn plan(&self, mut row: ProcessRow, effects: Effects) -> Result<Plan, Defect> {
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
        let Issued { label, aggregate_type, target, verb, data, unless } = issued;
        let command_type = format!("{aggregate_type}.{verb}");
        if self.parts.catalog.command(&command_type).is_none() {
            return Err(Defect(format!("it issues {command_type}, which there is not")));
        }
        let depth = row.depth + 1;
        if depth > DEEPEST {
            return Err(Defect(format!("{DEEPEST} processes have led to one another")));
        }
        AggregateId::parse(target.as_str())
            .map_err(|error| Defect(format!("it issues {command_type} for {target:?}: {error}")))?;
        let ProcessKey { process_type, tenant, id } = &row.key;
        let partitions = self.parts.hub.partitions();
        let named = format!("{}/{process_type}/{id}/{}/{label}", tenant.stored(), row.version);
        Ok(Command {
            id: uuid::Builder::from_custom_bytes(xxh3_128(named.as_bytes()).to_be_bytes()).into_uuid(),
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

/// The instance that an input is for, if it is for one.
pub(super) fn instance_of(catalog: &Catalog, input: &Input) -> Option<ProcessKey> {
    match input {
        Input::Command(command) => Some(process_of(catalog.process_of(command)?, command)),
        Input::Signal(signal) => Some(signal.to.process(&signal.command.tenant)),
        Input::Timer(timer) => Some(timer.process.clone()),
    }
}

fn process_of(process: &str, command: &Command) -> ProcessKey {
    ProcessKey {
        process_type: process.to_owned(),
        tenant: command.tenant.clone(),
        id: command.target.clone(),
    }
}

fn begun_by(key: &ProcessKey, command: &Command, now: DateTime<Utc>) -> ProcessRow {
    ProcessRow {
        key: key.clone(),
        partition: command.partition,
        version: 0,
        state_version: 0,
        state: String::new(),
        holds: Vec::new(),
        awaits: 0,
        progress: None,
        depth: command.depth,
        correlation_id: command.correlation_id,
        caused_by: Some(command.id),
        actor: command.actor.clone(),
        traceparent: command.traceparent.clone(),
        begun_at: now,
        ended_at: None,
        parked: None,
    }
}

/// What became of the command that a signal is about.
fn reply_of(signal: &Signal) -> Option<Reply> {
    let settlement = signal.command.settlement.as_ref()?;
    if settlement.state == State::Succeeded {
        return Some(Reply::Succeeded(settlement.version));
    }
    let problem = settlement.error.clone()?;
    let done = signal.to.must.as_ref().is_some_and(|unless| unless.iter().any(|slug| slug == problem.slug()));
    Some(if done { Reply::Succeeded(None) } else { Reply::Failed(problem) })
}

/// A command that has to be done, once more: after twice the pause that it had itself, from a second on. None after a
/// pause of half a day, unless somebody has had a look at it since.
fn again(failed: &Command, now: DateTime<Utc>) -> Option<Command> {
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
    let id = xxh3_128([failed.tenant.stored().as_bytes(), failed.id.as_bytes()].concat().as_slice());
    Some(Command {
        id: uuid::Builder::from_custom_bytes(id.to_be_bytes()).into_uuid(),
        accepted_at: now,
        not_before: Some(now + pause),
        caused_by: Some(failed.id),
        running: false,
        settlement: None,
        ..failed.clone()
    })
}

/// A command that cannot be handled now; what stays open has to be stored first.
fn block(draft: &mut Draft, command: &Arc<Command>, fresh: bool, why: Problem) -> Result<(), Setback> {
    if fresh {
        return Err(Setback::Defect(Defect(format!("a new command is blocked: {}", why.detail))));
    }
    draft.block(command, why, false);
    Ok(())
}

fn refused_by_the_store() -> Failure {
    Failure::Defect(Defect("the store refuses what it leads to".to_owned()))
}

fn behind_parked() -> Problem {
    Problem::new("blocked", 503, "the process that it is for stands still until somebody has seen to it")
}

fn of_newer_build() -> Problem {
    Problem::new(
        "blocked",
        503,
        "the process that it is for is in the hands of a newer version of the server",
    )
}

#[cfg(test)]
mod tests {
    use wilco_domain::kernel::Tenant;

    use super::*;
    use crate::ports::Settlement;

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
