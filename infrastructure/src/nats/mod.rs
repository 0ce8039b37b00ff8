//! NATS, with or without JetStream.
//!
//! A [`session`](Session) is one connection. It is never reconnected: a client that reconnects by itself sends
//! what it had queued after what it has lost, and so out of order. A session that fails is dropped with all that
//! it had not sent, and the next publish begins a new one.

mod chain;
mod claim;
mod errors;
mod headers;
mod jetstream;
mod login;
mod session;

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::time::Instant;
use wilco_application::ports::{
    Broker, BrokerError, Message, Published, Receipt, Standing, StoreIdentity, Told,
};
use wilco_application::relay::VERIFY_EVERY;

pub use login::{Login, Tls};
use session::Session;

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How to use NATS.
#[derive(Clone)]
pub struct NatsOptions {
    /// `nats://host:port` or `tls://host:port`, each; may hold user and password, or a token.
    pub servers: Vec<String>,
    /// Who the servers are told this is.
    pub login: Login,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// What the subjects begin with.
    pub subject_prefix: String,
    /// The stream to publish into; `None` publishes plainly, without JetStream.
    pub stream: Option<StreamOptions>,
}

/// The stream, as it is created when it is missing. One that exists is used as it is.
#[derive(Clone, Debug)]
pub struct StreamOptions {
    /// Its name.
    pub name: String,
    /// Copies kept in a cluster.
    pub replicas: usize,
    /// In memory instead of in files.
    pub in_memory: bool,
    /// Messages older than this are dropped; zero keeps them.
    pub max_age: Duration,
    /// Most bytes; a full stream refuses new messages until there is room. -1: no bound.
    pub max_bytes: i64,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            name: "WILCO".to_owned(),
            replicas: 1,
            in_memory: false,
            max_age: Duration::ZERO,
            max_bytes: -1,
        }
    }
}

/// Publishes to NATS.
pub struct NatsBroker {
    options: NatsOptions,
    session: Mutex<Option<Session>>,
    /// Why there is none.
    trouble: std::sync::Mutex<Option<String>>,
    /// Since when the stream is known to be missing.
    missing: std::sync::Mutex<Option<Instant>>,
}

impl NatsBroker {
    /// A broker that connects when it is first used, so that a server can be started before NATS is.
    pub fn new(options: NatsOptions) -> Self {
        Self {
            options,
            session: Mutex::new(None),
            trouble: std::sync::Mutex::default(),
            missing: std::sync::Mutex::default(),
        }
    }

    /// Whether there is a connection. It is the relay's to make one: it must first see what the last one has lost.
    pub async fn ping(&self) -> Result<(), BrokerError> {
        match &*self.session.lock().await {
            Some(session) if session.is_alive() => Ok(()),
            _ => Err(lock(&self.trouble).clone().map_or_else(not_connected, BrokerError::Unavailable)),
        }
    }

    async fn session<'a>(
        &self,
        slot: &'a mut Option<Session>,
        store: &StoreIdentity,
        receipt: &Receipt,
    ) -> Result<&'a mut Session, BrokerError> {
        if slot.as_ref().is_some_and(|session| !session.is_alive()) {
            *slot = None;
        }
        match slot {
            Some(session) => Ok(session),
            None => Ok(slot.insert(self.open(store, receipt).await?)),
        }
    }

    /// A stream that was there before is made anew only when every replica has found it missing: one that has not would
    /// go on in the new one in the middle.
    async fn open(&self, store: &StoreIdentity, receipt: &Receipt) -> Result<Session, BrokerError> {
        const ALL_HAVE_LOOKED: Duration = VERIFY_EVERY.saturating_add(Duration::from_secs(2));
        let missing = *lock(&self.missing);
        let may_make =
            receipt.sequence == 0 || missing.is_some_and(|since| since.elapsed() >= ALL_HAVE_LOOKED);
        let session = Session::open(&self.options, store, may_make).await?;
        *lock(&self.missing) = match &session {
            Some(_) => None,
            None => missing.or_else(|| Some(Instant::now())),
        };
        session.ok_or_else(|| {
            BrokerError::Unavailable(
                "the stream is gone; it is made anew when all replicas have noticed".to_owned(),
            )
        })
    }
}

fn lock<T>(mutex: &std::sync::Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nothing is published, nor asked, on a new connection before its loss is known: see [`Broker::check`].
fn not_connected() -> BrokerError {
    BrokerError::Unavailable("not connected".to_owned())
}

#[async_trait]
impl Broker for NatsBroker {
    async fn publish(&self, run: &[Message], until: Instant) -> Result<Published, (Published, BrokerError)> {
        let mut slot = self.session.lock().await;
        let session = match &mut *slot {
            Some(session) if session.is_alive() => session,
            _ => return Err((Published::default(), not_connected())),
        };
        let result = session.publish(run, until).await;
        // What comes too late says nothing about the connection.
        if matches!(&result, Err((_, error)) if !matches!(error, BrokerError::Late)) {
            *slot = None;
        }
        result
    }

    async fn check(&self, store: &StoreIdentity, receipt: &Receipt) -> Result<Standing, BrokerError> {
        let mut slot = self.session.lock().await;
        let result = match self.session(&mut slot, store, receipt).await {
            Ok(session) => session.check(store, receipt).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &result {
            *slot = None;
            *lock(&self.trouble) = Some(error.to_string());
        }
        result
    }

    async fn newest(&self, partition: u16) -> Result<Option<Told>, BrokerError> {
        let mut slot = self.session.lock().await;
        let result = match &*slot {
            Some(session) if session.is_alive() => session.newest(partition).await,
            _ => return Err(not_connected()),
        };
        if result.is_err() {
            *slot = None;
        }
        result
    }
}
