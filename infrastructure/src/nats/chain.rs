//! Publishing many messages at once, in order.
//!
//! Each message but the first names the one before it (`Nats-Expected-Last-Msg-Id`), and the server stores it only
//! right behind that one. So whatever happens to a message (refused, lost, another publisher's in between), none after
//! it of the same partition is stored either. It holds over all attempts, whoever makes them, and in whatever order
//! they reach the server: the message before another one in its partition is always the same, unless that one is
//! the first to be sent, which it is only when all before it are known to be stored. Hence: a message is in the stream
//! only if all before it in its partition are, and one acknowledgement, of the last message of a partition, speaks for
//! all of them. It says nothing of other partitions, which another attempt may have ordered in another way.
//!
//! When somebody else publishes as well, chains break. Then each message is acknowledged, so that the next chain begins
//! with the first that was not stored, and chains are as long as they hold.
//!
//! The first message of a chain continues the chain before it, while nobody else publishes. So what a replica sends
//! that was replaced while it stood still, when its successor has published behind it, breaks at once.

use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::{PublishAckFuture, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use futures::future::join_all;
use wilco_application::ports::{BrokerError, Message, Published};

use super::errors::{broker_error, unavailable};
use super::headers::headers;

/// For how long somebody else is expected to publish again.
const QUARREL: Duration = Duration::from_secs(10);
/// The shortest and the longest chain.
const SHORTEST: usize = 16;
const LONGEST: usize = 1024;

/// What is known of the end of the stream.
#[derive(Debug)]
pub(super) struct Chain {
    /// The id of the newest message, if it is ours and nobody else publishes.
    last: Option<String>,
    /// When somebody else's message was last found between ours.
    quarrel: Option<Instant>,
    /// How many messages to send at once.
    length: usize,
}

/// Why a message is not acknowledged.
enum Break {
    /// It is not stored, since another message stood before it.
    Quarrel,
    /// Anything else: it may be stored.
    Failure(BrokerError),
}

impl From<BrokerError> for Break {
    fn from(error: BrokerError) -> Self {
        Self::Failure(error)
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self { last: None, quarrel: None, length: LONGEST }
    }
}

impl Chain {
    /// How many messages to give to the next [`Chain::publish`] at most.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Publishes messages as one chain; those that are stored are told to `published`. A chain that breaks because
    /// somebody else publishes is no error: the rest is to be given again.
    pub(super) async fn publish(
        &mut self,
        client: &Client,
        context: &Context,
        messages: &[&Message],
        published: &mut Published,
    ) -> Result<(), BrokerError> {
        let quarrelling = self.quarrel.is_some_and(|since| since.elapsed() < QUARREL);
        // Then somebody is always in between: the first message comes behind whatever is there.
        let before = self.last.take().filter(|_| !quarrelling);
        let known = published.count;
        let asked = send_all(client, context, messages, before.as_deref(), quarrelling).await?;
        match self.hear(messages, asked, published).await {
            Ok(()) => self.length = (self.length * 2).min(LONGEST),
            Err(Break::Quarrel) => {
                self.last = None;
                self.quarrel = Some(Instant::now());
                if quarrelling {
                    self.length = (2 * (published.count - known)).clamp(SHORTEST, LONGEST);
                }
            }
            Err(Break::Failure(error)) => return Err(error),
        }
        Ok(())
    }

    /// Waits for the acknowledgements, each of which speaks for the messages of its partition before it.
    async fn hear(
        &mut self,
        messages: &[&Message],
        asked: Vec<(usize, PublishAckFuture)>,
        published: &mut Published,
    ) -> Result<(), Break> {
        let (ends, acks): (Vec<usize>, Vec<_>) = asked.into_iter().unzip();
        let acks = join_all(acks.into_iter().map(acknowledged)).await;
        let mut outcome = Ok(());
        let mut begin = 0;
        for (end, ack) in ends.into_iter().zip(acks) {
            let (last, others) = (messages[end], &messages[begin..end]);
            begin = end + 1;
            match ack {
                Ok(ack) => {
                    for message in others {
                        published.acknowledge(message, None);
                    }
                    published.acknowledge(last, (!ack.duplicate).then_some(ack.sequence));
                    self.last = (!ack.duplicate).then(|| last.id.clone());
                }
                // A failure says more than a quarrel: it ends the session.
                Err(Break::Quarrel) if outcome.is_err() => {}
                Err(other) => outcome = Err(other),
            }
        }
        outcome
    }
}

/// Sends messages, each behind the one before it; asks for an acknowledgement of `each`, or of the last one of each
/// partition. The acknowledgements that will come, with the places of their messages.
async fn send_all(
    client: &Client,
    context: &Context,
    messages: &[&Message],
    mut before: Option<&str>,
    each: bool,
) -> Result<Vec<(usize, PublishAckFuture)>, BrokerError> {
    let mut asked = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let is_last = messages.get(place + 1).is_none_or(|next| next.partition != message.partition);
        if each || is_last {
            asked.push((place, send(context, message, before).await?));
        } else {
            let (headers, payload) = (headers(message, before)?, message.payload.clone());
            let sent = client.publish_with_headers(message.subject.clone(), headers, payload);
            sent.await.map_err(unavailable)?;
        }
        before = Some(&message.id);
    }
    Ok(asked)
}

async fn acknowledged(ack: PublishAckFuture) -> Result<PublishAck, Break> {
    match ack.await {
        Ok(ack) => Ok(ack),
        Err(error) if error.kind() == PublishErrorKind::WrongLastMessageId => Err(Break::Quarrel),
        Err(error) => Err(Break::Failure(broker_error(&error))),
    }
}

/// Sends a message that is to be stored right behind the one with the id `before`, if that is given.
pub(super) async fn send(
    context: &Context,
    message: &Message,
    before: Option<&str>,
) -> Result<PublishAckFuture, BrokerError> {
    let outbound =
        PublishMessage::build().payload(message.payload.clone()).headers(headers(message, before)?);
    context.send_publish(message.subject.clone(), outbound).await.map_err(|error| broker_error(&error))
}
