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
use wilco_domain::kernel::{Existence, Problem, Reply, Success, Then};

use super::alert::alert_of;
use super::batch::Draft;
use super::blocked;
use super::early::Early;
use super::input::{Input, InputKey};
use super::manner::{Attempt, refused_by_the_store};
use super::planning::{Cause, Plan, Planning, again};
use super::setback::Setback;
use crate::catalog::{Catalog, Defect, Failure, ProcessType, Reacted, Stimulus, Undecodable};
use crate::names;
use crate::parts::Parts;
use crate::ports::{
    AggregateKey, Command, CommandKey, ProcessKey, ProcessRow, ProcessStanding, Signal, State, StoreError,
    Timer,
};

/// See the module's description.
#[derive(Default)]
pub(super) struct Instances {
    batch: HashMap<ProcessKey, Instance>,
    /// What they have issued since it was last [taken](Instances::take_issued).
    issued: Vec<Arc<Command>>,
    early: Early,
    /// What made them stand still.
    stumbled: Vec<InputKey>,
    /// Those that an event was left for which only another build can show them: what comes behind it is left as well.
    pub(super) left: HashSet<ProcessKey>,
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

impl Instance {
    /// One of which nothing is stored.
    fn of(row: ProcessRow) -> Self {
        Self { row, stored: 0, held: HashMap::new(), touched: HashSet::new() }
    }
}

impl Instances {
    /// Loads what the batch is about, anew: what the last one did may not have been committed.
    pub(super) async fn load(
        &mut self,
        parts: &Parts,
        batch: &[Input],
        attempt: Attempt<'_>,
    ) -> Result<(), StoreError> {
        self.batch.clear();
        self.issued.clear();
        self.stumbled.clear();
        if !parts.catalog.has_processes() {
            return Ok(());
        }
        // An id that the server has made is nobody's yet. A client can choose a command's id and its target alike; then
        // the commit conflicts, and the second look is a real one.
        let is_new =
            |input: &&Input| attempt.is_at_once() && input.command().is_some_and(|one| one.is_server_made());
        let others = batch.iter().filter(|input| !is_new(input));
        let keys: HashSet<ProcessKey> =
            others.filter_map(|input| instance_of(&parts.catalog, input)).collect();
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
        let key = command.process(process);
        let holds = |instance: &Instance| instance.row.holds.contains(&command.id);
        if !fresh && self.batch.get(&key).is_some_and(holds) {
            // It was begun by a commit whose answer was lost, or has come here twice.
            return Ok(());
        }
        if let Some(problem) = self.refused(parts, &key, kind.home(), command) {
            if let Some(until) = waits_until(parts, command, draft.at()) {
                if fresh {
                    // What stays open has to be stored first.
                    let why = "a new command waits for what it is for";
                    return Err(Setback::Defect(Defect(why.to_owned())));
                }
                draft.postpone(command, until);
                self.early.note(key, command);
                return Ok(());
            }
            draft.conclude(command, fresh, Err(problem), 1);
            return Ok(());
        }
        if let Some(row) = self.row(&key).filter(|row| row.standing() == ProcessStanding::Parked) {
            let partition = row.partition;
            block(draft, command, fresh, behind_parked())?;
            draft.park(key, partition);
            return Ok(());
        }
        let at = command.not_before.unwrap_or(command.accepted_at);
        let cause = Cause::of_command(command);
        match self.react(parts, &**kind, &key, Stimulus::Command(command), at, &cause, draft.at()) {
            Ok(plan) => {
                let settled = plan.settled.iter().any(|(settled, _)| settled.id == command.id);
                self.write(draft, &key, plan, fresh.then_some(command.id));
                if !settled {
                    let begun = draft.begin(command, fresh);
                    if let Some(instance) = self.batch.get_mut(&key) {
                        instance.held.insert(command.id, begun);
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

    /// Tells an instance what became of a command that it has issued, or shows it what it observes.
    pub(super) fn take_signal(
        &mut self,
        draft: &mut Draft,
        parts: &Parts,
        signal: &Signal,
        attempt: Attempt<'_>,
    ) -> Result<(), Setback> {
        if let Some(event) = &signal.event {
            return self.take_event(draft, parts, signal, event, attempt);
        }
        let key = signal.to.process(&signal.command.tenant);
        if reply_of(signal).is_none() {
            return Ok(());
        }
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
        let result = if attempt.is_given_up() {
            Err(Failure::Defect(refused_by_the_store()))
        } else {
            self.answer(parts, &**kind, &key, signal, draft.at())
        };
        match result {
            Ok(plan) => {
                draft.heard(signal.clone());
                self.write(draft, &key, plan, None);
            }
            Err(failure) => self.stand_still(draft, key, InputKey::of_signal(signal), failure, attempt)?,
        }
        Ok(())
    }

    /// The same for a command that is settled within this very batch, so that no signal of it is stored. Whatever is out
    /// of the ordinary ends the attempt: then it is settled first.
    pub(super) fn take_reply(
        &mut self,
        draft: &mut Draft,
        parts: &Parts,
        signal: &Signal,
    ) -> Result<(), Setback> {
        let key = signal.to.process(&signal.command.tenant);
        let odd = |why: String| Setback::Defect(Defect(format!("a reply cannot be heard at once: {why}")));
        let kind = parts.catalog.process(&key.process_type).ok_or_else(|| odd("of no process".to_owned()))?;
        let plan =
            self.answer(parts, &**kind, &key, signal, draft.at()).map_err(|why| odd(format!("{why:?}")))?;
        self.write(draft, &key, plan, None);
        Ok(())
    }

    /// What an instance does about a reply, which is one less to wait for.
    fn answer(
        &self,
        parts: &Parts,
        kind: &dyn ProcessType,
        key: &ProcessKey,
        signal: &Signal,
        now: DateTime<Utc>,
    ) -> Result<Plan, Failure> {
        let Signal { to, command, .. } = signal;
        let unknown = || Failure::Defect(Defect("a reply to nobody, or of nothing".to_owned()));
        let reply = reply_of(signal).ok_or_else(unknown)?;
        let row = &self.batch.get(key).ok_or_else(unknown)?.row;
        let mut plan = if let (true, Reply::Failed(problem)) = (to.must.is_some(), &reply) {
            let row = ProcessRow { version: row.version + 1, ..row.clone() };
            let again = again(command, now).ok_or_else(|| {
                let (label, why) = (&to.label, &problem.detail);
                let why = format!("{label}, which has to be done, failed again and again: {why}");
                Failure::Unreadable(Undecodable(why))
            })?;
            // One is answered, another one awaited.
            Plan { issued: vec![Arc::new(again)], ..Plan::of(row).awaiting_one_more() }
        } else {
            let at = command.settlement.as_ref().map_or(now, |settlement| settlement.at);
            let cause = Cause::of_reply(command);
            self.react(parts, kind, key, Stimulus::Reply(&to.label, reply), at, &cause, now)?
        };
        plan.row.awaits = plan.row.awaits.saturating_sub(1);
        Ok(plan)
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
            Err(Failure::Defect(refused_by_the_store()))
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
            Err(failure) => self.stand_still(draft, key, InputKey::of_timer(timer), failure, attempt)?,
        }
        Ok(())
    }

    /// An instance as it is now, if there is one.
    pub(super) fn row(&self, key: &ProcessKey) -> Option<&ProcessRow> {
        self.batch.get(key).map(|instance| &instance.row)
    }

    /// An instance begins that knows nothing yet.
    pub(super) fn begin(&mut self, row: ProcessRow) {
        self.batch.insert(row.key.clone(), Instance::of(row));
    }

    /// Those that the batch is about.
    pub(super) fn keys(&self) -> impl Iterator<Item = &ProcessKey> {
        self.batch.keys()
    }

    /// These have been given all that waited for them.
    pub(super) fn catch_up(&mut self, resumed: &HashSet<ProcessKey>) {
        let instances = self.batch.iter_mut().filter(|(key, _)| resumed.contains(key));
        instances.for_each(|(_, instance)| instance.row.resumed = false);
    }

    /// Other partitions' instances come from now on.
    pub(super) fn assign(&mut self) {
        self.left.clear();
    }

    /// What made instances stand still.
    pub(super) fn stumbled(&self) -> &[InputKey] {
        &self.stumbled
    }

    /// What was issued since this was asked last.
    pub(super) fn take_issued(&mut self) -> Vec<Arc<Command>> {
        std::mem::take(&mut self.issued)
    }

    /// Whether whoever asked for an activity still wants it.
    pub(super) fn still_want(&self, parts: &Parts, command: &Command) -> bool {
        let Some(to) = command.reply_to.as_deref() else { return true };
        let instance = self.batch.get(&to.process(&command.tenant)).map(|instance| &instance.row);
        let kind = parts.catalog.process(&to.process_type);
        match (instance, kind) {
            (Some(row), Some(kind)) => {
                row.ended_at.is_none() && kind.still_wants((&row.state, row.state_version), &to.label)
            }
            (None, Some(_)) => false,
            (_, None) => true,
        }
    }

    /// Whether a command's effect on the existence of the instance speaks against it.
    fn refused(&self, parts: &Parts, key: &ProcessKey, home: &str, command: &Command) -> Option<Problem> {
        let existence = if self.batch.contains_key(key) { Existence::Present } else { Existence::Absent };
        let kind = parts.catalog.command(&command.command_type)?;
        kind.effect().refused(home, existence)
    }

    /// What an instance does about an input, checked.
    #[expect(clippy::too_many_arguments, reason = "all that a decision depends on")]
    pub(super) fn react(
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
        // One that could not begin, and stood still at once, has come to know nothing.
        let before = before.filter(|(state, _)| !state.is_empty());
        let then = Then::new(&key.id, at).with_settings(parts.reach.settings_of(kind.name()));
        let Reacted { state, effects } = kind.react(before, stimulus, then)?;
        let partitions = parts.hub.partitions();
        let begun = || cause.begin(key, AggregateKey::beside(key, kind.home()).partition(partitions), now);
        let row = instance.map_or_else(begun, |instance| instance.row.clone());
        let row = ProcessRow { version: row.version + 1, state, state_version: kind.state_version(), ..row };
        let planning = Planning { parts, held: instance.map(|instance| &instance.held), cause, now };
        planning.plan(row, effects).map_err(Failure::Defect)
    }

    /// Takes down what an instance did.
    pub(super) fn write(&mut self, draft: &mut Draft, key: &ProcessKey, plan: Plan, fresh: Option<Uuid>) {
        let partition = plan.row.partition;
        let instance = self.batch.entry(key.clone()).or_insert_with(|| {
            self.early.take(key).iter().for_each(|command| draft.postpone(command, draft.at()));
            Instance::of(plan.row.clone())
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
        self.issued.extend(plan.issued);
        draft.step(instance.stored, instance.row.clone());
    }

    /// An instance that cannot go on stands still, unless another build can go on with it.
    pub(super) fn stand_still(
        &mut self,
        draft: &mut Draft,
        key: ProcessKey,
        about: InputKey,
        failure: Failure,
        attempt: Attempt<'_>,
    ) -> Result<(), Setback> {
        let why = match failure {
            // Left where it is, for the build that can.
            Failure::Newer => return Ok(()),
            Failure::Defect(defect) => defect.0,
            Failure::Unreadable(why) => why.0,
            Failure::Refused(problem) => problem.detail,
        };
        if attempt.is_at_once() {
            return Err(Setback::Defect(Defect(why)));
        }
        let Some(instance) = self.batch.get_mut(&key) else { return Ok(()) };
        tracing::error!(process = key.process_type, id = key.id, why, "a process stands still");
        metrics::counter!(names::DEFECTS).increment(1);
        let problem = Problem::new("process-parked", 500, why);
        instance.row =
            ProcessRow { version: instance.row.version + 1, parked: Some(problem), ..instance.row.clone() };
        draft.step(instance.stored, instance.row.clone());
        // Whoever listens to the alert bus hears of it.
        let alert = Arc::new(alert_of(&instance.row, draft.at()));
        draft.conclude(&alert, true, Err(instance.row.parked.clone().unwrap_or_else(behind_parked)), 1);
        draft.park(key, instance.row.partition);
        self.stumbled.push(about);
        Ok(())
    }
}

/// When a command for an instance that is not there is tried again, if it has the patience: after half as long as it has
/// waited, between one second and thirty.
fn waits_until(parts: &Parts, command: &Command, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let patience = parts.catalog.command(&command.command_type)?.patience()?;
    let waited = now - command.accepted_at;
    let pause = (waited / 2).clamp(TimeDelta::seconds(1), TimeDelta::seconds(30));
    (waited < patience).then(|| now + pause)
}

/// The instance that an input is for, if it is for one.
pub(super) fn instance_of(catalog: &Catalog, input: &Input) -> Option<ProcessKey> {
    match input {
        Input::Command(command) => Some(command.process(catalog.process_of(command)?)),
        Input::Signal(signal) => Some(signal.to.process(&signal.command.tenant)),
        Input::Timer(timer) => Some(timer.process.clone()),
        Input::Attempt(due) => asker_of(&due.command),
        Input::Answer(answered) => asker_of(&answered.command),
    }
}

/// The instance that has issued a command.
fn asker_of(command: &Command) -> Option<ProcessKey> {
    Some(command.reply_to.as_deref()?.process(&command.tenant))
}

/// What became of the command that a signal is about.
fn reply_of(signal: &Signal) -> Option<Reply> {
    let settlement = signal.command.settlement.as_ref()?;
    if settlement.state == State::Succeeded {
        let result = settlement.result.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let (version, result) = (settlement.version, result.unwrap_or_default());
        return Some(Reply::Succeeded(Success { version, result }));
    }
    let problem = settlement.error.clone()?;
    let done = signal.to.must.as_ref().is_some_and(|unless| unless.iter().any(|slug| slug == problem.slug()));
    Some(if done { Reply::Succeeded(Success::default()) } else { Reply::Failed(problem) })
}

/// A command that cannot be handled now; what stays open has to be stored first.
pub(super) fn block(
    draft: &mut Draft,
    command: &Arc<Command>,
    fresh: bool,
    why: Problem,
) -> Result<(), Setback> {
    if fresh {
        return Err(Setback::Defect(Defect(format!("a new command is blocked: {}", why.detail))));
    }
    draft.block(command, why, false);
    Ok(())
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
