//! Carries the feed of the owned partitions to the broker: in order per partition, at least once.
//!
//! What must hold:
//! - A checkpoint is saved only for what the broker has acknowledged, so nothing is skipped, whatever crashes.
//! - After a failure it goes on behind the last acknowledged entry of each partition.
//! - What the broker holds is the truth: a partition that is taken over goes on behind the newest of its messages there,
//!   and so do all when the broker has lost what it acknowledged.
//! - A replica publishes only while its lease lasts by its own clock, and moves its checkpoints only while the store
//!   agrees: one that stood still and was replaced publishes nothing old and moves nothing back.
//! - An entry that can never be told is parked, with an alert, and stops no other.
//!
//! Message ids are stable, so the broker drops what it already has within its window.
//!
//! | module | holds |
//! | --- | --- |
//! | `gather` | the next messages, what is parked, and how late all of it is |
//! | `compare` | what the broker holds, compared with the store: what was lost on either side |

mod compare;
mod gather;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::cloud_event::Notifier;
use crate::feed::{DurableReader, SAVE_EVERY};
use crate::names;
use crate::outage::Outage;
use crate::parts::Parts;
use crate::ports::{Broker, BrokerError, Published, Receipt, StoreError, StoreIdentity};
use crate::worker::Backoff;

/// Its name among the feed's durable readers.
const READER: &str = "broker";
/// Most messages in one run.
const RUN: usize = 1024;
/// After a run of so many messages, or more, the next is let gather.
const BUSY: usize = 32;
/// For how long: the broker's cost is by the run as well as by the message.
const GATHER: Duration = Duration::from_millis(5);
/// How often a relay asks, busy or idle, whether the broker still has what it acknowledged.
pub const VERIFY_EVERY: Duration = Duration::from_secs(5);

/// Why notifications are late.
#[derive(Debug, thiserror::Error)]
enum Setback {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The relay of one replica.
pub struct Relay {
    parts: Parts,
    broker: Arc<dyn Broker>,
    notifier: Notifier,
    /// Its marks are the broker's numbers.
    reader: DurableReader,
    /// Partitions whose newest message at the broker is still to be compared with the store.
    unseen: BTreeSet<u16>,
    /// The newest message the broker has acknowledged to us.
    acknowledged: Receipt,
    /// Most bytes that the broker takes in a message.
    largest: usize,
    verified: Option<Instant>,
    measured: Option<Instant>,
    outage: Outage,
}

impl Relay {
    /// A relay for the partitions that this replica owns.
    pub(crate) fn new(parts: &Parts, broker: Arc<dyn Broker>, notifier: Notifier) -> Self {
        let (store, hub) = (Arc::clone(&parts.store), Arc::clone(&parts.hub));
        Self {
            parts: parts.clone(),
            broker,
            notifier,
            reader: DurableReader::new(READER, store, hub, parts.ownership.clone()),
            unseen: BTreeSet::new(),
            acknowledged: Receipt::default(),
            largest: usize::MAX,
            verified: None,
            measured: None,
            outage: Outage::new("notifications are delayed", "notifications go out again"),
        }
    }

    /// Runs until `stop` is set and everything known is published, or the broker fails after that.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut news = self.parts.hub.subscribe();
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
                    self.outage.is_over();
                    if (BUSY..RUN).contains(&count) {
                        tokio::time::sleep(GATHER).await;
                    }
                }
                Err(setback) => {
                    self.failed(&setback);
                    if stop.is_cancelled() {
                        break;
                    }
                    backoff.wait().await;
                }
            }
        }
        if let Err(error) = self.reader.save().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "checkpoints were not saved");
        }
    }

    async fn idle(&mut self, news: &mut watch::Receiver<()>, stop: &CancellationToken) {
        tokio::select! {
            _ = news.changed() => {}
            () = self.reader.reassigned() => {}
            () = stop.cancelled() => {}
            () = tokio::time::sleep(SAVE_EVERY) => {}
        }
    }

    fn failed(&mut self, setback: &Setback) {
        self.verified = None;
        if matches!(setback, Setback::Store(StoreError::Fenced) | Setback::Broker(BrokerError::Late)) {
            self.parts.ownership.doubt();
        }
        self.outage.failed(setback, "a run was not published");
    }

    /// Publishes one run; says how many messages that were.
    async fn step(&mut self) -> Result<usize, Setback> {
        self.take_assignment().await?;
        self.measure().await?;
        self.verify().await?;
        let until = self.parts.ownership.valid_until();
        // Not before this replica knows again that it owns them.
        if Instant::now() >= until {
            return Ok(0);
        }
        self.reader.save_when_due().await?;
        let run = self.gather().await?;
        if run.is_empty() {
            return Ok(0);
        }
        let span = tracing::trace_span!(target: names::SPANS, "publish", messages = run.len());
        match self.broker.publish(&run, until).instrument(span).await {
            Ok(published) => {
                self.advance(published);
                Ok(run.len())
            }
            Err((published, error)) => {
                self.advance(published);
                Err(error.into())
            }
        }
    }

    /// What is owned anew is still to be compared with what the broker holds.
    async fn take_assignment(&mut self) -> Result<(), StoreError> {
        let Some(assigned) = self.reader.take_assignment().await? else { return Ok(()) };
        if !assigned.anew.is_empty() {
            self.verified = None;
        }
        self.unseen.extend(assigned.anew);
        let owned: BTreeSet<u16> = self.reader.partitions().collect();
        self.unseen.retain(|partition| owned.contains(partition));
        // Also what other replicas have published the broker should hold.
        let newest = assigned.highest_mark.unwrap_or(0) as u64;
        if newest > self.acknowledged.sequence {
            self.acknowledged = Receipt { sequence: newest, id: None };
        }
        Ok(())
    }

    /// Looks whether the broker has what it acknowledged, and goes on behind what it has.
    async fn verify(&mut self) -> Result<(), Setback> {
        if self.verified.is_some_and(|verified| verified.elapsed() < VERIFY_EVERY) {
            return Ok(());
        }
        let id = self.parts.store.identity().await?.id;
        let identity = StoreIdentity { id, generation: self.parts.hub.generation() };
        let standing = self.broker.check(&identity, &self.acknowledged).await?;
        self.largest = standing.largest;
        if !standing.kept {
            tracing::error!(
                acknowledged = self.acknowledged.sequence,
                "NATS has lost messages; publishing again"
            );
            metrics::counter!(names::RELAY_REWINDS).increment(1);
            self.unseen.extend(self.reader.partitions());
        }
        self.compare(&standing).await?;
        if !standing.kept {
            self.acknowledged = Receipt { sequence: standing.last, id: None };
        }
        self.verified = Some(Instant::now());
        Ok(())
    }

    fn advance(&mut self, published: Published) {
        metrics::counter!(names::PUBLISHED).increment(published.count as u64);
        let mark = published.receipt.as_ref().and_then(|receipt| i64::try_from(receipt.sequence).ok());
        if let Some(receipt) = published.receipt {
            // A number below one acknowledged before: the stream has begun anew, which is to be looked at.
            if receipt.sequence < self.acknowledged.sequence {
                self.verified = None;
                return;
            }
            self.acknowledged = receipt;
        }
        for (partition, offset) in published.offsets {
            self.reader.advance(partition, offset, mark);
        }
    }
}
