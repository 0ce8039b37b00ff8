//! How an engine is to run.

use std::time::Duration;

/// How the engine is to run.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Bounds of the worker.
    pub worker: WorkerSettings,
    /// Feed entries kept in memory, in all.
    pub feed_tail: usize,
    /// How long a lease lasts without being renewed.
    pub lease: Duration,
    /// Most commands that may wait before new ones are refused.
    pub max_backlog: u64,
    /// How long the status of a settled command is kept for clients.
    pub retention: Duration,
    /// The CloudEvents' `source`.
    pub source: String,
    /// What the subjects of notifications begin with.
    pub subject_prefix: String,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            worker: WorkerSettings {
                lanes: 1,
                batch: 500,
                inbox: 10_000,
                cache: 50_000,
                snapshot_every: 20,
                look_every: Duration::from_secs(1),
            },
            feed_tail: 8192,
            lease: Duration::from_secs(10),
            max_backlog: 2_000_000,
            retention: Duration::from_secs(7 * 24 * 3600),
            source: "/wilco".to_owned(),
            subject_prefix: "wilco".to_owned(),
        }
    }
}

/// Bounds of the worker's queues, batches and caches.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSettings {
    /// Lanes that work in parallel, each on its own partitions.
    pub lanes: usize,
    /// Most commands in one commit.
    pub batch: usize,
    /// Commands that may wait in memory, in each lane; more stay in the store.
    pub inbox: usize,
    /// Aggregates kept in memory, of each type and in each lane.
    pub cache: usize,
    /// Events after which an aggregate gets a new snapshot.
    pub snapshot_every: i64,
    /// How often a lane looks into the registry without being told to.
    pub look_every: Duration,
}
