//! Finds the events that processes observe, and leaves signals for the instances that they concern.
//!
//! What must hold:
//! - An event that concerns an instance leaves its signal in the transaction that moves the reader beyond it.
//! - Each type of process has a reader of its own, which only builds move that know the type: in a rolling deployment nothing
//!   is missed because an older build was there.
//! - A new type begins at the heads: it is not shown what had happened before there was one.
//! - Of one partition, instances are shown events in their order, whatever the clocks say.
//! - An event that this build cannot read stops the reader before it, in that partition alone: another build can, or somebody
//!   [moves](go_to) the reader past it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::Instant;
use wilco_domain::kernel::AggregateId;

use crate::catalog::ProcessType;
use crate::cloud_event::EventMetadata;
use crate::names;
use crate::outage::Outage;
use crate::parts::Parts;
use crate::ports::{
    AggregateKey, Checkpoint, EntryBody, EventRow, FeedEntry, PartitionLease, ReplyTo, Sighting, Store,
    StoreError,
};
use crate::worker::{Backoff, Router};

/// Most entries looked at in one go.
const PAGE: usize = 512;
/// How often it looks where it stands, and says so, when there is nothing else to do.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the reader of a type of process is called among the feed's durable readers.
pub(crate) fn reader_of(process: &str) -> String {
    format!("process:{process}")
}

/// Where the reader of a type of process stands in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The partition.
    pub partition: u16,
    /// Up to here it has looked at everything.
    pub offset: i64,
    /// How far the partition's feed goes.
    pub head: i64,
}

/// Where the reader of that type stands, in every partition in which it has begun.
pub async fn standing(store: &dyn Store, process: &str) -> Result<Vec<Standing>, StoreError> {
    let heads = store.heads().await?.offsets;
    let head = |partition: u16| heads.get(usize::from(partition)).copied().unwrap_or_default();
    let standing =
        |Checkpoint { partition, offset, .. }| Standing { partition, offset, head: head(partition) };
    Ok(store.checkpoints(&reader_of(process)).await?.into_iter().map(standing).collect())
}

/// Moves the reader of that type in a partition, to look next at what comes after `offset`. Back: what has concerned
/// instances already is not shown to them again, but for those that are not there any more. False: it has moved meanwhile, or
/// has not begun there.
pub async fn go_to(
    store: &dyn Store,
    process: &str,
    partition: u16,
    offset: i64,
) -> Result<bool, StoreError> {
    let reader = reader_of(process);
    let found = store.checkpoints(&reader).await?;
    let Some(found) = found.into_iter().find(|found| found.partition == partition) else { return Ok(false) };
    store.observe(&reader, found.offset, &Checkpoint { offset, ..found }, &[]).await
}

/// Looks for what one type of process observes, in the partitions that this replica owns.
pub(crate) struct Observing {
    parts: Parts,
    router: Router,
    kind: Arc<dyn ProcessType>,
    reader: String,
    leases: watch::Receiver<Vec<PartitionLease>>,
    /// `None`: it is to be looked up.
    positions: Option<BTreeMap<u16, Position>>,
    looked: Instant,
    /// Events that stop it, and of which this process has said so.
    complained: BTreeSet<(u16, i64)>,
    outage: Outage,
}

/// Where it stands in a partition.
#[derive(Clone, Copy, Debug)]
struct Position {
    stored: Checkpoint,
    /// Up to here nothing more concerns anybody.
    read: i64,
    /// It cannot go further.
    stopped: bool,
}

/// What was found in a page.
struct Found {
    sightings: Vec<Sighting>,
    /// Up to where.
    offset: i64,
    /// The latest turn that was given.
    mark: Option<i64>,
    /// The event that it cannot read, and why.
    stopped: Option<(i64, String)>,
}

impl Observing {
    pub(crate) fn new(parts: &Parts, router: &Router, kind: &Arc<dyn ProcessType>) -> Self {
        Self {
            parts: parts.clone(),
            router: router.clone(),
            kind: Arc::clone(kind),
            reader: reader_of(kind.name()),
            leases: parts.ownership.subscribe(),
            positions: None,
            looked: Instant::now(),
            complained: BTreeSet::new(),
            outage: Outage::new("processes are shown events late", "processes are shown events again"),
        }
    }

    /// Says of a type of process that nothing has come of it so far; also of one that observes nothing.
    pub(crate) fn describe(process: &'static str) {
        metrics::gauge!(names::OBSERVING_LAG, "process" => process).set(0.0);
        metrics::gauge!(names::OBSERVERS_STOPPED, "process" => process).set(0.0);
        metrics::counter!(names::EVENTS_UNSEEN, "process" => process).increment(0);
    }

    /// Runs for ever; it has nothing to finish.
    pub(crate) async fn run(mut self) {
        let mut news = self.parts.hub.subscribe();
        let mut backoff = Backoff::default();
        loop {
            news.mark_unchanged();
            if self.looked.elapsed() >= LOOK_EVERY {
                self.look().await;
            }
            match self.step().await {
                Ok(true) => backoff = Backoff::default(),
                Ok(false) => {
                    self.outage.is_over();
                    self.idle(&mut news).await;
                }
                Err(error) => {
                    self.positions = None;
                    self.outage.failed(&error, "events were not handed over");
                    backoff.wait().await;
                }
            }
        }
    }

    async fn idle(&mut self, news: &mut watch::Receiver<()>) {
        tokio::select! {
            _ = news.changed() => {}
            _ = self.leases.changed() => self.positions = None,
            () = tokio::time::sleep_until(self.looked + LOOK_EVERY) => {}
        }
    }

    /// Says how far it is, saves that, and then looks up where it stands: somebody may have moved it.
    async fn look(&mut self) {
        self.looked = Instant::now();
        let heads = self.parts.hub.heads().offsets;
        let positions = self.positions.take().unwrap_or_default();
        let behind = |(partition, position): (&u16, &Position)| {
            heads.get(usize::from(*partition)).copied().unwrap_or_default() - position.read
        };
        let lag: i64 = positions.iter().map(behind).sum();
        let stopped = positions.values().filter(|position| position.stopped).count();
        metrics::gauge!(names::OBSERVING_LAG, "process" => self.kind.name()).set(lag as f64);
        metrics::gauge!(names::OBSERVERS_STOPPED, "process" => self.kind.name()).set(stopped as f64);
        for position in positions.values().filter(|position| position.read > position.stored.offset) {
            let to = Checkpoint { offset: position.read, ..position.stored };
            if let Err(error) = self.parts.store.observe(&self.reader, position.stored.offset, &to, &[]).await
            {
                return self.outage.failed(&error, "it was not noted how far they are");
            }
        }
    }

    /// Looks at a page of each partition; whether there was one.
    async fn step(&mut self) -> Result<bool, StoreError> {
        let mut positions = match self.positions.take() {
            Some(positions) => positions,
            None => self.look_up().await?,
        };
        let mut any = false;
        for position in positions.values_mut().filter(|position| !position.stopped) {
            let partition = position.stored.partition;
            let page = self.parts.hub.read(partition, position.read, PAGE).await?;
            if page.is_empty() {
                continue;
            }
            any = true;
            let found = self.search(&page, position);
            if !found.sightings.is_empty() {
                let to = Checkpoint { partition, offset: found.offset, mark: found.mark };
                let from = position.stored.offset;
                if !self.parts.store.observe(&self.reader, from, &to, &found.sightings).await? {
                    // Somebody else has moved it.
                    return Ok(true);
                }
                position.stored = to;
                self.router.look();
            }
            (position.read, position.stopped) = (found.offset, found.stopped.is_some());
            if let Some((offset, why)) = found.stopped {
                self.complain(partition, offset, &why);
            }
        }
        self.positions = Some(positions);
        Ok(any)
    }

    /// Where it stands in what is owned now.
    async fn look_up(&mut self) -> Result<BTreeMap<u16, Position>, StoreError> {
        let owned: Vec<u16> = self.leases.borrow_and_update().iter().map(|lease| lease.partition).collect();
        let stored = self.parts.store.checkpoints(&self.reader).await?;
        let owned = stored.into_iter().filter(|checkpoint| owned.contains(&checkpoint.partition));
        let position = |stored: Checkpoint| Position { stored, read: stored.offset, stopped: false };
        Ok(owned.map(|stored| (stored.partition, position(stored))).collect())
    }

    /// What of a page concerns anybody.
    fn search(&self, page: &[Arc<FeedEntry>], position: &Position) -> Found {
        let mut found =
            Found { sightings: Vec::new(), offset: position.read, mark: position.stored.mark, stopped: None };
        for entry in page {
            let sighting = match &entry.body {
                EntryBody::Event(row) => self.sighting(entry.offset, row, found.mark),
                EntryBody::Outcome(_) => Ok(None),
                EntryBody::Unreadable(why) => Err(why.clone()),
            };
            match sighting {
                Ok(sighting) => {
                    found.mark = sighting.as_ref().map(|one| one.at.timestamp_micros()).or(found.mark);
                    found.sightings.extend(sighting);
                    found.offset = entry.offset;
                }
                Err(why) => {
                    found.stopped = Some((entry.offset, why));
                    break;
                }
            }
        }
        found
    }

    /// Says, once in this process, that it cannot go beyond an event.
    fn complain(&mut self, partition: u16, offset: i64, why: &str) {
        if self.complained.insert((partition, offset)) {
            let process = self.kind.name();
            tracing::error!(
                process,
                partition,
                offset,
                why,
                "an event that it observes cannot be read; it goes no further"
            );
        }
    }

    /// What is to be shown to an instance of an event, if it concerns one; never before the turn that was given last.
    fn sighting(&self, offset: i64, row: &EventRow, mark: Option<i64>) -> Result<Option<Sighting>, String> {
        if !self.kind.observes().contains(&&*row.aggregate_type) {
            return Ok(None);
        }
        let Some(observed) = self.parts.catalog.observed(row) else { return Ok(None) };
        let observed = observed.map_err(|why| why.to_string())?;
        let concern = self.kind.concerns(&observed).map_err(|defect| defect.to_string())?;
        let Some(id) = concern.instance() else { return Ok(None) };
        AggregateId::parse(id).map_err(|error| format!("it concerns {id:?}: {error}"))?;
        let metadata = EventMetadata::of(row);
        let parsed = |text: &str| uuid::Uuid::parse_str(text).ok();
        // What another program has written comes of no command that is known here.
        let Some(command_id) = metadata.command_id.as_deref().and_then(parsed) else { return Ok(None) };
        let at = metadata.decided_at().unwrap_or_else(|| self.parts.clock.now());
        let at = mark.and_then(DateTime::<Utc>::from_timestamp_micros).map_or(at, |last| at.max(last));
        let (tenant, _) = AggregateKey::taken_apart(&row.aggregate_id);
        let partition =
            AggregateKey::new(&tenant, self.kind.home(), id).partition(self.parts.hub.partitions());
        let (process_type, id) = (self.kind.name().to_owned(), id.to_owned());
        let to = ReplyTo { process_type, id, label: String::new(), partition, must: None };
        Ok(Some(Sighting { to, tenant, offset, at, command_id }))
    }
}
