//! Fail points: named places where the program can be made to end or to hear of an error, for the suites. Compiled with
//! the feature `fail-points` only. They lie around the ports, where what is durable meets what is known of it.
//!
//! `WILCO_FAIL_POINTS` says what happens, as `PLACE=ACTION@N` separated by commas: every Nth pass of a place
//!
//! | action | does |
//! | --- | --- |
//! | `kill` | ends the process, at once |
//! | `error` | reports that the store or the broker did not answer |
//! | `break` | does something wrong there, see [`broken`] |
//!
//! | place | lies |
//! | --- | --- |
//! | `before-accept`, `after-accept` | around the write that makes commands durable |
//! | `before-commit`, `inside-commit`, `after-commit` | around a batch's commit, and within it (a `kill` only) |
//! | `before-publish`, `after-publish` | around a run of messages |
//! | `before-checkpoint`, `after-checkpoint` | around saving how far the relay has come |
//! | `before-heartbeat`, `after-heartbeat` | around renewing and claiming leases |
//! | `after-claim` | after a heartbeat that brought new partitions, the first one at the start included |
//! | `before-heads` | before a look at how far the feed has come, the first one at the start included |
//! | `before-resign`, `after-resign` | around giving everything back at the end |
//! | `heard`, `counted` | in a commit (a `break` only) |
//!
//! There is no `before-claim`: what a heartbeat brings is known only after it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;
use wilco_application::ports::{
    Accepted, AggregateKey, AttemptRow, Attempts, Broker, BrokerError, CancelOutcome, Checkpoint,
    Checkpoints, Command, CommandFilter, CommandKey, Committed, Deploying, DueAttempt, EventRow, Feed,
    FeedEntry, Fence, Heads, Journal, Leases, Loaded, Message, OpenType, Page, ParkedEntry, PartitionLease,
    ProcessFilter, ProcessKey, ProcessRow, Processes, Published, Receipt, Registry, Sighting, Signal,
    Standing, Store, StoreError, StoreIdentity, StoredKind, Timer, Told, UnitOfWork, ViewFilter, ViewMark,
    ViewRow, Views, Waiting,
};
use wilco_domain::kernel::{Problem, Tenant};

/// How far into a commit `inside-commit` lies.
const INSIDE: Duration = Duration::from_micros(400);

mod broken;

/// What happens at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    Kill,
    Error,
    Break,
}

struct Point {
    action: Action,
    every: u64,
    passes: AtomicU64,
}

/// The places that were asked for.
fn points() -> &'static HashMap<String, Point> {
    static POINTS: OnceLock<HashMap<String, Point>> = OnceLock::new();
    POINTS.get_or_init(|| {
        let asked = std::env::var("WILCO_FAIL_POINTS").unwrap_or_default();
        asked.split(',').filter(|point| !point.is_empty()).map(parse).collect()
    })
}

fn parse(text: &str) -> (String, Point) {
    let parts = text.split_once('=').and_then(|(place, rest)| Some((place, rest.split_once('@')?)));
    match parts.map(|(place, (action, every))| (place, action, every.parse())) {
        Some((place, action, Ok(every @ 1..))) => {
            (place.to_owned(), Point { action: action_of(action), every, passes: AtomicU64::new(0) })
        }
        _ => panic!("WILCO_FAIL_POINTS takes PLACE=ACTION@N, not {text:?}"),
    }
}

fn action_of(text: &str) -> Action {
    match text {
        "kill" => Action::Kill,
        "error" => Action::Error,
        "break" => Action::Break,
        _ => panic!("an action is kill, error or break, not {text:?}"),
    }
}

/// What is to happen here now.
fn struck(place: &str) -> Option<Action> {
    let point = points().get(place)?;
    let pass = point.passes.fetch_add(1, Ordering::Relaxed) + 1;
    pass.is_multiple_of(point.every).then_some(point.action)
}

fn pass(place: &str) -> Result<(), StoreError> {
    match struck(place) {
        None | Some(Action::Break) => Ok(()),
        Some(Action::Kill) => std::process::abort(),
        Some(Action::Error) => Err(StoreError::Unavailable(format!("fail point {place}").into())),
    }
}

/// Whether there are partitions among these that this process did not have a heartbeat ago.
fn claimed(leases: &[PartitionLease]) -> bool {
    static BEFORE: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let now: HashSet<u16> = leases.iter().map(|lease| lease.partition).collect();
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    let claimed = !now.is_subset(&before.take().unwrap_or_default());
    *before = Some(now);
    claimed
}

/// A store that fails where it is told to.
pub fn store(inner: Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(Faulty(inner))
}

/// A broker that fails where it is told to.
pub fn broker(inner: Arc<dyn Broker>) -> Arc<dyn Broker> {
    Arc::new(Faulty(inner))
}

struct Faulty<T: ?Sized>(Arc<T>);

#[async_trait]
impl Registry for Faulty<dyn Store> {
    async fn accept(&self, commands: Vec<Arc<Command>>) -> Result<Vec<Accepted>, StoreError> {
        pass("before-accept")?;
        let accepted = self.0.accept(commands).await?;
        pass("after-accept")?;
        Ok(accepted)
    }

    async fn command(&self, key: &CommandKey) -> Result<Option<Command>, StoreError> {
        self.0.command(key).await
    }

    async fn commands(&self, keys: &[CommandKey]) -> Result<Vec<Command>, StoreError> {
        self.0.commands(keys).await
    }

    async fn list(&self, filter: &CommandFilter) -> Result<Page<Command>, StoreError> {
        self.0.list(filter).await
    }

    async fn unfinished(
        &self,
        tenant: &Tenant,
        target: &str,
        command_type: &str,
    ) -> Result<Option<Command>, StoreError> {
        self.0.unfinished(tenant, target, command_type).await
    }

    async fn led_to(&self, tenant: &Tenant, ids: &[Uuid], limit: u32) -> Result<Vec<Command>, StoreError> {
        self.0.led_to(tenant, ids, limit).await
    }

    async fn due(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Command>, StoreError> {
        self.0.due(partitions, now, limit).await
    }

    async fn backlog(&self, now: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        self.0.backlog(now, limit).await
    }

    async fn waiting(&self, now: DateTime<Utc>, limit: u64) -> Result<Waiting, StoreError> {
        self.0.waiting(now, limit).await
    }

    async fn cancel(
        &self,
        key: &CommandKey,
        at: DateTime<Utc>,
        error: &Problem,
    ) -> Result<CancelOutcome, StoreError> {
        self.0.cancel(key, at, error).await
    }
}

#[async_trait]
impl Processes for Faulty<dyn Store> {
    async fn processes(&self, keys: &[ProcessKey]) -> Result<Vec<ProcessRow>, StoreError> {
        self.0.processes(keys).await
    }

    async fn signals(&self, partitions: &[u16], limit: u32) -> Result<Vec<Signal>, StoreError> {
        self.0.signals(partitions, limit).await
    }

    async fn timers(
        &self,
        partitions: &[u16],
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Timer>, StoreError> {
        self.0.timers(partitions, until, limit).await
    }

    async fn process_list(&self, filter: &ProcessFilter) -> Result<Page<ProcessRow>, StoreError> {
        self.0.process_list(filter).await
    }

    async fn timers_of(&self, process: &ProcessKey) -> Result<Vec<Timer>, StoreError> {
        self.0.timers_of(process).await
    }

    async fn awaited_by(&self, process: &ProcessKey) -> Result<Vec<Command>, StoreError> {
        self.0.awaited_by(process).await
    }

    async fn begin_observing(&self, reader: &str) -> Result<(), StoreError> {
        self.0.begin_observing(reader).await
    }

    async fn observe(
        &self,
        reader: &str,
        from: i64,
        to: &Checkpoint,
        sightings: &[Sighting],
    ) -> Result<bool, StoreError> {
        self.0.observe(reader, from, to, sightings).await
    }

    async fn resume(&self, process: &ProcessKey, home: &str) -> Result<bool, StoreError> {
        self.0.resume(process, home).await
    }

    async fn give_up(
        &self,
        process: &ProcessKey,
        home: &str,
        at: DateTime<Utc>,
        error: &Problem,
    ) -> Result<bool, StoreError> {
        self.0.give_up(process, home, at, error).await
    }
}

#[async_trait]
impl Attempts for Faulty<dyn Store> {
    async fn due_attempts(
        &self,
        partitions: &[u16],
        now: DateTime<Utc>,
        each: u32,
        without: &[String],
    ) -> Result<Vec<DueAttempt>, StoreError> {
        self.0.due_attempts(partitions, now, each, without).await
    }

    async fn attempts(&self, commands: &[CommandKey]) -> Result<Vec<(CommandKey, AttemptRow)>, StoreError> {
        self.0.attempts(commands).await
    }
}

#[async_trait]
impl Journal for Faulty<dyn Store> {
    async fn load(&self, keys: &[AggregateKey]) -> Result<Vec<Loaded>, StoreError> {
        self.0.load(keys).await
    }

    async fn commit(&self, work: Arc<UnitOfWork>) -> Result<Committed, StoreError> {
        pass("before-commit")?;
        if struck("inside-commit") == Some(Action::Kill) {
            std::thread::spawn(|| {
                std::thread::sleep(INSIDE);
                std::process::abort();
            });
        }
        let committed = self.0.commit(broken::commit(work)).await?;
        pass("after-commit")?;
        Ok(committed)
    }

    async fn events(&self, key: &AggregateKey, after: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
        self.0.events(key, after, limit).await
    }
}

#[async_trait]
impl Feed for Faulty<dyn Store> {
    async fn feed(&self, partition: u16, after: i64, limit: u32) -> Result<Vec<FeedEntry>, StoreError> {
        self.0.feed(partition, after, limit).await
    }

    async fn heads(&self) -> Result<Heads, StoreError> {
        pass("before-heads")?;
        self.0.heads().await
    }

    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        self.0.identity().await
    }

    async fn new_generation(&self) -> Result<i64, StoreError> {
        self.0.new_generation().await
    }
}

#[async_trait]
impl Checkpoints for Faulty<dyn Store> {
    async fn checkpoints(&self, reader: &str) -> Result<Vec<Checkpoint>, StoreError> {
        self.0.checkpoints(reader).await
    }

    async fn save_checkpoints(
        &self,
        reader: &str,
        fence: &Fence,
        checkpoints: &[Checkpoint],
    ) -> Result<(), StoreError> {
        pass("before-checkpoint")?;
        self.0.save_checkpoints(reader, fence, checkpoints).await?;
        pass("after-checkpoint")
    }

    async fn park(&self, reader: &str, entry: &ParkedEntry) -> Result<(), StoreError> {
        self.0.park(reader, entry).await
    }

    async fn parked(&self, reader: &str) -> Result<u64, StoreError> {
        self.0.parked(reader).await
    }
}

#[async_trait]
impl Deploying for Faulty<dyn Store> {
    async fn event_kinds(&self) -> Result<Vec<StoredKind>, StoreError> {
        self.0.event_kinds().await
    }

    async fn open_types(&self, most: u32, samples: u32) -> Result<Vec<OpenType>, StoreError> {
        self.0.open_types(most, samples).await
    }

    async fn blocked(&self, keys: &[CommandKey]) -> Result<Vec<(CommandKey, Problem)>, StoreError> {
        self.0.blocked(keys).await
    }

    async fn blocked_targets(&self, keys: &[AggregateKey]) -> Result<Vec<AggregateKey>, StoreError> {
        self.0.blocked_targets(keys).await
    }

    async fn release(&self, partitions: &[u16], most: u32) -> Result<Vec<AggregateKey>, StoreError> {
        self.0.release(partitions, most).await
    }

    async fn unblock(&self, partitions: &[u16]) -> Result<(), StoreError> {
        self.0.unblock(partitions).await
    }
}

#[async_trait]
impl Views for Faulty<dyn Store> {
    async fn view_marks(&self, after: Option<&str>, limit: u32) -> Result<Vec<ViewMark>, StoreError> {
        self.0.view_marks(after, limit).await
    }

    async fn view(&self, view_id: &str) -> Result<Option<ViewRow>, StoreError> {
        self.0.view(view_id).await
    }

    async fn index(&self, members: &[&'static str]) -> Result<(), StoreError> {
        self.0.index(members).await
    }

    async fn views(&self, filter: &ViewFilter) -> Result<Page<ViewRow>, StoreError> {
        self.0.views(filter).await
    }

    async fn aggregates(
        &self,
        aggregate_type: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.0.aggregates(aggregate_type, after, limit).await
    }

    async fn save_views(&self, views: Vec<ViewRow>) -> Result<(), StoreError> {
        self.0.save_views(views).await
    }
}

#[async_trait]
impl Leases for Faulty<dyn Store> {
    async fn heartbeat(&self, replica: Uuid, ttl: Duration) -> Result<Vec<PartitionLease>, StoreError> {
        pass("before-heartbeat")?;
        let leases = self.0.heartbeat(replica, ttl).await?;
        pass("after-heartbeat")?;
        if claimed(&leases) {
            pass("after-claim")?;
        }
        Ok(leases)
    }

    async fn resign(&self, replica: Uuid) -> Result<(), StoreError> {
        pass("before-resign")?;
        self.0.resign(replica).await?;
        pass("after-resign")
    }

    async fn changed(&self) {
        self.0.changed().await;
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }
}

#[async_trait]
impl Broker for Faulty<dyn Broker> {
    async fn publish(
        &self,
        run: &[Message],
        until: tokio::time::Instant,
    ) -> Result<Published, (Published, BrokerError)> {
        let failed =
            |error: StoreError| (Published::default(), BrokerError::Unavailable(format!("{error:?}")));
        pass("before-publish").map_err(failed)?;
        let published = self.0.publish(run, until).await?;
        pass("after-publish").map_err(failed)?;
        Ok(published)
    }

    async fn check(&self, store: &StoreIdentity, receipt: &Receipt) -> Result<Standing, BrokerError> {
        self.0.check(store, receipt).await
    }

    async fn newest(&self, partition: u16) -> Result<Option<Told>, BrokerError> {
        self.0.newest(partition).await
    }
}
