//! Applies commands to aggregates of one type, in memory, for one batch at a time.
//!
//! A batch: [`Executor::needs`] says what to load, [`Executor::hydrate`] takes it, [`Executor::execute`] runs the
//! commands one after the other, [`Executor::writes`] gives the views and snapshots to write; then either
//! [`Executor::keep`] (committed: the new states are the cache's) or [`Executor::forget`] (not committed: nothing
//! that the batch touched stays cached).

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cqrs_es::{Aggregate, AggregateError, CqrsFramework, EventEnvelope, View};
use futures::FutureExt;
use lru::LruCache;
use wilco_domain::kernel::{Existence, Problem};

use super::Undecodable;
use super::bounds::{EventSourced, ViewOf};
use super::codec::{Codec, event_row, view_row};
use super::fingerprint::{self, Fingerprints};
use super::panics::{caught, panic_text};
use super::slot::Slot;
use crate::ports::{AggregateKey, Command, EventRow, Kept, Loaded, SnapshotRow, ViewRow};

/// The command met a defect: of its handler, or of the data it needs.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Defect(pub String);

/// What a command led to.
#[derive(Debug)]
pub enum Executed {
    /// These events, and the version after them.
    Applied(Vec<EventRow>, i64),
    /// A rule said no.
    Refused(Problem),
    /// This build of the program cannot read the aggregate's events, or does not know the command: it is for another
    /// build.
    Blocked(Undecodable),
}

/// See the module's description.
#[async_trait]
pub trait Executor: Send {
    /// Whether the aggregate that is stored under this id must be loaded before a command for it can be executed.
    fn needs(&mut self, stored_id: &str) -> bool;
    /// Takes what the store holds of an aggregate. What cannot be read fails the commands for it, no others.
    ///
    /// False: the snapshot or the view was written by another version of the code. Hydrate again with all
    /// events and without them.
    fn hydrate(&mut self, loaded: Loaded) -> bool;
    /// Takes an aggregate that cannot have any events: the server has just made its id.
    fn begin(&mut self, key: AggregateKey);
    /// Runs one command; `metadata` goes onto its events. A handler that has not ended after `patience` is a
    /// defect; with none at all it is asked once.
    async fn execute(
        &mut self,
        command: &Command,
        metadata: HashMap<String, String>,
        patience: Duration,
    ) -> Result<Executed, Defect>;
    /// The views and snapshots of everything the batch changed.
    fn writes(
        &mut self,
        views: &mut Vec<ViewRow>,
        snapshots: &mut Vec<SnapshotRow>,
    ) -> Result<(), Undecodable>;
    /// The batch was committed.
    fn keep(&mut self);
    /// The batch was not committed.
    fn forget(&mut self);
    /// Drops the whole cache: another replica may have written meanwhile.
    fn clear(&mut self);
}

struct Entry<A, V> {
    state: A,
    view: V,
    version: i64,
    snapshot_version: i64,
    changed: bool,
}

pub(super) struct TypedExecutor<A: Aggregate, V> {
    framework: CqrsFramework<A, Slot<A>>,
    slot: Slot<A>,
    codec: Arc<Codec<A>>,
    fingerprints: Arc<Fingerprints>,
    snapshot_every: i64,
    cache: LruCache<String, Entry<A, V>>,
    /// By stored id, as the cache.
    batch: HashMap<String, Result<Entry<A, V>, Undecodable>>,
}

impl<A, V> TypedExecutor<A, V>
where
    A: Aggregate,
    V: View<A>,
{
    pub(super) fn new(
        codec: Arc<Codec<A>>,
        fingerprints: Arc<Fingerprints>,
        services: A::Services,
        cache: usize,
        snapshot_every: i64,
    ) -> Self {
        let slot = Slot::default();
        Self {
            framework: CqrsFramework::new(slot.clone(), Vec::new(), services),
            slot,
            codec,
            fingerprints,
            snapshot_every: snapshot_every.max(1),
            cache: LruCache::new(NonZeroUsize::new(cache).unwrap_or(NonZeroUsize::MIN)),
            batch: HashMap::new(),
        }
    }

    /// Whether the snapshot or the view was made by other code.
    fn is_stale(&self, loaded: &Loaded) -> bool {
        let stale = |kept: &Option<Kept>, made_by: &str| {
            let current =
                |kept: &Kept| fingerprint::is_current(kept.fingerprint.as_deref(), made_by, kept.version);
            kept.as_ref().is_some_and(|kept| !current(kept))
        };
        stale(&loaded.snapshot, &self.fingerprints.state) || stale(&loaded.view, &self.fingerprints.view)
    }

    /// Snapshot and view, brought up to date with the events after them.
    fn restore(&self, loaded: &Loaded) -> Result<Entry<A, V>, Undecodable> {
        let unreadable = |error: serde_json::Error| Undecodable(error.to_string());
        let mut entry = Entry {
            state: A::default(),
            view: V::default(),
            version: 0,
            snapshot_version: 0,
            changed: false,
        };
        let mut view_version = 0;
        if let Some(Kept { version, payload, .. }) = &loaded.snapshot {
            entry.state = serde_json::from_str(payload).map_err(unreadable)?;
            entry.version = *version;
            entry.snapshot_version = *version;
        }
        if let Some(Kept { version, payload, .. }) = &loaded.view {
            entry.view = serde_json::from_str(payload).map_err(unreadable)?;
            view_version = *version;
        }
        for row in &loaded.events {
            let event = self.codec.event(row)?;
            if row.sequence > view_version {
                entry.view.update(&event);
            }
            if row.sequence > entry.version {
                entry.state.apply(event.payload);
                entry.version = row.sequence;
            }
        }
        Ok(entry)
    }
}

#[async_trait]
impl<A, V> Executor for TypedExecutor<A, V>
where
    A: EventSourced,
    V: ViewOf<A>,
{
    fn needs(&mut self, stored_id: &str) -> bool {
        if self.batch.contains_key(stored_id) {
            return false;
        }
        match self.cache.pop_entry(stored_id) {
            Some((id, entry)) => {
                self.batch.insert(id, Ok(entry));
                false
            }
            None => true,
        }
    }

    fn hydrate(&mut self, loaded: Loaded) -> bool {
        if self.is_stale(&loaded) {
            return false;
        }
        let restored = caught("what reads its events", || self.restore(&loaded)).flatten();
        if restored.is_err() && (loaded.snapshot.is_some() || loaded.view.is_some()) {
            return false;
        }
        self.batch.insert(loaded.key.stored_id().into_owned(), restored);
        true
    }

    fn begin(&mut self, key: AggregateKey) {
        self.hydrate(Loaded { key, snapshot: None, view: None, events: Vec::new() });
    }

    async fn execute(
        &mut self,
        command: &Command,
        metadata: HashMap<String, String>,
        patience: Duration,
    ) -> Result<Executed, Defect> {
        let stored_id = command.stored_target();
        let entry = match self.batch.get_mut(&*stored_id) {
            Some(Ok(entry)) => entry,
            Some(Err(undecodable)) => return Ok(Executed::Blocked(undecodable.clone())),
            None => return Err(Defect(format!("{} was not loaded", command.target))),
        };
        if let Some(problem) = version_conflict(command.expected_version, entry.version) {
            return Ok(Executed::Refused(problem));
        }
        let (decoded, effect) = match self.codec.command(command) {
            Ok(read) => read,
            Err(undecodable) => return Ok(Executed::Blocked(undecodable)),
        };
        let existence = Existence::of(entry.version, entry.view.is_gone());
        if let Some(problem) = effect.refused(A::TYPE, existence) {
            return Ok(Executed::Refused(problem));
        }
        self.slot.seat(entry.state.clone(), &command.target, entry.version);
        let handling = self.framework.execute_with_metadata(&command.target, decoded, metadata);
        let handled = match tokio::time::timeout(patience, AssertUnwindSafe(handling).catch_unwind()).await {
            Err(_) => return Err(Defect(format!("the handler did not end within {patience:?}"))),
            Ok(Err(panic)) => return Err(Defect(panic_text("the handler", panic.as_ref()))),
            Ok(Ok(handled)) => handled,
        };
        match handled {
            Err(AggregateError::UserError(rejection)) => Ok(Executed::Refused(Problem::of(&rejection))),
            Err(other) => Err(Defect(other.to_string())),
            Ok(()) => {
                let events = self.slot.take();
                let rows = caught("what reads its events", || advance(entry, &stored_id, events)).flatten();
                let rows = rows.map_err(|error| Defect(error.to_string()))?;
                Ok(Executed::Applied(rows, entry.version))
            }
        }
    }

    fn writes(
        &mut self,
        views: &mut Vec<ViewRow>,
        snapshots: &mut Vec<SnapshotRow>,
    ) -> Result<(), Undecodable> {
        for (stored_id, entry) in &mut self.batch {
            let Ok(entry) = entry else { continue };
            if !entry.changed {
                continue;
            }
            let key = AggregateKey::from_stored(A::TYPE, stored_id);
            views.push(view_row::<A, V>(&key, entry.version, &entry.view, &self.fingerprints.view)?);
            if entry.version - entry.snapshot_version >= self.snapshot_every {
                let payload = serde_json::to_string(&entry.state).map_err(|e| Undecodable(e.to_string()))?;
                let fingerprint = Some(fingerprint::mark(&self.fingerprints.state, entry.version));
                snapshots.push(SnapshotRow { key, version: entry.version, payload, fingerprint });
                entry.snapshot_version = entry.version;
            }
        }
        Ok(())
    }

    fn keep(&mut self) {
        for (id, entry) in self.batch.drain() {
            if let Ok(mut entry) = entry {
                entry.changed = false;
                self.cache.put(id, entry);
            }
        }
    }

    fn forget(&mut self) {
        self.batch.clear();
    }

    fn clear(&mut self) {
        self.batch.clear();
        self.cache.clear();
    }
}

/// Folds the events into copies and puts them in place when all went well. The state is folded anew from the
/// events, so that a handler which changes itself without saying so in an event leaves no trace.
fn advance<A, V>(
    entry: &mut Entry<A, V>,
    stored_id: &str,
    events: Vec<EventEnvelope<A>>,
) -> Result<Vec<EventRow>, Undecodable>
where
    A: Aggregate + Clone,
    V: View<A> + Clone,
{
    let (mut state, mut view) = (entry.state.clone(), entry.view.clone());
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        view.update(&event);
        rows.push(event_row(&event, stored_id)?);
        state.apply(event.payload);
    }
    if !rows.is_empty() {
        entry.version += rows.len() as i64;
        entry.state = state;
        entry.view = view;
        entry.changed = true;
    }
    Ok(rows)
}

fn version_conflict(expected: Option<i64>, found: i64) -> Option<Problem> {
    let expected = expected?;
    (expected != found).then(|| {
        Problem::new("version-conflict", 412, format!("expected version {expected}, found version {found}"))
    })
}
