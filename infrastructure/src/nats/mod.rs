//! NATS, with or without JetStream.
//!
//! A [`session`](Session) is one connection. It is never reconnected: a client that reconnects by itself sends
//! what it had queued after what it has lost, and so out of order. A session that fails is dropped with all that
//! it had not sent, and the next publish begins a new one.

mod jetstream;
mod session;

use std::time::Duration;

use async_nats::HeaderMap;
use async_trait::async_trait;
use tokio::sync::Mutex;
use wilco_application::ports::{Broker, BrokerError, Kept, Message, Published, Receipt};

use session::Session;

/// How to use NATS.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// `nats://host:port`, several separated by commas; may hold user and password.
    pub servers: String,
    /// The stream to publish into; `None` publishes plainly, without JetStream.
    pub stream: Option<StreamOptions>,
}

/// The stream `WILCO`, as it is created when it is missing. One that exists is used as it is.
#[derive(Clone, Debug)]
pub struct StreamOptions {
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
        Self { replicas: 1, in_memory: false, max_age: Duration::ZERO, max_bytes: -1 }
    }
}

/// Publishes to NATS.
pub struct NatsBroker {
    options: NatsOptions,
    session: Mutex<Option<Session>>,
}

impl NatsBroker {
    /// A broker that connects when it is first used, so that a server can be started before NATS is.
    pub fn new(options: NatsOptions) -> Self {
        Self { options, session: Mutex::new(None) }
    }

    /// Whether there is a connection. It is the relay's to make one: it must first see what the last one has lost.
    pub async fn ping(&self) -> Result<(), BrokerError> {
        match &*self.session.lock().await {
            Some(session) if session.is_alive() => Ok(()),
            _ => Err(BrokerError::Unavailable("not connected".to_owned())),
        }
    }

    async fn session<'a>(
        slot: &'a mut Option<Session>,
        options: &NatsOptions,
    ) -> Result<&'a mut Session, BrokerError> {
        if slot.as_ref().is_some_and(|session| !session.is_alive()) {
            *slot = None;
        }
        match slot {
            Some(session) => Ok(session),
            None => Ok(slot.insert(Session::open(options).await?)),
        }
    }
}

#[async_trait]
impl Broker for NatsBroker {
    async fn publish(&self, run: &[Message], alone: bool) -> Result<Published, (Published, BrokerError)> {
        let mut slot = self.session.lock().await;
        let session = match &mut *slot {
            Some(session) if session.is_alive() => session,
            // Not on a new connection before its loss is known: see `still_has`.
            _ => return Err((Published::default(), BrokerError::Unavailable("not connected".to_owned()))),
        };
        let result = session.publish(run, alone).await;
        if result.is_err() {
            *slot = None;
        }
        result
    }

    async fn still_has(&self, receipt: &Receipt) -> Result<Kept, BrokerError> {
        let mut slot = self.session.lock().await;
        let session = Self::session(&mut slot, &self.options).await?;
        let result = session.still_has(receipt).await;
        if result.is_err() {
            *slot = None;
        }
        result
    }
}

/// The headers every message bears.
fn headers(message: &Message) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Content-Type", "application/cloudevents+json");
    headers.insert("Nats-Msg-Id", message.id.as_str());
    for (name, value) in &message.headers {
        headers.insert(*name, value.as_str());
    }
    headers
}
