use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use tokio::time::Instant;
use wilco_application::ports::{BrokerError, Message, Published, Receipt, Standing, StoreIdentity, Told};

use super::errors::unavailable;
use super::headers::headers;
use super::jetstream::Stream;
use super::{NatsOptions, PATIENCE};

/// One connection to NATS, for as long as it lasts.
pub(super) struct Session {
    client: Client,
    stream: Option<Stream>,
    lost: Arc<AtomicBool>,
}

impl Session {
    /// A new connection; `None` when there is no stream, and none may be made.
    pub(super) async fn open(
        options: &NatsOptions,
        store: &StoreIdentity,
        may_make: bool,
    ) -> Result<Option<Self>, BrokerError> {
        let lost = Arc::new(AtomicBool::new(false));
        let servers = options.servers.iter().map(|server| server.parse::<ServerAddr>());
        let servers: Vec<ServerAddr> = servers.collect::<Result<_, _>>().map_err(unavailable)?;
        let with_login = options.login.apply(connect_options(&lost), &servers).await?;
        let connecting = options.tls.apply(with_login).connect(servers);
        let client = tokio::time::timeout(PATIENCE, connecting)
            .await
            .map_err(|_| unavailable("no answer to the connection"))?
            .map_err(|error| unavailable(chain_of(&error)))?;
        // From here on a reconnection would be one too many.
        lost.store(false, Ordering::Release);
        let stream = match &options.stream {
            Some(stream) => {
                match Stream::open(&client, stream, &options.subject_prefix, store, may_make).await? {
                    Some(stream) => Some(stream),
                    None => return Ok(None),
                }
            }
            None => None,
        };
        Ok(Some(Self { client, stream, lost }))
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.lost.load(Ordering::Acquire)
    }

    pub(super) async fn publish(
        &mut self,
        run: &[Message],
        until: Instant,
    ) -> Result<Published, (Published, BrokerError)> {
        match &mut self.stream {
            Some(stream) => stream.publish(run, until).await,
            None => self.publish_plainly(run).await.map_err(|error| (Published::default(), error)),
        }
    }

    pub(super) async fn check(
        &mut self,
        store: &StoreIdentity,
        receipt: &Receipt,
    ) -> Result<Standing, BrokerError> {
        match &mut self.stream {
            Some(stream) => stream.check(store, receipt).await,
            None => Ok(Standing { kept: true, first: 0, last: 0, largest: self.client.max_payload() }),
        }
    }

    pub(super) async fn newest(&self, partition: u16) -> Result<Option<Told>, BrokerError> {
        match &self.stream {
            Some(stream) => stream.newest(partition).await,
            None => Ok(None),
        }
    }

    /// Without JetStream the server's word that it has read everything is all there is to be had.
    async fn publish_plainly(&self, run: &[Message]) -> Result<Published, BrokerError> {
        let mut published = Published::default();
        for message in run {
            let payload = message.payload.clone();
            self.client
                .publish_with_headers(message.subject.clone(), headers(message, None)?, payload)
                .await
                .map_err(unavailable)?;
            published.acknowledge(message, None);
        }
        tokio::time::timeout(PATIENCE, self.client.flush())
            .await
            .map_err(|_| unavailable("no answer to a flush"))?
            .map_err(unavailable)?;
        if self.is_alive() { Ok(published) } else { Err(unavailable("the connection was lost")) }
    }
}

/// An error with what led to it: the library's own text says only that it could not connect.
fn chain_of(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A client that ends instead of reconnecting. It has no setting for that; but it asks where to reconnect to,
/// and its task ends, with everything it had queued, when it gets no answer but an unwinding. (`resume_unwind`
/// runs no panic hook and prints nothing; the task is the client's own.)
fn connect_options(lost: &Arc<AtomicBool>) -> ConnectOptions {
    let connected = Arc::new(AtomicBool::new(false));
    let (on_event, on_connect) = (Arc::clone(&connected), Arc::clone(&connected));
    let (event_lost, reconnect_lost) = (Arc::clone(lost), Arc::clone(lost));
    ConnectOptions::new()
        .name("wilco")
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        .event_callback(move |event| {
            match event {
                Event::Connected => on_event.store(true, Ordering::Release),
                Event::Disconnected | Event::Closed => event_lost.store(true, Ordering::Release),
                _ => {}
            }
            std::future::ready(())
        })
        .reconnect_to_server_callback(move |_, _| {
            if on_connect.swap(true, Ordering::AcqRel) {
                reconnect_lost.store(true, Ordering::Release);
                std::panic::resume_unwind(Box::new("the session is over"));
            }
            std::future::ready(None)
        })
}
