//! The engine as the outside sees it.

mod details;
mod hooks;
mod lookup;
mod loops;
mod processes;
mod submission;
mod tree;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use wilco_domain::kernel::Activity as _;

pub use crate::settings::EngineSettings;
pub use details::Details;
pub use hooks::{HookError, Signed};
pub use lookup::{CancelError, CommandQuery, Found, RetryError, RetrySubmission};
pub use loops::Running;
pub use processes::{Instance, ParkedError};
pub use submission::{Submission, SubmitError, Submitted};
pub use tree::Tree;

use crate::activities::{Outside, Reach};
use crate::callbacks::Deliverer;
use crate::catalog::{Catalog, DeliverCallback};
use crate::cloud_event::Notifier;
use crate::feed::FeedHub;
use crate::intake::Intake;
use crate::kinds::KnownKinds;
use crate::observing::reader_of;
use crate::ownership::Ownership;
use crate::pace::Pace;
use crate::parts::Parts;
use crate::ports::{Broker, Clock, Command, Ids, Outbound, Store, StoreError};
use crate::queries::Queries;
use crate::status::CommandStatus;
use crate::worker::Router;

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
    parts: Parts,
    ids: Arc<dyn Ids>,
    intake: Intake,
    router: Router,
    notifier: Notifier,
    /// Whom callbacks go out by; `None`: nobody is called back.
    callbacks: Option<Arc<dyn Outbound>>,
    /// No new commands are taken.
    closing: CancellationToken,
}

impl Engine {
    /// Starts everything on a store whose schema is up to date.
    pub async fn start(
        store: Arc<dyn Store>,
        broker: Option<Arc<dyn Broker>>,
        catalog: Arc<Catalog>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        mut outside: Outside,
        settings: EngineSettings,
    ) -> Result<(Arc<Self>, Running), StoreError> {
        let indexed: Vec<_> = catalog.indexed().into_iter().collect();
        if !indexed.is_empty() {
            store.index(&indexed).await?;
        }
        for process in catalog.observers() {
            store.begin_observing(&reader_of(process.name())).await?;
        }
        let heads = store.heads().await?;
        let kinds = Arc::new(KnownKinds::of(&store.event_kinds().await?));
        let (source, prefix) = (settings.source.clone(), settings.subject_prefix.clone());
        let notifier = Notifier::new(source, prefix, Arc::clone(&catalog));
        let hub = Arc::new(FeedHub::new(Arc::clone(&store), &heads, settings.feed_tail));
        let callbacks = outside.outbound.clone().filter(|_| !outside.callback_keys.is_empty());
        if let Some(outbound) = &callbacks {
            let deliverer = Deliverer {
                outbound: Arc::clone(outbound),
                store: Arc::clone(&store),
                hub: Arc::clone(&hub),
                notifier: notifier.clone(),
                clock: Arc::clone(&clock),
                keys: outside.callback_keys.as_slice().into(),
            };
            outside.runners.push((DeliverCallback::TYPE, Arc::new(deliverer)));
        }
        let parts = Parts {
            hub,
            waiters: Arc::default(),
            kinds,
            pace: Arc::default(),
            ownership: Ownership::new(ids.next()),
            settings: Arc::new(settings),
            reach: Reach::new(&catalog, outside),
            store,
            catalog,
            clock,
        };
        let router = Router::new(&parts.settings.worker);
        let (intake, intake_loop) = Intake::new(&parts, router.clone());
        let running = Running::start(&parts, &router, intake_loop, &notifier, broker);
        let closing = CancellationToken::new();
        Ok((Arc::new(Self { parts, ids, intake, router, notifier, callbacks, closing }), running))
    }

    /// What is registered.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.parts.catalog
    }

    /// The feed.
    pub fn feed(&self) -> &Arc<FeedHub> {
        &self.parts.hub
    }

    /// The read models.
    pub fn queries(&self) -> Queries {
        Queries::new(Arc::clone(&self.parts.store), Arc::clone(&self.parts.catalog))
    }

    /// Makes notifications of feed entries.
    pub fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// The backlog and the rate.
    pub fn pace(&self) -> &Pace {
        &self.parts.pace
    }

    /// Now, by the engine's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.parts.clock.now()
    }

    /// A new id, later than all before.
    pub fn new_id(&self) -> uuid::Uuid {
        self.ids.next()
    }

    /// The status of a command, as of now.
    pub fn status<'a>(&self, command: &'a Command) -> CommandStatus<'a> {
        CommandStatus::of(command, &self.parts.catalog, &self.parts.pace, self.now())
    }

    /// Whether commands can be committed: the store answers, and takes this replica's heartbeats.
    pub async fn ready(&self) -> Result<(), NotReady> {
        self.parts.store.ping().await?;
        if self.parts.ownership.is_held() { Ok(()) } else { Err(NotReady::NoLease) }
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
