//! Which partitions this replica owns: renewed by a heartbeat, told to the lanes and to the relay.
//!
//! Not needed for correctness: a commit carries the epoch and is refused when the partition has another owner.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::names;
use crate::outage::Outage;
use crate::ports::{PartitionLease, Store};

/// What this replica owns at present.
#[derive(Clone)]
pub struct Ownership {
    /// The name this replica has in the store.
    pub replica: Uuid,
    owned: Arc<watch::Sender<Vec<PartitionLease>>>,
    valid_until: Arc<watch::Sender<Instant>>,
    /// Whether the last heartbeat could not be written.
    failing: Arc<AtomicBool>,
    pub(crate) outage: Arc<Outage>,
    doubt: Arc<Notify>,
}

impl Ownership {
    pub(crate) fn new(replica: Uuid) -> Self {
        Self {
            replica,
            owned: Arc::new(watch::Sender::new(Vec::new())),
            valid_until: Arc::new(watch::Sender::new(Instant::now())),
            failing: Arc::default(),
            outage: Arc::new(Outage::of_store()),
            doubt: Arc::new(Notify::new()),
        }
    }

    /// Follows what is owned.
    pub fn subscribe(&self) -> watch::Receiver<Vec<PartitionLease>> {
        self.owned.subscribe()
    }

    /// How many partitions are owned now.
    pub fn count(&self) -> usize {
        self.owned.borrow().len()
    }

    /// When the lease runs out unless it is renewed, by the clock of this process: from then on another replica may
    /// own what this one owned.
    pub fn valid_until(&self) -> Instant {
        *self.valid_until.borrow()
    }

    /// Whether the store took this replica's last heartbeat, and in time: then it takes commits as well.
    pub fn is_held(&self) -> bool {
        !self.failing.load(Ordering::Acquire) && Instant::now() < self.valid_until()
    }

    /// A commit was fenced, or not done: look at once.
    pub(crate) fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Beats until stopped, then gives everything back.
    pub(crate) async fn run(self, store: Arc<dyn Store>, ttl: Duration, stop: CancellationToken) {
        loop {
            // The store counts from when it hears of it, which is later.
            let asked = Instant::now();
            let pause = match store.heartbeat(self.replica, ttl).await {
                Ok(leases) => {
                    self.valid_until.send_replace(asked + ttl);
                    self.failing.store(false, Ordering::Release);
                    self.outage.is_over();
                    self.tell(leases);
                    ttl.mul_f64(0.3)
                }
                Err(error) => {
                    self.failing.store(true, Ordering::Release);
                    self.outage.failed(&error, "the lease could not be renewed");
                    Duration::from_millis(500).min(ttl.mul_f64(0.3))
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.doubt.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Err(error) = store.resign(self.replica).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the lease could not be given back");
        }
    }

    fn tell(&self, mut leases: Vec<PartitionLease>) {
        leases.sort_by_key(|lease| lease.partition);
        metrics::gauge!(names::OWNED_PARTITIONS).set(leases.len() as f64);
        let epochs = |leases: &[PartitionLease]| -> Vec<(u16, i64)> {
            leases.iter().map(|lease| (lease.partition, lease.epoch)).collect()
        };
        self.owned.send_if_modified(|owned| {
            let news = epochs(owned) != epochs(&leases);
            if news {
                tracing::info!(partitions = leases.len(), "partitions owned by this replica");
                *owned = leases;
            }
            news
        });
    }
}
