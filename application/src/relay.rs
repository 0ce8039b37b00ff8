//! Carries the feed of the owned partitions to the broker: in order per partition, at least once.
//!
//! What must hold:
//! - A checkpoint is saved only for what the broker has acknowledged, so nothing is skipped, whatever crashes.
//! - After a failure it goes on behind the last acknowledged entry of each partition.
//! - A broker that has lost acknowledged messages (its newest sequence is below one it acknowledged) is given
//!   them again, from the newest checkpoint it still knows.
//!
//! Message ids are stable, so the broker drops what it already has within its window.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::cloud_event::Notifier;
use crate::feed::FeedHub;
use crate::names;
use crate::ownership::Ownership;
use crate::pace::Pace;
use crate::ports::{
    Broker, Checkpoint, Kept, Message, PartitionLease, Published, Receipt, Store, StoreError,
};
use crate::worker::Backoff;

/// The name its checkpoints are kept under.
const READER: &str = "broker";
/// Most messages in one run.
const RUN: usize = 1024;
/// After a run of so many messages, or more, the next is let gather.
const BUSY: usize = 32;
/// For how long: the broker's cost is by the run as well as by the message.
const GATHER: Duration = Duration::from_millis(5);
/// How often checkpoints are saved while there is traffic.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// How often an idle relay asks whether the broker still has what it acknowledged.
const VERIFY_EVERY: Duration = Duration::from_secs(5);

/// The relay of one replica.
pub struct Relay {
    store: Arc<dyn Store>,
    hub: Arc<FeedHub>,
    broker: Arc<dyn Broker>,
    notifier: Notifier,
    catalog: Arc<Catalog>,
    pace: Arc<Pace>,
    leases: watch::Receiver<Vec<PartitionLease>>,
    positions: BTreeMap<u16, Position>,
    /// The newest message the broker has acknowledged to us.
    acknowledged: Receipt,
    verified: Option<Instant>,
    saved: Instant,
}

#[derive(Clone, Copy, Debug, Default)]
struct Position {
    offset: i64,
    mark: Option<i64>,
    saved: i64,
}

impl Relay {
    /// A relay for the partitions that `ownership` tells of.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        hub: Arc<FeedHub>,
        broker: Arc<dyn Broker>,
        notifier: Notifier,
        catalog: Arc<Catalog>,
        pace: Arc<Pace>,
        ownership: &Ownership,
    ) -> Self {
        let mut leases = ownership.subscribe();
        leases.mark_changed();
        Self {
            store,
            hub,
            broker,
            notifier,
            catalog,
            pace,
            leases,
            positions: BTreeMap::new(),
            acknowledged: Receipt::default(),
            verified: None,
            saved: Instant::now(),
        }
    }

    /// Runs until `stop` is set and everything known is published, or the broker fails after that.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut news = self.hub.subscribe();
        let mut backoff = Backoff::default();
        loop {
            news.mark_unchanged();
            match self.step().await {
                Ok(0) if stop.is_cancelled() => break,
                Ok(0) => {
                    backoff = Backoff::default();
                    self.idle(&mut news, &stop).await;
                }
                Ok(count) => {
                    backoff = Backoff::default();
                    if (BUSY..RUN).contains(&count) {
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Err(error) => {
                    tracing::warn!(error = &*error, "notifications are delayed");
                    self.verified = None;
                    if stop.is_cancelled() {
                        break;
                    }
                    backoff.wait().await;
                }
            }
        }
        if let Err(error) = self.save().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "checkpoints were not saved");
        }
    }

    async fn idle(&mut self, news: &mut watch::Receiver<()>, stop: &CancellationToken) {
        tokio::select! {
            _ = news.changed() => {}
            _ = self.leases.changed() => self.leases.mark_changed(),
            () = stop.cancelled() => {}
            () = tokio::time::sleep(SAVE_EVERY) => {}
        }
    }

    /// Publishes one run; says how many messages that were.
    async fn step(&mut self) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
        self.take_assignment().await?;
        self.verify().await?;
        if self.saved.elapsed() >= SAVE_EVERY {
            self.save().await?;
        }
        let run = self.gather().await?;
        if run.is_empty() {
            return Ok(0);
        }
        let alone = self.positions.len() == usize::from(self.hub.partitions());
        match self.broker.publish(&run, alone).await {
            Ok(published) => {
                self.advance(published).await?;
                Ok(run.len())
            }
            Err((published, error)) => {
                self.advance(published).await?;
                Err(Box::new(error))
            }
        }
    }

    async fn take_assignment(&mut self) -> Result<(), StoreError> {
        if !self.leases.has_changed().unwrap_or(false) {
            return Ok(());
        }
        self.save().await?;
        let checkpoints = self.store.checkpoints(READER).await?;
        let owned: Vec<u16> = self.leases.borrow_and_update().iter().map(|lease| lease.partition).collect();
        let known = std::mem::take(&mut self.positions);
        for partition in owned {
            let stored = checkpoints.iter().find(|checkpoint| checkpoint.partition == partition);
            let position =
                known.get(&partition).copied().unwrap_or_else(|| stored.map_or_else(Position::default, at));
            let mark = position.mark.unwrap_or(0) as u64;
            if mark > self.acknowledged.sequence {
                self.acknowledged = Receipt { sequence: mark, id: None };
            }
            self.positions.insert(partition, position);
        }
        Ok(())
    }

    /// Goes back when the broker has less than it acknowledged.
    async fn verify(&mut self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.verified.is_some_and(|verified| verified.elapsed() < VERIFY_EVERY) {
            return Ok(());
        }
        match self.broker.still_has(&self.acknowledged).await? {
            Kept::All => {}
            Kept::UpTo(last) => self.go_back(last).await?,
            // Other replicas have filled the stream up again, so nobody knows how much was lost: only the
            // beginning is safe. What the stream has is dropped there as a repeat, as far as it remembers.
            Kept::Overwritten => self.go_back(0).await?,
        }
        self.verified = Some(Instant::now());
        Ok(())
    }

    async fn go_back(&mut self, last: u64) -> Result<(), StoreError> {
        tracing::error!(
            acknowledged = self.acknowledged.sequence,
            last,
            "NATS has lost messages; publishing again"
        );
        metrics::counter!(names::RELAY_REWINDS).increment(1);
        self.save().await?;
        let checkpoints = self.store.rewind(READER, i64::try_from(last).unwrap_or(i64::MAX)).await?;
        for (partition, position) in &mut self.positions {
            let stored = checkpoints.iter().find(|checkpoint| checkpoint.partition == *partition);
            *position = stored.map_or_else(Position::default, at);
        }
        self.acknowledged = Receipt { sequence: last, id: None };
        Ok(())
    }

    /// The next messages of all partitions, a fair share of each, in order within each.
    async fn gather(&self) -> Result<Vec<Message>, Box<dyn std::error::Error + Send + Sync>> {
        let share = (RUN / self.positions.len().max(1)).max(1);
        let mut run = Vec::new();
        let mut lag = 0;
        let heads = self.hub.heads();
        for (partition, position) in &self.positions {
            let behind = heads.get(usize::from(*partition)).copied().unwrap_or(0) - position.offset;
            if behind <= 0 {
                continue;
            }
            lag += behind;
            for entry in self.hub.read(*partition, position.offset, share).await? {
                run.push(self.notifier.message(&entry, &self.catalog, &self.pace)?);
            }
        }
        metrics::gauge!(names::RELAY_LAG).set(lag as f64);
        Ok(run)
    }

    async fn advance(&mut self, published: Published) -> Result<(), StoreError> {
        metrics::counter!(names::PUBLISHED).increment(published.count as u64);
        if published.count == 0 {
            return Ok(());
        }
        let mark = published.receipt.as_ref().and_then(|receipt| i64::try_from(receipt.sequence).ok());
        if let Some(receipt) = published.receipt {
            // A number below one acknowledged before: the stream has begun anew.
            if receipt.sequence < self.acknowledged.sequence {
                return self.go_back(0).await;
            }
            self.acknowledged = receipt;
        }
        for (partition, offset) in published.offsets {
            if let Some(position) = self.positions.get_mut(&partition) {
                position.offset = offset;
                position.mark = mark.max(position.mark);
            }
        }
        Ok(())
    }

    async fn save(&mut self) -> Result<(), StoreError> {
        let moved: Vec<Checkpoint> = self
            .positions
            .iter()
            .filter(|(_, position)| position.offset != position.saved)
            .map(|(partition, position)| Checkpoint {
                partition: *partition,
                offset: position.offset,
                mark: position.mark,
            })
            .collect();
        if !moved.is_empty() {
            self.store.save_checkpoints(READER, &moved).await?;
            for checkpoint in moved {
                if let Some(position) = self.positions.get_mut(&checkpoint.partition) {
                    position.saved = checkpoint.offset;
                }
            }
        }
        self.saved = Instant::now();
        Ok(())
    }
}

fn at(checkpoint: &Checkpoint) -> Position {
    Position { offset: checkpoint.offset, mark: checkpoint.mark, saved: checkpoint.offset }
}
