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
use std::time::{Duration, Instant};

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
/// How long the server remembers message ids: longer than another replica needs to take over. Each of them is memory
/// that nats-server's garbage collector walks over: with its two minutes, at 12,000 messages a second, that held both
/// cores of a small machine for 30 ms about once a second, which commands had to wait for.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(30);
/// How often to look whether somebody has bounded a stream that has no bound.
const LOOK_FOR_BOUND: Duration = Duration::from_secs(1);
/// What a stored message takes at most beyond its subject, headers and payload: its frame, and the headers that are
/// added on the way.
const FRAME: u64 = 256;

pub(super) struct Stream {
    client: Client,
    context: Context,
    handle: jetstream::stream::Stream,
    /// The newest sequence of the stream, if it is known and nobody else publishes.
    newest: Option<u64>,
    /// When the stream was last seen without a bound.
    unbounded: Option<Instant>,
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
        Ok(Self { client: client.clone(), context, handle, newest: None, unbounded: None })
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
        match self.publish_what_fits(run, alone, &mut published).await {
            Ok(()) => Ok(published),
            Err(error) => Err((published, error)),
        }
    }

    async fn publish_what_fits(
        &mut self,
        run: &[Message],
        alone: bool,
        published: &mut Published,
    ) -> Result<(), BrokerError> {
        let fits = match self.room().await? {
            Some(room) => fitting(run, room),
            None => run.len(),
        };
        if !alone {
            self.newest = None;
        }
        let rest = match self.newest {
            Some(_) => run[..fits].iter().collect(),
            None => self.publish_carefully(&run[..fits], alone, published).await?,
        };
        self.publish_pipelined(&rest, published).await?;
        if fits < run.len() {
            return Err(BrokerError::Refused("the stream is full".to_owned()));
        }
        Ok(())
    }

    /// The bytes that the stream has left, if it is bounded. The server refuses what does not fit, but forgets the
    /// frame of the message in its sum (nats-server 2.9): what then does fit by less than that is stored, and the
    /// oldest message is deleted for it, which no reader may have seen yet.
    async fn room(&mut self) -> Result<Option<u64>, BrokerError> {
        if self.unbounded.is_some_and(|seen| seen.elapsed() < LOOK_FOR_BOUND) {
            return Ok(None);
        }
        let info = self.handle.info().await.map_err(unavailable)?;
        let bound = u64::try_from(info.config.max_bytes).ok().filter(|bound| *bound > 0);
        self.unbounded = bound.is_none().then(Instant::now);
        Ok(bound.map(|bound| bound.saturating_sub(info.state.bytes)))
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

/// How many messages of a run fit, from its beginning.
fn fitting(run: &[Message], room: u64) -> usize {
    let end_of = |used: &mut u64, message: &Message| {
        let headers: usize = message.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        *used += (message.subject.len() + message.payload.len() + message.id.len() + headers) as u64 + FRAME;
        Some(*used)
    };
    run.iter().scan(0, end_of).take_while(|end| *end <= room).count()
}

fn broker_error(error: &PublishError) -> BrokerError {
    match error.kind() {
        PublishErrorKind::Other
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::MaxPayloadExceeded => BrokerError::Refused(error.to_string()),
        _ => BrokerError::Unavailable(error.to_string()),
    }
}
