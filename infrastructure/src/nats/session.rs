use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event};
use wilco_application::ports::{BrokerError, Kept, Message, Published, Receipt};

use super::jetstream::Stream;
use super::{NatsOptions, headers};

/// How long the server may take for one answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// One connection to NATS, for as long as it lasts.
pub(super) struct Session {
    client: Client,
    stream: Option<Stream>,
    lost: Arc<AtomicBool>,
}

impl Session {
    pub(super) async fn open(options: &NatsOptions) -> Result<Self, BrokerError> {
        let lost = Arc::new(AtomicBool::new(false));
        let servers: Vec<&str> = options.servers.split(',').map(str::trim).collect();
        let connecting = connect_options(&lost).connect(servers);
        let client = tokio::time::timeout(PATIENCE, connecting)
            .await
            .map_err(|_| unavailable("no answer to the connection"))?
            .map_err(unavailable)?;
        // From here on a reconnection would be one too many.
        lost.store(false, Ordering::Release);
        let stream = match &options.stream {
            Some(stream) => Some(Stream::open(&client, stream).await?),
            None => None,
        };
        Ok(Self { client, stream, lost })
    }

    pub(super) fn is_alive(&self) -> bool {
        !self.lost.load(Ordering::Acquire)
    }

    pub(super) async fn publish(
        &mut self,
        run: &[Message],
        alone: bool,
    ) -> Result<Published, (Published, BrokerError)> {
        match &mut self.stream {
            Some(stream) => stream.publish(run, alone).await,
            None => self.publish_plainly(run).await.map_err(|error| (Published::default(), error)),
        }
    }

    pub(super) async fn still_has(&mut self, receipt: &Receipt) -> Result<Kept, BrokerError> {
        match &mut self.stream {
            Some(stream) => stream.still_has(receipt).await,
            None => Ok(Kept::All),
        }
    }

    /// Without JetStream the server's word that it has read everything is all there is to be had.
    async fn publish_plainly(&self, run: &[Message]) -> Result<Published, BrokerError> {
        let mut published = Published::default();
        for message in run {
            let payload = message.payload.clone().into();
            self.client
                .publish_with_headers(message.subject.clone(), headers(message), payload)
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

pub(super) fn unavailable(error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Unavailable(error.to_string())
}
