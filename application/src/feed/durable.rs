//! A reader of the feed that goes on where it was, whichever replica owns its partitions.
//!
//! What must hold:
//! - It stands in the partitions that this replica owns, and nowhere else.
//! - A partition that is owned anew begins at its checkpoint; so does one that was owned before under another epoch, since
//!   somebody else may have read it in between.
//! - Checkpoints are moved under the leases they were reached under: a replica that was replaced while it stood still
//!   moves nothing back.
//! - An entry that can never be done is parked, kept for somebody to look at, and stops no other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::FeedHub;
use crate::ownership::Ownership;
use crate::ports::{Checkpoint, FeedEntry, Fence, ParkedEntry, PartitionLease, Store, StoreError};

/// How often checkpoints are saved while there is traffic.
pub(crate) const SAVE_EVERY: Duration = Duration::from_secs(1);

/// See the module's description.
pub(crate) struct DurableReader {
    /// The name its checkpoints are kept under.
    name: &'static str,
    store: Arc<dyn Store>,
    hub: Arc<FeedHub>,
    ownership: Ownership,
    leases: watch::Receiver<Vec<PartitionLease>>,
    positions: BTreeMap<u16, Position>,
    saved: Instant,
}

/// Where it stands in a partition.
#[derive(Clone, Copy, Debug)]
struct Position {
    /// The lease under which it is so.
    lease: PartitionLease,
    /// Everything up to here is done.
    offset: i64,
    /// See [`Checkpoint::mark`].
    mark: Option<i64>,
    saved: i64,
}

impl Position {
    fn at(lease: PartitionLease, checkpoint: Option<&Checkpoint>) -> Self {
        let offset = checkpoint.map_or(0, |checkpoint| checkpoint.offset);
        Self { lease, offset, mark: checkpoint.and_then(|checkpoint| checkpoint.mark), saved: offset }
    }
}

/// Other partitions are owned than before.
#[derive(Debug)]
pub(crate) struct Assigned {
    /// Those that are begun at their checkpoints.
    pub(crate) anew: Vec<u16>,
    /// The highest mark of all partitions' checkpoints, also of those of others.
    pub(crate) highest_mark: Option<i64>,
}

/// A partition that has entries which are not done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behind {
    /// The partition.
    pub(crate) partition: u16,
    /// Everything up to here is done.
    pub(crate) offset: i64,
    /// How many entries there are after that.
    pub(crate) entries: i64,
}

impl DurableReader {
    /// The reader of this name.
    pub(crate) fn new(
        name: &'static str,
        store: Arc<dyn Store>,
        hub: Arc<FeedHub>,
        ownership: Ownership,
    ) -> Self {
        let mut leases = ownership.subscribe();
        leases.mark_changed();
        Self { name, store, hub, ownership, leases, positions: BTreeMap::new(), saved: Instant::now() }
    }

    /// Resolves when other partitions are owned than before.
    pub(crate) async fn reassigned(&mut self) {
        // An error would mean that the sender is gone, which is part of `self`.
        if self.leases.changed().await.is_ok() {
            self.leases.mark_changed();
        }
    }

    /// Saves what it leaves, and begins in what is owned now; says nothing when that is as before.
    pub(crate) async fn take_assignment(&mut self) -> Result<Option<Assigned>, StoreError> {
        if !self.leases.has_changed().unwrap_or(false) {
            return Ok(None);
        }
        match self.save().await {
            // Not ours any more: its new owner knows better.
            Ok(()) | Err(StoreError::Fenced) => {}
            Err(error) => return Err(error),
        }
        let checkpoints = self.store.checkpoints(self.name).await?;
        let owned = self.leases.borrow_and_update().clone();
        let known = std::mem::take(&mut self.positions);
        let mut anew = Vec::new();
        for lease in owned {
            let kept = known.get(&lease.partition).filter(|known| known.lease.epoch == lease.epoch);
            let stored = checkpoints.iter().find(|checkpoint| checkpoint.partition == lease.partition);
            if kept.is_none() {
                anew.push(lease.partition);
            }
            let position = kept.copied().unwrap_or_else(|| Position::at(lease, stored));
            self.positions.insert(lease.partition, position);
        }
        let highest_mark = checkpoints.iter().filter_map(|checkpoint| checkpoint.mark).max();
        Ok(Some(Assigned { anew, highest_mark }))
    }

    /// The partitions it stands in.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = u16> {
        self.positions.keys().copied()
    }

    /// Where there are entries that it has not done, as far as is known.
    pub(crate) fn behind(&self) -> Vec<Behind> {
        let heads = self.hub.heads();
        let behind = |(partition, position): (&u16, &Position)| {
            let head = heads.offsets.get(usize::from(*partition)).copied().unwrap_or_default();
            let (offset, entries) = (position.offset, head - position.offset);
            (entries > 0).then_some(Behind { partition: *partition, offset, entries })
        };
        self.positions.iter().filter_map(behind).collect()
    }

    /// Everything up to here is done, under this mark if there is one that is higher.
    pub(crate) fn advance(&mut self, partition: u16, offset: i64, mark: Option<i64>) {
        if let Some(position) = self.positions.get_mut(&partition) {
            position.offset = offset;
            position.mark = mark.max(position.mark);
        }
    }

    /// Everything up to here is done, whatever was thought before.
    pub(crate) fn go_to(&mut self, partition: u16, offset: i64) {
        self.advance(partition, offset, None);
    }

    /// Whether something of a partition was done under this mark or a higher one.
    pub(crate) fn is_marked_since(&self, partition: u16, number: u64) -> bool {
        let mark = self.positions.get(&partition).and_then(|position| position.mark);
        mark.is_some_and(|mark| mark as u64 >= number)
    }

    /// The marks of a partition are counted anew.
    pub(crate) fn forget_mark(&mut self, partition: u16) {
        if let Some(position) = self.positions.get_mut(&partition) {
            position.mark = None;
        }
    }

    /// Keeps an entry that can never be done, with the reason, and passes over it.
    pub(crate) async fn park(
        &mut self,
        entry: &FeedEntry,
        why: &(dyn std::error::Error + Send + Sync + 'static),
    ) -> Result<(), StoreError> {
        self.hub.complain(entry, why);
        let (partition, offset) = (entry.partition, entry.offset);
        // PostgreSQL's texts have no NUL.
        let reason = why.to_string().replace(char::is_control, " ");
        let parked = ParkedEntry { partition, offset, generation: self.hub.generation(), reason };
        self.store.park(self.name, &parked).await?;
        self.go_to(partition, offset);
        Ok(())
    }

    /// How many entries it has passed over.
    pub(crate) async fn parked(&self) -> Result<u64, StoreError> {
        self.store.parked(self.name).await
    }

    /// Saves now and then.
    pub(crate) async fn save_when_due(&mut self) -> Result<(), StoreError> {
        if self.saved.elapsed() >= SAVE_EVERY { self.save().await } else { Ok(()) }
    }

    /// Saves where it stands, as far as it has moved.
    pub(crate) async fn save(&mut self) -> Result<(), StoreError> {
        let moved = self.moved();
        if !moved.is_empty() {
            self.store.save_checkpoints(self.name, &self.fence(), &moved).await?;
            for checkpoint in moved {
                if let Some(position) = self.positions.get_mut(&checkpoint.partition) {
                    position.saved = checkpoint.offset;
                }
            }
        }
        self.saved = Instant::now();
        Ok(())
    }

    fn moved(&self) -> Vec<Checkpoint> {
        let moved = self.positions.iter().filter(|(_, position)| position.offset != position.saved);
        let checkpoint = |(partition, position): (&u16, &Position)| Checkpoint {
            partition: *partition,
            offset: position.offset,
            mark: position.mark,
        };
        moved.map(checkpoint).collect()
    }

    /// The right to move its checkpoints, in this generation of the store.
    fn fence(&self) -> Fence {
        Fence {
            owner: self.ownership.replica,
            generation: self.hub.generation(),
            leases: self.positions.values().map(|position| position.lease).collect(),
        }
    }
}
