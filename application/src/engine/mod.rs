//! The engine as the outside sees it.

mod lookup;
mod submission;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use lookup::{CancelError, CommandQuery, Found, RetryError, RetrySubmission};
pub use submission::{OWN_METADATA, Submission, SubmitError, Submitted};

use crate::catalog::Catalog;
use crate::cloud_event::Notifier;
use crate::feed::FeedHub;
use crate::intake::{Intake, count_backlog};
use crate::ownership::Ownership;
use crate::pace::Pace;
use crate::ports::{Broker, Clock, Command, Ids, Store, StoreError};
use crate::queries::Queries;
use crate::relay::Relay;
use crate::status::CommandStatus;
use crate::vital;
use crate::waiters::Waiters;
use crate::worker::{self, Router, Surroundings, WorkerSettings};

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

/// Commands cannot be committed at present.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store answers, but does not take what is written.
    #[error("the store cannot be written to: this replica's lease was not renewed")]
    NoLease,
}

/// Accepts commands, applies them and answers for them.
pub struct Engine {
    store: Arc<dyn Store>,
    catalog: Arc<Catalog>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    intake: Intake,
    router: Router,
    hub: Arc<FeedHub>,
    waiters: Arc<Waiters>,
    pace: Arc<Pace>,
    ownership: Ownership,
    notifier: Notifier,
    settings: EngineSettings,
    /// No new commands are taken.
    closing: CancellationToken,
}

/// The loops behind an [`Engine`].
pub struct Running {
    workers: Vec<JoinHandle<()>>,
    relay: Option<JoinHandle<()>>,
    lease: JoinHandle<()>,
    others: Vec<JoinHandle<()>>,
    stop_workers: CancellationToken,
    stop_relay: CancellationToken,
    stop_lease: CancellationToken,
}

impl Engine {
    /// Starts everything on a store whose schema is up to date.
    pub async fn start(
        store: Arc<dyn Store>,
        broker: Option<Arc<dyn Broker>>,
        catalog: Arc<Catalog>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        settings: EngineSettings,
    ) -> Result<(Arc<Self>, Running), StoreError> {
        let heads = store.heads().await?;
        let hub = Arc::new(FeedHub::new(Arc::clone(&store), &heads, settings.feed_tail));
        let pace = Arc::new(Pace::default());
        let router = Router::new(&settings.worker);
        let ownership = Ownership::new(ids.next());
        let (intake, intake_loop) = Intake::new(
            Arc::clone(&store),
            router.clone(),
            Arc::clone(&clock),
            Arc::clone(&pace),
            Arc::clone(&ownership.outage),
        );
        let engine = Arc::new(Self {
            ownership,
            notifier: Notifier::new(
                settings.source.clone(),
                settings.subject_prefix.clone(),
                Arc::clone(&catalog),
            ),
            waiters: Arc::default(),
            closing: CancellationToken::new(),
            store,
            catalog,
            clock,
            ids,
            intake,
            router,
            hub,
            pace,
            settings,
        });
        let running = engine.spawn(broker);
        vital::spawn("intake", intake_loop.run());
        Ok((engine, running))
    }

    fn spawn(self: &Arc<Self>, broker: Option<Arc<dyn Broker>>) -> Running {
        let (stop_workers, stop_relay, stop_lease) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        let surroundings = Surroundings {
            store: Arc::clone(&self.store),
            catalog: Arc::clone(&self.catalog),
            ownership: self.ownership.clone(),
            hub: Arc::clone(&self.hub),
            waiters: Arc::clone(&self.waiters),
            pace: Arc::clone(&self.pace),
            clock: Arc::clone(&self.clock),
            settings: self.settings.worker,
        };
        let workers = worker::start(&self.router, &surroundings, &stop_workers);
        let relay = broker.map(|broker| vital::spawn("relay", self.relay(broker).run(stop_relay.clone())));
        let lease =
            self.ownership.clone().run(Arc::clone(&self.store), self.settings.lease, stop_lease.clone());
        let (engine, limit) = (Arc::clone(self), self.settings.max_backlog);
        let count = async move { count_backlog(&*engine.store, &*engine.clock, &engine.pace, limit).await };
        let others =
            vec![vital::spawn("backlog", count), vital::spawn("watch", Arc::clone(self).watch_others())];
        Running {
            workers,
            relay,
            lease: vital::spawn("lease", lease),
            others,
            stop_workers,
            stop_relay,
            stop_lease,
        }
    }

    fn relay(&self, broker: Arc<dyn Broker>) -> Relay {
        Relay::new(
            Arc::clone(&self.store),
            Arc::clone(&self.hub),
            broker,
            self.notifier.clone(),
            Arc::clone(&self.clock),
            &self.ownership,
        )
    }

    /// Notices what other replicas accept and commit: when the store hints at it, and now and then anyway.
    async fn watch_others(self: Arc<Self>) {
        /// Hints come at most so often.
        const THROTTLE: Duration = Duration::from_millis(10);
        loop {
            let alone = self.ownership.count() == usize::from(self.hub.partitions());
            let pause = if alone { Duration::from_secs(1) } else { Duration::from_millis(200) };
            tokio::select! {
                () = self.store.changed() => self.router.look(),
                () = tokio::time::sleep(pause) => {}
            }
            self.hub.catch_up().await;
            tokio::time::sleep(THROTTLE).await;
        }
    }

    /// What is registered.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The feed.
    pub fn feed(&self) -> &Arc<FeedHub> {
        &self.hub
    }

    /// The read models.
    pub fn queries(&self) -> Queries {
        Queries::new(Arc::clone(&self.store), Arc::clone(&self.catalog))
    }

    /// Makes notifications of feed entries.
    pub fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// The backlog and the rate.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Now, by the engine's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A new id, later than all before.
    pub fn new_id(&self) -> uuid::Uuid {
        self.ids.next()
    }

    /// The status of a command, as of now.
    pub fn status<'a>(&self, command: &'a Command) -> CommandStatus<'a> {
        CommandStatus::of(command, &self.catalog, &self.pace, self.now())
    }

    /// Whether commands can be committed: the store answers, and takes this replica's heartbeats.
    pub async fn ready(&self) -> Result<(), NotReady> {
        self.store.ping().await?;
        if self.ownership.is_held() { Ok(()) } else { Err(NotReady::NoLease) }
    }

    /// Takes no new commands from now on.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Resolves when it takes no new commands any more: whoever streams or waits for a client ends then.
    pub async fn closed(&self) {
        self.closing.cancelled().await;
    }

    /// Whether it takes no new commands any more.
    pub fn is_closing(&self) -> bool {
        self.closing.is_cancelled()
    }
}

impl Running {
    /// Ends softly: the commands under way are settled and told of, as far as that is done within `patience`;
    /// the rest is left for the next start. Close the engine first.
    pub async fn stop(self, patience: Duration) {
        let Self { workers, relay, lease, others, stop_workers, stop_relay, stop_lease } = self;
        let deadline = tokio::time::Instant::now() + patience;
        stop_workers.cancel();
        end(workers, deadline).await;
        stop_relay.cancel();
        end(relay.into_iter().collect(), deadline).await;
        stop_lease.cancel();
        end(vec![lease], tokio::time::Instant::now() + Duration::from_secs(3)).await;
        for task in others {
            task.abort();
        }
    }
}

async fn end(tasks: Vec<JoinHandle<()>>, deadline: tokio::time::Instant) {
    for mut task in tasks {
        if tokio::time::timeout_at(deadline, &mut task).await.is_err() {
            task.abort();
        }
    }
}
