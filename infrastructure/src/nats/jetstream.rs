//! Publishing into the stream, in order.
//!
//! Messages of a partition must not overtake one another, whatever fails in between. There are two ways:
//!
//! - *Careful*: at most one unacknowledged message of each partition. Safe whoever else publishes.
//! - *Pipelined*: the whole run at once, each message naming the stream sequence it expects before it
//!   (`Nats-Expected-Last-Sequence`). The server refuses every message after the first that it did not store, so
//!   that order holds, and one acknowledgement, of the last, speaks for all. It works only for one publisher,
//!   and only when the newest sequence is known.
//!
//! A session begins carefully. Once a message was stored that the server did not have yet, its sequence is the
//! newest, and the rest is pipelined.

use std::collections::HashSet;
use std::time::Duration;

use async_nats::Client;
use async_nats::header::{HeaderValue, NATS_EXPECTED_LAST_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RawMessageErrorKind, StorageType};
use async_nats::jetstream::{self, Context};
use futures::future::join_all;
use wilco_application::ports::{BrokerError, Kept, Message, Published, Receipt};

use super::session::{PATIENCE, unavailable};
use super::{StreamOptions, headers};

/// The stream's name.
const NAME: &str = "WILCO";
/// How long the server remembers message ids.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);

pub(super) struct Stream {
    client: Client,
    context: Context,
    handle: jetstream::stream::Stream,
    /// The newest sequence of the stream, if it is known and nobody else publishes.
    newest: Option<u64>,
}

impl Stream {
    pub(super) async fn open(client: &Client, options: &StreamOptions) -> Result<Self, BrokerError> {
        let context = jetstream::ContextBuilder::new().timeout(PATIENCE).build(client.clone());
        let config = Config {
            name: NAME.to_owned(),
            subjects: vec!["wilco.command.>".to_owned(), "wilco.event.>".to_owned()],
            // A full stream must refuse: dropping old messages silently would break the promise to deliver.
            discard: DiscardPolicy::New,
            storage: if options.in_memory { StorageType::Memory } else { StorageType::File },
            num_replicas: options.replicas,
            max_age: options.max_age,
            max_bytes: options.max_bytes,
            duplicate_window: DUPLICATE_WINDOW,
            ..Config::default()
        };
        let handle = context.get_or_create_stream(config).await.map_err(unavailable)?;
        Ok(Self { client: client.clone(), context, handle, newest: None })
    }

    pub(super) async fn still_has(&mut self, receipt: &Receipt) -> Result<Kept, BrokerError> {
        let state = &self.handle.info().await.map_err(unavailable)?.state;
        if state.last_sequence < receipt.sequence {
            return Ok(Kept::UpTo(state.last_sequence));
        }
        // Below the first one it has simply become too old for the stream.
        let Some(id) = receipt.id.as_deref().filter(|_| receipt.sequence >= state.first_sequence) else {
            return Ok(Kept::All);
        };
        match self.handle.get_raw_message(receipt.sequence).await {
            Ok(found) if found.headers.get(NATS_MESSAGE_ID).is_none_or(|found| found.as_str() != id) => {
                Ok(Kept::Overwritten)
            }
            Ok(_) => Ok(Kept::All),
            // Somebody has deleted it: no loss of the server's.
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(Kept::All),
            Err(error) => Err(unavailable(error)),
        }
    }

    pub(super) async fn publish(
        &mut self,
        run: &[Message],
        alone: bool,
    ) -> Result<Published, (Published, BrokerError)> {
        let mut published = Published::default();
        if !alone {
            self.newest = None;
        }
        let rest = match self.newest {
            Some(_) => run.iter().collect(),
            None => match self.publish_carefully(run, alone, &mut published).await {
                Ok(rest) => rest,
                Err(error) => return Err((published, error)),
            },
        };
        match self.publish_pipelined(&rest, &mut published).await {
            Ok(()) => Ok(published),
            Err(error) => Err((published, error)),
        }
    }

    /// In waves of one message of each partition; gives back what may be pipelined.
    async fn publish_carefully<'m>(
        &mut self,
        run: &'m [Message],
        alone: bool,
        published: &mut Published,
    ) -> Result<Vec<&'m Message>, BrokerError> {
        let mut waiting: Vec<&Message> = run.iter().collect();
        while !waiting.is_empty() && self.newest.is_none() {
            let mut seen = HashSet::new();
            let (wave, rest): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|message| seen.insert(message.partition));
            waiting = rest;
            let acks = join_all(wave.iter().map(|message| self.publish_one(message))).await;
            let mut known = alone;
            let mut failure = None;
            for (message, ack) in wave.into_iter().zip(acks) {
                match ack {
                    Ok(ack) => {
                        known &= !ack.duplicate;
                        published.acknowledge(message, (!ack.duplicate).then_some(ack.sequence));
                    }
                    Err(error) => failure = Some(error),
                }
            }
            if let Some(error) = failure {
                return Err(error);
            }
            self.newest = published.receipt.as_ref().map(|receipt| receipt.sequence).filter(|_| known);
        }
        Ok(waiting)
    }

    async fn publish_one(&self, message: &Message) -> Result<PublishAck, BrokerError> {
        self.send(message, None).await?.await.map_err(|error| broker_error(&error))
    }

    async fn publish_pipelined(
        &mut self,
        run: &[&Message],
        published: &mut Published,
    ) -> Result<(), BrokerError> {
        let Some((last, others)) = run.split_last() else { return Ok(()) };
        // Taken out: after any failure the newest sequence is not known any more.
        let Some(newest) = self.newest.take() else {
            return Err(unavailable("the newest sequence is not known"));
        };
        for (message, expected) in others.iter().zip(newest..) {
            let mut headers = headers(message);
            headers.insert(NATS_EXPECTED_LAST_SEQUENCE, HeaderValue::from(expected));
            let payload = message.payload.clone().into();
            self.client
                .publish_with_headers(message.subject.clone(), headers, payload)
                .await
                .map_err(unavailable)?;
        }
        let expected = newest + others.len() as u64;
        let ack = self.send(last, Some(expected)).await?.await.map_err(|error| broker_error(&error))?;
        if ack.duplicate {
            // Someone else has published it: then nothing is known of the others.
            return Err(BrokerError::Refused("the stream has another publisher".to_owned()));
        }
        for message in others {
            published.acknowledge(message, None);
        }
        published.acknowledge(last, Some(ack.sequence));
        self.newest = Some(ack.sequence);
        Ok(())
    }

    async fn send(&self, message: &Message, expected: Option<u64>) -> Result<PublishAckFuture, BrokerError> {
        let mut outbound =
            PublishMessage::build().payload(message.payload.clone().into()).headers(headers(message));
        if let Some(last) = expected {
            outbound = outbound.expected_last_sequence(last);
        }
        self.context
            .send_publish(message.subject.clone(), outbound)
            .await
            .map_err(|error| broker_error(&error))
    }
}

fn broker_error(error: &PublishError) -> BrokerError {
    match error.kind() {
        PublishErrorKind::Other
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::MaxPayloadExceeded => BrokerError::Refused(error.to_string()),
        _ => BrokerError::Unavailable(error.to_string()),
    }
}
