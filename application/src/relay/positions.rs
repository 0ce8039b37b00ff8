use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{READER, Relay};
use crate::ports::{Checkpoint, Fence, PartitionLease, Receipt, StoreError};

/// Where the relay stands in each partition that it owns.
#[derive(Debug, Default)]
pub(super) struct Positions(BTreeMap<u16, Position>);

#[derive(Clone, Copy, Debug)]
struct Position {
    /// The lease under which it is so.
    lease: PartitionLease,
    /// Everything up to here is acknowledged.
    offset: i64,
    mark: Option<i64>,
    saved: i64,
}

impl Position {
    fn at(lease: PartitionLease, checkpoint: Option<&Checkpoint>) -> Self {
        let offset = checkpoint.map_or(0, |checkpoint| checkpoint.offset);
        Self { lease, offset, mark: checkpoint.and_then(|checkpoint| checkpoint.mark), saved: offset }
    }
}

impl Positions {
    /// Each partition and the offset up to which it is told.
    pub(super) fn offsets(&self) -> impl Iterator<Item = (u16, i64)> {
        self.0.iter().map(|(partition, position)| (*partition, position.offset))
    }

    pub(super) fn advance(&mut self, offsets: &BTreeMap<u16, i64>, mark: Option<i64>) {
        for (partition, offset) in offsets {
            if let Some(position) = self.0.get_mut(partition) {
                position.offset = *offset;
                position.mark = mark.max(position.mark);
            }
        }
    }

    /// Everything up to here is told, whatever was thought before.
    pub(super) fn go_to(&mut self, partition: u16, offset: i64) {
        if let Some(position) = self.0.get_mut(&partition) {
            position.offset = offset;
        }
    }

    /// Whether a message of a partition was acknowledged under this number or a later one.
    pub(super) fn is_marked_since(&self, partition: u16, number: u64) -> bool {
        let mark = self.0.get(&partition).and_then(|position| position.mark);
        mark.is_some_and(|mark| mark as u64 >= number)
    }

    /// The broker numbers its messages anew.
    pub(super) fn forget_mark(&mut self, partition: u16) {
        if let Some(position) = self.0.get_mut(&partition) {
            position.mark = None;
        }
    }

    /// The right to move them, in this generation of the store.
    fn fence(&self, owner: uuid::Uuid, generation: i64) -> Fence {
        Fence { owner, generation, leases: self.0.values().map(|position| position.lease).collect() }
    }

    fn moved(&self) -> Vec<Checkpoint> {
        let moved = self.0.iter().filter(|(_, position)| position.offset != position.saved);
        moved
            .map(|(partition, position)| Checkpoint {
                partition: *partition,
                offset: position.offset,
                mark: position.mark,
            })
            .collect()
    }
}

impl Relay {
    /// What is owned anew begins at its checkpoint; so does what was owned before under another epoch, since somebody
    /// else may have had it in between.
    pub(super) async fn take_assignment(&mut self) -> Result<(), StoreError> {
        if !self.leases.has_changed().unwrap_or(false) {
            return Ok(());
        }
        match self.save().await {
            // Not ours any more: its new owner knows better.
            Ok(()) | Err(StoreError::Fenced) => {}
            Err(error) => return Err(error),
        }
        let checkpoints = self.parts.store.checkpoints(READER).await?;
        let owned = self.leases.borrow_and_update().clone();
        let known = std::mem::take(&mut self.positions.0);
        for lease in owned {
            let kept = known.get(&lease.partition).filter(|known| known.lease.epoch == lease.epoch);
            let stored = checkpoints.iter().find(|checkpoint| checkpoint.partition == lease.partition);
            let position = kept.copied().unwrap_or_else(|| Position::at(lease, stored));
            if kept.is_none() {
                self.unseen.insert(lease.partition);
                self.verified = None;
            }
            self.positions.0.insert(lease.partition, position);
        }
        // Of all partitions: also those of others say what the broker should hold.
        let newest = checkpoints.iter().filter_map(|checkpoint| checkpoint.mark).max().unwrap_or(0) as u64;
        if newest > self.acknowledged.sequence {
            self.acknowledged = Receipt { sequence: newest, id: None };
        }
        self.unseen.retain(|partition| self.positions.0.contains_key(partition));
        Ok(())
    }

    pub(super) async fn save(&mut self) -> Result<(), StoreError> {
        let moved = self.positions.moved();
        if !moved.is_empty() {
            self.parts.store.save_checkpoints(READER, &self.fence(), &moved).await?;
            for checkpoint in moved {
                if let Some(position) = self.positions.0.get_mut(&checkpoint.partition) {
                    position.saved = checkpoint.offset;
                }
            }
        }
        self.saved = Instant::now();
        Ok(())
    }

    fn fence(&self) -> Fence {
        self.positions.fence(self.parts.ownership.replica, self.parts.hub.generation())
    }
}
