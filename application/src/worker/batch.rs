//! One batch on its way from commands to a unit of work.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use wilco_domain::kernel::Problem;

use super::blocked;
use crate::catalog::{Defect, Executed};
use crate::kinds::KnownKinds;
use crate::metadata::OWN_METADATA;
use crate::ports::{
    AggregateKey, AttemptRow, AttemptStep, Begun, BlockedCommand, Command, CommandKey, Committed, EntryBody,
    EventRow, FeedEntry, NewEvent, Outcome, PartitionSlice, ProcessKey, ProcessRow, Seat, Settlement, Signal,
    State, Timer, UnitOfWork,
};
use crate::status::rfc3339;

/// Fills a unit of work, seat by seat.
pub(super) struct Draft {
    work: UnitOfWork,
    epochs: HashMap<u16, i64>,
    seats: BTreeMap<u16, u32>,
    /// What instances have come to, with the versions that are stored.
    rows: HashMap<ProcessKey, (i64, ProcessRow)>,
    /// The timers that they set.
    timers: HashMap<ProcessKey, Vec<Timer>>,
    /// Commands that are running from now on.
    begun: HashMap<CommandKey, Begun>,
    /// Instances that stand still.
    parked: HashSet<ProcessKey>,
    defects: Vec<(Arc<Command>, Defect)>,
    blocked: HashSet<AggregateKey>,
    at: DateTime<Utc>,
}

impl Draft {
    /// An empty draft of `owner`, settling at `at`, for partitions owned in these epochs.
    pub(super) fn new(owner: Uuid, epochs: HashMap<u16, i64>, at: DateTime<Utc>) -> Self {
        let work = UnitOfWork { owner, ..UnitOfWork::default() };
        Self {
            work,
            epochs,
            seats: BTreeMap::new(),
            rows: HashMap::new(),
            timers: HashMap::new(),
            begun: HashMap::new(),
            parked: HashSet::new(),
            defects: Vec::new(),
            blocked: HashSet::new(),
            at,
        }
    }

    /// Adds what became of a command; a fresh one is stored along with it.
    pub(super) fn settle(
        &mut self,
        command: &Arc<Command>,
        fresh: bool,
        result: Result<Executed, Defect>,
        attempts: u32,
    ) {
        let outcome = match result {
            Ok(Executed::Applied(events, version)) => {
                for row in events {
                    let seat = self.seat(command.partition);
                    self.work.events.push(NewEvent { seat, row });
                }
                Ok(Some(version))
            }
            Ok(Executed::Refused(problem)) => Err(problem),
            Ok(Executed::Blocked(why)) => return self.block(command, blocked::unreadable(&why), false),
            Err(defect) => {
                self.defects.push((Arc::clone(command), defect));
                Err(internal())
            }
        };
        self.conclude(command, fresh, outcome, attempts);
    }

    /// Adds how a command ended: with the version of its aggregate, or why not.
    pub(super) fn conclude(
        &mut self,
        command: &Arc<Command>,
        fresh: bool,
        outcome: Result<Option<i64>, Problem>,
        attempts: u32,
    ) {
        // An instance has begun to work on it in this very batch.
        let begun = if self.begun.is_empty() { None } else { self.begun.remove(&command.key()) };
        let fresh = begun.map_or(fresh, |begun| begun.fresh);
        let (state, version, error) = match outcome {
            Ok(version) => (State::Succeeded, version, None),
            // A process has taken it back, at somebody's wish.
            Err(problem) if problem.slug() == "cancelled" => (State::Cancelled, None, Some(problem)),
            Err(problem) => (State::Failed, None, Some(problem)),
        };
        self.end(command, fresh, Settlement { version, error, ..self.settlement(state, attempts) });
    }

    /// Adds a command that has brought something back.
    pub(super) fn give(&mut self, command: &Arc<Command>, result: String, attempts: u32) {
        let result = Some(result);
        self.end(command, false, Settlement { result, ..self.settlement(State::Succeeded, attempts) });
    }

    /// Adds a command that nobody wants any more.
    pub(super) fn cancel(&mut self, command: &Arc<Command>, why: Problem, attempts: u32) {
        let error = Some(why);
        self.end(command, false, Settlement { error, ..self.settlement(State::Cancelled, attempts) });
    }

    fn settlement(&self, state: State, attempts: u32) -> Settlement {
        Settlement { state, at: self.at, attempts, offset: 0, version: None, error: None, result: None }
    }

    fn end(&mut self, command: &Arc<Command>, fresh: bool, settlement: Settlement) {
        self.work.issued.extend(crate::callbacks::of_settled(command, self.at).map(Arc::new));
        let seat = self.seat(command.partition);
        let error = settlement.error.map(|problem| problem.at(crate::status::path_of(command.id)));
        let settlement = Settlement { error, ..settlement };
        self.work.outcomes.push(Outcome { seat, command: Arc::clone(command), fresh, settlement });
    }

    /// Adds what becomes of the attempts at an activity, of which so many had begun; `None`: nothing is stored of it.
    pub(super) fn attempt(&mut self, command: &Command, before: Option<u32>, after: Option<AttemptRow>) {
        self.touch(command.partition);
        let (command, partition) = (command.key(), command.partition);
        self.work.attempts.push(AttemptStep { command, partition, before, after });
    }

    /// Adds a command that is not to be applied before then; what was said of it before is forgotten.
    pub(super) fn postpone(&mut self, command: &Command, until: DateTime<Utc>) {
        self.touch(command.partition);
        let key = command.key();
        self.work.postponed.retain(|(other, _)| *other != key);
        self.work.postponed.push((key, until));
    }

    /// When it is settled.
    pub(super) const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Adds a command that a process works on from now on; gives it back as it is then.
    pub(super) fn begin(&mut self, command: &Command, fresh: bool) -> Arc<Command> {
        let command = Arc::new(Command { running: true, ..command.clone() });
        self.begun.insert(command.key(), Begun { command: Arc::clone(&command), fresh });
        command
    }

    /// Adds what an instance has come to; `before` is the version that is stored. A later step takes the place of an
    /// earlier one; the last one leaves no timers.
    pub(super) fn step(&mut self, before: i64, row: ProcessRow) {
        self.touch(row.partition);
        if row.ended_at.is_some() {
            self.timers.remove(&row.key);
        }
        self.rows.insert(row.key.clone(), (before, row));
    }

    /// Adds a signal that was heard.
    pub(super) fn heard(&mut self, signal: Signal) {
        self.touch(signal.to.partition);
        self.work.steps.heard.push(signal);
    }

    /// Adds a timer that has fired.
    pub(super) fn fired(&mut self, timer: Timer) {
        self.touch(timer.partition);
        self.work.steps.fired.push(timer);
    }

    /// Adds a timer to set; it takes the place of an earlier one of its name.
    pub(super) fn set(&mut self, timer: Timer) {
        let timers = self.timers.entry(timer.process.clone()).or_default();
        timers.retain(|earlier| earlier.name != timer.name);
        timers.push(timer);
    }

    /// Adds a timer that is not to fire.
    pub(super) fn stop(&mut self, process: &ProcessKey, name: String) {
        if let Some(timers) = self.timers.get_mut(process) {
            timers.retain(|earlier| earlier.name != name);
        }
        self.work.steps.stopped.push((process.clone(), name));
    }

    /// Adds an instance that stands still, whether from now on or since long: what is to come to it waits. If somebody has
    /// let it go on meanwhile, the commit conflicts.
    pub(super) fn park(&mut self, process: ProcessKey, partition: u16) {
        self.touch(partition);
        self.parked.insert(process);
    }

    /// Adds a command that comes of it.
    pub(super) fn issue(&mut self, command: Arc<Command>) {
        self.work.issued.push(command);
    }

    /// How the command ended that was added last.
    pub(super) fn last_settlement(&self) -> Option<Settlement> {
        self.work.outcomes.last().map(|outcome| outcome.settlement.clone())
    }

    /// Adds a stored command that ends with it, and whose instance handles that in it. Nobody else is to be told.
    pub(super) fn tell(&mut self, command: &CommandKey) {
        self.work.steps.told.push(command.clone());
    }

    /// Makes sure that a partition is owned.
    fn touch(&mut self, partition: u16) {
        self.seats.entry(partition).or_insert(0);
    }

    /// Adds a command that cannot be applied, perhaps only because it comes behind one that cannot.
    pub(super) fn block(&mut self, command: &Arc<Command>, reason: Problem, behind: bool) {
        let (id, partition, target) = (command.id, command.partition, command.aggregate());
        if !behind {
            tracing::warn!(command = %id, kind = command.command_type, target = command.target,
                reason = reason.detail, "a command is blocked until another version of the program is started");
        }
        self.touch(partition);
        self.blocked.insert(target.clone());
        let reason = reason.at(crate::status::path_of(id));
        self.work.blocked.push(BlockedCommand { id, partition, target, behind, reason });
    }

    /// Whether an earlier command of the batch for the same aggregate is blocked.
    pub(super) fn has_blocked(&self, command: &Command) -> bool {
        !self.blocked.is_empty() && self.blocked.contains(&command.aggregate())
    }

    /// Where the views and snapshots go.
    pub(super) fn work(&mut self) -> &mut UnitOfWork {
        &mut self.work
    }

    /// The whole, and the defects to [tell of](tell_of) when it is committed.
    pub(super) fn finish(mut self, known: &KnownKinds) -> (Arc<UnitOfWork>, Vec<(Arc<Command>, Defect)>) {
        let slice = |(partition, entries): (u16, u32)| PartitionSlice {
            partition,
            epoch: self.epochs.get(&partition).copied().unwrap_or_default(),
            entries,
        };
        self.work.steps.rows = self.rows.into_values().collect();
        self.work.steps.set = self.timers.into_values().flatten().collect();
        self.work.steps.begun = self.begun.into_values().collect();
        self.work.steps.parked = self.parked.into_iter().collect();
        self.work.kinds = known.unknown(&self.work.events);
        self.work.partitions = self.seats.into_iter().map(slice).collect();
        (Arc::new(self.work), self.defects)
    }

    fn seat(&mut self, partition: u16) -> Seat {
        let next = self.seats.entry(partition).or_insert(0);
        let seat = Seat { partition, index: *next };
        *next += 1;
        seat
    }
}

/// The feed entries that a commit has made, in order of partition and offset.
pub(super) fn entries_of(work: Arc<UnitOfWork>, committed: &Committed) -> Vec<Arc<FeedEntry>> {
    let UnitOfWork { partitions, events, outcomes, .. } = Arc::unwrap_or_clone(work);
    let bases: HashMap<u16, i64> =
        partitions.iter().map(|slice| slice.partition).zip(committed.bases.iter().copied()).collect();
    let offset = |seat: Seat| bases.get(&seat.partition).copied().unwrap_or_default() + i64::from(seat.index);
    let entry =
        |seat: Seat, body| Arc::new(FeedEntry { partition: seat.partition, offset: offset(seat), body });
    let mut entries: Vec<Arc<FeedEntry>> = Vec::with_capacity(events.len() + outcomes.len());
    entries.extend(events.into_iter().map(|NewEvent { seat, row }| entry(seat, EntryBody::Event(row))));
    entries.extend(outcomes.into_iter().map(|Outcome { seat, command, settlement, .. }| {
        let settlement = Some(Settlement { offset: offset(seat), ..settlement });
        let settled = Command { settlement, running: false, ..Arc::unwrap_or_clone(command) };
        entry(seat, EntryBody::Outcome(Arc::new(settled)))
    }));
    entries.sort_unstable_by_key(|entry| (entry.partition, entry.offset));
    entries
}

/// The problem of a command that met a defect. What went wrong inside is logged, not shown.
fn internal() -> Problem {
    Problem::new("internal", 500, "the command met a defect of the server; it is kept and can be retried")
}

/// Tells the log of commands that were settled as failed because of a defect, and counts them.
pub(super) fn tell_of(defects: &[(Arc<Command>, Defect)]) {
    for (command, defect) in defects {
        tracing::error!(command = %command.id, kind = command.command_type, target = command.target, %defect,
            "a command met a defect");
        metrics::counter!(crate::names::DEFECTS).increment(1);
    }
}

/// What goes onto every event of a command. What only the server may say is never the client's word, even if it was
/// stored as such by an earlier version.
pub(super) fn metadata_of(command: &Command, at: DateTime<Utc>) -> Result<HashMap<String, String>, Defect> {
    let unreadable = |error: serde_json::Error| Defect(format!("the command's metadata: {error}"));
    let mut metadata: HashMap<String, String> = match &command.metadata {
        Some(text) => serde_json::from_str(text).map_err(unreadable)?,
        None => HashMap::new(),
    };
    metadata.retain(|name, _| !OWN_METADATA.contains(&name.as_str()));
    metadata.insert("command_id".to_owned(), command.id.to_string());
    metadata.insert("correlation_id".to_owned(), command.correlation_id.to_string());
    metadata.insert("at".to_owned(), rfc3339(&at));
    if let Some(actor) = &command.actor {
        metadata.insert("actor".to_owned(), actor.clone());
    }
    if let Some(traceparent) = &command.traceparent {
        metadata.insert("traceparent".to_owned(), traceparent.clone());
    }
    Ok(metadata)
}

/// All events of an aggregate, for the rare aggregate whose snapshot cannot be read.
pub(super) async fn all_events(
    journal: &dyn crate::ports::Journal,
    key: &crate::ports::AggregateKey,
) -> Result<Vec<EventRow>, crate::ports::StoreError> {
    const PAGE: u32 = 1000;
    let mut events: Vec<EventRow> = Vec::new();
    loop {
        let after = events.last().map_or(0, |event| event.sequence);
        let page = journal.events(key, after, PAGE).await?;
        let last = page.len() < PAGE as usize;
        events.extend(page);
        if last {
            return Ok(events);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(metadata: Option<&str>) -> Command {
        Command {
            id: Uuid::nil(),
            tenant: wilco_domain::kernel::Tenant::default(),
            partition: 0,
            command_type: "pet.sell".to_owned(),
            target: "p".to_owned(),
            data: "{}".to_owned(),
            expected_version: None,
            not_before: None,
            accepted_at: DateTime::UNIX_EPOCH,
            actor: Some("somebody".to_owned()),
            callback_url: None,
            metadata: metadata.map(ToOwned::to_owned),
            idempotency: None,
            correlation_id: Uuid::nil(),
            caused_by: None,
            traceparent: Some("00-1-2-00".to_owned()),
            reply_to: None,
            depth: 0,
            running: false,
            settlement: None,
        }
    }

    #[test]
    fn whatever_the_server_says_of_an_event_is_no_name_for_a_client() {
        let metadata = metadata_of(&command(None), DateTime::UNIX_EPOCH).unwrap();
        for name in metadata.keys() {
            assert!(OWN_METADATA.contains(&name.as_str()), "{name}");
        }
    }

    #[test]
    fn what_a_client_once_said_in_the_name_of_the_server_is_not_repeated() {
        let stored = r#"{"actor":"admin","tenant":"acme","traceparent":"a\nb","who":"me"}"#;
        let unknown = Command { actor: None, traceparent: None, ..command(Some(stored)) };
        let metadata = metadata_of(&unknown, DateTime::UNIX_EPOCH).unwrap();
        let mut names: Vec<&str> = metadata.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["at", "command_id", "correlation_id", "who"]);
        assert!(metadata_of(&command(Some("[]")), DateTime::UNIX_EPOCH).is_err());
    }
}
